/* What a store was made for: the tables, columns, indexes, targets and entities that its numbers stand for. Kept in the store, so that a start with
 * another contract knows what is there. */
#pragma once

#include "contract/contract.h"
#include "src/base/cursor.h"

struct catalog_source {
    const char *name;
    size_t key_count;
    struct catalog_column {
        const char *name;
        struct digest128 identity;
        bool missing; /* rows that were there when it became needed may lack it */
    } *columns;
    size_t column_count;
    struct source_index *indexes;
    size_t index_count;
    bool loading; /* its rows are not all there yet */
};

struct catalog_target {
    const char *name;
    struct key_part pk, sk; /* sk.name NULL: none */
};

struct catalog_entity {
    const char *name;
    unsigned target; /* number */
    unsigned source; /* number of its root's; of a former one: as it was */
    struct digest128 identity;
    bool unswept; /* not all its roots were evaluated since it became what it is */
    bool pruned;  /* a former one: its claims go at the sweep's end, and its items with them */
};

struct catalog {
    const char *database;
    struct catalog_target *targets; /* the contract's, then those of which former entities' items are left */
    size_t target_count, live_targets;
    struct catalog_source *sources;
    size_t source_count;
    struct catalog_entity *entities; /* the contract's in its order, then former ones, whose items are still there */
    size_t entity_count, live_entities;
};

/* Everything in them lives in the arena. */
void catalog_of(struct catalog *ret, const struct contract *contract, struct arena *arena);
void catalog_put(struct buf *buf, const struct catalog *catalog);
int catalog_get(struct catalog *ret, struct cursor *c, struct arena *arena, struct error *error) must_check;
