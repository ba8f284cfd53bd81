/* Entries of one of the store's databases, in memory: what was written and does not stand in the database yet, and what was read of
 * late. Found by key, in no order.
 *
 * The store asks here first, writes here only, and hands the written entries down in the order of their keys when the database is
 * scanned, when a checkpoint is due, or when they are too many. So a key that is written ten times between two checkpoints is
 * written once, one that comes and goes not at all, and neighbours share their page.
 *
 * Memory: two generations. An entry that is met again moves to the young one; when that is full and nothing in it waits to be handed
 * down, the old one goes and the young one becomes old. */
#pragma once

#include "src/base/arena.h"
#include "src/base/error.h"

enum cached_state {
    CACHED_UNKNOWN, /* the database may have it */
    CACHED_ABSENT,
    CACHED_PRESENT
};

struct cached {
    struct slice key, value; /* the value of CACHED_PRESENT */
    uint32_t room;           /* bytes at value.data */
    uint8_t state;           /* enum cached_state */
    bool waits;              /* to be handed down */
    bool below;              /* the database may have the key */
};

struct cache_table {
    struct cache_slot {
        uint64_t hash;
        struct cached *entry;
    } *slots;
    size_t cap, count;
    struct arena arena;
};

struct cache {
    struct cache_table young, old;
    struct cached **waiting;
    size_t waiting_count, waiting_cap;
    size_t bytes_max; /* of a generation */
};

void cache_deinit(struct cache *c);
/* Forgets everything, what waits included. */
void cache_clear(struct cache *c);

/* The entry of a key, or NULL. It lives until the next cache_age(). */
struct cached *cache_find(struct cache *c, struct slice key);
/* The same, made (CACHED_UNKNOWN, below) when there is none. */
struct cached *cache_get(struct cache *c, struct slice key);
/* Keeps what the database has; value NULL: nothing. */
void cache_read(struct cache *c, struct cached *entry, const struct slice *value);
/* Keeps what it shall have; value NULL: nothing. */
void cache_write(struct cache *c, struct cached *entry, const struct slice *value);

/* Is the young generation full? Then reads are not kept, and before the next write it is handed down and ages. */
bool cache_full(const struct cache *c);
/* Calls for each entry that waits, in the order of keys; then none does. */
int cache_hand_down(struct cache *c, int (*each)(void *context, const struct cached *entry, struct error *error),
                    void *context, struct error *error) must_check;
/* The young generation becomes the old one. Nothing may wait. */
void cache_age(struct cache *c);
