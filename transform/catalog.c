/* The catalogue of a store, of a contract, and as bytes. */
#include "transform/catalog.h"

#include <string.h>

enum { NAMES_MAX = 1 << 16 }; /* of one kind: the store's numbers have two bytes */

/* ---- of a contract */

static void source_of(struct catalog_source *ret, const struct source *s, struct arena *arena) {
    *ret = (struct catalog_source){.name = s->name, .key_count = s->key_count};
    ret->column_count = s->column_count;
    ret->columns = arena_alloc(arena, (s->column_count + 1) * sizeof(*ret->columns));
    for (size_t i = 0; i < s->column_count; i++)
        ret->columns[i] = (struct catalog_column){.name = s->columns[i].name, .identity = s->columns[i].identity};
    ret->index_count = s->index_count;
    ret->indexes = arena_alloc(arena, (s->index_count + 1) * sizeof(*ret->indexes));
    for (size_t i = 0; i < s->index_count; i++)
        ret->indexes[i] = s->indexes[i];
}

void catalog_of(struct catalog *ret, const struct contract *c, struct arena *arena) {
    *ret = (struct catalog){.database = c->database};
    ret->target_count = ret->live_targets = c->target_count;
    ret->targets = arena_alloc(arena, (c->target_count + 1) * sizeof(*ret->targets));
    for (size_t i = 0; i < c->target_count; i++)
        ret->targets[i] = (struct catalog_target){c->targets[i]->name, c->targets[i]->pk, c->targets[i]->sk};
    ret->source_count = c->source_count;
    ret->sources = arena_alloc(arena, (c->source_count + 1) * sizeof(*ret->sources));
    for (size_t i = 0; i < c->source_count; i++)
        source_of(&ret->sources[i], c->sources[i], arena);
    ret->entity_count = ret->live_entities = c->entity_count;
    ret->entities = arena_alloc(arena, (c->entity_count + 1) * sizeof(*ret->entities));
    for (size_t i = 0; i < c->entity_count; i++) {
        const struct entity *e = c->entities[i];
        ret->entities[i] = (struct catalog_entity){.name = e->name,
                                                   .target = e->target->number,
                                                   .source = e->root->number,
                                                   .identity = e->identity,
                                                   .unswept = true};
    }
}

/* ---- as bytes */

static void put_text(struct buf *buf, const char *text) {
    buf_put_blob(buf, slice_of(text ? text : ""));
}

static void put_part(struct buf *buf, const struct key_part *part) {
    put_text(buf, part->name);
    buf_put_u8(buf, (uint8_t)part->type);
}

static void put_source(struct buf *buf, const struct catalog_source *s) {
    put_text(buf, s->name);
    buf_put_varint(buf, s->key_count);
    buf_put_varint(buf, s->column_count);
    for (size_t i = 0; i < s->column_count; i++) {
        put_text(buf, s->columns[i].name);
        buf_put(buf, s->columns[i].identity.bytes, sizeof(s->columns[i].identity.bytes));
        buf_put_u8(buf, s->columns[i].missing);
    }
    buf_put_u8(buf, s->loading);
    buf_put_varint(buf, s->index_count);
    for (size_t i = 0; i < s->index_count; i++) {
        buf_put_varint(buf, s->indexes[i].column_count);
        for (size_t k = 0; k < s->indexes[i].column_count; k++)
            buf_put_varint(buf, s->indexes[i].columns[k]);
        buf_put(buf, s->indexes[i].identity.bytes, sizeof(s->indexes[i].identity.bytes));
    }
}

void catalog_put(struct buf *buf, const struct catalog *c) {
    put_text(buf, c->database);
    buf_put_varint(buf, c->target_count);
    buf_put_varint(buf, c->live_targets);
    for (size_t i = 0; i < c->target_count; i++) {
        put_text(buf, c->targets[i].name);
        put_part(buf, &c->targets[i].pk);
        put_part(buf, &c->targets[i].sk);
    }
    buf_put_varint(buf, c->source_count);
    for (size_t i = 0; i < c->source_count; i++)
        put_source(buf, &c->sources[i]);
    buf_put_varint(buf, c->entity_count);
    buf_put_varint(buf, c->live_entities);
    for (size_t i = 0; i < c->entity_count; i++) {
        const struct catalog_entity *e = &c->entities[i];
        put_text(buf, e->name);
        buf_put_varint(buf, e->target);
        buf_put_varint(buf, e->source);
        buf_put(buf, e->identity.bytes, sizeof(e->identity.bytes));
        buf_put_u8(buf, (uint8_t)(e->unswept | e->pruned << 1));
    }
}

