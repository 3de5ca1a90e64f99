/* stats_read.h: statistics from untrusted bytes: what may be used for pruning, and what is dropped.
**
** A bound survives only when its length fits the physical type, its order is defined and known,
** neither bound is NaN and min <= max. Floating-point zeros are widened to -0.0 .. +0.0. Whatever
** fails costs pruning, never the file.
*/
#ifndef TARN_STATS_READ_H
#define TARN_STATS_READ_H

#include "arena.h"
#include "footer.h"
#include "thrift_read.h"

struct tarn_raw_stats { /* as they stand in the file; slices of the input */
    struct tarn_slice legacy_min, legacy_max, min, max; /* data NULL = absent */
    int64_t nulls, distinct;                            /* -1 = absent */
    int min_exact, max_exact;                           /* -1 = absent */
};

/* The fields of a Statistics struct; errors are the thrift reader's. */
void tarn_raw_stats_read(struct tarn_thrift *t, struct tarn_raw_stats *out);
/* 1 when the values of the column have one order that bytes or numbers give, and `<` is it. */
int tarn_stats_ordered(const struct tarn_pq_column *c);
/* 1 when min_value and max_value need no column_orders: numbers that are not unsigned. */
int tarn_stats_one_order(const struct tarn_pq_column *c);
/* 0 when the writer is one that is known to have compared decimals in bytes wrongly. */
int tarn_stats_decimal_order(const struct tarn_pq_column *c, const char *created_by);
/* Order of two PLAIN values that have the right length: <0, 0, >0. */
int tarn_stats_compare(const struct tarn_pq_column *c, struct tarn_slice a, struct tarn_slice b);
/* Sets out's bounds from min and max, if they pass the checks above. `cut` allows FIXED bounds that
** are shorter than the type. A NULL slice is an absent bound. */
void tarn_stats_bounds(const struct tarn_pq_column *c, struct tarn_slice min, struct tarn_slice max,
                       int cut, struct tarn_pq_stats *out);
/* `order_known`: what min_value and max_value are sorted by is known (else they are not used). */
void tarn_stats_from_raw(const struct tarn_pq_column *c, const struct tarn_raw_stats *raw,
                         int order_known, int64_t values, struct tarn_pq_stats *out);

#endif
