/* Drives sink/ from a test: reads commands as JSON lines, prints what came of them as JSON lines.
 *
 *   sink_drive encode                  a line of DynamoDB JSON in, its encoding by sink/encode.c out
 *   sink_drive sign                    {"method","headers":[[name,value]...],"body","time","region","service","secret"} in,
 *                                      {"canonical","to_sign","signature"} out
 *   sink_drive run OPTION=VALUE... TABLE...   a sender; TABLE is name:pk:S or name:pk:S:sk:N; options: endpoint region connections
 *                                      timeout_ms ca insecure queue_bytes. Commands:
 *     {"do":"write","transact":false,"writes":[{"ticket":1,"table":0,"item":{...}} or {..., "key":{...}}]}
 *     {"do":"numbers"}  {"do":"look"}  {"do":"create","timeout_ms":10000}
 *     {"do":"load","count":N,"bytes":N}   writes of its own, as fast as they go; prints the rate and the CPU time
 *     {"do":"latency","count":N}          one write at a time; prints how long an outcome takes
 */
#include "sink/encode.h"
#include "sink/sigv4.h"
#include "sink/tables.h"
#include "src/base/json.h"
#include "src/base/sys.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

enum { TABLES = 8, LINE_MAX_BYTES = 64 << 20 };

static void die(const char *what, const char *why) {
    printf("{\"error\":\"%s: ", what);
    for (; *why; why++)
        printf(*why == '"' || *why == '\\' ? "\\%c" : "%c", *why);
    printf("\"}\n");
    exit(1);
}

/* ---- DynamoDB JSON to items */

static int base64_digit(char c) {
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const char *at = c ? strchr(digits, c) : NULL;
    return at ? (int)(at - digits) : -1;
}

static struct slice base64_decode(struct arena *arena, struct slice text) {
    char *out = arena_alloc(arena, text.len);
    size_t n = 0;
    uint32_t bits = 0;
    unsigned count = 0;
    for (size_t i = 0; i < text.len && base64_digit(text.data[i]) >= 0; i++) {
        bits = bits << 6 | (uint32_t)base64_digit(text.data[i]);
        count += 6;
        if (count >= 8) {
            count -= 8;
            out[n++] = (char)(bits >> count);
        }
    }
    return (struct slice){out, n};
}

static struct slice scalar(struct arena *arena, enum attr_type type, const struct json *v) {
    struct slice text = json_string(v);
    if (type == ATTR_B)
        return base64_decode(arena, text);
    return (struct slice){arena_copy(arena, text.data ? text.data : "", text.len), text.len};
}

static const struct attr_member *read_members(struct arena *arena, const struct json *object, uint32_t *ret_count);

static struct attr read_attr(struct arena *arena, const struct json *v) {
    struct json_iter i = json_iter(v);
    enum attr_type type = ATTR_S;
    if (!json_next(&i) || !attr_type_parse(json_string(i.key), &type))
        die("attribute", "not of the form {\"S\": ...}");
    struct attr attr = {.type = (uint8_t)type};
    if (type == ATTR_S || type == ATTR_N || type == ATTR_B)
        attr.text = scalar(arena, type, i.value);
    else if (type == ATTR_BOOL)
        attr.boolean = json_bool(i.value);
    else if (type == ATTR_M)
        attr.members = read_members(arena, i.value, &attr.count);
    else if (type != ATTR_NULL) {
        attr.count = (uint32_t)json_count(i.value);
        struct attr *elements = arena_zalloc(arena, MAX(attr.count, 1u) * sizeof(*elements));
        enum attr_type inner = type == ATTR_SS ? ATTR_S : type == ATTR_NS ? ATTR_N : ATTR_B;
        for (struct json_iter e = json_iter(i.value); json_next(&e);)
            elements[e.index] = type == ATTR_L
                                    ? read_attr(arena, e.value)
                                    : (struct attr){.type = (uint8_t)inner, .text = scalar(arena, inner, e.value)};
        attr.elements = elements;
    }
    return attr;
}

