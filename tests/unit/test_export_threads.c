/* tarn_export's way from SQLite to the writer: batches, the thread that takes them, and the two ways
** to read a query. Files are read back through the table `parquet`.
*/
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <unistd.h>

#include <cmocka.h>
#include <sqlite3.h>

#include "mem.h"
#include "tarn.h"

static int no_threads, threads;

int pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*run)(void *), void *arg) {
    int (*real)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);

    if (no_threads) return EAGAIN;
    threads++;
    *(void **)&real = dlsym(RTLD_NEXT, "pthread_create");
    return real(thread, attr, run, arg);
}

struct fixture {
    char dir[64], file[96];
    sqlite3 *db;
};

static void exec(sqlite3 *db, const char *sql) {
    char *message = NULL;

    if (sqlite3_exec(db, sql, NULL, NULL, &message)) fail_msg("%s\n%s", sql, message);
}

static int setup(void **state) {
    struct fixture *f = calloc(1, sizeof *f);
    char path[128];
    char *why = NULL;

    assert_non_null(f);
    (void)snprintf(f->dir, sizeof f->dir, "export-XXXXXX");
    assert_non_null(mkdtemp(f->dir));
    (void)snprintf(f->file, sizeof f->file, "%s/x.parquet", f->dir);
    (void)snprintf(path, sizeof path, "%s/x.db", f->dir);
    assert_int_equal(sqlite3_open(path, &f->db), SQLITE_OK);
    if (tarn_register(f->db, &why)) fail_msg("%s", why);
    exec(f->db, "CREATE TABLE t(i INTEGER, r REAL, s TEXT, b BLOB, n INTEGER);"
                "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 40000) "
                "INSERT INTO t SELECT i, i / 8.0, printf('%06d a text', i * 7919 % 40000), "
                "iif(i % 3, NULL, zeroblob(i % 50)), iif(i % 5, i % 7, NULL) FROM n");
    *state = f;
    return 0;
}

static int teardown(void **state) {
    struct fixture *f = *state;
    char command[128];

    no_threads = 0;
    assert_int_equal(sqlite3_close(f->db), SQLITE_OK);
    (void)snprintf(command, sizeof command, "rm -rf '%s'", f->dir);
    assert_int_equal(system(command), 0);
    free(f);
    return 0;
}

/* The rows written, or -1 with the message in why. */
static long long export(const struct fixture *f, const char *sql, const char *options,
                        char why[300]) {
    sqlite3_stmt *stmt = NULL;
    long long rows = -1;

    assert_int_equal(sqlite3_prepare_v2(f->db, "SELECT tarn_export(?, ?, ?)", -1, &stmt, NULL),
                     SQLITE_OK);
    sqlite3_bind_text(stmt, 1, sql, -1, SQLITE_STATIC);
    sqlite3_bind_text(stmt, 2, f->file, -1, SQLITE_STATIC);
    sqlite3_bind_text(stmt, 3, options, -1, SQLITE_STATIC);
    if (sqlite3_step(stmt) == SQLITE_ROW)
        rows = sqlite3_column_int64(stmt, 0);
    else
        (void)snprintf(why, 300, "%s", sqlite3_errmsg(f->db));
    (void)sqlite3_finalize(stmt);
    return rows;
}

/* Columns a and b have types, so that no window of first rows is looked at. */
static void refused(const struct fixture *f, const char *sql, const char *part) {
    static const char types[] = "{\"types\": {\"a\": \"INT64\", \"b\": \"BLOB\"}}";
    char why[300] = "";

    if (export(f, sql, strstr(sql, "AS b") ? types : NULL, why) >= 0)
        fail_msg("%s was exported", sql);
    if (!strstr(why, part)) fail_msg("%s: expected '%s' in: %s", sql, part, why);
    assert_int_equal(access(f->file, F_OK), -1);
}

/* The file holds the rows of the query, in its order. */
static void same(const struct fixture *f, const char *sql, const char *options) {
    sqlite3_stmt *want = NULL, *have = NULL;
    char why[300] = "";
    char *text = NULL;
    long long rows = export(f, sql, options, why), row = 0;

    if (rows < 0) fail_msg("%s: %s", sql, why);
    text = sqlite3_mprintf("CREATE VIRTUAL TABLE temp.x USING parquet('%q')", f->file);
    exec(f->db, text);
    sqlite3_free(text);
    assert_int_equal(sqlite3_prepare_v2(f->db, sql, -1, &want, NULL), SQLITE_OK);
    assert_int_equal(
        sqlite3_prepare_v2(f->db, "SELECT * FROM temp.x ORDER BY file_row_number", -1, &have, NULL),
        SQLITE_OK);
    while (sqlite3_step(want) == SQLITE_ROW) {
        row++;
        assert_int_equal(sqlite3_step(have), SQLITE_ROW);
        for (int i = 0; i < sqlite3_column_count(want); i++) {
            const void *a = sqlite3_column_blob(want, i), *b = sqlite3_column_blob(have, i);
            int n = sqlite3_column_bytes(want, i);

            if (sqlite3_column_type(want, i) != sqlite3_column_type(have, i) ||
                n != sqlite3_column_bytes(have, i) || (n && memcmp(a, b, (size_t)n) != 0))
                fail_msg("%s: row %lld, column %d differs", sql, row, i);
        }
    }
    assert_int_equal(sqlite3_step(have), SQLITE_DONE);
    assert_int_equal(rows, row);
    (void)sqlite3_finalize(want);
    (void)sqlite3_finalize(have);
    exec(f->db, "DROP TABLE temp.x");
    assert_int_equal(unlink(f->file), 0);
}

