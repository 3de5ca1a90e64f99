/* test_cell.c: cells of foreign columns as event values and as JSON. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <locale.h>
#include <math.h>
#include <string.h>

#include "cell.h"
#include "cell_number.h"

static struct tarn_pq_column column(enum tarn_physical physical, enum tarn_logical kind) {
    struct tarn_pq_column c;

    memset(&c, 0, sizeof c);
    c.path = "x";
    c.physical = physical;
    c.logical.kind = kind;
    c.logical.is_signed = 1;
    c.logical.bits = physical == TARN_INT64 ? 64 : 32;
    c.flat = 1;
    return c;
}

static struct tarn_cell cell_of(const struct tarn_pq_column *c, const void *value) {
    struct tarn_vector v;
    struct tarn_cell cell;

    memset(&v, 0, sizeof v);
    v.physical = c->physical;
    v.n = 1;
    v.values.any = value;
    tarn_cell_read(c, &v, 0, &cell);
    return cell;
}

static struct tarn_cell text_cell(const struct tarn_pq_column *c, const char *text) {
    struct tarn_slice s = {(const uint8_t *)text, strlen(text)};

    return cell_of(c, &s);
}

static void assert_json(const struct tarn_pq_column *c, const struct tarn_cell *cell,
                        const char *json) {
    struct tarn_buf b = TARN_BUF_INIT(1000);

    tarn_cell_json(&b, c, cell);
    tarn_buf_u8(&b, 0);
    assert_string_equal((char *)b.data, json);
    tarn_buf_release(&b);
}

static void assert_text(const struct tarn_pq_column *c, const struct tarn_cell *cell,
                        const char *text) {
    char scratch[TARN_CELL_TEXT];
    struct tarn_slice s;

    if (!text) {
        assert_int_equal(tarn_cell_text(c, cell, scratch, &s), -1);
        return;
    }
    assert_int_equal(tarn_cell_text(c, cell, scratch, &s), 0);
    assert_int_equal(s.len, strlen(text));
    assert_memory_equal(s.data, text, s.len);
}

static void nulls_and_dictionaries(void **unused) {
    static const int32_t dict[] = {7, 8, 9};
    static const uint32_t codes[] = {2, 0};
    static const uint8_t valid[] = {1, 0};
    struct tarn_pq_column c = column(TARN_INT32, TARN_LOGICAL_NONE);
    struct tarn_vector v = {TARN_INT32, 2, valid, codes, {dict}, 3};
    struct tarn_cell cell;
    int64_t ms;

    (void)unused;
    tarn_cell_read(&c, &v, 0, &cell);
    assert_int_equal(cell.i, 9);
    tarn_cell_read(&c, &v, 1, &cell);
    assert_int_equal(cell.kind, TARN_CELL_NULL);
    assert_int_equal(tarn_cell_ms(&c, &cell, &ms), -1);
}

static void numbers(void **unused) {
    static const double doubles[] = {1.5, 100.0, 0.1, 1e300, -2.0, 12345678901234567890.0};
    static const char *const printed[] = {"1.5",    "100.0", "0.1",
                                          "1e+300", "-2.0",  "1.2345678901234567e+19"};
    struct tarn_pq_column d = column(TARN_DOUBLE, TARN_LOGICAL_NONE);
    struct tarn_pq_column f = column(TARN_FLOAT, TARN_LOGICAL_NONE);
    struct tarn_pq_column u = column(TARN_INT64, TARN_LOGICAL_INTEGER);
    struct tarn_cell cell;
    float tenth = 0.1f;
    double nan = NAN, inf = -INFINITY, r = 0;
    int64_t most = -1;
    int32_t i = 0;
    size_t n;

    (void)unused;
    for (n = 0; n < sizeof doubles / sizeof doubles[0]; n++) {
        cell = cell_of(&d, &doubles[n]);
        assert_json(&d, &cell, printed[n]);
        assert_text(&d, &cell, printed[n]);
    }
    cell = cell_of(&f, &tenth);
    assert_json(&f, &cell, "0.1");
    cell = cell_of(&d, &nan);
    assert_json(&d, &cell, "\"NaN\"");
    assert_int_equal(tarn_cell_double(&d, &cell, &r), -1);
    assert_int_equal(tarn_cell_int32(&d, &cell, &i), -1);
    cell = cell_of(&d, &inf);
    assert_json(&d, &cell, "\"-Infinity\"");
    u.logical.is_signed = 0;
    cell = cell_of(&u, &most);
    assert_json(&u, &cell, "18446744073709551615");
    assert_int_equal(tarn_cell_int32(&u, &cell, &i), -1);
    cell = cell_of(&d, &doubles[1]);
    assert_int_equal(tarn_cell_int32(&d, &cell, &i), 0);
    assert_int_equal(i, 100);
    cell = cell_of(&d, &doubles[0]);
    assert_int_equal(tarn_cell_int32(&d, &cell, &i), -1);
    cell = cell_of(&d, &doubles[3]);
    assert_int_equal(tarn_cell_int32(&d, &cell, &i), -1);
}

static void text_as_numbers(void **unused) {
    static const char *const fit[] = {"0", "-5", "2147483647", "-2147483648"};
    static const char *const unfit[] = {
        "", "05", "+5", "5 ", "5.0", "2147483648", "x", "-0", "99999999999999999999999"};
    static const char *const reals[] = {"1.5", "0.1", "12", "12.0", "-3", "1e+300"};
    static const char *const unreals[] = {"", "1.50", "nan", "inf", "0x1p3", "1,5", "abc", "1e5"};
    struct tarn_pq_column c = column(TARN_BYTE_ARRAY, TARN_LOGICAL_STRING);
    struct tarn_cell cell;
    double r;
    int32_t v;
    int truth;
    size_t i;

    (void)unused;
    for (i = 0; i < sizeof fit / sizeof fit[0]; i++) {
        cell = text_cell(&c, fit[i]);
        assert_int_equal(tarn_cell_int32(&c, &cell, &v), 0);
    }
    for (i = 0; i < sizeof unfit / sizeof unfit[0]; i++) {
        cell = text_cell(&c, unfit[i]);
        assert_int_equal(tarn_cell_int32(&c, &cell, &v), -1);
    }
    for (i = 0; i < sizeof reals / sizeof reals[0]; i++) {
        cell = text_cell(&c, reals[i]);
        assert_int_equal(tarn_cell_double(&c, &cell, &r), 0);
    }
    for (i = 0; i < sizeof unreals / sizeof unreals[0]; i++) {
        cell = text_cell(&c, unreals[i]);
        assert_int_equal(tarn_cell_double(&c, &cell, &r), -1);
    }
    cell = text_cell(&c, "true");
    assert_int_equal(tarn_cell_bool(&c, &cell, &truth), 0);
    assert_int_equal(truth, 1);
    cell = text_cell(&c, "0");
    assert_int_equal(tarn_cell_bool(&c, &cell, &truth), 0);
    assert_int_equal(truth, 0);
    cell = text_cell(&c, "TRUE");
    assert_int_equal(tarn_cell_bool(&c, &cell, &truth), -1);
}

static void times(void **unused) {
    struct tarn_pq_column t = column(TARN_INT64, TARN_LOGICAL_TIMESTAMP);
    struct tarn_pq_column d = column(TARN_INT32, TARN_LOGICAL_DATE);
    struct tarn_pq_column day = column(TARN_INT64, TARN_LOGICAL_TIME);
    struct tarn_pq_column old = column(TARN_INT96, TARN_LOGICAL_NONE);
    struct tarn_pq_column text = column(TARN_BYTE_ARRAY, TARN_LOGICAL_STRING);
    static const uint8_t int96[12] = {0x40, 0x42, 0x0f, 0, 0, 0, 0, 0, 0x8d, 0x3d, 0x25, 0};
    static const struct tarn_slice int96_slice = {int96, 12}, short_slice = {int96, 11};
    int64_t values[] = {-1, INT64_MIN, INT64_C(1770042600125456), INT64_C(3661000001), INT64_MAX};
    int32_t date = 20486, worst = INT32_MIN;
    struct tarn_cell cell;
    int64_t ms;
    int32_t i;

    (void)unused;
    t.logical.unit = TARN_UNIT_US;
    cell = cell_of(&t, &values[0]);
    assert_int_equal(tarn_cell_ms(&t, &cell, &ms), 0);
    assert_int_equal(ms, -1);
    assert_json(&t, &cell, "\"1969-12-31 23:59:59.999999\"");
    assert_int_equal(tarn_cell_int32(&t, &cell, &i), -1);
    cell = cell_of(&t, &values[1]);
    assert_int_equal(tarn_cell_ms(&t, &cell, &ms), 0);
    assert_true(ms == INT64_MIN / 1000 - 1);
    assert_json(&t, &cell, "\"-290308-12-21 19:59:05.224192\"");
    cell = cell_of(&t, &values[2]);
    assert_text(&t, &cell, "2026-02-02 14:30:00.125456");
    cell = cell_of(&d, &date);
    assert_int_equal(tarn_cell_ms(&d, &cell, &ms), 0);
    assert_true(ms == INT64_C(1769990400000));
    assert_json(&d, &cell, "\"2026-02-02\"");
    cell = cell_of(&d, &worst);
    assert_json(&d, &cell, "\"-5877641-06-23\"");
    day.logical.unit = TARN_UNIT_US;
    cell = cell_of(&day, &values[3]);
    assert_json(&day, &cell, "\"01:01:01.000001\"");
    cell = cell_of(&day, &values[4]);
    assert_json(&day, &cell, "9223372036854775807");
    cell = cell_of(&old, &int96_slice);
    assert_int_equal(tarn_cell_ms(&old, &cell, &ms), 0);
    assert_int_equal(ms, 86400001);
    assert_json(&old, &cell, "\"1970-01-02 00:00:00.001000000\"");
    cell = cell_of(&old, &short_slice);
    assert_int_equal(tarn_cell_ms(&old, &cell, &ms), -1);
    cell = text_cell(&text, "2026-02-02T00:00:00Z");
    assert_int_equal(tarn_cell_ms(&text, &cell, &ms), 0);
    assert_true(ms == INT64_C(1769990400000));
    cell = text_cell(&text, "yesterday");
    assert_int_equal(tarn_cell_ms(&text, &cell, &ms), -1);
}

static void decimals_and_others(void **unused) {
    struct tarn_pq_column c = column(TARN_INT64, TARN_LOGICAL_DECIMAL);
    struct tarn_pq_column fixed = column(TARN_FIXED, TARN_LOGICAL_DECIMAL);
    struct tarn_pq_column uuid = column(TARN_FIXED, TARN_LOGICAL_UUID);
    struct tarn_pq_column half = column(TARN_FIXED, TARN_LOGICAL_FLOAT16);
    struct tarn_pq_column truth = column(TARN_BOOLEAN, TARN_LOGICAL_NONE);
    static const uint8_t bytes[16] = {0xff, 0xfe, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
    static const uint8_t one_and_a_half[] = {0x00, 0x3e};
    struct tarn_slice two = {bytes, 2}, all = {bytes, 16}, h = {one_and_a_half, 2};
    int64_t v = -1234, small = 5, lowest = INT64_MIN;
    uint8_t yes = 1;
    struct tarn_cell cell;
    double r;

    (void)unused;
    c.logical.scale = 2;
    cell = cell_of(&c, &v);
    assert_json(&c, &cell, "-12.34");
    assert_int_equal(tarn_cell_double(&c, &cell, &r), 0);
    assert_true(r < -12.339 && r > -12.341);
    c.logical.scale = 4;
    cell = cell_of(&c, &small);
    assert_json(&c, &cell, "0.0005");
    c.logical.scale = 0;
    cell = cell_of(&c, &lowest);
    assert_json(&c, &cell, "-9223372036854775808");
    c.logical.scale = 1000000;
    cell = cell_of(&c, &small);
    assert_json(&c, &cell, "5e-1000000");
    c.logical.scale = -3;
    assert_json(&c, &cell, "5e3");
    fixed.logical.scale = 1;
    cell = cell_of(&fixed, &two);
    assert_json(&fixed, &cell, "-0.2");
    cell = cell_of(&fixed, &all); /* wider than 64 bits */
    assert_json(&fixed, &cell, "-1034378996936167683463609325629899.3");
    cell = cell_of(&uuid, &all);
    assert_json(&uuid, &cell, "\"fffe0203-0405-0607-0809-0a0b0c0d0e0f\"");
    cell = cell_of(&half, &h);
    assert_json(&half, &cell, "1.5");
    cell = cell_of(&truth, &yes);
    assert_json(&truth, &cell, "true");
    assert_text(&truth, &cell, "true");
}

