/* Random transactions over small domains: rows that come and go, swap keys and values, shift by one, many at once, and failing
 * statements. */
#include "tests/sim/world.h"

static const struct table_model *table_of(int t) {
    return &world->model.tables[t];
}

static int random_value(const struct column_model *c, bool key) {
    if (c->nullable && chance(150))
        return NONE;
    int v = 1 + below(c->domain);
    if (c->style != TEXT)
        return v;
    if (!key && chance(15))
        return EMPTY_TEXT;
    if (chance(30))
        return chance(500) ? LONG_TEXT : DIGITS_TEXT;
    return v == REFUSED_TEXT || chance(12) ? (chance(400) ? REFUSED_TEXT : 4) : v;
}

static struct srow random_row(int t) {
    struct srow row = {{0}};
    for (int c = 0; c < table_of(t)->columns; c++)
        row.c[c] = random_value(&table_of(t)->c[c], c < table_of(t)->keys);
    return row;
}

static bool same_row(const struct srow *a, const struct srow *b) {
    return memcmp(a, b, sizeof(*a)) == 0;
}

static bool update(struct statement *s, int t, const struct srow *before, const struct srow *after) {
    return same_row(before, after) || write_row(s, t, before, after, true);
}

/* Is the row there just as it was? A cascade may have changed it. */
static bool still_there(const struct statement *s, int t, const struct srow *row) {
    int i = find_row(&s->db.t[t], t, row);
    return i >= 0 && same_row(&s->db.t[t].list[i], row);
}

/* Two rows exchange the values of a column; a unique one by way of a third value. */
static bool swap_rows(struct statement *s, int t, struct srow a) {
    const struct srows *rows = &s->db.t[t];
    struct srow b = rows->list[below(rows->count)], hidden = a, a2 = a, b2 = b;
    int column = chance(300)                               ? 0
                 : table_of(t)->unique >= 0 && chance(500) ? table_of(t)->unique
                                                           : below(table_of(t)->columns);
    if (compare_key(t, &a, &b) == 0 || a.c[column] == b.c[column])
        return true;
    if (column < table_of(t)->keys || column == table_of(t)->unique)
        hidden.c[column] = HIDDEN;
    b2.c[column] = a.c[column];
    a2.c[column] = b.c[column];
    return update(s, t, &a, &hidden) && still_there(s, t, &b) && update(s, t, &b, &b2) && still_there(s, t, &hidden) &&
           update(s, t, &hidden, &a2);
}

/* UPDATE t SET c0 = c0 + 1: each row takes the next one's place. */
static bool shift_keys(struct statement *s, int t) {
    const struct srows all = s->db.t[t];
    if (table_of(t)->c[0].style != NUMBER)
        return true;
    for (int i = all.count - 1; i >= 0; i--) {
        int at = find_row(&s->db.t[t], t, &all.list[i]);
        if (at < 0)
            continue;
        struct srow before = s->db.t[t].list[at], after = before;
        if (++after.c[0] >= HIDDEN || !write_row(s, t, &before, &after, true))
            return false;
    }
    return true;
}

/* All rows that have one value in a column get another one there or elsewhere, or go. */
static bool many_rows(struct statement *s, int t) {
    const struct srows all = s->db.t[t];
    const struct table_model *m = table_of(t);
    int by = below(m->columns), column = m->keys + below(m->columns - m->keys);
    int wanted = all.list[below(all.count)].c[by], value = random_value(&m->c[column], false);
    bool gone = chance(250);
    for (int i = 0; i < all.count; i++) {
        struct srow after = all.list[i];
        if (after.c[by] != wanted || !still_there(s, t, &all.list[i]))
            continue;
        after.c[column] = value;
        if (!(gone ? write_row(s, t, &all.list[i], NULL, true) : update(s, t, &all.list[i], &after)))
            return false;
    }
    return true;
}

static bool change_columns(struct statement *s, int t, const struct srow *before) {
    const struct table_model *m = table_of(t);
    struct srow after = *before, row = random_row(t);
    if (chance(650)) {
        int c = m->keys + below(m->columns - m->keys);
        after.c[c] = row.c[c];
    } else {
        for (int c = m->keys; c < m->columns; c++)
            after.c[c] = row.c[c];
    }
    return update(s, t, before, &after);
}

static bool one_statement(struct statement *s) {
    int t = below(world->model.table_count), x = below(1000);
    const struct srows *rows = &s->db.t[t];
    struct srow row = random_row(t);
    if (rows->count == 0 || x < 300)
        return write_row(s, t, NULL, &row, true);
    struct srow before = rows->list[below(rows->count)], after = before;
    if (x < 390)
        return write_row(s, t, &before, NULL, true);
    if (x < 420) /* REPLACE */
        return write_row(s, t, &before, NULL, true) &&
               write_row(s, t, NULL, (memcpy(row.c, before.c, sizeof(int) * (size_t)table_of(t)->keys), &row), true);
    if (x < 480) {
        int c = below(table_of(t)->keys);
        after.c[c] = random_value(&table_of(t)->c[c], true);
        return update(s, t, &before, &after);
    }
    if (x < 580)
        return swap_rows(s, t, before);
    if (x < 620)
        return shift_keys(s, t);
    if (x < 700)
        return many_rows(s, t);
    return change_columns(s, t, &before);
}

/* A parent cannot be truncated. */
static bool truncate_table(struct statement *s) {
    int t = below(world->model.table_count);
    for (int i = 0; i < world->model.fk_count; i++)
        if (world->model.fks[i].parent == t)
            return false;
    s->db.t[t].count = 0;
    s->touched = 1u << t;
    s->changes[s->count++] = (struct schange){.table = t, .truncate = true};
    return true;
}

static enum image image(void) {
    if (!world->cfg.mixed_images)
        return world->cfg.image;
    return (enum image)below(3);
}

static void one_transaction(void) {
    static const int sizes[] = {1, 1, 1, 2, 3, 8};
    static struct statement s, saved;
    struct source_sim *src = &world->src;
    s.db = src->hist[src->end];
    s.count = s.cascades = 0;
    s.touched = 0;
    s.fk = !chance(100);
    bool truncates = chance(20) && truncate_table(&s);
    if (truncates)
        s.fk = true;
    for (int n = truncates ? 0 : sizes[below(6)]; n > 0; n--) {
        saved = s;
        if (!one_statement(&s))
            s = saved;
    }
    if (s.count == 0 || source_locked(s.touched) || chance(80)) /* nothing done, or rolled back */
        return;
    if (world->cfg.xa && !truncates && src->end && chance(150))
        source_prepare(&s, image());
    else
        source_commit(&s, truncates, image());
}

void source_transaction(void) {
    if (source_full())
        return;
    enum stream before = world->stream;
    world->stream = SOURCE;
    if (world->src.prepared_count && chance(250))
        source_end_prepared(below(world->src.prepared_count), !chance(250));
    else
        one_transaction();
    world->stream = before;
}
