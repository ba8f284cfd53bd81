/* A DynamoDB item: a tree of attributes, and its key. Everything lives in the arena it was made in. */
#pragma once

#include "src/base/arena.h"
#include "src/base/buf.h"
#include "src/base/digest.h"
#include "src/base/error.h"

enum attr_type { ATTR_S, ATTR_N, ATTR_B, ATTR_BOOL, ATTR_NULL, ATTR_SS, ATTR_NS, ATTR_BS, ATTR_L, ATTR_M };

const char *attr_type_name(enum attr_type type); /* "S", "BOOL", ... */
bool attr_type_parse(struct slice text, enum attr_type *ret);

struct attr_member;

struct attr {
    uint8_t type;   /* enum attr_type */
    bool boolean;   /* ATTR_BOOL */
    uint32_t count; /* elements of L, SS, NS, BS; members of M */
    union {
        struct slice text;                 /* S: UTF-8; N: digits; B: raw bytes */
        const struct attr *elements;       /* L; and SS, NS, BS (their elements are of type S, N, B) */
        const struct attr_member *members; /* M, in the contract's order */
    };
};

/* Sorts a set's elements and drops those that are there already (numbers by value). Returns how many are left. */
size_t attr_set_unique(struct attr *elements, size_t count);

struct attr_member {
    struct slice name;
    struct attr value;
};

struct item {
    const struct attr_member *members; /* key attributes included */
    size_t count;
};

/* The same item in `arena`; only the names of its attributes stay where they are, with the contract. */
const struct item *item_copy(const struct item *item, struct arena *arena);

/* The size by DynamoDB's rules (names and values), bytes; the limit is 409,600. */
size_t item_size(const struct item *item);
enum { ITEM_SIZE_MAX = 409600, ITEM_PK_MAX = 2048, ITEM_SK_MAX = 1024, ITEM_DEPTH_MAX = 32 };

/* Hash of the canonical form: sets sorted, numbers normalised, members by name. */
struct digest128 item_hash(const struct item *item, struct arena *scratch);

/* DynamoDB's N: at most 38 significant digits, 1E-130 to 9.99E+125, or zero. Writes the normal form ("1.5" for "1.50",
 * "0" for "-0", plain digits, exponents only where plain is longer than 40 characters). False when `text` is none. */
bool number_normalise(struct slice text, struct buf *ret);

/* A key in one string of bytes: equal keys, and only they, give equal bytes. Layout: target (2 bytes, big-endian), length of
 * the partition key (2 bytes, big-endian), partition key, sort key. Values are the S text, the normalised N, or the B bytes. */
struct item_key {
    uint16_t target; /* number of the DynamoDB table in the contract */
    struct slice pk;
    struct slice sk; /* {NULL, 0} when the table has none */
};
void item_key_put(struct buf *buf, const struct item_key *key);
bool item_key_get(struct slice bytes, struct item_key *ret);

/* ---- what passes between transform/ and sink/ */

/* One write: the item's new value, or its end. The sender copies what it needs before it returns. */
struct item_write {
    struct slice key;        /* item_key_put() */
    const struct item *item; /* NULL: delete */
    uint64_t ticket;         /* comes back with the outcome */
};

enum outcome_kind {
    OUTCOME_WRITTEN, /* DynamoDB has it */
    OUTCOME_AGAIN,   /* not written (a transaction was refused because of another key): decide anew */
    OUTCOME_POISON,  /* DynamoDB can never accept this item: `reason` */
};

struct outcome {
    uint64_t ticket;
    enum outcome_kind kind;
    /* Some request with this write had an unknown end (timeout, reset, 5xx): a duplicate may still arrive late. The newest such
     * request was signed at this wall time, microseconds; 0: there was none. */
    int64_t ambiguous_us;
    char reason[200]; /* of OUTCOME_POISON */
};
