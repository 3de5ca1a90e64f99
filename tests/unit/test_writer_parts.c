/* The writer's parts: Thrift encoder, hash, bloom filter, statistics, page index, codecs, names. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <lz4.h>
#include <math.h>
#include <snappy-c.h>
#include <zlib.h>
#include <zstd.h>

#include "bloom_write.h"
#include "compress.h"
#include "page_index_write.h"
#include "test_writer_peek.h"
#include "xxh64.h"

static void thrift_bytes(void **state) {
    const uint8_t expected[] = {0x15, 0x02,                  /* 1: i32 1 */
                                0x1c, 0x18, 2,    'a',  'b', /* 2: { 1: "ab" */
                                0x00,                        /* } */
                                0x19, 0x26, 0x03, 0x04,      /* 3: [i64 -2, 2] */
                                0x05, 0x50, 0xff, 0x01,      /* 40: i32 -128, too far for a delta */
                                0x11, 0x12,                  /* 41: true, 42: false */
                                0x1c, 0x00, 0x00};           /* 43: {}, end */
    struct tarn_buf b = TARN_BUF_INIT(1000);
    struct tarn_tw t;

    (void)state;
    tarn_tw_init(&t, &b);
    tarn_tw_i32(&t, 1, 1);
    tarn_tw_struct(&t, 2);
    tarn_tw_str(&t, 1, "ab");
    tarn_tw_end(&t);
    tarn_tw_list(&t, 3, TARN_TW_I64, 2);
    tarn_tw_elem_i64(&t, -2);
    tarn_tw_elem_i64(&t, 2);
    tarn_tw_i32(&t, 40, -128);
    tarn_tw_bool(&t, 41, 1);
    tarn_tw_bool(&t, 42, 0);
    tarn_tw_empty(&t, 43);
    tarn_tw_end(&t);
    assert_int_equal(b.len, sizeof expected);
    assert_memory_equal(b.data, expected, sizeof expected);
    tarn_buf_release(&b);
}

static void thrift_comes_back(void **state) {
    struct tarn_buf b = TARN_BUF_INIT(1000);
    const uint8_t *end;
    struct tarn_tw t;

    (void)state;
    tarn_tw_init(&t, &b);
    tarn_tw_i32(&t, 1, INT32_MIN);
    tarn_tw_i64(&t, 2, INT64_MAX);
    tarn_tw_bool(&t, 3, 1);
    tarn_tw_bool(&t, 4, 0);
    tarn_tw_i8(&t, 5, -3);
    tarn_tw_i16(&t, 30, -300);
    tarn_tw_struct(&t, 31);
    tarn_tw_empty(&t, 2);
    tarn_tw_bin(&t, 3, "\0x", 2);
    tarn_tw_end(&t);
    tarn_tw_list(&t, 32, TARN_TW_TRUE, 20);
    for (int i = 0; i < 20; i++)
        tarn_tw_elem_bool(&t, i % 3 == 0);
    tarn_tw_end(&t);
    end = b.data + b.len;
    assert_ptr_equal(peek_end(b.data, end), end);
    assert_int_equal(PEEK(b.data, end, 1).number, INT32_MIN);
    assert_int_equal(PEEK(b.data, end, 2).number, INT64_MAX);
    assert_int_equal(PEEK(b.data, end, 3).type, TARN_TW_TRUE);
    assert_int_equal(PEEK(b.data, end, 4).type, TARN_TW_FALSE);
    assert_int_equal(PEEK(b.data, end, 5).number, -3);
    assert_int_equal(PEEK(b.data, end, 30).number, -300);
    assert_int_equal(PEEK(b.data, end, 31, 2).type, TARN_TW_STRUCT);
    assert_memory_equal(PEEK(b.data, end, 31, 3).bytes, "\0x", 2);
    assert_int_equal(PEEK(b.data, end, 32).number, 20);
    assert_int_equal(PEEK(b.data, end, 32, 18).number, 1);
    assert_int_equal(PEEK(b.data, end, 32, 19).number, 0);
    tarn_buf_release(&b);
}

