/* Transactions prepared by XA, until they are decided.
 *
 * DB_PREPARED: 'h', XID -> when it was prepared (8 bytes): the transaction counts; 'p', XID, part (4, big-endian) -> bytes of it;
 * 's' -> the position up to which the snapshot has seen what was prepared before it.
 * No XID's bytes begin with another's (their lengths stand in front), and the caller sees to that.
 *
 * The head is written last, and with the position behind it: a crash on the way leaves parts without a head, which the next attempt
 * replaces. So a large transaction may make checkpoints while it comes in, and LMDB never holds much of it in memory. */
#include "transform/state.h"

enum { PART_BYTES = 64 * 1024, CHECKPOINT_BYTES = 8 * 1024 * 1024 };

static struct slice head_key(struct buf *b, struct slice xid) {
    buf_put_char(b, 'h');
    buf_put_slice(b, xid);
    return buf_slice(b);
}

static struct slice part_key(struct buf *b, struct slice xid, uint32_t part) {
    buf_put_char(b, 'p');
    buf_put_slice(b, xid);
    buf_put_be32(b, part);
    return buf_slice(b);
}

#define KEY_BUF BUF_SMALL(256, 1024)

int prepared_load(struct engine *e, struct error *error) {
    struct store_scan scan defer(store_scan_end);
    struct slice key, value;
    e->prepared.count = 0;
    e->prepared.since_us = 0;
    int r = store_scan(&scan, e->store, DB_PREPARED, SLICE("h"), (struct slice){NULL, 0}, error);
    while (!r && (r = store_scan_next(&scan, &key, &value, error)) == 0) {
        struct cursor c = cursor_of(value.data, value.len);
        int64_t since_us = (int64_t)cursor_u64(&c);
        e->prepared.since_us = e->prepared.count ? MIN(e->prepared.since_us, since_us) : since_us;
        e->prepared.count++;
    }
    return r < 0 ? r : 0;
}

static int drop(struct engine *e, struct slice xid, struct error *error) {
    struct buf key defer(buf_deinit) = KEY_BUF;
    int r = store_delete(e->store, DB_PREPARED, head_key(&key, xid), error);
    bool counted = r == 0;
    e->changed = true;
    for (uint32_t part = 0; r >= 0; part++) {
        buf_clear(&key);
        r = store_delete(e->store, DB_PREPARED, part_key(&key, xid, part), error);
        if (r)
            break;
    }
    if (r < 0)
        return r;
    return counted ? prepared_load(e, error) : 0;
}

/* What it held is in the store's rows, or rolled back, once the position has moved: never before. */
int engine_prepared_drop(struct engine *e, struct slice xid, struct error *error) {
    transaction_begin(e);
    return drop(e, xid, error);
}

int engine_prepared_begin(struct engine *e, struct slice xid, struct error *error) {
    if (e->in_transaction)
        return error_set(error, ERR_BUG, "a prepared transaction came inside another");
    buf_clear(&e->prepared.xid);
    buf_put_slice(&e->prepared.xid, xid);
    e->prepared.parts = 0;
    return drop(e, xid, error);
}

static int put_part(struct engine *e, struct slice bytes, struct error *error) {
    struct buf key defer(buf_deinit) = KEY_BUF;
    e->changed = true;
    e->prepared.bytes += bytes.len;
    int r = store_put(e->store, DB_PREPARED, part_key(&key, buf_slice(&e->prepared.xid), e->prepared.parts++), bytes,
                      error);
    if (r || e->prepared.bytes < CHECKPOINT_BYTES)
        return r;
    e->prepared.bytes = 0;
    return engine_checkpoint(e, false, error);
}

int engine_prepared_put(struct engine *e, struct slice bytes, struct error *error) {
    int r = 0;
    for (size_t at = 0; !r && at < bytes.len; at += PART_BYTES)
        r = put_part(e, (struct slice){bytes.data + at, MIN(bytes.len - at, PART_BYTES)}, error);
    return r;
}

int engine_prepared_end(struct engine *e, int64_t since_us, struct error *error) {
    struct buf key defer(buf_deinit) = KEY_BUF, value defer(buf_deinit) = BUF_SMALL(8, 8);
    buf_put_le64(&value, (uint64_t)since_us);
    e->prepared.since_us = e->prepared.count ? MIN(e->prepared.since_us, since_us) : since_us;
    e->prepared.count++;
    return store_put(e->store, DB_PREPARED, head_key(&key, buf_slice(&e->prepared.xid)), buf_slice(&value), error);
}

int engine_prepared_known(struct engine *e, struct slice xid, struct error *error) {
    struct buf key defer(buf_deinit) = KEY_BUF;
    struct slice value;
    return store_get(e->store, DB_PREPARED, head_key(&key, xid), &value, error);
}

int engine_prepared_get(struct engine *e, struct slice xid, uint32_t part, struct slice *ret, struct error *error) {
    struct buf key defer(buf_deinit) = KEY_BUF;
    return store_get(e->store, DB_PREPARED, part_key(&key, xid, part), ret, error);
}

/* ---- what was prepared before the snapshot */

int engine_snapshot_settle(struct engine *e, const struct position *at, struct error *error) {
    struct buf value defer(buf_deinit) = BUF_INIT(64 << 20);
    position_put(&value, at);
    e->changed = true;
    int r = store_put(e->store, DB_PREPARED, SLICE("s"), buf_slice(&value), error);
    return r ? r : engine_checkpoint(e, false, error);
}

int engine_snapshot_settled(struct engine *e, struct position *ret, struct error *error) {
    struct slice value;
    int r = store_get(e->store, DB_PREPARED, SLICE("s"), &value, error);
    if (r)
        return r;
    struct cursor c = cursor_of(value.data, value.len);
    return position_get(&c, ret, error);
}
