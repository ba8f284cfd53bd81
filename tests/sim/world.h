/* The simulator: the engine against a fake source, a fake network and target, a pinned clock, and crashes; one
 * process, by seed.
 *
 * shop.c is the source (rows, transactions, cascades, history), oracle.c says by hand-written loops which items must
 * exist at a position, target.c is the network with DynamoDB behind it, sim.c drives the engine and checks the
 * invariants of ARCHITECTURE.md. */
#pragma once

#include "contract/load.h"
#include "transform/state.h"

#include <stdio.h>
#include <stdlib.h>

enum { USERS, CATEGORIES, PRODUCTS, ORDERS, ORDER_ITEMS, CART_ITEMS, TABLES };
enum { ROWS_MAX = 14, COLUMNS_MAX = 10 };
#define NONE INT64_MIN /* NULL */

/* Every column is a small integer; text() says how it looks. */
struct srow {
    int64_t c[COLUMNS_MAX];
};
struct srows { /* sorted by key */
    int count;
    struct srow list[ROWS_MAX];
};
struct sdb {
    struct srows t[TABLES];
};

struct schange {
    int table;
    bool has_before, has_after, truncate;
    struct srow before, after;
};
struct stxn {
    struct schange *changes;
    int count;
    bool fk_off, minimal;
};

struct config {
    bool fk_logged, crash, power, faults, late, inflight_late, atomic, gtid, fuzzy_rows, replay, watch, durable, reset,
        sweep, full;
    int image; /* 0 full, 1 minimal, 2 mixed */
    int pre, steps, room;
};

struct source_sim {
    struct sdb *hist; /* [position] */
    struct stxn *log; /* [position] leads to position + 1 */
    int end, cap, visible, executed;
};

/* items that must exist: hashes of key and value, sorted by key */
struct expected {
    uint64_t *keys, *values;
    int count;
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

struct world {
    uint64_t seed, rng;
    struct config cfg;
    struct source_sim src;
    struct expected *exp;
    int exp_cap;
    struct request **net, **late;
    int net_count, late_count, net_cap, late_cap;
    struct titem {
        uint64_t key, value, identity;
        int label;
        bool used;
    } *items;
    int items_cap;
    struct engine *e;
    char dir[64];
    const struct contract *contract;
    int64_t now_us;
    int life, away, steps;
    bool tiny, noise, timetravel, spoilt, up, crashing, trace, snapshot_seen;
    off_t journal_synced, journal_size;
    int recovering_until; /* atomic moves are promised outside recovery only */
    char failure[512];
};
extern struct world *world;

struct totals {
    uint64_t seeds, steps, transactions, crashes, power_cuts, opens, sent, deletes, transacts, late, ambiguous, refused,
        again, assertions, sweeps, resets, full, rereads, replays, snapshots, checkpoints, crash_at[16], max_outbox;
};
extern struct totals totals;

void fail(const char *format, ...) printf_like(1, 2);
void trace(const char *format, ...) printf_like(1, 2);
uint64_t rnd(void);
int below(int n);
bool chance(int per_mille);

/* shop.c */
extern const struct schema shop_schema;
void shop_init(void);
void source_transaction(void);
void source_deinit(struct source_sim *src);
int key_count(int table);
bool same_key(int table, const struct srow *a, const struct srow *b);
int compare_key(int table, const struct srow *a, const struct srow *b);
const char *text(int table, int column, int64_t v, char out[64]);
void to_value(int table, int column, int64_t v, struct arena *arena, struct value *ret);
int table_columns(int table);

/* oracle.c */
uint64_t hash_text(const char *data, size_t len);
const struct expected *expected_at(int position);
uint64_t expected_value(int position, uint64_t key); /* 0: no item */
uint64_t item_value(const struct item *item, bool *ret_refused, uint64_t *ret_identity);
void expected_gauges(int position, uint64_t unkeyed[5], uint64_t dead[5], uint64_t *conflicts);
void expected_print(int position, FILE *out);
bool expected_of_some_root(int position, uint64_t key, uint64_t value); /* whoever wins the key */
uint64_t expected_identity_keys(int position, uint64_t identity);

/* target.c */
size_t target_room(void *context);
int target_send(void *context, const struct item_write *writes, size_t count, bool transact, struct error *error);
bool net_step(void);
bool late_step(void);
void orphan(void);
struct titem *target_item(uint64_t key);
void target_deinit(void);
uint64_t key_hash(struct slice key);
