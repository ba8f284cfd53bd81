/* The small SQL of contracts: expressions, names of columns, join conditions, orders. Errors are reported at the text's
 * place; the functions then return NULL or false. */
#pragma once

#include "contract/expr_tree.h"
#include "contract/report.h"

struct column_name {
    const char *table; /* or alias; NULL when not given */
    const char *column;
};

/* Finds what a name means: sets node, column and type of `ret`. Reports what it cannot find. */
struct expr_names {
    bool (*resolve)(void *context, struct spot at, const struct column_name *name, struct expr *ret);
    void *context;
};

/* `names` NULL checks the grammar only (names count as columns of any type). */
struct expr *expr_parse(struct report *report, struct arena *arena, struct spot at, const char *text,
                        const struct expr_names *names);

/* The same for a filter, or what else is true or not. */
struct expr *expr_parse_condition(struct report *report, struct arena *arena, struct spot at, const char *text,
                                  const struct expr_names *names);

struct equality {
    struct column_name left, right;
};
/* "x.a = y.b [AND ...]". Appends to `list`, which has room for EQUALITIES_MAX. */
enum { EQUALITIES_MAX = 16 };
bool condition_parse(struct report *report, struct arena *arena, struct spot at, const char *text,
                     struct equality list[EQUALITIES_MAX], size_t *count);

struct order_name {
    struct column_name name;
    bool descending;
};
enum { ORDER_MAX = 16 };
bool order_parse(struct report *report, struct arena *arena, struct spot at, const char *text,
                 struct order_name list[ORDER_MAX], size_t *count);
