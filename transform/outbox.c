/* The outbox: keys that are decided and not acknowledged; sending, and what the answers change.
 *
 * Straight path: decided -> entered (number of the last decision, first unacknowledged one) -> handed to the sender
 * with the present value -> written: the entry goes. Whatever finds no room stays; the pump walks the outbox round and
 * round and sends each key's value of that moment, so the outbox's size bounds nothing and is bounded by nothing but
 * the store.
 *
 * Ways to fail. A key is decided again while in flight: the answer bears an older number, so the entry stays, its
 * first unacknowledged decision moves behind the acknowledged one, and the key is sent again (rule 1). Not written (a
 * transaction refused because of another key): sent again. Poison: the root becomes refused, the runner-up or a delete
 * takes its place. An outcome that was once unknown: the key is asserted again later (jobs.c). A crash: all keys are
 * in the store or in the journal.
 *
 * DB_OUTBOX: item key -> blob(full key when long), then varints: first unacknowledged decision (0: older than all
 * positions), last decision, group. */
#include "transform/state.h"

#include "src/base/sys.h"

#include <stdlib.h>

enum {
    GROUP_MAX = 1000 /* keys; larger ones are not linked further */,
    TRANSACT_BYTES_MAX = 4000000,
    PENDING_MAX = 256,
    PUMP_ENTRIES = 256
};

bool outbox_open(const struct engine *e) {
    return e->life == ENGINE_STREAMING && !position_known(&e->resume);
}

static int put_entry(struct engine *e, struct slice key, const struct outbox_entry *entry, struct error *error) {
    buf_clear(&e->key);
    buf_clear(&e->value);
    key_put_full(&e->value, key, key_put_part(&e->key, key, KEY_PART_MAX));
    buf_put_varint(&e->value, entry->first);
    buf_put_varint(&e->value, entry->last);
    buf_put_varint(&e->value, entry->group);
    e->changed = true;
    return store_put(e->store, DB_OUTBOX, buf_slice(&e->key), buf_slice(&e->value), error);
}

static int read_entry(struct cursor *c, struct outbox_entry *ret, struct error *error) {
    *ret = (struct outbox_entry){cursor_varint(c), 0, 0};
    ret->last = cursor_varint(c);
    ret->group = cursor_varint(c);
    return c->failed ? error_set(error, ERR_STORE, "the store is damaged: an entry of the outbox is malformed") : 0;
}

int outbox_get(struct engine *e, struct slice key, struct outbox_entry *ret, struct error *error) {
    buf_clear(&e->key);
    key_put_part(&e->key, key, KEY_PART_MAX);
    struct slice value;
    int r = store_get(e->store, DB_OUTBOX, buf_slice(&e->key), &value, error);
    if (r)
        return r;
    struct cursor c = cursor_of(value.data, value.len);
    r = key_check(&c, key, error);
    return r ? r : read_entry(&c, ret, error);
}

/* ---- which decision is the first unacknowledged one */

static void count_first(struct engine *e, uint64_t first, bool add) {
    if (first == 0)
        e->older += add ? 1 : (uint64_t)-1;
    else if (add)
        ring_add(&e->ring, first);
    else
        ring_remove(&e->ring, first);
}

int outbox_load(struct engine *e, struct error *error) {
    if (MUTANT(NOOUTBOX)) {
        int r = store_clear(e->store, DB_OUTBOX, error);
        return r ? r : store_clear(e->store, DB_MOVES, error);
    }
    struct store_scan scan defer(store_scan_end);
    int r = store_scan(&scan, e->store, DB_OUTBOX, (struct slice){NULL, 0}, (struct slice){NULL, 0}, error);
    struct slice key, value;
    while (!r && (r = store_scan_next(&scan, &key, &value, error)) == 0) {
        struct cursor c = cursor_of(value.data, value.len);
        struct outbox_entry entry;
        cursor_blob(&c);
        r = read_entry(&c, &entry, error);
        if (r)
            return r;
        count_first(e, entry.first, true);
        e->outbox_keys++;
    }
    return r < 0 ? r : 0;
}

