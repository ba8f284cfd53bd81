/* What the shop's contract does not show: chains, several columns, the old form, aliases, keys of several parts, cascades
 * by way of tables that no contract names, and which keys cannot conflict. */
#include "contract/load.h"
#include "src/base/json.h"
#include "tests/unit/shop_schema.h"
#include "tests/unit/test.h"

#include <stdio.h>

/* regions -> shops -> visits(shop_id, day) -> notes(shop_id, day, n): keys of two columns, updates that cascade, a table in
 * between, and one parent that nothing maps. */
static const struct column regions_columns[] = {TEXT_COLUMN("code", false), TEXT_COLUMN("title", true)};
static const struct table_key regions_keys[] = {PRIMARY(1, 0)};
static const struct column stores_columns[] = {INT_COLUMN("id", false), TEXT_COLUMN("region", false),
                                               TEXT_COLUMN("label", true), INT_COLUMN("twin", true)};
static const struct table_key stores_keys[] = {PRIMARY(1, 0), UNIQUE("twin", true, 3)};
static const struct foreign_key stores_fks[] = {{.name = "r",
                                                 .columns = NAMES("region"),
                                                 .parent_table = "regions",
                                                 .parent_columns = NAMES("code"),
                                                 .column_count = 1,
                                                 .on_delete = FK_RESTRICT,
                                                 .on_update = FK_CASCADE}};
static const struct column visits_columns[] = {INT_COLUMN("store_id", false),
                                               {.name = "day", .type = COLUMN_DATE},
                                               INT_COLUMN("count", false),
                                               {.name = "doc", .type = COLUMN_JSON, .nullable = true},
                                               {.name = "place", .type = COLUMN_GEOMETRY, .nullable = true}};
static const struct table_key visits_keys[] = {PRIMARY(2, 0, 1)};
static const struct foreign_key visits_fks[] = {FOREIGN("store_id", "stores", FK_CASCADE)};
static const struct column notes_columns[] = {INT_COLUMN("n", false),
                                              INT_COLUMN("store_id", false),
                                              {.name = "day", .type = COLUMN_DATE},
                                              TEXT_COLUMN("text", true)};
static const struct table_key notes_keys[] = {PRIMARY(3, 1, 2, 0)};
static const struct foreign_key notes_fks[] = {{.name = "v",
                                                .columns = NAMES("store_id", "day"),
                                                .parent_table = "visits",
                                                .parent_columns = NAMES("store_id", "day"),
                                                .column_count = 2,
                                                .on_delete = FK_CASCADE,
                                                .on_update = FK_NO_ACTION}};
static const struct table tables[] = {
    {.database = "online_shopping_store",
     .name = "regions",
     .columns = regions_columns,
     .column_count = 2,
     .keys = regions_keys,
     .key_count = 1},
    TABLE("stores", stores_columns, stores_keys, stores_fks),
    TABLE("visits", visits_columns, visits_keys, visits_fks),
    TABLE("notes", notes_columns, notes_keys, notes_fks),
};
static const struct schema geo = {"online_shopping_store", tables, ARRAY_LEN(tables)};

/* Findings go to `said`, a line each, unless it is NULL. */
static struct contract *load_saying(const char *text, struct buf *said) {
    defer(arena_deinit) struct arena arena = {0};
    struct findings findings = {0};
    struct error error;
    struct contract *c = NULL;
    char *json = arena_strdup(&arena, text);
    for (char *p = json; *p; p++)
        *p = *p == '\'' ? '"' : *p;
    struct contract_options options = {"online_shopping_store", ""};
    if (contract_load(&c, "c.json", slice_of(json), &geo, &options, &findings, &error))
        fail_msg("%s", error.text);
    for (size_t i = 0; said && i < findings.count; i++)
        buf_printf(said, "%s\n", findings.list[i].message);
    findings_deinit(&findings);
    return c;
}

static struct contract *load(const char *text) {
    return load_saying(text, NULL);
}

static const struct attribute *output(const struct entity *e, size_t i) {
    return &e->scope.attributes[e->scope.output[i]];
}

#define VISITS                                                                                                         \
    "[{'table': 'Visits', 'pk': 'store_id#day', 'source_table': 'visits', 'attributes': ["                             \
    "{'name': 'store_id', 'type': 'N', 'source_column': 'store_id'}, {'name': 'day', 'type': 'S', 'source_column': "   \
    "'day'}"

