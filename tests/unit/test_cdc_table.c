/* test_cdc_table.c: cdc_<collection>: each change once, in order, wherever it is. */
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cdc_fixture.h"
#include "cdc_table.h"
#include "mem.h"

/* op, pk and number of each row, in the table's order. */
#define SHORT                                                                               \
    "SELECT group_concat(substr(op, 1, 1) || pk || '.' || seq || "                          \
    "CASE WHEN bookmark IS NULL THEN '?' WHEN filename IS NULL THEN '!' ELSE '' END, ' ') " \
    "FROM (SELECT *, filename, seq FROM cdc_users%s)"

static void three_commits(struct cdc_fixture *f) {
    fx_change(f, "app/users", "insert", 1, "a", NULL);
    fx_must(f->db, "BEGIN; INSERT INTO change VALUES('app/users', 'insert', 2, 'b', NULL);"
                   "INSERT INTO change VALUES('app/users', 'update', 1, 'c', 'a');"
                   "INSERT INTO change VALUES('app/other', 'insert', 9, 'o', NULL);"
                   "INSERT INTO change VALUES('app/users', 'delete', 2, NULL, 'b'); COMMIT");
    fx_change(f, "app/users", "insert", 3, "d", NULL);
}

static void waiting_rows(void **state) {
    struct cdc_fixture f;

    (void)state;
    fx_open(&f, "a.db");
    fx_table(&f, "app", "users");
    fx_expect(f.db, "NULL", SHORT, "");
    three_commits(&f);
    fx_expect(f.db, "i1.0! i2.0! u1.1! d2.2! i3.0!", SHORT, "");
    fx_expect(f.db,
              "insert|1|{\"id\":1,\"name\":\"a\"}|- insert|2|{\"id\":2,\"name\":\"b\"}|- "
              "update|1|{\"id\":1,\"name\":\"c\"}|{\"id\":1,\"name\":\"a\"} "
              "delete|2|-|{\"id\":2,\"name\":\"b\"} insert|3|{\"id\":3,\"name\":\"d\"}|-",
              "SELECT group_concat(op || '|' || pk || '|' || ifnull(data, '-') || '|' || "
              "ifnull(prev, '-'), ' ') FROM cdc_users");
    fx_expect(f.db, "3", "SELECT count(DISTINCT bookmark) FROM cdc_users");
    fx_expect(f.db, "1",
              "SELECT max(bookmark) GLOB '00000000-0000000000000003-*' AND "
              "min(length(bookmark)) = 55 FROM cdc_users");
    fx_close(&f);
}

static void own_transaction(void **state) {
    struct cdc_fixture f;

    (void)state;
    fx_open(&f, "a.db");
    fx_table(&f, "app", "users");
    fx_change(&f, "app/users", "insert", 1, "a", NULL);
    fx_must(f.db, "BEGIN; INSERT INTO change VALUES('app/users', 'insert', 2, 'b', NULL);"
                  "SAVEPOINT s; INSERT INTO change VALUES('app/users', 'insert', 3, 'c', NULL)");
    fx_expect(f.db, "i1.0! i2.0? i3.1?", SHORT, "");
    fx_expect(f.db, "2", "SELECT count(*) FROM cdc_users WHERE ts IS NULL");
    /* NULL comes first in an order, last in a descending one */
    fx_expect(f.db, "i2.0? i3.1? i1.0!", SHORT, " ORDER BY bookmark, seq");
    fx_expect(f.db, "2 3 1",
              "SELECT group_concat(pk, ' ') FROM (SELECT pk FROM cdc_users "
              "ORDER BY bookmark)");
    fx_must(f.db, "ROLLBACK TO s");
    fx_expect(f.db, "1 2",
              "SELECT group_concat(pk, ' ') FROM (SELECT pk FROM cdc_users "
              "ORDER BY bookmark DESC)");
    fx_must(f.db, "ROLLBACK");
    fx_expect(f.db, "i1.0!", SHORT, "");
    fx_close(&f);
}