int outbox_recover(struct engine *e, struct slice key, struct error *error) {
    struct outbox_entry entry;
    int r = outbox_get(e, key, &entry, error);
    if (r <= 0)
        return r;
    const struct ring_entry *oldest = ring_oldest(&e->ring);
    bool known = !e->sweeping && e->older == 0 && oldest && position_known(&oldest->before);
    entry = (struct outbox_entry){.first = known ? 1 : 0, .last = 1};
    count_first(e, entry.first, true);
    e->outbox_keys++;
    return put_entry(e, key, &entry, error);
}

int outbox_decided(struct engine *e, struct slice key, bool sweep, struct error *error) {
    struct outbox_entry entry;
    int r = outbox_get(e, key, &entry, error);
    if (r < 0)
        return r;
    if (r == 0 && MUTANT(RESEQ)) {
        count_first(e, entry.first, false);
        e->outbox_keys--;
        r = 1;
    }
    if (r == 0) {
        entry.last = e->number;
        return put_entry(e, key, &entry, error);
    }
    bool older = (sweep || e->sweeping) && !MUTANT(SWEEP_BEFORE);
    bool fanned = e->fan.oldest && !MUTANT(FANEARLY) && !MUTANT(FANNUMBER); /* fan.c */
    entry = (struct outbox_entry){.first = older ? 0 : fanned ? e->fan.oldest : e->number, .last = e->number};
    if (!older &&
        !fanned) /* replays and assertions write what DynamoDB should have: they are as old as their decision, not as the rows */
        ring_push(&e->ring, e->number, e->in_batch ? &e->batch_before : &e->applied,
                  e->in_batch ? e->batch_commit_us : sys_wall_us());
    count_first(e, entry.first, true);
    e->outbox_keys++;
    return put_entry(e, key, &entry, error);
}

/* ---- groups: keys that one root left and took */

static void move_key(struct engine *e, uint64_t group, struct slice key) {
    buf_clear(&e->key);
    buf_clear(&e->value);
    buf_put_be64(&e->key, group);
    key_put_full(&e->value, key, key_put_part(&e->key, key, KEY_PART_MAX));
}

static int set_group(struct engine *e, struct slice key, struct outbox_entry *entry, uint64_t group,
                     struct error *error) {
    int r = 0;
    if (entry->group) {
        move_key(e, entry->group, key);
        r = store_delete(e->store, DB_MOVES, buf_slice(&e->key), error);
    }
    entry->group = group;
    if (r >= 0 && group) {
        move_key(e, group, key);
        r = store_put(e->store, DB_MOVES, buf_slice(&e->key), buf_slice(&e->value), error);
    }
    return r < 0 ? r : 0;
}

/* The keys of a group, at most `max`; they live in the arena. */
static int group_keys(struct engine *e, uint64_t group, struct arena *arena, struct slice *list, size_t max,
                      size_t *ret, struct error *error) {
    struct buf prefix defer(buf_deinit) = BUF_INIT(16);
    buf_put_be64(&prefix, group);
    struct store_scan scan defer(store_scan_end);
    int r = store_scan(&scan, e->store, DB_MOVES, buf_slice(&prefix), (struct slice){NULL, 0}, error);
    struct slice key, value;
    size_t count = 0;
    while (!r && count < max && (r = store_scan_next(&scan, &key, &value, error)) == 0) {
        struct cursor c = cursor_of(value.data, value.len);
        struct slice full = key_full(key, prefix.len, &c);
        list[count++] = (struct slice){arena_copy(arena, full.data, full.len), full.len};
    }
    *ret = count;
    return r < 0 ? r : 0;
}

