/* What the server says of itself and of its binlog: facts, positions, and whether the binlog reaches back. */
#include "binlog/client.h"
#include "binlog/event.h"
#include "src/base/sys.h"

#include <mysqld_error.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

static bool is_on(const char *text) {
    return strcmp(text, "1") == 0 || strcasecmp(text, "ON") == 0;
}

static void take_fact(struct server_facts *f, const char *name, const char *value, bool *native_keys) {
    if (strcasecmp(name, "server_uuid") == 0)
        snprintf(f->uuid, sizeof(f->uuid), "%s", value);
    else if (strcasecmp(name, "version") == 0)
        snprintf(f->version, sizeof(f->version), "%s", value);
    else if (strcasecmp(name, "gtid_mode") == 0)
        f->gtid_mode_on = strcasecmp(value, "ON") == 0;
    else if (strcasecmp(name, "binlog_row_metadata") == 0)
        f->row_metadata_full = strcasecmp(value, "FULL") == 0;
    else if (strcasecmp(name, "binlog_row_image") == 0)
        f->row_image_full = strcasecmp(value, "FULL") == 0;
    else if (strcasecmp(name, "innodb_native_foreign_keys") == 0)
        *native_keys = is_on(value);
    else if (strcasecmp(name, "lower_case_table_names") == 0)
        f->names_folded = strcmp(value, "0") != 0;
    else if (strcasecmp(name, "log_bin") == 0)
        f->binlog_on = is_on(value);
    else if (strcasecmp(name, "binlog_format") == 0)
        f->row_format = strcasecmp(value, "ROW") == 0;
}

int server_facts_read(struct connection *c, struct server_facts *ret, struct error *error) {
    struct server_facts f = {.row_format = true}; /* servers that no longer have binlog_format know rows only */
    bool native_keys = false;
    struct client_rows rows defer(client_rows_deinit) = {0};
    int r = client_select(
        c, &rows, error,
        "SHOW GLOBAL VARIABLES WHERE Variable_name IN ('server_uuid','version','gtid_mode','binlog_row_metadata',"
        "'binlog_row_image','innodb_native_foreign_keys','log_bin','binlog_format','lower_case_table_names')");
    if (r)
        return r;
    while (client_next(&rows))
        take_fact(&f, client_string(&rows, 0), client_string(&rows, 1), &native_keys);
    if (strstr(f.version, "MariaDB"))
        return error_set(error, ERR_SOURCE, "the source is %s: MariaDB is not supported", f.version);
    f.version_number = version_number(f.version);
    f.cascades_logged = f.version_number >= 90600 && !native_keys;
    *ret = f;
    return 0;
}

/* ---- positions */

static int read_gtids(struct connection *c, const char *variable, struct gtid_set *ret, struct error *error) {
    struct client_rows rows defer(client_rows_deinit) = {0};
    int r = client_select(c, &rows, error, "SELECT @@GLOBAL.%s", variable);
    if (r)
        return r;
    if (!client_next(&rows))
        return error_set(error, ERR_SOURCE, "MySQL at %s did not tell %s", c->where, variable);
    r = gtid_set_parse(ret, client_text(&rows, 0), error);
    return r ? error_wrap(error, ERR_SOURCE, "%s", variable) : 0;
}

/* SHOW BINARY LOG STATUS (8.2 and later), SHOW MASTER STATUS before. */
static int read_file(struct connection *c, const struct server_facts *facts, struct position *p, struct error *error) {
    struct client_rows rows defer(client_rows_deinit) = {0};
    const char *sql = facts->version_number >= 80200 ? "SHOW BINARY LOG STATUS" : "SHOW MASTER STATUS";
    int r = client_select(c, &rows, error, "%s", sql);
    if (r)
        return r;
    if (!client_next(&rows))
        return error_set(error, ERR_SOURCE, "MySQL at %s writes no binlog: start it with log_bin", c->where);
    snprintf(p->file, sizeof(p->file), "%s", client_string(&rows, 0));
    p->offset = client_number(&rows, 1);
    memcpy(p->server_uuid, facts->uuid, sizeof(p->server_uuid));
    return 0;
}

