/* Allocation that aborts instead of failing. */
#include "src/base/base.h"

#include <stdio.h>
#include <stdlib.h>

static void *or_abort(void *p, size_t size) {
    if (!p && size) {
        fprintf(stderr, "leat: out of memory (%zu bytes asked for); the store is good, start again\n", size);
        abort();
    }
    return p;
}

void *xmalloc(size_t size) {
    return or_abort(malloc(size ? size : 1), size);
}

void *xcalloc(size_t count, size_t size) {
    return or_abort(calloc(count ? count : 1, size ? size : 1), count);
}

void *xrealloc(void *p, size_t size) {
    return or_abort(realloc(p, size ? size : 1), size);
}

char *xstrdup(const char *text) {
    return xstrndup(text, strlen(text));
}

char *xstrndup(const char *text, size_t len) {
    char *copy = xmalloc(len + 1);
    memcpy(copy, text, len);
    copy[len] = 0;
    return copy;
}

void free_pointer(void *pp) {
    free(*(void **)pp);
}
