/* cdc_random.h: random values of rows, of all classes and edges; and what tests of them share. */
#ifndef TARN_TESTS_CDC_RANDOM_H
#define TARN_TESTS_CDC_RANDOM_H

#include <stdint.h>

#include "arena.h"
#include "value.h"

/* The same numbers in each run of the same seed. */
struct cdc_random {
    uint64_t state;
};

uint64_t cdc_rnd(struct cdc_random *r, uint64_t below);
/* A value of a random class; its bytes lie in the arena. Doubles are of any bits but a NaN's. */
struct tarn_value cdc_value(struct cdc_random *r, struct tarn_arena *a);
struct tarn_value cdc_integer(int64_t v);
struct tarn_value cdc_real(double v);
struct tarn_value cdc_text(const char *s, size_t n);
struct tarn_value cdc_blob(const char *s, size_t n);
#define CDC_TEXT(s) cdc_text(s, sizeof(s) - 1)
#define CDC_SLICE(s) ((struct tarn_slice){(const uint8_t *)(s), sizeof(s) - 1})

#endif
