/* Parses the small SQL of contracts by recursive descent, and types it on the way: only values of one class may be
 * compared, so that evaluation needs no rules of conversion. */
#include "contract/expr_parse.h"

#include "contract/number.h"

#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

/* ---- tokens */

enum token_kind { TOKEN_END, TOKEN_NAME, TOKEN_QUOTED_NAME, TOKEN_NUMBER, TOKEN_STRING, TOKEN_SIGN, TOKEN_BAD };

struct lexer {
    struct report *report;
    struct arena *arena;
    struct spot at;
    const char *text;
    const char *next;
    const struct expr_names *names;
    unsigned depth;
    bool failed;
    /* the present token */
    enum token_kind kind;
    const char *start; /* in the text */
    const char *word;  /* the name, the string's content, the number or sign */
};

static bool name_char(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '$' ||
           (unsigned char)c >= 0x80;
}

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

/* 'it''s' and `a``b`: a doubled quote is one. MySQL's backslash escapes are refused rather than guessed. */
static enum token_kind quoted(struct lexer *l, char quote) {
    const char *p = l->next + 1;
    char *to = arena_alloc(l->arena, strlen(p) + 1), *out = to;
    for (; *p; p++) {
        if (*p == '\\' && quote == '\'')
            return TOKEN_BAD;
        if (*p == quote && *++p != quote) {
            *out = 0;
            l->next = p;
            l->word = to;
            return quote == '`' ? TOKEN_QUOTED_NAME : TOKEN_STRING;
        }
        *out++ = *p;
    }
    return TOKEN_BAD;
}

static enum token_kind number(struct lexer *l) {
    const char *p = l->next;
    while (is_digit(*p) || *p == '.')
        p++;
    if (*p == 'e' || *p == 'E') {
        p++;
        if (*p == '-' || *p == '+')
            p++;
        while (is_digit(*p))
            p++;
    }
    struct slice s = {l->next, (size_t)(p - l->next)};
    struct number parsed;
    if (!number_parse(s, &parsed) || name_char(*p))
        return TOKEN_BAD;
    l->word = arena_strndup(l->arena, s.data, s.len);
    l->next = p;
    return TOKEN_NUMBER;
}

static enum token_kind sign(struct lexer *l) {
    static const char *const signs[] = {"<=>", "<>", "!=", "<=", ">=", "=", "<", ">",
                                        "(",   ")",  ",",  ".",  "+",  "-", "*", "/"};
    for (size_t i = 0; i < ARRAY_LEN(signs); i++)
        if (strncmp(l->next, signs[i], strlen(signs[i])) == 0) {
            l->word = signs[i];
            l->next += strlen(signs[i]);
            return TOKEN_SIGN;
        }
    return TOKEN_BAD;
}

static void advance(struct lexer *l) {
    while (*l->next == ' ' || *l->next == '\t' || *l->next == '\n' || *l->next == '\r')
        l->next++;
    l->start = l->next;
    char c = *l->next;
    if (c == 0) {
        l->kind = TOKEN_END;
    } else if (c == '\'' || c == '`') {
        l->kind = quoted(l, c);
    } else if (is_digit(c) || (c == '.' && is_digit(l->next[1]))) {
        l->kind = number(l);
    } else if (name_char(c)) {
        const char *p = l->next;
        while (name_char(*p))
            p++;
        l->word = arena_strndup(l->arena, l->next, (size_t)(p - l->next));
        l->next = p;
        l->kind = TOKEN_NAME;
    } else {
        l->kind = sign(l);
    }
}

static struct lexer lexer_start(struct report *report, struct arena *arena, struct spot at, const char *text) {
    struct lexer l = {.report = report, .arena = arena, .at = at, .text = text, .next = text};
    advance(&l);
    return l;
}

/* One error a text: the first. */
static void fail(struct lexer *l, const char *what) {
    if (!l->failed)
        report_error(l->report, l->at, "in \"%s\" at character %d: %s", l->text, (int)(l->start - l->text) + 1, what);
    l->failed = true;
}

static bool is_sign(const struct lexer *l, const char *s) {
    return l->kind == TOKEN_SIGN && strcmp(l->word, s) == 0;
}

static bool take_sign(struct lexer *l, const char *s) {
    if (!is_sign(l, s))
        return false;
    advance(l);
    return true;
}

static bool is_word(const struct lexer *l, const char *keyword) {
    return l->kind == TOKEN_NAME && strcasecmp(l->word, keyword) == 0;
}

