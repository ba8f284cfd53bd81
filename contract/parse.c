/* Reads a contract's JSON into the plain form. One table of keys per kind of object says what may stand there; unknown
 * keys, missing ones and wrong types are reported here, everything else later. */
#include "contract/fields.h"

#include <stdlib.h>

struct parser {
    struct report *report;
    struct arena *arena;
    unsigned depth; /* of constructions in constructions */
};

enum { CONSTRUCTION_DEPTH_MAX = 16 }; /* an item has at most 32 levels, a construction makes two */

/* ---- spots */

static struct spot member_spot(struct parser *p, struct spot of, const struct json *key, const struct json *value) {
    return (struct spot){value, key, arena_printf(p->arena, "%s.%s", of.path, json_text(key))};
}

/* An element has its own place, or that of its first key or element, or the list's. */
static struct spot element_spot(struct parser *p, struct spot of, size_t index, const struct json *value) {
    struct spot at = {value, of.near, arena_printf(p->arena, "%s[%zu]", of.path, index)};
    const struct json *inner = value;
    while (json_type(inner) == JSON_ARRAY && json_count(inner) > 0)
        inner = json_at(inner, 0);
    struct json_iter i = json_iter(inner);
    if (json_type(inner) == JSON_OBJECT && json_next(&i))
        at.near = i.key;
    else if (json_type(inner) == JSON_STRING || json_type(inner) == JSON_NUMBER)
        at.near = inner;
    return at;
}

/* ---- fields */

static const char *const field_wants[] = {
    [FIELD_TEXT] = "a string",
    [FIELD_WORDS] = "a string or a list of strings",
    [FIELD_FLAG] = "true or false",
    [FIELD_COUNT] = "a whole number from 1",
    [FIELD_LIST] = "a list",
    [FIELD_OBJECT] = "an object",
    [FIELD_LIST_OR_OBJECT] = "a list or an object",
    [FIELD_ANY] = "a value",
    [FIELD_KNOWN] = "a value",
};

static bool is_documentary(const char *key) {
    if (strncmp(key, "x-", 2) == 0)
        return true;
    for (size_t i = 0; documentary_keys[i]; i++)
        if (strcmp(key, documentary_keys[i]) == 0)
            return true;
    return false;
}

static bool wrong(struct parser *p, struct spot at, const char *key, enum field_kind kind) {
    report_error(p->report, at, "\"%s\" is %s; it must be %s", key, json_type_name(at.value), field_wants[kind]);
    return false;
}

/* Names and texts are C strings from here on. */
static bool has_zero(struct parser *p, struct spot at) {
    struct slice s = json_string(at.value);
    if (!memchr(s.data, 0, s.len))
        return false;
    report_error(p->report, at, "a zero character (\\u0000) cannot stand here");
    return true;
}

static bool read_words(struct parser *p, struct spot at, const char *key, struct words *ret) {
    bool list = json_type(at.value) == JSON_ARRAY;
    if (!list && json_type(at.value) != JSON_STRING)
        return wrong(p, at, key, FIELD_WORDS);
    size_t count = list ? json_count(at.value) : 1, n = 0;
    if (!list && has_zero(p, at))
        return false;
    struct word *words = arena_zalloc(p->arena, (count + 1) * sizeof(*words));
    if (!list)
        words[n++] = (struct word){json_text(at.value), at};
    for (struct json_iter i = json_iter(list ? at.value : NULL); json_next(&i);) {
        struct spot one = element_spot(p, at, i.index, i.value);
        if (json_type(i.value) != JSON_STRING)
            return wrong(p, one, key, FIELD_WORDS);
        if (has_zero(p, one))
            return false;
        words[n++] = (struct word){json_text(i.value), one};
    }
    *ret = (struct words){words, n, at};
    return true;
}

