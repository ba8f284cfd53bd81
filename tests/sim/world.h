/* The simulator: the engine against a fake source, a fake network and target, a pinned clock, and crashes; one process, by seed.
 *
 * Each seed makes up a schema and a contract (model.c, contract_text.c: compiled by the real compiler). source.c holds the rows, their
 * history and what is prepared by XA; transactions.c makes transactions; oracle.c says by loops over the rows which items must exist at
 * a position, from the model and without the contract's code; target.c is the network with DynamoDB behind it; drive.c feeds the
 * engine, snapshots and crashes it; checks.c holds the invariants of ARCHITECTURE.md; sim.c runs the seeds, counts what they met, and
 * makes a failing one small. */
#pragma once

#include "tests/sim/model.h"
#include "transform/state.h"

#include <stdio.h>
#include <stdlib.h>

struct srow {
    int c[COLUMNS_MAX];
};
struct srows { /* sorted by key */
    int count;
    struct srow list[ROWS_MAX];
};
struct sdb {
    struct srows t[TABLES_MAX];
};

struct schange {
    int table;
    bool has_before, has_after, truncate;
    struct srow before, after;
};
enum image { IMAGE_FULL, IMAGE_MINIMAL, IMAGE_NOBLOB };
struct stxn {
    enum stxn_kind { PLAIN, XA_PREPARE, XA_COMMIT, XA_ROLLBACK } kind;
    struct schange *changes; /* of PREPARE, and once more of COMMIT */
    int count;
    bool fk_off;
    enum image image;
    int xid;
};

struct config {
    bool fk_logged, crash, power, faults, late, inflight_late, atomic, gtid, fuzzy_rows, replay, watch, durable, reset,
        sweep, full, xa, change;
    enum image image;
    bool mixed_images;
    int pre, steps, room;
};

struct prepared_sim {
    int xid, position;     /* where it was prepared */
    unsigned locked;       /* tables */
    const struct stxn *of; /* its log entry's copy */
};
enum { PREPARED_MAX = 2 };

struct source_sim {
    struct sdb *hist; /* [position] */
    struct stxn *log; /* [position] leads to position + 1 */
    int end, cap, visible, executed, xids;
    struct prepared_sim prepared[PREPARED_MAX];
    int prepared_count;
};

/* What each root makes at a position. */
enum claim_state { CLAIM_NOTHING, CLAIM_ITEM, CLAIM_UNKEYED, CLAIM_POISON, CLAIM_REFUSED };
struct sclaim {
    enum claim_state state;
    int entity, target;
    uint64_t identity; /* of entity and root */
    uint64_t key, value;
    bool wins;
};
struct expected {
    struct sclaim *claims; /* by entity, then root key */
    int count;
    int *winners; /* numbers of claims, by key */
    int winner_count;
    bool made;
};

struct write_sim {
    char *key;
    size_t key_len;
    uint64_t key_hash, value; /* 0: delete */
    bool refused;
    uint64_t identity;
    uint64_t ticket;
};
struct request {
    struct write_sim *writes;
    int count, label, life;
    bool transact, late;
    int64_t signed_us, ambiguous_us;
};

enum stream { MODEL, SOURCE, SCHEDULE, STREAMS };

struct world {
    uint64_t seed, rng[STREAMS];
    enum stream stream;
    struct config cfg;
    struct model model, full; /* the present contract's; the first one's */
    uint64_t plain;           /* attributes of the first contract that are plain columns in all */
    const struct schema *schema;
    struct contract *contract;
    struct source_sim src;
    struct expected *exp;
    int exp_cap;
    struct request **net, **late;
    int net_count, late_count, net_cap, late_cap;
    struct titem {
        uint64_t key, value, identity;
        int label; /* the first position, not before the former one's, at which the contract has this value */
        int sent;  /* the position of the request */
        bool used;
    } *items;
    int items_cap;
    struct engine *e;
    char dir[64];
    int64_t now_us;
    int life, away, steps;
    int transactions_max; /* 0: as many as come */
    bool tiny, noise, timetravel, spoilt, up, crashing, trace, snapshot_seen;
    off_t journal_synced, journal_size;
    char failure[512];
};
extern struct world *world;

