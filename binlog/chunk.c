/* The snapshot's reading: prepared statements with binary results, into the same values as the row images give (coltype.h).
 *
 * Two statements: the first chunk, and the chunks behind a key. A row's columns are fetched twice at most: into a buffer that holds
 * what is usual, and again where a value was longer. */
#include "binlog/chunk.h"

#include "binlog/client.h"
#include "binlog/coltype.h"

#include <errmsg.h>
#include <mysqld_error.h>
#include <stdlib.h>
#include <strings.h>

enum { CELL_SIZE = 256 };

struct cell {
    unsigned long length;
    bool null;
    bool truncated;
    unsigned long size;
    union {
        char *bytes; /* `size` of them */
        int64_t i;
        double d;
        float f;
        MYSQL_TIME time;
    };
};

struct chunk_reader {
    struct connection *connection;
    struct chunk_query query;
    unsigned *columns;
    char *sql[2]; /* from the start, behind a key */
    MYSQL_STMT *statement[2];
    MYSQL_BIND *results;
    struct cell *cells;
    enum charset *charsets;
    struct value *values;
    struct value *last; /* the key of the row that was read last */
    struct arena row, parameters, last_arena;
};

static const struct column *column_of(const struct chunk_reader *r, size_t i) {
    return &r->query.table->columns[r->columns[i]];
}

/* ---- statements */

static void put_key(struct buf *sql, const struct chunk_reader *r, const char *separator) {
    for (size_t i = 0; i < r->query.key_count; i++) {
        if (i)
            buf_put_text(sql, separator);
        client_identifier(sql, column_of(r, i)->name);
    }
}

/* ENUM and SET as their numbers: ORDER BY sorts them so, a parameter would be compared as text, and a label cannot tell of index 0. */
static void put_comparable(struct buf *sql, const struct column *column) {
    bool labelled = column->type == COLUMN_ENUM || column->type == COLUMN_SET;
    buf_put_text(sql, labelled ? "CAST(" : "");
    client_identifier(sql, column->name);
    buf_put_text(sql, labelled ? " AS UNSIGNED)" : "");
}

/* As it is; an ENUM or SET whose labels are not known for sure as its number, a space and its label. */
static void put_selected(struct buf *sql, const struct column *column) {
    if (!column->labels_doubtful) {
        put_comparable(sql, column);
        return;
    }
    buf_put_text(sql, "CONCAT(");
    put_comparable(sql, column);
    buf_put_text(sql, ",' ',CONVERT(");
    client_identifier(sql, column->name);
    buf_put_text(sql, " USING utf8mb4))");
}

/* A text's bound is its own bytes (BYTES are taken for the set's as they are): several codes of cp932, big5 and others have one
 * Unicode character, so that text by way of UTF-8 could come back as another key. The column's collation, for the index. */
static void put_bound(struct buf *sql, const struct column *column) {
    if (column->type != COLUMN_TEXT) {
        buf_put_char(sql, '?');
        return;
    }
    buf_printf(sql, "CONVERT(? USING %.*s) COLLATE %s", (int)strcspn(column->collation_name, "_"),
               column->collation_name, column->collation_name);
}

static void put_compared(struct buf *sql, const struct column *column, const char *operator) {
    put_comparable(sql, column);
    buf_put_text(sql, operator);
    put_bound(sql, column);
}

/* (a, b) > (?, ?) as MySQL can use a key for: a > ? OR (a = ? AND b > ?), with a >= ? before it. */
static void put_behind(struct buf *sql, const struct chunk_reader *r) {
    buf_put_text(sql, " WHERE ");
    if (r->query.key_count > 1) {
        put_compared(sql, column_of(r, 0), ">=");
        buf_put_text(sql, " AND (");
    }
    for (size_t i = 0; i < r->query.key_count; i++) {
        buf_put_text(sql, i ? " OR (" : "(");
        for (size_t j = 0; j <= i; j++) {
            if (j)
                buf_put_text(sql, " AND ");
            put_compared(sql, column_of(r, j), j < i ? "=" : ">");
        }
        buf_put_char(sql, ')');
    }
    if (r->query.key_count > 1)
        buf_put_char(sql, ')');
}

/* a = ? AND b = ? */
static void put_equal(struct buf *sql, const struct chunk_reader *r) {
    for (size_t i = 0; i < r->query.key_count; i++) {
        buf_put_text(sql, i ? " AND " : " WHERE ");
        put_compared(sql, column_of(r, i), "=");
    }
}

