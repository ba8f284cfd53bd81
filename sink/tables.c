/* The tables of a contract: looked at, made.
 *
 * Looking: DescribeTable; keys, their types and indexes are compared with the contract's; a Scan of one item tells whether it is empty.
 * Making: CreateTable for what is missing, then DescribeTable with growing pauses until table and indexes are ACTIVE, then time to
 * live. A table that differs is left alone and is an error: leat never changes or deletes a table that it finds. */
#include "sink/tables.h"

#include "sink/call.h"
#include "sink/encode.h"
#include "src/base/sys.h"

#include <stdarg.h>
#include <stdio.h>

enum { BODY_MAX = 1 << 20 };

static void free_doc(struct json_doc **doc) {
    json_free(*doc);
    *doc = NULL;
}

static struct slice named_table(struct buf *b, const struct target *target, const char *more) {
    buf_clear(b);
    buf_put_text(b, "{\"TableName\":");
    encode_string(b, slice_of(target->name));
    buf_put_text(b, more);
    buf_put_char(b, '}');
    return buf_slice(b);
}

/* ---- comparing */

static void differs(struct table_report *report, const char *format, ...) printf_like(2, 3);
static void differs(struct table_report *report, const char *format, ...) {
    size_t len = strlen(report->message);
    va_list args;
    va_start(args, format);
    if (len + 3 < sizeof(report->message)) {
        if (len)
            len += (size_t)snprintf(report->message + len, sizeof(report->message) - len, "; ");
        vsnprintf(report->message + len, sizeof(report->message) - len, format, args);
    }
    va_end(args);
    report->state = TABLE_DIFFERENT;
}

static bool text_is(const struct json *v, const char *text) {
    return v && slice_equal(json_string(v), slice_of(text));
}

static const char *text_of(const struct json *object, const char *key) {
    const struct json *v = json_get(object, key);
    const char *text = v ? json_text(v) : NULL;
    return text ? text : "";
}

/* The type of a key attribute, as AttributeDefinitions has it. */
static const char *defined_type(const struct json *table, const char *attribute) {
    for (struct json_iter i = json_iter(json_get(table, "AttributeDefinitions")); json_next(&i);)
        if (text_is(json_get(i.value, "AttributeName"), attribute))
            return text_of(i.value, "AttributeType");
    return "";
}

/* Compares the elements of a KeySchema of one kind (HASH, RANGE) with `parts`. */
static void compare_keys(struct table_report *report, const struct json *table, const struct json *schema,
                         const char *where, const char *kind, const struct key_part *parts, size_t count) {
    size_t n = 0;
    const char *word = strcmp(kind, "HASH") == 0 ? "partition key" : "sort key";
    for (struct json_iter i = json_iter(schema); json_next(&i);) {
        if (!text_is(json_get(i.value, "KeyType"), kind))
            continue;
        const char *name = text_of(i.value, "AttributeName"), *type = defined_type(table, name);
        if (n >= count)
            differs(report, "%s has the %s %s, the contract has none there", where, word, name);
        else if (strcmp(name, parts[n].name) != 0)
            differs(report, "%s has the %s %s, the contract %s", where, word, name, parts[n].name);
        else if (strcmp(type, attr_type_name(parts[n].type)) != 0)
            differs(report, "%s: the %s %s has type %s, in the contract %s", where, word, name, type,
                    attr_type_name(parts[n].type));
        n++;
    }
    for (; n < count; n++)
        differs(report, "%s lacks the %s %s", where, word, parts[n].name);
}

static const struct json *find_index(const struct json *table, const char *name) {
    for (struct json_iter i = json_iter(json_get(table, "GlobalSecondaryIndexes")); json_next(&i);)
        if (text_is(json_get(i.value, "IndexName"), name))
            return i.value;
    return NULL;
}

static const char *const projection_names[] = {
    [PROJECT_ALL] = "ALL", [PROJECT_KEYS_ONLY] = "KEYS_ONLY", [PROJECT_INCLUDE] = "INCLUDE"};

static void compare_projection(struct table_report *report, const struct target_index *index,
                               const struct json *projection) {
    const char *type = text_of(projection, "ProjectionType");
    if (strcmp(type, projection_names[index->projection]) != 0) {
        differs(report, "index %s projects %s, in the contract %s", index->name, type,
                projection_names[index->projection]);
        return;
    }
    const struct json *names = json_get(projection, "NonKeyAttributes");
    for (size_t n = 0; index->projection == PROJECT_INCLUDE && n < index->projected_count; n++) {
        bool found = false;
        for (struct json_iter i = json_iter(names); json_next(&i);)
            found |= text_is(i.value, index->projected[n]);
        if (!found)
            differs(report, "index %s does not project %s", index->name, index->projected[n]);
    }
}

