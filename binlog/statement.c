/* Reading statements: a scanner of words, quoted names and marks; and a table of first words. */
#include "binlog/statement.h"

#include <strings.h>

enum token_kind { TOKEN_END, TOKEN_WORD, TOKEN_NAME, TOKEN_STRING, TOKEN_MARK };

struct token {
    enum token_kind kind;
    struct slice text; /* of quoted ones what stands between the quotes, doubled quotes still doubled */
    char quote;
};

static bool is_space(char c) {
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static bool is_word(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '$' ||
           (unsigned char)c >= 0x80;
}

static void advance(struct slice *s, size_t n) {
    n = MIN(n, s->len);
    *s = (struct slice){s->data + n, s->len - n};
}

/* Spaces and comments; what stands in a version comment is read as MySQL reads it. */
static void skip_blank(struct slice *s) {
    while (s->len) {
        if (is_space(s->data[0])) {
            advance(s, 1);
        } else if (s->len >= 3 && memcmp(s->data, "/*!", 3) == 0) {
            advance(s, 3);
            while (s->len && s->data[0] >= '0' && s->data[0] <= '9')
                advance(s, 1);
        } else if (s->len >= 2 && memcmp(s->data, "/*", 2) == 0) {
            const char *end = memmem(s->data + 2, s->len - 2, "*/", 2);
            advance(s, end ? (size_t)(end - s->data) + 2 : s->len);
        } else if (s->len >= 2 && memcmp(s->data, "*/", 2) == 0) {
            advance(s, 2);
        } else if (s->data[0] == '#' || (s->len >= 3 && memcmp(s->data, "--", 2) == 0 && is_space(s->data[2]))) {
            const char *end = memchr(s->data, '\n', s->len);
            advance(s, end ? (size_t)(end - s->data) + 1 : s->len);
        } else {
            return;
        }
    }
}

static struct token quoted(struct slice *s) {
    char quote = s->data[0];
    size_t i = 1;
    while (i < s->len) {
        if (s->data[i] == '\\' && quote != '`') {
            i += 2;
            continue;
        }
        if (s->data[i] == quote) {
            if (i + 1 >= s->len || s->data[i + 1] != quote)
                break;
            i++;
        }
        i++;
    }
    i = MIN(i, s->len);
    struct token t = {quote == '`' ? TOKEN_NAME : TOKEN_STRING, {s->data + 1, i - 1}, quote};
    advance(s, i + 1);
    return t;
}

static struct token next(struct slice *s) {
    skip_blank(s);
    if (!s->len)
        return (struct token){TOKEN_END, {NULL, 0}, 0};
    char c = s->data[0];
    if (c == '`' || c == '\'' || c == '"')
        return quoted(s);
    size_t n = 1;
    if (is_word(c))
        while (n < s->len && is_word(s->data[n]))
            n++;
    struct token t = {is_word(c) ? TOKEN_WORD : TOKEN_MARK, {s->data, n}, 0};
    advance(s, n);
    return t;
}

static bool is(struct token t, const char *word) {
    return (t.kind == TOKEN_WORD || t.kind == TOKEN_MARK) && t.text.len == strlen(word) &&
           strncasecmp(t.text.data, word, t.text.len) == 0;
}

static const struct {
    const char *word;
    enum statement_kind kind;
} first_words[] = {
    {"BEGIN", STATEMENT_BEGIN},         {"COMMIT", STATEMENT_COMMIT},  {"ROLLBACK", STATEMENT_ROLLBACK},
    {"SAVEPOINT", STATEMENT_SAVEPOINT}, {"XA", STATEMENT_XA_END},      {"INSERT", STATEMENT_ROWS},
    {"UPDATE", STATEMENT_ROWS},         {"DELETE", STATEMENT_ROWS},    {"REPLACE", STATEMENT_ROWS},
    {"LOAD", STATEMENT_ROWS},           {"CALL", STATEMENT_ROWS},      {"WITH", STATEMENT_ROWS},
    {"SELECT", STATEMENT_ROWS},         {"DO", STATEMENT_ROWS},        {"IMPORT", STATEMENT_ROWS},
    {"TRUNCATE", STATEMENT_TRUNCATE},   {"DROP", STATEMENT_OTHER},     {"RENAME", STATEMENT_OTHER},
    {"ALTER", STATEMENT_OTHER},         {"CREATE", STATEMENT_OTHER},   {"GRANT", STATEMENT_OTHER},
    {"REVOKE", STATEMENT_OTHER},        {"SET", STATEMENT_OTHER},      {"FLUSH", STATEMENT_OTHER},
    {"ANALYZE", STATEMENT_OTHER},       {"OPTIMIZE", STATEMENT_OTHER}, {"REPAIR", STATEMENT_OTHER},
    {"CHECK", STATEMENT_OTHER},         {"CACHE", STATEMENT_OTHER},    {"RELEASE", STATEMENT_OTHER},
    {"USE", STATEMENT_OTHER},           {"INSTALL", STATEMENT_OTHER},  {"UNINSTALL", STATEMENT_OTHER},
    {"RESET", STATEMENT_OTHER},         {"LOCK", STATEMENT_OTHER},     {"UNLOCK", STATEMENT_OTHER},
    {"START", STATEMENT_BEGIN},         {"CLONE", STATEMENT_OTHER},    {"BINLOG", STATEMENT_ROWS},
};

enum statement_kind statement_kind(struct slice sql) {
    struct token t = next(&sql), second;
    for (size_t i = 0; i < ARRAY_LEN(first_words); i++) {
        if (!is(t, first_words[i].word))
            continue;
        enum statement_kind kind = first_words[i].kind;
        if (kind != STATEMENT_XA_END && kind != STATEMENT_ROLLBACK)
            return kind;
        second = next(&sql);
        if (kind == STATEMENT_XA_END)
            return is(second, "START") || is(second, "BEGIN") ? STATEMENT_XA_START
                   : is(second, "COMMIT")                     ? STATEMENT_XA_COMMIT
                   : is(second, "ROLLBACK")                   ? STATEMENT_XA_ROLLBACK
                                                              : STATEMENT_XA_END;
        return is(second, "TO") ? STATEMENT_ROLLBACK_TO : kind;
    }
    return STATEMENT_UNKNOWN;
}

/* ---- names */

/* Names in quotes keep their case; a doubled backtick is one. */
static bool copy_name(char *to, struct token t) {
    size_t n = 0;
    for (size_t i = 0; i < t.text.len; i++) {
        if (n + 1 >= STATEMENT_NAME_SIZE)
            return false;
        to[n++] = t.text.data[i];
        if (t.quote && t.text.data[i] == t.quote)
            i++;
    }
    to[n] = 0;
    return n > 0;
}

/* NAME or NAME.NAME */
static bool read_name(struct slice *s, struct token first, struct statement_name *ret) {
    *ret = (struct statement_name){0};
    if (first.kind != TOKEN_NAME && first.kind != TOKEN_WORD && first.quote != '"')
        return false;
    if (!copy_name(ret->table, first))
        return false;
    struct slice rest = *s;
    if (!is(next(&rest), "."))
        return true;
    memcpy(ret->database, ret->table, sizeof(ret->table));
    *s = rest;
    return copy_name(ret->table, next(s));
}

static void add_name(struct statement *st, struct slice *s, struct token first) {
    struct statement_name name;
    if (!read_name(s, first, &name) || st->name_count == STATEMENT_NAMES_MAX)
        st->too_many_names = true;
    else
        st->names[st->name_count++] = name;
}

static struct token skip_if_exists(struct slice *s, struct token t) {
    while (is(t, "IF") || is(t, "NOT") || is(t, "EXISTS"))
        t = next(s);
    return t;
}

/* NAME, NAME, ... and for RENAME: NAME TO NAME, ... */
static void read_names(struct statement *st, struct slice *s, struct token t) {
    for (t = skip_if_exists(s, t); t.kind != TOKEN_END; t = next(s)) {
        add_name(st, s, t);
        t = next(s);
        if (!is(t, ",") && !is(t, "TO"))
            return;
    }
}

static void read_drop(struct statement *st, struct slice *s) {
    struct token t = next(s);
    if (is(t, "TEMPORARY"))
        return;
    if (is(t, "DATABASE") || is(t, "SCHEMA")) {
        st->kind = STATEMENT_DROP_DATABASE;
        read_names(st, s, next(s));
    } else if (is(t, "TABLE") || is(t, "TABLES")) {
        st->kind = STATEMENT_DROP_TABLE;
        read_names(st, s, next(s));
    }
}

static void read_alter(struct statement *st, struct slice *s) {
    static const char *const moving[] = {"TRUNCATE", "EXCHANGE", "DISCARD", "IMPORT"};
    if (!is(next(s), "TABLE"))
        return;
    st->kind = STATEMENT_ALTER_TABLE;
    add_name(st, s, skip_if_exists(s, next(s)));
    struct token before = {0};
    for (struct token t = next(s); t.kind != TOKEN_END; before = t, t = next(s)) {
        for (size_t i = 0; i < ARRAY_LEN(moving); i++)
            st->moves_rows |= is(t, moving[i]);
        st->moves_rows |= is(before, "DROP") && is(t, "PARTITION");
        /* RENAME [TO|AS] name; but RENAME COLUMN, INDEX and KEY move nothing */
        st->moves_rows |= is(before, "RENAME") && !is(t, "COLUMN") && !is(t, "INDEX") && !is(t, "KEY");
    }
}

void statement_read(struct statement *ret, struct slice sql) {
    ret->kind = statement_kind(sql);
    ret->moves_rows = ret->too_many_names = false;
    ret->name_count = 0;
    struct slice s = sql;
    struct token first = next(&s);
    if (ret->kind == STATEMENT_TRUNCATE) {
        struct token t = next(&s);
        add_name(ret, &s, is(t, "TABLE") ? next(&s) : t);
    } else if (ret->kind == STATEMENT_SAVEPOINT) {
        add_name(ret, &s, next(&s));
    } else if (ret->kind == STATEMENT_ROLLBACK_TO) {
        (void)next(&s); /* TO */
        struct token t = next(&s);
        add_name(ret, &s, is(t, "SAVEPOINT") ? next(&s) : t);
    } else if (is(first, "DROP")) {
        read_drop(ret, &s);
    } else if (is(first, "ALTER")) {
        read_alter(ret, &s);
    } else if (is(first, "RENAME")) {
        struct token t = next(&s);
        if (is(t, "TABLE") || is(t, "TABLES")) {
            ret->kind = STATEMENT_RENAME_TABLE;
            read_names(ret, &s, next(&s));
        }
    }
}

/* ---- XA */

static bool unhex(struct slice hex, char *to, size_t max, size_t *ret_len) {
    if (hex.len % 2 || hex.len / 2 > max)
        return false;
    for (size_t i = 0; i < hex.len; i++) {
        static const char digits[] = "0123456789abcdef";
        const char *digit = memchr(digits, hex.data[i] | 0x20, 16);
        if (!digit)
            return false;
        to[i / 2] = (char)((i % 2 ? to[i / 2] << 4 : 0) | (digit - digits));
    }
    *ret_len = hex.len / 2;
    return true;
}

bool statement_xid(struct slice sql, struct xid *ret) {
    struct slice s = sql;
    char parts[2][XID_PART_MAX];
    size_t lens[2];
    (void)next(&s); /* XA */
    (void)next(&s); /* COMMIT */
    for (size_t i = 0; i < 2; i++) {
        struct token x = next(&s), hex = next(&s);
        if (!is(x, "X") || hex.kind != TOKEN_STRING || !unhex(hex.text, parts[i], XID_PART_MAX, &lens[i]) ||
            !is(next(&s), ","))
            return false;
    }
    struct token number = next(&s);
    uint32_t format = 0;
    for (size_t i = 0; i < number.text.len; i++) {
        if (number.text.data[i] < '0' || number.text.data[i] > '9')
            return false;
        format = format * 10 + (uint32_t)(number.text.data[i] - '0');
    }
    return number.kind == TOKEN_WORD &&
           xid_set(ret, format, (struct slice){parts[0], lens[0]}, (struct slice){parts[1], lens[1]});
}
