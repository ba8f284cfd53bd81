/* The fuzzy snapshot.
 *
 * Happy path: (1) remember the position L; (2) read every needed table in primary-key chunks, each in a short read of its own; (3) remember the
 * position H; then the pipeline applies the binlog from L to H and the store is exact.
 *
 * L must not be ahead of what reads can see: it is gtid_executed. H must not be behind what reads have seen: it is the binlog's end. A transaction
 * prepared by XA before L has its rows before L: the first chunk waits until XA RECOVER names none of them. Servers that do not log
 * cascades are read through one consistent view, L = H, because a cascade between two chunks would leave no trace. */
#include "src/app/snapshot.h"

#include "binlog/chunk.h"
#include "src/base/log.h"
#include "src/base/sys.h"

#include <stdio.h>
#include <stdlib.h>

enum { CHECKPOINT_US = 5000000, XA_POLL_MS = 200, REPORT_US = 2000000 };

struct snapshot {
    const struct config *config;
    const struct prepared *prepared;
    struct engine *engine;
    struct status *status;
    const atomic_bool *stop;
    struct source_options source_options;
    struct connection *connection;
    const struct source *source; /* being read */
    uint64_t total;              /* estimate, all tables */
    uint64_t rows;
    int64_t checkpoint_us, report_us;
};

static bool has_cascades(const struct contract *contract) {
    for (size_t i = 0; i < contract->source_count; i++)
        if (contract->sources[i]->cascade_count)
            return true;
    return false;
}

static bool needs_consistent_view(const struct prepared *p) {
    return !p->facts.cascades_logged && has_cascades(p->contract);
}

static void report(struct snapshot *s, bool force) {
    int64_t now = sys_monotonic_us();
    status_lock(s->status);
    status_state(s->status, RUN_SNAPSHOT);
    snprintf(s->status->snapshot.table, sizeof(s->status->snapshot.table), "%s", s->source ? s->source->name : "");
    s->status->snapshot.rows = s->rows;
    s->status->snapshot.total = MAX(s->total, s->rows);
    status_unlock(s->status);
    if (force || now - s->report_us > REPORT_US) {
        log_info("snapshot", {"table", log_s(s->source ? s->source->name : "")}, {"rows", log_u(s->rows)},
                 {"of_about", log_u(MAX(s->total, s->rows))});
        s->report_us = now;
    }
}

/* Between chunks: make progress durable now and then, look whether to stop. */
static int breathe(struct snapshot *s, struct error *error) {
    report(s, false);
    if (*s->stop)
        return error_set(error, ERR_STOPPED, "asked to stop");
    if (sys_monotonic_us() - s->checkpoint_us < CHECKPOINT_US)
        return 0;
    s->checkpoint_us = sys_monotonic_us();
    return engine_checkpoint(s->engine, false, error);
}

static int take_row(void *context, const struct value *values, struct error *error) {
    struct snapshot *s = context;
    s->rows++;
    return engine_snapshot_row(s->engine, s->source, values, error);
}

/* All kept columns; they live in the arena. */
static struct chunk_query query_of(const struct source *source, struct arena *arena, size_t limit) {
    unsigned *columns = arena_alloc(arena, source->column_count * sizeof(*columns));
    for (size_t i = 0; i < source->column_count; i++)
        columns[i] = (unsigned)(source->columns[i].column - source->table->columns);
    return (struct chunk_query){.table = source->table,
                                .columns = columns,
                                .column_count = source->column_count,
                                .key_count = source->key_count,
                                .limit = limit};
}

