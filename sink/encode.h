/* Items as DynamoDB's JSON: {"PK":{"S":"a"},"total":{"N":"1.5"}}. */
#pragma once

#include "contract/contract.h"

/* Appends the item's attribute map. A `buf` that gets full says that the item is beyond all limits. */
void encode_item(struct buf *buf, const struct item *item);
/* Appends the key's attribute map, with the target's names and types. */
void encode_key(struct buf *buf, const struct target *target, const struct item_key *key);
/* Appends one attribute value, as {"S":"text"}. */
void encode_attr(struct buf *buf, const struct attr *attr);
/* Appends `text` quoted and escaped; bytes from 0x80 pass as they are (UTF-8). */
void encode_string(struct buf *buf, struct slice text);
