/* The journal: an append-only file. */
#include "transform/journal.h"

#include "src/base/digest.h"
#include "src/base/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { HEADER_BYTES = 4 + 16, RECORD_BYTES_MAX = 64 << 20, FLUSH_BYTES = 1 << 20 };

struct journal {
    int fd;
    bool durable;
    bool unsynced;
    char *path;
    uint64_t bytes;
    uint64_t number;
    struct buf position; /* encoded */
    struct buf keys;
    struct buf record;
    uint64_t key_count;
};

static int read_record(const struct journal_reader *reader, struct slice content, struct error *error) {
    struct cursor c = cursor_of(content.data, content.len);
    uint64_t number = cursor_varint(&c);
    struct position position defer(position_deinit) = {0};
    int r = position_get(&c, &position, error);
    if (!r)
        r = reader->record(reader->context, number, &position, error);
    uint64_t count = cursor_varint(&c);
    for (uint64_t i = 0; !r && i < count && !c.failed; i++) {
        struct slice key = cursor_blob(&c);
        if (!c.failed)
            r = reader->key(reader->context, key, error);
    }
    if (!r && c.failed)
        r = error_set(error, ERR_STORE, "the journal has a malformed record");
    return r;
}

/* Reads exactly `len` bytes at `at`; 1 when the file ends before. */
static int read_at(struct journal *j, uint64_t at, char *to, size_t len, struct error *error) {
    while (len > 0) {
        ssize_t n = pread(j->fd, to, len, (off_t)at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return error_set(error, ERR_STORE, "cannot read %s: %s", j->path, strerror(errno));
        if (n == 0)
            return 1;
        to += n;
        at += (uint64_t)n;
        len -= (size_t)n;
    }
    return 0;
}

/* 1: no (whole) record here. */
static int next_record(struct journal *j, uint64_t at, struct buf *content, struct error *error) {
    char header[HEADER_BYTES];
    int r = read_at(j, at, header, sizeof(header), error);
    if (r)
        return r;
    struct cursor c = cursor_of(header, sizeof(header));
    uint32_t len = cursor_u32(&c);
    if (len == 0 || len > RECORD_BYTES_MAX)
        return 1;
    buf_clear(content);
    char *to = buf_reserve(content, len);
    if (!to)
        return 1;
    r = read_at(j, at + HEADER_BYTES, to, len, error);
    if (r)
        return r;
    content->len = len;
    struct digest128 digest = digest128(buf_slice(content));
    return memcmp(digest.bytes, header + 4, sizeof(digest.bytes)) != 0;
}

static int read_all(struct journal *j, const struct journal_reader *reader, struct error *error) {
    struct buf content defer(buf_deinit) = BUF_INIT(RECORD_BYTES_MAX);
    int r;
    while ((r = next_record(j, j->bytes, &content, error)) == 0) {
        r = read_record(reader, buf_slice(&content), error);
        if (r)
            return error_wrap(error, r, "%s at byte %llu", j->path, (unsigned long long)j->bytes);
        j->bytes += HEADER_BYTES + content.len;
    }
    return r < 0 ? r : 0;
}

int journal_open(struct journal **ret, const char *dir, bool durable, const struct journal_reader *reader,
                 struct error *error) {
    struct journal *j = xcalloc(1, sizeof(*j));
    char path[4096];
    snprintf(path, sizeof(path), "%s/journal", dir);
    *j = (struct journal){.durable = durable,
                          .path = xstrdup(path),
                          .position = BUF_INIT(RECORD_BYTES_MAX / 2),
                          .keys = BUF_INIT(RECORD_BYTES_MAX / 2),
                          .record = BUF_INIT(RECORD_BYTES_MAX)};
    j->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    int r = j->fd < 0 ? error_set(error, ERR_STORE, "cannot open %s: %s", path, strerror(errno))
                      : read_all(j, reader, error);
    /* what a crash cut off must go: nothing behind it would be read again */
    if (!r && ftruncate(j->fd, (off_t)j->bytes) < 0)
        r = error_set(error, ERR_STORE, "cannot cut %s: %s", path, strerror(errno));
    if (!r && lseek(j->fd, (off_t)j->bytes, SEEK_SET) < 0)
        r = error_set(error, ERR_STORE, "cannot seek in %s: %s", path, strerror(errno));
    if (r) {
        journal_free(j);
        return r;
    }
    *ret = j;
    return 0;
}

void journal_free(struct journal *j) {
    if (!j)
        return;
    if (j->fd >= 0)
        close(j->fd);
    buf_deinit(&j->position);
    buf_deinit(&j->keys);
    buf_deinit(&j->record);
    free(j->path);
    free(j);
}

void journal_begin(struct journal *j, uint64_t number, const struct position *position) {
    j->number = number;
    j->key_count = 0;
    buf_clear(&j->keys);
    buf_clear(&j->position);
    position_put(&j->position, position);
}

static int write_record(struct journal *j, struct error *error) {
    struct buf *b = &j->record;
    buf_clear(b);
    char *header = buf_reserve(b, HEADER_BYTES);
    if (header)
        b->len = HEADER_BYTES;
    buf_put_varint(b, j->number);
    buf_put_slice(b, buf_slice(&j->position));
    buf_put_varint(b, j->key_count);
    buf_put_slice(b, buf_slice(&j->keys));
    if (b->full || j->keys.full || j->position.full)
        return error_set(error, ERR_BUG, "%s: a record is too large", j->path);
    uint32_t len = (uint32_t)(b->len - HEADER_BYTES);
    struct digest128 digest = digest128((struct slice){b->data + HEADER_BYTES, len});
    for (unsigned i = 0; i < 4; i++)
        b->data[i] = (char)(len >> (8 * i));
    memcpy(b->data + 4, digest.bytes, sizeof(digest.bytes));
    int r = sys_write_all(j->fd, b->data, b->len, j->path, error);
    if (r)
        return r;
    j->bytes += b->len;
    j->unsynced = true;
    j->key_count = 0;
    buf_clear(&j->keys);
    return 0;
}

static int flush(struct journal *j, struct error *error) {
    return j->key_count ? write_record(j, error) : 0;
}

int journal_add(struct journal *j, struct slice key, struct error *error) {
    buf_put_blob(&j->keys, key);
    j->key_count++;
    return j->keys.len >= FLUSH_BYTES ? flush(j, error) : 0;
}

int journal_end(struct journal *j, struct error *error) {
    int r = flush(j, error);
    if (!r && j->durable && j->unsynced)
        r = sys_sync(j->fd, j->path, error);
    if (!r)
        j->unsynced = false;
    return r;
}

int journal_mark(struct journal *j, uint64_t number, const struct position *position, struct error *error) {
    journal_begin(j, number, position);
    int r = write_record(j, error);
    return r ? r : journal_end(j, error);
}

int journal_restart(struct journal *j, struct error *error) {
    if (ftruncate(j->fd, 0) < 0 || lseek(j->fd, 0, SEEK_SET) < 0)
        return error_set(error, ERR_STORE, "cannot start %s anew: %s", j->path, strerror(errno));
    j->bytes = 0;
    return 0;
}

uint64_t journal_bytes(const struct journal *j) {
    return j->bytes;
}
