/* XA [S12]: what is kept of prepared transactions in the store: bytes come back as they were put, across restarts and crashes; the count
 * and the oldest follow. */
#include "contract/load.h"
#include "src/base/sys.h"
#include "tests/unit/shop_schema.h"
#include "tests/unit/test.h"
#include "transform/engine.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static const struct column columns[] = {INT_COLUMN("id", false)};
static const struct table_key keys[] = {PRIMARY(1, 0)};
static const struct table tables[] = {
    {.database = "d", .name = "t", .columns = columns, .column_count = 1, .keys = keys, .key_count = 1}};
static const struct schema schema = {"d", tables, ARRAY_LEN(tables)};
static const char contract_text[] = "[{\"table\": \"Things\", \"pk\": \"id\", \"source_table\": \"t\", \"attributes\": "
                                    "[{\"name\": \"id\", \"type\": \"N\", \"source_column\": \"id\"}]}]";

struct fixture {
    char dir[64];
    struct contract *contract;
    struct engine *engine;
    uint64_t offset;
};
static struct error error;

static size_t room(void *context) {
    (void)context;
    return 0;
}

static int send_nothing(void *context, const struct item_write *writes, size_t count, bool transact, struct error *e) {
    (void)context, (void)writes, (void)count, (void)transact, (void)e;
    fail_msg("there are no rows");
    return 0;
}

static void ok(int r) {
    if (r)
        fail_msg("%d: %s", r, error.text);
}

/* Again, as after a crash, or with a checkpoint before. */
static void reopen(struct fixture *f, bool checkpoint) {
    if (checkpoint)
        ok(engine_checkpoint(f->engine, false, &error));
    engine_free(f->engine);
    f->engine = NULL;
    struct engine_options o = {
        .state_dir = f->dir, .contract = f->contract, .hooks = {f, room, send_nothing}, .map_bytes = 256 << 20};
    ok(engine_open(&f->engine, &o, &error));
}

static int setup(void **state) {
    struct fixture *f = xcalloc(1, sizeof(*f));
    struct findings findings = {0};
    struct position at = {.file = "binlog.000001", .offset = 4};
    *state = f;
    ok(contract_load(&f->contract, "c.json", SLICE(contract_text), &schema, &(struct contract_options){"d", ""},
                     &findings, &error));
    findings_deinit(&findings);
    snprintf(f->dir, sizeof(f->dir), "/tmp/leat-test-prepared-XXXXXX");
    assert_non_null(mkdtemp(f->dir));
    reopen(f, false);
    ok(engine_snapshot_begin(f->engine, &at, false, &error));
    ok(engine_snapshot_high(f->engine, &at, &error));
    ok(engine_checkpoint(f->engine, false, &error));
    f->offset = 4;
    return 0;
}

static int teardown(void **state) {
    struct fixture *f = *state;
    static const char *const names[] = {"store.mdb", "journal", "lock"};
    char path[128];
    engine_free(f->engine);
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        snprintf(path, sizeof(path), "%s/%s", f->dir, names[i]);
        unlink(path);
    }
    rmdir(f->dir);
    contract_free(f->contract);
    free(f);
    return 0;
}

/* The transaction's end: its bytes become durable with it. */
static void commit(struct fixture *f) {
    struct txn_end end = {.file = "binlog.000001", .offset = f->offset += 100, .commit_us = 1};
    ok(engine_commit(f->engine, &end, &error));
    ok(engine_batch_end(f->engine, &error));
}

static void keep(struct fixture *f, const char *xid, struct slice bytes, int64_t since_us) {
    ok(engine_prepared_begin(f->engine, slice_of(xid), &error));
    ok(engine_prepared_put(f->engine, bytes, &error));
    ok(engine_prepared_end(f->engine, since_us, &error));
    commit(f);
}

/* All that is kept under the name, in the order of its parts; the number of them. */
static uint32_t take(struct fixture *f, const char *xid, struct buf *out) {
    struct slice bytes;
    uint32_t part = 0;
    int r;
    buf_clear(out);
    while ((r = engine_prepared_get(f->engine, slice_of(xid), part, &bytes, &error)) == 0) {
        buf_put_slice(out, bytes);
        part++;
    }
    assert_int_equal(r, 1);
    return part;
}

static void must_hold(struct fixture *f, const char *xid, struct slice bytes) {
    struct buf out defer(buf_deinit) = BUF_INIT(64 << 20);
    ok(engine_prepared_known(f->engine, slice_of(xid), &error));
    take(f, xid, &out);
    assert_int_equal(out.len, bytes.len);
    if (bytes.len)
        assert_memory_equal(out.data, bytes.data, bytes.len);
}

static void must_not_know(struct fixture *f, const char *xid) {
    struct buf out defer(buf_deinit) = BUF_INIT(64 << 20);
    assert_int_equal(engine_prepared_known(f->engine, slice_of(xid), &error), 1);
    assert_int_equal(take(f, xid, &out), 0);
}

static void must_count(struct fixture *f, uint64_t count, int64_t since_us) {
    struct engine_gauges g;
    engine_gauges(f->engine, &g);
    assert_int_equal(g.prepared, count);
    assert_int_equal(g.prepared_since_us, since_us);
}