/* Rows that a statement adds while it reads are not read by it. */
static void reads_while_it_writes(void **state) {
    struct cdc_fixture f;

    (void)state;
    fx_open(&f, "a.db");
    fx_table(&f, "app", "users");
    fx_must(f.db, "BEGIN; INSERT INTO change VALUES('app/users', 'insert', 2, 'b', NULL);"
                  "INSERT INTO change SELECT 'app/users', 'insert', pk + 1, 'x', NULL "
                  "FROM cdc_users; COMMIT");
    fx_expect(f.db, "i2.0! i3.1!", SHORT, "");
    fx_close(&f);
}

static void delivered_once(void **state) {
    struct cdc_fixture f;

    (void)state;
    fx_open(&f, "a.db");
    fx_table(&f, "app", "users");
    three_commits(&f);
    fx_deliver(&f, "app/users", 0, 1, 1, 2);
    fx_expect(f.db, "i1.0 i2.0 u1.1 d2.2 i3.0!", SHORT, "");
    fx_expect(f.db, "i1.0 i2.0 u1.1 d2.2 i3.0!", SHORT, " ORDER BY bookmark, seq");
    fx_expect(f.db, "3 2 1 2 1",
              "SELECT group_concat(pk, ' ') FROM (SELECT pk FROM cdc_users "
              "ORDER BY bookmark DESC)");
    fx_deliver(&f, "app/users", 0, 2, 3, 3);
    fx_expect(f.db, "i1.0 i2.0 u1.1 d2.2 i3.0", SHORT, "");
    /* an aborted entry's file is nobody's */
    fx_end(&f, 0, 2, "abort");
    fx_expect(f.db, "i1.0 i2.0 u1.1 d2.2 i3.0!", SHORT, "");
    /* an end stays what it is, so one that is known is not asked for again */
    fx_end(&f, 0, 2, "done");
    fx_expect(f.db, "i1.0 i2.0 u1.1 d2.2 i3.0", SHORT, "");
    fx_end(&f, 0, 2, "abort");
    fx_expect(f.db, "i1.0 i2.0 u1.1 d2.2 i3.0", SHORT, "");
    fx_close(&f);
}

#define ISO "2026-02-02T14:%02d:00.000Z"

/* A bookmark of the timeline, whose time is that minute after 14:00. */
static void bookmark(char *out, uint32_t timeline, unsigned sequence, int minute) {
    snprintf(out, 64, "%08x-%016x-%012llx-%016x", timeline, sequence,
             1770040800000ull + 60000ull * (unsigned)minute, sequence * 7919u);
}

/* Puts n commits of two rows each, from `first` on; one a minute. */
static void put_commits(struct cdc_fixture *f, const char *folder, uint32_t timeline,
                        unsigned first, int n, const char *suffix) {
    struct cdc_row rows[64];
    char text[64][4][64];
    struct cdc_file how = {0};
    char key[128], ranges[160], id[17];
    int i;

    fx_id(f, id);
    memset(rows, 0, sizeof rows);
    for (i = 0; i < 2 * n; i++) {
        unsigned sequence = first + (unsigned)i / 2;

        snprintf(text[i][0], 64, "%u", sequence * 10 + (unsigned)i % 2);
        snprintf(text[i][1], 64, ISO, (int)(sequence % 60));
        bookmark(text[i][2], timeline, sequence, (int)(sequence % 60));
        rows[i] = (struct cdc_row){
            i % 3 ? "insert" : "update", text[i][0], text[i][1], "{\"id\":1}", NULL, text[i][2]};
    }
    snprintf(key, sizeof key, "cdc/app/users/%s/%03u_2026-02-02T14-%02u%s.parquet", folder, first,
             first % 60, suffix);
    snprintf(ranges, sizeof ranges,
             "[{\"database\":\"0123456789abcdef\",\"timeline\":%u,\"entry\":%u,\"first\":%u,"
             "\"last\":%u}]",
             timeline, first, first, first + (unsigned)n - 1);
    how.ranges = ranges;
    how.page_rows = 4;
    how.row_group_rows = 8;
    fx_put(f, key, rows, 2 * n, &how);
}

