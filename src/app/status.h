/* What the replicator knows of itself: written by the applier, read by the control socket and by HTTP.
 *
 * One lock, one condition. Writers fill what they know between status_lock() and status_unlock(), which wakes whoever waits;
 * readers render it, or wait until a position is acknowledged. */
#pragma once

#include "binlog/stream.h"
#include "sink/sink.h"
#include "src/base/json.h"
#include "transform/engine.h"

#include <pthread.h>
#include <stdatomic.h>

enum run_state {
    RUN_STARTING,
    RUN_SNAPSHOT,   /* reading the tables */
    RUN_REDO,       /* binlog from L to H, nothing is sent */
    RUN_RECOVERING, /* up to the journal's last position */
    RUN_STREAMING,
    RUN_PARKED, /* something needs somebody: `park` says what */
    RUN_STOPPING,
};
const char *run_state_name(enum run_state state);

/* Names that counters are listed under; copied, because a contract may be compiled anew. */
struct status_names {
    char **names;
    size_t count;
};

struct status {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    atomic_uint waiters; /* who needs positions at once, not ten times a second */

    char *stream;
    int64_t started_wall_us;
    int64_t heartbeat_us; /* the source's, configured */
    int64_t ready_lag_us; /* /ready says no above it */
    enum run_state state;
    struct {
        char class_name[16]; /* "source", "target", "store", ... */
        char reason[2048];
        int64_t since_wall_us; /* 0: not parked */
        int64_t
            hold_until_us; /* monotonic: until then no other state ends the park (a pipeline is put up again, to see) */
        int64_t logged_us; /* monotonic, of the last log line about it */
        char logged[2048]; /* the reason in that line */
    } park;

    struct {
        bool connected;
        char version[64];
        char uuid[37];
        char host[300];
        char trouble[2048]; /* why it is not connected */
        uint64_t reconnects;
        struct stream_heard heard;
    } source;
    /* The source's end as somebody confirmed it: the watcher's question, or a heartbeat. */
    struct position end;
    int64_t end_confirmed_us;         /* monotonic; 0: never */
    uint64_t end_bytes_behind;        /* of `acknowledged`, when the end was confirmed */
    uint64_t checkpoint_bytes_behind; /* likewise of `checkpointed` */
    int64_t oldest_queued_us;         /* commit time of the oldest transaction that waits for the applier; 0: none */
    uint64_t reader_queue_bytes;
    int64_t at_end_us; /* wall time when acknowledged last was the confirmed end; 0: never */

    struct position applied, acknowledged, checkpointed;
    struct engine_gauges gauges; /* its arrays point to the copies below */
    uint64_t *row_changes, *items_put, *items_deleted, *unkeyed, *conflicts, *dead;
    uint64_t *conflicts_total, *key_moves, *moved_together, *moved_apart;
    struct status_names sources, targets, entities;
    char
        *catalog; /* catalog_put() in hexadecimal digits: what `leat check` compares a contract with; NULL: not known */
    struct status_names
        former; /* entities that the contract no longer has, whose items are left: table and name in turn */
    struct sink_numbers sink;
    struct {
        char table[256];
        uint64_t rows, total; /* total is the server's estimate */
        int64_t started_us;   /* monotonic */
        uint64_t rows_at_start;
    } snapshot;
    struct {
        bool running;
        uint64_t transactions, row_changes;
    } replay;
};

void status_init(struct status *s, const char *stream, int64_t heartbeat_us, int64_t ready_lag_us);
void status_deinit(struct status *s);
void status_lock(struct status *s);
void status_unlock(struct status *s); /* wakes those who wait for a change */

/* Sizes the counters for a contract and keeps its names; call with the lock held. */
void status_set_contract(struct status *s, const struct contract *contract);
/* What the store is made for, former entities included; call with the lock held. */
void status_set_catalog(struct status *s, const struct catalog *catalog);
/* Copies gauges with their arrays; call with the lock held. */
void status_set_gauges(struct status *s, const struct engine_gauges *gauges);

/* The state and its log line; all with the lock held. A park is logged once, and once when it is over, however often a pipeline
 * is put up and fails again: between status_hold_park() and status_release_park() plus `after_us` no other state but RUN_STOPPING
 * takes its place. */
void status_park(struct status *s, int code, const char *reason);
void status_state(struct status *s, enum run_state state); /* any but RUN_PARKED */
void status_hold_park(struct status *s);
void status_release_park(struct status *s, int64_t after_us);
bool status_park_held(const struct status *s);

/* ---- read with the lock held */

/* Seconds behind the source, as docs/operations.md defines lag_seconds: 0 only when DynamoDB has everything up to the source's end, as confirmed within
 * two heartbeats; else the age of the oldest change not acknowledged, and never less than the time since the source was last heard. */
double status_lag_seconds(const struct status *s);
uint64_t status_lag_bytes(const struct status *s);
double status_checkpoint_lag_seconds(const struct status *s);
/* NULL when ready, else why not. */
const char *status_not_ready(const struct status *s);
void status_json(const struct status *s, struct json_out *out);

/* Waits until DynamoDB has everything up to `target`; returns 0, or 1 when the time is over. Takes the lock. */
int status_wait(struct status *s, const struct position *target, int64_t timeout_ms);