static void compare_table(struct table_report *report, const struct json *table) {
    const struct target *t = report->target;
    const struct json *schema = json_get(table, "KeySchema");
    compare_keys(report, table, schema, "the table", "HASH", &t->pk, 1);
    compare_keys(report, table, schema, "the table", "RANGE", &t->sk, t->sk.name ? 1 : 0);
    for (size_t i = 0; i < t->index_count; i++) {
        const struct target_index *index = &t->indexes[i];
        const struct json *there = find_index(table, index->name);
        char where[300];
        snprintf(where, sizeof(where), "index %s", index->name);
        if (!there) {
            differs(report, "index %s is missing", index->name);
            continue;
        }
        compare_keys(report, table, json_get(there, "KeySchema"), where, "HASH", index->pk, index->pk_count);
        compare_keys(report, table, json_get(there, "KeySchema"), where, "RANGE", index->sk, index->sk_count);
        compare_projection(report, index, json_get(there, "Projection"));
    }
}

static bool is_changing(const struct json *table) {
    const char *status = text_of(table, "TableStatus");
    if (strcmp(status, "ACTIVE") != 0 && strcmp(status, "UPDATING") != 0)
        return true;
    for (struct json_iter i = json_iter(json_get(table, "GlobalSecondaryIndexes")); json_next(&i);)
        if (!text_is(json_get(i.value, "IndexStatus"), "ACTIVE") &&
            !text_is(json_get(i.value, "IndexStatus"), "UPDATING"))
            return true;
    return false;
}

/* ---- looking */

static int look_at(struct call *c, struct table_report *report, struct error *error) {
    defer(buf_deinit) struct buf body = BUF_INIT(BODY_MAX);
    defer(free_doc) struct json_doc *doc = NULL;
    report->message[0] = 0;
    int r = call_dynamo(c, "DescribeTable", named_table(&body, report->target, ""), &doc, error);
    if (r < 0)
        return error_wrap(error, r, "table %s", report->target->name);
    if (r > 0 && c->kind != KIND_TABLE)
        return call_refused(c, "DescribeTable", report->target->name, error);
    if (r > 0) {
        report->state = TABLE_MISSING;
        snprintf(report->message, sizeof(report->message), "the table does not exist");
        return 0;
    }
    const struct json *table = json_get(json_root(doc), "Table");
    if (!table)
        return error_set(error, ERR_TARGET, "table %s: DescribeTable answered without a Table", report->target->name);
    report->state = is_changing(table) ? TABLE_CHANGING : TABLE_ACTIVE;
    if (report->state == TABLE_CHANGING)
        snprintf(report->message, sizeof(report->message), "the table or an index is %s",
                 text_of(table, "TableStatus"));
    if (strcmp(text_of(table, "TableStatus"), "DELETING") != 0)
        compare_table(report, table);
    return 0;
}

static int look_inside(struct call *c, struct table_report *report, struct error *error) {
    defer(buf_deinit) struct buf body = BUF_INIT(BODY_MAX);
    defer(free_doc) struct json_doc *doc = NULL;
    int r =
        call_dynamo(c, "Scan", named_table(&body, report->target, ",\"Limit\":1,\"ConsistentRead\":true"), &doc, error);
    if (r > 0)
        return call_refused(c, "Scan", report->target->name, error);
    if (r < 0)
        return error_wrap(error, r, "table %s", report->target->name);
    const struct json *items = json_get(json_root(doc), "Items");
    report->empty = items && json_count(items) == 0;
    return 0;
}

static int look_at_all(struct call *c, const struct contract *contract, struct table_report *reports,
                       struct error *error) {
    for (size_t i = 0; i < contract->target_count; i++) {
        reports[i] = (struct table_report){.target = contract->targets[i], .empty = true};
        int r = look_at(c, &reports[i], error);
        if (r == 0 && (reports[i].state == TABLE_ACTIVE || reports[i].state == TABLE_DIFFERENT))
            r = look_inside(c, &reports[i], error);
        if (r < 0)
            return r;
    }
    return 0;
}

int tables_look(const struct sink_options *options, struct table_report *reports, struct error *error) {
    struct call c;
    int r = call_open(&c, options, error);
    if (r == 0)
        r = look_at_all(&c, options->contract, reports, error);
    call_close(&c);
    return r;
}

/* ---- making */

static void put_keys(struct buf *b, const struct key_part *parts, size_t count, const char *kind, bool *first) {
    for (size_t i = 0; i < count; i++) {
        buf_put_text(b, *first ? "{\"AttributeName\":" : ",{\"AttributeName\":");
        encode_string(b, slice_of(parts[i].name));
        buf_printf(b, ",\"KeyType\":\"%s\"}", kind);
        *first = false;
    }
}

