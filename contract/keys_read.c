/* Which columns of each row in a join tree an item's key depends on: a change of others cannot move it, and may be worked off
 * later than its batch (transform/fan.c).
 *
 * A row matters by the columns that expressions read, by those that join it and its children, and by those that filter or
 * order it; by its primary key as well, for a row that takes another one is another row. */
#include "contract/compile.h"

/* The row at a node and the way to it. */
static void add_way(struct node *node) {
    for (; node->parent && !node->in_key; node = node->parent) {
        node->in_key = true;
        for (size_t i = 0; i < node->source->key_count; i++)
            node->key_reads[i] = true;
        for (size_t i = 0; i < node->edge_count; i++) {
            node->key_reads[node->columns[i]] = true;
            node->parent->key_reads[node->parent_columns[i]] = true;
        }
    }
    node->in_key = true;
}

static void add_expr(const struct entity *entity, const struct expr *e) {
    if (!e)
        return;
    if (e->kind == EXPR_COLUMN || e->kind == EXPR_HAS_ROW)
        add_way(entity->nodes[e->node]);
    if (e->kind == EXPR_COLUMN)
        entity->nodes[e->node]->key_reads[e->column] = true;
    for (size_t i = 0; i < e->arg_count; i++)
        add_expr(entity, e->args[i]);
}

/* Which rows there are, and in which order. */
static void add_rows(const struct entity *entity, struct node *node) {
    add_way(node);
    add_expr(entity, node->filter);
    for (size_t i = 0; i < node->order_count; i++)
        node->key_reads[node->order_by[i].column] = true;
}

static void add_attribute(const struct entity *entity, const struct scope *scope, const struct attribute *a);

static void add_template(const struct entity *entity, const struct scope *scope, const struct template *t) {
    for (size_t i = 0; t && i < t->part_count; i++) {
        add_expr(entity, t->parts[i].expr);
        if (t->parts[i].attribute >= 0)
            add_attribute(entity, scope, &scope->attributes[t->parts[i].attribute]);
    }
}

static void add_attribute(const struct entity *entity, const struct scope *scope, const struct attribute *a) {
    add_expr(entity, a->expr);
    add_template(entity, scope, a->template);
    if (!a->scope)
        return;
    add_rows(entity, a->scope->node);
    for (size_t i = 0; i < a->scope->attribute_count; i++)
        add_attribute(entity, a->scope, &a->scope->attributes[i]);
}

void keys_read(struct build *b, const struct entity *e) {
    for (size_t n = 0; n < e->node_count; n++)
        e->nodes[n]->key_reads = arena_zalloc(b->arena, (e->nodes[n]->source->column_count + 1) * sizeof(bool));
    const struct template *templates[] = {e->pk_template, e->sk_template};
    const int attributes[] = {e->pk_attribute, e->sk_attribute};
    for (size_t i = 0; i < ARRAY_LEN(templates); i++) {
        add_template(e, &e->scope, templates[i]);
        if (attributes[i] >= 0)
            add_attribute(e, &e->scope, &e->scope.attributes[attributes[i]]);
    }
}
