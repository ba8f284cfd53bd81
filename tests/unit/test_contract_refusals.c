/* Every broken contract is refused with all its errors, each with its place and what would be right; and whole ones are not. */
#include "contract/load.h"
#include "tests/unit/contract_refusals.h"
#include "tests/unit/shop_schema.h"
#include "tests/unit/test.h"

static const struct contract_options options = {"online_shopping_store", ""};

/* ' for ", ~ for ' */
static struct slice contract_text(struct arena *arena, const char *text) {
    char *copy = arena_strdup(arena, text);
    for (char *p = copy; *p; p++)
        *p = *p == '\'' ? '"' : *p == '~' ? '\'' : *p;
    return slice_of(copy);
}

static void put_findings(struct buf *buf, const struct findings *f) {
    for (size_t i = 0; i < f->count; i++)
        buf_printf(buf, "%s%u:%u %s: %s\n", f->list[i].warning ? "warning " : "", f->list[i].line, f->list[i].column,
                   f->list[i].path, f->list[i].message);
}

static void test_refusals(void **state) {
    unsigned wrong = 0;
    for (size_t i = 0; i < ARRAY_LEN(refusals); i++) {
        defer(arena_deinit) struct arena arena = {0};
        defer(buf_deinit) struct buf said = BUF_INIT(1 << 20);
        struct findings findings = {0};
        struct error error = {0};
        struct contract *c = NULL;
        int r = contract_load(&c, "c.json", contract_text(&arena, refusals[i].text), &shop_schema, &options, &findings,
                              &error);
        put_findings(&said, &findings);
        if (r && findings.errors == 0)
            buf_printf(&said, "ERR %s\n", error.text);
        bool as_expected = strcmp(buf_text(&said), refusals[i].findings) == 0;
        if (!as_expected)
            print_error("%s: said\n%s\n", refusals[i].name, buf_text(&said));
        wrong += !as_expected;
        assert_int_equal(r, findings.errors || error.text[0] ? ERR_CONFIG : 0);
        assert_true((c != NULL) == (r == 0));
        contract_free(c);
        findings_deinit(&findings);
    }
    assert_int_equal(wrong, 0);
}

/* The error holds the first finding and the number of the others. */
static void test_first_error(void **state) {
    struct findings findings = {0};
    struct error error = {0};
    struct contract *c = NULL;
    int r = contract_load(&c, "my.json", SLICE("{\"version\": 2,\n \"tables\": []}"), &shop_schema, &options, &findings,
                          &error);
    assert_int_equal(r, ERR_CONFIG);
    assert_string_equal(error.text, "my.json:1:13: $.version: \"version\" must be 1 (and 1 more)");
    assert_int_equal(findings.errors, 2);
    findings_deinit(&findings);
}

static void test_text_alone(void **state) {
    static const struct {
        const char *text, *findings;
    } rows[] = {
        {"[{'table': 'Things', 'pk': 'id', 'source_table': 'anything', 'attributes': {'id': {'type': 'N', "
         "'source_column': 'no'}}}]",
         ""},
        {"[{'table': 'Things', 'pk': 'id', 'source_table': 'anything', 'filter': 'a ==', 'attributes': {'id': {'type': "
         "'X', 'template': '{'}}}]",
         "1:72 $[0].filter: in \"a ==\" at character 4: a value or a column is expected\n"
         "1:110 $[0].attributes.id.type: unknown type \"X\"; known: S, N, B, BOOL, NULL, SS, NS, BS, L, M\n"
         "1:127 $[0].attributes.id.template: in template \"{\" at character 1: \"{\" without \"}\"; write \"{{\" for a "
         "brace\n"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        defer(arena_deinit) struct arena arena = {0};
        defer(buf_deinit) struct buf said = BUF_INIT(1 << 20);
        struct findings findings = {0};
        struct error error = {0};
        struct contract *c = NULL;
        int r = contract_load(&c, "c.json", contract_text(&arena, rows[i].text), NULL, &options, &findings, &error);
        put_findings(&said, &findings);
        assert_string_equal(buf_text(&said), rows[i].findings);
        assert_int_equal(r, *rows[i].findings ? ERR_CONFIG : 0);
        assert_null(c);
        findings_deinit(&findings);
    }
}

static void test_before_the_schema(void **state) {
    defer(arena_deinit) struct arena arena = {0};
    struct error error;
    char *database = NULL;
    const char *const *names;
    size_t count;
    struct slice text =
        contract_text(&arena, "{'database': 'shop', 'tables': [{'source_table': 'users', 'nonsense': 1, 'attributes':"
                              "[{'join': {'target_table': 'shop.orders'}}, {'source_table': 'shop.users'}]}]}");
    assert_int_equal(contract_database("c.json", text, &database, &error), 0);
    assert_string_equal(database, "shop");
    free_pointer(&database);
    assert_int_equal(contract_tables("c.json", text, "shop", &arena, &names, &count, &error), 0);
    assert_int_equal(count, 2);
    assert_string_equal(names[0], "users");
    assert_string_equal(names[1], "orders");
    assert_int_equal(contract_database("c.json", SLICE("[]"), &database, &error), 0);
    assert_null(database);
    assert_int_equal(contract_database("c.json", SLICE("["), &database, &error), ERR_CONFIG);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_first_error),
        cmocka_unit_test(test_text_alone),
        cmocka_unit_test(test_before_the_schema),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
