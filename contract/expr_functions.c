/* Functions of expressions. Texts are UTF-8, positions count code points; results that no item could hold are poison. */
#include "contract/expr_functions.h"

#include "contract/arithmetic.h"
#include "contract/expr_time.h"
#include "contract/expr_types.h"

#include <locale.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <wctype.h>

enum { TEXT_MAX = 1 << 20 }; /* more than any item may hold */

static struct value text_value(struct slice s) {
    return (struct value){.kind = VALUE_TEXT, .data = s.data ? s.data : "", .len = (uint32_t)s.len};
}

static int take_text(struct buf *text, struct arena *arena, struct value *ret, struct error *error) {
    if (text->full)
        return error_set(error, EVALUATE_POISON, "a text of more than %d bytes", TEXT_MAX);
    *ret = text_value((struct slice){arena_copy(arena, text->len ? text->data : "", text->len), text->len});
    return EVALUATE_OK;
}

int expr_text(const struct value *v, struct arena *arena, struct slice *ret, struct error *error) {
    *ret = value_slice(v);
    if (v->kind == VALUE_TEXT || v->kind == VALUE_DECIMAL || v->kind == VALUE_ENUM || v->kind == VALUE_SET)
        return EVALUATE_OK;
    defer(buf_deinit) struct buf text = BUF_SMALL(64, 256);
    value_put_text(&text, v);
    if (v->kind == VALUE_TIMESTAMP && text.len)
        text.len--; /* Z */
    char *t = text.len ? memchr(text.data, 'T', text.len) : NULL;
    if (t)
        *t = ' ';
    *ret = (struct slice){arena_copy(arena, text.data, text.len), text.len};
    return EVALUATE_OK;
}

/* ---- types */

static const char *wants(struct arena *arena, const struct expr *e, const char *what, const struct expr *arg) {
    return arena_printf(arena, "%s wants %s, not a value of type %s", e->function->name, what,
                        column_type_name(arg->type));
}

/* A number; a text literal that is one becomes one. */
static const char *number_argument(struct arena *arena, const struct expr *e, struct expr *arg) {
    static const struct expr number = {.type = COLUMN_DECIMAL};
    struct expr like = number;
    const char *wrong = arg->kind == EXPR_LITERAL ? expr_comparable(arena, arg, &like) : NULL;
    if (wrong)
        return wrong;
    enum expr_class c = expr_class(arg);
    return c == CLASS_NUMBER || c == CLASS_ANY ? NULL : wants(arena, e, "a number", arg);
}

static const char *text_argument(struct arena *arena, const struct expr *e, const struct expr *arg) {
    enum expr_class c = expr_class(arg);
    return c == CLASS_BYTES || c == CLASS_OPAQUE ? wants(arena, e, "a text", arg) : NULL;
}

static bool has_double(const struct expr *e) {
    for (size_t i = 0; i < e->arg_count; i++)
        if (e->args[i]->type == COLUMN_FLOAT || e->args[i]->type == COLUMN_DOUBLE)
            return true;
    return false;
}

static const char *check_arithmetic(struct arena *arena, struct expr *e) {
    for (size_t i = 0; i < e->arg_count; i++) {
        const char *wrong = number_argument(arena, e, e->args[i]);
        if (wrong)
            return wrong;
    }
    unsigned a = e->args[0]->digits, b = e->arg_count > 1 ? e->args[1]->digits : 0, digits = MAX(a, b);
    char operation = e->function->name[0];
    if (operation == '*')
        digits = a + b;
    else if (operation == '/')
        digits = a + 4;
    e->digits = has_double(e) ? 0 : (uint8_t)MIN(digits, 255u);
    bool whole =
        digits == 0 && e->args[0]->type != COLUMN_DECIMAL && (e->arg_count < 2 || e->args[1]->type != COLUMN_DECIMAL);
    e->type = has_double(e) ? COLUMN_DOUBLE : whole ? COLUMN_INT : COLUMN_DECIMAL;
    return digits > DIGITS_MAX
               ? arena_printf(arena, "this has %u digits behind the point; at most %d are possible", digits, DIGITS_MAX)
               : NULL;
}

