/* Prints what binlog/ makes of a server, as JSON lines: for the tests that run against a real one (tests/e2e/test_binlog.py).
 *
 *   binlog_dump stream KEY=VALUE...   row changes from a position until the source rests
 *   binlog_dump chunks KEY=VALUE...   a table's rows, read in chunks
 *   binlog_dump file path=FILE        a binlog file, as if it were streamed; flip=N turns a bit of byte N
 *   binlog_dump gtids                 for each line "SET;SET" of standard input: their union, difference, and is the second in the first
 *   binlog_dump apply                 JSON documents and differences, a line each in turn, from the standard input: the documents that result
 *   binlog_dump schema|check|facts|position KEY=VALUE... */
#include "binlog/chunk.h"
#include "binlog/feed.h"
#include "binlog/rows.h"
#include "binlog/server_check.h"
#include "binlog/xa.h"
#include "contract/json_diff.h"
#include "src/app/row_json.h"
#include "src/base/json.h"
#include "src/base/sys.h"

#include <stdio.h>
#include <stdlib.h>

static struct buf out;
static bool as_select;
static int arg_count;
static char **args;

static const char *arg(const char *key, const char *otherwise) {
    size_t len = strlen(key);
    for (int i = 2; i < arg_count; i++)
        if (strncmp(args[i], key, len) == 0 && args[i][len] == '=')
            return args[i] + len + 1;
    return otherwise;
}

static unsigned number(const char *key, unsigned otherwise) {
    const char *text = arg(key, NULL);
    return text ? (unsigned)strtoul(text, NULL, 10) : otherwise;
}

static void flush_line(void) {
    buf_put_char(&out, '\n');
    fwrite(out.data, 1, out.len, stdout);
    fflush(stdout);
    buf_clear(&out);
}

/* [kind, text, hex of the stored form]; with values=select as `leat decode` shows it */
static void put_value(struct json_out *j, const struct value *v) {
    struct buf text defer(buf_deinit) = BUF_INIT(1 << 30), stored defer(buf_deinit) = BUF_INIT(1 << 30),
                    hex defer(buf_deinit) = BUF_INIT(1 << 30);
    if (as_select) {
        row_json_put_value(&text, v);
        json_put_raw(j, buf_slice(&text));
        return;
    }
    value_put_text(&text, v);
    value_put(&stored, v);
    for (size_t i = 0; i < stored.len; i++)
        buf_printf(&hex, "%02x", (unsigned char)stored.data[i]);
    json_open(j, '[');
    json_put_int(j, v->kind);
    json_put_slice(j, buf_slice(&text));
    json_put_slice(j, buf_slice(&hex));
    json_close(j, ']');
}

static void put_image(struct json_out *j, const char *key, const struct table *t, const struct value *values) {
    json_key(j, key);
    if (!values) {
        json_put_null(j);
        return;
    }
    json_open(j, '{');
    for (size_t i = 0; i < t->column_count; i++) {
        if (values[i].kind == VALUE_UNKNOWN)
            continue;
        json_key(j, t->columns[i].name);
        put_value(j, &values[i]);
    }
    json_close(j, '}');
}

static unsigned quiet;
static uint64_t rows_seen;

static int on_row(void *context, const struct row_change *change, struct error *error) {
    static const char *const kinds[] = {"insert", "update", "delete", "truncate"};
    rows_seen++;
    if (quiet)
        return 0;
    struct json_out j = JSON_OUT(&out);
    json_open(&j, '{');
    json_key(&j, "kind"), json_put_text(&j, kinds[change->kind]);
    json_key(&j, "table"), json_put_text(&j, change->table->name);
    put_image(&j, "before", change->table, change->before);
    put_image(&j, "after", change->table, change->after);
    json_key(&j, "foreign_keys_off"), json_put_bool(&j, change->foreign_keys_off);
    json_key(&j, "cascades_logged"), json_put_bool(&j, change->cascades_logged);
    json_close(&j, '}');
    flush_line();
    return 0;
}

/* skip=a,b: columns not wanted; only=t: the one table wanted */
static void *on_table(void *context, const struct table *table, bool *wanted, int *ret_error, struct error *error) {
    static int handle;
    const char *only = arg("only", NULL), *skip = arg("skip", "");
    for (size_t i = 0; i < table->column_count; i++) {
        char name[300];
        snprintf(name, sizeof(name), ",%s,", table->columns[i].name);
        char list[1000];
        snprintf(list, sizeof(list), ",%s,", skip);
        wanted[i] = strstr(list, name) == NULL;
    }
    return !only || strcmp(only, table->name) == 0 ? &handle : NULL;
}

