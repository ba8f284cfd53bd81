/* UTF-8 (RFC 3629: no surrogates, nothing overlong, nothing above U+10FFFF). */
#pragma once

#include "src/base/base.h"

enum { UTF8_MAX = 4 /* bytes of a character */ };

/* Length of the valid sequence at `p`, or 0. `left` is at least 1. */
size_t utf8_sequence(const unsigned char *p, size_t left);
/* Bytes at the start of the text that are ASCII. */
size_t utf8_ascii(struct slice text);
bool utf8_valid(struct slice text);
/* Writes a character's bytes and returns how many. */
size_t utf8_put(char *to, uint32_t c);
