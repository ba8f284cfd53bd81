/* Keys of items: what an entity's key is made of, what its indexes need besides, and whether two rows can claim one key. */
#include "contract/compile.h"

#include <stdlib.h>

struct key_work {
    struct build *b;
    const struct parsed_table *table;
    const struct parsed_entity *parsed;
    struct entity *entity;
};

/* "a#b" as the template "{a}#{b}". */
static const char *composite_template(struct arena *arena, const char *name) {
    defer(buf_deinit) struct buf buf = BUF_INIT(4096);
    for (const char *p = name; *p;) {
        size_t len = strcspn(p, "#");
        buf_put_char(&buf, '{');
        buf_put(&buf, p, len);
        buf_put_char(&buf, '}');
        p += len;
        if (*p == '#')
            buf_put_char(&buf, *p++);
    }
    return arena_strdup(arena, buf_text(&buf));
}

static void warn_absent(struct key_work *w, struct spot at, bool absent, const char *what) {
    if (absent)
        report_warning(
            w->b->report, at,
            "the %s may have no value (a column may be NULL, or a join find no row): such rows have no item; a default "
            "({name|default}) or \"null_value\" would give them one",
            what);
}

/* A key's template or attribute. `text` is the entity's template, if it has one. */
static void build_part(struct key_work *w, const struct key_part *part, const struct word *text,
                       const struct word *name, const char *what, int *ret_attribute,
                       const struct template **ret_template) {
    struct scope *scope = &w->entity->scope;
    struct spot at = text->text ? text->at : name ? name->at : w->parsed->at;
    int attribute = scope_attribute(scope, part->name);
    *ret_attribute = -1;
    if (text->text && attribute >= 0) {
        report_error(w->b->report, at, "the key \"%s\" has a template and an attribute of its name; keep one",
                     part->name);
        return;
    }
    if (attribute >= 0 && scope->attributes[attribute].json_text) {
        report_error(w->b->report, at, "the %s \"%s\" is JSON text of joined rows; a key takes no lists", what,
                     part->name);
        return;
    }
    if (attribute >= 0) {
        *ret_attribute = attribute;
        warn_absent(w, at, attribute_may_be_absent(scope, &scope->attributes[attribute]), what);
        return;
    }
    if (!text->text && w->table->multi) {
        report_error(w->b->report, at, "an entity lacks the template of its %s \"%s\"", what, part->name);
        return;
    }
    *ret_template =
        template_build(w->b, scope, at, text->text ? text->text : composite_template(w->b->arena, part->name));
    warn_absent(w, at, template_may_be_absent(scope, *ret_template), what);
}

static void add_synthetic(struct key_work *w, const char *name, struct spot at) {
    struct entity *e = w->entity;
    struct synthetic *list = (struct synthetic *)(uintptr_t)e->synthetics;
    for (size_t i = 0; i < e->synthetic_count; i++)
        if (strcmp(list[i].name, name) == 0)
            return;
    const struct target *t = e->target;
    if (strcmp(t->pk.name, name) == 0 || (t->sk.name && strcmp(t->sk.name, name) == 0))
        return; /* the table's own key of that name is written anyway */
    const struct template *template = template_build(w->b, &e->scope, at, composite_template(w->b->arena, name));
    LIST_ADD(w->b->arena, list, e->synthetic_count, (struct synthetic){name, template});
    e->synthetics = list;
}

static void build_synthetics(struct key_work *w) {
    for (size_t i = 0; i < w->table->gsi_count; i++) {
        const struct parsed_gsi *g = &w->table->gsis[i];
        const struct words *keys[] = {&g->pk.names, &g->sk.names};
        for (size_t k = 0; k < ARRAY_LEN(keys); k++)
            for (size_t n = 0; n < keys[k]->count; n++)
                if (is_composite(w->parsed, keys[k]->list[n].text))
                    add_synthetic(w, keys[k]->list[n].text, keys[k]->list[n].at);
    }
}

