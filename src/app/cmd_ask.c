/* `leat status`, `leat wait`, `leat replay`: what the running replicator is asked. */
#include "src/app/command.h"
#include "src/app/control.h"
#include "src/base/sys.h"

#include <stdio.h>
#include <stdlib.h>

enum { ANSWER_MS = 60000 }; /* the replicator itself may wait for a source that does not answer */

static const struct json *member(const struct json *v, const char *a, const char *b) {
    const struct json *inner = v ? json_get(v, a) : NULL;
    return b && inner ? json_get(inner, b) : inner;
}

static const char *text_of(const struct json *v, const char *otherwise) {
    const char *text = v ? json_text(v) : NULL;
    return text ? text : otherwise;
}

static double number_of(const struct json *v) {
    struct slice digits = v ? json_number(v) : (struct slice){0};
    char text[64];
    snprintf(text, sizeof(text), "%.*s", (int)MIN(digits.len, sizeof(text) - 1), digits.data ? digits.data : "");
    return strtod(text, NULL);
}

/* ---- status */

static void print_position(const char *name, const struct json *p) {
    if (!p || json_type(p) != JSON_OBJECT) {
        printf("  %-14s not known yet\n", name);
        return;
    }
    printf("  %-14s %s:%.0f  %s\n", name, text_of(json_get(p, "file"), ""), number_of(json_get(p, "offset")),
           text_of(json_get(p, "commit_time"), ""));
    if (json_get(p, "gtids"))
        printf("  %-14s %s\n", "", text_of(json_get(p, "gtids"), ""));
}

static void print_progress(const char *name, double done, double total) {
    char bar[31];
    int filled = total > 0 ? (int)(MIN(done / total, 1.0) * 30) : 0;
    for (int i = 0; i < 30; i++)
        bar[i] = i < filled ? '#' : '.';
    bar[30] = 0;
    printf("  %-14s [%s] %.0f of %.0f\n", name, bar, done, total);
}

static void print_tables(const struct json *s) {
    printf("\n  %-28s %12s %12s %12s\n", "MySQL table", "inserts", "updates", "deletes");
    for (struct json_iter i = json_iter(json_get(s, "tables")); json_next(&i);)
        printf("  %-28s %12.0f %12.0f %12.0f\n", text_of(json_get(i.value, "table"), ""),
               number_of(json_get(i.value, "inserts")), number_of(json_get(i.value, "updates")),
               number_of(json_get(i.value, "deletes")));
    printf("\n  %-28s %12s %12s %12s %12s\n", "DynamoDB table", "put", "deleted", "key moves", "conflicts");
    for (struct json_iter i = json_iter(json_get(s, "targets")); json_next(&i);)
        printf("  %-28s %12.0f %12.0f %12.0f %12.0f\n", text_of(json_get(i.value, "table"), ""),
               number_of(json_get(i.value, "put")), number_of(json_get(i.value, "deleted")),
               number_of(json_get(i.value, "key_moves")), number_of(json_get(i.value, "key_conflicts")));
    for (struct json_iter i = json_iter(json_get(s, "entities")); json_next(&i);) {
        double unkeyed = number_of(json_get(i.value, "unkeyed")), dead = number_of(json_get(i.value, "dead_letters"));
        if (unkeyed > 0 || dead > 0)
            printf("  entity %s: %.0f rows without a key, %.0f dead letters\n",
                   text_of(json_get(i.value, "entity"), ""), unkeyed, dead);
    }
    for (struct json_iter i = json_iter(json_get(s, "former_entities")); json_next(&i);)
        printf("  entity %s of table %s is no more in the contract; its items are still there (`leat run --prune` "
               "deletes them)\n",
               text_of(json_get(i.value, "entity"), ""), text_of(json_get(i.value, "table"), ""));
}

static void print_status(const struct json *s) {
    const struct json *parked = json_get(s, "parked");
    printf("%s: %s", text_of(json_get(s, "stream"), ""), text_of(json_get(s, "state"), ""));
    if (parked && json_type(parked) == JSON_OBJECT)
        printf(" since %s: %s: %s", text_of(json_get(parked, "since"), ""), text_of(json_get(parked, "class"), ""),
               text_of(json_get(parked, "reason"), ""));
    else if (json_text(json_get(s, "not_ready_because")))
        printf(" (not ready: %s)", json_text(json_get(s, "not_ready_because")));
    printf("\n\n  %-14s %.3f s, %.0f bytes\n", "lag", number_of(json_get(s, "lag_seconds")),
           number_of(json_get(s, "lag_bytes")));
    print_position("source's end", member(s, "source", "end"));
    print_position("applied", member(s, "positions", "applied"));
    print_position("acknowledged", member(s, "positions", "acknowledged"));
    print_position("checkpoint", member(s, "positions", "checkpoint"));
    printf("  %-14s %.0f keys, %.0f in flight, %.0f to assert again\n", "outbox", number_of(json_get(s, "outbox_keys")),
           number_of(json_get(s, "in_flight")), number_of(json_get(s, "assertions")));
    printf("  %-14s %.0f transactions, %.0f batches, %.0f items unchanged\n", "applied",
           number_of(json_get(s, "transactions")), number_of(json_get(s, "batches")),
           number_of(json_get(s, "items_suppressed")));
    if (number_of(json_get(s, "fan_outs")) > 0)
        printf("  %-14s %.0f ranges of rows wait to be evaluated, %.0f rows were\n", "fan-outs",
               number_of(json_get(s, "fan_outs")), number_of(json_get(s, "fan_out_roots")));
    printf("  %-14s %.1f MiB\n", "store", number_of(json_get(s, "store_bytes")) / (1 << 20));
    if (member(s, "snapshot", "table"))
        print_progress("snapshot", number_of(member(s, "snapshot", "rows_done")),
                       number_of(member(s, "snapshot", "rows_total")));
    if (json_bool(json_get(s, "reading_for_contract")))
        printf("  %-14s tables that a changed contract needs; entities that need them wait\n", "reading");
    if (member(s, "sweep", "roots_total"))
        print_progress("sweep", number_of(member(s, "sweep", "roots_done")),
                       number_of(member(s, "sweep", "roots_total")));
    const struct json *trouble = member(s, "source", "trouble");
    if (trouble && json_text(trouble))
        printf("  %-14s %s\n", "source", json_text(trouble));
    print_tables(s);
}