/* Several, one of nothing, one replaced; the oldest goes; then none is left. */
static void test_kept_and_taken(void **state) {
    struct fixture *f = *state;
    must_count(f, 0, 0);
    must_not_know(f, "1a");
    keep(f, "1a", SLICE("first"), 300);
    keep(f, "1b", SLICE(""), 100);
    keep(f, "2\xff\xff", SLICE("third"), 200);
    must_count(f, 3, 100);
    for (int i = 0; i < 2; i++) {
        must_hold(f, "1a", SLICE("first"));
        must_hold(f, "1b", SLICE(""));
        must_hold(f, "2\xff\xff", SLICE("third"));
        must_not_know(f, "1c");
        reopen(f, true);
        must_count(f, 3, 100);
    }
    keep(f, "1a", SLICE("another"), 400); /* the same name once more */
    must_hold(f, "1a", SLICE("another"));
    must_count(f, 3, 100);
    ok(engine_prepared_drop(f->engine, SLICE("1b"), &error));
    must_not_know(f, "1b");
    must_count(f, 2, 200);
    ok(engine_prepared_drop(f->engine, SLICE("1b"), &error)); /* it is not there */
    ok(engine_prepared_drop(f->engine, SLICE("2\xff\xff"), &error));
    must_count(f, 1, 400);
    ok(engine_prepared_drop(f->engine, SLICE("1a"), &error));
    must_count(f, 0, 0);
    commit(f);
    reopen(f, true);
    must_count(f, 0, 0);
    must_not_know(f, "1a");
}

/* What no checkpoint has seen is gone: what was kept, and what was dropped is there again. */
static void test_crashes(void **state) {
    struct fixture *f = *state;
    keep(f, "1a", SLICE("kept"), 5);
    reopen(f, true);
    keep(f, "1b", SLICE("lost"), 3);
    ok(engine_prepared_drop(f->engine, SLICE("1a"), &error));
    must_count(f, 1, 3);
    int64_t wait_ms;
    ok(engine_work(f->engine, &wait_ms, &error)); /* its end has not come: nothing may become durable */
    assert_int_equal(engine_checkpoint(f->engine, false, &error), ERR_BUG);
    reopen(f, false);
    must_count(f, 1, 5);
    must_hold(f, "1a", SLICE("kept"));
    must_not_know(f, "1b");
}

/* Over 8 MiB and over many calls: it makes checkpoints on its way. A crash in the middle leaves parts without a head, which do not count
 * and do not show in the next attempt, also when that is shorter. */
static void test_large(void **state) {
    enum { PIECE = 3000000, PIECES = 7 };
    struct fixture *f = *state;
    struct buf all defer(buf_deinit) = BUF_INIT(64 << 20);
    struct buf left defer(buf_deinit) = BUF_INIT(64 << 20);
    uint32_t random = 7;
    while (all.len < (size_t)PIECE * PIECES) {
        random = random * 1664525 + 1013904223;
        buf_put_le32(&all, random);
    }
    struct engine_gauges g;
    engine_gauges(f->engine, &g);
    uint64_t checkpoints = g.checkpoints;
    for (int attempt = 0; attempt < 2; attempt++) {
        ok(engine_prepared_begin(f->engine, SLICE("big"), &error));
        for (size_t i = 0; i < PIECES; i++) {
            ok(engine_prepared_put(f->engine, (struct slice){all.data + i * PIECE, PIECE}, &error));
            assert_int_equal(engine_prepared_known(f->engine, SLICE("big"), &error), 1);
            must_count(f, 0, 0);
        }
        if (attempt)
            break;
        engine_gauges(f->engine, &g);
        assert_int_equal(g.checkpoints, checkpoints + 2);
        reopen(f, false);
        must_count(f, 0, 0);
        assert_true(take(f, "big", &left) > 0); /* only left-overs */
    }
    ok(engine_prepared_end(f->engine, 9, &error));
    commit(f);
    reopen(f, true);
    must_count(f, 1, 9);
    must_hold(f, "big", (struct slice){all.data, (size_t)PIECE * PIECES});
    keep(f, "big", SLICE("small"), 8);
    must_hold(f, "big", SLICE("small"));
    must_count(f, 1, 8);
}

static void test_not_inside_a_transaction(void **state) {
    struct fixture *f = *state;
    const struct value row[] = {{.kind = VALUE_INT, .i = 1}};
    int r;
    struct row_change c = {.kind = ROW_INSERT, .table = &tables[0], .after = row, .cascades_logged = true};
    c.handle = engine_map_table(f->engine, c.table, NULL, &r, &error);
    ok(engine_apply(f->engine, &c, &error));
    assert_int_equal(engine_prepared_begin(f->engine, SLICE("1a"), &error), ERR_BUG);
}

/* Up to where the snapshot has seen what was prepared before it: durable at once. */
static void test_settled(void **state) {
    struct fixture *f = *state;
    struct position at = {.file = "binlog.000003", .offset = 77}, found = {0};
    assert_int_equal(engine_snapshot_settled(f->engine, &found, &error), 1);
    ok(engine_snapshot_settle(f->engine, &at, &error));
    reopen(f, false);
    ok(engine_snapshot_settled(f->engine, &found, &error));
    assert_string_equal(found.file, at.file);
    assert_int_equal(found.offset, at.offset);
    must_count(f, 0, 0);
    position_deinit(&found);
}

#define WITH_STORE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        WITH_STORE(test_kept_and_taken),           WITH_STORE(test_crashes), WITH_STORE(test_large),
        WITH_STORE(test_not_inside_a_transaction), WITH_STORE(test_settled),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
