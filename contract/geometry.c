/* WKB to WKT. Layout: OGC 06-103r4, "Well-known Binary": byte order, type, then points, or a count and what it counts. */
#include "contract/geometry.h"

#include "contract/value.h"

#include <math.h>

enum {
    SRID_SIZE = 4,
    LITTLE_ENDIAN_WKB = 1,
    DEPTH_MAX = 4096,  /* the server's own limit is its stack, about as deep */
    NUMBER_WIDTH = 25, /* measured: longer numbers are printed with an exponent */
};

enum wkb_type {
    WKB_POINT = 1,
    WKB_LINESTRING,
    WKB_POLYGON,
    WKB_MULTIPOINT,
    WKB_MULTILINESTRING,
    WKB_MULTIPOLYGON,
    WKB_COLLECTION,
    WKB_TYPES
};

struct writing {
    struct buf *buf;
    struct cursor c;
};

static void put_point(struct writing *w) {
    for (int i = 0; i < 2; i++) {
        uint64_t bits = cursor_u64(&w->c);
        double v;
        memcpy(&v, &bits, sizeof(v));
        if (!isfinite(v)) /* the server stores it, though ST_AsText() has NULL for it */
            w->c.failed = true;
        if (i)
            buf_put_char(w->buf, ' ');
        value_put_mysql_double(w->buf, v, NUMBER_WIDTH);
    }
}

/* (x y,x y) */
static void put_points(struct writing *w) {
    uint32_t count = cursor_u32(&w->c);
    buf_put_char(w->buf, '(');
    for (uint32_t i = 0; i < count && !w->c.failed; i++) {
        if (i)
            buf_put_char(w->buf, ',');
        put_point(w);
    }
    buf_put_char(w->buf, ')');
}

static void put_one_point(struct writing *w) {
    buf_put_char(w->buf, '(');
    put_point(w);
    buf_put_char(w->buf, ')');
}

static void put_rings(struct writing *w) {
    uint32_t count = cursor_u32(&w->c);
    buf_put_char(w->buf, '(');
    for (uint32_t i = 0; i < count && !w->c.failed; i++) {
        if (i)
            buf_put_char(w->buf, ',');
        put_points(w);
    }
    buf_put_char(w->buf, ')');
}

/* What a type is called, how it is written without its name, and what it counts (0: anything, with its name). */
static const struct {
    const char *name;
    void (*put)(struct writing *w); /* NULL: a count and members with heads of their own */
    uint32_t member;
} types[WKB_TYPES] = {
    [WKB_POINT] = {"POINT", put_one_point, 0},
    [WKB_LINESTRING] = {"LINESTRING", put_points, 0},
    [WKB_POLYGON] = {"POLYGON", put_rings, 0},
    [WKB_MULTIPOINT] = {"MULTIPOINT", NULL, WKB_POINT},
    [WKB_MULTILINESTRING] = {"MULTILINESTRING", NULL, WKB_LINESTRING},
    [WKB_MULTIPOLYGON] = {"MULTIPOLYGON", NULL, WKB_POLYGON},
    [WKB_COLLECTION] = {"GEOMETRYCOLLECTION", NULL, 0},
};

static uint32_t read_head(struct writing *w) {
    if (cursor_u8(&w->c) != LITTLE_ENDIAN_WKB)
        w->c.failed = true;
    uint32_t type = cursor_u32(&w->c);
    if (type < WKB_POINT || type >= WKB_TYPES)
        w->c.failed = true;
    return w->c.failed ? 0 : type;
}

static bool counts_nothing(const struct writing *w) {
    struct cursor ahead = w->c;
    return cursor_u32(&ahead) == 0;
}

static void put_geometry(struct writing *w, unsigned depth);

static void put_members(struct writing *w, uint32_t member, unsigned depth) {
    uint32_t count = cursor_u32(&w->c);
    buf_put_char(w->buf, '(');
    for (uint32_t i = 0; i < count && !w->c.failed; i++) {
        if (i)
            buf_put_char(w->buf, ',');
        if (!member)
            put_geometry(w, depth + 1);
        else if (read_head(w) == member)
            types[member].put(w);
        else
            w->c.failed = true;
    }
    buf_put_char(w->buf, ')');
}

static void put_geometry(struct writing *w, unsigned depth) {
    uint32_t type = read_head(w);
    if (!type || depth > DEPTH_MAX) {
        w->c.failed = true;
        return;
    }
    buf_put_text(w->buf, types[type].name);
    if (type != WKB_POINT && counts_nothing(w)) {
        cursor_skip(&w->c, 4);
        buf_put_text(w->buf, " EMPTY");
    } else if (types[type].put) {
        types[type].put(w);
    } else {
        put_members(w, types[type].member, depth);
    }
}

uint32_t geometry_srid(struct slice geometry) {
    struct cursor c = cursor_of(geometry.data, geometry.len);
    return cursor_u32(&c);
}

bool geometry_put_wkt(struct buf *buf, struct slice geometry) {
    struct writing w = {.buf = buf, .c = cursor_of(geometry.data, geometry.len)};
    cursor_skip(&w.c, SRID_SIZE);
    put_geometry(&w, 1);
    return !w.c.failed && cursor_left(&w.c) == 0;
}
