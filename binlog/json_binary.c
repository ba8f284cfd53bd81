/* MySQL's binary JSON as text.
 *
 * A document is a type byte and a value. Objects and arrays: number of elements, size in bytes, (objects: offset and length of each key),
 * type and offset of each value, then keys and values. Offsets count from the container's first byte (behind its type), two bytes each in
 * small containers, four in large ones; values that fit stand in place of the offset.
 *
 * Nothing is read outside of the container that refers to it. In a document that MySQL wrote no two values share bytes, though there may
 * be holes: so the bytes read are counted, and more of them than there are is malformed. That bounds the work, whatever the offsets say. */
#include "binlog/json_binary.h"

#include "src/base/utf8.h"

#include "binlog/coltype.h"
#include "src/base/digest.h"
#include "src/base/json.h"

#include <field_types.h>
#include <math.h>

enum json_type_byte {
    SMALL_OBJECT,
    LARGE_OBJECT,
    SMALL_ARRAY,
    LARGE_ARRAY,
    LITERAL,
    INT16,
    UINT16,
    INT32,
    UINT32,
    INT64,
    UINT64,
    DOUBLE,
    STRING,
    OPAQUE = 15,
};

enum { DEPTH_MAX = 100 /* MySQL's JSON_DOCUMENT_MAX_DEPTH */ };

struct printer {
    struct buf *out;
    size_t unread; /* bytes of the document that may still be read */
    bool failed;
    bool bare_doubles;
};

static void put_value(struct printer *p, uint8_t type, struct cursor *at, unsigned depth);

static void fail(struct printer *p) {
    p->failed = true;
}

static void spend(struct printer *p, size_t bytes) {
    if (bytes > p->unread)
        fail(p);
    p->unread -= MIN(bytes, p->unread);
}

/* ---- strings */

static bool is_plain(unsigned char c) {
    return c >= 0x20 && c != '"' && c != '\\';
}

/* Some byte of the eight is below 0x20, a quote or a backslash (or, rarely, one beside such a byte is taken for it). */
static bool has_special(uint64_t w) {
    const uint64_t ones = 0x0101010101010101, high = 0x8080808080808080;
    uint64_t quote = w ^ ones * '"', slash = w ^ ones * '\\';
    return (((w - ones * 0x20) & ~w) | ((quote - ones) & ~quote) | ((slash - ones) & ~slash)) & high;
}

/* Bytes up to the next one that is escaped. */
static size_t plain_run(const unsigned char *p, size_t len) {
    size_t n = 0;
    for (uint64_t eight; len - n >= sizeof(eight); n += sizeof(eight)) {
        memcpy(&eight, p + n, sizeof(eight));
        if (has_special(eight))
            break;
    }
    while (n < len && is_plain(p[n]))
        n++;
    return n;
}

static void put_escape(struct buf *out, unsigned char c) {
    static const char letters[] = {['\b'] = 'b', ['\f'] = 'f', ['\n'] = 'n', ['\r'] = 'r', ['\t'] = 't'};
    buf_put_char(out, '\\');
    if (c >= 0x20) {
        buf_put_char(out, (char)c);
    } else if (c < sizeof(letters) && letters[c]) {
        buf_put_char(out, letters[c]);
    } else {
        buf_put_text(out, "u00");
        buf_put_char(out, "0123456789abcdef"[c >> 4]);
        buf_put_char(out, "0123456789abcdef"[c & 15]);
    }
}

static void put_quoted(struct buf *out, const unsigned char *bytes, size_t len) {
    char *to = buf_reserve(out, len + 2);
    if (!to)
        return;
    to[0] = '"';
    memcpy(to + 1, bytes, len);
    to[len + 1] = '"';
    out->len += len + 2;
}

static void put_string(struct printer *p, struct cursor *c, size_t len) {
    spend(p, len);
    const unsigned char *bytes = cursor_take(c, len);
    if (!bytes || p->failed)
        return fail(p);
    size_t n = plain_run(bytes, len);
    if (n == len) /* most */
        return put_quoted(p->out, bytes, len);
    struct cursor rest = cursor_of(bytes, len);
    buf_put_char(p->out, '"');
    for (; cursor_left(&rest); n = plain_run(rest.at, cursor_left(&rest))) {
        buf_put(p->out, cursor_take(&rest, n), n);
        if (cursor_left(&rest))
            put_escape(p->out, cursor_u8(&rest));
    }
    buf_put_char(p->out, '"');
}

/* ---- numbers */

