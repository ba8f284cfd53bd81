/* The fake source: rows, what foreign keys do to them, the history of all positions, and transactions prepared by XA. */
#include "tests/sim/world.h"

static const struct table_model *table_of(int t) {
    return &world->model.tables[t];
}

int compare_key(int t, const struct srow *a, const struct srow *b) {
    for (int i = 0; i < table_of(t)->keys; i++) {
        char x[64], y[64];
        enum style style = table_of(t)->c[i].style;
        int c = style == TEXT ? strcmp(model_text(style, a->c[i], x), model_text(style, b->c[i], y))
                              : (a->c[i] > b->c[i]) - (a->c[i] < b->c[i]);
        if (c)
            return c;
    }
    return 0;
}

int find_row(const struct srows *rows, int t, const struct srow *key) {
    for (int i = 0; i < rows->count; i++)
        if (compare_key(t, &rows->list[i], key) == 0)
            return i;
    return -1;
}

static bool remove_row(struct sdb *db, int t, const struct srow *key) {
    struct srows *rows = &db->t[t];
    int i = find_row(rows, t, key);
    if (i < 0)
        return false;
    memmove(&rows->list[i], &rows->list[i + 1], (size_t)(rows->count - i - 1) * sizeof(rows->list[0]));
    rows->count--;
    return true;
}

static bool insert_row(struct sdb *db, int t, const struct srow *row) {
    struct srows *rows = &db->t[t];
    int i = 0, unique = table_of(t)->unique;
    if (rows->count == ROWS_MAX)
        return false;
    while (i < rows->count && compare_key(t, &rows->list[i], row) < 0)
        i++;
    if (i < rows->count && compare_key(t, &rows->list[i], row) == 0)
        return false;
    for (int k = 0; unique >= 0 && row->c[unique] != NONE && k < rows->count; k++)
        if (rows->list[k].c[unique] == row->c[unique])
            return false;
    memmove(&rows->list[i + 1], &rows->list[i], (size_t)(rows->count - i) * sizeof(rows->list[0]));
    rows->list[i] = *row;
    rows->count++;
    return true;
}

/* ---- foreign keys */

static bool change_child(struct statement *s, const struct fk_model *f, enum fk_rule rule, const struct srow *child,
                         const struct srow *parent_after) {
    struct srow changed = *child;
    changed.c[f->column] = rule == FK_SET_NULL ? NONE : parent_after ? parent_after->c[0] : 0;
    s->cascades++;
    return write_row(s, f->child, child, rule == FK_CASCADE && !parent_after ? NULL : &changed, world->cfg.fk_logged);
}

/* False: the source refuses. */
static bool cascade(struct statement *s, int t, const struct srow *before, const struct srow *after) {
    for (int n = 0; n < world->model.fk_count; n++) {
        const struct fk_model *f = &world->model.fks[n];
        if (f->parent != t || (after && after->c[0] == before->c[0]))
            continue;
        enum fk_rule rule = after ? f->on_update : f->on_delete;
        const struct srows children = s->db.t[f->child];
        for (int i = 0; i < children.count; i++) {
            int at = find_row(&s->db.t[f->child], f->child, &children.list[i]);
            if (at < 0 || s->db.t[f->child].list[at].c[f->column] != before->c[0])
                continue; /* no child, or changed on the way */
            struct srow child = s->db.t[f->child].list[at];
            if (rule == FK_RESTRICT || !change_child(s, f, rule, &child, after))
                return false;
        }
    }
    return true;
}

static bool references_hold(const struct statement *s, int t, const struct srow *row) {
    for (int i = 0; i < world->model.fk_count; i++) {
        const struct fk_model *f = &world->model.fks[i];
        if (f->child == t && row->c[f->column] != NONE &&
            find_row(&s->db.t[f->parent], f->parent, &(struct srow){{row->c[f->column]}}) < 0)
            return false;
    }
    return true;
}

