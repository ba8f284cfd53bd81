/* Attributes of an entity or a construction: where each value comes from, what type it has, and an order in which
 * templates find what they name. */
#include "contract/compile.h"

#include "contract/convert.h"
#include "contract/expr_types.h"
#include "contract/template_parse.h"

#include <stdlib.h>

/* What is known of a scope while it is built; attributes are in the contract's order here. */
struct scope_work {
    struct build *b;
    struct entity *entity;
    struct node *row;
    const struct parsed_attribute *parsed;
    struct attribute *attributes;
    bool *good;
    struct template_token **tokens; /* of templates */
    size_t *token_counts;
    size_t count;
    struct scope *scope;
};

/* ---- types */

static bool attribute_type(struct build *b, const struct parsed_attribute *p, enum attr_type *ret) {
    if (!p->type.text)
        return false; /* reported as missing */
    if (attr_type_parse(slice_of(p->type.text), ret))
        return true;
    static const char *const names[] = {"S", "N", "B", "BOOL", "NULL", "SS", "NS", "BS", "L", "M"};
    report_error(b->report, p->type.at, "unknown type \"%s\"%s", p->type.text,
                 report_remedy(b->report, p->type.text, names, ARRAY_LEN(names)));
    return false;
}

static const char *expr_source(struct build *b, const struct scope_work *w, const struct expr *e) {
    unsigned node, column;
    if (!expr_column(e, &node, &column))
        return arena_printf(b->arena, "a value of type %s", column_type_name(e->type));
    const struct table *t = w->entity->nodes[node]->source->table;
    return arena_printf(b->arena, "%s.%s (%s)", t->name, t->columns[column].name, column_type_name(e->type));
}

/* `B` of text is its bytes as stored; values are UTF-8, so the column must be, too. */
static bool stored_as_utf8(const struct scope_work *w, const struct expr *e) {
    unsigned node, column;
    if (!expr_column(e, &node, &column))
        return true;
    const char *name = w->entity->nodes[node]->source->table->columns[column].collation_name;
    return !name || strncmp(name, "utf8", 4) == 0 || strncmp(name, "ascii", 5) == 0 || strcmp(name, "binary") == 0;
}

static bool check_type(struct scope_work *w, struct spot at, const struct expr *e, enum attr_type type) {
    char choices[64];
    if (e->kind == EXPR_CASE) { /* every value it may give */
        bool good = check_type(w, at, e->args[e->arg_count - 1], type);
        for (size_t i = 1; i < e->arg_count; i += 2)
            good &= check_type(w, at, e->args[i], type);
        return good;
    }
    if (e->kind == EXPR_COALESCE) {
        bool good = true;
        for (size_t i = 0; i < e->arg_count; i++)
            good &= check_type(w, at, e->args[i], type);
        return good;
    }
    if (e->type == COLUMN_UNSUPPORTED)
        return true; /* NULL */
    if (!convert_allowed(e->type, type)) {
        report_error(w->b->report, at, "%s cannot be written as type %s; it can be %s", expr_source(w->b, w, e),
                     attr_type_name(type), convert_choices(e->type, choices));
        return false;
    }
    if (type == ATTR_B && e->type == COLUMN_TEXT && !stored_as_utf8(w, e)) {
        report_error(w->b->report, at, "%s as type B is not supported by this version for this character set; S is",
                     expr_source(w->b, w, e));
        return false;
    }
    return true;
}

/* ---- null_value */

/* A literal in the attribute's type: text and numbers stand for one another, as contracts write them. */
static const struct attr *null_value(struct build *b, struct spot at, enum attr_type type) {
    struct attr *a = arena_alloc(b->arena, sizeof(*a));
    struct error why;
    if (attr_from_json(at.value, b->arena, a, &why)) {
        report_error(b->report, at, "\"null_value\": %s", why.text);
        return NULL;
    }
    if (type == ATTR_S && a->type == ATTR_N)
        a->type = ATTR_S;
    defer(buf_deinit) struct buf normal = BUF_INIT(256);
    if (type == ATTR_N && a->type == ATTR_S && number_normalise(a->text, &normal))
        a->type = ATTR_N;
    if (a->type == type)
        return a;
    report_error(b->report, at, "\"null_value\" is of type %s, the attribute of type %s",
                 attr_type_name((enum attr_type)a->type), attr_type_name(type));
    return NULL;
}

/* ---- where values come from */

