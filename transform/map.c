/* How the columns of an event's table lie in the contract's source: by name. */
#include "transform/state.h"

#include <stdlib.h>
#include <strings.h>

static const struct source *find_source(const struct engine *e, const struct table *table) {
    if (table->database && strcmp(table->database, e->contract->database) != 0)
        return NULL;
    for (size_t i = 0; i < e->contract->source_count; i++)
        if (strcmp(e->contract->sources[i]->name, table->name) == 0)
            return e->contract->sources[i];
    return NULL;
}

/* The number of a column in the event's table, or -1. Events without names (binlog_row_metadata=MINIMAL) count as the
 * live schema while they have as many columns. */
static int find_column(const struct source *source, const struct source_column *column, const struct table *table) {
    for (size_t i = 0; i < table->column_count; i++)
        if (table->columns[i].name && strcasecmp(table->columns[i].name, column->name) == 0)
            return (int)i;
    if (table->column_count && !table->columns[0].name && table->column_count == source->table->column_count)
        return (int)(column->column - source->table->columns);
    return -1;
}

static int check_column(const struct source *source, const struct source_column *column, const struct table *table,
                        int at, struct error *error) {
    if (at < 0)
        return error_set(
            error, ERR_SOURCE,
            "table %s has no column %s any more, which the contract needs: change the contract, then " NEW_SNAPSHOT,
            source->name, column->name);
    const struct column *is = &table->columns[at];
    if (is->type != column->column->type)
        return error_set(
            error, ERR_SOURCE, "table %s, column %s was %s and is %s now: check the contract, then " NEW_SNAPSHOT,
            source->name, column->name, column_type_name(column->column->type), column_type_name(is->type));
    return 0;
}

static struct mapping *find_mapping(struct engine *e, const struct source *source, const int *columns) {
    for (struct mapping *m = e->mappings; m; m = m->next)
        if (m->source == source && memcmp(m->columns, columns, source->column_count * sizeof(int)) == 0)
            return m;
    struct mapping *m = xcalloc(1, sizeof(*m) + source->column_count * sizeof(int));
    m->source = source;
    memcpy(m->columns, columns, source->column_count * sizeof(int));
    m->next = e->mappings;
    e->mappings = m;
    return m;
}

void *engine_map_table(struct engine *e, const struct table *table, bool *wanted, int *ret_error, struct error *error) {
    const struct source *source = find_source(e, table);
    *ret_error = 0;
    if (!source)
        return NULL;
    int *columns defer(free_pointer) = xcalloc(source->column_count, sizeof(int));
    for (size_t i = 0; i < source->column_count; i++) {
        columns[i] = find_column(source, &source->columns[i], table);
        *ret_error = check_column(source, &source->columns[i], table, columns[i], error);
        if (*ret_error)
            return NULL;
    }
    if (wanted) {
        memset(wanted, 0, table->column_count * sizeof(*wanted));
        for (size_t i = 0; i < source->column_count; i++)
            wanted[columns[i]] = true;
    }
    return find_mapping(e, source, columns);
}
