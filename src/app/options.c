/* Configuration. A file is walked once: each of its leaves is looked up in the table below by its dotted path. */
#include "src/app/options.h"

#include "src/base/digest.h"
#include "src/base/json.h"
#include "src/base/suggest.h"
#include "src/base/sys.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum option_type { OPTION_TEXT, OPTION_SECRET, OPTION_INT, OPTION_BOOL, OPTION_CHOICE };

struct option {
    const char *name; /* dotted path in the file; LEAT_ and the path in upper case with _ is the variable */
    enum option_type type;
    size_t offset;
    const char *standard; /* as text; NULL: empty, "!": must be given */
    int64_t min, max;     /* OPTION_INT */
    const char *choices;  /* OPTION_CHOICE: words in the order of the enum */
    const char *help;
};

#define AT(field) offsetof(struct config, field)

static const struct option options[] = {
    {"stream", OPTION_TEXT, AT(stream), "leat", 0, 0, NULL, "name of this replication, for logs and status"},
    {"database.mysql.host", OPTION_TEXT, AT(mysql.host), "!", 0, 0, NULL, "host name or address of the source"},
    {"database.mysql.port", OPTION_INT, AT(mysql.port), "3306", 1, 65535, NULL, "TCP port of the source"},
    {"database.mysql.socket", OPTION_TEXT, AT(mysql.socket), NULL, 0, 0, NULL, "Unix socket instead of host and port"},
    {"database.mysql.database", OPTION_TEXT, AT(mysql.database), "!", 0, 0, NULL, "the database that is replicated"},
    {"database.mysql.username", OPTION_TEXT, AT(mysql.username), "!", 0, 0, NULL,
     "account with the grants that `leat check` asks for"},
    {"database.mysql.password", OPTION_SECRET, AT(mysql.password), "", 0, 0, NULL,
     "a string, {\"file\": \"PATH\"} or {\"env\": \"NAME\"}"},
    {"database.mysql.tls.mode", OPTION_CHOICE, AT(mysql.tls_mode), "verify-identity", 0, 0,
     "verify-identity verify-ca required disabled", "how the source's certificate is verified"},
    {"database.mysql.tls.ca", OPTION_TEXT, AT(mysql.tls_ca), NULL, 0, 0, NULL,
     "PEM file of the authority that signed it; empty: the system's"},
    {"database.mysql.server_id", OPTION_INT, AT(mysql.server_id), "0", 0, 4294967295, NULL,
     "our id as a replica, unique among all replicas; 0 draws one"},
    {"database.mysql.heartbeat_s", OPTION_INT, AT(mysql.heartbeat_s), "10", 1, 3600, NULL,
     "seconds after which an idle source says that it lives"},
    {"database.mysql.connect_timeout_s", OPTION_INT, AT(mysql.connect_timeout_s), "10", 1, 3600, NULL,
     "seconds a connection may take to come up"},
    {"database.dynamodb.region", OPTION_TEXT, AT(dynamodb.region), "!", 0, 0, NULL, "AWS region, us-west-2"},
    {"database.dynamodb.endpoint", OPTION_TEXT, AT(dynamodb.endpoint), NULL, 0, 0, NULL,
     "URL of a local DynamoDB; empty: the region's"},
    {"database.dynamodb.allow_insecure_endpoint", OPTION_BOOL, AT(dynamodb.allow_insecure_endpoint), "false", 0, 0,
     NULL, "allow plain http to a host that is not this one"},
    {"database.dynamodb.ca", OPTION_TEXT, AT(dynamodb.ca), NULL, 0, 0, NULL,
     "PEM file of the authority of the endpoint; empty: the system's"},
    {"database.dynamodb.table_prefix", OPTION_TEXT, AT(dynamodb.table_prefix), "", 0, 0, NULL,
     "put before the contract's table names"},
    {"database.dynamodb.connections", OPTION_INT, AT(dynamodb.connections), "16", 1, 256, NULL,
     "connections that write at the same time"},
    {"database.dynamodb.request_timeout_ms", OPTION_INT, AT(dynamodb.request_timeout_ms), "10000", 100, 60000, NULL,
     "milliseconds until the outcome of a request counts as unknown"},
    {"database.dynamodb.atomic_key_change", OPTION_BOOL, AT(dynamodb.atomic_key_change), "true", 0, 0, NULL,
     "move an item to a new key in one transaction"},
    {"database.dynamodb.report_capacity", OPTION_BOOL, AT(dynamodb.report_capacity), "true", 0, 0, NULL,
     "ask DynamoDB what each write cost (leat_consumed_write_units_total)"},
    {"migration.contractPath", OPTION_TEXT, AT(contract_path), "!", 0, 0, NULL,
     "the contract; relative to this file's directory"},
    {"mask_key", OPTION_SECRET, AT(mask_key), "", 0, 0, NULL,
     "secret of the contract's masks of format \"hash\": a string, {\"file\": \"PATH\"} or {\"env\": \"NAME\"}"},
    {"state_dir", OPTION_TEXT, AT(state_dir), "/var/lib/leat", 0, 0, NULL,
     "the store; a directory on a local disk; relative to this file's directory"},
    {"durability", OPTION_CHOICE, AT(durability), "power", 0, 0, "power process",
     "what the journal survives: a power cut, or only the end of the process"},
    {"on_drop", OPTION_CHOICE, AT(on_drop), "park", 0, 0, "park delete",
     "when a mapped table is dropped: stop and say so, or delete its rows' items as TRUNCATE does"},
    {"checkpoint_s", OPTION_INT, AT(checkpoint_s), "5", 1, 3600, NULL, "seconds between durable commits of the store"},
    {"store_max_gb", OPTION_INT, AT(store_max_gb), "64", 1, 65536, NULL, "bound of the store's file, GiB"},
    {"snapshot.chunk_rows", OPTION_INT, AT(snapshot_chunk_rows), "2000", 1, 1000000, NULL,
     "rows that one SELECT of the snapshot reads"},
    {"http.listen", OPTION_TEXT, AT(http_listen), "127.0.0.1:8080", 0, 0, NULL,
     "address and port of /health /ready /status /metrics; port 0 picks one; empty: none"},
    {"http.ready_lag_s", OPTION_INT, AT(http_ready_lag_s), "60", 1, 86400, NULL,
     "seconds behind the source above which /ready says no"},
    {"log.format", OPTION_CHOICE, AT(log_format), "json", 0, 0, "json logfmt", "form of the log on standard error"},
    {"log.level", OPTION_CHOICE, AT(log_level), "info", 0, 0, "error warning info debug", "least level that is logged"},
    {"log.redact_keys", OPTION_BOOL, AT(log_redact_keys), "true", 0, 0, NULL, "hash the keys of items in logs"},
};

