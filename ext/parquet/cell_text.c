/* cell_text.c: cells as text and as JSON; cell.h says which type prints how. */
#include <math.h>
#include <string.h>

#include "cell.h"
#include "cell_number.h"
#include "text.h"
#include "time.h"

#define DAYS_0000 (-719528) /* 0000-01-01, in days since 1970 */
#define DAYS_9999 2932896

static char *put_digits(char *p, uint64_t v, int n) {
    for (int i = n; i-- > 0; v /= 10)
        p[i] = (char)('0' + v % 10);
    return p + n;
}

/* YYYY-MM-DD, by the calendar's cycle of 400 years, which has 146,097 days and begins in March. */
static char *put_date(char *p, int64_t days) {
    int64_t shifted = days - DAYS_0000 - 60;
    int64_t era = tarn_floor_div(shifted, 146097), doe = shifted - era * 146097;
    int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    int64_t mp = (5 * doy + 2) / 153, day = doy - (153 * mp + 2) / 5 + 1;
    int64_t month = mp < 10 ? mp + 3 : mp - 9, year = yoe + era * 400 + (month <= 2);

    if (days >= DAYS_0000 && days <= DAYS_9999) {
        p = put_digits(p, (uint64_t)year, 4);
    } else {
        uint64_t y = (uint64_t)(year < 0 ? -year : year);
        *p++ = year < 0 ? '-' : '+';
        p = put_digits(p, y, y < 1000000 ? 6 : y < 10000000 ? 7 : y < 100000000 ? 8 : 9);
    }
    *p++ = '-';
    p = put_digits(p, (uint64_t)month, 2);
    *p++ = '-';
    return put_digits(p, (uint64_t)day, 2);
}

/* HH:MM:SS. and the digits of the unit, of which a second has 10^digits. */
static char *put_clock(char *p, int64_t of_day, int64_t per_second, int digits) {
    int64_t s = of_day / per_second;

    p = put_digits(p, (uint64_t)(s / 3600), 2);
    *p++ = ':';
    p = put_digits(p, (uint64_t)(s / 60 % 60), 2);
    *p++ = ':';
    p = put_digits(p, (uint64_t)(s % 60), 2);
    *p++ = '.';
    return put_digits(p, (uint64_t)(of_day % per_second), digits);
}

static size_t print_moment(char *out, int64_t days, int64_t of_day, int64_t per_second,
                           int digits) {
    char *p = put_date(out, days);

    *p++ = ' ';
    return (size_t)(put_clock(p, of_day, per_second, digits) - out);
}

/* A time or a date as text; 0 when the cell is neither, or a TIME outside of a day. */
static size_t print_time(char *out, const struct tarn_pq_column *col,
                         const struct tarn_cell *cell) {
    int digits = col->logical.unit == TARN_UNIT_NS ? 9 : col->logical.unit == TARN_UNIT_US ? 6 : 3;
    int64_t per_second = digits == 9 ? 1000000000 : digits == 6 ? 1000000 : 1000;
    int64_t day = per_second * 86400, days = 0, ns = 0;

    if (col->physical == TARN_INT96 && cell->kind == TARN_CELL_BYTES)
        return tarn_cell_int96(&cell->bytes, &days, &ns) == 0
                   ? print_moment(out, days, ns, 1000000000, 9)
                   : 0;
    if (cell->kind != TARN_CELL_INT) return 0;
    days = tarn_floor_div(cell->i, day);
    switch (col->logical.kind) {
    case TARN_LOGICAL_TIMESTAMP:
        ns = cell->i % day;
        return print_moment(out, days, ns < 0 ? ns + day : ns, per_second, digits);
    case TARN_LOGICAL_DATE:
        return col->physical == TARN_INT32 ? (size_t)(put_date(out, cell->i) - out) : 0;
    case TARN_LOGICAL_TIME:
        return days == 0 ? (size_t)(put_clock(out, cell->i, per_second, digits) - out) : 0;
    default: return 0;
    }
}

