/* Numbers in DynamoDB's normal form, sizes, hashes that do not see order or spelling, keys as bytes. */
#include "contract/item.h"
#include "contract/number.h"
#include "tests/unit/test.h"

#define NINES_38 "99999999999999999999999999999999999999"

static void test_normalise(void **state) {
    static const struct {
        const char *text, *want; /* NULL: no number that N holds */
    } rows[] = {
        {"0", "0"},
        {"-0", "0"},
        {"0.000", "0"},
        {"0e500", "0"},
        {"00012", "12"},
        {"1.50", "1.5"},
        {"-1.50", "-1.5"},
        {"+7", "7"},
        {"100", "100"},
        {"1e2", "100"},
        {"1E+2", "100"},
        {"12.5e-1", "1.25"},
        {".5", "0.5"},
        {"5.", "5"},
        {"0.00120", "0.0012"},
        {"120.0", "120"},
        {"1e39", "1000000000000000000000000000000000000000"},
        {"1e40", "1E+40"},
        {"-1e39", "-1E+39"},
        {"1e-38", "0.00000000000000000000000000000000000001"},
        {"1e-39", "1E-39"},
        {"1.5e-60", "1.5E-60"},
        {NINES_38, NINES_38},
        {NINES_38 "9", NULL},
        {NINES_38 "0", NINES_38 "0"},
        {"0." NINES_38, "0." NINES_38},
        {"1E-130", "1E-130"},
        {"9.99E-131", NULL},
        {"1E-131", NULL},
        {"9.99E+125", "9.99E+125"},
        {"1E+126", NULL},
        {"-1E+126", NULL},
        {"9.9999999999999999999999999999999999999E+125", "9.9999999999999999999999999999999999999E+125"},
        {"1e99999999999999999999", NULL},
        {"1e-99999999999999999999", NULL},
        {"", NULL},
        {"-", NULL},
        {".", NULL},
        {"1e", NULL},
        {"1e+", NULL},
        {"e5", NULL},
        {"1.2.3", NULL},
        {"0x10", NULL},
        {" 1", NULL},
        {"1 ", NULL},
        {"1,5", NULL},
        {"NaN", NULL},
        {"Infinity", NULL},
        {"--1", NULL},
        {"1e5x", NULL},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        defer(buf_deinit) struct buf buf = BUF_INIT(256);
        bool good = number_normalise(slice_of(rows[i].text), &buf);
        if (good != (rows[i].want != NULL) || (good && strcmp(buf_text(&buf), rows[i].want) != 0))
            fail_msg("%s: %s", rows[i].text, good ? buf_text(&buf) : "none");
        if (!good)
            continue;
        defer(buf_deinit) struct buf again = BUF_INIT(256);
        assert_true(number_normalise(buf_slice(&buf), &again));
        assert_string_equal(buf_text(&again), buf_text(&buf));
    }
}

static void test_compare(void **state) {
    static const char *const ascending[] = {"-1e100", "-12.5", "-12.49", "-0.001", "0",  "1e-100", "0.1",
                                            "0.12",   "0.2",   "1",      "9.99",   "10", "1e3",    "1000.1"};
    for (size_t i = 0; i < ARRAY_LEN(ascending); i++)
        for (size_t k = 0; k < ARRAY_LEN(ascending); k++) {
            struct number a, b;
            assert_true(number_parse(slice_of(ascending[i]), &a) && number_parse(slice_of(ascending[k]), &b));
            assert_int_equal(number_compare(&a, &b), (i > k) - (i < k));
        }
}

static struct attr text_of(enum attr_type type, const char *text) {
    return (struct attr){.type = (uint8_t)type, .text = slice_of(text)};
}

static struct digest128 hash_one(const struct attr *a) {
    defer(arena_deinit) struct arena arena = {0};
    struct attr_member m = {SLICE("a"), *a};
    return item_hash(&(struct item){&m, 1}, &arena);
}

static bool same_hash(const struct attr *a, const struct attr *b) {
    struct digest128 x = hash_one(a), y = hash_one(b);
    return memcmp(&x, &y, sizeof(x)) == 0;
}

