/* The shop's tables by hand, and how their values look. */
#include "tests/sim/bench_shop.h"

enum style { ID, REF, TEXT, MONEY, STAMP, STATUS, FLAG, COUNT };
struct scolumn {
    const char *name;
    enum style style;
    bool nullable;
    char prefix;
};
static const struct {
    const char *name;
    int columns, keys;
    struct scolumn c[COLUMNS_MAX];
} tables[TABLES] = {
    {"users",
     9,
     1,
     {{"id", ID},
      {"username", TEXT, false, 'u'},
      {"email", TEXT, false, 'e'},
      {"password_hash", TEXT, false, 'p'},
      {"first_name", TEXT, true, 'f'},
      {"last_name", TEXT, true, 'l'},
      {"is_seller", FLAG},
      {"created_at", STAMP},
      {"updated_at", STAMP}}},
    {"categories", 4, 1, {{"id", ID}, {"name", TEXT, false, 'c'}, {"parent_id", REF, true}, {"created_at", STAMP}}},
    {"products",
     10,
     1,
     {{"id", ID},
      {"seller_id", REF},
      {"category_id", REF, true},
      {"name", TEXT, false, 'n'},
      {"description", TEXT, true, 'd'},
      {"price", MONEY},
      {"inventory_quantity", COUNT},
      {"image_url", TEXT, true, 'i'},
      {"created_at", STAMP},
      {"updated_at", STAMP}}},
    {"orders",
     6,
     1,
     {{"id", ID},
      {"user_id", REF},
      {"status", STATUS},
      {"total_amount", MONEY},
      {"created_at", STAMP},
      {"updated_at", STAMP}}},
    {"order_items",
     5,
     1,
     {{"id", ID}, {"order_id", REF}, {"product_id", REF, true}, {"quantity", COUNT}, {"price_at_time", MONEY}}},
    {"cart_items",
     5,
     2,
     {{"user_id", REF}, {"product_id", REF}, {"quantity", COUNT}, {"created_at", STAMP}, {"updated_at", STAMP}}},
};
static const struct slice statuses[] = {
    {"pending", 7}, {"paid", 4}, {"shipped", 7}, {"delivered", 9}, {"cancelled", 9}};

/* child, its column, parent, rules */
static const struct sfk {
    int child, column, parent;
    enum fk_rule on_delete, on_update;
} fks[] = {
    {CATEGORIES, 2, CATEGORIES, FK_SET_NULL, FK_RESTRICT}, {PRODUCTS, 1, USERS, FK_CASCADE, FK_CASCADE},
    {PRODUCTS, 2, CATEGORIES, FK_SET_NULL, FK_CASCADE},    {ORDERS, 1, USERS, FK_CASCADE, FK_CASCADE},
    {ORDER_ITEMS, 1, ORDERS, FK_CASCADE, FK_CASCADE},      {ORDER_ITEMS, 2, PRODUCTS, FK_SET_NULL, FK_SET_NULL},
    {CART_ITEMS, 0, USERS, FK_CASCADE, FK_CASCADE},        {CART_ITEMS, 1, PRODUCTS, FK_CASCADE, FK_CASCADE},
};

/* ---- the schema as MySQL would tell it */

static struct column columns[TABLES][COLUMNS_MAX];
static struct table schema_tables[TABLES];
static struct table_key keys[TABLES][3];
static const unsigned numbers[COLUMNS_MAX] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9};
static struct foreign_key schema_fks[TABLES][4];
static const char *id_name[] = {"id"};
static const char *fk_columns[ARRAY_LEN(fks)][1];
const struct schema shop_schema = {"online_shopping_store", schema_tables, TABLES};

