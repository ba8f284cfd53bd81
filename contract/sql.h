/* A contract as MySQL's SQL: what its items are, for MySQL to compute. */
#pragma once

#include "contract/contract.h"

/* What a session needs before the statements below mean what the contract means; one statement each. */
extern const char *const sql_session[];
extern const size_t sql_session_count;

/* Does the attribute have a SELECT of its own, with a row an element? */
bool sql_has_select(const struct attribute *attribute);

/* One SELECT without semicolon, in which "leat_0_COLUMN" are the root row's key. Of the entity (`many` NULL): a row an item, "leat_pk"
 * and "leat_sk" are its key, then follow its attributes but those with a SELECT of their own. Of such an attribute, of the entity or
 * within a construction: a row an element, in order; "leat_1_COLUMN" and so on are the keys of the rows of each many-edge that leads to
 * it; then follow the element's attributes, or "leat_value". */
void sql_select(struct buf *out, const struct contract *contract, const struct entity *entity,
                const struct attribute *many);
