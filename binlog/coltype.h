/* The column types of row images: one table. */
#pragma once

#include "binlog/charset.h"
#include "contract/schema.h"
#include "contract/value.h"

struct coltype;

/* A column of a table map. */
struct wire_column {
    const struct coltype *type;
    uint8_t number; /* MySQL's enum_field_types (field_types.h), ENUM and SET told from CHAR */
    uint16_t meta;
    uint32_t fixed;       /* bytes of a value; 0: it has a length before it */
    uint8_t prefix;       /* bytes of that length */
    bool bare_doubles;    /* JSON: see json_binary.h */
    enum charset charset; /* of text */
    const struct column *column;
};

/* False: values of the type can neither be decoded nor skipped, and where the next column's metadata begins is not known. */
bool coltype_known(uint8_t number);
/* `meta` is cut from the table map's metadata block. False: not known, or metadata that the type cannot have. */
bool coltype_resolve(struct wire_column *w, uint8_t number, struct cursor *meta);

enum column_type coltype_column_type(const struct wire_column *w); /* text with the binary collation is not told here */
bool coltype_has_sign(const struct wire_column *w);                /* has a bit in the SIGNEDNESS field */
bool coltype_has_charset(const struct wire_column *w);             /* has an entry in the character set fields */
uint8_t coltype_digits(const struct wire_column *w);               /* fraction digits, scale */
uint32_t coltype_length(const struct wire_column *w);              /* as struct column has it */

/* NULL when values of the column can be decoded, else why not ("JSON"). */
const char *coltype_unsupported(const struct wire_column *w);

void coltype_skip(struct cursor *c, const struct wire_column *w);
/* Strings point into the cursor's bytes or the arena. A malformed value sets c->failed. */
void coltype_decode(struct cursor *c, const struct wire_column *w, struct arena *arena, struct value *ret);

/* Shared with the snapshot's decoder, so that both give the same values. */
void coltype_text(const struct column *column, enum charset set, struct slice bytes, struct arena *arena,
                  struct value *ret);
void coltype_enum(const struct column *column, uint64_t index, struct value *ret);
void coltype_set(const struct column *column, uint64_t bits, struct arena *arena, struct value *ret);

/* Decimals, of columns and inside JSON: at most nine groups of nine digits. The text has `scale` digits behind the point; a malformed value
 * sets c->failed. Returns its length. */
enum { DECIMAL_TEXT_MAX = 88 };
bool decimal_valid(unsigned precision, unsigned scale);
size_t decimal_text(struct cursor *c, unsigned precision, unsigned scale, char text[static DECIMAL_TEXT_MAX]);