#define KEYS "SELECT group_concat(pk, ' ') FROM (SELECT pk FROM cdc_users%s)"

static void names(void **state) {
    struct cdc_fixture f;

    (void)state;
    fx_open(&f, "a.db");
    fx_table(&f, "app", "users");
    put_commits(&f, "deltas", 0, 1000, 1, "");
    put_commits(&f, "processed", 0, 999, 1, "");
    put_commits(&f, "deltas", 0, 999, 1, "");
    put_commits(&f, "deltas", 1, 500, 1, "-t00000001");
    put_commits(&f, "deltas", 0, 7, 1, "-t0000000g"); /* not names of deltas, all three */
    put_commits(&f, "deltas", 0, 7, 1, ".tmp");
    fx_put_text(&f, "cdc/app/users/deltas/notes.txt", "no delta");
    fx_expect(f.db, "9990 9991 10000 10001 5000 5001", KEYS, "");
    fx_expect(f.db, "9990 9991 10000 10001 5000 5001", KEYS, " ORDER BY bookmark");
    fx_expect(f.db, "5001 5000 10001 10000 9991 9990", KEYS, " ORDER BY bookmark DESC");
    fx_expect(f.db, "cdc/app/users/deltas/999_2026-02-02T14-39.parquet",
              "SELECT min(filename) FROM (SELECT filename FROM cdc_users WHERE pk LIKE '999%%')");
    fx_close(&f);
}

static void file_archived_while_read(void **state) {
    struct cdc_fixture f;
    sqlite3_stmt *stmt = NULL;
    int n = 1;

    (void)state;
    fx_open(&f, "a.db");
    fx_table(&f, "app", "users");
    put_commits(&f, "deltas", 0, 10, 5, "");
    put_commits(&f, "deltas", 0, 20, 5, "");
    put_commits(&f, "deltas", 0, 30, 5, "");
    assert_int_equal(sqlite3_prepare_v2(f.db,
                                        "SELECT pk, filename FROM cdc_users ORDER BY bookmark, seq",
                                        -1, &stmt, NULL),
                     SQLITE_OK);
    assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
    fx_move(&f, "cdc/app/users/deltas/020_2026-02-02T14-20.parquet",
            "cdc/app/users/processed/020_2026-02-02T14-20.parquet");
    while (sqlite3_step(stmt) == SQLITE_ROW) {
        int pk = sqlite3_column_int(stmt, 0);

        assert_int_equal(pk, 10 * (10 * (n / 10) + 10 + n % 10 / 2) + n % 2);
        if (pk == 200) {
            assert_string_equal(sqlite3_column_text(stmt, 1),
                                "cdc/app/users/processed/020_2026-02-02T14-20.parquet");
        }
        n++;
    }
    assert_int_equal(sqlite3_reset(stmt), SQLITE_OK);
    assert_int_equal(n, 30);
    /* deleted: an error once rows have come */
    assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
    fx_move(&f, "cdc/app/users/deltas/030_2026-02-02T14-30.parquet", NULL);
    while (sqlite3_step(stmt) == SQLITE_ROW) {
    }
    assert_int_not_equal(sqlite3_reset(stmt), SQLITE_OK);
    if (!strstr(sqlite3_errmsg(f.db), "removed while the query read it")) {
        fail_msg("%s", sqlite3_errmsg(f.db));
    }
    fx_expect(f.db, "20", "SELECT count(*) FROM cdc_users");
    sqlite3_finalize(stmt);
    fx_close(&f);
}

