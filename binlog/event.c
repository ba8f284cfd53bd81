/* Reading single events. Everything goes through a cursor; what does not fit is an error, never a guess. */
#include "binlog/event.h"

#include <libdeflate.h>
#include <stdlib.h>

static const char *const names[] = {
    [EVENT_QUERY] = "QUERY",
    [EVENT_STOP] = "STOP",
    [EVENT_ROTATE] = "ROTATE",
    [EVENT_INTVAR] = "INTVAR",
    [EVENT_RAND] = "RAND",
    [EVENT_USER_VAR] = "USER_VAR",
    [EVENT_FORMAT_DESCRIPTION] = "FORMAT_DESCRIPTION",
    [EVENT_XID] = "XID",
    [EVENT_EXECUTE_LOAD_QUERY] = "EXECUTE_LOAD_QUERY",
    [EVENT_TABLE_MAP] = "TABLE_MAP",
    [EVENT_WRITE_ROWS_V1] = "WRITE_ROWS (version 1)",
    [EVENT_UPDATE_ROWS_V1] = "UPDATE_ROWS (version 1)",
    [EVENT_DELETE_ROWS_V1] = "DELETE_ROWS (version 1)",
    [EVENT_INCIDENT] = "INCIDENT",
    [EVENT_HEARTBEAT] = "HEARTBEAT",
    [EVENT_ROWS_QUERY] = "ROWS_QUERY",
    [EVENT_WRITE_ROWS] = "WRITE_ROWS",
    [EVENT_UPDATE_ROWS] = "UPDATE_ROWS",
    [EVENT_DELETE_ROWS] = "DELETE_ROWS",
    [EVENT_GTID] = "GTID",
    [EVENT_ANONYMOUS_GTID] = "ANONYMOUS_GTID",
    [EVENT_PREVIOUS_GTIDS] = "PREVIOUS_GTIDS",
    [EVENT_XA_PREPARE] = "XA_PREPARE",
    [EVENT_PARTIAL_UPDATE_ROWS] = "PARTIAL_UPDATE_ROWS",
    [EVENT_TRANSACTION_PAYLOAD] = "TRANSACTION_PAYLOAD",
    [EVENT_HEARTBEAT_V2] = "HEARTBEAT_V2",
    [EVENT_GTID_TAGGED] = "GTID_TAGGED",
};

const char *event_name(uint8_t type) {
    return type < ARRAY_LEN(names) && names[type] ? names[type] : "unknown";
}

static int malformed(const struct event *e, struct error *error) {
    return error_set(error, ERR_SOURCE,
                     "a %s event (type %u, %u bytes) of the binlog is malformed: check the source's disk and network",
                     event_name(e->type), e->type, e->size);
}

bool event_checksum_good(struct slice raw) {
    if (raw.len < EVENT_HEADER_SIZE + CHECKSUM_SIZE)
        return false;
    size_t len = raw.len - CHECKSUM_SIZE;
    struct cursor tail = cursor_of(raw.data + len, CHECKSUM_SIZE);
    return libdeflate_crc32(0, raw.data, len) == cursor_u32(&tail);
}

int event_read(struct event *ret, struct slice raw, enum checksum checksum, struct error *error) {
    struct cursor c = cursor_of(raw.data, raw.len);
    struct event e = {.timestamp = cursor_u32(&c)};
    e.type = cursor_u8(&c);
    e.server_id = cursor_u32(&c);
    e.size = cursor_u32(&c);
    e.log_pos = cursor_u32(&c);
    e.flags = cursor_u16(&c);
    size_t tail = checksum == CHECKSUM_CRC32 ? CHECKSUM_SIZE : 0;
    bool cut = checksum == CHECKSUM_CUT &&
               (e.size == raw.len + CHECKSUM_SIZE || (e.type == EVENT_TRANSACTION_PAYLOAD && e.size > raw.len));
    if (c.failed || (e.size != raw.len && !cut) || cursor_left(&c) < tail)
        return error_set(error, ERR_SOURCE,
                         "an event of the binlog has %zu bytes and says %u: check the source's disk and network",
                         raw.len, e.size);
    if (tail && !event_checksum_good(raw))
        return error_set(error, ERR_SOURCE,
                         "the checksum of a %s event (type %u, ends at %u) of the binlog is wrong: bytes were changed "
                         "on the source's disk "
                         "or on the way",
                         event_name(e.type), e.type, e.log_pos);
    e.body = (struct slice){(const char *)c.at, cursor_left(&c) - tail};
    *ret = e;
    return 0;
}

