/* Parses the small SQL of contracts by recursive descent, and types it on the way, so that evaluation needs no rules of conversion.
 *
 * From the weakest: OR; AND; NOT; comparisons and IS NULL; IN and BETWEEN; + and -; * and /; signs; values, names, calls. */
#include "contract/expr_parse.h"

#include "contract/arithmetic.h"
#include "contract/expr_functions.h"
#include "contract/expr_types.h"
#include "contract/lexer.h"

#include <stdlib.h>
#include <strings.h>

enum { DEPTH_MAX = 64, ARGS_MAX = 256 };

struct parser {
    struct lexer l;
    const struct expr_names *names;
    unsigned depth;
};

/* ---- nodes */

static struct expr *node_of(struct parser *p, enum expr_kind kind, enum column_type type) {
    struct expr *e = arena_zalloc(p->l.arena, sizeof(*e));
    e->kind = kind;
    e->type = type;
    return e;
}

static struct expr *with_args(struct parser *p, enum expr_kind kind, struct expr *const *args, size_t count) {
    struct expr *e = node_of(p, kind, COLUMN_INT);
    e->args = arena_copy(p->l.arena, args, count * sizeof(*args));
    e->arg_count = count;
    return e;
}

static struct expr *literal(struct parser *p, enum column_type type, struct value v) {
    struct expr *e = node_of(p, EXPR_LITERAL, type);
    e->literal = v;
    return e;
}

static struct expr *text_literal(struct parser *p, const char *text) {
    return literal(p, COLUMN_TEXT, (struct value){.kind = VALUE_TEXT, .data = text, .len = (uint32_t)strlen(text)});
}

static struct expr *null_literal(struct parser *p) {
    return literal(p, COLUMN_UNSUPPORTED, (struct value){.kind = VALUE_NULL});
}

/* `e`, unless something is wrong with it. */
static struct expr *unless(struct parser *p, const char *wrong, struct expr *e) {
    if (!wrong)
        return e;
    lexer_fail(&p->l, wrong);
    return NULL;
}

static struct expr *call(struct parser *p, const char *name, struct expr *const *args, size_t count) {
    struct expr *e = with_args(p, EXPR_CALL, args, count);
    e->function = expr_function(name);
    return unless(p, e->function->check(p->l.arena, e), e);
}

static struct expr *compared(struct parser *p, enum expr_op op, struct expr *a, struct expr *b) {
    if (!a || !b)
        return NULL;
    struct expr *e = with_args(p, EXPR_COMPARE, (struct expr *[]){a, b}, 2);
    e->op = op;
    return unless(p, expr_comparable(p->l.arena, a, b), e);
}

static struct expr *negated(struct parser *p, bool no, struct expr *e) {
    if (!no || !e)
        return e;
    return unless(p, expr_condition(p->l.arena, e), with_args(p, EXPR_NOT, &e, 1));
}

static struct expr *logic(struct parser *p, enum expr_kind kind, struct expr *const *args, size_t count) {
    const char *wrong = NULL;
    for (size_t i = 0; i < count && !wrong; i++)
        wrong = expr_condition(p->l.arena, args[i]);
    return unless(p, wrong, with_args(p, kind, args, count));
}

/* Conditions and values in turn, and the value when none is true. */
static struct expr *cases(struct parser *p, struct expr **args, size_t count) {
    struct expr *e = with_args(p, EXPR_CASE, args, count);
    return unless(p, expr_type_case(p->l.arena, e), e);
}

static struct expr *coalesced(struct parser *p, struct expr *const *args, size_t count) {
    struct expr *e = with_args(p, EXPR_COALESCE, args, count);
    return unless(p, expr_unify(p->l.arena, e, args, count), e);
}

/* ---- values and names */

static struct expr *parse_or(struct parser *p);
static struct expr *parse_sum(struct parser *p);

static struct expr *parse_number(struct parser *p) {
    const char *text = p->l.word, *wrong;
    lexer_advance(&p->l);
    if (strlen(text) < 18 && !strpbrk(text, ".eE"))
        return literal(p, COLUMN_INT, (struct value){.kind = VALUE_INT, .i = strtoll(text, NULL, 10)});
    struct expr *e = text_literal(p, text);
    wrong = expr_number_literal(p->l.arena, e);
    return unless(p, wrong, e);
}

static bool close_parenthesis(struct parser *p) {
    if (lexer_take_sign(&p->l, ")"))
        return true;
    lexer_fail(&p->l, "\")\" is expected");
    return false;
}

