/* Which items must exist at a position: the model evaluated over all rows by plain loops, without the contract's code, indexes or
 * state. Of the roots that claim one key the first has it, by entity, then by the root's key. */
#include "tests/sim/world.h"

/* A value on its way into an attribute. */
struct cell {
    enum { CELL_NULL, CELL_COLUMN, CELL_TEXT } kind;
    enum style style;
    int value;
    const char *text;
};
enum state { THERE, ABSENT, POISON };
struct result {
    enum state state;
    enum attr_type type;
    const char *text;  /* of scalars: the S form */
    const char *shown; /* as engine_items.c shows it; as JSON inside a construction of type S */
};
struct place { /* a row of the tree */
    const struct sdb *db;
    int table;
    const struct srow *row;
    bool json;
};

static struct arena scratch;
#define PRINT(...) arena_printf(&scratch, __VA_ARGS__)

uint64_t hash_text(const char *data, size_t len) {
    uint64_t h = 1469598103934665603u;
    for (size_t i = 0; i < len; i++)
        h = (h ^ (unsigned char)data[i]) * 1099511628211u;
    h ^= h >> 31;
    return h ? h : 1;
}

bool text_is_refused(const char *item) {
    return strstr(item, "refuse") != NULL;
}

static const struct column_model *column_of(int table, int column) {
    return &world->model.tables[table].c[column];
}

/* ---- values */

static struct cell cell_of(int table, const struct srow *row, int column) {
    int v = row->c[column];
    return (struct cell){
        .kind = v == NONE ? CELL_NULL : CELL_COLUMN, .style = column_of(table, column)->style, .value = v};
}

static struct cell literal(const char *text) {
    return (struct cell){.kind = CELL_TEXT, .text = text};
}

static struct cell selected(const struct edge_model *e, const struct srow *row, const struct selection *s) {
    if (!row)
        return (struct cell){.kind = CELL_NULL};
    struct cell cell = cell_of(e->table, row, s->column);
    if (cell.kind == CELL_NULL && s->otherwise != NONE)
        cell = (struct cell){.kind = CELL_COLUMN, .style = cell.style, .value = s->otherwise};
    return cell;
}

static const char *cell_text(const struct cell *c) {
    char out[64];
    return c->kind == CELL_TEXT ? c->text : arena_strdup(&scratch, model_text(c->style, c->value, out));
}

static int cell_compare(const struct cell *a, const struct cell *b) {
    char x[64], y[64];
    if (a->kind == CELL_NULL || b->kind == CELL_NULL)
        return (a->kind != CELL_NULL) - (b->kind != CELL_NULL);
    if (a->style == TEXT)
        return strcmp(model_text(TEXT, a->value, x), model_text(TEXT, b->value, y));
    return model_amount(a->style, a->value) - model_amount(b->style, b->value);
}

static const char *without_zeros(const char *number) {
    size_t len = strlen(number);
    if (!strchr(number, '.'))
        return number;
    while (number[len - 1] == '0')
        len--;
    return arena_strndup(&scratch, number, number[len - 1] == '.' ? len - 1 : len);
}

static const char *show(const struct place *at, enum attr_type type, const char *text) {
    if (at->json)
        return type == ATTR_S ? PRINT("\"%s\"", text) : type == ATTR_BOOL ? (*text == '1' ? "true" : "false") : text;
    return PRINT("%s:%s", attr_type_name(type), type == ATTR_N ? without_zeros(text) : text);
}

static struct result scalar(const struct place *at, enum attr_type type, const struct cell *c) {
    if (c->kind == CELL_NULL)
        return (struct result){.state = ABSENT};
    const char *text = cell_text(c);
    if (type == ATTR_N && c->kind == CELL_COLUMN && c->style == TEXT && c->value != DIGITS_TEXT)
        return (struct result){.state = POISON};
    if (type == ATTR_N && c->kind == CELL_COLUMN && c->style == LABEL)
        text = PRINT("%d", c->value);
    return (struct result){THERE, type, text, show(at, type, text)};
}

/* ---- rows */

static bool true_of(int table, const struct condition *c, const struct srow *row) {
    if (c->kind == ALWAYS)
        return true;
    int v = row->c[c->column];
    if (v == NONE || c->kind == IS_NULL)
        return v == NONE && c->kind == IS_NULL;
    enum style style = column_of(table, c->column)->style;
    return c->kind == IS_THERE || (c->kind == EQUAL && v == c->value) || (c->kind == DIFFERENT && v != c->value) ||
           (c->kind == GREATER && model_amount(style, v) > model_amount(style, c->value));
}

