/* What the files of the engine share: its state, and who offers what. The order of the flow: map, apply, cascade,
 * climb, evaluate, claim, outbox, journal, jobs. */
#pragma once

#include "transform/change.h"
#include "transform/engine.h"
#include "transform/flight.h"
#include "transform/journal.h"
#include "transform/keys.h"
#include "transform/ring.h"
#include "transform/store.h"

#ifdef LEAT_MUTANTS
/* The simulator proves itself: each mutant breaks one rule and must be found. Crash points end a call as a crash
 * would. */
enum engine_mutant {
    MUTANT_NONE,
    MUTANT_NOKEYS,
    MUTANT_JLAST,
    MUTANT_AFTERONLY,
    MUTANT_NOCASCADE,
    MUTANT_HASHACKED,
    MUTANT_RESEQ,
    MUTANT_ACKPOS,
    MUTANT_SWEEPNOJOURNAL,
    MUTANT_SWEEP_BEFORE,
    MUTANT_CKPT_AT_H,
    MUTANT_EARLY,
    MUTANT_NOOUTBOX,
    MUTANT_RE_DURABLE,
    MUTANT_RE_START,
    MUTANT_NOBUMP,
    MUTANT_REREAD,
    MUTANT_GROUPS,
    MUTANT_FANLOST,
    MUTANT_FANEARLY,
    MUTANT_FANNUMBER,
    MUTANT_FANAGAIN,
    MUTANT_SENTUNKNOWN,
    MUTANT_STANDING,
    MUTANT_HISTORY,
    MUTANT_APART,
    MUTANT_POISONSTAYS,
    MUTANT_XALOST,
    MUTANT_COUNT
};
extern int engine_mutant;
extern const char *const engine_mutant_names[MUTANT_COUNT];
extern bool (*engine_crash)(const char *place); /* true: die here */
extern size_t engine_dirty_max, engine_items_max, engine_transact_max,
    engine_fan_max; /* the bounds below, small enough to be met */
#define MUTANT(name) (engine_mutant == MUTANT_##name)
#define CRASH_POINT(place)                                                                                             \
    do {                                                                                                               \
        if (engine_crash && engine_crash(place))                                                                       \
            return error_set(error, ERR_STOPPED, "crash point %s", place);                                             \
    } while (0)
#else
#define MUTANT(name) false
#define CRASH_POINT(place) ((void)0)
#define engine_dirty_max ((size_t)DIRTY_IN_MEMORY)
#define engine_items_max ((size_t)ITEMS_IN_MEMORY)
#define engine_transact_max ((size_t)TRANSACT_ITEMS_MAX)
#define engine_fan_max ((size_t)FAN_BATCH_MAX)
#endif

enum {
    ASSERT_AFTER_US_MINUTES = 15, /* a DynamoDB signature lives 5 minutes; the rest is margin (docs/faults.md, T7) */
    DIRTY_IN_MEMORY = 100000,     /* roots; more spill into the store */
    ITEMS_IN_MEMORY = 32 << 20,   /* bytes of evaluated items that a batch keeps until they are sent */
    FAN_BATCH_MAX = 10000,        /* index entries that a batch climbs over itself; the rest are fan-outs (fan.c) */
    FAN_SLICE_MAX = 4096,         /* of fan-outs between two batches */
    TRANSACT_ITEMS_MAX = 100,     /* of one TransactWriteItems */
    CHILD_ROWS_MAX = 150000,      /* of one list: an item with more is over 400 KB whatever they hold */
    GATHER_BYTES_MAX = 256 << 20, /* of rows read for one item */
    ROW_BYTES_MAX = 1 << 30,
    READY_BYTES = 1 << 20,  /* of keys to send next; others are found by the walk */
    INDEX_COLUMNS_MAX = 64, /* checked when the engine opens */
};
#define ASSERT_AFTER_US ((int64_t)ASSERT_AFTER_US_MINUTES * 60 * 1000000)

/* A set of byte strings that moves into a database of the store when it grows beyond memory; one batch's. */
struct key_set {
    enum store_db db;
    struct slice *keys; /* in the order they came, which is near that of the store: cheap to walk */
    uint32_t *slots;    /* open addressing: number in `keys` + 1; 0: free */
    size_t cap, count;
    bool spilled;
};

