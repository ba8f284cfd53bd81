/* The store: durable state is exactly a checkpoint (invariant 1); long keys; a full map; who may open it. */
#include "tests/unit/test.h"

#include "transform/keys.h"
#include "transform/store.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static char dir[64];
static struct error error;

static int setup(void **state) {
    (void)state;
    snprintf(dir, sizeof(dir), "/tmp/leat-test-store-XXXXXX");
    return mkdtemp(dir) ? 0 : -1;
}

static int teardown(void **state) {
    (void)state;
    static const char *const names[] = {"store.mdb", "lock"};
    char path[128];
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
        unlink(path);
    }
    return rmdir(dir);
}

static struct store *open_store(size_t map_bytes) {
    struct store *s = NULL;
    assert_int_equal(store_open(&s, dir, map_bytes, &error), 0);
    return s;
}

static void test_checkpoint(void **state) {
    (void)state;
    struct store *s = open_store(1 << 20);
    struct slice value;
    assert_int_equal(store_put(s, DB_ROWS, SLICE("a"), SLICE("1"), &error), 0);
    assert_int_equal(store_commit(s, &error), 0);
    assert_int_equal(store_put(s, DB_ROWS, SLICE("a"), SLICE("2"), &error), 0);
    assert_int_equal(store_put(s, DB_ROWS, SLICE("b"), SLICE("2"), &error), 0);
    assert_int_equal(store_get(s, DB_ROWS, SLICE("a"), &value, &error), 0); /* seen before it is durable */
    assert_memory_equal(value.data, "2", 1);
    store_free(s); /* as a crash would */
    s = open_store(1 << 20);
    assert_int_equal(store_get(s, DB_ROWS, SLICE("a"), &value, &error), 0);
    assert_memory_equal(value.data, "1", 1);
    assert_int_equal(store_get(s, DB_ROWS, SLICE("b"), &value, &error), 1);
    assert_int_equal(store_delete(s, DB_ROWS, SLICE("b"), &error), 1);
    store_free(s);
}