static void test_batches(void **state) {
    struct fixture *f = *state;

    threads = 0;
    same(f, "SELECT * FROM t", NULL);
    assert_int_equal(threads, 1); /* batches; the only row group is written by finish */
    same(f, "SELECT * FROM t", "{\"rowGroupSize\": 7000, \"codec\": \"snappy\"}");
    assert_in_range(threads, 3, 8);
    threads = 0;
    same(f, "SELECT * FROM t LIMIT 100", NULL);
    exec(f->db, "SELECT tarn_config('memoryBudget', 8388608)");
    same(f, "SELECT * FROM t", "{\"rowGroupSize\": 7000}");
    assert_int_equal(threads, 0);
    exec(f->db, "SELECT tarn_config('memoryBudget', 268435456)");
    no_threads = 1;
    same(f, "SELECT * FROM t", "{\"rowGroupSize\": 7000}");
    no_threads = 0;
    /* Values larger than a batch, beside small ones. */
    same(f, "SELECT i, hex(zeroblob(iif(i % 40 = 0, 400000, i))) AS h FROM t WHERE i < 200", NULL);
}

static void test_queries(void **state) {
    static const char *const sql[] = {
        "SELECT * FROM t ORDER BY s",
        "SELECT * FROM t ORDER BY s DESC LIMIT 5000 OFFSET 10;",
        "SELECT i, s FROM v",
        "SELECT i, s FROM v WHERE n = 3 -- the end",
        "SELECT n, count(*) AS c, max(s) AS m FROM t GROUP BY n",
        "SELECT DISTINCT n FROM t",
        "SELECT i AS \"order by\", 1 AS \"a \"\"b\"\"\" FROM t;  ",
        "SELECT i FROM t WHERE i < 10 UNION ALL SELECT * FROM (SELECT i FROM t ORDER BY s LIMIT 9)",
        "SELECT i FROM t WHERE i < 10 UNION ALL SELECT i FROM w",
        "SELECT i, row_number() OVER (PARTITION BY n) AS k FROM t WHERE i < 3000",
        "WITH c(a, b) AS (SELECT i, s FROM t) SELECT * FROM c /* not closed",
        "WITH \"tarn_export rows\"(a) AS (SELECT i FROM t) SELECT * FROM \"tarn_export rows\"",
        "VALUES (1, 'a', 2.5), (2, NULL, 3.5)",
        "SELECT i, tarn_export_row(i) AS x FROM t LIMIT 1",
        "SELECT * FROM t WHERE 0",
        "PRAGMA table_info(t)",
    };
    struct fixture *f = *state;
    char *wide = sqlite3_mprintf("SELECT i AS c0");

    exec(f->db, "CREATE VIEW v AS SELECT * FROM t ORDER BY s; CREATE INDEX k ON t(n);"
                "CREATE VIEW w AS SELECT i FROM t WHERE n = 2 ORDER BY s");
    for (size_t i = 0; i < sizeof sql / sizeof *sql; i++)
        same(f, sql[i], NULL);
    for (int i = 1; i < 300; i++)
        wide = sqlite3_mprintf("%z, i + %d AS c%d", wide, i, i);
    wide = sqlite3_mprintf("%z FROM t LIMIT 2000", wide);
    same(f, wide, NULL);
    sqlite3_free(wide);
}

