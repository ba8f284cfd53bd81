/* Unit tests of sink/: classes of errors, backoff, breaker, CRC, the heap, packing, and hostile answers. */
#include "sink/answer.h"
#include "sink/crc32.h"
#include "src/base/sys.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
/* cmocka wants the headers above before it */
#include <cmocka.h>

static const struct target first = {.number = 0, .name = "A", .pk = {"PK", ATTR_S}, .sk = {"SK", ATTR_N}};
static const struct target second = {.number = 1, .name = "B\"", .pk = {"id", ATTR_B}};
static struct target *const targets[] = {(struct target *)(uintptr_t)&first, (struct target *)(uintptr_t)&second};
static const struct contract contract = {.targets = targets, .target_count = 2};

static struct write *make(struct write_pool *pool, uint16_t target, const char *pk, const char *sk, const char *json) {
    struct buf key = BUF_INIT(4096);
    struct item_key k = {.target = target, .pk = slice_of(pk), .sk = slice_of(sk)};
    item_key_put(&key, &k);
    struct write *w = pool_get(pool, key.len + strlen(json));
    w->target = target;
    w->batch_limit = BATCH_MAX;
    w->key_len = (uint32_t)key.len;
    w->json_len = (uint32_t)strlen(json);
    memcpy(w->bytes, key.data, key.len);
    memcpy(w->bytes + key.len, json, strlen(json));
    buf_deinit(&key);
    return w;
}

static void kinds(void **state) {
    (void)state;
    assert_int_equal(error_kind_of(400, "ProvisionedThroughputExceededException", ""), KIND_THROTTLED);
    assert_int_equal(error_kind_of(400, "InvalidSignatureException", "Signature expired: 20260101T"), KIND_SKEW);
    assert_int_equal(error_kind_of(403, "InvalidSignatureException", "does not match"), KIND_CREDENTIALS);
    assert_int_equal(error_kind_of(400, "ValidationException", "Item size has exceeded"), KIND_VALIDATION);
    assert_int_equal(error_kind_of(400, "ValidationException", "The provided key element does not match the schema"),
                     KIND_SCHEMA);
    assert_int_equal(error_kind_of(400, "SomethingNew", ""), KIND_CLIENT);
    assert_int_equal(error_kind_of(500, "SomethingNew", ""), KIND_TRANSIENT);
    assert_int_equal(error_kind_of(502, "", ""), KIND_TRANSIENT);
    assert_int_equal(error_kind_of(429, "", ""), KIND_THROTTLED);
    assert_int_equal(error_kind_of(301, "", ""), KIND_CLIENT);
    for (enum error_kind k = KIND_NONE; k <= KIND_CLIENT; k++)
        assert_non_null(error_kind_remedy(k));
}

static void backoff(void **state) {
    (void)state;
    for (unsigned attempt = 0; attempt < 70000; attempt += 1 + attempt / 4)
        for (unsigned i = 0; i < 50; i++) {
            int64_t us = backoff_us(attempt, 50000);
            assert_true(us >= 0 && us <= 30000000 && (attempt > 9 || us <= (int64_t)50000 << attempt));
        }
}

static void breaker(void **state) {
    (void)state;
    struct breaker b = {0};
    for (unsigned i = 0; i < BREAKER_FAILURES; i++) {
        assert_int_equal(breaker_gate(&b, 0), BREAKER_PASS);
        breaker_failure(&b, 0);
    }
    assert_int_equal(breaker_gate(&b, 0), BREAKER_SHUT);
    int64_t now = 0;
    for (unsigned i = 0; i < 20; i++) {
        assert_true(b.probe_us > now && b.probe_us <= now + BREAKER_CAP_MS * 1000);
        now = b.probe_us;
        assert_int_equal(breaker_gate(&b, now), BREAKER_PROBE);
        breaker_sent(&b);
        assert_int_equal(breaker_gate(&b, now), BREAKER_SHUT);
        breaker_failure(&b, now);
    }
    assert_true(breaker_success(&b));
    assert_int_equal(breaker_gate(&b, now), BREAKER_PASS);
    assert_false(breaker_success(&b));
}

