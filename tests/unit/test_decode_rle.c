/* Bit-unpacking, the RLE/bit-packed hybrid and definition levels, in steps of any size. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "buf.h"
#include "decode_rle.h"
#include "encode_bits.h"
#include "mem.h"
#include "unpack.h"

static uint64_t seed = 42;

static uint32_t rnd(void) {
    seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(seed >> 33);
}

/* An exact copy, so that the sanitizer sees a read beyond. */
static uint8_t *exact(const struct tarn_buf *b) {
    return tarn_memdup(b->data, b->len);
}

static void test_unpack_all_widths(void **state) {
    (void)state;
    for (unsigned w = 0; w <= 32; w++) {
        struct tarn_buf b = TARN_BUF_INIT(4096);
        uint32_t in[32], out[32];
        uint8_t padded[32 * 4 + TARN_UNPACK_SLACK] = {0};
        for (unsigned i = 0; i < 32; i++)
            in[i] = w == 32 ? rnd() * 2 + 1 : rnd() & ((UINT32_C(1) << w) - 1);
        tarn_enc_pack32(&b, in, 32, w);
        if (b.len) memcpy(padded, b.data, b.len);
        memset(out, 0xff, sizeof out);
        tarn_unpack32(padded, out, w);
        assert_memory_equal(in, out, sizeof in);
        memset(out, 0xff, sizeof out);
        for (unsigned i = 0; i < 32; i += 8)
            tarn_unpack8(padded + i / 8 * w, out + i, w);
        assert_memory_equal(in, out, sizeof in);
        tarn_buf_release(&b);
    }
}

/* Value i of width w, one bit at a time: shares no code with the readers or the encoder. */
static uint32_t bit_by_bit(const uint8_t *p, size_t i, unsigned w) {
    uint32_t v = 0;
    for (unsigned k = 0; k < w; k++) {
        size_t bit = i * w + k;
        v |= (uint32_t)(p[bit / 8] >> bit % 8 & 1) << k;
    }
    return v;
}

/* All forms, that of vectors, the unrolled one and the loop, on random bytes: what follows the values is not zero
** and must not leak into them; nothing is written beyond the count. */
static void test_forms_agree(void **state) {
    (void)state;
    for (unsigned round = 0; round < 33 * 50; round++) {
        unsigned w = round % 33;
        uint8_t *bytes = tarn_malloc(4 * w + TARN_UNPACK_SLACK);
        uint32_t all[33], by8[33], plain[33];
        for (unsigned i = 0; i < 4 * w + TARN_UNPACK_SLACK; i++)
            bytes[i] = (uint8_t)rnd();
        memset(all, 0xa5, sizeof all);
        memset(by8, 0xa5, sizeof by8);
        tarn_unpack32(bytes, all, w);
        for (unsigned i = 0; i < 32; i += 8)
            tarn_unpack8(bytes + i / 8 * w, by8 + i, w);
        for (unsigned i = 0; i < 32; i++)
            assert_int_equal(all[i], bit_by_bit(bytes, i, w));
        memset(plain, 0xa5, sizeof plain);
        tarn_unpack32_plain(bytes, plain, w);
        assert_memory_equal(all, plain, sizeof all);
        assert_int_equal(all[32], UINT32_C(0xa5a5a5a5));
        assert_memory_equal(all, by8, sizeof all);
        tarn_free(bytes);
    }
}

