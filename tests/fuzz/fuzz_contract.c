/* Any text as a contract, with and without a schema: it is refused with places, or compiles; it never harms. */
#include "contract/load.h"
#include "tests/unit/shop_schema.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What every finding and every compiled contract keeps. */
static void check(const struct contract *c, const struct findings *f, int r) {
    if ((r == 0) != (f->errors == 0) && f->errors > 0)
        abort();
    for (size_t i = 0; i < f->count; i++)
        if (f->list[i].line == 0 || f->list[i].column == 0 || !f->list[i].path || !f->list[i].message)
            abort();
    for (size_t i = 0; c && i < c->entity_count; i++)
        for (size_t n = 1; n < c->entities[i]->node_count; n++) {
            const struct node *node = c->entities[i]->nodes[n];
            if (node->parent->number >= node->number)
                abort();
            for (size_t k = 0; k < node->edge_count; k++)
                if (node->columns[k] >= node->source->column_count ||
                    node->parent_columns[k] >= node->parent->source->column_count)
                    abort();
        }
}

static void run(struct slice text, const struct schema *schema) {
    struct contract_options options = {"online_shopping_store", "p-"};
    struct findings findings = {0};
    struct error error;
    struct contract *c = NULL;
    int r = contract_load(&c, "fuzz.json", text, schema, &options, &findings, &error);
    check(c, &findings, r);
    contract_free(c);
    findings_deinit(&findings);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct slice text = {(const char *)data, size};
    struct arena arena = {0};
    struct error error;
    const char *const *names;
    size_t count;
    run(text, &shop_schema);
    run(text, NULL);
    (void)!contract_tables("fuzz.json", text, "online_shopping_store", &arena, &names, &count, &error);
    arena_deinit(&arena);
    return 0;
}
