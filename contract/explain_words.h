/* The parts of an explanation, in words; each appends to `out`. */
#pragma once

#include "contract/contract.h"

void words_columns(struct buf *out, const struct source *source, const unsigned *columns, size_t count);
void words_kept(struct buf *out, const struct source *source); /* all kept columns */
void words_key(struct buf *out, const struct source *source);
void words_edge(struct buf *out, const struct node *node);    /* items.order_id = orders.id */
void words_down(struct buf *out, const struct node *node);    /* how the rows of a parent's row are found */
void words_up(struct buf *out, const struct node *node);      /* how the parents of a row are found */
void words_order(struct buf *out, const struct node *node);   /* of a many-edge; nothing where no order matters */
void words_measure(struct buf *out, const struct measure *m); /* SUM(orders.total_amount) */
void words_measures(struct buf *out, const struct source_index *index); /* all of them */
void words_running(struct buf *out, const struct node *node);           /* of this node; nothing when it has none */
void words_filter(struct buf *out, const struct entity *entity, const struct expr *filter);
void words_item_key(struct buf *out, const struct entity *entity);
/* "1 row of orders, 1 of users, each of order_items with 1 of products": what is read to make an item. */
void words_gather(struct buf *out, const struct entity *entity);
/* "1" or "1 per order_items row": the items of a changed row of the node. */
void words_items(struct buf *out, const struct node *node);
/* Rows that are read on the way from a changed row of the node to its roots; nothing where there are none. */
void words_climb(struct buf *out, const struct node *node);