static void test_chain_and_sharing(void **state) {
    struct contract *c = load(
        VISITS
        ", {'name': 'region', 'type': 'S', 'join': {'type': 'chain', 'joins': ["
        "{'target_table': 'stores', 'join_condition': 'visits.store_id = stores.id'},"
        "{'target_table': 'regions', 'join_condition': 'regions.code = stores.region', 'select_column': "
        "'regions.title'}]}}"
        ", {'name': 'label', 'type': 'S', 'join': {'type': 'lookup-table', 'target_table': 'stores', 'join_alias': 's',"
        " 'join_condition': 's.id = visits.store_id', 'select_column': 's.label', 'null_value': 'none'}}"
        ", {'name': 'label2', 'type': 'S', 'source_table': 'stores', 'source_column': 'label', 'join': "
        "{'local_column': 'store_id', 'source_column': 'id'}}]}]");
    const struct entity *e = c->entities[0];
    assert_int_equal(e->node_count, 3); /* three ways to say one edge */
    assert_ptr_equal(e->nodes[2]->parent, e->nodes[1]);
    assert_string_equal(e->nodes[2]->source->name, "regions");
    assert_true(e->nodes[2]->by_key);
    assert_false(e->nodes[2]->parent_by_key);
    unsigned node, column;
    for (size_t i = 2; i < 5; i++) {
        assert_true(expr_column(output(e, i)->expr, &node, &column));
        assert_int_equal(node, i == 2 ? 2 : 1);
        assert_string_equal(e->nodes[node]->source->columns[column].name, i == 2 ? "title" : "label");
    }
    assert_true(slice_equal(output(e, 3)->null_value->text, SLICE("none")));
    contract_free(c);
}

static void test_key_of_two_columns(void **state) {
    struct contract *c =
        load(VISITS ", {'name': 'notes', 'type': 'S', 'join': {'type': 'json-construction', 'target_table': 'notes',"
                    " 'join_condition': 'visits.day = notes.day AND notes.store_id = visits.store_id', 'construction': "
                    "{'type': 'array', 'limit': 5,"
                    " 'order_by': 'n DESC', 'filter': 'text IS NOT NULL', 'select_columns': {'n': 'notes.n', 'text': "
                    "'text'}}}}]}]");
    const struct entity *e = c->entities[0];
    const struct node *n = e->nodes[1];
    assert_int_equal(n->edge_count, 2);
    assert_true(n->parent_by_key); /* both columns of the parent's key, whatever the order they are written in */
    for (unsigned k = 0; k < 2; k++)
        assert_int_equal(n->parent_columns[n->parent_key_order[k]], k);
    assert_false(n->by_key);
    assert_int_equal(n->source->indexes[n->index].column_count, 2);
    assert_true(n->needs_order);
    assert_true(n->order_by[0].descending);
    assert_string_equal(n->source->columns[n->order_by[0].column].name, "n");
    assert_int_equal(n->limit, 5);
    assert_non_null(n->filter);
    const struct attribute *a = output(e, 2);
    assert_true(a->json_text);
    assert_int_equal(a->source, ATTRIBUTE_LIST);
    assert_int_equal(a->scope->attributes[0].type, ATTR_N);
    assert_int_equal(a->scope->attributes[1].type, ATTR_S);
    contract_free(c);
}

/* The key's part of the edge is constant, so ascending by the rest of the key is the index's own order. */
static void test_needs_order(void **state) {
    static const struct {
        const char *order;
        bool needs;
    } rows[] = {{"n", false},           {"n ASC", false},  {"n DESC", true},
                {"text", true},         {"day, n", false}, {"store_id DESC, n", false},
                {"n, text DESC", false}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char text[1000];
        snprintf(text, sizeof(text),
                 VISITS
                 ", {'name': 'notes', 'type': 'L', 'join': {'type': 'json-construction', 'target_table': 'notes',"
                 " 'join_condition': 'visits.day = notes.day AND notes.store_id = visits.store_id', 'construction': "
                 "{'type': 'array',"
                 " 'order_by': '%s', 'select_columns': {'n': 'n'}}}}]}]",
                 rows[i].order);
        struct contract *c = load(text);
        assert_int_equal(c->entities[0]->nodes[1]->needs_order, rows[i].needs);
        contract_free(c);
    }
}

