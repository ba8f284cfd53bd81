/* A committed row change, worked into the store: the row and its index entries, then the roots it concerns (climb.c),
 * then the children that the server changed without logging it (cascade.c).
 *
 * Images may be partial; what is missing is in the store. Between L and H of a snapshot (`fuzzy`) rows may be missing
 * or newer than the change: full images replace, partial ones without their row are noted, to be read again
 * (ARCHITECTURE.md, rule 9). Later, a partial image without its row is a fault that parks. */
#include "contract/json_diff.h"
#include "transform/state.h"

static struct value *pick(struct engine *e, const struct mapping *m, const struct value *image) {
    if (!image)
        return NULL;
    struct value *values = arena_alloc(&e->scratch, m->source->column_count * sizeof(*values));
    for (size_t i = 0; i < m->source->column_count; i++)
        values[i] = image[m->columns[i]];
    return values;
}

static bool key_known(const struct source *source, const struct value *values) {
    for (size_t i = 0; i < source->key_count; i++)
        if (values[i].kind == VALUE_UNKNOWN)
            return false;
    return true;
}

/* But for columns that are being read (load.c). */
static bool all_known(const struct engine *e, const struct source *source, const struct value *values) {
    for (size_t i = 0; i < source->column_count; i++)
        if (values[i].kind == VALUE_UNKNOWN && (e->fuzzy || !column_lacks(e, source, i)))
            return false;
    return true;
}

/* Does the change leave open what stands in a column that is being read? */
static bool lacks_any(const struct engine *e, const struct source *source, const struct value *values) {
    for (size_t i = 0; e->loading && i < source->column_count; i++)
        if (values[i].kind == VALUE_UNKNOWN && column_lacks(e, source, i))
            return true;
    return false;
}

static void fill_unknown(const struct source *source, struct value *values, const struct value *from) {
    for (size_t i = 0; from && i < source->column_count; i++)
        if (values[i].kind == VALUE_UNKNOWN)
            values[i] = from[i];
}

/* Where an image before lacked the document, the row in the store has it. Between L and H of a snapshot that row may be newer than the
 * change, and differences cannot be applied twice. */
static int merge_documents(struct engine *e, const struct source *source, struct value *after, const struct value *from,
                           struct error *error) {
    for (size_t i = 0; i < source->column_count; i++) {
        if (after[i].kind != VALUE_JSON_DIFF)
            continue;
        const char *column = source->columns[i].name;
        if (e->loading && column_lacks(e, source, i)) { /* the row is read again */
            after[i] = (struct value){.kind = VALUE_UNKNOWN};
            int r = reread_note(e, source, after, error);
            if (r)
                return r;
            continue;
        }
        if (e->fuzzy)
            return error_set(
                error, ERR_SOURCE,
                "table %s, column %s: a document changed while the snapshot ran, and the binlog has only "
                "what differs from an image that it lacks: run SET PERSIST binlog_row_value_options = '' "
                "(or binlog_row_image = 'FULL') on the source, have sessions keep it until the snapshot is "
                "over, then " NEW_SNAPSHOT,
                source->name, column);
        struct buf text defer(buf_deinit) = BUF_SMALL(4096, UINT32_MAX);
        if (!from || from[i].kind != VALUE_JSON ||
            !json_diff_apply(value_slice(&from[i]), value_slice(&after[i]), &text))
            return error_set(error, ERR_SOURCE,
                             "table %s, column %s: the binlog changes a part of a document "
                             "(binlog_row_value_options) that the store does not have: " NEW_SNAPSHOT,
                             source->name, column);
        after[i] = (struct value){.kind = VALUE_JSON, .len = (uint32_t)text.len};
        after[i].data = arena_copy(&e->scratch, text.data, text.len);
    }
    return 0;
}

/* Of an inserted row. A default that an ALTER changed between the event and the reading of the schema is taken for the
 * event's here; the decoder stops at that ALTER when it meets it (binlog/rows.c). */
static void fill_defaults(const struct source *source, struct value *values) {
    for (size_t i = 0; i < source->column_count; i++)
        if (values[i].kind == VALUE_UNKNOWN)
            values[i] = source->columns[i].column->default_value;
}

