/* What differs between the contract a store was made for and another one.
 *
 * DynamoDB's tables are known by name and key, MySQL's by name and key, their columns by name and by what their values look like, entities by
 * table, name and root. What an entity's items depend on is in its identity: where it differs, and where an entity is new, all its roots are evaluated
 * (the sweep). An entity that is no more leaves its claims as those of a former one. */
#include "transform/change.h"

#include <string.h>
#include <strings.h>

static bool same_digest(struct digest128 a, struct digest128 b) {
    return memcmp(a.bytes, b.bytes, sizeof(a.bytes)) == 0;
}

static bool same_part(const struct key_part *a, const struct key_part *b) {
    if (!a->name || !b->name)
        return a->name == b->name;
    return strcmp(a->name, b->name) == 0 && a->type == b->type;
}

static int *numbers(struct arena *arena, size_t count) {
    int *list = arena_alloc(arena, (count + 1) * sizeof(*list));
    for (size_t i = 0; i <= count; i++)
        list[i] = NOWHERE;
    return list;
}

/* ---- MySQL's tables */

static int find_column(const struct catalog_source *in, const struct catalog_column *column) {
    for (size_t i = 0; i < in->column_count; i++)
        if (strcasecmp(in->columns[i].name, column->name) == 0 &&
            same_digest(in->columns[i].identity, column->identity))
            return (int)i;
    return NOWHERE;
}

static bool same_key(const struct catalog_source *a, const struct catalog_source *b) {
    bool same = a->key_count == b->key_count;
    for (size_t i = 0; same && i < a->key_count; i++)
        same = find_column(a, &b->columns[i]) == (int)i;
    return same;
}

static int find_index(const struct catalog_source *old, const struct source_index *index, const int *columns) {
    for (size_t i = 0; i < old->index_count; i++) {
        bool same = old->indexes[i].column_count == index->column_count;
        for (size_t k = 0; same && k < index->column_count; k++)
            same = columns[index->columns[k]] == (int)old->indexes[i].columns[k];
        if (same)
            return (int)i;
    }
    return NOWHERE;
}

static void plan_source(struct change *c, size_t number, struct arena *arena) {
    struct catalog_source *new = &c->catalog.sources[number];
    struct change_source *from = &c->from[number];
    *from = (struct change_source){NOWHERE, numbers(arena, new->column_count), numbers(arena, new->index_count)};
    for (size_t i = 0; i < c->old->source_count && from->from == NOWHERE; i++)
        if (strcmp(c->old->sources[i].name, new->name) == 0 && same_key(&c->old->sources[i], new))
            from->from = (int)i;
    new->loading = true;
    if (from->from == NOWHERE)
        return;
    const struct catalog_source *old = &c->old->sources[from->from];
    c->sources[from->from] = (int)number;
    new->loading = old->loading;
    for (size_t i = 0; i < new->column_count; i++) {
        from->columns[i] = find_column(old, &new->columns[i]);
        new->columns[i].missing = from->columns[i] == NOWHERE || old->columns[from->columns[i]].missing;
    }
    for (size_t i = 0; i < new->index_count; i++)
        from->indexes[i] = find_index(old, &new->indexes[i], from->columns);
}

/* ---- DynamoDB's tables */

static int find_target(const struct catalog *in, const struct catalog_target *t, bool *ret_other_key) {
    for (size_t i = 0; i < in->target_count; i++) {
        if (strcmp(in->targets[i].name, t->name) != 0)
            continue;
        *ret_other_key = !same_part(&in->targets[i].pk, &t->pk) || !same_part(&in->targets[i].sk, &t->sk);
        return *ret_other_key ? NOWHERE : (int)i;
    }
    return NOWHERE;
}

/* The number of an old target for a former entity's sake; NOWHERE when the table was made anew with another key: its items are gone. */
static int former_target(struct change *c, size_t old) {
    bool other_key = false;
    if (c->targets[old] == NOWHERE)
        c->targets[old] = find_target(&c->catalog, &c->old->targets[old], &other_key);
    if (c->targets[old] == NOWHERE && !other_key) {
        c->targets[old] = (int)c->catalog.target_count;
        c->catalog.targets[c->catalog.target_count++] = c->old->targets[old];
    }
    return c->targets[old];
}

/* ---- entities */

static void match_entity(struct change *c, size_t number, bool *taken) {
    const struct catalog_entity *old = &c->old->entities[number];
    for (size_t i = 0; i < c->catalog.live_entities; i++) {
        struct catalog_entity *new = &c->catalog.entities[i];
        if (taken[i] || c->targets[old->target] != (int)new->target || c->sources[old->source] != (int)new->source ||
            strcmp(old->name, new->name) != 0)
            continue;
        taken[i] = true;
        c->entities[number] = (int)i;
        new->unswept = old->unswept || !same_digest(old->identity, new->identity);
        return;
    }
}

static bool name_lives(const struct catalog *in, unsigned target, const char *name) {
    for (size_t i = 0; i < in->live_entities; i++)
        if (in->entities[i].target == target && strcmp(in->entities[i].name, name) == 0)
            return true;
    return false;
}

/* An entity that is no more. Its items go when it is asked for; also when one of its name goes on from another MySQL table, for then they are that
 * one's left-overs. False: they are out of reach, because DynamoDB's table is gone or another one now. */
static bool is_former(struct change *c, size_t number, bool prune, struct catalog_entity *ret) {
    *ret = c->old->entities[number];
    int target = former_target(c, ret->target);
    if (target == NOWHERE)
        return false;
    bool reachable = target < (int)c->catalog.live_targets;
    ret->target = (unsigned)target;
    ret->unswept = false;
    ret->pruned = prune || (reachable && (ret->pruned || name_lives(&c->catalog, ret->target, ret->name)));
    return reachable || !prune;
}

