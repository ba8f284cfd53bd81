/* From a changed row to the roots it concerns: for each place where its table stands in a join tree, up the edges.
 *
 * It is called with the row as it was and as it is, after the row was written: the last event that touched a row on a
 * root's path finds the root by the final links, and a row that left the path is found by its image before
 * (ARCHITECTURE.md, "From an event to an item", 2). */
#include "transform/state.h"

struct climb {
    const struct node *node; /* of the rows that `found` gets */
    int (*mark)(struct engine *e, struct slice root, struct error *error);
};

static int climb_node(struct engine *e, const struct node *node, const struct value *row,
                      int (*mark)(struct engine *e, struct slice root, struct error *error), struct error *error);

/* A row of `climb->node` that joins the row below. */
static int found(struct engine *e, struct slice row_key, void *context, struct error *error) {
    struct climb *climb = context;
    if (!climb->node->parent)
        return climb->mark(e, row_key, error);
    struct arena arena defer(arena_deinit) = {0};
    struct row row;
    int r = row_read(e, row_key, &arena, &row, error);
    if (r < 0)
        return r;
    return r || !row.values ? 0 : climb_node(e, climb->node, row.values, climb->mark, error);
}

static int climb_by_key(struct engine *e, const struct node *node, const struct value *row, struct climb *climb,
                        struct error *error) {
    const struct source *parent = node->parent->source;
    struct buf key defer(buf_deinit) = ROW_KEY_BUF;
    key_put_be16(&key, parent->number);
    for (size_t i = 0; i < parent->key_count; i++) {
        const struct value *value = &row[node->columns[node->parent_key_order[i]]];
        if (!value_has(value))
            return 0;
        value_put_key(&key, value);
    }
    return found(e, buf_slice(&key), climb, error);
}

static int climb_node(struct engine *e, const struct node *node, const struct value *row,
                      int (*mark)(struct engine *e, struct slice root, struct error *error), struct error *error) {
    if (!node->parent) {
        struct buf key defer(buf_deinit) = ROW_KEY_BUF;
        row_key_put(&key, node->source, row);
        return mark(e, buf_slice(&key), error);
    }
    struct climb climb = {node->parent, mark};
    if (node->parent_by_key)
        return climb_by_key(e, node, row, &climb, error);
    const struct source_index *index = &node->parent->source->indexes[node->parent_index];
    const struct value *columns[INDEX_COLUMNS_MAX];
    for (size_t i = 0; i < index->column_count; i++)
        columns[i] = &row[node->columns[i]];
    return index_each(e, node->parent->source, node->parent_index, columns, found, &climb, error);
}

/* A column that no item reads from this place changes none through it. Over the columns that are read the row is as if nothing had
 * happened, so what was said above of events holds for those that change one of these. */
static bool concerns(const struct node *node, const bool *changed) {
    for (size_t i = 0; changed && i < node->source->column_count; i++)
        if (changed[i] && node->reads[i])
            return true;
    return !changed;
}

static int climb_places(struct engine *e, const struct source *source, const struct value *row, const bool *changed,
                        climb_mark *mark, struct error *error) {
    for (size_t i = 0; i < source->standing_count; i++) {
        if (!concerns(source->standings[i], changed))
            continue;
        int r = climb_node(e, source->standings[i], row, mark, error);
        if (r)
            return r;
    }
    return 0;
}

int climb_into(struct engine *e, const struct source *source, const struct value *row, climb_mark *mark,
               struct error *error) {
    return climb_places(e, source, row, NULL, mark, error);
}

static int mark_dirty(struct engine *e, struct slice root, struct error *error) {
    return key_set_add(e, &e->dirty, root, error);
}

int climb_from(struct engine *e, const struct source *source, const struct value *row, const bool *changed,
               struct error *error) {
    return climb_places(e, source, row, changed, mark_dirty, error);
}
