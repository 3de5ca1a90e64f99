/* select.c: values to the numbers of rows that match.
**
**   8 values -> compare -> a mask of 8 bits -> the places of its bits, from a table, as 8 bytes
**            -> 8 numbers, stored over what is free of sel; the end moves by the bits that are set
**
** Nothing is stored beyond sel[n): the end is never beyond the values that are done.
*/
#include "select.h"

#define KEEP_IF(from, TEST)                        \
    do {                                           \
        for (uint32_t i = (from); i < r->n; i++) { \
            r->sel[k] = r->first + i;              \
            k += (uint32_t)(TEST);                 \
        }                                          \
        return k;                                  \
    } while (0)

static inline uint32_t rest_i32(const struct tarn_rows *r, const int32_t *a, int32_t lo, int32_t hi,
                                int outside, uint32_t from, uint32_t k) {
    KEEP_IF(from, ((int)(a[i] >= lo) & (int)(a[i] <= hi)) ^ outside);
}

static inline uint32_t rest_i64(const struct tarn_rows *r, const int64_t *a, int64_t lo, int64_t hi,
                                int outside, uint32_t from, uint32_t k) {
    KEEP_IF(from, ((int)(a[i] >= lo) & (int)(a[i] <= hi)) ^ outside);
}

static inline uint32_t rest_f64(const struct tarn_rows *r, const double *a, double c,
                                enum tarn_real_test test, uint32_t from, uint32_t k) {
    switch (test) {
    case TARN_REAL_EQ: KEEP_IF(from, a[i] == c);
    case TARN_REAL_NE: KEEP_IF(from, (int)(a[i] < c) | (int)(a[i] > c));
    case TARN_REAL_LT: KEEP_IF(from, a[i] < c);
    case TARN_REAL_LE: KEEP_IF(from, a[i] <= c);
    case TARN_REAL_GT: KEEP_IF(from, a[i] > c);
    default: KEEP_IF(from, a[i] >= c);
    }
}

static inline uint32_t rest_bytes(const struct tarn_rows *r, const uint8_t *a, int want,
                                  uint32_t from, uint32_t k) {
    KEEP_IF(from, (a[i] != 0) == want);
}

uint32_t tarn_select_i32_plain(const struct tarn_rows *r, const int32_t *a, int32_t lo, int32_t hi,
                               int outside) {
    return rest_i32(r, a, lo, hi, outside, 0, 0);
}

uint32_t tarn_select_i64_plain(const struct tarn_rows *r, const int64_t *a, int64_t lo, int64_t hi,
                               int outside) {
    return rest_i64(r, a, lo, hi, outside, 0, 0);
}

uint32_t tarn_select_f64_plain(const struct tarn_rows *r, const double *a, double c,
                               enum tarn_real_test test) {
    return rest_f64(r, a, c, test, 0, 0);
}

uint32_t tarn_select_bytes_plain(const struct tarn_rows *r, const uint8_t *a, int want) {
    return rest_bytes(r, a, want, 0, 0);
}

#if defined(__x86_64__)
#include <immintrin.h>

#define AVX2 __attribute__((target("avx2")))

