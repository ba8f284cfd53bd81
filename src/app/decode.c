/* From transactions to JSON lines.
 *
 * Happy path: (1) the part that all lines of a transaction begin with is made once; (2) the decoder asks for each new table description
 * whether it is wanted, and gets the table's escaped names; (3) each row becomes a line in a buffer; (4) the buffer is written when it is
 * large, or when the source rests.
 *
 * Statements: what defines things is shown as "ddl" (with a table filter: when it names a wanted table, or more than leat understands); what may have
 * changed rows ends the decoding unless it may be shown. A reader that went away (head) ends it quietly. */
#include "src/app/decode.h"

#include "binlog/xa.h"
#include "src/app/row_json.h"
#include "src/base/json.h"
#include "src/base/sys.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

enum { WRITE_SIZE = 256 * 1024, KEEP_SIZE = 8 * 1024 * 1024, PROGRESS_TXNS = 1024 };

struct wanted_table {
    struct row_json_table json;
    struct wanted_table *next_touched;
    uint64_t rows; /* of the transaction at hand */
};

struct decode {
    struct decode_options options;
    struct decoder *decoder;
    struct xa_list prepared; /* until their XA COMMIT, which delivers their rows */
    struct arena arena;      /* table descriptions */
    struct buf out;
    struct buf head;
    struct wanted_table *touched;
    uint64_t txn_rows;
    uint64_t txn_statements;
    uint64_t rows, txns;
    bool noted; /* that columns have no names */
    bool *met;  /* a flag for each of options.tables */
};

static bool is_named(const char *wanted, const char *database, const char *name) {
    size_t len = strlen(database);
    if (strcmp(wanted, name) == 0)
        return true;
    return strncmp(wanted, database, len) == 0 && wanted[len] == '.' && strcmp(wanted + len + 1, name) == 0;
}

static bool is_wanted(struct decode *d, const char *database, const char *name) {
    bool wanted = d->options.table_count == 0;
    for (size_t i = 0; i < d->options.table_count; i++)
        if (is_named(d->options.tables[i], database, name))
            wanted = d->met[i] = true;
    return wanted;
}

const char *decode_unmet_table(const struct decode *d) {
    for (size_t i = 0; i < d->options.table_count; i++)
        if (!d->met[i])
            return d->options.tables[i];
    return NULL;
}

uint64_t decode_rows(const struct decode *d) {
    return d->rows;
}

/* ---- writing */

static bool asked_to_stop(const struct decode *d) {
    struct pollfd p = {.fd = d->options.stop_fd, .events = POLLIN};
    return poll(&p, 1, 0) > 0;
}

int decode_flush(struct decode *d, struct error *error) {
    for (size_t at = 0; at < d->out.len;) {
        ssize_t n = sys.write(d->options.out_fd, d->out.data + at, d->out.len - at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EPIPE) {
            buf_clear(&d->out);
            return error_set(error, ERR_STOPPED, "the reader is gone");
        }
        if (n <= 0)
            return error_set(error, ERR_STORE, "cannot write standard output: %s",
                             n < 0 ? strerror(errno) : "nothing written");
        at += (size_t)n;
    }
    buf_clear(&d->out);
    if (d->out.cap > KEEP_SIZE)
        buf_deinit(&d->out);
    d->options.progress(d->options.context);
    return 0;
}

static int flush_when_large(struct decode *d, struct error *error) {
    if (d->out.len < WRITE_SIZE)
        return 0;
    int r = decode_flush(d, error);
    return r == 0 && asked_to_stop(d) ? error_set(error, ERR_STOPPED, "stopped") : r;
}

/* ---- what the decoder calls */

static void note_numbers(struct decode *d, const struct table *table) {
    if (d->noted || table->column_count == 0 || strcmp(table->columns[0].name, "@1") != 0)
        return;
    d->noted = true;
    d->options.note(
        d->options.context,
        "the binlog has no column names (binlog_row_metadata=MINIMAL) and no table of this shape is known (none is "
        "seen without a source, or without SELECT on it): columns are called @1, @2, ...; where the binlog has no "
        "signs either, integers are shown as "
        "signed, and text is taken for utf8mb4");
}

