/* Reading table maps: the columns' types, then the optional metadata, a list of fields each for the columns that it concerns. */
#include "binlog/tablemap.h"

#include "src/base/utf8.h"

enum metadata_field {
    SIGNEDNESS = 1,
    DEFAULT_CHARSET = 2,
    COLUMN_CHARSET = 3,
    COLUMN_NAME = 4,
    SET_VALUES = 5,
    ENUM_VALUES = 6,
    ENUM_AND_SET_DEFAULT_CHARSET = 10,
    ENUM_AND_SET_COLUMN_CHARSET = 11,
    COLUMN_VISIBILITY = 12,
};

enum { COLUMNS_MAX = 4096 };

struct reading {
    unsigned server_version;
    struct table_map *map;
    struct column *columns;
    struct arena *arena;
    struct slice set_values, enum_values; /* read last: their character sets may come behind them */
};

static int malformed(const struct table_map_head *head, struct error *error) {
    return error_set(error, ERR_SOURCE, "the description of table %.*s.%.*s in the binlog is malformed",
                     (int)head->database.len, head->database.data, (int)head->name.len, head->name.data);
}

/* Id 6, flags 2, database and table with length and zero byte. */
int table_map_head_read(struct table_map_head *ret, struct slice body, struct error *error) {
    struct cursor c = cursor_of(body.data, body.len);
    struct table_map_head h = {.id = cursor_u48(&c)};
    h.content = (struct slice){(const char *)c.at, cursor_left(&c)};
    cursor_skip(&c, 2);
    h.database.len = cursor_u8(&c);
    h.database.data = (const char *)cursor_take(&c, h.database.len);
    cursor_skip(&c, 1);
    h.name.len = cursor_u8(&c);
    h.name.data = (const char *)cursor_take(&c, h.name.len);
    cursor_skip(&c, 1);
    if (c.failed)
        return error_set(error, ERR_SOURCE, "a table description in the binlog is malformed");
    *ret = h;
    return 0;
}

/* Bits from the highest of the first byte on. */
static bool next_bit(struct slice bits, size_t i) {
    return i / 8 < bits.len && ((unsigned char)bits.data[i / 8] >> (7 - i % 8) & 1);
}

static bool is_labelled(const struct reading *r, size_t i) {
    return r->columns[i].type == COLUMN_ENUM || r->columns[i].type == COLUMN_SET;
}

static bool has_charset(const struct reading *r, size_t i, bool labelled) {
    return labelled ? is_labelled(r, i) : coltype_has_charset(&r->map->wire[i]);
}

/* 8.0.12 has no bit for YEAR, 9.7 has (both measured), 8.0.29 too, as others report; between them it is assumed. */
static void take_signs(struct reading *r, struct slice field) {
    enum { YEARS_HAVE_SIGNS = 80013 };
    bool old = r->server_version && r->server_version < YEARS_HAVE_SIGNS;
    size_t n = 0;
    for (size_t i = 0; i < r->map->table.column_count; i++)
        if (coltype_has_sign(&r->map->wire[i]) && !(old && r->columns[i].type == COLUMN_YEAR))
            r->columns[i].is_unsigned = next_bit(field, n++);
}

static void take_visibility(struct reading *r, struct slice field) {
    for (size_t i = 0; i < r->map->table.column_count; i++)
        r->columns[i].invisible = !next_bit(field, i);
}

static void set_charset(struct reading *r, size_t i, uint64_t collation) {
    r->columns[i].collation = (uint32_t)MIN(collation, UINT32_MAX);
    r->map->wire[i].charset = charset_of_collation(r->columns[i].collation);
}

/* One collation for all, then pairs of (number among these columns, collation) for the others. */
static void take_default_charset(struct reading *r, struct slice field, bool labelled) {
    struct cursor c = cursor_of(field.data, field.len);
    uint64_t common = cursor_lenenc(&c);
    for (size_t i = 0; i < r->map->table.column_count; i++)
        if (has_charset(r, i, labelled))
            set_charset(r, i, common);
    for (size_t pairs = 0; cursor_left(&c) && pairs < r->map->table.column_count; pairs++) {
        uint64_t number = cursor_lenenc(&c), collation = cursor_lenenc(&c), n = 0;
        for (size_t i = 0; !c.failed && i < r->map->table.column_count; i++)
            if (has_charset(r, i, labelled) && n++ == number)
                set_charset(r, i, collation);
    }
}

static void take_column_charsets(struct reading *r, struct slice field, bool labelled) {
    struct cursor c = cursor_of(field.data, field.len);
    for (size_t i = 0; i < r->map->table.column_count && cursor_left(&c); i++)
        if (has_charset(r, i, labelled))
            set_charset(r, i, cursor_lenenc(&c));
}

static bool take_names(struct reading *r, struct slice field) {
    struct cursor c = cursor_of(field.data, field.len);
    for (size_t i = 0; i < r->map->table.column_count; i++) {
        uint64_t len = cursor_lenenc(&c);
        const unsigned char *name = cursor_take(&c, len);
        if (!name)
            return false;
        r->columns[i].name = arena_strndup(r->arena, (const char *)name, len);
    }
    r->map->has_names = true;
    return cursor_left(&c) == 0;
}

