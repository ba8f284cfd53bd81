/* For tests: are the running aggregates those of the rows? All are made anew from the store's rows and compared byte by byte. */
#pragma once

#include "transform/state.h"

static inline int groups_copy(struct engine *e, enum store_db db, struct buf *to, struct error *error) {
    struct store_scan scan defer(store_scan_end);
    struct slice key, value;
    int r = store_scan(&scan, e->store, db, (struct slice){NULL, 0}, (struct slice){NULL, 0}, error);
    while (!r && (r = store_scan_next(&scan, &key, &value, error)) == 0) {
        buf_put_blob(to, key);
        buf_put_blob(to, value);
    }
    return r < 0 ? r : 0;
}

/* NULL: they are. */
static inline const char *groups_check(struct engine *e, struct error *error) {
    static const enum store_db dbs[] = {DB_GROUPS, DB_SORTED};
    struct buf was[2] = {BUF_INIT(1 << 30), BUF_INIT(1 << 30)}, is[2] = {BUF_INIT(1 << 30), BUF_INIT(1 << 30)};
    const char *wrong = NULL;
    int r = 0;
    for (size_t i = 0; !r && i < ARRAY_LEN(dbs); i++)
        r = groups_copy(e, dbs[i], &was[i], error);
    if (!r)
        r = groups_build(e, error);
    for (size_t i = 0; !r && i < ARRAY_LEN(dbs); i++) {
        r = groups_copy(e, dbs[i], &is[i], error);
        if (!r && !slice_equal(buf_slice(&was[i]), buf_slice(&is[i])))
            wrong = i ? "values in order are not those of the rows" : "counts and sums are not those of the rows";
    }
    for (size_t i = 0; i < ARRAY_LEN(dbs); i++) {
        buf_deinit(&was[i]);
        buf_deinit(&is[i]);
    }
    return r ? error->text : wrong;
}
