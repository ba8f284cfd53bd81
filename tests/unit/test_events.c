/* S10: what is malformed in events, payloads and transactions is refused, with its reason; and what a full disk does to a large one. */
#include "tests/unit/make_event.h"
#include "tests/unit/test.h"

#include "binlog/feed.h"
#include "binlog/payload.h"
#include "binlog/rows.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

static struct error error;

/* What event_read() makes of it, into `buffer`. */
static struct event event_of(unsigned char *buffer, uint8_t type, const void *body, size_t len) {
    struct event e = {0};
    size_t n = make_event(buffer, type, 0, 100, body, len, false);
    assert_int_equal(event_read(&e, (struct slice){(const char *)buffer, n}, CHECKSUM_OFF, &error), 0);
    return e;
}

static void refused(int r, const char *words) {
    if (r != ERR_SOURCE || !strstr(error.text, words))
        fail_msg("%d, \"%s\" instead of \"%s\"", r, error.text, words);
}

/* Every body that is shorter than the shortest good one is malformed: no reader takes half an event. */
static void cut_short(uint8_t type, const void *good, size_t shortest, int (*read)(const struct event *e)) {
    unsigned char buffer[1000];
    for (size_t len = 0; len <= shortest; len++) {
        struct event e = event_of(buffer, type, good, len);
        if (len < shortest)
            refused(read(&e), "malformed");
        else
            assert_int_equal(read(&e), 0);
    }
}

static int read_gtid(const struct event *e) {
    struct gtid_event g;
    return gtid_event_read(&g, e, &error);
}

static int read_query(const struct event *e) {
    struct query_event q;
    return query_event_read(&q, e, &error);
}

static int read_place(const struct event *e) {
    struct place_event p;
    return place_event_read(&p, e, &error);
}

static int read_prepare(const struct event *e) {
    struct xa_prepare_event x;
    return xa_prepare_event_read(&x, e, &error);
}

static void test_cut_short(void **state) {
    cut_short(EVENT_GTID,
              "\0"
              "0123456789abcdef"
              "\1\0\0\0\0\0\0\0",
              25, read_gtid);
    cut_short(EVENT_QUERY, "\0\0\0\0\0\0\0\0\1\0\0\2\0\1\1d", 17, read_query);
    cut_short(EVENT_EXECUTE_LOAD_QUERY,
              "\0\0\0\0\0\0\0\0\0\0\0\0\0"
              "0123456789abc",
              27, read_query);
    cut_short(EVENT_ROTATE, "\4\0\0\0\0\0\0\0b", 9, read_place);
    cut_short(EVENT_HEARTBEAT_V2, "\1\1b\2\1\4", 7, read_place);
    cut_short(EVENT_XA_PREPARE, "\0\1\0\0\0\1\0\0\0\1\0\0\0gb", 15, read_prepare);
}

static void test_wrong_values(void **state) {
    static const struct {
        uint8_t type;
        const char *body;
        size_t len;
        int (*read)(const struct event *e);
    } cases[] = {
#define CASE(type, body, read) {type, body, sizeof(body) - 1, read}
        CASE(EVENT_GTID,
             "\0"
             "0123456789abcdef"
             "\0\0\0\0\0\0\0\0",
             read_gtid),
        CASE(EVENT_GTID,
             "\0"
             "0123456789abcdef"
             "\1\0\0\0\0\0\0\x80",
             read_gtid),
        CASE(EVENT_GTID_TAGGED, "", read_gtid),
        CASE(EVENT_GTID_TAGGED, "\4\0\0", read_gtid),     /* version 2 */
        CASE(EVENT_GTID_TAGGED, "\2\0\0\4\2", read_gtid), /* a number, but no UUID */
        CASE(EVENT_GTID_TAGGED,
             "\2\0\0\6\x42"
             "0123456789abcdef0123456789abcdef0",
             read_gtid), /* a tag of 33 */
        CASE(EVENT_HEARTBEAT, "", read_place),
        CASE(EVENT_HEARTBEAT, "a\0b", read_place),
        CASE(EVENT_HEARTBEAT_V2, "\2\1\4\0", read_place),    /* without a file */
        CASE(EVENT_HEARTBEAT_V2, "\1\1b\2\0\0", read_place), /* an offset of no bytes */
        CASE(EVENT_XA_PREPARE, "\0\1\0\0\0\xff\0\0\0\0\0\0\0g", read_prepare),
#undef CASE
    };
    unsigned char buffer[1000];
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct event e = event_of(buffer, cases[i].type, cases[i].body, cases[i].len);
        refused(cases[i].read(&e), "malformed");
    }
    char long_name[300];
    memset(long_name, 'x', sizeof(long_name));
    struct event e = event_of(buffer, EVENT_HEARTBEAT, long_name, 256);
    refused(read_place(&e), "malformed");
    struct xid xid;
    assert_false(xid_set(&xid, 1, (struct slice){long_name, XID_PART_MAX + 1}, SLICE("")));
}

