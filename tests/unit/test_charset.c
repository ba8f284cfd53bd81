/* [S22] Text that is none, and what a set's table gives at its edges. Every code is asked of a server in tests/e2e/test_charsets.py. */
#include "tests/unit/test.h"

#include "binlog/charset.h"
#include "contract/value.h"
#include "src/base/utf8.h"

#include <stdlib.h>

#define TEXT(t) {t, sizeof(t) - 1}

static const struct {
    enum charset set;
    struct slice text, want; /* no data: no text */
} rows[] = {
    {CHARSET_UTF8MB4, TEXT("eight bytes and a \0 zero"), TEXT("eight bytes and a \0 zero")},
    {CHARSET_UTF8MB4, TEXT("\xF4\x8F\xBF\xBF\xEE\x80\x80\xED\x9F\xBF\xC2\x80"),
     TEXT("\xF4\x8F\xBF\xBF\xEE\x80\x80\xED\x9F\xBF\xC2\x80")},
    {CHARSET_UTF8MB4, TEXT("12345678\x80"), {0}},
    {CHARSET_UTF8MB4, TEXT("1234567\x80"), {0}},
    {CHARSET_UTF8MB4, TEXT("\xC0\x80"), {0}}, /* overlong */
    {CHARSET_UTF8MB4, TEXT("\xC1\xBF"), {0}},
    {CHARSET_UTF8MB4, TEXT("\xE0\x9F\xBF"), {0}},
    {CHARSET_UTF8MB4, TEXT("\xF0\x8F\xBF\xBF"), {0}},
    {CHARSET_UTF8MB4, TEXT("\xED\xA0\x80"), {0}}, /* surrogates */
    {CHARSET_UTF8MB4, TEXT("\xED\xBF\xBF"), {0}},
    {CHARSET_UTF8MB4, TEXT("\xF4\x90\x80\x80"), {0}}, /* above U+10FFFF */
    {CHARSET_UTF8MB4, TEXT("\xF5\x80\x80\x80"), {0}},
    {CHARSET_UTF8MB4, TEXT("\xC3"), {0}}, /* cut short */
    {CHARSET_UTF8MB4, TEXT("\xE2\x82"), {0}},
    {CHARSET_UTF8MB4, TEXT("\xF0\x9F\x98"), {0}},
    {CHARSET_UTF8MB4, TEXT("\xC3\xC3"), {0}},
    {CHARSET_UTF8MB3, TEXT("\xE2\x82\xAC"), TEXT("\xE2\x82\xAC")},
    {CHARSET_UTF8MB3, TEXT("\xF0\x9F\x98\x80"), {0}},
    {CHARSET_ASCII, TEXT("a\x7F"), TEXT("a\x7F")},
    {CHARSET_ASCII, TEXT("a\x80"), {0}},
    {CHARSET_BINARY, TEXT("\x80"), TEXT("\x80")},
    {CHARSET_UCS2, TEXT("\x20\xAC\0\0"), TEXT("\xE2\x82\xAC\0")},
    {CHARSET_UCS2, TEXT("\xD8\x3D\xDE\x00"), {0}}, /* UCS-2 has no pairs */
    {CHARSET_UCS2, TEXT("\0A\0"), {0}},
    {CHARSET_UTF16, TEXT("\xD8\x3D\xDE\x00"), TEXT("\xF0\x9F\x98\x80")},
    {CHARSET_UTF16, TEXT("\xD8\x3D"), {0}},
    {CHARSET_UTF16, TEXT("\xD8\x3D\0A"), {0}},
    {CHARSET_UTF16, TEXT("\xDE\x00\xD8\x3D"), {0}},
    {CHARSET_UTF16, TEXT("\0A\0"), {0}},
    {CHARSET_UTF16LE, TEXT("\x3D\xD8\x00\xDE"), TEXT("\xF0\x9F\x98\x80")},
    {CHARSET_UTF32, TEXT("\0\x10\xFF\xFF"), TEXT("\xF4\x8F\xBF\xBF")},
    {CHARSET_UTF32, TEXT("\0\x11\0\0"), {0}},
    {CHARSET_UTF32, TEXT("\0\0\xD8\0"), {0}},
    {CHARSET_UTF32, TEXT("\0\0A"), {0}},
    {CHARSET_LATIN1, TEXT("\x80\x81\0\xFF"), TEXT("\xE2\x82\xAC\xC2\x81\0\xC3\xBF")},
    {CHARSET_SWE7, TEXT("@\x7F"), {0}},
    {CHARSET_SWE7, TEXT("@\0"), TEXT("\xC3\x89\0")},
    {CHARSET_GBK, TEXT("a\xBA\xBAz"), TEXT("a\xE6\xB1\x89z")},
    {CHARSET_GBK, TEXT("a\xBA"), {0}},
    {CHARSET_UJIS, TEXT("\x8F\xB0"), {0}},
    {CHARSET_GB18030, TEXT("\x81\x30\x81"), {0}},
    {CHARSET_GB18030, TEXT("\xE3\x32\x9A\x35"), TEXT("\xF4\x8F\xBF\xBF")},
    {CHARSET_GB18030, TEXT("\xE3\x32\x9A\x36"), {0}},
    {CHARSET_UNKNOWN, TEXT("a"), {0}},
};

