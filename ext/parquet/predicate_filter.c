/* predicate_filter.c: which rows of a vector satisfy a predicate.
**
** Comparisons of numbers become one closed interval [lo, hi] (NE: outside of [c, c]), so that every
** operator runs the same loop, without branches on the data: write the row number, advance if it
** matched. IN with many constants sorts them once and bisects. Dictionary entries are decided
** first, then rows look theirs up. NULLs leave the selection before anything else. While the selection
** is a run of rows, as it is for the first predicate, select.c compares several at once.
*/
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "byte_order.h"
#include "mem.h"
#include "predicate_eval.h"
#include "select.h"

#define FEW 8 /* IN lists up to this long are compared one by one */

/* Rows are numbered in rising order: are they all that lie between the first and the last one? */
static int is_run(const uint32_t *sel, uint32_t n) {
    return n > 0 && sel[n - 1] - sel[0] == n - 1;
}

static uint32_t drop_nulls(const struct tarn_vector *v, uint32_t *sel, uint32_t n, int keep_null) {
    struct tarn_rows rows = {n ? sel[0] : 0, n, sel};
    uint32_t k = 0;
    if (!v->valid) return keep_null ? 0 : n;
    if (is_run(sel, n)) return tarn_select_bytes(&rows, v->valid + rows.first, !keep_null);
    for (uint32_t i = 0; i < n; i++) {
        uint32_t row = sel[i];
        sel[k] = row;
        k += (v->valid[row] == 0) == keep_null;
    }
    return k;
}

/* The loop of all: TEST sees `row`. */
#define KEEP_IF(TEST)                      \
    do {                                   \
        uint32_t k = 0;                    \
        for (uint32_t i = 0; i < n; i++) { \
            uint32_t row = sel[i];         \
            sel[k] = row;                  \
            k += (uint32_t)(TEST);         \
        }                                  \
        return k;                          \
    } while (0)

struct int_range { /* in the order-preserving signed form: unsigned 64-bit values are flipped */
    int64_t lo, hi;
    int empty, outside;
};

#define FLIP(v, yes) ((yes) ? (int64_t)((uint64_t)(v) ^ (UINT64_C(1) << 63)) : (int64_t)(v))

static struct int_range int_range(const struct tarn_predicate *p, int flip) {
    struct int_range r = {INT64_MIN, INT64_MAX, 0, 0};
    int64_t c = FLIP(p->constants[0].i, flip);
    switch (p->op) {
    case TARN_OP_NE:
        r.outside = 1;
        r.lo = r.hi = c;
        break;
    case TARN_OP_LT:
        r.empty = c == INT64_MIN;
        r.hi = r.empty ? c : c - 1;
        break;
    case TARN_OP_LE: r.hi = c; break;
    case TARN_OP_GT:
        r.empty = c == INT64_MAX;
        r.lo = r.empty ? c : c + 1;
        break;
    case TARN_OP_GE: r.lo = c; break;
    default: r.lo = r.hi = c;
    }
    return r;
}

