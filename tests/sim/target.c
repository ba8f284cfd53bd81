/* The network and the target: writes are packed, throttled, lost, answered late or not at all, and arrive again up to
 * fifteen minutes after they were signed. */
#include "tests/sim/world.h"

#define LATE_US ((int64_t)14 * 60 * 1000000)

struct titem *target_item(uint64_t key) {
    if (!world->items) {
        world->items_cap = 4096;
        world->items = xcalloc((size_t)world->items_cap, sizeof(*world->items));
    }
    size_t i = key % (size_t)world->items_cap;
    while (world->items[i].used && world->items[i].key != key)
        i = (i + 1) % (size_t)world->items_cap;
    struct titem *item = &world->items[i];
    if (!item->used)
        *item = (struct titem){.key = key, .used = true, .label = -1};
    return item;
}

size_t target_room(void *context) {
    (void)context;
    int writes = 0;
    for (int i = 0; i < world->net_count; i++)
        writes += world->net[i]->count;
    return writes < world->cfg.room ? (size_t)(world->cfg.room - writes) : 0;
}

static void push(struct request ***list, int *count, int *cap, struct request *q) {
    if (*count == *cap) {
        *cap = MAX(*cap * 2, 16);
        *list = xrealloc(*list, (size_t)*cap * sizeof(struct request *));
    }
    (*list)[(*count)++] = q;
}

static void request_free(struct request *q) {
    for (int i = 0; i < q->count; i++)
        free(q->writes[i].key);
    free(q->writes);
    free(q);
}

static struct request *request_copy(const struct request *q) {
    struct request *copy = xmalloc(sizeof(*copy));
    *copy = *q;
    copy->writes = xmalloc((size_t)q->count * sizeof(*q->writes));
    for (int i = 0; i < q->count; i++) {
        copy->writes[i] = q->writes[i];
        copy->writes[i].key = xmalloc(q->writes[i].key_len);
        memcpy(copy->writes[i].key, q->writes[i].key, q->writes[i].key_len);
    }
    return copy;
}

int target_send(void *context, const struct item_write *writes, size_t count, bool transact, struct error *error) {
    (void)context;
    int label = (int)((engine_applied(world->e)->offset - 100) / 10);
    struct request *q = NULL;
    totals.transacts += transact;
    if (!world->e->loading && !position_reached(engine_checkpointed(world->e), &world->e->high))
        fail("rule 3: something is sent before the snapshot's end is a checkpoint");
    for (size_t i = 0; i < count; i++) {
        struct write_sim w = {.key = xmalloc(writes[i].key.len),
                              .key_len = writes[i].key.len,
                              .ticket = writes[i].ticket,
                              .key_hash = key_hash(writes[i].key)};
        memcpy(w.key, writes[i].key.data, w.key_len);
        if (writes[i].item)
            w.value = item_value(writes[i].item, &w.refused, &w.identity);
        for (int n = 0; n < world->net_count; n++)
            for (int k = 0; k < world->net[n]->count; k++)
                if (world->net[n]->writes[k].key_hash == w.key_hash)
                    fail("I2 two writes in flight for %016llx", (unsigned long long)w.key_hash);
        trace("  send %s%016llx = %016llx at %d", transact ? "tx " : "", (unsigned long long)w.key_hash,
              (unsigned long long)w.value, label);
        totals.sent++;
        totals.deletes += w.value == 0;
        if (!q || !transact) {
            q = xcalloc(1, sizeof(*q));
            *q = (struct request){.writes = xcalloc(transact ? count : 1, sizeof(w)),
                                  .label = label,
                                  .life = world->life,
                                  .transact = transact,
                                  .signed_us = world->now_us};
            push(&world->net, &world->net_count, &world->net_cap, q);
        }
        q->writes[q->count++] = w;
    }
    if (engine_crash && engine_crash("send"))
        return error_set(error, ERR_STOPPED, "crash point send");
    return 0;
}

