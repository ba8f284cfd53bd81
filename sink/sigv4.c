/* Signature Version 4. */
#include "sink/sigv4.h"

static bool is_space(char c) {
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static void put_trimmed(struct buf *buf, struct slice value) {
    bool space = false, begun = false;
    for (size_t i = 0; i < value.len; i++) {
        if (is_space(value.data[i])) {
            space = true;
            continue;
        }
        if (space && begun)
            buf_put_char(buf, ' ');
        space = false;
        begun = true;
        buf_put_char(buf, value.data[i]);
    }
}

/* The values that DynamoDB's requests have need no trimming: look before copying byte by byte. */
static void put_value(struct buf *buf, struct slice value) {
    for (size_t i = 0; i < value.len; i++)
        if (is_space(value.data[i])) {
            put_trimmed(buf, value);
            return;
        }
    buf_put_slice(buf, value);
}

void sigv4_canonical_request(struct buf *ret, struct buf *signed_headers, struct slice method,
                             const struct sigv4_header *headers, size_t count, struct slice payload) {
    buf_put_slice(ret, method);
    buf_put_text(ret, "\n/\n\n");
    for (size_t i = 0; i < count; i++) {
        if (i > 0 && slice_equal(headers[i].name, headers[i - 1].name)) {
            buf_put_char(ret, ',');
        } else {
            if (i > 0) {
                buf_put_char(ret, '\n');
                buf_put_char(signed_headers, ';');
            }
            buf_put_slice(signed_headers, headers[i].name);
            buf_put_slice(ret, headers[i].name);
            buf_put_char(ret, ':');
        }
        put_value(ret, headers[i].value);
    }
    buf_put_text(ret, "\n\n");
    buf_put_slice(ret, buf_slice(signed_headers));
    unsigned char hash[SHA256_SIZE];
    char hex[SHA256_HEX];
    sha256(payload, hash);
    hex_encode(hash, sizeof(hash), hex);
    buf_put_char(ret, '\n');
    buf_put(ret, hex, SHA256_HEX - 1);
}

void sigv4_string_to_sign(struct buf *ret, struct slice time, struct slice scope, struct slice canonical_request) {
    unsigned char hash[SHA256_SIZE];
    char hex[SHA256_HEX];
    sha256(canonical_request, hash);
    hex_encode(hash, sizeof(hash), hex);
    buf_put_text(ret, "AWS4-HMAC-SHA256\n");
    buf_put_slice(ret, time);
    buf_put_char(ret, '\n');
    buf_put_slice(ret, scope);
    buf_put_char(ret, '\n');
    buf_put(ret, hex, SHA256_HEX - 1);
}

void sigv4_signature(const unsigned char key[SHA256_SIZE], struct slice string_to_sign, char ret_hex[SHA256_HEX]) {
    unsigned char mac[SHA256_SIZE];
    hmac_sha256((struct slice){(const char *)key, SHA256_SIZE}, string_to_sign, mac);
    hex_encode(mac, sizeof(mac), ret_hex);
}

void sigv4_signing_key(unsigned char ret[SHA256_SIZE], struct slice secret, struct slice date, struct slice region,
                       struct slice service) {
    struct buf first = BUF_INIT(4096);
    (void)buf_reserve(&first, secret.len + 4); /* at once: growing would leave copies of the secret behind */
    buf_put_text(&first, "AWS4");
    buf_put_slice(&first, secret);
    unsigned char a[SHA256_SIZE], b[SHA256_SIZE];
    hmac_sha256(buf_slice(&first), date, a);
    hmac_sha256((struct slice){(const char *)a, sizeof(a)}, region, b);
    hmac_sha256((struct slice){(const char *)b, sizeof(b)}, service, a);
    hmac_sha256((struct slice){(const char *)a, sizeof(a)}, SLICE("aws4_request"), ret);
    wipe(first.data, first.cap);
    buf_deinit(&first);
    wipe(a, sizeof(a));
    wipe(b, sizeof(b));
}
