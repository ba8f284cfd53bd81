/* What the characters of a set are in Unicode. 0 is none (but for byte 0). All but gb18030's last four planes are in the basic one. */
#pragma once

#include "binlog/charset.h"

enum { GB18030_BASIC = 39420 /* four-byte codes of the basic plane, counted from 81308130 */ };

struct charset_table {
    bool ascii;        /* bytes below 80 are ASCII */
    uint16_t one[256]; /* characters of one byte */
    uint16_t *two;     /* [(first - 80) * 256 + second]; NULL: none has two */
    uint16_t *three;   /* those that begin with 8F, by the bytes behind it as in `two` */
    uint16_t *four;    /* gb18030, [GB18030_BASIC] */
};

/* Made at first use and kept; any thread may ask. NULL when the C library lacks the conversion. */
const struct charset_table *charset_table(enum charset set);

/* What to say where there is none. */
const char *charset_table_missing(enum charset set);
