/* leat-sim [--seeds A-B] [--mutant NAME] [--trace SEED] [--transactions N] [--schedule K] [--plain HEX]: see world.h.
 *
 * With --mutant the run succeeds when the broken rule is found within the seeds. Without, it fails when an invariant is broken, or when
 * the seeds met too little of what they are for. A failing seed is made small: the fewest transactions of the source with which some
 * schedule of the rest still fails, then the plainest attributes. */
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

_Noreturn void fail(const char *format, ...) {
    va_list args;
    va_start(args, format);
    vsnprintf(world->failure, sizeof(world->failure), format, args);
    va_end(args);
    trace("!!! %s", world->failure);
    longjmp(failed, 1);
}

/* ---- chance and time */

uint64_t rnd(void) { /* splitmix64 */
    uint64_t z = world->rng[world->stream] += 0x9E3779B97F4A7C15u;
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

/* ---- the run */

static void engine_step(void) {
    struct error error = {""};
    int y = below(1000);
    enum engine_life life = engine_life(world->e);
    if (world->cfg.crash && y < (world->e->sweeping ? 40 : 12)) { /* what follows a snapshot is the hardest */
        crash_at("step");
    } else if (world->cfg.crash && y < 16 && place_of(engine_applied(world->e)) >= 0) {
        stop_in_order();
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
    } else if (y < 200 && load_step()) {
        return; /* beside the stream */
    } else if (y < 100 && world->cfg.replay && place_of(engine_applied(world->e)) > 0) {
        replay();
    } else if (y < 600) {
        batch();
    } else {
        work();
        if (world->up)
            totals.max_outbox = MAX(totals.max_outbox, world->e->outbox_keys);
        totals.fan_waits += world->up && world->e->fan.oldest;
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
        if (batch() || load_step())
            continue;
        work();
        while (net_step())
            ;
        check_acknowledged();
        engine_gauges(world->e, &g);
        if (g.outbox_keys || g.sweeping || g.loading || g.in_flight || g.life != ENGINE_STREAMING ||
            world->e->refusals || store_entries(world->e->store, DB_REPLAY) || g.fan_outs)
            continue;
        late_step();
        if (world->late_count == 0 && g.assertions == 0)
            return;
        world->now_us += 30000000;
    }
    engine_gauges(world->e, &g);
    fail("does not drain: outbox %d, flight %d, assertions %d, life %d, sweeping %d, loading %d, refusals %d, fans %d, "
         "replay %d, applied %d of %d",
         (int)g.outbox_keys, (int)g.in_flight, (int)g.assertions, (int)g.life, g.sweeping, g.loading,
         world->e->refusals != NULL, (int)g.fan_outs, (int)store_entries(world->e->store, DB_REPLAY),
         place_of(engine_applied(world->e)), world->src.end);
}

static void configure(void) {
    struct config *c = &world->cfg;
    c->image = chance(300) ? (chance(600) ? IMAGE_MINIMAL : IMAGE_NOBLOB) : IMAGE_FULL;
    c->mixed_images = chance(250);
    c->xa = chance(400);
    c->change = chance(150);
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
    c->watch = c->atomic && !c->change && !c->crash && !c->faults && !c->late && !c->reset && !c->full;
    if (c->watch)
        c->room += 50; /* a group that the sender has no room for goes apart */
    engine_dirty_max = chance(300) ? (size_t)(1 + below(6)) : 100000;
    engine_items_max = chance(300) ? (size_t)below(20000) : 32 << 20;
    engine_fan_max = chance(500) ? (size_t)below(4) : 100000;
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

struct run { /* what to run, and why it failed */
    uint64_t seed;
    int transactions_max;
    uint64_t schedule, plain;
    bool trace, print;
    char failure[512];
};

void make_contract(void) {
    struct world *w = world;
    struct findings findings = {0};
    struct error error = {""};
    struct buf json defer(buf_deinit) = BUF_INIT(1 << 20);
    model_contract(&w->model, &json);
    contract_free(w->contract);
    w->contract = NULL;
    int r = contract_load(&w->contract, "contract", buf_slice(&json), w->schema,
                          &(struct contract_options){.table_prefix = ""}, &findings, &error);
    findings_deinit(&findings);
    if (r)
        fail("the compiler refuses: %s", error.text);
}

static void first_contract(struct world *w, uint64_t plain) {
    w->stream = MODEL;
    model_make(&w->full);
    w->stream = SCHEDULE;
    w->schema = model_schema(&w->full);
    w->plain = plain;
    w->model = w->full;
    model_make_plain(&w->model, plain | (w->cfg.change ? rnd() : 0)); /* later ones need more */
    make_contract();
}

static void live(void) {
    source_transaction();
    for (int i = 0; i < world->cfg.pre; i++)
        source_transaction();
    world->src.visible = world->src.executed = world->src.end;
    start();
    while (world->steps < world->cfg.steps)
        one_step();
    drain();
    check_rest();
    count_history();
}

static void print_world(struct world *w) {
    struct buf json defer(buf_deinit) = BUF_INIT(1 << 20);
    model_contract(&w->model, &json);
    printf("contract:\n%s\n", buf_text(&json));
    source_print(stdout);
    puts("items at the end:");
    expected_print(w->src.end, stdout);
}

static void world_free(struct world *w) {
    engine_free(w->e);
    remove_store();
    expected_deinit();
    source_deinit(&w->src);
    target_deinit();
    contract_free(w->contract);
    arena_deinit(&w->full.arena);
    free(w);
}

/* False when an invariant was broken. */
static bool run_seed(struct run *run) {
    struct world *w = world = xcalloc(1, sizeof(*world));
    *w = (struct world){
        .seed = run->seed,
        .rng = {run->seed * 7919 + 1, run->seed * 104729 + 2, (run->seed + (run->schedule << 40)) * 31 + 3},
        .stream = SCHEDULE,
        .now_us = 1800000000000000,
        .noise = true,
        .transactions_max = run->transactions_max,
        .trace = run->trace};
    snprintf(w->dir, sizeof(w->dir), "/dev/shm/leat-sim-%d", (int)getpid());
    remove_store();
    source_init(&w->src);
    volatile bool good = false;
    if (setjmp(failed) == 0) {
        configure();
        first_contract(w, run->plain);
        live();
        good = true;
    }
    memcpy(run->failure, w->failure, sizeof(run->failure));
    if (run->print)
        print_world(w);
    totals.seeds++;
    totals.steps += (uint64_t)w->steps;
    world_free(w);
    return good;
}

/* ---- a failing seed */

/* The fewest transactions with which some schedule still fails. */
static void cut_transactions(struct run *run) {
    enum { SCHEDULES = 20, TRANSACTIONS = 60 };
    const struct run found = *run;
    for (run->transactions_max = 1; run->transactions_max < TRANSACTIONS; run->transactions_max++)
        for (uint64_t k = 0; k < SCHEDULES; k++) {
            run->schedule = found.schedule + k;
            if (!run_seed(run))
                return;
        }
    *run = found;
}

/* Attributes without which it fails become plain columns. */
static void cut_contract(struct run *run) {
    for (int i = 0; i < ENTITIES_MAX * ATTRIBUTES_MAX; i++) {
        struct run less = *run;
        if (i % ATTRIBUTES_MAX == 0)
            continue; /* who */
        less.plain |= (uint64_t)1 << i;
        if (!run_seed(&less))
            *run = less;
    }
}

static void make_small(const struct run *found) {
    struct run run = *found;
    const struct totals kept = totals;
    printf("seed %llu: %s\n", (unsigned long long)found->seed, found->failure);
    cut_transactions(&run);
    cut_contract(&run);
    run.print = true;
    (void)run_seed(&run);
    printf("made small: --trace %llu --transactions %d --schedule %llu --plain %llx: %s\n",
           (unsigned long long)run.seed, run.transactions_max, (unsigned long long)run.schedule,
           (unsigned long long)run.plain, run.failure);
    totals = kept;
}

/* ---- what the seeds met */

static const struct {
    const char *name;
    const uint64_t *count;
    uint64_t least; /* in 1,000 seeds */
} counts[] = {
#define COUNT(name, least) {#name, &totals.name, least}
    COUNT(transactions, 30000),
    COUNT(key_moves, 6000),
    COUNT(swaps, 300),
    COUNT(chains, 100),
    COUNT(conflicts, 13000),
    COUNT(holder_changes, 4000),
    COUNT(unkeyed, 35000),
    COUNT(poison, 3000),
    COUNT(target_refusals, 500),
    COUNT(fan_outs, 1500),
    COUNT(fan_waits, 1000),
    COUNT(cascades, 900),
    COUNT(partial_images, 18000),
    COUNT(truncates, 400),
    COUNT(fk_off, 2500),
    COUNT(contract_changes, 50),
    COUNT(changes_refused, 10),
    COUNT(loaded_chunks, 20),
    COUNT(prepared, 1400),
    COUNT(xa_commits, 1000),
    COUNT(xa_rollbacks, 350),
    COUNT(xa_waits, 300),
    COUNT(xa_skipped, 8),
    COUNT(snapshots, 1000),
    COUNT(resets, 30),
    COUNT(sweeps, 200),
    COUNT(replays, 500),
    COUNT(rereads, 300),
    COUNT(opens, 2500),
    COUNT(power_cuts, 400),
    COUNT(full, 10),
    COUNT(sent, 40000),
    COUNT(deletes, 18000),
    COUNT(transacts, 2500),
    COUNT(ambiguous, 5000),
    COUNT(late, 800),
    COUNT(refused, 50),
    COUNT(again, 140),
#undef COUNT
};
enum { CRASHES_LEAST = 50, ATTRIBUTES_LEAST = 600, SEEDS_THAT_TELL = 250 };

static bool is_low(const char *name, uint64_t count, uint64_t least) {
    printf(" %s %llu", name, (unsigned long long)count);
    if (totals.seeds < SEEDS_THAT_TELL || count * 1000 >= least * totals.seeds)
        return false;
    printf(" (TOO FEW)");
    return true;
}

/* True when some count is too low. */
static bool report(void) {
    static const char *const kinds[ATTRIBUTE_KINDS] = {"column",      "lookup",    "conditional", "chain",
                                                       "polymorphic", "case",      "template",    "exists",
                                                       "list",        "aggregate", "array",       "object"};
    bool low = false;
    printf("%llu seeds, %llu steps;", (unsigned long long)totals.seeds, (unsigned long long)totals.steps);
    for (size_t i = 0; i < ARRAY_LEN(counts); i++)
        low |= is_low(counts[i].name, *counts[i].count, counts[i].least);
    printf("\ncrashes at:");
    for (size_t i = 0; i < ARRAY_LEN(crash_names); i++)
        low |= is_low(crash_names[i], totals.crash_at[i], CRASHES_LEAST);
    printf("\nattributes:");
    for (size_t i = 0; i < ATTRIBUTE_KINDS; i++)
        low |= is_low(kinds[i], totals.attributes[i], ATTRIBUTES_LEAST);
    printf("\noutbox at most %llu\n", (unsigned long long)totals.max_outbox);
    return low;
}

static int usage(void) {
    fprintf(stderr, "usage: leat-sim [--seeds A-B] [--mutant NAME] [--trace SEED [--transactions N] [--schedule K] "
                    "[--plain HEX]]\nmutants:");
    for (int i = 1; i < MUTANT_COUNT; i++)
        fprintf(stderr, " %s", engine_mutant_names[i]);
    fputc('\n', stderr);
    return 2;
}

struct arguments {
    unsigned long long from, to, traced, transactions, schedule, plain;
    const char *mutant;
};

static bool read_arguments(struct arguments *a, int argc, char **argv) {
    *a = (struct arguments){.from = 1, .to = 100};
    for (int i = 1; i < argc; i += 2) {
        const char *value = i + 1 < argc ? argv[i + 1] : "";
        if (strcmp(argv[i], "--mutant") == 0)
            a->mutant = value;
        else if (strcmp(argv[i], "--trace") == 0)
            a->traced = strtoull(value, NULL, 10);
        else if (strcmp(argv[i], "--transactions") == 0)
            a->transactions = strtoull(value, NULL, 10);
        else if (strcmp(argv[i], "--schedule") == 0)
            a->schedule = strtoull(value, NULL, 10);
        else if (strcmp(argv[i], "--plain") == 0)
            a->plain = strtoull(value, NULL, 16);
        else if (strcmp(argv[i], "--seeds") != 0 || sscanf(value, "%llu-%llu", &a->from, &a->to) != 2)
            return false;
    }
    for (int i = 0; a->mutant && i < MUTANT_COUNT; i++)
        if (strcmp(a->mutant, engine_mutant_names[i]) == 0)
            engine_mutant = i;
    if (a->traced)
        a->from = a->to = a->traced;
    return !a->mutant || engine_mutant;
}

int main(int argc, char **argv) {
    struct arguments a;
    if (!read_arguments(&a, argc, argv))
        return usage();
    sys = (struct sys){fake_now, fake_now, rnd, fake_sleep, fake_write, fake_sync};
    engine_crash = crash_here;
    unsigned failures = 0;
    for (unsigned long long seed = a.from; seed <= a.to && failures < 3; seed++) {
        struct run run = {.seed = seed,
                          .transactions_max = (int)a.transactions,
                          .schedule = a.schedule,
                          .plain = a.plain,
                          .trace = a.traced != 0,
                          .print = a.traced != 0};
        if (run_seed(&run))
            continue;
        failures++;
        if (a.mutant) {
            printf("mutant %s found by seed %llu: %s\n", a.mutant, seed, run.failure);
            return 0;
        }
        if (a.traced)
            printf("seed %llu: %s\n", seed, run.failure);
        else
            make_small(&run);
    }
    bool low = report();
    if (a.mutant)
        printf("mutant %s was NOT found\n", a.mutant);
    return failures || a.mutant || (low && !a.traced) ? 1 : 0;
}
