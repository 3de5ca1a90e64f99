/* Bit-packing and the RLE/bit-packing hybrid, against a decoder written from the format's text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "encode_bits.h"

static uint64_t seed = 88172645463325252u;

static uint64_t next_random(void) {
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed;
}

static uint64_t bits_at(const uint8_t *p, size_t at, unsigned width) {
    uint64_t v = 0;

    for (unsigned i = 0; i < width; i++)
        v |= (uint64_t)(p[(at + i) / 8] >> (at + i) % 8 & 1) << i;
    return v;
}

/* Decodes n values of the hybrid; every byte of the buffer must be used up. */
static void decode_hybrid(const struct tarn_buf *b, unsigned width, uint32_t *out, size_t n) {
    struct tarn_cursor c = {b->data, b->data + b->len, TARN_OK};
    size_t i = 0;

    while (c.p < c.end) {
        uint64_t header = tarn_cursor_varint(&c);
        uint64_t count = header & 1 ? (header >> 1) * 8 : header >> 1;
        size_t bytes = header & 1 ? (size_t)(header >> 1) * width : (width + 7) / 8;
        const uint8_t *p = tarn_cursor_bytes(&c, bytes);

        assert_true(count > 0);
        assert_non_null(p);
        for (uint64_t k = 0; k < count; k++) {
            uint64_t v = bits_at(p, header & 1 ? (size_t)k * width : 0, width);

            if (i < n)
                out[i] = (uint32_t)v;
            else
                assert_true((header & 1) && v == 0 && i < n + 7);
            i++;
        }
    }
    assert_int_equal(c.rc, TARN_OK);
    assert_true(i >= n);
}

static void packing_is_that_of_the_format(void **state) {
    const uint32_t v[8] = {0, 1, 2, 3, 4, 5, 6, 7};
    const uint8_t expected[] = {0x88, 0xc6, 0xfa};
    struct tarn_buf b = TARN_BUF_INIT(100);

    (void)state;
    tarn_enc_pack32(&b, v, 8, 3);
    assert_int_equal(b.len, sizeof expected);
    assert_memory_equal(b.data, expected, sizeof expected);
    tarn_enc_pack32(&b, v, 8, 0);
    assert_int_equal(b.len, sizeof expected);
    tarn_buf_release(&b);
}

static void every_width_comes_back(void **state) {
    struct tarn_buf b = TARN_BUF_INIT(1 << 20);
    uint64_t v64[64];
    uint32_t v32[64];

    (void)state;
    for (unsigned width = 1; width <= 64; width++) {
        for (int i = 0; i < 64; i++) {
            v64[i] = i == 5 ? UINT64_MAX >> (64 - width) : next_random() >> (64 - width);
            v32[i] = (uint32_t)v64[i];
        }
        tarn_buf_clear(&b);
        tarn_enc_pack64(&b, v64, 64, width);
        assert_int_equal(b.len, 8 * width);
        for (unsigned i = 0; i < 64; i++)
            assert_int_equal(bits_at(b.data, (size_t)i * width, width), v64[i]);
        if (width > 32) continue;
        tarn_buf_clear(&b);
        tarn_enc_pack32(&b, v32, 64, width);
        assert_int_equal(b.len, 8 * width);
        for (unsigned i = 0; i < 64; i++)
            assert_int_equal(bits_at(b.data, (size_t)i * width, width), v32[i]);
    }
    tarn_buf_release(&b);
}

static void width_counts_bits(void **state) {
    (void)state;
    assert_int_equal(tarn_enc_width(0), 0);
    assert_int_equal(tarn_enc_width(1), 1);
    assert_int_equal(tarn_enc_width(255), 8);
    assert_int_equal(tarn_enc_width(256), 9);
    assert_int_equal(tarn_enc_width(UINT64_MAX), 64);
}

static void a_run_takes_three_bytes(void **state) {
    const uint8_t expected[] = {0xc8, 0x01, 0x04}; /* 100 << 1, value 4 */
    struct tarn_buf b = TARN_BUF_INIT(100);
    uint32_t v[100];

    (void)state;
    for (int i = 0; i < 100; i++)
        v[i] = 4;
    tarn_enc_rle32(&b, v, 100, 3);
    assert_int_equal(b.len, sizeof expected);
    assert_memory_equal(b.data, expected, sizeof expected);
    tarn_buf_clear(&b);
    tarn_enc_rle32(&b, v, 0, 3);
    assert_int_equal(b.len, 0);
    tarn_buf_release(&b);
}

