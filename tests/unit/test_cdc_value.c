/* test_cdc_value.c: values in their binary form and as JSON: there and back, and what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "cdc_random.h"
#include "mem.h"
#include "text.h"

#define ROUNDS 60000

static void reset(struct tarn_buf *b, struct tarn_arena *a) {
    tarn_buf_clear(b);
    tarn_arena_clear(a);
}

static struct tarn_cursor cursor(const struct tarn_buf *b) {
    return (struct tarn_cursor){b->data, b->data + b->len, TARN_OK};
}

static void binary_there_and_back(const struct tarn_value *v) {
    struct tarn_buf b = TARN_BUF_INIT((size_t)1 << 24);
    struct tarn_cursor c;
    struct tarn_value back;

    tarn_value_put(&b, v);
    tarn_value_put(&b, v);
    assert_int_equal(b.rc, TARN_OK);
    c = cursor(&b);
    tarn_value_skip(&c);
    tarn_value_take(&c, &back);
    assert_int_equal(c.rc, TARN_OK);
    assert_ptr_equal(c.p, c.end);
    assert_int_equal(back.type, v->type);
    assert_true(tarn_value_equal(&back, v));
    tarn_buf_release(&b);
}

static void json_there_and_back(const struct tarn_value *v) {
    struct tarn_buf b = TARN_BUF_INIT((size_t)1 << 24);
    struct tarn_arena a;
    struct tarn_value back;
    struct tarn_err err = {0};
    size_t at = 1, where = 0;

    tarn_arena_init(&a, NULL);
    tarn_buf_u8(&b, ' ');
    tarn_value_json(&b, v);
    tarn_buf_u8(&b, '\n');
    assert_int_equal(b.rc, TARN_OK);
    assert_int_equal(tarn_json_check(b.data, b.len, &where), 0);
    if (tarn_value_from_json(b.data, b.len, &at, &a, &back, &err) != TARN_OK)
        fail_msg("%.*s: %s", (int)b.len, (const char *)b.data, err.msg);
    assert_int_equal(at, b.len);
    assert_int_equal(back.type, v->type);
    assert_true(tarn_value_equal(&back, v));
    tarn_arena_release(&a);
    tarn_buf_release(&b);
}

static void test_random_values(void **state) {
    struct cdc_random r = {1};
    struct tarn_arena a;

    (void)state;
    tarn_arena_init(&a, NULL);
    for (int i = 0; i < ROUNDS; i++) {
        const struct tarn_value v = cdc_value(&r, &a);

        binary_there_and_back(&v);
        json_there_and_back(&v);
        tarn_arena_clear(&a);
    }
    tarn_arena_release(&a);
}

static void test_long_values(void **state) {
    static char bytes[100 * 1000];
    struct cdc_random r = {2};

    (void)state;
    for (int i = 0; i < 20; i++) {
        const size_t n = i == 0 ? sizeof bytes : cdc_rnd(&r, sizeof bytes);
        struct tarn_value v = cdc_blob(bytes, n);

        for (size_t k = 0; k < n; k++)
            bytes[k] = (char)cdc_rnd(&r, i % 2 ? 256 : 128);
        binary_there_and_back(&v);
        json_there_and_back(&v);
        v.type = TARN_VALUE_TEXT;
        binary_there_and_back(&v);
        json_there_and_back(&v);
    }
}

/* The text of a value, which is also read back. */
static void expect_json(struct tarn_value v, const char *text) {
    struct tarn_buf b = TARN_BUF_INIT(1 << 16);
    struct tarn_value null = {TARN_VALUE_NULL, 0, 0, {NULL, 0}};

    tarn_value_json(&b, &v);
    tarn_buf_u8(&b, '\0');
    assert_string_equal((const char *)b.data, text);
    json_there_and_back(v.type == TARN_VALUE_REAL && isnan(v.real) ? &null : &v);
    tarn_buf_release(&b);
}