/* CASE [x] WHEN a THEN b ... [ELSE c] END */
static struct expr *parse_case(struct parser *p) {
    struct expr *args[ARGS_MAX], *subject = NULL;
    size_t count = 0;
    if (!lexer_is_word(&p->l, "WHEN") && !(subject = parse_or(p)))
        return NULL;
    while (lexer_take_word(&p->l, "WHEN")) {
        if (count + 3 > ARGS_MAX)
            return unless(p, "more than 127 WHEN", NULL);
        struct expr *when = parse_or(p);
        when = subject ? compared(p, OP_EQUAL, subject, when) : when;
        if (when && !lexer_take_word(&p->l, "THEN"))
            lexer_fail(&p->l, "THEN is expected");
        struct expr *then = when && !p->l.failed ? parse_or(p) : NULL;
        if (!then)
            return NULL;
        args[count++] = when;
        args[count++] = then;
    }
    if (count == 0)
        return unless(p, "WHEN is expected after CASE", NULL);
    args[count] = lexer_take_word(&p->l, "ELSE") ? parse_or(p) : null_literal(p);
    if (!args[count])
        return NULL;
    if (!lexer_take_word(&p->l, "END"))
        return unless(p, "END is expected after CASE", NULL);
    return cases(p, args, count + 1);
}

/* ---- calls */

/* TRIM([[BOTH|LEADING|TRAILING] [what] FROM] text) */
static struct expr *parse_trim(struct parser *p) {
    static const struct {
        const char *word, *name;
    } sides[] = {{"BOTH", "TRIM"}, {"LEADING", "TRIM LEADING"}, {"TRAILING", "TRIM TRAILING"}};
    const char *name = NULL;
    struct expr *what = NULL, *text;
    for (size_t i = 0; i < ARRAY_LEN(sides) && !name; i++)
        if (lexer_take_word(&p->l, sides[i].word))
            name = sides[i].name;
    if (!(name && lexer_take_word(&p->l, "FROM"))) {
        what = parse_or(p);
        if (!what)
            return NULL;
        if (!lexer_take_word(&p->l, "FROM")) {
            if (name)
                return unless(p, "FROM is expected", NULL);
            return close_parenthesis(p) ? call(p, "TRIM", &what, 1) : NULL;
        }
    }
    text = parse_or(p);
    if (!text || !close_parenthesis(p))
        return NULL;
    return call(p, name ? name : "TRIM", (struct expr *[]){text, what}, what ? 2 : 1);
}

/* Arguments with commas, or FROM and FOR between; up to the parenthesis. */
static bool parse_arguments(struct parser *p, struct expr **args, size_t max, size_t *count) {
    *count = 0;
    if (lexer_take_sign(&p->l, ")"))
        return true;
    do {
        struct expr *e = parse_or(p);
        if (!e)
            return false;
        if (*count == max) {
            lexer_fail(&p->l, "too many arguments");
            return false;
        }
        args[(*count)++] = e;
    } while (lexer_take_sign(&p->l, ",") || (*count == 1 && lexer_take_word(&p->l, "FROM")) ||
             (*count == 2 && lexer_take_word(&p->l, "FOR")));
    return close_parenthesis(p);
}

static struct expr *call_if(struct parser *p, struct expr **args, size_t count) {
    return cases(p, args, count);
}

static struct expr *call_nullif(struct parser *p, struct expr **args, size_t count) {
    struct expr *equal = compared(p, OP_EQUAL, args[0], args[1]);
    return equal ? cases(p, (struct expr *[]){equal, null_literal(p), args[0]}, 3) : NULL;
}

static struct expr *call_coalesce(struct parser *p, struct expr **args, size_t count) {
    return coalesced(p, args, count);
}

/* Calls that do not look at all of their arguments. */
static const struct {
    const char *name;
    size_t min, max;
    struct expr *(*make)(struct parser *p, struct expr **args, size_t count);
} forms[] = {
    {"IF", 3, 3, call_if},
    {"NULLIF", 2, 2, call_nullif},
    {"IFNULL", 2, 2, call_coalesce},
    {"COALESCE", 1, FUNCTION_ARGS_MAX, call_coalesce},
};

static struct expr *wrong_count(struct parser *p, const char *name, size_t min, size_t max) {
    const char *count =
        min == max ? arena_printf(p->l.arena, "%zu", min) : arena_printf(p->l.arena, "%zu to %zu", min, max);
    return unless(p, arena_printf(p->l.arena, "%s takes %s argument%s", name, count, max == 1 ? "" : "s"), NULL);
}