static int read_table(struct snapshot *s, struct error *error) {
    const struct source *source = s->source;
    struct arena arena = {0};
    const struct value *after = NULL;
    uint64_t before = 0;
    int r = engine_snapshot_resume(s->engine, source, &arena, &after, &before, error);
    s->rows += before;
    status_lock(s->status);
    s->status->snapshot.rows_at_start += before; /* the rate is that of this run */
    status_unlock(s->status);
    struct chunk_query query = query_of(source, &arena, (size_t)s->config->snapshot_chunk_rows);
    struct chunk_reader *reader = NULL;
    bool done = r != 0;
    if (!done)
        r = chunk_reader_open(&reader, s->connection, &query, error);
    while (!done && r == 0) {
        size_t rows = 0;
        r = chunk_read(reader, after, take_row, s, &rows, error);
        if (r < 0)
            break;
        done = rows < query.limit;
        if (!done)
            after = chunk_reader_last(reader);
        r = engine_snapshot_chunk(s->engine, source, done ? NULL : after, rows, done, error);
        if (r == 0)
            r = breathe(s, error);
    }
    chunk_reader_close(reader);
    arena_deinit(&arena);
    return r < 0 ? error_wrap(error, r, "snapshot of table %s", source->name) : 0;
}

static void estimate(struct snapshot *s) {
    const struct contract *contract = s->prepared->contract;
    for (size_t i = 0; i < contract->source_count; i++) {
        uint64_t rows = 0;
        struct error ignored; /* an estimate is for the eye only */
        if (table_row_estimate(s->connection, s->prepared->database, contract->sources[i]->name, &rows, &ignored) == 0)
            s->total += rows;
    }
    status_lock(s->status);
    s->status->snapshot.started_us = sys_monotonic_us();
    s->status->snapshot.rows_at_start = 0;
    status_unlock(s->status);
}

/* Waits until no transaction that was prepared when L was taken is still prepared. */
static int wait_for_prepared(struct snapshot *s, struct error *error) {
    struct arena first_arena = {0};
    const char *const *first = NULL;
    size_t count = 0;
    int r = prepared_xids(s->connection, &first_arena, &first, &count, error);
    bool reported = false;
    while (r == 0 && count > 0) {
        struct arena arena = {0};
        const char *const *now = NULL;
        size_t now_count = 0, left = 0;
        r = prepared_xids(s->connection, &arena, &now, &now_count, error);
        for (size_t i = 0; i < count; i++)
            for (size_t k = 0; k < now_count; k++)
                left += strcmp(first[i], now[k]) == 0;
        arena_deinit(&arena);
        if (left == 0)
            break;
        if (!reported)
            log_warning("waiting for prepared XA transactions to end", {"count", log_u(left)});
        reported = true;
        if (*s->stop)
            r = error_set(error, ERR_STOPPED, "asked to stop");
        else
            sys.sleep_ms(XA_POLL_MS);
    }
    arena_deinit(&first_arena);
    if (r == 1)
        log_warning("cannot see prepared XA transactions (no XA_RECOVER_ADMIN): when one that was prepared before the "
                    "snapshot is committed, leat will park");
    return r;
}

/* From here on nothing is missed that was prepared before L; where prepared transactions cannot be seen this is L itself, and parks leat when it
 * meets the commit of one. */
static int settle(struct snapshot *s, bool consistent, struct error *error) {
    struct position at defer(position_deinit) = {0};
    int r = engine_snapshot_settled(s->engine, &at, error);
    if (r <= 0)
        return r;
    r = consistent ? 1 : wait_for_prepared(s, error);
    if (r == 0)
        r = source_position_end(s->connection, &at, error); /* behind their ends, which gtid_executed may lack yet */
    else if (r == 1)
        r = engine_snapshot_low(s->engine, &at, error);
    return r == 0 ? engine_snapshot_settle(s->engine, &at, error) : r;
}

