/* Functions as MySQL's SQL. Most are MySQL's own, by the same name; the others are made of several. */
#include "contract/sql_call.h"

#include "contract/expr_functions.h"
#include "contract/transform_functions.h"

typedef void put_function(struct buf *out, const struct entity *entity, const struct expr *e);

static void put(struct buf *out, const struct entity *entity, const struct expr *e, enum sql_form form,
                const char *before, const char *after) {
    buf_put_text(out, before);
    sql_put_expr(out, entity, e, form);
    buf_put_text(out, after);
}

/* ---- operators */

static bool is_double(const struct expr *e) {
    return e->type == COLUMN_FLOAT || e->type == COLUMN_DOUBLE;
}

/* A quotient is rounded at once: MySQL would go on with more digits than it shows. */
static void put_operator(struct buf *out, const struct entity *entity, const struct expr *e) {
    bool rounds = e->function->name[0] == '/' && !is_double(e);
    put(out, entity, e->args[0], SQL_NUMBER, rounds ? "CAST((" : "(", " ");
    buf_put_char(out, e->function->name[0]);
    put(out, entity, e->args[1], SQL_NUMBER, " ", "");
    buf_put_char(out, ')');
    if (rounds)
        buf_printf(out, " AS DECIMAL(65,%u))", MIN(e->digits, 30u));
}

static void put_negative(struct buf *out, const struct entity *entity, const struct expr *e) {
    put(out, entity, e->args[0], SQL_NUMBER, "(- ", ")");
}

/* ---- texts */

static void put_trim(struct buf *out, const struct entity *entity, const struct expr *e) {
    const char *side = e->function->name[4] ? e->function->name + 5 : "BOTH";
    buf_printf(out, "TRIM(%s ", side);
    if (e->arg_count > 1)
        sql_put_expr(out, entity, e->args[1], SQL_TEXT);
    put(out, entity, e->args[0], SQL_TEXT, " FROM ", ")");
}

/* ---- transformations */

/* DATE_FORMAT has no milliseconds: "%3" is the first three digits of %f. */
static void put_date(struct buf *out, const struct entity *entity, const struct expr *e) {
    struct slice rest = value_slice(&e->args[1]->literal);
    buf_put_text(out, "CONCAT(''");
    while (rest.len) {
        size_t n = 0;
        while (n < rest.len && !(rest.data[n] == '%' && n + 1 < rest.len && rest.data[n + 1] == '3'))
            n += rest.data[n] == '%' && n + 1 < rest.len ? 2 : 1;
        if (n) {
            put(out, entity, e->args[0], SQL_VALUE, ", DATE_FORMAT(", ", ");
            sql_put_text(out, (struct slice){rest.data, n});
            buf_put_char(out, ')');
        }
        if (n < rest.len)
            put(out, entity, e->args[0], SQL_VALUE, ", LEFT(DATE_FORMAT(", ", '%f'), 3)");
        n += n < rest.len ? 2 : 0;
        rest = (struct slice){rest.data + n, rest.len - n};
    }
    buf_put_char(out, ')');
}

static void put_iso8601(struct buf *out, const struct entity *entity, const struct expr *e) {
    bool z = e->args[0]->type == COLUMN_DATETIME;
    put(out, entity, e->args[0], SQL_S, z ? "CONCAT(" : "", z ? ", 'Z')" : "");
}

/* Day 719528 is 1970-01-01; seconds of the day leave fractions out, so that times before 1970 are floored. */
static void put_epoch(struct buf *out, const struct entity *entity, const struct expr *e) {
    bool milliseconds = e->args[1]->literal.len > 1;
    put(out, entity, e->args[0], SQL_VALUE, milliseconds ? "(((TO_DAYS(" : "((TO_DAYS(", ") - 719528) * 86400");
    put(out, entity, e->args[0], SQL_VALUE, " + TIME_TO_SEC(TIME(", ")))");
    if (milliseconds)
        put(out, entity, e->args[0], SQL_VALUE, " * 1000 + MICROSECOND(", ") DIV 1000)");
}

/* Rounded to the places; a double counts by its shortest text. */
static void put_rounded(struct buf *out, const struct entity *entity, const struct expr *e, unsigned places) {
    bool text = is_double(e);
    put(out, entity, e, text ? SQL_TEXT : SQL_NUMBER, text ? "CAST(ROUND(CAST(" : "CAST(ROUND(",
        text ? " AS DECIMAL(65,30))" : "");
    buf_printf(out, ", %u) AS DECIMAL(65,%u))", places, places);
}

static void put_unescaped(struct buf *out, const char *from, const char *to) {
    defer(buf_deinit) struct buf text = BUF_SMALL(64, 1 << 20);
    for (; from < to; from += 1 + (*from == '%'))
        buf_put_char(&text, *from);
    sql_put_text(out, buf_slice(&text));
}

