/* shop_load SOCKET DATABASE ROWS WORKERS SEED: fills a MySQL's binlog with a shop's business, for measurements of reading it.
 *
 * Six tables with text, decimals, dates, ENUM, SET, DOUBLE and JSON. Transactions of one to twenty rows: orders with their items, carts,
 * changes of state and price, purges. Each worker has a connection and the ids that are congruent to its number, so that workers never
 * wait for each other's rows, and the same seed makes the same rows. Many transactions go to the server in one packet.
 *
 * Prints the number of changed rows and of transactions. The tables are made anew; the business begins with a new binlog file. */
#include "src/base/buf.h"

#include <mysql.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

enum { PACKET_SIZE = 64 * 1024, CARTS_MAX = 4096, ORDERS_MAX = 4096 };

static const char *const tables[] = {
    "CREATE TABLE users (id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY, email VARCHAR(190) NOT NULL, "
    "password_hash CHAR(60) NOT NULL, first_name VARCHAR(80) NOT NULL, last_name VARCHAR(80) NOT NULL, phone "
    "VARCHAR(32), "
    "status ENUM('active','blocked','deleted') NOT NULL, is_admin TINYINT(1) NOT NULL, loyalty_points INT NOT NULL, "
    "preferences JSON, created_at DATETIME NOT NULL, updated_at TIMESTAMP(3) NULL, UNIQUE KEY (email))",
    "CREATE TABLE categories (id INT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY, parent_id INT UNSIGNED, "
    "slug VARCHAR(120) NOT NULL, name VARCHAR(120) NOT NULL, description TEXT)",
    "CREATE TABLE products (id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY, category_id INT UNSIGNED NOT NULL, "
    "sku VARCHAR(40) NOT NULL, name VARCHAR(200) NOT NULL, description TEXT, price DECIMAL(10,2) NOT NULL, weight_kg "
    "DOUBLE, "
    "stock INT NOT NULL, tags SET('new','sale','eco','bulk'), attributes JSON, active TINYINT(1) NOT NULL, "
    "created_at DATETIME NOT NULL, updated_at DATETIME(3) NOT NULL)",
    "CREATE TABLE orders (id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY, user_id BIGINT UNSIGNED NOT NULL, "
    "order_no CHAR(16) NOT NULL, status ENUM('new','paid','packed','shipped','delivered','cancelled') NOT NULL, "
    "currency CHAR(3) NOT NULL, subtotal DECIMAL(12,2) NOT NULL, shipping DECIMAL(8,2) NOT NULL, total DECIMAL(12,2) "
    "NOT NULL, "
    "shipping_address JSON, note TEXT, placed_at DATETIME NOT NULL, updated_at DATETIME(3) NOT NULL)",
    "CREATE TABLE order_items (id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY, order_id BIGINT UNSIGNED NOT "
    "NULL, "
    "product_id BIGINT UNSIGNED NOT NULL, product_name VARCHAR(200) NOT NULL, quantity SMALLINT UNSIGNED NOT NULL, "
    "unit_price DECIMAL(10,2) NOT NULL, discount DECIMAL(5,2), options JSON)",
    "CREATE TABLE cart_items (id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY, user_id BIGINT UNSIGNED NOT "
    "NULL, "
    "product_id BIGINT UNSIGNED NOT NULL, quantity SMALLINT UNSIGNED NOT NULL, added_at DATETIME NOT NULL, session_id "
    "CHAR(36))",
};
static const char *const words[] = {
    "fine",    "linen",   "travel", "bag",         "with",   "leather",  "straps", "and",    "brass",
    "buckles", "hand",    "sewn",   "in",          "Köln",   "crème",    "señor",  "東京",   "cotton",
    "organic", "steel",   "oak",    "kettle",      "garden", "wireless", "winter", "jacket", "größe",
    "classic", "outdoor", "set",    "lightweight", "for",    "every",    "day",    "use",    "kitchen",
};
static const char *const states[] = {"paid", "packed", "shipped", "delivered"};
static const char *const tags[] = {"new", "sale", "eco,bulk", ""};
static const char *const colours[] = {"red", "blue", "black"};

struct order {
    uint64_t id, first_item;
    unsigned items;
};

