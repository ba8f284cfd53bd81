/* The engine: keeps the store equal to the source's rows, and DynamoDB equal to the contract over them.
 *
 * It owns the store, the journal and all decisions; it knows neither MySQL nor HTTP. Row changes come in through
 * engine_apply(), writes go out through hooks.send, their outcomes come back through engine_answer(). All calls are made
 * from one thread at a time (the applier). Time comes from src/base/sys.h, so the simulator can pin it.
 *
 * After an error of any call but engine_map_table() the engine is of no more use: free it and open it again, it goes on
 * at its last checkpoint (what the open transaction did is gone). engine_work() does nothing inside a transaction.
 *
 * Life of a store:  EMPTY -> LOADING (snapshot rows come in) -> REDO (binlog from L to H, nothing is sent)
 *                   -> STREAMING (a sweep is a job beside the stream). RECOVERING: after a start, up to the journal's
 *                   last position. */
#pragma once

#include "contract/contract.h"
#include "contract/position.h"
#include "contract/row_change.h"
#include "transform/change.h"

struct engine;

struct engine_hooks {
    void *context;
    /* How many more writes the sender takes now. */
    size_t (*room)(void *context);
    /* Hands writes over; with `transact` all of them are one TransactWriteItems. Never called for a key that is in
     * flight. */
    int (*send)(void *context, const struct item_write *writes, size_t count, bool transact, struct error *error);
    /* Another contract than the store's: what will be done about it. NULL: nobody asks. */
    change_each *changed;
};

struct engine_options {
    const char *state_dir;
    const struct contract *contract;
    struct engine_hooks hooks;
    bool durable_journal; /* "durability": "power" */
    bool atomic_key_change;
    size_t map_bytes;            /* LMDB's address space: the bound of the store's size; 0: a large default */
    int64_t checkpoint_ms;       /* at least this often while something changed */
    uint64_t checkpoint_changes; /* and after so many row changes; 0: the default, 200,000 */
    size_t batch_rows_max;       /* 0: defaults */
    bool prune;                  /* items of entities that the contract no longer has are deleted */
};

/* Opens or creates the store: 0700, local file system only, locked against a second process. After an unclean end it
 * reads the journal (ARCHITECTURE.md, invariant 4).
 * A store of another contract becomes this one's (change.h): what is the same goes on, the rest is swept.
 * ERR_STORE: locked, full, of another format version, or damaged; ERR_CONFIG: made for another database, or the change cannot be made. */
int engine_open(struct engine **ret, const struct engine_options *options, struct error *error) must_check;
/* Ends without a checkpoint, as a crash would; call engine_checkpoint(clean) before for an orderly end. Accepts NULL.
 * */
void engine_free(struct engine *e);

/* What the store in `state_dir` is made for; in the arena. 1: there is no store. ERR_STORE: in use by a replicator, or as above. */
int engine_read_catalog(struct catalog *ret, const char *state_dir, struct arena *arena,
                        struct error *error) must_check;

enum engine_life { ENGINE_EMPTY, ENGINE_LOADING, ENGINE_REDO, ENGINE_RECOVERING, ENGINE_STREAMING };
enum engine_life engine_life(const struct engine *e);

/* ---- the stream */

/* One change of the open transaction; row_change.handle is what engine_map_table() gave. */
int engine_apply(struct engine *e, const struct row_change *change, struct error *error) must_check;
/* The transaction's end: the applied position moves. */
int engine_commit(struct engine *e, const struct txn_end *end, struct error *error) must_check;
/* True when the batch has met a bound and engine_batch_end() should be called before the next transaction. */
bool engine_batch_full(const struct engine *e);
/* Evaluates the dirty roots, decides, journals, sends what the sender has room for. Does nothing when no transaction
 * came. */
int engine_batch_end(struct engine *e, struct error *error) must_check;

/* How the columns of an event's table lie in the source's: to be used as the decoder's `table` callback's answer.
 * Clears `wanted` for columns that are not
 * kept. NULL without error: the contract does not map the table. Sets *ret_error (ERR_SOURCE) when a needed column is
 * gone or changed its type. */
