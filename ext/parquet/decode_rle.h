/* decode_rle.h: the RLE/bit-packing hybrid: dictionary codes, booleans and levels, in steps.
**
** Source: Encodings.md. A decoder yields as many values as it is asked for and remembers where it
** is: a run may claim a billion values from three bytes, but nobody expands more than he reads.
*/
#ifndef TARN_DECODE_RLE_H
#define TARN_DECODE_RLE_H

#include <stddef.h>
#include <stdint.h>

struct tarn_rle {
    const uint8_t *p;
    const uint8_t *end;
    unsigned width; /* bits per value, 0 to 32 */
    uint32_t left;  /* values of the current run not yet decoded */
    uint32_t value; /* of an RLE run */
    uint8_t packed; /* the current run is bit-packed */
    uint8_t tmp_at, tmp_n;
    uint32_t tmp[8]; /* decoded values that were not asked for yet: tmp[tmp_at..tmp_n) */
};

/* width must be <= 32. */
void tarn_rle_init(struct tarn_rle *r, const uint8_t *p, size_t n, unsigned width);
/* The next n values; 0, or -1 when the bytes end before. */
int tarn_rle_read(struct tarn_rle *r, uint32_t *out, uint32_t n);
int tarn_rle_skip(struct tarn_rle *r, uint32_t n);
/* As read, for width 1: a byte 0 or 1 per value; *ones = how many are 1. A run value above 1 is
** -1. */
int tarn_rle_read_bits(struct tarn_rle *r, uint8_t *out, uint32_t n, uint32_t *ones);

/* Definition levels: is the value there? */
struct tarn_levels {
    struct tarn_rle rle;
    uint8_t max; /* level of a present value; 0 = all are, and no bytes are read */
    uint8_t msb; /* the deprecated BIT_PACKED order; then `bit` of rle.p is next */
    uint64_t bit;
};

void tarn_levels_init(struct tarn_levels *l, const uint8_t *p, size_t n, uint8_t max, int msb);
/* The next n levels: *present = how many values are there; valid[i] = 1 or 0, written only when
** *present < n. 0, or -1 when bytes end or a level is above max. */
int tarn_levels_read(struct tarn_levels *l, uint8_t *valid, uint32_t n, uint32_t *present);
int tarn_levels_skip(struct tarn_levels *l, uint32_t n, uint32_t *present);

#endif
