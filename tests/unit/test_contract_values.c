/* Values as attributes (docs/contract.md, "Values"), templates, and expressions. */
#include "contract/convert.h"
#include "contract/expr_parse.h"
#include "contract/load.h"
#include "tests/unit/shop_schema.h"
#include "tests/unit/test.h"

#define POINT_WKB "\1\1\0\0\0\0\0\0\0\0\0\xF0\x3F\0\0\0\0\0\0\0\x40"
#define POINT "\0\0\0\0" POINT_WKB
#define TEXT_VALUE(k, t) {.kind = k, .data = t, .len = sizeof(t) - 1}
static uint64_t packed(unsigned y, unsigned mo, unsigned d, unsigned h, unsigned mi, unsigned s, unsigned us) {
    return value_pack_datetime(&(struct datetime){y, mo, d, h, mi, s, us});
}

/* "S:text", "N:1", "BOOL:true", "L:[...]"; "absent"; "poison: reason" */
static const char *converted(struct arena *arena, enum attr_type type, const struct value *v) {
    struct attr a = {0};
    struct error error = {0};
    defer(buf_deinit) struct buf buf = BUF_INIT(1 << 20);
    int r = attr_from_value(type, v, arena, &a, &error);
    if (r == EVALUATE_ABSENT)
        return "absent";
    if (r == EVALUATE_POISON)
        return arena_printf(arena, "poison: %s", error.text);
    assert_int_equal(r, EVALUATE_OK);
    assert_int_equal(a.type, type);
    attr_put_json(&buf, &a);
    return arena_strdup(arena, buf_text(&buf));
}

