/* Expressions over the rows of an entity's scope: parsed and typed when the contract is loaded, evaluated per item. */
#pragma once

#include "contract/value.h"

struct expr;
struct row_set; /* contract/contract.h */

/* The value of `e`; bytes live as long as the rows or the arena. Returns EVALUATE_OK, or EVALUATE_POISON with the reason. */
int expr_eval(const struct expr *e, const struct row_set *rows, struct arena *arena, struct value *ret,
              struct error *error) must_check;

/* Is the condition true (not false, not NULL)? Results as of expr_eval(). */
int expr_holds(const struct expr *e, const struct row_set *rows, struct arena *arena, bool *ret,
               struct error *error) must_check;

/* If `e` is just a column: its node and column number. */
bool expr_column(const struct expr *e, unsigned *ret_node, unsigned *ret_column);

/* NULL, or a date with a zero month or day, which counts as NULL. */
bool expr_is_null(const struct value *v);
/* -1, 0 or 1, of values that are not NULL and of one class (the compiler lets no others meet): numbers by value, texts by bytes. */
int expr_compare(const struct value *a, const struct value *b);