/* What the loading of one configuration needs to say and remember. */
struct loading {
    struct config *config;
    struct buf faults;
    unsigned fault_count;
    bool given[ARRAY_LEN(options)];
};

static void fault(struct loading *l, const char *where, const char *format, ...) printf_like(3, 4);
static void fault(struct loading *l, const char *where, const char *format, ...) {
    char text[512];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    buf_printf(&l->faults, "%s%s: %s", l->fault_count++ ? "\n" : "", where, text);
}

static char **text_field(struct config *config, const struct option *o) {
    return (char **)(void *)((char *)config + o->offset);
}

static void set_text(struct config *config, const struct option *o, const char *text) {
    char **field = text_field(config, o);
    if (*field && o->type == OPTION_SECRET)
        wipe(*field, strlen(*field));
    free(*field);
    *field = text ? xstrdup(text) : NULL;
}

/* The number of a word in a list of words, or -1. */
static int choice(const char *choices, const char *word) {
    size_t len = strlen(word);
    for (int n = 0;; n++) {
        size_t end = strcspn(choices, " ");
        if (end == len && memcmp(choices, word, len) == 0)
            return n;
        if (!choices[end])
            return -1;
        choices += end + 1;
    }
}

/* Sets an option from text (a default, a variable, or a scalar of the file). */
static void set(struct loading *l, const struct option *o, const char *where, const char *text) {
    char *field = (char *)l->config + o->offset;
    char *end;
    switch (o->type) {
    case OPTION_TEXT:
    case OPTION_SECRET:
        set_text(l->config, o, text);
        return;
    case OPTION_BOOL:
        if (strcmp(text, "true") != 0 && strcmp(text, "false") != 0)
            fault(l, where, "%s is true or false, not \"%s\"", o->name, text);
        else
            *(bool *)(void *)field = text[0] == 't';
        return;
    case OPTION_INT: {
        long long v = strtoll(text, &end, 10);
        if (!*text || *end || v < o->min || v > o->max)
            fault(l, where, "%s is a whole number from %lld to %lld, not %s", o->name, (long long)o->min,
                  (long long)o->max, text);
        else
            *(int64_t *)(void *)field = v;
        return;
    }
    case OPTION_CHOICE: {
        int n = choice(o->choices, text);
        if (n < 0)
            fault(l, where, "%s is one of: %s; not \"%s\"", o->name, o->choices, text);
        else
            *(int64_t *)(void *)field = n;
        return;
    }
    }
}

