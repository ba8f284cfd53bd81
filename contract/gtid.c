/* GTIDs and sets of them: sorted sources, each with sorted, disjoint, non-adjacent intervals. */
#include "contract/gtid.h"

#include <stdlib.h>

struct interval {
    int64_t start;
    int64_t end; /* exclusive */
};

struct gtid_source {
    unsigned char uuid[16];
    char tag[GTID_TAG_MAX + 1];
    struct interval *intervals;
    size_t count, cap;
};

static const char hex_digits[] = "0123456789abcdef";

void uuid_format(const unsigned char uuid[16], char out[37]) {
    size_t at = 0;
    for (size_t i = 0; i < 16; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10)
            out[at++] = '-';
        out[at++] = hex_digits[uuid[i] >> 4];
        out[at++] = hex_digits[uuid[i] & 15];
    }
    out[at] = 0;
}

static int hex_value(char c) {
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

bool uuid_parse(struct slice text, unsigned char out[16]) {
    if (text.len != 36)
        return false;
    size_t n = 0;
    for (size_t i = 0; i < 36;) {
        if (i == 8 || i == 13 || i == 18 || i == 23) {
            if (text.data[i++] != '-')
                return false;
            continue;
        }
        int high = hex_value(text.data[i]), low = hex_value(text.data[i + 1]);
        if (high < 0 || low < 0)
            return false;
        out[n++] = (unsigned char)(high << 4 | low);
        i += 2;
    }
    return true;
}

void gtid_set_deinit(struct gtid_set *set) {
    if (!set)
        return;
    for (size_t i = 0; i < set->count; i++)
        free(set->sources[i].intervals);
    free(set->sources);
    *set = (struct gtid_set){0};
}

static int source_compare(const struct gtid_source *s, const unsigned char uuid[16], const char *tag) {
    int c = memcmp(s->uuid, uuid, 16);
    return c ? c : strcmp(s->tag, tag);
}

/* Where (uuid, tag) is, or would be inserted; *ret_found tells which. */
static size_t source_place(const struct gtid_set *set, const unsigned char uuid[16], const char *tag, bool *ret_found) {
    size_t low = 0, high = set->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int c = source_compare(&set->sources[middle], uuid, tag);
        if (c == 0) {
            *ret_found = true;
            return middle;
        }
        if (c < 0)
            low = middle + 1;
        else
            high = middle;
    }
    *ret_found = false;
    return low;
}

static const struct gtid_source *source_find(const struct gtid_set *set, const unsigned char uuid[16],
                                             const char *tag) {
    bool found;
    size_t i = source_place(set, uuid, tag, &found);
    return found ? &set->sources[i] : NULL;
}

static struct gtid_source *source_get(struct gtid_set *set, const unsigned char uuid[16], const char *tag) {
    bool found;
    size_t i = source_place(set, uuid, tag, &found);
    if (found)
        return &set->sources[i];
    set->sources = xrealloc(set->sources, (set->count + 1) * sizeof(*set->sources));
    memmove(&set->sources[i + 1], &set->sources[i], (set->count - i) * sizeof(*set->sources));
    set->count++;
    set->sources[i] = (struct gtid_source){0};
    memcpy(set->sources[i].uuid, uuid, 16);
    memcpy(set->sources[i].tag, tag, strnlen(tag, GTID_TAG_MAX));
    return &set->sources[i];
}

static void source_drop_empty(struct gtid_set *set) {
    size_t kept = 0;
    for (size_t i = 0; i < set->count; i++) {
        if (set->sources[i].count)
            set->sources[kept++] = set->sources[i];
        else
            free(set->sources[i].intervals);
    }
    set->count = kept;
    if (kept == 0)
        gtid_set_deinit(set);
}

