/* The rows that a root's item is made of: those that join one to one, and those of its lists; and values that need no more of many rows
 * than to walk over them. */
#include "transform/evaluate.h"

#include "contract/aggregate.h"

#include <stdlib.h>

/* ---- rows */

/* 1: no such row */
static int load_row(struct build *b, struct slice row_key, const struct value **ret) {
    struct row row;
    size_t before = b->arena->used;
    int r = row_read(b->e, row_key, b->arena, &row, b->error);
    if (r)
        return r;
    b->gathered += b->arena->used - before;
    *ret = row.values;
    return row.values ? 0 : 1;
}

static int first_found(struct engine *e, struct slice row_key, void *context, struct error *error) {
    (void)e;
    (void)error;
    buf_put_slice(context, row_key);
    return 1;
}

/* The row of a one-edge, by the parent's columns; *ret NULL when none joins. */
static int join_one(struct build *b, const struct node *node, const struct value *parent, const struct value **ret) {
    struct buf key defer(buf_deinit) = ROW_KEY_BUF;
    *ret = NULL;
    if (node->by_key) {
        key_put_be16(&key, node->source->number);
        for (size_t i = 0; i < node->source->key_count; i++) {
            const struct value *value = &parent[node->parent_columns[node->key_order[i]]];
            if (!value_has(value))
                return 0;
            value_put_key(&key, value);
        }
    } else {
        const struct source_index *index = &node->source->indexes[node->index];
        const struct value *columns[INDEX_COLUMNS_MAX];
        for (size_t i = 0; i < index->column_count; i++)
            columns[i] = &parent[node->parent_columns[i]];
        int r = index_each(b->e, node->source, node->index, columns, first_found, &key, b->error);
        if (r <= 0)
            return r;
    }
    int r = load_row(b, buf_slice(&key), ret);
    return r < 0 ? r : 0;
}

int join_ones(struct build *b, const struct node *top) {
    bool *inside = arena_zalloc(b->arena, b->entity->node_count * sizeof(*inside));
    inside[top->number] = true;
    for (size_t i = top->number + 1; i < b->entity->node_count; i++) {
        const struct node *node = b->entity->nodes[i];
        if (node->many || !inside[node->parent->number])
            continue;
        inside[i] = true;
        const struct value *parent = b->rows[node->parent->number];
        b->rows[i] = NULL;
        int r = parent ? join_one(b, node, parent, &b->rows[i]) : 0;
        if (r)
            return r;
    }
    return 0;
}

/* ---- many rows */

int filter_true(struct build *b, const struct expr *filter) {
    struct row_set set = {b->rows};
    bool holds = true;
    int r = filter ? expr_holds(filter, &set, b->arena, &holds, &b->poison) : 0;
    return r == EVALUATE_POISON ? ERR_STOPPED : r ? r : holds;
}

int build_poison(struct build *b, const char *reason) {
    (void)!error_set(&b->poison, ERR_STOPPED, "%s", reason);
    return ERR_STOPPED;
}

static int add_child(struct engine *e, struct slice row_key, void *context, struct error *error) {
    (void)error;
    struct children *children = context;
    struct build *b = children->build;
    const struct node *node = children->node;
    const struct value *values;
    int r = load_row(b, row_key, &values);
    if (r)
        return r < 0 ? r : 0;
    b->rows[node->number] = values;
    r = filter_true(b, node->filter);
    if (r <= 0)
        return r;
    if (children->count == children->cap) {
        size_t cap = MAX(children->cap * 2, (size_t)16);
        struct child *list = arena_alloc(b->arena, cap * sizeof(*list));
        if (children->count)
            memcpy(list, children->list, children->count * sizeof(*list));
        children->list = list;
        children->cap = cap;
    }
    struct child *child = &children->list[children->count++];
    *child = (struct child){.values = values, .key = {arena_copy(b->arena, row_key.data, row_key.len), row_key.len}};
    if (!node->needs_order && node->limit && children->count >= node->limit)
        return 1;
    if (children->count > CHILD_ROWS_MAX || b->gathered > GATHER_BYTES_MAX)
        return build_poison(b, "it joins too many rows: over 400 KB");
    (void)e;
    return 0;
}

static void order_bytes(struct build *b, const struct node *node, struct child *child) {
    struct buf out defer(buf_deinit) = BUF_INIT(ROW_BYTES_MAX);
    for (size_t i = 0; i < node->order_count; i++) {
        size_t start = out.len;
        value_put_key(&out, &child->values[node->order_by[i].column]);
        for (size_t at = start; node->order_by[i].descending && at < out.len; at++)
            out.data[at] =
                (char)~(unsigned char)out.data[at]; /* no key is a prefix of another, so complements sort backwards */
    }
    child->order = (struct slice){arena_copy(b->arena, out.data, out.len), out.len};
}

static int by_order(const void *a, const void *b) {
    const struct child *x = a, *y = b;
    int c = slice_compare(x->order, y->order);
    return c ? c : slice_compare(x->key, y->key);
}

/* Calls `row` with the key of each row that joins `parent`. */
static int each_row_key(struct build *b, const struct node *node, const struct value *parent,
                        int (*row)(struct engine *e, struct slice row_key, void *context, struct error *error),
                        void *context, struct buf *key) {
    if (node->by_key) { /* many by declaration, at most one by its key */
        const struct value *values;
        int r = join_one(b, node, parent, &values);
        if (r || !values)
            return r;
        row_key_put(key, node->source, values);
        return row(b->e, buf_slice(key), context, b->error);
    }
    const struct source_index *index = &node->source->indexes[node->index];
    const struct value *columns[INDEX_COLUMNS_MAX];
    for (size_t i = 0; i < index->column_count; i++)
        columns[i] = &parent[node->parent_columns[i]];
    return index_each(b->e, node->source, node->index, columns, row, context, b->error);
}

