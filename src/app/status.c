/* What the replicator knows of itself. */
#include "src/app/status.h"

#include "src/base/log.h"
#include "src/base/sys.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { PARK_LOG_US = 60000000 };

const char *run_state_name(enum run_state state) {
    static const char *const names[] = {"starting",  "snapshot", "redo",    "recovering",
                                        "streaming", "parked",   "stopping"};
    return names[state];
}

void status_init(struct status *s, const char *stream, int64_t heartbeat_us, int64_t ready_lag_us) {
    *s = (struct status){.heartbeat_us = heartbeat_us, .ready_lag_us = ready_lag_us};
    s->stream = xstrdup(stream);
    s->started_wall_us = sys_wall_us();
    pthread_mutex_init(&s->lock, NULL);
    sys_cond_init(&s->changed);
}

static void names_clear(struct status_names *n) {
    for (size_t i = 0; i < n->count; i++)
        free(n->names[i]);
    free(n->names);
    *n = (struct status_names){0};
}

static void counters_clear(struct status *s) {
    uint64_t **arrays[] = {&s->row_changes,    &s->items_put,  &s->items_deleted,   &s->unkeyed,
                           &s->conflicts,      &s->dead,       &s->conflicts_total, &s->key_moves,
                           &s->moved_together, &s->moved_apart};
    for (size_t i = 0; i < ARRAY_LEN(arrays); i++) {
        free(*arrays[i]);
        *arrays[i] = NULL;
    }
    names_clear(&s->sources);
    names_clear(&s->targets);
    names_clear(&s->entities);
    names_clear(&s->former);
    free(s->catalog);
    s->catalog = NULL;
    s->gauges = (struct engine_gauges){0};
}

void status_deinit(struct status *s) {
    counters_clear(s);
    position_deinit(&s->end);
    position_deinit(&s->applied);
    position_deinit(&s->acknowledged);
    position_deinit(&s->checkpointed);
    free(s->stream);
    pthread_cond_destroy(&s->changed);
    pthread_mutex_destroy(&s->lock);
}

void status_lock(struct status *s) {
    pthread_mutex_lock(&s->lock);
}

void status_unlock(struct status *s) {
    pthread_cond_broadcast(&s->changed);
    pthread_mutex_unlock(&s->lock);
}

void status_set_contract(struct status *s, const struct contract *contract) {
    counters_clear(s);
    s->sources = (struct status_names){xcalloc(contract->source_count, sizeof(char *)), contract->source_count};
    for (size_t i = 0; i < contract->source_count; i++)
        s->sources.names[i] = xstrdup(contract->sources[i]->name);
    s->targets = (struct status_names){xcalloc(contract->target_count, sizeof(char *)), contract->target_count};
    for (size_t i = 0; i < contract->target_count; i++)
        s->targets.names[i] = xstrdup(contract->targets[i]->name);
    s->entities = (struct status_names){xcalloc(contract->entity_count, sizeof(char *)), contract->entity_count};
    for (size_t i = 0; i < contract->entity_count; i++)
        s->entities.names[i] = xstrdup(contract->entities[i]->name);
    s->row_changes = xcalloc(contract->source_count * 4, sizeof(uint64_t));
    s->items_put = xcalloc(contract->target_count, sizeof(uint64_t));
    s->items_deleted = xcalloc(contract->target_count, sizeof(uint64_t));
    uint64_t **by_target[] = {&s->conflicts, &s->conflicts_total, &s->key_moves, &s->moved_together, &s->moved_apart};
    for (size_t i = 0; i < ARRAY_LEN(by_target); i++)
        *by_target[i] = xcalloc(contract->target_count, sizeof(uint64_t));
    s->unkeyed = xcalloc(contract->entity_count, sizeof(uint64_t));
    s->dead = xcalloc(contract->entity_count, sizeof(uint64_t));
}

void status_set_catalog(struct status *s, const struct catalog *c) {
    size_t count = c->entity_count - c->live_entities;
    if (s->catalog && s->former.count == 2 * count)
        return; /* within one life of an engine former entities only become fewer */
    names_clear(&s->former);
    s->former = (struct status_names){xcalloc(2 * count, sizeof(char *)), 2 * count};
    for (size_t i = 0; i < count; i++) {
        const struct catalog_entity *e = &c->entities[c->live_entities + i];
        s->former.names[2 * i] = xstrdup(c->targets[e->target].name);
        s->former.names[2 * i + 1] = xstrdup(e->name);
    }
    defer(buf_deinit) struct buf bytes = BUF_INIT(1 << 30);
    catalog_put(&bytes, c);
    free(s->catalog);
    s->catalog = xmalloc(2 * bytes.len + 1);
    hex_encode((const unsigned char *)bytes.data, bytes.len, s->catalog);
}

