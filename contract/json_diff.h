/* A partial update of a JSON document, applied to the document's text.
 *
 * `diffs` (the data of a VALUE_JSON_DIFF) is itself JSON text: [{"op": "replace", "path": "$.a[1]", "value": 3}, …], in order; op is replace,
 * insert (into an array before the index, into an object in the order of MySQL's keys: by length, then by bytes) or remove (without value).
 * Paths and values are as MySQL prints them. */
#pragma once

#include "src/base/buf.h"

/* Replaces what `ret` holds by the new text. False: malformed, or the document lacks what a path names. */
bool json_diff_apply(struct slice document, struct slice diffs, struct buf *ret) must_check;
