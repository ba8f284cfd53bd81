/* The pipeline.
 *
 * Happy path: (1) contract and schema are read and compiled, server and tables checked; (2) the store is opened, which recovers it; (3) an
 * empty one is filled by the snapshot; (4) the reader follows the binlog; (5) the applier, here, takes whole transactions until the queue is
 * empty or a bound is met, ends the batch, hands writes to the sender, takes outcomes back, and lets the engine work; (6) asked to stop,
 * it drains for at most 15 s, makes a clean checkpoint and ends.
 *
 * When anything fails, everything is taken down without a checkpoint, which is what a crash does and the store is made for. */
#include "src/app/pipeline.h"

#include "binlog/rows.h"
#include "binlog/server_check.h"
#include "src/app/adopt.h"
#include "src/app/reader.h"
#include "src/app/snapshot.h"
#include "src/app/watcher.h"
#include "src/app/xa.h"
#include "src/base/log.h"
#include "src/base/sys.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum {
    QUEUE_BYTES = 8 * 1024 * 1024,
    DRAIN_US = 15000000,
    PUBLISH_US = 100000,
    OUTCOMES = 256,
    XA_MEMORY = 4 * 1024 * 1024,
    REPLAY_TURN = 64,     /* transactions of a replay between two looks at the stream */
    SETTLED_US = 2000000, /* a pipeline that lives so long is not the one that failed a moment ago */
};

struct replay {
    struct replay_request *request;
    struct reader *reader;
    struct decoder *decoder;
    struct xa_list prepared;
    struct position to;
};

struct pipeline {
    const struct config *config;
    struct pipeline_control *control;
    struct status *status;
    struct prepared prepared;
    struct sink *sink;
    struct engine *engine;
    struct decoder *decoder;
    struct xa_store prepared_xa;
    struct reader *reader;
    struct watcher *watcher;
    struct reader_state reader_state;
    struct replay replay;
    struct loading *loading; /* what a changed contract needs */
    int64_t published_us;
    uint64_t row_count; /* of the transaction or replay at hand */
};

/* ---- putting up */

/* What is to be warned of is said once, not each time that a pipeline is put up. */
static void log_warnings(struct pipeline *p, const struct check_list *checks) {
    defer(buf_deinit) struct buf text = BUF_INIT(1 << 20);
    for (size_t i = 0; i < checks->count; i++)
        if (checks->lines[i].result == CHECK_WARNING)
            buf_put_text(&text, checks->lines[i].message);
    for (size_t i = 0; i < p->prepared.findings.count; i++)
        buf_put_text(&text, p->prepared.findings.list[i].message);
    if (p->control->warnings && strcmp(p->control->warnings, buf_text(&text)) == 0)
        return;
    free(p->control->warnings);
    p->control->warnings = xstrdup(buf_text(&text));
    for (size_t i = 0; i < checks->count; i++) {
        const struct check_line *line = &checks->lines[i];
        if (line->result == CHECK_WARNING)
            log_warning("source", {"check", log_s(line->name)}, {"message", log_s(line->message)},
                        {"remedy", log_s(line->remedy ? line->remedy : "")});
    }
    for (size_t i = 0; i < p->prepared.findings.count; i++) {
        const struct finding *f = &p->prepared.findings.list[i];
        if (f->warning)
            log_warning("contract", {"line", log_u(f->line)}, {"path", log_s(f->path)}, {"message", log_s(f->message)});
    }
}

