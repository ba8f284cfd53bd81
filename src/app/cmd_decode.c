/* `leat decode`: where the transactions come from (files, or the source through the reader thread), where it begins and ends, signals,
 * progress. What becomes of a transaction is decode.c's.
 *
 * The first SIGINT or SIGTERM ends it behind a whole line, with exit code 0; the next one ends it as signals do. */
#include "binlog/file.h"
#include "src/app/command.h"
#include "src/app/decode.h"
#include "src/app/reader.h"
#include "src/base/log.h"
#include "src/base/sys.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { QUEUE_BYTES = 16 * 1024 * 1024, TXN_MEMORY = 4 * 1024 * 1024, HEARTBEAT_MAX_S = 3, PROGRESS_US = 500000 };

struct progress {
    bool shown;
    uint64_t done_bytes, total_bytes; /* total 0: not known */
    int64_t began_us, last_us;        /* monotonic */
};

struct job {
    const struct command_line *line;
    struct config config;
    bool has_config;
    struct position from, until;
    bool has_from, has_until;
    struct position at; /* files: behind the last transaction met */
    struct binlog_files *files;
    struct reader *reader;
    struct decode *decode;
    struct arena arena; /* live tables */
    struct progress progress;
};

static int stop_fd = -1; /* for the signal handler */

static void on_signal(int number) {
    uint64_t one = 1;
    int kept = errno;
    ssize_t n = write(stop_fd, &one, sizeof(one));
    (void)n;
    errno = kept;
}

static int catch_signals(struct error *error) {
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART | (int)SA_RESETHAND};
    stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (stop_fd < 0)
        return error_set(error, ERR_BUG, "cannot prepare for signals: %s", strerror(errno));
    signal(SIGPIPE, SIG_IGN);
    log_setup(LOG_LOGFMT, LOG_ERROR, true); /* what the reader would log is said as a note */
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    return 0;
}

static bool stopped(void) {
    struct pollfd p = {.fd = stop_fd, .events = POLLIN};
    return poll(&p, 1, 0) > 0;
}

/* ---- what is said on standard error */

static void clear_progress(const struct job *j) {
    if (j->progress.last_us)
        fprintf(stderr, "\r\033[K");
}

static void note(void *context, const char *text) {
    clear_progress(context);
    fprintf(stderr, "leat: note: %s\n", text);
}

static void show_progress(void *context) {
    struct job *j = context;
    struct progress *p = &j->progress;
    int64_t now_us = sys_monotonic_us();
    if (!p->shown || now_us - MAX(p->last_us, p->began_us) < PROGRESS_US)
        return;
    p->last_us = now_us;
    if (j->files)
        p->done_bytes = binlog_files_read(j->files);
    double seconds = (double)(now_us - p->began_us) / 1e6, rows = (double)decode_rows(j->decode);
    fprintf(stderr, "\r\033[K%.1f MB", (double)p->done_bytes / 1e6);
    if (p->total_bytes)
        fprintf(stderr, " of %.1f MB", (double)p->total_bytes / 1e6);
    fprintf(stderr, ", %.0f rows, %.0f rows/s", rows, rows / seconds);
    if (p->total_bytes > p->done_bytes && p->done_bytes)
        fprintf(stderr, ", %.0f s left", seconds * (double)(p->total_bytes - p->done_bytes) / (double)p->done_bytes);
}

/* ---- the source's schema */

static int need_config(struct job *j, struct error *error) {
    int r = j->has_config ? 0 : config_load(&j->config, j->line->config_path, error);
    j->has_config = r == 0;
    return r;
}

/* Rare (once a table description), so each has a connection of its own. */
static int live_table(void *context, const char *database, const char *name, const struct table **ret,
                      struct error *error) {
    struct job *j = context;
    struct source_options source = config_source(&j->config);
    struct connection *c = NULL;
    struct schema schema = {0};
    int r = connection_open(&c, &source, error);
    if (r == 0)
        r = schema_read(c, database, &name, 1, &j->arena, &schema, error);
    connection_close(c);
    *ret = r == 0 && schema.table_count ? &schema.tables[0] : NULL;
    return r;
}

static void start_decode(struct job *j, bool live) {
    struct decode_options options = {
        .tables = j->line->tables.list,
        .table_count = j->line->tables.count,
        .transactions = j->line->transactions,
        .no_rows = j->line->no_rows,
        .statements = j->line->statements,
        .out_fd = STDOUT_FILENO,
        .stop_fd = stop_fd,
        .live_table = live ? live_table : NULL,
        .note = note,
        .progress = show_progress,
        .context = j,
    };
    j->decode = decode_new(&options);
    j->progress.shown = !j->line->terminal && isatty(STDERR_FILENO);
    j->progress.began_us = sys_monotonic_us();
}

/* ---- from files */

