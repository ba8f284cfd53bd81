/* The inside of the parser: what its files share.
 *
 * parse_fields.c reads any object by its table of keys (fields.h); parse_attributes.c attributes, joins and constructions;
 * parse.c entities, tables and the contract; parse_model.c the model-output form's own objects. */
#pragma once

#include "contract/fields.h"

struct parser {
    struct report *report;
    struct arena *arena;
    const char *database; /* of the contract, else the configuration's; NULL: unknown */
    unsigned depth;       /* of constructions in constructions */
};

/* ---- parse_fields.c */

struct spot member_spot(struct parser *p, struct spot of, const struct json *key, const struct json *value);
/* An element has its own place, or that of its first key or element, or the list's. */
struct spot element_spot(struct parser *p, struct spot of, size_t index, const struct json *value);

/* Reports that a key's value is of the wrong kind. */
void parse_wrong(struct parser *p, struct spot at, const char *key, enum field_kind kind);
/* A string, or a list of strings; false when reported. */
bool parse_words(struct parser *p, struct spot at, const char *key, struct words *ret);
/* Reads an object's members into `into`. Returns the mask of the keys that are there (null counts as absent). `what` is its
 * name in messages, as in "an attribute lacks ...". */
uint32_t parse_fields(struct parser *p, struct spot at, const char *what, enum object_kind kind, void *into);
uint32_t parse_object(struct parser *p, struct spot at, enum object_kind kind, void *into);
/* A table's name may have the contract's database before it: "shop.orders" is "orders". */
void parse_table_name(struct parser *p, struct word *name);

/* ---- parse_attributes.c */

/* A list of attributes with names, or an object from names to attributes. */
void parse_attributes(struct parser *p, struct spot at, struct parsed_attribute **ret, size_t *ret_count);

/* ---- parse.c */

void parse_entities(struct parser *p, struct spot at, struct parsed_table *table);
void parse_finish_entity(struct parser *p, struct entity_object *o, struct spot at, struct parsed_entity *ret);

/* ---- parse_model.c */

/* The model-output form: {"table_definitions": [...], ...}. */
void parse_model(struct parser *p, struct spot at, struct parsed_contract *ret);
