/* Geometries as MySQL stores them: SRID, then WKB of two dimensions, little-endian. */
#pragma once

#include "src/base/buf.h"
#include "src/base/cursor.h"

/* 0 when there are no four bytes of it. */
uint32_t geometry_srid(struct slice geometry);

/* Appends WKT as MySQL's ST_AsText() prints it for SRID 0 (x before y; other reference systems may turn the axes). False when the
 * bytes are no geometry: what was appended is then to be thrown away. */
bool geometry_put_wkt(struct buf *buf, struct slice geometry) must_check;
