/* Every encoding of a data page, against encoders and by hand; damaged bytes end in an error. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "decode_values.h"
#include "decompress.h"
#include "encode_bits.h"
#include "encode_delta.h"
#include "err.h"
#include "mem.h"

#include <lz4.h>
#include <lz4frame.h>
#include <snappy-c.h>
#include <zlib.h>
#include <zstd.h>

static uint64_t seed = 7;

static uint32_t rnd(void) {
    seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(seed >> 33);
}

enum { N = 2000 };

struct page {
    struct tarn_values_decoder d;
    struct tarn_arena arena;
    uint8_t *bytes; /* an exact copy */
    size_t n;
    const char *why;
};

static int page_open(struct page *p, enum tarn_physical type, uint32_t len, int encoding,
                     const struct tarn_buf *b) {
    struct tarn_slice body;
    memset(p, 0, sizeof *p);
    tarn_arena_init(&p->arena, NULL);
    p->n = b->len;
    p->bytes = tarn_memdup(b->data, b->len);
    body = (struct tarn_slice){p->bytes, b->len};
    return tarn_values_init(&p->d, type, len, encoding, body, &p->why);
}

static void page_close(struct page *p) {
    tarn_values_release(&p->d);
    tarn_arena_release(&p->arena);
    tarn_free(p->bytes);
}

/* Reads N values of `size` bytes in random steps, skipping some, and compares with `in`. */
static void check_numbers(enum tarn_physical type, int encoding, const struct tarn_buf *b,
                          const void *in, size_t size) {
    static uint64_t out[N];
    struct page p;
    assert_int_equal(page_open(&p, type, 0, encoding, b), TARN_OK);
    for (uint32_t at = 0; at < N;) {
        uint32_t k = 1 + rnd() % 90;
        if (k > N - at) k = N - at;
        if (rnd() % 4 == 0) {
            assert_int_equal(tarn_values_skip(&p.d, k, &p.why), TARN_OK);
        } else {
            assert_int_equal(tarn_values_read(&p.d, out, k, &p.arena, &p.why), TARN_OK);
            assert_memory_equal(out, (const uint8_t *)in + at * size, k * size);
        }
        at += k;
    }
    assert_int_equal(tarn_values_read(&p.d, out, 600, &p.arena, &p.why), TARN_ECORRUPT);
    page_close(&p);
}

static void test_plain_and_split_numbers(void **state) {
    static uint32_t a4[N];
    static uint64_t a8[N];
    static uint8_t bools[N];
    struct tarn_buf b = TARN_BUF_INIT(1 << 20);
    (void)state;
    for (unsigned i = 0; i < N; i++) {
        a4[i] = rnd() * 3;
        a8[i] = (uint64_t)rnd() << 33 ^ rnd();
        bools[i] = rnd() & 1;
    }
    tarn_buf_put(&b, a4, sizeof a4);
    check_numbers(TARN_INT32, TARN_PLAIN, &b, a4, 4);
    check_numbers(TARN_FLOAT, TARN_PLAIN, &b, a4, 4);
    tarn_buf_clear(&b);
    tarn_buf_put(&b, a8, sizeof a8);
    check_numbers(TARN_INT64, TARN_PLAIN, &b, a8, 8);
    tarn_buf_clear(&b);
    for (unsigned s = 0; s < 8; s++)
        for (unsigned i = 0; i < N; i++)
            tarn_buf_u8(&b, (uint8_t)(a8[i] >> (8 * s)));
    check_numbers(TARN_DOUBLE, TARN_BYTE_STREAM_SPLIT, &b, a8, 8);
    check_numbers(TARN_INT64, TARN_BYTE_STREAM_SPLIT, &b, a8, 8);
    tarn_buf_clear(&b);
    for (unsigned s = 0; s < 4; s++)
        for (unsigned i = 0; i < N; i++)
            tarn_buf_u8(&b, (uint8_t)(a4[i] >> (8 * s)));
    check_numbers(TARN_FLOAT, TARN_BYTE_STREAM_SPLIT, &b, a4, 4);
    tarn_buf_clear(&b);
    tarn_enc_bools(&b, bools, N);
    check_numbers(TARN_BOOLEAN, TARN_PLAIN, &b, bools, 1);
    tarn_buf_release(&b);
}

