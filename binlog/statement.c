/* Reading statements: a scanner of words, quoted names and marks; and a table of first words.
 *
 * Servers log the text as the client sent it, in the client's character set. In some of these (gbk, sjis, ...) the second byte of a
 * character may look like a quote or a backslash. Version comments that the server did not execute it logs as plain ones, so what
 * stands in one is read. */
#include "binlog/statement.h"

#include <strings.h>

enum token_kind { TOKEN_END, TOKEN_WORD, TOKEN_NAME, TOKEN_STRING, TOKEN_MARK };

struct token {
    enum token_kind kind;
    struct slice text; /* of quoted ones what stands between the quotes, doubled quotes still doubled */
    char quote;
};

/* Character sets whose characters have further bytes below 0x80, by their collations: first bytes of two, in two ranges. */
struct lead_bytes {
    uint16_t collation;
    unsigned char from, to, from2, to2;
};
static const struct lead_bytes lead_bytes[] = {
    {1, 0xA1, 0xF9, 0, 0},        {84, 0xA1, 0xF9, 0, 0},                                /* big5 */
    {13, 0x81, 0x9F, 0xE0, 0xFC}, {88, 0x81, 0x9F, 0xE0, 0xFC},                          /* sjis */
    {95, 0x81, 0x9F, 0xE0, 0xFC}, {96, 0x81, 0x9F, 0xE0, 0xFC},                          /* cp932 */
    {28, 0x81, 0xFE, 0, 0},       {87, 0x81, 0xFE, 0, 0},                                /* gbk */
    {248, 0x81, 0xFE, 0, 0},      {249, 0x81, 0xFE, 0, 0},      {250, 0x81, 0xFE, 0, 0}, /* gb18030 */
};

struct scanner {
    struct slice rest;
    const struct statement_mode *mode;
    const struct lead_bytes *lead; /* NULL: every byte below 0x80 is a character */
};

static struct scanner scan(struct slice sql, const struct statement_mode *mode) {
    struct scanner s = {.rest = sql, .mode = mode};
    for (size_t i = 0; i < ARRAY_LEN(lead_bytes); i++)
        if (lead_bytes[i].collation == mode->collation)
            s.lead = &lead_bytes[i];
    return s;
}

/* How many bytes has the character at `at`? Of the four of gb18030 the last two are again a pair. */
static size_t char_len(const struct scanner *s, size_t at) {
    unsigned char c = (unsigned char)s->rest.data[at];
    const struct lead_bytes *l = s->lead;
    if (!l || at + 1 >= s->rest.len || (unsigned char)s->rest.data[at + 1] < 0x30)
        return 1;
    return (c >= l->from && c <= l->to) || (l->to2 && c >= l->from2 && c <= l->to2) ? 2 : 1;
}

