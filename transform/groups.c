/* Running aggregates: what is kept of each group of rows, the rows of a source that agree in the columns of one of its indexes.
 *
 * 1. row_replace() says which row of the store became which. It is never an event's image: a row that comes twice, with whatever
 *    values (a snapshot's chunks, a binlog read again), counts once, as it stands.
 * 2. For each measure the old row's part is taken out of its group and the new one's put in: a count, and a sum of exact numbers,
 *    which comes back to what it was, digit for digit.
 * 3. MIN and MAX count the rows that have a value, ordered so that the best value is the first.
 * 4. An aggregate (gather.c) reads the group's record, and the first value; never the rows.
 *
 * A row whose filter or value cannot be evaluated counts apart: as long as there is one the group is walked, and the walk finds the
 * reason. Everything is in the store's one transaction: as durable as the rows, and as old.
 *
 * DB_GROUPS: source, index, columns -> blob(columns when long), then per measure: rows that count, rows that cannot be evaluated,
 * value_put() of the sum. No record: no rows.
 * DB_SORTED: source, index, measure, columns, form of the value -> blob(columns when long), blob(form when long), rows, value_put().
 * The form is value_put_key()'s (an ENUM by its label), complemented for MAX: no form is a prefix of another. */
#include "contract/aggregate.h"
#include "contract/arithmetic.h"
#include "transform/state.h"

/* What one row is to one measure. */
struct part {
    enum { NOTHING, COUNTED, POISONED } kind;
    struct value value; /* of COUNTED, but of a COUNT */
};

struct tally {
    uint64_t count, poisoned;
    struct value sum; /* of a SUM or AVG with rows */
};

struct group {
    const struct source *source;
    unsigned number; /* of the index */
    struct slice columns;
    struct tally *tallies; /* [measure] */
    bool there;
};

static int damaged(const struct source *source, struct error *error) {
    return error_set(error, ERR_STORE,
                     "the store is damaged: the aggregates over table %s are not those of its rows; " NEW_SNAPSHOT,
                     source->name);
}

static bool is_sum(const struct measure *m) {
    return m->operation == AGGREGATE_SUM || m->operation == AGGREGATE_AVG;
}

static bool is_sorted(const struct measure *m) {
    return m->operation == AGGREGATE_MIN || m->operation == AGGREGATE_MAX;
}

static const struct source_index *index_of(const struct group *g) {
    return &g->source->indexes[g->number];
}

/* ---- a group's record */

/* Into e->key; is the key shortened? */
static bool group_key(struct engine *e, const struct group *g) {
    buf_clear(&e->key);
    key_put_be16(&e->key, g->source->number);
    key_put_be16(&e->key, g->number);
    return key_put_part(&e->key, g->columns, KEY_HALF_MAX);
}

static int group_load(struct engine *e, struct group *g, struct arena *arena, struct error *error) {
    size_t count = index_of(g)->measure_count;
    g->tallies = arena_zalloc(arena, count * sizeof(*g->tallies));
    group_key(e, g);
    struct slice record;
    int r = store_get(e->store, DB_GROUPS, buf_slice(&e->key), &record, error);
    g->there = r == 0;
    if (r)
        return r < 0 ? r : 0;
    struct cursor c = cursor_of(arena_copy(arena, record.data, record.len), record.len);
    r = key_check(&c, g->columns, error);
    if (r)
        return r;
    for (size_t i = 0; i < count; i++) {
        struct tally *t = &g->tallies[i];
        t->count = cursor_varint(&c);
        t->poisoned = cursor_varint(&c);
        value_get(&c, &t->sum);
    }
    return c.failed || cursor_left(&c) ? damaged(g->source, error) : 0;
}

static int group_save(struct engine *e, const struct group *g, struct error *error) {
    size_t count = index_of(g)->measure_count;
    bool any = false;
    bool shortened = group_key(e, g);
    buf_clear(&e->value);
    key_put_full(&e->value, g->columns, shortened);
    for (size_t i = 0; i < count; i++) {
        const struct tally *t = &g->tallies[i];
        static const struct value none = {.kind = VALUE_NULL};
        any |= t->count || t->poisoned;
        buf_put_varint(&e->value, t->count);
        buf_put_varint(&e->value, t->poisoned);
        value_put(&e->value, t->count && is_sum(&index_of(g)->measures[i]) ? &t->sum : &none);
    }
    if (any)
        return store_put(e->store, DB_GROUPS, buf_slice(&e->key), buf_slice(&e->value), error);
    int r = g->there ? store_delete(e->store, DB_GROUPS, buf_slice(&e->key), error) : 0;
    return r < 0 ? r : 0;
}

/* ---- values in order */

