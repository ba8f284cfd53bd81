/* Values: packing times, the text of type S, the store's form, and the form for keys. */
#include "contract/value.h"

#include "contract/geometry.h"
#include "src/base/digest.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- times */

uint64_t value_pack_datetime(const struct datetime *t) {
    return (uint64_t)t->year << 46 | (uint64_t)t->month << 42 | (uint64_t)t->day << 37 | (uint64_t)t->hour << 32 |
           (uint64_t)t->minute << 26 | (uint64_t)t->second << 20 | t->microsecond;
}

struct datetime value_unpack_datetime(uint64_t p) {
    return (struct datetime){(unsigned)(p >> 46),      (unsigned)(p >> 42) & 15, (unsigned)(p >> 37) & 31,
                             (unsigned)(p >> 32) & 31, (unsigned)(p >> 26) & 63, (unsigned)(p >> 20) & 63,
                             (unsigned)p & 0xFFFFF};
}

/* Days since 1970-01-01 of the proleptic Gregorian calendar, counted in 400-year eras that begin on the first of March. */
static int64_t days_of(int64_t year, unsigned month, unsigned day) {
    year -= month <= 2;
    int64_t era = (year >= 0 ? year : year - 399) / 400;
    int64_t of_era = year - era * 400;
    int64_t of_year = (153 * ((int64_t)month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

int64_t value_datetime_epoch(uint64_t packed) {
    struct datetime t = value_unpack_datetime(packed);
    return days_of(t.year, t.month, t.day) * 86400 + t.hour * 3600 + t.minute * 60 + t.second;
}

uint64_t value_epoch_datetime(int64_t seconds, unsigned microsecond) {
    int64_t days = seconds / 86400, rest = seconds % 86400;
    if (rest < 0) {
        rest += 86400;
        days--;
    }
    days += 719468;
    int64_t era = (days >= 0 ? days : days - 146096) / 146097;
    int64_t of_era = days - era * 146097;
    int64_t year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    int64_t of_year = of_era - (365 * year + year / 4 - year / 100);
    int64_t m = (5 * of_year + 2) / 153;
    struct datetime t = {
        .year = (unsigned)(year + era * 400 + (m >= 10)),
        .month = (unsigned)(m < 10 ? m + 3 : m - 9),
        .day = (unsigned)(of_year - (153 * m + 2) / 5 + 1),
        .hour = (unsigned)(rest / 3600),
        .minute = (unsigned)(rest / 60 % 60),
        .second = (unsigned)(rest % 60),
        .microsecond = microsecond,
    };
    return value_pack_datetime(&t);
}

/* ---- numbers as text */

/* A number as digits and the place of its point: 0.DIGITS * 10^point, no zeros at either end of the digits. */
struct decimal {
    bool negative;
    int point;
    size_t count; /* 0: zero */
    char digits[96];
};

/* Reads "-12.50", "1e+21", "00.5"; digits beyond the array are dropped (MySQL's decimals have at most 65). */
static void decimal_read(struct decimal *d, const char *text, size_t len) {
    *d = (struct decimal){0};
    bool behind_point = false;
    size_t i = 0;
    if (len && (text[0] == '-' || text[0] == '+'))
        d->negative = text[i++] == '-';
    for (; i < len; i++) {
        char c = text[i];
        if (c == '.') {
            behind_point = true;
            continue;
        }
        if (c < '0' || c > '9')
            break;
        if (c != '0' || d->count) {
            if (d->count < sizeof(d->digits))
                d->digits[d->count++] = c;
            d->point += !behind_point;
        } else if (behind_point) {
            d->point--;
        }
    }
    if (i + 1 < len && (text[i] == 'e' || text[i] == 'E')) {
        int exponent = 0;
        bool down = text[i + 1] == '-';
        for (i += text[i + 1] == '-' || text[i + 1] == '+' ? 2u : 1u;
             i < len && text[i] >= '0' && text[i] <= '9' && exponent < 10000; i++)
            exponent = exponent * 10 + (text[i] - '0');
        d->point += down ? -exponent : exponent;
    }
    while (d->count && d->digits[d->count - 1] == '0')
        d->count--;
    if (d->count == 0)
        *d = (struct decimal){0};
}

/* One more in the last digit. */
static void decimal_step_up(struct decimal *d, size_t digits) {
    while (d->count < digits)
        d->digits[d->count++] = '0';
    while (d->count && d->digits[d->count - 1] == '9')
        d->count--;
    if (d->count) {
        d->digits[d->count - 1]++;
        return;
    }
    d->digits[d->count++] = '1';
    d->point++;
}

static bool decimal_is(const struct decimal *d, double v, bool single) {
    char text[64];
    snprintf(text, sizeof(text), "%s.%.*se%d", d->negative ? "-" : "", (int)d->count, d->digits, d->point);
    return single ? strtof(text, NULL) == (float)v : strtod(text, NULL) == v;
}

/* Powers of two have less room below than above: there the fewest digits may not be those of the nearest decimal, but the next one up. */
static bool is_power_of_two(double v) {
    int exponent;
    double fraction = frexp(fabs(v), &exponent);
    return fraction <= 0.5 && fraction >= 0.5;
}

/* The fewest digits that read back the same: what has DBL_DIG digits survives the way to a double, so shorter texts show
 * themselves by their zeros at DBL_DIG. */
static void decimal_of_double(struct decimal *d, double v, bool single) {
    char text[64];
    bool subnormal = fabs(v) < (single ? (double)FLT_MIN : DBL_MIN); /* has fewer digits */
    for (int precision = subnormal ? 1 : single ? FLT_DIG : DBL_DIG; precision <= (single ? 9 : 17); precision++) {
        int n = snprintf(text, sizeof(text), "%.*e", precision - 1, v);
        decimal_read(d, text, (size_t)MAX(n, 0));
        if (single ? strtof(text, NULL) == (float)v : strtod(text, NULL) == v)
            return;
        if (is_power_of_two(v)) {
            decimal_step_up(d, (size_t)precision);
            if (decimal_is(d, v, single))
                return;
        }
    }
}

/* The digits with their point, plain. */
static void put_plain(struct buf *buf, const struct decimal *d) {
    int k = (int)d->count;
    if (d->point <= 0)
        buf_put_text(buf, "0.");
    for (int i = d->point; i < 0; i++)
        buf_put_char(buf, '0');
    for (int i = 0; i < MAX(k, d->point); i++) {
        if (i > 0 && i == d->point)
            buf_put_char(buf, '.');
        buf_put_char(buf, i < k ? d->digits[i] : '0');
    }
}

/* 1.5e16: the digits, and what `e` says; the sign of an exponent above zero is `plus`. */
static void put_scientific(struct buf *buf, const struct decimal *d, const char *plus) {
    buf_put_char(buf, d->digits[0]);
    if (d->count > 1)
        buf_put_char(buf, '.');
    buf_put(buf, d->digits + 1, d->count - 1);
    buf_printf(buf, "e%s%d", d->point > 0 ? plus : "-", abs(d->point - 1));
}

/* As ECMAScript's Number::toString: plain between 1e-7 and 1e21, else with an exponent. */
static void put_double(struct buf *buf, double v, bool single) {
    struct decimal d;
    if (!isfinite(v)) { /* MySQL stores none */
        buf_put_text(buf, isnan(v) ? "NaN" : v < 0 ? "-Infinity" : "Infinity");
        return;
    }
    decimal_of_double(&d, v, single);
    if (d.count == 0) {
        buf_put_char(buf, '0');
        return;
    }
    if (d.negative)
        buf_put_char(buf, '-');
    if (d.point > 21 || d.point <= -6)
        put_scientific(buf, &d, "+");
    else
        put_plain(buf, &d);
}

/* my_gcvt() in the server's strings/dtoa.cc, for widths that take all digits in either form. */
void value_put_mysql_double(struct buf *buf, double v, int width) {
    struct decimal d;
    if (!isfinite(v)) {
        buf_put_char(buf, '0');
        return;
    }
    decimal_of_double(&d, v, false);
    int count = (int)d.count, size = d.point <= 0 ? count - d.point + 2 : d.point < count ? count + 1 : d.point;
    bool plain = size <= width - d.negative && d.point > -DBL_DIG && (d.point <= DBL_DIG || count > d.point);
    if (signbit(v))
        buf_put_char(buf, '-');
    if (count == 0)
        buf_put_char(buf, '0');
    else if (plain)
        put_plain(buf, &d);
    else
        put_scientific(buf, &d, "");
}

/* ---- the text of type S */

static void put_fraction(struct buf *buf, unsigned microsecond, unsigned digits) {
    static const unsigned divisor[] = {1000000, 100000, 10000, 1000, 100, 10, 1};
    if (digits == 0 || digits > 6)
        return;
    buf_put_char(buf, '.');
    buf_put_digits(buf, microsecond / divisor[digits], digits);
}

/* Three numbers with `sign` between, the first of at least `width` digits. */
static void put_three(struct buf *buf, unsigned width, uint64_t a, char sign, unsigned b, unsigned c) {
    buf_put_digits(buf, a, width);
    buf_put_char(buf, sign);
    buf_put_digits(buf, b, 2);
    buf_put_char(buf, sign);
    buf_put_digits(buf, c, 2);
}

static void put_date(struct buf *buf, const struct value *v) {
    struct datetime t = value_unpack_datetime(v->u);
    if (t.month == 0 || t.day == 0)
        return;
    put_three(buf, 4, t.year, '-', t.month, t.day);
    if (v->kind == VALUE_DATE)
        return;
    buf_put_char(buf, 'T');
    put_three(buf, 2, t.hour, ':', t.minute, t.second);
    put_fraction(buf, t.microsecond, v->scale);
    if (v->kind == VALUE_TIMESTAMP)
        buf_put_char(buf, 'Z');
}

static void put_time(struct buf *buf, const struct value *v) {
    uint64_t us = v->i < 0 ? (uint64_t)-v->i : (uint64_t)v->i, s = us / 1000000;
    if (v->i < 0)
        buf_put_char(buf, '-');
    put_three(buf, 2, s / 3600, ':', (unsigned)(s / 60 % 60), (unsigned)(s % 60));
    put_fraction(buf, (unsigned)(us % 1000000), v->scale);
}

static void put_base64(struct buf *buf, const struct value *v) {
    char *to = buf_reserve(buf, 4 * (((size_t)v->len + 2) / 3));
    if (to)
        buf->len += base64_encode((const unsigned char *)v->data, v->len, to);
}

static void put_vector(struct buf *buf, const struct value *v) {
    struct cursor c = cursor_of(v->data, v->len);
    buf_put_char(buf, '[');
    for (bool first = true; cursor_left(&c) >= 4; first = false) {
        uint32_t bits = cursor_u32(&c);
        float f;
        memcpy(&f, &bits, sizeof(f));
        if (!first)
            buf_put_char(buf, ',');
        put_double(buf, (double)f, true);
    }
    buf_put_char(buf, ']');
}

static void put_wkt(struct buf *buf, const struct value *v) {
    size_t before = buf->len;
    if (geometry_srid(value_slice(v)) != 0 || !geometry_put_wkt(buf, value_slice(v)))
        buf->len = before;
}

void value_put_text(struct buf *buf, const struct value *v) {
    switch ((enum value_kind)v->kind) {
    case VALUE_INT:
        if (v->i < 0)
            buf_put_char(buf, '-');
        buf_put_digits(buf, v->i < 0 ? 0 - (uint64_t)v->i : (uint64_t)v->i, 1);
        break;
    case VALUE_UINT:
        buf_put_digits(buf, v->u, 1);
        break;
    case VALUE_FLOAT:
        put_double(buf, (double)v->f, true);
        break;
    case VALUE_DOUBLE:
        put_double(buf, v->d, false);
        break;
    case VALUE_DATE:
    case VALUE_DATETIME:
    case VALUE_TIMESTAMP:
        put_date(buf, v);
        break;
    case VALUE_TIME:
        put_time(buf, v);
        break;
    case VALUE_BYTES:
    case VALUE_BAD_TEXT:
        put_base64(buf, v);
        break;
    case VALUE_VECTOR:
        put_vector(buf, v);
        break;
    case VALUE_DECIMAL:
    case VALUE_TEXT:
    case VALUE_ENUM:
    case VALUE_SET:
    case VALUE_JSON:
    case VALUE_JSON_DIFF:
        buf_put(buf, v->data, v->len);
        break;
    case VALUE_GEOMETRY:
        put_wkt(buf, v);
        break;
    case VALUE_UNKNOWN:
    case VALUE_NULL:
        break;
    }
}

/* ---- the store's form: kind (5 bits) and fraction digits of temporals (3 bits), then the content */

enum { HAS_NUMBER = 1, HAS_DATA = 2, HAS_SCALE = 4 };
static const uint8_t shapes[] = {
    [VALUE_UNKNOWN] = 0,
    [VALUE_NULL] = 0,
    [VALUE_INT] = HAS_NUMBER,
    [VALUE_UINT] = HAS_NUMBER,
    [VALUE_DECIMAL] = HAS_DATA,
    [VALUE_FLOAT] = HAS_NUMBER,
    [VALUE_DOUBLE] = HAS_NUMBER,
    [VALUE_TEXT] = HAS_DATA,
    [VALUE_BYTES] = HAS_DATA,
    [VALUE_DATE] = HAS_NUMBER,
    [VALUE_DATETIME] = HAS_NUMBER | HAS_SCALE,
    [VALUE_TIMESTAMP] = HAS_NUMBER | HAS_SCALE,
    [VALUE_TIME] = HAS_NUMBER | HAS_SCALE,
    [VALUE_ENUM] = HAS_NUMBER | HAS_DATA,
    [VALUE_SET] = HAS_NUMBER | HAS_DATA,
    [VALUE_JSON] = HAS_DATA,
    [VALUE_GEOMETRY] = HAS_DATA,
    [VALUE_VECTOR] = HAS_DATA,
    [VALUE_BAD_TEXT] = HAS_DATA,
    [VALUE_JSON_DIFF] = HAS_DATA,
};

static bool is_signed_kind(uint8_t kind) {
    return kind == VALUE_INT || kind == VALUE_TIME;
}

/* The number of a value as 64 bits, whichever member of the union it is. */
static uint64_t number_bits(const struct value *v) {
    if (v->kind != VALUE_FLOAT)
        return v->u;
    uint32_t bits;
    memcpy(&bits, &v->f, sizeof(bits));
    return bits;
}

void value_put(struct buf *buf, const struct value *v) {
    uint8_t shape = v->kind < ARRAY_LEN(shapes) ? shapes[v->kind] : 0;
    buf_put_u8(buf, (uint8_t)(v->kind | (shape & HAS_SCALE ? v->scale << 5 : 0)));
    if (v->kind == VALUE_DOUBLE)
        buf_put_le64(buf, v->u);
    else if (v->kind == VALUE_FLOAT)
        buf_put_le32(buf, (uint32_t)number_bits(v));
    else if (is_signed_kind(v->kind)) /* zigzag: small negative numbers stay short */
        buf_put_varint(buf, (uint64_t)v->i << 1 ^ (uint64_t)(v->i >> 63));
    else if (shape & HAS_NUMBER)
        buf_put_varint(buf, v->u);
    if (shape & HAS_DATA)
        buf_put_blob(buf, value_slice(v));
}

static uint8_t decimal_scale(struct slice text) {
    const char *point = text.len ? memchr(text.data, '.', text.len) : NULL;
    return point ? (uint8_t)(text.data + text.len - point - 1) : 0;
}

void value_get(struct cursor *c, struct value *ret) {
    uint8_t head = cursor_u8(c), kind = head & 31;
    *ret = (struct value){.kind = kind};
    if (kind >= ARRAY_LEN(shapes) || (head >> 5 && !(shapes[kind] & HAS_SCALE))) {
        *ret = (struct value){.kind = VALUE_UNKNOWN};
        c->failed = true;
        return;
    }
    ret->scale = head >> 5;
    if (kind == VALUE_DOUBLE) {
        ret->u = cursor_u64(c);
    } else if (kind == VALUE_FLOAT) {
        uint32_t bits = cursor_u32(c);
        memcpy(&ret->f, &bits, sizeof(bits));
    } else if (is_signed_kind(kind)) {
        uint64_t z = cursor_varint(c);
        ret->i = (int64_t)(z >> 1 ^ (0 - (z & 1)));
    } else if (shapes[kind] & HAS_NUMBER) {
        ret->u = cursor_varint(c);
    }
    if (shapes[kind] & HAS_DATA) {
        struct slice s = cursor_blob(c);
        if (s.len > UINT32_MAX)
            c->failed = true;
        ret->data = s.data;
        ret->len = (uint32_t)s.len;
        if (kind == VALUE_DECIMAL)
            ret->scale = decimal_scale(s);
    }
}

bool value_equal(const struct value *a, const struct value *b) {
    if (a->kind != b->kind)
        return false;
    uint8_t shape = a->kind < ARRAY_LEN(shapes) ? shapes[a->kind] : 0;
    if ((shape & HAS_SCALE) && a->scale != b->scale)
        return false;
    if ((shape & HAS_NUMBER) && number_bits(a) != number_bits(b))
        return false;
    return !(shape & HAS_DATA) || slice_equal(value_slice(a), value_slice(b));
}

/* ---- the form for keys
 *
 * A tag byte orders the families. Numbers: two bytes for sign and exponent (of 100), then pairs of digits from 1 to 100 with an
 * end of 0; negative ones with all bits of the pairs turned. Bytes: 00 becomes 00 FF, the end is 00 01. */
enum key_tag {
    KEY_UNKNOWN = 0x00,
    KEY_NULL = 0x01,
    KEY_NUMBER = 0x10,
    KEY_DATE = 0x20,
    KEY_DATETIME = 0x21,
    KEY_TIMESTAMP = 0x22,
    KEY_TIME = 0x23,
    KEY_ENUM = 0x30,
    KEY_SET = 0x31,
    KEY_BYTES = 0x40, /* text and binary: a string join compares bytes */
    KEY_JSON = 0x41,
    KEY_GEOMETRY = 0x42,
    KEY_VECTOR = 0x43,
    KEY_BAD_TEXT = 0x44, /* never equal to text, which it is not */
};

static void put_key_pairs(struct buf *buf, bool negative, int exponent, const unsigned char *pairs, size_t count) {
    unsigned flip = negative ? 0xFF : 0;
    int head = 0x8000;
    if (count)
        head = negative ? 0x4000 - exponent : 0xC000 + exponent;
    unsigned char out[64];
    size_t n = 0;
    out[n++] = KEY_NUMBER;
    out[n++] = (unsigned char)(head >> 8);
    out[n++] = (unsigned char)head;
    for (size_t i = 0; i < count && n < sizeof(out) - 1; i++)
        out[n++] = (unsigned char)((pairs[i] + 1u) ^ flip);
    out[n++] = (unsigned char)flip;
    buf_put(buf, out, n);
}

static void put_key_integer(struct buf *buf, bool negative, uint64_t v) {
    unsigned char pairs[10];
    size_t at = sizeof(pairs);
    int exponent = 0; /* of 100: 0.PAIRS * 100^exponent */
    for (; v; v /= 100) {
        pairs[--at] = (unsigned char)(v % 100);
        exponent++;
    }
    size_t end = sizeof(pairs);
    while (end > at && pairs[end - 1] == 0)
        end--;
    put_key_pairs(buf, negative, exponent, pairs + at, end - at);
}

static void put_key_decimal(struct buf *buf, const struct decimal *d) {
    unsigned char pairs[50];
    bool odd = d->point & 1; /* the first pair has one digit, so that the exponent counts pairs */
    size_t n = 0, i = 0;
    while (i < d->count && n < sizeof(pairs)) {
        unsigned high = odd && n == 0 ? 0 : (unsigned)(d->digits[i++] - '0');
        unsigned low = i < d->count ? (unsigned)(d->digits[i++] - '0') : 0;
        pairs[n++] = (unsigned char)(high * 10 + low);
    }
    int exponent = d->count ? (d->point + odd) / 2 : 0;
    put_key_pairs(buf, d->negative, exponent, pairs, n);
}

static void put_key_bytes(struct buf *buf, uint8_t tag, const struct value *v) {
    buf_put_u8(buf, tag);
    const char *at = v->data, *end = v->data + v->len;
    while (v->len) {
        const char *zero = memchr(at, 0, (size_t)(end - at));
        buf_put(buf, at, (size_t)((zero ? zero : end) - at));
        if (!zero)
            break;
        buf_put(buf, "\x00\xFF", 2);
        at = zero + 1;
        if (at == end)
            break;
    }
    buf_put(buf, "\x00\x01", 2);
}

static void put_key_fixed(struct buf *buf, uint8_t tag, uint64_t v) {
    buf_put_u8(buf, tag);
    buf_put_be64(buf, v);
}

void value_put_key(struct buf *buf, const struct value *v) {
    struct decimal d;
    switch ((enum value_kind)v->kind) {
    case VALUE_UNKNOWN:
        buf_put_u8(buf, KEY_UNKNOWN);
        break;
    case VALUE_NULL:
        buf_put_u8(buf, KEY_NULL);
        break;
    case VALUE_INT:
        put_key_integer(buf, v->i < 0, v->i < 0 ? 0 - (uint64_t)v->i : (uint64_t)v->i);
        break;
    case VALUE_UINT:
        put_key_integer(buf, false, v->u);
        break;
    case VALUE_DECIMAL:
        decimal_read(&d, v->data, v->len);
        put_key_decimal(buf, &d);
        break;
    case VALUE_FLOAT:
        decimal_of_double(&d, (double)v->f, true);
        put_key_decimal(buf, &d);
        break;
    case VALUE_DOUBLE:
        decimal_of_double(&d, v->d, false);
        put_key_decimal(buf, &d);
        break;
    case VALUE_DATE:
        put_key_fixed(buf, KEY_DATE, v->u);
        break;
    case VALUE_DATETIME:
        put_key_fixed(buf, KEY_DATETIME, v->u);
        break;
    case VALUE_TIMESTAMP:
        put_key_fixed(buf, KEY_TIMESTAMP, v->u);
        break;
    case VALUE_TIME:
        put_key_fixed(buf, KEY_TIME, v->u ^ 1ULL << 63);
        break;
    case VALUE_ENUM:
        put_key_fixed(buf, KEY_ENUM, v->u);
        break;
    case VALUE_SET:
        put_key_fixed(buf, KEY_SET, v->u);
        break;
    case VALUE_TEXT:
    case VALUE_BYTES:
        put_key_bytes(buf, KEY_BYTES, v);
        break;
    case VALUE_JSON:
    case VALUE_JSON_DIFF:
        put_key_bytes(buf, KEY_JSON, v);
        break;
    case VALUE_GEOMETRY:
        put_key_bytes(buf, KEY_GEOMETRY, v);
        break;
    case VALUE_VECTOR:
        put_key_bytes(buf, KEY_VECTOR, v);
        break;
    case VALUE_BAD_TEXT:
        put_key_bytes(buf, KEY_BAD_TEXT, v);
        break;
    }
}

struct value value_copy(struct arena *arena, const struct value *v) {
    struct value copy = *v;
    if (v->data && (v->kind >= ARRAY_LEN(shapes) || shapes[v->kind] & HAS_DATA))
        copy.data = arena_copy(arena, v->data, v->len);
    return copy;
}
