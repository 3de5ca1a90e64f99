/* export_value.c: one value in its column's type, exactly or not at all.
**
** What a type takes besides its own values: INT64 a real that is a whole number; DOUBLE an integer
** that a double holds; TIMESTAMP and DATE text as SQLite writes times (UTC where no zone is given),
** with no more digits than the unit has; DECIMAL integers, text, and reals that come back from
** `scale` digits; UUID text, or 16 bytes. A type that the option names takes more: TEXT the numbers
** as text, BLOB text as its bytes, TIMESTAMP integers in its unit.
*/
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cell_number.h"
#include "export.h"
#include "result.h"
#include "text.h"

#define TWO_63 9223372036854775808.0
#define US_PER_MINUTE INT64_C(60000000)

static int to_int64(const struct tarn_export_value *v, struct tarn_export_cell *out) {
    out->i = v->i;
    if (v->type == SQLITE_INTEGER) return 0;
    if (v->type != SQLITE_FLOAT || !(v->r >= -TWO_63 && v->r < TWO_63)) return -1;
    out->i = (int64_t)v->r;
    return (double)out->i == v->r && !(out->i == 0 && signbit(v->r)) ? 0 : -1;
}

static int to_double(const struct tarn_export_value *v, struct tarn_export_cell *out) {
    out->r = v->r;
    if (v->type == SQLITE_FLOAT) return 0;
    if (v->type != SQLITE_INTEGER) return -1;
    out->r = (double)v->i;
    return out->r < TWO_63 && (int64_t)out->r == v->i ? 0 : -1;
}

/* A number's text uses the locale's point; this one is "." */
static size_t point(char *s) {
    size_t n = strlen(s);

    for (size_t i = 0; i < n; i++)
        if (!strchr("0123456789+-einfEINF", s[i])) s[i] = '.';
    return n;
}

/* The shortest text that reads back as r, as SQLite prints it: 25 bytes at most. */
static void print_real(double r, char *out, size_t size) {
    char text[TARN_CELL_TEXT];

    tarn_print_double(text, r, 0);
    (void)snprintf(out, size, "%.31s", isinf(r) ? (r < 0 ? "-Inf" : "Inf") : text);
}

static int to_text(const struct tarn_export_column *c, const struct tarn_export_value *v,
                   struct tarn_export_cell *out) {
    char *scratch = (char *)out->scratch;

    out->p = v->p;
    out->n = v->n;
    if (v->type == SQLITE_TEXT) return tarn_utf8_invalid(v->p, v->n) == v->n ? 0 : -1;
    if (c->origin != TARN_EXPORT_NAMED || v->type == SQLITE_BLOB) return -1;
    if (v->type == SQLITE_INTEGER)
        (void)snprintf(scratch, sizeof out->scratch, "%lld", (long long)v->i);
    else
        print_real(v->r, scratch, sizeof out->scratch);
    out->p = out->scratch;
    out->n = strlen(scratch);
    return 0;
}

static int digit(uint8_t c) {
    return c >= '0' && c <= '9' ? c - '0' : -1;
}

/* Seconds and what follows them, from ":SS" on, as µs: the common case of a memorised minute. */
static int seconds(const uint8_t *p, size_t n, int64_t *us) {
    int64_t unit = 100000;
    size_t i = 3;

    if (n < 3 || p[0] != ':' || digit(p[1]) < 0 || digit(p[1]) > 5 || digit(p[2]) < 0) return -1;
    *us = (digit(p[1]) * 10 + digit(p[2])) * INT64_C(1000000);
    if (n > 4 && p[3] == '.') {
        for (i = 4; i < n && digit(p[i]) >= 0; i++, unit /= 10) {
            if (unit == 0 && p[i] != '0') return -1;
            *us += digit(p[i]) * unit;
        }
    }
    if (i < n && (p[i] == 'Z' || p[i] == 'z')) i++;
    return i == n ? 0 : -1;
}

/* Any text that is a time, in µs; -1 also for more than six digits, and for leap seconds. */
static int any_time(const uint8_t *p, size_t n, int64_t *us) {
    const uint8_t *point_at = memchr(p, '.', n);
    int64_t unit = 100000, fraction = 0, ms = 0;

    if (tarn_time_parse((const char *)p, n, &ms)) return -1;
    if (n > 18 && p[16] == ':' && p[17] == '6') return -1;
    *us = ms * 1000;
    if (!point_at) return 0;
    for (const uint8_t *q = point_at + 1; q < p + n && digit(*q) >= 0; q++, unit /= 10) {
        if (unit == 0 && *q != '0') return -1;
        fraction += digit(*q) * unit;
    }
    *us += fraction % 1000;
    return 0;
}

