/* DynamoDB's errors as a table (Developer Guide, "Error handling with DynamoDB", and its common errors), backoff, breaker. */
#include "sink/retry.h"

#include "src/base/sys.h"

static const struct {
    const char *type;
    const char *in_message; /* NULL: any; else what the message contains */
    enum error_kind kind;
} table[] = {
    {"ProvisionedThroughputExceededException", NULL, KIND_THROTTLED},
    {"ThrottlingException", NULL, KIND_THROTTLED},
    {"Throttling", NULL, KIND_THROTTLED},
    {"ThrottledException", NULL, KIND_THROTTLED},
    {"RequestLimitExceeded", NULL, KIND_THROTTLED},
    {"LimitExceededException", NULL, KIND_THROTTLED},
    {"RequestThrottledException", NULL, KIND_THROTTLED},
    {"InternalServerError", NULL, KIND_TRANSIENT},
    {"InternalFailure", NULL, KIND_TRANSIENT},
    {"ServiceUnavailable", NULL, KIND_TRANSIENT},
    {"ServiceUnavailableException", NULL, KIND_TRANSIENT},
    {"RequestTimeout", NULL, KIND_TRANSIENT},
    {"RequestTimeoutException", NULL, KIND_TRANSIENT},
    {"RequestTimeTooSkewed", NULL, KIND_SKEW},
    {"RequestExpired", NULL, KIND_SKEW},
    {"InvalidSignatureException", "Signature expired", KIND_SKEW},
    {"InvalidSignatureException", "Signature not yet current", KIND_SKEW},
    {"InvalidSignatureException", NULL, KIND_CREDENTIALS},
    {"IncompleteSignatureException", NULL, KIND_CREDENTIALS},
    {"UnrecognizedClientException", NULL, KIND_CREDENTIALS},
    {"InvalidClientTokenId", NULL, KIND_CREDENTIALS},
    {"MissingAuthenticationTokenException", NULL, KIND_CREDENTIALS},
    {"MissingAuthenticationToken", NULL, KIND_CREDENTIALS},
    {"SubscriptionRequiredException", NULL, KIND_CREDENTIALS},
    {"ExpiredTokenException", NULL, KIND_EXPIRED},
    {"ExpiredToken", NULL, KIND_EXPIRED},
    {"TransactionCanceledException", NULL, KIND_CANCELED},
    {"TransactionConflictException", NULL, KIND_CONFLICT},
    {"TransactionInProgressException", NULL, KIND_CONFLICT},
    {"IdempotentParameterMismatchException", NULL, KIND_CONFLICT},
    {"ReplicatedWriteConflictException", NULL, KIND_CONFLICT},
    {"ValidationException", "does not match the schema", KIND_SCHEMA},
    {"ValidationException", "Missing the key", KIND_SCHEMA},
    {"ValidationException", "Type mismatch for", KIND_SCHEMA},
    {"ValidationException", NULL, KIND_VALIDATION},
    {"ValidationError", "does not match the schema", KIND_SCHEMA},
    {"ValidationError", "Missing the key", KIND_SCHEMA},
    {"ValidationError", "Type mismatch for", KIND_SCHEMA},
    {"ValidationError", NULL, KIND_VALIDATION},
    {"SerializationException", NULL, KIND_VALIDATION},
    {"ItemCollectionSizeLimitExceededException", NULL, KIND_VALIDATION},
    {"ItemCollectionSizeLimitExceeded", NULL, KIND_VALIDATION},
    {"RequestEntityTooLargeException", NULL, KIND_VALIDATION},
    {"ResourceNotFoundException", NULL, KIND_TABLE},
    {"ResourceInUseException", NULL, KIND_TABLE},
    {"AccessDeniedException", NULL, KIND_ACCESS},
    {"AccessDenied", NULL, KIND_ACCESS},
    {"NotAuthorized", NULL, KIND_ACCESS},
    /* codes inside CancellationReasons */
    {"None", NULL, KIND_NONE},
    {"TransactionConflict", NULL, KIND_CONFLICT},
    {"ConditionalCheckFailed", NULL, KIND_CONFLICT},
    {"ProvisionedThroughputExceeded", NULL, KIND_THROTTLED},
    {"ThrottlingError", NULL, KIND_THROTTLED},
    {"AccessDeniedError", NULL, KIND_ACCESS},
    {"ResourceNotFound", NULL, KIND_TABLE},
};

static const struct {
    const char *name, *remedy;
} kinds[] = {
    [KIND_NONE] = {"none", ""},
    [KIND_THROTTLED] = {"throttled", ""},
    [KIND_TRANSIENT] = {"transient", ""},
    [KIND_SKEW] = {"clock", "set this machine's clock (NTP)"},
    [KIND_EXPIRED] = {"expired", "the credentials have expired: start leat with fresh ones (AWS_ACCESS_KEY_ID, "
                                 "AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN)"},
    [KIND_CREDENTIALS] = {"credentials", "check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN, the "
                                         "region, and that the access key is active"},
    [KIND_CONFLICT] = {"conflict", ""},
    [KIND_CANCELED] = {"canceled", ""},
    [KIND_VALIDATION] = {"validation", ""},
    [KIND_SCHEMA] = {"schema", "the table's keys are not the contract's: see `leat tables diff`, then make the table "
                               "anew or correct the contract"},
    [KIND_TABLE] = {"table", "create it with `leat tables create`, or check region, endpoint and table_prefix"},
    [KIND_ACCESS] = {"access", "allow dynamodb:BatchWriteItem, PutItem and DeleteItem on the table (`leat check "
                               "--grants` prints the policy)"},
    [KIND_CLIENT] = {"client", "this is no answer that leat expects: check that the endpoint is DynamoDB's"},
};

enum error_kind error_kind_of(int status, const char *type, const char *message) {
    for (size_t i = 0; i < ARRAY_LEN(table); i++)
        if (strcmp(table[i].type, type) == 0 && (!table[i].in_message || strstr(message, table[i].in_message)))
            return table[i].kind;
    if (status >= 500)
        return KIND_TRANSIENT;
    if (status == 429)
        return KIND_THROTTLED;
    return status == 413 ? KIND_VALIDATION : KIND_CLIENT;
}

const char *error_kind_remedy(enum error_kind kind) {
    return kinds[kind].remedy;
}

const char *error_kind_name(enum error_kind kind) {
    return kinds[kind].name;
}

int64_t backoff_us(unsigned attempts, int64_t base_us) {
    int64_t bound = base_us << MIN(attempts, 20u);
    return (int64_t)sys_random_below((uint64_t)MIN(bound, (int64_t)BACKOFF_CAP_MS * 1000) + 1);
}

enum breaker_gate breaker_gate(const struct breaker *b, int64_t now_us) {
    if (!b->open)
        return BREAKER_PASS;
    return b->probing || now_us < b->probe_us ? BREAKER_SHUT : BREAKER_PROBE;
}

void breaker_sent(struct breaker *b) {
    b->probing = b->open;
}

bool breaker_success(struct breaker *b) {
    bool was_open = b->open;
    *b = (struct breaker){0};
    return was_open;
}

void breaker_failure(struct breaker *b, int64_t now_us) {
    b->failures++;
    if (b->failures < BREAKER_FAILURES || (b->open && !b->probing))
        return;
    b->open = true;
    b->probing = false;
    int64_t wait = MIN((int64_t)BREAKER_FIRST_MS << MIN(b->openings, 10u), (int64_t)BREAKER_CAP_MS);
    b->openings++;
    b->probe_us = now_us + wait * 500 + (int64_t)sys_random_below((uint64_t)wait * 500); /* half of it jitter */
}
