/* The command line. */
#include "src/app/command.h"

#include "src/base/suggest.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* What an option sets: a text, or (value NULL) a flag, or a list of texts, for it may stand more than once. */
struct command_option {
    const char *name;
    const char *value; /* NULL: a flag */
    size_t offset;
    const char *help;
    bool repeats;
};

#define AT(field) offsetof(struct command_line, field)
enum { OPTIONS_MAX = 8 };

static const struct command {
    const char *name;
    int (*run)(const struct command_line *line, struct error *error);
    const char *argument; /* NULL: takes none */
    const char *summary;
    const char *text;
    struct command_option options[OPTIONS_MAX];
    bool many; /* any number of arguments, none included */
} commands[] = {
    {"run",
     command_run,
     NULL,
     "take a snapshot if the store is empty, then follow for ever",
     "Follows the source's binlog and keeps DynamoDB equal to the contract. With an empty store it first reads the "
     "tables,\n"
     "without locks. Loses the source or the target: connects again, for ever. Needs somebody: parks, says why in "
     "status and log,\n"
     "and goes on when the cause is gone. SIGTERM drains for at most 15 s and exits 0; a second one ends at once.",
     {{"--until", "now|POSITION", AT(until), "stop when DynamoDB has everything up to there"},
      {"--prune", NULL, AT(prune), "delete the items of entities that the contract no longer has"}}},
    {"check",
     command_check,
     NULL,
     "look whether everything is in place, with a remedy for what is not",
     "Checks configuration, contract, the source's settings and grants, its schema against the contract, the target's "
     "tables,\n"
     "and the state directory. One line each: ok, warning or error.",
     {{"--offline", NULL, AT(offline), "configuration and contract alone; asks nobody"},
      {"--grants", NULL, AT(grants), "print the SQL grants and the IAM policy that this contract needs"}}},
    {"tables",
     command_tables,
     "create|diff",
     "make the contract's DynamoDB tables, or show what differs",
     "create makes the tables and indexes that are missing and waits until they are ACTIVE; it never changes or "
     "deletes one.\n"
     "diff shows each table's state and exits 1 when any is missing or different.",
     {{0}}},
    {"contract",
     command_contract,
     "explain|sql|schema",
     "what the contract means: what changes cost, SELECTs for MySQL; a schema for editors",
     "Reads the contract with the source's live schema, and changes nothing.\n\n"
     "  explain  each entity as a tree of tables, and what a change of each table costs\n"
     "  sql      the contract as SELECTs: what MySQL computes with them, DynamoDB holds\n"
     "  schema   the JSON Schema of contract files; asks nobody, and needs no configuration",
     {{0}}},
    {"status",
     command_status,
     NULL,
     "positions, lag, rates and why it is parked",
     "Asks the running replicator.",
     {{"--watch", NULL, AT(watch), "again every second, until interrupted"}}},
    {"wait",
     command_wait,
     NULL,
     "return when DynamoDB has everything up to a position",
     "For reading your own writes, and for the cut-over. Exits 1 when the time is over.",
     {{"--now", NULL, AT(now), "the source's end when the command starts (the default)"},
      {"--gtid", "SET", AT(gtid), "everything in this GTID set (a FILE:OFFSET is taken too)"},
      {"--timeout", "SECONDS", AT(timeout), "60 unless given"}}},
    {"replay",
     command_replay,
     NULL,
     "write again what a stretch of the binlog touched",
     "Reads the stretch once more and writes the present items of every row it touched. It never takes DynamoDB back "
     "in time,\n"
     "and the running replicator goes on beside it.",
     {{"--from", "POSITION", AT(from), "where the stretch begins: FILE:OFFSET or a GTID set"},
      {"--to", "POSITION", AT(to), "where it ends; unless given, where the replicator is now"}}},
    {"decode",
     command_decode,
     "[FILE...]",
     "show the row changes in a binlog, as JSON lines",
     "Prints one JSON object a line for each committed row change, in binlog files (or relay logs; - is standard "
     "input) "
     "or, with\n"
     "--from and no file, as the configured source sends them, until interrupted. It changes nothing anywhere.\n\n"
     "  leat decode binlog.000042                                   all of a file\n"
     "  leat decode --from start --until now --table shop.customers  a table's history, from the source\n"
     "  leat decode --from now                                      what happens next\n"
     "  leat decode --from binlog.000042:154 binlog.000042          the rest of a file\n"
     "  leat decode --no-rows --transactions binlog.000042          its transactions: rows, bytes, tables\n\n"
     "Exits 4 at what it cannot decode, with the position and the reason. The fields: docs/operations.md.",
     {{"--from", "POSITION", AT(from), "FILE:OFFSET, a GTID set (what is in it is left out), start, or now"},
      {"--until", "POSITION", AT(until), "the last transaction to show is the one that reaches it; or now"},
      {"--table", "[DB.]TABLE", AT(tables), "this table only; may be given more than once", true},
      {"--transactions", NULL, AT(transactions), "a line for each transaction behind its rows"},
      {"--no-rows", NULL, AT(no_rows), "no lines for rows"},
      {"--statements", NULL, AT(statements), "show statements that may have changed rows, instead of stopping there"},
      {"--schema", NULL, AT(schema), "for files without column names: names from the configured source"}},
     true},
};

