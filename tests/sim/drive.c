/* The engine as src/app drives it: starts, crashes, the snapshot, batches of the stream, replays. */
#include "tests/sim/world.h"

#include <sys/stat.h>
#include <unistd.h>

/* ---- crashes and the journal's file */

const char *const crash_names[CRASH_PLACES] = {"step",
                                               "transaction",
                                               "prepare",
                                               "decide.before_journal",
                                               "decide.before_send",
                                               "send",
                                               "fan.walked",
                                               "checkpoint.before_commit",
                                               "checkpoint.committed"};

static void count_crash(const char *place) {
    for (size_t i = 0; i < ARRAY_LEN(crash_names); i++)
        totals.crash_at[i] += strcmp(crash_names[i], place) == 0;
}

bool crash_here(const char *place) {
    if (!world->noise || !world->cfg.crash ||
        !chance(strncmp(place, "check", 5) == 0 || strncmp(place, "fan", 3) == 0 ? 60 : 12))
        return false;
    world->crashing = true;
    count_crash(place);
    trace("crash at %s", place);
    return true;
}

/* ---- the engine */

static void position_at(int p, struct position *ret) {
    *ret = (struct position){.offset = (uint64_t)(100 + 10 * p), .commit_us = p + 1};
    snprintf(ret->file, sizeof(ret->file), "binlog.000001");
    snprintf(ret->server_uuid, sizeof(ret->server_uuid), "11111111-1111-1111-1111-111111111111");
    for (int i = 1; world->cfg.gtid && i <= p; i++)
        gtid_set_add(&ret->gtids, &(struct gtid){.uuid = {1}, .number = i});
}

int place_of(const struct position *p) {
    return p->file[0] ? (int)((p->offset - 100) / 10) : -1;
}

void crash(bool power) {
    char path[128];
    totals.crashes++;
    trace("CRASH %s", power ? "power" : "kill");
    engine_free(world->e);
    world->e = NULL;
    world->up = world->crashing = false;
    snprintf(path, sizeof(path), "%s/journal", world->dir);
    if (power) {
        struct stat st;
        totals.power_cuts++;
        if (stat(path, &st) == 0 && st.st_size > world->journal_synced) {
            off_t keep = world->journal_synced + below((int)(st.st_size - world->journal_synced) + 1);
            if (truncate(path, keep) == 0)
                trace("journal cut to %lld of %lld", (long long)keep, (long long)st.st_size);
        }
    }
    orphan();
}

void crash_at(const char *place) {
    count_crash(place);
    crash(world->cfg.power && chance(400));
}

/* An orderly end. */
void stop_in_order(void) {
    struct error error = {""};
    if (!came_back(engine_checkpoint(world->e, true, &error), &error, "engine_checkpoint"))
        return;
    engine_free(world->e);
    world->e = NULL;
    world->up = false;
    orphan();
}

/* A call came back: fine, a crash, or a fault that should not be. */
bool came_back(int r, const struct error *error, const char *what) {
    if (world->crashing) {
        crash(world->cfg.power && chance(400));
        return false;
    }
    if (r == ERR_STORE &&
        world->tiny) { /* the disk is full: the engine is given up and opened again, as the program does */
        totals.full++;
        trace("full: %s: %s", what, error->text);
        crash(false);
        return false;
    }
    if (r < 0)
        fail("parks without reason: %s: %s", what, error->text);
    return true;
}

/* As src/app/adopt.c, of a server that does not log cascades. */
static bool is_refused(const struct contract *contract) {
    struct arena arena defer(arena_deinit) = {0};
    struct error error = {""};
    struct catalog store;
    struct change change;
    int r = engine_read_catalog(&store, world->dir, &arena, &error);
    if (r < 0)
        fail("engine_read_catalog: %s", error.text);
    if (r || world->cfg.fk_logged)
        return false;
    change_plan(&change, &store, contract, false, &arena);
    return change_unreadable(&change, contract) != NULL;
}

/* Other attributes are plain columns, or the last entity is not there: entities differ, come and go, need columns and tables that the store
 * lacks, or need less. */
