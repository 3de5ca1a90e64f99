/* Predicates: what statistics prove, and rows against a plain evaluation, for every kind. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "predicate.h"
#include "stats_read.h"

static uint64_t seed = 3;

static uint32_t rnd(void) {
    seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(seed >> 33);
}

static struct tarn_pq_column column(enum tarn_physical type, int is_unsigned) {
    struct tarn_pq_column c;
    memset(&c, 0, sizeof c);
    c.path = "c";
    c.physical = type;
    c.max_def = 1;
    c.fixed_len = type == TARN_FIXED ? 4 : 0;
    if (is_unsigned) {
        c.logical.kind = TARN_LOGICAL_INTEGER;
        c.logical.bits = type == TARN_INT64 ? 64 : 32;
    }
    return c;
}

static struct tarn_const int_const(int64_t v) {
    return (struct tarn_const){.kind = TARN_CONST_INT, .i = v};
}

static struct tarn_const real_const(double v) {
    return (struct tarn_const){.kind = TARN_CONST_REAL, .r = v};
}

static struct tarn_const text_const(const char *s) {
    return (struct tarn_const){.kind = TARN_CONST_BYTES, .bytes = {(const uint8_t *)s, strlen(s)}};
}

static int excludes(const struct tarn_pq_column *c, const struct tarn_pq_stats *s,
                    enum tarn_pred_op op, struct tarn_const k) {
    struct tarn_predicate p = {0, op, &k, 1};
    return tarn_pred_excludes(&p, c, s, 10);
}

static struct tarn_slice raw(const void *p, size_t n) {
    return (struct tarn_slice){p, n};
}

static void test_statistics_of_integers(void **state) {
    struct tarn_pq_column c = column(TARN_INT32, 0);
    struct tarn_pq_stats s;
    int32_t lo = -5, hi = 20, same = 7;
    (void)state;
    memset(&s, 0, sizeof s);
    tarn_stats_bounds(&c, raw(&lo, 4), raw(&hi, 4), 0, &s);
    assert_true(excludes(&c, &s, TARN_OP_EQ, int_const(-6)));
    assert_false(excludes(&c, &s, TARN_OP_EQ, int_const(-5)));
    assert_false(excludes(&c, &s, TARN_OP_EQ, int_const(20)));
    assert_true(excludes(&c, &s, TARN_OP_EQ, int_const(21)));
    assert_true(excludes(&c, &s, TARN_OP_EQ, int_const(INT64_MAX)));
    assert_true(excludes(&c, &s, TARN_OP_LT, int_const(-5)));
    assert_false(excludes(&c, &s, TARN_OP_LE, int_const(-5)));
    assert_true(excludes(&c, &s, TARN_OP_GT, int_const(20)));
    assert_false(excludes(&c, &s, TARN_OP_GE, int_const(20)));
    assert_false(excludes(&c, &s, TARN_OP_NE, int_const(7)));
    tarn_stats_bounds(&c, raw(&same, 4), raw(&same, 4), 0, &s);
    assert_true(excludes(&c, &s, TARN_OP_NE, int_const(7)));
    assert_false(excludes(&c, &s, TARN_OP_NE, int_const(8)));
    c = column(TARN_INT32, 1); /* -5 is 4294967291: min above max, so nothing is known */
    tarn_stats_bounds(&c, raw(&lo, 4), raw(&hi, 4), 0, &s);
    assert_false(s.has_min || s.has_max);
    tarn_stats_bounds(&c, raw(&hi, 4), raw(&lo, 4), 0, &s);
    assert_true(excludes(&c, &s, TARN_OP_LT, int_const(20)));
    assert_false(excludes(&c, &s, TARN_OP_EQ, int_const(4294967291)));
}

