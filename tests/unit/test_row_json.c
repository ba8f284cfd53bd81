/* Lines of JSON: whatever stands in a value, a JSON parser reads the same back. */
#include "src/app/row_json.h"
#include "src/base/json.h"
#include "tests/unit/test.h"

static const char *written(struct buf *out, const struct value *v) {
    buf_clear(out);
    row_json_put_value(out, v);
    return buf_text(out);
}

/* Every byte that UTF-8 text may have, at every place of a text of up to three words of the scanner, and what JSON must escape. */
static void strings_come_back(void **state) {
    static const char *const characters[] = {"\"", "\\", "/", "\x7f", "ü", "€", "😀", "\u2028", "é\"", "\\\\"};
    defer(buf_deinit) struct buf out = BUF_INIT(1 << 20);
    for (size_t which = 0; which < 0x20 + ARRAY_LEN(characters); which++) {
        char control[] = {(char)which, 0};
        struct slice c = which < 0x20 ? (struct slice){control, 1} : slice_of(characters[which - 0x20]);
        for (size_t before = 0; before < 20; before++)
            for (size_t behind = 0; behind < 20; behind++) {
                char text[64];
                memset(text, 'a', sizeof(text));
                memcpy(text + before, c.data, c.len);
                struct slice s = {text, before + c.len + behind};
                struct json_doc *doc = NULL;
                struct error error;
                buf_clear(&out);
                row_json_put_string(&out, s);
                assert_int_equal(json_parse(&doc, "line", buf_slice(&out), &error), 0);
                assert_true(slice_equal(json_string(json_root(doc)), s));
                json_free(doc);
            }
    }
}

static void numbers(void **state) {
    defer(buf_deinit) struct buf out = BUF_INIT(1 << 20);
    assert_string_equal(written(&out, &(struct value){.kind = VALUE_INT, .i = INT64_MIN}), "-9223372036854775808");
    assert_string_equal(written(&out, &(struct value){.kind = VALUE_UINT, .u = UINT64_MAX}), "18446744073709551615");
    assert_string_equal(written(&out, &(struct value){.kind = VALUE_INT, .i = 0}), "0");
    assert_string_equal(written(&out, &(struct value){.kind = VALUE_DECIMAL, .data = "-0.50", .len = 5}), "-0.50");
    assert_string_equal(written(&out, &(struct value){.kind = VALUE_FLOAT, .f = 0.1F}), "0.1");
    assert_string_equal(written(&out, &(struct value){.kind = VALUE_DOUBLE, .d = 0.1 + 0.2}), "0.30000000000000004");
    assert_string_equal(written(&out, &(struct value){.kind = VALUE_NULL}), "null");
}

static void times(void **state) {
    defer(buf_deinit) struct buf out = BUF_INIT(1 << 20);
    struct datetime t = {2026, 0, 31, 1, 2, 3, 45};
    uint64_t packed = value_pack_datetime(&t);
    assert_string_equal(written(&out, &(struct value){.kind = VALUE_DATE, .u = packed}), "\"2026-00-31\"");
    assert_string_equal(written(&out, &(struct value){.kind = VALUE_DATETIME, .u = packed, .scale = 6}),
                        "\"2026-00-31 01:02:03.000045\"");
    assert_string_equal(written(&out, &(struct value){.kind = VALUE_TIMESTAMP, .u = 0}), "\"0000-00-00 00:00:00\"");
    assert_string_equal(written(&out, &(struct value){.kind = VALUE_TIME, .i = -1, .scale = 6}),
                        "\"-00:00:00.000001\"");
    assert_string_equal(written(&out, &(struct value){.kind = VALUE_TIME, .i = 3020399000000}), "\"838:59:59\"");
}

static void other_kinds(void **state) {
    defer(buf_deinit) struct buf out = BUF_INIT(1 << 20);
    static const char point[] = "\xe6\x10\0\0\1\1\0\0\0\0\0\0\0\0\0\xf0\x3f\0\0\0\0\0\0\0\x40";
    assert_string_equal(written(&out, &(struct value){.kind = VALUE_BYTES, .data = "\0\xff", .len = 2}), "\"AP8=\"");
    assert_string_equal(written(&out, &(struct value){.kind = VALUE_BYTES, .data = "", .len = 0}), "\"\"");
    assert_string_equal(written(&out, &(struct value){.kind = VALUE_ENUM, .u = 2, .data = "b\"", .len = 2}),
                        "\"b\\\"\"");
    assert_string_equal(written(&out, &(struct value){.kind = VALUE_ENUM, .u = 2}), "2"); /* labels not known */
    assert_string_equal(written(&out, &(struct value){.kind = VALUE_JSON, .data = "{\"a\": 1}", .len = 8}),
                        "{\"a\": 1}");
    assert_string_equal(written(&out, &(struct value){.kind = VALUE_GEOMETRY, .data = point, .len = 25}),
                        "{\"srid\":4326,\"wkb\":\"AQEAAAAAAAAAAADwPwAAAAAAAABA\"}");
    assert_string_equal(written(&out, &(struct value){.kind = VALUE_GEOMETRY, .data = "\0\0\0\0x", .len = 5}),
                        "{\"srid\":0,\"wkb\":\"eA==\"}"); /* no geometry: its bytes */
}

static void a_line(void **state) {
    struct arena arena defer(arena_deinit) = {0};
    defer(buf_deinit) struct buf out = BUF_INIT(1 << 20), head = BUF_INIT(1 << 10);
    const struct column columns[] = {{.name = "id"}, {.name = "a\"b"}, {.name = "c"}};
    const struct table table = {.database = "shop", .name = "t", .columns = columns, .column_count = 3};
    const struct value before[] = {{.kind = VALUE_UNKNOWN}, {.kind = VALUE_NULL}, {.kind = VALUE_INT, .i = 1}};
    const struct value after[] = {{.kind = VALUE_INT, .i = 7}, {.kind = VALUE_UNKNOWN}, {.kind = VALUE_UNKNOWN}};
    struct txn_end end = {
        .gtid.number = 5, .file = "binlog.000003", .offset = 5000000000, .commit_us = 1764073712000009};
    struct row_change change = {.kind = ROW_UPDATE, .table = &table, .before = before, .after = after};
    struct row_json_table names;
    row_json_table_init(&names, &table, &arena);
    row_json_put_head(&head, &end);
    row_json_put_change(&out, buf_slice(&head), &names, &change, 3);
    assert_string_equal(
        buf_text(&out),
        "{\"position\":\"binlog.000003:5000000000\",\"gtid\":\"00000000-0000-0000-0000-000000000000:5\","
        "\"timestamp\":\"2025-11-25T12:28:32.000009Z\",\"row\":3,\"table\":\"shop.t\",\"kind\":\"update\","
        "\"before\":{\"a\\\"b\":null,\"c\":1},\"after\":{\"id\":7}}\n");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(strings_come_back), cmocka_unit_test(numbers), cmocka_unit_test(times),
        cmocka_unit_test(other_kinds),       cmocka_unit_test(a_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
