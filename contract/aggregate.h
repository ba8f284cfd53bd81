/* SUM, COUNT, AVG, MIN and MAX over values that come one by one. NULLs are skipped; nothing is kept but the result so far. */
#pragma once

#include "contract/contract.h"

struct aggregate {
    enum aggregate_operation operation;
    uint64_t count;
    struct value value; /* sum, or the best so far; kind VALUE_NULL before the first */
    struct buf bytes;   /* of value */
};

void aggregate_start(struct aggregate *a, enum aggregate_operation operation);
void aggregate_deinit(struct aggregate *a);
/* `v` NULL: a row of COUNT(*). EVALUATE_OK or EVALUATE_POISON. */
int aggregate_add(struct aggregate *a, const struct value *v, struct arena *scratch, struct error *error) must_check;
/* COUNT of nothing is 0, the others NULL; AVG has four more decimals than its operand. */
int aggregate_result(struct aggregate *a, struct arena *arena, struct value *ret, struct error *error) must_check;
