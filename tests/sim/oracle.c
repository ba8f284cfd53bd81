/* Which items must exist at a position: by plain loops over the source's rows, without the contract's code. */
#include "tests/sim/world.h"

struct pair {
    char name[24];
    char text[1600];
};
struct builder {
    struct pair pairs[24];
    int count;
};

uint64_t hash_text(const char *data, size_t len) {
    uint64_t h = 1469598103934665603u;
    for (size_t i = 0; i < len; i++)
        h = (h ^ (unsigned char)data[i]) * 1099511628211u;
    h ^= h >> 31;
    return h ? h : 1;
}

static int by_name(const void *a, const void *b) {
    return strcmp(((const struct pair *)a)->name, ((const struct pair *)b)->name);
}

static void put_pair(struct builder *b, const char *name, const char *type, const char *value) {
    struct pair *p = &b->pairs[b->count++];
    snprintf(p->name, sizeof(p->name), "%s", name);
    snprintf(p->text, sizeof(p->text), "%s:%s", type, value);
}

/* "{a=S:x;b=N:1;}" with names sorted. */
static void render(struct builder *b, char *out, size_t size) {
    qsort(b->pairs, (size_t)b->count, sizeof(b->pairs[0]), by_name);
    size_t n = (size_t)snprintf(out, size, "{");
    for (int i = 0; i < b->count && n < size; i++)
        n += (size_t)snprintf(out + n, size - n, "%s=%s;", b->pairs[i].name, b->pairs[i].text);
    if (n < size)
        snprintf(out + n, size - n, "}");
}

static void put_column(struct builder *b, const char *name, const char *type, int t, int c, const struct srow *row) {
    char out[64];
    if (row->c[c] == NONE)
        return;
    const char *s = text(t, c, row->c[c], out);
    if (type[0] == 'N') { /* "3.50" is the number 3.5 */
        size_t len = strlen(s);
        if (strchr(s, '.'))
            while (len && out[len - 1] == '0')
                out[--len] = 0;
    }
    put_pair(b, name, type, strcmp(type, "BOOL") == 0 ? (row->c[c] ? "1" : "0") : s);
}

static const struct srow *lookup(const struct sdb *db, int t, int64_t id) {
    for (int i = 0; id != NONE && i < db->t[t].count; i++)
        if (db->t[t].list[i].c[0] == id)
            return &db->t[t].list[i];
    return NULL;
}

/* ---- one item: false when there is none; `out` is its text, key "Table|pk|sk" */

struct made {
    char key[256], value[6000];
    uint64_t identity;
};

static void identity(struct made *m, const char *entity, int64_t a, int64_t b) {
    char out[64];
    snprintf(out, sizeof(out), "%s/%d/%d", entity, (int)a, (int)b);
    m->identity = hash_text(out, strlen(out));
}

static bool finish(struct made *m, struct builder *b, const char *table, const char *entity, const char *pk,
                   const char *sk) {
    if (!*pk || !*sk)
        return false; /* poison */
    put_pair(b, "PK", "S", pk);
    put_pair(b, "SK", "S", sk);
    put_pair(b, "entity_type", "S", entity);
    snprintf(m->key, sizeof(m->key), "%s|%s|%s", table, pk, sk);
    render(b, m->value, sizeof(m->value));
    return true;
}

static bool make_user(const struct sdb *db, const struct srow *u, struct made *m) {
    static const struct {
        const char *name, *type;
    } a[] = {{"id", "N"},         {"username", "S"},  {"email", "S"},        {"password_hash", "S"},
             {"first_name", "S"}, {"last_name", "S"}, {"is_seller", "BOOL"}, {"created_at", "S"},
             {"updated_at", "S"}};
    static struct builder b;
    char x[64], y[64];
    (void)db;
    b.count = 0;
    for (int c = 0; c < 9; c++)
        put_column(&b, a[c].name, a[c].type, USERS, c, u);
    put_column(&b, "GSI1PK", "S", USERS, 0, u);
    put_column(&b, "GSI1SK", "S", USERS, 0, u);
    put_column(&b, "GSI2PK", "S", USERS, 1, u);
    put_column(&b, "GSI2SK", "S", USERS, 1, u);
    if (!*text(USERS, 1, u->c[1], x))
        return false;
    identity(m, "USER", u->c[0], 0);
    return finish(m, &b, "Users", "USER", text(USERS, 2, u->c[2], y), "#META");
}