static struct tarn_cell bytes_cell(const struct tarn_pq_column *c, const void *bytes, size_t n) {
    struct tarn_slice s = {bytes, n};

    return cell_of(c, &s);
}

/* Big-endian two's complement of `n` bytes: the first, the middle ones, the last. */
static void assert_wide(const struct tarn_pq_column *c, uint8_t first, uint8_t middle, uint8_t last,
                        size_t n, const char *text) {
    uint8_t bytes[200];
    struct tarn_cell cell;

    memset(bytes, middle, sizeof bytes);
    bytes[n - 1] = last;
    bytes[0] = first;
    cell = bytes_cell(c, bytes, n);
    assert_text(c, &cell, text);
    if (text) assert_json(c, &cell, text);
}

static void wide_decimals(void **unused) {
    struct tarn_pq_column c = column(TARN_FIXED, TARN_LOGICAL_DECIMAL);
    struct tarn_pq_column var = column(TARN_BYTE_ARRAY, TARN_LOGICAL_DECIMAL);
    struct tarn_cell cell = text_cell(&var, "");
    double r = 0;

    (void)unused;
    assert_text(&var, &cell, NULL);
    assert_json(&var, &cell, "{\"$base64\":\"\"}");
    assert_int_equal(tarn_cell_double(&var, &cell, &r), -1);
    assert_wide(&var, 0x7f, 0, 0x7f, 1, "127");
    assert_wide(&var, 0x80, 0, 0x80, 1, "-128");
    assert_wide(&var, 0, 0, 0, 9, "0");
    assert_wide(&var, 0xff, 0xff, 0xff, 9, "-1");
    assert_wide(&var, 0, 0xff, 0xff, 9, "18446744073709551615");
    assert_wide(&var, 0x80, 0, 0, 9, "-2361183241434822606848");
    assert_wide(&c, 0x7f, 0xff, 0xff, 16, "170141183460469231731687303715884105727");
    assert_wide(&c, 0x80, 0, 0, 16, "-170141183460469231731687303715884105728");
    assert_wide(&c, 0x80, 0, 1, 32,
                "-57896044618658097711785492504343953926634992332820282019728792003956564819967");
    assert_wide(
        &c, 0x7f, 0xff, 0xff, 64,
        "67039039649712985497870124991029230637396829102961966888617807218608820150367734884"
        "00937149083451713845015929093243025426876941405973284973216824503042047");
    assert_wide(
        &c, 0x80, 0, 0, 64,
        "-6703903964971298549787012499102923063739682910296196688861780721860882015036773488"
        "400937149083451713845015929093243025426876941405973284973216824503042048");
    assert_wide(&c, 0, 0, 7, 200, "7");             /* only the sign is extended */
    assert_wide(&c, 0xff, 0xff, 0x80, 200, "-128"); /* the same of a negative one */
    assert_wide(&c, 1, 0, 0, 65, NULL);
    c.logical.scale = 76;
    assert_wide(&c, 0x7f, 0xff, 0xff, 32,
                "5.7896044618658097711785492504343953926634992332820282019728792003956564819967");
    assert_wide(&c, 0xff, 0xff, 0xff, 32,
                "-0.0000000000000000000000000000000000000000000000000000000000000000000000000001");
    c.logical.scale = 9;
    assert_wide(&c, 0, 0, 0, 16, "0.000000000");
    assert_wide(&c, 0, 0, 1, 16, "0.000000001");
    c.logical.scale = 201;
    assert_wide(&c, 0, 0, 1, 16, "1e-201");
    c.logical.scale = 2;
    cell = bytes_cell(&c, "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1\0", 16);
    assert_int_equal(tarn_cell_double(&c, &cell, &r), 0);
    assert_true(r > 2.559 && r < 2.561);
}

