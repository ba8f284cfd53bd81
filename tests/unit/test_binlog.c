/* What binlog/ and contract/ hold without a server: GTID sets, positions, values, the feed's refusals. */
#include "tests/unit/make_event.h"
#include "tests/unit/test.h"

#include "binlog/feed.h"
#include "contract/position.h"
#include "contract/value.h"

#include <math.h>
#include <stdlib.h>

#define A "11111111-1111-1111-1111-111111111111"
#define B "22222222-2222-2222-2222-222222222222"

static struct gtid_set parse(const char *text) {
    struct gtid_set set = {0};
    struct error error;
    assert_int_equal(gtid_set_parse(&set, slice_of(text), &error), 0);
    return set;
}

static void prints(const struct gtid_set *set, const char *want) {
    struct buf text = BUF_INIT(10000);
    gtid_set_format(set, &text);
    assert_string_equal(buf_text(&text), want);
    buf_deinit(&text);
}

static void test_gtid_sets(void **state) {
    struct gtid_set a = parse(" " A ":1-5:7:9-10 ,\n" B ":3," A ":TAG:2:1"), b = parse(A ":4-9");
    prints(&a, A ":1-5:7:9-10:tag:1-2," B ":3");
    struct gtid g = {.number = 6};
    assert_true(uuid_parse(slice_of(A), g.uuid));
    gtid_set_add(&a, &g);
    prints(&a, A ":1-7:9-10:tag:1-2," B ":3");
    assert_false(gtid_set_contains(&a, &b));
    gtid_set_subtract(&a, &b);
    prints(&a, A ":1-3:10:tag:1-2," B ":3");
    gtid_set_add_set(&a, &b);
    assert_true(gtid_set_contains(&a, &b));
    assert_int_equal(gtid_set_count(&a), 13);
    gtid_set_subtract(&a, &a);
    assert_true(gtid_set_empty(&a));
    struct gtid_set c = parse(A ":1-3:tag:5");
    prints(&c, A ":1-3:tag:5");
    static const char *const bad[] = {
        "x", A, A ":0", A ":1-", A ":1-2-3", A ":-1", A ":tag", A ":99999999999999999999", "1" A ":1"};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        assert_int_equal(gtid_set_parse(&a, slice_of(bad[i]), NULL), ERR_USAGE);
    gtid_set_deinit(&a), gtid_set_deinit(&b), gtid_set_deinit(&c);
}

static void test_positions(void **state) {
    struct position p = {0}, q = {0};
    struct buf text = BUF_INIT(1000);
    assert_int_equal(position_parse(&p, SLICE("binlog.000003:154"), NULL), 0);
    assert_int_equal(p.offset, 154);
    assert_int_equal(position_parse(&q, SLICE("binlog.000010:4"), NULL), 0);
    assert_true(position_reached(&q, &p) && !position_reached(&p, &q));
    assert_int_equal(position_parse(&p, SLICE("binlog.000003:"), NULL), ERR_USAGE);
    p.commit_us = -5;
    position_put(&text, &p);
    struct cursor c = cursor_of(text.data, text.len);
    assert_int_equal(position_get(&c, &q, NULL), 0);
    assert_string_equal(q.file, p.file);
    assert_int_equal(q.commit_us, -5);
    position_deinit(&p), position_deinit(&q);
    buf_deinit(&text);
}

static void text_is(struct value v, const char *want) {
    struct buf text = BUF_INIT(1000);
    value_put_text(&text, &v);
    assert_string_equal(buf_text(&text), want);
    buf_deinit(&text);
}

/* Doubles as ECMAScript prints them; the examples are of its specification's tests. */
static void test_double_text(void **state) {
    static const struct {
        double d;
        const char *text;
    } cases[] = {{0, "0"},
                 {-0.0, "0"},
                 {1, "1"},
                 {100, "100"},
                 {0.1, "0.1"},
                 {1e21, "1e+21"},
                 {1e20, "100000000000000000000"},
                 {123456789012345680000.0, "123456789012345680000"},
                 {1e-6, "0.000001"},
                 {1e-7, "1e-7"},
                 {1.5e-9, "1.5e-9"},
                 {5e-324, "5e-324"},
                 {1.7976931348623157e308, "1.7976931348623157e+308"},
                 {-12.5, "-12.5"},
                 {0.3, "0.3"},
                 {0.1 + 0.2, "0.30000000000000004"},
                 {9007199254740993.0, "9007199254740992"},
                 {0x1p-44, "5.684341886080802e-14"}, /* there is less room below a power of two */
                 {0x1p89, "6.189700196426902e+26"},
                 {1.1e22, "1.1e+22"}};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        text_is((struct value){.kind = VALUE_DOUBLE, .d = cases[i].d}, cases[i].text);
    text_is((struct value){.kind = VALUE_FLOAT, .f = 0.1f}, "0.1");
    text_is((struct value){.kind = VALUE_FLOAT, .f = 3.4028235e38f}, "3.4028235e+38");
    text_is((struct value){.kind = VALUE_FLOAT, .f = 16777216.0f}, "16777216");
}

