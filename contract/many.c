/* Attributes made of many rows: constructions, lists, checks for existence, aggregates. */
#include "contract/compile.h"

#include "contract/convert.h"
#include "contract/expr_types.h"

#include <strings.h>

static bool orderable(const struct column *c) {
    return c->type != COLUMN_JSON && c->type != COLUMN_GEOMETRY && c->type != COLUMN_VECTOR;
}

static void read_order(const struct row_place *w, struct node *node, const struct word *text) {
    struct order_name list[ORDER_MAX];
    size_t count = 0;
    if (!text->text || !order_parse(w->b->report, w->b->arena, text->at, text->text, list, &count))
        return;
    struct order_column *order = arena_zalloc(w->b->arena, (count + 1) * sizeof(*order));
    struct row_names row = {w->b, node};
    for (size_t i = 0; i < count; i++) {
        struct expr e;
        if (!row_resolve(&row, text->at, &list[i].name, &e))
            return;
        /* The resolved expression lives on this stack only; the order is renumbered with its node. */
        w->b->use_count--;
        if (!orderable(&node->source->table->columns[e.column])) {
            report_error(w->b->report, text->at, "rows cannot be ordered by %s of type %s", list[i].name.column,
                         column_type_name(e.type));
            return;
        }
        order[i] = (struct order_column){e.column, list[i].descending};
    }
    node->order_by = order;
    node->order_count = count;
}

static bool in_edge(const struct node *n, unsigned column) {
    for (size_t i = 0; i < n->edge_count; i++)
        if (n->columns[i] == column)
            return true;
    return false;
}

/* The index gives rows by the edge's columns, then the key, by bytes: long texts and binaries are cut there. */
static bool needs_order(const struct node *n) {
    const struct table *t = n->source->table;
    const struct table_key *key = NULL;
    for (size_t i = 0; i < t->key_count && !key; i++)
        if (t->keys[i].primary)
            key = &t->keys[i];
    if (!key)
        return true;
    size_t next = 0;
    for (size_t k = 0; k < key->column_count; k++) {
        enum column_type type = t->columns[key->columns[k]].type;
        if (type == COLUMN_TEXT || type == COLUMN_BINARY)
            return true;
    }
    for (size_t i = 0; i < n->order_count; i++) {
        unsigned column = n->order_by[i].column;
        if (in_edge(n, column))
            continue;
        while (next < key->column_count && in_edge(n, key->columns[next]))
            next++;
        if (next == key->column_count)
            return false; /* the whole key came before: nothing is left to order */
        if (n->order_by[i].descending || key->columns[next++] != column)
            return true;
    }
    return false;
}

static void read_filter(const struct row_place *w, struct node *node, const struct word *filter) {
    struct row_names row = {w->b, node};
    struct expr_names names = {row_resolve, &row};
    if (filter->text)
        node->filter = expr_parse_condition(w->b->report, w->b->arena, filter->at, filter->text, &names);
}

/* The node of the rows, with their filter, order and limit. NULL when reported. */
static struct node *rows_node(const struct row_place *w, const struct parsed_join *join, const struct word *filter,
                              const struct word *order_by, uint64_t limit) {
    struct names near = names_of(w->row);
    struct node *node = join->target_table.text ? join_node(w->b, w->entity, &near, join, NULL, true) : NULL;
    if (!node)
        return NULL;
    if (order_by)
        read_order(w, node, order_by);
    read_filter(w, node, filter);
    node->limit = limit;
    node->needs_order = needs_order(node);
    return node;
}

/* An EXPR over the far row. */
static struct expr *far_expr(const struct row_place *w, struct node *node, const struct word *text) {
    struct row_names row = {w->b, node};
    struct expr_names names = {row_resolve, &row};
    return text->text ? expr_parse(w->b->report, w->b->arena, text->at, text->text, &names) : NULL;
}

static const struct scope *scope_of_rows(const struct row_place *w, struct node *node) {
    struct scope *scope = arena_zalloc(w->b->arena, sizeof(*scope));
    scope->node = node;
    return scope;
}

