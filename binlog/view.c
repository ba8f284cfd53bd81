/* One consistent view of some tables at a known position; and the distance between positions in bytes. */
#include "binlog/client.h"

#include "binlog/chunk.h"
#include "src/base/sys.h"

#include <stdio.h>
#include <stdlib.h>

enum { XA_PATIENCE_MS = 30000, XA_POLL_MS = 100 };

/* A transaction that XA prepared has its rows in the binlog before the view, and becomes visible after it: none may be left. */
static int wait_for_no_prepared(struct connection *c, struct error *error) {
    for (int64_t waited_ms = 0;; waited_ms += XA_POLL_MS) {
        struct arena arena defer(arena_deinit) = {0};
        const char *const *xids;
        size_t count = 0;
        int r = prepared_xids(c, &arena, &xids, &count, error);
        if (r != 0 || count == 0)
            return r < 0 ? r : 0;
        if (waited_ms >= XA_PATIENCE_MS)
            return error_set(
                error, ERR_SOURCE_LOST,
                "%zu prepared XA transactions do not end: commit or roll them back (XA RECOVER lists them)", count);
        sys.sleep_ms(XA_POLL_MS);
    }
}

static int begin_view(struct connection *c, struct position *ret, struct error *error) {
    int r = client_run(c, error, "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ");
    if (r == 0)
        r = client_run(c, error, "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY");
    return r ? r : source_position_end(c, ret, error);
}

int consistent_view(struct connection *c, const struct source_options *options, const char *const *tables,
                    size_t table_count, struct position *ret_position, struct error *error) {
    struct connection *locker = NULL;
    int r = connection_open(&locker, options, error);
    if (r == 0)
        r = wait_for_no_prepared(c, error);
    if (r == 0)
        r = client_lock_tables(locker, options->database, tables, table_count, error);
    if (r == 0)
        r = wait_for_no_prepared(c, error);
    if (r == 0)
        r = begin_view(c, ret_position, error);
    connection_close(locker); /* which unlocks */
    return r ? error_wrap(error, r, "consistent view of the tables (this server does not log foreign key cascades)")
             : 0;
}

/* "binlog.000123" -> 123; 0 when there is no number. */
static uint64_t file_number(const char *file) {
    const char *dot = strrchr(file, '.');
    return dot ? strtoull(dot + 1, NULL, 10) : 0;
}

int source_bytes_between(struct connection *c, const struct position *from, const struct position *to, uint64_t *ret,
                         struct error *error) {
    uint64_t first = file_number(from->file), last = file_number(to->file), sum = 0;
    *ret = 0;
    if (first == 0 || last == 0 || first > last || strcmp(from->server_uuid, to->server_uuid) != 0)
        return 0;
    if (first == last) {
        *ret = to->offset > from->offset ? to->offset - from->offset : 0;
        return 0;
    }
    struct client_rows rows defer(client_rows_deinit) = {0};
    int r = client_select(c, &rows, error, "SHOW BINARY LOGS");
    if (r)
        return r;
    while (client_next(&rows)) {
        uint64_t number = file_number(client_string(&rows, 0)), size = client_number(&rows, 1);
        if (number == first)
            sum += size > from->offset ? size - from->offset : 0;
        else if (number > first && number < last)
            sum += size;
    }
    *ret = sum + to->offset;
    return 0;
}