/* A bit-packed run of random length, with its end at the end of the memory (the last groups take
** the short ways) and with bytes after it (the unrolled form all the way), in random steps. */
static void test_packed_runs(void **state) {
    enum { GROUPS = 40 };
    (void)state;
    for (unsigned round = 0; round < 33 * 30; round++) {
        unsigned w = round % 33;
        uint32_t groups = 1 + rnd() % GROUPS, n = groups * 8 - rnd() % 8, out[GROUPS * 8];
        size_t size = 1 + (size_t)groups * w, more = round % 2 ? 0 : 64;
        uint8_t *bytes = tarn_malloc(size + more);
        struct tarn_rle r;
        for (size_t i = 0; i < size + more; i++)
            bytes[i] = (uint8_t)rnd();
        bytes[0] = (uint8_t)(groups << 1 | 1);
        tarn_rle_init(&r, bytes, size + more, w);
        for (uint32_t at = 0; at < n;) {
            uint32_t k = round / 33 % 3 ? 1 + rnd() % 90 : n;
            if (k > n - at) k = n - at;
            assert_int_equal(tarn_rle_read(&r, out + at, k), 0);
            at += k;
        }
        for (uint32_t i = 0; i < n; i++)
            assert_int_equal(out[i], bit_by_bit(bytes + 1, i, w));
        tarn_free(bytes);
    }
}

enum { N = 3000 };

/* Random runs of every width, read in random steps, with skips. */
static void test_hybrid_round_trip(void **state) {
    static uint32_t in[N], out[N];
    (void)state;
    for (unsigned round = 0; round < 132; round++) {
        unsigned w = round % 33;
        struct tarn_buf b = TARN_BUF_INIT(1 << 20);
        struct tarn_rle r;
        uint8_t *bytes = NULL;
        uint32_t v = 0;
        if (w == 0) continue;
        for (unsigned i = 0; i < N; i++) {
            if (rnd() % (round % 4 ? 40 : 2) == 0) v = rnd() & (uint32_t)((UINT64_C(1) << w) - 1);
            in[i] = v;
        }
        tarn_enc_rle32(&b, in, N, w);
        bytes = exact(&b);
        tarn_rle_init(&r, bytes, b.len, w);
        for (uint32_t at = 0; at < N;) {
            uint32_t k = 1 + rnd() % (round % 3 ? 100 : 9);
            if (k > N - at) k = N - at;
            if (rnd() % 4 == 0) {
                assert_int_equal(tarn_rle_skip(&r, k), 0);
            } else {
                assert_int_equal(tarn_rle_read(&r, out, k), 0);
                assert_memory_equal(out, in + at, k * sizeof *out);
            }
            at += k;
        }
        tarn_free(bytes);
        tarn_buf_release(&b);
    }
}

static void test_hybrid_bounds(void **state) {
    const uint8_t huge[] = {0xfe, 0xff, 0xff, 0xff, 0x0f, 0x01}; /* 2^31 - 1 times the value 1 */
    const uint8_t cut_run[] = {0x06};                            /* a value is missing */
    const uint8_t cut_head[] = {0x80};
    const uint8_t long_head[] = {0x80, 0x80, 0x80, 0x80, 0x80, 0x01, 0x00};
    const uint8_t wide_value[] = {0x08, 0x04};     /* 4 does not fit 2 bits */
    const uint8_t cut_pack[] = {0x05, 0xe4, 0xe4}; /* 2 groups of 2 bits claimed, 8 values there */
    const uint8_t empty_runs[] = {0x00, 0x00, 0x00, 0x01, 0x04, 0x01};
    struct tarn_rle r;
    uint32_t out[16];
    (void)state;
    tarn_rle_init(&r, huge, sizeof huge, 1);
    assert_int_equal(tarn_rle_read(&r, out, 16), 0);
    assert_int_equal(out[15], 1);
    assert_int_equal(tarn_rle_skip(&r, 2000000000), 0);
    tarn_rle_init(&r, cut_run, sizeof cut_run, 8);
    assert_int_equal(tarn_rle_read(&r, out, 1), -1);
    tarn_rle_init(&r, cut_head, sizeof cut_head, 8);
    assert_int_equal(tarn_rle_read(&r, out, 1), -1);
    tarn_rle_init(&r, long_head, sizeof long_head, 8);
    assert_int_equal(tarn_rle_read(&r, out, 1), -1);
    tarn_rle_init(&r, wide_value, sizeof wide_value, 2);
    assert_int_equal(tarn_rle_read(&r, out, 1), -1);
    tarn_rle_init(&r, cut_pack, sizeof cut_pack, 2);
    assert_int_equal(tarn_rle_read(&r, out, 8), 0);
    assert_int_equal(out[3], 3);
    assert_int_equal(tarn_rle_read(&r, out, 1), -1);
    tarn_rle_init(&r, empty_runs, sizeof empty_runs, 1);
    assert_int_equal(tarn_rle_read(&r, out, 2), 0);
    assert_int_equal(out[1], 1);
    tarn_rle_init(&r, NULL, 0, 0); /* width 0 needs no bytes: one value only */
    assert_int_equal(tarn_rle_read(&r, out, 16), 0);
    assert_int_equal(out[15], 0);
    tarn_rle_init(&r, NULL, 0, 1);
    assert_int_equal(tarn_rle_read(&r, out, 1), -1);
}