/* ---- the store's row records (row.c) */

enum mark_state {
    MARK_NONE,
    MARK_ITEM,
    MARK_UNKEYED,
    MARK_POISON,
    MARK_REFUSED, /* by DynamoDB: the value with this hash */
    MARK_WAITING, /* of evaluations, never kept: what the entity needs is not all there yet (load.c) */
};
struct mark {
    uint8_t state;    /* enum mark_state */
    struct slice key; /* item_key bytes of MARK_ITEM */
    struct digest128 hash;
};
struct row {
    const struct source *source;
    const struct value *values; /* NULL: the row is gone, its marks wait for the batch's end */
    struct mark *marks;         /* source->rooted_count */
};

struct mapping {
    struct mapping *next;
    const struct source *source;
    struct digest128 shape;
    int columns[]; /* per source column: number in the event's table */
};

/* An item that DynamoDB refused for good; waits for the end of the open batch. */
struct refusal {
    struct refusal *next;
    struct digest128 hash;
    char reason[200];
    size_t key_len;
    char key[];
};

struct engine {
    struct engine_options options;
    const struct contract *contract;
    char *state_dir;
    struct store *store;
    struct journal *journal;
    struct arena batch;           /* until the batch's end */
    struct arena scratch;         /* one row's change, one key's decision */
    struct arena groups;          /* one row's part in its groups */
    struct buf key, value, other; /* for building keys and records */
    struct mapping *mappings;
    bool changed; /* the store, since the checkpoint */

    struct catalog catalog; /* what the store is made for: the contract, and former entities */
    struct arena catalog_arena;

    /* what meta keeps */
    enum engine_life life; /* RECOVERING is not kept: it follows from `resume` */
    uint64_t number;       /* of the last batch or decision between batches */
    struct position applied;
    struct position resume; /* J: nothing is sent before the store has met it; {0}: none */
    struct position low, high;
    bool consistent, sweeping, leftovers, clean;
    struct buf sweep_at; /* row key behind which the sweep goes on; empty: at the start */
    bool sweep_owners;   /* second pass: what claims no root makes any more */
    bool sweep_gentle;   /* of a changed contract: new and changed entities alone, and only what differs is written */
    uint64_t sweep_done, sweep_total, snapshot_rows;
    int64_t assert_until_us; /* every key written until then is asserted again */
    uint64_t next_group;
    uint64_t *unkeyed, *dead; /* [entity order] */
    uint64_t *conflicts;      /* [target number] */

    /* the batch */
    bool in_transaction, in_batch;
    struct position batch_before;
    int64_t batch_commit_us; /* of its first transaction */
    uint64_t batch_changes, batch_transactions;
    struct key_set dirty, touched;
    bool fuzzy;    /* REDO, or a table that is being read: rows may be missing */
    bool loading;  /* tables or columns are being read (load.c) */
    bool *waiting; /* [entity order] waits for them */

    struct fans {
        uint64_t oldest;         /* number of the oldest; 0: there is none */
        uint64_t number;         /* of the one that is walked; 0: a batch climbs */
        size_t walked, walk_max; /* index entries, of the batch or slice */
    } fan;

    /* the outbox */
    struct ring ring;
    uint64_t older; /* outbox keys decided in a sweep: older than all positions */
    uint64_t outbox_keys;
    uint64_t life_number; /* decisions up to it are of an earlier life */
    uint64_t journaled;   /* value of `transactions` when the journal, or a checkpoint, last said where the store is */
    struct flight flight;
    struct buf pump_at; /* the walk over the outbox */
    uint64_t pump_idle; /* entries seen since something could be sent */
    struct buf ready;   /* keys that were decided again in flight and have been answered: the walk need not find them */
    size_t ready_at;    /* sent of these */
    struct item_write *pending; /* collected by outbox_send() */
    size_t pending_count;
    struct arena sending;     /* what they point to */
    uint64_t group_wanted;    /* waits for room; nothing else is sent until it has gone */
    struct refusal *refusals; /* by DynamoDB, not yet worked in */
    struct buf again_at;
    bool reread_waits;