static int to_us(struct tarn_export_column *c, const struct tarn_export_value *v, int64_t *us) {
    if (v->n > 18 && memcmp(v->p, c->prefix, sizeof c->prefix) == 0 &&
        seconds(v->p + 16, v->n - 16, us) == 0) {
        *us += c->minute;
        return 0;
    }
    if (any_time(v->p, v->n, us)) return -1;
    if (v->n > 18 && tarn_time_parse((const char *)v->p, 16, &c->minute) == 0) {
        c->minute *= 1000;
        memcpy(c->prefix, v->p, sizeof c->prefix);
    }
    return 0;
}

static int to_timestamp(struct tarn_export_column *c, const struct tarn_export_value *v,
                        struct tarn_export_cell *out) {
    int ms = c->kind == TARN_EXPORT_TIMESTAMP_MS;

    out->i = v->i;
    if (v->type == SQLITE_INTEGER) return c->origin == TARN_EXPORT_NAMED ? 0 : -1;
    if (v->type != SQLITE_TEXT || to_us(c, v, &out->i)) return -1;
    if (ms && out->i % 1000) return -1;
    out->i /= ms ? 1000 : 1;
    return 0;
}

static int to_date(const struct tarn_export_value *v, struct tarn_export_cell *out) {
    int64_t us = 0;

    if (v->type != SQLITE_TEXT || any_time(v->p, v->n, &us)) return -1;
    if (us % (TARN_MS_PER_DAY * 1000)) return -1;
    out->i = us / (TARN_MS_PER_DAY * 1000);
    return 0;
}

/* "-12.50" as 12.50 * 10^scale; digits beyond the scale must be zeros. */
static int parse_decimal(const struct tarn_export_column *c, const uint8_t *p, size_t n,
                         __int128 *out) {
    int negative = n > 0 && *p == '-', after = -1, digits = 0, scale = 0;
    __int128 limit = 1, sum = 0;
    size_t i = n > 0 && (*p == '-' || *p == '+');

    for (int k = 0; k < c->precision; k++)
        limit *= 10;
    for (; i < n; i++) {
        if (p[i] == '.' && after < 0) {
            after = 0;
            continue;
        }
        if (digit(p[i]) < 0) return -1;
        digits++;
        if (after >= 0 && after++ >= c->scale) {
            if (p[i] != '0') return -1;
            continue;
        }
        scale += after > 0;
        sum = sum * 10 + digit(p[i]);
        if (sum >= limit) return -1;
    }
    for (; scale < c->scale; scale++) {
        sum *= 10;
        if (sum >= limit) return -1;
    }
    *out = negative ? -sum : sum;
    return digits > 0 ? 0 : -1;
}

static int to_decimal(const struct tarn_export_column *c, const struct tarn_export_value *v,
                      struct tarn_export_cell *out) {
    char text[128];
    const uint8_t *p = v->p;
    __int128 d = 0;
    size_t n = v->n;

    if (v->type == SQLITE_BLOB) return -1;
    if (v->type == SQLITE_INTEGER) (void)snprintf(text, sizeof text, "%lld", (long long)v->i);
    if (v->type == SQLITE_FLOAT) {
        if (!(fabs(v->r) < 1e38)) return -1;
        (void)snprintf(text, sizeof text, "%.*f", c->scale, v->r);
        if (strtod(text, NULL) != v->r) return -1;
        (void)point(text);
    }
    if (v->type != SQLITE_TEXT) {
        p = (const uint8_t *)text;
        n = strlen(text);
    }
    if (parse_decimal(c, p, n, &d)) return -1;
    out->i = (int64_t)d;
    for (int i = 15; i >= 0; i--, d >>= 8)
        out->scratch[i] = (uint8_t)d;
    out->p = out->scratch;
    out->n = 16;
    return 0;
}

