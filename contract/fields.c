/* The keys that may stand in a contract's objects. */
#include "contract/fields.h"

const char *const documentary_keys[] = {
    "description", "justification", "satisfies", "denormalized", "estimated_item_size_bytes", "source_format", NULL};

/* ---- joins */

#define JF(key, kind, member) {key, kind, false, offsetof(struct join_object, member)}
static const struct field join_fields[J_COUNT] = {
    [J_TYPE] = JF("type", FIELD_TEXT, type),
    [J_ALIAS] = JF("join_alias", FIELD_TEXT, alias),
    [J_TARGET] = JF("target_table", FIELD_TEXT, target),
    [J_CONDITION] = JF("join_condition", FIELD_WORDS, condition),
    [J_CONDITIONS] = JF("join_conditions", FIELD_WORDS, conditions),
    [J_SELECT] = JF("select_column", FIELD_TEXT, select),
    [J_NULL] = JF("null_value", FIELD_ANY, null_value),
    [J_LOCAL] = JF("local_column", FIELD_TEXT, local),
    [J_SOURCE] = JF("source_column", FIELD_TEXT, source),
    [J_JOINS] = JF("joins", FIELD_LIST, joins),
    [J_SEPARATOR] = JF("chain_separator", FIELD_TEXT, separator),
    [J_CONSTRUCTION] = JF("construction", FIELD_OBJECT, construction),
    [J_FILTER] = JF("filter", FIELD_TEXT, filter),
    [J_ORDER] = JF("order_by", FIELD_TEXT, order_by),
    [J_LIMIT] = JF("limit", FIELD_COUNT, limit),
    [J_IF] = JF("condition", FIELD_TEXT, only_if),
    [J_ELSE] = JF("else_value", FIELD_ANY, else_value),
    [J_ELSE_EXPR] = JF("else_expr", FIELD_TEXT, else_expr),
    [J_BRANCHES] = JF("branches", FIELD_LIST, branches),
    [J_TYPE_COLUMN] = JF("type_column", FIELD_TEXT, type_column),
    [J_WHEN] = JF("when_type_value", FIELD_ANY, when),
};

#define M(k) JOIN_KEY(k)
enum { ANY = M(J_TYPE) | M(J_ALIAS) | M(J_NULL) };
const struct join_type join_types[] = {
    {"self-join", JOIN_ONE, M(J_ALIAS) | M(J_CONDITION) | M(J_SELECT), ANY | M(J_TARGET)},
    {"foreign-key", JOIN_ONE, M(J_TARGET) | M(J_CONDITION) | M(J_SELECT), ANY},
    {"lookup-table", JOIN_ONE, M(J_TARGET) | M(J_CONDITION) | M(J_SELECT), ANY},
    {"multi-column", JOIN_ONE, M(J_TARGET) | M(J_CONDITIONS) | M(J_SELECT), ANY},
    {"chain", JOIN_CHAIN, M(J_JOINS), ANY | M(J_SEPARATOR)},
    {"conditional", JOIN_CONDITIONAL, M(J_IF) | M(J_TARGET) | M(J_CONDITION) | M(J_SELECT),
     ANY | M(J_ELSE) | M(J_ELSE_EXPR)},
    {"polymorphic-lookup", JOIN_POLYMORPHIC, M(J_TYPE_COLUMN) | M(J_BRANCHES), ANY | M(J_ELSE) | M(J_ELSE_EXPR)},
    {"json-construction", JOIN_CONSTRUCTION, M(J_TARGET) | M(J_CONDITION) | M(J_CONSTRUCTION), ANY | M(J_FILTER)},
    {"aggregated-list", JOIN_LIST, M(J_TARGET) | M(J_CONDITION) | M(J_SELECT),
     ANY | M(J_ORDER) | M(J_LIMIT) | M(J_FILTER)},
    {"exists-check", JOIN_EXISTS, M(J_TARGET) | M(J_CONDITION), ANY | M(J_FILTER)},
    {NULL, JOIN_ONE, 0, 0},
};
const struct join_type join_old = {"local_column", JOIN_OLD, M(J_LOCAL) | M(J_SOURCE), M(J_ALIAS) | M(J_NULL)};
const struct join_type join_step = {"chain step", JOIN_ONE, M(J_TARGET) | M(J_CONDITION), M(J_ALIAS) | M(J_SELECT)};
const struct join_type join_branch = {"branch", JOIN_ONE, M(J_WHEN) | M(J_TARGET) | M(J_CONDITION) | M(J_SELECT),
                                      M(J_ALIAS)};

/* ---- attributes and what stands in them */

static const struct field construction_fields[] = {
    {"type", FIELD_TEXT, true, offsetof(struct construction_object, c.type)},
    {"select_columns", FIELD_OBJECT, false, offsetof(struct construction_object, selects)},
    {"attributes", FIELD_LIST_OR_OBJECT, false, offsetof(struct construction_object, attributes)},
    {"order_by", FIELD_TEXT, false, offsetof(struct construction_object, c.order_by)},
    {"limit", FIELD_COUNT, false, offsetof(struct construction_object, c.limit)},
    {"filter", FIELD_TEXT, false, offsetof(struct construction_object, c.filter)},
};

