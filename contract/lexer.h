/* The words of the small SQL in contracts: names, numbers, texts and signs, one at a time. */
#pragma once

#include "contract/report.h"

enum token_kind { TOKEN_END, TOKEN_NAME, TOKEN_QUOTED_NAME, TOKEN_NUMBER, TOKEN_STRING, TOKEN_SIGN, TOKEN_BAD };

struct column_name;

struct lexer {
    struct report *report;
    struct arena *arena;
    struct spot at;
    const char *text;
    const char *next;
    bool failed;
    /* the present token */
    enum token_kind kind;
    const char *start; /* in the text */
    const char *word;  /* the name, the string's content, the number or sign */
};

/* Stands at the first token. */
struct lexer lexer_start(struct report *report, struct arena *arena, struct spot at, const char *text);
void lexer_advance(struct lexer *l);
/* Reports the text's first error, with its place; later ones are silent. */
void lexer_fail(struct lexer *l, const char *what);

bool lexer_is_sign(const struct lexer *l, const char *s);
bool lexer_is_word(const struct lexer *l, const char *keyword); /* unquoted, in either case */
bool lexer_take_sign(struct lexer *l, const char *s);
bool lexer_take_word(struct lexer *l, const char *keyword);
bool lexer_take_column(struct lexer *l, struct column_name *ret); /* reports when there is none */
