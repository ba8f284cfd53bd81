/* Decimal numbers as text: taken apart, put into DynamoDB's normal form, compared exactly. */
#pragma once

#include "src/base/buf.h"

/* A number as sign, significant digits (without zeros at either end) and the power of ten of the first digit:
 * "-0.0120" is negative, "12", -2. Zero has no digits. */
struct number {
    bool negative;
    const char *digits; /* the first significant digit in the text; a point may stand between them */
    size_t count;       /* significant digits */
    int64_t power;      /* of the first digit */
};

/* Grammar: sign, digits with at most one point and at least one digit, exponent. False when `text` is no number. */
bool number_parse(struct slice text, struct number *ret);
/* -1, 0 or 1. */
int number_compare(const struct number *a, const struct number *b);
/* Bytes that DynamoDB counts for an N: one, and one for two significant digits, and one for a minus. */
size_t number_stored_size(struct slice text);
