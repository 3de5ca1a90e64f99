/* test_gap.c: who writes a database without capturing is found out; who captures, or writes what nobody
** captures, is no cause for alarm.
*/
#include "capture_rows.h"

#define GAPS "SELECT count(*), count(gapSince) FROM tarn_collections WHERE gap IS NOT NULL"
#define NONE "0|0;"

static const char *const modes[] = {"delete", "wal"};

static sqlite3 *prepared(const char *name, const char *mode) {
    sqlite3 *db = writer(name);

    must(db,
         "PRAGMA journal_mode = %s; CREATE TABLE t(id INTEGER PRIMARY KEY, v);"
         "CREATE TABLE s(x INTEGER PRIMARY KEY); CREATE TABLE free(x); CREATE INDEX i ON free(x)",
         mode);
    track(db, "t", "{\"namespace\":\"n\"}");
    track(db, "s", "{\"namespace\":\"n\"}");
    return db;
}

static void a_stranger_writes(void **state) {
    size_t i;

    (void)state;
    for (i = 0; i < 2; i++) {
        const char *name = i ? "a1.db" : "a0.db";
        sqlite3 *db = prepared(name, modes[i]);
        sqlite3 *other = stranger(name);
        int round;

        must(db, "INSERT INTO t VALUES(1, 1)");
        for (round = 0; round < 2; round++) {
            must(other, "UPDATE t SET v = 'x%d'", round);
            expect(db, GAPS, NONE); /* it is noted in a transaction of ours */
            must(db, "BEGIN; INSERT INTO t VALUES(5, 5); ROLLBACK");
            expect(db, GAPS, NONE);
            must(db, "INSERT INTO t VALUES(%d, 2)", 10 + round);
            expect(db, GAPS, "2|2;");
            must(other, "UPDATE t SET v = 'y%d'", round);
            must(db, "INSERT INTO t VALUES(%d, 2)", 20 + round); /* once */
            expect(db, "SELECT op, pk FROM tarn_resync('t')",
                   round ? "update|1;update|10;update|11;"
                           "update|20;"
                         : "update|1;update|10;");
            expect(db, GAPS, "1|1;");
            expect(db, "SELECT * FROM tarn_resync('s')", "");
            expect(db, GAPS, NONE);
            flush(db);
            assert_int_equal(manifest_count(name, "n", "t", "\"entry\": \"gap\""), round + 1);
        }
        assert_int_equal(sqlite3_close(other), SQLITE_OK);
        assert_int_equal(sqlite3_close(db), SQLITE_OK);
    }
}

/* Also before the connection's first transaction. */
static void after_opening(void **state) {
    sqlite3 *db = prepared("b.db", "wal");
    sqlite3 *other;

    (void)state;
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    other = stranger("b.db");
    must(other, "INSERT INTO t VALUES(1, 1)");
    db = connect("b.db");
    must(db, "INSERT INTO t VALUES(2, 2)"); /* what came before it can't be known */
    expect(db, GAPS, NONE);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    shell("dd if=/dev/zero of=%s/b.db-spool/writes bs=16 count=1 conv=notrunc status=none", folder);
    db = connect("b.db"); /* nobody has written for a while, so what it finds is settled */
    must(other, "INSERT INTO t VALUES(3, 3)");
    must(db, "INSERT INTO t VALUES(4, 4)");
    expect(db, GAPS, "2|2;");
    expect(db, "SELECT op, pk FROM tarn_resync('t')", "insert|1;insert|3;");
    assert_int_equal(sqlite3_close(other), SQLITE_OK);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

static int serial; /* no value is set twice */
static const char *const harmless[] = {
    "INSERT INTO free VALUES(1)",
    "BEGIN; INSERT INTO free VALUES(2); INSERT INTO t(v) VALUES(2); COMMIT",
    "INSERT INTO t(v) VALUES(3)",
    "BEGIN; INSERT INTO t(v) VALUES(3); ROLLBACK",
    "BEGIN; INSERT INTO free VALUES(3); ROLLBACK",
    "CREATE TABLE IF NOT EXISTS more(x); DROP TABLE more",
    "ANALYZE",
    "PRAGMA user_version = %d",
    "PRAGMA application_id = %d",
    "SELECT tarn_config('countThreshold', 60)",
    "INSERT INTO events(type) VALUES('x')",
    "SELECT tarn_flush()",
    "VACUUM",
    "DELETE FROM free",
    "SELECT count(*) FROM tarn_resync('t')",
    "PRAGMA wal_checkpoint(TRUNCATE)",
};

/* Each of them on this connection, another one of the process, and one of another process. */
static const char *statement;

static void in_another_process(sqlite3 *db) {
    must(db, "%s", statement);
}

static void no_alarm(void **state) {
    size_t i, k;

    (void)state;
    for (i = 0; i < 2; i++) {
        const char *name = i ? "c1.db" : "c0.db";
        sqlite3 *db = prepared(name, modes[i]);
        sqlite3 *other = connect(name);

        for (k = 0; k < sizeof harmless / sizeof *harmless; k++) {
            must(db, harmless[k], ++serial);
            must(db, "INSERT INTO t(v) VALUES('own')");
            must(other, harmless[k], ++serial);
            must(db, "UPDATE t SET v = 'after another' WHERE id = 1");
            must(other, "INSERT INTO s VALUES(NULL)");
            if (number(db, "SELECT count(*) FROM tarn_collections WHERE gap IS NOT NULL"))
                fail_msg("%s: %s", modes[i], harmless[k]);
        }
        for (k = 0; k < 4; k++) {
            statement = harmless[k];
            in_child(name, in_another_process);
            must(db, "INSERT INTO t(v) VALUES('after a child')");
            must(other, "INSERT INTO s VALUES(NULL)");
            if (number(db, "SELECT count(*) FROM tarn_collections WHERE gap IS NOT NULL"))
                fail_msg("%s", statement);
        }
        assert_int_equal(sqlite3_close(other), SQLITE_OK);
        assert_int_equal(sqlite3_close(db), SQLITE_OK);
    }
}

/* Many of all sorts, and no stranger: never a gap. */
static void many_of_all_sorts(void **state) {
    sqlite3 *db[3];
    unsigned seed = 5;
    int i;

    (void)state;
    db[0] = prepared("d.db", "wal");
    db[1] = connect("d.db");
    db[2] = connect("d.db");
    for (i = 0; i < 600; i++) {
        size_t n = sizeof harmless / sizeof *harmless - 6; /* the quick ones */

        seed = seed * 1103515245u + 12345u;
        must(db[(seed >> 16) % 3], harmless[(seed >> 20) % n], ++serial);
    }
    expect(db[0], GAPS, NONE);
    expect(db[0], "SELECT * FROM tarn_resync('t')", "");
    for (i = 0; i < 3; i++)
        assert_int_equal(sqlite3_close(db[i]), SQLITE_OK);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_stranger_writes),
        cmocka_unit_test(after_opening),
        cmocka_unit_test(no_alarm),
        cmocka_unit_test(many_of_all_sorts),
    };

    return cmocka_run_group_tests(tests, folder_begin, folder_end);
}