static void key_of(struct buf *buf, struct value v) {
    buf_clear(buf);
    value_put_key(buf, &v);
}

#define D(s) ((struct value){.kind = VALUE_DECIMAL, .data = s, .len = sizeof(s) - 1})
#define I(n) ((struct value){.kind = VALUE_INT, .i = n})
#define U(n) ((struct value){.kind = VALUE_UINT, .u = n})
#define T(s) ((struct value){.kind = VALUE_TEXT, .data = s, .len = sizeof(s) - 1})

/* In ascending order; neighbours marked equal must give equal keys. */
static void test_keys_sort(void **state) {
    const struct {
        struct value v;
        bool same;
    } list[] = {{{.kind = VALUE_NULL}, 0},
                {I(INT64_MIN), 0},
                {D("-100.01"), 0},
                {I(-100), 0},
                {D("-100.00"), 1},
                {I(-99), 0},
                {D("-10.5"), 0},
                {I(-10), 0},
                {I(-9), 0},
                {D("-0.5"), 0},
                {D("-0.05"), 0},
                {D("-0.005"), 0},
                {I(0), 0},
                {D("0.00"), 1},
                {U(0), 1},
                {D("0.005"), 0},
                {D("0.05"), 0},
                {D("0.5"), 0},
                {I(1), 0},
                {U(1), 1},
                {D("1.0"), 1},
                {D("1.5"), 0},
                {I(9), 0},
                {I(10), 0},
                {D("10.50"), 0},
                {I(99), 0},
                {I(100), 0},
                {I(101), 0},
                {I(1000), 0},
                {I(INT64_MAX), 0},
                {D("9223372036854775807"), 1},
                {U(UINT64_MAX), 0},
                {T(""), 0},
                {T("\0"), 0},
                {T("\0a"), 0},
                {T("a"), 0},
                {T("a\0"), 0},
                {T("a\0b"), 0},
                {T("ab"), 0},
                {T("b"), 0}};
    struct buf before = BUF_INIT(1000), now = BUF_INIT(1000);
    for (size_t i = 0; i < ARRAY_LEN(list); i++) {
        key_of(&now, list[i].v);
        int order = i ? slice_compare(buf_slice(&before), buf_slice(&now)) : -1;
        if (list[i].same ? order != 0 : order >= 0)
            fail_msg("entry %zu", i);
        key_of(&before, list[i].v);
    }
    buf_deinit(&before), buf_deinit(&now);
}

static void test_values_stored(void **state) {
    const struct value values[] = {{.kind = VALUE_NULL},
                                   I(-1),
                                   U(UINT64_MAX),
                                   D("-12.50"),
                                   {.kind = VALUE_DOUBLE, .d = -0.0},
                                   {.kind = VALUE_FLOAT, .f = 1.5f},
                                   T("ä\0b"),
                                   {.kind = VALUE_TIME, .scale = 6, .i = -1},
                                   {.kind = VALUE_DATETIME, .scale = 3, .u = 1ULL << 59},
                                   {.kind = VALUE_ENUM, .u = 2, .data = "x", .len = 1}};
    struct buf buf = BUF_INIT(10000);
    for (size_t i = 0; i < ARRAY_LEN(values); i++)
        value_put(&buf, &values[i]);
    struct cursor c = cursor_of(buf.data, buf.len);
    for (size_t i = 0; i < ARRAY_LEN(values); i++) {
        struct value v;
        value_get(&c, &v);
        assert_true(value_equal(&v, &values[i]));
    }
    assert_false(c.failed);
    assert_int_equal(cursor_left(&c), 0);
    buf_deinit(&buf);
}

static void test_times(void **state) {
    const int64_t seconds[] = {0, 1, 86399, 951782400 /* 2000-02-29 */, 4102444800, 253402300799};
    for (size_t i = 0; i < ARRAY_LEN(seconds); i++)
        assert_int_equal(value_datetime_epoch(value_epoch_datetime(seconds[i], 0)), seconds[i]);
    text_is((struct value){.kind = VALUE_TIMESTAMP, .u = value_epoch_datetime(951782400, 120000), .scale = 2},
            "2000-02-29T00:00:00.12Z");
    text_is((struct value){.kind = VALUE_TIME, .i = -3020399000000}, "-838:59:59");
}

/* ---- the feed */

static int feed(struct feed *f, const unsigned char *event, size_t len, struct error *error) {
    struct txn *t = NULL;
    int r = feed_event(f, (struct slice){(const char *)event, len}, &t, error);
    txn_free(t);
    return r;
}

