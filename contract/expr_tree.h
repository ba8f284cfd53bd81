/* The inside of expressions: what the compiler builds and expr_eval() walks. */
#pragma once

#include "contract/contract.h"

enum expr_kind {
    EXPR_COLUMN,  /* node, column */
    EXPR_LITERAL, /* literal */
    EXPR_COMPARE, /* op; two args */
    EXPR_AND,
    EXPR_OR,
    EXPR_HAS_ROW,  /* node: is there a row? */
    EXPR_NOT,      /* one arg */
    EXPR_IS_NULL,  /* one arg */
    EXPR_IN,       /* the first arg is sought among the others */
    EXPR_CASE,     /* condition, value, condition, value, ..., and the value when none is true */
    EXPR_COALESCE, /* the first arg that is not NULL */
    EXPR_CALL,     /* function */
    EXPR_JOINED,   /* texts of the args that are not NULL, with `literal` between; NULL when all are */
};

enum expr_op { OP_EQUAL, OP_NOT_EQUAL, OP_LESS, OP_LESS_EQUAL, OP_GREATER, OP_GREATER_EQUAL, OP_NULL_SAFE_EQUAL };

struct expr_function;

struct expr {
    enum expr_kind kind;
    enum expr_op op;
    enum column_type type; /* of the value; COLUMN_UNSUPPORTED for a literal NULL */
    uint8_t digits;        /* of the value: scale of exact numbers, fraction digits of temporals */
    bool converts;         /* CASE, COALESCE: the branches differ, and become values of `type` and `digits` */
    unsigned node;
    unsigned column;  /* while the contract is compiled a number of the table, then of the source */
    const char *name; /* of the column, with its table */
    struct value literal;
    const struct expr_function *function;
    struct expr **args;
    size_t arg_count;
};
