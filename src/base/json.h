/* JSON: reading through yyjson with the place of each value, writing into a buf.
 *
 * Reading keeps where each key, string and number stands in the text, so that errors give line and column.
 * Writing is a few functions that put tokens; commas are put by struct json_out. */
#pragma once

#include "src/base/buf.h"
#include "src/base/error.h"

struct json_doc; /* a parsed text */
struct json;     /* a value inside it; lives as long as its document */

enum json_type { JSON_NULL, JSON_BOOL, JSON_NUMBER, JSON_STRING, JSON_ARRAY, JSON_OBJECT };

struct json_place {
    unsigned line;   /* from 1 */
    unsigned column; /* from 1, in bytes */
};

/* Parses `text` (copied). Comments and trailing commas are errors. On failure ERR_CONFIG with "NAME:LINE:COLUMN: ...". */
int json_parse(struct json_doc **ret, const char *name, struct slice text, struct error *error) must_check;
int json_parse_file(struct json_doc **ret, const char *path, struct error *error) must_check;
void json_free(struct json_doc *doc); /* accepts NULL */
const struct json *json_root(const struct json_doc *doc);
const char *json_name(const struct json_doc *doc); /* the name that errors give */

enum json_type json_type(const struct json *v);
const char *json_type_name(const struct json *v);  /* "an object", "a string", ... */
bool json_bool(const struct json *v);              /* false unless true */
struct slice json_string(const struct json *v);    /* {NULL, 0} unless a string; a terminator follows the bytes */
const char *json_text(const struct json *v);       /* the same as C text, NULL unless a string */
struct slice json_number(const struct json *v);    /* the digits as they were written */
bool json_int(const struct json *v, int64_t *ret); /* false when it is no whole number of 64 bits */

size_t json_count(const struct json *v);                                 /* members or elements; 0 for scalars */
const struct json *json_get(const struct json *object, const char *key); /* NULL when absent (the last of equal keys) */
const struct json *json_at(const struct json *array, size_t i);          /* linear; iterate instead */

/* Iterates an array or an object: `for (struct json_iter i = json_iter(v); json_next(&i);)` uses i.key, i.value. */
struct json_iter {
    const struct json *key; /* NULL in arrays */
    const struct json *value;
    const struct json *container;
    const void *at;
    size_t index; /* of `value`, from 0 */
    size_t left;
    bool started;
};
struct json_iter json_iter(const struct json *v);
bool json_next(struct json_iter *i);

/* Where `v` (a key, string or number) stands. Other values have no place of their own: give their key. */
struct json_place json_place(const struct json_doc *doc, const struct json *v);

/* ---- writing */

/* The shortest digits that read back as `v` (finite): 0.DIGITS * 10^point, without zeros at either end; zero is "0", point 1. Returns
 * how many. */
enum { JSON_DIGITS_MAX = 24 };
size_t json_double_digits(double v, char digits[static JSON_DIGITS_MAX], int *ret_point);

void json_put_string(struct buf *buf, struct slice text); /* quoted and escaped; invalid UTF-8 becomes U+FFFD */

/* A writer that knows where commas go; depth at most 64. `pretty` indents by two spaces. */
struct json_out {
    struct buf *buf;
    bool pretty;
    uint8_t depth;
    uint64_t has_members; /* a bit per depth */
    bool after_key;
};

#define JSON_OUT(b) ((struct json_out){.buf = (b)})

void json_open(struct json_out *out, char bracket);  /* '{' or '[' */
void json_close(struct json_out *out, char bracket); /* '}' or ']' */
void json_key(struct json_out *out, const char *key);
void json_put_text(struct json_out *out, const char *text); /* NULL writes null */
void json_put_slice(struct json_out *out, struct slice text);
void json_put_int(struct json_out *out, int64_t v);
void json_put_uint(struct json_out *out, uint64_t v);
void json_put_double(struct json_out *out, double v);
void json_put_bool(struct json_out *out, bool v);
void json_put_null(struct json_out *out);
void json_put_value(struct json_out *out, const struct json *v); /* a parsed value again */
void json_put_raw(struct json_out *out, struct slice json);      /* a finished JSON value */
