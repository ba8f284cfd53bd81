/* Column types of row images: how long a value is, and what it says.
 * Layouts: Field_*::pack in the server's sql/field.cc, mysys/my_time.cc, strings/decimal.cc (decimal2bin). */
#include "binlog/coltype.h"

#include "binlog/json_binary.h"

#include <field_types.h>
#include <math.h>

typedef void decode_function(struct cursor *c, const struct wire_column *w, struct arena *arena, struct value *ret);

enum meta_shape {
    META_NONE,
    META_BYTE,
    META_WORD,
    META_PAIR,   /* two bytes, the first is the high one */
    META_LENGTH, /* a byte: how many bytes the length before each value has */
    META_ARRAY,  /* of MYSQL_TYPE_TYPED_ARRAY: the elements' type and its metadata */
};

struct coltype {
    uint8_t number;
    uint8_t meta; /* enum meta_shape */
    uint8_t size; /* bytes, where every value has as many */
    bool sign;
    bool charset;
    enum column_type column_type;
    decode_function *decode; /* NULL: not supported */
};

/* ---- numbers */

static void decode_int(struct cursor *c, const struct wire_column *w, struct arena *arena, struct value *ret) {
    uint64_t v = cursor_le(c, w->fixed);
    if (w->column->is_unsigned) {
        ret->kind = VALUE_UINT;
        ret->u = v;
        return;
    }
    unsigned shift = 64 - 8 * w->fixed;
    ret->kind = VALUE_INT;
    ret->i = (int64_t)(v << shift) >> shift;
}

static void decode_float(struct cursor *c, const struct wire_column *w, struct arena *arena, struct value *ret) {
    uint32_t bits = cursor_u32(c);
    ret->kind = VALUE_FLOAT;
    ret->u = 0;
    memcpy(&ret->f, &bits, sizeof(bits));
    c->failed |= !isfinite(ret->f); /* no server stores such a one */
}

static void decode_double(struct cursor *c, const struct wire_column *w, struct arena *arena, struct value *ret) {
    ret->kind = VALUE_DOUBLE;
    ret->u = cursor_u64(c);
    c->failed |= !isfinite(ret->d);
}

static void decode_bit(struct cursor *c, const struct wire_column *w, struct arena *arena, struct value *ret) {
    ret->kind = VALUE_UINT;
    ret->u = cursor_be(c, w->fixed);
}

static void decode_year(struct cursor *c, const struct wire_column *w, struct arena *arena, struct value *ret) {
    uint8_t year = cursor_u8(c);
    ret->kind = VALUE_UINT;
    ret->u = year ? 1900u + year : 0;
}

/* Groups of nine digits in four bytes, big-endian; the odd digits of either side in as few bytes as hold them. The first bit tells
 * the sign (turned, so that bytes compare); all bits of negative numbers are turned. */
static const uint8_t decimal_bytes[] = {0, 1, 1, 2, 2, 3, 3, 4, 4, 4};

static uint32_t decimal_size(unsigned precision, unsigned scale) {
    unsigned whole = precision - scale;
    return whole / 9 * 4 + decimal_bytes[whole % 9] + scale / 9 * 4 + decimal_bytes[scale % 9];
}

/* Two digits at a time. */
static char *put_digits(char *to, uint32_t v, unsigned digits) {
    unsigned i = digits;
    for (; i >= 2; i -= 2, v /= 100)
        memcpy(to + i - 2, digit_pairs + 2 * (v % 100), 2);
    if (i)
        *to = (char)('0' + v % 10);
    return to + digits;
}

struct decimal_reader {
    struct cursor in;
    uint64_t flip; /* all bits set when negative */
    uint64_t sign; /* the bit to be turned in the byte that comes next; 0 behind the first */
};

static uint32_t take_group(struct decimal_reader *r, unsigned digits) {
    static const uint32_t limits[] = {1, 10, 100, 1000, 10000, 100000, 1000000, 10000000, 100000000, 1000000000};
    unsigned size = decimal_bytes[digits];
    if (size == 0)
        return 0;
    uint64_t v = cursor_be(&r->in, size) ^ r->flip ^ r->sign << 8 * (size - 1);
    v &= ~0ULL >> (64 - 8 * size);
    r->sign = 0;
    r->in.failed = r->in.failed || v >= limits[digits];
    return (uint32_t)v;
}

