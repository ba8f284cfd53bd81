/* leat-sim --contract FILE [--seeds A-B] [--mutant NAME] [--quiet] [--trace SEED]: see world.h.
 *
 * With --mutant the run succeeds when the broken rule is found within the seeds. */
#include "tests/sim/world.h"

#include "src/base/sys.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <unistd.h>

struct world *world;
struct totals totals;
static jmp_buf failed;

void trace(const char *format, ...) {
    if (!world->trace)
        return;
    va_list args;
    va_start(args, format);
    fprintf(stderr, "[%lld end %d v%d g%d] ", (long long)(world->now_us / 1000000 % 1000000), world->src.end,
            world->src.visible, world->src.executed);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
}

void fail(const char *format, ...) {
    va_list args;
    va_start(args, format);
    vsnprintf(world->failure, sizeof(world->failure), format, args);
    va_end(args);
    trace("!!! %s", world->failure);
    longjmp(failed, 1);
}

/* ---- chance and time */

uint64_t rnd(void) { /* splitmix64 */
    uint64_t z = world->rng += 0x9E3779B97F4A7C15u;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
    z = (z ^ z >> 27) * 0x94D049BB133111EBu;
    return z ^ z >> 31;
}
int below(int n) {
    return n > 0 ? (int)(rnd() % (uint64_t)n) : 0;
}
bool chance(int per_mille) {
    return below(1000) < per_mille;
}
static int64_t fake_now(void) {
    return world->now_us;
}
static void fake_sleep(int64_t ms) {
    world->now_us += ms * 1000;
}

static ssize_t fake_write(int fd, const void *data, size_t len) {
    ssize_t n = write(fd, data, len);
    struct stat st;
    if (n > 0 && fstat(fd, &st) == 0)
        world->journal_size = st.st_size;
    return n;
}

static int fake_sync(int fd) { /* nothing on /dev/shm gets lost: remember what would have been */
    struct stat st;
    if (fstat(fd, &st) == 0)
        world->journal_synced = st.st_size;
    return 0;
}

static const char *const crash_names[] = {"step", "decide.before_journal",    "decide.before_send",
                                          "send", "checkpoint.before_commit", "checkpoint.committed"};

static void count_crash(const char *place) {
    for (size_t i = 0; i < ARRAY_LEN(crash_names); i++)
        totals.crash_at[i] += strcmp(crash_names[i], place) == 0;
}

