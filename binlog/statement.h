/* What a logged statement is: as far as this program must know. It reads words, not grammar: what it does not know it calls so. */
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
    STATEMENT_XA_ROLLBACK,  /* the last of a transaction's frame */
    STATEMENT_ROWS,         /* changes rows: INSERT, UPDATE, ... */
    STATEMENT_TRUNCATE,     /* names: the table */
    STATEMENT_DROP_TABLE,   /* names: the tables */
    STATEMENT_RENAME_TABLE, /* names: old and new in turn; an ALTER TABLE that renames too */
    STATEMENT_ALTER_TABLE, /* names: the table, and the one that a partition is exchanged with; CREATE and DROP INDEX too */
    STATEMENT_CREATE_TABLE,  /* names: the table */
    STATEMENT_DROP_DATABASE, /* names: one without a table */
    STATEMENT_OTHER,         /* changes no rows, makes no table: GRANT, CREATE VIEW, what is TEMPORARY, ... */
    STATEMENT_UNKNOWN,
};

enum { STATEMENT_NAMES_MAX = 128, STATEMENT_NAME_SIZE = 65 * 4 };

struct statement_name {
    char database[STATEMENT_NAME_SIZE]; /* "" when not given */
    char table[STATEMENT_NAME_SIZE];    /* both in the client's character set */
};

struct statement {
    enum statement_kind kind;
    bool
        moves_rows; /* ALTER: rows come or go with a partition or a tablespace. CREATE: it makes rows that no event will tell */
    bool too_many_names; /* more than fit, or one that is none: treat it as if it named everything */
    size_t name_count;
    struct statement_name names[STATEMENT_NAMES_MAX];
};

/* The kind by its first words alone: cheap. What only the names tell is STATEMENT_OTHER. */
enum statement_kind statement_kind(struct slice sql);
void statement_read(struct statement *ret, struct slice sql, const struct statement_mode *mode);
/* Does any word or quoted name of it equal `name` (letters of either case)? */
bool statement_names(struct slice sql, const struct statement_mode *mode, const char *name);
/* The name in XA COMMIT and XA ROLLBACK, as servers write it: X'61',X'62',1. False: it is none. */
bool statement_xid(struct slice sql, struct xid *ret);
