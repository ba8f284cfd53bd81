/* The model-output form: what the newer modelling workflows write. Its table definitions become the tables of the plain form; its
 * attributes, entities and joins are those of the language. What it says besides (access patterns, sizes, trade-offs) is ignored. */
#include "contract/parser.h"

struct key_words {
    struct word *names, *types;
    size_t count;
};

static void add_model_key(struct parser *p, struct spot at, struct key_words *keys) {
    struct key_object o = {0};
    (void)parse_object(p, at, OBJECT_MODEL_KEY, &o);
    if (!o.name.text)
        return; /* reported as missing */
    keys->names[keys->count] = o.name;
    keys->types[keys->count++] = o.type;
}

/* A table's key is one {"attribute_name", "attribute_type"}; an index has a list of them. */
static void read_model_keys(struct parser *p, struct spot at, struct parsed_key *ret) {
    if (!at.value)
        return;
    bool list = json_type(at.value) == JSON_ARRAY;
    size_t room = (list ? json_count(at.value) : 1) + 1;
    struct key_words keys = {arena_zalloc(p->arena, room * sizeof(struct word)),
                             arena_zalloc(p->arena, room * sizeof(struct word)), 0};
    if (room == 1)
        report_error(p->report, at, "this list is empty; it must hold at least one key");
    if (!list)
        add_model_key(p, at, &keys);
    for (struct json_iter i = json_iter(list ? at.value : NULL); json_next(&i);)
        add_model_key(p, element_spot(p, at, i.index, i.value), &keys);
    *ret = (struct parsed_key){{keys.names, keys.count, at}, keys.types};
}

static void read_model_gsis(struct parser *p, struct spot at, struct parsed_table *table) {
    table->gsis_at = at;
    table->gsis = arena_zalloc(p->arena, (json_count(at.value) + 1) * sizeof(*table->gsis));
    for (struct json_iter i = json_iter(at.value); json_next(&i);) {
        struct gsi_object o = {0};
        struct spot one = element_spot(p, at, i.index, i.value);
        (void)parse_object(p, one, OBJECT_MODEL_GSI, &o);
        o.g.at = one;
        read_model_keys(p, o.pk, &o.g.pk);
        read_model_keys(p, o.sk, &o.g.sk);
        table->gsis[table->gsi_count++] = o.g;
    }
}

/* A table of one entity does not name its root: its columns come from there. */
static struct word root_of(struct parser *p, const struct parsed_entity *e) {
    for (size_t i = 0; i < e->attribute_count; i++) {
        const struct parsed_attribute *a = &e->attributes[i];
        if (a->source_table.text && !a->join && !a->calculation.value)
            return a->source_table;
    }
    report_error(p->report, e->at,
                 "no attribute of this table comes straight from a column (\"source_table\", without \"join\" and "
                 "\"calculation\"), so nothing says which rows make its items");
    return (struct word){0};
}

static void read_model_table(struct parser *p, struct spot at, struct parsed_table *ret) {
    struct table_object o = {0};
    (void)parse_object(p, at, OBJECT_MODEL_TABLE, &o);
    o.t.at = at;
    read_model_keys(p, o.pk, &o.t.pk);
    read_model_keys(p, o.sk, &o.t.sk);
    if (o.gsis.value)
        read_model_gsis(p, o.gsis, &o.t);
    bool entities = json_count(o.entities.value) > 0, attributes = json_count(o.entity.attributes.value) > 0;
    o.t.multi = entities;
    if (entities == attributes) {
        report_error(p->report, at, "a table definition needs either \"attributes\" or \"entities\"");
    } else if (entities) {
        parse_entities(p, o.entities, &o.t);
    } else {
        o.t.entities = arena_zalloc(p->arena, sizeof(*o.t.entities));
        o.t.entity_count = 1;
        parse_finish_entity(p, &o.entity, at, o.t.entities);
        o.t.entities->source_table = root_of(p, o.t.entities);
    }
    *ret = o.t;
}

void parse_model(struct parser *p, struct spot at, struct parsed_contract *ret) {
    struct contract_object o = {0};
    (void)parse_object(p, at, OBJECT_MODEL, &o);
    ret->database = o.database;
    if (o.target_engine.text && strcmp(o.target_engine.text, "dynamodb") != 0)
        report_error(p->report, o.target_engine.at, "the target engine is \"%s\"; only \"dynamodb\" can be kept",
                     o.target_engine.text);
    if (!o.tables.value)
        return;
    ret->tables = arena_zalloc(p->arena, (json_count(o.tables.value) + 1) * sizeof(*ret->tables));
    for (struct json_iter i = json_iter(o.tables.value); json_next(&i);)
        read_model_table(p, element_spot(p, o.tables, i.index, i.value), &ret->tables[ret->table_count++]);
    if (ret->table_count == 0)
        report_error(p->report, o.tables, "the contract has no tables");
}
