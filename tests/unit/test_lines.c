/* test_lines.c: lines of plain and gzip files, whole and damaged. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "buf.h"
#include "mem.h"
#include "scan.h"

static struct tarn_err err;

/* Appends one gzip member. */
static void gzip(struct tarn_buf *out, const void *data, size_t n) {
    z_stream z;
    size_t room = compressBound((uLong)n) + 64;

    memset(&z, 0, sizeof z);
    assert_int_equal(deflateInit2(&z, 6, Z_DEFLATED, 16 + 15, 8, Z_DEFAULT_STRATEGY), Z_OK);
    assert_int_equal(tarn_buf_reserve(out, room), 0);
    z.next_in = (Bytef *)(uintptr_t)data;
    z.avail_in = (uInt)n;
    z.next_out = out->data + out->len;
    z.avail_out = (uInt)room;
    assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
    out->len += z.total_out;
    deflateEnd(&z);
}

/* Reads all lines of `data` into "number:text|…"; returns the code. */
static int read_all(const void *data, size_t n, struct tarn_buf *out) {
    struct tarn_memory_source m = {data, n, "x.jsonl"};
    struct tarn_source src;
    struct tarn_lines *l = NULL;
    struct tarn_slice line = {NULL, 0};
    uint64_t number = 0;
    int more = 1;
    int rc;

    tarn_buf_clear(out);
    tarn_err_clear(&err);
    tarn_source_memory(&src, &m);
    rc = tarn_lines_open(&l, &src, &err);
    while (rc == TARN_OK && more) {
        rc = tarn_lines_next(l, &line, &number, &more, &err);
        if (rc == TARN_OK && more) {
            tarn_buf_printf(out, "%d:", (int)number);
            tarn_buf_put(out, line.data, line.len);
            tarn_buf_u8(out, '|');
        }
    }
    tarn_buf_u8(out, 0);
    tarn_lines_free(l);
    return rc;
}

static void expect(const char *text, const char *lines) {
    struct tarn_buf out = TARN_BUF_INIT(1000), packed = TARN_BUF_INIT(10000);

    assert_int_equal(read_all(text, strlen(text), &out), TARN_OK);
    assert_string_equal((char *)out.data, lines);
    gzip(&packed, text, strlen(text));
    assert_int_equal(read_all(packed.data, packed.len, &out), TARN_OK);
    assert_string_equal((char *)out.data, lines);
    tarn_buf_release(&out);
    tarn_buf_release(&packed);
}

static void small_files(void **unused) {
    (void)unused;
    expect("", "");
    expect("\n", "");
    expect("a", "1:a|");
    expect("a\n", "1:a|");
    expect("a\nb", "1:a|2:b|");
    expect("a\r\nb\r\n", "1:a|2:b|");
    expect("\n\n a \n \t\r\n\nb\n\n", "3: a |6:b|");
    expect("\xef\xbb\xbf{}\n", "1:{}|");
    expect("\xef\xbb\xbf", "");
}

/* Lines of all lengths around the read size, so that borders fall everywhere. */
static void long_lines(void **unused) {
    struct tarn_buf text = TARN_BUF_INIT((size_t)64 << 20),
                    packed = TARN_BUF_INIT((size_t)64 << 20);
    struct tarn_memory_source m;
    struct tarn_source src;
    struct tarn_lines *l = NULL;
    struct tarn_slice line = {NULL, 0};
    uint64_t number = 0;
    size_t lengths[40], i, j, n = 0;
    int more = 0, pass;

    (void)unused;
    for (i = 0; i < 40; i++) {
        lengths[i] = i % 4 == 0 ? 262144 - 3 + i / 4 : i % 4 == 1 ? 1 + i : i * 40000 + 1;
        for (j = 0; j < lengths[i]; j++)
            tarn_buf_u8(&text, (uint8_t)('a' + (i + j) % 23));
        tarn_buf_u8(&text, '\n');
    }
    assert_int_equal(text.rc, TARN_OK);
    gzip(&packed, text.data, text.len / 2);
    gzip(&packed, text.data + text.len / 2, text.len - text.len / 2);
    for (pass = 0; pass < 2; pass++) {
        m = (struct tarn_memory_source){pass ? packed.data : text.data,
                                        pass ? packed.len : text.len, "x"};
        tarn_source_memory(&src, &m);
        assert_int_equal(tarn_lines_open(&l, &src, &err), TARN_OK);
        for (n = 0; tarn_lines_next(l, &line, &number, &more, &err) == TARN_OK && more; n++) {
            assert_true(n < 40);
            assert_int_equal(number, n + 1);
            assert_int_equal(line.len, lengths[n]);
            for (j = 0; j < line.len; j += 997)
                assert_int_equal(line.data[j], 'a' + (int)((n + j) % 23));
        }
        assert_int_equal(n, 40);
        tarn_lines_free(l);
    }
    tarn_buf_release(&text);
    tarn_buf_release(&packed);
}

static void damaged_gzip(void **unused) {
    struct tarn_buf packed = TARN_BUF_INIT(100000), out = TARN_BUF_INIT(100000);
    char text[4000];
    size_t i, n;
    uint8_t *copy;

    (void)unused;
    for (i = 0; i < sizeof text; i++)
        text[i] = (char)(i % 50 == 49 ? '\n' : 'a' + (i * i) % 26);
    gzip(&packed, text, sizeof text);
    for (n = 2; n < packed.len; n++) {
        copy = tarn_memdup(packed.data, n);
        assert_int_equal(read_all(copy, n, &out), TARN_ECORRUPT);
        assert_non_null(strstr(err.msg, "x.jsonl"));
        tarn_free(copy);
    }
    packed.data[packed.len - 6] ^= 1; /* checksum */
    assert_int_equal(read_all(packed.data, packed.len, &out), TARN_ECORRUPT);
    tarn_buf_release(&packed);
    tarn_buf_release(&out);
}

static void too_long_a_line(void **unused) {
    struct tarn_buf packed = TARN_BUF_INIT((size_t)128 << 20), out = TARN_BUF_INIT(1000);
    size_t n = ((size_t)64 << 20) + 1;
    char *text = malloc(n);

    (void)unused;
    assert_non_null(text);
    memset(text, 'x', n);
    gzip(&packed, text, n);
    free(text);
    assert_int_equal(read_all(packed.data, packed.len, &out), TARN_ELIMIT);
    assert_non_null(strstr(err.msg, "line 1"));
    tarn_buf_release(&packed);
    tarn_buf_release(&out);
}

static void failing_allocations(void **unused) {
    struct tarn_buf packed = TARN_BUF_INIT(1000);
    struct tarn_memory_source m;
    struct tarn_source src;
    struct tarn_lines *l;
    unsigned long i;
    int rc = TARN_ENOMEM;

    (void)unused;
    gzip(&packed, "{}\n", 3);
    m = (struct tarn_memory_source){packed.data, packed.len, "x"};
    tarn_source_memory(&src, &m);
    for (i = 1; i < 20 && rc != TARN_OK; i++) {
        tarn_mem_fail_after(i, 1);
        rc = tarn_lines_open(&l, &src, NULL);
        tarn_mem_fail_after(0, 0);
        assert_true(rc == TARN_OK || (rc == TARN_ENOMEM && !l));
    }
    assert_int_equal(rc, TARN_OK);
    assert_true(i > 2);
    tarn_lines_free(l);
    tarn_buf_release(&packed);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(small_files),         cmocka_unit_test(long_lines),
        cmocka_unit_test(damaged_gzip),        cmocka_unit_test(too_long_a_line),
        cmocka_unit_test(failing_allocations),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