static void change_contract(void) {
    const struct model former = world->model;
    world->model = world->full;
    model_make_plain(&world->model, world->plain | (rnd() & rnd()));
    if (chance(400))
        model_drop_entity(&world->model);
    make_contract();
    if (is_refused(world->contract)) {
        totals.changes_refused++;
        world->model = former;
        make_contract();
        return;
    }
    totals.contract_changes++;
    expected_forget();
    world->snapshot_seen = true; /* items of both contracts stand side by side until the sweep is over */
    world->timetravel = false;
    trace("OTHER CONTRACT");
}

void start(void) {
    struct error error = {""};
    if (world->cfg.change && world->life && chance(300))
        change_contract();
    struct engine_options o = {.state_dir = world->dir,
                               .contract = world->contract,
                               .hooks = {NULL, target_room, target_send},
                               .durable_journal = world->cfg.durable,
                               .atomic_key_change = world->cfg.atomic,
                               .map_bytes = (size_t)64 << 20,
                               .checkpoint_ms = 1000 * (60 + below(600)),
                               .batch_rows_max = 20,
                               .prune = world->cfg.change};
    world->life++;
    totals.opens++;
    world->tiny = world->noise && world->cfg.full && chance(300);
    if (world->tiny)
        o.map_bytes = (size_t)4096 * (size_t)(1 + below(60)); /* at least what is used already */
    world->journal_synced = 0;
    struct stat st;
    char path[128];
    snprintf(path, sizeof(path), "%s/journal", world->dir);
    if (stat(path, &st) == 0)
        world->journal_synced = st.st_size; /* it was read from the disk */
    int r = engine_open(&world->e, &o, &error);
    if (!came_back(r, &error, "engine_open"))
        return;
    world->up = true;
    trace("START life %d applied %d %d", world->life, place_of(engine_applied(world->e)), (int)engine_life(world->e));
}

/* ---- the snapshot, as src/app drives it */

const struct source *source_of(int t) {
    return contract_source(world->contract, table_names[t]);
}

static void row_values(int t, const struct srow *row, struct arena *arena, struct value *values) {
    for (int c = 0; c < world->model.tables[t].columns; c++)
        to_value(t, c, row->c[c], arena, &values[c]);
}

/* All columns of the table to those of the source. */
struct value *source_values(int t, const struct srow *row, struct arena *arena) {
    const struct source *source = source_of(t);
    struct value all[COLUMNS_MAX], *values = arena_alloc(arena, source->column_count * sizeof(*values));
    row_values(t, row, arena, all);
    for (size_t i = 0; i < source->column_count; i++)
        values[i] = all[table_column(&world->schema->tables[t], source->columns[i].name)];
    return values;
}

/* -1, 0, 1: the row's key against one that the engine keeps. */
static int compare_to_key(int t, const struct srow *row, const struct value *key) {
    struct arena arena defer(arena_deinit) = {0};
    for (int i = 0; i < world->model.tables[t].keys; i++) {
        struct value v;
        to_value(t, i, row->c[i], &arena, &v);
        int c = v.kind == VALUE_TEXT ? slice_compare(value_slice(&v), value_slice(&key[i]))
                                     : (v.i > key[i].i) - (v.i < key[i].i);
        if (c)
            return c;
    }
    return 0;
}

static const struct sdb *readable(void) {
    if (world->cfg.fuzzy_rows)
        return &world->src.hist[world->src.visible];
    struct position low = {0};
    struct error error;
    if (engine_snapshot_low(world->e, &low, &error))
        fail("engine_snapshot_low: %s", error.text);
    const struct sdb *db = &world->src.hist[place_of(&low)];
    position_deinit(&low);
    return db;
}

/* Some rows behind the last ones; 1: the table was done. */
static int read_chunk(int t, const struct sdb *db, struct arena *arena) {
    struct error error = {""};
    const struct source *source = source_of(t);
    const struct value *key, *last = NULL;
    const struct srows *all = &db->t[t];
    uint64_t rows;
    int count = 0, size = 1 + below(4), r = engine_snapshot_resume(world->e, source, arena, &key, &rows, &error);
    if (r < 0)
        fail("engine_snapshot_resume: %s", error.text);
    for (int i = 0; r == 0 && i < all->count && count < size; i++) {
        if (key && compare_to_key(t, &all->list[i], key) <= 0)
            continue;
        last = source_values(t, &all->list[i], arena);
        count++;
        if (!came_back(engine_snapshot_row(world->e, source, last, &error), &error, "engine_snapshot_row"))
            return 0;
    }
    if (r == 0)
        came_back(engine_snapshot_chunk(world->e, source, last, (uint64_t)count, count < size, &error), &error,
                  "engine_snapshot_chunk");
    return r;
}

