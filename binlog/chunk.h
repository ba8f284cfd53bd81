/* The snapshot's reading: a table's rows in chunks of primary-key order, by prepared statements with binary results. */
#pragma once

#include "binlog/connect.h"
#include "contract/row_change.h"

struct chunk_reader;

/* Reads the columns `columns` (names; the key's columns are the first `key_count`) of database.table. `after` starts behind a key (`key_count` values), NULL at the first row.
 * Chunks are bounded as MySQL compares keys (row comparison in WHERE, ORDER BY key LIMIT n), so collations do not matter. */
struct chunk_query {
    const struct table *table;
    const unsigned *columns; /* numbers into table->columns; the first key_count are the key, in key order */
    size_t column_count;
    size_t key_count;
    size_t limit; /* rows a chunk */
    bool one_row; /* not behind `after`, but at it: the row with that key */
};

int chunk_reader_open(struct chunk_reader **ret, struct connection *c, const struct chunk_query *query,
                      struct error *error) must_check;
void chunk_reader_close(struct chunk_reader *r);

/* Reads the rows behind `after` and calls `row` for each with column_count values (valid until it returns). *ret_rows is how many: fewer than the limit means
 * that the table's end was met; else chunk_reader_last() continues. `after` may be a row's own key, too, but text of it may then stand for another code. */
int chunk_read(struct chunk_reader *r, const struct value *after,
               int (*row)(void *context, const struct value *values, struct error *error), void *context,
               size_t *ret_rows, struct error *error) must_check;

/* Where a full chunk ended: the last row's key, text as the column's own bytes. Valid until the next chunk's end (it may be the next one's
 * `after`); it can be stored, and given to another reader. */
const struct value *chunk_reader_last(const struct chunk_reader *r);

/* The estimate of information_schema; for progress only. */
int table_row_estimate(struct connection *c, const char *database, const char *table, uint64_t *ret,
                       struct error *error) must_check;

/* XIDs of transactions that are prepared now (XA RECOVER), as one text each; needs XA_RECOVER_ADMIN: returns 1 without the grant. */
int prepared_xids(struct connection *c, struct arena *arena, const char *const **ret, size_t *ret_count,
                  struct error *error) must_check;

/* Reads one row by its key (query->key_count values); `row` is not called when there is none. query->limit and one_row are ignored. */
int chunk_read_row(struct connection *c, const struct chunk_query *query, const struct value *key,
                   int (*row)(void *context, const struct value *values, struct error *error), void *context,
                   struct error *error) must_check;
