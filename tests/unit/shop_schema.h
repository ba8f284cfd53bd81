/* The shop's tables (examples/shop/schema.sql) as the live schema would give them, made by hand. */
#pragma once

#include "contract/schema.h"

/* utf8mb4_0900_ai_ci */
#define TEXT_COLUMN(n, null)                                                                                           \
    {.name = n, .type = COLUMN_TEXT, .nullable = null, .collation = 255, .collation_name = "utf8mb4_0900_ai_ci"}
#define INT_COLUMN(n, null) {.name = n, .type = COLUMN_INT, .nullable = null, .length = 4}
#define STAMP_COLUMN(n) {.name = n, .type = COLUMN_TIMESTAMP}
#define PRICE_COLUMN(n) {.name = n, .type = COLUMN_DECIMAL, .length = 10, .digits = 2}
#define COLUMNS(...)                                                                                                   \
    (const unsigned[]) {                                                                                               \
        __VA_ARGS__                                                                                                    \
    }
#define NAMES(...)                                                                                                     \
    (const char *const[]) {                                                                                            \
        __VA_ARGS__                                                                                                    \
    }
#define PRIMARY(n, ...)                                                                                                \
    {.name = "PRIMARY", .primary = true, .unique = true, .columns = COLUMNS(__VA_ARGS__), .column_count = n}
#define PLAIN_KEY(n, ...) {.name = "plain", .columns = COLUMNS(__VA_ARGS__), .column_count = n}
#define UNIQUE(key, null, ...)                                                                                         \
    {.name = key, .unique = true, .nullable = null, .columns = COLUMNS(__VA_ARGS__), .column_count = 1}
#define FOREIGN(col, table_, rule)                                                                                     \
    {.name = "fk_" col,                                                                                                \
     .columns = NAMES(col),                                                                                            \
     .parent_database = "online_shopping_store",                                                                       \
     .parent_table = table_,                                                                                           \
     .parent_columns = NAMES("id"),                                                                                    \
     .column_count = 1,                                                                                                \
     .on_delete = rule}
#define TABLE(n, c, k, f)                                                                                              \
    {.database = "online_shopping_store",                                                                              \
     .name = n,                                                                                                        \
     .columns = c,                                                                                                     \
     .column_count = ARRAY_LEN(c),                                                                                     \
     .keys = k,                                                                                                        \
     .key_count = ARRAY_LEN(k),                                                                                        \
     .foreign_keys = f,                                                                                                \
     .foreign_key_count = ARRAY_LEN(f)}

static const struct column users_columns[] = {INT_COLUMN("id", false),
                                              TEXT_COLUMN("username", false),
                                              TEXT_COLUMN("email", false),
                                              TEXT_COLUMN("password_hash", false),
                                              TEXT_COLUMN("first_name", true),
                                              TEXT_COLUMN("last_name", true),
                                              {.name = "is_seller", .type = COLUMN_INT, .length = 1},
                                              STAMP_COLUMN("created_at"),
                                              STAMP_COLUMN("updated_at")};
static const struct table_key users_keys[] = {PRIMARY(1, 0), UNIQUE("username", false, 1), UNIQUE("email", false, 2)};

static const struct column categories_columns[] = {INT_COLUMN("id", false), TEXT_COLUMN("name", false),
                                                   INT_COLUMN("parent_id", true), STAMP_COLUMN("created_at")};
static const struct table_key categories_keys[] = {PRIMARY(1, 0), PLAIN_KEY(1, 2)};
static const struct foreign_key categories_fks[] = {FOREIGN("parent_id", "categories", FK_SET_NULL)};

static const struct column products_columns[] = {INT_COLUMN("id", false),
                                                 INT_COLUMN("seller_id", false),
                                                 INT_COLUMN("category_id", true),
                                                 TEXT_COLUMN("name", false),
                                                 TEXT_COLUMN("description", true),
                                                 PRICE_COLUMN("price"),
                                                 INT_COLUMN("inventory_quantity", false),
                                                 TEXT_COLUMN("image_url", true),
                                                 STAMP_COLUMN("created_at"),
                                                 STAMP_COLUMN("updated_at")};
static const struct table_key products_keys[] = {PRIMARY(1, 0)};
static const struct foreign_key products_fks[] = {FOREIGN("seller_id", "users", FK_CASCADE),
                                                  FOREIGN("category_id", "categories", FK_SET_NULL)};

static const struct column orders_columns[] = {
    INT_COLUMN("id", false),
    INT_COLUMN("user_id", false),
    {.name = "status",
     .type = COLUMN_ENUM,
     .labels = (const struct slice[]){SLICE("pending"), SLICE("paid"), SLICE("shipped"), SLICE("delivered"),
                                      SLICE("cancelled")},
     .label_count = 5},
    PRICE_COLUMN("total_amount"),
    STAMP_COLUMN("created_at"),
    STAMP_COLUMN("updated_at")};
static const struct table_key orders_keys[] = {PRIMARY(1, 0)};
static const struct foreign_key orders_fks[] = {FOREIGN("user_id", "users", FK_CASCADE)};

static const struct column order_items_columns[] = {INT_COLUMN("id", false), INT_COLUMN("order_id", false),
                                                    INT_COLUMN("product_id", true), INT_COLUMN("quantity", false),
                                                    PRICE_COLUMN("price_at_time")};
static const struct table_key order_items_keys[] = {PRIMARY(1, 0)};
static const struct foreign_key order_items_fks[] = {FOREIGN("order_id", "orders", FK_CASCADE),
                                                     FOREIGN("product_id", "products", FK_SET_NULL)};

static const struct column cart_items_columns[] = {INT_COLUMN("user_id", false), INT_COLUMN("product_id", false),
                                                   INT_COLUMN("quantity", false), STAMP_COLUMN("created_at"),
                                                   STAMP_COLUMN("updated_at")};
static const struct table_key cart_items_keys[] = {PRIMARY(2, 0, 1)};
static const struct foreign_key cart_items_fks[] = {FOREIGN("user_id", "users", FK_CASCADE),
                                                    FOREIGN("product_id", "products", FK_CASCADE)};

/* Not in the shop's contract: its deletes cascade to nothing that is kept, unless a contract maps it. */
static const struct column keyless_columns[] = {INT_COLUMN("a", true), {.name = "doc", .type = COLUMN_JSON}};

static const struct table shop_tables[] = {
    {.database = "online_shopping_store",
     .name = "users",
     .columns = users_columns,
     .column_count = ARRAY_LEN(users_columns),
     .keys = users_keys,
     .key_count = ARRAY_LEN(users_keys)},
    TABLE("categories", categories_columns, categories_keys, categories_fks),
    TABLE("products", products_columns, products_keys, products_fks),
    TABLE("orders", orders_columns, orders_keys, orders_fks),
    TABLE("order_items", order_items_columns, order_items_keys, order_items_fks),
    TABLE("cart_items", cart_items_columns, cart_items_keys, cart_items_fks),
    {.database = "online_shopping_store",
     .name = "keyless",
     .columns = keyless_columns,
     .column_count = ARRAY_LEN(keyless_columns)},
};
static const struct schema shop_schema = {"online_shopping_store", shop_tables, ARRAY_LEN(shop_tables)};
