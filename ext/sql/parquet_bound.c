/* parquet_bound.c: texts of dates, times and decimals among the numbers they are stored as.
**
** A date's text has as many characters as any other's, so texts and numbers have the same order.
** A shorter text (`2024-02`) stands before all that begin with it, a longer one right behind the
** one it begins with.
*/
#include <string.h>

#include "byte_order.h"
#include "cell.h"
#include "cell_number.h"
#include "parquet_bind.h"
#include "parquet_plan.h"
#include "time.h"

#define MAX_DIGITS 400 /* of a constant */
#define DAY_NS INT64_C(86400000000000)

static const char shape[] = "dddd-dd-dd dd:dd:dd.ddddddddd"; /* d: a digit */

static enum tarn_time_unit unit_of(const struct tarn_pq_column *col) {
    return col->physical == TARN_INT96 ? TARN_UNIT_NS : col->logical.unit;
}

/* Characters of the column's texts, and where in the shape they begin. */
static int width(const struct tarn_pq_column *col, enum tarn_pqt_kind kind, int *from) {
    enum tarn_time_unit unit = unit_of(col);
    int fraction = unit == TARN_UNIT_NS ? 9 : unit == TARN_UNIT_US ? 6 : 3;

    *from = kind == TARN_PQT_TIME ? 11 : 0;
    return kind == TARN_PQT_DATE ? 10 : (kind == TARN_PQT_TIME ? 9 : 20) + fraction;
}

/* s[0..n) is a text of the shape from `from` on; filled up to the end with what comes first. */
static int fill_shape(const char *s, size_t n, int from, char out[sizeof shape]) {
    size_t i;

    memcpy(out, "0000-01-01 00:00:00.000000000", sizeof shape);
    if (n + (size_t)from >= sizeof shape) return -1;
    for (i = 0; i < n; i++) {
        char want = shape[(size_t)from + i];
        if (want == 'd' ? s[i] < '0' || s[i] > '9' : s[i] != want) return -1;
        out[(size_t)from + i] = s[i];
    }
    /* Half a number says nothing. */
    if (from + (int)n < 20 && n > 0 && shape[(size_t)from + n] == 'd' &&
        shape[(size_t)from + n - 1] == 'd') {
        return -1;
    }
    return 0;
}

static int number(const char *s, int n) {
    int v = 0;

    while (n-- > 0)
        v = v * 10 + (*s++ - '0');
    return v;
}

/* Time of a filled shape in the column's unit. */
static int shape_value(const struct tarn_pq_column *col, enum tarn_pqt_kind kind, const char *text,
                       int64_t *out) {
    int64_t ms = 0, fraction = number(text + 20, 9);
    enum tarn_time_unit unit = unit_of(col);
    int64_t per_second = unit == TARN_UNIT_NS ? 1000000000 : unit == TARN_UNIT_US ? 1000000 : 1000;

    if (kind == TARN_PQT_TIME) {
        int hour = number(text + 11, 2), minute = number(text + 14, 2);
        int second = number(text + 17, 2);
        if (hour > 23 || minute > 59 || second > 59) return -1;
        ms = ((hour * 60 + minute) * 60 + second) * INT64_C(1000);
    } else if (number(text + 17, 2) > 59 || tarn_time_parse(text, 19, &ms) != 0) {
        return -1;
    }
    if (kind == TARN_PQT_DATE) {
        *out = tarn_floor_div(ms, TARN_MS_PER_DAY);
        return 0;
    }
    if (__builtin_mul_overflow(tarn_floor_div(ms, 1000), per_second, out)) return -1;
    return __builtin_add_overflow(*out, fraction / (1000000000 / per_second), out) ? -1 : 0;
}

static int time_bound(const struct tarn_pq_column *col, enum tarn_pqt_kind kind, const char *s,
                      size_t n, int64_t *at, int *exact) {
    char text[sizeof shape];
    int from = 0;
    size_t w = (size_t)width(col, kind, &from);

    if (n < 4 || fill_shape(s, n < w ? n : w, from, text) != 0 ||
        shape_value(col, kind, text, at) != 0) {
        return -1;
    }
    *exact = n == w;
    if (n > w && __builtin_add_overflow(*at, 1, at)) return -1;
    return 0;
}

void tarn_pqt_number_set(struct tarn_pqt_number *n, int64_t v) {
    tarn_decimal_put(n->bytes, sizeof n->bytes, v);
}

int tarn_pqt_number_fits(const struct tarn_pqt_number *n, size_t len) {
    size_t i, rest = sizeof n->bytes - len;

    if (len == 0 || len > sizeof n->bytes) return 0;
    for (i = 0; i < rest; i++) {
        if (n->bytes[i] != (n->bytes[rest] & 0x80 ? 0xff : 0)) return 0;
    }
    return 1;
}