/* Format version 2, server version 50, creation time 4, header length 1, a length for each type, checksum algorithm 1, CRC32 4.
 * The last five bytes are there in every server that this program supports (5.6.1 and later). */
unsigned version_number(const char *text) {
    char *end;
    unsigned long major = strtoul(text, &end, 10), minor = 0, patch = 0;
    if (*end == '.')
        minor = strtoul(end + 1, &end, 10);
    if (*end == '.')
        patch = strtoul(end + 1, &end, 10);
    return (unsigned)(major * 10000 + minor * 100 + patch);
}

int format_event_read(struct format_event *ret, struct slice raw, struct error *error) {
    struct event e;
    int r = event_read(&e, raw, CHECKSUM_OFF, error);
    if (r)
        return r;
    struct cursor c = cursor_of(e.body.data, e.body.len);
    uint16_t version = cursor_u16(&c);
    const unsigned char *server = cursor_take(&c, 50);
    uint32_t created = cursor_u32(&c);
    uint8_t header = cursor_u8(&c);
    if (c.failed || cursor_left(&c) < 1 + CHECKSUM_SIZE)
        return malformed(&e, error);
    if (version != 4 || header != EVENT_HEADER_SIZE)
        return error_set(error, ERR_SOURCE, "binlog format %u is not supported (4 is, of MySQL 8.0 and later)",
                         version);
    cursor_skip(&c, cursor_left(&c) - 1 - CHECKSUM_SIZE);
    uint8_t algorithm = cursor_u8(&c);
    if (algorithm > CHECKSUM_CRC32)
        return error_set(error, ERR_SOURCE, "the binlog's checksum algorithm %u is unknown", algorithm);
    /* This event has one whatever it says of the others. But for a stream that begins in mid-file the server clears the creation time,
     * and makes the checksum anew only when it makes any (Binlog_sender::send_format_description_event in sql/rpl_binlog_sender.cc). */
    bool cleared = algorithm == CHECKSUM_OFF && created == 0;
    if (!cleared && !event_checksum_good(raw))
        return error_set(error, ERR_SOURCE, "the checksum of the binlog's format description event is wrong");
    *ret = (struct format_event){.checksum = algorithm};
    memcpy(ret->server_version, server, 50);
    if (strstr(ret->server_version, "MariaDB"))
        return error_set(error, ERR_SOURCE, "the source is %s: MariaDB's binlog is not supported", ret->server_version);
    return 0;
}

/* ---- GTID events */

/* Zero, and the greatest number of 55 bits, say that the time is not known (the original server is a 5.7): then the event's own stays. */
static void take_commit_time(int64_t *ret, uint64_t us) {
    if (us > 0 && us < (1ULL << 55) - 1)
        *ret = (int64_t)us;
}

/* 7 bytes each; the highest bit of the first says that the original server's time follows. */
static void read_commit_times(struct cursor *c, int64_t *ret) {
    const uint64_t more = 1ULL << 55;
    uint64_t immediate = cursor_le(c, 7), original = immediate & ~more;
    if (immediate & more)
        original = cursor_le(c, 7);
    if (!c->failed) {
        take_commit_time(ret, immediate & ~more);
        take_commit_time(ret, original);
    }
}

