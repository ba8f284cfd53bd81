/* The reader thread.
 *
 * Happy path: (1) open a stream behind the last transaction that went into the queue; (2) take transactions from it; (3) wait until
 * the queue has room; (4) put them in and wake the applier.
 *
 * When the source is lost: the stream is closed and opened again, after 0.1 s, doubling to 10 s. When somebody must act (purged
 * binlog, changed grants, an event that cannot be understood) the same every 5 s, and the reason stands in the state, until a
 * connection has lasted two seconds: one that is opened and fails at the same event again is no end of the trouble. Whom another
 * client with the same server id throws out tries again once; the second time somebody must act, and the other is left alone for a minute. */
#include "src/app/reader.h"

#include "src/base/log.h"
#include "src/base/sys.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

enum {
    RETRY_MIN_MS = 100,
    RETRY_MAX_MS = 10000,
    PARKED_MS = 5000,
    TAKEN_MS = 60000,
    SETTLED_US = 2000000,
    TXN_MEMORY = 4 * 1024 * 1024
};

struct entry {
    struct entry *next;
    struct delivery delivery;
    size_t bytes;
};

struct reader {
    struct reader_options options;
    struct position position; /* of the last transaction put in */
    struct position until;
    bool has_until;
    pthread_t thread;
    int fd;

    pthread_mutex_t lock; /* guards all below */
    pthread_cond_t room;  /* also ends waits between attempts */
    bool stopping;
    struct stream *stream;
    int64_t connected_us; /* monotonic; since when there is a stream */
    bool waits_for_room;
    struct entry *first, **last;
    struct reader_state state;
};

static bool stopping(struct reader *r) {
    pthread_mutex_lock(&r->lock);
    bool yes = r->stopping;
    pthread_mutex_unlock(&r->lock);
    return yes;
}

static void wake(struct reader *r) {
    uint64_t one = 1;
    ssize_t n = write(r->fd, &one, sizeof(one)); /* fails only when the counter is full, which wakes as well */
    (void)n;
}

static void wait_ms(struct reader *r, int64_t ms) {
    struct timespec t = sys_deadline(ms);
    pthread_mutex_lock(&r->lock);
    while (!r->stopping && pthread_cond_timedwait(&r->room, &r->lock, &t) != ETIMEDOUT)
        ;
    pthread_mutex_unlock(&r->lock);
}

/* Takes over `txn` (may be NULL); waits for room. `end` may be the transaction's own: what is in the queue may be gone at once. */
static void put(struct reader *r, struct txn *txn, const struct txn_end *end) {
    position_advance(&r->position, end);
    if (r->options.by_file)
        gtid_set_deinit(&r->position.gtids);
    struct entry *entry = xcalloc(1, sizeof(*entry));
    entry->delivery = (struct delivery){txn, *end};
    entry->bytes = sizeof(*entry) + (txn ? txn_memory(txn) : 0);
    pthread_mutex_lock(&r->lock);
    r->waits_for_room = true;
    while (!r->stopping && r->first && r->state.queue_bytes + entry->bytes > r->options.queue_bytes)
        pthread_cond_wait(&r->room, &r->lock);
    r->waits_for_room = false;
    entry->next = NULL;
    *r->last = entry;
    r->last = &entry->next;
    r->state.queue_bytes += entry->bytes;
    if (txn && !r->state.oldest_commit_us)
        r->state.oldest_commit_us = end->commit_us;
    bool was_empty = r->first == entry;
    pthread_mutex_unlock(&r->lock);
    if (was_empty)
        wake(r);
}

static void end_trouble(struct reader *r) {
    if (r->state.trouble)
        log_info("reading the source again");
    r->state.trouble = 0;
    r->state.reason[0] = 0;
}

static void set_stream(struct reader *r, struct stream *stream) {
    pthread_mutex_lock(&r->lock);
    r->stream = stream;
    r->state.connected = stream != NULL;
    r->connected_us = sys_monotonic_us();
    if (stream && r->state.trouble == ERR_SOURCE_LOST)
        end_trouble(r);
    if (stream && r->stopping)
        stream_interrupt(stream);
    pthread_mutex_unlock(&r->lock);
    wake(r);
}

static void keep_heard(struct reader *r, struct stream *stream) {
    struct stream_heard heard;
    stream_heard(stream, &heard);
    pthread_mutex_lock(&r->lock);
    r->state.heard = heard;
    pthread_mutex_unlock(&r->lock);
}

/* The source rests at a place behind the last transaction (a rotated file, say): worth a delivery of its own. */
static void put_rest(struct reader *r, struct stream *stream) {
    struct stream_heard heard;
    stream_heard(stream, &heard);
    if (!heard.file[0] || (strcmp(heard.file, r->position.file) == 0 && heard.offset <= r->position.offset))
        return;
    struct txn_end end = {.offset = heard.offset, .commit_us = 0};
    memcpy(end.file, heard.file, sizeof(end.file));
    put(r, NULL, &end);
}

/* Follows one connection until it ends. */
static int follow(struct reader *r, struct stream *stream, struct error *error) {
    for (;;) {
        if (r->has_until && position_reached(&r->position, &r->until))
            return 0;
        struct txn *txn = NULL;
        int result = stream_next(stream, &txn, error);
        if (result < 0)
            return result;
        if (stopping(r)) {
            txn_free(txn);
            return ERR_STOPPED;
        }
        if (result == STREAM_HEARTBEAT) {
            put_rest(r, stream);
            keep_heard(r, stream);
        } else {
            keep_heard(r, stream);
            put(r, txn, txn_end(txn));
        }
    }
}

