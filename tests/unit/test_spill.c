/* test_spill.c: the transaction's bytes against a plain buffer: appended, cut back, read anywhere;
** and a temporary file that can't grow. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
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

/* What the writing thread has shown. */
struct seen {
    uint8_t *bytes;
    size_t len;
    int calls;
};

static int see(void *ctx, const uint8_t *p, size_t n) {
    struct seen *s = ctx;

    assert_true(s->len + n <= MOST);
    memcpy(s->bytes + s->len, p, n);
    s->len += n;
    s->calls++;
    return 0;
}

static int see_nothing(void *ctx, const uint8_t *p, size_t n) {
    (void)p;
    (void)n;
    ++*(int *)ctx;
    return -1;
}

static void begin_watching(struct tarn_spill *s, char folder[64], struct seen *seen) {
    snprintf(folder, 64, "/var/tmp/tarn-spill-XXXXXX");
    assert_non_null(mkdtemp(folder));
    seen->bytes = malloc(MOST);
    assert_non_null(seen->bytes);
    seen->len = 0;
    seen->calls = 0;
    tarn_spill_init(s);
    s->folder = folder;
    s->watch = see;
    s->watch_ctx = seen;
}

static void append_up_to(struct tarn_spill *s, size_t len) {
    while (model_len < len)
        assert_int_equal(append(s, 1 + rnd(300000), NULL), 0);
}

static void end_watching(struct tarn_spill *s, const char *folder, struct seen *seen) {
    tarn_spill_release(s);
    assert_int_equal(rmdir(folder), 0); /* its file went with it */
    free(seen->bytes);
}

/* Cuts of what no thread has written yet don't matter to the watcher. */
static void watched_whole(void **state) {
    struct tarn_spill s;
    struct seen seen;
    char folder[64];
    int round;

    (void)state;
    begin_watching(&s, folder, &seen);
    for (round = 0; round < 2; round++) {
        append_up_to(&s, (size_t)(60 - 50 * round) << 20);
        model_len -= s.memory.len / 2;
        assert_int_equal(tarn_spill_truncate(&s, model_len, NULL), 0);
        assert_int_equal(append(&s, 1000, NULL), 0);
        assert_int_equal(tarn_spill_store(&s, NULL), 0);
        assert_true(tarn_spill_watched(&s));
        assert_int_equal(seen.len, model_len);
        assert_memory_equal(seen.bytes, model, model_len);
        assert_true(round || seen.calls > 3);
        assert_false(tarn_spill_watched(&s)); /* once */
        assert_int_equal(append(&s, 1000, NULL), 0);
        assert_int_equal(tarn_spill_store(&s, NULL), 0);
        assert_false(tarn_spill_watched(&s));
        tarn_spill_clear(&s);
        model_len = seen.len = 0;
        seen.calls = 0;
    }
    end_watching(&s, folder, &seen);
}

/* What the watcher has seen was cut off. */
static void watched_and_cut(void **state) {
    struct tarn_spill s;
    struct seen seen;
    char folder[64];

    (void)state;
    begin_watching(&s, folder, &seen);
    append_up_to(&s, (size_t)50 << 20);
    model_len = (size_t)10 << 20;
    assert_int_equal(tarn_spill_truncate(&s, model_len, NULL), 0);
    append_up_to(&s, (size_t)80 << 20);
    assert_int_equal(tarn_spill_store(&s, NULL), 0);
    assert_false(tarn_spill_watched(&s));
    check(&s);
    end_watching(&s, folder, &seen);
}

/* A watcher that fails is asked no more. */
static void watcher_fails(void **state) {
    struct tarn_spill s;
    struct seen seen;
    char folder[64];
    int calls = 0;

    (void)state;
    begin_watching(&s, folder, &seen);
    s.watch = see_nothing;
    s.watch_ctx = &calls;
    append_up_to(&s, (size_t)50 << 20);
    assert_int_equal(tarn_spill_store(&s, NULL), 0);
    assert_false(tarn_spill_watched(&s));
    assert_int_equal(calls, 1);
    check(&s);
    end_watching(&s, folder, &seen);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(random_walk, setup, teardown),
        cmocka_unit_test_setup_teardown(file_that_cannot_grow, setup, teardown),
        cmocka_unit_test_setup_teardown(fork_while_writing, setup, teardown),
        cmocka_unit_test_setup_teardown(watched_whole, setup, teardown),
        cmocka_unit_test_setup_teardown(watched_and_cut, setup, teardown),
        cmocka_unit_test_setup_teardown(watcher_fails, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
