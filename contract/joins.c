/* Join trees: from a join's condition to a node with its edge, and the ways up and down along it. */
#include "contract/compile.h"

#include <stdlib.h>

struct node *node_new(struct build *b, struct entity *entity, struct source *source, const char *alias) {
    struct node *n = arena_zalloc(b->arena, sizeof(*n));
    n->number = (unsigned)entity->node_count;
    n->entity = entity;
    n->source = source;
    n->alias = alias;
    struct node **nodes = (struct node **)(uintptr_t)entity->nodes;
    LIST_ADD(b->arena, nodes, entity->node_count, n);
    entity->nodes = nodes;
    return n;
}

struct expr *column_expr(struct build *b, struct node *node, unsigned column) {
    struct expr *e = arena_zalloc(b->arena, sizeof(*e));
    e->kind = EXPR_COLUMN;
    e->type = node->source->table->columns[column].type;
    e->digits = node->source->table->columns[column].digits;
    e->node = node->number;
    e->column = column;
    source_need(node->source, column);
    LIST_ADD(b->arena, b->uses, b->use_count, (struct column_use){e, node});
    return e;
}

/* A row goes by its alias, and by its table's name. */
static bool node_named(const struct node *node, const char *name) {
    return strcmp(name, node->alias) == 0 || strcmp(name, node->source->name) == 0;
}

bool row_resolve(void *context, struct spot at, const struct column_name *name, struct expr *ret) {
    const struct row_names *row = context;
    struct node *node = row->node;
    if (name->table && !node_named(node, name->table)) {
        report_error(row->build->report, at, "\"%s.%s\": only columns of \"%s\" can stand here", name->table,
                     name->column, node->alias);
        return false;
    }
    int column = source_column(row->build, node->source, at, name->column);
    if (column < 0)
        return false;
    ret->node = node->number;
    ret->column = (unsigned)column;
    ret->type = node->source->table->columns[column].type;
    ret->digits = node->source->table->columns[column].digits;
    LIST_ADD(row->build->arena, row->build->uses, row->build->use_count, (struct column_use){ret, node});
    return true;
}

/* ---- the edge */

struct edge {
    struct node *parent;
    struct source *far;
    const char *alias;
    unsigned parent_columns[EQUALITIES_MAX], columns[EQUALITIES_MAX];
    size_t count;
};

static struct node *near_node(const struct names *near, const char *name) {
    for (size_t i = 0; i < near->count; i++)
        if (strcmp(near->list[i].name, name) == 0)
            return near->list[i].node;
    return NULL;
}

static bool is_far(const struct edge *e, const struct names *near, const char *name) {
    return strcmp(name, e->alias) == 0 || (strcmp(name, e->far->name) == 0 && !near_node(near, name));
}

/* Types that a join may compare (docs/contract.md, "JOIN"); 0: none. */
static int join_class(const struct column *c) {
    static const int classes[] = {
        [COLUMN_INT] = 1,    [COLUMN_BIT] = 1,  [COLUMN_DECIMAL] = 1,  [COLUMN_TEXT] = 2,
        [COLUMN_BINARY] = 3, [COLUMN_DATE] = 4, [COLUMN_DATETIME] = 5, [COLUMN_TIMESTAMP] = 6,
        [COLUMN_TIME] = 7,   [COLUMN_YEAR] = 8, [COLUMN_VECTOR] = 0,
    };
    return classes[c->type];
}

bool column_matches_spellings(const struct column *c) {
    const char *name = c->type == COLUMN_TEXT ? c->collation_name : NULL;
    size_t len = name ? strlen(name) : 0;
    return name && strcmp(name, "binary") != 0 && !(len > 4 && strcmp(name + len - 4, "_bin") == 0) &&
           !(len > 3 && strcmp(name + len - 3, "_cs") == 0);
}

static bool check_types(struct build *b, struct spot at, const struct column *near, const struct column *far) {
    int x = join_class(near), y = join_class(far);
    if (x == 0 || x != y) {
        report_error(b->report, at,
                     "a join cannot compare %s (%s) with %s (%s); it compares numbers, strings, binaries, and "
                     "temporals of one type",
                     near->name, column_type_name(near->type), far->name, column_type_name(far->type));
        return false;
    }
    const struct column *loose = column_matches_spellings(near) ? near : column_matches_spellings(far) ? far : NULL;
    if (loose)
        report_warning(b->report, at,
                       "this join compares bytes, but the collation %s of %s would also match other spellings",
                       loose->collation_name, loose->name);
    return true;
}

static const char *near_names(struct build *b, const struct edge *e, const struct names *near, const char *name) {
    const char *names[ARRAY_LEN(near->list) + 1];
    size_t count = 0;
    for (size_t i = 0; i < near->count; i++)
        names[count++] = near->list[i].name;
    names[count++] = e->alias;
    return report_remedy(b->report, name, names, count);
}