static void test_hash(void **state) {
    struct attr n1 = text_of(ATTR_N, "1.50"), n2 = text_of(ATTR_N, "15e-1"), n3 = text_of(ATTR_N, "1.51");
    struct attr s1 = text_of(ATTR_S, "1.50"), s2 = text_of(ATTR_S, "1.5");
    assert_true(same_hash(&n1, &n2));
    assert_false(same_hash(&n1, &n3));
    assert_false(same_hash(&s1, &s2));
    assert_false(same_hash(&n1, &s1));

    struct attr ab[] = {text_of(ATTR_S, "a"), text_of(ATTR_S, "b")},
                ba[] = {text_of(ATTR_S, "b"), text_of(ATTR_S, "a")};
    struct attr set1 = {.type = ATTR_SS, .count = 2, .elements = ab},
                set2 = {.type = ATTR_SS, .count = 2, .elements = ba};
    struct attr list1 = {.type = ATTR_L, .count = 2, .elements = ab},
                list2 = {.type = ATTR_L, .count = 2, .elements = ba};
    assert_true(same_hash(&set1, &set2));
    assert_false(same_hash(&list1, &list2));
    assert_false(same_hash(&list1, &set1));

    struct attr numbers[] = {text_of(ATTR_N, "2.0"), text_of(ATTR_N, "1")},
                others[] = {text_of(ATTR_N, "1.0"), text_of(ATTR_N, "2")};
    struct attr ns1 = {.type = ATTR_NS, .count = 2, .elements = numbers},
                ns2 = {.type = ATTR_NS, .count = 2, .elements = others};
    assert_true(same_hash(&ns1, &ns2));

    struct attr_member xy[] = {{SLICE("x"), n1}, {SLICE("y"), s1}}, yx[] = {{SLICE("y"), s1}, {SLICE("x"), n2}};
    struct attr m1 = {.type = ATTR_M, .count = 2, .members = xy}, m2 = {.type = ATTR_M, .count = 2, .members = yx};
    assert_true(same_hash(&m1, &m2));

    defer(arena_deinit) struct arena arena = {0};
    struct digest128 a = item_hash(&(struct item){xy, 2}, &arena), b = item_hash(&(struct item){yx, 2}, &arena);
    struct digest128 c = item_hash(&(struct item){xy, 1}, &arena);
    assert_memory_equal(&a, &b, sizeof(a));
    assert_memory_not_equal(&a, &c, sizeof(a));

    /* where one string ends and the next begins counts */
    struct attr_member p[] = {{SLICE("a"), text_of(ATTR_S, "bc")}}, q[] = {{SLICE("ab"), text_of(ATTR_S, "c")}};
    a = item_hash(&(struct item){p, 1}, &arena);
    b = item_hash(&(struct item){q, 1}, &arena);
    assert_memory_not_equal(&a, &b, sizeof(a));
}

static void test_size(void **state) {
    struct attr elements[] = {text_of(ATTR_S, "abc"), text_of(ATTR_N, "12345")};
    struct attr_member inner[] = {{SLICE("k"), text_of(ATTR_S, "v")}};
    struct attr_member members[] = {
        {SLICE("s"), text_of(ATTR_S, "\xC3\xA9")},                        /* 1 + 2 */
        {SLICE("n"), text_of(ATTR_N, "-100")},                            /* 1 + 1 + 1 + 1 */
        {SLICE("b"), text_of(ATTR_B, "xyz")},                             /* 1 + 3 */
        {SLICE("t"), {.type = ATTR_BOOL}},                                /* 1 + 1 */
        {SLICE("z"), {.type = ATTR_NULL}},                                /* 1 + 1 */
        {SLICE("l"), {.type = ATTR_L, .count = 2, .elements = elements}}, /* 1 + 3 + (1 + 3) + (1 + 4) */
        {SLICE("m"), {.type = ATTR_M, .count = 1, .members = inner}},     /* 1 + 3 + (1 + 1 + 1) */
        {SLICE("e"), {.type = ATTR_L}},                                   /* 1 + 3 */
    };
    static const size_t sizes[] = {3, 4, 4, 2, 2, 13, 7, 4};
    size_t total = 0;
    for (size_t i = 0; i < ARRAY_LEN(members); i++) {
        assert_int_equal(item_size(&(struct item){&members[i], 1}), sizes[i]);
        total += sizes[i];
    }
    assert_int_equal(item_size(&(struct item){members, ARRAY_LEN(members)}), total);
}

static void test_keys(void **state) {
    defer(buf_deinit) struct buf buf = BUF_INIT(5000);
    struct item_key key = {.target = 258, .pk = SLICE("a\0b"), .sk = SLICE("#META")}, back;
    item_key_put(&buf, &key);
    assert_int_equal(buf.len, 12);
    assert_memory_equal(buf.data,
                        "\x01\x02\x00\x03"
                        "a\0b#META",
                        12);
    assert_true(item_key_get(buf_slice(&buf), &back));
    assert_int_equal(back.target, 258);
    assert_true(slice_equal(back.pk, key.pk) && slice_equal(back.sk, key.sk));
    for (size_t len = 0; len < 7; len++)
        assert_false(item_key_get((struct slice){buf.data, len}, &back));
    buf_clear(&buf);
    item_key_put(&buf, &(struct item_key){.pk = SLICE("x")});
    assert_true(item_key_get(buf_slice(&buf), &back));
    assert_null(back.sk.data);
}

static void test_type_names(void **state) {
    enum attr_type type;
    for (int i = ATTR_S; i <= ATTR_M; i++) {
        assert_true(attr_type_parse(slice_of(attr_type_name((enum attr_type)i)), &type));
        assert_int_equal(type, i);
    }
    assert_false(attr_type_parse(SLICE("s"), &type));
    assert_false(attr_type_parse(SLICE("BOOLE"), &type));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_normalise), cmocka_unit_test(test_compare), cmocka_unit_test(test_hash),
        cmocka_unit_test(test_size),      cmocka_unit_test(test_keys),    cmocka_unit_test(test_type_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
