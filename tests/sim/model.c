/* Makes up schemas and contracts: small tables whose columns have few values, so that joins hit, keys collide and rows swap; and
 * entities whose attributes and keys reach over every kind of join. */
#include "tests/sim/world.h"

static int between(int low, int high) {
    return low + below(high - low + 1);
}

bool model_comparable(enum style a, enum style b) {
    bool x = a == NUMBER || a == MONEY, y = b == NUMBER || b == MONEY;
    return (x && y) || (a == TEXT && b == TEXT);
}

const char *model_text(enum style style, int value, char out[64]) {
    static const char *const labels[] = {"red", "green", "blue", "grey"};
    if (style == TEXT && (value == EMPTY_TEXT || value >= DIGITS_TEXT)) {
        static const char *const special[] = {
            [EMPTY_TEXT] = "",         [DIGITS_TEXT] = "5",
            [REFUSED_TEXT] = "refuse", [LONG_TEXT] = "long-long-long-long-long-long-long-long",
            [LONG_TEXT + 1] = "a8",    [HIDDEN] = "hidden"};
        snprintf(out, 64, "%s", special[MIN(value, HIDDEN)]);
    } else if (style == LABEL) {
        snprintf(out, 64, "%s", labels[(value - 1) % LABELS]);
    } else {
        snprintf(out, 64, "%s%d%s", style == TEXT ? "a" : "", value, style != MONEY ? "" : value % 2 ? ".50" : ".00");
    }
    return out;
}

int model_amount(enum style style, int value) {
    return value * 100 + (style == MONEY && value % 2 ? 50 : 0);
}

bool model_is_unique(const struct table_model *t, int column) {
    return column == t->unique || (t->keys == 1 && column == 0);
}

/* ---- tables */

static void add_column(struct table_model *t, enum style style, bool nullable, int domain) {
    t->c[t->columns++] = (struct column_model){style, nullable, domain};
}

static void make_table(struct table_model *t, bool first) {
    *t = (struct table_model){.unique = -1, .keys = !first && chance(300) ? 2 : 1};
    bool text = !first && t->keys == 1 && chance(250);
    for (int i = 0; i < t->keys; i++)
        add_column(t, text ? TEXT : NUMBER, false, t->keys == 2 ? 3 : 4);
    for (int n = between(1, 2); n > 0; n--)
        add_column(t, NUMBER, chance(500), 4);
    for (int n = between(1, 2); n > 0; n--)
        add_column(t, TEXT, chance(300), 4);
    if (chance(600))
        add_column(t, MONEY, chance(300), 3);
    if (chance(500))
        add_column(t, LABEL, chance(300), LABELS);
    int unique = between(t->keys, t->columns - 1);
    if (chance(350) && t->c[unique].style <= TEXT) {
        t->unique = unique;
        t->c[unique].domain = t->c[unique].style == TEXT ? 8 : 6;
    }
}

static enum fk_rule rule(bool nullable, bool update) {
    static const enum fk_rule rules[] = {FK_CASCADE, FK_CASCADE, FK_RESTRICT, FK_SET_NULL};
    enum fk_rule r = rules[below(nullable ? 4 : 3)];
    return r == FK_RESTRICT && !update && chance(500) ? FK_CASCADE : r;
}

static void make_fk(struct model *m, int child, int column) {
    const struct column_model *c = &m->tables[child].c[column];
    int parent = below(child + 1);
    bool self = parent == child;
    if (m->fk_count == FKS_MAX || c->style != NUMBER || m->tables[parent].keys != 1 ||
        m->tables[parent].c[0].style != NUMBER || (self && (!c->nullable || column == 0)))
        return;
    m->fks[m->fk_count++] = (struct fk_model){
        child, column, parent, rule(c->nullable, false),
        self ? FK_RESTRICT : rule(c->nullable, true)}; /* MySQL restricts updates that cascade into their own table */
}

/* ---- edges */

static int comparable_column(const struct table_model *t, enum style style) {
    int first = below(t->columns);
    for (int i = 0; i < t->columns; i++)
        if (model_comparable(t->c[(first + i) % t->columns].style, style))
            return (first + i) % t->columns;
    return -1;
}

