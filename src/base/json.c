/* JSON reading through yyjson, and writing. */
#include "src/base/json.h"

#include "src/base/sys.h"
#include "src/base/utf8.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <yyjson.h>

/* yyjson reads in place: strings and raw numbers point into `text`, which is how a value knows where it stands. */
struct json_doc {
    char *name;
    char *text;
    size_t len;
    char *original; /* unescaping in place moves bytes inside strings, never their start; lines are counted here */
    yyjson_doc *doc;
};

static yyjson_val *mutable(const struct json *v) {
    return (yyjson_val *)(uintptr_t)v; /* yyjson's readers take non-const pointers and change nothing */
}

static struct json_place place_of(const char *text, size_t offset) {
    struct json_place p = {1, 1};
    for (size_t i = 0; i < offset; i++) {
        p.column++;
        if (text[i] == '\n') {
            p.line++;
            p.column = 1;
        }
    }
    return p;
}

enum { FILE_MAX = 64 * 1024 * 1024 };

int json_parse(struct json_doc **ret, const char *name, struct slice text, struct error *error) {
    if (text.len > FILE_MAX)
        return error_set(error, ERR_CONFIG, "%s: larger than %d bytes", name, FILE_MAX);
    struct json_doc *doc = xcalloc(1, sizeof(*doc));
    doc->name = xstrdup(name);
    doc->len = text.len;
    doc->original = xstrndup(text.data ? text.data : "", text.len);
    doc->text = xcalloc(1, text.len + YYJSON_PADDING_SIZE);
    if (text.len)
        memcpy(doc->text, text.data, text.len);
    yyjson_read_err e;
    doc->doc = yyjson_read_opts(doc->text, text.len, YYJSON_READ_INSITU | YYJSON_READ_NUMBER_AS_RAW, NULL, &e);
    if (!doc->doc) {
        struct json_place p = place_of(doc->original, MIN(e.pos, text.len));
        int r = error_set(error, ERR_CONFIG, "%s:%u:%u: not JSON: %s", name, p.line, p.column, e.msg);
        json_free(doc);
        return r;
    }
    *ret = doc;
    return 0;
}

int json_parse_file(struct json_doc **ret, const char *path, struct error *error) {
    defer(free_pointer) char *data = NULL;
    size_t len = 0;
    int r = sys_read_file(path, FILE_MAX, &data, &len, error);
    return r ? r : json_parse(ret, path, (struct slice){data, len}, error);
}

void json_free(struct json_doc *doc) {
    if (!doc)
        return;
    yyjson_doc_free(doc->doc);
    free(doc->original);
    free(doc->text);
    free(doc->name);
    free(doc);
}

const struct json *json_root(const struct json_doc *doc) {
    return (const struct json *)(const void *)yyjson_doc_get_root(doc->doc);
}

const char *json_name(const struct json_doc *doc) {
    return doc->name;
}

enum json_type json_type(const struct json *v) {
    switch (yyjson_get_type(mutable(v))) {
    case YYJSON_TYPE_BOOL:
        return JSON_BOOL;
    case YYJSON_TYPE_RAW:
    case YYJSON_TYPE_NUM:
        return JSON_NUMBER;
    case YYJSON_TYPE_STR:
        return JSON_STRING;
    case YYJSON_TYPE_ARR:
        return JSON_ARRAY;
    case YYJSON_TYPE_OBJ:
        return JSON_OBJECT;
    default:
        return JSON_NULL;
    }
}

const char *json_type_name(const struct json *v) {
    static const char *const names[] = {"null", "true or false", "a number", "a string", "a list", "an object"};
    return names[json_type(v)];
}

bool json_bool(const struct json *v) {
    return yyjson_get_bool(mutable(v));
}

struct slice json_string(const struct json *v) {
    const char *text = yyjson_get_str(mutable(v));
    return (struct slice){text, text ? yyjson_get_len(mutable(v)) : 0};
}

const char *json_text(const struct json *v) {
    return yyjson_get_str(mutable(v));
}

