/* The model as what the engine is given: MySQL's schema, and the contract's JSON. */
#include "tests/sim/world.h"

const char *const table_names[TABLES_MAX] = {"t0", "t1", "t2", "t3"};
const char *const column_names[COLUMNS_MAX] = {"c0", "c1", "c2", "c3", "c4", "c5", "c6", "c7"};
static const unsigned numbers[COLUMNS_MAX] = {0, 1, 2, 3, 4, 5, 6, 7};
static const struct slice labels[LABELS] = {{"red", 3}, {"green", 5}, {"blue", 4}, {"grey", 4}};

/* ---- the schema */

static void describe_column(struct column *column, const char *name, const struct column_model *c) {
    static const enum column_type types[] = {COLUMN_INT, COLUMN_TEXT, COLUMN_DECIMAL, COLUMN_ENUM};
    *column = (struct column){.name = name, .type = types[c->style], .nullable = c->nullable, .length = 4};
    if (c->style == MONEY) {
        column->length = 10;
        column->digits = 2;
    }
    if (c->style == TEXT) {
        column->collation = 46;
        column->collation_name = "utf8mb4_bin";
        column->length = 800;
    }
    if (c->style == LABEL) {
        column->labels = labels;
        column->label_count = LABELS;
    }
}

static void describe_fks(struct model *m, int t, struct table *table) {
    struct foreign_key *list = arena_zalloc(&m->arena, FKS_MAX * sizeof(*list));
    for (int i = 0; i < m->fk_count; i++) {
        const struct fk_model *f = &m->fks[i];
        if (f->child == t)
            list[table->foreign_key_count++] = (struct foreign_key){
                "fk",        &column_names[f->column], "sim", table_names[f->parent], &column_names[0], 1, f->on_delete,
                f->on_update};
    }
    table->foreign_keys = list;
}

static void describe_table(struct model *m, int t, struct table *table) {
    const struct table_model *model = &m->tables[t];
    struct column *columns = arena_zalloc(&m->arena, (size_t)model->columns * sizeof(*columns));
    struct table_key *keys = arena_zalloc(&m->arena, 2 * sizeof(*keys));
    for (int c = 0; c < model->columns; c++)
        describe_column(&columns[c], column_names[c], &model->c[c]);
    keys[0] = (struct table_key){"PRIMARY", true, true, false, false, numbers, (size_t)model->keys};
    if (model->unique >= 0)
        keys[1] =
            (struct table_key){"u", false, true, false, model->c[model->unique].nullable, &numbers[model->unique], 1};
    *table = (struct table){.database = "sim",
                            .name = table_names[t],
                            .columns = columns,
                            .column_count = (size_t)model->columns,
                            .keys = keys,
                            .key_count = model->unique >= 0 ? 2 : 1};
    describe_fks(m, t, table);
}

const struct schema *model_schema(struct model *m) {
    struct schema *schema = arena_zalloc(&m->arena, sizeof(*schema));
    struct table *tables = arena_zalloc(&m->arena, TABLES_MAX * sizeof(*tables));
    for (int t = 0; t < m->table_count; t++)
        describe_table(m, t, &tables[t]);
    *schema = (struct schema){"sim", tables, (size_t)m->table_count};
    return schema;
}

/* ---- the contract's JSON */

static void put_literal(struct buf *b, enum style style, int value) {
    char text[64];
    const char *quote = style == TEXT || style == LABEL ? "'" : "";
    buf_printf(b, "%s%s%s", quote, model_text(style, value, text), quote);
}

static void put_condition(struct buf *b, const struct table_model *t, const char *key, const struct condition *c) {
    static const char *const operators[] = {[EQUAL] = "=", [DIFFERENT] = "<>", [GREATER] = ">"};
    if (c->kind == ALWAYS)
        return;
    buf_printf(b, ", \"%s\": \"%s ", key, column_names[c->column]);
    if (c->kind == IS_NULL || c->kind == IS_THERE) {
        buf_put_text(b, c->kind == IS_NULL ? "IS NULL" : "IS NOT NULL");
    } else {
        buf_printf(b, "%s ", operators[c->kind]);
        put_literal(b, t->c[c->column].style, c->value);
    }
    buf_put_char(b, '"');
}

