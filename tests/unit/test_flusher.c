/* test_flusher.c: when the flusher flushes, and that delivery stays exactly-once with copies,
** restored backups, several processes, and lakes that can't be written.
*/
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <sqlite3.h>

#include "db.h"
#include "flusher.h"
#include "sanitized.h"
#include "tarn.h"
#include "time.h"

static char folder[64];
static int64_t clock_now;

static int64_t read_clock(void *arg) {
    (void)arg;
    return clock_now;
}

static sqlite3 *connect(const char *name) {
    char path[256];
    sqlite3 *db = NULL;
    char *message = NULL;

    snprintf(path, sizeof path, "%s/%s", folder, name);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    if (tarn_register(db, &message)) fail_msg("%s", message);
    (void)sqlite3_busy_timeout(db, 5000);
    return db;
}

static void must(sqlite3 *db, const char *fmt, ...) {
    va_list ap;
    char *sql;

    va_start(ap, fmt);
    sql = sqlite3_vmprintf(fmt, ap);
    va_end(ap);
    if (sqlite3_exec(db, sql, NULL, NULL, NULL)) fail_msg("%s: %s", sql, sqlite3_errmsg(db));
    sqlite3_free(sql);
}

static int64_t number(sqlite3 *db, const char *sql) {
    sqlite3_stmt *stmt = NULL;
    int64_t v;

    if (sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) || sqlite3_step(stmt) != SQLITE_ROW) {
        fail_msg("%s: %s", sql, sqlite3_errmsg(db));
    }
    v = sqlite3_column_int64(stmt, 0);
    sqlite3_finalize(stmt);
    return v;
}

static void shell(const char *fmt, ...) {
    char command[1024];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(command, sizeof command, fmt, ap);
    va_end(ap);
    if (system(command) != 0) fail_msg("%s", command);
}

/* 24 committed inserts a second for an hour: at most one raw file per time threshold and hour. */
static void steady_stream(void **state) {
    struct rusage usage;
    struct tarn_db *d = NULL;
    sqlite3_stmt *insert = NULL;
    sqlite3 *db;
    int64_t files;
    int i;

    (void)state;
    clock_now = INT64_C(1770000000000) - INT64_C(1770000000000) % TARN_MS_PER_HOUR;
    tarn_time_set_clock(read_clock, NULL);
    db = connect("stream.db");
    must(db, "PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF");
    assert_int_equal(tarn_db_attach(&d, db, NULL), 0);
    assert_int_equal(sqlite3_prepare_v2(db,
                                        "INSERT INTO events(type, payload) VALUES('tick', "
                                        "json_object('n', ?1))",
                                        -1, &insert, NULL),
                     SQLITE_OK);
    for (i = 0; i < 24 * 3600; i++) {
        clock_now += i % 3 == 0 ? 41 : i % 3 == 1 ? 42 : 42; /* 24 in 1,000 ms */
        sqlite3_bind_int(insert, 1, i);
        assert_int_equal(sqlite3_step(insert), SQLITE_DONE);
        assert_int_equal(sqlite3_reset(insert), SQLITE_OK);
        (void)tarn_flusher_step(d);
    }
    clock_now += 5000;
    (void)tarn_flusher_step(d);
    sqlite3_finalize(insert);
    files = number(db, "SELECT count(*) FROM tarn_files");
    assert_int_equal(number(db, "SELECT count(*) FROM events"), 24 * 3600);
    assert_int_equal(number(db, "SELECT count(*) FROM events WHERE filename IS NULL"), 0);
    getrusage(RUSAGE_SELF, &usage);
    print_message("an hour at 24 commits a second: %lld files, %ld MB RSS\n", (long long)files,
                  usage.ru_maxrss / 1024);
    assert_true(files <= 3600 / 5 + 2);
    assert_true(files > 600);
    assert_true(SANITIZED || usage.ru_maxrss < 100 * 1024);
    tarn_db_release(d);
    sqlite3_close(db);
    tarn_time_set_clock(NULL, NULL);
}

