/* The functions that transformations are made of: no contract calls them by name. Formats are literals that transformation.c made. */
#pragma once

#include "contract/expr_functions.h"

extern const struct expr_function transform_date;      /* (time, pattern): DATE_FORMAT, and %3 for milliseconds */
extern const struct expr_function transform_iso8601;   /* (time) */
extern const struct expr_function transform_epoch;     /* (time, units a second) */
extern const struct expr_function transform_number;    /* (number, pattern with one %d or %f) */
extern const struct expr_function transform_json;      /* (text): a JSON value */
extern const struct expr_function transform_json_text; /* (text): the string that the JSON is */
extern const struct expr_function transform_hash;      /* (value, key) */
extern const struct expr_function transform_redact;    /* (value) */
extern const struct expr_function transform_last4;     /* (value) */

/* The conversion in a pattern of transform_number. */
struct number_format {
    const char *start, *end; /* where it stands in the pattern */
    bool zeros, left, plus, space;
    unsigned width, places;
};
bool number_format_read(const char *pattern, struct number_format *ret);
/* Is it a pattern of transform_number? NULL, or what is wrong. */
const char *number_format_check(struct arena *arena, const char *pattern);