static bool add_equality(const struct model *m, int near, struct edge_model *e, int far_column) {
    enum style style = m->tables[e->table].c[far_column].style;
    int column = style == LABEL ? -1 : comparable_column(&m->tables[near], style);
    if (column < 0)
        return false;
    e->on[e->count].near = column;
    e->on[e->count++].far = far_column;
    return true;
}

static bool try_edge(const struct model *m, int near, bool many, struct edge_model *e) {
    e->table = below(m->table_count);
    e->count = 0;
    const struct table_model *far = &m->tables[e->table];
    bool good = true;
    if (many)
        good = add_equality(m, near, e, below(far->columns));
    else if (far->unique >= 0 && chance(400))
        good = add_equality(m, near, e, far->unique);
    else
        for (int i = 0; good && i < far->keys; i++)
            good = add_equality(m, near, e, i);
    int more = below(far->columns);
    if (good && e->count == 1 && more != e->on[0].far && chance(120))
        (void)add_equality(m, near, e, more);
    return good;
}

/* From a row of table `near`; every table has a number, and table 0 is reached by one. */
static void make_edge(struct model *m, int near, bool many, struct edge_model *e) {
    while (!try_edge(m, near, many, e))
        ;
    snprintf(e->alias, sizeof(e->alias), "j%d", m->aliases++ % 10000);
}

/* ---- attributes */

static struct condition make_condition(const struct table_model *t) {
    struct condition c = {.column = below(t->columns)};
    const struct column_model *column = &t->c[c.column];
    c.kind = 1 + (unsigned)below(CONDITIONS - 1);
    if (c.kind == GREATER && column->style != NUMBER && column->style != MONEY)
        c.kind = DIFFERENT;
    c.value = between(1, MIN(column->domain, 3));
    return c;
}

static struct selection make_selection(const struct table_model *t) {
    struct selection s = {below(t->columns), NONE};
    if (chance(200) && t->c[s.column].style != LABEL)
        s.otherwise = 3;
    return s;
}

static enum attr_type type_of(enum style style) {
    return style == TEXT ? (chance(40) ? ATTR_N : ATTR_S) : chance(style == LABEL ? 300 : 500) ? ATTR_N : ATTR_S;
}

static const struct column_model *selected_column(const struct model *m, const struct attribute_model *a, int i) {
    return &m->tables[a->edges[i].table].c[a->selected[i].column];
}

static void make_lookup(struct model *m, int row, struct attribute_model *a) {
    make_edge(m, row, false, &a->edges[0]);
    a->edge_count = 1;
    a->selected[0] = make_selection(&m->tables[a->edges[0].table]);
    a->type = type_of(selected_column(m, a, 0)->style);
    a->condition = make_condition(&m->tables[row]);
    a->has_else = chance(600);
}

static void make_chain(struct model *m, int row, struct attribute_model *a) {
    a->edge_count = between(2, STEPS_MAX);
    a->separated = chance(400);
    for (int i = 0; i < a->edge_count; i++) {
        int from = i && chance(850) ? i : below(i + 1), table = from ? a->edges[from - 1].table : row;
        make_edge(m, table, false, &a->edges[i]);
        a->edges[i].from = from;
        bool last = i + 1 == a->edge_count;
        a->selected[i] =
            last || chance(600) ? make_selection(&m->tables[a->edges[i].table]) : (struct selection){-1, NONE};
    }
    a->type = a->separated ? ATTR_S : type_of(selected_column(m, a, a->edge_count - 1)->style);
}

static void make_polymorphic(struct model *m, int row, struct attribute_model *a) {
    a->edge_count = 2;
    a->type = ATTR_S;
    a->has_else = chance(600);
    a->column = below(m->tables[row].columns);
    for (int i = 0; i < 2; i++) {
        make_edge(m, row, false, &a->edges[i]);
        a->selected[i] = make_selection(&m->tables[a->edges[i].table]);
        a->when[i] = i + 1;
    }
}

