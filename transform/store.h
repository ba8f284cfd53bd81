/* The store: ordered byte strings in a few databases, durable as a whole, at checkpoints only.
 *
 * One transaction is always open: everything written since the last store_commit() is seen by reads at once and
 * vanishes with the process. So the durable state is always exactly a checkpoint (invariant 1). LMDB is known to
 * store.c alone. */
#pragma once

#include "src/base/buf.h"
#include "src/base/error.h"

enum store_db {
    DB_META,   /* "state" -> see meta.c */
    DB_ROWS,   /* source, row key -> row.c */
    DB_INDEX,  /* source, index, column values, row key -> nothing */
    DB_GROUPS, /* source, index, column values -> what its measures count and add up (groups.c) */
    DB_SORTED, /* source, index, measure, column values, value -> rows that have it */
    DB_OWNERS, /* item key, entity, root -> hash of the value last decided for the key, with the claimant that won */
    DB_OUTBOX, /* item key -> numbers of decisions, group */
    DB_MOVES,  /* group, item key -> nothing */
    DB_AGAIN,  /* due time, item key -> nothing: to be asserted again */
    DB_AGAIN_KEYS, /* item key -> due time */
    DB_PREPARED,   /* XID -> see prepared.c */
    DB_DEAD,       /* entity, root -> dead letter */
    DB_JOBS,       /* snapshot progress */
    DB_REREAD,     /* rows that a partial image could not complete between L and H */
    DB_REPLAY,     /* roots to be written again, whatever the hash says */
    DB_FANS,       /* number, range -> nothing: fan-outs, see fan.c */
    DB_FAN_RANGES, /* range -> its fan-out */
    DB_DIRTY,      /* dirty roots of a batch that is too large for memory */
    DB_TOUCHED,    /* keys to decide of such a batch */
    DB_COUNT
};

struct store;

/* Opens or makes `dir` (0700) and the files in it (0600). ERR_STORE: another process has it, a network file system,
 * damaged. */
int store_open(struct store **ret, const char *dir, size_t map_bytes, struct error *error) must_check;
/* Whatever was not committed is gone. Accepts NULL. */
void store_free(struct store *s);

/* After ERR_STORE from a write nothing but store_free() is of use: LMDB has given the transaction up. */
int store_get(struct store *s, enum store_db db, struct slice key, struct slice *ret,
              struct error *error) must_check; /* 1: absent; bytes live until the next write */
int store_put(struct store *s, enum store_db db, struct slice key, struct slice value, struct error *error) must_check;
int store_insert(struct store *s, enum store_db db, struct slice key, struct slice value,
                 struct error *error) must_check; /* 1: the key is there, and stays as it is */
int store_append(struct store *s, enum store_db db, struct slice key, struct slice value,
                 struct error *error) must_check; /* cheap when keys come in order, right in any */
int store_delete(struct store *s, enum store_db db, struct slice key,
                 struct error *error) must_check; /* 1: was absent */
int store_clear(struct store *s, enum store_db db, struct error *error) must_check;
uint64_t store_entries(struct store *s, enum store_db db);
/* Everything so far becomes durable. On failure the former checkpoint stays. */
int store_commit(struct store *s, struct error *error) must_check;
uint64_t store_bytes(const struct store *s); /* pages in use */
/* Is so much written that a checkpoint should be made, lest its pages fill the memory? */
bool store_checkpoint_wanted(const struct store *s);

/* Walks the keys that begin with `prefix`, from the first one that is not below `from` (in full; {NULL, 0}: from the
 * prefix). The scanned database must not be written meanwhile; others may. Keys and values live until the next write
 * or step. */
struct store_scan {
    void *cursor;
    struct store *store;
    enum store_db db;
    struct slice prefix; /* the caller's; outlives the scan */
    struct slice from;
    bool started;
};
int store_scan(struct store_scan *scan, struct store *s, enum store_db db, struct slice prefix, struct slice from,
               struct error *error) must_check;
int store_scan_next(struct store_scan *scan, struct slice *ret_key, struct slice *ret_value,
                    struct error *error) must_check; /* 1: the end */
void store_scan_end(struct store_scan *scan);
