/* The fake source: a shop's tables by hand, random transactions with statement failures and cascades, and the whole
 * history. */
#include "tests/sim/world.h"

enum style { ID, REF, TEXT, MONEY, STAMP, STATUS, FLAG, COUNT };
struct scolumn {
    const char *name;
    enum style style;
    bool nullable;
    char prefix;
};
static const struct {
    const char *name;
    int columns, keys;
    struct scolumn c[COLUMNS_MAX];
} tables[TABLES] = {
    {"users",
     9,
     1,
     {{"id", ID},
      {"username", TEXT, false, 'u'},
      {"email", TEXT, false, 'e'},
      {"password_hash", TEXT, false, 'p'},
      {"first_name", TEXT, true, 'f'},
      {"last_name", TEXT, true, 'l'},
      {"is_seller", FLAG},
      {"created_at", STAMP},
      {"updated_at", STAMP}}},
    {"categories", 4, 1, {{"id", ID}, {"name", TEXT, false, 'c'}, {"parent_id", REF, true}, {"created_at", STAMP}}},
    {"products",
     10,
     1,
     {{"id", ID},
      {"seller_id", REF},
      {"category_id", REF, true},
      {"name", TEXT, false, 'n'},
      {"description", TEXT, true, 'd'},
      {"price", MONEY},
      {"inventory_quantity", COUNT},
      {"image_url", TEXT, true, 'i'},
      {"created_at", STAMP},
      {"updated_at", STAMP}}},
    {"orders",
     6,
     1,
     {{"id", ID},
      {"user_id", REF},
      {"status", STATUS},
      {"total_amount", MONEY},
      {"created_at", STAMP},
      {"updated_at", STAMP}}},
    {"order_items",
     5,
     1,
     {{"id", ID}, {"order_id", REF}, {"product_id", REF, true}, {"quantity", COUNT}, {"price_at_time", MONEY}}},
    {"cart_items",
     5,
     2,
     {{"user_id", REF}, {"product_id", REF}, {"quantity", COUNT}, {"created_at", STAMP}, {"updated_at", STAMP}}},
};
static const struct slice statuses[] = {
    {"pending", 7}, {"paid", 4}, {"shipped", 7}, {"delivered", 9}, {"cancelled", 9}};

/* child, its column, parent, rules */
static const struct sfk {
    int child, column, parent;
    enum fk_rule on_delete, on_update;
} fks[] = {
    {CATEGORIES, 2, CATEGORIES, FK_SET_NULL, FK_RESTRICT}, {PRODUCTS, 1, USERS, FK_CASCADE, FK_CASCADE},
    {PRODUCTS, 2, CATEGORIES, FK_SET_NULL, FK_CASCADE},    {ORDERS, 1, USERS, FK_CASCADE, FK_CASCADE},
    {ORDER_ITEMS, 1, ORDERS, FK_CASCADE, FK_CASCADE},      {ORDER_ITEMS, 2, PRODUCTS, FK_SET_NULL, FK_SET_NULL},
    {CART_ITEMS, 0, USERS, FK_CASCADE, FK_CASCADE},        {CART_ITEMS, 1, PRODUCTS, FK_CASCADE, FK_CASCADE},
};

/* ---- the schema as MySQL would tell it */

static struct column columns[TABLES][COLUMNS_MAX];
static struct table schema_tables[TABLES];
static struct table_key keys[TABLES][3];
static const unsigned numbers[COLUMNS_MAX] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9};
static struct foreign_key schema_fks[TABLES][4];
static const char *id_name[] = {"id"};
static const char *fk_columns[ARRAY_LEN(fks)][1];
const struct schema shop_schema = {"online_shopping_store", schema_tables, TABLES};

static void describe_column(struct column *column, const struct scolumn *c) {
    static const enum column_type types[] = {COLUMN_INT,       COLUMN_INT,  COLUMN_TEXT, COLUMN_DECIMAL,
                                             COLUMN_TIMESTAMP, COLUMN_ENUM, COLUMN_INT,  COLUMN_INT};
    *column = (struct column){.name = c->name,
                              .type = types[c->style],
                              .nullable = c->nullable,
                              .length = c->style == FLAG    ? 1
                                        : c->style == MONEY ? 10
                                                            : 4,
                              .digits = c->style == MONEY ? 2 : 0};
    if (c->style == TEXT) {
        column->collation = 255;
        column->collation_name = "utf8mb4_0900_ai_ci";
        column->length = 800;
    }
    if (c->style == STATUS) {
        column->labels = statuses;
        column->label_count = ARRAY_LEN(statuses);
    }
}