/* All keys of group `from` join `to`. */
static int merge_groups(struct engine *e, uint64_t from, uint64_t to, struct error *error) {
    struct slice *list = arena_alloc(&e->scratch, (GROUP_MAX + 1) * sizeof(*list));
    size_t a, b;
    int r = group_keys(e, to, &e->scratch, list, GROUP_MAX + 1, &a, error);
    if (!r)
        r = group_keys(e, from, &e->scratch, list, GROUP_MAX + 1, &b, error);
    if (r || a + b > GROUP_MAX)
        return r;
    for (size_t i = 0; i < b; i++) {
        struct outbox_entry entry;
        r = outbox_get(e, list[i], &entry, error);
        if (!r)
            r = set_group(e, list[i], &entry, to, error);
        if (!r)
            r = put_entry(e, list[i], &entry, error);
        if (r < 0)
            return r;
    }
    return 0;
}

int outbox_link(struct engine *e, struct slice a, struct slice b, struct error *error) {
    struct outbox_entry x, y;
    arena_reset(&e->scratch);
    int r = outbox_get(e, a, &x, error);
    if (!r)
        r = outbox_get(e, b, &y, error);
    if (r)
        return r < 0 ? r : 0; /* one of them is written already: nothing to keep together */
    if (x.group && y.group)
        return x.group == y.group ? 0 : merge_groups(e, y.group, x.group, error);
    uint64_t group = x.group ? x.group : y.group ? y.group : ++e->next_group;
    if (!x.group) {
        r = set_group(e, a, &x, group, error);
        if (!r)
            r = put_entry(e, a, &x, error);
    }
    if (!r && !y.group) {
        r = set_group(e, b, &y, group, error);
        if (!r)
            r = put_entry(e, b, &y, error);
    }
    return r;
}

/* ---- sending */

static bool can_conflict(const struct engine *e, struct slice key) {
    struct item_key parts;
    if (!item_key_get(key, &parts))
        return true;
    for (size_t i = 0; i < e->contract->entity_count; i++)
        if (e->contract->entities[i]->target->number == parts.target && e->contract->entities[i]->can_conflict)
            return true;
    return false;
}

/* While a sweep runs a key without claimant may yet be claimed by a root that the sweep has not met: its delete waits
 * (rule 3). And while tables are being read, a key of an entity that waits for them. */
static bool is_held(const struct engine *e, struct slice key, const struct outbox_entry *entry,
                    const struct evaluation *value) {
    if (value->state == MARK_WAITING)
        return true;
    return e->sweeping && !(value->state == MARK_ITEM && value->item) &&
           (entry->last <= e->life_number || can_conflict(e, key));
}

/* The value of now, which counts as decided: it may be newer than the key's decision, where a fan-out has yet to meet the root
 * or a claim of an earlier life fell away; were it not noted, a change back to what was decided before would not be written. */
static int present_value(struct engine *e, struct slice key, const struct evaluation *known, struct evaluation *ret,
                         struct error *error) {
    struct claim claim;
    if (known) {
        *ret = *known;
        return 0;
    }
    int r = claim_current(e, key, &e->sending, ret, &claim, error);
    bool put = ret->state == MARK_ITEM;
    if (r || MUTANT(HASHACKED) || MUTANT(SENTUNKNOWN) || (!put && !claim.has_decided) ||
        (put && claim.has_decided && memcmp(&claim.decided, &ret->hash, sizeof(ret->hash)) == 0))
        return r;
    return owners_decided(e, key, put ? &ret->hash : NULL, error);
}

static void take_off(struct engine *e, struct slice key, const struct evaluation *value) {
    struct flight_slot *slot = flight_add(&e->flight, key);
    const struct item *item = value->state == MARK_ITEM ? value->item : NULL;
    slot->number = e->number;
    slot->handed_us = sys_wall_us();
    slot->put = item != NULL;
    slot->hash = value->hash;
    if (!e->pending)
        e->pending = xcalloc(PENDING_MAX, sizeof(*e->pending));
    e->pending[e->pending_count++] = (struct item_write){{slot->key, slot->key_len}, item, slot->ticket};
    e->pump_idle = 0;
}

