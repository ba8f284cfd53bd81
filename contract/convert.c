/* Values of MySQL's types as DynamoDB attributes (docs/contract.md, "Values"): a table of functions by kind and type.
 *
 * What the table lacks is refused when the contract is loaded (convert_allowed); what only a value can show (text that is no
 * number, a number outside N, JSON of another shape) is poison. */
#include "contract/convert.h"

#include "contract/geometry.h"
#include "contract/number.h"
#include "src/base/cursor.h"
#include "src/base/json.h"

#include <stdio.h>
#include <stdlib.h>

/* A conversion: EVALUATE_OK, EVALUATE_ABSENT or EVALUATE_POISON. */
typedef int convert_function(const struct value *v, struct arena *arena, struct attr *ret, struct error *error);

static struct attr attr_text(enum attr_type type, struct arena *arena, struct slice s) {
    return (struct attr){.type = (uint8_t)type, .text = {arena_copy(arena, s.data ? s.data : "", s.len), s.len}};
}

/* Kinds whose bytes are their text already. */
static bool text_as_is(const struct value *v) {
    return v->kind == VALUE_TEXT || v->kind == VALUE_DECIMAL || v->kind == VALUE_ENUM || v->kind == VALUE_SET ||
           v->kind == VALUE_JSON;
}

static int to_s(const struct value *v, struct arena *arena, struct attr *ret, struct error *error) {
    if (text_as_is(v)) {
        *ret = attr_text(ATTR_S, arena, value_slice(v));
        return EVALUATE_OK;
    }
    defer(buf_deinit) struct buf buf = BUF_SMALL(64, (size_t)UINT32_MAX * 2);
    value_put_text(&buf, v);
    *ret = attr_text(ATTR_S, arena, buf_slice(&buf));
    return EVALUATE_OK;
}

enum { N_TEXT_MAX = 38 };

/* Digits as they are while they are short; longer ones (zeros at an end) in the normal form. */
static int number_text(struct slice s, bool keep, struct arena *arena, struct attr *ret, struct error *error) {
    defer(buf_deinit) struct buf normal = BUF_SMALL(64, 256);
    struct number parsed;
    if (!number_parse(s, &parsed))
        return error_set(error, EVALUATE_POISON, "text that is no number in an attribute of type N");
    if (!number_normalise(s, &normal))
        return error_set(error, EVALUATE_POISON, "%.*s%s does not fit type N (38 digits, 1E-130 to 9.99E+125)",
                         (int)MIN(s.len, (size_t)60), s.data, s.len > 60 ? "..." : "");
    *ret = attr_text(ATTR_N, arena, keep && s.len <= N_TEXT_MAX ? s : buf_slice(&normal));
    return EVALUATE_OK;
}

static int to_n(const struct value *v, struct arena *arena, struct attr *ret, struct error *error) {
    defer(buf_deinit) struct buf buf = BUF_SMALL(64, 1024);
    if (v->kind == VALUE_ENUM || v->kind == VALUE_SET)
        buf_put_digits(&buf, v->u, 1);
    else if (text_as_is(v))
        return number_text(value_slice(v), v->kind == VALUE_DECIMAL, arena, ret, error);
    else
        value_put_text(&buf, v);
    if (v->kind == VALUE_INT || v->kind == VALUE_UINT || v->kind == VALUE_ENUM || v->kind == VALUE_SET) {
        *ret = attr_text(ATTR_N, arena, buf_slice(&buf));
        return EVALUATE_OK;
    }
    return number_text(buf_slice(&buf), true, arena, ret, error);
}

/* Epoch seconds; a fraction keeps its digits: 1763720100.250. */
static int timestamp_to_n(const struct value *v, struct arena *arena, struct attr *ret, struct error *error) {
    char text[48];
    int64_t seconds = value_datetime_epoch(v->u);
    int n = snprintf(text, sizeof(text), "%lld", (long long)seconds);
    if (v->scale > 0) {
        char fraction[8];
        snprintf(fraction, sizeof(fraction), "%06u", value_unpack_datetime(v->u).microsecond % 1000000);
        n = snprintf(text, sizeof(text), "%lld.%.*s", (long long)seconds, (int)MIN(v->scale, 6), fraction);
    }
    *ret = attr_text(ATTR_N, arena, (struct slice){text, (size_t)n});
    return EVALUATE_OK;
}

static int number_to_bool(const struct value *v, struct arena *arena, struct attr *ret, struct error *error) {
    bool set = false;
    struct number n;
    if (v->kind == VALUE_FLOAT)
        set = v->f < 0 || v->f > 0;
    else if (v->kind == VALUE_DOUBLE)
        set = v->d < 0 || v->d > 0;
    else if (v->kind == VALUE_DECIMAL)
        set = number_parse(value_slice(v), &n) && n.count > 0;
    else
        set = v->u != 0; /* i and u share their place */
    *ret = (struct attr){.type = ATTR_BOOL, .boolean = set};
    return EVALUATE_OK;
}

