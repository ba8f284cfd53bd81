/* Types of expressions: classes that compare with one another, literals that take the other side's type, and the common type of
 * branches. MySQL converts almost anything to anything; here what would lose digits or mean something else is an error at load. */
#include "contract/expr_types.h"

#include "contract/arithmetic.h"
#include "contract/expr_time.h"
#include "contract/number.h"

#include <stdlib.h>

enum expr_class expr_class(const struct expr *e) {
    static const enum expr_class classes[] = {
        [COLUMN_UNSUPPORTED] = CLASS_ANY, [COLUMN_INT] = CLASS_NUMBER,      [COLUMN_BIT] = CLASS_NUMBER,
        [COLUMN_YEAR] = CLASS_NUMBER,     [COLUMN_DECIMAL] = CLASS_NUMBER,  [COLUMN_FLOAT] = CLASS_NUMBER,
        [COLUMN_DOUBLE] = CLASS_NUMBER,   [COLUMN_TEXT] = CLASS_TEXT,       [COLUMN_ENUM] = CLASS_TEXT,
        [COLUMN_SET] = CLASS_TEXT,        [COLUMN_BINARY] = CLASS_BYTES,    [COLUMN_DATE] = CLASS_DATE,
        [COLUMN_DATETIME] = CLASS_DATE,   [COLUMN_TIMESTAMP] = CLASS_DATE,  [COLUMN_TIME] = CLASS_TIME,
        [COLUMN_JSON] = CLASS_OPAQUE,     [COLUMN_GEOMETRY] = CLASS_OPAQUE, [COLUMN_VECTOR] = CLASS_OPAQUE,
    };
    return classes[e->type];
}

static bool is_text_literal(const struct expr *e) {
    return e->kind == EXPR_LITERAL && e->type == COLUMN_TEXT;
}

const char *expr_number_literal(struct arena *arena, struct expr *e) {
    struct slice text = value_slice(&e->literal);
    struct number n;
    if (!number_parse(text, &n))
        return arena_printf(arena, "'%.*s' is no number", (int)text.len, text.data);
    const char *point = memchr(text.data, '.', text.len);
    if (memchr(text.data, 'e', text.len) || memchr(text.data, 'E', text.len)) {
        e->type = COLUMN_DOUBLE;
        e->literal = (struct value){.kind = VALUE_DOUBLE, .d = strtod(arena_strndup(arena, text.data, text.len), NULL)};
        return NULL;
    }
    size_t scale = point ? (size_t)(text.data + text.len - point) - 1 : 0;
    if (text.len > 67 || scale > 30)
        return arena_printf(arena, "%.*s has too many digits", (int)text.len, text.data);
    static const struct value zero = {.kind = VALUE_INT};
    struct error error;
    e->literal.kind = VALUE_DECIMAL;
    e->literal.scale = (uint8_t)scale;
    if (number_compute('+', &e->literal, &zero, arena, &e->literal, &error)) /* as MySQL writes it: 0.50 for .50 */
        return arena_strdup(arena, error.text);
    e->type = COLUMN_DECIMAL;
    e->digits = (uint8_t)scale;
    return NULL;
}

/* A text literal takes the type of what it meets. */
static const char *adapt(struct arena *arena, struct expr *e, const struct expr *other) {
    if (!is_text_literal(e))
        return NULL;
    switch (expr_class(other)) {
    case CLASS_NUMBER:
        return expr_number_literal(arena, e);
    case CLASS_DATE:
    case CLASS_TIME:
        return time_literal(arena, e, expr_class(other) == CLASS_TIME);
    default:
        return NULL;
    }
}

const char *expr_comparable(struct arena *arena, struct expr *a, struct expr *b) {
    const char *wrong = adapt(arena, a, b);
    if (!wrong)
        wrong = adapt(arena, b, a);
    if (wrong)
        return wrong;
    enum expr_class x = expr_class(a), y = expr_class(b);
    if (x == CLASS_ANY || y == CLASS_ANY || (x == y && x != CLASS_OPAQUE))
        return NULL;
    return arena_printf(arena, "%s and %s cannot be compared", column_type_name(a->type), column_type_name(b->type));
}

const char *expr_condition(struct arena *arena, const struct expr *e) {
    enum expr_class c = expr_class(e);
    if (c == CLASS_ANY || c == CLASS_NUMBER)
        return NULL;
    return arena_printf(arena, "a condition is expected (a comparison, say), not a value of type %s",
                        column_type_name(e->type));
}

/* The wider of two types of one class. */
static enum column_type wider(enum column_type a, enum column_type b) {
    if (a == b)
        return a;
    bool doubles = a == COLUMN_FLOAT || a == COLUMN_DOUBLE || b == COLUMN_FLOAT || b == COLUMN_DOUBLE;
    switch (expr_class(&(struct expr){.type = a})) {
    case CLASS_NUMBER:
        return doubles ? COLUMN_DOUBLE : a == COLUMN_DECIMAL || b == COLUMN_DECIMAL ? COLUMN_DECIMAL : COLUMN_INT;
    case CLASS_DATE:
        return COLUMN_DATETIME;
    default:
        return COLUMN_TEXT;
    }
}

static bool joins_texts(enum expr_class c) {
    return c != CLASS_BYTES && c != CLASS_OPAQUE;
}

const char *expr_unify(struct arena *arena, struct expr *e, struct expr *const *values, size_t count) {
    e->type = COLUMN_UNSUPPORTED;
    e->digits = 0;
    for (size_t i = 0; i < count; i++) {
        const struct expr *v = values[i];
        enum expr_class have = expr_class(e), next = expr_class(v);
        if (next == CLASS_ANY)
            continue;
        if (have == CLASS_ANY) {
            e->type = v->type;
        } else if (have == next && (have != CLASS_OPAQUE || e->type == v->type)) {
            e->type = wider(e->type, v->type);
        } else if (joins_texts(have) && joins_texts(next)) {
            e->type = COLUMN_TEXT;
        } else {
            return arena_printf(arena, "%s and %s have no type in common", column_type_name(e->type),
                                column_type_name(v->type));
        }
        e->digits = MAX(e->digits, v->digits);
    }
    e->converts = false;
    for (size_t i = 0; i < count; i++)
        e->converts |=
            expr_class(values[i]) != CLASS_ANY && (values[i]->type != e->type || values[i]->digits != e->digits);
    return NULL;
}

const char *expr_type_case(struct arena *arena, struct expr *e) {
    struct expr **values = arena_alloc(arena, (e->arg_count / 2 + 1) * sizeof(struct expr *));
    size_t count = 0;
    for (size_t i = 0; i < e->arg_count; i++) {
        if (i % 2 == 1 || i + 1 == e->arg_count) {
            values[count++] = e->args[i];
            continue;
        }
        const char *wrong = expr_condition(arena, e->args[i]);
        if (wrong)
            return wrong;
    }
    return expr_unify(arena, e, values, count);
}