void *engine_map_table(struct engine *e, const struct table *table, bool *wanted, int *ret_error, struct error *error);

/* ---- transactions prepared by XA: bytes kept by name until they are decided; durable with the position, like everything */

/* Keeps `parts` bytes under `xid` in calls of prepared_put(), each behind the last; between transactions only. They count once
 * engine_prepared_end() was called, and become durable with the next transaction's end: `since_us` is when it was prepared. What stood under
 * this name is replaced. A large one makes checkpoints on its way. */
int engine_prepared_begin(struct engine *e, struct slice xid, struct error *error) must_check;
int engine_prepared_put(struct engine *e, struct slice bytes, struct error *error) must_check;
int engine_prepared_end(struct engine *e, int64_t since_us, struct error *error) must_check;
/* The bytes, part by part: `part` counts from 0. 1: no more, or, at part 0, that nothing is kept. Live until the next write. */
int engine_prepared_known(struct engine *e, struct slice xid, struct error *error) must_check; /* 1: not */
int engine_prepared_get(struct engine *e, struct slice xid, uint32_t part, struct slice *ret,
                        struct error *error) must_check;
/* Its end came: begins (or stands in) the transaction that engine_commit() ends, so that a checkpoint has both or neither. */
int engine_prepared_drop(struct engine *e, struct slice xid, struct error *error) must_check;
/* Up to here the snapshot has seen everything that was prepared before it: rows that such a one commits are in the chunks. */
int engine_snapshot_settle(struct engine *e, const struct position *at, struct error *error) must_check;
int engine_snapshot_settled(struct engine *e, struct position *ret, struct error *error) must_check; /* 1: not yet */

/* ---- what else there is to do */

/* One slice of whatever waits: sending from the outbox, sweep, assertions, left-over jobs, a due checkpoint. Call it
 * after batches, answers and when its timer is
 * over. *ret_wait_ms: when to call again at the latest (0: at once, there is more to do; -1: only after an event). */
int engine_work(struct engine *e, int64_t *ret_wait_ms, struct error *error) must_check;
int engine_answer(struct engine *e, const struct outcome *outcome, struct error *error) must_check;
/* A durable commit of the store now. `clean`: the last one of an orderly end. */
int engine_checkpoint(struct engine *e, bool clean, struct error *error) must_check;

/* ---- snapshot (src/app/snapshot.c drives it; ARCHITECTURE.md, "Starting from nothing") */

/* EMPTY -> LOADING. `low` is position L. `consistent`: all rows come from one view at L (servers that do not log
 * cascades), so a restart cannot go on. */
int engine_snapshot_begin(struct engine *e, const struct position *low, bool consistent,
                          struct error *error) must_check;
/* A row of a chunk; `values` are source->column_count, in the source's order. */
int engine_snapshot_row(struct engine *e, const struct source *source, const struct value *values,
                        struct error *error) must_check;
/* A chunk is in: the next one starts behind its last row's key. `done`: the table's end was met. Becomes durable with
 * the next checkpoint. */
int engine_snapshot_chunk(struct engine *e, const struct source *source, const struct value *last_key, uint64_t rows,
                          bool done, struct error *error) must_check;
/* Where reading goes on after a restart: returns 1 when the table is done, 0 otherwise; *ret_key is NULL at the first
 * row. Key values live in the arena. */
int engine_snapshot_resume(struct engine *e, const struct source *source, struct arena *arena,
                           const struct value **ret_key, uint64_t *ret_rows, struct error *error) must_check;
/* L, and what was prepared by XA then. */
int engine_snapshot_low(struct engine *e, struct position *ret, struct error *error) must_check;
/* LOADING -> REDO: all chunks are in; the stream is to be applied from L to `high`. Reaching it ends in a checkpoint,
 * then the sweep. */
int engine_snapshot_high(struct engine *e, const struct position *high, struct error *error) must_check;
/* REDO, rule 9: at H some rows wait to be read again by key (partial images). engine_work() stays still until this is
 * done. */
