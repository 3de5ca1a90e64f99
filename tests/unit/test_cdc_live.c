/* test_cdc_live.c: every change once, at every moment, while it moves: two connections commit, the flusher
** delivers as fast as it can, and a thread archives deltas behind its back.
*/
#include <dirent.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <sqlite3.h>

#include "cdc_fixture.h"
#include "tarn.h"

static char folder[64];
static int stop;
static int archived;

static sqlite3 *connect_to(const char *name) {
    char path[128];
    char *message = NULL;
    sqlite3 *out = NULL;

    snprintf(path, sizeof path, "%s/%s", folder, name);
    assert_int_equal(sqlite3_open(path, &out), SQLITE_OK);
    if (tarn_register(out, &message)) fail_msg("%s", message);
    (void)sqlite3_busy_timeout(out, 10000);
    return out;
}

static int set_up(void **state) {
    (void)state;
    snprintf(folder, sizeof folder, "%s/tarn-live-XXXXXX",
             access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    assert_non_null(mkdtemp(folder));
    setenv("HOME", folder, 1);
    return 0;
}

static int tear_down(void **state) {
    char command[128];

    (void)state;
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    return system(command);
}

/* Archives what lies in deltas/: there first, then away from here. */
static void *archive(void *arg) {
    char deltas[128], processed[128], from[512], to[512];

    (void)arg;
    snprintf(deltas, sizeof deltas, "%s/a.db-lake/cdc/a/t/deltas", folder);
    snprintf(processed, sizeof processed, "%s/a.db-lake/cdc/a/t/processed", folder);
    while (!__atomic_load_n(&stop, __ATOMIC_SEQ_CST)) {
        DIR *d = opendir(deltas);
        const struct dirent *e;

        (void)mkdir(processed, 0700);
        while (d && (e = readdir(d)) != NULL) {
            if (!strstr(e->d_name, ".parquet") || e->d_name[0] == '.') continue;
            snprintf(from, sizeof from, "%s/%s", deltas, e->d_name);
            snprintf(to, sizeof to, "%s/%s", processed, e->d_name);
            if (link(from, to) == 0 && unlink(from) == 0) archived++;
        }
        if (d) (void)closedir(d);
        (void)usleep(2000);
    }
    return NULL;
}

/* So many changes, each once, in the order of bookmarks, and of keys. */
static void check(sqlite3 *db, int n) {
    char want[64];

    snprintf(want, sizeof want, "%d|%d|0", n, n);
    fx_expect(db, want,
              "SELECT count(*) || '|' || count(DISTINCT pk) || '|' || ifnull(sum(pk < before), 0) "
              "FROM (SELECT 0 + pk AS pk, lag(0 + pk) OVER () AS before FROM (SELECT pk FROM cdc_t "
              "ORDER BY bookmark, seq))");
}

static void while_it_moves(void **state) {
    sqlite3 *a, *b;
    pthread_t thread;
    int n = 0;
    int i;

    (void)state;
    a = connect_to("a.db");
    fx_must(a, "PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF;"
               "SELECT tarn_config('timeThresholdMs', 1), tarn_config('countThreshold', 1);"
               "CREATE TABLE t(x INTEGER PRIMARY KEY, y); SELECT tarn_track('t')");
    b = connect_to("a.db");
    assert_int_equal(pthread_create(&thread, NULL, archive, NULL), 0);
    for (i = 0; i < 120; i++) {
        sqlite3 *writer = i % 3 ? a : b;
        int rows = i % 60 == 30 ? 4000 : 1 + i % 4; /* 4,000 go to a file of changes */

        fx_must(writer,
                "WITH RECURSIVE s(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM s WHERE i < %d) "
                "INSERT INTO t SELECT %d + i, hex(zeroblob(40)) FROM s",
                rows, n);
        n += rows;
        check(a, n);
        if (i % 5 == 0) check(b, n);
    }
    __atomic_store_n(&stop, 1, __ATOMIC_SEQ_CST);
    assert_int_equal(pthread_join(thread, NULL), 0);
    fx_must(a, "SELECT tarn_flush()");
    check(a, n);
    check(b, n);
    fx_expect(a, "0", "SELECT count(*) FROM cdc_t WHERE filename IS NULL");
    assert_true(archived > 5);
    fx_expect(a, "0", "SELECT count(*) FROM tarn_verify('cdc') WHERE NOT ok");
    sqlite3_close(b);
    sqlite3_close(a);
}

/* A query that has begun to read a large commit's spool file goes on when delivery has removed it. */
static void delivered_while_read(void **state) {
    sqlite3 *a, *b;
    sqlite3_stmt *stmt = NULL;
    int n = 0;
    int i;

    (void)state;
    a = connect_to("a.db");
    fx_must(a,
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF; SELECT tarn_config('autoFlush', "
            "'off'); CREATE TABLE t(x INTEGER PRIMARY KEY, y); SELECT tarn_track('t')");
    for (i = 0; i < 100; i++)
        fx_must(a, "INSERT INTO t VALUES(%d, 'small')", i);
    fx_must(a, "WITH RECURSIVE s(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM s WHERE i < 20000) "
               "INSERT INTO t SELECT 1000 + i, hex(zeroblob(40)) FROM s");
    b = connect_to("a.db");
    assert_int_equal(sqlite3_prepare_v2(b, "SELECT filename, pk FROM cdc_t ORDER BY bookmark, seq",
                                        -1, &stmt, NULL),
                     SQLITE_OK);
    assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
    fx_must(a, "SELECT tarn_flush()");
    do {
        assert_null(sqlite3_column_text(stmt, 0));
        assert_int_equal(sqlite3_column_int(stmt, 1), n < 100 ? n : 1000 + n - 99);
        n++;
    } while (sqlite3_step(stmt) == SQLITE_ROW);
    assert_int_equal(sqlite3_finalize(stmt), SQLITE_OK);
    assert_int_equal(n, 20100);
    fx_expect(b, "20100", "SELECT count(*) FROM cdc_t WHERE filename IS NOT NULL");
    sqlite3_close(b);
    sqlite3_close(a);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(while_it_moves, set_up, tear_down),
        cmocka_unit_test_setup_teardown(delivered_while_read, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
