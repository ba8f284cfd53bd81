/* Tables of character sets: the C library's conversion (iconv), asked once for every code, and then what MySQL has otherwise.
 *
 * The exceptions were found by asking MySQL 9.7 for every code (tests/e2e/test_charsets.py does so again). Sets that iconv lacks
 * (geostd8, keybcs2, swe7) begin with their nearest relative. */
#include "binlog/charset_table.h"

#include <errno.h>
#include <iconv.h>
#include <pthread.h>
#include <stdlib.h>

#define SET(name, bytes)                                                                                               \
    {name, "text that needs the C library's conversion " name " (not installed; on Debian: libc-gconv-modules-extra)", \
     bytes}

static const struct {
    const char *iconv, *missing;
    uint8_t bytes; /* of the longest character */
} sets[CHARSETS] = {
    [CHARSET_ARMSCII8] = SET("ARMSCII-8", 1),  [CHARSET_BIG5] = SET("BIG5", 2),
    [CHARSET_CP1250] = SET("CP1250", 1),       [CHARSET_CP1251] = SET("CP1251", 1),
    [CHARSET_CP1256] = SET("CP1256", 1),       [CHARSET_CP1257] = SET("CP1257", 1),
    [CHARSET_CP850] = SET("CP850", 1),         [CHARSET_CP852] = SET("CP852", 1),
    [CHARSET_CP866] = SET("CP866", 1),         [CHARSET_CP932] = SET("CP932", 2),
    [CHARSET_DEC8] = SET("DEC-MCS", 1),        [CHARSET_EUCJPMS] = SET("EUC-JP-MS", 3),
    [CHARSET_EUCKR] = SET("UHC", 2),           [CHARSET_GB18030] = SET("GB18030", 4),
    [CHARSET_GB2312] = SET("EUC-CN", 2),       [CHARSET_GBK] = SET("GBK", 2),
    [CHARSET_GEOSTD8] = SET("GEORGIAN-PS", 1), [CHARSET_GREEK] = SET("ISO-8859-7", 1),
    [CHARSET_HEBREW] = SET("ISO-8859-8", 1),   [CHARSET_HP8] = SET("HP-ROMAN8", 1),
    [CHARSET_KEYBCS2] = SET("CP437", 1),       [CHARSET_KOI8R] = SET("KOI8-R", 1),
    [CHARSET_KOI8U] = SET("KOI8-U", 1),        [CHARSET_LATIN1] = SET("CP1252", 1),
    [CHARSET_LATIN2] = SET("ISO-8859-2", 1),   [CHARSET_LATIN5] = SET("ISO-8859-9", 1),
    [CHARSET_LATIN7] = SET("ISO-8859-13", 1),  [CHARSET_MACCE] = SET("MAC-CENTRALEUROPE", 1),
    [CHARSET_MACROMAN] = SET("MACINTOSH", 1),  [CHARSET_SJIS] = SET("SJIS", 2),
    [CHARSET_SWE7] = SET("ASCII", 1),          [CHARSET_TIS620] = SET("ISO-8859-11", 1),
    [CHARSET_UJIS] = SET("EUC-JP", 3),
};