static struct names names_of(struct node *row) {
    struct names n = {.list = {{row->alias, row}}, .count = 1};
    if (strcmp(row->alias, row->source->name) != 0)
        n.list[n.count++] = (typeof(n.list[0])){row->source->name, row};
    return n;
}

/* What names mean in "select_column": columns of the joined row by the join's own alias (the node may be shared), of its table's name,
 * or without either; in a chain of the earlier rows, too. */
struct far_names {
    struct scope_work *w;
    struct node *far;
    const char *alias;
    const struct names *chain; /* NULL: none */
};

static struct node *far_node(const struct far_names *f, const char *table) {
    if (!table || strcmp(table, f->alias) == 0 || strcmp(table, f->far->source->name) == 0)
        return f->far;
    for (size_t i = 0; f->chain && i < f->chain->count; i++)
        if (strcmp(f->chain->list[i].name, table) == 0)
            return f->chain->list[i].node;
    return NULL;
}

static bool far_resolve(void *context, struct spot at, const struct column_name *name, struct expr *ret) {
    const struct far_names *f = context;
    struct build *b = f->w->b;
    struct node *node = far_node(f, name->table);
    if (!node) {
        report_error(b->report, at, "\"%s.%s\" is selected, but the joined row is \"%s\"", name->table, name->column,
                     f->alias);
        return false;
    }
    struct row_names row = {b, node};
    return row_resolve(&row, at, &(struct column_name){.column = name->column}, ret);
}

static struct expr *node_of_args(struct scope_work *w, enum expr_kind kind, struct expr *const *args, size_t count) {
    struct expr *e = arena_zalloc(w->b->arena, sizeof(*e));
    e->kind = kind;
    e->type = kind == EXPR_JOINED ? COLUMN_TEXT : args[count - 1]->type;
    e->args = arena_copy(w->b->arena, args, count * sizeof(*args));
    e->arg_count = count;
    return e;
}

/* No row, no value: not even where the expression would make one of NULLs. */
static struct expr *if_row(struct scope_work *w, const struct node *far, struct expr *e) {
    unsigned node, column;
    if (!e || expr_column(e, &node, &column))
        return e;
    struct expr *there = arena_zalloc(w->b->arena, sizeof(*there)), *null = arena_zalloc(w->b->arena, sizeof(*null));
    there->kind = EXPR_HAS_ROW;
    there->type = COLUMN_INT;
    there->node = far->number;
    null->kind = EXPR_LITERAL;
    null->literal = (struct value){.kind = VALUE_NULL};
    struct expr *guarded = node_of_args(w, EXPR_CASE, (struct expr *[]){there, e, null}, 3);
    guarded->type = e->type;
    guarded->digits = e->digits;
    return guarded;
}

static struct expr *select_far(struct scope_work *w, struct node *far, const struct parsed_join *join, struct spot at,
                               const char *text, const struct names *chain) {
    struct far_names context = {w, far, join->alias.text ? join->alias.text : far->source->name, chain};
    struct expr_names names = {far_resolve, &context};
    return if_row(w, far, expr_parse(w->b->report, w->b->arena, at, text, &names));
}

static struct expr *row_expr(struct scope_work *w, struct spot at, const char *text) {
    struct row_names row = {w->b, w->row};
    struct expr_names names = {row_resolve, &row};
    return expr_parse(w->b->report, w->b->arena, at, text, &names);
}

static struct expr *row_condition(struct scope_work *w, struct spot at, const char *text) {
    struct row_names row = {w->b, w->row};
    struct expr_names names = {row_resolve, &row};
    return expr_parse_condition(w->b->report, w->b->arena, at, text, &names);
}

