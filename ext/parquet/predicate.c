/* predicate.c: what statistics prove. Rows are predicate_filter.c's.
**
** A bound says "no value is beyond this", exact or not, so every rule below uses it in that
** direction only. A dictionary or bloom filter answers elsewhere; here are numbers and bytes.
*/
#include "predicate.h"

#include <math.h>
#include <string.h>

#include "byte_order.h"
#include "predicate_eval.h"
#include "stats_read.h"

int tarn_pred_unsigned(const struct tarn_pq_column *col) {
    return col->logical.kind == TARN_LOGICAL_INTEGER && !col->logical.is_signed;
}

static int bytes_compare(enum tarn_byte_order order, struct tarn_slice a, struct tarn_slice b) {
    return tarn_byte_comparison(order)(&a, &b);
}

/* The order of a bound and a constant: <0, 0, >0. */
static int compare(const struct tarn_pq_column *col, struct tarn_slice bound,
                   const struct tarn_const *c) {
    int64_t i = 0, k = c->i;
    double r = 0;
    float f = 0;
    int32_t i32 = 0;
    switch (col->physical) {
    case TARN_BOOLEAN: i = bound.data[0] != 0; break;
    case TARN_INT32:
        memcpy(&i32, bound.data, 4);
        i = tarn_pred_unsigned(col) ? (int64_t)(uint32_t)i32 : i32;
        break;
    case TARN_INT64:
        memcpy(&i, bound.data, 8);
        if (tarn_pred_unsigned(col)) {
            uint64_t a = (uint64_t)i, b = (uint64_t)k;
            return (a > b) - (a < b);
        }
        break;
    case TARN_FLOAT:
        memcpy(&f, bound.data, 4);
        r = (double)f;
        return (r > c->r) - (r < c->r);
    case TARN_DOUBLE: memcpy(&r, bound.data, 8); return (r > c->r) - (r < c->r);
    default: return bytes_compare(tarn_byte_order(col), bound, c->bytes);
    }
    return (i > k) - (i < k);
}

enum tarn_const_kind tarn_pred_kind(const struct tarn_pq_column *col) {
    switch (col->physical) {
    case TARN_BOOLEAN:
    case TARN_INT32:
    case TARN_INT64: return TARN_CONST_INT;
    case TARN_FLOAT:
    case TARN_DOUBLE: return TARN_CONST_REAL;
    default: return TARN_CONST_BYTES;
    }
}

uint32_t tarn_pred_count(const struct tarn_predicate *p) {
    if (p->op == TARN_OP_IS_NULL || p->op == TARN_OP_NOT_NULL) return 0;
    return p->op == TARN_OP_IN ? p->n : 1;
}

/* 1 when the bounds leave no room for a value equal to c. */
static int misses(const struct tarn_pq_column *col, const struct tarn_pq_stats *s,
                  const struct tarn_const *c) {
    return (s->has_min && compare(col, s->min, c) > 0) ||
           (s->has_max && compare(col, s->max, c) < 0);
}

static int misses_prefix(const struct tarn_pq_stats *s, struct tarn_slice prefix) {
    struct tarn_slice head = s->min;
    if (s->has_max && bytes_compare(TARN_BYTES_PLAIN, s->max, prefix) < 0) return 1;
    if (head.len > prefix.len) head.len = prefix.len;
    return s->has_min && bytes_compare(TARN_BYTES_PLAIN, head, prefix) > 0;
}

/* 1 when no value satisfies `value op c`, whatever the statistics: c is NaN, or of another kind. */
static int hopeless(const struct tarn_pq_column *col, const struct tarn_const *c) {
    return tarn_pred_kind(col) == TARN_CONST_REAL && isnan(c->r);
}

int tarn_pred_excludes(const struct tarn_predicate *p, const struct tarn_pq_column *col,
                       const struct tarn_pq_stats *s, int64_t rows) {
    const struct tarn_const *c = p->constants;
    if (rows == 0) return 1;
    if (p->op == TARN_OP_IS_NULL)
        return (s->has_nulls && s->nulls == 0 && !col->null_parents) || col->max_def == 0;
    if (s->has_nulls && s->nulls >= rows) return 1;
    if (p->op == TARN_OP_NOT_NULL) return 0;
    for (uint32_t i = 0; i < tarn_pred_count(p); i++)
        if (c[i].kind != tarn_pred_kind(col)) return 0;
    if (p->op == TARN_OP_IN) {
        for (uint32_t i = 0; i < p->n; i++)
            if (!hopeless(col, &c[i]) && !misses(col, s, &c[i])) return 0;
        return 1;
    }
    if (hopeless(col, c)) return 1;
    switch (p->op) {
    case TARN_OP_EQ: return misses(col, s, c);
    case TARN_OP_NE:
        return s->has_min && s->has_max && compare(col, s->min, c) == 0 &&
               compare(col, s->max, c) == 0;
    case TARN_OP_LT: return s->has_min && compare(col, s->min, c) >= 0;
    case TARN_OP_LE: return s->has_min && compare(col, s->min, c) > 0;
    case TARN_OP_GT: return s->has_max && compare(col, s->max, c) <= 0;
    case TARN_OP_GE: return s->has_max && compare(col, s->max, c) < 0;
    case TARN_OP_PREFIX: return misses_prefix(s, c->bytes);
    default: return 0;
    }
}
