/* Takes a template's text apart: "{name}", "{name|default}", "{{" and "}}" (docs/contract.md, "TEMPLATE"). */
#include "contract/template_parse.h"

/* Literal text up to a token or the end, doubled braces made single. */
static const char *take_literal(struct arena *arena, const char *p, struct template_token *ret,
                                const char **ret_error) {
    char *to = arena_alloc(arena, strlen(p) + 1);
    size_t len = 0;
    for (; *p; p++) {
        if (*p == '{' && p[1] != '{')
            break;
        if (*p == '}' && p[1] != '}') {
            *ret_error = "a single \"}\"; write \"}}\" for a brace";
            break;
        }
        if (*p == '{' || *p == '}')
            p++;
        to[len++] = *p;
    }
    *ret = (struct template_token){.literal = {to, len}};
    return p;
}

static const char *take_token(struct arena *arena, const char *p, struct template_token *ret, const char **ret_error) {
    const char *start = p + 1, *end = strchr(start, '}');
    if (!end) {
        *ret_error = "\"{\" without \"}\"; write \"{{\" for a brace";
        return p;
    }
    const char *bar = memchr(start, '|', (size_t)(end - start));
    const char *name_end = bar ? bar : end;
    if (name_end == start || memchr(start, '{', (size_t)(end - start))) {
        *ret_error = "a token is {name} or {name|default}";
        return p;
    }
    *ret = (struct template_token){.name = arena_strndup(arena, start, (size_t)(name_end - start))};
    if (bar) {
        ret->has_default = true;
        ret->default_text = slice_of(arena_strndup(arena, bar + 1, (size_t)(end - bar - 1)));
    }
    return end + 1;
}

bool template_parse(struct report *report, struct arena *arena, struct spot at, const char *text,
                    struct template_token **ret, size_t *ret_count) {
    struct template_token *tokens = arena_zalloc(arena, (strlen(text) + 2) * sizeof(*tokens));
    size_t count = 0;
    const char *error = NULL, *p = text;
    while (*p && !error) {
        struct template_token *t = &tokens[count];
        p = *p == '{' && p[1] != '{' ? take_token(arena, p, t, &error) : take_literal(arena, p, t, &error);
        count++;
    }
    if (error) {
        report_error(report, at, "in template \"%s\" at character %d: %s", text, (int)(p - text) + 1, error);
        return false;
    }
    if (count == 0) {
        report_error(report, at, "a template must not be empty");
        return false;
    }
    *ret = tokens;
    *ret_count = count;
    return true;
}
