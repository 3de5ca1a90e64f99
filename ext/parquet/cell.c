/* cell.c: reading cells of foreign columns, and what they are as times, booleans and numbers.
** Their text is in cell_text.c.
*/
#include "cell.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "cell_number.h"
#include "time.h"

#define TWO_63 9223372036854775808.0
#define JULIAN_1970 2440588 /* the Julian day of 1970-01-01 */
#define DOUBLE_EXACT (INT64_C(1) << 53)

static double half_to_double(uint16_t h) {
    int exponent = (h >> 10) & 31;
    double m = (double)(h & 1023);
    double v;

    if (exponent == 31)
        v = m > 0 ? (double)NAN : (double)INFINITY;
    else
        v = exponent ? ldexp(m + 1024.0, exponent - 25) : ldexp(m, -24);
    return (h & 0x8000) ? -v : v;
}

/* Big-endian two's complement of at most 8 bytes. */
static int64_t big_endian(const struct tarn_slice *s) {
    uint64_t v = s->len && (s->data[0] & 0x80) ? UINT64_MAX : 0;
    size_t i;

    for (i = 0; i < s->len; i++)
        v = v << 8 | s->data[i];
    return (int64_t)v;
}

static void read_bytes(const struct tarn_pq_column *col, struct tarn_cell *out) {
    if (col->logical.kind == TARN_LOGICAL_DECIMAL && out->bytes.len >= 1 && out->bytes.len <= 8) {
        out->kind = TARN_CELL_INT;
        out->i = big_endian(&out->bytes);
    } else if (col->logical.kind == TARN_LOGICAL_FLOAT16 && out->bytes.len == 2) {
        out->kind = TARN_CELL_REAL;
        out->narrow = 1;
        out->r = half_to_double((uint16_t)(out->bytes.data[0] | out->bytes.data[1] << 8));
    }
}

void tarn_cell_read(const struct tarn_pq_column *col, const struct tarn_vector *v, uint32_t i,
                    struct tarn_cell *out) {
    uint32_t k;
    int is_unsigned = col->logical.kind == TARN_LOGICAL_INTEGER && !col->logical.is_signed;

    memset(out, 0, sizeof *out);
    if (tarn_vector_null(v, i)) return;
    k = tarn_vector_at(v, i);
    switch (v->physical) {
    case TARN_BOOLEAN:
        out->kind = TARN_CELL_BOOL;
        out->i = v->values.u8[k] != 0;
        break;
    case TARN_INT32:
        out->kind = TARN_CELL_INT;
        out->i = is_unsigned ? (int64_t)(uint32_t)v->values.i32[k] : v->values.i32[k];
        break;
    case TARN_INT64:
        out->i = v->values.i64[k];
        out->kind = is_unsigned && out->i < 0 ? TARN_CELL_UINT : TARN_CELL_INT;
        break;
    case TARN_FLOAT:
        out->kind = TARN_CELL_REAL;
        out->narrow = 1;
        out->r = (double)v->values.f32[k];
        break;
    case TARN_DOUBLE:
        out->kind = TARN_CELL_REAL;
        out->r = v->values.f64[k];
        break;
    case TARN_INT96:
    case TARN_BYTE_ARRAY:
    case TARN_FIXED:
        out->kind = TARN_CELL_BYTES;
        out->bytes = v->values.bytes[k];
        read_bytes(col, out);
        break;
    }
}

/* Is the column's number just a number (not a date, a time …)? */
static int is_plain_number(const struct tarn_pq_column *col) {
    return col->logical.kind == TARN_LOGICAL_NONE || col->logical.kind == TARN_LOGICAL_INTEGER ||
           col->logical.kind == TARN_LOGICAL_FLOAT16 || col->logical.kind == TARN_LOGICAL_UNKNOWN ||
           col->logical.kind == TARN_LOGICAL_NULL ||
           (col->logical.kind == TARN_LOGICAL_DECIMAL && col->logical.scale == 0);
}

