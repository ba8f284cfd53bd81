/* What an entity's items depend on, in one digest: two contracts whose entities have one identity make the same items of the same rows, however
 * differently they are written. Names stand for numbers, attributes in the order of their names. */
#include "contract/identity.h"

#include "contract/expr_functions.h"

#include <stdlib.h>

enum { IDENTITY_BYTES_MAX = 1 << 30 };

static void put_text(struct buf *buf, const char *text) {
    buf_put_blob(buf, slice_of(text ? text : ""));
}

static void put_digest(struct buf *buf, struct digest128 digest) {
    buf_put(buf, digest.bytes, sizeof(digest.bytes));
}

/* What decides how a row's values look in store and items; a wider VARCHAR or another collation changes neither. */
struct digest128 column_identity(const struct column *c) {
    defer(buf_deinit) struct buf buf = BUF_INIT(IDENTITY_BYTES_MAX);
    buf_put_u8(&buf, (uint8_t)c->type);
    buf_put_u8(&buf, (uint8_t)(c->is_unsigned | c->fixed_length << 1));
    buf_put_u8(&buf, c->digits);
    buf_put_varint(&buf, c->type == COLUMN_BINARY && c->fixed_length ? c->length : 0);
    buf_put_varint(&buf, c->label_count);
    for (size_t i = 0; c->labels && i < c->label_count; i++)
        buf_put_blob(&buf, c->labels[i]);
    return digest128(buf_slice(&buf));
}

static void put_column(struct buf *buf, const struct source *source, unsigned column) {
    put_text(buf, source->columns[column].name);
    put_digest(buf, source->columns[column].identity);
}

/* Where a row stands: its table with its key, and the way from the root. */
static void put_place(struct buf *buf, const struct node *node) {
    const struct source *source = node->source;
    put_text(buf, source->name);
    buf_put_varint(buf, source->key_count);
    for (unsigned i = 0; i < source->key_count; i++)
        put_column(buf, source, i);
    buf_put_u8(buf, node->many);
    buf_put_varint(buf, node->edge_count);
    for (size_t i = 0; i < node->edge_count; i++) {
        put_column(buf, node->parent->source, node->parent_columns[i]);
        put_column(buf, source, node->columns[i]);
    }
    if (node->parent)
        put_place(buf, node->parent);
}

static void put_expr(struct buf *buf, const struct entity *entity, const struct expr *e) {
    buf_put_u8(buf, e != NULL);
    if (!e)
        return;
    const uint8_t shape[] = {(uint8_t)e->kind, (uint8_t)e->op, (uint8_t)e->type, e->digits, e->converts};
    buf_put(buf, shape, sizeof(shape));
    if (e->kind == EXPR_COLUMN || e->kind == EXPR_HAS_ROW)
        put_place(buf, entity->nodes[e->node]);
    if (e->kind == EXPR_COLUMN)
        put_column(buf, entity->nodes[e->node]->source, e->column);
    value_put(buf, &e->literal);
    put_text(buf, e->function ? e->function->name : NULL);
    buf_put_varint(buf, e->arg_count);
    for (size_t i = 0; i < e->arg_count; i++)
        put_expr(buf, entity, e->args[i]);
}

static void put_template(struct buf *buf, const struct entity *entity, const struct scope *scope,
                         const struct template *t) {
    buf_put_u8(buf, t != NULL);
    for (size_t i = 0; t && i < t->part_count; i++) {
        const struct template_part *p = &t->parts[i];
        buf_put_blob(buf, p->literal);
        put_text(buf, p->attribute >= 0 ? scope->attributes[p->attribute].name : NULL);
        put_expr(buf, entity, p->expr);
        buf_put_u8(buf, p->has_default);
        buf_put_blob(buf, p->default_text);
    }
}

static void put_rows(struct buf *buf, const struct entity *entity, const struct node *node) {
    put_place(buf, node);
    put_expr(buf, entity, node->filter);
    buf_put_varint(buf, node->order_count);
    for (size_t i = 0; i < node->order_count; i++) {
        put_column(buf, node->source, node->order_by[i].column);
        buf_put_u8(buf, node->order_by[i].descending);
    }
    buf_put_varint(buf, node->limit);
}

static void put_scope(struct buf *buf, const struct entity *entity, const struct scope *scope);