/* notes only: visits and stores lie on the way of a DELETE, regions on that of an UPDATE; they keep keys alone. */
static void test_cascades_of_unmapped_tables(void **state) {
    defer(buf_deinit) struct buf said = BUF_INIT(10000);
    struct contract *c = load_saying("[{'table': 'Notes', 'pk': 'n', 'source_table': 'notes', 'attributes': [{'name': "
                                     "'n', 'type': 'N', 'source_column': 'n'}]}]",
                                     &said);
    assert_string_equal(
        buf_text(&said),
        "foreign key r of table stores cascades from regions by code of collation utf8mb4_0900_ai_ci, "
        "which also matches other spellings: rows that spell it otherwise than their parent are not "
        "followed unless the server logs cascades (MySQL 9.6 and later) or the collation is a _bin one\n");
    static const struct {
        const char *name;
        size_t columns, cascades, standings;
    } want[] = {{"notes", 3, 0, 1}, {"visits", 2, 1, 0}, {"stores", 2, 1, 0}, {"regions", 1, 1, 0}};
    assert_int_equal(c->source_count, ARRAY_LEN(want));
    for (size_t i = 0; i < ARRAY_LEN(want); i++) {
        const struct source *s = contract_source(c, want[i].name);
        assert_int_equal(s->column_count, want[i].columns);
        assert_int_equal(s->cascade_count, want[i].cascades);
        assert_int_equal(s->standing_count, want[i].standings);
    }
    const struct cascade *v = contract_source(c, "visits")->cascades;
    assert_int_equal(v->column_count, 2);
    assert_string_equal(v->child->columns[v->child_columns[1]].name, "day");
    assert_string_equal(contract_source(c, "visits")->columns[v->parent_columns[1]].name, "day");
    assert_int_equal(contract_source(c, "regions")->cascades->on_update, FK_CASCADE);
    assert_int_equal(contract_source(c, "regions")->cascades->on_delete, FK_RESTRICT);
    contract_free(c);
}

static void test_keys_of_parts(void **state) {
    struct contract *c = load("[{'table': 'Visits', 'pk': 'store_id#day', 'sk': {'name': 'count', 'type': 'N'}, "
                              "'source_table': 'visits', 'ttl': 'c', 'attributes': ["
                              "{'name': 'store_id', 'type': 'N', 'source_column': 'store_id'}, {'name': 'day', 'type': "
                              "'S', 'source_column': 'day'}, {'name': 'c', 'type': 'N', 'source_column': 'count'}],"
                              "'billing': {'read': 5, 'write': 6},"
                              "'gsis': [{'index_name': 'by-day', 'pk': 'day', 'sk': 'day#c', 'projection': 'INCLUDE', "
                              "'projected_attributes': ['c']},"
                              "{'index_name': 'multi', 'pk': ['day', 'c'], 'sk': ['store_id'], 'projection': "
                              "'KEYS_ONLY'}, {'index_name': 'inverse', 'pk': 'count', 'sk': 'store_id#day'}]}]");
    const struct target *t = c->targets[0];
    const struct entity *e = c->entities[0];
    assert_string_equal(t->pk.name, "store_id#day");
    assert_int_equal(t->pk.type, ATTR_S);
    assert_string_equal(e->pk_template->text, "{store_id}#{day}");
    assert_string_equal(t->sk.name, "count"); /* no attribute has it: the root's column */
    assert_int_equal(t->sk.type, ATTR_N);
    assert_string_equal(e->sk_template->text, "{count}");
    assert_int_equal(e->synthetic_count, 1);
    assert_string_equal(e->synthetics[0].name, "day#c");
    assert_string_equal(e->synthetics[0].template->text, "{day}#{c}");
    assert_int_equal(t->index_count, 3);
    assert_int_equal(t->indexes[0].projection, PROJECT_INCLUDE);
    assert_string_equal(t->indexes[0].projected[0], "c");
    assert_int_equal(t->indexes[1].pk_count, 2);
    assert_int_equal(t->indexes[1].pk[1].type, ATTR_N);
    assert_int_equal(t->indexes[1].projection, PROJECT_KEYS_ONLY);
    assert_int_equal(t->indexes[2].pk[0].type, ATTR_N);
    assert_string_equal(t->ttl, "c");
    assert_true(t->provisioned);
    assert_int_equal(t->write_units, 6);
    assert_false(e->can_conflict);
    assert_false(e->write_entity_type);
    contract_free(c);
}

