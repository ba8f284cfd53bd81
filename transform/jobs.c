/* What runs beside the stream, in slices between batches: assertions, sweep, replay, refusals. Each decides keys or
 * roots anew with a number of its own, journaled as any decision. */
#include "transform/state.h"

#include "src/base/sys.h"

#include <stdlib.h>

enum { SLICE_MAX = 256 };

static size_t slice_size(const struct engine *e) {
    return MIN(e->options.hooks.room(e->options.hooks.context), (size_t)SLICE_MAX);
}

/* ---- assertions: DB_AGAIN_KEYS: item key -> blob(full), due time; DB_AGAIN: due time (big-endian), item key ->
 * blob(full) */

static bool again_key(struct engine *e, struct slice key) {
    buf_clear(&e->key);
    return key_put_part(&e->key, key, KEY_PART_MAX);
}

static bool due_key(struct engine *e, struct slice key, int64_t due_us) {
    buf_clear(&e->key);
    buf_put_be64(&e->key, (uint64_t)due_us);
    return key_put_part(&e->key, key, KEY_PART_MAX);
}

/* 1: not to be asserted */
static int again_get(struct engine *e, struct slice key, int64_t *ret_due_us, struct error *error) {
    struct slice value;
    again_key(e, key);
    int r = store_get(e->store, DB_AGAIN_KEYS, buf_slice(&e->key), &value, error);
    if (r)
        return r;
    struct cursor c = cursor_of(value.data, value.len);
    r = key_check(&c, key, error);
    *ret_due_us = (int64_t)cursor_u64(&c);
    return r;
}

static int again_remove(struct engine *e, struct slice key, int64_t due_us, struct error *error) {
    due_key(e, key, due_us);
    int r = store_delete(e->store, DB_AGAIN, buf_slice(&e->key), error);
    if (r < 0)
        return r;
    again_key(e, key);
    r = store_delete(e->store, DB_AGAIN_KEYS, buf_slice(&e->key), error);
    return r < 0 ? r : 0;
}

int again_note(struct engine *e, struct slice key, int64_t due_us, struct error *error) {
    int64_t there;
    int r = again_get(e, key, &there, error);
    if (r < 0 || (r == 0 && there >= due_us))
        return r < 0 ? r : 0;
    if (r == 0)
        r = again_remove(e, key, there, error);
    else
        r = 0;
    if (r)
        return r;
    e->changed = true;
    buf_clear(&e->value);
    key_put_full(&e->value, key, due_key(e, key, due_us));
    r = store_put(e->store, DB_AGAIN, buf_slice(&e->key), buf_slice(&e->value), error);
    if (r)
        return r;
    buf_clear(&e->value);
    key_put_full(&e->value, key, again_key(e, key));
    buf_put_le64(&e->value, (uint64_t)due_us);
    return store_put(e->store, DB_AGAIN_KEYS, buf_slice(&e->key), buf_slice(&e->value), error);
}

int again_answered(struct engine *e, struct slice key, int64_t handed_us, struct error *error) {
    if (handed_us <= e->assert_until_us)
        return again_note(e, key, e->assert_until_us + 1, error);
    if (store_entries(e->store, DB_AGAIN_KEYS) == 0)
        return 0;
    int64_t due;
    int r = again_get(e, key, &due, error);
    if (r)
        return r < 0 ? r : 0;
    return due <= handed_us ? again_remove(e, key, due, error) : 0;
}

/* Keys that are due and neither in flight nor in the outbox go into e->touched; *ret_next_us is the first that is not
 * due yet. */
static int again_collect(struct engine *e, size_t max, size_t *ret, int64_t *ret_next_us, struct error *error) {
    struct store_scan scan defer(store_scan_end);
    int r = store_scan(&scan, e->store, DB_AGAIN, (struct slice){NULL, 0}, buf_slice(&e->again_at), error);
    struct slice key, value, list[SLICE_MAX];
    size_t count = 0, seen = 0;
    while (!r && count < max && seen < SLICE_MAX * 4 && (r = store_scan_next(&scan, &key, &value, error)) == 0) {
        struct cursor due = cursor_of(key.data, key.len), c = cursor_of(value.data, value.len);
        int64_t due_us = (int64_t)cursor_be(&due, 8);
        if (due_us > sys_wall_us()) {
            *ret_next_us = due_us;
            r = 1;
            break;
        }
        seen++;
        buf_clear(&e->again_at);
        buf_put_slice(&e->again_at, key);
        struct slice full = key_full(key, 8, &c);
        list[count++] = (struct slice){arena_copy(&e->batch, full.data, full.len), full.len};
    }
    if (r < 0)
        return r;
    if (r == 1)
        buf_clear(&e->again_at); /* round again, at the next call */
    else
        buf_put_char(&e->again_at, 0);
    store_scan_end(&scan);
    *ret = 0;
    for (size_t i = 0; i < count; i++) {
        struct outbox_entry entry;
        int there = flight_has(&e->flight, list[i]) ? 0 : outbox_get(e, list[i], &entry, error);
        if (there == 1) {
            ++*ret;
            there = key_set_add(e, &e->touched, list[i], error);
        }
        if (there < 0)
            return there;
    }
    return 0;
}