static void broken_files(void **state) {
    struct cdc_fixture f;
    struct cdc_row rows[2] = {{"insert", "1", "x", NULL, NULL, "b"},
                              {"insert", "2", "x", NULL, NULL, "a"}};
    struct cdc_file how = {0};

    (void)state;
    fx_open(&f, "a.db");
    fx_table(&f, "app", "users");
    put_commits(&f, "deltas", 0, 10, 1, "");
    fx_put_text(&f, "cdc/app/users/deltas/020_2026-02-02T14-20.parquet", "not a Parquet file");
    fx_fails(f.db, "cdc/app/users/deltas/020_2026-02-02T14-20.parquet:*",
             "SELECT * FROM cdc_users");
    fx_must(f.db, "SELECT tarn_config('onCorrupt', 'skip')");
    fx_expect(f.db, "100 101", KEYS, "");
    fx_expect(f.db, "1",
              "SELECT count FROM tarn_explain('SELECT * FROM cdc_users') "
              "WHERE what = 'files left out as corrupt'");
    /* other writers' files may be in any order; then sorting can't be left out */
    how.ranges = NULL;
    fx_put(&f, "cdc/app/users/deltas/020_2026-02-02T14-20.parquet", rows, 2, &how);
    fx_expect(f.db, "100 101 1 2", KEYS, "");
    fx_fails(f.db, "*020_2026-02-02T14-20.parquet: row 2: the bookmark a is not in the order*",
             "SELECT * FROM cdc_users ORDER BY bookmark");
    how.ranges = "[{\"database\":1}]";
    fx_put(&f, "cdc/app/users/deltas/020_2026-02-02T14-20.parquet", rows, 2, &how);
    fx_must(f.db, "SELECT tarn_config('onCorrupt', 'error')");
    fx_fails(f.db, "*020_2026-02-02T14-20.parquet: tarn.ranges in the footer is malformed",
             "SELECT * FROM cdc_users");
    fx_close(&f);
}

static void large_commit(void **state) {
    struct cdc_fixture f;

    (void)state;
    fx_open(&f, "a.db");
    fx_table(&f, "app", "users");
    fx_must(f.db, "BEGIN; INSERT INTO change VALUES('app/a', 'insert', 0, 'x', NULL);"
                  "WITH RECURSIVE s(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM s WHERE i < 20000) "
                  "INSERT INTO change SELECT CASE i %% 2 WHEN 0 THEN 'app/b' ELSE 'app/users' END, "
                  "'insert', i, hex(zeroblob(20)), NULL FROM s");
    fx_expect(f.db, "10000|19999|9999",
              "SELECT count(*) || '|' || max(0 + pk) || '|' || max(seq) "
              "FROM cdc_users");
    fx_must(f.db, "COMMIT");
    fx_expect(f.db, "10000|19999|9999",
              "SELECT count(*) || '|' || max(0 + pk) || '|' || max(seq) "
              "FROM cdc_users");
    fx_expect(f.db, "1", "SELECT count(DISTINCT bookmark) FROM cdc_users");
    fx_close(&f);
}

static void no_file(void **state) {
    struct cdc_fixture f;

    (void)state;
    fx_open(&f, ":memory:");
    fx_table(&f, "app", "users");
    three_commits(&f);
    fx_expect(f.db, "i1.0! i2.0! u1.1! d2.2! i3.0!", SHORT, "");
    fx_expect(f.db, "1", "SELECT tarn_bookmark() = max(bookmark) FROM cdc_users");
    fx_expect(f.db, "1", "SELECT tarn_bookmark_at('9999') = tarn_bookmark()");
    fx_expect(f.db, "NULL", "SELECT tarn_bookmark_at('2001-01-01')");
    fx_close(&f);
}

