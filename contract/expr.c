/* Evaluates expressions: comparisons, three-valued logic and calls over a scope's rows.
 *
 * Truth is a value: VALUE_NULL, or VALUE_INT 0 or 1, as in SQL. */
#include "contract/expr.h"

#include "contract/arithmetic.h"
#include "contract/expr_functions.h"

bool expr_column(const struct expr *e, unsigned *ret_node, unsigned *ret_column) {
    if (e->kind != EXPR_COLUMN)
        return false;
    *ret_node = e->node;
    *ret_column = e->column;
    return true;
}

static const struct value null_value = {.kind = VALUE_NULL};

static struct value truth(bool b) {
    return (struct value){.kind = VALUE_INT, .i = b};
}

/* ---- comparing */

static bool is_packed_time(const struct value *v) {
    return v->kind == VALUE_DATE || v->kind == VALUE_DATETIME || v->kind == VALUE_TIMESTAMP;
}

int expr_compare(const struct value *a, const struct value *b) {
    if (value_is_number(a) && value_is_number(b))
        return number_values_compare(a, b);
    if (is_packed_time(a) && is_packed_time(b))
        return (a->u > b->u) - (a->u < b->u);
    if (a->kind == VALUE_TIME && b->kind == VALUE_TIME)
        return (a->i > b->i) - (a->i < b->i);
    return slice_compare(value_slice(a), value_slice(b)); /* text, binary, and an ENUM by its label */
}

static bool holds(enum expr_op op, int order) {
    switch (op) {
    case OP_EQUAL:
    case OP_NULL_SAFE_EQUAL:
        return order == 0;
    case OP_NOT_EQUAL:
        return order != 0;
    case OP_LESS:
        return order < 0;
    case OP_LESS_EQUAL:
        return order <= 0;
    case OP_GREATER:
        return order > 0;
    case OP_GREATER_EQUAL:
        return order >= 0;
    }
    return false;
}

/* Dates with a zero month or day are NULL in expressions too. */
bool expr_is_null(const struct value *v) {
    if (!value_has(v))
        return true;
    if (!is_packed_time(v))
        return false;
    struct datetime t = value_unpack_datetime(v->u);
    return t.month == 0 || t.day == 0;
}

static struct value compare_values(enum expr_op op, const struct value *a, const struct value *b) {
    bool null_a = expr_is_null(a), null_b = expr_is_null(b);
    if (op == OP_NULL_SAFE_EQUAL && (null_a || null_b))
        return truth(null_a && null_b);
    return null_a || null_b ? null_value : truth(holds(op, expr_compare(a, b)));
}

/* ---- the kinds */

static int eval_compare(const struct expr *e, const struct row_set *rows, struct arena *arena, struct value *ret,
                        struct error *error) {
    struct value a, b;
    int r = expr_eval(e->args[0], rows, arena, &a, error);
    if (r == EVALUATE_OK)
        r = expr_eval(e->args[1], rows, arena, &b, error);
    if (r == EVALUATE_OK)
        *ret = compare_values(e->op, &a, &b);
    return r;
}

/* -1: NULL, else 0 or 1. */
static int truth_of(const struct value *v) {
    if (expr_is_null(v))
        return -1;
    static const struct value zero = {.kind = VALUE_INT};
    return expr_compare(v, &zero) != 0;
}

/* AND ends with the first false, OR with the first true; NULL when it hangs on a NULL. */
static int eval_logic(const struct expr *e, const struct row_set *rows, struct arena *arena, struct value *ret,
                      struct error *error) {
    int decides = e->kind == EXPR_OR;
    bool null = false;
    for (size_t i = 0; i < e->arg_count; i++) {
        struct value v;
        int r = expr_eval(e->args[i], rows, arena, &v, error);
        if (r != EVALUATE_OK)
            return r;
        int t = truth_of(&v);
        if (t == decides) {
            *ret = truth(decides);
            return EVALUATE_OK;
        }
        null |= t < 0;
    }
    *ret = null ? null_value : truth(!decides);
    return EVALUATE_OK;
}