static char *make_sql(const struct chunk_reader *r, bool behind) {
    struct buf sql = BUF_INIT(1024 * 1024);
    buf_put_text(&sql, "SELECT ");
    for (size_t i = 0; i < r->query.column_count; i++) {
        if (i)
            buf_put_char(&sql, ',');
        put_selected(&sql, column_of(r, i));
    }
    buf_put_text(&sql, " FROM ");
    client_identifier(&sql, r->query.table->database);
    buf_put_char(&sql, '.');
    client_identifier(&sql, r->query.table->name);
    if (behind && r->query.one_row)
        put_equal(&sql, r);
    else if (behind)
        put_behind(&sql, r);
    if (r->query.key_count) {
        buf_put_text(&sql, " ORDER BY ");
        put_key(&sql, r, ",");
    }
    buf_printf(&sql, " LIMIT %zu", r->query.limit);
    char *text = xstrdup(buf_text(&sql));
    buf_deinit(&sql);
    return text;
}

/* ---- results */

static bool is_bytes(const struct column *column) {
    return column->type == COLUMN_DECIMAL || column->type == COLUMN_BIT || column->type == COLUMN_TEXT ||
           column->type == COLUMN_BINARY || column->type == COLUMN_JSON || column->type == COLUMN_GEOMETRY ||
           column->type == COLUMN_VECTOR || column->labels_doubtful;
}

static void bind_bytes(MYSQL_BIND *b, struct cell *cell) {
    cell->size = CELL_SIZE;
    cell->bytes = xmalloc(CELL_SIZE);
    b->buffer_type = MYSQL_TYPE_BLOB; /* as they are, without conversion */
    b->buffer = cell->bytes;
    b->buffer_length = cell->size;
}

static void bind_result(MYSQL_BIND *b, struct cell *cell, const struct column *column) {
    *b = (MYSQL_BIND){.length = &cell->length, .is_null = &cell->null, .error = &cell->truncated};
    if (is_bytes(column)) {
        bind_bytes(b, cell);
        return;
    }
    switch (column->type) {
    case COLUMN_INT:
    case COLUMN_YEAR:
    case COLUMN_ENUM:
    case COLUMN_SET:
        b->buffer_type = MYSQL_TYPE_LONGLONG;
        b->is_unsigned = column->is_unsigned || column->type != COLUMN_INT;
        b->buffer = &cell->i;
        break;
    case COLUMN_FLOAT:
        b->buffer_type = MYSQL_TYPE_FLOAT;
        b->buffer = &cell->f;
        break;
    case COLUMN_DOUBLE:
        b->buffer_type = MYSQL_TYPE_DOUBLE;
        b->buffer = &cell->d;
        break;
    case COLUMN_DATE:
        b->buffer_type = MYSQL_TYPE_DATE;
        b->buffer = &cell->time;
        break;
    case COLUMN_TIME:
        b->buffer_type = MYSQL_TYPE_TIME;
        b->buffer = &cell->time;
        break;
    case COLUMN_DATETIME:
    case COLUMN_TIMESTAMP:
        b->buffer_type = MYSQL_TYPE_DATETIME;
        b->buffer = &cell->time;
        break;
    default:
        break;
    }
}

static int check_column(const struct chunk_reader *r, size_t i, struct error *error) {
    const struct column *column = column_of(r, i);
    const char *refusal = column->type == COLUMN_TEXT ? charset_refusal(r->charsets[i]) : NULL;
    if (column->type == COLUMN_UNSUPPORTED)
        refusal = column_type_name(column->type);
    if (!refusal)
        return 0;
    return error_set(error, ERR_SOURCE,
                     "table %s.%s, column %s: %s is not supported: leave the column out of the contract",
                     r->query.table->database, r->query.table->name, column->name, refusal);
}

static int prepare(struct chunk_reader *r, size_t which, struct error *error) {
    if (r->statement[which])
        return 0;
    MYSQL_STMT *s = mysql_stmt_init(&r->connection->mysql);
    if (!s)
        abort();
    r->statement[which] = s;
    if (mysql_stmt_prepare(s, r->sql[which], strlen(r->sql[which])) != 0)
        return client_statement_fail(r->connection, s, "preparing the reading of a table", error);
    return 0;
}

