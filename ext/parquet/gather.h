/* gather.h: elements of an array by their numbers, the inner loops of chunk_decode.c.
**
** Numbers are below 2^31. The form for AVX2 is taken where the processor has it and where it is faster:
** for elements of 4 bytes (its gather of 8 bytes is slower than loads one by one).
*/
#ifndef TARN_GATHER_H
#define TARN_GATHER_H

#include <stdint.h>

/* out[i] = in[at[i] - base]. */
void tarn_gather32(uint32_t *out, const uint32_t *in, const uint32_t *at, uint32_t base,
                   uint32_t n);
void tarn_gather32_plain(uint32_t *out, const uint32_t *in, const uint32_t *at, uint32_t base,
                         uint32_t n);
/* 1 when all codes are below `limit`, which is below 2^31. */
int tarn_codes_below(const uint32_t *codes, uint32_t n, uint32_t limit);
int tarn_codes_below_plain(const uint32_t *codes, uint32_t n, uint32_t limit);

#endif