static int begin(struct snapshot *s, bool consistent, struct position *low, struct error *error) {
    const struct prepared *p = s->prepared;
    /* a view begins under a lock, and without GTIDs L is found under one: it would wait for them too, and all writers behind it */
    int r = p->facts.gtid_mode_on && !consistent ? 0 : wait_for_prepared(s, error);
    if (r < 0)
        return r;
    r = consistent ? consistent_view(s->connection, &s->source_options, p->tables, p->table_count, low, error)
                   : source_position_executed(s->connection, p->database, p->tables, p->table_count, low, error);
    if (r < 0)
        return r;
    struct buf text = BUF_INIT(1 << 20);
    position_format(low, &text);
    log_info("snapshot begins", {"position", log_slice(buf_slice(&text))}, {"consistent_view", log_b(consistent)});
    buf_deinit(&text);
    return engine_snapshot_begin(s->engine, low, consistent, error);
}

static int read_all(struct snapshot *s, struct error *error) {
    bool consistent = needs_consistent_view(s->prepared);
    struct position low = {0}, high = {0};
    int r = 0;
    if (consistent && engine_life(s->engine) == ENGINE_LOADING)
        r = engine_reset(s->engine, error); /* the view died with its connection */
    if (r == 0 && engine_life(s->engine) == ENGINE_EMPTY)
        r = begin(s, consistent, &low, error);
    else if (r == 0)
        r = engine_snapshot_low(s->engine, &low, error);
    if (r == 0)
        r = settle(s, consistent, error);
    for (size_t i = 0; r == 0 && i < s->prepared->contract->source_count; i++) {
        s->source = s->prepared->contract->sources[i];
        r = read_table(s, error);
    }
    if (r == 0)
        r = consistent ? (position_copy(&high, &low), 0) : source_position_end(s->connection, &high, error);
    if (r == 0)
        r = engine_snapshot_high(s->engine, &high, error);
    if (r == 0)
        report(s, true);
    position_deinit(&low);
    position_deinit(&high);
    return r;
}

int snapshot_run(const struct config *config, const struct prepared *prepared, struct engine *engine,
                 struct status *status, const atomic_bool *stop, struct error *error) {
    struct snapshot s = {.config = config, .prepared = prepared, .engine = engine, .status = status, .stop = stop};
    s.source_options = config_source(config);
    int r = connection_open(&s.connection, &s.source_options, error);
    if (r == 0) {
        estimate(&s);
        report(&s, false);
        s.checkpoint_us = sys_monotonic_us();
        r = read_all(&s, error);
    }
    if (r == ERR_STOPPED) { /* what was read is kept */
        struct error ignored;
        int kept = engine_checkpoint(engine, false, &ignored);
        (void)kept;
    }
    connection_close(s.connection);
    return r;
}

/* ---- tables and columns that a changed contract needs */

struct loading {
    struct connection *connection;
    struct position executed; /* what reads are known to see */
    struct engine *engine;
    const struct source *source;
    uint64_t rows;
    int64_t report_us;
};

static int load_open(struct loading **ret, const struct config *config, struct engine *engine, struct error *error) {
    struct source_options options = config_source(config);
    struct loading *l = xcalloc(1, sizeof(*l));
    l->engine = engine;
    int r = connection_open(&l->connection, &options, error);
    if (r < 0) {
        snapshot_load_end(l);
        return r;
    }
    *ret = l;
    return 0;
}

void snapshot_load_end(struct loading *l) {
    if (!l)
        return;
    connection_close(l->connection);
    position_deinit(&l->executed);
    free(l);
}

/* What was applied must be visible to the reads. */
static int wait_for_executed(struct connection *c, const struct prepared *prepared, const struct engine *engine,
                             struct position *executed, const atomic_bool *stop, struct error *error) {
    int r = 0;
    while (r == 0 && !position_reached(executed, engine_applied(engine))) {
        r = source_position_executed(c, prepared->database, prepared->tables, prepared->table_count, executed, error);
        if (r < 0 || position_reached(executed, engine_applied(engine)))
            break;
        if (*stop)
            r = error_set(error, ERR_STOPPED, "asked to stop");
        else
            sys.sleep_ms(10);
    }
    return r;
}

static int load_one_row(void *context, const struct value *values, struct error *error) {
    struct loading *l = context;
    l->rows++;
    return engine_snapshot_row(l->engine, l->source, values, error);
}

