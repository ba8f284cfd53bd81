/* Where something stands in a contract's text, and what is wrong with it. */
#pragma once

#include "contract/load.h"
#include "src/base/json.h"

/* A value of the text. Objects, lists and keywords have no place of their own: `near` is the key (or string) that does. */
struct spot {
    const struct json *value; /* NULL: absent */
    const struct json *near;
    const char *path;
};

struct report {
    const struct json_doc *doc;
    struct findings *findings;
};

void report_error(struct report *report, struct spot at, const char *format, ...) printf_like(3, 4);
void report_warning(struct report *report, struct spot at, const char *format, ...) printf_like(3, 4);

/* "; did you mean \"X\"?", or what may stand there: "; known: a, b, c". "" when `count` is 0. Lives in the findings' arena. */
const char *report_remedy(struct report *report, const char *word, const char *const *names, size_t count);

/* Into the file's order; equal places keep theirs. */
void findings_sort(struct findings *findings);
