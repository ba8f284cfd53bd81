/* Running aggregates against loops over the rows: random changes of a few rows in a few groups, by seed.
 *
 * Built a second time with the simulator's engine, whose keys are cut off early, and which has a mutant to be found. */
#include "contract/load.h"
#include "tests/lib/groups_check.h"
#include "tests/unit/shop_schema.h"
#include "tests/unit/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { PARENTS = 3, CHILDREN = 12, LABELS = 7, BIG_DIGITS = 65, LONG = 240 };

static const struct slice kinds[] = {{"pear", 4}, {"apple", 5}, {"fig", 3}};
static const struct column parents_columns[] = {INT_COLUMN("id", false), TEXT_COLUMN("code", false)};
static const struct column children_columns[] = {
    INT_COLUMN("id", false),
    TEXT_COLUMN("parent", true),
    {.name = "amount", .type = COLUMN_DECIMAL, .length = 10, .digits = 2, .nullable = true},
    TEXT_COLUMN("label", true),
    {.name = "kind", .type = COLUMN_ENUM, .labels = kinds, .label_count = ARRAY_LEN(kinds)},
    {.name = "day", .type = COLUMN_DATE, .nullable = true},
    INT_COLUMN("hidden", false),
    {.name = "big", .type = COLUMN_DECIMAL, .length = BIG_DIGITS, .nullable = true},
    INT_COLUMN("seen", false)};
static const struct table_key keys[] = {PRIMARY(1, 0)};
static const struct table tables[] = {{.database = "library",
                                       .name = "parents",
                                       .columns = parents_columns,
                                       .column_count = ARRAY_LEN(parents_columns),
                                       .keys = keys,
                                       .key_count = 1},
                                      {.database = "library",
                                       .name = "children",
                                       .columns = children_columns,
                                       .column_count = ARRAY_LEN(children_columns),
                                       .keys = keys,
                                       .key_count = 1}};
static const struct schema library = {"library", tables, ARRAY_LEN(tables)};

#define OVER "'target_table': 'children', 'join_condition': 'children.parent = parents.code'"
#define SUM_OF(name, kind, operation, column, more)                                                                    \
    "{'name': '" name "', 'type': '" kind "', 'calculation': {'type': 'aggregate', 'operation': '" operation           \
    "', 'select_column': '" column "', " OVER more "}}"
#define ITEMS(name, attributes)                                                                                        \
    "{'table': '" name "', 'pk': 'id', 'source_table': 'parents', 'attributes': [{'name': 'id', 'type': 'N', "         \
    "'source_column': 'id'}, " attributes "]}"
#define MIXED "CASE WHEN hidden = 0 THEN amount ELSE id END"

static const char contract_text[] =
    "[" ITEMS(
        "Groups",
        SUM_OF("n", "N", "COUNT", "*", "") "," SUM_OF("named", "N", "COUNT", "label", "") "," SUM_OF("sum", "S", "SUM", "amount", "") "," SUM_OF(
            "avg", "S", "AVG",
            "amount",
            "") "," SUM_OF("min", "S", "MIN", "amount",
                           "") "," SUM_OF("max", "S", "MAX", "amount",
                                          "") "," SUM_OF("first", "S", "MIN", "label",
                                                         "") "," SUM_OF("last", "S", "MAX", "label",
                                                                        "") "," SUM_OF("least", "S", "MIN", "kind",
                                                                                       "") "," SUM_OF("latest", "S",
                                                                                                      "MAX",
                                                                                                      "day", "") "," SUM_OF("shown",
                                                                                                                            "S", "SUM", "amount", ", 'filter': 'hidden = 0'") "," SUM_OF("mixed", "S", "SUM", MIXED, "") "," SUM_OF("mixed_min", "S", "MIN", MIXED, "") ","
                                                                                                                                                                                                                                                                        "{'name': 'any', 'type': 'BOOL', 'join': {'type': 'exists-check', " OVER ", 'filter': 'hidden = 1'}}") "," ITEMS("Totals",
                                                                                                                                                                                                                                                                                                                                                                                         SUM_OF(
                                                                                                                                                                                                                                                                                                                                                                                             "total",
                                                                                                                                                                                                                                                                                                                                                                                             "S", "SUM", "big", "")) "," ITEMS("Squares",
                                                                                                                                                                                                                                                                                                                                                                                                                               SUM_OF("squares", "S", "SUM",
                                                                                                                                                                                                                                                                                                                                                                                                                                      "big * big",
                                                                                                                                                                                                                                                                                                                                                                                                                                      ", 'filter': 'hidden = 0'")) "]";
