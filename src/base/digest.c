/* Digests, through OpenSSL. */
#include "src/base/digest.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <pthread.h>
#include <stdlib.h>

/* Fetching an algorithm by name on every call costs more than hashing an item; so a context per thread, freed when it ends. */
static _Thread_local EVP_MD_CTX *sha_context;
static const EVP_MD *sha_algorithm;
static pthread_key_t sha_key;

static void free_context(void *context) {
    EVP_MD_CTX_free(context);
}

static void prepare(void) {
    sha_algorithm = EVP_MD_fetch(NULL, "SHA256", NULL);
    if (pthread_key_create(&sha_key, free_context) != 0)
        abort();
}

void sha256(struct slice data, unsigned char out[SHA256_SIZE]) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, prepare);
    if (!sha_context) {
        sha_context = EVP_MD_CTX_new();
        pthread_setspecific(sha_key, sha_context);
    }
    unsigned int len = 0;
    if (!sha_algorithm || !sha_context || !EVP_DigestInit_ex(sha_context, sha_algorithm, NULL) ||
        !EVP_DigestUpdate(sha_context, data.data, data.len) || !EVP_DigestFinal_ex(sha_context, out, &len))
        abort();
}

void hmac_sha256(struct slice key, struct slice data, unsigned char out[SHA256_SIZE]) {
    unsigned int len = SHA256_SIZE;
    if (!HMAC(EVP_sha256(), key.data, (int)key.len, (const unsigned char *)data.data, data.len, out, &len))
        abort();
}

void hex_encode(const unsigned char *data, size_t len, char *out) {
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < len; i++) {
        *out++ = digits[data[i] >> 4];
        *out++ = digits[data[i] & 15];
    }
    *out = 0;
}

struct digest128 digest128(struct slice data) {
    unsigned char full[SHA256_SIZE];
    struct digest128 d;
    sha256(data, full);
    memcpy(d.bytes, full, sizeof(d.bytes));
    return d;
}

void digest128_hex(struct digest128 digest, char out[DIGEST128_HEX]) {
    hex_encode(digest.bytes, sizeof(digest.bytes), out);
}

size_t base64_encode(const unsigned char *data, size_t len, char *out) {
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    char *to = out;
    for (size_t i = 0; i < len; i += 3) {
        uint32_t v = (uint32_t)data[i] << 16;
        if (i + 1 < len)
            v |= (uint32_t)data[i + 1] << 8;
        if (i + 2 < len)
            v |= data[i + 2];
        *to++ = digits[v >> 18];
        *to++ = digits[v >> 12 & 63];
        *to++ = i + 1 < len ? digits[v >> 6 & 63] : '=';
        *to++ = i + 2 < len ? digits[v & 63] : '=';
    }
    return (size_t)(to - out);
}

void wipe(void *data, size_t len) {
    OPENSSL_cleanse(data, len);
}
