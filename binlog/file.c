/* Reading binlog files (and relay logs): the same events as from a server, through the same feed.
 *
 * Happy path: (1) open a file, check its first four bytes; (2) read ahead in large pieces; (3) take one event by the size in its header, hand
 * it to the feed; (4) at the end of the file go on with the next. Files may also follow one another in a pipe: behind a ROTATE or STOP
 * event the next one's four bytes are looked for.
 *
 * What else happens: the file ends within an event or a transaction. If its format event says "in use", its server is writing it or crashed: what
 * is unfinished is noted and forgotten, as a server does when it recovers. Otherwise bytes are missing, which is an error. */
#include "binlog/file.h"

#include "binlog/feed.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MAGIC_SIZE = 4, READ_SIZE = 256 * 1024, KEEP_SIZE = 4 * 1024 * 1024, SIZE_OFFSET = 9, FLAGS_OFFSET = 17 };
enum { EVENT_FLAG_IN_USE = 1 }; /* of a format event: the file was not closed (LOG_EVENT_BINLOG_IN_USE_F) */

struct binlog_files {
    struct binlog_files_options options;
    struct feed feed;
    size_t next; /* of the paths */
    const char *path;
    char name[BINLOG_NAME_MAX + 1]; /* of the file, by its path: the feed's changes with a ROTATE */
    int fd;
    struct buf data; /* read ahead */
    size_t taken;    /* bytes of `data` that are done */
    uint64_t at;     /* of the byte at data[taken], in the file */
    bool at_end;     /* the file has no more bytes than `data` */
    bool in_use;
    bool may_rotate; /* the last event ended a file */
    bool rested;     /* FILES_REST was given for the wait at hand */
    struct gtid_set previous;
    bool has_previous;
    uint64_t read_bytes, size_bytes;
};

static int measure(struct binlog_files *f, struct error *error) {
    uint64_t sum = 0;
    for (size_t i = 0; i < f->options.count; i++) {
        const char *path = f->options.paths[i];
        struct stat st;
        if ((strcmp(path, "-") == 0 ? fstat(STDIN_FILENO, &st) : stat(path, &st)) != 0)
            return error_set(error, ERR_USAGE, "%s: %s", path, strerror(errno));
        if (S_ISDIR(st.st_mode))
            return error_set(error, ERR_USAGE, "%s is a folder: name the binlog files in it", path);
        if (!S_ISREG(st.st_mode)) {
            f->size_bytes = 0;
            return 0;
        }
        sum += (uint64_t)st.st_size;
    }
    f->size_bytes = sum;
    return 0;
}

int binlog_files_open(struct binlog_files **ret, const struct binlog_files_options *options, struct error *error) {
    struct binlog_files *f = xcalloc(1, sizeof(*f));
    f->options = *options;
    f->fd = -1;
    f->data = BUF_INIT(SIZE_MAX / 2);
    f->feed.spill_dir = options->spill_dir;
    f->feed.txn_memory_bytes = options->txn_memory_bytes;
    int r = measure(f, error);
    if (r) {
        binlog_files_close(f);
        return r;
    }
    *ret = f;
    return 0;
}

static void close_file(struct binlog_files *f) {
    if (f->fd > STDIN_FILENO)
        close(f->fd);
    f->fd = -1;
}

void binlog_files_close(struct binlog_files *f) {
    if (!f)
        return;
    close_file(f);
    feed_deinit(&f->feed);
    gtid_set_deinit(&f->previous);
    buf_deinit(&f->data);
    free(f);
}

const struct gtid_set *binlog_files_previous(const struct binlog_files *f) {
    return &f->previous;
}

uint64_t binlog_files_read(const struct binlog_files *f) {
    return f->read_bytes - (f->data.len - f->taken);
}

uint64_t binlog_files_size(const struct binlog_files *f) {
    return f->size_bytes;
}

/* ---- bytes */

/* 0 when there is something to read (or the end), FILES_REST once before a wait. */
static int wait_for_bytes(struct binlog_files *f, struct error *error) {
    struct pollfd fds[2] = {{.fd = f->fd, .events = POLLIN}, {.fd = f->options.stop_fd, .events = POLLIN}};
    int n = poll(fds, 2, f->rested ? -1 : 0);
    if (n < 0 && errno != EINTR)
        return error_set(error, ERR_SOURCE, "%s: waiting for it: %s", f->path, strerror(errno));
    if (n > 0 && fds[1].revents)
        return error_set(error, ERR_STOPPED, "stopped");
    f->rested = n <= 0;
    return n > 0 ? 0 : FILES_REST;
}