/* A copied database: its second commit is another one than that of the file in the lake. */
static void another_history(void **state) {
    struct cdc_fixture f;
    struct tarn_conn *conn = NULL;
    sqlite3 *copy;
    char command[256];

    (void)state;
    fx_open(&f, "a.db");
    fx_table(&f, "app", "users");
    fx_change(&f, "app/users", "insert", 1, "a", NULL);
    snprintf(command, sizeof command, "cp %s/a.db %s/b.db", f.folder, f.folder);
    assert_int_equal(system(command), 0);
    fx_change(&f, "app/users", "insert", 2, "b", NULL);
    fx_deliver(&f, "app/users", 0, 1, 1, 2);
    fx_expect(f.db, "i1.0 i2.0", SHORT, "");
    copy = fx_connect(&f, "b.db", &conn);
    fx_must(copy, "CREATE VIRTUAL TABLE temp.cdc_users USING tarn_cdc('app', 'users')");
    fx_must(copy, "INSERT INTO change VALUES('app/users', 'insert', 3, 'c', NULL)");
    fx_expect(copy, "i1.0 i2.0 i3.0!", SHORT, "");
    fx_expect(copy, "i1.0 i2.0 i3.0!", SHORT, " ORDER BY bookmark, seq");
    fx_expect(copy, "00000001-0000000000000002",
              "SELECT substr(max(bookmark), 1, 25) FROM "
              "cdc_users");
    assert_int_equal(sqlite3_close(copy), SQLITE_OK);
    tarn_conn_unref(conn);
    fx_close(&f);
}

static int make(struct cdc_fixture *f, const char *namespace_, const char *collection, char *why) {
    struct tarn_err err = {0};
    int rc = tarn_cdc_table_make(f->conn, namespace_, collection, &err);

    snprintf(why, 256, "%s", err.msg);
    return rc;
}

static void making_tables(void **state) {
    struct cdc_fixture f;
    struct tarn_err err = {0};
    char why[256];

    (void)state;
    fx_open(&f, "a.db");
    fx_must(f.db, "CREATE TABLE t(x); INSERT INTO t VALUES(1), (2)");
    assert_int_equal(make(&f, "app", "it's \"x\"", why), 0);
    assert_int_equal(make(&f, "app", "it's \"x\"", why), 0);
    assert_int_equal(sqlite3_changes(f.db), 2);
    assert_int_equal(sqlite3_last_insert_rowid(f.db), 2);
    fx_expect(f.db, "0", "SELECT count(*) FROM \"cdc_it's \"\"x\"\"\"");
    assert_int_equal(make(&f, "other", "it's \"x\"", why), TARN_EEXIST);
    fx_must(f.db, "CREATE VIEW CDC_mine AS SELECT 1");
    assert_int_equal(make(&f, "app", "Mine", why), TARN_EEXIST);
    if (!strstr(why, "there is a table cdc_Mine already")) fail_msg("%s", why);
    /* in a transaction that is undone it is gone again */
    fx_must(f.db, "BEGIN");
    assert_int_equal(make(&f, "app", "users", why), 0);
    fx_must(f.db, "ROLLBACK");
    fx_fails(f.db, "no such table: cdc_users", "SELECT * FROM cdc_users");
    assert_int_equal(make(&f, "app", "users", why), 0);
    assert_int_equal(tarn_cdc_table_drop(f.conn, "other", "users", &err), 0);
    fx_expect(f.db, "0", "SELECT count(*) FROM cdc_users");
    assert_int_equal(tarn_cdc_table_drop(f.conn, "app", "users", &err), 0);
    fx_fails(f.db, "no such table: cdc_users", "SELECT * FROM cdc_users");
    /* those of the lake, without the one whose name is taken */
    put_commits(&f, "deltas", 0, 10, 1, "");
    fx_put_text(&f, "cdc/app/mine/manifest.json", "{}");
    fx_put_text(&f, "cdc/app/caf%C3%A9/manifest.json", "{}");
    fx_must(f.db, "SELECT tarn_config('namespace', 'app'); SELECT tarn_open('%q/lake')", f.folder);
    fx_expect(f.db, "cdc_café,cdc_it's \"x\",cdc_users",
              "SELECT group_concat(name) FROM (SELECT name FROM temp.sqlite_schema ORDER BY name)");
    fx_fails(f.db, "tables of changes are temporary: temp.x",
             "CREATE VIRTUAL TABLE x USING tarn_cdc('app', 'users')");
    fx_fails(f.db, "expected USING tarn_cdc*", "CREATE VIRTUAL TABLE temp.x USING tarn_cdc(users)");
    fx_close(&f);
}

