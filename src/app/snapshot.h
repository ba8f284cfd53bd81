/* The fuzzy snapshot: reads the tables in chunks of key order while the source works on (ARCHITECTURE.md, "Starting from nothing"). */
#pragma once

#include "src/app/prepare.h"
#include "src/app/status.h"

/* Drives the engine from EMPTY or LOADING to REDO. `stop` is looked at between chunks: ERR_STOPPED then, and a later call goes on where this one
 * ended (unless the rows must come from one consistent view: then from the beginning). */
int snapshot_run(const struct config *config, const struct prepared *prepared, struct engine *engine,
                 struct status *status, const atomic_bool *stop, struct error *error) must_check;

/* Reads for a changed contract, beside the stream: a chunk of a table that is new to the store or lacks columns there, while the caller applies nothing.
 * *reading keeps what is open between calls. 1: there is nothing to read. */
struct loading;
int snapshot_load(struct loading **reading, const struct config *config, const struct prepared *prepared,
                  struct engine *engine, const atomic_bool *stop, struct error *error) must_check;
void snapshot_load_end(struct loading *reading); /* accepts NULL */

/* REDO, at H: reads again, by key, the rows that partial images left incomplete. ERR_STOPPED as above. */
int snapshot_reread(const struct config *config, const struct prepared *prepared, struct engine *engine,
                    const atomic_bool *stop, struct error *error) must_check;
