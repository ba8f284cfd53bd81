/* The acknowledged position in constant time: batches that still have keys in the outbox, oldest first.
 *
 * An entry stands for the decisions from its number up to the next entry's; `keys` counts the outbox keys whose first
 * unacknowledged decision is among them; `before` is the position that DynamoDB then had. When there are too many
 * entries neighbours are merged: coarser, and still not ahead. */
#pragma once

#include "contract/position.h"

struct ring_entry {
    uint64_t number;
    uint64_t keys;
    struct position before;
    int64_t commit_us; /* commit time of the batch's first transaction */
};

struct ring {
    struct ring_entry *entries;
    size_t head, count, cap;
};

void ring_deinit(struct ring *ring);
/* Numbers rise; nothing happens when the newest entry has this one. */
void ring_push(struct ring *ring, uint64_t number, const struct position *before, int64_t commit_us);
void ring_add(struct ring *ring, uint64_t number); /* one more key whose first decision is `number` */
void ring_remove(struct ring *ring, uint64_t number);
void ring_trim(struct ring *ring);                             /* drops the oldest entries that have no keys */
const struct ring_entry *ring_oldest(const struct ring *ring); /* NULL: none waits */
