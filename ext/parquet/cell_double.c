/* cell_double.c: doubles to their shortest usual text, and back.
**
** The text is what printf("%.15g") writes, or 16 or 17 digits where fewer do not read back as the
** same number (6 to 9 for a FLOAT). Numbers of usual size take a path without printf and strtod, in
** exact integers. With r = f * 2^e, and k digits after the point:
**
**   r * 10^k = (f * 5^k) * 2^(e+k)     f * 5^k has 100 bits at most, e + k is negative
**   rounded  = the digits              half to even, as printf rounds; k is 20 at most
**
** and the digits read back as r when they are less than half a unit of f away from it, which is
** 5^k / 2 in the same numbers. All other numbers are printed and read back until they are the same.
*/
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cell_number.h"

#define FRACTION_BITS 52

typedef unsigned __int128 wide;

/* snprintf and strtod follow the process's locale; print_g and tarn_parse_double don't. */
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

double tarn_parse_double(const char *s) {
    const char *point = localeconv()->decimal_point;
    char copy[TARN_CELL_TEXT + 16];
    const char *dot = strchr(s, '.');

    if (!dot || strcmp(point, ".") == 0 || strlen(point) > 8) return strtod(s, NULL);
    snprintf(copy, sizeof copy, "%.*s%s%s", (int)(dot - s), s, point, dot + 1);
    return strtod(copy, NULL);
}

static int same(double a, double b, int narrow) {
    return narrow ? memcmp(&(float){(float)a}, &(float){(float)b}, sizeof(float)) == 0
                  : memcmp(&a, &b, sizeof a) == 0;
}

size_t tarn_print_double_plain(char out[TARN_CELL_TEXT], double r, int narrow) {
    int digits = narrow ? 6 : 15, most = narrow ? 9 : 17;
    size_t n = 0;

    if (isnan(r)) return (size_t)snprintf(out, TARN_CELL_TEXT, "NaN");
    if (isinf(r)) return (size_t)snprintf(out, TARN_CELL_TEXT, r > 0 ? "Infinity" : "-Infinity");
    for (; digits <= most; digits++) {
        n = print_g(out, TARN_CELL_TEXT - 3, digits, r);
        if (same(tarn_parse_double(out), r, narrow)) break;
    }
    if (strpbrk(out, ".e") == NULL) {
        memcpy(out + n, ".0", 3);
        n += 2;
    }
    return n;
}

/* 10^k is exact up to 22; below one it is the first double that is not below the power. */
static const double tens[] = {1e0, 1e1, 1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                              1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15};
static const double tenths[] = {1e0, 1e-1, 1e-2, 1e-3, 1e-4};

/* The exponent of ten of r's first digit; r is in [1e-4, 1e15). */
static int exponent_of(double r) {
    int x = 0;

    if (r < 1) {
        while (r < tenths[-x])
            x--;
        return x;
    }
    if (r >= tens[8]) x = 8;
    if (r >= tens[x + 4]) x += 4;
    while (r >= tens[x + 1])
        x++;
    return x;
}

struct exact { /* f * 2^e */
    uint64_t f;
    int e;
};

static uint64_t five_to(int k) {
    uint64_t v = 1, base = 5;

    for (; k; k >>= 1, base *= base)
        if (k & 1) v *= base;
    return v;
}

/* r * 10^k as a whole number; *back = 1 when it reads back as r. */
static uint64_t scale(struct exact r, int k, int *back) {
    uint64_t unit = five_to(k), m = 0;
    int shift = -(r.e + k);
    wide v = (wide)r.f * unit, whole = v >> shift, rest = v - (whole << shift);
    wide half = (wide)1 << (shift - 1), off = rest;

    m = (uint64_t)whole;
    if (rest > half || (rest == half && (m & 1))) {
        m++;
        off = ((wide)1 << shift) - rest;
    } else if (r.f == UINT64_C(1) << FRACTION_BITS) {
        off *= 2; /* below a power of two numbers are twice as dense */
    }
    off *= 2;
    *back = off < unit || (off == unit && !(r.f & 1));
    return m;
}

/* m * 10^-k as text, with a point but no zeros after it that say nothing. */
static size_t print_scaled(char out[TARN_CELL_TEXT], int negative, uint64_t m, int k) {
    char digits[24];
    char *end = digits + sizeof digits, *p = end;
    size_t n = 0, after = 0;

    while (k > 0 && m % 10 == 0) {
        m /= 10;
        k--;
    }
    do {
        *--p = (char)('0' + m % 10);
        m /= 10;
    } while (m);
    while (end - p <= k)
        *--p = '0';
    after = (size_t)k;
    if (negative) out[n++] = '-';
    memcpy(out + n, p, (size_t)(end - p) - after);
    n += (size_t)(end - p) - after;
    out[n++] = '.';
    if (after == 0) out[n++] = '0';
    memcpy(out + n, end - after, after);
    n += after;
    out[n] = '\0';
    return n;
}

/* 0 when r is not of usual size, or would be written with an exponent. */
static size_t print_fast(char out[TARN_CELL_TEXT], double r, int narrow) {
    int digits = narrow ? 6 : 15, most = narrow ? 9 : 17, x = 0;
    double size = fabs(r);
    uint64_t bits = 0;
    struct exact exact;

    if (!(size >= 1e-4 && size < tens[digits])) return 0;
    x = exponent_of(size);
    memcpy(&bits, &size, sizeof bits);
    exact.f = (bits & ((UINT64_C(1) << FRACTION_BITS) - 1)) | UINT64_C(1) << FRACTION_BITS;
    exact.e = (int)(bits >> FRACTION_BITS) - 1023 - FRACTION_BITS;
    for (; digits <= most; digits++) {
        int k = digits - 1 - x, back = 0;
        uint64_t m = scale(exact, k, &back);

        if (narrow) back = same((double)m / tens[k], size, 1);
        if (!back) continue;
        if (k == 0 && (double)m >= tens[digits]) return 0;
        return print_scaled(out, r < 0, m, k);
    }
    return 0;
}

size_t tarn_print_double(char out[TARN_CELL_TEXT], double r, int narrow) {
    size_t n = print_fast(out, r, narrow);

    return n ? n : tarn_print_double_plain(out, r, narrow);
}