/* Byte k of entry m is the place of the k-th bit that is set in m. */
static const uint64_t places[256] = {UINT64_C(0x0),
                                     UINT64_C(0x0),
                                     UINT64_C(0x1),
                                     UINT64_C(0x100),
                                     UINT64_C(0x2),
                                     UINT64_C(0x200),
                                     UINT64_C(0x201),
                                     UINT64_C(0x20100),
                                     UINT64_C(0x3),
                                     UINT64_C(0x300),
                                     UINT64_C(0x301),
                                     UINT64_C(0x30100),
                                     UINT64_C(0x302),
                                     UINT64_C(0x30200),
                                     UINT64_C(0x30201),
                                     UINT64_C(0x3020100),
                                     UINT64_C(0x4),
                                     UINT64_C(0x400),
                                     UINT64_C(0x401),
                                     UINT64_C(0x40100),
                                     UINT64_C(0x402),
                                     UINT64_C(0x40200),
                                     UINT64_C(0x40201),
                                     UINT64_C(0x4020100),
                                     UINT64_C(0x403),
                                     UINT64_C(0x40300),
                                     UINT64_C(0x40301),
                                     UINT64_C(0x4030100),
                                     UINT64_C(0x40302),
                                     UINT64_C(0x4030200),
                                     UINT64_C(0x4030201),
                                     UINT64_C(0x403020100),
                                     UINT64_C(0x5),
                                     UINT64_C(0x500),
                                     UINT64_C(0x501),
                                     UINT64_C(0x50100),
                                     UINT64_C(0x502),
                                     UINT64_C(0x50200),
                                     UINT64_C(0x50201),
                                     UINT64_C(0x5020100),
                                     UINT64_C(0x503),
                                     UINT64_C(0x50300),
                                     UINT64_C(0x50301),
                                     UINT64_C(0x5030100),
                                     UINT64_C(0x50302),
                                     UINT64_C(0x5030200),
                                     UINT64_C(0x5030201),
                                     UINT64_C(0x503020100),
                                     UINT64_C(0x504),
                                     UINT64_C(0x50400),
                                     UINT64_C(0x50401),
                                     UINT64_C(0x5040100),
                                     UINT64_C(0x50402),
                                     UINT64_C(0x5040200),
                                     UINT64_C(0x5040201),
                                     UINT64_C(0x504020100),
                                     UINT64_C(0x50403),
                                     UINT64_C(0x5040300),
                                     UINT64_C(0x5040301),
                                     UINT64_C(0x504030100),
                                     UINT64_C(0x5040302),
                                     UINT64_C(0x504030200),
                                     UINT64_C(0x504030201),
                                     UINT64_C(0x50403020100),
                                     UINT64_C(0x6),
                                     UINT64_C(0x600),
                                     UINT64_C(0x601),
                                     UINT64_C(0x60100),
                                     UINT64_C(0x602),
                                     UINT64_C(0x60200),
                                     UINT64_C(0x60201),
                                     UINT64_C(0x6020100),
                                     UINT64_C(0x603),
                                     UINT64_C(0x60300),
                                     UINT64_C(0x60301),
                                     UINT64_C(0x6030100),
                                     UINT64_C(0x60302),
                                     UINT64_C(0x6030200),
                                     UINT64_C(0x6030201),
                                     UINT64_C(0x603020100),
                                     UINT64_C(0x604),
                                     UINT64_C(0x60400),
                                     UINT64_C(0x60401),
                                     UINT64_C(0x6040100),
                                     UINT64_C(0x60402),
                                     UINT64_C(0x6040200),
                                     UINT64_C(0x6040201),
                                     UINT64_C(0x604020100),
                                     UINT64_C(0x60403),
                                     UINT64_C(0x6040300),
                                     UINT64_C(0x6040301),
                                     UINT64_C(0x604030100),
                                     UINT64_C(0x6040302),
                                     UINT64_C(0x604030200),
                                     UINT64_C(0x604030201),
                                     UINT64_C(0x60403020100),
                                     UINT64_C(0x605),
                                     UINT64_C(0x60500),
                                     UINT64_C(0x60501),
                                     UINT64_C(0x6050100),
                                     UINT64_C(0x60502),
                                     UINT64_C(0x6050200),
                                     UINT64_C(0x6050201),
                                     UINT64_C(0x605020100),
                                     UINT64_C(0x60503),
                                     UINT64_C(0x6050300),
                                     UINT64_C(0x6050301),
                                     UINT64_C(0x605030100),
                                     UINT64_C(0x6050302),
                                     UINT64_C(0x605030200),
                                     UINT64_C(0x605030201),
                                     UINT64_C(0x60503020100),
                                     UINT64_C(0x60504),
                                     UINT64_C(0x6050400),
                                     UINT64_C(0x6050401),
                                     UINT64_C(0x605040100),
                                     UINT64_C(0x6050402),
                                     UINT64_C(0x605040200),
                                     UINT64_C(0x605040201),
                                     UINT64_C(0x60504020100),
                                     UINT64_C(0x6050403),
                                     UINT64_C(0x605040300),
                                     UINT64_C(0x605040301),
                                     UINT64_C(0x60504030100),
                                     UINT64_C(0x605040302),
                                     UINT64_C(0x60504030200),
                                     UINT64_C(0x60504030201),
                                     UINT64_C(0x6050403020100),
                                     UINT64_C(0x7),
                                     UINT64_C(0x700),
                                     UINT64_C(0x701),
                                     UINT64_C(0x70100),
                                     UINT64_C(0x702),
                                     UINT64_C(0x70200),
                                     UINT64_C(0x70201),
                                     UINT64_C(0x7020100),
                                     UINT64_C(0x703),
                                     UINT64_C(0x70300),
                                     UINT64_C(0x70301),
                                     UINT64_C(0x7030100),
                                     UINT64_C(0x70302),
                                     UINT64_C(0x7030200),
                                     UINT64_C(0x7030201),
                                     UINT64_C(0x703020100),
                                     UINT64_C(0x704),
                                     UINT64_C(0x70400),
                                     UINT64_C(0x70401),
                                     UINT64_C(0x7040100),
                                     UINT64_C(0x70402),
                                     UINT64_C(0x7040200),
                                     UINT64_C(0x7040201),
                                     UINT64_C(0x704020100),
                                     UINT64_C(0x70403),
                                     UINT64_C(0x7040300),
                                     UINT64_C(0x7040301),
                                     UINT64_C(0x704030100),
                                     UINT64_C(0x7040302),
                                     UINT64_C(0x704030200),
                                     UINT64_C(0x704030201),
                                     UINT64_C(0x70403020100),
                                     UINT64_C(0x705),
                                     UINT64_C(0x70500),
                                     UINT64_C(0x70501),
                                     UINT64_C(0x7050100),
                                     UINT64_C(0x70502),
                                     UINT64_C(0x7050200),
                                     UINT64_C(0x7050201),
                                     UINT64_C(0x705020100),
                                     UINT64_C(0x70503),
                                     UINT64_C(0x7050300),
                                     UINT64_C(0x7050301),
                                     UINT64_C(0x705030100),
                                     UINT64_C(0x7050302),
                                     UINT64_C(0x705030200),
                                     UINT64_C(0x705030201),
                                     UINT64_C(0x70503020100),
                                     UINT64_C(0x70504),
                                     UINT64_C(0x7050400),
                                     UINT64_C(0x7050401),
                                     UINT64_C(0x705040100),
                                     UINT64_C(0x7050402),
                                     UINT64_C(0x705040200),
                                     UINT64_C(0x705040201),
                                     UINT64_C(0x70504020100),
                                     UINT64_C(0x7050403),
                                     UINT64_C(0x705040300),
                                     UINT64_C(0x705040301),
                                     UINT64_C(0x70504030100),
                                     UINT64_C(0x705040302),
                                     UINT64_C(0x70504030200),
                                     UINT64_C(0x70504030201),
                                     UINT64_C(0x7050403020100),
                                     UINT64_C(0x706),
                                     UINT64_C(0x70600),
                                     UINT64_C(0x70601),
                                     UINT64_C(0x7060100),
                                     UINT64_C(0x70602),
                                     UINT64_C(0x7060200),
                                     UINT64_C(0x7060201),
                                     UINT64_C(0x706020100),
                                     UINT64_C(0x70603),
                                     UINT64_C(0x7060300),
                                     UINT64_C(0x7060301),
                                     UINT64_C(0x706030100),
                                     UINT64_C(0x7060302),
                                     UINT64_C(0x706030200),
                                     UINT64_C(0x706030201),
                                     UINT64_C(0x70603020100),
                                     UINT64_C(0x70604),
                                     UINT64_C(0x7060400),
                                     UINT64_C(0x7060401),
                                     UINT64_C(0x706040100),
                                     UINT64_C(0x7060402),
                                     UINT64_C(0x706040200),
                                     UINT64_C(0x706040201),
                                     UINT64_C(0x70604020100),
                                     UINT64_C(0x7060403),
                                     UINT64_C(0x706040300),
                                     UINT64_C(0x706040301),
                                     UINT64_C(0x70604030100),
                                     UINT64_C(0x706040302),
                                     UINT64_C(0x70604030200),
                                     UINT64_C(0x70604030201),
                                     UINT64_C(0x7060403020100),
                                     UINT64_C(0x70605),
                                     UINT64_C(0x7060500),
                                     UINT64_C(0x7060501),
                                     UINT64_C(0x706050100),
                                     UINT64_C(0x7060502),
                                     UINT64_C(0x706050200),
                                     UINT64_C(0x706050201),
                                     UINT64_C(0x70605020100),
                                     UINT64_C(0x7060503),
                                     UINT64_C(0x706050300),
                                     UINT64_C(0x706050301),
                                     UINT64_C(0x70605030100),
                                     UINT64_C(0x706050302),
                                     UINT64_C(0x70605030200),
                                     UINT64_C(0x70605030201),
                                     UINT64_C(0x7060503020100),
                                     UINT64_C(0x7060504),
                                     UINT64_C(0x706050400),
                                     UINT64_C(0x706050401),
                                     UINT64_C(0x70605040100),
                                     UINT64_C(0x706050402),
                                     UINT64_C(0x70605040200),
                                     UINT64_C(0x70605040201),
                                     UINT64_C(0x7060504020100),
                                     UINT64_C(0x706050403),
                                     UINT64_C(0x70605040300),
                                     UINT64_C(0x70605040301),
                                     UINT64_C(0x7060504030100),
                                     UINT64_C(0x70605040302),
                                     UINT64_C(0x7060504030200),
                                     UINT64_C(0x7060504030201),
                                     UINT64_C(0x706050403020100)};

