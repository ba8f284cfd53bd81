/* From a configuration to a compiled contract: what `run` and `check` begin with. */
#pragma once

#include "binlog/connect.h"
#include "contract/load.h"
#include "sink/sink.h"
#include "src/app/options.h"

struct prepared {
    struct arena arena;
    char *text; /* the contract's */
    const char *const
        *tables; /* of the source: those that the contract mentions, and those that a cascade may run through */
    size_t table_count;
    const char *database;
    struct server_facts facts;
    struct schema schema;
    struct position schema_at; /* it knows every ALTER up to here */
    struct contract *contract; /* NULL when it does not compile */
    struct findings findings;
};

/* Reads the contract's text and the tables it mentions; asks nobody. */
int prepare_text(struct prepared *p, const struct config *config, struct error *error) must_check;
/* Reads facts and schema through `c` and compiles. */
int prepare_contract(struct prepared *p, const struct config *config, struct connection *c,
                     struct error *error) must_check;
void prepared_deinit(struct prepared *p); /* accepts zeroes */

struct sink_options prepare_sink(const struct prepared *p, const struct config *config);
