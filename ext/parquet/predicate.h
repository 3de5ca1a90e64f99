/* predicate.h: simple conditions on one column, and where they can be decided without rows.
**
** A predicate compares a column with constants of the column's own kind: INTEGER for BOOLEAN,
** INT32, INT64 (unsigned logical types are compared as unsigned), REAL for FLOAT and DOUBLE, BYTES
** (in the order of byte_order.h) for the rest. NULL rows satisfy IS_NULL only. Whoever builds predicates converts
** the constants; one that can't be expressed is not pushed down. NaN rows never satisfy a
** comparison.
*/
#ifndef TARN_PREDICATE_H
#define TARN_PREDICATE_H

#include "footer.h"
#include "vector.h"

enum tarn_pred_op {
    TARN_OP_EQ,
    TARN_OP_NE,
    TARN_OP_LT,
    TARN_OP_LE,
    TARN_OP_GT,
    TARN_OP_GE,
    TARN_OP_IN, /* constants[0..n) in any order, without duplicates */
    TARN_OP_IS_NULL,
    TARN_OP_NOT_NULL,
    TARN_OP_PREFIX /* bytes only: begins with constants[0] */
};

enum tarn_const_kind { TARN_CONST_INT, TARN_CONST_REAL, TARN_CONST_BYTES };

struct tarn_const {
    enum tarn_const_kind kind;
    int64_t i;
    double r;
    struct tarn_slice bytes;
};

struct tarn_predicate {
    int column;
    enum tarn_pred_op op;
    const struct tarn_const *constants; /* one, or n for IN; borrowed */
    uint32_t n;
};

/* 1 when statistics prove that no row of the `rows` can satisfy p; 0 = may be. */
int tarn_pred_excludes(const struct tarn_predicate *p, const struct tarn_pq_column *col,
                       const struct tarn_pq_stats *s, int64_t rows);
/* Narrows a selection: sel[0..n) are row numbers of the vector, increasing; those that satisfy p
** are moved to the front; returns how many. A dictionary is decided once per entry, not per row. */
uint32_t tarn_pred_filter(const struct tarn_predicate *p, const struct tarn_pq_column *col,
                          const struct tarn_vector *v, uint32_t *sel, uint32_t n);

/* For callers that filter many batches by one dictionary: match[i] = 1 when entry i of v's
** dictionary satisfies p (v->codes set, or v plain: then its n values), and the filter by it. */
void tarn_pred_match(const struct tarn_predicate *p, const struct tarn_pq_column *col,
                     const struct tarn_vector *v, uint8_t *match);
uint32_t tarn_pred_filter_match(const uint8_t *match, const struct tarn_vector *v, uint32_t *sel,
                                uint32_t n);

#endif
