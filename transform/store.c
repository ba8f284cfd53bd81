/* The store on LMDB: one environment, one write transaction between checkpoints; before the databases that are read and written by
 * whole keys, entries in memory (cache.h).
 *
 * MDB_NOLOCK: this process is the only one (the lock file sees to that) and has no reading transactions, so LMDB needs
 * no reader table and the transaction may be used from whichever thread the applier is. Commits are fully synchronous.
 * A full map or disk fails the transaction: the engine is then closed and opened again, at its last checkpoint. */
#include "transform/store.h"

#include "transform/cache.h"

#include <errno.h>
#include <fcntl.h>
#include <lmdb.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

static const char *const names[DB_COUNT] = {
    [DB_META] = "meta",
    [DB_ROWS] = "rows",
    [DB_INDEX] = "index",
    [DB_GROUPS] = "groups",
    [DB_SORTED] = "sorted",
    [DB_OWNERS] = "owners",
    [DB_OUTBOX] = "outbox",
    [DB_MOVES] = "moves",
    [DB_AGAIN] = "again",
    [DB_AGAIN_KEYS] = "again_keys",
    [DB_PREPARED] = "prepared",
    [DB_DEAD] = "dead",
    [DB_JOBS] = "jobs",
    [DB_REREAD] = "reread",
    [DB_REPLAY] = "replay",
    [DB_DIRTY] = "dirty",
    [DB_TOUCHED] = "touched",
    [DB_FANS] = "fans",
    [DB_FAN_RANGES] = "fan_ranges",
};

/* Databases that are read and written by whole keys, all the time, and seldom scanned: bytes of a generation in memory. */
static const size_t cached[DB_COUNT] = {
    [DB_ROWS] = 24 << 20, [DB_OWNERS] = 12 << 20, [DB_OUTBOX] = 6 << 20, [DB_GROUPS] = 4 << 20};
enum { CACHED_VALUE_MAX = 64 * 1024 }; /* larger ones are not kept when they are read */

/* Of pages that a checkpoint writes and that stand in memory until then. */
static const double page_bytes = 4096, dirty_bytes_max = 208 << 20;

struct store {
    MDB_env *env;
    struct cache caches[DB_COUNT];
    size_t writes; /* into the databases since the checkpoint, without what waits in the caches */
    MDB_txn *txn;  /* NULL after a failure */
    /* One idle cursor a database, of this transaction: a key on the page where the last call was is found without
     * walking down from the root. NULL: none, or a scan has it. LMDB frees cursors with their transaction. */
    MDB_cursor *idle[DB_COUNT];
    MDB_dbi dbi[DB_COUNT];
    int lock_fd;
    char *dir;
};

/* Magic numbers of file systems whose locks and syncs cannot be relied on (statfs(2), linux/magic.h). */
static const struct {
    unsigned long magic;
    const char *name;
} network_file_systems[] = {
    {0x6969, "NFS"},      {0xFF534D42, "CIFS"}, {0xFE534D42, "SMB2"}, {0x517B, "SMB"},        {0x01021997, "9P"},
    {0x00C36400, "Ceph"}, {0x5346414F, "AFS"},  {0x73757245, "Coda"}, {0x0BD00BD0, "Lustre"}, {0x564C, "NCP"},
};

static int fault(struct store *s, int rc, const char *what, struct error *error) {
    const char *remedy = rc == MDB_MAP_FULL ? "; the store has met its bound (map size)"
                         : rc == ENOSPC     ? "; make room on this file system"
                                            : "";
    return error_set(error, ERR_STORE, "store %s: cannot %s: %s%s", s->dir, what, mdb_strerror(rc), remedy);
}