/* "target_table", "join_alias", and the condition as one text or as several. */
static void put_edge(struct buf *b, const struct edge_model *e, const char *near, bool several) {
    buf_printf(b, "\"target_table\": \"%s\", \"join_alias\": \"%s\", \"join_condition%s\": %s", table_names[e->table],
               e->alias, several ? "s" : "", several ? "[\"" : "\"");
    for (int i = 0; i < e->count; i++) {
        const char *a = column_names[e->on[i].near], *z = column_names[e->on[i].far];
        if (i)
            buf_put_text(b, several ? "\", \"" : " AND ");
        if (e->on[i].near % 2)
            buf_printf(b, "%s.%s = %s.%s", near, a, e->alias, z);
        else
            buf_printf(b, "%s.%s = %s.%s", e->alias, z, near, a);
    }
    buf_put_text(b, several ? "\"]" : "\"");
}

static void put_selection(struct buf *b, const struct model *m, const struct edge_model *e, const struct selection *s) {
    if (s->column < 0)
        return;
    const char *column = column_names[s->column];
    if (s->otherwise == NONE) {
        buf_printf(b, ", \"select_column\": \"%s.%s\"", e->alias, column);
        return;
    }
    buf_printf(b, ", \"select_column\": \"IFNULL(%s.%s, ", e->alias, column);
    put_literal(b, m->tables[e->table].c[s->column].style, s->otherwise);
    buf_put_text(b, ")\"");
}

static void put_template(struct buf *b, const struct entity_model *e, const struct template_model *t) {
    for (int i = 0; i < t->count; i++) {
        const struct part_model *p = &t->parts[i];
        if (p->literal) {
            buf_put_text(b, p->literal);
            continue;
        }
        buf_printf(b, "{%s", p->attribute >= 0 ? e->attributes[p->attribute].name : column_names[p->column]);
        if (p->otherwise)
            buf_printf(b, "|%s", p->otherwise);
        buf_put_char(b, '}');
    }
}

static const char *else_literal(const struct attribute_model *a) {
    return !a->has_else ? "null" : a->type == ATTR_N ? "7" : "\"else\"";
}

static void put_attributes(struct buf *b, const struct model *m, const struct entity_model *e, const char *row,
                           int table, const struct attribute_model *list, int count);

static void put_order(struct buf *b, const struct attribute_model *a) {
    for (int i = 0; i < a->order_count; i++)
        buf_printf(b, "%s%s%s%s", i ? ", " : ", \"order_by\": \"", column_names[a->order[i].column],
                   a->order[i].descending ? " DESC" : "", i + 1 == a->order_count ? "\"" : "");
    if (a->limit)
        buf_printf(b, ", \"limit\": %d", a->limit);
}

static void put_chain(struct buf *b, const struct model *m, const char *row, const struct attribute_model *a) {
    buf_put_text(b, "\"join\": {\"type\": \"chain\", \"joins\": [");
    for (int i = 0; i < a->edge_count; i++) {
        const struct edge_model *e = &a->edges[i];
        buf_put_text(b, i ? ", {" : "{");
        put_edge(b, e, e->from ? a->edges[e->from - 1].alias : row, false);
        put_selection(b, m, e, &a->selected[i]);
        buf_put_char(b, '}');
    }
    buf_printf(b, "]%s}", a->separated ? ", \"chain_separator\": \"-\"" : "");
}