static bool read_field(struct parser *p, struct spot at, const struct field *f, void *to) {
    enum json_type type = json_type(at.value);
    bool fits = true;
    int64_t n;
    if (type == JSON_STRING && has_zero(p, at))
        return false;
    switch (f->kind) {
    case FIELD_TEXT:
        fits = type == JSON_STRING;
        if (fits)
            *(struct word *)to = (struct word){json_text(at.value), at};
        break;
    case FIELD_WORDS:
        return read_words(p, at, f->key, to);
    case FIELD_COUNT:
        fits = json_int(at.value, &n) && n >= 1;
        if (fits)
            *(uint64_t *)to = (uint64_t)n;
        break;
    case FIELD_FLAG:
        fits = type == JSON_BOOL;
        break;
    case FIELD_LIST:
        fits = type == JSON_ARRAY;
        break;
    case FIELD_OBJECT:
        fits = type == JSON_OBJECT;
        break;
    case FIELD_LIST_OR_OBJECT:
        fits = type == JSON_ARRAY || type == JSON_OBJECT;
        break;
    case FIELD_ANY:
    case FIELD_KNOWN:
        break;
    }
    if (!fits)
        return wrong(p, at, f->key, f->kind);
    if (f->kind >= FIELD_LIST && f->kind <= FIELD_ANY)
        *(struct spot *)to = at;
    else if (f->kind == FIELD_FLAG)
        *(struct spot *)to = at;
    return true;
}

static void unknown_key(struct parser *p, struct spot at, const char *key, const struct object_fields *fields) {
    const char *names[40];
    size_t n = 0;
    for (size_t i = 0; i < fields->count && n < ARRAY_LEN(names); i++)
        if (fields->list[i].key[0] != '$')
            names[n++] = fields->list[i].key;
    report_error(p->report, at, "unknown key \"%s\"%s", key, report_remedy(p->report, key, names, n));
}

/* Reads an object's members into `into`. Returns the mask of the keys that are there (null counts as absent). */
static uint32_t read_fields(struct parser *p, struct spot at, const char *what, enum object_kind kind, void *into) {
    const struct field *fields = object_fields[kind].list;
    size_t count = object_fields[kind].count;
    uint32_t present = 0;
    if (json_type(at.value) != JSON_OBJECT) {
        report_error(p->report, at, "%s must be an object, not %s", what, json_type_name(at.value));
        return 0;
    }
    for (struct json_iter i = json_iter(at.value); json_next(&i);) {
        const char *key = json_text(i.key);
        struct spot one = member_spot(p, at, i.key, i.value);
        size_t k = 0;
        while (k < count && strcmp(fields[k].key, key) != 0)
            k++;
        /* The key's own place, not the value's: that is what is wrong. */
        if (k == count && !is_documentary(key))
            unknown_key(p, (struct spot){i.key, i.key, one.path}, key, &object_fields[kind]);
        if (k == count || json_type(i.value) == JSON_NULL)
            continue;
        if (present & (uint32_t)1 << k)
            report_error(p->report, (struct spot){i.key, i.key, one.path}, "\"%s\" stands here twice; keep one", key);
        present |= (uint32_t)1 << k;
        (void)read_field(p, one, &fields[k], (char *)into + fields[k].offset);
    }
    for (size_t k = 0; k < count; k++)
        if (fields[k].required && !(present & (uint32_t)1 << k))
            report_error(p->report, at, "%s lacks \"%s\" (%s)", what, fields[k].key, field_wants[fields[k].kind]);
    return present;
}

static uint32_t read_object(struct parser *p, struct spot at, enum object_kind kind, void *into) {
    return read_fields(p, at, object_fields[kind].what, kind, into);
}

/* ---- joins */

static const struct join_type *find_join_type(struct parser *p, const struct word *type) {
    const char *names[32];
    size_t count = 0;
    for (; join_types[count].name; count++) {
        names[count] = join_types[count].name;
        if (strcmp(type->text, names[count]) == 0)
            return &join_types[count];
    }
    report_error(p->report, type->at, "unknown join type \"%s\"%s", type->text,
                 report_remedy(p->report, type->text, names, count));
    return NULL;
}

static void check_join_keys(struct parser *p, struct spot at, const struct join_type *type, uint32_t present) {
    for (unsigned k = 0; k < J_COUNT; k++) {
        if (type->required & ~present & JOIN_KEY(k))
            report_error(p->report, at, "a join of type \"%s\" lacks \"%s\"", type->name,
                         object_fields[OBJECT_JOIN].list[k].key);
        if (present & ~(type->required | type->allowed | JOIN_COMMON) & JOIN_KEY(k)) {
            report_error(p->report, at, "a join of type \"%s\": \"%s\" does not belong there", type->name,
                         object_fields[OBJECT_JOIN].list[k].key);
        }
    }
}

