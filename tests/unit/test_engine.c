/* The engine on a contract that the shop does not show: ordered, limited and filtered lists, JSON text, the first of
 * many, keys longer than the store's, poison and its letters, documents changed in part. */
#include "contract/load.h"
#include "src/base/sys.h"
#include "tests/unit/shop_schema.h"
#include "tests/unit/test.h"
#include "transform/engine.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static const struct column authors_columns[] = {TEXT_COLUMN("code", false), TEXT_COLUMN("label", true),
                                                INT_COLUMN("gone", false)};
static const struct table_key authors_keys[] = {PRIMARY(1, 0)};
static const struct column books_columns[] = {
    INT_COLUMN("id", false),
    TEXT_COLUMN("author", true),
    TEXT_COLUMN("title", false),
    INT_COLUMN("year", true),
    {.name = "hidden", .type = COLUMN_INT, .length = 4, .default_value = {.kind = VALUE_INT, .i = 0}}};
static const struct table_key books_keys[] = {PRIMARY(1, 0)};
static const struct column notes_columns[] = {INT_COLUMN("id", false),
                                              {.name = "doc", .type = COLUMN_JSON, .nullable = true}};
static const struct table_key notes_keys[] = {PRIMARY(1, 0)};
static const struct table tables[] = {
    {.database = "library",
     .name = "authors",
     .columns = authors_columns,
     .column_count = 3,
     .keys = authors_keys,
     .key_count = 1},
    {.database = "library",
     .name = "books",
     .columns = books_columns,
     .column_count = 5,
     .keys = books_keys,
     .key_count = 1},
    {.database = "library",
     .name = "notes",
     .columns = notes_columns,
     .column_count = 2,
     .keys = notes_keys,
     .key_count = 1},
};
static const struct schema library = {"library", tables, ARRAY_LEN(tables)};

#define JOIN "'target_table': 'books', 'join_condition': 'books.author = authors.code'"
static const char contract_text[] =
    "[{'table': 'Authors', 'pk': 'code', 'source_table': 'authors', 'filter': 'gone = 0', 'gsis': [{'index_name': "
    "'ByLabel', 'pk': 'label'}], 'attributes': ["
    "{'name': 'code', 'type': 'S', 'source_column': 'code'}, {'name': 'label', 'type': 'S', 'source_column': 'label'},"
    "{'name': 'newest', 'type': 'L', 'join': {'type': 'json-construction', " JOIN
    ", 'construction': {'type': 'array', 'order_by': 'books.year DESC, books.title', 'limit': 3, 'filter': 'hidden = "
    "0',"
    " 'attributes': [{'name': 't', 'type': 'S', 'source_column': 'title'}, {'name': 'y', 'type': 'N', 'source_column': "
    "'year'}]}}},"
    "{'name': 'all', 'type': 'S', 'join': {'type': 'json-construction', " JOIN
    ", 'construction': {'type': 'array', 'attributes': [{'name': 'i', 'type': 'N', 'source_column': 'id'}]}}},"
    "{'name': 'first', 'type': 'M', 'join': {'type': 'json-construction', " JOIN
    ", 'construction': {'type': 'object', 'order_by': 'year', 'attributes': [{'name': 't', 'type': 'S', "
    "'source_column': 'title'}]}}}"
    "]}, {'table': 'Notes', 'pk': 'id', 'source_table': 'notes', 'attributes': [{'name': 'id', 'type': 'N', "
    "'source_column': 'id'}, {'name': 'doc', 'type': 'M', 'source_column': 'doc'}]}]";

/* What the target holds: one item at most, as JSON, by key. */
struct fixture {
    char dir[64];
    struct contract *contract;
    struct engine *engine;
    struct position at;
    struct {
        char pk[40];
        size_t pk_len;
        char json[2000];
    } items[512];
    size_t item_count, sent;
    uint64_t tickets[1024];
    size_t waiting;
};
static struct error error;

static size_t room(void *context) {
    const struct fixture *f = context;
    return ARRAY_LEN(f->tickets) - f->waiting;
}

static int send_writes(void *context, const struct item_write *writes, size_t count, bool transact, struct error *e) {
    struct fixture *f = context;
    (void)transact, (void)e;
    for (size_t i = 0; i < count; i++) {
        struct item_key key;
        size_t n = 0;
        assert_true(item_key_get(writes[i].key, &key));
        while (n < f->item_count &&
               (f->items[n].pk_len != key.pk.len || memcmp(f->items[n].pk, key.pk.data, MIN(key.pk.len, 30)) != 0))
            n++;
        f->item_count = MAX(f->item_count, n + 1);
        f->items[n].pk_len = key.pk.len;
        snprintf(f->items[n].pk, sizeof(f->items[n].pk), "%.*s", (int)MIN(key.pk.len, (size_t)30), key.pk.data);
        struct buf json = BUF_INIT(1 << 20);
        struct attr map = {.type = ATTR_M,
                           .count = writes[i].item ? (uint32_t)writes[i].item->count : 0,
                           .members = writes[i].item ? writes[i].item->members : NULL};
        if (writes[i].item)
            attr_put_json(&json, &map);
        snprintf(f->items[n].json, sizeof(f->items[n].json), "%s", writes[i].item ? buf_text(&json) : "");
        buf_deinit(&json);
        f->tickets[f->waiting++] = writes[i].ticket;
        f->sent++;
    }
    return 0;
}

static void open_engine(struct fixture *f) {
    struct engine_options o = {.state_dir = f->dir,
                               .contract = f->contract,
                               .hooks = {f, room, send_writes},
                               .durable_journal = true,
                               .atomic_key_change = true,
                               .map_bytes = 64 << 20};
    if (engine_open(&f->engine, &o, &error))
        fail_msg("%s", error.text);
}