static const struct {
    struct value value;
    enum attr_type type;
    const char *want;
} rows[] = {
    /* integers, YEAR, BIT */
    {{.kind = VALUE_INT, .i = -5}, ATTR_S, "\"-5\""},
    {{.kind = VALUE_INT, .i = -5}, ATTR_N, "-5"},
    {{.kind = VALUE_INT, .i = INT64_MIN}, ATTR_N, "-9223372036854775808"},
    {{.kind = VALUE_UINT, .u = UINT64_MAX}, ATTR_N, "18446744073709551615"},
    {{.kind = VALUE_UINT, .u = UINT64_MAX}, ATTR_S, "\"18446744073709551615\""},
    {{.kind = VALUE_INT, .i = 0}, ATTR_BOOL, "false"},
    {{.kind = VALUE_INT, .i = -1}, ATTR_BOOL, "true"},
    {{.kind = VALUE_UINT, .u = 2}, ATTR_BOOL, "true"},
    {{.kind = VALUE_NULL}, ATTR_S, "absent"},
    {{.kind = VALUE_UNKNOWN}, ATTR_N, "absent"},
    /* DECIMAL */
    {TEXT_VALUE(VALUE_DECIMAL, "12.50"), ATTR_S, "\"12.50\""},
    {TEXT_VALUE(VALUE_DECIMAL, "12.50"), ATTR_N, "12.50"},
    {TEXT_VALUE(VALUE_DECIMAL, "0.00"), ATTR_BOOL, "false"},
    {TEXT_VALUE(VALUE_DECIMAL, "0.01"), ATTR_BOOL, "true"},
    {TEXT_VALUE(VALUE_DECIMAL, "1.000000000000000000000000000000000000000000"), ATTR_N, "1"},
    {TEXT_VALUE(VALUE_DECIMAL, "123456789012345678901234567890123456789"), ATTR_N,
     "poison: 123456789012345678901234567890123456789 does not fit type N (38 digits, 1E-130 to 9.99E+125)"},
    /* FLOAT, DOUBLE */
    {{.kind = VALUE_FLOAT, .f = 0.1F}, ATTR_N, "0.1"},
    {{.kind = VALUE_DOUBLE, .d = 0.1}, ATTR_S, "\"0.1\""},
    {{.kind = VALUE_DOUBLE, .d = -0.0}, ATTR_S, "\"0\""},
    {{.kind = VALUE_DOUBLE, .d = -0.0}, ATTR_BOOL, "false"},
    {{.kind = VALUE_DOUBLE, .d = 1e21}, ATTR_N, "1e+21"},
    {{.kind = VALUE_DOUBLE, .d = 1e126}, ATTR_N, "poison: 1e+126 does not fit type N (38 digits, 1E-130 to 9.99E+125)"},
    {{.kind = VALUE_DOUBLE, .d = 1e-131},
     ATTR_N,
     "poison: 1e-131 does not fit type N (38 digits, 1E-130 to 9.99E+125)"},
    /* text */
    {TEXT_VALUE(VALUE_TEXT, "\xC3\xA9 \"x\""), ATTR_S, "\"\xC3\xA9 \\\"x\\\"\""},
    {TEXT_VALUE(VALUE_TEXT, ""), ATTR_S, "\"\""},
    {TEXT_VALUE(VALUE_TEXT, "+1.50"), ATTR_N, "1.5"},
    {TEXT_VALUE(VALUE_TEXT, "twelve"), ATTR_N, "poison: text that is no number in an attribute of type N"},
    {TEXT_VALUE(VALUE_TEXT, ""), ATTR_N, "poison: text that is no number in an attribute of type N"},
    {TEXT_VALUE(VALUE_TEXT, " 1"), ATTR_N, "poison: text that is no number in an attribute of type N"},
    {TEXT_VALUE(VALUE_TEXT, "abc"), ATTR_B, "\"YWJj\""},
    /* binary */
    {TEXT_VALUE(VALUE_BYTES, "\x00\x01\xFF"), ATTR_S, "\"AAH/\""},
    {TEXT_VALUE(VALUE_BYTES, "\x00\x01\xFF"), ATTR_B, "\"AAH/\""},
    /* ENUM, SET */
    {{.kind = VALUE_ENUM, .u = 2, .data = "paid", .len = 4}, ATTR_S, "\"paid\""},
    {{.kind = VALUE_ENUM, .u = 2, .data = "paid", .len = 4}, ATTR_N, "2"},
    {{.kind = VALUE_SET, .u = 5, .data = "a,c", .len = 3}, ATTR_S, "\"a,c\""},
    {{.kind = VALUE_SET, .u = 5, .data = "a,c", .len = 3}, ATTR_N, "5"},
    {{.kind = VALUE_SET, .u = 5, .data = "a,c", .len = 3}, ATTR_SS, "[\"a\",\"c\"]"},
    {{.kind = VALUE_SET, .u = 0, .data = "", .len = 0}, ATTR_SS, "absent"},
    {{.kind = VALUE_SET, .u = 0, .data = "", .len = 0}, ATTR_S, "\"\""},
    /* JSON */
    {TEXT_VALUE(VALUE_JSON, "{\"a\": [1, true, null]}"), ATTR_S, "\"{\\\"a\\\": [1, true, null]}\""},
    {TEXT_VALUE(VALUE_JSON, "{\"a\": [1.50, true, null, \"x\"]}"), ATTR_M, "{\"a\":[1.50,true,null,\"x\"]}"},
    {TEXT_VALUE(VALUE_JSON, "[1]"), ATTR_L, "[1]"},
    {TEXT_VALUE(VALUE_JSON, "[1]"), ATTR_M, "poison: JSON of type L in an attribute of type M"},
    {TEXT_VALUE(VALUE_JSON, "true"), ATTR_BOOL, "true"},
    {TEXT_VALUE(VALUE_JSON, "12"), ATTR_N, "12"},
    {TEXT_VALUE(VALUE_JSON, "\"12\""), ATTR_N, "poison: JSON of type S in an attribute of type N"},
    {TEXT_VALUE(VALUE_JSON, "null"), ATTR_M, "absent"},
    {TEXT_VALUE(VALUE_JSON, "{\"\": 1}"), ATTR_M,
     "poison: JSON with an empty key, which DynamoDB's type M cannot have"},
    {TEXT_VALUE(VALUE_JSON, "[1e400]"), ATTR_L, "poison: 1e400 does not fit type N (38 digits, 1E-130 to 9.99E+125)"},
    /* GEOMETRY: SRID, byte order, type */
    {TEXT_VALUE(VALUE_GEOMETRY, POINT), ATTR_S, "\"POINT(1 2)\""},
    {TEXT_VALUE(VALUE_GEOMETRY, POINT), ATTR_B, "\"AQEAAAAAAAAAAADwPwAAAAAAAABA\""},
    {TEXT_VALUE(VALUE_GEOMETRY, "\xE6\x10\0\0" POINT_WKB), ATTR_S,
     "poison: a geometry of SRID 4326 in an attribute of type S, which holds only those of SRID 0; type B holds all"},
    {TEXT_VALUE(VALUE_GEOMETRY, "\xE6\x10\0\0" POINT_WKB), ATTR_B, "\"AQEAAAAAAAAAAADwPwAAAAAAAABA\""},
    {TEXT_VALUE(VALUE_GEOMETRY, "\0\0\0\0\1\7\0\0\0\0\0\0\0"), ATTR_S, "\"GEOMETRYCOLLECTION EMPTY\""},
    {TEXT_VALUE(VALUE_GEOMETRY, "\0\0\0\0\1\7\0\0\0\1\0\0\0" POINT_WKB), ATTR_S, "\"GEOMETRYCOLLECTION(POINT(1 2))\""},
    {TEXT_VALUE(VALUE_GEOMETRY, ""), ATTR_S, "poison: a malformed geometry"},
    {TEXT_VALUE(VALUE_GEOMETRY, "\0\0\0"), ATTR_S, "poison: a malformed geometry"},
    {TEXT_VALUE(VALUE_GEOMETRY, POINT "x"), ATTR_S, "poison: a malformed geometry"},
    {TEXT_VALUE(VALUE_GEOMETRY, "\0\0\0\0\0\0\0\0\1"), ATTR_S, "poison: a malformed geometry"}, /* big-endian */
    {TEXT_VALUE(VALUE_GEOMETRY, "\0\0\0\0\1\0\0\0\0"), ATTR_S, "poison: a malformed geometry"},
    {TEXT_VALUE(VALUE_GEOMETRY, "\0\0\0\0\1\x08\0\0\0\1\0\0\0"), ATTR_S, "poison: a malformed geometry"},
    {TEXT_VALUE(VALUE_GEOMETRY, "\0\0\0\0\1\2\0\0\0\xFF\xFF\xFF\xFF"), ATTR_S, "poison: a malformed geometry"},
    {TEXT_VALUE(VALUE_GEOMETRY, "\0\0\0\0\1\3\0\0\0\1\0\0\0\xFF\xFF\xFF\xFF"), ATTR_S, "poison: a malformed geometry"},
    {TEXT_VALUE(VALUE_GEOMETRY, "\0\0\0\0\1\5\0\0\0\1\0\0\0" POINT_WKB), ATTR_S, "poison: a malformed geometry"},
    {TEXT_VALUE(VALUE_GEOMETRY, "\0\0\0\0\1\7\0\0\0\2\0\0\0" POINT_WKB), ATTR_S, "poison: a malformed geometry"},
    /* VECTOR */
    {TEXT_VALUE(VALUE_VECTOR, "\x00\x00\x80\x3F\xCD\xCC\xCC\x3D"), ATTR_L, "[1,0.1]"},
    {TEXT_VALUE(VALUE_VECTOR, "\x00\x00\x80\x3F"), ATTR_B, "\"AACAPw==\""},
    {TEXT_VALUE(VALUE_VECTOR, "\x00\x00\x80\x3F\xCD\xCC\xCC\x3D"), ATTR_S, "\"[1,0.1]\""},
};

