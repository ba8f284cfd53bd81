/* The schema from information_schema: columns, keys, foreign keys.
 *
 * Three queries for all tables at once, each ordered by table, and one pass over each result. information_schema may answer from a
 * cache of statistics, but columns and keys are always current. */
#include "binlog/charset.h"
#include "binlog/client.h"
#include "binlog/default.h"

#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

enum { KEYS_MAX = 128, KEY_COLUMNS_MAX = 64, FOREIGN_KEYS_MAX = 512 };

/* ---- columns */

static const struct {
    const char *data_type;
    enum column_type type;
    uint8_t bytes; /* of integers */
} data_types[] = {
    {"tinyint", COLUMN_INT, 1},
    {"smallint", COLUMN_INT, 2},
    {"mediumint", COLUMN_INT, 3},
    {"int", COLUMN_INT, 4},
    {"bigint", COLUMN_INT, 8},
    {"bit", COLUMN_BIT, 0},
    {"year", COLUMN_YEAR, 0},
    {"decimal", COLUMN_DECIMAL, 0},
    {"float", COLUMN_FLOAT, 0},
    {"double", COLUMN_DOUBLE, 0},
    {"char", COLUMN_TEXT, 0},
    {"varchar", COLUMN_TEXT, 0},
    {"tinytext", COLUMN_TEXT, 0},
    {"text", COLUMN_TEXT, 0},
    {"mediumtext", COLUMN_TEXT, 0},
    {"longtext", COLUMN_TEXT, 0},
    {"binary", COLUMN_BINARY, 0},
    {"varbinary", COLUMN_BINARY, 0},
    {"tinyblob", COLUMN_BINARY, 0},
    {"blob", COLUMN_BINARY, 0},
    {"mediumblob", COLUMN_BINARY, 0},
    {"longblob", COLUMN_BINARY, 0},
    {"enum", COLUMN_ENUM, 0},
    {"set", COLUMN_SET, 0},
    {"date", COLUMN_DATE, 0},
    {"time", COLUMN_TIME, 0},
    {"datetime", COLUMN_DATETIME, 0},
    {"timestamp", COLUMN_TIMESTAMP, 0},
    {"json", COLUMN_JSON, 0},
    {"geometry", COLUMN_GEOMETRY, 0},
    {"point", COLUMN_GEOMETRY, 0},
    {"linestring", COLUMN_GEOMETRY, 0},
    {"polygon", COLUMN_GEOMETRY, 0},
    {"multipoint", COLUMN_GEOMETRY, 0},
    {"multilinestring", COLUMN_GEOMETRY, 0},
    {"multipolygon", COLUMN_GEOMETRY, 0},
    {"geomcollection", COLUMN_GEOMETRY, 0},
    {"geometrycollection", COLUMN_GEOMETRY, 0},
    {"vector", COLUMN_VECTOR, 0},
};

/* The server's append_unescaped(): these, and '' for a quote. */
static char unescape(char c) {
    return c == '0' ? 0 : c == 'n' ? '\n' : c == 'r' ? '\r' : c;
}

/* Character sets that have characters beyond the basic plane. */
static bool may_be_garbled(const struct column *column) {
    static const char *const wide[] = {"utf8mb4_", "utf16_", "utf16le_", "utf32_", "gb18030_"};
    for (size_t i = 0; column->collation_name && i < ARRAY_LEN(wide); i++)
        if (strncmp(column->collation_name, wide[i], strlen(wide[i])) == 0)
            return true;
    return false;
}

/* "enum('a','it''s','back\\slash')". Characters beyond the basic plane are shown as '?': information_schema speaks utf8mb3, and so do SHOW
 * CREATE TABLE and SHOW COLUMNS. */