static void test_levels(void **state) {
    static uint32_t in[N];
    static uint8_t valid[N];
    (void)state;
    for (unsigned max = 1; max <= 5; max++) {
        unsigned w = tarn_enc_width(max);
        struct tarn_buf b = TARN_BUF_INIT(1 << 20);
        struct tarn_levels l;
        uint8_t *bytes = NULL;
        uint32_t v = max;
        for (unsigned i = 0; i < N; i++) {
            if (rnd() % 20 == 0) v = rnd() % (max + 1);
            in[i] = v;
        }
        tarn_enc_rle32(&b, in, N, w);
        bytes = exact(&b);
        tarn_levels_init(&l, bytes, b.len, (uint8_t)max, 0);
        for (uint32_t at = 0; at < N;) {
            uint32_t k = 1 + rnd() % 70, present = 0, want = 0;
            if (k > N - at) k = N - at;
            for (uint32_t i = 0; i < k; i++)
                want += in[at + i] == max;
            if (rnd() % 5 == 0) {
                assert_int_equal(tarn_levels_skip(&l, k, &present), 0);
            } else {
                assert_int_equal(tarn_levels_read(&l, valid, k, &present), 0);
                for (uint32_t i = 0; present < k && i < k; i++)
                    assert_int_equal(valid[i], in[at + i] == max);
            }
            assert_int_equal(present, want);
            at += k;
        }
        tarn_free(bytes);
        tarn_buf_release(&b);
    }
}

static void test_levels_of_other_kinds(void **state) {
    const uint8_t above[] = {0x08, 0x03}; /* level 3 where 2 is the most */
    const uint8_t msb[] = {0xa0, 0x80};   /* 1 0 1 0 0 0 0 0 1 ... */
    struct tarn_levels l;
    uint8_t valid[16];
    uint32_t present = 0;
    (void)state;
    tarn_levels_init(&l, above, sizeof above, 2, 0);
    assert_int_equal(tarn_levels_read(&l, valid, 4, &present), -1);
    tarn_levels_init(&l, msb, sizeof msb, 1, 1);
    assert_int_equal(tarn_levels_read(&l, valid, 9, &present), 0);
    assert_int_equal(present, 3);
    assert_int_equal(valid[0] + valid[2] + valid[8], 3);
    assert_int_equal(tarn_levels_read(&l, valid, 8, &present), -1);
    tarn_levels_init(&l, NULL, 0, 0, 0);
    assert_int_equal(tarn_levels_read(&l, valid, 16, &present), 0);
    assert_int_equal(present, 16);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_unpack_all_widths),     cmocka_unit_test(test_forms_agree),
        cmocka_unit_test(test_packed_runs),           cmocka_unit_test(test_hybrid_round_trip),
        cmocka_unit_test(test_hybrid_bounds),         cmocka_unit_test(test_levels),
        cmocka_unit_test(test_levels_of_other_kinds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