static bool join_construction(const struct row_place *w, const struct parsed_attribute *p, struct attribute *ret) {
    const struct parsed_construction *c = p->join->construction;
    if (!c || !p->join->target_table.text || !c->type.text)
        return false; /* reported as missing */
    bool array = strcmp(c->type.text, "array") == 0;
    if (!array && strcmp(c->type.text, "object") != 0) {
        report_error(w->b->report, c->type.at, "unknown construction \"%s\"; it must be \"array\" or \"object\"",
                     c->type.text);
        return false;
    }
    enum attr_type natural = array ? ATTR_L : ATTR_M;
    if (ret->type != natural && ret->type != ATTR_S) {
        report_error(w->b->report, p->type.at,
                     "a construction of type \"%s\" is written as %s, or as S (JSON text), not as %s", c->type.text,
                     attr_type_name(natural), attr_type_name(ret->type));
        return false;
    }
    if (p->join->filter.text && c->filter.text)
        report_error(w->b->report, p->join->filter.at,
                     "\"filter\" stands in the join and in its construction; keep one");
    struct node *node =
        rows_node(w, p->join, p->join->filter.text ? &p->join->filter : &c->filter, &c->order_by, c->limit);
    if (!node)
        return false;
    struct scope *scope = arena_zalloc(w->b->arena, sizeof(*scope));
    scope_build(w->b, w->entity, node, c->attributes, c->attribute_count, scope);
    ret->source = array ? ATTRIBUTE_LIST : ATTRIBUTE_FIRST;
    ret->scope = scope;
    ret->json_text = ret->type == ATTR_S;
    return true;
}

/* ---- exists-check, aggregated-list */

/* What keeps an aggregate from being kept up by differences; NULL: nothing. */
static const char *why_walked(const struct node *node, enum aggregate_operation operation, const struct expr *e) {
    bool sums = operation == AGGREGATE_SUM || operation == AGGREGATE_AVG;
    if (node->by_key)
        return "by its key there is one row at most";
    if (sums && (e->type == COLUMN_FLOAT || e->type == COLUMN_DOUBLE))
        return "doubles are added in the order of the primary key";
    return NULL;
}

static void keep_running(const struct row_place *w, struct node *node, enum aggregate_operation operation,
                         const struct expr *e) {
    node->walked = why_walked(node, operation, e);
    node->running = !node->walked;
    if (node->running)
        node->measure = source_measure(node->source, w->b->arena, node->index, &(struct measure){node, operation, e});
}

static bool join_exists(const struct row_place *w, const struct parsed_attribute *p, struct attribute *ret) {
    if (ret->type != ATTR_BOOL) {
        report_error(w->b->report, p->type.at, "an exists-check is written as BOOL, not as %s",
                     attr_type_name(ret->type));
        return false;
    }
    struct node *node = rows_node(w, p->join, &p->join->filter, NULL, 0);
    ret->source = ATTRIBUTE_EXISTS;
    ret->scope = node ? scope_of_rows(w, node) : NULL;
    if (node && node->filter && !node->by_key) /* without a filter the first row of the index tells */
        keep_running(w, node, AGGREGATE_COUNT, NULL);
    return node != NULL;
}

static bool join_list(const struct row_place *w, const struct parsed_attribute *p, struct attribute *ret) {
    const struct parsed_join *j = p->join;
    enum attr_type element = ATTR_S;
    if (ret->type == ATTR_NS)
        element = ATTR_N;
    else if (ret->type == ATTR_BS)
        element = ATTR_B;
    if (ret->type != ATTR_L && ret->type != ATTR_SS && ret->type != ATTR_NS && ret->type != ATTR_BS) {
        report_error(w->b->report, p->type.at, "an aggregated-list is written as L, SS, NS or BS, not as %s",
                     attr_type_name(ret->type));
        return false;
    }
    struct node *node = rows_node(w, j, &j->filter, &j->order_by, j->limit);
    ret->expr = node ? far_expr(w, node, &j->select_column) : NULL;
    if (!ret->expr)
        return false;
    ret->source = ATTRIBUTE_VALUES;
    ret->scope = scope_of_rows(w, node);
    if (ret->type != ATTR_L) {
        ret->element = element;
        return attribute_check_type(w, j->select_column.at, ret->expr, element);
    }
    if (convert_natural(ret->expr->type, &ret->element))
        return true;
    report_error(w->b->report, j->select_column.at, "a value of type %s has no natural type to stand in a list",
                 column_type_name(ret->expr->type));
    return false;
}

