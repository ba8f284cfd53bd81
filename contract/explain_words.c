/* The words of an explanation. Costs are of the engine's ways (transform/climb.c, gather.c): up an edge to one row when it leads to a
 * key, else to as many as an index finds. */
#include "contract/explain_words.h"

#include "contract/sql_expr.h"

void words_columns(struct buf *out, const struct source *source, const unsigned *columns, size_t count) {
    for (size_t i = 0; i < count; i++)
        buf_printf(out, "%s%s", i ? ", " : "", source->columns[columns[i]].name);
}

void words_kept(struct buf *out, const struct source *source) {
    for (size_t i = 0; i < source->column_count; i++)
        buf_printf(out, "%s%s", i ? ", " : "", source->columns[i].name);
}

void words_key(struct buf *out, const struct source *source) {
    for (size_t i = 0; i < source->key_count; i++)
        buf_printf(out, "%s%s", i ? ", " : "", source->columns[i].name);
}

void words_edge(struct buf *out, const struct node *node) {
    for (size_t i = 0; i < node->edge_count; i++)
        buf_printf(out, "%s%s.%s = %s.%s", i ? " AND " : "", node->alias, node->source->columns[node->columns[i]].name,
                   node->parent->alias, node->parent->source->columns[node->parent_columns[i]].name);
}

static void put_index(struct buf *out, const struct source *source, unsigned index) {
    buf_printf(out, "the index %s (", source->name);
    words_columns(out, source, source->indexes[index].columns, source->indexes[index].column_count);
    buf_put_char(out, ')');
}

static void put_key(struct buf *out, const struct source *source) {
    buf_printf(out, "the key of %s (", source->name);
    words_key(out, source);
    buf_put_char(out, ')');
}

void words_down(struct buf *out, const struct node *node) {
    if (node->by_key)
        put_key(out, node->source);
    else
        put_index(out, node->source, node->index);
}

void words_up(struct buf *out, const struct node *node) {
    if (node->parent_by_key)
        put_key(out, node->parent->source);
    else
        put_index(out, node->parent->source, node->parent_index);
}

void words_order(struct buf *out, const struct node *node) {
    for (size_t i = 0; i < node->order_count; i++)
        buf_printf(out, "%s%s%s", i ? ", " : "", node->source->columns[node->order_by[i].column].name,
                   node->order_by[i].descending ? " DESC" : "");
}

void words_filter(struct buf *out, const struct entity *entity, const struct expr *filter) {
    if (filter)
        sql_put_expr(out, entity, filter, SQL_VALUE);
}

void words_measure(struct buf *out, const struct measure *m) {
    static const char *const names[] = {[AGGREGATE_COUNT] = "COUNT",
                                        [AGGREGATE_SUM] = "SUM",
                                        [AGGREGATE_AVG] = "AVG",
                                        [AGGREGATE_MIN] = "MIN",
                                        [AGGREGATE_MAX] = "MAX"};
    buf_printf(out, "%s(", names[m->operation]);
    if (m->expr)
        sql_put_expr(out, m->node->entity, m->expr, SQL_VALUE);
    buf_put_text(out, m->expr ? ")" : "*)");
    if (!m->node->filter)
        return;
    buf_put_text(out, " where ");
    words_filter(out, m->node->entity, m->node->filter);
}

void words_measures(struct buf *out, const struct source_index *index) {
    for (size_t i = 0; i < index->measure_count; i++) {
        buf_put_text(out, i ? ", " : "");
        words_measure(out, &index->measures[i]);
    }
}

void words_running(struct buf *out, const struct node *node) {
    if (node->running)
        words_measure(out, &node->source->indexes[node->index].measures[node->measure]);
}

static void put_key_part(struct buf *out, const struct entity *e, const struct key_part *part, int attribute,
                         const struct template *template) {
    buf_printf(out, "%s = ", part->name);
    if (attribute >= 0)
        buf_printf(out, "{%s}", e->scope.attributes[attribute].name);
    else
        buf_put_text(out, template ? template->text : "?");
}

void words_item_key(struct buf *out, const struct entity *entity) {
    put_key_part(out, entity, &entity->target->pk, entity->pk_attribute, entity->pk_template);
    if (!entity->target->sk.name)
        return;
    buf_put_text(out, ", ");
    put_key_part(out, entity, &entity->target->sk, entity->sk_attribute, entity->sk_template);
}

/* ---- costs */

static void put_gathered(struct buf *out, const struct node *node) {
    size_t count = 0;
    const char *what = node->running ? "1 record of the groups" : node->many ? "each row" : "1 row";
    buf_printf(out, "%s of %s", what, node->alias);
    for (size_t i = 0; i < node->entity->node_count; i++) {
        const struct node *below = node->entity->nodes[i];
        if (below->parent != node)
            continue;
        buf_put_text(out, count++ ? ", " : " with (");
        put_gathered(out, below);
    }
    buf_put_text(out, count ? ")" : "");
}

void words_gather(struct buf *out, const struct entity *entity) {
    put_gathered(out, entity->nodes[0]);
}

static bool in_edge(const struct node *node, unsigned table_column) {
    const struct source *parent = node->parent->source;
    for (size_t i = 0; i < node->edge_count; i++)
        if (parent->columns[node->parent_columns[i]].column == &parent->table->columns[table_column])
            return true;
    return false;
}

/* Does one row here lead to one parent at most? */
static bool up_to_one(const struct node *node) {
    const struct table *t = node->parent->source->table;
    for (size_t i = 0; i < t->key_count; i++) {
        const struct table_key *key = &t->keys[i];
        size_t k = 0;
        while (k < key->column_count && in_edge(node, key->columns[k]))
            k++;
        if ((key->primary || key->unique) && !key->partial && k == key->column_count)
            return true;
    }
    return false;
}

void words_items(struct buf *out, const struct node *node) {
    size_t count = 0;
    buf_put_char(out, '1');
    for (; node->parent; node = node->parent)
        if (!up_to_one(node))
            buf_printf(out, "%s %s row", count++ ? " and" : " per", node->parent->alias);
}

void words_climb(struct buf *out, const struct node *node) {
    size_t count = 0;
    for (node = node->parent; node && node->parent; node = node->parent)
        buf_printf(out, "%s%s", count++ ? ", " : "", node->alias);
}