static void work(struct fixture *f) {
    int64_t wait_ms = 0;
    for (int i = 0; i < 20; i++) {
        if (engine_work(f->engine, &wait_ms, &error))
            fail_msg("%s", error.text);
        while (f->waiting) {
            struct outcome outcome = {.ticket = f->tickets[--f->waiting], .kind = OUTCOME_WRITTEN};
            assert_int_equal(engine_answer(f->engine, &outcome, &error), 0);
        }
    }
}

static int setup(void **state) {
    struct fixture *f = xcalloc(1, sizeof(*f));
    struct findings findings = {0};
    char text[sizeof(contract_text)];
    for (size_t i = 0; i < sizeof(text); i++)
        text[i] = contract_text[i] == '\'' ? '"' : contract_text[i];
    *state = f;
    if (contract_load(&f->contract, "c.json", (struct slice){text, sizeof(text) - 1}, &library,
                      &(struct contract_options){"library", ""}, &findings, &error)) {
        fprintf(stderr, "%s\n", error.text);
        return -1;
    }
    findings_deinit(&findings);
    snprintf(f->dir, sizeof(f->dir), "/tmp/leat-test-engine-XXXXXX");
    if (!mkdtemp(f->dir))
        return -1;
    f->at = (struct position){.file = "binlog.000001", .offset = 4};
    open_engine(f);
    if (engine_snapshot_begin(f->engine, &f->at, false, &error) || engine_snapshot_high(f->engine, &f->at, &error))
        return -1;
    work(f); /* the sweep over nothing */
    return 0;
}

static int teardown(void **state) {
    struct fixture *f = *state;
    static const char *const names[] = {"store.mdb", "journal", "lock"};
    char path[128];
    engine_free(f->engine);
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        snprintf(path, sizeof(path), "%s/%s", f->dir, names[i]);
        unlink(path);
    }
    rmdir(f->dir);
    contract_free(f->contract);
    free(f);
    return 0;
}

static struct value text(const char *s) {
    return (struct value){.kind = s ? VALUE_TEXT : VALUE_NULL, .len = s ? (uint32_t)strlen(s) : 0, .data = s};
}
static struct value number(int64_t i) {
    return (struct value){.kind = VALUE_INT, .i = i};
}

static void change(struct fixture *f, size_t table, const struct value *before, const struct value *after) {
    int r;
    struct row_change c = {.kind = !before ? ROW_INSERT
                                   : after ? ROW_UPDATE
                                           : ROW_DELETE,
                           .table = &tables[table],
                           .before = before,
                           .after = after,
                           .cascades_logged = true};
    c.handle = engine_map_table(f->engine, c.table, NULL, &r, &error);
    assert_non_null(c.handle);
    if (engine_apply(f->engine, &c, &error))
        fail_msg("%s", error.text);
}

static void commit(struct fixture *f) {
    struct txn_end end = {.file = "binlog.000001", .offset = f->at.offset += 100, .commit_us = 1};
    assert_int_equal(engine_commit(f->engine, &end, &error), 0);
    assert_int_equal(engine_batch_end(f->engine, &error), 0);
    work(f);
}

static void put_author(struct fixture *f, const char *code, const char *label, int64_t gone) {
    const struct value row[] = {text(code), text(label), number(gone)};
    change(f, 0, NULL, row);
}
static void put_book(struct fixture *f, int64_t id, const char *author, const char *title, int64_t year,
                     int64_t hidden) {
    const struct value row[] = {number(id), text(author), text(title),
                                year ? number(year) : (struct value){.kind = VALUE_NULL}, number(hidden)};
    change(f, 1, NULL, row);
}

static const char *item(const struct fixture *f, const char *pk) {
    for (size_t i = 0; i < f->item_count; i++)
        if (f->items[i].pk_len == strlen(pk) && strncmp(f->items[i].pk, pk, 30) == 0)
            return f->items[i].json;
    return "(never written)";
}

static void test_lists(void **state) {
    struct fixture *f = *state;
    put_author(f, "le", "Le Guin", 0);
    put_book(f, 5, "le", "Dispossessed", 1974, 0);
    put_book(f, 3, "le", "Earthsea", 1968, 0);
    put_book(f, 4, "le", "Lathe", 1971, 0);
    put_book(f, 9, "le", "Atuan", 1971, 0);
    put_book(f, 1, "le", "Draft", 1999, 1);
    put_book(f, 7, "le", "Undated", 0, 0);
    put_book(f, 8, "other", "Elsewhere", 2000, 0);
    commit(f);
    assert_string_equal(item(f, "le"), "{\"code\":\"le\",\"label\":\"Le "
                                       "Guin\",\"newest\":[{\"t\":\"Dispossessed\",\"y\":1974},{\"t\":\"Atuan\",\"y\":"
                                       "1971},{\"t\":\"Lathe\",\"y\":1971}],"
                                       "\"all\":\"[{\\\"i\\\":1},{\\\"i\\\":3},{\\\"i\\\":4},{\\\"i\\\":5},{\\\"i\\\":"
                                       "7},{\\\"i\\\":9}]\",\"first\":{\"t\":\"Undated\"}}");
    /* a change that no item shows is not written again */
    size_t sent = f->sent;
    const struct value before[] = {number(1), text("le"), text("Draft"), number(1999), number(1)},
                       after[] = {number(1), text("le"), text("Drafts"), number(1998), number(1)};
    change(f, 1, before, after);
    commit(f);
    assert_int_equal(f->sent, sent);
    /* a child that leaves is found by its image before */
    const struct value leaves[] = {number(5), text("other"), text("Dispossessed"), number(1974), number(0)},
                       was[] = {number(5), text("le"), text("Dispossessed"), number(1974), number(0)};
    change(f, 1, was, leaves);
    commit(f);
    assert_non_null(strstr(
        item(f, "le"),
        "\"newest\":[{\"t\":\"Atuan\",\"y\":1971},{\"t\":\"Lathe\",\"y\":1971},{\"t\":\"Earthsea\",\"y\":1968}]"));
}