/* Those that go are the last, so that the others keep their numbers then. */
static void plan_former(struct change *c, bool prune) {
    for (int pruned = 0; pruned <= 1; pruned++)
        for (size_t i = 0; i < c->old->entity_count; i++) {
            struct catalog_entity former;
            if ((i < c->old->live_entities && c->entities[i] != NOWHERE) || !is_former(c, i, prune, &former) ||
                former.pruned != (pruned == 1))
                continue;
            c->entities[i] = (int)c->catalog.entity_count;
            c->catalog.entities[c->catalog.entity_count++] = former;
        }
}

static bool differs(const struct catalog *a, const struct catalog *b) {
    struct buf x defer(buf_deinit) = BUF_INIT(1 << 30), y defer(buf_deinit) = BUF_INIT(1 << 30);
    catalog_put(&x, a);
    catalog_put(&y, b);
    return !slice_equal(buf_slice(&x), buf_slice(&y));
}

/* Makes room behind the contract's own for former ones. */
static void extend(struct catalog *catalog, const struct catalog *old, struct arena *arena) {
    struct catalog_target *targets =
        arena_zalloc(arena, (catalog->target_count + old->target_count + 1) * sizeof(*targets));
    struct catalog_entity *entities =
        arena_zalloc(arena, (catalog->entity_count + old->entity_count + 1) * sizeof(*entities));
    memcpy(targets, catalog->targets, catalog->target_count * sizeof(*targets));
    memcpy(entities, catalog->entities, catalog->entity_count * sizeof(*entities));
    catalog->targets = targets;
    catalog->entities = entities;
}

void change_plan(struct change *ret, const struct catalog *old, const struct contract *contract, bool prune,
                 struct arena *arena) {
    *ret = (struct change){.old = old,
                           .targets = numbers(arena, old->target_count),
                           .sources = numbers(arena, old->source_count),
                           .entities = numbers(arena, old->entity_count)};
    catalog_of(&ret->catalog, contract, arena);
    extend(&ret->catalog, old, arena);
    ret->from = arena_alloc(arena, (contract->source_count + 1) * sizeof(*ret->from));
    for (size_t i = 0; i < contract->source_count; i++)
        plan_source(ret, i, arena);
    bool other_key;
    for (size_t i = 0; i < old->target_count; i++)
        ret->targets[i] = find_target(&ret->catalog, &old->targets[i], &other_key);
    bool *taken = arena_zalloc(arena, (contract->entity_count + 1) * sizeof(*taken));
    for (size_t i = 0; i < old->live_entities; i++)
        if (ret->targets[old->entities[i].target] != NOWHERE)
            match_entity(ret, i, taken);
    plan_former(ret, prune);
    ret->any = differs(old, &ret->catalog);
}

static bool lacks(const struct catalog_source *s) {
    bool lacks = s->loading;
    for (size_t i = 0; i < s->column_count; i++)
        lacks = lacks || s->columns[i].missing;
    return lacks;
}

/* Does a rule that changes rows lead to the table, or from it? */
static bool cascades(const struct contract *contract, const struct source *source) {
    for (size_t i = 0; i < contract->source_count; i++)
        for (size_t k = 0; k < contract->sources[i]->cascade_count; k++)
            if (contract->sources[i] == source || contract->sources[i]->cascades[k].child == source)
                return true;
    return false;
}

const char *change_unreadable(const struct change *c, const struct contract *contract) {
    for (size_t i = 0; i < contract->source_count; i++)
        if (lacks(&c->catalog.sources[i]) && cascades(contract, contract->sources[i]))
            return contract->sources[i]->name;
    return NULL;
}

void change_tell(const struct change *c, change_each *each, void *context) {
    bool *known defer(free_pointer) = xcalloc(c->catalog.live_entities + 1, sizeof(*known));
    for (size_t i = 0; i < c->old->live_entities; i++) {
        const struct catalog_entity *old = &c->old->entities[i];
        int now = c->entities[i];
        const char *table = c->old->targets[old->target].name;
        if (now == NOWHERE) {
            each(context, CHANGE_FORGOTTEN, table, old->name);
        } else if (now >= (int)c->catalog.live_entities) {
            each(context, c->catalog.entities[now].pruned ? CHANGE_PRUNED : CHANGE_VANISHED, table, old->name);
        } else {
            known[now] = true;
            if (!same_digest(old->identity, c->catalog.entities[now].identity))
                each(context, CHANGE_DIFFERS, table, old->name);
        }
    }
    for (size_t i = c->old->live_entities; i < c->old->entity_count; i++)
        if (c->entities[i] != NOWHERE && c->catalog.entities[c->entities[i]].pruned && !c->old->entities[i].pruned)
            each(context, CHANGE_PRUNED, c->old->targets[c->old->entities[i].target].name, c->old->entities[i].name);
    for (size_t i = 0; i < c->catalog.live_entities; i++)
        if (!known[i])
            each(context, CHANGE_NEW, c->catalog.targets[c->catalog.entities[i].target].name,
                 c->catalog.entities[i].name);
    for (size_t i = 0; i < c->catalog.source_count; i++) {
        const struct catalog_source *s = &c->catalog.sources[i];
        if (c->from[i].from == NOWHERE)
            each(context, CHANGE_TABLE, s->name, NULL);
        for (size_t k = 0; c->from[i].from != NOWHERE && k < s->column_count; k++)
            if (c->from[i].columns[k] == NOWHERE)
                each(context, CHANGE_COLUMN, s->name, s->columns[k].name);
    }
}