static void test_json_texts(void **state) {
    (void)state;
    expect_json((struct tarn_value){TARN_VALUE_NULL, 0, 0, {NULL, 0}}, "null");
    expect_json(cdc_integer(42), "42");
    expect_json(cdc_integer(INT64_MIN), "-9223372036854775808");
    expect_json(cdc_integer(INT64_MAX), "9223372036854775807");
    expect_json(cdc_real(1), "1.0");
    expect_json(cdc_real(-0.0), "-0.0");
    expect_json(cdc_real(0.1), "0.1");
    expect_json(cdc_real(1e300), "1e+300");
    expect_json(cdc_real(0.1 + 0.2), "0.30000000000000004");
    expect_json(cdc_real(INFINITY), "{\"$real\":\"Infinity\"}");
    expect_json(cdc_real(-INFINITY), "{\"$real\":\"-Infinity\"}");
    expect_json(cdc_real(NAN), "null");
    expect_json(CDC_TEXT(""), "\"\"");
    expect_json(CDC_TEXT("a\0b"), "\"a\\u0000b\"");
    expect_json(CDC_TEXT("\"\\\n\x1f/é"), "\"\\\"\\\\\\n\\u001f/é\"");
    expect_json(CDC_TEXT("a\xff"), "{\"$text\":\"61ff\"}");
    expect_json(CDC_TEXT("\xed\xa0\x80"), "{\"$text\":\"eda080\"}");
    expect_json(cdc_blob("", 0), "{\"$blob\":\"\"}");
    expect_json(cdc_blob("\x00\xAB", 2), "{\"$blob\":\"00ab\"}");
}

static void expect_bytes(struct tarn_value v, const char *bytes, size_t n) {
    struct tarn_buf b = TARN_BUF_INIT(1 << 16);

    tarn_value_put(&b, &v);
    assert_int_equal(b.len, n);
    assert_memory_equal(b.data, bytes, n);
    tarn_buf_release(&b);
}

static void test_binary_bytes(void **state) {
    (void)state;
    expect_bytes((struct tarn_value){TARN_VALUE_NULL, 0, 0, {NULL, 0}}, "\0", 1);
    expect_bytes(cdc_integer(0), "\1\0", 2);
    expect_bytes(cdc_integer(-1), "\1\1", 2);
    expect_bytes(cdc_integer(64), "\1\x80\1", 3);
    expect_bytes(cdc_integer(INT64_MIN), "\1\xff\xff\xff\xff\xff\xff\xff\xff\xff\1", 11);
    expect_bytes(cdc_real(-0.0), "\2\0\0\0\0\0\0\0\x80", 9);
    expect_bytes(cdc_real(NAN), "\0", 1);
    expect_bytes(CDC_TEXT("ab"), "\3\2ab", 4);
    expect_bytes(cdc_blob("a\0", 2), "\4\2a\0", 4);
}

static void expect_no_value(const char *bytes, size_t n) {
    uint8_t *exact = tarn_memdup(bytes, n ? n : 1);
    struct tarn_cursor c = {exact, exact + n, TARN_OK};
    struct tarn_value v;

    tarn_value_take(&c, &v);
    assert_int_equal(c.rc, TARN_ECORRUPT);
    assert_ptr_equal(c.p, c.end);
    assert_int_equal(v.type, TARN_VALUE_NULL);
    tarn_value_take(&c, &v);
    assert_int_equal(c.rc, TARN_ECORRUPT);
    tarn_free(exact);
}

static void test_binary_refused(void **state) {
    struct cdc_random r = {3};
    struct tarn_buf b = TARN_BUF_INIT(1 << 16);
    struct tarn_arena a;

    (void)state;
    tarn_arena_init(&a, NULL);
    for (int i = 0; i < 500; i++) {
        const struct tarn_value v = cdc_value(&r, &a);

        tarn_value_put(&b, &v);
        for (size_t n = 0; n < b.len; n++)
            expect_no_value((const char *)b.data, n);
        reset(&b, &a);
    }
    expect_no_value("\5", 1);
    expect_no_value("\xff", 1);
    expect_no_value("\1\x80\0", 3);                                  /* overlong 0 */
    expect_no_value("\3\x81\x00z", 4);                               /* overlong 1 */
    expect_no_value("\1\xff\xff\xff\xff\xff\xff\xff\xff\xff\2", 11); /* 65 bits */
    expect_no_value("\1\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\1", 13);
    expect_no_value("\3\xff\xff\xff\xff\xff\xff\xff\xff\xff\1z", 12); /* a length that lies */
    expect_no_value("\4\x80\x80\x80\x80\x10z", 7);
    expect_no_value("\2\0\0\0\0\0\0\xf8\x7f", 9); /* a NaN */
    expect_no_value("\2\1\0\0\0\0\0\xf0\xff", 9);
    tarn_arena_release(&a);
    tarn_buf_release(&b);
}

