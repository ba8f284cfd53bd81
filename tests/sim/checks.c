/* The invariants of ARCHITECTURE.md, by number, and what the source's history met. */
#include "tests/lib/groups_check.h"
#include "tests/sim/world.h"

static bool value_in_range(uint64_t key, uint64_t value, int from) {
    for (int p = from; p <= world->src.end; p++)
        if (expected_value(p, key) == value)
            return true;
    return false;
}

void check_acknowledged(void) {
    if (!world->up || world->spoilt || !world->timetravel)
        return;
    int a = place_of(engine_acknowledged(world->e));
    if (a < 0)
        return;
    if (a > place_of(engine_applied(world->e)))
        fail("I1 acknowledged %d is behind applied %d", a, place_of(engine_applied(world->e)));
    for (int i = 0; i < world->items_cap; i++)
        if (world->items[i].used && !value_in_range(world->items[i].key, world->items[i].value, a))
            fail("I1 acknowledged %d, but %016llx = %016llx; contract there %016llx", a,
                 (unsigned long long)world->items[i].key, (unsigned long long)world->items[i].value,
                 (unsigned long long)expected_value(a, world->items[i].key));
    for (int p = a; p <= MIN(a + 1, world->src.end); p++) /* and nothing is missing */
        for (int i = 0; i < expected_at(p)->winner_count; i++) {
            uint64_t key = expected_at(p)->claims[expected_at(p)->winners[i]].key;
            if (!value_in_range(key, target_item(key)->value, a))
                fail("I1 acknowledged %d, but %016llx is missing", a, (unsigned long long)key);
        }
}

/* A refused value that stands behind another claimant: the engine learns of it when it comes first, and need not have. */
static bool is_shadowed(const struct expected *x, const struct sclaim *claim) {
    for (int i = 0; i < x->count && &x->claims[i] < claim; i++)
        if (claim->state == CLAIM_REFUSED && x->claims[i].state == CLAIM_ITEM && x->claims[i].key == claim->key)
            return true;
    return false;
}

static void check_conflicts(const struct expected *x, const struct engine_gauges *g) {
    uint64_t sure[TARGETS_MAX] = {0}, most[TARGETS_MAX] = {0};
    for (int i = 0; i < x->winner_count; i++) {
        const struct sclaim *winner = &x->claims[x->winners[i]];
        int claimants = 0, shadowed = 0;
        for (int k = 0; k < x->count; k++) {
            bool same = x->claims[k].key == winner->key;
            claimants += same && x->claims[k].state == CLAIM_ITEM;
            shadowed += same && is_shadowed(x, &x->claims[k]);
        }
        sure[winner->target] += claimants > 1;
        most[winner->target] += claimants + shadowed > 1;
    }
    for (int t = 0; t < world->model.target_count; t++)
        if (g->conflicts[t] < sure[t] || g->conflicts[t] > most[t])
            fail("gauge: in table %d %d keys are claimed by several, the engine says %d", t, (int)sure[t],
                 (int)g->conflicts[t]);
}

static void check_gauges(const struct expected *x) {
    uint64_t unkeyed[ENTITIES_MAX] = {0}, dead[ENTITIES_MAX] = {0}, shadowed[ENTITIES_MAX] = {0}, letters = 0;
    struct engine_gauges g;
    engine_gauges(world->e, &g);
    for (int i = 0; i < x->count; i++) {
        const struct sclaim *claim = &x->claims[i];
        unkeyed[claim->entity] += claim->state == CLAIM_UNKEYED;
        shadowed[claim->entity] += is_shadowed(x, claim);
        dead[claim->entity] +=
            claim->state == CLAIM_POISON || (claim->state == CLAIM_REFUSED && !is_shadowed(x, claim));
    }
    for (int i = 0; i < world->model.entity_count; i++) {
        if (g.unkeyed[i] != unkeyed[i])
            fail("gauge: entity %d has %d roots without key, the engine says %d", i, (int)unkeyed[i],
                 (int)g.unkeyed[i]);
        if (g.dead[i] < dead[i] || g.dead[i] > dead[i] + shadowed[i])
            fail("I8 gauge: entity %d has %d poison roots, the engine says %d", i, (int)dead[i], (int)g.dead[i]);
        letters += g.dead[i];
    }
    check_conflicts(x, &g);
    if (store_entries(world->e->store, DB_DEAD) != letters)
        fail("I8 %d dead letters, %d poison roots", (int)store_entries(world->e->store, DB_DEAD), (int)letters);
    if (g.prepared != (uint64_t)world->src.prepared_count)
        fail("I5 %d transactions are prepared, the engine says %d", world->src.prepared_count, (int)g.prepared);
    if (position_reached(engine_acknowledged(world->e), engine_applied(world->e)) == false)
        fail("I1 at rest not everything is acknowledged");
}