static int read_plain_gtid(struct gtid_event *ret, const struct event *e, struct error *error) {
    struct cursor c = cursor_of(e->body.data, e->body.len);
    struct gtid_event g = {0};
    cursor_skip(&c, 1); /* flags */
    const unsigned char *uuid = cursor_take(&c, 16);
    uint64_t number = cursor_u64(&c);
    if (c.failed || number > INT64_MAX || (e->type == EVENT_GTID && number == 0))
        return malformed(e, error);
    if (e->type == EVENT_GTID) {
        memcpy(g.gtid.uuid, uuid, 16);
        g.gtid.number = (int64_t)number;
    }
    g.commit_us = (int64_t)e->timestamp * 1000000;
    if (cursor_u8(&c) == 2) { /* logical clock: two numbers */
        cursor_skip(&c, 16);
        read_commit_times(&c, &g.commit_us);
    }
    *ret = g;
    return 0;
}

/* mysql::serialization's integers: the ones at the low end of the first byte count the bytes that follow; the rest, little-endian,
 * is the value (libs/mysql/serialization/variable_length_integers.h). */
static uint64_t read_varlen(struct cursor *c) {
    uint8_t first = cursor_u8(c);
    unsigned more = 0;
    while (more < 8 && (first >> more & 1))
        more++;
    uint64_t rest = cursor_le(c, more);
    if (more >= 7)
        return rest;
    return (uint64_t)first >> (more + 1) | rest << (7 - more);
}

static int64_t read_varlen_signed(struct cursor *c) {
    uint64_t z = read_varlen(c);
    return (int64_t)(z >> 1 ^ (0 - (z & 1)));
}

enum tagged_field {
    TAGGED_FLAGS,
    TAGGED_UUID,
    TAGGED_NUMBER,
    TAGGED_TAG,
    TAGGED_LAST_COMMITTED,
    TAGGED_SEQUENCE,
    TAGGED_IMMEDIATE_COMMIT,
    TAGGED_ORIGINAL_COMMIT,
};

static void read_tagged_field(struct cursor *c, enum tagged_field field, struct gtid_event *g) {
    switch (field) {
    case TAGGED_UUID:
        for (size_t i = 0; i < 16; i++)
            g->gtid.uuid[i] = (unsigned char)read_varlen(c);
        break;
    case TAGGED_NUMBER:
        g->gtid.number = read_varlen_signed(c);
        break;
    case TAGGED_TAG: {
        uint64_t len = read_varlen(c);
        const unsigned char *tag = cursor_take(c, len);
        if (!tag || len > GTID_TAG_MAX)
            c->failed = true;
        else
            memcpy(g->gtid.tag, tag, len);
        break;
    }
    case TAGGED_LAST_COMMITTED:
    case TAGGED_SEQUENCE:
        (void)read_varlen_signed(c);
        break;
    case TAGGED_IMMEDIATE_COMMIT:
    case TAGGED_ORIGINAL_COMMIT: /* absent when equal to the immediate one, which stands before it */
        take_commit_time(&g->commit_us, read_varlen(c));
        break;
    case TAGGED_FLAGS:
        (void)read_varlen(c);
        break;
    }
}

/* Version, size, last field that must be understood; then field number and value, in ascending order, absent ones left out
 * (Gtid_event::define_fields in control_events.h). What follows the times is not needed. */
static int read_tagged_gtid(struct gtid_event *ret, const struct event *e, struct error *error) {
    struct cursor c = cursor_of(e->body.data, e->body.len);
    struct gtid_event g = {.commit_us = (int64_t)e->timestamp * 1000000};
    uint64_t version = read_varlen(&c);
    (void)read_varlen(&c);
    (void)read_varlen(&c);
    if (c.failed || version != 1)
        return malformed(e, error);
    bool has_uuid = false;
    while (cursor_left(&c)) {
        uint64_t field = read_varlen(&c);
        if (field > TAGGED_ORIGINAL_COMMIT)
            break;
        has_uuid = has_uuid || field == TAGGED_UUID;
        read_tagged_field(&c, (enum tagged_field)field, &g);
    }
    if (c.failed || !has_uuid || g.gtid.number <= 0)
        return malformed(e, error);
    *ret = g;
    return 0;
}

