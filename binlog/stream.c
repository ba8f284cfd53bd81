/* The stream of committed transactions: libmysqlclient's replication calls around feed.c.
 *
 * Opening: (1) connect; (2) ask which server this is, and whether its history contains the position; (3) announce that checksums are
 * understood, and how often to say "nothing new"; (4) ask for the dump, by GTID set where the position has one, else by file and offset.
 *
 * What goes wrong: the host is away, the server restarts, or nothing, not even a heartbeat, comes within the read timeout: ERR_SOURCE_LOST,
 * the caller opens again behind the last transaction it has. The binlog is purged, the server has another history, or says no: ERR_SOURCE.
 * Another client with our server id throws us out: ERR_SOURCE_TAKEN, and the text says so. */
#include "binlog/stream.h"

#include "binlog/client.h"
#include "binlog/feed.h"
#include "src/base/sys.h"

#include <mysqld_error.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PACKET_KEEP = 4 * 1024 * 1024, UNTOLD_MAX = 64, UNTOLD_BYTES = 1024 * 1024 };

struct stream {
    struct connection *connection;
    struct feed feed;
    MYSQL_RPL rpl;
    struct buf gtids; /* encoded; what rpl.gtid_set_arg points to */
    char *spill_dir;
    char *file; /* rpl.file_name */
    bool dumping;
    atomic_bool interrupted;
    pthread_mutex_t lock; /* guards `heard` */
    struct stream_heard heard;
    uint64_t untold_bytes, untold_events; /* not in `heard` yet */
};

static int check_server(struct stream *s, const struct position *from, bool *ret_by_gtid, struct error *error) {
    struct server_facts facts;
    int r = server_facts_read(s->connection, &facts, error);
    if (r)
        return r;
    if (!facts.binlog_on)
        return error_set(error, ERR_SOURCE, "MySQL at %s writes no binlog: start it with log_bin",
                         s->connection->where);
    *ret_by_gtid = facts.gtid_mode_on && (!gtid_set_empty(&from->gtids) || !from->file[0]);
    if (*ret_by_gtid) {
        (void)uuid_parse(slice_of(facts.uuid), s->feed.known_uuid);
        return source_reaches_back(s->connection, from, error);
    }
    if (!gtid_set_empty(&from->gtids))
        return error_set(error, ERR_SOURCE, "the position is a GTID set, but gtid_mode is off on %s: switch it on",
                         s->connection->where);
    if (!from->file[0])
        return error_set(error, ERR_BUG, "a stream needs a position");
    if (from->server_uuid[0] && strcmp(from->server_uuid, facts.uuid) != 0)
        return error_set(error, ERR_SOURCE,
                         "the position %s:%llu is of server %s, but this is %s: without GTIDs another server's file "
                         "means nothing; " START_OVER,
                         from->file, (unsigned long long)from->offset, from->server_uuid, facts.uuid);
    if (from->offset > UINT32_MAX)
        return error_set(error, ERR_SOURCE,
                         "the position %s:%llu lies beyond 4 GiB, which MySQL's protocol cannot ask for without GTIDs: "
                         "switch gtid_mode on, or let "
                         "the source rotate (max_binlog_size) and start with an empty state_dir",
                         from->file, (unsigned long long)from->offset);
    return source_reaches_back(s->connection, from, error);
}

/* Old servers know the master_ names only, new ones may drop them: both are user variables, so setting both harms nobody. */
static int announce(struct stream *s, struct error *error) {
    unsigned long long heartbeat_ns = s->connection->heartbeat_s * 1000000000ULL;
    return client_run(s->connection, error,
                      "SET @source_binlog_checksum='CRC32', @master_binlog_checksum='CRC32', "
                      "@source_heartbeat_period=%llu, @master_heartbeat_period=%llu",
                      heartbeat_ns, heartbeat_ns);
}

static void put_gtids(MYSQL_RPL *rpl, unsigned char *packet) {
    memcpy(packet, rpl->gtid_set_arg, rpl->gtid_set_encoded_size);
}