static int hand_over(struct engine *e, bool transact, struct error *error) {
    size_t count = e->pending_count;
    e->pending_count = 0;
    int r = 0;
    if (count &&
        e->journaled !=
            e->transactions) { /* keys decided earlier go out as of now: a restart must come this far before it sends */
        r = journal_mark(e->journal, e->number, &e->applied, error);
        e->journaled = e->transactions;
    }
    if (!r)
        r = count ? e->options.hooks.send(e->options.hooks.context, e->pending, count, transact, error) : 0;
    arena_reset(&e->sending);
    return r;
}

int outbox_flush(struct engine *e, struct error *error) {
    return hand_over(e, false, error);
}

static size_t room(const struct engine *e) {
    size_t free = e->options.hooks.room(e->options.hooks.context);
    return free > e->pending_count ? free - e->pending_count : 0;
}

/* The value is in `sending` maybe, which hand_over() empties. */
static int send_plain(struct engine *e, struct slice key, const struct evaluation *value, struct error *error) {
    take_off(e, key, value);
    return e->pending_count == PENDING_MAX ? hand_over(e, false, error) : 0;
}

struct group {
    struct slice keys[GROUP_MAX];
    struct evaluation values[TRANSACT_ITEMS_MAX];
    size_t count;
};

/* May all go now? Their values are taken when they fit one transaction; *ret_bytes is their size. */
static int group_ready(struct engine *e, struct group *g, bool *ret_ready, size_t *ret_bytes, struct error *error) {
    *ret_ready = false;
    *ret_bytes = 0;
    for (size_t i = 0; i < g->count; i++)
        if (flight_has(&e->flight, g->keys[i]))
            return 0;
    for (size_t i = 0; i < g->count; i++) {
        struct outbox_entry entry;
        struct evaluation value;
        int r = outbox_get(e, g->keys[i], &entry, error);
        if (!r)
            r = present_value(e, g->keys[i], NULL, &value, error);
        if (r)
            return r < 0 ? r
                         : error_set(error, ERR_STORE,
                                     "the store is damaged: a group holds a key that is not in the outbox");
        if (is_held(e, g->keys[i], &entry, &value))
            return 0;
        *ret_bytes += g->keys[i].len + (value.item ? item_size(value.item) : 0);
        if (i < TRANSACT_ITEMS_MAX)
            g->values[i] = value;
    }
    *ret_ready = true;
    return 0;
}

/* `count` writes of the group's keys go; all are of one table, as keys never move between tables. */
static void count_moved(struct engine *e, const struct group *g, size_t count, bool together) {
    struct item_key parts;
    if (item_key_get(g->keys[0], &parts) && parts.target < e->contract->target_count)
        (together ? e->moved_together : e->moved_apart)[parts.target] += count;
}

/* Too large for one transaction: first what is put, later what is deleted; the pump comes for the rest of a large group again. */
static int send_apart(struct engine *e, const struct group *g, struct error *error) {
    size_t sent = 0;
    for (int deletes = 0; deletes <= 1 && sent == 0; deletes++)
        for (size_t i = 0; i < g->count && room(e) && sent < PENDING_MAX; i++) {
            struct evaluation value;
            int r = present_value(e, g->keys[i], NULL, &value, error);
            if (r)
                return r;
            if ((value.item == NULL) == (deletes == 1)) {
                sent++;
                take_off(e, g->keys[i], &value);
            }
        }
    count_moved(e, g, sent, false);
    return 0;
}

static int send_group(struct engine *e, uint64_t number, struct error *error) {
    int r = outbox_flush(e, error); /* `sending` is this group's from here on */
    if (r)
        return r;
    e->group_wanted = 0;
    struct group *g = arena_alloc(&e->sending, sizeof(*g));
    bool ready = false;
    size_t bytes;
    r = group_keys(e, number, &e->sending, g->keys, GROUP_MAX, &g->count, error);
    if (!r && g->count) /* one that was waited for may be over, or have joined another */
        r = group_ready(e, g, &ready, &bytes, error);
    if (r || !ready)
        return r;
    if (g->count > engine_transact_max || bytes > TRANSACT_BYTES_MAX || (room(e) < g->count && e->flight.count == 0)) {
        r = send_apart(e, g, error);
    } else if (room(e) >= g->count) {
        for (size_t i = 0; i < g->count; i++)
            take_off(e, g->keys[i], &g->values[i]);
        count_moved(e, g, g->count, g->count > 1);
        return hand_over(e, g->count > 1, error);
    } else {
        e->group_wanted = number; /* single keys would take the room for ever */
    }
    if (!r)
        r = outbox_flush(e, error);
    return r;
}