static unsigned digits_of(uint32_t v) {
    unsigned n = 1;
    for (; v >= 10; v /= 10)
        n++;
    return n;
}

/* A result of arithmetic, as JSON may hold, has a precision of whole groups: 66 for what fits DECIMAL(65,30). */
bool decimal_valid(unsigned precision, unsigned scale) {
    return precision >= 1 && scale <= precision && (precision - scale + 8) / 9 + (scale + 8) / 9 <= 9;
}

size_t decimal_text(struct cursor *c, unsigned precision, unsigned scale, char text[static DECIMAL_TEXT_MAX]) {
    unsigned whole = precision - scale;
    uint32_t size = decimal_size(precision, scale);
    const unsigned char *raw = cursor_take(c, size);
    if (!raw)
        return 0;
    struct decimal_reader r = {.in = cursor_of(raw, size), .flip = raw[0] & 0x80 ? 0 : ~0ULL, .sign = 0x80};
    char *to = text;
    if (r.flip)
        *to++ = '-';
    char *first = to;
    for (unsigned left = whole, digits; left; left -= digits) {
        digits = left % 9 ? left % 9 : 9;
        uint32_t v = take_group(&r, digits);
        if (v || to > first)
            to = put_digits(to, v, to > first ? digits : digits_of(v));
    }
    if (to == first)
        *to++ = '0';
    if (scale)
        *to++ = '.';
    for (unsigned left = scale, digits; left; left -= digits) {
        digits = MIN(left, 9);
        to = put_digits(to, take_group(&r, digits), digits);
    }
    c->failed = c->failed || r.in.failed;
    return (size_t)(to - text);
}

static void decode_decimal(struct cursor *c, const struct wire_column *w, struct arena *arena, struct value *ret) {
    char *text = arena_alloc(arena, DECIMAL_TEXT_MAX);
    ret->kind = VALUE_DECIMAL;
    ret->scale = (uint8_t)w->meta;
    ret->data = text;
    ret->len = (uint32_t)decimal_text(c, w->meta >> 8, w->meta & 255, text);
}

/* ---- times */

static unsigned read_fraction(struct cursor *c, unsigned digits) {
    static const unsigned unit[] = {0, 10000, 100, 1};
    unsigned size = (digits + 1) / 2;
    return (unsigned)cursor_be(c, size) * unit[MIN(size, 3)];
}

static void decode_date(struct cursor *c, const struct wire_column *w, struct arena *arena, struct value *ret) {
    uint32_t v = cursor_u24(c);
    struct datetime t = {.year = v >> 9, .month = v >> 5 & 15, .day = v & 31};
    ret->kind = VALUE_DATE;
    ret->u = value_pack_datetime(&t);
}

/* year * 13 + month, day 5 bits, hour 5, minute 6, second 6; the highest of 40 bits is a sign that is always set. */
static void decode_datetime(struct cursor *c, const struct wire_column *w, struct arena *arena, struct value *ret) {
    uint64_t v = cursor_be(c, 5) & 0x7FFFFFFFFF;
    unsigned months = (unsigned)(v >> 22);
    struct datetime t = {
        .year = months / 13,
        .month = months % 13,
        .day = (unsigned)(v >> 17) & 31,
        .hour = (unsigned)(v >> 12) & 31,
        .minute = (unsigned)(v >> 6) & 63,
        .second = (unsigned)v & 63,
        .microsecond = read_fraction(c, w->meta),
    };
    ret->kind = VALUE_DATETIME;
    ret->scale = (uint8_t)w->meta;
    ret->u = value_pack_datetime(&t);
}

static void decode_timestamp(struct cursor *c, const struct wire_column *w, struct arena *arena, struct value *ret) {
    uint32_t seconds = (uint32_t)cursor_be(c, 4);
    unsigned microsecond = read_fraction(c, w->meta);
    ret->kind = VALUE_TIMESTAMP;
    ret->scale = (uint8_t)w->meta;
    ret->u = seconds || microsecond ? value_epoch_datetime(seconds, microsecond) : 0;
}

