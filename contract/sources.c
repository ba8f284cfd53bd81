/* Sources: which MySQL tables are kept, with which columns and indexes, and how their foreign keys cascade. */
#include "contract/compile.h"
#include "contract/identity.h"

#include <stdlib.h>

struct source_build {
    struct source source; /* first: a struct source * is one of these */
    bool *needed;         /* by column of the table */
    unsigned *key;        /* the key's columns, of the table */
    unsigned *number;     /* by column of the table: of the source */
    struct source_index *indexes;
    struct cascade *cascades;
    struct node **standings;
    struct entity **rooted;
};

static struct source_build *build_of(const struct source *source) {
    return (struct source_build *)(uintptr_t)source;
}

void *list_grow(struct arena *arena, void *list, size_t count, size_t element_size) {
    if (count & (count - 1))
        return list; /* not a power of two: there is room up to the next one */
    void *to = arena_zalloc(arena, (count ? count * 2 : 1) * element_size);
    if (count)
        memcpy(to, list, count * element_size);
    return to;
}

/* ---- one source */

static const struct table_key *table_best_key(const struct table *t) {
    const struct table_key *best = NULL;
    for (size_t i = 0; i < t->key_count; i++) {
        const struct table_key *k = &t->keys[i];
        if (k->primary)
            return k;
        if (k->unique && !k->partial && !k->nullable && !best)
            best = k;
    }
    return best;
}

void source_need(struct source *source, unsigned column) {
    build_of(source)->needed[column] = true;
}

static struct source *source_add(struct build *b, const struct table *t, const struct table_key *key) {
    struct source_build *s = arena_zalloc(b->arena, sizeof(*s));
    s->needed = arena_zalloc(b->arena, t->column_count * sizeof(*s->needed));
    s->number = arena_zalloc(b->arena, t->column_count * sizeof(*s->number));
    s->key = arena_copy(b->arena, key->columns, key->column_count * sizeof(*s->key));
    s->source = (struct source){
        .number = (unsigned)b->source_count, .name = t->name, .table = t, .key_count = key->column_count};
    for (size_t i = 0; i < key->column_count; i++)
        s->needed[key->columns[i]] = true;
    LIST_ADD(b->arena, b->sources, b->source_count, &s->source);
    return &s->source;
}

static struct source *source_find(const struct build *b, const struct table *t) {
    for (size_t i = 0; i < b->source_count; i++)
        if (b->sources[i]->table == t)
            return b->sources[i];
    return NULL;
}

static void unknown_table(struct build *b, struct spot at, const char *name) {
    if (strchr(name, '.')) {
        report_error(b->report, at, "\"%s\": tables of other databases cannot be mapped; name a table of %s", name,
                     b->schema->database);
        return;
    }
    const char **names = arena_alloc(b->arena, (b->schema->table_count + 1) * sizeof(*names));
    for (size_t i = 0; i < b->schema->table_count; i++)
        names[i] = b->schema->tables[i].name;
    report_error(b->report, at, "database %s has no table \"%s\"%s", b->schema->database, name,
                 report_remedy(b->report, name, names, b->schema->table_count));
}

struct source *source_get(struct build *b, struct spot at, const char *name) {
    const struct table *t = schema_table(b->schema, name);
    if (!t) {
        unknown_table(b, at, name);
        return NULL;
    }
    struct source *known = source_find(b, t);
    if (known)
        return known;
    const struct table_key *key = table_best_key(t);
    if (!key) {
        report_error(b->report, at,
                     "table \"%s\" has neither a primary key nor a unique key over NOT NULL columns; add one", name);
        return NULL;
    }
    return source_add(b, t, key);
}

int source_column(struct build *b, struct source *source, struct spot at, const char *name) {
    const struct table *t = source->table;
    int column = table_column(t, name);
    if (column < 0) {
        const char **names = arena_alloc(b->arena, (t->column_count + 1) * sizeof(*names));
        for (size_t i = 0; i < t->column_count; i++)
            names[i] = t->columns[i].name;
        report_error(b->report, at, "table \"%s\" has no column \"%s\"%s", t->name, name,
                     report_remedy(b->report, name, names, t->column_count));
        return -1;
    }
    if (t->columns[column].type == COLUMN_UNSUPPORTED) {
        report_error(b->report, at, "column %s.%s is of a type that cannot be mapped", t->name,
                     t->columns[column].name);
        return -1;
    }
    source_need(source, (unsigned)column);
    return column;
}

static bool same_columns(const unsigned *a, const unsigned *b, size_t count) {
    return memcmp(a, b, count * sizeof(*a)) == 0;
}

unsigned source_index(struct build *b, struct source *source, const unsigned *columns, size_t count) {
    struct source_build *s = build_of(source);
    for (size_t i = 0; i < source->index_count; i++)
        if (s->indexes[i].column_count == count && same_columns(s->indexes[i].columns, columns, count))
            return (unsigned)i;
    for (size_t i = 0; i < count; i++)
        s->needed[columns[i]] = true;
    LIST_ADD(b->arena, s->indexes, source->index_count,
             (struct source_index){.columns = arena_copy(b->arena, columns, count * sizeof(*columns)),
                                   .column_count = count});
    return (unsigned)source->index_count - 1;
}

