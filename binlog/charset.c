/* Character sets: which one a collation belongs to, and text of it as UTF-8.
 *
 * UTF-8 and ASCII are only checked; UCS-2, UTF-16 and UTF-32 are computed; all others go by a table (charset_table.h), character by
 * character, with long stretches of ASCII copied. */
#include "binlog/charset.h"

#include "binlog/charset_table.h"
#include "src/base/cursor.h"
#include "src/base/utf8.h"

/* information_schema.COLLATIONS of MySQL 5.7, 8.0 and 9.7: a number has the same meaning in all of them. */
static const struct {
    uint16_t first, last;
    uint8_t set;
} collations[] = {
    {1, 1, CHARSET_BIG5},        {2, 2, CHARSET_LATIN2},      {3, 3, CHARSET_DEC8},        {4, 4, CHARSET_CP850},
    {5, 5, CHARSET_LATIN1},      {6, 6, CHARSET_HP8},         {7, 7, CHARSET_KOI8R},       {8, 8, CHARSET_LATIN1},
    {9, 9, CHARSET_LATIN2},      {10, 10, CHARSET_SWE7},      {11, 11, CHARSET_ASCII},     {12, 12, CHARSET_UJIS},
    {13, 13, CHARSET_SJIS},      {14, 14, CHARSET_CP1251},    {15, 15, CHARSET_LATIN1},    {16, 16, CHARSET_HEBREW},
    {18, 18, CHARSET_TIS620},    {19, 19, CHARSET_EUCKR},     {20, 20, CHARSET_LATIN7},    {21, 21, CHARSET_LATIN2},
    {22, 22, CHARSET_KOI8U},     {23, 23, CHARSET_CP1251},    {24, 24, CHARSET_GB2312},    {25, 25, CHARSET_GREEK},
    {26, 26, CHARSET_CP1250},    {27, 27, CHARSET_LATIN2},    {28, 28, CHARSET_GBK},       {29, 29, CHARSET_CP1257},
    {30, 30, CHARSET_LATIN5},    {31, 31, CHARSET_LATIN1},    {32, 32, CHARSET_ARMSCII8},  {33, 33, CHARSET_UTF8MB3},
    {34, 34, CHARSET_CP1250},    {35, 35, CHARSET_UCS2},      {36, 36, CHARSET_CP866},     {37, 37, CHARSET_KEYBCS2},
    {38, 38, CHARSET_MACCE},     {39, 39, CHARSET_MACROMAN},  {40, 40, CHARSET_CP852},     {41, 42, CHARSET_LATIN7},
    {43, 43, CHARSET_MACCE},     {44, 44, CHARSET_CP1250},    {45, 46, CHARSET_UTF8MB4},   {47, 49, CHARSET_LATIN1},
    {50, 52, CHARSET_CP1251},    {53, 53, CHARSET_MACROMAN},  {54, 55, CHARSET_UTF16},     {56, 56, CHARSET_UTF16LE},
    {57, 57, CHARSET_CP1256},    {58, 59, CHARSET_CP1257},    {60, 61, CHARSET_UTF32},     {62, 62, CHARSET_UTF16LE},
    {63, 63, CHARSET_BINARY},    {64, 64, CHARSET_ARMSCII8},  {65, 65, CHARSET_ASCII},     {66, 66, CHARSET_CP1250},
    {67, 67, CHARSET_CP1256},    {68, 68, CHARSET_CP866},     {69, 69, CHARSET_DEC8},      {70, 70, CHARSET_GREEK},
    {71, 71, CHARSET_HEBREW},    {72, 72, CHARSET_HP8},       {73, 73, CHARSET_KEYBCS2},   {74, 74, CHARSET_KOI8R},
    {75, 75, CHARSET_KOI8U},     {76, 76, CHARSET_UTF8MB3},   {77, 77, CHARSET_LATIN2},    {78, 78, CHARSET_LATIN5},
    {79, 79, CHARSET_LATIN7},    {80, 80, CHARSET_CP850},     {81, 81, CHARSET_CP852},     {82, 82, CHARSET_SWE7},
    {83, 83, CHARSET_UTF8MB3},   {84, 84, CHARSET_BIG5},      {85, 85, CHARSET_EUCKR},     {86, 86, CHARSET_GB2312},
    {87, 87, CHARSET_GBK},       {88, 88, CHARSET_SJIS},      {89, 89, CHARSET_TIS620},    {90, 90, CHARSET_UCS2},
    {91, 91, CHARSET_UJIS},      {92, 93, CHARSET_GEOSTD8},   {94, 94, CHARSET_LATIN1},    {95, 96, CHARSET_CP932},
    {97, 98, CHARSET_EUCJPMS},   {99, 99, CHARSET_CP1250},    {101, 124, CHARSET_UTF16},   {128, 159, CHARSET_UCS2},
    {160, 183, CHARSET_UTF32},   {192, 223, CHARSET_UTF8MB3}, {224, 247, CHARSET_UTF8MB4}, {248, 250, CHARSET_GB18030},
    {255, 323, CHARSET_UTF8MB4},
};

