/* The JSON Schema of contracts. Which keys there are, which must be there and of what kind they are, comes from the parser's tables
 * (contract/fields.h), so that both say the same; here stands what the keys mean, and what stands in their objects and lists.
 *
 * The schema knows shapes only; what names and expressions mean, `leat check` knows. */
#include "contract/json_schema.h"

#include "contract/fields.h"
#include "contract/item.h"
#include "contract/transformation.h"
#include "src/base/json.h"

/* ---- what the kinds of fields do not say */

#define LIST_OF(object) "{'type':'array','items':{'$ref':'#/$defs/" object "'},'minItems':1}"
#define REF(object) "{'$ref':'#/$defs/" object "'}"
#define ATTRIBUTES                                                                                                     \
    "{'anyOf':[{'type':'array','items':{'allOf':[{'$ref':'#/$defs/"                                                    \
    "attribute'},{'required':['name'],'properties':{'name':{'type':'string'}}}]}},"                                    \
    "{'type':'object','additionalProperties':{'$ref':'#/$defs/attribute'}}]}"
#define DOCUMENTS "Documents; it changes nothing."
#define MODEL_KEYS                                                                                                     \
    "{'anyOf':[{'$ref':'#/$defs/model_key'},{'type':'array','items':{'$ref':'#/$defs/model_key'},'minItems':1}]}"
#define EXPRESSION "An EXPR: a subset of SQL."
#define CONDITION "x.a = y.b [AND x.c = y.d ...]: equalities between columns of the two tables."