bool write_row(struct statement *s, int t, const struct srow *before, const struct srow *after, bool logged) {
    if (s->count == ARRAY_LEN(s->changes) || (before && !remove_row(&s->db, t, before)) ||
        (after && !insert_row(&s->db, t, after)))
        return false;
    s->touched |= 1u << t;
    if (logged) {
        struct schange *change = &s->changes[s->count++];
        *change = (struct schange){.table = t, .has_before = before, .has_after = after};
        if (before)
            change->before = *before;
        if (after)
            change->after = *after;
    }
    if (!s->fk)
        return true;
    if (before && !cascade(s, t, before, after))
        return false;
    return !after || references_hold(s, t, after);
}

/* ---- history */

bool source_full(void) {
    return world->transactions_max && world->src.end >= world->transactions_max;
}

static void grow(struct source_sim *src, int cap) {
    src->cap = cap;
    src->hist = xrealloc(src->hist, (size_t)cap * sizeof(*src->hist));
    src->log = xrealloc(src->log, (size_t)cap * sizeof(*src->log));
}

void source_init(struct source_sim *src) {
    grow(src, 64);
    src->hist[0] = (struct sdb){0};
}

static struct stxn *append(const struct sdb *db) {
    struct source_sim *src = &world->src;
    const struct sdb copy = *db; /* it may be in `hist` */
    if (src->end + 2 > src->cap)
        grow(src, src->cap * 2);
    struct stxn *txn = &src->log[src->end];
    src->hist[++src->end] = copy;
    totals.transactions++;
    return txn;
}

static struct schange *copy_changes(const struct schange *changes, int count) {
    struct schange *copy = xmalloc((size_t)count * sizeof(*copy));
    return memcpy(copy, changes, (size_t)count * sizeof(*copy));
}

void source_commit(const struct statement *s, bool truncate, enum image image) {
    *append(&s->db) = (struct stxn){PLAIN, copy_changes(s->changes, s->count), s->count, !s->fk, image, 0};
    totals.cascades += world->cfg.fk_logged ? 0 : (uint64_t)s->cascades;
    totals.truncates += truncate;
    totals.fk_off += !s->fk;
}

/* ---- XA: the rows change when it is committed, and until then nobody else comes near them */

static unsigned relatives(unsigned tables) {
    unsigned all = tables;
    for (int i = 0; i < world->model.fk_count; i++) {
        unsigned pair = 1u << world->model.fks[i].child | 1u << world->model.fks[i].parent;
        all |= pair & tables ? pair : 0;
    }
    return all;
}

bool source_locked(unsigned tables) {
    for (int i = 0; i < world->src.prepared_count; i++)
        if (world->src.prepared[i].locked & tables)
            return true;
    return false;
}

void source_prepare(const struct statement *s, enum image image) {
    struct source_sim *src = &world->src;
    if (src->prepared_count == PREPARED_MAX) {
        source_commit(s, false, image);
        return;
    }
    int xid = ++src->xids;
    *append(&src->hist[src->end]) =
        (struct stxn){XA_PREPARE, copy_changes(s->changes, s->count), s->count, !s->fk, image, xid};
    src->prepared[src->prepared_count++] =
        (struct prepared_sim){.xid = xid, .position = src->end - 1, .locked = relatives(s->touched)};
    totals.prepared++;
}

/* The rows as they are, with what was prepared. */
static void carry_out(const struct stxn *txn, struct statement *s) {
    s->db = world->src.hist[world->src.end];
    s->count = 0;
    s->fk = !txn->fk_off;
    for (int i = 0; i < txn->count; i++) {
        const struct schange *c = &txn->changes[i];
        /* with logged cascades the children's changes stand among the others */
        s->fk &= !world->cfg.fk_logged;
        if (!write_row(s, c->table, c->has_before ? &c->before : NULL, c->has_after ? &c->after : NULL, true))
            fail("the simulator: a prepared transaction cannot be committed");
    }
}

void source_end_prepared(int number, bool commit) {
    struct source_sim *src = &world->src;
    static struct statement s;
    struct prepared_sim p = src->prepared[number];
    struct stxn txn = src->log[p.position]; /* append() moves the log */
    src->prepared[number] = src->prepared[--src->prepared_count];
    s.db = src->hist[src->end];
    if (commit)
        carry_out(&txn, &s);
    struct stxn *end = append(&s.db);
    *end =
        (struct stxn){.kind = commit ? XA_COMMIT : XA_ROLLBACK, .fk_off = txn.fk_off, .image = txn.image, .xid = p.xid};
    if (commit) {
        end->changes = copy_changes(txn.changes, txn.count);
        end->count = txn.count;
    }
    *(commit ? &totals.xa_commits : &totals.xa_rollbacks) += 1;
}

