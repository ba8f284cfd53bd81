/* One line an event, as JSON or key=value, on standard error. Only src/app logs above debug.
 *
 *   log_info("connected to the source", {"server", log_s(host)}, {"server_id", log_u(id)});
 *
 * No secrets and no item values; keys of items go through log_key(). */
#pragma once

#include "src/base/base.h"

enum log_level { LOG_ERROR, LOG_WARNING, LOG_INFO, LOG_DEBUG };
enum log_format { LOG_JSON, LOG_LOGFMT };

struct log_value {
    enum { LOG_TEXT, LOG_SIGNED, LOG_UNSIGNED, LOG_DOUBLE, LOG_BOOL, LOG_KEY } kind;
    union {
        struct slice text;
        int64_t i;
        uint64_t u;
        double d;
        bool b;
    };
};

struct log_field {
    const char *name;
    struct log_value value;
};

#define log_s(v) ((struct log_value){LOG_TEXT, .text = slice_of(v)})
#define log_slice(v) ((struct log_value){LOG_TEXT, .text = (v)})
#define log_i(v) ((struct log_value){LOG_SIGNED, .i = (v)})
#define log_u(v) ((struct log_value){LOG_UNSIGNED, .u = (v)})
#define log_d(v) ((struct log_value){LOG_DOUBLE, .d = (v)})
#define log_b(v) ((struct log_value){LOG_BOOL, .b = (v)})
#define log_key(v) ((struct log_value){LOG_KEY, .text = (v)}) /* hashed unless log.redact_keys is off */

void log_setup(enum log_format format, enum log_level level, bool redact_keys);
bool log_enabled(enum log_level level);
/* `fields` holds `count` fields. Safe from several threads. */
void log_write(enum log_level level, const char *event, const struct log_field *fields, size_t count);

#define LOG_FIELDS(...) ((const struct log_field[]){__VA_ARGS__})
#define log_line(level, event, ...)                                                                                    \
    do {                                                                                                               \
        if (log_enabled(level))                                                                                        \
            log_write(level, event, LOG_FIELDS({NULL, log_b(false)}, ##__VA_ARGS__) + 1,                               \
                      ARRAY_LEN(LOG_FIELDS({NULL, log_b(false)}, ##__VA_ARGS__)) - 1);                                 \
    } while (0)
#define log_error(event, ...) log_line(LOG_ERROR, event, ##__VA_ARGS__)
#define log_warning(event, ...) log_line(LOG_WARNING, event, ##__VA_ARGS__)
#define log_info(event, ...) log_line(LOG_INFO, event, ##__VA_ARGS__)
#define log_debug(event, ...) log_line(LOG_DEBUG, event, ##__VA_ARGS__)
