/* Encrypted chunks of many pages: each is opened under its own number, however it is reached; a page
** in another's place is not. Files are made by sealed_parquet.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <openssl/evp.h>

#include "filescan.h"
#include "mem.h"
#include "nested.h"
#include "sealed_parquet.h"

#define PAGES 9
#define PAGE_ROWS 64
#define TOTAL (PAGES * PAGE_ROWS)

struct opened {
    struct sealed_file file;
    struct tarn_memory_source memory;
    struct tarn_source src;
    struct tarn_pq_footer *footer;
    struct tarn_pq_counters counters;
    struct tarn_err err;
};

static void make(struct opened *o, const struct sealed_spec *spec) {
    struct tarn_key k = {TARN_KEY_FOOTER, {NULL, 0}, {sealed_key, sizeof sealed_key}};
    struct tarn_pq_keys *keys = NULL;
    int rc = 0;
    memset(o, 0, sizeof *o);
    sealed_parquet(&o->file, spec);
    o->memory = (struct tarn_memory_source){o->file.bytes.data, o->file.bytes.len, "s.parquet"};
    tarn_source_memory(&o->src, &o->memory);
    assert_int_equal(tarn_pq_keys_new(&keys, &k, 1, NULL), TARN_OK);
    rc = tarn_pq_footer_read_keys(&o->footer, &o->src, keys, &o->err);
    if (rc) fail_msg("%s", o->err.msg);
    tarn_pq_keys_free(keys);
}

static void drop(struct opened *o) {
    tarn_pq_footer_free(o->footer);
    tarn_buf_release(&o->file.bytes);
}

/* Rows of `a` that are at least `from`, blocks from the last to the first when `backwards`. *sum adds
** up the values, and rows out of their place count as wrong. */
static int read_a(struct opened *o, int64_t from, int backwards, uint32_t *rows, uint32_t *wrong) {
    int column = 0;
    struct tarn_const c = {TARN_CONST_INT, from, 0, {NULL, 0}};
    struct tarn_predicate p = {0, TARN_OP_GE, &c, 1};
    struct tarn_pq_scan_spec spec = {&column, 1, &p, 1, 0, 1, NULL, &o->counters};
    struct tarn_pq_block *blocks = NULL;
    struct tarn_pq_scan *s = NULL;
    size_t n = 0;
    int rc = tarn_pq_scan_open(&s, o->footer, &o->src, &spec, &o->err);
    *rows = *wrong = 0;
    if (!rc) rc = tarn_pq_scan_blocks(s, 0, &blocks, &n, &o->err);
    for (size_t k = 0; k < n && !rc; k++) {
        struct tarn_pq_batch *b = NULL;
        rc = tarn_pq_scan_read(s, &blocks[backwards ? n - 1 - k : k], &b, &o->err);
        for (uint32_t i = 0; !rc && i < b->n; i++)
            *wrong +=
                b->columns[0].values.i32[tarn_vector_at(&b->columns[0], i)] != (int32_t)b->row[i];
        *rows += rc ? 0 : b->n;
        tarn_pq_batch_release(b);
    }
    tarn_free(blocks);
    tarn_pq_scan_free(s);
    return rc;
}

/* Every `step`th row of the list, from the last ones back when `backwards`. */
static int read_l(struct opened *o, uint32_t step, int backwards) {
    struct tarn_nested_spec spec = {o->footer, &o->src, 0, 2, -1, NULL, &o->counters};
    struct tarn_nested *p = NULL;
    int rc = tarn_nested_open(&p, &spec, &o->err);
    for (uint32_t i = 0; i < TOTAL && !rc; i += step) {
        uint32_t row = backwards ? TOTAL - 1 - i : i;
        struct tarn_arena arena;
        struct tarn_vector v;
        char want[40];
        tarn_arena_init(&arena, NULL);
        rc = tarn_nested_read(p, &row, 1, &arena, &v, &o->err);
        snprintf(want, sizeof want, "[%u,%u]", (unsigned)row * 2, (unsigned)row * 2 + 1);
        if (!rc) assert_int_equal(v.values.bytes[0].len, strlen(want));
        if (!rc) assert_memory_equal(v.values.bytes[0].data, want, strlen(want));
        tarn_arena_release(&arena);
    }
    tarn_nested_free(p);
    return rc;
}