static const struct field case_fields[] = {
    {"when", FIELD_TEXT, true, offsetof(struct parsed_case, when)},
    {"then", FIELD_TEXT, true, offsetof(struct parsed_case, then)},
};

static const struct field aggregate_fields[] = {
    {"type", FIELD_TEXT, true, offsetof(struct aggregate_object, join.type)},
    {"operation", FIELD_TEXT, true, offsetof(struct aggregate_object, operation)},
    {"target_table", FIELD_TEXT, true, offsetof(struct aggregate_object, join.target)},
    {"join_condition", FIELD_WORDS, true, offsetof(struct aggregate_object, join.condition)},
    {"join_alias", FIELD_TEXT, false, offsetof(struct aggregate_object, join.alias)},
    {"select_column", FIELD_TEXT, false, offsetof(struct aggregate_object, join.select)},
    {"filter", FIELD_TEXT, false, offsetof(struct aggregate_object, join.filter)},
};

static const struct field calculation_fields[] = {
    {"type", FIELD_TEXT, true, offsetof(struct calculation_object, type)},
    {"cases", FIELD_LIST, true, offsetof(struct calculation_object, cases)},
    {"else", FIELD_TEXT, false, offsetof(struct calculation_object, otherwise)},
    {"else_value", FIELD_TEXT, false, offsetof(struct calculation_object, else_value)},
};

static const struct field transformation_fields[] = {
    {"type", FIELD_TEXT, true, offsetof(struct parsed_transformation, type)},
    {"format", FIELD_TEXT, false, offsetof(struct parsed_transformation, format)},
    {"template", FIELD_TEXT, false, offsetof(struct parsed_transformation, template)},
    {"value", FIELD_ANY, false, offsetof(struct parsed_transformation, value)},
};

static const struct field attribute_fields[] = {
    {"name", FIELD_TEXT, false, offsetof(struct attribute_object, a.name)},
    {"type", FIELD_TEXT, true, offsetof(struct attribute_object, a.type)},
    {"source_table", FIELD_TEXT, false, offsetof(struct attribute_object, a.source_table)},
    {"source_column", FIELD_WORDS, false, offsetof(struct attribute_object, a.source_column)},
    {"template", FIELD_TEXT, false, offsetof(struct attribute_object, a.template)},
    {"expr", FIELD_TEXT, false, offsetof(struct attribute_object, a.expr)},
    {"join", FIELD_OBJECT, false, offsetof(struct attribute_object, join)},
    {"null_value", FIELD_ANY, false, offsetof(struct attribute_object, a.null_value)},
    {"calculation", FIELD_OBJECT, false, offsetof(struct attribute_object, a.calculation)},
    {"transformation", FIELD_OBJECT, false, offsetof(struct attribute_object, transformation)},
};

/* ---- entities and tables */

#define EF(key, kind, required, member) {key, kind, required, offsetof(struct entity_object, member)}
#define ENTITY_FIELDS(entity_type_required, source_table_required)                                                     \
    EF("entity_type", FIELD_TEXT, entity_type_required, e.entity_type),                                                \
        EF("source_table", FIELD_TEXT, source_table_required, e.source_table),                                         \
        EF("attributes", FIELD_LIST_OR_OBJECT, source_table_required, attributes),                                     \
        EF("filter", FIELD_TEXT, false, e.filter), EF("write_entity_type", FIELD_FLAG, false, e.write_entity_type),    \
        EF("write_nulls", FIELD_FLAG, false, e.write_nulls)

static const struct field entity_fields[] = {
    ENTITY_FIELDS(true, true),
    EF("pk_template", FIELD_TEXT, false, e.pk_template),
    EF("sk_template", FIELD_TEXT, false, e.sk_template),
};

static const struct field key_fields[] = {
    {"name", FIELD_TEXT, true, offsetof(struct key_object, name)},
    {"type", FIELD_TEXT, false, offsetof(struct key_object, type)},
};

static const struct field gsi_fields[] = {
    {"index_name", FIELD_TEXT, true, offsetof(struct gsi_object, g.index_name)},
    {"pk", FIELD_ANY, true, offsetof(struct gsi_object, pk)},
    {"sk", FIELD_ANY, false, offsetof(struct gsi_object, sk)},
    {"projection", FIELD_TEXT, false, offsetof(struct gsi_object, g.projection)},
    {"projected_attributes", FIELD_WORDS, false, offsetof(struct gsi_object, g.projected)},
};

static const struct field billing_fields[] = {
    {"read", FIELD_COUNT, true, offsetof(struct billing_object, read)},
    {"write", FIELD_COUNT, true, offsetof(struct billing_object, write)},
};

#define TF(key, kind, required, member) {key, kind, required, offsetof(struct table_object, member)}
#define TABLE_FIELDS(pk_required, type_required)                                                                       \
    TF("table", FIELD_TEXT, true, t.table), TF("type", FIELD_TEXT, type_required, t.type),                             \
        TF("pk", FIELD_ANY, pk_required, pk), TF("sk", FIELD_ANY, false, sk), TF("gsis", FIELD_LIST, false, gsis),     \
        TF("billing", FIELD_ANY, false, billing), TF("ttl", FIELD_TEXT, false, t.ttl)

