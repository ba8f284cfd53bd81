/* The table of column types over bytes written by hand: types that no server of today writes any more, and what is malformed. */
#include "tests/unit/test.h"

#include "binlog/coltype.h"
#include "binlog/tablemap.h"

#include <field_types.h>

static struct arena arena;

#define BYTES(s) ((struct slice){s, sizeof(s) - 1})

/* The text of a value; "malformed" for what cannot be. */
static const char *decoded(uint8_t number, struct slice meta, struct slice bytes, struct column column) {
    static struct buf text;
    struct wire_column w;
    struct cursor m = cursor_of(meta.data, meta.len), c = cursor_of(bytes.data, bytes.len);
    struct value v;
    text.max = 1 << 20;
    buf_clear(&text);
    if (!coltype_resolve(&w, number, &m) || cursor_left(&m))
        return "malformed metadata";
    w.column = &column;
    coltype_decode(&c, &w, &arena, &v);
    if (c.failed || cursor_left(&c))
        return "malformed";
    value_put_text(&text, &v);
    return buf_text(&text);
}

#define IS(want, number, meta, bytes, ...)                                                                             \
    assert_string_equal(decoded(number, BYTES(meta), BYTES(bytes), (struct column){__VA_ARGS__}), want)

/* [S21] Tables made before MySQL 5.6 keep their temporal columns' old form until they are rebuilt. */
static void test_old_temporals(void **state) {
    IS("2026-11-21T10:15:59", MYSQL_TYPE_DATETIME, "", "\xF7\x0E\xED\x68\x6D\x12\0\0", 0);
    IS("9999-12-31T23:59:59", MYSQL_TYPE_DATETIME, "", "\x77\x87\xD1\x05\xF1\x5A\0\0", 0);
    IS("", MYSQL_TYPE_DATETIME, "", "\0\0\0\0\0\0\0\0", 0);
    IS("malformed", MYSQL_TYPE_DATETIME, "", "\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF", 0);
    IS("malformed", MYSQL_TYPE_DATETIME, "", "\0\0\0\0\0\0\0", 0);
    IS("1970-01-01T00:00:01Z", MYSQL_TYPE_TIMESTAMP, "", "\x01\0\0\0", 0);
    IS("2038-01-19T03:14:07Z", MYSQL_TYPE_TIMESTAMP, "", "\xFF\xFF\xFF\x7F", 0);
    IS("", MYSQL_TYPE_TIMESTAMP, "", "\0\0\0\0", 0);
    IS("838:59:59", MYSQL_TYPE_TIME, "", "\xA7\xF5\x7F", 0);
    IS("-838:59:59", MYSQL_TYPE_TIME, "", "\x59\x0A\x80", 0);
    IS("-00:00:01", MYSQL_TYPE_TIME, "", "\xFF\xFF\xFF", 0);
    IS("malformed", MYSQL_TYPE_TIME, "", "\x3C\0\0", 0); /* 60 seconds */
    IS("2026-11-21", MYSQL_TYPE_NEWDATE, "", "\x75\xD5\x0F", 0);
    IS("2026-11-21", MYSQL_TYPE_DATE, "", "\x75\xD5\x0F", 0);
    IS("1901", MYSQL_TYPE_YEAR, "", "\x01", 0);
}

static void test_geometry_and_vector(void **state) {
    IS("POINT(1 2)", MYSQL_TYPE_GEOMETRY, "\x04",
       "\x19\0\0\0\0\0\0\0\x01\x01\0\0\0\0\0\0\0\0\0\xF0\x3F\0\0\0\0\0\0\0\x40", 0);
    IS("malformed", MYSQL_TYPE_GEOMETRY, "\x04", "\x19\0\0\0\0\0", 0);
    IS("[1,0.1]", MYSQL_TYPE_VECTOR, "\x04", "\x08\0\0\0\0\0\x80\x3F\xCD\xCC\xCC\x3D", 0);
    IS("malformed metadata", MYSQL_TYPE_VECTOR, "\x05", "", 0);
    IS("malformed metadata", MYSQL_TYPE_VECTOR, "\0", "", 0);
    IS("malformed metadata", MYSQL_TYPE_VECTOR, "", "", 0);
}

