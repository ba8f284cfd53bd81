/* Positions: copying, comparing, as text and in the store. */
#include "contract/position.h"

#include <stdio.h>
#include <stdlib.h>

void position_deinit(struct position *p) {
    if (!p)
        return;
    gtid_set_deinit(&p->gtids);
    *p = (struct position){0};
}

void position_copy(struct position *to, const struct position *from) {
    if (to == from)
        return;
    struct gtid_set gtids = {0};
    gtid_set_copy(&gtids, &from->gtids);
    gtid_set_deinit(&to->gtids);
    *to = *from;
    to->gtids = gtids;
}

void position_advance(struct position *p, const struct txn_end *end) {
    bool same_file = strcmp(p->file, end->file) == 0;
    gtid_set_add(&p->gtids, &end->gtid);
    if (end->commit_us ||
        (gtid_set_empty(&p->gtids) && !same_file)) /* a place alone tells nothing of the transaction */
        p->commit_us = end->commit_us;
    memcpy(p->file, end->file, sizeof(p->file));
    p->offset = end->offset;
}

bool position_known(const struct position *p) {
    return !gtid_set_empty(&p->gtids) || p->file[0];
}

/* The number at the end of "binlog.000003". */
static uint64_t file_number(const char *file) {
    const char *dot = strrchr(file, '.');
    return dot ? strtoull(dot + 1, NULL, 10) : 0;
}

bool position_reached(const struct position *at, const struct position *target) {
    if (!gtid_set_empty(&target->gtids))
        return gtid_set_contains(&at->gtids, &target->gtids);
    if (!target->file[0])
        return true;
    uint64_t here = file_number(at->file), there = file_number(target->file);
    return here != there ? here > there : at->offset >= target->offset;
}

bool position_has(const struct position *at, const struct txn_end *end) {
    struct position here = {.offset = end->offset};
    if (end->gtid.number)
        return gtid_set_has(&at->gtids, &end->gtid);
    memcpy(here.file, end->file, sizeof(here.file));
    return position_known(at) && position_reached(at, &here);
}

/* FILE:OFFSET: a name with a dot and a number, behind the last colon a whole number. */
static bool parse_file(struct position *p, struct slice text) {
    const char *colon = text.len ? memrchr(text.data, ':', text.len) : NULL;
    if (!colon)
        return false;
    size_t name_len = (size_t)(colon - text.data);
    if (name_len == 0 || name_len > BINLOG_NAME_MAX || !memchr(text.data, '.', name_len) ||
        memchr(text.data, ':', name_len))
        return false;
    if (name_len + 1 == text.len)
        return false;
    uint64_t offset = 0;
    for (size_t i = name_len + 1; i < text.len; i++) {
        if (text.data[i] < '0' || text.data[i] > '9' || offset > (UINT64_MAX - 9) / 10)
            return false;
        offset = offset * 10 + (uint64_t)(text.data[i] - '0');
    }
    memcpy(p->file, text.data, name_len);
    p->offset = offset;
    return true;
}

int position_parse(struct position *ret, struct slice text, struct error *error) {
    struct position p = {0};
    if (!parse_file(&p, text) && (gtid_set_parse(&p.gtids, text, NULL) != 0 || gtid_set_empty(&p.gtids)))
        return error_set(error, ERR_USAGE,
                         "\"%.*s\" is no position: write a GTID set (UUID:1-5) or FILE:OFFSET (binlog.000003:154)",
                         (int)MIN(text.len, 200), text.data ? text.data : "");
    position_deinit(ret);
    *ret = p;
    return 0;
}

void position_format(const struct position *p, struct buf *buf) {
    if (!gtid_set_empty(&p->gtids))
        gtid_set_format(&p->gtids, buf);
    else if (p->file[0])
        buf_printf(buf, "%s:%llu", p->file, (unsigned long long)p->offset);
    else
        buf_put_text(buf, "(start)");
}

void position_put(struct buf *buf, const struct position *p) {
    struct buf text = BUF_INIT(SIZE_MAX / 2);
    gtid_set_format(&p->gtids, &text);
    buf_put_u8(buf, 1); /* version of this record */
    buf_put_blob(buf, buf_slice(&text));
    buf_put_blob(buf, slice_of(p->server_uuid));
    buf_put_blob(buf, slice_of(p->file));
    buf_put_varint(buf, p->offset);
    buf_put_le64(buf, (uint64_t)p->commit_us);
    buf_deinit(&text);
}

static bool take_text(struct cursor *c, char *out, size_t size) {
    struct slice s = cursor_blob(c);
    if (c->failed || s.len >= size)
        return false;
    if (s.len)
        memcpy(out, s.data, s.len);
    out[s.len] = 0;
    return true;
}

int position_get(struct cursor *c, struct position *ret, struct error *error) {
    struct position p = {0};
    bool good = cursor_u8(c) == 1;
    struct slice gtids = cursor_blob(c);
    good = good && take_text(c, p.server_uuid, sizeof(p.server_uuid)) && take_text(c, p.file, sizeof(p.file));
    p.offset = cursor_varint(c);
    p.commit_us = (int64_t)cursor_u64(c);
    if (!good || c->failed || gtid_set_parse(&p.gtids, gtids, NULL) != 0) {
        gtid_set_deinit(&p.gtids);
        return error_set(error, ERR_STORE, "a position in the store is malformed");
    }
    position_deinit(ret);
    *ret = p;
    return 0;
}
