/* Signed requests to DynamoDB: credentials, clock, Authorization header, over http.h. One thread. */
#pragma once

#include "sink/creds.h"
#include "sink/http.h"
#include "sink/sink.h"
#include "src/base/digest.h"

struct dynamo {
    struct http *http;
    struct creds creds;
    char region[64];
    int64_t skew_us;  /* added to the wall clock: what DynamoDB's Date taught */
    char key_date[9]; /* the day of `key`: 20261121 */
    unsigned char key[SHA256_SIZE];
    struct buf canonical, names, to_sign, header[5];
};

/* ERR_CONFIG: region or endpoint; ERR_TARGET: no credentials. `done` is called as http.h says. */
int dynamo_init(struct dynamo *d, const struct sink_options *options, unsigned lanes, http_done done, void *context,
                struct error *error) must_check;
void dynamo_deinit(struct dynamo *d);

/* Signs and posts; `operation` is "BatchWriteItem", ... Returns the wall time of the signature by our own clock, microseconds. */
int64_t dynamo_post(struct dynamo *d, unsigned lane, const char *operation, struct slice body);
/* Takes over DynamoDB's clock; true when it differs from the one used so far by more than a second. */
bool dynamo_correct_clock(struct dynamo *d, int64_t date_us);
/* Reads the credentials again (they may have been changed); keeps the old ones when there are none. */
void dynamo_refresh(struct dynamo *d);
