/* The store's side of the fuzzy snapshot: rows come in, the stretch from L to H is applied, then the sweep begins
 * (ARCHITECTURE.md, "Starting from nothing").
 *
 * DB_JOBS: "snapshot", source number -> done, rows, values of the last key read. */
#include "transform/state.h"

static void progress_key(struct engine *e, const struct source *source) {
    buf_clear(&e->key);
    buf_put_text(&e->key, "snapshot");
    key_put_be16(&e->key, source->number);
}

static int wrong_life(const struct engine *e, const char *what, struct error *error) {
    static const char *const lives[] = {"empty", "loading", "redo", "recovering", "streaming"};
    return error_set(error, ERR_BUG, "%s while the store is %s", what, lives[e->life]);
}

int engine_snapshot_begin(struct engine *e, const struct position *low, bool consistent, struct error *error) {
    if (e->life != ENGINE_EMPTY)
        return wrong_life(e, "a snapshot was begun", error);
    position_copy(&e->low, low);
    e->consistent = consistent;
    e->snapshot_rows = 0;
    e->life = ENGINE_LOADING;
    e->changed = true;
    return engine_checkpoint(e, false, error);
}

int engine_snapshot_row(struct engine *e, const struct source *source, const struct value *values,
                        struct error *error) {
    if (e->life != ENGINE_LOADING && !source_lacks(e, source))
        return wrong_life(e, "a snapshot's row came", error);
    struct buf key defer(buf_deinit) = ROW_KEY_BUF;
    arena_reset(&e->scratch);
    row_key_put(&key, source, values);
    struct row old;
    int r = row_read(e, buf_slice(&key), &e->scratch, &old, error);
    if (r < 0)
        return r;
    e->changes_since_checkpoint++;
    if (e->life == ENGINE_STREAMING)
        return load_take_row(e, source, buf_slice(&key), r ? NULL : &old, values, error);
    e->snapshot_rows += r == 1;
    return row_replace(e, source, buf_slice(&key), r ? NULL : &old, values, error);
}

int engine_snapshot_chunk(struct engine *e, const struct source *source, const struct value *last_key, uint64_t rows,
                          bool done, struct error *error) {
    progress_key(e, source);
    struct slice there;
    int r = store_get(e->store, DB_JOBS, buf_slice(&e->key), &there, error);
    if (r < 0)
        return r;
    struct cursor c = cursor_of(there.data, r ? 0 : there.len);
    cursor_u8(&c);
    uint64_t before = r ? 0 : cursor_varint(&c);
    buf_clear(&e->value);
    buf_put_u8(&e->value, done);
    buf_put_varint(&e->value, before + rows);
    if (last_key)
        for (size_t i = 0; i < source->key_count; i++)
            value_put(&e->value, &last_key[i]);
    else if (!r)
        buf_put(&e->value, c.at, cursor_left(&c)); /* the end was met with an empty chunk */
    e->changed = true;
    return store_put(e->store, DB_JOBS, buf_slice(&e->key), buf_slice(&e->value), error);
}

int engine_snapshot_resume(struct engine *e, const struct source *source, struct arena *arena,
                           const struct value **ret_key, uint64_t *ret_rows, struct error *error) {
    *ret_key = NULL;
    *ret_rows = 0;
    progress_key(e, source);
    struct slice bytes;
    int r = store_get(e->store, DB_JOBS, buf_slice(&e->key), &bytes, error);
    if (r)
        return r < 0 ? r : 0;
    struct cursor c = cursor_of(arena_copy(arena, bytes.data, bytes.len), bytes.len);
    bool done = cursor_u8(&c);
    *ret_rows = cursor_varint(&c);
    if (cursor_left(&c)) {
        struct value *key = arena_alloc(arena, source->key_count * sizeof(*key));
        for (size_t i = 0; i < source->key_count; i++)
            value_get(&c, &key[i]);
        *ret_key = key;
    }
    if (c.failed)
        return error_set(error, ERR_STORE, "the store is damaged: the snapshot's progress is malformed");
    return done;
}

int snapshot_is_read(struct engine *e, const struct source *source, bool *ret, struct error *error) {
    struct slice bytes;
    progress_key(e, source);
    int r = store_get(e->store, DB_JOBS, buf_slice(&e->key), &bytes, error);
    *ret = r == 0 && bytes.len && bytes.data[0];
    return r < 0 ? r : 0;
}

int snapshot_forget_progress(struct engine *e, struct error *error) {
    int r = 0;
    for (size_t i = 0; r >= 0 && i < e->contract->source_count; i++) {
        progress_key(e, e->contract->sources[i]);
        r = store_delete(e->store, DB_JOBS, buf_slice(&e->key), error);
    }
    return r < 0 ? r : 0;
}

int engine_snapshot_low(struct engine *e, struct position *ret, struct error *error) {
    if (e->life != ENGINE_LOADING && e->life != ENGINE_REDO)
        return wrong_life(e, "a snapshot's start was asked for", error);
    position_copy(ret, &e->low);
    return 0;
}

/* Has REDO met H? Then the store is exact, or rows wait to be read again. */
static int check_high(struct engine *e, struct error *error) {
    if (!position_reached(&e->applied, &e->high))
        return 0;
    if (store_entries(e->store, DB_REREAD)) {
        e->reread_waits = true;
        e->changed = true;
        return 0;
    }
    return snapshot_exact(e, error);
}

