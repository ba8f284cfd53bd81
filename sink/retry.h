/* What DynamoDB's errors mean, when to try again, and when not to try at all for a while. */
#pragma once

#include "src/base/error.h"

enum error_kind {
    KIND_NONE,        /* no error */
    KIND_THROTTLED,   /* slower */
    KIND_TRANSIENT,   /* 5xx, resets, timeouts, TLS: again, its end unknown when it was sent */
    KIND_SKEW,        /* our clock is wrong: corrected by the answer's Date */
    KIND_EXPIRED,     /* credentials: read again */
    KIND_CREDENTIALS, /* wrong credentials: all requests are parked */
    KIND_CONFLICT,    /* another transaction holds an item: again with a new token */
    KIND_CANCELED,    /* a transaction, with a reason for each item */
    KIND_VALIDATION,  /* some item is no good: split until it stands alone */
    KIND_SCHEMA,      /* the table's keys are not the contract's: parked */
    KIND_TABLE,       /* no such table: parked */
    KIND_ACCESS,      /* no permission: parked */
    KIND_CLIENT,      /* anything else that is our fault: parked */
};

/* The kind of an error answer: HTTP status, error type without its prefix ("ThrottlingException"), message. */
enum error_kind error_kind_of(int status, const char *type, const char *message);
/* What somebody should do about it; "" when nothing. */
const char *error_kind_remedy(enum error_kind kind);
const char *error_kind_name(enum error_kind kind);

/* Exponential backoff with full jitter: anything from 0 to min(30 s, base * 2^attempts). Microseconds. */
int64_t backoff_us(unsigned attempts, int64_t base_us);
enum { BACKOFF_CAP_MS = 30000, BACKOFF_THROTTLED_MS = 50, BACKOFF_TRANSIENT_MS = 25, PARK_PROBE_MS = 2000 };

/* Circuit breaker: closed (all may go) -> open (nothing goes) after BREAKER_FAILURES transient failures in a row -> half-open
 * (one request probes) when its time is over -> closed by a success, open again, longer, by a failure. */
enum { BREAKER_FAILURES = 8, BREAKER_FIRST_MS = 100, BREAKER_CAP_MS = 3000 };
struct breaker {
    unsigned failures; /* in a row */
    unsigned openings; /* without a success in between */
    bool open;
    bool probing;
    int64_t probe_us; /* monotonic */
};
/* How many requests may go now: 0, 1 (a probe) or many. */
enum breaker_gate { BREAKER_SHUT, BREAKER_PROBE, BREAKER_PASS };
enum breaker_gate breaker_gate(const struct breaker *b, int64_t now_us);
void breaker_sent(struct breaker *b);
bool breaker_success(struct breaker *b); /* true when it was open */
void breaker_failure(struct breaker *b, int64_t now_us);
