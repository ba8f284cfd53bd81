/* The decoder's inside, shared by rows.c (rows) and definition.c (statements). */
#pragma once

#include "binlog/rows.h"
#include "binlog/tablemap.h"
#include "binlog/txn_buffer.h"

enum { RECENT_MAPS = 64 };

struct bound_map { /* the table maps of the present statement */
    uint64_t id;
    struct table_map *map; /* NULL: not wanted */
};

struct name_list {
    const char **names; /* in decoder.tables */
    size_t count;
};

struct decoder {
    struct decoder_options options;
    char *database;
    struct arena tables;      /* descriptions, for the decoder's life */
    struct arena row;         /* strings of one row */
    struct table_map **cache; /* oldest first */
    size_t cache_count, cache_cap;
    struct bound_map *bound;
    size_t bound_count, bound_cap;
    struct table_map *recent[RECENT_MAPS]; /* of the cache, by the lowest bits of their numbers */
    struct name_list altered;              /* tables that an ALTER behind schema_at names */
    struct name_list defaulted;            /* tables of which inserted rows lacked columns */
    struct name_list numbered;             /* tables whose rows had their names from the schema */
    bool met_alter;
    unsigned server_version;     /* of the newest transaction of which it is known */
    const struct txn_end *end;   /* of the transaction at hand */
    bool undecided;              /* the transaction at hand may only be prepared: nothing of it is delivered */
    bool asking;                 /* only whether it concerns us */
    struct statement *statement; /* scratch */
    struct payload *payload;
};

bool decoder_in_database(const struct decoder *d, struct slice database);
/* The table as the live schema has it; *ret NULL: not there. */
int decoder_live_table(struct decoder *d, const char *database, const char *name, const struct table **ret,
                       struct error *error) must_check;
int decoder_ask_filter(struct decoder *d, struct table_map *map, struct error *error) must_check;
void decoder_remember(struct decoder *d, struct table_map *map);

bool name_list_has(const struct name_list *list, const char *name);
void name_list_add(struct decoder *d, struct name_list *list, const char *name);

/* definition.c: a QUERY or EXECUTE_LOAD_QUERY event. */
int definition_apply(struct decoder *d, const struct event *e, bool in_payload, struct error *error) must_check;
