/* stats_write.h: the order of a column's values, their least and greatest, and how they are stored.
**
** Bounds are exact and borrow the bytes they point to. Stats are what is written: copies, cut to
** TARN_STATS_MAX bytes, that say whether they are exact.
*/
#ifndef TARN_STATS_WRITE_H
#define TARN_STATS_WRITE_H

#include "format.h"
#include "thrift_write.h"

#define TARN_STATS_MAX 64 /* longest min or max written */

enum tarn_order {
    TARN_ORDER_NONE, /* undefined: no min and max */
    TARN_ORDER_BOOL,
    TARN_ORDER_I32,
    TARN_ORDER_U32,
    TARN_ORDER_I64,
    TARN_ORDER_U64,
    TARN_ORDER_F32,
    TARN_ORDER_F64,
    TARN_ORDER_BYTES,  /* unsigned, byte by byte */
    TARN_ORDER_DECIMAL /* big-endian two's complement */
};

enum tarn_order tarn_order_of(enum tarn_physical physical, const struct tarn_logical_type *logical);
int tarn_order_is_bytes(enum tarn_order order);
/* <0, 0, >0 for two values as PLAIN encodes them (bytes bare, booleans as one byte). NaN comes
** after every number and equals NaN. */
int tarn_order_compare(enum tarn_order order, const uint8_t *a, size_t na, const uint8_t *b,
                       size_t nb);

struct tarn_bounds {
    int has;                    /* at least one value that counts (not NaN) */
    int nan;                    /* a NaN was met */
    uint64_t lo, hi;            /* numbers: their bits */
    struct tarn_slice min, max; /* bytes; borrowed */
};

void tarn_bounds_init(struct tarn_bounds *b);
/* n numbers, PLAIN (booleans one byte each). */
void tarn_bounds_add_numbers(struct tarn_bounds *b, enum tarn_order order, const uint8_t *p,
                             size_t n);
void tarn_bounds_add_bytes(struct tarn_bounds *b, enum tarn_order order, const uint8_t *p,
                           size_t n);
void tarn_bounds_merge(struct tarn_bounds *b, enum tarn_order order, const struct tarn_bounds *o);

struct tarn_stats {
    int64_t nulls;
    int64_t distinct; /* -1 = unknown */
    uint8_t has_min, has_max;
    uint8_t min_exact, max_exact;
    uint8_t min_len, max_len;
    uint8_t min[TARN_STATS_MAX], max[TARN_STATS_MAX];
};

/* Sets min and max (nulls and distinct are the caller's). `text`: cut at characters of UTF-8. Where
** a NaN was met there is no max: engines that sort NaN above all numbers (DuckDB, Spark) would
** otherwise prune it away. */
void tarn_stats_set(struct tarn_stats *s, const struct tarn_bounds *b, enum tarn_order order,
                    int text);
/* A struct Statistics as field `id`. */
void tarn_stats_write(struct tarn_tw *t, int16_t id, const struct tarn_stats *s);

/* Length of the longest prefix of at most TARN_STATS_MAX bytes that is a lower bound (and whole
** characters, for text that is UTF-8). */
size_t tarn_stats_cut_min(const uint8_t *p, size_t n, int text);
/* An upper bound of at most TARN_STATS_MAX bytes for a value longer than that; its length, or 0
** when there is none. */
size_t tarn_stats_cut_max(const uint8_t *p, size_t n, int text, uint8_t out[TARN_STATS_MAX]);

#endif
