/* The reader thread: follows the binlog from a position, through reconnects, into a bounded queue. */
#pragma once

#include "binlog/stream.h"

struct reader;

struct reader_options {
    struct source_options source; /* its texts outlive the reader */
    const char *spill_dir;
    const struct position *from;  /* copied */
    const struct position *until; /* copied; NULL: for ever. Reaching it ends the reader */
    bool
        by_file; /* `from` is a file and offset: the GTIDs met from there on are not all, a new connection goes on by file */
    size_t queue_bytes; /* raw events that may wait; one transaction of any size is always let in */
};

/* What the queue holds: a committed transaction, or (txn NULL) the news that the source rests at `end`. */
struct delivery {
    struct txn *txn; /* the taker frees it */
    struct txn_end end;
};

struct reader_state {
    bool connected;
    bool ended; /* `until` was reached and everything is in the queue */
    int trouble; /* error code while it cannot read: ERR_SOURCE_LOST (tries again), or another (somebody must act; tries again too) */
    char reason[2048]; /* of trouble */
    uint64_t reconnects;
    struct stream_heard heard;
    int64_t oldest_commit_us; /* of the oldest transaction in the queue; 0: the queue is empty */
    size_t queue_bytes;
};

int reader_start(struct reader **ret, const struct reader_options *options, struct error *error) must_check;
void reader_stop(struct reader *r);                       /* interrupts, joins, frees what is queued; accepts NULL */
bool reader_take(struct reader *r, struct delivery *ret); /* false: nothing waits */
int reader_fd(const struct reader *r); /* readable when something may have come; reader_take() until false */
void reader_state(struct reader *r, struct reader_state *ret);
