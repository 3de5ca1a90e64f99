/* test_delta_crash.c: a process that delivers changes ends before each step that others can see: before
** every file that appears in the lake, is replaced there, or goes from the spool folder. Or that step is
** refused, or memory runs out. Whoever comes next completes the same: each change once, each base,
** manifests that count right, no file left over.
**
** The functions below stand before the C library's in this program; the chosen call ends the process,
** or fails.
*/
#include "delta_fixture.h"

#include <dlfcn.h>
#include <errno.h>

static int armed;   /* the chosen call, counted down */
static int refusal; /* its errno; 0 = it ends the process */

static int refuses(void) {
    if (!armed || --armed) return 0;
    if (!refusal) _exit(9);
    errno = refusal;
    return 1;
}

#define REAL(name)                 \
    static __typeof__(name) *real; \
    if (!real) real = (__typeof__(name) *)dlsym(RTLD_NEXT, #name)
#define EXPORT __attribute__((visibility("default")))

EXPORT int linkat(int from_dir, const char *from, int to_dir, const char *to, int flags) {
    REAL(linkat);
    return refuses() ? -1 : real(from_dir, from, to_dir, to, flags);
}

EXPORT int renameat(int from_dir, const char *from, int to_dir, const char *to) {
    REAL(renameat);
    return refuses() ? -1 : real(from_dir, from, to_dir, to);
}

EXPORT int unlink(const char *path) {
    REAL(unlink);
    return strstr(path, "-spool") && refuses() ? -1 : real(path);
}

static void prepare(sqlite3 *unused) {
    struct app a = app_open("run/crash.db", "run/lake");
    struct said s = say();
    uint32_t x, y;
    int i;

    (void)unused;
    (void)commit_insert(&a, "n/x", 1, "delivered");
    must(a.db, "SELECT tarn_flush()");
    say_event(&s, "e");
    x = say_collection(&s, "n/x", 1);
    y = say_collection(&s, "n/y", 1);
    say_entry(&s, y, "{\"entry\":\"track\",\"create\":\"CREATE TABLE y\"}");
    say_change(&s, x, TARN_OP_INSERT, 2, "2");
    say_base(&a, &s, "n/y", 20);
    (void)commit_as(&a, &s, 0);
    s = say();
    x = say_collection(&s, "n/x", 1);
    y = say_collection(&s, "n/y", 1);
    for (i = 0; i < 300; i++) {
        char text[16];

        snprintf(text, sizeof text, "%d", 100 + i);
        say_change(&s, i % 2 ? x : y, TARN_OP_INSERT, 100 + i, text);
    }
    say_in_file(&a, &s);
    (void)commit_as(&a, &s, 0);
    app_close(&a);
}

static int end_before(int nth) {
    int status = 0;
    pid_t child = fork();

    if (child == 0) {
        struct app a = app_open("run/crash.db", "run/lake");

        armed = nth;
        must(a.db, "SELECT tarn_flush()");
        armed = 0;
        app_close(&a);
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && (WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == 9));
    return WEXITSTATUS(status) == 9;
}

static void assert_whole(struct app *a) {
    show(a, "x", "cdc/n/x/deltas/*.parquet");
    show(a, "y", "cdc/n/y/deltas/*.parquet");
    show(a, "base", "cdc/n/y/data.parquet");
    assert_int_equal(number(a->db, "SELECT count(*) FROM temp.x"), 152);
    assert_int_equal(number(a->db, "SELECT count(DISTINCT pk) FROM temp.x"), 152);
    assert_int_equal(number(a->db, "SELECT count(*) FROM temp.y"), 150);
    assert_int_equal(number(a->db, "SELECT count(DISTINCT pk) FROM temp.y"), 150);
    assert_int_equal(number(a->db, "SELECT count(*) FROM temp.base"), 20);
    assert_int_equal(number(a->db, "SELECT count(*) FROM events WHERE filename IS NOT NULL"), 1);
    assert_string_equal(manifest(a, "n/x", "m ->> '$.counts'"),
                        "{\"insert\":152,\"update\":0,\"delete\":0,\"files\":2}");
    assert_string_equal(manifest(a, "n/y", "m ->> '$.counts'"),
                        "{\"insert\":150,\"update\":0,\"delete\":0,\"files\":1}");
    assert_string_equal(manifest(a, "n/y", "json_array_length(m, '$.entries')"), "1");
    assert_string_equal(manifest(a, "n/y", "m ->> '$.schemas[0].create'"), "CREATE TABLE y");
    assert_int_equal(count_spools(a), 0);
}

static void ends_before_each_step(void **state) {
    struct app a;
    int n, ended = 1;

    (void)state;
    shell("mkdir %s/run", folder);
    in_child("run/crash.db", prepare);
    shell("mv %s/run %s/saved", folder, folder);
    for (n = 1; ended && n < 200; n++) {
        shell("rm -rf %s/run && cp -r %s/saved %s/run", folder, folder, folder);
        ended = end_before(n);
        if (ended && n % 3) (void)end_before(n % 7 + 1);
        a = app_open("run/crash.db", "run/lake");
        must(a.db, "SELECT tarn_flush()");
        assert_whole(&a);
        app_close(&a);
    }
    print_message("ended before each of %d steps\n", n - 2);
    assert_true(n > 12 && n < 200);
}

/* Each step fails, once: an error or nothing (a spool file that stays), and the next flush completes it. */
static void steps_are_refused(void **state) {
    static const int why[] = {EIO, ENOSPC, EACCES};
    struct app a;
    int n, left = 0, errors = 0;

    (void)state;
    for (n = 1; left == 0 && n < 200; n++) {
        int rc;

        shell("rm -rf %s/run && cp -r %s/saved %s/run", folder, folder, folder);
        a = app_open("run/crash.db", "run/lake");
        refusal = why[n % 3];
        armed = n;
        rc = try(a.db, "SELECT tarn_flush()");
        left = armed;
        armed = refusal = 0;
        errors += rc != 0;
        must(a.db, "SELECT tarn_flush()");
        if (count_spools(&a)) shell("rm -r %s", a.d->spool); /* is swept by a later transaction */
        assert_whole(&a);
        app_close(&a);
    }
    print_message("%d steps, %d refused with an error\n", n - 2, errors);
    assert_true(errors > 8);
}

/* Each allocation fails in turn, once: an error, and the next flush completes it. */
static void without_memory(void **state) {
    unsigned long at, total = 1, errors = 0;
    struct app a;

    (void)state;
    for (at = 0; at <= total; at += at ? total / 150 + 1 : 1) {
        int rc;

        shell("rm -rf %s/run && cp -r %s/saved %s/run", folder, folder, folder);
        a = app_open("run/crash.db", "run/lake");
        (void)tarn_mem_fail_after(at ? at : 1000000000, 0);
        rc = try(a.db, "SELECT tarn_flush()");
        if (at == 0) {
            total = tarn_mem_fail_after(0, 0);
        } else {
            (void)tarn_mem_fail_after(0, 0);
        }
        if (rc && rc != SQLITE_NOMEM) fail_msg("allocation %lu: %s", at, sqlite3_errmsg(a.db));
        errors += rc != 0;
        must(a.db, "SELECT tarn_flush()");
        assert_whole(&a);
        app_close(&a);
    }
    print_message("%lu allocations, %lu flushes failed\n", total, errors);
    assert_true(errors > 50);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ends_before_each_step),
        cmocka_unit_test(steps_are_refused),
        cmocka_unit_test(without_memory),
    };
    int rc;

    make_folder();
    rc = cmocka_run_group_tests(tests, NULL, NULL);
    shell("rm -rf %s", folder);
    return rc;
}
