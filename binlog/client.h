/* What the files of this folder share of a connection: statements, results, quoting, and the classes of client errors. */
#pragma once

#include "binlog/connect.h"

#include <mysql.h>

struct connection {
    MYSQL mysql;
    unsigned server_id;
    unsigned heartbeat_s;
    char where[320]; /* "HOST:PORT as USER", for messages */
};

/* Turns the connection's last error into a code (ERR_SOURCE_LOST or ERR_SOURCE), a text and, where one is known, a remedy. */
int client_fail(struct connection *c, const char *doing, struct error *error) must_check;
int client_statement_fail(struct connection *c, MYSQL_STMT *statement, const char *doing,
                          struct error *error) must_check;
int client_error_class(unsigned number, const char *text);

int client_run(struct connection *c, struct error *error, const char *format, ...) printf_like(3, 4) must_check;

/* A result that was read whole. `for (...; client_next(&r);)` then client_text(&r, column). */
struct client_rows {
    MYSQL_RES *result;
    MYSQL_ROW row;
    unsigned long *lengths;
    unsigned columns;
};
int client_select(struct connection *c, struct client_rows *ret, struct error *error, const char *format, ...)
    printf_like(4, 5) must_check;
bool client_next(struct client_rows *r);
struct slice client_text(const struct client_rows *r, unsigned column);  /* {NULL, 0} for NULL and missing columns */
const char *client_string(const struct client_rows *r, unsigned column); /* "" for NULL */
uint64_t client_number(const struct client_rows *r, unsigned column);
void client_rows_deinit(struct client_rows *r);

/* 'text' with its quotes; `name` with its backticks; 'a','b','c'. */
void client_quote(struct buf *buf, const char *text);
void client_identifier(struct buf *buf, const char *name);
void client_quote_list(struct buf *buf, const char *const *texts, size_t count);

/* LOCK TABLES ... READ: waits for those who write them, and holds others off until UNLOCK TABLES or the connection's end. */
int client_lock_tables(struct connection *c, const char *database, const char *const *tables, size_t count,
                       struct error *error) must_check;
