/* "Did you mean ...?" */
#pragma once

#include "src/base/base.h"

/* The name nearest to `word` by edits, or NULL when none is near. */
const char *suggest(const char *word, const char *const *names, size_t count);