static void years_beyond_four_digits(void **unused) {
    struct tarn_pq_column t = column(TARN_INT64, TARN_LOGICAL_TIMESTAMP);
    struct tarn_pq_column d = column(TARN_INT32, TARN_LOGICAL_DATE);
    static const int32_t dates[] = {-719528, -719529, 2932896, 2932897, INT32_MAX, -1, 11016};
    static const char *const printed[] = {"0000-01-01",    "-000001-12-31",  "9999-12-31",
                                          "+010000-01-01", "+5881580-07-11", "1969-12-31",
                                          "2000-02-29"};
    int64_t most = INT64_MAX, least = INT64_MIN;
    struct tarn_cell cell;

    (void)unused;
    for (size_t i = 0; i < sizeof dates / sizeof dates[0]; i++) {
        cell = cell_of(&d, &dates[i]);
        assert_text(&d, &cell, printed[i]);
    }
    t.logical.unit = TARN_UNIT_MS;
    cell = cell_of(&t, &most);
    assert_text(&t, &cell, "+292278994-08-17 07:12:55.807");
    cell = cell_of(&t, &least);
    assert_text(&t, &cell, "-292275055-05-16 16:47:04.192");
    t.logical.unit = TARN_UNIT_US;
    cell = cell_of(&t, &most);
    assert_text(&t, &cell, "+294247-01-10 04:00:54.775807");
    t.logical.unit = TARN_UNIT_NS;
    cell = cell_of(&t, &most);
    assert_text(&t, &cell, "2262-04-11 23:47:16.854775807");
    cell = cell_of(&t, &least);
    assert_text(&t, &cell, "1677-09-21 00:12:43.145224192");
}