static void test_filter(void **state) {
    struct fixture *f = *state;
    put_author(f, "x", "X", 0);
    commit(f);
    assert_string_equal(item(f, "x"), "{\"code\":\"x\",\"label\":\"X\"}");
    const struct value before[] = {text("x"), text("X"), number(0)}, after[] = {text("x"), text("X"), number(1)};
    change(f, 0, before, after);
    commit(f);
    assert_string_equal(item(f, "x"), ""); /* deleted */
}

static void test_long_keys(void **state) {
    struct fixture *f = *state;
    char a[1201], b[1201];
    memset(a, 'k', 1200);
    memset(b, 'k', 1200);
    a[1200] = b[1200] = 0;
    b[1199] = 'l'; /* they differ behind what LMDB could hold */
    put_author(f, a, "A", 0);
    put_author(f, b, "B", 0);
    put_book(f, 1, b, "of B", 1, 0);
    commit(f);
    assert_int_equal(f->sent, 2);
    const struct value before[] = {number(1), text(b), text("of B"), number(1), number(0)},
                       after[] = {number(1), text(a), text("of A"), number(1), number(0)};
    change(f, 1, before, after);
    commit(f);
    assert_int_equal(f->sent, 4);
    const struct value row[] = {text(b), text("B"), number(0)};
    change(f, 0, row, NULL);
    commit(f);
    assert_int_equal(f->sent, 5);
    struct engine_gauges g;
    engine_gauges(f->engine, &g);
    assert_int_equal(g.outbox_keys, 0);
    engine_free(f->engine); /* and again from the store, with nothing acknowledged lost */
    f->engine = NULL;
    open_engine(f);
    work(f);
    assert_int_equal(engine_life(f->engine), ENGINE_RECOVERING);
}

static void reopen(struct fixture *f,
                   uint64_t offset) { /* without a checkpoint, as after a crash; the stream goes back */
    engine_free(f->engine);
    f->engine = NULL;
    f->waiting = 0;
    f->at.offset = offset;
    open_engine(f);
}

static void commit_only(struct fixture *f) {
    struct txn_end end = {.file = "binlog.000001", .offset = f->at.offset += 100, .commit_us = 1};
    assert_int_equal(engine_commit(f->engine, &end, &error), 0);
}

/* Invariant 4: what was sent as of a position is not followed by what was before it, also when the batch up to that
 * position decided nothing. */
static void test_no_time_travel(void **state) {
    struct fixture *f = *state;
    const struct value row[] = {text("t"), text("T"), number(0)};
    uint64_t start = f->at.offset;
    change(f, 0, NULL, row);
    commit(f);
    assert_string_equal(item(f, "t"), "{\"code\":\"t\",\"label\":\"T\"}");
    reopen(f, start);
    change(f, 0, NULL, row);
    commit_only(f);
    change(f, 0, row, NULL);
    commit(f); /* both in one batch: the key was absent and is absent, but it is in the outbox, for it was sent */
    assert_string_equal(item(f, "t"), "");
    reopen(f, start);
    size_t sent = f->sent;
    change(f, 0, NULL, row);
    commit(f);
    assert_int_equal(engine_life(f->engine), ENGINE_RECOVERING);
    assert_int_equal(f->sent, sent);
    change(f, 0, row, NULL);
    commit(f);
    assert_int_equal(engine_life(f->engine), ENGINE_STREAMING);
    assert_string_equal(item(f, "t"), "");
}

static int count_letters(void *context, const struct dead_letter *letter) {
    char *out = context;
    snprintf(out, 400, "%s|%.*s|%s", letter->entity->root->name, (int)letter->root.len, letter->root.data,
             letter->reason);
    return 0;
}

static void test_poison(void **state) {
    struct fixture *f = *state;
    char letter[400] = "none";
    struct engine_gauges g;
    put_author(f, "p", "fine", 0);
    commit(f);
    const struct value good[] = {text("p"), text("fine"), number(0)},
                       bad[] = {text("p"), text(""), number(0)}; /* an empty index key */
    change(f, 0, good, bad);
    commit(f);
    assert_string_equal(item(f, "p"), ""); /* nothing stale stays */
    assert_int_equal(engine_dead(f->engine, count_letters, letter, &error), 0);
    assert_string_equal(letter, "authors|p|key label is empty");
    engine_gauges(f->engine, &g);
    assert_int_equal(g.dead[0], 1);
    change(f, 0, bad, good);
    commit(f);
    engine_gauges(f->engine, &g);
    assert_int_equal(g.dead[0], 0);
    snprintf(letter, sizeof(letter), "none");
    assert_int_equal(engine_dead(f->engine, count_letters, letter, &error), 0);
    assert_string_equal(letter, "none");
    assert_string_equal(item(f, "p"), "{\"code\":\"p\",\"label\":\"fine\"}");
}

static struct contract *compiled(const char *text) {
    char json[8000];
    struct findings findings = {0};
    struct contract *c = NULL;
    snprintf(json, sizeof(json), "%s", text);
    for (char *p = json; *p; p++)
        *p = *p == '\'' ? '"' : *p;
    if (contract_load(&c, "c.json", slice_of(json), &library, &(struct contract_options){"library", ""}, &findings,
                      &error))
        fail_msg("%s", error.text);
    findings_deinit(&findings);
    return c;
}

/* The store goes on with another contract, and what it sends is done. */
static void change_contract(struct fixture *f, const char *text, bool prune) {
    assert_int_equal(engine_checkpoint(f->engine, true, &error), 0);
    engine_free(f->engine);
    f->engine = NULL;
    contract_free(f->contract);
    f->contract = compiled(text);
    struct engine_options o = {.state_dir = f->dir,
                               .contract = f->contract,
                               .hooks = {f, room, send_writes},
                               .atomic_key_change = true,
                               .map_bytes = 64 << 20,
                               .prune = prune};
    if (engine_open(&f->engine, &o, &error))
        fail_msg("%s", error.text);
    work(f);
}

