/* From a contract's text to a compiled contract: parse, import older forms, check, compile. */
#pragma once

#include "contract/contract.h"

/* One finding. Places are of the contract's file; `path` is the JSON path ($.tables[0].entities[1].pk_template). */
struct finding {
    bool warning;
    unsigned line, column;
    const char *path;
    const char *message; /* what is wrong, and what would be right */
};

struct findings {
    struct finding *list;
    size_t count;
    size_t errors; /* those that are not warnings */
    struct arena arena;
};
void findings_deinit(struct findings *findings);

struct contract_options {
    const char *database;     /* from the configuration; must agree with the contract's, if it names one */
    const char *table_prefix; /* "" for none */
    const char *mask_key;     /* secret of masks of format "hash"; NULL: none. Outlives the contract */
};

/* The database a contract names, or NULL; before anything else is known. ERR_CONFIG when the text is no JSON. */
int contract_database(const char *name, struct slice text, char **ret, struct error *error) must_check;

/* The names of the MySQL tables that the text mentions (so that the caller can read their schema), without `database` before them. The list and the names
 * live in the arena. Works on contracts with errors: then it names what it can find. */
int contract_tables(const char *name, struct slice text, const char *database, struct arena *arena,
                    const char *const **ret, size_t *ret_count, struct error *error) must_check;

/* Compiles. `schema` (of the source's database) outlives the contract; NULL checks the text alone (no live schema: then
 * *ret stays untouched and only findings come back). All findings are collected, in the file's order. Returns ERR_CONFIG when any is an
 * error; `error` then holds the first and the number of the others. */
int contract_load(struct contract **ret, const char *name, struct slice text, const struct schema *schema,
                  const struct contract_options *options, struct findings *findings, struct error *error) must_check;