struct worker {
    pthread_t thread;
    MYSQL *mysql;
    unsigned number, of;
    uint64_t share; /* rows to change */
    uint64_t random;
    struct buf sql;
    uint64_t rows, transactions, clock;
    uint64_t users, products, orders, items, carts_made; /* how many were made */
    uint64_t carts[CARTS_MAX];
    size_t cart_count;
    struct order recent[ORDERS_MAX]; /* a ring */
    size_t order_begin, order_count;
    bool failed;
};

static uint64_t below(struct worker *w, uint64_t bound) { /* xorshift64* */
    w->random ^= w->random >> 12;
    w->random ^= w->random << 25;
    w->random ^= w->random >> 27;
    return (w->random * 2685821657736338717ULL >> 32) % bound;
}

#define ONE_OF(w, list) ((list)[below(w, ARRAY_LEN(list))])

static uint64_t id_of(const struct worker *w, uint64_t n) {
    return n * w->of + w->number + 1;
}

/* ---- pieces of statements */

static void put(struct worker *w, const char *text) {
    buf_put_text(&w->sql, text);
}

static void put_words(struct worker *w, size_t min, size_t max) {
    size_t end = w->sql.len + min + below(w, max - min + 1);
    put(w, ONE_OF(w, words));
    while (w->sql.len < end) {
        put(w, " ");
        put(w, ONE_OF(w, words));
    }
}

static void put_time(struct worker *w, bool milliseconds) {
    uint64_t s = w->clock++;
    buf_printf(&w->sql, "'2026-%02u-%02u %02u:%02u:%02u", (unsigned)(s / 2419200 % 12 + 1),
               (unsigned)(s / 86400 % 28 + 1), (unsigned)(s / 3600 % 24), (unsigned)(s / 60 % 60), (unsigned)(s % 60));
    if (milliseconds)
        buf_printf(&w->sql, ".%03u", (unsigned)below(w, 1000));
    put(w, "'");
}

static void put_money(struct worker *w, unsigned max) {
    buf_printf(&w->sql, "%u.%02u", (unsigned)below(w, max), (unsigned)below(w, 100));
}

static void put_user(struct worker *w) {
    uint64_t id = id_of(w, w->users++);
    buf_printf(&w->sql, "(%llu,'user%llu@example.com','$2b$12$%026llx%027llx','", (unsigned long long)id,
               (unsigned long long)id, (unsigned long long)below(w, UINT32_MAX),
               (unsigned long long)below(w, UINT32_MAX));
    put(w, ONE_OF(w, words));
    put(w, "','");
    put(w, ONE_OF(w, words));
    buf_printf(&w->sql,
               "','+1555%07u','active',0,0,'{\"lang\":\"de\",\"news\":%s,\"theme\":{\"dark\":true,\"size\":%u}}',",
               (unsigned)below(w, 10000000), below(w, 2) ? "true" : "false", (unsigned)below(w, 20));
    put_time(w, false);
    put(w, ",NULL)");
}

static void put_product(struct worker *w) {
    uint64_t id = id_of(w, w->products++);
    buf_printf(&w->sql, "(%llu,%u,'SKU-%010llu','", (unsigned long long)id, (unsigned)below(w, 200) + 1,
               (unsigned long long)id);
    put_words(w, 20, 60);
    put(w, "','");
    put_words(w, 180, 860);
    put(w, "',");
    put_money(w, 1000);
    buf_printf(&w->sql,
               ",%u.%03u,%u,'%s','{\"size\":\"%c\",\"color\":\"%s\",\"dims\":[%u,%u,%u],\"material\":{\"name\":\"%s\","
               "\"pct\":%u}}',1,",
               (unsigned)below(w, 20), (unsigned)below(w, 1000), (unsigned)below(w, 1000), ONE_OF(w, tags),
               "SMLX"[below(w, 4)], ONE_OF(w, colours), (unsigned)below(w, 99), (unsigned)below(w, 99),
               (unsigned)below(w, 99), ONE_OF(w, words), (unsigned)below(w, 100));
    put_time(w, false);
    put(w, ",");
    put_time(w, true);
    put(w, ")");
}