    struct {
        struct buf xid; /* being kept */
        uint32_t parts;
        size_t bytes; /* since the last checkpoint */
        uint64_t count;
        int64_t since_us; /* of the oldest */
    } prepared;

    /* numbers */
    struct position checkpointed;
    uint64_t changes_since_checkpoint, transactions, batches, checkpoints, suppressed, fan_roots;
    int64_t checkpoint_wall_us, checkpoint_ms;
    uint64_t *row_changes, *items_put, *items_deleted;
    uint64_t *conflicts_total, *conflicts_seen, *key_moves, *moved_together, *moved_apart; /* [target number] */
    struct position nowhere;                                                               /* {0} */
};

/* sets.c */
int key_set_add(struct engine *e, struct key_set *set, struct slice key, struct error *error) must_check;
/* Calls for each, once, in any order; the function must not add to the set. */
int key_set_each(struct engine *e, struct key_set *set,
                 int (*each)(struct engine *e, struct slice key, void *context, struct error *error), void *context,
                 struct error *error) must_check;
int key_set_clear(struct engine *e, struct key_set *set, struct error *error) must_check;

/* meta.c */
int meta_read_catalog(struct engine *e, struct catalog *ret, struct arena *arena,
                      struct error *error) must_check; /* 1: none */
int meta_load_catalog(struct engine *e,
                      struct error *error) must_check; /* 1: a new store; the catalogue is the contract's then */
int meta_load(struct engine *e, struct error *error) must_check; /* 1: a new store */
int meta_save_catalog(struct engine *e, struct error *error) must_check;
int meta_save(struct engine *e, struct error *error) must_check;

/* row.c: row keys are row_key_put()'s. Everything read is copied into the arena. */
int row_read(struct engine *e, struct slice row_key, struct arena *arena, struct row *ret,
             struct error *error) must_check; /* 1: no record */
int row_decode(struct engine *e, struct slice row_key, struct slice record, struct arena *arena, struct row *ret,
               struct error *error) must_check;
/* Replaces the row and its index entries. `old` is what row_read() gave, or NULL; new_values NULL deletes (a record
 * with marks stays until the batch's end). */
int row_replace(struct engine *e, const struct source *source, struct slice row_key, const struct row *old,
                const struct value *new_values, struct error *error) must_check;
int row_put_marks(struct engine *e, struct slice row_key, const struct row *row, struct error *error) must_check;
bool index_has_null(const struct source_index *index, const struct value *row); /* then the row has no entry */
bool index_same_columns(const struct source_index *index, const struct value *a, const struct value *b);
void index_put_columns(struct buf *buf, const struct source_index *index, const struct value *row);
/* The keys of a source's rows whose index columns have these values (in the index's order); rows live in the arena. */
typedef int row_each(struct engine *e, struct slice row_key, void *context, struct error *error);
int index_each(struct engine *e, const struct source *source, unsigned index, const struct value *const *columns,
               row_each *each, void *context,
               struct error *error) must_check; /* a positive result of `each` ends it and is returned */
/* Calls for each row of a source that is there; the row lives in e->scratch. DB_ROWS must not be written meanwhile. */
typedef int source_each(struct engine *e, const struct source *source, struct slice row_key, const struct value *values,
                        void *context, struct error *error);
int source_rows(struct engine *e, const struct source *source, source_each *each, void *context,
                struct error *error) must_check;
/* Entries for all rows in a new index. */
int index_build(struct engine *e, const struct source *source, unsigned index, struct error *error) must_check;
/* The same by the columns' value_put_key() forms, from the row `from` on ({NULL, 0}: all). */
int index_walk(struct engine *e, const struct source *source, unsigned index, struct slice columns, struct slice from,
               row_each *each, void *context, struct error *error) must_check;
const struct source *row_source(const struct engine *e, struct slice row_key); /* NULL: damaged */

/* groups.c: what the contract's running aggregates need of each group of rows */
struct aggregate;
/* A row of the store becomes another; NULL: there is none. */
int groups_change(struct engine *e, const struct source *source, const struct value *old, const struct value *new,
                  struct error *error) must_check;