static void test_metadata_bounds(void **state) {
    IS("malformed metadata", MYSQL_TYPE_NEWDECIMAL, "\x42\x1E", "", 0); /* 66 digits */
    IS("malformed metadata", MYSQL_TYPE_NEWDECIMAL, "\x05\x06", "", 0);
    IS("malformed metadata", MYSQL_TYPE_BIT, "\x01\x08", "", 0); /* 65 bits */
    IS("malformed metadata", MYSQL_TYPE_TIME2, "\x07", "", 0);
    IS("malformed metadata", MYSQL_TYPE_STRING, "\xF7\x03", "", 0); /* an ENUM of three bytes */
    IS("malformed metadata", MYSQL_TYPE_STRING, "\xF8\x09", "", 0); /* a SET of nine bytes */
    IS("18446744073709551615", MYSQL_TYPE_BIT, "\0\x08", "\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF", 0);
    IS("5", MYSQL_TYPE_BIT, "\x03\0", "\x05", 0);
    static const uint8_t never[] = {MYSQL_TYPE_DECIMAL,
                                    MYSQL_TYPE_NULL,
                                    MYSQL_TYPE_INVALID,
                                    MYSQL_TYPE_BOOL,
                                    MYSQL_TYPE_TINY_BLOB,
                                    MYSQL_TYPE_MEDIUM_BLOB,
                                    MYSQL_TYPE_LONG_BLOB,
                                    21,
                                    100,
                                    200,
                                    241};
    for (size_t i = 0; i < ARRAY_LEN(never); i++)
        assert_false(coltype_known(never[i]));
}

/* Hidden columns of functional indexes, as 8.0.17 wrote them. */
static void test_typed_arrays_are_skipped(void **state) {
    static const struct {
        struct slice meta, bytes;
        bool good;
    } cases[] = {
        {BYTES("\x08"), BYTES("\x03\0\0\0abc"), true},       /* LONGLONG */
        {BYTES("\x0F\x28\0\0"), BYTES("\0\0\0\0"), true},    /* VARCHAR: three bytes */
        {BYTES("\xF6\x0A\x02"), BYTES("\x01\0\0\0x"), true}, /* NEWDECIMAL */
        {BYTES("\x12\x03"), BYTES("\x01\0\0\0x"), true},     /* DATETIME2(3) */
        {BYTES("\x0E"), BYTES("\x01\0\0\0x"), true},         /* NEWDATE */
        {BYTES("\x14\x08"), BYTES(""), false},               /* an array of arrays */
        {BYTES("\x64"), BYTES(""), false},
        {BYTES("\x0F\x28"), BYTES(""), false},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct wire_column w;
        struct cursor m = cursor_of(cases[i].meta.data, cases[i].meta.len),
                      c = cursor_of(cases[i].bytes.data, cases[i].bytes.len);
        assert_int_equal(coltype_resolve(&w, MYSQL_TYPE_TYPED_ARRAY, &m), cases[i].good);
        if (!cases[i].good)
            continue;
        assert_int_equal(cursor_left(&m), 0);
        assert_string_equal(coltype_unsupported(&w), "an index over a JSON array");
        coltype_skip(&c, &w);
        assert_true(!c.failed && cursor_left(&c) == 0);
    }
}

/* A table map of d.t with these columns and their names. */
static struct table_map *map_of(struct slice types, struct slice meta, struct slice names) {
    struct buf body defer(buf_deinit) = BUF_INIT(10000);
    struct table_map_head head;
    struct table_map *map = NULL;
    struct error error = {0};
    buf_put(&body, "\1\0\0\0\0\0\1\0\1d\0\1t\0", 14);
    buf_put_u8(&body, (uint8_t)types.len);
    buf_put_slice(&body, types);
    buf_put_u8(&body, (uint8_t)meta.len);
    buf_put_slice(&body, meta);
    buf_put_u8(&body, 0); /* nullable */
    buf_put_u8(&body, 4); /* COLUMN_NAME */
    buf_put_u8(&body, (uint8_t)names.len);
    buf_put_slice(&body, names);
    struct slice kept = {arena_copy(&arena, body.data, body.len), body.len};
    assert_int_equal(table_map_head_read(&head, kept, &error), 0);
    return table_map_read(&map, &head, 0, &arena, &error) ? NULL : map;
}

/* A type that is not known makes the rows unreadable, not the description: its table may be none of ours. */
static void test_unknown_types(void **state) {
    struct table_map *map = map_of(BYTES("\x03\x00\x0F"), BYTES("\x10\x27"), BYTES("\1a\1b\1c"));
    assert_non_null(map);
    assert_ptr_equal(map->unreadable, &map->wire[1]);
    assert_string_equal(map->table.columns[1].name, "b");
    assert_null(map_of(BYTES("\x03\x0F"), BYTES("\x10"), BYTES("\1a\1b")));
    map = map_of(BYTES("\x03\x14\x0F"), BYTES("\x0F\x28\0\0\x10\x27"), BYTES("\1a\1b\1c"));
    assert_non_null(map);
    assert_null(map->unreadable);
    assert_int_equal(map->wire[2].meta, 10000);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_old_temporals),   cmocka_unit_test(test_geometry_and_vector),
        cmocka_unit_test(test_metadata_bounds), cmocka_unit_test(test_typed_arrays_are_skipped),
        cmocka_unit_test(test_unknown_types),
    };
    int r = cmocka_run_group_tests(tests, NULL, NULL);
    arena_deinit(&arena);
    return r;
}
