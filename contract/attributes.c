/* Attributes of an entity or a construction: where each value comes from, what type it has, and an order in which
 * templates find what they name. */
#include "contract/compile.h"

#include "contract/convert.h"
#include "contract/expr_types.h"
#include "contract/template_parse.h"
#include "contract/transformation.h"

#include <stdlib.h>

/* What is known of a scope while it is built; attributes are in the contract's order here. */
struct scope_work {
    struct row_place place;
    struct build *b;
    struct entity *entity;
    struct node *row;
    const struct parsed_attribute *parsed;
    struct attribute *attributes;
    bool *good;
    struct template_token **tokens; /* of templates */
    size_t *token_counts;
    size_t count;
    struct scope *scope;
};

/* ---- types */

static bool attribute_type(struct build *b, const struct parsed_attribute *p, enum attr_type *ret) {
    if (!p->type.text)
        return false; /* reported as missing */
    if (attr_type_parse(slice_of(p->type.text), ret))
        return true;
    static const char *const names[] = {"S", "N", "B", "BOOL", "NULL", "SS", "NS", "BS", "L", "M"};
    report_error(b->report, p->type.at, "unknown type \"%s\"%s", p->type.text,
                 report_remedy(b->report, p->type.text, names, ARRAY_LEN(names)));
    return false;
}

static const char *expr_source(const struct row_place *w, const struct expr *e) {
    unsigned node, column;
    if (!expr_column(e, &node, &column))
        return arena_printf(w->b->arena, "a value of type %s", column_type_name(e->type));
    const struct table *t = w->entity->nodes[node]->source->table;
    return arena_printf(w->b->arena, "%s.%s (%s)", t->name, t->columns[column].name, column_type_name(e->type));
}

/* `B` of text is its bytes as stored; values are UTF-8, so the column must be, too. */
static bool stored_as_utf8(const struct row_place *w, const struct expr *e) {
    unsigned node, column;
    if (!expr_column(e, &node, &column))
        return true;
    const char *name = w->entity->nodes[node]->source->table->columns[column].collation_name;
    return !name || strncmp(name, "utf8", 4) == 0 || strncmp(name, "ascii", 5) == 0 || strcmp(name, "binary") == 0;
}

bool attribute_check_type(const struct row_place *w, struct spot at, const struct expr *e, enum attr_type type) {
    char choices[64];
    if (e->kind == EXPR_CASE) { /* every value it may give */
        bool good = attribute_check_type(w, at, e->args[e->arg_count - 1], type);
        for (size_t i = 1; i < e->arg_count; i += 2)
            good &= attribute_check_type(w, at, e->args[i], type);
        return good;
    }
    if (e->kind == EXPR_COALESCE) {
        bool good = true;
        for (size_t i = 0; i < e->arg_count; i++)
            good &= attribute_check_type(w, at, e->args[i], type);
        return good;
    }
    if (e->type == COLUMN_UNSUPPORTED)
        return true; /* NULL */
    if (!convert_allowed(e->type, type)) {
        report_error(w->b->report, at, "%s cannot be written as type %s; it can be %s", expr_source(w, e),
                     attr_type_name(type), convert_choices(e->type, choices));
        return false;
    }
    if (type == ATTR_B && e->type == COLUMN_TEXT && !stored_as_utf8(w, e)) {
        report_error(w->b->report, at, "%s as type B is not supported by this version for this character set; S is",
                     expr_source(w, e));
        return false;
    }
    return true;
}

/* ---- null_value */

/* A literal in the attribute's type: text and numbers stand for one another, as contracts write them. */
static const struct attr *null_value(struct build *b, struct spot at, enum attr_type type) {
    struct attr *a = arena_alloc(b->arena, sizeof(*a));
    struct error why;
    if (attr_from_json(at.value, b->arena, a, &why)) {
        report_error(b->report, at, "\"null_value\": %s", why.text);
        return NULL;
    }
    if (type == ATTR_S && a->type == ATTR_N)
        a->type = ATTR_S;
    defer(buf_deinit) struct buf normal = BUF_INIT(256);
    if (type == ATTR_N && a->type == ATTR_S && number_normalise(a->text, &normal))
        a->type = ATTR_N;
    if (a->type == type)
        return a;
    report_error(b->report, at, "\"null_value\" is of type %s, the attribute of type %s",
                 attr_type_name((enum attr_type)a->type), attr_type_name(type));
    return NULL;
}

