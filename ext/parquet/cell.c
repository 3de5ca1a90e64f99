/* cell.c: cells of foreign columns as times, booleans, numbers, text and JSON.
**
** Printing numbers is independent of the process's locale, and shortest: the first of the usual
** precisions that reads back as the same number. A whole double prints with ".0", as in SQLite.
*/
#include "cell.h"

#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "text.h"
#include "time.h"

#define TWO_63 9223372036854775808.0
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
           (col->logical.kind == TARN_LOGICAL_DECIMAL && col->logical.scale == 0);
}

static int is_text(const struct tarn_pq_column *col) {
    enum tarn_logical k = col->logical.kind;

    return col->physical == TARN_BYTE_ARRAY &&
           (k == TARN_LOGICAL_NONE || k == TARN_LOGICAL_STRING || k == TARN_LOGICAL_ENUM ||
            k == TARN_LOGICAL_JSON || k == TARN_LOGICAL_UNKNOWN);
}

static int64_t units_per_ms(const struct tarn_logical_type *t) {
    return t->unit == TARN_UNIT_NS ? 1000000 : t->unit == TARN_UNIT_US ? 1000 : 1;
}

/* Nanoseconds of the day and Julian day, as Impala and old Spark write timestamps. */
static int int96_ms(const struct tarn_slice *s, int64_t *ms) {
    struct tarn_cursor c = {s->data, s->data + s->len, TARN_OK};
    int64_t ns, day;

    if (s->len != 12) return -1;
    ns = (int64_t)tarn_cursor_le64(&c);
    day = (int32_t)tarn_cursor_le32(&c);
    *ms = (day - 2440588) * TARN_MS_PER_DAY + tarn_floor_div(ns, 1000000);
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
        return is_text(col) ? tarn_time_parse((const char *)cell->bytes.data, cell->bytes.len, ms)
                            : -1;
    case TARN_CELL_NULL:
    case TARN_CELL_BOOL:
    case TARN_CELL_UINT: break;
    }
    return -1;
}

/* snprintf and strtod follow the process's locale; these two don't. */
static size_t print_g(char *out, size_t room, int digits, double r) {
    const char *point = localeconv()->decimal_point;
    int n = snprintf(out, room, "%.*g", digits, r);
    char *p = *point ? strstr(out, point) : NULL;

    if (p && *point != '.') {
        *p = '.';
        memmove(p + 1, p + strlen(point), strlen(p + strlen(point)) + 1);
        n = (int)strlen(out);
    }
    return (size_t)n;
}

static double parse_g(const char *s) {
    const char *point = localeconv()->decimal_point;
    char copy[TARN_CELL_TEXT + 16];
    const char *dot = strchr(s, '.');

    if (!dot || strcmp(point, ".") == 0 || strlen(point) > 8) return strtod(s, NULL);
    snprintf(copy, sizeof copy, "%.*s%s%s", (int)(dot - s), s, point, dot + 1);
    return strtod(copy, NULL);
}

static size_t print_double(char out[TARN_CELL_TEXT], double r, int narrow) {
    int digits = narrow ? 6 : 15, most = narrow ? 9 : 17;
    size_t n = 0;

    if (isnan(r)) return (size_t)snprintf(out, TARN_CELL_TEXT, "NaN");
    if (isinf(r)) return (size_t)snprintf(out, TARN_CELL_TEXT, r > 0 ? "Infinity" : "-Infinity");
    for (; digits <= most; digits++) {
        double back;

        n = print_g(out, TARN_CELL_TEXT - 3, digits, r);
        back = parse_g(out);
        if (narrow ? memcmp(&(float){(float)back}, &(float){(float)r}, sizeof(float)) == 0
                   : memcmp(&back, &r, sizeof r) == 0)
            break;
    }
    if (strpbrk(out, ".e") == NULL) {
        memcpy(out + n, ".0", 3);
        n += 2;
    }
    return n;
}

