/* gather.c: elements by number, and whether numbers are small enough.
**
** A code and its distance to the largest one have no sign bit when it is not above it: so all codes
** are right when the OR of both, over all of them, has none. Four at a time by vectors that GCC and
** clang have on every machine.
*/
#include "gather.h"

typedef uint32_t four __attribute__((vector_size(16), aligned(4), may_alias));

static int below(const uint32_t *codes, uint32_t from, uint32_t n, uint32_t limit, uint32_t bad) {
    if (n == 0) return 1;
    if (limit == 0) return 0;
    for (uint32_t i = from; i < n; i++)
        bad |= codes[i] | (limit - 1 - codes[i]);
    return !(bad >> 31);
}

int tarn_codes_below_plain(const uint32_t *codes, uint32_t n, uint32_t limit) {
    return below(codes, 0, n, limit, 0);
}

int tarn_codes_below(const uint32_t *codes, uint32_t n, uint32_t limit) {
    four bad = {0, 0, 0, 0}, top = bad + (limit - 1);
    uint32_t i = 0;

    for (; n - i >= 4; i += 4) {
        four v = *(const four *)(const void *)(codes + i);
        bad |= v | (top - v);
    }
    return below(codes, i, n, limit, bad[0] | bad[1] | bad[2] | bad[3]);
}

void tarn_gather32_plain(uint32_t *out, const uint32_t *in, const uint32_t *at, uint32_t base,
                         uint32_t n) {
    for (uint32_t i = 0; i < n; i++)
        out[i] = in[at[i] - base];
}

#if defined(__x86_64__)
#include <immintrin.h>

__attribute__((target("avx2"))) static void gather_avx2(uint32_t *out, const uint32_t *in,
                                                        const uint32_t *at, uint32_t base,
                                                        uint32_t n) {
    const __m256i first = _mm256_set1_epi32((int)base);
    uint32_t i = 0;

    for (; n - i >= 8; i += 8) {
        __m256i k = _mm256_loadu_si256((const __m256i *)(const void *)(at + i));
        __m256i v =
            _mm256_i32gather_epi32((const int *)(const void *)in, _mm256_sub_epi32(k, first), 4);
        _mm256_storeu_si256((__m256i *)(void *)(out + i), v);
    }
    tarn_gather32_plain(out + i, in, at + i, base, n - i);
}
#endif

void tarn_gather32(uint32_t *out, const uint32_t *in, const uint32_t *at, uint32_t base,
                   uint32_t n) {
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx2")) {
        gather_avx2(out, in, at, base, n);
        return;
    }
#endif
    tarn_gather32_plain(out, in, at, base, n);
}