static void crc(void **state) {
    (void)state;
    assert_int_equal(crc32_of(SLICE("123456789")), 0xCBF43926); /* the check value of every description of this CRC */
    assert_int_equal(crc32_of(SLICE("")), 0);
    assert_int_equal(crc32_of(SLICE("{}")), 2745614147u); /* as DynamoDB answers {} */
}

static void heap(void **state) {
    (void)state;
    struct write_pool pool = {0};
    struct write_heap h = {0};
    for (unsigned i = 0; i < 1000; i++) {
        struct write *w = pool_get(&pool, 0);
        w->due_us = (int64_t)sys_random_below(300);
        heap_push(&h, w);
    }
    for (size_t i = 0; i < h.count; i += 3)
        h.items[i]->due_us = 0;
    heap_rebuild(&h);
    int64_t last = 0;
    for (unsigned i = 0; i < 900; i++) {
        struct write *w = heap_pop(&h);
        assert_true(w->due_us >= last);
        last = w->due_us;
        pool_put(&pool, w);
    }
    heap_deinit(&h);
    pool_deinit(&pool);
}

static void packing(void **state) {
    (void)state;
    struct write_pool pool = {0};
    struct table_queue tables[2] = {{.target = &first, .window = 100}, {.target = &second, .window = 100}};
    struct request r = {.body.max = 1 << 20};
    size_t turn = 0;
    for (unsigned i = 0; i < 30; i++)
        list_append(&tables[i % 2].ready, make(&pool, i % 2, "x", i % 2 ? NULL : "1", "{}"));
    pack_batch(&r, tables, 2, &turn, BATCH_MAX, 0);
    assert_int_equal(r.count, 25);
    pack_body(&r, &contract);
    assert_non_null(strstr(buf_text(&r.body), "{\"RequestItems\":{\"A\":[{\"PutRequest\":{\"Item\":{}}},"));
    assert_non_null(strstr(buf_text(&r.body), "],\"B\\\"\":["));
    struct write_list taken = {0};
    for (size_t i = 0; i < r.count; i++)
        list_append(&taken, r.writes[i]);
    tables[0].in_flight = tables[1].in_flight = 0;
    tables[1].ready.first->batch_limit = 2; /* suspected of poison: at most two together */
    pack_batch(&r, tables, 2, &turn, BATCH_MAX, 0);
    assert_int_equal(r.count, 2);
    list_append(&taken, r.writes[0]);
    list_append(&taken, r.writes[1]);
    tables[1].pause_until_us = 10;
    pack_batch(&r, tables, 2, &turn, BATCH_MAX, 0);
    assert_int_equal(r.count, 0);
    list_free(&taken);
    list_free(&tables[0].ready);
    list_free(&tables[1].ready);
    buf_deinit(&r.body);
}

/* ---- answers */

static const char *const answers[] = {
    "{\"UnprocessedItems\":{},\"ConsumedCapacity\":[{\"CapacityUnits\":2.5,\"TableName\":\"A\"}]}",
    "{\"UnprocessedItems\":{\"A\":[{\"PutRequest\":{\"Item\":{\"PK\":{\"S\":\"a\"},\"SK\":{\"N\":\"1.50\"},\"v\":{"
    "\"S\":\"x\"}}}}],"
    "\"B\\\"\":[{\"DeleteRequest\":{\"Key\":{\"id\":{\"B\":\"AAE=\"}}}}]}}",
    "{\"__type\":\"com.amazonaws.dynamodb.v20120810#TransactionCanceledException\",\"Message\":\"m\","
    "\"CancellationReasons\":[{\"Code\":\"None\"},"
    "{\"Code\":\"ValidationError\",\"Message\":\"bad\"}]}",
    "{\"__type\":\"com.amazon.coral.validate#ValidationException\",\"message\":\"One or more\"}",
};