static bool take_word(struct lexer *l, const char *keyword) {
    if (!is_word(l, keyword))
        return false;
    advance(l);
    return true;
}

static bool take_name(struct lexer *l, const char **ret) {
    if (l->kind != TOKEN_NAME && l->kind != TOKEN_QUOTED_NAME) {
        fail(l, "a column's name is expected");
        return false;
    }
    *ret = l->word;
    advance(l);
    return true;
}

static bool take_column(struct lexer *l, struct column_name *ret) {
    struct column_name name = {0};
    if (!take_name(l, &name.column))
        return false;
    if (take_sign(l, ".")) {
        name.table = name.column;
        if (!take_name(l, &name.column))
            return false;
    }
    *ret = name;
    return true;
}

/* ---- names, conditions, orders */

bool column_name_parse(struct report *report, struct arena *arena, struct spot at, const char *text,
                       struct column_name *ret) {
    struct lexer l = lexer_start(report, arena, at, text);
    if (!take_column(&l, ret))
        return false;
    if (l.kind != TOKEN_END)
        fail(&l, "only a column (table.column) is supported here by this version");
    return !l.failed;
}

bool condition_parse(struct report *report, struct arena *arena, struct spot at, const char *text,
                     struct equality list[EQUALITIES_MAX], size_t *count) {
    struct lexer l = lexer_start(report, arena, at, text);
    do {
        struct equality e;
        if (!take_column(&l, &e.left))
            return false;
        if (!take_sign(&l, "=")) {
            fail(&l, "a join condition is equalities between columns: x.a = y.b [AND x.c = y.d]");
            return false;
        }
        if (!take_column(&l, &e.right))
            return false;
        if (*count == EQUALITIES_MAX)
            fail(&l, "more than 16 equalities");
        else
            list[(*count)++] = e;
    } while (take_word(&l, "AND"));
    if (l.kind != TOKEN_END)
        fail(&l, "AND or the end is expected; a join condition is x.a = y.b [AND x.c = y.d]");
    return !l.failed;
}

bool order_parse(struct report *report, struct arena *arena, struct spot at, const char *text,
                 struct order_name list[ORDER_MAX], size_t *count) {
    struct lexer l = lexer_start(report, arena, at, text);
    do {
        struct order_name o = {0};
        if (!take_column(&l, &o.name))
            return false;
        o.descending = take_word(&l, "DESC");
        if (!o.descending)
            (void)take_word(&l, "ASC");
        if (*count == ORDER_MAX)
            fail(&l, "more than 16 columns");
        else
            list[(*count)++] = o;
    } while (take_sign(&l, ","));
    if (l.kind != TOKEN_END)
        fail(&l, "an order is: column [ASC|DESC], ...");
    return !l.failed;
}

/* ---- expressions */

enum { DEPTH_MAX = 64, ARGS_MAX = 256 };

static struct expr *node_of(struct lexer *l, enum expr_kind kind, enum column_type type) {
    struct expr *e = arena_zalloc(l->arena, sizeof(*e));
    e->kind = kind;
    e->type = type;
    return e;
}

static struct expr *with_args(struct lexer *l, enum expr_kind kind, struct expr *const *args, size_t count) {
    struct expr *e = node_of(l, kind, COLUMN_INT);
    e->args = arena_copy(l->arena, args, count * sizeof(*args));
    e->arg_count = count;
    return e;
}

static struct expr *literal(struct lexer *l, enum column_type type, struct value v) {
    struct expr *e = node_of(l, EXPR_LITERAL, type);
    e->literal = v;
    return e;
}

static struct expr *text_literal(struct lexer *l, enum column_type type, enum value_kind kind, const char *text) {
    return literal(l, type, (struct value){.kind = (uint8_t)kind, .data = text, .len = (uint32_t)strlen(text)});
}

/* Classes of types that compare with one another. */
enum expr_class { CLASS_ANY, CLASS_NUMBER, CLASS_TEXT, CLASS_BYTES, CLASS_OTHER };

static enum expr_class class_of(const struct lexer *l, const struct expr *e) {
    if (e->kind == EXPR_COLUMN && !l->names)
        return CLASS_ANY;
    switch (e->type) {
    case COLUMN_UNSUPPORTED:
        return CLASS_ANY; /* NULL */
    case COLUMN_INT:
    case COLUMN_BIT:
    case COLUMN_YEAR:
    case COLUMN_DECIMAL:
    case COLUMN_FLOAT:
    case COLUMN_DOUBLE:
        return CLASS_NUMBER;
    case COLUMN_TEXT:
    case COLUMN_ENUM:
    case COLUMN_SET:
        return CLASS_TEXT;
    case COLUMN_BINARY:
        return CLASS_BYTES;
    default:
        return CLASS_OTHER;
    }
}