static void parse_labels(struct slice type, struct arena *arena, struct column *column) {
    struct slice *labels = arena_alloc(arena, (type.len / 3 + 1) * sizeof(*labels));
    char *text = arena_alloc(arena, type.len + 1), *to = text; /* of all labels */
    size_t count = 0;
    for (size_t i = 0; i < type.len; i++) {
        if (type.data[i] != '\'')
            continue;
        char *label = to;
        for (i++; i < type.len; i++) {
            if (type.data[i] == '\'') {
                if (i + 1 >= type.len || type.data[i + 1] != '\'')
                    break;
                i++;
            } else if (type.data[i] == '\\' && i + 1 < type.len) {
                *to++ = unescape(type.data[++i]);
                continue;
            }
            *to++ = type.data[i];
        }
        labels[count++] = (struct slice){label, (size_t)(to - label)};
    }
    column->labels = labels;
    column->label_count = count;
    column->labels_doubtful = may_be_garbled(column) && memchr(text, '?', (size_t)(to - text));
}

/* DEFAULT_GENERATED: a function or an expression. Those, and auto-increment, are in every image. A default that an ALTER changed since
 * the event was written is taken for the event's, and the ALTER that follows stops the decoder (rows.c): only FULL images are free of it. */
static struct value take_default(const struct client_rows *rows, const struct column *c, struct arena *arena) {
    const char *extra = client_string(rows, 5);
    struct slice text = client_text(rows, 13);
    if (c->generated || strcasestr(extra, "DEFAULT_GENERATED") || strcasestr(extra, "auto_increment"))
        return (struct value){.kind = VALUE_UNKNOWN};
    int decimals = client_text(rows, 7).data ? (int)client_number(rows, 7) : -1;
    return text.data ? default_from_text(c, text, decimals, arena) : default_implicit(c, arena);
}

/* Columns of the query: 0 table, 1 name, 2 data type, 3 column type, 4 nullable, 5 extra, 6 numeric precision, 7 numeric scale,
 * 8 datetime precision, 9 character bytes, 10 collation, 11 its number, 12 is generated, 13 default */
static void take_column(const struct client_rows *rows, struct arena *arena, struct column *c) {
    const char *data_type = client_string(rows, 2), *extra = client_string(rows, 5);
    *c = (struct column){.name = arena_strdup(arena, client_string(rows, 1))};
    for (size_t i = 0; i < ARRAY_LEN(data_types); i++)
        if (strcasecmp(data_types[i].data_type, data_type) == 0) {
            c->type = data_types[i].type;
            c->length = data_types[i].bytes;
        }
    c->is_unsigned =
        strcasestr(client_string(rows, 3), "unsigned") != NULL && c->type != COLUMN_ENUM && c->type != COLUMN_SET;
    c->nullable = strcasecmp(client_string(rows, 4), "YES") == 0;
    c->generated = client_number(rows, 12) != 0;
    c->invisible = strcasestr(extra, "INVISIBLE") != NULL;
    c->fixed_length = strcasecmp(data_type, "binary") == 0 || strcasecmp(data_type, "char") == 0;
    if (c->type == COLUMN_BIT || c->type == COLUMN_DECIMAL)
        c->length = (uint32_t)client_number(rows, 6);
    if (c->type == COLUMN_DECIMAL)
        c->digits = (uint8_t)client_number(rows, 7);
    if (c->type == COLUMN_TIME || c->type == COLUMN_DATETIME || c->type == COLUMN_TIMESTAMP)
        c->digits = (uint8_t)client_number(rows, 8);
    if (c->type == COLUMN_TEXT || c->type == COLUMN_BINARY)
        c->length = (uint32_t)MIN(client_number(rows, 9), UINT32_MAX);
    if (client_text(rows, 10).data) {
        c->collation_name = arena_strdup(arena, client_string(rows, 10));
        c->collation = (uint32_t)client_number(rows, 11);
    } else if (c->type == COLUMN_BINARY) {
        c->collation = 63;
        c->collation_name = "binary";
    }
    if (c->type == COLUMN_ENUM || c->type == COLUMN_SET)
        parse_labels(client_text(rows, 3), arena, c);
    c->default_value = take_default(rows, c, arena);
}

struct builder {
    struct connection *c;
    struct arena *arena;
    const char *database;
    struct buf names;     /* 'a','b' */
    struct table *tables; /* in the order of the first query */
    size_t count;
};

