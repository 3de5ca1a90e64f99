/* bloom_read.h: asks a chunk's bloom filter whether a value can be there.
**
** Source: BloomFilter.md: split-block filters, XXH64, uncompressed; any other kind, and one that is
** malformed, answers "perhaps". A value is its PLAIN bytes, without the length of a BYTE_ARRAY.
*/
#ifndef TARN_BLOOM_READ_H
#define TARN_BLOOM_READ_H

#include "footer.h"

struct tarn_bloom {
    uint64_t offset;   /* of the bits in the file */
    uint32_t n_blocks; /* 0 = unusable */
    uint8_t *bits;     /* owned; NULL = blocks are read one by one */
};

/* Reads the header, and the filter when it is at most 64 KiB. A filter that is unusable is no
** error: n_blocks is 0 then. */
int tarn_bloom_open(struct tarn_bloom *b, const struct tarn_source *src,
                    const struct tarn_pq_chunk *chunk, uint64_t *bytes_read, struct tarn_err *err);
/* *maybe = 0 when the value is surely not in the chunk. */
int tarn_bloom_check(struct tarn_bloom *b, const struct tarn_source *src, struct tarn_slice value,
                     uint64_t *bytes_read, int *maybe, struct tarn_err *err);
void tarn_bloom_release(struct tarn_bloom *b);

#endif