/* The first interval that ends at or behind `number`. */
static size_t interval_place(const struct gtid_source *s, int64_t number) {
    if (s->count && s->intervals[s->count - 1].end < number)
        return s->count;
    size_t low = 0, high = s->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (s->intervals[middle].end < number)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void source_insert(struct gtid_source *s, size_t at, struct interval v) {
    if (s->count == s->cap) {
        s->cap = s->cap ? s->cap * 2 : 2;
        s->intervals = xrealloc(s->intervals, s->cap * sizeof(*s->intervals));
    }
    memmove(&s->intervals[at + 1], &s->intervals[at], (s->count - at) * sizeof(*s->intervals));
    s->intervals[at] = v;
    s->count++;
}

static void source_remove(struct gtid_source *s, size_t from, size_t to) {
    memmove(&s->intervals[from], &s->intervals[to], (s->count - to) * sizeof(*s->intervals));
    s->count -= to - from;
}

static void source_add(struct gtid_source *s, struct interval v) {
    if (v.start >= v.end)
        return;
    size_t i = interval_place(s, v.start), j = i;
    while (j < s->count && s->intervals[j].start <= v.end) {
        v.start = MIN(v.start, s->intervals[j].start);
        v.end = MAX(v.end, s->intervals[j].end);
        j++;
    }
    if (j == i) {
        source_insert(s, i, v);
        return;
    }
    s->intervals[i] = v;
    source_remove(s, i + 1, j);
}

static void source_subtract(struct gtid_source *s, struct interval v) {
    size_t i = interval_place(s, v.start);
    while (i < s->count && s->intervals[i].start < v.end) {
        struct interval was = s->intervals[i];
        if (was.end <= v.start) {
            i++;
            continue;
        }
        source_remove(s, i, i + 1);
        if (was.start < v.start)
            source_insert(s, i++, (struct interval){was.start, v.start});
        if (was.end > v.end)
            source_insert(s, i++, (struct interval){v.end, was.end});
    }
}

static bool source_has(const struct gtid_source *s, struct interval v) {
    for (size_t i = interval_place(s, v.start); i < s->count && s->intervals[i].start <= v.start; i++)
        if (s->intervals[i].end >= v.end)
            return true;
    return false;
}

void gtid_set_copy(struct gtid_set *to, const struct gtid_set *from) {
    if (to == from)
        return;
    gtid_set_deinit(to);
    gtid_set_add_set(to, from);
}

void gtid_set_add(struct gtid_set *set, const struct gtid *gtid) {
    if (gtid->number > 0)
        source_add(source_get(set, gtid->uuid, gtid->tag), (struct interval){gtid->number, gtid->number + 1});
}

void gtid_set_add_set(struct gtid_set *set, const struct gtid_set *other) {
    for (size_t i = 0; set != other && i < other->count; i++) {
        const struct gtid_source *from = &other->sources[i];
        struct gtid_source *to = source_get(set, from->uuid, from->tag);
        for (size_t j = 0; j < from->count; j++)
            source_add(to, from->intervals[j]);
    }
}

void gtid_set_subtract(struct gtid_set *set, const struct gtid_set *other) {
    if (set == other) {
        gtid_set_deinit(set);
        return;
    }
    for (size_t i = 0; i < set->count; i++) {
        struct gtid_source *s = &set->sources[i];
        const struct gtid_source *minus = source_find(other, s->uuid, s->tag);
        for (size_t j = 0; minus && j < minus->count; j++)
            source_subtract(s, minus->intervals[j]);
    }
    source_drop_empty(set);
}

bool gtid_set_has(const struct gtid_set *set, const struct gtid *gtid) {
    const struct gtid_source *s = source_find(set, gtid->uuid, gtid->tag);
    return s && source_has(s, (struct interval){gtid->number, gtid->number + 1});
}

bool gtid_set_contains(const struct gtid_set *set, const struct gtid_set *subset) {
    for (size_t i = 0; i < subset->count; i++) {
        const struct gtid_source *want = &subset->sources[i];
        const struct gtid_source *s = source_find(set, want->uuid, want->tag);
        for (size_t j = 0; j < want->count; j++)
            if (!s || !source_has(s, want->intervals[j]))
                return false;
    }
    return true;
}

bool gtid_set_empty(const struct gtid_set *set) {
    return set->count == 0;
}

bool gtid_set_only_of(const struct gtid_set *set, const unsigned char uuid[16]) {
    for (size_t i = 0; i < set->count; i++)
        if (memcmp(set->sources[i].uuid, uuid, sizeof(set->sources[i].uuid)) != 0)
            return false;
    return set->count > 0;
}

uint64_t gtid_set_count(const struct gtid_set *set) {
    uint64_t n = 0;
    for (size_t i = 0; i < set->count; i++)
        for (size_t j = 0; j < set->sources[i].count; j++)
            n += (uint64_t)(set->sources[i].intervals[j].end - set->sources[i].intervals[j].start);
    return n;
}

/* ---- text */

static bool is_space(char c) {
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static struct slice trim(struct slice s) {
    while (s.len && is_space(s.data[0]))
        s = (struct slice){s.data + 1, s.len - 1};
    while (s.len && is_space(s.data[s.len - 1]))
        s.len--;
    return s;
}

/* Cuts the part before `separator` from the front; false when nothing is left. */
static bool next_part(struct slice *rest, char separator, struct slice *ret) {
    if (!rest->data)
        return false;
    const char *at = rest->len ? memchr(rest->data, separator, rest->len) : NULL;
    if (!at) {
        *ret = trim(*rest);
        *rest = (struct slice){NULL, 0};
        return true;
    }
    size_t len = (size_t)(at - rest->data);
    *ret = trim((struct slice){rest->data, len});
    *rest = (struct slice){at + 1, rest->len - len - 1};
    return true;
}

static bool parse_number(struct slice text, int64_t *ret) {
    int64_t v = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] < '0' || text.data[i] > '9' || v > (INT64_MAX - 10) / 10)
            return false;
        v = v * 10 + (text.data[i] - '0');
    }
    *ret = v;
    return text.len > 0 && v > 0;
}

