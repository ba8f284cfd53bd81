/* What a start with a contract finds: a store made for the same one or another, tables that it knows or not. */
#include "src/app/adopt.h"

#include "src/app/control.h"
#include "src/base/json.h"

#include <stdlib.h>

static void plan(struct adoption *a, const struct contract *contract, bool prune) {
    a->there = true;
    change_plan(&a->change, &a->catalog, contract, prune, &a->arena);
}

int adoption_read(struct adoption *a, const struct config *config, const struct contract *contract, bool prune,
                  struct error *error) {
    int r = engine_read_catalog(&a->catalog, config->state_dir, &a->arena, error);
    if (r)
        return r < 0 ? r : 0;
    plan(a, contract, prune);
    return 0;
}

enum { ANSWER_MS = 10000 };

static void free_doc(struct json_doc **doc) {
    json_free(*doc);
}

static unsigned digit(char c) {
    return (unsigned)(c <= '9' ? c - '0' : c - 'a' + 10) & 15;
}

int adoption_ask(struct adoption *a, const struct config *config, const struct contract *contract, bool prune,
                 struct error *error) {
    defer(free_doc) struct json_doc *doc = NULL;
    struct error nobody;
    if (control_ask(config, SLICE("{\"command\":\"catalog\"}"), ANSWER_MS, NULL, NULL, &doc, &nobody) < 0)
        return adoption_read(a, config, contract, prune, error);
    const char *hex = json_text(json_get(json_root(doc), "catalog"));
    size_t len = hex ? strlen(hex) / 2 : 0;
    char *bytes = arena_alloc(&a->arena, len + 1);
    for (size_t i = 0; i < len; i++)
        bytes[i] = (char)(digit(hex[2 * i]) << 4 | digit(hex[2 * i + 1]));
    struct cursor c = cursor_of(bytes, len);
    int r = catalog_get(&a->catalog, &c, &a->arena, error);
    if (r == 0)
        plan(a, contract, prune);
    return r;
}

static bool same_table(const struct target *a, const struct catalog_target *b) {
    if (strcmp(a->name, b->name) != 0 || strcmp(a->pk.name, b->pk.name) != 0 || a->pk.type != b->pk.type)
        return false;
    if (!a->sk.name || !b->sk.name)
        return a->sk.name == b->sk.name;
    return strcmp(a->sk.name, b->sk.name) == 0 && a->sk.type == b->sk.type;
}

static bool is_named(const struct contract *contract, const char *name) {
    for (size_t i = 0; i < contract->target_count; i++)
        if (strcmp(contract->targets[i]->name, name) == 0)
            return true;
    return false;
}

/* Do items of this table, which is none of the contract's, have to go? */
static bool is_pruned(const struct adoption *a, unsigned target, bool prune) {
    bool any = false;
    for (size_t i = 0; i < a->catalog.entity_count; i++)
        any = any || (a->catalog.entities[i].target == target && (prune || a->catalog.entities[i].pruned));
    return any;
}

static void set_targets(struct contract *contract, struct target **targets, size_t count) {
    for (size_t i = 0; i < count; i++)
        targets[i]->number = (unsigned)i;
    contract->targets = targets;
    contract->target_count = count;
}

/* The contract's tables, and those only to be emptied. */
static struct target **with_former(const struct adoption *a, struct contract *contract, bool prune, size_t *ret) {
    struct target **targets =
        arena_alloc(&contract->arena, (contract->target_count + a->catalog.target_count + 1) * sizeof(*targets));
    size_t count = contract->target_count;
    memcpy(targets, contract->targets, count * sizeof(*targets));
    for (unsigned i = 0; i < a->catalog.target_count; i++) {
        const struct catalog_target *t = &a->catalog.targets[i];
        if (is_named(contract, t->name) || !is_pruned(a, i, prune))
            continue;
        struct target *former = arena_zalloc(&contract->arena, sizeof(*former));
        *former = (struct target){.name = arena_strdup(&contract->arena, t->name), .pk = t->pk, .sk = t->sk};
        former->pk.name = arena_strdup(&contract->arena, t->pk.name);
        former->sk.name = t->sk.name ? arena_strdup(&contract->arena, t->sk.name) : NULL;
        targets[count++] = former;
    }
    *ret = count;
    return targets;
}

