/* JSON differences applied to text, as apply_json_diffs() in the server's sql/json_diff.cc applies them to a document.
 *
 * Each difference copies the document once: up to the place that changes, the change, and the rest. Equal keys have equal texts, since
 * MySQL escapes in one way; what is compared for their order is the bytes that the text means. */
#include "contract/json_diff.h"

#include "src/base/cursor.h"

#include <stdlib.h>

/* ---- walking text */

static struct cursor cursor_of_slice(struct slice s) {
    return cursor_of(s.data ? s.data : "", s.len);
}

static bool next_is(const struct cursor *c, char letter) {
    struct cursor ahead = *c;
    return cursor_left(c) && cursor_u8(&ahead) == (uint8_t)letter;
}

static bool take(struct cursor *c, char letter) {
    bool is = next_is(c, letter);
    if (is)
        cursor_skip(c, 1);
    return is;
}

static void skip_spaces(struct cursor *c) {
    while (take(c, ' '))
        ;
}

/* From `from` to where the cursor is. */
static struct slice since(const unsigned char *from, const struct cursor *c) {
    return (struct slice){(const char *)from, (size_t)(c->at - from)};
}

static const char *end_of(struct slice s) {
    return s.data + s.len;
}

/* A string's text between its quotes, the first of which was taken. */
static bool take_string(struct cursor *c, struct slice *ret) {
    const unsigned char *from = c->at;
    while (cursor_left(c) && !next_is(c, '"'))
        cursor_skip(c, next_is(c, '\\') ? 2 : 1);
    *ret = since(from, c);
    return take(c, '"') && !c->failed;
}

static bool skip_scalar(struct cursor *c) {
    struct slice text;
    if (take(c, '"'))
        return take_string(c, &text);
    const unsigned char *from = c->at;
    while (cursor_left(c) && !next_is(c, ',') && !next_is(c, ']') && !next_is(c, '}') && !next_is(c, ' '))
        cursor_skip(c, 1);
    return c->at > from;
}

/* Brackets are counted, not matched: the text is ours. */
static bool take_value(struct cursor *c, struct slice *ret) {
    const unsigned char *from = c->at;
    size_t depth = 0;
    struct slice text;
    if (!next_is(c, '[') && !next_is(c, '{')) {
        bool good = skip_scalar(c);
        *ret = since(from, c);
        return good;
    }
    do {
        char letter = (char)cursor_u8(c);
        if (letter == '"' && !take_string(c, &text))
            return false;
        depth += letter == '[' || letter == '{';
        depth -= letter == ']' || letter == '}';
    } while (depth && cursor_left(c));
    *ret = since(from, c);
    return depth == 0;
}

struct element {
    struct slice key;   /* of objects: between its quotes */
    struct slice value; /* begins where the whole element begins in arrays */
    const char *start;
};

struct walk {
    struct cursor c;
    bool object;
    bool inside; /* behind the first element */
    bool failed;
};

/* False: neither an object nor an array. */
static bool walk_begin(struct walk *w, struct slice container) {
    *w = (struct walk){.c = cursor_of_slice(container)};
    w->object = take(&w->c, '{');
    return w->object || take(&w->c, '[');
}

static bool walk_next(struct walk *w, struct element *ret) {
    *ret = (struct element){0};
    skip_spaces(&w->c);
    if (take(&w->c, w->object ? '}' : ']'))
        return false;
    bool good = !w->inside || take(&w->c, ',');
    w->inside = true;
    skip_spaces(&w->c);
    ret->start = (const char *)w->c.at;
    if (good && w->object)
        good = take(&w->c, '"') && take_string(&w->c, &ret->key) && take(&w->c, ':');
    skip_spaces(&w->c);
    w->failed = !good || !take_value(&w->c, &ret->value);
    return !w->failed;
}

/* ---- keys */

/* The next byte that escaped text means. */
static uint8_t plain_byte(struct cursor *c) {
    static const char letters[] = "bfnrt", meant[] = "\b\f\n\r\t";
    char letter = (char)cursor_u8(c);
    if (letter != '\\')
        return (uint8_t)letter;
    letter = (char)cursor_u8(c);
    const char *known = letter ? strchr(letters, letter) : NULL;
    if (known)
        return (uint8_t)meant[known - letters];
    if (letter != 'u')
        return (uint8_t)letter;
    char hex[5] = {0};
    const unsigned char *digits = cursor_take(c, 4);
    if (digits)
        memcpy(hex, digits, 4);
    return (uint8_t)strtoul(hex, NULL, 16); /* only what is below 0x20 is written so */
}