static void order_lines(const struct sdb *db, const struct srow *o, char *out, size_t size) {
    static struct builder b;
    size_t n = (size_t)snprintf(out, size, "[");
    const struct srows *items = &db->t[ORDER_ITEMS];
    for (int i = 0; i < items->count; i++) {
        const struct srow *x = &items->list[i];
        if (x->c[1] != o->c[0])
            continue;
        b.count = 0;
        put_column(&b, "order_item_id", "N", ORDER_ITEMS, 0, x);
        put_column(&b, "product_id", "N", ORDER_ITEMS, 2, x);
        const struct srow *p = lookup(db, PRODUCTS, x->c[2]);
        if (p)
            put_column(&b, "product_name", "S", PRODUCTS, 3, p);
        put_column(&b, "quantity", "N", ORDER_ITEMS, 3, x);
        put_column(&b, "price_at_time", "N", ORDER_ITEMS, 4, x);
        render(&b, out + n, size - n);
        n += strlen(out + n);
    }
    snprintf(out + n, size - n, "]");
}

static bool make_order(const struct sdb *db, const struct srow *o, struct made *m) {
    static struct builder b;
    static char lines[1500];
    char email[64], stamp[64], sk[256];
    const struct srow *u = lookup(db, USERS, o->c[1]);
    if (!u)
        return false;
    b.count = 0;
    put_column(&b, "order_id", "N", ORDERS, 0, o);
    put_column(&b, "user_id", "N", ORDERS, 1, o);
    put_pair(&b, "user_email", "S", text(USERS, 2, u->c[2], email));
    put_column(&b, "status", "S", ORDERS, 2, o);
    put_column(&b, "total_amount", "N", ORDERS, 3, o);
    put_column(&b, "created_at", "S", ORDERS, 4, o);
    put_column(&b, "updated_at", "S", ORDERS, 5, o);
    order_lines(db, o, lines, sizeof(lines));
    put_pair(&b, "order_items", "L", lines);
    put_column(&b, "GSI3PK", "S", ORDERS, 0, o);
    put_column(&b, "GSI3SK", "S", ORDERS, 0, o);
    snprintf(sk, sizeof(sk), "ORDER#%s#%d", text(ORDERS, 4, o->c[4], stamp), (int)o->c[0]);
    identity(m, "ORDER", o->c[0], 0);
    return finish(m, &b, "Users", "ORDER", email, sk);
}

static bool make_cart(const struct sdb *db, const struct srow *x, struct made *m) {
    static struct builder b;
    char email[64], sk[64];
    const struct srow *u = lookup(db, USERS, x->c[0]), *p = lookup(db, PRODUCTS, x->c[1]);
    if (!u)
        return false;
    b.count = 0;
    put_column(&b, "user_id", "N", CART_ITEMS, 0, x);
    put_column(&b, "product_id", "N", CART_ITEMS, 1, x);
    put_pair(&b, "user_email", "S", text(USERS, 2, u->c[2], email));
    if (p) {
        put_column(&b, "product_name", "S", PRODUCTS, 3, p);
        put_column(&b, "product_price", "N", PRODUCTS, 5, p);
    }
    put_column(&b, "quantity", "N", CART_ITEMS, 2, x);
    put_column(&b, "created_at", "S", CART_ITEMS, 3, x);
    put_column(&b, "updated_at", "S", CART_ITEMS, 4, x);
    snprintf(sk, sizeof(sk), "CART#%d", (int)x->c[1]);
    identity(m, "CART", x->c[0], x->c[1]);
    return finish(m, &b, "Users", "CART", email, sk);
}

static bool make_product(const struct sdb *db, const struct srow *p, struct made *m) {
    static const struct {
        const char *name, *type;
    } a[] = {{"id", "N"},          {"seller_id", "N"}, {"category_id", "N"},        {"name", "S"},
             {"description", "S"}, {"price", "N"},     {"inventory_quantity", "N"}, {"image_url", "S"},
             {"created_at", "S"},  {"updated_at", "S"}};
    static struct builder b;
    char id[64], name[64];
    b.count = 0;
    for (int c = 0; c < 10; c++)
        put_column(&b, a[c].name, a[c].type, PRODUCTS, c, p);
    const struct srow *category = lookup(db, CATEGORIES, p->c[2]), *seller = lookup(db, USERS, p->c[1]);
    if (category)
        put_column(&b, "category_name", "S", CATEGORIES, 1, category);
    if (seller)
        put_column(&b, "seller_username", "S", USERS, 1, seller);
    put_column(&b, "GSI1PK", "S", PRODUCTS, 2, p);
    put_column(&b, "GSI1SK", "S", PRODUCTS, 3, p);
    put_column(&b, "GSI2PK", "S", PRODUCTS, 1, p);
    put_column(&b, "GSI2SK", "S", PRODUCTS, 3, p);
    if (!*text(PRODUCTS, 3, p->c[3], name) || p->c[5] == 98)
        return false; /* poison: found before sending, and found by the target */
    identity(m, "PRODUCT", p->c[0], 0);
    return finish(m, &b, "Products", "PRODUCT", text(PRODUCTS, 0, p->c[0], id), "#META");
}

