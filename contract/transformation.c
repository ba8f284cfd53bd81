/* Transformations become expressions over the attribute's value, so that one evaluation serves all. */
#include "contract/transformation.h"

#include "contract/expr_time.h"
#include "contract/expr_types.h"
#include "contract/transform_functions.h"

struct transforming {
    struct build *b;
    const struct parsed_transformation *t;
    enum attr_type type; /* of the attribute */
};

static struct expr *refuse(struct transforming *x, const char *what) {
    report_error(x->b->report, x->t->format.text ? x->t->format.at : x->t->at, "%s", what);
    return NULL;
}

static struct expr *text_literal(struct transforming *x, const char *text) {
    struct expr *e = arena_zalloc(x->b->arena, sizeof(*e));
    e->kind = EXPR_LITERAL;
    e->type = COLUMN_TEXT;
    e->literal = (struct value){.kind = VALUE_TEXT, .data = text, .len = (uint32_t)strlen(text)};
    return e;
}

static struct expr *call(struct transforming *x, const struct expr_function *f, struct expr *const *args,
                         size_t count) {
    struct expr *e = arena_zalloc(x->b->arena, sizeof(*e));
    e->kind = EXPR_CALL;
    e->function = f;
    e->args = arena_copy(x->b->arena, args, count * sizeof(*args));
    e->arg_count = count;
    const char *wrong = f->check(x->b->arena, e);
    if (!wrong)
        return e;
    report_error(x->b->report, x->t->at, "%s", wrong);
    return NULL;
}

static struct expr *call_with_text(struct transforming *x, const struct expr_function *f, struct expr *e,
                                   const char *text) {
    return call(x, f, (struct expr *[]){e, text_literal(x, text)}, 2);
}

/* ---- dates */

/* "YYYY-MM-DD" as a pattern of DATE_FORMAT; NULL without any of the words. */
static const char *date_pattern(struct arena *arena, const char *format) {
    static const struct {
        const char *word, *letter;
    } words[] = {{"YYYY", "%Y"}, {"SSS", "%3"}, {"MM", "%m"}, {"DD", "%d"}, {"HH", "%H"}, {"mm", "%i"}, {"ss", "%s"}};
    defer(buf_deinit) struct buf pattern = BUF_INIT(4096);
    bool any = false;
    while (*format) {
        size_t i = 0;
        while (i < ARRAY_LEN(words) && strncmp(format, words[i].word, strlen(words[i].word)) != 0)
            i++;
        if (i == ARRAY_LEN(words)) {
            buf_put_char(&pattern, *format++);
            continue;
        }
        buf_put_text(&pattern, words[i].letter);
        format += strlen(words[i].word);
        any = true;
    }
    return any && !pattern.full ? arena_strdup(arena, buf_text(&pattern)) : NULL;
}

static struct expr *date_format(struct transforming *x, struct expr *e) {
    const char *format = x->t->format.text;
    if (strcmp(format, "epoch") == 0)
        return call_with_text(x, &transform_epoch, e, "1");
    if (strcmp(format, "epoch_ms") == 0)
        return call_with_text(x, &transform_epoch, e, "1000");
    if (strcmp(format, "iso8601") == 0)
        return call(x, &transform_iso8601, &e, 1);
    const char *pattern = strchr(format, '%') ? format : date_pattern(x->b->arena, format);
    if (!pattern)
        return refuse(x, "a date's format has YYYY, MM, DD, HH, mm, ss, SSS, or the % letters of DATE_FORMAT, or is "
                         "\"epoch\", \"epoch_ms\" or \"iso8601\"");
    const char *wrong = pattern == format ? time_format_check(x->b->arena, slice_of(format)) : NULL;
    return wrong ? refuse(x, wrong) : call_with_text(x, &transform_date, e, pattern);
}

/* ---- texts and numbers */

/* "before %s after"; "%%" is a percent sign. False without exactly one %s. */
static bool split_pattern(struct arena *arena, const char *format, const char *ret_parts[2]) {
    char *text = arena_alloc(arena, strlen(format) + 2), *to = text;
    size_t parts = 0;
    ret_parts[parts++] = text;
    for (; *format; format++) {
        if (*format != '%') {
            *to++ = *format;
            continue;
        }
        format++;
        if (*format == '%') {
            *to++ = '%';
        } else if (*format == 's' && parts < 2) {
            *to++ = 0;
            ret_parts[parts++] = to;
        } else {
            return false;
        }
    }
    *to = 0;
    return parts == 2;
}

