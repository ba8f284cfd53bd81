/* The store of one contract becomes that of another: all its numbers (tables, columns, indexes, targets, entities) are written anew.
 *
 * It happens when the store is opened, in the one transaction that ends in a checkpoint: a crash leaves the store as it was, and the next start
 * does it again. Before it the journal was read and is empty, so nothing outside the store bears the old numbers. A database whose numbers stay is
 * not touched. What was to be decided is still in the outbox afterwards; roots of new and changed entities are left to the sweep. */
#include "transform/state.h"

struct translation {
    struct engine *e;
    const struct change *change;
    struct arena arena; /* one entry */
};

/* Makes the new entry of an old one, in e->key and e->value; 1: there is none. */
typedef int translate_entry(struct translation *t, struct slice key, struct slice value, struct error *error);

static struct slice copy(struct arena *arena, struct slice s) {
    return (struct slice){arena_copy(arena, s.data, s.len), s.len};
}

/* Through a database that is empty between batches, because new keys may be old keys of others. */
static int translate(struct translation *t, enum store_db db, translate_entry *entry, struct error *error) {
    struct store *store = t->e->store;
    const struct {
        enum store_db from, to;
    } ways[] = {{db, DB_DIRTY}, {DB_DIRTY, db}};
    for (size_t i = 0; i < ARRAY_LEN(ways); i++) {
        int r = store_clear(store, ways[i].to, error);
        struct store_scan scan defer(store_scan_end);
        int more = store_scan(&scan, store, ways[i].from, (struct slice){NULL, 0}, (struct slice){NULL, 0}, error);
        struct slice key, value;
        while (!r && !more && (more = store_scan_next(&scan, &key, &value, error)) == 0) {
            arena_reset(&t->arena);
            key = copy(&t->arena, key);
            value = copy(&t->arena, value);
            if (i == 1) {
                r = store_append(store, db, key, value, error);
                continue;
            }
            r = entry(t, key, value, error);
            if (!r)
                r = store_put(store, DB_DIRTY, buf_slice(&t->e->key), buf_slice(&t->e->value), error);
            r = r < 0 ? r : 0;
        }
        if (r || more < 0)
            return r ? r : more;
    }
    return store_clear(store, DB_DIRTY, error);
}

/* `key` with its first two bytes, a number, mapped; nothing when that leads nowhere. */
static struct slice mapped(struct translation *t, struct slice key, const int *map, size_t count) {
    unsigned number = key_get_be16(key, 0);
    if (key.len < 2 || number >= count || map[number] == NOWHERE)
        return (struct slice){NULL, 0};
    char *bytes = arena_copy(&t->arena, key.data, key.len);
    bytes[0] = (char)(map[number] >> 8);
    bytes[1] = (char)map[number];
    return (struct slice){bytes, key.len};
}

static struct slice mapped_root(struct translation *t, struct slice row_key) {
    return mapped(t, row_key, t->change->sources, t->change->old->source_count);
}

static struct slice mapped_item(struct translation *t, struct slice item_key) {
    return mapped(t, item_key, t->change->targets, t->change->old->target_count);
}

static bool is_identity(const int *map, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (map[i] != (int)i)
            return false;
    return true;
}

/* ---- rows and indexes */

/* The rooted entities of a table in the order of their marks. */
static size_t rooted(const struct catalog *catalog, unsigned source, unsigned *ret) {
    size_t count = 0;
    for (unsigned i = 0; i < catalog->live_entities; i++)
        if (catalog->entities[i].source == source)
            ret[count++] = i;
    return count;
}

/* Do rows and their marks stay as they are? What is appended behind them changes nothing. */
static bool rows_stay(const struct change *c, struct arena *arena) {
    if (!is_identity(c->sources, c->old->source_count))
        return false;
    unsigned *old = arena_alloc(arena, (c->old->entity_count + 1) * sizeof(*old));
    unsigned *new = arena_alloc(arena, (c->catalog.entity_count + 1) * sizeof(*new));
    for (unsigned s = 0; s < c->old->source_count; s++) {
        if (c->old->sources[s].column_count != c->catalog.sources[s].column_count ||
            !is_identity(c->from[s].columns, c->catalog.sources[s].column_count))
            return false;
        size_t before = rooted(c->old, s, old), after = rooted(&c->catalog, s, new);
        for (size_t i = 0; i < before; i++)
            if (i >= after || c->entities[old[i]] != (int)new[i])
                return false;
    }
    return true;
}