/* Runs of all lengths between stretches of noise of all lengths: the borrowing at their borders. */
static void mixed_values_come_back(void **state) {
    struct tarn_buf b = TARN_BUF_INIT(1 << 20);
    uint32_t v[3000], back[3000];

    (void)state;
    for (int round = 0; round < 2000; round++) {
        unsigned width = 1 + (unsigned)(next_random() % 32);
        size_t n = 0, limit = (size_t)(next_random() % 3000);

        while (n < limit) {
            size_t len = 1 + (size_t)(next_random() % (round % 2 ? 20 : 90));
            uint32_t value = (uint32_t)(next_random() >> (64 - width));
            int noise = next_random() % 2 == 0;

            for (size_t i = 0; i < len && n < limit; i++)
                v[n++] = noise ? (uint32_t)(next_random() >> (64 - width)) : value;
        }
        tarn_buf_clear(&b);
        tarn_enc_rle32(&b, v, n, width);
        assert_int_equal(b.rc, TARN_OK);
        assert_true(b.len <= (n + 7) / 8 * width + n / 8 + 6);
        memset(back, 0xee, sizeof back);
        decode_hybrid(&b, width, back, n);
        assert_memory_equal(back, v, n * sizeof *v);
    }
    tarn_buf_release(&b);
}

static void bitmaps_come_back_from_any_bit(void **state) {
    struct tarn_buf b = TARN_BUF_INIT(1 << 20);
    uint8_t bits[400];
    uint32_t back[3200];

    (void)state;
    for (int round = 0; round < 3000; round++) {
        size_t first = (size_t)(next_random() % 70), n;

        for (size_t i = 0; i < sizeof bits;) {
            size_t len = 1 + (size_t)(next_random() % 40);
            uint64_t kind = next_random() % 3;

            for (size_t k = 0; k < len && i < sizeof bits; k++)
                bits[i++] = (uint8_t)(kind == 0 ? 0 : kind == 1 ? 0xff : next_random());
        }
        n = 1 + (size_t)(next_random() % (sizeof bits * 8 - first));
        tarn_buf_clear(&b);
        tarn_enc_rle_bitmap(&b, bits, first, n);
        decode_hybrid(&b, 1, back, n);
        for (size_t i = 0; i < n; i++)
            assert_int_equal(back[i], bits[(first + i) / 8] >> (first + i) % 8 & 1);
    }
    tarn_buf_release(&b);
}

static void bitmaps_of_one_kind_are_one_run(void **state) {
    struct tarn_buf b = TARN_BUF_INIT(100);
    uint8_t bits[256];

    (void)state;
    memset(bits, 0xff, sizeof bits);
    tarn_enc_rle_bitmap(&b, bits, 3, 2001);
    assert_int_equal(b.len, 3);
    assert_int_equal(b.data[2], 1);
    tarn_buf_release(&b);
}

static void booleans_are_bits(void **state) {
    const uint8_t v[] = {1, 0, 1, 1, 0, 0, 0, 1, 1, 1};
    const uint8_t expected[] = {0x8d, 0x03};
    struct tarn_buf b = TARN_BUF_INIT(100);

    (void)state;
    tarn_enc_bools(&b, v, sizeof v);
    assert_int_equal(b.len, 2);
    assert_memory_equal(b.data, expected, 2);
    tarn_enc_bools(&b, v, 0);
    assert_int_equal(b.len, 2);
    tarn_buf_release(&b);
}

static void a_full_buffer_is_reported(void **state) {
    struct tarn_buf b = TARN_BUF_INIT(4);
    uint32_t v[64];

    (void)state;
    for (uint32_t i = 0; i < 64; i++)
        v[i] = i;
    tarn_enc_rle32(&b, v, 64, 6);
    assert_int_equal(b.rc, TARN_ELIMIT);
    tarn_buf_release(&b);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(packing_is_that_of_the_format),
        cmocka_unit_test(every_width_comes_back),
        cmocka_unit_test(width_counts_bits),
        cmocka_unit_test(a_run_takes_three_bytes),
        cmocka_unit_test(mixed_values_come_back),
        cmocka_unit_test(bitmaps_come_back_from_any_bit),
        cmocka_unit_test(bitmaps_of_one_kind_are_one_run),
        cmocka_unit_test(booleans_are_bits),
        cmocka_unit_test(a_full_buffer_is_reported),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