static const struct attr_member *read_members(struct arena *arena, const struct json *object, uint32_t *ret_count) {
    *ret_count = (uint32_t)json_count(object);
    struct attr_member *members = arena_zalloc(arena, MAX(*ret_count, 1u) * sizeof(*members));
    for (struct json_iter i = json_iter(object); json_next(&i);)
        members[i.index] =
            (struct attr_member){.name = scalar(arena, ATTR_S, i.key), .value = read_attr(arena, i.value)};
    return members;
}

static const struct item *read_item(struct arena *arena, const struct json *object) {
    struct item *item = arena_zalloc(arena, sizeof(*item));
    uint32_t count = 0;
    item->members = read_members(arena, object, &count);
    item->count = count;
    return item;
}

/* ---- lines */

static struct json_doc *parse(struct slice line) {
    struct json_doc *doc = NULL;
    struct error error;
    if (json_parse(&doc, "line", line, &error) < 0)
        die("line", error.text);
    return doc;
}

static void encode_lines(void) {
    char *line = NULL;
    size_t cap = 0;
    struct buf out = BUF_INIT(LINE_MAX_BYTES);
    struct arena arena = {0};
    for (ssize_t n; (n = getline(&line, &cap, stdin)) > 0;) {
        struct json_doc *doc = parse((struct slice){line, (size_t)n});
        buf_clear(&out);
        encode_item(&out, read_item(&arena, json_root(doc)));
        fwrite(out.data, 1, out.len, stdout);
        putchar('\n');
        json_free(doc);
        arena_reset(&arena);
    }
    free(line);
    buf_deinit(&out);
    arena_deinit(&arena);
}

static void sign_one(const struct json *v) {
    struct sigv4_header headers[32];
    size_t count = 0;
    for (struct json_iter i = json_iter(json_get(v, "headers")); json_next(&i) && count < 32; count++)
        headers[count] = (struct sigv4_header){json_string(json_at(i.value, 0)), json_string(json_at(i.value, 1))};
    struct buf canonical = BUF_INIT(1 << 20), names = BUF_INIT(65536), to_sign = BUF_INIT(65536),
               scope = BUF_INIT(1024), out = BUF_INIT(4 << 20);
    struct slice at = json_string(json_get(v, "time")), region = json_string(json_get(v, "region")),
                 service = json_string(json_get(v, "service"));
    buf_printf(&scope, "%.8s/%.*s/%.*s/aws4_request", at.data, (int)region.len, region.data, (int)service.len,
               service.data);
    sigv4_canonical_request(&canonical, &names, json_string(json_get(v, "method")), headers, count,
                            json_string(json_get(v, "body")));
    sigv4_string_to_sign(&to_sign, at, buf_slice(&scope), buf_slice(&canonical));
    unsigned char key[SHA256_SIZE];
    char signature[SHA256_HEX];
    sigv4_signing_key(key, json_string(json_get(v, "secret")), (struct slice){at.data, 8}, region, service);
    sigv4_signature(key, buf_slice(&to_sign), signature);
    struct json_out o = JSON_OUT(&out);
    json_open(&o, '{');
    json_key(&o, "canonical");
    json_put_slice(&o, buf_slice(&canonical));
    json_key(&o, "to_sign");
    json_put_slice(&o, buf_slice(&to_sign));
    json_key(&o, "signature");
    json_put_text(&o, signature);
    json_close(&o, '}');
    printf("%s\n", buf_text(&out));
    buf_deinit(&canonical);
    buf_deinit(&names);
    buf_deinit(&to_sign);
    buf_deinit(&scope);
    buf_deinit(&out);
}

static void sign_lines(void) {
    char *line = NULL;
    size_t cap = 0;
    for (ssize_t n; (n = getline(&line, &cap, stdin)) > 0;) {
        struct json_doc *doc = parse((struct slice){line, (size_t)n});
        sign_one(json_root(doc));
        json_free(doc);
    }
    free(line);
}

/* ---- a sender */

struct drive {
    struct sink_options options;
    struct contract contract;
    struct target targets[TABLES], *target_list[TABLES];
    struct sink *sink;
    struct arena arena;
    struct buf in;
};

