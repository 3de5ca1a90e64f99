/* test_cdc_key.c: rows as JSON objects, keys as the column pk: there and back, different for different
** keys, and what is refused.
*/
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

#define KEY_MAX 4

static void put_key(struct tarn_buf *b, const struct tarn_value *v, size_t n, int text) {
    tarn_buf_clear(b);
    tarn_value_key(b, v, n, text);
    assert_int_equal(b->rc, TARN_OK);
    assert_int_equal(tarn_utf8_invalid(b->data, b->len), b->len);
}

static int same(const struct tarn_value *a, const struct tarn_value *b, size_t n) {
    for (size_t i = 0; i < n; i++) {
        if (!tarn_value_equal(&a[i], &b[i])) return 0;
    }
    return 1;
}

/* Values that look like one another's texts. */
static struct tarn_value tricky(struct cdc_random *r, struct tarn_arena *a) {
    static const char *const texts[] = {"null", "1", "1.0", "[null]", "[1]", "\"\"", "\"a\"",
                                        "a",    "",  "{",   "-0.0",   "a,b", "\\",   " "};
    const char *s = texts[cdc_rnd(r, sizeof texts / sizeof *texts)];

    switch (cdc_rnd(r, 6)) {
    case 0: return cdc_value(r, a);
    case 1: return cdc_integer((int64_t)cdc_rnd(r, 3));
    case 2: return cdc_real(cdc_rnd(r, 2) ? -0.0 : (double)cdc_rnd(r, 2));
    case 3: return (struct tarn_value){TARN_VALUE_NULL, 0, 0, {NULL, 0}};
    case 4: return cdc_blob(s, strlen(s));
    default: return cdc_text(s, strlen(s));
    }
}

static void test_keys_differ_as_values_do(void **state) {
    struct cdc_random r = {11};
    struct tarn_buf text[2] = {TARN_BUF_INIT(1 << 20), TARN_BUF_INIT(1 << 20)};
    struct tarn_value v[2][KEY_MAX], back[KEY_MAX];
    struct tarn_arena a;
    struct tarn_err err = {0};
    int equal = 0;

    (void)state;
    tarn_arena_init(&a, NULL);
    for (int i = 0; i < 100000; i++) {
        const size_t n = 1 + (cdc_rnd(&r, 3) ? 0 : cdc_rnd(&r, KEY_MAX));
        const int affinity = (int)cdc_rnd(&r, 2);

        for (int k = 0; k < 2; k++) {
            for (size_t c = 0; c < n; c++)
                v[k][c] = tricky(&r, &a);
            put_key(&text[k], v[k], n, affinity);
            if (tarn_value_from_key(text[k].data, text[k].len, n, affinity, &a, back, &err) !=
                TARN_OK)
                fail_msg("%.*s: %s", (int)text[k].len, (const char *)text[k].data, err.msg);
            assert_true(same(back, v[k], n));
        }
        equal += same(v[0], v[1], n);
        assert_int_equal(same(v[0], v[1], n),
                         text[0].len == text[1].len &&
                             memcmp(text[0].data, text[1].data, text[0].len) == 0);
        tarn_arena_clear(&a);
    }
    assert_true(equal > 500);
    tarn_arena_release(&a);
    tarn_buf_release(&text[0]);
    tarn_buf_release(&text[1]);
}

static void expect_key(struct tarn_value v, int affinity, const char *want) {
    struct tarn_buf b = TARN_BUF_INIT(1 << 16);

    put_key(&b, &v, 1, affinity);
    tarn_buf_u8(&b, '\0');
    assert_string_equal((const char *)b.data, want);
    tarn_buf_release(&b);
}