static void put_order(struct worker *w, uint64_t id) {
    buf_printf(&w->sql, "INSERT INTO orders VALUES (%llu,%llu,'O%015llu','new','EUR',", (unsigned long long)id,
               (unsigned long long)id_of(w, below(w, w->users)), (unsigned long long)id);
    put_money(w, 2000);
    put(w, ",4.90,");
    put_money(w, 2000);
    put(w, ",'{\"name\":\"");
    put_words(w, 8, 20);
    put(w, "\",\"street\":\"");
    put_words(w, 12, 30);
    buf_printf(&w->sql,
               "\",\"no\":%u,\"zip\":\"%05u\",\"city\":\"%s\",\"country\":\"DE\",\"geo\":[%u.%06u,-%u.%06u]}',",
               (unsigned)below(w, 300), (unsigned)below(w, 100000), ONE_OF(w, words), (unsigned)below(w, 90),
               (unsigned)below(w, 1000000), (unsigned)below(w, 180), (unsigned)below(w, 1000000));
    if (below(w, 3) == 0) {
        put(w, "'");
        put_words(w, 10, 80);
        put(w, "',");
    } else {
        put(w, "NULL,");
    }
    put_time(w, false);
    put(w, ",");
    put_time(w, true);
    put(w, ")");
}

static void put_item(struct worker *w, uint64_t order) {
    buf_printf(&w->sql, "(%llu,%llu,%llu,'", (unsigned long long)id_of(w, w->items++), (unsigned long long)order,
               (unsigned long long)id_of(w, below(w, w->products)));
    put_words(w, 20, 60);
    buf_printf(&w->sql, "',%u,", (unsigned)below(w, 5) + 1);
    put_money(w, 1000);
    buf_printf(&w->sql, ",%s,'{\"gift\":%s,\"engrave\":\"%s\"}')", below(w, 10) < 7 ? "NULL" : "5.00",
               below(w, 10) ? "false" : "true", ONE_OF(w, words));
}

/* ---- transactions: each returns how many rows it changes */

static unsigned new_user(struct worker *w) {
    put(w, "INSERT INTO users VALUES ");
    put_user(w);
    return 1;
}

static unsigned new_products(struct worker *w) {
    unsigned count = (unsigned)below(w, 10) + 1;
    put(w, "INSERT INTO products VALUES ");
    for (unsigned i = 0; i < count; i++) {
        put(w, i ? "," : "");
        put_product(w);
    }
    return count;
}

static unsigned cart_add(struct worker *w) {
    unsigned count = (unsigned)below(w, 3) + 1;
    put(w, "INSERT INTO cart_items VALUES ");
    for (unsigned i = 0; i < count; i++) {
        uint64_t id = id_of(w, w->carts_made++);
        if (w->cart_count < CARTS_MAX)
            w->carts[w->cart_count++] = id;
        buf_printf(&w->sql, "%s(%llu,%llu,%llu,%u,", i ? "," : "", (unsigned long long)id,
                   (unsigned long long)id_of(w, below(w, w->users)),
                   (unsigned long long)id_of(w, below(w, w->products)), (unsigned)below(w, 4) + 1);
        put_time(w, false);
        buf_printf(&w->sql, ",'%08x-%04x-4%03x-a%03x-%012x')", (unsigned)below(w, UINT32_MAX),
                   (unsigned)below(w, 65536), (unsigned)below(w, 4096), (unsigned)below(w, 4096),
                   (unsigned)below(w, UINT32_MAX));
    }
    return count;
}

static unsigned cart_change(struct worker *w) {
    if (w->cart_count == 0)
        return cart_add(w);
    put(w, "UPDATE cart_items SET quantity=quantity+1,added_at=");
    put_time(w, false);
    buf_printf(&w->sql, " WHERE id=%llu", (unsigned long long)w->carts[below(w, w->cart_count)]);
    return 1;
}

/* Up to four of the cart's rows go, three products lose stock, the user gains points. */
static unsigned after_order(struct worker *w) {
    unsigned rows = 0;
    for (unsigned i = 0; i < 3; i++, rows++) {
        put(w, ";UPDATE products SET stock=stock-1,updated_at=");
        put_time(w, true);
        buf_printf(&w->sql, " WHERE id=%llu", (unsigned long long)id_of(w, below(w, w->products)));
    }
    size_t gone = below(w, 5);
    gone = MIN(gone, w->cart_count);
    for (size_t i = 0; i < gone; i++, rows++)
        buf_printf(&w->sql, "%s%llu", i ? "," : ";DELETE FROM cart_items WHERE id IN (",
                   (unsigned long long)w->carts[--w->cart_count]);
    put(w, gone ? ")" : "");
    buf_printf(&w->sql, ";UPDATE users SET loyalty_points=loyalty_points+%u,updated_at=", (unsigned)below(w, 50) + 1);
    put_time(w, true);
    buf_printf(&w->sql, " WHERE id=%llu", (unsigned long long)id_of(w, below(w, w->users)));
    return rows + 1;
}

