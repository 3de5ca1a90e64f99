/* The delta encodings, against the examples of the format and a decoder written from its text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "encode_delta.h"

static uint64_t seed = 362436069u;

static uint64_t next_random(void) {
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed;
}

/* Decodes one DELTA_BINARY_PACKED sequence; no miniblock may be wider than max_width. */
static size_t decode(struct tarn_cursor *c, int64_t *out, size_t room, unsigned max_width) {
    uint64_t block = tarn_cursor_varint(c), minis = tarn_cursor_varint(c);
    uint64_t n = tarn_cursor_varint(c);
    uint64_t v = (uint64_t)tarn_cursor_zigzag(c);
    size_t i = 0;

    assert_int_equal(block, 128);
    assert_int_equal(minis, 4);
    assert_true(n <= room);
    if (n) out[i++] = (int64_t)v;
    while (i < n) {
        uint64_t least = (uint64_t)tarn_cursor_zigzag(c);
        const uint8_t *widths = tarn_cursor_bytes(c, 4);

        assert_non_null(widths);
        for (int m = 0; m < 4 && i < n; m++) {
            const uint8_t *p = tarn_cursor_bytes(c, 4u * widths[m]);

            assert_true(widths[m] <= max_width);
            assert_true(p || widths[m] == 0);
            for (unsigned k = 0; k < 32 && i < n; k++) {
                uint64_t d = 0;

                for (unsigned bit = 0; bit < widths[m]; bit++) {
                    size_t at = (size_t)k * widths[m] + bit;

                    d |= (uint64_t)(p[at / 8] >> at % 8 & 1) << bit;
                }
                v += least + d;
                if (max_width == 32) v = (uint64_t)(int64_t)(int32_t)v;
                out[i++] = (int64_t)v;
            }
        }
    }
    assert_int_equal(c->rc, TARN_OK);
    return (size_t)n;
}

static struct tarn_cursor all_of(const struct tarn_buf *b) {
    return (struct tarn_cursor){b->data, b->data + b->len, TARN_OK};
}

static void the_format_examples(void **state) {
    const int32_t a[] = {1, 2, 3, 4, 5}, b[] = {7, 5, 3, 1, 2, 3, 4, 5};
    /* 128, 4, count, first, least delta, widths */
    const uint8_t first[] = {0x80, 0x01, 4, 5, 2, 2, 0, 0, 0, 0};
    const uint8_t second[] = {0x80, 0x01, 4, 8, 14, 3, 2, 0, 0, 0, 0xc0, 0x3f, 0, 0, 0, 0, 0, 0};
    struct tarn_buf out = TARN_BUF_INIT(1000);

    (void)state;
    tarn_enc_delta32(&out, a, 5);
    assert_int_equal(out.len, sizeof first);
    assert_memory_equal(out.data, first, sizeof first);
    tarn_buf_clear(&out);
    tarn_enc_delta32(&out, b, 8);
    assert_int_equal(out.len, sizeof second);
    assert_memory_equal(out.data, second, sizeof second);
    tarn_buf_release(&out);
}

static void no_values_are_a_header(void **state) {
    const uint8_t expected[] = {0x80, 0x01, 4, 0, 0};
    struct tarn_buf out = TARN_BUF_INIT(1000);

    (void)state;
    tarn_enc_delta64(&out, NULL, 0);
    assert_int_equal(out.len, sizeof expected);
    assert_memory_equal(out.data, expected, sizeof expected);
    tarn_buf_release(&out);
}

static void numbers_come_back(void **state) {
    struct tarn_buf out = TARN_BUF_INIT(1 << 20);
    int64_t wide[700], back[700];
    int32_t narrow[700];

    (void)state;
    for (int round = 0; round < 1000; round++) {
        size_t n = (size_t)(next_random() % 700);
        unsigned shift = (unsigned)(next_random() % 64);
        struct tarn_cursor c;

        for (size_t i = 0; i < n; i++) {
            uint64_t kind = next_random() % 50;

            wide[i] = (int64_t)next_random() >> shift;
            if (kind == 0) wide[i] = INT64_MIN;
            if (kind == 1) wide[i] = INT64_MAX;
            narrow[i] = kind == 2 ? INT32_MIN : kind == 3 ? INT32_MAX : (int32_t)wide[i];
        }
        tarn_buf_clear(&out);
        tarn_enc_delta64(&out, wide, n);
        c = all_of(&out);
        assert_int_equal(decode(&c, back, 700, 64), n);
        assert_ptr_equal(c.p, c.end);
        assert_memory_equal(back, wide, n * sizeof *wide);
        tarn_buf_clear(&out);
        tarn_enc_delta32(&out, narrow, n);
        c = all_of(&out);
        assert_int_equal(decode(&c, back, 700, 32), n);
        assert_ptr_equal(c.p, c.end);
        for (size_t i = 0; i < n; i++)
            assert_int_equal(back[i], narrow[i]);
    }
    tarn_buf_release(&out);
}