/* Each of random values that follow one another, at every room that a buffer may have left. */
static void test_put_is_whole_or_nothing(void **state) {
    struct cdc_random r = {4};
    struct tarn_arena a;

    (void)state;
    tarn_arena_init(&a, NULL);
    for (int i = 0; i < 300; i++) {
        const struct tarn_value v = cdc_value(&r, &a);
        struct tarn_buf whole = TARN_BUF_INIT(1 << 16);

        tarn_value_put(&whole, &v);
        for (size_t max = 0; max <= whole.len; max++) {
            struct tarn_buf b = TARN_BUF_INIT(max);

            tarn_value_put(&b, &v);
            assert_int_equal(b.rc, max < whole.len ? TARN_ELIMIT : TARN_OK);
            assert_int_equal(b.len, max < whole.len ? 0 : whole.len);
            if (b.len > 0) assert_memory_equal(b.data, whole.data, whole.len);
            tarn_buf_release(&b);
        }
        tarn_buf_release(&whole);
        tarn_arena_clear(&a);
    }
    tarn_arena_release(&a);
}

static void test_rows(void **state) {
    struct cdc_random r = {5};
    struct tarn_value row[12];
    struct tarn_arena a;

    (void)state;
    tarn_arena_init(&a, NULL);
    for (int i = 0; i < 300; i++) {
        const size_t n = cdc_rnd(&r, 13);
        struct tarn_buf one = TARN_BUF_INIT(1 << 16), all = TARN_BUF_INIT(1 << 16);

        for (size_t k = 0; k < n; k++) {
            row[k] = cdc_value(&r, &a);
            tarn_value_put(&one, &row[k]);
        }
        for (int times = 0; times < 3;
             times++) { /* a buffer that is new, that grows, that has room */
            tarn_buf_clear(&all);
            tarn_value_put_row(&all, row, n);
            assert_int_equal(all.rc, TARN_OK);
            assert_int_equal(all.len, one.len);
            if (one.len > 0) assert_memory_equal(all.data, one.data, one.len);
        }
        for (size_t max = 0; max < one.len; max++) {
            struct tarn_buf b = TARN_BUF_INIT(max);

            tarn_value_put_row(&b, row, n);
            assert_int_equal(b.rc, TARN_ELIMIT);
            assert_true(b.len <= max);
            if (b.len > 0) assert_memory_equal(b.data, one.data, b.len);
            tarn_buf_release(&b);
        }
        tarn_buf_release(&one);
        tarn_buf_release(&all);
        tarn_arena_clear(&a);
    }
    tarn_arena_release(&a);
}

static void test_equal(void **state) {
    const struct tarn_value null = {TARN_VALUE_NULL, 0, 0, {NULL, 0}};
    const struct tarn_value one = cdc_integer(1), real_one = cdc_real(1), nan = cdc_real(NAN);
    const struct tarn_value zero = cdc_real(0.0), minus = cdc_real(-0.0);
    const struct tarn_value a = CDC_TEXT("a"), b = cdc_blob("a", 1), ab = CDC_TEXT("ab");
    const struct tarn_value a0 = CDC_TEXT("a\0");

    (void)state;
    assert_true(tarn_value_equal(&null, &null));
    assert_true(tarn_value_equal(&null, &nan));
    assert_false(tarn_value_equal(&one, &real_one));
    assert_false(tarn_value_equal(&zero, &minus));
    assert_false(tarn_value_equal(&a, &b));
    assert_false(tarn_value_equal(&a, &ab));
    assert_false(tarn_value_equal(&a, &a0));
    assert_false(tarn_value_equal(&null, &a));
    assert_true(tarn_value_equal(&a, &a));
}

struct refused {
    const char *text;
    size_t at; /* offset of the fault */
};

static const struct refused bad_json[] = {
    {"", 0},
    {"  ", 2},
    {"nul", 0},
    {"nil", 0},
    {"true", 0},
    {"false", 0},
    {"[1]", 0},
    {"-", 1},
    {"+1", 0},
    {".5", 0},
    {"01", 1},
    {"-01", 2},
    {"1.", 2},
    {"1.e5", 2},
    {"1e", 2},
    {"1e+", 3},
    {"9223372036854775808", 0},
    {"-9223372036854775809", 0},
    {"99999999999999999999999", 0},
    {"1e999", 0},
    {"-1e999", 0},
    {"\"", 1},
    {"\"a", 2},
    {"\"a\\", 3},
    {"\"\\x\"", 2},
    {"\"\\u12\"", 5},
    {"\"\\u12g4\"", 5},
    {"\"a\nb\"", 2},
    {"\"\xff\"", 1},
    {"\"\xed\xa0\x80\"", 1},
    {"\"\\ud800\"", 1},
    {"\"ab\\udc00\"", 3},
    {"\"\\ud800\\u0041\"", 1},
    {"\"\\ud800\\ud800\"", 1},
    {"{", 1},
    {"{}", 1},
    {"{\"$blob\"", 8},
    {"{\"$blob\":", 9},
    {"{\"$blob\":1}", 9},
    {"{\"$blob\":\"a\"}", 9},
    {"{\"$blob\":\"aB\"}", 9},
    {"{\"$blob\":\"ag\"}", 9},
    {"{\"$blob\":\"a/\"}", 9},
    {"{\"$blob\":\"aa\"", 13},
    {"{\"$blob\":\"aa\",\"x\":1}", 13},
    {"{\"$text\":\"61\"}", 9},
    {"{\"$text\":\"\"}", 9},
    {"{\"$real\":\"NaN\"}", 9},
    {"{\"$real\":1.5}", 9},
    {"{\"$int\":\"1\"}", 1},
    {"{\"id\":1}", 6},
    {"{\"a\" \"b\"}", 5},
};