static void test_statistics_of_text_and_nulls(void **state) {
    struct tarn_pq_column c = column(TARN_BYTE_ARRAY, 0);
    struct tarn_pq_stats s;
    struct tarn_const list[2] = {text_const("a"), text_const("zz")};
    struct tarn_predicate in = {0, TARN_OP_IN, list, 2};
    struct tarn_predicate is_null = {0, TARN_OP_IS_NULL, NULL, 0};
    struct tarn_predicate not_null = {0, TARN_OP_NOT_NULL, NULL, 0};
    (void)state;
    memset(&s, 0, sizeof s);
    tarn_stats_bounds(&c, raw("event.b", 7), raw("event.y", 7), 0, &s);
    assert_true(excludes(&c, &s, TARN_OP_PREFIX, text_const("evening")));
    assert_false(excludes(&c, &s, TARN_OP_PREFIX, text_const("event")));
    assert_false(excludes(&c, &s, TARN_OP_PREFIX, text_const("event.c.d")));
    assert_true(excludes(&c, &s, TARN_OP_PREFIX, text_const("event.z")));
    assert_true(excludes(&c, &s, TARN_OP_PREFIX, text_const("event.a")));
    assert_true(tarn_pred_excludes(&in, &c, &s, 10));
    list[0] = text_const("event.k");
    assert_false(tarn_pred_excludes(&in, &c, &s, 10));
    assert_false(tarn_pred_excludes(&is_null, &c, &s, 10));
    s.has_nulls = 1;
    assert_true(tarn_pred_excludes(&is_null, &c, &s, 10));
    assert_false(tarn_pred_excludes(&not_null, &c, &s, 10));
    s.nulls = 10;
    assert_true(tarn_pred_excludes(&not_null, &c, &s, 10));
    assert_true(excludes(&c, &s, TARN_OP_NE, text_const("event.k")));
    assert_false(tarn_pred_excludes(&is_null, &c, &s, 10));
    in.n = 0;
    s.nulls = 0;
    assert_true(tarn_pred_excludes(&in, &c, &s, 10)); /* IN () is never true */
}

/* What must not survive: wrong lengths, min above max, NaN, orders that bytes don't have. */
static void test_bounds_that_are_dropped(void **state) {
    struct tarn_pq_column c = column(TARN_DOUBLE, 0);
    struct tarn_pq_stats s;
    struct tarn_raw_stats r;
    double one = 1, nan = NAN, zero = 0, minus = -0.0, got = 0;
    int64_t a = 1, b = 2;
    (void)state;
    memset(&s, 0, sizeof s);
    tarn_stats_bounds(&c, raw(&one, 8), raw(&nan, 8), 0, &s);
    assert_false(s.has_min || s.has_max);
    tarn_stats_bounds(&c, raw(&one, 7), raw(&one, 8), 0, &s);
    assert_true(!s.has_min && s.has_max);
    tarn_stats_bounds(&c, raw(&zero, 8), raw(&minus, 8), 0, &s);
    assert_true(s.has_min && s.has_max);
    memcpy(&got, s.min.data, 8);
    assert_true(signbit(got));
    memcpy(&got, s.max.data, 8);
    assert_false(signbit(got));
    c = column(TARN_FIXED, 0);
    tarn_stats_bounds(&c, raw("abc", 3), raw("abcd", 4), 0, &s);
    assert_true(!s.has_min && s.has_max);
    tarn_stats_bounds(&c, raw("abc", 3), raw("abcd", 4), 1, &s); /* a cut bound */
    assert_true(s.has_min && s.has_max);
    c.logical.kind = TARN_LOGICAL_INTERVAL; /* no order: kept for display */
    tarn_stats_bounds(&c, raw("abcd", 4), raw("abce", 4), 0, &s);
    assert_true(!s.has_min && !s.has_max && s.min.data && s.max.data);
    /* Legacy min/max: only where the order is signed. */
    memset(&r, 0, sizeof r);
    r.nulls = r.distinct = r.min_exact = r.max_exact = -1;
    r.legacy_min = raw(&a, 8);
    r.legacy_max = raw(&b, 8);
    c = column(TARN_INT64, 0);
    tarn_stats_from_raw(&c, &r, 0, 5, &s);
    assert_true(s.has_min && s.has_max && !s.has_nulls);
    c = column(TARN_INT64, 1);
    tarn_stats_from_raw(&c, &r, 1, 5, &s);
    assert_false(s.has_min || s.has_max);
    c = column(TARN_BYTE_ARRAY, 0);
    tarn_stats_from_raw(&c, &r, 1, 5, &s);
    assert_false(s.has_min || s.has_max);
    r.min = r.legacy_min;
    r.max = r.legacy_max;
    r.nulls = 6;                           /* of 5 values */
    tarn_stats_from_raw(&c, &r, 0, 5, &s); /* bytes without column_orders */
    assert_false(s.has_min || s.has_max || s.has_nulls);
    tarn_stats_from_raw(&c, &r, 1, 5, &s);
    assert_true(s.has_min && s.has_max && !s.min_exact);
}

