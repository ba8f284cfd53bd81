/* Column defaults: from the text of information_schema to the value that a row image would have.
 *
 * Measured on 9.7: the text is made from the value (not from what was written), in utf8mb3. What it does not tell exactly:
 * - TIMESTAMP literals are in the time zone of the session that gave them, which is recorded nowhere;
 * - BINARY and VARBINARY are hexadecimal digits that end at the first zero byte;
 * - FLOAT has six digits of its up to nine: a text of six may have been rounded. (One of fewer could have been, too: DEFAULT
 *   0.1000001 is shown as 0.1, and taken for it here; nobody writes such defaults into a FLOAT);
 * - characters beyond the basic plane are shown as '?'. */
#include "binlog/default.h"

#include "binlog/coltype.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

typedef bool from_text(const struct column *column, struct cursor *text, int decimals, struct arena *arena,
                       struct value *ret);

/* ---- numbers */

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

static char peek(const struct cursor *c) {
    return cursor_left(c) ? (char)*c->at : 0;
}

static bool skip_char(struct cursor *c, char want) {
    if (!cursor_left(c) || peek(c) != want)
        return false;
    cursor_skip(c, 1);
    return true;
}

/* At least one digit, in this base. */
static bool take_number(struct cursor *c, unsigned base, uint64_t *ret) {
    uint64_t v = 0;
    size_t count = 0;
    for (; is_digit(peek(c)) && (unsigned)(peek(c) - '0') < base; count++) {
        unsigned digit = (unsigned)(cursor_u8(c) - '0');
        if (__builtin_mul_overflow(v, base, &v) || __builtin_add_overflow(v, digit, &v))
            return false;
    }
    *ret = v;
    return count > 0;
}

/* Exactly `digits` digits. */
static bool take_digits(struct cursor *c, unsigned digits, unsigned *ret) {
    unsigned v = 0;
    for (unsigned i = 0; i < digits; i++) {
        if (!is_digit(peek(c)))
            return false;
        v = v * 10 + (unsigned)(cursor_u8(c) - '0');
    }
    *ret = v;
    return true;
}

static bool int_from(const struct column *column, struct cursor *c, int decimals, struct arena *arena,
                     struct value *ret) {
    bool negative = skip_char(c, '-');
    uint64_t v;
    if (!take_number(c, 10, &v) || (negative && column->is_unsigned) ||
        (!column->is_unsigned && v > (uint64_t)INT64_MAX + negative))
        return false;
    *ret = (struct value){.kind = column->is_unsigned ? VALUE_UINT : VALUE_INT, .u = negative ? 0 - v : v};
    return true;
}

static bool year_from(const struct column *column, struct cursor *c, int decimals, struct arena *arena,
                      struct value *ret) {
    *ret = (struct value){.kind = VALUE_UINT};
    return take_number(c, 10, &ret->u);
}

/* b'101' */
static bool bit_from(const struct column *column, struct cursor *c, int decimals, struct arena *arena,
                     struct value *ret) {
    *ret = (struct value){.kind = VALUE_UINT};
    return skip_char(c, 'b') && skip_char(c, '\'') && take_number(c, 2, &ret->u) && skip_char(c, '\'');
}

/* ZEROFILL shows its zeros, the row decoder does not. */
static bool decimal_from(const struct column *column, struct cursor *c, int decimals, struct arena *arena,
                         struct value *ret) {
    size_t max = cursor_left(c) + 1, len = 0, fraction = 0;
    char *text = arena_alloc(arena, max);
    if (skip_char(c, '-'))
        text[len++] = '-';
    if (!is_digit(peek(c)))
        return false;
    while (peek(c) == '0' && cursor_left(c) > 1 && is_digit((char)c->at[1]))
        cursor_skip(c, 1);
    while (is_digit(peek(c)))
        text[len++] = (char)cursor_u8(c);
    if (column->digits && skip_char(c, '.'))
        for (text[len++] = '.'; is_digit(peek(c)); fraction++)
            text[len++] = (char)cursor_u8(c);
    *ret = (struct value){.kind = VALUE_DECIMAL, .scale = column->digits, .data = text, .len = (uint32_t)len};
    return fraction == column->digits;
}

static bool take_double(struct cursor *c, struct arena *arena, double *ret) {
    size_t len = cursor_left(c);
    const char *text = arena_strndup(arena, (const char *)c->at, len);
    char *end;
    errno = 0;
    *ret = strtod(text, &end);
    cursor_skip(c, len);
    return len && end == text + len && isfinite(*ret);
}

/* Field_real::truncate in the server's sql/field.cc: the last bit may not be that of the nearest double. */
static bool round_declared(int decimals, double *v) {
    double power = 1;
    if (decimals > 22) /* the powers behind it are not exact */
        return *v == 0;
    for (int i = 0; i < decimals; i++)
        power *= 10;
    if (decimals >= 0)
        *v = floor(*v) + rint((*v - floor(*v)) * power) / power;
    return true;
}