static void put_attribute(struct buf *buf, const struct entity *entity, const struct scope *scope,
                          const struct attribute *a) {
    const uint8_t shape[] = {(uint8_t)a->type,    (uint8_t)a->source,    a->written,
                             (uint8_t)a->element, (uint8_t)a->operation, a->json_text};
    put_text(buf, a->name);
    buf_put(buf, shape, sizeof(shape));
    put_expr(buf, entity, a->expr);
    put_template(buf, entity, scope, a->template);
    buf_put_u8(buf, a->scope != NULL);
    if (a->scope) {
        put_rows(buf, entity, a->scope->node);
        put_scope(buf, entity, a->scope);
        for (size_t i = 0; a->json_text && i < a->scope->attribute_count; i++) /* text shows their order */
            put_text(buf, a->scope->attributes[a->scope->output[i]].name);
    }
    buf_put_u8(buf, a->null_value != NULL);
    if (a->null_value) {
        buf_put_u8(buf, a->null_value->type);
        attr_put_json(buf, a->null_value);
    }
}

static int by_name(const void *a, const void *b) {
    const struct attribute *const *x = a, *const *y = b;
    return strcmp((*x)->name, (*y)->name);
}

static void put_scope(struct buf *buf, const struct entity *entity, const struct scope *scope) {
    const struct attribute **sorted defer(free_pointer) = xcalloc(scope->attribute_count + 1, sizeof(*sorted));
    for (size_t i = 0; i < scope->attribute_count; i++)
        sorted[i] = &scope->attributes[i];
    qsort(sorted, scope->attribute_count, sizeof(*sorted), by_name);
    buf_put_varint(buf, scope->attribute_count);
    for (size_t i = 0; i < scope->attribute_count; i++)
        put_attribute(buf, entity, scope, sorted[i]);
}

static void put_part(struct buf *buf, const struct key_part *part) {
    put_text(buf, part->name);
    buf_put_u8(buf, (uint8_t)part->type);
}

/* The table's keys and those of its indexes: a value that is none is poison. */
static void put_target(struct buf *buf, const struct target *t) {
    put_text(buf, t->name);
    put_part(buf, &t->pk);
    put_part(buf, &t->sk);
    for (size_t i = 0; i < t->index_count; i++) {
        for (size_t k = 0; k < t->indexes[i].pk_count; k++)
            put_part(buf, &t->indexes[i].pk[k]);
        for (size_t k = 0; k < t->indexes[i].sk_count; k++)
            put_part(buf, &t->indexes[i].sk[k]);
    }
}

static void put_key(struct buf *buf, const struct entity *e, int attribute, const struct template *t) {
    put_text(buf, attribute >= 0 ? e->scope.attributes[attribute].name : NULL);
    put_template(buf, e, &e->scope, t);
}

struct digest128 measures_identity(const struct source_index *index) {
    defer(buf_deinit) struct buf buf = BUF_INIT(IDENTITY_BYTES_MAX);
    buf_put_varint(&buf, index->measure_count);
    for (size_t i = 0; i < index->measure_count; i++) {
        const struct measure *m = &index->measures[i];
        buf_put_u8(&buf, (uint8_t)m->operation);
        put_expr(&buf, m->node->entity, m->node->filter);
        put_expr(&buf, m->node->entity, m->expr);
    }
    return digest128(buf_slice(&buf));
}

struct digest128 entity_identity(const struct entity *e, struct entity *const *entities) {
    defer(buf_deinit) struct buf buf = BUF_INIT(IDENTITY_BYTES_MAX);
    put_text(&buf, e->write_entity_type ? e->name : NULL);
    buf_put_u8(&buf, e->write_nulls);
    put_target(&buf, e->target);
    put_place(&buf, e->nodes[0]);
    put_expr(&buf, e, e->filter);
    put_scope(&buf, e, &e->scope);
    put_key(&buf, e, e->pk_attribute, e->pk_template);
    put_key(&buf, e, e->sk_attribute, e->sk_template);
    for (size_t i = 0; i < e->synthetic_count; i++) {
        put_text(&buf, e->synthetics[i].name);
        put_template(&buf, e, &e->scope, e->synthetics[i].template);
    }
    for (size_t i = 0; e->can_conflict && i < e->order; i++) /* who goes before it when both claim a key */
        if (entities[i]->target == e->target && entities[i]->can_conflict)
            put_text(&buf, entities[i]->name);
    return digest128(buf_slice(&buf));
}
