/* A compiled contract: which MySQL rows are kept, how they join, and which DynamoDB items they make.
 *
 * It is made once (contract/load.h), never changes, and lives in one arena. The engine in transform/ walks it: nodes and
 * edges say how to climb from a changed row to the roots it concerns and how to gather a root's rows; attributes say
 * how the rows become an item. Column numbers are into source.columns, everywhere. */
#pragma once

#include "contract/expr.h"
#include "contract/item.h"
#include "contract/schema.h"
#include "contract/value.h"

struct source;
struct entity;
struct node;
struct scope;

/* ---- what is kept of MySQL's tables */

struct source_column {
    const char *name;
    const struct column *column; /* as the live schema describes it */
    struct digest128 identity;   /* of how its values look */
};

enum aggregate_operation { AGGREGATE_COUNT, AGGREGATE_SUM, AGGREGATE_AVG, AGGREGATE_MIN, AGGREGATE_MAX };

/* What is kept of each group of rows that agree in an index's columns, so that an aggregate over them costs no walk. */
struct measure {
    const struct node *node; /* whose filter, and over whose row `expr` */
    enum aggregate_operation operation;
    const struct expr *expr; /* NULL: rows count */
};

/* An index over `columns` (then the row's key): rows of this source by the values of these columns. */
struct source_index {
    const unsigned *columns;
    size_t column_count;
    const struct measure *measures;
    size_t measure_count;
    const unsigned *used; /* columns of this source that the measures read */
    size_t used_count;
    struct digest128 identity; /* of the measures (contract/identity.h) */
};

/* A foreign key with a rule that changes children, seen from the parent. For servers that do not log cascades. */
struct cascade {
    struct source *child;
    const unsigned *child_columns;
    const unsigned *parent_columns;
    size_t column_count;
    unsigned child_index; /* number in child->indexes, over child_columns */
    enum fk_rule on_delete;
    enum fk_rule on_update;
};

/* A MySQL table of which rows are kept. columns[0] to columns[key_count - 1] are its key: the primary key, else a unique
 * key over NOT NULL columns. Columns that no item, edge or cascade needs are not kept. */
struct source {
    unsigned number; /* in contract.sources; stable for one contract text and schema */
    const char *name;
    const struct table *table; /* the live schema it was compiled against */
    const struct source_column *columns;
    size_t column_count;
    size_t key_count;
    const struct source_index *indexes;
    size_t index_count;
    struct node *const *standings; /* every place where the table stands in a join tree, roots included */
    size_t standing_count;
    struct entity *const *rooted; /* entities whose root it is, in the contract's order */
    size_t rooted_count;
    const struct cascade *cascades; /* this table is the parent */
    size_t cascade_count;
};

/* ---- join trees */

/* One table instance in an entity's join tree. The root has no parent. The edge to the parent is the equality
 * parent_columns = columns, column by column; NULL joins nothing. */
struct node {
    unsigned number; /* in entity.nodes; the root is 0, parents come before children */
    struct entity *entity;
    struct source *source;
    const char *alias; /* for messages and explain */
    struct node *parent;
    bool many;                      /* more than one row may match */
    const unsigned *parent_columns; /* numbers into parent->source->columns */
    const unsigned *columns;        /* numbers into source->columns */
    size_t edge_count;
    /* Going down (parent row to rows here): by the whole key when by_key is set (then key_order[i] is which edge
     * column gives key column i), else by source->indexes[index]. */
    bool by_key;
    const unsigned *key_order;
    unsigned index;
    /* Climbing (row here to parent rows): parent->source->indexes[parent_index], over parent_columns in this order; or
     * by the parent's key when parent_by_key is set (parent_key_order[i]: which edge column gives its key column i). */
    bool parent_by_key;
    const unsigned *parent_key_order;
    unsigned parent_index;
    /* Which rows of a many-edge count, and in which order. */
    const struct expr *filter; /* NULL: all */
    const struct order_column {
        unsigned column;
        bool descending;
    } *order_by; /* ties are by key ascending */
    size_t order_count;
    uint64_t limit;   /* 0: none */
    bool needs_order; /* false when the index gives the order already (order by the key ascending) */
    /* An aggregate's or a check's rows: source->indexes[index].measures[measure] has the result, when `running`. */
    bool running;
    unsigned measure;
    const char *walked; /* why it has not, of an aggregate; NULL: no aggregate, or running */
    /* By number in source->columns: may the column's value matter to an item from here? A change of others touches none. */
    bool *reads;
    /* By the same number: may the item's key? (keys_read.c) A change of others leaves every item its key. */
    bool *key_reads;
    bool in_key; /* some of key_reads: so does a row that comes or goes */
};

/* ---- items */

enum attribute_source {
    ATTRIBUTE_EXPR,      /* expr: a column of any node in scope is the simplest */
    ATTRIBUTE_TEMPLATE,  /* template */
    ATTRIBUTE_LIST,      /* many: L of M, one a row (json-construction of type array) */
    ATTRIBUTE_FIRST,     /* many: M of the first row (json-construction of type object) */
    ATTRIBUTE_VALUES,    /* many: L or a set of expr's values, each as `element` (aggregated-list) */
    ATTRIBUTE_EXISTS,    /* many: BOOL, is there a row? */
    ATTRIBUTE_AGGREGATE, /* many: operation over expr's values (NULL: over rows) */
};

