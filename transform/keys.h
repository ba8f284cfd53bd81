/* The forms of the store's keys. LMDB takes at most 511 bytes; MySQL's keys reach 3,072 and DynamoDB's 2,048 + 1,024.
 * A longer part keeps a prefix and a 128-bit digest; the full one then stands first in the value, where readers find
 * and compare it.
 *
 * Value of every database whose key may be shortened: blob(the full part, empty when it is not shortened), then the
 * content. */
#pragma once

#include "contract/contract.h"
#include "src/base/buf.h"
#include "src/base/cursor.h"
#include "src/base/error.h"

#ifdef LEAT_MUTANTS /* the simulator's keys are short: let some be long */
enum { KEY_PART_MAX = 34, KEY_HALF_MAX = 26, KEY_BYTES_MAX = 511 };
#else
enum { KEY_PART_MAX = 480, KEY_HALF_MAX = 230, KEY_BYTES_MAX = 511 };
#endif

/* A root, or any row: number of its source (2 bytes, big-endian), then its key's value_put_key() forms. */
#define ROW_KEY_BUF BUF_SMALL(128, 64 * 1024)

/* For tables in memory. */
uint64_t hash_key(struct slice key);

void key_put_be16(struct buf *buf, unsigned v);
unsigned key_get_be16(struct slice key, size_t at);

/* Appends `part`, or its short form when it has `max` bytes or more; returns whether it was shortened. */
bool key_put_part(struct buf *buf, struct slice part, size_t max);
/* Starts a value: the full part when it was shortened. */
void key_put_full(struct buf *value, struct slice part, bool shortened);
/* The full part of an entry: from its value, else what follows `skip` bytes of the key. Advances `c`. */
struct slice key_full(struct slice key, size_t skip, struct cursor *c);

/* Does the entry that was found under a key belong to `part`? ERR_STORE when two parts have one digest. Advances `c`
 * past the full part. */
int key_check(struct cursor *c, struct slice part, struct error *error) must_check;

/* Source number and key columns of `row` (source.column_count values). */
void row_key_put(struct buf *buf, const struct source *source, const struct value *row);
/* Key in DB_ROWS, DB_DIRTY, DB_REPLAY, DB_REREAD: of a row key as above. */
bool row_db_key(struct buf *buf, struct slice row_key);