static size_t plain_length(struct slice text) {
    size_t n = 0;
    for (struct cursor c = cursor_of_slice(text); cursor_left(&c); n++)
        plain_byte(&c);
    return n;
}

/* MySQL's order: by length, then by bytes. */
static int key_compare(struct slice a, struct slice b) {
    if (slice_equal(a, b))
        return 0;
    size_t x = plain_length(a), y = plain_length(b);
    if (x != y)
        return x < y ? -1 : 1;
    struct cursor c = cursor_of_slice(a), d = cursor_of_slice(b);
    while (cursor_left(&c) && cursor_left(&d)) {
        int difference = plain_byte(&c) - plain_byte(&d);
        if (difference)
            return difference;
    }
    return 0;
}

/* ---- paths: Json_path_leg::to_string() in the server's sql-common/json_path.cc */

struct leg {
    bool member;
    bool from_end;     /* [last-N] */
    struct slice name; /* escaped, as in the document */
    uint64_t index;
};

static bool read_index(struct cursor *c, struct leg *ret) {
    for (const char *word = "last"; next_is(c, *word) && *word; word++) {
        cursor_skip(c, 1);
        ret->from_end = true;
    }
    if (ret->from_end && take(c, ']'))
        return true;
    if (ret->from_end && !take(c, '-'))
        return false;
    size_t digits = 0;
    for (; cursor_left(c) && !next_is(c, ']'); digits++) {
        uint8_t digit = cursor_u8(c);
        if (digit < '0' || digit > '9' || digits == 10)
            return false;
        ret->index = ret->index * 10 + digit - '0';
    }
    return digits && take(c, ']');
}

static bool read_leg(struct cursor *c, struct leg *ret) {
    *ret = (struct leg){0};
    if (take(c, '['))
        return read_index(c, ret);
    if (!take(c, '.'))
        return false;
    ret->member = true;
    if (take(c, '"'))
        return take_string(c, &ret->name);
    const unsigned char *from = c->at;
    while (cursor_left(c) && !next_is(c, '.') && !next_is(c, '['))
        cursor_skip(c, 1);
    ret->name = since(from, c);
    return ret->name.len > 0;
}

/* ---- places */

/* Where an element is in its container, or would be. */
struct spot {
    bool hit;
    struct element element;   /* of a hit */
    const char *previous_end; /* of the element before; NULL: none */
    const char *next;         /* the start of the element behind; NULL: none */
};

static bool count_elements(struct slice container, uint64_t *ret) {
    struct walk w;
    struct element e;
    *ret = 0;
    for (bool good = walk_begin(&w, container); good && walk_next(&w, &e);)
        ++*ret;
    return !w.failed;
}

/* False: the path does not fit the container. */
static bool locate(struct slice container, const struct leg *leg, struct spot *ret) {
    struct walk w;
    struct element e;
    uint64_t index = leg->index, count;
    *ret = (struct spot){0};
    if (!walk_begin(&w, container) || w.object != leg->member)
        return false;
    bool before_all = false; /* [last] of an empty array: MySQL inserts there */
    if (leg->from_end) {
        if (!count_elements(container, &count))
            return false;
        before_all = index >= count;
        index = count - 1 - index;
    }
    for (uint64_t i = 0; walk_next(&w, &e); i++) {
        int order = leg->member ? key_compare(e.key, leg->name) : before_all ? 1 : (i > index) - (i < index);
        if (order > 0) {
            ret->next = e.start;
            break;
        }
        if (order == 0) {
            ret->hit = true;
            ret->element = e;
        } else {
            ret->previous_end = end_of(e.value);
        }
    }
    return !w.failed;
}

/* ---- changes */

struct change {
    struct slice path, value;
    enum { CHANGE_NONE, CHANGE_REPLACE, CHANGE_INSERT, CHANGE_REMOVE } operation;
};

/* The document with the bytes from `from` to `to` replaced by what `put` adds. */
static void put_around(struct buf *out, struct slice document, const char *from, const char *to, struct slice before,
                       struct slice name, struct slice value, struct slice after) {
    buf_put(out, document.data, (size_t)(from - document.data));
    buf_put_slice(out, before);
    if (name.data) {
        buf_put_char(out, '"');
        buf_put_slice(out, name);
        buf_put(out, "\": ", 3);
    }
    buf_put_slice(out, value);
    buf_put_slice(out, after);
    buf_put(out, to, (size_t)(end_of(document) - to));
}

