/* Attributes as they stand in a contract, with their joins, calculations, transformations and constructions. */
#include "contract/parser.h"

enum { CONSTRUCTION_DEPTH_MAX = 16 }; /* an item has at most 32 levels, a construction makes two */

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
        if (present & ~(type->required | type->allowed) & JOIN_KEY(k)) {
            report_error(p->report, at, "a join of type \"%s\": \"%s\" does not belong there", type->name,
                         object_fields[OBJECT_JOIN].list[k].key);
        }
    }
}

static struct parsed_construction *read_construction(struct parser *p, struct spot at);

static void fill_join(struct parser *p, const struct join_object *o, struct parsed_join *join);

/* The steps of a chain, or the branches of a polymorphic lookup. */
static void read_steps(struct parser *p, struct spot at, const struct join_type *type, struct parsed_join *join) {
    join->steps = arena_zalloc(p->arena, (json_count(at.value) + 1) * sizeof(*join->steps));
    for (struct json_iter i = json_iter(at.value); json_next(&i);) {
        struct join_object o = {0};
        struct parsed_join *step = &join->steps[join->step_count++];
        step->at = element_spot(p, at, i.index, i.value);
        uint32_t present = parse_fields(p, step->at, type->name, OBJECT_JOIN, &o);
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
    parse_table_name(p, &join->target_table);
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
    uint32_t present = parse_object(p, at, OBJECT_JOIN, &o);
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
            parse_wrong(p, one, json_text(i.key), FIELD_TEXT);
            continue;
        }
        c->attributes[c->attribute_count++] = (struct parsed_attribute){
            .at = one, .name = {json_text(i.key), one}, .expr = {json_text(i.value), one}, .natural = true};
    }
}

static struct parsed_construction *read_construction(struct parser *p, struct spot at) {
    struct construction_object o = {0};
    (void)parse_object(p, at, OBJECT_CONSTRUCTION, &o);
    o.c.at = at;
    if (++p->depth > CONSTRUCTION_DEPTH_MAX)
        report_error(p->report, at, "constructions stand more than %d deep in one another", CONSTRUCTION_DEPTH_MAX);
    if (!o.selects.value == !o.attributes.value)
        report_error(p->report, at, "a construction needs either \"select_columns\" or \"attributes\"");
    else if (o.selects.value)
        read_selects(p, o.selects, &o.c);
    else if (p->depth <= CONSTRUCTION_DEPTH_MAX)
        parse_attributes(p, o.attributes, &o.c.attributes, &o.c.attribute_count);
    p->depth--;
    struct parsed_construction *ret = arena_alloc(p->arena, sizeof(*ret));
    *ret = o.c;
    return ret;
}

/* ---- attributes */

static void read_cases(struct parser *p, struct spot at, struct parsed_attribute *a) {
    a->cases = arena_zalloc(p->arena, (json_count(at.value) + 1) * sizeof(*a->cases));
    for (struct json_iter i = json_iter(at.value); json_next(&i);)
        (void)parse_object(p, element_spot(p, at, i.index, i.value), OBJECT_CASE, &a->cases[a->case_count++]);
    if (a->case_count == 0)
        report_error(p->report, at, "this list is empty; it must hold at least one case");
}

/* {"type": "aggregate", "operation": ..., and what a join has}. */
static void read_aggregate(struct parser *p, struct spot at, struct parsed_attribute *a) {
    struct aggregate_object o = {0};
    static const struct join_type type = {"aggregate", JOIN_CONSTRUCTION, 0, 0};
    (void)parse_object(p, at, OBJECT_AGGREGATE, &o);
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
    (void)parse_object(p, at, OBJECT_CALCULATION, &o);
    if (o.type.text && strcmp(o.type.text, "case") != 0)
        report_error(p->report, o.type.at, "unknown calculation \"%s\"; known: case, aggregate", o.type.text);
    if (o.cases.value)
        read_cases(p, o.cases, a);
    if (o.otherwise.text && o.else_value.text)
        report_error(p->report, o.else_value.at, "\"else\" and \"else_value\" say the same; keep one");
    a->case_else = o.otherwise.text ? o.otherwise : o.else_value;
}

static struct parsed_transformation *read_transformation(struct parser *p, struct spot at) {
    struct parsed_transformation *t = arena_zalloc(p->arena, sizeof(*t));
    (void)parse_object(p, at, OBJECT_TRANSFORMATION, t);
    t->at = at;
    return t;
}

static void read_attribute(struct parser *p, struct spot at, const struct word *name, struct parsed_attribute *ret) {
    struct attribute_object o = {0};
    (void)parse_object(p, at, OBJECT_ATTRIBUTE, &o);
    if (name->text)
        o.a.name = *name;
    if (!o.a.name.text)
        report_error(p->report, at, "an attribute lacks \"name\" (a string)");
    o.a.at = at;
    parse_table_name(p, &o.a.source_table);
    if (o.join.value)
        o.a.join = read_join(p, o.join);
    if (o.a.calculation.value)
        read_calculation(p, o.a.calculation, &o.a);
    if (o.transformation.value)
        o.a.transformation = read_transformation(p, o.transformation);
    *ret = o.a;
}

enum { ATTRIBUTES_MAX = 1000 };

void parse_attributes(struct parser *p, struct spot at, struct parsed_attribute **ret, size_t *ret_count) {
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