static void put_polymorphic(struct buf *b, const struct model *m, const char *row, int table,
                            const struct attribute_model *a) {
    char text[64];
    enum style style = m->tables[table].c[a->column].style;
    buf_printf(
        b, "\"join\": {\"type\": \"polymorphic-lookup\", \"type_column\": \"%s\", \"else_value\": %s, \"branches\": [",
        column_names[a->column], else_literal(a));
    for (int i = 0; i < 2; i++) {
        const char *quote = style == TEXT || style == LABEL ? "\"" : "";
        buf_printf(b, "%s{\"when_type_value\": %s%s%s, ", i ? ", " : "", quote, model_text(style, a->when[i], text),
                   quote);
        put_edge(b, &a->edges[i], row, false);
        put_selection(b, m, &a->edges[i], &a->selected[i]);
        buf_put_char(b, '}');
    }
    buf_put_text(b, "]}");
}

static void put_one(struct buf *b, const struct model *m, const char *row, int table, const struct attribute_model *a) {
    const struct edge_model *e = &a->edges[0];
    bool several = a->kind == OF_LOOKUP && e->count > 1;
    const char *type = a->kind == OF_CONDITIONAL ? "conditional"
                       : several                 ? "multi-column"
                       : e->table == table       ? "self-join"
                       : e->on[0].far % 2        ? "lookup-table"
                                                 : "foreign-key";
    buf_printf(b, "\"join\": {\"type\": \"%s\", ", type);
    put_edge(b, e, row, several);
    put_selection(b, m, e, &a->selected[0]);
    if (a->kind == OF_CONDITIONAL) {
        put_condition(b, &m->tables[table], "condition", &a->condition);
        buf_printf(b, ", \"else_value\": %s", else_literal(a));
    }
    buf_put_char(b, '}');
}

static void put_many(struct buf *b, const struct model *m, const struct entity_model *e, const char *row,
                     const struct attribute_model *a) {
    static const char *const operations[] = {"COUNT", "SUM", "AVG", "MIN", "MAX"};
    const struct edge_model *edge = &a->edges[0];
    bool construction = a->kind == OF_ARRAY || a->kind == OF_OBJECT;
    if (a->kind == OF_AGGREGATE)
        buf_printf(b, "\"calculation\": {\"type\": \"aggregate\", \"operation\": \"%s\", ", operations[a->operation]);
    else
        buf_printf(b, "\"join\": {\"type\": \"%s\", ",
                   construction           ? "json-construction"
                   : a->kind == OF_EXISTS ? "exists-check"
                                          : "aggregated-list");
    put_edge(b, edge, row, false);
    put_condition(b, &m->tables[edge->table], "filter", &a->condition);
    if (a->kind == OF_LIST || a->kind == OF_AGGREGATE)
        put_selection(b, m, edge, &a->selected[0]);
    if (construction)
        buf_printf(b, ", \"construction\": {\"type\": \"%s\"", a->kind == OF_ARRAY ? "array" : "object");
    if (a->kind != OF_EXISTS && a->kind != OF_AGGREGATE)
        put_order(b, a);
    if (construction) {
        buf_put_text(b, ", \"attributes\": [");
        put_attributes(b, m, e, edge->alias, edge->table, a->nested, a->nested_count);
        buf_put_text(b, "]}");
    }
    buf_put_char(b, '}');
}

static void put_value(struct buf *b, const struct model *m, const struct entity_model *e, const char *row, int table,
                      const struct attribute_model *a) {
    switch (a->kind) {
    case OF_COLUMN:
        buf_printf(b, "\"source_column\": \"%s\"", column_names[a->column]);
        return;
    case OF_TEMPLATE:
        buf_put_text(b, "\"template\": \"");
        put_template(b, e, &a->template);
        buf_put_char(b, '"');
        return;
    case OF_CASE:
        buf_put_text(b, "\"calculation\": {\"type\": \"case\", \"cases\": [{\"then\": \"");
        buf_printf(b, "%s\"", column_names[a->selected[0].column]);
        put_condition(b, &m->tables[table], "when", &a->condition);
        buf_printf(b, "}], \"else\": \"%s\"}", column_names[a->column]);
        return;
    case OF_CHAIN:
        put_chain(b, m, row, a);
        return;
    case OF_POLYMORPHIC:
        put_polymorphic(b, m, row, table, a);
        return;
    case OF_LOOKUP:
    case OF_CONDITIONAL:
        put_one(b, m, row, table, a);
        return;
    default:
        put_many(b, m, e, row, a);
    }
}

