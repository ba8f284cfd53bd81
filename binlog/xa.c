/* Prepared transactions: held, then decoded where they are committed.
 *
 * Happy path: (1) a prepared transaction is looked through: when it concerns no wanted table its events are dropped; (2) the keeper has it; (3) XA
 * COMMIT takes it back and it is decoded, with the end of the XA COMMIT; XA ROLLBACK forgets it.
 *
 * A compressed transaction tells only inside that it is XA, and at its end whether it is prepared or committed in one phase: the
 * decoder stops at its XA START, and then it is looked through for its end. */
#include "binlog/xa.h"

#include "binlog/payload.h"

#include <stdlib.h>

static int find_end(struct payload *p, struct xa_prepare_event *ret, struct error *error) {
    struct slice raw;
    int r;
    while ((r = payload_next(p, &raw, error)) > 0) {
        struct event e;
        r = event_read(&e, raw, CHECKSUM_CUT, error);
        if (r)
            return r;
        if (e.type == EVENT_XA_PREPARE)
            return xa_prepare_event_read(ret, &e, error);
    }
    return r ? r : error_set(error, ERR_SOURCE, "a compressed XA transaction has no end");
}

/* How does the compressed XA transaction end? */
static int look_inside(struct txn *txn, struct error *error) {
    struct txn_reader reader defer(txn_reader_deinit) = {.txn = txn};
    struct xa_prepare_event end;
    struct slice raw;
    struct event e = {0};
    int r;
    while ((r = txn_reader_next(&reader, &raw, error)) > 0) {
        r = event_read(&e, raw, CHECKSUM_CUT, error);
        if (r)
            return r;
        if (e.type == EVENT_TRANSACTION_PAYLOAD)
            break;
    }
    if (r < 0)
        return r;
    struct payload *p = payload_new();
    r = payload_begin(p, e.body, &reader, error);
    if (r == 0)
        r = find_end(p, &end, error);
    payload_free(p);
    if (r)
        return r;
    txn->decided = end.one_phase;
    txn->role = end.one_phase ? TXN_COMMITTED : TXN_PREPARED;
    txn->xid = end.xid;
    return 0;
}

static int hold(struct decoder *d, const struct xa_keeper *keeper, struct txn **txn, struct error *error) {
    int r = decoder_concerned(d, *txn, error);
    if (r == 0)
        r = txn_truncate(*txn, 0, error);
    return r < 0 ? r : keeper->put(keeper->context, txn, error);
}

static int decide(struct decoder *d, const struct xa_keeper *keeper, const struct txn *txn, struct error *error) {
    struct txn *held = NULL;
    bool commit = txn->role == TXN_XA_COMMITS;
    int r = keeper->take(keeper->context, &txn->xid, &txn->end, commit ? &held : NULL, error);
    if (r || !held)
        return r;
    held->role = TXN_COMMITTED;
    held->decided = true;
    held->end = txn->end;
    r = decoder_run(d, held, error);
    txn_free(held);
    return r;
}

int xa_run(struct decoder *d, const struct xa_keeper *keeper, struct txn **txn, struct error *error) {
    int r = (*txn)->role == TXN_COMMITTED ? decoder_run(d, *txn, error) : 0;
    if (r == DECODER_UNDECIDED) {
        r = look_inside(*txn, error);
        if (r == 0 && (*txn)->decided)
            r = decoder_run(d, *txn, error);
    }
    if (r || (*txn)->role == TXN_COMMITTED)
        return r;
    return (*txn)->role == TXN_PREPARED ? hold(d, keeper, txn, error) : decide(d, keeper, *txn, error);
}

/* ---- in memory */

static int list_take(void *context, const struct xid *xid, const struct txn_end *end, struct txn **ret,
                     struct error *error) {
    struct xa_list *list = context;
    for (size_t i = 0; i < list->count; i++) {
        if (!slice_equal(xid_slice(&list->txns[i]->xid), xid_slice(xid)))
            continue;
        if (ret)
            *ret = list->txns[i];
        else
            txn_free(list->txns[i]);
        list->txns[i] = list->txns[--list->count];
        return 0;
    }
    if (!ret)
        return 0;
    struct buf text defer(buf_deinit) = BUF_INIT(1000);
    xid_format(xid, &text);
    return error_set(error, ERR_SOURCE,
                     "XA COMMIT %s at %s:%llu commits what was prepared before the start: begin earlier",
                     buf_text(&text), end->file, (unsigned long long)end->offset);
}

static int list_put(void *context, struct txn **txn, struct error *error) {
    struct xa_list *list = context;
    int r = list_take(list, &(*txn)->xid, &(*txn)->end, NULL, error);
    if (list->count == list->cap) {
        list->cap = list->cap ? list->cap * 2 : 8;
        list->txns = xrealloc(list->txns, list->cap * sizeof(struct txn *));
    }
    list->txns[list->count++] = *txn;
    *txn = NULL;
    return r;
}

struct xa_keeper xa_list_keeper(struct xa_list *list) {
    return (struct xa_keeper){.context = list, .put = list_put, .take = list_take};
}

void xa_list_deinit(struct xa_list *list) {
    for (size_t i = 0; i < list->count; i++)
        txn_free(list->txns[i]);
    free(list->txns);
    *list = (struct xa_list){0};
}
