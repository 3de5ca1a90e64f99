/* stats_read.c: checks on min, max and counts before anybody prunes by them.
**
** The legacy fields min and max were always compared as signed values, so they are used only where
** signed is the column's order: numbers that are not unsigned. min_value and max_value follow
** column_orders. DECIMAL, FLOAT16 and INTERVAL in bytes are not in memcmp order; INT96 has none:
** their slices are kept for display with has_min and has_max at 0.
*/
#include "stats_read.h"

#include <math.h>
#include <string.h>

void tarn_raw_stats_read(struct tarn_thrift *t, struct tarn_raw_stats *out) {
    struct tarn_thrift_field f = {0, 0};
    memset(out, 0, sizeof *out);
    out->nulls = out->distinct = -1;
    out->min_exact = out->max_exact = -1;
    while (tarn_thrift_next(t, &f)) {
        switch (f.id) {
        case 1: out->legacy_max = tarn_thrift_binary(t, &f); break;
        case 2: out->legacy_min = tarn_thrift_binary(t, &f); break;
        case 3: out->nulls = tarn_thrift_i64(t, &f); break;
        case 4: out->distinct = tarn_thrift_i64(t, &f); break;
        case 5: out->max = tarn_thrift_binary(t, &f); break;
        case 6: out->min = tarn_thrift_binary(t, &f); break;
        case 7: out->max_exact = tarn_thrift_bool(t, &f); break;
        case 8: out->min_exact = tarn_thrift_bool(t, &f); break;
        default: tarn_thrift_skip(t, f.type);
        }
    }
}

static int is_unsigned(const struct tarn_pq_column *c) {
    return c->logical.kind == TARN_LOGICAL_INTEGER && !c->logical.is_signed;
}

int tarn_stats_one_order(const struct tarn_pq_column *c) {
    return c->physical != TARN_BYTE_ARRAY && c->physical != TARN_FIXED &&
           c->physical != TARN_INT96 && !is_unsigned(c);
}

int tarn_stats_ordered(const struct tarn_pq_column *c) {
    enum tarn_logical l = c->logical.kind;
    if (l == TARN_LOGICAL_UNKNOWN) return 0;
    switch (c->physical) {
    case TARN_BOOLEAN:
    case TARN_INT32:
    case TARN_INT64:
    case TARN_FLOAT:
    case TARN_DOUBLE: return 1;
    case TARN_BYTE_ARRAY:
    case TARN_FIXED:
        return l == TARN_LOGICAL_NONE || l == TARN_LOGICAL_STRING || l == TARN_LOGICAL_ENUM ||
               l == TARN_LOGICAL_JSON || l == TARN_LOGICAL_BSON || l == TARN_LOGICAL_UUID;
    default: return 0;
    }
}

static int length_fits(const struct tarn_pq_column *c, size_t n, int cut) {
    switch (c->physical) {
    case TARN_BOOLEAN: return n == 1;
    case TARN_INT32:
    case TARN_FLOAT: return n == 4;
    case TARN_INT64:
    case TARN_DOUBLE: return n == 8;
    case TARN_INT96: return n == 12;
    case TARN_FIXED: return n == c->fixed_len || (cut && n < c->fixed_len);
    default: return 1;
    }
}

static double real_of(const struct tarn_pq_column *c, struct tarn_slice s) {
    float f = 0;
    double d = 0;
    if (c->physical == TARN_FLOAT) {
        memcpy(&f, s.data, 4);
        return (double)f;
    }
    memcpy(&d, s.data, 8);
    return d;
}

static int64_t int_of(const struct tarn_pq_column *c, struct tarn_slice s) {
    int32_t i = 0;
    int64_t l = 0;
    if (c->physical == TARN_BOOLEAN) return s.data[0] != 0;
    if (c->physical == TARN_INT32) {
        memcpy(&i, s.data, 4);
        return is_unsigned(c) ? (int64_t)(uint32_t)i : i;
    }
    memcpy(&l, s.data, 8);
    return is_unsigned(c) ? (int64_t)((uint64_t)l ^ (UINT64_C(1) << 63)) : l;
}