/* Appends the rows of the mask, of 8 rows from row `first` on. */
AVX2 static inline uint32_t append(uint32_t *sel, uint32_t k, uint32_t first, unsigned mask) {
    __m256i at = _mm256_cvtepu8_epi32(_mm_cvtsi64_si128((long long)places[mask]));

    at = _mm256_add_epi32(at, _mm256_set1_epi32((int)first));
    _mm256_storeu_si256((__m256i *)(void *)(sel + k), at);
    return k + (uint32_t)__builtin_popcount(mask);
}

AVX2 static uint32_t i32_avx2(const struct tarn_rows *r, const int32_t *a, int32_t lo, int32_t hi,
                              int outside) {
    const __m256i low = _mm256_set1_epi32(lo), high = _mm256_set1_epi32(hi);
    unsigned flip = outside ? 0 : 0xff;
    uint32_t i = 0, k = 0;

    for (; i + 8 <= r->n; i += 8) {
        __m256i v = _mm256_loadu_si256((const __m256i *)(const void *)(a + i));
        __m256i out = _mm256_or_si256(_mm256_cmpgt_epi32(low, v), _mm256_cmpgt_epi32(v, high));
        unsigned mask = (unsigned)_mm256_movemask_ps(_mm256_castsi256_ps(out)) ^ flip;
        k = append(r->sel, k, r->first + i, mask);
    }
    return rest_i32(r, a, lo, hi, outside, i, k);
}