/* One chunk of one table; false when all tables are done. */
static bool snapshot_chunk(void) {
    struct arena arena defer(arena_deinit) = {0};
    int tables = world->model.table_count, first = below(tables);
    for (int n = 0; n < tables; n++) {
        int t = (first + n) % tables;
        if (source_of(t) && read_chunk(t, readable(), &arena) == 0)
            return true;
    }
    return false;
}

bool load_step(void) {
    struct arena arena defer(arena_deinit) = {0};
    struct error error = {""};
    const struct source *source;
    struct position high;
    if (!world->up || engine_life(world->e) < ENGINE_RECOVERING ||
        world->src.executed < place_of(engine_applied(world->e)))
        return false;
    int r = engine_load_next(world->e, &source, &error);
    if (r)
        return !came_back(r < 0 ? r : 0, &error, "engine_load_next");
    if (!source) {
        position_at(world->src.end, &high);
        r = engine_load_high(world->e, &high, &error);
        position_deinit(&high);
        came_back(r, &error, "engine_load_high");
        return true;
    }
    totals.loaded_chunks++;
    int t = 0;
    while (source_of(t) != source)
        t++;
    (void)read_chunk(t, &world->src.hist[world->src.visible], &arena);
    return true;
}

static void read_again(void) {
    struct arena arena defer(arena_deinit) = {0};
    struct error error = {""};
    const struct source *source;
    const struct value *key;
    if (world->src.executed < place_of(engine_applied(world->e)))
        return;
    int r;
    while ((r = engine_reread_next(world->e, &arena, &source, &key, &error)) == 0) {
        const struct value *values = NULL;
        totals.rereads++;
        for (int t = 0; t < world->model.table_count; t++)
            for (int i = 0; source_of(t) == source && i < world->src.hist[world->src.visible].t[t].count; i++) {
                const struct srow *row = &world->src.hist[world->src.visible].t[t].list[i];
                if (compare_to_key(t, row, key) == 0)
                    values = source_values(t, row, &arena);
            }
        if (engine_reread_row(world->e, source, key, values, &error)) {
            came_back(ERR_STORE, &error, "engine_reread_row");
            return;
        }
    }
    if (r < 0)
        fail("engine_reread_next: %s", error.text);
    struct position high;
    position_at(world->src.end, &high);
    r = engine_reread_done(world->e, &high, &error);
    position_deinit(&high);
    came_back(r, &error, "engine_reread_done");
}

/* Is something prepared that XA RECOVER would name? It names a transaction until its end is visible. */
static bool anything_prepared(void) {
    const struct source_sim *src = &world->src;
    int open = 0;
    for (int p = 0; p < src->visible; p++)
        if (src->log[p].kind != PLAIN)
            open += src->log[p].kind == XA_PREPARE ? 1 : -1;
    return open > 0;
}

/* The snapshot waits; at the end of the run it gets what it waits for. */
static void wait_for_prepared(void) {
    totals.xa_waits++;
    if (world->src.prepared_count && (!world->noise || chance(200)))
        source_end_prepared(0, chance(700));
    if (!world->noise)
        world->src.visible = world->src.executed = world->src.end;
}

static void begin_snapshot(void) {
    struct error error = {""};
    struct position low;
    if (!world->cfg.fuzzy_rows && world->src.prepared_count) {
        wait_for_prepared();
        return;
    }
    totals.snapshots++;
    if (!world->cfg.fuzzy_rows)
        world->src.visible = world->src.executed = world->src.end; /* a moment's lock */
    position_at(world->src.executed, &low);
    int r = engine_snapshot_begin(world->e, &low, !world->cfg.fuzzy_rows, &error);
    position_deinit(&low);
    came_back(r, &error, "engine_snapshot_begin");
}

/* What was prepared before L is over before the first row is read. */
static void settle(void) {
    struct error error = {""};
    struct position at;
    if (world->cfg.fuzzy_rows && anything_prepared()) {
        wait_for_prepared();
        return;
    }
    position_at(world->src.end, &at);
    int r = engine_snapshot_settle(world->e, &at, &error);
    position_deinit(&at);
    came_back(r, &error, "engine_snapshot_settle");
}

