/* Deciding, at a batch's end (or between batches, for sweeps, replays and assertions):
 *
 *   1 each dirty root is evaluated once for each of its entities; it gives up the key it no longer has and claims its
 *   new one;
 *   2 each key that was given up, claimed or kept is decided: the first claimant's value, or a delete. A value with the
 *   hash of the one last decided is not written again, unless forced;
 *   3 the decided keys enter the outbox and the journal; keys of one moved root are linked;
 *   4 when the journal is written (and durable) what the sender has room for is sent; the pump (outbox.c) sends the
 *   rest.
 *
 * A fault in any step loses nothing: the store's transaction and the journal's tail vanish together, and nothing of
 * the batch was sent before step 4. */
#include "transform/state.h"

struct move {
    struct move *next;
    struct slice from, to;
};
struct known { /* an evaluation kept until it is sent */
    struct slice key;
    const struct entity *entity;
    struct slice root;
    struct evaluation evaluation;
};
struct decision {
    struct decision *next;
    struct slice key;
    struct evaluation evaluation;
};
struct decider {
    bool force, sweep;
    struct known *known; /* open addressing by key */
    size_t known_cap, known_count;
    struct move *moves;
    size_t move_count;
    struct decision *decisions, **decisions_end;
    bool decision_any; /* something was journaled */
};

static bool room_for_items(const struct engine *e) {
    return e->batch.used < engine_items_max;
}

/* ---- what was evaluated */

static struct known *known_slot(struct known *slots, size_t cap, struct slice key) {
    size_t i = hash_key(key) & (cap - 1);
    while (slots[i].key.data && !slice_equal(slots[i].key, key))
        i = (i + 1) & (cap - 1);
    return &slots[i];
}

static void keep(struct engine *e, struct decider *d, const struct entity *entity, struct slice root,
                 const struct evaluation *evaluation) {
    if (d->known_count * 4 >= d->known_cap * 3) {
        size_t cap = MAX(d->known_cap * 2, (size_t)64);
        struct known *slots = arena_zalloc(&e->batch, cap * sizeof(*slots));
        for (size_t i = 0; i < d->known_cap; i++)
            if (d->known[i].key.data)
                *known_slot(slots, cap, d->known[i].key) = d->known[i];
        d->known = slots;
        d->known_cap = cap;
    }
    struct known *slot = known_slot(d->known, d->known_cap, evaluation->key);
    if (!slot->key.data)
        d->known_count++;
    else if (slot->entity->order < entity->order || (slot->entity == entity && slice_compare(slot->root, root) < 0))
        return;
    /* what the evaluation read and made on its way is several times as large, and stays behind */
    *slot = (struct known){{arena_copy(&e->batch, evaluation->key.data, evaluation->key.len), evaluation->key.len},
                           entity,
                           {arena_copy(&e->batch, root.data, root.len), root.len},
                           *evaluation};
    slot->evaluation.key = slot->key;
    slot->evaluation.item = item_copy(evaluation->item, &e->batch);
}

/* What this batch's evaluations say of a key, or NULL. */
static const struct known *recall(const struct decider *d, struct slice key) {
    if (!d || !d->known_cap)
        return NULL;
    const struct known *slot = known_slot(d->known, d->known_cap, key);
    return slot->key.data ? slot : NULL;
}

/* A root's evaluation; a value that DynamoDB has refused is none. */
static int evaluate_entity(struct engine *e, const struct entity *entity, const struct value *values,
                           const struct mark *mark, struct arena *arena, struct evaluation *ret, struct error *error) {
    int r = evaluate(e, entity, values, arena, ret, error);
    if (!r && ret->state == MARK_ITEM && mark->state == MARK_REFUSED &&
        memcmp(&mark->hash, &ret->hash, sizeof(ret->hash)) == 0)
        ret->state = MARK_REFUSED;
    return r;
}

static size_t rooted_number(const struct entity *entity) {
    for (size_t i = 0; i < entity->root->rooted_count; i++)
        if (entity->root->rooted[i] == entity)
            return i;
    return 0;
}

/* ---- what becomes of a root */

static void count_state(struct engine *e, const struct entity *entity, enum mark_state state, int by) {
    uint64_t *gauge = state == MARK_UNKEYED                           ? &e->unkeyed[entity->order]
                      : state == MARK_POISON || state == MARK_REFUSED ? &e->dead[entity->order]
                                                                      : NULL;
    if (gauge)
        *gauge += (uint64_t)by;
}

/* Letters of the dead: one a root, while it is poison. */
static int change_letter(struct engine *e, const struct entity *entity, struct slice root, const struct row *row,
                         const struct mark *old, const struct evaluation *evaluation, struct error *error) {
    bool was = old->state == MARK_POISON || old->state == MARK_REFUSED;
    if (evaluation->state == MARK_POISON)
        return dead_put(e, entity, root, row->values, evaluation->key, evaluation->reason, error);
    return was && evaluation->state != MARK_REFUSED ? dead_delete(e, entity, root, error) : 0;
}