static void test_rle_booleans(void **state) {
    static uint8_t bools[N], packed[N / 8];
    struct tarn_buf body = TARN_BUF_INIT(1 << 20), b = TARN_BUF_INIT(1 << 20);
    (void)state;
    for (unsigned i = 0; i < N; i++) {
        bools[i] = i % 100 < 60 || (rnd() & 1);
        packed[i / 8] |= (uint8_t)(bools[i] << i % 8);
    }
    tarn_enc_rle_bitmap(&body, packed, 0, N);
    tarn_buf_le32(&b, (uint32_t)body.len);
    tarn_buf_put(&b, body.data, body.len);
    check_numbers(TARN_BOOLEAN, TARN_RLE, &b, bools, 1);
    tarn_buf_release(&b);
    tarn_buf_release(&body);
}

static void test_delta_numbers(void **state) {
    static int32_t a4[N];
    static int64_t a8[N];
    (void)state;
    for (unsigned round = 0; round < 12; round++) {
        struct tarn_buf b = TARN_BUF_INIT(1 << 20);
        for (unsigned i = 0; i < N; i++) { /* from constant to full-width differences */
            uint64_t wide = (uint64_t)rnd() << 33 ^ (uint64_t)rnd() << 11;
            a8[i] = round == 0 ? 5 : (int64_t)(wide >> (64 - 5 * round - (round == 11)));
            a4[i] = (int32_t)(uint32_t)wide >> (2 * round);
        }
        a8[N / 2] = INT64_MIN;
        a8[N / 2 + 1] = INT64_MAX;
        tarn_enc_delta64(&b, a8, N);
        check_numbers(TARN_INT64, TARN_DELTA_BINARY_PACKED, &b, a8, 8);
        tarn_buf_clear(&b);
        tarn_enc_delta32(&b, a4, N);
        check_numbers(TARN_INT32, TARN_DELTA_BINARY_PACKED, &b, a4, 4);
        tarn_buf_release(&b);
    }
}

struct texts {
    char text[N][48];
    size_t len[N];
    struct tarn_buf plain;
};

/* Sorted-like texts with common prefixes, and some empty ones; or all `fixed` long. */
static void make_texts(struct texts *t, uint32_t fixed) {
    tarn_buf_init(&t->plain, 1 << 20);
    for (unsigned i = 0; i < N; i++) {
        int n = snprintf(t->text[i], sizeof t->text[i], "prefix/%06u/%.*s", i / 7,
                         (int)(rnd() % 20), "abcdefghijklmnopqrstuvwxyz");
        t->len[i] = fixed ? fixed : rnd() % 11 == 0 ? 0 : (size_t)n;
        if (!fixed) tarn_buf_le32(&t->plain, (uint32_t)t->len[i]);
        tarn_buf_put(&t->plain, t->text[i], t->len[i]);
    }
}

static void check_texts(const struct texts *t, enum tarn_physical type, uint32_t fixed,
                        int encoding, const struct tarn_buf *b) {
    static struct tarn_slice out[N];
    struct page p;
    assert_int_equal(page_open(&p, type, fixed, encoding, b), TARN_OK);
    for (uint32_t at = 0; at < N;) {
        uint32_t k = 1 + rnd() % 400;
        if (k > N - at) k = N - at;
        if (rnd() % 4 == 0) {
            assert_int_equal(tarn_values_skip(&p.d, k, &p.why), TARN_OK);
        } else {
            assert_int_equal(tarn_values_read(&p.d, out, k, &p.arena, &p.why), TARN_OK);
            for (uint32_t i = 0; i < k; i++) {
                assert_int_equal(out[i].len, t->len[at + i]);
                assert_memory_equal(out[i].data, t->text[at + i], out[i].len);
            }
            tarn_arena_clear(&p.arena); /* the next prefix must not come from there */
        }
        at += k;
    }
    assert_int_equal(tarn_values_read(&p.d, out, 1, &p.arena, &p.why), TARN_ECORRUPT);
    page_close(&p);
}

