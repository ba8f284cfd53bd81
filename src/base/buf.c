/* A growing buffer with a maximum. */
#include "src/base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

const char digit_pairs[201] =
    "0001020304050607080910111213141516171819202122232425262728293031323334353637383940414243444546474849"
    "5051525354555657585960616263646566676869707172737475767778798081828384858687888990919293949596979899";

void buf_deinit(struct buf *buf) {
    if (!buf)
        return;
    if (!buf->borrowed)
        free(buf->data);
    *buf = (struct buf){.max = buf->max};
}

void buf_clear(struct buf *buf) {
    buf->len = 0;
    buf->full = false;
}

char *buf_reserve_growing(struct buf *buf, size_t size) {
    if (buf->full)
        return NULL;
    if (size > buf->cap - buf->len) {
        if (size > buf->max || buf->len > buf->max - size) {
            buf->full = true;
            return NULL;
        }
        size_t cap = MAX(buf->len + size, MIN(buf->cap * 2, buf->max));
        buf->cap = MIN(MAX(cap, 64), MAX(buf->max, buf->len + size));
        char *own = xrealloc(buf->borrowed ? NULL : buf->data, buf->cap);
        if (buf->borrowed)
            memcpy(own, buf->data, buf->len);
        buf->data = own;
        buf->borrowed = false;
    }
    return buf->data + buf->len;
}

void buf_put_growing(struct buf *buf, const void *data, size_t len) {
    char *to = buf_reserve(buf, len);
    if (to && len) {
        memcpy(to, data, len);
        buf->len += len;
    }
}

void buf_put_digits(struct buf *buf, uint64_t v, unsigned width) {
    char digits[20];
    size_t at = sizeof(digits);
    for (; v >= 100; v /= 100)
        memcpy(digits + (at -= 2), digit_pairs + 2 * (v % 100), 2);
    if (v >= 10)
        memcpy(digits + (at -= 2), digit_pairs + 2 * v, 2);
    else if (v)
        digits[--at] = (char)('0' + v);
    while (at > 0 && sizeof(digits) - at < width)
        digits[--at] = '0';
    buf_put(buf, digits + at, sizeof(digits) - at);
}

void buf_printf(struct buf *buf, const char *format, ...) {
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (n > 0) {
        char *to = buf_reserve(buf, (size_t)n + 1);
        if (to) {
            vsnprintf(to, (size_t)n + 1, format, again);
            buf->len += (size_t)n;
        }
    }
    va_end(again);
}

static void put_le(struct buf *buf, uint64_t v, unsigned size) {
    unsigned char b[8];
    for (unsigned i = 0; i < size; i++)
        b[i] = (unsigned char)(v >> (8 * i));
    buf_put(buf, b, size);
}

static void put_be(struct buf *buf, uint64_t v, unsigned size) {
    unsigned char b[8];
    for (unsigned i = 0; i < size; i++)
        b[i] = (unsigned char)(v >> (8 * (size - 1 - i)));
    buf_put(buf, b, size);
}

void buf_put_le16(struct buf *buf, uint16_t v) {
    put_le(buf, v, 2);
}
void buf_put_le32(struct buf *buf, uint32_t v) {
    put_le(buf, v, 4);
}
void buf_put_le64(struct buf *buf, uint64_t v) {
    put_le(buf, v, 8);
}
void buf_put_be32(struct buf *buf, uint32_t v) {
    put_be(buf, v, 4);
}
void buf_put_be64(struct buf *buf, uint64_t v) {
    put_be(buf, v, 8);
}

const char *buf_text(struct buf *buf) {
    char *end = buf_reserve(buf, 1);
    if (!end)
        return "";
    *end = 0;
    return buf->data;
}
