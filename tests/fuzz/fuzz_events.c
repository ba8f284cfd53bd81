/* Fuzzes everything that reads binlog events: feed, transaction buffer, decoder, payloads, statements. Input: a binlog file. Checksums
 * are made right first, or nothing behind them would ever be reached. */
#include "binlog/event.h"
#include "binlog/feed.h"
#include "binlog/rows.h"

#include <libdeflate.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void *on_table(void *context, const struct table *table, bool *wanted, int *ret_error, struct error *error) {
    static int handle;
    for (size_t i = 0; i < table->column_count; i++)
        wanted[i] = table->columns[i].type != COLUMN_JSON && table->columns[i].type != COLUMN_GEOMETRY &&
                    table->columns[i].type != COLUMN_VECTOR;
    return &handle;
}

static void touch(const struct table *table, const struct value *values, struct buf *out) {
    for (size_t i = 0; values && i < table->column_count; i++) {
        value_put_text(out, &values[i]);
        value_put(out, &values[i]);
        value_put_key(out, &values[i]);
    }
}

static int on_row(void *context, const struct row_change *change, struct error *error) {
    struct buf *out = context;
    buf_clear(out);
    touch(change->table, change->before, out);
    touch(change->table, change->after, out);
    return 0;
}

static char *with_checksum(const uint8_t *data, size_t size) {
    char *copy = xmalloc(size);
    memcpy(copy, data, size);
    if (size >= EVENT_HEADER_SIZE + CHECKSUM_SIZE) {
        uint32_t crc = libdeflate_crc32(0, copy, size - CHECKSUM_SIZE);
        for (size_t i = 0; i < CHECKSUM_SIZE; i++)
            copy[size - CHECKSUM_SIZE + i] = (char)(crc >> (8 * i));
    }
    return copy;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct buf out = BUF_INIT(1 << 20);
    struct error error;
    struct feed f = {.spill_dir = "/tmp", .txn_memory_bytes = 4096};
    struct decoder_options options = {.database = "test1", .context = &out, .table = on_table, .row = on_row};
    struct decoder *d = decoder_new(&options);
    for (size_t at = 4; at + EVENT_HEADER_SIZE <= size;) {
        struct cursor c = cursor_of(data + at, size - at);
        cursor_skip(&c, 9);
        size_t len = cursor_u32(&c);
        len = MIN(len, size - at);
        if (len < EVENT_HEADER_SIZE)
            break;
        char *event = with_checksum(data + at, len);
        struct txn *t = NULL;
        int r = feed_event(&f, (struct slice){event, len}, &t, &error);
        free(event);
        if (r == FEED_TXN)
            r = decoder_run(d, t, &error);
        txn_free(t);
        if (r < 0)
            break;
        at += len;
    }
    decoder_free(d);
    feed_deinit(&f);
    buf_deinit(&out);
    return 0;
}
