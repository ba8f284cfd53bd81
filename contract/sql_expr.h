/* Expressions as MySQL's SQL, with the meaning that they have in contracts (docs/contract.md, "EXPR" and "Values"). */
#pragma once

#include "contract/expr_tree.h"

/* What the SQL of an expression gives. */
enum sql_form {
    SQL_VALUE,   /* a value of MySQL's: texts in utf8mb4, dates with a zero month or day NULL */
    SQL_NUMBER,  /* for arithmetic: integers as DECIMAL(20,0), for MySQL's own fails on mixed signs */
    SQL_COMPARE, /* texts as bytes, for collations (utf8mb4_bin, too) see "a" and "a " as equal */
    SQL_TEXT,    /* the text that it has in text functions */
    SQL_S,       /* as DynamoDB's types, as text: S is what the item holds, to the byte */
    SQL_N,       /* a number's text, perhaps with zeros at the end */
    SQL_B,       /* bytes */
    SQL_BOOL,    /* 0 or 1 */
    SQL_SS,      /* the labels, joined by commas */
    SQL_NATIVE,  /* L and M: JSON text */
};
enum sql_form sql_form(enum attr_type type);

/* `name`, with its backticks doubled. */
void sql_put_name(struct buf *out, const char *name);
/* A text in quotes; what sql_mode or a terminal could change, in hexadecimal. */
void sql_put_text(struct buf *out, struct slice text);
/* The name that a row has in an entity's statements. */
void sql_put_row(struct buf *out, const struct node *node);
void sql_put_column(struct buf *out, const struct node *node, unsigned column);
/* What stands around a value of a type to give it the form; "" around none. */
void sql_around(enum sql_form form, enum column_type type, const char **before, const char **after);
void sql_put_expr(struct buf *out, const struct entity *entity, const struct expr *e, enum sql_form form);