/* A literal of the contract; a text that looks like a column of the row is one, as public contracts mean it. */
static struct expr *literal_expr(struct scope_work *w, struct spot at) {
    struct expr *e = arena_zalloc(w->b->arena, sizeof(*e));
    struct slice digits = json_number(at.value), text = json_string(at.value);
    e->kind = EXPR_LITERAL;
    e->literal = (struct value){.kind = VALUE_NULL};
    const char *dot = text.data ? strchr(text.data, '.') : NULL;
    size_t len = dot ? (size_t)(dot - text.data) : 0;
    if (dot && strlen(w->row->alias) == len && strncmp(w->row->alias, text.data, len) == 0 &&
        table_column(w->row->source->table, dot + 1) >= 0) {
        report_warning(w->b->report, at, "\"%s\" is taken as a column; say so with \"else_expr\"", text.data);
        return row_expr(w, at, text.data);
    }
    if (text.data) {
        e->type = COLUMN_TEXT;
        e->literal = (struct value){.kind = VALUE_TEXT, .data = text.data, .len = (uint32_t)text.len};
    } else if (digits.data) {
        e->type = COLUMN_DECIMAL;
        e->literal = (struct value){.kind = VALUE_DECIMAL, .data = digits.data, .len = (uint32_t)digits.len};
    } else if (at.value && json_type(at.value) == JSON_BOOL) {
        e->type = COLUMN_INT;
        e->literal = (struct value){.kind = VALUE_INT, .i = json_bool(at.value)};
    } else if (at.value && json_type(at.value) != JSON_NULL) {
        report_error(w->b->report, at, "a literal must be a string, a number, true, false or null");
        return NULL;
    }
    return e;
}

static struct expr *else_value(struct scope_work *w, const struct parsed_join *j) {
    if (j->else_expr.text && j->else_value.value)
        report_error(w->b->report, j->else_expr.at, "\"else_expr\" and \"else_value\" stand here; keep one");
    return j->else_expr.text ? row_expr(w, j->else_expr.at, j->else_expr.text) : literal_expr(w, j->else_value);
}

static struct expr *join_one(struct scope_work *w, const struct parsed_attribute *p, const struct parsed_join *j) {
    struct names near = names_of(w->row);
    bool old = j->type->form == JOIN_OLD;
    if (old && p->source_column.count != 1) {
        report_error(w->b->report, p->at,
                     "a join by \"local_column\" takes its value from the attribute's \"source_column\"");
        return NULL;
    }
    const struct word *select = old ? &p->source_column.list[0] : &j->select_column;
    struct node *far = join_node(w->b, w->entity, &near, j, old ? p->source_table.text : NULL, false);
    return far && select->text ? select_far(w, far, j, select->at, select->text, NULL) : NULL;
}

/* A condition that is not true gives the else value; true without a row gives NULL. */
static struct expr *join_conditional(struct scope_work *w, const struct parsed_attribute *p) {
    const struct parsed_join *j = p->join;
    struct expr *condition = j->only_if.text ? row_condition(w, j->only_if.at, j->only_if.text) : NULL;
    struct expr *value = join_one(w, p, j), *otherwise = else_value(w, j);
    return condition && value && otherwise
               ? node_of_args(w, EXPR_CASE, (struct expr *[]){condition, value, otherwise}, 3)
               : NULL;
}

/* "type_column = value", in the small SQL, so that it is typed and resolved as any other. */
static struct expr *branch_condition(struct scope_work *w, const struct parsed_join *j,
                                     const struct parsed_join *branch) {
    defer(buf_deinit) struct buf text = BUF_INIT(10000);
    struct slice value = json_string(branch->when.value), digits = json_number(branch->when.value);
    if (!value.data && !digits.data) {
        report_error(w->b->report, branch->when, "\"when_type_value\" must be a string or a number");
        return NULL;
    }
    buf_printf(&text, "%s = ", j->type_column.text);
    buf_put_slice(&text, digits);
    if (value.data)
        buf_put_char(&text, '\'');
    for (size_t i = 0; i < value.len; i++) {
        if (value.data[i] == '\'')
            buf_put_char(&text, '\'');
        buf_put_char(&text, value.data[i]);
    }
    if (value.data)
        buf_put_char(&text, '\'');
    return row_expr(w, branch->when, arena_strdup(w->b->arena, buf_text(&text)));
}

enum { BRANCHES_MAX = 64 };

static struct expr *join_polymorphic(struct scope_work *w, const struct parsed_attribute *p) {
    const struct parsed_join *j = p->join;
    struct expr *args[2 * BRANCHES_MAX + 1];
    size_t count = 0;
    bool good = j->type_column.text && j->step_count > 0;
    if (j->step_count > BRANCHES_MAX) {
        report_error(w->b->report, j->at, "more than %d branches", BRANCHES_MAX);
        return NULL;
    }
    for (size_t i = 0; j->type_column.text && i < j->step_count; i++) {
        struct expr *condition = j->steps[i].when.value ? branch_condition(w, j, &j->steps[i]) : NULL;
        struct expr *value = join_one(w, p, &j->steps[i]);
        good &= condition && value;
        args[count++] = condition;
        args[count++] = value;
    }
    args[count] = else_value(w, j);
    return good && args[count] ? node_of_args(w, EXPR_CASE, args, count + 1) : NULL;
}

