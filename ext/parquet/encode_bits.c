/* encode_bits.c: bit-packing and the RLE/bit-packing hybrid.
**
** The hybrid is a sequence of
**     varint(length << 1)         value in ceil(width/8) bytes      repeated `length` times
**     varint(groups << 1 | 1)     groups * width bytes              groups * 8 packed values
** Packed stretches hold whole groups of 8 (only the last one of all is padded), so a stretch takes
** from the run after it what it lacks, and a run counts only if enough of it is left to pay for the
** two headers.
**
** pack8 is compiled once per width, with the width a constant: its loop unrolls to shifts and ors.
*/
#include "encode_bits.h"

#include <string.h>

unsigned tarn_enc_width(uint64_t v) {
    return v ? 64u - (unsigned)__builtin_clzll(v) : 0;
}

/* Eight values to `width` bytes, stored through 64-bit words: may write up to 7 bytes too many. */
static inline __attribute__((always_inline)) void pack8(const uint32_t *v, uint8_t *out,
                                                        unsigned width) {
    uint64_t word = 0;
    unsigned used = 0;

    for (unsigned i = 0; i < 8; i++) {
        word |= (uint64_t)v[i] << used;
        used += width;
        if (used >= 32) {
            uint32_t low = (uint32_t)word;

            memcpy(out, &low, 4);
            out += 4;
            word >>= 32;
            used -= 32;
        }
    }
    if (used) memcpy(out, &word, 4);
}

#define PACK_CASE(w)                                \
    case w:                                         \
        for (size_t i = 0; i < n; i += 8, out += w) \
            pack8(v + i, out, w);                   \
        break;
#define PACK_CASES(w) PACK_CASE(w) PACK_CASE(w + 1) PACK_CASE(w + 2) PACK_CASE(w + 3)

void tarn_enc_pack32(struct tarn_buf *b, const uint32_t *v, size_t n, unsigned width) {
    size_t bytes = n / 8 * width;
    uint8_t *out;

    if (bytes == 0 || tarn_buf_reserve(b, bytes + 8)) return;
    out = b->data + b->len;
    switch (width) {
        PACK_CASES(1)
        PACK_CASES(5)
        PACK_CASES(9)
        PACK_CASES(13)
        PACK_CASES(17)
        PACK_CASES(21)
        PACK_CASES(25)
        PACK_CASES(29)
    default: return;
    }
    b->len += bytes;
}

void tarn_enc_pack64(struct tarn_buf *b, const uint64_t *v, size_t n, unsigned width) {
    size_t bytes = n / 8 * width;
    unsigned __int128 word = 0;
    unsigned used = 0;
    uint8_t *out;

    if (bytes == 0 || tarn_buf_reserve(b, bytes)) return;
    out = b->data + b->len;
    for (size_t i = 0; i < n; i++) {
        word |= (unsigned __int128)v[i] << used;
        used += width;
        while (used >= 8) {
            *out++ = (uint8_t)word;
            word >>= 8;
            used -= 8;
        }
    }
    b->len += bytes;
}

static void put_run(struct tarn_buf *b, uint32_t value, size_t length, unsigned width) {
    uint8_t bytes[4] = {(uint8_t)value, (uint8_t)(value >> 8), (uint8_t)(value >> 16),
                        (uint8_t)(value >> 24)};

    tarn_buf_varint(b, (uint64_t)length << 1);
    tarn_buf_put(b, bytes, (width + 7) / 8);
}

static void put_packed(struct tarn_buf *b, const uint32_t *v, size_t n, unsigned width) {
    uint32_t tail[8] = {0};
    size_t whole = n / 8 * 8;

    tarn_buf_varint(b, (uint64_t)((n + 7) / 8) << 1 | 1);
    tarn_enc_pack32(b, v, whole, width);
    if (n > whole) {
        memcpy(tail, v + whole, (n - whole) * sizeof *v);
        tarn_enc_pack32(b, tail, 8, width);
    }
}

void tarn_enc_rle32(struct tarn_buf *b, const uint32_t *v, size_t n, unsigned width) {
    size_t worth = (8 * (4 + (size_t)(width + 7) / 8) / width + 7) & ~(size_t)7;
    size_t pending = 0; /* start of the values not yet written */
    size_t i = 0;

    while (i < n) {
        size_t start = i, lack;

        do
            i++;
        while (i < n && v[i] == v[start]);
        lack = (8 - (start - pending) % 8) % 8;
        if (i - start < worth + lack) continue;
        if (start > pending) put_packed(b, v + pending, start - pending + lack, width);
        put_run(b, v[start], i - start - lack, width);
        pending = i;
    }
    if (n > pending) put_packed(b, v + pending, n - pending, width);
}

/* Bits first+8*i .. first+8*i+7, with bits past the end as zero. */
static uint8_t bitmap_byte(const uint8_t *bits, size_t first, size_t n, size_t i) {
    size_t at = first + i * 8, left = n - i * 8, last = first + n - 1;
    unsigned shift = (unsigned)(at % 8);
    unsigned v = (unsigned)bits[at / 8] >> shift;

    if (shift && at / 8 < last / 8) v |= (unsigned)bits[at / 8 + 1] << (8 - shift);
    if (left < 8) v &= (1u << left) - 1;
    return (uint8_t)v;
}

void tarn_enc_rle_bitmap(struct tarn_buf *b, const uint8_t *bits, size_t first, size_t n) {
    enum { WORTH = 5 }; /* bytes of equal bits that pay for leaving a packed stretch */
    size_t bytes = (n + 7) / 8, pending = 0, i = 0;

    while (i < bytes) {
        size_t start = i, end;
        uint8_t v = bitmap_byte(bits, first, n, i);

        do
            i++;
        while (i < bytes && bitmap_byte(bits, first, n, i) ==
                                (i * 8 + 8 > n ? (uint8_t)(v & ((1u << n % 8) - 1)) : v));
        end = i * 8 < n ? i * 8 : n;
        if ((v != 0 && v != 0xff) || (i - start < WORTH && !(start == 0 && end == n))) continue;
        if (start > pending) {
            tarn_buf_varint(b, (uint64_t)(start - pending) << 1 | 1);
            for (size_t k = pending; k < start; k++)
                tarn_buf_u8(b, bitmap_byte(bits, first, n, k));
        }
        put_run(b, v != 0, end - start * 8, 1);
        pending = i;
    }
    if (bytes > pending) {
        tarn_buf_varint(b, (uint64_t)(bytes - pending) << 1 | 1);
        for (size_t k = pending; k < bytes; k++)
            tarn_buf_u8(b, bitmap_byte(bits, first, n, k));
    }
}

void tarn_enc_bools(struct tarn_buf *b, const uint8_t *v, size_t n) {
    uint8_t *out;

    if (n == 0 || tarn_buf_reserve(b, (n + 7) / 8)) return;
    out = b->data + b->len;
    memset(out, 0, (n + 7) / 8);
    for (size_t i = 0; i < n; i++)
        out[i / 8] = (uint8_t)(out[i / 8] | v[i] << i % 8);
    b->len += (n + 7) / 8;
}