static void test_conflicts(void **state) {
    static const struct {
        const char *pk, *sk;
        bool can_conflict;
    } rows[] = {
        {"{store_id}", "{day}", false},
        {"{day}#{store_id}", "x", false},
        {"{store_id}{day}", "x", true},   /* 1 2026..., 12 026... */
        {"V{store_id}:{day}", "x", true}, /* ':' may stand in times */
        {"{store_id|0}", "{day}", true},  /* a default stands for something else */
        {"{store_id}", "x", true},
        {"{count}", "{day}", true},
        {"{store_id}#{count}#{day}", "x", false},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char text[1000];
        snprintf(text, sizeof(text),
                 "[{'table': 'Visits', 'type': 'multi-entity', 'entities': [{'entity_type': 'V', 'source_table': "
                 "'visits', 'pk_template': '%s',"
                 " 'sk_template': '%s', 'attributes': {}}]}]",
                 rows[i].pk, rows[i].sk);
        struct contract *c = load(text);
        if (c->entities[0]->can_conflict != rows[i].can_conflict)
            fail_msg("%s %s", rows[i].pk, rows[i].sk);
        contract_free(c);
    }
}

/* A joined row that the key tells, as a column of it is unique, tells what the root joined it by. */
static void test_conflicts_over_joins(void **state) {
    static const struct {
        const char *pk, *sk;
        bool can_conflict;
    } rows[] = {
        {"{store}", "{day}", false},
        {"{store}#{region}", "{day}", false},
        {"{store}", "x", true},
        {"{region}", "{day}", true}, /* many stores have it */
        {"{store|0}", "{day}", true},
        {"{twin}", "{day}", true}, /* unique, but the attribute stands for NULL too */
        {"{store}{region}", "{day}", true},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char text[2000];
        const char *join = "'join': {'type': 'foreign-key', 'target_table': 'stores', 'join_condition': 'stores.id = "
                           "visits.store_id', ";
        snprintf(text, sizeof(text),
                 "[{'table': 'Visits', 'type': 'multi-entity', 'entities': [{'entity_type': 'V', 'source_table': "
                 "'visits', 'pk_template': '%s', 'sk_template': '%s', 'attributes': {"
                 "'store': {'type': 'N', %s'select_column': 'stores.id'}},"
                 "'region': {'type': 'S', %s'select_column': 'stores.region'}},"
                 "'twin': {'type': 'N', 'null_value': 0, %s'select_column': 'stores.twin'}}}}]}]",
                 rows[i].pk, rows[i].sk, join, join, join);
        struct contract *c = load(text);
        if (c->entities[0]->can_conflict != rows[i].can_conflict)
            fail_msg("%s %s", rows[i].pk, rows[i].sk);
        contract_free(c);
    }
}

/* Two entities of one table: alone neither can conflict; together only when their keys may be equal. */
static void test_conflicts_between_entities(void **state) {
    static const struct {
        const char *first, *second;
        bool can_conflict;
    } rows[] = {{"S{id}", "N{id}", false},
                {"S{id}", "{id}", true},
                {"S{id}", "S#{id}", true},
                {"X#{id}", "X", true},
                {"X", "X#{id}", true}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char text[1000];
        snprintf(text, sizeof(text),
                 "[{'table': 'Stores', 'type': 'multi-entity', 'entities': ["
                 "{'entity_type': 'A', 'source_table': 'stores', 'pk_template': '%s', 'attributes': {}},"
                 "{'entity_type': 'B', 'source_table': 'stores', 'pk_template': '%s', 'attributes': {}}]}]",
                 rows[i].first, rows[i].second);
        struct contract *c = load(text);
        assert_null(c->targets[0]->sk.name);
        assert_int_equal(c->entities[0]->can_conflict || c->entities[1]->can_conflict, rows[i].can_conflict);
        contract_free(c);
    }
}

/* A nullable unique key makes an edge one: NULL joins nothing. */
static void test_nullable_unique_key(void **state) {
    struct contract *c =
        load(VISITS ", {'name': 'twin', 'type': 'N', 'join': {'type': 'foreign-key', 'target_table': 'stores',"
                    " 'join_condition': 'stores.twin = visits.count', 'select_column': 'stores.id'}}]}]");
    const struct node *n = c->entities[0]->nodes[1];
    assert_false(n->many);
    assert_false(n->by_key);
    assert_string_equal(n->source->columns[n->source->indexes[n->index].columns[0]].name, "twin");
    contract_free(c);
}