int gtid_event_read(struct gtid_event *ret, const struct event *e, struct error *error) {
    return e->type == EVENT_GTID_TAGGED ? read_tagged_gtid(ret, e, error) : read_plain_gtid(ret, e, error);
}

/* ---- XA */

bool xid_set(struct xid *ret, uint32_t format, struct slice gtrid, struct slice bqual) {
    if (gtrid.len > XID_PART_MAX || bqual.len > XID_PART_MAX)
        return false;
    struct buf b = {.data = ret->bytes, .cap = sizeof(ret->bytes), .max = sizeof(ret->bytes), .borrowed = true};
    buf_put_le32(&b, format);
    buf_put_u8(&b, (uint8_t)gtrid.len);
    buf_put_u8(&b, (uint8_t)bqual.len);
    buf_put_slice(&b, gtrid);
    buf_put_slice(&b, bqual);
    ret->len = b.len;
    return true;
}

void xid_format(const struct xid *xid, struct buf *buf) {
    struct cursor c = cursor_of(xid->bytes, xid->len);
    uint32_t format = cursor_u32(&c);
    uint8_t lens[2] = {cursor_u8(&c)};
    lens[1] = cursor_u8(&c);
    for (size_t part = 0; part < ARRAY_LEN(lens); part++) {
        buf_put_text(buf, "X'");
        for (size_t i = 0; i < lens[part]; i++)
            buf_printf(buf, "%02x", cursor_u8(&c));
        buf_put_text(buf, "',");
    }
    buf_printf(buf, "%u", format);
}

/* One phase 1, format 4, lengths of gtrid and bqual 4 each, both (XA_prepare_event in control_events.h). */
int xa_prepare_event_read(struct xa_prepare_event *ret, const struct event *e, struct error *error) {
    struct cursor c = cursor_of(e->body.data, e->body.len);
    struct xa_prepare_event x = {.one_phase = cursor_u8(&c) != 0};
    uint32_t format = cursor_u32(&c), gtrid_len = cursor_u32(&c), bqual_len = cursor_u32(&c);
    struct slice gtrid = {(const char *)cursor_take(&c, gtrid_len), gtrid_len};
    struct slice bqual = {(const char *)cursor_take(&c, bqual_len), bqual_len};
    if (c.failed || !xid_set(&x.xid, format, gtrid, bqual))
        return malformed(e, error);
    *ret = x;
    return 0;
}

/* ---- queries and places */

enum { STATUS_SQL_MODE = 1, STATUS_CHARSET = 4, STATUS_UPDATED_DATABASES = 12, STATUS_DATABASES_MANY = 254 };
enum { MODE_ANSI_QUOTES = 4, MODE_NO_BACKSLASH_ESCAPES = 0x100000 };

/* Status variables have a code and then a length of their own: so many bytes, or (negative) so many texts, each behind its length. The
 * codes and lengths are those of Query_event in statement_events.h; behind an unknown one nothing can be read. */
static const int8_t status_sizes[] = {
    [0] = 4,   [STATUS_SQL_MODE] = 8,
    [3] = 4,   [STATUS_CHARSET] = 6,
    [5] = -1,  [6] = -1,
    [7] = 2,   [8] = 2,
    [9] = 8,   [10] = 4,
    [11] = -2, [13] = 3,
    [16] = 1,  [17] = 8,
    [18] = 2,  [19] = 1,
    [20] = 1,
};

