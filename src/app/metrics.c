/* Prometheus metrics. One table for plain numbers; those with labels by loops. */
#include "src/app/metrics.h"

#include "src/base/sys.h"

#include <math.h>

static void head(struct buf *out, const char *name, const char *type, const char *help) {
    buf_printf(out, "# HELP leat_%s %s\n# TYPE leat_%s %s\n", name, help, name, type);
}

/* A label's value: backslash, quote and newline are escaped. */
static void put_label(struct buf *out, const char *text) {
    for (; *text; text++) {
        if (*text == '\\' || *text == '"')
            buf_put_char(out, '\\');
        if (*text == '\n')
            buf_put_text(out, "\\n");
        else
            buf_put_char(out, *text);
    }
}

static void one(struct buf *out, const char *name, const char *label, const char *value, double number) {
    buf_printf(out, "leat_%s", name);
    if (label) {
        buf_printf(out, "{%s=\"", label);
        put_label(out, value);
        buf_put_text(out, "\"}");
    }
    buf_printf(out, " %.17g\n", number);
}

static void plain(struct buf *out, const char *name, const char *type, const char *help, double number) {
    head(out, name, type, help);
    one(out, name, NULL, NULL, number);
}

static void list(struct buf *out, const char *name, const char *type, const char *help, const char *label,
                 const struct status_names *names, const uint64_t *numbers) {
    head(out, name, type, help);
    for (size_t i = 0; i < names->count; i++)
        one(out, name, label, names->names[i], (double)numbers[i]);
}

static void two_labels(struct buf *out, const char *name, const char *a, const char *a_value, const char *b,
                       const char *b_value, uint64_t number) {
    buf_printf(out, "leat_%s{%s=\"", name, a);
    put_label(out, a_value);
    buf_printf(out, "\",%s=\"", b);
    put_label(out, b_value);
    buf_printf(out, "\"} %llu\n", (unsigned long long)number);
}

static void row_changes(const struct status *s, struct buf *out) {
    static const char *const kinds[] = {"insert", "update", "delete", "truncate"};
    head(out, "row_changes_total", "counter", "Committed row changes applied, by table and kind.");
    for (size_t i = 0; i < s->sources.count; i++)
        for (size_t k = 0; k < ARRAY_LEN(kinds); k++)
            two_labels(out, "row_changes_total", "table", s->sources.names[i], "kind", kinds[k],
                       s->row_changes[i * 4 + k]);
}

static void items_written(const struct status *s, struct buf *out) {
    head(out, "items_written_total", "counter", "Items that DynamoDB acknowledged, by table and kind.");
    for (size_t i = 0; i < s->targets.count; i++) {
        two_labels(out, "items_written_total", "table", s->targets.names[i], "kind", "put", s->items_put[i]);
        two_labels(out, "items_written_total", "table", s->targets.names[i], "kind", "delete", s->items_deleted[i]);
    }
}

static void key_moves(const struct status *s, struct buf *out) {
    list(out, "key_moves_total", "counter", "Items that took another key.", "table", &s->targets, s->key_moves);
    head(out, "moved_keys_written_total", "counter",
         "Writes of keys that such items left and took: together in one transaction, or apart.");
    for (size_t i = 0; i < s->targets.count; i++) {
        two_labels(out, "moved_keys_written_total", "table", s->targets.names[i], "how", "together",
                   s->moved_together[i]);
        two_labels(out, "moved_keys_written_total", "table", s->targets.names[i], "how", "apart", s->moved_apart[i]);
    }
}

static void request_seconds(const struct status *s, struct buf *out) {
    head(out, "request_seconds", "histogram", "Time of a DynamoDB request.");
    uint64_t sum = 0;
    for (size_t i = 0; i < ARRAY_LEN(s->sink.seconds_bucket); i++) {
        sum += s->sink.seconds_bucket[i];
        if (isinf(sink_bucket_bounds[i]))
            buf_printf(out, "leat_request_seconds_bucket{le=\"+Inf\"} %llu\n", (unsigned long long)sum);
        else
            buf_printf(out, "leat_request_seconds_bucket{le=\"%g\"} %llu\n", sink_bucket_bounds[i],
                       (unsigned long long)sum);
    }
    buf_printf(out, "leat_request_seconds_sum %.9g\nleat_request_seconds_count %llu\n", s->sink.seconds_sum,
               (unsigned long long)sum);
}

static void retries(const struct status *s, struct buf *out) {
    const struct {
        const char *reason;
        uint64_t count;
    } rows[] = {{"throttled", s->sink.retries_throttled},
                {"unprocessed", s->sink.retries_unprocessed},
                {"transient", s->sink.retries_transient},
                {"conflict", s->sink.retries_conflict}};
    head(out, "retries_total", "counter", "Writes tried again, by reason.");
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        one(out, "retries_total", "reason", rows[i].reason, (double)rows[i].count);
}

