/* A growing buffer with a maximum. Passing the maximum sets `full`, after which nothing more is written:
 * write a whole thing, then ask once. */
#pragma once

#include "src/base/base.h"

struct buf {
    char *data;
    size_t len;
    size_t cap;
    size_t max; /* bytes */
    bool full;
    bool borrowed; /* data is on the stack */
};

#define BUF_INIT(maximum) ((struct buf){.max = (maximum)})
/* Begins in `bytes` on the stack, and takes memory of its own only when these are too few: for what is short and made often. It
 * lives until the end of the block at most. */
#define BUF_SMALL(bytes, maximum)                                                                                      \
    ((struct buf){.data = (char[bytes]){0}, .cap = (bytes), .max = (maximum), .borrowed = true})

void buf_deinit(struct buf *buf); /* accepts NULL and zeroes; leaves an empty buffer */
void buf_clear(struct buf *buf);  /* keeps the memory */

/* Makes room for `size` more bytes and returns where they go (the caller raises len), or NULL when that is too much. */
char *buf_reserve_growing(struct buf *buf, size_t size); /* for buf_reserve() */
static inline char *buf_reserve(struct buf *buf, size_t size) {
    bool fits = !buf->full && size <= buf->cap - buf->len && buf->data;
    return fits ? buf->data + buf->len : buf_reserve_growing(buf, size);
}

void buf_put_growing(struct buf *buf, const void *data, size_t len); /* for buf_put() */

static inline void buf_put(struct buf *buf, const void *data, size_t len) {
    if (buf->full || len > buf->cap - buf->len) {
        buf_put_growing(buf, data, len);
    } else if (len) {
        memcpy(buf->data + buf->len, data, len);
        buf->len += len;
    }
}

static inline void buf_put_text(struct buf *buf, const char *text) {
    buf_put(buf, text, strlen(text));
}
void buf_printf(struct buf *buf, const char *format, ...) printf_like(2, 3);
extern const char digit_pairs[201]; /* "00" to "99" */
/* Decimal digits, at least `width` of them (zeros before; at most 20). */
void buf_put_digits(struct buf *buf, uint64_t v, unsigned width);

static inline void buf_put_slice(struct buf *buf, struct slice s) {
    buf_put(buf, s.data, s.len);
}

static inline void buf_put_u8(struct buf *buf, uint8_t v) {
    if (buf->len < buf->cap && !buf->full)
        buf->data[buf->len++] = (char)v;
    else
        buf_put(buf, &v, 1);
}

static inline void buf_put_char(struct buf *buf, char c) {
    buf_put_u8(buf, (uint8_t)c);
}

/* Unsigned integers as binary, little-endian and (for keys that sort) big-endian. */
void buf_put_le16(struct buf *buf, uint16_t v);
void buf_put_le32(struct buf *buf, uint32_t v);
void buf_put_le64(struct buf *buf, uint64_t v);
void buf_put_be32(struct buf *buf, uint32_t v);
void buf_put_be64(struct buf *buf, uint64_t v);

/* LEB128: seven bits a byte, low first; at most ten bytes. cursor_varint() reads it. */
static inline void buf_put_varint(struct buf *buf, uint64_t v) {
    for (; v >= 0x80; v >>= 7)
        buf_put_u8(buf, (uint8_t)(v | 0x80));
    buf_put_u8(buf, (uint8_t)v);
}

/* varint length, then the bytes. cursor_blob() reads it. */
static inline void buf_put_blob(struct buf *buf, struct slice s) {
    buf_put_varint(buf, s.len);
    buf_put_slice(buf, s);
}

/* The text with a terminator; stays valid until the next write. "" when empty. */
const char *buf_text(struct buf *buf);

static inline struct slice buf_slice(const struct buf *buf) {
    return (struct slice){buf->data, buf->len};
}
