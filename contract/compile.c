/* Compiles a parsed contract against the live schema.
 *
 * 1. targets (targets.c): DynamoDB's tables, keys and indexes, from the text alone
 * 2. per entity: its root, its attributes and their joins (attributes.c, joins.c), its filter, its keys (keys.c)
 * 3. entities of one table are compared (keys.c)
 * 4. sources: cascades, kept columns, and all numbers of columns anew (sources.c)
 * 5 which columns of which row an item's key depends on (keys_read.c)
 *
 * What is wrong is reported and left out; the compiled contract is only used when nothing was. */
#include "contract/compile.h"
#include "contract/identity.h"

static bool flag(struct spot at, bool otherwise) {
    return at.value ? json_bool(at.value) : otherwise;
}

static void compile_entity(struct build *b, const struct parsed_table *table, struct target *target,
                           const struct parsed_entity *parsed) {
    if (!parsed->source_table.text)
        return; /* reported as missing */
    struct source *root = source_get(b, parsed->source_table.at, parsed->source_table.text);
    if (!root) {
        contract_check_entity(b->report, b->arena, parsed);
        return;
    }
    struct entity *e = arena_zalloc(b->arena, sizeof(*e));
    e->order = (unsigned)b->entity_count;
    e->name = parsed->entity_type.text ? parsed->entity_type.text : parsed->source_table.text;
    e->target = target;
    e->root = root;
    e->pk_attribute = -1;
    e->sk_attribute = -1;
    e->write_entity_type = parsed->entity_type.text && flag(parsed->write_entity_type, true);
    e->write_nulls = flag(parsed->write_nulls, false);
    struct node *row = node_new(b, e, root, root->name);
    struct row_names names = {b, row};
    struct expr_names resolve = {row_resolve, &names};
    scope_build(b, e, row, parsed->attributes, parsed->attribute_count, &e->scope);
    if (parsed->filter.text)
        e->filter = expr_parse_condition(b->report, b->arena, parsed->filter.at, parsed->filter.text, &resolve);
    keys_build(b, table, parsed, e);
    LIST_ADD(b->arena, b->entities, b->entity_count, e);
}

static void check_entity_names(struct build *b, const struct parsed_table *t) {
    for (size_t i = 0; i < t->entity_count; i++)
        for (size_t k = 0; k < i; k++)
            if (t->entities[i].entity_type.text && t->entities[k].entity_type.text &&
                strcmp(t->entities[i].entity_type.text, t->entities[k].entity_type.text) == 0)
                report_error(b->report, t->entities[i].entity_type.at, "entity \"%s\" stands here twice",
                             t->entities[i].entity_type.text);
}

void contract_compile(struct build *b, const struct parsed_contract *parsed) {
    struct target **targets;
    struct contract *c = b->contract;
    targets_build(b->report, b->arena, parsed, b->options->table_prefix ? b->options->table_prefix : "", &targets,
                  &c->target_count);
    c->targets = targets;
    if (!b->schema) {
        contract_check_text(b->report, b->arena, parsed);
        return;
    }
    for (size_t i = 0; i < parsed->table_count; i++) {
        check_entity_names(b, &parsed->tables[i]);
        for (size_t k = 0; k < parsed->tables[i].entity_count; k++)
            compile_entity(b, &parsed->tables[i], targets[i], &parsed->tables[i].entities[k]);
    }
    keys_compare(b, parsed);
    if (b->report->findings->errors)
        return;
    sources_finish(b);
    for (size_t i = 0; i < b->entity_count; i++) {
        b->entities[i]->identity = entity_identity(b->entities[i], b->entities);
        keys_read(b, b->entities[i]);
    }
    c->sources = b->sources;
    c->source_count = b->source_count;
    c->entities = b->entities;
    c->entity_count = b->entity_count;
}