unsigned source_measure(struct source *source, struct arena *arena, unsigned number, const struct measure *measure) {
    struct source_index *index = &build_of(source)->indexes[number];
    struct measure *measures = (struct measure *)(uintptr_t)index->measures;
    LIST_ADD(arena, measures, index->measure_count, *measure);
    index->measures = measures;
    return (unsigned)index->measure_count - 1;
}

bool source_is_key(struct source *source, const unsigned *columns, size_t count, unsigned *order) {
    const struct source_build *s = build_of(source);
    if (count != source->key_count)
        return false;
    for (size_t k = 0; k < count; k++) {
        size_t i = 0;
        while (i < count && columns[i] != s->key[k])
            i++;
        if (i == count)
            return false;
        order[k] = (unsigned)i;
    }
    return true;
}

/* ---- cascades */

static bool cascades(const struct foreign_key *f) {
    return f->on_delete == FK_CASCADE || f->on_delete == FK_SET_NULL || f->on_update == FK_CASCADE ||
           f->on_update == FK_SET_NULL;
}

/* The columns' numbers; false when the schema lacks one. */
static bool column_numbers(const struct table *t, const char *const *names, size_t count, unsigned *ret) {
    for (size_t i = 0; i < count; i++) {
        int column = table_column(t, names[i]);
        if (column < 0)
            return false;
        ret[i] = (unsigned)column;
    }
    return true;
}

static void cascade_warning(struct build *b, const struct source *child, const struct foreign_key *f, const char *why) {
    report_warning(
        b->report, (struct spot){.path = "$"},
        "foreign key %s of table %s cascades from %s, which %s: changes that it makes are not seen unless the server "
        "logs cascades (MySQL 9.6 and later)",
        f->name ? f->name : "?", child->name, f->parent_table, why);
}

/* Rules that leat works out itself go by bytes, as all of its keys; the server's go by collation. */
static void warn_spellings(struct build *b, const struct source *child, const struct foreign_key *f,
                           const struct column *column) {
    if (column_matches_spellings(column))
        report_warning(b->report, (struct spot){.path = "$"},
                       "foreign key %s of table %s cascades from %s by %s of collation %s, which also matches other "
                       "spellings: rows that spell it otherwise than their parent are not followed unless the server "
                       "logs cascades (MySQL 9.6 and later) or the collation is a _bin one",
                       f->name ? f->name : "?", child->name, f->parent_table, column->name, column->collation_name);
}

/* The parent becomes a source too, with its key and the referenced columns, if it was none. */
static void add_cascade(struct build *b, struct source *child, const struct foreign_key *f) {
    const struct table *t =
        strcmp(f->parent_database ? f->parent_database : b->schema->database, b->schema->database) == 0
            ? schema_table(b->schema, f->parent_table)
            : NULL;
    const struct table_key *key = t ? table_best_key(t) : NULL;
    if (!key) {
        cascade_warning(b, child, f, !t ? "is not in this database" : "has no key");
        return;
    }
    struct source *parent = source_find(b, t);
    if (!parent)
        parent = source_add(b, t, key);
    unsigned *columns = arena_alloc(b->arena, 2 * f->column_count * sizeof(*columns));
    unsigned *parent_columns = columns + f->column_count;
    if (!column_numbers(child->table, f->columns, f->column_count, columns) ||
        !column_numbers(t, f->parent_columns, f->column_count, parent_columns))
        return;
    for (size_t i = 0; i < f->column_count; i++) {
        source_need(parent, parent_columns[i]);
        warn_spellings(b, child, f, &t->columns[parent_columns[i]]);
    }
    struct source_build *s = build_of(parent);
    LIST_ADD(b->arena, s->cascades, parent->cascade_count,
             (struct cascade){.child = child,
                              .child_columns = columns,
                              .parent_columns = parent_columns,
                              .column_count = f->column_count,
                              .child_index = source_index(b, child, columns, f->column_count),
                              .on_delete = f->on_delete,
                              .on_update = f->on_update});
}

/* Every rule that changes a kept table comes from its parents, theirs from theirs: new sources join the end of the list
 * and get their turn. */
static void find_cascades(struct build *b) {
    for (size_t i = 0; i < b->source_count; i++) {
        const struct table *t = b->sources[i]->table;
        for (size_t k = 0; k < t->foreign_key_count; k++)
            if (cascades(&t->foreign_keys[k]))
                add_cascade(b, b->sources[i], &t->foreign_keys[k]);
    }
}

/* ---- the end: kept columns get their numbers */

static struct source_column kept_column(const struct column *c) {
    return (struct source_column){c->name, c, column_identity(c)};
}

