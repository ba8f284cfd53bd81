/* SUM, COUNT, AVG, MIN and MAX over values that come one by one. NULLs are skipped; nothing is kept but the result so far. */
#pragma once

#include "contract/contract.h"

struct aggregate {
    enum aggregate_operation operation;
    const struct expr *expr; /* whose values; NULL: rows count */
    uint64_t count;
    struct value value; /* sum, or the best so far; kind VALUE_NULL before the first */
    struct buf bytes;   /* of value */
};

void aggregate_start(struct aggregate *a, enum aggregate_operation operation, const struct expr *expr);
void aggregate_deinit(struct aggregate *a);
/* The next value that counts, in the form that aggregates take it; false: it is NULL, and skipped. Exact numbers get the scale of
 * their expression, as in MySQL's results: so nothing depends on which of equal numbers came first. Results as of expr_eval(). */
int aggregate_value(const struct expr *expr, const struct row_set *rows, struct arena *arena, bool *ret_counts,
                    struct value *ret, struct error *error) must_check;
/* A value as aggregate_value() gives it. EVALUATE_OK or EVALUATE_POISON. */
int aggregate_add(struct aggregate *a, const struct value *v, struct arena *scratch, struct error *error) must_check;
/* COUNT of nothing is 0, the others NULL; AVG has four more decimals than its operand. */
int aggregate_result(const struct aggregate *a, struct arena *arena, struct value *ret, struct error *error) must_check;
