/* UTF-8: telling valid text, writing characters. Most text is ASCII: eight bytes are looked at at a time. */
#include "src/base/utf8.h"

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

size_t utf8_ascii(struct slice text) {
    size_t i = 0;
    for (uint64_t eight; text.len - i >= sizeof(eight); i += sizeof(eight)) {
        memcpy(&eight, text.data + i, sizeof(eight));
        if (eight & 0x8080808080808080)
            break;
    }
    while (i < text.len && (unsigned char)text.data[i] < 0x80)
        i++;
    return i;
}

bool utf8_valid(struct slice text) {
    const unsigned char *p = (const unsigned char *)text.data;
    for (size_t i = 0; i < text.len;) {
        if (p[i] < 0x80) {
            i += utf8_ascii((struct slice){text.data + i, text.len - i});
            continue;
        }
        if (p[i] >= 0xC2 && p[i] < 0xE0 && text.len - i >= 2 &&
            (p[i + 1] & 0xC0) == 0x80) { /* most that is not ASCII */
            i += 2;
            continue;
        }
        size_t n = utf8_sequence(p + i, text.len - i);
        if (!n)
            return false;
        i += n;
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
