/* Which types may meet in an expression, and what comes out. Each function returns NULL when all is well, else what is wrong (text in
 * the arena), for the place where the expression stands. */
#pragma once

#include "contract/expr_tree.h"

enum expr_class {
    CLASS_ANY, /* NULL; a name that nobody resolves */
    CLASS_NUMBER,
    CLASS_TEXT, /* ENUM and SET by their labels */
    CLASS_BYTES,
    CLASS_DATE, /* DATE, DATETIME, TIMESTAMP: one scale of times in UTC */
    CLASS_TIME,
    CLASS_OPAQUE, /* JSON, GEOMETRY, VECTOR: only IS NULL, and the value as it is */
};
enum expr_class expr_class(const struct expr *e);

/* May they be compared? A text literal beside a number or a time becomes one. */
const char *expr_comparable(struct arena *arena, struct expr *a, struct expr *b);
/* Is it a condition: a number that counts as true or false? */
const char *expr_condition(struct arena *arena, const struct expr *e);
/* A literal text that is a number becomes one. */
const char *expr_number_literal(struct arena *arena, struct expr *e);
/* The type of an EXPR_CASE by its values; its conditions must be such. */
const char *expr_type_case(struct arena *arena, struct expr *e);
/* The type that values of all these have in common, for e->type and e->digits; sets e->converts. */
const char *expr_unify(struct arena *arena, struct expr *e, struct expr *const *values, size_t count);