bool engine_reread_wanted(struct engine *e);
int engine_reread_next(struct engine *e, struct arena *arena, const struct source **ret_source,
                       const struct value **ret_key, struct error *error) must_check; /* 1: no more */
int engine_reread_row(struct engine *e, const struct source *source, const struct value *key,
                      const struct value *values /* NULL: gone */, struct error *error) must_check;
int engine_reread_done(struct engine *e, const struct position *high, struct error *error) must_check;
/* Forgets everything and starts from EMPTY (a lost consistent view); what stands in DynamoDB stays
 * known to owners as left-overs. */
int engine_reset(struct engine *e, struct error *error) must_check;

/* ---- tables and columns that a changed contract needs (load.c), beside the stream */

/* The next table to read a chunk of: engine_snapshot_resume(), _row(), _chunk(), while no transaction is applied and the source has executed what is
 * applied. *ret NULL: all is read, now engine_load_high() with the binlog's end. 1: there is nothing to read. */
int engine_load_next(struct engine *e, const struct source **ret, struct error *error) must_check;
int engine_load_high(struct engine *e, const struct position *high, struct error *error) must_check;

/* ---- replay */

/* Marks what the change touches, to be written again whatever the hash says; the row itself is not applied. */
int engine_touch(struct engine *e, const struct row_change *change, struct error *error) must_check;
/* Marks every root: what a sweep does. */
int engine_sweep(struct engine *e, struct error *error) must_check;

/* ---- positions and numbers */

const struct position *engine_applied(const struct engine *e);
const struct position *engine_acknowledged(
    const struct engine *e); /* {0} while nothing can be said (snapshot, sweep) */
const struct position *engine_checkpointed(const struct engine *e);

struct engine_gauges {
    enum engine_life life;
    bool sweeping;
    bool loading;                     /* tables or columns that a changed contract needs are being read */
    const struct catalog *catalog;    /* what the store is made for, former entities included */
    uint64_t sweep_done, sweep_total; /* roots */
    uint64_t snapshot_rows;
    uint64_t outbox_keys; /* decided and not acknowledged */
    uint64_t in_flight;
    uint64_t assertions;              /* keys to be asserted again */
    int64_t oldest_unacknowledged_us; /* commit time of the oldest change that DynamoDB may lack; 0: none */
    uint64_t fan_outs;                /* ranges of roots that wait to be evaluated */
    uint64_t prepared;                /* XA transactions that wait for their end */
    int64_t prepared_since_us;        /* when the oldest was prepared; 0: none */
    uint64_t store_bytes;             /* used pages */
    uint64_t changes_since_checkpoint;
    int64_t checkpoint_wall_us;
    /* counters since the start */
    uint64_t transactions, batches, checkpoints, items_suppressed, fan_out_roots;
    const uint64_t *row_changes; /* [source number * 4 + enum row_kind] */
    const uint64_t *items_put;   /* [target number] acknowledged */
    const uint64_t *items_deleted;
    const uint64_t *conflicts_total; /* [target number] conflicts that a batch left and found not */
    const uint64_t *key_moves;       /* [target number] items that took another key */
    const uint64_t *moved_together;  /* [target number] writes of moved keys, in one transaction */
    const uint64_t *moved_apart;     /* [target number] and not */
    /* gauges of the present state */
    const uint64_t *unkeyed;   /* [entity order] */
    const uint64_t *conflicts; /* [target number] keys with more than one claimant */
    const uint64_t *dead;      /* [entity order] */
};
void engine_gauges(const struct engine *e, struct engine_gauges *ret);

/* The dead letters, oldest first; the callback may stop by returning non-zero. */
struct dead_letter {
    const struct entity *entity;
    struct slice root; /* readable key of the root row */
    struct slice key;  /* item_key bytes; empty when the key itself is the trouble */
    const char *reason;
    const char *position;
    int64_t wall_us;
};
int engine_dead(struct engine *e, int (*each)(void *context, const struct dead_letter *letter), void *context,
                struct error *error) must_check;