static unsigned place_order(struct worker *w) {
    struct order o = {.id = id_of(w, w->orders++), .first_item = w->items, .items = (unsigned)below(w, 8) + 1};
    put(w, "BEGIN;");
    put_order(w, o.id);
    put(w, ";INSERT INTO order_items VALUES ");
    for (unsigned i = 0; i < o.items; i++) {
        put(w, i ? "," : "");
        put_item(w, o.id);
    }
    unsigned rows = 1 + o.items + after_order(w);
    put(w, ";COMMIT");
    if (w->order_count == ORDERS_MAX) {
        w->order_begin = (w->order_begin + 1) % ORDERS_MAX;
        w->order_count--;
    }
    w->recent[(w->order_begin + w->order_count++) % ORDERS_MAX] = o;
    return rows;
}

static unsigned order_step(struct worker *w) {
    if (w->order_count < 10)
        return place_order(w);
    unsigned count = (unsigned)below(w, 6) + 1;
    put(w, "BEGIN");
    for (unsigned i = 0; i < count; i++) {
        const struct order *o =
            &w->recent[(w->order_begin + w->order_count - 1 - (below(w, 10) + 10 * i) % w->order_count) % ORDERS_MAX];
        buf_printf(&w->sql, ";UPDATE orders SET status='%s',updated_at=", ONE_OF(w, states));
        put_time(w, true);
        buf_printf(&w->sql, " WHERE id=%llu", (unsigned long long)o->id);
    }
    put(w, ";COMMIT");
    return count;
}

static unsigned order_purge(struct worker *w) {
    if (w->order_count < 1000)
        return place_order(w);
    struct order o = w->recent[w->order_begin];
    w->order_begin = (w->order_begin + 1) % ORDERS_MAX;
    w->order_count--;
    put(w, "BEGIN;DELETE FROM order_items WHERE id IN (");
    for (unsigned i = 0; i < o.items; i++)
        buf_printf(&w->sql, "%s%llu", i ? "," : "", (unsigned long long)id_of(w, o.first_item + i));
    buf_printf(&w->sql, ");DELETE FROM orders WHERE id=%llu;COMMIT", (unsigned long long)o.id);
    return o.items + 1;
}

static unsigned price_change(struct worker *w) {
    unsigned count = (unsigned)below(w, 20) + 1;
    uint64_t first = below(w, w->products - 20);
    buf_printf(&w->sql, "UPDATE products SET price=price*%s,updated_at=", below(w, 2) ? "0.98" : "1.02");
    put_time(w, true);
    put(w, " WHERE id IN (");
    for (unsigned i = 0; i < count; i++)
        buf_printf(&w->sql, "%s%llu", i ? "," : "", (unsigned long long)id_of(w, first + i));
    put(w, ")");
    return count;
}

static const struct {
    unsigned of_100; /* how many of a hundred transactions */
    unsigned (*write)(struct worker *w);
} mix[] = {{33, place_order}, {18, cart_add},    {10, cart_change}, {15, order_step},
           {12, order_purge}, {3, price_change}, {6, new_user},     {3, new_products}};

static void write_transaction(struct worker *w) {
    unsigned dice = (unsigned)below(w, 100), kind = 0;
    while (dice >= mix[kind].of_100)
        dice -= mix[kind++].of_100;
    w->rows += mix[kind].write(w);
    w->transactions++;
    put(w, ";");
}

/* ---- sending */

static bool complain(MYSQL *mysql) {
    fprintf(stderr, "shop_load: %s\n", mysql_error(mysql));
    return false;
}

static bool send(struct worker *w) {
    if (mysql_real_query(w->mysql, w->sql.data, w->sql.len) != 0)
        return complain(w->mysql);
    int more;
    while ((more = mysql_next_result(w->mysql)) == 0)
        ;
    buf_clear(&w->sql);
    return more < 0 || complain(w->mysql);
}

