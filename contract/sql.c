/* One SELECT an entity, with its one-edges joined; and one a construction or list, over the rows of its many-edge. What is counted or
 * summed up is a subquery.
 *
 * Each column is text in the form that DynamoDB holds (contract/sql_expr.h), NULL where there is no attribute. Rows without a key, or
 * with one that no table can hold, are left out. */
#include "contract/sql.h"

#include "contract/sql_expr.h"

const char *const sql_session[] = {
    "SET NAMES utf8mb4",
    "SET SESSION time_zone = '+00:00', sql_mode = '', div_precision_increment = 4",
};
const size_t sql_session_count = ARRAY_LEN(sql_session);

struct sql {
    struct buf *out;
    const struct contract *contract;
    const struct entity *entity;
    const struct scope *scope;
    bool any; /* some column stands already */
};

/* ---- columns */

static void put_alias(struct sql *s, const char *name) {
    buf_put_text(s->out, " AS ");
    sql_put_name(s->out, name);
}

static void next_column(struct sql *s) {
    buf_put_text(s->out, s->any ? ",\n       " : "");
    s->any = true;
}

static void put_template(struct sql *s, const struct template *t);

static void put_null_value(struct sql *s, const struct attr *a) {
    defer(buf_deinit) struct buf text = BUF_SMALL(256, 1 << 20);
    if (a->type == ATTR_BOOL)
        buf_put_text(&text, a->boolean ? "1" : "0");
    else if (a->type == ATTR_S || a->type == ATTR_N || a->type == ATTR_B)
        buf_put_slice(&text, a->text);
    else
        attr_put_json(&text, a);
    sql_put_text(s->out, buf_slice(&text));
}

static void put_of_rows(struct sql *s, const struct attribute *a);

/* The value of an attribute that has no SELECT of its own. */
static void put_attribute(struct sql *s, const struct attribute *a) {
    if (a->null_value)
        buf_put_text(s->out, "COALESCE(");
    if (a->source == ATTRIBUTE_TEMPLATE)
        put_template(s, a->template);
    else if (a->scope)
        put_of_rows(s, a);
    else
        sql_put_expr(s->out, s->entity, a->expr, sql_form(a->type));
    if (a->null_value) {
        buf_put_text(s->out, ", ");
        put_null_value(s, a->null_value);
        buf_put_char(s->out, ')');
    }
}

/* Digits of a text become a number's: 5 for 5.0. */
static bool was_text(const struct attribute *a) {
    return a->type == ATTR_N && !a->scope && (a->source == ATTRIBUTE_TEMPLATE || a->expr->type == COLUMN_TEXT);
}

static void put_token(struct sql *s, const struct attribute *a) {
    bool shorter = was_text(a);
    buf_put_text(s->out, shorter ? "TRIM(TRAILING '.' FROM TRIM(TRAILING '0' FROM CAST(CAST(" : "");
    put_attribute(s, a);
    buf_put_text(s->out, shorter ? " AS DECIMAL(65,30)) AS CHAR)))" : "");
}

static void put_part(struct sql *s, const struct template_part *p) {
    bool token = p->attribute >= 0 || p->expr;
    if (!token) {
        sql_put_text(s->out, p->literal);
        return;
    }
    if (p->has_default)
        buf_put_text(s->out, "COALESCE(");
    if (p->attribute >= 0)
        put_token(s, &s->scope->attributes[p->attribute]);
    else
        sql_put_expr(s->out, s->entity, p->expr, SQL_S);
    if (p->has_default) {
        buf_put_text(s->out, ", ");
        sql_put_text(s->out, p->default_text);
        buf_put_char(s->out, ')');
    }
}

static void put_template(struct sql *s, const struct template *t) {
    const char *before = t->part_count > 1 ? "CONCAT(" : t->part_count ? "" : "''";
    buf_put_text(s->out, before);
    for (size_t i = 0; i < t->part_count; i++) {
        buf_put_text(s->out, i ? ", " : "");
        put_part(s, &t->parts[i]);
    }
    buf_put_text(s->out, t->part_count > 1 ? ")" : "");
}

/* The key of a row of a node, as it is. */
static void put_row_key(struct sql *s, const struct node *node, unsigned level) {
    for (unsigned i = 0; i < node->source->key_count; i++) {
        defer(buf_deinit) struct buf name = BUF_SMALL(128, 4096);
        next_column(s);
        sql_put_column(s->out, node, i);
        buf_printf(&name, "leat_%u_%s", level, node->source->columns[i].name);
        put_alias(s, buf_text(&name));
    }
}

static void put_key_part(struct sql *s, int attribute, const struct template *template, const char *name) {
    if (attribute < 0 && !template)
        return;
    next_column(s);
    if (attribute >= 0)
        put_attribute(s, &s->scope->attributes[attribute]);
    else
        put_template(s, template);
    put_alias(s, name);
}