/* Of tables made before MySQL 5.6 and not rebuilt since: decimal digits YYYYMMDDhhmmss. */
static void decode_old_datetime(struct cursor *c, const struct wire_column *w, struct arena *arena, struct value *ret) {
    uint64_t v = cursor_u64(c), date = v / 1000000, time = v % 1000000;
    struct datetime t = {
        .year = (unsigned)(date / 10000),
        .month = (unsigned)(date / 100 % 100),
        .day = (unsigned)(date % 100),
        .hour = (unsigned)(time / 10000),
        .minute = (unsigned)(time / 100 % 100),
        .second = (unsigned)(time % 100),
    };
    if (date > 99999999 || t.month > 12 || t.day > 31 || t.hour > 23 || t.minute > 59 || t.second > 59)
        c->failed = true;
    ret->kind = VALUE_DATETIME;
    ret->u = value_pack_datetime(&t);
}

static void decode_old_timestamp(struct cursor *c, const struct wire_column *w, struct arena *arena,
                                 struct value *ret) {
    uint32_t seconds = cursor_u32(c);
    ret->kind = VALUE_TIMESTAMP;
    ret->u = seconds ? value_epoch_datetime(seconds, 0) : 0;
}

/* hhhmmss as a signed number */
static void decode_old_time(struct cursor *c, const struct wire_column *w, struct arena *arena, struct value *ret) {
    int32_t v = (int32_t)(cursor_u24(c) << 8) >> 8;
    uint32_t a = (uint32_t)(v < 0 ? -v : v);
    if (a > 8385959 || a / 100 % 100 > 59 || a % 100 > 59)
        c->failed = true;
    int64_t us = (a / 10000 * 3600 + a / 100 % 100 * 60 + a % 100) * 1000000LL;
    ret->kind = VALUE_TIME;
    ret->i = v < 0 ? -us : us;
}

/* Sign, hour 10 bits, minute 6, second 6, then the fraction: one number of 3 to 6 bytes with an offset of half its range. */
static void decode_time(struct cursor *c, const struct wire_column *w, struct arena *arena, struct value *ret) {
    static const unsigned unit[] = {0, 10000, 100, 1};
    unsigned size = (w->meta + 1u) / 2, bits = 8 * size;
    int64_t v = (int64_t)cursor_be(c, 3 + size) - (1LL << (23 + bits));
    uint64_t a = v < 0 ? (uint64_t)-v : (uint64_t)v, hms = a >> bits;
    uint64_t fraction = (a & ((1ULL << bits) - 1)) * unit[size];
    uint64_t seconds = (hms >> 12 & 1023) * 3600 + (hms >> 6 & 63) * 60 + (hms & 63);
    int64_t us = (int64_t)(seconds * 1000000 + fraction);
    ret->kind = VALUE_TIME;
    ret->scale = (uint8_t)w->meta;
    ret->i = v < 0 ? -us : us;
}

/* ---- strings */

void coltype_text(const struct column *column, enum charset set, struct slice bytes, struct arena *arena,
                  struct value *ret) {
    if (set != CHARSET_BINARY) {
        ret->kind = charset_to_utf8(set, bytes, arena, &bytes) ? VALUE_TEXT : VALUE_BAD_TEXT;
    } else {
        ret->kind = VALUE_BYTES;
        if (column->fixed_length && bytes.len < column->length) { /* row images leave the zeros out */
            char *padded = arena_zalloc(arena, column->length);
            if (bytes.len)
                memcpy(padded, bytes.data, bytes.len);
            bytes = (struct slice){padded, column->length};
        }
    }
    ret->data = bytes.data;
    ret->len = (uint32_t)bytes.len;
}

/* Bytes with a length before them. */
static void take_prefixed(struct cursor *c, const struct wire_column *w, enum value_kind kind, struct value *ret) {
    uint64_t len = cursor_le(c, w->prefix);
    *ret = (struct value){.kind = (uint8_t)kind, .len = (uint32_t)len, .data = (const char *)cursor_take(c, len)};
}

static void decode_geometry(struct cursor *c, const struct wire_column *w, struct arena *arena, struct value *ret) {
    take_prefixed(c, w, VALUE_GEOMETRY, ret);
}

static void decode_vector(struct cursor *c, const struct wire_column *w, struct arena *arena, struct value *ret) {
    take_prefixed(c, w, VALUE_VECTOR, ret);
}