static const struct command_option common[] = {
    {"-c", "FILE", AT(config_path), "configuration (leat.json unless given)"},
    {"--config", "FILE", AT(config_path), "the same"},
    {"--json", NULL, AT(json), "print JSON"},
};

static const struct command *find_command(const char *name) {
    for (size_t i = 0; i < ARRAY_LEN(commands); i++)
        if (strcmp(commands[i].name, name) == 0)
            return &commands[i];
    return NULL;
}

static void print_options(const struct command_option *options, size_t count) {
    for (size_t i = 0; i < count && options[i].name; i++) {
        char left[64];
        snprintf(left, sizeof(left), "%s %s", options[i].name, options[i].value ? options[i].value : "");
        printf("  %-24s %s\n", left, options[i].help);
    }
}

static void print_help(void) {
    printf("leat %s keeps DynamoDB equal to a contract over MySQL's rows.\n\nUsage: leat [-c leat.json] COMMAND "
           "[OPTIONS]\n\n",
           LEAT_VERSION);
    for (size_t i = 0; i < ARRAY_LEN(commands); i++)
        printf("  %-10s %s\n", commands[i].name, commands[i].summary);
    printf("  %-10s %s\n\n", "help",
           "a command's help; `leat help config`: all keys; `leat help sample`: a whole file");
    print_options(common, ARRAY_LEN(common));
    printf("\nFirst steps: leat help sample > leat.json; leat check; leat tables create; leat run\n"
           "Exit codes: 0 done, 1 findings, 2 usage, 3 configuration or contract, 4 source, 5 target, 6 store, 7 "
           "lease, 70 bug\n");
}

static void print_command_help(const struct command *c) {
    printf("Usage: leat [-c leat.json] %s%s%s%s\n\n%s\n\n", c->name, c->options[0].name ? " [OPTIONS]" : "",
           c->argument ? " " : "", c->argument ? c->argument : "", c->text);
    print_options(c->options, OPTIONS_MAX);
    print_options(common, ARRAY_LEN(common));
}

static int help(const char *topic, struct error *error) {
    defer(buf_deinit) struct buf out = BUF_INIT(1 << 20);
    const struct command *c = topic ? find_command(topic) : NULL;
    if (!topic)
        print_help();
    else if (c)
        print_command_help(c);
    else if (strcmp(topic, "config") == 0)
        config_help(&out);
    else if (strcmp(topic, "sample") == 0)
        config_sample(&out);
    else
        return error_set(error, ERR_USAGE, "no help on %s: there is `leat help`", topic);
    fwrite(out.data, 1, out.len, stdout);
    return 0;
}

static const struct command_option *find_option(const struct command_option *options, size_t count, const char *name,
                                                size_t len) {
    for (size_t i = 0; i < count && options[i].name; i++)
        if (strlen(options[i].name) == len && memcmp(options[i].name, name, len) == 0)
            return &options[i];
    return NULL;
}

