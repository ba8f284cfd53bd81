/* Memory by lifetime. */
#include "src/base/arena.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#if defined(__SANITIZE_ADDRESS__)
#define ARENA_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ARENA_ASAN 1
#endif
#endif
#ifdef ARENA_ASAN
#include <sanitizer/asan_interface.h>
#define poison(p, n) __asan_poison_memory_region(p, n)
#define unpoison(p, n) __asan_unpoison_memory_region(p, n)
#define GAP 16 /* a poisoned gap, so that running over an allocation is seen */
#else
#define poison(p, n) ((void)0)
#define unpoison(p, n) ((void)0)
#define GAP 0
#endif

enum { BLOCK_SIZE = 64 * 1024, KEEP_MAX = 4 * 1024 * 1024 };

struct arena_block {
    struct arena_block *next;
    size_t cap;
    size_t used;
    _Alignas(16) char data[];
};

static void block_free(struct arena_block *block) {
    unpoison(block->data, block->cap);
    free(block);
}

void arena_deinit(struct arena *arena) {
    if (!arena)
        return;
    while (arena->blocks) {
        struct arena_block *block = arena->blocks;
        arena->blocks = block->next;
        block_free(block);
    }
    arena->used = 0;
}

void arena_reset(struct arena *arena) {
    struct arena_block *keep = arena->blocks;
    if (keep && keep->cap <= KEEP_MAX) {
        arena->blocks = keep->next;
        arena_deinit(arena);
        keep->next = NULL;
        keep->used = 0;
        poison(keep->data, keep->cap);
        arena->blocks = keep;
    } else {
        arena_deinit(arena);
    }
    arena->used = 0;
}

void *arena_alloc(struct arena *arena, size_t size) {
    size_t need = ((size ? size : 1) + GAP + 15) & ~(size_t)15;
    struct arena_block *block = arena->blocks;
    if (!block || block->cap - block->used < need) {
        /* each new block is larger, so that the number of blocks stays small and reset keeps a useful one */
        size_t cap = MAX(need, block ? MIN(block->cap * 2, (size_t)KEEP_MAX) : (size_t)BLOCK_SIZE);
        block = xmalloc(sizeof(*block) + cap);
        *block = (struct arena_block){.next = arena->blocks, .cap = cap};
        poison(block->data, cap);
        arena->blocks = block;
    }
    char *p = block->data + block->used;
    block->used += need;
    arena->used += need;
    unpoison(p, size);
    return p;
}

void *arena_zalloc(struct arena *arena, size_t size) {
    return memset(arena_alloc(arena, size), 0, size);
}

void *arena_copy(struct arena *arena, const void *data, size_t len) {
    void *p = arena_alloc(arena, len);
    if (len)
        memcpy(p, data, len);
    return p;
}

char *arena_strdup(struct arena *arena, const char *text) {
    return arena_strndup(arena, text, strlen(text));
}

char *arena_strndup(struct arena *arena, const char *text, size_t len) {
    char *p = arena_alloc(arena, len + 1);
    if (len)
        memcpy(p, text, len);
    p[len] = 0;
    return p;
}

char *arena_printf(struct arena *arena, const char *format, ...) {
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, format, args);
    va_end(args);
    size_t len = n > 0 ? (size_t)n : 0;
    char *p = arena_alloc(arena, len + 1);
    vsnprintf(p, len + 1, format, again);
    va_end(again);
    return p;
}