static void decode_text(struct cursor *c, const struct wire_column *w, struct arena *arena, struct value *ret) {
    uint64_t len = cursor_le(c, w->prefix);
    const unsigned char *data = cursor_take(c, len);
    if (data)
        coltype_text(w->column, w->charset, (struct slice){(const char *)data, len}, arena, ret);
}

static void decode_json(struct cursor *c, const struct wire_column *w, struct arena *arena, struct value *ret) {
    uint64_t len = cursor_le(c, w->prefix);
    const unsigned char *data = cursor_take(c, len);
    if (!data || !json_binary_decode((struct slice){(const char *)data, len}, w->bare_doubles, arena, ret))
        c->failed = true;
}

void coltype_enum(const struct column *column, uint64_t index, struct value *ret) {
    struct slice label = index > 0 && index <= column->label_count ? column->labels[index - 1] : SLICE("");
    *ret = (struct value){.kind = VALUE_ENUM, .u = index, .data = label.data, .len = (uint32_t)label.len};
}

void coltype_set(const struct column *column, uint64_t bits, struct arena *arena, struct value *ret) {
    size_t len = 0;
    for (size_t i = 0; i < column->label_count && i < 64; i++)
        if (bits >> i & 1)
            len += column->labels[i].len + 1;
    char *text = arena_alloc(arena, len + 1), *to = text;
    for (size_t i = 0; i < column->label_count && i < 64; i++) {
        if (!(bits >> i & 1))
            continue;
        if (bits & ((1ULL << i) - 1))
            *to++ = ',';
        memcpy(to, column->labels[i].data, column->labels[i].len);
        to += column->labels[i].len;
    }
    *ret = (struct value){.kind = VALUE_SET, .u = bits, .data = text, .len = (uint32_t)(to - text)};
}

static void decode_enum(struct cursor *c, const struct wire_column *w, struct arena *arena, struct value *ret) {
    uint64_t index = cursor_le(c, w->fixed);
    if (w->column->labels && index > w->column->label_count)
        c->failed = true;
    coltype_enum(w->column, index, ret);
    ret->data = w->column->labels ? ret->data : NULL;
}

static void decode_set(struct cursor *c, const struct wire_column *w, struct arena *arena, struct value *ret) {
    uint64_t bits = cursor_le(c, w->fixed);
    size_t count = w->column->label_count;
    if (w->column->labels && count < 64 && bits >> count)
        c->failed = true;
    coltype_set(w->column, bits, arena, ret);
    ret->data = w->column->labels ? ret->data : NULL;
}

/* ---- the table */

