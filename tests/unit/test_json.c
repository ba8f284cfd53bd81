/* JSON documents: the binary format (bytes from a real server, and malformed ones) and differences applied to text. */
#include "binlog/json_binary.h"
#include "binlog/json_partial.h"
#include "contract/json_diff.h"
#include "src/base/sys.h"
#include "tests/unit/test.h"

#include <stdlib.h>

#define BYTES(text) ((struct slice){(text), sizeof(text) - 1})

static struct arena arena;

/* The text, or "malformed". The bytes end where the sanitizer sees who reads on. */
static const char *text_of(struct slice bytes) {
    struct value v;
    char *exact = xmalloc(bytes.len + 1);
    memcpy(exact + 1, bytes.data, bytes.len);
    bool good = json_binary_decode((struct slice){exact + 1, bytes.len}, false, &arena, &v);
    free(exact);
    return good ? arena_strndup(&arena, v.data, v.len) : "malformed";
}

#define IS(want, bytes) assert_string_equal(want, text_of(BYTES(bytes)))

/* [S23] As MySQL 9.7 wrote and printed them. */
static const char object[] =
    "\x00\x03\x00\x6F\x00\x19\x00\x01\x00\x1A\x00\x02\x00\x1C\x00\x03\x00\x05\x01\x00\x02\x1F\x00\x00\x6B\x00\x61\x62"
    "\x62"
    "\x63\x63\x63\x0A\x00\x4C\x00\x04\x01\x00\x04\x00\x00\x04\x02\x00\x0C\x22\x00\x0B\x28\x00\x07\x30\x00\x05\xFD\xFF"
    "\x0A"
    "\x34\x00\x09\x3C\x00\x09\x44\x00\x05\x78\x0A\x01\xC3\xA9\x00\x00\x00\x00\x00\x00\xF8\x3F\x70\x11\x01\x00\xFF\xFF"
    "\xFF"
    "\xFF\xFF\xFF\xFF\xFF\x00\x00\x00\x00\x00\x00\x00\x80\xFF\xFF\xFF\xFF\x00\x00\x00\x00\x00\x00\x04\x00";
static const char scalars[] =
    "\x02\x07\x00\x54\x00\x0F\x19\x00\x0F\x22\x00\x0F\x2C\x00\x0F\x36\x00\x0F\x40\x00\x0B\x44\x00\x0B\x4C\x00\xF6\x07"
    "\x0B"
    "\x02\x7F\xFF\xFF\xF3\xCD\x0A\x08\x00\x00\x00\x00\x00\x6A\xBB\x19\x0B\x08\xE0\x5E\xF8\x33\x5D\xFF\xFF\xFF\x0C\x08"
    "\x90"
    "\xD0\x03\xC0\xA3\x6A\xBB\x19\x0F\x02\x00\xFF\x7D\xC3\x94\x25\xAD\x49\xB2\x54\x00\x00\x00\x00\x00\x00\x00\x80";

static void test_binary(void **state) {
    assert_string_equal(
        text_of((struct slice){object, sizeof(object) - 1}),
        "{\"a\": 1, \"bb\": [true, null, false, \"x\\n\\u0001é\", 1.5, 70000, -3, 18446744073709551615, "
        "-9223372036854775808, 4294967295], \"ccc\": {}}");
    assert_string_equal(
        text_of((struct slice){scalars, sizeof(scalars) - 1}),
        "[-12.50, \"2026-11-21\", \"-10:11:12.500000\", \"2026-11-21 10:15:00.250000\", \"base64:type15:AP8=\", "
        "1e100, -0.0]");
    IS("\"hello\"", "\x0C\x05hello");
    IS("7", "\x05\x07\x00");
    IS("null", "\x04\x00");
    IS("null", "");
    IS("[[[[{\"a\": [[]]}]]]]",
       "\x02\x01\x00\x33\x00\x02\x07\x00\x01\x00\x2C\x00\x02\x07\x00\x01\x00\x25\x00\x02\x07\x00\x01"
       "\x00\x1E\x00\x00\x07\x00\x01\x00\x17\x00\x0B\x00\x01\x00\x02\x0C\x00\x61\x01\x00\x0B\x00"
       "\x02\x07\x00\x00\x00\x04\x00");
    IS("[70000]", "\x03\x01\0\0\0\x0D\0\0\0\x07\x70\x11\x01\0"); /* the large format holds 32 bits in place */
}

