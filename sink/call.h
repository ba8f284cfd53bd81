/* One request after another, waiting for each answer: for commands. */
#pragma once

#include "sink/dynamo.h"
#include "sink/retry.h"
#include "src/base/json.h"

struct call {
    struct dynamo dynamo;
    bool done;
    struct http_answer answer;
    struct buf body;      /* the answer's */
    enum error_kind kind; /* of a refusal */
    char type[64], message[400];
};

int call_open(struct call *c, const struct sink_options *options, struct error *error) must_check;
void call_close(struct call *c);

/* Asks. Throttled and transient failures are tried again a few times. 0 with the answer's document (the caller frees); 1 when DynamoDB
 * refused: kind, type and message say how; ERR_TARGET_LOST when nobody answers. */
int call_dynamo(struct call *c, const char *operation, struct slice body, struct json_doc **ret,
                struct error *error) must_check;
/* ERR_TARGET with what a refusal said, and the remedy. */
int call_refused(const struct call *c, const char *operation, const char *table, struct error *error) must_check;