static int to_b(const struct value *v, struct arena *arena, struct attr *ret, struct error *error) {
    size_t skip = v->kind == VALUE_GEOMETRY ? MIN(v->len, 4) : 0; /* the SRID before the WKB */
    *ret = attr_text(ATTR_B, arena, (struct slice){v->data ? v->data + skip : NULL, v->len - skip});
    return EVALUATE_OK;
}

static int geometry_to_s(const struct value *v, struct arena *arena, struct attr *ret, struct error *error) {
    uint32_t srid = geometry_srid(value_slice(v));
    if (srid)
        return error_set(
            error, EVALUATE_POISON,
            "a geometry of SRID %u in an attribute of type S, which holds only those of SRID 0; type B holds all",
            srid);
    defer(buf_deinit) struct buf buf = BUF_SMALL(256, UINT32_MAX);
    if (!geometry_put_wkt(&buf, value_slice(v)) || buf.full)
        return error_set(error, EVALUATE_POISON, "a malformed geometry");
    *ret = attr_text(ATTR_S, arena, buf_slice(&buf));
    return EVALUATE_OK;
}

/* Labels cannot contain a comma (MySQL refuses them), so splitting is exact. */
static int set_to_ss(const struct value *v, struct arena *arena, struct attr *ret, struct error *error) {
    if (v->len == 0)
        return EVALUATE_ABSENT; /* DynamoDB has no empty sets */
    size_t count = 1;
    for (size_t i = 0; i < v->len; i++)
        count += v->data[i] == ',';
    struct attr *elements = arena_zalloc(arena, count * sizeof(*elements));
    const char *p = v->data, *end = p + v->len;
    for (size_t i = 0; i < count; i++) {
        const char *comma = memchr(p, ',', (size_t)(end - p));
        size_t len = comma ? (size_t)(comma - p) : (size_t)(end - p);
        elements[i] = attr_text(ATTR_S, arena, (struct slice){p, len});
        p += len + (comma != NULL);
    }
    *ret = (struct attr){.type = ATTR_SS, .count = (uint32_t)count, .elements = elements};
    return EVALUATE_OK;
}

static int vector_to_l(const struct value *v, struct arena *arena, struct attr *ret, struct error *error) {
    size_t count = v->len / 4;
    struct attr *elements = arena_zalloc(arena, (count + 1) * sizeof(*elements));
    struct cursor c = cursor_of(v->data, v->len);
    for (size_t i = 0; i < count; i++) {
        uint32_t bits = cursor_u32(&c);
        struct value one = {.kind = VALUE_FLOAT};
        memcpy(&one.f, &bits, sizeof(one.f));
        int r = to_n(&one, arena, &elements[i], error);
        if (r)
            return r;
    }
    *ret = (struct attr){.type = ATTR_L, .count = (uint32_t)count, .elements = elements};
    return EVALUATE_OK;
}

/* ---- JSON */

static int json_to_attr(const struct json *json, unsigned depth, struct arena *arena, struct attr *ret,
                        struct error *error);

static int json_children(const struct json *json, unsigned depth, struct arena *arena, struct attr *ret,
                         struct error *error) {
    bool object = json_type(json) == JSON_OBJECT;
    size_t count = json_count(json);
    struct attr *elements = object ? NULL : arena_zalloc(arena, (count + 1) * sizeof(*elements));
    struct attr_member *members = object ? arena_zalloc(arena, (count + 1) * sizeof(*members)) : NULL;
    for (struct json_iter i = json_iter(json); json_next(&i);) {
        struct slice name = json_string(i.key);
        if (object && name.len == 0)
            return error_set(error, EVALUATE_POISON, "JSON with an empty key, which DynamoDB's type M cannot have");
        if (object)
            members[i.index].name = (struct slice){arena_copy(arena, name.data, name.len), name.len};
        int r = json_to_attr(i.value, depth + 1, arena, object ? &members[i.index].value : &elements[i.index], error);
        if (r)
            return r;
    }
    *ret = (struct attr){.type = object ? ATTR_M : ATTR_L, .count = (uint32_t)count};
    if (object)
        ret->members = members;
    else
        ret->elements = elements;
    return EVALUATE_OK;
}

