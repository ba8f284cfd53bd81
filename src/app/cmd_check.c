/* `leat check`: one line each for configuration, contract, source, schema, target and state directory. */
#include "binlog/server_check.h"
#include "src/app/adopt.h"
#include "src/app/command.h"
#include "src/base/json.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* Lines, and the class of the first error: it decides the exit code. */
struct checking {
    struct check_list list;
    int code;
};

static void add(struct checking *k, int code, const char *name, const char *remedy, const char *text) {
    check_list_add(&k->list, code ? CHECK_ERROR : CHECK_OK, name, remedy, "%s", text);
    if (code && !k->code)
        k->code = code;
}

static void check_contract(struct checking *k, const struct prepared *p, int code, const struct error *error,
                           const char *path) {
    struct buf text = BUF_INIT(65536);
    for (size_t i = 0; i < p->findings.count; i++) {
        const struct finding *f = &p->findings.list[i];
        buf_clear(&text);
        buf_printf(&text, "%s:%u:%u: %s: %s", path, f->line, f->column, f->path, f->message);
        check_list_add(&k->list, f->warning ? CHECK_WARNING : CHECK_ERROR, "contract", NULL, "%s", buf_text(&text));
    }
    buf_clear(&text);
    if (code == 0 && p->contract) {
        buf_printf(&text, "%zu entities in %zu DynamoDB tables, from %zu MySQL tables", p->contract->entity_count,
                   p->contract->target_count, p->contract->source_count);
        add(k, 0, "contract", NULL, buf_text(&text));
    } else if (code < 0 && p->findings.errors == 0) {
        add(k, code, "contract", NULL, error->text);
    }
    if (code < 0 && !k->code)
        k->code = code;
    buf_deinit(&text);
}

static void check_change(void *context, enum change_kind kind, const char *table, const char *name) {
    struct checking *k = context;
    defer(buf_deinit) struct buf text = BUF_INIT(4096);
    adoption_words(&text, kind, table, name);
    check_list_add(&k->list, kind == CHANGE_VANISHED ? CHECK_WARNING : CHECK_OK, "another contract", NULL, "%s",
                   buf_text(&text));
}

/* What a start would do about the store, when it was made for another contract. */
static void check_store(struct checking *k, struct adoption *a, const struct prepared *p, const struct config *config) {
    struct error error;
    int r = adoption_ask(a, config, p->contract, false, &error);
    if (r < 0) {
        check_list_add(&k->list, CHECK_WARNING, "store",
                       "stop the replicator and check again, to see what another contract changes", "%s", error.text);
        return;
    }
    if (!a->there)
        return;
    change_tell(&a->change, check_change, k);
    r = adoption_refuses(a, p, &error);
    if (r < 0)
        add(k, r, "another contract", "give the former contract back; or " NEW_SNAPSHOT, error.text);
    else
        add(k, 0, "store", NULL, a->change.any ? "it will become this contract's" : "it is this contract's");
}

static void check_tables(struct checking *k, struct adoption *a, struct prepared *p, const struct config *config) {
    static const char *const words[] = {"missing", "ACTIVE", "being changed", "different from the contract"};
    const struct contract *contract = p->contract;
    struct error error;
    int r = adoption_look(a, p, config, false, &error);
    if (r < 0)
        add(k, r, "target", NULL, error.text);
    for (size_t i = 0; r == 0 && i < contract->target_count; i++) {
        const struct table_report *t = &a->reports[i];
        struct buf text = BUF_INIT(4096);
        buf_printf(&text, "table %s is %s%s%s%s", contract->targets[i]->name, words[t->state],
                   t->message[0] ? ": " : "", t->message,
                   t->state == TABLE_ACTIVE ? (t->empty ? ", empty" : ", not empty") : "");
        if (t->state == TABLE_MISSING)
            add(k, ERR_TARGET, "target", "leat tables create", buf_text(&text));
        else if (t->state == TABLE_DIFFERENT)
            add(k, ERR_TARGET, "target",
                "add the index that is missing (UpdateTable); or delete the table and run `leat tables create`; or "
                "change the "
                "contract",
                buf_text(&text));
        else if (!t->empty && !adoption_knows(a, contract->targets[i]) &&
                 (a->there || access(config->state_dir, F_OK) != 0))
            add(k, ERR_TARGET, "target",
                "a first snapshot, and a table that is new in the contract, need empty tables: delete and create it, "
                "or set a "
                "table_prefix",
                buf_text(&text));
        else
            add(k, 0, "target", NULL, buf_text(&text));
        buf_deinit(&text);
    }
}

