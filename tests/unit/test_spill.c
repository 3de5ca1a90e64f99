/* test_spill.c: the transaction's bytes against a plain buffer: appended, cut back, read anywhere;
** and a temporary file that can't grow. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "err.h"
#include "spill.h"

#define MOST ((size_t)96 << 20)

static uint8_t *model;
static size_t model_len;
static uint64_t seed;

static size_t rnd(size_t below) {
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (size_t)((seed >> 33) % below);
}

static int setup(void **state) {
    size_t i;

    (void)state;
    seed = 1;
    model = malloc(MOST);
    assert_non_null(model);
    for (i = 0; i + 8 <= MOST; i += 8) {
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        memcpy(model + i, &seed, 8);
    }
    model_len = 0;
    return 0;
}

static int teardown(void **state) {
    (void)state;
    free(model);
    return 0;
}

static int append(struct tarn_spill *s, size_t n, struct tarn_err *err) {
    int rc = tarn_spill_append(s, model + model_len, n, err);

    if (rc == TARN_OK) model_len += n;
    return rc;
}

static void check_at(const struct tarn_spill *s, struct tarn_spill_window *w, uint64_t offset) {
    uint64_t piece = tarn_spill_piece(s, offset);
    size_t n = piece < 3000 ? (size_t)piece : 1 + rnd(3000);
    const uint8_t *p = NULL;

    assert_true(piece > 0 && offset + piece <= model_len);
    assert_int_equal(tarn_spill_read(s, w, offset, n, &p, NULL), 0);
    assert_memory_equal(p, model + offset, n);
    assert_int_equal(tarn_spill_read(s, w, offset, (size_t)piece + 1, &p, NULL), TARN_ECORRUPT);
}

static void check(const struct tarn_spill *s) {
    struct tarn_spill_window w;
    uint64_t offset = 0;
    int i;

    assert_int_equal(tarn_spill_len(s), model_len);
    tarn_spill_window_init(&w);
    for (i = 0; model_len && i < 20; i++)
        check_at(s, &w, rnd(model_len));
    for (i = 0; offset < model_len; i++) { /* piece by piece */
        check_at(s, &w, offset);
        offset += tarn_spill_piece(s, offset);
    }
    assert_true(i <= 3);
    tarn_spill_window_release(&w);
}

static void random_walk(void **state) {
    struct tarn_spill s;
    int step;

    (void)state;
    tarn_spill_init(&s);
    for (step = 0; step < 400; step++) {
        size_t n = rnd(3) ? rnd((size_t)1 << 20) : rnd((size_t)9 << 20);

        if (rnd(12) == 0 || model_len + n > MOST) {
            model_len = rnd(4) ? model_len - rnd(model_len / 3 + 1) : rnd(model_len + 1);
            assert_int_equal(tarn_spill_truncate(&s, model_len, NULL), 0);
        } else if (rnd(100) == 0) {
            tarn_spill_clear(&s);
            model_len = 0;
        } else {
            assert_int_equal(append(&s, n, NULL), 0);
        }
        if (rnd(4) == 0) check(&s);
    }
    tarn_spill_release(&s);
}

/* In a process of its own, for the limit stays. */
static int with_small_files(void) {
    struct rlimit small = {(rlim_t)20 << 20, (rlim_t)20 << 20};
    struct tarn_err err = {0};
    struct tarn_spill s;
    size_t failed_at;
    int rc = 0;

    (void)signal(SIGXFSZ, SIG_IGN);
    if (setrlimit(RLIMIT_FSIZE, &small)) return 1;
    tarn_spill_init(&s);
    while (rc == 0 && model_len < MOST / 2)
        rc = append(&s, 100000, &err);
    if (rc != TARN_EIO && rc != TARN_EFULL) return 2;
    if (!strstr(err.msg, "TMPDIR")) return 3;
    failed_at = model_len;
    if (append(&s, 100000, &err) == 0 || model_len != failed_at) return 4;
    check(&s); /* nothing that was taken is lost */
    model_len = (size_t)18 << 20;
    if (tarn_spill_truncate(&s, model_len, NULL)) return 5;
    check(&s);
    if (append(&s, 100000, &err)) return 6;
    check(&s);
    tarn_spill_release(&s);
    return 0;
}

static void file_that_cannot_grow(void **state) {
    int status = -1;
    pid_t child = fork();

    (void)state;
    if (child == 0) _exit(with_small_files());
    assert_true(child > 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

/* A child made while the thread writes has no thread to wait for. */
static void fork_while_writing(void **state) {
    struct tarn_spill s;
    int status = -1;
    pid_t child;

    (void)state;
    tarn_spill_init(&s);
    while (!s.writing)
        assert_int_equal(append(&s, (size_t)1 << 20, NULL), 0);
    child = fork();
    if (child == 0) {
        (void)alarm(20);
        tarn_spill_release(&s);
        _exit(0);
    }
    assert_true(child > 0);
    check(&s);
    tarn_spill_release(&s);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(random_walk, setup, teardown),
        cmocka_unit_test_setup_teardown(file_that_cannot_grow, setup, teardown),
        cmocka_unit_test_setup_teardown(fork_while_writing, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