static void test_texts(void **state) {
    static struct texts t;
    struct tarn_buf b = TARN_BUF_INIT(1 << 20), scratch = TARN_BUF_INIT(1 << 20);
    (void)state;
    make_texts(&t, 0);
    check_texts(&t, TARN_BYTE_ARRAY, 0, TARN_PLAIN, &t.plain);
    tarn_enc_delta_length(&b, t.plain.data, N, 0, &scratch);
    check_texts(&t, TARN_BYTE_ARRAY, 0, TARN_DELTA_LENGTH_BYTE_ARRAY, &b);
    tarn_buf_clear(&b);
    tarn_enc_delta_bytes(&b, t.plain.data, N, 0, &scratch);
    check_texts(&t, TARN_BYTE_ARRAY, 0, TARN_DELTA_BYTE_ARRAY, &b);
    tarn_buf_release(&t.plain);
    make_texts(&t, 12);
    check_texts(&t, TARN_FIXED, 12, TARN_PLAIN, &t.plain);
    check_texts(&t, TARN_INT96, 0, TARN_PLAIN, &t.plain);
    tarn_buf_clear(&b);
    tarn_enc_delta_bytes(&b, t.plain.data, N, 12, &scratch);
    check_texts(&t, TARN_FIXED, 12, TARN_DELTA_BYTE_ARRAY, &b);
    tarn_buf_clear(&b);
    for (unsigned s = 0; s < 12; s++)
        for (unsigned i = 0; i < N; i++)
            tarn_buf_u8(&b, (uint8_t)t.text[i][s]);
    check_texts(&t, TARN_FIXED, 12, TARN_BYTE_STREAM_SPLIT, &b);
    tarn_buf_release(&t.plain);
    tarn_buf_release(&b);
    tarn_buf_release(&scratch);
}

/* Cutting or flipping bytes of a page must end in values or an error, never in a bad read. */
static void test_damaged_pages(void **state) {
    static struct texts t;
    static struct tarn_slice out[N];
    static int64_t a8[N];
    struct tarn_buf pages[4], scratch = TARN_BUF_INIT(1 << 20);
    const int encodings[] = {TARN_DELTA_BYTE_ARRAY, TARN_DELTA_LENGTH_BYTE_ARRAY, TARN_PLAIN,
                             TARN_DELTA_BINARY_PACKED};
    (void)state;
    make_texts(&t, 0);
    for (unsigned i = 0; i < 4; i++)
        tarn_buf_init(&pages[i], 1 << 20);
    for (unsigned i = 0; i < N; i++)
        a8[i] = rnd();
    tarn_enc_delta_bytes(&pages[0], t.plain.data, N, 0, &scratch);
    tarn_enc_delta_length(&pages[1], t.plain.data, N, 0, &scratch);
    tarn_buf_put(&pages[2], t.plain.data, t.plain.len);
    tarn_enc_delta64(&pages[3], a8, N);
    for (unsigned round = 0; round < 2000; round++) {
        struct tarn_buf b = pages[round % 4];
        struct page p;
        size_t at = rnd() % (round % 3 ? b.len : 64);
        uint8_t old = b.data[at];
        if (round % 5 == 0) b.len = rnd() % b.len;
        b.data[at] = (uint8_t)rnd();
        if (page_open(&p, round % 4 == 3 ? TARN_INT64 : TARN_BYTE_ARRAY, 0, encodings[round % 4],
                      &b) == TARN_OK) {
            uint32_t skip = rnd() % 300;
            if (tarn_values_skip(&p.d, skip, &p.why) == TARN_OK)
                (void)tarn_values_read(&p.d, out, N - skip, &p.arena, &p.why);
        }
        page_close(&p);
        b.data[at] = old;
    }
    for (unsigned i = 0; i < 4; i++)
        tarn_buf_release(&pages[i]);
    tarn_buf_release(&scratch);
    tarn_buf_release(&t.plain);
}

/* 129 values that each repeat a prefix of 1 MiB: more than a budget of 64 MiB has. */
static void test_prefixes_stay_in_budget(void **state) {
    static int32_t prefix[129], suffix[129];
    static struct tarn_slice out[129];
    static uint8_t big[1 << 20];
    struct tarn_budget budget = {64 << 20, 0};
    struct tarn_buf b = TARN_BUF_INIT(4 << 20);
    struct page p;
    (void)state;
    for (unsigned i = 1; i < 129; i++)
        prefix[i] = 1 << 20;
    suffix[0] = 1 << 20;
    tarn_enc_delta32(&b, prefix, 129);
    tarn_enc_delta32(&b, suffix, 129);
    tarn_buf_put(&b, big, sizeof big);
    assert_int_equal(page_open(&p, TARN_BYTE_ARRAY, 0, TARN_DELTA_BYTE_ARRAY, &b), TARN_OK);
    tarn_arena_init(&p.arena, &budget);
    assert_int_equal(tarn_values_read(&p.d, out, 129, &p.arena, &p.why), TARN_ELIMIT);
    page_close(&p);
    assert_int_equal(budget.used, 0);
    tarn_buf_release(&b);
}