/* Each step starts from the row or an earlier step; the last one's column is the value. */
static struct expr *join_chain(struct scope_work *w, const struct parsed_attribute *p) {
    struct names near = names_of(w->row);
    struct expr *value = NULL, *values[ARRAY_LEN(near.list)];
    size_t value_count = 0;
    for (size_t i = 0; i < p->join->step_count; i++) {
        const struct parsed_join *step = &p->join->steps[i];
        if (near.count == ARRAY_LEN(near.list)) {
            report_error(w->b->report, step->at, "a chain of more than %zu steps", ARRAY_LEN(near.list) - 2);
            return NULL;
        }
        if (!step->target_table.text)
            return NULL;
        struct node *far = join_node(w->b, w->entity, &near, step, NULL, false);
        if (!far)
            return NULL;
        near.list[near.count++] = (typeof(near.list[0])){step->alias.text ? step->alias.text : far->source->name, far};
        bool last = i + 1 == p->join->step_count;
        if (step->select_column.text)
            value = select_far(w, far, step, step->select_column.at, step->select_column.text, &near);
        else if (last)
            report_error(w->b->report, step->at, "the last step of a chain lacks \"select_column\"");
        if (last && !step->select_column.text)
            return NULL;
        if (step->select_column.text && !value)
            return NULL;
        if (step->select_column.text)
            values[value_count++] = value;
    }
    if (!p->join->separator.text || value_count == 0)
        return value;
    struct expr *joined = node_of_args(w, EXPR_JOINED, values, value_count);
    joined->literal = (struct value){
        .kind = VALUE_TEXT, .data = p->join->separator.text, .len = (uint32_t)strlen(p->join->separator.text)};
    return joined;
}

static struct expr *plain_column(struct scope_work *w, const struct parsed_attribute *p) {
    if (p->source_column.count != 1) {
        report_error(w->b->report, p->at,
                     p->source_column.count == 0
                         ? "attribute \"%s\" lacks its value: one of \"source_column\", \"template\", \"expr\", "
                           "\"join\", \"calculation\""
                         : "attribute \"%s\": several columns need a \"template\", an \"expr\" or a \"join\"",
                     p->name.text);
        return NULL;
    }
    const struct word *column = &p->source_column.list[0];
    const char *table = p->source_table.text;
    if (table && strcmp(table, w->row->source->name) != 0 && strcmp(table, w->row->alias) != 0) {
        report_error(w->b->report, p->source_table.at, "the row here is of \"%s\"; a column of \"%s\" needs a \"join\"",
                     w->row->source->name, table);
        return NULL;
    }
    int n = source_column(w->b, w->row->source, column->at, column->text);
    return n < 0 ? NULL : column_expr(w->b, w->row, (unsigned)n);
}

/* ---- constructions */

static bool orderable(const struct column *c) {
    return c->type != COLUMN_JSON && c->type != COLUMN_GEOMETRY && c->type != COLUMN_VECTOR;
}