static void make_case(struct model *m, int row, struct attribute_model *a) {
    const struct table_model *t = &m->tables[row];
    a->condition = make_condition(t);
    a->column = below(t->columns);
    a->selected[0] = (struct selection){a->column, NONE};
    for (int i = 0; i < t->columns; i++)
        if (t->c[i].style == t->c[a->column].style && chance(500))
            a->selected[0].column = i;
    a->type = type_of(t->c[a->column].style);
}

static void make_order(const struct table_model *t, struct attribute_model *a) {
    a->order_count = chance(500) ? between(1, 2) : 0;
    for (int i = 0; i < a->order_count; i++) {
        a->order[i].column = below(t->columns);
        a->order[i].descending = chance(500);
    }
    a->limit = chance(350) ? between(1, 3) : 0;
}

static void make_aggregate(const struct model *m, struct attribute_model *a) {
    const struct table_model *t = &m->tables[a->edges[0].table];
    enum style style = t->c[a->selected[0].column].style;
    a->operation = (enum aggregate_operation)below(AGGREGATE_MAX + 1);
    if (style == LABEL || (style == TEXT && (a->operation == AGGREGATE_SUM || a->operation == AGGREGATE_AVG)))
        a->operation = AGGREGATE_COUNT;
    if (a->operation == AGGREGATE_COUNT && chance(500))
        a->selected[0].column = -1;
    a->type = style == TEXT && a->operation != AGGREGATE_COUNT ? ATTR_S : ATTR_N;
}

static void make_attribute(struct model *m, int row, int depth, struct attribute_model *a);

static void make_many(struct model *m, int row, int depth, struct attribute_model *a) {
    static const enum attr_type lists[] = {ATTR_L, ATTR_L, ATTR_SS, ATTR_NS};
    make_edge(m, row, true, &a->edges[0]);
    a->edge_count = 1;
    int far = a->edges[0].table;
    const struct table_model *t = &m->tables[far];
    a->condition = chance(300) ? make_condition(t) : (struct condition){.kind = ALWAYS};
    a->selected[0] = make_selection(t);
    a->type = ATTR_BOOL;
    if (a->kind == OF_EXISTS)
        return;
    if (a->kind == OF_AGGREGATE) {
        make_aggregate(m, a);
        return;
    }
    make_order(t, a);
    a->type = lists[below(4)];
    enum style style = t->c[a->selected[0].column].style;
    if (a->type == ATTR_NS && style != NUMBER && style != MONEY)
        a->type = ATTR_SS;
    if (a->kind == OF_LIST)
        return;
    a->type = chance(250) ? ATTR_S : a->kind == OF_ARRAY ? ATTR_L : ATTR_M;
    a->nested_count = between(1, NESTED_MAX);
    a->nested = arena_zalloc(&m->arena, NESTED_MAX * sizeof(*a->nested));
    for (int i = 0; i < a->nested_count; i++) {
        make_attribute(m, far, depth + 1, &a->nested[i]);
        snprintf(a->nested[i].name, sizeof(a->nested[i].name), "n%d", i);
    }
}

/* Of the row of table `row`; no templates, which need the attributes beside them. */
static void make_attribute(struct model *m, int row, int depth, struct attribute_model *a) {
    static const enum attribute_kind weights[] = {
        OF_COLUMN, OF_COLUMN, OF_LOOKUP,    OF_LOOKUP, OF_LOOKUP,      OF_CHAIN, OF_CHAIN, OF_CONDITIONAL,
        OF_LIST,   OF_EXISTS, OF_AGGREGATE, OF_ARRAY,  OF_POLYMORPHIC, OF_CASE,  OF_ARRAY, OF_OBJECT};
    *a = (struct attribute_model){.kind = weights[below((int)ARRAY_LEN(weights) - (depth > 1 ? 3 : 0))]};
    if (depth > 1 && a->kind == OF_ARRAY)
        a->kind = OF_AGGREGATE;
    switch (a->kind) {
    case OF_COLUMN:
        a->column = below(m->tables[row].columns);
        a->type = type_of(m->tables[row].c[a->column].style);
        break;
    case OF_LOOKUP:
    case OF_CONDITIONAL:
        make_lookup(m, row, a);
        break;
    case OF_CHAIN:
        make_chain(m, row, a);
        break;
    case OF_POLYMORPHIC:
        make_polymorphic(m, row, a);
        break;
    case OF_CASE:
        make_case(m, row, a);
        break;
    default:
        make_many(m, row, depth, a);
    }
    bool counts = a->kind == OF_EXISTS || (a->kind == OF_AGGREGATE && a->operation == AGGREGATE_COUNT);
    a->has_null_value = !counts && chance(120) && (a->type == ATTR_S || a->type == ATTR_N || a->type == ATTR_L);
    totals.attributes[a->kind]++;
}