/* Until `size` bytes are there, or the file ends. 0, FILES_REST, or an error. */
static int fill(struct binlog_files *f, size_t size, struct error *error) {
    while (f->data.len - f->taken < size && !f->at_end) {
        int r = wait_for_bytes(f, error);
        if (r)
            return r;
        if (f->taken) {
            memmove(f->data.data, f->data.data + f->taken, f->data.len - f->taken);
            f->data.len -= f->taken;
            f->taken = 0;
        }
        if (f->data.len == 0 && f->data.cap > KEEP_SIZE)
            buf_deinit(&f->data);
        char *to = buf_reserve(&f->data, READ_SIZE);
        ssize_t n = to ? read(f->fd, to, READ_SIZE) : -1;
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return error_set(error, ERR_SOURCE, "%s: reading it: %s", f->path, strerror(errno));
        f->at_end = n == 0;
        f->data.len += (size_t)n;
        f->read_bytes += (uint64_t)n;
    }
    return 0;
}

static size_t left(const struct binlog_files *f) {
    return f->data.len - f->taken;
}

static char *here(const struct binlog_files *f) {
    return f->data.data + f->taken;
}

static void take(struct binlog_files *f, size_t size) {
    f->taken += size;
    f->at += size;
}

/* ---- files */

static bool is_magic(const struct binlog_files *f) {
    return left(f) >= MAGIC_SIZE && memcmp(here(f),
                                           "\xfe"
                                           "bin",
                                           MAGIC_SIZE) == 0;
}

/* Behind the first four bytes: a format event follows. */
static void begin(struct binlog_files *f) {
    take(f, MAGIC_SIZE);
    f->at = MAGIC_SIZE;
    f->feed.offset = MAGIC_SIZE;
    f->feed.has_format = false;
    f->in_use = f->may_rotate = false;
}

static int check_magic(struct binlog_files *f, struct error *error) {
    if (is_magic(f))
        return 0;
    if (left(f) == 0)
        return error_set(error, ERR_SOURCE, "%s is empty", f->path);
    if (left(f) >= MAGIC_SIZE && memcmp(here(f),
                                        "\xfd"
                                        "bin",
                                        MAGIC_SIZE) == 0)
        return error_set(error, ERR_SOURCE,
                         "%s is encrypted (binlog_encryption): read it from its server, which decrypts it: leat decode "
                         "--from %s:4",
                         f->path, f->feed.file);
    return error_set(error, ERR_SOURCE,
                     "%s is no binlog file: it does not begin with the bytes fe 62 69 6e (text of mysqlbinlog, or an "
                     "index file, cannot be read)",
                     f->path);
}

/* "binlog.000003" and "binlog.000005", or the same file twice. Names without a number tell nothing. */
static bool follows(const char *before, const char *name) {
    const char *dot = strrchr(before, '.');
    if (!dot || strncmp(before, name, (size_t)(dot + 1 - before)) != 0)
        return true;
    char *end_before, *end_name;
    uint64_t was = strtoull(dot + 1, &end_before, 10), is = strtoull(name + (dot + 1 - before), &end_name, 10);
    bool numbers = end_before > dot + 1 && !*end_before && end_name > name + (dot + 1 - before) && !*end_name;
    return !numbers || is == was + 1;
}

static void check_order(const struct binlog_files *f, const char *before) {
    char text[2 * sizeof(f->name) + 100];
    if (follows(before, f->name) || !f->options.note)
        return;
    snprintf(text, sizeof(text), "%s is not the file that follows %s: transactions may be missing, or in a wrong order",
             f->name, before);
    f->options.note(f->options.context, text);
}

static int open_next(struct binlog_files *f, struct error *error) {
    char before[sizeof(f->name)];
    memcpy(before, f->name, sizeof(before));
    f->path = f->options.paths[f->next++];
    bool is_stdin = strcmp(f->path, "-") == 0;
    f->fd = is_stdin ? STDIN_FILENO : open(f->path, O_RDONLY | O_CLOEXEC);
    if (f->fd < 0)
        return error_set(error, ERR_USAGE, "%s: %s", f->path, strerror(errno));
    if (is_stdin)
        f->path = "standard input";
    const char *slash = strrchr(f->path, '/');
    snprintf(f->name, sizeof(f->name), "%s", is_stdin ? "-" : slash ? slash + 1 : f->path);
    memcpy(f->feed.file, f->name, sizeof(f->name));
    check_order(f, before);
    f->data.len = f->taken = 0;
    f->at_end = f->rested = f->in_use = false;
    f->may_rotate = true;
    f->at = 0;
    return 0;
}

/* Bytes that make no whole event, or events that make no whole transaction. */
static int end_file(struct binlog_files *f, struct error *error) {
    char text[512] = "";
    if (left(f))
        snprintf(text, sizeof(text), "%s ends within the event at byte %llu", f->path, (unsigned long long)f->at);
    else if (f->at == 0)
        return check_magic(f, error);
    else if (f->feed.open)
        snprintf(text, sizeof(text), "%s ends within a transaction, at byte %llu", f->path, (unsigned long long)f->at);
    bool in_use = f->in_use;
    close_file(f);
    if (!text[0])
        return 0;
    if (!in_use)
        return error_set(error, ERR_SOURCE,
                         "%s, and its server had closed it: the copy is incomplete, or the file was cut off", text);
    if (f->options.note) {
        snprintf(text + strlen(text), sizeof(text) - strlen(text),
                 ": its server was still writing it, or crashed; what is unfinished is left out");
        f->options.note(f->options.context, text);
    }
    return 0;
}

