/* The store and the target as a start with this contract finds them. */
#pragma once

#include "sink/tables.h"
#include "src/app/prepare.h"
#include "transform/engine.h"

struct adoption {
    struct arena arena;
    bool there;                   /* a store is there, and readable: */
    struct catalog catalog;       /* what it is made for */
    struct change change;         /* to this contract */
    struct table_report *reports; /* [target number], of prepared.contract */
};

/* Reads what the store is made for. While a replicator uses it that cannot be told: ERR_STORE. */
int adoption_read(struct adoption *a, const struct config *config, const struct contract *contract, bool prune,
                  struct error *error) must_check;
/* The same, from the replicator that uses the store; when there is none, from the store. */
int adoption_ask(struct adoption *a, const struct config *config, const struct contract *contract, bool prune,
                 struct error *error) must_check;
/* Looks at DynamoDB's tables. Those that the contract no longer has, but whose items are to be deleted, become targets of the contract. */
int adoption_look(struct adoption *a, struct prepared *prepared, const struct config *config, bool prune,
                  struct error *error) must_check;
/* Are the tables there, as the contract has them, and empty unless the store knows what is in them? `all`: it knows of none. */
int adoption_check(const struct adoption *a, const struct contract *contract, bool all, struct error *error) must_check;
/* What needs to be read cannot be read beside the stream: where cascades are not logged. */
int adoption_refuses(const struct adoption *a, const struct prepared *prepared, struct error *error) must_check;
bool adoption_knows(const struct adoption *a, const struct target *target); /* the store: its items */
void adoption_deinit(struct adoption *a);

/* A line for people: "entity Order of table Shop is new: its items will be made". */
void adoption_words(struct buf *out, enum change_kind kind, const char *table, const char *name);
