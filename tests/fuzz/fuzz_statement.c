/* Any text as a logged statement. Reading is pure and bounded, and what stands between words does not matter. */
#include "binlog/statement.h"
#include "src/base/buf.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool law) {
    if (!law)
        abort();
}

static struct statement *read_over(int garbage, struct slice sql, struct statement_mode mode) {
    struct statement *s = xmalloc(sizeof(*s));
    memset(s, garbage, sizeof(*s));
    statement_read(s, sql, &mode);
    must(s->name_count <= STATEMENT_NAMES_MAX);
    return s;
}

static void must_equal(const struct statement *a, const struct statement *b) {
    must(a->kind == b->kind && a->moves_rows == b->moves_rows && a->too_many_names == b->too_many_names &&
         a->name_count == b->name_count);
    for (size_t i = 0; i < a->name_count; i++) {
        must(strnlen(a->names[i].table, STATEMENT_NAME_SIZE) < STATEMENT_NAME_SIZE);
        must(strnlen(a->names[i].database, STATEMENT_NAME_SIZE) < STATEMENT_NAME_SIZE);
        must(strcmp(a->names[i].table, b->names[i].table) == 0 &&
             strcmp(a->names[i].database, b->names[i].database) == 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct slice sql = {(const char *)data, size};
    static const uint16_t collations[] = {0, 28 /* gbk */, 13 /* sjis */, 248 /* gb18030 */};
    const struct statement_mode mode = {
        .collation = collations[size % 4], .ansi_quotes = size & 4, .no_backslash_escapes = size & 8};
    struct statement *first = read_over(0, sql, mode), *second = read_over(0xA5, sql, mode);
    must_equal(first, second);
    free(second);
    struct buf text defer(buf_deinit) = BUF_INIT(1 << 24);
    buf_put_text(&text, " /* DROP TABLE x */ -- y\n\t#z\n");
    buf_put(&text, data, size);
    second = read_over(0xA5, buf_slice(&text), mode);
    must_equal(first, second);
    must(statement_kind(sql) == statement_kind(buf_slice(&text)));
    free(second);
    free(first);
    return 0;
}
