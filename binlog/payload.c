/* Inflating a compressed transaction: neither what it is nor what it becomes is ever in memory whole, but where it is small.
 *
 * Body: fields of type, length, value (lenenc each) until type 0; then the compressed bytes
 * (the server's libs/mysql/binlog/event/codecs/binary.cpp).
 *
 * Happy path: (1) the fields tell how many bytes come and how many they become; (2) these are inflated into a window, whole when they
 * fit, else piece by piece; (3) events are cut out of the window, which grows for one that is larger and shrinks behind it.
 *
 * Bounds: an event has at most EVENT_MAX bytes, all together as many as the fields say; memory grows with bytes that are there, not
 * with sizes that are told. */
#include "binlog/payload.h"

#include "binlog/event.h"

#include <stdlib.h>
#include <zstd.h>

enum { FIELD_END = 0, FIELD_SIZE = 1, FIELD_COMPRESSION = 2, FIELD_INFLATED_SIZE = 3 };
enum { COMPRESSION_ZSTD = 0, COMPRESSION_NONE = 255 };
enum {
    EVENT_MAX = 1024 * 1024 * 1024, /* the server's max_allowed_packet ends here too */
    WINDOW_SIZE = 256 * 1024,
    STEP_SIZE = 1024 * 1024,
    ZSTD_KEEP_MAX = 16 * 1024 * 1024, /* of the inflater's own memory; the highest levels make it take 128 MB */
};

struct payload {
    struct cursor in;
    struct txn_reader *rest; /* NULL: all is in `in` */
    uint64_t left;           /* bytes that are still to come out */
    bool is_zstd;
    ZSTD_DCtx *zstd;
    struct buf window;
    size_t at; /* of the next event in it */
};

struct payload *payload_new(void) {
    struct payload *p = xcalloc(1, sizeof(*p));
    p->window = BUF_INIT((size_t)EVENT_MAX + STEP_SIZE);
    return p;
}

void payload_free(struct payload *p) {
    if (!p)
        return;
    ZSTD_freeDCtx(p->zstd);
    buf_deinit(&p->window);
    free(p);
}

static int malformed(struct error *error) {
    return error_set(error, ERR_SOURCE, "a compressed transaction of the binlog is malformed");
}

static void zstd_ready(struct payload *p) {
    if (p->zstd && ZSTD_sizeof_DCtx(p->zstd) > ZSTD_KEEP_MAX) {
        ZSTD_freeDCtx(p->zstd);
        p->zstd = NULL;
    }
    if (!p->zstd)
        p->zstd = ZSTD_createDCtx();
    if (!p->zstd || ZSTD_isError(ZSTD_DCtx_reset(p->zstd, ZSTD_reset_session_only)))
        abort();
}

int payload_begin(struct payload *p, struct slice body, struct txn_reader *rest, struct error *error) {
    struct cursor c = cursor_of(body.data, body.len);
    uint64_t compression = COMPRESSION_ZSTD, size = UINT64_MAX, inflated = UINT64_MAX;
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
        else if (type == FIELD_INFLATED_SIZE)
            inflated = cursor_lenenc(&v);
        c.failed = c.failed || v.failed;
    }
    if (c.failed || (size != UINT64_MAX && size != cursor_left(&c) + (rest ? rest->rest : 0)))
        return malformed(error);
    if (compression != COMPRESSION_ZSTD && compression != COMPRESSION_NONE)
        return error_set(
            error, ERR_SOURCE,
            "a transaction is compressed by method %llu, which this version of leat does not know: upgrade it",
            (unsigned long long)compression);
    p->in = c;
    p->rest = rest;
    p->left = inflated;
    p->is_zstd = compression == COMPRESSION_ZSTD;
    p->at = 0;
    if (p->window.cap > 4 * WINDOW_SIZE)
        buf_deinit(&p->window);
    buf_clear(&p->window);
    if (p->is_zstd)
        zstd_ready(p);
    return 0;
}

