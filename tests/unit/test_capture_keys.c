/* test_capture_keys.c: keys that hold NULL, and names that a rowid has or hasn't.
*/
#include "tracked_rows.h"

#define CHANGES "SELECT op, pk, data, prev FROM cdc_t"

/* SQLite lets the key of a rowid table be NULL, any number of times. */
static void null_keys(void **state) {
    static const char want[] = "update|[null,1]|{\"k\":null,\"v\":9}|{\"k\":null,\"v\":1};"
                               "delete|[null,2]|-|{\"k\":null,\"v\":2};"
                               "delete|[null,1]|-|{\"k\":null,\"v\":9};"
                               "insert|[null,50]|{\"k\":null,\"v\":9}|-;"
                               "delete|[null,50]|-|{\"k\":null,\"v\":9};"
                               "insert|q|{\"k\":\"q\",\"v\":9}|-;"
                               "delete|q|-|{\"k\":\"q\",\"v\":9};"
                               "insert|[null,50]|{\"k\":null,\"v\":9}|-;"
                               "insert|\"[null,50]\"|{\"k\":\"[null,50]\",\"v\":0}|-;";
    sqlite3 *db = writer("a.db");

    (void)state;
    must(db, "CREATE TABLE t(k TEXT PRIMARY KEY, v); "
             "INSERT INTO t VALUES(NULL, 1), (NULL, 2), ('x', 3)");
    track(db, "t", "");
    see(db, "a", "t");
    must(db, "UPDATE t SET v = 9 WHERE v = 1; DELETE FROM t WHERE v = 2;"
             "UPDATE t SET rowid = 50 WHERE v = 9; UPDATE t SET k = 'q' WHERE v = 9;"
             "UPDATE t SET k = NULL WHERE v = 9; INSERT INTO t VALUES('[null,50]', 0)");
    expect(db, CHANGES, want);
    flush(db);
    expect(db, CHANGES, want);
    must(db, "CREATE VIRTUAL TABLE base USING parquet('%s/a.db-lake/cdc/a/t/data.parquet')",
         folder);
    expect(db, "SELECT pk, data FROM base",
           "[null,1]|{\"k\":null,\"v\":1};[null,2]|{\"k\":null,\"v\":2};x|{\"k\":\"x\",\"v\":3};");
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

/* Without the row before, a delete has its key only. */
static void null_keys_of_several_columns(void **state) {
    static const char want[] = "delete|[1,null,7]|-|-;"
                               "update|[2,null,8]|{\"a\":2,\"b\":null,\"v\":\"y\"}|-;";
    sqlite3 *db = writer("b.db");

    (void)state;
    must(db, "CREATE TABLE t(a, b, v, PRIMARY KEY(a, b)); "
             "INSERT INTO t(rowid, a, b) VALUES(7, 1, NULL), (8, 2, NULL), (9, 2, NULL)");
    track(db, "t", "{\"trackPrevious\":false}");
    see(db, "b", "t");
    must(db, "DELETE FROM t WHERE rowid = 7; UPDATE t SET v = 'y' WHERE rowid = 8");
    expect(db, CHANGES, want);
    flush(db);
    expect(db, CHANGES, want);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

/* sqlite3_blob_write into a row with a NULL key. */
static void null_key_blob(void **state) {
    sqlite3 *db = writer("c.db");
    sqlite3_blob *blob = NULL;

    (void)state;
    must(db, "CREATE TABLE t(k TEXT PRIMARY KEY, v); INSERT INTO t VALUES(NULL, x'0011')");
    track(db, "t", "");
    see(db, "c", "t");
    assert_int_equal(sqlite3_blob_open(db, "main", "t", "v", 1, 1, &blob), SQLITE_OK);
    assert_int_equal(sqlite3_blob_write(blob, "\x22", 1, 0), SQLITE_OK);
    assert_int_equal(sqlite3_blob_close(blob), SQLITE_OK);
    expect(db, CHANGES,
           "update|[null,1]|{\"k\":null,\"v\":{\"$blob\":\"2211\"}}|"
           "{\"k\":null,\"v\":{\"$blob\":\"0011\"}};");
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

/* VACUUM renumbers rowids: who has them in pk, has a gap. */
static int64_t gaps_after_vacuum(const char *name, const char *key, const char *value) {
    sqlite3 *db = writer(name);
    int64_t n;

    must(db, "CREATE TABLE t(k %s, v); INSERT INTO t VALUES(%s, 1)", key, value);
    track(db, "t", "{\"namespace\":\"n\"}");
    must(db, "INSERT INTO t VALUES(5, 5); VACUUM; UPDATE t SET v = 2; SELECT tarn_flush()");
    n = manifest_count(name, "n", "t", "\"entry\": \"gap\"");
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    return n;
}

static void vacuum(void **state) {
    (void)state;
    assert_int_equal(gaps_after_vacuum("v1.db", "TEXT", "'x'"), 1);
    assert_int_equal(gaps_after_vacuum("v2.db", "TEXT PRIMARY KEY", "NULL"), 1);
    assert_int_equal(gaps_after_vacuum("v3.db", "TEXT PRIMARY KEY", "'x'"), 0);
    assert_int_equal(gaps_after_vacuum("v4.db", "INTEGER PRIMARY KEY", "7"), 0);
}

/* Columns may be called as the rowid is, also those that are left out. */
static void names_of_the_rowid(void **state) {
    sqlite3 *db = writer("r.db");

    (void)state;
    must(db, "CREATE TABLE t(rowid, oid, v); INSERT INTO t(_rowid_, rowid, oid) VALUES(7, 1, 2)");
    track(db, "t", "{\"columns\":[\"oid\"]}");
    see(db, "r", "t");
    must(db, "UPDATE t SET v = 3; SELECT tarn_flush()");
    expect(db, CHANGES, "update|7|{\"rowid\":1,\"v\":3}|{\"rowid\":1,\"v\":null};");
    must(db, "CREATE VIRTUAL TABLE base USING parquet('%s/r.db-lake/cdc/r/t/data.parquet')",
         folder);
    expect(db, "SELECT pk, data FROM base", "7|{\"rowid\":1,\"v\":null};");
    must(db,
         "CREATE TABLE none(rowid, oid, _rowid_); CREATE TABLE named(rowid, oid, _rowid_ INTEGER "
         "PRIMARY KEY); CREATE TABLE keyed(rowid, oid, _rowid_ PRIMARY KEY) WITHOUT ROWID");
    fails(db, "SELECT tarn_track('none')", "all three names of the rowid");
    track(db, "named", "");
    track(db, "keyed", "");
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

static void names_that_are_no_text(void **state) {
    sqlite3 *db = writer("u.db");

    (void)state;
    must(db, "CREATE TABLE t(k INTEGER PRIMARY KEY, \"v\xff\"); CREATE TABLE \"w\xff\"(x)");
    fails(db, "SELECT tarn_track('t')", "not valid UTF-8");
    fails(db, "SELECT tarn_track('w\xff')", "UTF-8");
    fails(db, "SELECT tarn_track('w\xff', '{\"collection\":\"w\"}')", "UTF-8");
    must(db, "INSERT INTO t VALUES(1, 2)");
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(null_keys),          cmocka_unit_test(null_keys_of_several_columns),
        cmocka_unit_test(null_key_blob),      cmocka_unit_test(vacuum),
        cmocka_unit_test(names_of_the_rowid), cmocka_unit_test(names_that_are_no_text),
    };

    return cmocka_run_group_tests(tests, folder_begin, folder_end);
}
