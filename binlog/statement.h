/* What a logged statement is: as far as this program must know. */
#pragma once

#include "binlog/event.h"

enum statement_kind {
    STATEMENT_BEGIN,
    STATEMENT_COMMIT,
    STATEMENT_ROLLBACK,
    STATEMENT_ROLLBACK_TO, /* names: the savepoint */
    STATEMENT_SAVEPOINT,   /* names: the savepoint */
    STATEMENT_XA_START,
    STATEMENT_XA_END,
    STATEMENT_XA_COMMIT,
    STATEMENT_XA_ROLLBACK,
    STATEMENT_ROWS,          /* changes rows: INSERT, UPDATE, ... */
    STATEMENT_TRUNCATE,      /* names: the table */
    STATEMENT_DROP_TABLE,    /* names: the tables */
    STATEMENT_RENAME_TABLE,  /* names: old and new in turn */
    STATEMENT_ALTER_TABLE,   /* names: the table; `moves_rows` tells of partitions and renames */
    STATEMENT_DROP_DATABASE, /* names: one without a table */
    STATEMENT_OTHER,         /* changes no rows: CREATE, GRANT, ... */
    STATEMENT_UNKNOWN,
};

enum { STATEMENT_NAMES_MAX = 64, STATEMENT_NAME_SIZE = 65 * 4 };

struct statement_name {
    char database[STATEMENT_NAME_SIZE]; /* "" when not given */
    char table[STATEMENT_NAME_SIZE];
};

struct statement {
    enum statement_kind kind;
    bool moves_rows;
    bool too_many_names; /* more than fit: treat it as if it named everything */
    size_t name_count;
    struct statement_name names[STATEMENT_NAMES_MAX];
};

/* The kind alone: cheap, `names` untouched. */
enum statement_kind statement_kind(struct slice sql);
void statement_read(struct statement *ret, struct slice sql);
/* The name in XA COMMIT and XA ROLLBACK, as servers write it: X'61',X'62',1. False: it is none. */
bool statement_xid(struct slice sql, struct xid *ret);