static int lock_directory(struct store *s, struct error *error) {
    if (mkdir(s->dir, 0700) < 0 && errno != EEXIST)
        return error_set(error, ERR_STORE, "cannot make the state directory %s: %s", s->dir, strerror(errno));
    struct stat st;
    if (stat(s->dir, &st) < 0 || !S_ISDIR(st.st_mode))
        return error_set(error, ERR_STORE, "the state directory %s is no directory", s->dir);
    if ((st.st_mode & 077) && chmod(s->dir, 0700) < 0)
        return error_set(error, ERR_STORE, "the state directory %s must be 0700: %s", s->dir, strerror(errno));
    struct statfs fs;
    if (statfs(s->dir, &fs) == 0)
        for (size_t i = 0; i < ARRAY_LEN(network_file_systems); i++)
            if ((unsigned long)fs.f_type == network_file_systems[i].magic)
                return error_set(error, ERR_STORE, "the state directory %s is on %s: it must be on a local file system",
                                 s->dir, network_file_systems[i].name);
    char path[4096];
    snprintf(path, sizeof(path), "%s/lock", s->dir);
    s->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (s->lock_fd < 0)
        return error_set(error, ERR_STORE, "cannot open %s: %s", path, strerror(errno));
    if (flock(s->lock_fd, LOCK_EX | LOCK_NB) < 0)
        return error_set(error, ERR_STORE, "the state directory %s is in use by another process", s->dir);
    return 0;
}

static int begin(struct store *s, struct error *error) {
    int rc = mdb_txn_begin(s->env, NULL, 0, &s->txn);
    if (rc) {
        s->txn = NULL;
        return fault(s, rc, "begin a transaction", error);
    }
    return 0;
}

static int open_environment(struct store *s, size_t map_bytes, struct error *error) {
    char path[4096];
    snprintf(path, sizeof(path), "%s/store.mdb", s->dir);
    int rc = mdb_env_create(&s->env);
    if (!rc)
        rc = mdb_env_set_maxdbs(s->env, DB_COUNT);
    if (!rc)
        rc = mdb_env_set_mapsize(s->env, map_bytes);
    if (!rc)
        rc = mdb_env_open(s->env, path, MDB_NOSUBDIR | MDB_NOLOCK | MDB_NORDAHEAD, 0600);
    if (rc)
        return fault(s, rc, "open", error);
    int r = begin(s, error);
    for (int i = 0; !r && i < DB_COUNT; i++) {
        rc = mdb_dbi_open(s->txn, names[i], MDB_CREATE, &s->dbi[i]);
        if (rc)
            r = fault(s, rc, "open a database", error);
    }
    return r;
}

int store_open(struct store **ret, const char *dir, size_t map_bytes, struct error *error) {
    struct store *s = xcalloc(1, sizeof(*s));
    s->dir = xstrdup(dir);
    s->lock_fd = -1;
    for (size_t i = 0; i < DB_COUNT; i++)
        s->caches[i].bytes_max = cached[i];
    int r = lock_directory(s, error);
    if (!r)
        r = open_environment(s, map_bytes, error);
    if (r) {
        store_free(s);
        return r;
    }
    *ret = s;
    return 0;
}

void store_free(struct store *s) {
    if (!s)
        return;
    if (s->txn)
        mdb_txn_abort(s->txn);
    if (s->env)
        mdb_env_close(s->env);
    if (s->lock_fd >= 0)
        close(s->lock_fd);
    for (size_t i = 0; i < DB_COUNT; i++)
        cache_deinit(&s->caches[i]);
    free(s->dir);
    free(s);
}

static MDB_val val(struct slice s) {
    return (MDB_val){.mv_size = s.len, .mv_data = (void *)(uintptr_t)s.data};
}

static struct slice slice(const MDB_val *v) {
    return (struct slice){v->mv_data, v->mv_size};
}

static int given_up(struct store *s, struct error *error) {
    return error_set(error, ERR_STORE, "store %s: an earlier write failed, it must be opened again", s->dir);
}

static int take_cursor(struct store *s, enum store_db db, MDB_cursor **ret, struct error *error) {
    if (!s->txn)
        return given_up(s, error);
    *ret = s->idle[db];
    s->idle[db] = NULL;
    int rc = *ret ? 0 : mdb_cursor_open(s->txn, s->dbi[db], ret);
    return rc ? fault(s, rc, "open a cursor", error) : 0;
}

static void give_cursor(struct store *s, enum store_db db, MDB_cursor *cursor) {
    if (s->idle[db])
        mdb_cursor_close(cursor);
    else
        s->idle[db] = cursor;
}

/* ---- the databases themselves */

static int db_get(struct store *s, enum store_db db, struct slice key, struct slice *ret, struct error *error) {
    MDB_cursor *cursor;
    int r = take_cursor(s, db, &cursor, error);
    if (r)
        return r;
    MDB_val k = val(key), v;
    int rc = mdb_cursor_get(cursor, &k, &v, MDB_SET);
    give_cursor(s, db, cursor);
    if (rc == MDB_NOTFOUND)
        return 1;
    if (rc)
        return fault(s, rc, "read", error);
    *ret = slice(&v);
    return 0;
}

