/* Items: names of attribute types, size by DynamoDB's rules, the canonical hash, keys as bytes. */
#include "contract/item.h"

#include "contract/number.h"
#include "src/base/cursor.h"

#include <stdlib.h>

static const char *const type_names[] = {"S", "N", "B", "BOOL", "NULL", "SS", "NS", "BS", "L", "M"};

const char *attr_type_name(enum attr_type type) {
    return (size_t)type < ARRAY_LEN(type_names) ? type_names[type] : "?";
}

bool attr_type_parse(struct slice text, enum attr_type *ret) {
    for (size_t i = 0; i < ARRAY_LEN(type_names); i++)
        if (slice_equal(text, slice_of(type_names[i]))) {
            *ret = (enum attr_type)i;
            return true;
        }
    return false;
}

/* ---- size (Developer Guide, "DynamoDB item sizes and formats") */

enum { CONTAINER_OVERHEAD = 3, ELEMENT_OVERHEAD = 1 };

static size_t attr_size(const struct attr *a) {
    size_t size = 0;
    switch ((enum attr_type)a->type) {
    case ATTR_S:
    case ATTR_B:
        return a->text.len;
    case ATTR_N:
        return number_stored_size(a->text);
    case ATTR_BOOL:
    case ATTR_NULL:
        return 1;
    case ATTR_SS:
    case ATTR_NS:
    case ATTR_BS:
        for (size_t i = 0; i < a->count; i++)
            size += attr_size(&a->elements[i]);
        return size;
    case ATTR_L:
        for (size_t i = 0; i < a->count; i++)
            size += ELEMENT_OVERHEAD + attr_size(&a->elements[i]);
        return size + CONTAINER_OVERHEAD;
    case ATTR_M:
        for (size_t i = 0; i < a->count; i++)
            size += ELEMENT_OVERHEAD + a->members[i].name.len + attr_size(&a->members[i].value);
        return size + CONTAINER_OVERHEAD;
    }
    return size;
}

size_t item_size(const struct item *item) {
    size_t size = 0;
    for (size_t i = 0; i < item->count; i++)
        size += item->members[i].name.len + attr_size(&item->members[i].value);
    return size;
}

/* ---- the canonical form: type byte, then a length or count and the content */

static void put_attr(struct buf *buf, const struct attr *a, struct arena *scratch);

static int compare_members(const void *a, const void *b) {
    const struct attr_member *const *x = a, *const *y = b;
    return slice_compare((*x)->name, (*y)->name);
}

static void put_members(struct buf *buf, const struct attr_member *members, size_t count, struct arena *scratch) {
    const struct attr_member **sorted = arena_alloc(scratch, (count + 1) * sizeof(*sorted));
    for (size_t i = 0; i < count; i++)
        sorted[i] = &members[i];
    qsort(sorted, count, sizeof(*sorted), compare_members);
    buf_put_varint(buf, count);
    for (size_t i = 0; i < count; i++) {
        buf_put_blob(buf, sorted[i]->name);
        put_attr(buf, &sorted[i]->value, scratch);
    }
}

static int compare_slices(const void *a, const void *b) {
    const struct slice *x = a, *y = b;
    return slice_compare(*x, *y);
}

static void put_set(struct buf *buf, const struct attr *a, struct arena *scratch) {
    struct slice *sorted = arena_alloc(scratch, (a->count + 1) * sizeof(*sorted));
    for (size_t i = 0; i < a->count; i++) {
        defer(buf_deinit) struct buf one = BUF_SMALL(256, SIZE_MAX / 2);
        put_attr(&one, &a->elements[i], scratch);
        sorted[i] = (struct slice){arena_copy(scratch, one.data, one.len), one.len};
    }
    qsort(sorted, a->count, sizeof(*sorted), compare_slices);
    buf_put_varint(buf, a->count);
    for (size_t i = 0; i < a->count; i++)
        buf_put_slice(buf, sorted[i]);
}

static void put_number(struct buf *buf, struct slice text) {
    defer(buf_deinit) struct buf normal = BUF_SMALL(64, 256);
    if (number_normalise(text, &normal))
        text = buf_slice(&normal);
    buf_put_blob(buf, text);
}