/* The answer's text again, as JSON: what the replicator sent, without our envelope. */
static void ask_status(const struct config *config, bool json, int *ret, struct error *error) {
    struct json_doc *doc = NULL;
    *ret = control_ask(config, SLICE("{\"command\":\"status\"}"), ANSWER_MS, NULL, NULL, &doc, error);
    if (*ret < 0)
        return;
    const struct json *s = json_get(json_root(doc), "status");
    if (json) {
        defer(buf_deinit) struct buf text = BUF_INIT(1 << 24);
        struct json_out out = {.buf = &text, .pretty = true};
        json_put_value(&out, s);
        printf("%s\n", buf_text(&text));
    } else {
        print_status(s);
    }
    json_free(doc);
}

int command_status(const struct command_line *line, struct error *error) {
    struct config config;
    int r = config_load(&config, line->config_path, error);
    if (r < 0)
        return r;
    do {
        if (line->watch && line->terminal && !line->json)
            printf("\033[H\033[2J");
        ask_status(&config, line->json, &r, error);
        fflush(stdout);
        if (line->watch && r == 0)
            sys.sleep_ms(1000);
    } while (line->watch && r == 0);
    config_deinit(&config);
    return r;
}

/* ---- wait */

int command_wait(const struct command_line *line, struct error *error) {
    struct config config;
    char *end = NULL;
    double timeout_s = line->timeout ? strtod(line->timeout, &end) : 60;
    if ((line->timeout && (!*line->timeout || *end)) || !(timeout_s >= 0 && timeout_s <= 1e6)) /* a NaN is neither */
        return error_set(error, ERR_USAGE, "--timeout is a number of seconds, not %s", line->timeout);
    if (line->gtid && line->now)
        return error_set(error, ERR_USAGE, "either --gtid or --now");
    int r = config_load(&config, line->config_path, error);
    if (r < 0)
        return r;
    defer(buf_deinit) struct buf request = BUF_INIT(1 << 20);
    struct json_out out = JSON_OUT(&request);
    json_open(&out, '{');
    json_key(&out, "command");
    json_put_text(&out, "wait");
    json_key(&out, "timeout_ms");
    json_put_int(&out, (int64_t)(timeout_s * 1000));
    if (line->gtid) {
        json_key(&out, "position");
        json_put_text(&out, line->gtid);
    }
    json_close(&out, '}');
    struct json_doc *doc = NULL;
    r = control_ask(&config, buf_slice(&request), ANSWER_MS + (int64_t)(timeout_s * 1000), NULL, NULL, &doc, error);
    if (r == 0) {
        bool reached = json_bool(json_get(json_root(doc), "reached"));
        r = reached ? 0 : 1;
        if (line->json)
            printf("{\"reached\": %s}\n", reached ? "true" : "false");
        else if (!reached)
            fprintf(stderr, "leat: not there after %g s; `leat status` shows how far it is\n", timeout_s);
    }
    json_free(doc);
    config_deinit(&config);
    return r;
}

/* ---- replay */

static void replay_progress(void *context, const struct json *answer) {
    const struct command_line *line = context;
    if (line->json || !line->terminal)
        return;
    printf("\r%.0f transactions, %.0f row changes read", number_of(json_get(answer, "transactions")),
           number_of(json_get(answer, "row_changes")));
    fflush(stdout);
}

int command_replay(const struct command_line *line, struct error *error) {
    struct config config;
    if (!line->from)
        return error_set(error, ERR_USAGE, "replay needs --from POSITION, a FILE:OFFSET or a GTID set");
    int r = config_load(&config, line->config_path, error);
    if (r < 0)
        return r;
    defer(buf_deinit) struct buf request = BUF_INIT(1 << 20);
    struct json_out out = JSON_OUT(&request);
    json_open(&out, '{');
    json_key(&out, "command");
    json_put_text(&out, "replay");
    json_key(&out, "from");
    json_put_text(&out, line->from);
    json_key(&out, "to");
    json_put_text(&out, line->to);
    json_close(&out, '}');
    struct json_doc *doc = NULL;
    r = control_ask(&config, buf_slice(&request), ANSWER_MS, replay_progress, (void *)(uintptr_t)line, &doc, error);
    if (r == 0) {
        const struct json *done = json_root(doc);
        double transactions = number_of(json_get(done, "transactions")),
               rows = number_of(json_get(done, "row_changes"));
        if (line->json)
            printf("{\"transactions\": %.0f, \"row_changes\": %.0f}\n", transactions, rows);
        else
            printf("%sreplayed %.0f transactions with %.0f row changes; `leat wait` returns when their items are "
                   "written\n",
                   line->terminal ? "\r" : "", transactions, rows);
    }
    json_free(doc);
    config_deinit(&config);
    return r;
}
