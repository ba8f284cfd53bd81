/* The engine's life: opening, batches, checkpoints, and the slices of work in between.
 *
 * A batch: engine_apply()... engine_commit()... engine_batch_end(): number, decisions (claim.c), journal, sending. A
 * checkpoint: the state record, a durable commit, and only then a new journal.
 *
 * A crash, wherever it happens: the store is at its last checkpoint; the journal (if it was not restarted yet) names
 * keys that may have been sent since. At the start these keys enter the outbox, J becomes the bound before which
 * nothing is sent, and then every key of the outbox is sent with its present value. Between the checkpoint and the
 * journal's restart a crash leaves a journal whose positions the store has met already: its keys are sent once more. */
#include "transform/state.h"

#include "src/base/sys.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#ifdef LEAT_MUTANTS
int engine_mutant;
bool (*engine_crash)(const char *place);
size_t engine_dirty_max = DIRTY_IN_MEMORY, engine_items_max = ITEMS_IN_MEMORY, engine_transact_max = TRANSACT_ITEMS_MAX,
       engine_fan_max = FAN_BATCH_MAX;
const char *const engine_mutant_names[MUTANT_COUNT] = {
    "none",     "nokeys",         "jlast",        "afteronly", "nocascade", "hashacked",   "reseq",
    "ackpos",   "sweepnojournal", "sweep_before", "ckpt_at_h", "early",     "nooutbox",    "re_durable",
    "re_start", "nobump",         "reread",       "groups",    "fanlost",   "fanearly",    "fannumber",
    "fanagain", "sentunknown",    "standing",     "history",   "apart",     "poisonstays", "xalost",
};
#endif

static const size_t default_map_bytes = (size_t)1 << 40;
enum { CHECKPOINT_CHANGES = 200000, BATCH_ROWS = 16384, CHECKPOINT_MS = 5000 };

/* ---- opening */

struct recovery {
    struct engine *e;
    uint64_t number;
    bool any;
};

static int recover_record(void *context, uint64_t number, const struct position *position, struct error *error) {
    struct recovery *recovery = context;
    struct engine *e = recovery->e;
    (void)error;
    recovery->any = true;
    recovery->number = MAX(recovery->number, number);
    if (!position_known(&e->resume) || MUTANT(JLAST) || !position_reached(&e->resume, position))
        position_copy(&e->resume, position); /* the maximum: a journal may span several starts (rule 2) */
    return 0;
}

static int recover_key(void *context, struct slice key, struct error *error) {
    struct recovery *recovery = context;
    return MUTANT(NOKEYS) ? 0 : outbox_recover(recovery->e, key, error);
}

static int recover_journal(struct engine *e, struct error *error) {
    struct recovery recovery = {.e = e, .number = e->number};
    const struct journal_reader reader = {&recovery, recover_key, recover_record};
    int r = journal_open(&e->journal, e->state_dir, e->options.durable_journal, &reader, error);
    if (r)
        return r;
    e->number = recovery.number;
    e->life_number = e->number;
    ring_trim(&e->ring);
    return 0;
}

static void met_resume(struct engine *e) {
    if (!position_known(&e->resume) || !position_reached(&e->applied, &e->resume))
        return;
    position_deinit(&e->resume);
    e->resume = (struct position){0};
    e->pump_idle = 0;
}

static int recover(struct engine *e, bool fresh, struct error *error) {
    int r = outbox_load(e, error);
    if (!r)
        r = fan_load(e, error);
    if (!r)
        r = prepared_load(e, error);
    if (!r)
        r = recover_journal(e, error);
    if (!r && MUTANT(XALOST))
        r = store_clear(e->store, DB_PREPARED, error);
    if (!r && MUTANT(RE_DURABLE)) {
        r = store_clear(e->store, DB_AGAIN, error);
        if (!r)
            r = store_clear(e->store, DB_AGAIN_KEYS, error);
    }
    if (r)
        return r;
    /* rule 4: writes of the former life may still be on their way */
    if (!fresh && !e->clean && !MUTANT(RE_START))
        e->assert_until_us = MAX(e->assert_until_us, sys_wall_us() + ASSERT_AFTER_US);
    if (e->life == ENGINE_STREAMING)
        met_resume(e);
    if (e->life == ENGINE_LOADING && e->consistent) /* the view that its rows came from is gone */
        return engine_reset(e, error);
    return engine_checkpoint(e, false, error);
}

