/* How many row changes a second the engine applies, evaluates, decides and sees acknowledged, with a target that only
 * says yes: engine_bench CONTRACT STATE_DIR ROWS CHANGES [BATCH [KEYS]] One batch is one transaction; 1,000 changes unless
 * said otherwise.
 *
 * ROWS is how many each of five tables has. KEYS, uniform or zipf (by rank with chances of 1 / rank ^ 0.99, scattered), is how changes find
 * theirs; without it a fan-out over all products follows. CPU seconds are this process's, user and system: it has one thread. */
#include "tests/sim/bench_shop.h"

#include "src/base/sys.h"

#include <math.h>
#include <stdarg.h>
#include <sys/resource.h>
#include <time.h>

static const struct contract *shop;
static uint64_t tickets[1 << 16];
static size_t waiting;
static struct engine *e;
static struct error error;

static void fail(const char *format, ...) {
    va_list args;
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
    exit(1);
}
static uint64_t rnd(void) { /* xorshift */
    static uint64_t state = 88172645463325252u;
    state ^= state << 13;
    state ^= state >> 7;
    return state ^= state << 17;
}
static int below(int n) {
    return (int)(rnd() % (uint64_t)n);
}
/* A number from 1 to `count` (Gray's formula, as in YCSB; the prime scatters the ranks). */
static struct {
    bool zipf;
    double zeta, eta;
} keys;
static const double theta = 0.99;

static void prepare_keys(long count) {
    for (long k = 1; k <= count; k++)
        keys.zeta += pow((double)k, -theta);
    keys.eta = (1 - pow(2.0 / (double)count, 1 - theta)) / (1 - (1 + pow(0.5, theta)) / keys.zeta);
}

static int64_t some_key(long count) {
    if (!keys.zipf)
        return 1 + (int64_t)(rnd() % (uint64_t)count);
    double u = (double)(rnd() >> 11) * 0x1p-53, scaled = u * keys.zeta;
    int64_t rank = (int64_t)((double)count * pow(keys.eta * u - keys.eta + 1, 1 / (1 - theta)));
    if (scaled < 1 + pow(0.5, theta))
        rank = scaled >= 1;
    return MIN(rank, count - 1) * 7368787 % count + 1;
}

