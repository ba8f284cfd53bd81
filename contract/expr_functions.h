/* The functions and operators of expressions: one table. */
#pragma once

#include "contract/expr_tree.h"

struct expr_function {
    const char *name; /* in capitals; operators by their sign */
    uint8_t min_args, max_args;
    bool takes_null; /* else a NULL argument gives NULL without asking the function */
    /* Sets e->type and e->digits; may change literals. NULL, or what is wrong. */
    const char *(*check)(struct arena *arena, struct expr *e);
    /* EVALUATE_OK or EVALUATE_POISON. */
    int (*eval)(const struct expr *e, const struct value *args, struct arena *arena, struct value *ret,
                struct error *error);
};

enum { FUNCTION_ARGS_MAX = 64 };

const struct expr_function *expr_function(const char *name); /* in any case; NULL: there is none */
/* The functions' names, for messages. */
const char *const *expr_function_names(size_t *ret_count);

/* The text of a value as MySQL has it in text functions: temporals without T and Z, the rest as type S. EVALUATE_POISON when its bytes are
 * no text. */
int expr_text(const struct value *v, struct arena *arena, struct slice *ret, struct error *error) must_check;