static bool crash_here(const char *place) {
    if (!world->noise || !world->cfg.crash || !chance(strncmp(place, "check", 5) == 0 ? 60 : 12))
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

static int place_of(const struct position *p) {
    return p->file[0] ? (int)((p->offset - 100) / 10) : -1;
}

static void crash(bool power) {
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
    world->recovering_until = world->src.end;
}

/* A call came back: fine, a crash, or a fault that should not be. */
static bool came_back(int r, const struct error *error, const char *what) {
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

static void start(void) {
    struct error error = {""};
    struct engine_options o = {.state_dir = world->dir,
                               .contract = world->contract,
                               .hooks = {NULL, target_room, target_send},
                               .durable_journal = world->cfg.durable,
                               .atomic_key_change = world->cfg.atomic,
                               .map_bytes = (size_t)64 << 20,
                               .checkpoint_ms = 1000 * (60 + below(600)),
                               .batch_rows_max = 20};
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

static const struct source *source_of(int t) {
    return contract_source(world->contract, shop_schema.tables[t].name);
}

static void row_values(int t, const struct srow *row, struct arena *arena, struct value *values) {
    for (int c = 0; c < table_columns(t); c++)
        to_value(t, c, row->c[c], arena, &values[c]);
}

/* All columns of the table to those of the source. */
static struct value *source_values(int t, const struct srow *row, struct arena *arena) {
    const struct source *source = source_of(t);
    struct value all[COLUMNS_MAX], *values = arena_alloc(arena, source->column_count * sizeof(*values));
    row_values(t, row, arena, all);
    for (size_t i = 0; i < source->column_count; i++)
        values[i] = all[table_column(&shop_schema.tables[t], source->columns[i].name)];
    return values;
}

static bool behind(int t, const struct srow *row, const struct value *key) {
    for (int i = 0; key && i < key_count(t); i++)
        if (row->c[i] != key[i].i)
            return row->c[i] > key[i].i;
    return key == NULL;
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

static bool store_failed(const struct error *error, const char *what) {
    came_back(ERR_STORE, error, what);
    return true;
}

/* One chunk of one table; false when all tables are done. */
static bool snapshot_chunk(void) {
    struct arena arena defer(arena_deinit) = {0};
    struct error error = {""};
    int first = below(TABLES);
    for (int n = 0; n < TABLES; n++) {
        int t = (first + n) % TABLES, count = 0, size = 1 + below(4);
        const struct source *source = source_of(t);
        const struct value *key, *last = NULL;
        uint64_t rows;
        int r = engine_snapshot_resume(world->e, source, &arena, &key, &rows, &error);
        if (r < 0)
            fail("engine_snapshot_resume: %s", error.text);
        if (r == 1)
            continue;
        const struct srows *all = &readable()->t[t];
        for (int i = 0; i < all->count && count < size; i++) {
            if (!behind(t, &all->list[i], key))
                continue;
            last = source_values(t, &all->list[i], &arena);
            count++;
            if (engine_snapshot_row(world->e, source, last, &error))
                return store_failed(&error, "engine_snapshot_row");
        }
        if (engine_snapshot_chunk(world->e, source, last, (uint64_t)count, count < size, &error))
            return store_failed(&error, "engine_snapshot_chunk");
        return true;
    }
    return false;
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
        for (int t = 0; t < TABLES; t++)
            for (int i = 0; source_of(t) == source && i < world->src.hist[world->src.visible].t[t].count; i++) {
                const struct srow *row = &world->src.hist[world->src.visible].t[t].list[i];
                if (row->c[0] == key[0].i && (key_count(t) == 1 || row->c[1] == key[1].i))
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

static void snapshot_step(void) {
    struct error error = {""};
    struct position p;
    int r;
    world->snapshot_seen = true;
    if (engine_life(world->e) == ENGINE_EMPTY) {
        totals.snapshots++;
        if (!world->cfg.fuzzy_rows)
            world->src.visible = world->src.executed = world->src.end; /* a moment's lock */
        position_at(world->src.executed, &p);
        r = engine_snapshot_begin(world->e, &p, !world->cfg.fuzzy_rows, &error);
        position_deinit(&p);
        came_back(r, &error, "engine_snapshot_begin");
    } else if (!snapshot_chunk()) {
        struct position low = {0};
        if (engine_snapshot_low(world->e, &low, &error))
            fail("engine_snapshot_low: %s", error.text);
        position_at(world->cfg.fuzzy_rows ? world->src.end : place_of(&low), &p);
        r = engine_snapshot_high(world->e, &p, &error);
        position_deinit(&p);
        position_deinit(&low);
        came_back(r, &error, "engine_snapshot_high");
    }
}

/* ---- the stream */

static void unknown_columns(const struct schange *c, struct value *before, struct value *after) {
    for (int i = 0; i < table_columns(c->table); i++) {
        if (c->has_before && i >= key_count(c->table))
            before[i] = (struct value){.kind = VALUE_UNKNOWN};
        if (c->has_before && c->has_after && c->before.c[i] == c->after.c[i])
            after[i] = (struct value){.kind = VALUE_UNKNOWN};
    }
}

static int apply_change(const struct stxn *txn, const struct schange *c, bool touch, struct error *error) {
    struct arena arena defer(arena_deinit) = {0};
    struct value before[COLUMNS_MAX], after[COLUMNS_MAX];
    const struct table *table = &shop_schema.tables[c->table];
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
        return r;
    if (c->has_before)
        row_values(c->table, &c->before, &arena, before);
    if (c->has_after)
        row_values(c->table, &c->after, &arena, after);
    if (txn->minimal && !c->truncate)
        unknown_columns(c, before, after);
    change.before = c->has_before ? before : NULL;
    change.after = c->has_after ? after : NULL;
    return touch ? engine_touch(world->e, &change, error) : engine_apply(world->e, &change, error);
}

static void work(void) {
    struct error error = {""};
    int64_t wait_ms;
    came_back(engine_work(world->e, &wait_ms, &error), &error, "engine_work");
}

static bool apply_transaction(int p) {
    struct error error = {""};
    const struct stxn *txn = &world->src.log[p];
    struct txn_end end = {.offset = (uint64_t)(100 + 10 * (p + 1)), .commit_us = p + 2};
    snprintf(end.file, sizeof(end.file), "binlog.000001");
    if (world->cfg.gtid)
        end.gtid = (struct gtid){.uuid = {1}, .number = p + 1};
    for (int i = 0; i < txn->count; i++) {
        if (!came_back(apply_change(txn, &txn->changes[i], false, &error), &error, "engine_apply"))
            return false;
        if (world->noise && world->cfg.crash && chance(3)) { /* inside a transaction */
            crash(false);
            return false;
        }
        if (chance(30))
            net_step(); /* answers come at any time */
        if (world->crashing)
            crash(false);
        if (!world->up)
            return false;
        if (chance(100))
            work(); /* and so may calls for work */
        if (!world->up)
            return false;
    }
    return came_back(engine_commit(world->e, &end, &error), &error, "engine_commit");
}

/* Some transactions as one batch; false when nothing waits. */
static bool batch(void) {
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

static void replay(void) {
    struct error error = {""};
    int to = place_of(engine_applied(world->e)), from = below(to), end = MIN(to, from + 5);
    totals.replays++;
    for (int p = from; p < end; p++)
        for (int i = 0; i < world->src.log[p].count; i++)
            if (!world->src.log[p].changes[i].truncate && world->up)
                came_back(apply_change(&world->src.log[p], &world->src.log[p].changes[i], true, &error), &error,
                          "engine_touch");
}

/* ---- checks */

static bool value_in_range(uint64_t key, uint64_t value, int from) {
    for (int p = from; p <= world->src.end; p++)
        if (expected_value(p, key) == value)
            return true;
    return false;
}

static void check_acknowledged(void) {
    if (!world->up || world->spoilt || !world->timetravel)
        return;
    int a = place_of(engine_acknowledged(world->e));
    if (a < 0)
        return;
    if (a > place_of(engine_applied(world->e)))
        fail("I1 acknowledged %d is behind applied %d", a, place_of(engine_applied(world->e)));
    for (int i = 0; i < world->items_cap; i++)
        if (world->items[i].used && !value_in_range(world->items[i].key, world->items[i].value, a))
            fail("I1 acknowledged %d, but %016llx = %016llx; contract there %016llx", a,
                 (unsigned long long)world->items[i].key, (unsigned long long)world->items[i].value,
                 (unsigned long long)expected_value(a, world->items[i].key));
    for (int p = a; p <= MIN(a + 1, world->src.end); p++) /* and nothing is missing */
        for (int i = 0; i < expected_at(p)->count; i++) {
            uint64_t key = expected_at(p)->keys[i];
            if (!value_in_range(key, target_item(key)->value, a))
                fail("I1 acknowledged %d, but %016llx is missing", a, (unsigned long long)key);
        }
}

static void check_gauges(void) {
    uint64_t unkeyed[5], dead[5], conflicts, letters = 0;
    struct engine_gauges g;
    expected_gauges(world->src.end, unkeyed, dead, &conflicts);
    engine_gauges(world->e, &g);
    for (int i = 0; i < 5; i++) {
        if (g.unkeyed[i] != unkeyed[i])
            fail("gauge: entity %d has %d roots without key, the engine says %d", i, (int)unkeyed[i],
                 (int)g.unkeyed[i]);
        if (g.dead[i] != dead[i])
            fail("gauge: entity %d has %d poison roots, the engine says %d", i, (int)dead[i], (int)g.dead[i]);
        letters += dead[i];
    }
    if (g.conflicts[2] != conflicts)
        fail("gauge: %d keys are claimed by several, the engine says %d", (int)conflicts, (int)g.conflicts[2]);
    if (store_entries(world->e->store, DB_DEAD) != letters)
        fail("gauge: %d dead letters, %d poison roots", (int)store_entries(world->e->store, DB_DEAD), (int)letters);
    if (position_reached(engine_acknowledged(world->e), engine_applied(world->e)) == false)
        fail("I1 at rest not everything is acknowledged");
}

static void check_rest(void) {
    const struct expected *x = expected_at(world->src.end);
    struct error error = {""};
    struct arena arena defer(arena_deinit) = {0};
    uint64_t rows = 0;
    for (int i = 0; i < x->count; i++)
        if (target_item(x->keys[i])->value != x->values[i])
            fail("I3 %016llx: target %016llx, contract %016llx", (unsigned long long)x->keys[i],
                 (unsigned long long)target_item(x->keys[i])->value, (unsigned long long)x->values[i]);
    for (int i = 0; i < world->items_cap; i++)
        if (world->items[i].used && world->items[i].value && !expected_value(world->src.end, world->items[i].key))
            fail("I3 %016llx is left over", (unsigned long long)world->items[i].key);
    for (int t = 0; t < TABLES; t++)
        for (int i = 0; i < world->src.hist[world->src.end].t[t].count; i++) {
            const struct source *source = source_of(t);
            struct value *values = source_values(t, &world->src.hist[world->src.end].t[t].list[i], &arena);
            struct buf key defer(buf_deinit) = ROW_KEY_BUF;
            struct row row = {0};
            row_key_put(&key, source, values);
            rows++;
            bool same = row_read(world->e, buf_slice(&key), &arena, &row, &error) == 0 && row.values;
            for (size_t c = 0; same && c < source->column_count; c++)
                same = value_equal(&row.values[c], &values[c]);
            if (!same)
                fail("I3 the store's row of %s differs from the source's", source->name);
        }
    if (store_entries(world->e->store, DB_ROWS) != rows)
        fail("I3 the store has rows that the source has not");
    check_gauges();
}

/* ---- the run */

static void engine_step(void) {
    struct error error = {""};
    int y = below(1000);
    enum engine_life life = engine_life(world->e);
    if (world->cfg.crash && y < 12) {
        count_crash("step");
        crash(world->cfg.power && chance(400));
    } else if (world->cfg.crash && y < 16 && place_of(engine_applied(world->e)) >= 0) { /* an orderly end */
        if (came_back(engine_checkpoint(world->e, true, &error), &error, "engine_checkpoint")) {
            engine_free(world->e);
            world->e = NULL;
            world->up = false;
            orphan();
            world->recovering_until = world->src.end;
        }
    } else if (world->cfg.reset && y < 22) { /* everything is read again */
        totals.resets++;
        trace("RESET");
        came_back(engine_reset(world->e, &error), &error, "engine_reset");
    } else if (world->cfg.sweep && y < 26 && life == ENGINE_STREAMING) {
        totals.sweeps++;
        trace("SWEEP");
        world->snapshot_seen = true;
        if (engine_sweep(world->e, &error))
            fail("engine_sweep: %s", error.text);
    } else if (y < 80) {
        totals.checkpoints++;
        came_back(engine_checkpoint(world->e, false, &error), &error, "engine_checkpoint");
    } else if (life == ENGINE_EMPTY || life == ENGINE_LOADING) {
        snapshot_step();
    } else if (y < 100 && world->cfg.replay && place_of(engine_applied(world->e)) > 0) {
        replay();
    } else if (y < 600) {
        batch();
    } else {
        work();
        if (world->up)
            totals.max_outbox = MAX(totals.max_outbox, world->e->outbox_keys);
    }
    if (chance(300))
        check_acknowledged();
}

static void one_step(void) {
    struct source_sim *src = &world->src;
    int x = below(1000);
    world->now_us += 15000000;
    world->steps++;
    if (world->away > 0)
        world->away--;
    if (x < 200)
        source_transaction();
    else if (x < 270)
        src->visible += src->visible < src->end ? 1 + below(src->end - src->visible) : 0;
    else if (x < 320)
        src->executed += src->executed < src->visible ? 1 + below(src->visible - src->executed) : 0;
    else if (x < 520) {
        net_step();
        if (world->crashing) /* an answer found the disk full */
            crash(false);
    } else if (x < 540)
        late_step();
    else if (x < 550 && world->cfg.faults && chance(100))
        world->away = 60;
    else if (x < 560 && chance(300))
        world->now_us += (int64_t)below(900) * 1000000;
    else if (!world->up)
        (void)(chance(300) ? start() : (void)0);
    else
        engine_step();
}

static void drain(void) {
    struct engine_gauges g;
    trace("--- drain");
    world->noise = false;
    if (world->up && world->tiny)
        crash(false);
    world->src.visible = world->src.executed = world->src.end;
    for (int n = 0; n < 20000; n++) {
        world->now_us += 1000000;
        if (!world->up) {
            start();
            continue;
        }
        if (n % 3 == 0)
            late_step();
        if (engine_life(world->e) <= ENGINE_LOADING) {
            snapshot_step();
            continue;
        }
        if (batch())
            continue;
        work();
        while (net_step())
            ;
        check_acknowledged();
        engine_gauges(world->e, &g);
        if (g.outbox_keys || g.sweeping || g.in_flight || g.life != ENGINE_STREAMING || world->e->refusals ||
            store_entries(world->e->store, DB_REPLAY))
            continue;
        late_step();
        if (world->late_count == 0 && g.assertions == 0)
            return;
        world->now_us += 30000000;
    }
    engine_gauges(world->e, &g);
    fail("does not drain: outbox %d, flight %d, assertions %d, life %d, sweeping %d, applied %d of %d",
         (int)g.outbox_keys, (int)g.in_flight, (int)g.assertions, (int)g.life, g.sweeping,
         place_of(engine_applied(world->e)), world->src.end);
}

static void configure(void) {
    struct config *c = &world->cfg;
    c->image = below(4) == 0 ? 1 : below(3) == 0 ? 2 : 0;
    c->fk_logged = chance(600);
    c->fuzzy_rows = c->fk_logged; /* servers that do not log cascades are read in one view */
    c->crash = chance(600);
    c->power = chance(500);
    c->durable = c->power || chance(500);
    c->faults = chance(700);
    c->late = chance(400);
    c->inflight_late = chance(400);
    c->atomic = chance(800);
    c->gtid = chance(500);
    c->replay = chance(400);
    c->full = chance(100);
    c->reset = chance(100);
    c->sweep = chance(200);
    c->pre = (int[]){0, 15, 30}[below(3)];
    c->steps = (int[]){80, 200, 400, 800}[below(4)];
    c->room = chance(300) ? 3 + below(5) : 10 + below(40);
    c->watch = c->atomic && !c->crash && !c->faults && !c->late && !c->reset && !c->full;
    if (c->watch)
        c->room += 50; /* a group that the sender has no room for goes apart */
    engine_dirty_max = chance(300) ? (size_t)(1 + below(6)) : 100000;
    engine_items_max = chance(300) ? (size_t)below(20000) : 32 << 20;
    engine_transact_max = c->watch || chance(600) ? 100 : (size_t)(1 + below(5));
    world->timetravel = !c->late && !c->inflight_late;
}

static void remove_store(void) {
    static const char *const names[] = {"store.mdb", "journal", "lock"};
    char path[128];
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        snprintf(path, sizeof(path), "%s/%s", world->dir, names[i]);
        unlink(path);
    }
    rmdir(world->dir);
}

/* Returns false when an invariant was broken; *failure is the text. */
static bool run_seed(uint64_t seed, const struct contract *contract, bool tracing, char failure[512]) {
    struct world *w = world = xcalloc(1, sizeof(*world));
    *w = (struct world){.seed = seed,
                        .rng = seed * 7919 + 1,
                        .contract = contract,
                        .now_us = 1800000000000000,
                        .noise = true,
                        .trace = tracing};
    snprintf(w->dir, sizeof(w->dir), "/dev/shm/leat-sim-%d", (int)getpid());
    remove_store();
    volatile bool good = false;
    if (setjmp(failed) == 0) {
        configure();
        source_transaction();
        for (int i = 0; i < w->cfg.pre; i++)
            source_transaction();
        w->src.visible = w->src.executed = w->src.end;
        start();
        while (w->steps < w->cfg.steps)
            one_step();
        drain();
        check_rest();
        good = true;
    }
    if (!good && tracing && w->src.hist)
        expected_print(w->src.end, stderr);
    snprintf(failure, 512, "%s", w->failure);
    engine_free(w->e);
    remove_store();
    totals.seeds++;
    totals.steps += (uint64_t)w->steps;
    for (int i = 0; i < w->exp_cap; i++) {
        free(w->exp[i].keys);
        free(w->exp[i].values);
    }
    free(w->exp);
    source_deinit(&w->src);
    target_deinit();
    free(w);
    return good;
}

static struct contract *load(const char *path) {
    struct findings findings = {0};
    struct contract *contract = NULL;
    struct error error = {""};
    char *data;
    size_t len;
    int r = sys_read_file(path, 1 << 20, &data, &len, &error);
    if (!r)
        r = contract_load(&contract, path, (struct slice){data, len}, &shop_schema,
                          &(struct contract_options){.table_prefix = ""}, &findings, &error);
    if (r) {
        fprintf(stderr, "%s\n", error.text);
        exit(3);
    }
    findings_deinit(&findings);
    free(data);
    return contract;
}

static void report(void) {
    printf("%llu seeds, %llu steps, %llu transactions, %llu opens, %llu crashes (%llu power cuts) at",
           (unsigned long long)totals.seeds, (unsigned long long)totals.steps, (unsigned long long)totals.transactions,
           (unsigned long long)totals.opens, (unsigned long long)totals.crashes, (unsigned long long)totals.power_cuts);
    for (size_t i = 0; i < ARRAY_LEN(crash_names); i++)
        printf(" %s %llu", crash_names[i], (unsigned long long)totals.crash_at[i]);
    printf("\n%llu writes (%llu deletes, %llu transactions), %llu ambiguous, %llu late arrivals, %llu refused, %llu "
           "again; %llu snapshots, %llu resets, %llu sweeps, disk full %llu times, %llu rows read again, %llu replays, "
           "outbox at most %llu\n",
           (unsigned long long)totals.sent, (unsigned long long)totals.deletes, (unsigned long long)totals.transacts,
           (unsigned long long)totals.ambiguous, (unsigned long long)totals.late, (unsigned long long)totals.refused,
           (unsigned long long)totals.again, (unsigned long long)totals.snapshots, (unsigned long long)totals.resets,
           (unsigned long long)totals.sweeps, (unsigned long long)totals.full, (unsigned long long)totals.rereads,
           (unsigned long long)totals.replays, (unsigned long long)totals.max_outbox);
}

static int usage(void) {
    fprintf(stderr, "usage: leat-sim --contract FILE [--seeds A-B] [--mutant NAME] [--trace SEED]\nmutants:");
    for (int i = 1; i < MUTANT_COUNT; i++)
        fprintf(stderr, " %s", engine_mutant_names[i]);
    fputc('\n', stderr);
    return 2;
}

int main(int argc, char **argv) {
    const char *path = NULL, *mutant = NULL;
    unsigned long long from = 1, to = 100, traced = 0;
    for (int i = 1; i < argc; i += 2) {
        if (i + 1 >= argc)
            return usage();
        if (strcmp(argv[i], "--contract") == 0)
            path = argv[i + 1];
        else if (strcmp(argv[i], "--mutant") == 0)
            mutant = argv[i + 1];
        else if (strcmp(argv[i], "--trace") == 0)
            traced = strtoull(argv[i + 1], NULL, 10);
        else if (strcmp(argv[i], "--seeds") != 0 || sscanf(argv[i + 1], "%llu-%llu", &from, &to) != 2)
            return usage();
    }
    for (int i = 0; mutant && i < MUTANT_COUNT; i++)
        if (strcmp(mutant, engine_mutant_names[i]) == 0)
            engine_mutant = i;
    if (!path || (mutant && !engine_mutant))
        return usage();
    if (traced)
        from = to = traced;
    shop_init();
    struct contract *contract = load(path);
    sys = (struct sys){fake_now, fake_now, rnd, fake_sleep, fake_write, fake_sync};
    engine_crash = crash_here;
    unsigned failures = 0;
    for (unsigned long long seed = from; seed <= to; seed++) {
        char failure[512];
        if (run_seed(seed, contract, traced != 0, failure))
            continue;
        failures++;
        if (mutant) {
            printf("mutant %s found by seed %llu: %s\n", mutant, seed, failure);
            return 0;
        }
        printf("seed %llu: %s\n", seed, failure);
        if (failures >= 20)
            break;
    }
    contract_free(contract);
    report();
    if (mutant)
        printf("mutant %s was NOT found\n", mutant);
    return failures || mutant ? 1 : 0;
}