static void put_attributes(struct sql *s) {
    for (size_t i = 0; i < s->scope->attribute_count; i++) {
        const struct attribute *a = &s->scope->attributes[s->scope->output[i]];
        if (!a->written || sql_has_select(a))
            continue;
        next_column(s);
        put_attribute(s, a);
        put_alias(s, a->name);
    }
}

static void put_entity_columns(struct sql *s) {
    const struct entity *e = s->entity;
    put_row_key(s, e->nodes[0], 0);
    put_key_part(s, e->pk_attribute, e->pk_template, "leat_pk");
    put_key_part(s, e->sk_attribute, e->sk_template, "leat_sk");
    if (e->write_entity_type) {
        next_column(s);
        sql_put_text(s->out, slice_of(e->name));
        put_alias(s, "entity_type");
    }
    put_attributes(s);
    for (size_t i = 0; i < e->synthetic_count; i++) {
        next_column(s);
        put_template(s, e->synthetics[i].template);
        put_alias(s, e->synthetics[i].name);
    }
}

/* ---- rows */

static void put_table(struct sql *s, const struct node *node) {
    sql_put_name(s->out, s->contract->schema->database);
    buf_put_char(s->out, '.');
    sql_put_name(s->out, node->source->name);
    buf_put_char(s->out, ' ');
    sql_put_row(s->out, node);
}

static void put_bytes(struct sql *s, const struct node *node, unsigned column) {
    buf_put_text(s->out, "CAST(CONVERT(");
    sql_put_column(s->out, node, column);
    buf_put_text(s->out, " USING utf8mb4) AS BINARY)");
}

static bool same_collation(const struct column *a, const struct column *b) {
    return a->collation_name && b->collation_name && strcmp(a->collation_name, b->collation_name) == 0;
}

/* Texts join by their bytes; the columns themselves are compared, too, where an index can serve that. */
static void put_equality(struct sql *s, const struct node *n, size_t i) {
    unsigned near = n->parent_columns[i], far = n->columns[i];
    const struct column *a = n->parent->source->columns[near].column, *b = n->source->columns[far].column;
    if (b->type != COLUMN_TEXT || same_collation(a, b)) {
        sql_put_column(s->out, n, far);
        buf_put_text(s->out, " = ");
        sql_put_column(s->out, n->parent, near);
    }
    if (b->type != COLUMN_TEXT)
        return;
    buf_put_text(s->out, same_collation(a, b) ? " AND " : "");
    put_bytes(s, n, far);
    buf_put_text(s->out, " = ");
    put_bytes(s, n->parent, near);
}

static void put_join(struct sql *s, const struct node *n, const char *how) {
    buf_printf(s->out, "\n%s JOIN ", how);
    put_table(s, n);
    for (size_t i = 0; i < n->edge_count; i++) {
        buf_put_text(s->out, i ? " AND " : " ON ");
        put_equality(s, n, i);
    }
}

/* ---- subqueries over the rows of a many-edge */

static void put_total(struct sql *s, const struct attribute *a) {
    static const char *const names[] = {[AGGREGATE_COUNT] = "COUNT", [AGGREGATE_SUM] = "SUM", [AGGREGATE_AVG] = "AVG"};
    bool counts = a->operation == AGGREGATE_COUNT;
    bool doubles = !counts && (a->expr->type == COLUMN_FLOAT || a->expr->type == COLUMN_DOUBLE);
    const char *before, *after;
    sql_around(sql_form(a->type), counts ? COLUMN_INT : doubles ? COLUMN_DOUBLE : COLUMN_DECIMAL, &before, &after);
    buf_printf(s->out, "%s%s(", before, names[a->operation]);
    if (a->expr)
        sql_put_expr(s->out, s->entity, a->expr, counts ? SQL_VALUE : SQL_NUMBER);
    else
        buf_put_char(s->out, '*');
    buf_printf(s->out, ")%s", after);
}

/* The least or greatest in the language's order, whatever a collation would say. */
static void put_extreme_order(struct sql *s, const struct attribute *a) {
    buf_put_text(s->out, " AND ");
    sql_put_expr(s->out, s->entity, a->expr, SQL_VALUE);
    buf_put_text(s->out, " IS NOT NULL ORDER BY ");
    sql_put_expr(s->out, s->entity, a->expr, SQL_COMPARE);
    buf_put_text(s->out, a->operation == AGGREGATE_MAX ? " DESC LIMIT 1" : " LIMIT 1");
}

static void put_of_rows(struct sql *s, const struct attribute *a) {
    const struct node *n = a->scope->node;
    bool exists = a->source == ATTRIBUTE_EXISTS;
    bool extreme = !exists && (a->operation == AGGREGATE_MIN || a->operation == AGGREGATE_MAX);
    buf_put_text(s->out, exists ? "EXISTS (SELECT 1" : "(SELECT ");
    if (extreme)
        sql_put_expr(s->out, s->entity, a->expr, sql_form(a->type));
    else if (!exists)
        put_total(s, a);
    buf_put_text(s->out, " FROM ");
    put_table(s, n);
    for (size_t i = 0; i < n->edge_count; i++) {
        buf_put_text(s->out, i ? " AND " : " WHERE ");
        put_equality(s, n, i);
    }
    if (n->filter) {
        buf_put_text(s->out, " AND ");
        sql_put_expr(s->out, s->entity, n->filter, SQL_VALUE);
    }
    if (extreme)
        put_extreme_order(s, a);
    buf_put_char(s->out, ')');
}

