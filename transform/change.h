/* From the contract that a store was made for to another one: what is the same, what is new, what went. */
#pragma once

#include "transform/catalog.h"

enum { NOWHERE = -1 };

/* The new catalogue, and where everything of the old one has gone. */
struct change {
    const struct catalog *old;
    struct catalog catalog;
    bool any;
    int *targets;  /* [old number]: new number or NOWHERE */
    int *sources;  /* [old number] */
    int *entities; /* [old number] */
    struct change_source {
        int from;     /* old number, or NOWHERE: a new table */
        int *columns; /* [new number]: old number or NOWHERE */
        int *indexes; /* [new number]: old number or NOWHERE */
    } *from;          /* [new source number] */
};

/* `prune`: former entities' items are to go. Everything lives in the arena; `old` outlives it. */
void change_plan(struct change *ret, const struct catalog *old, const struct contract *contract, bool prune,
                 struct arena *arena);

/* The name of a table of which rows or columns have to be read that cannot be read beside the stream of a server that does not log cascades, because
 * there are some to or from it; else NULL. `contract` is the new one. */
const char *change_unreadable(const struct change *change, const struct contract *contract);

/* What a start with the new contract does, entity by entity and table by table, for people. */
enum change_kind {
    CHANGE_NEW,       /* an entity: its items will be made */
    CHANGE_DIFFERS,   /* an entity: its items will be made anew */
    CHANGE_VANISHED,  /* an entity: its items stay */
    CHANGE_PRUNED,    /* an entity: its items will be deleted */
    CHANGE_FORGOTTEN, /* an entity: its DynamoDB table is another one now, or gone */
    CHANGE_TABLE,     /* a MySQL table: it will be read */
    CHANGE_COLUMN,    /* a column: it will be read for the rows that are there */
};

typedef void change_each(void *context, enum change_kind kind, const char *table, const char *name);
void change_tell(const struct change *change, change_each *each, void *context);
