/* Who claims a key, and what was last decided for it.
 *
 * DB_OWNERS: length of the key part (2 bytes), item key, 0 -> blob(item key when long), hash of the last decided
 * value; and beside it, for each claimant: item key, entity's order + 1, root -> blob(root when long), blob(item key
 * when long). The claimants of a key stand in the order that decides a conflict: entity, root key (of roots whose keys
 * are long and equal in their first bytes: by digest, which is as independent of history). */
#include "transform/state.h"

static bool put_prefix(struct buf *b, struct slice key) {
    buf_clear(b);
    key_put_be16(b, 0);
    bool shortened = key_put_part(b, key, KEY_HALF_MAX);
    if (!b->full) {
        b->data[0] = (char)((b->len - 2) >> 8);
        b->data[1] = (char)(b->len - 2);
    }
    return shortened;
}

void owners_claim_entry(struct engine *e, struct slice key, unsigned order, struct slice root) {
    bool long_key = put_prefix(&e->key, key);
    key_put_be16(&e->key, order + 1);
    bool long_root = key_put_part(&e->key, root, KEY_HALF_MAX);
    buf_clear(&e->value);
    key_put_full(&e->value, root, long_root);
    key_put_full(&e->value, key, long_key);
}

void owners_decided_entry(struct engine *e, struct slice key) {
    bool long_key = put_prefix(&e->key, key);
    key_put_be16(&e->key, 0);
    buf_clear(&e->value);
    key_put_full(&e->value, key, long_key);
}

/* Is it the number of an entity that lives, in an entry's key? (0: what was decided; higher ones are of former entities.) */
static bool is_live(const struct engine *e, unsigned order) {
    return order > 0 && order <= e->contract->entity_count;
}

/* Claimants of a key, at most `max` are counted. */
static int count_claims(struct engine *e, struct slice key, size_t max, size_t *ret, struct error *error) {
    struct buf prefix defer(buf_deinit) = BUF_SMALL(KEY_BYTES_MAX, KEY_BYTES_MAX);
    put_prefix(&prefix, key);
    struct store_scan scan defer(store_scan_end);
    int r = store_scan(&scan, e->store, DB_OWNERS, buf_slice(&prefix), (struct slice){NULL, 0}, error);
    struct slice found, value;
    size_t count = 0;
    while (!r && count < max && (r = store_scan_next(&scan, &found, &value, error)) == 0)
        count += is_live(e, key_get_be16(found, prefix.len));
    *ret = count;
    return r < 0 ? r : 0;
}

static uint64_t *conflicts_of(struct engine *e, const struct entity *entity) {
    return &e->conflicts[entity->target->number];
}

/* Can others have claimed the entity's keys? Until a changed contract's sweep is over its roots may stand at keys that the former one gave them. */
static bool may_meet(const struct engine *e, const struct entity *entity) {
    return entity->can_conflict || e->catalog.entities[entity->order].unswept;
}

int owners_claim(struct engine *e, struct slice key, const struct entity *entity, struct slice root,
                 struct error *error) {
    size_t before = 0;
    int r = may_meet(e, entity) ? count_claims(e, key, 2, &before, error) : 0;
    if (r || (before && MUTANT(HISTORY)))
        return r;
    owners_claim_entry(e, key, entity->order, root);
    r = store_insert(e->store, DB_OWNERS, buf_slice(&e->key), buf_slice(&e->value), error);
    if (r)
        return r < 0 ? r : 0;
    if (before == 1)
        ++*conflicts_of(e, entity);
    return 0;
}

int owners_give_up(struct engine *e, struct slice key, const struct entity *entity, struct slice root,
                   struct error *error) {
    owners_claim_entry(e, key, entity->order, root);
    int r = store_delete(e->store, DB_OWNERS, buf_slice(&e->key), error);
    if (r || !may_meet(e, entity))
        return r < 0 ? r : 0;
    size_t left;
    r = count_claims(e, key, 2, &left, error);
    if (!r && left == 1 && *conflicts_of(e, entity))
        --*conflicts_of(e, entity);
    return r;
}

