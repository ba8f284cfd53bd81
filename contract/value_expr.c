/* Where an attribute's value comes from, as an expression: a column, an EXPR, a join's column, the cases of a calculation. */
#include "contract/compile.h"

#include "contract/expr_types.h"
#include "contract/transformation.h"

struct names names_of(struct node *row) {
    struct names n = {.list = {{row->alias, row}}, .count = 1};
    if (strcmp(row->alias, row->source->name) != 0)
        n.list[n.count++] = (typeof(n.list[0])){row->source->name, row};
    return n;
}

/* What names mean in "select_column": columns of the joined row by the join's own alias (the node may be shared), of its table's name,
 * or without either; in a chain of the earlier rows, too. */
struct far_names {
    const struct row_place *w;
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

static struct expr *node_of_args(const struct row_place *w, enum expr_kind kind, struct expr *const *args,
                                 size_t count) {
    struct expr *e = arena_zalloc(w->b->arena, sizeof(*e));
    e->kind = kind;
    e->type = kind == EXPR_JOINED ? COLUMN_TEXT : args[count - 1]->type;
    e->args = arena_copy(w->b->arena, args, count * sizeof(*args));
    e->arg_count = count;
    return e;
}

/* No row, no value: not even where the expression would make one of NULLs. */
static struct expr *if_row(const struct row_place *w, const struct node *far, struct expr *e) {
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

static struct expr *select_far(const struct row_place *w, struct node *far, const struct parsed_join *join,
                               struct spot at, const char *text, const struct names *chain) {
    struct far_names context = {w, far, join->alias.text ? join->alias.text : far->source->name, chain};
    struct expr_names names = {far_resolve, &context};
    return if_row(w, far, expr_parse(w->b->report, w->b->arena, at, text, &names));
}

static struct expr *row_expr(const struct row_place *w, struct spot at, const char *text) {
    struct row_names row = {w->b, w->row};
    struct expr_names names = {row_resolve, &row};
    return expr_parse(w->b->report, w->b->arena, at, text, &names);
}

static struct expr *row_condition(const struct row_place *w, struct spot at, const char *text) {
    struct row_names row = {w->b, w->row};
    struct expr_names names = {row_resolve, &row};
    return expr_parse_condition(w->b->report, w->b->arena, at, text, &names);
}

/* A literal of the contract; a text that looks like a column of the row is one, as public contracts mean it. */
static struct expr *literal_expr(const struct row_place *w, struct spot at) {
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

static struct expr *else_value(const struct row_place *w, const struct parsed_join *j) {
    if (j->else_expr.text && j->else_value.value)
        report_error(w->b->report, j->else_expr.at, "\"else_expr\" and \"else_value\" stand here; keep one");
    const char *text = json_text(j->else_value.value), *dot = text ? strchr(text, '.') : NULL;
    const char *far = j->alias.text ? j->alias.text : j->target_table.text;
    if (dot && far && strlen(far) == (size_t)(dot - text) && strncmp(far, text, strlen(far)) == 0 &&
        strcmp(far, w->row->alias) != 0) {
        report_error(w->b->report, j->else_value,
                     "\"%s\" would be of the row that is not joined then; name a column of \"%s\" by \"else_expr\"",
                     text, w->row->alias);
        return NULL;
    }
    return j->else_expr.text ? row_expr(w, j->else_expr.at, j->else_expr.text) : literal_expr(w, j->else_value);
}

static struct expr *join_one(const struct row_place *w, const struct parsed_attribute *p, const struct parsed_join *j) {
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
static struct expr *join_conditional(const struct row_place *w, const struct parsed_attribute *p) {
    const struct parsed_join *j = p->join;
    struct expr *condition = j->only_if.text ? row_condition(w, j->only_if.at, j->only_if.text) : NULL;
    struct expr *value = join_one(w, p, j), *otherwise = else_value(w, j);
    return condition && value && otherwise
               ? node_of_args(w, EXPR_CASE, (struct expr *[]){condition, value, otherwise}, 3)
               : NULL;
}

/* "type_column = value", in the small SQL, so that it is typed and resolved as any other. */
static struct expr *branch_condition(const struct row_place *w, const struct parsed_join *j,
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

static struct expr *join_polymorphic(const struct row_place *w, const struct parsed_attribute *p) {
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

enum { STEPS_MAX = 14 };

/* Each step starts from the row or an earlier step; the last one's column is the value. */
static struct expr *join_chain(const struct row_place *w, const struct parsed_attribute *p) {
    struct names near = names_of(w->row);
    struct expr *value = NULL, *values[ARRAY_LEN(near.list)];
    size_t value_count = 0;
    if (p->join->step_count > STEPS_MAX) { /* names has room for two of the row */
        report_error(w->b->report, p->join->at, "a chain of more than %d steps", STEPS_MAX);
        return NULL;
    }
    for (size_t i = 0; i < p->join->step_count; i++) {
        const struct parsed_join *step = &p->join->steps[i];
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

static struct expr *plain_column(const struct row_place *w, const struct parsed_attribute *p) {
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

static struct expr *case_expr(const struct row_place *w, const struct parsed_attribute *p) {
    struct expr *args[2 * BRANCHES_MAX + 1];
    size_t count = 0;
    bool good = true;
    if (p->case_count > BRANCHES_MAX) {
        report_error(w->b->report, p->at, "more than %d cases", BRANCHES_MAX);
        return NULL;
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
        return NULL;
    struct expr *e = node_of_args(w, EXPR_CASE, args, count + 1);
    const char *wrong = expr_type_case(w->b->arena, e);
    if (wrong)
        report_error(w->b->report, p->at, "%s", wrong);
    return wrong ? NULL : e;
}

static struct expr *join_expr(const struct row_place *w, const struct parsed_attribute *p) {
    if (!p->join->type)
        return NULL;
    switch (p->join->type->form) {
    case JOIN_CONDITIONAL:
        return join_conditional(w, p);
    case JOIN_POLYMORPHIC:
        return join_polymorphic(w, p);
    case JOIN_CHAIN:
        return join_chain(w, p);
    case JOIN_ONE:
    case JOIN_OLD:
        return join_one(w, p, p->join);
    default: /* of many rows: no expression */
        return NULL;
    }
}

struct expr *value_expr(const struct row_place *w, const struct parsed_attribute *p) {
    if (p->join)
        return join_expr(w, p);
    if (p->case_count)
        return case_expr(w, p);
    if (p->expr.text)
        return row_expr(w, p->expr.at, p->expr.text);
    if (p->transformation && p->source_column.count == 0 && transformation_static(p->transformation))
        return literal_expr(w, p->transformation->value);
    return plain_column(w, p);
}