int chunk_reader_open(struct chunk_reader **ret, struct connection *c, const struct chunk_query *query,
                      struct error *error) {
    struct chunk_reader *r = xcalloc(1, sizeof(*r));
    size_t n = query->column_count;
    r->connection = c;
    r->query = *query;
    r->columns = xcalloc(n + 1, sizeof(*r->columns));
    memcpy(r->columns, query->columns, n * sizeof(*r->columns));
    r->query.columns = r->columns;
    r->results = xcalloc(n + 1, sizeof(*r->results));
    r->cells = xcalloc(n + 1, sizeof(*r->cells));
    r->charsets = xcalloc(n + 1, sizeof(*r->charsets));
    r->values = xcalloc(n + 1, sizeof(*r->values));
    r->last = xcalloc(n + 1, sizeof(*r->last));
    int result = 0;
    for (size_t i = 0; i < n && result == 0; i++) {
        const struct column *column = column_of(r, i);
        r->charsets[i] = column->type == COLUMN_BINARY ? CHARSET_BINARY : charset_of_collation(column->collation);
        result = check_column(r, i, error);
        if (result == 0)
            bind_result(&r->results[i], &r->cells[i], column);
    }
    if (result) {
        chunk_reader_close(r);
        return result;
    }
    r->sql[0] = make_sql(r, false);
    r->sql[1] = make_sql(r, true);
    *ret = r;
    return 0;
}

void chunk_reader_close(struct chunk_reader *r) {
    if (!r)
        return;
    for (size_t i = 0; i < ARRAY_LEN(r->statement); i++) {
        if (r->statement[i])
            mysql_stmt_close(r->statement[i]);
        free(r->sql[i]);
    }
    for (size_t i = 0; i < r->query.column_count; i++)
        if (r->cells[i].size)
            free(r->cells[i].bytes);
    arena_deinit(&r->row);
    arena_deinit(&r->parameters);
    arena_deinit(&r->last_arena);
    free(r->last);
    free(r->columns);
    free(r->results);
    free(r->cells);
    free(r->charsets);
    free(r->values);
    free(r);
}

/* ---- values */

static uint64_t pack_time(const MYSQL_TIME *t) {
    struct datetime d = {t->year, t->month, t->day, t->hour, t->minute, t->second, (unsigned)t->second_part};
    return value_pack_datetime(&d);
}

static int64_t time_us(const MYSQL_TIME *t) {
    int64_t s = ((int64_t)t->day * 24 + t->hour) * 3600 + t->minute * 60 + t->second;
    int64_t us = s * 1000000 + (int64_t)t->second_part;
    return t->neg ? -us : us;
}

/* "3 label", as put_selected() asks for it. */
static void take_labelled(const struct column *column, struct slice text, struct value *v) {
    struct cursor c = cursor_of(text.data, text.len);
    uint64_t number = 0;
    for (uint8_t digit = cursor_u8(&c); digit >= '0' && digit <= '9'; digit = cursor_u8(&c))
        number = number * 10 + (digit - '0');
    *v = (struct value){.kind = column->type == COLUMN_ENUM ? VALUE_ENUM : VALUE_SET,
                        .u = number,
                        .data = (const char *)c.at,
                        .len = (uint32_t)cursor_left(&c)};
}

/* MySQL 5.7 and 8.0.12 break the lines of base64 within a string by bare newlines, which makes the text no JSON; elsewhere no newline stands
 * in what they print. Escaped it is as later servers print it, and as the stream does (json_binary.c). */
static struct slice document_text(struct slice text, struct arena *arena) {
    size_t newlines = 0, len = 0;
    for (const char *at = text.data, *end = at + text.len;
         at < end && (at = memchr(at, '\n', (size_t)(end - at))) != NULL; at++)
        newlines++;
    if (!newlines)
        return text;
    char *out = arena_alloc(arena, text.len + newlines);
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] == '\n')
            out[len++] = '\\';
        out[len++] = text.data[i] == '\n' ? 'n' : text.data[i];
    }
    return (struct slice){out, len};
}