static const char *check_round(struct arena *arena, struct expr *e) {
    const char *wrong = number_argument(arena, e, e->args[0]);
    if (wrong)
        return wrong;
    const struct expr *places = e->arg_count > 1 ? e->args[1] : NULL;
    if (places && (places->kind != EXPR_LITERAL || places->literal.kind != VALUE_INT ||
                   places->literal.i < -DIGITS_MAX || places->literal.i > 30))
        return "ROUND wants a whole number from -65 to 30 as its number of digits";
    int64_t digits = places ? places->literal.i : 0;
    e->type = has_double(e) ? COLUMN_DOUBLE : e->args[0]->type == COLUMN_DECIMAL ? COLUMN_DECIMAL : COLUMN_INT;
    e->digits = (uint8_t)(digits < 0 ? 0 : MIN((int64_t)e->args[0]->digits, digits));
    return NULL;
}

/* The first `texts` arguments are texts, the others numbers. */
static const char *check_mixed(struct arena *arena, struct expr *e, size_t texts, enum column_type type) {
    for (size_t i = 0; i < e->arg_count; i++) {
        const char *wrong = i < texts ? text_argument(arena, e, e->args[i]) : number_argument(arena, e, e->args[i]);
        if (wrong)
            return wrong;
    }
    e->type = type;
    return NULL;
}

static const char *check_texts(struct arena *arena, struct expr *e) {
    return check_mixed(arena, e, SIZE_MAX, COLUMN_TEXT);
}

static const char *check_substring(struct arena *arena, struct expr *e) {
    return check_mixed(arena, e, 1, COLUMN_TEXT);
}

static const char *check_lpad(struct arena *arena, struct expr *e) {
    struct expr *order[] = {e->args[0], e->args[2], e->args[1]};
    struct expr sorted = *e;
    sorted.args = order;
    e->type = COLUMN_TEXT;
    return check_mixed(arena, &sorted, 2, COLUMN_TEXT);
}

static const char *check_length(struct arena *arena, struct expr *e) {
    e->type = COLUMN_INT;
    return expr_class(e->args[0]) == CLASS_BYTES ? NULL : text_argument(arena, e, e->args[0]);
}

static const char *date_argument(struct arena *arena, struct expr *e) {
    struct expr like = {.type = COLUMN_DATETIME};
    const char *wrong = e->args[0]->kind == EXPR_LITERAL ? expr_comparable(arena, e->args[0], &like) : NULL;
    enum expr_class c = expr_class(e->args[0]);
    if (!wrong && c != CLASS_DATE && c != CLASS_ANY)
        wrong = wants(arena, e, "a DATE, DATETIME or TIMESTAMP", e->args[0]);
    return wrong;
}

static const char *check_date_format(struct arena *arena, struct expr *e) {
    const struct expr *format = e->args[1];
    e->type = COLUMN_TEXT;
    if (format->kind != EXPR_LITERAL || format->literal.kind != VALUE_TEXT)
        return "DATE_FORMAT wants its pattern as a text, like '%Y-%m-%d'";
    const char *wrong = date_argument(arena, e);
    return wrong ? wrong : time_format_check(arena, value_slice(&format->literal));
}

static const char *check_unix_timestamp(struct arena *arena, struct expr *e) {
    const char *wrong = date_argument(arena, e);
    e->digits = e->args[0]->digits;
    e->type = e->digits ? COLUMN_DECIMAL : COLUMN_INT;
    return wrong;
}

/* ---- numbers */

static int eval_arithmetic(const struct expr *e, const struct value *args, struct arena *arena, struct value *ret,
                           struct error *error) {
    return number_compute(e->function->name[0], &args[0], &args[1], arena, ret, error);
}

static int eval_negative(const struct expr *e, const struct value *args, struct arena *arena, struct value *ret,
                         struct error *error) {
    return number_negate(&args[0], arena, ret, error);
}

static int eval_abs(const struct expr *e, const struct value *args, struct arena *arena, struct value *ret,
                    struct error *error) {
    static const struct value zero = {.kind = VALUE_INT};
    *ret = args[0];
    if (args[0].kind == VALUE_FLOAT)
        return number_round(&args[0], 30, false, arena, ret, error); /* widened */
    return number_values_compare(&args[0], &zero) < 0 ? number_negate(&args[0], arena, ret, error) : EVALUATE_OK;
}

