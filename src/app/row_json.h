/* Row changes and transactions as JSON lines, values as MySQL's SELECT prints them (docs/operations.md, "leat decode"). */
#pragma once

#include "binlog/rows.h"

/* A table's part of its lines, escaped once. */
struct row_json_table {
    const char *name;      /* "shop.orders" */
    struct slice head;     /* ,"table":"shop.orders","kind": */
    struct slice *columns; /* "name": */
};
void row_json_table_init(struct row_json_table *ret, const struct table *table, struct arena *arena);

/* What all lines of a transaction begin with: {"position":...,"gtid":...,"timestamp":... */
void row_json_put_head(struct buf *out, const struct txn_end *end);

/* Each appends one whole line. `head` is what row_json_put_head() wrote; `number` counts the rows of the transaction from 1. */
void row_json_put_change(struct buf *out, struct slice head, const struct row_json_table *table,
                         const struct row_change *change, uint64_t number);
/* kind "statement" for what may have changed rows, else "ddl". */
void row_json_put_statement(struct buf *out, struct slice head, const struct logged_statement *statement);

/* The value alone. */
void row_json_put_value(struct buf *out, const struct value *v);
void row_json_put_string(struct buf *out, struct slice utf8); /* valid UTF-8, quoted and escaped */
