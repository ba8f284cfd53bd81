/* A root's item: gathers the rows of its join tree from the store and builds the attributes.
 *
 * In order: rows that join one to one, attributes (constructions gather their own rows), key, entity type, synthetic
 * index attributes, then what DynamoDB would refuse. A filter that is not true: no item. A key without value: unkeyed.
 * What DynamoDB can never accept: poison, with the reason. */
#include "contract/aggregate.h"
#include "transform/state.h"

#include <stdio.h>
#include <stdlib.h>

struct build {
    struct engine *e;
    const struct entity *entity;
    struct arena *arena;
    const struct value **rows; /* [node number] */
    size_t gathered;           /* bytes of rows */
    struct error poison;       /* why it is poison */
    struct error *error;
};

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

/* All rows that hang one to one below `top`. */
static int join_ones(struct build *b, const struct node *top) {
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

struct child {
    const struct value *values;
    struct slice order; /* what sorts it: order_by columns, then the key */
    struct slice key;
};
struct children {
    struct build *build;
    const struct node *node;
    struct child *list;
    size_t count, cap;
};

static int filter_true(struct build *b, const struct expr *filter) {
    if (!filter)
        return 1;
    struct value value;
    struct row_set set = {b->rows};
    int r = expr_eval(filter, &set, b->arena, &value, &b->poison);
    if (r)
        return r == EVALUATE_POISON ? ERR_STOPPED : r;
    switch (value.kind) {
    case VALUE_UNKNOWN:
    case VALUE_NULL:
        return 0;
    case VALUE_DOUBLE:
        return value.d != 0;
    case VALUE_FLOAT:
        return value.f != 0;
    case VALUE_DECIMAL:
        for (uint32_t i = 0; i < value.len; i++)
            if (value.data[i] >= '1' && value.data[i] <= '9')
                return 1;
        return 0;
    default:
        return value.u != 0;
    }
}

static int poison(struct build *b, const char *reason) {
    (void)!error_set(&b->poison, ERR_STOPPED, "%s", reason);
    return ERR_STOPPED; /* inside this file: the item is poison, b->poison says why */
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
        return poison(b, "it joins too many rows: over 400 KB");
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

static int gather(struct build *b, const struct node *node, struct children *ret) {
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

/* ---- attributes */

static int build_scope(struct build *b, const struct scope *scope, struct attr_member *members, size_t *ret_count,
                       const struct attr **ret_final);

static struct attr text_attr(struct slice text) {
    return (struct attr){.type = ATTR_S, .text = text};
}

/* One row of a construction as a map. */
static int build_map(struct build *b, const struct scope *scope, const struct value *row, struct attr *ret) {
    b->rows[scope->node->number] = row;
    int r = join_ones(b, scope->node);
    if (r)
        return r;
    struct attr_member *members = arena_alloc(b->arena, (scope->attribute_count + 1) * sizeof(*members));
    size_t count = 0;
    r = build_scope(b, scope, members, &count, NULL);
    if (!r)
        *ret = (struct attr){.type = ATTR_M, .count = (uint32_t)count, .members = members};
    return r;
}

/* EVALUATE_ABSENT: no rows, no value. */
static int build_many(struct build *b, const struct attribute *a, struct attr *ret) {
    struct children children;
    int r = gather(b, a->scope->node, &children);
    if (r)
        return r;
    if (children.count == 0)
        return EVALUATE_ABSENT;
    if (a->source == ATTRIBUTE_FIRST)
        children.count = 1;
    struct attr *elements = arena_alloc(b->arena, children.count * sizeof(*elements));
    for (size_t i = 0; i < children.count; i++) {
        r = build_map(b, a->scope, children.list[i].values, &elements[i]);
        if (r)
            return r;
    }
    *ret = a->source == ATTRIBUTE_FIRST
               ? elements[0]
               : (struct attr){.type = ATTR_L, .count = (uint32_t)children.count, .elements = elements};
    if (!a->json_text)
        return 0;
    struct buf text defer(buf_deinit) = BUF_INIT(16 << 20);
    attr_put_json(&text, ret);
    if (text.full)
        return poison(b, "over 400 KB");
    *ret = text_attr((struct slice){arena_copy(b->arena, text.data, text.len), text.len});
    return 0;
}

/* ---- one value of many rows */

/* EVALUATE_ABSENT: all are NULL. Sets merge equals. */
static int build_values(struct build *b, const struct attribute *a, struct attr *ret) {
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
    const struct expr *expr; /* NULL: the row itself counts */
    struct aggregate *into;  /* NULL: ends at the first row */
    struct arena scratch;
    bool found;
};

static int walk_row(struct engine *e, struct slice row_key, void *context, struct error *error) {
    struct walk *w = context;
    struct build *b = w->build;
    struct row row;
    struct value value;
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
        if (w->into && w->expr)
            r = expr_eval(w->expr, &set, &w->scratch, &value, &b->poison);
        if (w->into && r == EVALUATE_OK)
            r = aggregate_add(w->into, w->expr ? &value : NULL, &w->scratch, &b->poison);
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
    struct walk walk = {.build = b, .node = node, .expr = a->expr, .into = into};
    struct buf key defer(buf_deinit) = ROW_KEY_BUF;
    int r = parent ? each_row_key(b, node, parent, walk_row, &walk, &key) : 0;
    arena_deinit(&walk.scratch);
    *ret_found = walk.found;
    return r < 0 ? r : 0;
}

static int build_exists(struct build *b, const struct attribute *a, struct attr *ret) {
    bool found;
    int r = walk_rows(b, a, NULL, &found);
    *ret = (struct attr){.type = ATTR_BOOL, .boolean = found};
    return r;
}

static int build_aggregate(struct build *b, const struct attribute *a, struct attr *ret) {
    struct aggregate aggregate defer(aggregate_deinit);
    struct value value;
    bool found;
    aggregate_start(&aggregate, a->operation);
    int r = walk_rows(b, a, &aggregate, &found);
    if (r == 0)
        r = aggregate_result(&aggregate, b->arena, &value, &b->poison);
    return r ? r : attr_from_value(a->type, &value, b->arena, ret, &b->poison);
}

static int build_attribute(struct build *b, const struct attribute *a, const struct attr *const *final,
                           struct attr *ret) {
    struct row_set set = {b->rows};
    struct value value;
    struct slice text;
    int r;
    switch (a->source) {
    case ATTRIBUTE_EXPR:
        r = expr_eval(a->expr, &set, b->arena, &value, &b->poison);
        return r ? r : attr_from_value(a->type, &value, b->arena, ret, &b->poison);
    case ATTRIBUTE_TEMPLATE:
        r = template_render(a->template, final, &set, b->arena, &text, &b->poison);
        if (r)
            return r;
        if (a->type == ATTR_S) {
            *ret = text_attr(text);
            return 0;
        }
        value = (struct value){.kind = VALUE_TEXT, .len = (uint32_t)text.len, .data = text.data};
        return attr_from_value(a->type, &value, b->arena, ret, &b->poison);
    case ATTRIBUTE_LIST:
    case ATTRIBUTE_FIRST:
        return build_many(b, a, ret);
    case ATTRIBUTE_VALUES:
        return build_values(b, a, ret);
    case ATTRIBUTE_EXISTS:
        return build_exists(b, a, ret);
    case ATTRIBUTE_AGGREGATE:
        return build_aggregate(b, a, ret);
    }
    return error_set(b->error, ERR_BUG, "attribute %s has no source", a->name);
}

/* Index and table keys are never NULL. */
static bool is_key_name(const struct entity *entity, const char *name) {
    const struct target *t = entity->target;
    if (strcmp(t->pk.name, name) == 0 || (t->sk.name && strcmp(t->sk.name, name) == 0))
        return true;
    for (size_t i = 0; i < t->index_count; i++) {
        for (size_t k = 0; k < t->indexes[i].pk_count; k++)
            if (strcmp(t->indexes[i].pk[k].name, name) == 0)
                return true;
        for (size_t k = 0; k < t->indexes[i].sk_count; k++)
            if (strcmp(t->indexes[i].sk[k].name, name) == 0)
                return true;
    }
    return false;
}

static int name_poison(struct build *b, const char *name, int r) {
    if (r != EVALUATE_POISON && r != ERR_STOPPED)
        return r;
    (void)!error_wrap(&b->poison, ERR_STOPPED, "attribute %s", name);
    return ERR_STOPPED;
}

static int build_scope(struct build *b, const struct scope *scope, struct attr_member *members, size_t *ret_count,
                       const struct attr **ret_final) {
    const struct attr **final = arena_zalloc(b->arena, (scope->attribute_count + 1) * sizeof(const struct attr *));
    for (size_t i = 0; i < scope->attribute_count; i++) {
        const struct attribute *a = &scope->attributes[i];
        struct attr *attr = arena_zalloc(b->arena, sizeof(*attr));
        int r = build_attribute(b, a, final, attr);
        if (r == EVALUATE_OK)
            final[i] = attr;
        else if (r != EVALUATE_ABSENT)
            return name_poison(b, a->name, r);
        else
            final[i] = a->null_value;
    }
    size_t count = *ret_count;
    for (size_t i = 0; i < scope->attribute_count; i++) {
        unsigned n = scope->output[i];
        const struct attribute *a = &scope->attributes[n];
        if (!a->written)
            continue;
        if (final[n])
            members[count++] = (struct attr_member){slice_of(a->name), *final[n]};
        else if (b->entity->write_nulls && scope == &b->entity->scope && !is_key_name(b->entity, a->name))
            members[count++] = (struct attr_member){slice_of(a->name), {.type = ATTR_NULL}};
    }
    *ret_count = count;
    for (size_t i = 0; ret_final && i < scope->attribute_count; i++)
        ret_final[i] = final[i];
    return 0;
}

/* ---- the item */

static const struct attr *member(const struct attr_member *members, size_t count, const char *name) {
    for (size_t i = 0; i < count; i++)
        if (slice_equal(members[i].name, slice_of(name)))
            return &members[i].value;
    return NULL;
}

/* A part of the item's key: an attribute or a template. EVALUATE_ABSENT: the item is unkeyed. */
static int key_part(struct build *b, const struct key_part *part, int attribute, const struct template *template,
                    const struct attr *const *final, struct attr *ret) {
    if (attribute >= 0) {
        if (!final[attribute])
            return EVALUATE_ABSENT;
        *ret = *final[attribute];
        return 0;
    }
    struct slice text;
    struct row_set set = {b->rows};
    int r = template_render(template, final, &set, b->arena, &text, &b->poison);
    if (r)
        return r == EVALUATE_POISON ? name_poison(b, part->name, r) : r;
    if (part->type == ATTR_S) {
        *ret = text_attr(text);
        return 0;
    }
    struct value value = {.kind = VALUE_TEXT, .len = (uint32_t)text.len, .data = text.data};
    r = attr_from_value(part->type, &value, b->arena, ret, &b->poison);
    return r == EVALUATE_POISON ? name_poison(b, part->name, r) : r;
}

/* The bytes of a key part in item_key's form. */
static int key_bytes(struct build *b, const char *name, const struct attr *attr, size_t max, struct slice *ret) {
    char *reason = NULL;
    if (attr->type != ATTR_S && attr->type != ATTR_N && attr->type != ATTR_B)
        reason = arena_printf(b->arena, "key %s is of type %s", name, attr_type_name(attr->type));
    else if (attr->text.len == 0)
        reason = arena_printf(b->arena, "key %s is empty", name);
    else if (attr->text.len > max)
        reason = arena_printf(b->arena, "key %s has %zu bytes, DynamoDB takes %zu", name, attr->text.len, max);
    if (reason)
        return poison(b, reason);
    *ret = attr->text;
    if (attr->type == ATTR_N) {
        struct buf digits defer(buf_deinit) = BUF_SMALL(64, 512);
        if (!number_normalise(attr->text, &digits))
            return poison(b, arena_printf(b->arena, "key %s is no number that DynamoDB holds", name));
        *ret = (struct slice){arena_copy(b->arena, digits.data, digits.len), digits.len};
    }
    return 0;
}

static int check_index_keys(struct build *b, const struct attr_member *members, size_t count) {
    const struct target *t = b->entity->target;
    struct slice ignored;
    for (size_t i = 0; i < t->index_count; i++) {
        const struct target_index *index = &t->indexes[i];
        for (size_t k = 0; k < index->pk_count + index->sk_count; k++) {
            bool pk = k < index->pk_count;
            const struct key_part *part = pk ? &index->pk[k] : &index->sk[k - index->pk_count];
            const struct attr *attr = member(members, count, part->name);
            if (!attr)
                continue;
            if (attr->type != part->type)
                return poison(b, arena_printf(b->arena, "index key %s is of type %s, not %s", part->name,
                                              attr_type_name(attr->type), attr_type_name(part->type)));
            int r = key_bytes(b, part->name, attr, pk ? ITEM_PK_MAX : ITEM_SK_MAX, &ignored);
            if (r)
                return r;
        }
    }
    return 0;
}

static unsigned depth(const struct attr *attr) {
    unsigned deepest = 0;
    for (uint32_t i = 0; i < attr->count && (attr->type == ATTR_L || attr->type == ATTR_M); i++)
        deepest = MAX(deepest, depth(attr->type == ATTR_L ? &attr->elements[i] : &attr->members[i].value));
    return deepest + 1;
}

static int check_item(struct build *b, const struct item *item) {
    int r = check_index_keys(b, item->members, item->count);
    if (r)
        return r;
    for (size_t i = 0; i < item->count; i++)
        if (depth(&item->members[i].value) > ITEM_DEPTH_MAX + 1)
            return poison(b, arena_printf(b->arena, "attribute %.*s is nested deeper than %d levels",
                                          (int)item->members[i].name.len, item->members[i].name.data, ITEM_DEPTH_MAX));
    size_t size = item_size(item);
    if (size > ITEM_SIZE_MAX)
        return poison(b, arena_printf(b->arena, "the item has %zu bytes, DynamoDB takes %d", size, ITEM_SIZE_MAX));
    return 0;
}

static void put_member(struct attr_member *members, size_t *count, const char *name, const struct attr *value) {
    if (!member(members, *count, name))
        members[(*count)++] = (struct attr_member){slice_of(name), *value};
}

static int build_synthetics(struct build *b, const struct attr *const *final, struct attr_member *members,
                            size_t *count) {
    struct row_set set = {b->rows};
    for (size_t i = 0; i < b->entity->synthetic_count; i++) {
        struct slice text;
        int r = template_render(b->entity->synthetics[i].template, final, &set, b->arena, &text, &b->poison);
        if (r == EVALUATE_ABSENT)
            continue;
        if (r)
            return name_poison(b, b->entity->synthetics[i].name, r);
        struct attr attr = text_attr(text);
        put_member(members, count, b->entity->synthetics[i].name, &attr);
    }
    return 0;
}

static int build_item(struct build *b, struct evaluation *ret) {
    const struct entity *entity = b->entity;
    const struct target *target = entity->target;
    int r = join_ones(b, entity->nodes[0]);
    if (r)
        return r;
    struct attr_member *members =
        arena_alloc(b->arena, (entity->scope.attribute_count + entity->synthetic_count + 4) * sizeof(*members));
    const struct attr **final =
        arena_alloc(b->arena, (entity->scope.attribute_count + 1) * sizeof(const struct attr *));
    size_t count = 0;
    r = build_scope(b, &entity->scope, members, &count, final);
    if (r)
        return r;
    struct attr pk, sk = {0};
    bool has_sk = target->sk.name != NULL;
    r = key_part(b, &target->pk, entity->pk_attribute, entity->pk_template, final, &pk);
    if (!r && has_sk)
        r = key_part(b, &target->sk, entity->sk_attribute, entity->sk_template, final, &sk);
    if (r)
        return r;
    struct item_key key = {.target = (uint16_t)target->number};
    r = key_bytes(b, target->pk.name, &pk, ITEM_PK_MAX, &key.pk);
    if (!r && has_sk)
        r = key_bytes(b, target->sk.name, &sk, ITEM_SK_MAX, &key.sk);
    if (r)
        return r;
    struct buf bytes defer(buf_deinit) = BUF_SMALL(128, ITEM_PK_MAX + ITEM_SK_MAX + 16);
    item_key_put(&bytes, &key);
    ret->key = (struct slice){arena_copy(b->arena, bytes.data, bytes.len), bytes.len};
    put_member(members, &count, target->pk.name, &pk);
    if (has_sk)
        put_member(members, &count, target->sk.name, &sk);
    if (entity->write_entity_type) {
        struct attr type = text_attr(slice_of(entity->name));
        put_member(members, &count, "entity_type", &type);
    }
    r = build_synthetics(b, final, members, &count);
    if (r)
        return r;
    struct item *item = arena_alloc(b->arena, sizeof(*item));
    *item = (struct item){members, count};
    r = check_item(b, item);
    if (r)
        return r;
    ret->item = item;
    ret->hash = item_hash(item, b->arena);
    ret->state = MARK_ITEM;
    return 0;
}

int evaluate(struct engine *e, const struct entity *entity, const struct value *root, struct arena *arena,
             struct evaluation *ret, struct error *error) {
    *ret = (struct evaluation){.state = MARK_NONE};
    if (!root)
        return 0;
    struct build build, *b = &build; /* not cleared: it holds an error's text */
    b->e = e;
    b->entity = entity;
    b->arena = arena;
    b->error = error;
    b->gathered = 0;
    b->poison.text[0] = 0;
    b->rows = arena_zalloc(arena, entity->node_count * sizeof(*b->rows));
    b->rows[0] = root;
    int r = filter_true(b, entity->filter);
    if (r == 0)
        return 0;
    if (r > 0)
        r = build_item(b, ret);
    if (r == EVALUATE_ABSENT) {
        ret->state = MARK_UNKEYED;
        return 0;
    }
    if (r == EVALUATE_POISON || r == ERR_STOPPED) {
        ret->state = MARK_POISON;
        ret->item = NULL;
        ret->reason = arena_strdup(arena, b->poison.text);
        return 0;
    }
    return r < 0 ? error_wrap(error, r, "entity %s", entity->name) : 0;
}