static int load_chunk(struct loading *l, const struct config *config, struct error *error) {
    const struct source *source = l->source;
    struct arena arena defer(arena_deinit) = {0};
    const struct value *after = NULL;
    uint64_t before = 0;
    size_t rows = 0;
    int r = engine_snapshot_resume(l->engine, source, &arena, &after, &before, error);
    if (r)
        return r < 0 ? r : 0;
    struct chunk_query query = query_of(source, &arena, (size_t)config->snapshot_chunk_rows);
    struct chunk_reader *reader = NULL;
    r = chunk_reader_open(&reader, l->connection, &query, error);
    if (r == 0)
        r = chunk_read(reader, after, load_one_row, l, &rows, error);
    bool done = rows < query.limit;
    if (r == 0)
        r = engine_snapshot_chunk(l->engine, source, done ? NULL : chunk_reader_last(reader), rows, done, error);
    chunk_reader_close(reader);
    if (r == 0 && (done || sys_monotonic_us() - l->report_us > REPORT_US)) {
        log_info("reading for another contract", {"table", log_s(source->name)}, {"rows", log_u(before + rows)},
                 {"done", log_b(done)});
        l->report_us = sys_monotonic_us();
    }
    return r < 0 ? error_wrap(error, r, "reading table %s for another contract", source->name) : 0;
}

int snapshot_load(struct loading **reading, const struct config *config, const struct prepared *prepared,
                  struct engine *engine, const atomic_bool *stop, struct error *error) {
    const struct source *source;
    int r = engine_load_next(engine, &source, error);
    if (r == 0 && !*reading)
        r = load_open(reading, config, engine, error);
    if (r)
        return r;
    struct loading *l = *reading;
    l->source = source;
    if (source) {
        r = wait_for_executed(l->connection, prepared, engine, &l->executed, stop, error);
        return r == 0 ? load_chunk(l, config, error) : r;
    }
    struct position high defer(position_deinit) = {0};
    r = source_position_end(l->connection, &high, error);
    return r == 0 ? engine_load_high(engine, &high, error) : r;
}

/* ---- rows that partial images left incomplete */

struct reread {
    struct engine *engine;
    const struct source *source;
    const struct value *key;
    bool found;
};

static int reread_row(void *context, const struct value *values, struct error *error) {
    struct reread *r = context;
    r->found = true;
    return engine_reread_row(r->engine, r->source, r->key, values, error);
}

static int reread_one(struct connection *c, struct reread *one, struct arena *arena, struct error *error) {
    const struct source *source = one->source;
    struct chunk_query query = query_of(source, arena, 1);
    int r = chunk_read_row(c, &query, one->key, reread_row, one, error);
    if (r == 0 && !one->found)
        r = engine_reread_row(one->engine, source, one->key, NULL, error);
    return r;
}

int snapshot_reread(const struct config *config, const struct prepared *prepared, struct engine *engine,
                    const atomic_bool *stop, struct error *error) {
    struct source_options source = config_source(config);
    struct connection *c = NULL;
    struct position executed = {0}, end = {0};
    uint64_t rows = 0;
    int r = connection_open(&c, &source, error);
    if (r == 0)
        r = wait_for_executed(c, prepared, engine, &executed, stop, error);
    while (r == 0) {
        struct arena arena = {0};
        struct reread one = {.engine = engine};
        r = engine_reread_next(engine, &arena, &one.source, &one.key, error);
        if (r == 0)
            r = reread_one(c, &one, &arena, error);
        rows++;
        arena_deinit(&arena);
    }
    if (r == 1)
        r = source_position_end(c, &end, error);
    if (r == 0) {
        log_info("read rows again that partial images left incomplete", {"rows", log_u(rows - 1)});
        r = engine_reread_done(engine, &end, error);
    }
    position_deinit(&executed);
    position_deinit(&end);
    connection_close(c);
    return r;
}