static bool begin(struct worker *w) {
    for (unsigned i = 0; i < 1000; i++) {
        put(w, i % 50 ? "," : "INSERT INTO users VALUES ");
        put_user(w);
        put(w, i % 50 == 49 ? ";" : "");
    }
    for (unsigned i = 0; i < 1000; i++) {
        put(w, i % 50 ? "," : "INSERT INTO products VALUES ");
        put_product(w);
        put(w, i % 50 == 49 ? ";" : "");
    }
    w->rows = 2000;
    w->transactions = 40;
    return send(w);
}

static void *work(void *context) {
    struct worker *w = context;
    w->failed = !begin(w);
    while (!w->failed && w->rows < w->share) {
        while (w->sql.len < PACKET_SIZE && w->rows < w->share)
            write_transaction(w);
        w->failed = !send(w);
    }
    mysql_thread_end();
    return NULL;
}

static MYSQL *connect_to(const char *socket, const char *database) {
    MYSQL *mysql = mysql_init(NULL);
    mysql_options(mysql, MYSQL_SET_CHARSET_NAME, "utf8mb4");
    if (!mysql_real_connect(mysql, NULL, "root", "", database, 0, socket, CLIENT_MULTI_STATEMENTS)) {
        complain(mysql);
        exit(1);
    }
    return mysql;
}

static void make_tables(MYSQL *mysql, const char *database) {
    char sql[200];
    snprintf(sql, sizeof(sql), "DROP DATABASE IF EXISTS %s", database);
    bool good = mysql_query(mysql, sql) == 0;
    snprintf(sql, sizeof(sql), "CREATE DATABASE %s CHARACTER SET utf8mb4", database);
    good = good && mysql_query(mysql, sql) == 0 && mysql_select_db(mysql, database) == 0;
    for (size_t i = 0; good && i < ARRAY_LEN(tables); i++)
        good = mysql_query(mysql, tables[i]) == 0;
    for (unsigned i = 1; good && i <= 200; i++) {
        snprintf(sql, sizeof(sql), "INSERT INTO categories VALUES (%u,%u,'category-%u','Category %u','%s %s')", i,
                 i % 9 + 1, i, i, words[i % ARRAY_LEN(words)], words[i * 7 % ARRAY_LEN(words)]);
        good = mysql_query(mysql, sql) == 0;
    }
    good = good && mysql_query(mysql, "FLUSH BINARY LOGS") == 0;
    if (!good) {
        complain(mysql);
        exit(1);
    }
}

int main(int argc, char **argv) {
    if (argc != 6) {
        fprintf(stderr, "usage: shop_load SOCKET DATABASE ROWS WORKERS SEED\n");
        return 2;
    }
    uint64_t rows = strtoull(argv[3], NULL, 10), seed = strtoull(argv[5], NULL, 10), changed = 0, transactions = 0;
    unsigned count = (unsigned)strtoul(argv[4], NULL, 10);
    bool failed = false;
    mysql_library_init(0, NULL, NULL);
    MYSQL *mysql = connect_to(argv[1], NULL);
    make_tables(mysql, argv[2]);
    struct worker *workers = xcalloc(count, sizeof(*workers));
    for (unsigned i = 0; i < count; i++) {
        workers[i] = (struct worker){.mysql = connect_to(argv[1], argv[2]),
                                     .number = i,
                                     .of = count,
                                     .share = rows / count,
                                     .random = seed * 1000003 + i + 1,
                                     .sql = BUF_INIT(8 * 1024 * 1024)};
        failed = failed || pthread_create(&workers[i].thread, NULL, work, &workers[i]) != 0;
    }
    for (unsigned i = 0; i < count; i++) {
        pthread_join(workers[i].thread, NULL);
        failed = failed || workers[i].failed;
        changed += workers[i].rows;
        transactions += workers[i].transactions;
        mysql_close(workers[i].mysql);
        buf_deinit(&workers[i].sql);
    }
    free(workers);
    mysql_close(mysql);
    printf("{\"rows\": %llu, \"transactions\": %llu}\n", (unsigned long long)changed, (unsigned long long)transactions);
    return failed;
}
