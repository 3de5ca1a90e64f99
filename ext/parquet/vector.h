/* vector.h: a batch of values of one column, as decoded: arrays, not cells.
**
** `n` values; row i is NULL when valid != NULL and valid[i] == 0 (the value there is zero). The
** kind follows the physical type, widened for nobody:
**   BOOLEAN -> u8, INT32 -> i32, INT64 -> i64, FLOAT -> f32, DOUBLE -> f64,
**   BYTE_ARRAY, FIXED, INT96 -> bytes.
** A dictionary-encoded column keeps codes: when `codes` is set, the value of row i is entry
** codes[i] (< dict_n) of the same-typed array `dict`, and the plain array is NULL. Use
** tarn_vector_bytes / _i64 … to read either way.
** Memory belongs to the batch that the vector came in.
*/
#ifndef TARN_VECTOR_H
#define TARN_VECTOR_H

#include "format.h"

union tarn_values {
    const void *any;
    const uint8_t *u8;
    const int32_t *i32;
    const int64_t *i64;
    const float *f32;
    const double *f64;
    const struct tarn_slice *bytes;
};

struct tarn_vector {
    enum tarn_physical physical;
    uint32_t n;
    const uint8_t *valid;     /* NULL = no NULLs; one byte per row */
    const uint32_t *codes;    /* NULL = plain */
    union tarn_values values; /* n of them when plain; dict_n entries when codes != NULL */
    uint32_t dict_n;
};

static inline int tarn_vector_null(const struct tarn_vector *v, uint32_t i) {
    return v->valid && !v->valid[i];
}
static inline uint32_t tarn_vector_at(const struct tarn_vector *v, uint32_t i) {
    return v->codes ? v->codes[i] : i;
}

#endif
