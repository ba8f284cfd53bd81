/* Times in expressions. The week rules are those of MySQL's WEEK() (sql-common/my_time.cc, calc_week). */
#include "contract/expr_time.h"

#include <stddef.h>
#include <stdio.h>

/* ---- literals */

static bool take_digits(const char **p, unsigned max, unsigned *ret) {
    unsigned n = 0, count = 0;
    for (; **p >= '0' && **p <= '9' && count < max; (*p)++, count++)
        n = n * 10 + (unsigned)(**p - '0');
    *ret = n;
    return count > 0;
}

static bool take_char(const char **p, char c) {
    if (**p != c)
        return false;
    (*p)++;
    return true;
}

/* .ffffff: digits and their value in microseconds. */
static bool take_fraction(const char **p, unsigned *microsecond, unsigned *digits) {
    *microsecond = *digits = 0;
    if (!take_char(p, '.'))
        return true;
    unsigned unit = 100000;
    for (; **p >= '0' && **p <= '9' && *digits < 6; (*p)++, (*digits)++, unit /= 10)
        *microsecond += (unsigned)(**p - '0') * unit;
    return *digits > 0;
}

static unsigned days_of_month(unsigned year, unsigned month) {
    static const unsigned char days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return month == 2 && leap ? 29 : days[month - 1];
}

static bool parse_datetime(const char *p, struct datetime *t, unsigned *digits) {
    *t = (struct datetime){0};
    *digits = 0;
    if (!take_digits(&p, 4, &t->year) || !take_char(&p, '-') || !take_digits(&p, 2, &t->month) || !take_char(&p, '-') ||
        !take_digits(&p, 2, &t->day))
        return false;
    if (*p == ' ' || *p == 'T') {
        p++;
        if (!take_digits(&p, 2, &t->hour) || !take_char(&p, ':') || !take_digits(&p, 2, &t->minute))
            return false;
        if (take_char(&p, ':') && (!take_digits(&p, 2, &t->second) || !take_fraction(&p, &t->microsecond, digits)))
            return false;
    }
    return *p == 0 && t->month >= 1 && t->month <= 12 && t->day >= 1 && t->day <= days_of_month(t->year, t->month) &&
           t->hour < 24 && t->minute < 60 && t->second < 60;
}

static bool parse_time(const char *p, int64_t *us, unsigned *digits) {
    unsigned hour, minute, second = 0, microsecond = 0;
    *digits = 0;
    bool negative = take_char(&p, '-');
    if (!take_digits(&p, 3, &hour) || !take_char(&p, ':') || !take_digits(&p, 2, &minute))
        return false;
    if (take_char(&p, ':') && (!take_digits(&p, 2, &second) || !take_fraction(&p, &microsecond, digits)))
        return false;
    *us = ((int64_t)hour * 3600 + minute * 60 + second) * 1000000 + microsecond;
    if (negative)
        *us = -*us;
    return *p == 0 && hour <= 838 && minute < 60 && second < 60;
}

const char *time_literal(struct arena *arena, struct expr *e, bool time_of_day) {
    const char *text = arena_strndup(arena, e->literal.data, e->literal.len);
    unsigned digits;
    int64_t us;
    struct datetime t;
    if (time_of_day ? !parse_time(text, &us, &digits) : !parse_datetime(text, &t, &digits))
        return arena_printf(arena, "'%s' is no %s: write %s", text, time_of_day ? "TIME" : "DATETIME",
                            time_of_day ? "'HH:MM:SS'" : "'YYYY-MM-DD HH:MM:SS'");
    e->type = time_of_day ? COLUMN_TIME : COLUMN_DATETIME;
    e->digits = (uint8_t)digits;
    e->literal = (struct value){.kind = time_of_day ? VALUE_TIME : VALUE_DATETIME, .scale = (uint8_t)digits};
    if (time_of_day)
        e->literal.i = us;
    else
        e->literal.u = value_pack_datetime(&t);
    return NULL;
}

/* ---- the calendar */

/* Days since the year 0, of the Gregorian calendar; 0000-03-01 is day 60. */
static int64_t day_number(unsigned year, unsigned month, unsigned day) {
    int64_t y = (int64_t)year - (month <= 2), m = month <= 2 ? month + 9 : month - 3;
    return 365 * y + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + day + 59;
}