/* ---- one attribute */

/* An EXPR, if need be transformed; in `select_columns` its type follows from it. */
static bool by_expr(struct scope_work *w, const struct parsed_attribute *p, struct attribute *ret) {
    struct expr *e = value_expr(&w->place, p);
    if (e && p->transformation)
        e = transformation_expr(w->b, p->transformation, e, ret->type);
    ret->expr = e;
    if (!e)
        return false;
    if (!p->natural)
        return attribute_check_type(&w->place, p->type.at, e, ret->type);
    if (convert_natural(e->type, &ret->type))
        return true;
    report_error(w->b->report, p->at, "%s has no natural type; list it in \"attributes\" with a type",
                 expr_source(&w->place, e));
    return false;
}

/* The attribute's template, or that of its transformation. */
static const struct word *attribute_template(const struct parsed_attribute *p) {
    return p->template.text ? &p->template : p->transformation ? transformation_template(p->transformation) : NULL;
}

static bool by_template(struct scope_work *w, const struct parsed_attribute *p, const struct word *template, size_t i,
                        struct attribute *ret) {
    if (ret->type != ATTR_S && ret->type != ATTR_N) {
        report_error(w->b->report, p->type.at, "a template cannot be written as type %s; it gives S, or N",
                     attr_type_name(ret->type));
        return false;
    }
    ret->source = ATTRIBUTE_TEMPLATE;
    return template_parse(w->b->report, w->b->arena, template->at, template->text, &w->tokens[i], &w->token_counts[i]);
}

static void check_name(struct scope_work *w, size_t i) {
    const struct parsed_attribute *p = &w->parsed[i];
    const char *name = p->name.text;
    if (strncmp(name, "leat_", 5) == 0)
        report_error(w->b->report, p->name.at, "attribute \"%s\": names that begin with leat_ are reserved", name);
    if (!*name || strlen(name) > 255)
        report_error(w->b->report, p->name.at, "an attribute's name has 1 to 255 bytes");
    for (size_t k = 0; k < i; k++)
        if (strcmp(w->parsed[k].name.text, name) == 0) {
            report_error(w->b->report, p->name.at, "attribute \"%s\" stands here twice", name);
            return;
        }
}

static void build_attribute(struct scope_work *w, size_t i) {
    const struct parsed_attribute *p = &w->parsed[i];
    struct attribute *a = &w->attributes[i];
    *a = (struct attribute){.name = p->name.text, .type = ATTR_S, .source = ATTRIBUTE_EXPR, .written = true};
    check_name(w, i);
    bool typed = p->natural || attribute_type(w->b, p, &a->type);
    if ((p->template.text != NULL) + (p->expr.text != NULL) + (p->join != NULL) + (p->calculation.value != NULL) > 1) {
        report_error(
            w->b->report, p->at,
            "attribute \"%s\" has more than one of \"template\", \"expr\", \"join\" and \"calculation\"; keep one",
            p->name.text);
        return;
    }
    if (!typed || (p->calculation.value && p->case_count == 0 && !p->aggregate))
        return;
    const struct word *template = attribute_template(p);
    bool many = many_rows(p);
    if (p->transformation && (many || p->template.text)) {
        report_error(w->b->report, p->transformation->at,
                     "a transformation takes the value of one row, not of %s; transform what it is made of",
                     many ? "several" : "a template");
        return;
    }
    if (p->transformation && !transformation_check(w->b, p->transformation))
        return;
    if (many)
        w->good[i] = many_build(&w->place, p, a);
    else if (template)
        w->good[i] = by_template(w, p, template, i, a);
    else
        w->good[i] = by_expr(w, p, a);
    if (p->null_value.value && p->join && p->join->null_value.value)
        report_error(w->b->report, p->null_value, "\"null_value\" stands here and in the join; keep one");
    struct spot null = p->null_value.value ? p->null_value : p->join ? p->join->null_value : p->null_value;
    if (null.value && json_type(null.value) != JSON_NULL)
        a->null_value = null_value(w->b, null, a->type);
}

