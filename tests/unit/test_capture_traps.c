/* test_capture_traps.c: what statements and transactions can do that a capture of changes could miss,
** see twice, or see although it was rolled back: one test each. What hosts can do is in
** test_capture_hosts.c.
*/
#include "capture_fixture.h"

static sqlite3 *db;

/* A table t(id, v) that is tracked, empty. */
static int tracked(void **state) {
    if (trap_begin(state)) return -1;
    db = trap_open("app.db");
    trap_must(db, "CREATE TABLE t(id INTEGER PRIMARY KEY, v); SELECT tarn_track('t')");
    return 0;
}

#define INSERT_1 "insert 1 {\"id\":1,\"v\":\"a\"} -"
#define INSERT_2 "insert 2 {\"id\":2,\"v\":\"b\"} -"
#define INSERT_3 "insert 3 {\"id\":3,\"v\":\"c\"} -"

static sqlite3_stmt *open_reader(sqlite3 *other, const char *table) {
    sqlite3_stmt *reader = NULL;
    char *sql = sqlite3_mprintf("SELECT * FROM \"%w\"", table);

    assert_int_equal(sqlite3_prepare_v2(other, sql, -1, &reader, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(reader), SQLITE_ROW);
    sqlite3_free(sql);
    return reader;
}

static void busy_commit(void **state) {
    sqlite3 *other = trap_plain("app.db");
    sqlite3_stmt *reader;

    (void)state;
    trap_must(db, "INSERT INTO t VALUES(1, 'a')");
    reader = open_reader(other, "t");
    trap_must(db, "BEGIN; INSERT INTO t VALUES(2, 'b')");
    assert_int_equal(trap_try(db, "COMMIT"), SQLITE_BUSY);
    trap_must(db, "INSERT INTO t VALUES(3, 'c'); SAVEPOINT s; INSERT INTO t VALUES(4, 'd')");
    assert_int_equal(trap_try(db, "COMMIT"), SQLITE_BUSY);
    trap_must(db, "ROLLBACK TO s");
    sqlite3_reset(reader);
    trap_must(db, "COMMIT");
    trap_changes(db, "t", INSERT_1 "\n" INSERT_2 "\n" INSERT_3);
    trap_expect(db, "2", "SELECT count(DISTINCT bookmark) FROM cdc_t");
    sqlite3_finalize(reader);
    sqlite3_close(other);
}

static void busy_commit_then_rollback(void **state) {
    sqlite3 *other = trap_plain("app.db");
    sqlite3_stmt *reader;
    char *bookmark;

    (void)state;
    trap_must(db, "INSERT INTO t VALUES(1, 'a')");
    bookmark = trap_rows(db, "SELECT tarn_bookmark()");
    reader = open_reader(other, "t");
    trap_must(db, "BEGIN; INSERT INTO t VALUES(2, 'b')");
    assert_int_equal(trap_try(db, "COMMIT"), SQLITE_BUSY);
    trap_must(db, "ROLLBACK");
    trap_must(db, "BEGIN; SAVEPOINT s; INSERT INTO t VALUES(3, 'c')");
    assert_int_equal(trap_try(db, "COMMIT"), SQLITE_BUSY);
    trap_must(db, "ROLLBACK TO s");
    sqlite3_finalize(reader);
    sqlite3_close(other);
    trap_must(db, "COMMIT"); /* of nothing: the row that is in the outbox already must go */
    trap_expect(db, bookmark, "SELECT tarn_bookmark()");
    trap_changes(db, "t", INSERT_1);
    sqlite3_free(bookmark);
}

static void deferred_foreign_key_fails_the_commit(void **state) {
    (void)state;
    trap_must(db, "PRAGMA foreign_keys = ON; CREATE TABLE c(id INTEGER PRIMARY KEY, p REFERENCES "
                  "t(id) DEFERRABLE INITIALLY DEFERRED); SELECT tarn_track('c')");
    trap_must(db, "BEGIN; INSERT INTO c VALUES(1, 1)");
    assert_int_equal(trap_try(db, "COMMIT"), SQLITE_CONSTRAINT);
    trap_must(db, "INSERT INTO t VALUES(1, 'a'); COMMIT");
    trap_changes(db, "c", "insert 1 {\"id\":1,\"p\":1} -");
    trap_changes(db, "t", INSERT_1);
    trap_expect(db, "1",
                "SELECT count(DISTINCT bookmark) FROM (SELECT bookmark FROM cdc_t UNION ALL "
                "SELECT bookmark FROM cdc_c)");
}

static int veto(void *arg) {
    (void)arg;
    return 1;
}

static void commit_hook_vetoes(void **state) {
    (void)state;
    (void)sqlite3_commit_hook(db, veto, NULL);
    assert_int_equal(trap_try(db, "INSERT INTO t VALUES(9, 'x')"), SQLITE_CONSTRAINT);
    (void)sqlite3_commit_hook(db, NULL, NULL);
    trap_must(db, "INSERT INTO t VALUES(1, 'a')");
    trap_changes(db, "t", INSERT_1);
}

static int stop(void *arg) {
    int *left = arg;

    return --*left < 0;
}

static void interrupted_statement(void **state) {
    int left = 5;

    (void)state;
    trap_must(db, "BEGIN; INSERT INTO t VALUES(1, 'a')");
    sqlite3_progress_handler(db, 100, stop, &left);
    assert_int_equal(trap_try(db, "WITH RECURSIVE s(i) AS (SELECT 10 UNION ALL SELECT i + 1 FROM s "
                                  "WHERE i < 5000) INSERT INTO t SELECT i, i FROM s"),
                     SQLITE_INTERRUPT);
    sqlite3_progress_handler(db, 0, NULL, NULL);
    if (sqlite3_get_autocommit(db)) trap_must(db, "BEGIN; INSERT INTO t VALUES(1, 'a')");
    trap_must(db, "INSERT INTO t VALUES(2, 'b'); COMMIT");
    trap_replays(db, "t", "SELECT CAST(id AS TEXT), json_object('id', id, 'v', v) FROM t");
    trap_expect(db, "2", "SELECT count(*) FROM cdc_t");
}

static void own_tables(void **state) {
    (void)state;
    trap_fails(db, "SELECT tarn_track('_tarn_outbox')", "_tarn_outbox");
    trap_fails(db, "SELECT tarn_track('sqlite_schema')", "sqlite_schema");
    trap_must(db,
              "BEGIN; INSERT INTO t VALUES(1, 'a'); INSERT INTO events(type) VALUES('e'); COMMIT");
    trap_changes(db, "t", INSERT_1);
    trap_expect(db, "t", "SELECT collection FROM tarn_collections");
}

static void replace_deletes(void **state) {
    (void)state;
    trap_must(db, "CREATE TABLE r(id INTEGER PRIMARY KEY, u UNIQUE, w UNIQUE); "
                  "SELECT tarn_track('r'); INSERT INTO r VALUES(1, 'x', NULL), (2, NULL, 'y'), "
                  "(3, NULL, NULL)");
    trap_must(db, "REPLACE INTO r VALUES(3, 'x', 'y')");
    trap_expect(db, "3 x y", "SELECT * FROM r");
    trap_expect(db, "delete 1\ndelete 2\ndelete 3\ninsert 3",
                "SELECT op, pk FROM cdc_r WHERE bookmark = tarn_bookmark() ORDER BY op, pk");
    trap_expect(db, "insert 3",
                "SELECT op, pk FROM cdc_r ORDER BY bookmark DESC, seq DESC LIMIT 1");
    trap_must(db, "INSERT INTO r VALUES(4, 'z', NULL)");
    trap_must(db, "UPDATE OR REPLACE r SET u = 'x' WHERE id = 4");
    trap_expect(db, "delete 3 -\nupdate 4 {\"id\":4,\"u\":\"x\",\"w\":null}",
                "SELECT op, pk, data FROM cdc_r WHERE bookmark = tarn_bookmark() ORDER BY seq");
    trap_replays(db, "r", "SELECT CAST(id AS TEXT), json_object('id', id, 'u', u, 'w', w) FROM r");
}

static void without_rowid(void **state) {
    (void)state;
    trap_must(db, "CREATE TABLE w(v, b TEXT, a INT, PRIMARY KEY(a, b)) WITHOUT ROWID; "
                  "SELECT tarn_track('w'); INSERT INTO w VALUES('v', 'x', 1); "
                  "UPDATE w SET v = 2.5; UPDATE w SET b = 'y'; DELETE FROM w");
    trap_changes(
        db, "w",
        "insert [1,\"x\"] {\"v\":\"v\",\"b\":\"x\",\"a\":1} -\n"
        "update [1,\"x\"] {\"v\":2.5,\"b\":\"x\",\"a\":1} {\"v\":\"v\",\"b\":\"x\",\"a\":1}\n"
        "delete [1,\"x\"] - {\"v\":2.5,\"b\":\"x\",\"a\":1}\n"
        "insert [1,\"y\"] {\"v\":2.5,\"b\":\"y\",\"a\":1} -\n"
        "delete [1,\"y\"] - {\"v\":2.5,\"b\":\"y\",\"a\":1}");
}

/* A key that its column's affinity changes. */
static void rounded_keys(void **state) {
    (void)state;
    trap_must(db, "CREATE TABLE w(k INT PRIMARY KEY, v REAL) WITHOUT ROWID; CREATE TABLE x(k REAL "
                  "PRIMARY KEY, v NUMERIC) WITHOUT ROWID; SELECT tarn_track('w'); SELECT "
                  "tarn_track('x'); INSERT INTO w VALUES('7', 3), (8.0, '4'); INSERT INTO x "
                  "VALUES(1, '5.0'), ('2', 1e3); UPDATE x SET v = v + 1; DELETE FROM w");
    trap_changes(db, "w",
                 "insert 7 {\"k\":7,\"v\":3.0} -\ninsert 8 {\"k\":8,\"v\":4.0} -\n"
                 "delete 7 - {\"k\":7,\"v\":3.0}\ndelete 8 - {\"k\":8,\"v\":4.0}");
    trap_changes(db, "x",
                 "insert 1.0 {\"k\":1.0,\"v\":5} -\ninsert 2.0 {\"k\":2.0,\"v\":1000} -\n"
                 "update 1.0 {\"k\":1.0,\"v\":6} {\"k\":1.0,\"v\":5}\n"
                 "update 2.0 {\"k\":2.0,\"v\":1001} {\"k\":2.0,\"v\":1000}");
}

static void truncating_delete(void **state) {
    (void)state;
    trap_must(db, "INSERT INTO t VALUES(1, 'a'), (2, 'b')");
    trap_must(db, "DELETE FROM t");
    trap_changes(db, "t",
                 INSERT_1 "\n" INSERT_2 "\ndelete 1 - {\"id\":1,\"v\":\"a\"}\n"
                          "delete 2 - {\"id\":2,\"v\":\"b\"}");
}

/* Statements that were compiled while nothing was tracked, by this connection and by another. */
static void delete_prepared_before_tracking(void **state) {
    sqlite3 *mine = trap_open("early.db"), *other;
    sqlite3_stmt *first = NULL, *second = NULL, *copy = NULL;

    (void)state;
    trap_must(mine,
              "CREATE TABLE e(id INTEGER PRIMARY KEY); CREATE TABLE s(id INTEGER PRIMARY KEY);"
              "INSERT INTO e VALUES(1); INSERT INTO s VALUES(5), (6)");
    other = trap_open("early.db");
    assert_int_equal(sqlite3_prepare_v2(mine, "DELETE FROM e", -1, &first, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(other, "DELETE FROM e", -1, &second, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(other, "INSERT INTO e SELECT * FROM s", -1, &copy, NULL),
                     SQLITE_OK);
    trap_must(mine, "SELECT tarn_track('e')");
    assert_int_equal(sqlite3_step(first), SQLITE_DONE);
    sqlite3_reset(first);
    assert_int_equal(sqlite3_step(copy), SQLITE_DONE);
    sqlite3_reset(copy);
    assert_int_equal(sqlite3_step(second), SQLITE_DONE);
    sqlite3_finalize(first);
    sqlite3_finalize(second);
    sqlite3_finalize(copy);
    trap_changes(mine, "e",
                 "delete 1 - {\"id\":1}\ninsert 5 {\"id\":5} -\ninsert 6 {\"id\":6} -\n"
                 "delete 5 - {\"id\":5}\ndelete 6 - {\"id\":6}");
}

static void table_copied_whole(void **state) {
    (void)state;
    trap_must(db,
              "CREATE TABLE s(id INTEGER PRIMARY KEY, v); INSERT INTO s VALUES(1, 'a'), (2, 'b'); "
              "INSERT INTO t SELECT * FROM s");
    trap_changes(db, "t", INSERT_1 "\n" INSERT_2);
}

static void foreign_key_cascades(void **state) {
    (void)state;
    trap_must(
        db,
        "PRAGMA foreign_keys = ON; CREATE TABLE c(id INTEGER PRIMARY KEY, p INT REFERENCES t(id) "
        "ON DELETE CASCADE ON UPDATE CASCADE); CREATE TABLE n(id INTEGER PRIMARY KEY, p INT "
        "REFERENCES t(id) ON DELETE SET NULL ON UPDATE CASCADE); SELECT tarn_track('c'), "
        "tarn_track('n'); INSERT INTO t VALUES(1, 'a'); INSERT INTO c VALUES(10, 1); "
        "INSERT INTO n VALUES(20, 1); UPDATE t SET id = 2; DELETE FROM t");
    trap_changes(
        db, "c",
        "insert 10 {\"id\":10,\"p\":1} -\nupdate 10 {\"id\":10,\"p\":2} {\"id\":10,\"p\":1}\n"
        "delete 10 - {\"id\":10,\"p\":2}");
    trap_changes(
        db, "n",
        "insert 20 {\"id\":20,\"p\":1} -\nupdate 20 {\"id\":20,\"p\":2} {\"id\":20,\"p\":1}\n"
        "update 20 {\"id\":20,\"p\":null} {\"id\":20,\"p\":2}");
    trap_changes(db, "t",
                 INSERT_1 "\ndelete 1 - {\"id\":1,\"v\":\"a\"}\ninsert 2 {\"id\":2,\"v\":\"a\"} -\n"
                          "delete 2 - {\"id\":2,\"v\":\"a\"}");
}

static void triggers(void **state) {
    (void)state;
    trap_must(db,
              "CREATE TABLE log(id INTEGER PRIMARY KEY, what); CREATE TABLE free(x); "
              "SELECT tarn_track('log'); "
              "CREATE TRIGGER a BEFORE INSERT ON t BEGIN INSERT INTO log(what) VALUES('t'); END; "
              "CREATE TRIGGER b AFTER INSERT ON free BEGIN INSERT INTO log(what) VALUES('f'); END; "
              "CREATE TEMP TRIGGER c AFTER INSERT ON free BEGIN INSERT INTO log(what) "
              "VALUES('temp'); END; CREATE VIEW v AS SELECT 1 AS x; CREATE TRIGGER d INSTEAD OF "
              "INSERT ON v BEGIN UPDATE log SET what = 'v' WHERE id = 1; END");
    trap_must(db,
              "INSERT INTO t VALUES(1, 'a'); INSERT INTO free VALUES(1); INSERT INTO v VALUES(1)");
    trap_replays(db, "log",
                 "SELECT CAST(id AS TEXT), json_object('id', id, 'what', what) FROM log");
    trap_expect(db, "4", "SELECT count(*) FROM cdc_log");
    trap_changes(db, "t", INSERT_1);
}

static void recursive_triggers(void **state) {
    (void)state;
    trap_must(
        db, "PRAGMA recursive_triggers = ON; CREATE TRIGGER a AFTER INSERT ON t WHEN new.id < 40 "
            "BEGIN INSERT INTO t VALUES(new.id + 1, 'r'); END; "
            "CREATE TRIGGER b AFTER DELETE ON t WHEN old.id = 40 BEGIN UPDATE t SET v = 'd' WHERE "
            "id = 39; END; INSERT INTO t VALUES(1, 'a'); REPLACE INTO t VALUES(40, 'last')");
    trap_replays(db, "t", "SELECT CAST(id AS TEXT), json_object('id', id, 'v', v) FROM t");
    trap_expect(db, "insert 41\ndelete 1\nupdate 1",
                "SELECT op, count(*) FROM cdc_t GROUP BY op ORDER BY 2 DESC, 1");
}

static void upsert(void **state) {
    (void)state;
    trap_must(db,
              "INSERT INTO t VALUES(1, 'a'); INSERT INTO t VALUES(1, 'z'), (2, 'b') ON CONFLICT DO "
              "UPDATE SET v = excluded.v; INSERT INTO t VALUES(1, 'n') ON CONFLICT DO NOTHING");
    trap_changes(db, "t",
                 INSERT_1 "\nupdate 1 {\"id\":1,\"v\":\"z\"} {\"id\":1,\"v\":\"a\"}\n" INSERT_2);
}

static void or_fail_keeps_what_came_before(void **state) {
    (void)state;
    trap_must(db, "INSERT INTO t VALUES(3, 'c')");
    assert_int_equal(trap_try(db, "INSERT OR FAIL INTO t VALUES(1, 'a'), (3, 'x'), (2, 'b')"),
                     SQLITE_CONSTRAINT);
    trap_changes(db, "t", INSERT_3 "\n" INSERT_1);
}

static void or_abort_keeps_nothing(void **state) {
    (void)state;
    trap_must(db, "INSERT INTO t VALUES(3, 'c'); BEGIN; INSERT INTO t VALUES(1, 'a')");
    assert_int_equal(trap_try(db, "INSERT INTO t VALUES(5, 'a'), (3, 'x'), (6, 'b')"),
                     SQLITE_CONSTRAINT);
    assert_int_equal(trap_try(db, "UPDATE t SET id = 7 - id"), SQLITE_OK);
    assert_int_equal(trap_try(db, "UPDATE t SET id = 9"), SQLITE_CONSTRAINT);
    trap_must(db, "COMMIT");
    trap_replays(db, "t", "SELECT CAST(id AS TEXT), json_object('id', id, 'v', v) FROM t");
    trap_expect(db, "6", "SELECT count(*) FROM cdc_t"); /* 2 inserts, 2 moved keys */
}

static void or_ignore_leaves_rows_out(void **state) {
    (void)state;
    trap_must(db, "INSERT INTO t VALUES(3, 'c'); INSERT OR IGNORE INTO t VALUES(1, 'a'), (3, 'x'), "
                  "(2, 'b')");
    trap_changes(db, "t", INSERT_3 "\n" INSERT_1 "\n" INSERT_2);
}

static void or_rollback_ends_all(void **state) {
    (void)state;
    trap_must(db, "INSERT INTO t VALUES(1, 'a'); BEGIN; INSERT INTO t VALUES(2, 'x')");
    assert_int_equal(trap_try(db, "INSERT OR ROLLBACK INTO t VALUES(5, 'y'), (1, 'z')"),
                     SQLITE_CONSTRAINT);
    assert_true(sqlite3_get_autocommit(db));
    trap_must(db, "INSERT INTO t VALUES(2, 'b')");
    trap_changes(db, "t", INSERT_1 "\n" INSERT_2);
}

static void savepoints(void **state) {
    (void)state;
    trap_must(db,
              "SAVEPOINT a; SAVEPOINT b; INSERT INTO t VALUES(1, 'x'); ROLLBACK TO b; "
              "INSERT INTO t VALUES(1, 'a'); SAVEPOINT c; INSERT INTO t VALUES(7, 'x'); SAVEPOINT "
              "d; INSERT INTO t VALUES(8, 'x'); RELEASE d; ROLLBACK TO c; RELEASE c; INSERT INTO t "
              "VALUES(2, 'b'); RELEASE b; RELEASE a");
    trap_changes(db, "t", INSERT_1 "\n" INSERT_2);
    trap_must(db, "BEGIN; SAVEPOINT a; INSERT INTO t VALUES(9, 'x'); ROLLBACK TO a; COMMIT");
    trap_changes(db, "t", INSERT_1 "\n" INSERT_2);
}

static void blob_write(void **state) {
    sqlite3_blob *blob = NULL;

    (void)state;
    trap_must(db, "INSERT INTO t VALUES(1, 'a'), (2, 'bbbb'), (3, x'0000')");
    assert_int_equal(sqlite3_blob_open(db, "main", "t", "v", 2, 1, &blob), SQLITE_OK);
    assert_int_equal(sqlite3_blob_write(blob, "X", 1, 1), SQLITE_OK);
    assert_int_equal(sqlite3_blob_write(blob, "Y", 1, 3), SQLITE_OK);
    assert_int_equal(sqlite3_blob_reopen(blob, 3), SQLITE_OK);
    assert_int_equal(sqlite3_blob_write(blob, "\xff", 1, 0), SQLITE_OK);
    assert_int_equal(sqlite3_blob_close(blob), SQLITE_OK);
    trap_expect(
        db, "2 {\"id\":2,\"v\":\"bXbY\"}\n3 {\"id\":3,\"v\":{\"$blob\":\"ff00\"}}",
        "SELECT pk, data FROM (SELECT *, row_number() OVER (PARTITION BY pk ORDER BY bookmark "
        "DESC, seq DESC) n FROM cdc_t) WHERE n = 1 AND op = 'update' ORDER BY pk");
    trap_must(db, "BEGIN");
    assert_int_equal(sqlite3_blob_open(db, "main", "t", "v", 1, 1, &blob), SQLITE_OK);
    assert_int_equal(sqlite3_blob_write(blob, "Q", 1, 0), SQLITE_OK);
    assert_int_equal(sqlite3_blob_close(blob), SQLITE_OK);
    trap_must(db, "UPDATE t SET v = v || '!' WHERE id = 1; DELETE FROM t WHERE id = 3; COMMIT");
    trap_expect(db, "{\"id\":1,\"v\":\"Q!\"}",
                "SELECT data FROM cdc_t WHERE pk = '1' ORDER BY bookmark DESC, seq DESC LIMIT 1");
    trap_must(db, "BEGIN");
    assert_int_equal(sqlite3_blob_open(db, "main", "t", "v", 1, 1, &blob), SQLITE_OK);
    assert_int_equal(sqlite3_blob_write(blob, "R", 1, 0), SQLITE_OK);
    assert_int_equal(sqlite3_blob_close(blob), SQLITE_OK);
    trap_must(db, "ROLLBACK");
    trap_expect(db, "{\"id\":1,\"v\":\"Q!\"}",
                "SELECT data FROM cdc_t WHERE pk = '1' ORDER BY bookmark DESC, seq DESC LIMIT 1");
}

static void long_rows(void **state) {
    (void)state;
    trap_must(db, "INSERT INTO t VALUES(1, zeroblob(1000000)); UPDATE t SET v = hex(v); "
                  "INSERT INTO t VALUES(2, 'b')");
    trap_expect(db, "insert 2000025 -\nupdate 2000015 2000025\ninsert 16 -",
                "SELECT op, length(data), length(prev) FROM cdc_t ORDER BY bookmark, seq");
    trap_must(db, "SELECT tarn_flush()");
    trap_expect(db, "insert 2000025 -\nupdate 2000015 2000025\ninsert 16 -",
                "SELECT op, length(data), length(prev) FROM cdc_t ORDER BY bookmark, seq");
}

#define T(f) cmocka_unit_test_setup_teardown(f, tracked, trap_end)

int main(void) {
    const struct CMUnitTest tests[] = {
        T(busy_commit),
        T(busy_commit_then_rollback),
        T(deferred_foreign_key_fails_the_commit),
        T(commit_hook_vetoes),
        T(interrupted_statement),
        T(own_tables),
        T(replace_deletes),
        T(without_rowid),
        T(rounded_keys),
        T(truncating_delete),
        T(delete_prepared_before_tracking),
        T(table_copied_whole),
        T(foreign_key_cascades),
        T(triggers),
        T(recursive_triggers),
        T(upsert),
        T(or_fail_keeps_what_came_before),
        T(or_abort_keeps_nothing),
        T(or_ignore_leaves_rows_out),
        T(or_rollback_ends_all),
        T(savepoints),
        T(blob_write),
        T(long_rows),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
