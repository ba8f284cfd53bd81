/* Checking a server: a table of settings, the grants of the session's user, and the tables. */
#include "binlog/server_check.h"

#include "binlog/client.h"

#include <mysqld_error.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

void check_list_deinit(struct check_list *list) {
    if (!list)
        return;
    free(list->lines);
    arena_deinit(&list->arena);
    *list = (struct check_list){0};
}

void check_list_add(struct check_list *list, enum check_result result, const char *name, const char *remedy,
                    const char *format, ...) {
    char message[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof(message), format, args);
    va_end(args);
    list->lines = xrealloc(list->lines, (list->count + 1) * sizeof(*list->lines));
    list->lines[list->count++] = (struct check_line){
        .result = result,
        .name = arena_strdup(&list->arena, name),
        .message = arena_strdup(&list->arena, message),
        .remedy = remedy && result != CHECK_OK ? arena_strdup(&list->arena, remedy) : NULL,
    };
    list->errors += result == CHECK_ERROR;
    list->warnings += result == CHECK_WARNING;
}

/* ---- settings: the first value of the list is the best; any other gives `otherwise`. A server that lacks a setting behaves as if it
 * had a good value, unless it is older than `since` (MySQL 5.7 knows no binlog_row_metadata, and behaves as MINIMAL does). */

enum { VERSION_ROW_METADATA = 80001, VERSION_PERSIST = 80000, VERSION_XA_RECOVER_ADMIN = 80000 };

static const struct {
    const char *name;
    const char *good[3];
    enum check_result otherwise;
    const char *meaning;
    const char *remedy;
    unsigned since;
} settings[] = {
    {"log_bin", {"1", "ON"}, CHECK_ERROR, "the source writes no binlog", "start mysqld with --log-bin and a server_id"},
    {"binlog_format",
     {"ROW"},
     CHECK_ERROR,
     "changes are logged as statements, which cannot be followed",
     "SET PERSIST binlog_format = 'ROW'; then reconnect the applications"},
    {"binlog_row_metadata",
     {"FULL"},
     CHECK_WARNING,
     "the binlog has no column names: a change of a mapped table's columns would stop the replicator",
     "SET PERSIST binlog_row_metadata = 'FULL'",
     VERSION_ROW_METADATA},
    {"binlog_row_image",
     {"FULL"},
     CHECK_WARNING,
     "row images are partial: the store must know a row before it changes",
     "SET PERSIST binlog_row_image = 'FULL'"},
    {"gtid_mode",
     {"ON"},
     CHECK_WARNING,
     "without GTIDs a position is a file and an offset: no failover, and a reset source is harder to recognise",
     "SET PERSIST enforce_gtid_consistency = 'ON' and gtid_mode = 'ON' in MySQL's four steps"},
    {"binlog_row_value_options",
     {""},
     CHECK_WARNING,
     "partial JSON updates are logged as differences: with binlog_row_image other than FULL no snapshot can be made "
     "while "
     "documents change",
     "SET PERSIST binlog_row_value_options = ''"},
    {"binlog_checksum",
     {"CRC32"},
     CHECK_WARNING,
     "events have no checksums: a flipped bit would not be noticed",
     "SET PERSIST binlog_checksum = 'CRC32'"},
};

struct variables {
    struct client_rows rows;
};

static const char *variable(struct variables *v, const char *name) {
    mysql_data_seek(v->rows.result, 0);
    while (client_next(&v->rows))
        if (strcasecmp(client_string(&v->rows, 0), name) == 0)
            return client_string(&v->rows, 1);
    return NULL;
}

/* Servers before 8.0 keep no settings themselves. */
static const char *remedy_for(const struct server_facts *facts, const char *remedy, struct arena *arena) {
    static const char persist[] = "SET PERSIST ";
    if (facts->version_number >= VERSION_PERSIST || strncmp(remedy, persist, sizeof(persist) - 1) != 0)
        return remedy;
    return arena_printf(arena, "in my.cnf and by SET GLOBAL: %s", remedy + sizeof(persist) - 1);
}

static void check_settings(const struct server_facts *facts, struct variables *v, struct check_list *list) {
    for (size_t i = 0; i < ARRAY_LEN(settings); i++) {
        const char *value = variable(v, settings[i].name);
        bool too_old = !value && facts->version_number < settings[i].since, good = !value && !too_old;
        for (size_t j = 0; value && j < ARRAY_LEN(settings[i].good) && settings[i].good[j]; j++)
            good = good || strcasecmp(value, settings[i].good[j]) == 0;
        if (good)
            check_list_add(list, CHECK_OK, settings[i].name, NULL, "%s", !value ? "as needed" : *value ? value : "off");
        else if (too_old)
            check_list_add(list, settings[i].otherwise, settings[i].name, "upgrade the source to MySQL 8.0 or later",
                           "MySQL %s has no such setting: %s", facts->version, settings[i].meaning);
        else
            check_list_add(list, settings[i].otherwise, settings[i].name,
                           remedy_for(facts, settings[i].remedy, &list->arena), "%s: %s", value, settings[i].meaning);
    }
}

