/* stats_read.c: checks on min, max and counts before anybody prunes by them.
**
** The legacy fields min and max were always compared as signed values, so they are used only where
** signed is the column's order: numbers that are not unsigned. min_value and max_value follow
** column_orders. FLOAT16 and INTERVAL in bytes are not in memcmp order; INT96 has none: their slices
** are kept for display with has_min and has_max at 0.
**
** DECIMAL in bytes is trusted less than others, because many writers got it wrong: Parquet C++ before
** Arrow 4 and Polars in ways that nothing tells but their name, ClickHouse by an unsigned order, which
** shows as min > max once there are numbers of both signs. So both bounds must be there, be whole, be
** numbers that are printed, and be of the column's length where it has one.
*/
#include "stats_read.h"

#include <math.h>
#include <string.h>

#include "byte_order.h"

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
        return l == TARN_LOGICAL_DECIMAL || l == TARN_LOGICAL_NONE || l == TARN_LOGICAL_STRING ||
               l == TARN_LOGICAL_ENUM || l == TARN_LOGICAL_JSON || l == TARN_LOGICAL_BSON ||
               l == TARN_LOGICAL_UUID;
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
    default: return tarn_byte_comparison(tarn_byte_order(c))(&a, &b);
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

static int are_decimals(const struct tarn_pq_column *c, struct tarn_slice min,
                        struct tarn_slice max) {
    if (!min.data || !max.data) return 0;
    if (c->physical == TARN_FIXED && (min.len != c->fixed_len || max.len != c->fixed_len)) return 0;
    return tarn_decimal_is_number(min) && tarn_decimal_is_number(max);
}

int tarn_stats_decimal_order(const struct tarn_pq_column *c, const char *created_by) {
    static const char cpp[] = "parquet-cpp-arrow version ";
    if (tarn_byte_order(c) != TARN_BYTES_DECIMAL || !created_by) return 1;
    if (strncmp(created_by, cpp, strlen(cpp)) == 0) {
        const char *version = created_by + strlen(cpp);
        return version[0] >= '4' || (version[0] >= '1' && version[1] >= '0' && version[1] <= '9');
    }
    /* parquet-rs cuts what is a BYTE_ARRAY as if it were text. */
    if (strncmp(created_by, "parquet-rs", 10) == 0) return c->physical == TARN_FIXED;
    return strncmp(created_by, "parquet-cpp", 11) != 0 && strncmp(created_by, "Polars", 6) != 0;
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
    if (tarn_byte_order(c) == TARN_BYTES_DECIMAL) ordered = are_decimals(c, min, max);
    out->min = min;
    out->max = max;
    out->has_min = ordered && min.data != NULL;
    out->has_max = ordered && max.data != NULL;
}

void tarn_stats_from_raw(const struct tarn_pq_column *c, const struct tarn_raw_stats *raw,
                         int order_known, int64_t values, struct tarn_pq_stats *out) {
    int is_number =
        c->physical != TARN_BYTE_ARRAY && c->physical != TARN_FIXED && c->physical != TARN_INT96;
    int cut = raw->min_exact == 0 || raw->max_exact == 0;
    memset(out, 0, sizeof *out);
    if (raw->min.data || raw->max.data) {
        tarn_stats_bounds(c, raw->min, raw->max, cut, out);
        if (!order_known || (cut && tarn_byte_order(c) == TARN_BYTES_DECIMAL))
            out->has_min = out->has_max = 0;
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