/* Behind the name and its parenthesis. */
static struct expr *parse_call(struct parser *p, const char *name) {
    struct expr *args[FUNCTION_ARGS_MAX];
    size_t count, known;
    const struct expr_function *f = expr_function(name);
    if (strcasecmp(name, "TRIM") == 0)
        return parse_trim(p);
    for (size_t i = 0; i < ARRAY_LEN(forms); i++) {
        if (strcasecmp(forms[i].name, name) != 0)
            continue;
        if (!parse_arguments(p, args, ARRAY_LEN(args), &count))
            return NULL;
        if (count < forms[i].min || count > forms[i].max)
            return wrong_count(p, forms[i].name, forms[i].min, forms[i].max);
        return forms[i].make(p, args, count);
    }
    if (!f) {
        const char *const *names = expr_function_names(&known);
        return unless(
            p,
            arena_printf(p->l.arena, "there is no function %s%s", name, report_remedy(p->l.report, name, names, known)),
            NULL);
    }
    if (!parse_arguments(p, args, ARRAY_LEN(args), &count))
        return NULL;
    if (count < f->min_args || count > f->max_args)
        return wrong_count(p, f->name, f->min_args, f->max_args);
    return call(p, f->name, args, count);
}

static struct expr *parse_name(struct parser *p) {
    struct column_name name;
    bool quoted = p->l.kind == TOKEN_QUOTED_NAME;
    if (!lexer_take_column(&p->l, &name))
        return NULL;
    if (!quoted && !name.table && lexer_take_sign(&p->l, "("))
        return parse_call(p, name.column);
    struct expr *e = node_of(p, EXPR_COLUMN, COLUMN_UNSUPPORTED);
    if (p->names && !p->names->resolve(p->names->context, p->l.at, &name, e)) {
        p->l.failed = true; /* told already */
        return NULL;
    }
    return e;
}

/* ---- from the strongest to the weakest */

static struct expr *parse_value(struct parser *p) {
    struct lexer *l = &p->l;
    struct expr *e;
    if (lexer_take_sign(l, "(")) {
        e = parse_or(p);
        return e && close_parenthesis(p) ? e : NULL;
    }
    if (l->kind == TOKEN_NUMBER)
        return parse_number(p);
    if (l->kind == TOKEN_STRING) {
        e = text_literal(p, l->word);
        lexer_advance(l);
        return e;
    }
    if (lexer_take_word(l, "NULL"))
        return null_literal(p);
    if (lexer_is_word(l, "TRUE") || lexer_is_word(l, "FALSE")) {
        e = literal(p, COLUMN_INT, (struct value){.kind = VALUE_INT, .i = lexer_is_word(l, "TRUE")});
        lexer_advance(l);
        return e;
    }
    if (lexer_take_word(l, "CASE"))
        return parse_case(p);
    if (l->kind == TOKEN_NAME || l->kind == TOKEN_QUOTED_NAME)
        return parse_name(p);
    return unless(p,
                  l->kind == TOKEN_BAD ? "this character, or a quote without end, is not understood"
                                       : "a value or a column is expected",
                  NULL);
}

static struct expr *negative(struct parser *p, struct expr *e) {
    if (e && e->kind == EXPR_LITERAL && e->literal.kind == VALUE_INT) {
        e->literal.i = -e->literal.i;
        return e;
    }
    return e ? call(p, "- (negative)", &e, 1) : NULL;
}

static struct expr *parse_signed(struct parser *p) {
    bool minus = false;
    for (;;) {
        if (lexer_take_sign(&p->l, "-"))
            minus = !minus;
        else if (!lexer_take_sign(&p->l, "+"))
            break;
    }
    struct expr *e = parse_value(p);
    return minus ? negative(p, e) : e;
}

/* Operators of one strength, from the left. */
static struct expr *parse_operators(struct parser *p, const char *const signs[2],
                                    struct expr *(*part)(struct parser *)) {
    struct expr *e = part(p);
    for (size_t count = 0; e; count++) {
        const char *sign = lexer_is_sign(&p->l, signs[0]) ? signs[0] : lexer_is_sign(&p->l, signs[1]) ? signs[1] : NULL;
        if (!sign)
            break;
        if (count == ARGS_MAX)
            return unless(p, "more than 256 operators in a row", NULL);
        lexer_advance(&p->l);
        struct expr *right = part(p);
        e = right ? call(p, sign, (struct expr *[]){e, right}, 2) : NULL;
    }
    return e;
}

static struct expr *parse_product(struct parser *p) {
    static const char *const signs[] = {"*", "/"};
    return parse_operators(p, signs, parse_signed);
}

static struct expr *parse_sum(struct parser *p) {
    static const char *const signs[] = {"+", "-"};
    return parse_operators(p, signs, parse_product);
}

static struct expr *parse_in(struct parser *p, struct expr *sought) {
    struct expr *args[ARGS_MAX] = {sought};
    size_t count = 1;
    if (!lexer_take_sign(&p->l, "("))
        return unless(p, "\"(\" is expected after IN", NULL);
    do {
        struct expr *e = parse_or(p);
        if (!e)
            return NULL;
        if (count == ARGS_MAX)
            return unless(p, "more than 255 values in IN", NULL);
        e = unless(p, expr_comparable(p->l.arena, sought, e), e);
        if (!e)
            return NULL;
        args[count++] = e;
    } while (lexer_take_sign(&p->l, ","));
    return close_parenthesis(p) ? with_args(p, EXPR_IN, args, count) : NULL;
}

