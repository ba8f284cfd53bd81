/* DynamoDB's side of a contract: tables, their keys and indexes, as the text alone gives them. */
#include "contract/compile.h"

#include <stdlib.h>

enum { GSI_MAX = 20, KEY_PARTS_MAX = 4, NAME_MIN = 3, NAME_MAX_LEN = 255 };

struct target_work {
    struct report *report;
    struct arena *arena;
    const struct parsed_table *table;
    struct target *target;
};

static void check_dynamo_name(struct target_work *w, struct spot at, const char *what, const char *name) {
    static const char legal[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-";
    size_t len = strlen(name);
    if (strspn(name, legal) != len || len < NAME_MIN || len > NAME_MAX_LEN)
        report_error(w->report, at, "%s \"%s\" must be 3 to 255 characters of a-z, A-Z, 0-9, '_', '-' and '.'", what,
                     name);
    if (strncmp(name, "leat_", 5) == 0)
        report_error(w->report, at, "%s \"%s\": names that begin with leat_ are reserved", what, name);
}

/* ---- what entities write, by the text */

static const struct parsed_attribute *entity_attribute(const struct parsed_entity *e, const char *name, size_t len) {
    for (size_t i = 0; i < e->attribute_count; i++)
        if (strncmp(e->attributes[i].name.text, name, len) == 0 && e->attributes[i].name.text[len] == 0)
            return &e->attributes[i];
    return NULL;
}

bool is_composite(const struct parsed_entity *e, const char *name) {
    if (!strchr(name, '#') || entity_attribute(e, name, strlen(name)))
        return false;
    for (const char *p = name;; p++) {
        size_t len = strcspn(p, "#");
        if (!entity_attribute(e, p, len))
            return false;
        p += len;
        if (!*p)
            return true;
    }
}

static bool key_type(enum attr_type t) {
    return t == ATTR_S || t == ATTR_N || t == ATTR_B;
}

/* The type that all entities give `name`; false when none writes it. Differences and types that keys cannot have are errors. */
static bool attribute_key_type(struct target_work *w, struct spot at, const char *name, enum attr_type *ret) {
    bool found = false;
    for (size_t i = 0; i < w->table->entity_count; i++) {
        const struct parsed_attribute *a = entity_attribute(&w->table->entities[i], name, strlen(name));
        enum attr_type type;
        if (!a || !a->type.text || !attr_type_parse(slice_of(a->type.text), &type)) {
            found |= a != NULL;
            continue;
        }
        if (!key_type(type))
            report_error(w->report, a->type.at, "attribute \"%s\" is a key and of type %s; keys are of type S, N or B",
                         name, attr_type_name(type));
        else if (found && *ret != type)
            report_error(w->report, a->type.at,
                         "attribute \"%s\" is a key and of type %s here, %s in another entity; it must have one type",
                         name, attr_type_name(type), attr_type_name(*ret));
        if (key_type(type))
            *ret = type;
        found = true;
    }
    return found;
}

static bool any_composite(const struct target_work *w, const char *name) {
    for (size_t i = 0; i < w->table->entity_count; i++)
        if (is_composite(&w->table->entities[i], name))
            return true;
    return false;
}

static const char *written_names(struct target_work *w, const char *name) {
    size_t count = 0;
    for (size_t i = 0; i < w->table->entity_count; i++)
        count += w->table->entities[i].attribute_count;
    const char **names = arena_alloc(w->arena, (count + 1) * sizeof(*names));
    count = 0;
    for (size_t i = 0; i < w->table->entity_count; i++)
        for (size_t k = 0; k < w->table->entities[i].attribute_count; k++)
            names[count++] = w->table->entities[i].attributes[k].name.text;
    return report_remedy(w->report, name, names, count);
}

/* ---- the table's own key */

/* `type`: what the contract says of it; NULL or absent: nothing. */
static void fix_type(struct target_work *w, const struct word *type, bool known, struct key_part *part) {
    enum attr_type fixed;
    if (!type || !type->text)
        return;
    if (!attr_type_parse(slice_of(type->text), &fixed) || !key_type(fixed))
        report_error(w->report, type->at, "a key of type \"%s\"; keys are of type S, N or B", type->text);
    else if (known && fixed != part->type)
        report_error(w->report, type->at, "the key is of type %s, its attribute \"%s\" of type %s",
                     attr_type_name(fixed), part->name, attr_type_name(part->type));
    else if (fixed == ATTR_B && !known)
        report_error(w->report, type->at, "a key of type B needs an attribute \"%s\" of that type", part->name);
    else
        part->type = fixed;
}

static struct key_part table_key(struct target_work *w, const struct parsed_key *key, const char *otherwise) {
    struct key_part part = {otherwise, ATTR_S};
    struct spot at = w->table->at;
    if (key->names.count) {
        part.name = key->names.list[0].text;
        at = key->names.list[0].at;
    }
    if (strncmp(part.name, "leat_", 5) == 0)
        report_error(w->report, at, "key \"%s\": names that begin with leat_ are reserved", part.name);
    if (!*part.name || strlen(part.name) > NAME_MAX_LEN)
        report_error(w->report, at, "a key's name has 1 to 255 bytes");
    bool known = attribute_key_type(w, at, part.name, &part.type);
    fix_type(w, key->types, known, &part);
    return part;
}

/* A multi-entity table has a sort key when some entity has one. */
static bool has_sort_key(const struct target_work *w) {
    const struct parsed_table *t = w->table;
    if (!t->multi)
        return t->sk.names.count > 0;
    const char *name = t->sk.names.count ? t->sk.names.list[0].text : "SK";
    for (size_t i = 0; i < t->entity_count; i++)
        if (t->entities[i].sk_template.text || entity_attribute(&t->entities[i], name, strlen(name)))
            return true;
    if (t->sk.names.count)
        report_warning(w->report, t->sk.names.list[0].at,
                       "no entity has a \"sk_template\", so this table has no sort key");
    return false;
}

/* ---- indexes */

static bool is_part(const struct key_part *p, const char *name) {
    return p->name && strcmp(p->name, name) == 0;
}

static bool writes_entity_type(const struct target_work *w) {
    for (size_t i = 0; i < w->table->entity_count; i++) {
        const struct parsed_entity *e = &w->table->entities[i];
        if (e->entity_type.text && !(e->write_entity_type.value && !json_bool(e->write_entity_type.value)))
            return true;
    }
    return false;
}

/* Will some item have it? */
static bool is_written(const struct target_work *w, const char *name) {
    bool written = is_part(&w->target->pk, name) || is_part(&w->target->sk, name) || any_composite(w, name) ||
                   (strcmp(name, "entity_type") == 0 && writes_entity_type(w));
    for (size_t i = 0; i < w->table->entity_count && !written; i++)
        written = entity_attribute(&w->table->entities[i], name, strlen(name)) != NULL;
    return written;
}

static struct key_part index_part(struct target_work *w, const struct word *name) {
    struct key_part part = {name->text, ATTR_S};
    if (is_part(&w->target->pk, name->text))
        part.type = w->target->pk.type;
    else if (is_part(&w->target->sk, name->text))
        part.type = w->target->sk.type;
    else if (!attribute_key_type(w, name->at, name->text, &part.type) && !is_written(w, name->text))
        report_error(w->report, name->at, "no entity of this table writes the attribute \"%s\"%s", name->text,
                     written_names(w, name->text));
    return part;
}

static const struct key_part *index_key(struct target_work *w, const struct parsed_key *key, size_t *ret_count) {
    struct key_part *parts = arena_zalloc(w->arena, (key->names.count + 1) * sizeof(*parts));
    if (key->names.count > KEY_PARTS_MAX)
        report_error(w->report, key->names.at, "an index key has at most %d attributes", KEY_PARTS_MAX);
    for (size_t i = 0; i < key->names.count; i++) {
        size_t k = 0;
        while (k < i && strcmp(parts[k].name, key->names.list[i].text) != 0)
            k++;
        if (k < i)
            report_error(w->report, key->names.list[i].at, "\"%s\" stands in this key twice", parts[k].name);
        parts[i] = index_part(w, &key->names.list[i]);
        fix_type(w, key->types ? &key->types[i] : NULL, true, &parts[i]);
    }
    *ret_count = key->names.count;
    return parts;
}

static void index_projection(struct target_work *w, const struct parsed_gsi *g, struct target_index *ret) {
    static const char *const names[] = {"ALL", "KEYS_ONLY", "INCLUDE"};
    size_t i = 0;
    while (g->projection.text && i < ARRAY_LEN(names) && strcmp(names[i], g->projection.text) != 0)
        i++;
    if (i == ARRAY_LEN(names)) {
        report_error(w->report, g->projection.at, "unknown projection \"%s\"%s", g->projection.text,
                     report_remedy(w->report, g->projection.text, names, ARRAY_LEN(names)));
        return;
    }
    ret->projection = (enum projection)i;
    if ((ret->projection == PROJECT_INCLUDE) != (g->projected.count > 0))
        report_error(w->report, g->projected.count ? g->projected.at : g->projection.at,
                     "\"projected_attributes\" goes with \"projection\": \"INCLUDE\", and only with it");
    const char **projected = arena_alloc(w->arena, (g->projected.count + 1) * sizeof(*projected));
    for (size_t k = 0; k < g->projected.count; k++) {
        projected[k] = g->projected.list[k].text;
        if (!is_written(w, projected[k]))
            report_warning(w->report, g->projected.list[k].at, "no entity of this table writes the attribute \"%s\"%s",
                           projected[k], written_names(w, projected[k]));
    }
    ret->projected = projected;
    ret->projected_count = g->projected.count;
}

static void build_indexes(struct target_work *w) {
    const struct parsed_table *t = w->table;
    struct target_index *indexes = arena_zalloc(w->arena, (t->gsi_count + 1) * sizeof(*indexes));
    size_t count = 0;
    if (t->gsi_count > GSI_MAX)
        report_error(w->report, t->gsis_at, "%zu indexes; a table has at most %d", t->gsi_count, GSI_MAX);
    for (size_t i = 0; i < t->gsi_count; i++) {
        const struct parsed_gsi *g = &t->gsis[i];
        if (!g->index_name.text || g->pk.names.count == 0)
            continue; /* reported as missing */
        check_dynamo_name(w, g->index_name.at, "index", g->index_name.text);
        for (size_t k = 0; k < count; k++)
            if (strcmp(indexes[k].name, g->index_name.text) == 0)
                report_error(w->report, g->index_name.at, "index \"%s\" stands here twice", g->index_name.text);
        struct target_index *x = &indexes[count++];
        x->name = g->index_name.text;
        x->pk = index_key(w, &g->pk, &x->pk_count);
        x->sk = index_key(w, &g->sk, &x->sk_count);
        index_projection(w, g, x);
    }
    w->target->indexes = indexes;
    w->target->index_count = count;
}

static void check_ttl(struct target_work *w) {
    const struct word *ttl = &w->table->ttl;
    const struct parsed_attribute *a = NULL;
    if (!ttl->text)
        return;
    for (size_t i = 0; i < w->table->entity_count; i++) {
        const struct parsed_attribute *one = entity_attribute(&w->table->entities[i], ttl->text, strlen(ttl->text));
        if (one && one->type.text && strcmp(one->type.text, "N") != 0)
            report_error(w->report, one->type.at,
                         "attribute \"%s\" is the time to live and of type %s; it must be N (epoch seconds)", ttl->text,
                         one->type.text);
        a = one ? one : a;
    }
    if (!a)
        report_error(w->report, ttl->at, "no entity of this table writes the attribute \"%s\"%s", ttl->text,
                     written_names(w, ttl->text));
    w->target->ttl = ttl->text;
}

static struct target *build_target(struct report *report, struct arena *arena, const struct parsed_table *t,
                                   const char *prefix, unsigned number) {
    struct target *target = arena_zalloc(arena, sizeof(*target));
    struct target_work w = {report, arena, t, target};
    const char *name = t->table.text ? t->table.text : "";
    *target = (struct target){.number = number,
                              .name = arena_printf(arena, "%s%s", prefix, name),
                              .provisioned = t->provisioned,
                              .read_units = t->read_units,
                              .write_units = t->write_units};
    if (t->table.text)
        check_dynamo_name(&w, t->table.at, "table", target->name);
    if (strcmp(name, "leat") == 0)
        report_error(report, t->table.at, "table \"leat\" is reserved for the replicator's lease");
    target->pk = table_key(&w, &t->pk, "PK");
    if (has_sort_key(&w))
        target->sk = table_key(&w, &t->sk, "SK");
    if (is_part(&target->sk, target->pk.name))
        report_error(report, t->at, "partition key and sort key have one name: \"%s\"", target->pk.name);
    build_indexes(&w);
    check_ttl(&w);
    return target;
}

void targets_build(struct report *report, struct arena *arena, const struct parsed_contract *parsed, const char *prefix,
                   struct target ***ret, size_t *ret_count) {
    struct target **targets = arena_zalloc(arena, (parsed->table_count + 1) * sizeof(*targets));
    for (size_t i = 0; i < parsed->table_count; i++) {
        targets[i] = build_target(report, arena, &parsed->tables[i], prefix, (unsigned)i);
        for (size_t k = 0; k < i; k++)
            if (parsed->tables[i].table.text && strcmp(targets[k]->name, targets[i]->name) == 0)
                report_error(report, parsed->tables[i].table.at,
                             "table \"%s\" stands here twice; entities of one table go into one "
                             "\"entities\" list",
                             targets[i]->name);
    }
    *ret = targets;
    *ret_count = parsed->table_count;
}
