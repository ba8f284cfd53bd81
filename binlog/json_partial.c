/* Differences of JSON documents: from the event's bytes to the text that contract/json_diff.h applies. */
#include "binlog/json_partial.h"

#include "binlog/json_binary.h"
#include "contract/json_diff.h"
#include "src/base/json.h"
#include "src/base/utf8.h"

enum { OPERATION_REMOVE = 2 };

static struct slice take_slice(struct cursor *c) {
    uint64_t len = cursor_lenenc(c);
    const unsigned char *data = cursor_take(c, len);
    return (struct slice){(const char *)data, data ? len : 0};
}

/* Operation, length and bytes of the path, and (unless it is removed) of the value in the binary format. */
static bool put_diff(struct cursor *c, struct buf *out) {
    static const char *const names[] = {"replace", "insert", [OPERATION_REMOVE] = "remove"};
    uint8_t operation = cursor_u8(c);
    struct slice path = take_slice(c);
    if (c->failed || operation >= ARRAY_LEN(names))
        return false;
    buf_printf(out, "{\"op\": \"%s\", \"path\": ", names[operation]);
    json_put_string(out, path);
    if (operation != OPERATION_REMOVE) {
        struct slice value = take_slice(c);
        buf_put_text(out, ", \"value\": ");
        if (c->failed || !json_binary_text(value, false, out))
            return false;
    }
    buf_put_char(out, '}');
    return true;
}

static bool put_diffs(struct slice bytes, struct buf *out) {
    struct cursor c = cursor_of(bytes.data, bytes.len);
    buf_put_char(out, '[');
    for (bool first = true; cursor_left(&c); first = false) {
        if (!first)
            buf_put(out, ", ", 2);
        if (!put_diff(&c, out))
            return false;
    }
    buf_put_char(out, ']');
    return !out->full;
}

bool json_partial_decode(struct slice bytes, const struct value *before, struct arena *arena, struct value *ret) {
    struct buf diffs defer(buf_deinit) = BUF_SMALL(1024, UINT32_MAX),
                     text defer(buf_deinit) = BUF_SMALL(4096, UINT32_MAX);
    bool whole = before->kind == VALUE_JSON;
    if ((!whole && before->kind != VALUE_UNKNOWN) || !put_diffs(bytes, &diffs))
        return false;
    if (whole && !json_diff_apply(value_slice(before), buf_slice(&diffs), &text))
        return false;
    struct slice made = whole ? buf_slice(&text) : buf_slice(&diffs);
    if (!utf8_valid(made))
        return false;
    *ret = (struct value){.kind = whole ? VALUE_JSON : VALUE_JSON_DIFF,
                          .data = arena_copy(arena, made.data, made.len),
                          .len = (uint32_t)made.len};
    return true;
}
