/* Fan-outs: one changed row that concerns very many roots (a category with a million products). The climb marks what a
 * batch can take; the rest of each index walk waits here as the index's columns and a place in it, and is worked off in
 * slices between later batches, as fast as the sender takes items.
 *
 * Why later is as good: a slice evaluates the rows of its own moment, so it only brings what is newest; a root that left
 * the index since was climbed to by the change that took it away. Keys cannot move by a fan-out (climb.c). Newer changes of
 * the same range do not pile up: `again` notes the first of them, and the range is walked once more when this walk is over.
 *
 * The acknowledged position: a fan-out counts in the ring as an unacknowledged key of its batch; and while one is there, every
 * key that is decided counts as one of the oldest fan-out's batch, as it may be what a part not yet walked would have decided
 * (the walk would find it unchanged, and not wait for its answer).
 *
 * A crash: fan-outs are durable with the checkpoint, as all else; what a slice decided since is in the journal, and the walk goes
 * on at the checkpoint's place.
 *
 * DB_FANS: number of the batch (8 bytes), range -> blob(range when long): the queue, oldest first.
 * DB_FAN_RANGES: range -> blob(range when long), varints: number, again (0: not), blob: key of the row at which it goes on.
 * A range: entity's order, node (2 bytes each), values of the index's columns. */
#include "transform/state.h"

enum { RANGE_PART_MAX = KEY_PART_MAX - 8 };

struct fan {
    uint64_t number, again;
    struct slice at;
};

static bool range_key(struct engine *e, struct slice range) {
    buf_clear(&e->key);
    return key_put_part(&e->key, range, RANGE_PART_MAX);
}

/* 1: not there; *ret->at lives until the next write. */
static int get(struct engine *e, struct slice range, struct fan *ret, struct error *error) {
    struct slice value;
    range_key(e, range);
    int r = store_get(e->store, DB_FAN_RANGES, buf_slice(&e->key), &value, error);
    if (r)
        return r;
    struct cursor c = cursor_of(value.data, value.len);
    r = key_check(&c, range, error);
    *ret = (struct fan){.number = cursor_varint(&c)};
    ret->again = cursor_varint(&c);
    ret->at = cursor_blob(&c);
    return !r && c.failed ? error_set(error, ERR_STORE, "the store is damaged: a fan-out is malformed") : r;
}

static int put(struct engine *e, struct slice range, const struct fan *fan, struct error *error) {
    buf_clear(&e->value);
    key_put_full(&e->value, range, range_key(e, range));
    buf_put_varint(&e->value, fan->number);
    buf_put_varint(&e->value, fan->again);
    buf_put_blob(&e->value, fan->at);
    e->changed = true;
    return store_put(e->store, DB_FAN_RANGES, buf_slice(&e->key), buf_slice(&e->value), error);
}

static bool queue_key(struct engine *e, uint64_t number, struct slice range) {
    buf_clear(&e->key);
    buf_put_be64(&e->key, number);
    return key_put_part(&e->key, range, RANGE_PART_MAX);
}

static int enqueue(struct engine *e, uint64_t number, struct slice range, struct error *error) {
    buf_clear(&e->value);
    key_put_full(&e->value, range, queue_key(e, number, range));
    return store_put(e->store, DB_FANS, buf_slice(&e->key), buf_slice(&e->value), error);
}

static int dequeue(struct engine *e, uint64_t number, struct slice range, struct error *error) {
    queue_key(e, number, range);
    int r = store_delete(e->store, DB_FANS, buf_slice(&e->key), error);
    return r < 0 ? r : 0;
}

static void hold(struct engine *e, uint64_t number) {
    if (!MUTANT(FANEARLY))
        ring_add(&e->ring, number);
}

static void release(struct engine *e, uint64_t number) {
    if (!MUTANT(FANEARLY))
        ring_remove(&e->ring, number);
}