static void read_order(struct scope_work *w, struct node *node, const struct word *text) {
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

static void read_filters(struct scope_work *w, struct node *node, const struct parsed_join *j) {
    const struct word *filter = j->filter.text ? &j->filter : &j->construction->filter;
    struct row_names row = {w->b, node};
    struct expr_names names = {row_resolve, &row};
    if (j->filter.text && j->construction->filter.text)
        report_error(w->b->report, j->filter.at, "\"filter\" stands in the join and in its construction; keep one");
    if (filter->text)
        node->filter = expr_parse_condition(w->b->report, w->b->arena, filter->at, filter->text, &names);
}

static bool join_construction(struct scope_work *w, const struct parsed_attribute *p, struct attribute *ret) {
    const struct parsed_construction *c = p->join->construction;
    struct names near = names_of(w->row);
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
    struct node *node = join_node(w->b, w->entity, &near, p->join, NULL, true);
    if (!node)
        return false;
    read_order(w, node, &c->order_by);
    read_filters(w, node, p->join);
    node->limit = c->limit;
    node->needs_order = needs_order(node);
    struct scope *scope = arena_zalloc(w->b->arena, sizeof(*scope));
    scope_build(w->b, w->entity, node, c->attributes, c->attribute_count, scope);
    ret->source = array ? ATTRIBUTE_LIST : ATTRIBUTE_FIRST;
    ret->scope = scope;
    ret->json_text = ret->type == ATTR_S;
    return true;
}

/* ---- one attribute */

static bool by_join(struct scope_work *w, const struct parsed_attribute *p, struct attribute *ret) {
    if (!p->join->type)
        return false;
    struct expr *e = NULL;
    switch (p->join->type->form) {
    case JOIN_CONSTRUCTION:
        return join_construction(w, p, ret);
    case JOIN_CONDITIONAL:
        e = join_conditional(w, p);
        break;
    case JOIN_POLYMORPHIC:
        e = join_polymorphic(w, p);
        break;
    case JOIN_CHAIN:
        e = join_chain(w, p);
        break;
    case JOIN_ONE:
    case JOIN_OLD:
        e = join_one(w, p, p->join);
    }
    ret->expr = e;
    return e && check_type(w, p->type.at, e, ret->type);
}

static bool by_cases(struct scope_work *w, const struct parsed_attribute *p, struct attribute *ret) {
    struct expr *args[2 * BRANCHES_MAX + 1];
    size_t count = 0;
    bool good = true;
    if (p->case_count > BRANCHES_MAX) {
        report_error(w->b->report, p->at, "more than %d cases", BRANCHES_MAX);
        return false;
    }
    for (size_t i = 0; i < p->case_count; i++) {
        const struct word *parts[] = {&p->cases[i].when, &p->cases[i].then};
        for (size_t k = 0; k < 2; k++) {
            args[count] = parts[k]->text ? (k == 0 ? row_condition : row_expr)(w, parts[k]->at, parts[k]->text) : NULL;
            good &= args[count++] != NULL;
        }
    }
    args[count] =
        p->case_else.text ? row_expr(w, p->case_else.at, p->case_else.text) : literal_expr(w, (struct spot){0});
    if (!good || !args[count])
        return false;
    struct expr *e = node_of_args(w, EXPR_CASE, args, count + 1);
    const char *wrong = expr_type_case(w->b->arena, e);
    if (wrong)
        report_error(w->b->report, p->at, "%s", wrong);
    ret->expr = e;
    return !wrong && check_type(w, p->type.at, e, ret->type);
}

static bool by_expr(struct scope_work *w, const struct parsed_attribute *p, struct attribute *ret) {
    struct row_names row = {w->b, w->row};
    struct expr_names names = {row_resolve, &row};
    struct expr *e = expr_parse(w->b->report, w->b->arena, p->expr.at, p->expr.text, &names);
    ret->expr = e;
    if (!e)
        return false;
    if (!p->natural)
        return check_type(w, p->type.at, e, ret->type);
    if (convert_natural(e->type, &ret->type))
        return true;
    report_error(w->b->report, p->at, "%s has no natural type; list it in \"attributes\" with a type",
                 expr_source(w->b, w, e));
    return false;
}

static bool by_template(struct scope_work *w, const struct parsed_attribute *p, size_t i, struct attribute *ret) {
    if (ret->type != ATTR_S && ret->type != ATTR_N) {
        report_error(w->b->report, p->type.at, "a template cannot be written as type %s; it gives S, or N",
                     attr_type_name(ret->type));
        return false;
    }
    ret->source = ATTRIBUTE_TEMPLATE;
    return template_parse(w->b->report, w->b->arena, p->template.at, p->template.text, &w->tokens[i],
                          &w->token_counts[i]);
}

static void check_name(struct scope_work *w, size_t i) {
    const struct parsed_attribute *p = &w->parsed[i];
    const char *name = p->name.text;
    if (strncmp(name, "leat_", 5) == 0)
        report_error(w->b->report, p->name.at, "attribute \"%s\": names that begin with leat_ are reserved", name);
    if (!*name || strlen(name) > 255)
        report_error(w->b->report, p->name.at, "an attribute's name has 1 to 255 bytes");
    for (size_t k = 0; k < i; k++)
        if (strcmp(w->parsed[k].name.text, name) == 0) {
            report_error(w->b->report, p->name.at, "attribute \"%s\" stands here twice", name);
            return;
        }
}

static void build_attribute(struct scope_work *w, size_t i) {
    const struct parsed_attribute *p = &w->parsed[i];
    struct attribute *a = &w->attributes[i];
    *a = (struct attribute){.name = p->name.text, .type = ATTR_S, .source = ATTRIBUTE_EXPR, .written = true};
    check_name(w, i);
    bool typed = p->natural || attribute_type(w->b, p, &a->type);
    if ((p->template.text != NULL) + (p->expr.text != NULL) + (p->join != NULL) + (p->case_count > 0) > 1) {
        report_error(
            w->b->report, p->at,
            "attribute \"%s\" has more than one of \"template\", \"expr\", \"join\" and \"calculation\"; keep one",
            p->name.text);
        return;
    }
    if (!typed || (p->calculation.value && p->case_count == 0))
        return;
    if (p->join) {
        w->good[i] = by_join(w, p, a);
    } else if (p->template.text) {
        w->good[i] = by_template(w, p, i, a);
    } else if (p->case_count) {
        w->good[i] = by_cases(w, p, a);
    } else if (p->expr.text) {
        w->good[i] = by_expr(w, p, a);
    } else {
        a->expr = plain_column(w, p);
        w->good[i] = a->expr && check_type(w, p->type.at, a->expr, a->type);
    }
    struct spot null = p->null_value.value ? p->null_value : p->join ? p->join->null_value : p->null_value;
    if (null.value && json_type(null.value) != JSON_NULL)
        a->null_value = null_value(w->b, null, a->type);
}

/* ---- templates over attributes */

static int find_parsed(const struct scope_work *w, const char *name) {
    for (size_t i = 0; i < w->count; i++)
        if (strcmp(w->parsed[i].name.text, name) == 0)
            return (int)i;
    return -1;
}

/* The attribute that a token in the template of attribute `own` names, or -1: then it is a column. */
static int token_attribute(const struct scope_work *w, const struct template_token *t, size_t own) {
    int i = t->name ? find_parsed(w, t->name) : -1;
    return i == (int)own ? -1 : i;
}

enum { UNSEEN, OPEN, DONE };

/* Depth first: what a template names comes before it. Attributes without templates need nothing. */
static bool visit(struct scope_work *w, size_t i, uint8_t *state, unsigned *order, size_t *count) {
    if (state[i] == DONE)
        return true;
    if (state[i] == OPEN) {
        report_error(w->b->report, w->parsed[i].template.at,
                     "the template of \"%s\" needs itself, by way of other templates", w->parsed[i].name.text);
        return false;
    }
    state[i] = OPEN;
    bool good = true;
    for (size_t k = 0; good && k < w->token_counts[i]; k++) {
        int other = token_attribute(w, &w->tokens[i][k], i);
        if (other >= 0)
            good = visit(w, (size_t)other, state, order, count);
    }
    state[i] = DONE;
    order[(*count)++] = (unsigned)i;
    return good;
}

static void unknown_token(struct build *b, const struct scope *scope, struct spot at, const char *name) {
    const struct table *t = scope->node->source->table;
    const char **names = arena_alloc(b->arena, (scope->attribute_count + t->column_count + 1) * sizeof(*names));
    size_t count = 0;
    for (size_t i = 0; i < scope->attribute_count; i++)
        if (scope->attributes[i].name)
            names[count++] = scope->attributes[i].name;
    for (size_t i = 0; i < t->column_count; i++)
        names[count++] = t->columns[i].name;
    report_error(b->report, at, "\"{%s}\" is neither an attribute nor a column of \"%s\"%s", name, t->name,
                 report_remedy(b->report, name, names, count));
}

/* One token over a scope whose attributes have their final numbers. */
static bool bind_token(struct build *b, struct scope *scope, struct spot at, const struct template_token *t, int own,
                       struct template_part *ret) {
    *ret = (struct template_part){.literal = t->literal, .attribute = -1};
    if (!t->name)
        return true;
    ret->has_default = t->has_default;
    ret->default_text = t->default_text;
    int i = scope_attribute(scope, t->name);
    if (i >= 0 && i != own) {
        enum attr_type type = scope->attributes[i].type;
        ret->attribute = i;
        if (type == ATTR_S || type == ATTR_N || type == ATTR_B || type == ATTR_BOOL)
            return true;
        report_error(b->report, at, "\"{%s}\" is of type %s; a template takes only S, N, B and BOOL", t->name,
                     attr_type_name(type));
        return false;
    }
    int column = table_column(scope->node->source->table, t->name);
    if (column < 0) {
        unknown_token(b, scope, at, t->name);
        return false;
    }
    column = source_column(b, scope->node->source, at, t->name);
    ret->expr = column < 0 ? NULL : column_expr(b, scope->node, (unsigned)column);
    return ret->expr != NULL;
}

static const struct template *bind_template(struct build *b, struct scope *scope, struct spot at, const char *text,
                                            const struct template_token *tokens, size_t count, int own) {
    struct template *t = arena_zalloc(b->arena, sizeof(*t));
    struct template_part *parts = arena_zalloc(b->arena, (count + 1) * sizeof(*parts));
    bool good = true;
    for (size_t i = 0; i < count; i++)
        good &= bind_token(b, scope, at, &tokens[i], own, &parts[i]);
    *t = (struct template){arena_strdup(b->arena, text), parts, count};
    return good ? t : NULL;
}

const struct template *template_build(struct build *b, struct scope *scope, struct spot at, const char *text) {
    struct template_token *tokens;
    size_t count;
    if (!template_parse(b->report, b->arena, at, text, &tokens, &count))
        return NULL;
    return bind_template(b, scope, at, text, tokens, count, -1);
}

int scope_attribute(const struct scope *scope, const char *name) {
    for (size_t i = 0; i < scope->attribute_count; i++)
        if (scope->attributes[i].name && strcmp(scope->attributes[i].name, name) == 0)
            return (int)i;
    return -1;
}

/* ---- the scope */

static void order_attributes(struct scope_work *w) {
    struct arena *arena = w->b->arena;
    uint8_t *state = arena_zalloc(arena, w->count + 1);
    unsigned *order = arena_zalloc(arena, (w->count + 1) * sizeof(*order));
    unsigned *output = arena_zalloc(arena, (w->count + 1) * sizeof(*output));
    struct attribute *sorted = arena_zalloc(arena, (w->count + 1) * sizeof(*sorted));
    size_t count = 0;
    for (size_t i = 0; i < w->count; i++)
        (void)visit(w, i, state, order, &count);
    for (size_t i = 0; i < count; i++) {
        sorted[i] = w->attributes[order[i]];
        output[order[i]] = (unsigned)i;
    }
    w->scope->attributes = sorted;
    w->scope->attribute_count = count;
    w->scope->output = output;
    for (size_t i = 0; i < count; i++) {
        const struct parsed_attribute *p = &w->parsed[order[i]];
        if (w->tokens[order[i]])
            sorted[i].template = bind_template(w->b, w->scope, p->template.at, p->template.text, w->tokens[order[i]],
                                               w->token_counts[order[i]], (int)i);
    }
}

void scope_build(struct build *b, struct entity *entity, struct node *row, const struct parsed_attribute *attributes,
                 size_t count, struct scope *ret) {
    struct scope_work w = {.b = b, .entity = entity, .row = row, .parsed = attributes, .count = count, .scope = ret};
    w.attributes = arena_zalloc(b->arena, (count + 1) * sizeof(*w.attributes));
    w.good = arena_zalloc(b->arena, count + 1);
    w.tokens = arena_zalloc(b->arena, (count + 1) * sizeof(*w.tokens));
    w.token_counts = arena_zalloc(b->arena, (count + 1) * sizeof(*w.token_counts));
    ret->node = row;
    for (size_t i = 0; i < count; i++)
        build_attribute(&w, i);
    order_attributes(&w);
}

/* ---- may a value be absent? */

static bool column_may_be_absent(const struct scope *scope, const struct expr *e) {
    unsigned node, column;
    if (!e || !expr_column(e, &node, &column))
        return e != NULL;
    const struct node *n = scope->node->entity->nodes[node];
    return n->source->table->columns[column].nullable || !node_certain(n, scope->node);
}

bool template_may_be_absent(const struct scope *scope, const struct template *t) {
    for (size_t i = 0; t && i < t->part_count; i++) {
        const struct template_part *p = &t->parts[i];
        if (!p->has_default && (p->attribute >= 0 ? attribute_may_be_absent(scope, &scope->attributes[p->attribute])
                                                  : column_may_be_absent(scope, p->expr)))
            return true;
    }
    return false;
}

bool attribute_may_be_absent(const struct scope *scope, const struct attribute *a) {
    if (a->null_value)
        return false;
    if (a->source == ATTRIBUTE_TEMPLATE)
        return template_may_be_absent(scope, a->template);
    return a->source == ATTRIBUTE_EXPR ? column_may_be_absent(scope, a->expr) : true;
}
