/* Prepared XA transactions, kept in the engine's store. */
#pragma once

#include "binlog/xa.h"
#include "transform/engine.h"

struct xa_store {
    struct engine *engine;
    const char *spill_dir; /* where a large one is put together again, in an unlinked file */
    size_t memory_bytes;   /* of it in memory */
};
struct xa_keeper xa_store_keeper(struct xa_store *store);
