/* What every file may use: attributes, cleanup, small integer helpers. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define must_check __attribute__((warn_unused_result))
#define printf_like(text, first) __attribute__((format(printf, text, first)))
#define defer(f) __attribute__((cleanup(f)))

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))
#define MIN(a, b) ((a) < (b) ? (a) : (b))
#define MAX(a, b) ((a) > (b) ? (a) : (b))

/* Bytes that somebody else owns: text without a terminator, or binary. */
struct slice {
    const char *data;
    size_t len;
};

#define SLICE(text) ((struct slice){(text), sizeof(text) - 1})

static inline struct slice slice_of(const char *text) {
    return (struct slice){text, text ? strlen(text) : 0};
}

static inline bool slice_equal(struct slice a, struct slice b) {
    return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

/* Byte order, shorter first: the order of LMDB and of "strings by bytes". */
static inline int slice_compare(struct slice a, struct slice b) {
    size_t n = MIN(a.len, b.len);
    int c = n ? memcmp(a.data, b.data, n) : 0;
    return c ? c : (a.len > b.len) - (a.len < b.len);
}

/* malloc and friends that abort when memory is gone: the store makes that safe (ARCHITECTURE.md, invariant 1). */
void *xmalloc(size_t size) must_check __attribute__((malloc, returns_nonnull));
void *xcalloc(size_t count, size_t size) must_check __attribute__((malloc, returns_nonnull));
void *xrealloc(void *p, size_t size) must_check __attribute__((returns_nonnull));
char *xstrdup(const char *text) must_check __attribute__((malloc, returns_nonnull));
char *xstrndup(const char *text, size_t len) must_check __attribute__((malloc, returns_nonnull));

void free_pointer(void *pp); /* for defer(free_pointer): frees *(void **)pp */
