/* Binlog events made by hand, with good checksums. */
#pragma once

#include "binlog/event.h"

#include <libdeflate.h>

static inline size_t make_event(unsigned char *out, uint8_t type, uint16_t flags, uint32_t log_pos, const void *body,
                                size_t len, bool checksum) {
    struct buf b = BUF_INIT(10000);
    size_t size = EVENT_HEADER_SIZE + len + (checksum ? CHECKSUM_SIZE : 0);
    buf_put_le32(&b, 1000000000);
    buf_put_u8(&b, type);
    buf_put_le32(&b, 1);
    buf_put_le32(&b, (uint32_t)size);
    buf_put_le32(&b, log_pos);
    buf_put_le16(&b, flags);
    buf_put(&b, body, len);
    if (checksum)
        buf_put_le32(&b, libdeflate_crc32(0, b.data, b.len));
    memcpy(out, b.data, b.len);
    buf_deinit(&b);
    return size;
}

static inline size_t make_format(unsigned char *out) {
    unsigned char body[2 + 50 + 4 + 1 + 42 + 1] = {4, 0, '9', '.', '7'};
    body[56] = EVENT_HEADER_SIZE;
    body[sizeof(body) - 1] = CHECKSUM_CRC32;
    return make_event(out, EVENT_FORMAT_DESCRIPTION, 0, 0, body, sizeof(body), true);
}

static inline size_t make_query(unsigned char *out, uint32_t log_pos, const char *sql) {
    unsigned char body[200] = {0};
    body[8] = 1; /* thread 4, seconds 4, the length of the database 1, error 2, length of status 2, then "d" */
    size_t n = 13;
    memcpy(body + n, "d", 2);
    n += 2;
    memcpy(body + n, sql, strlen(sql));
    return make_event(out, EVENT_QUERY, 0, log_pos, body, n + strlen(sql), true);
}