#define COUNT "SELECT count FROM tarn_explain(%Q) WHERE what = '%s'"

static void pruning(void **state) {
    struct cdc_fixture f;
    char query[256], b[64];
    unsigned i;

    (void)state;
    fx_open(&f, "a.db");
    fx_table(&f, "app", "users");
    for (i = 0; i < 10; i++)
        put_commits(&f, "deltas", 0, 10 + 4 * i, 4, "");
    bookmark(b, 0, 42, 42);
    snprintf(query, sizeof query, "SELECT pk FROM cdc_users WHERE bookmark > '%s'", b);
    fx_expect(f.db, "8", COUNT, query, "files outside the range");
    fx_expect(f.db, "14", "SELECT count(*) FROM (%s)", query);
    snprintf(query, sizeof query, "SELECT pk FROM cdc_users WHERE bookmark BETWEEN '%s' AND '%s'",
             b, b);
    fx_expect(f.db, "9", COUNT, query, "files outside the range");
    fx_expect(f.db, "2", "SELECT count(*) FROM (%s)", query);
    fx_expect(f.db, "8", COUNT,
              "SELECT pk FROM cdc_users WHERE ts >= '2026-02-02 14:22' AND ts < '2026-02-02 14:23'",
              "files outside the range");
    fx_expect(f.db, "10", COUNT, "SELECT pk FROM cdc_users WHERE pk = '5000'", "files excluded");
    fx_expect(f.db, "9", COUNT, "SELECT pk FROM cdc_users WHERE pk IN ('201', 'x')",
              "files excluded");
    fx_expect(f.db, "0", COUNT, "SELECT pk FROM cdc_users WHERE op IN ('delete', 'x')",
              "rows found");
    fx_expect(f.db, "1",
              "SELECT count <= 16 FROM tarn_explain('SELECT pk FROM cdc_users "
              "ORDER BY bookmark LIMIT 2') WHERE what = 'rows decoded'");
    fx_close(&f);
}

static unsigned seed = 7;

static unsigned rnd(unsigned n) {
    seed = seed * 1103515245u + 12345u;
    return (seed >> 16) % n;
}

static void random_condition(char *out, size_t room) {
    static const char *const ops[] = {"=", "<", "<=", ">", ">="};
    char b[64];
    unsigned sequence = rnd(60);

    switch (rnd(8)) {
    case 0:
    case 1:
        bookmark(b, rnd(2), sequence, (int)sequence % 60);
        snprintf(out, room, "bookmark %s '%.*s'", ops[rnd(5)], (int)(rnd(2) ? 55 : rnd(56)), b);
        break;
    case 2: snprintf(out, room, "ts %s '2026-02-02 14:%02u'", ops[rnd(5)], sequence); break;
    case 3: snprintf(out, room, "ts %s '%s'", ops[rnd(5)], rnd(2) ? "2026-02" : "zebra"); break;
    case 4: snprintf(out, room, "pk = '%u'", sequence * 10); break;
    case 5: snprintf(out, room, "pk IN (%u, '%u', NULL)", sequence * 10, rnd(60) * 10); break;
    case 6: snprintf(out, room, "op %s", rnd(2) ? "= 'insert'" : "IN ('update', 'insert')"); break;
    default: snprintf(out, room, "pk = %u", sequence * 10);
    }
}

