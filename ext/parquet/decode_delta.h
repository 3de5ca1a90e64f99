/* decode_delta.h: DELTA_BINARY_PACKED integers, in steps.
**
** Source: Encodings.md. The header's counts are claims: the total is compared with what is asked
** for, the rest must be carried by bytes that are there.
*/
#ifndef TARN_DECODE_DELTA_H
#define TARN_DECODE_DELTA_H

#include <stddef.h>
#include <stdint.h>

struct tarn_delta {
    const uint8_t *p;
    const uint8_t *end;
    uint64_t total;     /* values in all, as the header claims */
    uint64_t left;      /* of them, not yet decoded */
    uint64_t last;      /* value before the next one */
    uint64_t min_delta; /* of the current block */
    uint64_t per_mini;  /* values in a miniblock, a multiple of 32 */
    uint32_t n_mini;    /* miniblocks in a block */
    uint32_t mini;      /* the current one; n_mini = a new block comes */
    uint64_t mini_left; /* values of the current miniblock not yet decoded */
    const uint8_t *widths;
    unsigned width;
    uint8_t first; /* the header's first value is next */
    uint8_t tmp_at, tmp_n;
    int64_t tmp[32];
};

/* 0, or -1 when the header breaks the format. */
int tarn_delta_init(struct tarn_delta *d, const uint8_t *p, size_t n);
/* Exactly n more values; -1 when there are fewer. */
int tarn_delta_read64(struct tarn_delta *d, int64_t *out, uint32_t n);
int tarn_delta_read32(struct tarn_delta *d, int32_t *out, uint32_t n); /* wraps modulo 2^32 */
int tarn_delta_skip(struct tarn_delta *d, uint32_t n);
/* Where the bytes after this run of deltas begin; NULL when it is damaged. Call before reading. */
const uint8_t *tarn_delta_end(const struct tarn_delta *d);

#endif