static void test_values(void **state) {
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        defer(arena_deinit) struct arena arena = {0};
        const char *got = converted(&arena, rows[i].type, &rows[i].value);
        if (strcmp(got, rows[i].want) != 0)
            fail_msg("row %zu: %s, not %s", i, got, rows[i].want);
    }
}

static void test_temporals(void **state) {
    const struct {
        struct value value;
        enum attr_type type;
        const char *want;
    } times[] = {
        {{.kind = VALUE_DATE, .u = packed(2026, 11, 21, 0, 0, 0, 0)}, ATTR_S, "\"2026-11-21\""},
        {{.kind = VALUE_DATETIME, .u = packed(2026, 11, 21, 10, 15, 0, 0)}, ATTR_S, "\"2026-11-21T10:15:00\""},
        {{.kind = VALUE_DATETIME, .scale = 3, .u = packed(2026, 11, 21, 10, 15, 0, 250000)},
         ATTR_S,
         "\"2026-11-21T10:15:00.250\""},
        {{.kind = VALUE_TIMESTAMP, .u = packed(2026, 11, 21, 10, 15, 0, 0)}, ATTR_S, "\"2026-11-21T10:15:00Z\""},
        {{.kind = VALUE_TIMESTAMP, .u = packed(1970, 1, 1, 0, 0, 1, 0)}, ATTR_N, "1"},
        {{.kind = VALUE_TIMESTAMP, .scale = 2, .u = packed(1970, 1, 2, 0, 0, 0, 250000)}, ATTR_N, "86400.25"},
        {{.kind = VALUE_TIMESTAMP, .u = 0}, ATTR_S, "absent"},
        {{.kind = VALUE_TIMESTAMP, .u = 0}, ATTR_N, "absent"},
        {{.kind = VALUE_DATE, .u = packed(2026, 0, 1, 0, 0, 0, 0)}, ATTR_S, "absent"},
        {{.kind = VALUE_DATETIME, .u = packed(2026, 1, 0, 0, 0, 0, 0)}, ATTR_S, "absent"},
        {{.kind = VALUE_TIME, .i = -3020399000000}, ATTR_S, "\"-838:59:59\""},
    };
    for (size_t i = 0; i < ARRAY_LEN(times); i++) {
        defer(arena_deinit) struct arena arena = {0};
        assert_string_equal(converted(&arena, times[i].type, &times[i].value), times[i].want);
    }
}

