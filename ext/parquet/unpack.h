/* unpack.h: bit-unpacking of values of 0 to 32 bits, least significant bit first.
**
** Source: Encodings.md, RLE/bit-packing hybrid. Little-endian machines only.
*/
#ifndef TARN_UNPACK_H
#define TARN_UNPACK_H

#include <stddef.h>
#include <stdint.h>

#define TARN_UNPACK_SLACK 16

/* 32 values from 4 * width bytes; reads some bytes more than those: p[0 .. 4 * width +
** TARN_UNPACK_SLACK) must be readable. width <= 32. */
void tarn_unpack32(const uint8_t *p, uint32_t *out, unsigned width);
/* n times 32 values, which follow one another. */
void tarn_unpack_many(const uint8_t *p, uint32_t *out, unsigned width, size_t n);
/* The same of 32 without vectors: what the others do where the processor has no AVX2. */
void tarn_unpack32_plain(const uint8_t *p, uint32_t *out, unsigned width);
/* 8 values from `width` bytes; p[0 .. width + 8) must be readable. */
void tarn_unpack8(const uint8_t *p, uint32_t *out, unsigned width);

#endif
