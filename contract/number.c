/* Decimal numbers as text. Nothing is computed here, so nothing can be rounded. */
#include "contract/number.h"

#include "contract/item.h"

/* Moves over digits and the point; notes the first and last digit that is not zero. */
struct scan {
    int64_t whole;     /* digits before the point */
    int64_t first;     /* index of the first significant digit, counted in digits; -1: none */
    int64_t last;      /* of the last one */
    int64_t seen;      /* digits */
    const char *start; /* the first significant digit */
};

static const char *scan_digits(const char *p, const char *end, struct scan *s) {
    bool point = false;
    *s = (struct scan){.first = -1};
    for (; p < end; p++) {
        if (*p == '.' && !point) {
            point = true;
            continue;
        }
        if (*p < '0' || *p > '9')
            break;
        if (*p != '0') {
            if (s->first < 0) {
                s->first = s->seen;
                s->start = p;
            }
            s->last = s->seen;
        }
        s->seen++;
        if (!point)
            s->whole++;
    }
    return p;
}

/* An exponent with its sign; far too large ones stop growing. False when it has no digits. */
static bool scan_exponent(const char *p, const char *end, int64_t *ret) {
    bool minus = p < end && *p == '-';
    if (p < end && (*p == '-' || *p == '+'))
        p++;
    if (p == end)
        return false;
    int64_t e = 0;
    for (; p < end; p++) {
        if (*p < '0' || *p > '9')
            return false;
        if (e < 1000000000)
            e = e * 10 + (*p - '0');
    }
    *ret = minus ? -e : e;
    return true;
}

bool number_parse(struct slice text, struct number *ret) {
    if (text.len == 0)
        return false;
    const char *p = text.data, *end = p + text.len;
    struct number n = {0};
    if (*p == '-' || *p == '+')
        n.negative = *p++ == '-';
    struct scan s;
    p = scan_digits(p, end, &s);
    if (s.seen == 0)
        return false;
    int64_t exponent = 0;
    if (p < end && ((*p != 'e' && *p != 'E') || !scan_exponent(p + 1, end, &exponent)))
        return false;
    if (s.first >= 0) {
        n.digits = s.start;
        n.count = (size_t)(s.last - s.first + 1);
        n.power = s.whole - 1 - s.first + exponent;
    } else {
        n.negative = false;
    }
    *ret = n;
    return true;
}

/* The i-th significant digit lies one further when the point stands between. */
static char next_digit(const char **p) {
    if (**p == '.')
        (*p)++;
    return *(*p)++;
}

int number_compare(const struct number *a, const struct number *b) {
    int sign_a = a->count ? (a->negative ? -1 : 1) : 0, sign_b = b->count ? (b->negative ? -1 : 1) : 0;
    if (sign_a != sign_b)
        return sign_a < sign_b ? -1 : 1;
    if (sign_a == 0)
        return 0;
    if (a->power != b->power)
        return (a->power < b->power) == (sign_a > 0) ? -1 : 1;
    const char *p = a->digits, *q = b->digits;
    for (size_t i = 0; i < a->count || i < b->count; i++) {
        char x = i < a->count ? next_digit(&p) : '0', y = i < b->count ? next_digit(&q) : '0';
        if (x != y)
            return (x < y) == (sign_a > 0) ? -1 : 1;
    }
    return 0;
}

size_t number_stored_size(struct slice text) {
    struct number n;
    if (!number_parse(text, &n))
        return text.len;
    return 1 + (n.count + 1) / 2 + n.negative;
}

/* Developer Guide, "Data types": 38 digits of precision, 1E-130 to 9.9999999999999999999999999999999999999E+125. */
enum { DIGITS_MAX = 38, POWER_MIN = -130, POWER_MAX = 125, PLAIN_MAX = 40 };

static size_t plain_length(const struct number *n) {
    int64_t digits = (int64_t)n->count, last = n->power - digits + 1;
    int64_t len = n->power < 0 ? 1 + 1 - last : last >= 0 ? n->power + 1 : digits + 1;
    return (size_t)(len + n->negative);
}

static void put_plain(struct buf *ret, const struct number *n) {
    const char *p = n->digits;
    if (n->power < 0) {
        buf_put_text(ret, "0.");
        for (int64_t i = -1; i > n->power; i--)
            buf_put_char(ret, '0');
    }
    for (size_t i = 0; i < n->count; i++) {
        if (n->power >= 0 && (int64_t)i == n->power + 1)
            buf_put_char(ret, '.');
        buf_put_char(ret, next_digit(&p));
    }
    for (int64_t i = (int64_t)n->count; i <= n->power; i++)
        buf_put_char(ret, '0');
}

static void put_exponent(struct buf *ret, const struct number *n) {
    const char *p = n->digits;
    for (size_t i = 0; i < n->count; i++) {
        if (i == 1)
            buf_put_char(ret, '.');
        buf_put_char(ret, next_digit(&p));
    }
    buf_printf(ret, "E%+lld", (long long)n->power);
}

bool number_normalise(struct slice text, struct buf *ret) {
    struct number n;
    if (!number_parse(text, &n))
        return false;
    if (n.count == 0) {
        buf_put_char(ret, '0');
        return true;
    }
    if (n.count > DIGITS_MAX || n.power < POWER_MIN || n.power > POWER_MAX)
        return false;
    if (n.negative)
        buf_put_char(ret, '-');
    if (plain_length(&n) <= PLAIN_MAX)
        put_plain(ret, &n);
    else
        put_exponent(ret, &n);
    return true;
}