static void test_what_is_refused(void **state) {
    static const struct {
        enum column_type column;
        enum attr_type type;
    } no[] = {{COLUMN_TEXT, ATTR_BOOL}, {COLUMN_ENUM, ATTR_BOOL}, {COLUMN_DATE, ATTR_N},   {COLUMN_DATETIME, ATTR_N},
              {COLUMN_TIME, ATTR_N},    {COLUMN_INT, ATTR_B},     {COLUMN_BINARY, ATTR_N}, {COLUMN_INT, ATTR_NULL},
              {COLUMN_TEXT, ATTR_SS},   {COLUMN_JSON, ATTR_B}};
    char choices[64];
    for (size_t i = 0; i < ARRAY_LEN(no); i++)
        assert_false(convert_allowed(no[i].column, no[i].type));
    assert_string_equal(convert_choices(COLUMN_SET, choices), "S, N, SS");
    assert_string_equal(convert_choices(COLUMN_UNSUPPORTED, choices), "");
}

/* [S23] Nor is a geometry deeper than the server itself could have made. */
static void test_deep_geometry(void **state) {
    defer(arena_deinit) struct arena arena = {0};
    defer(buf_deinit) struct buf bytes = BUF_INIT(1 << 22);
    buf_put(&bytes, "\0\0\0\0", 4);
    for (int i = 0; i < 200000; i++)
        buf_put(&bytes, "\1\7\0\0\0\1\0\0\0", 9);
    buf_put(&bytes, "\1\7\0\0\0\0\0\0\0", 9);
    struct value v = {.kind = VALUE_GEOMETRY, .data = bytes.data, .len = (uint32_t)bytes.len};
    assert_string_equal(converted(&arena, ATTR_S, &v), "poison: a malformed geometry");
}

