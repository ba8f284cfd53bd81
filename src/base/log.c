/* Log lines. */
#include "src/base/log.h"

#include "src/base/buf.h"
#include "src/base/digest.h"
#include "src/base/json.h"
#include "src/base/sys.h"

#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

static struct {
    enum log_format format;
    enum log_level level;
    bool redact_keys;
    pthread_mutex_t lock;
} log_state = {LOG_LOGFMT, LOG_INFO, true, PTHREAD_MUTEX_INITIALIZER};

static const char *const level_names[] = {"error", "warning", "info", "debug"};

void log_setup(enum log_format format, enum log_level level, bool redact_keys) {
    log_state.format = format;
    log_state.level = level;
    log_state.redact_keys = redact_keys;
}

bool log_enabled(enum log_level level) {
    return level <= log_state.level;
}

enum { TEXT_MAX = 4096, LINE_MAX_BYTES = 1024 * 1024 };

static bool needs_quotes(struct slice s) {
    if (s.len == 0)
        return true;
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.data[i];
        if (c <= ' ' || c == '"' || c == '=' || c == '\\' || c >= 0x7F)
            return true;
    }
    return false;
}

static void put_text(struct buf *buf, struct slice s) {
    s.len = MIN(s.len, TEXT_MAX); /* GTID sets can be long; a line must stay a whole one */
    if (log_state.format == LOG_JSON || needs_quotes(s))
        json_put_string(buf, s);
    else
        buf_put_slice(buf, s);
}

static void put_value(struct buf *buf, const struct log_value *v) {
    char hex[DIGEST128_HEX];
    switch (v->kind) {
    case LOG_TEXT:
        put_text(buf, v->text);
        break;
    case LOG_SIGNED:
        buf_printf(buf, "%lld", (long long)v->i);
        break;
    case LOG_UNSIGNED:
        buf_printf(buf, "%llu", (unsigned long long)v->u);
        break;
    case LOG_DOUBLE:
        buf_printf(buf, "%.6g", v->d);
        break;
    case LOG_BOOL:
        buf_put_text(buf, v->b ? "true" : "false");
        break;
    case LOG_KEY:
        if (log_state.redact_keys) {
            digest128_hex(digest128(v->text), hex);
            put_text(buf, (struct slice){hex, 12});
        } else {
            put_text(buf, v->text);
        }
        break;
    }
}

static void put_field(struct buf *buf, const char *name, const struct log_value *value) {
    bool json = log_state.format == LOG_JSON;
    if (buf->len > 1)
        buf_put_char(buf, json ? ',' : ' ');
    if (json)
        json_put_string(buf, slice_of(name));
    else
        buf_put_text(buf, name);
    buf_put_char(buf, json ? ':' : '=');
    put_value(buf, value);
}

void log_write(enum log_level level, const char *event, const struct log_field *fields, size_t count) {
    char time[32];
    sys_format_time(sys_wall_us(), time, sizeof(time));
    defer(buf_deinit) struct buf buf = BUF_INIT(LINE_MAX_BYTES);
    if (log_state.format == LOG_JSON)
        buf_put_char(&buf, '{');
    put_field(&buf, "time", &log_s(time));
    put_field(&buf, "level", &log_s(level_names[level]));
    put_field(&buf, "event", &log_s(event));
    for (size_t i = 0; i < count; i++)
        put_field(&buf, fields[i].name, &fields[i].value);
    if (log_state.format == LOG_JSON)
        buf_put_char(&buf, '}');
    buf_put_char(&buf, '\n');
    pthread_mutex_lock(&log_state.lock);
    ssize_t n = write(STDERR_FILENO, buf.data, buf.len); /* a log that cannot be written must not stop the work */
    (void)n;
    pthread_mutex_unlock(&log_state.lock);
}