enum { TARGETS = 3 };

/* ---- the world: rows as small numbers */

static const int64_t none = INT64_MIN; /* NULL */

struct child {
    bool there;
    int64_t parent, cents, label, kind, day, hidden, big, seen;
};
struct rows {
    struct child list[CHILDREN];
};

static struct world {
    uint64_t rng;
    char dir[64];
    const struct contract *contract;
    struct engine *engine;
    struct position at;
    struct rows rows;
    char *items[TARGETS][PARENTS]; /* JSON, or NULL */
    uint64_t tickets[64];
    size_t waiting;
} w;
static struct error error;
static char wrong[4000];

static int64_t below(int64_t n) { /* splitmix64 */
    uint64_t z = w.rng += 0x9E3779B97F4A7C15u;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
    z = (z ^ z >> 27) * 0x94D049BB133111EBu;
    return (int64_t)((z ^ z >> 31) % (uint64_t)n);
}

static char codes[PARENTS][300], labels[LABELS][300], nines[BIG_DIGITS + 2];

static void make_texts(void) {
    snprintf(codes[0], sizeof(codes[0]), "a");
    snprintf(codes[1], sizeof(codes[1]), "aa");
    memset(codes[2], 'a', 250);
    memset(labels[1], 'p', LONG);
    memset(labels[2], 'p', LONG);
    memset(labels[3], 'p', LONG);
    labels[2][LONG - 1] = 'q';
    labels[3][LONG - 1] = 'b';
    memset(labels[4], 'p', 213); /* as long as what is in order */
    snprintf(labels[5], sizeof(labels[5]), "\xC3\xA9");
    snprintf(labels[6], sizeof(labels[6]), "a");
    memset(nines, '9', BIG_DIGITS);
}

/* 1: 3, 2: 10^40, 3 and 4: 65 nines, and their negative */
static const char *big_text(int64_t big, char out[80]) {
    snprintf(out, 80, "%s%s", big == 4 ? "-" : "", big == 1 ? "3" : big == 2 ? "1" : nines);
    if (big == 2)
        snprintf(out, 80, "1%040d", 0);
    return out;
}

static void random_child(struct child *c) {
    *c = (struct child){.there = true,
                        .parent = below(8) ? below(PARENTS) : none,
                        .cents = below(6) ? below(20001) - 10000 : none,
                        .label = below(6) ? below(LABELS) : none,
                        .kind = 1 + below(ARRAY_LEN(kinds)),
                        .day = below(8) ? below(10) : none,
                        .hidden = below(2),
                        .big = below(4)   ? 1
                               : below(4) ? below(5)
                                          : none,
                        .seen = below(5)};
    if (c->big == 0)
        c->big = none;
}

static void vary(struct child *c) {
    struct child other;
    random_child(&other);
    int64_t *to[] = {&c->parent, &c->cents, &c->label, &c->kind, &c->day, &c->hidden, &c->big, &c->seen};
    const int64_t from[] = {other.parent, other.cents,  other.label, other.kind,
                            other.day,    other.hidden, other.big,   other.seen};
    for (int64_t n = 1 + below(3); n > 0; n--) {
        int64_t i = below(ARRAY_LEN(to));
        *to[i] = from[i];
    }
}

/* ---- values */

static struct arena texts;

static struct value of_text(enum value_kind kind, const char *s) {
    return (struct value){.kind = (uint8_t)kind, .len = (uint32_t)strlen(s), .data = arena_strdup(&texts, s)};
}