int groups_build(struct engine *e, struct error *error) must_check; /* anew, of all rows */
/* The rows of a running node whose index columns have these values: count and value. 1: one of them cannot be evaluated, walk. */
int groups_read(struct engine *e, const struct node *node, const struct value *const *columns, struct arena *arena,
                struct aggregate *ret, struct error *error) must_check;

/* apply.c, cascade.c, climb.c */
/* From here to engine_commit() the store is between two positions: no checkpoint, nothing is evaluated. */
void transaction_begin(struct engine *e);
/* A row becomes another (NULL: is not there): written, climbed from both, cascades followed. `old` has values, or is
 * NULL. */
int change_row(struct engine *e, const struct source *source, const struct row *old, const struct value *before,
               const struct value *after, const struct row_change *change, struct error *error) must_check;
int cascade_from(struct engine *e, const struct source *parent, const struct value *before, const struct value *after,
                 const struct row_change *change, struct error *error) must_check;
typedef int climb_mark(struct engine *e, struct slice root, struct error *error);
/* Marks into e->dirty. `changed`: by column of the source; NULL: all. Places that read none of these are left out. */
int climb_from(struct engine *e, const struct source *source, const struct value *row, const bool *changed,
               struct error *error) must_check;
/* All roots at once, whatever they are marked in. */
int climb_into(struct engine *e, const struct source *source, const struct value *row, climb_mark *mark,
               struct error *error) must_check;
struct climb {
    climb_mark *mark;
    bool later; /* what is too much becomes a fan-out */
};
climb_mark climb_mark_dirty;
/* Up the edge from `node`, whose rows join by these index columns; from the row `from` on. 1: too much, *at is the first
 * row that was not climbed from. */
int climb_index(struct engine *e, const struct climb *climb, const struct node *node, struct slice columns,
                struct slice from, struct buf *at, struct error *error) must_check;
int reread_note(struct engine *e, const struct source *source, const struct value *key, struct error *error) must_check;

/* fan.c */
/* The rest of a walk up the edge from `node`, from the row `at` on. */
int fan_put(struct engine *e, const struct node *node, struct slice columns, struct slice at,
            struct error *error) must_check;
int fan_load(struct engine *e, struct error *error) must_check;
int fan_slice(struct engine *e, bool *ret_more, struct error *error) must_check;
/* All go; waits[order] becomes true of entities that had some (NULL: nobody asks). */
int fan_forget(struct engine *e, bool *waits, size_t entities, struct error *error) must_check;

/* evaluate.c */
struct evaluation {
    enum mark_state state;
    struct slice key;        /* of MARK_ITEM, sometimes of MARK_POISON */
    const struct item *item; /* of MARK_ITEM */
    struct digest128 hash;
    const char *reason; /* of MARK_POISON */
};
int evaluate(struct engine *e, const struct entity *entity, const struct value *root, struct arena *arena,
             struct evaluation *ret, struct error *error) must_check;

/* owners.c: who claims a key, and what was last decided for it */
struct claim {
    const struct entity *entity; /* NULL: nobody holds the key */
    struct slice root;
    bool has_decided;         /* an item was decided for the key, and no delete since: */
    struct digest128 decided; /* the hash of its value */
};
int owners_claim(struct engine *e, struct slice key, const struct entity *entity, struct slice root,
                 struct error *error) must_check;
int owners_give_up(struct engine *e, struct slice key, const struct entity *entity, struct slice root,
                   struct error *error) must_check;
int owners_first(struct engine *e, struct slice key, struct arena *arena, struct claim *ret,
                 struct error *error) must_check;
/* Only what was last decided, into *ret. */
int owners_last(struct engine *e, struct slice key, struct claim *ret, struct error *error) must_check;
int owners_decided(struct engine *e, struct slice key, const struct digest128 *hash /* NULL: a delete */,
                   struct error *error) must_check;
/* Walks claims behind *at (advanced); stale ones go, their keys are added to e->touched. */
int owners_leftovers(struct engine *e, struct buf *at, size_t max, bool *ret_done, struct error *error) must_check;

/* Does a former entity claim the key? */
int owners_former(struct engine *e, struct slice key, bool *ret, struct error *error) must_check;
int owners_count_conflicts(struct engine *e, struct error *error) must_check; /* into e->conflicts, which are 0 */
/* Entries into e->key and e->value; of what was last decided only the start. */
void owners_claim_entry(struct engine *e, struct slice key, unsigned order, struct slice root);
void owners_decided_entry(struct engine *e, struct slice key);