/* Monday is 0. */
static unsigned weekday(const struct datetime *t) {
    return (unsigned)((day_number(t->year, t->month, t->day) + 5) % 7);
}

static unsigned day_of_year(const struct datetime *t) {
    return (unsigned)(day_number(t->year, t->month, t->day) - day_number(t->year, 1, 1) + 1);
}

static unsigned days_of_year(unsigned year) {
    return (unsigned)(day_number(year, 12, 31) - day_number(year, 1, 1) + 1);
}

enum { MONDAY_FIRST = 1, WEEK_OF_YEAR = 2, FIRST_FULL = 4 };

/* The week of the year by MySQL's modes; *year is the year to which the week belongs. Without WEEK_OF_YEAR days before the first week
 * are in week 0. */
static unsigned week(const struct datetime *t, unsigned mode, unsigned *year) {
    bool sunday = !(mode & MONDAY_FIRST), of_year = mode & WEEK_OF_YEAR, full = mode & FIRST_FULL;
    int64_t day = day_number(t->year, t->month, t->day), first = day_number(t->year, 1, 1);
    unsigned start = (unsigned)((first + 5 + sunday) % 7); /* of the year's first day */
    *year = t->year;
    if (t->month == 1 && t->day <= 7 - start && ((full && start != 0) || (!full && start >= 4))) {
        if (!of_year)
            return 0;
        of_year = true;
        (*year)--;
        unsigned days = days_of_year(*year);
        first -= days;
        start = (start + 53 * 7 - days) % 7;
    }
    int64_t since = (full && start != 0) || (!full && start >= 4) ? day - (first + (7 - start)) : day - (first - start);
    if (of_year && since >= 52 * 7) {
        start = (start + days_of_year(*year)) % 7;
        if ((!full && start < 4) || (full && start == 0)) {
            (*year)++;
            return 1;
        }
    }
    return (unsigned)(since / 7 + 1);
}

/* ---- DATE_FORMAT */

static const char *const months[] = {"January", "February", "March",     "April",   "May",      "June",
                                     "July",    "August",   "September", "October", "November", "December"};
static const char *const days[] = {"Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"};

static const char *ordinal(unsigned day) {
    if (day >= 10 && day <= 19)
        return "th";
    return day % 10 == 1 ? "st" : day % 10 == 2 ? "nd" : day % 10 == 3 ? "rd" : "th";
}

static void put_clock(struct buf *out, const struct datetime *t, unsigned hour) {
    buf_put_digits(out, hour, 2);
    buf_put_char(out, ':');
    buf_put_digits(out, t->minute, 2);
    buf_put_char(out, ':');
    buf_put_digits(out, t->second, 2);
}

static unsigned twelve_hours(const struct datetime *t) {
    return (t->hour + 11) % 12 + 1;
}

static unsigned weekday_from_sunday(const struct datetime *t) {
    return (weekday(t) + 1) % 7;
}

static unsigned short_year(const struct datetime *t) {
    return t->year % 100;
}

#define WEEK(name, mode)                                                                                               \
    static unsigned name(const struct datetime *t) {                                                                   \
        unsigned year;                                                                                                 \
        return week(t, mode, &year);                                                                                   \
    }
WEEK(week_U, FIRST_FULL)
WEEK(week_u, MONDAY_FIRST)
WEEK(week_V, WEEK_OF_YEAR | FIRST_FULL)
WEEK(week_v, WEEK_OF_YEAR | MONDAY_FIRST)

static unsigned year_of_week_V(const struct datetime *t) {
    unsigned year;
    (void)week(t, WEEK_OF_YEAR | FIRST_FULL, &year);
    return year;
}

static unsigned year_of_week_v(const struct datetime *t) {
    unsigned year;
    (void)week(t, WEEK_OF_YEAR | MONDAY_FIRST, &year);
    return year;
}