/* JSON deeper than an item may be is poison, not a crash. */
static void test_deep_json(void **state) {
    defer(arena_deinit) struct arena arena = {0};
    char text[2001];
    memset(text, '[', 1000);
    memset(text + 1000, ']', 1000);
    struct value v = {.kind = VALUE_JSON, .data = text, .len = 2000};
    assert_string_equal(converted(&arena, ATTR_L, &v), "poison: JSON of more than 32 levels");
}

/* ---- templates and expressions, over one row of users */

static struct contract *compiled(const char *filter, const char *template) {
    struct findings findings = {0};
    struct error error;
    struct contract *c = NULL;
    defer(buf_deinit) struct buf text = BUF_INIT(10000);
    buf_put_text(&text, "[{\"table\":\"Users\",\"pk\":\"id\",\"source_table\":\"users\",\"attributes\":[{\"name\":"
                        "\"id\",\"type\":\"N\",\"source_column\":\"id\"},"
                        "{\"name\":\"first\",\"type\":\"S\",\"source_column\":\"first_name\"},{\"name\":\"sells\","
                        "\"type\":\"BOOL\",\"source_column\":\"is_seller\"},"
                        "{\"name\":\"username\",\"type\":\"S\",\"template\":\"@{username}\"},{\"name\":\"t\",\"type\":"
                        "\"S\",\"template\":");
    json_put_string(&text, slice_of(template));
    buf_put_text(&text, "}],\"filter\":");
    json_put_string(&text, slice_of(filter));
    buf_put_text(&text, "}]");
    if (contract_load(&c, "c.json", buf_slice(&text), &shop_schema,
                      &(struct contract_options){"online_shopping_store", ""}, &findings, &error))
        fail_msg("%s", error.text);
    findings_deinit(&findings);
    return c;
}

/* users: id 7, username ann, first_name NULL, is_seller 1, created_at 2026-11-21 10:15:00 */
static const struct value *user_row(const struct contract *c, struct arena *arena) {
    const struct source *s = c->sources[0];
    struct value *row = arena_zalloc(arena, s->column_count * sizeof(*row));
    for (size_t i = 0; i < s->column_count; i++) {
        const char *name = s->columns[i].name;
        row[i].kind = VALUE_NULL;
        if (strcmp(name, "id") == 0)
            row[i] = (struct value){.kind = VALUE_INT, .i = 7};
        if (strcmp(name, "username") == 0)
            row[i] = (struct value)TEXT_VALUE(VALUE_TEXT, "ann");
        if (strcmp(name, "is_seller") == 0)
            row[i] = (struct value){.kind = VALUE_INT, .i = 1};
    }
    return row;
}

static void test_templates(void **state) {
    static const struct {
        const char *template, *want; /* NULL: absent */
    } templates[] = {
        {"plain", "plain"},     {"{id}", "7"},
        {"U#{id}#", "U#7#"},    {"{{{id}}}", "{7}"},
        {"a{{b}}c", "a{b}c"},   {"{sells}", "1"},
        {"{username}", "@ann"}, /* the attribute, whose own template takes the column */
        {"{first}", NULL},      {"{first|none}", "none"},
        {"{first|}x", "x"},     {"{last_name|no|bar}", "no|bar"},
        {"{email}", NULL},      {"{ID}", "7"}, /* a column: their names compare without case */
    };
    for (size_t i = 0; i < ARRAY_LEN(templates); i++) {
        defer(arena_deinit) struct arena arena = {0};
        struct contract *c = compiled("TRUE", templates[i].template);
        const struct scope *scope = &c->entities[0]->scope;
        const struct value *row = user_row(c, &arena);
        const struct row_set rows_of = {(const struct value *const[]){row}};
        const struct attr *final[8] = {0};
        struct error error;
        struct slice text = {0};
        int r = EVALUATE_OK;
        for (size_t a = 0; a < scope->attribute_count; a++) {
            const struct attribute *x = &scope->attributes[a];
            struct attr *one = arena_zalloc(&arena, sizeof(*one));
            struct value v;
            if (x->template) {
                r = template_render(x->template, final, &rows_of, &arena, &text, &error);
                *one = (struct attr){.type = ATTR_S, .text = text};
            } else {
                assert_int_equal(expr_eval(x->expr, &rows_of, &arena, &v, &error), EVALUATE_OK);
                r = attr_from_value(x->type, &v, &arena, one, &error);
            }
            final[a] = r == EVALUATE_OK ? one : NULL;
        }
        const struct attr *t = final[scope->output[4]];
        if (!templates[i].want)
            assert_null(t);
        else
            assert_string_equal(arena_strndup(&arena, t->text.data, t->text.len), templates[i].want);
        contract_free(c);
    }
}