static int open_source(struct pipeline *p, struct error *error) {
    struct source_options source = config_source(p->config);
    struct connection *c = NULL;
    struct check_list checks = {0};
    int r = connection_open(&c, &source, error);
    if (r == 0)
        r = server_check(c, p->prepared.database, p->prepared.tables, p->prepared.table_count, &checks, error);
    for (size_t i = 0; r == 0 && i < checks.count; i++) {
        const struct check_line *line = &checks.lines[i];
        if (line->result == CHECK_ERROR)
            r = error_set(error, ERR_SOURCE, "%s: %s; %s", line->name, line->message, line->remedy ? line->remedy : "");
    }
    if (r == 0)
        r = prepare_contract(&p->prepared, p->config, c, error);
    if (r == 0)
        log_warnings(p, &checks);
    check_list_deinit(&checks);
    if (r == 0 && p->control->until_now && !position_known(&p->control->now))
        r = source_position_end(c, &p->control->now, error);
    connection_close(c);
    return r;
}

/* What is to be done about another contract is said once, when the store becomes this one's. */
static void on_changed(void *context, enum change_kind kind, const char *table, const char *name) {
    (void)context;
    defer(buf_deinit) struct buf text = BUF_INIT(4096);
    adoption_words(&text, kind, table, name);
    log_info("another contract", {"change", log_slice(buf_slice(&text))});
}

static size_t sender_room(void *context) {
    struct pipeline *p = context;
    return sink_room(p->sink);
}

static int sender_send(void *context, const struct item_write *writes, size_t count, bool transact,
                       struct error *error) {
    struct pipeline *p = context;
    return sink_submit(p->sink, writes, count, transact, error);
}

static int open_engine(struct pipeline *p, struct error *error) {
    struct engine_options options = {
        .state_dir = p->config->state_dir,
        .contract = p->prepared.contract,
        .hooks = {.context = p, .room = sender_room, .send = sender_send, .changed = on_changed},
        .prune = p->control->prune,
        .durable_journal = p->config->durability == DURABILITY_POWER,
        .atomic_key_change = p->config->dynamodb.atomic_key_change,
        .map_bytes = (size_t)p->config->store_max_gb << 30,
        .checkpoint_ms = p->config->checkpoint_s * 1000,
    };
    int r = engine_open(&p->engine, &options, error);
    p->prepared_xa = (struct xa_store){p->engine, p->config->state_dir, XA_MEMORY};
    return r;
}

/* ---- row changes */

static void *on_table(void *context, const struct table *table, bool *wanted, int *ret_error, struct error *error) {
    struct pipeline *p = context;
    return engine_map_table(p->engine, table, wanted, ret_error, error);
}

static int on_row(void *context, const struct row_change *change, struct error *error) {
    struct pipeline *p = context;
    return engine_apply(p->engine, change, error);
}

static int on_replayed_row(void *context, const struct row_change *change, struct error *error) {
    struct pipeline *p = context;
    p->row_count++;
    return engine_touch(p->engine, change, error);
}

static struct decoder *new_decoder(struct pipeline *p, int (*row)(void *, const struct row_change *, struct error *)) {
    struct decoder_options options = {.database = p->prepared.database,
                                      .context = p,
                                      .table = on_table,
                                      .row = row,
                                      .schema = &p->prepared.schema,
                                      .schema_at = row == on_replayed_row ? NULL : &p->prepared.schema_at,
                                      .drop_deletes = p->config->on_drop == ON_DROP_DELETE,
                                      .names_folded = p->prepared.facts.names_folded,
                                      .cascades_logged = p->prepared.facts.cascades_logged};
    return decoder_new(&options);
}

static int start_reader(struct pipeline *p, struct error *error) {
    struct reader_options options = {.source = config_source(p->config),
                                     .spill_dir = p->config->state_dir,
                                     .from = engine_applied(p->engine),
                                     .queue_bytes = QUEUE_BYTES};
    return reader_start(&p->reader, &options, error);
}

static void show_contract(struct pipeline *p) {
    status_lock(p->status);
    status_set_contract(p->status, p->prepared.contract);
    snprintf(p->status->source.host, sizeof(p->status->source.host), "%s:%lld",
             p->config->mysql.socket ? p->config->mysql.socket : p->config->mysql.host,
             (long long)p->config->mysql.port);
    snprintf(p->status->source.version, sizeof(p->status->source.version), "%s", p->prepared.facts.version);
    snprintf(p->status->source.uuid, sizeof(p->status->source.uuid), "%s", p->prepared.facts.uuid);
    status_unlock(p->status);
}

