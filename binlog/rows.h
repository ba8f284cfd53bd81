/* From a transaction's raw events to row changes.
 *
 * A decoder belongs to one thread, and keeps what spans transactions: nothing but table descriptions, cached by name and content, so that row_change.table
 * and its handle stay valid as long as the decoder. Values live until the handler returns. */
#pragma once

#include "binlog/statement.h"
#include "binlog/stream.h"
#include "contract/row_change.h"

struct decoder;

/* A logged statement that is no part of a transaction's frame. */
struct logged_statement {
    enum statement_kind kind;
    bool loses_rows;                 /* rows may have changed that are not in the binlog */
    const struct query_event *event; /* where it ran, which databases it used */
    struct slice sql;                /* in UTF-8 */
    bool is_text;                    /* else `sql` has the bytes, which are no text of the client's character set */
    const struct statement *names;   /* the tables that it names, as far as binlog/statement.h tells */
};

struct decoder_options {
    const char *database; /* events of other databases are skipped; NULL: all databases */
    void *context;
    /* Asked once per table description. Returns the handle that row changes carry, or NULL: the table's rows are skipped undecoded.
     * `wanted` (table->column_count flags, all true at first) may be cleared for columns that need not be decoded. May return an error through ret_error (negative code) e.g. when a mapped column is gone. */
    void *(*table)(void *context, const struct table *table, bool *wanted, int *ret_error, struct error *error);
    /* Called for each change, in order. A negative return ends the decoding. */
    int (*row)(void *context, const struct row_change *change, struct error *error);
    /* For servers with binlog_row_metadata=MINIMAL: the live schema, used for names, signs and labels by column number (refused when number or type
     * differ). NULL: such an event is an error (ERR_SOURCE with the remedy). */
    const struct schema *schema;
    /* `schema` knows every ALTER up to here. An inserted row whose image lacks columns, behind a later ALTER of its table, is an error: the
     * defaults in `schema` may not be its. So is, behind such a row, an ALTER that `schema` knows. NULL: not told. Lives as long as the decoder. */
    const struct position *schema_at;
    /* Asked instead of `schema`: the table as it is now (*ret NULL when there is none). */
    int (*live_table)(void *context, const char *database, const char *name, const struct table **ret,
                      struct error *error);
    /* Columns of which neither the event nor a schema of the same shape tells the names are called @1, @2, ..., instead of
     * being an error; an ENUM or SET without labels has its number alone, and text of unknown character set counts as utf8mb4. */
    bool numbered_columns;
    /* Called for each statement but TRUNCATE of one table (a row change) and a transaction's frame; then nothing is refused, the callee decides. A
     * negative return ends the decoding. NULL: what changes rows of wanted tables is refused. */
    int (*statement)(void *context, const struct logged_statement *statement, struct error *error);
    bool names_folded;    /* server_facts */
    bool drop_deletes;    /* DROP of a wanted table is a TRUNCATE of it; else it is refused */
    bool cascades_logged; /* server_facts */
};

struct decoder *decoder_new(const struct decoder_options *options);
void decoder_free(struct decoder *d); /* accepts NULL */

enum decoder_result {
    DECODER_UNDECIDED = 1, /* XA: nothing was delivered */
    DECODER_CONCERNED = 2,
};

/* Decodes the whole transaction, calling `row` for each change (TRUNCATE TABLE of a wanted table too). DECODER_UNDECIDED: its rows wait for
 * another one, or it decides others: xa_run() (binlog/xa.h) calls this, and knows what to do. */
int decoder_run(struct decoder *d, struct txn *txn, struct error *error) must_check;
/* DECODER_CONCERNED when the transaction has rows of a wanted table, else 0. Delivers nothing. */
int decoder_concerned(struct decoder *d, struct txn *txn, struct error *error) must_check;

/* Was there, since the last call, an ALTER that the schema does not know? What is before it must not be decoded again by a later schema. */
bool decoder_met_alter(struct decoder *d);
