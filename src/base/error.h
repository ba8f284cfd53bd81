/* Errors: a negative code that travels up untouched, and a text that gains context on its way.
 *
 * A function returns 0, or one of the negative codes below; a positive result is a documented condition that the
 * caller must handle. The text belongs to the caller: error_set() writes it where the fault is found, error_wrap()
 * puts context before it ("table shop.orders, column total: ..."). Texts say what happened, where, and what to do. */
#pragma once

/* The last remedy, where what the store holds cannot be trusted or continued. */
#define NEW_SNAPSHOT "start with an empty state_dir and empty tables"

#include "src/base/base.h"

/* The class of an error decides what happens next and which exit code a command ends with (error_exit_code). */
enum error_code {
    ERR_USAGE = -2,          /* the command line */
    ERR_CONFIG = -3,         /* configuration or contract */
    ERR_SOURCE = -4,         /* MySQL: a fault that needs somebody; parks */
    ERR_TARGET = -5,         /* DynamoDB: a fault that needs somebody; parks */
    ERR_STORE = -6,          /* the state directory */
    ERR_LEASE = -7,          /* another replicator has the stream */
    ERR_BUG = -70,           /* an invariant of our own does not hold */
    ERR_SOURCE_LOST = -104,  /* MySQL is away: connect again, for ever */
    ERR_SOURCE_TAKEN = -106, /* MySQL threw us out for another client with our server id */
    ERR_TARGET_LOST = -105,  /* DynamoDB is away: try again, for ever */
    ERR_STOPPED = -200,      /* asked to stop; not a fault */
};

struct error {
    char text[2048];
};

/* Each returns `code`, so that `return error_set(...)` reads well. Texts too long are cut. `error` may be NULL. */
int error_set(struct error *error, int code, const char *format, ...) printf_like(3, 4) must_check;
int error_wrap(struct error *error, int code, const char *format, ...) printf_like(3, 4) must_check;

/* The process exit code of an error code (docs/operations.md: 2 usage, 3 configuration, 4 source, 5 target, 6 store, ...). */
int error_exit_code(int code);

/* A short word for the class: "source", "store", ... for logs and metrics. */
const char *error_class(int code);