static void refuse(const char *text, size_t n, size_t fault) {
    uint8_t *exact = tarn_memdup(text, n ? n : 1);
    struct tarn_arena a;
    struct tarn_value v;
    struct tarn_err err = {0};
    char want[64];
    size_t at = 0;

    tarn_arena_init(&a, NULL);
    if (tarn_value_from_json(exact, n, &at, &a, &v, &err) != TARN_ECORRUPT)
        fail_msg("accepted: %.*s", (int)n, text);
    assert_int_equal(at, 0);
    snprintf(want, sizeof want, "JSON at offset %zu: ", fault);
    if (strncmp(err.msg, want, strlen(want)) != 0)
        fail_msg("%.*s: '%s', not '%s'", (int)n, text, err.msg, want);
    tarn_arena_release(&a);
    tarn_free(exact);
}

static void test_json_refused(void **state) {
    char number[400];

    (void)state;
    for (size_t i = 0; i < sizeof bad_json / sizeof *bad_json; i++)
        refuse(bad_json[i].text, strlen(bad_json[i].text), bad_json[i].at);
    refuse("\0", 1, 0);
    memset(number, '1', sizeof number);
    number[1] = '.';
    refuse(number, 256, 0);
}

static void read_as(const char *text, struct tarn_value want) {
    struct tarn_arena a;
    struct tarn_value v;
    struct tarn_err err = {0};
    size_t at = 0;

    tarn_arena_init(&a, NULL);
    if (tarn_value_from_json((const uint8_t *)text, strlen(text), &at, &a, &v, &err) != TARN_OK)
        fail_msg("%s: %s", text, err.msg);
    assert_true(tarn_value_equal(&v, &want));
    assert_int_equal(at, strlen(text));
    tarn_arena_release(&a);
}

static void test_json_of_others(void **state) {
    (void)state;
    read_as(" \t\r\n7 \n", cdc_integer(7));
    read_as("-0", cdc_integer(0));
    read_as("1E2", cdc_real(100));
    read_as("1.50", cdc_real(1.5));
    read_as("5e-324", cdc_real(5e-324));
    read_as("1e-999", cdc_real(0));
    read_as("\"\\u00e9\\ud83c\\udfd4\\/\\b\\f\\n\\r\\t\\\\\\\"\\u0000x\"",
            CDC_TEXT("é🏔/\b\f\n\r\t\\\"\0x"));
    read_as("\"\\u07ff\\u0800\\uffff\\udbff\\udfff\"",
            CDC_TEXT("\xdf\xbf\xe0\xa0\x80\xef\xbf\xbf\xf4\x8f\xbf\xbf"));
    read_as("{ \"$blob\" : \"0a\" }", cdc_blob("\n", 1));
}

static void test_json_stops_behind_the_value(void **state) {
    struct tarn_arena a;
    struct tarn_value v;
    size_t at = 2;

    (void)state;
    tarn_arena_init(&a, NULL);
    assert_int_equal(tarn_value_from_json((const uint8_t *)"1, 22 , 3", 9, &at, &a, &v, NULL),
                     TARN_OK);
    assert_int_equal(v.integer, 22);
    assert_int_equal(at, 6);
    tarn_arena_release(&a);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random_values),
        cmocka_unit_test(test_long_values),
        cmocka_unit_test(test_json_texts),
        cmocka_unit_test(test_binary_bytes),
        cmocka_unit_test(test_binary_refused),
        cmocka_unit_test(test_put_is_whole_or_nothing),
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_equal),
        cmocka_unit_test(test_json_refused),
        cmocka_unit_test(test_json_of_others),
        cmocka_unit_test(test_json_stops_behind_the_value),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
