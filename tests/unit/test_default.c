/* Column defaults, from the texts that a 9.7 server shows for them. That they are what it writes is tested against it
 * (tests/e2e/test_binlog.py). */
#include "tests/unit/test.h"

#include "binlog/default.h"

static struct arena arena;

static const struct slice labels[] = {{"a", 1}, {"b'c", 3}, {"ü", 2}};

struct expectation {
    struct column column;
    const char *text;
    int decimals;
    struct value want;
};
#define UNKNOWN {.kind = VALUE_UNKNOWN}
#define TEXT(s) {.kind = VALUE_TEXT, .data = s, .len = sizeof(s) - 1}
#define DECIMAL(s, n) {.kind = VALUE_DECIMAL, .scale = n, .data = s, .len = sizeof(s) - 1}
#define LABELS .labels = labels, .label_count = 3

static uint64_t at(unsigned year, unsigned month, unsigned day, unsigned hour, unsigned minute, unsigned second,
                   unsigned us) {
    struct datetime t = {year, month, day, hour, minute, second, us};
    return value_pack_datetime(&t);
}

static void check(const struct value *got, const struct value *want, const char *what) {
    if (got->kind != want->kind)
        fail_msg("%s: kind %u instead of %u", what, got->kind, want->kind);
    if (got->kind != VALUE_UNKNOWN && (!value_equal(got, want) || got->scale != want->scale))
        fail_msg("%s", what);
}

static void test_texts(void **state) {
    const struct expectation list[] = {
        {{.type = COLUMN_INT}, "-7", -1, {.kind = VALUE_INT, .i = -7}},
        {{.type = COLUMN_INT}, "-9223372036854775808", -1, {.kind = VALUE_INT, .i = INT64_MIN}},
        {{.type = COLUMN_INT}, "9223372036854775808", -1, UNKNOWN},
        {{.type = COLUMN_INT, .is_unsigned = true}, "18446744073709551615", -1, {.kind = VALUE_UINT, .u = UINT64_MAX}},
        {{.type = COLUMN_INT, .is_unsigned = true}, "18446744073709551616", -1, UNKNOWN},
        {{.type = COLUMN_INT, .is_unsigned = true}, "00007", -1, {.kind = VALUE_UINT, .u = 7}},
        {{.type = COLUMN_INT}, "", -1, UNKNOWN},
        {{.type = COLUMN_INT}, "1x", -1, UNKNOWN},
        {{.type = COLUMN_INT}, "CURRENT_TIMESTAMP", -1, UNKNOWN},
        {{.type = COLUMN_BIT}, "b'101'", -1, {.kind = VALUE_UINT, .u = 5}},
        {{.type = COLUMN_BIT}, "b'102'", -1, UNKNOWN},
        {{.type = COLUMN_YEAR}, "0000", -1, {.kind = VALUE_UINT}},
        {{.type = COLUMN_YEAR}, "1970", -1, {.kind = VALUE_UINT, .u = 1970}},
        {{.type = COLUMN_DECIMAL, .digits = 3}, "5.100", -1, DECIMAL("5.100", 3)},
        {{.type = COLUMN_DECIMAL, .digits = 2}, "001.50", -1, DECIMAL("1.50", 2)},
        {{.type = COLUMN_DECIMAL, .digits = 2}, "-0.50", -1, DECIMAL("-0.50", 2)},
        {{.type = COLUMN_DECIMAL, .digits = 2}, "000.00", -1, DECIMAL("0.00", 2)},
        {{.type = COLUMN_DECIMAL}, "12", -1, DECIMAL("12", 0)},
        {{.type = COLUMN_DECIMAL, .digits = 2}, "1.5", -1, UNKNOWN},
        {{.type = COLUMN_DOUBLE}, "1e22", -1, {.kind = VALUE_DOUBLE, .d = 1e22}},
        {{.type = COLUMN_DOUBLE}, "0.30000000000000004", -1, {.kind = VALUE_DOUBLE, .d = 0.1 + 0.2}},
        {{.type = COLUMN_DOUBLE}, "0.00", 2, {.kind = VALUE_DOUBLE, .d = 0}},
        {{.type = COLUMN_DOUBLE}, "inf", -1, UNKNOWN},
        {{.type = COLUMN_FLOAT}, "0.1", -1, {.kind = VALUE_FLOAT, .f = 0.1f}},
        {{.type = COLUMN_FLOAT}, "3.4e38", -1, {.kind = VALUE_FLOAT, .f = 3.4e38f}},
        {{.type = COLUMN_FLOAT}, "1000000", -1, {.kind = VALUE_FLOAT, .f = 1e6f}},
        {{.type = COLUMN_FLOAT}, "16777200", -1, UNKNOWN},
        {{.type = COLUMN_FLOAT}, "1.23457", -1, UNKNOWN},
        {{.type = COLUMN_FLOAT}, "1234.500", 3, {.kind = VALUE_FLOAT, .f = 1234.5f}},
        {{.type = COLUMN_TEXT}, "it's \\ x\n", -1, TEXT("it's \\ x\n")},
        {{.type = COLUMN_TEXT}, "NULL", -1, TEXT("NULL")},
        {{.type = COLUMN_TEXT}, "", -1, TEXT("")},
        {{.type = COLUMN_TEXT}, "x?", -1, UNKNOWN},
        {{.type = COLUMN_BINARY}, "0x6162", -1, UNKNOWN},
        {{.type = COLUMN_JSON}, "1", -1, UNKNOWN},
        {{.type = COLUMN_UNSUPPORTED}, "1", -1, UNKNOWN},
        {{.type = COLUMN_ENUM, LABELS}, "ü", -1, {.kind = VALUE_ENUM, .u = 3, .data = "ü", .len = 2}},
        {{.type = COLUMN_ENUM, LABELS}, "A", -1, UNKNOWN},
        {{.type = COLUMN_SET, LABELS}, "a,ü", -1, {.kind = VALUE_SET, .u = 5, .data = "a,ü", .len = 4}},
        {{.type = COLUMN_SET, LABELS}, "", -1, {.kind = VALUE_SET, .data = ""}},
        {{.type = COLUMN_SET, LABELS}, "a,z", -1, UNKNOWN},
        {{.type = COLUMN_DATE}, "2020-01-02", -1, {.kind = VALUE_DATE, .u = at(2020, 1, 2, 0, 0, 0, 0)}},
        {{.type = COLUMN_DATE}, "0000-00-00", -1, {.kind = VALUE_DATE}},
        {{.type = COLUMN_DATETIME, .digits = 3},
         "2020-01-02 03:04:05.600",
         -1,
         {.kind = VALUE_DATETIME, .scale = 3, .u = at(2020, 1, 2, 3, 4, 5, 600000)}},
        {{.type = COLUMN_DATETIME}, "2020-01-02 03:04:05.6", -1, UNKNOWN},
        {{.type = COLUMN_DATETIME}, "2020-01-02", -1, UNKNOWN},
        {{.type = COLUMN_TIMESTAMP}, "2020-01-02 03:04:05", -1, UNKNOWN},
        {{.type = COLUMN_TIMESTAMP, .digits = 1}, "0000-00-00 00:00:00.0", -1, {.kind = VALUE_TIMESTAMP, .scale = 1}},
        {{.type = COLUMN_TIME, .digits = 2}, "-12:13:14.15", -1, {.kind = VALUE_TIME, .scale = 2, .i = -43994150000}},
        {{.type = COLUMN_TIME}, "838:59:59", -1, {.kind = VALUE_TIME, .i = 3020399000000}},
        {{.type = COLUMN_TIME}, "839:00:00", -1, UNKNOWN},
    };
    for (size_t i = 0; i < ARRAY_LEN(list); i++) {
        struct value got = default_from_text(&list[i].column, slice_of(list[i].text), list[i].decimals, &arena);
        check(&got, &list[i].want, list[i].text);
    }
}

