/* How far behind the source DynamoDB is.
 *
 * The rule (docs/operations.md): 0 only when the acknowledged position is the source's end as confirmed within two heartbeats. An idle
 * source is no lag; a dead connection never looks like an idle source. */
#include "src/app/status.h"

#include "src/base/sys.h"

/* Is the acknowledged position the confirmed end, and is nothing known behind it? */
static bool at_end(const struct status *s) {
    return s->end_confirmed_us > 0 && position_known(&s->acknowledged) && position_reached(&s->acknowledged, &s->end) &&
           s->gauges.oldest_unacknowledged_us == 0 && s->oldest_queued_us == 0;
}

/* Commit time of the oldest change that DynamoDB may lack. Behind the applier and the queue nothing is known of a change that
 * was not received: it is younger than the last acknowledged one, and than the moment when that was the end. */
static int64_t oldest_us(const struct status *s) {
    if (s->gauges.oldest_unacknowledged_us)
        return s->gauges.oldest_unacknowledged_us;
    if (s->oldest_queued_us)
        return s->oldest_queued_us;
    int64_t known = MAX(s->acknowledged.commit_us, s->at_end_us);
    return known ? known : s->started_wall_us;
}

double status_lag_seconds(const struct status *s) {
    int64_t now_us = sys_monotonic_us();
    int64_t silence_us = s->source.heard.last_heard_us ? now_us - s->source.heard.last_heard_us : 0;
    if (at_end(s) && now_us - s->end_confirmed_us <= 2 * s->heartbeat_us)
        return 0;
    int64_t age_us = sys_wall_us() - oldest_us(s);
    return (double)MAX(MAX(age_us, silence_us), 0) / 1e6;
}

uint64_t status_lag_bytes(const struct status *s) {
    return at_end(s) && status_lag_seconds(s) == 0 ? 0 : s->end_bytes_behind;
}

double status_checkpoint_lag_seconds(const struct status *s) {
    if (s->gauges.changes_since_checkpoint == 0 || s->checkpointed.commit_us == 0)
        return 0;
    return (double)MAX(s->applied.commit_us - s->checkpointed.commit_us, 0) / 1e6;
}
