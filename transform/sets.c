/* Sets of keys of one batch: a hash table in the batch's arena, and beyond a bound a database of the store. */
#include "transform/state.h"

static uint64_t hash_bytes(struct slice key) { /* FNV-1a */
    uint64_t h = 1469598103934665603u;
    for (size_t i = 0; i < key.len; i++)
        h = (h ^ (unsigned char)key.data[i]) * 1099511628211u;
    return h ^ h >> 29;
}

static struct slice *slot_of(struct slice *slots, size_t cap, struct slice key) {
    size_t i = hash_bytes(key) & (cap - 1);
    while (slots[i].data && !slice_equal(slots[i], key))
        i = (i + 1) & (cap - 1);
    return &slots[i];
}

static int spill_one(struct engine *e, struct key_set *set, struct slice key, struct error *error) {
    buf_clear(&e->key);
    buf_clear(&e->value);
    key_put_full(&e->value, key, key_put_part(&e->key, key, KEY_PART_MAX));
    return store_put(e->store, set->db, buf_slice(&e->key), buf_slice(&e->value), error);
}

static int spill(struct engine *e, struct key_set *set, struct error *error) {
    for (size_t i = 0; i < set->cap; i++) {
        int r = set->slots[i].data ? spill_one(e, set, set->slots[i], error) : 0;
        if (r)
            return r;
    }
    set->slots = NULL;
    set->cap = 0;
    set->spilled = true;
    return 0;
}

int key_set_add(struct engine *e, struct key_set *set, struct slice key, struct error *error) {
    if (set->spilled)
        return spill_one(e, set, key, error);
    if (set->count * 4 >= set->cap * 3) {
        size_t cap = MAX(set->cap * 2, (size_t)256);
        struct slice *slots = arena_zalloc(&e->batch, cap * sizeof(*slots));
        for (size_t i = 0; i < set->cap; i++)
            if (set->slots[i].data)
                *slot_of(slots, cap, set->slots[i]) = set->slots[i];
        set->slots = slots;
        set->cap = cap;
    }
    struct slice *slot = slot_of(set->slots, set->cap, key);
    if (slot->data)
        return 0;
    *slot = (struct slice){arena_copy(&e->batch, key.data, key.len), key.len};
    return ++set->count >= engine_dirty_max ? spill(e, set, error) : 0;
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

int key_set_each(struct engine *e, struct key_set *set,
                 int (*each)(struct engine *e, struct slice key, void *context, struct error *error), void *context,
                 struct error *error) {
    if (set->spilled)
        return each_spilled(e, set, each, context, error);
    for (size_t i = 0; i < set->cap; i++) {
        int r = set->slots[i].data ? each(e, set->slots[i], context, error) : 0;
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
