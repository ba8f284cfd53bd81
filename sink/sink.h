/* The sender: takes writes, packs them into requests, gets them into DynamoDB, says what became of each.
 *
 * It runs a thread of its own (curl's multi interface on an epoll). sink_submit() and sink_take() are called from one other thread, the applier. Throttled, unprocessed and transiently failed
 * writes are tried again here, with backoff and jitter, for ever; only what is decided comes back as an outcome. */
#pragma once

#include "contract/contract.h"

struct sink;

struct sink_options {
    const char *region;
    const char *endpoint;         /* NULL: AWS's for the region */
    bool allow_insecure_endpoint; /* plain http to a host that is not loopback */
    const char *ca_file;          /* NULL: the system's */
    unsigned connections;
    size_t queue_bytes; /* encoded writes that wait or are in flight: the bound of memory; 0: the default */
    unsigned request_timeout_ms;
    const struct contract *contract;
    bool report_capacity; /* ask DynamoDB what each request cost: sink_numbers.consumed_write_units_milli */
};

int sink_open(struct sink **ret, const struct sink_options *options, struct error *error) must_check;
/* Ends the thread; requests in flight are given up (their outcome is unknown). Accepts NULL. */
void sink_close(struct sink *s);

/* How many more writes fit now. */
size_t sink_room(struct sink *s);
/* Encodes and queues. With `transact` the writes are one TransactWriteItems (at most 100 items, 4 MB; the caller sees to it). */
int sink_submit(struct sink *s, const struct item_write *writes, size_t count, bool transact,
                struct error *error) must_check;
/* Outcomes that came since the last call; returns how many. */
size_t sink_take(struct sink *s, struct outcome *out, size_t max);
/* Readable (poll) while outcomes wait or room came back. */
int sink_fd(struct sink *s);

struct sink_numbers {
    uint64_t requests, writes, retries, throttled, transient, ambiguous, bytes_out, consumed_write_units_milli;
    uint64_t queued_writes, queued_bytes, in_flight_requests;
    uint64_t retries_throttled, retries_unprocessed, retries_transient, retries_conflict;
    bool breaker_open;
    bool
        parked; /* an answer that needs somebody: missing table, no permission, wrong credentials; tried again slowly */
    char parked_reason[512]; /* with the remedy; also while breaker_open, without parked: why there is no good answer */
    int64_t last_answer_us;  /* monotonic; 0: none yet */
    uint64_t seconds_bucket[16]; /* request_seconds histogram, see sink_bucket_bounds */
    double seconds_sum;
};
extern const double sink_bucket_bounds[16];                  /* upper bounds, seconds; the last is infinity */
void sink_numbers(struct sink *s, struct sink_numbers *ret); /* any thread */