static void take_bytes(struct chunk_reader *r, size_t i, struct value *v) {
    const struct column *column = column_of(r, i);
    const struct cell *cell = &r->cells[i];
    struct slice bytes = {cell->bytes, cell->length};
    if (column->type == COLUMN_DECIMAL) {
        *v = (struct value){
            .kind = VALUE_DECIMAL, .scale = column->digits, .data = bytes.data, .len = (uint32_t)bytes.len};
    } else if (column->type == COLUMN_BIT) {
        struct cursor c = cursor_of(bytes.data, bytes.len);
        *v = (struct value){.kind = VALUE_UINT, .u = cursor_be(&c, MIN(bytes.len, 8))};
    } else if (column->type == COLUMN_JSON) {
        bytes = document_text(bytes, &r->row);
        *v = (struct value){.kind = VALUE_JSON, .data = bytes.data, .len = (uint32_t)bytes.len};
    } else if (column->type == COLUMN_GEOMETRY || column->type == COLUMN_VECTOR) {
        *v = (struct value){.kind = column->type == COLUMN_GEOMETRY ? VALUE_GEOMETRY : VALUE_VECTOR,
                            .data = bytes.data,
                            .len = (uint32_t)bytes.len};
    } else if (column->labels_doubtful) {
        take_labelled(column, bytes, v);
    } else {
        coltype_text(column, r->charsets[i], bytes, &r->row, v);
    }
}

static void take_value(struct chunk_reader *r, size_t i) {
    const struct column *column = column_of(r, i);
    const struct cell *cell = &r->cells[i];
    struct value *v = &r->values[i];
    *v = (struct value){.kind = VALUE_NULL};
    if (cell->null)
        return;
    if (is_bytes(column)) {
        take_bytes(r, i, v);
        return;
    }
    switch (column->type) {
    case COLUMN_INT:
    case COLUMN_YEAR:
        *v = (struct value){.kind = column->is_unsigned || column->type == COLUMN_YEAR ? VALUE_UINT : VALUE_INT,
                            .i = cell->i};
        break;
    case COLUMN_ENUM:
        coltype_enum(column, (uint64_t)cell->i, v);
        break;
    case COLUMN_SET:
        coltype_set(column, (uint64_t)cell->i, &r->row, v);
        break;
    case COLUMN_FLOAT:
        *v = (struct value){.kind = VALUE_FLOAT};
        v->f = cell->f;
        break;
    case COLUMN_DOUBLE:
        *v = (struct value){.kind = VALUE_DOUBLE, .d = cell->d};
        break;
    case COLUMN_DATE:
        *v = (struct value){.kind = VALUE_DATE, .u = pack_time(&cell->time)};
        break;
    case COLUMN_TIME:
        *v = (struct value){.kind = VALUE_TIME, .scale = column->digits, .i = time_us(&cell->time)};
        break;
    case COLUMN_DATETIME:
        *v = (struct value){.kind = VALUE_DATETIME, .scale = column->digits, .u = pack_time(&cell->time)};
        break;
    case COLUMN_TIMESTAMP:
        *v = (struct value){.kind = VALUE_TIMESTAMP, .scale = column->digits, .u = pack_time(&cell->time)};
        break;
    default:
        break;
    }
}

/* ---- parameters */

struct parameter {
    unsigned long length;
    int64_t i;
    MYSQL_TIME time;
};

static void unpack_time(const struct value *v, MYSQL_TIME *t) {
    if (v->kind == VALUE_TIME) {
        uint64_t us = v->i < 0 ? (uint64_t)-v->i : (uint64_t)v->i, s = us / 1000000;
        *t = (MYSQL_TIME){.day = (unsigned)(s / 86400),
                          .hour = (unsigned)(s / 3600 % 24),
                          .minute = (unsigned)(s / 60 % 60),
                          .second = (unsigned)(s % 60),
                          .second_part = us % 1000000,
                          .neg = v->i < 0,
                          .time_type = MYSQL_TIMESTAMP_TIME};
        return;
    }
    struct datetime d = value_unpack_datetime(v->u);
    *t = (MYSQL_TIME){d.year,
                      d.month,
                      d.day,
                      d.hour,
                      d.minute,
                      d.second,
                      d.microsecond,
                      false,
                      v->kind == VALUE_DATE ? MYSQL_TIMESTAMP_DATE : MYSQL_TIMESTAMP_DATETIME,
                      0};
}