static void int96_extremes(void **unused) {
    struct tarn_pq_column c = column(TARN_INT96, TARN_LOGICAL_UNKNOWN);
    uint8_t b[12];
    struct tarn_cell cell;
    int64_t ns = INT64_C(86399999999999);
    int32_t day = 2440588;
    int64_t ms = 0;

    (void)unused;
    memcpy(b, &ns, 8);
    memcpy(b + 8, &day, 4);
    cell = bytes_cell(&c, b, 12);
    assert_text(&c, &cell, "1970-01-01 23:59:59.999999999");
    ns = -1;
    memcpy(b, &ns, 8);
    assert_text(&c, &cell, "1969-12-31 23:59:59.999999999");
    assert_int_equal(tarn_cell_ms(&c, &cell, &ms), 0);
    assert_int_equal(ms, -1);
    ns = INT64_MIN;
    day = INT32_MIN;
    memcpy(b, &ns, 8);
    memcpy(b + 8, &day, 4);
    assert_text(&c, &cell, "-5884615-02-03 00:12:43.145224192");
    ns = INT64_C(53890448384000); /* what Spark writes for the end of the year 290000 */
    day = -105862233;
    memcpy(b, &ns, 8);
    memcpy(b + 8, &day, 4);
    assert_text(&c, &cell, "+290000-12-30 23:00:00.000000000");
    ns = INT64_MAX;
    day = INT32_MAX;
    memcpy(b, &ns, 8);
    memcpy(b + 8, &day, 4);
    assert_text(&c, &cell, "+5875190-09-12 23:47:16.854775807");
}

