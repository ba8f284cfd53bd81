/* The watcher thread. It has a connection of its own, and is never in the way: when it fails, the lag is measured by
 * heartbeats and ages alone, and it tries again. */
#include "src/app/watcher.h"

#include "src/base/sys.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

enum { PERIOD_MS = 1000 };

struct watcher {
    struct source_options source;
    struct status *status;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t stop;
    bool stopping;
    struct connection *connection; /* in use; guarded by the lock */
};

static bool pause_or_stop(struct watcher *w) {
    struct timespec t = sys_deadline(PERIOD_MS);
    pthread_mutex_lock(&w->lock);
    while (!w->stopping && pthread_cond_timedwait(&w->stop, &w->lock, &t) != ETIMEDOUT)
        ;
    bool stopping = w->stopping;
    pthread_mutex_unlock(&w->lock);
    return stopping;
}

static int look(struct watcher *w, struct connection *c, struct error *error) {
    struct position end = {0}, acknowledged = {0};
    struct position checkpointed = {0};
    uint64_t behind = 0, checkpoint_behind = 0;
    status_lock(w->status);
    position_copy(&acknowledged, &w->status->acknowledged);
    position_copy(&checkpointed, &w->status->checkpointed);
    status_unlock(w->status);
    int64_t asked_us = sys_monotonic_us();
    int r = source_position_end(c, &end, error);
    if (r == 0 && acknowledged.file[0])
        r = source_bytes_between(c, &acknowledged, &end, &behind, error);
    if (r == 0 && checkpointed.file[0])
        r = source_bytes_between(c, &checkpointed, &end, &checkpoint_behind, error);
    if (r == 0) {
        status_lock(w->status);
        position_copy(&w->status->end, &end);
        w->status->end_confirmed_us = asked_us;
        w->status->end_bytes_behind = behind;
        w->status->checkpoint_bytes_behind = checkpoint_behind;
        status_unlock(w->status);
    }
    position_deinit(&end);
    position_deinit(&acknowledged);
    position_deinit(&checkpointed);
    return r;
}

/* Lets watcher_interrupt() see the connection, or takes it from its sight before it is closed. */
static void show(struct watcher *w, struct connection *c) {
    pthread_mutex_lock(&w->lock);
    w->connection = c;
    if (c && w->stopping)
        connection_interrupt(c);
    pthread_mutex_unlock(&w->lock);
}

static void *run(void *context) {
    struct watcher *w = context;
    struct connection *c = NULL;
    struct error error;
    do {
        if (!c && connection_open(&c, &w->source, &error) != 0)
            c = NULL;
        show(w, c);
        if (c && look(w, c, &error) != 0) {
            show(w, NULL);
            connection_close(c);
            c = NULL;
        }
    } while (!pause_or_stop(w));
    show(w, NULL);
    connection_close(c);
    return NULL;
}

int watcher_start(struct watcher **ret, const struct source_options *source, struct status *status,
                  struct error *error) {
    struct watcher *w = xcalloc(1, sizeof(*w));
    w->source = *source;
    w->status = status;
    pthread_mutex_init(&w->lock, NULL);
    sys_cond_init(&w->stop);
    if (pthread_create(&w->thread, NULL, run, w) != 0) {
        pthread_cond_destroy(&w->stop);
        pthread_mutex_destroy(&w->lock);
        free(w);
        return error_set(error, ERR_BUG, "cannot start the watcher: %s", strerror(errno));
    }
    *ret = w;
    return 0;
}

void watcher_interrupt(struct watcher *w) {
    if (!w)
        return;
    pthread_mutex_lock(&w->lock);
    w->stopping = true;
    if (w->connection)
        connection_interrupt(w->connection);
    pthread_cond_signal(&w->stop);
    pthread_mutex_unlock(&w->lock);
}

void watcher_stop(struct watcher *w) {
    if (!w)
        return;
    watcher_interrupt(w);
    pthread_join(w->thread, NULL);
    pthread_cond_destroy(&w->stop);
    pthread_mutex_destroy(&w->lock);
    free(w);
}
