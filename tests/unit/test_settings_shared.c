/* test_settings_shared.c: settings and the choice of the lake where several connections, a rollback
** or a changed mind meet.
*/
#include "outbox_fixture.h"

static void setting_rolled_back(void **state) {
    sqlite3 *db = connect("rolled.db");

    (void)state;
    must(db, "BEGIN; SELECT tarn_config('countThreshold', 7)");
    assert_int_equal(number(db, "SELECT tarn_config('countThreshold')"), 7);
    must(db, "ROLLBACK");
    assert_int_equal(number(db, "SELECT tarn_config('countThreshold')"), 50);
    must(db, "SELECT tarn_config('countThreshold', 8); BEGIN; SAVEPOINT a; "
             "SELECT tarn_config('countThreshold', 9); ROLLBACK TO a");
    assert_int_equal(number(db, "SELECT tarn_config('countThreshold')"), 8);
    must(db, "COMMIT");
    assert_int_equal(number(db, "SELECT tarn_config('countThreshold')"), 8);
    sqlite3_close(db);
}

/* Own commits are no reason to read the settings again; another connection's are. */
static void setting_between_own_commits(void **state) {
    sqlite3 *a = connect("between.db");
    sqlite3 *b = connect("between.db");
    int i;

    (void)state;
    must(a, "PRAGMA journal_mode = wal; SELECT tarn_config('autoFlush', 'off')");
    for (i = 0; i < 20; i++) {
        insert(a, 3 * i);
        must(b, "SELECT tarn_config('prefix', 'p%d')", i);
        if (i % 3 == 0) insert(b, 3 * i + 1);
        must(a, "BEGIN; INSERT INTO events(type, status_code) VALUES('a', %d); COMMIT", 3 * i + 2);
        assert_int_equal(number(a, "SELECT count(*) FROM events"),
                         (i % 3 == 0) + 1); /* the prefix is p<i> only since b has set it */
        must(b, "SELECT tarn_config('prefix', 'other')");
    }
    sqlite3_close(a);
    sqlite3_close(b);
}

static void setting_of_another_connection(void **state) {
    sqlite3 *a = connect("shared.db");
    sqlite3 *b = connect("shared.db");

    (void)state;
    assert_int_equal(number(b, "SELECT tarn_config('countThreshold')"), 50);
    must(a, "SELECT tarn_config('countThreshold', 11)");
    assert_int_equal(number(b, "SELECT tarn_config('countThreshold')"), 11);
    sqlite3_close(a);
    sqlite3_close(b);
}

/* What is stored already is not written again: no lock is needed for it. */
static void setting_said_again(void **state) {
    sqlite3 *a = connect("again.db");
    sqlite3 *b = connect("again.db");

    (void)state;
    must(a, "SELECT tarn_config('countThreshold', 11)");
    must(b, "BEGIN IMMEDIATE");
    (void)sqlite3_busy_timeout(a, 0);
    must(a, "SELECT tarn_config('countThreshold', 11)");
    assert_int_equal(try(a, "SELECT tarn_config('countThreshold', 12)"), SQLITE_BUSY);
    must(b, "ROLLBACK");
    assert_int_equal(number(a, "SELECT tarn_config('countThreshold')"), 11);
    sqlite3_close(a);
    sqlite3_close(b);
}

static void bad_setting_can_be_set_right(void **state) {
    sqlite3 *db = connect("bad.db");

    (void)state;
    must(db, "SELECT tarn_config('countThreshold', 11);"
             "UPDATE _tarn_settings SET value = 'many'");
    sqlite3_close(db);
    db = connect("bad.db");
    assert_int_not_equal(try(db, "SELECT tarn_config('countThreshold')"), SQLITE_OK);
    must(db, "SELECT tarn_config('countThreshold', 12)");
    assert_int_equal(number(db, "SELECT tarn_config('countThreshold')"), 12);
    sqlite3_close(db);
}

static void auto_flush_switched_on(void **state) {
    sqlite3 *db = connect("switch.db");

    (void)state;
    must(db, "SELECT tarn_config('autoFlush', 'off'), tarn_config('timeThresholdMs', 10)");
    insert(db, 1);
    insert(db, 2);
    (void)usleep(100000);
    assert_int_equal(number(db, DELIVERED), 0);
    must(db, "SELECT tarn_config('autoFlush', 'on')");
    assert_true(wait_until(db, DELIVERED, 2));
    must(db, "SELECT tarn_config('autoFlush', 'off')");
    insert(db, 3);
    (void)usleep(100000);
    assert_int_equal(number(db, DELIVERED), 2);
    assert_rows(db, 3);
    sqlite3_close(db);
}

/* --- which lake --- */

static void one_lake_for_all_connections(void **state) {
    sqlite3 *a = connect("lakes.db");
    sqlite3 *b = connect("lakes.db");

    (void)state;
    must(a, "SELECT tarn_config('autoFlush', 'off'), tarn_open('%s/lake-x')", folder);
    insert(a, 1);
    insert(b, 2); /* named in this process: needs no second word */
    assert_rows(b, 2);
    assert_int_not_equal(try(b, "SELECT tarn_open('%s/lake-y')", folder), SQLITE_OK);
    assert_non_null(strstr(sqlite3_errmsg(b), "tarn_flush()"));
    assert_int_equal(number(b, "SELECT tarn_flush()"), 2);
    must(b, "SELECT tarn_open('%s/lake-y')", folder);
    insert(b, 3);
    /* a has named lake-x: its rows don't go there behind b's back, nor b's to x */
    assert_int_not_equal(try(a, "INSERT INTO events(type) VALUES('no')"), SQLITE_OK);
    assert_non_null(strstr(sqlite3_errmsg(a), "lake-y"));
    assert_int_equal(number(a, "SELECT tarn_flush()"), 1);
    assert_int_equal(number(b, DELIVERED), 1);
    sqlite3_close(a);
    sqlite3_close(b);
}

static void a_lake_written_differently(void **state) {
    char uri[128];
    sqlite3 *a = connect("spelt.db");
    sqlite3 *b = NULL;

    (void)state;
    must(a, "SELECT tarn_config('autoFlush', 'off'), tarn_open('%s/lake-s')", folder);
    insert(a, 1);
    snprintf(uri, sizeof uri, "file://%s/./lake-s", folder);
    setenv("TARN_LAKE", uri, 1);
    b = connect("spelt.db");
    insert(b, 2);
    assert_rows(b, 2);
    unsetenv("TARN_LAKE");
    sqlite3_close(a);
    sqlite3_close(b);
}

/* --- the transaction buffer --- */

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(setting_rolled_back),
        cmocka_unit_test(setting_of_another_connection),
        cmocka_unit_test(setting_between_own_commits),
        cmocka_unit_test(setting_said_again),
        cmocka_unit_test(bad_setting_can_be_set_right),
        cmocka_unit_test(auto_flush_switched_on),
        cmocka_unit_test(one_lake_for_all_connections),
        cmocka_unit_test(a_lake_written_differently),
    };
    int rc;

    make_folder();
    rc = cmocka_run_group_tests(tests, NULL, NULL);
    shell("rm -rf %s", folder);
    return rc;
}