/* With and without pushdown: the same rows, in the same order. */
static void pushdown_changes_nothing(void **state) {
    static const char *const orders[] = {"", " ORDER BY bookmark", " ORDER BY bookmark, seq",
                                         " ORDER BY bookmark DESC, pk DESC", " ORDER BY ts, pk"};
    struct cdc_fixture f;
    unsigned i;

    (void)state;
    fx_open(&f, "a.db");
    fx_table(&f, "app", "users");
    for (i = 0; i < 10; i++)
        put_commits(&f, i < 5 ? "processed" : "deltas", 0, 10 + 4 * i, 4, "");
    put_commits(&f, "deltas", 1, 30, 10, "-t00000001");
    three_commits(&f);
    for (i = 0; i < 400; i++) {
        char first[128], second[128];
        const char *order = orders[rnd(5)];
        char *on, *off, *query;

        random_condition(first, sizeof first);
        random_condition(second, sizeof second);
        query = sqlite3_mprintf(
            "SELECT group_concat(op || pk || '.' || seq || bookmark, ' ') FROM (SELECT *, seq FROM "
            "cdc_users WHERE (%s) %s (%s)%s LIMIT %d)",
            first, rnd(3) ? "AND" : "OR", second, order, rnd(3) ? -1 : 7);
        fx_must(f.db, "SELECT tarn_config('pushdown', 'on')");
        on = fx_text(f.db, "%s", query);
        fx_must(f.db, "SELECT tarn_config('pushdown', 'off')");
        off = fx_text(f.db, "%s", query);
        if (strcmp(on, off) != 0) fail_msg("%s\non  %s\noff %s", query, on, off);
        sqlite3_free(on);
        sqlite3_free(off);
        sqlite3_free(query);
    }
    fx_close(&f);
}

/* Every allocation fails in turn: the answer is an error, or the right one. */
static void no_memory(void **state) {
    static const char *const queries[] = {
        "SELECT group_concat(pk || op || ifnull(data, '') || ifnull(prev, '') || seq, ' ') FROM "
        "(SELECT *, seq FROM cdc_users WHERE pk IN ('1', '2', '3', '100', '101') AND "
        "ifnull(ts, '') < '2999' ORDER BY bookmark, seq)",
        "SELECT tarn_bookmark() || tarn_bookmark_at('2999')"};
    struct cdc_fixture f;
    size_t q;

    (void)state;
    fx_open(&f, "a.db");
    fx_table(&f, "app", "users");
    put_commits(&f, "deltas", 0, 100, 4, "");
    three_commits(&f);
    fx_deliver(&f, "app/users", 0, 1, 1, 2);
    fx_must(f.db, "BEGIN; WITH RECURSIVE s(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM s WHERE i < "
                  "9000) INSERT INTO change SELECT 'app/users', 'insert', i, hex(zeroblob(20)), "
                  "NULL FROM s; COMMIT");
    for (q = 0; q < sizeof queries / sizeof *queries; q++) {
        char *want = NULL;
        unsigned long n, made = ULONG_MAX;

        for (n = 1; made >= n; n++) {
            sqlite3_stmt *stmt = NULL;
            int rc;

            if (sqlite3_get_autocommit(f.db)) { /* an error of memory ends a transaction */
                fx_must(f.db,
                        "BEGIN; INSERT INTO change VALUES('app/users', 'insert', 3, 'd', NULL)");
            }
            if (!want) want = fx_text(f.db, "%s", queries[q]);
            rc = sqlite3_prepare_v2(f.db, queries[q], -1, &stmt, NULL);
            assert_int_equal(rc, SQLITE_OK);
            (void)tarn_mem_fail_after(n, 0);
            rc = sqlite3_step(stmt);
            made = tarn_mem_fail_after(0, 0);
            if (made == n) made = ULONG_MAX; /* it ended there */
            if (rc == SQLITE_ROW) {
                assert_string_equal(sqlite3_column_text(stmt, 0), want);
            } else {
                assert_int_equal(sqlite3_reset(stmt), SQLITE_NOMEM);
            }
            sqlite3_finalize(stmt);
        }
        assert_true(n > 10);
        sqlite3_free(want);
    }
    fx_must(f.db, "ROLLBACK");
    fx_close(&f);
}

static int stop(void *arg) {
    (void)arg;
    return 1;
}

