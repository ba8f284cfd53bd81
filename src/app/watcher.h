/* The watcher thread: asks the source, once a second, where its binlog ends. That is what "behind" is measured against. */
#pragma once

#include "src/app/status.h"

struct watcher;

int watcher_start(struct watcher **ret, const struct source_options *source, struct status *status, struct error *error) must_check;
void watcher_stop(struct watcher *w); /* accepts NULL */
