/* Functions of transformations. NULL stays NULL: none of them is asked then. */
#include "contract/transform_functions.h"

#include "contract/arithmetic.h"
#include "contract/expr_time.h"
#include "contract/expr_types.h"
#include "src/base/digest.h"
#include "src/base/json.h"

enum { TEXT_MAX = 1 << 20 };

static struct value text_value(struct arena *arena, struct slice s) {
    return (struct value){
        .kind = VALUE_TEXT, .data = arena_copy(arena, s.data ? s.data : "", s.len), .len = (uint32_t)s.len};
}

static const char *wants(struct arena *arena, const char *what, const struct expr *arg) {
    return arena_printf(arena, "this transformation wants %s, not a value of type %s", what,
                        column_type_name(arg->type));
}

/* ---- dates */

static const char *check_date(struct arena *arena, struct expr *e) {
    enum expr_class c = expr_class(e->args[0]);
    e->type = COLUMN_TEXT;
    return c == CLASS_DATE || c == CLASS_ANY ? NULL : wants(arena, "a DATE, DATETIME or TIMESTAMP", e->args[0]);
}

static int eval_date(const struct expr *e, const struct value *args, struct arena *arena, struct value *ret,
                     struct error *error) {
    defer(buf_deinit) struct buf text = BUF_SMALL(128, TEXT_MAX);
    time_format(&text, &args[0], value_slice(&args[1]));
    *ret = text_value(arena, buf_slice(&text));
    return EVALUATE_OK;
}
const struct expr_function transform_date = {"date-format", 2, 2, false, check_date, eval_date};

/* As columns are written, and a DATETIME counts as UTC. */
static int eval_iso8601(const struct expr *e, const struct value *args, struct arena *arena, struct value *ret,
                        struct error *error) {
    defer(buf_deinit) struct buf text = BUF_SMALL(64, 256);
    struct value v = args[0];
    if (v.kind == VALUE_DATETIME)
        v.kind = VALUE_TIMESTAMP;
    value_put_text(&text, &v);
    *ret = text_value(arena, buf_slice(&text));
    return EVALUATE_OK;
}
const struct expr_function transform_iso8601 = {"iso8601", 1, 1, false, check_date, eval_iso8601};

static const char *check_epoch(struct arena *arena, struct expr *e) {
    const char *wrong = check_date(arena, e);
    e->type = COLUMN_INT;
    return wrong;
}

static int eval_epoch(const struct expr *e, const struct value *args, struct arena *arena, struct value *ret,
                      struct error *error) {
    bool milliseconds = args[1].len > 1;
    int64_t seconds = value_datetime_epoch(args[0].u), ms = value_unpack_datetime(args[0].u).microsecond / 1000;
    *ret = (struct value){.kind = VALUE_INT, .i = milliseconds ? seconds * 1000 + ms : seconds};
    return EVALUATE_OK;
}
const struct expr_function transform_epoch = {"epoch", 2, 2, false, check_epoch, eval_epoch};

/* ---- numbers */

static bool take_number(const char **p, unsigned *ret) {
    unsigned n = 0;
    for (; **p >= '0' && **p <= '9' && n <= 1000; (*p)++)
        n = n * 10 + (unsigned)(**p - '0');
    *ret = n;
    return n <= 1000;
}

/* %[flags][width]d or %[flags][width][.places]f behind its percent sign. */
static bool read_conversion(const char *p, struct number_format *f) {
    *f = (struct number_format){.start = p - 1, .places = 6};
    for (;; p++) {
        if (*p == '0')
            f->zeros = true;
        else if (*p == '-')
            f->left = true;
        else if (*p == '+')
            f->plus = true;
        else if (*p == ' ')
            f->space = true;
        else
            break;
    }
    bool point = false, good = take_number(&p, &f->width);
    if (*p == '.') {
        p++;
        point = true;
        good &= take_number(&p, &f->places) && f->places <= 30;
    }
    good &= (*p == 'd' && !point) || *p == 'f';
    if (*p == 'd')
        f->places = 0;
    f->end = p + 1;
    return good;
}

bool number_format_read(const char *pattern, struct number_format *ret) {
    size_t count = 0;
    for (const char *p = pattern; *p; p++) {
        if (*p != '%')
            continue;
        if (p[1] == '%') {
            p++;
            continue;
        }
        if (count++ || !read_conversion(p + 1, ret))
            return false;
        p = ret->end - 1;
    }
    return count == 1;
}

const char *number_format_check(struct arena *arena, const char *pattern) {
    struct number_format f;
    return number_format_read(pattern, &f) ? NULL : "a number's format has one %d or %f, like \"%010d\" or \"%.2f\"";
}

static const char *check_number(struct arena *arena, struct expr *e) {
    enum expr_class c = expr_class(e->args[0]);
    e->type = COLUMN_TEXT;
    return c == CLASS_NUMBER || c == CLASS_ANY ? NULL : wants(arena, "a number", e->args[0]);
}

static void put_repeated(struct buf *out, char c, size_t count) {
    while (count--)
        buf_put_char(out, c);
}

/* Digits with sign, padded to the width. */
static void put_padded(struct buf *out, const struct number_format *f, struct slice digits) {
    bool negative = digits.len && digits.data[0] == '-';
    char sign = negative ? '-' : f->plus ? '+' : f->space ? ' ' : 0;
    if (negative)
        digits = (struct slice){digits.data + 1, digits.len - 1};
    size_t len = digits.len + (sign != 0), pad = f->width > len ? f->width - len : 0;
    if (!f->left && !f->zeros)
        put_repeated(out, ' ', pad);
    if (sign)
        buf_put_char(out, sign);
    if (!f->left && f->zeros)
        put_repeated(out, '0', pad);
    buf_put_slice(out, digits);
    if (f->left)
        put_repeated(out, ' ', pad);
}

