/* From events to committed transactions, without the network: what stream.c feeds, and the fuzzer. */
#pragma once

#include "binlog/event.h"
#include "binlog/txn_buffer.h"

enum { SAVEPOINTS_MAX = 256 };
struct savepoint;

struct feed {
    const char *spill_dir;
    size_t txn_memory_bytes;
    /* Commit time of the last transaction of the file in which the stream starts, on servers without GTIDs: a file made later has
     * another history. 0: not known. Microseconds. */
    int64_t known_commit_us;

    char file[BINLOG_NAME_MAX + 1];
    uint64_t offset; /* behind the newest event */
    bool has_format;
    enum checksum checksum;

    struct txn *open; /* since its GTID event */
    bool in_block;    /* BEGIN was met: COMMIT, XID or ROLLBACK will come */
    struct savepoint *savepoints;
    size_t savepoint_count;
};

enum feed_result { FEED_NOTHING = 0, FEED_TXN = 1, FEED_HEARTBEAT = 2 };

/* `raw` is one event as it came (with its checksum, if the stream has them). On FEED_TXN the caller owns *ret. */
int feed_event(struct feed *f, struct slice raw, struct txn **ret, struct error *error) must_check;
void feed_deinit(struct feed *f);
