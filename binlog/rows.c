/* From a transaction's raw events to row changes.
 *
 * Happy path, per event: (1) a table map is looked up by its content; a new one is read, named and shown to the table filter once; (2) a
 * row event finds its table by number, and each row goes column by column through the table of types into values; (3) the handler gets
 * the change. A compressed transaction is the same, its events coming out of the inflater.
 *
 * Tables of other databases, and those the filter does not want, are skipped by length without reading their rows. What cannot be
 * understood of a wanted table is ERR_SOURCE: a type that is not supported, names or defaults that an ALTER may have changed. Statements: definition.c. Nothing is allocated per row: strings that need conversion go to an arena that each row empties. */
#include "binlog/decoder.h"
#include "binlog/event.h"
#include "binlog/json_partial.h"
#include "binlog/payload.h"

#include <field_types.h>
#include <stdlib.h>

struct decoder *decoder_new(const struct decoder_options *options) {
    struct decoder *d = xcalloc(1, sizeof(*d));
    d->options = *options;
    d->database = options->database ? xstrdup(options->database) : NULL;
    d->options.database = d->database;
    d->statement = xcalloc(1, sizeof(*d->statement));
    d->payload = payload_new();
    return d;
}

void decoder_free(struct decoder *d) {
    if (!d)
        return;
    arena_deinit(&d->tables);
    arena_deinit(&d->row);
    free(d->cache);
    free(d->bound);
    free(d->altered.names);
    free(d->defaulted.names);
    free(d->numbered.names);
    free(d->database);
    free(d->statement);
    payload_free(d->payload);
    free(d);
}

/* ---- table descriptions */

static int refuse_column(const struct table_map *map, const struct column *column, const char *what,
                         struct error *error) {
    return error_set(
        error, ERR_SOURCE,
        "table %s.%s, column %s: %s is not supported by this version of leat: leave the column out of the contract",
        map->table.database, map->table.name, column->name, what);
}

int decoder_ask_filter(struct decoder *d, struct table_map *map, struct error *error) {
    int r = 0;
    memset(map->wanted, true, map->table.column_count);
    map->handle = d->options.table(d->options.context, &map->table, map->wanted, &r, error);
    return r;
}

/* Even when the column itself is not wanted: the values behind it could not be found. */
static int refuse_table(const struct table_map *map, struct error *error) {
    const struct wire_column *w = map->unreadable;
    const char *name = map->table.columns[w - map->wire].name;
    if (w->number == MYSQL_TYPE_DECIMAL)
        return error_set(
            error, ERR_SOURCE,
            "table %s.%s, column %s: a DECIMAL of before MySQL 5.0, whose size is not in the binlog: ALTER TABLE "
            "... FORCE on the source rebuilds it; start with an empty state_dir after that",
            map->table.database, map->table.name, name);
    return error_set(error, ERR_SOURCE,
                     "table %s.%s, column %s: type %u is not known to this version of leat: upgrade it",
                     map->table.database, map->table.name, name, w->number);
}

static int check_columns(const struct decoder *d, const struct table_map *map, struct error *error) {
    bool numbers_do = d->options.numbered_columns; /* in the place of labels, too */
    if (map->handle && map->unreadable)
        return refuse_table(map, error);
    for (size_t i = 0; map->handle && i < map->table.column_count; i++) {
        const struct column *column = &map->table.columns[i];
        if (!map->wanted[i])
            continue;
        const char *what = coltype_unsupported(&map->wire[i]);
        if (what)
            return refuse_column(map, column, what, error);
        if ((column->type == COLUMN_ENUM || column->type == COLUMN_SET) && !column->labels && !numbers_do)
            return refuse_column(map, column, "an ENUM or SET without its labels", error);
        if (column->labels_doubtful)
            return error_set(
                error, ERR_SOURCE,
                "table %s.%s, column %s: a label has a '?', which information_schema shows in the place of rarer "
                "characters too, and the binlog has no labels: run SET PERSIST binlog_row_metadata = 'FULL' on the "
                "source and start with an empty state_dir, or leave the column out of the contract",
                map->table.database, map->table.name, column->name);
    }
    return 0;
}

int decoder_live_table(struct decoder *d, const char *database, const char *name, const struct table **ret,
                       struct error *error) {
    *ret = NULL;
    if (d->options.live_table)
        return d->options.live_table(d->options.context, database, name, ret, error);
    *ret = d->options.schema ? schema_table(d->options.schema, name) : NULL;
    return 0;
}

