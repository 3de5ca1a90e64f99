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
    assert_json(&t, &cell, "-9223372036854775808");
    cell = cell_of(&t, &values[2]);
    assert_text(&t, &cell, "2026-02-02 14:30:00.125456");
    cell = cell_of(&d, &date);
    assert_int_equal(tarn_cell_ms(&d, &cell, &ms), 0);
    assert_true(ms == INT64_C(1769990400000));
    assert_json(&d, &cell, "\"2026-02-02\"");
    cell = cell_of(&d, &worst);
    assert_json(&d, &cell, "-2147483648");
    day.logical.unit = TARN_UNIT_US;
    cell = cell_of(&day, &values[3]);
    assert_json(&day, &cell, "\"01:01:01.000001\"");
    cell = cell_of(&day, &values[4]);
    assert_json(&day, &cell, "9223372036854775807");
    cell = cell_of(&old, &int96_slice);
    assert_int_equal(tarn_cell_ms(&old, &cell, &ms), 0);
    assert_int_equal(ms, 86400001);
    assert_json(&old, &cell, "\"1970-01-02 00:00:00.001\"");
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
    assert_json(&fixed, &cell, "{\"$base64\":\"//4CAwQFBgcICQoLDA0ODw==\"}");
    cell = cell_of(&uuid, &all);
    assert_json(&uuid, &cell, "\"fffe0203-0405-0607-0809-0a0b0c0d0e0f\"");
    cell = cell_of(&half, &h);
    assert_json(&half, &cell, "1.5");
    cell = cell_of(&truth, &yes);
    assert_json(&truth, &cell, "true");
    assert_text(&truth, &cell, "true");
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

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nulls_and_dictionaries), cmocka_unit_test(numbers),
        cmocka_unit_test(text_as_numbers),        cmocka_unit_test(times),
        cmocka_unit_test(decimals_and_others),    cmocka_unit_test(bytes_and_json),
        cmocka_unit_test(other_locales),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