static int db_put(struct store *s, enum store_db db, struct slice key, struct slice value, unsigned flags, int *ret_rc,
                  struct error *error) {
    MDB_cursor *cursor;
    int r = take_cursor(s, db, &cursor, error);
    if (r)
        return r;
    MDB_val k = val(key), v = val(value);
    *ret_rc = mdb_cursor_put(cursor, &k, &v, flags);
    give_cursor(s, db, cursor);
    s->writes += db != DB_OUTBOX;
    return *ret_rc && *ret_rc != MDB_KEYEXIST ? fault(s, *ret_rc, "write", error) : 0;
}

static int db_delete(struct store *s, enum store_db db, struct slice key, struct error *error) {
    MDB_cursor *cursor;
    int r = take_cursor(s, db, &cursor, error);
    if (r)
        return r;
    MDB_val k = val(key), v;
    int rc = mdb_cursor_get(cursor, &k, &v, MDB_SET);
    if (!rc)
        rc = mdb_cursor_del(cursor, 0);
    give_cursor(s, db, cursor);
    s->writes += db != DB_OUTBOX;
    if (rc == MDB_NOTFOUND)
        return 1;
    return rc ? fault(s, rc, "delete", error) : 0;
}

/* ---- what stands in memory before them */

struct below {
    struct store *store;
    enum store_db db;
};

static int hand_down_one(void *context, const struct cached *entry, struct error *error) {
    const struct below *below = context;
    int rc, r;
    if (entry->state == CACHED_PRESENT)
        return db_put(below->store, below->db, entry->key, entry->value, 0, &rc, error);
    r = db_delete(below->store, below->db, entry->key, error);
    return r < 0 ? r : 0;
}

static int hand_down(struct store *s, enum store_db db, struct error *error) {
    return cache_hand_down(&s->caches[db], hand_down_one, &(struct below){s, db}, error);
}

/* The key's entry with its state known, or NULL: what the database has was not kept, and stands in *ret and the result. */
static int look(struct store *s, enum store_db db, struct slice key, struct cached **ret_entry, struct slice *ret,
                struct error *error) {
    struct cache *cache = &s->caches[db];
    struct cached *entry = cache_find(cache, key);
    *ret_entry = entry;
    if (entry && entry->state != CACHED_UNKNOWN) {
        *ret = entry->value;
        return entry->state == CACHED_ABSENT;
    }
    int r = db_get(s, db, key, ret, error);
    if (r < 0 || cache_full(cache) || (r == 0 && ret->len > CACHED_VALUE_MAX)) {
        *ret_entry = NULL;
        return r;
    }
    *ret_entry = entry = cache_get(cache, key);
    cache_read(cache, entry, r == 0 ? ret : NULL);
    *ret = entry->value;
    return r;
}

static int cached_write(struct store *s, enum store_db db, struct slice key, const struct slice *value,
                        struct error *error) {
    struct cache *cache = &s->caches[db];
    if (!s->txn)
        return given_up(s, error);
    if (cache_full(cache)) {
        int r = hand_down(s, db, error);
        if (r)
            return r;
        cache_age(cache);
    }
    cache_write(cache, cache_get(cache, key), value);
    return 0;
}

/* ---- for all */

int store_get(struct store *s, enum store_db db, struct slice key, struct slice *ret, struct error *error) {
    struct cached *entry;
    return cached[db] ? look(s, db, key, &entry, ret, error) : db_get(s, db, key, ret, error);
}

int store_put(struct store *s, enum store_db db, struct slice key, struct slice value, struct error *error) {
    int rc;
    return cached[db] ? cached_write(s, db, key, &value, error) : db_put(s, db, key, value, 0, &rc, error);
}

int store_insert(struct store *s, enum store_db db, struct slice key, struct slice value, struct error *error) {
    struct slice there;
    int rc, r;
    if (!cached[db]) {
        r = db_put(s, db, key, value, MDB_NOOVERWRITE, &rc, error);
        return r ? r : rc == MDB_KEYEXIST;
    }
    r = store_get(s, db, key, &there, error);
    return r == 1 ? store_put(s, db, key, value, error) : r < 0 ? r : 1;
}