static struct expr *parse_between(struct parser *p, struct expr *e) {
    struct expr *low = parse_sum(p);
    if (low && !lexer_take_word(&p->l, "AND"))
        return unless(p, "AND is expected after BETWEEN", NULL);
    struct expr *high = low ? parse_sum(p) : NULL;
    struct expr *parts[] = {compared(p, OP_GREATER_EQUAL, e, low), compared(p, OP_LESS_EQUAL, e, high)};
    return parts[0] && parts[1] ? with_args(p, EXPR_AND, parts, 2) : NULL;
}

static struct expr *parse_predicate(struct parser *p) {
    struct expr *e = parse_sum(p);
    if (!e)
        return NULL;
    bool no = lexer_take_word(&p->l, "NOT");
    if (lexer_take_word(&p->l, "IN"))
        return negated(p, no, parse_in(p, e));
    if (lexer_take_word(&p->l, "BETWEEN"))
        return negated(p, no, parse_between(p, e));
    return no ? unless(p, "IN or BETWEEN is expected after NOT", NULL) : e;
}

static bool take_comparison(struct parser *p, enum expr_op *ret) {
    static const struct {
        const char *sign;
        enum expr_op op;
    } signs[] = {{"<=>", OP_NULL_SAFE_EQUAL}, {"<>", OP_NOT_EQUAL}, {"!=", OP_NOT_EQUAL}, {"<=", OP_LESS_EQUAL},
                 {">=", OP_GREATER_EQUAL},    {"=", OP_EQUAL},      {"<", OP_LESS},       {">", OP_GREATER}};
    for (size_t i = 0; i < ARRAY_LEN(signs); i++)
        if (lexer_take_sign(&p->l, signs[i].sign)) {
            *ret = signs[i].op;
            return true;
        }
    return false;
}

static struct expr *parse_comparison(struct parser *p) {
    struct expr *e = parse_predicate(p);
    for (size_t count = 0; e; count++) {
        enum expr_op op;
        if (count == ARGS_MAX)
            return unless(p, "more than 256 comparisons in a row", NULL);
        if (take_comparison(p, &op)) {
            e = compared(p, op, e, parse_predicate(p));
        } else if (lexer_take_word(&p->l, "IS")) {
            bool no = lexer_take_word(&p->l, "NOT");
            if (!lexer_take_word(&p->l, "NULL"))
                return unless(p, "NULL is expected after IS", NULL);
            e = negated(p, no, with_args(p, EXPR_IS_NULL, &e, 1));
        } else {
            break;
        }
    }
    return e;
}

static struct expr *parse_not(struct parser *p) {
    unsigned count = 0;
    while (lexer_take_word(&p->l, "NOT"))
        count++;
    struct expr *e = parse_comparison(p);
    e = negated(p, count > 0, e);
    return negated(p, count > 0 && count % 2 == 0, e);
}

static struct expr *parse_list(struct parser *p, enum expr_kind kind, const char *word,
                               struct expr *(*part)(struct parser *)) {
    struct expr *args[ARGS_MAX];
    size_t count = 0;
    do {
        struct expr *e = part(p);
        if (!e)
            return NULL;
        if (count == ARGS_MAX)
            return unless(p, "more than 256 conditions", NULL);
        args[count++] = e;
    } while (lexer_take_word(&p->l, word));
    return count == 1 ? args[0] : logic(p, kind, args, count);
}

static struct expr *parse_and(struct parser *p) {
    return parse_list(p, EXPR_AND, "AND", parse_not);
}

static struct expr *parse_or(struct parser *p) {
    if (p->depth == DEPTH_MAX)
        return unless(p, "more than 64 levels of parentheses and calls", NULL);
    p->depth++;
    struct expr *e = parse_list(p, EXPR_OR, "OR", parse_and);
    p->depth--;
    return e;
}

struct expr *expr_parse(struct report *report, struct arena *arena, struct spot at, const char *text,
                        const struct expr_names *names) {
    struct parser p = {.l = lexer_start(report, arena, at, text), .names = names};
    struct expr *e = parse_or(&p);
    if (e && p.l.kind != TOKEN_END)
        lexer_fail(&p.l, "an operator or the end is expected");
    return p.l.failed ? NULL : e;
}

struct expr *expr_parse_condition(struct report *report, struct arena *arena, struct spot at, const char *text,
                                  const struct expr_names *names) {
    struct expr *e = expr_parse(report, arena, at, text, names);
    const char *wrong = e ? expr_condition(arena, e) : NULL;
    if (!wrong)
        return e;
    report_error(report, at, "\"%s\": %s", text, wrong);
    return NULL;
}