static int unknown_option(const struct command *c, const char *word, struct error *error) {
    const char *names[OPTIONS_MAX + ARRAY_LEN(common)];
    size_t n = 0;
    for (size_t i = 0; c && i < OPTIONS_MAX && c->options[i].name; i++)
        names[n++] = c->options[i].name;
    for (size_t i = 0; i < ARRAY_LEN(common); i++)
        names[n++] = common[i].name;
    const char *near = suggest(word, names, n);
    return error_set(error, ERR_USAGE, "unknown option %s%s%s%s: see `leat %s%s--help`", word,
                     near ? "; did you mean " : "", near ? near : "", near ? "?" : "", c ? c->name : "", c ? " " : "");
}

static void add_word(struct words *words, const char *word) {
    words->list = xrealloc(words->list, (words->count + 1) * sizeof(*words->list));
    words->list[words->count++] = word;
}

/* One option at argv[*at], with its value as "--name value" or "--name=value". */
static int take_option(const struct command *c, struct command_line *line, int argc, char **argv, int *at,
                       struct error *error) {
    const char *word = argv[*at];
    size_t len = strcspn(word, "=");
    const struct command_option *o = find_option(common, ARRAY_LEN(common), word, len);
    if (!o && c)
        o = find_option(c->options, OPTIONS_MAX, word, len);
    if (!o)
        return unknown_option(c, word, error);
    void *field = (char *)line + o->offset;
    if (!o->value) {
        *(bool *)field = true;
        return word[len] ? error_set(error, ERR_USAGE, "%s takes no value", o->name) : 0;
    }
    if (!word[len] && *at + 1 >= argc)
        return error_set(error, ERR_USAGE, "%s needs a value: %s %s", o->name, o->name, o->value);
    const char *value = word[len] ? word + len + 1 : argv[++*at];
    if (o->repeats)
        add_word(field, value);
    else
        *(const char **)field = value;
    return 0;
}

/* The word after the command, or after `help`. */
static int take_argument(const struct command *c, struct command_line *line, const char *word, struct error *error) {
    if (c && c->many) {
        add_word(&line->words, word);
        return 0;
    }
    if (line->argument || (c && !c->argument))
        return error_set(error, ERR_USAGE, "%s is one word too many", word);
    line->argument = word;
    return 0;
}

static int run_line(int argc, char **argv, struct command_line *line, struct error *error) {
    const struct command *c = NULL;
    bool wants_help = false, is_help = false;
    int r = 0;
    for (int i = 1; i < argc && r == 0; i++) {
        const char *word = argv[i];
        if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0)
            wants_help = true;
        else if (strcmp(word, "--version") == 0)
            return printf("leat %s\n", LEAT_VERSION) < 0;
        else if (word[0] == '-' && word[1])
            r = take_option(c, line, argc, argv, &i, error);
        else if (c || is_help)
            r = take_argument(c, line, word, error);
        else if (strcmp(word, "help") == 0)
            is_help = true;
        else if (!(c = find_command(word)))
            r = error_set(error, ERR_USAGE, "no command %s: `leat --help` lists them", word);
    }
    if (r < 0)
        return r;
    if (is_help)
        return help(line->argument, error);
    if (wants_help || !c)
        return help(c ? c->name : NULL, error);
    if (c->argument && !c->many && !line->argument)
        return error_set(error, ERR_USAGE, "leat %s needs one of: %s", c->name, c->argument);
    return c->run(line, error);
}

/* A standard descriptor that the caller closed would go to the next file that is opened, and messages into that file: the store. */
static void occupy_standard_descriptors(void) {
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDONLY) < 0) /* gets the lowest free number: fd */
            abort();
}

int command_main(int argc, char **argv) {
    occupy_standard_descriptors();
    struct error error = {.text = ""};
    struct command_line line = {.config_path = "leat.json", .terminal = isatty(STDOUT_FILENO)};
    int r = run_line(argc, argv, &line, &error);
    free(line.tables.list);
    free(line.words.list);
    if (r < 0 && r != ERR_STOPPED)
        fprintf(stderr, "leat: %s\n", error.text);
    return r < 0 ? error_exit_code(r) : r;
}