/* The first note that fits counts; `kind` OBJECT_KINDS fits all. Fragments have ' for ", NULL: as the kind of field says. */
static const struct note {
    enum object_kind kind;
    const char *key, *fragment, *description;
} notes[] = {
    {OBJECT_CONTRACT, "$schema", NULL, "For editors: where this schema is."},
    {OBJECT_CONTRACT, "version", "{'const':1}", "The version of the language; 1 unless given."},
    {OBJECT_CONTRACT, "database", NULL, "The MySQL database; must agree with the configuration's."},
    {OBJECT_CONTRACT, "tables", LIST_OF("table"), "DynamoDB's tables."},

    {OBJECT_MODEL, "$schema", NULL, "For editors: where this schema is."},
    {OBJECT_MODEL, "source_database", NULL, "The MySQL database; must agree with the configuration's."},
    {OBJECT_MODEL, "target_engine", "{'const':'dynamodb'}", "dynamodb unless given."},
    {OBJECT_MODEL, "table_definitions", LIST_OF("model_table"), "DynamoDB's tables."},
    {OBJECT_MODEL, "contract_version", NULL, DOCUMENTS},
    {OBJECT_MODEL, "job_id", NULL, DOCUMENTS},
    {OBJECT_MODEL, "access_patterns", NULL, DOCUMENTS},
    {OBJECT_MODEL, "unsupported_patterns", NULL, DOCUMENTS},
    {OBJECT_MODEL, "migration_notes", NULL, DOCUMENTS},
    {OBJECT_MODEL, "hot_partition_analysis", NULL, DOCUMENTS},
    {OBJECT_MODEL, "trade_offs", NULL, DOCUMENTS},
    {OBJECT_MODEL, "validation_passed", NULL, DOCUMENTS},
    {OBJECT_MODEL, "validation_failures", NULL, DOCUMENTS},
    {OBJECT_MODEL_TABLE, "table_name", NULL,
     "The DynamoDB table's name; the configuration's table_prefix is put before it."},
    {OBJECT_MODEL_TABLE, "partition_key", REF("model_key"), "The partition key."},
    {OBJECT_MODEL_TABLE, "sort_key", REF("model_key"), "The sort key."},
    {OBJECT_MODEL_TABLE, "entities", "{'type':'array','items':{'$ref':'#/$defs/entity'}}",
     "The kinds of items in this table; either these or attributes."},
    {OBJECT_MODEL_TABLE, "gsis", "{'type':'array','items':{'$ref':'#/$defs/model_gsi'}}", "Global secondary indexes."},
    {OBJECT_MODEL_TABLE, "aggregate_pattern", NULL, DOCUMENTS},
    {OBJECT_MODEL_TABLE, "source_tables", NULL, DOCUMENTS},
    {OBJECT_MODEL_GSI, "gsi_name", NULL, "The index's name."},
    {OBJECT_MODEL_GSI, "partition_key", MODEL_KEYS, "One key, or a list of up to four."},
    {OBJECT_MODEL_GSI, "sort_key", MODEL_KEYS, "One key, or a list of up to four."},
    {OBJECT_MODEL_GSI, "projection", "{'enum':['ALL','KEYS_ONLY','INCLUDE']}", "ALL unless given."},
    {OBJECT_MODEL_GSI, "projected_attributes", NULL, "What INCLUDE projects."},
    {OBJECT_MODEL_GSI, "sparse_attribute", NULL, DOCUMENTS},
    {OBJECT_KINDS, "item_count", NULL, DOCUMENTS},
    {OBJECT_KINDS, "item_size_bytes", NULL, DOCUMENTS},
    {OBJECT_MODEL_KEY, "attribute_name", NULL, "The key attribute's name."},
    {OBJECT_MODEL_KEY, "attribute_type", "{'enum':['S','N','B']}", "The key's type."},

    {OBJECT_KINDS, "table", NULL, "The DynamoDB table's name; the configuration's table_prefix is put before it."},
    {OBJECT_SINGLE_TABLE, "type", "{'enum':['single-entity','Table']}", "single-entity unless given."},
    {OBJECT_MULTI_TABLE, "type", "{'const':'multi-entity'}", "Several kinds of items in one table."},
    {OBJECT_SINGLE_TABLE, "pk", "{'anyOf':[{'type':'string'},{'$ref':'#/$defs/key'}]}",
     "The partition key: an attribute's name, or several joined by #."},
    {OBJECT_SINGLE_TABLE, "sk", "{'anyOf':[{'type':'string'},{'$ref':'#/$defs/key'}]}",
     "The sort key: an attribute's name, or several joined by #."},
    {OBJECT_MULTI_TABLE, "pk", "{'anyOf':[{'type':'string'},{'$ref':'#/$defs/key'}]}",
     "The partition key's name; PK unless given."},
    {OBJECT_MULTI_TABLE, "sk", "{'anyOf':[{'type':'string'},{'$ref':'#/$defs/key'}]}",
     "The sort key's name; SK unless given."},
    {OBJECT_KINDS, "gsis", "{'type':'array','items':{'$ref':'#/$defs/gsi'}}", "Global secondary indexes."},
    {OBJECT_KINDS, "billing", "{'anyOf':[{'const':'PAY_PER_REQUEST'},{'$ref':'#/$defs/billing'}]}",
     "PAY_PER_REQUEST unless given, or provisioned units."},
    {OBJECT_KINDS, "ttl", NULL, "The attribute that is the table's time to live (type N, epoch seconds)."},
    {OBJECT_MULTI_TABLE, "entities", LIST_OF("entity"), "The kinds of items in this table."},
    {OBJECT_BILLING, "read", NULL, "Provisioned read units."},
    {OBJECT_BILLING, "write", NULL, "Provisioned write units."},
    {OBJECT_KEY, "name", NULL, "The key attribute's name."},
    {OBJECT_KEY, "type", "{'enum':['S','N','B']}", "The key's type."},

    {OBJECT_GSI, "index_name", NULL, "The index's name."},
    {OBJECT_GSI, "pk",
     "{'anyOf':[{'type':'string'},{'type':'array','items':{'type':'string'}},{'$ref':'#/$defs/key'}]}",
     "An attribute, several joined by # (a synthetic attribute), or a list of up to four attributes."},
    {OBJECT_GSI, "sk",
     "{'anyOf':[{'type':'string'},{'type':'array','items':{'type':'string'}},{'$ref':'#/$defs/key'}]}",
     "An attribute, several joined by # (a synthetic attribute), or a list of up to four attributes."},
    {OBJECT_GSI, "projection", "{'enum':['ALL','KEYS_ONLY','INCLUDE']}", "ALL unless given."},
    {OBJECT_GSI, "projected_attributes", NULL, "What INCLUDE projects."},

    {OBJECT_KINDS, "entity_type", NULL, "The entity's name; written as the attribute entity_type."},
    {OBJECT_ATTRIBUTE, "source_table", NULL, "The root table, or (in the old form) the joined one."},
    {OBJECT_MULTI_TABLE, "source_table", NULL, "Documents; each entity has its own."},
    {OBJECT_KINDS, "source_table", NULL, "The root: each of its rows makes at most one item."},
    {OBJECT_CONSTRUCTION, "attributes", ATTRIBUTES, "The element's attributes; their root is the target row."},
    {OBJECT_KINDS, "attributes", ATTRIBUTES, "A list of attributes with names, or an object from names to attributes."},
    {OBJECT_ENTITY, "filter", NULL, "An EXPR over the root row; rows for which it is not true have no item."},
    {OBJECT_SINGLE_TABLE, "filter", NULL, "An EXPR over the root row; rows for which it is not true have no item."},
    {OBJECT_KINDS, "filter", NULL, "An EXPR over the far row: which rows count."},
    {OBJECT_KINDS, "write_entity_type", NULL, "false: the attribute entity_type is not written."},
    {OBJECT_KINDS, "write_nulls", NULL, "true: DynamoDB's NULL stands where a value is NULL."},
    {OBJECT_ENTITY, "pk_template", NULL, "The partition key: text with {attribute} or {column}, {name|default}."},
    {OBJECT_ENTITY, "sk_template", NULL, "The sort key: text with {attribute} or {column}, {name|default}."},

    {OBJECT_ATTRIBUTE, "name", NULL, "The attribute's name."},
    {OBJECT_ATTRIBUTE, "type", "{'enum':[%s]}", "The DynamoDB type."},
    {OBJECT_ATTRIBUTE, "source_column", NULL, "The column that is the value; with a join or expr it only documents."},
    {OBJECT_ATTRIBUTE, "template", NULL, "Text with {name} and {name|default} instead of a column."},
    {OBJECT_ATTRIBUTE, "expr", NULL, EXPRESSION},
    {OBJECT_ATTRIBUTE, "join", REF("join"), "Takes the value from other rows."},
    {OBJECT_ATTRIBUTE, "calculation", "{'oneOf':[{'$ref':'#/$defs/calculation'},{'$ref':'#/$defs/aggregate'}]}",
     "A value by cases, or one of many rows."},
    {OBJECT_ATTRIBUTE, "transformation", REF("transformation"), "Applied last."},
    {OBJECT_KINDS, "null_value", NULL, "Written when the value is NULL; without it the attribute is absent."},
    {OBJECT_TRANSFORMATION, "type", "{'enum':[%t]}", "What is done to the value."},
    {OBJECT_TRANSFORMATION, "format", NULL, "How, for the types that take a format."},
    {OBJECT_TRANSFORMATION, "template", NULL, "Of type template: text with {name}."},
    {OBJECT_TRANSFORMATION, "value", NULL, "Of type static: the value."},

    {OBJECT_CALCULATION, "type", "{'const':'case'}", "A value by cases."},
    {OBJECT_CALCULATION, "cases", LIST_OF("case"), "The first whose condition is true gives the value."},
    {OBJECT_CALCULATION, "else", NULL, "An EXPR: the value when no case is true; NULL unless given."},
    {OBJECT_CALCULATION, "else_value", NULL, "The same as else."},
    {OBJECT_CASE, "when", NULL, "An EXPR: the condition."},
    {OBJECT_CASE, "then", NULL, "An EXPR: the value."},
    {OBJECT_AGGREGATE, "type", "{'const':'aggregate'}", "One value of many rows."},
    {OBJECT_AGGREGATE, "operation", "{'type':'string','examples':['SUM','COUNT','AVG','MIN','MAX']}",
     "SUM, COUNT, AVG, MIN or MAX."},
    {OBJECT_AGGREGATE, "select_column", NULL, "An EXPR over the far row; COUNT takes *, too."},
    {OBJECT_CONSTRUCTION, "type", "{'enum':['array','object']}",
     "array: L of M, one a row; object: M of the first row."},
    {OBJECT_CONSTRUCTION, "select_columns", "{'type':'object','additionalProperties':{'type':'string'}}",
     "Names and their EXPR over the target row."},
    {OBJECT_KINDS, "order_by", NULL, "col [ASC|DESC], ...; ties are by primary key."},
    {OBJECT_KINDS, "limit", NULL, "How many rows count."},

    {OBJECT_KINDS, "join_alias", NULL, "The far table's name in conditions and expressions."},
    {OBJECT_KINDS, "target_table", NULL, "The far table."},
    {OBJECT_KINDS, "join_condition", NULL, CONDITION},
    {OBJECT_KINDS, "join_conditions", NULL, CONDITION},
    {OBJECT_KINDS, "select_column", NULL, "An EXPR over the far row: the value."},
    {OBJECT_JOIN, "type", NULL, "How the rows are joined."},
    {OBJECT_JOIN, "local_column", NULL, "The old form: the root's column ..."},
    {OBJECT_JOIN, "source_column", NULL, "... that equals this column of the attribute's source_table."},
    {OBJECT_JOIN, "joins", LIST_OF("step"), "The steps of a chain, each from the row or an earlier step."},
    {OBJECT_JOIN, "chain_separator", NULL, "Joins the values of all steps."},
    {OBJECT_JOIN, "construction", REF("construction"), "What is built from the rows."},
    {OBJECT_JOIN, "condition", NULL, "An EXPR over the row: only if it is true the join is looked at."},
    {OBJECT_JOIN, "else_value", NULL, "The value otherwise."},
    {OBJECT_JOIN, "else_expr", NULL, "The value otherwise, as an EXPR over the row."},
    {OBJECT_JOIN, "branches", LIST_OF("branch"), "One for each value of type_column."},
    {OBJECT_JOIN, "type_column", NULL, "The column that says which branch counts."},
    {OBJECT_JOIN, "when_type_value", "{'type':['string','number']}", "The value of type_column."},
};