static int eval_not(const struct expr *e, const struct row_set *rows, struct arena *arena, struct value *ret,
                    struct error *error) {
    struct value v;
    int r = expr_eval(e->args[0], rows, arena, &v, error);
    if (r == EVALUATE_OK)
        *ret = expr_is_null(&v) ? null_value : truth(truth_of(&v) == 0);
    return r;
}

static struct value column_value(const struct expr *e, const struct row_set *rows) {
    const struct value *row = rows->rows[e->node];
    return row ? row[e->column] : null_value;
}

/* Bytes that are no text are poison for all else, but they are not NULL. */
static int eval_is_null(const struct expr *e, const struct row_set *rows, struct arena *arena, struct value *ret,
                        struct error *error) {
    const struct expr *arg = e->args[0];
    struct value v = arg->kind == EXPR_COLUMN ? column_value(arg, rows) : null_value;
    int r = arg->kind == EXPR_COLUMN ? EVALUATE_OK : expr_eval(arg, rows, arena, &v, error);
    if (r == EVALUATE_OK)
        *ret = truth(expr_is_null(&v));
    return r;
}

static int eval_in(const struct expr *e, const struct row_set *rows, struct arena *arena, struct value *ret,
                   struct error *error) {
    struct value sought;
    bool null = false;
    int r = expr_eval(e->args[0], rows, arena, &sought, error);
    for (size_t i = 1; r == EVALUATE_OK && i < e->arg_count; i++) {
        struct value v;
        r = expr_eval(e->args[i], rows, arena, &v, error);
        if (r != EVALUATE_OK)
            return r;
        struct value equal = compare_values(OP_EQUAL, &sought, &v);
        if (truth_of(&equal) == 1) {
            *ret = equal;
            return EVALUATE_OK;
        }
        null |= expr_is_null(&equal);
    }
    if (r == EVALUATE_OK)
        *ret = null ? null_value : truth(false);
    return r;
}

/* A branch's value as the common type of all branches. */
static int convert(const struct expr *e, struct value *v, struct arena *arena, struct error *error) {
    struct attr text;
    if (!e->converts || expr_is_null(v))
        return EVALUATE_OK;
    switch (e->type) {
    case COLUMN_DOUBLE:
        *v = (struct value){.kind = VALUE_DOUBLE, .d = value_to_double(v)};
        return EVALUATE_OK;
    case COLUMN_DECIMAL: /* MySQL gives COALESCE the scale of all its arguments, and CASE that of the branch taken */
        if (e->kind == EXPR_CASE)
            return EVALUATE_OK;
        return number_round(v, e->digits, true, arena, v, error);
    case COLUMN_DATETIME:
        v->kind = VALUE_DATETIME;
        v->scale = e->digits;
        return EVALUATE_OK;
    case COLUMN_TEXT: {
        int r = attr_from_value(ATTR_S, v, arena, &text, error);
        if (r == EVALUATE_OK)
            *v = (struct value){.kind = VALUE_TEXT, .data = text.text.data, .len = (uint32_t)text.text.len};
        return r;
    }
    default:
        if (v->kind >= VALUE_DATE && v->kind <= VALUE_TIME)
            v->scale = e->digits;
        return EVALUATE_OK;
    }
}

static int eval_case(const struct expr *e, const struct row_set *rows, struct arena *arena, struct value *ret,
                     struct error *error) {
    size_t i = 0;
    int r;
    for (; i + 1 < e->arg_count; i += 2) {
        struct value condition;
        r = expr_eval(e->args[i], rows, arena, &condition, error);
        if (r != EVALUATE_OK)
            return r;
        if (truth_of(&condition) == 1) {
            i++;
            break;
        }
    }
    r = expr_eval(e->args[i], rows, arena, ret, error);
    return r ? r : convert(e, ret, arena, error);
}

static int eval_coalesce(const struct expr *e, const struct row_set *rows, struct arena *arena, struct value *ret,
                         struct error *error) {
    *ret = null_value;
    for (size_t i = 0; i < e->arg_count; i++) {
        int r = expr_eval(e->args[i], rows, arena, ret, error);
        if (r != EVALUATE_OK)
            return r;
        if (!expr_is_null(ret))
            break;
    }
    return convert(e, ret, arena, error);
}

