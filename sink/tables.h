/* The DynamoDB tables of a contract: made, compared, looked into. Blocking calls for commands. */
#pragma once

#include "sink/sink.h"

enum table_state {
    TABLE_MISSING,
    TABLE_ACTIVE,
    TABLE_CHANGING,
    TABLE_DIFFERENT /* other keys or indexes than the contract's */
};

struct table_report {
    const struct target *target;
    enum table_state state;
    bool empty;        /* by a Scan of one item */
    bool created;      /* by this call */
    char message[512]; /* what differs, in words */
};

/* Looks at each table. `reports` holds contract->target_count. ERR_TARGET_LOST when the endpoint cannot be reached, ERR_TARGET for refusals (credentials). */
int tables_look(const struct sink_options *options, struct table_report *reports, struct error *error) must_check;
/* Makes what is missing and waits until all are ACTIVE (at most timeout_ms). Differing tables are an error, unchanged. `progress` may be NULL. */
int tables_create(const struct sink_options *options, int64_t timeout_ms, struct table_report *reports,
                  void (*progress)(void *context, const struct target *target, const char *what), void *context,
                  struct error *error) must_check;