static int read_decided(struct cursor *c, struct slice key, struct claim *claim, struct error *error) {
    int r = key_check(c, key, error);
    const unsigned char *hash = cursor_take(c, sizeof(claim->decided.bytes));
    if (hash)
        memcpy(claim->decided.bytes, hash, sizeof(claim->decided.bytes));
    claim->has_decided = hash != NULL;
    return r;
}

int owners_first(struct engine *e, struct slice key, struct arena *arena, struct claim *ret, struct error *error) {
    struct buf prefix defer(buf_deinit) = BUF_SMALL(KEY_BYTES_MAX, KEY_BYTES_MAX);
    bool long_key = put_prefix(&prefix, key);
    *ret = (struct claim){0};
    struct store_scan scan defer(store_scan_end);
    int r = store_scan(&scan, e->store, DB_OWNERS, buf_slice(&prefix), (struct slice){NULL, 0}, error);
    struct slice found, value;
    while (!r && !ret->entity && (r = store_scan_next(&scan, &found, &value, error)) == 0) {
        struct cursor c = cursor_of(value.data, value.len);
        unsigned order = key_get_be16(found, prefix.len);
        if (order == 0) {
            r = read_decided(&c, key, ret, error);
            continue;
        }
        struct slice root = key_full(found, prefix.len + 2, &c);
        if (long_key)
            r = key_check(&c, key, error);
        if (!is_live(e, order))
            break; /* former entities are behind all others, and have no items to give */
        ret->entity = e->contract->entities[order - 1];
        ret->root = (struct slice){arena_copy(arena, root.data, root.len), root.len};
    }
    return r < 0 ? r : 0;
}

int owners_last(struct engine *e, struct slice key, struct claim *ret, struct error *error) {
    struct slice value;
    owners_decided_entry(e, key);
    int r = store_get(e->store, DB_OWNERS, buf_slice(&e->key), &value, error);
    if (r)
        return r < 0 ? r : 0;
    struct cursor c = cursor_of(value.data, value.len);
    return read_decided(&c, key, ret, error);
}

int owners_decided(struct engine *e, struct slice key, const struct digest128 *hash, struct error *error) {
    owners_decided_entry(e, key);
    if (!hash) {
        int r = store_delete(e->store, DB_OWNERS, buf_slice(&e->key), error);
        return r < 0 ? r : 0;
    }
    buf_put(&e->value, hash->bytes, sizeof(hash->bytes));
    return store_put(e->store, DB_OWNERS, buf_slice(&e->key), buf_slice(&e->value), error);
}

/* All entries in their order: those of one key stand together, what was decided first. */
int owners_count_conflicts(struct engine *e, struct error *error) {
    struct buf last defer(buf_deinit) = BUF_INIT(KEY_BYTES_MAX);
    struct store_scan scan defer(store_scan_end);
    int r = store_scan(&scan, e->store, DB_OWNERS, (struct slice){NULL, 0}, (struct slice){NULL, 0}, error);
    struct slice found, value;
    size_t claims = 0;
    while (!r && (r = store_scan_next(&scan, &found, &value, error)) == 0) {
        size_t prefix = 2 + key_get_be16(found, 0);
        struct slice key = {found.data, MIN(prefix, found.len)};
        if (!slice_equal(key, buf_slice(&last))) {
            claims = 0;
            buf_clear(&last);
            buf_put_slice(&last, key);
        }
        unsigned target = key_get_be16(found, 2);
        claims += is_live(e, key_get_be16(found, prefix));
        if (claims == 2 && is_live(e, key_get_be16(found, prefix)) && target < e->contract->target_count)
            e->conflicts[target]++;
    }
    return r < 0 ? r : 0;
}

