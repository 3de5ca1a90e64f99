/* test_resync.c: tarn_resync, and the state of a collection that it compares with: now, at bookmarks, and
** where two copies of a database write one lake.
*/
#include "tracked_rows.h"

#include "conn.h"
#include "state.h"

#define MISSING "SELECT op, pk FROM tarn_resync('t')"

/* What the stranger does to t (id INTEGER PRIMARY KEY, v). */
static void meddle(const char *name, const char *sql) {
    sqlite3 *other = stranger(name);

    must(other, "%s", sql);
    assert_int_equal(sqlite3_close(other), SQLITE_OK);
}

/* Nothing is missing any more, whether it waits or has been delivered. */
static void settled(sqlite3 *db) {
    expect(db, MISSING, "");
    flush(db);
    expect(db, MISSING, "");
}

static void missing_changes(void **state) {
    sqlite3 *db = writer("a.db");
    int flushed;

    (void)state;
    must(db, "CREATE TABLE t(id INTEGER PRIMARY KEY, v);"
             "INSERT INTO t VALUES(1, 1), (2, 2.5), (3, 'x'), (4, x'00ff'), (5, NULL), (6, '6')");
    track(db, "t", "{\"namespace\":\"n\"}");
    see(db, "n", "t");
    settled(db);
    for (flushed = 0; flushed < 2; flushed++) {
        meddle("a.db",
               "UPDATE t SET v = 2 WHERE id = 2; DELETE FROM t WHERE id IN (3, 5);"
               "INSERT INTO t VALUES(70, 'new'), (-8, 1e300); UPDATE t SET v = 6 WHERE id = 6");
        expect(db, "SELECT op, pk FROM tarn_resync('t')",
               "insert|-8;update|2;delete|3;delete|5;update|6;insert|70;");
        settled(db);
        meddle("a.db", "DELETE FROM t; INSERT INTO t VALUES(1, 1), (2, 2.5), (3, 'x'), "
                       "(4, x'00ff'), (5, NULL), (6, '6')");
        expect(db, "SELECT count(*) FROM tarn_resync('t')", "6;");
        if (flushed == 0) flush(db);
    }
    expect(db,
           "SELECT op, pk, data, prev FROM cdc_t WHERE pk IN ('-8', '2', '3') ORDER BY bookmark "
           "LIMIT 6",
           "insert|-8|{\"id\":-8,\"v\":1e+300}|-;"
           "update|2|{\"id\":2,\"v\":2}|{\"id\":2,\"v\":2.5};"
           "delete|3|-|{\"id\":3,\"v\":\"x\"};"
           "delete|-8|-|{\"id\":-8,\"v\":1e+300};"
           "update|2|{\"id\":2,\"v\":2.5}|{\"id\":2,\"v\":2};"
           "insert|3|{\"id\":3,\"v\":\"x\"}|-;");
    flush(db);
    assert_true(manifest_count("a.db", "n", "t", "\"entry\": \"resync\"") >= 4);
    assert_true(manifest_count("a.db", "n", "t", "\"inserted\": 2") >= 2);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

/* The base has not been delivered yet: its file is read. */
static void base_waits(void **state) {
    sqlite3 *db = writer("b.db");

    (void)state;
    must(db, "CREATE TABLE t(a TEXT, b, v, PRIMARY KEY(a, b)) WITHOUT ROWID;"
             "INSERT INTO t VALUES('x', 1, 1), ('x', 2, 2), ('y', 1, 3)");
    track(db, "t", "{\"trackPrevious\":false}");
    must(db, "UPDATE t SET v = 9 WHERE a = 'y'");
    meddle("b.db", "DELETE FROM t WHERE b = 2; UPDATE t SET v = 8 WHERE a = 'y'");
    expect(db, MISSING, "delete|[\"x\",2];update|[\"y\",1];");
    track(db, "t", "{\"columns\":[\"v\"]}"); /* anew: another base waits */
    meddle("b.db", "INSERT INTO t VALUES('z', 'z', 'z'); UPDATE t SET v = 1 WHERE a = 'y'");
    expect(db, MISSING, "insert|[\"z\",\"z\"];");
    settled(db);
    see(db, "b", "t");
    expect(db, "SELECT op, pk, data, prev FROM cdc_t ORDER BY bookmark DESC LIMIT 1",
           "insert|[\"z\",\"z\"]|{\"a\":\"z\",\"b\":\"z\"}|-;");
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

static void null_keys(void **state) {
    sqlite3 *db = writer("c.db");

    (void)state;
    must(db, "CREATE TABLE t(k PRIMARY KEY, v); INSERT INTO t VALUES(NULL, 1), (NULL, 2), (7, 3)");
    track(db, "t", "");
    meddle("c.db", "UPDATE t SET v = 9 WHERE v = 2; INSERT INTO t VALUES(NULL, 4);"
                   "DELETE FROM t WHERE v = 1");
    expect(db, MISSING, "delete|[null,1];update|[null,2];insert|[null,4];");
    settled(db);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

/* A column that came later has its default in rows that were captured before: nothing is missing. One
** that was renamed is another one. */
static void changed_columns(void **state) {
    sqlite3 *db = writer("d.db");

    (void)state;
    must(db,
         "CREATE TABLE t(id INTEGER PRIMARY KEY, v, w); INSERT INTO t VALUES(1, 1, 1), (2, 2, 2)");
    track(db, "t", "");
    meddle("d.db", "ALTER TABLE t ADD COLUMN z INTEGER DEFAULT '5'; ALTER TABLE t DROP COLUMN w;"
                   "UPDATE t SET z = NULL WHERE id = 2");
    expect(db, MISSING, "update|2;");
    settled(db);
    must(db, "ALTER TABLE t RENAME COLUMN v TO u");
    expect(db, MISSING, "update|1;update|2;");
    settled(db);
    see(db, "d", "t");
    expect(db, "SELECT data, prev FROM cdc_t WHERE pk = '2' ORDER BY bookmark LIMIT 1",
           "{\"id\":2,\"v\":2,\"z\":null}|{\"id\":2,\"v\":2,\"z\":5};");
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

static void refused(void **state) {
    sqlite3 *db = writer("e.db");

    (void)state;
    must(db, "CREATE TABLE t(id INTEGER PRIMARY KEY, v); CREATE TABLE o(x)");
    fails(db, "SELECT * FROM tarn_resync('t')", "not tracked");
    track(db, "t", "");
    must(db, "INSERT INTO t VALUES(1, 1), (2, 2); BEGIN");
    fails(db, "SELECT * FROM tarn_resync('t')", "a transaction of its own");
    must(db, "COMMIT");
    fails(db, "SELECT * FROM tarn_resync('o')", "not tracked");
    fails(db, "SELECT * FROM tarn_resync(NULL)", "needs a table's name");
    must(db, "DROP TABLE t; CREATE TABLE t(a, b, PRIMARY KEY(a, b)); INSERT INTO t VALUES(5, 5)");
    fails(db, "SELECT * FROM tarn_resync('t')", "another key now");
    assert_int_equal(sqlite3_get_autocommit(db), 1);
    must(db, "SELECT tarn_untrack('t'), tarn_track('t')");
    settled(db);
    must(db,
         "DROP TABLE t; CREATE TABLE t(c, a, d, b, PRIMARY KEY(a, b)); INSERT INTO t VALUES(1, 5, "
         "5, 5), (1, 6, 6, 6)");
    expect(db, MISSING, "");
    settled(db);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

/* No busy connection, no half-done resync. */
static void busy(void **state) {
    sqlite3 *db = writer("f.db");
    sqlite3 *other;

    (void)state;
    must(db, "CREATE TABLE t(id INTEGER PRIMARY KEY, v)");
    track(db, "t", "");
    other = stranger("f.db");
    must(other, "BEGIN IMMEDIATE; INSERT INTO t VALUES(1, 1)");
    (void)sqlite3_busy_timeout(db, 0);
    assert_int_equal(try(db, MISSING), SQLITE_BUSY);
    must(other, "COMMIT");
    sqlite3_close(other);
    expect(db, MISSING, "insert|1;");
    settled(db);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

/* Many rows, of which few have changed. */
static void many(void **state) {
    sqlite3 *db = writer("g.db");

    (void)state;
    must(db, "CREATE TABLE t(id INTEGER PRIMARY KEY, v);"
             "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 30000) "
             "INSERT INTO t SELECT i, hex(zeroblob(i %% 50)) FROM n");
    track(db, "t", "");
    must(db, "UPDATE t SET v = id WHERE id %% 3 = 0");
    flush(db);
    must(db, "DELETE FROM t WHERE id %% 4 = 0");
    meddle("g.db", "UPDATE t SET v = 'm' WHERE id % 1000 = 1; DELETE FROM t WHERE id > 29990");
    expect(db, "SELECT op, count(*) FROM tarn_resync('t') GROUP BY op ORDER BY op",
           "delete|7;update|30;");
    settled(db);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

static char *held_at(sqlite3 *db, const char *collection, const char *bookmark) {
    sqlite3_str *out = sqlite3_str_new(NULL);
    struct tarn_conn *c = NULL;
    struct tarn_state_spec spec = {.collection = collection, .memory_budget = 64 << 20};
    struct tarn_state_row row;
    struct tarn_state *s = NULL;
    struct tarn_bookmark at;
    struct tarn_err err = {0};
    int more = 1;

    assert_int_equal(tarn_conn_new(&c, db), 0);
    assert_int_equal(tarn_conn_refresh(c, &err), 0);
    spec.conn = c;
    if (bookmark) {
        assert_int_equal(tarn_bookmark_parse(&at, bookmark, strlen(bookmark)), 0);
        spec.at = &at;
    }
    if (tarn_state_open(&s, &spec, &err)) fail_msg("%s", err.msg);
    while (tarn_state_next(s, &row, &more, &err) == 0 && more)
        sqlite3_str_appendf(out, "%.*s=%.*s;", (int)row.pk.len, row.pk.data, (int)row.data.len,
                            row.data.data);
    assert_int_equal(err.code, 0);
    tarn_state_free(s);
    tarn_conn_unref(c);
    sqlite3_str_append(out, "", 0);
    return sqlite3_str_finish(out);
}

static void held(sqlite3 *db, const char *collection, const char *bookmark, const char *want) {
    char *got = held_at(db, collection, bookmark);

    assert_string_equal(got ? got : "", want);
    sqlite3_free(got);
}

/* The state at each bookmark is what the table held then. */
static void state_at_bookmarks(void **state) {
    sqlite3 *db = writer("h.db");
    char *bookmarks[12] = {NULL};
    char *want[12] = {NULL};
    int i;

    (void)state;
    must(db, "CREATE TABLE t(id INTEGER PRIMARY KEY, v); INSERT INTO t VALUES(1, 1), (2, 2)");
    track(db, "t", "");
    for (i = 0; i < 12; i++) {
        must(db, "INSERT OR REPLACE INTO t VALUES(%d, %d); DELETE FROM t WHERE id = %d", i % 5, i,
             (i * 3) % 7);
        if (i % 4 == 1) flush(db);
        bookmarks[i] = rows_text(db, "SELECT tarn_bookmark()");
        bookmarks[i][55] = 0;
        want[i] = rows_text(db, "SELECT coalesce(group_concat(id || '={\"id\":' || id || ',\"v\":' "
                                "|| v || '};', ''), '') FROM (SELECT * FROM t ORDER BY id)");
        want[i][strlen(want[i]) - 1] = 0;
    }
    for (i = 0; i < 12; i++)
        held(db, "h/t", bookmarks[i], want[i]);
    held(db, "h/t", NULL, want[11]);
    flush(db);
    for (i = 0; i < 12; i++) {
        held(db, "h/t", bookmarks[i], want[i]);
        sqlite3_free(bookmarks[i]);
        sqlite3_free(want[i]);
    }
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

/* Two copies of a database go on in one lake: each has its own history. */
static void copies(void **state) {
    sqlite3 *a = writer("i.db");
    sqlite3 *b;

    (void)state;
    must(a, "CREATE TABLE t(id INTEGER PRIMARY KEY, v); SELECT tarn_open('%s/i-lake')", folder);
    track(a, "t", "{\"namespace\":\"n\"}");
    must(a, "INSERT INTO t VALUES(1, 'both'); SELECT tarn_flush()");
    shell("cp %s/i.db %s/j.db", folder, folder);
    must(a, "INSERT INTO t VALUES(2, 'a'); SELECT tarn_flush(); DELETE FROM t WHERE id = 1");
    b = connect("j.db");
    must(b, "SELECT tarn_open('%s/i-lake'); INSERT INTO t VALUES(3, 'b')", folder);
    must(b, "SELECT tarn_flush(); INSERT INTO t VALUES(4, 'b')");
    held(a, "n/t", NULL, "2={\"id\":2,\"v\":\"a\"};");
    held(b, "n/t", NULL,
         "1={\"id\":1,\"v\":\"both\"};3={\"id\":3,\"v\":\"b\"};4={\"id\":4,\"v\":\"b\"};");
    must(a, "SELECT tarn_flush()");
    must(b, "SELECT tarn_flush()");
    expect(a, MISSING, "");
    expect(b, MISSING, "");
    assert_int_equal(sqlite3_close(a), SQLITE_OK);
    assert_int_equal(sqlite3_close(b), SQLITE_OK);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(missing_changes),
        cmocka_unit_test(base_waits),
        cmocka_unit_test(null_keys),
        cmocka_unit_test(changed_columns),
        cmocka_unit_test(refused),
        cmocka_unit_test(busy),
        cmocka_unit_test(many),
        cmocka_unit_test(state_at_bookmarks),
        cmocka_unit_test(copies),
    };

    return cmocka_run_group_tests(tests, folder_begin, folder_end);
}
