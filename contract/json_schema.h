/* The JSON Schema (draft 2020-12) of contracts, made of the parser's own tables. */
#pragma once

#include "src/base/buf.h"

/* Compact JSON; contract/contract.schema.json is the same, indented. */
void contract_json_schema(struct buf *out);
