/* What foreign keys change in children without a word in the binlog (servers before MySQL 9.6): ON DELETE and ON
 * UPDATE, CASCADE and SET NULL, as far down as they go.
 *
 * Keys come from the event, also when the parent's row is not in the store (ARCHITECTURE.md, rule 8). Nothing is done
 * when the server logs the children's changes itself, or when the session had foreign keys off. */
#include "transform/state.h"

struct found {
    struct engine *e;
    struct slice *keys;
    size_t count, cap;
    struct arena arena;
};

static void found_deinit(struct found *found) {
    arena_deinit(&found->arena);
}

static int collect(struct engine *e, struct slice row_key, void *context, struct error *error) {
    struct found *found = context;
    if (found->count == found->cap) {
        size_t cap = MAX(found->cap * 2, (size_t)16);
        struct slice *keys = arena_alloc(&found->arena, cap * sizeof(*keys));
        if (found->count)
            memcpy(keys, found->keys, found->count * sizeof(*keys));
        found->keys = keys;
        found->cap = cap;
    }
    found->keys[found->count++] = (struct slice){arena_copy(&found->arena, row_key.data, row_key.len), row_key.len};
    (void)e;
    (void)error;
    return 0;
}

static bool key_changed(const struct cascade *cascade, const struct value *before, const struct value *after) {
    for (size_t i = 0; i < cascade->column_count; i++) {
        const struct value *a = &before[cascade->parent_columns[i]], *b = &after[cascade->parent_columns[i]];
        if (b->kind != VALUE_UNKNOWN && !value_equal(a, b))
            return true;
    }
    return false;
}

static int change_child(struct engine *e, const struct cascade *cascade, struct slice row_key, enum fk_rule rule,
                        const struct value *after, const struct row_change *change, struct error *error) {
    const struct source *child = cascade->child;
    struct row row;
    int r = row_read(e, row_key, &e->scratch, &row, error);
    if (r || !row.values)
        return r < 0 ? r : 0;
    if (!after && rule == FK_CASCADE)
        return change_row(e, child, &row, row.values, NULL, change, error);
    struct value *values = arena_copy(&e->scratch, row.values, child->column_count * sizeof(*values));
    for (size_t i = 0; i < cascade->column_count; i++)
        values[cascade->child_columns[i]] =
            rule == FK_SET_NULL ? (struct value){.kind = VALUE_NULL} : after[cascade->parent_columns[i]];
    return change_row(e, child, &row, row.values, values, change, error);
}

int cascade_from(struct engine *e, const struct source *parent, const struct value *before, const struct value *after,
                 const struct row_change *change, struct error *error) {
    if (change->cascades_logged || change->foreign_keys_off || MUTANT(NOCASCADE))
        return 0;
    for (size_t i = 0; i < parent->cascade_count; i++) {
        const struct cascade *cascade = &parent->cascades[i];
        enum fk_rule rule = after ? cascade->on_update : cascade->on_delete;
        if ((rule != FK_CASCADE && rule != FK_SET_NULL) || (after && !key_changed(cascade, before, after)))
            continue;
        const struct value *columns[INDEX_COLUMNS_MAX];
        for (size_t k = 0; k < cascade->column_count; k++)
            columns[k] = &before[cascade->parent_columns[k]];
        struct found found defer(found_deinit) = {.e = e}; /* first all: the index changes under the scan */
        int r = index_each(e, cascade->child, cascade->child_index, columns, collect, &found, error);
        for (size_t k = 0; !r && k < found.count; k++)
            r = change_child(e, cascade, found.keys[k], rule, after, change, error);
        if (r)
            return r;
    }
    return 0;
}