static char *part(char **at) {
    char *begin = *at;
    if (!begin)
        return NULL;
    char *colon = strchr(begin, ':');
    if (colon)
        *colon++ = 0;
    *at = colon;
    return begin;
}

/* An index by each of the names, which are of type S. */
static void add_indexes(struct drive *d, struct target *t, char *names) {
    enum { INDEXES = 4 };
    struct target_index *indexes = arena_zalloc(&d->arena, INDEXES * sizeof(*indexes));
    for (const char *name; t->index_count < INDEXES && (name = part(&names));) {
        struct key_part *pk = arena_alloc(&d->arena, sizeof(*pk));
        *pk = (struct key_part){name, ATTR_S};
        indexes[t->index_count] =
            (struct target_index){.name = arena_printf(&d->arena, "index%zu", t->index_count), .pk = pk, .pk_count = 1};
        t->index_count++;
    }
    t->indexes = indexes;
}

static void add_table(struct drive *d, char *text) {
    struct target *t = &d->targets[d->contract.target_count];
    char *name = part(&text), *pk = part(&text), *pk_type = part(&text), *sk = part(&text), *sk_type = part(&text);
    if (!pk_type || d->contract.target_count == TABLES)
        die("table", "write name:pk:S or name:pk:S:sk:N, and names of indexes' attributes");
    *t = (struct target){.number = (unsigned)d->contract.target_count, .name = name, .pk.name = pk, .sk.name = sk};
    if (!attr_type_parse(slice_of(pk_type), &t->pk.type) || (sk && !attr_type_parse(slice_of(sk_type), &t->sk.type)))
        die("table", "no such type");
    add_indexes(d, t, text);
    d->target_list[d->contract.target_count++] = t;
}

static void read_argument(struct drive *d, char *text) {
    char *value = strchr(text, '=');
    if (!value) {
        add_table(d, text);
        return;
    }
    *value++ = 0;
    struct sink_options *o = &d->options;
    long number = strtol(value, NULL, 10);
    if (strcmp(text, "endpoint") == 0)
        o->endpoint = value;
    else if (strcmp(text, "region") == 0)
        o->region = value;
    else if (strcmp(text, "ca") == 0)
        o->ca_file = value;
    else if (strcmp(text, "connections") == 0)
        o->connections = (unsigned)number;
    else if (strcmp(text, "timeout_ms") == 0)
        o->request_timeout_ms = (unsigned)number;
    else if (strcmp(text, "queue_bytes") == 0)
        o->queue_bytes = (size_t)number;
    else if (strcmp(text, "insecure") == 0)
        o->allow_insecure_endpoint = number != 0;
    else
        die("option", text);
}

/* The key bytes from the item's or the key's attributes. */
static struct slice key_of(struct drive *d, const struct target *t, const struct item *item) {
    struct item_key key = {.target = (uint16_t)t->number};
    struct buf number = BUF_INIT(256), bytes = BUF_INIT(8192);
    for (size_t i = 0; i < item->count; i++) {
        bool pk = slice_equal(item->members[i].name, slice_of(t->pk.name));
        bool sk = t->sk.name && slice_equal(item->members[i].name, slice_of(t->sk.name));
        if (!pk && !sk)
            continue;
        struct slice text = item->members[i].value.text;
        buf_clear(&number);
        if (item->members[i].value.type == ATTR_N && number_normalise(text, &number))
            text = (struct slice){arena_copy(&d->arena, number.data, number.len), number.len};
        *(pk ? &key.pk : &key.sk) = text;
    }
    item_key_put(&bytes, &key);
    struct slice ret = {arena_copy(&d->arena, bytes.data, bytes.len), bytes.len};
    buf_deinit(&number);
    buf_deinit(&bytes);
    return ret;
}

