/* A compiled contract in words: what each item is made of, and what a change of each table costs. */
#pragma once

#include "contract/contract.h"
#include "src/base/json.h"

void contract_explain(struct buf *out, const struct contract *contract);
void contract_explain_json(struct json_out *out, const struct contract *contract);
