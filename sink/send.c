/* The sender's thread.
 *
 * 1. sink_submit() (applier) encodes writes into records and puts them into `incoming`; it wakes the thread only if that sleeps.
 * 2. The thread moves them to their tables' queues; while a lane is free it packs whatever waits, signs it and posts it.
 * 3. The answer decides each write's fate: written; left over or refused (delayed with backoff, or at once, then 2 again); poison.
 * 4. Decided writes go to `done`, and an eventfd tells the applier, once for all that lie there; sink_take() recycles the records.
 *
 * What can fail:
 *   throttled        the left-over alone is tried again after a backoff of its own; the table's window shrinks; a whole refusal pauses the table
 *   transient        again after a backoff; after several in a row the breaker opens and single requests probe until one succeeds
 *   unknown end      as transient, and the writes carry the signature's wall time as ambiguous_us (docs/faults.md, T7)
 *   clock            corrected by the answer's Date, again at once
 *   validation       the batch's writes may only travel in batches half as large, until the poison one stands alone
 *   table, access,
 *   credentials      parked: one write probes every few seconds, for ever; sink_numbers() tells the reason and the remedy
 *
 * Every write ends with exactly one outcome, unless sink_close() comes first. `lock` guards what both threads touch; the rest is the thread's. */
#include "sink/sender.h"
#include "src/base/log.h"
#include "src/base/sys.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { QUEUE_BYTES = 64 << 20, LANES_MAX = 256 };

const double sink_bucket_bounds[16] = {0.001, 0.002, 0.004, 0.006, 0.01, 0.015, 0.025, 0.05,
                                       0.1,   0.25,  0.5,   1,     2.5,  5,     10,    __builtin_inf()};

/* ---- from queues to requests */

static void make_ready(struct sink *s, struct write *w) {
    list_append(w->transact ? &s->transactions : &s->tables[w->target].ready, w);
}

static void take_incoming(struct sink *s) {
    struct write_list list = {0};
    pthread_mutex_lock(&s->lock);
    list_move_all(&list, &s->incoming);
    s->sleeping = false;
    pthread_mutex_unlock(&s->lock);
    for (struct write *w; (w = list_pop(&list));)
        make_ready(s, w);
}

static void take_due(struct sink *s, int64_t now_us) {
    while (s->delayed.count && s->delayed.items[0]->due_us <= now_us)
        make_ready(s, heap_pop(&s->delayed));
}

static bool transaction_open(struct sink *s, const struct write *head, int64_t now_us) {
    for (const struct write *w = head; w; w = w->together)
        if (!table_open(&s->tables[w->target], now_us))
            return false;
    return true;
}

/* A transaction whose tables are paused does not hold up those behind it. */
static struct write *pop_transaction(struct sink *s, int64_t now_us) {
    struct write_list held = {0};
    struct write *found = NULL;
    size_t looks = MIN(s->transactions.count, (size_t)64);
    while (!found && looks-- > 0) {
        struct write *w = list_pop(&s->transactions);
        if (transaction_open(s, w, now_us))
            found = w;
        else
            list_append(&held, w);
    }
    list_move_all(&held, &s->transactions);
    s->transactions = held;
    if (found)
        for (struct write *w = found; w; w = w->together) {
            struct table_queue *t = &s->tables[w->target];
            t->in_flight++;
            t->probing |= t->parked;
        }
    return found;
}

static void send_request(struct sink *s, unsigned lane, bool probe) {
    struct request *r = &s->requests[lane];
    pack_body(r, s->contract);
    r->busy = true;
    if (probe)
        breaker_sent(&s->breaker);
    s->all_probing = s->all_parked;
    r->corrections = s->corrections;
    r->signed_us =
        dynamo_post(&s->dynamo, lane, r->transact ? "TransactWriteItems" : "BatchWriteItem", buf_slice(&r->body));
    pthread_mutex_lock(&s->lock);
    s->numbers.requests++;
    s->numbers.bytes_out += r->body.len;
    s->numbers.in_flight_requests++;
    pthread_mutex_unlock(&s->lock);
}

/* Packs the next request into `r`; false when nothing may go. Batches and transactions take turns. */
static bool pack_next(struct sink *s, struct request *r, bool probe, int64_t now_us) {
    size_t limit = probe || s->all_parked ? 1 : BATCH_MAX;
    bool transaction_first = s->transactions_turn;
    s->transactions_turn = !transaction_first;
    for (unsigned i = 0; i < 2; i++) {
        if (transaction_first == (i == 0)) {
            struct write *head = s->transactions.first ? pop_transaction(s, now_us) : NULL;
            if (head) {
                pack_transaction(r, head);
                return true;
            }
        } else {
            pack_batch(r, s->tables, s->contract->target_count, &s->turn, limit, now_us);
            if (r->count)
                return true;
        }
    }
    return false;
}

