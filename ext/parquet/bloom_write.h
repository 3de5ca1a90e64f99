/* bloom_write.h: a chunk's split-block bloom filter, with its header (BloomFilter.md).
*/
#ifndef TARN_BLOOM_WRITE_H
#define TARN_BLOOM_WRITE_H

#include "buf.h"
#include "format.h"

/* 1 for numbers, text and UUIDs. Not for bare bytes: DuckDB (1.5 and before) probes a BLOB by its
** printed form and would lose rows. */
int tarn_bloom_fits(enum tarn_physical physical, const struct tarn_logical_type *logical);

/* Bytes of a filter for n distinct values with at most 1 % false positives: a power of two (other
** readers insist), from 32 to 64 MiB. */
uint32_t tarn_bloom_bytes(uint64_t n);

/* Appends header and filter of n values (upper bound of the distinct ones). They stand one after
** the other in `plain` as PLAIN encodes them: `fixed` bytes each, or with `fixed` 0 a le32 length
** and bytes. A zero of FLOAT or DOUBLE is put in with both signs, since they compare equal.
** Returns the length; 0 when n is 0. Errors are `out`'s. */
size_t tarn_bloom_write(struct tarn_buf *out, enum tarn_physical physical, const uint8_t *plain,
                        uint64_t n, uint32_t fixed);

#endif