static void test_key_texts(void **state) {
    const struct tarn_value null = {TARN_VALUE_NULL, 0, 0, {NULL, 0}};
    const struct tarn_value pair[2] = {CDC_TEXT("a"), cdc_integer(-1)};
    struct tarn_buf b = TARN_BUF_INIT(1 << 16);

    (void)state;
    expect_key(CDC_TEXT("u-1"), 1, "u-1");
    expect_key(CDC_TEXT("42"), 1, "42");
    expect_key(CDC_TEXT("null"), 1, "null");
    expect_key(CDC_TEXT(""), 1, "\"\"");
    expect_key(CDC_TEXT("[1]"), 1, "\"[1]\"");
    expect_key(CDC_TEXT("\"a\""), 1, "\"\\\"a\\\"\"");
    expect_key(CDC_TEXT("{}"), 1, "\"{}\"");
    expect_key(CDC_TEXT("\xff"), 1, "{\"$text\":\"ff\"}");
    expect_key(cdc_blob("\1", 1), 1, "{\"$blob\":\"01\"}");
    expect_key(null, 1, "[null]");
    expect_key(cdc_integer(42), 1, "[42]");
    expect_key(cdc_real(INFINITY), 1, "[{\"$real\":\"Infinity\"}]");
    expect_key(CDC_TEXT("u-1"), 0, "\"u-1\"");
    expect_key(cdc_integer(42), 0, "42");
    expect_key(cdc_real(42), 0, "42.0");
    expect_key(null, 0, "null");
    put_key(&b, pair, 2, 1);
    assert_int_equal(b.len, 8);
    assert_memory_equal(b.data, "[\"a\",-1]", 8);
    tarn_buf_release(&b);
}

static void refuse_key(const char *text, size_t n, int affinity) {
    uint8_t *exact = tarn_memdup(text, strlen(text) + 1);
    struct tarn_value v[KEY_MAX];
    struct tarn_arena a;
    struct tarn_err err = {0};

    tarn_arena_init(&a, NULL);
    if (tarn_value_from_key(exact, strlen(text), n, affinity, &a, v, &err) != TARN_ECORRUPT)
        fail_msg("accepted: %s", text);
    assert_int_equal(strncmp(err.msg, "JSON at offset ", 15), 0);
    tarn_arena_release(&a);
    tarn_free(exact);
}

static void test_keys_refused(void **state) {
    (void)state;
    refuse_key("", 1, 1);
    refuse_key("a\xff", 1, 1);
    refuse_key("\"a\"", 1, 1);
    refuse_key("\"\\u0000\"", 1, 1);
    refuse_key("\"[\" ]", 1, 1);
    refuse_key("[\"a\"]", 1, 1);
    refuse_key("[{\"$blob\":\"\"}]", 1, 1);
    refuse_key("[1", 1, 1);
    refuse_key("[1,2]", 1, 1);
    refuse_key("{\"$real\":\"Infinity\"}", 1, 1);
    refuse_key("{\"$text\":\"61\"}", 1, 1);
    refuse_key("", 1, 0);
    refuse_key("u-1", 1, 0);
    refuse_key("[1]", 1, 0);
    refuse_key("1 2", 1, 0);
    refuse_key("1", 2, 0);
    refuse_key("[]", 2, 0);
    refuse_key("[1]", 2, 0);
    refuse_key("[1,]", 2, 0);
    refuse_key("[1,2,3]", 2, 0);
    refuse_key("[1,2", 2, 0);
    refuse_key("[1,2]x", 2, 0);
    refuse_key("[1,[2]]", 2, 0);
}

static void test_objects(void **state) {
    struct cdc_random r = {12};
    struct tarn_buf b = TARN_BUF_INIT(1 << 22);
    struct tarn_slice names[300], *names_back = NULL;
    struct tarn_value values[300], *values_back = NULL;
    char name[300][24];
    struct tarn_arena a;
    struct tarn_err err = {0};
    size_t n_back = 0, where = 0;

    (void)state;
    tarn_arena_init(&a, NULL);
    for (int i = 0; i < 400; i++) {
        const size_t n = cdc_rnd(&r, i % 4 ? 20 : 300);

        tarn_buf_clear(&b);
        for (size_t k = 0; k < n; k++) {
            const int len = snprintf(name[k], sizeof name[k], "%s%zu", k % 3 ? "é\"\\" : "$b", k);

            names[k] = (struct tarn_slice){(const uint8_t *)name[k], (size_t)len};
            values[k] = cdc_value(&r, &a);
        }
        tarn_value_object(&b, names, values, n);
        assert_int_equal(tarn_json_check(b.data, b.len, &where), 0);
        if (tarn_value_from_object(b.data, b.len, &a, &names_back, &values_back, &n_back, &err) !=
            TARN_OK)
            fail_msg("%s", err.msg);
        assert_int_equal(n_back, n);
        assert_true(same(values_back, values, n));
        for (size_t k = 0; k < n; k++) {
            assert_int_equal(names_back[k].len, names[k].len);
            assert_memory_equal(names_back[k].data, names[k].data, names[k].len);
        }
        tarn_arena_clear(&a);
    }
    tarn_arena_release(&a);
    tarn_buf_release(&b);
}

