/* Expressions as MySQL's SQL. Each value is written in the form that its place wants: what a form does to a value of a type stands in
 * one table. Branches of a CASE take the form one by one, for their types may differ. */
#include "contract/sql_expr.h"

#include "contract/expr_functions.h"
#include "contract/sql_call.h"

#include <stdio.h>
#include <strings.h>

/* ---- names and texts */

void sql_put_name(struct buf *out, const char *name) {
    buf_put_char(out, '`');
    for (; *name; name++) {
        if (*name == '`')
            buf_put_char(out, '`');
        buf_put_char(out, *name);
    }
    buf_put_char(out, '`');
}

static void put_hex(struct buf *out, struct slice bytes) {
    buf_put_text(out, "X'");
    for (size_t i = 0; i < bytes.len; i++)
        buf_printf(out, "%02X", (unsigned char)bytes.data[i]);
    buf_put_char(out, '\'');
}

void sql_put_text(struct buf *out, struct slice text) {
    bool plain = true;
    for (size_t i = 0; i < text.len; i++)
        plain &= (unsigned char)text.data[i] >= ' ' && text.data[i] != '\\' && text.data[i] != 0x7F;
    if (!plain) {
        buf_put_text(out, "_utf8mb4 ");
        put_hex(out, text);
        return;
    }
    buf_put_char(out, '\'');
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] == '\'')
            buf_put_char(out, '\'');
        buf_put_char(out, text.data[i]);
    }
    buf_put_char(out, '\'');
}

/* Its alias; with its number where another row has the same one. */
void sql_put_row(struct buf *out, const struct node *node) {
    defer(buf_deinit) struct buf name = BUF_SMALL(256, 4096);
    buf_put_text(&name, node->alias);
    for (size_t i = 0; i < node->entity->node_count; i++) {
        const struct node *other = node->entity->nodes[i];
        if (other == node || strcasecmp(other->alias, node->alias) != 0)
            continue;
        buf_printf(&name, "_%u", node->number);
        break;
    }
    sql_put_name(out, buf_text(&name));
}

void sql_put_column(struct buf *out, const struct node *node, unsigned column) {
    sql_put_row(out, node);
    buf_put_char(out, '.');
    sql_put_name(out, node->source->columns[column].name);
}

/* ---- forms */

struct wrap {
    const char *before, *after; /* NULL: the value as it is */
    bool bare;                  /* around the column itself */
};

/* ZEROFILL and FLOAT's few digits do not survive the addition; a negative zero does not, either. */
#define WHOLE {"CAST(", " + 0 AS CHAR)", false}
#define DOUBLE {"CAST(", " + 0e0 AS CHAR)", false}
#define PLAIN {"CAST(", " AS CHAR)", false}
#define INTEGER {"CAST(", " AS DECIMAL(20,0))", false}
#define NOT_ZERO {"(", " <> 0)", false}
#define BASE64 {"REPLACE(TO_BASE64(", "), CHAR(10), '')", true}
#define BYTES {"CAST(", " AS BINARY)", false}
#define NUMBER {"CAST(", " + 0 AS CHAR)", true}
#define JSON {"NULLIF(CAST(", " AS CHAR), 'null')", false}