static void put_attr(struct buf *buf, const struct attr *a, struct arena *scratch) {
    buf_put_u8(buf, a->type);
    switch ((enum attr_type)a->type) {
    case ATTR_S:
    case ATTR_B:
        buf_put_blob(buf, a->text);
        return;
    case ATTR_N:
        put_number(buf, a->text);
        return;
    case ATTR_BOOL:
        buf_put_u8(buf, a->boolean);
        return;
    case ATTR_NULL:
        return;
    case ATTR_SS:
    case ATTR_NS:
    case ATTR_BS:
        put_set(buf, a, scratch);
        return;
    case ATTR_L:
        buf_put_varint(buf, a->count);
        for (size_t i = 0; i < a->count; i++)
            put_attr(buf, &a->elements[i], scratch);
        return;
    case ATTR_M:
        put_members(buf, a->members, a->count, scratch);
        return;
    }
}

struct digest128 item_hash(const struct item *item, struct arena *scratch) {
    defer(buf_deinit) struct buf buf = BUF_SMALL(512, SIZE_MAX / 2);
    put_members(&buf, item->members, item->count, scratch);
    return digest128(buf_slice(&buf));
}

/* ---- keys */

void item_key_put(struct buf *buf, const struct item_key *key) {
    unsigned char head[4] = {(unsigned char)(key->target >> 8), (unsigned char)key->target,
                             (unsigned char)(key->pk.len >> 8), (unsigned char)key->pk.len};
    buf_put(buf, head, sizeof(head));
    buf_put_slice(buf, key->pk);
    buf_put_slice(buf, key->sk);
}

bool item_key_get(struct slice bytes, struct item_key *ret) {
    struct cursor c = cursor_of(bytes.data, bytes.len);
    struct item_key key = {.target = (uint16_t)cursor_be(&c, 2)};
    key.pk.len = (size_t)cursor_be(&c, 2);
    key.pk.data = (const char *)cursor_take(&c, key.pk.len);
    key.sk.len = cursor_left(&c);
    key.sk.data = key.sk.len ? (const char *)c.at : NULL;
    if (c.failed)
        return false;
    *ret = key;
    return true;
}

static int by_element(const void *x, const void *y) {
    const struct attr *a = x, *b = y;
    struct number m, n;
    if (a->type == ATTR_N && number_parse(a->text, &m) && number_parse(b->text, &n))
        return number_compare(&m, &n);
    return slice_compare(a->text, b->text);
}

size_t attr_set_unique(struct attr *elements, size_t count) {
    size_t kept = 0;
    if (count)
        qsort(elements, count, sizeof(*elements), by_element);
    for (size_t i = 0; i < count; i++)
        if (kept == 0 || by_element(&elements[kept - 1], &elements[i]) != 0)
            elements[kept++] = elements[i];
    return kept;
}

/* ---- copies */

static const struct attr_member *copy_members(const struct attr_member *members, size_t count, bool names,
                                              struct arena *arena);

static struct attr copy_attr(const struct attr *attr, struct arena *arena) {
    struct attr to = *attr;
    switch ((enum attr_type)attr->type) {
    case ATTR_S:
    case ATTR_N:
    case ATTR_B:
        to.text.data = arena_copy(arena, attr->text.data, attr->text.len);
        break;
    case ATTR_BOOL:
    case ATTR_NULL:
        break;
    case ATTR_M:
        to.members = copy_members(attr->members, attr->count, true, arena);
        break;
    case ATTR_SS:
    case ATTR_NS:
    case ATTR_BS:
    case ATTR_L: {
        struct attr *elements = arena_alloc(arena, attr->count * sizeof(*elements));
        for (uint32_t i = 0; i < attr->count; i++)
            elements[i] = copy_attr(&attr->elements[i], arena);
        to.elements = elements;
    }
    }
    return to;
}

/* Names in maps may be a document's. */
static const struct attr_member *copy_members(const struct attr_member *members, size_t count, bool names,
                                              struct arena *arena) {
    struct attr_member *to = arena_alloc(arena, count * sizeof(*to));
    for (size_t i = 0; i < count; i++) {
        to[i] = (struct attr_member){members[i].name, copy_attr(&members[i].value, arena)};
        if (names)
            to[i].name.data = arena_copy(arena, to[i].name.data, to[i].name.len);
    }
    return to;
}

const struct item *item_copy(const struct item *item, struct arena *arena) {
    struct item *to = arena_alloc(arena, sizeof(*to));
    *to = (struct item){copy_members(item->members, item->count, false, arena), item->count};
    return to;
}
