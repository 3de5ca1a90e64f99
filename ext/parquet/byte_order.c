/* byte_order.c: comparisons of bytes, of decimals in bytes, and of INT96. */
#include "byte_order.h"

#include <string.h>

#include "cell.h"
#include "cell_number.h"
#include "time.h"

#define JULIAN_1970 2440588
#define DAYS_0000 (-719528) /* 0000-01-01, in days since 1970 */
#define DAYS_9999 2932896

enum tarn_byte_order tarn_byte_order(const struct tarn_pq_column *col) {
    if (col->physical == TARN_INT96) return TARN_BYTES_INT96;
    if (col->physical != TARN_BYTE_ARRAY && col->physical != TARN_FIXED) return TARN_BYTES_PLAIN;
    return col->logical.kind == TARN_LOGICAL_DECIMAL ? TARN_BYTES_DECIMAL : TARN_BYTES_PLAIN;
}

static int compare_plain(const void *x, const void *y) {
    const struct tarn_slice *a = x, *b = y;
    size_t n = a->len < b->len ? a->len : b->len;
    int cmp = n ? memcmp(a->data, b->data, n) : 0;

    return cmp ? cmp : (a->len > b->len) - (a->len < b->len);
}

/* Without the bytes that only repeat the sign. */
static struct tarn_slice strip(struct tarn_slice s) {
    while (s.len > 1 && (s.data[0] == 0 || s.data[0] == 0xff) && s.data[0] >> 7 == s.data[1] >> 7) {
        s.data++;
        s.len--;
    }
    return s;
}

int tarn_decimal_is_number(struct tarn_slice s) {
    return s.len > 0 && strip(s).len <= TARN_DECIMAL_BYTES;
}

static int compare_decimal(const void *x, const void *y) {
    struct tarn_slice a = strip(*(const struct tarn_slice *)x);
    struct tarn_slice b = strip(*(const struct tarn_slice *)y);
    int is_a = tarn_decimal_is_number(a), is_b = tarn_decimal_is_number(b), negative = 0;

    if (!is_a || !is_b) return is_b - is_a;
    negative = a.data[0] >> 7;
    if (negative != b.data[0] >> 7) return negative ? -1 : 1;
    if (a.len != b.len) return (a.len > b.len) == negative ? -1 : 1;
    return memcmp(a.data, b.data, a.len);
}

/* 0 when its text is not of the usual form. */
static int int96_time(const struct tarn_slice *s, int64_t *days, int64_t *ns) {
    return tarn_cell_int96(s, days, ns) == 0 && *days >= DAYS_0000 && *days <= DAYS_9999;
}

static int compare_int96(const void *x, const void *y) {
    int64_t days_a = 0, days_b = 0, a = 0, b = 0;
    int is_a = int96_time(x, &days_a, &a), is_b = int96_time(y, &days_b, &b);

    if (!is_a || !is_b) return is_a - is_b;
    if (days_a != days_b) return days_a < days_b ? -1 : 1;
    return (a > b) - (a < b);
}

tarn_byte_compare tarn_byte_comparison(enum tarn_byte_order order) {
    return order == TARN_BYTES_DECIMAL ? compare_decimal
           : order == TARN_BYTES_INT96 ? compare_int96
                                       : compare_plain;
}

void tarn_decimal_put(uint8_t *out, size_t n, int64_t v) {
    for (size_t i = n; i-- > 0; v = tarn_floor_div(v, 256))
        out[i] = (uint8_t)((uint64_t)v & 0xff);
}

void tarn_int96_put(uint8_t out[12], int64_t ns) {
    int64_t days = tarn_floor_div(ns, TARN_NS_PER_DAY);
    uint64_t of_day = (uint64_t)(ns - days * TARN_NS_PER_DAY);
    uint32_t julian = (uint32_t)(days + JULIAN_1970);

    memcpy(out, &of_day, 8);
    memcpy(out + 8, &julian, 4);
}