/* A burst after a pause goes out by count; the next waits for the time threshold. */
static void thresholds(void **state) {
    struct tarn_db *d = NULL;
    sqlite3 *db;
    int i;

    (void)state;
    clock_now = 1770000000000;
    tarn_time_set_clock(read_clock, NULL);
    db = connect("due.db");
    assert_int_equal(tarn_db_attach(&d, db, NULL), 0);
    for (i = 0; i < 49; i++)
        must(db, "INSERT INTO events(type) VALUES('a')");
    assert_int_equal(tarn_flusher_step(d), 0);
    must(db, "INSERT INTO events(type) VALUES('a')");
    assert_int_equal(tarn_flusher_step(d), 1);
    assert_null(d->first);
    clock_now += 1000;
    for (i = 0; i < 60; i++)
        must(db, "INSERT INTO events(type) VALUES('b')");
    assert_int_equal(tarn_flusher_step(d), 0);
    clock_now += 4000;
    assert_int_equal(tarn_flusher_step(d), 1);
    must(db, "SELECT tarn_config('maxBufferSize', 10)");
    for (i = 0; i < 10; i++)
        must(db, "INSERT INTO events(type) VALUES('c')");
    assert_int_equal(tarn_flusher_step(d), 1);
    must(db, "INSERT INTO events(type) VALUES('d')");
    clock_now += 4999;
    assert_int_equal(tarn_flusher_step(d), 0);
    clock_now += 1;
    assert_int_equal(tarn_flusher_step(d), 1);
    assert_int_equal(number(db, "SELECT count(*) FROM events"), 50 + 60 + 10 + 1);
    tarn_db_release(d);
    sqlite3_close(db);
    tarn_time_set_clock(NULL, NULL);
}

/* A lake that can't be reached: commits go on, nothing is lost, and it goes out when it is back. */
static void lake_away(void **state) {
    char lake[128];
    sqlite3 *db;

    (void)state;
    snprintf(lake, sizeof lake, "%s/away", folder);
    db = connect("away.db");
    must(db, "SELECT tarn_open('%s')", lake);
    must(db, "INSERT INTO events(type) VALUES('before'); SELECT tarn_flush()");
    shell("mv %s %s.gone && echo x > %s", lake, lake, lake);
    must(db, "INSERT INTO events(type) VALUES('while')");
    assert_int_not_equal(sqlite3_exec(db, "SELECT tarn_flush()", NULL, NULL, NULL), SQLITE_OK);
    assert_non_null(strstr(sqlite3_errmsg(db), "away"));
    must(db, "INSERT INTO events(type) VALUES('still')");
    shell("rm %s && mv %s.gone %s", lake, lake, lake);
    assert_int_equal(number(db, "SELECT tarn_flush()"), 2);
    assert_int_equal(number(db, "SELECT count(*) FROM events WHERE filename IS NOT NULL"), 3);
    sqlite3_close(db);
}