int gather(struct build *b, const struct node *node, struct children *ret) {
    *ret = (struct children){.build = b, .node = node};
    const struct value *parent = b->rows[node->parent->number];
    if (!parent)
        return 0;
    struct buf key defer(buf_deinit) = ROW_KEY_BUF;
    int r = each_row_key(b, node, parent, add_child, ret, &key);
    if (r < 0)
        return r;
    if (node->needs_order) {
        for (size_t i = 0; i < ret->count; i++)
            order_bytes(b, node, &ret->list[i]);
        if (ret->count)
            qsort(ret->list, ret->count, sizeof(*ret->list), by_order);
    }
    if (node->limit && ret->count > node->limit)
        ret->count = (size_t)node->limit;
    return 0;
}

/* ---- one value of many rows */

/* EVALUATE_ABSENT: all are NULL. Sets merge equals. */
int build_values(struct build *b, const struct attribute *a, struct attr *ret) {
    struct children children;
    struct value value;
    struct row_set set = {b->rows};
    int r = gather(b, a->scope->node, &children);
    if (r)
        return r;
    struct attr *elements = arena_zalloc(b->arena, (children.count + 1) * sizeof(*elements));
    size_t count = 0;
    for (size_t i = 0; i < children.count; i++) {
        b->rows[a->scope->node->number] = children.list[i].values;
        r = expr_eval(a->expr, &set, b->arena, &value, &b->poison);
        if (r == EVALUATE_OK)
            r = attr_from_value(a->element, &value, b->arena, &elements[count], &b->poison);
        if (r == EVALUATE_ABSENT)
            continue;
        if (r)
            return r;
        count++;
    }
    if (a->type != ATTR_L)
        count = attr_set_unique(elements, count);
    *ret = (struct attr){.type = (uint8_t)a->type, .count = (uint32_t)count, .elements = elements};
    return count ? EVALUATE_OK : EVALUATE_ABSENT;
}

/* Rows one by one, in the order of the key; nothing is kept of them. */
struct walk {
    struct build *build;
    const struct node *node;
    struct aggregate *into; /* NULL: ends at the first row */
    struct arena scratch;
    bool found;
};

static int walk_row(struct engine *e, struct slice row_key, void *context, struct error *error) {
    struct walk *w = context;
    struct build *b = w->build;
    struct row row;
    struct value value;
    bool counts = false;
    struct row_set set = {b->rows};
    struct arena *arena = b->arena;
    arena_reset(&w->scratch);
    int r = row_read(e, row_key, &w->scratch, &row, error);
    if (r || !row.values)
        return r;
    b->rows[w->node->number] = row.values;
    b->arena = &w->scratch;
    r = filter_true(b, w->node->filter);
    if (r > 0) {
        w->found = true;
        r = !w->into ? 1 : 0;
        if (w->into)
            r = aggregate_value(w->into->expr, &set, &w->scratch, &counts, &value, &b->poison);
        if (w->into && r == EVALUATE_OK && counts)
            r = aggregate_add(w->into, &value, &w->scratch, &b->poison);
        if (w->into && r == EVALUATE_POISON)
            r = ERR_STOPPED;
    }
    b->arena = arena;
    b->rows[w->node->number] = NULL;
    return r;
}

static int walk_rows(struct build *b, const struct attribute *a, struct aggregate *into, bool *ret_found) {
    const struct node *node = a->scope->node;
    const struct value *parent = b->rows[node->parent->number];
    struct walk walk = {.build = b, .node = node, .into = into};
    struct buf key defer(buf_deinit) = ROW_KEY_BUF;
    int r = parent ? each_row_key(b, node, parent, walk_row, &walk, &key) : 0;
    arena_deinit(&walk.scratch);
    *ret_found = walk.found;
    return r < 0 ? r : 0;
}

/* What groups.c keeps of the rows that join. 1: it does not, or not all of them can be evaluated, and the walk says why. */
static int read_running(struct build *b, const struct node *node, struct aggregate *ret) {
    const struct value *parent = b->rows[node->parent->number], *columns[INDEX_COLUMNS_MAX];
    if (!node->running)
        return 1;
    if (!parent)
        return 0;
    for (size_t i = 0; i < node->edge_count; i++)
        columns[i] = &parent[node->parent_columns[i]];
    return groups_read(b->e, node, columns, b->arena, ret, b->error);
}

int build_exists(struct build *b, const struct attribute *a, struct attr *ret) {
    struct aggregate aggregate defer(aggregate_deinit);
    bool found;
    aggregate_start(&aggregate, AGGREGATE_COUNT, NULL);
    int r = read_running(b, a->scope->node, &aggregate);
    if (r == 1)
        r = walk_rows(b, a, NULL, &found);
    else
        found = aggregate.count > 0;
    *ret = (struct attr){.type = ATTR_BOOL, .boolean = found};
    return r;
}

int build_aggregate(struct build *b, const struct attribute *a, struct attr *ret) {
    struct aggregate aggregate defer(aggregate_deinit);
    struct value value;
    bool found;
    aggregate_start(&aggregate, a->operation, a->expr);
    int r = read_running(b, a->scope->node, &aggregate);
    if (r == 1)
        r = walk_rows(b, a, &aggregate, &found);
    if (r == 0)
        r = aggregate_result(&aggregate, b->arena, &value, &b->poison);
    return r ? r : attr_from_value(a->type, &value, b->arena, ret, &b->poison);
}
