/* Logged statements, and what they do to wanted tables.
 *
 * Happy path: a transaction's frame (BEGIN, COMMIT, ...) says nothing here; what defines tables is read for the tables that it names, and
 * those of ours are looked at: TRUNCATE is a row change; an ALTER leaves the rows, but the schema may have to be read again; RENAMEs that
 * swap in the table of an online schema change (gh-ost, pt-online-schema-change) are followed like an ALTER.
 *
 * What takes rows away or brings rows of which nothing is known is ERR_SOURCE, with the table and what to do: DROP (unless it is to
 * delete), other RENAMEs, partitions and tablespaces that come and go, CREATE ... SELECT without row events, statements that
 * change rows where these should be. Of temporary tables nothing is ever ours. */
#include "binlog/charset.h"
#include "binlog/decoder.h"
#include "src/base/utf8.h"

#include <stdio.h>
#include <strings.h>

struct logged {
    struct decoder *d;
    const struct statement *st;
    const char *database; /* the session's */
    struct slice sql;
};

enum { SHOWN_BYTES = 300 };

static const char *database_of(const struct logged *l, const struct statement_name *name) {
    return name->database[0] ? name->database : l->database;
}

/* ---- which tables */

/* The description under which changes of a table are reported; NULL when it is none of ours. */
static int find_by_name(struct decoder *d, const char *database, const char *name, struct table_map **ret,
                        struct error *error) {
    *ret = NULL;
    if (!decoder_in_database(d, slice_of(database)))
        return 0;
    for (size_t i = d->cache_count; i-- > 0;)
        if (strcmp(d->cache[i]->table.name, name) == 0 && strcmp(d->cache[i]->table.database, database) == 0) {
            *ret = d->cache[i]->handle ? d->cache[i] : NULL;
            return 0;
        }
    const struct table bare = {.database = arena_strdup(&d->tables, database), .name = arena_strdup(&d->tables, name)};
    const struct table *live;
    int r = decoder_live_table(d, database, name, &live, error);
    if (r == 0 && !live && !d->database)
        live = &bare; /* one that the binlog has not described yet */
    if (r || !live)
        return r;
    struct table_map *map = table_map_of_schema(live, &d->tables);
    r = decoder_ask_filter(d, map, error);
    if (r)
        return r;
    decoder_remember(d, map); /* without content: no event finds it */
    *ret = map->handle ? map : NULL;
    return 0;
}

static int find(const struct logged *l, const struct statement_name *name, struct table_map **ret,
                struct error *error) {
    return find_by_name(l->d, database_of(l, name), name->table, ret, error);
}

static int refuse(const struct logged *l, const char *table, const char *what, const char *remedy,
                  struct error *error) {
    return error_set(error, ERR_SOURCE, "table %s.%s %s: %.*s; %s", l->d->database, table, what,
                     (int)MIN(l->sql.len, SHOWN_BYTES), l->sql.data, remedy);
}

#define SNAPSHOT_REMEDY "once the source has the tables that the contract needs, " NEW_SNAPSHOT

/* ---- TRUNCATE and DROP */

static int empty_table(const struct logged *l, struct table_map *map, struct error *error) {
    struct row_change change = {.kind = ROW_TRUNCATE,
                                .table = &map->table,
                                .handle = map->handle,
                                .cascades_logged = l->d->options.cascades_logged};
    int r = l->d->options.row(l->d->options.context, &change, error);
    return r < 0 ? r : 0;
}

static int on_truncate(const struct logged *l, struct error *error) {
    struct table_map *map = NULL;
    int r = l->st->name_count ? find(l, &l->st->names[0], &map, error) : 0;
    return r || !map ? r : empty_table(l, map, error);
}

static int drop(const struct logged *l, struct table_map *map, struct error *error) {
    if (l->d->options.drop_deletes)
        return empty_table(l, map, error);
    return refuse(l, map->table.name, "is dropped",
                  "set \"on_drop\": \"delete\" to delete its items as TRUNCATE does, or " SNAPSHOT_REMEDY, error);
}

static int on_drop_table(const struct logged *l, struct error *error) {
    int r = 0;
    for (size_t i = 0; r == 0 && i < l->st->name_count; i++) {
        struct table_map *map;
        r = find(l, &l->st->names[i], &map, error);
        if (r == 0 && map)
            r = drop(l, map, error);
    }
    return r;
}

