/* A made-up schema and contract as plain data: contract_text.c writes it as MySQL's schema and as the contract's JSON, oracle.c works
 * out the items from it, and neither knows the other. */
#pragma once

#include "contract/load.h"

#include <limits.h>

enum {
    TABLES_MAX = 4,
    COLUMNS_MAX = 8,
    ROWS_MAX = 14,
    FKS_MAX = 10,
    TARGETS_MAX = 3,
    ENTITIES_MAX = 5,
    ATTRIBUTES_MAX = 9,
    NESTED_MAX = 4,
    STEPS_MAX = 3,
    PARTS_MAX = 4,
};
#define NONE INT_MIN /* NULL */

/* ---- the schema: every column is a small integer, model_text() says how it looks */

enum style { NUMBER, TEXT, MONEY, LABEL };
enum { EMPTY_TEXT = 0, DIGITS_TEXT = 5, REFUSED_TEXT = 6, LONG_TEXT = 7, HIDDEN = 9 /* no random value */, LABELS = 4 };

struct column_model {
    enum style style;
    bool nullable;
    int domain; /* values 1 to this */
};
struct table_model {
    int columns, keys; /* the first ones */
    int unique;        /* a column of its own; -1: none */
    struct column_model c[COLUMNS_MAX];
};
struct fk_model {
    int child, column, parent; /* to the parent's column 0 */
    enum fk_rule on_delete, on_update;
};

/* ---- the contract */

/* `column = value`, over one row; LABEL and TEXT by their text. */
struct condition {
    enum { ALWAYS, EQUAL, DIFFERENT, GREATER, IS_NULL, IS_THERE, CONDITIONS } kind;
    int column, value;
};
struct edge_model {
    int from; /* of a chain's steps: 0 is the row, n the row of step n */
    int table;
    int count;
    struct {
        int near, far;
    } on[2];
    char alias[8];
};
/* A column of the row an edge leads to, or with `otherwise` that if it is NULL (not when there is no row). */
struct selection {
    int column; /* -1: none */
    int otherwise;
};
enum attribute_kind {
    OF_COLUMN,
    OF_LOOKUP,
    OF_CONDITIONAL,
    OF_CHAIN,
    OF_POLYMORPHIC,
    OF_CASE,
    OF_TEMPLATE,
    OF_EXISTS,
    OF_LIST,
    OF_AGGREGATE,
    OF_ARRAY,
    OF_OBJECT,
    ATTRIBUTE_KINDS
};
struct part_model { /* of a template: text, or a token */
    const char *literal;
    int attribute, column; /* -1 */
    const char *otherwise;
};
struct template_model {
    int count;
    struct part_model parts[PARTS_MAX];
};
struct attribute_model {
    char name[8];
    enum attribute_kind kind;
    enum attr_type type;
    struct condition condition; /* of CONDITIONAL and CASE; the filter of what is many */
    struct edge_model edges[STEPS_MAX];
    struct selection selected[STEPS_MAX];
    int edge_count;
    int column, when[2]; /* of COLUMN; the type column of POLYMORPHIC and its values; of CASE the column otherwise */
    bool separated, has_else, has_null_value;
    enum aggregate_operation operation;
    struct {
        int column;
        bool descending;
    } order[2];
    int order_count, limit;
    struct template_model template;
    struct attribute_model *nested;
    int nested_count;
};
struct entity_model {
    int target, root;
    struct condition filter;
    bool write_nulls;
    struct attribute_model attributes[ATTRIBUTES_MAX];
    int attribute_count;
    struct template_model pk, sk; /* of tables with several entities */
};
struct target_model {
    bool several, sorted;          /* entities; has a sort key */
    int pk[2], pk_count, sk;       /* of one entity: numbers of attributes; two: "a#b" */
    int gsi_entity, gsi, gsi_with; /* the attribute of an index's key; with another one: a synthetic attribute; -1 */
};
struct model {
    struct table_model tables[TABLES_MAX];
    int table_count;
    struct fk_model fks[FKS_MAX];
    int fk_count;
    struct target_model targets[TARGETS_MAX];
    int target_count;
    struct entity_model entities[ENTITIES_MAX]; /* in the contract's order */
    int entity_count, aliases;
    struct arena arena;
};

/* model.c */
void model_make(struct model *m); /* from random numbers */
/* Makes plain columns of the attributes whose bits are set (entity * ATTRIBUTES_MAX + number), to see which a failure needs. */
void model_make_plain(struct model *m, uint64_t attributes);
/* Without the last entity, if its DynamoDB table has another one. */
void model_drop_entity(struct model *m);
bool model_is_unique(const struct table_model *t, int column);
/* Can rows be told apart by the form of these values? Numbers compare with numbers, texts with texts. */
bool model_comparable(enum style a, enum style b);
const char *model_text(enum style style, int value, char out[64]);
int model_amount(enum style style, int value); /* of NUMBER and MONEY, in hundredths */

/* contract_text.c */
const struct schema *model_schema(struct model *m);
void model_contract(struct model *m, struct buf *json);
extern const char *const table_names[TABLES_MAX], *const column_names[COLUMNS_MAX];