enum charset charset_of_collation(uint32_t collation) {
    for (size_t i = 0; i < ARRAY_LEN(collations); i++)
        if (collation >= collations[i].first && collation <= collations[i].last)
            return collations[i].set;
    return CHARSET_UNKNOWN;
}

const char *charset_refusal(enum charset set) {
    if (set == CHARSET_UNKNOWN)
        return "text of a collation that is newer than this version of leat";
    if (set < CHARSET_ARMSCII8 || charset_table(set))
        return NULL;
    return charset_table_missing(set);
}

/* ---- Unicode's own forms */

static bool is_surrogate(uint32_t c) {
    return c >= 0xD800 && c < 0xE000;
}

/* UCS-2 is UTF-16 without pairs. A lone surrogate, or half a unit at the end, is no text. */
static bool from_utf16(enum charset set, struct slice text, char *to, size_t *len) {
    struct cursor c = cursor_of(text.data, text.len);
    size_t n = 0;
    while (cursor_left(&c)) {
        uint32_t u = set == CHARSET_UTF16LE ? cursor_u16(&c) : (uint32_t)cursor_be(&c, 2);
        if (is_surrogate(u)) {
            uint32_t low = set == CHARSET_UTF16LE ? cursor_u16(&c) : (uint32_t)cursor_be(&c, 2);
            if (set == CHARSET_UCS2 || u >= 0xDC00 || low < 0xDC00 || low >= 0xE000)
                return false;
            u = 0x10000 + ((u - 0xD800) << 10) + (low - 0xDC00);
        }
        n += utf8_put(to + n, u);
    }
    *len = n;
    return !c.failed;
}

static bool from_utf32(struct slice text, char *to, size_t *len) {
    struct cursor c = cursor_of(text.data, text.len);
    size_t n = 0;
    while (cursor_left(&c)) {
        uint32_t u = (uint32_t)cursor_be(&c, 4);
        if (c.failed || is_surrogate(u) || u > 0x10FFFF)
            return false;
        n += utf8_put(to + n, u);
    }
    *len = n;
    return true;
}

/* ---- sets with tables */

/* gb18030: codes of four bytes (the second and fourth are digits) up to 8431A439, and the other planes from 90308130 on. */
static uint32_t four_bytes(const struct charset_table *t, const unsigned char *p) {
    if (p[0] < 0x81 || p[0] > 0xFE || p[1] < 0x30 || p[1] > 0x39 || p[2] < 0x81 || p[2] > 0xFE || p[3] < 0x30 ||
        p[3] > 0x39)
        return 0;
    uint32_t i = (((uint32_t)(p[0] - 0x81) * 10 + (p[1] - 0x30u)) * 126 + (p[2] - 0x81u)) * 10 + (p[3] - 0x30u);
    enum { PLANES = (0x90 - 0x81) * 12600, PLANES_END = PLANES + 0x100000 };
    if (i >= PLANES)
        return i < PLANES_END ? i - PLANES + 0x10000 : 0;
    return i < GB18030_BASIC ? t->four[i] : 0;
}