static void read_attributes(struct parser *p, struct spot at, struct parsed_attribute **ret, size_t *ret_count);
static struct parsed_construction *read_construction(struct parser *p, struct spot at);

static void fill_join(struct parser *p, const struct join_object *o, struct parsed_join *join);

/* The steps of a chain, or the branches of a polymorphic lookup. */
static void read_steps(struct parser *p, struct spot at, const struct join_type *type, struct parsed_join *join) {
    join->steps = arena_zalloc(p->arena, (json_count(at.value) + 1) * sizeof(*join->steps));
    for (struct json_iter i = json_iter(at.value); json_next(&i);) {
        struct join_object o = {0};
        struct parsed_join *step = &join->steps[join->step_count++];
        step->at = element_spot(p, at, i.index, i.value);
        uint32_t present = read_fields(p, step->at, type->name, OBJECT_JOIN, &o);
        check_join_keys(p, step->at, type, present);
        step->type = type;
        fill_join(p, &o, step);
    }
    if (join->step_count == 0)
        report_error(p->report, at, "this list is empty; it must hold at least one %s", type->name);
}

static void fill_join(struct parser *p, const struct join_object *o, struct parsed_join *join) {
    join->alias = o->alias;
    join->target_table = o->target;
    join->select_column = o->select;
    join->filter = o->filter;
    join->conditions = o->conditions.count ? o->conditions : o->condition;
    join->null_value = o->null_value;
    join->local_column = o->local;
    join->source_column = o->source;
    join->only_if = o->only_if;
    join->else_expr = o->else_expr;
    join->else_value = o->else_value;
    join->type_column = o->type_column;
    join->separator = o->separator;
    join->when = o->when;
    join->order_by = o->order_by;
    join->limit = o->limit;
}

static struct parsed_join *read_join(struct parser *p, struct spot at) {
    struct join_object o = {0};
    struct parsed_join *join = arena_zalloc(p->arena, sizeof(*join));
    join->at = at;
    uint32_t present = read_object(p, at, OBJECT_JOIN, &o);
    if (!o.type.text && !(present & (JOIN_KEY(J_LOCAL) | JOIN_KEY(J_SOURCE)))) {
        report_error(p->report, at,
                     "a join lacks \"type\"; known: foreign-key, self-join, lookup-table, multi-column, "
                     "conditional, chain, polymorphic-lookup, json-construction, aggregated-list, exists-check");
        return join;
    }
    join->type = o.type.text ? find_join_type(p, &o.type) : &join_old;
    fill_join(p, &o, join);
    if (!join->type)
        return join;
    if (join->type->required & JOIN_KEY(J_CONDITIONS) && present & JOIN_KEY(J_CONDITION) &&
        !(present & JOIN_KEY(J_CONDITIONS)))
        present ^= JOIN_KEY(J_CONDITIONS) | JOIN_KEY(J_CONDITION); /* one text with AND says the same */
    check_join_keys(p, at, join->type, present);
    if (join->type->form == JOIN_CHAIN && o.joins.value)
        read_steps(p, o.joins, &join_step, join);
    if (join->type->form == JOIN_POLYMORPHIC && o.branches.value)
        read_steps(p, o.branches, &join_branch, join);
    if (join->type->form == JOIN_CONSTRUCTION && o.construction.value)
        join->construction = read_construction(p, o.construction);
    return join;
}

/* ---- constructions */

static void read_selects(struct parser *p, struct spot at, struct parsed_construction *c) {
    c->attributes = arena_zalloc(p->arena, (json_count(at.value) + 1) * sizeof(*c->attributes));
    for (struct json_iter i = json_iter(at.value); json_next(&i);) {
        struct spot one = member_spot(p, at, i.key, i.value);
        if (json_type(i.value) != JSON_STRING) {
            (void)wrong(p, one, json_text(i.key), FIELD_TEXT);
            continue;
        }
        c->attributes[c->attribute_count++] = (struct parsed_attribute){
            .at = one, .name = {json_text(i.key), one}, .expr = {json_text(i.value), one}, .natural = true};
    }
}

