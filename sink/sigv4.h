/* Signature Version 4 (AWS General Reference, "Create a signed AWS API request"): three pure stages.
 *
 * Only what DynamoDB needs: path "/", no query, headers in the request's Authorization. */
#pragma once

#include "src/base/buf.h"
#include "src/base/digest.h"

struct sigv4_header {
    struct slice name; /* lower case; the array is sorted by name */
    struct slice value;
};

/* Stage 1. White space around values goes, runs of it become one space, values of equal names are joined by commas.
 * `signed_headers` gets "a;b;c". */
void sigv4_canonical_request(struct buf *ret, struct buf *signed_headers, struct slice method,
                             const struct sigv4_header *headers, size_t count, struct slice payload);
/* Stage 2. `time` is "20150830T123600Z", `scope` is "20150830/us-east-1/service/aws4_request". */
void sigv4_string_to_sign(struct buf *ret, struct slice time, struct slice scope, struct slice canonical_request);
/* Stage 3. */
void sigv4_signature(const unsigned char key[SHA256_SIZE], struct slice string_to_sign, char ret_hex[SHA256_HEX]);

/* The key of one day, region and service. `date` is "20150830". */
void sigv4_signing_key(unsigned char ret[SHA256_SIZE], struct slice secret, struct slice date, struct slice region,
                       struct slice service);
