/* Memory by lifetime: many small allocations, freed at once. Used per batch and per compiled contract. */
#pragma once

#include "src/base/base.h"

struct arena_block;

struct arena {
    struct arena_block *blocks; /* newest first */
    size_t used;                /* bytes handed out since the last reset */
};

void arena_deinit(struct arena *arena);
/* Forgets everything; keeps one block of memory, so that a steady load allocates nothing. */
void arena_reset(struct arena *arena);

void *arena_alloc(struct arena *arena, size_t size) __attribute__((returns_nonnull)); /* 16-byte aligned, not cleared */
void *arena_zalloc(struct arena *arena, size_t size) __attribute__((returns_nonnull));
void *arena_copy(struct arena *arena, const void *data, size_t len) __attribute__((returns_nonnull));
char *arena_strdup(struct arena *arena, const char *text) __attribute__((returns_nonnull));
char *arena_strndup(struct arena *arena, const char *text, size_t len) __attribute__((returns_nonnull));
char *arena_printf(struct arena *arena, const char *format, ...) printf_like(2, 3) __attribute__((returns_nonnull));