static struct source_options source(void) {
    static const char *const modes[] = {"verify-identity", "verify-ca", "required", "disabled"};
    enum tls_mode mode = TLS_DISABLED;
    for (size_t i = 0; i < ARRAY_LEN(modes); i++)
        if (strcmp(modes[i], arg("tls", "disabled")) == 0)
            mode = (enum tls_mode)i;
    return (struct source_options){.host = arg("host", "127.0.0.1"),
                                   .port = number("port", 3306),
                                   .socket = arg("socket", NULL),
                                   .database = arg("database", "test"),
                                   .username = arg("user", "root"),
                                   .password = arg("password", ""),
                                   .tls_mode = mode,
                                   .tls_ca = arg("ca", NULL),
                                   .server_id = number("server_id", 4242),
                                   .heartbeat_s = number("heartbeat", 1),
                                   .connect_timeout_s = 3};
}

static int parse_from(struct connection *c, const char *text, struct position *ret, struct error *error) {
    if (strcmp(text, "end") == 0)
        return source_position_end(c, ret, error);
    if (strcmp(text, "start") == 0)
        return 0;
    return position_parse(ret, slice_of(text), error);
}

static void put_end(const struct txn_end *end, size_t bytes, size_t memory, const struct position *at) {
    struct json_out j = JSON_OUT(&out);
    struct buf gtid defer(buf_deinit) = BUF_INIT(4096), gtids defer(buf_deinit) = BUF_INIT(1 << 20);
    if (end->gtid.number)
        gtid_format(&end->gtid, &gtid);
    position_format(at, &gtids);
    json_open(&j, '{');
    json_key(&j, "end"), json_put_slice(&j, buf_slice(&gtid));
    json_key(&j, "file"), json_put_text(&j, end->file);
    json_key(&j, "offset"), json_put_uint(&j, end->offset);
    json_key(&j, "commit_us"), json_put_int(&j, end->commit_us);
    json_key(&j, "bytes"), json_put_uint(&j, bytes);
    json_key(&j, "memory"), json_put_uint(&j, memory);
    json_key(&j, "rows"), json_put_uint(&j, rows_seen);
    json_key(&j, "position"), json_put_slice(&j, buf_slice(&gtids));
    json_close(&j, '}');
    flush_line();
}

/* Follows until `heartbeats` heartbeats came (default 1), or to the position `until`. quiet=2 prints no ends of transactions either. */
static int run_stream(struct connection *c, struct decoder *d, const struct source_options *o, struct error *error) {
    struct position at defer(position_deinit) = {0}, until defer(position_deinit) = {0};
    struct stream *s = NULL;
    struct xa_list prepared defer(xa_list_deinit) = {0};
    const struct xa_keeper keeper = xa_list_keeper(&prepared);
    unsigned heartbeats = number("heartbeats", 1);
    int r = parse_from(c, arg("from", "start"), &at, error);
    bool has_until = arg("until", NULL) != NULL;
    if (r == 0 && has_until)
        r = parse_from(c, arg("until", NULL), &until, error);
    struct stream_options options = {
        .source = o, .spill_dir = arg("spill", "/tmp"), .txn_memory_bytes = number("memory", 1 << 20)};
    if (r == 0)
        r = stream_open(&s, &options, &at, error);
    while (r == 0 && heartbeats && !(has_until && position_reached(&at, &until))) {
        struct txn *t = NULL;
        r = stream_next(s, &t, error);
        if (r == STREAM_HEARTBEAT) {
            heartbeats--;
            r = 0;
            continue;
        }
        if (r)
            break;
        rows_seen = 0;
        const struct txn_end end = *txn_end(t);
        size_t bytes = txn_bytes(t), memory = txn_memory(t);
        r = xa_run(d, &keeper, &t, error);
        position_advance(&at, &end);
        if (r == 0 && quiet < 2)
            put_end(&end, bytes, memory, &at);
        txn_free(t);
    }
    stream_close(s);
    return r;
}

