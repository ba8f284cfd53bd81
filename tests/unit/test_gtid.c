/* S6: GTID sets against a naive model, a bit for each GTID: every operation, and both written forms. */
#include "tests/unit/test.h"

#include "contract/gtid.h"

#include <stdlib.h>

enum { UUIDS = 3, TAGS = 3, NUMBERS = 40, SETS = 4, STEPS = 20000 };

static const char *const tags[TAGS] = {"", "blue", "tag_2"};

struct model {
    bool has[UUIDS][TAGS][NUMBERS + 2]; /* numbers from 1 */
};

static uint64_t state = 88172645463325252ULL;

static unsigned draw(unsigned below) { /* xorshift: the same at each run */
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (unsigned)(state >> 33) % below;
}

static struct gtid gtid_of(size_t u, size_t t, int64_t n) {
    struct gtid g = {.number = n};
    memset(g.uuid, (int)(0x11 * (u + 1)), sizeof(g.uuid));
    memcpy(g.tag, tags[t], strlen(tags[t]) + 1);
    return g;
}

/* As MySQL writes it. */
static void model_format(const struct model *m, struct buf *text) {
    for (size_t u = 0; u < UUIDS; u++) {
        bool uuid = false;
        for (size_t t = 0; t < TAGS; t++) {
            bool head = false;
            for (int64_t n = 1, last; n <= NUMBERS; n = last + 1) {
                last = n;
                if (!m->has[u][t][n])
                    continue;
                if (!uuid) {
                    char name[37];
                    uuid_format(gtid_of(u, t, n).uuid, name);
                    buf_printf(text, "%s%s", text->len ? "," : "", name);
                }
                if (!head && *tags[t])
                    buf_printf(text, ":%s", tags[t]);
                uuid = head = true;
                while (m->has[u][t][last + 1])
                    last++;
                buf_printf(text, last > n ? ":%lld-%lld" : ":%lld", (long long)n, (long long)last);
            }
        }
    }
}

static uint64_t model_count(const struct model *m) {
    const bool *all = &m->has[0][0][0];
    uint64_t n = 0;
    for (size_t i = 0; i < sizeof(m->has) / sizeof(bool); i++)
        n += all[i];
    return n;
}

static void must_agree(const struct gtid_set *set, const struct model *m) {
    struct buf got = BUF_INIT(100000), want = BUF_INIT(100000), bytes = BUF_INIT(100000);
    struct gtid_set again = {0};
    gtid_set_format(set, &got);
    model_format(m, &want);
    assert_string_equal(buf_text(&got), buf_text(&want));
    assert_int_equal(gtid_set_count(set), model_count(m));
    assert_int_equal(gtid_set_empty(set), model_count(m) == 0);
    assert_int_equal(gtid_set_parse(&again, buf_slice(&got), NULL), 0);
    assert_true(gtid_set_contains(&again, set) && gtid_set_contains(set, &again));
    gtid_set_encode(set, &bytes);
    assert_int_equal(gtid_set_decode(&again, buf_slice(&bytes), NULL), 0);
    buf_clear(&got);
    gtid_set_format(&again, &got);
    assert_string_equal(buf_text(&got), buf_text(&want));
    gtid_set_deinit(&again);
    buf_deinit(&got), buf_deinit(&want), buf_deinit(&bytes);
}

static void combine(struct model *to, const struct model *with, bool add) {
    bool *a = &to->has[0][0][0];
    const bool *b = &with->has[0][0][0];
    for (size_t i = 0; i < sizeof(to->has) / sizeof(bool); i++)
        a[i] = add ? a[i] || b[i] : a[i] && !b[i];
}

static bool model_contains(const struct model *m, const struct model *subset) {
    struct model rest = *subset;
    combine(&rest, m, false);
    return model_count(&rest) == 0;
}

/* A stretch of numbers, one by one. */
static void add_some(struct gtid_set *set, struct model *m) {
    unsigned u = draw(UUIDS), t = draw(TAGS), first = 1 + draw(NUMBERS), count = 1 + draw(6);
    for (unsigned n = first; n < first + count && n <= NUMBERS; n++) {
        struct gtid g = gtid_of(u, t, n);
        assert_int_equal(gtid_set_has(set, &g), m->has[u][t][n]);
        gtid_set_add(set, &g);
        assert_true(gtid_set_has(set, &g));
        m->has[u][t][n] = true;
    }
}

static void test_model(void **unused) {
    struct gtid_set sets[SETS] = {0};
    static struct model models[SETS];
    for (int step = 0; step < STEPS; step++) {
        unsigned a = draw(SETS), b = draw(SETS);
        struct model other = models[b];
        switch (draw(8)) {
        case 0:
            gtid_set_add_set(&sets[a], &sets[b]);
            combine(&models[a], &other, true);
            break;
        case 1:
        case 2:
            gtid_set_subtract(&sets[a], &sets[b]);
            combine(&models[a], &other, false);
            break;
        case 3:
            gtid_set_copy(&sets[a], &sets[b]);
            models[a] = other;
            break;
        default:
            add_some(&sets[a], &models[a]);
            break;
        }
        assert_int_equal(gtid_set_contains(&sets[a], &sets[b]), model_contains(&models[a], &models[b]));
        if (step % 4 == 0)
            must_agree(&sets[a], &models[a]);
    }
    for (size_t i = 0; i < SETS; i++)
        gtid_set_deinit(&sets[i]);
}

/* What no server writes is refused: a format of the future, counts beyond the end, empty or backward intervals, a tag that is none. */
static void test_malformed(void **unused) {
    static const struct {
        const char *bytes;
        size_t len;
    } cases[] = {
#define CASE(text) {text, sizeof(text) - 1}
        CASE(""),
        CASE("\1\0\0\0\0\0\0"),
        CASE("\0\0\0\0\0\0\0\2"),
        CASE("\1\0\0\0\0\0\0\0"
             "1234567890123456"
             "\1\0\0\0\0\0\0\0"),
        CASE("\1\0\0\0\0\0\0\0"
             "1234567890123456"
             "\1\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\5\0\0\0\0\0\0\0"),
        CASE("\1\0\0\0\0\0\0\0"
             "1234567890123456"
             "\1\0\0\0\0\0\0\0\5\0\0\0\0\0\0\0\5\0\0\0\0\0\0\0"),
        CASE("\1\0\0\0\0\0\0\0"
             "1234567890123456"
             "\1\0\0\0\0\0\0\0\5\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x80"),
        CASE("\1\0\0\0\0\0\0\0"
             "1234567890123456"
             "\1\0\0\0\0\0\0\0\5\0\0\0\0\0\0\0\6\0\0\0\0\0\0\0more"),
        CASE("\1\1\0\0\0\0\0\1"
             "1234567890123456"
             "\2-\1\0\0\0\0\0\0\0\5\0\0\0\0\0\0\0\6\0\0\0\0\0\0\0"),
        CASE("\1\1\0\0\0\0\0\1"
             "1234567890123456"
             "\3a\1\0\0\0\0\0\0\0\5\0\0\0\0\0\0\0\6\0\0\0\0\0\0\0"),
#undef CASE
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct gtid_set set = {0};
        struct error error;
        if (gtid_set_decode(&set, (struct slice){cases[i].bytes, cases[i].len}, &error) != ERR_SOURCE)
            fail_msg("case %zu", i);
        assert_true(gtid_set_empty(&set));
    }
}

int main(void) {
    const struct CMUnitTest list[] = {cmocka_unit_test(test_model), cmocka_unit_test(test_malformed)};
    return cmocka_run_group_tests(list, NULL, NULL);
}