/* The target is looked at before the store becomes another contract's: what is refused changes nothing. */
static int open_both(struct pipeline *p, struct adoption *a, struct error *error) {
    const struct contract *contract = p->prepared.contract;
    bool prune = p->control->prune;
    int r = adoption_read(a, p->config, contract, prune, error);
    if (r == 0)
        r = adoption_refuses(a, &p->prepared, error);
    if (r == 0)
        r = adoption_look(a, &p->prepared, p->config, prune, error);
    if (r == 0)
        r = adoption_check(a, contract, !a->there, error);
    if (r < 0)
        return r;
    show_contract(p);
    r = open_engine(p, error);
    if (r == 0 && engine_life(p->engine) == ENGINE_EMPTY)
        r = adoption_check(a, contract, true, error);
    struct sink_options options = prepare_sink(&p->prepared, p->config);
    return r == 0 ? sink_open(&p->sink, &options, error) : r;
}

static int pipeline_open(struct pipeline *p, struct error *error) {
    struct adoption adoption = {0};
    int r = prepare_text(&p->prepared, p->config, error);
    if (r == 0)
        r = open_source(p, error);
    if (r == 0)
        r = open_both(p, &adoption, error);
    adoption_deinit(&adoption);
    return r;
}

/* ---- status */

static enum run_state life_state(const struct pipeline *p) {
    static const enum run_state states[] = {[ENGINE_EMPTY] = RUN_SNAPSHOT,
                                            [ENGINE_LOADING] = RUN_SNAPSHOT,
                                            [ENGINE_REDO] = RUN_REDO,
                                            [ENGINE_RECOVERING] = RUN_RECOVERING,
                                            [ENGINE_STREAMING] = RUN_STREAMING};
    return p->control->stop ? RUN_STOPPING : states[engine_life(p->engine)];
}

/* A source that is only away is looked for by the reader; whatever else keeps it from reading needs somebody. */
static bool needs_somebody(const struct reader_state *state) {
    return state->trouble && state->trouble != ERR_SOURCE_LOST;
}

static void note_state(struct pipeline *p) {
    struct status *s = p->status;
    if (!p->control->stop && needs_somebody(&p->reader_state))
        status_park(s, p->reader_state.trouble, p->reader_state.reason);
    else if (!p->control->stop && s->sink.parked)
        status_park(s, ERR_TARGET, s->sink.parked_reason);
    else
        status_state(s, life_state(p));
}

static void publish(struct pipeline *p, bool force) {
    struct status *s = p->status;
    int64_t now = sys_monotonic_us();
    if (!force && !s->waiters && now - p->published_us < PUBLISH_US)
        return;
    p->published_us = now;
    struct engine_gauges gauges;
    engine_gauges(p->engine, &gauges);
    status_lock(s);
    status_set_gauges(s, &gauges);
    sink_numbers(p->sink, &s->sink);
    position_copy(&s->applied, engine_applied(p->engine));
    position_copy(&s->acknowledged, engine_acknowledged(p->engine));
    position_copy(&s->checkpointed, engine_checkpointed(p->engine));
    status_set_catalog(s, gauges.catalog);
    s->source.connected = p->reader_state.connected;
    s->source.heard = p->reader_state.heard;
    s->source.reconnects = p->reader_state.reconnects;
    snprintf(s->source.trouble, sizeof(s->source.trouble), "%s", p->reader_state.reason);
    s->oldest_queued_us = p->reader_state.oldest_commit_us;
    s->reader_queue_bytes = p->reader_state.queue_bytes;
    if (status_lag_seconds(s) == 0)
        s->at_end_us = sys_wall_us();
    note_state(p);
    status_unlock(s);
}