static void test_no_text(void **state) {
    const struct {
        struct column column;
        struct value want;
    } list[] = {
        {{.type = COLUMN_INT, .nullable = true}, {.kind = VALUE_NULL}},
        {{.type = COLUMN_JSON, .nullable = true}, {.kind = VALUE_NULL}},
        {{.type = COLUMN_JSON}, {.kind = VALUE_JSON, .data = "null", .len = 4}},
        {{.type = COLUMN_VECTOR}, {.kind = VALUE_VECTOR, .data = ""}},
        {{.type = COLUMN_VECTOR, .nullable = true}, {.kind = VALUE_NULL}},
        {{.type = COLUMN_GEOMETRY}, UNKNOWN},
        {{.type = COLUMN_GEOMETRY, .nullable = true}, {.kind = VALUE_NULL}},
        {{.type = COLUMN_INT}, {.kind = VALUE_INT}},
        {{.type = COLUMN_INT, .is_unsigned = true}, {.kind = VALUE_UINT}},
        {{.type = COLUMN_BIT}, {.kind = VALUE_UINT}},
        {{.type = COLUMN_YEAR}, {.kind = VALUE_UINT}},
        {{.type = COLUMN_DECIMAL, .digits = 2}, DECIMAL("0.00", 2)},
        {{.type = COLUMN_DECIMAL}, DECIMAL("0", 0)},
        {{.type = COLUMN_FLOAT}, {.kind = VALUE_FLOAT}},
        {{.type = COLUMN_DOUBLE}, {.kind = VALUE_DOUBLE}},
        {{.type = COLUMN_TEXT}, TEXT("")},
        {{.type = COLUMN_BINARY}, {.kind = VALUE_BYTES, .data = ""}},
        {{.type = COLUMN_BINARY, .fixed_length = true, .length = 2}, {.kind = VALUE_BYTES, .data = "\0\0", .len = 2}},
        {{.type = COLUMN_ENUM, LABELS}, {.kind = VALUE_ENUM, .u = 1, .data = "a", .len = 1}},
        {{.type = COLUMN_SET, LABELS}, {.kind = VALUE_SET, .data = ""}},
        {{.type = COLUMN_DATE}, {.kind = VALUE_DATE}},
        {{.type = COLUMN_TIME, .digits = 3}, {.kind = VALUE_TIME, .scale = 3}},
        {{.type = COLUMN_DATETIME, .digits = 6}, {.kind = VALUE_DATETIME, .scale = 6}},
        {{.type = COLUMN_TIMESTAMP}, {.kind = VALUE_TIMESTAMP}},
    };
    for (size_t i = 0; i < ARRAY_LEN(list); i++) {
        struct value got = default_implicit(&list[i].column, &arena);
        check(&got, &list[i].want, column_type_name(list[i].column.type));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_texts), cmocka_unit_test(test_no_text)};
    int r = cmocka_run_group_tests(tests, NULL, NULL);
    arena_deinit(&arena);
    return r;
}
