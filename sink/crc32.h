/* CRC-32 as zlib and Ethernet have it: DynamoDB's x-amz-crc32 header is that of the answer's body. */
#pragma once

#include "src/base/base.h"

uint32_t crc32_of(struct slice bytes);