static void thrift_depth_is_bounded(void **state) {
    struct tarn_buf b = TARN_BUF_INIT(1000);
    struct tarn_tw t;

    (void)state;
    tarn_tw_init(&t, &b);
    for (int i = 0; i < 20; i++)
        tarn_tw_struct(&t, 1);
    assert_int_equal(b.rc, TARN_ELIMIT);
    tarn_buf_release(&b);
}

static void xxh64_vectors(void **state) {
    const char *s = "Nobody inspects the spammish repetition";

    (void)state;
    assert_int_equal(tarn_xxh64("", 0), UINT64_C(0xef46db3751d8e999));
    assert_int_equal(tarn_xxh64("a", 1), UINT64_C(0xd24ec4f1a98c6e5b));
    assert_int_equal(tarn_xxh64("abc", 3), UINT64_C(0x44bc2cf5ad770999));
    assert_int_equal(tarn_xxh64(s, strlen(s)), UINT64_C(0xfbcea83c8a378bf1));
}

static void bloom_has_no_false_negatives_and_few_positives(void **state) {
    enum { N = 10000 };
    struct tarn_buf b = TARN_BUF_INIT(1 << 20);
    static int64_t v[N];
    uint32_t bytes = tarn_bloom_bytes(N), found = 0;
    const uint8_t *blocks, *end;
    size_t len;

    (void)state;
    for (int i = 0; i < N; i++)
        v[i] = (int64_t)i * 77;
    len = tarn_bloom_write(&b, TARN_INT64, (const uint8_t *)v, N, 8);
    assert_int_equal(bytes, 16384);
    assert_int_equal(len, b.len);
    end = b.data + b.len;
    blocks = peek_end(b.data, end);
    assert_int_equal(end - blocks, bytes);
    assert_int_equal(PEEK(b.data, end, 1).number, bytes);
    for (int16_t id = 2; id <= 4; id++)
        assert_int_equal(PEEK(b.data, end, id, 1).type, TARN_TW_STRUCT);
    for (int i = 0; i < N; i++) {
        int64_t absent = -1 - v[i];

        assert_true(tarn_sbbf_check(blocks, bytes / TARN_SBBF_BLOCK, tarn_xxh64(&v[i], 8)));
        found += (uint32_t)tarn_sbbf_check(blocks, bytes / TARN_SBBF_BLOCK, tarn_xxh64(&absent, 8));
    }
    assert_true(found < N / 100);
    assert_int_equal(tarn_bloom_write(&b, TARN_INT64, NULL, 0, 8), 0);
    assert_int_equal(tarn_bloom_bytes(1), 32);
    assert_int_equal(tarn_bloom_bytes(UINT64_MAX / 64), 64 << 20);
    tarn_buf_release(&b);
}

static void bloom_hashes_text_without_its_length(void **state) {
    const uint8_t plain[] = {3, 0, 0, 0, 'a', 'b', 'c', 0, 0, 0, 0};
    struct tarn_buf b = TARN_BUF_INIT(1000);

    (void)state;
    tarn_bloom_write(&b, TARN_BYTE_ARRAY, plain, 2, 0);
    assert_true(tarn_sbbf_check(b.data + b.len - 32, 1, tarn_xxh64("abc", 3)));
    assert_true(tarn_sbbf_check(b.data + b.len - 32, 1, tarn_xxh64("", 0)));
    assert_false(tarn_sbbf_check(b.data + b.len - 32, 1, tarn_xxh64("abd", 3)));
    tarn_buf_release(&b);
}

static void bloom_holds_both_zeros(void **state) {
    struct tarn_buf b = TARN_BUF_INIT(1000);
    float minus = -0.0f, plus = 0.0f;
    double zero = 0.0, other = -0.0;

    (void)state;
    tarn_bloom_write(&b, TARN_FLOAT, (const uint8_t *)&minus, 1, 4);
    assert_true(tarn_sbbf_check(b.data + b.len - 32, 1, tarn_xxh64(&plus, 4)));
    tarn_bloom_write(&b, TARN_DOUBLE, (const uint8_t *)&zero, 1, 8);
    assert_true(tarn_sbbf_check(b.data + b.len - 32, 1, tarn_xxh64(&other, 8)));
    tarn_buf_release(&b);
}

