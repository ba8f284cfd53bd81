/* The shop's contract compiles to the join trees, indexes and cascades that it means. */
#include "contract/load.h"
#include "src/base/sys.h"
#include "tests/unit/shop_schema.h"
#include "tests/unit/test.h"

#include <stdio.h>
#include <stdlib.h>

struct shop {
    struct contract *contract;
    struct findings findings;
};

static void load(struct shop *s) {
    struct error error;
    char *text;
    size_t len;
    *s = (struct shop){0};
    if (sys_read_file(SHOP_CONTRACT, 1 << 20, &text, &len, &error))
        fail_msg("%s", error.text);
    struct contract_options options = {"online_shopping_store", "test_"};
    int r = contract_load(&s->contract, "contract.json", (struct slice){text, len}, &shop_schema, &options,
                          &s->findings, &error);
    free(text);
    for (size_t i = 0; i < s->findings.count; i++)
        print_message("%u:%u %s: %s\n", s->findings.list[i].line, s->findings.list[i].column, s->findings.list[i].path,
                      s->findings.list[i].message);
    if (r)
        fail_msg("%s", error.text);
}

static void unload(struct shop *s) {
    contract_free(s->contract);
    findings_deinit(&s->findings);
}

static const struct entity *entity_named(const struct contract *c, const char *name) {
    for (size_t i = 0; i < c->entity_count; i++)
        if (strcmp(c->entities[i]->name, name) == 0)
            return c->entities[i];
    fail_msg("no entity %s", name);
    return NULL;
}

static const struct attribute *attribute_named(const struct scope *s, const char *name) {
    for (size_t i = 0; i < s->attribute_count; i++)
        if (strcmp(s->attributes[i].name, name) == 0)
            return &s->attributes[i];
    fail_msg("no attribute %s", name);
    return NULL;
}

/* "id,user_id": the names behind column numbers. */
static const char *column_names(const struct source *s, const unsigned *columns, size_t count) {
    static char text[200];
    size_t len = 0;
    text[0] = 0;
    for (size_t i = 0; i < count; i++)
        len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%s", i ? "," : "", s->columns[columns[i]].name);
    return text;
}

static const char *all_columns(const struct source *s) {
    unsigned numbers[32];
    for (unsigned i = 0; i < s->column_count; i++)
        numbers[i] = i;
    return column_names(s, numbers, s->column_count);
}

/* A node's edge as "orders.user_id = users.id, one, down by key, up by index user_id". */
static const char *describe(const struct node *n) {
    static char text[400];
    const struct source *p = n->parent->source;
    size_t len = (size_t)snprintf(text, sizeof(text), "%s(%s)", n->parent->alias,
                                  column_names(p, n->parent_columns, n->edge_count));
    len += (size_t)snprintf(text + len, sizeof(text) - len, " = %s(%s), %s, ", n->alias,
                            column_names(n->source, n->columns, n->edge_count), n->many ? "many" : "one");
    const struct source_index *down = n->by_key ? NULL : &n->source->indexes[n->index];
    len += (size_t)snprintf(text + len, sizeof(text) - len, "down %s, ",
                            down ? column_names(n->source, down->columns, down->column_count) : "key");
    const struct source_index *up = n->parent_by_key ? NULL : &p->indexes[n->parent_index];
    snprintf(text + len, sizeof(text) - len, "up %s", up ? column_names(p, up->columns, up->column_count) : "key");
    return text;
}

static void test_loads_without_findings(void **state) {
    struct shop s;
    load(&s);
    assert_int_equal(s.findings.count, 0);
    assert_string_equal(s.contract->database, "online_shopping_store");
    assert_int_equal(s.contract->target_count, 3);
    assert_int_equal(s.contract->entity_count, 5);
    assert_int_equal(s.contract->source_count, 6);
    for (unsigned i = 0; i < 5; i++)
        assert_int_equal(s.contract->entities[i]->order, i);
    unload(&s);
}