static bool joins(const struct edge_model *e, int near, const struct srow *row, const struct srow *far) {
    for (int i = 0; i < e->count; i++) {
        int a = row->c[e->on[i].near], z = far->c[e->on[i].far];
        enum style x = column_of(near, e->on[i].near)->style, y = column_of(e->table, e->on[i].far)->style;
        if (a == NONE || z == NONE || (x == TEXT ? a != z : model_amount(x, a) != model_amount(y, z)))
            return false;
    }
    return true;
}

static const struct srow *join_one(const struct place *at, const struct edge_model *e) {
    const struct srows *rows = &at->db->t[e->table];
    for (int i = 0; at->row && i < rows->count; i++)
        if (joins(e, at->table, at->row, &rows->list[i]))
            return &rows->list[i];
    return NULL;
}

/* Rows stand by key in their table; equal ones keep that order. */
static bool comes_before(const struct attribute_model *a, const struct srow *x, const struct srow *y) {
    for (int i = 0; i < a->order_count; i++) {
        struct cell p = cell_of(a->edges[0].table, x, a->order[i].column),
                    q = cell_of(a->edges[0].table, y, a->order[i].column);
        int c = cell_compare(&p, &q);
        if (c)
            return a->order[i].descending ? c > 0 : c < 0;
    }
    return false;
}

static int join_many(const struct place *at, const struct attribute_model *a, const struct srow *list[ROWS_MAX]) {
    const struct edge_model *e = &a->edges[0];
    const struct srows *rows = &at->db->t[e->table];
    int count = 0;
    for (int i = 0; i < rows->count; i++) {
        const struct srow *row = &rows->list[i];
        if (!joins(e, at->table, at->row, row) || !true_of(e->table, &a->condition, row))
            continue;
        int to = count++;
        for (; to > 0 && comes_before(a, row, list[to - 1]); to--)
            list[to] = list[to - 1];
        list[to] = row;
    }
    return a->limit ? MIN(count, a->limit) : count;
}

/* ---- attributes */

static struct result evaluate_attribute(const struct place *at, const struct attribute_model *a);

static struct cell otherwise(const struct attribute_model *a) {
    return a->has_else ? literal(a->type == ATTR_N ? "7" : "else") : (struct cell){.kind = CELL_NULL};
}

static struct cell chain(const struct place *at, const struct attribute_model *a) {
    struct place steps[STEPS_MAX + 1] = {*at};
    struct cell cell = {.kind = CELL_NULL};
    const char *joined = NULL;
    for (int i = 0; i < a->edge_count; i++) {
        const struct edge_model *e = &a->edges[i];
        steps[i + 1] = (struct place){.db = at->db, .table = e->table, .row = join_one(&steps[e->from], e)};
        if (a->selected[i].column < 0)
            continue;
        cell = selected(e, steps[i + 1].row, &a->selected[i]);
        if (a->separated && cell.kind != CELL_NULL)
            joined = joined ? PRINT("%s-%s", joined, cell_text(&cell)) : cell_text(&cell);
    }
    if (a->separated)
        return joined ? literal(joined) : (struct cell){.kind = CELL_NULL};
    return cell;
}

static struct cell one_value(const struct place *at, const struct attribute_model *a) {
    switch (a->kind) {
    case OF_COLUMN:
        return cell_of(at->table, at->row, a->column);
    case OF_CONDITIONAL:
        if (!true_of(at->table, &a->condition, at->row))
            return otherwise(a);
        return selected(&a->edges[0], join_one(at, &a->edges[0]), &a->selected[0]);
    case OF_LOOKUP:
        return selected(&a->edges[0], join_one(at, &a->edges[0]), &a->selected[0]);
    case OF_CHAIN:
        return chain(at, a);
    case OF_POLYMORPHIC:
        for (int i = 0; i < 2; i++)
            if (at->row->c[a->column] == a->when[i])
                return selected(&a->edges[i], join_one(at, &a->edges[i]), &a->selected[i]);
        return otherwise(a);
    default: /* CASE */
        return cell_of(at->table, at->row,
                       true_of(at->table, &a->condition, at->row) ? a->selected[0].column : a->column);
    }
}

