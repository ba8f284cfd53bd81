/* The status as Prometheus metrics (text format 0.0.4). */
#pragma once

#include "src/app/status.h"

/* Call with the status lock held. */
void metrics_write(const struct status *s, struct buf *out);