/* Is it, as far as --from goes, to be shown? */
static bool behind_from(const struct job *j, const struct txn_end *end) {
    if (!j->has_from)
        return true;
    if (!gtid_set_empty(&j->from.gtids))
        return !end->gtid.number || !gtid_set_has(&j->from.gtids, &end->gtid);
    struct position here = {.offset = end->offset};
    memcpy(here.file, end->file, sizeof(here.file));
    return !position_reached(&j->from, &here);
}

static bool until_reached(const struct job *j) {
    return j->has_until && position_reached(&j->at, &j->until);
}

static int parse_place(struct job *j, const char *text, const char *no_place, struct position *ret, bool *ret_has,
                       struct error *error) {
    if (text && strcmp(text, no_place) != 0) {
        int r = position_parse(ret, slice_of(text), error);
        if (r < 0)
            return r;
        *ret_has = true;
    }
    return 0;
}

static int check_stretch(const struct job *j, struct error *error) {
    const struct position *from = &j->from, *until = &j->until;
    bool files = from->file[0] && until->file[0] && gtid_set_empty(&from->gtids) && gtid_set_empty(&until->gtids);
    if (!files || !position_reached(from, until) || position_reached(until, from))
        return 0;
    return error_set(error, ERR_USAGE, "--until (%s:%llu) lies before --from (%s:%llu)", until->file,
                     (unsigned long long)until->offset, from->file, (unsigned long long)from->offset);
}

static int follow_files(struct job *j, struct error *error) {
    bool first = true;
    int r = 0;
    while (r == 0 && !until_reached(j)) {
        struct txn *txn = NULL;
        r = binlog_files_next(j->files, &txn, error);
        if (r == FILES_END)
            break;
        if (r == FILES_REST)
            r = decode_flush(j->decode, error);
        if (first && txn)
            gtid_set_copy(&j->at.gtids, binlog_files_previous(j->files));
        first = first && !txn;
        if (txn && !until_reached(j)) {
            position_advance(&j->at, txn_end(txn));
            r = behind_from(j, txn_end(txn)) ? decode_txn(j->decode, &txn, error) : decode_skip(j->decode, &txn, error);
        }
        txn_free(txn);
        if (r == 0 && stopped())
            r = error_set(error, ERR_STOPPED, "stopped");
    }
    return r;
}

/* The files hold less than was asked for: exit code 1. */
static int found_less(struct job *j) {
    bool less = false;
    if (j->has_until && !until_reached(j)) {
        note(j, "the files end before --until");
        less = true;
    }
    if (j->has_from && gtid_set_empty(&j->from.gtids) && !position_reached(&j->at, &j->from)) {
        note(j, "the files end before --from");
        less = true;
    }
    return less;
}

static int decode_files(struct job *j, struct error *error) {
    struct binlog_files_options options = {.paths = j->line->words.list,
                                           .count = j->line->words.count,
                                           .spill_dir = getenv("TMPDIR") ? getenv("TMPDIR") : "/var/tmp",
                                           .txn_memory_bytes = TXN_MEMORY,
                                           .stop_fd = stop_fd,
                                           .note = note,
                                           .context = j};
    if (j->line->from && strcmp(j->line->from, "now") == 0)
        return error_set(error, ERR_USAGE, "--from now is for a source; files have an end");
    int r = parse_place(j, j->line->from, "start", &j->from, &j->has_from, error);
    if (r == 0)
        r = parse_place(j, j->line->until, "now", &j->until, &j->has_until, error);
    if (r == 0)
        r = check_stretch(j, error);
    if (r == 0 && j->line->schema)
        r = need_config(j, error);
    if (r == 0)
        r = binlog_files_open(&j->files, &options, error);
    if (r < 0)
        return r;
    start_decode(j, j->line->schema);
    j->progress.total_bytes = binlog_files_size(j->files);
    r = follow_files(j, error);
    return r ? r : found_less(j);
}

/* ---- from the source */

/* The terms of --from and --until: GTID sets, or files and offsets of this server. */
static int resolve(struct job *j, struct connection *c, struct error *error) {
    const char *from = j->line->from, *until = j->line->until;
    bool is_now = strcmp(from, "now") == 0, is_start = strcmp(from, "start") == 0;
    bool until_now = until && strcmp(until, "now") == 0;
    int r = 0;
    if (until)
        r = until_now ? source_position_end(c, &j->until, error) : position_parse(&j->until, slice_of(until), error);
    if (r < 0)
        return r;
    j->has_until = until != NULL;
    bool until_gtids = until && !until_now && !gtid_set_empty(&j->until.gtids);
    if (is_now)
        r = source_position_end(c, &j->from, error);
    else if (is_start)
        r = source_position_start(c, until_gtids, &j->from, error);
    else
        r = position_parse(&j->from, slice_of(from), error);
    if (r < 0)
        return r;
    bool by_file = gtid_set_empty(&j->from.gtids) && j->from.file[0];
    if (by_file && until_gtids)
        return error_set(error, ERR_USAGE,
                         "--from %s and --until %s cannot be compared: give both as FILE:OFFSET, or both as GTID sets",
                         from, until);
    if (by_file) /* a stretch that begins there never has the GTIDs of before */
        gtid_set_deinit(&j->until.gtids);
    return check_stretch(j, error);
}