/* ---- aggregates */

static const struct {
    const char *name;
    enum aggregate_operation operation;
} operations[] = {{"SUM", AGGREGATE_SUM},
                  {"COUNT", AGGREGATE_COUNT},
                  {"AVG", AGGREGATE_AVG},
                  {"MIN", AGGREGATE_MIN},
                  {"MAX", AGGREGATE_MAX}};

static bool find_operation(const struct row_place *w, const struct word *word, enum aggregate_operation *ret) {
    const char *names[ARRAY_LEN(operations)];
    for (size_t i = 0; i < ARRAY_LEN(operations); i++) {
        names[i] = operations[i].name;
        *ret = operations[i].operation;
        if (word->text && strcasecmp(word->text, names[i]) == 0)
            return true;
    }
    if (word->text)
        report_error(w->b->report, word->at, "unknown operation \"%s\"%s", word->text,
                     report_remedy(w->b->report, word->text, names, ARRAY_LEN(names)));
    return false;
}

/* The type of the result, as an expression of that type for messages and checks. NULL when reported. */
static const struct expr *aggregate_type(const struct row_place *w, const struct parsed_attribute *p,
                                         enum aggregate_operation operation, const struct expr *e) {
    struct expr *result = arena_zalloc(w->b->arena, sizeof(*result));
    enum expr_class c = operation == AGGREGATE_COUNT ? CLASS_NUMBER : expr_class(e);
    bool sums = operation == AGGREGATE_SUM || operation == AGGREGATE_AVG;
    result->kind = EXPR_LITERAL;
    result->type = operation == AGGREGATE_COUNT ? COLUMN_INT : e->type;
    if ((sums && c != CLASS_NUMBER) || c == CLASS_OPAQUE || c == CLASS_ANY) {
        report_error(w->b->report, p->aggregate->select_column.at, "%s of values of type %s is not possible",
                     p->operation.text, column_type_name(e->type));
        return NULL;
    }
    if (sums && (e->type == COLUMN_FLOAT || e->type == COLUMN_DOUBLE)) {
        result->type = COLUMN_DOUBLE;
        report_warning(w->b->report, p->aggregate->select_column.at,
                       "%s of doubles depends on the order of its rows: it is by primary key here", p->operation.text);
    } else if (sums) {
        result->type = COLUMN_DECIMAL;
    }
    return result;
}

static bool aggregate_build(const struct row_place *w, const struct parsed_attribute *p, struct attribute *ret) {
    const struct parsed_join *j = p->aggregate;
    enum aggregate_operation operation;
    bool good = find_operation(w, &p->operation, &operation);
    struct node *node = rows_node(w, j, &j->filter, NULL, 0);
    if (!good || !node)
        return false;
    bool all = operation == AGGREGATE_COUNT && (!j->select_column.text || strcmp(j->select_column.text, "*") == 0);
    if (!all && !j->select_column.text) {
        report_error(w->b->report, j->at, "an aggregate lacks \"select_column\" (a string)");
        return false;
    }
    ret->expr = all ? NULL : far_expr(w, node, &j->select_column);
    const struct expr *type = all || ret->expr ? aggregate_type(w, p, operation, ret->expr) : NULL;
    ret->source = ATTRIBUTE_AGGREGATE;
    ret->operation = operation;
    ret->scope = scope_of_rows(w, node);
    if (type)
        keep_running(w, node, operation, ret->expr);
    return type && attribute_check_type(w, p->type.at, type, ret->type);
}

/* ---- all */

bool many_rows(const struct parsed_attribute *p) {
    return p->aggregate || (p->join && p->join->type && p->join->type->form >= JOIN_CONSTRUCTION);
}

bool many_build(const struct row_place *w, const struct parsed_attribute *p, struct attribute *ret) {
    if (p->aggregate)
        return aggregate_build(w, p, ret);
    switch (p->join->type->form) {
    case JOIN_EXISTS:
        return join_exists(w, p, ret);
    case JOIN_LIST:
        return join_list(w, p, ret);
    default:
        return join_construction(w, p, ret);
    }
}