/* The value of the third attribute for a visit with this count, at the store with this label (NULL: no such row), of region. */
static const char *evaluated(struct arena *arena, const struct contract *c, int64_t count, const char *label,
                             const char *region) {
    const struct entity *e = c->entities[0];
    const struct value *rows[4] = {0};
    struct value v;
    struct attr a;
    struct error error;
    for (size_t n = 0; n < e->node_count; n++) {
        const struct source *s = e->nodes[n]->source;
        struct value *row = arena_zalloc(arena, s->column_count * sizeof(*row));
        for (size_t i = 0; i < s->column_count; i++) {
            const char *name = s->columns[i].name;
            const char *text = strcmp(name, "label") == 0 ? label : strcmp(name, "title") == 0 ? region : NULL;
            row[i] = (struct value){.kind = VALUE_NULL};
            if (text)
                row[i] = (struct value){.kind = VALUE_TEXT, .data = text, .len = (uint32_t)strlen(text)};
            if (strcmp(name, "count") == 0)
                row[i] = (struct value){.kind = VALUE_INT, .i = count};
        }
        bool missing = strcmp(s->name, "stores") == 0 && !label;
        rows[n] = missing ? NULL : row;
    }
    const struct row_set set = {rows};
    assert_int_equal(expr_eval(output(e, 2)->expr, &set, arena, &v, &error), EVALUATE_OK);
    int r = attr_from_value(ATTR_S, &v, arena, &a, &error);
    return r == EVALUATE_ABSENT ? "absent" : arena_strndup(arena, a.text.data, a.text.len);
}