static size_t print_decimal(char out[TARN_CELL_TEXT], int64_t v, int scale) {
    char digits[24];
    uint64_t u = v < 0 ? 0 - (uint64_t)v : (uint64_t)v;
    int n;

    if (scale < 0 || scale > 30)
        return (size_t)snprintf(out, TARN_CELL_TEXT, "%llde%lld", (long long)v, -(long long)scale);
    n = snprintf(digits, sizeof digits, "%llu", (unsigned long long)u);
    if (scale == 0) return (size_t)snprintf(out, TARN_CELL_TEXT, "%s%s", v < 0 ? "-" : "", digits);
    if (n > scale)
        return (size_t)snprintf(out, TARN_CELL_TEXT, "%s%.*s.%s", v < 0 ? "-" : "", n - scale,
                                digits, digits + n - scale);
    return (size_t)snprintf(out, TARN_CELL_TEXT, "%s0.%.*s%s", v < 0 ? "-" : "", scale - n,
                            "000000000000000000000000000000", digits);
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
    *out = parse_g(text);
    n = print_double(again, *out, 0);
    if (strcmp(text, again) == 0) return 0;
    if (n > 2 && memcmp(again + n - 2, ".0", 3) == 0) again[n - 2] = '\0';
    return strcmp(text, again) == 0 ? 0 : -1;
}

static int cell_integer(const struct tarn_pq_column *col, const struct tarn_cell *cell,
                        int64_t *out) {
    if (cell->kind == TARN_CELL_BYTES) return is_text(col) ? parse_integer(&cell->bytes, out) : -1;
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
    if (cell->kind == TARN_CELL_BYTES && is_text(col)) {
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

    switch (cell->kind) {
    case TARN_CELL_REAL: *out = cell->r; return isnan(cell->r) ? -1 : 0;
    case TARN_CELL_INT:
        if (col->logical.kind == TARN_LOGICAL_DECIMAL && col->logical.scale) {
            print_decimal(text, cell->i, col->logical.scale);
            *out = parse_g(text);
            return isfinite(*out) ? 0 : -1;
        }
        *out = (double)cell->i;
        return is_plain_number(col) && cell->i >= -DOUBLE_EXACT && cell->i <= DOUBLE_EXACT ? 0 : -1;
    case TARN_CELL_BYTES: return is_text(col) ? parse_double(&cell->bytes, out) : -1;
    case TARN_CELL_NULL:
    case TARN_CELL_BOOL:
    case TARN_CELL_UINT: break;
    }
    return -1;
}

/* `YYYY-MM-DD HH:MM:SS.` and 3, 6 or 9 digits; 0 when out of the years that have a text. */
static size_t print_timestamp(char out[TARN_CELL_TEXT], int64_t v, int64_t per_ms) {
    int64_t ms = tarn_floor_div(v, per_ms);
    int rest;

    if (ms < TARN_TIME_MIN || ms > TARN_TIME_MAX) return 0;
    rest = (int)(v - ms * per_ms);
    tarn_time_text(ms, out);
    if (per_ms == 1) return TARN_TIME_LEN;
    return TARN_TIME_LEN + (size_t)snprintf(out + TARN_TIME_LEN, TARN_CELL_TEXT - TARN_TIME_LEN,
                                            "%0*d", per_ms == 1000 ? 3 : 6, rest);
}

/* A time or a date as text; 0 when the cell is neither, or out of range. */
static size_t print_time(char out[TARN_CELL_TEXT], const struct tarn_pq_column *col,
                         const struct tarn_cell *cell) {
    int64_t per_ms = units_per_ms(&col->logical);
    int64_t ms;
    size_t n;

    if (col->physical == TARN_INT96 && cell->kind == TARN_CELL_BYTES)
        return int96_ms(&cell->bytes, &ms) == 0 ? print_timestamp(out, ms, 1) : 0;
    if (cell->kind != TARN_CELL_INT) return 0;
    if (col->logical.kind == TARN_LOGICAL_TIMESTAMP) return print_timestamp(out, cell->i, per_ms);
    if (col->logical.kind == TARN_LOGICAL_DATE && col->physical == TARN_INT32)
        return print_timestamp(out, cell->i * TARN_MS_PER_DAY, 1) ? 10 : 0;
    if (col->logical.kind == TARN_LOGICAL_TIME && cell->i >= 0 &&
        cell->i / per_ms < TARN_MS_PER_DAY) {
        n = print_timestamp(out, cell->i, per_ms);
        memmove(out, out + 11, n - 11);
        return n - 11;
    }
    return 0;
}

/* A number that isn't a time; 0 when the cell is no number. */
static size_t print_number(char out[TARN_CELL_TEXT], const struct tarn_pq_column *col,
                           const struct tarn_cell *cell) {
    if (cell->kind == TARN_CELL_INT && col->logical.kind == TARN_LOGICAL_DECIMAL)
        return print_decimal(out, cell->i, col->logical.scale);
    if (cell->kind == TARN_CELL_INT)
        return (size_t)snprintf(out, TARN_CELL_TEXT, "%lld", (long long)cell->i);
    if (cell->kind == TARN_CELL_UINT)
        return (size_t)snprintf(out, TARN_CELL_TEXT, "%llu", (unsigned long long)cell->i);
    if (cell->kind == TARN_CELL_REAL) return print_double(out, cell->r, cell->narrow);
    return 0;
}

static size_t print_uuid(char out[TARN_CELL_TEXT], const struct tarn_slice *s) {
    static const char hex[] = "0123456789abcdef";
    size_t n = 0;
    size_t i;

    for (i = 0; i < 16; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10) out[n++] = '-';
        out[n++] = hex[s->data[i] >> 4];
        out[n++] = hex[s->data[i] & 15];
    }
    return n;
}