static int eval_round(const struct expr *e, const struct value *args, struct arena *arena, struct value *ret,
                      struct error *error) {
    return number_round(&args[0], e->arg_count > 1 ? (int)args[1].i : 0, false, arena, ret, error);
}

/* A position or length: rounded, and kept within what a text can have. */
static int whole_number(const struct value *v, struct arena *arena, int64_t *ret, struct error *error) {
    static const struct value high = {.kind = VALUE_INT, .i = INT32_MAX}, low = {.kind = VALUE_INT, .i = -INT32_MAX};
    struct value rounded;
    int r = number_round(v, 0, false, arena, &rounded, error);
    if (r)
        return r;
    if (number_values_compare(&rounded, &high) >= 0)
        *ret = INT32_MAX;
    else if (number_values_compare(&rounded, &low) <= 0)
        *ret = -INT32_MAX;
    else
        *ret = (int64_t)value_to_double(&rounded);
    return EVALUATE_OK;
}

/* ---- texts */

static bool continues(char c) {
    return ((unsigned char)c & 0xC0) == 0x80;
}

static size_t count_points(struct slice s) {
    size_t n = 0;
    for (size_t i = 0; i < s.len; i++)
        n += !continues(s.data[i]);
    return n;
}

/* Bytes of the first `points` code points. */
static size_t bytes_of_points(struct slice s, size_t points) {
    size_t i = 0;
    while (i < s.len && (points || continues(s.data[i])))
        points -= !continues(s.data[i++]);
    return i;
}

static int texts_of(const struct value *args, size_t count, struct arena *arena, struct slice *ret,
                    struct error *error) {
    for (size_t i = 0; i < count; i++) {
        int r = expr_text(&args[i], arena, &ret[i], error);
        if (r)
            return r;
    }
    return EVALUATE_OK;
}

static int eval_concat(const struct expr *e, const struct value *args, struct arena *arena, struct value *ret,
                       struct error *error) {
    defer(buf_deinit) struct buf text = BUF_SMALL(256, TEXT_MAX);
    for (size_t i = 0; i < e->arg_count; i++) {
        struct slice part;
        int r = expr_text(&args[i], arena, &part, error);
        if (r)
            return r;
        buf_put_slice(&text, part);
    }
    return take_text(&text, arena, ret, error);
}

static int eval_concat_ws(const struct expr *e, const struct value *args, struct arena *arena, struct value *ret,
                          struct error *error) {
    defer(buf_deinit) struct buf text = BUF_SMALL(256, TEXT_MAX);
    struct slice separator, part;
    *ret = (struct value){.kind = VALUE_NULL};
    if (!value_has(&args[0]))
        return EVALUATE_OK;
    int r = expr_text(&args[0], arena, &separator, error);
    bool any = false;
    for (size_t i = 1; r == 0 && i < e->arg_count; i++) {
        if (!value_has(&args[i]))
            continue;
        r = expr_text(&args[i], arena, &part, error);
        if (any)
            buf_put_slice(&text, separator);
        if (r == 0)
            buf_put_slice(&text, part);
        any = true;
    }
    return r ? r : take_text(&text, arena, ret, error);
}

static locale_t letters;
static pthread_once_t letters_once = PTHREAD_ONCE_INIT;

static void open_letters(void) {
    letters = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
    if (!letters) { /* glibc before 2.35 without its locale files */
        fprintf(stderr, "leat: the C library lacks the locale C.UTF-8\n");
        abort();
    }
}

static uint32_t read_point(const char **p, const char *end) {
    unsigned char c = (unsigned char)*(*p)++;
    unsigned more = c < 0xC0 ? 0 : c < 0xE0 ? 1 : c < 0xF0 ? 2 : 3;
    uint32_t point = more ? c & (0x3Fu >> more) : c;
    for (; more && *p < end && continues(**p); more--)
        point = point << 6 | ((unsigned char)*(*p)++ & 0x3F);
    return point;
}