static void check_state_dir(struct checking *k, const struct config *config) {
    struct buf text = BUF_INIT(4096);
    struct stat st;
    char *slash, *parent = xstrdup(config->state_dir);
    if (stat(config->state_dir, &st) == 0) {
        bool good = S_ISDIR(st.st_mode) && (st.st_mode & 077) == 0 && access(config->state_dir, W_OK) == 0;
        buf_printf(&text, "%s %s", config->state_dir,
                   good ? "is there" : "is not a directory of ours alone (mode 0700)");
        add(k, good ? 0 : ERR_STORE, "state_dir", "chown it to the user that runs leat, chmod 0700", buf_text(&text));
    } else {
        slash = strrchr(parent, '/');
        *(slash && slash != parent ? slash : parent + 1) = 0;
        bool good = access(parent, W_OK) == 0;
        buf_printf(&text, "%s %s", config->state_dir, good ? "will be made" : "is not there and cannot be made");
        add(k, good ? 0 : ERR_STORE, "state_dir", "make it, owned by the user that runs leat, mode 0700",
            buf_text(&text));
    }
    free(parent);
    buf_deinit(&text);
}

static void check_source(struct checking *k, struct prepared *p, const struct config *config) {
    struct source_options source = config_source(config);
    struct connection *c = NULL;
    struct error error;
    size_t before = k->list.errors;
    int r = connection_open(&c, &source, &error);
    if (r == 0)
        r = server_check(c, p->database, p->tables, p->table_count, &k->list, &error);
    if (r < 0) {
        add(k, r, "source", NULL, error.text);
    } else {
        if (k->list.errors > before && !k->code)
            k->code = ERR_SOURCE;
        r = prepare_contract(p, config, c, &error);
        check_contract(k, p, r, &error, config->contract_path);
    }
    connection_close(c);
}

/* Without the live schema: the text alone. */
static void check_offline(struct checking *k, struct prepared *p, const struct config *config) {
    struct contract_options options = {.database = config->mysql.database,
                                       .table_prefix = config->dynamodb.table_prefix,
                                       .mask_key = config->mask_key};
    struct error error;
    int r = contract_load(&p->contract, config->contract_path, slice_of(p->text), NULL, &options, &p->findings, &error);
    check_contract(k, p, r, &error, config->contract_path);
    if (r == 0 && !p->contract)
        add(k, 0, "contract", NULL, "the text is good; tables and columns are checked with the source");
}

static void print_lines(const struct checking *k) {
    static const char *const words[] = {"ok", "warning", "error"};
    for (size_t i = 0; i < k->list.count; i++) {
        const struct check_line *line = &k->list.lines[i];
        printf("%-8s %-27s %s\n", words[line->result], line->name, line->message);
        if (line->remedy && line->result != CHECK_OK)
            printf("%-36s remedy: %s\n", "", line->remedy);
    }
    printf("%zu checks, %zu errors, %zu warnings\n", k->list.count, k->list.errors, k->list.warnings);
}

static void print_json(const struct checking *k) {
    static const char *const words[] = {"ok", "warning", "error"};
    defer(buf_deinit) struct buf text = BUF_INIT(1 << 24);
    struct json_out out = {.buf = &text, .pretty = true};
    json_open(&out, '{');
    json_key(&out, "checks");
    json_open(&out, '[');
    for (size_t i = 0; i < k->list.count; i++) {
        const struct check_line *line = &k->list.lines[i];
        json_open(&out, '{');
        json_key(&out, "name");
        json_put_text(&out, line->name);
        json_key(&out, "result");
        json_put_text(&out, words[line->result]);
        json_key(&out, "message");
        json_put_text(&out, line->message);
        json_key(&out, "remedy");
        json_put_text(&out, line->result == CHECK_OK ? NULL : line->remedy);
        json_close(&out, '}');
    }
    json_close(&out, ']');
    json_close(&out, '}');
    printf("%s\n", buf_text(&text));
}