/* What the cell prints as when it isn't text itself; 0 = nothing. */
static size_t print_cell(char out[TARN_CELL_TEXT], const struct tarn_pq_column *col,
                         const struct tarn_cell *cell) {
    size_t n = print_time(out, col, cell);

    if (!n && cell->kind == TARN_CELL_BYTES && col->logical.kind == TARN_LOGICAL_UUID &&
        cell->bytes.len == 16)
        n = print_uuid(out, &cell->bytes);
    return n ? n : print_number(out, col, cell);
}

int tarn_cell_text(const struct tarn_pq_column *col, const struct tarn_cell *cell,
                   char scratch[TARN_CELL_TEXT], struct tarn_slice *out) {
    if (cell->kind == TARN_CELL_BYTES && is_text(col)) {
        *out = cell->bytes;
        return tarn_utf8_invalid(out->data, out->len) == out->len ? 0 : -1;
    }
    out->data = (const uint8_t *)scratch;
    if (cell->kind == TARN_CELL_BOOL)
        out->len = (size_t)snprintf(scratch, TARN_CELL_TEXT, cell->i ? "true" : "false");
    else
        out->len = print_cell(scratch, col, cell);
    return out->len ? 0 : -1;
}

static void put_base64(struct tarn_buf *b, const struct tarn_slice *s) {
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    char out[4];
    uint32_t v;
    size_t i, n;

    tarn_buf_puts(b, "{\"$base64\":\"");
    for (i = 0; i < s->len; i += 3) {
        n = s->len - i < 3 ? s->len - i : 3;
        v = (uint32_t)s->data[i] << 16;
        v |= n > 1 ? (uint32_t)s->data[i + 1] << 8 : 0;
        v |= n > 2 ? (uint32_t)s->data[i + 2] : 0;
        out[0] = digits[v >> 18];
        out[1] = digits[v >> 12 & 63];
        out[2] = n > 1 ? digits[v >> 6 & 63] : '=';
        out[3] = n > 2 ? digits[v & 63] : '=';
        tarn_buf_put(b, out, 4);
    }
    tarn_buf_puts(b, "\"}");
}

void tarn_cell_json(struct tarn_buf *b, const struct tarn_pq_column *col,
                    const struct tarn_cell *cell) {
    char text[TARN_CELL_TEXT];
    const struct tarn_slice *s = &cell->bytes;
    size_t where, n;

    if (cell->kind == TARN_CELL_NULL) {
        tarn_buf_puts(b, "null");
    } else if (cell->kind == TARN_CELL_BOOL) {
        tarn_buf_puts(b, cell->i ? "true" : "false");
    } else if (cell->kind == TARN_CELL_BYTES && col->logical.kind == TARN_LOGICAL_JSON &&
               tarn_json_check(s->data, s->len, &where) == 0) {
        tarn_buf_put(b, s->data, s->len);
    } else if (cell->kind == TARN_CELL_BYTES && is_text(col) &&
               tarn_utf8_invalid(s->data, s->len) == s->len) {
        tarn_json_quote(b, (const char *)s->data, s->len);
    } else if ((n = print_cell(text, col, cell)) == 0) {
        put_base64(b, s);
    } else if (cell->kind == TARN_CELL_BYTES || print_time(text, col, cell) ||
               (cell->kind == TARN_CELL_REAL && !isfinite(cell->r))) {
        tarn_json_quote(b, text, n);
    } else {
        tarn_buf_put(b, text, n);
    }
}
