/* The value that a row gets in a column which its INSERT left out: with binlog_row_image MINIMAL or NOBLOB it is not in the image.
 *
 * Functions and expressions (CURRENT_TIMESTAMP, DEFAULT (…)), auto-increment values and generated columns are always in the image. */
#pragma once

#include "contract/schema.h"
#include "src/base/buf.h"

/* From COLUMN_DEFAULT of information_schema, exactly as coltype_decode() gives it; kind VALUE_UNKNOWN when the text does not tell
 * it exactly. `decimals` is D of FLOAT(M,D) and DOUBLE(M,D), else -1. */
struct value default_from_text(const struct column *column, struct slice text, int decimals, struct arena *arena);

/* Of a column without DEFAULT: NULL, or what a session without strict mode puts into a NOT NULL column. */
struct value default_implicit(const struct column *column, struct arena *arena);
