/* Character sets by MySQL's collation numbers, and the way to UTF-8. */
#pragma once

#include "src/base/arena.h"

enum charset { CHARSET_UNSUPPORTED, CHARSET_BINARY, CHARSET_UTF8, CHARSET_LATIN1 };

enum charset charset_of_collation(uint32_t collation);
/* MySQL's name of it, as information_schema gives it. */
enum charset charset_of_name(const char *name);
/* Text of the set as UTF-8: `text` itself where nothing changes, else in the arena. */
struct slice charset_to_utf8(enum charset set, struct slice text, struct arena *arena);
