/* A root's item: gathers the rows of its join tree from the store and builds the attributes.
 *
 * In order: rows that join one to one, attributes (constructions gather their own rows), key, entity type, synthetic
 * index attributes, then what DynamoDB would refuse. A filter that is not true: no item. A key without value: unkeyed.
 * What DynamoDB can never accept: poison, with the reason. */
#include "transform/evaluate.h"

#include <stdio.h>
#include <stdlib.h>

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
        return build_poison(b, "over 400 KB");
    *ret = text_attr((struct slice){arena_copy(b->arena, text.data, text.len), text.len});
    return 0;
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
        else if (a->type == ATTR_NULL ||
                 (b->entity->write_nulls && scope == &b->entity->scope && !is_key_name(b->entity, a->name)))
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
        return build_poison(b, reason);
    *ret = attr->text;
    if (attr->type == ATTR_N) {
        struct buf digits defer(buf_deinit) = BUF_SMALL(64, 512);
        if (!number_normalise(attr->text, &digits))
            return build_poison(b, arena_printf(b->arena, "key %s is no number that DynamoDB holds", name));
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
                return build_poison(b, arena_printf(b->arena, "index key %s is of type %s, not %s", part->name,
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
            return build_poison(b, arena_printf(b->arena, "attribute %.*s is nested deeper than %d levels",
                                                (int)item->members[i].name.len, item->members[i].name.data,
                                                ITEM_DEPTH_MAX));
    size_t size = item_size(item);
    if (size > ITEM_SIZE_MAX)
        return build_poison(b,
                            arena_printf(b->arena, "the item has %zu bytes, DynamoDB takes %d", size, ITEM_SIZE_MAX));
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