struct attribute {
    const char *name;
    enum attr_type type;
    enum attribute_source source;
    bool written; /* false: it only feeds templates or keys (never in today's language, kept general) */
    const struct expr *expr;
    const struct template *template;
    const struct scope
        *scope; /* of what is many: the rows are those of scope->node; LIST and FIRST build its attributes from each */
    enum attr_type element; /* of VALUES */
    enum aggregate_operation operation;
    const struct attr *null_value; /* NULL: the attribute is absent then */
    bool json_text;                /* LIST or FIRST written as JSON text (type S) */
};

/* A row and what is built from it: the entity itself, or the elements of a construction. Attributes stand in an order in
 * which templates find what they name; `output` gives the contract's order. */
struct scope {
    struct node *node; /* the row; one-nodes below it are reachable by expr */
    const struct attribute *attributes;
    size_t attribute_count;
    const unsigned *output; /* numbers of attributes in the order they are written */
};

/* Text with tokens. A part without attribute and expr is literal text. */
struct template_part {
    struct slice literal;
    int attribute;           /* number in scope.attributes, or -1 */
    const struct expr *expr; /* a column, when attribute is -1; NULL in literals */
    bool has_default;
    struct slice default_text;
};
struct template {
    const char *text;
    const struct template_part *parts;
    size_t part_count;
};

/* What a key part, or a synthetic index attribute, is made of: template results. NULL template: none. */
struct entity {
    unsigned order; /* in contract.entities: first claimant of a key wins */
    const char *name;
    struct target *target;
    struct source *root;
    struct node *const *nodes;
    size_t node_count;
    struct scope scope;        /* scope.node == nodes[0] */
    const struct expr *filter; /* NULL: every row has an item */
    bool write_entity_type;
    bool write_nulls;
    /* The item's key: number of an attribute, or a template (rendered after all attributes). */
    int pk_attribute; /* -1: pk_template */
    const struct template *pk_template;
    int sk_attribute;
    const struct template *sk_template; /* NULL with sk_attribute -1: the table has no sort key */
    /* The table's synthetic index attributes ("a#b"), per entity: written when all parts are there. */
    const struct synthetic {
        const char *name;
        const struct template *template;
    } *synthetics;
    size_t synthetic_count;
    struct digest128 identity; /* of all that its items depend on, but for the rows (contract/identity.h) */
    bool can_conflict;         /* two roots may claim one key (or this entity and another of the table may) */
};

/* ---- DynamoDB's side */

enum projection { PROJECT_ALL, PROJECT_KEYS_ONLY, PROJECT_INCLUDE };

struct key_part {
    const char *name;
    enum attr_type type; /* S, N or B */
};

struct target_index {
    const char *name;
    const struct key_part *pk; /* up to four parts: a multi-attribute key */
    size_t pk_count;
    const struct key_part *sk;
    size_t sk_count; /* 0: none */
    enum projection projection;
    const char *const *projected;
    size_t projected_count;
};

struct target {
    unsigned number;
    const char *name; /* with the configured prefix */
    struct key_part pk;
    struct key_part sk; /* name NULL: no sort key */
    const struct target_index *indexes;
    size_t index_count;
    bool provisioned;
    uint64_t read_units, write_units;
    const char *ttl; /* NULL: none */
};

struct contract {
    const char *database;
    const char *text; /* as loaded */
    const struct schema *schema;
    struct source *const *sources;
    size_t source_count;
    struct target *const *targets;
    size_t target_count;
    struct entity *const *entities;
    size_t entity_count;
    struct arena arena; /* holds all of it */
};

const struct source *contract_source(const struct contract *contract, const char *table); /* NULL: not mapped */
void contract_free(struct contract *contract);                                            /* accepts NULL */

/* ---- evaluation of what needs no store */

/* The rows of one scope: rows[n] is the row of entity node n (source.column_count values), or NULL when no row joins or
 * the node lies outside the scope. */
struct row_set {
    const struct value *const *rows;
};

enum evaluate_result { EVALUATE_OK = 0, EVALUATE_POISON = 1, EVALUATE_ABSENT = 2 };

/* Writes a scalar value as an attribute of `type` (docs/contract.md, "Values"). EVALUATE_ABSENT for NULL; EVALUATE_POISON with the
 * reason in `error` when it cannot be. */
int attr_from_value(enum attr_type type, const struct value *value, struct arena *arena, struct attr *ret,
                    struct error *error) must_check;

/* Renders a template. `attributes[n]` is the final value of attribute n of the scope, NULL when absent. EVALUATE_ABSENT when a
 * token has neither value nor default. */
int template_render(const struct template *t, const struct attr *const *attributes, const struct row_set *rows,
                    struct arena *arena, struct slice *ret, struct error *error) must_check;

/* Appends the JSON text of an attribute as docs/contract.md has it for constructions of type S: the contract's order, no
 * spaces, numbers bare, binary base64. */
void attr_put_json(struct buf *buf, const struct attr *attr);
