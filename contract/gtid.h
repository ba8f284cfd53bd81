/* GTIDs and sets of them: UUID, tag (MySQL 8.3 and later), intervals. */
#pragma once

#include "src/base/buf.h"
#include "src/base/cursor.h"
#include "src/base/error.h"

enum { GTID_TAG_MAX = 32 };

struct gtid {
    unsigned char uuid[16];
    char tag[GTID_TAG_MAX + 1]; /* "" when there is none */
    int64_t number;             /* from 1; 0 is no GTID (an anonymous transaction) */
};

struct gtid_source; /* one UUID and tag with its intervals */

struct gtid_set {
    struct gtid_source *sources; /* sorted by UUID, then tag */
    size_t count;
};

void gtid_set_deinit(struct gtid_set *set);                           /* leaves the empty set */
void gtid_set_copy(struct gtid_set *to, const struct gtid_set *from); /* `to` is replaced */
void gtid_set_add(struct gtid_set *set, const struct gtid *gtid);
void gtid_set_add_set(struct gtid_set *set, const struct gtid_set *other);
void gtid_set_subtract(struct gtid_set *set, const struct gtid_set *other);
bool gtid_set_has(const struct gtid_set *set, const struct gtid *gtid);
bool gtid_set_contains(const struct gtid_set *set, const struct gtid_set *subset);
bool gtid_set_empty(const struct gtid_set *set);
bool gtid_set_only_of(const struct gtid_set *set, const unsigned char uuid[16]); /* not empty, and all of one UUID */
uint64_t gtid_set_count(const struct gtid_set *set);                             /* transactions */

/* MySQL's text: "uuid:1-5:7:tag:1-3,uuid:9"; white space and newlines allowed; upper case UUIDs too. ERR_USAGE if not. */
int gtid_set_parse(struct gtid_set *ret, struct slice text, struct error *error) must_check;
void gtid_set_format(const struct gtid_set *set, struct buf *buf);
void gtid_format(const struct gtid *gtid, struct buf *buf);

/* The binary form of PREVIOUS_GTIDS events and of COM_BINLOG_DUMP_GTID (Gtid_set::encode in the server's
 * sql/rpl_gtid_set.cc), both layouts: without tags, and with tags. */
void gtid_set_encode(const struct gtid_set *set, struct buf *buf);
int gtid_set_decode(struct gtid_set *ret, struct slice bytes, struct error *error) must_check;

void uuid_format(const unsigned char uuid[16], char out[37]);
bool uuid_parse(struct slice text, unsigned char out[16]); /* 36 characters; either case */
