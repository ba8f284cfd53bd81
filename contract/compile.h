/* The inside of the compiler: what its steps (targets, sources, joins, attributes, keys) share.
 *
 * While it works, every column number is one of the live table; sources_finish() renumbers all to the source's kept columns. */
#pragma once

#include "contract/expr_parse.h"
#include "contract/expr_tree.h"
#include "contract/parse.h"

struct build {
    struct report *report;
    struct arena *arena; /* the contract's */
    const struct schema *schema;
    const struct contract_options *options;
    struct contract *contract;
    struct source **sources; /* each is the head of a source_build */
    size_t source_count;
    struct entity **entities;
    size_t entity_count;
    struct column_use {
        struct expr *expr;
        struct node *node;
    } *uses; /* every column in an expression */
    size_t use_count;
};

/* A list in an arena that doubles: call before writing list[count]. */
void *list_grow(struct arena *arena, void *list, size_t count, size_t element_size);
#define LIST_ADD(arena, list, count, ...)                                                                              \
    do {                                                                                                               \
        (list) = list_grow((arena), (list), (count), sizeof(*(list)));                                                 \
        (list)[(count)++] = __VA_ARGS__;                                                                               \
    } while (0)

/* ---- sources.c */

/* The source over a MySQL table; NULL when there is no such table or it has no key (reported). */
struct source *source_get(struct build *b, struct spot at, const char *table);
/* The number of a column of the source's table, marked as needed; -1 when it is unknown or cannot be mapped (reported). */
int source_column(struct build *b, struct source *source, struct spot at, const char *column);
void source_need(struct source *source, unsigned column);
/* The number of the index over these columns (of the table), made when new. */
unsigned source_index(struct build *b, struct source *source, const unsigned *columns, size_t count);
/* Has the index keep this of each of its groups; returns its number there. */
unsigned source_measure(struct source *source, struct arena *arena, unsigned index, const struct measure *measure);
/* Whether `columns` are just the source's key; then order[i] is which of them is key column i. */
bool source_is_key(struct source *source, const unsigned *columns, size_t count, unsigned *order);
/* Cascades, columns, standings; renumbers everything. */
void sources_finish(struct build *b);

/* ---- joins.c */

/* Rows that names may mean at a place: the row itself, and the earlier steps of a chain. */
struct names {
    struct {
        const char *name;
        struct node *node;
    } list[16];
    size_t count;
};

struct node *node_new(struct build *b, struct entity *entity, struct source *source, const char *alias);
/* Finds or makes the node that the join's condition describes. `many` makes a new one and allows many rows. NULL when reported. */
struct node *join_node(struct build *b, struct entity *entity, const struct names *near, const struct parsed_join *join,
                       const char *old_table, bool many);
struct expr *column_expr(struct build *b, struct node *node, unsigned column);
/* For expressions over one row: context is a struct row_names. */
struct row_names {
    struct build *build;
    struct node *node;
};
/* Is its collation one that takes different texts for equal? */
bool column_matches_spellings(const struct column *c);
bool row_resolve(void *context, struct spot at, const struct column_name *name, struct expr *ret);
/* True when the node's row is there whenever the scope's row is: foreign keys over NOT NULL columns lead to it. */
bool node_certain(const struct node *node, const struct node *row);

/* ---- value_expr.c */

/* The row at which expressions stand. */
struct row_place {
    struct build *b;
    struct entity *entity;
    struct node *row;
};

struct names names_of(struct node *row);
/* The value of an attribute that is no template and no construction. NULL when reported. */
struct expr *value_expr(const struct row_place *place, const struct parsed_attribute *parsed);

/* ---- many.c */

/* Is it made of many rows? */
bool many_rows(const struct parsed_attribute *parsed);
bool many_build(const struct row_place *place, const struct parsed_attribute *parsed, struct attribute *ret);

/* ---- attributes.c */

/* Can the expression's values be written as `type`? Reports, if not. */
bool attribute_check_type(const struct row_place *place, struct spot at, const struct expr *e, enum attr_type type);
void scope_build(struct build *b, struct entity *entity, struct node *row, const struct parsed_attribute *attributes,
                 size_t count, struct scope *ret);
/* A template over a finished scope. NULL when reported. */
const struct template *template_build(struct build *b, struct scope *scope, struct spot at, const char *text);
bool attribute_may_be_absent(const struct scope *scope, const struct attribute *a);
bool template_may_be_absent(const struct scope *scope, const struct template *t);
int scope_attribute(const struct scope *scope, const char *name); /* -1: none */

/* ---- targets.c: from the text alone */

void targets_build(struct report *report, struct arena *arena, const struct parsed_contract *parsed, const char *prefix,
                   struct target ***ret, size_t *ret_count);
/* "a#b" that no attribute is named after: its parts. */
bool is_composite(const struct parsed_entity *entity, const char *name);

/* ---- keys.c */

void keys_build(struct build *b, const struct parsed_table *table, const struct parsed_entity *parsed,
                struct entity *entity);
/* Entities of one target that cannot be told apart, and can_conflict. */
void keys_compare(struct build *b, const struct parsed_contract *parsed);

/* ---- check.c: what the text alone shows when there is no schema, or no such table */
void contract_check_entity(struct report *report, struct arena *arena, const struct parsed_entity *parsed);
void contract_check_text(struct report *report, struct arena *arena, const struct parsed_contract *parsed);

/* ---- keys_read.c: node.key_reads, in_key; needs the final numbers of columns */
void keys_read(struct build *b, const struct entity *e);

/* ---- compile.c */
void contract_compile(struct build *b, const struct parsed_contract *parsed);