void keys_build(struct build *b, const struct parsed_table *table, const struct parsed_entity *parsed,
                struct entity *entity) {
    struct key_work w = {b, table, parsed, entity};
    const struct target *t = entity->target;
    const struct word *pk_name = table->pk.names.count ? &table->pk.names.list[0] : NULL;
    const struct word *sk_name = table->sk.names.count ? &table->sk.names.list[0] : NULL;
    entity->sk_attribute = -1;
    if (table->multi || pk_name)
        build_part(&w, &t->pk, &parsed->pk_template, pk_name, "partition key", &entity->pk_attribute,
                   &entity->pk_template);
    if (t->sk.name)
        build_part(&w, &t->sk, &parsed->sk_template, sk_name, "sort key", &entity->sk_attribute, &entity->sk_template);
    build_synthetics(&w);
    if (entity->write_entity_type && scope_attribute(&entity->scope, "entity_type") >= 0)
        report_error(b->report, parsed->at,
                     "the attribute \"entity_type\" is written by itself; set \"write_entity_type\": false to "
                     "write another one");
}

/* ---- which columns a key gives away */

/* Columns that can be read back from the key: of the node with this number, by number in its table. */
struct determined {
    const struct entity *entity;
    bool **columns;
};

/* One of them. */
struct shown {
    const struct column *column; /* NULL: none */
    bool *known;
};

/* The NOT NULL column that the attribute or token shows unaltered. */
static struct shown shown_by_expr(const struct determined *d, const struct expr *expr) {
    unsigned node, number;
    if (!expr || !expr_column(expr, &node, &number))
        return (struct shown){NULL, NULL};
    const struct column *column = &d->entity->nodes[node]->source->table->columns[number];
    return column->nullable ? (struct shown){NULL, NULL} : (struct shown){column, &d->columns[node][number]};
}

static struct shown shown_by_attribute(const struct determined *d, const struct attribute *a) {
    if (a->source != ATTRIBUTE_EXPR || a->null_value || a->type == ATTR_BOOL)
        return (struct shown){NULL, NULL};
    struct shown s = shown_by_expr(d, a->expr);
    if (s.column && s.column->type == COLUMN_TEXT && a->type == ATTR_N) /* "1" and "1.0" are one number */
        return (struct shown){NULL, NULL};
    return s;
}

static struct shown shown_by_part(const struct determined *d, const struct template_part *p) {
    if (p->has_default)
        return (struct shown){NULL, NULL};
    return p->attribute >= 0 ? shown_by_attribute(d, &d->entity->scope.attributes[p->attribute])
                             : shown_by_expr(d, p->expr);
}

static bool is_token(const struct template_part *p) {
    return p->attribute >= 0 || p->expr;
}

/* Text of these columns holds only digits and signs, so that another character beside it is a border. */
static bool bounded(struct shown shown) {
    static const bool types[COLUMN_VECTOR + 1] = {
        [COLUMN_INT] = true,  [COLUMN_BIT] = true,      [COLUMN_YEAR] = true,      [COLUMN_DECIMAL] = true,
        [COLUMN_DATE] = true, [COLUMN_DATETIME] = true, [COLUMN_TIMESTAMP] = true, [COLUMN_TIME] = true,
    };
    return shown.column && types[shown.column->type];
}

static bool border(const struct template_part *p, bool first) {
    if (is_token(p) || p->literal.len == 0)
        return false;
    return !strchr("0123456789+-.:TZ", p->literal.data[first ? 0 : p->literal.len - 1]);
}

/* Reads tokens from the left, then from the right, while each has a border; one token that is left over is known, too. */
static void read_template(const struct determined *d, const struct template *t) {
    size_t left = 0, right = t->part_count, tokens = 0, last = 0;
    for (; left < right; left++)
        if (is_token(&t->parts[left])) {
            struct shown s = shown_by_part(d, &t->parts[left]);
            if (!bounded(s) || left + 1 == right || !border(&t->parts[left + 1], true))
                break;
            *s.known = true;
        }
    for (; right > left; right--)
        if (is_token(&t->parts[right - 1])) {
            struct shown s = shown_by_part(d, &t->parts[right - 1]);
            if (!bounded(s) || right - 1 == left || !border(&t->parts[right - 2], false))
                break;
            *s.known = true;
        }
    for (size_t i = left; i < right; i++)
        if (is_token(&t->parts[i])) {
            tokens++;
            last = i;
        }
    struct shown s = tokens == 1 ? shown_by_part(d, &t->parts[last]) : (struct shown){NULL, NULL};
    if (s.column)
        *s.known = true;
}