/* A root that has its key no more, and is met before the batch, fan-out or sweep that knows it. Its new key it claims when that meets
 * it; until then it has none, for a mark without its claim would pass for both when the root comes back to the old one. */
static int settle(struct engine *e, const struct claim *claim, struct slice key, struct row *row,
                  const struct evaluation *evaluation, struct error *error) {
    struct mark *mark = &row->marks[rooted_number(claim->entity)];
    if (mark->state != MARK_ITEM || !slice_equal(mark->key, key))
        return 0;
    enum mark_state state = evaluation->state == MARK_ITEM ? MARK_NONE : evaluation->state;
    int r = change_letter(e, claim->entity, claim->root, row, mark, evaluation, error);
    count_state(e, claim->entity, mark->state, -1);
    count_state(e, claim->entity, state, 1);
    *mark = (struct mark){.state = (uint8_t)state};
    return r ? r : row_put_marks(e, claim->root, row, error);
}

static int current(struct engine *e, const struct decider *d, struct slice key, struct arena *arena,
                   struct evaluation *ret, struct claim *claim, struct error *error) {
    const struct known *known = recall(d, key);
    /* nobody else claims it; a claim of former times goes when its root is met */
    if (known && !known->entity->can_conflict && !e->waiting[known->entity->order]) {
        *claim = (struct claim){.entity = known->entity, .root = known->root};
        *ret = known->evaluation;
        return owners_last(e, key, claim, error);
    }
    for (;;) {
        int r = owners_first(e, key, arena, claim, error);
        *ret = (struct evaluation){.state = MARK_NONE};
        if (r || !claim->entity)
            return r;
        if (e->waiting[claim->entity->order]) {
            ret->state = MARK_WAITING;
            return 0;
        }
        if (known && known->entity == claim->entity && slice_equal(known->root, claim->root)) {
            *ret = known->evaluation;
            return 0;
        }
        struct row row;
        r = row_read(e, claim->root, arena, &row, error);
        if (r < 0)
            return r;
        if (r == 0)
            r = evaluate_entity(e, claim->entity, row.values, &row.marks[rooted_number(claim->entity)], arena, ret,
                                error);
        if (r < 0)
            return r;
        if (ret->state == MARK_ITEM && slice_equal(ret->key, key))
            return 0;
        /* a claim that no root makes any more: of an earlier life (engine_reset), or a fan-out or a sweep has yet to meet the root */
        r = r == 0 ? settle(e, claim, key, &row, ret, error) : 0;
        if (!r)
            r = owners_give_up(e, key, claim->entity, claim->root, error);
        if (r)
            return r;
    }
}

int claim_current(struct engine *e, struct slice key, struct arena *arena, struct evaluation *ret,
                  struct claim *ret_claim, struct error *error) {
    return current(e, NULL, key, arena, ret, ret_claim, error);
}

/* ---- 1: roots */

static void note_move(struct engine *e, struct decider *d, struct slice from, struct slice to) {
    if (!e->options.atomic_key_change || d->move_count >= DIRTY_IN_MEMORY || MUTANT(APART))
        return;
    struct move *move = arena_alloc(&e->batch, sizeof(*move));
    *move = (struct move){d->moves,
                          {arena_copy(&e->batch, from.data, from.len), from.len},
                          {arena_copy(&e->batch, to.data, to.len), to.len}};
    d->moves = move;
    d->move_count++;
}

/* One entity of a root; *ret_changed when its mark did. */
static int claim_entity(struct engine *e, struct decider *d, struct slice root, struct row *row, size_t number,
                        bool *ret_changed, struct error *error) {
    const struct entity *entity = row->source->rooted[number];
    struct mark *mark = &row->marks[number];
    struct evaluation evaluation;
    int r = evaluate_entity(e, entity, row->values, mark, &e->scratch, &evaluation, error);
    if (!r)
        r = change_letter(e, entity, root, row, mark, &evaluation, error);
    if (r)
        return r;
    bool had = mark->state == MARK_ITEM, has = evaluation.state == MARK_ITEM;
    bool same = had && has && slice_equal(mark->key, evaluation.key);
    if (had && !same && !(MUTANT(POISONSTAYS) && evaluation.state == MARK_POISON)) {
        r = owners_give_up(e, mark->key, entity, root, error);
        if (!r)
            r = key_set_add(e, &e->touched, mark->key, error);
        e->key_moves[entity->target->number] += has;
        if (has)
            note_move(e, d, mark->key, evaluation.key);
    }
    if (!r && has) {
        if (room_for_items(e))
            keep(e, d, entity, root, &evaluation);
        if (!same)
            r = owners_claim(e, evaluation.key, entity, root, error);
        if (!r)
            r = key_set_add(e, &e->touched, evaluation.key, error);
    }
    if (r)
        return r;
    if (mark->state != (uint8_t)evaluation.state || (has && !same)) {
        count_state(e, entity, mark->state, -1);
        count_state(e, entity, evaluation.state, 1);
        struct digest128 refused = mark->hash;
        *mark =
            (struct mark){.state = (uint8_t)evaluation.state, .key = has ? evaluation.key : (struct slice){NULL, 0}};
        if (evaluation.state == MARK_REFUSED)
            mark->hash = refused;
        *ret_changed = true;
    }
    return 0;
}

