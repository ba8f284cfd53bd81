/* What becomes of an attribute's value before it is written: dates and numbers as text, letters, masks, JSON. */
#pragma once

#include "contract/compile.h"

/* Is its type known, and is there what this type wants, and nothing else? Reports, if not; what follows is for checked ones. */
bool transformation_check(struct build *b, const struct parsed_transformation *t);
/* The expression that gives the transformed value of `e`, for an attribute of type `type`. NULL when reported. */
struct expr *transformation_expr(struct build *b, const struct parsed_transformation *t, struct expr *e,
                                 enum attr_type type);
/* The template that replaces the value ("template", and "string-format" with tokens); NULL: none. */
const struct word *transformation_template(const struct parsed_transformation *t);
/* "static": a value that needs no column. */
bool transformation_static(const struct parsed_transformation *t);
/* The transformations' names, from 0; NULL behind the last. */
const char *transformation_name(size_t i);