/* ---- FROM and WHERE */

/* Is `node` one of those that lead from the root to `to`? */
static bool leads_to(const struct node *node, const struct node *to) {
    while (to && to != node)
        to = to->parent;
    return to != NULL;
}

/* Does its row come with that of `row`, by one-edges? */
static bool comes_with(const struct node *node, const struct node *row) {
    while (node && node != row && !node->many)
        node = node->parent;
    return node == row;
}

static void put_rows(struct sql *s) {
    const struct entity *e = s->entity;
    buf_put_text(s->out, "\n  FROM ");
    put_table(s, e->nodes[0]);
    for (size_t i = 1; i < e->node_count; i++) {
        if (leads_to(e->nodes[i], s->scope->node))
            put_join(s, e->nodes[i], "  ");
        else if (comes_with(e->nodes[i], s->scope->node))
            put_join(s, e->nodes[i], "  LEFT");
    }
}

static void put_condition(struct sql *s, const struct expr *filter, bool *any) {
    if (!filter)
        return;
    buf_put_text(s->out, *any ? "\n   AND " : "\n WHERE ");
    sql_put_expr(s->out, s->entity, filter, SQL_VALUE);
    *any = true;
}

static void put_filters(struct sql *s) {
    bool any = false;
    put_condition(s, s->entity->filter, &any);
    for (size_t i = 1; i < s->entity->node_count; i++)
        if (leads_to(s->entity->nodes[i], s->scope->node))
            put_condition(s, s->entity->nodes[i]->filter, &any);
}

/* Bytes of a key, as DynamoDB limits them. */
static void put_key_limits(struct sql *s) {
    buf_printf(s->out, "\nHAVING LENGTH(leat_pk) BETWEEN 1 AND %d", ITEM_PK_MAX);
    if (s->entity->sk_attribute >= 0 || s->entity->sk_template)
        buf_printf(s->out, " AND LENGTH(leat_sk) BETWEEN 1 AND %d", ITEM_SK_MAX);
}

/* ---- order */

static void put_order(struct sql *s, const struct node *node, unsigned column, bool descending, bool *any) {
    enum column_type type = node->source->columns[column].column->type;
    buf_put_text(s->out, *any ? ", " : "\n ORDER BY ");
    if (type == COLUMN_TEXT)
        put_bytes(s, node, column);
    else
        sql_put_column(s->out, node, column);
    buf_put_text(s->out, type == COLUMN_ENUM || type == COLUMN_SET || type == COLUMN_BIT ? " + 0" : "");
    buf_put_text(s->out, descending ? " DESC" : "");
    *any = true;
}

static bool is_ordered_by(const struct node *n, unsigned column) {
    for (size_t i = 0; i < n->order_count; i++)
        if (n->order_by[i].column == column)
            return true;
    return false;
}

/* The root's key, then for each many-edge its order, then its key. */
static void put_orders(struct sql *s) {
    bool any = false;
    for (size_t i = 0; i < s->entity->node_count; i++) {
        const struct node *n = s->entity->nodes[i];
        if (!leads_to(n, s->scope->node) || (i > 0 && !n->many))
            continue;
        for (size_t k = 0; k < n->order_count; k++)
            put_order(s, n, n->order_by[k].column, n->order_by[k].descending, &any);
        for (unsigned k = 0; k < n->source->key_count; k++)
            if (!is_ordered_by(n, k))
                put_order(s, n, k, false, &any);
    }
}

bool sql_has_select(const struct attribute *a) {
    return a->source == ATTRIBUTE_LIST || a->source == ATTRIBUTE_FIRST || a->source == ATTRIBUTE_VALUES;
}

static void put_element_columns(struct sql *s, const struct attribute *many) {
    unsigned level = 0;
    for (size_t i = 0; i < s->entity->node_count; i++) {
        const struct node *n = s->entity->nodes[i];
        if (leads_to(n, s->scope->node) && (i == 0 || n->many))
            put_row_key(s, n, level++);
    }
    if (many->source == ATTRIBUTE_VALUES) {
        next_column(s);
        sql_put_expr(s->out, s->entity, many->expr, sql_form(many->element));
        put_alias(s, "leat_value");
    }
    put_attributes(s);
}

void sql_select(struct buf *out, const struct contract *contract, const struct entity *entity,
                const struct attribute *many) {
    struct sql s = {out, contract, entity, many ? many->scope : &entity->scope, false};
    buf_put_text(out, "SELECT ");
    if (many)
        put_element_columns(&s, many);
    else
        put_entity_columns(&s);
    put_rows(&s);
    put_filters(&s);
    if (!many)
        put_key_limits(&s);
    put_orders(&s);
}