enum { DAY_S = 86400 };

/* binlog_expire_logs_seconds came with 8.0.1, and replaces expire_logs_days where it is not 0. */
static void check_expiry(const struct server_facts *facts, struct variables *v, struct check_list *list) {
    const char *text = variable(v, "binlog_expire_logs_seconds"), *days = variable(v, "expire_logs_days"),
               *automatic = variable(v, "binlog_expire_logs_auto_purge");
    const char *name = text ? "binlog_expire_logs_seconds" : "expire_logs_days";
    unsigned long long seconds = text ? strtoull(text, NULL, 10) : 0;
    if (seconds == 0 && days)
        seconds = strtoull(days, NULL, 10) * DAY_S;
    if (seconds == 0 || (automatic && strcasecmp(automatic, "OFF") == 0))
        check_list_add(list, CHECK_OK, name, NULL, "binlogs are not purged by age");
    else
        check_list_add(
            list, seconds < DAY_S ? CHECK_WARNING : CHECK_OK, name,
            remedy_for(facts,
                       text ? "SET PERSIST binlog_expire_logs_seconds = 604800" : "SET PERSIST expire_logs_days = 7",
                       &list->arena),
            "binlogs are kept for %.1f hours", (double)seconds / 3600.0);
}

enum { VERSION_MIN = 50700 };

static void check_version(const struct server_facts *facts, struct check_list *list) {
    if (facts->version_number < VERSION_MIN)
        check_list_add(list, CHECK_ERROR, "version", "upgrade the source to MySQL 5.7 or later", "MySQL %s is too old",
                       facts->version);
    else
        check_list_add(list, CHECK_OK, "version", NULL, "MySQL %s, %s", facts->version,
                       facts->cascades_logged ? "which logs cascaded changes"
                                              : "whose cascades are derived from the foreign keys");
}

/* ---- grants */

/* SHOW GRANTS text: "GRANT A, B ON *.* TO ..." or "... ON `db`.`table` TO ...". */
struct grant {
    struct slice privileges, object;
};

static bool split_grant(struct slice line, struct grant *ret) {
    const char *on = memmem(line.data, line.len, " ON ", 4);
    if (!on || line.len < 6 || memcmp(line.data, "GRANT ", 6) != 0)
        return false;
    const char *object = on + 4, *end = memmem(object, (size_t)(line.data + line.len - object), " TO ", 4);
    if (!end)
        return false;
    *ret = (struct grant){{line.data + 6, (size_t)(on - line.data - 6)}, {object, (size_t)(end - object)}};
    return true;
}

static bool has_privilege(struct slice list, const char *name) {
    size_t len = strlen(name);
    while (list.len) {
        const char *comma = memchr(list.data, ',', list.len);
        size_t n = comma ? (size_t)(comma - list.data) : list.len;
        struct slice one = {list.data, n};
        while (one.len && one.data[0] == ' ')
            one = (struct slice){one.data + 1, one.len - 1};
        if ((one.len == len && strncasecmp(one.data, name, len) == 0) ||
            (one.len >= 14 && strncasecmp(one.data, "ALL PRIVILEGES", 14) == 0))
            return true;
        if (!comma)
            break;
        list = (struct slice){comma + 1, list.len - n - 1};
    }
    return false;
}

static bool has_global(struct client_rows *rows, const char *privilege) {
    struct grant g;
    mysql_data_seek(rows->result, 0);
    while (client_next(rows))
        if (split_grant(client_text(rows, 0), &g) && slice_equal(g.object, SLICE("*.*")) &&
            has_privilege(g.privileges, privilege))
            return true;
    return false;
}

static int check_grants(struct connection *c, const struct server_facts *facts, struct check_list *list,
                        struct error *error) {
    struct client_rows rows defer(client_rows_deinit) = {0};
    int r = client_select(c, &rows, error, "SHOW GRANTS");
    if (r)
        return r;
    static const struct {
        const char *name;
        enum check_result otherwise;
        const char *meaning;
        unsigned since; /* before this version it is neither there nor needed */
    } grants[] = {
        {"REPLICATION SLAVE", CHECK_ERROR, "is needed to read the binlog", 0},
        {"REPLICATION CLIENT", CHECK_ERROR, "is needed to ask for positions", 0},
        {"XA_RECOVER_ADMIN", CHECK_WARNING, "is needed for a sure snapshot where applications use XA",
         VERSION_XA_RECOVER_ADMIN},
    };
    for (size_t i = 0; i < ARRAY_LEN(grants); i++) {
        if (facts->version_number < grants[i].since)
            continue;
        char name[64], remedy[160];
        snprintf(name, sizeof(name), "grant %s", grants[i].name);
        snprintf(remedy, sizeof(remedy), "GRANT %s ON *.* TO the user of leat", grants[i].name);
        if (has_global(&rows, grants[i].name))
            check_list_add(list, CHECK_OK, name, NULL, "granted");
        else
            check_list_add(list, grants[i].otherwise, name, remedy, "%s", grants[i].meaning);
    }
    return 0;
}