static struct expr *string_format(struct transforming *x, struct expr *e) {
    static const char *const words[] = {"lower", "upper", "trim"};
    const char *parts[2];
    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        if (strcmp(x->t->format.text, words[i]) == 0)
            return call(x, expr_function(words[i]), &e, 1);
    if (!split_pattern(x->b->arena, x->t->format.text, parts))
        return refuse(x, "a string's format is \"lower\", \"upper\", \"trim\", a text with one %s, or a template with "
                         "{column}");
    return call(x, expr_function("CONCAT"), (struct expr *[]){text_literal(x, parts[0]), e, text_literal(x, parts[1])},
                3);
}

static struct expr *number_format(struct transforming *x, struct expr *e) {
    const char *wrong = number_format_check(x->b->arena, x->t->format.text);
    return wrong ? refuse(x, wrong) : call_with_text(x, &transform_number, e, x->t->format.text);
}

static struct expr *json_parse_text(struct transforming *x, struct expr *e) {
    return call(x, x->type == ATTR_S ? &transform_json_text : &transform_json, &e, 1);
}

static struct expr *mask(struct transforming *x, struct expr *e) {
    const char *format = x->t->format.text, *key = x->b->options->mask_key;
    if (strcmp(format, "redact") == 0)
        return call(x, &transform_redact, &e, 1);
    if (strcmp(format, "last4") == 0)
        return call(x, &transform_last4, &e, 1);
    if (strcmp(format, "hash") != 0)
        return refuse(x, "a mask's format is \"hash\", \"redact\" or \"last4\"");
    if (!key || !*key)
        return refuse(x, "a mask of format \"hash\" needs \"mask_key\" in the configuration");
    return call_with_text(x, &transform_hash, e, key);
}

static struct expr *as_it_is(struct transforming *x, struct expr *e) {
    return e;
}

/* ---- the table */

static const struct transformation_type {
    const char *name;
    const char *wants; /* the key beside "type"; NULL: none */
    struct expr *(*make)(struct transforming *x, struct expr *e);
} types[] = {
    {"date-format", "format", date_format},
    {"string-format", "format", string_format},
    {"number-format", "format", number_format},
    {"json-parse", NULL, json_parse_text},
    {"mask", "format", mask},
    {"static", "value", as_it_is},
    {"template", "template", as_it_is},
};

const char *transformation_name(size_t i) {
    return i < ARRAY_LEN(types) ? types[i].name : NULL;
}

static const struct transformation_type *find_type(const struct parsed_transformation *t) {
    for (size_t i = 0; t->type.text && i < ARRAY_LEN(types); i++)
        if (strcmp(t->type.text, types[i].name) == 0)
            return &types[i];
    return NULL;
}

/* One key beside "type", or none. */
static bool check_key(struct build *b, const struct parsed_transformation *t, const char *key, struct spot at,
                      const char *wants) {
    bool wanted = wants && strcmp(wants, key) == 0;
    if (wanted && !at.value)
        report_error(b->report, t->at, "this transformation lacks \"%s\"", key);
    if (!wanted && at.value)
        report_error(b->report, at, "this transformation takes no \"%s\"", key);
    return wanted == (at.value != NULL);
}

bool transformation_check(struct build *b, const struct parsed_transformation *t) {
    const struct transformation_type *type = find_type(t);
    const char *names[ARRAY_LEN(types)];
    if (type) {
        bool good = check_key(b, t, "format", t->format.at, type->wants);
        good &= check_key(b, t, "value", t->value, type->wants);
        return check_key(b, t, "template", t->template.at, type->wants) && good;
    }
    for (size_t i = 0; i < ARRAY_LEN(types); i++)
        names[i] = types[i].name;
    if (t->type.text)
        report_error(b->report, t->type.at, "unknown transformation \"%s\"%s", t->type.text,
                     report_remedy(b->report, t->type.text, names, ARRAY_LEN(names)));
    return false;
}

struct expr *transformation_expr(struct build *b, const struct parsed_transformation *t, struct expr *e,
                                 enum attr_type type) {
    struct transforming x = {b, t, type};
    return find_type(t)->make(&x, e);
}

static bool is_type(const struct parsed_transformation *t, const char *name) {
    return t->type.text && strcmp(t->type.text, name) == 0;
}

const struct word *transformation_template(const struct parsed_transformation *t) {
    if (is_type(t, "template") && t->template.text)
        return &t->template;
    bool tokens = t->format.text && strchr(t->format.text, '{');
    return is_type(t, "string-format") && tokens ? &t->format : NULL;
}

bool transformation_static(const struct parsed_transformation *t) {
    return is_type(t, "static");
}
