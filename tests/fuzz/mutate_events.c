/* How libFuzzer alters a binlog file: within one event, or whole events, so that the sizes in the headers stay right. */
#include "tests/fuzz/events.h"

#include <stdlib.h>

size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed);
size_t LLVMFuzzerCustomCrossOver(const uint8_t *a, size_t a_size, const uint8_t *b, size_t b_size, uint8_t *out,
                                 size_t max_size, unsigned seed);

/* Puts `with` in place of `len` bytes at `at`. Returns the new size; the old one when there is no room. */
static size_t splice(uint8_t *data, size_t size, size_t max_size, struct span at, const uint8_t *with,
                     size_t with_len) {
    if (size - at.len + with_len > max_size)
        return size;
    memmove(data + at.at + with_len, data + at.at + at.len, size - at.at - at.len);
    if (with_len)
        memcpy(data + at.at, with, with_len);
    return size - at.len + with_len;
}

static size_t mutate_event(uint8_t *data, size_t size, size_t max_size, struct span e, bool header_too) {
    size_t room = MIN(e.len + 64, max_size - (size - e.len)), keep = header_too ? 0 : EVENT_HEADER_SIZE;
    if (room < e.len || room <= keep)
        return size;
    uint8_t *copy = xcalloc(1, room);
    memcpy(copy, data + e.at, e.len);
    size_t len = keep + LLVMFuzzerMutate(copy + keep, e.len - keep, room - keep);
    if (len >= EVENT_HEADER_SIZE) {
        put_le32((char *)copy + SIZE_AT, (uint32_t)len);
        size = splice(data, size, max_size, e, copy, len);
    }
    free(copy);
    return size;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed) {
    struct span events[EVENTS_MAX];
    size_t count = split(data, size, events);
    unsigned what = seed % 16, of = seed / 16;
    if (count == 0 || what == 0)
        return LLVMFuzzerMutate(data, size, max_size);
    struct span e = events[of % count], other = events[of / EVENTS_MAX % count];
    if (what == 1 && count > 1)
        return splice(data, size, max_size, e, NULL, 0);
    if (what == 2) {
        uint8_t *copy = xmalloc(e.len);
        memcpy(copy, data + e.at, e.len);
        size = splice(data, size, max_size, (struct span){other.at, 0}, copy, e.len);
        free(copy);
        return size;
    }
    return mutate_event(data, size, max_size, e, what == 3);
}

/* An event of the one, somewhere in the other. */
size_t LLVMFuzzerCustomCrossOver(const uint8_t *a, size_t a_size, const uint8_t *b, size_t b_size, uint8_t *out,
                                 size_t max_size, unsigned seed) {
    struct span from[EVENTS_MAX], to[EVENTS_MAX];
    size_t size = MIN(a_size, max_size), from_count = split(b, b_size, from), to_count = split(a, size, to);
    memcpy(out, a, size);
    if (!from_count || !to_count)
        return size;
    struct span event = from[seed % from_count], place = to[seed / EVENTS_MAX % to_count];
    return splice(out, size, max_size, (struct span){place.at, seed >> 31 ? place.len : 0}, b + event.at, event.len);
}