/* Names from the live schema where it has this shape, else numbers. */
static int name_or_number(struct decoder *d, struct table_map *map, struct error *error) {
    const struct table *live;
    int r = decoder_live_table(d, map->table.database, map->table.name, &live, error);
    if (r == 0 && (!live || table_map_name(map, live, &d->tables, NULL) != 0))
        table_map_number(map, &d->tables);
    return r;
}

static int read_labels(struct decoder *d, struct table_map *map, struct error *error) {
    const struct table *live;
    int r = decoder_live_table(d, map->table.database, map->table.name, &live, error);
    if (r == 0)
        table_map_read_labels(map, live, &d->tables);
    return r;
}

/* Names: from the event, else from the live schema. Sets *ret_known to false when the table is none of ours. */
static int name_columns(struct decoder *d, struct table_map *map, bool *ret_known, struct error *error) {
    *ret_known = true;
    if (map->has_names)
        return map->raw_labels ? read_labels(d, map, error) : 0;
    if (d->options.numbered_columns)
        return name_or_number(d, map, error);
    if (!d->options.schema)
        return error_set(error, ERR_SOURCE,
                         "the binlog has no column names for table %s.%s: run SET PERSIST binlog_row_metadata = 'FULL' "
                         "on the source",
                         map->table.database, map->table.name);
    const struct table *live = schema_table(d->options.schema, map->table.name);
    *ret_known = live != NULL;
    map->live_names = live != NULL;
    return live ? table_map_name(map, live, &d->tables, error) : 0;
}

void decoder_remember(struct decoder *d, struct table_map *map) {
    if (d->cache_count == d->cache_cap) {
        d->cache_cap = d->cache_cap ? d->cache_cap * 2 : 32;
        d->cache = xrealloc(d->cache, d->cache_cap * sizeof(struct table_map *));
    }
    d->cache[d->cache_count++] = map;
}

static uint64_t hash_of(struct slice s) { /* FNV-1a, eight bytes at a time */
    uint64_t h = 14695981039346656037ULL;
    struct cursor c = cursor_of(s.data, s.len);
    while (cursor_left(&c))
        h = (h ^ cursor_le(&c, MIN(cursor_left(&c), 8))) * 1099511628211ULL;
    return h ^ h >> 32;
}

static int find_map(struct decoder *d, const struct table_map_head *head, struct table_map **ret, struct error *error) {
    uint64_t hash = hash_of(head->content);
    for (size_t i = d->cache_count; i-- > 0;)
        if (d->cache[i]->hash == hash && slice_equal(d->cache[i]->content, head->content)) {
            *ret = d->cache[i];
            return 0;
        }
    struct table_map *map;
    bool known = false;
    int r = table_map_read(&map, head, d->server_version, &d->tables, error);
    if (r == 0)
        r = name_columns(d, map, &known, error);
    if (r == 0 && known)
        r = decoder_ask_filter(d, map, error);
    if (r == 0)
        r = check_columns(d, map, error);
    if (r)
        return r;
    map->hash = hash;
    map->content = (struct slice){arena_copy(&d->tables, head->content.data, head->content.len), head->content.len};
    decoder_remember(d, map);
    *ret = map;
    return 0;
}

/* MySQL 5.7 prints a whole double in JSON as 1, later ones as 1.0. */
static void set_json_style(const struct decoder *d, struct table_map *map) {
    for (size_t i = 0; map->json_count && i < map->table.column_count; i++)
        map->wire[i].bare_doubles = d->server_version && d->server_version < 80000;
}

static void bind(struct decoder *d, uint64_t id, struct table_map *map) {
    if (map)
        set_json_style(d, map);
    for (size_t i = 0; i < d->bound_count; i++)
        if (d->bound[i].id == id) {
            d->bound[i].map = map;
            return;
        }
    if (d->bound_count == d->bound_cap) {
        d->bound_cap = d->bound_cap ? d->bound_cap * 2 : 16;
        d->bound = xrealloc(d->bound, d->bound_cap * sizeof(*d->bound));
    }
    d->bound[d->bound_count++] = (struct bound_map){id, map};
}