static const char *first_unknown(const struct source *source, const struct value *values) {
    for (size_t i = 0; i < source->column_count; i++)
        if (values[i].kind == VALUE_UNKNOWN)
            return source->columns[i].name;
    return "?";
}

static struct slice row_key_of(struct engine *e, const struct source *source, const struct value *values) {
    struct buf b defer(buf_deinit) = ROW_KEY_BUF;
    row_key_put(&b, source, values);
    return (struct slice){arena_copy(&e->scratch, b.data, b.len), b.len};
}

/* The record under a key; *ret NULL when there is none. */
static int read_row(struct engine *e, struct slice key, const struct row **ret, struct error *error) {
    struct row *row = arena_alloc(&e->scratch, sizeof(*row));
    int r = row_read(e, key, &e->scratch, row, error);
    *ret = r ? NULL : row;
    return r < 0 ? r : 0;
}

int reread_note(struct engine *e, const struct source *source, const struct value *key, struct error *error) {
    struct buf row_key defer(buf_deinit) = ROW_KEY_BUF;
    row_key_put(&row_key, source, key);
    buf_clear(&e->key);
    buf_clear(&e->value);
    key_put_full(&e->value, buf_slice(&row_key), row_db_key(&e->key, buf_slice(&row_key)));
    for (size_t i = 0; i < source->key_count; i++)
        value_put(&e->value, &key[i]);
    return store_put(e->store, DB_REREAD, buf_slice(&e->key), buf_slice(&e->value), error);
}

/* Which columns differ, by column of the source; NULL when the row comes or goes, or was not known. *ret_any: does one? */
static const bool *changed_columns(struct engine *e, const struct source *source, const struct row *old,
                                   const struct value *after, bool *ret_any) {
    *ret_any = true;
    if (!after || !old || !old->values)
        return NULL;
    bool *changed = arena_alloc(&e->scratch, source->column_count * sizeof(*changed));
    *ret_any = false;
    for (size_t i = 0; i < source->column_count; i++)
        *ret_any |= changed[i] = !value_equal(&old->values[i], &after[i]);
    return changed;
}

int change_row(struct engine *e, const struct source *source, const struct row *old, const struct value *before,
               const struct value *after, const struct row_change *change, struct error *error) {
    struct slice old_key = before ? row_key_of(e, source, before) : (struct slice){NULL, 0};
    struct slice new_key = after ? row_key_of(e, source, after) : (struct slice){NULL, 0};
    bool moves = before && (!after || !slice_equal(old_key, new_key));
    bool any;
    const bool *changed = changed_columns(e, source, old, after, &any);
    int r = 0;
    if (moves && old)
        r = row_replace(e, source, old_key, old, NULL, error);
    if (!r && after && any) {
        const struct row *there = old;
        if (moves || !before)
            r = read_row(e, new_key, &there, error);
        if (!r)
            r = row_replace(e, source, new_key, there, after, error);
    }
    if (!r && !e->fuzzy && before && !(MUTANT(AFTERONLY) && after))
        r = climb_from(e, source, old && old->values ? old->values : before, changed, error);
    if (!r && !e->fuzzy && after)
        r = climb_from(e, source, after, changed, error);
    if (!r && before)
        r = cascade_from(e, source, before, after, change, error);
    return r;
}

/* A partial image whose row is not in the store, or not whole: one that was read for a former contract while more is being read now. */
static int incomplete(struct engine *e, const struct source *source, const struct row *old, const struct value *before,
                      const struct value *after, const struct row_change *change, struct error *error) {
    if (!e->fuzzy)
        return error_set(error, ERR_STORE,
                         "table %s: the binlog changes a row by a partial image (binlog_row_image), and the store does "
                         "not have the row: " NEW_SNAPSHOT,
                         source->name);
    struct slice old_key = row_key_of(e, source, before);
    int r = MUTANT(REREAD) ? 0 : reread_note(e, source, after, error);
    if (!r && old && !slice_equal(old_key, row_key_of(e, source, after)))
        r = row_replace(e, source, old_key, old, NULL, error);
    return r ? r : cascade_from(e, source, before, after, change, error);
}

