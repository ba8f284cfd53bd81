/* Transactions in, JSON lines out: what `leat decode` does with each transaction, wherever it comes from. */
#pragma once

#include "binlog/rows.h"

struct decode;

struct decode_options {
    const char *const *tables; /* "table" or "database.table"; none: all */
    size_t table_count;
    bool transactions; /* a line for each, behind its rows */
    bool no_rows;
    bool statements; /* show statements that may have changed rows, instead of stopping there */
    int out_fd;
    int stop_fd; /* readable when the decoding shall end: looked at with every write */
    /* For events without column names; NULL: the columns are numbered. As in struct decoder_options. */
    int (*live_table)(void *context, const char *database, const char *name, const struct table **ret,
                      struct error *error);
    void (*note)(void *context, const char *text); /* what somebody should know and is no error */
    void (*progress)(void *context);               /* often: it tells itself when there is time for it */
    void *context;
};

struct decode *decode_new(const struct decode_options *options);
void decode_free(struct decode *d); /* accepts NULL */

/* Lines for a whole transaction (*txn is NULL when it was only prepared, and is kept until its XA COMMIT); they are written when enough are together. ERR_STOPPED when whoever reads them is gone, or by stop_fd;
 * ERR_SOURCE for what cannot be decoded (what stands before it is in the buffer); ERR_STORE when they cannot be written. */
int decode_txn(struct decode *d, struct txn **txn, struct error *error) must_check;
/* No lines for it; but what it prepares, a later one may commit. */
int decode_skip(struct decode *d, struct txn **txn, struct error *error) must_check;
/* Writes what is in the buffer. */
int decode_flush(struct decode *d, struct error *error) must_check;

uint64_t decode_rows(const struct decode *d); /* lines for rows so far */
/* The first of the asked tables of which nothing was met, or NULL. */
const char *decode_unmet_table(const struct decode *d);