static void test_encoding_must_fit_type(void **state) {
    struct tarn_buf b = TARN_BUF_INIT(64);
    struct page p;
    (void)state;
    tarn_buf_le64(&b, 1);
    assert_int_equal(page_open(&p, TARN_INT32, 0, 77, &b), TARN_EUNSUPPORTED);
    page_close(&p);
    assert_int_equal(page_open(&p, TARN_DOUBLE, 0, TARN_DELTA_BINARY_PACKED, &b),
                     TARN_EUNSUPPORTED);
    page_close(&p);
    assert_int_equal(page_open(&p, TARN_INT32, 0, TARN_RLE, &b), TARN_EUNSUPPORTED);
    page_close(&p);
    b.data[0] = 33;
    assert_int_equal(page_open(&p, TARN_INT32, 0, TARN_RLE_DICTIONARY, &b), TARN_ECORRUPT);
    page_close(&p);
    b.len = 7;
    assert_int_equal(page_open(&p, TARN_INT64, 0, TARN_BYTE_STREAM_SPLIT, &b), TARN_ECORRUPT);
    page_close(&p);
    b.len = 0; /* a page of NULLs has no bytes, and may be asked for no values */
    for (int e = 0; e <= 9; e++) {
        uint64_t out = 0;
        if (page_open(&p, TARN_BYTE_ARRAY, 0, e, &b) == TARN_OK) {
            assert_int_equal(tarn_values_read(&p.d, &out, 0, &p.arena, &p.why), TARN_OK);
            assert_int_equal(tarn_values_read(&p.d, &out, 1, &p.arena, &p.why), TARN_ECORRUPT);
        }
        page_close(&p);
    }
    tarn_buf_release(&b);
}

static size_t pack(int codec, const uint8_t *in, size_t n, uint8_t *out, size_t cap) {
    size_t len = cap;
    uLongf zlen = (uLongf)cap;
    switch (codec) {
    case TARN_SNAPPY:
        assert_int_equal(snappy_compress((const char *)in, n, (char *)out, &len), 0);
        break;
    case TARN_GZIP:
        assert_int_equal(compress(out, &zlen, in, (uLong)n), Z_OK);
        len = zlen;
        break;
    case TARN_ZSTD: len = ZSTD_compress(out, cap, in, n, 1); break;
    case TARN_LZ4:
    case TARN_LZ4_RAW:
        len = (size_t)LZ4_compress_default((const char *)in, (char *)out, (int)n, (int)cap);
        break;
    default: memcpy(out, in, n); len = n;
    }
    return len;
}

static void test_decompress(void **state) {
    static uint8_t in[20000], packed[40000], out[20001];
    const int codecs[] = {TARN_UNCOMPRESSED, TARN_SNAPPY, TARN_GZIP,
                          TARN_ZSTD,         TARN_LZ4,    TARN_LZ4_RAW};
    struct tarn_decompressor d = {NULL};
    const char *why = NULL;
    (void)state;
    for (size_t i = 0; i < sizeof in; i++)
        in[i] = (uint8_t)(rnd() % 5 + i / 1000);
    for (unsigned c = 0; c < 6; c++) {
        enum tarn_codec k = (enum tarn_codec)codecs[c];
        size_t n = pack(codecs[c], in, sizeof in, packed, sizeof packed);
        assert_true(tarn_decompress_plausible(k, packed, n, sizeof in, &why));
        memset(out, 0, sizeof out);
        assert_int_equal(tarn_decompress(&d, k, packed, n, out, sizeof in, &why), TARN_OK);
        assert_memory_equal(in, out, sizeof in);
        assert_int_equal(tarn_decompress(&d, k, packed, n, out, sizeof in - 1, &why),
                         TARN_ECORRUPT);
        assert_int_equal(tarn_decompress(&d, k, packed, n, out, sizeof in + 1, &why),
                         TARN_ECORRUPT);
        assert_int_equal(tarn_decompress(&d, k, packed, n - 1, out, sizeof in, &why),
                         TARN_ECORRUPT);
        for (unsigned i = 0; i < 200; i++) { /* damage may give wrong bytes, never a bad write */
            uint8_t *hurt = tarn_memdup(packed, n);
            hurt[rnd() % n] ^= (uint8_t)(1 << rnd() % 8);
            (void)tarn_decompress(&d, k, hurt, n, out, sizeof in, &why);
            tarn_free(hurt);
        }
    }
    assert_false(tarn_decompress_plausible(TARN_GZIP, in, 100, 1 << 20, &why));
    assert_false(tarn_decompress_plausible(TARN_SNAPPY, in, 100, 1 << 20, &why));
    assert_false(tarn_decompress_plausible(TARN_LZ4_RAW, in, 100, 1 << 20, &why));
    assert_int_equal(tarn_decompress(&d, TARN_LZO, in, 10, out, 10, &why), TARN_EUNSUPPORTED);
    tarn_decompressor_release(&d);
}

