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
};

static bool pause_or_stop(struct watcher *w) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    t.tv_sec += PERIOD_MS / 1000;
    pthread_mutex_lock(&w->lock);
    while (!w->stopping && pthread_cond_timedwait(&w->stop, &w->lock, &t) != ETIMEDOUT)
        ;
    bool stopping = w->stopping;
    pthread_mutex_unlock(&w->lock);
    return stopping;
}

static int look(struct watcher *w, struct connection *c, struct error *error) {
    struct position end = {0}, acknowledged = {0};
    uint64_t behind = 0;
    status_lock(w->status);
    position_copy(&acknowledged, &w->status->acknowledged);
    status_unlock(w->status);
    int64_t asked_us = sys_monotonic_us();
    int r = source_position_end(c, &end, error);
    if (r == 0 && acknowledged.file[0])
        r = source_bytes_between(c, &acknowledged, &end, &behind, error);
    if (r == 0) {
        status_lock(w->status);
        position_copy(&w->status->end, &end);
        w->status->end_confirmed_us = asked_us;
        w->status->end_bytes_behind = behind;
        status_unlock(w->status);
    }
    position_deinit(&end);
    position_deinit(&acknowledged);
    return r;
}

static void *run(void *context) {
    struct watcher *w = context;
    struct connection *c = NULL;
    struct error error;
    do {
        if (!c && connection_open(&c, &w->source, &error) != 0)
            c = NULL;
        if (c && look(w, c, &error) != 0) {
            connection_close(c);
            c = NULL;
        }
    } while (!pause_or_stop(w));
    connection_close(c);
    return NULL;
}

int watcher_start(struct watcher **ret, const struct source_options *source, struct status *status, struct error *error) {
    struct watcher *w = xcalloc(1, sizeof(*w));
    w->source = *source;
    w->status = status;
    pthread_mutex_init(&w->lock, NULL);
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&w->stop, &attributes);
    pthread_condattr_destroy(&attributes);
    if (pthread_create(&w->thread, NULL, run, w) != 0) {
        free(w);
        return error_set(error, ERR_BUG, "cannot start the watcher: %s", strerror(errno));
    }
    *ret = w;
    return 0;
}

void watcher_stop(struct watcher *w) {
    if (!w)
        return;
    pthread_mutex_lock(&w->lock);
    w->stopping = true;
    pthread_cond_signal(&w->stop);
    pthread_mutex_unlock(&w->lock);
    pthread_join(w->thread, NULL);
    pthread_cond_destroy(&w->stop);
    pthread_mutex_destroy(&w->lock);
    free(w);
}
