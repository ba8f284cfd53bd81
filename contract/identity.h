/* What a store must have been made for, so that it fits: per column, per index and per entity. */
#pragma once

#include "contract/contract.h"

struct digest128 column_identity(const struct column *column);
struct digest128 measures_identity(const struct source_index *index);
/* `entities` are the contract's. A secret of masks is in it: another one makes other items. */
struct digest128 entity_identity(const struct entity *entity, struct entity *const *entities);
