/* crc32c.h - CRC-32C (Castagnoli), the checksum of RFC 3720 section 12.1.
 * Pure. Threads: any. */
#ifndef POLICY_LEDGER_CRC32C_H
#define POLICY_LEDGER_CRC32C_H

#include <stddef.h>
#include <stdint.h>

/* Start with crc == 0; feed the result in to go on. */
uint32_t crc32c(uint32_t crc, const void *data, size_t n);

#endif