static void check(const struct sealed_spec *spec) {
    struct opened o;
    uint32_t rows = 0, wrong = 0;
    make(&o, spec);
    for (int backwards = 0; backwards < 2; backwards++) {
        int rc = read_a(&o, 0, backwards, &rows, &wrong);
        if (rc) print_error("%s\n", o.err.msg);
        assert_int_equal(rc, TARN_OK);
        assert_int_equal(rows, TOTAL);
        assert_int_equal(wrong, 0);
        for (uint32_t step = 1; step < 200; step = step * 5 + 2) {
            rc = read_l(&o, step, backwards);
            if (rc) print_error("%s\n", o.err.msg);
            assert_int_equal(rc, TARN_OK);
        }
    }
    drop(&o);
}

static void test_all_forms(void **state) {
    (void)state;
    for (int i = 0; i < 48; i++) {
        struct sealed_spec spec = {i % 3,      i / 3 & 1, i / 6 & 1, i / 12 & 1,
                                   i / 24 & 1, PAGES,     PAGE_ROWS};
        check(&spec);
    }
}

/* One page of nine is decoded: the index leads to it, and its number is right. */
static void test_seeks(void **state) {
    struct sealed_spec spec = {SEALED_V1, 0, 1, 1, 0, PAGES, PAGE_ROWS};
    struct opened o;
    uint32_t rows = 0, wrong = 0;
    (void)state;
    for (spec.dictionary = 0; spec.dictionary < 2; spec.dictionary++) {
        make(&o, &spec);
        assert_int_equal(read_a(&o, TOTAL - 3, 0, &rows, &wrong), TARN_OK);
        assert_int_equal(rows, 3);
        assert_int_equal(wrong, 0);
        assert_int_equal(o.counters.pages_decoded, 1);
        assert_int_equal(o.counters.pages_pruned, PAGES - 1);
        drop(&o);
    }
}

static void swap(struct opened *o, size_t a, size_t b, size_t n) {
    uint8_t *p = o->file.bytes.data;
    for (size_t i = 0; i < n; i++) {
        uint8_t t = p[a + i];
        p[a + i] = p[b + i];
        p[b + i] = t;
    }
}

static void authentication_fails(struct opened *o, int list) {
    uint32_t rows = 0, wrong = 0;
    memset(&o->err, 0, sizeof o->err);
    assert_int_equal(list ? read_l(o, 1, 0) : read_a(o, 0, 0, &rows, &wrong), TARN_ECORRUPT);
    assert_non_null(strstr(o->err.msg, "authentication failed"));
}

static void test_swapped_pages(void **state) {
    (void)state;
    for (int i = 0; i < 4; i++) {
        struct sealed_spec spec = {SEALED_V1, 0, i & 1, i >> 1, 0, PAGES, PAGE_ROWS};
        struct opened o;
        make(&o, &spec);
        for (int list = 0; list < 2; list++) {
            const struct sealed_page *p = list ? o.file.l : o.file.a;
            size_t body = p[2].size - p[2].header;
            assert_int_equal(p[2].size, p[5].size);
            swap(&o, p[2].offset, p[5].offset, p[2].size);
            authentication_fails(&o, list);
            swap(&o, p[2].offset, p[5].offset, p[2].size);
            swap(&o, p[2].offset, p[5].offset, p[2].header);
            authentication_fails(&o, list);
            swap(&o, p[2].offset, p[5].offset, p[2].header);
            swap(&o, p[2].offset + p[2].header, p[5].offset + p[5].header, body);
            authentication_fails(&o, list);
            swap(&o, p[2].offset + p[2].header, p[5].offset + p[5].header, body);
        }
        assert_int_equal(read_l(&o, 1, 0), TARN_OK);
        drop(&o);
    }
}

/* CTR: a page's body does not say where it belongs; its header does. */
static void test_swapped_ctr_pages(void **state) {
    struct sealed_spec spec = {SEALED_V1, 1, 1, 0, 0, PAGES, PAGE_ROWS};
    struct opened o;
    const struct sealed_page *p = o.file.a;
    uint32_t rows = 0, wrong = 0;
    (void)state;
    make(&o, &spec);
    swap(&o, p[2].offset, p[5].offset, p[2].size);
    authentication_fails(&o, 0);
    swap(&o, p[2].offset, p[5].offset, p[2].header);
    assert_int_equal(read_a(&o, 0, 0, &rows, &wrong), TARN_OK);
    assert_int_equal(wrong, 2 * PAGE_ROWS);
    drop(&o);
}