enum { N = 500 };

struct data {
    enum tarn_physical type;
    int is_unsigned;
    uint8_t u8[N];
    int32_t i32[N];
    int64_t i64[N];
    float f32[N];
    double f64[N];
    char text[N][8];
    struct tarn_slice bytes[N];
    uint8_t valid[N];
};

static void fill(struct data *d) {
    for (unsigned i = 0; i < N; i++) {
        d->u8[i] = rnd() & 1;
        d->i32[i] = (int32_t)(rnd() % 40) - 20;
        d->i64[i] = (int64_t)(rnd() % 40) - 20;
        d->f64[i] = rnd() % 17 == 0 ? (double)NAN : (double)(rnd() % 40) - 20;
        d->f32[i] = (float)d->f64[i];
        d->valid[i] = rnd() % 5 != 0;
        for (unsigned k = 0; k < 4; k++)
            d->text[i][k] = (char)('a' + rnd() % 3);
        d->bytes[i] = raw(d->text[i], d->type == TARN_FIXED ? 4 : rnd() % 5);
    }
}

static const void *values(const struct data *d) {
    switch (d->type) {
    case TARN_BOOLEAN: return d->u8;
    case TARN_INT32: return d->i32;
    case TARN_INT64: return d->i64;
    case TARN_FLOAT: return d->f32;
    case TARN_DOUBLE: return d->f64;
    default: return d->bytes;
    }
}

static struct tarn_const random_const(const struct data *d) {
    static char text[64][4];
    static unsigned next = 0;
    switch (d->type) {
    case TARN_BOOLEAN: return int_const((int64_t)(rnd() % 4) - 1);
    case TARN_INT32:
        if (rnd() % 8 == 0) return int_const(rnd() % 2 ? INT64_MAX : INT64_MIN);
        if (d->is_unsigned && rnd() % 2) return int_const((int64_t)(uint32_t)(0 - rnd() % 20));
        return int_const((int64_t)(rnd() % 50) - 25);
    case TARN_INT64:
        if (rnd() % 8 == 0) return int_const(rnd() % 2 ? INT64_MAX : INT64_MIN);
        return int_const((int64_t)(rnd() % 50) - 25);
    case TARN_FLOAT:
    case TARN_DOUBLE:
        return real_const(rnd() % 20 == 0 ? (double)NAN : (double)(rnd() % 50) - 25.0);
    default:
        next = (next + 1) % 64;
        for (unsigned k = 0; k < 4; k++)
            text[next][k] = (char)('a' + rnd() % 3);
        return (struct tarn_const){.kind = TARN_CONST_BYTES, .bytes = raw(text[next], rnd() % 5)};
    }
}

/* Order of row i and a constant: -1, 0, 1; 2 = not comparable. */
static int order(const struct data *d, unsigned i, const struct tarn_const *c) {
    if (d->type == TARN_FLOAT || d->type == TARN_DOUBLE) {
        double v = d->type == TARN_FLOAT ? (double)d->f32[i] : d->f64[i];
        if (isnan(v) || isnan(c->r)) return 2;
        return (v > c->r) - (v < c->r);
    }
    if (d->type == TARN_BYTE_ARRAY || d->type == TARN_FIXED) {
        const struct tarn_slice *a = &d->bytes[i], *b = &c->bytes;
        size_t n = a->len < b->len ? a->len : b->len;
        int cmp = memcmp(a->data, b->data, n);
        cmp = cmp ? cmp : (a->len > b->len) - (a->len < b->len);
        return (cmp > 0) - (cmp < 0);
    }
    if (d->type == TARN_INT64 && d->is_unsigned) {
        uint64_t a = (uint64_t)d->i64[i], b = (uint64_t)c->i;
        return (a > b) - (a < b);
    }
    {
        int64_t a = d->type == TARN_BOOLEAN ? d->u8[i]
                    : d->type == TARN_INT64 ? d->i64[i]
                    : d->is_unsigned        ? (int64_t)(uint32_t)d->i32[i]
                                            : d->i32[i];
        return (a > c->i) - (a < c->i);
    }
}