/* Sign and digits, padded: zeros stand behind the sign, spaces before it or at the end. */
static void put_number(struct buf *out, const struct entity *entity, const struct expr *e) {
    defer(buf_deinit) struct buf rounded = BUF_INIT(1 << 20), sign = BUF_INIT(1 << 20), digits = BUF_INIT(1 << 20);
    const char *pattern = e->args[1]->literal.data;
    struct number_format f;
    if (!number_format_read(pattern, &f))
        return; /* refused at load */
    put_rounded(&rounded, entity, e->args[0], f.places);
    buf_printf(&sign, "IF(%s < 0, '-', '%s')", buf_text(&rounded), f.plus ? "+" : f.space ? " " : "");
    buf_printf(&digits, "CAST(ABS(%s) AS CHAR)", buf_text(&rounded));
    const char *s = buf_text(&sign), *d = buf_text(&digits);
    buf_put_text(out, "CONCAT(");
    put_unescaped(out, pattern, f.start);
    if (f.zeros && !f.left)
        buf_printf(out, ", %s, LPAD(%s, GREATEST(CHAR_LENGTH(%s), %u - CHAR_LENGTH(%s)), '0'), ", s, d, d, f.width, s);
    else
        buf_printf(out, ", %s(CONCAT(%s, %s), GREATEST(CHAR_LENGTH(CONCAT(%s, %s)), %u), ' '), ",
                   f.left ? "RPAD" : "LPAD", s, d, s, d, f.width);
    put_unescaped(out, f.end, pattern + strlen(pattern));
    buf_put_char(out, ')');
}

/* What is no JSON would be an error of the statement; here it is that text, and the item is poison. */
static void put_json(struct buf *out, const struct entity *entity, const struct expr *e) {
    put(out, entity, e->args[0], SQL_TEXT, "CASE WHEN JSON_VALID(", ")");
    put(out, entity, e->args[0], SQL_TEXT, " THEN CAST(", " AS JSON)");
    put(out, entity, e->args[0], SQL_TEXT, " ELSE ", " END");
}

static void put_json_text(struct buf *out, const struct entity *entity, const struct expr *e) {
    put(out, entity, e->args[0], SQL_TEXT, "CASE WHEN JSON_VALID(", ")");
    put(out, entity, e->args[0], SQL_TEXT, " THEN IF(JSON_TYPE(", ") = 'STRING', ");
    put(out, entity, e->args[0], SQL_TEXT, "JSON_UNQUOTE(", "), NULL) END");
}

/* HMAC-SHA-256 (RFC 2104) by two variables that only who knows the key can set: the key, to 64 bytes with zeros, XOR 36 and 5C. */
static void put_hash(struct buf *out, const struct entity *entity, const struct expr *e) {
    put(out, entity, e->args[0], SQL_S,
        "SHA2(CONCAT(CAST(@leat_mask_outer AS BINARY), UNHEX(SHA2(CONCAT(CAST(@leat_mask_inner AS BINARY), CAST(",
        " AS BINARY)), 256))), 256)");
}

static void put_redact(struct buf *out, const struct entity *entity, const struct expr *e) {
    put(out, entity, e->args[0], SQL_VALUE, "IF(", " IS NULL, NULL, '***')");
}

static void put_last4(struct buf *out, const struct entity *entity, const struct expr *e) {
    put(out, entity, e->args[0], SQL_S, "CONCAT('***', RIGHT(", ", ");
    put(out, entity, e->args[0], SQL_S, "IF(CHAR_LENGTH(", ") >= 8, 4, 0)))");
}

static const struct {
    const struct expr_function *function;
    put_function *put;
} transformations[] = {
    {&transform_date, put_date},     {&transform_iso8601, put_iso8601}, {&transform_epoch, put_epoch},
    {&transform_number, put_number}, {&transform_json, put_json},       {&transform_json_text, put_json_text},
    {&transform_hash, put_hash},     {&transform_redact, put_redact},   {&transform_last4, put_last4},
};

/* ---- the table */

/* NAME(args); what each argument is stands in `forms`: text, number, value; the last one is for all that follow. */
static const struct {
    const char *name, *forms;
    put_function *put;
} functions[] = {
    {"+", NULL, put_operator},
    {"-", NULL, put_operator},
    {"*", NULL, put_operator},
    {"/", NULL, put_operator},
    {"- (negative)", NULL, put_negative},
    {"TRIM", NULL, put_trim},
    {"TRIM LEADING", NULL, put_trim},
    {"TRIM TRAILING", NULL, put_trim},
    {"ABS", "n", NULL},
    {"CHAR_LENGTH", "t", NULL},
    {"CONCAT", "t", NULL},
    {"CONCAT_WS", "t", NULL},
    {"DATE_FORMAT", "vt", NULL},
    {"LENGTH", "t", NULL},
    {"LOWER", "t", NULL},
    {"LPAD", "tnt", NULL},
    {"ROUND", "n", NULL},
    {"SUBSTRING", "tn", NULL},
    {"UNIX_TIMESTAMP", "v", NULL},
    {"UPPER", "t", NULL},
};

static void put_native(struct buf *out, const struct entity *entity, const struct expr *e, const char *forms) {
    buf_printf(out, "%s(", e->function->name);
    for (size_t i = 0; i < e->arg_count; i++) {
        char form = forms[MIN(i, strlen(forms) - 1)];
        put(out, entity, e->args[i], form == 't' ? SQL_TEXT : form == 'n' ? SQL_NUMBER : SQL_VALUE, i ? ", " : "", "");
    }
    buf_put_char(out, ')');
}

void sql_put_call(struct buf *out, const struct entity *entity, const struct expr *e) {
    for (size_t i = 0; i < ARRAY_LEN(transformations); i++)
        if (transformations[i].function == e->function) {
            transformations[i].put(out, entity, e);
            return;
        }
    for (size_t i = 0; i < ARRAY_LEN(functions); i++) {
        if (strcmp(functions[i].name, e->function->name) != 0)
            continue;
        if (functions[i].put)
            functions[i].put(out, entity, e);
        else
            put_native(out, entity, e, functions[i].forms);
    }
}