/* The first of the queue; its range lives in the arena. 1: none. */
static int first(struct engine *e, struct arena *arena, uint64_t *ret_number, struct slice *ret_range,
                 struct error *error) {
    struct store_scan scan defer(store_scan_end);
    struct slice key, value;
    int r = store_scan(&scan, e->store, DB_FANS, (struct slice){NULL, 0}, (struct slice){NULL, 0}, error);
    if (!r)
        r = store_scan_next(&scan, &key, &value, error);
    if (r)
        return r;
    struct cursor number = cursor_of(key.data, key.len), c = cursor_of(value.data, value.len);
    *ret_number = cursor_be(&number, 8);
    struct slice range = key_full(key, 8, &c);
    *ret_range = (struct slice){arena_copy(arena, range.data, range.len), range.len};
    return 0;
}

/* ---- making */

/* Does a walk that goes on at `at` meet `from` yet? Where keys are shortened their order is another one. */
static bool covers(struct slice at, struct slice from) {
    return at.len < KEY_HALF_MAX && from.len < KEY_HALF_MAX && slice_compare(at, from) <= 0;
}

/* One that is there already. */
static int join(struct engine *e, struct slice range, struct fan *fan, uint64_t number, struct slice at,
                struct error *error) {
    if (number < fan->number) { /* an older one's part, found in a range above: its number, and the whole range */
        struct fan older = {.number = number, .again = fan->again};
        hold(e, number);
        release(e, fan->number);
        int r = dequeue(e, fan->number, range, error);
        if (!r)
            r = put(e, range, &older, error);
        return r ? r : enqueue(e, number, range, error);
    }
    if (covers(fan->at, at) || (fan->again && fan->again <= number) || MUTANT(FANAGAIN))
        return 0;
    hold(e, number);
    if (fan->again)
        release(e, fan->again);
    fan->again = number;
    return put(e, range, fan, error);
}

int fan_put(struct engine *e, const struct node *node, struct slice columns, struct slice at, struct error *error) {
    struct buf range defer(buf_deinit) = ROW_KEY_BUF;
    key_put_be16(&range, node->entity->order);
    key_put_be16(&range, node->number);
    buf_put_slice(&range, columns);
    uint64_t number = e->fan.number;
    if (!number) { /* a batch's: it has its number when it ends */
        number = e->number + 1;
        ring_push(&e->ring, number, &e->batch_before, e->batch_commit_us);
    }
    struct fan fan;
    int r = get(e, buf_slice(&range), &fan, error);
    if (r < 0 || MUTANT(FANLOST))
        return r < 0 ? r : 0;
    if (r == 0)
        return join(e, buf_slice(&range), &fan, number, at, error);
    hold(e, number);
    fan = (struct fan){.number = number, .at = at};
    r = put(e, buf_slice(&range), &fan, error);
    if (!r)
        r = enqueue(e, number, buf_slice(&range), error);
    if (!e->fan.oldest)
        e->fan.oldest = number;
    return r;
}

int fan_load(struct engine *e, struct error *error) {
    struct store_scan scan defer(store_scan_end);
    int r = store_scan(&scan, e->store, DB_FAN_RANGES, (struct slice){NULL, 0}, (struct slice){NULL, 0}, error);
    struct slice key, value;
    while (!r && (r = store_scan_next(&scan, &key, &value, error)) == 0) {
        struct cursor c = cursor_of(value.data, value.len);
        cursor_blob(&c);
        uint64_t number = cursor_varint(&c), again = cursor_varint(&c);
        hold(e, number);
        if (again)
            hold(e, again);
        e->fan.oldest = e->fan.oldest ? MIN(e->fan.oldest, number) : number;
    }
    return r < 0 ? r : 0;
}

/* ---- working off */

/* The walk is over: the fan-out goes, or begins anew for the changes that came meanwhile. */
static int finish(struct engine *e, struct slice range, const struct fan *fan, struct error *error) {
    int r = dequeue(e, fan->number, range, error);
    if (!r && fan->again) {
        r = put(e, range, &(struct fan){.number = fan->again}, error);
        if (!r)
            r = enqueue(e, fan->again, range, error);
    } else if (!r) {
        range_key(e, range);
        r = store_delete(e->store, DB_FAN_RANGES, buf_slice(&e->key), error);
    }
    release(e, fan->number);
    return r < 0 ? r : 0;
}