#define AUTHOR(pk, more)                                                                                               \
    "{'entity_type': 'A', 'source_table': 'authors', 'pk_template': '" pk                                              \
    "', 'attributes': [{'name': 'label', 'type': "                                                                     \
    "'S', 'source_column': 'label'}" more "]}"
#define BOOK(more)                                                                                                     \
    "{'entity_type': 'B', 'source_table': 'books', 'pk_template': 'B{id}', 'attributes': [{'name': 't', 'type': 'S', " \
    "'source_column': 'title'}" more "]}"
#define AUTHOR_TOO                                                                                                     \
    "{'entity_type': 'C', 'source_table': 'authors', 'pk_template': 'C{code}', 'attributes': [{'name': 'l', 'type': "  \
    "'S', 'source_column': 'label'}]}"
#define LIBRARY(entities) "[{'table': 'Library', 'type': 'multi-entity', 'entities': [" entities "]}]"

static void test_changed_contract(void **state) {
    struct fixture *f = *state;
    change_contract(f, LIBRARY(AUTHOR("A{code}", "") ", " BOOK("")), false);
    put_author(f, "a", "Ann", 0);
    put_book(f, 1, "a", "One", 1, 0);
    commit(f);
    assert_string_equal(item(f, "Aa"), "{\"label\":\"Ann\",\"PK\":\"Aa\",\"entity_type\":\"A\"}");
    size_t sent = f->sent;
    /* in another order: all numbers are others, nothing is written */
    change_contract(f, LIBRARY(BOOK("") ", " AUTHOR("A{code}", "")), false);
    assert_int_equal(f->sent, sent);
    const struct value was[] = {text("a"), text("Ann"), number(0)}, is[] = {text("a"), text("Anne"), number(0)};
    change(f, 0, was, is);
    commit(f);
    assert_string_equal(item(f, "Aa"), "{\"label\":\"Anne\",\"PK\":\"Aa\",\"entity_type\":\"A\"}");
    sent = f->sent;
    /* another key and another attribute: the old item goes, the book's stays untouched */
    change_contract(
        f, LIBRARY(BOOK("") ", " AUTHOR("X{code}", ", {'name': 'c', 'type': 'S', 'source_column': 'code'}")), false);
    assert_string_equal(item(f, "Aa"), "");
    assert_string_equal(item(f, "Xa"), "{\"label\":\"Anne\",\"c\":\"a\",\"PK\":\"Xa\",\"entity_type\":\"A\"}");
    assert_int_equal(f->sent, sent + 2);
    /* gone: its item stays until it is to go */
    sent = f->sent;
    change_contract(f, LIBRARY(BOOK("")), false);
    assert_int_equal(f->sent, sent);
    change_contract(f, LIBRARY(BOOK("")), true);
    assert_string_equal(item(f, "Xa"), "");
    assert_int_equal(f->sent, sent + 1);
    change_contract(f, LIBRARY(BOOK("")), true);
    assert_int_equal(f->sent, sent + 1);
}

static uint64_t conflicts(const struct fixture *f) {
    struct engine_gauges g;
    engine_gauges(f->engine, &g);
    return g.conflicts[0];
}

/* Keys that several claimed are settled by a contract under which none can. */
static void test_conflicts_of_a_former_contract(void **state) {
    struct fixture *f = *state;
    change_contract(f, LIBRARY(AUTHOR("L{label}", "")), false);
    put_author(f, "a", "Ann", 0);
    put_author(f, "b", "Ann", 0);
    put_author(f, "c", "Cid", 0);
    commit(f);
    assert_int_equal(conflicts(f), 1);
    change_contract(f, LIBRARY(AUTHOR("A{code}", "")), false);
    assert_int_equal(conflicts(f), 0);
    assert_string_equal(item(f, "LAnn"), "");
    assert_string_not_equal(item(f, "Ab"), "");
    change_contract(f, LIBRARY(AUTHOR("L{label}", "")), false);
    assert_int_equal(conflicts(f), 1);
}

static void test_entity_comes_back(void **state) {
    struct fixture *f = *state;
    change_contract(f, LIBRARY(AUTHOR("A{code}", "") ", " BOOK("")), false);
    put_author(f, "a", "Ann", 0);
    put_author(f, "b", "Ben", 0);
    commit(f);
    size_t sent = f->sent;
    change_contract(f,
                    LIBRARY(BOOK("") ", {'entity_type': 'C', 'source_table': 'authors', 'pk_template': 'C{code}', "
                                     "'attributes': [{'name': 'l', 'type': 'S', 'source_column': 'label'}]}"),
                    false);
    assert_int_equal(f->sent, sent + 2);
    const struct value row[] = {text("b"), text("Ben"), number(0)};
    change(f, 0, row, NULL); /* unseen by A, which is no entity now */
    commit(f);
    assert_string_equal(item(f, "Cb"), "");
    assert_string_not_equal(item(f, "Ab"), "");
    sent = f->sent;
    change_contract(f, LIBRARY(AUTHOR("A{code}", "") ", " BOOK("")), false);
    assert_string_equal(item(f, "Ab"),
                        ""); /* its left-over went with the sweep; Ca stays, of an entity that is no more */
    assert_string_not_equal(item(f, "Aa"), "");
    assert_string_not_equal(item(f, "Ca"), "");
    assert_int_equal(f->sent, sent + 1);
}

/* A key in the outbox is decided before the sweep meets its root, which makes another one under the new contract; then the
 * former contract comes back. */