enum { CRASH_PLACES = 9 };
extern const char *const crash_names[CRASH_PLACES];
struct totals {
    uint64_t seeds, steps, transactions, crashes, power_cuts, opens, sent, deletes, transacts, late, ambiguous, refused,
        again, assertions, sweeps, resets, full, rereads, replays, snapshots, checkpoints, crash_at[CRASH_PLACES],
        max_outbox;
    /* of the language, over the source's history */
    uint64_t attributes[ATTRIBUTE_KINDS], key_moves, swaps, chains, conflicts, holder_changes, unkeyed, poison,
        target_refusals, fan_outs, fan_waits, cascades, partial_images, truncates, prepared, xa_commits, xa_rollbacks,
        xa_waits, xa_skipped, fk_off, contract_changes, changes_refused, loaded_chunks;
};
extern struct totals totals;

/* sim.c */
_Noreturn void fail(const char *format, ...) printf_like(1, 2);
void trace(const char *format, ...) printf_like(1, 2);
uint64_t rnd(void);
int below(int n);
bool chance(int per_mille);

/* source.c */
struct statement { /* what a transaction has done so far */
    struct sdb db;
    struct schange changes[400];
    int count;
    bool fk;
    unsigned touched; /* tables, also where nothing was logged */
    int cascades;
};
int compare_key(int table, const struct srow *a, const struct srow *b);
int find_row(const struct srows *rows, int table, const struct srow *key); /* -1 */
/* A row comes, changes or goes, with what foreign keys then do. False: the source refuses. */
bool write_row(struct statement *s, int table, const struct srow *before, const struct srow *after, bool logged);
void source_init(struct source_sim *src);
bool source_full(void); /* as many transactions as wanted */
void source_commit(const struct statement *s, bool truncate, enum image image);
void source_prepare(const struct statement *s, enum image image); /* commits it when too many are prepared */
void source_end_prepared(int number, bool commit);
bool source_locked(unsigned tables);
void source_deinit(struct source_sim *src);
void source_print(FILE *out);
void to_value(int table, int column, int v, struct arena *arena, struct value *ret);

/* transactions.c */
void source_transaction(void);

/* oracle.c */
const struct expected *expected_at(int position);
uint64_t expected_value(int position, uint64_t key);                    /* 0: no item */
bool expected_of_some_root(int position, uint64_t key, uint64_t value); /* whoever wins the key */
bool expected_has(int position, uint64_t identity);                     /* does this root have its item? */
void expected_forget(void);
void expected_deinit(void);
void expected_print(int position, FILE *out);
uint64_t hash_text(const char *data, size_t len);

/* engine_items.c: what the engine sends, in the oracle's form: "S:text", "N:1.5", "L:[S:a;N:1;]", "M:{name=S:a;}" */
uint64_t item_value(const struct item *item, bool *ret_refused, uint64_t *ret_identity);
uint64_t key_hash(struct slice key);
bool text_is_refused(const char *item);

void make_contract(void); /* of the model */

/* drive.c */
int place_of(const struct position *p);
bool came_back(int r, const struct error *error, const char *what);
void start(void);
void crash(bool power);
void crash_at(const char *place);   /* and counts it */
bool crash_here(const char *place); /* of the engine's crash points */
void stop_in_order(void);
void snapshot_step(void);
bool load_step(void); /* of what a changed contract needs; false when nothing is to be read */
bool batch(void);     /* some transactions; false when nothing waits */
void work(void);
void replay(void);
const struct source *source_of(int table); /* NULL: not mapped */
struct value *source_values(int table, const struct srow *row, struct arena *arena);

/* target.c */
size_t target_room(void *context);
int target_send(void *context, const struct item_write *writes, size_t count, bool transact, struct error *error);
bool net_step(void);
bool late_step(void);
void orphan(void);
struct titem *target_item(uint64_t key);
void target_deinit(void);

/* checks.c */
void check_acknowledged(void);
void check_rest(void);
void count_history(void);