int tarn_cell_is_text(const struct tarn_pq_column *col) {
    enum tarn_logical k = col->logical.kind;

    if (k == TARN_LOGICAL_STRING || k == TARN_LOGICAL_ENUM || k == TARN_LOGICAL_JSON)
        return col->physical == TARN_BYTE_ARRAY || col->physical == TARN_FIXED;
    return col->physical == TARN_BYTE_ARRAY &&
           (k == TARN_LOGICAL_NONE || k == TARN_LOGICAL_NULL || k == TARN_LOGICAL_UNKNOWN);
}

static int64_t units_per_ms(const struct tarn_logical_type *t) {
    return t->unit == TARN_UNIT_NS ? 1000000 : t->unit == TARN_UNIT_US ? 1000 : 1;
}

/* Spark counts microseconds from Julian day 0 in 64 bits and lets them wrap: a day that can only come
** from that is put right. 2^64 microseconds are 213,503,982 days and 28,909,551,616 more. */
static int64_t unwrap(int64_t julian, int64_t days, int64_t *ns) {
    const int64_t first = -106751992; /* that 64 bits of microseconds reach, from day 0 */

    if (days >= first || julian < first) return days;
    *ns += INT64_C(28909551616000);
    if (*ns < TARN_NS_PER_DAY) return days + 213503982;
    *ns -= TARN_NS_PER_DAY;
    return days + 213503983;
}

int tarn_cell_int96(const struct tarn_slice *s, int64_t *days, int64_t *ns) {
    struct tarn_cursor c = {s->data, s->data + s->len, TARN_OK};
    int64_t julian = 0, of_day = 0;

    if (s->len != 12) return -1;
    of_day = (int64_t)tarn_cursor_le64(&c);
    julian = (int64_t)(int32_t)tarn_cursor_le32(&c) + tarn_floor_div(of_day, TARN_NS_PER_DAY);
    *ns = of_day % TARN_NS_PER_DAY;
    if (*ns < 0) *ns += TARN_NS_PER_DAY;
    *days = unwrap(julian, julian - JULIAN_1970, ns);
    return 0;
}

static int int96_ms(const struct tarn_slice *s, int64_t *ms) {
    int64_t days = 0, ns = 0;

    if (tarn_cell_int96(s, &days, &ns) != 0) return -1;
    *ms = days * TARN_MS_PER_DAY + ns / 1000000;
    return 0;
}

int tarn_cell_ms(const struct tarn_pq_column *col, const struct tarn_cell *cell, int64_t *ms) {
    double r;

    switch (cell->kind) {
    case TARN_CELL_INT:
        if (col->logical.kind == TARN_LOGICAL_TIMESTAMP)
            *ms = tarn_floor_div(cell->i, units_per_ms(&col->logical));
        else if (col->logical.kind == TARN_LOGICAL_DATE && col->physical == TARN_INT32)
            *ms = cell->i * TARN_MS_PER_DAY;
        else if (col->physical == TARN_INT64 && is_plain_number(col))
            *ms = cell->i;
        else
            return -1;
        return 0;
    case TARN_CELL_REAL:
        r = floor(cell->r);
        if (col->physical != TARN_DOUBLE ||
            !(r >= (double)TARN_TIME_MIN && r <= (double)TARN_TIME_MAX))
            return -1;
        *ms = (int64_t)r;
        return 0;
    case TARN_CELL_BYTES:
        if (col->physical == TARN_INT96) return int96_ms(&cell->bytes, ms);
        return tarn_cell_is_text(col)
                   ? tarn_time_parse((const char *)cell->bytes.data, cell->bytes.len, ms)
                   : -1;
    case TARN_CELL_NULL:
    case TARN_CELL_BOOL:
    case TARN_CELL_UINT: break;
    }
    return -1;
}

/* Reads back exactly what print would write; anything else is not a number that prints the same. */
static int parse_integer(const struct tarn_slice *s, int64_t *out) {
    char text[24], again[24];

    if (s->len == 0 || s->len > 20) return -1;
    memcpy(text, s->data, s->len);
    text[s->len] = '\0';
    *out = strtoll(text, NULL, 10);
    snprintf(again, sizeof again, "%lld", (long long)*out);
    return strcmp(text, again) == 0 ? 0 : -1;
}