static struct table *builder_table(struct builder *b, const char *name) {
    for (size_t i = 0; i < b->count; i++)
        if (strcmp(b->tables[i].name, name) == 0)
            return &b->tables[i];
    return NULL;
}

static int read_columns(struct builder *b, size_t table_max, struct error *error) {
    struct buf database defer(buf_deinit) = BUF_INIT(4096);
    struct client_rows rows defer(client_rows_deinit) = {0};
    client_quote(&database, b->database);
    int r = client_select(
        b->c, &rows, error,
        "SELECT c.TABLE_NAME, c.COLUMN_NAME, c.DATA_TYPE, c.COLUMN_TYPE, c.IS_NULLABLE, c.EXTRA, c.NUMERIC_PRECISION, "
        "c.NUMERIC_SCALE, c.DATETIME_PRECISION, c.CHARACTER_OCTET_LENGTH, c.COLLATION_NAME, l.ID, "
        "c.GENERATION_EXPRESSION <> '', "
        "c.COLUMN_DEFAULT "
        "FROM information_schema.COLUMNS c JOIN information_schema.TABLES t USING (TABLE_SCHEMA, TABLE_NAME) "
        "LEFT JOIN information_schema.COLLATIONS l ON l.COLLATION_NAME = c.COLLATION_NAME "
        "WHERE c.TABLE_SCHEMA = %s AND t.TABLE_TYPE = 'BASE TABLE' AND c.TABLE_NAME IN (%s) "
        "ORDER BY c.TABLE_NAME, c.ORDINAL_POSITION",
        buf_text(&database), buf_text(&b->names));
    if (r)
        return r;
    size_t total = mysql_num_rows(rows.result);
    struct column *columns = arena_zalloc(b->arena, (total + 1) * sizeof(*columns));
    b->tables = arena_zalloc(b->arena, (table_max + 1) * sizeof(*b->tables));
    struct table *t = NULL;
    for (size_t i = 0; client_next(&rows); i++) {
        if (!t || strcmp(t->name, client_string(&rows, 0)) != 0) {
            if (b->count == table_max)
                break;
            t = &b->tables[b->count++];
            *t = (struct table){.database = b->database,
                                .name = arena_strdup(b->arena, client_string(&rows, 0)),
                                .columns = &columns[i]};
        }
        take_column(&rows, b->arena, &columns[i]);
        t->column_count++;
    }
    return 0;
}

/* ---- keys: a row for each column of each key, ordered */

static void add_key(struct builder *b, struct table *t, const struct table_key *key) {
    struct table_key *keys = (struct table_key *)t->keys;
    if (!keys)
        t->keys = keys = arena_zalloc(b->arena, KEYS_MAX * sizeof(*keys));
    if (t->key_count < KEYS_MAX)
        keys[t->key_count++] = *key;
}

static void add_key_column(struct builder *b, struct table *t, const struct client_rows *rows) {
    struct table_key *key = (struct table_key *)&t->keys[t->key_count - 1];
    unsigned *columns = (unsigned *)key->columns;
    int number = client_text(rows, 3).data ? table_column(t, client_string(rows, 3)) : -1;
    if (!columns)
        key->columns = columns = arena_zalloc(b->arena, KEY_COLUMNS_MAX * sizeof(*columns));
    if (number < 0 || client_text(rows, 4).data) { /* an expression; a prefix */
        key->partial = true;
        if (number < 0)
            return;
    }
    if (key->column_count < KEY_COLUMNS_MAX)
        columns[key->column_count++] = (unsigned)number;
    key->nullable |= t->columns[number].nullable;
}