static void bounds(struct tarn_stats *s, const char *min, size_t n_min, const char *max,
                   size_t n_max, int text) {
    struct tarn_bounds b;

    tarn_bounds_init(&b);
    tarn_bounds_add_bytes(&b, TARN_ORDER_BYTES, (const uint8_t *)max, n_max);
    tarn_bounds_add_bytes(&b, TARN_ORDER_BYTES, (const uint8_t *)min, n_min);
    tarn_stats_set(s, &b, TARN_ORDER_BYTES, text);
}

static void long_text_is_cut(void **state) {
    struct tarn_stats s;
    char a[70], z[70];

    (void)state;
    memset(a, 'a', sizeof a);
    memset(z, 'z', sizeof z);
    bounds(&s, a, 64, z, 64, 1);
    assert_true(s.min_exact && s.max_exact && s.min_len == 64 && s.max_len == 64);
    bounds(&s, a, 65, z, 65, 1);
    assert_true(s.has_min && s.has_max && !s.min_exact && !s.max_exact);
    assert_int_equal(s.min_len, 64);
    assert_memory_equal(s.min, a, 64);
    assert_int_equal(s.max_len, 64);
    assert_memory_equal(s.max, z, 63);
    assert_int_equal(s.max[63], '{');
    bounds(&s, "", 0, "b", 1, 1);
    assert_true(s.has_min && s.min_exact && s.min_len == 0 && s.max_len == 1);
}

/* The last character that can be raised is; what comes after it goes. */
static void raised_text_stays_utf8(void **state) {
    struct tarn_stats s;
    char v[80];

    (void)state;
    memset(v, 'x', sizeof v);
    memcpy(v + 62, "\xc3\xbf", 2); /* U+00FF -> U+0100 */
    bounds(&s, v, 70, v, 70, 1);
    assert_int_equal(s.max_len, 64);
    assert_memory_equal(s.max + 62, "\xc4\x80", 2);
    memcpy(v + 63, "\xc3\xbf", 2); /* straddles the cut: both bounds end before it */
    v[62] = 'x';
    bounds(&s, v, 70, v, 70, 1);
    assert_int_equal(s.min_len, 63);
    assert_int_equal(s.max_len, 63);
    assert_int_equal(s.max[62], 'y');
    memset(v, 'x', sizeof v);
    memcpy(v + 61, "\xed\x9f\xbf", 3); /* U+D7FF -> U+E000, over the surrogates */
    bounds(&s, v, 70, v, 70, 1);
    assert_memory_equal(s.max + 61, "\xee\x80\x80", 3);
    memset(v, 'x', sizeof v);
    memcpy(v + 60, "\xf4\x8f\xbf\xbf", 4); /* U+10FFFF can't be raised: the one before is */
    bounds(&s, v, 70, v, 70, 1);
    assert_int_equal(s.max_len, 60);
    assert_int_equal(s.max[59], 'y');
    memset(v, 'x', sizeof v);
    v[63] = 0x7f; /* U+007F -> U+0080 would be a byte too long */
    bounds(&s, v, 70, v, 70, 1);
    assert_int_equal(s.max_len, 63);
    assert_int_equal(s.max[62], 'y');
    for (int i = 0; i < 80; i += 4)
        memcpy(v + i, "\xf4\x8f\xbf\xbf", 4);
    bounds(&s, v, 80, v, 80, 1);
    assert_true(s.has_min && s.min_len == 64 && !s.has_max);
}

static void raised_bytes_drop_trailing_ff(void **state) {
    struct tarn_stats s;
    char v[80];

    (void)state;
    memset(v, 0xff, sizeof v);
    bounds(&s, v, 70, v, 70, 0);
    assert_true(s.has_min && !s.has_max);
    v[10] = 1;
    bounds(&s, v, 70, v, 70, 0);
    assert_int_equal(s.max_len, 11);
    assert_int_equal(s.max[10], 2);
    memset(v, 0x80, sizeof v); /* not UTF-8 in a text column: cut as bytes */
    bounds(&s, v, 70, v, 70, 1);
    assert_int_equal(s.min_len, 64);
    assert_int_equal(s.max[63], 0x81);
}

