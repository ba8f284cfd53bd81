/* Where in the source's binlog something is: only transaction ends are positions. */
#pragma once

#include "contract/gtid.h"

enum { BINLOG_NAME_MAX = 255 };

/* The end of one transaction, as the stream gives it with each. */
struct txn_end {
    struct gtid gtid;               /* number 0 without */
    char file[BINLOG_NAME_MAX + 1]; /* "binlog.000003" */
    uint64_t offset;                /* of the byte behind the transaction in that file */
    int64_t commit_us;              /* when the original server committed it, microseconds since 1970 */
};

struct position {
    struct gtid_set gtids;          /* executed up to here; empty where the server has none */
    char server_uuid[37];           /* of the server whose file and offset these are; "" when unknown */
    char file[BINLOG_NAME_MAX + 1]; /* "" when unknown */
    uint64_t offset;
    int64_t commit_us; /* of the last transaction (without GTIDs: in that file); 0 when unknown */
};

void position_deinit(struct position *p);
void position_copy(struct position *to, const struct position *from); /* `to` is replaced; initialise it with {0} */
/* `end` without a commit time is a place behind the last transaction, where the source rests. */
void position_advance(struct position *p, const struct txn_end *end);
bool position_known(const struct position *p); /* false for {0} */

/* Has a stream that stands at `at` passed or met `target`? By GTID sets where `target` has one, else by file number
 * and offset (which only compare on one server). */
bool position_reached(const struct position *at, const struct position *target);

/* Is the transaction that ends here in what `at` has passed? By its GTID where it has one. */
bool position_has(const struct position *at, const struct txn_end *end);

/* "FILE:OFFSET" or a GTID set, as operators write it; ERR_USAGE with what would be right. */
int position_parse(struct position *ret, struct slice text, struct error *error) must_check;
void position_format(const struct position *p, struct buf *buf); /* the GTID set, else FILE:OFFSET, else "(start)" */

/* The store's form. */
void position_put(struct buf *buf, const struct position *p);
int position_get(struct cursor *c, struct position *ret, struct error *error) must_check; /* ERR_STORE when malformed */
