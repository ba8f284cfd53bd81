/* Reading answers: hostile input, so everything that is not understood counts as "not known": again, and ambiguous. */
#include "sink/answer.h"

#include "src/base/json.h"

#include <stdio.h>

static void free_doc(struct json_doc **doc) {
    json_free(*doc);
}

static void copy_json_text(char *to, size_t size, const struct json *v) {
    struct slice text = v ? json_string(v) : (struct slice){0};
    size_t n = MIN(size - 1, text.len);
    while (n > 0 && n < text.len && ((unsigned char)text.data[n] & 0xC0) == 0x80)
        n--; /* not in the middle of a character */
    if (n)
        memcpy(to, text.data, n);
    to[n] = 0;
}

static const struct json *either(const struct json *object, const char *a, const char *b) {
    const struct json *v = json_get(object, a);
    return v ? v : json_get(object, b);
}

static void read_error(const struct json *root, char *type, size_t type_size, char *message, size_t message_size) {
    char full[160];
    const struct json *v = json_get(root, "__type");
    copy_json_text(full, sizeof(full), v);
    const char *hash = strrchr(full, '#');
    snprintf(type, type_size, "%s", hash ? hash + 1 : full);
    copy_json_text(message, message_size, either(root, "message", "Message"));
}

void answer_error(struct slice body, char *type, size_t type_size, char *message, size_t message_size) {
    defer(free_doc) struct json_doc *doc = NULL;
    struct error ignored;
    type[0] = message[0] = 0;
    if (json_parse(&doc, "answer", body, &ignored) == 0 && json_type(json_root(doc)) == JSON_OBJECT)
        read_error(json_root(doc), type, type_size, message, message_size);
}

/* ---- consumed units */

static uint64_t read_units(const struct json *root) {
    double units = 0;
    for (struct json_iter i = json_iter(json_get(root, "ConsumedCapacity")); json_next(&i);) {
        const struct json *v = json_get(i.value, "CapacityUnits");
        struct slice digits = v ? json_number(v) : (struct slice){0};
        double whole = 0, place = 1;
        for (size_t n = 0; n < digits.len && n < 15; n++) {
            if (digits.data[n] == '.')
                place = place == 1 ? 0.1 : place;
            else if (digits.data[n] >= '0' && digits.data[n] <= '9' && place == 1)
                whole = whole * 10 + (digits.data[n] - '0');
            else if (digits.data[n] >= '0' && digits.data[n] <= '9')
                whole += (digits.data[n] - '0') * place, place /= 10;
        }
        units += whole;
    }
    return (uint64_t)(units * 1000 + 0.5);
}

/* ---- left-overs */

static bool base64_equal(struct slice text, struct slice bytes) {
    size_t len = 4 * ((bytes.len + 2) / 3);
    if (text.len != len)
        return false;
    char encoded[4 * ((ITEM_PK_MAX + 2) / 3) + 4];
    return bytes.len <= ITEM_PK_MAX && base64_encode((const unsigned char *)bytes.data, bytes.len, encoded) == len &&
           memcmp(encoded, text.data, len) == 0;
}

static bool number_equal(struct slice text, struct slice normal) {
    struct buf b = BUF_INIT(512);
    bool equal = number_normalise(text, &b) && slice_equal(buf_slice(&b), normal);
    buf_deinit(&b);
    return equal;
}

/* Is `attributes`' member the key part `part` with this value (as item_key has it)? */
static bool part_equal(const struct json *attributes, const struct key_part *part, struct slice value) {
    const struct json *v = json_get(attributes, part->name);
    const struct json *inner = v ? json_get(v, attr_type_name(part->type)) : NULL;
    if (!inner || json_type(inner) != JSON_STRING)
        return false;
    struct slice text = json_string(inner);
    if (part->type == ATTR_B)
        return base64_equal(text, value);
    return slice_equal(text, value) || (part->type == ATTR_N && number_equal(text, value));
}

static bool is_write(const struct json *attributes, const struct target *target, const struct write *w) {
    struct item_key key;
    return item_key_get(write_key(w), &key) && part_equal(attributes, &target->pk, key.pk) &&
           (!target->sk.name || part_equal(attributes, &target->sk, key.sk));
}

