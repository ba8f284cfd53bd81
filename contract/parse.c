/* Reads a contract's JSON into the plain form: the contract, its tables and entities. */
#include "contract/parser.h"

/* ---- entities and tables */

void parse_finish_entity(struct parser *p, struct entity_object *o, struct spot at, struct parsed_entity *ret) {
    o->e.at = at;
    parse_table_name(p, &o->e.source_table);
    if (o->attributes.value)
        parse_attributes(p, o->attributes, &o->e.attributes, &o->e.attribute_count);
    *ret = o->e;
}

void parse_entities(struct parser *p, struct spot at, struct parsed_table *table) {
    table->entities = arena_zalloc(p->arena, (json_count(at.value) + 1) * sizeof(*table->entities));
    for (struct json_iter i = json_iter(at.value); json_next(&i);) {
        struct spot one = element_spot(p, at, i.index, i.value);
        struct entity_object o = {0};
        (void)parse_object(p, one, OBJECT_ENTITY, &o);
        if (json_type(i.value) == JSON_OBJECT)
            parse_finish_entity(p, &o, one, &table->entities[table->entity_count++]);
    }
    if (json_count(at.value) == 0)
        report_error(p->report, at, "\"entities\" is empty; a multi-entity table needs at least one");
}

/* A key: a name, a list of names, or {"name", "type"}. */
static void read_key(struct parser *p, struct spot at, const char *key, bool list, struct parsed_key *ret) {
    struct key_object o = {0};
    if (!at.value)
        return;
    if (json_type(at.value) == JSON_ARRAY && !list) {
        report_error(p->report, at, "\"%s\" of a table is one name; lists are for indexes (join parts with '#')", key);
    } else if (json_type(at.value) == JSON_OBJECT) {
        (void)parse_object(p, at, OBJECT_KEY, &o);
        struct word *one = arena_alloc(p->arena, sizeof(*one));
        *one = o.name;
        struct word *type = arena_alloc(p->arena, sizeof(*type));
        *type = o.type;
        *ret = (struct parsed_key){{one, o.name.text != NULL, at}, type};
    } else {
        (void)parse_words(p, at, key, &ret->names);
    }
}

static void read_gsi(struct parser *p, struct spot at, struct parsed_gsi *ret) {
    struct gsi_object o = {0};
    (void)parse_object(p, at, OBJECT_GSI, &o);
    o.g.at = at;
    read_key(p, o.pk, "pk", true, &o.g.pk);
    read_key(p, o.sk, "sk", true, &o.g.sk);
    *ret = o.g;
}

static void read_gsis(struct parser *p, struct spot at, struct parsed_table *table) {
    table->gsis_at = at;
    table->gsis = arena_zalloc(p->arena, (json_count(at.value) + 1) * sizeof(*table->gsis));
    for (struct json_iter i = json_iter(at.value); json_next(&i);)
        read_gsi(p, element_spot(p, at, i.index, i.value), &table->gsis[table->gsi_count++]);
}

static void read_billing(struct parser *p, struct spot at, struct parsed_table *table) {
    struct billing_object o = {0};
    if (!at.value || (json_text(at.value) && strcmp(json_text(at.value), "PAY_PER_REQUEST") == 0))
        return;
    if (json_type(at.value) != JSON_OBJECT) {
        report_error(p->report, at, "\"billing\" must be \"PAY_PER_REQUEST\" or {\"read\": units, \"write\": units}");
        return;
    }
    (void)parse_object(p, at, OBJECT_BILLING, &o);
    table->provisioned = true;
    table->read_units = o.read;
    table->write_units = o.write;
}

static void read_table(struct parser *p, struct spot at, struct parsed_table *ret) {
    struct table_object o = {0};
    const char *type = json_text(json_get(at.value, "type"));
    bool is_multi = type && strcmp(type, "multi-entity") == 0;
    (void)parse_object(p, at, is_multi ? OBJECT_MULTI_TABLE : OBJECT_SINGLE_TABLE, &o);
    if (type && !is_multi && strcmp(type, "single-entity") != 0 && strcmp(type, "Table") != 0)
        report_error(p->report, o.t.type.at, "unknown type \"%s\"; it must be \"single-entity\" or \"multi-entity\"",
                     type);
    o.t.at = at;
    o.t.multi = is_multi;
    read_key(p, o.pk, "pk", false, &o.t.pk);
    read_key(p, o.sk, "sk", false, &o.t.sk);
    if (o.gsis.value)
        read_gsis(p, o.gsis, &o.t);
    read_billing(p, o.billing, &o.t);
    if (is_multi && o.entities.value)
        parse_entities(p, o.entities, &o.t);
    if (!is_multi && json_type(at.value) == JSON_OBJECT) {
        o.t.entities = arena_zalloc(p->arena, sizeof(*o.t.entities));
        o.t.entity_count = 1;
        parse_finish_entity(p, &o.entity, at, o.t.entities);
    }
    *ret = o.t;
}

static void read_tables(struct parser *p, struct spot at, struct parsed_contract *ret) {
    ret->tables = arena_zalloc(p->arena, (json_count(at.value) + 1) * sizeof(*ret->tables));
    for (struct json_iter i = json_iter(at.value); json_next(&i);)
        read_table(p, element_spot(p, at, i.index, i.value), &ret->tables[ret->table_count++]);
    if (json_count(at.value) == 0)
        report_error(p->report, at, "the contract has no tables");
}

void contract_parse(struct report *report, struct arena *arena, const char *database, struct parsed_contract *ret) {
    struct parser p = {.report = report, .arena = arena, .database = database};
    struct contract_object o = {0};
    const struct json *root = json_root(report->doc);
    struct spot at = {root, NULL, "$"};
    *ret = (struct parsed_contract){0};
    if (json_type(root) == JSON_ARRAY) {
        read_tables(&p, at, ret);
        return;
    }
    if (json_get(root, "table_definitions")) {
        parse_model(&p, at, ret);
        return;
    }
    (void)parse_object(&p, at, OBJECT_CONTRACT, &o);
    int64_t version;
    if (o.version.value && (!json_int(o.version.value, &version) || version != 1))
        report_error(report, o.version, "\"version\" must be 1");
    ret->database = o.database;
    if (o.tables.value)
        read_tables(&p, o.tables, ret);
}
