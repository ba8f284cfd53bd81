/* Aggregates as SQL has them. Sums are exact where their values are. */
#include "contract/aggregate.h"

#include "contract/arithmetic.h"
#include "contract/expr_tree.h"

void aggregate_start(struct aggregate *a, enum aggregate_operation operation, const struct expr *expr) {
    *a = (struct aggregate){
        .operation = operation, .expr = expr, .value = {.kind = VALUE_NULL}, .bytes = BUF_INIT((size_t)UINT32_MAX)};
}

void aggregate_deinit(struct aggregate *a) {
    buf_deinit(&a->bytes);
}

/* `v` may point into what the buffer holds. */
static void keep(struct aggregate *a, const struct value *v) {
    struct buf old = a->bytes;
    a->bytes = BUF_INIT((size_t)UINT32_MAX);
    if (v->data)
        buf_put(&a->bytes, v->data, v->len);
    a->value = *v;
    if (v->data)
        a->value.data = a->bytes.data ? a->bytes.data : "";
    buf_deinit(&old);
}

int aggregate_value(const struct expr *expr, const struct row_set *rows, struct arena *arena, bool *ret_counts,
                    struct value *ret, struct error *error) {
    *ret = (struct value){.kind = VALUE_NULL};
    *ret_counts = true;
    if (!expr)
        return EVALUATE_OK;
    int r = expr_eval(expr, rows, arena, ret, error);
    if (r != EVALUATE_OK)
        return r;
    *ret_counts = !expr_is_null(ret);
    bool exact = value_is_number(ret) && !value_is_double(ret) && expr->type != COLUMN_DOUBLE;
    return exact && *ret_counts ? number_round(ret, expr->digits, true, arena, ret, error) : EVALUATE_OK;
}

int aggregate_add(struct aggregate *a, const struct value *v, struct arena *scratch, struct error *error) {
    bool first = a->count++ == 0;
    struct value sum;
    int r = EVALUATE_OK;
    switch (a->operation) {
    case AGGREGATE_COUNT:
        break;
    case AGGREGATE_SUM:
    case AGGREGATE_AVG: {
        static const struct value zero = {.kind = VALUE_INT};
        const struct value *so_far = first ? &zero : &a->value;
        r = value_is_double(so_far) || value_is_double(v) ? number_compute('+', so_far, v, scratch, &sum, error)
                                                          : number_sum('+', so_far, v, scratch, &sum, error);
        if (r == EVALUATE_OK)
            keep(a, &sum);
        break;
    }
    case AGGREGATE_MIN:
        if (first || expr_compare(v, &a->value) < 0)
            keep(a, v);
        break;
    case AGGREGATE_MAX:
        if (first || expr_compare(v, &a->value) > 0)
            keep(a, v);
        break;
    }
    return r;
}

int aggregate_result(const struct aggregate *a, struct arena *arena, struct value *ret, struct error *error) {
    static const struct value zero = {.kind = VALUE_INT};
    struct value count = {.kind = VALUE_UINT, .u = a->count};
    if (a->operation == AGGREGATE_COUNT) {
        *ret = count;
        return EVALUATE_OK;
    }
    if (a->count && a->operation == AGGREGATE_AVG)
        return number_compute('/', &a->value, &count, arena, ret, error);
    if (a->count && a->operation == AGGREGATE_SUM) /* within a number's digits? */
        return number_compute('+', &a->value, &zero, arena, ret, error);
    *ret = value_copy(arena, &a->value);
    return EVALUATE_OK;
}
