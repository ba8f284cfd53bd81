/* Documents in MySQL's binary format, and differences of documents. The first byte says what follows: 0 a document, 1 a document's length
 * (one byte), the document and differences as an event has them, 2 the text of a document, a NUL and the text of differences.
 *
 * What is decoded is JSON, and not much longer than its source. */
#include "binlog/json_binary.h"
#include "binlog/json_partial.h"
#include "contract/json_diff.h"
#include "src/base/json.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool law) {
    if (!law)
        abort();
}

static void must_be_json(struct slice text) {
    struct json_doc *doc = NULL;
    struct buf clean = BUF_INIT(1 << 26);
    for (size_t i = 0; i < text.len; i++) /* UTF-8 is as it was: the fuzzer's is none */
        buf_put_char(&clean, (unsigned char)text.data[i] < 0x80 ? text.data[i] : '?');
    must(json_parse(&doc, "text", buf_slice(&clean), NULL) == 0);
    json_free(doc);
    buf_deinit(&clean);
}

static struct slice rest_of(struct cursor *c, size_t len) {
    return (struct slice){(const char *)cursor_take(c, len), len};
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct cursor c = cursor_of(data, size);
    struct arena arena = {0};
    struct buf text = BUF_INIT(1 << 24);
    struct value document = {.kind = VALUE_UNKNOWN}, changed;
    uint8_t mode = cursor_u8(&c);
    if (mode == 0 && json_binary_decode(rest_of(&c, cursor_left(&c)), false, &arena, &document)) {
        must(document.len <= 16 * size + 16);
        must_be_json(value_slice(&document));
    } else if (mode == 1) {
        size_t len = MIN(cursor_u8(&c), cursor_left(&c));
        bool known = json_binary_decode(rest_of(&c, len), false, &arena, &document);
        if (json_partial_decode(rest_of(&c, cursor_left(&c)), &document, &arena, &changed))
            must(changed.kind == (known ? VALUE_JSON : VALUE_JSON_DIFF));
    } else if (mode == 2) {
        const char *end = memchr(c.at, 0, cursor_left(&c));
        struct slice old = rest_of(&c, end ? (size_t)(end - (const char *)c.at) : cursor_left(&c));
        cursor_u8(&c);
        struct slice diffs = rest_of(&c, cursor_left(&c));
        if (json_diff_apply(old, diffs, &text))
            must(text.len <= size * 2);
    }
    buf_deinit(&text);
    arena_deinit(&arena);
    return 0;
}
