/* xxh64.h: the hash of Parquet's bloom filters, and the split-block filter it feeds.
**
** Source: xxHash specification 0.1.1 (XXH64, seed 0) and BloomFilter.md of apache/parquet-format.
** A filter is an array of 32-byte blocks. The high half of a hash picks the block, the low half
** sets one bit in each of the block's eight little-endian 32-bit words.
** Values are hashed as PLAIN encodes them; a BYTE_ARRAY without its length.
** Used by the writer (bloom_write.c) and by the reader.
*/
#ifndef TARN_XXH64_H
#define TARN_XXH64_H

#include <stddef.h>
#include <stdint.h>

#define TARN_SBBF_BLOCK 32 /* bytes of one block */

uint64_t tarn_xxh64(const void *p, size_t n);

/* `blocks` is n_blocks * TARN_SBBF_BLOCK bytes, of any alignment; n_blocks >= 1. */
void tarn_sbbf_insert(uint8_t *blocks, uint32_t n_blocks, uint64_t hash);
/* The same block test when only one block was read: its number, then its 32 bytes. */
uint32_t tarn_sbbf_block(uint32_t n_blocks, uint64_t hash);
int tarn_sbbf_block_check(const uint8_t *block, uint64_t hash);
/* 1 = perhaps in the set, 0 = surely not. */
int tarn_sbbf_check(const uint8_t *blocks, uint32_t n_blocks, uint64_t hash);

#endif