static const char *const by_kind[] = {
    [FIELD_TEXT] = "{'type':'string'}",
    [FIELD_WORDS] = "{'anyOf':[{'type':'string'},{'type':'array','items':{'type':'string'}}]}",
    [FIELD_FLAG] = "{'type':'boolean'}",
    [FIELD_COUNT] = "{'type':'integer','minimum':1}",
    [FIELD_LIST] = "{'type':'array'}",
    [FIELD_OBJECT] = "{'type':'object'}",
    [FIELD_LIST_OR_OBJECT] = "{'type':['array','object']}",
    [FIELD_ANY] = "{}",
    [FIELD_KNOWN] = "{}",
};

static const struct note *find_note(enum object_kind kind, const char *key) {
    for (size_t i = 0; i < ARRAY_LEN(notes); i++)
        if ((notes[i].kind == kind || notes[i].kind == OBJECT_KINDS) && strcmp(notes[i].key, key) == 0)
            return &notes[i];
    return NULL;
}

/* ---- writing */

static void put_text(struct buf *out, const char *text) {
    json_put_string(out, slice_of(text));
}

static void put_types(struct buf *out) {
    for (int t = ATTR_S; t <= ATTR_M; t++)
        buf_printf(out, "%s\"%s\"", t > ATTR_S ? "," : "", attr_type_name((enum attr_type)t));
}

