/* From the tables' queues to requests. */
#pragma once

#include "sink/write.h"

enum {
    BATCH_MAX = 25,        /* writes in a BatchWriteItem (API reference) */
    TRANSACTION_MAX = 100, /* items in a TransactWriteItems */
    REQUEST_BYTES =
        4 << 20, /* what a request is filled to; DynamoDB takes 16 MB in a batch, one write can be over 2 MB */
};

/* What waits for one DynamoDB table, and how fast it may go there. */
struct table_queue {
    const struct target *target;
    struct write_list ready;
    double window; /* writes that may be in flight: falls when throttled, grows with success */
    double window_max;
    size_t in_flight;
    unsigned throttles;     /* refused requests in a row */
    int64_t pause_until_us; /* monotonic */
    bool alone;             /* its requests hold no other table: an error named no table, and this one is suspected */
    bool parked;            /* needs somebody; one write at a time probes */
    bool probing;
    char park_reason[512];
};

/* True when writes of this table may go out. */
bool table_open(const struct table_queue *t, int64_t now_us);

/* Writes that travel together. */
struct request {
    bool report_capacity; /* ask what it cost */
    bool busy, transact;
    size_t count;
    struct write *writes[TRANSACTION_MAX];
    uint8_t fates[TRANSACTION_MAX]; /* enum fate (answer.h) */
    struct buf body;
    int64_t signed_us;    /* wall time of the signature */
    unsigned corrections; /* of the clock, before the signature */
};

/* Takes up to a batch from the queues, beginning with table *turn, which moves on. */
void pack_batch(struct request *r, struct table_queue *tables, size_t table_count, size_t *turn, size_t limit,
                int64_t now_us);
/* The transaction that `head` stands for; draws a token if it has none. */
void pack_transaction(struct request *r, struct write *head);
/* Writes the request's body. */
void pack_body(struct request *r, const struct contract *contract);