int outbox_send(struct engine *e, struct slice key, const struct evaluation *known, struct error *error) {
    struct outbox_entry entry;
    struct evaluation value;
    if (flight_has(&e->flight, key))
        return 0;
    int r = outbox_get(e, key, &entry, error);
    if (r)
        return r < 0 ? r : 0;
    if (entry.group)
        return e->group_wanted ? 0 : send_group(e, entry.group, error);
    if (room(e) == 0 || e->group_wanted)
        return 0;
    r = present_value(e, key, known, &value, error);
    if (r || is_held(e, key, &entry, &value))
        return r;
    return send_plain(e, key, &value, error);
}

/* The next keys of the walk that are not in flight, at most `max`. */
static int pump_keys(struct engine *e, struct arena *arena, struct slice *list, size_t max, size_t *ret,
                     size_t *ret_seen, struct error *error) {
    struct store_scan scan defer(store_scan_end);
    int r = store_scan(&scan, e->store, DB_OUTBOX, (struct slice){NULL, 0}, buf_slice(&e->pump_at), error);
    struct slice key, value;
    size_t count = 0, seen = 0;
    while (!r && seen < PUMP_ENTRIES && count < max && (r = store_scan_next(&scan, &key, &value, error)) == 0) {
        seen++;
        buf_clear(&e->pump_at);
        buf_put_slice(&e->pump_at, key);
        struct cursor c = cursor_of(value.data, value.len);
        struct slice full = key_full(key, 0, &c);
        if (!flight_has(&e->flight, full))
            list[count++] = (struct slice){arena_copy(arena, full.data, full.len), full.len};
    }
    if (r < 0)
        return r;
    if (r == 1)
        buf_clear(&e->pump_at); /* round again */
    else
        buf_put_char(&e->pump_at, 0);
    *ret = count;
    *ret_seen = seen;
    return 0;
}

/* Keys of which answers have said that they may go. */
static int send_ready(struct engine *e, struct error *error) {
    int r = 0;
    while (!r && e->ready_at < e->ready.len && room(e) > 0 && !e->group_wanted) {
        struct cursor c = cursor_of(e->ready.data + e->ready_at, e->ready.len - e->ready_at);
        struct slice key = cursor_blob(&c);
        e->ready_at = e->ready.len - cursor_left(&c);
        r = outbox_send(e, key, NULL, error);
    }
    if (e->ready_at == e->ready.len) {
        buf_clear(&e->ready);
        e->ready_at = 0;
    }
    return r ? r : outbox_flush(e, error);
}

/* While the sender has much to do, the pump waits until a good many can go at once: a walk for every answer costs more. */
static bool room_enough(const struct engine *e) {
    return room(e) >= (e->flight.count >= 4 * (size_t)PUMP_ENTRIES ? PUMP_ENTRIES : 1);
}

