/* test_base_ulid.c: sortable ids (ulid.h). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ulid.h"

static void encodes_known_values(void **state) {
    uint8_t tail[10] = {0};
    char text[27];

    (void)state;
    tarn_ulid_encode(0, tail, text);
    assert_string_equal(text, "00000000000000000000000000");
    tarn_ulid_encode(-5, tail, text);
    assert_string_equal(text, "00000000000000000000000000");
    memset(tail, 0xFF, sizeof tail);
    tarn_ulid_encode((INT64_C(1) << 48) - 1, tail, text);
    assert_string_equal(text, "7ZZZZZZZZZZZZZZZZZZZZZZZZZ");
    tarn_ulid_encode(INT64_MAX, tail, text);
    assert_string_equal(text, "7ZZZZZZZZZZZZZZZZZZZZZZZZZ");
    memset(tail, 0, sizeof tail);
    tail[9] = 33;
    tail[0] = 0x08;
    tarn_ulid_encode(1469918176385, tail, text);
    assert_string_equal(text, "01ARYZ6S411000000000000011");
}

static void time_comes_back(void **state) {
    char text[27];

    (void)state;
    for (int64_t ms = 0; ms < (INT64_C(1) << 48); ms += INT64_C(98765432123)) {
        assert_int_equal(tarn_ulid_new(ms, text), 0);
        assert_int_equal(strlen(text), 26);
        assert_true(tarn_ulid_time(text) == ms);
    }
    assert_true(tarn_ulid_time("01ARYZ6S41TSV4RRFFQ69G5FAV") == 1469918176385);
    assert_true(tarn_ulid_time("01aryz6s41tsv4rrffq69g5fav") == 1469918176385);
    assert_true(tarn_ulid_time("81ARYZ6S41TSV4RRFFQ69G5FAV") == -1);
    assert_true(tarn_ulid_time("01ARYZ6S41TSV4RRFFQ69G5FAU") == -1);
    assert_true(tarn_ulid_time("01ARYZ6S41TSV4RR") == -1);
    assert_true(tarn_ulid_time("") == -1);
}

static void ids_of_one_ms_increase(void **state) {
    char last[27] = "", other[27], text[27];

    (void)state;
    for (int i = 0; i < 20000; i++) {
        assert_int_equal(tarn_ulid_new(1000, text), 0);
        assert_true(strcmp(text, last) > 0);
        memcpy(last, text, sizeof last);
        assert_int_equal(tarn_ulid_new(i % 2 ? 999 : 1001, other), 0);
    }
}

#define PER_THREAD 5000

static void *make_many(void *arg) {
    char(*out)[27] = arg;

    for (int i = 0; i < PER_THREAD; i++) {
        if (tarn_ulid_new(7, out[i]) != 0) return arg;
    }
    return NULL;
}

static int by_text(const void *a, const void *b) {
    return memcmp(a, b, 27);
}

static void threads_share_no_id(void **state) {
    char(*ids)[27] = calloc(4 * PER_THREAD, 27);
    pthread_t threads[4];

    (void)state;
    assert_non_null(ids);
    for (size_t i = 0; i < 4; i++)
        pthread_create(&threads[i], NULL, make_many, ids + i * PER_THREAD);
    for (size_t i = 0; i < 4; i++) {
        void *failed = NULL;

        pthread_join(threads[i], &failed);
        assert_null(failed);
    }
    qsort(ids, 4 * PER_THREAD, 27, by_text);
    for (size_t i = 1; i < 4 * PER_THREAD; i++)
        assert_true(strcmp(ids[i - 1], ids[i]) < 0);
    free(ids);
}

static void child_walks_its_own_way(void **state) {
    char mine[27], childs[27] = "";
    int fds[2], status = 0;
    pid_t child;

    (void)state;
    assert_int_equal(pipe(fds), 0);
    assert_int_equal(tarn_ulid_new(5, mine), 0);
    child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        int rc = tarn_ulid_new(5, childs);

        _exit(rc == 0 && write(fds[1], childs, 27) == 27 ? 0 : 1);
    }
    waitpid(child, &status, 0);
    assert_int_equal(status, 0);
    assert_int_equal(read(fds[0], childs, 27), 27);
    /* A continued walk would share the first 40 bits of the tail. */
    assert_memory_not_equal(mine + 10, childs + 10, 8);
    close(fds[0]);
    close(fds[1]);
}

static void random_bytes_differ(void **state) {
    uint8_t a[600] = {0}, b[600] = {0};

    (void)state;
    assert_int_equal(tarn_random(a, sizeof a), 0);
    assert_int_equal(tarn_random(b, sizeof b), 0);
    assert_memory_not_equal(a, b, sizeof a);
    assert_memory_not_equal(a + 500, b + 500, 100);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(encodes_known_values),    cmocka_unit_test(time_comes_back),
        cmocka_unit_test(ids_of_one_ms_increase),  cmocka_unit_test(threads_share_no_id),
        cmocka_unit_test(child_walks_its_own_way), cmocka_unit_test(random_bytes_differ),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