static const struct option *find(const char *name) {
    for (size_t i = 0; i < ARRAY_LEN(options); i++)
        if (strcmp(options[i].name, name) == 0)
            return &options[i];
    return NULL;
}

static bool is_section(const char *name) {
    size_t len = strlen(name);
    for (size_t i = 0; i < ARRAY_LEN(options); i++)
        if (strncmp(options[i].name, name, len) == 0 && options[i].name[len] == '.')
            return true;
    return false;
}

/* {"file": "PATH"} or {"env": "NAME"}: the secret without the newline that editors put at its end. */
static void set_secret(struct loading *l, const struct option *o, const char *where, const struct json *v) {
    const char *file = json_text(json_get(v, "file")), *env = json_text(json_get(v, "env"));
    if (json_count(v) != 1 || (!file && !env)) {
        fault(l, where, "%s is a string, {\"file\": \"PATH\"} or {\"env\": \"NAME\"}", o->name);
    } else if (file) {
        char *data = NULL;
        size_t len = 0;
        struct error error;
        if (sys_read_file(file, 65536, &data, &len, &error) != 0) {
            fault(l, where, "%s: %s", o->name, error.text);
            return;
        }
        while (len > 0 && (data[len - 1] == '\n' || data[len - 1] == '\r'))
            data[--len] = 0;
        set_text(l->config, o, data);
        wipe(data, len);
        free(data);
    } else if (!getenv(env)) {
        fault(l, where, "%s: the environment has no variable %s", o->name, env);
    } else {
        set_text(l->config, o, getenv(env));
    }
}

static void unknown(struct loading *l, const char *where, const char *name) {
    const char *names[ARRAY_LEN(options)];
    for (size_t i = 0; i < ARRAY_LEN(options); i++)
        names[i] = options[i].name;
    const char *near = suggest(name, names, ARRAY_LEN(names));
    fault(l, where, "unknown key %s%s%s%s", name, near ? "; did you mean " : "", near ? near : "",
          near ? "?" : "; `leat help config` lists all keys");
}

static bool has_default(const struct option *o) {
    return o->standard && strcmp(o->standard, "!") != 0;
}

static void set_leaf(struct loading *l, const struct option *o, const char *where, const struct json *v) {
    enum json_type type = json_type(v);
    if (type == JSON_OBJECT && o->type == OPTION_SECRET) {
        set_secret(l, o, where, v);
    } else if (type == JSON_NULL) { /* as if it did not stand there, nor in the file below an overlay */
        bool text = o->type == OPTION_TEXT || o->type == OPTION_SECRET;
        if (text && !has_default(o))
            set_text(l->config, o, NULL);
        else if (has_default(o))
            set(l, o, where, o->standard);
        l->given[o - options] = false;
        return;
    } else if (type == JSON_STRING &&
               (o->type == OPTION_TEXT || o->type == OPTION_SECRET || o->type == OPTION_CHOICE)) {
        set(l, o, where, json_text(v));
    } else if (type == JSON_BOOL && o->type == OPTION_BOOL) {
        set(l, o, where, json_bool(v) ? "true" : "false");
    } else if (type == JSON_NUMBER && o->type == OPTION_INT) {
        struct slice digits = json_number(v);
        char text[32];
        snprintf(text, sizeof(text), "%.*s", (int)MIN(digits.len, sizeof(text) - 1), digits.data);
        set(l, o, where, text);
    } else {
        static const char *const wants[] = {"a string", "a string", "a number", "true or false", "a string"};
        fault(l, where, "%s is %s, not %s", o->name, wants[o->type], json_type_name(v));
        return;
    }
    l->given[o - options] = true;
}

