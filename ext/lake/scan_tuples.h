/* scan_tuples.h: the distinct rows of a few columns, and how often each came.
**
** Every column has its values once, by number; a tuple is a row of such numbers. Only memory can
** fail here. `bytes` is what it all takes, so that the caller can keep a budget.
*/
#ifndef TARN_SCAN_TUPLES_H
#define TARN_SCAN_TUPLES_H

#include "arena.h"
#include "scan.h"

#define TARN_TUPLE_WIDTH 16

struct tarn_tuple_column {
    struct tarn_scanned *values; /* by number */
    uint64_t *hashes;
    uint32_t n, cap;
    uint32_t *slots; /* number + 1, by hash */
    uint32_t n_slots;
};

struct tarn_tuples {
    int width;
    struct tarn_tuple_column columns[TARN_TUPLE_WIDTH];
    uint32_t *ids; /* `width` numbers per tuple */
    uint64_t *counts;
    uint32_t n, cap;
    uint32_t *slots;
    uint32_t n_slots;
    struct tarn_arena texts;
    size_t bytes;
};

void tarn_tuples_init(struct tarn_tuples *t, int width);
void tarn_tuples_release(struct tarn_tuples *t);
/* The number of a value of a column, which is copied when it is new. */
int tarn_tuples_value(struct tarn_tuples *t, int column, const struct tarn_scanned *v,
                      uint32_t *id);
/* The tuple of `width` numbers; added with count 0 when it is new and `add`, else UINT32_MAX. */
int tarn_tuples_find(struct tarn_tuples *t, const uint32_t *ids, int add, uint32_t *at);
/* As SQL orders values: NULL, numbers, text by bytes. */
int tarn_value_compare(const struct tarn_scanned *a, const struct tarn_scanned *b);
/* Numbers of all tuples in order, sign[c] < 0 = column c descending: owned (tarn_free); NULL when
** there is no memory. */
uint32_t *tarn_tuples_order(const struct tarn_tuples *t, const signed char *sign);

#endif