static void read_key_part(const struct determined *d, int attribute, const struct template *t) {
    struct shown s =
        attribute >= 0 ? shown_by_attribute(d, &d->entity->scope.attributes[attribute]) : (struct shown){NULL, NULL};
    if (s.column)
        *s.known = true;
    if (t)
        read_template(d, t);
}

static bool unique_by(const struct table *t, const bool *columns) {
    for (size_t i = 0; i < t->key_count; i++) {
        const struct table_key *key = &t->keys[i];
        size_t k = 0;
        while (k < key->column_count && columns[key->columns[k]])
            k++;
        if ((key->primary || key->unique) && !key->partial && k == key->column_count)
            return true;
    }
    return false;
}

/* A row that the key tells of its table tells the integers that its parent joined it by (texts join by their collation, so they may
 * differ). Parents come before children. */
static void read_joins(const struct determined *d) {
    for (size_t i = d->entity->node_count; i-- > 1;) {
        const struct node *n = d->entity->nodes[i];
        const struct table *near = n->parent->source->table, *far = n->source->table;
        if (n->many || !unique_by(far, d->columns[i]))
            continue;
        for (size_t k = 0; k < n->edge_count; k++)
            if (near->columns[n->parent_columns[k]].type == COLUMN_INT &&
                far->columns[n->columns[k]].type == COLUMN_INT)
                d->columns[n->parent->number][n->parent_columns[k]] = true;
    }
}

static bool key_is_unique(struct build *b, const struct entity *e) {
    struct determined d = {e, arena_alloc(b->arena, e->node_count * sizeof(*d.columns))};
    for (size_t i = 0; i < e->node_count; i++)
        d.columns[i] = arena_zalloc(b->arena, e->nodes[i]->source->table->column_count + 1);
    read_key_part(&d, e->pk_attribute, e->pk_template);
    read_key_part(&d, e->sk_attribute, e->sk_template);
    read_joins(&d);
    return unique_by(e->root->table, d.columns[0]);
}

/* ---- entities of one table */

/* The text that every key of this template begins with, and whether that is all of it. */
static struct slice leading(const struct template *t, bool *ret_whole) {
    bool literal = t && t->part_count > 0 && !is_token(&t->parts[0]);
    *ret_whole = literal && t->part_count == 1;
    return literal ? t->parts[0].literal : (struct slice){"", 0};
}

static bool never_equal(const struct template *a, const struct template *b) {
    bool whole_a, whole_b;
    struct slice x = leading(a, &whole_a), y = leading(b, &whole_b);
    size_t n = MIN(x.len, y.len);
    if (n && memcmp(x.data, y.data, n) != 0)
        return true;
    return (whole_a && x.len < y.len) || (whole_b && y.len < x.len);
}

static bool same_template(const struct template *a, const struct template *b) {
    return a && b ? strcmp(a->text, b->text) == 0 : a == b;
}

static void compare_pair(struct build *b, struct entity *x, struct entity *y, struct spot at) {
    if (x->target != y->target)
        return;
    if (x->pk_template && same_template(x->pk_template, y->pk_template) &&
        same_template(x->sk_template, y->sk_template)) {
        report_error(b->report, at,
                     "entities \"%s\" and \"%s\" of table \"%s\" have the same key templates, so their items cannot be "
                     "told apart; put "
                     "a different text into one of them",
                     x->name, y->name, x->target->name);
        return;
    }
    if (never_equal(x->pk_template, y->pk_template) || never_equal(x->sk_template, y->sk_template))
        return;
    x->can_conflict = y->can_conflict = true;
}

void keys_compare(struct build *b, const struct parsed_contract *parsed) {
    for (size_t i = 0; i < b->entity_count; i++)
        b->entities[i]->can_conflict = !key_is_unique(b, b->entities[i]);
    for (size_t i = 0; i < b->entity_count; i++)
        for (size_t k = 0; k < i; k++) {
            struct entity *e = b->entities[i];
            const struct parsed_table *t = &parsed->tables[e->target->number];
            struct spot at = t->at;
            for (size_t n = 0; n < t->entity_count; n++)
                if (t->entities[n].entity_type.text == e->name)
                    at = t->entities[n].pk_template.text ? t->entities[n].pk_template.at : t->entities[n].at;
            compare_pair(b, b->entities[k], e, at);
        }
}
