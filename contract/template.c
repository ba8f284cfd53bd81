/* Renders templates: literal text, final values of attributes, and columns of the root, in the form of type S. */
#include "contract/contract.h"

enum { RENDERED_MAX = 1 << 20 }; /* far more than any key may hold; attributes are bounded by the item's size later */

/* Appends an attribute in S form. False for lists, sets and maps, which the compiler refuses, and for NULL. */
static bool put_attribute(struct buf *buf, const struct attr *a) {
    switch ((enum attr_type)a->type) {
    case ATTR_S:
    case ATTR_N:
        buf_put_slice(buf, a->text);
        return true;
    case ATTR_BOOL:
        buf_put_char(buf, a->boolean ? '1' : '0');
        return true;
    case ATTR_B: {
        char *to = buf_reserve(buf, 4 * ((a->text.len + 2) / 3));
        if (to)
            buf->len += base64_encode((const unsigned char *)a->text.data, a->text.len, to);
        return true;
    }
    default:
        return false;
    }
}

/* EVALUATE_OK, EVALUATE_ABSENT, or what expr_eval() says. */
static int put_token(struct buf *buf, const struct template_part *part, const struct attr *const *attributes,
                     const struct row_set *rows, struct arena *arena, struct error *error) {
    if (part->attribute >= 0) {
        const struct attr *a = attributes[part->attribute];
        return a && put_attribute(buf, a) ? EVALUATE_OK : EVALUATE_ABSENT;
    }
    struct value v;
    struct attr text;
    int r = expr_eval(part->expr, rows, arena, &v, error);
    if (r == EVALUATE_OK)
        r = attr_from_value(ATTR_S, &v, arena, &text, error);
    if (r == EVALUATE_OK)
        buf_put_slice(buf, text.text);
    return r;
}

static int put_parts(struct buf *buf, const struct template *t, const struct attr *const *attributes,
                     const struct row_set *rows, struct arena *arena, struct error *error) {
    for (size_t i = 0; i < t->part_count; i++) {
        const struct template_part *part = &t->parts[i];
        if (part->attribute < 0 && !part->expr) {
            buf_put_slice(buf, part->literal);
            continue;
        }
        int r = put_token(buf, part, attributes, rows, arena, error);
        if (r == EVALUATE_ABSENT && part->has_default)
            buf_put_slice(buf, part->default_text);
        else if (r != EVALUATE_OK)
            return r;
    }
    return EVALUATE_OK;
}

int template_render(const struct template *t, const struct attr *const *attributes, const struct row_set *rows,
                    struct arena *arena, struct slice *ret, struct error *error) {
    defer(buf_deinit) struct buf buf = BUF_SMALL(256, RENDERED_MAX);
    int r = put_parts(&buf, t, attributes, rows, arena, error);
    if (r != EVALUATE_OK)
        return r;
    if (buf.full)
        return error_set(error, EVALUATE_POISON, "template \"%s\" gives more than %d bytes", t->text, RENDERED_MAX);
    *ret = (struct slice){arena_copy(arena, buf.len ? buf.data : "", buf.len), buf.len};
    return EVALUATE_OK;
}