static double cpu(void) {
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static size_t room(void *context) {
    (void)context;
    return ARRAY_LEN(tickets) - waiting;
}
static int take(void *context, const struct item_write *writes, size_t count, bool transact, struct error *ignored) {
    (void)context, (void)transact, (void)ignored;
    for (size_t i = 0; i < count; i++)
        tickets[waiting++] = writes[i].ticket;
    return 0;
}

static double now(void) { /* CPU seconds: the machine may be busy with other things */
    return (double)clock() / CLOCKS_PER_SEC;
}

static long anonymous_kb(void) {
    char line[200];
    long kb = 0;
    FILE *status = fopen("/proc/self/status", "r");
    while (status && fgets(line, sizeof(line), status))
        (void)!sscanf(line, "RssAnon: %ld", &kb);
    if (status)
        fclose(status);
    return kb;
}

static void must(int r) {
    if (r < 0)
        fail("%s", error.text);
}

static void answers(void) {
    struct outcome outcome = {.kind = OUTCOME_WRITTEN};
    for (size_t i = 0; i < waiting; i++) {
        outcome.ticket = tickets[i];
        must(engine_answer(e, &outcome, &error));
    }
    waiting = 0;
}

static void values_of(int t, int64_t id, struct arena *arena, struct value *values) {
    struct srow row = {{0}};
    for (int c = 0; c < table_columns(t); c++)
        row.c[c] = 1 + below(4);
    row.c[0] = id;
    if (t == USERS)
        row.c[1] = row.c[2] = id;
    if (t == PRODUCTS)
        row.c[2] = 1; /* all in one category: fan_out() */
    if (t == ORDERS || t == CART_ITEMS)
        row.c[1] = id % 997 + 1;
    if (t == ORDERS)
        row.c[4] = 1;
    if (t == ORDER_ITEMS) {
        row.c[1] = id / 3 + 1;
        row.c[2] = id % 991 + 1;
    }
    for (int c = 0; c < table_columns(t); c++)
        to_value(t, c, row.c[c], arena, &values[c]);
}

static void load(int t, int64_t rows) {
    const struct source *source = contract_source(shop, shop_schema.tables[t].name);
    struct arena arena defer(arena_deinit) = {0};
    for (int64_t id = 1; id <= rows; id++) {
        struct value all[COLUMNS_MAX], values[COLUMNS_MAX];
        values_of(t, id, &arena, all);
        for (size_t i = 0; i < source->column_count; i++)
            values[i] = all[table_column(&shop_schema.tables[t], source->columns[i].name)];
        must(engine_snapshot_row(e, source, values, &error));
        if (id % 1000 == 0)
            arena_reset(&arena);
        if (id % 50000 == 0) /* as the program does while it reads */
            must(engine_checkpoint(e, false, &error));
    }
}

static void one_change(long rows, struct arena *arena) {
    static const int kinds[] = {ORDERS, ORDERS, ORDER_ITEMS, CART_ITEMS, ORDER_ITEMS, ORDERS, PRODUCTS};
    struct value before[COLUMNS_MAX], after[COLUMNS_MAX];
    int t = kinds[below(below(40) ? 6 : 7)], r;
    struct row_change change = {
        .kind = ROW_UPDATE, .cascades_logged = true, .table = &shop_schema.tables[t], .before = before, .after = after};
    change.handle = engine_map_table(e, change.table, NULL, &r, &error);
    values_of(t, some_key(rows), arena, after);
    memcpy(before, after, sizeof(before));
    for (int c = key_count(t); c < table_columns(t); c++)
        before[c].kind = VALUE_UNKNOWN;
    must(engine_apply(e, &change, &error));
}

static void commit(long n, struct position *p) {
    p->offset += 100;
    struct txn_end end = {.file = "binlog.000001", .offset = p->offset, .commit_us = n};
    must(engine_commit(e, &end, &error));
}

static uint64_t work(void) {
    int64_t wait_ms;
    must(engine_work(e, &wait_ms, &error));
    uint64_t sent = waiting;
    answers();
    return sent;
}

/* The category of all products gets another name; beside it orders go on changing. */
static void fan_out(long rows, struct position *p) {
    struct arena arena defer(arena_deinit) = {0};
    struct value before[COLUMNS_MAX], after[COLUMNS_MAX];
    int r;
    struct row_change change = {.kind = ROW_UPDATE,
                                .cascades_logged = true,
                                .table = &shop_schema.tables[CATEGORIES],
                                .before = before,
                                .after = after};
    change.handle = engine_map_table(e, change.table, NULL, &r, &error);
    values_of(CATEGORIES, 1, &arena, before);
    memcpy(after, before, sizeof(before));
    after[1] = (struct value){.kind = VALUE_TEXT, .data = "renamed", .len = 7};
    must(engine_checkpoint(e, false, &error));
    double t0 = now(), longest;
    must(engine_apply(e, &change, &error));
    commit(1, p);
    must(engine_batch_end(e, &error));
    uint64_t items = waiting;
    longest = now() - t0;
    printf("fan-out: batch ended after %.2f s, %ld MB anonymous\n", longest, anonymous_kb() / 1024);
    long most_kb = 0;
    answers();
    while (e->fan.oldest || e->outbox_keys) {
        double t = now();
        one_change(rows, &arena);
        arena_reset(&arena);
        commit(1, p);
        must(engine_batch_end(e, &error));
        items += waiting;
        answers();
        longest = MAX(longest, now() - t);
        items += work();
        most_kb = MAX(most_kb, anonymous_kb());
    }
    double t1 = now();
    printf("fan-out: %llu items in %.2f s, %.0f a second; the applied position stood still for at most %.3f s; at most "
           "%ld MB anonymous\n",
           (unsigned long long)items, t1 - t0, (double)items / (t1 - t0), longest, most_kb / 1024);
}

int main(int argc, char **argv) {
    if (argc < 5 || argc > 7) {
        fprintf(stderr, "usage: engine_bench CONTRACT STATE_DIR ROWS CHANGES [BATCH [uniform|zipf]]\n");
        return 2;
    }
    long rows = strtol(argv[3], NULL, 10), changes = strtol(argv[4], NULL, 10),
         batch = argc > 5 ? strtol(argv[5], NULL, 10) : 1000;
    keys.zipf = argc > 6 && strcmp(argv[6], "zipf") == 0;
    prepare_keys(rows);
    struct findings findings = {0};
    struct contract *contract;
    char *data;
    size_t len;
    shop_init();
    must(sys_read_file(argv[1], 1 << 20, &data, &len, &error));
    must(contract_load(&contract, argv[1], (struct slice){data, len}, &shop_schema,
                       &(struct contract_options){.table_prefix = ""}, &findings, &error));
    shop = contract;
    struct engine_options o = {.state_dir = argv[2],
                               .contract = contract,
                               .hooks = {NULL, room, take},
                               .durable_journal = true,
                               .atomic_key_change = true};
    must(engine_open(&e, &o, &error));
    struct position p = {.file = "binlog.000001", .offset = 4, .commit_us = 1};
    double t0 = now();
    must(engine_snapshot_begin(e, &p, false, &error));
    for (int t = 0; t < TABLES; t++)
        load(t, t == CATEGORIES ? 1000 : rows);
    must(engine_snapshot_high(e, &p, &error));
    double t1 = now();
    printf("snapshot: %ld rows in %.2f s, %.0f a second, store %.1f MB, %ld MB anonymous\n", rows * 5 + 1000, t1 - t0,
           (double)(rows * 5 + 1000) / (t1 - t0), (double)store_bytes(e->store) / 1e6, anonymous_kb() / 1024);
    uint64_t items = 0;
    do
        items += work();
    while (e->sweeping || e->outbox_keys);
    double t2 = now(), cpu2 = cpu();
    long most_kb = 0;
    printf("sweep: %llu items in %.2f s, %.0f a second, %ld MB anonymous\n", (unsigned long long)items, t2 - t1,
           (double)items / (t2 - t1), anonymous_kb() / 1024);
    struct arena arena defer(arena_deinit) = {0};
    items = 0;
    for (long n = 1; n <= changes; n++) {
        one_change(rows, &arena);
        if (n % 1000 == 0)
            arena_reset(&arena);
        if (n % batch && n != changes)
            continue;
        commit(n, &p);
        must(engine_batch_end(e, &error));
        items += waiting;
        answers();
        do
            items += work();
        while (batch > 10000 && e->outbox_keys);
        most_kb = MAX(most_kb, anonymous_kb());
    }
    double t3 = now(), cpu3 = cpu();
    printf("stream: %ld changes in %.2f s, %.0f a second; %llu items, %llu suppressed, %llu checkpoints\n", changes,
           t3 - t2, (double)changes / (t3 - t2), (unsigned long long)items, (unsigned long long)e->suppressed,
           (unsigned long long)e->checkpoints);
    printf("stream: %.2f CPU seconds per million changes, at most %ld MB anonymous\n",
           (cpu3 - cpu2) / (double)changes * 1e6, most_kb / 1024);
    if (argc <= 6)
        fan_out(rows, &p);
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    char line[200] = "";
    FILE *status = fopen("/proc/self/status", "r");
    while (status && fgets(line, sizeof(line), status))
        if (strncmp(line, "RssAnon", 7) == 0)
            fputs(line, stdout);
    if (status)
        fclose(status);
    printf("memory: at most %ld MB resident\n", usage.ru_maxrss / 1024);
    engine_free(e);
    contract_free(contract);
    findings_deinit(&findings);
    free(data);
    return 0;
}
