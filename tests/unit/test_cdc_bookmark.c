/* test_cdc_bookmark.c: bookmarks as text: there and back, their order, what is none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <string.h>

#include "bookmark.h"
#include "cdc_random.h"

static const uint8_t digest[TARN_DIGEST] = {0x00, 0x1f, 0xa0, 0xff, 1, 2, 3, 0x80, 0xee};

static void test_text(void **state) {
    char text[TARN_BOOKMARK + 1];

    (void)state;
    tarn_bookmark_text(text, 1, 0x2a, INT64_C(1770040800000), digest);
    assert_string_equal(text, "00000001-000000000000002a-019c1ea73300-001fa0ff01020380");
    assert_int_equal(strlen(text), TARN_BOOKMARK);
    tarn_bookmark_text(text, UINT32_MAX, UINT64_MAX, INT64_MAX, digest);
    assert_string_equal(text, "ffffffff-ffffffffffffffff-ffffffffffff-001fa0ff01020380");
    tarn_bookmark_text(text, 0, 0, -5, digest);
    assert_string_equal(text, "00000000-0000000000000000-000000000000-001fa0ff01020380");
}

static int order(uint64_t a, uint64_t b) {
    return (a > b) - (a < b);
}

static int sign(int v) {
    return (v > 0) - (v < 0);
}

static void test_there_and_back(void **state) {
    struct cdc_random r = {7};
    struct tarn_bookmark m[2];
    char text[2][TARN_BOOKMARK + 1];

    (void)state;
    for (int i = 0; i < 20000; i++) {
        for (int k = 0; k < 2; k++) {
            const uint32_t timeline = (uint32_t)(cdc_rnd(&r, 2) ? cdc_rnd(&r, 3) : cdc_rnd(&r, 0));
            const uint64_t sequence = cdc_rnd(&r, 0) >> cdc_rnd(&r, 64);
            const int64_t time = (int64_t)(cdc_rnd(&r, 0) >> 16);

            tarn_bookmark_text(text[k], timeline, sequence, time, digest);
            assert_int_equal(tarn_bookmark_parse(&m[k], text[k], TARN_BOOKMARK), 0);
            assert_true(m[k].timeline == timeline && m[k].sequence == sequence);
            assert_true(m[k].time == time);
            assert_memory_equal(m[k].digest, digest, 8);
        }
        if (m[0].timeline != m[1].timeline)
            assert_int_equal(sign(strcmp(text[0], text[1])), order(m[0].timeline, m[1].timeline));
        else if (m[0].sequence != m[1].sequence)
            assert_int_equal(sign(strcmp(text[0], text[1])), order(m[0].sequence, m[1].sequence));
    }
}

static void test_none(void **state) {
    struct tarn_bookmark m;
    char text[TARN_BOOKMARK + 2] = "";

    (void)state;
    tarn_bookmark_text(text, 0x1234abcd, UINT64_C(0xfedcba9876543210), 12345, digest);
    for (size_t i = 0; i < TARN_BOOKMARK; i++) {
        const char kept = text[i];
        static const char others[] = "gG-A/:`@ \0\xff";

        for (size_t k = 0; k < sizeof others; k++) {
            if (others[k] == kept) continue;
            text[i] = others[k];
            assert_int_equal(tarn_bookmark_parse(&m, text, TARN_BOOKMARK), -1);
        }
        text[i] = kept;
        assert_int_equal(tarn_bookmark_parse(&m, text, i), -1);
    }
    text[TARN_BOOKMARK] = '0';
    assert_int_equal(tarn_bookmark_parse(&m, text, TARN_BOOKMARK + 1), -1);
    assert_int_equal(tarn_bookmark_parse(&m, text, TARN_BOOKMARK), 0);
    assert_int_equal(tarn_bookmark_parse(&m, "", 0), -1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text),
        cmocka_unit_test(test_there_and_back),
        cmocka_unit_test(test_none),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
