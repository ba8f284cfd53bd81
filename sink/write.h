/* One write on its way: encoded once, then handed from list to list. It is in exactly one place at a time:
 * incoming (applier to sender) -> ready (of its table, or transactions) -> in a request -> delayed -> ready ... -> done (to the applier). */
#pragma once

#include "contract/contract.h"

struct write {
    struct write *next;     /* in the list that holds it */
    struct write *together; /* the next member of its transaction; the head stands for all in the lists */
    uint64_t ticket;
    uint16_t target; /* number in the contract */
    bool is_delete;
    bool transact;        /* head of a transaction */
    bool left_over;       /* set while an answer is read: UnprocessedItems named it */
    uint8_t batch_limit;  /* how many writes its request may hold: halved while a poison item is looked for */
    uint16_t attempts;    /* refusals in a row: the exponent of its backoff */
    uint8_t delay_class;  /* enum error_class of the last refusal */
    int64_t due_us;       /* monotonic; while delayed */
    int64_t ambiguous_us; /* struct outcome */
    char token[33];       /* ClientRequestToken of a transaction's head; "" draws a new one */
    enum outcome_kind outcome;
    char *reason;      /* of OUTCOME_POISON, or NULL; owned */
    uint32_t key_len;  /* item_key bytes, first in `bytes` */
    uint32_t json_len; /* then the attribute map */
    uint32_t capacity;
    char bytes[];
};

static inline struct slice write_key(const struct write *w) {
    return (struct slice){w->bytes, w->key_len};
}
static inline struct slice write_json(const struct write *w) {
    return (struct slice){w->bytes + w->key_len, w->json_len};
}

/* First in, first out. */
struct write_list {
    struct write *first, *last;
    size_t count;
};
void list_append(struct write_list *list, struct write *w);
void list_prepend(struct write_list *list, struct write *w);
struct write *list_pop(struct write_list *list);                    /* NULL when empty */
void list_move_all(struct write_list *to, struct write_list *from); /* behind what `to` has */
void list_free(struct write_list *list);                            /* transactions' members too */

/* Recycled records, by size; used by one thread. */
enum { WRITE_CLASSES = 5 }; /* 512 bytes to 8 KB */
struct write_pool {
    struct write *free[WRITE_CLASSES];
};
struct write *pool_get(struct write_pool *pool, size_t bytes) must_check;
void pool_put(struct write_pool *pool, struct write *w);
void pool_deinit(struct write_pool *pool);

/* Delayed writes by due time: a binary heap. */
struct write_heap {
    struct write **items;
    size_t count, capacity;
};
void heap_push(struct write_heap *heap, struct write *w);
struct write *heap_pop(struct write_heap *heap); /* NULL when empty */
void heap_rebuild(struct write_heap *heap);      /* after due times were changed */
void heap_deinit(struct write_heap *heap);       /* frees the writes too */
