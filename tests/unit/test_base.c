/* src/base: buffers with a maximum, cursors that cannot pass their end, arenas, JSON with places, suggestions. */
#include "tests/unit/test.h"

#include "src/base/arena.h"
#include "src/base/buf.h"
#include "src/base/cursor.h"
#include "src/base/digest.h"
#include "src/base/json.h"
#include "src/base/suggest.h"
#include "src/base/sys.h"

#include <stdlib.h>

static void buf_stops_at_its_maximum(void **state) {
    struct buf b = BUF_INIT(10);
    buf_put_text(&b, "0123456789");
    assert_false(b.full);
    buf_put_char(&b, 'x');
    assert_true(b.full);
    assert_int_equal(b.len, 10);
    buf_clear(&b);
    buf_put_text(&b, "ab");
    assert_string_equal(buf_text(&b), "ab");
    buf_deinit(&b);
}

static void varints_and_blobs_come_back(void **state) {
    static const uint64_t numbers[] = {0, 1, 127, 128, 300, 1ull << 32, UINT64_MAX};
    struct buf b = BUF_INIT(1000);
    for (size_t i = 0; i < ARRAY_LEN(numbers); i++)
        buf_put_varint(&b, numbers[i]);
    buf_put_blob(&b, SLICE("hello"));
    struct cursor c = cursor_of(b.data, b.len);
    for (size_t i = 0; i < ARRAY_LEN(numbers); i++)
        assert_true(cursor_varint(&c) == numbers[i]);
    struct slice blob = cursor_blob(&c);
    assert_true(slice_equal(blob, SLICE("hello")));
    assert_false(c.failed);
    assert_int_equal(cursor_left(&c), 0);
    buf_deinit(&b);
}

static void cursor_never_passes_its_end(void **state) {
    const unsigned char bytes[] = {0xFC, 1, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF};
    for (size_t len = 0; len <= sizeof(bytes); len++) {
        struct cursor c = cursor_of(bytes, len);
        (void)cursor_lenenc(&c);
        (void)cursor_varint(&c);
        (void)cursor_blob(&c);
        (void)cursor_u64(&c);
        assert_true(c.at <= c.end);
        assert_true(c.failed);
    }
    struct cursor c = cursor_of("abc", 3);
    assert_null(cursor_take(&c, SIZE_MAX));
    assert_true(c.failed);
}

static void arena_gives_aligned_memory_that_lasts(void **state) {
    struct arena a = {0};
    char *first = arena_strdup(&a, "first");
    for (size_t i = 1; i < 3000; i++)
        assert_int_equal((uintptr_t)arena_zalloc(&a, i) % 16, 0);
    assert_string_equal(first, "first");
    arena_reset(&a);
    assert_int_equal(a.used, 0);
    assert_string_equal(arena_printf(&a, "%d-%s", 7, "x"), "7-x");
    arena_deinit(&a);
}

static void json_knows_where_things_stand(void **state) {
    static const char text[] = "{\n  \"a\": [1, 2.50,\n    \"t\\u00e9xt\"],\n  \"b\": true\n}";
    struct json_doc *doc;
    struct error e;
    assert_int_equal(json_parse(&doc, "f.json", slice_of(text), &e), 0);
    const struct json *a = json_get(json_root(doc), "a");
    assert_int_equal(json_count(a), 3);
    struct json_place p = json_place(doc, json_at(a, 1));
    assert_int_equal(p.line, 2);
    assert_int_equal(p.column, 12);
    p = json_place(doc, json_at(a, 2));
    assert_int_equal(p.line, 3);
    assert_int_equal(p.column, 5);
    assert_true(slice_equal(json_number(json_at(a, 1)), SLICE("2.50")));
    assert_string_equal(json_text(json_at(a, 2)), "téxt");
    struct json_iter i = json_iter(json_root(doc));
    assert_true(json_next(&i) && json_next(&i));
    p = json_place(doc, i.key);
    assert_int_equal(p.line, 4);
    assert_int_equal(p.column, 3);
    json_free(doc);
    assert_int_equal(json_parse(&doc, "f.json", SLICE("{\n \"a\": }"), &e), ERR_CONFIG);
    assert_non_null(strstr(e.text, "f.json:2:7"));
}

static void json_written_can_be_read(void **state) {
    struct buf b = BUF_INIT(1000);
    struct json_out out = JSON_OUT(&b);
    json_open(&out, '{');
    json_key(&out, "list");
    json_open(&out, '[');
    json_put_int(&out, -5);
    json_put_bool(&out, true);
    json_put_null(&out);
    json_open(&out, '[');
    json_close(&out, ']');
    json_close(&out, ']');
    json_key(&out, "odd");
    json_put_slice(&out, SLICE("q\"\\\n\x01\xFF\xC3\xA9"));
    json_close(&out, '}');
    assert_string_equal(buf_text(&b),
                        "{\"list\":[-5,true,null,[]],\"odd\":\"q\\\"\\\\\\n\\u0001\xEF\xBF\xBD\xC3\xA9\"}");
    struct json_doc *doc;
    struct error e;
    assert_int_equal(json_parse(&doc, "again", buf_slice(&b), &e), 0);
    json_free(doc);
    buf_deinit(&b);
}

static void digests_are_the_known_ones(void **state) {
    char hex[SHA256_HEX];
    unsigned char d[SHA256_SIZE];
    sha256(SLICE("abc"), d); /* FIPS 180-4, appendix B.1 */
    hex_encode(d, sizeof(d), hex);
    assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    hmac_sha256(SLICE("Jefe"), SLICE("what do ya want for nothing?"), d); /* RFC 4231, test case 2 */
    hex_encode(d, sizeof(d), hex);
    assert_string_equal(hex, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    char out[8];
    assert_int_equal(base64_encode((const unsigned char *)"fooba", 5, out), 8);
    assert_memory_equal(out, "Zm9vYmE=", 8);
}

static void suggestions_are_near(void **state) {
    static const char *const names[] = {"source_table", "pk_template", "attributes"};
    assert_string_equal(suggest("sorce_table", names, 3), "source_table");
    assert_string_equal(suggest("atributes", names, 3), "attributes");
    assert_null(suggest("zzz", names, 3));
}

static void time_is_written_as_iso(void **state) {
    char out[32];
    sys_format_time(1795256100123456, out, sizeof(out));
    assert_string_equal(out, "2026-11-21T10:15:00.123Z");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(buf_stops_at_its_maximum),      cmocka_unit_test(varints_and_blobs_come_back),
        cmocka_unit_test(cursor_never_passes_its_end),   cmocka_unit_test(arena_gives_aligned_memory_that_lasts),
        cmocka_unit_test(json_knows_where_things_stand), cmocka_unit_test(json_written_can_be_read),
        cmocka_unit_test(digests_are_the_known_ones),    cmocka_unit_test(suggestions_are_near),
        cmocka_unit_test(time_is_written_as_iso),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