static void set_defaults(struct engine_options *o) {
    o->map_bytes = o->map_bytes ? o->map_bytes : default_map_bytes;
    o->checkpoint_changes = o->checkpoint_changes ? o->checkpoint_changes : CHECKPOINT_CHANGES;
    o->batch_rows_max = o->batch_rows_max ? o->batch_rows_max : BATCH_ROWS;
    o->checkpoint_ms = o->checkpoint_ms ? o->checkpoint_ms : CHECKPOINT_MS;
}

static int check_contract(const struct contract *c, struct error *error) {
    for (size_t i = 0; i < c->source_count; i++)
        for (size_t k = 0; k < c->sources[i]->index_count; k++)
            if (c->sources[i]->indexes[k].column_count > INDEX_COLUMNS_MAX)
                return error_set(error, ERR_CONFIG, "table %s is joined by more than %d columns at once",
                                 c->sources[i]->name, INDEX_COLUMNS_MAX);
    return 0;
}

/* Arrays over entities and targets: of this contract, and of the one before while there is one. */
static void make_gauges(struct engine *e) {
    size_t entities = MAX(e->contract->entity_count, e->catalog.live_entities);
    e->unkeyed = xcalloc(entities, sizeof(*e->unkeyed));
    e->dead = xcalloc(entities, sizeof(*e->dead));
    e->waiting = xcalloc(e->contract->entity_count, sizeof(*e->waiting));
    e->conflicts = xcalloc(MAX(e->contract->target_count, e->catalog.live_targets), sizeof(*e->conflicts));
}

/* The store of another contract is recovered as what it is, so that the journal is empty, and then becomes this one's; *ret_other: open it again. */
static int load(struct engine *e, bool *ret_other, struct error *error) {
    struct change change = {0};
    struct catalog old;
    int r = meta_load_catalog(e, error);
    if (r < 0)
        return r;
    bool fresh = r == 1;
    make_gauges(e);
    r = meta_load(e, error);
    if (r < 0)
        return r;
    old = e->catalog;
    bool clean = e->clean;
    if (!fresh)
        change_plan(&change, &old, e->contract, e->options.prune, &e->catalog_arena);
    if (!change.any)
        load_find_waiting(e);
    r = recover(e, fresh, error);
    if (r || !change.any)
        return r;
    if (e->options.hooks.changed)
        change_tell(&change, e->options.hooks.changed, e->options.hooks.context);
    r = translate_store(e, &change, clean, error);
    *ret_other = r == 0;
    return r;
}

int engine_open(struct engine **ret, const struct engine_options *options, struct error *error) {
    struct engine *e = xcalloc(1, sizeof(*e));
    const struct contract *c = options->contract;
    e->options = *options;
    set_defaults(&e->options);
    e->contract = c;
    e->state_dir = xstrdup(options->state_dir);
    e->options.state_dir = e->state_dir;
    e->key = e->sweep_at = e->pump_at = e->again_at = BUF_INIT(64 * 1024);
    e->value = e->other = BUF_INIT(ROW_BYTES_MAX);
    e->ready = BUF_INIT(READY_BYTES);
    e->prepared.xid = BUF_INIT(1024);
    e->dirty.db = DB_DIRTY;
    e->touched.db = DB_TOUCHED;
    e->row_changes = xcalloc(c->source_count * 4, sizeof(*e->row_changes));
    uint64_t **by_target[] = {&e->items_put, &e->items_deleted,  &e->conflicts_total, &e->conflicts_seen,
                              &e->key_moves, &e->moved_together, &e->moved_apart};
    for (size_t i = 0; i < ARRAY_LEN(by_target); i++)
        *by_target[i] = xcalloc(c->target_count, sizeof(uint64_t));
    int r = check_contract(c, error);
    if (!r)
        r = store_open(&e->store, e->state_dir, e->options.map_bytes, error);
    bool other = false;
    if (!r)
        r = load(e, &other, error);
    if (r) {
        engine_free(e);
        return r;
    }
    if (other) {
        engine_free(e);
        return engine_open(ret, options, error);
    }
    for (size_t i = 0; i < c->target_count; i++)
        e->conflicts_seen[i] = e->conflicts[i];
    *ret = e;
    return 0;
}