static void test_malformed(void **state) {
    IS("malformed", "\x05\x07");                             /* half a number */
    IS("malformed", "\x04\x03");                             /* a literal that there is not */
    IS("malformed", "\x0D");                                 /* a type that there is not */
    IS("malformed", "\x0C\x06hello");                        /* a string behind the end */
    IS("malformed", "\x0C\x80\x80\x80\x80\x80\x01");         /* an endless length */
    IS("malformed", "\x02\x01\0\x07\0\x05\x01");             /* an array behind the end */
    IS("malformed", "\x02\x02\0\x07\0\x05\x01\0\x05\x01\0"); /* elements behind its size */
    IS("malformed", "\x02\x01\0\x07\0\x0C\x03\0");           /* a value inside the header */
    IS("malformed", "\x02\x01\0\x07\0\x0C\x07\0\x01"
                    "a");                                    /* a value outside of its array */
    IS("malformed", "\x02\x01\0\x08\0\x0C\xFF\xFF\0");       /* far outside */
    IS("malformed", "\x03\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF"); /* a huge count */
    IS("malformed", "\x0F\xF6\x04\x48\x00\x80\x00");         /* a decimal of 72 digits in two bytes */
    IS("malformed", "\x0F\xF6\x03\x05\x06\x80");             /* more fraction than digits */
    IS("malformed", "\x0F\x0A\x04\0\0\0\0");                 /* half a date */
    IS("malformed", "\x0B\0\0\0\0\0\0\xF0\x7F");             /* infinity */
    for (size_t i = 1; i < sizeof(object) - 2; i++)          /* what is cut off is never read as something else */
        assert_string_equal(text_of((struct slice){object, i}), "malformed");
}

/* Arrays whose elements all are the next array: 200 elements, 100 levels deep, in 60 KB, would be 10^230 values. */
static void test_overlapping_values(void **state) {
    struct buf b defer(buf_deinit) = BUF_INIT(1 << 20);
    enum { LEVELS = 90, COUNT = 200, SIZE = 4 + 3 * COUNT };
    buf_put_u8(&b, 2);
    for (unsigned level = 0; level < LEVELS; level++) {
        buf_put_le16(&b, COUNT);
        buf_put_le16(&b, (uint16_t)(SIZE * (LEVELS - level)));
        for (unsigned i = 0; i < COUNT; i++) {
            buf_put_u8(&b, level + 1 < LEVELS ? 2 : 4);
            buf_put_le16(&b, level + 1 < LEVELS ? SIZE : 0);
        }
    }
    int64_t start = sys_monotonic_us();
    assert_string_equal(text_of(buf_slice(&b)), "malformed");
    assert_true(sys_monotonic_us() - start < 1000000);
}

/* ---- differences */

static const char *applied(const char *document, const char *diffs) {
    struct buf text = BUF_INIT(1 << 20);
    const char *made = json_diff_apply(slice_of(document), slice_of(diffs), &text)
                           ? arena_strndup(&arena, text.data, text.len)
                           : "refused";
    buf_deinit(&text);
    return made;
}

#define DIFF(op, path, value) "[{\"op\": \"" op "\", \"path\": \"" path "\", \"value\": " value "}]"
#define REMOVE(path) "[{\"op\": \"remove\", \"path\": \"" path "\"}]"

