/* Fuzzes GTID sets: text and binary. What parses must print, encode and come back the same; two sets (text, a NUL, text) must keep the
 * laws of set arithmetic. */
#include "contract/position.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool law) {
    if (!law)
        abort();
}

static bool same(const struct gtid_set *a, const struct gtid_set *b) {
    return gtid_set_contains(a, b) && gtid_set_contains(b, a) && gtid_set_count(a) == gtid_set_count(b);
}

static void round_trip(const struct gtid_set *set) {
    struct gtid_set again = {0};
    struct buf text = BUF_INIT(1 << 20), bytes = BUF_INIT(1 << 20);
    gtid_set_format(set, &text);
    gtid_set_encode(set, &bytes);
    must(gtid_set_parse(&again, buf_slice(&text), NULL) == 0 && same(&again, set));
    must(gtid_set_decode(&again, buf_slice(&bytes), NULL) == 0 && same(&again, set));
    gtid_set_subtract(&again, set);
    must(gtid_set_empty(&again));
    gtid_set_deinit(&again);
    buf_deinit(&text);
    buf_deinit(&bytes);
}

static void laws(const struct gtid_set *a, const struct gtid_set *b) {
    struct gtid_set sum = {0}, only_a = {0}, both = {0};
    gtid_set_copy(&sum, a);
    gtid_set_add_set(&sum, b);
    gtid_set_copy(&only_a, a);
    gtid_set_subtract(&only_a, b);
    gtid_set_copy(&both, a);
    gtid_set_subtract(&both, &only_a);
    must(gtid_set_contains(&sum, a) && gtid_set_contains(&sum, b) && gtid_set_contains(b, &both));
    must(gtid_set_count(&sum) == gtid_set_count(&only_a) + gtid_set_count(b));
    must(gtid_set_contains(b, a) == gtid_set_empty(&only_a));
    round_trip(&sum);
    round_trip(&only_a);
    gtid_set_add_set(&only_a, &both);
    must(same(&only_a, a));
    gtid_set_deinit(&sum);
    gtid_set_deinit(&only_a);
    gtid_set_deinit(&both);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct gtid_set set = {0}, other = {0};
    struct position position = {0};
    struct slice text = {(const char *)data, size};
    if (size > 10000)
        return 0;
    if (gtid_set_decode(&set, text, NULL) == 0)
        round_trip(&set);
    const char *nul = size ? memchr(data, 0, size) : NULL;
    if (nul) {
        other = set;
        set = (struct gtid_set){0};
        struct slice second = {nul + 1, size - (size_t)(nul + 1 - text.data)};
        text.len = (size_t)(nul - text.data);
        (void)!gtid_set_parse(&other, second, NULL);
    }
    if (gtid_set_parse(&set, text, NULL) == 0)
        round_trip(&set);
    laws(&set, &other);
    laws(&other, &set);
    struct cursor c = cursor_of(data, size);
    if (position_get(&c, &position, NULL) == 0)
        position_deinit(&position);
    gtid_set_deinit(&set);
    gtid_set_deinit(&other);
    return 0;
}