static void send_what_can(struct sink *s, int64_t now_us) {
    while (s->free_count) {
        enum breaker_gate gate = breaker_gate(&s->breaker, now_us);
        if (gate == BREAKER_SHUT || s->all_pause_us > now_us || (s->all_parked && s->all_probing))
            return;
        unsigned lane = s->free_lanes[s->free_count - 1];
        if (!pack_next(s, &s->requests[lane], gate == BREAKER_PROBE, now_us))
            return;
        s->free_count--;
        send_request(s, lane, gate == BREAKER_PROBE);
    }
}

/* ---- answers */

/* The lock is held. */
static void count_answer(struct sink *s, const struct request *r, const struct http_answer *http, size_t done) {
    struct sink_numbers *n = &s->numbers;
    const struct answer *a = &s->answer;
    n->in_flight_requests--;
    n->consumed_write_units_milli += a->units_milli;
    n->seconds_sum += http->seconds;
    size_t bucket = 0;
    while (http->seconds > sink_bucket_bounds[bucket])
        bucket++;
    n->seconds_bucket[bucket]++;
    if (http->whole)
        n->last_answer_us = sys_monotonic_us();
    if (a->ambiguous)
        n->ambiguous += r->count;
    n->retries += r->count - MIN(done, r->count);
}

/* The lock is held. */
static void show_state(struct sink *s) {
    const char *reason = s->all_parked ? s->all_reason : NULL;
    for (size_t i = 0; i < s->contract->target_count && !reason; i++)
        if (s->tables[i].parked)
            reason = s->tables[i].park_reason;
    s->numbers.breaker_open = s->breaker.open;
    s->numbers.parked = reason != NULL;
    if (!reason && s->breaker.open)
        snprintf(s->numbers.parked_reason, sizeof(s->numbers.parked_reason),
                 "no good answer from %s: %s; tried again until it comes back", http_host(s->dynamo.http),
                 s->last_failure);
    else
        snprintf(s->numbers.parked_reason, sizeof(s->numbers.parked_reason), "%s", reason ? reason : "");
}

static void mark_ambiguous(struct request *r) {
    for (size_t i = 0; i < r->count; i++)
        r->writes[i]->ambiguous_us = MAX(r->writes[i]->ambiguous_us, r->signed_us);
}

static void log_answer(const struct request *r, const struct answer *a, const struct http_answer *http) {
    log_debug("dynamodb request", {"operation", log_s(r->transact ? "TransactWriteItems" : "BatchWriteItem")},
              {"status", log_i(http->status)}, {"request_id", log_s(http->request_id)}, {"writes", log_u(r->count)},
              {"left_over", log_u(a->left_over)}, {"kind", log_s(error_kind_name(a->kind))}, {"type", log_s(a->type)},
              {"failure", log_s(http->failure)}, {"seconds", log_d(http->seconds)});
}

static void on_done(void *context, unsigned lane, const struct http_answer *http) {
    struct sink *s = context;
    struct request *r = &s->requests[lane];
    struct write_list done = {0};
    int64_t now_us = sys_monotonic_us();
    for (size_t i = 0; i < r->count; i++) {
        struct table_queue *t = &s->tables[r->writes[i]->target];
        t->in_flight--;
        t->probing = false;
    }
    s->all_probing = false;
    answer_read(&s->answer, http, r, s->contract);
    if (s->answer.ambiguous)
        mark_ambiguous(r);
    if (s->answer.kind == KIND_TRANSIENT)
        snprintf(s->last_failure, sizeof(s->last_failure), "%s%s%s", s->answer.type, s->answer.type[0] ? ": " : "",
                 s->answer.message[0] ? s->answer.message : "an answer of class 5xx");
    if (log_enabled(LOG_DEBUG))
        log_answer(r, &s->answer, http);
    pthread_mutex_lock(&s->lock); /* sender_decide() counts, too */
    sender_decide(s, r, http, &done, now_us);
    s->numbers.writes += done.count;
    count_answer(s, r, http, done.count);
    show_state(s);
    list_move_all(&s->done, &done);
    sender_tell_applier(s);
    pthread_mutex_unlock(&s->lock);
    r->busy = false;
    r->count = 0;
    if (r->body.cap > 1 << 20)
        buf_deinit(&r->body);
    s->free_lanes[s->free_count++] = lane;
}

/* ---- the thread's loop */

/* When there is something to do without an answer or a wake-up. */
static int64_t next_due(struct sink *s, int64_t now_us) {
    int64_t due = s->delayed.count ? s->delayed.items[0]->due_us : INT64_MAX;
    bool ready = s->transactions.first != NULL;
    for (size_t i = 0; i < s->contract->target_count; i++) {
        struct table_queue *t = &s->tables[i];
        ready |= t->ready.first != NULL;
        if ((t->ready.first || s->transactions.first) && t->pause_until_us > now_us)
            due = MIN(due, t->pause_until_us);
    }
    if (ready && s->all_pause_us > now_us)
        due = MIN(due, s->all_pause_us);
    if (ready && s->breaker.open && !s->breaker.probing && s->breaker.probe_us > now_us)
        due = MIN(due, s->breaker.probe_us);
    return due;
}