/* Walks on in the oldest one, into e->dirty. */
static int walk_on(struct engine *e, uint64_t number, struct slice range, struct error *error) {
    static const struct climb climb = {climb_mark_dirty, true};
    struct buf from defer(buf_deinit) = ROW_KEY_BUF, at defer(buf_deinit) = ROW_KEY_BUF;
    struct fan fan;
    int r = get(e, range, &fan, error);
    if (r < 0)
        return r;
    unsigned order = range.len < 4 ? UINT16_MAX : key_get_be16(range, 0),
             place = order < UINT16_MAX ? key_get_be16(range, 2) : 0;
    if (r || fan.number != number || order >= e->contract->entity_count ||
        place >= e->contract->entities[order]->node_count || place == 0)
        return error_set(error, ERR_STORE, "the store is damaged: a fan-out belongs to nothing");
    buf_put_slice(&from, fan.at);
    const struct node *node = e->contract->entities[order]->nodes[place];
    e->fan.number = number;
    r = climb_index(e, &climb, node, (struct slice){range.data + 4, range.len - 4}, buf_slice(&from), &at, error);
    e->fan.number = 0;
    if (r < 0)
        return r;
    struct fan now;
    int got = get(e, range, &now, error); /* a place above may have sent the walk here once more */
    if (got)
        return got < 0 ? got : error_set(error, ERR_BUG, "a fan-out vanished while it was worked off");
    now.at = buf_slice(&at);
    return r == 1 ? put(e, range, &now, error) : finish(e, range, &now, error);
}

/* A quarter of the sender's room stays for the stream; and below a half it is not worth while. */
static size_t slice_size(const struct engine *e) {
    size_t room = e->options.hooks.room(e->options.hooks.context), all = room + e->flight.count;
    return room * 2 >= all ? MIN(room - all / 4, (size_t)FAN_SLICE_MAX) : 0;
}

int fan_slice(struct engine *e, bool *ret_more, struct error *error) {
    *ret_more = false;
    size_t max = outbox_open(e) && e->fan.oldest ? slice_size(e) : 0;
    if (max == 0)
        return 0;
    uint64_t held = e->fan.oldest, number;
    struct slice range;
    int r = 0;
    hold(e, held); /* what is decided below belongs to it, also when it is over */
    e->fan.walked = 0;
    e->fan.walk_max = max;
    while (e->fan.walked < max && (r = first(e, &e->batch, &number, &range, error)) == 0) {
        r = walk_on(e, number, range, error);
        if (r)
            return r;
    }
    if (r < 0)
        return r;
    CRASH_POINT("fan.walked");
    e->fan_roots += e->dirty.count;
    e->changes_since_checkpoint += e->dirty.count;
    r = decide_between(e, false, false, error);
    if (r)
        return r;
    struct arena keys defer(arena_deinit) = {0};
    r = first(e, &keys, &number, &range, error);
    e->fan.oldest = r == 0 ? number : 0;
    release(e, held);
    *ret_more = r == 0 && slice_size(e) > 0;
    return r < 0 ? r : 0;
}

int fan_forget(struct engine *e, bool *waits, size_t entities, struct error *error) {
    struct store_scan scan defer(store_scan_end);
    int r = store_scan(&scan, e->store, DB_FAN_RANGES, (struct slice){NULL, 0}, (struct slice){NULL, 0}, error);
    struct slice key, value;
    while (!r && (r = store_scan_next(&scan, &key, &value, error)) == 0) {
        struct cursor c = cursor_of(value.data, value.len);
        cursor_blob(&c);
        uint64_t number = cursor_varint(&c), again = cursor_varint(&c);
        release(e, number);
        if (again)
            release(e, again);
        unsigned order = key_get_be16(key, 0);
        if (waits && order < entities)
            waits[order] = true;
    }
    store_scan_end(&scan);
    if (r >= 0)
        r = store_clear(e->store, DB_FANS, error);
    if (!r)
        r = store_clear(e->store, DB_FAN_RANGES, error);
    e->fan = (struct fans){0};
    return r;
}
