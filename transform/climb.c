/* From a changed row to the roots it concerns: for each place where its table stands in a join tree, up the edges.
 *
 * It is called with the row as it was and as it is, after the row was written: the last event that touched a row on a
 * root's path finds the root by the final links, and a row that left the path is found by its image before
 * (ARCHITECTURE.md, "From an event to an item", 2).
 *
 * When a batch has walked many index entries, the rest of each walk becomes a fan-out (fan.c), for entities whose key
 * cannot move by the change: keys move in their batch, all given up before any is claimed. */
#include "transform/state.h"

static int climb_node(struct engine *e, const struct climb *climb, const struct node *node, const struct value *row,
                      struct error *error);

/* A row of `node` that joins the row below. */
static int climb_row(struct engine *e, const struct climb *climb, const struct node *node, struct slice row_key,
                     struct error *error) {
    if (!node->parent)
        return climb->mark(e, row_key, error);
    struct arena arena defer(arena_deinit) = {0};
    struct row row;
    int r = row_read(e, row_key, &arena, &row, error);
    if (r < 0)
        return r;
    return r || !row.values ? 0 : climb_node(e, climb, node, row.values, error);
}

struct walk {
    const struct climb *climb;
    const struct node *node; /* of the rows found */
    struct buf *at;          /* gets the first row that was not walked */
};

static int walked(struct engine *e, struct slice row_key, void *context, struct error *error) {
    const struct walk *walk = context;
    if (walk->climb->later && e->fan.walked >= e->fan.walk_max) {
        buf_clear(walk->at);
        buf_put_slice(walk->at, row_key);
        return 1;
    }
    e->fan.walked++;
    return climb_row(e, walk->climb, walk->node, row_key, error);
}

int climb_index(struct engine *e, const struct climb *climb, const struct node *node, struct slice columns,
                struct slice from, struct buf *at, struct error *error) {
    struct walk walk = {climb, node->parent, at};
    return index_walk(e, node->parent->source, node->parent_index, columns, from, walked, &walk, error);
}

static int climb_by_key(struct engine *e, const struct climb *climb, const struct node *node, const struct value *row,
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
    return climb_row(e, climb, node->parent, buf_slice(&key), error);
}

static int climb_node(struct engine *e, const struct climb *climb, const struct node *node, const struct value *row,
                      struct error *error) {
    struct buf bytes defer(buf_deinit) = ROW_KEY_BUF, at defer(buf_deinit) = ROW_KEY_BUF;
    if (!node->parent) {
        row_key_put(&bytes, node->source, row);
        return climb->mark(e, buf_slice(&bytes), error);
    }
    if (node->parent_by_key)
        return climb_by_key(e, climb, node, row, error);
    const struct source_index *index = &node->parent->source->indexes[node->parent_index];
    for (size_t i = 0; i < index->column_count; i++) {
        if (!value_has(&row[node->columns[i]]))
            return 0; /* NULL joins nothing */
        value_put_key(&bytes, &row[node->columns[i]]);
    }
    int r = climb_index(e, climb, node, buf_slice(&bytes), (struct slice){NULL, 0}, &at, error);
    return r == 1 ? fan_put(e, node, buf_slice(&bytes), buf_slice(&at), error) : r;
}

/* A column that no item reads from this place changes none through it. Over the columns that are read the row is as if nothing had
 * happened, so what was said above of events holds for those that change one of these. */
static bool concerns(const struct node *node, const bool *reads, const bool *changed) {
    for (size_t i = 0; i < node->source->column_count; i++)
        if (changed[i] && reads[i])
            return true;
    return false;
}

int climb_into(struct engine *e, const struct source *source, const struct value *row, climb_mark *mark,
               struct error *error) {
    const struct climb climb = {mark, false};
    int r = 0;
    for (size_t i = 0; !r && i < source->standing_count; i++)
        r = climb_node(e, &climb, source->standings[i], row, error);
    return r;
}

int climb_mark_dirty(struct engine *e, struct slice root, struct error *error) {
    return key_set_add(e, &e->dirty, root, error);
}

int climb_from(struct engine *e, const struct source *source, const struct value *row, const bool *changed,
               struct error *error) {
    int r = 0;
    for (size_t i = 0; !r && i < (MUTANT(STANDING) ? 1 : source->standing_count); i++) {
        const struct node *node = source->standings[i];
        bool moves = changed ? concerns(node, node->key_reads, changed) : node->in_key;
        const struct climb climb = {climb_mark_dirty, !moves};
        if (!changed || concerns(node, node->reads, changed))
            r = climb_node(e, &climb, node, row, error);
    }
    return r;
}