/* Marks the write that one element of UnprocessedItems names; false when there is none. */
static bool mark_one(struct request *r, const struct target *target, const struct json *element) {
    const struct json *put = json_get(element, "PutRequest"), *del = json_get(element, "DeleteRequest");
    const struct json *attributes = put ? json_get(put, "Item") : del ? json_get(del, "Key") : NULL;
    if (!attributes)
        return false;
    for (size_t i = 0; i < r->count; i++)
        if (r->writes[i]->target == target->number && r->fates[i] == FATE_WRITTEN &&
            is_write(attributes, target, r->writes[i])) {
            r->fates[i] = FATE_LEFT_OVER;
            return true;
        }
    return false;
}

static const struct target *target_named(const struct contract *contract, struct slice name) {
    for (size_t i = 0; i < contract->target_count; i++)
        if (slice_equal(name, slice_of(contract->targets[i]->name)))
            return contract->targets[i];
    return NULL;
}

/* False when the answer names something that was not asked. */
static bool mark_left_overs(struct answer *a, struct request *r, const struct json *unprocessed,
                            const struct contract *contract) {
    for (struct json_iter t = json_iter(unprocessed); json_next(&t);) {
        const struct target *target = target_named(contract, json_string(t.key));
        if (!target)
            return false;
        for (struct json_iter i = json_iter(t.value); json_next(&i);) {
            if (!mark_one(r, target, i.value))
                return false;
            a->left_over++;
        }
    }
    return true;
}

/* ---- the whole */

static void unknown(struct answer *a, struct request *r, const char *why) {
    a->kind = KIND_TRANSIENT;
    a->ambiguous = true;
    a->left_over = 0;
    snprintf(a->message, sizeof(a->message), "%s", why);
    memset(r->fates, FATE_REFUSED, r->count);
}

static void read_success(struct answer *a, struct request *r, const struct json *root,
                         const struct contract *contract) {
    memset(r->fates, FATE_WRITTEN, r->count);
    a->units_milli = read_units(root);
    if (r->transact)
        return;
    const struct json *unprocessed = json_get(root, "UnprocessedItems");
    if (!unprocessed || json_type(unprocessed) != JSON_OBJECT)
        unknown(a, r, "the answer has no UnprocessedItems");
    else if (!mark_left_overs(a, r, unprocessed, contract))
        unknown(a, r, "UnprocessedItems names an item that was not in the request");
}

static void read_cancellation(struct answer *a, struct request *r, const struct json *root) {
    const struct json *reasons = json_get(root, "CancellationReasons");
    if (!reasons || json_count(reasons) != r->count) {
        a->kind = KIND_CONFLICT; /* no reasons to be read: again, whole */
        return;
    }
    size_t n = 0;
    for (struct json_iter i = json_iter(reasons); json_next(&i) && n < r->count; n++) {
        char code[64];
        copy_json_text(code, sizeof(code), json_get(i.value, "Code"));
        copy_json_text(a->item_messages[n], sizeof(a->item_messages[n]), either(i.value, "Message", "message"));
        a->item_kinds[n] = error_kind_of(400, code, a->item_messages[n]);
    }
}

void answer_read(struct answer *a, const struct http_answer *http, struct request *r, const struct contract *contract) {
    a->kind = KIND_NONE;
    a->ambiguous = http->resent;
    a->left_over = 0;
    a->units_milli = 0;
    a->type[0] = a->message[0] = 0;
    memset(r->fates, FATE_REFUSED, r->count);
    if (!http->whole) {
        unknown(a, r, http->failure);
        a->ambiguous = http->sent;
        return;
    }
    defer(free_doc) struct json_doc *doc = NULL;
    struct error ignored;
    bool parsed = json_parse(&doc, "answer", http->body, &ignored) == 0 && json_type(json_root(doc)) == JSON_OBJECT;
    if (http->status == 200) {
        if (parsed)
            read_success(a, r, json_root(doc), contract);
        else
            unknown(a, r, "the answer is no JSON object");
        return;
    }
    if (parsed)
        read_error(json_root(doc), a->type, sizeof(a->type), a->message, sizeof(a->message));
    a->kind = error_kind_of(http->status, a->type, a->message);
    a->ambiguous |= http->status >= 500;
    if (a->kind == KIND_CANCELED)
        read_cancellation(a, r, json_root(doc));
}