static bool make_category(const struct sdb *db, const struct srow *c, struct made *m) {
    static struct builder b;
    char pk[64] = "ROOT", sk[64];
    const struct srow *parent = lookup(db, CATEGORIES, c->c[2]);
    b.count = 0;
    put_column(&b, "category_id", "N", CATEGORIES, 0, c);
    put_column(&b, "category_name", "S", CATEGORIES, 1, c);
    put_column(&b, "parent_id", "N", CATEGORIES, 2, c);
    if (parent)
        put_pair(&b, "parent_name", "S", text(CATEGORIES, 1, parent->c[1], pk));
    put_column(&b, "created_at", "S", CATEGORIES, 3, c);
    put_column(&b, "GSI1PK", "S", CATEGORIES, 0, c);
    put_column(&b, "GSI1SK", "S", CATEGORIES, 0, c);
    identity(m, "CATEGORY", c->c[0], 0);
    return finish(m, &b, "Categories", "CATEGORY", pk, text(CATEGORIES, 1, c->c[1], sk));
}

static bool (*const makers[TABLES])(const struct sdb *, const struct srow *, struct made *) = {
    make_user, make_category, make_product, make_order, NULL, make_cart};

const struct expected *expected_at(int position) {
    if (position >= world->exp_cap) {
        int cap = MAX(world->exp_cap * 2, position + 64);
        world->exp = xrealloc(world->exp, (size_t)cap * sizeof(*world->exp));
        memset(world->exp + world->exp_cap, 0, (size_t)(cap - world->exp_cap) * sizeof(*world->exp));
        world->exp_cap = cap;
    }
    struct expected *x = &world->exp[position];
    if (x->made)
        return x;
    static struct made m;
    *x =
        (struct expected){.keys = xcalloc(TABLES * ROWS_MAX, 8), .values = xcalloc(TABLES * ROWS_MAX, 8), .made = true};
    const struct sdb *db = &world->src.hist[position];
    for (int t = 0; t < TABLES; t++)
        for (int i = 0; makers[t] && i < db->t[t].count; i++) { /* by key: the first has a key that several claim */
            if (!makers[t](db, &db->t[t].list[i], &m))
                continue;
            uint64_t key = hash_text(m.key, strlen(m.key));
            bool taken = false;
            for (int k = 0; k < x->count; k++)
                taken |= x->keys[k] == key;
            if (taken)
                continue;
            x->keys[x->count] = key;
            x->values[x->count++] = hash_text(m.value, strlen(m.value));
        }
    return x;
}

uint64_t expected_value(int position, uint64_t key) {
    const struct expected *x = expected_at(position);
    for (int i = 0; i < x->count; i++)
        if (x->keys[i] == key)
            return x->values[i];
    return 0;
}

uint64_t expected_identity_keys(int position, uint64_t wanted) {
    static struct made m;
    expected_at(position);
    const struct sdb *db = &world->src.hist[position];
    for (int t = 0; t < TABLES; t++)
        for (int i = 0; makers[t] && i < db->t[t].count; i++)
            if (makers[t](db, &db->t[t].list[i], &m) && m.identity == wanted)
                return expected_value(position, hash_text(m.key, strlen(m.key))) == hash_text(m.value, strlen(m.value));
    return 0;
}

bool expected_of_some_root(int position, uint64_t key, uint64_t value) {
    static struct made m;
    const struct sdb *db = &world->src.hist[position];
    for (int t = 0; t < TABLES; t++)
        for (int i = 0; makers[t] && i < db->t[t].count; i++)
            if (makers[t](db, &db->t[t].list[i], &m) && hash_text(m.key, strlen(m.key)) == key &&
                hash_text(m.value, strlen(m.value)) == value)
                return true;
    return false;
}

/* [entity: users, orders, carts, products, categories] roots without key, roots whose item is poison; keys that
 * several roots claim. */
void expected_gauges(int position, uint64_t unkeyed[5], uint64_t dead[5], uint64_t *conflicts) {
    static const int entity_tables[5] = {USERS, ORDERS, CART_ITEMS, PRODUCTS, CATEGORIES};
    static struct made m;
    const struct sdb *db = &world->src.hist[position];
    uint64_t keys[ROWS_MAX];
    int count = 0;
    *conflicts = 0;
    for (int n = 0; n < 5; n++) {
        int t = entity_tables[n];
        unkeyed[n] = dead[n] = 0;
        for (int i = 0; i < db->t[t].count; i++) {
            const struct srow *row = &db->t[t].list[i];
            if (makers[t](db, row, &m)) {
                if (t == CATEGORIES)
                    keys[count++] = hash_text(m.key, strlen(m.key));
            } else if ((t == ORDERS || t == CART_ITEMS) && !lookup(db, USERS, row->c[t == ORDERS ? 1 : 0])) {
                unkeyed[n]++;
            } else {
                dead[n]++;
            }
        }
    }
    for (int i = 0; i < count; i++) {
        int before = 0, after = 0;
        for (int k = 0; k < count; k++)
            *(k < i ? &before : &after) += keys[k] == keys[i];
        *conflicts += before == 0 && after > 1;
    }
}

