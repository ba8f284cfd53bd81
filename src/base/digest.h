/* SHA-256 and HMAC-SHA-256 (OpenSSL), and the 128-bit digest that stands for long keys and item values. */
#pragma once

#include "src/base/base.h"

enum { SHA256_SIZE = 32, SHA256_HEX = 65, DIGEST128_HEX = 33 };

struct digest128 {
    unsigned char bytes[16];
};

void sha256(struct slice data, unsigned char out[SHA256_SIZE]);
void hmac_sha256(struct slice key, struct slice data, unsigned char out[SHA256_SIZE]);
void hex_encode(const unsigned char *data, size_t len, char *out); /* lower case; 2 * len + 1 bytes */

/* The first half of SHA-256: two different inputs with one digest are not to be met. */
struct digest128 digest128(struct slice data);
void digest128_hex(struct digest128 digest, char out[DIGEST128_HEX]);

/* Base64 with padding into `out` (4 * ((len + 2) / 3) bytes, no terminator); returns the length. */
size_t base64_encode(const unsigned char *data, size_t len, char *out);
/* Overwrites a secret so that the compiler cannot leave it out. */
void wipe(void *data, size_t len);
