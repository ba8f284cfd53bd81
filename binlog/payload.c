/* Inflating a compressed transaction event by event: one event is in memory, never the whole.
 *
 * Body: fields of type, length, value (lenenc each) until type 0; then the compressed bytes
 * (the server's libs/mysql/binlog/event/codecs/binary.cpp). */
#include "binlog/payload.h"

#include "binlog/event.h"

#include <stdlib.h>
#include <zstd.h>

enum { FIELD_END = 0, FIELD_SIZE = 1, FIELD_COMPRESSION = 2, COMPRESSION_ZSTD = 0, COMPRESSION_NONE = 255 };
enum { EVENT_MAX = 1024 * 1024 * 1024 }; /* the server's max_allowed_packet ends here too */

struct payload {
    struct cursor in;
    ZSTD_DStream *zstd; /* NULL: not compressed */
    struct buf event;
};

int payload_open(struct payload **ret, struct slice body, struct error *error) {
    struct cursor c = cursor_of(body.data, body.len);
    uint64_t compression = COMPRESSION_ZSTD, size = UINT64_MAX;
    for (;;) {
        uint64_t type = cursor_lenenc(&c);
        if (type == FIELD_END || c.failed)
            break;
        uint64_t len = cursor_lenenc(&c);
        const unsigned char *value = cursor_take(&c, len);
        struct cursor v = cursor_of(value, value ? len : 0);
        if (type == FIELD_COMPRESSION)
            compression = cursor_lenenc(&v);
        else if (type == FIELD_SIZE)
            size = cursor_lenenc(&v);
        c.failed = c.failed || v.failed;
    }
    if (c.failed || (size != UINT64_MAX && size != cursor_left(&c)))
        return error_set(error, ERR_SOURCE, "a compressed transaction of the binlog is malformed");
    if (compression != COMPRESSION_ZSTD && compression != COMPRESSION_NONE)
        return error_set(
            error, ERR_SOURCE,
            "a transaction is compressed by method %llu, which this version of leat does not know: upgrade it",
            (unsigned long long)compression);
    struct payload *p = xcalloc(1, sizeof(*p));
    p->in = c;
    p->event = BUF_INIT(EVENT_MAX);
    if (compression == COMPRESSION_ZSTD) {
        p->zstd = ZSTD_createDStream();
        if (!p->zstd)
            abort();
    }
    *ret = p;
    return 0;
}

void payload_close(struct payload *p) {
    if (!p)
        return;
    ZSTD_freeDStream(p->zstd);
    buf_deinit(&p->event);
    free(p);
}

/* Up to `want` bytes to the end of p->event; *ret_got tells how many there were. */
static int inflate(struct payload *p, size_t want, size_t *ret_got, struct error *error) {
    char *to = buf_reserve(&p->event, want);
    if (!to)
        return error_set(error, ERR_SOURCE, "an event in a compressed transaction is larger than %d bytes", EVENT_MAX);
    size_t got = 0;
    if (!p->zstd) {
        got = MIN(want, cursor_left(&p->in));
        if (got)
            memcpy(to, cursor_take(&p->in, got), got);
    }
    ZSTD_outBuffer out = {to, want, 0};
    while (p->zstd && out.pos < want) {
        ZSTD_inBuffer in = {p->in.at, cursor_left(&p->in), 0};
        size_t before = out.pos;
        size_t r = ZSTD_decompressStream(p->zstd, &out, &in);
        if (ZSTD_isError(r))
            return error_set(error, ERR_SOURCE, "a compressed transaction of the binlog cannot be inflated: %s",
                             ZSTD_getErrorName(r));
        cursor_skip(&p->in, in.pos);
        if (in.pos == 0 && out.pos == before)
            break;
        got = out.pos;
    }
    p->event.len += got;
    *ret_got = got;
    return 0;
}

int payload_next(struct payload *p, struct slice *ret, struct error *error) {
    size_t got = 0;
    buf_clear(&p->event);
    int r = inflate(p, EVENT_HEADER_SIZE, &got, error);
    if (r || got == 0)
        return r;
    struct cursor c = cursor_of(p->event.data, p->event.len);
    cursor_skip(&c, 9);
    uint32_t size = cursor_u32(&c); /* behind timestamp 4, type 1, server id 4 */
    if (got < EVENT_HEADER_SIZE || size < EVENT_HEADER_SIZE || size > EVENT_MAX)
        return error_set(error, ERR_SOURCE, "a compressed transaction of the binlog is malformed");
    for (size_t left = size - EVENT_HEADER_SIZE; left; left -= got) {
        /* in steps, so that a lying size takes no more memory than there are bytes */
        r = inflate(p, MIN(left, 1024 * 1024), &got, error);
        if (r)
            return r;
        if (got == 0)
            return error_set(error, ERR_SOURCE,
                             "a compressed transaction of the binlog ends in the middle of an event");
    }
    *ret = buf_slice(&p->event);
    return 1;
}