int engine_read_catalog(struct catalog *ret, const char *state_dir, struct arena *arena, struct error *error) {
    char path[4096];
    snprintf(path, sizeof(path), "%s/store.mdb", state_dir);
    if (access(path, F_OK) != 0)
        return 1;
    struct engine *e = xcalloc(1, sizeof(*e));
    e->state_dir = xstrdup(state_dir);
    int r = store_open(&e->store, state_dir, default_map_bytes, error);
    if (!r)
        r = meta_read_catalog(e, ret, arena, error);
    engine_free(e);
    return r;
}

void engine_free(struct engine *e) {
    if (!e)
        return;
    journal_free(e->journal);
    store_free(e->store);
    while (e->mappings) {
        struct mapping *next = e->mappings->next;
        free(e->mappings);
        e->mappings = next;
    }
    while (e->refusals) {
        struct refusal *next = e->refusals->next;
        free(e->refusals);
        e->refusals = next;
    }
    struct arena *arenas[] = {&e->batch, &e->scratch, &e->groups, &e->sending, &e->catalog_arena};
    for (size_t i = 0; i < ARRAY_LEN(arenas); i++)
        arena_deinit(arenas[i]);
    struct buf *bufs[] = {&e->key,     &e->value,    &e->other, &e->sweep_at,
                          &e->pump_at, &e->again_at, &e->ready, &e->prepared.xid};
    for (size_t i = 0; i < ARRAY_LEN(bufs); i++)
        buf_deinit(bufs[i]);
    struct position *positions[] = {&e->applied, &e->resume, &e->low, &e->high, &e->batch_before, &e->checkpointed};
    for (size_t i = 0; i < ARRAY_LEN(positions); i++)
        position_deinit(positions[i]);
    ring_deinit(&e->ring);
    flight_deinit(&e->flight);
    uint64_t *numbers[] = {e->unkeyed,   e->dead,           e->conflicts,       e->row_changes,
                           e->items_put, e->items_deleted,  e->conflicts_total, e->conflicts_seen,
                           e->key_moves, e->moved_together, e->moved_apart};
    for (size_t i = 0; i < ARRAY_LEN(numbers); i++)
        free(numbers[i]);
    free(e->pending);
    free(e->waiting);
    free(e->state_dir);
    free(e);
}

enum engine_life engine_life(const struct engine *e) {
    return e->life == ENGINE_STREAMING && position_known(&e->resume) ? ENGINE_RECOVERING : e->life;
}

/* ---- batches */

int engine_batch_end(struct engine *e, struct error *error) {
    if (!e->in_batch || e->in_transaction)
        return e->in_transaction ? error_set(error, ERR_BUG, "a batch was ended inside a transaction") : 0;
    e->batches++;
    if (e->life == ENGINE_REDO) {
        e->in_batch = false;
        return snapshot_redo_batch(e, error);
    }
    met_resume(e);
    if (e->batch_changes == 0) {
        e->in_batch = false;
        return 0;
    }
    e->number++;
    return decide(e, false, false, error);
}

/* ---- checkpoints */

int engine_checkpoint(struct engine *e, bool clean, struct error *error) {
    if (e->in_transaction)
        return error_set(error, ERR_BUG, "a checkpoint was asked for inside a transaction");
    int r = e->in_batch ? engine_batch_end(e, error) : 0;
    if (r)
        return r;
    e->clean = clean && e->flight.count == 0;
    r = meta_save(e, error);
    if (r)
        return r;
    CRASH_POINT("checkpoint.before_commit");
    r = store_commit(e->store, error);
    if (r)
        return r;
    CRASH_POINT("checkpoint.committed");
    r = journal_restart(e->journal, error);
    if (r)
        return r;
    position_copy(&e->checkpointed, &e->applied);
    e->journaled = e->transactions;
    e->changed = false;
    e->changes_since_checkpoint = 0;
    e->checkpoints++;
    e->checkpoint_wall_us = sys_wall_us();
    e->checkpoint_ms = sys_monotonic_ms();
    return 0;
}

