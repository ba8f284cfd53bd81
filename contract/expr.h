/* Expressions over the rows of an entity's scope: parsed and typed when the contract is loaded, evaluated per item. */
#pragma once

#include "contract/value.h"

struct expr;
struct row_set; /* contract/contract.h */

/* The value of `e`; bytes live as long as the rows or the arena. Returns EVALUATE_OK, or EVALUATE_POISON with the reason. */
int expr_eval(const struct expr *e, const struct row_set *rows, struct arena *arena, struct value *ret,
              struct error *error) must_check;

/* If `e` is just a column: its node and column number. */
bool expr_column(const struct expr *e, unsigned *ret_node, unsigned *ret_column);
