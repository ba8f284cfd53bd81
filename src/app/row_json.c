/* Row changes as JSON lines: no allocation, no printf; names are escaped once per table description. */
#include "src/app/row_json.h"

#include "contract/geometry.h"
#include "src/base/digest.h"
#include "src/base/json.h"

#include <math.h>

/* ---- strings */

/* Which of eight bytes are below 0x20, or a quote, or a backslash: the highest bit of each. May also mark the byte behind such a one. */
static uint64_t special(uint64_t v) {
    const uint64_t ones = 0x0101010101010101ULL, highs = ones << 7;
    uint64_t quote = v ^ ones * '"', slash = v ^ ones * '\\';
    return (((v - ones * 0x20) & ~v) | ((quote - ones) & ~quote) | ((slash - ones) & ~slash)) & highs;
}

static bool is_plain(unsigned char c) {
    return c >= 0x20 && c != '"' && c != '\\';
}

static const char *skip_plain(const char *at, const char *end) {
    for (; end - at >= 8; at += 8) {
        uint64_t v;
        memcpy(&v, at, sizeof(v));
        if (special(v))
            break;
    }
    while (at < end && is_plain((unsigned char)*at))
        at++;
    return at;
}

static void put_escaped(struct buf *out, char c) {
    static const char hex[] = "0123456789abcdef";
    static const char letters[] = {['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', ['\f'] = 'f', ['\r'] = 'r'};
    unsigned char u = (unsigned char)c;
    char text[6] = {'\\', c};
    size_t len = 2;
    if (u < ARRAY_LEN(letters) && letters[u]) {
        text[1] = letters[u];
    } else if (u < 0x20) {
        memcpy(text + 1, "u00", 3);
        text[4] = hex[u >> 4];
        text[5] = hex[u & 15];
        len = 6;
    }
    buf_put(out, text, len);
}

void row_json_put_string(struct buf *out, struct slice utf8) {
    const char *at = utf8.data, *end = at + utf8.len;
    buf_put_char(out, '"');
    while (at < end) {
        const char *plain = at;
        at = skip_plain(at, end);
        buf_put(out, plain, (size_t)(at - plain));
        if (at < end)
            put_escaped(out, *at++);
    }
    buf_put_char(out, '"');
}

static void put_base64(struct buf *out, struct slice bytes) {
    char *to = buf_reserve(out, 4 * ((bytes.len + 2) / 3) + 2);
    if (!to)
        return;
    to[0] = '"';
    size_t n = base64_encode((const unsigned char *)bytes.data, bytes.len, to + 1);
    to[n + 1] = '"';
    out->len += n + 2;
}

/* {"invalid_text":"BASE64"}: bytes that are no text of their character set. */
static void put_invalid(struct buf *out, struct slice bytes) {
    buf_put_slice(out, SLICE("{\"invalid_text\":"));
    put_base64(out, bytes);
    buf_put_char(out, '}');
}

/* ---- temporals */

static void put_fraction(struct buf *out, unsigned microsecond, unsigned digits) {
    static const unsigned divisor[] = {1000000, 100000, 10000, 1000, 100, 10, 1};
    if (digits == 0 || digits > 6)
        return;
    buf_put_char(out, '.');
    buf_put_digits(out, microsecond / divisor[digits], digits);
}

/* "NN" and what follows it. */
static char *put_pair(char *to, unsigned v, char behind) {
    to[0] = (char)('0' + v / 10 % 10);
    to[1] = (char)('0' + v % 10);
    to[2] = behind;
    return to + 3;
}

static void put_datetime(struct buf *out, uint64_t packed, bool has_time, char between, unsigned digits) {
    struct datetime t = value_unpack_datetime(packed);
    char text[24], *to = text;
    to = put_pair(to, t.year / 100, 0) - 1;
    to = put_pair(to, t.year % 100, '-');
    to = put_pair(to, t.month, '-');
    to = put_pair(to, t.day, between);
    if (has_time) {
        to = put_pair(to, t.hour, ':');
        to = put_pair(to, t.minute, ':');
        to = put_pair(to, t.second, 0);
    }
    buf_put(out, text, (size_t)(to - text) - 1);
    if (has_time)
        put_fraction(out, t.microsecond, digits);
}

static void put_time(struct buf *out, const struct value *v) {
    uint64_t us = v->i < 0 ? 0 - (uint64_t)v->i : (uint64_t)v->i, s = us / 1000000;
    if (v->i < 0)
        buf_put_char(out, '-');
    buf_put_digits(out, s / 3600, 2);
    buf_put_char(out, ':');
    buf_put_digits(out, s / 60 % 60, 2);
    buf_put_char(out, ':');
    buf_put_digits(out, s % 60, 2);
    put_fraction(out, (unsigned)(us % 1000000), v->scale);
}

/* ---- values */

static void put_int(struct buf *out, int64_t v) {
    if (v < 0)
        buf_put_char(out, '-');
    buf_put_digits(out, v < 0 ? 0 - (uint64_t)v : (uint64_t)v, 1);
}

/* A label, or where labels are not known the number. */
static void put_label(struct buf *out, const struct value *v) {
    if (v->data)
        row_json_put_string(out, value_slice(v));
    else
        buf_put_digits(out, v->u, 1);
}

/* {"srid":0,"wkt":"POINT(1 2)"}; other reference systems may turn the axes, so theirs is the WKB. */
static void put_geometry(struct buf *out, const struct value *v) {
    struct cursor c = cursor_of(v->data, v->len);
    uint32_t srid = cursor_u32(&c);
    buf_put_slice(out, SLICE("{\"srid\":"));
    buf_put_digits(out, srid, 1);
    size_t before = out->len;
    buf_put_slice(out, SLICE(",\"wkt\":\""));
    bool is_wkt = srid == 0 && geometry_put_wkt(out, value_slice(v));
    if (is_wkt) {
        buf_put_char(out, '"');
    } else {
        out->len = before;
        buf_put_slice(out, SLICE(",\"wkb\":"));
        put_base64(out, (struct slice){(const char *)c.at, cursor_left(&c)});
    }
    buf_put_char(out, '}');
}

static bool is_negative_zero(const struct value *v) {
    double d = v->kind == VALUE_FLOAT ? (double)v->f : v->d;
    return d == 0 && signbit(d);
}

void row_json_put_value(struct buf *out, const struct value *v) {
    switch ((enum value_kind)v->kind) {
    case VALUE_UNKNOWN:
    case VALUE_NULL:
        buf_put_slice(out, SLICE("null"));
        break;
    case VALUE_INT:
        put_int(out, v->i);
        break;
    case VALUE_UINT:
        buf_put_digits(out, v->u, 1);
        break;
    case VALUE_DECIMAL: /* these are JSON already */
    case VALUE_JSON:
        buf_put_slice(out, value_slice(v));
        break;
    case VALUE_JSON_DIFF: /* the image before lacks the document */
        buf_put_slice(out, SLICE("{\"json_diff\":"));
        buf_put_slice(out, value_slice(v));
        buf_put_char(out, '}');
        break;
    case VALUE_FLOAT:
    case VALUE_DOUBLE:
        if (is_negative_zero(v)) /* which the contract's text does not tell from 0 */
            buf_put_char(out, '-');
        value_put_text(out, v);
        break;
    case VALUE_VECTOR:
        value_put_text(out, v);
        break;
    case VALUE_TEXT:
        row_json_put_string(out, value_slice(v));
        break;
    case VALUE_ENUM:
    case VALUE_SET:
        put_label(out, v);
        break;
    case VALUE_BYTES:
        put_base64(out, value_slice(v));
        break;
    case VALUE_BAD_TEXT:
        put_invalid(out, value_slice(v));
        break;
    case VALUE_GEOMETRY:
        put_geometry(out, v);
        break;
    case VALUE_DATE:
    case VALUE_DATETIME:
    case VALUE_TIMESTAMP:
        buf_put_char(out, '"');
        put_datetime(out, v->u, v->kind != VALUE_DATE, ' ', v->scale);
        buf_put_char(out, '"');
        break;
    case VALUE_TIME:
        buf_put_char(out, '"');
        put_time(out, v);
        buf_put_char(out, '"');
        break;
    }
}

/* ---- lines */

void row_json_table_init(struct row_json_table *ret, const struct table *table, struct arena *arena) {
    defer(buf_deinit) struct buf text = BUF_INIT(1 << 20);
    ret->name = arena_printf(arena, "%s.%s", table->database, table->name);
    buf_put_slice(&text, SLICE(",\"table\":"));
    json_put_string(&text, slice_of(ret->name));
    buf_put_slice(&text, SLICE(",\"kind\":"));
    ret->head = (struct slice){arena_copy(arena, text.data, text.len), text.len};
    ret->columns = arena_alloc(arena, (table->column_count + 1) * sizeof(*ret->columns));
    for (size_t i = 0; i < table->column_count; i++) {
        buf_clear(&text);
        json_put_string(&text, slice_of(table->columns[i].name));
        buf_put_char(&text, ':');
        ret->columns[i] = (struct slice){arena_copy(arena, text.data, text.len), text.len};
    }
}

void row_json_put_head(struct buf *out, const struct txn_end *end) {
    defer(buf_deinit) struct buf position = BUF_SMALL(320, 320);
    buf_put_text(&position, end->file);
    buf_put_char(&position, ':');
    buf_put_digits(&position, end->offset, 1);
    buf_put_slice(out, SLICE("{\"position\":"));
    json_put_string(out, buf_slice(&position));
    buf_put_slice(out, SLICE(",\"gtid\":"));
    if (end->gtid.number) {
        buf_put_char(out, '"');
        gtid_format(&end->gtid, out);
        buf_put_char(out, '"');
    } else {
        buf_put_slice(out, SLICE("null"));
    }
    buf_put_slice(out, SLICE(",\"timestamp\":\""));
    int64_t seconds = end->commit_us / 1000000;
    put_datetime(out, value_epoch_datetime(seconds, (unsigned)(end->commit_us % 1000000)), true, 'T', 6);
    buf_put_slice(out, SLICE("Z\""));
}

static void put_image(struct buf *out, const struct row_json_table *table, const struct table *t,
                      const struct value *values) {
    if (!values) {
        buf_put_slice(out, SLICE("null"));
        return;
    }
    bool first = true;
    buf_put_char(out, '{');
    for (size_t i = 0; i < t->column_count; i++) {
        if (values[i].kind == VALUE_UNKNOWN)
            continue;
        if (!first)
            buf_put_char(out, ',');
        first = false;
        buf_put_slice(out, table->columns[i]);
        row_json_put_value(out, &values[i]);
    }
    buf_put_char(out, '}');
}

void row_json_put_change(struct buf *out, struct slice head, const struct row_json_table *table,
                         const struct row_change *change, uint64_t number) {
    static const struct slice kinds[] = {
        [ROW_INSERT] = {"\"insert\",\"before\":", 18},
        [ROW_UPDATE] = {"\"update\",\"before\":", 18},
        [ROW_DELETE] = {"\"delete\",\"before\":", 18},
        [ROW_TRUNCATE] = {"\"truncate\",\"before\":", 20},
    };
    buf_put_slice(out, head);
    buf_put_slice(out, SLICE(",\"row\":"));
    buf_put_digits(out, number, 1);
    buf_put_slice(out, table->head);
    buf_put_slice(out, kinds[change->kind]);
    put_image(out, table, change->table, change->before);
    buf_put_slice(out, SLICE(",\"after\":"));
    put_image(out, table, change->table, change->after);
    buf_put_slice(out, SLICE("}\n"));
}

void row_json_put_statement(struct buf *out, struct slice head, const struct logged_statement *statement) {
    struct slice database = statement->event->database;
    buf_put_slice(out, head);
    buf_put_slice(out, statement->loses_rows ? SLICE(",\"kind\":\"statement\"") : SLICE(",\"kind\":\"ddl\""));
    buf_put_slice(out, SLICE(",\"database\":"));
    if (database.len)
        json_put_string(out, database);
    else
        buf_put_slice(out, SLICE("null"));
    buf_put_slice(out, SLICE(",\"sql\":"));
    if (statement->is_text)
        row_json_put_string(out, statement->sql);
    else
        put_invalid(out, statement->sql);
    buf_put_slice(out, SLICE("}\n"));
}