static bool same_name(const char *name, struct slice s) {
    return strlen(name) == s.len && memcmp(name, s.data, s.len) == 0;
}

bool decoder_in_database(const struct decoder *d, struct slice database) {
    return !d->database || same_name(d->database, database);
}

/* Names from the schema hold only where no ALTER lies between: two columns of one type may have changed places. */
static int check_live_names(struct decoder *d, const struct table_map *map, struct error *error) {
    name_list_add(d, &d->numbered, map->table.name);
    if (!name_list_has(&d->altered, map->table.name))
        return 0;
    return error_set(
        error, ERR_SOURCE,
        "table %s.%s was altered after its schema was read, and the binlog has no column names: the schema "
        "must be read again; run SET PERSIST binlog_row_metadata = 'FULL' on the source",
        map->table.database, map->table.name);
}

static int on_table_map(struct decoder *d, const struct event *e, struct error *error) {
    struct table_map_head head;
    struct table_map *map = NULL;
    int r = table_map_head_read(&head, e->body, error);
    if (r)
        return r;
    struct table_map **recent = &d->recent[head.id % RECENT_MAPS];
    if (decoder_in_database(d, head.database)) {
        if (*recent && slice_equal((*recent)->content, head.content))
            map = *recent;
        else
            r = find_map(d, &head, &map, error);
    }
    if (r == 0 && map && map->handle && map->live_names)
        r = check_live_names(d, map, error);
    if (r)
        return r;
    if (map)
        *recent = map;
    bind(d, head.id, map && map->handle ? map : NULL);
    return 0;
}

/* ---- rows */

enum { ROWS_FLAG_STATEMENT_END = 1, ROWS_FLAG_NO_FOREIGN_KEYS = 2, ROWS_EXTRA_MIN = 2, PARTIAL_JSON = 1 };

struct rows_shape {
    uint8_t type;
    enum row_kind kind;
    bool has_extra; /* version 2 */
};
static const struct rows_shape shapes[] = {
    {EVENT_WRITE_ROWS, ROW_INSERT, true},      {EVENT_UPDATE_ROWS, ROW_UPDATE, true},
    {EVENT_DELETE_ROWS, ROW_DELETE, true},     {EVENT_PARTIAL_UPDATE_ROWS, ROW_UPDATE, true},
    {EVENT_WRITE_ROWS_V1, ROW_INSERT, false},  {EVENT_UPDATE_ROWS_V1, ROW_UPDATE, false},
    {EVENT_DELETE_ROWS_V1, ROW_DELETE, false},
};

struct image {
    const unsigned char *present; /* a bit a column, the lowest first */
    size_t present_count;
};

static bool bit(const unsigned char *bits, size_t i) {
    return bits[i / 8] >> (i % 8) & 1;
}

static bool read_image_bits(struct cursor *c, size_t count, struct image *ret) {
    *ret = (struct image){.present = cursor_take(c, (count + 7) / 8)};
    for (size_t i = 0; ret->present && i < count; i++)
        ret->present_count += bit(ret->present, i);
    return ret->present != NULL;
}

static void decode_diff(struct cursor *c, const struct wire_column *w, const struct value *before, struct arena *arena,
                        struct value *ret) {
    uint64_t len = cursor_le(c, w->prefix);
    const unsigned char *bytes = cursor_take(c, len);
    if (!bytes || !json_partial_decode((struct slice){(const char *)bytes, len}, before, arena, ret))
        c->failed = true;
}

/* `diffs`: a bit for each JSON column, set where differences from the image before stand instead of the document; NULL: nowhere. */
static void read_row(struct decoder *d, const struct table_map *map, struct cursor *c, const struct image *image,
                     const unsigned char *diffs, struct value *values) {
    const unsigned char *nulls = cursor_take(c, (image->present_count + 7) / 8);
    size_t n = 0, json = 0;
    for (size_t i = 0; nulls && i < map->table.column_count; i++) {
        bool diff = map->table.columns[i].type == COLUMN_JSON && diffs && bit(diffs, json++);
        values[i] = (struct value){.kind = VALUE_UNKNOWN};
        if (!bit(image->present, i))
            continue;
        bool null = bit(nulls, n++);
        if (null)
            values[i].kind = map->wanted[i] ? VALUE_NULL : VALUE_UNKNOWN;
        else if (map->wanted[i] && diff)
            decode_diff(c, &map->wire[i], &map->before[i], &d->row, &values[i]);
        else if (map->wanted[i])
            coltype_decode(c, &map->wire[i], &d->row, &values[i]);
        else
            coltype_skip(c, &map->wire[i]);
    }
}