static void put_form(struct buf *out, const struct measure *m, const struct value *value) {
    bool labelled = value->kind == VALUE_ENUM || value->kind == VALUE_SET;
    struct value text = {.kind = VALUE_TEXT, .data = value->data, .len = value->len};
    buf_clear(out);
    value_put_key(out, labelled ? &text : value);
    for (size_t i = 0; m->operation == AGGREGATE_MAX && i < out->len; i++)
        out->data[i] = (char)~(unsigned char)out->data[i];
}

/* Into e->key: what stands before the forms of a measure's values. */
static bool sorted_prefix(struct engine *e, const struct group *g, unsigned measure) {
    buf_clear(&e->key);
    key_put_be16(&e->key, g->source->number);
    key_put_be16(&e->key, g->number);
    key_put_be16(&e->key, measure);
    return key_put_part(&e->key, g->columns, KEY_HALF_MAX);
}

static int sorted_change(struct engine *e, const struct group *g, unsigned measure, const struct value *value, int by,
                         struct error *error) {
    put_form(&e->other, &index_of(g)->measures[measure], value);
    bool long_columns = sorted_prefix(e, g, measure);
    bool long_form = key_put_part(&e->key, buf_slice(&e->other), KEY_HALF_MAX);
    struct slice record = {NULL, 0};
    int r = store_get(e->store, DB_SORTED, buf_slice(&e->key), &record, error);
    if (r < 0)
        return r;
    uint64_t rows = 0;
    if (r == 0) {
        struct cursor c = cursor_of(record.data, record.len);
        r = key_check(&c, g->columns, error);
        if (!r)
            r = key_check(&c, buf_slice(&e->other), error);
        if (r)
            return r;
        rows = cursor_varint(&c);
    }
    if (by < 0 && rows == 0)
        return damaged(g->source, error);
    rows = by < 0 ? rows - 1 : rows + 1;
    if (rows == 0)
        return store_delete(e->store, DB_SORTED, buf_slice(&e->key), error);
    buf_clear(&e->value);
    key_put_full(&e->value, g->columns, long_columns);
    key_put_full(&e->value, buf_slice(&e->other), long_form);
    buf_put_varint(&e->value, rows);
    value_put(&e->value, value);
    return store_put(e->store, DB_SORTED, buf_slice(&e->key), buf_slice(&e->value), error);
}

/* Forms that agree in this many bytes may stand in the order of their digests. */
enum { ORDERED_BYTES = KEY_HALF_MAX - sizeof(struct digest128) };

/* The best of a group that has values. */
static int sorted_first(struct engine *e, const struct group *g, unsigned measure, struct arena *arena,
                        struct value *ret, struct error *error) {
    bool long_columns = sorted_prefix(e, g, measure);
    struct store_scan scan defer(store_scan_end);
    int r = store_scan(&scan, e->store, DB_SORTED, buf_slice(&e->key), (struct slice){NULL, 0}, error);
    struct slice key, record, best = {NULL, 0};
    while (!r && (r = store_scan_next(&scan, &key, &record, error)) == 0) {
        struct cursor c = cursor_of(record.data, record.len);
        struct slice columns = cursor_blob(&c);
        if (columns.len ? !slice_equal(columns, g->columns) : long_columns)
            continue; /* of a group whose short key begins alike */
        struct slice form = key_full(key, e->key.len, &c);
        struct value value;
        cursor_varint(&c);
        value_get(&c, &value);
        if (c.failed)
            return damaged(g->source, error);
        if (best.data && memcmp(form.data, best.data, MIN(form.len, (size_t)ORDERED_BYTES)) != 0)
            break;
        if (!best.data || slice_compare(form, best) < 0) {
            best = (struct slice){arena_copy(arena, form.data, form.len), form.len};
            *ret = value_copy(arena, &value);
        }
        if (form.len <= ORDERED_BYTES)
            break;
    }
    if (r < 0)
        return r;
    return best.data ? 0 : damaged(g->source, error);
}

/* ---- a row comes and goes */

static void part_of(struct engine *e, const struct measure *m, const struct value *row, struct part *ret) {
    const struct value **rows = arena_zalloc(&e->groups, m->node->entity->node_count * sizeof(const struct value *));
    struct row_set set = {rows};
    struct error reason;
    bool holds = true, counts = false;
    *ret = (struct part){.kind = NOTHING};
    if (!row)
        return;
    rows[m->node->number] = row;
    int r = m->node->filter ? expr_holds(m->node->filter, &set, &e->groups, &holds, &reason) : EVALUATE_OK;
    if (r == EVALUATE_OK && holds)
        r = aggregate_value(m->expr, &set, &e->groups, &counts, &ret->value, &reason);
    if (r != EVALUATE_OK)
        ret->kind = POISONED;
    else if (counts)
        ret->kind = COUNTED;
    if (m->operation == AGGREGATE_COUNT || ret->kind != COUNTED)
        ret->value = (struct value){.kind = VALUE_NULL};
}

static bool same_part(const struct part *a, const struct part *b) {
    return a->kind == b->kind && value_equal(&a->value, &b->value);
}