static void forget_labels(struct column *column) {
    column->labels = NULL;
    column->label_count = 0;
}

/* One that cannot be converted makes all unknown: the column is refused where it is mapped. */
static void labels_to_utf8(struct column *column, struct arena *arena) {
    enum charset set = charset_of_collation(column->collation);
    struct slice *labels = (struct slice *)column->labels;
    for (size_t i = 0; i < column->label_count; i++)
        if (!charset_to_utf8(set, labels[i], arena, &labels[i])) {
            forget_labels(column);
            return;
        }
}

/* For each column: number of labels, then each with its length. */
static bool take_labels(struct reading *r, struct slice field, enum column_type type) {
    struct cursor c = cursor_of(field.data, field.len);
    for (size_t i = 0; i < r->map->table.column_count && cursor_left(&c); i++) {
        struct column *column = &r->columns[i];
        if (column->type != type)
            continue;
        uint64_t count = cursor_lenenc(&c);
        if (c.failed || count > cursor_left(&c))
            return false;
        struct slice *labels = arena_alloc(r->arena, (count + 1) * sizeof(*labels));
        for (size_t j = 0; j < count; j++) {
            uint64_t len = cursor_lenenc(&c);
            const unsigned char *text = cursor_take(&c, len);
            if (!text)
                return false;
            labels[j] = (struct slice){arena_copy(r->arena, text, len), len};
        }
        column->labels = labels;
        column->label_count = count;
        if (column->collation)
            labels_to_utf8(column, r->arena);
        else
            r->map->raw_labels = true;
    }
    return !c.failed;
}

static bool take_field(struct reading *r, uint8_t type, struct slice field) {
    switch (type) {
    case SIGNEDNESS:
        take_signs(r, field);
        return true;
    case DEFAULT_CHARSET:
    case ENUM_AND_SET_DEFAULT_CHARSET:
        take_default_charset(r, field, type == ENUM_AND_SET_DEFAULT_CHARSET);
        return true;
    case COLUMN_CHARSET:
    case ENUM_AND_SET_COLUMN_CHARSET:
        take_column_charsets(r, field, type == ENUM_AND_SET_COLUMN_CHARSET);
        return true;
    case COLUMN_NAME:
        return take_names(r, field);
    case SET_VALUES:
        r->set_values = field;
        return true;
    case ENUM_VALUES:
        r->enum_values = field;
        return true;
    case COLUMN_VISIBILITY:
        take_visibility(r, field);
        return true;
    default: /* primary keys, geometry types, dimensions: not needed; new ones are optional by their name */
        return true;
    }
}

static bool read_metadata(struct reading *r, struct cursor *c) {
    while (cursor_left(c)) {
        uint8_t type = cursor_u8(c);
        uint64_t len = cursor_lenenc(c);
        const unsigned char *data = cursor_take(c, len);
        if (!data || !take_field(r, type, (struct slice){(const char *)data, len}))
            return false;
    }
    return take_labels(r, r->enum_values, COLUMN_ENUM) && take_labels(r, r->set_values, COLUMN_SET);
}

/* Once the character sets are known: text with the binary collation is bytes. */
static void finish(struct reading *r) {
    for (size_t i = 0; i < r->map->table.column_count; i++) {
        struct column *column = &r->columns[i];
        if (column->type == COLUMN_TEXT && r->map->wire[i].charset == CHARSET_BINARY)
            column->type = COLUMN_BINARY;
        r->map->json_count += column->type == COLUMN_JSON;
    }
}

static bool read_columns(struct reading *r, struct cursor *c, size_t count, const unsigned char *types) {
    uint64_t meta_len = cursor_lenenc(c);
    const unsigned char *meta_bytes = cursor_take(c, meta_len);
    const unsigned char *nullable = cursor_take(c, (count + 7) / 8);
    if (!meta_bytes || !nullable)
        return false;
    struct cursor meta = cursor_of(meta_bytes, meta_len);
    for (size_t i = 0; i < count; i++) {
        struct wire_column *w = &r->map->wire[i];
        struct column *column = &r->columns[i];
        if (!r->map->unreadable && !coltype_known(types[i]))
            r->map->unreadable = w;
        if (!coltype_resolve(w, types[i], &meta) && !r->map->unreadable)
            return false;
        w->column = column;
        column->type = coltype_column_type(w);
        column->digits = coltype_digits(w);
        column->length = coltype_length(w);
        column->fixed_length = types[i] == 254; /* MYSQL_TYPE_STRING */
        column->nullable = nullable[i / 8] >> (i % 8) & 1;
    }
    return true;
}

