/* A contract's text in a plain form: what stands where, with nothing resolved yet. Lives in the arena it was made in. */
#pragma once

#include "contract/report.h"

struct word {
    const char *text; /* NULL: absent */
    struct spot at;
};

struct words {
    const struct word *list;
    size_t count;
    struct spot at;
};

struct parsed_construction {
    struct spot at;
    struct word type, order_by, filter;
    uint64_t limit;                      /* 0: none */
    struct parsed_attribute *attributes; /* also made from select_columns: then `natural` is set */
    size_t attribute_count;
};

struct parsed_join {
    struct spot at;
    const struct join_type *type; /* NULL: refused already */
    struct word alias, target_table, select_column, filter;
    struct words conditions; /* join_condition, or join_conditions */
    struct spot null_value;
    struct word only_if; /* "condition" of a conditional join */
    struct word else_expr, type_column, separator;
    struct spot else_value;
    struct spot when;                        /* of a polymorphic lookup's branch */
    struct word local_column, source_column; /* the old form */
    struct parsed_join *steps;               /* of a chain; branches of a polymorphic lookup */
    size_t step_count;
    struct parsed_construction *construction;
    struct word order_by; /* of an aggregated-list */
    uint64_t limit;       /* 0: none */
};

/* What kinds of join there are. */
/* From JOIN_CONSTRUCTION on they are of many rows. */
enum join_form {
    JOIN_ONE,
    JOIN_CONDITIONAL,
    JOIN_POLYMORPHIC,
    JOIN_CHAIN,
    JOIN_OLD,
    JOIN_CONSTRUCTION,
    JOIN_LIST,
    JOIN_EXISTS
};
struct join_type {
    const char *name;
    enum join_form form;
    uint32_t required, allowed; /* masks of the join's keys */
};

struct parsed_transformation {
    struct spot at;
    struct word type, format, template;
    struct spot value; /* of "static" */
};

struct parsed_attribute {
    struct spot at;
    struct word name, type, source_table, template, expr;
    bool natural; /* from select_columns: `expr` is a column of the far row, its type follows from it */
    struct words source_column;
    struct parsed_join *join;
    struct spot null_value;
    struct spot calculation;       /* present without cases and aggregate: refused already */
    struct parsed_join *aggregate; /* of a calculation of type "aggregate": its rows */
    struct word operation;         /* of the aggregate */
    struct parsed_case {           /* of a calculation of type "case" */
        struct word when, then;
    } *cases;
    size_t case_count;
    struct word case_else;
    struct parsed_transformation *transformation; /* NULL: none */
};

struct parsed_entity {
    struct spot at;
    struct word entity_type, source_table, pk_template, sk_template, filter;
    struct spot write_entity_type, write_nulls;
    struct parsed_attribute *attributes;
    size_t attribute_count;
};

/* A key of a table or index: one name, several joined by '#', or a list. */
struct parsed_key {
    struct words names;       /* count 0: absent */
    const struct word *types; /* as many, each may be absent; NULL: none is given */
};

struct parsed_gsi {
    struct spot at;
    struct word index_name, projection;
    struct parsed_key pk, sk;
    struct words projected;
};

struct parsed_table {
    struct spot at;
    struct word table, type, ttl;
    bool multi;
    struct parsed_key pk, sk;
    struct parsed_entity *entities; /* a single-entity table has one */
    size_t entity_count;
    struct parsed_gsi *gsis;
    size_t gsi_count;
    struct spot gsis_at;
    bool provisioned;
    uint64_t read_units, write_units;
};

struct parsed_contract {
    struct word database;
    struct parsed_table *tables;
    size_t table_count;
};

/* Never fails: what cannot be read is reported and left out. `database`: the contract's, else the configuration's; NULL when neither
 * says. */
void contract_parse(struct report *report, struct arena *arena, const char *database, struct parsed_contract *ret);