/* ---- events */

static int no_event(const struct binlog_files *f, uint32_t size, struct error *error) {
    return error_set(error, ERR_SOURCE,
                     "%s, byte %llu: no event begins here (its size would be %u): the file is damaged", f->path,
                     (unsigned long long)f->at, size);
}

/* A damaged size may say gigabytes: these are not read only to find that they end early. */
static bool may_have(const struct binlog_files *f, uint32_t size) {
    struct stat st;
    if (size <= KEEP_SIZE || fstat(f->fd, &st) != 0 || !S_ISREG(st.st_mode))
        return true;
    return f->at + size <= (uint64_t)st.st_size;
}

/* 1 with the whole event at here(), 0 when the file has no more, FILES_REST (which is not 1), or an error. */
static int next_event(struct binlog_files *f, size_t *ret, struct error *error) {
    int r = fill(f, MAGIC_SIZE, error);
    if (r == 0 && f->may_rotate) {
        if (f->at == 0)
            r = left(f) ? check_magic(f, error) : 0;
        if (r == 0 && is_magic(f))
            begin(f);
    }
    if (r == 0)
        r = fill(f, EVENT_HEADER_SIZE, error);
    if (r)
        return r;
    if (left(f) < EVENT_HEADER_SIZE)
        return 0;
    struct cursor c = cursor_of(here(f) + SIZE_OFFSET, sizeof(uint32_t));
    uint32_t size = cursor_u32(&c);
    if (size < EVENT_HEADER_SIZE)
        return no_event(f, size, error);
    r = may_have(f, size) ? fill(f, size, error) : 0;
    if (r)
        return r;
    *ret = size;
    return left(f) >= size ? 1 : 0;
}

/* The server sets the flag in the finished event when it opens the file, and takes it away when it closes it: the checksum is without. */
static void clear_in_use(struct binlog_files *f) {
    char *flags = here(f) + FLAGS_OFFSET;
    f->in_use = *flags & EVENT_FLAG_IN_USE;
    *flags = (char)(*flags & ~EVENT_FLAG_IN_USE);
}

static int keep_previous(struct binlog_files *f, size_t size, struct error *error) {
    f->has_previous = true;
    size_t tail = f->feed.checksum == CHECKSUM_CRC32 ? CHECKSUM_SIZE : 0;
    struct slice body = {here(f) + EVENT_HEADER_SIZE, size - EVENT_HEADER_SIZE - tail};
    int r = gtid_set_decode(&f->previous, body, error);
    return r ? error_wrap(error, ERR_SOURCE, "the PREVIOUS_GTIDS event") : 0;
}

static void note_unfinished(const struct binlog_files *f) {
    char text[512];
    snprintf(text, sizeof(text), "%s, byte %llu: a transaction has no end before this ROTATE and is left out", f->path,
             (unsigned long long)f->at);
    if (f->options.note)
        f->options.note(f->options.context, text);
}

static int feed_one(struct binlog_files *f, size_t size, struct txn **ret, struct error *error) {
    uint8_t type = (uint8_t)here(f)[4];
    if (type == EVENT_FORMAT_DESCRIPTION)
        clear_in_use(f);
    if (type == EVENT_ROTATE && f->feed.open) /* in relay logs, when the replica connected anew */
        note_unfinished(f);
    int r = feed_event(&f->feed, (struct slice){here(f), size}, ret, error);
    if (r >= 0 && type == EVENT_PREVIOUS_GTIDS && !f->has_previous) {
        int kept = keep_previous(f, size, error);
        r = kept ? kept : r;
    }
    if (r < 0)
        return error_wrap(error, r, "%s, event at byte %llu", f->path, (unsigned long long)f->at);
    f->may_rotate = type == EVENT_ROTATE || type == EVENT_STOP;
    take(f, size);
    return r;
}

int binlog_files_next(struct binlog_files *f, struct txn **ret, struct error *error) {
    for (;;) {
        size_t size = 0;
        int r = 0;
        if (f->fd < 0 && f->next == f->options.count)
            return FILES_END;
        if (f->fd < 0)
            r = open_next(f, error);
        if (r == 0)
            r = next_event(f, &size, error);
        if (r < 0 || r == FILES_REST)
            return r;
        r = r ? feed_one(f, size, ret, error) : end_file(f, error);
        if (r < 0 || r == FEED_TXN)
            return r < 0 ? r : FILES_TXN;
    }
}
