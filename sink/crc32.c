/* CRC-32, reflected polynomial 0xEDB88320, one table; answers are small. */
#include "sink/crc32.h"

#include <pthread.h>

static uint32_t table[256];

static void fill_table(void) {
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t v = i;
        for (unsigned bit = 0; bit < 8; bit++)
            v = v & 1 ? v >> 1 ^ 0xEDB88320u : v >> 1;
        table[i] = v;
    }
}

uint32_t crc32_of(struct slice bytes) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, fill_table);
    uint32_t v = 0xFFFFFFFFu;
    for (size_t i = 0; i < bytes.len; i++)
        v = v >> 8 ^ table[(v ^ (unsigned char)bytes.data[i]) & 255];
    return v ^ 0xFFFFFFFFu;
}
