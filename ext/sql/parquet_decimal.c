/* parquet_decimal.c: the collation of decimals: texts compare as the numbers they are, exactly.
**
** A number is a sign, digits with one point at most, and an exponent perhaps, as SQLite prints
** numbers too. Texts that are no numbers come after all numbers, and compare as bytes among
** themselves. Numbers that are equal are equal texts: 1.50 and 1.5, 0 and -0.
*/
#include "parquet_decimal.h"

#include <string.h>

#define EXPONENT_MAX 100000

struct number {
    const char *digits; /* from the first one that isn't zero; may hold a point */
    size_t n;           /* characters, the point among them, trailing zeros still there */
    int64_t magnitude;  /* digits before the point when written without an exponent */
    int sign;           /* -1, 0, 1 */
};

/* The exponent behind e or E; 0 when it is none. */
static int read_exponent(const char *s, size_t n, int64_t *out) {
    size_t i = n > 0 && (*s == '-' || *s == '+');
    int negative = i && *s == '-';

    *out = 0;
    if (i == n) return 0;
    for (; i < n; i++) {
        if (s[i] < '0' || s[i] > '9') return 0;
        if (*out < EXPONENT_MAX) *out = *out * 10 + (s[i] - '0');
    }
    if (negative) *out = -*out;
    return 1;
}

/* 1 when s is a number. */
static int read_number(const char *s, size_t n, struct number *out) {
    size_t i = n > 0 && (*s == '-' || *s == '+');
    size_t digits = 0, end = 0;
    int64_t before = 0, leading = 0, exponent = 0;
    int point = 0, started = 0;

    memset(out, 0, sizeof *out);
    out->sign = i && *s == '-' ? -1 : 1;
    for (; i < n; i++) {
        if (s[i] == '.' && !point) {
            point = 1;
            continue;
        }
        if (s[i] < '0' || s[i] > '9') break;
        digits++;
        if (!started && s[i] != '0') {
            started = 1;
            out->digits = s + i;
        }
        if (started && !point) before++;
        if (!started && point) leading++;
    }
    end = i;
    if (digits == 0) return 0;
    if (i < n) {
        if ((s[i] | 32) != 'e' || !read_exponent(s + i + 1, n - i - 1, &exponent)) return 0;
    }
    if (!started) {
        out->sign = 0;
        return 1;
    }
    out->n = end - (size_t)(out->digits - s);
    out->magnitude = (before ? before : -leading) + exponent;
    return 1;
}

/* The next digit, 0 behind the last one. */
static int next_digit(const struct number *x, size_t *at) {
    if (*at < x->n && x->digits[*at] == '.') ++*at;
    return *at < x->n ? x->digits[(*at)++] : '0';
}

static int compare_size(const struct number *a, const struct number *b) {
    size_t i = 0, j = 0;

    if (a->magnitude != b->magnitude) return a->magnitude < b->magnitude ? -1 : 1;
    while (i < a->n || j < b->n) {
        int x = next_digit(a, &i), y = next_digit(b, &j);
        if (x != y) return x < y ? -1 : 1;
    }
    return 0;
}

int tarn_decimal_compare(const char *a, size_t na, const char *b, size_t nb) {
    struct number x, y;
    int is_x = read_number(a, na, &x);
    int is_y = read_number(b, nb, &y);
    int cmp = 0;

    if (is_x != is_y) return is_x ? -1 : 1;
    if (!is_x) {
        size_t n = na < nb ? na : nb;
        cmp = n ? memcmp(a, b, n) : 0;
        return cmp ? cmp : (na > nb) - (na < nb);
    }
    if (x.sign != y.sign) return x.sign < y.sign ? -1 : 1;
    if (x.sign == 0) return 0;
    cmp = compare_size(&x, &y);
    return x.sign < 0 ? -cmp : cmp;
}