static void bind_parameter(MYSQL_BIND *b, struct parameter *p, const struct value *v, struct arena *arena) {
    *b = (MYSQL_BIND){.length = &p->length, .buffer = &p->i, .buffer_type = MYSQL_TYPE_LONGLONG};
    p->i = v->i;
    switch ((enum value_kind)v->kind) {
    case VALUE_INT:
        break;
    case VALUE_UINT:
    case VALUE_ENUM:
    case VALUE_SET:
        b->is_unsigned = true;
        break;
    case VALUE_DOUBLE:
        b->buffer_type = MYSQL_TYPE_DOUBLE; /* the same eight bytes of the union */
        break;
    case VALUE_FLOAT: {
        b->buffer_type = MYSQL_TYPE_FLOAT;
        memcpy(&p->i, &v->f, sizeof(v->f));
        break;
    }
    case VALUE_DATE:
    case VALUE_DATETIME:
    case VALUE_TIMESTAMP:
    case VALUE_TIME:
        unpack_time(v, &p->time);
        b->buffer = &p->time;
        b->buffer_type = v->kind == VALUE_TIME   ? MYSQL_TYPE_TIME
                         : v->kind == VALUE_DATE ? MYSQL_TYPE_DATE
                                                 : MYSQL_TYPE_DATETIME;
        break;
    case VALUE_NULL:
    case VALUE_UNKNOWN:
        b->buffer_type = MYSQL_TYPE_NULL;
        break;
    default:
        b->buffer_type = v->kind == VALUE_BYTES     ? MYSQL_TYPE_BLOB
                         : v->kind == VALUE_DECIMAL ? MYSQL_TYPE_NEWDECIMAL
                                                    : MYSQL_TYPE_STRING;
        b->buffer = v->len ? arena_copy(arena, v->data, v->len) : &p->i;
        b->buffer_length = p->length = v->len;
        break;
    }
}

/* In the order of put_behind(), or put_equal(). */
static int bind_parameters(struct chunk_reader *r, MYSQL_STMT *s, const struct value *after, struct error *error) {
    size_t keys = r->query.key_count, n = 0;
    for (size_t i = 0; i < keys; i++)
        if (after[i].kind == VALUE_BAD_TEXT) /* a parameter is converted by the server, and these bytes cannot be */
            return error_set(error, ERR_SOURCE,
                             "table %s.%s has a row whose key column %s has bytes that are no text of its character "
                             "set, and cannot be read from there on: correct that row",
                             r->query.table->database, r->query.table->name, column_of(r, i)->name);
    size_t max = 1 + keys * (keys + 1) / 2;
    MYSQL_BIND *binds = arena_zalloc(&r->parameters, max * sizeof(*binds));
    struct parameter *ps = arena_zalloc(&r->parameters, max * sizeof(*ps));
    if (keys > 1 && !r->query.one_row) {
        bind_parameter(&binds[n], &ps[n], &after[0], &r->parameters);
        n++;
    }
    for (size_t i = r->query.one_row ? keys - 1 : 0; i < keys; i++)
        for (size_t j = 0; j <= i; j++, n++)
            bind_parameter(&binds[n], &ps[n], &after[j], &r->parameters);
    if (mysql_stmt_bind_param(s, binds) != 0)
        return client_statement_fail(r->connection, s, "giving the last key of a chunk", error);
    return 0;
}

/* ---- a chunk */

/* BAD_TEXT stays what it is: bind_parameters() refuses it. */
static void keep_last(struct chunk_reader *r) {
    arena_reset(&r->last_arena);
    for (size_t i = 0; i < r->query.key_count; i++) {
        struct value v = r->values[i];
        if (v.kind == VALUE_TEXT) {
            v.kind = VALUE_BYTES;
            v.data = r->cells[i].bytes;
            v.len = (uint32_t)r->cells[i].length;
        }
        r->last[i] = value_copy(&r->last_arena, &v);
    }
}

const struct value *chunk_reader_last(const struct chunk_reader *r) {
    return r->last;
}

/* Values that did not fit are fetched again into a buffer that is large enough, which the next rows keep. */
static int widen(struct chunk_reader *r, MYSQL_STMT *s, struct error *error) {
    bool grown = false;
    for (size_t i = 0; i < r->query.column_count; i++) {
        struct cell *cell = &r->cells[i];
        if (!is_bytes(column_of(r, i)) || cell->null || cell->length <= cell->size)
            continue;
        cell->size = cell->length + cell->length / 4;
        cell->bytes = xrealloc(cell->bytes, cell->size);
        r->results[i].buffer = cell->bytes;
        r->results[i].buffer_length = cell->size;
        if (mysql_stmt_fetch_column(s, &r->results[i], (unsigned)i, 0) != 0)
            return client_statement_fail(r->connection, s, "reading a table", error);
        grown = true;
    }
    if (grown && mysql_stmt_bind_result(s, r->results) != 0)
        return client_statement_fail(r->connection, s, "reading a table", error);
    return 0;
}

