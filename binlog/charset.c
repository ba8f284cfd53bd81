/* Character sets. UTF-8 (of three and four bytes) and ASCII pass as they are; latin1 is cp1252 with its five holes at U+0081, 8D, 8F,
 * 90 and 9D, as MySQL has it. Others are refused where a column of them is mapped. */
#include "binlog/charset.h"

static const struct {
    uint16_t first, last; /* information_schema.collations.id */
    uint8_t set;
} ranges[] = {
    {5, 5, CHARSET_LATIN1},   {8, 8, CHARSET_LATIN1},   {11, 11, CHARSET_UTF8},   {15, 15, CHARSET_LATIN1},
    {31, 31, CHARSET_LATIN1}, {33, 33, CHARSET_UTF8},   {45, 46, CHARSET_UTF8},   {47, 49, CHARSET_LATIN1},
    {63, 63, CHARSET_BINARY}, {65, 65, CHARSET_UTF8},   {76, 76, CHARSET_UTF8},   {83, 83, CHARSET_UTF8},
    {94, 94, CHARSET_LATIN1}, {192, 215, CHARSET_UTF8}, {223, 247, CHARSET_UTF8}, {255, 323, CHARSET_UTF8},
};

static const struct {
    const char *name;
    enum charset set;
} names[] = {
    {"utf8mb4", CHARSET_UTF8}, {"utf8mb3", CHARSET_UTF8},  {"utf8", CHARSET_UTF8},
    {"ascii", CHARSET_UTF8},   {"latin1", CHARSET_LATIN1}, {"binary", CHARSET_BINARY},
};

enum charset charset_of_collation(uint32_t collation) {
    for (size_t i = 0; i < ARRAY_LEN(ranges); i++)
        if (collation >= ranges[i].first && collation <= ranges[i].last)
            return ranges[i].set;
    return CHARSET_UNSUPPORTED;
}

enum charset charset_of_name(const char *name) {
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (strcmp(names[i].name, name) == 0)
            return names[i].set;
    return CHARSET_UNSUPPORTED;
}

/* 0x80 to 0x9F of cp1252. */
static const uint16_t high[32] = {
    0x20AC, 0x0081, 0x201A, 0x0192, 0x201E, 0x2026, 0x2020, 0x2021, 0x02C6, 0x2030, 0x0160,
    0x2039, 0x0152, 0x008D, 0x017D, 0x008F, 0x0090, 0x2018, 0x2019, 0x201C, 0x201D, 0x2022,
    0x2013, 0x2014, 0x02DC, 0x2122, 0x0161, 0x203A, 0x0153, 0x009D, 0x017E, 0x0178,
};

static size_t put_utf8(char *to, unsigned c) {
    if (c < 0x800) {
        to[0] = (char)(0xC0 | c >> 6);
        to[1] = (char)(0x80 | (c & 63));
        return 2;
    }
    to[0] = (char)(0xE0 | c >> 12);
    to[1] = (char)(0x80 | (c >> 6 & 63));
    to[2] = (char)(0x80 | (c & 63));
    return 3;
}

struct slice charset_to_utf8(enum charset set, struct slice text, struct arena *arena) {
    size_t i = 0;
    while (set == CHARSET_LATIN1 && i < text.len && (unsigned char)text.data[i] < 0x80)
        i++;
    if (set != CHARSET_LATIN1 || i == text.len)
        return text;
    char *out = arena_alloc(arena, i + (text.len - i) * 3);
    memcpy(out, text.data, i);
    size_t n = i;
    for (; i < text.len; i++) {
        unsigned char c = (unsigned char)text.data[i];
        if (c < 0x80)
            out[n++] = (char)c;
        else
            n += put_utf8(out + n, c < 0xA0 ? high[c - 0x80] : c);
    }
    return (struct slice){out, n};
}
