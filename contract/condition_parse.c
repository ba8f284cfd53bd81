/* Join conditions and orders. */
#include "contract/expr_parse.h"
#include "contract/lexer.h"

bool condition_parse(struct report *report, struct arena *arena, struct spot at, const char *text,
                     struct equality list[EQUALITIES_MAX], size_t *count) {
    struct lexer l = lexer_start(report, arena, at, text);
    do {
        struct equality e;
        if (!lexer_take_column(&l, &e.left))
            return false;
        if (!lexer_take_sign(&l, "=")) {
            lexer_fail(&l, "a join condition is equalities between columns: x.a = y.b [AND x.c = y.d]");
            return false;
        }
        if (!lexer_take_column(&l, &e.right))
            return false;
        if (*count == EQUALITIES_MAX)
            lexer_fail(&l, "more than 16 equalities");
        else
            list[(*count)++] = e;
    } while (lexer_take_word(&l, "AND"));
    if (l.kind != TOKEN_END)
        lexer_fail(&l, "AND or the end is expected; a join condition is x.a = y.b [AND x.c = y.d]");
    return !l.failed;
}

bool order_parse(struct report *report, struct arena *arena, struct spot at, const char *text,
                 struct order_name list[ORDER_MAX], size_t *count) {
    struct lexer l = lexer_start(report, arena, at, text);
    do {
        struct order_name o = {0};
        if (!lexer_take_column(&l, &o.name))
            return false;
        o.descending = lexer_take_word(&l, "DESC");
        if (!o.descending)
            (void)lexer_take_word(&l, "ASC");
        if (*count == ORDER_MAX)
            lexer_fail(&l, "more than 16 columns");
        else
            list[(*count)++] = o;
    } while (lexer_take_sign(&l, ","));
    if (l.kind != TOKEN_END)
        lexer_fail(&l, "an order is: column [ASC|DESC], ...");
    return !l.failed;
}