/* ---- the applier's steps; each returns an error, or how much it did */

static int take_outcomes(struct pipeline *p, struct error *error) {
    struct outcome outcomes[OUTCOMES];
    size_t n = sink_take(p->sink, outcomes, OUTCOMES);
    for (size_t i = 0; i < n; i++) {
        int r = engine_answer(p->engine, &outcomes[i], error);
        if (r < 0)
            return r;
    }
    return (int)n;
}

static int apply_delivery(struct pipeline *p, struct delivery *d, struct error *error) {
    const struct xa_keeper keeper = xa_store_keeper(&p->prepared_xa);
    int r = d->txn ? xa_run(p->decoder, &keeper, &d->txn, error) : 0;
    txn_free(d->txn);
    if (r < 0 && d->end.gtid.number) {
        struct buf text defer(buf_deinit) = BUF_INIT(1000);
        gtid_format(&d->end.gtid, &text);
        return error_wrap(error, r, "GTID %s", buf_text(&text));
    }
    if (r < 0)
        return r;
    return engine_commit(p->engine, &d->end, error);
}

static int take_transactions(struct pipeline *p, struct error *error) {
    int count = 0, r = 0;
    bool altered = false;
    struct delivery d;
    while (r == 0 && !altered && !p->control->stop && !engine_batch_full(p->engine) &&
           !engine_reread_wanted(p->engine) && reader_take(p->reader, &d)) {
        r = apply_delivery(p, &d, error);
        altered = decoder_met_alter(p->decoder);
        count++;
    }
    if (r == 0 && count > 0)
        r = engine_batch_end(p->engine, error);
    if (r >= 0 &&
        altered) /* whatever ends this pipeline, the next one has another schema and begins behind the ALTER */
        r = engine_checkpoint(p->engine, false, error);
    return r < 0 ? r : count;
}

/* ---- replay */

static void replay_end(struct pipeline *p, int code, const struct error *error) {
    struct replay *y = &p->replay;
    if (!y->request)
        return;
    status_lock(p->status);
    y->request->code = code;
    if (code < 0)
        y->request->error = *error;
    y->request->done = true;
    p->control->replay = NULL;
    p->status->replay.running = false;
    status_unlock(p->status);
    reader_stop(y->reader);
    decoder_free(y->decoder);
    xa_list_deinit(&y->prepared);
    position_deinit(&y->to);
    *y = (struct replay){0};
}

/* Where the replay ends, in the terms in which it begins: a stretch that begins at FILE:OFFSET never has the GTIDs of before. */
static int replay_end_position(struct pipeline *p, const struct replay_request *request, struct position *ret,
                               struct error *error) {
    const struct position *applied = engine_applied(p->engine);
    position_copy(ret, position_known(&request->to) ? &request->to : applied);
    if (!gtid_set_empty(&request->from.gtids))
        return 0;
    if (!gtid_set_empty(&request->to.gtids))
        return error_set(error, ERR_USAGE, "give --from and --to alike: both as FILE:OFFSET or both as GTID sets");
    if (!ret->file[0])
        return error_set(error, ERR_USAGE,
                         "the replicator has read nothing of a binlog file yet: give --from as a GTID set");
    gtid_set_deinit(&ret->gtids);
    return 0;
}

static int replay_begin(struct pipeline *p, struct replay_request *request, struct error *error) {
    struct replay *y = &p->replay;
    y->request = request;
    int r = replay_end_position(p, request, &y->to, error);
    if (r < 0)
        return r;
    y->decoder = new_decoder(p, on_replayed_row);
    if (!position_reached(engine_applied(p->engine), &y->to))
        return error_set(error, ERR_USAGE,
                         "the end of the replay is ahead of what the replicator has applied: leave --to out");
    if (position_reached(&request->from, &y->to))
        return error_set(error, ERR_USAGE,
                         "the replay would begin where it ends, or behind it: give an earlier --from");
    struct reader_options options = {.source = config_source(p->config),
                                     .spill_dir = p->config->state_dir,
                                     .from = &request->from,
                                     .until = &y->to,
                                     .by_file = gtid_set_empty(&request->from.gtids),
                                     .queue_bytes = QUEUE_BYTES / 4};
    options.source.server_id = (unsigned)sys_random() | 0x80000000U; /* another replica than the stream */
    return reader_start(&y->reader, &options, error);
}