static void times_of_the_day(void **unused) {
    struct tarn_pq_column ms = column(TARN_INT32, TARN_LOGICAL_TIME);
    struct tarn_pq_column ns = column(TARN_INT64, TARN_LOGICAL_TIME);
    int32_t in_ms[] = {0, 86399999, 86400000, -1};
    int64_t in_ns[] = {INT64_C(86399999999999), INT64_C(86400000000000)};
    struct tarn_cell cell = cell_of(&ms, &in_ms[0]);

    (void)unused;
    assert_text(&ms, &cell, "00:00:00.000");
    cell = cell_of(&ms, &in_ms[1]);
    assert_json(&ms, &cell, "\"23:59:59.999\"");
    cell = cell_of(&ms, &in_ms[2]);
    assert_json(&ms, &cell, "86400000");
    cell = cell_of(&ms, &in_ms[3]);
    assert_json(&ms, &cell, "-1");
    ns.logical.unit = TARN_UNIT_NS;
    cell = cell_of(&ns, &in_ns[0]);
    assert_text(&ns, &cell, "23:59:59.999999999");
    cell = cell_of(&ns, &in_ns[1]);
    assert_json(&ns, &cell, "86400000000000");
}

static void intervals(void **unused) {
    static const struct {
        uint32_t part[3];
        const char *text;
    } cases[] = {
        {{0, 0, 0}, "P0D"},
        {{14, 0, 0}, "P14M"},
        {{0, 3, 0}, "P3D"},
        {{0, 0, 1500}, "PT1.5S"},
        {{1, 2, 1}, "P1M2DT0.001S"},
        {{0, 0, 60000}, "PT60S"},
        {{UINT32_MAX, UINT32_MAX, UINT32_MAX}, "P4294967295M4294967295DT4294967.295S"},
    };
    struct tarn_pq_column c = column(TARN_FIXED, TARN_LOGICAL_INTERVAL);

    (void)unused;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct tarn_cell cell = bytes_cell(&c, cases[i].part, 12);

        assert_text(&c, &cell, cases[i].text);
    }
}