void shop_init(void) {
    for (int t = 0; t < TABLES; t++) {
        for (int c = 0; c < tables[t].columns; c++)
            describe_column(&columns[t][c], &tables[t].c[c]);
        keys[t][0] = (struct table_key){"PRIMARY", true, true, false, false, numbers, (size_t)tables[t].keys};
        if (t == USERS)
            for (int i = 1; i <= 2; i++)
                keys[t][i] =
                    (struct table_key){i == 1 ? "username" : "email", false, true, false, false, &numbers[i], 1};
        schema_tables[t] =
            (struct table){"online_shopping_store", tables[t].name, columns[t], (size_t)tables[t].columns, keys[t],
                           t == USERS ? 3u : 1u,    schema_fks[t],  0};
    }
    for (size_t i = 0; i < ARRAY_LEN(fks); i++) {
        struct table *child = &schema_tables[fks[i].child];
        fk_columns[i][0] = tables[fks[i].child].c[fks[i].column].name;
        schema_fks[fks[i].child][child->foreign_key_count++] =
            (struct foreign_key){"fk", fk_columns[i],    "online_shopping_store", tables[fks[i].parent].name, id_name,
                                 1,    fks[i].on_delete, fks[i].on_update};
    }
}

int key_count(int table) {
    return tables[table].keys;
}
int table_columns(int table) {
    return tables[table].columns;
}

int compare_key(int table, const struct srow *a, const struct srow *b) {
    for (int i = 0; i < tables[table].keys; i++)
        if (a->c[i] != b->c[i])
            return a->c[i] < b->c[i] ? -1 : 1;
    return 0;
}
bool same_key(int table, const struct srow *a, const struct srow *b) {
    return compare_key(table, a, b) == 0;
}

const char *text(int table, int column, int64_t v, char out[64]) {
    const struct scolumn *c = &tables[table].c[column];
    switch (c->style) {
    case TEXT:
        if (v == 0)
            snprintf(out, 64, "%s", "");
        else if (v == 7 && c->prefix == 'c')
            snprintf(out, 64, "ROOT");
        else
            snprintf(out, 64, "%c%d", c->prefix, (int)v);
        break;
    case MONEY:
        snprintf(out, 64, "%d.50", (int)v);
        break;
    case STAMP:
        snprintf(out, 64, "2026-11-21T10:%02d:00Z", (int)v);
        break;
    case STATUS:
        snprintf(out, 64, "%s", statuses[v - 1].data);
        break;
    default:
        snprintf(out, 64, "%d", (int)v);
    }
    return out;
}

void to_value(int table, int column, int64_t v, struct arena *arena, struct value *ret) {
    const struct scolumn *c = &tables[table].c[column];
    char out[64];
    *ret = (struct value){.kind = VALUE_NULL};
    if (v == NONE)
        return;
    const char *s = arena_strdup(arena, text(table, column, v, out));
    switch (c->style) {
    case TEXT:
        *ret = (struct value){.kind = VALUE_TEXT, .len = (uint32_t)strlen(s), .data = s};
        break;
    case MONEY:
        *ret = (struct value){.kind = VALUE_DECIMAL, .scale = 2, .len = (uint32_t)strlen(s), .data = s};
        break;
    case STAMP:
        *ret = (struct value){.kind = VALUE_TIMESTAMP,
                              .u = value_pack_datetime(&(struct datetime){2026, 11, 21, 10, (unsigned)v, 0, 0})};
        break;
    case STATUS:
        *ret = (struct value){.kind = VALUE_ENUM, .u = (uint64_t)v, .len = (uint32_t)strlen(s), .data = s};
        break;
    default:
        *ret = (struct value){.kind = VALUE_INT, .i = v};
    }
}

/* ---- transactions */

struct statement { /* what a transaction has done so far */
    struct sdb db;
    struct schange changes[400];
    int count;
    bool fk;
};

static int find(const struct srows *rows, int t, const struct srow *key) {
    for (int i = 0; i < rows->count; i++)
        if (same_key(t, &rows->list[i], key))
            return i;
    return -1;
}

static bool remove_row(struct sdb *db, int t, const struct srow *key) {
    struct srows *rows = &db->t[t];
    int i = find(rows, t, key);
    if (i < 0)
        return false;
    memmove(&rows->list[i], &rows->list[i + 1], (size_t)(rows->count - i - 1) * sizeof(rows->list[0]));
    rows->count--;
    return true;
}