/* A turn of the replay at hand, if there is one. A fault ends the replay, not the pipeline. */
static int replay_step(struct pipeline *p, struct error *error) {
    struct replay *y = &p->replay;
    status_lock(p->status);
    struct replay_request *asked = p->control->replay;
    bool fresh = asked && !asked->taken;
    if (fresh)
        asked->taken = p->status->replay.running = true;
    status_unlock(p->status);
    struct error why;
    if (fresh) {
        int r = replay_begin(p, asked, &why);
        if (r < 0)
            replay_end(p, r, &why);
    }
    if (!y->request || !y->reader)
        return 0;
    struct reader_state state;
    reader_state(y->reader, &state);
    struct delivery d;
    const struct xa_keeper keeper = xa_list_keeper(&y->prepared);
    int count = 0, r = 0;
    p->row_count = 0;
    while (r == 0 && count < REPLAY_TURN && !engine_batch_full(p->engine) && reader_take(y->reader, &d)) {
        r = d.txn ? xa_run(y->decoder, &keeper, &d.txn, &why) : 0;
        txn_free(d.txn);
        count++;
    }
    if (count > 0) {
        int batch = engine_batch_end(p->engine, error);
        if (batch < 0)
            return batch;
    }
    status_lock(p->status);
    y->request->transactions += (uint64_t)count;
    y->request->row_changes += p->row_count;
    p->status->replay.transactions = y->request->transactions;
    p->status->replay.row_changes = y->request->row_changes;
    status_unlock(p->status);
    if (r < 0)
        replay_end(p, r, &why);
    else if (needs_somebody(&state))
        replay_end(p, error_set(&why, state.trouble, "%s", state.reason), &why);
    else if (count == 0 && state.ended)
        replay_end(p, 0, NULL);
    return count;
}

/* ---- the loop */

static void rest(struct pipeline *p, int64_t wait_ms) {
    struct pollfd fds[4] = {{.fd = p->reader ? reader_fd(p->reader) : -1, .events = POLLIN},
                            {.fd = sink_fd(p->sink), .events = POLLIN},
                            {.fd = p->control->wake_fd, .events = POLLIN},
                            {.fd = p->replay.reader ? reader_fd(p->replay.reader) : -1, .events = POLLIN}};
    int64_t longest = PUBLISH_US * 5 / 1000;
    int timeout = (int)(wait_ms < 0 ? longest : MIN(wait_ms, longest));
    poll(fds, ARRAY_LEN(fds), timeout);
    uint64_t count;
    ssize_t n = read(p->control->wake_fd, &count, sizeof(count));
    (void)n;
    if (p->reader)
        reader_state(p->reader, &p->reader_state);
}

/* A chunk for a changed contract. Its rows are as of some moment behind what is applied. */
static int load_step(struct pipeline *p, struct error *error) {
    if (p->control->stop)
        return 0;
    int r = snapshot_load(&p->loading, p->config, &p->prepared, p->engine, &p->control->stop, error);
    if (r == 1) {
        snapshot_load_end(p->loading);
        p->loading = NULL;
    }
    return r < 0 ? r : r == 0;
}