void status_set_gauges(struct status *s, const struct engine_gauges *gauges) {
    s->gauges = *gauges;
    s->gauges.catalog = NULL; /* the engine's own */
    const struct {
        uint64_t *to;
        const uint64_t *from;
        const uint64_t **field;
        size_t count;
    } arrays[] = {
        {s->row_changes, gauges->row_changes, &s->gauges.row_changes, s->sources.count * 4},
        {s->items_put, gauges->items_put, &s->gauges.items_put, s->targets.count},
        {s->items_deleted, gauges->items_deleted, &s->gauges.items_deleted, s->targets.count},
        {s->conflicts, gauges->conflicts, &s->gauges.conflicts, s->targets.count},
        {s->conflicts_total, gauges->conflicts_total, &s->gauges.conflicts_total, s->targets.count},
        {s->key_moves, gauges->key_moves, &s->gauges.key_moves, s->targets.count},
        {s->moved_together, gauges->moved_together, &s->gauges.moved_together, s->targets.count},
        {s->moved_apart, gauges->moved_apart, &s->gauges.moved_apart, s->targets.count},
        {s->unkeyed, gauges->unkeyed, &s->gauges.unkeyed, s->entities.count},
        {s->dead, gauges->dead, &s->gauges.dead, s->entities.count},
    };
    for (size_t i = 0; i < ARRAY_LEN(arrays); i++) {
        if (arrays[i].from && arrays[i].count)
            memcpy(arrays[i].to, arrays[i].from, arrays[i].count * sizeof(uint64_t));
        *arrays[i].field = arrays[i].to;
    }
}

void status_park(struct status *s, int code, const char *reason) {
    bool fresh = s->state != RUN_PARKED;
    int64_t now_us = sys_monotonic_us();
    if (fresh)
        s->park.since_wall_us = sys_wall_us();
    s->state = RUN_PARKED;
    snprintf(s->park.class_name, sizeof(s->park.class_name), "%s", error_class(code));
    snprintf(s->park.reason, sizeof(s->park.reason), "%s", reason);
    /* texts may bear numbers that change with every attempt */
    if (!fresh && (strcmp(s->park.logged, s->park.reason) == 0 || now_us - s->park.logged_us < PARK_LOG_US))
        return;
    log_error("parked; trying again until the cause is gone", {"class", log_s(s->park.class_name)},
              {"reason", log_s(reason)});
    memcpy(s->park.logged, s->park.reason, sizeof(s->park.logged));
    s->park.logged_us = now_us;
}

bool status_park_held(const struct status *s) {
    return s->state == RUN_PARKED && s->park.hold_until_us > sys_monotonic_us();
}

void status_hold_park(struct status *s) {
    s->park.hold_until_us = INT64_MAX;
}

void status_release_park(struct status *s, int64_t after_us) {
    s->park.hold_until_us = sys_monotonic_us() + after_us;
}

void status_state(struct status *s, enum run_state state) {
    if (state == s->state || (status_park_held(s) && state != RUN_STOPPING))
        return;
    log_info(s->state == RUN_PARKED && state != RUN_STOPPING ? "goes on" : "state",
             {"state", log_s(run_state_name(state))});
    s->state = state;
    s->park.since_wall_us = 0;
    s->park.reason[0] = 0;
}

const char *status_not_ready(const struct status *s) {
    if (s->state == RUN_PARKED)
        return s->park.reason;
    if (s->state != RUN_STREAMING)
        return run_state_name(s->state);
    if (s->gauges.sweeping)
        return "the sweep after the snapshot, or of a changed contract, is not over";
    if (s->gauges.loading)
        return "tables are being read that a changed contract needs";
    if (!s->source.connected)
        return "not connected to the source";
    if (s->sink.parked)
        return s->sink.parked_reason;
    if (status_lag_seconds(s) * 1e6 > (double)s->ready_lag_us)
        return "behind the source by more than http.ready_lag_s";
    return NULL;
}

int status_wait(struct status *s, const struct position *target, int64_t timeout_ms) {
    struct timespec deadline = sys_deadline(timeout_ms);
    pthread_mutex_lock(&s->lock);
    s->waiters++;
    int late = 0;
    while (!(position_known(&s->acknowledged) && position_reached(&s->acknowledged, target)) && !late)
        late = pthread_cond_timedwait(&s->changed, &s->lock, &deadline);
    s->waiters--;
    pthread_mutex_unlock(&s->lock);
    return late ? 1 : 0;
}

