/* Binlog files as a stream of committed transactions: what binlog/stream.h gives of a server. */
#pragma once

#include "binlog/stream.h"

struct binlog_files;

struct binlog_files_options {
    const char *const *paths; /* in the order in which they were written; "-" is standard input */
    size_t count;
    const char *spill_dir; /* as in struct stream_options */
    size_t txn_memory_bytes;
    int stop_fd; /* readable when the reading shall end; -1: none */
    /* Told what somebody should know and is no error: a file that its server had not finished. May be NULL. */
    void (*note)(void *context, const char *text);
    void *context;
};

/* ERR_USAGE when a file cannot be opened. */
int binlog_files_open(struct binlog_files **ret, const struct binlog_files_options *options,
                      struct error *error) must_check;
void binlog_files_close(struct binlog_files *f); /* accepts NULL */

enum binlog_files_result { FILES_END = 0, FILES_TXN = 1, FILES_REST = 2 /* a pipe has nothing more at the moment */ };

/* FILES_TXN with *ret (the caller owns it), FILES_REST, FILES_END, or an error, after which only binlog_files_close() may follow: ERR_STOPPED by
 * stop_fd, ERR_SOURCE with file and byte for what is no binlog, encrypted, damaged or cut off. */
int binlog_files_next(struct binlog_files *f, struct txn **ret, struct error *error) must_check;

/* The transactions before the first file, as its server noted them there. */
const struct gtid_set *binlog_files_previous(const struct binlog_files *f);
uint64_t binlog_files_read(const struct binlog_files *f); /* bytes so far */
uint64_t binlog_files_size(const struct binlog_files *f); /* of all files; 0 when one is a pipe */