/* A line of /proc/self/status; getrusage() would count what the process was before its exec, a large test runner. */
static long memory_kb(const char *name) {
    char line[256];
    long kb = -1;
    FILE *f = fopen("/proc/self/status", "r");
    while (f && fgets(line, sizeof(line), f))
        if (strncmp(line, name, strlen(name)) == 0)
            kb = strtol(line + strlen(name), NULL, 10);
    if (f)
        fclose(f);
    return kb;
}

static int do_stream(struct connection *c, const struct schema *schema, struct error *error) {
    struct source_options o = source();
    struct server_facts facts;
    int r = server_facts_read(c, &facts, error);
    if (r)
        return r;
    struct decoder_options options = {.database = o.database,
                                      .table = on_table,
                                      .row = on_row,
                                      .cascades_logged = facts.cascades_logged,
                                      .schema = number("live", 0) ? schema : NULL};
    quiet = number("quiet", 0);
    struct decoder *d = decoder_new(&options);
    r = run_stream(c, d, &o, error);
    decoder_free(d);
    if (r == 0) {
        buf_printf(&out, "{\"peak_kb\": %ld, \"rss_kb\": %ld}", memory_kb("VmHWM:"), memory_kb("VmRSS:"));
        flush_line();
    }
    return r;
}

static int on_chunk_row(void *context, const struct value *values, struct error *error) {
    const struct table *t = context;
    struct json_out j = JSON_OUT(&out);
    json_open(&j, '{');
    for (size_t i = 0; i < t->column_count; i++) {
        json_key(&j, t->columns[i].name);
        put_value(&j, &values[i]);
    }
    json_close(&j, '}');
    flush_line();
    return 0;
}

/* The test tables' keys are their first columns. */
static int do_chunks(struct connection *c, const struct schema *schema, struct error *error) {
    const struct table *t = schema_table(schema, arg("only", ""));
    if (!t)
        return error_set(error, ERR_USAGE, "no such table");
    unsigned columns[2000];
    for (unsigned i = 0; i < t->column_count && i < ARRAY_LEN(columns); i++)
        columns[i] = i;
    struct chunk_query q = {.table = t,
                            .columns = columns,
                            .column_count = t->column_count,
                            .key_count = t->keys[0].column_count,
                            .limit = number("limit", 2)};
    struct chunk_reader *reader = NULL;
    size_t rows = q.limit;
    int r = chunk_reader_open(&reader, c, &q, error);
    for (bool first = true; r == 0 && rows == q.limit; first = false)
        r = chunk_read(reader, first ? NULL : chunk_reader_last(reader), on_chunk_row, (void *)t, &rows, error);
    chunk_reader_close(reader);
    return r;
}

static void put_table(const struct table *t) {
    struct json_out j = JSON_OUT(&out);
    json_open(&j, '{');
    json_key(&j, "table"), json_put_text(&j, t->name);
    json_key(&j, "columns"), json_open(&j, '[');
    for (size_t i = 0; i < t->column_count; i++) {
        const struct column *c = &t->columns[i];
        struct buf line defer(buf_deinit) = BUF_INIT(100000);
        buf_printf(&line, "%s %s%s%s%s%s %u.%u", c->name, column_type_name(c->type), c->is_unsigned ? " unsigned" : "",
                   c->nullable ? " null" : "", c->generated ? " generated" : "", c->invisible ? " invisible" : "",
                   c->length, c->digits);
        for (size_t k = 0; k < c->label_count; k++)
            buf_printf(&line, " '%.*s'", (int)c->labels[k].len, c->labels[k].data);
        json_put_slice(&j, buf_slice(&line));
    }
    json_close(&j, ']');
    json_key(&j, "defaults"), json_open(&j, '{');
    for (size_t i = 0; i < t->column_count; i++)
        if (t->columns[i].default_value.kind != VALUE_UNKNOWN)
            json_key(&j, t->columns[i].name), put_value(&j, &t->columns[i].default_value);
    json_close(&j, '}');
    json_key(&j, "keys"), json_open(&j, '[');
    for (size_t i = 0; i < t->key_count; i++) {
        struct buf line defer(buf_deinit) = BUF_INIT(10000);
        buf_printf(&line, "%s%s%s%s", t->keys[i].name, t->keys[i].unique ? " unique" : "",
                   t->keys[i].partial ? " partial" : "", t->keys[i].nullable ? " null" : "");
        for (size_t k = 0; k < t->keys[i].column_count; k++)
            buf_printf(&line, " %s", t->columns[t->keys[i].columns[k]].name);
        json_put_slice(&j, buf_slice(&line));
    }
    json_close(&j, ']');
    json_key(&j, "foreign_keys"), json_open(&j, '[');
    for (size_t i = 0; i < t->foreign_key_count; i++) {
        const struct foreign_key *f = &t->foreign_keys[i];
        struct buf line defer(buf_deinit) = BUF_INIT(10000);
        buf_printf(&line, "%s -> %s.%s delete %d update %d", f->columns[0], f->parent_table, f->parent_columns[0],
                   f->on_delete, f->on_update);
        json_put_slice(&j, buf_slice(&line));
    }
    json_close(&j, ']');
    json_close(&j, '}');
    flush_line();
}

