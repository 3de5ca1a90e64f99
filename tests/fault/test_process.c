/* test_process.c: processes and threads come and go: forks, several writers of one lake, connections
** closed in the middle of a flush, and nothing left open after many of them.
*/
#include "fault_db.h"

#include <dirent.h>
#include <pthread.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define WRITERS 4
#define COMMITS 200

static sqlite3 *db;

static int begin(void **state) {
    (void)state;
    db = NULL;
    (void)fault_folder();
    return 0;
}

static int end(void **state) {
    (void)state;
    return fault_end(&db);
}

static int count_entries(const char *folder) {
    DIR *dir = opendir(folder);
    int n = 0;

    assert_non_null(dir);
    while (readdir(dir))
        n++;
    (void)closedir(dir);
    return n;
}

static void hurry(sqlite3 *c) {
    fault_must(c, "SELECT tarn_config('autoFlush', 'on'), tarn_config('timeThresholdMs', 1), "
                  "tarn_config('countThreshold', 1)");
}

/* Every child must end by itself, with 0, and soon: alarm() ends one that hangs. */
static void join(const pid_t *children, int n) {
    int i, status = 0;

    for (i = 0; i < n; i++) {
        assert_int_equal(waitpid(children[i], &status, 0), children[i]);
        if (WIFSIGNALED(status)) fail_msg("child %d: signal %d", i, WTERMSIG(status));
        assert_int_equal(WEXITSTATUS(status), 0);
    }
}

/* In a child nothing may be asserted: it would go on as a second copy of the test program. */
static int write_in_child(const char *path, int64_t first, int commits) {
    sqlite3 *c = NULL;
    int i, rc;

    (void)alarm(20);
    if (sqlite3_open(path, &c) || tarn_register(c, NULL)) return 2;
    (void)sqlite3_busy_timeout(c, 20000);
    if (fault_try(c, "PRAGMA synchronous = OFF")) return 3;
    for (i = 0; i < commits; i++) {
        rc = fault_insert(c, first + i, 1, 10);
        if (rc) {
            (void)fprintf(stderr, "commit %d: error %d: %s\n", i, rc, sqlite3_errmsg(c));
            return 4;
        }
    }
    if (fault_try(c, "SELECT count(*) FROM events")) return 5;
    return sqlite3_close(c) ? 6 : 0;
}

/* Two databases of the same name in two folders, each written by two processes, one lake. */
static void writers(void **state) {
    char path[2][FAULT_PATH];
    char lake[FAULT_PATH];
    pid_t children[WRITERS];
    sqlite3 *c;
    int i;

    (void)state;
    for (i = 0; i < 2; i++) {
        snprintf(path[i], FAULT_PATH, "%s/%d", fault_folder(), i);
        assert_int_equal(mkdir(path[i], 0755), 0);
        snprintf(path[i], FAULT_PATH, "%s/%d/same.db", fault_folder(), i);
        c = fault_app(path[i]);
        fault_must(c, "PRAGMA journal_mode = %s", i ? "DELETE" : "WAL");
        hurry(c);
        fault_close(c);
    }
    snprintf(lake, sizeof lake, "%s/lake", fault_folder());
    assert_int_equal(setenv("TARN_LAKE", lake, 1), 0);
    for (i = 0; i < WRITERS; i++) {
        children[i] = fork();
        assert_true(children[i] >= 0);
        if (children[i] == 0) _exit(write_in_child(path[i / 2], 1 + i * COMMITS, COMMITS));
    }
    join(children, WRITERS);
    for (i = 0; i < 2; i++) {
        db = fault_open(path[i]);
        fault_must(db, "SELECT tarn_flush()");
        assert_int_equal(fault_number(db, "SELECT count(*) FROM app"), WRITERS / 2 * COMMITS);
        fault_close(db);
        db = NULL;
    }
    db = fault_open(path[0]);
    assert_int_equal(fault_number(db, "SELECT count(*) FROM events"), WRITERS * COMMITS);
    assert_int_equal(fault_number(db, "SELECT count(DISTINCT status_code) FROM events"),
                     WRITERS * COMMITS);
    assert_int_equal(fault_number(db, "SELECT max(status_code) - min(status_code) FROM events"),
                     WRITERS * COMMITS - 1);
    assert_int_equal(fault_number(db, "SELECT count(*) FROM events WHERE filename IS NULL"), 0);
    (void)unsetenv("TARN_LAKE");
}

