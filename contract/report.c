/* Collects findings: every error of a contract is told at once, with its place and its remedy. */
#include "contract/report.h"

#include "src/base/suggest.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { FINDINGS_MAX = 1000, MESSAGE_MAX = 1024, NAMES_SHOWN = 12 };

void findings_deinit(struct findings *findings) {
    if (!findings)
        return;
    free(findings->list);
    arena_deinit(&findings->arena);
    *findings = (struct findings){0};
}

static bool has_place(const struct json *v) {
    return v && (json_type(v) == JSON_STRING || json_type(v) == JSON_NUMBER);
}

static void add(struct report *report, struct spot at, bool warning, const char *format, va_list args) {
    struct findings *f = report->findings;
    char message[MESSAGE_MAX];
    vsnprintf(message, sizeof(message), format, args);
    f->errors += !warning;
    if (f->count >= FINDINGS_MAX)
        return;
    if ((f->count & (f->count + 1)) == 0) /* full at 0, 1, 3, 7, ... */
        f->list = xrealloc(f->list, (f->count * 2 + 1) * sizeof(*f->list));
    struct json_place place = json_place(report->doc, has_place(at.value) ? at.value : at.near);
    f->list[f->count++] = (struct finding){
        .warning = warning,
        .line = place.line,
        .column = place.column,
        .path = arena_strdup(&f->arena, at.path),
        .message = arena_strdup(&f->arena, message),
    };
}

void report_error(struct report *report, struct spot at, const char *format, ...) {
    va_list args;
    va_start(args, format);
    add(report, at, false, format, args);
    va_end(args);
}

void report_warning(struct report *report, struct spot at, const char *format, ...) {
    va_list args;
    va_start(args, format);
    add(report, at, true, format, args);
    va_end(args);
}

const char *report_remedy(struct report *report, const char *word, const char *const *names, size_t count) {
    const char *near = suggest(word, names, count);
    if (near)
        return arena_printf(&report->findings->arena, "; did you mean \"%s\"?", near);
    defer(buf_deinit) struct buf buf = BUF_INIT(MESSAGE_MAX);
    for (size_t i = 0; i < count && i < NAMES_SHOWN; i++)
        buf_printf(&buf, "%s%s", i ? ", " : "; known: ", names[i]);
    if (count > NAMES_SHOWN)
        buf_put_text(&buf, ", ...");
    return arena_strdup(&report->findings->arena, buf_text(&buf));
}

static bool after(const struct finding *a, const struct finding *b) {
    return a->line != b->line ? a->line > b->line : a->column > b->column;
}

/* Insertion: few findings, and stable. */
void findings_sort(struct findings *findings) {
    for (size_t i = 1; i < findings->count; i++) {
        struct finding one = findings->list[i];
        size_t k = i;
        for (; k > 0 && after(&findings->list[k - 1], &one); k--)
            findings->list[k] = findings->list[k - 1];
        findings->list[k] = one;
    }
}