/* An image that does not say what stands in a column that is being read, of a row that came to where a chunk may have been read already. */
static int note_if_open(struct engine *e, const struct source *source, const struct value *before,
                        const struct value *after, bool moves, struct error *error) {
    bool open = moves && !e->fuzzy && lacks_any(e, source, after) && (!before || lacks_any(e, source, before));
    return open ? reread_note(e, source, after, error) : 0;
}

static int update_row(struct engine *e, const struct source *source, struct value *before, struct value *after,
                      const struct row_change *change, struct error *error) {
    bool partial = !all_known(e, source, after) || !all_known(e, source, before);
    const struct row *old, *base;
    int r = read_row(e, row_key_of(e, source, before), &old, error);
    if (r)
        return r;
    for (size_t i = 0; i < source->key_count; i++)
        if (after[i].kind == VALUE_UNKNOWN)
            after[i] = before[i];
    base = old;
    if (e->fuzzy && (!base || !base->values)) { /* read after it moved */
        r = read_row(e, row_key_of(e, source, after), &base, error);
        if (r)
            return r;
    }
    bool moves = !slice_equal(row_key_of(e, source, before), row_key_of(e, source, after));
    if (e->fuzzy && partial && moves && !MUTANT(REREAD))
        r = reread_note(e, source, after, error);
    if (!r)
        r = merge_documents(e, source, after, old ? old->values : NULL, error);
    if (!r)
        r = note_if_open(e, source, before, after, moves, error);
    if (r)
        return r;
    fill_unknown(source, after, base ? base->values : NULL);
    fill_unknown(source, after, before); /* a full image before tells what a partial one after left unchanged */
    if (old && old->values)
        fill_unknown(source, before, old->values);
    if (!all_known(e, source, after))
        return incomplete(e, source, old, before, after, change, error);
    return change_row(e, source, old, before, after, change, error);
}

static int insert_row(struct engine *e, const struct source *source, struct value *after,
                      const struct row_change *change, struct error *error) {
    fill_defaults(source, after);
    int r = note_if_open(e, source, NULL, after, true, error);
    if (r)
        return r;
    if (all_known(e, source, after))
        return change_row(e, source, NULL, NULL, after, change, error);
    if (e->fuzzy && key_known(source, after))
        return MUTANT(REREAD) ? 0 : reread_note(e, source, after, error);
    return error_set(error, ERR_SOURCE,
                     "table %s: an inserted row's image lacks column %s (binlog_row_image), and its DEFAULT cannot be "
                     "told exactly: run SET PERSIST binlog_row_image = 'FULL' on the source, have "
                     "sessions keep it, then " NEW_SNAPSHOT,
                     source->name, first_unknown(source, after));
}

static int apply_images(struct engine *e, const struct source *source, struct value *before, struct value *after,
                        const struct row_change *change, struct error *error) {
    if (before && !key_known(source, before))
        return error_set(error, ERR_SOURCE,
                         "table %s: a row image before lacks the row's key: binlog_row_image must be FULL for tables "
                         "without primary key",
                         source->name);
    if (before && after)
        return update_row(e, source, before, after, change, error);
    if (after)
        return insert_row(e, source, after, change, error);
    const struct row *old;
    int r = read_row(e, row_key_of(e, source, before), &old, error);
    if (r)
        return r;
    if (old && old->values)
        fill_unknown(source, before, old->values);
    return change_row(e, source, old, before, NULL, change, error);
}