static void unsigned_numbers(void **unused) {
    struct tarn_pq_column c = column(TARN_INT32, TARN_LOGICAL_INTEGER);
    struct tarn_pq_column wide = column(TARN_INT64, TARN_LOGICAL_INTEGER);
    int32_t v = -1, byte = 255;
    int64_t w = INT64_MIN, one = 1;
    struct tarn_cell cell;
    int32_t i = 0;

    (void)unused;
    c.logical.is_signed = wide.logical.is_signed = 0;
    cell = cell_of(&c, &v);
    assert_text(&c, &cell, "4294967295");
    assert_int_equal(tarn_cell_int32(&c, &cell, &i), -1);
    c.logical.bits = 8;
    cell = cell_of(&c, &byte);
    assert_text(&c, &cell, "255");
    cell = cell_of(&wide, &w);
    assert_int_equal(cell.kind, TARN_CELL_UINT);
    assert_text(&wide, &cell, "9223372036854775808");
    cell = cell_of(&wide, &one);
    assert_int_equal(cell.kind, TARN_CELL_INT);
}

static void halves(void **unused) {
    static const struct {
        uint16_t bits;
        const char *json;
    } cases[] = {
        {0x0000, "0.0"},           {0x8000, "-0.0"},    {0x3c00, "1.0"},
        {0x0001, "5.9604645e-08"}, {0x7bff, "65504.0"}, {0x7c00, "\"Infinity\""},
        {0xfc00, "\"-Infinity\""}, {0x7e00, "\"NaN\""}, {0xc000, "-2.0"},
    };
    struct tarn_pq_column c = column(TARN_FIXED, TARN_LOGICAL_FLOAT16);

    (void)unused;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint8_t b[2] = {(uint8_t)cases[i].bits, (uint8_t)(cases[i].bits >> 8)};
        struct tarn_cell cell = bytes_cell(&c, b, 2);

        assert_json(&c, &cell, cases[i].json);
    }
}

static void types_of_bytes(void **unused) {
    static const enum tarn_logical text[] = {TARN_LOGICAL_STRING, TARN_LOGICAL_ENUM,
                                             TARN_LOGICAL_NONE, TARN_LOGICAL_UNKNOWN,
                                             TARN_LOGICAL_NULL};
    static const enum tarn_logical opaque[] = {TARN_LOGICAL_BSON, TARN_LOGICAL_GEOMETRY,
                                               TARN_LOGICAL_GEOGRAPHY};
    struct tarn_pq_column fixed = column(TARN_FIXED, TARN_LOGICAL_STRING);
    struct tarn_cell cell = text_cell(&fixed, "abc");
    size_t i;

    (void)unused;
    assert_text(&fixed, &cell, "abc");
    fixed.logical.kind = TARN_LOGICAL_NONE;
    assert_text(&fixed, &cell, NULL);
    assert_json(&fixed, &cell, "{\"$base64\":\"YWJj\"}");
    for (i = 0; i < sizeof text / sizeof text[0]; i++) {
        struct tarn_pq_column c = column(TARN_BYTE_ARRAY, text[i]);

        cell = text_cell(&c, "abc");
        assert_json(&c, &cell, "\"abc\"");
        cell = text_cell(&c, "\xc3");
        assert_text(&c, &cell, NULL);
        assert_json(&c, &cell, "{\"$base64\":\"ww==\"}");
    }
    for (i = 0; i < sizeof opaque / sizeof opaque[0]; i++) {
        struct tarn_pq_column c = column(TARN_BYTE_ARRAY, opaque[i]);

        cell = text_cell(&c, "abc");
        assert_text(&c, &cell, NULL);
        assert_json(&c, &cell, "{\"$base64\":\"YWJj\"}");
    }
}

static void bytes_and_json(void **unused) {
    struct tarn_pq_column bare = column(TARN_BYTE_ARRAY, TARN_LOGICAL_NONE);
    struct tarn_pq_column json = column(TARN_BYTE_ARRAY, TARN_LOGICAL_JSON);
    struct tarn_pq_column bson = column(TARN_BYTE_ARRAY, TARN_LOGICAL_BSON);
    struct tarn_cell cell = text_cell(&bare, "a\"b");

    (void)unused;
    assert_json(&bare, &cell, "\"a\\\"b\"");
    assert_text(&bare, &cell, "a\"b");
    cell = text_cell(&bare, "\xff\x01");
    assert_json(&bare, &cell, "{\"$base64\":\"/wE=\"}");
    assert_text(&bare, &cell, NULL);
    cell = text_cell(&bare, "");
    assert_json(&bare, &cell, "\"\"");
    assert_text(&bare, &cell, "");
    cell = text_cell(&json, "{\"a\":[1]}");
    assert_json(&json, &cell, "{\"a\":[1]}");
    cell = text_cell(&json, "{broken");
    assert_json(&json, &cell, "\"{broken\"");
    cell = text_cell(&bson, "abc");
    assert_json(&bson, &cell, "{\"$base64\":\"YWJj\"}");
    assert_text(&bson, &cell, NULL);
}