static int hex(uint8_t c) {
    if (digit(c) >= 0) return digit(c);
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static int to_uuid(const struct tarn_export_value *v, struct tarn_export_cell *out) {
    size_t k = 0;

    out->n = 16;
    out->p = v->p;
    if (v->type == SQLITE_BLOB) return v->n == 16 ? 0 : -1;
    if (v->type != SQLITE_TEXT || v->n != 36) return -1;
    for (size_t i = 0; k < 16; i += 2) {
        if (i == 8 || i == 13 || i == 18 || i == 23) {
            if (v->p[i++] != '-') return -1;
        }
        if (hex(v->p[i]) < 0 || hex(v->p[i + 1]) < 0) return -1;
        out->scratch[k++] = (uint8_t)(hex(v->p[i]) << 4 | hex(v->p[i + 1]));
    }
    out->p = out->scratch;
    return 0;
}

int tarn_export_convert(struct tarn_export_column *c, const struct tarn_export_value *v,
                        struct tarn_export_cell *out) {
    size_t where = 0;

    switch (c->kind) {
    case TARN_EXPORT_INT64: return to_int64(v, out);
    case TARN_EXPORT_DOUBLE: return to_double(v, out);
    case TARN_EXPORT_TEXT: return to_text(c, v, out);
    case TARN_EXPORT_BLOB:
        out->p = v->p;
        out->n = v->n;
        if (v->type == SQLITE_TEXT) return c->origin == TARN_EXPORT_NAMED ? 0 : -1;
        return v->type == SQLITE_BLOB ? 0 : -1;
    case TARN_EXPORT_BOOLEAN:
        out->i = v->i;
        return v->type == SQLITE_INTEGER && (v->i == 0 || v->i == 1) ? 0 : -1;
    case TARN_EXPORT_DATE: return to_date(v, out);
    case TARN_EXPORT_TIMESTAMP_MS:
    case TARN_EXPORT_TIMESTAMP_US: return to_timestamp(c, v, out);
    case TARN_EXPORT_JSON:
        out->p = v->p;
        out->n = v->n;
        return v->type == SQLITE_TEXT && tarn_json_check(v->p, v->n, &where) == 0 ? 0 : -1;
    case TARN_EXPORT_UUID: return to_uuid(v, out);
    case TARN_EXPORT_DECIMAL: return to_decimal(c, v, out);
    default: return -1;
    }
}

static const char *show(const struct tarn_export_value *v, char out[TARN_SHOWN]) {
    switch (v->type) {
    case SQLITE_INTEGER: (void)snprintf(out, TARN_SHOWN, "%lld", (long long)v->i); break;
    case SQLITE_FLOAT: print_real(v->r, out, TARN_SHOWN); break;
    case SQLITE_TEXT: return tarn_show_text((const char *)v->p, v->n, out);
    default: (void)snprintf(out, TARN_SHOWN, "a BLOB of %zu bytes", v->n); break;
    }
    return out;
}

/* A type that takes the value, and as far as can be told those before it. */
static const char *wider(const struct tarn_export_column *c, const struct tarn_export_value *v) {
    struct tarn_export_column us = {.kind = TARN_EXPORT_TIMESTAMP_US};
    struct tarn_export_cell cell;

    if (v->type == SQLITE_BLOB) return "BLOB";
    if (v->type == SQLITE_TEXT) {
        if (c->kind == TARN_EXPORT_BLOB) return "BLOB";
        if (c->kind == TARN_EXPORT_TIMESTAMP_MS && tarn_export_convert(&us, v, &cell) == 0)
            return "TIMESTAMP_US";
        return tarn_utf8_invalid(v->p, v->n) == v->n ? "TEXT" : "BLOB";
    }
    switch (c->kind) {
    case TARN_EXPORT_DATE:
    case TARN_EXPORT_TIMESTAMP_MS:
    case TARN_EXPORT_TIMESTAMP_US:
    case TARN_EXPORT_BOOLEAN: return v->type == SQLITE_INTEGER ? "INT64" : "DOUBLE";
    case TARN_EXPORT_INT64:
    case TARN_EXPORT_DECIMAL: return v->type == SQLITE_FLOAT ? "DOUBLE" : "TEXT";
    default: return "TEXT";
    }
}

int tarn_export_misfit(const struct tarn_export_column *c, const struct tarn_export_value *v,
                       uint64_t row, struct tarn_err *err) {
    static const char *const origins[] = {[TARN_EXPORT_BY_VALUES] = "as the first rows are",
                                          [TARN_EXPORT_DECLARED] = "by its declaration",
                                          [TARN_EXPORT_NAMED] = "by the option types"};
    char shown[TARN_SHOWN], type[32];

    return tarn_err_set(err, TARN_EINVAL,
                        "tarn_export: column \"%.40s\", row %llu: %s does not fit %s, the type %s; "
                        "another: {\"types\": {\"%.40s\": \"%s\"}}",
                        c->name, (unsigned long long)row, show(v, shown),
                        tarn_export_type_name(c, type), origins[c->origin], c->name, wider(c, v));
}
