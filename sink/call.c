/* Blocking requests. */
#include "sink/call.h"

#include "sink/answer.h"
#include "src/base/sys.h"

#include <stdio.h>

enum { ATTEMPTS = 6, ANSWER_MAX = 17 << 20 };

static void on_done(void *context, unsigned lane, const struct http_answer *answer) {
    (void)lane;
    struct call *c = context;
    c->answer = *answer;
    buf_clear(&c->body);
    buf_put_slice(&c->body, answer->body);
    c->answer.body = buf_slice(&c->body);
    c->done = true;
}

int call_open(struct call *c, const struct sink_options *options, struct error *error) {
    *c = (struct call){.body.max = ANSWER_MAX};
    return dynamo_init(&c->dynamo, options, 1, on_done, c, error);
}

void call_close(struct call *c) {
    dynamo_deinit(&c->dynamo);
    buf_deinit(&c->body);
}

static void ask_once(struct call *c, const char *operation, struct slice body) {
    c->done = false;
    dynamo_post(&c->dynamo, 0, operation, body);
    while (!c->done)
        http_turn(c->dynamo.http, INT64_MAX);
    c->type[0] = c->message[0] = 0;
    c->kind = KIND_NONE;
    if (!c->answer.whole) {
        c->kind = KIND_TRANSIENT;
        snprintf(c->message, sizeof(c->message), "%s", c->answer.failure);
    } else if (c->answer.status != 200) {
        answer_error(c->answer.body, c->type, sizeof(c->type), c->message, sizeof(c->message));
        c->kind = error_kind_of(c->answer.status, c->type, c->message);
    }
}

int call_dynamo(struct call *c, const char *operation, struct slice body, struct json_doc **ret, struct error *error) {
    for (unsigned attempt = 0; attempt < ATTEMPTS; attempt++) {
        ask_once(c, operation, body);
        if (c->kind == KIND_NONE) {
            if (json_parse(ret, operation, c->answer.body, error) == 0)
                return 0;
            return error_set(error, ERR_TARGET, "%s: the answer is no JSON: is %s DynamoDB's endpoint?", operation,
                             http_host(c->dynamo.http));
        }
        if (c->kind == KIND_SKEW && dynamo_correct_clock(&c->dynamo, c->answer.date_us))
            continue;
        if (c->kind != KIND_THROTTLED && c->kind != KIND_TRANSIENT)
            return 1;
        if (attempt + 1 < ATTEMPTS)
            sys.sleep_ms(50 + backoff_us(attempt, 100000) / 1000);
    }
    return error_set(error, ERR_TARGET_LOST, "%s: no answer from %s: %s%s%s; check endpoint, region and network",
                     operation, http_host(c->dynamo.http), c->type, c->type[0] ? ": " : "", c->message);
}

int call_refused(const struct call *c, const char *operation, const char *table, struct error *error) {
    const char *remedy = error_kind_remedy(c->kind);
    return error_set(
        error, ERR_TARGET, "table %s: %s was refused: %s: %s%s%s", table, operation, c->type, c->message,
        *remedy ? "; " : "",
        c->kind == KIND_ACCESS
            ? "allow dynamodb:DescribeTable, CreateTable, UpdateTimeToLive, DescribeTimeToLive and Scan on the table"
            : remedy);
}