static const struct wrap wraps[][COLUMN_VECTOR + 1] = {
    [SQL_VALUE] = {{0}},
    [SQL_NUMBER] = {[COLUMN_INT] = INTEGER, [COLUMN_BIT] = INTEGER, [COLUMN_YEAR] = INTEGER},
    [SQL_COMPARE] = {[COLUMN_TEXT] = BYTES, [COLUMN_ENUM] = BYTES, [COLUMN_SET] = BYTES},
    [SQL_TEXT] = {[COLUMN_INT] = WHOLE,
                  [COLUMN_BIT] = WHOLE,
                  [COLUMN_YEAR] = WHOLE,
                  [COLUMN_DECIMAL] = WHOLE,
                  [COLUMN_FLOAT] = DOUBLE,
                  [COLUMN_DOUBLE] = DOUBLE,
                  [COLUMN_DATE] = PLAIN,
                  [COLUMN_TIME] = PLAIN,
                  [COLUMN_DATETIME] = PLAIN,
                  [COLUMN_TIMESTAMP] = PLAIN},
    [SQL_S] = {[COLUMN_INT] = WHOLE,
               [COLUMN_BIT] = WHOLE,
               [COLUMN_YEAR] = WHOLE,
               [COLUMN_DECIMAL] = WHOLE,
               [COLUMN_FLOAT] = DOUBLE,
               [COLUMN_DOUBLE] = DOUBLE,
               [COLUMN_DATE] = PLAIN,
               [COLUMN_TIME] = PLAIN,
               [COLUMN_DATETIME] = {"REPLACE(CAST(", " AS CHAR), ' ', 'T')", false},
               [COLUMN_TIMESTAMP] = {"CONCAT(REPLACE(CAST(", " AS CHAR), ' ', 'T'), 'Z')", false},
               [COLUMN_BINARY] = BASE64,
               [COLUMN_JSON] = JSON,
               [COLUMN_GEOMETRY] = {"ST_AsText(", ")", true},
               [COLUMN_VECTOR] = BASE64},
    [SQL_N] = {[COLUMN_INT] = WHOLE,
               [COLUMN_BIT] = WHOLE,
               [COLUMN_YEAR] = WHOLE,
               [COLUMN_DECIMAL] = WHOLE,
               [COLUMN_FLOAT] = DOUBLE,
               [COLUMN_DOUBLE] = DOUBLE,
               [COLUMN_ENUM] = NUMBER,
               [COLUMN_SET] = NUMBER,
               [COLUMN_TIMESTAMP] = {"CAST(UNIX_TIMESTAMP(", ") AS CHAR)", false},
               [COLUMN_JSON] = JSON},
    [SQL_B] = {[COLUMN_TEXT] = BYTES,
               [COLUMN_GEOMETRY] = {"SUBSTRING(CAST(", " AS BINARY), 5)", true}, /* the SRID stands before the WKB */
               [COLUMN_VECTOR] = BYTES},
    [SQL_BOOL] = {[COLUMN_INT] = NOT_ZERO,
                  [COLUMN_BIT] = NOT_ZERO,
                  [COLUMN_YEAR] = NOT_ZERO,
                  [COLUMN_DECIMAL] = NOT_ZERO,
                  [COLUMN_FLOAT] = NOT_ZERO,
                  [COLUMN_DOUBLE] = NOT_ZERO,
                  [COLUMN_JSON] = {"(NULLIF(CAST(", " AS CHAR), 'null') = 'true')", false}},
    [SQL_SS] = {[COLUMN_SET] = {"NULLIF(", ", '')", false}},
    [SQL_NATIVE] = {[COLUMN_JSON] = JSON, [COLUMN_VECTOR] = BASE64},
};

enum sql_form sql_form(enum attr_type type) {
    static const enum sql_form forms[] = {
        [ATTR_S] = SQL_S,   [ATTR_N] = SQL_N,   [ATTR_B] = SQL_B,   [ATTR_BOOL] = SQL_BOOL, [ATTR_NULL] = SQL_VALUE,
        [ATTR_SS] = SQL_SS, [ATTR_NS] = SQL_SS, [ATTR_BS] = SQL_SS, [ATTR_L] = SQL_NATIVE,  [ATTR_M] = SQL_NATIVE,
    };
    return forms[type];
}

void sql_around(enum sql_form form, enum column_type type, const char **before, const char **after) {
    const struct wrap *w = &wraps[form][type];
    *before = w->before ? w->before : "";
    *after = w->after ? w->after : "";
}

/* ---- values */

static void put_column_value(struct buf *out, const struct entity *entity, const struct expr *e) {
    const struct node *node = entity->nodes[e->node];
    defer(buf_deinit) struct buf name = BUF_SMALL(256, 4096);
    sql_put_column(&name, node, e->column);
    const char *column = buf_text(&name);
    switch (node->source->columns[e->column].column->type) {
    case COLUMN_TEXT:
    case COLUMN_ENUM:
    case COLUMN_SET:
        buf_printf(out, "CONVERT(%s USING utf8mb4)", column);
        break;
    case COLUMN_DATE:
    case COLUMN_DATETIME:
    case COLUMN_TIMESTAMP:
        buf_printf(out, "IF(MONTH(%s) AND DAYOFMONTH(%s), %s, NULL)", column, column, column);
        break;
    case COLUMN_BIT:
    case COLUMN_YEAR:
        buf_printf(out, "(%s + 0)", column);
        break;
    default:
        buf_put_text(out, column);
        break;
    }
}