static void test_values_of_joins(void **state) {
    static const char conditional[] =
        VISITS ", {'name': 'x', 'type': 'S', 'join': {'type': 'conditional', 'condition': 'count > 5', 'target_table': "
               "'stores',"
               " 'join_condition': 'stores.id = visits.store_id', 'select_column': 'label', 'else_value': 'few'}}]}]";
    static const char other[] = VISITS
        ", {'name': 'x', 'type': 'S', 'join': {'type': 'conditional', 'condition': 'count > 5', 'target_table': "
        "'stores',"
        " 'join_condition': 'stores.id = visits.store_id', 'select_column': 'label', 'else_expr': 'visits.count'}}]}]";
    static const char lookup[] = VISITS
        ", {'name': 'x', 'type': 'S', 'join': {'type': 'polymorphic-lookup', 'type_column': 'count', 'branches': ["
        "{'when_type_value': 1, 'target_table': 'stores', 'join_condition': 'stores.id = visits.store_id', "
        "'select_column': 'label'},"
        "{'when_type_value': '2', 'target_table': 'stores', 'join_condition': 'stores.twin = visits.store_id', "
        "'select_column': 'stores.label'}], 'else_value': 7}}]}]";
    static const char chain[] =
        VISITS ", {'name': 'x', 'type': 'S', 'join': {'type': 'chain', 'chain_separator': ' / ', 'joins': ["
               "{'target_table': 'stores', 'join_condition': 'visits.store_id = stores.id', 'select_column': 'label'},"
               "{'target_table': 'regions', 'join_condition': 'regions.code = stores.region', 'select_column': "
               "'regions.title'}]}}]}]";
    static const char cases[] =
        VISITS ", {'name': 'x', 'type': 'S', 'calculation': {'type': 'case', 'cases': ["
               "{'when': 'count > 9', 'then': 'NULL'}, {'when': 'count > 5', 'then': 'count'}], 'else': '1.50'}}]}]";
    static const struct {
        const char *contract;
        int64_t count;
        const char *label, *region, *want;
    } rows[] = {
        {conditional, 6, "Corner", NULL, "Corner"},
        {conditional, 5, "Corner", NULL, "few"},
        {conditional, 6, NULL, NULL, "absent"},
        {other, 6, "Corner", NULL, "Corner"},
        {other, 3, "Corner", NULL, "3"},
        {lookup, 1, "Corner", NULL, "Corner"},
        {lookup, 2, "Corner", NULL, "Corner"},
        {lookup, 3, "Corner", NULL, "7"},
        {lookup, 1, NULL, NULL, "absent"},
        {cases, 6, NULL, NULL, "6"},
        {cases, 10, NULL, NULL, "absent"},
        {cases, 0, NULL, NULL, "1.50"},
        {chain, 1, "Corner", "North", "Corner / North"},
        {chain, 1, NULL, "North", "North"},
        {chain, 1, "Corner", NULL, "Corner"},
        {chain, 1, NULL, NULL, "absent"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        defer(arena_deinit) struct arena arena = {0};
        struct contract *c = load(rows[i].contract);
        assert_string_equal(evaluated(&arena, c, rows[i].count, rows[i].label, rows[i].region), rows[i].want);
        contract_free(c);
    }
}

/* What is written differently is the same entity, and what makes other items is another one. */
static void test_identity(void **state) {
#define STORES(what, attributes, more)                                                                                 \
    "[{'table': 'Stores', 'pk': 'id', 'source_table': 'stores', " what "'attributes': [" attributes "]" more "}]"
#define ID "{'name': 'id', 'type': 'N', 'source_column': 'id'}"
#define LABEL "{'name': 'label', 'type': 'S', 'source_column': 'label'}"
#define TITLE(of)                                                                                                      \
    "{'name': 'title', 'type': 'S', 'join': {'type': 'foreign-key', 'target_table': 'regions', 'join_condition': "     \
    "'regions.code = stores.region', 'select_column': 'title'" of "}}"
#define VISIT(what)                                                                                                    \
    "{'name': 'visits', 'type': 'S', 'join': {'type': 'json-construction', 'target_table': 'visits', "                 \
    "'join_condition': 'visits.store_id = stores.id', 'construction': {'type': 'array', " what "}}}"
#define DAY "'d': 'day'"
#define COUNT "'n': 'count'"
    static const struct {
        const char *a, *b;
        bool same;
    } cases[] = {
        {STORES("", ID ", " LABEL, ""), STORES("", LABEL ", " ID, ""), true},
        {STORES("", ID ", " TITLE("") ", " LABEL, ""), STORES("'description': 'x', ", LABEL ", " ID ", " TITLE(""), ""),
         true},
        {STORES("", ID, ""), STORES("", ID ", " LABEL, ""), false},
        {STORES("", ID ", " TITLE(""), ""), STORES("", ID ", " TITLE(", 'null_value': '-'"), ""), false},
        {STORES("", ID, ""), STORES("'filter': 'id > 1', ", ID, ""), false},
        {STORES("'filter': 'id > 1', ", ID, ""), STORES("'filter': '( stores.id>1 )', ", ID, ""), true},
        {STORES("'filter': 'id > 1', ", ID, ""), STORES("'filter': 'id > 2', ", ID, ""), false},
        {STORES("", ID ", " LABEL, ""), STORES("", ID ", " LABEL, ", 'gsis': [{'index_name': 'ByL', 'pk': 'label'}]"),
         false},
        {STORES("", ID ", " VISIT("'select_columns': {" DAY ", " COUNT "}"), ""),
         STORES("", ID ", " VISIT("'select_columns': {" COUNT ", " DAY "}"), ""), false},
        {STORES("", ID ", " VISIT("'select_columns': {" DAY "}"), ""),
         STORES("", ID ", " VISIT("'select_columns': {" DAY "}, 'limit': 3"), ""), false},
        {STORES("", ID ", " VISIT("'select_columns': {" DAY "}"), ""),
         STORES("", ID ", " VISIT("'select_columns': {" DAY "}, 'filter': 'count > 0'"), ""), false},
        {STORES("", ID ", " VISIT("'select_columns': {" DAY "}"), ""),
         STORES("", ID ", " VISIT("'select_columns': {" DAY "}, 'order_by': 'count'"), ""), false},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct contract *a = load(cases[i].a), *b = load(cases[i].b);
        bool same = memcmp(&a->entities[0]->identity, &b->entities[0]->identity, sizeof(struct digest128)) == 0;
        if (same != cases[i].same)
            fail_msg("case %zu: %s and %s", i, cases[i].a, cases[i].b);
        contract_free(a);
        contract_free(b);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_chain_and_sharing),
        cmocka_unit_test(test_key_of_two_columns),
        cmocka_unit_test(test_needs_order),
        cmocka_unit_test(test_cascades_of_unmapped_tables),
        cmocka_unit_test(test_keys_of_parts),
        cmocka_unit_test(test_conflicts),
        cmocka_unit_test(test_conflicts_over_joins),
        cmocka_unit_test(test_conflicts_between_entities),
        cmocka_unit_test(test_nullable_unique_key),
        cmocka_unit_test(test_values_of_joins),
        cmocka_unit_test(test_identity),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
