/* Credentials from the environment: the only provider of this version. */
#include "sink/creds.h"

#include "src/base/digest.h"

#include <stdlib.h>

static bool is_plain(const char *text) {
    for (; *text; text++)
        if (*text <= ' ' || *text > '~')
            return false;
    return true;
}

/* 0; 1 when the variable is absent or empty. */
static int copy_variable(const char *name, char *to, size_t size, struct error *error) {
    const char *text = getenv(name);
    if (!text || !*text)
        return 1;
    size_t len = strlen(text);
    if (len >= size)
        return error_set(error, ERR_TARGET, "%s is longer than %zu bytes: that is no AWS credential", name, size - 1);
    if (!is_plain(text))
        return error_set(error, ERR_TARGET, "%s holds white space or control characters: look for a stray newline",
                         name);
    memcpy(to, text, len + 1);
    return 0;
}

int creds_from_environment(struct creds *ret, struct error *error) {
    struct creds creds = {0};
    int id = copy_variable("AWS_ACCESS_KEY_ID", creds.access_key_id, sizeof(creds.access_key_id), error);
    int secret = id < 0 ? id
                        : copy_variable("AWS_SECRET_ACCESS_KEY", creds.secret_access_key,
                                        sizeof(creds.secret_access_key), error);
    int token = secret < 0
                    ? secret
                    : copy_variable("AWS_SESSION_TOKEN", creds.session_token, sizeof(creds.session_token), error);
    if (token >= 0 && (id > 0 || secret > 0))
        token = error_set(
            error, ERR_TARGET,
            "no AWS credentials: %s is not set. Put AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY (and AWS_SESSION_TOKEN, "
            "for temporary ones) into the environment; other sources (profiles, instance roles, web identity) are not "
            "supported in this version",
            id > 0 ? "AWS_ACCESS_KEY_ID" : "AWS_SECRET_ACCESS_KEY");
    if (token >= 0)
        *ret = creds;
    creds_wipe(&creds);
    return MIN(token, 0);
}

void creds_wipe(struct creds *creds) {
    wipe(creds, sizeof(*creds));
}
