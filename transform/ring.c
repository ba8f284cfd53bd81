/* The acknowledged position in constant time. */
#include "transform/ring.h"

#include <stdlib.h>

enum { RING_MAX = 1024 };

static struct ring_entry *at(const struct ring *ring, size_t i) {
    return &ring->entries[ring->head + i];
}

void ring_deinit(struct ring *ring) {
    for (size_t i = 0; i < ring->count; i++)
        position_deinit(&at(ring, i)->before);
    free(ring->entries);
    *ring = (struct ring){0};
}

/* Every second entry joins the one before it. */
static void merge(struct ring *ring) {
    size_t kept = 0;
    for (size_t i = 0; i < ring->count; i++) {
        struct ring_entry *entry = at(ring, i);
        if (i % 2) {
            at(ring, kept - 1)->keys += entry->keys;
            position_deinit(&entry->before);
        } else {
            struct ring_entry moved = *entry;
            *at(ring, kept++) = moved;
        }
    }
    ring->count = kept;
}

static void make_room(struct ring *ring) {
    if (ring->count >= RING_MAX)
        merge(ring);
    if (ring->head + ring->count < ring->cap)
        return;
    if (ring->head == 0) {
        ring->cap = MAX(ring->cap * 2, (size_t)64);
        ring->entries = xrealloc(ring->entries, ring->cap * sizeof(*ring->entries));
        return;
    }
    memmove(ring->entries, at(ring, 0), ring->count * sizeof(*ring->entries));
    ring->head = 0;
}

void ring_push(struct ring *ring, uint64_t number, const struct position *before, int64_t commit_us) {
    if (ring->count && at(ring, ring->count - 1)->number == number)
        return;
    make_room(ring);
    struct ring_entry *entry = at(ring, ring->count++);
    *entry = (struct ring_entry){.number = number, .commit_us = commit_us};
    position_copy(&entry->before, before);
}

/* The newest entry whose number is not above; the oldest when there is none. */
static struct ring_entry *find(const struct ring *ring, uint64_t number) {
    size_t low = 0, high = ring->count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (at(ring, middle)->number <= number)
            low = middle + 1;
        else
            high = middle;
    }
    return at(ring, low ? low - 1 : 0);
}

void ring_add(struct ring *ring, uint64_t number) {
    find(ring, number)->keys++;
}

void ring_remove(struct ring *ring, uint64_t number) {
    find(ring, number)->keys--;
    ring_trim(ring);
}

void ring_trim(struct ring *ring) {
    while (ring->count && at(ring, 0)->keys == 0) {
        position_deinit(&at(ring, 0)->before);
        ring->head++;
        ring->count--;
    }
}

const struct ring_entry *ring_oldest(const struct ring *ring) {
    return ring->count ? at(ring, 0) : NULL;
}
