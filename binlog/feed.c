/* From events to committed transactions.
 *
 * Happy path: (1) FORMAT_DESCRIPTION tells whether events have checksums; (2) a GTID event opens a transaction; (3) QUERY "BEGIN", table
 * maps and rows are kept; (4) XID or QUERY "COMMIT" ends it. A statement without BEGIN is a transaction of its own; a compressed
 * transaction is one event; XA PREPARE ends one whose outcome is not known (xa.h).
 *
 * What else happens: ROLLBACK empties the transaction (its GTID still counts); ROLLBACK TO cuts it back to the savepoint; a rotation, a
 * new format or another GTID in its middle means that the source crashed while it wrote: what was open is forgotten. An event
 * that is unknown and not marked as ignorable ends the stream, as does a wrong checksum. */
#include "binlog/feed.h"

#include "binlog/statement.h"
#include "src/base/digest.h"

#include <ctype.h>
#include <stdlib.h>

struct savepoint {
    struct digest128 name; /* of it in lower case */
    size_t bytes;          /* of the transaction when it was set */
};

static void forget(struct feed *f) {
    txn_free(f->open);
    f->open = NULL;
    f->in_block = false;
    f->savepoint_count = 0;
}

void feed_deinit(struct feed *f) {
    forget(f);
    free(f->savepoints);
    f->savepoints = NULL;
    f->savepoint_cap = 0;
    gtid_set_deinit(&f->known_gtids);
}

/* log_pos has 32 bits; transactions may be longer. Offsets only grow within a file, and no event is that long. */
static void advance(struct feed *f, const struct event *e) {
    const uint64_t wrap = 1ULL << 32;
    uint64_t end = f->offset + e->size;
    if (e->flags & EVENT_FLAG_ARTIFICIAL)
        return;
    if (e->log_pos == 0 && end % wrap != 0)
        return;
    uint64_t at = (f->offset & ~(wrap - 1)) | e->log_pos;
    f->offset = at < f->offset ? at + wrap : at;
}

static int other_history(const struct feed *f, struct error *error) {
    return error_set(error, ERR_SOURCE,
                     "%s was made after the transaction behind which reading began: the source was reset or "
                     "restored and has another history; " START_OVER,
                     f->file);
}

static int on_format(struct feed *f, struct slice raw, const struct event *e, struct error *error) {
    struct format_event format;
    int r = format_event_read(&format, raw, error);
    if (r)
        return r;
    forget(f);
    f->made_later = f->known_commit_us && e->timestamp > f->known_commit_us / 1000000 + 1;
    f->known_commit_us = 0;
    if (f->made_later && gtid_set_empty(&f->known_gtids))
        return other_history(f, error);
    f->has_format = true;
    f->checksum = format.checksum;
    f->server_version = version_number(format.server_version);
    return FEED_NOTHING;
}

/* The GTIDs of all files before this one. */
static int on_previous_gtids(struct feed *f, const struct event *e, struct error *error) {
    struct gtid_set previous defer(gtid_set_deinit) = {0};
    if (!f->made_later)
        return FEED_NOTHING;
    int r = gtid_set_decode(&previous, e->body, error);
    if (r)
        return r;
    gtid_set_subtract(&f->known_gtids, &previous);
    f->made_later = false;
    return gtid_set_only_of(&f->known_gtids, f->known_uuid) ? other_history(f, error) : FEED_NOTHING;
}

static int on_rotate(struct feed *f, const struct event *e, struct error *error) {
    struct place_event p;
    int r = place_event_read(&p, e, error);
    if (r)
        return r;
    forget(f);
    memcpy(f->file, p.file.data, p.file.len);
    f->file[p.file.len] = 0;
    f->offset = p.offset;
    return FEED_NOTHING;
}

/* Tells where the source stands; only forward, and not in the middle of a transaction. */
static int on_heartbeat(struct feed *f, const struct event *e, struct error *error) {
    struct place_event p;
    int r = place_event_read(&p, e, error);
    if (r)
        return r;
    if (f->open)
        return FEED_NOTHING;
    bool same = strlen(f->file) == p.file.len && memcmp(f->file, p.file.data, p.file.len) == 0;
    if (same && e->type == EVENT_HEARTBEAT && p.offset < f->offset)
        return FEED_HEARTBEAT; /* 32 bits of a longer offset */
    memcpy(f->file, p.file.data, p.file.len);
    f->file[p.file.len] = 0;
    f->offset = p.offset;
    return FEED_HEARTBEAT;
}

static int on_gtid(struct feed *f, const struct event *e, struct error *error) {
    struct gtid_event g;
    int r = gtid_event_read(&g, e, error);
    if (r)
        return r;
    forget(f);
    f->open = txn_new(f->txn_memory_bytes, f->spill_dir);
    f->open->server_version = f->server_version;
    f->open->end.gtid = g.gtid;
    f->open->end.commit_us = g.commit_us;
    return FEED_NOTHING;
}