static void test_modes_and_lock(void **state) {
    (void)state;
    char path[128];
    struct stat st;
    struct store *s = open_store(1 << 20), *other = NULL;
    snprintf(path, sizeof(path), "%s/store.mdb", dir);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(stat(dir, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0700);
    assert_int_equal(store_open(&other, dir, 1 << 20, &error), ERR_STORE);
    assert_non_null(strstr(error.text, "in use by another process"));
    store_free(s);
}

static void test_scan(void **state) {
    (void)state;
    struct store *s = open_store(1 << 20);
    static const char *const keys[] = {"a", "b1", "b2", "b3", "c"};
    for (size_t i = 0; i < ARRAY_LEN(keys); i++)
        assert_int_equal(store_append(s, DB_INDEX, slice_of(keys[i]), SLICE(""), &error), 0);
    assert_int_equal(store_append(s, DB_INDEX, SLICE("b15"), SLICE(""), &error), 0); /* out of order is right too */
    char seen[64] = "";
    struct store_scan scan;
    struct slice key, value;
    assert_int_equal(store_scan(&scan, s, DB_INDEX, SLICE("b"), SLICE("b15"), &error), 0);
    while (store_scan_next(&scan, &key, &value, &error) == 0) {
        strncat(seen, key.data, key.len);
        strncat(seen, " ", 2);
        assert_int_equal(store_put(s, DB_DIRTY, key, SLICE("x"), &error), 0); /* others may be written */
    }
    store_scan_end(&scan);
    assert_string_equal(seen, "b15 b2 b3 ");
    store_free(s);
}

/* docs/faults.md, O3: nothing is half written, and with more room it goes on at the checkpoint. */
static void test_full(void **state) {
    (void)state;
    struct store *s = open_store(256 << 10);
    char bytes[2000];
    memset(bytes, 'x', sizeof(bytes));
    struct slice value = {bytes, sizeof(bytes)};
    assert_int_equal(store_put(s, DB_ROWS, SLICE("kept"), SLICE("1"), &error), 0);
    assert_int_equal(store_commit(s, &error), 0);
    int r = 0;
    for (int i = 0; !r && i < 1000; i++) {
        char key[16];
        snprintf(key, sizeof(key), "%04d", i);
        r = store_put(s, DB_ROWS, slice_of(key), value, &error);
    }
    if (!r) /* in memory there was room */
        r = store_commit(s, &error);
    assert_int_equal(r, ERR_STORE);
    store_free(s);
    s = open_store(1 << 20);
    assert_int_equal(store_entries(s, DB_ROWS), 1);
    for (int i = 0; i < 100; i++) {
        char key[16];
        snprintf(key, sizeof(key), "%04d", i);
        assert_int_equal(store_put(s, DB_ROWS, slice_of(key), value, &error), 0);
    }
    assert_int_equal(store_commit(s, &error), 0);
    assert_int_equal(store_entries(s, DB_ROWS), 101);
    store_free(s);
}

static void test_long_keys(void **state) {
    (void)state;
    char a[3000], b[3000];
    memset(a, 'k', sizeof(a));
    memset(b, 'k', sizeof(b));
    b[2999] = 'l';
    struct slice x = {a, sizeof(a)}, y = {b, sizeof(b)};
    struct buf kx defer(buf_deinit) = BUF_INIT(KEY_BYTES_MAX), ky defer(buf_deinit) = BUF_INIT(KEY_BYTES_MAX),
                  value defer(buf_deinit) = BUF_INIT(8192);
    assert_true(key_put_part(&kx, x, KEY_PART_MAX));
    assert_true(key_put_part(&ky, y, KEY_PART_MAX));
    assert_int_equal(kx.len, KEY_PART_MAX);
    assert_false(slice_equal(buf_slice(&kx), buf_slice(&ky)));
    key_put_full(&value, x, true);
    buf_put_u8(&value, 7);
    struct cursor c = cursor_of(value.data, value.len);
    assert_int_equal(key_check(&c, x, &error), 0);
    assert_int_equal(cursor_u8(&c), 7);
    c = cursor_of(value.data, value.len);
    assert_int_equal(key_check(&c, y, &error), ERR_STORE); /* as if two had one digest */
    c = cursor_of(value.data, value.len);
    assert_true(slice_equal(key_full(buf_slice(&kx), 0, &c), x));
    /* a short part is never what a long one becomes: it is shorter than every shortened one */
    buf_clear(&kx);
    assert_false(key_put_part(&kx, (struct slice){a, KEY_PART_MAX - 1}, KEY_PART_MAX));
    assert_int_equal(kx.len, KEY_PART_MAX - 1);
}

/* Cursors are kept between calls: through splits, merges, emptied databases and checkpoints they must find what a plain
 * table of presence says. */
static void test_many(void **state) {
    (void)state;
    enum { KEYS = 4000, CALLS = 100000 };
    static unsigned char there[KEYS]; /* 0: absent; else the value's byte */
    struct store *s = open_store(64 << 20);
    uint32_t random = 1;
    for (int call = 0; call < CALLS; call++) {
        random = random * 1664525 + 1013904223;
        unsigned kind = random >> 9 & 7;
        static unsigned n; /* mostly near the one before */
        n = (call % 3 ? n + (random >> 12 & 3) : random >> 20) % KEYS;
        bool shrinks = call / 20000 % 2;
        char key[64], byte = (char)(1 + call % 100);
        snprintf(key, sizeof(key), "%08u%*s", n, (int)(n % 40), "");
        struct slice k = slice_of(key), v, found;
        if (kind < 3 && !shrinks) {
            assert_int_equal(store_put(s, DB_ROWS, k, (struct slice){&byte, 1}, &error), 0);
            there[n] = (unsigned char)byte;
        } else if (kind == 3) {
            assert_int_equal(store_insert(s, DB_ROWS, k, (struct slice){&byte, 1}, &error), there[n] != 0);
            there[n] = there[n] ? there[n] : (unsigned char)byte;
        } else if (kind == 4 || (kind < 3 && shrinks)) {
            assert_int_equal(store_delete(s, DB_ROWS, k, &error), there[n] == 0);
            there[n] = 0;
        } else if (kind == 5 && call % 100 == 0) {
            assert_int_equal(call % 1000 ? store_commit(s, &error) : store_clear(s, DB_ROWS, &error), 0);
            if (call % 1000 == 0)
                memset(there, 0, sizeof(there));
        } else if (kind == 6) {
            struct store_scan scan;
            assert_int_equal(store_scan(&scan, s, DB_ROWS, (struct slice){NULL, 0}, k, &error), 0);
            unsigned next = n;
            while (next < KEYS && !there[next])
                next++;
            assert_int_equal(store_scan_next(&scan, &found, &v, &error), next == KEYS);
            snprintf(key, sizeof(key), "%08u", next);
            if (next < KEYS)
                assert_memory_equal(found.data, key, 8);
            store_scan_end(&scan);
        } else {
            assert_int_equal(store_get(s, DB_ROWS, k, &v, &error), there[n] == 0);
            if (there[n])
                assert_int_equal(v.data[0], there[n]);
        }
    }
    store_free(s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_checkpoint, setup, teardown),
        cmocka_unit_test_setup_teardown(test_modes_and_lock, setup, teardown),
        cmocka_unit_test_setup_teardown(test_scan, setup, teardown),
        cmocka_unit_test_setup_teardown(test_full, setup, teardown),
        cmocka_unit_test_setup_teardown(test_many, setup, teardown),
        cmocka_unit_test(test_long_keys),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