static void *on_table(void *context, const struct table *table, bool *wanted, int *ret_error, struct error *error) {
    struct decode *d = context;
    if (!is_wanted(d, table->database, table->name))
        return NULL;
    if (d->options.no_rows)
        memset(wanted, false, table->column_count);
    else
        note_numbers(d, table);
    struct wanted_table *t = arena_zalloc(&d->arena, sizeof(*t));
    row_json_table_init(&t->json, table, &d->arena);
    return t;
}

static int on_row(void *context, const struct row_change *change, struct error *error) {
    struct decode *d = context;
    struct wanted_table *t = change->handle;
    if (t->rows++ == 0) {
        t->next_touched = d->touched;
        d->touched = t;
    }
    d->txn_rows++;
    if (d->options.no_rows)
        return 0;
    d->rows++;
    row_json_put_change(&d->out, buf_slice(&d->head), &t->json, change, d->txn_rows);
    return flush_when_large(d, error);
}

/* Names for a table whose events have none. Only wanted tables are asked for. */
static int on_live_table(void *context, const char *database, const char *name, const struct table **ret,
                         struct error *error) {
    struct decode *d = context;
    *ret = NULL;
    if (!d->options.live_table || !is_wanted(d, database, name))
        return 0;
    return d->options.live_table(d->options.context, database, name, ret, error);
}

static bool names_wanted(struct decode *d, const struct logged_statement *s) {
    char session[256];
    snprintf(session, sizeof(session), "%.*s", (int)s->event->database.len, s->event->database.data);
    bool wanted = d->options.table_count == 0 || s->names->too_many_names;
    for (size_t i = 0; i < s->names->name_count; i++) {
        const struct statement_name *name = &s->names->names[i];
        wanted = is_wanted(d, name->database[0] ? name->database : session, name->table) || wanted;
    }
    return wanted;
}

/* Did the statement use `database`? Where the event does not tell: did it run there, or name it? */
static bool uses(const struct query_event *q, const char *database) {
    if (!q->databases_known)
        return slice_equal(q->database, slice_of(database)) || statement_names(q->sql, &q->mode, database);
    for (size_t i = 0; i < q->database_count; i++)
        if (q->databases[i].len == 0 || slice_equal(q->databases[i], slice_of(database)))
            return true;
    return false;
}

/* May it have changed a wanted table? It need not name the table: triggers and views. */
static bool may_touch(const struct decode *d, const struct query_event *q) {
    bool may = d->options.table_count == 0;
    for (size_t i = 0; !may && i < d->options.table_count; i++) {
        char database[STATEMENT_NAME_SIZE];
        const char *dot = strchr(d->options.tables[i], '.');
        snprintf(database, sizeof(database), "%.*s", dot ? (int)(dot - d->options.tables[i]) : 0, d->options.tables[i]);
        may = !dot || uses(q, database);
    }
    return may;
}

static int on_statement(void *context, const struct logged_statement *s, struct error *error) {
    struct decode *d = context;
    bool by_name = s->kind != STATEMENT_ROWS && s->kind != STATEMENT_UNKNOWN;
    if (!(by_name ? names_wanted(d, s) : may_touch(d, s->event)))
        return 0;
    if (s->loses_rows && !d->options.statements)
        return error_set(error, ERR_SOURCE,
                         "a statement that may have changed rows is in the binlog instead of these rows: %.*s; "
                         "--statements shows it and goes on",
                         (int)MIN(s->sql.len, 300), s->sql.data);
    d->txn_statements++;
    if (!d->options.no_rows)
        row_json_put_statement(&d->out, buf_slice(&d->head), s);
    return flush_when_large(d, error);
}

/* ---- all */

