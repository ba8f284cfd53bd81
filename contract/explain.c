/* The explanation: a tree for each entity, then for each table what is kept of it and what its changes cost. */
#include "contract/explain.h"

#include "contract/explain_words.h"

enum { WORDS_MAX = 1 << 20 };

/* ---- as text */

static void put_node(struct buf *out, const struct node *node, unsigned depth) {
    buf_printf(out, "  %*s%s", (int)(2 * depth), "", node->alias);
    if (strcmp(node->alias, node->source->name) != 0)
        buf_printf(out, " (%s)", node->source->name);
    if (node->parent) {
        buf_printf(out, ": %s, ", node->many ? "many" : "one");
        words_edge(out, node);
        buf_printf(out, "\n  %*sdown by ", (int)(2 * depth + 4), "");
        words_down(out, node);
        buf_put_text(out, ", up by ");
        words_up(out, node);
    }
    if (node->filter && !node->running) {
        buf_printf(out, "\n  %*swhere ", (int)(2 * depth + 4), "");
        words_filter(out, node->entity, node->filter);
    }
    if (node->running) {
        buf_printf(out, "\n  %*sruns along: ", (int)(2 * depth + 4), "");
        words_running(out, node);
    }
    if (node->walked)
        buf_printf(out, "\n  %*severy change reads its whole group: %s", (int)(2 * depth + 4), "", node->walked);
    if (node->order_count || node->limit)
        buf_printf(out, "\n  %*s", (int)(2 * depth + 4), "");
    if (node->order_count) {
        buf_put_text(out, "ordered by ");
        words_order(out, node);
    }
    if (node->limit)
        buf_printf(out, "%sthe first %llu", node->order_count ? ", " : "", (unsigned long long)node->limit);
    buf_put_char(out, '\n');
    for (size_t i = 0; i < node->entity->node_count; i++)
        if (node->entity->nodes[i]->parent == node)
            put_node(out, node->entity->nodes[i], depth + 1);
}

static void put_entity(struct buf *out, const struct entity *e) {
    buf_printf(out, "%s: an item of %s for each row of %s\n  key: ", e->name, e->target->name, e->root->name);
    words_item_key(out, e);
    buf_printf(out, "\n  %s\n",
               e->can_conflict ? "several rows may claim one key: the first has it, by entity, then by primary key"
                               : "no two rows can claim one key");
    if (e->filter) {
        buf_put_text(out, "  only rows where ");
        words_filter(out, e, e->filter);
        buf_put_char(out, '\n');
    }
    buf_put_text(out, "  reads for an item: ");
    words_gather(out, e);
    buf_put_char(out, '\n');
    put_node(out, e->nodes[0], 0);
    buf_put_char(out, '\n');
}

/* 1 ORDER item per order_items row (over rows of order_items) */
static void put_change(struct buf *out, const struct node *node) {
    defer(buf_deinit) struct buf items = BUF_INIT(WORDS_MAX), climb = BUF_INIT(WORDS_MAX);
    words_items(&items, node);
    words_climb(&climb, node);
    buf_printf(out, "1 %s item%s", node->entity->name, buf_text(&items) + 1);
    if (climb.len)
        buf_printf(out, " (reads its rows of %s)", buf_text(&climb));
}

static void put_cascade(struct buf *out, const struct cascade *c, enum fk_rule rule, const char *what,
                        const char *verb) {
    if (rule != FK_CASCADE && rule != FK_SET_NULL)
        return;
    buf_printf(out, "  a row that is %s %s those of %s by (", what, rule == FK_CASCADE ? verb : "sets NULL in",
               c->child->name);
    words_columns(out, c->child, c->child_columns, c->column_count);
    buf_put_text(out, ")\n");
}

static void put_source(struct buf *out, const struct source *s) {
    buf_printf(out, "table %s\n  keeps ", s->name);
    words_kept(out, s);
    buf_put_text(out, "; by its key (");
    words_key(out, s);
    buf_put_char(out, ')');
    for (size_t i = 0; i < s->index_count; i++) {
        buf_put_text(out, i ? ", (" : ", indexes (");
        words_columns(out, s, s->indexes[i].columns, s->indexes[i].column_count);
        buf_put_char(out, ')');
    }
    for (size_t i = 0; i < s->index_count; i++) {
        if (!s->indexes[i].measure_count)
            continue;
        buf_put_text(out, "\n  of each group of rows by (");
        words_columns(out, s, s->indexes[i].columns, s->indexes[i].column_count);
        buf_put_text(out, ") keeps ");
        words_measures(out, &s->indexes[i]);
    }
    buf_put_text(out,
                 s->standing_count ? "\n  a change touches " : "\n  a change touches no item: kept for its cascades");
    for (size_t i = 0; i < s->standing_count; i++) {
        buf_put_text(out, i ? " + " : "");
        put_change(out, s->standings[i]);
    }
    buf_put_char(out, '\n');
    for (size_t i = 0; i < s->cascade_count; i++) {
        put_cascade(out, &s->cascades[i], s->cascades[i].on_delete, "deleted", "deletes");
        put_cascade(out, &s->cascades[i], s->cascades[i].on_update, "given another key", "changes");
    }
    buf_put_char(out, '\n');
}

