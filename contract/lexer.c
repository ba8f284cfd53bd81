/* A scanner over one text of a contract. */
#include "contract/lexer.h"

#include "contract/expr_parse.h"
#include "contract/number.h"

#include <strings.h>

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

void lexer_advance(struct lexer *l) {
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

struct lexer lexer_start(struct report *report, struct arena *arena, struct spot at, const char *text) {
    struct lexer l = {.report = report, .arena = arena, .at = at, .text = text, .next = text};
    lexer_advance(&l);
    return l;
}

/* One error a text: the first. */
void lexer_fail(struct lexer *l, const char *what) {
    if (!l->failed)
        report_error(l->report, l->at, "in \"%s\" at character %d: %s", l->text, (int)(l->start - l->text) + 1, what);
    l->failed = true;
}

bool lexer_is_sign(const struct lexer *l, const char *s) {
    return l->kind == TOKEN_SIGN && strcmp(l->word, s) == 0;
}

bool lexer_take_sign(struct lexer *l, const char *s) {
    if (!lexer_is_sign(l, s))
        return false;
    lexer_advance(l);
    return true;
}

bool lexer_is_word(const struct lexer *l, const char *keyword) {
    return l->kind == TOKEN_NAME && strcasecmp(l->word, keyword) == 0;
}

bool lexer_take_word(struct lexer *l, const char *keyword) {
    if (!lexer_is_word(l, keyword))
        return false;
    lexer_advance(l);
    return true;
}

static bool take_name(struct lexer *l, const char **ret) {
    if (l->kind != TOKEN_NAME && l->kind != TOKEN_QUOTED_NAME) {
        lexer_fail(l, "a column's name is expected");
        return false;
    }
    *ret = l->word;
    lexer_advance(l);
    return true;
}

bool lexer_take_column(struct lexer *l, struct column_name *ret) {
    struct column_name name = {0};
    if (!take_name(l, &name.column))
        return false;
    if (lexer_take_sign(l, ".")) {
        name.table = name.column;
        if (!take_name(l, &name.column))
            return false;
    }
    *ret = name;
    return true;
}