static void do_write(struct drive *d, const struct json *command) {
    const struct json *list = json_get(command, "writes");
    size_t count = json_count(list);
    struct item_write *writes = arena_zalloc(&d->arena, MAX(count, (size_t)1) * sizeof(*writes));
    for (struct json_iter i = json_iter(list); json_next(&i);) {
        int64_t ticket = 0, table = 0;
        if (!json_int(json_get(i.value, "ticket"), &ticket) || !json_int(json_get(i.value, "table"), &table) ||
            (size_t)table >= d->contract.target_count)
            die("write", "ticket or table");
        const struct json *item = json_get(i.value, "item");
        const struct item *read = read_item(&d->arena, item ? item : json_get(i.value, "key"));
        writes[i.index] = (struct item_write){
            .key = key_of(d, &d->targets[table], read), .item = item ? read : NULL, .ticket = (uint64_t)ticket};
    }
    struct error error;
    const struct json *transact = json_get(command, "transact");
    if (sink_submit(d->sink, writes, count, transact && json_bool(transact), &error) < 0)
        die("submit", error.text);
}

static void print_outcome(const struct outcome *o) {
    static const char *const kinds[] = {"written", "again", "poison"};
    struct buf b = BUF_INIT(4096);
    struct json_out out = JSON_OUT(&b);
    json_open(&out, '{');
    json_key(&out, "ticket");
    json_put_uint(&out, o->ticket);
    json_key(&out, "kind");
    json_put_text(&out, kinds[o->kind]);
    json_key(&out, "ambiguous_us");
    json_put_int(&out, o->ambiguous_us);
    json_key(&out, "reason");
    json_put_text(&out, o->kind == OUTCOME_POISON ? o->reason : NULL);
    json_close(&out, '}');
    printf("%s\n", buf_text(&b));
    buf_deinit(&b);
}

static void do_numbers(struct drive *d) {
    struct sink_numbers n;
    sink_numbers(d->sink, &n);
    struct buf b = BUF_INIT(8192);
    struct json_out out = JSON_OUT(&b);
    const struct {
        const char *name;
        uint64_t value;
    } fields[] = {
        {"requests", n.requests},
        {"writes", n.writes},
        {"retries", n.retries},
        {"throttled", n.throttled},
        {"transient", n.transient},
        {"ambiguous", n.ambiguous},
        {"bytes_out", n.bytes_out},
        {"units_milli", n.consumed_write_units_milli},
        {"queued_writes", n.queued_writes},
        {"queued_bytes", n.queued_bytes},
        {"in_flight", n.in_flight_requests},
        {"breaker_open", n.breaker_open},
        {"parked", n.parked},
        {"room", sink_room(d->sink)},
    };
    json_open(&out, '{');
    json_key(&out, "numbers");
    json_open(&out, '{');
    for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
        json_key(&out, fields[i].name);
        json_put_uint(&out, fields[i].value);
    }
    json_key(&out, "parked_reason");
    json_put_text(&out, n.parked_reason);
    json_close(&out, '}');
    json_close(&out, '}');
    printf("%s\n", buf_text(&b));
    buf_deinit(&b);
}

static void do_tables(struct drive *d, bool create, int64_t timeout_ms) {
    static const char *const states[] = {"missing", "active", "changing", "different"};
    struct table_report reports[TABLES] = {0};
    struct error error = {0};
    int r = create ? tables_create(&d->options, timeout_ms, reports, NULL, NULL, &error)
                   : tables_look(&d->options, reports, &error);
    struct buf b = BUF_INIT(65536);
    struct json_out out = JSON_OUT(&b);
    json_open(&out, '{');
    json_key(&out, "result");
    json_put_int(&out, r);
    json_key(&out, "text");
    json_put_text(&out, r < 0 ? error.text : "");
    json_key(&out, "tables");
    json_open(&out, '[');
    for (size_t i = 0; r == 0 && i < d->contract.target_count; i++) {
        json_open(&out, '{');
        json_key(&out, "state");
        json_put_text(&out, states[reports[i].state]);
        json_key(&out, "empty");
        json_put_bool(&out, reports[i].empty);
        json_key(&out, "created");
        json_put_bool(&out, reports[i].created);
        json_key(&out, "message");
        json_put_text(&out, reports[i].message);
        json_close(&out, '}');
    }
    json_close(&out, ']');
    json_close(&out, '}');
    printf("%s\n", buf_text(&b));
    buf_deinit(&b);
}

