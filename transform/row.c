/* Rows of the store and their index entries.
 *
 * DB_ROWS: source and key -> blob(full key when long), blob(values; empty: the row is gone and only its marks are
 * left), then per entity rooted here: state, blob(item key), and for MARK_REFUSED the hash of the value that DynamoDB
 * refused. DB_INDEX: source, index, column values, row key -> nothing, or both parts in full when one is long. */
#include "transform/state.h"

const struct source *row_source(const struct engine *e, struct slice row_key) {
    unsigned number = key_get_be16(row_key, 0);
    return row_key.len > 2 && number < e->contract->source_count ? e->contract->sources[number] : NULL;
}

static int damaged(const struct source *source, struct error *error) {
    return error_set(error, ERR_STORE, "the store is damaged: a row of table %s is malformed; make a new store",
                     source ? source->name : "(unknown)");
}

int row_decode(struct engine *e, struct slice row_key, struct slice record, struct arena *arena, struct row *ret,
               struct error *error) {
    const struct source *source = row_source(e, row_key);
    if (!source)
        return damaged(NULL, error);
    struct cursor c = cursor_of(arena_copy(arena, record.data, record.len), record.len);
    int r = key_check(&c, row_key, error);
    if (r)
        return r;
    struct slice bytes = cursor_blob(&c);
    struct value *values = NULL;
    if (bytes.len) {
        struct cursor v = cursor_of(bytes.data, bytes.len);
        values = arena_alloc(arena, source->column_count * sizeof(*values));
        for (size_t i = 0; i < source->column_count; i++)
            value_get(&v, &values[i]);
        if (v.failed || cursor_left(&v))
            return damaged(source, error);
    }
    struct mark *marks = arena_zalloc(arena, (source->rooted_count + 1) * sizeof(*marks));
    for (size_t i = 0; i < source->rooted_count && cursor_left(&c); i++) {
        marks[i].state = cursor_u8(&c);
        marks[i].key = cursor_blob(&c);
        const unsigned char *hash =
            marks[i].state == MARK_REFUSED ? cursor_take(&c, sizeof(marks[i].hash.bytes)) : NULL;
        if (hash)
            memcpy(marks[i].hash.bytes, hash, sizeof(marks[i].hash.bytes));
    }
    if (c.failed)
        return damaged(source, error);
    *ret = (struct row){source, values, marks};
    return 0;
}

int row_read(struct engine *e, struct slice row_key, struct arena *arena, struct row *ret, struct error *error) {
    buf_clear(&e->key);
    row_db_key(&e->key, row_key);
    struct slice record;
    int r = store_get(e->store, DB_ROWS, buf_slice(&e->key), &record, error);
    return r ? r : row_decode(e, row_key, record, arena, ret, error);
}

static bool any_mark(const struct source *source, const struct mark *marks) {
    for (size_t i = 0; marks && i < source->rooted_count; i++)
        if (marks[i].state != MARK_NONE)
            return true;
    return false;
}

/* Writes the record, or deletes it when nothing is left of it. */
static int put_record(struct engine *e, const struct source *source, struct slice row_key, const struct value *values,
                      const struct mark *marks, struct error *error) {
    bool marked = any_mark(source, marks);
    buf_clear(&e->key);
    bool shortened = row_db_key(&e->key, row_key);
    if (!values && !marked) {
        int r = store_delete(e->store, DB_ROWS, buf_slice(&e->key), error);
        return r < 0 ? r : 0;
    }
    buf_clear(&e->value);
    key_put_full(&e->value, row_key, shortened);
    buf_clear(&e->other);
    for (size_t i = 0; values && i < source->column_count; i++)
        value_put(&e->other, &values[i]);
    buf_put_blob(&e->value, buf_slice(&e->other));
    for (size_t i = 0; marked && i < source->rooted_count; i++) {
        buf_put_u8(&e->value, marks[i].state);
        buf_put_blob(&e->value, marks[i].key);
        if (marks[i].state == MARK_REFUSED)
            buf_put(&e->value, marks[i].hash.bytes, sizeof(marks[i].hash.bytes));
    }
    if (e->value.full || e->other.full)
        return error_set(error, ERR_STORE, "a row of table %s is over %d bytes", source->name, ROW_BYTES_MAX);
    if (e->life == ENGINE_LOADING)
        return store_append(e->store, DB_ROWS, buf_slice(&e->key), buf_slice(&e->value), error);
    return store_put(e->store, DB_ROWS, buf_slice(&e->key), buf_slice(&e->value), error);
}

/* ---- index entries */

bool index_has_null(const struct source_index *index, const struct value *values) {
    for (size_t i = 0; i < index->column_count; i++)
        if (!value_has(&values[index->columns[i]]))
            return true;
    return false;
}

static void index_prefix(struct buf *b, const struct source *source, unsigned number) {
    buf_clear(b);
    key_put_be16(b, source->number);
    key_put_be16(b, number);
}

void index_put_columns(struct buf *b, const struct source_index *index, const struct value *values) {
    for (size_t i = 0; i < index->column_count; i++)
        value_put_key(b, &values[index->columns[i]]);
}

/* The entry of one row: into e->key and e->value. */
static void index_entry(struct engine *e, const struct source *source, unsigned number, const struct value *values,
                        struct slice row_key) {
    buf_clear(&e->other);
    index_put_columns(&e->other, &source->indexes[number], values);
    index_prefix(&e->key, source, number);
    struct slice key = {row_key.data + 2, row_key.len - 2};
    bool a = key_put_part(&e->key, buf_slice(&e->other), KEY_HALF_MAX);
    bool b = key_put_part(&e->key, key, KEY_HALF_MAX);
    buf_clear(&e->value);
    if (a || b) {
        buf_put_blob(&e->value, buf_slice(&e->other));
        buf_put_blob(&e->value, key);
    }
}

