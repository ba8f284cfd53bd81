/* HTTPS requests over a fixed number of lanes, each with at most one request. libcurl stays behind this header.
 *
 * Everything but http_wake() belongs to one thread. https, or loopback, or allow_insecure; no redirects, no proxies; certificates
 * verified; the answer's size, time and CRC checked. */
#pragma once

#include "src/base/buf.h"
#include "src/base/error.h"

struct http;

struct http_options {
    const char *endpoint; /* "https://host[:port]" */
    bool allow_insecure;
    const char *ca_file; /* NULL: the system's */
    unsigned lanes;
    unsigned timeout_ms; /* of a whole request */
};

struct http_answer {
    bool whole;  /* an HTTP answer came to its end and its x-amz-crc32, if any, is right */
    bool sent;   /* some of the request may have reached the server */
    bool resent; /* curl sent it more than once: a reused connection died (docs/faults.md, T7) */
    int status;  /* of a whole answer */
    struct slice body;
    char request_id[64];
    int64_t date_us; /* the answer's Date, wall time; 0: none */
    double seconds;
    char failure[256]; /* when not whole */
};

/* Called from http_turn() when a lane's request is over; the answer is gone afterwards. The lane is free: it may be used at once. */
typedef void (*http_done)(void *context, unsigned lane, const struct http_answer *answer);

/* ERR_CONFIG: an endpoint that is no URL, or neither https nor loopback. */
int http_open(struct http **ret, const struct http_options *options, http_done done, void *context,
              struct error *error) must_check;
void http_close(struct http *h); /* gives up what is in flight; accepts NULL */

/* The Host header's value. */
const char *http_host(const struct http *h);

/* POST / with `headers` ("Name: value", at most HTTP_HEADERS_MAX, copied) and `body` (kept by the caller until done). */
enum { HTTP_HEADERS_MAX = 8 };
void http_post(struct http *h, unsigned lane, const struct slice *headers, size_t count, struct slice body);

/* Waits for network, http_wake(), or `until_us` (monotonic; 0: do not wait; INT64_MAX: no end), and moves everything on. */
void http_turn(struct http *h, int64_t until_us);
/* Ends a wait of the other thread. */
void http_wake(struct http *h);
