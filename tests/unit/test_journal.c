/* The journal: what was written comes back; a torn tail ends it and is cut off; it starts anew. And the ring behind the
 * acknowledged position. */
#include "tests/unit/test.h"

#include "transform/flight.h"
#include "transform/journal.h"
#include "transform/ring.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static char dir[64], path[128];
static struct error error;

struct seen {
    char keys[256];
    uint64_t number, offset;
    unsigned records;
};

static int see_key(void *context, struct slice key, struct error *e) {
    struct seen *seen = context;
    (void)e;
    if (key.len > 8)
        return 0;
    strncat(seen->keys, key.data, key.len);
    strncat(seen->keys, " ", 2);
    return 0;
}
static int see_record(void *context, uint64_t number, const struct position *position, struct error *e) {
    struct seen *seen = context;
    (void)e;
    seen->number = number;
    seen->offset = position->offset;
    seen->records++;
    return 0;
}

static struct journal *open_journal(struct seen *seen) {
    struct journal *j = NULL;
    *seen = (struct seen){.records = 0};
    const struct journal_reader reader = {seen, see_key, see_record};
    assert_int_equal(journal_open(&j, dir, true, &reader, &error), 0);
    return j;
}

static void write_batch(struct journal *j, uint64_t number, const char *a, const char *b) {
    struct position p = {.file = "binlog.000001", .offset = number * 100};
    journal_begin(j, number, &p);
    assert_int_equal(journal_add(j, slice_of(a), &error), 0);
    if (b)
        assert_int_equal(journal_add(j, slice_of(b), &error), 0);
    assert_int_equal(journal_end(j, &error), 0);
}

static int setup(void **state) {
    (void)state;
    snprintf(dir, sizeof(dir), "/tmp/leat-test-journal-XXXXXX");
    if (!mkdtemp(dir))
        return -1;
    snprintf(path, sizeof(path), "%s/journal", dir);
    return 0;
}
static int teardown(void **state) {
    (void)state;
    unlink(path);
    return rmdir(dir);
}

static void test_comes_back(void **state) {
    (void)state;
    struct seen seen;
    struct journal *j = open_journal(&seen);
    assert_int_equal(seen.records, 0);
    write_batch(j, 1, "a", "b");
    write_batch(j, 2, "c", NULL);
    journal_begin(j, 3, &(struct position){.offset = 0});
    assert_int_equal(journal_end(j, &error), 0); /* no keys: no record */
    journal_free(j);
    j = open_journal(&seen);
    assert_string_equal(seen.keys, "a b c ");
    assert_int_equal(seen.records, 2);
    assert_int_equal(seen.offset, 200);
    assert_int_equal(journal_restart(j, &error), 0);
    write_batch(j, 4, "d", NULL);
    journal_free(j);
    j = open_journal(&seen);
    assert_string_equal(seen.keys, "d ");
    journal_free(j);
}

/* Invariant 4's premise: whatever length a crash leaves, exactly the whole records before it count, and what is written
 * then is read again. */
static void test_torn_at_every_byte(void **state) {
    (void)state;
    struct seen seen;
    struct journal *j = open_journal(&seen);
    write_batch(j, 1, "a", NULL);
    uint64_t first = journal_bytes(j);
    write_batch(j, 2, "b", "c");
    uint64_t all = journal_bytes(j);
    journal_free(j);
    for (uint64_t cut = all; cut-- > 0;) {
        assert_int_equal(truncate(path, (off_t)cut), 0);
        j = open_journal(&seen);
        assert_int_equal(seen.records, cut >= first ? 1 : 0);
        assert_int_equal(journal_bytes(j), cut >= first ? first : 0);
        write_batch(j, 9, "z", NULL);
        journal_free(j);
        j = open_journal(&seen);
        assert_string_equal(seen.keys, cut >= first ? "a z " : "z ");
        assert_int_equal(journal_restart(j, &error), 0); /* as it was */
        write_batch(j, 1, "a", NULL);
        write_batch(j, 2, "b", "c");
        journal_free(j);
    }
}