static void cents_text(__int128 cents, unsigned scale, char out[80]) {
    __int128 unit = 1, whole = cents < 0 ? -cents : cents;
    for (unsigned i = 0; i < scale; i++)
        unit *= 10;
    snprintf(out, 80, "%s%lld.%0*lld", cents < 0 ? "-" : "", (long long)(whole / unit), (int)scale,
             (long long)(whole % unit));
}

static void child_values(int64_t id, const struct child *c, struct value *v) {
    char out[80];
    for (size_t i = 0; i < ARRAY_LEN(children_columns); i++)
        v[i] = (struct value){.kind = VALUE_NULL};
    v[0] = (struct value){.kind = VALUE_INT, .i = id};
    if (c->parent != none)
        v[1] = of_text(VALUE_TEXT, codes[c->parent]);
    cents_text(c->cents, 2, out);
    if (c->cents != none) {
        v[2] = of_text(VALUE_DECIMAL, out);
        v[2].scale = 2;
    }
    if (c->label != none)
        v[3] = of_text(VALUE_TEXT, labels[c->label]);
    v[4] = (struct value){.kind = VALUE_ENUM,
                          .u = (uint64_t)c->kind,
                          .data = kinds[c->kind - 1].data,
                          .len = (uint32_t)kinds[c->kind - 1].len};
    if (c->day != none)
        v[5] = (struct value){
            .kind = VALUE_DATE, /* day 0: the zero date */
            .u = c->day ? value_pack_datetime(&(struct datetime){2026, 1, (unsigned)c->day, 0, 0, 0, 0}) : 0};
    v[6] = (struct value){.kind = VALUE_INT, .i = c->hidden};
    if (c->big != none)
        v[7] = of_text(VALUE_DECIMAL, big_text(c->big, out));
    v[8] = (struct value){.kind = VALUE_INT, .i = c->seen};
}

/* ---- what must be */

struct sums {
    int64_t rows, named, hidden, amounts, cents, shown, shown_cents, mixed_rows, mixed, least_mixed;
    int64_t min, max, day, kind, first, last;
    bool any_poison;
    int64_t squares, square_rows, bigs, big[5];
};

static void add_child(struct sums *s, int64_t id, const struct child *c) {
    int64_t mixed = c->hidden ? 100 * id : c->cents;
    s->rows++;
    s->hidden += c->hidden;
    if (c->cents != none) {
        s->min = s->amounts ? MIN(s->min, c->cents) : c->cents;
        s->max = s->amounts ? MAX(s->max, c->cents) : c->cents;
        s->amounts++;
        s->cents += c->cents;
        s->shown += !c->hidden;
        s->shown_cents += c->hidden ? 0 : c->cents;
    }
    if (mixed != none) {
        s->least_mixed = s->mixed_rows ? MIN(s->least_mixed, mixed) : mixed;
        s->mixed_rows++;
        s->mixed += mixed;
    }
    if (c->label != none) {
        if (!s->named || strcmp(labels[c->label], labels[s->first]) < 0)
            s->first = c->label;
        if (!s->named || strcmp(labels[c->label], labels[s->last]) > 0)
            s->last = c->label;
        s->named++;
    }
    if (s->rows == 1 || slice_compare(kinds[c->kind - 1], kinds[s->kind - 1]) < 0)
        s->kind = c->kind;
    if (c->day != none)
        s->day = MAX(s->day, c->day);
    if (c->big != none) {
        s->bigs++;
        s->big[c->big]++;
    }
    if (c->big != none && !c->hidden) {
        s->any_poison |= c->big > 1;
        s->square_rows++;
        s->squares += 9;
    }
}