static bool indexes_stay(const struct change *c) {
    if (!is_identity(c->sources, c->old->source_count))
        return false;
    for (size_t s = 0; s < c->old->source_count; s++)
        if (c->catalog.sources[s].index_count < c->old->sources[s].index_count ||
            !is_identity(c->from[s].indexes, c->old->sources[s].index_count))
            return false;
    return true;
}

/* Are the groups that run along those of the same measures over the same tables? */
static bool groups_stay(const struct change *c) {
    for (size_t s = 0; s < c->catalog.source_count; s++)
        for (size_t i = 0; i < c->catalog.sources[s].index_count; i++) {
            int from = c->from[s].from == NOWHERE ? NOWHERE : c->from[s].indexes[i];
            const struct source_index *new = &c->catalog.sources[s].indexes[i];
            if (from == NOWHERE ? c->from[s].from != NOWHERE
                                : memcmp(&c->old->sources[c->from[s].from].indexes[from].identity, &new->identity,
                                         sizeof(new->identity)) != 0)
                return false;
        }
    return indexes_stay(c);
}

static int damaged(struct error *error) {
    return error_set(error, ERR_STORE, "the store is damaged: a record is malformed; " NEW_SNAPSHOT);
}

static void put_values(struct translation *t, const struct catalog_source *old, const struct catalog_source *new,
                       const int *columns, struct cursor *c) {
    struct value *values = arena_zalloc(&t->arena, (old->column_count + 1) * sizeof(*values));
    const struct value unknown = {.kind = VALUE_UNKNOWN};
    for (size_t i = 0; i < old->column_count; i++)
        value_get(c, &values[i]);
    buf_clear(&t->e->other);
    for (size_t i = 0; i < new->column_count; i++)
        value_put(&t->e->other, columns[i] == NOWHERE ? &unknown : &values[columns[i]]);
    buf_put_blob(&t->e->value, buf_slice(&t->e->other));
}

/* Marks of the entities that go on from this table, in their new order. False: the record is malformed. */
static bool put_marks(struct translation *t, unsigned from, unsigned to, struct cursor *c, bool *ret_any) {
    const struct change *change = t->change;
    unsigned *old = arena_alloc(&t->arena, (change->old->entity_count + 1) * sizeof(*old));
    unsigned *new = arena_alloc(&t->arena, (change->catalog.entity_count + 1) * sizeof(*new));
    size_t before = rooted(change->old, from, old), after = rooted(&change->catalog, to, new);
    struct slice *marks = arena_zalloc(&t->arena, (after + 1) * sizeof(*marks));
    for (size_t i = 0; i < before && cursor_left(c); i++) {
        const char *start = (const char *)c->at;
        uint8_t state = cursor_u8(c);
        cursor_blob(c);
        if (state == MARK_REFUSED)
            cursor_skip(c, sizeof(struct digest128));
        for (size_t k = 0; k < after; k++)
            if (change->entities[old[i]] == (int)new[k] && state != MARK_NONE)
                marks[k] = (struct slice){start, (size_t)((const char *)c->at - start)};
    }
    *ret_any = false;
    for (size_t k = 0; k < after; k++)
        *ret_any = *ret_any || marks[k].len;
    const struct mark none = {.state = MARK_NONE};
    for (size_t k = 0; *ret_any && k < after; k++) {
        struct cursor m = cursor_of(marks[k].data, marks[k].len);
        buf_put_u8(&t->e->value, marks[k].len ? cursor_u8(&m) : none.state);
        struct slice key = marks[k].len ? cursor_blob(&m) : none.key, item = key.len ? mapped_item(t, key) : key;
        buf_put_blob(&t->e->value, item);
        buf_put(&t->e->value, m.at, cursor_left(&m));
    }
    return !c->failed;
}