/* ---- templates and keys */

static bool is_scalar(const struct attribute_model *a) {
    return (a->type == ATTR_S || a->type == ATTR_N) && a->kind != OF_ARRAY && a->kind != OF_OBJECT;
}

/* One of the first `count` attributes of which keys can be made; the first one, who, always can. */
static int scalar_attribute(const struct entity_model *e, int count) {
    int i = chance(150) ? 0 : below(count);
    while (!is_scalar(&e->attributes[i]))
        i--;
    return i;
}

static void add_literal(struct template_model *t, const char *literal) {
    t->parts[t->count++] = (struct part_model){.literal = literal, .attribute = -1, .column = -1};
}

static void add_token(const struct model *m, const struct entity_model *e, int attributes, struct template_model *t) {
    struct part_model *p = &t->parts[t->count++];
    *p = (struct part_model){.attribute = -1, .column = -1};
    if (attributes && chance(600))
        p->attribute = scalar_attribute(e, attributes);
    else
        p->column = below(m->tables[e->root].columns);
    if (chance(200))
        p->otherwise = chance(300) ? "" : "none";
}

static void make_template(const struct model *m, const struct entity_model *e, int attributes,
                          struct template_model *t) {
    static const char *const literals[] = {"A#", "B#", "K"};
    if (chance(500))
        add_literal(t, literals[below(3)]);
    add_token(m, e, attributes, t);
    if (chance(250)) {
        add_literal(t, "#");
        add_token(m, e, attributes, t);
    }
}

static void make_who(const struct model *m, const struct entity_model *e, int number, struct attribute_model *who) {
    static const char *const names[] = {"w0-", "w1-", "w2-", "w3-", "w4-"};
    snprintf(who->name, sizeof(who->name), "who");
    who->kind = OF_TEMPLATE;
    who->type = ATTR_S;
    add_literal(&who->template, names[number]);
    for (int i = 0; i < m->tables[e->root].keys; i++) {
        if (i)
            add_literal(&who->template, "/");
        who->template.parts[who->template.count++] = (struct part_model){.attribute = -1, .column = i};
    }
}

static void make_entity(struct model *m, int target) {
    int number = m->entity_count++;
    struct entity_model *e = &m->entities[number];
    e->target = target;
    e->root = number && chance(300) ? e[-1].root : below(m->table_count);
    if (chance(250))
        e->filter = make_condition(&m->tables[e->root]);
    e->write_nulls = chance(200);
    make_who(m, e, number, &e->attributes[e->attribute_count++]);
    for (int n = between(2, ATTRIBUTES_MAX - 2); n > 0; n--) {
        struct attribute_model *a = &e->attributes[e->attribute_count];
        if (chance(120)) {
            a->kind = OF_TEMPLATE;
            a->type = ATTR_S;
            make_template(m, e, e->attribute_count, &a->template);
            totals.attributes[OF_TEMPLATE]++;
        } else {
            make_attribute(m, e->root, 0, a);
        }
        snprintf(a->name, sizeof(a->name), "e%d_%d", number, e->attribute_count++);
    }
    if (!m->targets[target].several)
        return;
    make_template(m, e, e->attribute_count, &e->pk);
    if (!m->targets[target].sorted)
        return;
    if (chance(500))
        add_literal(&e->sk, "S");
    else
        make_template(m, e, e->attribute_count, &e->sk);
}

