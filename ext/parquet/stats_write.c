/* stats_write.c: min and max, by the order that the format gives each type.
**
** The format's rules for floating point: NaN counts in neither bound, a bound of zero is written as
** -0.0 below and +0.0 above; beyond them, a NaN leaves the max out. A bound too long to store is
** replaced by a shorter one further out:
**
**   min  "aaaa…(64)bcd"   ->  "aaaa…"            a prefix sorts before
**   max  "aaaa…(64)bcd"   ->  "aaa…b"            the last character that can be raised is, the
**                                                 rest is dropped; none can: no max
**
** Raising keeps text valid UTF-8: U+D7FF becomes U+E000, U+10FFFF can't be raised.
*/
#include "stats_write.h"

#include <math.h>
#include <string.h>

#include "text.h"

enum tarn_order tarn_order_of(enum tarn_physical physical,
                              const struct tarn_logical_type *logical) {
    int is_unsigned = logical->kind == TARN_LOGICAL_INTEGER && !logical->is_signed;

    switch (logical->kind) {
    case TARN_LOGICAL_INTERVAL:
    case TARN_LOGICAL_FLOAT16:
    case TARN_LOGICAL_GEOMETRY:
    case TARN_LOGICAL_GEOGRAPHY:
    case TARN_LOGICAL_NULL:
    case TARN_LOGICAL_UNKNOWN: return TARN_ORDER_NONE;
    default: break;
    }
    switch (physical) {
    case TARN_BOOLEAN: return TARN_ORDER_BOOL;
    case TARN_INT32: return is_unsigned ? TARN_ORDER_U32 : TARN_ORDER_I32;
    case TARN_INT64: return is_unsigned ? TARN_ORDER_U64 : TARN_ORDER_I64;
    case TARN_FLOAT: return TARN_ORDER_F32;
    case TARN_DOUBLE: return TARN_ORDER_F64;
    case TARN_BYTE_ARRAY:
    case TARN_FIXED:
        return logical->kind == TARN_LOGICAL_DECIMAL ? TARN_ORDER_DECIMAL : TARN_ORDER_BYTES;
    default: return TARN_ORDER_NONE;
    }
}

int tarn_order_is_bytes(enum tarn_order order) {
    return order == TARN_ORDER_BYTES || order == TARN_ORDER_DECIMAL;
}

static int compare_bytes(const uint8_t *a, size_t na, const uint8_t *b, size_t nb) {
    size_t n = na < nb ? na : nb;
    int c = n ? memcmp(a, b, n) : 0;

    return c ? c : (na > nb) - (na < nb);
}

/* Two's complement of different lengths: the shorter one is sign-extended. No bytes are zero. */
static int compare_decimal(const uint8_t *a, size_t na, const uint8_t *b, size_t nb) {
    int neg_a = na && a[0] & 0x80, neg_b = nb && b[0] & 0x80;
    size_t n = na > nb ? na : nb;

    if (neg_a != neg_b) return neg_a ? -1 : 1;
    for (size_t i = 0; i < n; i++) {
        uint8_t fill = neg_a ? 0xff : 0;
        uint8_t x = i < n - na ? fill : a[i - (n - na)];
        uint8_t y = i < n - nb ? fill : b[i - (n - nb)];

        if (x != y) return x < y ? -1 : 1;
    }
    return 0;
}

#define COMPARE(type)             \
    do {                          \
        type x, y;                \
        memcpy(&x, a, sizeof x);  \
        memcpy(&y, b, sizeof y);  \
        return (x > y) - (x < y); \
    } while (0)

static double load_float(enum tarn_order order, const uint8_t *p) {
    double d;
    float f;

    if (order == TARN_ORDER_F32) {
        memcpy(&f, p, sizeof f);
        return (double)f;
    }
    memcpy(&d, p, sizeof d);
    return d;
}

static int compare_floats(enum tarn_order order, const uint8_t *a, const uint8_t *b) {
    double x = load_float(order, a), y = load_float(order, b);

    if (isnan(x) || isnan(y)) return !!isnan(x) - !!isnan(y);
    return (x > y) - (x < y);
}

int tarn_order_compare(enum tarn_order order, const uint8_t *a, size_t na, const uint8_t *b,
                       size_t nb) {
    switch (order) {
    case TARN_ORDER_BOOL: return a[0] - b[0];
    case TARN_ORDER_I32: COMPARE(int32_t);
    case TARN_ORDER_U32: COMPARE(uint32_t);
    case TARN_ORDER_I64: COMPARE(int64_t);
    case TARN_ORDER_U64: COMPARE(uint64_t);
    case TARN_ORDER_F32:
    case TARN_ORDER_F64: return compare_floats(order, a, b);
    case TARN_ORDER_DECIMAL: return compare_decimal(a, na, b, nb);
    case TARN_ORDER_BYTES: return compare_bytes(a, na, b, nb);
    default: return 0;
    }
}

