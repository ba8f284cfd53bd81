/* `leat tables create|diff`. */
#include "sink/tables.h"
#include "src/app/command.h"
#include "src/app/prepare.h"
#include "src/base/json.h"

#include <stdio.h>
#include <stdlib.h>

enum { CREATE_TIMEOUT_MS = 600000 };

static void progress(void *context, const struct target *target, const char *what) {
    const struct command_line *line = context;
    if (!line->json)
        printf("%-40s %s\n", target->name, what);
    fflush(stdout);
}

static void print_reports(const struct contract *contract, const struct table_report *reports, bool json) {
    static const char *const words[] = {"missing", "active", "changing", "different"};
    defer(buf_deinit) struct buf text = BUF_INIT(1 << 24);
    struct json_out out = {.buf = &text, .pretty = true};
    json_open(&out, '{');
    json_key(&out, "tables");
    json_open(&out, '[');
    for (size_t i = 0; i < contract->target_count; i++) {
        json_open(&out, '{');
        json_key(&out, "table");
        json_put_text(&out, contract->targets[i]->name);
        json_key(&out, "state");
        json_put_text(&out, words[reports[i].state]);
        json_key(&out, "created");
        json_put_bool(&out, reports[i].created);
        json_key(&out, "empty");
        json_put_bool(&out, reports[i].empty);
        json_key(&out, "message");
        json_put_text(&out, reports[i].message[0] ? reports[i].message : NULL);
        json_close(&out, '}');
        if (!json)
            printf("%-40s %s%s%s\n", contract->targets[i]->name,
                   reports[i].created ? "created, active" : words[reports[i].state], reports[i].message[0] ? ": " : "",
                   reports[i].message);
    }
    json_close(&out, ']');
    json_close(&out, '}');
    if (json)
        printf("%s\n", buf_text(&text));
}

static int with_contract(const struct command_line *line, const struct config *config, struct prepared *p,
                         struct error *error) {
    struct source_options source = config_source(config);
    struct connection *c = NULL;
    int r = prepare_text(p, config, error);
    if (r == 0)
        r = connection_open(&c, &source, error);
    if (r == 0)
        r = prepare_contract(p, config, c, error);
    connection_close(c);
    if (r < 0)
        return r;
    struct sink_options options = prepare_sink(p, config);
    struct table_report *reports = xcalloc(p->contract->target_count, sizeof(*reports));
    bool create = strcmp(line->argument, "create") == 0;
    r = create ? tables_create(&options, CREATE_TIMEOUT_MS, reports, progress, (void *)(uintptr_t)line, error)
               : tables_look(&options, reports, error);
    if (r == 0)
        print_reports(p->contract, reports, line->json);
    for (size_t i = 0; r == 0 && i < p->contract->target_count; i++)
        if (reports[i].state == TABLE_MISSING || reports[i].state == TABLE_DIFFERENT)
            r = 1;
    free(reports);
    return r;
}

int command_tables(const struct command_line *line, struct error *error) {
    struct config config;
    struct prepared p = {0};
    if (strcmp(line->argument, "create") != 0 && strcmp(line->argument, "diff") != 0)
        return error_set(error, ERR_USAGE, "leat tables %s: there are create and diff", line->argument);
    int r = config_load(&config, line->config_path, error);
    if (r < 0)
        return r;
    r = with_contract(line, &config, &p, error);
    prepared_deinit(&p);
    config_deinit(&config);
    return r;
}