static int connect_and_follow(struct reader *r, struct error *error) {
    struct stream_options options = {
        .source = &r->options.source, .spill_dir = r->options.spill_dir, .txn_memory_bytes = TXN_MEMORY};
    struct stream *stream = NULL;
    int result = stream_open(&stream, &options, &r->position, error);
    if (result < 0)
        return result;
    set_stream(r, stream);
    result = follow(r, stream, error);
    set_stream(r, NULL);
    stream_close(stream);
    return result;
}

static void note_trouble(struct reader *r, int code, const struct error *error) {
    pthread_mutex_lock(&r->lock);
    bool news = r->state.trouble != code || strcmp(r->state.reason, error->text) != 0;
    r->state.trouble = code;
    snprintf(r->state.reason, sizeof(r->state.reason), "%s", error->text);
    r->state.reconnects++;
    pthread_mutex_unlock(&r->lock);
    wake(r);
    if (news)
        log_warning("cannot read the source; trying again", {"reason", log_s(error->text)});
}

/* The code that the state shows for the `taken`th time that another client threw us out, and how long to wait then. */
static int of_taken(unsigned taken, int64_t *wait) {
    if (taken < 2)
        return ERR_SOURCE_LOST;
    *wait = TAKEN_MS;
    return ERR_SOURCE;
}

static void *run(void *context) {
    struct reader *r = context;
    pthread_setname_np(pthread_self(), "reader");
    int64_t delay_ms = RETRY_MIN_MS;
    unsigned taken = 0; /* times in this process: two clients with one id do not come to rest by themselves */
    while (!stopping(r)) {
        struct error error = {.text = ""};
        int64_t since_us = sys_monotonic_us();
        int result = connect_and_follow(r, &error);
        if (result == 0) {
            pthread_mutex_lock(&r->lock);
            r->state.ended = true;
            pthread_mutex_unlock(&r->lock);
            wake(r);
            break;
        }
        if (result == ERR_STOPPED || stopping(r))
            break;
        int64_t parked_ms = PARKED_MS;
        if (result == ERR_SOURCE_TAKEN)
            result = of_taken(++taken, &parked_ms);
        note_trouble(r, result, &error);
        if (sys_monotonic_us() - since_us > 5000000)
            delay_ms = RETRY_MIN_MS; /* that connection worked for a while */
        wait_ms(r, result == ERR_SOURCE_LOST ? delay_ms : parked_ms);
        delay_ms = MIN(delay_ms * 2, RETRY_MAX_MS);
    }
    return NULL;
}

static void reader_free(struct reader *r) {
    struct delivery d;
    while (reader_take(r, &d))
        txn_free(d.txn);
    if (r->fd >= 0)
        close(r->fd);
    position_deinit(&r->position);
    position_deinit(&r->until);
    pthread_cond_destroy(&r->room);
    pthread_mutex_destroy(&r->lock);
    free(r);
}

int reader_start(struct reader **ret, const struct reader_options *options, struct error *error) {
    struct reader *r = xcalloc(1, sizeof(*r));
    r->options = *options;
    position_copy(&r->position, options->from);
    if (options->until) {
        position_copy(&r->until, options->until);
        r->has_until = true;
    }
    r->last = &r->first;
    r->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    pthread_mutex_init(&r->lock, NULL);
    sys_cond_init(&r->room);
    if (r->fd < 0 || pthread_create(&r->thread, NULL, run, r) != 0) {
        int result = error_set(error, ERR_BUG, "cannot start the reader: %s", strerror(errno));
        reader_free(r);
        return result;
    }
    *ret = r;
    return 0;
}

void reader_stop(struct reader *r) {
    if (!r)
        return;
    pthread_mutex_lock(&r->lock);
    r->stopping = true;
    if (r->stream)
        stream_interrupt(r->stream);
    pthread_cond_broadcast(&r->room);
    pthread_mutex_unlock(&r->lock);
    pthread_join(r->thread, NULL);
    reader_free(r);
}

bool reader_take(struct reader *r, struct delivery *ret) {
    pthread_mutex_lock(&r->lock);
    struct entry *entry = r->first;
    if (entry) {
        r->first = entry->next;
        if (!r->first)
            r->last = &r->first;
        r->state.queue_bytes -= entry->bytes;
        r->state.oldest_commit_us = 0;
        for (struct entry *e = r->first; e && !r->state.oldest_commit_us; e = e->next)
            if (e->delivery.txn)
                r->state.oldest_commit_us = e->delivery.end.commit_us;
        if (r->waits_for_room && r->state.queue_bytes <= r->options.queue_bytes / 2)
            pthread_cond_signal(&r->room);
    }
    pthread_mutex_unlock(&r->lock);
    if (!entry)
        return false;
    *ret = entry->delivery;
    free(entry);
    return true;
}

int reader_fd(const struct reader *r) {
    return r->fd;
}

void reader_state(struct reader *r, struct reader_state *ret) {
    uint64_t count;
    ssize_t n = read(r->fd, &count, sizeof(count));
    (void)n;
    pthread_mutex_lock(&r->lock);
    if (r->state.connected && sys_monotonic_us() - r->connected_us > SETTLED_US)
        end_trouble(r);
    *ret = r->state;
    pthread_mutex_unlock(&r->lock);
}