/* False: of too many digits. */
static bool total_text(const struct sums *s, char out[80]) {
    int64_t digits[BIG_DIGITS + 2] = {
        [0] = 3 * s->big[1] - s->big[3] + s->big[4], [40] = s->big[2], [BIG_DIGITS] = s->big[3] - s->big[4]};
    bool negative = false;
    for (int i = BIG_DIGITS; i >= 0 && !negative; i--) {
        if (digits[i] > 0)
            break;
        negative = digits[i] < 0;
    }
    for (int i = 0; i <= BIG_DIGITS; i++)
        digits[i] = negative ? -digits[i] : digits[i];
    for (int i = 0; i <= BIG_DIGITS; i++) {
        int64_t carry = digits[i] >= 0 ? digits[i] / 10 : -((9 - digits[i]) / 10);
        digits[i] -= 10 * carry;
        digits[i + 1] += carry;
    }
    int top = BIG_DIGITS + 1;
    while (top > 0 && digits[top] == 0)
        top--;
    if (top >= BIG_DIGITS)
        return false;
    if (negative)
        *out++ = '-';
    for (int i = top; i >= 0; i--)
        *out++ = (char)('0' + digits[i]);
    *out = 0;
    return true;
}

static void put_cents(struct buf *out, const char *name, bool any, __int128 cents, unsigned scale) {
    char number[80];
    cents_text(cents, scale, number);
    if (any)
        buf_printf(out, ",\"%s\":\"%s\"", name, number);
}

/* False: no item. */
static bool expected(int target, int64_t parent, struct buf *out) {
    struct sums s = {0};
    char total[80];
    for (int64_t i = 0; i < CHILDREN; i++)
        if (w.rows.list[i].there && w.rows.list[i].parent == parent)
            add_child(&s, i, &w.rows.list[i]);
    buf_printf(out, "{\"id\":%lld", (long long)parent);
    if (target == 1 && !total_text(&s, total))
        return false;
    if (target == 1 && s.bigs)
        buf_printf(out, ",\"total\":\"%s\"", total);
    if (target == 2 && s.square_rows)
        buf_printf(out, ",\"squares\":\"%lld\"", (long long)s.squares);
    if (target) {
        buf_put_char(out, '}');
        return target == 1 || !s.any_poison;
    }
    buf_printf(out, ",\"n\":%lld,\"named\":%lld", (long long)s.rows, (long long)s.named);
    put_cents(out, "sum", s.amounts, s.cents, 2);
    __int128 wide = (__int128)s.cents * 20000, half = s.amounts ? s.amounts : 1; /* half away from zero */
    put_cents(out, "avg", s.amounts, (wide + (wide < 0 ? -half : half)) / (2 * half), 6);
    put_cents(out, "min", s.amounts, s.min, 2);
    put_cents(out, "max", s.amounts, s.max, 2);
    if (s.named)
        buf_printf(out, ",\"first\":\"%s\",\"last\":\"%s\"", labels[s.first], labels[s.last]);
    if (s.rows)
        buf_printf(out, ",\"least\":\"%s\"", kinds[s.kind - 1].data);
    if (s.day)
        buf_printf(out, ",\"latest\":\"2026-01-%02d\"", (int)s.day);
    put_cents(out, "shown", s.shown, s.shown_cents, 2);
    put_cents(out, "mixed", s.mixed_rows, s.mixed, 2);
    put_cents(out, "mixed_min", s.mixed_rows, s.least_mixed, 2);
    buf_printf(out, ",\"any\":%s}", s.hidden ? "true" : "false");
    return true;
}

/* ---- the engine */

static size_t room(void *context) {
    (void)context;
    return ARRAY_LEN(w.tickets) - w.waiting;
}

static int send_writes(void *context, const struct item_write *writes, size_t count, bool transact, struct error *e) {
    (void)context, (void)transact, (void)e;
    for (size_t i = 0; i < count; i++) {
        struct item_key key;
        struct buf json defer(buf_deinit) = BUF_INIT(1 << 20);
        if (!item_key_get(writes[i].key, &key))
            abort();
        char **item = &w.items[key.target][key.pk.data[0] - '0'];
        free(*item);
        *item = NULL;
        if (writes[i].item) {
            struct attr map = {
                .type = ATTR_M, .count = (uint32_t)writes[i].item->count, .members = writes[i].item->members};
            attr_put_json(&json, &map);
            *item = xstrdup(buf_text(&json));
        }
        w.tickets[w.waiting++] = writes[i].ticket;
    }
    return 0;
}

