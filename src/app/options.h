/* Configuration: one table of options, from which the parser, the environment's overrides, the help and the sample come. */
#pragma once

#include "binlog/connect.h"
#include "src/base/buf.h"
#include "src/base/error.h"
#include "src/base/log.h"

struct config {
    char *path; /* of the file */
    char *stream;
    struct {
        char *host;
        int64_t port;
        char *socket;
        char *database;
        char *username;
        char *password;   /* wiped by config_deinit */
        int64_t tls_mode; /* enum tls_mode */
        char *tls_ca;
        int64_t server_id;
        int64_t heartbeat_s;
        int64_t connect_timeout_s;
    } mysql;
    struct {
        char *region;
        char *endpoint;
        bool allow_insecure_endpoint;
        char *ca;
        char *table_prefix;
        int64_t connections;
        int64_t request_timeout_ms;
        bool atomic_key_change;
        bool report_capacity;
    } dynamodb;
    char *contract_path;
    char *mask_key; /* wiped by config_deinit */
    char *state_dir;
    int64_t durability; /* enum durability */
    int64_t on_drop;    /* enum on_drop */
    int64_t checkpoint_s;
    int64_t store_max_gb;
    int64_t snapshot_chunk_rows;
    char *http_listen;
    int64_t http_ready_lag_s;
    int64_t log_format;
    int64_t log_level;
    bool log_redact_keys;
};

enum on_drop { ON_DROP_PARK, ON_DROP_DELETE };
enum durability { DURABILITY_POWER, DURABILITY_PROCESS };

/* Reads `path`, then `path` with ".$LEAT_ENV" before its ending when LEAT_ENV is set, then the environment (LEAT_SECTION_KEY).
 * Every fault is named with file, line, column and remedy; all of them in one ERR_CONFIG. */
int config_load(struct config *ret, const char *path, struct error *error) must_check;
void config_deinit(struct config *config);

/* One line an option: name, type, default, help. */
void config_help(struct buf *out);
/* A complete configuration file with the defaults. */
void config_sample(struct buf *out);

struct source_options config_source(const struct config *config);