static void walk(struct loading *l, const struct json_doc *doc, const struct json *object, const char *prefix) {
    for (struct json_iter i = json_iter(object); json_next(&i);) {
        char name[256], where[512];
        const char *key = json_text(i.key);
        snprintf(name, sizeof(name), "%s%s%s", prefix, *prefix ? "." : "", key);
        struct json_place at = json_place(doc, i.key);
        snprintf(where, sizeof(where), "%s:%u:%u", json_name(doc), at.line, at.column);
        const struct option *o = find(name);
        if (o)
            set_leaf(l, o, where, i.value);
        else if (is_section(name) && json_type(i.value) == JSON_OBJECT)
            walk(l, doc, i.value, name);
        else if (is_section(name))
            fault(l, where, "%s is an object, not %s", name, json_type_name(i.value));
        else if (strncmp(key, "x-", 2) != 0 && strcmp(key, "description") != 0)
            unknown(l, where, name);
    }
}

static void load_file(struct loading *l, const char *path) {
    struct json_doc *doc = NULL;
    struct error error;
    if (json_parse_file(&doc, path, &error) != 0)
        buf_printf(&l->faults, "%s%s", l->fault_count++ ? "\n" : "", error.text);
    else if (json_type(json_root(doc)) != JSON_OBJECT)
        fault(l, path, "a configuration is an object, not %s", json_type_name(json_root(doc)));
    else
        walk(l, doc, json_root(doc), "");
    json_free(doc);
}

static void variable_name(const struct option *o, char *out, size_t size) {
    size_t n = (size_t)snprintf(out, size, "LEAT_%s", o->name);
    for (size_t i = 0; i < MIN(n, size - 1); i++)
        out[i] = out[i] == '.' ? '_' : (char)toupper((unsigned char)out[i]);
}

static void load_environment(struct loading *l) {
    for (size_t i = 0; i < ARRAY_LEN(options); i++) {
        char name[256];
        variable_name(&options[i], name, sizeof(name));
        const char *text = getenv(name);
        if (text) {
            set(l, &options[i], name, text);
            l->given[i] = true;
        }
    }
}

/* "dir/leat.json" and "production": "dir/leat.production.json". */
static char *overlay_path(const char *path, const char *environment) {
    const char *dot = strrchr(path, '.'), *slash = strrchr(path, '/');
    if (!dot || (slash && dot < slash))
        dot = path + strlen(path);
    struct buf out = BUF_INIT(65536);
    buf_printf(&out, "%.*s.%s%s", (int)(dot - path), path, environment, dot);
    char *text = xstrdup(buf_text(&out));
    buf_deinit(&out);
    return text;
}

/* Paths in the file are relative to the file, so that a configuration can be moved with its contract. */
static void make_absolute(char **path, const char *config_path) {
    const char *slash = strrchr(config_path, '/');
    if (!*path || **path == '/' || !slash)
        return;
    struct buf out = BUF_INIT(65536);
    buf_printf(&out, "%.*s/%s", (int)(slash - config_path), config_path, *path);
    free(*path);
    *path = xstrdup(buf_text(&out));
    buf_deinit(&out);
}

static void empty_is_none(char **text) {
    if (*text && !**text) {
        free(*text);
        *text = NULL;
    }
}

/* What must be given, and the state directory, may not be empty either. A socket stands in for the host. */
static bool is_missing(const struct loading *l, const struct option *o) {
    bool needed = o->offset == AT(state_dir) || (o->standard && strcmp(o->standard, "!") == 0);
    if (o->offset == AT(mysql.host) && l->config->mysql.socket && *l->config->mysql.socket)
        return false;
    return needed && (!*text_field(l->config, o) || !**text_field(l->config, o));
}

int config_load(struct config *ret, const char *path, struct error *error) {
    struct config config = {.path = xstrdup(path)};
    struct loading l = {.config = &config, .faults = BUF_INIT(65536)};
    for (size_t i = 0; i < ARRAY_LEN(options); i++)
        if (has_default(&options[i]))
            set(&l, &options[i], "default", options[i].standard);
    load_file(&l, path);
    if (getenv("LEAT_ENV") && *getenv("LEAT_ENV")) {
        char *overlay = overlay_path(path, getenv("LEAT_ENV"));
        load_file(&l, overlay);
        free(overlay);
    }
    load_environment(&l);
    for (size_t i = 0; i < ARRAY_LEN(options) && l.fault_count == 0; i++)
        if (is_missing(&l, &options[i]))
            fault(&l, path, "%s is missing: %s", options[i].name, options[i].help);
    char **optional[] = {&config.mysql.socket, &config.mysql.tls_ca, &config.dynamodb.endpoint, &config.dynamodb.ca,
                         &config.http_listen};
    for (size_t i = 0; i < ARRAY_LEN(optional); i++)
        empty_is_none(optional[i]);
    make_absolute(&config.contract_path, path);
    make_absolute(&config.state_dir, path);
    make_absolute(&config.mysql.tls_ca, path);
    make_absolute(&config.dynamodb.ca, path);
    int r = l.fault_count ? error_set(error, ERR_CONFIG, "%s", buf_text(&l.faults)) : 0;
    buf_deinit(&l.faults);
    if (r)
        config_deinit(&config);
    else
        *ret = config;
    return r;
}

