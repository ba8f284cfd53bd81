/* The pipeline: reader → applier → sender, and the snapshot before it. The caller's thread is the applier.
 *
 * A pipeline lives until something needs somebody, or until it is asked to stop. Then it is taken down (a store without its last
 * changes is simply at its last checkpoint) and, by run.c, put up again. */
#pragma once

#include "src/app/options.h"
#include "src/app/status.h"

#include <stdatomic.h>

struct pipeline;

/* A replay that somebody asked for; lives until `done`. Guarded by the status lock. */
struct replay_request {
    struct position from, to; /* `to` unknown: the applied position when it starts */
    bool taken, done;
    uint64_t transactions, row_changes;
    int code; /* error code, with the text below */
    struct error error;
};

/* What outlives pipelines: who asks, and how. */
struct pipeline_control {
    struct status *status;
    int wake_fd;                   /* eventfd: look at the flags below */
    atomic_bool stop;              /* drain and end */
    bool prune;                    /* items of entities that the contract no longer has are to be deleted */
    struct replay_request *replay; /* waiting or running; guarded by the status lock */
    bool until_now; /* end when DynamoDB has everything up to the source's end when it was first asked: */
    struct position now;
    char *warnings;               /* what the source and the contract were last warned of; owned */
    const struct position *until; /* end when DynamoDB has everything up to here; NULL: never */
};

/* Puts up a pipeline and runs it. Returns 0 when it was asked to stop (drained or not) or `until` was reached, else the error that took it down.
 * *up tells whether everything was in place, of the pipeline before this one and then of this one: a later fault parks, an earlier
 * one may end the program. */
int pipeline_run(const struct config *config, struct pipeline_control *control, bool *up,
                 struct error *error) must_check;