static const struct coltype types[] = {
    {MYSQL_TYPE_TINY, META_NONE, 1, true, false, COLUMN_INT, decode_int},
    {MYSQL_TYPE_SHORT, META_NONE, 2, true, false, COLUMN_INT, decode_int},
    {MYSQL_TYPE_INT24, META_NONE, 3, true, false, COLUMN_INT, decode_int},
    {MYSQL_TYPE_LONG, META_NONE, 4, true, false, COLUMN_INT, decode_int},
    {MYSQL_TYPE_LONGLONG, META_NONE, 8, true, false, COLUMN_INT, decode_int},
    {MYSQL_TYPE_FLOAT, META_BYTE, 4, true, false, COLUMN_FLOAT, decode_float},
    {MYSQL_TYPE_DOUBLE, META_BYTE, 8, true, false, COLUMN_DOUBLE, decode_double},
    {MYSQL_TYPE_NEWDECIMAL, META_PAIR, 0, true, false, COLUMN_DECIMAL, decode_decimal},
    {MYSQL_TYPE_BIT, META_WORD, 0, false, false, COLUMN_BIT, decode_bit},
    {MYSQL_TYPE_YEAR, META_NONE, 1, true, false, COLUMN_YEAR, decode_year},
    {MYSQL_TYPE_DATE, META_NONE, 3, false, false, COLUMN_DATE, decode_date},
    {MYSQL_TYPE_NEWDATE, META_NONE, 3, false, false, COLUMN_DATE, decode_date},
    {MYSQL_TYPE_TIME2, META_BYTE, 0, false, false, COLUMN_TIME, decode_time},
    {MYSQL_TYPE_DATETIME2, META_BYTE, 0, false, false, COLUMN_DATETIME, decode_datetime},
    {MYSQL_TYPE_TIMESTAMP2, META_BYTE, 0, false, false, COLUMN_TIMESTAMP, decode_timestamp},
    {MYSQL_TYPE_VARCHAR, META_WORD, 0, false, true, COLUMN_TEXT, decode_text},
    {MYSQL_TYPE_VAR_STRING, META_WORD, 0, false, true, COLUMN_TEXT, decode_text},
    {MYSQL_TYPE_STRING, META_PAIR, 0, false, true, COLUMN_TEXT, decode_text},
    {MYSQL_TYPE_BLOB, META_LENGTH, 0, false, true, COLUMN_TEXT, decode_text},
    {MYSQL_TYPE_ENUM, META_PAIR, 0, false, false, COLUMN_ENUM, decode_enum},
    {MYSQL_TYPE_SET, META_PAIR, 0, false, false, COLUMN_SET, decode_set},
    {MYSQL_TYPE_JSON, META_LENGTH, 0, false, false, COLUMN_JSON, decode_json},
    {MYSQL_TYPE_GEOMETRY, META_LENGTH, 0, false, false, COLUMN_GEOMETRY, decode_geometry},
    {MYSQL_TYPE_VECTOR, META_LENGTH, 0, false, true, COLUMN_VECTOR, decode_vector}, /* of the binary character set */
    /* of tables made before MySQL 5.6 */
    {MYSQL_TYPE_TIMESTAMP, META_NONE, 4, false, false, COLUMN_TIMESTAMP, decode_old_timestamp},
    {MYSQL_TYPE_TIME, META_NONE, 3, false, false, COLUMN_TIME, decode_old_time},
    {MYSQL_TYPE_DATETIME, META_NONE, 8, false, false, COLUMN_DATETIME, decode_old_datetime},
    /* hidden columns of functional indexes over JSON arrays: 8.0.17 and some releases after it wrote them */
    {MYSQL_TYPE_TYPED_ARRAY, META_ARRAY, 0, false, false, COLUMN_UNSUPPORTED, NULL},
    /* never in a table map: DECIMAL (of 4.1; its metadata does not tell its size), NULL, INVALID, BOOL, TINY_BLOB, MEDIUM_BLOB, LONG_BLOB */
};

static const struct coltype *type_by_number(uint8_t number) {
    for (size_t i = 0; i < ARRAY_LEN(types); i++)
        if (types[i].number == number)
            return &types[i];
    return NULL;
}

/* CHAR hides ENUM and SET, and two bits of a length over 255, in the first byte of its metadata. */
static void resolve_string(struct wire_column *w) {
    unsigned first = w->meta >> 8, length = w->meta & 255;
    if (first == MYSQL_TYPE_ENUM || first == MYSQL_TYPE_SET) {
        w->number = (uint8_t)first;
        w->type = type_by_number(w->number);
        w->fixed = length;
        return;
    }
    length |= ((first & 0x30) ^ 0x30) << 4;
    w->meta = (uint16_t)length;
    w->prefix = length > 255 ? 2 : 1;
}

static bool resolve_sizes(struct wire_column *w) {
    unsigned fraction = (w->meta + 1u) / 2;
    if (w->type->size || w->prefix)
        return w->prefix <= 4;
    switch (w->type->column_type) {
    case COLUMN_BIT: /* odd bits in the low byte of the metadata, whole bytes in the high one */
        w->fixed = (uint32_t)(w->meta >> 8) + ((w->meta & 255) ? 1 : 0);
        return w->fixed >= 1 && w->fixed <= 8;
    case COLUMN_DECIMAL:
        if ((w->meta >> 8) > 65 || (w->meta & 255) > 30 || !decimal_valid(w->meta >> 8, w->meta & 255))
            return false;
        w->fixed = decimal_size(w->meta >> 8, w->meta & 255);
        return true;
    case COLUMN_TIME:
        w->fixed = 3 + fraction;
        return w->meta <= 6;
    case COLUMN_DATETIME:
        w->fixed = 5 + fraction;
        return w->meta <= 6;
    case COLUMN_TIMESTAMP:
        w->fixed = 4 + fraction;
        return w->meta <= 6;
    case COLUMN_ENUM:
        return w->fixed == 1 || w->fixed == 2;
    case COLUMN_SET:
        return w->fixed >= 1 && w->fixed <= 8;
    default:
        return false;
    }
}

