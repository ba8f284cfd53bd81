/* Character sets by MySQL's collation numbers, and the way to UTF-8: exactly what the server's CONVERT(… USING utf8mb4) gives. */
#pragma once

#include "src/base/arena.h"

enum charset {
    CHARSET_UNKNOWN, /* a collation that no server up to 9.7 has */
    CHARSET_BINARY,
    CHARSET_UTF8MB4,
    CHARSET_UTF8MB3,
    CHARSET_UCS2,
    CHARSET_UTF16,
    CHARSET_UTF16LE,
    CHARSET_UTF32,
    CHARSET_ASCII,
    CHARSET_ARMSCII8, /* from here on by tables: charset_table.h */
    CHARSET_BIG5,
    CHARSET_CP1250,
    CHARSET_CP1251,
    CHARSET_CP1256,
    CHARSET_CP1257,
    CHARSET_CP850,
    CHARSET_CP852,
    CHARSET_CP866,
    CHARSET_CP932,
    CHARSET_DEC8,
    CHARSET_EUCJPMS,
    CHARSET_EUCKR,
    CHARSET_GB18030,
    CHARSET_GB2312,
    CHARSET_GBK,
    CHARSET_GEOSTD8,
    CHARSET_GREEK,
    CHARSET_HEBREW,
    CHARSET_HP8,
    CHARSET_KEYBCS2,
    CHARSET_KOI8R,
    CHARSET_KOI8U,
    CHARSET_LATIN1,
    CHARSET_LATIN2,
    CHARSET_LATIN5,
    CHARSET_LATIN7,
    CHARSET_MACCE,
    CHARSET_MACROMAN,
    CHARSET_SJIS,
    CHARSET_SWE7,
    CHARSET_TIS620,
    CHARSET_UJIS,
    CHARSETS,
};

enum charset charset_of_collation(uint32_t collation);

/* NULL when text of the set can be converted, else what it is and why not ("text of character set gbk (the C library's conversion …)"). */
const char *charset_refusal(enum charset set);

/* Text of the set as UTF-8: `text` itself where nothing changes, else in the arena. False when it is no text of that set (or one that
 * has no Unicode), or charset_refusal() refuses it: *ret is not touched. */
bool charset_to_utf8(enum charset set, struct slice text, struct arena *arena, struct slice *ret) must_check;