static bool insert_row(struct sdb *db, int t, const struct srow *row) {
    struct srows *rows = &db->t[t];
    int i = 0;
    if (rows->count == ROWS_MAX)
        return false;
    while (i < rows->count && compare_key(t, &rows->list[i], row) < 0)
        i++;
    if (i < rows->count && same_key(t, &rows->list[i], row))
        return false;
    if (t == USERS)
        for (int k = 0; k < rows->count; k++)
            if (rows->list[k].c[1] == row->c[1] || rows->list[k].c[2] == row->c[2])
                return false;
    memmove(&rows->list[i + 1], &rows->list[i], (size_t)(rows->count - i) * sizeof(rows->list[0]));
    rows->list[i] = *row;
    rows->count++;
    return true;
}

static bool write_row(struct statement *s, int t, const struct srow *before, const struct srow *after, bool logged);

/* False: the source refuses. */
static bool cascade(struct statement *s, int t, const struct srow *before, const struct srow *after) {
    for (size_t f = 0; f < ARRAY_LEN(fks); f++) {
        if (fks[f].parent != t || (after && after->c[0] == before->c[0]))
            continue;
        enum fk_rule rule = after ? fks[f].on_update : fks[f].on_delete;
        struct srows children = s->db.t[fks[f].child];
        for (int i = 0; i < children.count; i++) {
            struct srow child = children.list[i], changed = child;
            if (child.c[fks[f].column] != before->c[0] || find(&s->db.t[fks[f].child], fks[f].child, &child) < 0)
                continue;
            if (rule == FK_RESTRICT)
                return false;
            changed.c[fks[f].column] = rule == FK_SET_NULL ? NONE : after ? after->c[0] : 0;
            if (!write_row(s, fks[f].child, &child, rule == FK_CASCADE && !after ? NULL : &changed,
                           world->cfg.fk_logged))
                return false;
        }
    }
    return true;
}

static bool references_hold(const struct statement *s, int t, const struct srow *row) {
    for (size_t f = 0; f < ARRAY_LEN(fks); f++)
        if (fks[f].child == t && row->c[fks[f].column] != NONE &&
            find(&s->db.t[fks[f].parent], fks[f].parent, &(struct srow){{row->c[fks[f].column]}}) < 0)
            return false;
    return true;
}

static bool write_row(struct statement *s, int t, const struct srow *before, const struct srow *after, bool logged) {
    if (s->count == 400 || (before && !remove_row(&s->db, t, before)) || (after && !insert_row(&s->db, t, after)))
        return false;
    if (logged) {
        struct schange *change = &s->changes[s->count++];
        *change = (struct schange){.table = t, .has_before = before, .has_after = after};
        if (before)
            change->before = *before;
        if (after)
            change->after = *after;
    }
    if (!s->fk)
        return true;
    if (before && !cascade(s, t, before, after))
        return false;
    return !after || references_hold(s, t, after);
}

static int64_t random_value(int t, int c) {
    const struct scolumn *column = &tables[t].c[c];
    if (column->nullable && chance(120))
        return NONE;
    switch (column->style) {
    case TEXT:
        return chance(20) ? 0
               : column->prefix == 'c' && chance(60)
                   ? 7
                   : 1 + below(column->prefix == 'e' || column->prefix == 'u' ? 6 : 3);
    case MONEY:
        return t == PRODUCTS && chance(40) ? 98 : 1 + below(3);
    case STAMP:
        return below(2);
    case STATUS:
        return 1 + below(5);
    case FLAG:
        return below(2);
    case COUNT:
        return 1 + below(2);
    default:
        return 1 + below(4);
    }
}

static struct srow random_row(int t) {
    struct srow row = {{0}};
    for (int c = 0; c < tables[t].columns; c++)
        row.c[c] = random_value(t, c);
    return row;
}