/* A text literal beside a number becomes one, if it is numeric. */
static void literal_to_number(const struct lexer *l, struct expr *e, const struct expr *other) {
    struct number n;
    if (e->kind == EXPR_LITERAL && e->type == COLUMN_TEXT && class_of(l, other) == CLASS_NUMBER &&
        number_parse(value_slice(&e->literal), &n)) {
        e->type = COLUMN_DECIMAL;
        e->literal.kind = VALUE_DECIMAL;
    }
}

static bool is_json_or_blob(enum column_type t) {
    return t == COLUMN_JSON || t == COLUMN_GEOMETRY || t == COLUMN_VECTOR;
}

static void check_comparable(struct lexer *l, struct expr *a, struct expr *b) {
    literal_to_number(l, a, b);
    literal_to_number(l, b, a);
    enum expr_class x = class_of(l, a), y = class_of(l, b);
    if (x == CLASS_ANY || y == CLASS_ANY)
        return;
    char text[128];
    if (x != y || (x == CLASS_OTHER && (a->type != b->type || is_json_or_blob(a->type)))) {
        snprintf(text, sizeof(text), "%s and %s cannot be compared in this version", column_type_name(a->type),
                 column_type_name(b->type));
        fail(l, text);
    }
}

static struct expr *parse_or(struct lexer *l);

static struct expr *parse_name(struct lexer *l) {
    struct column_name name;
    struct expr *e = node_of(l, EXPR_COLUMN, COLUMN_UNSUPPORTED);
    if (!take_column(l, &name))
        return NULL;
    if (is_sign(l, "(")) {
        fail(l, "functions are not supported by this version");
        return NULL;
    }
    if (l->names && !l->names->resolve(l->names->context, l->at, &name, e)) {
        l->failed = true; /* told already */
        return NULL;
    }
    return e;
}

static struct expr *parse_number(struct lexer *l, bool minus) {
    const char *text = minus ? arena_printf(l->arena, "-%s", l->word) : l->word;
    advance(l);
    char *end;
    if (strlen(text) < 18 && !strpbrk(text, ".eE"))
        return literal(l, COLUMN_INT, (struct value){.kind = VALUE_INT, .i = strtoll(text, &end, 10)});
    return text_literal(l, COLUMN_DECIMAL, VALUE_DECIMAL, text);
}

static struct expr *parse_operand(struct lexer *l) {
    struct expr *e = NULL;
    if (take_sign(l, "(")) {
        e = parse_or(l);
        if (e && !take_sign(l, ")"))
            fail(l, "\")\" is expected");
    } else if (l->kind == TOKEN_NUMBER) {
        e = parse_number(l, false);
    } else if (take_sign(l, "-")) {
        if (l->kind == TOKEN_NUMBER)
            e = parse_number(l, true);
        else
            fail(l, "arithmetic is not supported by this version");
    } else if (l->kind == TOKEN_STRING) {
        e = text_literal(l, COLUMN_TEXT, VALUE_TEXT, l->word);
        advance(l);
    } else if (take_word(l, "NULL")) {
        e = literal(l, COLUMN_UNSUPPORTED, (struct value){.kind = VALUE_NULL});
    } else if (is_word(l, "TRUE") || is_word(l, "FALSE")) {
        e = literal(l, COLUMN_INT, (struct value){.kind = VALUE_INT, .i = is_word(l, "TRUE")});
        advance(l);
    } else if (is_word(l, "CASE")) {
        fail(l, "CASE is not supported by this version");
    } else if (l->kind == TOKEN_BAD) {
        fail(l, "this character, or a quote without end, is not understood");
    } else if (l->kind == TOKEN_NAME || l->kind == TOKEN_QUOTED_NAME) {
        e = parse_name(l);
    } else {
        fail(l, "a value or a column is expected");
    }
    if (e && (is_sign(l, "+") || is_sign(l, "-") || is_sign(l, "*") || is_sign(l, "/")))
        fail(l, "arithmetic is not supported by this version");
    return e;
}

static struct expr *negated(struct lexer *l, bool no, struct expr *e) {
    return no && e ? with_args(l, EXPR_NOT, (struct expr *[]){e}, 1) : e;
}