/* ---- as JSON */

static void put_position(struct json_out *out, const char *key, const struct position *p) {
    json_key(out, key);
    if (!position_known(p)) {
        json_put_null(out);
        return;
    }
    json_open(out, '{');
    if (!gtid_set_empty(&p->gtids)) {
        struct buf text = BUF_INIT(1 << 20);
        gtid_set_format(&p->gtids, &text);
        json_key(out, "gtids");
        json_put_slice(out, buf_slice(&text));
        buf_deinit(&text);
    }
    json_key(out, "server_uuid");
    json_put_text(out, p->server_uuid);
    json_key(out, "file");
    json_put_text(out, p->file);
    json_key(out, "offset");
    json_put_uint(out, p->offset);
    if (p->commit_us) {
        char time[32];
        sys_format_time(p->commit_us, time, sizeof(time));
        json_key(out, "commit_time");
        json_put_text(out, time);
    }
    json_close(out, '}');
}

static void put_uint(struct json_out *out, const char *key, uint64_t v) {
    json_key(out, key);
    json_put_uint(out, v);
}

static void put_source(const struct status *s, struct json_out *out) {
    json_key(out, "source");
    json_open(out, '{');
    json_key(out, "host");
    json_put_text(out, s->source.host);
    json_key(out, "connected");
    json_put_bool(out, s->source.connected);
    json_key(out, "version");
    json_put_text(out, s->source.version);
    json_key(out, "trouble");
    json_put_text(out, s->source.trouble[0] ? s->source.trouble : NULL);
    put_uint(out, "reconnects", s->source.reconnects);
    put_uint(out, "bytes", s->source.heard.bytes);
    put_position(out, "end", &s->end);
    json_close(out, '}');
}

static void put_target(const struct status *s, struct json_out *out) {
    json_key(out, "target");
    json_open(out, '{');
    put_uint(out, "requests", s->sink.requests);
    put_uint(out, "retries", s->sink.retries);
    put_uint(out, "throttled", s->sink.throttled);
    put_uint(out, "unknown_outcomes", s->sink.ambiguous);
    put_uint(out, "in_flight_requests", s->sink.in_flight_requests);
    json_key(out, "breaker_open");
    json_put_bool(out, s->sink.breaker_open);
    json_key(out, "trouble");
    json_put_text(out, s->sink.parked_reason[0] ? s->sink.parked_reason : NULL);
    json_close(out, '}');
}

static void put_tables(const struct status *s, struct json_out *out) {
    static const char *const kinds[] = {"inserts", "updates", "deletes", "truncates"};
    json_key(out, "tables");
    json_open(out, '[');
    for (size_t i = 0; i < s->sources.count; i++) {
        json_open(out, '{');
        json_key(out, "table");
        json_put_text(out, s->sources.names[i]);
        for (size_t k = 0; k < ARRAY_LEN(kinds); k++)
            put_uint(out, kinds[k], s->row_changes[i * 4 + k]);
        json_close(out, '}');
    }
    json_close(out, ']');
    json_key(out, "targets");
    json_open(out, '[');
    for (size_t i = 0; i < s->targets.count; i++) {
        json_open(out, '{');
        json_key(out, "table");
        json_put_text(out, s->targets.names[i]);
        put_uint(out, "put", s->items_put[i]);
        put_uint(out, "deleted", s->items_deleted[i]);
        put_uint(out, "key_conflicts", s->conflicts[i]);
        put_uint(out, "key_conflicts_total", s->conflicts_total[i]);
        put_uint(out, "key_moves", s->key_moves[i]);
        put_uint(out, "moved_together", s->moved_together[i]);
        put_uint(out, "moved_apart", s->moved_apart[i]);
        json_close(out, '}');
    }
    json_close(out, ']');
    json_key(out, "entities");
    json_open(out, '[');
    for (size_t i = 0; i < s->entities.count; i++) {
        json_open(out, '{');
        json_key(out, "entity");
        json_put_text(out, s->entities.names[i]);
        put_uint(out, "unkeyed", s->unkeyed[i]);
        put_uint(out, "dead_letters", s->dead[i]);
        json_close(out, '}');
    }
    json_close(out, ']');
    json_key(out, "former_entities");
    json_open(out, '[');
    for (size_t i = 0; i + 1 < s->former.count; i += 2) {
        json_open(out, '{');
        json_key(out, "table");
        json_put_text(out, s->former.names[i]);
        json_key(out, "entity");
        json_put_text(out, s->former.names[i + 1]);
        json_close(out, '}');
    }
    json_close(out, ']');
}