static int fetch_rows(struct chunk_reader *r, MYSQL_STMT *s, int (*row)(void *, const struct value *, struct error *),
                      void *context, size_t *ret_rows, struct error *error) {
    for (size_t rows = 0;; rows++) {
        int got = mysql_stmt_fetch(s);
        if (got == MYSQL_NO_DATA) {
            *ret_rows = rows;
            return 0;
        }
        if (got != 0 && got != MYSQL_DATA_TRUNCATED)
            return client_statement_fail(r->connection, s, "reading a table", error);
        int e = widen(r, s, error);
        if (e)
            return e;
        arena_reset(&r->row);
        for (size_t i = 0; i < r->query.column_count; i++)
            take_value(r, i);
        e = row(context, r->values, error);
        if (e < 0)
            return e;
        if (rows + 1 == r->query.limit)
            keep_last(r);
    }
}

int chunk_read(struct chunk_reader *r, const struct value *after,
               int (*row)(void *context, const struct value *values, struct error *error), void *context,
               size_t *ret_rows, struct error *error) {
    size_t which = after ? 1 : 0;
    arena_reset(&r->parameters);
    int e = prepare(r, which, error);
    if (e)
        return e;
    MYSQL_STMT *s = r->statement[which];
    if (after && (e = bind_parameters(r, s, after, error)) != 0)
        return e;
    if (mysql_stmt_bind_result(s, r->results) != 0 || mysql_stmt_execute(s) != 0)
        return client_statement_fail(r->connection, s, "reading a table", error);
    e = fetch_rows(r, s, row, context, ret_rows, error);
    mysql_stmt_free_result(s); /* also what was not fetched when `row` gave up */
    return e;
}

int chunk_read_row(struct connection *c, const struct chunk_query *query, const struct value *key,
                   int (*row)(void *context, const struct value *values, struct error *error), void *context,
                   struct error *error) {
    struct chunk_query one = *query;
    one.one_row = true;
    one.limit = 1;
    struct chunk_reader *reader = NULL;
    size_t rows;
    int r = chunk_reader_open(&reader, c, &one, error);
    if (r == 0)
        r = chunk_read(reader, key, row, context, &rows, error);
    chunk_reader_close(reader);
    return r;
}

int table_row_estimate(struct connection *c, const char *database, const char *table, uint64_t *ret,
                       struct error *error) {
    struct buf d defer(buf_deinit) = BUF_INIT(4096), t defer(buf_deinit) = BUF_INIT(4096);
    struct client_rows rows defer(client_rows_deinit) = {0};
    client_quote(&d, database);
    client_quote(&t, table);
    int r = client_select(
        c, &rows, error, "SELECT TABLE_ROWS FROM information_schema.TABLES WHERE TABLE_SCHEMA = %s AND TABLE_NAME = %s",
        buf_text(&d), buf_text(&t));
    if (r)
        return r;
    *ret = client_next(&rows) ? client_number(&rows, 0) : 0;
    return 0;
}

int prepared_xids(struct connection *c, struct arena *arena, const char *const **ret, size_t *ret_count,
                  struct error *error) {
    struct client_rows rows defer(client_rows_deinit) = {0};
    int r = client_select(c, &rows, error, "XA RECOVER CONVERT XID");
    if (r)
        return mysql_errno(&c->mysql) == ER_XAER_RMERR || mysql_errno(&c->mysql) == ER_SPECIFIC_ACCESS_DENIED_ERROR ? 1
                                                                                                                    : r;
    size_t count = mysql_num_rows(rows.result), n = 0;
    const char **xids = arena_alloc(arena, (count + 1) * sizeof(*xids));
    while (client_next(&rows)) /* formatID, gtrid_length, bqual_length, data */
        xids[n++] = arena_printf(arena, "%s:%s:%s:%s", client_string(&rows, 0), client_string(&rows, 1),
                                 client_string(&rows, 2), client_string(&rows, 3));
    *ret = xids;
    *ret_count = n;
    return 0;
}
