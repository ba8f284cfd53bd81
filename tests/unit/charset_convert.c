/* Converts by the tables of binlog/charset.h, for the test that asks a real server the same (tests/e2e/test_charsets.py): from lines
 * "COLLATION HEX" to lines of hex, "-" where it is no text of its set. `charset_convert time COLLATION` measures standard input. */
#include "binlog/charset.h"
#include "src/base/sys.h"

#include <stdio.h>
#include <stdlib.h>

static size_t unhex(const char *from, unsigned char *to, size_t max) {
    size_t n = 0;
    for (unsigned byte; n < max && sscanf(from + 2 * n, "%2x", &byte) == 1; n++)
        to[n] = (unsigned char)byte;
    return n;
}

static int measure(uint32_t collation) {
    static char text[1 << 20];
    struct arena arena = {0};
    struct slice in = {text, fread(text, 1, sizeof(text), stdin)}, out = in;
    const int times = 500;
    bool valid = charset_to_utf8(charset_of_collation(collation), in, &arena, &out);
    int64_t start = sys_monotonic_us();
    for (int i = 0; i < times; i++) {
        arena_reset(&arena);
        valid &= charset_to_utf8(charset_of_collation(collation), in, &arena, &out);
    }
    double seconds = (double)(sys_monotonic_us() - start) / 1e6;
    printf("%.2f GB/s, %s\n", (double)in.len * times / seconds / 1e9, valid ? "valid" : "not valid");
    arena_deinit(&arena);
    return 0;
}

int main(int argc, char **argv) {
    if (argc == 3)
        return measure((uint32_t)strtoul(argv[2], NULL, 10));
    static char line[70000];
    static unsigned char bytes[sizeof(line) / 2];
    struct arena arena = {0};
    while (fgets(line, sizeof(line), stdin)) {
        char *hex;
        enum charset set = charset_of_collation((uint32_t)strtoul(line, &hex, 10));
        struct slice text = {(const char *)bytes, unhex(hex + 1, bytes, sizeof(bytes))}, utf8;
        if (charset_to_utf8(set, text, &arena, &utf8))
            for (size_t i = 0; i < utf8.len; i++)
                printf("%02X", (unsigned char)utf8.data[i]);
        else
            printf("-");
        putchar('\n');
        arena_reset(&arena);
    }
    arena_deinit(&arena);
    return 0;
}