static void floats_follow_the_rules(void **state) {
    const double v[] = {NAN, 3, 0.0, NAN}, w[] = {-0.0, -5}, x[] = {NAN, NAN};
    struct tarn_bounds b;
    struct tarn_stats s;
    double lo, hi;

    (void)state;
    tarn_bounds_init(&b);
    tarn_bounds_add_numbers(&b, TARN_ORDER_F64, (const uint8_t *)w, 2);
    tarn_stats_set(&s, &b, TARN_ORDER_F64, 0);
    memcpy(&lo, s.min, 8);
    memcpy(&hi, s.max, 8);
    assert_true(lo == -5 && hi == 0 && !signbit(hi) && s.has_max && s.max_exact);
    tarn_bounds_init(&b);
    tarn_bounds_add_numbers(&b, TARN_ORDER_F64, (const uint8_t *)v, 4);
    tarn_stats_set(&s, &b, TARN_ORDER_F64, 0);
    memcpy(&lo, s.min, 8);
    assert_true(s.has_min && lo == 0 && signbit(lo) && !s.has_max);
    tarn_bounds_init(&b);
    tarn_bounds_add_numbers(&b, TARN_ORDER_F64, (const uint8_t *)x, 2);
    tarn_stats_set(&s, &b, TARN_ORDER_F64, 0);
    assert_true(!s.has_min && !s.has_max);
}

static void orders_are_those_of_the_types(void **state) {
    struct tarn_logical_type l = {.kind = TARN_LOGICAL_INTEGER, .bits = 32};
    const uint32_t big = 0xffffffff, one = 1;
    const uint8_t minus_one[] = {0xff}, wide[] = {0x00, 0xff}, minus_256[] = {0xff, 0x00};

    (void)state;
    assert_int_equal(tarn_order_of(TARN_INT32, &l), TARN_ORDER_U32);
    assert_true(
        tarn_order_compare(TARN_ORDER_U32, (const uint8_t *)&big, 4, (const uint8_t *)&one, 4) > 0);
    l.is_signed = 1;
    assert_int_equal(tarn_order_of(TARN_INT32, &l), TARN_ORDER_I32);
    assert_true(
        tarn_order_compare(TARN_ORDER_I32, (const uint8_t *)&big, 4, (const uint8_t *)&one, 4) < 0);
    l.kind = TARN_LOGICAL_DECIMAL;
    assert_int_equal(tarn_order_of(TARN_FIXED, &l), TARN_ORDER_DECIMAL);
    assert_true(tarn_order_compare(TARN_ORDER_DECIMAL, minus_one, 1, wide, 2) < 0);
    assert_true(tarn_order_compare(TARN_ORDER_DECIMAL, minus_256, 2, minus_one, 1) < 0);
    assert_true(tarn_order_compare(TARN_ORDER_BYTES, minus_one, 1, wide, 2) > 0);
    assert_true(tarn_order_compare(TARN_ORDER_BYTES, minus_one, 1, minus_256, 2) < 0);
    l.kind = TARN_LOGICAL_INTERVAL;
    assert_int_equal(tarn_order_of(TARN_FIXED, &l), TARN_ORDER_NONE);
}

static void add_page(struct tarn_page_index *x, int64_t lo, int64_t hi, uint32_t rows,
                     int64_t nulls) {
    struct tarn_page_entry e;

    memset(&e, 0, sizeof e);
    e.offset = 100 + x->n;
    e.size = 7;
    e.values = rows;
    e.first_row = x->n * 10;
    e.stats.nulls = nulls;
    if (nulls < (int64_t)rows) {
        e.stats.has_min = e.stats.has_max = 1;
        e.stats.min_len = e.stats.max_len = 8;
        memcpy(e.stats.min, &lo, 8);
        memcpy(e.stats.max, &hi, 8);
    }
    tarn_page_index_add(x, &e);
}