static void test_key_that_comes_back(void **state) {
    struct fixture *f = *state;
    const struct source *source;
    change_contract(f, LIBRARY(AUTHOR("A{code}", "")), false);
    put_author(f, "a", "Ann", 0);
    commit_only(f);
    assert_int_equal(engine_batch_end(f->engine, &error), 0);
    assert_string_not_equal(item(f, "Aa"), "");
    f->waiting = 0; /* no answer comes */
    /* no sweep before the books are read */
    change_contract(f, LIBRARY(AUTHOR("X{code}", "") ", " BOOK("")), false);
    assert_int_equal(engine_load_next(f->engine, &source, &error), 0);
    assert_non_null(source);
    assert_string_equal(item(f, "Aa"), "");
    change_contract(f, LIBRARY(AUTHOR("A{code}", "")), false);
    assert_string_equal(item(f, "Aa"), "{\"label\":\"Ann\",\"PK\":\"Aa\",\"entity_type\":\"A\"}");
    const struct value was[] = {text("a"), text("Ann"), number(0)}, is[] = {text("a"), text("Anne"), number(0)};
    change(f, 0, was, is);
    commit_only(f);
    assert_int_equal(engine_checkpoint(f->engine, false, &error), 0);
    reopen(f, f->at.offset);
    work(f); /* what no answer came for is decided once more, by who claims it */
    assert_string_equal(item(f, "Aa"), "{\"label\":\"Anne\",\"PK\":\"Aa\",\"entity_type\":\"A\"}");
}

/* Keys that move in one chain, more than go to the sender at once: first all is put, then the key that is free is deleted. */
static void test_long_chain_of_moves(void **state) {
    enum { MANY = 300 };
    struct fixture *f = *state;
    char codes[MANY][8], labels[MANY + 1][8], expect[80];
    change_contract(f, LIBRARY(AUTHOR("L{label}", ", {'name': 'c', 'type': 'S', 'source_column': 'code'}")), false);
    for (int i = 0; i <= MANY; i++)
        snprintf(labels[i], sizeof(labels[i]), "%03d", i);
    for (int i = 0; i < MANY; i++) {
        snprintf(codes[i], sizeof(codes[i]), "%d", i);
        put_author(f, codes[i], labels[i], 0);
    }
    commit(f);
    for (int i = 0; i < MANY; i++) {
        const struct value was[] = {text(codes[i]), text(labels[i]), number(0)},
                           is[] = {text(codes[i]), text(labels[i + 1]), number(0)};
        change(f, 0, was, is);
    }
    size_t sent = f->sent;
    commit(f);
    assert_int_equal(f->sent, sent + MANY + 1);
    assert_string_equal(item(f, "L000"), "");
    for (int i = 0; i < MANY; i++) {
        char key[8];
        snprintf(key, sizeof(key), "L%s", labels[i + 1]);
        snprintf(expect, sizeof(expect), "{\"label\":\"%s\",\"c\":\"%s\",\"PK\":\"%s\",\"entity_type\":\"A\"}",
                 labels[i + 1], codes[i], key);
        assert_string_equal(item(f, key), expect);
    }
}

/* An entity went and its items are to go; before the sweep comes to them everything is read again. */
static void test_prune_and_reset(void **state) {
    struct fixture *f = *state;
    const struct source *source;
    change_contract(f, LIBRARY(AUTHOR("A{code}", "") ", " AUTHOR_TOO), false);
    put_author(f, "a", "Ann", 0);
    commit(f);
    assert_string_not_equal(item(f, "Ca"), "");
    change_contract(f, LIBRARY(AUTHOR("A{code}", "") ", " BOOK("")), true);
    assert_int_equal(engine_load_next(f->engine, &source, &error), 0); /* the sweep waits for the books */
    assert_int_equal(engine_reset(f->engine, &error), 0);
    work(f);
    change_contract(f, LIBRARY(BOOK("") ", " AUTHOR("A{code}", "")), false);
    assert_int_equal(engine_snapshot_begin(f->engine, &f->at, false, &error), 0);
    const struct value row[] = {text("a"), text("Ann")};
    assert_int_equal(engine_snapshot_row(f->engine, contract_source(f->contract, "authors"), row, &error), 0);
    assert_int_equal(engine_snapshot_high(f->engine, &f->at, &error), 0);
    work(f);
    assert_string_equal(item(f, "Ca"), "");
    assert_string_not_equal(item(f, "Aa"), "");
}

static void take(struct fixture *f, const struct source *source, int64_t id, const char *title, int64_t year) {
    const struct value row[] = {number(id), text(title), number(year)};
    assert_int_equal(engine_snapshot_row(f->engine, source, row, &error), 0);
}