/* One equality: finds its two sides and adds it. */
static bool add_equality(struct build *b, struct spot at, const struct names *near, const struct equality *q,
                         struct edge *e) {
    const struct column_name *sides[] = {&q->left, &q->right};
    for (size_t i = 0; i < 2; i++) {
        if (!sides[i]->table) {
            report_error(b->report, at, "column \"%s\" in a join condition needs its table: %s.%s or %s.%s",
                         sides[i]->column, near->list[0].name, sides[i]->column, e->alias, sides[i]->column);
            return false;
        }
        if (!is_far(e, near, sides[i]->table) && !near_node(near, sides[i]->table)) {
            report_error(b->report, at, "\"%s\" is no table or alias of this join%s", sides[i]->table,
                         near_names(b, e, near, sides[i]->table));
            return false;
        }
    }
    bool left_far = is_far(e, near, q->left.table), right_far = is_far(e, near, q->right.table);
    if (left_far == right_far) {
        report_error(b->report, at, "\"%s.%s = %s.%s\" does not join: one side must be of \"%s\", the other of \"%s\"",
                     q->left.table, q->left.column, q->right.table, q->right.column, e->alias, near->list[0].name);
        return false;
    }
    const struct column_name *near_name = left_far ? &q->right : &q->left, *far_name = left_far ? &q->left : &q->right;
    struct node *parent = near_node(near, near_name->table);
    if (e->parent && e->parent != parent) {
        report_error(b->report, at, "a join's equalities must all lead to one row, not to \"%s\" and \"%s\"",
                     e->parent->alias, parent->alias);
        return false;
    }
    e->parent = parent;
    int x = source_column(b, parent->source, at, near_name->column), y = source_column(b, e->far, at, far_name->column);
    if (x < 0 || y < 0 || !check_types(b, at, &parent->source->table->columns[x], &e->far->table->columns[y]))
        return false;
    e->parent_columns[e->count] = (unsigned)x;
    e->columns[e->count++] = (unsigned)y;
    return true;
}

/* By far column, so that equal edges look equal. */
static void sort_edge(struct edge *e) {
    for (size_t i = 1; i < e->count; i++)
        for (size_t k = i; k > 0 && e->columns[k - 1] > e->columns[k]; k--) {
            unsigned far = e->columns[k], near = e->parent_columns[k];
            e->columns[k] = e->columns[k - 1];
            e->parent_columns[k] = e->parent_columns[k - 1];
            e->columns[k - 1] = far;
            e->parent_columns[k - 1] = near;
        }
}

static bool covers(const struct edge *e, const struct table_key *key) {
    for (size_t k = 0; k < key->column_count; k++) {
        size_t i = 0;
        while (i < e->count && e->columns[i] != key->columns[k])
            i++;
        if (i == e->count)
            return false;
    }
    return true;
}

/* An edge that must find at most one row: its columns hold a primary or unique key (nullable counts: NULL never joins). */
static bool check_one(struct build *b, struct spot at, const struct edge *e) {
    const struct table *t = e->far->table;
    defer(buf_deinit) struct buf keys = BUF_INIT(600);
    for (size_t i = 0; i < t->key_count; i++) {
        const struct table_key *key = &t->keys[i];
        if ((!key->primary && !key->unique) || key->partial)
            continue;
        if (covers(e, key))
            return true;
        buf_put_text(&keys, keys.len ? " or (" : "(");
        for (size_t k = 0; k < key->column_count; k++)
            buf_printf(&keys, "%s%s", k ? ", " : "", t->columns[key->columns[k]].name);
        buf_put_char(&keys, ')');
    }
    report_error(
        b->report, at,
        "this join can find several rows of \"%s\"; it must use a primary or unique key: %s; for several rows there is "
        "json-construction",
        t->name, buf_text(&keys));
    return false;
}

/* ---- the node */

static struct node *find_shared(const struct entity *entity, const struct edge *e) {
    for (size_t i = 1; i < entity->node_count; i++) {
        struct node *n = entity->nodes[i];
        if (n->parent == e->parent && n->source == e->far && !n->many && n->edge_count == e->count &&
            memcmp(n->columns, e->columns, e->count * sizeof(*e->columns)) == 0 &&
            memcmp(n->parent_columns, e->parent_columns, e->count * sizeof(*e->columns)) == 0)
            return n;
    }
    return NULL;
}