/* Codes `first` to `last` are Unicode's `to` and those that follow it; 0: no characters. */
static const struct exception {
    uint8_t set;
    uint32_t first, last;
    uint16_t to;
} exceptions[] = {
    {CHARSET_ARMSCII8, 0xA1, 0xA1, 0x2741},
    {CHARSET_ARMSCII8, 0xA2, 0xA2, 0x00A7},
    {CHARSET_ARMSCII8, 0xAD, 0xAD, 0x055F},
    {CHARSET_ARMSCII8, 0xFE, 0xFE, 0x2019},
    {CHARSET_ARMSCII8, 0xFF, 0xFF, 0x0027},
    {CHARSET_BIG5, 0xA145, 0xA145, 0x2022},
    {CHARSET_BIG5, 0xA14E, 0xA14E, 0xFF64},
    {CHARSET_BIG5, 0xA15A, 0xA15A, 0},
    {CHARSET_BIG5, 0xA1C2, 0xA1C2, 0x203E},
    {CHARSET_BIG5, 0xA1C3, 0xA1C3, 0},
    {CHARSET_BIG5, 0xA1C5, 0xA1C5, 0},
    {CHARSET_BIG5, 0xA1E3, 0xA1E3, 0x223C},
    {CHARSET_BIG5, 0xA1F2, 0xA1F2, 0x2641},
    {CHARSET_BIG5, 0xA1F3, 0xA1F3, 0x2609},
    {CHARSET_BIG5, 0xA1FE, 0xA1FE, 0},
    {CHARSET_BIG5, 0xA240, 0xA240, 0},
    {CHARSET_BIG5, 0xA241, 0xA241, 0xFF0F},
    {CHARSET_BIG5, 0xA242, 0xA242, 0xFF3C},
    {CHARSET_BIG5, 0xA244, 0xA244, 0x00A5},
    {CHARSET_BIG5, 0xA246, 0xA247, 0x00A2},
    {CHARSET_BIG5, 0xA2CC, 0xA2CC, 0},
    {CHARSET_BIG5, 0xA2CE, 0xA2CE, 0},
    {CHARSET_BIG5, 0xA3E1, 0xA3E1, 0},
    {CHARSET_BIG5, 0xC6A1, 0xC6A1, 0x30FE},
    {CHARSET_BIG5, 0xC6A2, 0xC6A3, 0x309D},
    {CHARSET_BIG5, 0xC6A4, 0xC6A4, 0x3005},
    {CHARSET_BIG5, 0xC6A5, 0xC6F7, 0x3041},
    {CHARSET_BIG5, 0xC6F8, 0xC6FE, 0x30A1},
    {CHARSET_BIG5, 0xC740, 0xC77E, 0x30A8},
    {CHARSET_BIG5, 0xC7A1, 0xC7B0, 0x30E7},
    {CHARSET_BIG5, 0xC7B1, 0xC7B2, 0x0414},
    {CHARSET_BIG5, 0xC7B3, 0xC7B3, 0x0401},
    {CHARSET_BIG5, 0xC7B4, 0xC7BA, 0x0416},
    {CHARSET_BIG5, 0xC7BB, 0xC7CD, 0x0423},
    {CHARSET_BIG5, 0xC7CE, 0xC7CE, 0x0451},
    {CHARSET_BIG5, 0xC7CF, 0xC7E8, 0x0436},
    {CHARSET_BIG5, 0xC7E9, 0xC7F2, 0x2460},
    {CHARSET_BIG5, 0xC7F3, 0xC7FC, 0x2474},
    {CHARSET_BIG5, 0xC7FD, 0xC7FE, 0},
    {CHARSET_BIG5, 0xC840, 0xC87E, 0},
    {CHARSET_BIG5, 0xC8A1, 0xC8FE, 0},
    {CHARSET_BIG5, 0xF9DD, 0xF9FE, 0},
    {CHARSET_CP1256, 0x8A, 0x8A, 0},
    {CHARSET_CP1256, 0x8F, 0x8F, 0},
    {CHARSET_CP1256, 0x98, 0x98, 0},
    {CHARSET_CP1256, 0x9A, 0x9A, 0},
    {CHARSET_CP1256, 0x9F, 0x9F, 0},
    {CHARSET_CP1256, 0xAA, 0xAA, 0},
    {CHARSET_CP1256, 0xC0, 0xC0, 0},
    {CHARSET_CP1256, 0xFF, 0xFF, 0},
    {CHARSET_CP866, 0xFC, 0xFC, 0x207F},
    {CHARSET_CP866, 0xFD, 0xFD, 0x00B2},
    {CHARSET_DEC8, 0xA0, 0xA0, 0x00A0},
    {CHARSET_GB18030, 0xA6D9, 0xA6DF, 0xE78D},
    {CHARSET_GB18030, 0xA6EC, 0xA6ED, 0xE794},
    {CHARSET_GB18030, 0xA6F3, 0xA6F3, 0xE796},
    {CHARSET_GB18030, 0xFE59, 0xFE59, 0xE81E},
    {CHARSET_GB18030, 0xFE61, 0xFE61, 0xE826},
    {CHARSET_GB18030, 0xFE66, 0xFE67, 0xE82B},
    {CHARSET_GB18030, 0xFE6D, 0xFE6D, 0xE832},
    {CHARSET_GB18030, 0xFE7E, 0xFE7E, 0xE843},
    {CHARSET_GB18030, 0xFE90, 0xFE90, 0xE854},
    {CHARSET_GB18030, 0xFEA0, 0xFEA0, 0xE864},
    {CHARSET_GB18030, 0x82359037, 0x82359039, 0x9FB4},
    {CHARSET_GB18030, 0x82359130, 0x82359134, 0x9FB7},
    {CHARSET_GB18030, 0x84318236, 0x84318239, 0xFE10},
    {CHARSET_GB18030, 0x84318330, 0x84318335, 0xFE14},
    {CHARSET_GB18030, 0x8431A437, 0x8431A437, 0},
    {CHARSET_GEOSTD8, 0x80, 0x80, 0x20AC},
    {CHARSET_GEOSTD8, 0x81, 0x81, 0},
    {CHARSET_GEOSTD8, 0x83, 0x83, 0},
    {CHARSET_GEOSTD8, 0x88, 0x88, 0},
    {CHARSET_GEOSTD8, 0x8A, 0x8A, 0},
    {CHARSET_GEOSTD8, 0x8C, 0x90, 0},
    {CHARSET_GEOSTD8, 0x98, 0x9A, 0},
    {CHARSET_GEOSTD8, 0x9C, 0x9F, 0},
    {CHARSET_GEOSTD8, 0xE6, 0xFC, 0},
    {CHARSET_GEOSTD8, 0xFD, 0xFD, 0x2116},
    {CHARSET_GEOSTD8, 0xFE, 0xFF, 0},
    {CHARSET_GREEK, 0xA1, 0xA1, 0x02BD},
    {CHARSET_GREEK, 0xA2, 0xA2, 0x02BC},
    {CHARSET_GREEK, 0xA4, 0xA5, 0},
    {CHARSET_GREEK, 0xAA, 0xAA, 0},
    {CHARSET_HEBREW, 0xAF, 0xAF, 0x203E},
    {CHARSET_KEYBCS2, 0x80, 0x80, 0x010C},
    {CHARSET_KEYBCS2, 0x83, 0x83, 0x010F},
    {CHARSET_KEYBCS2, 0x85, 0x85, 0x010E},
    {CHARSET_KEYBCS2, 0x86, 0x86, 0x0164},
    {CHARSET_KEYBCS2, 0x87, 0x87, 0x010D},
    {CHARSET_KEYBCS2, 0x88, 0x88, 0x011B},
    {CHARSET_KEYBCS2, 0x89, 0x89, 0x011A},
    {CHARSET_KEYBCS2, 0x8A, 0x8A, 0x0139},
    {CHARSET_KEYBCS2, 0x8B, 0x8B, 0x00CD},
    {CHARSET_KEYBCS2, 0x8C, 0x8C, 0x013E},
    {CHARSET_KEYBCS2, 0x8D, 0x8D, 0x013A},
    {CHARSET_KEYBCS2, 0x8F, 0x8F, 0x00C1},
    {CHARSET_KEYBCS2, 0x91, 0x91, 0x017E},
    {CHARSET_KEYBCS2, 0x92, 0x92, 0x017D},
    {CHARSET_KEYBCS2, 0x95, 0x95, 0x00D3},
    {CHARSET_KEYBCS2, 0x96, 0x96, 0x016F},
    {CHARSET_KEYBCS2, 0x97, 0x97, 0x00DA},
    {CHARSET_KEYBCS2, 0x98, 0x98, 0x00FD},
    {CHARSET_KEYBCS2, 0x9B, 0x9B, 0x0160},
    {CHARSET_KEYBCS2, 0x9C, 0x9C, 0x013D},
    {CHARSET_KEYBCS2, 0x9D, 0x9D, 0x00DD},
    {CHARSET_KEYBCS2, 0x9E, 0x9E, 0x0158},
    {CHARSET_KEYBCS2, 0x9F, 0x9F, 0x0165},
    {CHARSET_KEYBCS2, 0xA4, 0xA4, 0x0148},
    {CHARSET_KEYBCS2, 0xA5, 0xA5, 0x0147},
    {CHARSET_KEYBCS2, 0xA6, 0xA6, 0x016E},
    {CHARSET_KEYBCS2, 0xA7, 0xA7, 0x00D4},
    {CHARSET_KEYBCS2, 0xA8, 0xA8, 0x0161},
    {CHARSET_KEYBCS2, 0xA9, 0xA9, 0x0159},
    {CHARSET_KEYBCS2, 0xAA, 0xAA, 0x0155},
    {CHARSET_KEYBCS2, 0xAB, 0xAB, 0x0154},
    {CHARSET_KOI8U, 0x95, 0x95, 0x2022},
    {CHARSET_LATIN1, 0x81, 0x81, 0x0081},
    {CHARSET_LATIN1, 0x8D, 0x8D, 0x008D},
    {CHARSET_LATIN1, 0x8F, 0x90, 0x008F},
    {CHARSET_LATIN1, 0x9D, 0x9D, 0x009D},
    {CHARSET_MACROMAN, 0xC6, 0xC6, 0x2206},
    {CHARSET_MACROMAN, 0xF0, 0xF0, 0xF8FF},
    {CHARSET_SJIS, 0x5C, 0x5C, 0x005C},
    {CHARSET_SJIS, 0x7E, 0x7E, 0x007E},
    {CHARSET_SJIS, 0x815F, 0x815F, 0x005C},
    {CHARSET_SWE7, 0x40, 0x40, 0x00C9},
    {CHARSET_SWE7, 0x5B, 0x5B, 0x00C4},
    {CHARSET_SWE7, 0x5C, 0x5C, 0x00D6},
    {CHARSET_SWE7, 0x5D, 0x5D, 0x00C5},
    {CHARSET_SWE7, 0x5E, 0x5E, 0x00DC},
    {CHARSET_SWE7, 0x60, 0x60, 0x00E9},
    {CHARSET_SWE7, 0x7B, 0x7B, 0x00E4},
    {CHARSET_SWE7, 0x7C, 0x7C, 0x00F6},
    {CHARSET_SWE7, 0x7D, 0x7D, 0x00E5},
    {CHARSET_SWE7, 0x7E, 0x7E, 0x00FC},
    {CHARSET_SWE7, 0x7F, 0x7F, 0},
    {CHARSET_TIS620, 0xA0, 0xA0, 0},
    {CHARSET_UJIS, 0xA1C0, 0xA1C0, 0x005C},
    {CHARSET_UJIS, 0xF5A1, 0xF5FE, 0xE000},
    {CHARSET_UJIS, 0xF6A1, 0xF6FE, 0xE05E},
    {CHARSET_UJIS, 0xF7A1, 0xF7FE, 0xE0BC},
    {CHARSET_UJIS, 0xF8A1, 0xF8FE, 0xE11A},
    {CHARSET_UJIS, 0xF9A1, 0xF9FE, 0xE178},
    {CHARSET_UJIS, 0xFAA1, 0xFAFE, 0xE1D6},
    {CHARSET_UJIS, 0xFBA1, 0xFBFE, 0xE234},
    {CHARSET_UJIS, 0xFCA1, 0xFCFE, 0xE292},
    {CHARSET_UJIS, 0xFDA1, 0xFDFE, 0xE2F0},
    {CHARSET_UJIS, 0xFEA1, 0xFEFE, 0xE34E},
    {CHARSET_UJIS, 0x8FA2B7, 0x8FA2B7, 0x007E},
    {CHARSET_UJIS, 0x8FF5A1, 0x8FF5FE, 0xE3AC},
    {CHARSET_UJIS, 0x8FF6A1, 0x8FF6FE, 0xE40A},
    {CHARSET_UJIS, 0x8FF7A1, 0x8FF7FE, 0xE468},
    {CHARSET_UJIS, 0x8FF8A1, 0x8FF8FE, 0xE4C6},
    {CHARSET_UJIS, 0x8FF9A1, 0x8FF9FE, 0xE524},
    {CHARSET_UJIS, 0x8FFAA1, 0x8FFAFE, 0xE582},
    {CHARSET_UJIS, 0x8FFBA1, 0x8FFBFE, 0xE5E0},
    {CHARSET_UJIS, 0x8FFCA1, 0x8FFCFE, 0xE63E},
    {CHARSET_UJIS, 0x8FFDA1, 0x8FFDFE, 0xE69C},
    {CHARSET_UJIS, 0x8FFEA1, 0x8FFEFE, 0xE6FA},
};