bool index_same_columns(const struct source_index *index, const struct value *a, const struct value *b) {
    for (size_t i = 0; i < index->column_count; i++)
        if (!value_equal(&a[index->columns[i]], &b[index->columns[i]]))
            return false;
    return true;
}

static int index_change(struct engine *e, const struct source *source, unsigned number, struct slice row_key,
                        const struct value *old, const struct value *new, struct error *error) {
    const struct source_index *index = &source->indexes[number];
    if (old && new && index_same_columns(index, old, new))
        return 0;
    if (old && !index_has_null(index, old)) {
        index_entry(e, source, number, old, row_key);
        int r = store_delete(e->store, DB_INDEX, buf_slice(&e->key), error);
        if (r < 0)
            return r;
    }
    if (!new || index_has_null(index, new))
        return 0;
    index_entry(e, source, number, new, row_key);
    return store_put(e->store, DB_INDEX, buf_slice(&e->key), buf_slice(&e->value), error);
}

int row_replace(struct engine *e, const struct source *source, struct slice row_key, const struct row *old,
                const struct value *new_values, struct error *error) {
    const struct value *old_values = old ? old->values : NULL;
    e->changed = true;
    for (unsigned i = 0; i < source->index_count; i++) {
        int r = index_change(e, source, i, row_key, old_values, new_values, error);
        if (r)
            return r;
    }
    int r = groups_change(e, source, old_values, new_values, error);
    if (r)
        return r;
    return put_record(e, source, row_key, new_values, old ? old->marks : NULL, error);
}

int source_rows(struct engine *e, const struct source *source, source_each *each, void *context, struct error *error) {
    struct buf prefix defer(buf_deinit) = BUF_INIT(8);
    key_put_be16(&prefix, source->number);
    struct store_scan scan defer(store_scan_end);
    int r = store_scan(&scan, e->store, DB_ROWS, buf_slice(&prefix), (struct slice){NULL, 0}, error);
    struct slice key, record;
    while (!r && (r = store_scan_next(&scan, &key, &record, error)) == 0) {
        struct row row;
        arena_reset(&e->scratch);
        struct cursor c = cursor_of(record.data, record.len);
        struct slice full = key_full(key, 0, &c);
        full.data = arena_copy(&e->scratch, full.data, full.len);
        r = row_decode(e, full, record, &e->scratch, &row, error);
        if (!r && row.values)
            r = each(e, source, full, row.values, context, error);
    }
    return r < 0 ? r : 0;
}

static int enter(struct engine *e, const struct source *source, struct slice row_key, const struct value *values,
                 void *context, struct error *error) {
    return index_change(e, source, *(const unsigned *)context, row_key, NULL, values, error);
}

int index_build(struct engine *e, const struct source *source, unsigned index, struct error *error) {
    return source_rows(e, source, enter, &index, error);
}

int row_put_marks(struct engine *e, struct slice row_key, const struct row *row, struct error *error) {
    return put_record(e, row->source, row_key, row->values, row->marks, error);
}

int index_walk(struct engine *e, const struct source *source, unsigned index, struct slice columns, struct slice from,
               row_each *each, void *context, struct error *error) {
    struct buf prefix defer(buf_deinit) = BUF_SMALL(KEY_BYTES_MAX, KEY_BYTES_MAX),
                      start defer(buf_deinit) = BUF_SMALL(KEY_BYTES_MAX, KEY_BYTES_MAX),
                      row_key defer(buf_deinit) = ROW_KEY_BUF;
    index_prefix(&prefix, source, index);
    key_put_part(&prefix, columns, KEY_HALF_MAX);
    buf_put_slice(&start, buf_slice(&prefix));
    if (from.len > 2)
        key_put_part(&start, (struct slice){from.data + 2, from.len - 2}, KEY_HALF_MAX);
    struct store_scan scan defer(store_scan_end);
    int r = store_scan(&scan, e->store, DB_INDEX, buf_slice(&prefix), buf_slice(&start), error);
    struct slice key, value;
    while (!r && (r = store_scan_next(&scan, &key, &value, error)) == 0) {
        struct slice row = {key.data + prefix.len, key.len - prefix.len};
        if (value.len) {
            struct cursor full = cursor_of(value.data, value.len);
            if (!slice_equal(cursor_blob(&full), columns))
                continue;
            row = cursor_blob(&full);
        }
        buf_clear(&row_key);
        key_put_be16(&row_key, source->number);
        buf_put_slice(&row_key, row);
        int result = each(e, buf_slice(&row_key), context, error);
        if (result)
            return result;
    }
    return r < 0 ? r : 0;
}

int index_each(struct engine *e, const struct source *source, unsigned index, const struct value *const *columns,
               row_each *each, void *context, struct error *error) {
    struct buf wanted defer(buf_deinit) = ROW_KEY_BUF;
    for (size_t i = 0; i < source->indexes[index].column_count; i++) {
        if (!value_has(columns[i]))
            return 0; /* NULL joins nothing */
        value_put_key(&wanted, columns[i]);
    }
    return index_walk(e, source, index, buf_slice(&wanted), (struct slice){NULL, 0}, each, context, error);
}
