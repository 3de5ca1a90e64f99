/* test_capture.c: the capture leaves the application's own work alone, and takes changes once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tarn.h"

static char folder[64];

static sqlite3 *connect_to(const char *name) {
    char path[128];
    char *why = NULL;
    sqlite3 *db = NULL;

    snprintf(path, sizeof path, "%s/%s", folder, name);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    if (tarn_register(db, &why)) fail_msg("%s", why);
    return db;
}

static void must(sqlite3 *db, const char *sql) {
    char *why = NULL;

    if (sqlite3_exec(db, sql, NULL, NULL, &why)) fail_msg("%s: %s", sql, why);
}

static void expect(sqlite3 *db, const char *sql, const char *want) {
    sqlite3_stmt *stmt = NULL;
    const char *got;

    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &stmt, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
    got = (const char *)sqlite3_column_text(stmt, 0);
    assert_string_equal(got ? got : "NULL", want);
    sqlite3_finalize(stmt);
}

/* The schema has moved (the outbox was made by the commit before): the statement that joins the
** transaction is prepared again in the middle of the INSERT, whose cursor must stay where it is. */
static void joining_moves_no_cursor(void **state) {
    sqlite3 *db = connect_to("cursor.db");

    (void)state;
    must(db, "CREATE TABLE u(id INTEGER PRIMARY KEY, x);"
             "INSERT INTO u VALUES(1,1),(2,2),(3,3);"
             "SELECT tarn_track('u');"
             "INSERT INTO u VALUES(4,4);"
             "CREATE TABLE other(x);"
             "INSERT INTO u VALUES(5,5);"
             "BEGIN; CREATE TABLE third(x); INSERT INTO u VALUES(9,9); SAVEPOINT a;"
             "DELETE FROM u; ROLLBACK TO a; INSERT INTO u VALUES(7,7); COMMIT;");
    expect(db, "SELECT group_concat(id) FROM u", "1,2,3,4,5,7,9");
    expect(db, "PRAGMA integrity_check", "ok");
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

static void counters_are_the_applications(void **state) {
    sqlite3 *db = connect_to("counters.db");
    int before;

    (void)state;
    must(db, "CREATE TABLE u(id INTEGER PRIMARY KEY, x); SELECT tarn_track('u')");
    must(db, "INSERT INTO u VALUES(41,1),(42,2)");
    assert_int_equal(sqlite3_changes(db), 2);
    before = sqlite3_total_changes(db);
    must(db, "BEGIN; INSERT INTO u VALUES(50,5); UPDATE u SET x = 0; COMMIT");
    assert_int_equal(sqlite3_changes(db), 3);
    assert_int_equal(sqlite3_total_changes(db) - before, 4);
    assert_int_equal((int)sqlite3_last_insert_rowid(db), 50);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

static void what_cannot_be_tracked(void **state) {
    static const char *const sql[] = {"SELECT tarn_track('nothing')",
                                      "SELECT tarn_track('v')",
                                      "SELECT tarn_track('f')",
                                      "SELECT tarn_track(NULL)",
                                      "SELECT tarn_track('_tarn_settings')",
                                      "SELECT tarn_track('u', '{\"column\":[]}')",
                                      "SELECT tarn_track('u', '{\"columns\":[\"id\"]}')",
                                      "SELECT tarn_track('u', '{\"columns\":[\"y\"]}')",
                                      "SELECT tarn_track('u', '{\"collection\":\"..\"}')",
                                      "SELECT tarn_untrack('u')"};
    sqlite3 *db = connect_to("cannot.db");
    size_t i;

    (void)state;
    must(db, "CREATE TABLE u(id INTEGER PRIMARY KEY, x); CREATE VIEW v AS SELECT 1;"
             "CREATE VIRTUAL TABLE f USING fts5(a); SELECT tarn_config('countThreshold', '60')");
    for (i = 0; i < sizeof sql / sizeof *sql; i++) {
        char *why = NULL;

        assert_int_not_equal(sqlite3_exec(db, sql[i], NULL, NULL, &why), SQLITE_OK);
        assert_non_null(why);
        sqlite3_free(why);
    }
    expect(db, "SELECT count(*) FROM tarn_collections", "0");
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(joining_moves_no_cursor),
        cmocka_unit_test(counters_are_the_applications),
        cmocka_unit_test(what_cannot_be_tracked),
    };

    snprintf(folder, sizeof folder, "%s/tarn-capture-XXXXXX",
             access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    if (!mkdtemp(folder)) return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