/* The metadata of the elements is that of their type, but for the length of VARCHAR, which has three bytes (read_field_metadata in the
 * server's sql/rpl_utility.cc). The values are JSON. */
static void resolve_array(struct wire_column *w, struct cursor *meta) {
    static const uint8_t sizes[] = {[META_BYTE] = 1, [META_WORD] = 2, [META_PAIR] = 2, [META_LENGTH] = 1};
    uint8_t number = cursor_u8(meta);
    const struct coltype *element = type_by_number(number);
    if (!element || element->meta >= ARRAY_LEN(sizes))
        meta->failed = true;
    else
        cursor_skip(meta, number == MYSQL_TYPE_VARCHAR ? 3 : sizes[element->meta]);
    w->prefix = 4;
}

static void read_meta(struct wire_column *w, struct cursor *meta) {
    switch ((enum meta_shape)w->type->meta) {
    case META_NONE:
        break;
    case META_BYTE:
        w->meta = cursor_u8(meta);
        break;
    case META_WORD:
        w->meta = cursor_u16(meta);
        break;
    case META_PAIR:
        w->meta = (uint16_t)cursor_be(meta, 2);
        break;
    case META_LENGTH:
        w->prefix = cursor_u8(meta);
        meta->failed |= w->prefix == 0;
        break;
    case META_ARRAY:
        resolve_array(w, meta);
        break;
    }
}

bool coltype_known(uint8_t number) {
    return type_by_number(number) != NULL;
}

bool coltype_resolve(struct wire_column *w, uint8_t number, struct cursor *meta) {
    static const struct coltype unknown = {.column_type = COLUMN_UNSUPPORTED};
    *w = (struct wire_column){.number = number, .type = type_by_number(number)};
    if (!w->type) {
        w->type = &unknown;
        return false;
    }
    w->fixed = w->type->size;
    read_meta(w, meta);
    if (number == MYSQL_TYPE_STRING)
        resolve_string(w);
    else if (number == MYSQL_TYPE_VARCHAR || number == MYSQL_TYPE_VAR_STRING)
        w->prefix = w->meta > 255 ? 2 : 1;
    return !meta->failed && resolve_sizes(w);
}

enum column_type coltype_column_type(const struct wire_column *w) {
    return w->type->column_type;
}

bool coltype_has_sign(const struct wire_column *w) {
    return w->type->sign;
}

bool coltype_has_charset(const struct wire_column *w) {
    return w->type->charset;
}

uint8_t coltype_digits(const struct wire_column *w) {
    switch (w->type->column_type) {
    case COLUMN_DECIMAL:
        return (uint8_t)(w->meta & 255);
    case COLUMN_TIME:
    case COLUMN_DATETIME:
    case COLUMN_TIMESTAMP:
        return (uint8_t)w->meta;
    default:
        return 0;
    }
}

uint32_t coltype_length(const struct wire_column *w) {
    switch (w->type->column_type) {
    case COLUMN_INT:
        return w->fixed;
    case COLUMN_BIT:
        return (w->meta >> 8) * 8u + (w->meta & 255u);
    case COLUMN_DECIMAL:
        return w->meta >> 8;
    case COLUMN_TEXT: /* of BLOB it is 0 */
        return w->meta;
    default:
        return 0;
    }
}

const char *coltype_unsupported(const struct wire_column *w) {
    if (!w->type->decode)
        return w->type->column_type == COLUMN_UNSUPPORTED ? "an index over a JSON array"
                                                          : column_type_name(w->type->column_type);
    bool labels = w->charset != CHARSET_UNKNOWN; /* of ENUM and SET: known where the binlog has the labels */
    return w->type->charset || labels ? charset_refusal(w->charset) : NULL;
}

void coltype_skip(struct cursor *c, const struct wire_column *w) {
    cursor_skip(c, w->fixed ? w->fixed : cursor_le(c, w->prefix));
}

void coltype_decode(struct cursor *c, const struct wire_column *w, struct arena *arena, struct value *ret) {
    *ret = (struct value){0};
    w->type->decode(c, w, arena, ret);
}