struct reading {
    struct cursor *c;
    struct arena *arena;
};

static const char *get_text(struct reading *r) {
    struct slice s = cursor_blob(r->c);
    return arena_strndup(r->arena, s.len ? s.data : "", s.len);
}

static struct digest128 get_digest(struct reading *r) {
    struct digest128 digest = {{0}};
    const unsigned char *bytes = cursor_take(r->c, sizeof(digest.bytes));
    if (bytes)
        memcpy(digest.bytes, bytes, sizeof(digest.bytes));
    return digest;
}

/* Numbers and counts: none is larger. */
static size_t get_number(struct reading *r) {
    uint64_t n = cursor_varint(r->c);
    if (n > NAMES_MAX)
        r->c->failed = true;
    return r->c->failed ? 0 : (size_t)n;
}

static struct key_part get_part(struct reading *r) {
    struct key_part part = {.name = get_text(r)};
    part.type = (enum attr_type)cursor_u8(r->c);
    if (!part.name[0])
        part.name = NULL;
    return part;
}

static void get_source(struct reading *r, struct catalog_source *ret) {
    *ret = (struct catalog_source){.name = get_text(r), .key_count = get_number(r), .column_count = get_number(r)};
    ret->columns = arena_zalloc(r->arena, (ret->column_count + 1) * sizeof(*ret->columns));
    for (size_t i = 0; i < ret->column_count; i++) {
        ret->columns[i].name = get_text(r);
        ret->columns[i].identity = get_digest(r);
        ret->columns[i].missing = cursor_u8(r->c);
    }
    ret->loading = cursor_u8(r->c);
    ret->index_count = get_number(r);
    ret->indexes = arena_zalloc(r->arena, (ret->index_count + 1) * sizeof(*ret->indexes));
    for (size_t i = 0; i < ret->index_count && !r->c->failed; i++) {
        size_t count = get_number(r);
        unsigned *columns = arena_zalloc(r->arena, (count + 1) * sizeof(*columns));
        for (size_t k = 0; k < count; k++)
            columns[k] = (unsigned)get_number(r);
        ret->indexes[i] = (struct source_index){.columns = columns, .column_count = count, .identity = get_digest(r)};
    }
}

static void get_entities(struct reading *r, struct catalog *ret) {
    ret->entity_count = get_number(r);
    ret->live_entities = get_number(r);
    ret->entities = arena_zalloc(r->arena, (ret->entity_count + 1) * sizeof(*ret->entities));
    for (size_t i = 0; i < ret->entity_count; i++) {
        struct catalog_entity *e = &ret->entities[i];
        e->name = get_text(r);
        e->target = (unsigned)get_number(r);
        e->source = (unsigned)get_number(r);
        e->identity = get_digest(r);
        uint8_t flags = cursor_u8(r->c);
        e->unswept = flags & 1;
        e->pruned = flags & 2;
        if (e->target >= ret->target_count || (i < ret->live_entities && e->source >= ret->source_count))
            r->c->failed = true;
    }
}

int catalog_get(struct catalog *ret, struct cursor *c, struct arena *arena, struct error *error) {
    struct reading r = {c, arena};
    *ret = (struct catalog){.database = get_text(&r)};
    ret->target_count = get_number(&r);
    ret->live_targets = get_number(&r);
    ret->targets = arena_zalloc(arena, (ret->target_count + 1) * sizeof(*ret->targets));
    for (size_t i = 0; i < ret->target_count; i++) {
        ret->targets[i].name = get_text(&r);
        ret->targets[i].pk = get_part(&r);
        ret->targets[i].sk = get_part(&r);
    }
    ret->source_count = get_number(&r);
    ret->sources = arena_zalloc(arena, (ret->source_count + 1) * sizeof(*ret->sources));
    for (size_t i = 0; i < ret->source_count; i++)
        get_source(&r, &ret->sources[i]);
    get_entities(&r, ret);
    if (c->failed || ret->live_targets > ret->target_count || ret->live_entities > ret->entity_count)
        return error_set(error, ERR_STORE, "the store is damaged: what it was made for is malformed");
    return 0;
}