/* ---- what the target does */

static void check_value(const struct request *q, const struct write_sim *w) {
    uint64_t expected = expected_value(q->label, w->key_hash);
    if (q->late || expected == w->value)
        return;
    if (world->snapshot_seen && w->value && expected_of_some_root(q->label, w->key_hash, w->value))
        return; /* a key that several claim passes through hands while the sweep has not met all of them */
    if (world->snapshot_seen && !w->value)
        return;
    fail("I5 value of %016llx at %d: sent %016llx, contract %016llx", (unsigned long long)w->key_hash, q->label,
         (unsigned long long)w->value, (unsigned long long)expected);
}

static int holders(uint64_t identity) {
    int n = 0;
    for (int i = 0; i < world->items_cap; i++)
        n += world->items[i].used && world->items[i].value && world->items[i].identity == identity;
    return n;
}

/* Was the row's item away for a moment (the row, or its key in a conflict) between the writes of them? Then it is no
 * move. */
static bool was_away(const struct request *q, uint64_t identity, int from) {
    int to = q->label;
    for (int i = 0; i < world->items_cap; i++)
        if (world->items[i].used && world->items[i].identity == identity && world->items[i].value) {
            from = MIN(from, world->items[i].label);
            to = MAX(to, world->items[i].sent);
        }
    for (int p = from; p <= to; p++)
        if (!expected_has(p, identity))
            return true;
    return false;
}

static void check_atomic(const struct request *q, const uint64_t *identities, const int *before, const int *labels,
                         int count) {
    for (int i = 0; i < count; i++) {
        int after = holders(identities[i]);
        if (before[i] == 1 && after == 0 && expected_has(q->label, identities[i]) &&
            !was_away(q, identities[i], MIN(labels[i], q->label)))
            fail("atomic: an item is nowhere while its key moves (position %d)", q->label);
        if (before[i] < 2 && after > 1 && !was_away(q, identities[i], MIN(labels[i], q->label)))
            fail("atomic: an item is at two keys while its key moves (position %d)", q->label);
    }
}

/* I4: each value is the contract's at some position that is not before the last one's. The item keeps the earliest
 * such position. */
static void see(const struct request *q, const struct write_sim *w, struct titem *item) {
    for (int p = MAX(item->label, 0); p <= q->label; p++)
        if (expected_value(p, w->key_hash) == w->value) {
            item->label = p;
            return;
        }
    if (q->late || !world->timetravel || item->value == w->value || expected_value(q->label, w->key_hash) != w->value)
        return;
    fail("I4 time travel of %016llx: position %d after %d", (unsigned long long)w->key_hash, q->label, item->label);
}

static void deliver(struct request *q) {
    uint64_t identities[512];
    int before[512], labels[512], count = 0;
    bool watch = world->cfg.watch && !q->late;
    for (int i = 0; i < q->count && watch && count < 500; i++) {
        const struct titem *item = target_item(q->writes[i].key_hash);
        const uint64_t both[2] = {item->value ? item->identity : 0, q->writes[i].value ? q->writes[i].identity : 0};
        for (int k = 0; k < 2; k++)
            if (both[k]) {
                identities[count] = both[k];
                labels[count] = k == 0 ? item->label : q->label;
                before[count++] = holders(both[k]);
            }
    }
    for (int i = 0; i < q->count; i++) {
        struct write_sim *w = &q->writes[i];
        struct titem *item = target_item(w->key_hash);
        check_value(q, w);
        see(q, w, item);
        item->value = w->value;
        item->identity = w->identity;
        item->sent = q->label;
    }
    if (watch)
        check_atomic(q, identities, before, labels, count);
}