static void put_snapshot(const struct status *s, struct json_out *out) {
    json_key(out, "snapshot");
    if (s->state != RUN_SNAPSHOT) {
        json_put_null(out);
        return;
    }
    double seconds = (double)(sys_monotonic_us() - s->snapshot.started_us) / 1e6;
    double rate = seconds > 0 ? (double)(s->snapshot.rows - s->snapshot.rows_at_start) / seconds : 0;
    uint64_t left = s->snapshot.total > s->snapshot.rows ? s->snapshot.total - s->snapshot.rows : 0;
    json_open(out, '{');
    json_key(out, "table");
    json_put_text(out, s->snapshot.table);
    put_uint(out, "rows_done", s->snapshot.rows);
    put_uint(out, "rows_total", s->snapshot.total);
    json_key(out, "rows_per_second");
    json_put_double(out, rate);
    json_key(out, "seconds_left");
    if (rate > 0)
        json_put_double(out, (double)left / rate);
    else
        json_put_null(out);
    json_close(out, '}');
}

void status_json(const struct status *s, struct json_out *out) {
    char time[32];
    sys_format_time(s->started_wall_us, time, sizeof(time));
    json_open(out, '{');
    json_key(out, "version");
    json_put_text(out, LEAT_VERSION);
    json_key(out, "stream");
    json_put_text(out, s->stream);
    json_key(out, "started");
    json_put_text(out, time);
    json_key(out, "state");
    json_put_text(out, run_state_name(s->state));
    json_key(out, "parked");
    if (s->state == RUN_PARKED) {
        sys_format_time(s->park.since_wall_us, time, sizeof(time));
        json_open(out, '{');
        json_key(out, "class");
        json_put_text(out, s->park.class_name);
        json_key(out, "since");
        json_put_text(out, time);
        json_key(out, "reason");
        json_put_text(out, s->park.reason);
        json_close(out, '}');
    } else {
        json_put_null(out);
    }
    const char *why = status_not_ready(s);
    json_key(out, "ready");
    json_put_bool(out, !why);
    json_key(out, "not_ready_because");
    json_put_text(out, why);
    json_key(out, "lag_seconds");
    json_put_double(out, status_lag_seconds(s));
    put_uint(out, "lag_bytes", status_lag_bytes(s));
    json_key(out, "checkpoint_lag_seconds");
    json_put_double(out, status_checkpoint_lag_seconds(s));
    json_key(out, "positions");
    json_open(out, '{');
    put_position(out, "applied", &s->applied);
    put_position(out, "acknowledged", &s->acknowledged);
    put_position(out, "checkpoint", &s->checkpointed);
    json_close(out, '}');
    put_uint(out, "outbox_keys", s->gauges.outbox_keys);
    put_uint(out, "in_flight", s->gauges.in_flight);
    put_uint(out, "fan_outs", s->gauges.fan_outs);
    put_uint(out, "fan_out_roots", s->gauges.fan_out_roots);
    put_uint(out, "assertions", s->gauges.assertions);
    json_key(out, "prepared_transactions");
    json_open(out, '{');
    put_uint(out, "count", s->gauges.prepared);
    json_key(out, "oldest_seconds");
    json_put_double(out, s->gauges.prepared ? (double)(sys_wall_us() - s->gauges.prepared_since_us) / 1e6 : 0);
    json_close(out, '}');
    put_uint(out, "transactions", s->gauges.transactions);
    put_uint(out, "batches", s->gauges.batches);
    put_uint(out, "checkpoints", s->gauges.checkpoints);
    put_uint(out, "items_suppressed", s->gauges.items_suppressed);
    put_uint(out, "store_bytes", s->gauges.store_bytes);
    put_uint(out, "reader_queue_bytes", s->reader_queue_bytes);
    put_snapshot(s, out);
    json_key(out, "reading_for_contract");
    json_put_bool(out, s->gauges.loading);
    json_key(out, "sweep");
    if (s->gauges.sweeping) {
        json_open(out, '{');
        put_uint(out, "roots_done", s->gauges.sweep_done);
        put_uint(out, "roots_total", s->gauges.sweep_total);
        json_close(out, '}');
    } else {
        json_put_null(out);
    }
    json_key(out, "replay");
    if (s->replay.running) {
        json_open(out, '{');
        put_uint(out, "transactions", s->replay.transactions);
        put_uint(out, "row_changes", s->replay.row_changes);
        json_close(out, '}');
    } else {
        json_put_null(out);
    }
    put_source(s, out);
    put_target(s, out);
    put_tables(s, out);
    json_close(out, '}');
}