/* A copy of the database file goes on by itself: both histories arrive, what they share once. */
static void copied_database(void **state) {
    char lake[128];
    sqlite3 *a, *b;

    (void)state;
    snprintf(lake, sizeof lake, "%s/copies", folder);
    a = connect("one.db");
    must(a, "SELECT tarn_config('autoFlush', 'off'), tarn_open('%s')", lake);
    must(a, "INSERT INTO events(type) VALUES('shared, delivered'); SELECT tarn_flush();"
            "INSERT INTO events(type) VALUES('shared, waiting')");
    sqlite3_close(a);
    shell("cp %s/one.db %s/two.db", folder, folder);
    a = connect("one.db");
    b = connect("two.db");
    must(a, "SELECT tarn_open('%s')", lake);
    must(b, "SELECT tarn_open('%s')", lake);
    must(a, "INSERT INTO events(type) VALUES('a1')");
    must(b, "INSERT INTO events(type) VALUES('b1'), ('b2')");
    must(a, "SELECT tarn_flush()");
    must(b, "SELECT tarn_flush()");
    must(b, "INSERT INTO events(type) VALUES('b3')");
    must(a, "INSERT INTO events(type) VALUES('a2')");
    must(b, "SELECT tarn_flush()");
    must(a, "SELECT tarn_flush()");
    assert_int_equal(number(a, "SELECT count(*) FROM events"), 7);
    assert_int_equal(number(a, "SELECT count(DISTINCT type) FROM events"), 7);
    assert_int_equal(number(b, "SELECT count(*) FROM events WHERE filename IS NOT NULL"), 7);
    sqlite3_close(a);
    sqlite3_close(b);
    b = connect("two.db");
    must(b, "SELECT tarn_open('%s'); INSERT INTO events(type) VALUES('b4'); SELECT tarn_flush()",
         lake);
    assert_int_equal(number(b, "SELECT count(*) FROM events WHERE filename IS NOT NULL"), 8);
    sqlite3_close(b);
}

/* The database is set back to a backup: what only the lake still knows stays there, once. */
static void restored_backup(void **state) {
    char lake[128];
    sqlite3 *db;

    (void)state;
    snprintf(lake, sizeof lake, "%s/backup", folder);
    db = connect("back.db");
    must(db, "SELECT tarn_config('autoFlush', 'off'), tarn_open('%s')", lake);
    must(db, "INSERT INTO events(type) VALUES('1'); INSERT INTO events(type) VALUES('2')");
    sqlite3_close(db);
    shell("cp %s/back.db %s/back.copy", folder, folder);
    db = connect("back.db");
    must(db,
         "SELECT tarn_open('%s'); INSERT INTO events(type) VALUES('3'); SELECT tarn_flush();"
         "INSERT INTO events(type) VALUES('4'); SELECT tarn_flush()",
         lake);
    sqlite3_close(db);
    shell("cp %s/back.copy %s/back.db", folder, folder);
    db = connect("back.db");
    must(db, "SELECT tarn_open('%s')", lake);
    assert_int_equal(number(db, "SELECT count(*) FROM events"), 4);
    must(db, "INSERT INTO events(type) VALUES('other 3'); SELECT tarn_flush();"
             "INSERT INTO events(type) VALUES('other 4'); SELECT tarn_flush()");
    assert_int_equal(number(db, "SELECT count(*) FROM events"), 6);
    assert_int_equal(number(db, "SELECT count(DISTINCT type) FROM events"), 6);
    assert_int_equal(number(db, "SELECT count(*) FROM events WHERE filename IS NULL"), 0);
    sqlite3_close(db);
}

static void writer(const char *name, int who) {
    sqlite3 *db = connect(name);
    int i;

    must(db, "SELECT tarn_config('timeThresholdMs', 10), tarn_config('countThreshold', 3)");
    for (i = 0; i < 150; i++) {
        must(db, "INSERT INTO events(type, status_code) VALUES('w', %d)", who * 1000 + i);
        if (i % 20 == who) must(db, "SELECT tarn_flush()");
    }
    sqlite3_close(db);
    exit(0);
}

/* Four processes write one database (or one lake): each flushes, each row arrives once. */
static void several_processes(void **state) {
    static const char *const journals[] = {"wal", "delete"};
    size_t j;
    int i;

    (void)state;
    for (j = 0; j < 2; j++) {
        char name[32];
        sqlite3 *db;
        pid_t children[4];

        snprintf(name, sizeof name, "many-%s.db", journals[j]);
        db = connect(name);
        must(db, "PRAGMA journal_mode = %s; PRAGMA synchronous = OFF", journals[j]);
        must(db, "INSERT INTO events(type, status_code) VALUES('w', 999)");
        sqlite3_close(db);
        for (i = 0; i < 4; i++) {
            children[i] = fork();
            if (children[i] == 0) writer(name, i + 1);
        }
        for (i = 0; i < 4; i++) {
            int status = 0;

            assert_int_equal(waitpid(children[i], &status, 0), children[i]);
            assert_int_equal(status, 0);
        }
        db = connect(name);
        assert_int_equal(number(db, "SELECT count(*) FROM events"), 601);
        must(db, "SELECT tarn_flush()");
        assert_int_equal(number(db, "SELECT count(*) FROM events WHERE filename IS NOT NULL"), 601);
        assert_int_equal(number(db, "SELECT count(DISTINCT status_code) FROM events"), 601);
        sqlite3_close(db);
    }
}