/* Before the after image of a PARTIAL_UPDATE_ROWS event: options, and a bit for each of the table's JSON columns (start_partial_bits_reader()
 * in the server's sql/rpl_record.cc). */
static const unsigned char *read_partial_bits(struct cursor *c, const struct table_map *map) {
    return cursor_lenenc(c) & PARTIAL_JSON ? cursor_take(c, (map->json_count + 7) / 8) : NULL;
}

static int malformed(const struct table_map *map, const struct event *e, struct error *error) {
    return error_set(error, ERR_SOURCE, "a %s event of table %s.%s is malformed", event_name(e->type),
                     map->table.database, map->table.name);
}

static bool lacks_wanted(const struct table_map *map, const struct image *image) {
    for (size_t i = 0; i < map->table.column_count; i++)
        if (map->wanted[i] && !bit(image->present, i))
            return true;
    return false;
}

bool name_list_has(const struct name_list *list, const char *name) {
    for (size_t i = 0; i < list->count; i++)
        if (strcmp(list->names[i], name) == 0)
            return true;
    return false;
}

void name_list_add(struct decoder *d, struct name_list *list, const char *name) {
    if (name_list_has(list, name))
        return;
    list->names = xrealloc(list->names, (list->count + 1) * sizeof(*list->names));
    list->names[list->count++] = arena_strdup(&d->tables, name);
}

/* The columns that inserted rows lack will be filled from the schema, whose defaults must be those of then. */
static int check_defaults(struct decoder *d, const struct table_map *map, const struct image *image,
                          struct error *error) {
    if (!d->options.schema_at || !lacks_wanted(map, image))
        return 0;
    name_list_add(d, &d->defaulted, map->table.name);
    if (!name_list_has(&d->altered, map->table.name))
        return 0;
    return error_set(error, ERR_SOURCE,
                     "table %s.%s was altered after its schema was read, and an inserted row's image lacks columns "
                     "(binlog_row_image): the "
                     "schema must be read again for their defaults",
                     map->table.database, map->table.name);
}

static int read_rows(struct decoder *d, const struct event *e, const struct rows_shape *shape, struct table_map *map,
                     uint16_t flags, struct cursor *c, struct error *error) {
    size_t count = map->table.column_count;
    struct image first, second;
    if (cursor_lenenc(c) != count || !read_image_bits(c, count, &first))
        return malformed(map, e, error);
    if (shape->kind == ROW_UPDATE && !read_image_bits(c, count, &second))
        return malformed(map, e, error);
    if (shape->kind == ROW_INSERT) {
        int r = check_defaults(d, map, &first, error);
        if (r)
            return r;
    }
    struct row_change change = {
        .kind = shape->kind,
        .table = &map->table,
        .handle = map->handle,
        .before = shape->kind == ROW_INSERT ? NULL : map->before,
        .after = shape->kind == ROW_DELETE ? NULL : map->after,
        .foreign_keys_off = flags & ROWS_FLAG_NO_FOREIGN_KEYS,
        .cascades_logged = d->options.cascades_logged,
    };
    /* INSERT INTO t () VALUES (): no column, no byte; and one row, since a second would have the same key */
    bool nothing = shape->kind == ROW_INSERT && first.present_count == 0;
    while (cursor_left(c) || nothing) {
        const unsigned char *start = c->at;
        arena_reset(&d->row);
        if (change.before)
            read_row(d, map, c, &first, NULL, map->before);
        const unsigned char *diffs = e->type == EVENT_PARTIAL_UPDATE_ROWS ? read_partial_bits(c, map) : NULL;
        if (change.after)
            read_row(d, map, c, shape->kind == ROW_UPDATE ? &second : &first, diffs, map->after);
        if (c->failed || (c->at == start && !nothing))
            return malformed(map, e, error);
        nothing = false;
        int r = d->options.row(d->options.context, &change, error);
        if (r < 0)
            return r;
    }
    return 0;
}