/* Rule 10: a column that the store lacks is read in chunks beside the stream. */
static void test_column_that_is_missing(void **state) {
    struct fixture *f = *state;
    static const struct value unknown = {.kind = VALUE_UNKNOWN};
    const struct source *source;
    const struct value *key;
    struct arena arena = {0};
    struct engine_gauges g;
    change_contract(f, LIBRARY(AUTHOR("A{code}", "") ", " BOOK("")), false);
    put_author(f, "a", "Ann", 0);
    for (int64_t id = 1; id <= 4; id++)
        put_book(f, id, "a", "Old", 1900 + id, 0);
    commit(f);
    size_t sent = f->sent;
    change_contract(
        f, LIBRARY(AUTHOR("A{code}", "") ", " BOOK(", {'name': 'y', 'type': 'N', 'source_column': 'year'}")), false);
    assert_int_equal(engine_load_next(f->engine, &source, &error), 0);
    assert_string_equal(source->name, "books");
    take(f, source, 1, "Of tomorrow", 1901); /* the title is the stream's: the read is ahead of it */
    take(f, source, 2, "Old", 1902);
    const struct value last = number(2);
    assert_int_equal(engine_snapshot_chunk(f->engine, source, &last, 2, false, &error), 0);
    /* the stream goes on; what waits for the column is not sent */
    const struct value was[] = {text("a"), text("Ann"), number(0)}, is[] = {text("a"), text("Anne"), number(0)};
    change(f, 0, was, is);
    const struct value book[] = {number(2), unknown, unknown, unknown, unknown},
                       titled[] = {unknown, unknown, text("New"), unknown, unknown};
    change(f, 1, book, titled);
    /* to where a chunk was read already, by an image that does not tell the year */
    const struct value from[] = {number(3), unknown, unknown, unknown, unknown},
                       to[] = {number(0), unknown, unknown, unknown, unknown};
    change(f, 1, from, to);
    commit(f);
    assert_int_equal(f->sent, sent + 1);
    assert_string_equal(item(f, "Aa"), "{\"label\":\"Anne\",\"PK\":\"Aa\",\"entity_type\":\"A\"}");
    /* a crash: the chunk is in the store, the changes come again */
    assert_int_equal(engine_checkpoint(f->engine, false, &error), 0);
    reopen(f, f->at.offset);
    assert_int_equal(engine_load_next(f->engine, &source, &error), 0);
    take(f, source, 4, "Old", 1904);
    take(f, source, 9, "Of tomorrow", 1909); /* not there yet: the stream will bring it */
    assert_int_equal(engine_snapshot_chunk(f->engine, source, NULL, 2, true, &error), 0);
    assert_int_equal(engine_load_next(f->engine, &source, &error), 0);
    assert_null(source);
    const struct position high = {.file = "binlog.000001", .offset = f->at.offset + 100};
    assert_int_equal(engine_load_high(f->engine, &high, &error), 0);
    work(f);
    engine_gauges(f->engine, &g);
    assert_true(g.loading && !g.sweeping);
    put_book(f, 9, "a", "Later", 1909, 0);
    commit(f);
    assert_true(engine_reread_wanted(f->engine));
    assert_int_equal(engine_reread_next(f->engine, &arena, &source, &key, &error), 0);
    assert_int_equal(key->i, 0);
    const struct value read[] = {number(0), text("Of tomorrow"), number(1903)};
    assert_int_equal(engine_reread_row(f->engine, source, key, read, &error), 0);
    assert_int_equal(engine_reread_next(f->engine, &arena, &source, &key, &error), 1);
    assert_int_equal(f->sent, sent + 1);
    const struct position end = {.file = "binlog.000001", .offset = f->at.offset};
    assert_int_equal(engine_reread_done(f->engine, &end, &error), 0);
    work(f);
    static const char *const wants[][2] = {
        {"B0", "{\"t\":\"Old\",\"y\":1903,\"PK\":\"B0\",\"entity_type\":\"B\"}"},
        {"B1", "{\"t\":\"Old\",\"y\":1901,\"PK\":\"B1\",\"entity_type\":\"B\"}"},
        {"B2", "{\"t\":\"New\",\"y\":1902,\"PK\":\"B2\",\"entity_type\":\"B\"}"},
        {"B3", ""},
        {"B4", "{\"t\":\"Old\",\"y\":1904,\"PK\":\"B4\",\"entity_type\":\"B\"}"},
        {"B9", "{\"t\":\"Later\",\"y\":1909,\"PK\":\"B9\",\"entity_type\":\"B\"}"},
    };
    for (size_t i = 0; i < ARRAY_LEN(wants); i++)
        assert_string_equal(item(f, wants[i][0]), wants[i][1]);
    engine_gauges(f->engine, &g);
    assert_true(!g.loading && !g.sweeping && g.outbox_keys == 0);
    arena_deinit(&arena);
}

/* A table of which some was read when another contract needs more of it: a row is moved by an image that does not tell all. */
static void test_row_that_moves_between_two_reads(void **state) {
    struct fixture *f = *state;
    static const struct value unknown = {.kind = VALUE_UNKNOWN};
    const struct source *source;
    const struct value *key;
    struct arena arena = {0};
    change_contract(f, LIBRARY(AUTHOR("A{code}", "")), false);
    change_contract(f, LIBRARY(AUTHOR("A{code}", "") ", " BOOK("")), false);
    assert_int_equal(engine_load_next(f->engine, &source, &error), 0);
    const struct value book[] = {number(1), text("One")};
    assert_int_equal(engine_snapshot_row(f->engine, source, book, &error), 0);
    assert_int_equal(engine_snapshot_chunk(f->engine, source, book, 1, false, &error), 0);
    change_contract(
        f, LIBRARY(AUTHOR("A{code}", "") ", " BOOK(", {'name': 'y', 'type': 'N', 'source_column': 'year'}")), false);
    const struct value from[] = {number(1), unknown, unknown, unknown, unknown},
                       to[] = {number(5), unknown, unknown, unknown, unknown};
    change(f, 1, from, to);
    commit(f);
    assert_int_equal(engine_load_next(f->engine, &source, &error), 0);
    assert_int_equal(engine_snapshot_chunk(f->engine, source, NULL, 0, true, &error), 0);
    const struct position high = {.file = "binlog.000001", .offset = f->at.offset};
    assert_int_equal(engine_load_high(f->engine, &high, &error), 0);
    work(f);
    assert_int_equal(engine_reread_next(f->engine, &arena, &source, &key, &error), 0);
    const struct value read[] = {number(5), text("One"), number(1901)};
    assert_int_equal(engine_reread_row(f->engine, source, key, read, &error), 0);
    assert_int_equal(engine_reread_done(f->engine, &high, &error), 0);
    work(f);
    assert_string_equal(item(f, "B5"), "{\"t\":\"One\",\"y\":1901,\"PK\":\"B5\",\"entity_type\":\"B\"}");
    assert_string_equal(item(f, "B1"), "(never written)");
    arena_deinit(&arena);
}