/* GTIDs that are given to transactions which are not yet in gtid_executed: "uuid:5#31:6#32,...", with the threads' numbers. */
static int read_owned(struct connection *c, struct gtid_set *ret, struct error *error) {
    struct client_rows rows defer(client_rows_deinit) = {0};
    struct buf text defer(buf_deinit) = BUF_INIT(16 * 1024 * 1024);
    int r = client_select(c, &rows, error, "SELECT @@GLOBAL.gtid_owned");
    if (r)
        return r;
    struct slice owned = client_next(&rows) ? client_text(&rows, 0) : (struct slice){NULL, 0};
    bool thread = false;
    for (size_t i = 0; i < owned.len; i++) {
        thread = owned.data[i] == '#' || (thread && owned.data[i] >= '0' && owned.data[i] <= '9');
        if (!thread)
            buf_put_char(&text, owned.data[i]);
    }
    r = gtid_set_parse(ret, buf_slice(&text), error);
    return r ? error_wrap(error, ERR_SOURCE, "gtid_owned") : 0;
}

enum { OWNED_POLL_MS = 2, OWNED_PATIENCE_MS = 10000 };

/* What is visible to reads may be in gtid_executed a moment later only: whatever was owned is waited for. A session may own a GTID for as
 * long as it likes (SET gtid_next), but a transaction is visible and not in gtid_executed for an instant, so the patience ends. */
static int wait_for_owned(struct connection *c, struct error *error) {
    struct gtid_set owned defer(gtid_set_deinit) = {0}, now defer(gtid_set_deinit) = {0},
                          gone defer(gtid_set_deinit) = {0};
    int r = read_owned(c, &owned, error);
    for (int64_t waited_ms = 0; r == 0 && !gtid_set_empty(&owned) && waited_ms < OWNED_PATIENCE_MS;
         waited_ms += OWNED_POLL_MS) {
        sys.sleep_ms(OWNED_POLL_MS);
        r = read_owned(c, &now, error);
        gtid_set_copy(&gone, &owned);
        gtid_set_subtract(&gone, &now);
        gtid_set_subtract(&owned, &gone);
    }
    return r;
}

/* The file position may be ahead of gtid_executed: the set alone tells where to read on. A server without any transaction has an empty
 * set; there the beginning of the file will do. */
static void forget_place(struct position *p) {
    bool fresh = gtid_set_empty(&p->gtids);
    p->offset = fresh ? 4 : 0;
    if (!fresh)
        p->file[0] = 0;
}

/* gtid_executed is updated after a transaction became visible to reads: the file position, asked before, may be behind it, which
 * only means reading a little again. Without GTIDs writers are held off for a moment, so that nothing is between the binlog and the tables. */
int source_position_executed(struct connection *c, const char *database, const char *const *tables, size_t table_count,
                             struct position *ret, struct error *error) {
    struct server_facts facts;
    int r = server_facts_read(c, &facts, error);
    if (r)
        return r;
    struct position p = {0};
    if (facts.gtid_mode_on) {
        r = read_file(c, &facts, &p, error);
        if (r == 0)
            r = read_gtids(c, "gtid_executed", &p.gtids, error);
        if (r == 0)
            forget_place(&p);
    } else if (table_count == 0) {
        r = error_set(error, ERR_BUG, "without GTIDs a position needs the tables that it is for");
    } else {
        r = client_lock_tables(c, database, tables, table_count, error);
        if (r == 0)
            r = read_file(c, &facts, &p, error);
        int unlocked = client_run(c, r ? NULL : error, "UNLOCK TABLES");
        r = r ? r : unlocked;
    }
    if (r) {
        position_deinit(&p);
        return r;
    }
    position_deinit(ret);
    *ret = p;
    return 0;
}

int source_position_end(struct connection *c, struct position *ret, struct error *error) {
    struct server_facts facts;
    struct position p = {0};
    int r = server_facts_read(c, &facts, error);
    if (r == 0)
        r = read_file(c, &facts, &p, error);
    if (r == 0 && facts.gtid_mode_on)
        r = wait_for_owned(c, error);
    if (r == 0 && facts.gtid_mode_on)
        r = read_gtids(c, "gtid_executed", &p.gtids, error);
    if (r) {
        position_deinit(&p);
        return r;
    }
    position_deinit(ret);
    *ret = p;
    return 0;
}