/* Two rows exchange ids, or a unique value, by way of a third. */
static bool swap_rows(struct statement *s, int t, struct srow a) {
    struct srows *rows = &s->db.t[t];
    struct srow b = rows->list[below(rows->count)];
    int column = t == USERS && chance(700)        ? 1 + below(2)
                 : t == CATEGORIES && chance(500) ? 1
                 : t == ORDERS && chance(500)     ? 1
                                                  : 0;
    if (t == CART_ITEMS || same_key(t, &a, &b) || a.c[column] == b.c[column])
        return true;
    struct srow hidden = a, b2 = b, a2 = a;
    hidden.c[column] = column == 0 ? 9 : 8;
    if (t == ORDERS && column == 1)
        hidden = a; /* a reference needs no third value */
    b2.c[column] = a.c[column];
    a2.c[column] = b.c[column];
    if (memcmp(&hidden, &a, sizeof(a)) != 0 && !write_row(s, t, &a, &hidden, true))
        return false;
    int i = find(rows, t, &b);
    if (i < 0 || memcmp(&rows->list[i], &b, sizeof(b)) != 0)
        return false; /* a cascade changed it */
    if (!write_row(s, t, &b, &b2, true))
        return false;
    i = find(rows, t, &hidden);
    if (i < 0 || memcmp(&rows->list[i], &hidden, sizeof(b)) != 0)
        return false;
    return write_row(s, t, &hidden, &a2, true);
}

static bool one_statement(struct statement *s) {
    int t = below(TABLES), x = below(1000);
    struct srows *rows = &s->db.t[t];
    struct srow row = random_row(t);
    if (rows->count == 0 || x < 300)
        return write_row(s, t, NULL, &row, true);
    struct srow before = rows->list[below(rows->count)], after = before;
    if (x < 400)
        return write_row(s, t, &before, NULL, true);
    if (x < 480) { /* the key changes */
        after.c[0] = 1 + below(5);
        return after.c[0] == before.c[0] || write_row(s, t, &before, &after, true);
    }
    if (x < 580)
        return swap_rows(s, t, before);
    if (x < 620 && t != CART_ITEMS) { /* id = id + 1 */
        struct srows all = *rows;
        for (int i = all.count - 1; i >= 0; i--) {
            int at = find(rows, t, &all.list[i]);
            if (at < 0)
                continue;
            before = after = rows->list[at];
            after.c[0]++;
            if (after.c[0] > 12 || !write_row(s, t, &before, &after, true))
                return false;
        }
        return true;
    }
    if (x < 660) { /* several go */
        for (int n = 0; n < 3 && rows->count; n++) {
            before = rows->list[0];
            if (!write_row(s, t, &before, NULL, true))
                return false;
        }
        return true;
    }
    if (chance(600)) {
        int c = tables[t].keys + below(tables[t].columns - tables[t].keys);
        after.c[c] = row.c[c];
    } else {
        for (int c = tables[t].keys; c < tables[t].columns; c++)
            after.c[c] = row.c[c];
    }
    return memcmp(&after, &before, sizeof(after)) == 0 || write_row(s, t, &before, &after, true);
}

static void commit(const struct sdb *db, const struct schange *changes, int count, bool fk_off, bool minimal) {
    struct source_sim *src = &world->src;
    if (src->end + 2 > src->cap) {
        src->cap = MAX(src->cap * 2, 64);
        src->hist = xrealloc(src->hist, (size_t)src->cap * sizeof(*src->hist));
        src->log = xrealloc(src->log, (size_t)src->cap * sizeof(*src->log));
    }
    struct schange *copy = xmalloc((size_t)count * sizeof(*copy));
    memcpy(copy, changes, (size_t)count * sizeof(*copy));
    src->log[src->end] = (struct stxn){copy, count, fk_off, minimal};
    src->hist[++src->end] = *db;
    totals.transactions++;
}

void source_transaction(void) {
    struct source_sim *src = &world->src;
    if (!src->hist) {
        src->cap = 64;
        src->hist = xcalloc(64, sizeof(*src->hist));
        src->log = xcalloc(64, sizeof(*src->log));
    }
    static struct statement s, saved;
    s.db = src->hist[src->end];
    s.count = 0;
    s.fk = !chance(100);
    bool minimal = world->cfg.image == 1 || (world->cfg.image == 2 && chance(500));
    if (chance(20)) {
        int t = chance(500) ? ORDER_ITEMS : CART_ITEMS;
        struct schange change = {.table = t, .truncate = true};
        s.db.t[t].count = 0;
        commit(&s.db, &change, 1, false, minimal);
        return;
    }
    static const int sizes[] = {1, 1, 1, 2, 3, 8};
    for (int n = sizes[below(6)]; n > 0; n--) {
        saved = s;
        if (!one_statement(&s))
            s = saved;
    }
    if (s.count == 0 || chance(100)) /* nothing done, or rolled back */
        return;
    commit(&s.db, s.changes, s.count, !s.fk, minimal);
}

void source_deinit(struct source_sim *src) {
    for (int i = 0; i < src->end; i++)
        free(src->log[i].changes);
    free(src->hist);
    free(src->log);
    *src = (struct source_sim){0};
}