static int tally_part(struct engine *e, const struct group *g, unsigned measure, const struct part *part, int by,
                      struct error *error) {
    static const struct value zero = {.kind = VALUE_INT};
    const struct measure *m = &index_of(g)->measures[measure];
    struct tally *t = &g->tallies[measure];
    uint64_t *rows = part->kind == POISONED ? &t->poisoned : &t->count;
    if (part->kind == NOTHING)
        return 0;
    if (by < 0 && *rows == 0)
        return damaged(g->source, error);
    bool first = *rows == 0;
    *rows = by < 0 ? *rows - 1 : *rows + 1;
    if (part->kind == POISONED || m->operation == AGGREGATE_COUNT)
        return 0;
    if (is_sorted(m))
        return sorted_change(e, g, measure, &part->value, by, error);
    return number_sum(by < 0 ? '-' : '+', first ? &zero : &t->sum, &part->value, &e->groups, &t->sum, error)
               ? damaged(g->source, error)
               : 0;
}

/* One group, of which `old` leaves and which `new` joins; either may be NULL. */
static int change_group(struct engine *e, const struct source *source, unsigned number, const struct value *old,
                        const struct value *new, struct error *error) {
    struct group g = {.source = source, .number = number};
    bool changed = false;
    arena_reset(&e->groups);
    buf_clear(&e->other);
    index_put_columns(&e->other, index_of(&g), old ? old : new);
    g.columns = (struct slice){arena_copy(&e->groups, e->other.data, e->other.len), e->other.len};
    int r = group_load(e, &g, &e->groups, error);
    for (unsigned i = 0; !r && i < index_of(&g)->measure_count; i++) {
        struct part was, is;
        part_of(e, &index_of(&g)->measures[i], old, &was);
        part_of(e, &index_of(&g)->measures[i], new, &is);
        if (same_part(&was, &is))
            continue;
        changed = true;
        r = tally_part(e, &g, i, &was, -1, error);
        if (!r)
            r = tally_part(e, &g, i, &is, +1, error);
    }
    return r || !changed ? r : group_save(e, &g, error);
}

static bool same_used(const struct source_index *index, const struct value *a, const struct value *b) {
    for (size_t i = 0; i < index->used_count; i++)
        if (!value_equal(&a[index->used[i]], &b[index->used[i]]))
            return false;
    return true;
}

int groups_change(struct engine *e, const struct source *source, const struct value *old, const struct value *new,
                  struct error *error) {
    for (unsigned i = 0; i < source->index_count; i++) {
        const struct source_index *index = &source->indexes[i];
        if (index->measure_count == 0)
            continue;
        bool was = old && !index_has_null(index, old), is = new && !index_has_null(index, new);
        bool stays = was && is && index_same_columns(index, old, new);
        if (stays && same_used(index, old, new))
            continue;
        int r = 0;
        if (stays)
            r = change_group(e, source, i, old, new, error);
        if (!stays && was && !(is && MUTANT(GROUPS)))
            r = change_group(e, source, i, old, NULL, error);
        if (!r && !stays && is)
            r = change_group(e, source, i, NULL, new, error);
        if (r)
            return r;
    }
    return 0;
}

static int count_row(struct engine *e, const struct source *source, struct slice row_key, const struct value *values,
                     void *context, struct error *error) {
    (void)row_key;
    (void)context;
    return groups_change(e, source, NULL, values, error);
}

int groups_build(struct engine *e, struct error *error) {
    int r = store_clear(e->store, DB_GROUPS, error);
    if (!r)
        r = store_clear(e->store, DB_SORTED, error);
    for (size_t s = 0; !r && s < e->contract->source_count; s++) {
        const struct source *source = e->contract->sources[s];
        bool any = false;
        for (size_t i = 0; i < source->index_count; i++)
            any = any || source->indexes[i].measure_count;
        r = any ? source_rows(e, source, count_row, NULL, error) : 0;
    }
    return r;
}

int groups_read(struct engine *e, const struct node *node, const struct value *const *columns, struct arena *arena,
                struct aggregate *ret, struct error *error) {
    struct group g = {.source = node->source, .number = node->index};
    const struct measure *m = &index_of(&g)->measures[node->measure];
    buf_clear(&e->other);
    for (size_t i = 0; i < index_of(&g)->column_count; i++) {
        if (!value_has(columns[i]))
            return 0; /* NULL joins nothing */
        value_put_key(&e->other, columns[i]);
    }
    g.columns = (struct slice){arena_copy(arena, e->other.data, e->other.len), e->other.len};
    int r = group_load(e, &g, arena, error);
    if (r)
        return r;
    const struct tally *t = &g.tallies[node->measure];
    if (t->poisoned)
        return 1;
    ret->count = t->count;
    if (is_sum(m) && t->count)
        ret->value = t->sum;
    return is_sorted(m) && t->count ? sorted_first(e, &g, node->measure, arena, &ret->value, error) : 0;
}