static struct txn *opened(struct feed *f, const struct event *e) {
    if (!f->open) { /* a transaction without a GTID event: MySQL writes none such, but it is clear what it means */
        f->open = txn_new(f->txn_memory_bytes, f->spill_dir);
        f->open->server_version = f->server_version;
        f->open->end.commit_us = (int64_t)e->timestamp * 1000000;
    }
    return f->open;
}

static int keep(struct feed *f, const struct event *e, struct error *error) {
    struct slice raw = {e->body.data - EVENT_HEADER_SIZE, e->body.len + EVENT_HEADER_SIZE};
    return txn_put(opened(f, e), raw, error);
}

static int end(struct feed *f, const struct event *e, struct txn **ret, struct error *error) {
    struct txn *t = opened(f, e);
    int r = txn_seal(t, error);
    if (r)
        return r;
    memcpy(t->end.file, f->file, sizeof(t->end.file));
    t->end.offset = f->offset;
    f->open = NULL;
    forget(f);
    *ret = t;
    return FEED_TXN;
}

static int keep_and_end(struct feed *f, const struct event *e, struct txn **ret, struct error *error) {
    int r = keep(f, e, error);
    return r ? r : end(f, e, ret, error);
}

/* ---- statements */

/* Names differ whatever their case, as the server has it. */
static struct digest128 savepoint_name(const struct query_event *q) {
    struct statement *st defer(free_pointer) = xcalloc(1, sizeof(*st));
    statement_read(st, q->sql, &q->mode);
    char *name = st->names[0].table;
    for (char *c = name; *c; c++)
        *c = (char)tolower((unsigned char)*c);
    return digest128(slice_of(name));
}

static int set_savepoint(struct feed *f, struct digest128 name, struct error *error) {
    if (f->savepoint_count == SAVEPOINTS_MAX)
        return error_set(error, ERR_SOURCE, "a transaction with more than %d savepoints is not supported",
                         SAVEPOINTS_MAX);
    if (f->savepoint_count == f->savepoint_cap) {
        f->savepoint_cap = MAX(f->savepoint_cap * 2, 64);
        f->savepoints = xrealloc(f->savepoints, f->savepoint_cap * sizeof(*f->savepoints));
    }
    f->savepoints[f->savepoint_count++] = (struct savepoint){name, f->open->bytes};
    return 0;
}

static int roll_back_to(struct feed *f, struct digest128 name, const struct query_event *q, struct error *error) {
    for (size_t i = f->savepoint_count; i-- > 0;)
        if (memcmp(&f->savepoints[i].name, &name, sizeof(name)) == 0) {
            f->savepoint_count = i + 1;
            return txn_truncate(f->open, f->savepoints[i].bytes, error);
        }
    return error_set(error, ERR_SOURCE, "%.*s, but that savepoint was not met", (int)MIN(q->sql.len, 300), q->sql.data);
}

static int on_savepoint(struct feed *f, const struct event *e, const struct query_event *q, enum statement_kind kind,
                        struct error *error) {
    struct digest128 name = savepoint_name(q);
    (void)opened(f, e);
    return kind == STATEMENT_SAVEPOINT ? set_savepoint(f, name, error) : roll_back_to(f, name, q, error);
}

/* XA COMMIT or XA ROLLBACK, of what was prepared before. A ROLLBACK in its own block ends what was never prepared. */
static int on_xa_end(struct feed *f, const struct event *e, enum statement_kind kind, struct slice sql,
                     struct txn **ret, struct error *error) {
    struct txn *t = opened(f, e);
    if (f->in_block) {
        int r = kind == STATEMENT_XA_ROLLBACK ? txn_truncate(t, 0, error) : 0;
        return r ? r : end(f, e, ret, error);
    }
    t->role = kind == STATEMENT_XA_COMMIT ? TXN_XA_COMMITS : TXN_XA_ROLLS_BACK;
    if (!statement_xid(sql, &t->xid))
        return error_set(error, ERR_SOURCE, "the name of an XA transaction cannot be read: %.*s",
                         (int)MIN(sql.len, 300), sql.data);
    return end(f, e, ret, error);
}

static int on_query(struct feed *f, const struct event *e, struct txn **ret, struct error *error) {
    struct query_event q;
    int r = query_event_read(&q, e, error);
    if (r)
        return r;
    enum statement_kind kind = statement_kind(q.sql);
    switch (kind) {
    case STATEMENT_BEGIN:
    case STATEMENT_XA_START:
        f->in_block = true;
        (void)opened(f, e);
        return FEED_NOTHING;
    case STATEMENT_XA_END:
        return FEED_NOTHING;
    case STATEMENT_XA_COMMIT:
    case STATEMENT_XA_ROLLBACK:
        return on_xa_end(f, e, kind, q.sql, ret, error);
    case STATEMENT_COMMIT:
        return end(f, e, ret, error);
    case STATEMENT_ROLLBACK:
        r = txn_truncate(opened(f, e), 0, error);
        return r ? r : end(f, e, ret, error);
    case STATEMENT_SAVEPOINT:
    case STATEMENT_ROLLBACK_TO:
        return on_savepoint(f, e, &q, kind, error);
    default:
        return f->in_block ? keep(f, e, error) : keep_and_end(f, e, ret, error);
    }
}