/* The host process may have set a locale whose decimal point is a comma. */
static void other_locales(void **unused) {
    struct tarn_pq_column d = column(TARN_DOUBLE, TARN_LOGICAL_NONE);
    struct tarn_pq_column t = column(TARN_BYTE_ARRAY, TARN_LOGICAL_STRING);
    struct tarn_cell cell;
    double v = 0.25, r = 0;

    (void)unused;
    if (!setlocale(LC_NUMERIC, "de_DE.UTF-8") && !setlocale(LC_NUMERIC, "fr_FR.UTF-8")) skip();
    cell = cell_of(&d, &v);
    assert_json(&d, &cell, "0.25");
    cell = text_cell(&t, "0.25");
    assert_int_equal(tarn_cell_double(&t, &cell, &r), 0);
    assert_true(r > 0.2 && r < 0.3);
    setlocale(LC_NUMERIC, "C");
}

/* The text that is meant: of printf and strtod alone. */
static void same_text(double r, int narrow) {
    char fast[TARN_CELL_TEXT], plain[TARN_CELL_TEXT];
    size_t n = tarn_print_double(fast, r, narrow), m = tarn_print_double_plain(plain, r, narrow);

    if (n != m || strcmp(fast, plain) != 0 || n != strlen(fast))
        fail_msg("%a, narrow %d: %s instead of %s", r, narrow, fast, plain);
}

static uint64_t random_bits(uint64_t *state) {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

/* The double, its neighbours and its FLOAT. */
static void same_texts(double r) {
    same_text(r, 0);
    same_text(-r, 0);
    same_text(nextafter(r, INFINITY), 0);
    same_text(nextafter(r, -INFINITY), 0);
    same_text((double)(float)r, 1);
    same_text((double)nextafterf((float)r, INFINITY), 1);
    same_text((double)nextafterf((float)r, -INFINITY), 1);
}

static void texts_of_doubles(void **unused) {
    uint64_t state = 20261122;
    double r = 0;

    (void)unused;
    for (int e = -340; e < 320; e++)
        for (int m = 1; m < 13; m++)
            same_texts(m * pow(10, e));
    for (int e = -1074; e < 1024; e++)
        same_texts(ldexp(1, e));
    for (int i = 0; i < 15000; i++) {
        uint64_t bits = random_bits(&state), digits = random_bits(&state);
        double ten = pow(10, (double)(bits % 17));

        memcpy(&r, &bits, sizeof r);
        same_text(r, 0);
        same_text((double)(float)r, 1);
        same_texts((double)(digits >> (bits >> 58)) / ten);           /* few digits and many */
        same_texts((double)(digits % 100000) / ten);                  /* prices */
        same_texts(ldexp((double)(digits >> 11), -(int)(bits % 70))); /* all of the usual size */
        /* half a unit of the last digit: rounds to even */
        same_texts(((double)(digits % 2000000) + 0.5) / 8 * (double)(1 << bits % 20));
    }
    same_texts(0.0);
    same_text(INFINITY, 0);
    same_text(-INFINITY, 1);
    same_text(NAN, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nulls_and_dictionaries),
        cmocka_unit_test(numbers),
        cmocka_unit_test(text_as_numbers),
        cmocka_unit_test(times),
        cmocka_unit_test(decimals_and_others),
        cmocka_unit_test(bytes_and_json),
        cmocka_unit_test(other_locales),
        cmocka_unit_test(texts_of_doubles),
        cmocka_unit_test(wide_decimals),
        cmocka_unit_test(years_beyond_four_digits),
        cmocka_unit_test(int96_extremes),
        cmocka_unit_test(times_of_the_day),
        cmocka_unit_test(intervals),
        cmocka_unit_test(unsigned_numbers),
        cmocka_unit_test(halves),
        cmocka_unit_test(types_of_bytes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
