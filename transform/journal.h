/* The journal: what was handed to the sender since the checkpoint. Written before the first byte of a batch is sent
 * (ARCHITECTURE.md, invariant 4).
 *
 * A record: length of the content (4 bytes, little-endian), digest of the content (16 bytes), content: number of the
 * decision (varint), position, keys (count, then blobs). A batch of many keys makes several records. What a crash cut
 * off fails its digest; it ends the journal and was never sent. */
#pragma once

#include "contract/position.h"

struct journal;

/* Reads what is there: `each` per key; ret_number and ret_position get the maximum over all records ({0} when there
 * are none). Then new records follow. */
struct journal_reader {
    void *context;
    int (*key)(void *context, struct slice key, struct error *error);
    int (*record)(void *context, uint64_t number, const struct position *position, struct error *error);
};
int journal_open(struct journal **ret, const char *dir, bool durable, const struct journal_reader *reader,
                 struct error *error) must_check;
void journal_free(struct journal *j); /* accepts NULL */

/* Keys of one decision: begin, add..., end. They are in the file (and on the disk when durable) when journal_end() has
 * returned. Without keys nothing is written. */
void journal_begin(struct journal *j, uint64_t number, const struct position *position);
int journal_add(struct journal *j, struct slice key, struct error *error) must_check;
int journal_end(struct journal *j, struct error *error) must_check;
/* A record without keys: something is about to be sent at this position. Durable when it returns, as journal_end(). */
int journal_mark(struct journal *j, uint64_t number, const struct position *position, struct error *error) must_check;
/* Starts anew: after a checkpoint is durable. */
int journal_restart(struct journal *j, struct error *error) must_check;
uint64_t journal_bytes(const struct journal *j);