static size_t be32(uint8_t *p, size_t v) {
    for (int i = 0; i < 4; i++)
        p[i] = (uint8_t)(v >> (24 - 8 * i));
    return 4;
}

/* The framings that codec LZ4 has in the wild: Hadoop's blocks, of one piece or of several, and
** LZ4's own frames. The bare block is in test_decompress. */
static void test_lz4_framings(void **state) {
    static uint8_t in[9000], packed[20000], out[9001];
    struct tarn_decompressor d = {NULL};
    const char *why = NULL;
    size_t n = 0, frame = 0;
    (void)state;
    for (size_t i = 0; i < sizeof in; i++)
        in[i] = (uint8_t)(rnd() % 5 + i / 1000);
    for (size_t block = 0; block < 9000; block += 3000) {
        size_t pieces = block ? 3 : 1, piece = 3000 / pieces;
        n += be32(packed + n, 3000);
        for (size_t k = 0; k < pieces; k++) {
            size_t len = pack(TARN_LZ4, in + block + k * piece, piece, packed + n + 4, 8000);
            n += be32(packed + n, len);
            n += len;
        }
    }
    assert_int_equal(tarn_decompress(&d, TARN_LZ4, packed, n, out, 9000, &why), TARN_OK);
    assert_memory_equal(in, out, 9000);
    for (size_t cut = 1; cut < n; cut += 7)
        assert_int_equal(tarn_decompress(&d, TARN_LZ4, packed, n - cut, out, 9000, &why),
                         TARN_ECORRUPT);
    assert_int_equal(tarn_decompress(&d, TARN_LZ4, packed, n, out, 8999, &why), TARN_ECORRUPT);
    frame = LZ4F_compressFrame(packed, sizeof packed, in, sizeof in, NULL);
    assert_false(LZ4F_isError(frame));
    memset(out, 0, sizeof out);
    assert_int_equal(tarn_decompress(&d, TARN_LZ4, packed, frame, out, 9000, &why), TARN_OK);
    assert_memory_equal(in, out, 9000);
    assert_int_equal(tarn_decompress(&d, TARN_LZ4, packed, frame, out, 9001, &why), TARN_ECORRUPT);
    assert_int_equal(tarn_decompress(&d, TARN_LZ4, packed, frame, out, 8999, &why), TARN_ECORRUPT);
    assert_int_equal(tarn_decompress(&d, TARN_LZ4, packed, frame - 1, out, 9000, &why),
                     TARN_ECORRUPT);
}

/* Two zlib members one after the other are one page. */
static void test_concatenated_members(void **state) {
    static uint8_t in[3000], packed[8000], out[3000];
    struct tarn_decompressor d = {NULL};
    const char *why = NULL;
    size_t a = 0, b = 0;
    (void)state;
    for (size_t i = 0; i < sizeof in; i++)
        in[i] = (uint8_t)(i / 10);
    a = pack(TARN_GZIP, in, 1000, packed, sizeof packed);
    b = pack(TARN_GZIP, in + 1000, 2000, packed + a, sizeof packed - a);
    assert_int_equal(tarn_decompress(&d, TARN_GZIP, packed, a + b, out, 3000, &why), TARN_OK);
    assert_memory_equal(in, out, 3000);
    tarn_decompressor_release(&d);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plain_and_split_numbers),
        cmocka_unit_test(test_rle_booleans),
        cmocka_unit_test(test_delta_numbers),
        cmocka_unit_test(test_texts),
        cmocka_unit_test(test_damaged_pages),
        cmocka_unit_test(test_prefixes_stay_in_budget),
        cmocka_unit_test(test_encoding_must_fit_type),
        cmocka_unit_test(test_decompress),
        cmocka_unit_test(test_lz4_framings),
        cmocka_unit_test(test_concatenated_members),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