static int parse_double(const struct tarn_slice *s, double *out) {
    char text[TARN_CELL_TEXT], again[TARN_CELL_TEXT];
    size_t n;

    if (s->len == 0 || s->len > 40) return -1;
    memcpy(text, s->data, s->len);
    text[s->len] = '\0';
    if (strspn(text, "0123456789+-.eE") != s->len) return -1;
    *out = tarn_parse_double(text);
    n = tarn_print_double(again, *out, 0);
    if (strcmp(text, again) == 0) return 0;
    if (n > 2 && memcmp(again + n - 2, ".0", 3) == 0) again[n - 2] = '\0';
    return strcmp(text, again) == 0 ? 0 : -1;
}

static int cell_integer(const struct tarn_pq_column *col, const struct tarn_cell *cell,
                        int64_t *out) {
    if (cell->kind == TARN_CELL_BYTES)
        return tarn_cell_is_text(col) ? parse_integer(&cell->bytes, out) : -1;
    if (!is_plain_number(col)) return -1;
    if (cell->kind == TARN_CELL_INT) {
        *out = cell->i;
        return 0;
    }
    if (cell->kind != TARN_CELL_REAL || !(cell->r >= -TWO_63 && cell->r < TWO_63)) return -1;
    *out = (int64_t)cell->r;
    return (double)*out < cell->r || (double)*out > cell->r ? -1 : 0;
}

int tarn_cell_bool(const struct tarn_pq_column *col, const struct tarn_cell *cell, int *out) {
    int64_t v;

    if (cell->kind == TARN_CELL_BOOL) {
        *out = (int)cell->i;
        return 0;
    }
    if (cell->kind == TARN_CELL_BYTES && tarn_cell_is_text(col)) {
        *out = cell->bytes.len == 4;
        if (cell->bytes.len == 4 && memcmp(cell->bytes.data, "true", 4) == 0) return 0;
        if (cell->bytes.len == 5 && memcmp(cell->bytes.data, "false", 5) == 0) return 0;
    }
    if (cell_integer(col, cell, &v) != 0 || v < 0 || v > 1) return -1;
    *out = (int)v;
    return 0;
}

int tarn_cell_int32(const struct tarn_pq_column *col, const struct tarn_cell *cell, int32_t *out) {
    int64_t v;

    if (cell_integer(col, cell, &v) != 0 || v < INT32_MIN || v > INT32_MAX) return -1;
    *out = (int32_t)v;
    return 0;
}

int tarn_cell_double(const struct tarn_pq_column *col, const struct tarn_cell *cell, double *out) {
    char text[TARN_CELL_TEXT];
    int is_decimal = col->logical.kind == TARN_LOGICAL_DECIMAL;

    switch (cell->kind) {
    case TARN_CELL_REAL: *out = cell->r; return isnan(cell->r) ? -1 : 0;
    case TARN_CELL_INT:
        if (is_decimal && col->logical.scale) {
            tarn_print_decimal(text, cell->i, col->logical.scale);
            *out = tarn_parse_double(text);
            return isfinite(*out) ? 0 : -1;
        }
        *out = (double)cell->i;
        return is_plain_number(col) && cell->i >= -DOUBLE_EXACT && cell->i <= DOUBLE_EXACT ? 0 : -1;
    case TARN_CELL_BYTES:
        if (!is_decimal) return tarn_cell_is_text(col) ? parse_double(&cell->bytes, out) : -1;
        if (tarn_print_decimal_bytes(text, &cell->bytes, col->logical.scale) == 0) return -1;
        *out = tarn_parse_double(text);
        return isfinite(*out) ? 0 : -1;
    case TARN_CELL_NULL:
    case TARN_CELL_BOOL:
    case TARN_CELL_UINT: break;
    }
    return -1;
}