const char *charset_table_missing(enum charset set) {
    return sets[set].missing;
}

/* 81308130 to 8431A439. */
static bool four_index(uint32_t code, size_t *ret) {
    size_t a = (code >> 24) - 0x81, b = (code >> 16 & 255) - 0x30, c = (code >> 8 & 255) - 0x81,
           d = (code & 255) - 0x30;
    *ret = ((a * 10 + b) * 126 + c) * 10 + d;
    return *ret < GB18030_BASIC;
}

static uint16_t *place(struct charset_table *t, uint32_t code) {
    size_t i;
    if (code < 0x100)
        return &t->one[code];
    if (code < 0x10000)
        return &t->two[code - 0x8000];
    if (code < 0x1000000)
        return &t->three[code - 0x8F8000];
    return four_index(code, &i) ? &t->four[i] : NULL;
}

/* The one character that a code is; 0: none, or more than one. */
static uint16_t ask(iconv_t cd, uint32_t code, size_t len) {
    char in[4], *from = in;
    uint32_t out[4];
    char *to = (char *)out;
    size_t in_left = len, out_left = sizeof(out);
    for (size_t i = 0; i < len; i++)
        in[i] = (char)(code >> 8 * (len - 1 - i));
    (void)iconv(cd, NULL, NULL, NULL, NULL);
    if (iconv(cd, &from, &in_left, &to, &out_left) == (size_t)-1 || in_left)
        return 0;
    (void)iconv(cd, NULL, NULL, &to, &out_left); /* some hold a character back that others may combine with */
    return out_left == sizeof(out) - sizeof(out[0]) && out[0] < 0x10000 ? (uint16_t)out[0] : 0;
}