void tarn_bounds_init(struct tarn_bounds *b) {
    memset(b, 0, sizeof *b);
}

/* One loop per type, so that the compiler can vectorise it. */
#define ADD_NUMBERS(type)                                             \
    do {                                                              \
        type lo, hi, v;                                               \
        memcpy(&lo, b->has ? (const uint8_t *)&b->lo : p, sizeof lo); \
        memcpy(&hi, b->has ? (const uint8_t *)&b->hi : p, sizeof hi); \
        for (size_t i = 0; i < n; i++) {                              \
            memcpy(&v, p + i * sizeof v, sizeof v);                   \
            lo = v < lo ? v : lo;                                     \
            hi = v > hi ? v : hi;                                     \
        }                                                             \
        memcpy(&b->lo, &lo, sizeof lo);                               \
        memcpy(&b->hi, &hi, sizeof hi);                               \
        b->has = 1;                                                   \
    } while (0)

#define ADD_FLOATS(type)                            \
    do {                                            \
        type lo = 0, hi = 0, v;                     \
        memcpy(&lo, &b->lo, sizeof lo);             \
        memcpy(&hi, &b->hi, sizeof hi);             \
        for (size_t i = 0; i < n; i++) {            \
            memcpy(&v, p + i * sizeof v, sizeof v); \
            if (isnan(v)) {                         \
                b->nan = 1;                         \
                continue;                           \
            }                                       \
            lo = !b->has || v < lo ? v : lo;        \
            hi = !b->has || v > hi ? v : hi;        \
            b->has = 1;                             \
        }                                           \
        memcpy(&b->lo, &lo, sizeof lo);             \
        memcpy(&b->hi, &hi, sizeof hi);             \
    } while (0)

void tarn_bounds_add_numbers(struct tarn_bounds *b, enum tarn_order order, const uint8_t *p,
                             size_t n) {
    if (n == 0) return;
    switch (order) {
    case TARN_ORDER_BOOL: ADD_NUMBERS(uint8_t); break;
    case TARN_ORDER_I32: ADD_NUMBERS(int32_t); break;
    case TARN_ORDER_U32: ADD_NUMBERS(uint32_t); break;
    case TARN_ORDER_I64: ADD_NUMBERS(int64_t); break;
    case TARN_ORDER_U64: ADD_NUMBERS(uint64_t); break;
    case TARN_ORDER_F32: ADD_FLOATS(float); break;
    case TARN_ORDER_F64: ADD_FLOATS(double); break;
    default: break;
    }
}

void tarn_bounds_add_bytes(struct tarn_bounds *b, enum tarn_order order, const uint8_t *p,
                           size_t n) {
    if (!b->has || tarn_order_compare(order, p, n, b->min.data, b->min.len) < 0) {
        b->min.data = p;
        b->min.len = n;
    }
    if (!b->has || tarn_order_compare(order, p, n, b->max.data, b->max.len) > 0) {
        b->max.data = p;
        b->max.len = n;
    }
    b->has = 1;
}

void tarn_bounds_merge(struct tarn_bounds *b, enum tarn_order order, const struct tarn_bounds *o) {
    b->nan |= o->nan;
    if (!o->has) return;
    if (tarn_order_is_bytes(order)) {
        tarn_bounds_add_bytes(b, order, o->min.data, o->min.len);
        tarn_bounds_add_bytes(b, order, o->max.data, o->max.len);
    } else {
        tarn_bounds_add_numbers(b, order, (const uint8_t *)&o->lo, 1);
        tarn_bounds_add_numbers(b, order, (const uint8_t *)&o->hi, 1);
    }
}

static int is_continuation(uint8_t c) {
    return (c & 0xc0) == 0x80;
}

size_t tarn_stats_cut_min(const uint8_t *p, size_t n, int text) {
    size_t k = TARN_STATS_MAX;

    if (n <= TARN_STATS_MAX) return n;
    if (!text) return k;
    while (k > 0 && is_continuation(p[k]))
        k--;
    return k && tarn_utf8_invalid(p, k) == k ? k : TARN_STATS_MAX;
}