static int start_dump(struct stream *s, const struct position *from, bool by_gtid, struct error *error) {
    s->rpl = (MYSQL_RPL){.server_id = s->connection->server_id, .start_position = 4, .flags = USE_HEARTBEAT_EVENT_V2};
    if (by_gtid) {
        s->gtids = BUF_INIT(64 * 1024 * 1024);
        gtid_set_encode(&from->gtids, &s->gtids);
        gtid_set_copy(&s->feed.known_gtids, &from->gtids);
        s->feed.known_commit_us = from->commit_us;
        s->rpl.flags |= MYSQL_RPL_GTID;
        s->rpl.gtid_set_encoded_size = s->gtids.len;
        s->rpl.fix_gtid_set = put_gtids;
        s->rpl.gtid_set_arg = s->gtids.data;
    } else {
        s->file = xstrdup(from->file);
        s->rpl.file_name = s->file;
        s->rpl.file_name_length = strlen(s->file);
        s->rpl.start_position = MAX(from->offset, 4);
        s->feed.known_commit_us = from->offset > 4 ? from->commit_us : 0;
        memcpy(s->feed.file, from->file, sizeof(s->feed.file));
        s->feed.offset = from->offset;
    }
    if (mysql_binlog_open(&s->connection->mysql, &s->rpl) != 0)
        return client_fail(s->connection, "asking for the binlog", error);
    s->dumping = true;
    return 0;
}

int stream_open(struct stream **ret, const struct stream_options *options, const struct position *from,
                struct error *error) {
    struct stream *s = xcalloc(1, sizeof(*s));
    pthread_mutex_init(&s->lock, NULL);
    s->spill_dir = xstrdup(options->spill_dir);
    s->feed.spill_dir = s->spill_dir;
    s->feed.txn_memory_bytes = options->txn_memory_bytes;
    bool by_gtid = false;
    int r = connection_open(&s->connection, options->source, error);
    if (r == 0)
        r = check_server(s, from, &by_gtid, error);
    if (r == 0)
        r = announce(s, error);
    if (r == 0)
        r = start_dump(s, from, by_gtid, error);
    if (r) {
        stream_close(s);
        return r;
    }
    s->heard.last_heard_us = sys_monotonic_us();
    *ret = s;
    return 0;
}

void stream_close(struct stream *s) {
    if (!s)
        return;
    if (s->dumping)
        mysql_binlog_close(&s->connection->mysql, &s->rpl);
    connection_close(s->connection);
    feed_deinit(&s->feed);
    buf_deinit(&s->gtids);
    free(s->file);
    free(s->spill_dir);
    pthread_mutex_destroy(&s->lock);
    free(s);
}

void stream_interrupt(struct stream *s) {
    atomic_store(&s->interrupted, true);
    shutdown(s->connection->mysql.net.fd, SHUT_RDWR); /* the blocked read ends; the descriptor stays the owner's */
}

/* The last error of the dump; the server's number 1236 has many texts. */
static int fetch_failed(struct stream *s, struct error *error) {
    unsigned number = mysql_errno(&s->connection->mysql);
    const char *text = mysql_error(&s->connection->mysql);
    if (atomic_load(&s->interrupted))
        return error_set(error, ERR_STOPPED, "stopped");
    if (number == ER_SOURCE_FATAL_ERROR_READING_BINLOG && strstr(text, "server_uuid/server_id"))
        return error_set(error, ERR_SOURCE_TAKEN,
                         "MySQL at %s: another client follows the binlog with our server id %u and threw this one out: "
                         "give each replicator and "
                         "replica a server_id of its own",
                         s->connection->where, s->connection->server_id);
    if (number == ER_SOURCE_FATAL_ERROR_READING_BINLOG && (strstr(text, "purged") || strstr(text, "Could not find")))
        return error_set(error, ERR_SOURCE,
                         "MySQL at %s has purged binlogs that are still needed: %s; " START_OVER " and raise "
                         "binlog_expire_logs_seconds",
                         s->connection->where, text);
    if (number == ER_SOURCE_FATAL_ERROR_READING_BINLOG && strstr(text, "truncated in the middle of event"))
        return error_set(error, ERR_SOURCE,
                         "MySQL at %s: reading the binlog: %s; at a position given as FILE:OFFSET no event may begin: "
                         "those that `leat decode` prints, and OFFSET 4, are right",
                         s->connection->where, text);
    return client_fail(s->connection, "reading the binlog", error);
}

