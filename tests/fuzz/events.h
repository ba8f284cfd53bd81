/* A binlog file as a list of events. */
#pragma once

#include "binlog/event.h"

enum { MAGIC_SIZE = 4, SIZE_AT = 9, EVENTS_MAX = 256 };

struct span {
    size_t at, len;
};

static inline size_t split(const uint8_t *data, size_t size, struct span events[EVENTS_MAX]) {
    size_t n = 0;
    for (size_t at = MAGIC_SIZE; n < EVENTS_MAX && at + EVENT_HEADER_SIZE <= size;) {
        struct cursor c = cursor_of(data + at + SIZE_AT, 4);
        size_t len = cursor_u32(&c);
        len = MIN(len, size - at);
        if (len < EVENT_HEADER_SIZE)
            break;
        events[n++] = (struct span){at, len};
        at += len;
    }
    return n;
}

static inline void put_le32(char *to, uint32_t v) {
    for (size_t i = 0; i < 4; i++)
        to[i] = (char)(v >> (8 * i));
}