int owners_former(struct engine *e, struct slice key, bool *ret, struct error *error) {
    struct buf prefix defer(buf_deinit) = BUF_SMALL(KEY_BYTES_MAX, KEY_BYTES_MAX);
    put_prefix(&prefix, key);
    struct store_scan scan defer(store_scan_end);
    int r = store_scan(&scan, e->store, DB_OWNERS, buf_slice(&prefix), (struct slice){NULL, 0}, error);
    struct slice found, value;
    *ret = false;
    while (!r && !*ret && (r = store_scan_next(&scan, &found, &value, error)) == 0)
        *ret = key_get_be16(found, prefix.len) > e->contract->entity_count;
    return r < 0 ? r : 0;
}

/* ---- left-overs of an earlier life (engine_reset) or of a former entity: claims that no root makes */

struct left_over {
    struct slice key, root;
    unsigned order;              /* as it stands in the key */
    const struct entity *entity; /* NULL: a former one */
};

static int is_stale(struct engine *e, const struct left_over *claim, struct error *error) {
    struct row row;
    if (!claim->entity)
        return 1;
    int r = row_read(e, claim->root, &e->scratch, &row, error);
    if (r < 0)
        return r;
    for (size_t i = 0; r == 0 && i < row.source->rooted_count; i++)
        if (row.source->rooted[i] == claim->entity)
            return row.marks[i].state != MARK_ITEM || !slice_equal(row.marks[i].key, claim->key);
    return 1;
}

/* A claim that may be stale: one of an entity that lives, or of a former one whose items are to go. */
static bool may_go(const struct engine *e, unsigned order) {
    return is_live(e, order) ||
           (order > 0 && order <= e->catalog.entity_count && e->catalog.entities[order - 1].pruned);
}

static struct slice kept(struct engine *e, struct slice s) {
    return (struct slice){arena_copy(&e->batch, s.data, s.len), s.len};
}

/* At most `max` claims behind *at. */
static int collect_claims(struct engine *e, struct buf *at, size_t max, struct left_over *list, size_t *ret,
                          bool *ret_done, struct error *error) {
    size_t count = 0, seen = 0;
    struct store_scan scan defer(store_scan_end);
    int r = store_scan(&scan, e->store, DB_OWNERS, (struct slice){NULL, 0}, buf_slice(at), error);
    struct slice found, value;
    while (!r && seen < max && (r = store_scan_next(&scan, &found, &value, error)) == 0) {
        seen++;
        buf_clear(at);
        buf_put_slice(at, found);
        size_t prefix = 2 + key_get_be16(found, 0);
        unsigned order = key_get_be16(found, prefix);
        if (!may_go(e, order))
            continue;
        struct cursor c = cursor_of(value.data, value.len);
        struct slice root = key_full(found, prefix + 2, &c), key = cursor_blob(&c);
        if (!key.len)
            key = (struct slice){found.data + 2, prefix - 2};
        list[count++] = (struct left_over){kept(e, key), kept(e, root), order,
                                           is_live(e, order) ? e->contract->entities[order - 1] : NULL};
    }
    *ret_done = r == 1;
    *ret = count;
    buf_put_char(at, 0);
    return r < 0 ? r : 0;
}

static int let_go(struct engine *e, const struct left_over *claim, struct error *error) {
    int r;
    if (claim->entity) {
        r = owners_give_up(e, claim->key, claim->entity, claim->root, error);
    } else {
        owners_claim_entry(e, claim->key, claim->order - 1, claim->root);
        r = store_delete(e->store, DB_OWNERS, buf_slice(&e->key), error);
    }
    return r < 0 ? r : key_set_add(e, &e->touched, claim->key, error);
}

int owners_leftovers(struct engine *e, struct buf *at, size_t max, bool *ret_done, struct error *error) {
    struct left_over *list = arena_alloc(&e->batch, (max + 1) * sizeof(*list));
    size_t count;
    int r = collect_claims(e, at, max, list, &count, ret_done, error);
    for (size_t i = 0; !r && i < count; i++) {
        arena_reset(&e->scratch);
        r = is_stale(e, &list[i], error);
        if (r > 0)
            r = let_go(e, &list[i], error);
    }
    return r;
}