struct decode *decode_new(const struct decode_options *options) {
    struct decode *d = xcalloc(1, sizeof(*d));
    d->options = *options;
    d->out = BUF_INIT(SIZE_MAX / 2);
    d->head = BUF_INIT(4096);
    d->met = xcalloc(options->table_count + 1, sizeof(*d->met));
    struct decoder_options decoder = {.context = d,
                                      .table = on_table,
                                      .row = on_row,
                                      .statement = on_statement,
                                      .live_table = on_live_table,
                                      .numbered_columns = true};
    d->decoder = decoder_new(&decoder);
    return d;
}

void decode_free(struct decode *d) {
    if (!d)
        return;
    decoder_free(d->decoder);
    xa_list_deinit(&d->prepared);
    arena_deinit(&d->arena);
    buf_deinit(&d->out);
    buf_deinit(&d->head);
    free(d->met);
    free(d);
}

/* ,"xid":"X'61',X'',1" */
static void put_xid(struct buf *out, const struct txn *txn) {
    defer(buf_deinit) struct buf text = BUF_SMALL(300, 1000);
    if (txn->role == TXN_COMMITTED)
        return;
    xid_format(&txn->xid, &text);
    buf_put_slice(out, SLICE(",\"xid\":"));
    json_put_string(out, buf_slice(&text));
}

static struct slice transaction_kind(const struct txn *txn) {
    if (!txn || txn->role == TXN_PREPARED)
        return SLICE("xa_prepare");
    return txn->role == TXN_XA_ROLLS_BACK ? SLICE("xa_rollback") : SLICE("transaction");
}

/* ,"kind":"transaction","rows":3,"statements":0,"bytes":1234,"tables":{"shop.orders":3}} */
static void put_transaction(struct decode *d, struct slice kind, size_t bytes) {
    struct json_out json = JSON_OUT(&d->out);
    buf_put_slice(&d->out, buf_slice(&d->head));
    buf_put_slice(&d->out, SLICE(",\"kind\":\""));
    buf_put_slice(&d->out, kind);
    buf_put_slice(&d->out, SLICE("\",\"rows\":"));
    buf_put_digits(&d->out, d->txn_rows, 1);
    buf_put_slice(&d->out, SLICE(",\"statements\":"));
    buf_put_digits(&d->out, d->txn_statements, 1);
    buf_put_slice(&d->out, SLICE(",\"bytes\":"));
    buf_put_digits(&d->out, bytes, 1);
    buf_put_slice(&d->out, SLICE(",\"tables\":"));
    json_open(&json, '{');
    for (const struct wanted_table *t = d->touched; t; t = t->next_touched) {
        json_key(&json, t->json.name);
        json_put_uint(&json, t->rows);
    }
    json_close(&json, '}');
    buf_put_slice(&d->out, SLICE("}\n"));
}

int decode_txn(struct decode *d, struct txn **txn, struct error *error) {
    const struct xa_keeper keeper = xa_list_keeper(&d->prepared);
    size_t bytes = txn_bytes(*txn);
    d->txn_rows = d->txn_statements = 0;
    for (; d->touched; d->touched = d->touched->next_touched)
        d->touched->rows = 0;
    buf_clear(&d->head);
    row_json_put_head(&d->head, txn_end(*txn));
    put_xid(&d->head, *txn);
    int r = xa_run(d->decoder, &keeper, txn, error);
    bool shown = d->options.table_count == 0 || d->txn_rows || d->txn_statements;
    if (++d->txns % PROGRESS_TXNS == 0) /* where little is shown, little is written */
        d->options.progress(d->options.context);
    if (r == 0 && d->options.transactions && shown)
        put_transaction(d, transaction_kind(*txn), bytes);
    return r ? r : flush_when_large(d, error);
}

int decode_skip(struct decode *d, struct txn **txn, struct error *error) {
    const struct xa_keeper keeper = xa_list_keeper(&d->prepared);
    if ((*txn)->role == TXN_PREPARED)
        return xa_run(d->decoder, &keeper, txn, error);
    bool decides = (*txn)->role != TXN_COMMITTED;
    return decides ? keeper.take(keeper.context, &(*txn)->xid, &(*txn)->end, NULL, error) : 0;
}
