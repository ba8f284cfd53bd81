/* The control socket (state_dir/control.sock, mode 0600): other commands ask the running replicator.
 *
 * A request is one line of JSON, {"command": "status"}; the answer is one or more lines, the last of which has "done": true. */
#pragma once

#include "src/app/options.h"
#include "src/app/pipeline.h"

struct control_server;

int control_serve(struct control_server **ret, const struct config *config, struct pipeline_control *control,
                  struct error *error) must_check;
void control_stop(struct control_server *server); /* accepts NULL */

/* Asks. Each answering line is given to `line` (may be NULL); the last one is parsed into *ret_last, which the caller frees.
 * `patience_ms` is how long nothing may come. Returns 0; ERR_STORE when no replicator runs with this state directory; or the error that the replicator answered. */
int control_ask(const struct config *config, struct slice request, int64_t patience_ms,
                void (*line)(void *context, const struct json *answer), void *context, struct json_doc **ret_last,
                struct error *error) must_check;