static int claim_root(struct engine *e, struct slice root, void *context, struct error *error) {
    struct row row;
    bool changed = false;
    arena_reset(&e->scratch);
    int r = row_read(e, root, &e->scratch, &row, error);
    if (r)
        return r < 0 ? r : 0;
    const struct decider *d = context;
    for (size_t i = 0; !r && i < row.source->rooted_count; i++)
        if (!e->waiting[row.source->rooted[i]->order] &&
            (!d->sweep || !e->sweep_gentle || e->catalog.entities[row.source->rooted[i]->order].unswept))
            r = claim_entity(e, context, root, &row, i, &changed, error);
    if (!r && (changed || !row.values))
        r = row_put_marks(e, root, &row, error);
    return r;
}

/* ---- 2 and 3: keys */

static int decide_key(struct engine *e, struct slice key, void *context, struct error *error) {
    struct decider *d = context;
    bool keeping = room_for_items(e);
    struct evaluation evaluation;
    struct claim claim;
    arena_reset(&e->scratch);
    int r = current(e, d, key, keeping ? &e->batch : &e->scratch, &evaluation, &claim, error);
    if (r || evaluation.state == MARK_WAITING) /* the sweep will decide */
        return r;
    bool put = evaluation.state == MARK_ITEM;
    bool same = put ? claim.has_decided && memcmp(&claim.decided, &evaluation.hash, sizeof(claim.decided)) == 0
                    : !claim.has_decided;
    if (same && !d->force) {
        e->suppressed++;
        return 0;
    }
    if (!same && !MUTANT(HASHACKED))
        r = owners_decided(e, key, put ? &evaluation.hash : NULL, error);
    if (!r && !(MUTANT(SWEEPNOJOURNAL) && d->sweep)) {
        r = journal_add(e->journal, key, error);
        d->decision_any = true;
    }
    if (!r)
        r = outbox_decided(e, key, d->sweep, error);
    if (r || !keeping)
        return r;
    struct decision *decision = arena_alloc(&e->batch, sizeof(*decision));
    *decision = (struct decision){NULL, {arena_copy(&e->batch, key.data, key.len), key.len}, evaluation};
    *d->decisions_end = decision;
    d->decisions_end = &decision->next;
    return 0;
}

static int link_moves(struct engine *e, const struct decider *d, struct error *error) {
    for (const struct move *move = d->moves; move; move = move->next) {
        int r = outbox_link(e, move->from, move->to, error);
        if (r)
            return r;
    }
    return 0;
}

/* ---- 4 */

static int send_decided(struct engine *e, const struct decider *d, struct error *error) {
    for (const struct decision *decision = d->decisions; decision && outbox_open(e); decision = decision->next) {
        if (e->options.hooks.room(e->options.hooks.context) <= e->pending_count)
            break;
        int r = outbox_send(e, decision->key, &decision->evaluation, error);
        if (r)
            return r;
    }
    return outbox_flush(e, error);
}

/* What claims and leaves in one batch (a swap) is no conflict: only what is left of it counts. */
static void count_conflicts(struct engine *e) {
    for (size_t i = 0; i < e->contract->target_count; i++) {
        e->conflicts_total[i] += e->conflicts[i] > e->conflicts_seen[i] ? e->conflicts[i] - e->conflicts_seen[i] : 0;
        e->conflicts_seen[i] = e->conflicts[i];
    }
}

int decide(struct engine *e, bool force, bool sweep, struct error *error) {
    struct decider d = {.force = force, .sweep = sweep};
    d.decisions_end = &d.decisions;
    e->changed = true;
    journal_begin(e->journal, e->number, &e->applied);
    int r = key_set_each(e, &e->dirty, claim_root, &d, error);
    count_conflicts(e);
    if (!r)
        r = key_set_each(e, &e->touched, decide_key, &d, error);
    if (!r)
        r = link_moves(e, &d, error);
    if (r)
        return r;
    CRASH_POINT("decide.before_journal");
    r = journal_end(e->journal, error);
    if (r)
        return r;
    if (d.decision_any)
        e->journaled = e->transactions;
    CRASH_POINT("decide.before_send");
    e->in_batch =
        false; /* the store is at a transaction's end, and decided: what is evaluated from now on may be sent */
    e->pump_idle = 0;
    r = send_decided(e, &d, error);
    if (!r)
        r = key_set_clear(e, &e->dirty, error);
    if (!r)
        r = key_set_clear(e, &e->touched, error);
    arena_reset(&e->batch);
    return r;
}

int decide_between(struct engine *e, bool force, bool sweep, struct error *error) {
    if (!MUTANT(NOBUMP))
        e->number++;
    return decide(e, force, sweep, error);
}
