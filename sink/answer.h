/* What an HTTP answer says about each write of a request. */
#pragma once

#include "sink/http.h"
#include "sink/pack.h"
#include "sink/retry.h"

/* Of each write: */
enum fate {
    FATE_WRITTEN,
    FATE_LEFT_OVER, /* UnprocessedItems named it */
    FATE_REFUSED,   /* the whole request was; or this item, with `kinds`, of a canceled transaction */
};

struct answer {
    enum error_kind kind; /* KIND_NONE: fates are WRITTEN or LEFT_OVER */
    bool ambiguous;       /* the request's end is unknown, or it was sent twice */
    size_t left_over;
    uint64_t units_milli; /* consumed write units * 1000 */
    char type[64];        /* DynamoDB's error type */
    char message[400];
    /* KIND_CANCELED, of each item: */
    enum error_kind item_kinds[TRANSACTION_MAX];
    char item_messages[TRANSACTION_MAX][200];
};

void answer_read(struct answer *ret, const struct http_answer *http, struct request *r,
                 const struct contract *contract);
/* The error type without prefix and the message of an error's body; empty texts when it has none. */
void answer_error(struct slice body, char *type, size_t type_size, char *message, size_t message_size);