static void put_point(struct buf *out, uint32_t c) {
    if (c < 0x80) {
        buf_put_char(out, (char)c);
        return;
    }
    unsigned more = c < 0x800 ? 1 : c < 0x10000 ? 2 : 3;
    static const unsigned char first[] = {0, 0xC0, 0xE0, 0xF0};
    buf_put_char(out, (char)(first[more] | c >> (6 * more)));
    while (more--)
        buf_put_char(out, (char)(0x80 | (c >> (6 * more) & 0x3F)));
}

/* One code point to one, as Unicode has it. */
static int eval_letters(const struct expr *e, const struct value *args, struct arena *arena, struct value *ret,
                        struct error *error) {
    defer(buf_deinit) struct buf text = BUF_SMALL(256, TEXT_MAX);
    bool upper = e->function->name[0] == 'U';
    struct slice s;
    int r = expr_text(&args[0], arena, &s, error);
    if (r)
        return r;
    pthread_once(&letters_once, open_letters);
    for (const char *p = s.data, *end = s.data + s.len; p < end;) {
        uint32_t c = read_point(&p, end);
        put_point(&text, (uint32_t)(upper ? towupper_l((wint_t)c, letters) : towlower_l((wint_t)c, letters)));
    }
    return take_text(&text, arena, ret, error);
}

enum { TRIM_LEFT = 1, TRIM_RIGHT = 2 };

static int trim(const struct expr *e, const struct value *args, int sides, struct arena *arena, struct value *ret,
                struct error *error) {
    struct slice s[2] = {{0}, SLICE(" ")};
    int r = texts_of(args, e->arg_count, arena, s, error);
    if (r)
        return r;
    struct slice t = s[0], what = s[1];
    while ((sides & TRIM_LEFT) && what.len && t.len >= what.len && memcmp(t.data, what.data, what.len) == 0)
        t = (struct slice){t.data + what.len, t.len - what.len};
    while ((sides & TRIM_RIGHT) && what.len && t.len >= what.len &&
           memcmp(t.data + t.len - what.len, what.data, what.len) == 0)
        t.len -= what.len;
    *ret = text_value(t);
    return EVALUATE_OK;
}

static int eval_trim(const struct expr *e, const struct value *args, struct arena *arena, struct value *ret,
                     struct error *error) {
    return trim(e, args, TRIM_LEFT | TRIM_RIGHT, arena, ret, error);
}

static int eval_trim_leading(const struct expr *e, const struct value *args, struct arena *arena, struct value *ret,
                             struct error *error) {
    return trim(e, args, TRIM_LEFT, arena, ret, error);
}

static int eval_trim_trailing(const struct expr *e, const struct value *args, struct arena *arena, struct value *ret,
                              struct error *error) {
    return trim(e, args, TRIM_RIGHT, arena, ret, error);
}

/* Positions from 1; negative ones count from the end; 0 is nowhere. */
static int eval_substring(const struct expr *e, const struct value *args, struct arena *arena, struct value *ret,
                          struct error *error) {
    struct slice s;
    int64_t position, length = INT32_MAX;
    int r = expr_text(&args[0], arena, &s, error);
    if (r == 0)
        r = whole_number(&args[1], arena, &position, error);
    if (r == 0 && e->arg_count > 2)
        r = whole_number(&args[2], arena, &length, error);
    if (r)
        return r;
    int64_t count = (int64_t)count_points(s);
    int64_t start = position > 0 ? position - 1 : count + position;
    *ret = text_value((struct slice){0});
    if (position == 0 || start < 0 || start >= count || length <= 0)
        return EVALUATE_OK;
    size_t begin = bytes_of_points(s, (size_t)start);
    struct slice rest = {s.data + begin, s.len - begin};
    *ret = text_value((struct slice){rest.data, bytes_of_points(rest, (size_t)length)});
    return EVALUATE_OK;
}

static int eval_lpad(const struct expr *e, const struct value *args, struct arena *arena, struct value *ret,
                     struct error *error) {
    defer(buf_deinit) struct buf text = BUF_SMALL(256, TEXT_MAX);
    struct slice s, pad;
    int64_t length;
    int r = expr_text(&args[0], arena, &s, error);
    if (r == 0)
        r = whole_number(&args[1], arena, &length, error);
    if (r == 0)
        r = expr_text(&args[2], arena, &pad, error);
    if (r)
        return r;
    int64_t count = (int64_t)count_points(s), pads = (int64_t)count_points(pad);
    *ret = (struct value){.kind = VALUE_NULL};
    if (length < 0)
        return EVALUATE_OK;
    if (length <= count || pads == 0) {
        *ret = text_value((struct slice){s.data, bytes_of_points(s, (size_t)length)});
        return EVALUATE_OK;
    }
    for (int64_t left = length - count; left > 0 && !text.full; left -= pads)
        buf_put(&text, pad.data, bytes_of_points(pad, (size_t)MIN(left, pads)));
    buf_put_slice(&text, s);
    return take_text(&text, arena, ret, error);
}

