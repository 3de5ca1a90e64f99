/* test_base_buf.c: buffers and cursors (buf.h), arenas (arena.h), sources and sinks (source.h). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "arena.h"
#include "buf.h"
#include "mem.h"
#include "source.h"

static void buffer_grows_up_to_its_maximum(void **state) {
    struct tarn_buf b = TARN_BUF_INIT(1000);
    char *bytes = NULL;
    size_t n = 0;

    (void)state;
    for (int i = 0; i < 1000; i++)
        tarn_buf_u8(&b, (uint8_t)i);
    assert_int_equal(b.rc, TARN_OK);
    assert_int_equal(b.len, 1000);
    tarn_buf_put(&b, "", 0);
    assert_int_equal(b.rc, TARN_OK);
    tarn_buf_u8(&b, 1);
    assert_int_equal(b.rc, TARN_ELIMIT);
    assert_int_equal(b.len, 1000);
    assert_null(tarn_buf_steal(&b, &n));
    tarn_buf_clear(&b);
    assert_int_equal(b.rc, TARN_OK);
    tarn_buf_puts(&b, "abc");
    bytes = tarn_buf_steal(&b, &n);
    assert_int_equal(n, 3);
    assert_string_equal(bytes, "abc");
    assert_null(b.data);
    assert_int_equal(b.max, 1000);
    tarn_free(bytes);
    tarn_buf_release(&b);
}

static void failed_append_is_all_or_nothing_and_sticks(void **state) {
    struct tarn_buf b = TARN_BUF_INIT(10);

    (void)state;
    tarn_buf_puts(&b, "12345678");
    tarn_buf_puts(&b, "xyz");
    assert_int_equal(b.len, 8);
    assert_int_equal(b.rc, TARN_ELIMIT);
    tarn_buf_puts(&b, "9");
    assert_int_equal(b.len, 8);
    tarn_buf_clear(&b);
    tarn_buf_printf(&b, "%s", "0123456789");
    assert_int_equal(b.rc, TARN_OK);
    assert_memory_equal(b.data, "0123456789", 10);
    tarn_buf_printf(&b, "%d", 1);
    assert_int_equal(b.rc, TARN_ELIMIT);
    assert_int_equal(b.len, 10);
    assert_int_equal(tarn_buf_reserve(&b, SIZE_MAX), TARN_ELIMIT);
    tarn_buf_release(&b);
    tarn_buf_init(&b, SIZE_MAX);
    assert_int_equal(tarn_buf_reserve(&b, SIZE_MAX), TARN_ELIMIT);
    tarn_buf_clear(&b);
    tarn_mem_fail_after(1, 0);
    tarn_buf_puts(&b, "x");
    tarn_mem_fail_after(0, 0);
    assert_int_equal(b.rc, TARN_ENOMEM);
    tarn_buf_release(&b);
}

static void empty_buffer_can_be_stolen(void **state) {
    struct tarn_buf b = TARN_BUF_INIT(0);
    char *bytes = tarn_buf_steal(&b, NULL);

    (void)state;
    assert_non_null(bytes);
    assert_string_equal(bytes, "");
    tarn_free(bytes);
    tarn_buf_u8(&b, 1);
    assert_int_equal(b.rc, TARN_ELIMIT);
    tarn_buf_release(&b);
}

static void printf_longer_than_the_room(void **state) {
    struct tarn_buf b = TARN_BUF_INIT(100000);

    (void)state;
    for (int i = 0; i < 200; i++)
        tarn_buf_printf(&b, "%0*d|", i, i);
    assert_int_equal(b.rc, TARN_OK);
    assert_memory_equal(b.data, "0|1|02|003|0004|", 16);
    tarn_buf_release(&b);
}

static void cursor_reads_what_buffer_wrote(void **state) {
    static const uint64_t values[] = {0,     1,          127,       128,       16383,
                                      16384, UINT32_MAX, INT64_MAX, UINT64_MAX};
    struct tarn_buf b = TARN_BUF_INIT(10000);
    struct tarn_cursor c = {NULL, NULL, 0};

    (void)state;
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        tarn_buf_varint(&b, values[i]);
        tarn_buf_zigzag(&b, (int64_t)values[i]);
        tarn_buf_le32(&b, (uint32_t)values[i]);
        tarn_buf_le64(&b, values[i]);
    }
    tarn_buf_zigzag(&b, INT64_MIN);
    c = (struct tarn_cursor){b.data, b.data + b.len, 0};
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        assert_true(tarn_cursor_varint(&c) == values[i]);
        assert_true(tarn_cursor_zigzag(&c) == (int64_t)values[i]);
        assert_true(tarn_cursor_le32(&c) == (uint32_t)values[i]);
        assert_true(tarn_cursor_le64(&c) == values[i]);
    }
    assert_true(tarn_cursor_zigzag(&c) == INT64_MIN);
    assert_int_equal(c.rc, 0);
    assert_ptr_equal(c.p, c.end);
    assert_int_equal(tarn_cursor_u8(&c), 0);
    assert_int_equal(c.rc, TARN_ECORRUPT);
    tarn_buf_release(&b);
}

static int varint_rc(const char *bytes, size_t n, uint64_t *v) {
    struct tarn_cursor c = {(const uint8_t *)bytes, (const uint8_t *)bytes + n, 0};

    *v = tarn_cursor_varint(&c);
    if (c.rc != 0) assert_ptr_equal(c.p, c.end);
    return c.rc;
}

static void broken_varints(void **state) {
    uint64_t v = 0;

    (void)state;
    assert_int_equal(varint_rc("", 0, &v), TARN_ECORRUPT);
    assert_int_equal(varint_rc("\x80", 1, &v), TARN_ECORRUPT);
    assert_int_equal(varint_rc("\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x01", 10, &v), 0);
    assert_true(v == UINT64_MAX);
    assert_int_equal(varint_rc("\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x02", 10, &v), TARN_ECORRUPT);
    assert_int_equal(varint_rc("\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x00", 11, &v),
                     TARN_ECORRUPT);
    assert_true(v == 0);
}

static void cursor_never_passes_its_end(void **state) {
    const uint8_t bytes[7] = {1, 2, 3, 4, 5, 6, 7};
    struct tarn_cursor c = {bytes, bytes + 7, 0};

    (void)state;
    assert_true(tarn_cursor_le64(&c) == 0);
    assert_int_equal(c.rc, TARN_ECORRUPT);
    assert_ptr_equal(c.p, bytes + 7);
    assert_null(tarn_cursor_bytes(&c, 0));
    c = (struct tarn_cursor){bytes, bytes + 7, 0};
    assert_ptr_equal(tarn_cursor_bytes(&c, 7), bytes);
    assert_non_null(tarn_cursor_bytes(&c, 0));
    assert_null(tarn_cursor_bytes(&c, SIZE_MAX));
    assert_int_equal(c.rc, TARN_ECORRUPT);
}

static void arena_is_aligned_and_writable(void **state) {
    struct tarn_arena a;
    struct tarn_budget budget = {0, 0};
    uint8_t *p[300];

    (void)state;
    tarn_arena_init(&a, &budget);
    for (size_t round = 0; round < 2; round++) {
        for (size_t i = 0; i < 300; i++) {
            p[i] = tarn_arena_alloc(&a, i * 37 % 5000);
            assert_non_null(p[i]);
            assert_int_equal((uintptr_t)p[i] % 16, 0);
            memset(p[i], (int)i, i * 37 % 5000);
        }
        for (size_t i = 0; i < 300; i++) {
            for (size_t k = 0; k < i * 37 % 5000; k++)
                assert_int_equal(p[i][k], (uint8_t)i);
        }
        assert_true(budget.used > 300 * 2000);
        tarn_arena_clear(&a);
        assert_in_range(budget.used, 1, (size_t)1 << 20);
    }
    assert_null(tarn_arena_calloc(&a, SIZE_MAX / 2, 3));
    assert_int_equal(a.rc, TARN_ENOMEM);
    tarn_arena_clear(&a);
    assert_null(tarn_arena_alloc(&a, SIZE_MAX - 3));
    assert_null(tarn_arena_alloc(&a, 1));
    tarn_arena_release(&a);
    assert_int_equal(budget.used, 0);
    assert_int_equal(a.rc, TARN_OK);
}

static void arena_copies(void **state) {
    struct tarn_arena a;
    const int *zero = NULL;

    (void)state;
    tarn_arena_init(&a, NULL);
    assert_string_equal(tarn_arena_strndup(&a, "abcdef", 3), "abc");
    assert_string_equal(tarn_arena_strndup(&a, "ab", 30), "ab");
    assert_memory_equal(tarn_arena_memdup(&a, "a\0b", 3), "a\0b", 3);
    zero = tarn_arena_calloc(&a, 1000, sizeof *zero);
    for (int i = 0; i < 1000; i++)
        assert_int_equal(zero[i], 0);
    tarn_arena_release(&a);
}

static void arenas_share_a_budget(void **state) {
    struct tarn_budget budget = {20000, 0};
    struct tarn_arena a, b;

    (void)state;
    tarn_arena_init(&a, &budget);
    tarn_arena_init(&b, &budget);
    assert_non_null(tarn_arena_alloc(&a, 9000));
    assert_non_null(tarn_arena_alloc(&b, 9000));
    assert_true(budget.used <= budget.limit);
    assert_null(tarn_arena_alloc(&b, 9000));
    assert_int_equal(b.rc, TARN_ELIMIT);
    assert_int_equal(a.rc, TARN_OK);
    tarn_arena_release(&a);
    assert_null(tarn_arena_alloc(&b, 16));
    tarn_arena_clear(&b);
    assert_non_null(tarn_arena_alloc(&b, 9000));
    tarn_arena_release(&b);
    assert_int_equal(budget.used, 0);
    tarn_mem_fail_after(1, 0);
    assert_null(tarn_arena_alloc(&a, 1));
    tarn_mem_fail_after(0, 0);
    assert_int_equal(a.rc, TARN_ENOMEM);
    assert_int_equal(budget.used, 0);
    tarn_arena_release(&a);
}

static void memory_source_checks_its_bounds(void **state) {
    struct tarn_memory_source m = {(const uint8_t *)"0123456789", 10, "digits"};
    struct tarn_source s;
    struct tarn_err err = {0, ""};
    char out[11] = "";

    (void)state;
    tarn_source_memory(&s, &m);
    assert_int_equal(s.size, 10);
    assert_int_equal(s.read(s.ctx, 3, out, 7, &err), 0);
    assert_memory_equal(out, "3456789", 7);
    assert_int_equal(s.read(s.ctx, 10, out, 0, &err), 0);
    assert_int_equal(s.read(s.ctx, 4, out, 7, &err), TARN_ECORRUPT);
    assert_non_null(strstr(err.msg, "digits"));
    assert_int_equal(s.read(s.ctx, UINT64_MAX, out, 1, NULL), TARN_ECORRUPT);
    assert_int_equal(s.read(s.ctx, 1, out, SIZE_MAX, NULL), TARN_ECORRUPT);
    tarn_source_close(&s);
    tarn_source_close(&s);
    tarn_source_close(NULL);
}

static void sinks_take_everything_or_fail(void **state) {
    struct tarn_buf b = TARN_BUF_INIT(4);
    struct tarn_sink sink, copy;
    struct tarn_err err = {0, ""};
    char out[8] = "";
    int fds[2], full = -1;

    (void)state;
    tarn_sink_buf(&sink, &b);
    assert_int_equal(sink.write(sink.ctx, "abc", 3, &err), 0);
    assert_int_equal(sink.write(sink.ctx, "de", 2, &err), TARN_ELIMIT);
    assert_int_equal(b.len, 3);
    tarn_buf_release(&b);

    assert_int_equal(pipe(fds), 0);
    tarn_sink_fd(&sink, fds[1], "a pipe");
    copy = sink;
    memset(&sink, 0, sizeof sink);
    assert_int_equal(copy.write(copy.ctx, "hello", 5, NULL), 0);
    assert_int_equal(read(fds[0], out, sizeof out), 5);
    assert_memory_equal(out, "hello", 5);
    close(fds[0]);
    close(fds[1]);

    full = open("/dev/full", O_WRONLY);
    if (full >= 0) {
        tarn_err_clear(&err);
        tarn_sink_fd(&sink, full, "full");
        assert_int_equal(sink.write(sink.ctx, "x", 1, &err), TARN_EFULL);
        assert_non_null(strstr(err.msg, "/dev/full"));
        close(full);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(buffer_grows_up_to_its_maximum),
        cmocka_unit_test(failed_append_is_all_or_nothing_and_sticks),
        cmocka_unit_test(empty_buffer_can_be_stolen),
        cmocka_unit_test(printf_longer_than_the_room),
        cmocka_unit_test(cursor_reads_what_buffer_wrote),
        cmocka_unit_test(broken_varints),
        cmocka_unit_test(cursor_never_passes_its_end),
        cmocka_unit_test(arena_is_aligned_and_writable),
        cmocka_unit_test(arena_copies),
        cmocka_unit_test(arenas_share_a_budget),
        cmocka_unit_test(memory_source_checks_its_bounds),
        cmocka_unit_test(sinks_take_everything_or_fail),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