static const char *decimal(long long amount, int digits) {
    long long scale = 1;
    for (int i = 0; i < digits; i++)
        scale *= 10;
    return digits ? PRINT("%lld.%0*lld", amount / scale, digits, amount % scale) : PRINT("%lld", amount);
}

static struct result aggregate(const struct place *at, const struct attribute_model *a) {
    const struct srow *list[ROWS_MAX];
    int rows = join_many(at, a, list), count = 0;
    long long sum = 0;
    struct cell best = {.kind = CELL_NULL};
    for (int i = 0; i < rows; i++) {
        struct cell c = a->selected[0].column < 0 ? literal("") : selected(&a->edges[0], list[i], &a->selected[0]);
        if (c.kind == CELL_NULL)
            continue;
        count++;
        sum += c.style == TEXT || c.kind == CELL_TEXT ? 0 : model_amount(c.style, c.value);
        if (c.kind == CELL_COLUMN &&
            (best.kind == CELL_NULL || (a->operation == AGGREGATE_MIN) == (cell_compare(&c, &best) < 0)))
            best = c;
    }
    struct cell result = best;
    bool money = best.style == MONEY;
    long long whole = money ? sum : sum / 100, n = count; /* in the operand's digits */
    if (a->operation == AGGREGATE_COUNT)
        result = literal(PRINT("%d", count));
    else if (a->operation == AGGREGATE_SUM && count)
        result = literal(decimal(whole, money ? 2 : 0));
    else if (a->operation == AGGREGATE_AVG && count) /* four digits more, half up */
        result = literal(decimal((2 * whole * 10000 + n) / (2 * n), money ? 6 : 4));
    return scalar(at, a->type, &result);
}

static struct result values(const struct place *at, const struct attribute_model *a) {
    const struct srow *list[ROWS_MAX];
    struct cell cells[ROWS_MAX];
    int rows = join_many(at, a, list), count = 0;
    for (int i = 0; i < rows; i++) {
        struct cell c = selected(&a->edges[0], list[i], &a->selected[0]);
        if (c.kind == CELL_NULL)
            continue;
        int to = count++;
        for (; a->type != ATTR_L && to > 0; to--) { /* sets are sorted: NS by value, SS by text */
            struct cell *left = &cells[to - 1];
            if ((a->type == ATTR_SS ? strcmp(cell_text(left), cell_text(&c)) : cell_compare(left, &c)) <= 0)
                break;
            cells[to] = *left;
        }
        cells[to] = c;
    }
    if (count == 0)
        return (struct result){.state = ABSENT};
    char *shown = PRINT("%s[", at->json ? "" : PRINT("%s:", attr_type_name(a->type)));
    const char *last = NULL;
    for (int i = 0; i < count; i++) {
        bool number = cells[i].style == NUMBER || cells[i].style == MONEY;
        enum attr_type type = a->type == ATTR_NS || (a->type == ATTR_L && number) ? ATTR_N : ATTR_S;
        const char *one = scalar(at, type, &cells[i]).shown;
        if (last && a->type != ATTR_L && strcmp(last, one) == 0)
            continue;
        shown = at->json ? PRINT("%s%s%s", shown, last ? "," : "", one) : PRINT("%s%s;", shown, one);
        last = one;
    }
    return (struct result){THERE, a->type, NULL, PRINT("%s]", shown)};
}

/* One row of a construction. */
static struct result map(const struct place *at, const struct attribute_model *a) {
    char *shown = at->json ? PRINT("{") : PRINT("M:{");
    const char *comma = "";
    for (int i = 0; i < a->nested_count; i++) {
        struct result r = evaluate_attribute(at, &a->nested[i]);
        if (r.state == POISON)
            return r;
        if (r.state == ABSENT)
            continue;
        shown = at->json ? PRINT("%s%s\"%s\":%s", shown, comma, a->nested[i].name, r.shown)
                         : PRINT("%s%s=%s;", shown, a->nested[i].name, r.shown);
        comma = ",";
    }
    return (struct result){THERE, ATTR_M, NULL, PRINT("%s}", shown)};
}

