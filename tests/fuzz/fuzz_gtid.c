/* Fuzzes GTID sets: text and binary. What parses must print, encode and come back the same. */
#include "contract/position.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void round_trip(const struct gtid_set *set) {
    struct gtid_set again = {0};
    struct buf text = BUF_INIT(1 << 20), bytes = BUF_INIT(1 << 20);
    gtid_set_format(set, &text);
    gtid_set_encode(set, &bytes);
    if (gtid_set_parse(&again, buf_slice(&text), NULL) != 0 || !gtid_set_contains(&again, set) ||
        !gtid_set_contains(set, &again))
        abort();
    if (gtid_set_decode(&again, buf_slice(&bytes), NULL) != 0 || gtid_set_count(&again) != gtid_set_count(set))
        abort();
    gtid_set_subtract(&again, set);
    if (!gtid_set_empty(&again))
        abort();
    gtid_set_deinit(&again);
    buf_deinit(&text);
    buf_deinit(&bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct gtid_set set = {0};
    struct position position = {0};
    if (size > 10000)
        return 0;
    if (gtid_set_parse(&set, (struct slice){(const char *)data, size}, NULL) == 0)
        round_trip(&set);
    if (gtid_set_decode(&set, (struct slice){(const char *)data, size}, NULL) == 0)
        round_trip(&set);
    struct cursor c = cursor_of(data, size);
    if (position_get(&c, &position, NULL) == 0)
        position_deinit(&position);
    gtid_set_deinit(&set);
    return 0;
}