static int eval_length(const struct expr *e, const struct value *args, struct arena *arena, struct value *ret,
                       struct error *error) {
    struct slice s = value_slice(&args[0]);
    int r = args[0].kind == VALUE_BYTES ? EVALUATE_OK : expr_text(&args[0], arena, &s, error);
    bool points = e->function->name[0] == 'C' && args[0].kind != VALUE_BYTES;
    *ret = (struct value){.kind = VALUE_INT, .i = (int64_t)(points ? count_points(s) : s.len)};
    return r;
}

/* ---- times */

static int eval_date_format(const struct expr *e, const struct value *args, struct arena *arena, struct value *ret,
                            struct error *error) {
    defer(buf_deinit) struct buf text = BUF_SMALL(128, TEXT_MAX);
    time_format(&text, &args[0], value_slice(&args[1]));
    return take_text(&text, arena, ret, error);
}

static int eval_unix_timestamp(const struct expr *e, const struct value *args, struct arena *arena, struct value *ret,
                               struct error *error) {
    *ret = time_unix(&args[0], arena);
    return EVALUATE_OK;
}

/* ---- the table */

static const struct expr_function functions[] = {
    {"+", 2, 2, false, check_arithmetic, eval_arithmetic},
    {"-", 2, 2, false, check_arithmetic, eval_arithmetic},
    {"*", 2, 2, false, check_arithmetic, eval_arithmetic},
    {"/", 2, 2, false, check_arithmetic, eval_arithmetic},
    {"- (negative)", 1, 1, false, check_arithmetic, eval_negative},
    {"TRIM LEADING", 1, 2, false, check_texts, eval_trim_leading},
    {"TRIM TRAILING", 1, 2, false, check_texts, eval_trim_trailing},
    {"ABS", 1, 1, false, check_arithmetic, eval_abs},
    {"CHAR_LENGTH", 1, 1, false, check_length, eval_length},
    {"CONCAT", 1, FUNCTION_ARGS_MAX, false, check_texts, eval_concat},
    {"CONCAT_WS", 2, FUNCTION_ARGS_MAX, true, check_texts, eval_concat_ws},
    {"DATE_FORMAT", 2, 2, false, check_date_format, eval_date_format},
    {"LENGTH", 1, 1, false, check_length, eval_length},
    {"LOWER", 1, 1, false, check_texts, eval_letters},
    {"LPAD", 3, 3, false, check_lpad, eval_lpad},
    {"ROUND", 1, 2, false, check_round, eval_round},
    {"SUBSTRING", 2, 3, false, check_substring, eval_substring},
    {"TRIM", 1, 2, false, check_texts, eval_trim},
    {"UNIX_TIMESTAMP", 1, 1, false, check_unix_timestamp, eval_unix_timestamp},
    {"UPPER", 1, 1, false, check_texts, eval_letters},
};

const struct expr_function *expr_function(const char *name) {
    for (size_t i = 0; i < ARRAY_LEN(functions); i++)
        if (strcasecmp(functions[i].name, name) == 0)
            return &functions[i];
    return NULL;
}

const char *const *expr_function_names(size_t *ret_count) {
    /* those above, and the ones that are forms of CASE (expr_parse.c) */
    static const char *const names[] = {
        "ABS",   "CHAR_LENGTH", "COALESCE", "CONCAT",         "CONCAT_WS", "DATE_FORMAT",
        "IF",    "IFNULL",      "LENGTH",   "LOWER",          "LPAD",      "NULLIF",
        "ROUND", "SUBSTRING",   "TRIM",     "UNIX_TIMESTAMP", "UPPER"};
    *ret_count = ARRAY_LEN(names);
    return names;
}
