/* One event of the binlog: the common header, its checksum, and the events that have no file of their own.
 * Layouts: the server's libs/mysql/binlog/event. */
#pragma once

#include "contract/gtid.h"

/* The last remedy, in messages of what replicator and decode both read. */
#define START_OVER NEW_SNAPSHOT " (`leat decode`: with --from start)"

enum event_type {
    EVENT_QUERY = 2,
    EVENT_STOP = 3,
    EVENT_ROTATE = 4,
    EVENT_INTVAR = 5,
    EVENT_APPEND_BLOCK = 9,
    EVENT_DELETE_FILE = 11,
    EVENT_RAND = 13,
    EVENT_USER_VAR = 14,
    EVENT_FORMAT_DESCRIPTION = 15,
    EVENT_XID = 16,
    EVENT_BEGIN_LOAD_QUERY = 17,
    EVENT_EXECUTE_LOAD_QUERY = 18,
    EVENT_TABLE_MAP = 19,
    EVENT_WRITE_ROWS_V1 = 23,
    EVENT_UPDATE_ROWS_V1 = 24,
    EVENT_DELETE_ROWS_V1 = 25,
    EVENT_INCIDENT = 26,
    EVENT_HEARTBEAT = 27,
    EVENT_IGNORABLE = 28,
    EVENT_ROWS_QUERY = 29,
    EVENT_WRITE_ROWS = 30,
    EVENT_UPDATE_ROWS = 31,
    EVENT_DELETE_ROWS = 32,
    EVENT_GTID = 33,
    EVENT_ANONYMOUS_GTID = 34,
    EVENT_PREVIOUS_GTIDS = 35,
    EVENT_TRANSACTION_CONTEXT = 36,
    EVENT_VIEW_CHANGE = 37,
    EVENT_XA_PREPARE = 38,
    EVENT_PARTIAL_UPDATE_ROWS = 39,
    EVENT_TRANSACTION_PAYLOAD = 40,
    EVENT_HEARTBEAT_V2 = 41,
    EVENT_GTID_TAGGED = 42,
};

enum {
    EVENT_HEADER_SIZE = 19,
    CHECKSUM_SIZE = 4,
    EVENT_FLAG_THREAD_SPECIFIC = 0x4,
    EVENT_FLAG_ARTIFICIAL = 0x20,
    EVENT_FLAG_IGNORABLE = 0x80
};
enum checksum {
    CHECKSUM_OFF = 0,
    CHECKSUM_CRC32 = 1,
    CHECKSUM_CUT =
        2 /* was verified and cut off before: the size may still count it. Of a compressed transaction the first piece will do */
};

struct event {
    uint32_t timestamp; /* seconds since 1970 */
    uint8_t type;
    uint32_t server_id;
    uint32_t size;
    uint32_t log_pos; /* where it ends in its file, modulo 2^32; 0 when artificial */
    uint16_t flags;
    struct slice body; /* behind the header, without the checksum */
};

const char *event_name(uint8_t type); /* "QUERY", ... or "unknown" */

/* `raw` is the event with its header. With `checksum` its last four bytes are verified and cut off. */
int event_read(struct event *ret, struct slice raw, enum checksum checksum, struct error *error) must_check;
bool event_checksum_good(struct slice raw); /* does it end with the CRC32 of what stands before? */

struct format_event {
    char server_version[51];
    enum checksum checksum; /* of the events that follow */
};
unsigned version_number(const char *text); /* "8.0.12-log" is 80012 */
int format_event_read(struct format_event *ret, struct slice raw, struct error *error) must_check;

struct gtid_event {
    struct gtid gtid;  /* number 0 when anonymous */
    int64_t commit_us; /* on the original server */
};
int gtid_event_read(struct gtid_event *ret, const struct event *e, struct error *error) must_check;

/* An XA transaction's name. The bytes sort and compare as they are: format (4), lengths of gtrid and bqual (1 each), gtrid, bqual. */
enum { XID_PART_MAX = 64, XID_BYTES_MAX = 4 + 1 + 1 + 2 * XID_PART_MAX };
struct xid {
    size_t len;
    char bytes[XID_BYTES_MAX];
};
bool xid_set(struct xid *ret, uint32_t format, struct slice gtrid, struct slice bqual); /* false: too long */
void xid_format(const struct xid *xid, struct buf *buf);                                /* X'61',X'62',1 */
static inline struct slice xid_slice(const struct xid *xid) {
    return (struct slice){xid->bytes, xid->len};
}

struct xa_prepare_event {
    bool one_phase; /* a commit, in truth */
    struct xid xid;
};
int xa_prepare_event_read(struct xa_prepare_event *ret, const struct event *e, struct error *error) must_check;

/* How the statement's text is to be read. */
struct statement_mode {
    uint16_t collation; /* the client's character set by one of its collations; 0: not told */
    bool ansi_quotes;   /* "..." is a name */
    bool no_backslash_escapes;
};

enum { QUERY_DATABASES_MAX = 16 };
struct query_event {
    struct slice database; /* the session's; empty when none */
    struct slice sql;
    struct statement_mode mode;
    /* The databases of all tables that a statement which changes rows reads or changes, triggers' tables too. */
    bool databases_known;
    size_t database_count;
    struct slice databases[QUERY_DATABASES_MAX];
};
int query_event_read(struct query_event *ret, const struct event *e, struct error *error) must_check;

struct place_event { /* ROTATE: where the stream goes on; HEARTBEAT: where it stands */
    struct slice file;
    uint64_t offset;
};
int place_event_read(struct place_event *ret, const struct event *e, struct error *error) must_check;
