/* The dead letters: roots whose item DynamoDB can never accept. One a root and entity; it goes by itself when the root
 * becomes good or goes.
 *
 * DB_DEAD: entity's order, root -> blob(root when long), wall time, then blobs: readable root, item key, reason,
 * position. */
#include "transform/state.h"

#include "src/base/sys.h"

#include <stdlib.h>

static bool letter_key(struct engine *e, unsigned order, struct slice root) {
    buf_clear(&e->key);
    key_put_be16(&e->key, order);
    return key_put_part(&e->key, root, KEY_PART_MAX);
}

void dead_entry(struct engine *e, unsigned order, struct slice root) {
    bool shortened = letter_key(e, order, root);
    buf_clear(&e->value);
    key_put_full(&e->value, root, shortened);
}

int dead_put(struct engine *e, const struct entity *entity, struct slice root, const struct value *values,
             struct slice key, const char *reason, struct error *error) {
    struct buf text defer(buf_deinit) = BUF_INIT(64 * 1024), position defer(buf_deinit) = BUF_INIT(1 << 20);
    for (size_t i = 0; values && i < entity->root->key_count; i++) {
        if (i)
            buf_put_char(&text, ',');
        value_put_text(&text, &values[i]);
    }
    position_format(&e->applied, &position);
    dead_entry(e, entity->order, root);
    buf_put_le64(&e->value, (uint64_t)sys_wall_us());
    buf_put_blob(&e->value, buf_slice(&text));
    buf_put_blob(&e->value, key);
    buf_put_blob(&e->value, slice_of(reason));
    buf_put_blob(&e->value, buf_slice(&position));
    return store_put(e->store, DB_DEAD, buf_slice(&e->key), buf_slice(&e->value), error);
}

int dead_delete(struct engine *e, const struct entity *entity, struct slice root, struct error *error) {
    letter_key(e, entity->order, root);
    int r = store_delete(e->store, DB_DEAD, buf_slice(&e->key), error);
    return r < 0 ? r : 0;
}

static char *text_of(struct arena *arena, struct slice s) {
    return arena_strndup(arena, s.len ? s.data : "", s.len);
}

static struct slice copy_of(struct arena *arena, struct slice s) {
    return (struct slice){arena_copy(arena, s.data, s.len), s.len};
}

static int by_time(const void *a, const void *b) {
    const struct dead_letter *x = a, *y = b;
    return (x->wall_us > y->wall_us) - (x->wall_us < y->wall_us);
}

int engine_dead(struct engine *e, int (*each)(void *context, const struct dead_letter *letter), void *context,
                struct error *error) {
    struct arena arena defer(arena_deinit) = {0};
    size_t cap = (size_t)store_entries(e->store, DB_DEAD), count = 0;
    struct dead_letter *list = arena_alloc(&arena, (cap + 1) * sizeof(*list));
    struct store_scan scan defer(store_scan_end);
    int r = store_scan(&scan, e->store, DB_DEAD, (struct slice){NULL, 0}, (struct slice){NULL, 0}, error);
    struct slice key, value;
    while (!r && count < cap && (r = store_scan_next(&scan, &key, &value, error)) == 0) {
        struct cursor c = cursor_of(value.data, value.len);
        struct dead_letter *letter = &list[count++];
        cursor_blob(&c);
        letter->wall_us = (int64_t)cursor_u64(&c);
        letter->root = copy_of(&arena, cursor_blob(&c));
        letter->key = copy_of(&arena, cursor_blob(&c));
        letter->reason = text_of(&arena, cursor_blob(&c));
        letter->position = text_of(&arena, cursor_blob(&c));
        unsigned order = key_get_be16(key, 0);
        if (c.failed || order >= e->contract->entity_count)
            return error_set(error, ERR_STORE, "the store is damaged: a dead letter is malformed");
        letter->entity = e->contract->entities[order];
    }
    if (r < 0)
        return r;
    qsort(list, count, sizeof(*list), by_time);
    for (size_t i = 0; i < count; i++)
        if (each(context, &list[i]))
            break;
    return 0;
}