static void test_expressions(void **state) {
    static const struct {
        const char *expr;
        int want; /* 2: NULL */
    } exprs[] = {
        {"id = 7", 1},
        {"id <> 7", 0},
        {"users.id != 8", 1},
        {"id < 7", 0},
        {"id <= 7", 1},
        {"id > 6.5", 1},
        {"id >= 7.0", 1},
        {"id = '7'", 1},
        {"id = 7.00", 1},
        {"id = -7", 0},
        {"id > 1e3", 0},
        {"7 = id", 1},
        {"username = 'ann'", 1},
        {"username = 'Ann'", 0},
        {"username > 'am'", 1},
        {"username = 'it''s'", 0},
        {"`username` = 'ann'", 1},
        {"first_name IS NULL", 1},
        {"first_name IS NOT NULL", 0},
        {"id is null", 0},
        {"first_name = 'x'", 2},
        {"NOT first_name = 'x'", 2},
        {"first_name <=> NULL", 1},
        {"id <=> NULL", 0},
        {"NULL = NULL", 2},
        {"first_name = 'x' AND id = 8", 0},
        {"first_name = 'x' AND id = 7", 2},
        {"first_name = 'x' OR id = 7", 1},
        {"first_name = 'x' OR id = 8", 2},
        {"NOT id = 7", 0},
        {"NOT NOT id = 7", 1},
        {"NOT (id = 8 OR id = 9)", 1},
        {"id = 8 OR id = 7 AND is_seller = 1", 1},
        {"(id = 7 OR id = 8) AND is_seller = 0", 0},
        {"id IN (1, 7)", 1},
        {"id IN (1, 2)", 0},
        {"id IN (1, NULL)", 2},
        {"id NOT IN (1, 2)", 1},
        {"id NOT IN (1, NULL)", 2},
        {"first_name IN ('a')", 2},
        {"id BETWEEN 7 AND 8", 1},
        {"id NOT BETWEEN 7 AND 8", 0},
        {"id BETWEEN 8 AND 7", 0},
        {"TRUE", 1},
        {"FALSE", 0},
        {"NULL", 2},
        {"is_seller", 1},
        {"id = TRUE", 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(exprs); i++) {
        defer(arena_deinit) struct arena arena = {0};
        struct contract *c = compiled(exprs[i].expr, "x");
        const struct value *row = user_row(c, &arena);
        const struct row_set rows_of = {(const struct value *const[]){row}};
        struct value v;
        struct error error;
        assert_int_equal(expr_eval(c->entities[0]->filter, &rows_of, &arena, &v, &error), EVALUATE_OK);
        int got = v.kind == VALUE_NULL ? 2 : (int)v.i;
        if (got != exprs[i].want)
            fail_msg("%s: %d, not %d", exprs[i].expr, got, exprs[i].want);
        contract_free(c);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values),        cmocka_unit_test(test_temporals), cmocka_unit_test(test_what_is_refused),
        cmocka_unit_test(test_deep_geometry), cmocka_unit_test(test_deep_json), cmocka_unit_test(test_templates),
        cmocka_unit_test(test_expressions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