static int json_to_attr(const struct json *json, unsigned depth, struct arena *arena, struct attr *ret,
                        struct error *error) {
    if (depth > ITEM_DEPTH_MAX)
        return error_set(error, EVALUATE_POISON, "JSON of more than %d levels", ITEM_DEPTH_MAX);
    switch (json_type(json)) {
    case JSON_NULL:
        *ret = (struct attr){.type = ATTR_NULL};
        return EVALUATE_OK;
    case JSON_BOOL:
        *ret = (struct attr){.type = ATTR_BOOL, .boolean = json_bool(json)};
        return EVALUATE_OK;
    case JSON_NUMBER:
        return number_text(json_number(json), true, arena, ret, error);
    case JSON_STRING:
        *ret = attr_text(ATTR_S, arena, json_string(json));
        return EVALUATE_OK;
    case JSON_ARRAY:
    case JSON_OBJECT:
        return json_children(json, depth, arena, ret, error);
    }
    return EVALUATE_ABSENT;
}

int attr_from_json(const struct json *json, struct arena *arena, struct attr *ret, struct error *error) {
    return json_to_attr(json, 1, arena, ret, error);
}

static bool json_null(const struct value *v) {
    return v->len == 4 && memcmp(v->data, "null", 4) == 0;
}

static int json_native(enum attr_type want, const struct value *v, struct arena *arena, struct attr *ret,
                       struct error *error) {
    struct json_doc *doc = NULL;
    struct error why;
    if (json_parse(&doc, "value", value_slice(v), &why))
        return error_set(error, EVALUATE_POISON, "not JSON: %s", why.text);
    int r = json_to_attr(json_root(doc), 1, arena, ret, error);
    json_free(doc);
    if (r == EVALUATE_OK && ret->type != want)
        return error_set(error, EVALUATE_POISON, "JSON of type %s in an attribute of type %s",
                         attr_type_name((enum attr_type)ret->type), attr_type_name(want));
    return r;
}

static int json_to_m(const struct value *v, struct arena *arena, struct attr *ret, struct error *error) {
    return json_native(ATTR_M, v, arena, ret, error);
}
static int json_to_l(const struct value *v, struct arena *arena, struct attr *ret, struct error *error) {
    return json_native(ATTR_L, v, arena, ret, error);
}
static int json_to_bool(const struct value *v, struct arena *arena, struct attr *ret, struct error *error) {
    return json_native(ATTR_BOOL, v, arena, ret, error);
}
static int json_to_n(const struct value *v, struct arena *arena, struct attr *ret, struct error *error) {
    return json_native(ATTR_N, v, arena, ret, error);
}

/* ---- the table */

enum { ATTR_TYPES = ATTR_M + 1 };

static convert_function *const conversions[][ATTR_TYPES] = {
    [VALUE_INT] = {[ATTR_S] = to_s, [ATTR_N] = to_n, [ATTR_BOOL] = number_to_bool},
    [VALUE_UINT] = {[ATTR_S] = to_s, [ATTR_N] = to_n, [ATTR_BOOL] = number_to_bool},
    [VALUE_DECIMAL] = {[ATTR_S] = to_s, [ATTR_N] = to_n, [ATTR_BOOL] = number_to_bool},
    [VALUE_FLOAT] = {[ATTR_S] = to_s, [ATTR_N] = to_n, [ATTR_BOOL] = number_to_bool},
    [VALUE_DOUBLE] = {[ATTR_S] = to_s, [ATTR_N] = to_n, [ATTR_BOOL] = number_to_bool},
    [VALUE_TEXT] = {[ATTR_S] = to_s, [ATTR_N] = to_n, [ATTR_B] = to_b},
    [VALUE_BYTES] = {[ATTR_S] = to_s, [ATTR_B] = to_b},
    [VALUE_DATE] = {[ATTR_S] = to_s},
    [VALUE_DATETIME] = {[ATTR_S] = to_s},
    [VALUE_TIMESTAMP] = {[ATTR_S] = to_s, [ATTR_N] = timestamp_to_n},
    [VALUE_TIME] = {[ATTR_S] = to_s},
    [VALUE_ENUM] = {[ATTR_S] = to_s, [ATTR_N] = to_n},
    [VALUE_SET] = {[ATTR_S] = to_s, [ATTR_N] = to_n, [ATTR_SS] = set_to_ss},
    [VALUE_JSON] =
        {[ATTR_S] = to_s, [ATTR_N] = json_to_n, [ATTR_BOOL] = json_to_bool, [ATTR_L] = json_to_l, [ATTR_M] = json_to_m},
    [VALUE_GEOMETRY] = {[ATTR_S] = geometry_to_s, [ATTR_B] = to_b},
    [VALUE_VECTOR] = {[ATTR_S] = to_s, [ATTR_B] = to_b, [ATTR_L] = vector_to_l},
};

/* A date with a zero month or day, or the zero timestamp, is NULL. */
static bool zero_date(const struct value *v) {
    if (v->kind != VALUE_DATE && v->kind != VALUE_DATETIME && v->kind != VALUE_TIMESTAMP)
        return false;
    struct datetime t = value_unpack_datetime(v->u);
    return t.month == 0 || t.day == 0;
}

