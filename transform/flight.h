/* Writes in flight: at most one a key (invariant 2). Bounded by what the sender takes. */
#pragma once

#include "src/base/base.h"
#include "src/base/digest.h"

struct flight_slot {
    uint64_t ticket; /* 0: free */
    char *key;
    size_t key_len;
    uint64_t key_hash;
    uint64_t number;   /* of the last decision when it was handed over */
    int64_t handed_us; /* wall time; its requests are signed later */
    bool put;
    struct digest128 hash; /* of the value */
    uint32_t next;         /* free list, or chain of the same bucket; index + 1 */
};

struct flight {
    struct flight_slot *slots;
    uint32_t cap, free;
    uint32_t *buckets;
    uint32_t bucket_count;
    size_t count;
    uint64_t generation;
};

void flight_deinit(struct flight *f);
bool flight_has(const struct flight *f, struct slice key);
/* A new slot; the key is copied. The pointer lives until the next addition. */
struct flight_slot *flight_add(struct flight *f, struct slice key);
struct flight_slot *flight_find(struct flight *f, uint64_t ticket); /* NULL: unknown */
void flight_remove(struct flight *f, struct flight_slot *slot);
