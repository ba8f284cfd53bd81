/* A column's value: one type for the stream, the snapshot and the store.
 *
 * Bytes that `data` points to belong to whoever made the value (an event's buffer, an arena, the store's map): the
 * maker says how long they live. */
#pragma once

#include "src/base/arena.h"
#include "src/base/buf.h"
#include "src/base/cursor.h"
#include "src/base/error.h"

enum value_kind {
    VALUE_UNKNOWN, /* not in a partial row image */
    VALUE_NULL,
    VALUE_INT,       /* i */
    VALUE_UINT,      /* u: unsigned columns, BIT, YEAR */
    VALUE_DECIMAL,   /* data: exact text with the column's scale: "-12.50" */
    VALUE_FLOAT,     /* f */
    VALUE_DOUBLE,    /* d */
    VALUE_TEXT,      /* data: UTF-8 */
    VALUE_BYTES,     /* data: BINARY, BLOB, and geometry as SRID and WKB */
    VALUE_DATE,      /* u: packed, see value_pack_datetime(); zero and partial dates are kept */
    VALUE_DATETIME,  /* u: packed; `scale` fraction digits */
    VALUE_TIMESTAMP, /* u: packed, UTC; `scale` fraction digits; 0 is the zero timestamp */
    VALUE_TIME,      /* i: microseconds, may be negative; `scale` fraction digits */
    VALUE_ENUM, /* u: index (0 is the error value), data: label; NULL when unknown (binlog/rows.h, numbered_columns) */
    VALUE_SET,  /* u: bits, data: labels joined by ',' */
    VALUE_JSON, /* data: text as MySQL prints it */
    VALUE_GEOMETRY, /* data: SRID (4 bytes, little-endian) and WKB */
    VALUE_VECTOR,   /* data: little-endian floats */
    VALUE_BAD_TEXT, /* data: the column's own bytes, which are no text of its character set */
    VALUE_JSON_DIFF, /* data: what changes in the document (json_diff.h); never stored: it becomes VALUE_JSON with the row's document */
};

struct value {
    uint8_t kind;  /* enum value_kind */
    uint8_t scale; /* digits after the point, of temporals and decimals */
    uint16_t reserved;
    uint32_t len; /* bytes at data */
    union {
        int64_t i;
        uint64_t u;
        double d;
        float f;
    };
    const char *data;
};

static inline bool value_has(const struct value *v) {
    return v->kind != VALUE_UNKNOWN && v->kind != VALUE_NULL;
}
static inline struct slice value_slice(const struct value *v) {
    return (struct slice){v->data, v->len};
}

/* DATE, DATETIME and TIMESTAMP in one integer that sorts: year, month, day, hour, minute, second, microsecond from
 * the top: 14, 4, 5, 5, 6, 6 and 20 bits. */
struct datetime {
    unsigned year, month, day, hour, minute, second, microsecond;
};
uint64_t value_pack_datetime(const struct datetime *t);
struct datetime value_unpack_datetime(uint64_t packed);
/* Seconds since 1970 of a packed UTC time, and back (years 1970 to 9999). */
int64_t value_datetime_epoch(uint64_t packed);
uint64_t value_epoch_datetime(int64_t seconds, unsigned microsecond);

/* A double as MySQL prints it where it has room for `width` characters (25 in WKT): the fewest digits that read back the same, plain from 1e-15 up
 * to 15 digits before the point, or while there are digits behind it, if that fits; else 1.5e16, 1.5e-16. */
void value_put_mysql_double(struct buf *buf, double v, int width);

/* The text of a value as docs/contract.md gives it for type S (DATETIME with a T, TIMESTAMP with a Z, BYTES as base64,
 * floats as ECMAScript prints them). Nothing for NULL, UNKNOWN, dates with a zero month or day, and geometries without WKT (of other SRIDs than 0,
 * malformed). */
void value_put_text(struct buf *buf, const struct value *v);

/* The store's form: a kind byte and the content; value_get() points into the cursor's bytes. */
void value_put(struct buf *buf, const struct value *v);
void value_get(struct cursor *c, struct value *ret); /* a malformed one sets c->failed */

/* Equal as stored values (same kind and content; -0 and 0 differ). */
bool value_equal(const struct value *a, const struct value *b);

/* Appends a form for index and row keys: equal for values that a join compares as equal (integers of any width and
 * sign, decimals without trailing zeros, text by bytes), sorting as docs/contract.md orders (NULL first, numbers by value,
 * ENUM by index, text by bytes), and no key is a prefix of another. */
void value_put_key(struct buf *buf, const struct value *v);

/* Copies `data` into the arena. */
struct value value_copy(struct arena *arena, const struct value *v);
