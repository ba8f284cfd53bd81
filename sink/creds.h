/* Credentials of AWS. Secrets: never logged, wiped when no longer used. */
#pragma once

#include "src/base/error.h"

struct creds {
    char access_key_id[129];
    char secret_access_key[257];
    char session_token[8193]; /* "": none */
};

/* From AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN. ERR_TARGET when absent, with the remedy. */
int creds_from_environment(struct creds *ret, struct error *error) must_check;
void creds_wipe(struct creds *creds);