/* Count 1, then names, each with a zero byte. */
static void read_databases(struct query_event *q, struct cursor *c) {
    uint8_t count = cursor_u8(c);
    if (count == STATUS_DATABASES_MANY)
        return;
    for (size_t i = 0; i < count && !c->failed; i++) {
        const unsigned char *end = cursor_left(c) ? memchr(c->at, 0, cursor_left(c)) : NULL;
        size_t len = end ? (size_t)(end - c->at) : cursor_left(c);
        struct slice name = {(const char *)cursor_take(c, len), len};
        cursor_skip(c, 1);
        if (i < QUERY_DATABASES_MAX)
            q->databases[i] = name;
    }
    q->databases_known = !c->failed && count <= QUERY_DATABASES_MAX;
    q->database_count = q->databases_known ? count : 0;
}

static void read_status(struct query_event *q, struct cursor c) {
    while (cursor_left(&c)) {
        uint8_t code = cursor_u8(&c);
        struct cursor value = c;
        if (code == STATUS_UPDATED_DATABASES) {
            read_databases(q, &c);
            continue;
        }
        if (code >= ARRAY_LEN(status_sizes) || status_sizes[code] == 0)
            return;
        for (int text = 0; text > status_sizes[code]; text--)
            cursor_skip(&c, cursor_u8(&c));
        if (status_sizes[code] > 0)
            cursor_skip(&c, (size_t)status_sizes[code]);
        if (c.failed)
            return;
        if (code == STATUS_SQL_MODE) {
            uint64_t mode = cursor_u64(&value);
            q->mode.ansi_quotes = mode & MODE_ANSI_QUOTES;
            q->mode.no_backslash_escapes = mode & MODE_NO_BACKSLASH_ESCAPES;
        } else if (code == STATUS_CHARSET) {
            q->mode.collation = cursor_u16(&value);
        }
    }
}

/* Thread 4, seconds 4, database's length 1, error 2, status variables' length 2; LOAD DATA adds 13; then status variables,
 * database with a zero byte, statement. */
int query_event_read(struct query_event *ret, const struct event *e, struct error *error) {
    struct cursor c = cursor_of(e->body.data, e->body.len);
    cursor_skip(&c, 8);
    uint8_t database_len = cursor_u8(&c);
    cursor_skip(&c, 2);
    uint16_t status_len = cursor_u16(&c);
    if (e->type == EVENT_EXECUTE_LOAD_QUERY)
        cursor_skip(&c, 13);
    const unsigned char *status = cursor_take(&c, status_len);
    const unsigned char *database = cursor_take(&c, database_len);
    cursor_skip(&c, 1);
    if (c.failed)
        return malformed(e, error);
    *ret = (struct query_event){.database = {(const char *)database, database_len},
                                .sql = {(const char *)c.at, cursor_left(&c)}};
    read_status(ret, cursor_of(status, status_len));
    return 0;
}

/* Fields of type, length, value (lenenc each) until type 0: 1 is the file's name, 2 the offset, itself a lenenc. */
static bool read_heartbeat_v2(struct cursor *c, struct place_event *p) {
    for (;;) {
        uint64_t type = cursor_lenenc(c);
        if (type == 0 || c->failed)
            return !c->failed;
        uint64_t len = cursor_lenenc(c);
        const unsigned char *value = cursor_take(c, len);
        struct cursor v = cursor_of(value, value ? len : 0);
        if (type == 1)
            p->file = (struct slice){(const char *)value, value ? len : 0};
        else if (type == 2)
            p->offset = cursor_lenenc(&v);
        if (v.failed)
            return false;
    }
}

int place_event_read(struct place_event *ret, const struct event *e, struct error *error) {
    struct cursor c = cursor_of(e->body.data, e->body.len);
    struct place_event p = {.offset = e->log_pos};
    bool good = true;
    if (e->type == EVENT_HEARTBEAT_V2) {
        good = read_heartbeat_v2(&c, &p);
    } else {
        if (e->type == EVENT_ROTATE)
            p.offset = cursor_u64(&c);
        p.file = (struct slice){(const char *)c.at, cursor_left(&c)};
    }
    if (!good || c.failed || p.file.len == 0 || p.file.len > 255 || memchr(p.file.data, 0, p.file.len))
        return malformed(e, error);
    *ret = p;
    return 0;
}