static void end_snapshot(void) {
    struct error error = {""};
    struct position low = {0}, high;
    if (engine_snapshot_low(world->e, &low, &error))
        fail("engine_snapshot_low: %s", error.text);
    position_at(world->cfg.fuzzy_rows ? world->src.end : place_of(&low), &high);
    int r = engine_snapshot_high(world->e, &high, &error);
    position_deinit(&high);
    position_deinit(&low);
    came_back(r, &error, "engine_snapshot_high");
}

void snapshot_step(void) {
    struct error error = {""};
    struct position settled = {0};
    world->snapshot_seen = true;
    if (engine_life(world->e) == ENGINE_EMPTY) {
        begin_snapshot();
        return;
    }
    int r = engine_snapshot_settled(world->e, &settled, &error);
    position_deinit(&settled);
    if (r < 0)
        fail("engine_snapshot_settled: %s", error.text);
    if (r == 1)
        settle();
    else if (!snapshot_chunk())
        end_snapshot();
}

/* ---- the stream */

/* What a partial image lacks. True: something. */
static bool unknown_columns(const struct schange *c, enum image image, struct value *before, struct value *after) {
    const struct table_model *t = &world->model.tables[c->table];
    bool any = false;
    for (int i = 0; i < t->columns; i++) {
        if (image == IMAGE_FULL || (image == IMAGE_NOBLOB && t->c[i].style != TEXT))
            continue;
        bool key = i < t->keys;
        if (c->has_before && !key)
            before[i] = (struct value){.kind = VALUE_UNKNOWN};
        if (c->has_before && c->has_after && c->before.c[i] == c->after.c[i] && (image == IMAGE_MINIMAL || !key))
            after[i] = (struct value){.kind = VALUE_UNKNOWN};
        any |= c->has_before && !key;
    }
    return any;
}

static int apply_change(const struct stxn *txn, const struct schange *c, bool touch, struct error *error) {
    struct arena arena defer(arena_deinit) = {0};
    struct value before[COLUMNS_MAX], after[COLUMNS_MAX];
    const struct table *table = &world->schema->tables[c->table];
    bool wanted[COLUMNS_MAX];
    int r;
    struct row_change change = {.kind = c->truncate      ? ROW_TRUNCATE
                                        : !c->has_before ? ROW_INSERT
                                        : c->has_after   ? ROW_UPDATE
                                                         : ROW_DELETE,
                                .table = table,
                                .foreign_keys_off = txn->fk_off,
                                .cascades_logged = world->cfg.fk_logged};
    change.handle = engine_map_table(world->e, table, wanted, &r, error);
    if (!change.handle)
        return r; /* 0: not mapped */
    if (c->has_before)
        row_values(c->table, &c->before, &arena, before);
    if (c->has_after)
        row_values(c->table, &c->after, &arena, after);
    if (!c->truncate && unknown_columns(c, txn->image, before, after))
        totals.partial_images += !touch;
    change.before = c->has_before ? before : NULL;
    change.after = c->has_after ? after : NULL;
    return touch ? engine_touch(world->e, &change, error) : engine_apply(world->e, &change, error);
}

void work(void) {
    struct error error = {""};
    int64_t wait_ms;
    came_back(engine_work(world->e, &wait_ms, &error), &error, "engine_work");
}

/* False: the engine is gone. */
static bool apply_one(const struct stxn *txn, const struct schange *change) {
    struct error error = {""};
    if (!came_back(apply_change(txn, change, false, &error), &error, "engine_apply"))
        return false;
    if (world->noise && world->cfg.crash && chance(3)) {
        crash_at("transaction");
        return false;
    }
    if (chance(30))
        net_step(); /* answers come at any time */
    if (world->crashing)
        crash(false);
    if (world->up && chance(100))
        work(); /* and so may calls for work */
    return world->up;
}