static void test_trees(void **state) {
    static const struct {
        const char *entity;
        size_t count;
        const char *edges[3];
    } rows[] = {
        {"USER", 1, {0}},
        {"ORDER",
         4,
         {"orders(user_id) = users(id), one, down key, up user_id",
          "orders(id) = order_items(order_id), many, down order_id, up key",
          "order_items(product_id) = products(id), one, down key, up product_id"}},
        /* two attributes of the product share one node */
        {"CART",
         3,
         {"cart_items(user_id) = users(id), one, down key, up user_id",
          "cart_items(product_id) = products(id), one, down key, up product_id"}},
        {"PRODUCT",
         3,
         {"products(category_id) = categories(id), one, down key, up category_id",
          "products(seller_id) = users(id), one, down key, up seller_id"}},
        {"CATEGORY", 2, {"categories(parent_id) = parent(id), one, down key, up parent_id"}},
    };
    struct shop s;
    load(&s);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const struct entity *e = entity_named(s.contract, rows[i].entity);
        assert_int_equal(e->node_count, rows[i].count);
        assert_null(e->nodes[0]->parent);
        assert_ptr_equal(e->nodes[0]->source, e->root);
        for (size_t n = 1; n < e->node_count; n++) {
            assert_int_equal(e->nodes[n]->number, n);
            assert_true(e->nodes[n]->parent->number < n);
            assert_string_equal(describe(e->nodes[n]), rows[i].edges[n - 1]);
        }
    }
    unload(&s);
}

/* What a change must change, at each place of a table, to concern an item. */
static void test_reads(void **state) {
    (void)state;
    static const struct {
        const char *entity, *alias, *columns;
    } rows[] = {
        {"USER", "users", "id username email password_hash first_name last_name is_seller created_at updated_at"},
        {"ORDER", "orders", "id user_id status total_amount created_at updated_at"},
        {"ORDER", "users", "id email"},
        {"ORDER", "order_items", "id order_id product_id quantity price_at_time"},
        {"ORDER", "products", "id name"},
        {"CART", "users", "id email"},
        {"CART", "products", "id name price"},
        {"PRODUCT", "categories", "id name"},
        {"PRODUCT", "users", "id username"},
        {"CATEGORY", "parent", "id name"},
    };
    defer(unload) struct shop s;
    load(&s);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const struct entity *e = entity_named(s.contract, rows[i].entity);
        size_t n = 0;
        while (n < e->node_count && strcmp(e->nodes[n]->alias, rows[i].alias) != 0)
            n++;
        assert_true(n < e->node_count);
        char read[300] = "";
        for (size_t k = 0; k < e->nodes[n]->source->column_count; k++)
            if (e->nodes[n]->reads[k]) {
                size_t len = strlen(read);
                snprintf(read + len, sizeof(read) - len, "%s%s", len ? " " : "", e->nodes[n]->source->columns[k].name);
            }
        assert_string_equal(read, rows[i].columns);
    }
}

static void test_sources(void **state) {
    static const struct {
        const char *name;
        const char *columns;
        size_t key, indexes, standings, rooted;
    } rows[] = {
        {"users", "id,username,email,password_hash,first_name,last_name,is_seller,created_at,updated_at", 1, 0, 4, 1},
        {"orders", "id,user_id,status,total_amount,created_at,updated_at", 1, 1, 1, 1},
        {"order_items", "id,order_id,product_id,quantity,price_at_time", 1, 2, 1, 0},
        {"products",
         "id,seller_id,category_id,name,description,price,inventory_quantity,image_url,created_at,updated_at", 1, 2, 3,
         1},
        {"cart_items", "user_id,product_id,quantity,created_at,updated_at", 2, 2, 1, 1},
        {"categories", "id,name,parent_id,created_at", 1, 1, 3, 1},
    };
    struct shop s;
    load(&s);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const struct source *x = contract_source(s.contract, rows[i].name);
        assert_non_null(x);
        assert_ptr_equal(s.contract->sources[x->number], x);
        assert_string_equal(all_columns(x), rows[i].columns);
        assert_int_equal(x->key_count, rows[i].key);
        assert_int_equal(x->index_count, rows[i].indexes);
        assert_int_equal(x->standing_count, rows[i].standings);
        assert_int_equal(x->rooted_count, rows[i].rooted);
    }
    assert_null(contract_source(s.contract, "keyless"));
    unload(&s);
}

