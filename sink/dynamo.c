/* Signing and posting. */
#include "sink/dynamo.h"

#include "sink/sigv4.h"
#include "src/base/sys.h"

#include <stdio.h>
#include <time.h>

static int copy_region(struct dynamo *d, const char *region, struct error *error) {
    size_t len = region ? strlen(region) : 0;
    if (len == 0 || len >= sizeof(d->region))
        return error_set(error, ERR_CONFIG, "no AWS region: set database.dynamodb.region, as in \"us-west-2\"");
    for (size_t i = 0; i < len; i++)
        if (!((region[i] >= 'a' && region[i] <= 'z') || (region[i] >= '0' && region[i] <= '9') || region[i] == '-'))
            return error_set(error, ERR_CONFIG, "\"%s\" is no AWS region: write it as in \"us-west-2\"", region);
    memcpy(d->region, region, len + 1);
    return 0;
}

int dynamo_init(struct dynamo *d, const struct sink_options *options, unsigned lanes, http_done done, void *context,
                struct error *error) {
    *d = (struct dynamo){
        .canonical.max = 65536,
        .names.max = 4096,
        .to_sign.max = 4096,
    };
    for (size_t i = 0; i < ARRAY_LEN(d->header); i++)
        d->header[i].max = 16384;
    int r = copy_region(d, options->region, error);
    if (r == 0)
        r = creds_from_environment(&d->creds, error);
    if (r < 0)
        return r;
    char endpoint[256];
    snprintf(endpoint, sizeof(endpoint), "https://dynamodb.%s.amazonaws.com%s", d->region,
             strncmp(d->region, "cn-", 3) == 0 ? ".cn" : "");
    struct http_options http = {
        .endpoint = options->endpoint ? options->endpoint : endpoint,
        .allow_insecure = options->allow_insecure_endpoint,
        .ca_file = options->ca_file,
        .lanes = lanes,
        .timeout_ms = options->request_timeout_ms,
    };
    r = http_open(&d->http, &http, done, context, error);
    if (r < 0)
        dynamo_deinit(d);
    return r;
}

void dynamo_deinit(struct dynamo *d) {
    http_close(d->http);
    d->http = NULL;
    creds_wipe(&d->creds);
    wipe(d->key, sizeof(d->key));
    for (size_t i = 0; i < ARRAY_LEN(d->header); i++) {
        if (d->header[i].data)
            wipe(d->header[i].data, d->header[i].cap); /* the session token */
        buf_deinit(&d->header[i]);
    }
    if (d->canonical.data)
        wipe(d->canonical.data, d->canonical.cap);
    buf_deinit(&d->canonical);
    buf_deinit(&d->names);
    buf_deinit(&d->to_sign);
}

static const unsigned char *key_of_day(struct dynamo *d, const char *date) {
    if (memcmp(d->key_date, date, 8) != 0) {
        sigv4_signing_key(d->key, slice_of(d->creds.secret_access_key), (struct slice){date, 8}, slice_of(d->region),
                          SLICE("dynamodb"));
        memcpy(d->key_date, date, 8);
    }
    return d->key;
}

static struct slice one_header(struct buf *buf, const char *name, const char *value) {
    buf_clear(buf);
    buf_put_text(buf, name);
    buf_put_text(buf, value);
    return buf_slice(buf);
}

int64_t dynamo_post(struct dynamo *d, unsigned lane, const char *operation, struct slice body) {
    static const char type[] = "application/x-amz-json-1.0";
    int64_t wall = sys_wall_us();
    time_t seconds = (time_t)((wall + d->skew_us) / 1000000);
    struct tm tm;
    char at[17], target[64], scope[128], signature[SHA256_HEX];
    gmtime_r(&seconds, &tm);
    strftime(at, sizeof(at), "%Y%m%dT%H%M%SZ", &tm);
    snprintf(target, sizeof(target), "DynamoDB_20120810.%s", operation);
    snprintf(scope, sizeof(scope), "%.8s/%s/dynamodb/aws4_request", at, d->region);

    struct sigv4_header signed_headers[5];
    size_t n = 0;
    signed_headers[n++] = (struct sigv4_header){SLICE("content-type"), SLICE(type)};
    signed_headers[n++] = (struct sigv4_header){SLICE("host"), slice_of(http_host(d->http))};
    signed_headers[n++] = (struct sigv4_header){SLICE("x-amz-date"), slice_of(at)};
    if (d->creds.session_token[0])
        signed_headers[n++] = (struct sigv4_header){SLICE("x-amz-security-token"), slice_of(d->creds.session_token)};
    signed_headers[n++] = (struct sigv4_header){SLICE("x-amz-target"), slice_of(target)};
    buf_clear(&d->canonical);
    buf_clear(&d->names);
    buf_clear(&d->to_sign);
    sigv4_canonical_request(&d->canonical, &d->names, SLICE("POST"), signed_headers, n, body);
    sigv4_string_to_sign(&d->to_sign, slice_of(at), slice_of(scope), buf_slice(&d->canonical));
    sigv4_signature(key_of_day(d, at), buf_slice(&d->to_sign), signature);

    buf_clear(&d->header[0]);
    buf_printf(&d->header[0], "Authorization: AWS4-HMAC-SHA256 Credential=%s/%s, SignedHeaders=%.*s, Signature=%s",
               d->creds.access_key_id, scope, (int)d->names.len, d->names.data, signature);
    struct slice headers[HTTP_HEADERS_MAX];
    size_t count = 0;
    headers[count++] = one_header(&d->header[1], "Host: ", http_host(d->http));
    headers[count++] = SLICE("Content-Type: application/x-amz-json-1.0");
    headers[count++] = one_header(&d->header[2], "X-Amz-Date: ", at);
    headers[count++] = one_header(&d->header[3], "X-Amz-Target: ", target);
    if (d->creds.session_token[0])
        headers[count++] = one_header(&d->header[4], "X-Amz-Security-Token: ", d->creds.session_token);
    headers[count++] = buf_slice(&d->header[0]);
    headers[count++] = SLICE("Expect:"); /* an empty one takes curl's "100-continue" away */
    http_post(d->http, lane, headers, count, body);
    return wall;
}

bool dynamo_correct_clock(struct dynamo *d, int64_t date_us) {
    if (!date_us)
        return false;
    int64_t skew = date_us + 500000 - sys_wall_us(); /* Date has whole seconds */
    int64_t change = skew - d->skew_us;
    d->skew_us = skew;
    return change > 1000000 || change < -1000000;
}

void dynamo_refresh(struct dynamo *d) {
    struct creds creds;
    struct error error;
    if (creds_from_environment(&creds, &error) == 0) {
        d->creds = creds;
        d->key_date[0] = 0;
        creds_wipe(&creds);
    }
}