static const struct {
    const char *document, *diffs, *want;
} changes[] = {
    {"{\"a\": 1}", "[]", "{\"a\": 1}"},
    {"{\"a\": 1, \"bb\": [1, 2]}", DIFF("replace", "$.bb[1]", "{\"x\": 3}"), "{\"a\": 1, \"bb\": [1, {\"x\": 3}]}"},
    {"{\"a\": 1, \"bb\": [1, 2]}", DIFF("replace", "$.bb[last-1]", "9"), "{\"a\": 1, \"bb\": [9, 2]}"},
    {"{\"bb\": 1}", DIFF("insert", "$.a", "2"), "{\"a\": 2, \"bb\": 1}"}, /* the shorter key first */
    {"{\"c\": 1, \"bb\": 2}", DIFF("insert", "$.\\\"\\\\n\\\"", "3"),
     "{\"\\n\": 3, \"c\": 1, \"bb\": 2}"}, /* by what it means */
    {"{\"a\": 1}", DIFF("insert", "$.b", "[]"), "{\"a\": 1, \"b\": []}"},
    {"{}", DIFF("insert", "$.b", "1"), "{\"b\": 1}"},
    {"[]", DIFF("insert", "$[7]", "1"), "[1]"},
    {"[[]]", DIFF("insert", "$[0][last]", "1"), "[[1]]"},
    {"[1, 3]", DIFF("insert", "$[1]", "2"), "[1, 2, 3]"},
    {"[1, 2]", DIFF("insert", "$[2]", "3"), "[1, 2, 3]"},
    {"[1, 2, 3]", REMOVE("$[0]"), "[2, 3]"},
    {"[1, 2, 3]", REMOVE("$[1]"), "[1, 3]"},
    {"[1, 2, 3]", REMOVE("$[2]"), "[1, 2]"},
    {"{\"a\": \"}\\\"]\"}", REMOVE("$.a"), "{}"},
    {"[1, {\"a\\\"b\": [\",\", \"\\\\\"]}]", REMOVE("$[1].\\\"a\\\\\\\"b\\\"[0]"), "[1, {\"a\\\"b\": [\"\\\\\"]}]"},
    {"{\"a\": 1}", DIFF("insert", "$.a", "2"), "refused"},
    {"{\"a\": 1}", DIFF("replace", "$.b", "2"), "refused"},
    {"{\"a\": 1}", DIFF("replace", "$[0]", "2"), "refused"},
    {"[1]", DIFF("replace", "$[1]", "2"), "refused"},
    {"[]", DIFF("replace", "$[last]", "2"), "refused"},
    {"[1]", REMOVE("$"), "refused"},
    {"[1]", REMOVE("$[x]"), "refused"},
    {"1", REMOVE("$.a"), "refused"},
    {"[1", REMOVE("$[1]"), "refused"},
    {"[1]", "[{\"op\": \"add\", \"path\": \"$[0]\", \"value\": 1}]", "refused"},
    {"[1]", "[{\"op\": \"insert\", \"path\": \"$[0]\"}]", "refused"},
    {"[1]", "{}", "refused"},
};

/* [S14] */
static void test_differences(void **state) {
    for (size_t i = 0; i < ARRAY_LEN(changes); i++)
        assert_string_equal(applied(changes[i].document, changes[i].diffs), changes[i].want);
}

/* [S14] Operation, path and value, as a server wrote them for JSON_SET(doc, '$.a', 2). */
static void test_partial(void **state) {
    struct value after, whole = {.kind = VALUE_JSON, .data = "{\"a\": 1}", .len = 8}, none = {.kind = VALUE_UNKNOWN},
                        null = {.kind = VALUE_NULL};
    struct slice diff = BYTES("\x00\x03$.a\x03\x05\x02\x00"), bad = BYTES("\x03\x03$.a\x03\x05\x02\x00"),
                 cut = BYTES("\x00\x03$.a\x03\x05\x02");
    assert_true(json_partial_decode(diff, &whole, &arena, &after));
    assert_int_equal(after.kind, VALUE_JSON);
    assert_string_equal(arena_strndup(&arena, after.data, after.len), "{\"a\": 2}");
    assert_true(json_partial_decode(diff, &none, &arena, &after));
    assert_int_equal(after.kind, VALUE_JSON_DIFF);
    assert_string_equal(arena_strndup(&arena, after.data, after.len),
                        "[{\"op\": \"replace\", \"path\": \"$.a\", \"value\": 2}]");
    assert_false(json_partial_decode(diff, &null, &arena, &after));
    assert_false(json_partial_decode(bad, &none, &arena, &after));
    assert_false(json_partial_decode(cut, &none, &arena, &after));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_binary),      cmocka_unit_test(test_malformed), cmocka_unit_test(test_overlapping_values),
        cmocka_unit_test(test_differences), cmocka_unit_test(test_partial),
    };
    int r = cmocka_run_group_tests(tests, NULL, NULL);
    arena_deinit(&arena);
    return r;
}