int adoption_look(struct adoption *a, struct prepared *prepared, const struct config *config, bool prune,
                  struct error *error) {
    struct contract *contract = prepared->contract;
    size_t own = contract->target_count, count, kept = own;
    struct target **targets = with_former(a, contract, a->there && prune, &count);
    set_targets(contract, targets, count);
    struct sink_options options = prepare_sink(prepared, config);
    a->reports = xcalloc(count, sizeof(*a->reports));
    int r = tables_look(&options, a->reports, error);
    if (r < 0)
        return r;
    for (size_t i = own; i < count; i++) {
        if (a->reports[i].state == TABLE_MISSING || a->reports[i].state == TABLE_DIFFERENT)
            continue; /* it went, and its items with it */
        targets[kept] = targets[i];
        a->reports[kept++] = a->reports[i];
    }
    set_targets(contract, targets, kept);
    if (a->there)
        change_plan(&a->change, &a->catalog, contract, prune, &a->arena);
    return 0;
}

int adoption_refuses(const struct adoption *a, const struct prepared *prepared, struct error *error) {
    const struct contract *contract = prepared->contract;
    const char *table = a->there && !prepared->facts.cascades_logged ? change_unreadable(&a->change, contract) : NULL;
    if (!table)
        return 0;
    return error_set(error, ERR_CONFIG,
                     "the contract needs more of table %s than the store has, foreign keys cascade to or from it, and "
                     "this server does not log cascades (MySQL before 9.6, or innodb_native_foreign_keys): such a "
                     "table is read in the one view of a "
                     "first snapshot only; " NEW_SNAPSHOT,
                     table);
}

bool adoption_knows(const struct adoption *a, const struct target *target) {
    for (size_t i = 0; i < a->catalog.target_count; i++)
        if (same_table(target, &a->catalog.targets[i]))
            return true;
    return false;
}

int adoption_check(const struct adoption *a, const struct contract *contract, bool all, struct error *error) {
    for (size_t i = 0; i < contract->target_count; i++) {
        const struct table_report *report = &a->reports[i];
        const char *name = contract->targets[i]->name;
        if (report->state == TABLE_MISSING)
            return error_set(error, ERR_TARGET,
                             "DynamoDB has no table %s: `leat tables create` makes the contract's tables", name);
        if (report->state == TABLE_DIFFERENT)
            return error_set(error, ERR_TARGET, "table %s is not as the contract has it: %s", name, report->message);
        if (!report->empty && (all || !adoption_knows(a, contract->targets[i])))
            return error_set(
                error, ERR_TARGET,
                "table %s is not empty, and this store knows nothing of what stands in it: a first snapshot, and a "
                "table "
                "that is new in the contract, need empty "
                "tables; delete and create the table, or set database.dynamodb.table_prefix to write beside it",
                name);
    }
    return 0;
}

void adoption_deinit(struct adoption *a) {
    arena_deinit(&a->arena);
    free(a->reports);
    *a = (struct adoption){0};
}

void adoption_words(struct buf *out, enum change_kind kind, const char *table, const char *name) {
    static const struct {
        const char *of, *what;
    } words[] = {
        [CHANGE_NEW] = {"entity", "is new: its items will be made"},
        [CHANGE_DIFFERS] = {"entity", "was changed: its items will be made anew, those that differ are written"},
        [CHANGE_VANISHED] = {"entity", "is no more: its items stay, unless `leat run --prune` is asked to delete them"},
        [CHANGE_PRUNED] = {"entity", "is no more: its items will be deleted"},
        [CHANGE_FORGOTTEN] = {"entity", "is no more, nor is its table as it was: nothing is left of it"},
        [CHANGE_TABLE] = {"table", "is new to the store: it will be read"},
        [CHANGE_COLUMN] = {"column", "is new to the store: it will be read for the rows that are there"},
    };
    buf_printf(out, "%s %s%s%s %s", words[kind].of, name ? name : table, name ? " of table " : "", name ? table : "",
               words[kind].what);
}