static void put_attributes(struct buf *b, const struct model *m, const struct entity_model *e, const char *row,
                           int table, const struct attribute_model *list, int count) {
    for (int i = 0; i < count; i++) {
        const struct attribute_model *a = &list[i];
        buf_printf(b, "%s{\"name\": \"%s\", \"type\": \"%s\", ", i ? ",\n    " : "", a->name, attr_type_name(a->type));
        put_value(b, m, e, row, table, a);
        if (a->has_null_value)
            buf_printf(b, ", \"null_value\": %s", a->type == ATTR_L ? "[]" : a->type == ATTR_N ? "0" : "\"nil\"");
        buf_put_char(b, '}');
    }
}

static void put_entity(struct buf *b, const struct model *m, int number, bool sorted) {
    const struct entity_model *e = &m->entities[number];
    const struct target_model *t = &m->targets[e->target];
    buf_printf(b, "\"source_table\": \"%s\", \"write_nulls\": %s", table_names[e->root],
               e->write_nulls ? "true" : "false");
    put_condition(b, &m->tables[e->root], "filter", &e->filter);
    if (t->several) {
        buf_printf(b, ", \"entity_type\": \"E%d\", \"pk_template\": \"", number);
        put_template(b, e, &e->pk);
        buf_put_char(b, '"');
        if (sorted) {
            buf_put_text(b, ", \"sk_template\": \"");
            put_template(b, e, &e->sk);
            buf_put_char(b, '"');
        }
    }
    buf_put_text(b, ", \"attributes\": [\n    ");
    put_attributes(b, m, e, table_names[e->root], e->root, e->attributes, e->attribute_count);
    buf_put_char(b, ']');
}

static void put_target(struct buf *b, const struct model *m, int number) {
    const struct target_model *t = &m->targets[number];
    int first = 0;
    while (m->entities[first].target != number)
        first++;
    const struct attribute_model *list = m->entities[first].attributes;
    buf_printf(b, "{\"table\": \"Out%d\", ", number);
    if (t->gsi >= 0) {
        const struct attribute_model *g = m->entities[t->gsi_entity].attributes;
        buf_printf(b, "\"gsis\": [{\"index_name\": \"index\", \"pk\": \"%s%s%s\"}], ", g[t->gsi].name,
                   t->gsi_with >= 0 ? "#" : "", t->gsi_with >= 0 ? g[t->gsi_with].name : "");
    }
    if (!t->several) {
        buf_printf(b, "\"pk\": \"%s%s%s\", ", list[t->pk[0]].name, t->pk_count > 1 ? "#" : "",
                   t->pk_count > 1 ? list[t->pk[1]].name : "");
        if (t->sk >= 0)
            buf_printf(b, "\"sk\": \"%s\", ", list[t->sk].name);
        put_entity(b, m, first, false);
    } else {
        buf_put_text(b, "\"type\": \"multi-entity\", \"entities\": [\n  ");
        for (int i = first; i < m->entity_count && m->entities[i].target == number; i++) {
            buf_put_text(b, i > first ? ",\n  {" : "{");
            put_entity(b, m, i, t->sorted);
            buf_put_char(b, '}');
        }
        buf_put_char(b, ']');
    }
    buf_put_char(b, '}');
}

void model_contract(struct model *m, struct buf *json) {
    buf_put_char(json, '[');
    for (int i = 0; i < m->target_count; i++) {
        buf_put_text(json, i ? ",\n" : "");
        put_target(json, m, i);
    }
    buf_put_char(json, ']');
}