static void number_columns(struct build *b, struct source *source) {
    struct source_build *s = build_of(source);
    const struct table *t = source->table;
    struct source_column *columns = arena_zalloc(b->arena, t->column_count * sizeof(*columns));
    size_t count = 0;
    for (size_t i = 0; i < source->key_count; i++) {
        s->number[s->key[i]] = (unsigned)count;
        columns[count++] = kept_column(&t->columns[s->key[i]]);
        s->needed[s->key[i]] = false;
    }
    for (size_t i = 0; i < t->column_count; i++)
        if (s->needed[i]) {
            s->number[i] = (unsigned)count;
            columns[count++] = kept_column(&t->columns[i]);
        }
    source->columns = columns;
    source->column_count = count;
}

static const unsigned *renumbered(struct build *b, const struct source *source, const unsigned *columns, size_t count) {
    unsigned *to = arena_alloc(b->arena, (count + 1) * sizeof(*to));
    for (size_t i = 0; i < count; i++)
        to[i] = build_of(source)->number[columns[i]];
    return to;
}

static void finish_source(struct build *b, struct source *source) {
    struct source_build *s = build_of(source);
    for (size_t i = 0; i < source->index_count; i++)
        s->indexes[i].columns = renumbered(b, source, s->indexes[i].columns, s->indexes[i].column_count);
    for (size_t i = 0; i < source->cascade_count; i++) {
        struct cascade *c = &s->cascades[i];
        c->parent_columns = renumbered(b, source, c->parent_columns, c->column_count);
        c->child_columns = renumbered(b, c->child, c->child_columns, c->column_count);
    }
    source->indexes = s->indexes;
    source->cascades = s->cascades;
}

static void mark_columns(const struct expr *e, bool *used) {
    if (e && e->kind == EXPR_COLUMN)
        used[e->column] = true;
    for (size_t i = 0; e && i < e->arg_count; i++)
        mark_columns(e->args[i], used);
}

/* Expressions have their final numbers by then. */
static void find_used(struct build *b, const struct source *source, struct source_index *index) {
    bool *used = arena_zalloc(b->arena, source->column_count * sizeof(*used));
    unsigned *list = arena_alloc(b->arena, source->column_count * sizeof(*list));
    for (size_t i = 0; i < index->measure_count; i++) {
        mark_columns(index->measures[i].expr, used);
        mark_columns(index->measures[i].node->filter, used);
    }
    for (unsigned i = 0; i < source->column_count; i++)
        if (used[i])
            list[index->used_count++] = i;
    index->used = list;
    index->identity = measures_identity(index);
}

/* What a node reads beside its expressions: the row's key, its edges, its order. All numbers are the source's already. */
static void note_reads(struct build *b, struct node *node) {
    node->reads = arena_zalloc(b->arena, (node->source->column_count + 1) * sizeof(*node->reads));
    for (size_t i = 0; i < node->source->key_count; i++)
        node->reads[i] = true;
    for (size_t i = 0; node->parent && i < node->edge_count; i++) {
        node->reads[node->columns[i]] = true;
        node->parent->reads[node->parent_columns[i]] = true;
    }
    for (size_t i = 0; i < node->order_count; i++)
        node->reads[node->order_by[i].column] = true;
}

static void finish_node(struct build *b, struct node *node) {
    struct source_build *s = build_of(node->source);
    LIST_ADD(b->arena, s->standings, node->source->standing_count, node);
    node->source->standings = s->standings;
    if (!node->parent) {
        note_reads(b, node);
        return;
    }
    node->parent_columns = renumbered(b, node->parent->source, node->parent_columns, node->edge_count);
    node->columns = renumbered(b, node->source, node->columns, node->edge_count);
    struct order_column *order = arena_alloc(b->arena, (node->order_count + 1) * sizeof(*order));
    for (size_t i = 0; i < node->order_count; i++) {
        order[i] = node->order_by[i];
        order[i].column = s->number[order[i].column];
    }
    node->order_by = order;
    note_reads(b, node);
}

void sources_finish(struct build *b) {
    find_cascades(b);
    for (size_t i = 0; i < b->source_count; i++)
        number_columns(b, b->sources[i]);
    for (size_t i = 0; i < b->source_count; i++)
        finish_source(b, b->sources[i]);
    for (size_t i = 0; i < b->entity_count; i++) {
        struct entity *e = b->entities[i];
        struct source_build *root = build_of(e->root);
        LIST_ADD(b->arena, root->rooted, e->root->rooted_count, e);
        e->root->rooted = root->rooted;
        for (size_t n = 0; n < e->node_count; n++)
            finish_node(b, e->nodes[n]);
    }
    for (size_t i = 0; i < b->use_count; i++) {
        struct expr *e = b->uses[i].expr;
        struct node *node = b->uses[i].node;
        const struct table *table = node->source->table;
        e->name = arena_printf(b->arena, "%s.%s", table->name, table->columns[e->column].name);
        e->column = build_of(node->source)->number[e->column];
        node->reads[e->column] = true;
    }
    for (size_t i = 0; i < b->source_count; i++)
        for (size_t k = 0; k < b->sources[i]->index_count; k++)
            find_used(b, b->sources[i], &build_of(b->sources[i])->indexes[k]);
}