static bool double_from(const struct column *column, struct cursor *c, int decimals, struct arena *arena,
                        struct value *ret) {
    *ret = (struct value){.kind = VALUE_DOUBLE};
    return take_double(c, arena, &ret->d) && round_declared(decimals, &ret->d);
}

static size_t significant_digits(struct slice text) {
    size_t count = 0, last = 0;
    for (size_t i = 0; i < text.len && text.data[i] != 'e' && text.data[i] != 'E'; i++) {
        if (!is_digit(text.data[i]))
            continue;
        count += count || text.data[i] != '0';
        if (text.data[i] != '0')
            last = count;
    }
    return last;
}

static bool float_from(const struct column *column, struct cursor *c, int decimals, struct arena *arena,
                       struct value *ret) {
    enum { SHOWN_DIGITS = 6 };
    double d;
    if (decimals < 0 && significant_digits((struct slice){(const char *)c->at, cursor_left(c)}) >= SHOWN_DIGITS)
        return false;
    if (!take_double(c, arena, &d) || !round_declared(decimals, &d))
        return false;
    *ret = (struct value){.kind = VALUE_FLOAT};
    ret->f = (float)d;
    return isfinite(ret->f);
}

/* ---- times */

static bool take_fraction(struct cursor *c, unsigned digits, unsigned *ret) {
    static const unsigned unit[] = {1000000, 100000, 10000, 1000, 100, 10, 1};
    unsigned v = 0;
    if (digits > 6 || (digits && (!skip_char(c, '.') || !take_digits(c, digits, &v))))
        return false;
    *ret = v * unit[digits];
    return true;
}

static bool take_date(struct cursor *c, struct datetime *t) {
    return take_digits(c, 4, &t->year) && skip_char(c, '-') && take_digits(c, 2, &t->month) && skip_char(c, '-') &&
           take_digits(c, 2, &t->day);
}

static bool date_from(const struct column *column, struct cursor *c, int decimals, struct arena *arena,
                      struct value *ret) {
    struct datetime t = {0};
    bool ok = take_date(c, &t);
    *ret = (struct value){.kind = VALUE_DATE, .u = value_pack_datetime(&t)};
    return ok;
}

static bool datetime_from(const struct column *column, struct cursor *c, int decimals, struct arena *arena,
                          struct value *ret) {
    struct datetime t = {0};
    bool ok = take_date(c, &t) && skip_char(c, ' ') && take_digits(c, 2, &t.hour) && skip_char(c, ':') &&
              take_digits(c, 2, &t.minute) && skip_char(c, ':') && take_digits(c, 2, &t.second) &&
              take_fraction(c, column->digits, &t.microsecond);
    *ret = (struct value){.kind = VALUE_DATETIME, .scale = column->digits, .u = value_pack_datetime(&t)};
    return ok;
}

static bool timestamp_from(const struct column *column, struct cursor *c, int decimals, struct arena *arena,
                           struct value *ret) {
    bool ok = datetime_from(column, c, decimals, arena, ret) && ret->u == 0; /* zero is zero in every zone */
    ret->kind = VALUE_TIMESTAMP;
    return ok;
}

static bool time_from(const struct column *column, struct cursor *c, int decimals, struct arena *arena,
                      struct value *ret) {
    bool negative = skip_char(c, '-');
    uint64_t hour;
    unsigned minute, second, microsecond;
    if (!take_number(c, 10, &hour) || hour > 838 || !skip_char(c, ':') || !take_digits(c, 2, &minute) ||
        !skip_char(c, ':') || !take_digits(c, 2, &second) || !take_fraction(c, column->digits, &microsecond))
        return false;
    int64_t us = (int64_t)((hour * 3600 + minute * 60 + second) * 1000000 + microsecond);
    *ret = (struct value){.kind = VALUE_TIME, .scale = column->digits, .i = negative ? -us : us};
    return true;
}

/* ---- strings */

static struct slice take_rest(struct cursor *c, struct arena *arena) {
    size_t len = cursor_left(c);
    const char *copy = arena_strndup(arena, (const char *)c->at, len);
    cursor_skip(c, len);
    return (struct slice){copy, len};
}

static bool may_be_garbled(struct slice text) {
    return text.len && memchr(text.data, '?', text.len);
}

static bool text_from(const struct column *column, struct cursor *c, int decimals, struct arena *arena,
                      struct value *ret) {
    struct slice text = take_rest(c, arena);
    *ret = (struct value){.kind = VALUE_TEXT, .data = text.data, .len = (uint32_t)text.len};
    return !may_be_garbled(text);
}