static void page_index_orders(void **state) {
    struct tarn_buf b = TARN_BUF_INIT(10000);
    struct tarn_page_index x;
    const uint8_t *end;

    (void)state;
    tarn_page_index_init(&x);
    add_page(&x, 1, 5, 10, 0);
    add_page(&x, 0, 0, 10, 10);
    add_page(&x, 5, 6, 10, 3);
    assert_true(tarn_page_index_columns(&x, TARN_ORDER_I64, &b) == b.len && b.len > 0);
    end = b.data + b.len;
    assert_int_equal(PEEK(b.data, end, 1, 0).number, 0);
    assert_int_equal(PEEK(b.data, end, 1, 1).number, 1);
    assert_int_equal(PEEK(b.data, end, 2, 1).number, 0);
    assert_int_equal(PEEK(b.data, end, 2, 2).bytes[0], 5);
    assert_int_equal(PEEK(b.data, end, 3, 2).bytes[0], 6);
    assert_int_equal(PEEK(b.data, end, 4).number, 1);
    assert_int_equal(PEEK(b.data, end, 5, 2).number, 3);
    add_page(&x, 2, 9, 10, 0);
    tarn_buf_clear(&b);
    tarn_page_index_columns(&x, TARN_ORDER_I64, &b);
    assert_int_equal(PEEK(b.data, b.data + b.len, 4).number, 0);
    tarn_page_index_clear(&x);
    add_page(&x, 3, 9, 10, 0);
    add_page(&x, -2, 9, 10, 0);
    tarn_buf_clear(&b);
    tarn_page_index_columns(&x, TARN_ORDER_I64, &b);
    assert_int_equal(PEEK(b.data, b.data + b.len, 4).number, 2);
    tarn_buf_clear(&b);
    tarn_page_index_offsets(&x, &b);
    assert_int_equal(PEEK(b.data, b.data + b.len, 1, 1, 1).number, 101);
    assert_int_equal(PEEK(b.data, b.data + b.len, 1, 1, 2).number, 7);
    assert_int_equal(PEEK(b.data, b.data + b.len, 1, 1, 3).number, 10);
    tarn_page_index_release(&x);
    tarn_buf_release(&b);
}

static void no_column_index_without_bounds(void **state) {
    struct tarn_buf b = TARN_BUF_INIT(10000);
    struct tarn_page_index x;

    (void)state;
    tarn_page_index_init(&x);
    add_page(&x, 1, 5, 10, 0);
    ((struct tarn_page_entry *)(void *)x.entries.data)->stats.has_max = 0;
    assert_int_equal(tarn_page_index_columns(&x, TARN_ORDER_I64, &b), 0);
    assert_int_equal(b.len, 0);
    tarn_page_index_release(&x);
    tarn_buf_release(&b);
}

static void inflate_all(const struct tarn_buf *in, uint8_t *out, size_t n) {
    z_stream z = {0};

    assert_int_equal(inflateInit2(&z, MAX_WBITS + 16), Z_OK);
    z.next_in = in->data;
    z.avail_in = (uInt)in->len;
    z.next_out = out;
    z.avail_out = (uInt)n;
    assert_int_equal(inflate(&z, Z_FINISH), Z_STREAM_END);
    assert_int_equal(z.avail_out, 0);
    inflateEnd(&z);
}