struct slice json_number(const struct json *v) {
    const char *raw = yyjson_get_raw(mutable(v));
    return (struct slice){raw, raw ? yyjson_get_len(mutable(v)) : 0};
}

bool json_int(const struct json *v, int64_t *ret) {
    struct slice s = json_number(v);
    char text[24], *end;
    if (s.len == 0 || s.len >= sizeof(text))
        return false;
    memcpy(text, s.data, s.len);
    text[s.len] = 0;
    errno = 0;
    long long n = strtoll(text, &end, 10);
    if (errno || *end)
        return false;
    *ret = n;
    return true;
}

size_t json_count(const struct json *v) {
    return yyjson_is_arr(mutable(v)) ? yyjson_arr_size(mutable(v)) : yyjson_obj_size(mutable(v));
}

const struct json *json_get(const struct json *object, const char *key) {
    const struct json *found = NULL;
    if (!object || json_type(object) != JSON_OBJECT)
        return NULL;
    for (struct json_iter i = json_iter(object); json_next(&i);)
        if (slice_equal(json_string(i.key), slice_of(key)))
            found = i.value;
    return found;
}

const struct json *json_at(const struct json *array, size_t i) {
    return (const struct json *)(const void *)yyjson_arr_get(mutable(array), i);
}

struct json_iter json_iter(const struct json *v) {
    return (struct json_iter){.container = v, .left = v ? json_count(v) : 0};
}

bool json_next(struct json_iter *i) {
    if (i->left == 0)
        return false;
    if (i->started) {
        i->at = unsafe_yyjson_get_next((yyjson_val *)(uintptr_t)i->at);
        i->index++;
    } else {
        i->at = unsafe_yyjson_get_first(mutable(i->container));
        i->started = true;
    }
    i->left--;
    if (json_type(i->container) == JSON_OBJECT) {
        i->key = i->at;
        i->at = (const yyjson_val *)i->at + 1; /* a key's value follows it directly */
    } else {
        i->key = NULL;
    }
    i->value = i->at;
    return true;
}

struct json_place json_place(const struct json_doc *doc, const struct json *v) {
    const char *at = v ? yyjson_get_str(mutable(v)) : NULL;
    if (!at && v)
        at = yyjson_get_raw(mutable(v));
    if (!at || at < doc->text || at > doc->text + doc->len)
        return (struct json_place){1, 1};
    size_t offset = (size_t)(at - doc->text);
    if (yyjson_is_str(mutable(v)) && offset > 0)
        offset--; /* the quote */
    return place_of(doc->original, offset);
}

/* ---- writing */

/* yyjson prints "1.0", "-0.00012", "1.5e300". */
size_t json_double_digits(double v, char digits[static JSON_DIGITS_MAX], int *ret_point) {
    char text[64];
    yyjson_val number = {0};
    yyjson_set_real(&number, v);
    const char *end = yyjson_write_number(&number, text), *p = text;
    size_t count = 0;
    int point = 0;
    bool behind_point = false;
    for (p += *p == '-'; end && p < end && *p != 'e' && count < JSON_DIGITS_MAX; p++) {
        if (*p == '.') {
            behind_point = true;
            continue;
        }
        if (*p != '0' || count)
            digits[count++] = *p;
        point += !behind_point && count ? 1 : behind_point && !count ? -1 : 0;
    }
    if (end && p < end && *p == 'e')
        point += (int)strtol(p + 1, NULL, 10);
    while (count && digits[count - 1] == '0')
        count--;
    *ret_point = count ? point : 1;
    if (!count)
        digits[count++] = '0';
    return count;
}