static int on_drop_database(const struct logged *l, struct error *error) {
    const struct decoder *d = l->d;
    if (!l->st->name_count || !d->database || strcmp(l->st->names[0].table, d->database) != 0)
        return 0;
    int r = 0;
    for (size_t i = 0; r == 0 && d->options.schema && i < d->options.schema->table_count; i++) {
        struct table_map *map;
        r = find_by_name(l->d, d->database, d->options.schema->tables[i].name, &map, error);
        if (r == 0 && map)
            r = drop(l, map, error);
    }
    return r;
}

/* ---- ALTER and CREATE */

static bool says(struct slice sql, const char *word) {
    size_t len = strlen(word);
    for (size_t i = 0; i + len <= sql.len; i++)
        if (strncasecmp(sql.data + i, word, len) == 0)
            return true;
    return false;
}

/* Rows before this ALTER were named, or completed, from a schema of behind it. */
static int check_late_schema(const struct logged *l, const char *name, struct error *error) {
    const struct decoder *d = l->d;
    if (name_list_has(&d->numbered, name))
        return refuse(l, name,
                      "has rows before this statement whose columns had their names from the schema behind it, because "
                      "the binlog has none",
                      "run SET PERSIST binlog_row_metadata = 'FULL' on the source, then " NEW_SNAPSHOT, error);
    if (name_list_has(&d->defaulted, name) &&
        (says(l->sql, "DEFAULT") || says(l->sql, "MODIFY") || says(l->sql, "CHANGE")))
        return refuse(l, name,
                      "has rows that were inserted before this statement with images that lack columns "
                      "(binlog_row_image), and it may have changed their defaults",
                      "run SET PERSIST binlog_row_image = 'FULL' on the source, then " NEW_SNAPSHOT, error);
    return 0;
}

/* A table has other columns from here on. */
static int alter(const struct logged *l, const char *name, struct error *error) {
    struct decoder *d = l->d;
    bool known = d->options.schema_at && position_has(d->options.schema_at, d->end);
    int r = known || !d->options.schema_at ? check_late_schema(l, name, error) : 0;
    if (r || known)
        return r;
    name_list_add(d, &d->altered, name);
    d->met_alter = true;
    return 0;
}

bool decoder_met_alter(struct decoder *d) {
    bool met = d->met_alter;
    d->met_alter = false;
    return met;
}

static int on_alter_table(const struct logged *l, struct error *error) {
    int r = 0;
    for (size_t i = 0; r == 0 && i < l->st->name_count; i++) {
        struct table_map *map;
        r = find(l, &l->st->names[i], &map, error);
        if (r || !map)
            continue;
        r = l->st->moves_rows ? refuse(l, map->table.name, "loses or gets rows of which the binlog does not tell",
                                       SNAPSHOT_REMEDY, error)
                              : alter(l, map->table.name, error);
    }
    return r;
}

static int on_create_table(const struct logged *l, struct error *error) {
    struct table_map *map = NULL;
    int r = l->st->name_count ? find(l, &l->st->names[0], &map, error) : 0;
    if (r || !map)
        return r;
    if (l->st->moves_rows)
        return refuse(l, map->table.name, "is filled by a query, without row events", SNAPSHOT_REMEDY, error);
    return alter(l, map->table.name, error);
}

/* ---- RENAME */

enum { MOVES_MAX = STATEMENT_NAMES_MAX / 2 };

struct move { /* what was `from` before the statement is `to` behind it */
    const struct statement_name *from, *to;
};

static bool same_table(const struct logged *l, const struct statement_name *a, const struct statement_name *b) {
    return strcmp(a->table, b->table) == 0 && strcmp(database_of(l, a), database_of(l, b)) == 0;
}

/* a TO b, b TO c: a is c in the end. */
static size_t follow_renames(const struct logged *l, struct move *moves) {
    size_t count = 0;
    for (size_t i = 0; i + 1 < l->st->name_count; i += 2) {
        const struct statement_name *from = &l->st->names[i], *to = &l->st->names[i + 1];
        size_t k = 0;
        while (k < count && !same_table(l, moves[k].to, from))
            k++;
        if (k == count)
            moves[count++].from = from;
        moves[k].to = to;
    }
    return count;
}