/* ---- templates over attributes */

static int find_parsed(const struct scope_work *w, const char *name) {
    for (size_t i = 0; i < w->count; i++)
        if (strcmp(w->parsed[i].name.text, name) == 0)
            return (int)i;
    return -1;
}

/* The attribute that a token in the template of attribute `own` names, or -1: then it is a column. */
static int token_attribute(const struct scope_work *w, const struct template_token *t, size_t own) {
    int i = t->name ? find_parsed(w, t->name) : -1;
    return i == (int)own ? -1 : i;
}

enum { UNSEEN, OPEN, DONE };

/* Depth first: what a template names comes before it. Attributes without templates need nothing. */
static bool visit(struct scope_work *w, size_t i, uint8_t *state, unsigned *order, size_t *count) {
    if (state[i] == DONE)
        return true;
    if (state[i] == OPEN) {
        report_error(w->b->report, attribute_template(&w->parsed[i])->at,
                     "the template of \"%s\" needs itself, by way of other templates", w->parsed[i].name.text);
        return false;
    }
    state[i] = OPEN;
    bool good = true;
    for (size_t k = 0; good && k < w->token_counts[i]; k++) {
        int other = token_attribute(w, &w->tokens[i][k], i);
        if (other >= 0)
            good = visit(w, (size_t)other, state, order, count);
    }
    state[i] = DONE;
    order[(*count)++] = (unsigned)i;
    return good;
}

static void unknown_token(struct build *b, const struct scope *scope, struct spot at, const char *name) {
    const struct table *t = scope->node->source->table;
    const char **names = arena_alloc(b->arena, (scope->attribute_count + t->column_count + 1) * sizeof(*names));
    size_t count = 0;
    for (size_t i = 0; i < scope->attribute_count; i++)
        if (scope->attributes[i].name)
            names[count++] = scope->attributes[i].name;
    for (size_t i = 0; i < t->column_count; i++)
        names[count++] = t->columns[i].name;
    report_error(b->report, at, "\"{%s}\" is neither an attribute nor a column of \"%s\"%s", name, t->name,
                 report_remedy(b->report, name, names, count));
}

/* One token over a scope whose attributes have their final numbers. */
static bool bind_token(struct build *b, struct scope *scope, struct spot at, const struct template_token *t, int own,
                       struct template_part *ret) {
    *ret = (struct template_part){.literal = t->literal, .attribute = -1};
    if (!t->name)
        return true;
    ret->has_default = t->has_default;
    ret->default_text = t->default_text;
    int i = scope_attribute(scope, t->name);
    if (i >= 0 && i != own) {
        enum attr_type type = scope->attributes[i].type;
        ret->attribute = i;
        if (scope->attributes[i].json_text) {
            report_error(b->report, at, "\"{%s}\" is JSON text of joined rows; a template takes no lists", t->name);
            return false;
        }
        if (type == ATTR_S || type == ATTR_N || type == ATTR_B || type == ATTR_BOOL)
            return true;
        report_error(b->report, at, "\"{%s}\" is of type %s; a template takes only S, N, B and BOOL", t->name,
                     attr_type_name(type));
        return false;
    }
    int column = table_column(scope->node->source->table, t->name);
    if (column < 0) {
        unknown_token(b, scope, at, t->name);
        return false;
    }
    column = source_column(b, scope->node->source, at, t->name);
    ret->expr = column < 0 ? NULL : column_expr(b, scope->node, (unsigned)column);
    return ret->expr != NULL;
}

