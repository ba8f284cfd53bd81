/* A template's text taken apart: literals and tokens, names not yet resolved. */
#pragma once

#include "contract/report.h"

struct template_token {
    struct slice literal; /* when name is NULL */
    const char *name;
    bool has_default;
    struct slice default_text;
};

/* False when the text is malformed; that is reported then. */
bool template_parse(struct report *report, struct arena *arena, struct spot at, const char *text,
                    struct template_token **ret, size_t *ret_count);