/* Names that gh-ost and pt-online-schema-change give the copy that takes the table's place. Its rows are the table's, by what these
 * tools are for. */
static bool is_changed_copy(const char *name, const char *of) {
    char gho[STATEMENT_NAME_SIZE + 8], new[STATEMENT_NAME_SIZE + 8];
    snprintf(gho, sizeof(gho), "_%s_gho", of);
    snprintf(new, sizeof(new), "_%s_new", of);
    if (strcmp(name, gho) == 0)
        return true;
    for (int more = 0; more < 9 && name[0] == '_' && name[1] == '_' && strcmp(name, new) != 0; more++)
        name++; /* pt-online-schema-change puts up to ten of them, when a table of that name is there */
    return strcmp(name, new) == 0;
}

/* `at` is one of ours: it must stay, or be swapped for its changed copy. */
static int check_rename(const struct logged *l, const struct move *moves, size_t count, const struct statement_name *at,
                        struct error *error) {
    const struct statement_name *left = NULL, *came = NULL;
    for (size_t i = 0; i < count; i++) {
        if (same_table(l, moves[i].from, at))
            left = moves[i].to;
        if (same_table(l, moves[i].to, at))
            came = moves[i].from;
    }
    if (left && came && same_table(l, came, at))
        return 0;
    if (left && came && strcmp(database_of(l, came), l->d->database) == 0 && is_changed_copy(came->table, at->table))
        return alter(l, at->table, error);
    return refuse(l, at->table, came ? "gets the rows of another" : "is renamed",
                  "swaps by gh-ost and pt-online-schema-change are followed, this is none; " SNAPSHOT_REMEDY, error);
}

static int on_rename_table(const struct logged *l, struct error *error) {
    struct move moves[MOVES_MAX] = {0};
    size_t count = follow_renames(l, moves);
    int r = 0;
    for (size_t i = 0; r == 0 && i < l->st->name_count; i++) {
        struct table_map *map;
        r = find(l, &l->st->names[i], &map, error);
        if (r == 0 && map)
            r = check_rename(l, moves, count, &l->st->names[i], error);
    }
    return r;
}

/* ---- statements that change rows */

/* May it concern our database? The event tells all databases that it used; where one is without a name a foreign key leads anywhere.
 * An event that does not tell: when its session stands in ours, or when it names it. */
static bool may_touch(const struct decoder *d, const struct query_event *q) {
    if (!q->databases_known)
        return decoder_in_database(d, q->database) || statement_names(q->sql, &q->mode, d->database);
    for (size_t i = 0; i < q->database_count; i++)
        if (q->databases[i].len == 0 || decoder_in_database(d, q->databases[i]))
            return true;
    return false;
}

static int on_rows_statement(struct decoder *d, const struct query_event *q, struct error *error) {
    if (!may_touch(d, q))
        return 0;
    if (d->asking)
        return DECODER_CONCERNED;
    return error_set(error, ERR_SOURCE,
                     "a statement that may change mapped tables is in the binlog instead of its rows: %.*s; run SET "
                     "PERSIST binlog_format = 'ROW' on the source, keep sessions from changing it, and " NEW_SNAPSHOT,
                     (int)MIN(q->sql.len, SHOWN_BYTES), q->sql.data);
}

/* ---- all */

/* Names come in the client's character set; tables are called by UTF-8. A name that cannot be converted is none of ours. */
static void convert_name(char *name, enum charset set, struct arena *arena) {
    struct slice text;
    if (!charset_to_utf8(set, slice_of(name), arena, &text) || text.data == name || text.len >= STATEMENT_NAME_SIZE)
        return;
    memcpy(name, text.data, text.len);
    name[text.len] = 0;
}

static enum charset client_charset(const struct query_event *q) {
    return q->mode.collation ? charset_of_collation(q->mode.collation) : CHARSET_UTF8MB4;
}

static void fold(char *name) {
    for (; *name; name++)
        if (*name >= 'A' && *name <= 'Z')
            *name = (char)(*name | 0x20);
}