static struct result construction(const struct place *at, const struct attribute_model *a) {
    const struct srow *list[ROWS_MAX];
    bool json = at->json || a->type == ATTR_S;
    int rows = join_many(at, a, list);
    struct result r = {.state = ABSENT};
    if (rows == 0)
        return r;
    char *shown = json ? PRINT("[") : PRINT("L:[");
    for (int i = 0; i < (a->kind == OF_OBJECT ? 1 : rows); i++) {
        struct place row = {.db = at->db, .table = a->edges[0].table, .row = list[i], .json = json};
        r = map(&row, a);
        if (r.state == POISON)
            return r;
        shown = json ? PRINT("%s%s%s", shown, i ? "," : "", r.shown) : PRINT("%s%s;", shown, r.shown);
    }
    if (a->kind == OF_ARRAY)
        r.shown = PRINT("%s]", shown);
    r.type = a->type;
    if (a->type == ATTR_S && at->json) { /* JSON text in JSON text */
        char *quoted = PRINT("\"");
        for (const char *p = r.shown; *p; p++)
            quoted = PRINT("%s%s%c", quoted, *p == '"' || *p == '\\' ? "\\" : "", *p);
        r.shown = PRINT("%s\"", quoted);
    } else if (a->type == ATTR_S) {
        r.text = r.shown;
        r.shown = PRINT("S:%s", r.shown);
    }
    return r;
}

static struct result evaluate_attribute(const struct place *at, const struct attribute_model *a) {
    const struct srow *list[ROWS_MAX];
    struct result r;
    struct cell cell;
    switch (a->kind) {
    case OF_EXISTS:
        r = (struct result){THERE, ATTR_BOOL, join_many(at, a, list) ? "1" : "0", NULL};
        r.shown = show(at, ATTR_BOOL, r.text);
        break;
    case OF_AGGREGATE:
        r = aggregate(at, a);
        break;
    case OF_LIST:
        r = values(at, a);
        break;
    case OF_ARRAY:
    case OF_OBJECT:
        r = construction(at, a);
        break;
    default:
        cell = one_value(at, a);
        r = scalar(at, a->type, &cell);
    }
    if (r.state == ABSENT && a->has_null_value) {
        cell = literal(a->type == ATTR_N ? "0" : "nil");
        r = a->type == ATTR_L ? (struct result){THERE, ATTR_L, NULL, at->json ? "[]" : "L:[]"}
                              : scalar(at, a->type, &cell);
    }
    return r;
}

/* ---- templates and keys */

static const char *render(const struct place *at, const struct template_model *t, const struct result *results) {
    const char *out = "";
    for (int i = 0; i < t->count; i++) {
        const struct part_model *p = &t->parts[i];
        const char *part = p->literal;
        if (p->attribute >= 0) {
            part = results[p->attribute].state == THERE ? results[p->attribute].text : NULL;
        } else if (p->column >= 0) {
            struct cell c = cell_of(at->table, at->row, p->column);
            part = c.kind == CELL_NULL ? NULL : cell_text(&c);
        }
        part = part ? part : p->otherwise;
        if (!part)
            return NULL;
        out = PRINT("%s%s", out, part);
    }
    return out;
}

/* "{a}#{b}": NULL when either is absent. */
static const char *both(const struct result *a, const struct result *b) {
    return a->state == THERE && b->state == THERE ? PRINT("%s#%s", a->text, b->text) : NULL;
}

struct member {
    const char *name, *shown;
};
struct making {
    const struct entity_model *entity;
    const struct target_model *target;
    struct place at;
    struct result results[ATTRIBUTES_MAX];
    struct member members[ATTRIBUTES_MAX + 6];
    int count;
    const char *item;
};

static void put_member(struct making *m, const char *name, const char *shown) {
    int to = m->count++;
    for (; to > 0 && strcmp(m->members[to - 1].name, name) > 0; to--)
        m->members[to] = m->members[to - 1];
    m->members[to] = (struct member){name, shown};
}

static bool is_key(const struct making *m, int attribute) {
    const struct target_model *t = m->target;
    return (!t->several && ((t->pk_count == 1 && t->pk[0] == attribute) || t->sk == attribute)) ||
           (t->gsi == attribute && t->gsi_with < 0 && m->entity == &world->model.entities[t->gsi_entity]);
}

