/* The applier's side of the sender: writes in, outcomes out. Records are encoded here, once, and recycled here. */
#include "sink/encode.h"
#include "sink/sender.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

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

void sender_tell_applier(struct sink *s) {
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
        return error_set(error, ERR_BUG, "a transaction of %zu items came to the sender; DynamoDB takes %d", count,
                         TRANSACTION_MAX);
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
    sender_tell_applier(s);
    if (wake)
        s->sleeping = false;
    pthread_mutex_unlock(&s->lock);
    if (wake)
        http_wake(s->dynamo.http);
    return 0;
}

size_t sink_room(struct sink *s) {
    /* without the lock, for it is asked before each write: what the applier alone changes, it may read */
    size_t writes = s->numbers.queued_writes, bytes = s->numbers.queued_bytes;
    if (writes >= s->queue_writes || bytes >= s->queue_bytes)
        return 0;
    size_t each =
        writes ? MAX(2 * bytes / writes, (size_t)4096) : 4096; /* twice what the present ones are on average */
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
