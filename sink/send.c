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
 *   unknown end      as transient, and the writes carry the signature's wall time as ambiguous_us (FAULTS T7)
 *   clock            corrected by the answer's Date, again at once
 *   validation       the batch's writes may only travel in batches half as large, until the poison one stands alone
 *   table, access,
 *   credentials      parked: one write probes every few seconds, for ever; sink_numbers() tells the reason and the remedy
 *
 * Every write ends with exactly one outcome, unless sink_close() comes first. `lock` guards what both threads touch; the rest is the thread's. */
#include "sink/sink.h"

#include "sink/answer.h"
#include "sink/dynamo.h"
#include "sink/encode.h"
#include "sink/pack.h"
#include "sink/retry.h"
#include "sink/write.h"
#include "src/base/log.h"
#include "src/base/sys.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum {
    QUEUE_BYTES = 64 << 20,
    ENCODED_MAX = 15 << 20, /* a request may be 16 MB; an item DynamoDB accepts is never so long */
    LANES_MAX = 256,
    TABLES_AT_ONCE = BATCH_MAX,
};

const double sink_bucket_bounds[16] = {0.001, 0.002, 0.004, 0.006, 0.01, 0.015, 0.025, 0.05,
                                       0.1,   0.25,  0.5,   1,     2.5,  5,     10,    __builtin_inf()};

struct sink {
    const struct contract *contract;
    size_t queue_bytes, queue_writes; /* bounds */
    pthread_t thread;
    bool started;

    /* the applier's */
    struct buf scratch;
    struct write_pool pool;
    struct write_list taken; /* outcomes that were moved out of `done` */

    /* both threads' */
    pthread_mutex_t lock;
    struct write_list incoming, done;
    bool sleeping, stop;
    bool signalled; /* done_fd is readable */
    int done_fd;
    struct sink_numbers numbers;

    /* the thread's */
    struct dynamo dynamo;
    struct table_queue *tables;
    struct write_list transactions; /* heads */
    struct write_heap delayed;
    struct request *requests; /* a lane each */
    unsigned *free_lanes;     /* the one used last is used first: its connection is warm */
    unsigned lane_count, free_count;
    size_t turn;
    struct breaker breaker;
    unsigned skews;          /* clock corrections in a row */
    bool all_parked;         /* credentials */
    bool all_probing;
    int64_t all_pause_us;
    char all_reason[512];
    struct answer answer;
};

/* ---- the applier's side */

static size_t write_bytes(const struct write *w) {
    return sizeof(*w) + w->capacity;
}

/* Encodes one write. A write that is beyond all limits becomes poison at once. */
static int make_write(struct sink *s, const struct item_write *from, struct write **ret, struct error *error) {
    struct item_key key;
    if (!item_key_get(from->key, &key) || key.target >= s->contract->target_count)
        return error_set(error, ERR_BUG, "a write with a malformed key came to the sender");
    const struct target *target = s->contract->targets[key.target];
    buf_clear(&s->scratch);
    if (from->item)
        encode_item(&s->scratch, from->item);
    else
        encode_key(&s->scratch, target, &key);
    bool too_long = s->scratch.full;
    if (too_long)
        buf_clear(&s->scratch);
    struct write *w = pool_get(&s->pool, from->key.len + s->scratch.len);
    w->ticket = from->ticket;
    w->target = key.target;
    w->is_delete = !from->item;
    w->batch_limit = BATCH_MAX;
    w->key_len = (uint32_t)from->key.len;
    w->json_len = (uint32_t)s->scratch.len;
    memcpy(w->bytes, from->key.data, from->key.len);
    if (s->scratch.len)
        memcpy(w->bytes + w->key_len, s->scratch.data, s->scratch.len);
    if (too_long) {
        w->outcome = OUTCOME_POISON;
        w->reason = xstrdup("the item is far over DynamoDB's limit of 400 KB");
    }
    if (s->scratch.cap > 1 << 20)
        buf_deinit(&s->scratch);
    *ret = w;
    return 0;
}

