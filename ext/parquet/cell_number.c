/* cell_number.c: integers and decimals of any width to text. Doubles are in cell_double.c.
**
** A wide decimal is divided by 10^9 again and again, in 32-bit limbs, the most significant first:
**
**   bytes, big-endian -> magnitude in limbs[0..16) -> groups of 9 digits, last group first
*/
#include "cell_number.h"

#include <stdio.h>
#include <string.h>

#define LIMBS (TARN_DECIMAL_BYTES / 4)
#define GROUP 1000000000u
#define MAX_DIGITS 162 /* of 512 bits: 155, in groups of 9 */

/* Writes v's digits so that they end before `end`; where they begin. */
static char *digits_before(char *end, uint64_t v) {
    do {
        *--end = (char)('0' + v % 10);
        v /= 10;
    } while (v);
    return end;
}

size_t tarn_print_uint(char *out, uint64_t v) {
    char digits[24];
    char *end = digits + sizeof digits;
    char *p = digits_before(end, v);
    size_t n = (size_t)(end - p);

    memcpy(out, p, n);
    out[n] = '\0';
    return n;
}

size_t tarn_print_int(char *out, int64_t v) {
    if (v >= 0) return tarn_print_uint(out, (uint64_t)v);
    tarn_print_uint(out + 1, 0 - (uint64_t)v);
    out[0] = '-';
    return strlen(out);
}

/* digits[0..n) (no leading zeros, at least one digit) with sign and point. */
static size_t place_point(char out[TARN_CELL_TEXT], int negative, const char *digits, size_t n,
                          int scale) {
    char *p = out;
    size_t after = scale > 0 ? (size_t)scale : 0;

    if (negative) *p++ = '-';
    if (scale < 0 || scale > TARN_DECIMAL_SCALE) {
        memcpy(p, digits, n);
        p += n;
        p += snprintf(p, 16, "e%lld", -(long long)scale);
        return (size_t)(p - out);
    }
    if (n > after) {
        memcpy(p, digits, n - after);
        p += n - after;
        digits += n - after;
        n = after;
    } else {
        *p++ = '0';
    }
    if (after) {
        *p++ = '.';
        memset(p, '0', after - n);
        memcpy(p + (after - n), digits, n);
        p += after;
    }
    *p = '\0';
    return (size_t)(p - out);
}

size_t tarn_print_decimal(char out[TARN_CELL_TEXT], int64_t v, int scale) {
    char digits[24];
    char *end = digits + sizeof digits;
    char *p = digits_before(end, v < 0 ? 0 - (uint64_t)v : (uint64_t)v);

    return place_point(out, v < 0, p, (size_t)(end - p), scale);
}

/* The magnitude of `n` bytes into limbs, most significant first. */
static void magnitude(const uint8_t *p, size_t n, int negative, uint32_t limbs[LIMBS]) {
    uint32_t carry = negative ? 1 : 0;

    memset(limbs, 0, LIMBS * sizeof *limbs);
    for (size_t i = 0; i < n; i++) {
        uint32_t b = p[n - 1 - i];

        if (negative) {
            b = (b ^ 0xff) + carry;
            carry = b >> 8;
            b &= 0xff;
        }
        limbs[LIMBS - 1 - i / 4] |= b << (i % 4 * 8);
    }
}

/* Divides limbs[from..LIMBS) by GROUP in place; the remainder. */
static uint32_t divide(uint32_t limbs[LIMBS], size_t from) {
    uint64_t rest = 0;

    for (size_t i = from; i < LIMBS; i++) {
        uint64_t v = rest << 32 | limbs[i];

        limbs[i] = (uint32_t)(v / GROUP);
        rest = v % GROUP;
    }
    return (uint32_t)rest;
}

size_t tarn_print_decimal_bytes(char out[TARN_CELL_TEXT], const struct tarn_slice *s, int scale) {
    uint32_t limbs[LIMBS];
    char digits[MAX_DIGITS];
    char *end = digits + sizeof digits, *p = end;
    const uint8_t *from = s->data;
    size_t n = s->len, top = 0;
    int negative;

    if (n == 0) return 0;
    negative = from[0] >> 7;
    while (n > 1 && from[0] == (negative ? 0xff : 0) && (from[1] >> 7) == negative) {
        from++;
        n--;
    }
    if (n > TARN_DECIMAL_BYTES) return 0;
    magnitude(from, n, negative, limbs);
    while (top < LIMBS) {
        uint32_t group;

        if (limbs[top] == 0) {
            top++;
            continue;
        }
        group = divide(limbs, top);
        for (int i = 0; i < 9; i++, group /= 10)
            *--p = (char)('0' + group % 10);
    }
    while (p < end && *p == '0')
        p++;
    if (p == end) *--p = '0';
    return place_point(out, negative, p, (size_t)(end - p), scale);
}
