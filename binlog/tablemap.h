/* TABLE_MAP events: a table as it was when the rows behind it were written.
 * Layout: Table_map_event in the server's libs/mysql/binlog/event/rows_event.h. */
#pragma once

#include "binlog/coltype.h"
#include "src/base/error.h"

struct table_map {
    struct table table;       /* names NULL in columns until named */
    struct wire_column *wire; /* table.column_count of them */
    bool *wanted;
    void *handle;    /* NULL: rows are skipped */
    bool live_names; /* of the replicator, from the schema: the event has none */
    bool has_names;  /* binlog_row_metadata=FULL */
    bool
        raw_labels; /* labels are in the event, but not their character set: so wrote the first servers with binlog_row_metadata (8.0.12) */
    size_t json_count;
    const struct wire_column *unreadable; /* the first column of a type that is not known; NULL: the rows can be read */
    struct value *before, *after;         /* room for one row */
    struct slice content;                 /* the event's bytes behind the table id: what it is cached by */
    uint64_t hash;
};

/* The head alone: the number by which row events refer to the table, its names, and the rest. */
struct table_map_head {
    uint64_t id;
    struct slice database, name;
    struct slice content;
};
int table_map_head_read(struct table_map_head *ret, struct slice body, struct error *error) must_check;

/* Everything lives in the arena. `server_version` (80012 for 8.0.12; 0: not known) is that of the file. */
int table_map_read(struct table_map **ret, const struct table_map_head *head, unsigned server_version,
                   struct arena *arena, struct error *error) must_check;

/* Takes names, labels and the rest from the live schema's table, for events without them. ERR_SOURCE when number or type of the columns differ. */
int table_map_name(struct table_map *map, const struct table *live, struct arena *arena,
                   struct error *error) must_check;

/* With raw_labels: reads them by the live columns' character sets. Where `live` (which may be NULL) has no such column, labels beyond plain
 * ASCII become unknown. */
void table_map_read_labels(struct table_map *map, const struct table *live, struct arena *arena);

/* Calls the columns @1, @2, ... Text whose character set the event does not tell counts as utf8mb4. */
void table_map_number(struct table_map *map, struct arena *arena);

/* A description of a table of which no event was seen. */
struct table_map *table_map_of_schema(const struct table *live, struct arena *arena);