/* The character at `p`, 0 when there is none, and how many bytes it has. */
static inline uint32_t next_character(const struct charset_table *t, const unsigned char *p, size_t left,
                                      size_t *size) {
    uint32_t c = t->one[p[0]];
    *size = 1;
    if (c || p[0] < 0x80 || !t->two || left < 2)
        return c;
    *size = 2;
    c = t->two[(p[0] - 0x80u) << 8 | p[1]];
    if (c || left < 3)
        return c;
    if (t->three && p[0] == 0x8F && p[1] >= 0x80) {
        *size = 3;
        return t->three[(p[1] - 0x80u) << 8 | p[2]];
    }
    *size = 4;
    return t->four && left >= 4 ? four_bytes(t, p) : 0;
}

static bool from_table(const struct charset_table *t, struct slice text, size_t start, char *to, size_t *len) {
    const unsigned char *p = (const unsigned char *)text.data;
    size_t n = start;
    for (size_t i = start, size; i < text.len; i += size) {
        if (t->ascii && p[i] < 0x80) {
            size = utf8_ascii((struct slice){text.data + i, text.len - i});
            memcpy(to + n, p + i, size);
            n += size;
            continue;
        }
        uint32_t c = next_character(t, p + i, text.len - i, &size);
        if (c == 0 && p[i] != 0)
            return false;
        n += utf8_put(to + n, c);
    }
    *len = n;
    return true;
}

static bool by_table(enum charset set, struct slice text, struct arena *arena, struct slice *ret) {
    const struct charset_table *t = charset_table(set);
    if (!t)
        return false;
    size_t start = t->ascii ? utf8_ascii(text) : 0, len;
    if (start == text.len) {
        *ret = text;
        return true;
    }
    char *out = arena_alloc(arena, start + (text.len - start) * 3); /* a character of one byte has three at most */
    memcpy(out, text.data, start);
    if (!from_table(t, text, start, out, &len))
        return false;
    *ret = (struct slice){out, len};
    return true;
}

/* ---- all */

/* Two bytes of UCS-2 or UTF-16 become three at most, four of UTF-32 four. */
static bool by_unicode(enum charset set, struct slice text, struct arena *arena, struct slice *ret) {
    char *out = arena_alloc(arena, text.len * 2);
    size_t len;
    if (!(set == CHARSET_UTF32 ? from_utf32(text, out, &len) : from_utf16(set, text, out, &len)))
        return false;
    *ret = (struct slice){out, len};
    return true;
}

static bool is_utf8mb3(struct slice text) {
    unsigned char four = 0;
    for (size_t i = 0; i < text.len; i++)
        four |= (unsigned char)text.data[i] >= 0xF0;
    return !four && utf8_valid(text);
}

bool charset_to_utf8(enum charset set, struct slice text, struct arena *arena, struct slice *ret) {
    bool valid;
    switch (set) {
    case CHARSET_BINARY:
        valid = true;
        break;
    case CHARSET_UTF8MB4:
        valid = utf8_valid(text);
        break;
    case CHARSET_UTF8MB3:
        valid = is_utf8mb3(text);
        break;
    case CHARSET_ASCII:
        valid = utf8_ascii(text) == text.len;
        break;
    case CHARSET_UCS2:
    case CHARSET_UTF16:
    case CHARSET_UTF16LE:
    case CHARSET_UTF32:
        return by_unicode(set, text, arena, ret);
    default:
        return by_table(set, text, arena, ret);
    }
    if (valid)
        *ret = text;
    return valid;
}
