/* select.h: which of a run of rows match, as row numbers: the inner loops of predicate_filter.c.
**
** Rows are first .. first + n - 1, their values a[0 .. n); the numbers of those that match are written
** to sel, which has room for n, in rising order; how many is returned. `outside`: those that are not
** in the range. Each has a plain form, and one for AVX2 that is taken where the processor has it.
*/
#ifndef TARN_SELECT_H
#define TARN_SELECT_H

#include <stdint.h>

struct tarn_rows {
    uint32_t first, n;
    uint32_t *sel;
};

enum tarn_real_test {
    TARN_REAL_EQ,
    TARN_REAL_NE,
    TARN_REAL_LT,
    TARN_REAL_LE,
    TARN_REAL_GT,
    TARN_REAL_GE
};

uint32_t tarn_select_i32(const struct tarn_rows *r, const int32_t *a, int32_t lo, int32_t hi,
                         int outside);
uint32_t tarn_select_i64(const struct tarn_rows *r, const int64_t *a, int64_t lo, int64_t hi,
                         int outside);
/* NaN matches nothing. */
uint32_t tarn_select_f64(const struct tarn_rows *r, const double *a, double c,
                         enum tarn_real_test test);
/* Bytes that are 0 (want 0), or not (want 1). */
uint32_t tarn_select_bytes(const struct tarn_rows *r, const uint8_t *a, int want);

/* The plain forms, for tests. */
uint32_t tarn_select_i32_plain(const struct tarn_rows *r, const int32_t *a, int32_t lo, int32_t hi,
                               int outside);
uint32_t tarn_select_i64_plain(const struct tarn_rows *r, const int64_t *a, int64_t lo, int64_t hi,
                               int outside);
uint32_t tarn_select_f64_plain(const struct tarn_rows *r, const double *a, double c,
                               enum tarn_real_test test);
uint32_t tarn_select_bytes_plain(const struct tarn_rows *r, const uint8_t *a, int want);

#endif