int store_append(struct store *s, enum store_db db, struct slice key, struct slice value, struct error *error) {
    if (cached[db] && cache_find(&s->caches[db], key))
        return store_put(s, db, key, value, error);
    int rc, r = db_put(s, db, key, value, MDB_APPEND, &rc, error);
    return r || rc == 0 ? r : db_put(s, db, key, value, 0, &rc, error);
}

int store_delete(struct store *s, enum store_db db, struct slice key, struct error *error) {
    struct slice there;
    if (!cached[db])
        return db_delete(s, db, key, error);
    int r = store_get(s, db, key, &there, error);
    return r ? r : cached_write(s, db, key, NULL, error);
}

int store_clear(struct store *s, enum store_db db, struct error *error) {
    if (!s->txn)
        return given_up(s, error);
    cache_clear(&s->caches[db]);
    int rc = mdb_drop(s->txn, s->dbi[db], 0);
    return rc ? fault(s, rc, "empty a database", error) : 0;
}

uint64_t store_entries(struct store *s, enum store_db db) {
    MDB_stat stat;
    struct error ignored; /* LMDB says it again at the next call */
    (void)!hand_down(s, db, &ignored);
    return s->txn && mdb_stat(s->txn, s->dbi[db], &stat) == 0 ? stat.ms_entries : 0;
}

/* A write at a random key touches one more of `pages` pages, if it was not touched yet: n of them pages * (1 - e^(-n / pages)). */
bool store_checkpoint_wanted(const struct store *s) {
    double writes = (double)s->writes, pages = (double)store_bytes(s) / page_bytes + 1;
    for (size_t i = 0; i < DB_COUNT; i++)
        writes += i == DB_OUTBOX ? 0 : (double)s->caches[i].waiting_count; /* its entries come and go */
    return pages * -expm1(-writes / pages) * page_bytes >= dirty_bytes_max;
}

int store_commit(struct store *s, struct error *error) {
    if (!s->txn)
        return given_up(s, error);
    for (enum store_db db = 0; db < DB_COUNT; db++) {
        int r = cached[db] ? hand_down(s, db, error) : 0;
        if (r)
            return r;
        if (cache_full(&s->caches[db]))
            cache_age(&s->caches[db]);
    }
    s->writes = 0;
    MDB_txn *txn = s->txn;
    s->txn = NULL;
    memset(s->idle, 0, sizeof(s->idle));
    int rc = mdb_txn_commit(txn);
    if (rc)
        return fault(s, rc, "make a checkpoint", error);
    return begin(s, error);
}

uint64_t store_bytes(const struct store *s) {
    MDB_envinfo info;
    MDB_stat stat;
    if (mdb_env_info(s->env, &info) || mdb_env_stat(s->env, &stat))
        return 0;
    return (uint64_t)(info.me_last_pgno + 1) * stat.ms_psize;
}

int store_scan(struct store_scan *scan, struct store *s, enum store_db db, struct slice prefix, struct slice from,
               struct error *error) {
    *scan = (struct store_scan){.store = s, .db = db, .prefix = prefix, .from = from.len ? from : prefix};
    MDB_cursor *cursor;
    int r = cached[db] ? hand_down(s, db, error) : 0;
    if (!r)
        r = take_cursor(s, db, &cursor, error);
    if (!r)
        scan->cursor = cursor;
    return r;
}

int store_scan_next(struct store_scan *scan, struct slice *ret_key, struct slice *ret_value, struct error *error) {
    MDB_val k = val(scan->from), v;
    MDB_cursor_op op = scan->started ? MDB_NEXT : scan->from.len ? MDB_SET_RANGE : MDB_FIRST;
    scan->started = true;
    int rc = mdb_cursor_get(scan->cursor, &k, &v, op);
    if (rc == MDB_NOTFOUND)
        return 1;
    if (rc)
        return fault(scan->store, rc, "scan", error);
    if (k.mv_size < scan->prefix.len ||
        (scan->prefix.len && memcmp(k.mv_data, scan->prefix.data, scan->prefix.len) != 0))
        return 1;
    *ret_key = slice(&k);
    *ret_value = slice(&v);
    return 0;
}

void store_scan_end(struct store_scan *scan) {
    if (scan->cursor)
        give_cursor(scan->store, scan->db, scan->cursor);
    scan->cursor = NULL;
}