static void test_columns_by_name(void **state) {
    struct fixture *f = *state;
    static const struct column moved[] = {INT_COLUMN("gone", false), TEXT_COLUMN("extra", true),
                                          TEXT_COLUMN("LABEL", true), TEXT_COLUMN("code", false)};
    static const struct column short_of[] = {INT_COLUMN("gone", false), TEXT_COLUMN("code", false)};
    static const struct column typed[] = {TEXT_COLUMN("gone", false), TEXT_COLUMN("code", false),
                                          TEXT_COLUMN("label", true)};
    const struct table a = {.database = "library", .name = "authors", .columns = moved, .column_count = 4},
                       b = {.database = "library", .name = "authors", .columns = short_of, .column_count = 2},
                       c = {.database = "library", .name = "authors", .columns = typed, .column_count = 3},
                       d = {.database = "elsewhere", .name = "authors", .columns = moved, .column_count = 4};
    bool wanted[4];
    int r;
    void *handle = engine_map_table(f->engine, &a, wanted, &r, &error);
    assert_non_null(handle);
    assert_true(wanted[0] && !wanted[1] && wanted[2] && wanted[3]);
    const struct value row[] = {number(0), text("no"), text("L"), text("c")};
    struct row_change change = {
        .kind = ROW_INSERT, .table = &a, .after = row, .handle = handle, .cascades_logged = true};
    assert_int_equal(engine_apply(f->engine, &change, &error), 0);
    commit(f);
    assert_string_equal(item(f, "c"), "{\"code\":\"c\",\"label\":\"L\"}");
    assert_null(engine_map_table(f->engine, &b, wanted, &r, &error));
    assert_int_equal(r, ERR_SOURCE);
    assert_non_null(strstr(error.text, "no column label"));
    assert_null(engine_map_table(f->engine, &c, wanted, &r, &error));
    assert_int_equal(r, ERR_SOURCE);
    assert_null(engine_map_table(f->engine, &d, wanted, &r, &error));
    assert_int_equal(r, 0);
}

/* An image of binlog_row_image=MINIMAL lacks what the statement did not name. */
static void test_defaults(void **state) {
    struct fixture *f = *state;
    const struct value unknown = {.kind = VALUE_UNKNOWN};
    const struct value book[] = {number(1), text("a"), text("t"), number(5), unknown},
                       strange[] = {number(2), text("a"), unknown, number(5), unknown};
    put_author(f, "a", "L", 0);
    change(f, 1, NULL, book); /* hidden = 0 */
    commit(f);
    assert_non_null(strstr(item(f, "a"), "\"newest\":[{\"t\":\"t\",\"y\":5}]"));
    struct row_change c = {.kind = ROW_INSERT, .table = &tables[1], .after = strange, .cascades_logged = true};
    int r;
    c.handle = engine_map_table(f->engine, c.table, NULL, &r, &error);
    assert_int_equal(engine_apply(f->engine, &c, &error), ERR_SOURCE);
    assert_non_null(strstr(error.text, "column title"));
    assert_non_null(strstr(error.text, "SET PERSIST binlog_row_image"));
}

static struct value json(enum value_kind kind, const char *s) {
    return (struct value){.kind = (uint8_t)kind, .len = (uint32_t)strlen(s), .data = s};
}

/* An update of note 1 as a MINIMAL image with PARTIAL_JSON has it: the key, and what changes in the document. */
static int change_note(struct fixture *f, const char *diffs) {
    const struct value unknown = {.kind = VALUE_UNKNOWN}, before[] = {number(1), unknown},
                       after[] = {unknown, json(VALUE_JSON_DIFF, diffs)};
    struct row_change c = {
        .kind = ROW_UPDATE, .table = &tables[2], .before = before, .after = after, .cascades_logged = true};
    int r;
    c.handle = engine_map_table(f->engine, c.table, NULL, &r, &error);
    return engine_apply(f->engine, &c, &error);
}

#define SET_A "[{\"op\": \"replace\", \"path\": \"$.a\", \"value\": [7, null]}]"

/* [S14] Differences lead from the store's document to the next, as often as they come; a store that lacks the document, or what the
 * differences are about, parks. */
static void test_documents_in_part(void **state) {
    struct fixture *f = *state;
    const struct value without[] = {number(1), {.kind = VALUE_NULL}},
                       with[] = {number(1), json(VALUE_JSON, "{\"a\": 1, \"b\": \"x\"}")};
    change(f, 2, NULL, with);
    assert_int_equal(change_note(f, SET_A), 0); /* twice in one batch */
    assert_int_equal(change_note(f, "[{\"op\": \"insert\", \"path\": \"$.a[1]\", \"value\": 8}, "
                                    "{\"op\": \"remove\", \"path\": \"$.b\"}]"),
                     0);
    commit(f);
    assert_int_equal(f->item_count, 1);
    assert_string_equal(f->items[0].json, "{\"id\":1,\"doc\":{\"a\":[7,8,null]}}");
    assert_int_equal(change_note(f, "[{\"op\": \"remove\", \"path\": \"$.c\"}]"), ERR_SOURCE);
    const char *lacks =
        "table notes, column doc: the binlog changes a part of a document (binlog_row_value_options) that "
        "the store does not have: start with an empty state_dir and empty tables";
    assert_string_equal(error.text, lacks);
    reopen(f, 4);
    change(f, 2, with, without);
    assert_int_equal(change_note(f, SET_A), ERR_SOURCE);
    assert_string_equal(error.text, lacks);
    reopen(f, 4);
    change(f, 2, with, NULL);
    assert_int_equal(change_note(f, SET_A), ERR_SOURCE);
    assert_string_equal(error.text, lacks);
}