static void test_flipped_bit(void **state) {
    (void)state;
    struct seen seen;
    struct journal *j = open_journal(&seen);
    write_batch(j, 1, "a", NULL);
    uint64_t first = journal_bytes(j);
    write_batch(j, 2, "b", NULL);
    journal_free(j);
    FILE *f = fopen(path, "r+b");
    assert_non_null(f);
    assert_int_equal(fseek(f, (long)first + 25, SEEK_SET), 0);
    int c = fgetc(f);
    assert_int_equal(fseek(f, (long)first + 25, SEEK_SET), 0);
    fputc(c ^ 1, f);
    fclose(f);
    j = open_journal(&seen);
    assert_string_equal(seen.keys, "a ");
    journal_free(j);
}

static void test_many_keys(void **state) {
    (void)state;
    struct seen seen;
    struct journal *j = open_journal(&seen);
    struct position p = {.file = "binlog.000001", .offset = 5};
    char key[1000];
    memset(key, 'k', sizeof(key));
    journal_begin(j, 1, &p);
    for (int i = 0; i < 5000; i++)
        assert_int_equal(journal_add(j, (struct slice){key, sizeof(key)}, &error), 0);
    assert_int_equal(journal_end(j, &error), 0);
    journal_free(j);
    j = open_journal(&seen);
    assert_true(seen.records >= 4 && seen.records <= 6);
    journal_free(j);
}

static uint64_t acknowledged(const struct ring *ring) {
    const struct ring_entry *oldest = ring_oldest(ring);
    return oldest ? oldest->before.offset : UINT64_MAX;
}

static void push(struct ring *ring, uint64_t number) {
    struct position p = {.file = "binlog.000001", .offset = number * 10};
    ring_push(ring, number, &p, 0);
}

static void test_ring(void **state) {
    (void)state;
    struct ring ring = {0};
    for (uint64_t n = 1; n <= 3; n++) {
        push(&ring, n * 5);
        ring_add(&ring, n * 5);
    }
    push(&ring, 15);
    ring_add(&ring, 17); /* counts with the newest entry that is not above */
    assert_int_equal(acknowledged(&ring), 50);
    ring_remove(&ring, 10);
    assert_int_equal(acknowledged(&ring), 50);
    ring_remove(&ring, 5);
    assert_int_equal(acknowledged(&ring), 150);
    ring_remove(&ring, 15);
    assert_int_equal(acknowledged(&ring), 150);
    ring_remove(&ring, 17);
    assert_null(ring_oldest(&ring));
    /* however many wait, memory is bounded, and the position never runs ahead */
    for (uint64_t n = 20; n < 20020; n++) {
        push(&ring, n);
        ring_add(&ring, n);
    }
    assert_true(ring.count <= 1024);
    for (uint64_t n = 20; n < 20020; n++) {
        assert_true(acknowledged(&ring) <= n * 10);
        ring_remove(&ring, n);
    }
    assert_null(ring_oldest(&ring));
    ring_deinit(&ring);
}

static void test_flight(void **state) {
    (void)state;
    struct flight f = {0};
    uint64_t tickets[1000];
    char key[16];
    for (int i = 0; i < 1000; i++) {
        snprintf(key, sizeof(key), "key%d", i);
        tickets[i] = flight_add(&f, slice_of(key))->ticket;
    }
    for (int i = 0; i < 1000; i += 2) {
        struct flight_slot *slot = flight_find(&f, tickets[i]);
        assert_non_null(slot);
        flight_remove(&f, slot);
        assert_null(flight_find(&f, tickets[i])); /* an old ticket never finds the slot's next key */
    }
    for (int i = 0; i < 1000; i++) {
        snprintf(key, sizeof(key), "key%d", i);
        assert_int_equal(flight_has(&f, slice_of(key)), i % 2);
    }
    assert_int_equal(f.count, 500);
    flight_deinit(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_comes_back, setup, teardown),
        cmocka_unit_test_setup_teardown(test_torn_at_every_byte, setup, teardown),
        cmocka_unit_test_setup_teardown(test_flipped_bit, setup, teardown),
        cmocka_unit_test_setup_teardown(test_many_keys, setup, teardown),
        cmocka_unit_test(test_ring),
        cmocka_unit_test(test_flight),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