static struct parsed_construction *read_construction(struct parser *p, struct spot at) {
    struct construction_object o = {0};
    (void)read_object(p, at, OBJECT_CONSTRUCTION, &o);
    o.c.at = at;
    if (++p->depth > CONSTRUCTION_DEPTH_MAX)
        report_error(p->report, at, "constructions stand more than %d deep in one another", CONSTRUCTION_DEPTH_MAX);
    if (!o.selects.value == !o.attributes.value)
        report_error(p->report, at, "a construction needs either \"select_columns\" or \"attributes\"");
    else if (o.selects.value)
        read_selects(p, o.selects, &o.c);
    else if (p->depth <= CONSTRUCTION_DEPTH_MAX)
        read_attributes(p, o.attributes, &o.c.attributes, &o.c.attribute_count);
    p->depth--;
    struct parsed_construction *ret = arena_alloc(p->arena, sizeof(*ret));
    *ret = o.c;
    return ret;
}

/* ---- attributes */

static void read_cases(struct parser *p, struct spot at, struct parsed_attribute *a) {
    a->cases = arena_zalloc(p->arena, (json_count(at.value) + 1) * sizeof(*a->cases));
    for (struct json_iter i = json_iter(at.value); json_next(&i);)
        (void)read_object(p, element_spot(p, at, i.index, i.value), OBJECT_CASE, &a->cases[a->case_count++]);
    if (a->case_count == 0)
        report_error(p->report, at, "this list is empty; it must hold at least one case");
}

/* {"type": "aggregate", "operation": ..., and what a join has}. */
static void read_aggregate(struct parser *p, struct spot at, struct parsed_attribute *a) {
    struct aggregate_object o = {0};
    static const struct join_type type = {"aggregate", JOIN_CONSTRUCTION, 0, 0};
    (void)read_object(p, at, OBJECT_AGGREGATE, &o);
    a->aggregate = arena_zalloc(p->arena, sizeof(*a->aggregate));
    a->aggregate->at = at;
    a->aggregate->type = &type;
    a->operation = o.operation;
    fill_join(p, &o.join, a->aggregate);
}

/* {"type": "case", ...} */
static void read_calculation(struct parser *p, struct spot at, struct parsed_attribute *a) {
    struct calculation_object o = {0};
    const struct json *type = json_get(at.value, "type");
    if (json_text(type) && strcmp(json_text(type), "aggregate") == 0) {
        read_aggregate(p, at, a);
        return;
    }
    (void)read_object(p, at, OBJECT_CALCULATION, &o);
    if (o.type.text && strcmp(o.type.text, "case") != 0)
        report_error(p->report, o.type.at, "unknown calculation \"%s\"; known: case, aggregate", o.type.text);
    if (o.cases.value)
        read_cases(p, o.cases, a);
    a->case_else = o.otherwise;
}

static struct parsed_transformation *read_transformation(struct parser *p, struct spot at) {
    struct parsed_transformation *t = arena_zalloc(p->arena, sizeof(*t));
    (void)read_object(p, at, OBJECT_TRANSFORMATION, t);
    t->at = at;
    return t;
}

static void read_attribute(struct parser *p, struct spot at, const struct word *name, struct parsed_attribute *ret) {
    struct attribute_object o = {0};
    (void)read_object(p, at, OBJECT_ATTRIBUTE, &o);
    if (name->text)
        o.a.name = *name;
    if (!o.a.name.text)
        report_error(p->report, at, "an attribute lacks \"name\" (a string)");
    o.a.at = at;
    if (o.join.value)
        o.a.join = read_join(p, o.join);
    if (o.a.calculation.value)
        read_calculation(p, o.a.calculation, &o.a);
    if (o.transformation.value)
        o.a.transformation = read_transformation(p, o.transformation);
    *ret = o.a;
}

enum { ATTRIBUTES_MAX = 1000 };