static void read_statement(struct decoder *d, const struct query_event *q) {
    struct statement *st = d->statement;
    enum charset set = client_charset(q);
    statement_read(st, q->sql, &q->mode);
    arena_reset(&d->row);
    for (size_t i = 0; i < st->name_count; i++) {
        convert_name(st->names[i].database, set, &d->row);
        convert_name(st->names[i].table, set, &d->row);
        if (d->options.names_folded) {
            fold(st->names[i].database);
            fold(st->names[i].table);
        }
    }
}

static int tell_statement(struct decoder *d, const struct query_event *q, enum statement_kind kind,
                          struct error *error) {
    struct logged_statement told = {.event = q, .sql = q->sql, .names = d->statement};
    if (d->asking)
        return DECODER_CONCERNED;
    read_statement(d, q);
    bool changes_rows = kind == STATEMENT_ROWS || kind == STATEMENT_UNKNOWN;
    told.kind = changes_rows ? kind : d->statement->kind;
    told.loses_rows = changes_rows || (told.kind == STATEMENT_CREATE_TABLE && d->statement->moves_rows);
    /* a client whose character set is `binary` may have written anything */
    told.is_text = charset_to_utf8(client_charset(q), q->sql, &d->row, &told.sql) && utf8_valid(told.sql);
    return d->options.statement(d->options.context, &told, error);
}

static int on_frame(const struct decoder *d, enum statement_kind kind, bool in_payload, struct error *error) {
    if (kind == STATEMENT_XA_START && in_payload && d->undecided)
        return DECODER_UNDECIDED;
    if (in_payload && (kind == STATEMENT_ROLLBACK || kind == STATEMENT_ROLLBACK_TO || kind == STATEMENT_XA_ROLLBACK))
        return error_set(error, ERR_SOURCE, "a compressed transaction is rolled back inside: this is not supported");
    return 0;
}

/* Servers mark what concerns a temporary table; but they mark DROPs of all tables too, and say TEMPORARY in those. */
static bool is_temporary(const struct event *e, const struct statement *st) {
    return e->flags & EVENT_FLAG_THREAD_SPECIFIC && st->kind != STATEMENT_DROP_TABLE &&
           st->kind != STATEMENT_DROP_DATABASE && st->kind != STATEMENT_CREATE_TABLE;
}

static const struct {
    enum statement_kind kind;
    int (*apply)(const struct logged *l, struct error *error);
} definitions[] = {
    {STATEMENT_TRUNCATE, on_truncate},         {STATEMENT_DROP_TABLE, on_drop_table},
    {STATEMENT_RENAME_TABLE, on_rename_table}, {STATEMENT_ALTER_TABLE, on_alter_table},
    {STATEMENT_CREATE_TABLE, on_create_table}, {STATEMENT_DROP_DATABASE, on_drop_database},
};

int definition_apply(struct decoder *d, const struct event *e, bool in_payload, struct error *error) {
    struct query_event q;
    int r = query_event_read(&q, e, error);
    if (r)
        return r;
    enum statement_kind kind = e->type == EVENT_EXECUTE_LOAD_QUERY ? STATEMENT_ROWS : statement_kind(q.sql);
    if (kind <= STATEMENT_XA_ROLLBACK)
        return on_frame(d, kind, in_payload, error);
    if (d->options.statement && kind != STATEMENT_TRUNCATE)
        return tell_statement(d, &q, kind, error);
    if (kind == STATEMENT_ROWS || kind == STATEMENT_UNKNOWN)
        return on_rows_statement(d, &q, error);
    read_statement(d, &q);
    char database[256];
    memcpy(database, q.database.data, q.database.len); /* its length is one byte */
    database[q.database.len] = 0;
    const struct logged l = {d, d->statement, database, q.sql};
    if (d->statement->kind == STATEMENT_OTHER || is_temporary(e, d->statement))
        return 0;
    if (d->statement->too_many_names && !d->options.statement &&
        (decoder_in_database(d, q.database) || statement_names(q.sql, &q.mode, d->database)))
        return error_set(error, ERR_SOURCE, "this statement's tables cannot be told: %.*s; " SNAPSHOT_REMEDY,
                         (int)MIN(q.sql.len, SHOWN_BYTES), q.sql.data);
    for (size_t i = 0; i < ARRAY_LEN(definitions); i++)
        if (definitions[i].kind == d->statement->kind)
            return definitions[i].apply(&l, error);
    return 0;
}