/* The lock is held. */
static void tell_applier(struct sink *s) {
    uint64_t one = 1;
    if (!s->signalled && s->done.first) {
        s->signalled = true;
        if (write(s->done_fd, &one, sizeof(one)) < 0)
            s->signalled = false;
    }
}

static void poison_together(struct write_list *made, struct write_list *poison) {
    bool any = false;
    for (struct write *w = made->first; w; w = w->next)
        any |= w->reason != NULL;
    if (!any)
        return;
    for (struct write *w; (w = list_pop(made));) {
        if (!w->reason)
            w->outcome = OUTCOME_AGAIN;
        list_append(poison, w);
    }
}

/* A list of members becomes a head with a chain. */
static void chain_together(struct write_list *made) {
    struct write *head = list_pop(made), *last = head;
    head->transact = true;
    for (struct write *w; (w = list_pop(made)); last = w)
        last->together = w;
    list_append(made, head);
}

int sink_submit(struct sink *s, const struct item_write *writes, size_t count, bool transact, struct error *error) {
    struct write_list made = {0}, poison = {0};
    size_t bytes = 0;
    if (transact && count > TRANSACTION_MAX)
        return error_set(error, ERR_BUG, "a transaction of %zu items came to the sender; DynamoDB takes %d", count, TRANSACTION_MAX);
    for (size_t i = 0; i < count; i++) {
        struct write *w = NULL;
        int r = make_write(s, &writes[i], &w, error);
        if (r < 0) {
            list_free(&made);
            list_free(&poison);
            return r;
        }
        bytes += write_bytes(w);
        list_append(w->reason && !transact ? &poison : &made, w);
    }
    if (transact)
        poison_together(&made, &poison);
    if (transact && made.first)
        chain_together(&made);
    pthread_mutex_lock(&s->lock);
    s->numbers.queued_writes += count;
    s->numbers.queued_bytes += bytes;
    bool wake = s->sleeping && made.first;
    list_move_all(&s->incoming, &made);
    list_move_all(&s->done, &poison);
    tell_applier(s);
    if (wake)
        s->sleeping = false;
    pthread_mutex_unlock(&s->lock);
    if (wake)
        http_wake(s->dynamo.http);
    return 0;
}

size_t sink_room(struct sink *s) {
    pthread_mutex_lock(&s->lock);
    size_t writes = s->numbers.queued_writes, bytes = s->numbers.queued_bytes;
    pthread_mutex_unlock(&s->lock);
    if (writes >= s->queue_writes || bytes >= s->queue_bytes)
        return 0;
    size_t each = writes ? MAX(2 * bytes / writes, (size_t)4096) : 4096; /* twice what the present ones are on average */
    return MIN(s->queue_writes - writes, MAX((s->queue_bytes - bytes) / each, (size_t)1));
}

static void fill_outcome(struct outcome *out, const struct write *w) {
    *out = (struct outcome){.ticket = w->ticket, .kind = w->outcome, .ambiguous_us = w->ambiguous_us};
    if (w->reason)
        snprintf(out->reason, sizeof(out->reason), "%s", w->reason);
}

size_t sink_take(struct sink *s, struct outcome *out, size_t max) {
    size_t n = 0, bytes = 0;
    while (n < max) {
        if (!s->taken.first) {
            pthread_mutex_lock(&s->lock);
            list_move_all(&s->taken, &s->done);
            if (!s->taken.first && s->signalled) {
                uint64_t ignored;
                s->signalled = read(s->done_fd, &ignored, sizeof(ignored)) < 0 && errno != EAGAIN;
            }
            pthread_mutex_unlock(&s->lock);
            if (!s->taken.first)
                break;
        }
        struct write *w = list_pop(&s->taken);
        fill_outcome(&out[n++], w);
        bytes += write_bytes(w);
        pool_put(&s->pool, w);
    }
    if (n) {
        pthread_mutex_lock(&s->lock);
        s->numbers.queued_writes -= n;
        s->numbers.queued_bytes -= bytes;
        pthread_mutex_unlock(&s->lock);
    }
    return n;
}

int sink_fd(struct sink *s) {
    return s->done_fd;
}

void sink_numbers(struct sink *s, struct sink_numbers *ret) {
    pthread_mutex_lock(&s->lock);
    *ret = s->numbers;
    pthread_mutex_unlock(&s->lock);
}