static void describe_column(struct column *column, const struct scolumn *c) {
    static const enum column_type types[] = {COLUMN_INT,       COLUMN_INT,  COLUMN_TEXT, COLUMN_DECIMAL,
                                             COLUMN_TIMESTAMP, COLUMN_ENUM, COLUMN_INT,  COLUMN_INT};
    *column = (struct column){.name = c->name,
                              .type = types[c->style],
                              .nullable = c->nullable,
                              .length = c->style == FLAG    ? 1
                                        : c->style == MONEY ? 10
                                                            : 4,
                              .digits = c->style == MONEY ? 2 : 0};
    if (c->style == TEXT) {
        column->collation = 255;
        column->collation_name = "utf8mb4_0900_ai_ci";
        column->length = 800;
    }
    if (c->style == STATUS) {
        column->labels = statuses;
        column->label_count = ARRAY_LEN(statuses);
    }
}

void shop_init(void) {
    for (int t = 0; t < TABLES; t++) {
        for (int c = 0; c < tables[t].columns; c++)
            describe_column(&columns[t][c], &tables[t].c[c]);
        keys[t][0] = (struct table_key){"PRIMARY", true, true, false, false, numbers, (size_t)tables[t].keys};
        if (t == USERS)
            for (int i = 1; i <= 2; i++)
                keys[t][i] =
                    (struct table_key){i == 1 ? "username" : "email", false, true, false, false, &numbers[i], 1};
        schema_tables[t] =
            (struct table){"online_shopping_store", tables[t].name, columns[t], (size_t)tables[t].columns, keys[t],
                           t == USERS ? 3u : 1u,    schema_fks[t],  0};
    }
    for (size_t i = 0; i < ARRAY_LEN(fks); i++) {
        struct table *child = &schema_tables[fks[i].child];
        fk_columns[i][0] = tables[fks[i].child].c[fks[i].column].name;
        schema_fks[fks[i].child][child->foreign_key_count++] =
            (struct foreign_key){"fk", fk_columns[i],    "online_shopping_store", tables[fks[i].parent].name, id_name,
                                 1,    fks[i].on_delete, fks[i].on_update};
    }
}

int key_count(int table) {
    return tables[table].keys;
}
int table_columns(int table) {
    return tables[table].columns;
}

static const char *text(int table, int column, int64_t v, char out[64]) {
    const struct scolumn *c = &tables[table].c[column];
    switch (c->style) {
    case TEXT:
        if (v == 0)
            snprintf(out, 64, "%s", "");
        else if (v == 7 && c->prefix == 'c')
            snprintf(out, 64, "ROOT");
        else
            snprintf(out, 64, "%c%d", c->prefix, (int)v);
        break;
    case MONEY:
        snprintf(out, 64, "%d.50", (int)v);
        break;
    case STAMP:
        snprintf(out, 64, "2026-11-21T10:%02d:00Z", (int)v);
        break;
    case STATUS:
        snprintf(out, 64, "%s", statuses[v - 1].data);
        break;
    default:
        snprintf(out, 64, "%d", (int)v);
    }
    return out;
}

void to_value(int table, int column, int64_t v, struct arena *arena, struct value *ret) {
    const struct scolumn *c = &tables[table].c[column];
    char out[64];
    *ret = (struct value){.kind = VALUE_NULL};
    const char *s = arena_strdup(arena, text(table, column, v, out));
    switch (c->style) {
    case TEXT:
        *ret = (struct value){.kind = VALUE_TEXT, .len = (uint32_t)strlen(s), .data = s};
        break;
    case MONEY:
        *ret = (struct value){.kind = VALUE_DECIMAL, .scale = 2, .len = (uint32_t)strlen(s), .data = s};
        break;
    case STAMP:
        *ret = (struct value){.kind = VALUE_TIMESTAMP,
                              .u = value_pack_datetime(&(struct datetime){2026, 11, 21, 10, (unsigned)v, 0, 0})};
        break;
    case STATUS:
        *ret = (struct value){.kind = VALUE_ENUM, .u = (uint64_t)v, .len = (uint32_t)strlen(s), .data = s};
        break;
    default:
        *ret = (struct value){.kind = VALUE_INT, .i = v};
    }
}