static int prepare_source(struct job *j, const struct source_options *source, struct error *error) {
    struct connection *c = NULL;
    int r = connection_open(&c, source, error);
    if (r == 0)
        r = resolve(j, c, error);
    if (r == 0 && j->has_until)
        r = source_bytes_between(c, &j->from, &j->until, &j->progress.total_bytes, error);
    connection_close(c);
    return r;
}

/* Everything that waits in the queue. */
static int take_all(struct job *j, struct error *error) {
    struct delivery delivery;
    int r = 0;
    while (r == 0 && reader_take(j->reader, &delivery)) {
        if (delivery.txn)
            r = decode_txn(j->decode, &delivery.txn, error);
        txn_free(delivery.txn);
        if (r == 0 && stopped())
            r = error_set(error, ERR_STOPPED, "stopped");
    }
    return r;
}

static int follow_source(struct job *j, struct error *error) {
    int told = 0;
    for (;;) {
        struct pollfd fds[2] = {{.fd = reader_fd(j->reader), .events = POLLIN}, {.fd = stop_fd, .events = POLLIN}};
        poll(fds, ARRAY_LEN(fds), -1);
        struct reader_state state; /* before the queue is emptied: what it says is behind what is taken */
        reader_state(j->reader, &state);
        j->progress.done_bytes = MAX(j->progress.done_bytes, state.heard.bytes);
        int r = take_all(j, error);
        if (r == 0)
            r = decode_flush(j->decode, error);
        if (r < 0)
            return r;
        if (fds[1].revents)
            return error_set(error, ERR_STOPPED, "stopped");
        if (state.ended)
            return 0;
        if (state.trouble && state.trouble != ERR_SOURCE_LOST)
            return error_set(error, state.trouble, "%s", state.reason);
        if (state.trouble && !told)
            note(j, state.reason);
        told = state.trouble;
    }
}

static int decode_source(struct job *j, struct error *error) {
    int r = need_config(j, error);
    if (r < 0)
        return r;
    struct source_options source = config_source(&j->config);
    source.server_id = (unsigned)sys_random() | 0x80000000U; /* the replicator may be following with its own */
    source.heartbeat_s = MIN(source.heartbeat_s, HEARTBEAT_MAX_S);
    r = prepare_source(j, &source, error);
    if (r < 0)
        return r;
    struct reader_options options = {.source = source,
                                     .spill_dir = getenv("TMPDIR") ? getenv("TMPDIR") : "/var/tmp",
                                     .from = &j->from,
                                     .until = j->has_until ? &j->until : NULL,
                                     .by_file = gtid_set_empty(&j->from.gtids) && j->from.file[0],
                                     .queue_bytes = QUEUE_BYTES};
    start_decode(j, true);
    r = reader_start(&j->reader, &options, error);
    return r ? r : follow_source(j, error);
}

/* ---- all */

static void finish(struct job *j) {
    reader_stop(j->reader);
    binlog_files_close(j->files);
    decode_free(j->decode);
    arena_deinit(&j->arena);
    position_deinit(&j->from);
    position_deinit(&j->until);
    position_deinit(&j->at);
    if (j->has_config)
        config_deinit(&j->config);
}

int command_decode(const struct command_line *line, struct error *error) {
    struct job j = {.line = line};
    if (!line->words.count && !line->from)
        return error_set(error, ERR_USAGE,
                         "decode needs binlog files, or --from POSITION for the configured source: see `leat decode "
                         "--help`");
    if (line->no_rows && !line->transactions)
        return error_set(error, ERR_USAGE, "--no-rows leaves nothing to show without --transactions");
    int r = catch_signals(error);
    if (r == 0)
        r = line->words.count ? decode_files(&j, error) : decode_source(&j, error);
    if (j.decode && r != ERR_STORE) {
        int flushed = decode_flush(j.decode, r < 0 ? NULL : error); /* what stands before the fault */
        r = r < 0 ? r : flushed < 0 ? flushed : r;
    }
    clear_progress(&j);
    const char *unmet = j.decode && r == 0 ? decode_unmet_table(j.decode) : NULL;
    if (unmet)
        fprintf(stderr, "leat: note: nothing concerns table %s there\n", unmet);
    finish(&j);
    return r == ERR_STOPPED ? 0 : r;
}