/* [S14] While a snapshot runs, its row may hold the change already: differences are refused, whole documents are not. */
static void test_documents_in_part_during_a_snapshot(void **state) {
    struct fixture *f = *state;
    const struct value row[] = {number(1), json(VALUE_JSON, "{\"a\": 1}")},
                       next[] = {number(1), json(VALUE_JSON, "{\"a\": 2}")};
    const struct source *notes = NULL;
    for (size_t i = 0; i < f->contract->source_count; i++)
        if (strcmp(f->contract->sources[i]->name, "notes") == 0)
            notes = f->contract->sources[i];
    assert_non_null(notes);
    struct position high = {.file = "binlog.000001", .offset = f->at.offset + 1000};
    assert_int_equal(engine_reset(f->engine, &error), 0);
    assert_int_equal(engine_snapshot_begin(f->engine, &f->at, false, &error), 0);
    assert_int_equal(engine_snapshot_row(f->engine, notes, row, &error), 0);
    assert_int_equal(engine_snapshot_chunk(f->engine, notes, row, 1, true, &error), 0);
    assert_int_equal(engine_snapshot_high(f->engine, &high, &error), 0);
    assert_int_equal(engine_life(f->engine), ENGINE_REDO);
    change(f, 2, row, next);
    assert_int_equal(change_note(f, SET_A), ERR_SOURCE);
    assert_string_equal(
        error.text, "table notes, column doc: a document changed while the snapshot ran, and the binlog has only what "
                    "differs from an image that it lacks: run SET PERSIST binlog_row_value_options = '' (or "
                    "binlog_row_image = 'FULL') on the source, have sessions keep it until the snapshot is over, then "
                    "start with an empty state_dir and empty tables");
}

/* A replay writes what DynamoDB should have already: the old rows that it touches are no lag since their commit. */
static void test_a_replay_is_as_old_as_its_start(void **state) {
    struct fixture *f = *state;
    const struct value row[] = {text("r"), text("R"), number(0)};
    struct engine_gauges gauges;
    change(f, 0, NULL, row);
    commit(f); /* committed at microsecond 1 of 1970 */
    size_t sent = f->sent;
    struct row_change c = {.kind = ROW_INSERT, .table = &tables[0], .after = row, .cascades_logged = true};
    int r;
    int64_t wait_ms, before = sys_wall_us();
    c.handle = engine_map_table(f->engine, c.table, NULL, &r, &error);
    assert_int_equal(engine_touch(f->engine, &c, &error), 0);
    assert_int_equal(engine_batch_end(f->engine, &error), 0);
    assert_int_equal(engine_work(f->engine, &wait_ms, &error), 0);
    assert_int_equal(f->sent, sent + 1);
    engine_gauges(f->engine, &gauges);
    assert_true(gauges.oldest_unacknowledged_us >= before);
    work(f);
    engine_gauges(f->engine, &gauges);
    assert_int_equal(gauges.oldest_unacknowledged_us, 0);
}

/* What a replay marked, of a table that only gives to other roots under another contract. */
static void test_a_replay_of_a_former_contract(void **state) {
    struct fixture *f = *state;
    const struct value row[] = {text("r"), text("R"), number(0)};
    const char *joined = BOOK(", {'name': 'l', 'type': 'S', 'join': {'type': 'foreign-key', 'target_table': 'authors', "
                              "'join_condition': 'authors.code = books.author', 'select_column': 'authors.label'}}");
    char both[2000], books[2000];
    snprintf(both, sizeof(both), LIBRARY("%s, " AUTHOR("A{code}", "")), joined);
    snprintf(books, sizeof(books), LIBRARY("%s"), joined);
    change_contract(f, both, false);
    change(f, 0, NULL, row);
    commit(f);
    struct row_change c = {.kind = ROW_INSERT, .table = &tables[0], .after = row, .cascades_logged = true};
    int r;
    int64_t wait_ms;
    c.handle = engine_map_table(f->engine, c.table, NULL, &r, &error);
    assert_int_equal(engine_touch(f->engine, &c, &error), 0);
    change_contract(f, books, false);
    assert_int_equal(engine_work(f->engine, &wait_ms, &error), 0);
    assert_int_not_equal(wait_ms, 0); /* nothing is left to do */
}

/* Everything is read again while a key waits in the outbox whose root is gone meanwhile: its delete goes out from there, before the sweep
 * comes to what is left over. When the root comes back as it was, it is written again. */
static void test_back_after_reset(void **state) {
    struct fixture *f = *state;
    const struct value row[] = {text("t"), text("T"), number(0)};
    change(f, 0, NULL, row);
    commit_only(f);
    assert_int_equal(engine_batch_end(f->engine, &error), 0);
    assert_int_equal(f->waiting, 1); /* sent, not answered */
    assert_int_equal(engine_reset(f->engine, &error), 0);
    struct outcome outcome = {.ticket = f->tickets[--f->waiting], .kind = OUTCOME_AGAIN};
    assert_int_equal(engine_answer(f->engine, &outcome, &error), 0);
    assert_int_equal(engine_snapshot_begin(f->engine, &f->at, false, &error), 0);
    assert_int_equal(engine_snapshot_high(f->engine, &f->at, &error), 0);
    work(f);
    assert_string_equal(item(f, "t"), "");
    change(f, 0, NULL, row);
    commit(f);
    assert_string_equal(item(f, "t"), "{\"code\":\"t\",\"label\":\"T\"}");
}

#define WITH_ENGINE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        WITH_ENGINE(test_lists),
        WITH_ENGINE(test_filter),
        WITH_ENGINE(test_long_keys),
        WITH_ENGINE(test_no_time_travel),
        WITH_ENGINE(test_poison),
        WITH_ENGINE(test_back_after_reset),
        WITH_ENGINE(test_changed_contract),
        WITH_ENGINE(test_conflicts_of_a_former_contract),
        WITH_ENGINE(test_entity_comes_back),
        WITH_ENGINE(test_key_that_comes_back),
        WITH_ENGINE(test_prune_and_reset),
        WITH_ENGINE(test_long_chain_of_moves),
        WITH_ENGINE(test_column_that_is_missing),
        WITH_ENGINE(test_row_that_moves_between_two_reads),
        WITH_ENGINE(test_columns_by_name),
        WITH_ENGINE(test_defaults),
        WITH_ENGINE(test_documents_in_part),
        WITH_ENGINE(test_documents_in_part_during_a_snapshot),
        WITH_ENGINE(test_a_replay_is_as_old_as_its_start),
        WITH_ENGINE(test_a_replay_of_a_former_contract),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