static int bytes_compare(struct tarn_slice a, struct tarn_slice b) {
    size_t n = a.len < b.len ? a.len : b.len;
    int cmp = n ? memcmp(a.data, b.data, n) : 0;
    return cmp ? cmp : (a.len > b.len) - (a.len < b.len);
}

int tarn_stats_compare(const struct tarn_pq_column *c, struct tarn_slice a, struct tarn_slice b) {
    switch (c->physical) {
    case TARN_BOOLEAN:
    case TARN_INT32:
    case TARN_INT64: {
        int64_t x = int_of(c, a), y = int_of(c, b);
        return (x > y) - (x < y);
    }
    case TARN_FLOAT:
    case TARN_DOUBLE: {
        double x = real_of(c, a), y = real_of(c, b);
        return (x > y) - (x < y);
    }
    default: return bytes_compare(a, b);
    }
}

/* Zero has two representations that compare equal: a bound of either kind must cover both. */
static void widen_zero(const struct tarn_pq_column *c, struct tarn_slice *min,
                       struct tarn_slice *max) {
    static const uint8_t plus[8] = {0};
    static const uint8_t minus_f[4] = {0, 0, 0, 0x80};
    static const uint8_t minus_d[8] = {0, 0, 0, 0, 0, 0, 0, 0x80};
    if (min->data && real_of(c, *min) == 0)
        min->data = c->physical == TARN_FLOAT ? minus_f : minus_d;
    if (max->data && real_of(c, *max) == 0) max->data = plus;
}

void tarn_stats_bounds(const struct tarn_pq_column *c, struct tarn_slice min, struct tarn_slice max,
                       int cut, struct tarn_pq_stats *out) {
    const struct tarn_slice none = {NULL, 0};
    int ordered = tarn_stats_ordered(c);
    out->has_min = out->has_max = 0;
    out->min = out->max = none;
    if (min.data && !length_fits(c, min.len, cut)) min = none;
    if (max.data && !length_fits(c, max.len, cut)) max = none;
    if (c->physical == TARN_FLOAT || c->physical == TARN_DOUBLE) {
        if ((min.data && isnan(real_of(c, min))) || (max.data && isnan(real_of(c, max)))) return;
        widen_zero(c, &min, &max);
    }
    if (ordered && min.data && max.data && tarn_stats_compare(c, min, max) > 0) return;
    out->min = min;
    out->max = max;
    out->has_min = ordered && min.data != NULL;
    out->has_max = ordered && max.data != NULL;
}

void tarn_stats_from_raw(const struct tarn_pq_column *c, const struct tarn_raw_stats *raw,
                         int order_known, int64_t values, struct tarn_pq_stats *out) {
    int is_number =
        c->physical != TARN_BYTE_ARRAY && c->physical != TARN_FIXED && c->physical != TARN_INT96;
    memset(out, 0, sizeof *out);
    if (raw->min.data || raw->max.data) {
        tarn_stats_bounds(c, raw->min, raw->max, raw->min_exact == 0 || raw->max_exact == 0, out);
        if (!order_known) out->has_min = out->has_max = 0;
        out->min_exact =
            out->min.data && (raw->min_exact == 1 || (raw->min_exact < 0 && is_number));
        out->max_exact =
            out->max.data && (raw->max_exact == 1 || (raw->max_exact < 0 && is_number));
    } else if (raw->legacy_min.data || raw->legacy_max.data) {
        tarn_stats_bounds(c, raw->legacy_min, raw->legacy_max, 0, out);
        if (!tarn_stats_one_order(c)) out->has_min = out->has_max = 0;
        out->min_exact = out->has_min;
        out->max_exact = out->has_max;
    }
    if (raw->nulls >= 0 && raw->nulls <= values) {
        out->has_nulls = 1;
        out->nulls = raw->nulls;
    }
    if (raw->distinct >= 0 && raw->distinct <= values) {
        out->has_distinct = 1;
        out->distinct = raw->distinct;
    }
}
