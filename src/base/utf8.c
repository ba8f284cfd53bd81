/* UTF-8: telling valid text, writing characters. Most text is ASCII: eight bytes are looked at at a time. */
#include "src/base/utf8.h"

#include <endian.h>

size_t utf8_sequence(const unsigned char *p, size_t left) {
    static const struct {
        unsigned char first_min, first_max, second_min, second_max, len;
    } rows[] = {
        {0xC2, 0xDF, 0x80, 0xBF, 2}, {0xE0, 0xE0, 0xA0, 0xBF, 3}, {0xE1, 0xEC, 0x80, 0xBF, 3},
        {0xED, 0xED, 0x80, 0x9F, 3}, {0xEE, 0xEF, 0x80, 0xBF, 3}, {0xF0, 0xF0, 0x90, 0xBF, 4},
        {0xF1, 0xF3, 0x80, 0xBF, 4}, {0xF4, 0xF4, 0x80, 0x8F, 4},
    };
    if (p[0] < 0x80)
        return 1;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if (p[0] < rows[i].first_min || p[0] > rows[i].first_max)
            continue;
        if (left < rows[i].len || p[1] < rows[i].second_min || p[1] > rows[i].second_max)
            return 0;
        for (size_t k = 2; k < rows[i].len; k++)
            if ((p[k] & 0xC0) != 0x80)
                return 0;
        return rows[i].len;
    }
    return 0;
}

/* The first byte from `i` on that is not ASCII, or `len`. */
static inline size_t ascii_from(const unsigned char *p, size_t i, size_t len) {
    const uint64_t highest = 0x8080808080808080;
    uint64_t eight;
    for (; len - i >= sizeof(eight); i += sizeof(eight)) {
        memcpy(&eight, p + i, sizeof(eight));
        eight = le64toh(eight) & highest;
        if (eight)
            return i + (size_t)__builtin_ctzll(eight) / 8;
    }
    if (i < len && len >= sizeof(eight)) { /* the last eight, those before `i` shifted out */
        memcpy(&eight, p + len - sizeof(eight), sizeof(eight));
        eight = (le64toh(eight) & highest) >> 8 * (sizeof(eight) - (len - i));
        return eight ? i + (size_t)__builtin_ctzll(eight) / 8 : len;
    }
    while (i < len && p[i] < 0x80)
        i++;
    return i;
}

size_t utf8_ascii(struct slice text) {
    return ascii_from((const unsigned char *)text.data, 0, text.len);
}

static inline bool follows(unsigned char c) {
    return (c & 0xC0) == 0x80;
}

/* Most of what is not ASCII: two bytes, and three that begin with E1 to EC. 0: neither, or not valid. */
static inline size_t common_sequence(const unsigned char *p, size_t left) {
    if (p[0] >= 0xC2 && p[0] < 0xE0 && left >= 2 && follows(p[1]))
        return 2;
    if (p[0] > 0xE0 && p[0] < 0xED && left >= 3 && follows(p[1]) && follows(p[2]))
        return 3;
    return 0;
}

bool utf8_valid(struct slice text) {
    const unsigned char *p = (const unsigned char *)text.data;
    for (size_t i = ascii_from(p, 0, text.len); i < text.len;) {
        size_t n = common_sequence(p + i, text.len - i);
        if (!n)
            n = utf8_sequence(p + i, text.len - i);
        if (!n)
            return false;
        i += n;
        if (i < text.len && p[i] < 0x80)
            i = ascii_from(p, i + 1, text.len);
    }
    return true;
}

size_t utf8_put(char *to, uint32_t c) {
    if (c < 0x80) {
        to[0] = (char)c;
        return 1;
    }
    size_t n = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    for (size_t i = n - 1; i > 0; i--, c >>= 6)
        to[i] = (char)(0x80 | (c & 63));
    to[0] = (char)((n == 2 ? 0xC0u : n == 3 ? 0xE0u : 0xF0u) | c);
    return n;
}
