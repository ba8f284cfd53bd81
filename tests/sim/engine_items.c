/* What the engine sends, in the form in which the oracle writes its items. */
#include "tests/sim/world.h"

#include "contract/number.h"

static void put_attr(struct buf *b, const struct attr *a);

static int by_name(const void *a, const void *b) {
    const struct attr_member *const *x = a, *const *y = b;
    return slice_compare((*x)->name, (*y)->name);
}

static void put_members(struct buf *b, const struct attr_member *members, size_t count) {
    const struct attr_member *sorted[64];
    count = MIN(count, ARRAY_LEN(sorted));
    for (size_t i = 0; i < count; i++)
        sorted[i] = &members[i];
    qsort(sorted, count, sizeof(sorted[0]), by_name);
    buf_put_text(b, "M:{");
    for (size_t i = 0; i < count; i++) {
        buf_put_slice(b, sorted[i]->name);
        buf_put_char(b, '=');
        put_attr(b, &sorted[i]->value);
        buf_put_char(b, ';');
    }
    buf_put_char(b, '}');
}

static void put_attr(struct buf *b, const struct attr *a) {
    if (a->type == ATTR_M) {
        put_members(b, a->members, a->count);
        return;
    }
    buf_put_text(b, attr_type_name((enum attr_type)a->type));
    buf_put_char(b, ':');
    struct buf digits defer(buf_deinit) = BUF_SMALL(64, 256);
    switch (a->type) {
    case ATTR_BOOL:
        buf_put_char(b, a->boolean ? '1' : '0');
        break;
    case ATTR_NULL:
        break;
    case ATTR_N:
        if (!number_normalise(a->text, &digits))
            fail("I5 a number that is none: %.*s", (int)a->text.len, a->text.data);
        buf_put_slice(b, buf_slice(&digits));
        break;
    case ATTR_L:
    case ATTR_SS:
    case ATTR_NS:
        buf_put_char(b, '[');
        for (uint32_t i = 0; i < a->count; i++) {
            put_attr(b, &a->elements[i]);
            buf_put_char(b, ';');
        }
        buf_put_char(b, ']');
        break;
    default:
        buf_put_slice(b, a->text);
    }
}

uint64_t item_value(const struct item *item, bool *ret_refused, uint64_t *ret_identity) {
    struct buf text defer(buf_deinit) = BUF_SMALL(4096, 1 << 20);
    put_members(&text, item->members, item->count);
    *ret_refused = text_is_refused(buf_text(&text));
    *ret_identity = 0;
    for (size_t i = 0; i < item->count; i++)
        if (slice_equal(item->members[i].name, SLICE("who")))
            *ret_identity = hash_text(item->members[i].value.text.data, item->members[i].value.text.len);
    uint64_t hash = hash_text(text.data, text.len);
    trace("    value %016llx %s", (unsigned long long)hash, buf_text(&text));
    return hash;
}

uint64_t key_hash(struct slice bytes) {
    struct item_key key;
    struct buf text defer(buf_deinit) = BUF_SMALL(256, 8192);
    if (!item_key_get(bytes, &key))
        fail("a malformed item key");
    buf_printf(&text, "%s|", world->contract->targets[key.target]->name);
    buf_put_slice(&text, key.pk);
    buf_put_char(&text, '|');
    buf_put_slice(&text, key.sk);
    return hash_text(text.data, text.len);
}