static int translate_row(struct translation *t, struct slice key, struct slice value, struct error *error) {
    struct cursor c = cursor_of(value.data, value.len);
    struct slice full = key_full(key, 0, &c), row_key = mapped_root(t, full), values = cursor_blob(&c);
    unsigned from = key_get_be16(full, 0), to = key_get_be16(row_key, 0);
    bool marked;
    if (!row_key.data)
        return 1;
    buf_clear(&t->e->key);
    buf_clear(&t->e->value);
    key_put_full(&t->e->value, row_key, row_db_key(&t->e->key, row_key));
    struct cursor v = cursor_of(values.data, values.len);
    if (values.len)
        put_values(t, &t->change->old->sources[from], &t->change->catalog.sources[to], t->change->from[to].columns, &v);
    else
        buf_put_blob(&t->e->value, values);
    if (!put_marks(t, from, to, &c, &marked) || v.failed)
        return damaged(error);
    return !values.len && !marked;
}

static int translate_index(struct translation *t, struct slice key, struct slice value, struct error *error) {
    (void)error;
    unsigned source = key_get_be16(key, 0), index = key_get_be16(key, 2);
    if (key.len < 4 || source >= t->change->old->source_count || t->change->sources[source] == NOWHERE)
        return 1;
    unsigned to = (unsigned)t->change->sources[source];
    for (unsigned i = 0; i < t->change->catalog.sources[to].index_count; i++) {
        if (t->change->from[to].indexes[i] != (int)index)
            continue;
        buf_clear(&t->e->key);
        key_put_be16(&t->e->key, to);
        key_put_be16(&t->e->key, i);
        buf_put(&t->e->key, key.data + 4, key.len - 4);
        buf_clear(&t->e->value);
        buf_put_slice(&t->e->value, value);
        return 0;
    }
    return 1;
}

/* A row key, or its form in the database; the rest of the value stays. */
static int translate_root(struct translation *t, struct slice key, struct slice value, struct error *error) {
    (void)error;
    struct cursor c = cursor_of(value.data, value.len);
    struct slice root = mapped_root(t, key_full(key, 0, &c));
    if (!root.data)
        return 1;
    buf_clear(&t->e->key);
    buf_clear(&t->e->value);
    key_put_full(&t->e->value, root, row_db_key(&t->e->key, root));
    buf_put(&t->e->value, c.at, cursor_left(&c));
    return 0;
}

/* ---- claims */

static int translate_owner(struct translation *t, struct slice key, struct slice value, struct error *error) {
    const struct change *change = t->change;
    size_t prefix = 2 + key_get_be16(key, 0);
    unsigned order = key_get_be16(key, prefix);
    struct cursor c = cursor_of(value.data, value.len);
    if (key.len < prefix + 2 || order > change->old->entity_count)
        return damaged(error);
    if (order == 0) { /* what was last decided */
        struct slice full = cursor_blob(&c);
        struct slice item = mapped_item(t, full.len ? full : (struct slice){key.data + 2, prefix - 2});
        if (!item.data)
            return 1;
        owners_decided_entry(t->e, item);
        buf_put(&t->e->value, c.at, cursor_left(&c));
        return 0;
    }
    struct slice root = key_full(key, prefix + 2, &c), full = cursor_blob(&c);
    struct slice item = mapped_item(t, full.len ? full : (struct slice){key.data + 2, prefix - 2});
    int entity = change->entities[order - 1];
    if (entity == NOWHERE || !item.data)
        return 1;
    if (entity < (int)change->catalog.live_entities) /* else: the root means nothing any more */
        root = mapped_root(t, root);
    if (!root.data)
        return damaged(error);
    owners_claim_entry(t->e, item, (unsigned)entity, root);
    return 0;
}

/* ---- keys of items */

/* Would a decision now be right? A key that only former entities claim keeps its item. */
static int is_decidable(struct translation *t, struct slice item, bool *ret, struct error *error) {
    struct claim claim;
    bool former = false;
    *ret = false;
    if (key_get_be16(item, 0) >= t->change->catalog.live_targets)
        return 0;
    int r = owners_first(t->e, item, &t->arena, &claim, error);
    if (!r && !claim.entity)
        r = owners_former(t->e, item, &former, error);
    *ret = !former;
    return r;
}