static int open_engine(void) {
    w.waiting = 0;
    return engine_open(&w.engine,
                       &(struct engine_options){.state_dir = w.dir,
                                                .contract = w.contract,
                                                .hooks = {NULL, room, send_writes},
                                                .atomic_key_change = true,
                                                .map_bytes = 64 << 20},
                       &error);
}

static int work(void) {
    int64_t wait_ms;
    for (int i = 0; i < 8; i++) {
        int r = engine_work(w.engine, &wait_ms, &error);
        while (!r && w.waiting) {
            struct outcome outcome = {.ticket = w.tickets[--w.waiting], .kind = OUTCOME_WRITTEN};
            r = engine_answer(w.engine, &outcome, &error);
        }
        if (r)
            return r;
    }
    return 0;
}

static int apply(int table, const struct value *before, const struct value *after) {
    int r;
    struct row_change c = {.kind = before && after ? ROW_UPDATE
                                   : before        ? ROW_DELETE
                                   : after         ? ROW_INSERT
                                                   : ROW_TRUNCATE,
                           .table = &tables[table],
                           .before = before,
                           .after = after,
                           .cascades_logged = true};
    c.handle = engine_map_table(w.engine, c.table, NULL, &r, &error);
    return c.handle ? engine_apply(w.engine, &c, &error) : r;
}

static int put_child(int64_t old_id, int64_t id, const struct child *before, const struct child *after) {
    struct value old[ARRAY_LEN(children_columns)], new[ARRAY_LEN(children_columns)];
    if (before)
        child_values(old_id, before, old);
    if (after)
        child_values(id, after, new);
    if (before)
        w.rows.list[old_id].there = false;
    if (after)
        w.rows.list[id] = *after;
    return apply(1, before ? old : NULL, after ? new : NULL);
}

static int change_some_child(void) {
    int64_t id = below(CHILDREN), to = below(4) ? id : below(CHILDREN);
    struct child old = w.rows.list[id], next = old;
    if (below(60) == 0) {
        memset(&w.rows, 0, sizeof(w.rows));
        return apply(1, NULL, NULL);
    }
    if (!old.there) {
        random_child(&next);
        return put_child(0, id, NULL, &next);
    }
    if (below(5) == 0)
        return put_child(id, 0, &old, NULL);
    if (to != id && w.rows.list[to].there)
        to = id;
    vary(&next);
    return put_child(id, to, &old, &next);
}

static int commit(void) {
    struct txn_end end = {.file = "binlog.000001", .offset = w.at.offset += 100, .commit_us = 1};
    int r = engine_commit(w.engine, &end, &error);
    if (!r)
        r = engine_batch_end(w.engine, &error);
    return r ? r : work();
}

/* Rows come with chunks, some twice and with other values, some again with the binlog from L to H, over images that never were. */
static int snapshot(void) {
    const struct source *children = contract_source(w.contract, "children"),
                        *parents = contract_source(w.contract, "parents");
    struct value v[ARRAY_LEN(children_columns)], kept[ARRAY_LEN(children_columns)];
    int r = engine_snapshot_begin(w.engine, &w.at, false, &error);
    for (int64_t i = 0; !r && i < PARENTS; i++) {
        const struct value row[] = {{.kind = VALUE_INT, .i = i}, of_text(VALUE_TEXT, codes[i])};
        r = engine_snapshot_row(w.engine, parents, row, &error);
    }
    for (int64_t n = below(20); !r && n > 0; n--) {
        int64_t id = below(CHILDREN);
        random_child(&w.rows.list[id]);
        child_values(id, &w.rows.list[id], v);
        for (size_t i = 0; i < children->column_count; i++)
            kept[i] = v[table_column(&tables[1], children->columns[i].name)];
        r = engine_snapshot_row(w.engine, children, kept, &error);
    }
    struct position high = w.at;
    high.offset += 300;
    if (!r)
        r = engine_snapshot_high(w.engine, &high, &error);
    for (int n = 0; !r && n < 3; n++) {
        int64_t id = below(CHILDREN);
        struct child before, after;
        random_child(&before);
        random_child(&after);
        r = put_child(id, id, below(2) ? &before : NULL, &after);
        if (!r)
            r = commit();
    }
    return r;
}