/* claim.c */
/* Decides for e->dirty (roots) and e->touched (keys), which are empty then: claims, outbox, journal, and sends what
 * may go. `force`: whatever the hash says. */
int decide(struct engine *e, bool force, bool sweep, struct error *error) must_check;
/* The same between batches: with a number of its own. */
int decide_between(struct engine *e, bool force, bool sweep, struct error *error) must_check;
/* The key's present item (state MARK_ITEM), or none. */
int claim_current(struct engine *e, struct slice key, struct arena *arena, struct evaluation *ret,
                  struct claim *ret_claim, struct error *error) must_check;

/* outbox.c */
struct outbox_entry {
    uint64_t first, last, group;
};
int outbox_load(struct engine *e, struct error *error) must_check;
int outbox_get(struct engine *e, struct slice key, struct outbox_entry *ret,
               struct error *error) must_check; /* 1: absent */
int outbox_decided(struct engine *e, struct slice key, bool sweep, struct error *error) must_check;
int outbox_recover(struct engine *e, struct slice key, struct error *error) must_check; /* a key of the journal */
int outbox_link(struct engine *e, struct slice a, struct slice b, struct error *error) must_check;
/* Sends the key's present value if it may go now; `known` is that value, or NULL. It lives until outbox_flush(). */
int outbox_send(struct engine *e, struct slice key, const struct evaluation *known, struct error *error) must_check;
int outbox_flush(struct engine *e, struct error *error) must_check; /* hands over what outbox_send() collected */
int outbox_pump(struct engine *e, bool *ret_more, struct error *error) must_check;
bool outbox_open(const struct engine *e); /* may anything be sent? */

/* jobs.c */
int again_note(struct engine *e, struct slice key, int64_t due_us, struct error *error) must_check;
int again_answered(struct engine *e, struct slice key, int64_t handed_us, struct error *error) must_check;
int again_slice(struct engine *e, bool *ret_more, int64_t *ret_wait_ms, struct error *error) must_check;
int prune_ends(struct engine *e, struct error *error) must_check;
int sweep_slice(struct engine *e, bool *ret_more, struct error *error) must_check;
int replay_slice(struct engine *e, bool *ret_more, struct error *error) must_check;
int poison_slice(struct engine *e, struct error *error) must_check;

/* dead.c */
int dead_put(struct engine *e, const struct entity *entity, struct slice root, const struct value *values,
             struct slice key, const char *reason, struct error *error) must_check;
int dead_delete(struct engine *e, const struct entity *entity, struct slice root, struct error *error) must_check;

/* A letter's key, and the start of its value, into e->key and e->value. */
void dead_entry(struct engine *e, unsigned order, struct slice root);

/* translate.c: the store of another contract becomes this one's, durably; then the engine is to be opened again. `clean`: as its last end was */
int translate_store(struct engine *e, const struct change *change, bool clean, struct error *error) must_check;

/* prepared.c */
int prepared_load(struct engine *e, struct error *error) must_check; /* counts them */

/* load.c */
bool source_lacks(const struct engine *e,
                  const struct source *source); /* rows, or columns of rows, that were there when it became needed */
bool column_lacks(const struct engine *e, const struct source *source, size_t column);
void load_find_waiting(struct engine *e);
/* A row as the source has it, at a position that the store may not have met yet; `values` NULL: it is gone there. */
int load_take_row(struct engine *e, const struct source *source, struct slice row_key, const struct row *old,
                  const struct value *values, struct error *error) must_check;
int load_check(struct engine *e, struct error *error) must_check; /* has the stream met H? */
/* translate.c */
void sweep_what_changed(struct engine *e);

/* snapshot.c */
int snapshot_is_read(struct engine *e, const struct source *source, bool *ret, struct error *error) must_check;
int snapshot_forget_progress(struct engine *e, struct error *error) must_check;
int snapshot_redo_batch(struct engine *e, struct error *error) must_check; /* a batch between L and H is in */
int snapshot_exact(struct engine *e, struct error *error) must_check;      /* REDO has met H */
