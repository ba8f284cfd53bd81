/* Decimal arithmetic. Integers that fit stay integers; all else is computed by libmpdec in numbers on the stack. */
#include "contract/arithmetic.h"

#include "contract/contract.h"

#include <math.h>
#include <mpdecimal.h>
#include <stdlib.h>

bool value_is_number(const struct value *v) {
    return v->kind >= VALUE_INT && v->kind <= VALUE_DOUBLE;
}

bool value_is_double(const struct value *v) {
    return v->kind == VALUE_FLOAT || v->kind == VALUE_DOUBLE;
}

double value_to_double(const struct value *v) {
    char text[128];
    size_t len;
    switch ((enum value_kind)v->kind) {
    case VALUE_INT:
        return (double)v->i;
    case VALUE_UINT:
        return (double)v->u;
    case VALUE_FLOAT:
        return (double)v->f;
    case VALUE_DOUBLE:
        return v->d;
    default: /* a decimal: at most 65 digits, sign, point and zeros before it */
        len = MIN(v->len, sizeof(text) - 1);
        memcpy(text, v->data, len);
        text[len] = 0;
        return strtod(text, NULL);
    }
}

/* ---- exact numbers */

/* Products of two numbers of 65 digits, and quotients with digits to round by, stay exact in this. */
enum { WORKING_DIGITS = 200 };

static mpd_context_t working_context(void) {
    mpd_context_t c;
    mpd_maxcontext(&c);
    c.prec = WORKING_DIGITS;
    c.round = MPD_ROUND_DOWN; /* of quotients: what lies above a half stays above it */
    c.traps = 0;
    return c;
}

