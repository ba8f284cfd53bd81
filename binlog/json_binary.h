/* MySQL's binary JSON as the text that MySQL prints of it.
 * Layout: the head of the server's sql-common/json_binary.h; the text: wrapper_to_string() in its json_dom.cc. */
#pragma once

#include "contract/value.h"

/* Appends the text. False: malformed, or over out->max; then what was appended means nothing. A document of no bytes, which ALTER and
 * INSERT IGNORE leave in columns that are NOT NULL, is `null`. With bare_doubles as MySQL 5.7 prints it: whole doubles have no ".0". */
bool json_binary_text(struct slice document, bool bare_doubles, struct buf *out) must_check;

/* As VALUE_JSON (VALUE_BAD_TEXT when a string in it is no UTF-8: no server writes that); the text lives in the arena. False: malformed. */
bool json_binary_decode(struct slice document, bool bare_doubles, struct arena *arena, struct value *ret) must_check;