/* A table that cannot be read may be absent, or only not granted: asking tells. LIMIT 0 reads nothing. */
static int check_table(struct connection *c, const char *database, const char *table, struct check_list *list,
                       struct error *error) {
    struct buf d defer(buf_deinit) = BUF_INIT(4096), t defer(buf_deinit) = BUF_INIT(4096);
    struct client_rows rows defer(client_rows_deinit) = {0};
    char name[300], remedy[400];
    client_identifier(&d, database);
    client_identifier(&t, table);
    snprintf(name, sizeof(name), "table %s", table);
    int r = client_select(c, &rows, error, "SELECT * FROM %s.%s LIMIT 0", buf_text(&d), buf_text(&t));
    if (r == 0) {
        check_list_add(list, CHECK_OK, name, NULL, "can be read");
        return 0;
    }
    if (r != ERR_SOURCE)
        return r;
    snprintf(remedy, sizeof(remedy),
             "create it, or name the right table in the contract; or GRANT SELECT ON %s.%s TO the user of leat",
             buf_text(&d), buf_text(&t));
    check_list_add(list, CHECK_ERROR, name, remedy, "%s", mysql_error(&c->mysql));
    return 0;
}

/* Without GTIDs the snapshot's beginning is found under LOCK TABLES ... READ: tried, and at once undone. Who has to wait for a lock was allowed
 * to take it; and since all writers wait behind who waits, it is given up soon. */
static int check_lock(struct connection *c, const char *database, const char *const *tables, size_t count,
                      struct check_list *list, struct error *error) {
    enum { PATIENCE_S = 1 };
    struct error why = {.text = "it is needed without GTIDs"};
    struct client_rows rows defer(client_rows_deinit) = {0};
    int r = client_select(c, &rows, error, "SELECT @@SESSION.lock_wait_timeout");
    uint64_t patience_s = r == 0 && client_next(&rows) ? client_number(&rows, 0) : PATIENCE_S;
    if (r == 0)
        r = client_run(c, error, "SET SESSION lock_wait_timeout = %d", PATIENCE_S);
    if (r)
        return r;
    int locked = count ? client_lock_tables(c, database, tables, count, &why) : ERR_SOURCE;
    bool granted = locked == 0 || mysql_errno(&c->mysql) == ER_LOCK_WAIT_TIMEOUT;
    if (!granted && locked == ERR_SOURCE_LOST)
        return error_set(error, locked, "%s", why.text);
    if (granted)
        check_list_add(list, CHECK_OK, "grant LOCK TABLES", NULL, "granted");
    else
        check_list_add(list, CHECK_ERROR, "grant LOCK TABLES",
                       "GRANT LOCK TABLES on the database TO the user of leat, or switch gtid_mode on", "%s", why.text);
    r = client_run(c, error, "UNLOCK TABLES");
    return r ? r : client_run(c, error, "SET SESSION lock_wait_timeout = %llu", (unsigned long long)patience_s);
}

int server_check(struct connection *c, const char *database, const char *const *tables, size_t table_count,
                 struct check_list *list, struct error *error) {
    struct server_facts facts;
    struct variables v = {0};
    int r = server_facts_read(c, &facts, error);
    if (r == 0)
        r = client_select(c, &v.rows, error,
                          "SHOW GLOBAL VARIABLES WHERE Variable_name LIKE 'binlog%%' OR Variable_name IN ('log_bin', "
                          "'gtid_mode', 'expire_logs_days')");
    if (r)
        return r;
    size_t errors = list->errors;
    check_version(&facts, list);
    check_settings(&facts, &v, list);
    check_expiry(&facts, &v, list);
    client_rows_deinit(&v.rows);
    r = check_grants(c, &facts, list, error);
    for (size_t i = 0; i < table_count && r == 0; i++)
        r = check_table(c, database, tables[i], list, error);
    if (r == 0 && !facts.gtid_mode_on && table_count && list->errors == errors)
        r = check_lock(c, database, tables, table_count, list, error);
    return r;
}
