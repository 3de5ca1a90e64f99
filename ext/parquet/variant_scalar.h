/* variant_scalar.h: scalars of binary variants; called by variant.c only. */
#ifndef TARN_VARIANT_SCALAR_H
#define TARN_VARIANT_SCALAR_H

#include "variant.h"

enum tarn_variant_basic { /* the two low bits of a value's header */
                          TARN_VARIANT_PRIMITIVE = 0,
                          TARN_VARIANT_SHORT_STRING = 1,
                          TARN_VARIANT_OBJECT = 2,
                          TARN_VARIANT_ARRAY = 3
};

/* The scalar at the beginning of `s` (not empty); *used = the bytes it takes. */
int tarn_variant_scalar(struct tarn_buf *b, struct tarn_slice s, size_t *used, const char **why);

#endif