/* `name`, with its backticks doubled. */
static void put_name(struct buf *out, const char *name) {
    buf_put_char(out, '`');
    for (; *name; name++) {
        if (*name == '`')
            buf_put_char(out, '`');
        buf_put_char(out, *name);
    }
    buf_put_char(out, '`');
}

/* GRANT `what` ON database.table TO user; NULL is *. */
static void put_grant(struct buf *out, const char *what, const char *database, const char *table,
                      const char *username) {
    buf_printf(out, "GRANT %s ON ", what);
    if (database)
        put_name(out, database);
    else
        buf_put_char(out, '*');
    buf_put_char(out, '.');
    if (table)
        put_name(out, table);
    else
        buf_put_char(out, '*');
    buf_put_text(out, " TO ");
    put_name(out, username);
    buf_put_text(out, "@`%`;");
}

static void print_grants(const struct prepared *p, const struct config *config) {
    defer(buf_deinit) struct buf out = BUF_INIT(1 << 24);
    const char *username = config->mysql.username;
    buf_put_text(&out, "-- SQL, on the source (change the host part to where leat runs)\n");
    put_grant(&out, "REPLICATION SLAVE, REPLICATION CLIENT", NULL, NULL, username);
    buf_put_char(&out, '\n');
    put_grant(&out, "XA_RECOVER_ADMIN", NULL, NULL, username);
    buf_put_text(&out, " -- only where XA is used, MySQL 8.0 and later\n");
    for (size_t i = 0; i < p->table_count; i++) {
        put_grant(&out, "SELECT", p->database, p->tables[i], username);
        buf_put_char(&out, '\n');
    }
    put_grant(&out, "LOCK TABLES", p->database, NULL, username);
    buf_put_text(&out, " -- only without GTIDs, or before MySQL 9.6\n");
    fwrite(out.data, 1, out.len, stdout);
    printf("\n-- IAM policy\n{\"Version\": \"2012-10-17\", \"Statement\": [{\"Effect\": \"Allow\", \"Action\": "
           "[\"dynamodb:BatchWriteItem\", "
           "\"dynamodb:PutItem\", \"dynamodb:DeleteItem\", \"dynamodb:DescribeTable\", \"dynamodb:CreateTable\", "
           "\"dynamodb:UpdateTimeToLive\", "
           "\"dynamodb:Scan\"],\n  \"Resource\": \"arn:aws:dynamodb:%s:*:table/%s*\"}]}\n",
           config->dynamodb.region, config->dynamodb.table_prefix ? config->dynamodb.table_prefix : "");
}

int command_check(const struct command_line *line, struct error *error) {
    struct config config;
    struct prepared p = {0};
    struct checking k = {0};
    int r = config_load(&config, line->config_path, error);
    if (r < 0)
        return r;
    r = prepare_text(&p, &config, error);
    if (r == 0 && line->grants) {
        print_grants(&p, &config);
    } else {
        add(&k, 0, "configuration", NULL, config.path);
        if (r < 0) {
            add(&k, r, "contract", NULL, error->text);
        } else if (line->offline) {
            check_offline(&k, &p, &config);
        } else {
            check_source(&k, &p, &config);
            if (p.contract) {
                struct adoption adoption = {0};
                check_store(&k, &adoption, &p, &config);
                check_tables(&k, &adoption, &p, &config);
                adoption_deinit(&adoption);
            }
            check_state_dir(&k, &config);
        }
        if (line->json)
            print_json(&k);
        else
            print_lines(&k);
    }
    r = k.code ? error_exit_code(k.code) : r < 0 ? error_exit_code(r) : 0;
    check_list_deinit(&k.list);
    prepared_deinit(&p);
    config_deinit(&config);
    return r;
}
