/* XA: what one transaction of the binlog prepares, a later one commits or rolls back.
 *
 * MySQL writes the rows at XA PREPARE, before the outcome is known. So a prepared transaction is kept by its name until XA COMMIT,
 * whose end is then the end of these rows too. How it is kept is the caller's: the replicator keeps it in its store, who only reads
 * keeps it in memory (struct xa_list). */
#pragma once

#include "binlog/rows.h"
#include "binlog/txn_buffer.h"

struct xa_keeper {
    void *context;
    /* Keeps a prepared transaction under (*txn)->xid, in the place of another of that name. It has no events when it concerns no
     * wanted table: then only its name is kept. Who keeps the object itself sets *txn to NULL. */
    int (*put)(void *context, struct txn **txn, struct error *error);
    /* Forgets what is kept under `xid`; with `ret` gives it to the caller first. `end` is that of the transaction which decides. *ret NULL: there
     * is nothing to deliver. An XID that is not known: an error, or 0 when it is known to be harmless. */
    int (*take)(void *context, const struct xid *xid, const struct txn_end *end, struct txn **ret, struct error *error);
};

/* Decodes any transaction that a stream gives: delivers the row changes that are committed by it. The caller frees *txn, which is NULL when
 * the keeper has it. */
int xa_run(struct decoder *d, const struct xa_keeper *keeper, struct txn **txn, struct error *error) must_check;

/* A keeper in memory (large ones in their unlinked files). */
struct xa_list {
    struct txn **txns;
    size_t count, cap;
};
struct xa_keeper xa_list_keeper(
    struct xa_list *list); /* `list` begins as {0}. An XID that is not known is ERR_SOURCE */
void xa_list_deinit(struct xa_list *list);
