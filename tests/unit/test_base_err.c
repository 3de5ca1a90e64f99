/* test_base_err.c: messages (err.h) and the failing allocator (mem.h). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "err.h"
#include "mem.h"
#include "text.h"

static void first_message_wins(void **state) {
    struct tarn_err err = {0, ""};

    (void)state;
    assert_int_equal(tarn_err_set(&err, TARN_ECORRUPT, "at %d", 7), TARN_ECORRUPT);
    assert_int_equal(tarn_err_set(&err, TARN_EIO, "later"), TARN_EIO);
    assert_int_equal(tarn_err_errno(&err, ENOENT, "later"), TARN_ENOTFOUND);
    assert_int_equal(err.code, TARN_ECORRUPT);
    assert_string_equal(err.msg, "at 7");
    tarn_err_clear(&err);
    assert_int_equal(err.code, 0);
    assert_string_equal(err.msg, "");
    assert_int_equal(tarn_err_set(NULL, TARN_EIO, "nobody"), TARN_EIO);
    assert_int_equal(tarn_err_errno(NULL, EROFS, "nobody"), TARN_EACCES);
    tarn_err_clear(NULL);
}

static void long_message_is_cut_between_characters(void **state) {
    char text[400];

    (void)state;
    for (size_t shift = 0; shift < 4; shift++) {
        struct tarn_err err = {0, ""};
        size_t n = shift;

        memset(text, 'x', shift);
        for (; n + 4 < sizeof text; n += 4)
            memcpy(text + n, "\xF0\x9F\x90\x9F", 4);
        text[n] = '\0';
        tarn_err_set(&err, TARN_EINVAL, "%s", text);
        n = strlen(err.msg);
        assert_in_range(n, 250, 255);
        assert_string_equal(err.msg + n - 3, "...");
        assert_int_equal(tarn_utf8_invalid((const uint8_t *)err.msg, n), n);
    }
}

static void exact_length_is_not_cut(void **state) {
    struct tarn_err err = {0, ""};
    char text[257];

    (void)state;
    memset(text, 'y', sizeof text);
    text[255] = '\0';
    tarn_err_set(&err, TARN_EINVAL, "%s", text);
    assert_string_equal(err.msg, text);
    tarn_err_clear(&err);
    text[255] = 'y';
    text[256] = '\0';
    tarn_err_set(&err, TARN_EINVAL, "%s", text);
    assert_int_equal(strlen(err.msg), 255);
    assert_string_equal(err.msg + 252, "...");
}

static void errno_keeps_the_reason(void **state) {
    struct tarn_err err = {0, ""};
    char text[400];

    (void)state;
    assert_int_equal(tarn_err_errno(&err, ENOSPC, "put %s", "k"), TARN_EFULL);
    assert_string_equal(err.msg, "put k: No space left on device");
    tarn_err_clear(&err);
    memset(text, 'z', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    tarn_err_errno(&err, EROFS, "%s", text);
    assert_non_null(strstr(err.msg, "...: Read-only file system"));
    assert_int_equal(tarn_err_errno(NULL, EEXIST, "x"), TARN_EEXIST);
    assert_int_equal(tarn_err_errno(NULL, EDQUOT, "x"), TARN_EFULL);
    assert_int_equal(tarn_err_errno(NULL, EPERM, "x"), TARN_EACCES);
    assert_int_equal(tarn_err_errno(NULL, ENOMEM, "x"), TARN_ENOMEM);
    assert_int_equal(tarn_err_errno(NULL, EINTR, "x"), TARN_EINTR);
    assert_int_equal(tarn_err_errno(NULL, EBADF, "x"), TARN_EIO);
}

static void codes_have_names(void **state) {
    (void)state;
    assert_string_equal(tarn_code_name(TARN_OK), "TARN_OK");
    assert_string_equal(tarn_code_name(TARN_ENOTFOUND), "TARN_ENOTFOUND");
    assert_string_equal(tarn_code_name(TARN_EUNSUPPORTED), "TARN_EUNSUPPORTED");
    assert_string_equal(tarn_code_name(TARN_EBUSY), "TARN_EBUSY");
    assert_non_null(tarn_code_name(-1));
    assert_non_null(tarn_code_name(10000));
}

static void nth_allocation_fails(void **state) {
    void *p = NULL;

    (void)state;
    tarn_mem_fail_after(0, 0);
    for (int i = 0; i < 5; i++)
        tarn_free(tarn_malloc(1));
    assert_int_equal(tarn_mem_fail_after(2, 0), 5);
    p = tarn_malloc(8);
    assert_non_null(p);
    assert_null(tarn_realloc(p, 16));
    tarn_free(p);
    p = tarn_calloc(2, 2);
    assert_non_null(p);
    tarn_free(p);
    assert_int_equal(tarn_mem_fail_after(1, 1), 3);
    assert_null(tarn_strdup("a"));
    assert_null(tarn_memdup("a", 1));
    assert_null(tarn_malloc(1));
    assert_int_equal(tarn_mem_fail_after(0, 0), 3);
}

static void sizes_that_overflow_are_refused(void **state) {
    void *p = NULL, *q = NULL;
    volatile size_t huge = SIZE_MAX / 2;

    (void)state;
    assert_null(tarn_calloc(huge, 3));
    assert_null(tarn_reallocarray(NULL, huge, 3));
    p = tarn_malloc(0);
    q = tarn_calloc(0, 8);
    assert_non_null(p);
    assert_non_null(q);
    assert_ptr_not_equal(p, q);
    tarn_free(q);
    p = tarn_realloc(p, 0);
    assert_non_null(p);
    tarn_free(p);
    tarn_free(NULL);
    p = tarn_strndup("abcdef", 3);
    assert_string_equal(p, "abc");
    tarn_free(p);
    p = tarn_strndup("ab", 30);
    assert_string_equal(p, "ab");
    tarn_free(p);
}

static atomic_int refused;

static void *allocate_many(void *arg) {
    for (int i = 0; i < 5000; i++) {
        void *p = tarn_malloc(1);

        if (p == NULL) atomic_fetch_add(&refused, 1);
        tarn_free(p);
    }
    return arg;
}

static void one_of_many_threads_meets_the_failure(void **state) {
    pthread_t threads[4];

    (void)state;
    atomic_store(&refused, 0);
    tarn_mem_fail_after(7777, 0);
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, allocate_many, NULL), 0);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(atomic_load(&refused), 1);
    assert_int_equal(tarn_mem_fail_after(0, 0), 20000);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(first_message_wins),
        cmocka_unit_test(long_message_is_cut_between_characters),
        cmocka_unit_test(exact_length_is_not_cut),
        cmocka_unit_test(errno_keeps_the_reason),
        cmocka_unit_test(codes_have_names),
        cmocka_unit_test(nth_allocation_fails),
        cmocka_unit_test(sizes_that_overflow_are_refused),
        cmocka_unit_test(one_of_many_threads_meets_the_failure),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