static int checkpoint_if_due(struct engine *e, int64_t *wait_ms, struct error *error) {
    if (!e->changed || e->in_batch)
        return 0;
    int64_t left_ms = e->checkpoint_ms + e->options.checkpoint_ms - sys_monotonic_ms();
    if (left_ms <= 0 || e->changes_since_checkpoint >= e->options.checkpoint_changes ||
        store_checkpoint_wanted(e->store))
        return engine_checkpoint(e, false, error);
    *wait_ms = *wait_ms < 0 ? left_ms : MIN(*wait_ms, left_ms);
    return 0;
}

/* ---- slices of work */

int engine_work(struct engine *e, int64_t *ret_wait_ms, struct error *error) {
    bool more[5] = {false};
    *ret_wait_ms = -1;
    if (e->in_transaction)
        return MUTANT(EARLY) ? outbox_pump(e, &more[0], error)
                             : 0; /* the store is between two positions: nothing can be evaluated */
    int r = engine_batch_end(e, error);
    if (!r && e->life == ENGINE_REDO) /* a crash may have come after H was met */
        r = snapshot_redo_batch(e, error);
    if (!r && e->loading)
        r = load_check(e, error);
    if (!r && e->refusals && e->life == ENGINE_STREAMING)
        r = poison_slice(e, error);
    if (!r)
        r = outbox_pump(e, &more[0], error);
    if (!r)
        r = again_slice(e, &more[1], ret_wait_ms, error);
    if (!r)
        r = sweep_slice(e, &more[2], error);
    if (!r)
        r = prune_ends(e, error);
    if (!r)
        r = replay_slice(e, &more[3], error);
    if (!r)
        r = fan_slice(e, &more[4], error);
    if (!r)
        r = checkpoint_if_due(e, ret_wait_ms, error);
    for (size_t i = 0; i < ARRAY_LEN(more); i++)
        if (more[i])
            *ret_wait_ms = 0;
    return r;
}

/* ---- positions and numbers */

const struct position *engine_applied(const struct engine *e) {
    return &e->applied;
}

const struct position *engine_checkpointed(const struct engine *e) {
    return &e->checkpointed;
}

const struct position *engine_acknowledged(const struct engine *e) {
    if (e->life != ENGINE_STREAMING || e->sweeping || e->loading || e->older)
        return &e->nowhere;
    const struct ring_entry *oldest = ring_oldest(&e->ring);
    return oldest ? &oldest->before : e->in_batch ? &e->batch_before : &e->applied;
}

static int64_t oldest_unacknowledged(const struct engine *e) {
    const struct ring_entry *oldest = ring_oldest(&e->ring);
    if (e->older || e->sweeping || e->loading || e->life != ENGINE_STREAMING)
        return e->low.commit_us ? e->low.commit_us : e->applied.commit_us;
    return oldest ? oldest->commit_us : e->in_batch ? e->batch_commit_us : 0;
}

void engine_gauges(const struct engine *e, struct engine_gauges *ret) {
    *ret = (struct engine_gauges){
        .life = engine_life(e),
        .sweeping = e->sweeping,
        .loading = e->loading,
        .catalog = &e->catalog,
        .sweep_done = e->sweep_done,
        .sweep_total = e->sweep_total,
        .snapshot_rows = e->snapshot_rows,
        .outbox_keys = e->outbox_keys,
        .in_flight = e->flight.count,
        .assertions = store_entries(e->store, DB_AGAIN_KEYS),
        .oldest_unacknowledged_us = oldest_unacknowledged(e),
        .prepared = e->prepared.count,
        .prepared_since_us = e->prepared.since_us,
        .store_bytes = store_bytes(e->store),
        .changes_since_checkpoint = e->changes_since_checkpoint,
        .fan_outs = store_entries(e->store, DB_FAN_RANGES),
        .fan_out_roots = e->fan_roots,
        .checkpoint_wall_us = e->checkpoint_wall_us,
        .transactions = e->transactions,
        .batches = e->batches,
        .checkpoints = e->checkpoints,
        .items_suppressed = e->suppressed,
        .row_changes = e->row_changes,
        .items_put = e->items_put,
        .items_deleted = e->items_deleted,
        .conflicts_total = e->conflicts_total,
        .key_moves = e->key_moves,
        .moved_together = e->moved_together,
        .moved_apart = e->moved_apart,
        .unkeyed = e->unkeyed,
        .conflicts = e->conflicts,
        .dead = e->dead,
    };
}
