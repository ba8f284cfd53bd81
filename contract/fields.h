/* The keys of each kind of object in a contract: tables for the parser, and for the JSON Schema. */
#pragma once

#include "contract/parse.h"

enum field_kind {
    FIELD_TEXT,   /* struct word */
    FIELD_WORDS,  /* struct words: a string, or a list of strings */
    FIELD_FLAG,   /* struct spot of true or false */
    FIELD_COUNT,  /* uint64_t, from 1 */
    FIELD_LIST,   /* struct spot */
    FIELD_OBJECT, /* struct spot */
    FIELD_LIST_OR_OBJECT,
    FIELD_ANY,   /* struct spot */
    FIELD_KNOWN, /* read elsewhere, or documentary: nothing is stored */
};

struct field {
    const char *key;
    enum field_kind kind;
    bool required;
    size_t offset;
};

enum object_kind {
    OBJECT_CONTRACT,
    OBJECT_SINGLE_TABLE,
    OBJECT_MULTI_TABLE,
    OBJECT_BILLING,
    OBJECT_KEY,
    OBJECT_GSI,
    OBJECT_ENTITY,
    OBJECT_ATTRIBUTE,
    OBJECT_TRANSFORMATION,
    OBJECT_CALCULATION,
    OBJECT_CASE,
    OBJECT_AGGREGATE,
    OBJECT_CONSTRUCTION,
    OBJECT_JOIN,
    OBJECT_MODEL, /* the model-output form */
    OBJECT_MODEL_TABLE,
    OBJECT_MODEL_GSI,
    OBJECT_MODEL_KEY,
    OBJECT_KINDS
};

struct object_fields {
    const char *what; /* "an attribute", for messages */
    const struct field *list;
    size_t count; /* at most 32 */
    bool open;    /* other keys are ignored, with a warning */
};
extern const struct object_fields object_fields[OBJECT_KINDS];

extern const char *const documentary_keys[]; /* may stand in every object; NULL ends the list */

/* ---- joins: which keys, by type */

enum {
    J_TYPE,
    J_ALIAS,
    J_TARGET,
    J_CONDITION,
    J_CONDITIONS,
    J_SELECT,
    J_NULL,
    J_LOCAL,
    J_SOURCE,
    J_JOINS,
    J_SEPARATOR,
    J_CONSTRUCTION,
    J_FILTER,
    J_ORDER,
    J_LIMIT,
    J_IF,
    J_ELSE,
    J_ELSE_EXPR,
    J_BRANCHES,
    J_TYPE_COLUMN,
    J_WHEN,
    J_COUNT
};

#define JOIN_KEY(k) ((uint32_t)1 << (k))

extern const struct join_type join_types[]; /* a name NULL ends the list */
extern const struct join_type join_old, join_step, join_branch;

/* ---- what the fields are read into */

struct join_object {
    struct word type, alias, target, select, local, source, filter, only_if, else_expr, type_column, separator,
        order_by;
    uint64_t limit;
    struct words condition, conditions;
    struct spot null_value, joins, construction, else_value, branches, when;
};

struct construction_object {
    struct parsed_construction c;
    struct spot selects, attributes;
};

struct aggregate_object {
    struct join_object join;
    struct word operation;
};

struct calculation_object {
    struct word type, otherwise, else_value;
    struct spot cases;
};

struct attribute_object {
    struct parsed_attribute a;
    struct spot join, transformation;
};

struct key_object {
    struct word name, type;
};

struct gsi_object {
    struct parsed_gsi g;
    struct spot pk, sk;
};

struct billing_object {
    uint64_t read, write;
};

struct contract_object {
    struct word database, target_engine;
    struct spot version, tables;
};
struct entity_object {
    struct parsed_entity e;
    struct spot attributes;
};

struct table_object {
    struct entity_object entity; /* first, so that ENTITY_FIELDS' offsets hold */
    struct parsed_table t;
    struct spot pk, sk, gsis, entities, billing;
};
