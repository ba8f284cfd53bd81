/* What a PARTIAL_UPDATE_ROWS event holds of a JSON column: differences instead of the document.
 * Layout: Json_diff_vector::read_binary() in the server's sql/json_diff.cc. */
#pragma once

#include "contract/value.h"

/* VALUE_JSON when `before` has the document, VALUE_JSON_DIFF when the image before lacks it (VALUE_UNKNOWN). What is made lives in the
 * arena. False:
 * malformed, no document before (NULL, bytes that are no text), or the differences do not fit it. */
bool json_partial_decode(struct slice bytes, const struct value *before, struct arena *arena,
                         struct value *ret) must_check;