/* As src/app/xa.c: its bytes wait in the store until it is decided. */
static bool keep_prepared(const struct stxn *txn, struct slice xid) {
    struct error error = {""};
    const char *bytes = (const char *)txn->changes;
    size_t len = (size_t)txn->count * sizeof(*txn->changes), first = (size_t)below((int)len) + 1;
    int r = engine_prepared_begin(world->e, xid, &error);
    if (!r)
        r = engine_prepared_put(world->e, (struct slice){bytes, first}, &error);
    if (r == 0 && world->noise && world->cfg.crash && chance(100)) {
        crash_at("prepare");
        return false;
    }
    if (!r)
        r = engine_prepared_put(world->e, (struct slice){bytes + first, len - first}, &error);
    if (!r)
        r = engine_prepared_end(world->e, 1, &error);
    return came_back(r, &error, "engine_prepared_...");
}

/* Its rows are in the snapshot's chunks, or it would be lost. */
static void check_settled(int p) {
    struct error error = {""};
    struct position settled = {0};
    int r = engine_snapshot_settled(world->e, &settled, &error);
    if (r || place_of(&settled) < p + 1)
        fail("I5 parks: XA COMMIT of what was prepared before the snapshot");
    position_deinit(&settled);
    totals.xa_skipped++;
}

/* False: the engine is gone. */
static bool end_prepared(int p, struct slice xid) {
    const struct stxn *txn = &world->src.log[p];
    struct error error = {""};
    struct buf bytes defer(buf_deinit) = BUF_INIT(1 << 20);
    struct slice part;
    int r = engine_prepared_known(world->e, xid, &error);
    if (r == 1 && txn->kind == XA_COMMIT)
        check_settled(p);
    if (r == 1)
        return true;
    for (uint32_t i = 0; r == 0 && (r = engine_prepared_get(world->e, xid, i, &part, &error)) == 0; i++)
        buf_put_slice(&bytes, part);
    if (r == 1)
        r = engine_prepared_drop(world->e, xid, &error);
    if (!came_back(r, &error, "engine_prepared_..."))
        return false;
    size_t len = (size_t)txn->count * sizeof(*txn->changes);
    if (txn->kind == XA_COMMIT && (bytes.len != len || memcmp(bytes.data, txn->changes, len) != 0))
        fail("I5 a prepared transaction changed while it waited");
    for (int i = 0; i < txn->count; i++)
        if (!apply_one(txn, &((const struct schange *)(const void *)bytes.data)[i]))
            return false;
    return true;
}

static bool apply_transaction(int p) {
    struct error error = {""};
    const struct stxn *txn = &world->src.log[p];
    char name[32];
    struct slice xid = {name, (size_t)snprintf(name, sizeof(name), "xid-%06d", txn->xid)};
    struct txn_end end = {.offset = (uint64_t)(100 + 10 * (p + 1)), .commit_us = p + 2};
    snprintf(end.file, sizeof(end.file), "binlog.000001");
    if (world->cfg.gtid)
        end.gtid = (struct gtid){.uuid = {1}, .number = p + 1};
    bool good = true;
    if (txn->kind == XA_PREPARE)
        good = keep_prepared(txn, xid);
    else if (txn->kind != PLAIN)
        good = end_prepared(p, xid);
    for (int i = 0; txn->kind == PLAIN && good && i < txn->count; i++)
        good = apply_one(txn, &txn->changes[i]);
    return good && came_back(engine_commit(world->e, &end, &error), &error, "engine_commit");
}

/* Some transactions as one batch; false when nothing waits. */
bool batch(void) {
    static const int sizes[] = {1, 1, 2, 3, 5, 9};
    struct error error = {""};
    int p = place_of(engine_applied(world->e)), n = sizes[below(6)];
    if (engine_reread_wanted(world->e)) {
        read_again();
        return true;
    }
    if (p >= world->src.end)
        return false;
    trace("batch from %d, %d transactions", p, n);
    for (int i = 0; i < n && p + i < world->src.end; i++)
        if (!apply_transaction(p + i))
            return true;
    if (!chance(50)) /* else engine_work() ends it */
        came_back(engine_batch_end(world->e, &error), &error, "engine_batch_end");
    return true;
}

void replay(void) {
    struct error error = {""};
    int to = place_of(engine_applied(world->e)), from = below(to), end = MIN(to, from + 5);
    totals.replays++;
    for (int p = from; p < end; p++)
        for (int i = 0; i < world->src.log[p].count && world->src.log[p].kind != XA_PREPARE; i++)
            if (!world->src.log[p].changes[i].truncate && world->up)
                came_back(apply_change(&world->src.log[p], &world->src.log[p].changes[i], true, &error), &error,
                          "engine_touch");
}