/* A list of attributes with names, or an object from names to attributes. */
static void read_attributes(struct parser *p, struct spot at, struct parsed_attribute **ret, size_t *ret_count) {
    struct parsed_attribute *list = arena_zalloc(p->arena, (json_count(at.value) + 1) * sizeof(*list));
    size_t count = 0;
    if (json_count(at.value) > ATTRIBUTES_MAX) {
        report_error(p->report, at, "more than %d attributes", ATTRIBUTES_MAX);
        return;
    }
    for (struct json_iter i = json_iter(at.value); json_next(&i);) {
        struct spot one = i.key ? member_spot(p, at, i.key, i.value) : element_spot(p, at, i.index, i.value);
        struct word name = {i.key ? json_text(i.key) : NULL, {i.key, i.key, one.path}};
        read_attribute(p, one, &name, &list[count]);
        if (list[count].name.text)
            count++;
    }
    *ret = list;
    *ret_count = count;
}

/* ---- entities and tables */

static void finish_entity(struct parser *p, struct entity_object *o, struct spot at, struct parsed_entity *ret) {
    o->e.at = at;
    if (o->attributes.value)
        read_attributes(p, o->attributes, &o->e.attributes, &o->e.attribute_count);
    *ret = o->e;
}

static void read_entities(struct parser *p, struct spot at, struct parsed_table *table) {
    table->entities = arena_zalloc(p->arena, (json_count(at.value) + 1) * sizeof(*table->entities));
    for (struct json_iter i = json_iter(at.value); json_next(&i);) {
        struct spot one = element_spot(p, at, i.index, i.value);
        struct entity_object o = {0};
        (void)read_object(p, one, OBJECT_ENTITY, &o);
        if (json_type(i.value) == JSON_OBJECT)
            finish_entity(p, &o, one, &table->entities[table->entity_count++]);
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
        (void)read_object(p, at, OBJECT_KEY, &o);
        struct word *one = arena_alloc(p->arena, sizeof(*one));
        *one = o.name;
        *ret = (struct parsed_key){{one, o.name.text != NULL, at}, o.type};
    } else {
        (void)read_words(p, at, key, &ret->names);
    }
}

static void read_gsi(struct parser *p, struct spot at, struct parsed_gsi *ret) {
    struct gsi_object o = {0};
    (void)read_object(p, at, OBJECT_GSI, &o);
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
    (void)read_object(p, at, OBJECT_BILLING, &o);
    table->provisioned = true;
    table->read_units = o.read;
    table->write_units = o.write;
}

static void read_table(struct parser *p, struct spot at, struct parsed_table *ret) {
    struct table_object o = {0};
    const char *type = json_text(json_get(at.value, "type"));
    bool is_multi = type && strcmp(type, "multi-entity") == 0;
    (void)read_object(p, at, is_multi ? OBJECT_MULTI_TABLE : OBJECT_SINGLE_TABLE, &o);
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
        read_entities(p, o.entities, &o.t);
    if (!is_multi && json_type(at.value) == JSON_OBJECT) {
        o.t.entities = arena_zalloc(p->arena, sizeof(*o.t.entities));
        o.t.entity_count = 1;
        finish_entity(p, &o.entity, at, o.t.entities);
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

void contract_parse(struct report *report, struct arena *arena, struct parsed_contract *ret) {
    struct parser p = {.report = report, .arena = arena};
    struct contract_object o = {0};
    const struct json *root = json_root(report->doc);
    struct spot at = {root, NULL, "$"};
    *ret = (struct parsed_contract){0};
    if (json_type(root) == JSON_ARRAY) {
        read_tables(&p, at, ret);
        return;
    }
    if (json_get(root, "table_definitions")) {
        report_error(report, at,
                     "this is the model-output form (\"table_definitions\"), which is not supported by this version; "
                     "write {\"version\": 1, \"tables\": [...]}");
        return;
    }
    (void)read_object(&p, at, OBJECT_CONTRACT, &o);
    int64_t version;
    if (o.version.value && (!json_int(o.version.value, &version) || version != 1))
        report_error(report, o.version, "\"version\" must be 1");
    ret->database = o.database;
    if (o.tables.value)
        read_tables(&p, o.tables, ret);
}