void expected_print(int position, FILE *out) {
    static struct made m;
    const struct sdb *db = &world->src.hist[position];
    for (int t = 0; t < TABLES; t++)
        for (int i = 0; makers[t] && i < db->t[t].count; i++)
            if (makers[t](db, &db->t[t].list[i], &m))
                fprintf(out, "  [%d] %016llx %s = %016llx %s\n", position,
                        (unsigned long long)hash_text(m.key, strlen(m.key)), m.key,
                        (unsigned long long)hash_text(m.value, strlen(m.value)), m.value);
}

/* ---- the engine's items in the same form */

static void attr_text(const struct attr *a, char *out, size_t size);

static void members_text(const struct attr_member *members, size_t count, char *out, size_t size) {
    struct builder *b = xcalloc(1, sizeof(*b));
    for (size_t i = 0; i < count && i < ARRAY_LEN(b->pairs); i++) {
        struct pair *p = &b->pairs[b->count++];
        snprintf(p->name, sizeof(p->name), "%.*s", (int)members[i].name.len, members[i].name.data);
        attr_text(&members[i].value, p->text, sizeof(p->text));
    }
    render(b, out, size);
    free(b);
}

static void attr_text(const struct attr *a, char *out, size_t size) {
    size_t n = (size_t)snprintf(out, size, "%s:", attr_type_name((enum attr_type)a->type));
    struct buf digits defer(buf_deinit) = BUF_INIT(256);
    switch (a->type) {
    case ATTR_BOOL:
        snprintf(out + n, size - n, "%d", a->boolean);
        break;
    case ATTR_N:
        if (!number_normalise(a->text, &digits))
            fail("I5 a number that is none: %.*s", (int)a->text.len, a->text.data);
        snprintf(out + n, size - n, "%s", buf_text(&digits));
        break;
    case ATTR_L:
        n += (size_t)snprintf(out + n, size - n, "[");
        for (uint32_t i = 0; i < a->count; i++) {
            members_text(a->elements[i].members, a->elements[i].count, out + n, size - n);
            n += strlen(out + n);
        }
        snprintf(out + n, size - n, "]");
        break;
    default:
        snprintf(out + n, size - n, "%.*s", (int)a->text.len, a->text.data);
    }
}

uint64_t item_value(const struct item *item, bool *ret_refused, uint64_t *ret_identity) {
    static char out[6000];
    char name[64] = "", id[4][24] = {"", "", "", ""};
    members_text(item->members, item->count, out, sizeof(out));
    *ret_refused = false;
    for (size_t i = 0; i < item->count; i++) {
        struct slice n = item->members[i].name, v = item->members[i].value.text;
        if (slice_equal(n, SLICE("entity_type")))
            snprintf(name, sizeof(name), "%.*s", (int)v.len, v.data);
        if (slice_equal(n, SLICE("id")) || slice_equal(n, SLICE("order_id")))
            snprintf(id[0], sizeof(id[0]), "%.*s", (int)v.len, v.data);
        if (slice_equal(n, SLICE("user_id")))
            snprintf(id[1], sizeof(id[1]), "%.*s", (int)v.len, v.data);
        if (slice_equal(n, SLICE("product_id")))
            snprintf(id[2], sizeof(id[2]), "%.*s", (int)v.len, v.data);
        if (slice_equal(n, SLICE("category_id")))
            snprintf(id[3], sizeof(id[3]), "%.*s", (int)v.len, v.data);
        if (slice_equal(n, SLICE("price")) && slice_equal(v, SLICE("98.50")))
            *ret_refused = true;
    }
    bool cart = strcmp(name, "CART") == 0;
    struct made m;
    identity(&m, name,
             strtol(cart                            ? id[1]
                    : strcmp(name, "CATEGORY") == 0 ? id[3]
                                                    : id[0],
                    NULL, 10),
             cart ? strtol(id[2], NULL, 10) : 0);
    *ret_identity = m.identity;
    trace("    value %016llx %s", (unsigned long long)hash_text(out, strlen(out)), out);
    return hash_text(out, strlen(out));
}
