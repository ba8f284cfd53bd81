/* Writes in flight: slots found by ticket (slot and generation) and by key (chained buckets). */
#include "transform/flight.h"

#include "transform/keys.h"

#include <stdlib.h>

void flight_deinit(struct flight *f) {
    for (uint32_t i = 0; i < f->cap; i++)
        free(f->slots[i].key);
    free(f->slots);
    free(f->buckets);
    *f = (struct flight){0};
}

static uint32_t *bucket(const struct flight *f, uint64_t hash) {
    return &f->buckets[hash & (f->bucket_count - 1)];
}

static void grow(struct flight *f) {
    uint32_t cap = MAX(f->cap * 2, 256u);
    f->slots = xrealloc(f->slots, cap * sizeof(*f->slots));
    for (uint32_t i = f->cap; i < cap; i++)
        f->slots[i] = (struct flight_slot){.next = i + 1 < cap ? i + 2 : 0};
    f->free = f->cap + 1;
    free(f->buckets);
    f->bucket_count = cap * 2;
    f->buckets = xcalloc(f->bucket_count, sizeof(*f->buckets));
    for (uint32_t i = 0; i < f->cap; i++) { /* all old slots are taken when it grows */
        uint32_t *b = bucket(f, f->slots[i].key_hash);
        f->slots[i].next = *b;
        *b = i + 1;
    }
    f->cap = cap;
}

bool flight_has(const struct flight *f, struct slice key) {
    if (!f->count)
        return false;
    uint64_t hash = hash_key(key);
    for (uint32_t i = *bucket(f, hash); i; i = f->slots[i - 1].next) {
        const struct flight_slot *slot = &f->slots[i - 1];
        if (slot->key_hash == hash && slice_equal((struct slice){slot->key, slot->key_len}, key))
            return true;
    }
    return false;
}

struct flight_slot *flight_add(struct flight *f, struct slice key) {
    if (!f->free)
        grow(f);
    uint32_t i = f->free;
    struct flight_slot *slot = &f->slots[i - 1];
    f->free = slot->next;
    *slot = (struct flight_slot){
        .ticket = ++f->generation << 32 | i, .key = xmalloc(key.len), .key_len = key.len, .key_hash = hash_key(key)};
    memcpy(slot->key, key.data, key.len);
    uint32_t *b = bucket(f, slot->key_hash);
    slot->next = *b;
    *b = i;
    f->count++;
    return slot;
}

struct flight_slot *flight_find(struct flight *f, uint64_t ticket) {
    uint32_t i = (uint32_t)ticket;
    return ticket && i && i <= f->cap && f->slots[i - 1].ticket == ticket ? &f->slots[i - 1] : NULL;
}

void flight_remove(struct flight *f, struct flight_slot *slot) {
    uint32_t i = (uint32_t)slot->ticket;
    uint32_t *link = bucket(f, slot->key_hash);
    while (*link != i)
        link = &f->slots[*link - 1].next;
    *link = slot->next;
    free(slot->key);
    *slot = (struct flight_slot){.next = f->free};
    f->free = i;
    f->count--;
}
