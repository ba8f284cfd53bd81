/* The watcher thread: asks the source, once a second, where its binlog ends. That is what "behind" is measured against. */
#pragma once

#include "src/app/status.h"

struct watcher;

int watcher_start(struct watcher **ret, const struct source_options *source, struct status *status,
                  struct error *error) must_check;
/* Tells it to end without waiting for it; watcher_stop() must follow. Accepts NULL. */
void watcher_interrupt(struct watcher *w);
void watcher_stop(struct watcher *w); /* accepts NULL */
