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
};

#define BUF_INIT(maximum) ((struct buf){.max = (maximum)})

void buf_deinit(struct buf *buf); /* accepts NULL and zeroes; leaves an empty buffer */
void buf_clear(struct buf *buf);  /* keeps the memory */

/* Makes room for `size` more bytes and returns where they go (the caller raises len), or NULL when that is too much. */
char *buf_reserve(struct buf *buf, size_t size);

void buf_put(struct buf *buf, const void *data, size_t len);
void buf_put_slice(struct buf *buf, struct slice s);
void buf_put_text(struct buf *buf, const char *text);
void buf_put_char(struct buf *buf, char c);
void buf_printf(struct buf *buf, const char *format, ...) printf_like(2, 3);

/* Unsigned integers as binary, little-endian and (for keys that sort) big-endian. */
void buf_put_u8(struct buf *buf, uint8_t v);
void buf_put_le16(struct buf *buf, uint16_t v);
void buf_put_le32(struct buf *buf, uint32_t v);
void buf_put_le64(struct buf *buf, uint64_t v);
void buf_put_be32(struct buf *buf, uint32_t v);
void buf_put_be64(struct buf *buf, uint64_t v);
/* LEB128: seven bits a byte, low first; at most ten bytes. cursor_varint() reads it. */
void buf_put_varint(struct buf *buf, uint64_t v);
/* varint length, then the bytes. cursor_blob() reads it. */
void buf_put_blob(struct buf *buf, struct slice s);

/* The text with a terminator; stays valid until the next write. "" when empty. */
const char *buf_text(struct buf *buf);

static inline struct slice buf_slice(const struct buf *buf) {
    return (struct slice){buf->data, buf->len};
}