/* Codes of two bytes, or of the two behind `prefix`. */
static uint16_t *ask_two(iconv_t cd, uint32_t prefix) {
    uint16_t *two = xcalloc(0x8000, sizeof(*two));
    for (uint32_t code = 0x8000; code < 0x10000; code++)
        two[code - 0x8000] = ask(cd, prefix << 16 | code, prefix ? 3 : 2);
    return two;
}

static uint16_t *ask_four(iconv_t cd) {
    uint16_t *four = xcalloc(GB18030_BASIC, sizeof(*four));
    for (uint32_t i = 0; i < GB18030_BASIC; i++) {
        uint32_t code =
            (0x81 + i / 12600) << 24 | (0x30 + i / 1260 % 10) << 16 | (0x81 + i / 10 % 126) << 8 | (0x30 + i % 10);
        four[i] = ask(cd, code, 4);
    }
    return four;
}

static void correct(struct charset_table *t, enum charset set) {
    for (size_t i = 0; i < ARRAY_LEN(exceptions); i++) {
        const struct exception *e = &exceptions[i];
        for (uint32_t code = e->first; e->set == set && code <= e->last; code++)
            *place(t, code) = e->to ? (uint16_t)(e->to + (code - e->first)) : 0;
    }
}

static struct charset_table *make(enum charset set) {
    iconv_t cd = iconv_open("WCHAR_T", sets[set].iconv); /* WCHAR_T is UTF-32 in the machine's order */
    if (cd == (iconv_t)-1)
        return NULL;
    bool shift_jis = set == CHARSET_CP932 || set == CHARSET_SJIS;
    unsigned ones =
        sets[set].bytes == 1 || shift_jis ? 0x100 : 0x80; /* iconv has controls of one byte in others, MySQL has not */
    struct charset_table *t = xcalloc(1, sizeof(*t));
    for (unsigned i = 0; i < ones; i++)
        t->one[i] = ask(cd, i, 1);
    if (sets[set].bytes >= 2)
        t->two = ask_two(cd, 0);
    if (sets[set].bytes == 3)
        t->three = ask_two(cd, 0x8F);
    if (sets[set].bytes == 4)
        t->four = ask_four(cd);
    iconv_close(cd);
    correct(t, set);
    t->ascii = true;
    for (unsigned i = 0; i < 0x80; i++)
        t->ascii &= t->one[i] == i;
    return t;
}

const struct charset_table *charset_table(enum charset set) {
    static struct charset_table *_Atomic tables[CHARSETS];
    static pthread_mutex_t making = PTHREAD_MUTEX_INITIALIZER;
    if (tables[set] || !sets[set].iconv)
        return tables[set];
    pthread_mutex_lock(&making);
    if (!tables[set])
        tables[set] = make(set);
    pthread_mutex_unlock(&making);
    return tables[set];
}