static enum state make_attributes(struct making *m) {
    const struct entity_model *e = m->entity;
    for (int i = 0; i < e->attribute_count; i++) {
        const struct attribute_model *a = &e->attributes[i];
        struct result *r = &m->results[i];
        if (a->kind == OF_TEMPLATE) {
            const char *text = render(&m->at, &a->template, m->results);
            *r = text ? (struct result){THERE, ATTR_S, text, PRINT("S:%s", text)} : (struct result){.state = ABSENT};
        } else {
            *r = evaluate_attribute(&m->at, a);
        }
        if (r->state == POISON)
            return POISON;
        if (r->state == THERE)
            put_member(m, a->name, r->shown);
        else if (e->write_nulls && !is_key(m, i))
            put_member(m, a->name, "NULL:");
    }
    return THERE;
}

static const char *key_of_attribute(const struct result *r) {
    return r->state != THERE ? NULL : r->type == ATTR_N ? without_zeros(r->text) : r->text;
}

/* NULL: none. */
static void key_texts(struct making *m, const char **pk, const char **sk) {
    const struct target_model *t = m->target;
    const struct attribute_model *list = m->entity->attributes;
    *sk = "";
    if (t->several) {
        *pk = render(&m->at, &m->entity->pk, m->results);
        if (t->sorted)
            *sk = render(&m->at, &m->entity->sk, m->results);
        if (*pk && *sk) {
            put_member(m, "PK", PRINT("S:%s", *pk));
            if (t->sorted)
                put_member(m, "SK", PRINT("S:%s", *sk));
            put_member(m, "entity_type", PRINT("S:E%d", (int)(m->entity - world->model.entities)));
        }
        return;
    }
    *pk =
        t->pk_count > 1 ? both(&m->results[t->pk[0]], &m->results[t->pk[1]]) : key_of_attribute(&m->results[t->pk[0]]);
    if (t->pk_count > 1 && *pk)
        put_member(m, PRINT("%s#%s", list[t->pk[0]].name, list[t->pk[1]].name), PRINT("S:%s", *pk));
    if (t->sk >= 0)
        *sk = key_of_attribute(&m->results[t->sk]);
}

/* False: the index's key is empty. */
static bool index_key(struct making *m) {
    const struct target_model *t = m->target;
    if (t->gsi < 0 || m->entity != &world->model.entities[t->gsi_entity])
        return true;
    const struct attribute_model *list = m->entity->attributes;
    const struct result *r = &m->results[t->gsi];
    if (t->gsi_with < 0)
        return r->state != THERE || *r->text;
    const char *name = PRINT("%s#%s", list[t->gsi].name, list[t->gsi_with].name);
    bool there = false;
    for (int i = 0; i < m->count; i++)
        there |= strcmp(m->members[i].name, name) == 0; /* the table's own key has this name */
    const char *text = both(r, &m->results[t->gsi_with]);
    if (text && !there)
        put_member(m, name, PRINT("S:%s", text));
    return true;
}

static enum claim_state make_item(struct making *m, struct sclaim *claim) {
    const struct target_model *t = m->target;
    const char *pk, *sk;
    if (!true_of(m->at.table, &m->entity->filter, m->at.row))
        return CLAIM_NOTHING;
    if (make_attributes(m) == POISON)
        return CLAIM_POISON;
    key_texts(m, &pk, &sk);
    if (!pk || !sk)
        return CLAIM_UNKEYED;
    bool has_sk = t->sorted || t->sk >= 0;
    if (!*pk || (has_sk && !*sk) || !index_key(m))
        return CLAIM_POISON;
    char *out = PRINT("M:{");
    for (int i = 0; i < m->count; i++)
        out = PRINT("%s%s=%s;", out, m->members[i].name, m->members[i].shown);
    m->item = PRINT("%s}", out);
    const char *key = PRINT("Out%d|%s|%s", claim->target, pk, sk);
    claim->key = hash_text(key, strlen(key));
    claim->value = hash_text(m->item, strlen(m->item));
    return text_is_refused(m->item) ? CLAIM_REFUSED : CLAIM_ITEM;
}

