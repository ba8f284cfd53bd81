/* Fuzzes everything that reads binlog events: feed, transaction buffer, decoder, payloads, statements. Input: a binlog file.
 *
 * Checksums are made right first, or nothing behind them would ever be reached. What the replicator and what `leat decode` make of the
 * input is run, and every line of the latter must be JSON. For the replicator, where an event has no column names they come from the schema below
 * (of the seeds' tables). What a decoder refuses does not end the input: the next transaction gets a new decoder. */
#include "binlog/feed.h"
#include "binlog/xa.h"
#include "src/app/row_json.h"
#include "src/base/json.h"
#include "tests/fuzz/events.h"

#include <libdeflate.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
/* A copy of its own, so that the sanitizer sees who reads beyond the event. */
static char *with_checksum(const struct feed *f, const uint8_t *data, size_t size) {
    char *copy = xmalloc(size);
    memcpy(copy, data, size);
    bool has = !f->has_format || f->checksum == CHECKSUM_CRC32 || data[4] == EVENT_FORMAT_DESCRIPTION;
    if (has && size >= EVENT_HEADER_SIZE + CHECKSUM_SIZE)
        put_le32(copy + size - CHECKSUM_SIZE, libdeflate_crc32(0, copy, size - CHECKSUM_SIZE));
    return copy;
}

/* ---- the schema of tests/fuzz/make_seeds.py's table "seed" */

static const struct slice letters[] = {{"a", 1}, {"b", 1}}, marks[] = {{"x", 1}, {"y", 1}};
static const struct column seed_columns[] = {
    {.name = "id", .type = COLUMN_INT, .length = 4},
    {.name = "v", .type = COLUMN_TEXT, .nullable = true, .collation = 255},
    {.name = "u", .type = COLUMN_INT, .length = 8, .is_unsigned = true, .nullable = true},
    {.name = "de", .type = COLUMN_DECIMAL, .length = 10, .digits = 2, .nullable = true},
    {.name = "e", .type = COLUMN_ENUM, .labels = letters, .label_count = 2, .nullable = true, .collation = 255},
    {.name = "st", .type = COLUMN_SET, .labels = marks, .label_count = 2, .nullable = true, .collation = 255},
    {.name = "d3", .type = COLUMN_DATETIME, .digits = 3, .nullable = true},
    {.name = "j", .type = COLUMN_JSON, .nullable = true},
    {.name = "b", .type = COLUMN_BINARY, .nullable = true, .collation = 63},
};
static const struct column small_columns[] = {{.name = "id", .type = COLUMN_INT, .length = 4},
                                              {.name = "p", .type = COLUMN_INT, .length = 4, .nullable = true}};
static const struct table tables[] = {
    {.database = "test1", .name = "seed", .columns = seed_columns, .column_count = ARRAY_LEN(seed_columns)},
    {.database = "test1", .name = "p", .columns = small_columns, .column_count = 1},
    {.database = "test1", .name = "my", .columns = small_columns, .column_count = 1},
    {.database = "test1", .name = "c", .columns = small_columns, .column_count = 2},
};
static const struct schema schema = {"test1", tables, ARRAY_LEN(tables)};

/* ---- the two who decode: the replicator (one database, names by a schema), and `leat decode` (all databases, JSON lines) */

struct work {
    struct buf out;
    struct arena arena;
    struct position schema_at;
    struct decoder *decoder;
    struct xa_list prepared;
    struct xa_keeper keeper;
};

static void must_be_json(struct slice line) {
    struct json_doc *doc = NULL;
    struct error error;
    if (json_parse(&doc, "line", line, &error) != 0)
        abort();
    json_free(doc);
}

static void *on_table(void *context, const struct table *table, bool *wanted, int *ret_error, struct error *error) {
    struct work *w = context;
    struct row_json_table *t = arena_zalloc(&w->arena, sizeof(*t));
    row_json_table_init(t, table, &w->arena);
    return t;
}

static void touch(const struct table *table, const struct value *values, struct buf *out) {
    for (size_t i = 0; values && i < table->column_count; i++) {
        value_put_text(out, &values[i]);
        value_put(out, &values[i]);
        value_put_key(out, &values[i]);
    }
}

static int on_row(void *context, const struct row_change *change, struct error *error) {
    struct work *w = context;
    buf_clear(&w->out);
    touch(change->table, change->before, &w->out);
    touch(change->table, change->after, &w->out);
    return 0;
}

static int on_line_row(void *context, const struct row_change *change, struct error *error) {
    struct work *w = context;
    buf_clear(&w->out);
    row_json_put_change(&w->out, SLICE("{\"position\":1"), change->handle, change, 1);
    must_be_json(buf_slice(&w->out));
    return 0;
}

static int on_line_statement(void *context, const struct logged_statement *statement, struct error *error) {
    struct work *w = context;
    buf_clear(&w->out);
    row_json_put_statement(&w->out, SLICE("{\"position\":1"), statement);
    must_be_json(buf_slice(&w->out));
    return 0;
}

static void start(struct work *w, bool lines) {
    struct decoder_options replicator = {.database = "test1",
                                         .context = w,
                                         .table = on_table,
                                         .row = on_row,
                                         .schema = &schema,
                                         .schema_at = &w->schema_at};
    struct decoder_options all = {
        .context = w, .table = on_table, .row = on_line_row, .statement = on_line_statement, .numbered_columns = true};
    w->decoder = decoder_new(lines ? &all : &replicator);
}

static void stop(struct work *w) {
    decoder_free(w->decoder);
    arena_deinit(&w->arena);
}

static void run(const uint8_t *data, const struct span *events, size_t count, bool lines) {
    struct error error;
    struct work w = {.out = BUF_INIT(1 << 24), .schema_at = {.file = "binlog.000001", .offset = 1000}};
    struct feed f = {.spill_dir = "/tmp", .txn_memory_bytes = 4096, .known_commit_us = 1};
    gtid_set_add(&f.known_gtids, &(struct gtid){.uuid = "other", .number = 7}); /* so that PREVIOUS_GTIDS is read */
    w.keeper = xa_list_keeper(&w.prepared);
    start(&w, lines);
    int r = 0;
    for (size_t i = 0; i < count && r >= 0; i++) {
        char *event = with_checksum(&f, data + events[i].at, events[i].len);
        struct txn *t = NULL;
        r = feed_event(&f, (struct slice){event, events[i].len}, &t, &error);
        free(event);
        if (r == FEED_TXN && xa_run(w.decoder, &w.keeper, &t, &error) < 0) {
            stop(&w);
            start(&w, lines);
        }
        txn_free(t);
    }
    stop(&w);
    xa_list_deinit(&w.prepared);
    feed_deinit(&f);
    buf_deinit(&w.out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct span events[EVENTS_MAX];
    size_t count = split(data, size, events);
    run(data, events, count, false);
    run(data, events, count, true);
    return 0;
}