/* S4, S7, S9, S10 */
static void test_feed(void **state) {
    unsigned char e[1000];
    struct error error;
    struct feed f = {.spill_dir = "/tmp", .txn_memory_bytes = 1000, .known_commit_us = 900000000000000};
    size_t n = make_event(e, EVENT_ROTATE, EVENT_FLAG_ARTIFICIAL, 0, "\4\0\0\0\0\0\0\0binlog.000007", 21, true);
    assert_int_equal(feed(&f, e, n, &error), FEED_NOTHING);
    assert_string_equal(f.file, "binlog.000007");
    n = make_format(e);
    assert_int_equal(feed(&f, e, n, &error), ERR_SOURCE); /* made in 2001, after the last transaction of 1998 */
    assert_non_null(strstr(error.text, "another history"));
    f.known_commit_us = 1000000001000000;
    assert_int_equal(feed(&f, e, n, &error), FEED_NOTHING);
    f.offset = 0xFFFFFFF0; /* the next event ends behind 4 GiB */
    n = make_event(e, EVENT_PREVIOUS_GTIDS, 0, 20, "", 0, true);
    assert_int_equal(feed(&f, e, n, &error), FEED_NOTHING);
    assert_int_equal(f.offset, (1ULL << 32) + 20);
    n = make_event(e, 99, EVENT_FLAG_IGNORABLE, 60, "x", 1, true);
    assert_int_equal(feed(&f, e, n, &error), FEED_NOTHING);
    n = make_event(e, 99, 0, 90, "x", 1, true);
    assert_int_equal(feed(&f, e, n, &error), ERR_SOURCE);
    assert_non_null(strstr(error.text, "event type 99"));
    n = make_event(e, EVENT_XID, 0, 120, "12345678", 8, true);
    e[25] ^= 1;
    assert_int_equal(feed(&f, e, n, &error), ERR_SOURCE);
    assert_non_null(strstr(error.text, "checksum"));
    assert_int_equal(feed(&f, e, n - 1, &error), ERR_SOURCE);
    assert_int_equal(feed(&f, e, 0, &error), ERR_SOURCE);
    feed_deinit(&f);
}

/* S7: one transaction of 10 GiB. Its events tell where they end modulo 2^32; S2: a rotation that is made up has no position at all. */
static void test_offsets_beyond_4_gib(void **state) {
    const uint64_t gib = 1ULL << 30;
    unsigned char e[1000];
    struct error error;
    struct feed f = {.spill_dir = "/tmp", .txn_memory_bytes = 1000};
    size_t n = make_event(e, EVENT_ROTATE, EVENT_FLAG_ARTIFICIAL, 0, "\4\0\0\0\0\0\0\0binlog.000007", 21, true);
    assert_int_equal(feed(&f, e, n, &error), FEED_NOTHING);
    assert_int_equal(f.offset, 4);
    n = make_format(e);
    assert_int_equal(feed(&f, e, n, &error), FEED_NOTHING);
    n = make_query(e, 500, "BEGIN");
    assert_int_equal(feed(&f, e, n, &error), FEED_NOTHING);
    for (uint64_t at = gib; at <= 10 * gib; at += gib) { /* at 4 and 8 GiB log_pos is 0, as it is where there is none */
        n = make_event(e, EVENT_ROWS_QUERY, 0, (uint32_t)at, "x", 1, true);
        if ((uint32_t)at == 0)
            f.offset = at - n;
        assert_int_equal(feed(&f, e, n, &error), FEED_NOTHING);
        assert_int_equal(f.offset, at);
    }
    n = make_event(e, EVENT_ROWS_QUERY, EVENT_FLAG_ARTIFICIAL, 77, "x", 1, true);
    assert_int_equal(feed(&f, e, n, &error), FEED_NOTHING);
    n = make_event(e, EVENT_HEARTBEAT, 0, 77, "binlog.000007", 13, true); /* in the middle of a transaction */
    assert_int_equal(feed(&f, e, n, &error), FEED_NOTHING);
    assert_int_equal(f.offset, 10 * gib);
    struct txn *t = NULL;
    n = make_event(e, EVENT_XID, 0, (uint32_t)(10 * gib + 31), "12345678", 8, true);
    assert_int_equal(feed_event(&f, (struct slice){(const char *)e, n}, &t, &error), FEED_TXN);
    assert_int_equal(txn_end(t)->offset, 10 * gib + 31);
    txn_free(t);
    n = make_event(e, EVENT_HEARTBEAT, 0, (uint32_t)(10 * gib + 31), "binlog.000007", 13, true);
    assert_int_equal(feed(&f, e, n, &error), FEED_HEARTBEAT); /* of the old kind: 32 bits */
    assert_int_equal(f.offset, 10 * gib + 31);
    feed_deinit(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_gtid_sets),     cmocka_unit_test(test_positions),
        cmocka_unit_test(test_double_text),   cmocka_unit_test(test_keys_sort),
        cmocka_unit_test(test_values_stored), cmocka_unit_test(test_times),
        cmocka_unit_test(test_feed),          cmocka_unit_test(test_offsets_beyond_4_gib),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