/* ---- load */

static double cpu_seconds(int who) {
    struct rusage u;
    getrusage(who, &u);
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) + (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

static const struct item *load_item(struct arena *arena, const struct target *t, uint64_t number, size_t bytes) {
    static const char *const names[] = {"name",  "status",   "created_at", "updated_at",
                                        "total", "quantity", "description"};
    struct item *item = arena_zalloc(arena, sizeof(*item));
    struct attr_member *m = arena_zalloc(arena, (ARRAY_LEN(names) + 2) * sizeof(*m));
    char *key = arena_printf(arena, "%llu", (unsigned long long)number);
    size_t n = 0;
    m[n++] = (struct attr_member){slice_of(t->pk.name), {.type = (uint8_t)t->pk.type, .text = slice_of(key)}};
    if (t->sk.name)
        m[n++] = (struct attr_member){slice_of(t->sk.name), {.type = (uint8_t)t->sk.type, .text = slice_of(key)}};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        bool is_number = i == 4 || i == 5;
        size_t len = i == 6 ? bytes : 12;
        char *text = is_number ? key : arena_alloc(arena, len);
        if (!is_number)
            memset(text, 'a' + (int)(number % 26), len);
        m[n++] = (struct attr_member){
            slice_of(names[i]), {.type = is_number ? ATTR_N : ATTR_S, .text = {text, is_number ? strlen(key) : len}}};
    }
    item->members = m;
    item->count = n;
    return item;
}

static size_t take_all(struct drive *d, bool print) {
    struct outcome outcomes[64];
    size_t all = 0;
    for (size_t n; (n = sink_take(d->sink, outcomes, ARRAY_LEN(outcomes)));) {
        for (size_t i = 0; print && i < n; i++)
            print_outcome(&outcomes[i]);
        all += n;
    }
    return all;
}

static void do_load(struct drive *d, uint64_t count, size_t bytes) {
    double cpu = cpu_seconds(RUSAGE_SELF), own = cpu_seconds(RUSAGE_THREAD);
    int64_t begun = sys_monotonic_us();
    uint64_t sent = 0, done = 0;
    while (done < count) {
        size_t room = MIN(sink_room(d->sink), (size_t)64);
        struct item_write writes[64];
        size_t n = 0;
        for (; n < room && sent < count; n++, sent++) {
            const struct item *item = load_item(&d->arena, &d->targets[0], sent, bytes);
            writes[n] = (struct item_write){.key = key_of(d, &d->targets[0], item), .item = item, .ticket = sent};
        }
        struct error error;
        if (n && sink_submit(d->sink, writes, n, false, &error) < 0)
            die("submit", error.text);
        arena_reset(&d->arena);
        if (!n) {
            struct pollfd fd = {sink_fd(d->sink), POLLIN, 0};
            poll(&fd, 1, 1000);
        }
        done += take_all(d, false);
    }
    double seconds = (double)(sys_monotonic_us() - begun) / 1e6;
    cpu = cpu_seconds(RUSAGE_SELF) - cpu;
    own = cpu_seconds(RUSAGE_THREAD) - own;
    printf("{\"items\":%llu,\"seconds\":%.3f,\"items_per_second\":%.0f,\"cpu_us_per_item\":%.3f,\"sender_us_per_item\":"
           "%.3f}\n",
           (unsigned long long)count, seconds, (double)count / seconds, cpu * 1e6 / (double)count,
           (cpu - own) * 1e6 / (double)count);
}

