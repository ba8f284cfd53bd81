/* Which MySQL types can be written as which DynamoDB types; the conversion itself is attr_from_value(). */
#pragma once

#include "contract/contract.h"

bool convert_allowed(enum column_type from, enum attr_type to);
/* The types a column can take, as text for messages: "S, N or BOOL". `out` holds 64 bytes. */
const char *convert_choices(enum column_type from, char out[64]);
/* The type a column has in `select_columns`; false when it has none (JSON and geometry want a type). */
bool convert_natural(enum column_type from, enum attr_type *ret);

struct json;
/* JSON as an attribute of its own type. EVALUATE_OK, or EVALUATE_POISON with the reason. */
int attr_from_json(const struct json *json, struct arena *arena, struct attr *ret, struct error *error) must_check;