int source_position_start(struct connection *c, bool by_gtid, struct position *ret, struct error *error) {
    struct position p = {0};
    if (by_gtid) {
        int r = read_gtids(c, "gtid_purged", &p.gtids, error);
        if (r)
            return r;
    } else {
        struct client_rows rows defer(client_rows_deinit) = {0};
        int r = client_select(c, &rows, error, "SHOW BINARY LOGS");
        if (r)
            return r;
        if (!client_next(&rows))
            return error_set(error, ERR_SOURCE, "MySQL at %s writes no binlog: start it with log_bin", c->where);
        snprintf(p.file, sizeof(p.file), "%s", client_string(&rows, 0));
        p.offset = 4;
    }
    position_deinit(ret);
    *ret = p;
    return 0;
}

/* ---- does the binlog reach back? */

static int wait_executed(struct connection *c, const char *gtids, bool *ret, struct error *error) {
    struct client_rows rows defer(client_rows_deinit) = {0};
    int r = client_select(c, &rows, error, "SELECT WAIT_FOR_EXECUTED_GTID_SET('%s', 1)", gtids);
    if (r)
        return r;
    *ret = client_next(&rows) && strcmp(client_string(&rows, 0), "0") == 0;
    return 0;
}

static int check_purged(struct connection *c, const struct position *from, struct error *error) {
    struct gtid_set purged defer(gtid_set_deinit) = {0};
    struct buf text defer(buf_deinit) = BUF_INIT(1000);
    int r = read_gtids(c, "gtid_purged", &purged, error);
    if (r)
        return r;
    gtid_set_subtract(&purged, &from->gtids);
    if (gtid_set_empty(&purged))
        return 0;
    gtid_set_format(&purged, &text);
    return error_set(
        error, ERR_SOURCE,
        "MySQL at %s has purged binlogs that are still needed: %llu transactions are missing (%s); " START_OVER
        " and raise binlog_expire_logs_seconds",
        c->where, (unsigned long long)gtid_set_count(&purged), buf_text(&text));
}

static int reaches_back_by_gtid(struct connection *c, const struct position *from, struct error *error) {
    struct gtid_set executed defer(gtid_set_deinit) = {0}, lost defer(gtid_set_deinit) = {0};
    struct buf text defer(buf_deinit) = BUF_INIT(1000);
    int r = read_gtids(c, "gtid_executed", &executed, error);
    if (r)
        return r;
    gtid_set_copy(&lost, &from->gtids);
    gtid_set_subtract(&lost, &executed);
    if (!gtid_set_empty(&lost)) { /* a transaction may be in the binlog a moment before it is in gtid_executed */
        bool arrived = false;
        gtid_set_format(&lost, &text);
        r = wait_executed(c, buf_text(&text), &arrived, error);
        if (r || arrived)
            return r ? r : check_purged(c, from, error);
        return error_set(error, ERR_SOURCE,
                         "MySQL at %s lacks transactions behind which reading was to begin (%s): it was reset or "
                         "restored, or is another server with another history; follow a server that has them, "
                         "or " START_OVER,
                         c->where, buf_text(&text));
    }
    return check_purged(c, from, error);
}

static int reaches_back_by_file(struct connection *c, const struct position *from, struct error *error) {
    struct client_rows rows defer(client_rows_deinit) = {0};
    int r = client_select(c, &rows, error, "SHOW BINARY LOGS");
    if (r)
        return r;
    char first[BINLOG_NAME_MAX + 1] = "";
    while (client_next(&rows)) {
        if (!first[0])
            snprintf(first, sizeof(first), "%s", client_string(&rows, 0));
        if (strcmp(client_string(&rows, 0), from->file) != 0)
            continue;
        if (client_number(&rows, 1) >= from->offset)
            return 0;
        return error_set(
            error, ERR_SOURCE,
            "%s on %s has %llu bytes, but reading was to begin at %llu: the source was reset or restored and has "
            "another history; " START_OVER,
            from->file, c->where, (unsigned long long)client_number(&rows, 1), (unsigned long long)from->offset);
    }
    return error_set(
        error, ERR_SOURCE,
        "MySQL at %s no longer has %s (its first binlog is %s): it was purged, or the source was reset; " START_OVER
        " and raise binlog_expire_logs_seconds",
        c->where, from->file, first[0] ? first : "none");
}

int source_reaches_back(struct connection *c, const struct position *from, struct error *error) {
    if (gtid_set_empty(&from->gtids) && from->file[0])
        return reaches_back_by_file(c, from, error);
    return reaches_back_by_gtid(c, from, error);
}