static int by_size(const void *a, const void *b) {
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/* One write at a time: from sink_submit() to its outcome. */
static void do_latency(struct drive *d, size_t count) {
    int64_t *us = xcalloc(count, sizeof(*us));
    for (size_t i = 0; i < count; i++) {
        const struct item *item = load_item(&d->arena, &d->targets[0], i, 100);
        struct item_write write = {.key = key_of(d, &d->targets[0], item), .item = item, .ticket = i};
        int64_t begun = sys_monotonic_us();
        struct error error;
        if (sink_submit(d->sink, &write, 1, false, &error) < 0)
            die("submit", error.text);
        while (!take_all(d, false)) {
            struct pollfd fd = {sink_fd(d->sink), POLLIN, 0};
            poll(&fd, 1, 1000);
        }
        us[i] = sys_monotonic_us() - begun;
        arena_reset(&d->arena);
    }
    qsort(us, count, sizeof(*us), by_size);
    printf("{\"median_us\":%lld,\"p99_us\":%lld}\n", (long long)us[count / 2], (long long)us[count * 99 / 100]);
    free(us);
}

/* ---- the loop */

static void do_command(struct drive *d, struct slice line) {
    struct json_doc *doc = parse(line);
    const struct json *command = json_root(doc);
    const char *what = json_text(json_get(command, "do"));
    int64_t count = 0, bytes = 100;
    if (strcmp(what, "write") == 0) {
        do_write(d, command);
    } else if (strcmp(what, "numbers") == 0) {
        do_numbers(d);
    } else if (strcmp(what, "look") == 0 || strcmp(what, "create") == 0) {
        int64_t timeout_ms = 10000;
        if (json_get(command, "timeout_ms"))
            (void)!json_int(json_get(command, "timeout_ms"), &timeout_ms);
        do_tables(d, strcmp(what, "create") == 0, timeout_ms);
    } else if (strcmp(what, "load") == 0 && json_int(json_get(command, "count"), &count)) {
        if (json_get(command, "bytes"))
            (void)!json_int(json_get(command, "bytes"), &bytes);
        do_load(d, (uint64_t)count, (size_t)bytes);
    } else if (strcmp(what, "latency") == 0 && json_int(json_get(command, "count"), &count) && count > 0) {
        do_latency(d, (size_t)count);
    } else {
        die("command", what);
    }
    json_free(doc);
    arena_reset(&d->arena);
}

/* Runs whole lines of `in`; false when the sender is full. */
static bool run_lines(struct drive *d) {
    size_t from = 0;
    bool room = true;
    while (from < d->in.len && (room = sink_room(d->sink) > 0)) {
        const char *newline = memchr(d->in.data + from, '\n', d->in.len - from);
        if (!newline)
            break;
        size_t len = (size_t)(newline - d->in.data) - from;
        do_command(d, (struct slice){d->in.data + from, len});
        from += len + 1;
    }
    if (from)
        memmove(d->in.data, d->in.data + from, d->in.len - from);
    d->in.len -= from;
    return room;
}

static void run(struct drive *d) {
    bool open = true, room = true;
    while (open) {
        struct pollfd fds[] = {{sink_fd(d->sink), POLLIN, 0}, {room ? 0 : -1, POLLIN, 0}};
        poll(fds, 2, -1);
        take_all(d, true);
        if (fds[1].revents) {
            char *to = buf_reserve(&d->in, 1 << 16);
            ssize_t n = to ? read(0, to, 1 << 16) : -1;
            open = n > 0;
            d->in.len += n > 0 ? (size_t)n : 0;
        }
        room = run_lines(d);
        fflush(stdout);
    }
}

int main(int argc, char **argv) {
    static struct drive d;
    if (argc > 1 && strcmp(argv[1], "encode") == 0) {
        encode_lines();
        return 0;
    }
    if (argc > 1 && strcmp(argv[1], "sign") == 0) {
        sign_lines();
        return 0;
    }
    d.options = (struct sink_options){
        .region = "us-west-2", .connections = 4, .contract = &d.contract, .report_capacity = true};
    d.contract.targets = d.target_list;
    d.in.max = LINE_MAX_BYTES;
    for (int i = 2; i < argc; i++)
        read_argument(&d, argv[i]);
    struct error error;
    if (sink_open(&d.sink, &d.options, &error) < 0)
        die("open", error.text);
    run(&d);
    sink_close(d.sink);
    arena_deinit(&d.arena);
    buf_deinit(&d.in);
    return 0;
}
