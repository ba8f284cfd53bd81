/* Prepared XA transactions in the store: the events, each behind its length (4 bytes), cut into parts anywhere.
 *
 * An XID that the store does not know was prepared before the snapshot. Up to the position at which the snapshot had seen these
 * end, their rows are in the chunks; behind it they are lost, and the replicator parks. */
#include "src/app/xa.h"

enum { PART_BYTES = 64 * 1024, LENGTH_BYTES = 4 };

/* ---- keeping */

static int flush(struct xa_store *s, struct buf *part, struct error *error) {
    int r = engine_prepared_put(s->engine, buf_slice(part), error);
    buf_clear(part);
    return r;
}

/* The next event; a large one comes in pieces and needs no copy. */
static int put_event(struct xa_store *s, struct buf *part, struct txn_reader *reader, struct slice raw,
                     struct error *error) {
    size_t len = raw.len + reader->rest;
    int more = 0, r = part->len && part->len + len > PART_BYTES ? flush(s, part, error) : 0;
    buf_put_le32(part, (uint32_t)len);
    if (len <= PART_BYTES) {
        buf_put_slice(part, raw);
        return r;
    }
    if (r == 0)
        r = flush(s, part, error);
    do {
        r = r ? r : engine_prepared_put(s->engine, raw, error);
    } while (r == 0 && (more = txn_reader_rest(reader, &raw, error)) > 0);
    return r ? r : more;
}

static int put(void *context, struct txn **kept, struct error *error) {
    struct xa_store *s = context;
    struct txn *txn = *kept;
    struct txn_reader reader = {.txn = txn};
    struct buf part = BUF_INIT((size_t)2 * PART_BYTES);
    struct slice raw;
    int more = 0, r = engine_prepared_begin(s->engine, xid_slice(&txn->xid), error);
    while (r == 0 && (more = txn_reader_next(&reader, &raw, error)) > 0)
        r = put_event(s, &part, &reader, raw, error);
    r = r ? r : more;
    if (r == 0)
        r = flush(s, &part, error);
    if (r == 0)
        r = engine_prepared_end(s->engine, txn->end.commit_us, error);
    buf_deinit(&part);
    txn_reader_deinit(&reader);
    return r;
}

/* ---- giving back */

/* Moves the whole events at the beginning of `bytes` to `txn`. */
static int take_events(struct buf *bytes, struct txn *txn, struct error *error) {
    struct cursor c = cursor_of(bytes->data, bytes->len);
    size_t done = 0;
    int r = 0;
    while (r == 0 && cursor_left(&c) >= LENGTH_BYTES) {
        uint32_t len = cursor_u32(&c);
        if (len > cursor_left(&c))
            break;
        r = txn_put(txn, (struct slice){(const char *)cursor_take(&c, len), len}, error);
        done = bytes->len - cursor_left(&c);
    }
    memmove(bytes->data, bytes->data + done, bytes->len - done);
    bytes->len -= done;
    return r;
}

static int rebuild(struct xa_store *s, const struct xid *xid, struct txn *txn, struct error *error) {
    struct buf bytes defer(buf_deinit) = BUF_INIT(SIZE_MAX / 2);
    struct slice part;
    int r = 0;
    for (uint32_t i = 0; r == 0 && (r = engine_prepared_get(s->engine, xid_slice(xid), i, &part, error)) == 0; i++) {
        buf_put_slice(&bytes, part);
        r = take_events(&bytes, txn, error);
    }
    if (r == 1 && bytes.len)
        return error_set(error, ERR_STORE, "the store is damaged: a prepared transaction is cut off");
    return r == 1 ? txn_seal(txn, error) : r;
}

static int unknown(struct xa_store *s, const struct xid *xid, const struct txn_end *end, struct error *error) {
    struct position settled defer(position_deinit) = {0};
    struct buf text defer(buf_deinit) = BUF_INIT(1000);
    int r = engine_snapshot_settled(s->engine, &settled, error);
    if (r < 0 || (r == 0 && position_has(&settled, end)))
        return r;
    xid_format(xid, &text);
    return error_set(error, ERR_SOURCE,
                     "XA COMMIT %s commits what was prepared before the snapshot, which could not wait for it: grant "
                     "XA_RECOVER_ADMIN, so that it can, and " NEW_SNAPSHOT,
                     buf_text(&text));
}

static int take(void *context, const struct xid *xid, const struct txn_end *end, struct txn **ret,
                struct error *error) {
    struct xa_store *s = context;
    struct txn *txn = NULL;
    int r = engine_prepared_known(s->engine, xid_slice(xid), error);
    if (r == 1)
        return ret ? unknown(s, xid, end, error) : 0;
    if (r == 0 && ret) {
        txn = txn_new(s->memory_bytes, s->spill_dir);
        r = rebuild(s, xid, txn, error);
    }
    if (r == 0)
        r = engine_prepared_drop(s->engine, xid_slice(xid), error);
    if (r)
        txn_free(txn);
    else if (ret)
        *ret = txn;
    return r;
}

struct xa_keeper xa_store_keeper(struct xa_store *store) {
    return (struct xa_keeper){.context = store, .put = put, .take = take};
}