int again_slice(struct engine *e, bool *ret_more, int64_t *ret_wait_ms, struct error *error) {
    *ret_more = false;
    size_t max = slice_size(e), count = 0;
    int64_t next_us = 0;
    if (!outbox_open(e) || e->loading || max == 0 || store_entries(e->store, DB_AGAIN) == 0)
        return 0;
    int r = again_collect(e, max, &count, &next_us, error);
    if (!r && count) {
        r = decide_between(e, true, false, error);
        *ret_more = true;
    }
    arena_reset(&e->batch);
    int64_t wait_ms = next_us ? MAX((next_us - sys_wall_us()) / 1000 + 1, (int64_t)1) : 1000;
    *ret_wait_ms = *ret_wait_ms < 0 ? wait_ms : MIN(*ret_wait_ms, wait_ms);
    return r;
}

/* ---- roots in key order: the sweep over DB_ROWS, the replay over DB_REPLAY */

/* Has the table roots to be looked at? A gentle sweep is for entities that are new or were changed. A replay's were roots, maybe of a former contract. */
static bool wanted(const struct engine *e, const struct source *source, enum store_db db) {
    if (db == DB_REPLAY)
        return true;
    if (!e->sweep_gentle)
        return source->rooted_count > 0;
    for (size_t i = 0; i < source->rooted_count; i++)
        if (e->catalog.entities[source->rooted[i]->order].unswept)
            return true;
    return false;
}

/* Up to `max` roots behind *at (advanced) into e->dirty. */
static int collect_roots(struct engine *e, enum store_db db, struct buf *at, size_t max, bool *ret_done, size_t *ret,
                         struct error *error) {
    struct store_scan scan defer(store_scan_end);
    int r = store_scan(&scan, e->store, db, (struct slice){NULL, 0}, buf_slice(at), error);
    struct slice key, value, list[SLICE_MAX];
    size_t count = 0;
    while (!r && count < max && (r = store_scan_next(&scan, &key, &value, error)) == 0) {
        unsigned number = key_get_be16(key, 0);
        buf_clear(at);
        if (number < e->contract->source_count && !wanted(e, e->contract->sources[number], db)) {
            key_put_be16(at, number + 1); /* no roots in this table */
            store_scan_end(&scan);
            r = store_scan(&scan, e->store, db, (struct slice){NULL, 0}, buf_slice(at), error);
            continue;
        }
        buf_put_slice(at, key);
        struct cursor c = cursor_of(value.data, value.len);
        struct slice full = key_full(key, 0, &c);
        list[count++] = (struct slice){arena_copy(&e->batch, full.data, full.len), full.len};
        buf_put_char(at, 0);
    }
    if (r < 0)
        return r;
    *ret_done = r == 1;
    *ret = count;
    store_scan_end(&scan);
    for (size_t i = 0; i < count; i++)
        if ((r = key_set_add(e, &e->dirty, list[i], error)) < 0)
            return r;
    return 0;
}

/* Every root was evaluated, and former entities that were to go have no claims any more. */
static int sweep_ends(struct engine *e, struct error *error) {
    e->sweeping = e->leftovers = e->sweep_owners = e->sweep_gentle = false;
    for (size_t i = 0; i < e->catalog.live_entities; i++)
        e->catalog.entities[i].unswept = false;
    e->changed = true;
    e->pump_idle = 0;
    buf_clear(&e->sweep_at);
    return meta_save_catalog(e, error);
}