int64_t tarn_pqt_number_int(const struct tarn_pqt_number *n) {
    uint64_t v = 0;
    size_t i;

    for (i = sizeof n->bytes - 8; i < sizeof n->bytes; i++)
        v = v << 8 | n->bytes[i];
    return (int64_t)v;
}

/* n * times + plus, of a number that isn't negative; -1 = too large. */
static int raise(struct tarn_pqt_number *n, unsigned times, unsigned plus) {
    size_t i;

    for (i = sizeof n->bytes; i-- > 0;) {
        plus += n->bytes[i] * times;
        n->bytes[i] = plus & 0xff;
        plus >>= 8;
    }
    return plus || n->bytes[0] & 0x80 ? -1 : 0;
}

static void negate(struct tarn_pqt_number *n) {
    unsigned carry = 1;
    size_t i;

    for (i = sizeof n->bytes; i-- > 0;) {
        carry += n->bytes[i] ^ 0xffu;
        n->bytes[i] = carry & 0xff;
        carry >>= 8;
    }
}

/* A number without an exponent, in units of 10^-scale, rounded up. */
static int decimal_bound(int scale, const char *s, size_t n, struct tarn_pqt_number *at,
                         int *exact) {
    size_t i = n > 0 && (*s == '-' || *s == '+');
    int negative = i && *s == '-', point = 0, digits = 0, after = 0, rest = 0;

    if (scale < 0 || scale > TARN_DECIMAL_SCALE || n > MAX_DIGITS) return -1;
    memset(at, 0, sizeof *at);
    for (; i < n; i++) {
        if (s[i] == '.' && !point) {
            point = 1;
            continue;
        }
        if (s[i] < '0' || s[i] > '9') return -1;
        digits++;
        if (point && after == scale) {
            rest |= s[i] != '0';
            continue;
        }
        after += point;
        if (raise(at, 10, (unsigned)(s[i] - '0'))) return -1;
    }
    if (digits == 0) return -1;
    for (; after < scale; after++) {
        if (raise(at, 10, 0)) return -1;
    }
    *exact = !rest;
    if (!negative) return rest ? raise(at, 1, 1) : 0;
    negate(at);
    return 0;
}

int tarn_pqt_bound(const struct tarn_pq_column *col, enum tarn_pqt_kind kind, const char *s,
                   size_t n, struct tarn_pqt_number *at, int *exact) {
    int64_t time = 0;

    if (kind == TARN_PQT_DECIMAL) {
        if (decimal_bound(col->logical.scale, s, n, at, exact) != 0) return -1;
        return tarn_byte_order(col) == TARN_BYTES_DECIMAL || tarn_pqt_number_fits(at, 8) ? 0 : -1;
    }
    if (time_bound(col, kind, s, n, &time, exact) != 0) return -1;
    tarn_pqt_number_set(at, time);
    return 0;
}

static int64_t stat_int(const struct tarn_pq_column *col, struct tarn_slice s) {
    int64_t v = 0;
    int32_t narrow = 0;

    if (col->physical == TARN_INT64) {
        memcpy(&v, s.data, 8);
        return v;
    }
    memcpy(&narrow, s.data, 4);
    return narrow;
}

int tarn_pqt_all_printed(const struct tarn_pq_footer *f, int leaf, enum tarn_pqt_kind kind) {
    const struct tarn_pq_column *col = &f->columns[leaf];
    int64_t unit = col->logical.unit == TARN_UNIT_NS   ? 1000000
                   : col->logical.unit == TARN_UNIT_US ? 1000
                                                       : 1;
    int64_t lo = TARN_TIME_MIN, hi = TARN_TIME_MAX;
    int g;

    if (kind == TARN_PQT_INT96) return 1; /* others are below all bounds, as their texts are */
    if (kind == TARN_PQT_TIMESTAMP && col->logical.unit == TARN_UNIT_NS) return 1;
    if (kind == TARN_PQT_TIME) {
        lo = 0;
        hi = DAY_NS / (1000000 / unit) - 1;
    } else if (kind == TARN_PQT_DATE) {
        lo /= TARN_MS_PER_DAY;
        hi /= TARN_MS_PER_DAY;
    } else {
        lo *= unit;
        hi *= unit;
    }
    for (g = 0; g < f->n_row_groups; g++) {
        const struct tarn_pq_stats *s = &f->row_groups[g].chunks[leaf].stats;
        if (s->has_nulls && s->nulls >= f->row_groups[g].rows) continue;
        if (!s->has_min || !s->has_max || stat_int(col, s->min) < lo ||
            stat_int(col, s->max) > hi) {
            return 0;
        }
    }
    return 1;
}