static int read_format(unsigned char *raw, size_t n) {
    struct format_event f;
    return format_event_read(&f, (struct slice){(const char *)raw, n}, &error);
}

static void test_formats(void **state) {
    unsigned char raw[1000];
    size_t n = make_format(raw);
    assert_int_equal(read_format(raw, n), 0);
    raw[30] ^= 1;
    refused(read_format(raw, n), "checksum");
    static const struct {
        unsigned char body[102];
        const char *words;
    } cases[] = {
        {{3, 0, [56] = EVENT_HEADER_SIZE, [101] = CHECKSUM_CRC32}, "binlog format 3"},
        {{4, 0, [56] = 13, [101] = CHECKSUM_CRC32}, "binlog format 4"},
        {{4, 0, [56] = EVENT_HEADER_SIZE, [101] = 2}, "checksum algorithm 2"},
        {{4, 0, '1', '1', '-', 'M', 'a', 'r', 'i', 'a', 'D', 'B', [56] = EVENT_HEADER_SIZE, [101] = CHECKSUM_CRC32},
         "MariaDB"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        n = make_event(raw, EVENT_FORMAT_DESCRIPTION, 0, 0, cases[i].body, sizeof(cases[i].body), true);
        refused(read_format(raw, n), cases[i].words);
    }
    n = make_event(raw, EVENT_FORMAT_DESCRIPTION, 0, 0, "\4", 1, true);
    refused(read_format(raw, n), "malformed");
    refused(read_format(raw, 10), "bytes and says");
}

/* ---- payloads */

static void payload_refused(const char *body, size_t len, const char *words) {
    struct payload *p = payload_new();
    struct slice event;
    int r = payload_begin(p, (struct slice){body, len}, NULL, &error);
    while (r == 0 && (r = payload_next(p, &event, &error)) > 0)
        r = 0;
    refused(r, words);
    payload_free(p);
}

static void test_payloads(void **state) {
#define PAYLOAD_REFUSED(body, words) payload_refused(body, sizeof(body) - 1, words)
    PAYLOAD_REFUSED("", "malformed");
    PAYLOAD_REFUSED("\2", "malformed");
    PAYLOAD_REFUSED("\2\5\0", "malformed");
    PAYLOAD_REFUSED("\1\1\7\0abc", "malformed"); /* 3 bytes, not 7 */
    PAYLOAD_REFUSED("\2\1\1\0abc", "method 1");
    PAYLOAD_REFUSED("\2\1\0\0no zstd", "cannot be inflated");
    PAYLOAD_REFUSED("\2\3\xfc\xff\0\0short", "malformed"); /* less than a header */
    PAYLOAD_REFUSED("\2\3\xfc\xff\0\0"
                    "TTTTtSSSS"
                    "\5\0\0\0"
                    "PPPPFF",
                    "malformed"); /* an event of 5 bytes */
    PAYLOAD_REFUSED("\2\3\xfc\xff\0\0"
                    "TTTTtSSSS"
                    "\x28\0\0\0"
                    "PPPPFF"
                    "body",
                    "middle of an event"); /* of 40 */
    PAYLOAD_REFUSED("\2\3\xfc\xff\0\3\1\5\0"
                    "TTTTtSSSS"
                    "\x17\0\0\0"
                    "PPPPFF"
                    "body",
                    "malformed"); /* more than it says */
#undef PAYLOAD_REFUSED
    payload_free(NULL);
}

/* ---- the feed */

static int feed(struct feed *f, uint8_t type, const char *body, size_t len) {
    unsigned char raw[2000];
    struct txn *t = NULL;
    size_t n = type == EVENT_FORMAT_DESCRIPTION ? make_format(raw)
               : type == EVENT_QUERY            ? make_query(raw, 100, body)
                                                : make_event(raw, type, 0, 100, body, len, true);
    int r = feed_event(f, (struct slice){(const char *)raw, n}, &t, &error);
    txn_free(t);
    return r;
}

static void test_feed_refusals(void **state) {
    struct feed f = {.spill_dir = "/tmp", .txn_memory_bytes = 1000};
    refused(feed(&f, EVENT_XID, "12345678", 8), "begins with a XID");
    assert_int_equal(feed(&f, EVENT_FORMAT_DESCRIPTION, "", 0), FEED_NOTHING);
    refused(feed(&f, EVENT_INCIDENT, "\1\0\0", 3), "incident");
    refused(feed(&f, EVENT_ROTATE, "", 0), "malformed");
    refused(feed(&f, EVENT_HEARTBEAT, "", 0), "malformed");
    refused(feed(&f, EVENT_GTID, "", 0), "malformed");
    refused(feed(&f, EVENT_XA_PREPARE, "", 0), "malformed");
    assert_int_equal(feed(&f, EVENT_QUERY, "BEGIN", 5), FEED_NOTHING);
    assert_int_equal(feed(&f, EVENT_QUERY, "SAVEPOINT a", 0), FEED_NOTHING);
    assert_int_equal(feed(&f, EVENT_QUERY, "ROLLBACK TO a", 0), FEED_NOTHING);
    refused(feed(&f, EVENT_QUERY, "ROLLBACK TO b", 0), "savepoint was not met");
    /* a source that crashed in the middle of a transaction: forgotten at the next file */
    assert_int_equal(feed(&f, EVENT_STOP, "", 0), FEED_NOTHING);
    assert_null(f.open);
    feed_deinit(&f);
}

/* What group replication, LOAD DATA and statements add, and whatever is marked as ignorable, may stand between and in transactions: passed
 * over, and the transaction comes whole. As a member of a group writes it: GTID, BEGIN, VIEW_CHANGE, COMMIT. */
static void test_passed_over(void **state) {
    static const uint8_t types[] = {EVENT_VIEW_CHANGE,
                                    EVENT_TRANSACTION_CONTEXT,
                                    EVENT_INTVAR,
                                    EVENT_RAND,
                                    EVENT_USER_VAR,
                                    EVENT_APPEND_BLOCK,
                                    EVENT_BEGIN_LOAD_QUERY,
                                    EVENT_DELETE_FILE,
                                    EVENT_ROWS_QUERY,
                                    EVENT_IGNORABLE,
                                    200};
    static const char gtid[] = "\0"
                               "0123456789abcdef"
                               "\7\0\0\0\0\0\0\0";
    struct feed f = {.spill_dir = "/tmp", .txn_memory_bytes = 1000};
    unsigned char raw[2000];
    assert_int_equal(feed(&f, EVENT_FORMAT_DESCRIPTION, "", 0), FEED_NOTHING);
    for (size_t i = 0; i < ARRAY_LEN(types); i++) {
        struct txn *t = NULL;
        size_t n = make_event(raw, types[i], types[i] == 200 ? EVENT_FLAG_IGNORABLE : 0, 100, "12345678", 8, true);
        struct slice one = {(const char *)raw, n};
        assert_int_equal(feed_event(&f, one, &t, &error), FEED_NOTHING);
        assert_int_equal(feed(&f, EVENT_GTID, gtid, sizeof(gtid) - 1), FEED_NOTHING);
        assert_int_equal(feed_event(&f, one, &t, &error), FEED_NOTHING);
        assert_int_equal(feed(&f, EVENT_QUERY, "BEGIN", 0), FEED_NOTHING);
        assert_int_equal(feed_event(&f, one, &t, &error), FEED_NOTHING);
        unsigned char commit[2000];
        n = make_query(commit, 100, "COMMIT");
        assert_int_equal(feed_event(&f, (struct slice){(const char *)commit, n}, &t, &error), FEED_TXN);
        assert_int_equal(t->end.gtid.number, 7);
        assert_int_equal(txn_seal(t, &error), 0);
        struct txn_reader reader = {.txn = t};
        assert_int_equal(txn_reader_next(&reader, &one, &error), 0); /* none of it was kept */
        txn_reader_deinit(&reader);
        txn_free(t);
    }
    refused(feed(&f, 200, "", 0), "event type 200");
    feed_deinit(&f);
}

/* [S4] With GTIDs: the file is said to hold what the reader has, and was made later. make_event()'s time is 1000000000. */
static void test_history(void **state) {
    static const char none[8], other[16] = "\1 torn";
    for (int own = 0; own < 2; own++) {
        struct feed f = {.spill_dir = "/tmp", .txn_memory_bytes = 1000, .known_commit_us = 900000000000000};
        memset(f.known_uuid, own ? 'o' : 'x', 16);
        struct gtid g = {.number = 5};
        memset(g.uuid, 'o', 16);
        gtid_set_add(&f.known_gtids, &g);
        assert_int_equal(feed(&f, EVENT_FORMAT_DESCRIPTION, "", 0), FEED_NOTHING);
        if (own)
            refused(feed(&f, EVENT_PREVIOUS_GTIDS, none, sizeof(none)), "another history");
        else
            assert_int_equal(feed(&f, EVENT_PREVIOUS_GTIDS, none, sizeof(none)), FEED_NOTHING);
        feed_deinit(&f);
    }
    struct feed f = {.spill_dir = "/tmp", .txn_memory_bytes = 1000, .known_commit_us = 1};
    gtid_set_add(&f.known_gtids, &(struct gtid){.number = 1});
    assert_int_equal(feed(&f, EVENT_FORMAT_DESCRIPTION, "", 0), FEED_NOTHING);
    refused(feed(&f, EVENT_PREVIOUS_GTIDS, other, sizeof(other)), "GTID set");
    feed_deinit(&f);
}

/* ---- the decoder */

static void *on_table(void *context, const struct table *table, bool *wanted, int *ret_error, struct error *e) {
    return context;
}

static int on_row(void *context, const struct row_change *change, struct error *e) {
    ++*(int *)context;
    return 0;
}

/* What becomes of table d.t (one INT), described as number 7, and one event behind it. */
static int decode(uint8_t type, const char *body, size_t len, int *ret_rows) {
    static const char map[] = "\7\0\0\0\0\0"
                              "\1\0"
                              "\1d\0"
                              "\1t\0"
                              "\1\3\0\1"
                              "\4\2\1i"; /* behind the null bits: its name */
    unsigned char raw[1000];
    struct decoder_options options = {.database = "d", .context = ret_rows, .table = on_table, .row = on_row};
    struct decoder *d = decoder_new(&options);
    struct txn *t = txn_new(10000, "/tmp");
    size_t n = make_event(raw, EVENT_TABLE_MAP, 0, 0, map, sizeof(map) - 1, false);
    *ret_rows = 0;
    assert_int_equal(txn_put(t, (struct slice){(const char *)raw, n}, &error), 0);
    n = make_event(raw, type, 0, 0, body, len, false);
    assert_int_equal(txn_put(t, (struct slice){(const char *)raw, n}, &error), 0);
    assert_int_equal(txn_seal(t, &error), 0);
    int r = decoder_run(d, t, &error);
    txn_free(t);
    decoder_free(d);
    return r;
}

static void test_rows(void **state) {
    int rows;
#define DECODE(type, body) decode(type, body, sizeof(body) - 1, &rows)
#define HEAD                                                                                                           \
    "\7\0\0\0\0\0"                                                                                                     \
    "\1\0"                                                                                                             \
    "\2\0"
    assert_int_equal(DECODE(EVENT_WRITE_ROWS, HEAD "\1\xff"
                                                   "\0\5\0\0\0"
                                                   "\1"),
                     0);
    assert_int_equal(rows, 2); /* 5 and NULL */
    refused(DECODE(EVENT_WRITE_ROWS, HEAD "\1\xff"
                                          "\0\5\0\0"),
            "WRITE_ROWS event of table d.t is malformed");
    refused(DECODE(EVENT_WRITE_ROWS, HEAD "\2\xff"
                                          "\0\5\0\0\0"),
            "malformed"); /* two columns */
    refused(DECODE(EVENT_WRITE_ROWS, HEAD "\1"), "malformed");
    refused(DECODE(EVENT_UPDATE_ROWS, HEAD "\1\xff"), "malformed");
    refused(DECODE(EVENT_UPDATE_ROWS, HEAD "\1\xff\xff"
                                           "\0\5\0\0\0"
                                           "\0\6"),
            "malformed");
    refused(DECODE(EVENT_DELETE_ROWS, "\7\0\0\0\0\0"
                                      "\1\0"
                                      "\1\0"),
            "DELETE_ROWS event is malformed");
    refused(DECODE(EVENT_DELETE_ROWS, "\7\0\0"), "malformed");
    refused(DECODE(EVENT_WRITE_ROWS, "\x08\0\0\0\0\0"
                                     "\1\0"
                                     "\2\0"
                                     "\1\xff"
                                     "\0\5\0\0\0"),
            "not described before it");
    refused(DECODE(99, "x"), "event type 99");
    refused(DECODE(EVENT_TABLE_MAP, "\7\0\0"), "malformed");
    refused(DECODE(EVENT_QUERY, "x"), "malformed");
#undef DECODE
}

/* ---- a large transaction and its file */

static void must_store(int r, const char *words) {
    if (r != ERR_STORE || !strstr(error.text, words))
        fail_msg("%d, \"%s\" instead of \"%s\"", r, error.text, words);
}

static void test_no_room_for_a_large_transaction(void **state) {
    static char data[400 * 1024];
    struct slice small = {data, 3000}, large = {data, sizeof(data)};
    struct txn *t = txn_new(1000, "/proc/no/such/folder");
    must_store(txn_put(t, small, &error), "no file for a large transaction");
    txn_free(t);

    struct rlimit was, limit = {100 * 1024, RLIM_INFINITY};
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &was), 0);
    limit.rlim_max = was.rlim_max;
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    t = txn_new(1000, "/tmp");
    must_store(txn_put(t, large, &error), "/tmp");
    txn_free(t);
    t = txn_new(1000, "/tmp");
    int r = 0;
    for (size_t i = 0; r == 0 && i < 1000; i++)
        r = txn_put(t, small, &error);
    must_store(r, "/tmp");
    must_store(txn_truncate(t, 0, &error), "/tmp");
    txn_free(t);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &was), 0);
}

/* The file is cut from without: an error, no endless wait and no old bytes. */
static void test_a_file_that_ends_early(void **state) {
    static char data[300 * 1024];
    struct txn *t = txn_new(1000, "/tmp");
    struct txn_reader reader = {.txn = t};
    struct slice event;
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(txn_put(t, (struct slice){data, sizeof(data)}, &error), 0);
    assert_int_equal(txn_seal(t, &error), 0);
    assert_int_equal(txn_reader_next(&reader, &event, &error), 1);
    assert_int_equal(event.len, sizeof(data));
    assert_int_equal(ftruncate(t->fd, 400 * 1024), 0);
    must_store(txn_reader_next(&reader, &event, &error), "ends early");
    txn_reader_deinit(&reader);
    txn_free(t);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cut_short),
        cmocka_unit_test(test_wrong_values),
        cmocka_unit_test(test_formats),
        cmocka_unit_test(test_payloads),
        cmocka_unit_test(test_feed_refusals),
        cmocka_unit_test(test_passed_over),
        cmocka_unit_test(test_history),
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_no_room_for_a_large_transaction),
        cmocka_unit_test(test_a_file_that_ends_early),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