/* Bytes to inflate: 1 when there are some, 0 at the end. */
static int fill_in(struct payload *p, struct error *error) {
    struct slice piece;
    if (cursor_left(&p->in))
        return 1;
    int r = p->rest ? txn_reader_rest(p->rest, &piece, error) : 0;
    if (r > 0)
        p->in = cursor_of(piece.data, piece.len);
    return r;
}

static int inflate(struct payload *p, void *to, size_t room, size_t *ret_got, struct error *error) {
    if (!p->is_zstd) {
        size_t len = MIN(room, cursor_left(&p->in));
        memcpy(to, cursor_take(&p->in, len), len);
        *ret_got = len;
        return 0;
    }
    ZSTD_outBuffer out = {to, room, 0};
    ZSTD_inBuffer in = {p->in.at, cursor_left(&p->in), 0};
    size_t r = ZSTD_decompressStream(p->zstd, &out, &in);
    if (ZSTD_isError(r))
        return error_set(error, ERR_SOURCE, "a compressed transaction of the binlog cannot be inflated: %s",
                         ZSTD_getErrorName(r));
    cursor_skip(&p->in, in.pos);
    *ret_got = out.pos;
    return 0;
}

/* What stands in the window from p->at on moves to its beginning, so that there is room for `room` bytes behind it. */
static char *make_room(struct payload *p, size_t room) {
    struct buf *w = &p->window;
    size_t have = w->len - p->at;
    if (p->at && have)
        memmove(w->data, w->data + p->at, have);
    w->len = have;
    p->at = 0;
    if (w->cap > 4 * WINDOW_SIZE && have + room <= WINDOW_SIZE) { /* grown by one large event */
        struct buf small = BUF_INIT(w->max);
        buf_put(&small, w->data, have);
        buf_deinit(w);
        *w = small;
    }
    return buf_reserve(w, room);
}

/* Makes `want` bytes stand behind p->at; fewer only when no more come. */
static int need(struct payload *p, size_t want, struct error *error) {
    while (p->window.len - p->at < want) {
        size_t have = p->window.len - p->at, got = 0;
        int r = fill_in(p, error);
        if (r < 0)
            return r;
        /* the inflater may hold back what it has no room for, so it is asked once more behind the last of its input */
        size_t room = MIN(MAX(want, WINDOW_SIZE) - have, STEP_SIZE);
        char *to = make_room(p, room);
        if (!to)
            return error_set(error, ERR_SOURCE, "an event in a compressed transaction is larger than %d bytes",
                             EVENT_MAX);
        bool last = r == 0;
        r = inflate(p, to, room, &got, error);
        if (r)
            return r;
        if (got > p->left)
            return malformed(error);
        p->window.len += got;
        p->left -= p->left == UINT64_MAX ? 0 : got;
        if (last && got == 0)
            break;
    }
    return 0;
}

int payload_next(struct payload *p, struct slice *ret, struct error *error) {
    int r = need(p, EVENT_HEADER_SIZE, error);
    size_t have = p->window.len - p->at;
    if (r)
        return r;
    if (have == 0 && (p->left == 0 || p->left == UINT64_MAX))
        return 0;
    struct cursor c = cursor_of(p->window.data + p->at, have);
    cursor_skip(&c, 9);
    uint32_t size = cursor_u32(&c); /* behind timestamp 4, type 1, server id 4 */
    if (have < EVENT_HEADER_SIZE || size < EVENT_HEADER_SIZE || size > EVENT_MAX)
        return malformed(error);
    r = need(p, size, error);
    if (r)
        return r;
    if (p->window.len - p->at < size)
        return error_set(error, ERR_SOURCE, "a compressed transaction of the binlog ends in the middle of an event");
    *ret = (struct slice){p->window.data + p->at, size};
    p->at += size;
    return 1;
}
