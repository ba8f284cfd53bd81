/* Reads any object of a contract by its table of keys: unknown keys, missing ones and values of the wrong kind are reported here,
 * everything else later. */
#include "contract/parser.h"

/* ---- spots */

struct spot member_spot(struct parser *p, struct spot of, const struct json *key, const struct json *value) {
    return (struct spot){value, key, arena_printf(p->arena, "%s.%s", of.path, json_text(key))};
}

struct spot element_spot(struct parser *p, struct spot of, size_t index, const struct json *value) {
    struct spot at = {value, of.near, arena_printf(p->arena, "%s[%zu]", of.path, index)};
    const struct json *inner = value;
    while (json_type(inner) == JSON_ARRAY && json_count(inner) > 0)
        inner = json_at(inner, 0);
    struct json_iter i = json_iter(inner);
    if (json_type(inner) == JSON_OBJECT && json_next(&i))
        at.near = i.key;
    else if (json_type(inner) == JSON_STRING || json_type(inner) == JSON_NUMBER)
        at.near = inner;
    return at;
}

/* ---- fields */

static const char *const field_wants[] = {
    [FIELD_TEXT] = "a string",
    [FIELD_WORDS] = "a string or a list of strings",
    [FIELD_FLAG] = "true or false",
    [FIELD_COUNT] = "a whole number from 1",
    [FIELD_LIST] = "a list",
    [FIELD_OBJECT] = "an object",
    [FIELD_LIST_OR_OBJECT] = "a list or an object",
    [FIELD_ANY] = "a value",
    [FIELD_KNOWN] = "a value",
};

static bool is_documentary(const char *key) {
    if (strncmp(key, "x-", 2) == 0)
        return true;
    for (size_t i = 0; documentary_keys[i]; i++)
        if (strcmp(key, documentary_keys[i]) == 0)
            return true;
    return false;
}

void parse_wrong(struct parser *p, struct spot at, const char *key, enum field_kind kind) {
    report_error(p->report, at, "\"%s\" is %s; it must be %s", key, json_type_name(at.value), field_wants[kind]);
}

static bool wrong(struct parser *p, struct spot at, const char *key, enum field_kind kind) {
    parse_wrong(p, at, key, kind);
    return false;
}

/* Names and texts are C strings from here on. */
static bool has_zero(struct parser *p, struct spot at) {
    struct slice s = json_string(at.value);
    if (!memchr(s.data, 0, s.len))
        return false;
    report_error(p->report, at, "a zero character (\\u0000) cannot stand here");
    return true;
}

bool parse_words(struct parser *p, struct spot at, const char *key, struct words *ret) {
    bool list = json_type(at.value) == JSON_ARRAY;
    if (!list && json_type(at.value) != JSON_STRING)
        return wrong(p, at, key, FIELD_WORDS);
    size_t count = list ? json_count(at.value) : 1, n = 0;
    if (!list && has_zero(p, at))
        return false;
    struct word *words = arena_zalloc(p->arena, (count + 1) * sizeof(*words));
    if (!list)
        words[n++] = (struct word){json_text(at.value), at};
    for (struct json_iter i = json_iter(list ? at.value : NULL); json_next(&i);) {
        struct spot one = element_spot(p, at, i.index, i.value);
        if (json_type(i.value) != JSON_STRING)
            return wrong(p, one, key, FIELD_WORDS);
        if (has_zero(p, one))
            return false;
        words[n++] = (struct word){json_text(i.value), one};
    }
    *ret = (struct words){words, n, at};
    return true;
}

static bool read_field(struct parser *p, struct spot at, const struct field *f, void *to) {
    enum json_type type = json_type(at.value);
    bool fits = true;
    int64_t n;
    if (type == JSON_STRING && has_zero(p, at))
        return false;
    switch (f->kind) {
    case FIELD_TEXT:
        fits = type == JSON_STRING;
        if (fits)
            *(struct word *)to = (struct word){json_text(at.value), at};
        break;
    case FIELD_WORDS:
        return parse_words(p, at, f->key, to);
    case FIELD_COUNT:
        fits = json_int(at.value, &n) && n >= 1;
        if (fits)
            *(uint64_t *)to = (uint64_t)n;
        break;
    case FIELD_FLAG:
        fits = type == JSON_BOOL;
        break;
    case FIELD_LIST:
        fits = type == JSON_ARRAY;
        break;
    case FIELD_OBJECT:
        fits = type == JSON_OBJECT;
        break;
    case FIELD_LIST_OR_OBJECT:
        fits = type == JSON_ARRAY || type == JSON_OBJECT;
        break;
    case FIELD_ANY:
    case FIELD_KNOWN:
        break;
    }
    if (!fits)
        return wrong(p, at, f->key, f->kind);
    if (f->kind >= FIELD_LIST && f->kind <= FIELD_ANY)
        *(struct spot *)to = at;
    else if (f->kind == FIELD_FLAG)
        *(struct spot *)to = at;
    return true;
}

/* An error; in the objects of the model-output form, which say much that no item needs, a warning. */
static void unknown_key(struct parser *p, struct spot at, const char *key, const struct object_fields *fields) {
    const char *names[40];
    size_t n = 0;
    for (size_t i = 0; i < fields->count && n < ARRAY_LEN(names); i++)
        if (fields->list[i].key[0] != '$')
            names[n++] = fields->list[i].key;
    const char *remedy = report_remedy(p->report, key, names, n);
    if (fields->open)
        report_warning(p->report, at, "the key \"%s\" says nothing here and is ignored%s", key, remedy);
    else
        report_error(p->report, at, "unknown key \"%s\"%s", key, remedy);
}

uint32_t parse_fields(struct parser *p, struct spot at, const char *what, enum object_kind kind, void *into) {
    const struct field *fields = object_fields[kind].list;
    size_t count = object_fields[kind].count;
    uint32_t present = 0;
    if (json_type(at.value) != JSON_OBJECT) {
        report_error(p->report, at, "%s must be an object, not %s", what, json_type_name(at.value));
        return 0;
    }
    for (struct json_iter i = json_iter(at.value); json_next(&i);) {
        const char *key = json_text(i.key);
        struct spot one = member_spot(p, at, i.key, i.value);
        size_t k = 0;
        while (k < count && strcmp(fields[k].key, key) != 0)
            k++;
        /* The key's own place, not the value's: that is what is wrong. */
        if (k == count && !is_documentary(key))
            unknown_key(p, (struct spot){i.key, i.key, one.path}, key, &object_fields[kind]);
        if (k == count || json_type(i.value) == JSON_NULL)
            continue;
        if (present & (uint32_t)1 << k)
            report_error(p->report, (struct spot){i.key, i.key, one.path}, "\"%s\" stands here twice; keep one", key);
        present |= (uint32_t)1 << k;
        (void)read_field(p, one, &fields[k], (char *)into + fields[k].offset);
    }
    for (size_t k = 0; k < count; k++)
        if (fields[k].required && !(present & (uint32_t)1 << k))
            report_error(p->report, at, "%s lacks \"%s\" (%s)", what, fields[k].key, field_wants[fields[k].kind]);
    return present;
}

void parse_table_name(struct parser *p, struct word *name) {
    size_t len = p->database ? strlen(p->database) : 0;
    if (len && name->text && strncmp(name->text, p->database, len) == 0 && name->text[len] == '.')
        name->text += len + 1;
}

uint32_t parse_object(struct parser *p, struct spot at, enum object_kind kind, void *into) {
    return parse_fields(p, at, object_fields[kind].what, kind, into);
}