/* ---- the thread: from queues to requests */

static void make_ready(struct sink *s, struct write *w) {
    list_append(w->transact ? &s->transactions : &s->tables[w->target].ready, w);
}

/* Tried again before what came later. */
static void make_ready_first(struct sink *s, struct write *w) {
    list_prepend(w->transact ? &s->transactions : &s->tables[w->target].ready, w);
}

static void delay(struct sink *s, struct write *w, enum error_kind kind, int64_t now_us) {
    int64_t base = kind == KIND_TRANSIENT ? BACKOFF_TRANSIENT_MS : BACKOFF_THROTTLED_MS;
    w->due_us = now_us + backoff_us(w->attempts, base * 1000);
    w->delay_class = (uint8_t)kind;
    if (w->attempts < UINT16_MAX)
        w->attempts++;
    heap_push(&s->delayed, w);
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
    r->signed_us = dynamo_post(&s->dynamo, lane, r->transact ? "TransactWriteItems" : "BatchWriteItem", buf_slice(&r->body));
    pthread_mutex_lock(&s->lock);
    s->numbers.requests++;
    s->numbers.bytes_out += r->body.len;
    s->numbers.in_flight_requests++;
    pthread_mutex_unlock(&s->lock);
}

/* Packs the next request into `r`; false when nothing may go. Batches and transactions take turns. */
static bool pack_next(struct sink *s, struct request *r, bool probe, int64_t now_us) {
    size_t limit = probe || s->all_parked ? 1 : BATCH_MAX;
    bool transaction_first = s->turn & 1;
    for (unsigned i = 0; i < 2; i++) {
        if (transaction_first == (i == 0)) {
            struct write *head = s->transactions.first ? pop_transaction(s, now_us) : NULL;
            if (head) {
                pack_transaction(r, head);
                s->turn++;
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

/* ---- the thread: from answers to outcomes */

static void finish(struct write_list *done, struct write *w, enum outcome_kind kind, const char *reason) {
    w->outcome = kind;
    w->together = NULL;
    if (kind == OUTCOME_POISON)
        w->reason = xstrdup(reason && *reason ? reason : "DynamoDB refused the item without a reason");
    list_append(done, w);
}

static void park_table(struct table_queue *t, const struct answer *a, int64_t now_us) {
    t->parked = true;
    t->pause_until_us = now_us + (int64_t)PARK_PROBE_MS * 1000;
    snprintf(t->park_reason, sizeof(t->park_reason), "table %s: %s: %.200s; %s", t->target->name, a->type, a->message, error_kind_remedy(a->kind));
}

static void park_all(struct sink *s, const struct answer *a, int64_t now_us) {
    s->all_parked = true;
    s->all_pause_us = now_us + (int64_t)PARK_PROBE_MS * 1000;
    if (a->type[0])
        snprintf(s->all_reason, sizeof(s->all_reason), "DynamoDB: %s: %.200s; %s", a->type, a->message, error_kind_remedy(a->kind));
    else
        snprintf(s->all_reason, sizeof(s->all_reason), "DynamoDB's endpoint: an answer without error type; %s", error_kind_remedy(a->kind));
}

/* The tables of a request, each once. */
static size_t tables_of(struct sink *s, const struct request *r, struct table_queue **ret, size_t max) {
    size_t n = 0;
    for (size_t i = 0; i < r->count; i++) {
        struct table_queue *t = &s->tables[r->writes[i]->target];
        bool known = false;
        for (size_t k = 0; k < n; k++)
            known |= ret[k] == t;
        if (!known && n < max)
            ret[n++] = t;
    }
    return n;
}

/* The request as a whole goes back; its writes keep their order. */
static void again_at_once(struct sink *s, struct request *r) {
    if (r->transact) {
        make_ready_first(s, r->writes[0]);
        return;
    }
    for (size_t i = r->count; i-- > 0;)
        make_ready_first(s, r->writes[i]);
}

static void again_later(struct sink *s, struct request *r, enum error_kind kind, int64_t now_us) {
    for (size_t i = 0; i < (r->transact ? 1 : r->count); i++)
        delay(s, r->writes[i], kind, now_us);
}

static void shrink_window(struct table_queue *t) {
    t->window = MAX(MIN(t->window, (double)t->in_flight + 1) * 0.7, 1);
}

/* All went through but what UnprocessedItems names. */
static void on_success(struct sink *s, struct request *r, struct write_list *done, int64_t now_us) {
    for (size_t i = 0; i < r->count; i++) {
        struct write *w = r->writes[i];
        struct table_queue *t = &s->tables[w->target];
        if (r->fates[i] == FATE_LEFT_OVER) {
            shrink_window(t);
            s->numbers.throttled++;
            s->numbers.retries_unprocessed++;
            delay(s, w, KIND_THROTTLED, now_us);
            continue;
        }
        t->window = MIN(t->window + 0.25, t->window_max);
        t->throttles = 0;
        t->parked = t->alone = false;
        finish(done, w, OUTCOME_WRITTEN, NULL);
    }
    s->all_pause_us = 0;
    s->skews = 0;
}

static void on_throttled(struct sink *s, struct request *r, int64_t now_us) {
    struct table_queue *tables[TABLES_AT_ONCE];
    size_t n = tables_of(s, r, tables, ARRAY_LEN(tables));
    for (size_t i = 0; i < n; i++) {
        tables[i]->pause_until_us = now_us + backoff_us(tables[i]->throttles, (int64_t)BACKOFF_THROTTLED_MS * 1000);
        tables[i]->throttles++;
        shrink_window(tables[i]);
    }
    s->numbers.throttled += r->count;
    s->numbers.retries_throttled += r->count;
    again_later(s, r, KIND_THROTTLED, now_us);
}

/* Missing table, no permission, other keys: the error does not say which table it means, so the suspects travel alone next time. */
static void on_table_refused(struct sink *s, struct request *r, const struct answer *a, int64_t now_us) {
    struct table_queue *tables[TABLES_AT_ONCE];
    size_t n = tables_of(s, r, tables, ARRAY_LEN(tables));
    for (size_t i = 0; i < n; i++) {
        tables[i]->alone = true;
        if (n == 1 || r->transact)
            park_table(tables[i], a, now_us);
    }
    again_at_once(s, r);
}

/* A batch is halved until the poison one stands alone. A transaction that is refused as a whole names nobody: its members go
 * on one by one as ordinary writes, so that the good ones are written and the poison one is found. */
static void on_validation(struct sink *s, struct request *r, const struct answer *a, struct write_list *done) {
    if (r->count == 1) {
        finish(done, r->writes[0], OUTCOME_POISON, a->message);
        return;
    }
    uint8_t limit = r->transact ? 1 : (uint8_t)(r->count / 2);
    for (size_t i = r->count; i-- > 0;) {
        r->writes[i]->batch_limit = limit;
        r->writes[i]->transact = false;
        r->writes[i]->together = NULL;
        make_ready_first(s, r->writes[i]);
    }
}

static void on_canceled(struct sink *s, struct request *r, const struct answer *a, struct write_list *done, int64_t now_us) {
    bool poison = false;
    enum error_kind worst = KIND_NONE;
    for (size_t i = 0; i < r->count; i++) {
        poison |= a->item_kinds[i] == KIND_VALIDATION;
        worst = MAX(worst, a->item_kinds[i]);
    }
    if (poison) {
        for (size_t i = 0; i < r->count; i++)
            finish(done, r->writes[i], a->item_kinds[i] == KIND_VALIDATION ? OUTCOME_POISON : OUTCOME_AGAIN, a->item_messages[i]);
        return;
    }
    for (size_t i = 0; i < r->count; i++)
        if (a->item_kinds[i] == KIND_SCHEMA || a->item_kinds[i] == KIND_TABLE || a->item_kinds[i] == KIND_ACCESS) {
            struct answer one = {.kind = a->item_kinds[i]};
            snprintf(one.type, sizeof(one.type), "%s", a->type);
            snprintf(one.message, sizeof(one.message), "%s", a->item_messages[i]);
            park_table(&s->tables[r->writes[i]->target], &one, now_us);
        }
    r->writes[0]->token[0] = 0;
    if (worst == KIND_THROTTLED)
        s->numbers.throttled += r->count;
    s->numbers.retries_conflict += r->count;
    again_later(s, r, KIND_CONFLICT, now_us);
}

/* The clock is corrected once or twice; if that does not help, it is a case for somebody. */
static void on_skew(struct sink *s, struct request *r, const struct answer *a, const struct http_answer *http, int64_t now_us) {
    bool changed = dynamo_correct_clock(&s->dynamo, http->date_us);
    if (!(changed && s->skews++ < 3))
        park_all(s, a, now_us);
    again_at_once(s, r);
}

static void on_transient(struct sink *s, struct request *r, int64_t now_us) {
    breaker_failure(&s->breaker, now_us);
    s->numbers.transient++;
    s->numbers.retries_transient += r->count;
    again_later(s, r, KIND_TRANSIENT, now_us);
}

/* The endpoint is back: what waits because it was away need not wait longer. */
static void endpoint_is_back(struct sink *s, int64_t now_us) {
    for (size_t i = 0; i < s->delayed.count; i++)
        if (s->delayed.items[i]->delay_class == KIND_TRANSIENT)
            s->delayed.items[i]->due_us = MIN(s->delayed.items[i]->due_us, now_us);
    heap_rebuild(&s->delayed);
}

static void decide(struct sink *s, struct request *r, const struct http_answer *http, struct write_list *done, int64_t now_us) {
    const struct answer *a = &s->answer;
    if (a->kind != KIND_TRANSIENT && breaker_success(&s->breaker))
        endpoint_is_back(s, now_us);
    if (a->kind != KIND_TRANSIENT && a->kind != KIND_SKEW && a->kind != KIND_EXPIRED && a->kind != KIND_CREDENTIALS && a->kind != KIND_CLIENT)
        s->all_parked = false; /* whatever else is wrong: we are let in */
    switch (a->kind) {
    case KIND_NONE:
        on_success(s, r, done, now_us);
        break;
    case KIND_THROTTLED:
        on_throttled(s, r, now_us);
        break;
    case KIND_TRANSIENT:
        on_transient(s, r, now_us);
        break;
    case KIND_SKEW:
        on_skew(s, r, a, http, now_us);
        break;
    case KIND_EXPIRED:
        dynamo_refresh(&s->dynamo);
        park_all(s, a, now_us);
        again_at_once(s, r);
        break;
    case KIND_CREDENTIALS:
    case KIND_CLIENT:
        park_all(s, a, now_us);
        again_at_once(s, r);
        break;
    case KIND_CONFLICT:
        r->writes[0]->token[0] = 0;
        s->numbers.retries_conflict += r->count;
        again_later(s, r, KIND_CONFLICT, now_us);
        break;
    case KIND_CANCELED:
        on_canceled(s, r, a, done, now_us);
        break;
    case KIND_VALIDATION:
        on_validation(s, r, a, done);
        break;
    case KIND_SCHEMA:
    case KIND_TABLE:
    case KIND_ACCESS:
        on_table_refused(s, r, a, now_us);
        break;
    }
}

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
    if (log_enabled(LOG_DEBUG))
        log_answer(r, &s->answer, http);
    pthread_mutex_lock(&s->lock); /* decide() counts, too */
    decide(s, r, http, &done, now_us);
    s->numbers.writes += done.count;
    count_answer(s, r, http, done.count);
    show_state(s);
    list_move_all(&s->done, &done);
    tell_applier(s);
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

static void init_lanes(struct sink *s, unsigned connections) {
    s->lane_count = connections;
    s->requests = xcalloc(connections, sizeof(*s->requests));
    s->free_lanes = xcalloc(connections, sizeof(*s->free_lanes));
    for (unsigned i = 0; i < connections; i++) {
        s->requests[i].body.max = 32 << 20;
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
    s->queue_writes = MAX((size_t)connections * BATCH_MAX * 8, (size_t)1000);
    s->scratch.max = ENCODED_MAX;
    pthread_mutex_init(&s->lock, NULL);
    init_tables(s, connections);
    init_lanes(s, connections);
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
