/* Which rows match: the form for vectors, where the processor has them, and the plain one, against each
** other and against a plain evaluation, with lengths around the width of a vector. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <math.h>

#include "gather.h"
#include "mem.h"
#include "select.h"

#define MOST 200

static uint64_t seed = 20261122;

static uint32_t rnd(uint32_t n) {
    seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(seed >> 33) % n;
}

static int64_t number(int64_t least, int64_t most) {
    uint32_t how = rnd(12);

    return how == 0 ? least : how == 1 ? most : (int64_t)rnd(9) - 4;
}

struct both { /* exactly n places each, so that the sanitizer sees a write beyond */
    struct tarn_rows fast, plain;
    uint32_t want[MOST], n_want;
};

static void begin(struct both *b, uint32_t n) {
    memset(b, 0, sizeof *b);
    b->fast.first = b->plain.first = rnd(3) * 70000;
    b->fast.n = b->plain.n = n;
    b->fast.sel = tarn_malloc(n * sizeof(uint32_t) + 1);
    b->plain.sel = tarn_malloc(n * sizeof(uint32_t) + 1);
}

static void want(struct both *b, uint32_t i, int match) {
    if (match) b->want[b->n_want++] = b->fast.first + i;
}

static void check(struct both *b, uint32_t fast, uint32_t plain) {
    assert_int_equal(fast, b->n_want);
    assert_int_equal(plain, b->n_want);
    if (fast) assert_memory_equal(b->fast.sel, b->want, fast * sizeof(uint32_t));
    if (fast) assert_memory_equal(b->plain.sel, b->want, fast * sizeof(uint32_t));
    tarn_free(b->fast.sel);
    tarn_free(b->plain.sel);
}

static void whole_numbers(void **state) {
    static int32_t a[MOST];
    static int64_t c[MOST];
    struct both b;

    (void)state;
    for (int round = 0; round < 5000; round++) {
        uint32_t n = rnd(MOST);
        int outside = rnd(3) == 0;
        int64_t lo = number(INT32_MIN, INT32_MAX), hi = number(INT32_MIN, INT32_MAX);
        for (uint32_t i = 0; i < n; i++)
            a[i] = (int32_t)number(INT32_MIN, INT32_MAX);
        begin(&b, n);
        for (uint32_t i = 0; i < n; i++)
            want(&b, i, (a[i] >= lo && a[i] <= hi) != outside);
        check(&b, tarn_select_i32(&b.fast, a, (int32_t)lo, (int32_t)hi, outside),
              tarn_select_i32_plain(&b.plain, a, (int32_t)lo, (int32_t)hi, outside));
        lo = number(INT64_MIN, INT64_MAX);
        hi = number(INT64_MIN, INT64_MAX);
        for (uint32_t i = 0; i < n; i++)
            c[i] = number(INT64_MIN, INT64_MAX);
        begin(&b, n);
        for (uint32_t i = 0; i < n; i++)
            want(&b, i, (c[i] >= lo && c[i] <= hi) != outside);
        check(&b, tarn_select_i64(&b.fast, c, lo, hi, outside),
              tarn_select_i64_plain(&b.plain, c, lo, hi, outside));
    }
}

static int holds(double x, double c, enum tarn_real_test test) {
    switch (test) {
    case TARN_REAL_EQ: return x == c;
    case TARN_REAL_NE: return x < c || x > c;
    case TARN_REAL_LT: return x < c;
    case TARN_REAL_LE: return x <= c;
    case TARN_REAL_GT: return x > c;
    default: return x >= c;
    }
}

static void reals(void **state) {
    static const double edges[] = {0.0, -0.0, 1.5, -1.5, 1e300, -1e300};
    static double a[MOST];
    struct both b;

    (void)state;
    for (int round = 0; round < 6000; round++) {
        enum tarn_real_test test = (enum tarn_real_test)(round % 6);
        uint32_t n = rnd(MOST);
        double c = rnd(20) ? edges[rnd(6)] : NAN;
        for (uint32_t i = 0; i < n; i++) {
            uint32_t how = rnd(20);
            a[i] = how == 0 ? NAN : how == 1 ? INFINITY : how == 2 ? -INFINITY : edges[rnd(6)];
        }
        begin(&b, n);
        for (uint32_t i = 0; i < n; i++)
            want(&b, i, holds(a[i], c, test));
        check(&b, tarn_select_f64(&b.fast, a, c, test),
              tarn_select_f64_plain(&b.plain, a, c, test));
    }
}

static void bytes(void **state) {
    static uint8_t a[MOST];
    struct both b;

    (void)state;
    for (int round = 0; round < 4000; round++) {
        uint32_t n = rnd(MOST), often = 1 + rnd(5);
        int is = round % 2;
        for (uint32_t i = 0; i < n; i++)
            a[i] = rnd(often) == 0 ? 0 : (uint8_t)(1 + rnd(255));
        begin(&b, n);
        for (uint32_t i = 0; i < n; i++)
            want(&b, i, (a[i] != 0) == is);
        check(&b, tarn_select_bytes(&b.fast, a, is), tarn_select_bytes_plain(&b.plain, a, is));
    }
}

static void gathers(void **state) {
    static uint32_t in[MOST], at[MOST];
    uint32_t out[MOST + 1], plain[MOST + 1];

    (void)state;
    for (uint32_t i = 0; i < MOST; i++)
        in[i] = rnd(1000000);
    for (int round = 0; round < 3000; round++) {
        uint32_t n = rnd(MOST), base = rnd(3) ? 0 : rnd(100000);
        for (uint32_t i = 0; i < n; i++)
            at[i] = base + rnd(MOST);
        memset(out, 0xa5, sizeof out);
        memset(plain, 0xa5, sizeof plain);
        tarn_gather32(out, in, at, base, n);
        tarn_gather32_plain(plain, in, at, base, n);
        assert_memory_equal(out, plain, sizeof out);
        for (uint32_t i = 0; i < n; i++)
            assert_int_equal(out[i], in[at[i] - base]);
        assert_int_equal(out[n], UINT32_C(0xa5a5a5a5));
    }
}

/* One code that is too large, at every place and by every amount. */
static void codes_beyond_the_dictionary(void **state) {
    static const uint32_t wrong[] = {0, 1, 1000, INT32_MAX, UINT32_C(0x80000000), UINT32_MAX};
    uint32_t codes[40] = {0};

    (void)state;
    assert_int_equal(tarn_codes_below(codes, 0, 0), 1);
    for (uint32_t n = 1; n < 40; n++) {
        uint32_t limit = 1 + rnd(300);
        for (uint32_t i = 0; i < n; i++)
            codes[i] = rnd(limit);
        assert_int_equal(tarn_codes_below(codes, n, limit), 1);
        assert_int_equal(tarn_codes_below_plain(codes, n, limit), 1);
        assert_int_equal(tarn_codes_below(codes, n, 0), 0);
        assert_int_equal(tarn_codes_below_plain(codes, n, 0), 0);
        for (uint32_t i = 0; i < n; i++) {
            uint32_t was = codes[i];
            for (size_t k = 0; k < sizeof wrong / sizeof *wrong; k++) {
                codes[i] = wrong[k] < limit ? limit : wrong[k];
                assert_int_equal(tarn_codes_below(codes, n, limit), 0);
                assert_int_equal(tarn_codes_below_plain(codes, n, limit), 0);
            }
            codes[i] = was;
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole_numbers),
        cmocka_unit_test(reals),
        cmocka_unit_test(bytes),
        cmocka_unit_test(gathers),
        cmocka_unit_test(codes_beyond_the_dictionary),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