static int eval_call(const struct expr *e, const struct row_set *rows, struct arena *arena, struct value *ret,
                     struct error *error) {
    struct value args[FUNCTION_ARGS_MAX];
    for (size_t i = 0; i < e->arg_count; i++) {
        int r = expr_eval(e->args[i], rows, arena, &args[i], error);
        if (r != EVALUATE_OK)
            return r;
        if (expr_is_null(&args[i])) {
            args[i] = null_value;
            if (!e->function->takes_null) {
                *ret = null_value;
                return EVALUATE_OK;
            }
        }
    }
    return e->function->eval(e, args, arena, ret, error);
}

enum { JOINED_MAX = 1 << 20 }; /* more than any item may hold */

static int eval_joined(const struct expr *e, const struct row_set *rows, struct arena *arena, struct value *ret,
                       struct error *error) {
    defer(buf_deinit) struct buf buf = BUF_INIT(JOINED_MAX);
    bool any = false;
    for (size_t i = 0; i < e->arg_count; i++) {
        struct value v;
        struct attr text;
        int r = expr_eval(e->args[i], rows, arena, &v, error);
        if (r == EVALUATE_OK)
            r = attr_from_value(ATTR_S, &v, arena, &text, error);
        if (r == EVALUATE_ABSENT)
            continue;
        if (r != EVALUATE_OK)
            return r;
        if (any)
            buf_put_slice(&buf, value_slice(&e->literal));
        buf_put_slice(&buf, text.text);
        any = true;
    }
    if (buf.full)
        return error_set(error, EVALUATE_POISON, "a joined text of more than %d bytes", JOINED_MAX);
    *ret = null_value;
    if (any)
        *ret = (struct value){
            .kind = VALUE_TEXT, .len = (uint32_t)buf.len, .data = arena_copy(arena, buf.len ? buf.data : "", buf.len)};
    return EVALUATE_OK;
}

static int eval_column(const struct expr *e, const struct row_set *rows, struct arena *arena, struct value *ret,
                       struct error *error) {
    *ret = column_value(e, rows);
    if (ret->kind == VALUE_BAD_TEXT)
        return error_set(error, EVALUATE_POISON, "%s has bytes that are no text of its character set", e->name);
    return EVALUATE_OK;
}

static int eval_has_row(const struct expr *e, const struct row_set *rows, struct arena *arena, struct value *ret,
                        struct error *error) {
    *ret = truth(rows->rows[e->node] != NULL);
    return EVALUATE_OK;
}

static int eval_literal(const struct expr *e, const struct row_set *rows, struct arena *arena, struct value *ret,
                        struct error *error) {
    *ret = e->literal;
    return EVALUATE_OK;
}

int expr_eval(const struct expr *e, const struct row_set *rows, struct arena *arena, struct value *ret,
              struct error *error) {
    static int (*const by_kind[])(const struct expr *, const struct row_set *, struct arena *, struct value *,
                                  struct error *) = {
        [EXPR_COLUMN] = eval_column,     [EXPR_LITERAL] = eval_literal,
        [EXPR_COMPARE] = eval_compare,   [EXPR_AND] = eval_logic,
        [EXPR_OR] = eval_logic,          [EXPR_NOT] = eval_not,
        [EXPR_IS_NULL] = eval_is_null,   [EXPR_IN] = eval_in,
        [EXPR_CASE] = eval_case,         [EXPR_HAS_ROW] = eval_has_row,
        [EXPR_COALESCE] = eval_coalesce, [EXPR_CALL] = eval_call,
        [EXPR_JOINED] = eval_joined,
    };
    return by_kind[e->kind](e, rows, arena, ret, error);
}

int expr_holds(const struct expr *e, const struct row_set *rows, struct arena *arena, bool *ret, struct error *error) {
    struct value v;
    int r = expr_eval(e, rows, arena, &v, error);
    if (r == EVALUATE_OK)
        *ret = truth_of(&v) == 1;
    return r;
}