/* TIMESTAMP'...' is a DATETIME literal. */
static void put_time_literal(struct buf *out, const struct value *v) {
    defer(buf_deinit) struct buf text = BUF_SMALL(64, 256);
    value_put_text(&text, v);
    char *t = text.len ? memchr(text.data, 'T', text.len) : NULL;
    if (t)
        *t = ' ';
    buf_printf(out, "%s'%s'", v->kind == VALUE_TIME ? "TIME" : "TIMESTAMP", buf_text(&text));
}

static void put_literal(struct buf *out, const struct value *v) {
    char number[64];
    switch ((enum value_kind)v->kind) {
    case VALUE_INT:
    case VALUE_UINT:
    case VALUE_DECIMAL:
        value_put_text(out, v);
        break;
    case VALUE_DOUBLE:
        snprintf(number, sizeof(number), "%.17g", v->d);
        buf_printf(out, "%s%s", number, strchr(number, 'e') ? "" : "e0");
        break;
    case VALUE_TEXT:
        sql_put_text(out, value_slice(v));
        break;
    case VALUE_DATETIME:
    case VALUE_TIME:
        put_time_literal(out, v);
        break;
    default:
        buf_put_text(out, "NULL");
        break;
    }
}

static void put_args(struct buf *out, const struct entity *entity, const struct expr *e, size_t from,
                     enum sql_form form, const char *between) {
    for (size_t i = from; i < e->arg_count; i++) {
        if (i > from)
            buf_put_text(out, between);
        sql_put_expr(out, entity, e->args[i], form);
    }
}

static void put_compare(struct buf *out, const struct entity *entity, const struct expr *e) {
    static const char *const signs[] = {
        [OP_EQUAL] = "=",
        [OP_NOT_EQUAL] = "<>",
        [OP_LESS] = "<",
        [OP_LESS_EQUAL] = "<=",
        [OP_GREATER] = ">",
        [OP_GREATER_EQUAL] = ">=",
        [OP_NULL_SAFE_EQUAL] = "<=>",
    };
    buf_put_char(out, '(');
    sql_put_expr(out, entity, e->args[0], SQL_COMPARE);
    buf_printf(out, " %s ", signs[e->op]);
    sql_put_expr(out, entity, e->args[1], SQL_COMPARE);
    buf_put_char(out, ')');
}

/* As equalities: MySQL's IN looks for one type for all. */
static void put_in(struct buf *out, const struct entity *entity, const struct expr *e) {
    for (size_t i = 1; i < e->arg_count; i++) {
        buf_put_text(out, i > 1 ? " OR " : "(");
        sql_put_expr(out, entity, e->args[0], SQL_COMPARE);
        buf_put_text(out, " = ");
        sql_put_expr(out, entity, e->args[i], SQL_COMPARE);
    }
    buf_put_char(out, ')');
}

/* A branch's value as the type of all of them; the form follows behind it. */
static void put_branch(struct buf *out, const struct entity *entity, const struct expr *e, const struct expr *branch,
                       enum sql_form form) {
    const char *type = e->type == COLUMN_TIME ? "TIME" : "DATETIME";
    if (!e->converts || (e->kind == EXPR_CASE && e->type == COLUMN_DECIMAL)) {
        sql_put_expr(out, entity, branch, form);
    } else if (e->type == COLUMN_TEXT) {
        sql_put_expr(out, entity, branch, SQL_S);
    } else if (e->type == COLUMN_DATETIME || e->type == COLUMN_TIMESTAMP || e->type == COLUMN_TIME) {
        buf_put_text(out, "CAST(");
        sql_put_expr(out, entity, branch, SQL_VALUE);
        buf_printf(out, " AS %s(%u))", type, e->digits);
    } else {
        sql_put_expr(out, entity, branch, SQL_NUMBER);
        if (e->type == COLUMN_DOUBLE)
            buf_put_text(out, " + 0e0");
    }
}