static void put_transformations(struct buf *out) {
    for (size_t i = 0; transformation_name(i); i++)
        buf_printf(out, "%s\"%s\"", i ? "," : "", transformation_name(i));
}

/* ' is "; %s are the attributes' types, %t the transformations. */
static void put_fragment(struct buf *out, const char *p) {
    for (; *p; p++) {
        if (*p == '\'')
            buf_put_char(out, '"');
        else if (*p == '%' && *++p == 's')
            put_types(out);
        else if (*p == 't' && p[-1] == '%')
            put_transformations(out);
        else
            buf_put_char(out, *p);
    }
}

/* null is as good as absent. */
static void put_property(struct buf *out, enum object_kind kind, const struct field *f, bool required,
                         const char *only) {
    const struct note *note = find_note(kind, f->key);
    put_text(out, f->key);
    buf_put_text(out, ":{");
    if (note) {
        buf_put_text(out, "\"description\":");
        put_text(out, note->description);
        buf_put_char(out, ',');
    }
    buf_put_text(out, required ? "\"allOf\":[" : "\"anyOf\":[{\"type\":\"null\"},");
    if (only)
        buf_printf(out, "{\"const\":\"%s\"}", only);
    else
        put_fragment(out, note && note->fragment ? note->fragment : by_kind[f->kind]);
    buf_put_text(out, "]}");
}

