/* The inside of evaluate.c and gather.c: one item in the making. */
#pragma once

#include "transform/state.h"

struct build {
    struct engine *e;
    const struct entity *entity;
    struct arena *arena;
    const struct value **rows; /* [node number] */
    size_t gathered;           /* bytes of rows */
    struct error poison;       /* why it is poison */
    struct error *error;
};

/* Inside these two files ERR_STOPPED says that the item is poison, b->poison why. */
int build_poison(struct build *b, const char *reason) must_check;

/* ---- gather.c: rows of the join tree */

/* All rows that hang one to one below `top`. */
int join_ones(struct build *b, const struct node *top) must_check;
/* 1: true (also without a filter), 0: not, over the rows at hand. */
int filter_true(struct build *b, const struct expr *filter) must_check;

struct child {
    const struct value *values;
    struct slice order; /* what sorts it: order_by columns, then the key */
    struct slice key;
};
struct children {
    struct build *build;
    const struct node *node;
    struct child *list;
    size_t count, cap;
};
/* The rows of a many-edge that count, in their order. */
int gather(struct build *b, const struct node *node, struct children *ret) must_check;

/* A list, a check for existence or an aggregate: one value of many rows. EVALUATE_ABSENT: none. */
int build_values(struct build *b, const struct attribute *a, struct attr *ret) must_check;
int build_exists(struct build *b, const struct attribute *a, struct attr *ret) must_check;
int build_aggregate(struct build *b, const struct attribute *a, struct attr *ret) must_check;