/* The number of a label, the first is 1; 0 when it is none. */
static size_t find_label(const struct column *column, struct slice text) {
    for (size_t i = 0; i < column->label_count; i++)
        if (slice_equal(column->labels[i], text))
            return i + 1;
    return 0;
}

static bool enum_from(const struct column *column, struct cursor *c, int decimals, struct arena *arena,
                      struct value *ret) {
    struct slice text = take_rest(c, arena);
    size_t index = find_label(column, text);
    coltype_enum(column, index, ret);
    return index > 0 && !may_be_garbled(text);
}

static bool set_from(const struct column *column, struct cursor *c, int decimals, struct arena *arena,
                     struct value *ret) {
    struct slice text = take_rest(c, arena);
    uint64_t bits = 0;
    for (size_t from = 0; from < text.len;) {
        const char *comma = memchr(text.data + from, ',', text.len - from);
        size_t to = comma ? (size_t)(comma - text.data) : text.len;
        size_t number = find_label(column, (struct slice){text.data + from, to - from});
        if (!number || number > 64)
            return false;
        bits |= 1ULL << (number - 1);
        from = to + 1;
    }
    coltype_set(column, bits, arena, ret);
    return !may_be_garbled(text);
}

/* ---- the table */

/* `implicit` is the text of the value that a NOT NULL column gets for want of any; zero temporals are written by kind. */
static const struct {
    from_text *from;
    const char *implicit;
    enum value_kind zero; /* implicit is this kind's zero */
} rules[] = {
    [COLUMN_INT] = {int_from, "0", 0},
    [COLUMN_BIT] = {bit_from, "b'0'", 0},
    [COLUMN_YEAR] = {year_from, "0000", 0},
    [COLUMN_DECIMAL] = {decimal_from, NULL, 0},
    [COLUMN_FLOAT] = {float_from, "0", 0},
    [COLUMN_DOUBLE] = {double_from, "0", 0},
    [COLUMN_TEXT] = {text_from, "", 0},
    [COLUMN_BINARY] = {NULL, NULL, 0},
    [COLUMN_ENUM] = {enum_from, NULL, 0},
    [COLUMN_SET] = {set_from, "", 0},
    [COLUMN_DATE] = {date_from, NULL, VALUE_DATE},
    [COLUMN_TIME] = {time_from, NULL, VALUE_TIME},
    [COLUMN_DATETIME] = {datetime_from, NULL, VALUE_DATETIME},
    [COLUMN_TIMESTAMP] = {timestamp_from, NULL, VALUE_TIMESTAMP},
};

static const struct value unknown = {.kind = VALUE_UNKNOWN};

struct value default_from_text(const struct column *column, struct slice text, int decimals, struct arena *arena) {
    struct value v;
    struct cursor c = cursor_of(text.data, text.len);
    from_text *from = column->type < ARRAY_LEN(rules) ? rules[column->type].from : NULL;
    return from && from(column, &c, decimals, arena, &v) && !c.failed && cursor_left(&c) == 0 ? v : unknown;
}

/* 0.000 with the column's scale */
static struct value decimal_zero(const struct column *column, struct arena *arena) {
    char *text = arena_alloc(arena, column->digits + 3u);
    memset(text, '0', column->digits + 3u);
    text[1] = '.';
    return (struct value){
        .kind = VALUE_DECIMAL, .scale = column->digits, .data = text, .len = column->digits ? column->digits + 2u : 1};
}

struct value default_implicit(const struct column *column, struct arena *arena) {
    struct value v = {0};
    if (column->nullable)
        return (struct value){.kind = VALUE_NULL};
    if (column->type == COLUMN_DECIMAL)
        return decimal_zero(column, arena);
    if (column->type == COLUMN_BINARY) {
        coltype_text(column, CHARSET_BINARY, SLICE(""), arena, &v);
        return v;
    }
    if (column->type == COLUMN_ENUM && column->labels_doubtful && may_be_garbled(column->labels[0]))
        return unknown;
    if (column->type == COLUMN_ENUM) { /* the first label, whatever it is */
        coltype_enum(column, 1, &v);
        return v;
    }
    if (column->type == COLUMN_JSON)
        return (struct value){.kind = VALUE_JSON, .data = "null", .len = 4};
    if (column->type == COLUMN_VECTOR) /* of no floats, which no statement could give it */
        return (struct value){.kind = VALUE_VECTOR, .data = ""};
    if (column->type >= ARRAY_LEN(rules)) /* GEOMETRY must be given */
        return unknown;
    if (rules[column->type].zero)
        return (struct value){.kind = (uint8_t)rules[column->type].zero, .scale = column->digits};
    return rules[column->type].implicit ? default_from_text(column, slice_of(rules[column->type].implicit), -1, arena)
                                        : unknown;
}