/* A database without a file: delivered at close, or at every commit. */
static void without_a_file(void **state) {
    char lake[128];
    sqlite3 *db = NULL;

    (void)state;
    snprintf(lake, sizeof lake, "%s/memory", folder);
    assert_int_equal(sqlite3_open(":memory:", &db), SQLITE_OK);
    assert_int_equal(tarn_register(db, NULL), SQLITE_OK);
    assert_int_not_equal(sqlite3_exec(db, "INSERT INTO events(type) VALUES('a')", NULL, NULL, NULL),
                         SQLITE_OK);
    assert_non_null(strstr(sqlite3_errmsg(db), "tarn_open"));
    must(db, "SELECT tarn_open('%s'); INSERT INTO events(type) VALUES('a')", lake);
    must(db, "BEGIN; INSERT INTO events(type) VALUES('b'); ROLLBACK");
    assert_int_equal(number(db, "SELECT count(*) FROM events"), 1);
    sqlite3_close(db);
    assert_int_equal(sqlite3_open(":memory:", &db), SQLITE_OK);
    assert_int_equal(tarn_register(db, NULL), SQLITE_OK);
    must(db, "SELECT tarn_open('%s'), tarn_config('durability', 'commit')", lake);
    assert_int_equal(number(db, "SELECT count(*) FROM events WHERE filename IS NOT NULL"), 1);
    must(db, "INSERT INTO events(type) VALUES('c')");
    assert_int_equal(number(db, "SELECT count(*) FROM events WHERE filename IS NOT NULL"), 2);
    sqlite3_close(db);
}

/* A stored lake that lies elsewhere counts only when this process names it too. */
static void untrusted_lake(void **state) {
    char lake[128];
    sqlite3 *db;

    (void)state;
    snprintf(lake, sizeof lake, "%s/elsewhere", folder);
    db = connect("strange.db");
    must(db, "SELECT tarn_open('%s'); INSERT INTO events(type) VALUES('a')", lake);
    sqlite3_close(db);
    db = connect("strange.db");
    assert_int_not_equal(sqlite3_exec(db, "SELECT * FROM events", NULL, NULL, NULL), SQLITE_OK);
    assert_non_null(strstr(sqlite3_errmsg(db), "confirm it with"));
    assert_int_not_equal(sqlite3_exec(db, "INSERT INTO events(type) VALUES('b')", NULL, NULL, NULL),
                         SQLITE_OK);
    setenv("TARN_LAKE", lake, 1);
    assert_int_equal(number(db, "SELECT count(*) FROM events"), 1);
    unsetenv("TARN_LAKE");
    sqlite3_close(db);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(thresholds),        cmocka_unit_test(lake_away),
        cmocka_unit_test(copied_database),   cmocka_unit_test(restored_backup),
        cmocka_unit_test(several_processes), cmocka_unit_test(without_a_file),
        cmocka_unit_test(untrusted_lake),    cmocka_unit_test(steady_stream),
    };
    int rc;

    snprintf(folder, sizeof folder, "%s/tarn-flusher-XXXXXX",
             access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp"); /* fsync costs nothing there */
    if (!mkdtemp(folder)) return 1;
    setenv("HOME", folder, 1);
    rc = cmocka_run_group_tests(tests, NULL, NULL);
    shell("rm -rf %s", folder);
    return rc;
}
