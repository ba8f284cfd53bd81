/* From events to committed transactions, without the network: what stream.c feeds, and the fuzzer. */
#pragma once

#include "binlog/event.h"
#include "binlog/txn_buffer.h"

enum { SAVEPOINTS_MAX = 1000000 };
struct savepoint;

struct feed {
    const char *spill_dir;
    size_t txn_memory_bytes;
    /* What tells that a source was reset or restored, and writes other transactions under old names: the file in which the stream starts
     * was made after the last transaction that the reader has, although it is said to hold some of those. Without GTIDs: the file of that
     * transaction. With GTIDs: a file before which (PREVIOUS_GTIDS) some of the reader's GTIDs are missing; told only where these were
     * all made by this server, since others may arrive late. */
    int64_t known_commit_us;      /* of that transaction; 0: not known */
    struct gtid_set known_gtids;  /* the reader's; empty without GTIDs */
    unsigned char known_uuid[16]; /* the server's */
    bool made_later;              /* the file at hand, than known_commit_us */

    char file[BINLOG_NAME_MAX + 1];
    uint64_t offset; /* behind the newest event */
    bool has_format;
    enum checksum checksum;
    unsigned server_version; /* 80012 where an 8.0.12 wrote the file */

    struct txn *open; /* since its GTID event */
    bool in_block;    /* BEGIN was met: COMMIT, XID or ROLLBACK will come */
    struct savepoint *savepoints;
    size_t savepoint_count, savepoint_cap;
};

enum feed_result { FEED_NOTHING = 0, FEED_TXN = 1, FEED_HEARTBEAT = 2 };

/* `raw` is one event as it came (with its checksum, if the stream has them). On FEED_TXN the caller owns *ret. */
int feed_event(struct feed *f, struct slice raw, struct txn **ret, struct error *error) must_check;
void feed_deinit(struct feed *f);