static void test_cascades(void **state) {
    static const struct {
        const char *parent, *child, *column;
        enum fk_rule rule;
    } rows[] = {
        {"users", "orders", "user_id", FK_CASCADE},
        {"users", "products", "seller_id", FK_CASCADE},
        {"users", "cart_items", "user_id", FK_CASCADE},
        {"orders", "order_items", "order_id", FK_CASCADE},
        {"products", "order_items", "product_id", FK_SET_NULL},
        {"products", "cart_items", "product_id", FK_CASCADE},
        {"categories", "products", "category_id", FK_SET_NULL},
        {"categories", "categories", "parent_id", FK_SET_NULL},
    };
    struct shop s;
    load(&s);
    size_t total = 0;
    for (size_t i = 0; i < s.contract->source_count; i++)
        total += s.contract->sources[i]->cascade_count;
    assert_int_equal(total, ARRAY_LEN(rows));
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const struct source *parent = contract_source(s.contract, rows[i].parent);
        bool found = false;
        for (size_t k = 0; k < parent->cascade_count; k++) {
            const struct cascade *c = &parent->cascades[k];
            if (strcmp(c->child->name, rows[i].child) != 0 ||
                strcmp(column_names(c->child, c->child_columns, c->column_count), rows[i].column) != 0)
                continue;
            found = true;
            assert_int_equal(c->on_delete, rows[i].rule);
            assert_int_equal(c->on_update, FK_NO_ACTION);
            assert_string_equal(column_names(parent, c->parent_columns, 1), "id");
            const struct source_index *x = &c->child->indexes[c->child_index];
            assert_string_equal(column_names(c->child, x->columns, x->column_count), rows[i].column);
        }
        assert_true(found);
    }
    unload(&s);
}

static void test_keys(void **state) {
    static const struct {
        const char *entity, *pk, *sk;
        bool can_conflict;
    } rows[] = {
        {"USER", "{email}", "#META", false},
        {"ORDER", "{user_email}", "ORDER#{created_at}#{order_id}", false},
        {"CART", "{user_email}", "CART#{product_id}", false}, /* a user's email is unique */
        {"PRODUCT", "{id}", "#META", false},
        {"CATEGORY", "{parent_name|ROOT}", "{category_name}", true},
    };
    struct shop s;
    load(&s);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const struct entity *e = entity_named(s.contract, rows[i].entity);
        assert_int_equal(e->pk_attribute, -1);
        assert_int_equal(e->sk_attribute, -1);
        assert_string_equal(e->pk_template->text, rows[i].pk);
        assert_string_equal(e->sk_template->text, rows[i].sk);
        assert_int_equal(e->can_conflict, rows[i].can_conflict);
        assert_true(e->write_entity_type);
        assert_false(e->write_nulls);
    }
    const struct target *users = s.contract->targets[0];
    assert_string_equal(users->name, "test_Users");
    assert_string_equal(users->pk.name, "PK");
    assert_string_equal(users->sk.name, "SK");
    assert_int_equal(users->index_count, 3);
    assert_string_equal(users->indexes[2].pk[0].name, "GSI3PK");
    assert_int_equal(users->indexes[2].pk[0].type, ATTR_S);
    unload(&s);
}

static void test_construction(void **state) {
    struct shop s;
    load(&s);
    const struct entity *e = entity_named(s.contract, "ORDER");
    const struct attribute *items = attribute_named(&e->scope, "order_items");
    assert_int_equal(items->source, ATTRIBUTE_LIST);
    assert_int_equal(items->type, ATTR_L);
    assert_non_null(items->null_value);
    assert_int_equal(items->null_value->type, ATTR_L);
    assert_int_equal(items->null_value->count, 0);
    assert_ptr_equal(items->scope->node, e->nodes[2]);
    assert_int_equal(items->scope->attribute_count, 5);
    assert_false(items->scope->node->needs_order);
    assert_int_equal(items->scope->node->order_count, 1);
    unsigned node, column;
    assert_true(expr_column(attribute_named(items->scope, "product_name")->expr, &node, &column));
    assert_int_equal(node, 3);
    assert_string_equal(e->nodes[3]->source->columns[column].name, "name");
    unload(&s);
}

/* Templates stand after what they name, and `output` keeps the contract's order. */
static void test_order_of_attributes(void **state) {
    struct shop s;
    load(&s);
    for (size_t i = 0; i < s.contract->entity_count; i++) {
        const struct scope *scope = &s.contract->entities[i]->scope;
        for (size_t a = 0; a < scope->attribute_count; a++) {
            const struct template *t = scope->attributes[a].template;
            for (size_t p = 0; t && p < t->part_count; p++)
                assert_true(t->parts[p].attribute < (int)a);
        }
    }
    const struct scope *user = &entity_named(s.contract, "USER")->scope;
    assert_string_equal(user->attributes[user->output[0]].name, "id");
    assert_string_equal(user->attributes[user->output[12]].name, "GSI2SK");
    unload(&s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_loads_without_findings),
        cmocka_unit_test(test_trees),
        cmocka_unit_test(test_reads),
        cmocka_unit_test(test_sources),
        cmocka_unit_test(test_cascades),
        cmocka_unit_test(test_keys),
        cmocka_unit_test(test_construction),
        cmocka_unit_test(test_order_of_attributes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
