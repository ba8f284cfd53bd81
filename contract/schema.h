/* What MySQL says of its tables: columns, keys, foreign keys. Read from information_schema, or (columns only) from a
 * table map event. Everything lives in the arena it was made in. */
#pragma once

#include "contract/value.h"
#include "src/base/arena.h"

enum column_type {
    COLUMN_UNSUPPORTED,
    COLUMN_INT,
    COLUMN_BIT,
    COLUMN_YEAR,
    COLUMN_DECIMAL,
    COLUMN_FLOAT,
    COLUMN_DOUBLE,
    COLUMN_TEXT,   /* CHAR, VARCHAR, TEXT */
    COLUMN_BINARY, /* BINARY, VARBINARY, BLOB */
    COLUMN_ENUM,
    COLUMN_SET,
    COLUMN_DATE,
    COLUMN_TIME,
    COLUMN_DATETIME,
    COLUMN_TIMESTAMP,
    COLUMN_JSON,
    COLUMN_GEOMETRY,
    COLUMN_VECTOR,
};

const char *column_type_name(enum column_type type); /* "INT", "TEXT", ... for messages */

struct column {
    const char *name;
    enum column_type type;
    bool is_unsigned;
    bool nullable;
    bool generated;
    bool invisible;
    bool fixed_length;          /* BINARY(n): padded back to n with zeros; CHAR(n) */
    uint8_t digits;             /* fraction digits of temporals, scale of decimals */
    uint32_t length;            /* bytes of an integer, bits of BIT, precision of DECIMAL, bytes of BINARY(n) */
    uint32_t collation;         /* MySQL's collation id; 63 is binary */
    const char *collation_name; /* NULL when unknown */
    const struct slice *labels; /* ENUM and SET, which may hold zero bytes; NULL when unknown */
    size_t label_count;
    bool
        labels_doubtful; /* from information_schema, which shows characters beyond the basic plane as '?', and one has a '?' */
    /* What an INSERT that leaves the column out puts into it; VALUE_UNKNOWN when that is not a constant, or cannot be told exactly. */
    struct value default_value;
};

struct table_key {
    const char *name; /* "PRIMARY" for the primary key */
    bool primary;
    bool unique;
    bool partial;            /* has a prefix or functional part: identifies nothing */
    bool nullable;           /* some column may be NULL */
    const unsigned *columns; /* numbers into table.columns */
    size_t column_count;
};

enum fk_rule { FK_NO_ACTION, FK_RESTRICT, FK_CASCADE, FK_SET_NULL, FK_SET_DEFAULT };

struct foreign_key {
    const char *name;
    const char *const *columns; /* of the child */
    const char *parent_database;
    const char *parent_table;
    const char *const *parent_columns;
    size_t column_count;
    enum fk_rule on_delete;
    enum fk_rule on_update;
};

struct table {
    const char *database;
    const char *name;
    const struct column *columns;
    size_t column_count;
    const struct table_key *keys; /* empty in tables that come from events */
    size_t key_count;
    const struct foreign_key *foreign_keys; /* where this table is the child */
    size_t foreign_key_count;
};

struct schema {
    const char *database;
    const struct table *tables;
    size_t table_count;
};

const struct table *schema_table(const struct schema *schema, const char *name); /* NULL when absent */
int table_column(const struct table *table, const char *name); /* -1 when absent; names compare without case */
