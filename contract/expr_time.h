/* Times in expressions: literals, DATE_FORMAT, UNIX_TIMESTAMP. All in UTC. */
#pragma once

#include "contract/expr_tree.h"

/* A text literal becomes a TIME, or a DATETIME ('2024-02-03', '2024-02-03 04:05:06.789', T between them too). NULL, or what is wrong. */
const char *time_literal(struct arena *arena, struct expr *e, bool time_of_day);

/* What of DATE_FORMAT's pattern is understood: NULL, or what is wrong. */
const char *time_format_check(struct arena *arena, struct slice format);
/* A DATE, DATETIME or TIMESTAMP by MySQL's DATE_FORMAT pattern (names in English). */
void time_format(struct buf *out, const struct value *v, struct slice format);

/* Seconds since 1970 with v's fraction digits; 0 outside of 1970 to 3001, as MySQL has it. */
struct value time_unix(const struct value *v, struct arena *arena);
