/* The forms of the store's keys. */
#include "transform/keys.h"

#include "src/base/digest.h"

uint64_t hash_key(struct slice key) { /* eight bytes at once: multiplied, high bits into the low ones */
    uint64_t h = 1469598103934665603u ^ key.len;
    const char *at = key.data;
    for (size_t left = key.len; left > 0;) {
        uint64_t v = 0;
        size_t n = MIN(left, sizeof(v));
        memcpy(&v, at, n);
        h = (h ^ v) * 0x9E3779B97F4A7C15u;
        h ^= h >> 32;
        at += n;
        left -= n;
    }
    return h ^ h >> 29;
}

void key_put_be16(struct buf *buf, unsigned v) {
    buf_put_u8(buf, (uint8_t)(v >> 8));
    buf_put_u8(buf, (uint8_t)v);
}

unsigned key_get_be16(struct slice key, size_t at) {
    if (key.len < at + 2)
        return 0;
    return (unsigned)(unsigned char)key.data[at] << 8 | (unsigned char)key.data[at + 1];
}

bool key_put_part(struct buf *buf, struct slice part, size_t max) {
    if (part.len < max) {
        buf_put_slice(buf, part);
        return false;
    }
    struct digest128 digest = digest128(part);
    buf_put(buf, part.data, max - sizeof(digest.bytes));
    buf_put(buf, digest.bytes, sizeof(digest.bytes));
    return true;
}

void key_put_full(struct buf *value, struct slice part, bool shortened) {
    buf_put_blob(value, shortened ? part : (struct slice){NULL, 0});
}

struct slice key_full(struct slice key, size_t skip, struct cursor *c) {
    struct slice full = cursor_blob(c);
    return full.len ? full : (struct slice){key.data + skip, key.len - skip};
}

int key_check(struct cursor *c, struct slice part, struct error *error) {
    struct slice full = cursor_blob(c);
    if (c->failed)
        return error_set(error, ERR_STORE, "the store is damaged: a record is cut off; " NEW_SNAPSHOT);
    if (full.len && !slice_equal(full, part))
        return error_set(error, ERR_STORE, "the store is damaged: two long keys have one digest; " NEW_SNAPSHOT);
    return 0;
}

void row_key_put(struct buf *buf, const struct source *source, const struct value *row) {
    key_put_be16(buf, source->number);
    for (size_t i = 0; i < source->key_count; i++)
        value_put_key(buf, &row[i]);
}

bool row_db_key(struct buf *buf, struct slice row_key) {
    return key_put_part(buf, row_key, KEY_PART_MAX);
}
