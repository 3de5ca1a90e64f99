/* unpack.c: 32 values at a time: with AVX2 eight of them at once, else one after the other.
**
** AVX2, up to 24 bits: 8 values are `width` bytes. Half of them go to each half of a register, each is
** moved to the 4 bytes of its lane (width + 7 bits at most), shifted down, and masked:
**
**   bytes  | v0 v0 v1 | v1 v2 ..   -> lanes | v0 v0 v1 v1 | v0 v1 v1 v2 | ..   -> >> 0, 4 ..   -> & mask
**
** Else there is one unrolled loop body per width, chosen by a switch, in which shifts and masks are
** constants. Value i of width w begins at bit i * w: the 64-bit word at byte i * w / 32 * 4 holds all
** of it, since i * w % 32 + w <= 63.
*/
#include "unpack.h"

#include <string.h>

static inline __attribute__((always_inline)) uint32_t one(const uint8_t *p, unsigned bit,
                                                          unsigned width) {
    uint64_t word = 0;
    memcpy(&word, p + bit / 32 * 4, 8);
    return (uint32_t)(word >> bit % 32) & (uint32_t)((UINT64_C(1) << width) - 1);
}

#define ONE(i) out[i] = one(p, (i)*w, w)
#define FOUR(i) ONE(i), ONE((i) + 1), ONE((i) + 2), ONE((i) + 3)

static inline __attribute__((always_inline)) void unpack(const uint8_t *p, uint32_t *out,
                                                         const unsigned w) {
    FOUR(0), FOUR(4), FOUR(8), FOUR(12), FOUR(16), FOUR(20), FOUR(24), FOUR(28);
}

void tarn_unpack32_plain(const uint8_t *p, uint32_t *out, unsigned width) {
    switch (width) {
    case 0: memset(out, 0, 32 * sizeof *out); break;
    case 1: unpack(p, out, 1); break;
    case 2: unpack(p, out, 2); break;
    case 3: unpack(p, out, 3); break;
    case 4: unpack(p, out, 4); break;
    case 5: unpack(p, out, 5); break;
    case 6: unpack(p, out, 6); break;
    case 7: unpack(p, out, 7); break;
    case 9: unpack(p, out, 9); break;
    case 10: unpack(p, out, 10); break;
    case 11: unpack(p, out, 11); break;
    case 12: unpack(p, out, 12); break;
    case 13: unpack(p, out, 13); break;
    case 14: unpack(p, out, 14); break;
    case 15: unpack(p, out, 15); break;
    case 17: unpack(p, out, 17); break;
    case 18: unpack(p, out, 18); break;
    case 19: unpack(p, out, 19); break;
    case 20: unpack(p, out, 20); break;
    case 21: unpack(p, out, 21); break;
    case 22: unpack(p, out, 22); break;
    case 23: unpack(p, out, 23); break;
    case 24: unpack(p, out, 24); break;
    case 25: unpack(p, out, 25); break;
    case 26: unpack(p, out, 26); break;
    case 27: unpack(p, out, 27); break;
    case 28: unpack(p, out, 28); break;
    case 29: unpack(p, out, 29); break;
    case 30: unpack(p, out, 30); break;
    case 31: unpack(p, out, 31); break;
    case 8:
        for (unsigned i = 0; i < 32; i++)
            out[i] = p[i];
        break;
    case 16:
        for (unsigned i = 0; i < 32; i++)
            out[i] = (uint32_t)p[2 * i] | (uint32_t)p[2 * i + 1] << 8;
        break;
    default: memcpy(out, p, 32 * sizeof *out);
    }
}

void tarn_unpack8(const uint8_t *p, uint32_t *out, unsigned width) {
    for (unsigned i = 0; i < 8; i++) {
        unsigned bit = i * width;
        uint64_t word = 0;
        memcpy(&word, p + bit / 8, 8);
        out[i] = (uint32_t)(word >> bit % 8) & (uint32_t)((UINT64_C(1) << width) - 1);
    }
}

#if defined(__x86_64__)
#include <immintrin.h>

#define AVX2 __attribute__((target("avx2")))
#define WIDEST 24

/* Groups of 8; the upper half's values begin at bit 4 * width, which is inside a byte for odd widths. */
AVX2 static void unpack_avx2(const uint8_t *p, uint32_t *out, unsigned width, size_t n) {
    const __m256i lane = _mm256_setr_epi32(0, 1, 2, 3, 0, 1, 2, 3);
    const __m256i half = _mm256_setr_epi32(0, 0, 0, 0, 4, 4, 4, 4);
    const __m256i w = _mm256_set1_epi32((int)width), seven = _mm256_set1_epi32(7);
    const __m256i mask = _mm256_set1_epi32((int)((UINT32_C(1) << width) - 1));
    __m256i bit = _mm256_add_epi32(_mm256_mullo_epi32(lane, w),
                                   _mm256_and_si256(_mm256_mullo_epi32(half, w), seven));
    /* Of each lane: four times its first byte, plus 0, 1, 2, 3. */
    __m256i byte = _mm256_srli_epi32(bit, 3);
    __m256i places = _mm256_add_epi8(_mm256_mullo_epi32(byte, _mm256_set1_epi32(0x01010101)),
                                     _mm256_set1_epi32(0x03020100));
    __m256i shift = _mm256_and_si256(bit, seven);

    for (size_t i = 0; i < 32 * n; i += 8, p += width) {
        __m128i lower = _mm_loadu_si128((const __m128i *)(const void *)p);
        __m128i upper = _mm_loadu_si128((const __m128i *)(const void *)(p + width / 2));
        __m256i v = _mm256_inserti128_si256(_mm256_castsi128_si256(lower), upper, 1);

        v = _mm256_srlv_epi32(_mm256_shuffle_epi8(v, places), shift);
        _mm256_storeu_si256((__m256i *)(void *)(out + i), _mm256_and_si256(v, mask));
    }
}

static int has_avx2(void) {
    return __builtin_cpu_supports("avx2");
}
#else
#define WIDEST 0

static int has_avx2(void) {
    return 0;
}

static void unpack_avx2(const uint8_t *p, uint32_t *out, unsigned width, size_t n) {
    (void)p, (void)out, (void)width, (void)n;
}
#endif

void tarn_unpack_many(const uint8_t *p, uint32_t *out, unsigned width, size_t n) {
    if (width > 0 && width <= WIDEST && has_avx2()) {
        unpack_avx2(p, out, width, n);
        return;
    }
    for (; n > 0; n--, p += 4 * (size_t)width, out += 32)
        tarn_unpack32_plain(p, out, width);
}

void tarn_unpack32(const uint8_t *p, uint32_t *out, unsigned width) {
    tarn_unpack_many(p, out, width, 1);
}
