/* Items into DynamoDB's JSON, by hand: this runs once for every item that is written.
 *
 * Each string reserves room for its worst case at once (six bytes a character), so that the copy needs no checks; the
 * buffer is the caller's, used again for each item, so nothing is allocated in the steady state. */
#include "sink/encode.h"

/* True when one of the eight bytes must be escaped: below 0x20, a quote or a backslash. The usual trick: (v - 0x0101...)
 * & ~v has a high bit where a byte is zero. */
static bool eight_need_escape(uint64_t v) {
    const uint64_t ones = 0x0101010101010101u, high = 0x8080808080808080u;
    uint64_t quote = v ^ ones * '"', backslash = v ^ ones * '\\';
    uint64_t low = (v - ones * 0x20) & ~v;
    return ((low | ((quote - ones) & ~quote) | ((backslash - ones) & ~backslash)) & high) != 0;
}

static char *put_escaped(char *to, unsigned char c) {
    static const char digits[] = "0123456789abcdef";
    if (c == '"' || c == '\\') {
        *to++ = '\\';
        *to++ = (char)c;
    } else if (c >= 0x20) {
        *to++ = (char)c;
    } else {
        memcpy(to, "\\u00", 4);
        to[4] = digits[c >> 4];
        to[5] = digits[c & 15];
        to += 6;
    }
    return to;
}

/* `to` has room for 6 * len bytes. */
static char *escape(char *to, struct slice text) {
    const char *from = text.data;
    size_t left = text.len;
    while (left >= 8) {
        uint64_t v;
        memcpy(&v, from, 8);
        if (eight_need_escape(v)) {
            for (unsigned i = 0; i < 8; i++)
                to = put_escaped(to, (unsigned char)from[i]);
        } else {
            memcpy(to, &v, 8);
            to += 8;
        }
        from += 8;
        left -= 8;
    }
    while (left-- > 0)
        to = put_escaped(to, (unsigned char)*from++);
    return to;
}

void encode_string(struct buf *buf, struct slice text) {
    char *to = buf_reserve(buf, 6 * text.len + 2);
    if (!to)
        return;
    char *start = to;
    *to++ = '"';
    to = escape(to, text);
    *to++ = '"';
    buf->len += (size_t)(to - start);
}

static void put_base64(struct buf *buf, struct slice bytes) {
    char *to = buf_reserve(buf, 4 * ((bytes.len + 2) / 3) + 2);
    if (!to)
        return;
    *to = '"';
    size_t n = base64_encode((const unsigned char *)bytes.data, bytes.len, to + 1);
    to[n + 1] = '"';
    buf->len += n + 2;
}

static void put_scalar(struct buf *buf, enum attr_type type, struct slice text) {
    if (type == ATTR_B)
        put_base64(buf, text);
    else
        encode_string(buf, text);
}

static void put_members(struct buf *buf, const struct attr_member *members, size_t count) {
    buf_put_char(buf, '{');
    for (size_t i = 0; i < count; i++) {
        if (i)
            buf_put_char(buf, ',');
        encode_string(buf, members[i].name);
        buf_put_char(buf, ':');
        encode_attr(buf, &members[i].value);
    }
    buf_put_char(buf, '}');
}

static void put_elements(struct buf *buf, const struct attr *attr) {
    buf_put_char(buf, '[');
    for (uint32_t i = 0; i < attr->count; i++) {
        if (i)
            buf_put_char(buf, ',');
        if (attr->type == ATTR_L)
            encode_attr(buf, &attr->elements[i]);
        else
            put_scalar(buf, attr->elements[i].type, attr->elements[i].text);
    }
    buf_put_char(buf, ']');
}

void encode_attr(struct buf *buf, const struct attr *attr) {
    static const struct slice begins[] = {
        [ATTR_S] = SLICE("{\"S\":"),       [ATTR_N] = SLICE("{\"N\":"),           [ATTR_B] = SLICE("{\"B\":"),
        [ATTR_BOOL] = SLICE("{\"BOOL\":"), [ATTR_NULL] = SLICE("{\"NULL\":true"), [ATTR_SS] = SLICE("{\"SS\":"),
        [ATTR_NS] = SLICE("{\"NS\":"),     [ATTR_BS] = SLICE("{\"BS\":"),         [ATTR_L] = SLICE("{\"L\":"),
        [ATTR_M] = SLICE("{\"M\":"),
    };
    buf_put_slice(buf, begins[attr->type]);
    switch ((enum attr_type)attr->type) {
    case ATTR_S:
    case ATTR_N:
    case ATTR_B:
        put_scalar(buf, attr->type, attr->text);
        break;
    case ATTR_BOOL:
        buf_put_text(buf, attr->boolean ? "true" : "false");
        break;
    case ATTR_NULL:
        break;
    case ATTR_SS:
    case ATTR_NS:
    case ATTR_BS:
    case ATTR_L:
        put_elements(buf, attr);
        break;
    case ATTR_M:
        put_members(buf, attr->members, attr->count);
        break;
    }
    buf_put_char(buf, '}');
}

void encode_item(struct buf *buf, const struct item *item) {
    put_members(buf, item->members, item->count);
}

void encode_key(struct buf *buf, const struct target *target, const struct item_key *key) {
    struct attr_member parts[2];
    size_t count = 0;
    parts[count++] = (struct attr_member){
        .name = slice_of(target->pk.name),
        .value = {.type = (uint8_t)target->pk.type, .text = key->pk},
    };
    if (target->sk.name)
        parts[count++] = (struct attr_member){
            .name = slice_of(target->sk.name),
            .value = {.type = (uint8_t)target->sk.type, .text = key->sk},
        };
    put_members(buf, parts, count);
}
