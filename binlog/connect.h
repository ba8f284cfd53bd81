/* A connection to the source, through libmysqlclient: TLS, timeouts, session settings. */
#pragma once

#include "contract/position.h"
#include "contract/schema.h"

enum tls_mode { TLS_VERIFY_IDENTITY, TLS_VERIFY_CA, TLS_REQUIRED, TLS_DISABLED };

struct source_options {
    const char *host;
    unsigned port;
    const char *socket; /* NULL: TCP */
    const char *database;
    const char *username;
    const char *password; /* never logged */
    enum tls_mode tls_mode;
    const char *tls_ca; /* NULL: the system's */
    unsigned server_id; /* ours, as a replica */
    unsigned heartbeat_s;
    unsigned connect_timeout_s;
};

struct connection; /* wraps MYSQL; not shared between threads */

/* Connects and sets the session (time_zone +00:00, sql_mode '', binary result character set, read timeout of three heartbeats). No option files,
 * no LOCAL INFILE. ERR_SOURCE_LOST when trying again may help (host away, timeout), ERR_SOURCE when not (password, TLS, grants). */
int connection_open(struct connection **ret, const struct source_options *options, struct error *error) must_check;
void connection_close(struct connection *c); /* accepts NULL */
/* Makes a call that waits for the server in another thread fail soon. The connection is good for closing only. */
void connection_interrupt(struct connection *c);

struct server_facts {
    char uuid[37];
    char version[64];
    unsigned version_number; /* 90704 */
    bool gtid_mode_on;
    bool row_metadata_full;
    bool row_image_full;
    bool cascades_logged; /* 9.6 and later without innodb_native_foreign_keys */
    bool binlog_on;
    bool row_format;
    bool
        names_folded; /* lower_case_table_names: events have table names in lower case, statements as they were typed */
};
int server_facts_read(struct connection *c, struct server_facts *ret, struct error *error) must_check;

/* Positions of the source. `executed` is gtid_executed, which is updated after a transaction is visible to reads;
 * the binlog's end is ahead of it. Where the server has no GTIDs the GTID sets are empty and, for `executed`, the file position is read
 * under LOCK TABLES ... READ of `tables`. */
int source_position_executed(struct connection *c, const char *database, const char *const *tables, size_t table_count,
                             struct position *ret, struct error *error) must_check;
int source_position_end(struct connection *c, struct position *ret, struct error *error) must_check;
/* The oldest one that the binlog still has: the GTIDs that were purged, or else the first file. */
int source_position_start(struct connection *c, bool by_gtid, struct position *ret, struct error *error) must_check;
/* gtid_purged; and whether the binlog still reaches back to `from` (ERR_SOURCE with what is missing when not). */
int source_reaches_back(struct connection *c, const struct position *from, struct error *error) must_check;

/* The schema of the named tables (absent ones are left out), with keys and foreign keys, into `arena`. */
int schema_read(struct connection *c, const char *database, const char *const *tables, size_t table_count,
                struct arena *arena, struct schema *ret, struct error *error) must_check;
/* Names of all tables of `database` that have a foreign key with a changing rule from or to the named tables,
 * transitively, the named ones included: what a cascade may run through. */
int schema_cascade_tables(struct connection *c, const char *database, const char *const *tables, size_t table_count,
                          struct arena *arena, const char *const **ret, size_t *ret_count,
                          struct error *error) must_check;

/* Bytes of binlog between two positions of this server, by the sizes of its files; 0 when `to` is not ahead or a file is unknown. For lag. */
int source_bytes_between(struct connection *c, const struct position *from, const struct position *to, uint64_t *ret,
                         struct error *error) must_check;

/* Begins, on `c`, a transaction that sees all of `tables` as they are at *ret_position exactly, and keeps it until the connection ends. For a moment
 * the tables are locked (on a second connection, LOCK TABLES ... READ), with no XA transaction prepared. For servers that do not log cascades. */
int consistent_view(struct connection *c, const struct source_options *options, const char *const *tables,
                    size_t table_count, struct position *ret_position, struct error *error) must_check;