static int read_object(const char *text, struct tarn_err *err) {
    uint8_t *exact = tarn_memdup(text, strlen(text) + 1);
    struct tarn_slice *names = NULL;
    struct tarn_value *values = NULL;
    struct tarn_arena a;
    size_t n = 0;
    int rc = 0;

    tarn_arena_init(&a, NULL);
    rc = tarn_value_from_object(exact, strlen(text), &a, &names, &values, &n, err);
    assert_int_equal(rc == TARN_OK, names != NULL);
    tarn_arena_release(&a);
    tarn_free(exact);
    return rc;
}

static void test_objects_refused(void **state) {
    static const char *const bad[] = {
        "",
        "1",
        "[]",
        "{",
        "{\"a\"",
        "{\"a\":",
        "{\"a\":1",
        "{\"a\":1,",
        "{\"a\":1,}",
        "{,}",
        "{\"a\" 1}",
        "{a:1}",
        "{\"a\":{}}",
        "{\"a\":{\"b\":1}}",
        "{\"a\":[1]}",
        "{\"a\":true}",
        "{\"a\":1}}",
        "{\"a\":1} 2",
        "{\"a\":1 \"b\":2}",
        "{\"a\":1,\"a\":2}",
        "{\"a\":1,\"b\":2,\"\\u0061\":2}",
        "{\"\xff\":1}",
    };
    struct tarn_err err = {0};
    char many[40 * 12] = "{";

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        tarn_err_clear(&err);
        if (read_object(bad[i], &err) != TARN_ECORRUPT) fail_msg("accepted: %s", bad[i]);
        assert_int_equal(strncmp(err.msg, "JSON", 4), 0);
    }
    assert_int_equal(read_object(" { } ", NULL), TARN_OK);
    assert_int_equal(read_object("{\"a\":1,\"A\":2}", NULL), TARN_OK);
    for (int i = 0; i < 40; i++) /* more than are compared in pairs; the last one is the first's */
        snprintf(many + strlen(many), 13, "%s\"%d\":1", i ? "," : "", i == 39 ? 0 : i);
    strncat(many, "}", 2);
    tarn_err_clear(&err);
    assert_int_equal(read_object(many, &err), TARN_ECORRUPT);
    assert_non_null(strstr(err.msg, "'0' comes twice"));
}

/* Memory follows what is there: a budget below it is an error of its own. */
static void test_budget(void **state) {
    static const char text[] = "{\"a\":\"\\n\",\"b\":{\"$blob\":\"00\"}}";
    struct tarn_slice *names = NULL;
    struct tarn_value *values = NULL;
    struct tarn_err err = {0};
    int failed = 0;
    size_t n = 0;

    (void)state;
    for (size_t limit = 16; limit < 2000; limit += 16) {
        struct tarn_budget budget = {limit, 0};
        struct tarn_arena a;
        int rc = 0;

        tarn_arena_init(&a, &budget);
        tarn_err_clear(&err);
        rc = tarn_value_from_object((const uint8_t *)text, sizeof text - 1, &a, &names, &values, &n,
                                    &err);
        if (rc != TARN_OK) {
            failed++;
            assert_int_equal(rc, TARN_ELIMIT);
            assert_non_null(strstr(err.msg, "no memory"));
        }
        tarn_arena_release(&a);
    }
    assert_true(failed > 10 && failed < 120);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_keys_differ_as_values_do),
        cmocka_unit_test(test_key_texts),
        cmocka_unit_test(test_keys_refused),
        cmocka_unit_test(test_objects),
        cmocka_unit_test(test_objects_refused),
        cmocka_unit_test(test_budget),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