static struct node *make_node(struct build *b, struct entity *entity, const struct edge *e, bool many) {
    struct node *n = node_new(b, entity, e->far, e->alias);
    unsigned *order = arena_alloc(b->arena, e->count * sizeof(*order));
    unsigned *parent_order = arena_alloc(b->arena, e->count * sizeof(*parent_order));
    n->parent = e->parent;
    n->many = many;
    n->edge_count = e->count;
    n->columns = arena_copy(b->arena, e->columns, e->count * sizeof(*e->columns));
    n->parent_columns = arena_copy(b->arena, e->parent_columns, e->count * sizeof(*e->columns));
    n->by_key = source_is_key(e->far, e->columns, e->count, order);
    n->key_order = n->by_key ? order : NULL;
    if (!n->by_key)
        n->index = source_index(b, e->far, e->columns, e->count);
    n->parent_by_key = source_is_key(e->parent->source, e->parent_columns, e->count, parent_order);
    n->parent_key_order = n->parent_by_key ? parent_order : NULL;
    if (!n->parent_by_key)
        n->parent_index = source_index(b, e->parent->source, e->parent_columns, e->count);
    return n;
}

/* The far table and its name in the condition; false when reported. */
static bool far_side(struct build *b, const struct names *near, const struct parsed_join *join, const char *old_table,
                     struct edge *e) {
    struct node *row = near->list[near->count - 1].node;
    const char *table = join->target_table.text ? join->target_table.text : old_table ? old_table : row->source->name;
    e->far = source_get(b, join->target_table.text ? join->target_table.at : join->at, table);
    if (!e->far)
        return false;
    e->alias = join->alias.text ? join->alias.text : e->far->name;
    if (join->type->form == JOIN_OLD || !near_node(near, e->alias))
        return true;
    report_error(
        b->report, join->alias.text ? join->alias.at : join->at,
        "\"%s\" already names another row of this join; give the far one a \"join_alias\" and use it in the condition",
        e->alias);
    return false;
}

static bool old_edge(struct build *b, const struct names *near, const struct parsed_join *join, struct edge *e) {
    struct node *row = near->list[0].node;
    struct equality q = {{near->list[0].name, join->local_column.text}, {e->alias, join->source_column.text}};
    e->parent = row;
    int x = source_column(b, row->source, join->local_column.at, q.left.column);
    int y = source_column(b, e->far, join->source_column.at, q.right.column);
    if (x < 0 || y < 0 || !check_types(b, join->at, &row->source->table->columns[x], &e->far->table->columns[y]))
        return false;
    e->parent_columns[0] = (unsigned)x;
    e->columns[0] = (unsigned)y;
    e->count = 1;
    return true;
}

struct node *join_node(struct build *b, struct entity *entity, const struct names *near, const struct parsed_join *join,
                       const char *old_table, bool many) {
    struct edge e = {0};
    struct equality list[EQUALITIES_MAX];
    size_t count = 0;
    struct spot at = join->conditions.at.value ? join->conditions.at : join->at;
    if (!far_side(b, near, join, old_table, &e))
        return NULL;
    if (join->type->form == JOIN_OLD) {
        if (!join->local_column.text || !join->source_column.text || !old_edge(b, near, join, &e))
            return NULL;
    } else {
        if (join->conditions.count == 0)
            return NULL; /* reported as missing */
        for (size_t i = 0; i < join->conditions.count; i++)
            if (!condition_parse(b->report, b->arena, join->conditions.list[i].at, join->conditions.list[i].text, list,
                                 &count))
                return NULL;
        for (size_t i = 0; i < count; i++)
            if (!add_equality(b, at, near, &list[i], &e))
                return NULL;
    }
    if (!many && !check_one(b, at, &e))
        return NULL;
    sort_edge(&e);
    struct node *shared = many ? NULL : find_shared(entity, &e);
    return shared ? shared : make_node(b, entity, &e, many);
}

/* ---- is a row certain? */

static bool foreign_key_covers(const struct node *n, const struct foreign_key *f) {
    const struct table *child = n->parent->source->table;
    if (strcmp(f->parent_table, n->source->name) != 0 || f->column_count != n->edge_count)
        return false;
    for (size_t i = 0; i < n->edge_count; i++) {
        size_t k = 0;
        while (k < f->column_count && (table_column(child, f->columns[k]) != (int)n->parent_columns[i] ||
                                       table_column(n->source->table, f->parent_columns[k]) != (int)n->columns[i]))
            k++;
        if (k == f->column_count || child->columns[n->parent_columns[i]].nullable)
            return false;
    }
    return true;
}

bool node_certain(const struct node *node, const struct node *row) {
    for (; node != row; node = node->parent) {
        const struct table *child = node->parent->source->table;
        size_t i = 0;
        while (i < child->foreign_key_count && !foreign_key_covers(node, &child->foreign_keys[i]))
            i++;
        if (i == child->foreign_key_count)
            return false;
    }
    return true;
}