static void put_case(struct buf *out, const struct entity *entity, const struct expr *e, enum sql_form form) {
    buf_put_text(out, "CASE");
    for (size_t i = 0; i + 1 < e->arg_count; i += 2) {
        buf_put_text(out, " WHEN ");
        sql_put_expr(out, entity, e->args[i], SQL_VALUE);
        buf_put_text(out, " THEN ");
        put_branch(out, entity, e, e->args[i + 1], form);
    }
    buf_put_text(out, " ELSE ");
    put_branch(out, entity, e, e->args[e->arg_count - 1], form);
    buf_put_text(out, " END");
}

static void put_coalesce(struct buf *out, const struct entity *entity, const struct expr *e, enum sql_form form) {
    buf_put_text(out, "COALESCE(");
    for (size_t i = 0; i < e->arg_count; i++) {
        buf_put_text(out, i ? ", " : "");
        put_branch(out, entity, e, e->args[i], form);
    }
    buf_put_char(out, ')');
}

/* CONCAT_WS would make an empty text of NULLs. */
static void put_joined(struct buf *out, const struct entity *entity, const struct expr *e) {
    buf_put_text(out, "IF(COALESCE(");
    put_args(out, entity, e, 0, SQL_S, ", ");
    buf_put_text(out, ") IS NULL, NULL, CONCAT_WS(");
    sql_put_text(out, value_slice(&e->literal));
    buf_put_text(out, ", ");
    put_args(out, entity, e, 0, SQL_S, ", ");
    buf_put_text(out, "))");
}

static void put_value(struct buf *out, const struct entity *entity, const struct expr *e) {
    switch (e->kind) {
    case EXPR_COLUMN:
        put_column_value(out, entity, e);
        break;
    case EXPR_LITERAL:
        put_literal(out, &e->literal);
        break;
    case EXPR_COMPARE:
        put_compare(out, entity, e);
        break;
    case EXPR_AND:
    case EXPR_OR:
        buf_put_char(out, '(');
        put_args(out, entity, e, 0, SQL_VALUE, e->kind == EXPR_AND ? " AND " : " OR ");
        buf_put_char(out, ')');
        break;
    case EXPR_HAS_ROW:
        buf_put_char(out, '(');
        sql_put_column(out, entity->nodes[e->node], 0);
        buf_put_text(out, " IS NOT NULL)");
        break;
    case EXPR_NOT:
        buf_put_text(out, "(NOT ");
        sql_put_expr(out, entity, e->args[0], SQL_VALUE);
        buf_put_char(out, ')');
        break;
    case EXPR_IS_NULL:
        buf_put_char(out, '(');
        sql_put_expr(out, entity, e->args[0], SQL_VALUE);
        buf_put_text(out, " IS NULL)");
        break;
    case EXPR_IN:
        put_in(out, entity, e);
        break;
    case EXPR_CASE:
        put_case(out, entity, e, SQL_VALUE);
        break;
    case EXPR_COALESCE:
        put_coalesce(out, entity, e, SQL_VALUE);
        break;
    case EXPR_CALL:
        sql_put_call(out, entity, e);
        break;
    case EXPR_JOINED:
        put_joined(out, entity, e);
        break;
    }
}

void sql_put_expr(struct buf *out, const struct entity *entity, const struct expr *e, enum sql_form form) {
    const struct wrap *w = &wraps[form][e->type];
    bool arithmetic = e->kind == EXPR_CALL && e->type == COLUMN_INT && strchr("+-*/", e->function->name[0]);
    if (e->kind == EXPR_LITERAL && (e->literal.kind == VALUE_NULL || form == SQL_NUMBER)) {
        put_literal(out, &e->literal);
    } else if (e->kind == EXPR_CASE && (!e->converts || e->type == COLUMN_DECIMAL)) { /* each with its own scale */
        put_case(out, entity, e, form);
    } else if (e->kind == EXPR_COALESCE && !e->converts && e->type != COLUMN_JSON) {
        put_coalesce(out, entity, e, form);
    } else if (!w->before ||
               (arithmetic && form == SQL_NUMBER)) { /* it is a DECIMAL, and may have more than 20 digits */
        put_value(out, entity, e);
    } else {
        buf_put_text(out, w->before);
        if (w->bare && e->kind == EXPR_COLUMN)
            sql_put_column(out, entity->nodes[e->node], e->column);
        else
            put_value(out, entity, e);
        buf_put_text(out, w->after);
    }
}