/* A process that forks while its flusher works: the child, which has no flusher yet, opens a
** connection of its own and writes; the parent goes on. */
static void forks(void **state) {
    char path[FAULT_PATH];
    pid_t child;
    int i;

    (void)state;
    snprintf(path, sizeof path, "%s/app.db", fault_folder());
    db = fault_app(path);
    fault_must(db, "PRAGMA journal_mode = WAL");
    hurry(db);
    for (i = 0; i < 150; i++) {
        assert_int_equal(fault_insert(db, 5000 + i * 30, 30, 10), SQLITE_OK);
        (void)usleep((useconds_t)(i * 97 % 4000));
        child = fork();
        assert_true(child >= 0);
        if (child == 0) _exit(write_in_child(path, 100000 + i * 10, 2));
        join(&child, 1);
    }
    fault_agree_flushed(db);
    assert_int_equal(fault_number(db, "SELECT count(*) FROM app"), 150 * 32);
}

/* A child that closes the connection it was born with (as a program's exit handlers might) neither
** hangs nor harms the parent's. */
static void fork_and_close(void **state) {
    pid_t child;
    int i;

    (void)state;
    db = fault_app("app.db");
    hurry(db);
    for (i = 0; i < 20; i++) {
        assert_int_equal(fault_insert(db, 1 + i * 5, 5, 10), SQLITE_OK);
        child = fork();
        assert_true(child >= 0);
        if (child == 0) {
            (void)alarm(20);
            _exit(sqlite3_close(db) != SQLITE_OK);
        }
        assert_int_equal(fault_insert(db, 1000 + i, 1, 10), SQLITE_OK);
        join(&child, 1);
    }
    fault_agree_flushed(db);
}

static void close_while_flushing(void **state) {
    int i;

    (void)state;
    db = fault_app("app.db");
    hurry(db);
    fault_close(db);
    db = NULL;
    for (i = 0; i < 150; i++) {
        sqlite3 *c = fault_open("app.db");

        assert_int_equal(fault_insert(c, 1 + i * 500, i % 30 == 7 ? 400 : 3, i % 30 == 7 ? 400 : 5),
                         SQLITE_OK);
        (void)usleep((useconds_t)(i * 37 % 3000));
        fault_close(c);
    }
    db = fault_app("app.db");
    fault_agree_flushed(db);
}

struct interrupter {
    sqlite3 *db;
    int stop;
};

/* Again and again: an interrupt before the query has begun is none. */
static void *interrupt(void *arg) {
    struct interrupter *it = arg;

    while (!__atomic_load_n(&it->stop, __ATOMIC_SEQ_CST)) {
        (void)usleep(3000);
        sqlite3_interrupt(it->db);
    }
    return NULL;
}

/* An interrupted query leaves nothing behind, and the connection works. */
static void interrupted(void **state) {
    pthread_t thread;
    int i;

    (void)state;
    db = fault_app("app.db");
    assert_int_equal(fault_insert(db, 1, 20000, 40), SQLITE_OK);
    fault_must(db, "SELECT tarn_flush()");
    for (i = 0; i < 20; i++) {
        struct interrupter it = {db, 0};
        int rc;

        assert_int_equal(pthread_create(&thread, NULL, interrupt, &it), 0);
        rc = fault_try(db, "SELECT count(*) FROM events a, events b WHERE a.type || b.payload > "
                           "'x'");
        __atomic_store_n(&it.stop, 1, __ATOMIC_SEQ_CST);
        assert_int_equal(pthread_join(thread, NULL), 0);
        assert_int_equal(rc, SQLITE_INTERRUPT);
    }
    fault_agree(db);
}

/* Opening, using and closing many times: no descriptor and no thread more than before. */
static void cycles(void **state) {
    int fds = 0, threads = 0;
    int i;

    (void)state;
    db = fault_app("app.db");
    hurry(db);
    fault_close(db);
    db = NULL;
    for (i = 0; i < 300; i++) {
        sqlite3 *c = fault_open(i % 10 == 9 ? ":memory:" : "app.db");

        if (i % 10 != 9) {
            assert_int_equal(fault_insert(c, 1 + i, 1, 10), SQLITE_OK);
            if (i % 3 == 0) fault_must(c, "SELECT tarn_flush()");
            if (i % 3 == 1) fault_must(c, "SELECT count(type) FROM events LIMIT 1");
            if (i % 7 == 0) (void)fault_try(c, "SELECT * FROM parquet('/nonexistent/x')");
            if (i % 7 == 1) (void)fault_try(c, "SELECT tarn_open('/nonexistent/x')");
        }
        fault_close(c);
        if (i == 20) {
            fds = count_entries("/proc/self/fd");
            threads = count_entries("/proc/self/task");
        }
    }
    assert_int_equal(count_entries("/proc/self/fd"), fds);
    assert_int_equal(count_entries("/proc/self/task"), threads);
    db = fault_app("app.db");
    fault_agree_flushed(db);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(writers, begin, end),
        cmocka_unit_test_setup_teardown(forks, begin, end),
        cmocka_unit_test_setup_teardown(fork_and_close, begin, end),
        cmocka_unit_test_setup_teardown(close_while_flushing, begin, end),
        cmocka_unit_test_setup_teardown(interrupted, begin, end),
        cmocka_unit_test_setup_teardown(cycles, begin, end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