static void answer(struct request *q, int i, enum outcome_kind kind) {
    struct outcome outcome = {.ticket = q->writes[i].ticket,
                              .kind = kind,
                              .ambiguous_us = q->ambiguous_us,
                              .reason = "refused by the target"};
    struct error error = {""};
    int r = engine_answer(world->e, &outcome, &error);
    if (r == ERR_STORE && world->tiny)
        world->crashing = true;
    else if (r)
        fail("engine_answer: %s", error.text);
    trace("  answer %016llx %s ambiguous %d", (unsigned long long)q->writes[i].key_hash,
          kind == OUTCOME_WRITTEN ? "written"
          : kind == OUTCOME_AGAIN ? "again"
                                  : "poison",
          q->ambiguous_us != 0);
}

static void finish(struct request *q, int at) {
    bool refused = false;
    for (int i = 0; i < q->count; i++)
        refused |= q->writes[i].refused;
    world->net[at] = world->net[--world->net_count];
    if (!refused)
        deliver(q);
    for (int i = 0; i < q->count; i++)
        answer(q, i, !refused ? OUTCOME_WRITTEN : q->writes[i].refused ? OUTCOME_POISON : OUTCOME_AGAIN);
    totals.refused += refused;
    request_free(q);
}

static bool any_refused(const struct request *q) {
    for (int i = 0; i < q->count; i++)
        if (q->writes[i].refused)
            return true;
    return false;
}

static void duplicate_late(const struct request *q) {
    if (!world->cfg.late || !chance(500))
        return;
    struct request *copy = request_copy(q);
    copy->late = true;
    push(&world->late, &world->late_count, &world->late_cap, copy);
}

/* One attempt of one request. */
bool net_step(void) {
    if (!world->net_count)
        return false;
    int at = below(world->net_count), x = below(1000);
    struct request *q = world->net[at];
    bool faults = world->noise && world->cfg.faults;
    if (world->noise && world->away > 0 && x < 970)
        x = chance(500) ? 550 : 650;
    else if (!faults || x < 500) {
        finish(q, at);
        return true;
    }
    q->signed_us = world->now_us; /* each attempt is signed anew */
    if (x < 600)
        return true; /* throttled */
    if (any_refused(q)) {
        finish(q, at);
        return true;
    }
    if (x < 900) { /* the outcome is unknown; the sender tries again */
        totals.ambiguous++;
        q->ambiguous_us = world->now_us;
        if (x >= 700) {
            deliver(q); /* it arrived, the answer did not */
            duplicate_late(q);
        } else if (chance(300)) {
            duplicate_late(q);
        }
        return true;
    }
    if (q->transact) { /* refused because of another key */
        totals.again++;
        world->net[at] = world->net[--world->net_count];
        for (int i = 0; i < q->count; i++)
            answer(q, i, OUTCOME_AGAIN);
        request_free(q);
        return true;
    }
    finish(q, at);
    return true;
}

bool late_step(void) {
    for (int i = 0; i < world->late_count;)
        if (world->now_us - world->late[i]->signed_us > LATE_US) {
            request_free(world->late[i]);
            world->late[i] = world->late[--world->late_count];
        } else {
            i++;
        }
    if (!world->late_count)
        return false;
    int at = below(world->late_count);
    struct request *q = world->late[at];
    world->late[at] = world->late[--world->late_count];
    trace("late arrival of %d writes of %d", q->count, q->label);
    world->spoilt = true;
    totals.late++;
    if (!any_refused(q))
        deliver(q);
    request_free(q);
    return true;
}

/* Requests of a dead process: lost, delivered, or on their way for a while. */
void orphan(void) {
    while (world->net_count) {
        struct request *q = world->net[--world->net_count];
        if (world->cfg.inflight_late && chance(600)) {
            q->late = true;
            push(&world->late, &world->late_count, &world->late_cap, q);
            continue;
        }
        if (chance(500) && !any_refused(q))
            deliver(q);
        request_free(q);
    }
}

void target_deinit(void) {
    for (int i = 0; i < world->net_count; i++)
        request_free(world->net[i]);
    for (int i = 0; i < world->late_count; i++)
        request_free(world->late[i]);
    free(world->net);
    free(world->late);
    free(world->items);
}