/* As my_gcvt() in the server's strings/dtoa.cc has it, and ".0" behind what would look like an integer. */
static void put_double(struct printer *p, uint64_t bits) {
    enum { PLAIN_MIN = -14, PLAIN_MAX = 15 };
    struct buf *out = p->out;
    double v;
    char digits[JSON_DIGITS_MAX];
    int point;
    memcpy(&v, &bits, sizeof(v));
    if (!isfinite(v)) /* JSON has none */
        return fail(p);
    int count = (int)json_double_digits(v, digits, &point); /* 0.DIGITS * 10^point */
    if (bits >> 63)
        buf_put_char(out, '-');
    if (point < PLAIN_MIN || (point > PLAIN_MAX && count <= point)) {
        buf_put_char(out, digits[0]);
        if (count > 1)
            buf_put_char(out, '.');
        buf_put(out, digits + 1, (size_t)count - 1);
        buf_put_text(out, point < 1 ? "e-" : "e");
        buf_put_digits(out, (uint64_t)(point < 1 ? 1 - point : point - 1), 1);
        return;
    }
    if (point <= 0)
        buf_put_text(out, "0.");
    for (int i = point; i < 0; i++)
        buf_put_char(out, '0');
    for (int i = 0; i < MAX(count, point); i++) {
        if (i > 0 && i == point)
            buf_put_char(out, '.');
        buf_put_char(out, i < count ? digits[i] : '0');
    }
    if (count <= point && !p->bare_doubles)
        buf_put_text(out, ".0");
}

/* INT16 to UINT64: two, four and eight bytes, signed and not in turn. */
static void put_integer(struct buf *out, uint8_t type, struct cursor *c) {
    unsigned size = 2u << (type - INT16) / 2, shift = 64 - 8 * size;
    uint64_t v = cursor_le(c, size);
    if ((type - INT16) % 2 == 0) {
        int64_t i = (int64_t)(v << shift) >> shift;
        if (i < 0)
            buf_put_char(out, '-');
        v = i < 0 ? 0 - (uint64_t)i : (uint64_t)i;
    }
    buf_put_digits(out, v, 1);
}

/* Precision, scale, and the value as columns have it. */
static void put_decimal(struct printer *p, struct cursor *c) {
    char text[DECIMAL_TEXT_MAX];
    unsigned precision = cursor_u8(c), scale = cursor_u8(c);
    size_t len = c->failed || !decimal_valid(precision, scale) ? 0 : decimal_text(c, precision, scale, text);
    if (!len || c->failed)
        return fail(p);
    buf_put(p->out, text, len);
}

/* ---- times: TIME_to_longlong_packed() in mysys/my_time.cc */

static void put_clock(struct buf *out, uint64_t hour, uint64_t v) {
    buf_put_digits(out, hour, 2);
    buf_put_char(out, ':');
    buf_put_digits(out, v >> 30 & 63, 2);
    buf_put_char(out, ':');
    buf_put_digits(out, v >> 24 & 63, 2);
    buf_put_char(out, '.');
    buf_put_digits(out, v & 0xFFFFFF, 6);
}

static void put_time(struct printer *p, uint8_t type, struct cursor *c) {
    uint64_t v = cursor_u64(c);
    if (c->failed)
        return fail(p);
    buf_put_char(p->out, '"');
    if (v >> 63) {
        buf_put_char(p->out, '-');
        v = 0 - v;
    }
    if (type == MYSQL_TYPE_TIME) {
        put_clock(p->out, v >> 36 & 1023, v);
    } else {
        uint64_t months = v >> 46;
        buf_put_digits(p->out, months / 13, 4);
        buf_put_char(p->out, '-');
        buf_put_digits(p->out, months % 13, 2);
        buf_put_char(p->out, '-');
        buf_put_digits(p->out, v >> 41 & 31, 2);
        if (type != MYSQL_TYPE_DATE) {
            buf_put_char(p->out, ' ');
            put_clock(p->out, v >> 36 & 31, v);
        }
    }
    buf_put_char(p->out, '"');
}

/* ---- what JSON has no type for */

/* Lines of 76 letters, as the server's base64_encode() breaks them; the break is escaped. */
static void put_base64(struct printer *p, uint8_t type, struct cursor *c) {
    enum { LINE_BYTES = 57, LINE_TEXT = 76 };
    buf_printf(p->out, "\"base64:type%u:", type);
    for (bool first = true; cursor_left(c); first = false) {
        size_t n = MIN(cursor_left(c), LINE_BYTES);
        if (!first)
            buf_put_text(p->out, "\\n");
        char *to = buf_reserve(p->out, LINE_TEXT);
        if (!to)
            return;
        p->out->len += base64_encode(cursor_take(c, n), n, to);
    }
    buf_put_char(p->out, '"');
}

/* Seven bits a byte, low first; at most 32 bits. */
static size_t read_length(struct printer *p, struct cursor *c) {
    uint64_t len = 0;
    unsigned shift = 0;
    uint8_t byte;
    do {
        byte = cursor_u8(c);
        len |= (uint64_t)(byte & 127) << shift;
        shift += 7;
    } while (byte & 128 && shift < 35);
    if (c->failed || byte & 128 || len > UINT32_MAX)
        fail(p);
    spend(p, shift / 7);
    return len;
}

