/* A changed contract that needs tables or columns which the store does not have: they are read beside the stream (ARCHITECTURE.md, rule 10).
 *
 * 1. Whoever drives the engine reads chunk after chunk, each while the applier stands still at a position that the source has executed
 *    (engine_load_next, then as in a snapshot). Of a new table all is taken; of one that lacks columns just these, in rows that are there: the others are
 *    the stream's, and entities that go on see no row before its time.
 * 2. Meanwhile changes are applied. What partial images cannot tell of such tables (a row that is not there yet, one that moved to another key, a
 *    document changed in part) is noted.
 * 3. H is the binlog's end after the last chunk. When the stream has come there, the noted rows are read again and H is taken anew, until none is
 *    noted: then every row has its columns as of H.
 * 4. Nothing is missing any more; new and changed entities are swept.
 *
 * Until then entities that wait for something are not evaluated: their roots stay as they are, and a key that one of them has first claim to is not sent. A crash goes on
 * at the last checkpoint's chunk, or, with another contract, begins the chunks anew: reading twice does no harm. */
#include "transform/state.h"

bool source_lacks(const struct engine *e, const struct source *source) {
    const struct catalog_source *s = &e->catalog.sources[source->number];
    bool lacks = s->loading;
    for (size_t i = 0; i < s->column_count; i++)
        lacks = lacks || s->columns[i].missing;
    return lacks && e->life == ENGINE_STREAMING;
}

bool column_lacks(const struct engine *e, const struct source *source, size_t column) {
    const struct catalog_source *s = &e->catalog.sources[source->number];
    return (s->loading || s->columns[column].missing) && e->life == ENGINE_STREAMING;
}

void load_find_waiting(struct engine *e) {
    e->loading = false;
    for (size_t i = 0; i < e->contract->source_count; i++)
        e->loading = e->loading || source_lacks(e, e->contract->sources[i]);
    for (size_t i = 0; i < e->contract->entity_count; i++) {
        const struct entity *entity = e->contract->entities[i];
        e->waiting[i] = false;
        for (size_t n = 0; n < entity->node_count && e->catalog.entities[i].unswept; n++)
            e->waiting[i] = e->waiting[i] || source_lacks(e, entity->nodes[n]->source);
    }
}

int engine_load_next(struct engine *e, const struct source **ret, struct error *error) {
    *ret = NULL;
    if (!e->loading || position_known(&e->high))
        return 1;
    for (size_t i = 0; i < e->contract->source_count; i++) {
        bool done = true;
        if (source_lacks(e, e->contract->sources[i])) {
            int r = snapshot_is_read(e, e->contract->sources[i], &done, error);
            if (r)
                return r;
        }
        if (!done) {
            *ret = e->contract->sources[i];
            break;
        }
    }
    return 0;
}

int load_take_row(struct engine *e, const struct source *source, struct slice row_key, const struct row *old,
                  const struct value *values, struct error *error) {
    const struct catalog_source *s = &e->catalog.sources[source->number];
    if (s->loading)
        return row_replace(e, source, row_key, old, values, error);
    if (!values || !old || !old->values)
        return 0;
    struct value *merged = arena_copy(&e->scratch, old->values, source->column_count * sizeof(*merged));
    for (size_t i = 0; i < source->column_count; i++)
        if (s->columns[i].missing)
            merged[i] = values[i];
    return row_replace(e, source, row_key, old, merged, error);
}

int engine_load_high(struct engine *e, const struct position *high, struct error *error) {
    position_copy(&e->high, high);
    e->changed = true;
    return engine_checkpoint(e, false, error);
}

static int load_ends(struct engine *e, struct error *error) {
    for (size_t i = 0; i < e->catalog.source_count; i++) {
        e->catalog.sources[i].loading = false;
        for (size_t k = 0; k < e->catalog.sources[i].column_count; k++)
            e->catalog.sources[i].columns[k].missing = false;
    }
    position_deinit(&e->high);
    e->high = (struct position){0};
    e->changed = true;
    e->pump_idle = 0;
    load_find_waiting(e);
    int r = snapshot_forget_progress(e, error);
    if (!r)
        r = meta_save_catalog(e, error);
    sweep_what_changed(e);
    return r ? r : engine_checkpoint(e, false, error); /* rule 3: before the first item is sent */
}

int load_check(struct engine *e, struct error *error) {
    if (!e->loading || e->reread_waits || !position_known(&e->high) || !position_reached(&e->applied, &e->high))
        return 0;
    if (store_entries(e->store, DB_REREAD) == 0)
        return load_ends(e, error);
    e->reread_waits = true;
    e->changed = true;
    return 0;
}