static void put_plain(struct tarn_buf *b, const char *s) {
    tarn_buf_le32(b, (uint32_t)strlen(s));
    tarn_buf_puts(b, s);
}

static void expect_lengths(struct tarn_cursor *c, const int64_t *expected, size_t n) {
    int64_t got[16];

    assert_int_equal(decode(c, got, 16, 32), n);
    assert_memory_equal(got, expected, n * sizeof *got);
}

static void lengths_then_bytes(void **state) {
    const int64_t lengths[] = {5, 5, 6, 6};
    struct tarn_buf plain = TARN_BUF_INIT(1000), out = TARN_BUF_INIT(1000);
    struct tarn_buf scratch = TARN_BUF_INIT(1000);
    struct tarn_cursor c;

    (void)state;
    put_plain(&plain, "Hello");
    put_plain(&plain, "World");
    put_plain(&plain, "Foobar");
    put_plain(&plain, "ABCDEF");
    tarn_enc_delta_length(&out, plain.data, 4, 0, &scratch);
    c = all_of(&out);
    expect_lengths(&c, lengths, 4);
    assert_int_equal(c.end - c.p, 22);
    assert_memory_equal(c.p, "HelloWorldFoobarABCDEF", 22);
    tarn_buf_release(&plain);
    tarn_buf_release(&out);
    tarn_buf_release(&scratch);
}

static void prefixes_are_shared(void **state) {
    const int64_t prefixes[] = {0, 2, 0, 3}, suffixes[] = {4, 2, 6, 5};
    const int64_t fixed_prefixes[] = {0, 9, 10}, fixed_suffixes[] = {10, 1, 0};
    struct tarn_buf plain = TARN_BUF_INIT(1000), out = TARN_BUF_INIT(1000);
    struct tarn_buf scratch = TARN_BUF_INIT(1000);
    struct tarn_cursor c;

    (void)state;
    put_plain(&plain, "axis");
    put_plain(&plain, "axle");
    put_plain(&plain, "babble");
    put_plain(&plain, "babyhood");
    tarn_enc_delta_bytes(&out, plain.data, 4, 0, &scratch);
    c = all_of(&out);
    expect_lengths(&c, prefixes, 4);
    expect_lengths(&c, suffixes, 4);
    assert_int_equal(c.end - c.p, 17);
    assert_memory_equal(c.p, "axislebabbleyhood", 17);

    tarn_buf_clear(&plain);
    tarn_buf_clear(&out);
    tarn_buf_puts(&plain, "aaaabbbbccaaaabbbbcdaaaabbbbcd");
    tarn_enc_delta_bytes(&out, plain.data, 3, 10, &scratch);
    c = all_of(&out);
    expect_lengths(&c, fixed_prefixes, 3);
    expect_lengths(&c, fixed_suffixes, 3);
    assert_int_equal(c.end - c.p, 11);
    assert_memory_equal(c.p, "aaaabbbbccd", 11);
    tarn_buf_release(&plain);
    tarn_buf_release(&out);
    tarn_buf_release(&scratch);
}

static void scratch_that_fails_is_reported(void **state) {
    struct tarn_buf plain = TARN_BUF_INIT(1000), out = TARN_BUF_INIT(1000);
    struct tarn_buf scratch = TARN_BUF_INIT(1);

    (void)state;
    put_plain(&plain, "axis");
    tarn_enc_delta_bytes(&out, plain.data, 1, 0, &scratch);
    assert_int_equal(out.rc, TARN_ELIMIT);
    tarn_buf_clear(&out);
    tarn_enc_delta_length(&out, plain.data, 1, 0, &scratch);
    assert_int_equal(out.rc, TARN_ELIMIT);
    tarn_buf_release(&plain);
    tarn_buf_release(&out);
    tarn_buf_release(&scratch);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_format_examples), cmocka_unit_test(no_values_are_a_header),
        cmocka_unit_test(numbers_come_back),   cmocka_unit_test(lengths_then_bytes),
        cmocka_unit_test(prefixes_are_shared), cmocka_unit_test(scratch_that_fails_is_reported),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