/* `skip` bytes, then an item's key; its full form at the start of the value. */
static int translate_keyed(struct translation *t, struct slice key, struct slice value, size_t skip, size_t max,
                           struct error *error) {
    struct cursor c = cursor_of(value.data, value.len);
    struct slice item = key.len >= skip ? mapped_item(t, key_full(key, skip, &c)) : (struct slice){NULL, 0};
    bool keep = false;
    int r = item.data ? is_decidable(t, item, &keep, error) : 0;
    if (!r && !keep && item.data) /* whoever decides again does not know what stands there */
        r = owners_decided(t->e, item, &(struct digest128){{0}}, error);
    if (r || !keep)
        return r ? r : 1;
    buf_clear(&t->e->key);
    buf_clear(&t->e->value);
    buf_put(&t->e->key, key.data, skip);
    key_put_full(&t->e->value, item, key_put_part(&t->e->key, item, max));
    buf_put(&t->e->value, c.at, cursor_left(&c));
    return 0;
}

static int translate_item(struct translation *t, struct slice key, struct slice value, struct error *error) {
    return translate_keyed(t, key, value, 0, KEY_PART_MAX, error);
}

static int translate_numbered_item(struct translation *t, struct slice key, struct slice value, struct error *error) {
    return translate_keyed(t, key, value, 8, KEY_PART_MAX, error); /* behind a due time, or a group */
}

static int translate_letter(struct translation *t, struct slice key, struct slice value, struct error *error) {
    (void)error;
    unsigned order = key_get_be16(key, 0);
    int entity = key.len > 2 && order < t->change->old->live_entities ? t->change->entities[order] : NOWHERE;
    struct cursor c = cursor_of(value.data, value.len);
    struct slice root = mapped_root(t, key_full(key, 2, &c));
    if (entity == NOWHERE || entity >= (int)t->change->catalog.live_entities || !root.data)
        return 1;
    dead_entry(t->e, (unsigned)entity, root);
    uint64_t wall_us = cursor_u64(&c);
    struct slice text = cursor_blob(&c), item = cursor_blob(&c);
    buf_put_le64(&t->e->value, wall_us);
    buf_put_blob(&t->e->value, text);
    buf_put_blob(&t->e->value, item.len ? mapped_item(t, item) : item);
    buf_put(&t->e->value, c.at, cursor_left(&c));
    return 0;
}

/* ---- all of it */

static int translate_keys(struct translation *t, struct error *error) {
    static const struct {
        enum store_db db;
        translate_entry *entry;
    } tables[] = {{DB_OWNERS, translate_owner},        {DB_OUTBOX, translate_item},
                  {DB_MOVES, translate_numbered_item}, {DB_AGAIN_KEYS, translate_item},
                  {DB_AGAIN, translate_numbered_item}, {DB_DEAD, translate_letter}};
    const struct change *c = t->change;
    if (is_identity(c->targets, c->old->target_count) && is_identity(c->entities, c->old->entity_count) &&
        is_identity(c->sources, c->old->source_count) && c->old->entity_count == c->old->live_entities &&
        c->catalog.entity_count == c->catalog.live_entities)
        return 0;
    int r = 0;
    for (size_t i = 0; !r && i < ARRAY_LEN(tables); i++)
        r = translate(t, tables[i].db, tables[i].entry, error);
    return r;
}

/* Numbers of the present state go along with their entities; conflicts are counted anew. */
static int translate_gauges(struct translation *t, struct error *error) {
    struct engine *e = t->e;
    const struct change *c = t->change;
    uint64_t *old[] = {e->unkeyed, e->dead};
    for (size_t n = 0; n < ARRAY_LEN(old); n++) {
        uint64_t *new = arena_zalloc(&t->arena, (c->catalog.live_entities + 1) * sizeof(*new));
        for (size_t i = 0; i < c->old->live_entities; i++)
            if (c->entities[i] != NOWHERE && c->entities[i] < (int)c->catalog.live_entities)
                new[c->entities[i]] = old[n][i];
        memcpy(old[n], new, c->catalog.live_entities * sizeof(*new));
    }
    memset(e->conflicts, 0, c->catalog.live_targets * sizeof(*e->conflicts));
    return owners_count_conflicts(e, error);
}

