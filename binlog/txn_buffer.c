/* Holding the events of one transaction until its end is known.
 *
 * Memory first; the event that would pass the bound, and all behind it, go to a file that has no name (O_TMPFILE), through 256 KB
 * of memory, and are read back through as much. A full disk is an error of the store: the reader tries again later, from the transaction's beginning. */
#include "binlog/txn_buffer.h"

#include "binlog/event.h"
#include "src/base/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PENDING_SIZE = 256 * 1024, WINDOW_SIZE = 256 * 1024, LENGTH_SIZE = 4, FIRST_SIZE = 1024 };

struct txn *txn_new(size_t memory_max, const char *dir) {
    struct txn *t = xcalloc(1, sizeof(*t));
    t->memory = BUF_INIT(memory_max); /* the bound holds for what is allocated, too */
    t->pending = BUF_INIT(SIZE_MAX / 2);
    t->memory_max = memory_max;
    t->dir = dir;
    t->fd = -1;
    return t;
}

void txn_free(struct txn *t) {
    if (!t)
        return;
    buf_deinit(&t->memory);
    buf_deinit(&t->pending);
    if (t->fd >= 0)
        close(t->fd);
    free(t);
}

const struct txn_end *txn_end(const struct txn *t) {
    return &t->end;
}

size_t txn_bytes(const struct txn *t) {
    return t->bytes;
}

size_t txn_memory(const struct txn *t) {
    return sizeof(*t) + t->memory.cap + t->pending.cap;
}

static int file_open(struct txn *t, struct error *error) {
    t->fd = open(t->dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (t->fd < 0)
        return error_set(error, ERR_STORE, "%s: no file for a large transaction: %s", t->dir, strerror(errno));
    return 0;
}

static int flush(struct txn *t, struct error *error) {
    int r = t->pending.len ? sys_write_all(t->fd, t->pending.data, t->pending.len, t->dir, error) : 0;
    if (r == 0)
        buf_clear(&t->pending);
    return r;
}

int txn_put(struct txn *t, struct slice raw, struct error *error) {
    bool to_memory = t->fd < 0 && t->memory.len + raw.len + LENGTH_SIZE <= t->memory_max;
    if (!to_memory && t->fd < 0) {
        int r = file_open(t, error);
        if (r)
            return r;
    }
    struct buf *to = to_memory ? &t->memory : &t->pending;
    if (to->cap == 0)
        (void)buf_reserve(to, MIN(FIRST_SIZE, to->max));
    if (!to_memory && to->len && to->len + raw.len > PENDING_SIZE) {
        int r = flush(t, error);
        if (r)
            return r;
    }
    buf_put_le32(to, (uint32_t)raw.len);
    if (!to_memory && raw.len > PENDING_SIZE) { /* a large event needs no copy */
        int r = flush(t, error);
        if (r == 0)
            r = sys_write_all(t->fd, raw.data, raw.len, t->dir, error);
        if (r)
            return r;
    } else {
        buf_put_slice(to, raw);
    }
    t->bytes += raw.len + LENGTH_SIZE;
    return 0;
}

int txn_truncate(struct txn *t, size_t bytes, struct error *error) {
    t->bytes = bytes;
    if (bytes <= t->memory.len)
        t->memory.len = bytes;
    if (t->fd < 0)
        return 0;
    int r = flush(t, error);
    if (r)
        return r;
    off_t left = (off_t)(bytes - t->memory.len);
    if (ftruncate(t->fd, left) != 0 || lseek(t->fd, left, SEEK_SET) < 0)
        return error_set(error, ERR_STORE, "%s: cutting the file of a large transaction: %s", t->dir, strerror(errno));
    return 0;
}

int txn_seal(struct txn *t, struct error *error) {
    int r = flush(t, error);
    buf_deinit(&t->pending);
    return r;
}

static int read_at(struct txn *t, size_t at, void *data, size_t len, struct error *error) {
    char *to = data;
    while (len) {
        ssize_t n = pread(t->fd, to, len, (off_t)at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return error_set(error, ERR_STORE, "%s: reading a large transaction back: %s", t->dir,
                             n ? strerror(errno) : "its file ends early");
        to += n;
        at += (size_t)n;
        len -= (size_t)n;
    }
    return 0;
}

/* Makes the file's bytes [at, at + want) stand in the window, with as many behind them as it holds. */
static int need(struct txn_reader *r, size_t at, size_t want, struct cursor *ret, struct error *error) {
    size_t size = r->txn->bytes - r->txn->memory.len;
    if (want > size - MIN(at, size))
        return error_set(error, ERR_BUG, "the file of a large transaction is malformed");
    if (at < r->window_at || at + want > r->window_at + r->window.len) {
        size_t len = MIN(MAX(want, WINDOW_SIZE), size - at);
        if (r->window.cap > MAX(len, WINDOW_SIZE)) /* grown by one large event */
            buf_deinit(&r->window);
        r->window.max = SIZE_MAX / 2;
        buf_clear(&r->window);
        int e = read_at(r->txn, at, buf_reserve(&r->window, len), len, error);
        if (e)
            return e;
        r->window_at = at;
        r->window.len = len;
    }
    *ret = cursor_of(r->window.data + (at - r->window_at), want);
    return 0;
}

static int next_from_file(struct txn_reader *r, struct slice *ret, struct error *error) {
    struct cursor c;
    size_t at = r->at - r->txn->memory.len;
    int e = need(r, at, LENGTH_SIZE + EVENT_HEADER_SIZE, &c, error);
    if (e)
        return e;
    uint32_t len = cursor_u32(&c), first = len;
    cursor_skip(&c, 4);
    if (cursor_u8(&c) == EVENT_TRANSACTION_PAYLOAD)
        first = MIN(len, WINDOW_SIZE - LENGTH_SIZE);
    e = need(r, at + LENGTH_SIZE, first, &c, error);
    if (e)
        return e;
    *ret = (struct slice){(const char *)c.at, first};
    r->at += len + LENGTH_SIZE;
    r->rest_at = at + LENGTH_SIZE + first;
    r->rest = len - first;
    return 1;
}

int txn_reader_rest(struct txn_reader *r, struct slice *ret, struct error *error) {
    struct cursor c;
    size_t len = MIN(r->rest, WINDOW_SIZE);
    if (len == 0)
        return 0;
    int e = need(r, r->rest_at, len, &c, error);
    if (e)
        return e;
    *ret = (struct slice){(const char *)c.at, len};
    r->rest_at += len;
    r->rest -= len;
    return 1;
}

int txn_reader_next(struct txn_reader *r, struct slice *ret, struct error *error) {
    struct txn *t = r->txn;
    r->rest = 0;
    if (r->at >= t->bytes)
        return 0;
    if (r->at >= t->memory.len)
        return next_from_file(r, ret, error);
    struct cursor c = cursor_of(t->memory.data + r->at, t->memory.len - r->at);
    uint32_t len = cursor_u32(&c);
    const unsigned char *data = cursor_take(&c, len);
    if (!data)
        return error_set(error, ERR_BUG, "a transaction's buffer is malformed");
    *ret = (struct slice){(const char *)data, len};
    r->at += len + LENGTH_SIZE;
    return 1;
}

void txn_reader_deinit(struct txn_reader *r) {
    buf_deinit(&r->window);
}
