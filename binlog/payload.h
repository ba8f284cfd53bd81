/* TRANSACTION_PAYLOAD: a whole transaction's events, compressed. */
#pragma once

#include "binlog/txn_buffer.h"

struct payload; /* what inflating needs, kept from one transaction to the next */

struct payload *payload_new(void);
void payload_free(struct payload *p); /* accepts NULL */

/* `body` is the event's, or its first piece: the others are taken from `rest`. Both stay the caller's until payload_next() gives 0. */
int payload_begin(struct payload *p, struct slice body, struct txn_reader *rest, struct error *error) must_check;
/* 1 with the next event (with its header, without checksum; valid until the next call), 0 at the end. */
int payload_next(struct payload *p, struct slice *ret, struct error *error) must_check;