static void check_items(const struct expected *x) {
    for (int i = 0; i < x->winner_count; i++) {
        const struct sclaim *claim = &x->claims[x->winners[i]];
        if (target_item(claim->key)->value != claim->value)
            fail("I3 %016llx: target %016llx, contract %016llx", (unsigned long long)claim->key,
                 (unsigned long long)target_item(claim->key)->value, (unsigned long long)claim->value);
    }
    for (int i = 0; i < world->items_cap; i++)
        if (world->items[i].used && world->items[i].value && !expected_value(world->src.end, world->items[i].key))
            fail("I3 %016llx is left over", (unsigned long long)world->items[i].key);
}

static void check_store(void) {
    struct error error = {""};
    struct arena arena defer(arena_deinit) = {0};
    uint64_t rows = 0;
    const struct sdb *db = &world->src.hist[world->src.end];
    for (int t = 0; t < world->model.table_count; t++) {
        const struct source *source = source_of(t);
        for (int i = 0; source && i < db->t[t].count; i++) {
            struct value *values = source_values(t, &db->t[t].list[i], &arena);
            struct buf key defer(buf_deinit) = ROW_KEY_BUF;
            struct row row = {0};
            row_key_put(&key, source, values);
            rows++;
            bool same = row_read(world->e, buf_slice(&key), &arena, &row, &error) == 0 && row.values;
            for (size_t c = 0; same && c < source->column_count; c++)
                same = value_equal(&row.values[c], &values[c]);
            if (!same)
                fail("I3 the store's row of %s differs from the source's", source->name);
        }
    }
    if (store_entries(world->e->store, DB_ROWS) != rows)
        fail("I3 the store has rows that the source has not");
    const char *groups = groups_check(world->e, &error);
    if (groups)
        fail("I3 running aggregates: %s", groups);
}

void check_rest(void) {
    const struct expected *x = expected_at(world->src.end);
    check_items(x);
    check_store();
    check_gauges(x);
}

/* ---- what the history met */

static const struct sclaim *holder_of(const struct expected *x, uint64_t key) {
    for (int i = 0; i < x->winner_count; i++)
        if (x->claims[x->winners[i]].key == key)
            return &x->claims[x->winners[i]];
    return NULL;
}

static const struct sclaim *item_of(const struct expected *x, uint64_t identity) {
    for (int i = 0; i < x->winner_count; i++)
        if (x->claims[x->winners[i]].identity == identity)
            return &x->claims[x->winners[i]];
    return NULL;
}

/* An item's key moves: onto a free key, or onto that of another that moves, too. */
static void count_move(const struct expected *before, const struct expected *after, const struct sclaim *from,
                       const struct sclaim *to) {
    const struct sclaim *other = holder_of(before, to->key), *next = other ? item_of(after, other->identity) : NULL;
    totals.key_moves++;
    if (next && next->key == from->key)
        totals.swaps++;
    else if (next && next->key != to->key)
        totals.chains++;
}

static void count_step(const struct expected *before, const struct expected *after, const struct stxn *txn) {
    int changed = 0;
    for (int i = 0; i < after->winner_count; i++) {
        const struct sclaim *to = &after->claims[after->winners[i]], *from = item_of(before, to->identity),
                            *held = holder_of(before, to->key);
        changed += !from || from->key != to->key || from->value != to->value;
        if (from && from->key != to->key)
            count_move(before, after, from, to);
        totals.holder_changes += held && held->identity != to->identity;
    }
    totals.fan_outs += changed >= 3 && txn->count == 1 && !txn->changes[0].truncate;
}

void count_history(void) {
    for (int p = 1; p <= world->src.end; p++) {
        const struct expected *x = expected_at(p);
        for (int i = 0; i < x->count; i++) {
            totals.unkeyed += x->claims[i].state == CLAIM_UNKEYED;
            totals.poison += x->claims[i].state == CLAIM_POISON;
            totals.target_refusals += x->claims[i].state == CLAIM_REFUSED;
            totals.conflicts += x->claims[i].state == CLAIM_ITEM && !x->claims[i].wins;
        }
        count_step(expected_at(p - 1), x, &world->src.log[p - 1]);
    }
}
