/* TRANSACTION_PAYLOAD: a whole transaction's events, compressed. */
#pragma once

#include "src/base/buf.h"
#include "src/base/error.h"

struct payload;

/* `body` stays the caller's and must outlive the payload. */
int payload_open(struct payload **ret, struct slice body, struct error *error) must_check;
/* 1 with the next event (with its header, without checksum; valid until the next call), 0 at the end. */
int payload_next(struct payload *p, struct slice *ret, struct error *error) must_check;
void payload_close(struct payload *p); /* accepts NULL */
