/* What the store knows of itself: one record, written with each checkpoint. */
#include "transform/state.h"

enum { FORMAT = 3 };
static const struct slice state_key = {"state", 5}, catalog_key = {"catalog", 7};

static void put_position(struct buf *b, const struct position *p) {
    position_put(b, p);
}

int meta_save(struct engine *e, struct error *error) {
    struct buf b defer(buf_deinit) = BUF_INIT(64 << 20);
    const struct catalog *c = &e->catalog;
    buf_put_varint(&b, FORMAT);
    buf_put_u8(&b, (uint8_t)(e->life == ENGINE_RECOVERING ? ENGINE_STREAMING : e->life));
    const bool flags[] = {e->consistent,   e->sweeping,     e->leftovers,   e->clean,
                          e->sweep_owners, e->reread_waits, e->sweep_gentle};
    for (size_t i = 0; i < ARRAY_LEN(flags); i++)
        buf_put_u8(&b, flags[i]);
    put_position(&b, &e->applied);
    put_position(&b, engine_acknowledged(e));
    put_position(&b, &e->resume);
    put_position(&b, &e->low);
    put_position(&b, &e->high);
    buf_put_blob(&b, buf_slice(&e->sweep_at));
    const uint64_t numbers[] = {
        e->number, e->sweep_done, e->sweep_total, e->snapshot_rows, (uint64_t)e->assert_until_us, e->next_group};
    for (size_t i = 0; i < ARRAY_LEN(numbers); i++)
        buf_put_le64(&b, numbers[i]);
    for (size_t i = 0; i < c->live_entities; i++) {
        buf_put_varint(&b, e->unkeyed[i]);
        buf_put_varint(&b, e->dead[i]);
    }
    for (size_t i = 0; i < c->live_targets; i++)
        buf_put_varint(&b, e->conflicts[i]);
    if (b.full)
        return error_set(error, ERR_BUG, "the store's state is too large");
    return store_put(e->store, DB_META, state_key, buf_slice(&b), error);
}

int meta_save_catalog(struct engine *e, struct error *error) {
    struct buf b defer(buf_deinit) = BUF_INIT(64 << 20);
    catalog_put(&b, &e->catalog);
    if (b.full)
        return error_set(error, ERR_BUG, "the contract's catalogue is too large");
    return store_put(e->store, DB_META, catalog_key, buf_slice(&b), error);
}

static int check_format(const struct engine *e, struct cursor *c, struct error *error) {
    uint64_t format = cursor_varint(c);
    if (format == FORMAT)
        return 0;
    return error_set(error, ERR_STORE,
                     "the store in %s has format %llu, this version of leat knows %d: use the version that made "
                     "it, or another state_dir",
                     e->state_dir, (unsigned long long)format, FORMAT);
}

int meta_read_catalog(struct engine *e, struct catalog *ret, struct arena *arena, struct error *error) {
    struct slice bytes;
    int r = store_get(e->store, DB_META, state_key, &bytes, error);
    if (r)
        return r;
    struct cursor c = cursor_of(bytes.data, bytes.len);
    r = check_format(e, &c, error);
    if (!r)
        r = store_get(e->store, DB_META, catalog_key, &bytes, error);
    if (r)
        return r < 0 ? r : error_set(error, ERR_STORE, "the store in %s is damaged: it has no catalogue", e->state_dir);
    c = cursor_of(bytes.data, bytes.len);
    return catalog_get(ret, &c, arena, error);
}

int meta_load_catalog(struct engine *e, struct error *error) {
    int r = meta_read_catalog(e, &e->catalog, &e->catalog_arena, error);
    if (r == 1) {
        catalog_of(&e->catalog, e->contract, &e->catalog_arena);
        r = meta_save_catalog(e, error);
        return r ? r : 1;
    }
    if (!r && strcmp(e->catalog.database, e->contract->database) != 0)
        return error_set(error, ERR_CONFIG,
                         "the store in %s was made for database %s, this contract is of database %s: use another "
                         "state_dir, and a table_prefix or empty tables",
                         e->state_dir, e->catalog.database, e->contract->database);
    return r;
}

int meta_load(struct engine *e, struct error *error) {
    struct slice bytes;
    int r = store_get(e->store, DB_META, state_key, &bytes, error);
    if (r)
        return r;
    struct cursor c = cursor_of(bytes.data, bytes.len);
    r = check_format(e, &c, error);
    if (r)
        return r;
    e->life = (enum engine_life)cursor_u8(&c);
    bool *flags[] = {&e->consistent,   &e->sweeping,     &e->leftovers,   &e->clean,
                     &e->sweep_owners, &e->reread_waits, &e->sweep_gentle};
    for (size_t i = 0; i < ARRAY_LEN(flags); i++)
        *flags[i] = cursor_u8(&c);
    struct position acknowledged defer(position_deinit) = {0};
    struct position *positions[] = {&e->applied, &acknowledged, &e->resume, &e->low, &e->high};
    for (size_t i = 0; !r && i < ARRAY_LEN(positions); i++)
        r = position_get(&c, positions[i], error);
    if (r)
        return r;
    buf_put_slice(&e->sweep_at, cursor_blob(&c));
    uint64_t assert_until = 0;
    uint64_t *numbers[] = {&e->number,        &e->sweep_done, &e->sweep_total,
                           &e->snapshot_rows, &assert_until,  &e->next_group};
    for (size_t i = 0; i < ARRAY_LEN(numbers); i++)
        *numbers[i] = cursor_u64(&c);
    e->assert_until_us = (int64_t)assert_until;
    for (size_t i = 0; i < e->catalog.live_entities; i++) {
        e->unkeyed[i] = cursor_varint(&c);
        e->dead[i] = cursor_varint(&c);
    }
    for (size_t i = 0; i < e->catalog.live_targets; i++)
        e->conflicts[i] = cursor_varint(&c);
    if (c.failed || e->life > ENGINE_STREAMING)
        return error_set(error, ERR_STORE, "the store in %s is damaged: its state record is malformed", e->state_dir);
    /* what the outbox holds from before counts against the position that was acknowledged then */
    ring_push(&e->ring, 1, &acknowledged, acknowledged.commit_us);
    return 0;
}