static void codecs_come_back(void **state) {
    static uint8_t text[100000], back[100000];
    struct tarn_buf b = TARN_BUF_INIT(1 << 20);
    struct tarn_compressor c;
    size_t len;

    (void)state;
    for (size_t i = 0; i < sizeof text; i++)
        text[i] = (uint8_t)((uint8_t) "parquet"[i % 7] + (i * i >> 9) % 5);
    tarn_compressor_init(&c);
    for (int level = 0; level <= 9; level += 9)
        for (size_t n = 0; n <= sizeof text; n += sizeof text / 2) {
            assert_int_equal(tarn_compress(&c, TARN_GZIP, level, text, n, &b, NULL), TARN_OK);
            memset(back, 0, sizeof back);
            inflate_all(&b, back, n);
            assert_memory_equal(back, text, n);
            assert_int_equal(tarn_compress(&c, TARN_ZSTD, level, text, n, &b, NULL), TARN_OK);
            assert_int_equal(ZSTD_decompress(back, sizeof back, b.data, b.len), n);
            assert_memory_equal(back, text, n);
            assert_int_equal(tarn_compress(&c, TARN_SNAPPY, level, text, n, &b, NULL), TARN_OK);
            len = sizeof back;
            assert_int_equal(snappy_uncompress((char *)b.data, b.len, (char *)back, &len),
                             SNAPPY_OK);
            assert_int_equal(len, n);
            assert_memory_equal(back, text, n);
            assert_int_equal(tarn_compress(&c, TARN_LZ4_RAW, level, text, n, &b, NULL), TARN_OK);
            assert_int_equal(
                LZ4_decompress_safe((char *)b.data, (char *)back, (int)b.len, (int)sizeof back), n);
            assert_memory_equal(back, text, n);
        }
    assert_true(tarn_compressor_memory(&c) > 0);
    tarn_compressor_release(&c);
    assert_int_equal(tarn_compressor_memory(&c), 0);
    tarn_buf_release(&b);
}

static void codecs_and_levels_are_checked(void **state) {
    struct tarn_err err = {0};

    (void)state;
    assert_int_equal(tarn_compress_check(TARN_BROTLI, 0, &err), TARN_EUNSUPPORTED);
    assert_non_null(strstr(err.msg, "BROTLI"));
    assert_int_equal(tarn_compress_check(TARN_LZ4, 0, NULL), TARN_EUNSUPPORTED);
    assert_int_equal(tarn_compress_check(77, 0, NULL), TARN_EUNSUPPORTED);
    assert_int_equal(tarn_compress_check(TARN_GZIP, 10, NULL), TARN_EINVAL);
    assert_int_equal(tarn_compress_check(TARN_ZSTD, -1, NULL), TARN_EINVAL);
    assert_int_equal(tarn_compress_check(TARN_ZSTD, 19, NULL), TARN_OK);
    assert_int_equal(tarn_compress_check(TARN_SNAPPY, 19, NULL), TARN_OK);
}

static void names_cover_unknown_numbers(void **state) {
    (void)state;
    assert_string_equal(tarn_physical_name(TARN_FIXED), "FIXED_LEN_BYTE_ARRAY");
    assert_string_equal(tarn_physical_name(8), "?");
    assert_string_equal(tarn_physical_name(-1), "?");
    assert_string_equal(tarn_encoding_name(TARN_BYTE_STREAM_SPLIT), "BYTE_STREAM_SPLIT");
    assert_string_equal(tarn_encoding_name(1), "?");
    assert_string_equal(tarn_codec_name(TARN_LZ4_RAW), "LZ4_RAW");
    assert_string_equal(tarn_codec_name(INT32_MAX), "?");
    assert_string_equal(tarn_logical_name(TARN_LOGICAL_TIMESTAMP), "TIMESTAMP");
    assert_string_equal(tarn_logical_name(99), "?");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(thrift_bytes),
        cmocka_unit_test(thrift_comes_back),
        cmocka_unit_test(thrift_depth_is_bounded),
        cmocka_unit_test(xxh64_vectors),
        cmocka_unit_test(bloom_has_no_false_negatives_and_few_positives),
        cmocka_unit_test(bloom_hashes_text_without_its_length),
        cmocka_unit_test(bloom_holds_both_zeros),
        cmocka_unit_test(long_text_is_cut),
        cmocka_unit_test(raised_text_stays_utf8),
        cmocka_unit_test(raised_bytes_drop_trailing_ff),
        cmocka_unit_test(floats_follow_the_rules),
        cmocka_unit_test(orders_are_those_of_the_types),
        cmocka_unit_test(page_index_orders),
        cmocka_unit_test(no_column_index_without_bounds),
        cmocka_unit_test(codecs_come_back),
        cmocka_unit_test(codecs_and_levels_are_checked),
        cmocka_unit_test(names_cover_unknown_numbers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
