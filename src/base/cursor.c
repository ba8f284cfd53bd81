/* Reading bytes from outside. */
#include "src/base/cursor.h"

uint64_t cursor_lenenc(struct cursor *c) {
    uint8_t first = cursor_u8(c);
    switch (first) {
    case 0xFC:
        return cursor_le(c, 2);
    case 0xFD:
        return cursor_le(c, 3);
    case 0xFE:
        return cursor_le(c, 8);
    case 0xFB: /* NULL in result sets */
    case 0xFF: /* an error packet */
        c->failed = true;
        return 0;
    default:
        return first;
    }
}

uint64_t cursor_varint(struct cursor *c) {
    uint64_t v = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
        uint8_t b = cursor_u8(c);
        v |= (uint64_t)(b & 0x7F) << shift;
        if (!(b & 0x80))
            return v;
    }
    c->failed = true;
    return 0;
}

struct slice cursor_blob(struct cursor *c) {
    uint64_t len = cursor_varint(c);
    const unsigned char *p = len <= cursor_left(c) ? cursor_take(c, (size_t)len) : NULL;
    if (!p) {
        c->failed = true;
        return (struct slice){NULL, 0};
    }
    return (struct slice){(const char *)p, (size_t)len};
}
