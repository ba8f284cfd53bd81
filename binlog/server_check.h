/* Can this server be followed? Settings and grants, each with its remedy. */
#pragma once

#include "binlog/connect.h"

enum check_result { CHECK_OK, CHECK_WARNING, CHECK_ERROR };

struct check_line {
    enum check_result result;
    const char *name;    /* "binlog_format" */
    const char *message; /* what was found */
    const char *remedy;  /* NULL when ok */
};

struct check_list {
    struct check_line *lines;
    size_t count;
    size_t errors, warnings;
    struct arena arena;
};

void check_list_deinit(struct check_list *list);
void check_list_add(struct check_list *list, enum check_result result, const char *name, const char *remedy,
                    const char *format, ...) printf_like(5, 6);

/* Appends a line per setting and grant: server version, log_bin, binlog_format, binlog_row_metadata, binlog_row_image,
 * gtid_mode, binlog_row_value_options, binlog expiry, grants (REPLICATION SLAVE, REPLICATION CLIENT, SELECT on `tables`,
 * XA_RECOVER_ADMIN as a warning), missing tables. Fails only when the connection does. */
int server_check(struct connection *c, const char *database, const char *const *tables, size_t table_count,
                 struct check_list *list, struct error *error) must_check;