static int on_rows(struct decoder *d, const struct event *e, const struct rows_shape *shape, struct error *error) {
    struct cursor c = cursor_of(e->body.data, e->body.len);
    uint64_t id = cursor_u48(&c);
    uint16_t flags = cursor_u16(&c);
    uint16_t extra = shape->has_extra ? cursor_u16(&c) : ROWS_EXTRA_MIN; /* its length counts itself */
    cursor_skip(&c, extra >= ROWS_EXTRA_MIN ? (size_t)extra - ROWS_EXTRA_MIN : SIZE_MAX);
    if (c.failed)
        return error_set(error, ERR_SOURCE, "a %s event is malformed", event_name(e->type));
    struct table_map *map = NULL;
    bool known = false;
    for (size_t i = 0; i < d->bound_count && !known; i++)
        if (d->bound[i].id == id) {
            known = true;
            map = d->bound[i].map;
        }
    /* an end of a statement without rows has a table number that was never described */
    if (!known && cursor_left(&c) > 2)
        return error_set(error, ERR_SOURCE, "a %s event is of a table that was not described before it",
                         event_name(e->type));
    if (!map)
        return 0;
    if (d->asking)
        return DECODER_CONCERNED;
    return read_rows(d, e, shape, map, flags, &c, error);
}

/* ---- all */

static int on_event(struct decoder *d, struct slice raw, struct txn_reader *reader, struct error *error);

static int on_payload(struct decoder *d, const struct event *e, struct txn_reader *reader, struct error *error) {
    struct slice raw;
    int r = payload_begin(d->payload, e->body, reader, error);
    while (r == 0) {
        r = payload_next(d->payload, &raw, error);
        if (r <= 0)
            break;
        r = on_event(d, raw, NULL, error);
    }
    return r;
}

/* `reader` is where the event comes from; NULL: a compressed transaction. */
static int on_event(struct decoder *d, struct slice raw, struct txn_reader *reader, struct error *error) {
    struct event e;
    int r = event_read(&e, raw, CHECKSUM_CUT, error);
    if (r)
        return r;
    for (size_t i = 0; i < ARRAY_LEN(shapes); i++)
        if (shapes[i].type == e.type)
            return on_rows(d, &e, &shapes[i], error);
    switch (e.type) {
    case EVENT_TABLE_MAP:
        return on_table_map(d, &e, error);
    case EVENT_QUERY:
    case EVENT_EXECUTE_LOAD_QUERY:
        return definition_apply(d, &e, !reader, error);
    case EVENT_TRANSACTION_PAYLOAD:
        if (reader)
            return on_payload(d, &e, reader, error);
        break;
    case EVENT_XID:
    case EVENT_XA_PREPARE:
    case EVENT_ROWS_QUERY:
    case EVENT_INTVAR:
    case EVENT_RAND:
    case EVENT_USER_VAR:
    case EVENT_VIEW_CHANGE:
    case EVENT_TRANSACTION_CONTEXT:
        return 0;
    default:
        if (e.flags & EVENT_FLAG_IGNORABLE)
            return 0;
        break;
    }
    return error_set(error, ERR_SOURCE,
                     "event type %u in a transaction is not known to this version of leat: upgrade it", e.type);
}

static int run(struct decoder *d, struct txn *txn, struct error *error) {
    struct txn_reader reader defer(txn_reader_deinit) = {.txn = txn};
    struct slice raw;
    int r;
    d->bound_count = 0;
    d->end = &txn->end;
    if (txn->server_version && txn->server_version != d->server_version) {
        d->server_version = txn->server_version;
        d->cache_count = 0; /* the same bytes may mean something else */
        memset(d->recent, 0, sizeof(d->recent));
    }
    while ((r = txn_reader_next(&reader, &raw, error)) > 0) {
        r = on_event(d, raw, &reader, error);
        if (r)
            break;
    }
    if (r < 0)
        return error_wrap(error, r, "the transaction that ends at %s:%llu", txn->end.file,
                          (unsigned long long)txn->end.offset);
    return r;
}

int decoder_run(struct decoder *d, struct txn *txn, struct error *error) {
    if (txn->role != TXN_COMMITTED)
        return DECODER_UNDECIDED;
    d->asking = false;
    d->undecided = !txn->decided;
    return run(d, txn, error);
}

int decoder_concerned(struct decoder *d, struct txn *txn, struct error *error) {
    d->asking = true;
    d->undecided = false;
    return run(d, txn, error);
}