static void put_key_schema(struct buf *b, const struct key_part *pk, size_t pk_count, const struct key_part *sk,
                           size_t sk_count) {
    bool first = true;
    buf_put_text(b, "\"KeySchema\":[");
    put_keys(b, pk, pk_count, "HASH", &first);
    put_keys(b, sk, sk_count, "RANGE", &first);
    buf_put_char(b, ']');
}

/* Is `name` among the names that `seen` keeps, each with its NUL? */
static bool has_name(const struct buf *seen, const char *name) {
    for (size_t at = 0; at < seen->len; at += strlen(seen->data + at) + 1)
        if (strcmp(seen->data + at, name) == 0)
            return true;
    return false;
}

/* Each key attribute once, whatever number of indexes use it. */
static void put_definitions(struct buf *b, struct buf *seen, const struct key_part *parts, size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (has_name(seen, parts[i].name))
            continue;
        buf_put_text(b, seen->len ? ",{\"AttributeName\":" : "{\"AttributeName\":");
        encode_string(b, slice_of(parts[i].name));
        buf_printf(b, ",\"AttributeType\":\"%s\"}", attr_type_name(parts[i].type));
        buf_put(seen, parts[i].name, strlen(parts[i].name) + 1);
    }
}

static void put_all_definitions(struct buf *b, const struct target *t) {
    defer(buf_deinit) struct buf seen = BUF_INIT(BODY_MAX);
    buf_put_text(b, "\"AttributeDefinitions\":[");
    put_definitions(b, &seen, &t->pk, 1);
    put_definitions(b, &seen, &t->sk, t->sk.name ? 1 : 0);
    for (size_t i = 0; i < t->index_count; i++) {
        put_definitions(b, &seen, t->indexes[i].pk, t->indexes[i].pk_count);
        put_definitions(b, &seen, t->indexes[i].sk, t->indexes[i].sk_count);
    }
    buf_put_char(b, ']');
}

static void put_throughput(struct buf *b, const struct target *t) {
    buf_printf(b, ",\"ProvisionedThroughput\":{\"ReadCapacityUnits\":%llu,\"WriteCapacityUnits\":%llu}",
               (unsigned long long)t->read_units, (unsigned long long)t->write_units);
}

static void put_index(struct buf *b, const struct target *t, const struct target_index *index) {
    buf_put_text(b, "{\"IndexName\":");
    encode_string(b, slice_of(index->name));
    buf_put_char(b, ',');
    put_key_schema(b, index->pk, index->pk_count, index->sk, index->sk_count);
    buf_printf(b, ",\"Projection\":{\"ProjectionType\":\"%s\"", projection_names[index->projection]);
    for (size_t i = 0; index->projection == PROJECT_INCLUDE && i < index->projected_count; i++) {
        buf_put_text(b, i ? "," : ",\"NonKeyAttributes\":[");
        encode_string(b, slice_of(index->projected[i]));
        if (i + 1 == index->projected_count)
            buf_put_char(b, ']');
    }
    buf_put_char(b, '}');
    if (t->provisioned)
        put_throughput(b, t);
    buf_put_char(b, '}');
}

static struct slice create_body(struct buf *b, const struct target *t) {
    buf_clear(b);
    buf_put_text(b, "{\"TableName\":");
    encode_string(b, slice_of(t->name));
    buf_put_char(b, ',');
    put_all_definitions(b, t);
    buf_put_char(b, ',');
    put_key_schema(b, &t->pk, 1, &t->sk, t->sk.name ? 1 : 0);
    for (size_t i = 0; i < t->index_count; i++) {
        buf_put_text(b, i ? "," : ",\"GlobalSecondaryIndexes\":[");
        put_index(b, t, &t->indexes[i]);
    }
    if (t->index_count)
        buf_put_char(b, ']');
    buf_put_text(b, t->provisioned ? ",\"BillingMode\":\"PROVISIONED\"" : ",\"BillingMode\":\"PAY_PER_REQUEST\"");
    if (t->provisioned)
        put_throughput(b, t);
    buf_put_char(b, '}');
    return buf_slice(b);
}

struct making {
    struct call call;
    void (*progress)(void *context, const struct target *target, const char *what);
    void *context;
    int64_t deadline_us;
};

static void tell(struct making *m, const struct target *target, const char *what) {
    if (m->progress)
        m->progress(m->context, target, what);
}