static int expected(const struct data *d, int nulls, unsigned i, const struct tarn_predicate *p) {
    int there = !nulls || d->valid[i], o = 0;
    const struct tarn_const *c = p->constants;
    if (p->op == TARN_OP_IS_NULL) return !there;
    if (!there || p->op == TARN_OP_NOT_NULL) return there;
    for (uint32_t k = 0; p->op == TARN_OP_IN && k < p->n; k++)
        if (order(d, i, &c[k]) == 0) return 1;
    if (p->op == TARN_OP_IN) return 0;
    if (p->op == TARN_OP_PREFIX)
        return d->bytes[i].len >= c->bytes.len &&
               memcmp(d->bytes[i].data, c->bytes.data, c->bytes.len) == 0;
    o = order(d, i, c);
    switch (p->op) {
    case TARN_OP_EQ: return o == 0;
    case TARN_OP_NE: return o == -1 || o == 1;
    case TARN_OP_LT: return o == -1;
    case TARN_OP_LE: return o == -1 || o == 0;
    case TARN_OP_GT: return o == 1;
    default: return o == 1 || o == 0;
    }
}

/* One predicate over plain values, or over codes into a dictionary of the same data. */
static void check(const struct data *d, const struct tarn_predicate *p, int nulls, uint32_t dict) {
    static uint32_t codes[N], sel[N];
    struct tarn_pq_column c = column(d->type, d->is_unsigned);
    struct tarn_vector v;
    uint32_t n = 0, kept = 0, at = 0;
    memset(&v, 0, sizeof v);
    v.physical = d->type;
    v.n = N;
    v.valid = nulls ? d->valid : NULL;
    v.values.any = values(d);
    v.dict_n = dict;
    for (unsigned i = 0; i < N; i++)
        codes[i] = dict ? rnd() % dict : i;
    if (dict) v.codes = codes;
    for (uint32_t i = 0; i < N; i++)
        if (rnd() % 8) sel[n++] = i;
    {
        uint32_t before[N];
        memcpy(before, sel, n * sizeof *sel);
        kept = tarn_pred_filter(p, &c, &v, sel, n);
        for (uint32_t i = 0; i < n; i++) {
            struct data one = *d;
            int want = 0;
            one.valid[codes[before[i]]] = d->valid[before[i]];
            want = expected(&one, nulls, codes[before[i]], p);
            if (want) assert_true(at < kept && sel[at++] == before[i]);
        }
        assert_int_equal(at, kept);
    }
}

/* Decimals in bytes: ordered as signed numbers, but only from writers that know how, only in pairs,
** of whole length, and of numbers that are printed. */
static void test_bounds_of_decimals(void **state) {
    static const char *const wrong[] = {"parquet-cpp version 1.5.1-SNAPSHOT",
                                        "parquet-cpp-arrow version 3.0.0",
                                        "parquet-cpp-arrow version 1.9", "Polars"};
    static const char *const right[] = {"parquet-cpp-arrow version 4.0.1",
                                        "parquet-cpp-arrow version 21.0.0",
                                        "parquet-mr version 1.12.0", "DuckDB", "impala version 4"};
    static const uint8_t wide[70] = {1};
    struct tarn_pq_column c = column(TARN_FIXED, 0);
    struct tarn_pq_stats s;
    struct tarn_raw_stats r;

    (void)state;
    c.logical.kind = TARN_LOGICAL_DECIMAL;
    tarn_stats_bounds(&c, raw("\xff\xff\xff\xff", 4), raw("\0\0\0\1", 4), 0, &s);
    assert_true(s.has_min && s.has_max);
    /* An unsigned order: the largest number is a negative one. */
    tarn_stats_bounds(&c, raw("\0\0\0\1", 4), raw("\xff\xff\xff\xff", 4), 0, &s);
    assert_false(s.has_min || s.has_max);
    tarn_stats_bounds(&c, raw("\0\0\0\1", 4), raw("\0\0\2", 3), 1, &s);
    assert_false(s.has_min || s.has_max);
    tarn_stats_bounds(&c, raw("\0\0\0\1", 4), raw(NULL, 0), 0, &s);
    assert_false(s.has_min || s.has_max);
    c.physical = TARN_BYTE_ARRAY;
    tarn_stats_bounds(&c, raw("\x80\0", 2), raw("\0\0\0\1", 4), 0, &s);
    assert_true(s.has_min && s.has_max);
    tarn_stats_bounds(&c, raw("", 0), raw("\1", 1), 0, &s);
    assert_false(s.has_min || s.has_max);
    tarn_stats_bounds(&c, raw("\1", 1), raw(wide, sizeof wide), 0, &s);
    assert_false(s.has_min || s.has_max);
    memset(&r, 0, sizeof r);
    r.nulls = r.distinct = r.min_exact = r.max_exact = -1;
    r.min = raw("\1", 1);
    r.max = raw("\2", 1);
    tarn_stats_from_raw(&c, &r, 1, 5, &s);
    assert_true(s.has_min && s.has_max);
    r.max_exact = 0; /* cut, as if it were text */
    tarn_stats_from_raw(&c, &r, 1, 5, &s);
    assert_false(s.has_min || s.has_max);
    r.legacy_min = r.min;
    r.legacy_max = r.max;
    r.min.data = r.max.data = NULL;
    tarn_stats_from_raw(&c, &r, 1, 5, &s);
    assert_false(s.has_min || s.has_max);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_int_equal(tarn_stats_decimal_order(&c, wrong[i]), 0);
    for (size_t i = 0; i < sizeof right / sizeof *right; i++)
        assert_int_equal(tarn_stats_decimal_order(&c, right[i]), 1);
    assert_int_equal(tarn_stats_decimal_order(&c, NULL), 1);
    assert_int_equal(tarn_stats_decimal_order(&c, "parquet-rs version 50.0.0"), 0);
    c.physical = TARN_FIXED;
    assert_int_equal(tarn_stats_decimal_order(&c, "parquet-rs version 50.0.0"), 1);
    c.logical.kind = TARN_LOGICAL_UUID;
    assert_int_equal(tarn_stats_decimal_order(&c, "Polars"), 1);
}