static int on_xa_prepare(struct feed *f, const struct event *e, struct txn **ret, struct error *error) {
    struct xa_prepare_event x;
    int r = xa_prepare_event_read(&x, e, error);
    if (r)
        return r;
    struct txn *t = opened(f, e);
    t->role = x.one_phase ? TXN_COMMITTED : TXN_PREPARED;
    t->xid = x.xid;
    return end(f, e, ret, error);
}

static int on_incident(const struct feed *f, struct error *error) {
    return error_set(
        error, ERR_SOURCE,
        "the source reports an incident at %s:%llu: changes that it made are missing from its binlog; " NEW_SNAPSHOT,
        f->file, (unsigned long long)f->offset);
}

/* ---- all */

static int dispatch(struct feed *f, const struct event *e, struct txn **ret, struct error *error) {
    switch (e->type) {
    case EVENT_STOP: /* an orderly end of the file */
        forget(f);
        return FEED_NOTHING;
    case EVENT_HEARTBEAT:
    case EVENT_HEARTBEAT_V2:
        return on_heartbeat(f, e, error);
    case EVENT_GTID:
    case EVENT_ANONYMOUS_GTID:
    case EVENT_GTID_TAGGED:
        return on_gtid(f, e, error);
    case EVENT_QUERY:
        return on_query(f, e, ret, error);
    case EVENT_XID:
        return end(f, e, ret, error);
    case EVENT_XA_PREPARE:
        return on_xa_prepare(f, e, ret, error);
    case EVENT_TRANSACTION_PAYLOAD: /* whole: with its BEGIN and its XID */
        return keep_and_end(f, e, ret, error);
    case EVENT_TABLE_MAP:
    case EVENT_WRITE_ROWS:
    case EVENT_UPDATE_ROWS:
    case EVENT_DELETE_ROWS:
    case EVENT_WRITE_ROWS_V1:
    case EVENT_UPDATE_ROWS_V1:
    case EVENT_DELETE_ROWS_V1:
    case EVENT_PARTIAL_UPDATE_ROWS:
    case EVENT_EXECUTE_LOAD_QUERY:
        return keep(f, e, error);
    case EVENT_PREVIOUS_GTIDS:
        return on_previous_gtids(f, e, error);
    case EVENT_INTVAR: /* what statements need; statements that change rows are refused */
    case EVENT_RAND:
    case EVENT_USER_VAR:
    case EVENT_APPEND_BLOCK:
    case EVENT_BEGIN_LOAD_QUERY:
    case EVENT_DELETE_FILE:
    case EVENT_ROWS_QUERY:
    case EVENT_IGNORABLE:
    case EVENT_TRANSACTION_CONTEXT:
    case EVENT_VIEW_CHANGE:
        return FEED_NOTHING;
    case EVENT_INCIDENT:
        return on_incident(f, error);
    default:
        if (e->flags & EVENT_FLAG_IGNORABLE)
            return FEED_NOTHING;
        return error_set(error, ERR_SOURCE, "event type %u at %s:%llu is not known to this version of leat: upgrade it",
                         e->type, f->file, (unsigned long long)f->offset);
    }
}

/* Before the first format event only an artificial ROTATE may come, with a checksum or without. */
static enum checksum checksum_now(const struct feed *f, struct slice raw) {
    if (f->has_format)
        return f->checksum;
    return event_checksum_good(raw) ? CHECKSUM_CRC32 : CHECKSUM_OFF;
}

int feed_event(struct feed *f, struct slice raw, struct txn **ret, struct error *error) {
    struct event e;
    bool is_format = raw.len > 4 && (uint8_t)raw.data[4] == EVENT_FORMAT_DESCRIPTION; /* tells of its own checksum */
    bool is_rotate = raw.len > 4 && (uint8_t)raw.data[4] == EVENT_ROTATE;
    enum checksum checksum = is_format ? CHECKSUM_OFF : checksum_now(f, raw);
    int r = event_read(&e, raw, checksum, error);
    if (r)
        return error_wrap(error, r, "behind %s:%llu", f->file, (unsigned long long)f->offset);
    if (!f->has_format && !is_format && !is_rotate && e.type != EVENT_HEARTBEAT && e.type != EVENT_HEARTBEAT_V2)
        return error_set(error, ERR_SOURCE, "the stream begins with a %s event instead of a format description",
                         event_name(e.type));
    if (is_rotate)
        return on_rotate(f, &e, error);
    if (e.type != EVENT_HEARTBEAT && e.type != EVENT_HEARTBEAT_V2)
        advance(f, &e);
    return is_format ? on_format(f, raw, &e, error) : dispatch(f, &e, ret, error);
}