/* Letters that are numbers, with the digits they have at least. */
#define FIELD(name) offsetof(struct datetime, name), NULL
#define COMPUTED(function) 0, function
static const struct {
    char letter;
    unsigned char width;
    size_t field;
    unsigned (*compute)(const struct datetime *t);
} numbers[] = {
    {'c', 1, FIELD(month)},
    {'d', 2, FIELD(day)},
    {'e', 1, FIELD(day)},
    {'f', 6, FIELD(microsecond)},
    {'H', 2, FIELD(hour)},
    {'h', 2, COMPUTED(twelve_hours)},
    {'I', 2, COMPUTED(twelve_hours)},
    {'i', 2, FIELD(minute)},
    {'j', 3, COMPUTED(day_of_year)},
    {'k', 1, FIELD(hour)},
    {'l', 1, COMPUTED(twelve_hours)},
    {'m', 2, FIELD(month)},
    {'S', 2, FIELD(second)},
    {'s', 2, FIELD(second)},
    {'U', 2, COMPUTED(week_U)},
    {'u', 2, COMPUTED(week_u)},
    {'V', 2, COMPUTED(week_V)},
    {'v', 2, COMPUTED(week_v)},
    {'w', 1, COMPUTED(weekday_from_sunday)},
    {'X', 4, COMPUTED(year_of_week_V)},
    {'x', 4, COMPUTED(year_of_week_v)},
    {'Y', 4, FIELD(year)},
    {'y', 2, COMPUTED(short_year)},
};

static bool put_number(struct buf *out, const struct datetime *t, char letter) {
    for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
        if (numbers[i].letter != letter)
            continue;
        unsigned v;
        if (numbers[i].compute)
            v = numbers[i].compute(t);
        else
            memcpy(&v, (const char *)t + numbers[i].field, sizeof(v));
        buf_put_digits(out, v, numbers[i].width);
        return true;
    }
    return false;
}

static void put_letter(struct buf *out, const struct datetime *t, char letter) {
    switch (letter) {
    case 'a':
        buf_put(out, days[weekday(t)], 3);
        break;
    case 'b':
        buf_put(out, months[t->month - 1], 3);
        break;
    case 'D':
        buf_put_digits(out, t->day, 1);
        buf_put_text(out, ordinal(t->day));
        break;
    case 'M':
        buf_put_text(out, months[t->month - 1]);
        break;
    case 'p':
        buf_put_text(out, t->hour < 12 ? "AM" : "PM");
        break;
    case 'r':
        put_clock(out, t, twelve_hours(t));
        buf_put_text(out, t->hour < 12 ? " AM" : " PM");
        break;
    case 'T':
        put_clock(out, t, t->hour);
        break;
    case '3': /* of transformations: milliseconds */
        buf_put_digits(out, t->microsecond / 1000, 3);
        break;
    case 'W':
        buf_put_text(out, days[weekday(t)]);
        break;
    default:
        if (!put_number(out, t, letter))
            buf_put_char(out, letter); /* itself */
        break;
    }
}

void time_format(struct buf *out, const struct value *v, struct slice format) {
    struct datetime t = value_unpack_datetime(v->u);
    for (size_t i = 0; i < format.len; i++) {
        if (format.data[i] == '%' && i + 1 < format.len)
            put_letter(out, &t, format.data[++i]);
        else
            buf_put_char(out, format.data[i]);
    }
}

const char *time_format_check(struct arena *arena, struct slice format) {
    for (size_t i = 0; i < format.len; i++)
        if (format.data[i] == '%' && i + 1 < format.len && format.data[++i] != '%' &&
            !strchr("aDbMprTWcdefHhIijklmSsUuVvwXxYy", format.data[i]))
            return arena_printf(arena, "DATE_FORMAT has no %%%c", format.data[i]);
    return NULL;
}

/* ---- UNIX_TIMESTAMP */

struct value time_unix(const struct value *v, struct arena *arena) {
    const int64_t last = 32536771199; /* 3001-01-18 23:59:59 */
    int64_t seconds = value_datetime_epoch(v->u);
    unsigned fraction = value_unpack_datetime(v->u).microsecond;
    if (seconds < 0 || seconds > last)
        seconds = 0, fraction = 0;
    if (v->kind == VALUE_DATE || v->scale == 0)
        return (struct value){.kind = VALUE_INT, .i = seconds};
    char six[8];
    snprintf(six, sizeof(six), "%06u", fraction % 1000000);
    const char *text = arena_printf(arena, "%lld.%.*s", (long long)seconds, (int)MIN(v->scale, 6), six);
    return (struct value){.kind = VALUE_DECIMAL, .scale = v->scale, .data = text, .len = (uint32_t)strlen(text)};
}
