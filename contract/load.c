/* From a contract's text to a compiled contract, with all findings; and the little that must be known before the schema. */
#include "contract/load.h"

#include "contract/compile.h"

#include <stdio.h>
#include <stdlib.h>

/* The document stays: names in the contract point into it. */
struct loaded {
    struct contract contract; /* first: a struct contract * is one of these */
    struct json_doc *doc;
};

void contract_free(struct contract *contract) {
    if (!contract)
        return;
    struct loaded *l = (struct loaded *)contract;
    arena_deinit(&l->contract.arena);
    json_free(l->doc);
    free(l);
}

const struct source *contract_source(const struct contract *contract, const char *table) {
    for (size_t i = 0; i < contract->source_count; i++)
        if (strcmp(contract->sources[i]->name, table) == 0)
            return contract->sources[i];
    return NULL;
}

/* ---- before the schema is known */

static void free_doc(struct json_doc **doc) {
    json_free(*doc);
}

static const char *named_database(const struct json *root) {
    return json_text(json_get(root, json_get(root, "table_definitions") ? "source_database" : "database"));
}

int contract_database(const char *name, struct slice text, char **ret, struct error *error) {
    defer(free_doc) struct json_doc *doc = NULL;
    int r = json_parse(&doc, name, text, error);
    if (r)
        return r;
    const char *database = named_database(json_root(doc));
    *ret = database ? xstrdup(database) : NULL;
    return 0;
}

struct table_names {
    struct arena *arena;
    const char *database;
    const char **list;
    size_t count;
};

static void add_name(struct table_names *names, const char *name) {
    size_t len = strlen(names->database);
    if (strncmp(name, names->database, len) == 0 && name[len] == '.')
        name += len + 1;
    for (size_t i = 0; i < names->count; i++)
        if (strcmp(names->list[i], name) == 0)
            return;
    LIST_ADD(names->arena, names->list, names->count, arena_strdup(names->arena, name));
}

enum { WALK_DEPTH_MAX = 200 };

/* Every "source_table" and "target_table", wherever it stands: too many names do no harm here. */
static void walk(struct table_names *names, const struct json *v, unsigned depth) {
    if (depth == WALK_DEPTH_MAX)
        return;
    for (struct json_iter i = json_iter(v); json_next(&i);) {
        const char *key = i.key ? json_text(i.key) : "";
        if (json_type(i.value) == JSON_STRING && (strcmp(key, "source_table") == 0 || strcmp(key, "target_table") == 0))
            add_name(names, json_text(i.value));
        else if (json_type(i.value) == JSON_ARRAY || json_type(i.value) == JSON_OBJECT)
            walk(names, i.value, depth + 1);
    }
}

int contract_tables(const char *name, struct slice text, const char *database, struct arena *arena,
                    const char *const **ret, size_t *ret_count, struct error *error) {
    defer(free_doc) struct json_doc *doc = NULL;
    int r = json_parse(&doc, name, text, error);
    if (r)
        return r;
    struct table_names names = {.arena = arena, .database = database};
    const struct json *root = json_root(doc), *model = json_get(root, "table_definitions");
    root = model ? model : root; /* what else the model-output form says of tables is not for the compiler */
    if (json_type(root) == JSON_ARRAY || json_type(root) == JSON_OBJECT)
        walk(&names, root, 0);
    *ret = names.list;
    *ret_count = names.count;
    return 0;
}

/* ---- loading */

static const char *given_database(const struct build *b) {
    return b->options->database ? b->options->database : b->schema ? b->schema->database : NULL;
}

static void check_database(struct build *b, const struct parsed_contract *parsed) {
    const char *given = given_database(b), *named = parsed->database.text;
    b->contract->database = named ? named : given ? arena_strdup(b->arena, given) : NULL;
    if (named && given && strcmp(named, given) != 0)
        report_error(b->report, parsed->database.at,
                     "the contract is for database \"%s\", the configuration for \"%s\"; they must agree", named,
                     given);
}

static int first_error(const char *name, const struct findings *f, struct error *error) {
    const struct finding *first = f->list;
    for (size_t i = 0; i < f->count && first->warning; i++)
        first = &f->list[i];
    char more[64] = "";
    if (f->errors > 1)
        snprintf(more, sizeof(more), " (and %zu more)", f->errors - 1);
    return error_set(error, ERR_CONFIG, "%s:%u:%u: %s: %s%s", name, first->line, first->column, first->path,
                     first->message, more);
}

int contract_load(struct contract **ret, const char *name, struct slice text, const struct schema *schema,
                  const struct contract_options *options, struct findings *findings, struct error *error) {
    struct json_doc *doc = NULL;
    int r = json_parse(&doc, name, text, error);
    if (r)
        return r;
    struct loaded *l = xcalloc(1, sizeof(*l));
    struct contract *c = &l->contract;
    l->doc = doc;
    c->schema = schema;
    c->text = arena_strndup(&c->arena, text.data, text.len);
    struct report report = {doc, findings};
    struct build b = {.report = &report, .arena = &c->arena, .schema = schema, .options = options, .contract = c};
    struct parsed_contract parsed;
    const char *named = named_database(json_root(doc));
    contract_parse(&report, &c->arena, named ? named : given_database(&b), &parsed);
    check_database(&b, &parsed);
    contract_compile(&b, &parsed);
    findings_sort(findings);
    if (findings->errors)
        r = first_error(name, findings, error);
    if (r || !schema)
        contract_free(c);
    else
        *ret = c;
    return r;
}