void json_put_string(struct buf *buf, struct slice text) {
    const unsigned char *p = (const unsigned char *)text.data, *end = p + text.len, *plain = p;
    buf_put_char(buf, '"');
    while (p < end) {
        if (*p >= 0x20 && *p < 0x7F && *p != '"' && *p != '\\') {
            p++;
            continue;
        }
        size_t n = *p >= 0x80 ? utf8_sequence(p, (size_t)(end - p)) : 0;
        if (n) {
            p += n;
            continue;
        }
        buf_put(buf, plain, (size_t)(p - plain));
        if (*p == '"' || *p == '\\') {
            buf_put_char(buf, '\\');
            buf_put_char(buf, (char)*p);
        } else if (*p == '\n') {
            buf_put_text(buf, "\\n");
        } else if (*p < 0x80) {
            buf_printf(buf, "\\u%04x", *p);
        } else {
            buf_put_text(buf, "\xEF\xBF\xBD");
        }
        plain = ++p;
    }
    buf_put(buf, plain, (size_t)(p - plain));
    buf_put_char(buf, '"');
}

static void newline(struct json_out *out) {
    if (!out->pretty)
        return;
    buf_put_char(out->buf, '\n');
    for (unsigned i = 0; i < out->depth; i++)
        buf_put_text(out->buf, "  ");
}

static void before_value(struct json_out *out) {
    if (out->after_key) {
        out->after_key = false;
        return;
    }
    if (out->depth == 0)
        return;
    uint64_t bit = (uint64_t)1 << (out->depth - 1);
    if (out->has_members & bit)
        buf_put_char(out->buf, ',');
    out->has_members |= bit;
    newline(out);
}

void json_open(struct json_out *out, char bracket) {
    before_value(out);
    buf_put_char(out->buf, bracket);
    if (out->depth < 64)
        out->depth++;
    out->has_members &= ~((uint64_t)1 << (out->depth - 1));
}

void json_close(struct json_out *out, char bracket) {
    bool members = out->has_members & ((uint64_t)1 << (out->depth - 1));
    out->depth--;
    if (members)
        newline(out);
    buf_put_char(out->buf, bracket);
}

void json_key(struct json_out *out, const char *key) {
    before_value(out);
    json_put_string(out->buf, slice_of(key));
    buf_put_text(out->buf, out->pretty ? ": " : ":");
    out->after_key = true;
}

void json_put_text(struct json_out *out, const char *text) {
    if (text)
        json_put_slice(out, slice_of(text));
    else
        json_put_null(out);
}

void json_put_slice(struct json_out *out, struct slice text) {
    before_value(out);
    json_put_string(out->buf, text);
}

void json_put_int(struct json_out *out, int64_t v) {
    before_value(out);
    buf_printf(out->buf, "%lld", (long long)v);
}

void json_put_uint(struct json_out *out, uint64_t v) {
    before_value(out);
    buf_printf(out->buf, "%llu", (unsigned long long)v);
}

void json_put_double(struct json_out *out, double v) {
    before_value(out);
    if (isfinite(v))
        buf_printf(out->buf, "%.6g", v);
    else
        buf_put_text(out->buf, "null");
}

void json_put_bool(struct json_out *out, bool v) {
    before_value(out);
    buf_put_text(out->buf, v ? "true" : "false");
}

void json_put_null(struct json_out *out) {
    before_value(out);
    buf_put_text(out->buf, "null");
}

void json_put_raw(struct json_out *out, struct slice json) {
    before_value(out);
    buf_put_slice(out->buf, json);
}

void json_put_value(struct json_out *out, const struct json *v) {
    switch (json_type(v)) {
    case JSON_NULL:
        json_put_null(out);
        break;
    case JSON_BOOL:
        json_put_bool(out, json_bool(v));
        break;
    case JSON_NUMBER:
        json_put_raw(out, json_number(v));
        break;
    case JSON_STRING:
        json_put_slice(out, json_string(v));
        break;
    case JSON_ARRAY:
    case JSON_OBJECT: {
        bool object = json_type(v) == JSON_OBJECT;
        json_open(out, object ? '{' : '[');
        for (struct json_iter i = json_iter(v); json_next(&i);) {
            if (object)
                json_key(out, json_text(i.key));
            json_put_value(out, i.value);
        }
        json_close(out, object ? '}' : ']');
        break;
    }
    }
}
