/* A committed change of one row, as binlog/ delivers it. */
#pragma once

#include "contract/schema.h"
#include "contract/value.h"

enum row_kind { ROW_INSERT, ROW_UPDATE, ROW_DELETE, ROW_TRUNCATE /* all rows of the table; no images */ };

struct row_change {
    enum row_kind kind;
    const struct table *table; /* columns as they were when the event was written */
    void *handle;              /* what the table filter gave for this table (binlog/stream.h) */
    const struct value
        *before; /* table->column_count values, VALUE_UNKNOWN where the image lacks them; NULL for inserts */
    const struct value *after; /* NULL for deletes */
    bool foreign_keys_off;     /* the session had foreign_key_checks=0: the server cascades nothing */
    bool cascades_logged;      /* the server writes cascaded changes of children itself (MySQL 9.6 and later) */
};