void contract_explain(struct buf *out, const struct contract *contract) {
    for (size_t i = 0; i < contract->entity_count; i++)
        put_entity(out, contract->entities[i]);
    for (size_t i = 0; i < contract->source_count; i++)
        put_source(out, contract->sources[i]);
}

/* ---- as JSON */

/* The words that `write` puts, as a member; null when there are none. */
#define MEMBER(out, key, write)                                                                                        \
    do {                                                                                                               \
        defer(buf_deinit) struct buf words = BUF_INIT(WORDS_MAX);                                                      \
        write;                                                                                                         \
        json_key(out, key);                                                                                            \
        json_put_text(out, words.len ? buf_text(&words) : NULL);                                                       \
    } while (0)

static void put_node_json(struct json_out *out, const struct node *n) {
    json_open(out, '{');
    MEMBER(out, "alias", buf_put_text(&words, n->alias));
    MEMBER(out, "table", buf_put_text(&words, n->source->name));
    MEMBER(out, "parent", buf_put_text(&words, n->parent ? n->parent->alias : ""));
    json_key(out, "edge");
    json_put_text(out, !n->parent ? NULL : n->many ? "many" : "one");
    if (n->parent) {
        MEMBER(out, "on", words_edge(&words, n));
        MEMBER(out, "down", words_down(&words, n));
        MEMBER(out, "up", words_up(&words, n));
        MEMBER(out, "filter", words_filter(&words, n->entity, n->filter));
        MEMBER(out, "running", words_running(&words, n));
        MEMBER(out, "walked", buf_put_text(&words, n->walked ? n->walked : ""));
        MEMBER(out, "order_by", words_order(&words, n));
        json_key(out, "limit");
        if (n->limit)
            json_put_uint(out, n->limit);
        else
            json_put_null(out);
    }
    json_close(out, '}');
}

static void put_entity_json(struct json_out *out, const struct entity *e) {
    json_open(out, '{');
    MEMBER(out, "entity", buf_put_text(&words, e->name));
    MEMBER(out, "table", buf_put_text(&words, e->target->name));
    MEMBER(out, "key", words_item_key(&words, e));
    json_key(out, "can_conflict");
    json_put_bool(out, e->can_conflict);
    MEMBER(out, "filter", words_filter(&words, e, e->filter));
    MEMBER(out, "reads", words_gather(&words, e));
    json_key(out, "rows");
    json_open(out, '[');
    for (size_t i = 0; i < e->node_count; i++)
        put_node_json(out, e->nodes[i]);
    json_close(out, ']');
    json_close(out, '}');
}

static void put_change_json(struct json_out *out, const struct node *n) {
    json_open(out, '{');
    MEMBER(out, "entity", buf_put_text(&words, n->entity->name));
    MEMBER(out, "alias", buf_put_text(&words, n->alias));
    MEMBER(out, "items", words_items(&words, n));
    MEMBER(out, "climbs_over", words_climb(&words, n));
    json_close(out, '}');
}

static void put_source_json(struct json_out *out, const struct source *s) {
    json_open(out, '{');
    MEMBER(out, "table", buf_put_text(&words, s->name));
    MEMBER(out, "keeps", words_kept(&words, s));
    MEMBER(out, "key", words_key(&words, s));
    json_key(out, "indexes");
    json_open(out, '[');
    for (size_t i = 0; i < s->index_count; i++) {
        defer(buf_deinit) struct buf columns = BUF_INIT(WORDS_MAX);
        words_columns(&columns, s, s->indexes[i].columns, s->indexes[i].column_count);
        json_put_text(out, buf_text(&columns));
    }
    json_close(out, ']');
    json_key(out, "groups");
    json_open(out, '[');
    for (size_t i = 0; i < s->index_count; i++) {
        if (!s->indexes[i].measure_count)
            continue;
        json_open(out, '{');
        MEMBER(out, "by", words_columns(&words, s, s->indexes[i].columns, s->indexes[i].column_count));
        MEMBER(out, "keeps", words_measures(&words, &s->indexes[i]));
        json_close(out, '}');
    }
    json_close(out, ']');
    json_key(out, "changes");
    json_open(out, '[');
    for (size_t i = 0; i < s->standing_count; i++)
        put_change_json(out, s->standings[i]);
    json_close(out, ']');
    json_key(out, "cascades_to");
    json_open(out, '[');
    for (size_t i = 0; i < s->cascade_count; i++)
        json_put_text(out, s->cascades[i].child->name);
    json_close(out, ']');
    json_close(out, '}');
}

void contract_explain_json(struct json_out *out, const struct contract *contract) {
    json_open(out, '{');
    json_key(out, "entities");
    json_open(out, '[');
    for (size_t i = 0; i < contract->entity_count; i++)
        put_entity_json(out, contract->entities[i]);
    json_close(out, ']');
    json_key(out, "tables");
    json_open(out, '[');
    for (size_t i = 0; i < contract->source_count; i++)
        put_source_json(out, contract->sources[i]);
    json_close(out, ']');
    json_close(out, '}');
}
