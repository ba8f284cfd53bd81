/* Sets of keys of one batch: a hash table in the batch's arena, and beyond a bound a database of the store. They are worked off in the
 * order of keys: what stands beside each other in the store's pages is read and written one after the other. */
#include "transform/state.h"

#include <stdlib.h>

static uint32_t *slot_of(const struct key_set *set, struct slice key) {
    size_t i = hash_key(key) & (set->cap - 1);
    while (set->slots[i] && !slice_equal(set->keys[set->slots[i] - 1], key))
        i = (i + 1) & (set->cap - 1);
    return &set->slots[i];
}

static int spill_one(struct engine *e, struct key_set *set, struct slice key, struct error *error) {
    buf_clear(&e->key);
    buf_clear(&e->value);
    key_put_full(&e->value, key, key_put_part(&e->key, key, KEY_PART_MAX));
    return store_put(e->store, set->db, buf_slice(&e->key), buf_slice(&e->value), error);
}

static int spill(struct engine *e, struct key_set *set, struct error *error) {
    for (size_t i = 0; i < set->count; i++) {
        int r = spill_one(e, set, set->keys[i], error);
        if (r)
            return r;
    }
    *set = (struct key_set){.db = set->db, .spilled = true};
    return 0;
}

static void grow(struct engine *e, struct key_set *set) {
    const struct slice *old = set->keys;
    set->cap = MAX(set->cap * 2, (size_t)256);
    set->slots = arena_zalloc(&e->batch, set->cap * sizeof(*set->slots));
    set->keys = arena_alloc(&e->batch, set->cap * sizeof(*set->keys));
    for (uint32_t i = 0; i < set->count; i++) {
        set->keys[i] = old[i];
        *slot_of(set, old[i]) = i + 1;
    }
}

int key_set_add(struct engine *e, struct key_set *set, struct slice key, struct error *error) {
    if (set->spilled)
        return spill_one(e, set, key, error);
    if (set->count * 4 >= set->cap * 3)
        grow(e, set);
    uint32_t *slot = slot_of(set, key);
    if (*slot)
        return 0;
    set->keys[set->count++] = (struct slice){arena_copy(&e->batch, key.data, key.len), key.len};
    *slot = (uint32_t)set->count;
    return set->count >= engine_dirty_max ? spill(e, set, error) : 0;
}

/* The database in slices of keys, so that `each` may write to the store. */
static int each_spilled(struct engine *e, struct key_set *set,
                        int (*each)(struct engine *e, struct slice key, void *context, struct error *error),
                        void *context, struct error *error) {
    struct buf from defer(buf_deinit) = BUF_INIT(KEY_BYTES_MAX + 1);
    struct arena keys defer(arena_deinit) = {0};
    enum { SLICE_KEYS = 512 };
    for (;;) {
        struct slice list[SLICE_KEYS];
        size_t count = 0;
        struct store_scan scan defer(store_scan_end);
        int r = store_scan(&scan, e->store, set->db, (struct slice){NULL, 0}, buf_slice(&from), error);
        struct slice key, value;
        while (!r && count < SLICE_KEYS && (r = store_scan_next(&scan, &key, &value, error)) == 0) {
            struct cursor c = cursor_of(value.data, value.len);
            struct slice full = key_full(key, 0, &c);
            list[count++] = (struct slice){arena_copy(&keys, full.data, full.len), full.len};
            buf_clear(&from);
            buf_put_slice(&from, key);
        }
        if (r < 0)
            return r;
        buf_put_char(&from, 0); /* the next possible key */
        store_scan_end(&scan);
        for (size_t i = 0; i < count; i++)
            if ((r = each(e, list[i], context, error)) < 0)
                return r;
        if (count < SLICE_KEYS)
            return 0;
        arena_reset(&keys);
    }
}

static int by_key(const void *a, const void *b) {
    return slice_compare(*(const struct slice *)a, *(const struct slice *)b);
}

int key_set_each(struct engine *e, struct key_set *set,
                 int (*each)(struct engine *e, struct slice key, void *context, struct error *error), void *context,
                 struct error *error) {
    if (set->spilled)
        return each_spilled(e, set, each, context, error);
    size_t count = set->count;
    struct slice *sorted = arena_copy(&e->batch, set->keys, count * sizeof(*sorted));
    if (count)
        qsort(sorted, count, sizeof(*sorted), by_key);
    for (size_t i = 0; i < count; i++) {
        int r = each(e, sorted[i], context, error);
        if (r < 0)
            return r;
    }
    return 0;
}

int key_set_clear(struct engine *e, struct key_set *set, struct error *error) {
    int r = set->spilled ? store_clear(e->store, set->db, error) : 0;
    *set = (struct key_set){.db = set->db};
    return r;
}