void source_deinit(struct source_sim *src) {
    for (int i = 0; i < src->end; i++)
        free(src->log[i].changes);
    free(src->hist);
    free(src->log);
    *src = (struct source_sim){0};
}

/* ---- values, and the history for a reader */

void to_value(int t, int column, int v, struct arena *arena, struct value *ret) {
    enum style style = table_of(t)->c[column].style;
    char out[64];
    *ret = (struct value){.kind = VALUE_NULL};
    if (v == NONE)
        return;
    if (style == NUMBER) {
        *ret = (struct value){.kind = VALUE_INT, .i = v};
        return;
    }
    const char *s = arena_strdup(arena, model_text(style, v, out));
    *ret = (struct value){.kind = VALUE_TEXT, .len = (uint32_t)strlen(s), .data = s};
    if (style == MONEY) {
        ret->kind = VALUE_DECIMAL;
        ret->scale = 2;
    } else if (style == LABEL) {
        ret->kind = VALUE_ENUM;
        ret->u = (uint64_t)v;
    }
}

static void print_row(int t, const struct srow *row, FILE *out) {
    char text[64];
    for (int c = 0; c < table_of(t)->columns; c++)
        fprintf(out, "%s%s", c ? ", " : "(",
                row->c[c] == NONE ? "NULL" : model_text(table_of(t)->c[c].style, row->c[c], text));
    fputc(')', out);
}

static void print_change(const struct schange *c, FILE *out) {
    fprintf(out, "    %s %s ",
            c->truncate      ? "TRUNCATE"
            : !c->has_before ? "INSERT"
            : c->has_after   ? "UPDATE"
                             : "DELETE",
            table_names[c->table]);
    if (c->has_before)
        print_row(c->table, &c->before, out);
    fputs(c->has_before && c->has_after ? " -> " : "", out);
    if (c->has_after)
        print_row(c->table, &c->after, out);
    fputc('\n', out);
}

static void print_tables(FILE *out) {
    static const char *const types[] = {"INT", "VARCHAR(200)", "DECIMAL(10,2)", "ENUM"};
    static const char *const rules[] = {"NO ACTION", "RESTRICT", "CASCADE", "SET NULL", "SET DEFAULT"};
    for (int t = 0; t < world->model.table_count; t++) {
        fprintf(out, "  %s (", table_names[t]);
        for (int c = 0; c < table_of(t)->columns; c++)
            fprintf(out, "c%d %s%s%s, ", c, types[table_of(t)->c[c].style],
                    table_of(t)->c[c].nullable ? "" : " NOT NULL", c == table_of(t)->unique ? " UNIQUE" : "");
        fprintf(out, "PRIMARY KEY (c0%s))\n", table_of(t)->keys > 1 ? ", c1" : "");
    }
    for (int i = 0; i < world->model.fk_count; i++) {
        const struct fk_model *f = &world->model.fks[i];
        fprintf(out, "  FOREIGN KEY %s.c%d -> %s.c0 ON DELETE %s ON UPDATE %s\n", table_names[f->child], f->column,
                table_names[f->parent], rules[f->on_delete], rules[f->on_update]);
    }
}

void source_print(FILE *out) {
    static const char *const kinds[] = {"", " XA PREPARE", " XA COMMIT", " XA ROLLBACK"};
    static const char *const images[] = {"", " MINIMAL", " NOBLOB"};
    print_tables(out);
    for (int p = 0; p < world->src.end; p++) {
        const struct stxn *txn = &world->src.log[p];
        fprintf(out, "  transaction %d%s", p + 1, kinds[txn->kind]);
        if (txn->kind != PLAIN)
            fprintf(out, " %d", txn->xid);
        fprintf(out, "%s%s%s\n", images[txn->image], txn->fk_off ? ", foreign_key_checks=0" : "",
                world->cfg.fk_logged ? "" : ", cascades not logged");
        for (int i = 0; i < txn->count && txn->kind != XA_COMMIT; i++)
            print_change(&txn->changes[i], out);
    }
}