static const struct field single_table_fields[] = {TABLE_FIELDS(true, false), ENTITY_FIELDS(false, true)};

static const struct field multi_table_fields[] = {
    TABLE_FIELDS(false, true),
    TF("entities", FIELD_LIST, true, entities),
    {"source_table", FIELD_KNOWN, false, 0}}; /* its entities have their own */

static const struct field contract_fields[] = {
    {"$schema", FIELD_KNOWN, false, 0}, /* for editors */
    {"version", FIELD_ANY, false, offsetof(struct contract_object, version)},
    {"database", FIELD_TEXT, false, offsetof(struct contract_object, database)},
    {"tables", FIELD_LIST, true, offsetof(struct contract_object, tables)},
};

/* ---- the model-output form: what it says beyond the language is known, and ignored */

#define IGNORED(key) {key, FIELD_KNOWN, false, 0}

static const struct field model_fields[] = {
    {"$schema", FIELD_KNOWN, false, 0},
    IGNORED("contract_version"),
    IGNORED("job_id"),
    {"source_database", FIELD_TEXT, false, offsetof(struct contract_object, database)},
    {"target_engine", FIELD_TEXT, false, offsetof(struct contract_object, target_engine)},
    {"table_definitions", FIELD_LIST, true, offsetof(struct contract_object, tables)},
    IGNORED("access_patterns"),
    IGNORED("unsupported_patterns"),
    IGNORED("migration_notes"),
    IGNORED("hot_partition_analysis"),
    IGNORED("trade_offs"),
    IGNORED("validation_passed"),
    IGNORED("validation_failures"),
};

static const struct field model_table_fields[] = {
    TF("table_name", FIELD_TEXT, true, t.table),
    IGNORED("aggregate_pattern"),
    IGNORED("source_tables"),
    TF("partition_key", FIELD_OBJECT, true, pk),
    TF("sort_key", FIELD_OBJECT, false, sk),
    EF("attributes", FIELD_LIST_OR_OBJECT, false, attributes),
    TF("entities", FIELD_LIST, false, entities),
    TF("gsis", FIELD_LIST, false, gsis),
    IGNORED("item_count"),
    IGNORED("item_size_bytes"),
};

static const struct field model_gsi_fields[] = {
    {"gsi_name", FIELD_TEXT, true, offsetof(struct gsi_object, g.index_name)},
    {"partition_key", FIELD_LIST_OR_OBJECT, true, offsetof(struct gsi_object, pk)},
    {"sort_key", FIELD_LIST_OR_OBJECT, false, offsetof(struct gsi_object, sk)},
    {"projection", FIELD_TEXT, false, offsetof(struct gsi_object, g.projection)},
    {"projected_attributes", FIELD_WORDS, false, offsetof(struct gsi_object, g.projected)},
    IGNORED("sparse_attribute"),
    IGNORED("item_count"),
    IGNORED("item_size_bytes"),
};

static const struct field model_key_fields[] = {
    {"attribute_name", FIELD_TEXT, true, offsetof(struct key_object, name)},
    {"attribute_type", FIELD_TEXT, false, offsetof(struct key_object, type)},
};

/* ---- all */

#define OBJECT(what, name) {what, name##_fields, ARRAY_LEN(name##_fields), false}
#define OPEN_OBJECT(what, name) {what, name##_fields, ARRAY_LEN(name##_fields), true}
const struct object_fields object_fields[] = {
    [OBJECT_CONTRACT] = OBJECT("a contract", contract),
    [OBJECT_SINGLE_TABLE] = OBJECT("a single-entity table", single_table),
    [OBJECT_MULTI_TABLE] = OBJECT("a multi-entity table", multi_table),
    [OBJECT_BILLING] = OBJECT("\"billing\"", billing),
    [OBJECT_KEY] = OBJECT("a key", key),
    [OBJECT_GSI] = OBJECT("an index", gsi),
    [OBJECT_ENTITY] = OBJECT("an entity", entity),
    [OBJECT_ATTRIBUTE] = OBJECT("an attribute", attribute),
    [OBJECT_TRANSFORMATION] = OBJECT("a transformation", transformation),
    [OBJECT_CALCULATION] = OBJECT("a calculation", calculation),
    [OBJECT_CASE] = OBJECT("a case", case),
    [OBJECT_AGGREGATE] = OBJECT("an aggregate", aggregate),
    [OBJECT_CONSTRUCTION] = OBJECT("a construction", construction),
    [OBJECT_JOIN] = OBJECT("a join", join),
    [OBJECT_MODEL] = OPEN_OBJECT("a contract", model),
    [OBJECT_MODEL_TABLE] = OPEN_OBJECT("a table definition", model_table),
    [OBJECT_MODEL_GSI] = OPEN_OBJECT("an index", model_gsi),
    [OBJECT_MODEL_KEY] = OPEN_OBJECT("a key", model_key),
};