static void parked(const struct status *s, struct buf *out) {
    static const char *const classes[] = {"source", "target", "store", "configuration", "bug"};
    head(out, "parked", "gauge", "1 while somebody must act; the reason stands in the status.");
    for (size_t i = 0; i < ARRAY_LEN(classes); i++)
        one(out, "parked", "reason", classes[i], s->state == RUN_PARKED && strcmp(classes[i], s->park.class_name) == 0);
}

void metrics_write(const struct status *s, struct buf *out) {
    const struct engine_gauges *g = &s->gauges;
    const struct {
        const char *name, *type, *help;
        double number;
    } rows[] = {
        {"lag_seconds", "gauge",
         "How far DynamoDB is behind the source; 0 only when it is at the source's confirmed end.",
         status_lag_seconds(s)},
        {"lag_bytes", "gauge", "The same in bytes of binlog.", (double)status_lag_bytes(s)},
        {"checkpoint_lag_seconds", "gauge", "How far a restart would read back.", status_checkpoint_lag_seconds(s)},
        {"checkpoint_lag_bytes", "gauge", "The same in bytes of binlog.", (double)s->checkpoint_bytes_behind},
        {"source_connected", "gauge", "1 while the binlog is being read.", s->source.connected},
        {"source_reconnects_total", "counter", "Times the source was lost.", (double)s->source.reconnects},
        {"source_bytes_total", "counter", "Bytes of binlog received.", (double)s->source.heard.bytes},
        {"ready", "gauge", "1 when /ready says so.", status_not_ready(s) == NULL},
        {"transactions_total", "counter", "Committed transactions applied.", (double)g->transactions},
        {"batches_total", "counter", "Batches evaluated.", (double)g->batches},
        {"checkpoints_total", "counter", "Durable commits of the store.", (double)g->checkpoints},
        {"items_suppressed_total", "counter", "Items evaluated whose value had not changed.",
         (double)g->items_suppressed},
        {"outbox_keys", "gauge", "Keys decided that DynamoDB has not acknowledged.", (double)g->outbox_keys},
        {"fan_outs", "gauge",
         "Ranges of rows whose items wait to be evaluated, because of a change of one row that they join.",
         (double)g->fan_outs},
        {"fan_out_roots_total", "counter", "Rows evaluated of such ranges.", (double)g->fan_out_roots},
        {"in_flight_keys", "gauge", "Keys at the sender.", (double)g->in_flight},
        {"assertions", "gauge", "Keys that will be written once more, because an outcome was unknown.",
         (double)g->assertions},
        {"prepared_transactions", "gauge", "XA transactions that are prepared and wait for their COMMIT or ROLLBACK.",
         (double)g->prepared},
        {"prepared_oldest_seconds", "gauge", "Age of the oldest of them.",
         g->prepared ? (double)(sys_wall_us() - g->prepared_since_us) / 1e6 : 0},
        {"requests_total", "counter", "DynamoDB requests.", (double)s->sink.requests},
        {"unknown_outcomes_total", "counter", "Requests whose outcome was unknown.", (double)s->sink.ambiguous},
        {"throttled_total", "counter", "Throttled requests.", (double)s->sink.throttled},
        {"consumed_write_units_total", "counter", "Write units, as DynamoDB reports them.",
         (double)s->sink.consumed_write_units_milli / 1000},
        {"breaker_state", "gauge", "1 while the circuit breaker is open.", s->sink.breaker_open},
        {"snapshot_rows_done", "gauge", "Rows read by the snapshot.", (double)s->snapshot.rows},
        {"snapshot_rows_total", "gauge", "Rows the snapshot will read, by the server's estimate.",
         (double)s->snapshot.total},
        {"store_bytes", "gauge", "Bytes of the store in use.", (double)g->store_bytes},
        {"start_time_seconds", "gauge", "When the replicator started, seconds since 1970.",
         (double)s->started_wall_us / 1e6},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        plain(out, rows[i].name, rows[i].type, rows[i].help, rows[i].number);
    head(out, "queue_bytes", "gauge", "Bytes that wait in a queue.");
    one(out, "queue_bytes", "queue", "reader", (double)s->reader_queue_bytes);
    one(out, "queue_bytes", "queue", "sender", (double)s->sink.queued_bytes);
    parked(s, out);
    row_changes(s, out);
    items_written(s, out);
    list(out, "key_conflicts", "gauge", "Keys that several rows claim.", "table", &s->targets, s->conflicts);
    list(out, "key_conflicts_total", "counter",
         "Key conflicts that came up: by how much their number rose, batch by batch.", "table", &s->targets,
         s->conflicts_total);
    key_moves(s, out);
    list(out, "unkeyed_items", "gauge", "Rows whose item has no key.", "entity", &s->entities, s->unkeyed);
    list(out, "dead_letters", "gauge", "Rows whose item DynamoDB cannot hold.", "entity", &s->entities, s->dead);
    retries(s, out);
    request_seconds(s, out);
    head(out, "build_info", "gauge", "Version.");
    one(out, "build_info", "version", LEAT_VERSION, 1);
}
