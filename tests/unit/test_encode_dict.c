/* The dictionary builder. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "encode_dict.h"
#include "mem.h"

static void codes_follow_first_appearance(void **state) {
    const uint8_t page[] = {1, 0, 0, 0, 'b', 0, 0, 0, 0, 2, 0, 0, 0, 'a', 0};
    struct tarn_dict d;

    (void)state;
    tarn_dict_init(&d, 0, 100);
    assert_int_equal(tarn_dict_add(&d, "b", 1), 0);
    assert_int_equal(tarn_dict_add(&d, "", 0), 1);
    assert_int_equal(tarn_dict_add(&d, "a\0", 2), 2);
    assert_int_equal(tarn_dict_add(&d, "b", 1), 0);
    assert_int_equal(tarn_dict_add(&d, "b", 1), 0);
    assert_int_equal(tarn_dict_add(&d, "", 0), 1);
    assert_int_equal(d.n, 3);
    assert_int_equal(d.plain.len, sizeof page);
    assert_memory_equal(d.plain.data, page, sizeof page);
    tarn_dict_clear(&d);
    assert_int_equal(tarn_dict_add(&d, "a\0", 2), 0);
    tarn_dict_release(&d);
}

/* Values of every length, many of each: the table grows, and every hash path is used. */
static void many_values_keep_their_codes(void **state) {
    enum { N = 20000 };
    struct tarn_dict d;
    uint8_t v[48];

    (void)state;
    tarn_dict_init(&d, 0, N);
    for (int pass = 0; pass < 2; pass++)
        for (uint32_t i = 0; i < N; i++) {
            memset(v, (int)(i % 7), sizeof v);
            memcpy(v, &i, 3);
            memcpy(v + i % 40, &i, 3);
            assert_int_equal(tarn_dict_add(&d, v, 3 + i % 40), i);
        }
    for (uint32_t i = 0; i < N; i++) {
        size_t n;
        const uint8_t *p = tarn_dict_entry(&d, i, &n);

        assert_int_equal(n, 3 + i % 40);
        assert_memory_equal(p + (i % 40 ? i % 40 : 0), &i, n - i % 40);
    }
    tarn_dict_release(&d);
}

static void fixed_values_have_no_length(void **state) {
    struct tarn_dict d;
    int64_t a = -1, b = INT64_MAX;

    (void)state;
    tarn_dict_init(&d, 8, 100);
    assert_int_equal(tarn_dict_add(&d, &a, 8), 0);
    assert_int_equal(tarn_dict_add(&d, &b, 8), 1);
    assert_int_equal(tarn_dict_add(&d, &a, 8), 0);
    assert_int_equal(d.plain.len, 16);
    assert_memory_equal(d.plain.data + 8, &b, 8);
    tarn_dict_release(&d);
}

static void full_by_entries_and_by_bytes(void **state) {
    static char big[TARN_DICT_BYTES];
    struct tarn_dict d;

    (void)state;
    tarn_dict_init(&d, 0, 2);
    assert_int_equal(tarn_dict_add(&d, "a", 1), 0);
    assert_int_equal(tarn_dict_add(&d, "b", 1), 1);
    assert_int_equal(tarn_dict_add(&d, "c", 1), TARN_DICT_FULL);
    assert_int_equal(tarn_dict_add(&d, "a", 1), 0);
    assert_int_equal(d.plain.rc, TARN_OK);
    tarn_dict_release(&d);

    tarn_dict_init(&d, 0, 100);
    assert_int_equal(tarn_dict_add(&d, big, sizeof big), TARN_DICT_FULL);
    assert_int_equal(tarn_dict_add(&d, big, sizeof big - 4), 0);
    assert_int_equal(tarn_dict_add(&d, "", 0), TARN_DICT_FULL);
    tarn_dict_release(&d);
}

static void no_memory_is_told(void **state) {
    struct tarn_dict d;

    (void)state;
    tarn_dict_init(&d, 0, 100);
    tarn_mem_fail_after(1, 1);
    assert_int_equal(tarn_dict_add(&d, "a", 1), TARN_DICT_FULL);
    tarn_mem_fail_after(0, 0);
    assert_int_equal(d.plain.rc, TARN_ENOMEM);
    tarn_dict_release(&d);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(codes_follow_first_appearance),
        cmocka_unit_test(many_values_keep_their_codes),
        cmocka_unit_test(fixed_values_have_no_length),
        cmocka_unit_test(full_by_entries_and_by_bytes),
        cmocka_unit_test(no_memory_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
