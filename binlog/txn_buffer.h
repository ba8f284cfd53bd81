/* A transaction's raw events: in memory up to a bound, then in an unlinked file. */
#pragma once

#include "binlog/event.h"
#include "binlog/stream.h"

/* What the transaction's end means for its rows. XA's names stand in `xid`. */
enum txn_role {
    TXN_COMMITTED,
    TXN_PREPARED,      /* by XA: another transaction will decide */
    TXN_XA_COMMITS,    /* no rows of its own: those prepared under `xid` are committed here */
    TXN_XA_ROLLS_BACK, /* likewise, and they are gone */
};

struct txn {
    struct txn_end end;
    enum txn_role role; /* of a compressed one only xa_run() finds out whether it is prepared */
    struct xid xid;
    unsigned server_version; /* 80012 where an 8.0.12 wrote it; 0: not known */
    bool decided;            /* prepared, and committed since: its rows count */
    struct buf memory;       /* events, each behind its length (4 bytes) */
    size_t memory_max;
    size_t bytes;       /* of all events with their lengths */
    const char *dir;    /* where the file would stand */
    int fd;             /* -1: none yet */
    struct buf pending; /* not yet in the file */
};

struct txn *txn_new(size_t memory_max, const char *dir);
/* `raw` is an event without its checksum. ERR_STORE when the file cannot be written. */
int txn_put(struct txn *t, struct slice raw, struct error *error) must_check;
/* Forgets all events behind the first `bytes` (a former t->bytes). */
int txn_truncate(struct txn *t, size_t bytes, struct error *error) must_check;
int txn_seal(struct txn *t, struct error *error) must_check; /* no more events: what is pending goes to the file */

struct txn_reader {
    struct txn *txn;
    size_t at;
    struct buf window;    /* a part of the file */
    size_t window_at;     /* where it stands there */
    size_t rest_at, rest; /* of the present event: what was not given yet */
};
/* 1 with the next event (valid until the next call), 0 at the end. Of a compressed transaction that lies in the file it is the first
 * piece only: the packet of such a one is large, and nobody needs it whole. */
int txn_reader_next(struct txn_reader *r, struct slice *ret, struct error *error) must_check;
/* 1 with the next piece of the present event (what was given before is gone), 0 when there is no more of it. */
int txn_reader_rest(struct txn_reader *r, struct slice *ret, struct error *error) must_check;
void txn_reader_deinit(struct txn_reader *r);
