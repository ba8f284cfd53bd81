/* The binlog as a stream of committed transactions.
 *
 * Happy path: (1) register as a replica and dump from a position, checksums asked for; (2) fetch an event, verify its
 * checksum and header; (3) keep the raw events of an open transaction (in memory up to a bound, then in an unlinked file);
 * (4) at its commit hand it over whole; (5) rolled back ones are forgotten.
 *
 * A stream belongs to one thread. A transaction changes hands when it is returned: decoding (binlog/rows.h) may happen elsewhere. */
#pragma once

#include "binlog/connect.h"
#include "contract/row_change.h"

struct stream;
struct txn; /* one committed transaction: raw events and its end */

struct stream_options {
    const struct source_options *source;
    const char *spill_dir;   /* where the file of a huge open transaction stands (unlinked at once) */
    size_t txn_memory_bytes; /* an open transaction's events beyond this go to the file */
};

/* Opens a dump connection that starts behind `from` (by GTID where the server has them). Checks that the server is the one of the position (UUID or GTID
 * history), and that the binlog reaches back. ERR_SOURCE_LOST: try again; ERR_SOURCE: somebody must act (purged, other history, format). */
int stream_open(struct stream **ret, const struct stream_options *options, const struct position *from,
                struct error *error) must_check;
void stream_close(struct stream *s); /* accepts NULL */

/* Makes a blocked stream_next() of another thread return ERR_STOPPED soon. Safe from signal handlers' threads, not from handlers. */
void stream_interrupt(struct stream *s);

enum stream_result { STREAM_TXN = 0, STREAM_HEARTBEAT = 1 };

/* Waits for the next committed transaction, or a heartbeat (the source rests: everything up to stream_heard() was received).
 * Returns STREAM_TXN with *ret (the caller owns it), STREAM_HEARTBEAT, or an error; after an error only stream_close() may follow.
 * Another client with our server id: ERR_SOURCE_TAKEN. Unknown events, a failed checksum, statement-based changes that may touch a table of the filter: ERR_SOURCE. */
int stream_next(struct stream *s, struct txn **ret, struct error *error) must_check;

/* True when the next event is already here, so that stream_next() will not wait for the network. */
bool stream_ready(struct stream *s);

/* Counters any thread may read. */
struct stream_heard {
    uint64_t bytes; /* received */
    uint64_t events;
    int64_t last_heard_us; /* monotonic, of the last event or heartbeat */
    char file[BINLOG_NAME_MAX + 1];
    uint64_t offset; /* of the newest event received, transaction end or not */
};
void stream_heard(struct stream *s, struct stream_heard *ret);

const struct txn_end *txn_end(const struct txn *t);
size_t txn_bytes(const struct txn *t);  /* of its raw events: for bounds */
size_t txn_memory(const struct txn *t); /* of them in memory */
void txn_free(struct txn *t);           /* accepts NULL */