static int do_check(struct connection *c, const char *const *tables, size_t count, struct error *error) {
    struct check_list list defer(check_list_deinit) = {0};
    int r = server_check(c, arg("database", "test"), tables, count, &list, error);
    for (size_t i = 0; r == 0 && i < list.count; i++) {
        struct json_out j = JSON_OUT(&out);
        json_open(&j, '{');
        json_key(&j, "name"), json_put_text(&j, list.lines[i].name);
        json_key(&j, "result"), json_put_int(&j, list.lines[i].result);
        json_key(&j, "message"), json_put_text(&j, list.lines[i].message);
        json_key(&j, "remedy"), json_put_text(&j, list.lines[i].remedy);
        json_close(&j, '}');
        flush_line();
    }
    return r;
}

static int do_position(struct connection *c, const char *const *tables, size_t count, struct error *error) {
    struct position executed defer(position_deinit) = {0}, end defer(position_deinit) = {0};
    struct buf a defer(buf_deinit) = BUF_INIT(100000), b defer(buf_deinit) = BUF_INIT(100000);
    int r = source_position_executed(c, arg("database", "test"), tables, count, &executed, error);
    if (r == 0)
        r = source_position_end(c, &end, error);
    if (r)
        return r;
    position_format(&executed, &a);
    position_format(&end, &b);
    struct json_out j = JSON_OUT(&out);
    json_open(&j, '{');
    json_key(&j, "executed"), json_put_slice(&j, buf_slice(&a));
    json_key(&j, "end"), json_put_slice(&j, buf_slice(&b));
    json_close(&j, '}');
    flush_line();
    return 0;
}

static int feed_file(const char *data, size_t len, struct decoder *d, struct error *error) {
    struct feed f = {.spill_dir = "/tmp", .txn_memory_bytes = 1 << 20};
    struct xa_list prepared defer(xa_list_deinit) = {0};
    const struct xa_keeper keeper = xa_list_keeper(&prepared);
    int r = 0;
    for (size_t at = 4; at < len && r >= 0;) { /* behind the magic */
        struct cursor c = cursor_of(data + at, len - at);
        cursor_skip(&c, 9);
        size_t size = cursor_u32(&c);
        struct txn *t = NULL;
        r = feed_event(&f, (struct slice){data + at, MIN(size, len - at)}, &t, error);
        if (r == FEED_TXN)
            r = xa_run(d, &keeper, &t, error);
        txn_free(t);
        at += MAX(size, 1);
    }
    feed_deinit(&f);
    return r < 0 ? r : 0;
}

static int do_file(struct error *error) {
    char *data = NULL;
    size_t len = 0;
    int r = sys_read_file(arg("path", ""), 1 << 30, &data, &len, error);
    if (r)
        return r;
    unsigned flips = number("flips", 0), missed = 0;
    struct decoder_options options = {.database = arg("database", "test"), .table = on_table, .row = on_row};
    quiet = flips > 0;
    for (size_t i = 4; r == 0 && flips && i < len; i++) { /* every bit of every byte in turn: none may pass */
        data[i] = (char)(data[i] ^ 1 << i % 8);
        struct decoder *d = decoder_new(&options);
        if (feed_file(data, len, d, error) == 0 && missed++ < 20)
            fprintf(stderr, "a flipped bit of byte %zu was not noticed\n", i);
        decoder_free(d);
        data[i] = (char)(data[i] ^ 1 << i % 8);
    }
    struct decoder *d = decoder_new(&options);
    r = missed ? error_set(error, ERR_BUG, "%u flips of %zu were not noticed", missed, len)
               : feed_file(data, len, d, error);
    decoder_free(d);
    free(data);
    return r;
}

