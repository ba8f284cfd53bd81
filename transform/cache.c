/* Entries of a database, in memory: hash tables over an arena. */
#include "transform/cache.h"

#include "transform/keys.h"

#include <stdlib.h>

enum { FIRST_SLOTS = 1024 };

static void table_deinit(struct cache_table *t) {
    arena_deinit(&t->arena);
    free(t->slots);
    *t = (struct cache_table){0};
}

void cache_deinit(struct cache *c) {
    table_deinit(&c->young);
    table_deinit(&c->old);
    free(c->waiting);
    *c = (struct cache){.bytes_max = c->bytes_max};
}

void cache_clear(struct cache *c) {
    cache_deinit(c);
}

static struct cache_slot *slot_of(const struct cache_table *t, uint64_t hash, struct slice key) {
    size_t i = hash & (t->cap - 1);
    while (t->slots[i].entry && (t->slots[i].hash != hash || !slice_equal(t->slots[i].entry->key, key)))
        i = (i + 1) & (t->cap - 1);
    return &t->slots[i];
}

static void grow(struct cache_table *t) {
    struct cache_table old = *t;
    t->cap = MAX(old.cap * 2, (size_t)FIRST_SLOTS);
    t->slots = xcalloc(t->cap, sizeof(*t->slots));
    for (size_t i = 0; i < old.cap; i++)
        if (old.slots[i].entry)
            *slot_of(t, old.slots[i].hash, old.slots[i].entry->key) = old.slots[i];
    free(old.slots);
}

static struct cached *add(struct cache_table *t, uint64_t hash, struct slice key) {
    if ((t->count + 1) * 4 >= t->cap * 3)
        grow(t);
    struct cached *entry = arena_alloc(&t->arena, sizeof(*entry) + key.len);
    *entry = (struct cached){.state = CACHED_UNKNOWN, .below = true, .key = {(char *)(entry + 1), key.len}};
    memcpy(entry + 1, key.data, key.len);
    *slot_of(t, hash, key) = (struct cache_slot){hash, entry};
    t->count++;
    return entry;
}

static void set_value(struct cache *c, struct cached *entry, const struct slice *value) {
    entry->state = value ? CACHED_PRESENT : CACHED_ABSENT;
    if (!value)
        return;
    if (value->len > entry->room || !entry->value.data) {
        size_t room = (value->len + 16) & ~(size_t)15; /* a little more: rows grow by a digit */
        entry->value.data = arena_alloc(&c->young.arena, room);
        entry->room = (uint32_t)room;
    }
    memcpy((char *)(uintptr_t)entry->value.data, value->data, value->len);
    entry->value.len = value->len;
}

struct cached *cache_find(struct cache *c, struct slice key) {
    uint64_t hash = hash_key(key);
    struct cached *entry = c->young.cap ? slot_of(&c->young, hash, key)->entry : NULL;
    if (entry || !c->old.cap)
        return entry;
    const struct cached *before = slot_of(&c->old, hash, key)->entry;
    if (!before || before->state == CACHED_UNKNOWN)
        return NULL;
    entry = add(&c->young, hash, key);
    entry->below = before->below;
    set_value(c, entry, before->state == CACHED_PRESENT ? &before->value : NULL);
    return entry;
}

struct cached *cache_get(struct cache *c, struct slice key) {
    struct cached *entry = cache_find(c, key);
    return entry ? entry : add(&c->young, hash_key(key), key);
}

void cache_read(struct cache *c, struct cached *entry, const struct slice *value) {
    entry->below = value != NULL;
    set_value(c, entry, value);
}

void cache_write(struct cache *c, struct cached *entry, const struct slice *value) {
    set_value(c, entry, value);
    if (entry->waits)
        return;
    if (c->waiting_count == c->waiting_cap) {
        c->waiting_cap = MAX(c->waiting_cap * 2, (size_t)FIRST_SLOTS);
        c->waiting = xrealloc(c->waiting, c->waiting_cap * sizeof(struct cached *));
    }
    c->waiting[c->waiting_count++] = entry;
    entry->waits = true;
}

bool cache_full(const struct cache *c) {
    return c->young.arena.used + c->young.cap * sizeof(*c->young.slots) >= c->bytes_max;
}

static int by_key(const void *a, const void *b) {
    return slice_compare((*(struct cached *const *)a)->key, (*(struct cached *const *)b)->key);
}

int cache_hand_down(struct cache *c, int (*each)(void *context, const struct cached *entry, struct error *error),
                    void *context, struct error *error) {
    if (c->waiting_count)
        qsort(c->waiting, c->waiting_count, sizeof(*c->waiting), by_key);
    for (size_t i = 0; i < c->waiting_count; i++) {
        struct cached *entry = c->waiting[i];
        int r = entry->state == CACHED_PRESENT || entry->below ? each(context, entry, error) : 0;
        if (r)
            return r;
        entry->waits = false;
        entry->below = entry->state == CACHED_PRESENT;
    }
    c->waiting_count = 0;
    return 0;
}

void cache_age(struct cache *c) {
    struct cache_table empty = c->old;
    c->old = c->young;
    arena_reset(&empty.arena);
    if (empty.slots)
        memset(empty.slots, 0, empty.cap * sizeof(*empty.slots));
    empty.count = 0;
    c->young = empty;
}