static bool parse_tag(struct slice text, char tag[GTID_TAG_MAX + 1]) {
    if (text.len == 0 || text.len > GTID_TAG_MAX || (text.data[0] >= '0' && text.data[0] <= '9'))
        return false;
    memset(tag, 0, GTID_TAG_MAX + 1);
    for (size_t i = 0; i < text.len; i++) {
        char c = text.data[i];
        if (c >= 'A' && c <= 'Z')
            c = (char)(c - 'A' + 'a'); /* tags are kept in lower case */
        if (!(c == '_' || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9')))
            return false;
        tag[i] = c;
    }
    return true;
}

static bool parse_interval(struct slice text, struct interval *ret) {
    struct slice first, second;
    if (!next_part(&text, '-', &first) || !parse_number(first, &ret->start))
        return false;
    int64_t last = ret->start;
    if (text.data && (!next_part(&text, '-', &second) || !parse_number(second, &last) || text.data))
        return false;
    ret->end = last + 1;
    return true;
}

/* "uuid:1-3:7:tag:1": intervals behind a tag are of that tag. */
static bool parse_source(struct gtid_set *set, struct slice text) {
    struct slice part;
    unsigned char uuid[16];
    char tag[GTID_TAG_MAX + 1] = "";
    bool any = false;
    if (!next_part(&text, ':', &part) || !uuid_parse(part, uuid))
        return false;
    while (next_part(&text, ':', &part)) {
        struct interval v;
        if (part.len && (part.data[0] < '0' || part.data[0] > '9')) {
            if (!parse_tag(part, tag))
                return false;
            any = false;
        } else if (parse_interval(part, &v)) {
            if (v.start < v.end) /* "5-3" is empty, as MySQL takes it */
                source_add(source_get(set, uuid, tag), v);
            any = true;
        } else {
            return false;
        }
    }
    return any;
}

int gtid_set_parse(struct gtid_set *ret, struct slice text, struct error *error) {
    struct gtid_set set = {0};
    struct slice rest = trim(text), part;
    while (rest.len && next_part(&rest, ',', &part)) {
        if (part.len == 0)
            continue;
        if (!parse_source(&set, part)) {
            gtid_set_deinit(&set);
            return error_set(
                error, ERR_USAGE,
                "\"%.*s\" is no GTID set: write UUID:FIRST-LAST[:FIRST-LAST...][,...], or UUID:TAG:FIRST-LAST",
                (int)MIN(part.len, 200), part.data);
        }
    }
    gtid_set_deinit(ret);
    *ret = set;
    return 0;
}

static void put_head(struct buf *buf, const unsigned char uuid[16], const char *tag) {
    char text[37];
    uuid_format(uuid, text);
    buf_put_text(buf, text);
    if (*tag) {
        buf_put_char(buf, ':');
        buf_put_text(buf, tag);
    }
}

void gtid_format(const struct gtid *gtid, struct buf *buf) {
    put_head(buf, gtid->uuid, gtid->tag);
    buf_printf(buf, ":%lld", (long long)gtid->number);
}

void gtid_set_format(const struct gtid_set *set, struct buf *buf) {
    for (size_t i = 0; i < set->count; i++) {
        const struct gtid_source *s = &set->sources[i];
        if (i && memcmp(s->uuid, set->sources[i - 1].uuid, sizeof(s->uuid)) == 0) {
            buf_printf(buf, ":%s", s->tag); /* as the server writes it: the UUID once */
        } else {
            if (i)
                buf_put_char(buf, ',');
            put_head(buf, s->uuid, s->tag);
        }
        for (size_t j = 0; j < s->count; j++) {
            buf_printf(buf, ":%lld", (long long)s->intervals[j].start);
            if (s->intervals[j].end > s->intervals[j].start + 1)
                buf_printf(buf, "-%lld", (long long)(s->intervals[j].end - 1));
        }
    }
}

/* ---- the binary form
 *
 * u64: the number of sources in the low bytes, the format in the highest (0 without tags); with tags (format 1) the number
 * stands in bytes 1 to 6 and the format in byte 0 too. Each source: UUID; with tags a length (shifted left by one: the one-byte
 * form of mysql::serialization) and the tag; u64 number of intervals; each u64 start and u64 end (exclusive). */

enum { FORMAT_PLAIN = 0, FORMAT_TAGGED = 1 };

void gtid_set_encode(const struct gtid_set *set, struct buf *buf) {
    bool tagged = false;
    for (size_t i = 0; i < set->count; i++)
        tagged = tagged || set->sources[i].tag[0];
    uint64_t count = set->count;
    buf_put_le64(buf, tagged ? (uint64_t)FORMAT_TAGGED << 56 | count << 8 | FORMAT_TAGGED : count);
    for (size_t i = 0; i < set->count; i++) {
        const struct gtid_source *s = &set->sources[i];
        buf_put(buf, s->uuid, 16);
        if (tagged) {
            buf_put_u8(buf, (uint8_t)(strlen(s->tag) << 1));
            buf_put_text(buf, s->tag);
        }
        buf_put_le64(buf, s->count);
        for (size_t j = 0; j < s->count; j++) {
            buf_put_le64(buf, (uint64_t)s->intervals[j].start);
            buf_put_le64(buf, (uint64_t)s->intervals[j].end);
        }
    }
}

static bool decode_source(struct gtid_set *set, struct cursor *c, bool tagged) {
    const unsigned char *uuid = cursor_take(c, 16);
    char tag[GTID_TAG_MAX + 1] = "";
    if (tagged) {
        uint8_t size = cursor_u8(c);
        const unsigned char *text = cursor_take(c, size >> 1);
        if (!text || (size & 1) || (size && !parse_tag((struct slice){(const char *)text, size >> 1}, tag)))
            return false;
    }
    uint64_t n = cursor_u64(c);
    if (!uuid || c->failed || n > cursor_left(c) / 16)
        return false;
    for (uint64_t i = 0; i < n; i++) {
        uint64_t start = cursor_u64(c), end = cursor_u64(c);
        if (start == 0 || start >= end || end > INT64_MAX)
            return false;
        source_add(source_get(set, uuid, tag), (struct interval){(int64_t)start, (int64_t)end});
    }
    return true;
}

int gtid_set_decode(struct gtid_set *ret, struct slice bytes, struct error *error) {
    struct cursor c = cursor_of(bytes.data, bytes.len);
    struct gtid_set set = {0};
    uint64_t head = cursor_u64(&c), format = head >> 56;
    bool tagged = format == FORMAT_TAGGED;
    uint64_t count = tagged ? head >> 8 & 0xFFFFFFFFFFFF : head;
    bool good = !c.failed && (format == FORMAT_PLAIN || tagged) && count <= cursor_left(&c) / 24;
    for (uint64_t i = 0; good && i < count; i++)
        good = decode_source(&set, &c, tagged);
    if (!good || cursor_left(&c)) {
        gtid_set_deinit(&set);
        return error_set(error, ERR_SOURCE, "a GTID set of the binlog is malformed");
    }
    gtid_set_deinit(ret);
    *ret = set;
    return 0;
}