int sweep_slice(struct engine *e, bool *ret_more, struct error *error) {
    *ret_more = false;
    size_t max = slice_size(e), count = 0;
    if (!e->sweeping || e->loading || !outbox_open(e) || max == 0)
        return 0;
    bool done = false;
    int r = e->sweep_owners ? owners_leftovers(e, &e->sweep_at, max, &done, error)
                            : collect_roots(e, DB_ROWS, &e->sweep_at, max, &done, &count, error);
    if (r)
        return r;
    e->sweep_done += count;
    e->changes_since_checkpoint += count;
    r = decide_between(e, !e->sweep_gentle, true, error);
    if (r)
        return r;
    *ret_more = true;
    if (done && e->leftovers && !e->sweep_owners) {
        e->sweep_owners = true;
        buf_clear(&e->sweep_at);
    } else if (done) {
        return sweep_ends(e, error);
    }
    return 0;
}

/* Former entities whose items are deleted are forgotten. They are the last of the catalogue. While everything is read again their claims wait
 * for the sweep behind it. */
int prune_ends(struct engine *e, struct error *error) {
    struct catalog *c = &e->catalog;
    size_t before = c->entity_count;
    if (e->life != ENGINE_STREAMING || e->sweeping || e->loading || e->older)
        return 0;
    while (c->entity_count > c->live_entities && c->entities[c->entity_count - 1].pruned)
        c->entity_count--;
    if (c->entity_count == before)
        return 0;
    e->changed = true;
    return meta_save_catalog(e, error);
}

int engine_sweep(struct engine *e, struct error *error) {
    if (e->life != ENGINE_STREAMING)
        return error_set(error, ERR_USAGE, "a sweep needs a whole store: the snapshot is not over");
    e->sweeping = true;
    e->sweep_owners = e->sweep_gentle = false;
    buf_clear(&e->sweep_at);
    e->sweep_done = 0;
    e->sweep_total = store_entries(e->store, DB_ROWS);
    e->changed = true;
    return 0;
}

static int replayed(struct engine *e, struct slice root, void *context, struct error *error) {
    (void)context;
    buf_clear(&e->key);
    row_db_key(&e->key, root);
    int r = store_delete(e->store, DB_REPLAY, buf_slice(&e->key), error);
    return r < 0 ? r : 0;
}

int replay_slice(struct engine *e, bool *ret_more, struct error *error) {
    *ret_more = false;
    size_t max = slice_size(e), count = 0;
    if (!outbox_open(e) || e->sweeping || e->loading || max == 0 || store_entries(e->store, DB_REPLAY) == 0)
        return 0;
    bool done;
    struct buf at defer(buf_deinit) = BUF_INIT(KEY_BYTES_MAX + 1);
    int r = collect_roots(e, DB_REPLAY, &at, max, &done, &count, error);
    if (!r)
        r = key_set_each(e, &e->dirty, replayed, NULL, error);
    if (!r)
        r = decide_between(e, true, false, error);
    *ret_more = true;
    return r;
}

/* ---- refusals: DynamoDB can never accept the value */

/* The root whose present value was refused has no item any more; marks its key for a decision. */
static int refuse_one(struct engine *e, const struct refusal *refusal, struct error *error) {
    struct slice key = {refusal->key, refusal->key_len};
    struct evaluation value;
    struct claim claim;
    struct row row;
    arena_reset(&e->scratch);
    int r = claim_current(e, key, &e->scratch, &value, &claim, error);
    if (!r && value.state == MARK_ITEM && memcmp(&value.hash, &refusal->hash, sizeof(value.hash)) == 0) {
        r = row_read(e, claim.root, &e->scratch, &row, error);
        for (size_t i = 0; !r && i < row.source->rooted_count; i++) {
            if (row.source->rooted[i] != claim.entity)
                continue;
            row.marks[i] = (struct mark){.state = MARK_REFUSED, .hash = refusal->hash};
            e->dead[claim.entity->order]++;
            r = row_put_marks(e, claim.root, &row, error);
            if (!r)
                r = owners_give_up(e, key, claim.entity, claim.root, error);
            if (!r)
                r = dead_put(e, claim.entity, claim.root, row.values, key, refusal->reason, error);
        }
    }
    return r < 0 ? r : key_set_add(e, &e->touched, key, error);
}

int poison_slice(struct engine *e, struct error *error) {
    int r = 0;
    while (e->refusals && !r) {
        struct refusal *refusal = e->refusals;
        r = refuse_one(e, refusal, error);
        e->refusals = refusal->next;
        free(refusal);
    }
    return r ? r : decide_between(e, true, false, error);
}
