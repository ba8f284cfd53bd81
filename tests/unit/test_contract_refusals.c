/* Every broken contract is refused with all its errors, each with its place and what would be right; and whole ones are not. */
#include "contract/load.h"
#include "tests/unit/contract_refusals.h"
#include "tests/unit/shop_schema.h"
#include "tests/unit/test.h"

static const struct contract_options options = {"online_shopping_store", ""};

/* The shop's tables, and one with a column of each kind that some place does not take. */
static const struct column odd_columns[] = {
    INT_COLUMN("id", false),
    {.name = "d", .type = COLUMN_DOUBLE, .nullable = true},
    {.name = "j", .type = COLUMN_JSON, .nullable = true},
    {.name = "g", .type = COLUMN_GEOMETRY, .nullable = true},
    {.name = "l", .type = COLUMN_TEXT, .collation = 47, .collation_name = "latin1_bin"},
    {.name = "x", .type = COLUMN_UNSUPPORTED},
};
static const struct table_key odd_keys[] = {PRIMARY(1, 0)};
static const struct foreign_key odd_fks[] = {FOREIGN("id", "users", FK_CASCADE)};
static const struct table odd_table = TABLE("odd", odd_columns, odd_keys, odd_fks);
static struct table tables[ARRAY_LEN(shop_tables) + 1];
static const struct schema schema = {"online_shopping_store", tables, ARRAY_LEN(tables)};

static int make_schema(void **state) {
    memcpy(tables, shop_tables, sizeof(shop_tables));
    tables[ARRAY_LEN(shop_tables)] = odd_table;
    return 0;
}

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
        int r =
            contract_load(&c, "c.json", contract_text(&arena, refusals[i].text), &schema, &options, &findings, &error);
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

/* What is bounded, one more than it may be: `text` with the middle in `count` openings and closings. */
static void test_bounds(void **state) {
    static const struct {
        const char *before, *open, *middle, *close, *after;
        unsigned count;
        const char *message;
    } rows[] = {
#define ID "'id': {'type': 'N', 'source_column': 'id'}"
#define USERS "[{'table': 'Users', 'pk': 'id', 'source_table': 'users', 'attributes': "
#define PEER                                                                                                           \
    "'target_table': 'users', 'join_condition': 'u.id = users.id', 'join_alias': 'u', 'select_column': 'u.email'"
        {USERS "[", "1,", "1", "", "]}]", 1000, "more than 1000 attributes"},
        {USERS "{" ID ", 'a': ",
         "{'type': 'L', 'join': {'type': 'json-construction', 'target_table': 'users', 'join_alias': 'u', "
         "'join_condition': 'u.id = users.id', 'construction': {'type': 'array', 'attributes': {'a': ",
         "{'type': 'S', 'source_column': 'email'}", "}}}}", "}}]", 17,
         "constructions stand more than 16 deep in one another"},
        {USERS "{" ID
               ", 'a': {'type': 'S', 'join': {'type': 'foreign-key', 'target_table': 'users', 'join_alias': 'u', "
               "'join_condition': '",
         "u.id = users.id AND ", "u.id = users.id", "", "', 'select_column': 'u.email'}}}}]", 16,
         "more than 16 equalities"},
        {USERS "{" ID ", 'a': {'type': 'L', 'join': {'type': 'aggregated-list', " PEER ", 'order_by': '", "id, ", "id",
         "", "'}}}}]", 16, "more than 16 columns"},
        {USERS "{" ID ", 'a': {'type': 'S', 'expr': 'CONCAT(", "id, ", "id", "", ")'}}}]", 64, "too many arguments"},
        {USERS "{" ID ", 'a': {'type': 'S', 'calculation': {'type': 'case', 'cases': [",
         "{'when': 'id = 1', 'then': '1'}, ", "{'when': 'id = 1', 'then': '1'}", "", "]}}}}]", 64,
         "more than 64 cases"},
        {USERS "{" ID ", 'a': {'type': 'S', 'join': {'type': 'polymorphic-lookup', 'type_column': 'id', 'branches': [",
         "{'when_type_value': 1, " PEER "}, ", "{'when_type_value': 1, " PEER "}", "", "]}}}}]", 64,
         "more than 64 branches"},
        {"[{'table': 'Users', 'pk': '", "k", "k", "", "', 'source_table': 'users', 'attributes': {" ID "}}]", 255,
         "a key's name has 1 to 255 bytes"},
        {USERS "{" ID ", '", "k", "k", "", "': {'type': 'S', 'source_column': 'email'}}}]", 255,
         "an attribute's name has 1 to 255 bytes"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        for (unsigned more = 0; more < 2; more++) { /* at the bound the message is not there */
            defer(arena_deinit) struct arena arena = {0};
            defer(buf_deinit) struct buf text = BUF_INIT(1 << 20), said = BUF_INIT(1 << 20);
            struct findings findings = {0};
            struct error error = {0};
            struct contract *c = NULL;
            buf_put_text(&text, rows[i].before);
            for (unsigned n = 1; n < rows[i].count + more; n++)
                buf_put_text(&text, rows[i].open);
            buf_put_text(&text, rows[i].middle);
            for (unsigned n = 1; n < rows[i].count + more; n++)
                buf_put_text(&text, rows[i].close);
            buf_put_text(&text, rows[i].after);
            (void)!contract_load(&c, "c.json", contract_text(&arena, buf_text(&text)), &schema, &options, &findings,
                                 &error);
            put_findings(&said, &findings);
            if ((strstr(buf_text(&said), rows[i].message) != NULL) != (more == 1))
                fail_msg("%s, %u: said\n%s", rows[i].message, rows[i].count + more - 1, buf_text(&said));
            contract_free(c);
            findings_deinit(&findings);
        }
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
        {"[{'table': 'Things', 'pk': 'id', 'source_table': 'anything', 'attributes': {\n"
         "'a': {'type': 'S', 'join': {'type': 'foreign-key', 'target_table': 't', 'join_condition': 't.id = "
         "anything.id', 'select_column': 'CONCAT(t.a, ~ ~, t.b)'}},\n"
         "'b': {'type': 'S', 'join': {'type': 'foreign-key', 'target_table': 't', 'join_condition': 't.id = "
         "anything.id', 'select_column': 'a b'}},\n"
         "'c': {'type': 'N', 'calculation': {'type': 'aggregate', 'operation': 'COUNT', 'target_table': 't', "
         "'join_condition': 't.id = anything.id', 'select_column': '*'}}}}]",
         "3:130 $[0].attributes.b.join.select_column: in \"a b\" at character 3: an operator or the end is expected\n"},
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
        cmocka_unit_test(test_refusals),          cmocka_unit_test(test_bounds),
        cmocka_unit_test(test_first_error),       cmocka_unit_test(test_text_alone),
        cmocka_unit_test(test_before_the_schema),
    };
    return cmocka_run_group_tests(tests, make_schema, NULL);
}
