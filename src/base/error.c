/* Errors: codes, texts and their exit codes. */
#include "src/base/error.h"

#include <stdarg.h>
#include <stdio.h>

static const struct {
    int code;
    int exit_code;
    const char *name;
} classes[] = {
    {ERR_USAGE, 2, "usage"},        {ERR_CONFIG, 3, "configuration"}, {ERR_SOURCE, 4, "source"},
    {ERR_TARGET, 5, "target"},      {ERR_STORE, 6, "store"},          {ERR_LEASE, 7, "lease"},
    {ERR_BUG, 70, "bug"},           {ERR_SOURCE_LOST, 4, "source"},   {ERR_SOURCE_TAKEN, 4, "source"},
    {ERR_TARGET_LOST, 5, "target"}, {ERR_STOPPED, 0, "stopped"},
};

int error_set(struct error *error, int code, const char *format, ...) {
    if (error) {
        va_list args;
        va_start(args, format);
        vsnprintf(error->text, sizeof(error->text), format, args);
        va_end(args);
    }
    return code;
}

int error_wrap(struct error *error, int code, const char *format, ...) {
    if (error) {
        char inner[sizeof(error->text)];
        memcpy(inner, error->text, sizeof(inner));
        va_list args;
        va_start(args, format);
        int n = vsnprintf(error->text, sizeof(error->text), format, args);
        va_end(args);
        if (n >= 0 && (size_t)n < sizeof(error->text))
            snprintf(error->text + n, sizeof(error->text) - (size_t)n, ": %s", inner);
    }
    return code;
}

int error_exit_code(int code) {
    for (size_t i = 0; i < ARRAY_LEN(classes); i++)
        if (classes[i].code == code)
            return classes[i].exit_code;
    return code == 0 ? 0 : 70;
}

const char *error_class(int code) {
    for (size_t i = 0; i < ARRAY_LEN(classes); i++)
        if (classes[i].code == code)
            return classes[i].name;
    return "bug";
}
