/* Looking things up in the description of tables. */
#include "contract/schema.h"

#include <strings.h>

static const char *const type_names[] = {
    [COLUMN_UNSUPPORTED] = "unsupported",
    [COLUMN_INT] = "INT",
    [COLUMN_BIT] = "BIT",
    [COLUMN_YEAR] = "YEAR",
    [COLUMN_DECIMAL] = "DECIMAL",
    [COLUMN_FLOAT] = "FLOAT",
    [COLUMN_DOUBLE] = "DOUBLE",
    [COLUMN_TEXT] = "TEXT",
    [COLUMN_BINARY] = "BINARY",
    [COLUMN_ENUM] = "ENUM",
    [COLUMN_SET] = "SET",
    [COLUMN_DATE] = "DATE",
    [COLUMN_TIME] = "TIME",
    [COLUMN_DATETIME] = "DATETIME",
    [COLUMN_TIMESTAMP] = "TIMESTAMP",
    [COLUMN_JSON] = "JSON",
    [COLUMN_GEOMETRY] = "GEOMETRY",
    [COLUMN_VECTOR] = "VECTOR",
};

const char *column_type_name(enum column_type type) {
    return (size_t)type < ARRAY_LEN(type_names) ? type_names[type] : "unsupported";
}

const struct table *schema_table(const struct schema *schema, const char *name) {
    for (size_t i = 0; i < schema->table_count; i++)
        if (strcmp(schema->tables[i].name, name) == 0)
            return &schema->tables[i];
    return NULL;
}

int table_column(const struct table *table, const char *name) {
    for (size_t i = 0; i < table->column_count; i++)
        if (strcasecmp(table->columns[i].name, name) == 0)
            return (int)i;
    return -1;
}
