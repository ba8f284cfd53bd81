/* Commands: what the command line offers. One table (command.c) gives each its help and its options. */
#pragma once

#include "src/app/options.h"
#include "src/base/error.h"

struct words {
    const char **list; /* one allocation; the texts are main's */
    size_t count;
};

struct command_line {
    const char *config_path;
    bool json;
    bool terminal; /* progress bars and colour are for terminals */
    const char *from;
    const char *to;
    const char *until;
    const char *gtid;
    const char *timeout;
    bool now;
    bool prune;
    bool offline;
    bool watch;
    bool grants;
    bool transactions;
    bool statements;
    bool no_rows;
    bool schema;
    struct words tables;
    const char *argument; /* the word after the command, NULL without */
    struct words words;   /* all words after it, of a command that takes several */
};

/* Parses and runs; returns the exit code. Errors go to standard error. */
int command_main(int argc, char **argv);

/* Each returns 0, a positive exit code (1: findings), or an error code. */
int command_run(const struct command_line *line, struct error *error) must_check;
int command_check(const struct command_line *line, struct error *error) must_check;
int command_contract(const struct command_line *line, struct error *error) must_check;
int command_tables(const struct command_line *line, struct error *error) must_check;
int command_status(const struct command_line *line, struct error *error) must_check;
int command_wait(const struct command_line *line, struct error *error) must_check;
int command_replay(const struct command_line *line, struct error *error) must_check;
int command_decode(const struct command_line *line, struct error *error) must_check;