/* False when writes came in the meantime or the end is wanted. */
static bool may_sleep(struct sink *s, bool *ret_stop) {
    pthread_mutex_lock(&s->lock);
    *ret_stop = s->stop;
    s->sleeping = !s->incoming.first && !s->stop;
    bool may = s->sleeping;
    pthread_mutex_unlock(&s->lock);
    return may;
}

static void *sender_thread(void *context) {
    struct sink *s = context;
    bool stop = false;
    pthread_setname_np(pthread_self(), "sender");
    while (!stop) {
        int64_t now_us = sys_monotonic_us();
        take_incoming(s);
        take_due(s, now_us);
        send_what_can(s, now_us);
        int64_t until = may_sleep(s, &stop) ? next_due(s, now_us) : 0;
        http_turn(s->dynamo.http, until);
    }
    return NULL;
}

/* ---- opening and closing */

static void init_tables(struct sink *s, unsigned connections) {
    s->tables = xcalloc(MAX(s->contract->target_count, (size_t)1), sizeof(*s->tables));
    for (size_t i = 0; i < s->contract->target_count; i++) {
        struct table_queue *t = &s->tables[i];
        t->target = s->contract->targets[i];
        t->window = t->window_max = (double)(connections * (unsigned)BATCH_MAX);
    }
}

static void init_lanes(struct sink *s, unsigned connections, bool report_capacity) {
    s->lane_count = connections;
    s->requests = xcalloc(connections, sizeof(*s->requests));
    s->free_lanes = xcalloc(connections, sizeof(*s->free_lanes));
    for (unsigned i = 0; i < connections; i++) {
        s->requests[i].body.max = 32 << 20;
        s->requests[i].report_capacity = report_capacity;
        s->free_lanes[s->free_count++] = i;
    }
}

/* Signals are the main thread's business. */
static int start_thread(struct sink *s, struct error *error) {
    sigset_t all, old;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    int r = pthread_create(&s->thread, NULL, sender_thread, s);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    s->started = r == 0;
    return r == 0 ? 0 : error_set(error, ERR_TARGET, "cannot start the sender's thread: %s", strerror(r));
}

int sink_open(struct sink **ret, const struct sink_options *options, struct error *error) {
    unsigned connections = MIN(MAX(options->connections, 1u), (unsigned)LANES_MAX);
    struct sink *s = xcalloc(1, sizeof(*s));
    s->contract = options->contract;
    s->queue_bytes = options->queue_bytes ? options->queue_bytes : QUEUE_BYTES;
    /* what the applier has no room for here it decides again later, which is dearer than a place in the queue */
    s->queue_writes = MAX((size_t)connections * BATCH_MAX * 64, (size_t)1000);
    s->scratch.max = ENCODED_MAX;
    pthread_mutex_init(&s->lock, NULL);
    init_tables(s, connections);
    init_lanes(s, connections, options->report_capacity);
    s->done_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    int r = s->done_fd < 0 ? error_set(error, ERR_TARGET, "cannot open an eventfd: %s", strerror(errno)) : 0;
    if (r == 0)
        r = dynamo_init(&s->dynamo, options, connections, on_done, s, error);
    if (r == 0)
        r = start_thread(s, error);
    if (r < 0) {
        sink_close(s);
        return r;
    }
    *ret = s;
    return 0;
}

static void free_requests(struct sink *s) {
    for (unsigned i = 0; i < s->lane_count; i++) {
        struct request *r = &s->requests[i];
        struct write_list list = {0};
        for (size_t n = 0; r->busy && n < (r->transact ? 1 : r->count); n++)
            list_append(&list, r->writes[n]);
        list_free(&list);
        buf_deinit(&r->body);
    }
    free(s->requests);
    free(s->free_lanes);
}

void sink_close(struct sink *s) {
    if (!s)
        return;
    if (s->started) {
        pthread_mutex_lock(&s->lock);
        s->stop = true;
        pthread_mutex_unlock(&s->lock);
        http_wake(s->dynamo.http);
        pthread_join(s->thread, NULL);
    }
    dynamo_deinit(&s->dynamo);
    free_requests(s);
    for (size_t i = 0; i < s->contract->target_count; i++)
        list_free(&s->tables[i].ready);
    free(s->tables);
    list_free(&s->transactions);
    list_free(&s->incoming);
    list_free(&s->done);
    list_free(&s->taken);
    heap_deinit(&s->delayed);
    pool_deinit(&s->pool);
    buf_deinit(&s->scratch);
    if (s->done_fd >= 0)
        close(s->done_fd);
    pthread_mutex_destroy(&s->lock);
    free(s);
}