static void put_unescaped(struct buf *out, const char *from, const char *to) {
    for (; from < to; from++) {
        buf_put_char(out, *from);
        if (*from == '%')
            from++;
    }
}

/* Half away from zero, doubles by their shortest decimal form. */
static int eval_number(const struct expr *e, const struct value *args, struct arena *arena, struct value *ret,
                       struct error *error) {
    defer(buf_deinit) struct buf text = BUF_SMALL(256, TEXT_MAX);
    const char *pattern = args[1].data;
    struct number_format f;
    struct value exact = args[0];
    if (!number_format_read(pattern, &f))
        return error_set(error, EVALUATE_POISON, "\"%s\" is no number's format", pattern);
    int r = value_is_double(&exact) ? number_from_double(&args[0], arena, &exact, error) : EVALUATE_OK;
    if (r == EVALUATE_OK)
        r = number_round(&exact, (int)f.places, true, arena, &exact, error);
    if (r)
        return r;
    defer(buf_deinit) struct buf digits = BUF_SMALL(128, 1024);
    value_put_text(&digits, &exact);
    put_unescaped(&text, pattern, f.start);
    put_padded(&text, &f, buf_slice(&digits));
    put_unescaped(&text, f.end, pattern + strlen(pattern));
    *ret = text_value(arena, buf_slice(&text));
    return EVALUATE_OK;
}
const struct expr_function transform_number = {"number-format", 2, 2, false, check_number, eval_number};

/* ---- JSON */

static const char *check_json(struct arena *arena, struct expr *e) {
    e->type = COLUMN_JSON;
    return e->args[0]->type == COLUMN_TEXT || expr_class(e->args[0]) == CLASS_ANY ? NULL
                                                                                  : wants(arena, "a text", e->args[0]);
}

static const char *check_json_text(struct arena *arena, struct expr *e) {
    const char *wrong = check_json(arena, e);
    e->type = COLUMN_TEXT;
    return wrong;
}

/* What is no JSON is found where it is written. */
static int eval_json(const struct expr *e, const struct value *args, struct arena *arena, struct value *ret,
                     struct error *error) {
    *ret = args[0];
    ret->kind = VALUE_JSON;
    return EVALUATE_OK;
}
const struct expr_function transform_json = {"json-parse", 1, 1, false, check_json, eval_json};

static void free_doc(struct json_doc **doc) {
    json_free(*doc);
}

static int eval_json_text(const struct expr *e, const struct value *args, struct arena *arena, struct value *ret,
                          struct error *error) {
    defer(free_doc) struct json_doc *doc = NULL;
    struct error why;
    if (json_parse(&doc, "value", value_slice(&args[0]), &why))
        return error_set(error, EVALUATE_POISON, "not JSON: %s", why.text);
    const struct json *root = json_root(doc);
    *ret = (struct value){.kind = VALUE_NULL};
    if (json_type(root) == JSON_NULL)
        return EVALUATE_OK;
    if (json_type(root) != JSON_STRING)
        return error_set(error, EVALUATE_POISON, "JSON that is no string in an attribute of type S");
    *ret = text_value(arena, json_string(root));
    return EVALUATE_OK;
}
const struct expr_function transform_json_text = {"json-parse", 1, 1, false, check_json_text, eval_json_text};

/* ---- masks */

static const char *check_mask(struct arena *arena, struct expr *e) {
    e->type = COLUMN_TEXT;
    return e->args[0]->type == COLUMN_GEOMETRY ? wants(arena, "what can be written as S", e->args[0]) : NULL;
}

static int s_form(const struct value *v, struct arena *arena, struct slice *ret, struct error *error) {
    struct attr a = {0};
    int r = attr_from_value(ATTR_S, v, arena, &a, error);
    *ret = a.text;
    return r;
}

static int eval_hash(const struct expr *e, const struct value *args, struct arena *arena, struct value *ret,
                     struct error *error) {
    unsigned char mac[SHA256_SIZE];
    char hex[SHA256_HEX];
    struct slice text;
    int r = s_form(&args[0], arena, &text, error);
    if (r == EVALUATE_OK) {
        hmac_sha256(value_slice(&args[1]), text, mac);
        hex_encode(mac, sizeof(mac), hex);
        *ret = text_value(arena, slice_of(hex));
    }
    return r;
}
const struct expr_function transform_hash = {"hash", 2, 2, false, check_mask, eval_hash};

static int eval_redact(const struct expr *e, const struct value *args, struct arena *arena, struct value *ret,
                       struct error *error) {
    *ret = text_value(arena, SLICE("***"));
    return EVALUATE_OK;
}
const struct expr_function transform_redact = {"redact", 1, 1, false, check_mask, eval_redact};

enum { LAST = 4, SHORT = 8 };

static int eval_last4(const struct expr *e, const struct value *args, struct arena *arena, struct value *ret,
                      struct error *error) {
    struct slice text;
    int r = s_form(&args[0], arena, &text, error);
    if (r != EVALUATE_OK)
        return r;
    size_t points = 0, from = text.len;
    for (size_t i = text.len; i-- > 0;) {
        bool begins = ((unsigned char)text.data[i] & 0xC0) != 0x80;
        points += begins;
        if (begins && points <= LAST)
            from = i;
    }
    defer(buf_deinit) struct buf out = BUF_SMALL(64, 256);
    buf_put_text(&out, "***");
    if (points >= SHORT)
        buf_put(&out, text.data + from, text.len - from);
    *ret = text_value(arena, buf_slice(&out));
    return EVALUATE_OK;
}
const struct expr_function transform_last4 = {"last4", 1, 1, false, check_mask, eval_last4};
