/* What an answer means for the writes of its request: one function a class of errors (retry.h). The steps and the ways to fail
 * stand at the top of send.c. All of it runs in the thread, with the lock held because it counts. */
#include "sink/sender.h"

#include <stdio.h>

enum { TABLES_AT_ONCE = BATCH_MAX };

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
    snprintf(t->park_reason, sizeof(t->park_reason), "table %s: %s: %.200s; %s", t->target->name, a->type, a->message,
             error_kind_remedy(a->kind));
}

static void park_all(struct sink *s, const struct answer *a, int64_t now_us) {
    s->all_parked = true;
    s->all_pause_us = now_us + (int64_t)PARK_PROBE_MS * 1000;
    if (a->type[0])
        snprintf(s->all_reason, sizeof(s->all_reason), "DynamoDB: %s: %.200s; %s", a->type, a->message,
                 error_kind_remedy(a->kind));
    else
        snprintf(s->all_reason, sizeof(s->all_reason), "DynamoDB's endpoint: an answer without error type; %s",
                 error_kind_remedy(a->kind));
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
    const struct table_queue *shrunk = NULL; /* once a request: writes of one table stand together */
    for (size_t i = 0; i < r->count; i++) {
        struct write *w = r->writes[i];
        struct table_queue *t = &s->tables[w->target];
        if (r->fates[i] == FATE_LEFT_OVER) {
            if (t != shrunk)
                shrink_window(t);
            shrunk = t;
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

static void on_canceled(struct sink *s, struct request *r, const struct answer *a, struct write_list *done,
                        int64_t now_us) {
    bool poison = false;
    enum error_kind worst = KIND_NONE;
    for (size_t i = 0; i < r->count; i++) {
        poison |= a->item_kinds[i] == KIND_VALIDATION;
        worst = MAX(worst, a->item_kinds[i]);
    }
    if (poison) {
        for (size_t i = 0; i < r->count; i++)
            finish(done, r->writes[i], a->item_kinds[i] == KIND_VALIDATION ? OUTCOME_POISON : OUTCOME_AGAIN,
                   a->item_messages[i]);
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

/* The clock is corrected once or twice; if that does not help, it is a case for somebody. Requests that were signed before
 * the correction only go again. */
static void on_skew(struct sink *s, struct request *r, const struct answer *a, const struct http_answer *http,
                    int64_t now_us) {
    if (r->corrections == s->corrections) {
        if (dynamo_correct_clock(&s->dynamo, http->date_us) && s->skews++ < 3)
            s->corrections++;
        else
            park_all(s, a, now_us);
    }
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

void sender_decide(struct sink *s, struct request *r, const struct http_answer *http, struct write_list *done,
                   int64_t now_us) {
    const struct answer *a = &s->answer;
    if (a->kind != KIND_TRANSIENT && breaker_success(&s->breaker))
        endpoint_is_back(s, now_us);
    if (a->kind != KIND_TRANSIENT && a->kind != KIND_SKEW && a->kind != KIND_EXPIRED && a->kind != KIND_CREDENTIALS &&
        a->kind != KIND_CLIENT)
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