/* The handler of progress is asked between the rows that a table passes over by itself, too. */
static void interrupted(void **state) {
    struct cdc_fixture f;
    unsigned i;

    (void)state;
    fx_open(&f, "a.db");
    fx_table(&f, "app", "users");
    for (i = 0; i < 10; i++)
        put_commits(&f, "deltas", 0, 10 + 4 * i, 4, "");
    sqlite3_progress_handler(f.db, 1, stop, NULL);
    fx_fails(f.db, "interrupted", "SELECT count(*) FROM cdc_users WHERE pk = 'nobody'");
    sqlite3_progress_handler(f.db, 0, NULL, NULL);
    fx_expect(f.db, "80", "SELECT count(*) FROM cdc_users");
    fx_close(&f);
}

/* Large rows are read a few at a time: the budget is not for a fixed number of them. */
static void memory_budget(void **state) {
    struct cdc_fixture f;
    struct cdc_row *rows = calloc(3000, sizeof *rows);
    struct cdc_file how = {0};
    char *text = calloc(1, 8001);
    int i;

    (void)state;
    fx_open(&f, "a.db");
    fx_table(&f, "app", "users");
    for (i = 0; i < 8000; i++)
        text[i] = (char)('a' + rnd(26));
    for (i = 0; i < 3000; i++)
        rows[i] = (struct cdc_row){"insert", "1", "2026-02-02T14:00:00.000Z", text + i, NULL, "b"};
    how.row_group_rows = 1000;
    how.page_rows = 50;
    fx_put(&f, "cdc/app/users/deltas/001_2026-02-02T14-00.parquet", rows, 3000, &how);
    fx_must(f.db, "SELECT tarn_config('memoryBudget', 1 << 22)");
    fx_expect(f.db, "19501500", "SELECT sum(length(data)) FROM cdc_users");
    fx_expect(f.db, "5001",
              "SELECT min(length(data)) FROM (SELECT data FROM cdc_users ORDER BY "
              "bookmark DESC)");
    free(rows);
    free(text);
    fx_close(&f);
}

/* pk against an integer goes down where the file says that its keys are integers. */
static void integer_keys(void **state) {
    static const char query[] = "SELECT pk FROM cdc_users WHERE pk = 3";
    struct cdc_fixture f;
    struct cdc_row rows[2] = {{"insert", "1", "t", "{}", NULL, "b"},
                              {"insert", "2", "t", "{}", NULL, "b"}};
    struct cdc_file how = {0};

    (void)state;
    fx_open(&f, "a.db");
    fx_table(&f, "app", "users");
    how.definitions =
        "[{\"rowid\":false,\"key\":[\"id\"],\"columns\":[{\"name\":\"id\",\"affinity\":"
        "\"INTEGER\"}]},{\"rowid\":true}]";
    fx_put(&f, "cdc/app/users/deltas/001_2026-02-02T14-00.parquet", rows, 2, &how);
    fx_expect(f.db, "1", COUNT, query, "files excluded");
    how.definitions =
        "[{\"rowid\":false,\"key\":[\"id\"],\"columns\":[{\"name\":\"id\",\"affinity\":"
        "\"TEXT\"}]},{\"rowid\":true}]";
    rows[0].pk = "03";
    fx_put(&f, "cdc/app/users/deltas/001_2026-02-02T14-00.parquet", rows, 2, &how);
    fx_expect(f.db, "0", COUNT, query, "files excluded");
    fx_expect(f.db, "03", "SELECT pk FROM cdc_users WHERE pk = CAST(3 AS INTEGER)");
    fx_close(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(waiting_rows),
        cmocka_unit_test(own_transaction),
        cmocka_unit_test(reads_while_it_writes),
        cmocka_unit_test(delivered_once),
        cmocka_unit_test(names),
        cmocka_unit_test(file_archived_while_read),
        cmocka_unit_test(broken_files),
        cmocka_unit_test(large_commit),
        cmocka_unit_test(no_file),
        cmocka_unit_test(another_history),
        cmocka_unit_test(making_tables),
        cmocka_unit_test(pruning),
        cmocka_unit_test(pushdown_changes_nothing),
        cmocka_unit_test(no_memory),
        cmocka_unit_test(interrupted),
        cmocka_unit_test(memory_budget),
        cmocka_unit_test(integer_keys),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