static void read_answer(struct answer *a, struct request *r, const char *body, size_t len, int status) {
    struct http_answer http = {.whole = true, .sent = true, .status = status, .body = {body, len}};
    answer_read(a, &http, r, &contract);
}

static void good_answers(void **state) {
    (void)state;
    struct write_pool pool = {0};
    struct request r = {.count = 2};
    static struct answer a;
    r.writes[0] = make(&pool, 0, "a", "1.5", "{}");
    r.writes[1] = make(&pool, 1, "\x7f", NULL, "{}");
    /* bytes 00 01, which C text cannot hold */
    memcpy(r.writes[1]->bytes, "\0\1\0\2\0\1", 6);
    r.writes[1]->key_len = 6;
    read_answer(&a, &r, answers[0], strlen(answers[0]), 200);
    assert_int_equal(a.kind, KIND_NONE);
    assert_int_equal(a.units_milli, 2500);
    read_answer(&a, &r, answers[1], strlen(answers[1]), 200);
    assert_int_equal(a.kind, KIND_NONE);
    assert_int_equal(a.left_over, 2);
    assert_int_equal(r.fates[0], FATE_LEFT_OVER);
    assert_int_equal(r.fates[1], FATE_LEFT_OVER);
    r.transact = true;
    read_answer(&a, &r, answers[2], strlen(answers[2]), 400);
    assert_int_equal(a.kind, KIND_CANCELED);
    assert_int_equal(a.item_kinds[0], KIND_NONE);
    assert_int_equal(a.item_kinds[1], KIND_VALIDATION);
    assert_string_equal(a.item_messages[1], "bad");
    free(r.writes[0]);
    free(r.writes[1]);
}

/* Whatever comes, every write keeps a fate, and what is not a whole good answer is never taken for one. */
static void hostile_answers(void **state) {
    (void)state;
    struct write_pool pool = {0};
    struct request r = {.count = 2};
    static struct answer a;
    r.writes[0] = make(&pool, 0, "a", "1.5", "{}");
    r.writes[1] = make(&pool, 1, "b", NULL, "{}");
    for (unsigned round = 0; round < 20000; round++) {
        char body[512];
        const char *from = answers[round % ARRAY_LEN(answers)];
        size_t len = strlen(from);
        memcpy(body, from, len);
        for (unsigned i = 0; i < 1 + round % 3; i++)
            body[sys_random_below(len)] = (char)sys_random();
        if (round % 5 == 0)
            len = sys_random_below(len);
        r.transact = round & 1;
        read_answer(&a, &r, body, len, round % 7 ? 200 : 400);
        for (size_t i = 0; i < r.count; i++)
            assert_true(r.fates[i] <= FATE_REFUSED);
        if (round % 5 == 0 && round % 7)
            assert_int_equal(a.kind, KIND_TRANSIENT);
    }
    const char *const bad[] = {
        "",
        "{}",
        "[]",
        "null",
        "{\"UnprocessedItems\":[]}",
        "{\"UnprocessedItems\":{\"C\":[]}}",
        "{\"UnprocessedItems\":{\"A\":[{\"PutRequest\":{\"Item\":{\"PK\":{\"S\":\"z\"},\"SK\":{\"N\":\"1\"}}}}]}}"};
    r.transact = false;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        read_answer(&a, &r, bad[i], strlen(bad[i]), 200);
        assert_int_equal(a.kind, KIND_TRANSIENT);
        assert_true(a.ambiguous);
    }
    free(r.writes[0]);
    free(r.writes[1]);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kinds),        cmocka_unit_test(backoff),
        cmocka_unit_test(breaker),      cmocka_unit_test(crc),
        cmocka_unit_test(heap),         cmocka_unit_test(packing),
        cmocka_unit_test(good_answers), cmocka_unit_test(hostile_answers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