static int create_one(struct making *m, struct table_report *report, struct error *error) {
    defer(buf_deinit) struct buf body = BUF_INIT(BODY_MAX);
    defer(free_doc) struct json_doc *doc = NULL;
    tell(m, report->target, "creating");
    int r = call_dynamo(&m->call, "CreateTable", create_body(&body, report->target), &doc, error);
    if (r < 0)
        return error_wrap(error, r, "table %s", report->target->name);
    if (r > 0 && strcmp(m->call.type, "ResourceInUseException") != 0) /* else somebody makes it at this moment */
        return call_refused(&m->call, "CreateTable", report->target->name, error);
    report->created = r == 0;
    return 0;
}

static int wait_active(struct making *m, struct table_report *report, struct error *error) {
    for (unsigned attempt = 0;; attempt++) {
        int r = look_at(&m->call, report, error);
        if (r < 0)
            return r;
        if (report->state == TABLE_DIFFERENT)
            return error_set(error, ERR_TARGET, "table %s: %s", report->target->name, report->message);
        if (report->state == TABLE_ACTIVE)
            return 0;
        int64_t pause_us = MIN((int64_t)50000 << MIN(attempt, 7u), (int64_t)5000000);
        if (sys_monotonic_us() + pause_us > m->deadline_us)
            return error_set(error, ERR_TARGET, "table %s is not ACTIVE yet (%s); look again later, or give more time",
                             report->target->name, report->message);
        sys.sleep_ms(pause_us / 1000);
    }
}

static int set_ttl(struct making *m, const struct target *t, struct error *error) {
    defer(buf_deinit) struct buf body = BUF_INIT(BODY_MAX);
    defer(free_doc) struct json_doc *now = NULL;
    int r = call_dynamo(&m->call, "DescribeTimeToLive", named_table(&body, t, ""), &now, error);
    if (r != 0)
        return r > 0 ? call_refused(&m->call, "DescribeTimeToLive", t->name, error)
                     : error_wrap(error, r, "table %s", t->name);
    const struct json *description = json_get(json_root(now), "TimeToLiveDescription");
    const char *status = description ? text_of(description, "TimeToLiveStatus") : "";
    if (strcmp(status, "ENABLED") == 0 || strcmp(status, "ENABLING") == 0) {
        const char *name = text_of(description, "AttributeName");
        if (*name && strcmp(name, t->ttl) != 0)
            return error_set(error, ERR_TARGET, "table %s: its time to live is attribute %s, in the contract %s",
                             t->name, name, t->ttl);
        return 0;
    }
    defer(free_doc) struct json_doc *done = NULL;
    buf_clear(&body);
    buf_put_text(&body, "{\"TableName\":");
    encode_string(&body, slice_of(t->name));
    buf_put_text(&body, ",\"TimeToLiveSpecification\":{\"Enabled\":true,\"AttributeName\":");
    encode_string(&body, slice_of(t->ttl));
    buf_put_text(&body, "}}");
    tell(m, t, "setting time to live");
    r = call_dynamo(&m->call, "UpdateTimeToLive", buf_slice(&body), &done, error);
    if (r > 0)
        return call_refused(&m->call, "UpdateTimeToLive", t->name, error);
    return r < 0 ? error_wrap(error, r, "table %s", t->name) : 0;
}

static int check_differing(const struct contract *contract, const struct table_report *reports, struct error *error) {
    for (size_t i = 0; i < contract->target_count; i++)
        if (reports[i].state == TABLE_DIFFERENT)
            return error_set(
                error, ERR_TARGET,
                "table %s is not what the contract says: %s. leat changes no table that exists: delete it, "
                "set another table_prefix, or correct the contract",
                contract->targets[i]->name, reports[i].message);
    return 0;
}

static int create_all(struct making *m, const struct contract *contract, struct table_report *reports,
                      struct error *error) {
    int r = look_at_all(&m->call, contract, reports, error);
    if (r == 0)
        r = check_differing(contract, reports, error);
    for (size_t i = 0; r == 0 && i < contract->target_count; i++)
        if (reports[i].state == TABLE_MISSING)
            r = create_one(m, &reports[i], error);
    for (size_t i = 0; r == 0 && i < contract->target_count; i++) {
        r = wait_active(m, &reports[i], error);
        if (r == 0 && contract->targets[i]->ttl)
            r = set_ttl(m, contract->targets[i], error);
        if (r == 0)
            tell(m, contract->targets[i], reports[i].created ? "created" : "exists");
    }
    return r;
}

int tables_create(const struct sink_options *options, int64_t timeout_ms, struct table_report *reports,
                  void (*progress)(void *context, const struct target *target, const char *what), void *context,
                  struct error *error) {
    struct making m = {.progress = progress, .context = context, .deadline_us = sys_monotonic_us() + timeout_ms * 1000};
    int r = call_open(&m.call, options, error);
    if (r == 0)
        r = create_all(&m, options->contract, reports, error);
    call_close(&m.call);
    return r;
}