static void test_edges(void **state) {
    struct arena arena = {0};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct slice text = {xmalloc(rows[i].text.len), rows[i].text.len},
                     got; /* no byte more, for the address sanitizer */
        memcpy((char *)(uintptr_t)text.data, rows[i].text.data, text.len);
        bool valid = charset_to_utf8(rows[i].set, text, &arena, &got);
        if (valid != (rows[i].want.data != NULL) || (valid && !slice_equal(got, rows[i].want)))
            fail_msg("row %zu", i);
        free((char *)(uintptr_t)text.data);
    }
    arena_deinit(&arena);
}

static void test_every_character_comes_back(void **state) {
    for (uint32_t c = 0; c < 0x110000; c++) {
        char bytes[UTF8_MAX];
        size_t n = utf8_put(bytes, c);
        bool surrogate = c >= 0xD800 && c < 0xE000;
        assert_int_equal(utf8_sequence((unsigned char *)bytes, n), surrogate ? 0 : n);
        assert_int_equal(utf8_valid((struct slice){bytes, n}), !surrogate);
    }
}

static void test_sets_have_names_or_refusals(void **state) {
    assert_int_equal(charset_of_collation(28), CHARSET_GBK);
    assert_int_equal(charset_of_collation(323), CHARSET_UTF8MB4);
    assert_int_equal(charset_of_collation(100), CHARSET_UNKNOWN);
    assert_non_null(charset_refusal(CHARSET_UNKNOWN));
    for (enum charset set = CHARSET_BINARY; set < CHARSETS; set++)
        if (charset_refusal(set))
            fail_msg("set %u: %s", set, charset_refusal(set));
}

static void test_bad_text_is_a_value(void **state) {
    struct value bad = {.kind = VALUE_BAD_TEXT, .data = "a\0\xFF", .len = 3}, text = bad, back;
    text.kind = VALUE_TEXT;
    struct buf buf = BUF_INIT(100), other = BUF_INIT(100);
    value_put(&buf, &bad);
    struct cursor c = cursor_of(buf.data, buf.len);
    value_get(&c, &back);
    assert_true(!c.failed && value_equal(&bad, &back) && !value_equal(&text, &back));
    buf_clear(&buf);
    value_put_text(&buf, &bad);
    assert_string_equal(buf_text(&buf), "YQD/");
    buf_clear(&buf);
    value_put_key(&buf, &bad);
    value_put_key(&other, &text);
    assert_false(slice_equal(buf_slice(&buf), buf_slice(&other)));
    buf_deinit(&buf), buf_deinit(&other);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_edges),
        cmocka_unit_test(test_every_character_comes_back),
        cmocka_unit_test(test_sets_have_names_or_refusals),
        cmocka_unit_test(test_bad_text_is_a_value),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