static const struct template *bind_template(struct build *b, struct scope *scope, struct spot at, const char *text,
                                            const struct template_token *tokens, size_t count, int own) {
    struct template *t = arena_zalloc(b->arena, sizeof(*t));
    struct template_part *parts = arena_zalloc(b->arena, (count + 1) * sizeof(*parts));
    bool good = true;
    for (size_t i = 0; i < count; i++)
        good &= bind_token(b, scope, at, &tokens[i], own, &parts[i]);
    *t = (struct template){arena_strdup(b->arena, text), parts, count};
    return good ? t : NULL;
}

const struct template *template_build(struct build *b, struct scope *scope, struct spot at, const char *text) {
    struct template_token *tokens;
    size_t count;
    if (!template_parse(b->report, b->arena, at, text, &tokens, &count))
        return NULL;
    return bind_template(b, scope, at, text, tokens, count, -1);
}

int scope_attribute(const struct scope *scope, const char *name) {
    for (size_t i = 0; i < scope->attribute_count; i++)
        if (scope->attributes[i].name && strcmp(scope->attributes[i].name, name) == 0)
            return (int)i;
    return -1;
}

/* ---- the scope */

static void order_attributes(struct scope_work *w) {
    struct arena *arena = w->b->arena;
    uint8_t *state = arena_zalloc(arena, w->count + 1);
    unsigned *order = arena_zalloc(arena, (w->count + 1) * sizeof(*order));
    unsigned *output = arena_zalloc(arena, (w->count + 1) * sizeof(*output));
    struct attribute *sorted = arena_zalloc(arena, (w->count + 1) * sizeof(*sorted));
    size_t count = 0;
    for (size_t i = 0; i < w->count; i++)
        (void)visit(w, i, state, order, &count);
    for (size_t i = 0; i < count; i++) {
        sorted[i] = w->attributes[order[i]];
        output[order[i]] = (unsigned)i;
    }
    w->scope->attributes = sorted;
    w->scope->attribute_count = count;
    w->scope->output = output;
    for (size_t i = 0; i < count; i++) {
        const struct word *template = attribute_template(&w->parsed[order[i]]);
        if (w->tokens[order[i]])
            sorted[i].template = bind_template(w->b, w->scope, template->at, template->text, w->tokens[order[i]],
                                               w->token_counts[order[i]], (int)i);
    }
}

void scope_build(struct build *b, struct entity *entity, struct node *row, const struct parsed_attribute *attributes,
                 size_t count, struct scope *ret) {
    struct scope_work w = {.place = {b, entity, row},
                           .b = b,
                           .entity = entity,
                           .row = row,
                           .parsed = attributes,
                           .count = count,
                           .scope = ret};
    w.attributes = arena_zalloc(b->arena, (count + 1) * sizeof(*w.attributes));
    w.good = arena_zalloc(b->arena, count + 1);
    w.tokens = arena_zalloc(b->arena, (count + 1) * sizeof(*w.tokens));
    w.token_counts = arena_zalloc(b->arena, (count + 1) * sizeof(*w.token_counts));
    ret->node = row;
    for (size_t i = 0; i < count; i++)
        build_attribute(&w, i);
    order_attributes(&w);
}

/* ---- may a value be absent? */

static bool column_may_be_absent(const struct scope *scope, const struct expr *e) {
    unsigned node, column;
    if (!e || !expr_column(e, &node, &column))
        return e != NULL;
    const struct node *n = scope->node->entity->nodes[node];
    return n->source->table->columns[column].nullable || !node_certain(n, scope->node);
}

bool template_may_be_absent(const struct scope *scope, const struct template *t) {
    for (size_t i = 0; t && i < t->part_count; i++) {
        const struct template_part *p = &t->parts[i];
        if (!p->has_default && (p->attribute >= 0 ? attribute_may_be_absent(scope, &scope->attributes[p->attribute])
                                                  : column_may_be_absent(scope, p->expr)))
            return true;
    }
    return false;
}

bool attribute_may_be_absent(const struct scope *scope, const struct attribute *a) {
    if (a->null_value)
        return false;
    if (a->source == ATTRIBUTE_TEMPLATE)
        return template_may_be_absent(scope, a->template);
    return a->source == ATTRIBUTE_EXPR ? column_may_be_absent(scope, a->expr) : true;
}