/* Writes the character after `c` (valid, of n bytes); its length, or 0 when there is none. */
static size_t next_character(const uint8_t *c, size_t n, uint8_t out[4]) {
    uint32_t cp = n == 1 ? c[0] : c[0] & (0x7fu >> n);

    for (size_t i = 1; i < n; i++)
        cp = cp << 6 | (c[i] & 0x3fu);
    if (cp == 0x10ffff) return 0;
    cp = cp == 0xd7ff ? 0xe000 : cp + 1;
    n = cp < 0x80 ? 1 : cp < 0x800 ? 2 : cp < 0x10000 ? 3 : 4;
    if (n == 1) {
        out[0] = (uint8_t)cp;
        return n;
    }
    for (size_t i = n - 1; i > 0; i--, cp >>= 6)
        out[i] = (uint8_t)(0x80 | (cp & 0x3f));
    out[0] = (uint8_t)(0xf00u >> n | cp);
    return n;
}

static size_t raise_text(const uint8_t *p, size_t n, uint8_t out[TARN_STATS_MAX]) {
    while (n > 0) {
        uint8_t c[4];
        size_t end = n, len;

        do
            n--;
        while (n > 0 && is_continuation(p[n]));
        len = next_character(p + n, end - n, c);
        if (len && n + len <= TARN_STATS_MAX) {
            memcpy(out, p, n);
            memcpy(out + n, c, len);
            return n + len;
        }
    }
    return 0;
}

size_t tarn_stats_cut_max(const uint8_t *p, size_t n, int text, uint8_t out[TARN_STATS_MAX]) {
    size_t k = tarn_stats_cut_min(p, n, text);

    if (text && tarn_utf8_invalid(p, k) == k) return raise_text(p, k, out);
    while (k > 0 && p[k - 1] == 0xff)
        k--;
    if (k == 0) return 0;
    memcpy(out, p, k);
    out[k - 1]++;
    return k;
}

static void set_number(struct tarn_stats *s, const struct tarn_bounds *b, enum tarn_order order) {
    uint64_t lo = b->lo, hi = b->hi;
    size_t n = 4;

    if (order == TARN_ORDER_BOOL)
        n = 1;
    else if (order == TARN_ORDER_I64 || order == TARN_ORDER_U64 || order == TARN_ORDER_F64)
        n = 8;
    if (order == TARN_ORDER_F32) {
        lo = (lo & 0x7fffffff) == 0 ? UINT64_C(0x80000000) : lo;
        hi = (hi & 0x7fffffff) == 0 ? 0 : hi;
    } else if (order == TARN_ORDER_F64) {
        lo = lo << 1 == 0 ? UINT64_C(1) << 63 : lo;
        hi = hi << 1 == 0 ? 0 : hi;
    }
    memcpy(s->min, &lo, n);
    memcpy(s->max, &hi, n);
    s->min_len = s->max_len = (uint8_t)n;
    s->has_min = s->min_exact = 1;
    s->has_max = s->max_exact = !b->nan;
}

static void set_bytes(struct tarn_stats *s, const struct tarn_bounds *b, enum tarn_order order,
                      int text) {
    size_t n;

    if (order == TARN_ORDER_DECIMAL && (b->min.len > TARN_STATS_MAX || b->max.len > TARN_STATS_MAX))
        return;
    n = tarn_stats_cut_min(b->min.data, b->min.len, text);
    if (n) memcpy(s->min, b->min.data, n);
    s->min_len = (uint8_t)n;
    s->has_min = 1;
    s->min_exact = n == b->min.len;
    s->max_exact = b->max.len <= TARN_STATS_MAX;
    if (s->max_exact) {
        n = b->max.len;
        if (n) memcpy(s->max, b->max.data, n);
    } else {
        n = tarn_stats_cut_max(b->max.data, b->max.len, text, s->max);
    }
    s->max_len = (uint8_t)n;
    s->has_max = s->max_exact || n > 0;
}

void tarn_stats_set(struct tarn_stats *s, const struct tarn_bounds *b, enum tarn_order order,
                    int text) {
    s->has_min = s->has_max = s->min_exact = s->max_exact = 0;
    s->min_len = s->max_len = 0;
    if (!b->has || order == TARN_ORDER_NONE) return;
    if (tarn_order_is_bytes(order))
        set_bytes(s, b, order, text);
    else
        set_number(s, b, order);
}

void tarn_stats_write(struct tarn_tw *t, int16_t id, const struct tarn_stats *s) {
    tarn_tw_struct(t, id);
    tarn_tw_i64(t, 3, s->nulls);
    if (s->distinct >= 0) tarn_tw_i64(t, 4, s->distinct);
    if (s->has_max) tarn_tw_bin(t, 5, s->max, s->max_len);
    if (s->has_min) tarn_tw_bin(t, 6, s->min, s->min_len);
    if (s->has_max) tarn_tw_bool(t, 7, s->max_exact);
    if (s->has_min) tarn_tw_bool(t, 8, s->min_exact);
    tarn_tw_end(t);
}
