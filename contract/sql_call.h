/* Calls of functions as MySQL's SQL: those of expressions, and those of transformations. */
#pragma once

#include "contract/sql_expr.h"

void sql_put_call(struct buf *out, const struct entity *entity, const struct expr *e);