static bool same_template(const struct template_model *a, const struct template_model *b) {
    for (int i = 0; i < a->count && a->count == b->count; i++) {
        const struct part_model *p = &a->parts[i], *q = &b->parts[i];
        if (p->attribute != q->attribute || p->column != q->column || !p->literal != !q->literal)
            return false;
        if ((p->literal && strcmp(p->literal, q->literal) != 0) || !p->otherwise != !q->otherwise)
            return false;
    }
    return a->count == b->count;
}

/* What cannot be told apart is refused: such a template gets a text of its own. */
static void tell_apart(struct model *m) {
    for (int i = 0; i < m->entity_count; i++)
        for (int k = 0; k < i; k++) {
            struct entity_model *a = &m->entities[i], *b = &m->entities[k];
            if (a->target == b->target && same_template(&a->pk, &b->pk) && same_template(&a->sk, &b->sk))
                a->pk.parts[a->pk.count++ % PARTS_MAX] =
                    (struct part_model){.literal = "~", .attribute = -1, .column = -1};
        }
}

static void make_keys(struct model *m, int number, int first) {
    struct target_model *t = &m->targets[number];
    const struct entity_model *e = &m->entities[first];
    if (!t->several) {
        t->pk[t->pk_count++] = scalar_attribute(e, e->attribute_count);
        int other = scalar_attribute(e, e->attribute_count);
        if (other != t->pk[0] && chance(250))
            t->pk[t->pk_count++] = other;
        else if (other != t->pk[0] && chance(500))
            t->sk = other;
    }
    if (chance(600))
        return;
    t->gsi_entity = between(first, m->entity_count - 1);
    e = &m->entities[t->gsi_entity];
    t->gsi = scalar_attribute(e, e->attribute_count);
    int with = scalar_attribute(e, e->attribute_count);
    if (!t->several && with != t->gsi && chance(400))
        t->gsi_with = with;
}

static void make_target(struct model *m) {
    int number = m->target_count++, first = m->entity_count;
    struct target_model *t = &m->targets[number];
    *t = (struct target_model){.several = chance(600), .sk = -1, .gsi = -1, .gsi_with = -1};
    t->sorted = t->several && chance(600);
    for (int n = t->several ? between(2, 3) : 1; n > 0 && m->entity_count < ENTITIES_MAX; n--)
        make_entity(m, number);
    make_keys(m, number, first);
}

void model_make(struct model *m) {
    m->table_count = between(2, TABLES_MAX);
    for (int t = 0; t < m->table_count; t++)
        make_table(&m->tables[t], t == 0);
    for (int t = 0; t < m->table_count; t++)
        for (int c = 0; c < m->tables[t].columns; c++)
            if (chance(c == 0 ? 0 : c < m->tables[t].keys ? 300 : 650))
                make_fk(m, t, c);
    for (int n = between(1, TARGETS_MAX); n > 0 && m->entity_count < ENTITIES_MAX; n--)
        make_target(m);
    tell_apart(m);
}

void model_make_plain(struct model *m, uint64_t attributes) {
    for (int i = 0; i < m->entity_count * ATTRIBUTES_MAX; i++) {
        struct entity_model *e = &m->entities[i / ATTRIBUTES_MAX];
        struct attribute_model *a = &e->attributes[i % ATTRIBUTES_MAX];
        int number = i % ATTRIBUTES_MAX; /* 0 is who: of changed contracts it need not tell entities apart */
        if (!(attributes >> i & 1) || number >= e->attribute_count)
            continue;
        if (a->type == ATTR_N && m->tables[e->root].c[0].style == TEXT)
            continue; /* keys stay of their type */
        a->kind = OF_COLUMN;
        a->type = a->type == ATTR_N ? ATTR_N : ATTR_S;
        a->column = 0;
        a->has_null_value = false;
    }
}

void model_drop_entity(struct model *m) {
    int last = m->entity_count - 1;
    struct target_model *t = &m->targets[m->entities[last].target];
    if (last == 0 || m->entities[last - 1].target != m->entities[last].target)
        return;
    if (t->gsi_entity == last)
        t->gsi = -1;
    m->entity_count = last;
}