/* All rows of a table go, in slices: the scanned database changes. */
static int truncate_source(struct engine *e, const struct source *source, const struct row_change *change,
                           struct error *error) {
    enum { SLICE_ROWS = 256 };
    struct buf from defer(buf_deinit) = BUF_INIT(KEY_BYTES_MAX + 1), prefix defer(buf_deinit) = BUF_INIT(8);
    key_put_be16(&prefix, source->number);
    for (size_t count = SLICE_ROWS; count == SLICE_ROWS;) {
        arena_reset(&e->scratch);
        struct slice keys[SLICE_ROWS];
        struct row rows[SLICE_ROWS];
        struct store_scan scan defer(store_scan_end);
        int r = store_scan(&scan, e->store, DB_ROWS, buf_slice(&prefix), buf_slice(&from), error);
        struct slice key, record;
        count = 0;
        while (!r && count < SLICE_ROWS && (r = store_scan_next(&scan, &key, &record, error)) == 0) {
            struct cursor c = cursor_of(record.data, record.len);
            struct slice full = key_full(key, 0, &c);
            keys[count] = (struct slice){arena_copy(&e->scratch, full.data, full.len), full.len};
            r = row_decode(e, keys[count], record, &e->scratch, &rows[count], error);
            count++;
            buf_clear(&from);
            buf_put_slice(&from, key);
        }
        if (r < 0)
            return r;
        buf_put_char(&from, 0);
        store_scan_end(&scan);
        for (size_t i = 0; i < count; i++) {
            if (!rows[i].values)
                continue;
            r = row_replace(e, source, keys[i], &rows[i], NULL, error);
            if (!r && !e->fuzzy)
                r = climb_from(e, source, rows[i].values, NULL, error);
            if (r)
                return r;
        }
    }
    (void)change;
    return 0;
}

static void begin_batch(struct engine *e) {
    if (e->in_batch)
        return;
    e->in_batch = true;
    position_copy(&e->batch_before, &e->applied);
    e->batch_commit_us = 0;
    e->batch_changes = e->batch_transactions = 0;
    e->fan.walked = 0;
    e->fan.walk_max = engine_fan_max;
}

void transaction_begin(struct engine *e) {
    begin_batch(e);
    e->in_transaction = true;
    e->changed = true;
}

int engine_apply(struct engine *e, const struct row_change *change, struct error *error) {
    const struct mapping *m = change->handle;
    if (e->life != ENGINE_REDO && e->life != ENGINE_STREAMING)
        return error_set(error, ERR_BUG, "a change of %s came before the snapshot's end", m->source->name);
    transaction_begin(e);
    e->fuzzy = e->life == ENGINE_REDO || (e->loading && e->catalog.sources[m->source->number].loading);
    e->batch_changes++;
    e->changes_since_checkpoint++;
    e->row_changes[m->source->number * 4 + change->kind]++;
    arena_reset(&e->scratch);
    int r = change->kind == ROW_TRUNCATE
                ? truncate_source(e, m->source, change, error)
                : apply_images(e, m->source, pick(e, m, change->before), pick(e, m, change->after), change, error);
    return r;
}

int engine_commit(struct engine *e, const struct txn_end *end, struct error *error) {
    (void)error;
    begin_batch(e);
    if (!e->batch_transactions++)
        e->batch_commit_us = end->commit_us;
    e->in_transaction = false;
    position_advance(&e->applied, end);
    e->transactions++;
    e->changed = true;
    return 0;
}

bool engine_batch_full(const struct engine *e) {
    return e->in_batch && e->batch_changes >= e->options.batch_rows_max;
}

/* ---- replay: the change is not applied, only what it concerns is marked */

static int mark_replay(struct engine *e, struct slice root, struct error *error) {
    buf_clear(&e->key);
    buf_clear(&e->value);
    key_put_full(&e->value, root, row_db_key(&e->key, root));
    e->changed = true;
    return store_put(e->store, DB_REPLAY, buf_slice(&e->key), buf_slice(&e->value), error);
}

int engine_touch(struct engine *e, const struct row_change *change, struct error *error) {
    const struct mapping *m = change->handle;
    arena_reset(&e->scratch);
    struct value *images[2] = {pick(e, m, change->before), pick(e, m, change->after)};
    for (size_t i = 0; i < 2; i++) {
        if (!images[i])
            continue;
        if (i == 1 && images[0])
            fill_unknown(m->source, images[1], images[0]);
        else if (i == 1)
            fill_defaults(m->source, images[1]);
        if (!key_known(m->source, images[i]))
            continue;
        const struct row *row;
        int r = read_row(e, row_key_of(e, m->source, images[i]), &row, error);
        if (!r)
            r = climb_into(e, m->source, images[i], mark_replay, error);
        if (!r && row && row->values)
            r = climb_into(e, m->source, row->values, mark_replay, error);
        if (r)
            return r;
    }
    return 0;
}
