/* unpack.h: bit-unpacking of values of 0 to 32 bits, least significant bit first.
**
** Source: Encodings.md, RLE/bit-packing hybrid. The width is a constant in every instance of the
** loop body, so shifts and masks fold and nothing branches. Little-endian machines only.
*/
#ifndef TARN_UNPACK_H
#define TARN_UNPACK_H

#include <stdint.h>

/* 32 values from 4 * width bytes; reads up to 8 bytes more than those: p[0 .. 4 * width + 8) must
** be readable. width <= 32. */
void tarn_unpack32(const uint8_t *p, uint32_t *out, unsigned width);
/* 8 values from `width` bytes; p[0 .. width + 8) must be readable. */
void tarn_unpack8(const uint8_t *p, uint32_t *out, unsigned width);

#endif