AVX2 static inline unsigned beyond(const int64_t *a, __m256i low, __m256i high) {
    __m256i v = _mm256_loadu_si256((const __m256i *)(const void *)a);
    __m256i out = _mm256_or_si256(_mm256_cmpgt_epi64(low, v), _mm256_cmpgt_epi64(v, high));

    return (unsigned)_mm256_movemask_pd(_mm256_castsi256_pd(out));
}

AVX2 static uint32_t i64_avx2(const struct tarn_rows *r, const int64_t *a, int64_t lo, int64_t hi,
                              int outside) {
    const __m256i low = _mm256_set1_epi64x(lo), high = _mm256_set1_epi64x(hi);
    unsigned flip = outside ? 0 : 0xff;
    uint32_t i = 0, k = 0;

    for (; i + 8 <= r->n; i += 8) {
        unsigned mask = beyond(a + i, low, high) | beyond(a + i + 4, low, high) << 4;
        k = append(r->sel, k, r->first + i, mask ^ flip);
    }
    return rest_i64(r, a, lo, hi, outside, i, k);
}

#define REALS(TEST)                                                                \
    for (; i + 8 <= r->n; i += 8) {                                                \
        __m256d x = _mm256_loadu_pd(a + i), y = _mm256_loadu_pd(a + i + 4);        \
        unsigned lower = (unsigned)_mm256_movemask_pd(_mm256_cmp_pd(x, to, TEST)); \
        unsigned upper = (unsigned)_mm256_movemask_pd(_mm256_cmp_pd(y, to, TEST)); \
        k = append(r->sel, k, r->first + i, lower | upper << 4);                   \
    }                                                                              \
    break