/* A type of columns, a length, and the bytes. */
static void put_opaque(struct printer *p, struct cursor *c) {
    uint8_t type = cursor_u8(c);
    size_t len = read_length(p, c);
    const unsigned char *bytes = cursor_take(c, len);
    spend(p, len);
    if (!bytes || p->failed)
        return fail(p);
    struct cursor in = cursor_of(bytes, len);
    switch (type) {
    case MYSQL_TYPE_NEWDECIMAL:
        return put_decimal(p, &in);
    case MYSQL_TYPE_DATE:
    case MYSQL_TYPE_TIME:
    case MYSQL_TYPE_DATETIME:
    case MYSQL_TYPE_TIMESTAMP:
        return put_time(p, type, &in);
    default:
        return put_base64(p, type, &in);
    }
}

static void put_literal(struct printer *p, struct cursor *c) {
    static const char *const names[] = {"null", "true", "false"};
    uint8_t which = cursor_u8(c);
    if (c->failed || which >= ARRAY_LEN(names))
        return fail(p);
    buf_put_text(p->out, names[which]);
}

/* ---- objects and arrays */

static bool is_inlined(uint8_t type, bool large) {
    return (type >= LITERAL && type <= UINT16) || (large && (type == INT32 || type == UINT32));
}

/* The key that the next entry in `keys` refers to. */
static void put_key(struct printer *p, struct cursor *keys, unsigned width, const struct cursor *whole) {
    size_t offset = cursor_le(keys, width), len = cursor_u16(keys);
    struct cursor at = *whole;
    cursor_skip(&at, offset);
    put_string(p, &at, len);
    buf_put(p->out, ": ", 2);
}

/* The value that the next entry in `values` holds or refers to; `header` bytes at the container's start hold no value. */
static void put_element(struct printer *p, struct cursor *values, unsigned width, const struct cursor *whole,
                        size_t header, unsigned depth) {
    uint8_t type = cursor_u8(values);
    struct cursor at = *values;
    size_t offset = cursor_le(values, width);
    if (!is_inlined(type, width == 4)) {
        if (offset < header)
            fail(p);
        at = *whole;
        cursor_skip(&at, offset);
    }
    put_value(p, type, &at, depth);
}

static void put_container(struct printer *p, uint8_t type, struct cursor *at, unsigned depth) {
    bool object = type == SMALL_OBJECT || type == LARGE_OBJECT;
    unsigned width = type == LARGE_OBJECT || type == LARGE_ARRAY ? 4 : 2;
    struct cursor c = *at, whole = *at;
    size_t count = cursor_le(&c, width), size = cursor_le(&c, width);
    size_t keys_size = object ? count * (width + 2) : 0, header = 2 * width + keys_size + count * (1 + width);
    if (c.failed || size > cursor_left(&whole) || header > size || depth >= DEPTH_MAX)
        return fail(p);
    spend(p, header);
    whole = cursor_of(cursor_take(&whole, size), size);
    struct cursor keys = c, values = c;
    cursor_skip(&values, keys_size);
    buf_put_char(p->out, object ? '{' : '[');
    for (size_t i = 0; i < count && !p->failed; i++) {
        if (i)
            buf_put(p->out, ", ", 2);
        if (object)
            put_key(p, &keys, width, &whole);
        put_element(p, &values, width, &whole, header, depth + 1);
    }
    buf_put_char(p->out, object ? '}' : ']');
}

/* `at` ends where the container ends. */
static void put_value(struct printer *p, uint8_t type, struct cursor *at, unsigned depth) {
    switch (type) {
    case SMALL_OBJECT:
    case LARGE_OBJECT:
    case SMALL_ARRAY:
    case LARGE_ARRAY:
        return put_container(p, type, at, depth);
    case LITERAL:
        return put_literal(p, at);
    case INT16:
    case UINT16:
    case INT32:
    case UINT32:
    case INT64:
    case UINT64:
        put_integer(p->out, type, at);
        break;
    case DOUBLE:
        put_double(p, cursor_u64(at));
        break;
    case STRING: {
        size_t len = read_length(p, at);
        put_string(p, at, len);
        break;
    }
    case OPAQUE:
        return put_opaque(p, at);
    default:
        return fail(p);
    }
    if (at->failed)
        fail(p);
}

/* ---- all */

bool json_binary_text(struct slice document, bool bare_doubles, struct buf *out) {
    struct printer p = {.out = out, .bare_doubles = bare_doubles, .unread = document.len};
    struct cursor c = cursor_of(document.data, document.len);
    if (document.len == 0)
        buf_put_text(out, "null");
    else
        put_value(&p, cursor_u8(&c), &c, 0);
    return !p.failed && !out->full;
}

bool json_binary_decode(struct slice document, bool bare_doubles, struct arena *arena, struct value *ret) {
    size_t room = document.len + document.len / 2 + 64; /* enough for what is usual */
    struct buf text defer(buf_deinit) = {
        .data = arena_alloc(arena, room), .cap = room, .max = UINT32_MAX, .borrowed = true};
    if (!json_binary_text(document, bare_doubles, &text))
        return false;
    *ret = (struct value){.kind = utf8_valid(buf_slice(&text)) ? VALUE_JSON : VALUE_BAD_TEXT,
                          .data = text.data,
                          .len = (uint32_t)text.len};
    if (!text.borrowed)
        ret->data = arena_copy(arena, text.data, text.len);
    return true;
}
