/* The shop's schema and made-up rows, for engine_bench: every column is a small integer, text() says how it looks. */
#pragma once

#include "contract/load.h"
#include "transform/state.h"

#include <stdio.h>
#include <stdlib.h>

enum { USERS, CATEGORIES, PRODUCTS, ORDERS, ORDER_ITEMS, CART_ITEMS, TABLES };
enum { COLUMNS_MAX = 10 };

struct srow {
    int64_t c[COLUMNS_MAX];
};

extern const struct schema shop_schema;
void shop_init(void);
int key_count(int table);
int table_columns(int table);
void to_value(int table, int column, int64_t v, struct arena *arena, struct value *ret);
