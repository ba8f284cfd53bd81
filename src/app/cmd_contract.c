/* `leat contract explain|sql|schema`: what a contract means, for people and for MySQL, and what it may look like, for editors. */
#include "contract/explain.h"
#include "contract/json_schema.h"
#include "contract/sql.h"
#include "src/app/command.h"
#include "src/app/prepare.h"
#include "src/base/json.h"

#include <stdio.h>

enum { OUTPUT_MAX = 1 << 28 };

static void flush(struct buf *out) {
    fwrite(out->data, 1, out->len, stdout);
    buf_clear(out);
}

/* ---- sql */

struct listing {
    const struct contract *contract;
    struct buf *text;
    struct json_out *json; /* NULL: as text */
};

/* `many`: the attribute whose SELECT it is; NULL: the entity's. */
static void put_statement_json(struct listing *l, const struct entity *e, const struct attribute *many,
                               const char *path) {
    defer(buf_deinit) struct buf sql = BUF_INIT(OUTPUT_MAX);
    uint64_t limit = !many ? 0 : many->source == ATTRIBUTE_FIRST ? 1 : many->scope->node->limit;
    sql_select(&sql, l->contract, e, many);
    json_open(l->json, '{');
    json_key(l->json, "entity");
    json_put_text(l->json, e->name);
    json_key(l->json, "table");
    json_put_text(l->json, e->target->name);
    json_key(l->json, "attribute");
    json_put_text(l->json, many ? path : NULL);
    json_key(l->json, "limit");
    if (limit)
        json_put_uint(l->json, limit);
    else
        json_put_null(l->json);
    json_key(l->json, "sql");
    json_put_slice(l->json, buf_slice(&sql));
    json_close(l->json, '}');
}

static void put_statement_text(struct listing *l, const struct entity *e, const struct attribute *many,
                               const char *path) {
    buf_printf(l->text, "\n-- %s of table %s", e->name, e->target->name);
    if (many && many->source == ATTRIBUTE_FIRST)
        buf_printf(l->text, ": %s, the first row of each", path);
    else if (many)
        buf_printf(l->text, ": %s, one row an element", path);
    if (many && many->scope->node->limit)
        buf_printf(l->text, ", the first %llu of each", (unsigned long long)many->scope->node->limit);
    buf_put_char(l->text, '\n');
    sql_select(l->text, l->contract, e, many);
    buf_put_text(l->text, ";\n");
}

/* A statement, then those of the lists and constructions in it. */
static void put_statements(struct listing *l, const struct entity *e, const struct attribute *many, const char *path) {
    const struct scope *scope = many ? many->scope : &e->scope;
    (l->json ? put_statement_json : put_statement_text)(l, e, many, path);
    for (size_t i = 0; i < scope->attribute_count; i++) {
        const struct attribute *a = &scope->attributes[scope->output[i]];
        defer(buf_deinit) struct buf inner = BUF_SMALL(256, 1 << 20);
        if (!sql_has_select(a))
            continue;
        buf_printf(&inner, "%s%s%s", path, *path ? "." : "", a->name);
        put_statements(l, e, a, buf_text(&inner));
    }
}

static void put_session(struct listing *l) {
    for (size_t i = 0; i < sql_session_count; i++) {
        if (l->json)
            json_put_text(l->json, sql_session[i]);
        else
            buf_printf(l->text, "%s;\n", sql_session[i]);
    }
}

static void print_sql(const struct contract *contract, bool as_json) {
    defer(buf_deinit) struct buf out = BUF_INIT(OUTPUT_MAX);
    struct json_out json = {.buf = &out, .pretty = true};
    struct listing l = {contract, &out, as_json ? &json : NULL};
    if (as_json) {
        json_open(&json, '{');
        json_key(&json, "session");
        json_open(&json, '[');
    }
    put_session(&l);
    if (as_json) {
        json_close(&json, ']');
        json_key(&json, "statements");
        json_open(&json, '[');
    }
    for (size_t i = 0; i < contract->entity_count; i++)
        put_statements(&l, contract->entities[i], NULL, "");
    if (as_json) {
        json_close(&json, ']');
        json_close(&json, '}');
        buf_put_char(&out, '\n');
    }
    flush(&out);
}

/* ---- explain */

static void print_explanation(const struct contract *contract, bool as_json) {
    defer(buf_deinit) struct buf out = BUF_INIT(OUTPUT_MAX);
    struct json_out json = {.buf = &out, .pretty = true};
    if (as_json) {
        contract_explain_json(&json, contract);
        buf_put_char(&out, '\n');
    } else {
        contract_explain(&out, contract);
    }
    flush(&out);
}

/* ---- schema */

static void free_document(struct json_doc **doc) {
    json_free(*doc);
}

static int print_schema(struct error *error) {
    defer(buf_deinit) struct buf schema = BUF_INIT(OUTPUT_MAX), out = BUF_INIT(OUTPUT_MAX);
    defer(free_document) struct json_doc *doc = NULL;
    struct json_out json = {.buf = &out, .pretty = true};
    contract_json_schema(&schema);
    int r = json_parse(&doc, "schema", buf_slice(&schema), error);
    if (r < 0)
        return r;
    json_put_value(&json, json_root(doc));
    buf_put_char(&out, '\n');
    flush(&out);
    return 0;
}

/* ---- the command */

static void print_findings(const struct prepared *p, const struct config *config) {
    for (size_t i = 0; i < p->findings.count; i++) {
        const struct finding *f = &p->findings.list[i];
        fprintf(stderr, "%s:%u:%u: %s: %s: %s\n", config->contract_path, f->line, f->column,
                f->warning ? "warning" : "error", f->path, f->message);
    }
}

/* Types, keys and indexes are the live schema's. */
static int with_schema(const struct config *config, struct prepared *p, struct error *error) {
    struct source_options source = config_source(config);
    struct connection *c = NULL;
    int r = prepare_text(p, config, error);
    if (r < 0)
        return r;
    r = connection_open(&c, &source, error);
    if (r < 0)
        return error_wrap(error, r, "the schema of the source is needed");
    r = prepare_contract(p, config, c, error);
    connection_close(c);
    if (r < 0 && p->findings.errors)
        print_findings(p, config);
    return r;
}

int command_contract(const struct command_line *line, struct error *error) {
    static const struct {
        const char *name;
        void (*print)(const struct contract *contract, bool as_json);
    } views[] = {{"explain", print_explanation}, {"sql", print_sql}};
    struct config config;
    struct prepared p = {0};
    size_t i = 0;
    if (strcmp(line->argument, "schema") == 0)
        return print_schema(error);
    while (i < ARRAY_LEN(views) && strcmp(line->argument, views[i].name) != 0)
        i++;
    if (i == ARRAY_LEN(views))
        return error_set(error, ERR_USAGE, "leat contract %s: there are explain, sql and schema", line->argument);
    int r = config_load(&config, line->config_path, error);
    if (r < 0)
        return r;
    r = with_schema(&config, &p, error);
    if (r == 0)
        views[i].print(p.contract, line->json);
    prepared_deinit(&p);
    config_deinit(&config);
    return r;
}
