/* Computing with column values: exact decimals through libmpdec, doubles where an operand is one. */
#pragma once

#include "contract/value.h"

/* MySQL's decimals have no more digits; a result beyond is poison. */
enum { DIGITS_MAX = 65, SUM_DIGITS_MAX = DIGITS_MAX + 20 };

bool value_is_number(const struct value *v);
bool value_is_double(const struct value *v); /* FLOAT too */
double value_to_double(const struct value *v);

/* -1, 0 or 1. As doubles when either is one, else exactly. */
int number_values_compare(const struct value *a, const struct value *b);

/* `operation` is one of + - * /. Exact ones keep every digit; a quotient has the left operand's scale and four more digits, half
 * away from zero; division by zero is NULL. Returns EVALUATE_OK or EVALUATE_POISON (too many digits, a double out of range). */
int number_compute(char operation, const struct value *a, const struct value *b, struct arena *arena, struct value *ret,
                   struct error *error) must_check;
/* + or - of exact numbers, of which the one may be a sum of 2^64 others: in any order the same, beyond DIGITS_MAX too. */
int number_sum(char operation, const struct value *a, const struct value *b, struct arena *arena, struct value *ret,
               struct error *error) must_check;
/* To `places` digits behind the point (negative: before it): exact numbers half away from zero, doubles half to even, as MySQL does.
 * With `pad` an exact number gets exactly that scale, else it keeps a smaller one. */
int number_round(const struct value *v, int places, bool pad, struct arena *arena, struct value *ret,
                 struct error *error) must_check;
/* A FLOAT or DOUBLE as the decimal of its shortest text. */
int number_from_double(const struct value *v, struct arena *arena, struct value *ret, struct error *error) must_check;
int number_negate(const struct value *v, struct arena *arena, struct value *ret, struct error *error) must_check;
