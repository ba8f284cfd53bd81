/* Compressed transactions: from memory and out of the file in pieces, and with sizes that lie. */
#include "binlog/payload.h"

#include "binlog/event.h"
#include "tests/unit/test.h"

#include <stdlib.h>
#include <zstd.h>

enum { EVENTS = 40, EVENT_BYTES = 30000 };

/* Events of bytes that nobody compresses: the whole is many times the window. */
static void make_events(struct buf *out) {
    uint64_t random = 7;
    for (unsigned i = 0; i < EVENTS; i++) {
        size_t begin = out->len;
        buf_put_le32(out, i);
        buf_put_u8(out, EVENT_WRITE_ROWS);
        buf_put_le32(out, 1);
        buf_put_le32(out, EVENT_BYTES);
        while (out->len < begin + EVENT_BYTES) {
            random = random * 6364136223846793005ULL + 1442695040888963407ULL;
            buf_put_u8(out, (uint8_t)(random >> 56));
        }
    }
}

static void put_field(struct buf *out, uint8_t type, uint64_t value) {
    buf_put_u8(out, type);
    buf_put_u8(out, 9);
    buf_put_u8(out, 0xFE); /* an integer of eight bytes follows */
    buf_put_le64(out, value);
}

/* A TRANSACTION_PAYLOAD event of `plain`, which claims to become `inflated` bytes; `cut` bytes are missing at its end. */
static void make_payload(struct buf *out, const struct buf *plain, uint64_t inflated, size_t cut) {
    size_t bound = ZSTD_compressBound(plain->len);
    char *packed = xmalloc(bound);
    size_t len = ZSTD_compress(packed, bound, plain->data, plain->len, 1) - cut;
    struct buf body = BUF_INIT(1 << 24);
    put_field(&body, 2, 0);
    put_field(&body, 1, len);
    put_field(&body, 3, inflated);
    buf_put_u8(&body, 0);
    buf_put(&body, packed, len);
    buf_put_le32(out, 0);
    buf_put_u8(out, EVENT_TRANSACTION_PAYLOAD);
    buf_put_le32(out, 1);
    buf_put_le32(out, (uint32_t)(EVENT_HEADER_SIZE + body.len));
    buf_put(out, "\0\0\0\0\0\0", 6);
    buf_put(out, body.data, body.len);
    buf_deinit(&body);
    free(packed);
}

/* Inflates the transaction, compares each event, and returns how it ended; *ret_events is how many there were. */
static int inflate(struct payload *p, size_t memory, const struct buf *event, const struct buf *plain,
                   unsigned *ret_events) {
    struct error error;
    struct slice raw;
    struct event e;
    struct txn *t = txn_new(memory, "/tmp");
    assert_int_equal(txn_put(t, buf_slice(event), &error), 0);
    assert_int_equal(txn_seal(t, &error), 0);
    struct txn_reader reader = {.txn = t};
    assert_int_equal(txn_reader_next(&reader, &raw, &error), 1);
    assert_true(memory > event->len ? raw.len == event->len : raw.len < event->len);
    assert_int_equal(event_read(&e, raw, CHECKSUM_CUT, &error), 0);
    int r = payload_begin(p, e.body, &reader, &error);
    *ret_events = 0;
    while (r == 0 && (r = payload_next(p, &raw, &error)) > 0) {
        assert_int_equal(raw.len, EVENT_BYTES);
        assert_memory_equal(raw.data, plain->data + (size_t)*ret_events * EVENT_BYTES, EVENT_BYTES);
        ++*ret_events;
        r = 0;
    }
    txn_reader_deinit(&reader);
    txn_free(t);
    return r;
}

static void test_whole_and_in_pieces(void **state) {
    struct buf plain = BUF_INIT(1 << 24), event = BUF_INIT(1 << 24);
    struct payload *p = payload_new();
    unsigned events;
    make_events(&plain);
    make_payload(&event, &plain, plain.len, 0);
    for (unsigned round = 0; round < 2; round++) { /* one inflater serves all */
        assert_int_equal(inflate(p, 1 << 24, &event, &plain, &events), 0);
        assert_int_equal(events, EVENTS);
        assert_int_equal(inflate(p, 0, &event, &plain, &events), 0);
        assert_int_equal(events, EVENTS);
    }
    payload_free(p);
    buf_deinit(&plain);
    buf_deinit(&event);
}

/* [S15] More or fewer bytes than told, and a payload that is cut. */
static void test_bounds(void **state) {
    struct buf plain = BUF_INIT(1 << 24);
    struct payload *p = payload_new();
    unsigned events;
    make_events(&plain);
    static const struct {
        int more;
        size_t cut;
    } lies[] = {{-1, 0}, {1, 0}, {-EVENT_BYTES * (EVENTS - 1), 0}, {0, 1}, {0, 500000}};
    for (size_t i = 0; i < ARRAY_LEN(lies); i++) {
        struct buf event = BUF_INIT(1 << 24);
        make_payload(&event, &plain, (uint64_t)((int64_t)plain.len + lies[i].more), lies[i].cut);
        assert_int_equal(inflate(p, 0, &event, &plain, &events), ERR_SOURCE);
        assert_int_equal(inflate(p, 1 << 24, &event, &plain, &events), ERR_SOURCE);
        buf_deinit(&event);
    }
    payload_free(p);
    buf_deinit(&plain);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_whole_and_in_pieces),
        cmocka_unit_test(test_bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