static bool is_space(char c) {
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static bool is_word(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '$' ||
           (unsigned char)c >= 0x80;
}

static void advance(struct scanner *s, size_t n) {
    n = MIN(n, s->rest.len);
    s->rest = (struct slice){s->rest.data + n, s->rest.len - n};
}

static bool starts(const struct scanner *s, const char *with) {
    size_t len = strlen(with);
    return s->rest.len >= len && memcmp(s->rest.data, with, len) == 0;
}

/* "--" is a comment when a space or control character follows, or nothing. */
static bool is_dash_comment(const struct scanner *s) {
    return starts(s, "--") && (s->rest.len == 2 || (unsigned char)s->rest.data[2] <= ' ' || s->rest.data[2] == 0x7F);
}

static void skip_version(struct scanner *s) {
    enum { DIGITS = 6 };
    advance(s, 3);
    for (size_t i = 0; i < DIGITS && s->rest.len && s->rest.data[0] >= '0' && s->rest.data[0] <= '9'; i++)
        advance(s, 1);
}

/* Spaces and comments; what stands in a version comment is read as MySQL reads it. */
static void skip_blank(struct scanner *s) {
    while (s->rest.len) {
        if (is_space(s->rest.data[0])) {
            advance(s, 1);
        } else if (starts(s, "/*!")) {
            skip_version(s);
        } else if (starts(s, "/*")) {
            const char *end = memmem(s->rest.data + 2, s->rest.len - 2, "*/", 2);
            advance(s, end ? (size_t)(end - s->rest.data) + 2 : s->rest.len);
        } else if (starts(s, "*/")) {
            advance(s, 2);
        } else if (s->rest.data[0] == '#' || is_dash_comment(s)) {
            const char *end = memchr(s->rest.data, '\n', s->rest.len);
            advance(s, end ? (size_t)(end - s->rest.data) + 1 : s->rest.len);
        } else {
            return;
        }
    }
}

static struct token quoted(struct scanner *s) {
    char quote = s->rest.data[0];
    bool name = quote == '`' || (quote == '"' && s->mode->ansi_quotes);
    bool escapes = !name && !s->mode->no_backslash_escapes;
    size_t i = 1;
    while (i < s->rest.len) {
        if (s->rest.data[i] == quote) {
            if (i + 1 >= s->rest.len || s->rest.data[i + 1] != quote)
                break;
            i++;
        } else if (escapes && s->rest.data[i] == '\\') {
            i++;
        }
        i += i < s->rest.len ? char_len(s, i) : 0;
    }
    i = MIN(i, s->rest.len);
    struct token t = {name ? TOKEN_NAME : TOKEN_STRING, {s->rest.data + 1, i - 1}, quote};
    advance(s, i + 1);
    return t;
}

static struct token next(struct scanner *s) {
    skip_blank(s);
    if (!s->rest.len)
        return (struct token){TOKEN_END, {NULL, 0}, 0};
    char c = s->rest.data[0];
    if (c == '`' || c == '\'' || c == '"')
        return quoted(s);
    size_t n = char_len(s, 0);
    if (is_word(c))
        while (n < s->rest.len && is_word(s->rest.data[n]))
            n += char_len(s, n);
    n = MIN(n, s->rest.len);
    struct token t = {is_word(c) ? TOKEN_WORD : TOKEN_MARK, {s->rest.data, n}, 0};
    advance(s, n);
    return t;
}

static bool is(struct token t, const char *word) {
    return (t.kind == TOKEN_WORD || t.kind == TOKEN_MARK) && t.text.len == strlen(word) &&
           strncasecmp(t.text.data, word, t.text.len) == 0;
}

static bool is_any(struct token t, const char *const *words, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (is(t, words[i]))
            return true;
    return false;
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
    const struct statement_mode mode = {0};
    struct scanner s = scan(sql, &mode);
    struct token t = next(&s), second;
    for (size_t i = 0; i < ARRAY_LEN(first_words); i++) {
        if (!is(t, first_words[i].word))
            continue;
        enum statement_kind kind = first_words[i].kind;
        if (kind != STATEMENT_XA_END && kind != STATEMENT_ROLLBACK)
            return kind;
        second = next(&s);
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

/* A doubled quote is one. */
static bool copy_name(char *to, struct token t) {
    size_t n = 0;
    if (t.kind != TOKEN_NAME && t.kind != TOKEN_WORD)
        return false;
    for (size_t i = 0; i < t.text.len; i++) {
        if (n + 1 >= STATEMENT_NAME_SIZE || !t.text.data[i])
            return false;
        to[n++] = t.text.data[i];
        if (t.quote && t.text.data[i] == t.quote && i + 1 < t.text.len && t.text.data[i + 1] == t.quote)
            i++;
    }
    to[n] = 0;
    return n > 0;
}

/* NAME, NAME.NAME or .NAME */
static bool read_name(struct scanner *s, struct token first, struct statement_name *ret) {
    *ret = (struct statement_name){0};
    if (is(first, "."))
        return copy_name(ret->table, next(s));
    if (!copy_name(ret->table, first))
        return false;
    struct scanner rest = *s;
    if (!is(next(&rest), "."))
        return true;
    memcpy(ret->database, ret->table, sizeof(ret->table));
    *s = rest;
    return copy_name(ret->table, next(s));
}

static bool add_name(struct statement *st, struct scanner *s, struct token first) {
    struct statement_name name;
    bool good = read_name(s, first, &name) && st->name_count < STATEMENT_NAMES_MAX;
    if (good)
        st->names[st->name_count++] = name;
    else
        st->too_many_names = true;
    return good;
}

static struct token skip_if_exists(struct scanner *s, struct token t) {
    while (is(t, "IF") || is(t, "NOT") || is(t, "EXISTS"))
        t = next(s);
    return t;
}

/* NAME, NAME, ... and for RENAME: NAME TO NAME, ... */
static void read_names(struct statement *st, struct scanner *s, struct token t) {
    for (t = skip_if_exists(s, t); t.kind != TOKEN_END; t = next(s)) {
        if (!add_name(st, s, t))
            return;
        t = next(s);
        if (!is(t, ",") && !is(t, "TO"))
            return;
    }
}

/* ---- definitions */

/* CREATE and DROP INDEX name ... ON table: as an ALTER of it. */
static void read_index(struct statement *st, struct scanner *s) {
    struct token t = next(s);
    while (t.kind != TOKEN_END && !is(t, "ON"))
        t = next(s);
    st->kind = STATEMENT_ALTER_TABLE;
    add_name(st, s, next(s));
}

static void read_drop(struct statement *st, struct scanner *s) {
    struct token t = next(s);
    if (is(t, "DATABASE") || is(t, "SCHEMA"))
        st->kind = STATEMENT_DROP_DATABASE;
    else if (is(t, "TABLE") || is(t, "TABLES"))
        st->kind = STATEMENT_DROP_TABLE;
    else if (is(t, "INDEX"))
        read_index(st, s);
    if (st->kind == STATEMENT_DROP_DATABASE || st->kind == STATEMENT_DROP_TABLE)
        read_names(st, s, next(s));
}

/* Tracks parentheses: is the token that follows at the level of the statement? */
static int depth_behind(struct token t, int depth) {
    return is(t, "(") ? depth + 1 : is(t, ")") ? depth - 1 : depth;
}

/* CREATE TABLE name ... SELECT (TABLE, VALUES), logged as it was sent: its rows are in no event. With row events the server writes the
 * columns instead of the query. */
static void read_create_table(struct statement *st, struct scanner *s) {
    static const char *const queries[] = {"SELECT", "TABLE", "VALUES"};
    int depth = 0;
    st->kind = STATEMENT_CREATE_TABLE;
    add_name(st, s, skip_if_exists(s, next(s)));
    for (struct token t = next(s); t.kind != TOKEN_END; t = next(s)) {
        depth = depth_behind(t, depth);
        st->moves_rows |= is(t, "SELECT") || (depth == 0 && is_any(t, queries, ARRAY_LEN(queries)));
    }
}

static void read_create(struct statement *st, struct scanner *s) {
    static const char *const indexes[] = {"UNIQUE", "FULLTEXT", "SPATIAL"};
    struct token t = next(s);
    while (is_any(t, indexes, ARRAY_LEN(indexes)))
        t = next(s);
    if (is(t, "INDEX"))
        read_index(st, s);
    else if (is(t, "TABLE"))
        read_create_table(st, s);
}

/* One of the clauses between commas. `first` is its first word. */
static void read_alter_clause(struct statement *st, struct scanner *s, struct token first) {
    static const char *const moving[] = {"TRUNCATE", "EXCHANGE", "DISCARD", "IMPORT"};
    struct scanner ahead = *s;
    struct token second = next(&ahead);
    if (is(first, "RENAME") && !is(second, "COLUMN") && !is(second, "INDEX") && !is(second, "KEY")) {
        if (is(second, "TO") || is(second, "AS") || is(second, "="))
            second = next(&ahead);
        st->kind = STATEMENT_RENAME_TABLE;
        if (add_name(st, &ahead, second))
            *s = ahead;
    }
    bool partitions = is(second, "PARTITION") || is(second, "TABLESPACE");
    st->moves_rows |= partitions && (is(first, "DROP") || is_any(first, moving, ARRAY_LEN(moving)));
    if (!is(first, "EXCHANGE") || !partitions)
        return;
    while (second.kind != TOKEN_END && !is(second, "TABLE"))
        second = next(&ahead);
    if (second.kind != TOKEN_END)
        add_name(st, &ahead, next(&ahead));
}

static void read_alter(struct statement *st, struct scanner *s) {
    struct token t = next(s);
    while (is(t, "IGNORE") || is(t, "ONLINE") || is(t, "OFFLINE"))
        t = next(s);
    if (!is(t, "TABLE"))
        return;
    st->kind = STATEMENT_ALTER_TABLE;
    if (!add_name(st, s, skip_if_exists(s, next(s))))
        return;
    int depth = 0;
    bool begins = true;
    for (t = next(s); t.kind != TOKEN_END; t = next(s)) {
        if (begins)
            read_alter_clause(st, s, t);
        depth = depth_behind(t, depth);
        begins = depth == 0 && is(t, ",");
    }
}

static void read_rename(struct statement *st, struct scanner *s) {
    struct token t = next(s);
    if (!is(t, "TABLE") && !is(t, "TABLES"))
        return;
    st->kind = STATEMENT_RENAME_TABLE;
    read_names(st, s, next(s));
    st->too_many_names |= st->name_count % 2 != 0;
}

static void read_truncate(struct statement *st, struct scanner *s) {
    struct token t = next(s);
    add_name(st, s, is(t, "TABLE") ? next(s) : t);
}

/* SAVEPOINT name, ROLLBACK TO [SAVEPOINT] name; servers log the name in backticks. */
static void read_savepoint(struct statement *st, struct scanner *s) {
    struct token t = next(s);
    while (is(t, "TO") || is(t, "SAVEPOINT"))
        t = next(s);
    add_name(st, s, t);
}

void statement_read(struct statement *ret, struct slice sql, const struct statement_mode *mode) {
    static const struct {
        const char *word;
        void (*read)(struct statement *st, struct scanner *s);
    } readers[] = {
        {"DROP", read_drop},          {"ALTER", read_alter},       {"CREATE", read_create},
        {"RENAME", read_rename},      {"TRUNCATE", read_truncate}, {"SAVEPOINT", read_savepoint},
        {"ROLLBACK", read_savepoint},
    };
    ret->kind = statement_kind(sql);
    ret->moves_rows = ret->too_many_names = false;
    ret->name_count = 0;
    struct scanner s = scan(sql, mode);
    struct token first = next(&s);
    for (size_t i = 0; i < ARRAY_LEN(readers) && ret->kind != STATEMENT_ROLLBACK; i++)
        if (is(first, readers[i].word))
            readers[i].read(ret, &s);
}

bool statement_names(struct slice sql, const struct statement_mode *mode, const char *name) {
    struct statement_name found;
    struct scanner s = scan(sql, mode);
    for (struct token t = next(&s); t.kind != TOKEN_END; t = next(&s)) {
        if (t.quote == '"')
            t.kind = TOKEN_NAME;
        if (copy_name(found.table, t) && strcasecmp(found.table, name) == 0)
            return true;
    }
    return false;
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
    const struct statement_mode mode = {0};
    struct scanner s = scan(sql, &mode);
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
