/* Statements, results and quoting; and which client errors mean "try again". */
#include "binlog/client.h"

#include <errmsg.h>
#include <mysqld_error.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/* Errors by number. Those not named here need somebody. */
static const struct {
    unsigned number;
    int code;
    const char *remedy;
} errors[] = {
    {CR_CONNECTION_ERROR, ERR_SOURCE_LOST, "is mysqld running, and is the socket's path right?"},
    {CR_CONN_HOST_ERROR, ERR_SOURCE_LOST,
     "is mysqld running, and are database.mysql.host and database.mysql.port right?"},
    {CR_SOCKET_CREATE_ERROR, ERR_SOURCE_LOST, NULL},
    {CR_IPSOCK_ERROR, ERR_SOURCE_LOST, NULL},
    {CR_UNKNOWN_HOST, ERR_SOURCE_LOST, "does database.mysql.host resolve?"},
    {CR_SERVER_GONE_ERROR, ERR_SOURCE_LOST, NULL},
    {CR_SERVER_HANDSHAKE_ERR, ERR_SOURCE_LOST, NULL},
    {CR_SERVER_LOST, ERR_SOURCE_LOST, NULL},
    {CR_SERVER_LOST_EXTENDED, ERR_SOURCE_LOST, NULL},
    {CR_MALFORMED_PACKET, ERR_SOURCE_LOST, NULL},
    {CR_COMMANDS_OUT_OF_SYNC, ERR_SOURCE_LOST, NULL},
    {CR_SSL_CONNECTION_ERROR, ERR_SOURCE,
     "set database.mysql.tls.ca to the authority that signed the server's certificate, or database.mysql.tls.mode to "
     "verify-ca when the "
     "certificate does not bear the host's name"},
    {CR_AUTH_PLUGIN_CANNOT_LOAD, ERR_SOURCE,
     "create the user with caching_sha2_password; for a MySQL 5.7, which has none, install the "
     "client library's plugin mysql_native_password (Debian: mysql-client-core) or use sha256_password"},
    {CR_AUTH_PLUGIN_ERR, ERR_SOURCE, "caching_sha2_password without TLS needs the server's RSA key: use TLS"},
    {ER_CON_COUNT_ERROR, ERR_SOURCE_LOST, "raise max_connections on the source"},
    {ER_SERVER_SHUTDOWN, ERR_SOURCE_LOST, NULL},
    {ER_CLIENT_INTERACTION_TIMEOUT, ERR_SOURCE_LOST, NULL},
    {ER_NET_READ_ERROR, ERR_SOURCE_LOST, NULL},
    {ER_NET_READ_INTERRUPTED, ERR_SOURCE_LOST, NULL},
    {ER_NET_ERROR_ON_WRITE, ERR_SOURCE_LOST, NULL},
    {ER_NET_WRITE_INTERRUPTED, ERR_SOURCE_LOST, NULL},
    {ER_NET_PACKETS_OUT_OF_ORDER, ERR_SOURCE_LOST, NULL},
    {ER_QUERY_INTERRUPTED, ERR_SOURCE_LOST, NULL},
    {ER_SERVER_ISNT_AVAILABLE, ERR_SOURCE_LOST, NULL},
    {ER_LOCK_WAIT_TIMEOUT, ERR_SOURCE_LOST, NULL},
    {ER_LOCK_DEADLOCK, ERR_SOURCE_LOST, NULL},
    {ER_USER_LIMIT_REACHED, ERR_SOURCE_LOST, "raise the user's resource limits"},
    {ER_HOST_IS_BLOCKED, ERR_SOURCE, "run FLUSH HOSTS on the source (TRUNCATE TABLE performance_schema.host_cache)"},
    {ER_ACCESS_DENIED_ERROR, ERR_SOURCE, "check database.mysql.username and the password it uses"},
    {ER_DBACCESS_DENIED_ERROR, ERR_SOURCE, "grant SELECT on the database (leat check --grants prints the statements)"},
    {ER_TABLEACCESS_DENIED_ERROR, ERR_SOURCE, "grant SELECT on the table (leat check --grants prints the statements)"},
    {ER_SPECIFIC_ACCESS_DENIED_ERROR, ERR_SOURCE, "grant it (leat check --grants prints the statements)"},
    {ER_BAD_DB_ERROR, ERR_SOURCE, "check database.mysql.database"},
    {ER_SECURE_TRANSPORT_REQUIRED, ERR_SOURCE, "set database.mysql.tls.mode to verify-identity"},
};

/* A TLS handshake that was cut off reads like a TLS error; a server that restarts makes them. */
static bool was_cut_off(const char *text) {
    static const char *const signs[] = {"eof", "EOF", "SYSCALL", "reset", "timed out", "system call"};
    for (size_t i = 0; i < ARRAY_LEN(signs); i++)
        if (strstr(text, signs[i]))
            return true;
    return false;
}

int client_error_class(unsigned number, const char *text) {
    if (number == CR_SSL_CONNECTION_ERROR && was_cut_off(text))
        return ERR_SOURCE_LOST;
    for (size_t i = 0; i < ARRAY_LEN(errors); i++)
        if (errors[i].number == number)
            return errors[i].code;
    return ERR_SOURCE;
}