static void compare(void) {
    const char *groups = groups_check(w.engine, &error);
    if (groups)
        snprintf(wrong, sizeof(wrong), "%s", groups);
    for (int t = 0; t < TARGETS && engine_life(w.engine) == ENGINE_STREAMING; t++)
        for (int64_t p = 0; p < PARENTS; p++) {
            struct buf want defer(buf_deinit) = BUF_INIT(1 << 20);
            const char *is = w.items[t][p] ? w.items[t][p] : "(none)",
                       *must = expected(t, p, &want) ? buf_text(&want) : "(none)";
            if (strcmp(is, must) != 0)
                snprintf(wrong, sizeof(wrong), "table %d\nis   %.1800s\nmust %.1800s", t, is, must);
        }
}

/* Commits, and now and then the engine is lost since its last checkpoint. */
static int run(void) {
    struct rows durable;
    uint64_t durable_at;
    int r = open_engine();
    if (!r)
        r = snapshot();
    durable = w.rows;
    durable_at = w.at.offset;
    for (int n = 0; !r && !*wrong && n < 60; n++) {
        for (int64_t changes = 1 + below(4); !r && changes > 0; changes--)
            r = change_some_child();
        if (!r)
            r = commit();
        arena_reset(&texts);
        if (!r)
            compare();
        if (!r && below(6) == 0) {
            r = engine_checkpoint(w.engine, false, &error);
            durable = w.rows;
            durable_at = w.at.offset;
        }
        if (!r && below(10) == 0) {
            engine_free(w.engine);
            w.engine = NULL;
            w.rows = durable;
            w.at.offset = durable_at;
            r = open_engine();
        }
    }
    return r;
}

/* NULL when all is well. */
static const char *run_seed(const struct contract *contract, uint64_t seed) {
    static const char *const names[] = {"store.mdb", "journal", "lock"};
    char path[128];
    w = (struct world){.rng = seed, .contract = contract, .at = {.file = "binlog.000001", .offset = 4}};
    wrong[0] = 0;
    snprintf(w.dir, sizeof(w.dir), "/dev/shm/leat-test-groups-%d", (int)getpid());
    int r = run();
    if (r)
        snprintf(wrong, sizeof(wrong), "%s", error.text);
    engine_free(w.engine);
    arena_deinit(&texts);
    for (size_t i = 0; i < TARGETS * PARENTS; i++)
        free(w.items[i / PARENTS][i % PARENTS]);
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        snprintf(path, sizeof(path), "%s/%s", w.dir, names[i]);
        unlink(path);
    }
    rmdir(w.dir);
    return *wrong ? wrong : NULL;
}

static struct contract *load(void) {
    struct findings findings = {0};
    struct contract *contract = NULL;
    static char text[sizeof(contract_text)];
    for (size_t i = 0; i < sizeof(text); i++)
        text[i] = contract_text[i] == '\'' ? '"' : contract_text[i];
    if (contract_load(&contract, "c.json", (struct slice){text, sizeof(text) - 1}, &library,
                      &(struct contract_options){"library", ""}, &findings, &error))
        fail_msg("%s", error.text);
    findings_deinit(&findings);
    return contract;
}

static void test_random_changes(void **state) {
    struct contract *contract = load();
    (void)state;
    for (uint64_t seed = 1; seed <= 40; seed++) {
        const char *what = run_seed(contract, seed);
        if (what)
            fail_msg("seed %d: %s", (int)seed, what);
    }
    contract_free(contract);
}

#ifdef LEAT_MUTANTS
/* A row that moves to another group stays in its former one. */
static void test_mutant_is_found(void **state) {
    struct contract *contract = load();
    bool found = false;
    (void)state;
    engine_mutant = MUTANT_GROUPS;
    for (uint64_t seed = 1; !found && seed <= 10; seed++)
        found = run_seed(contract, seed) != NULL;
    engine_mutant = MUTANT_NONE;
    assert_true(found);
    contract_free(contract);
}
#endif

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random_changes),
#ifdef LEAT_MUTANTS
        cmocka_unit_test(test_mutant_is_found),
#endif
    };
    make_texts();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