static int read_keys(struct builder *b, struct error *error) {
    struct buf database defer(buf_deinit) = BUF_INIT(4096);
    struct client_rows rows defer(client_rows_deinit) = {0};
    client_quote(&database, b->database);
    int r = client_select(
        b->c, &rows, error,
        "SELECT TABLE_NAME, INDEX_NAME, NON_UNIQUE, COLUMN_NAME, SUB_PART FROM information_schema.STATISTICS "
        "WHERE TABLE_SCHEMA = %s AND TABLE_NAME IN (%s) AND INDEX_TYPE IN ('BTREE', 'HASH') "
        "ORDER BY TABLE_NAME, INDEX_NAME <> 'PRIMARY', INDEX_NAME, SEQ_IN_INDEX",
        buf_text(&database), buf_text(&b->names));
    if (r)
        return r;
    while (client_next(&rows)) {
        struct table *t = builder_table(b, client_string(&rows, 0));
        const char *name = client_string(&rows, 1);
        if (!t)
            continue;
        if (t->key_count == 0 || strcmp(t->keys[t->key_count - 1].name, name) != 0) {
            if (t->key_count == KEYS_MAX)
                continue;
            struct table_key key = {.name = arena_strdup(b->arena, name),
                                    .primary = strcmp(name, "PRIMARY") == 0,
                                    .unique = client_number(&rows, 2) == 0};
            add_key(b, t, &key);
        }
        add_key_column(b, t, &rows);
    }
    return 0;
}

/* ---- foreign keys */

static enum fk_rule rule_of(const char *text) {
    static const struct {
        const char *text;
        enum fk_rule rule;
    } rules[] = {
        {"CASCADE", FK_CASCADE}, {"SET NULL", FK_SET_NULL}, {"RESTRICT", FK_RESTRICT}, {"SET DEFAULT", FK_SET_DEFAULT}};
    for (size_t i = 0; i < ARRAY_LEN(rules); i++)
        if (strcasecmp(rules[i].text, text) == 0)
            return rules[i].rule;
    return FK_NO_ACTION;
}

static void take_foreign_key(struct builder *b, struct table *t, const struct client_rows *rows) {
    struct foreign_key *list = (struct foreign_key *)t->foreign_keys;
    if (!list)
        t->foreign_keys = list = arena_zalloc(b->arena, FOREIGN_KEYS_MAX * sizeof(*list));
    const char *name = client_string(rows, 1);
    struct foreign_key *key = t->foreign_key_count ? &list[t->foreign_key_count - 1] : NULL;
    if (!key || strcmp(key->name, name) != 0) {
        if (t->foreign_key_count == FOREIGN_KEYS_MAX)
            return;
        key = &list[t->foreign_key_count++];
        *key = (struct foreign_key){
            .name = arena_strdup(b->arena, name),
            .columns = arena_zalloc(b->arena, KEY_COLUMNS_MAX * sizeof(char *)),
            .parent_columns = arena_zalloc(b->arena, KEY_COLUMNS_MAX * sizeof(char *)),
            .parent_database = arena_strdup(b->arena, client_string(rows, 3)),
            .parent_table = arena_strdup(b->arena, client_string(rows, 4)),
            .on_delete = rule_of(client_string(rows, 6)),
            .on_update = rule_of(client_string(rows, 7)),
        };
    }
    if (key->column_count == KEY_COLUMNS_MAX)
        return;
    ((const char **)key->columns)[key->column_count] = arena_strdup(b->arena, client_string(rows, 2));
    ((const char **)key->parent_columns)[key->column_count] = arena_strdup(b->arena, client_string(rows, 5));
    key->column_count++;
}