static int put_gtids(const struct gtid_set *a, const struct gtid_set *b) {
    struct gtid_set sum = {0}, minus = {0};
    struct buf text defer(buf_deinit) = BUF_INIT(1 << 24);
    gtid_set_copy(&sum, a);
    gtid_set_add_set(&sum, b);
    gtid_set_copy(&minus, a);
    gtid_set_subtract(&minus, b);
    struct json_out j = JSON_OUT(&out);
    json_open(&j, '[');
    gtid_set_format(&sum, &text);
    json_put_slice(&j, buf_slice(&text));
    buf_clear(&text);
    gtid_set_format(&minus, &text);
    json_put_slice(&j, buf_slice(&text));
    json_put_bool(&j, gtid_set_contains(a, b));
    json_close(&j, ']');
    flush_line();
    gtid_set_deinit(&sum);
    gtid_set_deinit(&minus);
    return 0;
}

static int do_gtids(struct error *error) {
    char *line defer(free_pointer) = NULL;
    size_t room = 0;
    int r = 0;
    for (ssize_t len; r == 0 && (len = getline(&line, &room, stdin)) > 0;) {
        struct gtid_set a defer(gtid_set_deinit) = {0}, b defer(gtid_set_deinit) = {0};
        char *semicolon = memchr(line, ';', (size_t)len);
        if (!semicolon)
            return error_set(error, ERR_USAGE, "no semicolon");
        *semicolon = 0;
        r = gtid_set_parse(&a, slice_of(line), error);
        if (r == 0)
            r = gtid_set_parse(&b, slice_of(semicolon + 1), error);
        if (r == 0)
            r = put_gtids(&a, &b);
    }
    return r;
}

static int run(struct arena *arena, struct error *error) {
    struct source_options o = source();
    struct connection *c = NULL;
    struct schema schema = {0};
    const char *names[100];
    size_t count = 0;
    char *list = arena_strdup(arena, arg("tables", ""));
    for (char *at = list; at && *at;) {
        char *comma = strchr(at, ',');
        names[count++] = at;
        if (comma)
            *comma++ = 0;
        at = comma;
    }
    if (strcmp(args[1], "file") == 0)
        return do_file(error);
    if (strcmp(args[1], "gtids") == 0)
        return do_gtids(error);
    int r = connection_open(&c, &o, error);
    if (r == 0)
        r = schema_read(c, o.database, names, count, arena, &schema, error);
    const char *what = args[1];
    if (r == 0 && strcmp(what, "stream") == 0)
        r = do_stream(c, &schema, error);
    else if (r == 0 && strcmp(what, "chunks") == 0)
        r = do_chunks(c, &schema, error);
    else if (r == 0 && strcmp(what, "check") == 0)
        r = do_check(c, names, count, error);
    else if (r == 0 && strcmp(what, "position") == 0)
        r = do_position(c, names, count, error);
    for (size_t i = 0; r == 0 && strcmp(what, "schema") == 0 && i < schema.table_count; i++)
        put_table(&schema.tables[i]);
    connection_close(c);
    return r;
}

static int run_apply(void) {
    char *document = NULL, *diffs = NULL;
    size_t document_cap = 0, diffs_cap = 0;
    ssize_t n, m;
    int r = 0;
    while (r == 0 && (n = getline(&document, &document_cap, stdin)) > 0 &&
           (m = getline(&diffs, &diffs_cap, stdin)) > 0) {
        if (json_diff_apply((struct slice){document, (size_t)n - 1}, (struct slice){diffs, (size_t)m - 1}, &out))
            flush_line();
        else
            r = 1;
    }
    free(document);
    free(diffs);
    return r;
}

int main(int argc, char **argv) {
    struct error error = {0};
    struct arena arena defer(arena_deinit) = {0};
    arg_count = argc;
    args = argv;
    if (argc < 2)
        return 2;
    out = BUF_INIT(1 << 30);
    if (strcmp(argv[1], "apply") == 0)
        return run_apply();
    as_select = strcmp(arg("values", "stored"), "select") == 0;
    int r = run(&arena, &error);
    buf_deinit(&out);
    if (r)
        fprintf(stderr, "%s: %s\n",
                r == ERR_SOURCE_LOST    ? "lost"
                : r == ERR_SOURCE_TAKEN ? "taken"
                : r == ERR_SOURCE       ? "source"
                : r == ERR_STOPPED      ? "stopped"
                                        : "other",
                error.text);
    return r ? 1 : 0;
}