/* MySQL 5.7 up to .27 was built with a TLS that ends at 1.1. */
static bool speaks_old_tls(const char *text) {
    return strstr(text, "unsupported protocol") != NULL;
}

static const char *remedy_of(unsigned number, const char *text) {
    if (number == CR_SSL_CONNECTION_ERROR && speaks_old_tls(text))
        return "the server has no TLS 1.2: upgrade it, or set database.mysql.tls.mode to disabled and reach it through "
               "a "
               "tunnel or its socket";
    for (size_t i = 0; i < ARRAY_LEN(errors); i++)
        if (errors[i].number == number)
            return errors[i].remedy;
    return NULL;
}

static int fail(struct connection *c, unsigned number, const char *text, const char *doing, struct error *error) {
    const char *remedy = remedy_of(number, text);
    return error_set(error, client_error_class(number, text), "MySQL at %s: %s: %s (error %u)%s%s", c->where, doing,
                     text, number, remedy ? "; " : "", remedy ? remedy : "");
}

int client_fail(struct connection *c, const char *doing, struct error *error) {
    return fail(c, mysql_errno(&c->mysql), mysql_error(&c->mysql), doing, error);
}

int client_statement_fail(struct connection *c, MYSQL_STMT *statement, const char *doing, struct error *error) {
    return fail(c, mysql_stmt_errno(statement), mysql_stmt_error(statement), doing, error);
}

static int query(struct connection *c, struct error *error, const char *format, va_list args) {
    struct buf sql defer(buf_deinit) = BUF_INIT(16 * 1024 * 1024);
    va_list again;
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, format, again);
    va_end(again);
    char *to = n >= 0 ? buf_reserve(&sql, (size_t)n + 1) : NULL;
    if (!to)
        return error_set(error, ERR_SOURCE, "a statement for MySQL is too long");
    vsnprintf(to, (size_t)n + 1, format, args);
    if (mysql_real_query(&c->mysql, to, (unsigned long)n) != 0) {
        char doing[120];
        snprintf(doing, sizeof(doing), "%s", to);
        return client_fail(c, doing, error);
    }
    return 0;
}

int client_run(struct connection *c, struct error *error, const char *format, ...) {
    va_list args;
    va_start(args, format);
    int r = query(c, error, format, args);
    va_end(args);
    if (r)
        return r;
    mysql_free_result(mysql_store_result(&c->mysql)); /* accepts NULL: most have no rows */
    return 0;
}

int client_select(struct connection *c, struct client_rows *ret, struct error *error, const char *format, ...) {
    va_list args;
    va_start(args, format);
    int r = query(c, error, format, args);
    va_end(args);
    if (r)
        return r;
    MYSQL_RES *result = mysql_store_result(&c->mysql);
    if (!result)
        return client_fail(c, "reading a result", error);
    *ret = (struct client_rows){.result = result, .columns = mysql_num_fields(result)};
    return 0;
}

bool client_next(struct client_rows *r) {
    r->row = mysql_fetch_row(r->result);
    r->lengths = r->row ? mysql_fetch_lengths(r->result) : NULL;
    return r->row != NULL;
}

struct slice client_text(const struct client_rows *r, unsigned column) {
    if (!r->row || column >= r->columns || !r->row[column])
        return (struct slice){NULL, 0};
    return (struct slice){r->row[column], r->lengths[column]};
}

const char *client_string(const struct client_rows *r, unsigned column) {
    struct slice s = client_text(r, column);
    return s.data ? s.data : ""; /* the library ends each value with a zero byte */
}

uint64_t client_number(const struct client_rows *r, unsigned column) {
    return strtoull(client_string(r, column), NULL, 10);
}

void client_rows_deinit(struct client_rows *r) {
    if (r && r->result)
        mysql_free_result(r->result);
    if (r)
        *r = (struct client_rows){0};
}

void client_quote(struct buf *buf, const char *text) {
    buf_put_char(buf, '\'');
    for (; *text; text++) { /* sql_mode is '': a backslash escapes */
        if (*text == '\'' || *text == '\\')
            buf_put_char(buf, '\\');
        buf_put_char(buf, *text);
    }
    buf_put_char(buf, '\'');
}

void client_identifier(struct buf *buf, const char *name) {
    buf_put_char(buf, '`');
    for (; *name; name++) {
        if (*name == '`')
            buf_put_char(buf, '`');
        buf_put_char(buf, *name);
    }
    buf_put_char(buf, '`');
}

void client_quote_list(struct buf *buf, const char *const *texts, size_t count) {
    if (count == 0)
        buf_put_text(buf, "NULL"); /* IN (NULL) is never true */
    for (size_t i = 0; i < count; i++) {
        if (i)
            buf_put_char(buf, ',');
        client_quote(buf, texts[i]);
    }
}

int client_lock_tables(struct connection *c, const char *database, const char *const *tables, size_t count,
                       struct error *error) {
    struct buf sql defer(buf_deinit) = BUF_INIT(1024 * 1024);
    buf_put_text(&sql, "LOCK TABLES ");
    for (size_t i = 0; i < count; i++) {
        if (i)
            buf_put_text(&sql, ", ");
        client_identifier(&sql, database);
        buf_put_char(&sql, '.');
        client_identifier(&sql, tables[i]);
        buf_put_text(&sql, " READ");
    }
    return client_run(c, error, "%s", buf_text(&sql));
}