static struct expr *compared(struct lexer *l, enum expr_op op, struct expr *a, struct expr *b) {
    if (!a || !b)
        return NULL;
    check_comparable(l, a, b);
    struct expr *e = with_args(l, EXPR_COMPARE, (struct expr *[]){a, b}, 2);
    e->op = op;
    return e;
}

static struct expr *parse_in(struct lexer *l, struct expr *sought) {
    struct expr *args[ARGS_MAX] = {sought};
    size_t count = 1;
    if (!take_sign(l, "("))
        fail(l, "\"(\" is expected after IN");
    do {
        struct expr *e = l->failed ? NULL : parse_operand(l);
        if (!e)
            return NULL;
        check_comparable(l, sought, e);
        if (count == ARGS_MAX)
            fail(l, "more than 255 values in IN");
        else
            args[count++] = e;
    } while (take_sign(l, ","));
    if (!take_sign(l, ")"))
        fail(l, "\")\" is expected");
    return with_args(l, EXPR_IN, args, count);
}

static struct expr *parse_between(struct lexer *l, struct expr *e) {
    struct expr *low = parse_operand(l);
    if (!take_word(l, "AND")) {
        fail(l, "AND is expected after BETWEEN");
        return NULL;
    }
    struct expr *high = parse_operand(l);
    struct expr *parts[] = {compared(l, OP_GREATER_EQUAL, e, low), compared(l, OP_LESS_EQUAL, e, high)};
    return parts[0] && parts[1] ? with_args(l, EXPR_AND, parts, 2) : NULL;
}

static struct expr *parse_predicate(struct lexer *l) {
    static const struct {
        const char *sign;
        enum expr_op op;
    } signs[] = {{"<=>", OP_NULL_SAFE_EQUAL}, {"<>", OP_NOT_EQUAL}, {"!=", OP_NOT_EQUAL}, {"<=", OP_LESS_EQUAL},
                 {">=", OP_GREATER_EQUAL},    {"=", OP_EQUAL},      {"<", OP_LESS},       {">", OP_GREATER}};
    struct expr *e = parse_operand(l);
    if (!e)
        return NULL;
    for (size_t i = 0; i < ARRAY_LEN(signs); i++)
        if (take_sign(l, signs[i].sign))
            return compared(l, signs[i].op, e, parse_operand(l));
    if (take_word(l, "IS")) {
        bool no = take_word(l, "NOT");
        if (!take_word(l, "NULL"))
            fail(l, "NULL is expected after IS");
        return negated(l, no, with_args(l, EXPR_IS_NULL, &e, 1));
    }
    bool no = take_word(l, "NOT");
    if (take_word(l, "IN"))
        return negated(l, no, parse_in(l, e));
    if (take_word(l, "BETWEEN"))
        return negated(l, no, parse_between(l, e));
    if (no)
        fail(l, "IN or BETWEEN is expected after NOT");
    return e;
}

static struct expr *parse_not(struct lexer *l) {
    unsigned count = 0;
    while (take_word(l, "NOT"))
        count++;
    struct expr *e = parse_predicate(l);
    e = negated(l, count > 0, e);
    return negated(l, count > 0 && count % 2 == 0, e);
}

static struct expr *parse_list(struct lexer *l, enum expr_kind kind, const char *word,
                               struct expr *(*part)(struct lexer *)) {
    struct expr *args[ARGS_MAX];
    size_t count = 0;
    do {
        struct expr *e = part(l);
        if (!e)
            return NULL;
        if (count == ARGS_MAX)
            fail(l, "more than 256 conditions");
        else
            args[count++] = e;
    } while (take_word(l, word));
    return count == 1 ? args[0] : with_args(l, kind, args, count);
}

static struct expr *parse_and(struct lexer *l) {
    return parse_list(l, EXPR_AND, "AND", parse_not);
}

static struct expr *parse_or(struct lexer *l) {
    if (l->depth == DEPTH_MAX) {
        fail(l, "more than 64 parentheses in one another");
        return NULL;
    }
    l->depth++;
    struct expr *e = parse_list(l, EXPR_OR, "OR", parse_and);
    l->depth--;
    return e;
}

struct expr *expr_parse(struct report *report, struct arena *arena, struct spot at, const char *text,
                        const struct expr_names *names) {
    struct lexer l = lexer_start(report, arena, at, text);
    l.names = names;
    struct expr *e = parse_or(&l);
    if (e && l.kind != TOKEN_END)
        fail(&l, "an operator or the end is expected");
    return l.failed ? NULL : e;
}