/* What was heard is told at once where something came of it, and within a transaction from time to time. */
static void keep_heard(struct stream *s, size_t bytes, bool at_once) {
    s->untold_bytes += bytes;
    s->untold_events++;
    if (!at_once && s->untold_events < UNTOLD_MAX && s->untold_bytes < UNTOLD_BYTES)
        return;
    pthread_mutex_lock(&s->lock);
    s->heard.bytes += s->untold_bytes;
    s->heard.events += s->untold_events;
    s->untold_bytes = s->untold_events = 0;
    s->heard.last_heard_us = sys_monotonic_us();
    if (strcmp(s->heard.file, s->feed.file) != 0)
        memcpy(s->heard.file, s->feed.file, sizeof(s->heard.file));
    s->heard.offset = s->feed.offset;
    pthread_mutex_unlock(&s->lock);
}

/* The server also sends heartbeats between events, to tell that it skipped transactions which we have. The others come after a
 * time without events. */
static bool waited(const struct stream *s) {
    return sys_monotonic_us() - s->heard.last_heard_us > (int64_t)s->connection->heartbeat_s * 500000;
}

/* The library keeps the buffer in which its largest packet lay, until the connection ends. The pages inside it, of which nobody needs
 * the content any more, go back to the system; the addresses stay the library's. */
static void release_packet(struct stream *s) {
    const NET *net = &s->connection->mysql.net;
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    uintptr_t begin = ((uintptr_t)net->buff + PACKET_KEEP + page - 1) & ~(page - 1);
    uintptr_t end = (uintptr_t)net->buff_end & ~(page - 1);
    if (begin < end && net->remain_in_buf == 0)
        madvise((void *)begin, end - begin, MADV_DONTNEED);
}

int stream_next(struct stream *s, struct txn **ret, struct error *error) {
    for (;;) {
        if (atomic_load(&s->interrupted))
            return error_set(error, ERR_STOPPED, "stopped");
        if (mysql_binlog_fetch(&s->connection->mysql, &s->rpl) != 0)
            return fetch_failed(s, error);
        if (atomic_load(&s->interrupted))
            return error_set(error, ERR_STOPPED, "stopped");
        if (s->rpl.size < 1)
            return error_set(error, ERR_SOURCE_LOST, "MySQL at %s ended the binlog stream", s->connection->where);
        struct slice raw = {(const char *)s->rpl.buffer + 1, s->rpl.size - 1}; /* behind the packet's OK byte */
        int r = feed_event(&s->feed, raw, ret, error);
        if (r < 0)
            return r;
        if (raw.len > PACKET_KEEP)
            release_packet(s);
        bool rests = r == FEED_HEARTBEAT && waited(s);
        keep_heard(s, raw.len, r != FEED_NOTHING);
        if (r == FEED_TXN)
            return STREAM_TXN;
        if (rests)
            return STREAM_HEARTBEAT;
    }
}

/* The library does not tell what it holds in its own buffer (16 KB), so this may say no a little early: then a batch ends with what was
 * read so far, and the rest is the next one. */
bool stream_ready(struct stream *s) {
    struct pollfd p = {.fd = s->connection->mysql.net.fd, .events = POLLIN};
    return poll(&p, 1, 0) > 0;
}

void stream_heard(struct stream *s, struct stream_heard *ret) {
    pthread_mutex_lock(&s->lock);
    *ret = s->heard;
    pthread_mutex_unlock(&s->lock);
}