static int turn(struct pipeline *p, struct error *error) {
    int did = 0, r = take_outcomes(p, error);
    if (r >= 0) {
        did += r;
        r = p->reader ? take_transactions(p, error) : 0;
    }
    if (r >= 0) {
        did += r;
        r = p->reader ? replay_step(p, error) : 0;
    }
    if (r >= 0 && engine_reread_wanted(p->engine)) {
        r = snapshot_reread(p->config, &p->prepared, p->engine, &p->control->stop, error);
        did++;
    }
    if (r >= 0) {
        did += r;
        r = load_step(p, error);
    }
    if (r < 0)
        return r;
    did += r;
    int64_t wait_ms = -1;
    r = engine_work(p->engine, &wait_ms, error);
    if (r < 0)
        return r;
    publish(p, false);
    if (did > 0 || wait_ms == 0)
        wait_ms = 0;
    rest(p, wait_ms);
    return 0;
}

static bool reached_until(const struct pipeline *p) {
    const struct position *until = p->control->until_now ? &p->control->now : p->control->until;
    const struct position *at = engine_acknowledged(p->engine);
    return until && position_known(at) && position_reached(at, until);
}

/* SIGTERM: nothing more is read; what was decided is given its time. */
static int drain(struct pipeline *p, struct error *error) {
    watcher_interrupt(p->watcher);
    reader_stop(p->reader);
    p->reader = NULL;
    p->reader_state = (struct reader_state){0};
    int64_t deadline = sys_monotonic_us() + DRAIN_US;
    struct engine_gauges gauges;
    engine_gauges(p->engine, &gauges);
    while (gauges.in_flight > 0 || (gauges.outbox_keys > 0 && engine_life(p->engine) == ENGINE_STREAMING)) {
        if (sys_monotonic_us() > deadline)
            break;
        int r = turn(p, error);
        if (r < 0)
            return r;
        engine_gauges(p->engine, &gauges);
    }
    log_info("drained", {"outbox_keys", log_u(gauges.outbox_keys)}, {"in_flight", log_u(gauges.in_flight)});
    return engine_checkpoint(p->engine, gauges.in_flight == 0, error);
}

static int pipeline_loop(struct pipeline *p, struct error *error) {
    int r = 0;
    if (engine_life(p->engine) == ENGINE_EMPTY || engine_life(p->engine) == ENGINE_LOADING) {
        publish(p, true);
        r = snapshot_run(p->config, &p->prepared, p->engine, p->status, &p->control->stop, error);
    }
    p->decoder = new_decoder(p, on_row);
    if (r == 0)
        r = start_reader(p, error);
    if (r == 0) {
        struct source_options source = config_source(p->config);
        r = watcher_start(&p->watcher, &source, p->status, error);
    }
    while (r == 0 && !p->control->stop && !reached_until(p))
        r = turn(p, error);
    if (r == 0)
        r = drain(p, error);
    if (r == 0) /* an engine that failed has nothing more to say */
        publish(p, true);
    return r == ERR_STOPPED ? 0 : r;
}

static void pipeline_close(struct pipeline *p) {
    struct error why;
    watcher_stop(p->watcher);
    reader_stop(p->reader);
    replay_end(
        p, error_set(&why, ERR_STOPPED, "the replicator stopped or parked before the replay was over: run it again"),
        &why);
    snapshot_load_end(p->loading);
    sink_close(p->sink);
    engine_free(p->engine);
    decoder_free(p->decoder);
    prepared_deinit(&p->prepared);
    status_lock(p->status);
    p->status->source.connected = false;
    status_unlock(p->status);
}

int pipeline_run(const struct config *config, struct pipeline_control *control, bool *up, struct error *error) {
    struct pipeline p = {.config = config, .control = control, .status = control->status};
    int64_t doubt_us = *up ? SETTLED_US : 0; /* one that was up and failed may well fail again at the same place */
    *up = false;
    int r = pipeline_open(&p, error);
    if (r == 0) {
        *up = true;
        status_lock(p.status);
        status_release_park(p.status, doubt_us);
        status_unlock(p.status);
        r = pipeline_loop(&p, error);
    }
    pipeline_close(&p);
    return r;
}
