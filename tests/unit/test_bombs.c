/* Small files that claim, or decode to, far more than there is: each ends in a clear error (or, where
** the claim is lawful, in the first rows) within a second, and all of them within 300 MB. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <zlib.h>

#include <cmocka.h>

#include "buf.h"
#include "encode_delta.h"
#include "filescan.h"
#include "mem.h"
#include "raw_parquet.h"
#include "sanitized.h"

#define BUDGET ((size_t)256 << 20) /* memoryBudget as it comes */
#define MAX_BLOCKS 16

static double now(void) {
    struct timespec t;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void scan_blocks(struct tarn_pq_scan *s, const struct tarn_pq_footer *f, int *rc,
                        struct tarn_err *err) {
    int left = MAX_BLOCKS;

    for (int g = 0; g < f->n_row_groups && left > 0 && !*rc; g++) {
        struct tarn_pq_block *blocks = NULL;
        size_t n = 0;
        *rc = tarn_pq_scan_blocks(s, g, &blocks, &n, err);
        /* The first ones and, as a reader of the newest rows would, the last. */
        for (size_t i = 0; i < n && left > 0 && !*rc; i++, left--) {
            struct tarn_pq_batch *b = NULL;
            *rc = tarn_pq_scan_read(s, &blocks[i % 2 ? n - 1 - i / 2 : i / 2], &b, err);
            tarn_pq_batch_release(b);
        }
        tarn_free(blocks);
    }
}

/* What the file comes to: TARN_OK when its first and last blocks can be read. */
static int read_file(const void *p, size_t n, struct tarn_err *err) {
    struct tarn_memory_source memory = {p, n, "bomb.parquet"};
    struct tarn_source src;
    struct tarn_pq_footer *f = NULL;
    struct tarn_pq_scan *s = NULL;
    struct tarn_budget budget = {BUDGET, 0};
    const int columns[1] = {0};
    struct tarn_pq_scan_spec spec = {columns, 1, NULL, 0, -1, 1, &budget, NULL};
    struct rusage usage;
    double start = now();
    int rc = TARN_OK;

    memset(err, 0, sizeof *err);
    tarn_source_memory(&src, &memory);
    rc = tarn_pq_footer_read(&f, &src, err);
    if (!rc) rc = tarn_pq_scan_open(&s, f, &src, &spec, err);
    if (!rc) scan_blocks(s, f, &rc, err);
    tarn_pq_scan_free(s);
    tarn_pq_footer_free(f);
    assert_int_equal(budget.used, 0);
    assert_true(rc == TARN_OK || (err->code == rc && strstr(err->msg, "bomb.parquet")));
    assert_true(now() - start < (SANITIZED ? 10 : 1));
    getrusage(RUSAGE_SELF, &usage);
    assert_true(SANITIZED || usage.ru_maxrss < 300 * 1024);
    return rc;
}

static int read_raw(const struct raw_file *f, struct tarn_err *err) {
    struct tarn_buf b;
    int rc = TARN_OK;

    raw_parquet(&b, f);
    rc = read_file(b.data, b.len, err);
    tarn_buf_release(&b);
    return rc;
}

static struct raw_file one_page(int physical, const struct raw_page *page) {
    struct raw_file f;

    memset(&f, 0, sizeof f);
    f.physical = physical;
    f.rows = f.values = page->values;
    f.pages = page;
    f.n_pages = 1;
    return f;
}

/* Less than 1,000 bytes that claim 104 GiB of rows, or pages of 1 GiB in every codec. */
static void few_bytes_claim_much(void **state) {
    uint8_t body[600];
    struct raw_page page = {TARN_DATA_PAGE, TARN_PLAIN, 1000, 0, body, sizeof body};
    struct raw_file f = one_page(TARN_INT64, &page);
    struct tarn_err err;

    (void)state;
    memset(body, 0, sizeof body);
    f.rows = f.values = page.values = (INT64_C(104) << 30) / 8;
    f.uncompressed = INT64_C(104) << 30;
    assert_int_equal(read_raw(&f, &err), TARN_EUNSUPPORTED);
    assert_non_null(strstr(err.msg, "rows"));
    f.rows = f.values = page.values = 1000000;
    assert_int_equal(read_raw(&f, &err), TARN_ECORRUPT);
    for (int codec = TARN_UNCOMPRESSED; codec <= TARN_LZ4_RAW; codec++) {
        static const int64_t claims[] = {(INT64_C(1) << 30) - 1, INT64_C(1) << 30, INT32_MAX};
        f.codec = codec;
        for (int i = 0; i < 3; i++) {
            page.uncompressed = claims[i];
            assert_int_not_equal(read_raw(&f, &err), TARN_OK);
            assert_true(err.code == TARN_ECORRUPT || err.code == TARN_ELIMIT ||
                        (err.code == TARN_EUNSUPPORTED && codec == TARN_LZO));
        }
    }
}

/* A page whose bytes unpack to more, and to less, than its header says. */
static void unpacks_to_another_size(void **state) {
    static uint8_t zeros[1 << 20], packed[8192];
    uLongf n = sizeof packed;
    struct raw_page page = {TARN_DATA_PAGE, TARN_PLAIN, 10, 80, packed, 0};
    struct raw_file f = one_page(TARN_INT64, &page);
    struct tarn_err err;

    (void)state;
    assert_int_equal(compress(packed, &n, zeros, sizeof zeros), Z_OK);
    page.n = n;
    f.codec = TARN_GZIP;
    assert_int_equal(read_raw(&f, &err), TARN_ECORRUPT);
    assert_non_null(strstr(err.msg, "another length"));
    page.uncompressed = sizeof zeros + 1;
    assert_int_equal(read_raw(&f, &err), TARN_ECORRUPT);
    page.uncompressed = sizeof zeros;
    page.values = f.rows = f.values = sizeof zeros / 8;
    assert_int_equal(read_raw(&f, &err), TARN_OK);
    page.uncompressed = (int64_t)n * 1100; /* more than deflate can do */
    assert_int_equal(read_raw(&f, &err), TARN_ECORRUPT);
    assert_non_null(strstr(err.msg, "more than its codec can make"));
}

/* One run of 2,147,483,647 times a text of 4 MB: 8 PB, lawfully. Rows come in blocks, as codes. */
static void petabytes_of_one_text(void **state) {
    static uint8_t dictionary[(4 << 20) + 4];
    struct tarn_buf codes = TARN_BUF_INIT(64);
    struct raw_page pages[2] = {
        {TARN_DICTIONARY_PAGE, TARN_PLAIN, 1, 0, dictionary, sizeof dictionary},
        {TARN_DATA_PAGE, TARN_RLE_DICTIONARY, INT32_MAX, 0, NULL, 0}};
    struct raw_file f = one_page(TARN_BYTE_ARRAY, pages);
    struct tarn_err err;
    uint32_t len = 4 << 20;

    (void)state;
    memcpy(dictionary, &len, 4);
    tarn_buf_u8(&codes, 1);
    raw_run(&codes, (UINT64_C(1) << 31) - 1, 1, 0);
    pages[1].body = codes.data;
    pages[1].n = codes.len;
    f.n_pages = 2;
    f.rows = f.values = INT32_MAX;
    assert_int_equal(read_raw(&f, &err), TARN_OK);
    codes.len = 1;
    raw_run(&codes, (UINT64_C(1) << 31) - 1, 1, 1); /* a code beyond the dictionary */
    pages[1].n = codes.len;
    assert_int_equal(read_raw(&f, &err), TARN_ECORRUPT);
    codes.len = 1;
    raw_run(&codes, 1000, 1, 0); /* a run that ends long before the page's count */
    pages[1].n = codes.len;
    assert_int_equal(read_raw(&f, &err), TARN_ECORRUPT);
    tarn_buf_release(&codes);
}

/* Each value repeats the 1 MB before it: a page of 2 MB that stands for 100 GB. */
static void prefixes_that_add_up(void **state) {
    enum { N = 100000, LEN = 1 << 20 };
    struct tarn_buf body = TARN_BUF_INIT(64 << 20);
    int32_t *lengths = tarn_calloc(N, sizeof *lengths);
    uint8_t *text = tarn_calloc(1, LEN);
    struct raw_page page = {TARN_DATA_PAGE, TARN_DELTA_BYTE_ARRAY, N, 0, NULL, 0};
    struct raw_file f = one_page(TARN_BYTE_ARRAY, &page);
    struct tarn_err err;

    (void)state;
    for (int i = 1; i < N; i++)
        lengths[i] = LEN;
    tarn_enc_delta32(&body, lengths, N);
    memset(lengths, 0, N * sizeof *lengths);
    lengths[0] = LEN;
    tarn_enc_delta32(&body, lengths, N);
    tarn_buf_put(&body, text, LEN);
    page.body = body.data;
    page.n = body.len;
    assert_int_equal(read_raw(&f, &err), TARN_ELIMIT);
    assert_non_null(strstr(err.msg, "memoryBudget, "));
    tarn_buf_release(&body);
    tarn_free(lengths);
    tarn_free(text);
}

/* To the last rows of such a page nobody needs to build the ones before. */
static void prefixes_are_skipped(void **state) {
    enum { N = 200000, LEN = 1 << 16 };
    struct tarn_buf body = TARN_BUF_INIT(64 << 20);
    int32_t *lengths = tarn_calloc(N, sizeof *lengths);
    uint8_t *text = tarn_calloc(1, LEN);
    struct raw_page page = {TARN_DATA_PAGE, TARN_DELTA_BYTE_ARRAY, N, 0, NULL, 0};
    struct raw_file f = one_page(TARN_BYTE_ARRAY, &page);
    struct tarn_memory_source memory;
    struct tarn_source src;
    struct tarn_pq_footer *footer = NULL;
    struct tarn_pq_scan *s = NULL;
    struct tarn_pq_batch *b = NULL;
    struct tarn_pq_block block = {0, N - 10, 10, 0, 0};
    struct tarn_budget budget = {(size_t)8 << 20, 0};
    const int columns[1] = {0};
    struct tarn_pq_scan_spec spec = {columns, 1, NULL, 0, -1, 1, &budget, NULL};
    struct tarn_buf file;

    (void)state;
    for (int i = 1; i < N; i++)
        lengths[i] = LEN;
    tarn_enc_delta32(&body, lengths, N);
    memset(lengths, 0, N * sizeof *lengths);
    lengths[0] = LEN;
    tarn_enc_delta32(&body, lengths, N);
    tarn_buf_put(&body, text, LEN);
    page.body = body.data;
    page.n = body.len;
    raw_parquet(&file, &f);
    memory = (struct tarn_memory_source){file.data, file.len, "bomb.parquet"};
    tarn_source_memory(&src, &memory);
    assert_int_equal(tarn_pq_footer_read(&footer, &src, NULL), TARN_OK);
    assert_int_equal(tarn_pq_scan_open(&s, footer, &src, &spec, NULL), TARN_OK);
    assert_int_equal(tarn_pq_scan_read(s, &block, &b, NULL), TARN_OK);
    assert_int_equal(b->n, 10);
    assert_int_equal(b->columns[0].values.bytes[9].len, LEN);
    tarn_pq_batch_release(b);
    tarn_pq_scan_free(s);
    tarn_pq_footer_free(footer);
    tarn_buf_release(&file);
    tarn_buf_release(&body);
    tarn_free(lengths);
    tarn_free(text);
}

/* Counts that don't agree: of the chunk, the page, the dictionary. */
static void counts_that_lie(void **state) {
    static const uint8_t body[80];
    struct raw_page pages[2] = {{TARN_DATA_PAGE, TARN_PLAIN, 10, 0, body, 80},
                                {TARN_DATA_PAGE, TARN_RLE_DICTIONARY, 10, 0, "\1\24\0", 3}};
    struct raw_file f = one_page(TARN_INT64, pages);
    struct tarn_err err;

    (void)state;
    assert_int_equal(read_raw(&f, &err), TARN_OK);
    pages[0].values = 11; /* more than the row group */
    assert_int_equal(read_raw(&f, &err), TARN_ECORRUPT);
    f.rows = f.values = 11; /* more than the bytes */
    assert_int_equal(read_raw(&f, &err), TARN_ECORRUPT);
    pages[0].values = INT32_MAX;
    f.rows = f.values = INT32_MAX;
    assert_int_equal(read_raw(&f, &err), TARN_ECORRUPT);
    pages[0].values = 10;
    f.rows = f.values = 12; /* fewer than the row group */
    assert_int_equal(read_raw(&f, &err), TARN_ECORRUPT);
    f.rows = 10;
    assert_int_equal(read_raw(&f, &err), TARN_ECORRUPT);
    f.values = 10;
    f.n_pages = 2;
    pages[0] = (struct raw_page){TARN_DICTIONARY_PAGE, TARN_PLAIN, 10, 0, body, 80};
    assert_int_equal(read_raw(&f, &err), TARN_OK);
    for (pages[0].values = 11; pages[0].values < INT32_MAX; pages[0].values *= 13) {
        assert_int_equal(read_raw(&f, &err), TARN_ECORRUPT);
        assert_non_null(strstr(err.msg, "dictionary"));
    }
    pages[0].values = 0; /* codes into nothing */
    assert_int_equal(read_raw(&f, &err), TARN_ECORRUPT);
}

/* Values of 100,000,000 bytes each, in pages that have none. */
static void very_long_fixed_values(void **state) {
    static const int encodings[] = {TARN_PLAIN, TARN_BYTE_STREAM_SPLIT, TARN_DELTA_BYTE_ARRAY,
                                    TARN_RLE_DICTIONARY};
    static const uint8_t body[64];
    struct raw_page pages[2] = {{TARN_DICTIONARY_PAGE, TARN_PLAIN, 1000, 0, body, sizeof body},
                                {TARN_DATA_PAGE, TARN_PLAIN, 1000, 0, body, sizeof body}};
    struct raw_file f = one_page(TARN_FIXED, pages);
    struct tarn_err err;

    (void)state;
    f.fixed_len = 100000000;
    for (int i = 0; i < 4; i++) {
        pages[1].encoding = encodings[i];
        f.pages = encodings[i] == TARN_RLE_DICTIONARY ? pages : pages + 1;
        f.n_pages = encodings[i] == TARN_RLE_DICTIONARY ? 2 : 1;
        assert_int_equal(read_raw(&f, &err), TARN_ECORRUPT);
    }
    f.fixed_len = INT32_MAX;
    assert_int_equal(read_raw(&f, &err), TARN_ECORRUPT);
}

static int read_footer_bytes(const struct tarn_buf *meta, struct tarn_err *err) {
    struct tarn_buf b = TARN_BUF_INIT(64 << 20);
    int rc = TARN_OK;

    tarn_buf_puts(&b, "PAR1");
    tarn_buf_put(&b, meta->data, meta->len);
    tarn_buf_le32(&b, (uint32_t)meta->len);
    tarn_buf_puts(&b, "PAR1");
    assert_int_equal(b.rc, TARN_OK);
    rc = read_file(b.data, b.len, err);
    tarn_buf_release(&b);
    return rc;
}

/* 500,000 groups, each in the one before; and as many columns below a path of 30,000 bytes. */
static void deep_and_wide_schemas(void **state) {
    enum { NODES = 500000 };
    static char name[30001];

    (void)state;
    memset(name, 'n', sizeof name - 1);
    for (int wide = 0; wide <= 1; wide++) {
        struct tarn_buf meta = TARN_BUF_INIT(64 << 20);
        struct tarn_tw t;
        struct tarn_err err;
        tarn_tw_init(&t, &meta);
        tarn_tw_list(&t, 2, TARN_TW_STRUCT, NODES);
        for (int i = 0; i < NODES; i++) {
            tarn_tw_elem_struct(&t);
            if (wide && i > 1) tarn_tw_i32(&t, 1, TARN_INT32);
            tarn_tw_i32(&t, 3, TARN_REQUIRED);
            tarn_tw_str(&t, 4, wide && i == 1 ? name : "n");
            if (!wide || i < 2) tarn_tw_i32(&t, 5, wide && i == 1 ? NODES - 2 : 1);
            tarn_tw_end(&t);
        }
        tarn_tw_end(&t);
        assert_int_equal(read_footer_bytes(&meta, &err), wide ? TARN_ELIMIT : TARN_ECORRUPT);
        assert_non_null(strstr(err.msg, wide ? "than a footer of that size" : "nested deeper"));
        tarn_buf_release(&meta);
    }
}

/* Structs in structs in a field that nobody knows, and lists that claim more than the footer has. */
static void deep_and_long_metadata(void **state) {
    struct tarn_buf meta = TARN_BUF_INIT(64 << 20);
    struct tarn_err err;

    (void)state;
    tarn_buf_u8(&meta, 0x0c); /* a struct, its id follows */
    tarn_buf_zigzag(&meta, 99);
    for (int i = 0; i < 500000; i++)
        tarn_buf_u8(&meta, 0x1c);
    assert_int_equal(read_footer_bytes(&meta, &err), TARN_ECORRUPT);
    for (int field = 2; field <= 7; field++) {
        tarn_buf_clear(&meta);
        tarn_buf_u8(&meta, (uint8_t)(field << 4 | 9));
        tarn_buf_u8(&meta, 0xfc);
        tarn_buf_varint(&meta, UINT64_C(0xffffffffff));
        tarn_buf_u8(&meta, 0);
        assert_int_equal(read_footer_bytes(&meta, &err), TARN_ECORRUPT);
    }
    tarn_buf_release(&meta);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(few_bytes_claim_much),   cmocka_unit_test(unpacks_to_another_size),
        cmocka_unit_test(petabytes_of_one_text),  cmocka_unit_test(prefixes_that_add_up),
        cmocka_unit_test(prefixes_are_skipped),   cmocka_unit_test(counts_that_lie),
        cmocka_unit_test(very_long_fixed_values), cmocka_unit_test(deep_and_wide_schemas),
        cmocka_unit_test(deep_and_long_metadata),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
