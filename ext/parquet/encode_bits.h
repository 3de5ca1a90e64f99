/* encode_bits.h: bit-packing and the RLE/bit-packing hybrid (Encodings.md, "RLE").
**
** Appends to a tarn_buf; errors are the buffer's (sticky).
*/
#ifndef TARN_ENCODE_BITS_H
#define TARN_ENCODE_BITS_H

#include "buf.h"

/* Bits needed for v: 0 for 0, else 1..64. */
unsigned tarn_enc_width(uint64_t v);

/* Packs n values of `width` bits, first value in the lowest bits; n is a multiple of 8, so n*width
** bits are whole bytes. Values must fit. width 0 writes nothing. */
void tarn_enc_pack32(struct tarn_buf *b, const uint32_t *v, size_t n, unsigned width); /* 0..32 */
void tarn_enc_pack64(struct tarn_buf *b, const uint64_t *v, size_t n, unsigned width); /* 0..64 */

/* The hybrid, without a length before it: width 1..32, n < 2^31 values that fit. */
void tarn_enc_rle32(struct tarn_buf *b, const uint32_t *v, size_t n, unsigned width);

/* The hybrid of width 1 over n bits of a bitmap (bit i = byte i/8, lowest bit first), from bit
** `first` on: definition levels of a flat OPTIONAL column. */
void tarn_enc_rle_bitmap(struct tarn_buf *b, const uint8_t *bits, size_t first, size_t n);

/* PLAIN booleans: n bytes of 0 or 1 become n bits, zero-padded to a byte. */
void tarn_enc_bools(struct tarn_buf *b, const uint8_t *v, size_t n);

#endif