/* A number whose digits are on the stack. */
#define EXACT(name)                                                                                                    \
    mpd_uint_t name##_data[MPD_MINALLOC_MAX];                                                                          \
    mpd_t name = {MPD_STATIC | MPD_STATIC_DATA, 0, 0, 0, MPD_MINALLOC_MAX, name##_data}

static void exact_of(mpd_t *m, const struct value *v) {
    uint32_t status = 0;
    if (v->kind == VALUE_INT) {
        mpd_qset_i64_exact(m, v->i, &status);
    } else if (v->kind == VALUE_UINT) {
        mpd_qset_u64_exact(m, v->u, &status);
    } else {
        char text[128];
        size_t len = MIN(v->len, sizeof(text) - 1);
        memcpy(text, v->data, len);
        text[len] = 0;
        mpd_qset_string_exact(m, text, &status);
    }
}

static unsigned scale_of(const struct value *v) {
    return v->kind == VALUE_DECIMAL ? v->scale : 0;
}

static int too_many_digits(struct error *error) {
    return error_set(error, EVALUATE_POISON, "a number of more than %d digits", DIGITS_MAX);
}

/* Digits with the point `scale` from their end. */
static void put_scaled(struct buf *text, const char *digits, bool negative, unsigned scale) {
    size_t len = strlen(digits);
    if (negative)
        buf_put_char(text, '-');
    size_t whole = len > scale ? len - scale : 0;
    buf_put(text, whole ? digits : "0", whole ? whole : 1);
    if (scale == 0)
        return;
    buf_put_char(text, '.');
    for (size_t i = len; i < scale; i++)
        buf_put_char(text, '0');
    buf_put(text, digits + whole, len - whole);
}

/* Takes `m`, rounded half away from zero to `scale` digits behind the point; `max` digits in all. */
static int exact_value(mpd_t *m, unsigned scale, int max, struct arena *arena, struct value *ret, struct error *error) {
    mpd_context_t c = working_context();
    uint32_t status = 0;
    c.round = MPD_ROUND_HALF_UP;
    mpd_qrescale(m, m, -(mpd_ssize_t)scale, &c, &status);
    if (!mpd_isfinite(m) || m->digits > max)
        return too_many_digits(error);
    bool negative = mpd_isnegative(m) && !mpd_iszero(m);
    m->exp = 0;
    mpd_set_positive(m);
    char *digits = NULL;
    if (mpd_to_sci_size(&digits, m, 0) < 0)
        abort(); /* no memory */
    defer(buf_deinit) struct buf text = BUF_SMALL(160, 1024);
    put_scaled(&text, digits, negative, scale);
    mpd_free(digits);
    *ret = (struct value){.kind = VALUE_DECIMAL,
                          .scale = (uint8_t)scale,
                          .data = arena_copy(arena, text.data, text.len),
                          .len = (uint32_t)text.len};
    return EVALUATE_OK;
}

/* Both as int64_t; false when one is no such integer. */
static bool small_integers(const struct value *a, const struct value *b, int64_t *x, int64_t *y) {
    bool small = (a->kind == VALUE_INT || (a->kind == VALUE_UINT && a->u <= INT64_MAX)) &&
                 (b->kind == VALUE_INT || (b->kind == VALUE_UINT && b->u <= INT64_MAX));
    *x = a->i; /* i and u share their place */
    *y = b->i;
    return small;
}

static bool compute_integers(char operation, const struct value *a, const struct value *b, struct value *ret) {
    int64_t x, y, result;
    if (!small_integers(a, b, &x, &y))
        return false;
    if (operation == '+'   ? __builtin_add_overflow(x, y, &result)
        : operation == '-' ? __builtin_sub_overflow(x, y, &result)
                           : operation != '*' || __builtin_mul_overflow(x, y, &result))
        return false;
    *ret = (struct value){.kind = VALUE_INT, .i = result};
    return true;
}

static int compute_exact(char operation, const struct value *a, const struct value *b, int max, struct arena *arena,
                         struct value *ret, struct error *error) {
    mpd_context_t c = working_context();
    uint32_t status = 0;
    EXACT(x);
    EXACT(y);
    EXACT(result);
    exact_of(&x, a);
    exact_of(&y, b);
    unsigned scale = MAX(scale_of(a), scale_of(b));
    switch (operation) {
    case '+':
        mpd_qadd(&result, &x, &y, &c, &status);
        break;
    case '-':
        mpd_qsub(&result, &x, &y, &c, &status);
        break;
    case '*':
        scale = scale_of(a) + scale_of(b);
        mpd_qmul(&result, &x, &y, &c, &status);
        break;
    default:
        scale = scale_of(a) + 4;
        mpd_qdiv(&result, &x, &y, &c, &status);
        break;
    }
    return exact_value(&result, scale, max, arena, ret, error);
}

/* ---- doubles */

static int double_value(double d, struct value *ret, struct error *error) {
    if (!isfinite(d))
        return error_set(error, EVALUATE_POISON, "a result beyond the range of DOUBLE");
    *ret = (struct value){.kind = VALUE_DOUBLE, .d = d};
    return EVALUATE_OK;
}

static double compute_doubles(char operation, double a, double b) {
    switch (operation) {
    case '+':
        return a + b;
    case '-':
        return a - b;
    case '*':
        return a * b;
    default:
        return a / b;
    }
}

/* As my_double_round() in the server's sql/item_func.cc. */
static double round_double(double d, int places) {
    double unit = pow(10.0, abs(places));
    if (places < 0)
        return isinf(unit) ? 0.0 : rint(d / unit) * unit;
    return isinf(unit) || isinf(d * unit) ? d : rint(d * unit) / unit;
}

/* ---- both */

static bool is_zero(const struct value *v) {
    static const struct value zero = {.kind = VALUE_INT};
    return number_values_compare(v, &zero) == 0;
}

int number_values_compare(const struct value *a, const struct value *b) {
    int64_t i, j;
    if (small_integers(a, b, &i, &j))
        return (i > j) - (i < j);
    if (value_is_double(a) || value_is_double(b)) {
        double d = value_to_double(a), e = value_to_double(b);
        return (d > e) - (d < e);
    }
    EXACT(x);
    EXACT(y);
    uint32_t status = 0;
    exact_of(&x, a);
    exact_of(&y, b);
    return mpd_qcmp(&x, &y, &status);
}

int number_compute(char operation, const struct value *a, const struct value *b, struct arena *arena, struct value *ret,
                   struct error *error) {
    if (operation == '/' && is_zero(b)) {
        *ret = (struct value){.kind = VALUE_NULL};
        return EVALUATE_OK;
    }
    if (value_is_double(a) || value_is_double(b))
        return double_value(compute_doubles(operation, value_to_double(a), value_to_double(b)), ret, error);
    if (compute_integers(operation, a, b, ret))
        return EVALUATE_OK;
    return compute_exact(operation, a, b, DIGITS_MAX, arena, ret, error);
}

int number_sum(char operation, const struct value *a, const struct value *b, struct arena *arena, struct value *ret,
               struct error *error) {
    return compute_integers(operation, a, b, ret) ? EVALUATE_OK
                                                  : compute_exact(operation, a, b, SUM_DIGITS_MAX, arena, ret, error);
}

int number_round(const struct value *v, int places, bool pad, struct arena *arena, struct value *ret,
                 struct error *error) {
    if (value_is_double(v))
        return double_value(round_double(value_to_double(v), places), ret, error);
    unsigned scale = scale_of(v);
    *ret = *v;
    if (places >= 0 && (pad ? (unsigned)places == scale : (unsigned)places >= scale))
        return EVALUATE_OK;
    mpd_context_t c = working_context();
    uint32_t status = 0;
    EXACT(x);
    exact_of(&x, v);
    c.round = MPD_ROUND_HALF_UP;
    if (places < 0)
        mpd_qrescale(&x, &x, -places, &c, &status);
    return exact_value(&x, places < 0 ? 0 : (unsigned)places, DIGITS_MAX, arena, ret, error);
}

int number_negate(const struct value *v, struct arena *arena, struct value *ret, struct error *error) {
    static const struct value zero = {.kind = VALUE_INT};
    return number_compute('-', &zero, v, arena, ret, error);
}

int number_from_double(const struct value *v, struct arena *arena, struct value *ret, struct error *error) {
    defer(buf_deinit) struct buf text = BUF_SMALL(64, 256);
    value_put_text(&text, v);
    uint32_t status = 0;
    EXACT(x);
    mpd_qset_string_exact(&x, buf_text(&text), &status);
    if (!mpd_isfinite(&x) || x.exp > DIGITS_MAX || x.exp < -200)
        return too_many_digits(error);
    return exact_value(&x, x.exp < 0 ? (unsigned)-x.exp : 0, DIGITS_MAX, arena, ret, error);
}