AVX2 static uint32_t f64_avx2(const struct tarn_rows *r, const double *a, double c,
                              enum tarn_real_test test) {
    const __m256d to = _mm256_set1_pd(c);
    uint32_t i = 0, k = 0;

    switch (test) {
    case TARN_REAL_EQ: REALS(_CMP_EQ_OQ);
    case TARN_REAL_NE: REALS(_CMP_NEQ_OQ);
    case TARN_REAL_LT: REALS(_CMP_LT_OQ);
    case TARN_REAL_LE: REALS(_CMP_LE_OQ);
    case TARN_REAL_GT: REALS(_CMP_GT_OQ);
    case TARN_REAL_GE: REALS(_CMP_GE_OQ);
    }
    return rest_f64(r, a, c, test, i, k);
}

AVX2 static uint32_t bytes_avx2(const struct tarn_rows *r, const uint8_t *a, int want) {
    unsigned flip = want ? 0xffffffff : 0;
    uint32_t i = 0, k = 0;

    for (; i + 32 <= r->n; i += 32) {
        __m256i v = _mm256_loadu_si256((const __m256i *)(const void *)(a + i));
        __m256i zero = _mm256_cmpeq_epi8(v, _mm256_setzero_si256());
        unsigned mask = (unsigned)_mm256_movemask_epi8(zero) ^ flip;
        for (unsigned b = 0; b < 32; b += 8)
            k = append(r->sel, k, r->first + i + b, mask >> b & 0xff);
    }
    return rest_bytes(r, a, want, i, k);
}

#define FAST(call) \
    if (__builtin_cpu_supports("avx2")) return call
#else
#define FAST(call)
#endif

uint32_t tarn_select_i32(const struct tarn_rows *r, const int32_t *a, int32_t lo, int32_t hi,
                         int outside) {
    FAST(i32_avx2(r, a, lo, hi, outside));
    return tarn_select_i32_plain(r, a, lo, hi, outside);
}

uint32_t tarn_select_i64(const struct tarn_rows *r, const int64_t *a, int64_t lo, int64_t hi,
                         int outside) {
    FAST(i64_avx2(r, a, lo, hi, outside));
    return tarn_select_i64_plain(r, a, lo, hi, outside);
}

uint32_t tarn_select_f64(const struct tarn_rows *r, const double *a, double c,
                         enum tarn_real_test test) {
    FAST(f64_avx2(r, a, c, test));
    return tarn_select_f64_plain(r, a, c, test);
}

uint32_t tarn_select_bytes(const struct tarn_rows *r, const uint8_t *a, int want) {
    FAST(bytes_avx2(r, a, want));
    return tarn_select_bytes_plain(r, a, want);
}