/* An object with those of its keys that `allowed` has. `type`: the only value of its key "type"; NULL: any. */
static void put_object(struct buf *out, enum object_kind kind, uint32_t allowed, uint32_t required, const char *type) {
    const struct object_fields *fields = &object_fields[kind];
    const char *comma = "";
    buf_put_text(out, "{\"type\":\"object\",");
    if (!fields->open)
        buf_put_text(out, "\"additionalProperties\":false,\"patternProperties\":{\"^x-\":{}},");
    buf_put_text(out, "\"properties\":{");
    for (size_t i = 0; i < fields->count; i++) {
        if (!(allowed & (uint32_t)1 << i))
            continue;
        buf_put_text(out, comma);
        put_property(out, kind, &fields->list[i], required & (uint32_t)1 << i,
                     strcmp(fields->list[i].key, "type") == 0 ? type : NULL);
        comma = ",";
    }
    for (size_t i = 0; documentary_keys[i]; i++) {
        const struct field f = {documentary_keys[i], FIELD_ANY, false, 0};
        bool known = false;
        for (size_t k = 0; k < fields->count; k++)
            known |= strcmp(fields->list[k].key, f.key) == 0;
        if (!known)
            buf_printf(out, ",\"%s\":{\"description\":\"" DOCUMENTS "\"}", f.key);
    }
    buf_put_text(out, "},\"required\":[");
    comma = "";
    for (size_t i = 0; i < fields->count; i++)
        if (required & (uint32_t)1 << i) {
            buf_printf(out, "%s\"%s\"", comma, fields->list[i].key);
            comma = ",";
        }
    buf_put_text(out, "]}");
}

static void put_definition(struct buf *out, const char *name, enum object_kind kind) {
    uint32_t required = 0;
    for (size_t i = 0; i < object_fields[kind].count; i++)
        if (object_fields[kind].list[i].required)
            required |= (uint32_t)1 << i;
    buf_printf(out, ",\"%s\":", name);
    put_object(out, kind, UINT32_MAX, required, NULL);
}

/* A join by its type's own keys. One text in join_condition is as good as join_conditions. */
static void put_join(struct buf *out, const struct join_type *type, bool typed) {
    uint32_t required = type->required, allowed = required | type->allowed;
    bool either = required & JOIN_KEY(J_CONDITIONS);
    if (either) {
        required &= ~JOIN_KEY(J_CONDITIONS);
        allowed |= JOIN_KEY(J_CONDITION);
        put_fragment(
            out,
            "{'anyOf':[{'required':['join_conditions'],'properties':{'join_conditions':{'type':['string','array']}}},"
            "{'required':['join_condition'],'properties':{'join_condition':{'type':['string','array']}}}],'allOf':[");
    }
    put_object(out, OBJECT_JOIN, allowed, required | (typed ? JOIN_KEY(J_TYPE) : 0), typed ? type->name : NULL);
    if (either)
        buf_put_text(out, "]}");
}

static void put_joins(struct buf *out) {
    buf_put_text(out, ",\"join\":{\"oneOf\":[");
    for (size_t i = 0; join_types[i].name; i++) {
        put_join(out, &join_types[i], true);
        buf_put_char(out, ',');
    }
    put_join(out, &join_old, false);
    buf_put_text(out, "]},\"step\":");
    put_join(out, &join_step, false);
    buf_put_text(out, ",\"branch\":");
    put_join(out, &join_branch, false);
}

void contract_json_schema(struct buf *out) {
    static const struct {
        const char *name;
        enum object_kind kind;
    } definitions[] = {
        {"contract", OBJECT_CONTRACT},
        {"single_table", OBJECT_SINGLE_TABLE},
        {"multi_table", OBJECT_MULTI_TABLE},
        {"billing", OBJECT_BILLING},
        {"key", OBJECT_KEY},
        {"gsi", OBJECT_GSI},
        {"entity", OBJECT_ENTITY},
        {"attribute", OBJECT_ATTRIBUTE},
        {"transformation", OBJECT_TRANSFORMATION},
        {"calculation", OBJECT_CALCULATION},
        {"case", OBJECT_CASE},
        {"aggregate", OBJECT_AGGREGATE},
        {"construction", OBJECT_CONSTRUCTION},
        {"model", OBJECT_MODEL},
        {"model_table", OBJECT_MODEL_TABLE},
        {"model_gsi", OBJECT_MODEL_GSI},
        {"model_key", OBJECT_MODEL_KEY},
    };
    put_fragment(out,
                 "{'$schema':'https://json-schema.org/draft/2020-12/schema','title':'A contract of leat',"
                 "'description':'Which DynamoDB items exist, given the rows of a MySQL database.',"
                 "'anyOf':[{'$ref':'#/$defs/contract'},{'type':'array','items':{'$ref':'#/$defs/table'},'minItems':1},"
                 "{'$ref':'#/$defs/model'}],"
                 "'$defs':{'table':{'oneOf':[{'$ref':'#/$defs/single_table'},{'$ref':'#/$defs/multi_table'}]}");
    for (size_t i = 0; i < ARRAY_LEN(definitions); i++)
        put_definition(out, definitions[i].name, definitions[i].kind);
    put_joins(out);
    buf_put_text(out, "}}");
}