int attr_from_value(enum attr_type type, const struct value *value, struct arena *arena, struct attr *ret,
                    struct error *error) {
    if (!value_has(value) || zero_date(value) || (value->kind == VALUE_JSON && json_null(value)))
        return EVALUATE_ABSENT;
    if (value->kind >= ARRAY_LEN(conversions) || (size_t)type >= ATTR_TYPES || !conversions[value->kind][type])
        return error_set(error, EVALUATE_POISON, "a value of this kind (%u) has no form as type %s", value->kind,
                         attr_type_name(type));
    return conversions[value->kind][type](value, arena, ret, error);
}

/* ---- what the compiler asks */

static const struct {
    enum value_kind kind; /* VALUE_UNKNOWN: cannot be mapped */
    int natural;          /* in select_columns; -1: none */
} column_types[] = {
    [COLUMN_UNSUPPORTED] = {VALUE_UNKNOWN, -1},
    [COLUMN_INT] = {VALUE_INT, ATTR_N},
    [COLUMN_BIT] = {VALUE_UINT, ATTR_N},
    [COLUMN_YEAR] = {VALUE_UINT, ATTR_N},
    [COLUMN_DECIMAL] = {VALUE_DECIMAL, ATTR_N},
    [COLUMN_FLOAT] = {VALUE_FLOAT, ATTR_N},
    [COLUMN_DOUBLE] = {VALUE_DOUBLE, ATTR_N},
    [COLUMN_TEXT] = {VALUE_TEXT, ATTR_S},
    [COLUMN_BINARY] = {VALUE_BYTES, ATTR_B},
    [COLUMN_ENUM] = {VALUE_ENUM, ATTR_S},
    [COLUMN_SET] = {VALUE_SET, ATTR_S},
    [COLUMN_DATE] = {VALUE_DATE, ATTR_S},
    [COLUMN_TIME] = {VALUE_TIME, ATTR_S},
    [COLUMN_DATETIME] = {VALUE_DATETIME, ATTR_S},
    [COLUMN_TIMESTAMP] = {VALUE_TIMESTAMP, ATTR_S},
    [COLUMN_JSON] = {VALUE_JSON, -1},
    [COLUMN_GEOMETRY] = {VALUE_GEOMETRY, -1},
    [COLUMN_VECTOR] = {VALUE_VECTOR, ATTR_L},
};

bool convert_allowed(enum column_type from, enum attr_type to) {
    return conversions[column_types[from].kind][to] != NULL;
}

const char *convert_choices(enum column_type from, char out[64]) {
    size_t len = 0;
    out[0] = 0;
    for (unsigned t = 0; t < ATTR_TYPES; t++)
        if (convert_allowed(from, (enum attr_type)t) && len < 56)
            len += (size_t)snprintf(out + len, 64 - len, "%s%s", len ? ", " : "", attr_type_name((enum attr_type)t));
    return out;
}

bool convert_natural(enum column_type from, enum attr_type *ret) {
    if (column_types[from].natural < 0)
        return false;
    *ret = (enum attr_type)column_types[from].natural;
    return true;
}

/* ---- JSON text */

static void put_base64(struct buf *buf, struct slice bytes) {
    buf_put_char(buf, '"');
    char *to = buf_reserve(buf, 4 * ((bytes.len + 2) / 3));
    if (to)
        buf->len += base64_encode((const unsigned char *)(bytes.data ? bytes.data : ""), bytes.len, to);
    buf_put_char(buf, '"');
}

static void put_children(struct buf *buf, const struct attr *attr) {
    bool map = attr->type == ATTR_M;
    buf_put_char(buf, map ? '{' : '[');
    for (size_t i = 0; i < attr->count; i++) {
        if (i > 0)
            buf_put_char(buf, ',');
        if (map) {
            json_put_string(buf, attr->members[i].name);
            buf_put_char(buf, ':');
        }
        attr_put_json(buf, map ? &attr->members[i].value : &attr->elements[i]);
    }
    buf_put_char(buf, map ? '}' : ']');
}

void attr_put_json(struct buf *buf, const struct attr *attr) {
    switch ((enum attr_type)attr->type) {
    case ATTR_S:
        json_put_string(buf, attr->text);
        return;
    case ATTR_N:
        buf_put_slice(buf, attr->text);
        return;
    case ATTR_B:
        put_base64(buf, attr->text);
        return;
    case ATTR_BOOL:
        buf_put_text(buf, attr->boolean ? "true" : "false");
        return;
    case ATTR_NULL:
        buf_put_text(buf, "null");
        return;
    case ATTR_SS:
    case ATTR_NS:
    case ATTR_BS:
    case ATTR_L:
    case ATTR_M:
        put_children(buf, attr);
        return;
    }
}