int outbox_pump(struct engine *e, bool *ret_more, struct error *error) {
    *ret_more = false;
    if (!outbox_open(e) || (e->in_batch && !MUTANT(EARLY)))
        return 0;
    int r = send_ready(e, error);
    if (r || e->flight.count >= e->outbox_keys || !room_enough(e) || e->pump_idle >= 2 * e->outbox_keys + PUMP_ENTRIES)
        return r;
    struct slice list[PUMP_ENTRIES];
    struct arena keys defer(arena_deinit) = {0};
    size_t count, seen;
    r = e->group_wanted ? send_group(e, e->group_wanted, error) : 0;
    if (!r && (e->group_wanted || room(e) == 0))
        return 0; /* answers will make room */
    if (!r)
        r = pump_keys(e, &keys, list, MIN(room(e), (size_t)PUMP_ENTRIES), &count, &seen, error);
    if (r)
        return r;
    e->pump_idle += MAX(seen, (size_t)1);
    for (size_t i = 0; i < count && !r; i++) {
        if (room(e) == 0) { /* go on here when there is room again */
            buf_clear(&e->pump_at);
            key_put_part(&e->pump_at, list[i], KEY_PART_MAX);
            break;
        }
        r = outbox_send(e, list[i], NULL, error);
    }
    if (!r)
        r = outbox_flush(e, error);
    *ret_more = room_enough(e) && e->flight.count < e->outbox_keys;
    return r;
}

/* ---- answers */

static int remove_entry(struct engine *e, struct slice key, struct outbox_entry *entry, struct error *error) {
    int r = set_group(e, key, entry, 0, error);
    if (r)
        return r;
    buf_clear(&e->key);
    key_put_part(&e->key, key, KEY_PART_MAX);
    r = store_delete(e->store, DB_OUTBOX, buf_slice(&e->key), error);
    if (r < 0)
        return r;
    count_first(e, entry->first, false);
    e->outbox_keys--;
    e->changed = true;
    return 0;
}

static int written(struct engine *e, const struct flight_slot *slot, struct error *error) {
    struct slice key = {slot->key, slot->key_len};
    struct item_key parts;
    if (item_key_get(key, &parts) && parts.target < e->contract->target_count)
        (slot->put ? e->items_put : e->items_deleted)[parts.target]++;
    struct outbox_entry entry;
    int r = outbox_get(e, key, &entry, error);
    if (r)
        return r < 0 ? r : 0;
    if (MUTANT(HASHACKED)) {
        r = owners_decided(e, key, slot->put ? &slot->hash : NULL, error);
        if (r)
            return r;
    }
    if (entry.last <= slot->number || MUTANT(ACKPOS))
        return remove_entry(e, key, &entry, error);
    if (e->ready.len + key.len + 10 <= READY_BYTES)
        buf_put_blob(&e->ready, key);
    if (entry.first == 0 || entry.first > slot->number)
        return 0;
    count_first(e, slot->number + 1, true); /* before the other goes, so that the ring keeps its oldest */
    count_first(e, entry.first, false);
    entry.first = slot->number + 1;
    return put_entry(e, key, &entry, error);
}

static void refuse(struct engine *e, const struct flight_slot *slot, const struct outcome *outcome) {
    struct refusal *refusal = xcalloc(1, sizeof(*refusal) + slot->key_len);
    refusal->hash = slot->hash;
    refusal->key_len = slot->key_len;
    memcpy(refusal->key, slot->key, slot->key_len);
    memcpy(refusal->reason, outcome->reason, sizeof(refusal->reason) - 1);
    refusal->next = e->refusals;
    e->refusals = refusal;
}

int engine_answer(struct engine *e, const struct outcome *outcome, struct error *error) {
    struct flight_slot *slot = flight_find(&e->flight, outcome->ticket);
    if (!slot)
        return error_set(error, ERR_BUG, "an answer to a write that is not in flight (ticket %llu)",
                         (unsigned long long)outcome->ticket);
    struct slice key = {slot->key, slot->key_len};
    int r = 0;
    if (outcome->ambiguous_us)
        r = again_note(e, key, outcome->ambiguous_us + ASSERT_AFTER_US, error);
    if (!r && outcome->kind == OUTCOME_WRITTEN) {
        r = again_answered(e, key, slot->handed_us, error);
        if (!r)
            r = written(e, slot, error);
    } else if (!r && outcome->kind == OUTCOME_POISON) {
        refuse(e, slot, outcome);
    }
    flight_remove(&e->flight, slot);
    e->pump_idle = 0;
    return r;
}