static struct table_map *new_map(struct arena *arena, size_t count) {
    struct table_map *map = arena_zalloc(arena, sizeof(*map));
    map->wire = arena_zalloc(arena, count * sizeof(*map->wire));
    map->wanted = arena_zalloc(arena, count + 1);
    map->before = arena_zalloc(arena, count * sizeof(*map->before));
    map->after = arena_zalloc(arena, count * sizeof(*map->after));
    map->table.column_count = count;
    return map;
}

int table_map_read(struct table_map **ret, const struct table_map_head *head, unsigned server_version,
                   struct arena *arena, struct error *error) {
    struct cursor c = cursor_of(head->content.data, head->content.len);
    cursor_skip(&c, 2 + 1 + head->database.len + 1 + 1 + head->name.len + 1);
    uint64_t count = cursor_lenenc(&c);
    const unsigned char *types = cursor_take(&c, count <= COLUMNS_MAX ? count : SIZE_MAX);
    if (!types)
        return malformed(head, error);
    struct table_map *map = new_map(arena, count);
    struct reading r = {.map = map,
                        .server_version = server_version,
                        .arena = arena,
                        .columns = arena_zalloc(arena, count * sizeof(struct column))};
    map->table.columns = r.columns;
    map->table.database = arena_strndup(arena, head->database.data, head->database.len);
    map->table.name = arena_strndup(arena, head->name.data, head->name.len);
    if (!read_columns(&r, &c, count, types) || !read_metadata(&r, &c))
        return malformed(head, error);
    finish(&r);
    *ret = map;
    return 0;
}

/* ---- names from the live schema */

/* MySQL 5.7 tells no character sets: then text and bytes look alike, and the schema knows which it is. */
static bool lacks_charset(const struct table_map *map, size_t i) {
    return coltype_has_charset(&map->wire[i]) && map->table.columns[i].collation == 0;
}

static int differs(const struct table_map *map, const char *what, struct error *error) {
    return error_set(error, ERR_SOURCE,
                     "table %s.%s was changed after these rows were written (%s), and the binlog has no column names: "
                     "run SET PERSIST binlog_row_metadata = 'FULL' on the source (MySQL 8.0 or later has it) and start "
                     "with an empty state_dir",
                     map->table.database, map->table.name, what);
}

int table_map_name(struct table_map *map, const struct table *live, struct arena *arena, struct error *error) {
    if (live->column_count != map->table.column_count)
        return differs(map, "its number of columns", error);
    struct column *columns = arena_copy(arena, live->columns, live->column_count * sizeof(*columns));
    for (size_t i = 0; i < live->column_count; i++) {
        const struct column *was = &map->table.columns[i];
        bool same_type = columns[i].type == was->type || (columns[i].type == COLUMN_BINARY && lacks_charset(map, i));
        bool same = same_type && columns[i].digits == was->digits &&
                    (was->type != COLUMN_INT || columns[i].length == was->length);
        if (!same && !map->unreadable)
            return differs(map, columns[i].name, error);
        columns[i].nullable = was->nullable;
        columns[i].length = was->length;
        columns[i].fixed_length = was->fixed_length;
        if (lacks_charset(map, i))
            map->wire[i].charset = charset_of_collation(columns[i].collation);
        else
            columns[i].collation = was->collation;
        map->wire[i].column = &columns[i];
    }
    map->table.columns = columns;
    return 0;
}

/* The same in every character set that has them in one byte. */
static bool is_plain_label(struct slice label) {
    static const char also[] = " _-+.,:;/()";
    for (size_t i = 0; i < label.len; i++) {
        char c = label.data[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!plain && !memchr(also, c, sizeof(also) - 1))
            return false;
    }
    return true;
}

static bool plain_labels(const struct column *c) {
    for (size_t i = 0; i < c->label_count; i++)
        if (!is_plain_label(c->labels[i]))
            return false;
    return true;
}

void table_map_read_labels(struct table_map *map, const struct table *live, struct arena *arena) {
    for (size_t i = 0; i < map->table.column_count; i++) {
        struct column *c = (struct column *)&map->table.columns[i];
        if ((c->type != COLUMN_ENUM && c->type != COLUMN_SET) || c->collation || !c->labels)
            continue;
        int number = live ? table_column(live, c->name) : -1;
        bool known = number >= 0 && live->columns[number].type == c->type;
        if (known) {
            c->collation = live->columns[number].collation;
            labels_to_utf8(c, arena);
        } else if (!plain_labels(c)) {
            forget_labels(c);
        }
    }
}

void table_map_number(struct table_map *map, struct arena *arena) {
    size_t count = map->table.column_count;
    struct column *columns = arena_copy(arena, map->table.columns, count * sizeof(*columns));
    for (size_t i = 0; i < count; i++) {
        columns[i].name = arena_printf(arena, "@%zu", i + 1);
        map->wire[i].column = &columns[i];
        if (lacks_charset(map, i))
            map->wire[i].charset = CHARSET_UTF8MB4;
    }
    map->table.columns = columns;
}

struct table_map *table_map_of_schema(const struct table *live, struct arena *arena) {
    struct table_map *map = new_map(arena, live->column_count);
    map->table = *live;
    return map;
}