void config_deinit(struct config *config) {
    for (size_t i = 0; i < ARRAY_LEN(options); i++)
        if (options[i].type == OPTION_TEXT || options[i].type == OPTION_SECRET)
            set_text(config, &options[i], NULL);
    free(config->path);
    config->path = NULL;
}

struct source_options config_source(const struct config *config) {
    return (struct source_options){
        .host = config->mysql.host,
        .port = (unsigned)config->mysql.port,
        .socket = config->mysql.socket,
        .database = config->mysql.database,
        .username = config->mysql.username,
        .password = config->mysql.password,
        .tls_mode = (enum tls_mode)config->mysql.tls_mode,
        .tls_ca = config->mysql.tls_ca,
        /* 0 would make the server end the stream where the binlog ends; half of the space is left to those who count from 1 */
        .server_id =
            config->mysql.server_id ? (unsigned)config->mysql.server_id : (unsigned)(sys_random() | 0x80000000U),
        .heartbeat_s = (unsigned)config->mysql.heartbeat_s,
        .connect_timeout_s = (unsigned)config->mysql.connect_timeout_s,
    };
}

/* ---- help */

static void put_default(const struct option *o, struct buf *out) {
    if (!o->standard || !*o->standard)
        buf_put_text(out, "empty");
    else if (strcmp(o->standard, "!") == 0)
        buf_put_text(out, "must be given");
    else
        buf_put_text(out, o->standard);
}

void config_help(struct buf *out) {
    for (size_t i = 0; i < ARRAY_LEN(options); i++) {
        const struct option *o = &options[i];
        char variable[256];
        variable_name(o, variable, sizeof(variable));
        buf_printf(out, "  %s\n      %s", o->name, o->help);
        if (o->type == OPTION_CHOICE)
            buf_printf(out, " (%s)", o->choices);
        if (o->type == OPTION_INT)
            buf_printf(out, " (%lld to %lld)", (long long)o->min, (long long)o->max);
        buf_put_text(out, "\n      default: ");
        put_default(o, out);
        buf_printf(out, "; variable: %s\n", variable);
    }
}

/* The options stand grouped by section in the table, so the file can be written in one pass. */
void config_sample(struct buf *out) {
    struct json_out json = {.buf = out, .pretty = true};
    char open[256] = "";
    json_open(&json, '{');
    for (size_t i = 0; i < ARRAY_LEN(options); i++) {
        const struct option *o = &options[i];
        const char *last = strrchr(o->name, '.');
        char section[256];
        snprintf(section, sizeof(section), "%.*s", last ? (int)(last - o->name) : 0, o->name);
        while (*open && strcmp(section, open) != 0 &&
               !(strncmp(section, open, strlen(open)) == 0 && section[strlen(open)] == '.')) {
            json_close(&json, '}');
            char *dot = strrchr(open, '.');
            *(dot ? dot : open) = 0;
        }
        while (strcmp(section, open) != 0) {
            const char *next = section + strlen(open) + (*open ? 1 : 0);
            char name[256];
            snprintf(name, sizeof(name), "%.*s", (int)strcspn(next, "."), next);
            json_key(&json, name);
            json_open(&json, '{');
            snprintf(open, sizeof(open), "%.*s", (int)(next - section + (ptrdiff_t)strlen(name)), section);
        }
        json_key(&json, last ? last + 1 : o->name);
        bool given = o->standard && strcmp(o->standard, "!") != 0;
        if (!given)
            json_put_text(&json, o->standard ? "…" : NULL);
        else if (o->type == OPTION_INT || o->type == OPTION_BOOL)
            json_put_raw(&json, slice_of(o->standard));
        else
            json_put_text(&json, o->standard);
    }
    while (json.depth > 0)
        json_close(&json, '}');
    buf_put_char(out, '\n');
}
