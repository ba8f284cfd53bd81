/* Lists, pool and heap of writes. */
#include "sink/write.h"

#include <stdlib.h>

void list_append(struct write_list *list, struct write *w) {
    w->next = NULL;
    if (list->last)
        list->last->next = w;
    else
        list->first = w;
    list->last = w;
    list->count++;
}

void list_prepend(struct write_list *list, struct write *w) {
    w->next = list->first;
    list->first = w;
    if (!list->last)
        list->last = w;
    list->count++;
}

struct write *list_pop(struct write_list *list) {
    struct write *w = list->first;
    if (!w)
        return NULL;
    list->first = w->next;
    if (!list->first)
        list->last = NULL;
    list->count--;
    w->next = NULL;
    return w;
}

void list_move_all(struct write_list *to, struct write_list *from) {
    if (!from->first)
        return;
    if (to->last)
        to->last->next = from->first;
    else
        to->first = from->first;
    to->last = from->last;
    to->count += from->count;
    *from = (struct write_list){0};
}

static void write_free(struct write *w) {
    while (w) {
        struct write *together = w->together;
        free(w->reason);
        free(w);
        w = together;
    }
}

void list_free(struct write_list *list) {
    for (struct write *w; (w = list_pop(list));)
        write_free(w);
}

static unsigned class_of(size_t bytes) {
    unsigned c = 0;
    while (c < WRITE_CLASSES && (size_t)512 << c < bytes)
        c++;
    return c;
}

struct write *pool_get(struct write_pool *pool, size_t bytes) {
    unsigned c = class_of(bytes);
    struct write *w = c < WRITE_CLASSES ? pool->free[c] : NULL;
    size_t capacity = c < WRITE_CLASSES ? (size_t)512 << c : bytes;
    if (w)
        pool->free[c] = w->next;
    else
        w = xmalloc(sizeof(*w) + capacity);
    *w = (struct write){.capacity = (uint32_t)capacity};
    return w;
}

void pool_put(struct write_pool *pool, struct write *w) {
    unsigned c = class_of(w->capacity);
    free(w->reason);
    w->reason = NULL;
    if (c == WRITE_CLASSES) {
        free(w);
        return;
    }
    w->next = pool->free[c];
    pool->free[c] = w;
}

void pool_deinit(struct write_pool *pool) {
    for (unsigned c = 0; c < WRITE_CLASSES; c++)
        for (struct write *w = pool->free[c], *next; w; w = next) {
            next = w->next;
            free(w);
        }
    *pool = (struct write_pool){0};
}

static void sift_down(struct write_heap *heap, size_t i) {
    for (;;) {
        size_t least = i;
        for (size_t child = 2 * i + 1; child <= 2 * i + 2 && child < heap->count; child++)
            if (heap->items[child]->due_us < heap->items[least]->due_us)
                least = child;
        if (least == i)
            return;
        struct write *w = heap->items[i];
        heap->items[i] = heap->items[least];
        heap->items[least] = w;
        i = least;
    }
}

void heap_push(struct write_heap *heap, struct write *w) {
    if (heap->count == heap->capacity) {
        heap->capacity = MAX(heap->capacity * 2, 64);
        heap->items = xrealloc(heap->items, heap->capacity * sizeof(*heap->items));
    }
    size_t i = heap->count++;
    while (i > 0 && w->due_us < heap->items[(i - 1) / 2]->due_us) {
        heap->items[i] = heap->items[(i - 1) / 2];
        i = (i - 1) / 2;
    }
    heap->items[i] = w;
}

struct write *heap_pop(struct write_heap *heap) {
    if (heap->count == 0)
        return NULL;
    struct write *w = heap->items[0];
    heap->items[0] = heap->items[--heap->count];
    if (heap->count)
        sift_down(heap, 0);
    return w;
}

void heap_rebuild(struct write_heap *heap) {
    for (size_t i = heap->count / 2; i-- > 0;)
        sift_down(heap, i);
}

void heap_deinit(struct write_heap *heap) {
    for (size_t i = 0; i < heap->count; i++)
        write_free(heap->items[i]);
    free(heap->items);
    *heap = (struct write_heap){0};
}