static void test_filter_against_plain_evaluation(void **state) {
    static struct data d;
    const enum tarn_physical types[] = {TARN_BOOLEAN, TARN_INT32, TARN_INT64,     TARN_FLOAT,
                                        TARN_DOUBLE,  TARN_FIXED, TARN_BYTE_ARRAY};
    (void)state;
    for (unsigned round = 0; round < 560; round++) {
        struct tarn_const c[20];
        struct tarn_predicate p = {0, (enum tarn_pred_op)(round / 7 % 10), c, 1};
        d.type = types[round % 7];
        d.is_unsigned = (d.type == TARN_INT32 || d.type == TARN_INT64) && round % 2;
        if (p.op == TARN_OP_PREFIX && d.type != TARN_BYTE_ARRAY && d.type != TARN_FIXED) continue;
        fill(&d);
        for (unsigned k = 0; k < 20; k++)
            c[k] = random_const(&d);
        if (p.op == TARN_OP_IN) p.n = rnd() % 2 ? 20 : 3;
        check(&d, &p, round % 3 == 0, round % 4 == 1 ? 30 : round % 4 == 2 ? N : 0);
    }
}

/* Statistics computed from rows never exclude a predicate that a row satisfies. */
static void test_statistics_never_hide_rows(void **state) {
    static struct data d;
    (void)state;
    d.type = TARN_INT32;
    for (unsigned round = 0; round < 400; round++) {
        struct tarn_const c[3];
        struct tarn_predicate p = {0, (enum tarn_pred_op)(round % 7), c, round % 7 == 6 ? 3 : 1};
        struct tarn_pq_stats s;
        struct tarn_pq_column col = column(d.type, 0);
        unsigned first = 0, n = 1 + rnd() % 4;
        int32_t lo = INT32_MAX, hi = INT32_MIN;
        int any = 0;
        fill(&d);
        first = rnd() % (N - n);
        for (unsigned k = 0; k < 3; k++)
            c[k] = random_const(&d);
        for (unsigned i = first; i < first + n; i++) {
            lo = d.i32[i] < lo ? d.i32[i] : lo;
            hi = d.i32[i] > hi ? d.i32[i] : hi;
            any |= expected(&d, 0, i, &p);
        }
        memset(&s, 0, sizeof s);
        tarn_stats_bounds(&col, raw(&lo, 4), raw(&hi, 4), 0, &s);
        if (any) assert_false(tarn_pred_excludes(&p, &col, &s, n));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_statistics_of_integers),
        cmocka_unit_test(test_statistics_of_text_and_nulls),
        cmocka_unit_test(test_bounds_that_are_dropped),
        cmocka_unit_test(test_bounds_of_decimals),
        cmocka_unit_test(test_filter_against_plain_evaluation),
        cmocka_unit_test(test_statistics_never_hide_rows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