static int read_foreign_keys(struct builder *b, struct error *error) {
    struct buf database defer(buf_deinit) = BUF_INIT(4096);
    struct client_rows rows defer(client_rows_deinit) = {0};
    client_quote(&database, b->database);
    int r = client_select(
        b->c, &rows, error,
        "SELECT k.TABLE_NAME, k.CONSTRAINT_NAME, k.COLUMN_NAME, k.REFERENCED_TABLE_SCHEMA, k.REFERENCED_TABLE_NAME, "
        "k.REFERENCED_COLUMN_NAME, r.DELETE_RULE, r.UPDATE_RULE FROM information_schema.KEY_COLUMN_USAGE k "
        "JOIN information_schema.REFERENTIAL_CONSTRAINTS r ON r.CONSTRAINT_SCHEMA = k.CONSTRAINT_SCHEMA AND "
        "r.CONSTRAINT_NAME = k.CONSTRAINT_NAME AND r.TABLE_NAME = k.TABLE_NAME "
        "WHERE k.TABLE_SCHEMA = %s AND k.TABLE_NAME IN (%s) AND k.REFERENCED_TABLE_NAME IS NOT NULL "
        "ORDER BY k.TABLE_NAME, k.CONSTRAINT_NAME, k.ORDINAL_POSITION",
        buf_text(&database), buf_text(&b->names));
    if (r)
        return r;
    while (client_next(&rows)) {
        struct table *t = builder_table(b, client_string(&rows, 0));
        if (t)
            take_foreign_key(b, t, &rows);
    }
    return 0;
}

int schema_read(struct connection *c, const char *database, const char *const *tables, size_t table_count,
                struct arena *arena, struct schema *ret, struct error *error) {
    struct builder b = {
        .c = c, .arena = arena, .database = arena_strdup(arena, database), .names = BUF_INIT(8 * 1024 * 1024)};
    client_quote_list(&b.names, tables, table_count);
    int r = read_columns(&b, table_count, error);
    if (r == 0)
        r = read_keys(&b, error);
    if (r == 0)
        r = read_foreign_keys(&b, error);
    buf_deinit(&b.names);
    if (r)
        return error_wrap(error, r, "reading the schema of %s", database);
    *ret = (struct schema){.database = b.database, .tables = b.tables, .table_count = b.count};
    return 0;
}

/* ---- what a cascade may run through */

struct name_set {
    const char **names;
    size_t count, cap;
};

static bool name_set_add(struct name_set *s, struct arena *arena, const char *name) {
    for (size_t i = 0; i < s->count; i++)
        if (strcmp(s->names[i], name) == 0)
            return false;
    if (s->count == s->cap) {
        s->cap = s->cap ? s->cap * 2 : 16;
        s->names = xrealloc(s->names, s->cap * sizeof(char *));
    }
    s->names[s->count++] = arena_strdup(arena, name);
    return true;
}

int schema_cascade_tables(struct connection *c, const char *database, const char *const *tables, size_t table_count,
                          struct arena *arena, const char *const **ret, size_t *ret_count, struct error *error) {
    struct buf quoted defer(buf_deinit) = BUF_INIT(4096);
    struct client_rows rows defer(client_rows_deinit) = {0};
    client_quote(&quoted, database);
    int r = client_select(c, &rows, error,
                          "SELECT TABLE_NAME, REFERENCED_TABLE_NAME FROM information_schema.REFERENTIAL_CONSTRAINTS "
                          "WHERE CONSTRAINT_SCHEMA = %s "
                          "AND UNIQUE_CONSTRAINT_SCHEMA = %s AND (DELETE_RULE IN ('CASCADE', 'SET NULL') OR "
                          "UPDATE_RULE IN ('CASCADE', 'SET NULL'))",
                          buf_text(&quoted), buf_text(&quoted));
    if (r)
        return r;
    struct name_set set = {0};
    for (size_t i = 0; i < table_count; i++)
        (void)name_set_add(&set, arena, tables[i]);
    for (size_t before = 0; before != set.count;) { /* until nothing new is met */
        before = set.count;
        mysql_data_seek(rows.result, 0);
        while (client_next(&rows)) {
            const char *child = client_string(&rows, 0), *parent = client_string(&rows, 1);
            for (size_t i = 0; i < before; i++) {
                if (strcmp(set.names[i], child) == 0)
                    (void)name_set_add(&set, arena, parent);
                else if (strcmp(set.names[i], parent) == 0)
                    (void)name_set_add(&set, arena, child);
            }
        }
    }
    *ret = set.count ? arena_copy(arena, set.names, set.count * sizeof(char *)) : NULL;
    *ret_count = set.count;
    free(set.names);
    return 0;
}