static int translate_rows(struct translation *t, struct error *error) {
    const struct change *c = t->change;
    int r = rows_stay(c, &t->arena) ? 0 : translate(t, DB_ROWS, translate_row, error);
    if (!r && !indexes_stay(c))
        r = translate(t, DB_INDEX, translate_index, error);
    if (!r && !is_identity(c->sources, c->old->source_count)) {
        r = translate(t, DB_REPLAY, translate_root, error);
        if (!r)
            r = translate(t, DB_REREAD, translate_root, error);
    }
    for (size_t s = 0; !r && s < c->catalog.source_count; s++)
        for (unsigned i = 0; !r && i < c->catalog.sources[s].index_count; i++)
            if (c->from[s].from != NOWHERE && c->from[s].indexes[i] == NOWHERE)
                r = index_build(t->e, t->e->contract->sources[s], i, error);
    return r || groups_stay(c) ? r : groups_build(t->e, error);
}

/* Fan-outs know places in join trees, which may be others now: their entities are swept. */
static int drop_fans(struct translation *t, struct error *error) {
    bool *waits = arena_zalloc(&t->arena, (t->change->old->entity_count + 1) * sizeof(*waits));
    int r = fan_forget(t->e, waits, t->change->old->live_entities, error);
    for (size_t i = 0; !r && i < t->change->old->live_entities; i++) {
        int to = t->change->entities[i];
        if (waits[i] && to != NOWHERE && to < (int)t->e->catalog.live_entities)
            t->e->catalog.entities[to].unswept = true;
    }
    return r;
}

static bool any_flag(const struct catalog *catalog, bool unswept) {
    for (size_t i = 0; i < catalog->entity_count; i++)
        if (unswept ? catalog->entities[i].unswept : catalog->entities[i].pruned)
            return true;
    return false;
}

/* New and changed entities are swept, then the claims that nobody makes any more; not before all is there that they need. */
void sweep_what_changed(struct engine *e) {
    bool roots = any_flag(&e->catalog, true), claims = any_flag(&e->catalog, false);
    if ((!roots && !claims && !e->sweeping) || (e->loading && !e->sweeping))
        return;
    e->sweep_gentle = e->sweep_gentle || !e->sweeping;
    e->sweeping = true;
    e->leftovers = e->leftovers || claims;
    e->sweep_owners = !roots;
    e->sweep_done = 0;
    e->sweep_total = store_entries(e->store, DB_ROWS);
    buf_clear(&e->sweep_at);
}

/* Before the first snapshot is over nothing was made of the rows yet. */
static int start_over(struct engine *e, struct error *error) {
    for (size_t i = 0; i < e->catalog.source_count; i++) {
        e->catalog.sources[i].loading = false;
        for (size_t k = 0; k < e->catalog.sources[i].column_count; k++)
            e->catalog.sources[i].columns[k].missing = false;
    }
    for (size_t i = 0; i < e->catalog.live_entities; i++)
        e->catalog.entities[i].unswept = true;
    int r = meta_save_catalog(e, error);
    return r ? r : engine_reset(e, error);
}

int translate_store(struct engine *e, const struct change *change, bool clean, struct error *error) {
    struct translation t = {.e = e, .change = change};
    bool whole = e->life == ENGINE_STREAMING;
    e->catalog = change->catalog;
    int r = translate_keys(&t, error);
    if (!r)
        r = translate_gauges(&t, error);
    if (!r && whole)
        r = drop_fans(&t, error);
    if (!r && whole)
        r = translate_rows(&t, error);
    arena_deinit(&t.arena);
    if (r || !whole)
        return r ? r : start_over(e, error);
    position_deinit(&e->high);
    e->high = (struct position){0};
    e->reread_waits = false;
    load_find_waiting(e);
    sweep_what_changed(e);
    r = snapshot_forget_progress(e, error);
    if (!r)
        r = meta_save_catalog(e, error);
    e->changed = true;
    return r ? r : engine_checkpoint(e, clean, error);
}
