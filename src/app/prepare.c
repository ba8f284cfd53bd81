/* From a configuration to a compiled contract. */
#include "src/app/prepare.h"

#include "src/base/sys.h"

#include <stdlib.h>
#include <strings.h>

enum { CONTRACT_MAX = 64 * 1024 * 1024 };

int prepare_text(struct prepared *p, const struct config *config, struct error *error) {
    size_t len = 0;
    int r = sys_read_file(config->contract_path, CONTRACT_MAX, &p->text, &len, error);
    if (r < 0)
        return error_wrap(error, r, "migration.contractPath");
    struct slice text = {p->text, len};
    defer(free_pointer) char *named = NULL;
    r = contract_database(config->contract_path, text, &named, error);
    if (r < 0)
        return r;
    p->database = arena_strdup(&p->arena, config->mysql.database);
    if (named && strcmp(named, config->mysql.database) != 0)
        return error_set(error, ERR_CONFIG,
                         "%s is a contract over database %s, but database.mysql.database in %s is %s: make them agree",
                         config->contract_path, named, config->path, config->mysql.database);
    return contract_tables(config->contract_path, text, p->database, &p->arena, &p->tables, &p->table_count, error);
}

int prepare_contract(struct prepared *p, const struct config *config, struct connection *c, struct error *error) {
    int r = server_facts_read(c, &p->facts, error);
    if (r < 0)
        return r;
    r = schema_cascade_tables(c, p->database, p->tables, p->table_count, &p->arena, &p->tables, &p->table_count, error);
    if (r < 0)
        return r;
    /* without GTIDs the position of what is executed needs locks; the end is as good, but for the blink in which an ALTER commits */
    r = p->facts.gtid_mode_on
            ? source_position_executed(c, p->database, p->tables, p->table_count, &p->schema_at, error)
            : source_position_end(c, &p->schema_at, error);
    if (r < 0)
        return r;
    r = schema_read(c, p->database, p->tables, p->table_count, &p->arena, &p->schema, error);
    if (r < 0)
        return r;
    struct contract_options options = {.database = config->mysql.database,
                                       .table_prefix = config->dynamodb.table_prefix,
                                       .mask_key = config->mask_key};
    return contract_load(&p->contract, config->contract_path, slice_of(p->text), &p->schema, &options, &p->findings,
                         error);
}

void prepared_deinit(struct prepared *p) {
    contract_free(p->contract);
    findings_deinit(&p->findings);
    position_deinit(&p->schema_at);
    arena_deinit(&p->arena);
    free(p->text);
    *p = (struct prepared){0};
}

struct sink_options prepare_sink(const struct prepared *p, const struct config *config) {
    return (struct sink_options){
        .region = config->dynamodb.region,
        .endpoint = config->dynamodb.endpoint,
        .allow_insecure_endpoint = config->dynamodb.allow_insecure_endpoint,
        .ca_file = config->dynamodb.ca,
        .connections = (unsigned)config->dynamodb.connections,
        .request_timeout_ms = (unsigned)config->dynamodb.request_timeout_ms,
        .contract = p->contract,
        .report_capacity = config->dynamodb.report_capacity,
    };
}