int engine_snapshot_high(struct engine *e, const struct position *high, struct error *error) {
    if (e->life != ENGINE_LOADING)
        return wrong_life(e, "a snapshot's end was set", error);
    position_copy(&e->high, high);
    position_copy(&e->applied, &e->low);
    e->life = ENGINE_REDO;
    e->changed = true;
    int r = engine_checkpoint(e, false, error);
    return r ? r : check_high(e, error);
}

int snapshot_redo_batch(struct engine *e, struct error *error) {
    return e->reread_waits ? 0 : check_high(e, error);
}

/* Rule 3: H is a checkpoint before the first item is sent. */
int snapshot_exact(struct engine *e, struct error *error) {
    e->life = ENGINE_STREAMING;
    e->fuzzy = false;
    if (position_known(&e->resume) && position_reached(&e->applied, &e->resume)) {
        position_deinit(&e->resume);
        e->resume = (struct position){0};
    }
    int r = store_clear(e->store, DB_JOBS, error);
    if (!r)
        r = engine_sweep(e, error);
    if (!r && !MUTANT(CKPT_AT_H))
        r = engine_checkpoint(e, false, error);
    return r;
}

bool engine_reread_wanted(struct engine *e) {
    return (e->life == ENGINE_REDO || e->loading) && e->reread_waits;
}

int engine_reread_next(struct engine *e, struct arena *arena, const struct source **ret_source,
                       const struct value **ret_key, struct error *error) {
    struct store_scan scan defer(store_scan_end);
    int r = store_scan(&scan, e->store, DB_REREAD, (struct slice){NULL, 0}, (struct slice){NULL, 0}, error);
    struct slice key, value;
    if (!r)
        r = store_scan_next(&scan, &key, &value, error);
    if (r)
        return r;
    const struct source *source = row_source(e, key);
    if (!source)
        return error_set(error, ERR_STORE, "the store is damaged: a row to be read again is of no table");
    struct cursor c = cursor_of(arena_copy(arena, value.data, value.len), value.len);
    cursor_blob(&c);
    struct value *values = arena_alloc(arena, source->key_count * sizeof(*values));
    for (size_t i = 0; i < source->key_count; i++)
        value_get(&c, &values[i]);
    if (c.failed)
        return error_set(error, ERR_STORE, "the store is damaged: a row to be read again is malformed");
    *ret_source = source;
    *ret_key = values;
    return 0;
}

int engine_reread_row(struct engine *e, const struct source *source, const struct value *key,
                      const struct value *values, struct error *error) {
    struct buf row_key defer(buf_deinit) = ROW_KEY_BUF;
    arena_reset(&e->scratch);
    row_key_put(&row_key, source, key);
    struct row old;
    int r = row_read(e, buf_slice(&row_key), &e->scratch, &old, error);
    if (r < 0)
        return r;
    bool there = r == 0;
    if (e->life == ENGINE_STREAMING)
        r = source_lacks(e, source) ? load_take_row(e, source, buf_slice(&row_key), there ? &old : NULL, values, error)
                                    : 0;
    else if (there || values)
        r = row_replace(e, source, buf_slice(&row_key), there ? &old : NULL, values, error);
    if (r < 0)
        return r;
    buf_clear(&e->key);
    row_db_key(&e->key, buf_slice(&row_key));
    r = store_delete(e->store, DB_REREAD, buf_slice(&e->key), error);
    return r < 0 ? r : 0;
}

int engine_reread_done(struct engine *e, const struct position *high, struct error *error) {
    if (!engine_reread_wanted(e))
        return wrong_life(e, "rows were read again", error);
    position_copy(&e->high, high);
    e->reread_waits = false;
    e->changed = true;
    return e->loading ? load_check(e, error) : check_high(e, error);
}

int engine_reset(struct engine *e, struct error *error) {
    static const enum store_db forgotten[] = {DB_ROWS,     DB_INDEX,  DB_GROUPS, DB_SORTED, DB_JOBS,   DB_REREAD,
                                              DB_PREPARED, DB_REPLAY, DB_DEAD,   DB_DIRTY,  DB_TOUCHED};
    int r = fan_forget(e, NULL, 0, error);
    for (size_t i = 0; !r && i < ARRAY_LEN(forgotten); i++)
        r = store_clear(e->store, forgotten[i], error);
    if (r)
        return r;
    e->life = ENGINE_EMPTY;
    e->leftovers = store_entries(e->store, DB_OWNERS) > 0;
    e->in_transaction = e->in_batch = e->consistent = e->sweeping = e->sweep_owners = e->reread_waits = false;
    e->prepared.count = 0;
    e->prepared.since_us = 0;
    e->snapshot_rows = e->sweep_done = e->sweep_total = 0;
    e->dirty = (struct key_set){.db = DB_DIRTY};
    e->touched = (struct key_set){.db = DB_TOUCHED};
    arena_reset(&e->batch);
    e->sweep_gentle = false;
    memset(e->unkeyed, 0, e->contract->entity_count * sizeof(*e->unkeyed));
    memset(e->dead, 0, e->contract->entity_count * sizeof(*e->dead));
    struct position *positions[] = {&e->applied, &e->low, &e->high};
    for (size_t i = 0; i < ARRAY_LEN(positions); i++) {
        position_deinit(positions[i]);
        *positions[i] = (struct position){0};
    }
    e->changed = true;
    return engine_checkpoint(e, false, error);
}