static void test_order_of_errors(void **state) {
    struct fixture *f = *state;
    char why[300];

    /* The row that does not fit comes before the one that can't be read. */
    refused(f, "SELECT iif(i = 30000, 'text', i) AS a, json(iif(i = 30009, '{', 1)) AS b FROM t",
            "column \"a\", row 30000: 'text' does not fit INT64");
    refused(f, "SELECT iif(i = 30009, 'text', i) AS a, json(iif(i = 30000, '{', 1)) AS b FROM t",
            "malformed JSON");
    refused(f, "SELECT iif(i = 39999, 'text', i) AS a, s AS b FROM t", "row 39999");
    refused(f, "SELECT iif(i < 40000, i, 'text') AS a FROM t",
            "column \"a\" holds INTEGER (row 1), TEXT");
    refused(f, "SELECT json(iif(i = 1, '{', i)) AS a FROM t", "malformed JSON");
    exec(f->db, "SELECT tarn_config('memoryBudget', 67108864)");
    refused(f, "SELECT iif(i = 30000, zeroblob(14000000), NULL) AS a, i FROM t",
            "column \"a\", row 30000: a value of 14000000 bytes");
    refused(f, "SELECT i, zeroblob(14000000) AS a FROM t", "column \"a\", row 1: a value");
    refused(f,
            "SELECT iif(i = 29999, 'text', i) AS a, "
            "iif(i = 30000, zeroblob(14000000), NULL) AS b FROM t",
            "row 29999: 'text' does not fit");
    assert_int_equal(export(f, "SELECT i, s FROM t", "{\"sortedBy\":\"s\"}", why), -1);
    assert_non_null(strstr(why, "row 6 is out of order"));
    exec(f->db, "DELETE FROM t WHERE i > 3");
    assert_int_equal(export(f, "SELECT i FROM t", NULL, why), 3);
}

/* Another connection adds a column, which this one's copy of the schema does not have yet. */
static void test_schema(void **state) {
    static const char *const sql[] = {"SELECT * FROM t", "SELECT * FROM t ORDER BY i",
                                      "SELECT * FROM t WHERE 0"};
    struct fixture *f = *state;
    sqlite3 *other = NULL;

    assert_int_equal(sqlite3_open(sqlite3_db_filename(f->db, NULL), &other), SQLITE_OK);
    for (int i = 0; i < 3; i++) {
        char *text = sqlite3_mprintf("ALTER TABLE t ADD COLUMN x%d DEFAULT %d", i, i);
        char *names = sqlite3_mprintf("SELECT x%d FROM temp.x", i);
        char *table = sqlite3_mprintf("CREATE VIRTUAL TABLE temp.x USING parquet('%q')", f->file);
        char why[300] = "";

        exec(f->db, "SELECT count(*) FROM t");
        exec(other, text);
        if (export(f, sql[i], NULL, why) < 0) fail_msg("%s: %s", sql[i], why);
        exec(f->db, table);
        exec(f->db, names);
        exec(f->db, "DROP TABLE temp.x");
        assert_int_equal(unlink(f->file), 0);
        exec(f->db, "SELECT count(*) FROM t");
        text = sqlite3_mprintf("%z; ALTER TABLE t RENAME COLUMN x%d TO y%d", text, i, i);
        exec(other, strchr(text, ';') + 1);
        if (export(f, sql[i], NULL, why) < 0) fail_msg("%s: %s", sql[i], why);
        names[strlen("SELECT ")] = 'y';
        exec(f->db, table);
        exec(f->db, names);
        exec(f->db, "DROP TABLE temp.x");
        assert_int_equal(unlink(f->file), 0);
        sqlite3_free(text);
        sqlite3_free(names);
        sqlite3_free(table);
    }
    assert_int_equal(sqlite3_close(other), SQLITE_OK);
}

static void test_row_function(void **state) {
    struct fixture *f = *state;
    sqlite3_stmt *stmt = NULL;

    assert_int_equal(sqlite3_prepare_v2(f->db,
                                        "SELECT tarn_export_row(1, 'a'), tarn_export_row() FROM t",
                                        -1, &stmt, NULL),
                     SQLITE_OK);
    assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
    assert_int_equal(sqlite3_column_type(stmt, 0), SQLITE_NULL);
    assert_int_equal(sqlite3_column_type(stmt, 1), SQLITE_NULL);
    (void)sqlite3_finalize(stmt);
}

static int interrupt(void *db) {
    sqlite3_interrupt(db);
    return 0;
}

static void test_interrupt(void **state) {
    struct fixture *f = *state;

    for (int steps = 200000; steps < 1500000; steps += 300000) {
        sqlite3_progress_handler(f->db, steps, interrupt, f->db);
        refused(f, "SELECT x.* FROM t AS x, t AS y", "interrupted");
        assert_int_equal(sqlite3_errcode(f->db), SQLITE_INTERRUPT);
    }
    sqlite3_progress_handler(f->db, 0, NULL, NULL);
}

static void test_no_memory(void **state) {
    struct fixture *f = *state;
    long long rows = -1;

    for (unsigned long n = 1; rows < 0; n += 3) {
        char why[300] = "";

        (void)tarn_mem_fail_after(n, 1);
        rows = export(f, "SELECT * FROM t WHERE i < 12000", "{\"rowGroupSize\": 5000}", why);
        (void)tarn_mem_fail_after(0, 0);
        if (rows >= 0) break;
        if (!strstr(why, "memory")) fail_msg("allocation %lu: %s", n, why);
        assert_int_equal(access(f->file, F_OK), -1);
    }
    assert_int_equal(rows, 11999);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_batches),   TEST(test_queries),      TEST(test_order_of_errors),
        TEST(test_schema),    TEST(test_row_function), TEST(test_interrupt),
        TEST(test_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