static int compare_i64(const void *a, const void *b) {
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static int in_sorted(const int64_t *list, uint32_t n, int64_t v) {
    uint32_t lo = 0;
    while (n > 0) {
        uint32_t half = n / 2;
        if (list[lo + half] < v) {
            lo += half + 1;
            n -= half + 1;
        } else {
            if (list[lo + half] == v) return 1;
            n = half;
        }
    }
    return 0;
}

static int in_consts(const struct tarn_const *c, uint32_t n, int64_t v) {
    for (uint32_t i = 0; i < n; i++)
        if (c[i].i == v) return 1;
    return 0;
}

static inline int64_t int_at(const struct tarn_vector *v, uint32_t row, int is_unsigned) {
    if (v->physical == TARN_INT64) return v->values.i64[row];
    if (v->physical == TARN_BOOLEAN) return v->values.u8[row];
    return is_unsigned ? (int64_t)(uint32_t)v->values.i32[row] : v->values.i32[row];
}

static uint32_t filter_int_in(const struct tarn_predicate *p, const struct tarn_vector *v, int uns,
                              uint32_t *sel, uint32_t n) {
    int64_t *sorted = p->n > FEW ? tarn_reallocarray(NULL, p->n, sizeof *sorted) : NULL;
    uint32_t kept = 0;
    for (uint32_t i = 0; sorted && i < p->n; i++)
        sorted[i] = p->constants[i].i;
    if (sorted) qsort(sorted, p->n, sizeof *sorted, compare_i64);
    for (uint32_t i = 0; i < n; i++) {
        int64_t x = int_at(v, sel[i], uns);
        uint32_t row = sel[i];
        sel[kept] = row;
        kept += (uint32_t)(sorted ? in_sorted(sorted, p->n, x) : in_consts(p->constants, p->n, x));
    }
    tarn_free(sorted);
    return kept;
}

static uint32_t filter_int(const struct tarn_predicate *p, const struct tarn_pq_column *col,
                           const struct tarn_vector *v, uint32_t *sel, uint32_t n) {
    int uns = tarn_pred_unsigned(col), flip = uns && v->physical == TARN_INT64;
    struct int_range r;
    int64_t lo = 0, hi = 0;
    int out = 0;
    if (p->op == TARN_OP_IN) return filter_int_in(p, v, uns, sel, n);
    r = int_range(p, flip);
    lo = r.lo;
    hi = r.hi;
    out = r.outside;
    if (r.empty) return 0;
    if (is_run(sel, n)) {
        struct tarn_rows rows = {sel[0], n, sel};
        if (v->physical == TARN_INT64 && !flip)
            return tarn_select_i64(&rows, v->values.i64 + sel[0], lo, hi, out);
        if (v->physical == TARN_INT32 && !uns && lo <= INT32_MAX && hi >= INT32_MIN)
            return tarn_select_i32(&rows, v->values.i32 + sel[0],
                                   lo < INT32_MIN ? INT32_MIN : (int32_t)lo,
                                   hi > INT32_MAX ? INT32_MAX : (int32_t)hi, out);
    }
    if (v->physical == TARN_BOOLEAN) {
        const uint8_t *a = v->values.u8;
        KEEP_IF(((int)(a[row] >= lo) & (int)(a[row] <= hi)) ^ out);
    }
    if (v->physical == TARN_INT32 && uns) {
        const uint32_t *a = v->values.any;
        KEEP_IF(((int)((int64_t)a[row] >= lo) & (int)((int64_t)a[row] <= hi)) ^ out);
    }
    if (v->physical == TARN_INT32) {
        const int32_t *a = v->values.i32;
        KEEP_IF(((int)(a[row] >= lo) & (int)(a[row] <= hi)) ^ out);
    }
    if (flip) {
        const int64_t *a = v->values.i64;
        KEEP_IF(((int)(FLIP(a[row], 1) >= lo) & (int)(FLIP(a[row], 1) <= hi)) ^ out);
    }
    {
        const int64_t *a = v->values.i64;
        KEEP_IF(((int)(a[row] >= lo) & (int)(a[row] <= hi)) ^ out);
    }
}

static int real_in(const struct tarn_predicate *p, double x) {
    for (uint32_t i = 0; i < p->n; i++)
        if (p->constants[i].r == x) return 1;
    return 0;
}

static inline double real_at(const struct tarn_vector *v, uint32_t row) {
    return v->physical == TARN_FLOAT ? (double)v->values.f32[row] : v->values.f64[row];
}

static enum tarn_real_test real_test(enum tarn_pred_op op) {
    switch (op) {
    case TARN_OP_NE: return TARN_REAL_NE;
    case TARN_OP_LT: return TARN_REAL_LT;
    case TARN_OP_LE: return TARN_REAL_LE;
    case TARN_OP_GT: return TARN_REAL_GT;
    case TARN_OP_GE: return TARN_REAL_GE;
    default: return TARN_REAL_EQ;
    }
}

/* Comparisons with NaN are false on either side; NE is written so that they are there too. */
static uint32_t filter_real(const struct tarn_predicate *p, const struct tarn_vector *v,
                            uint32_t *sel, uint32_t n) {
    double c = p->constants[0].r;
    if (v->physical == TARN_DOUBLE && p->op <= TARN_OP_GE && is_run(sel, n)) {
        struct tarn_rows rows = {sel[0], n, sel};
        return tarn_select_f64(&rows, v->values.f64 + sel[0], c, real_test(p->op));
    }
    switch (p->op) {
    case TARN_OP_EQ: KEEP_IF(real_at(v, row) == c);
    case TARN_OP_NE: KEEP_IF(real_at(v, row) < c || real_at(v, row) > c);
    case TARN_OP_LT: KEEP_IF(real_at(v, row) < c);
    case TARN_OP_LE: KEEP_IF(real_at(v, row) <= c);
    case TARN_OP_GT: KEEP_IF(real_at(v, row) > c);
    case TARN_OP_GE: KEEP_IF(real_at(v, row) >= c);
    default: KEEP_IF(real_in(p, real_at(v, row)));
    }
}

static inline int bytes_equal(const struct tarn_slice *a, const struct tarn_slice *b) {
    return a->len == b->len && (a->len == 0 || memcmp(a->data, b->data, a->len) == 0);
}

static int bytes_in(const struct tarn_predicate *p, const struct tarn_slice *sorted,
                    tarn_byte_compare compare, const struct tarn_slice *x) {
    if (sorted) return bsearch(x, sorted, p->n, sizeof *sorted, compare) != NULL;
    for (uint32_t i = 0; i < p->n; i++)
        if (compare(&p->constants[i].bytes, x) == 0) return 1;
    return 0;
}

static uint32_t filter_bytes_in(const struct tarn_predicate *p, const struct tarn_slice *a,
                                tarn_byte_compare compare, uint32_t *sel, uint32_t n) {
    struct tarn_slice *sorted = p->n > FEW ? tarn_reallocarray(NULL, p->n, sizeof *sorted) : NULL;
    uint32_t kept = 0;
    for (uint32_t i = 0; sorted && i < p->n; i++)
        sorted[i] = p->constants[i].bytes;
    if (sorted) qsort(sorted, p->n, sizeof *sorted, compare);
    for (uint32_t i = 0; i < n; i++) {
        uint32_t row = sel[i];
        sel[kept] = row;
        kept += (uint32_t)bytes_in(p, sorted, compare, &a[row]);
    }
    tarn_free(sorted);
    return kept;
}

static uint32_t filter_bytes(const struct tarn_predicate *p, const struct tarn_pq_column *col,
                             const struct tarn_vector *v, uint32_t *sel, uint32_t n) {
    const struct tarn_slice *a = v->values.bytes;
    const struct tarn_slice c = p->constants[0].bytes;
    enum tarn_byte_order order = tarn_byte_order(col);
    tarn_byte_compare compare = tarn_byte_comparison(order);
    int plain = order == TARN_BYTES_PLAIN;
    switch (p->op) {
    case TARN_OP_EQ:
        if (plain) KEEP_IF(bytes_equal(&a[row], &c));
        KEEP_IF(compare(&a[row], &c) == 0);
    case TARN_OP_NE:
        if (plain) KEEP_IF(!bytes_equal(&a[row], &c));
        KEEP_IF(compare(&a[row], &c) != 0);
    case TARN_OP_LT: KEEP_IF(compare(&a[row], &c) < 0);
    case TARN_OP_LE: KEEP_IF(compare(&a[row], &c) <= 0);
    case TARN_OP_GT: KEEP_IF(compare(&a[row], &c) > 0);
    case TARN_OP_GE: KEEP_IF(compare(&a[row], &c) >= 0);
    case TARN_OP_PREFIX:
        KEEP_IF(a[row].len >= c.len && (c.len == 0 || memcmp(a[row].data, c.data, c.len) == 0));
    default: return filter_bytes_in(p, a, compare, sel, n);
    }
}

/* Plain values that are not NULL. */
static uint32_t filter_plain(const struct tarn_predicate *p, const struct tarn_pq_column *col,
                             const struct tarn_vector *v, uint32_t *sel, uint32_t n) {
    uint32_t consts = tarn_pred_count(p);
    if (consts == 0 || n == 0) return 0;
    for (uint32_t i = 0; i < consts; i++)
        if (p->constants[i].kind != tarn_pred_kind(col)) return 0;
    switch (tarn_pred_kind(col)) {
    case TARN_CONST_INT: return filter_int(p, col, v, sel, n);
    case TARN_CONST_REAL: return filter_real(p, v, sel, n);
    default: return filter_bytes(p, col, v, sel, n);
    }
}

/* v's dictionary (or v itself when plain) as a plain vector without NULLs. */
static struct tarn_vector entries(const struct tarn_vector *v) {
    struct tarn_vector d = *v;
    if (v->codes) d.n = v->dict_n;
    d.codes = NULL;
    d.valid = NULL;
    return d;
}

void tarn_pred_match(const struct tarn_predicate *p, const struct tarn_pq_column *col,
                     const struct tarn_vector *v, uint8_t *match) {
    struct tarn_vector d = entries(v);
    uint32_t sel[256];
    memset(match, 0, d.n);
    for (uint32_t from = 0; from < d.n; from += 256) {
        uint32_t n = d.n - from < 256 ? d.n - from : 256;
        for (uint32_t i = 0; i < n; i++)
            sel[i] = from + i;
        n = filter_plain(p, col, &d, sel, n);
        for (uint32_t i = 0; i < n; i++)
            match[sel[i]] = 1;
    }
}

/* All rows of a run: what matches is looked up for some of them, and then selected. */
static uint32_t filter_run(const uint8_t *match, const uint32_t *codes, uint32_t *sel, uint32_t n) {
    uint8_t found[256];
    uint32_t first = sel[0], kept = 0;
    for (uint32_t at = 0; at < n; at += sizeof found) {
        uint32_t part = n - at < sizeof found ? n - at : (uint32_t)sizeof found;
        struct tarn_rows rows = {first + at, part, sel + kept};
        for (uint32_t i = 0; i < part; i++)
            found[i] = match[codes[at + i]];
        kept += tarn_select_bytes(&rows, found, 1);
    }
    return kept;
}

uint32_t tarn_pred_filter_match(const uint8_t *match, const struct tarn_vector *v, uint32_t *sel,
                                uint32_t n) {
    n = drop_nulls(v, sel, n, 0);
    if (is_run(sel, n)) return filter_run(match, v->codes + sel[0], sel, n);
    KEEP_IF(match[v->codes[row]]);
}

/* Without a table of matches: when there are fewer rows than entries, or no memory for one. */
static uint32_t filter_each(const struct tarn_predicate *p, const struct tarn_pq_column *col,
                            const struct tarn_vector *v, uint32_t *sel, uint32_t n) {
    struct tarn_vector d = entries(v);
    uint32_t kept = 0;
    for (uint32_t i = 0; i < n; i++) {
        uint32_t row = sel[i], code = v->codes[row];
        sel[kept] = row;
        kept += filter_plain(p, col, &d, &code, 1);
    }
    return kept;
}

uint32_t tarn_pred_filter(const struct tarn_predicate *p, const struct tarn_pq_column *col,
                          const struct tarn_vector *v, uint32_t *sel, uint32_t n) {
    uint8_t *match = NULL;
    if (p->op == TARN_OP_IS_NULL) return drop_nulls(v, sel, n, 1);
    n = drop_nulls(v, sel, n, 0);
    if (p->op == TARN_OP_NOT_NULL || n == 0) return n;
    if (!v->codes) return filter_plain(p, col, v, sel, n);
    match = v->dict_n <= n ? tarn_malloc(v->dict_n) : NULL;
    if (!match) return filter_each(p, col, v, sel, n);
    tarn_pred_match(p, col, v, match);
    n = tarn_pred_filter_match(match, v, sel, n);
    tarn_free(match);
    return n;
}