/* Months, days and milliseconds, each unsigned. */
static size_t print_interval(char out[TARN_CELL_TEXT], const struct tarn_slice *s) {
    struct tarn_cursor c = {s->data, s->data + s->len, TARN_OK};
    uint32_t months = tarn_cursor_le32(&c), days = tarn_cursor_le32(&c);
    uint32_t ms = tarn_cursor_le32(&c);
    size_t n = 1;

    out[0] = 'P';
    if (months) {
        n += tarn_print_uint(out + n, months);
        out[n++] = 'M';
    }
    if (days || (!months && !ms)) {
        n += tarn_print_uint(out + n, days);
        out[n++] = 'D';
    }
    if (!ms) return n;
    out[n++] = 'T';
    n += tarn_print_uint(out + n, ms / 1000);
    if (ms % 1000) {
        out[n++] = '.';
        put_digits(out + n, ms % 1000, 3);
        n += 3;
        while (out[n - 1] == '0')
            n--;
    }
    out[n++] = 'S';
    return n;
}

static size_t print_uuid(char *out, const struct tarn_slice *s) {
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

/* What bytes print as when they aren't text themselves; 0 = nothing. */
static size_t print_bytes(char out[TARN_CELL_TEXT], const struct tarn_pq_column *col,
                          const struct tarn_slice *s) {
    if (col->logical.kind == TARN_LOGICAL_UUID && s->len == 16) return print_uuid(out, s);
    if (col->logical.kind == TARN_LOGICAL_INTERVAL && s->len == 12) return print_interval(out, s);
    return 0;
}

/* What the cell prints as when it isn't text itself; 0 = nothing. *number: JSON needs no quotes. */
static size_t print_cell(char out[TARN_CELL_TEXT], const struct tarn_pq_column *col,
                         const struct tarn_cell *cell, int *number) {
    int decimal = col->logical.kind == TARN_LOGICAL_DECIMAL;
    size_t n = print_time(out, col, cell);

    *number = 0;
    if (n) return n;
    *number = 1;
    switch (cell->kind) {
    case TARN_CELL_INT:
        return decimal ? tarn_print_decimal(out, cell->i, col->logical.scale)
                       : tarn_print_int(out, cell->i);
    case TARN_CELL_UINT: return tarn_print_uint(out, (uint64_t)cell->i);
    case TARN_CELL_REAL:
        *number = isfinite(cell->r) != 0;
        return tarn_print_double(out, cell->r, cell->narrow);
    case TARN_CELL_BYTES:
        if (decimal) return tarn_print_decimal_bytes(out, &cell->bytes, col->logical.scale);
        *number = 0;
        return print_bytes(out, col, &cell->bytes);
    default: return 0;
    }
}

int tarn_cell_text(const struct tarn_pq_column *col, const struct tarn_cell *cell,
                   char scratch[TARN_CELL_TEXT], struct tarn_slice *out) {
    int number = 0;

    if (cell->kind == TARN_CELL_BYTES && tarn_cell_is_text(col)) {
        *out = cell->bytes;
        return tarn_utf8_invalid(out->data, out->len) == out->len ? 0 : -1;
    }
    out->data = (const uint8_t *)scratch;
    if (cell->kind == TARN_CELL_BOOL) {
        out->len = cell->i ? 4 : 5;
        memcpy(scratch, cell->i ? "true" : "false", out->len);
    } else {
        out->len = print_cell(scratch, col, cell, &number);
    }
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
    int is_bytes = cell->kind == TARN_CELL_BYTES, number = 0;
    size_t where, n;

    if (cell->kind == TARN_CELL_NULL) {
        tarn_buf_puts(b, "null");
    } else if (cell->kind == TARN_CELL_BOOL) {
        tarn_buf_puts(b, cell->i ? "true" : "false");
    } else if (is_bytes && col->logical.kind == TARN_LOGICAL_JSON &&
               tarn_json_check(s->data, s->len, &where) == 0) {
        tarn_buf_put(b, s->data, s->len);
    } else if (is_bytes && tarn_cell_is_text(col) && tarn_utf8_invalid(s->data, s->len) == s->len) {
        tarn_json_quote(b, (const char *)s->data, s->len);
    } else if ((n = print_cell(text, col, cell, &number)) == 0) {
        put_base64(b, s);
    } else if (number) {
        tarn_buf_put(b, text, n);
    } else {
        tarn_json_quote(b, text, n);
    }
}