static bool insert(struct buf *out, struct slice document, struct slice container, const struct leg *leg,
                   const struct spot *spot, struct slice value) {
    const struct slice nothing = {0}, comma = SLICE(", ");
    const char *next = spot->hit ? spot->element.start : spot->next;
    if (spot->hit && leg->member)
        return false;
    if (next)
        put_around(out, document, next, next, nothing, leg->name, value, comma);
    else if (spot->previous_end)
        put_around(out, document, spot->previous_end, spot->previous_end, comma, leg->name, value, nothing);
    else
        put_around(out, document, container.data + 1, container.data + 1, nothing, leg->name, value, nothing);
    return true;
}

static void take_out(struct buf *out, struct slice document, const struct spot *spot) {
    const struct slice nothing = {0};
    const char *from = spot->element.start, *to = end_of(spot->element.value);
    if (spot->next)
        to = spot->next;
    else if (spot->previous_end)
        from = spot->previous_end;
    put_around(out, document, from, to, nothing, nothing, nothing, nothing);
}

static bool apply_change(struct slice document, const struct change *change, struct buf *out) {
    struct cursor path = cursor_of_slice(change->path);
    struct slice container = document;
    struct leg leg;
    struct spot spot;
    if (!take(&path, '$') || !read_leg(&path, &leg))
        return false;
    bool good = locate(container, &leg, &spot);
    while (good && cursor_left(&path)) {
        container = spot.element.value;
        good = spot.hit && read_leg(&path, &leg) && locate(container, &leg, &spot);
    }
    buf_clear(out);
    if (!good)
        return false;
    if (change->operation == CHANGE_INSERT)
        return insert(out, document, container, &leg, &spot, change->value);
    if (!spot.hit)
        return false;
    if (change->operation == CHANGE_REMOVE) {
        take_out(out, document, &spot);
        return true;
    }
    put_around(out, document, spot.element.value.data, end_of(spot.element.value), (struct slice){0}, (struct slice){0},
               change->value, (struct slice){0});
    return true;
}

/* ---- all */

static bool read_operation(struct slice text, struct change *ret) {
    static const char *const names[] = {
        [CHANGE_REPLACE] = "\"replace\"", [CHANGE_INSERT] = "\"insert\"", [CHANGE_REMOVE] = "\"remove\""};
    for (unsigned i = CHANGE_REPLACE; i < ARRAY_LEN(names); i++)
        if (slice_equal(text, slice_of(names[i])))
            ret->operation = i;
    return ret->operation != CHANGE_NONE;
}

/* The path lands in `path`, without the escapes of the string that holds it. */
static bool read_change(struct slice text, struct buf *path, struct change *ret) {
    struct walk w;
    struct element e;
    *ret = (struct change){0};
    buf_clear(path);
    bool good = walk_begin(&w, text) && w.object;
    while (good && walk_next(&w, &e)) {
        if (slice_equal(e.key, SLICE("op"))) {
            good = read_operation(e.value, ret);
        } else if (slice_equal(e.key, SLICE("value"))) {
            ret->value = e.value;
        } else if (slice_equal(e.key, SLICE("path"))) {
            struct cursor c = cursor_of_slice(e.value);
            struct slice inside;
            good = take(&c, '"') && take_string(&c, &inside);
            for (c = good ? cursor_of_slice(inside) : c; good && cursor_left(&c);)
                buf_put_u8(path, plain_byte(&c));
        }
    }
    ret->path = buf_slice(path);
    return good && !w.failed && ret->operation != CHANGE_NONE && (ret->value.data || ret->operation == CHANGE_REMOVE);
}

bool json_diff_apply(struct slice document, struct slice diffs, struct buf *ret) {
    struct buf path defer(buf_deinit) = BUF_SMALL(256, 1 << 30), other defer(buf_deinit) = BUF_SMALL(1024, ret->max);
    struct walk w;
    struct element e;
    bool good = walk_begin(&w, diffs) && !w.object;
    buf_clear(ret);
    buf_put_slice(ret, document);
    while (good && walk_next(&w, &e)) {
        struct change change;
        good = read_change(e.value, &path, &change) && apply_change(buf_slice(ret), &change, &other);
        buf_clear(ret);
        buf_put_slice(ret, buf_slice(&other));
        good = good && !ret->full && !other.full;
    }
    return good && !w.failed && !ret->full;
}