static const char *make_claim(int position, int entity, const struct srow *row, struct sclaim *claim) {
    const struct entity_model *e = &world->model.entities[entity];
    struct making m = {.entity = e,
                       .target = &world->model.targets[e->target],
                       .at = {.db = &world->src.hist[position], .table = e->root, .row = row}};
    *claim = (struct sclaim){.entity = entity, .target = e->target};
    const char *who = render(&m.at, &e->attributes[0].template, m.results);
    claim->identity = hash_text(who, strlen(who));
    claim->state = make_item(&m, claim);
    return PRINT("%s %s", who,
                 claim->state == CLAIM_NOTHING   ? "-"
                 : claim->state == CLAIM_UNKEYED ? "unkeyed"
                 : claim->state == CLAIM_POISON  ? "poison"
                                                 : m.item);
}

/* ---- all of a position */

static int winner_at(const struct expected *x, uint64_t key, bool *ret_found) {
    int low = 0, high = x->winner_count;
    while (low < high) {
        int middle = (low + high) / 2;
        if (x->claims[x->winners[middle]].key < key)
            low = middle + 1;
        else
            high = middle;
    }
    *ret_found = low < x->winner_count && x->claims[x->winners[low]].key == key;
    return low;
}

static void add_claim(struct expected *x, int number) {
    struct sclaim *claim = &x->claims[number];
    bool taken;
    if (claim->state != CLAIM_ITEM)
        return;
    int at = winner_at(x, claim->key, &taken);
    if (taken)
        return;
    memmove(&x->winners[at + 1], &x->winners[at], (size_t)(x->winner_count++ - at) * sizeof(*x->winners));
    x->winners[at] = number;
    claim->wins = true;
}

static void make_expected(struct expected *x, int position) {
    const struct sdb *db = &world->src.hist[position];
    int max = 0;
    for (int e = 0; e < world->model.entity_count; e++)
        max += db->t[world->model.entities[e].root].count;
    *x = (struct expected){.claims = xcalloc((size_t)max + 1, sizeof(*x->claims)),
                           .winners = xcalloc((size_t)max + 1, sizeof(*x->winners)),
                           .made = true};
    for (int e = 0; e < world->model.entity_count; e++) {
        const struct srows *rows = &db->t[world->model.entities[e].root];
        for (int i = 0; i < rows->count; i++) {
            (void)make_claim(position, e, &rows->list[i], &x->claims[x->count]);
            add_claim(x, x->count++);
        }
    }
    arena_reset(&scratch);
}

const struct expected *expected_at(int position) {
    if (position >= world->exp_cap) {
        int cap = MAX(world->exp_cap * 2, position + 64);
        world->exp = xrealloc(world->exp, (size_t)cap * sizeof(*world->exp));
        memset(world->exp + world->exp_cap, 0, (size_t)(cap - world->exp_cap) * sizeof(*world->exp));
        world->exp_cap = cap;
    }
    struct expected *x = &world->exp[position];
    if (!x->made)
        make_expected(x, position);
    return x;
}

uint64_t expected_value(int position, uint64_t key) {
    const struct expected *x = expected_at(position);
    bool found;
    int at = winner_at(x, key, &found);
    return found ? x->claims[x->winners[at]].value : 0;
}

bool expected_has(int position, uint64_t identity) {
    const struct expected *x = expected_at(position);
    for (int i = 0; i < x->count; i++)
        if (x->claims[i].identity == identity)
            return x->claims[i].wins;
    return false;
}

bool expected_of_some_root(int position, uint64_t key, uint64_t value) {
    const struct expected *x = expected_at(position);
    for (int i = 0; i < x->count; i++)
        if (x->claims[i].state == CLAIM_ITEM && x->claims[i].key == key && x->claims[i].value == value)
            return true;
    return false;
}

void expected_forget(void) {
    for (int i = 0; i < world->exp_cap; i++) {
        free(world->exp[i].claims);
        free(world->exp[i].winners);
    }
    free(world->exp);
    world->exp = NULL;
    world->exp_cap = 0;
}

void expected_deinit(void) {
    expected_forget();
    arena_deinit(&scratch);
}

void expected_print(int position, FILE *out) {
    const struct sdb *db = &world->src.hist[position];
    for (int e = 0; e < world->model.entity_count; e++) {
        const struct srows *rows = &db->t[world->model.entities[e].root];
        for (int i = 0; i < rows->count; i++) {
            struct sclaim claim;
            const char *text = make_claim(position, e, &rows->list[i], &claim);
            fprintf(out, "  [%d] %016llx = %016llx %s\n", position, (unsigned long long)claim.key,
                    (unsigned long long)claim.value, text);
        }
    }
    arena_reset(&scratch);
}