/* The order of the numbers in the AAD, and their bytes. */
static void test_aad(void **state) {
    static const uint8_t aad[] = {'p', 'u', 2, 0x02, 0x01, 0x04, 0x03, 0x06, 0x05};
    struct tarn_file_crypt file = {0, {aad, 2}, {sealed_key, 16}, {NULL, 0}};
    struct tarn_chunk_crypt c = {&file, {sealed_key, 16}, {NULL, 0}, 0, 0, 0x102, 0x304};
    struct tarn_decryptor d = {NULL, NULL};
    uint8_t module[4 + 12 + 5 + 16] = {33, 0, 0, 0}, out[sizeof module];
    EVP_CIPHER_CTX *e = EVP_CIPHER_CTX_new();
    const char *why = NULL;
    size_t n = 0, used = 0;
    int len = 0;
    (void)state;
    EVP_EncryptInit_ex(e, EVP_aes_128_gcm(), NULL, sealed_key, module + 4);
    EVP_EncryptUpdate(e, NULL, &len, aad, sizeof aad);
    EVP_EncryptUpdate(e, module + 16, &len, (const uint8_t *)"hello", 5);
    EVP_EncryptFinal_ex(e, out, &len);
    EVP_CIPHER_CTX_ctrl(e, EVP_CTRL_AEAD_GET_TAG, 16, module + 21);
    EVP_CIPHER_CTX_free(e);
    assert_int_equal(tarn_crypt_open(&d, &c, TARN_MODULE_DATA_PAGE, 0x506, module, sizeof module,
                                     out, &n, &used, &why),
                     TARN_OK);
    assert_int_equal(n, 5);
    assert_int_equal(used, sizeof module);
    assert_memory_equal(out, "hello", 5);
    for (int i = 0; i < 4; i++) {
        struct tarn_chunk_crypt other = c;
        if (i == 0) other.row_group++;
        if (i == 1) other.column++;
        assert_int_equal(
            tarn_crypt_open(&d, &other, i == 2 ? TARN_MODULE_DATA_HEADER : TARN_MODULE_DATA_PAGE,
                            i == 3 ? 0x507 : 0x506, module, sizeof module, out, &n, &used, &why),
            TARN_ECORRUPT);
    }
    for (size_t k = 0; k < sizeof module; k++) /* cut short */
        assert_int_equal(
            tarn_crypt_open(&d, &c, TARN_MODULE_DATA_PAGE, 0x506, module, k, out, &n, &used, &why),
            TARN_ECORRUPT);
    assert_int_equal(tarn_crypt_open(&d, &c, TARN_MODULE_DATA_PAGE, TARN_CRYPT_ORDINALS, module,
                                     sizeof module, out, &n, &used, &why),
                     TARN_ECORRUPT);
    assert_non_null(strstr(why, "more pages"));
    tarn_decryptor_release(&d);
}

/* Fails each allocation in turn: an error, or the right rows. */
static void test_allocations_fail_in_turn(void **state) {
    struct sealed_spec spec = {SEALED_V1, 0, 1, 1, 1, PAGES, PAGE_ROWS};
    struct tarn_key k = {TARN_KEY_FOOTER, {NULL, 0}, {sealed_key, sizeof sealed_key}};
    struct opened o;
    (void)state;
    make(&o, &spec);
    tarn_pq_footer_free(o.footer);
    for (unsigned long i = 1; i < 400; i++) {
        struct tarn_pq_keys *keys = NULL;
        uint32_t rows = 0, wrong = 0;
        int rc = 0;
        memset(&o.err, 0, sizeof o.err);
        o.footer = NULL;
        tarn_mem_fail_after(i, 0);
        rc = tarn_pq_keys_new(&keys, &k, 1, &o.err);
        if (!rc) rc = tarn_pq_footer_read_keys(&o.footer, &o.src, keys, &o.err);
        if (!rc) rc = read_a(&o, 0, 0, &rows, &wrong);
        if (!rc) rc = read_l(&o, 100, 1);
        tarn_mem_fail_after(0, 0);
        if (rc) assert_int_equal(rc, TARN_ENOMEM);
        if (rc) assert_true(o.err.msg[0] != '\0');
        if (!rc) assert_int_equal(rows - wrong, TOTAL);
        tarn_pq_footer_free(o.footer);
        tarn_pq_keys_free(keys);
    }
    tarn_buf_release(&o.file.bytes);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_forms),     cmocka_unit_test(test_seeks),
        cmocka_unit_test(test_swapped_pages), cmocka_unit_test(test_swapped_ctr_pages),
        cmocka_unit_test(test_aad),           cmocka_unit_test(test_allocations_fail_in_turn),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
