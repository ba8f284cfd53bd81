/* Reading bytes from outside: a cursor that cannot pass its end.
 *
 * A read past the end returns zeroes, and sets `failed`, which stays: read a whole structure, then ask once.
 * Integers are little-endian, as in MySQL's events and in our own records. */
#pragma once

#include "src/base/base.h"

#include <endian.h>

struct cursor {
    const unsigned char *at;
    const unsigned char *end;
    bool failed;
};

static inline struct cursor cursor_of(const void *data, size_t len) {
    const unsigned char *p = data;
    return (struct cursor){p, p ? p + len : p, false};
}

static inline size_t cursor_left(const struct cursor *c) {
    return (size_t)(c->end - c->at);
}

/* `len` bytes and moves on; NULL when there are not so many. */
static inline const unsigned char *cursor_take(struct cursor *c, size_t len) {
    if (len > cursor_left(c)) {
        c->failed = true;
        c->at = c->end;
        return NULL;
    }
    const unsigned char *p = c->at;
    c->at += len;
    return p;
}

static inline void cursor_skip(struct cursor *c, size_t len) {
    (void)cursor_take(c, len);
}

/* An integer of 0 to 8 bytes. Eight are loaded at once where there are so many. */
static inline uint64_t cursor_le(struct cursor *c, size_t size) {
    const unsigned char *p = cursor_take(c, size);
    uint64_t v = 0;
    if (p && c->end - p >= 8 && size) {
        memcpy(&v, p, 8);
        return le64toh(v) & ~0ULL >> (64 - 8 * size);
    }
    for (size_t i = size; p && i-- > 0;)
        v = v << 8 | p[i];
    return v;
}

static inline uint8_t cursor_u8(struct cursor *c) {
    return (uint8_t)cursor_le(c, 1);
}
static inline uint16_t cursor_u16(struct cursor *c) {
    return (uint16_t)cursor_le(c, 2);
}
static inline uint32_t cursor_u24(struct cursor *c) {
    return (uint32_t)cursor_le(c, 3);
}
static inline uint32_t cursor_u32(struct cursor *c) {
    return (uint32_t)cursor_le(c, 4);
}
static inline uint64_t cursor_u48(struct cursor *c) {
    return cursor_le(c, 6);
}
static inline uint64_t cursor_u64(struct cursor *c) {
    return cursor_le(c, 8);
}

/* Big-endian of 0 to 8 bytes: MySQL's temporal and decimal types, and keys that sort. */
static inline uint64_t cursor_be(struct cursor *c, size_t size) {
    const unsigned char *p = cursor_take(c, size);
    uint64_t v = 0;
    if (p && c->end - p >= 8 && size) {
        memcpy(&v, p, 8);
        return be64toh(v) >> (64 - 8 * size);
    }
    for (size_t i = 0; p && i < size; i++)
        v = v << 8 | p[i];
    return v;
}

/* MySQL's length-encoded integer (client protocol, "int<lenenc>"); 0xFB and 0xFF are failures. */
uint64_t cursor_lenenc(struct cursor *c);

uint64_t cursor_varint(struct cursor *c);   /* what buf_put_varint() wrote */
struct slice cursor_blob(struct cursor *c); /* what buf_put_blob() wrote; {NULL, 0} on failure */
