/* The table `events` against an ordinary table that holds the same rows: every query must give the
** same rows from both, with pushdown on and off, from waiting rows and from files, in UTF-8 and
** UTF-16 databases. Queries are put together at random from a fixed seed; a failure prints the
** query.
*/
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <sqlite3.h>

#include "tarn.h"

#define EVENTS 600
#define QUERIES 600

static uint64_t seed;

static unsigned pick(unsigned n) {
    seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (unsigned)((seed >> 33) % n);
}

struct fixture {
    char dir[64];
    sqlite3 *db;
};

static void exec(sqlite3 *db, const char *sql) {
    char *message = NULL;

    if (sqlite3_exec(db, sql, NULL, NULL, &message)) fail_msg("%s\n%s", sql, message);
}

static void open_db(struct fixture *f, const char *encoding) {
    char path[128];
    char *why = NULL;

    (void)snprintf(f->dir, sizeof f->dir, "vtab-XXXXXX");
    assert_non_null(mkdtemp(f->dir));
    (void)snprintf(path, sizeof path, "%s/app.db", f->dir);
    assert_int_equal(sqlite3_open(path, &f->db), SQLITE_OK);
    exec(f->db, encoding);
    if (tarn_register(f->db, &why)) fail_msg("%s", why);
    exec(f->db, "SELECT tarn_config('autoFlush', 'off')");
}

static void close_db(struct fixture *f) {
    char command[128];

    assert_int_equal(sqlite3_close(f->db), SQLITE_OK);
    (void)snprintf(command, sizeof command, "rm -rf '%s'", f->dir);
    assert_int_equal(system(command), 0);
}

/* One row in four has a NULL where a column may be NULL; texts that look like numbers, differ in
** case or go beyond ASCII are there on purpose. Every ts is different, so ORDER BY ts is total. */
static void fill(sqlite3 *db, int from, int to) {
    static const char *const types[] = {
        "'rpc.call'",    "'RPC.call'", "'rpc.call.slow'", "'10'",  "'9'",
        "'1e1'",         "'webhook'",  "'\xc3\xa4rger'",  "'a b'", "'\xf0\x9f\x98\x80'",
        "'\xef\xbd\xa1'"};
    static const char *const texts[] = {"NULL", "''",       "'x'",      "'X'",           "'5'",
                                        "'-3'", "'/api/1'", "'/api/2'", "'https://a/b'", "NULL"};
    static const char *const payloads[] = {
        "NULL",
        "'{}'",
        "'{\"id\": \"e1\", \"do\": {\"class\": \"Room\", \"id\": 7, \"colo\": \"AMS\"}}'",
        "'{\"success\":true,\"id\":3}'",
        "'{\"success\":false,\"do\":{\"class\":\"A\\u00e4\\n\"}}'",
        "'[1,2]'",
        "'{\"id\":[1, 2],\"do\":{\"id\":{\"a\" : 1}},\"success\":null}'",
        "'{\"a\":\"}\",\"id\":1.5}'",
        "'\"text\"'"};
    char sql[1024];
    int i;

    exec(db, "BEGIN");
    for (i = from; i < to; i++) {
        /* About four days, and some odd milliseconds. */
        long long ts = 1769904000000LL + (long long)i * 577001 + pick(1000);
        (void)snprintf(
            sql, sizeof sql,
            "INSERT INTO fresh VALUES(strftime('%%Y-%%m-%%d %%H:%%M:%%S', %lld, 'unixepoch')"
            " || printf('.%%03d', %lld), %s, %s, %s, %s, %s, NULL, %s, NULL, %s, %s, %s, %s)",
            ts / 1000, ts % 1000, types[pick(11)], texts[pick(10)], texts[pick(10)],
            texts[pick(10)], pick(3) ? pick(2) ? "1" : "0" : "NULL", texts[pick(10)],
            texts[pick(10)],
            pick(4) ? (const char *[]){"200", "404", "500", "0", "-1"}[pick(5)] : "NULL",
            pick(4) ? (const char *[]){"0.5", "12.0", "1e9", "-2.25", "99.9"}[pick(5)] : "NULL",
            payloads[pick(9)]);
        exec(db, sql);
    }
    exec(db, "INSERT INTO events SELECT * FROM fresh; INSERT INTO ref SELECT * FROM fresh;"
             "DELETE FROM fresh; COMMIT");
}

#define COLUMNS                                                                          \
    "(ts TEXT COLLATE tarn_ts, type TEXT, source TEXT, provider TEXT, event_type TEXT, " \
    "verified BOOLEAN, script_name TEXT, outcome TEXT, method TEXT, url TEXT, "          \
    "status_code INTEGER, duration_ms REAL, payload TEXT)"

static void make_tables(sqlite3 *db) {
    exec(db, "CREATE TABLE fresh" COLUMNS ";"
             "CREATE TABLE plain" COLUMNS ";"
             "ALTER TABLE plain RENAME TO ref;"
             "CREATE TABLE side(a INTEGER, b TEXT, c, r REAL);"
             "INSERT INTO side VALUES(10, '10', 'rpc.call', 0.5), (9, '/api/1', 404, 12.0),"
             "  ('x', 'x', NULL, NULL), (NULL, '2026-02-02', '5', 200.0), ('!', '!', x'00', -1)");
}

static const char *time_literal(void) {
    static const char *const times[] = {"'2026-02-02'",
                                        "'2026-02-02T05:00:00Z'",
                                        "'2026-02-02 05:00'",
                                        "'2026-02-03 12:00:00.500'",
                                        "'2026-02-02T05:00:00+05:30'",
                                        "datetime('2026-02-03')",
                                        "'zzz'",
                                        "''",
                                        "NULL",
                                        "'2025-01-01'",
                                        "'2030-01-01'",
                                        "(SELECT ts FROM ref LIMIT 1 OFFSET 17)",
                                        "x'3230'",
                                        "date('2026-02-04')"};

    return times[pick(14)];
}

static const char *value_literal(void) {
    static const char *const values[] = {"'rpc.call'",
                                         "'RPC.call'",
                                         "'x'",
                                         "'5'",
                                         "5",
                                         "10",
                                         "10.0",
                                         "200",
                                         "'200'",
                                         "404.5",
                                         "'abc'",
                                         "NULL",
                                         "x'61'",
                                         "'\xc3\xa4'",
                                         "'/api/1'",
                                         "0.5",
                                         "'0.5'",
                                         "1",
                                         "1e300",
                                         "-1e300",
                                         "'9'",
                                         "9223372036854775807",
                                         "'\xef\xbd\xa1'",
                                         "1e9",
                                         "(SELECT a FROM side LIMIT 1 OFFSET 4)",
                                         "(SELECT b FROM side LIMIT 1)",
                                         "99.9",
                                         "'!'",
                                         "'1e1'",
                                         "''"};

    return values[pick(30)];
}

static void condition(char *out, size_t room) {
    static const char *const comparisons[] = {"=", "<", "<=", ">", ">=", "<>", "IS", "IS NOT"};
    static const char *const columns[] = {"type",    "source", "provider",    "verified",
                                          "outcome", "url",    "status_code", "duration_ms",
                                          "payload", "type"};
    const char *column = columns[pick(10)];
    const char *op = comparisons[pick(8)];
    unsigned kind = pick(12);

    if (kind < 3) {
        (void)snprintf(out, room, "ts %s %s", op, time_literal());
    } else if (kind == 3) {
        (void)snprintf(out, room, "ts BETWEEN %s AND %s", time_literal(), time_literal());
    } else if (kind == 4) {
        (void)snprintf(out, room, "ts IN (%s, %s, (SELECT ts FROM ref LIMIT 1 OFFSET 40))",
                       time_literal(), time_literal());
    } else if (kind == 5) {
        (void)snprintf(out, room, "%s IN (%s, %s, %s)", column, value_literal(), value_literal(),
                       value_literal());
    } else if (kind == 6) {
        (void)snprintf(out, room, "%s %s", column, pick(2) ? "IS NULL" : "IS NOT NULL");
    } else if (kind == 7) {
        (void)snprintf(out, room, "%s %s %s", column, pick(2) ? "GLOB" : "LIKE",
                       (const char *[]){"'rpc*'", "'rpc%'", "'/api/_'", "'/api/?'", "'x'", "'*'",
                                        "'[r]*'", "5", "''", "NULL"}[pick(10)]);
    } else if (kind == 8) {
        (void)snprintf(out, room, "%s COLLATE NOCASE %s %s", column, op, value_literal());
    } else if (kind == 9) {
        (void)snprintf(out, room, "%s IN (SELECT %s FROM side)", pick(4) ? column : "ts",
                       (const char *[]){"a", "b", "c", "r"}[pick(4)]);
    } else {
        (void)snprintf(out, room, "%s %s %s", column, op, value_literal());
    }
}

static void query(char *out, size_t room, int *ordered) {
    char a[256], b[256], c[256];
    size_t n;

    condition(a, sizeof a);
    condition(b, sizeof b);
    condition(c, sizeof c);
    *ordered = pick(3) == 0;
    switch (pick(5)) {
    case 0: (void)snprintf(out, room, "WHERE %s", a); break;
    case 1: (void)snprintf(out, room, "WHERE %s AND %s", a, b); break;
    case 2: (void)snprintf(out, room, "WHERE (%s OR %s) AND %s", a, b, c); break;
    case 3: (void)snprintf(out, room, "WHERE (%s AND %s) OR %s", a, b, c); break;
    default: (void)snprintf(out, room, "WHERE NOT (%s) AND %s", a, b); break;
    }
    n = strlen(out);
    if (*ordered) {
        (void)snprintf(out + n, room - n, " ORDER BY ts %s %s", pick(2) ? "ASC" : "DESC",
                       (const char *[]){"", "LIMIT 7", "LIMIT 5 OFFSET 3", "LIMIT -1", "LIMIT 0",
                                        "LIMIT 1000 OFFSET 580"}[pick(6)]);
    }
}

static int by_text(const void *a, const void *b) {
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The result as one text: its rows in order, or sorted. sqlite3_free it. */
static char *result(sqlite3 *db, const char *columns, const char *table, const char *where,
                    int ordered) {
    char *sql = sqlite3_mprintf("SELECT %s FROM %s %s", columns, table, where);
    char *rows[EVENTS + 1] = {NULL};
    sqlite3_stmt *stmt = NULL;
    sqlite3_str *all = sqlite3_str_new(db);
    size_t n = 0, i;
    int c;

    if (sqlite3_prepare_v2(db, sql, -1, &stmt, NULL)) fail_msg("%s: %s", sql, sqlite3_errmsg(db));
    while (sqlite3_step(stmt) == SQLITE_ROW) {
        sqlite3_str *row = sqlite3_str_new(db);
        assert_true(n < EVENTS);
        for (c = 0; c < sqlite3_column_count(stmt); c++) {
            sqlite3_str_appendf(row, "%d:%s|", sqlite3_column_type(stmt, c),
                                sqlite3_column_text(stmt, c));
        }
        rows[n++] = sqlite3_str_finish(row);
    }
    if (sqlite3_finalize(stmt)) fail_msg("%s: %s", sql, sqlite3_errmsg(db));
    if (!ordered) qsort(rows, n, sizeof *rows, by_text);
    sqlite3_str_appendf(all, "%d rows\n", (int)n);
    for (i = 0; i < n; i++) {
        sqlite3_str_appendf(all, "%s\n", rows[i]);
        sqlite3_free(rows[i]);
    }
    sqlite3_free(sql);
    return sqlite3_str_finish(all);
}

static void compare(sqlite3 *db, const char *columns, const char *ref_columns, const char *where,
                    int ordered) {
    char *want = result(db, ref_columns, "ref", where, ordered);
    char *found = result(db, columns, "events", where, ordered);

    if (strcmp(want, found) != 0) {
        fail_msg("SELECT %s FROM events %s\nexpected %.2000s\nfound %.2000s", columns, where, want,
                 found);
    }
    sqlite3_free(want);
    sqlite3_free(found);
}

static void run_queries(sqlite3 *db, const char *pushdown, int n) {
    static const char *const columns[] = {"*", "ts, type", "type, status_code, duration_ms",
                                          "count(*)", "url, payload, ts"};
    char sql[1024];
    char where[1024];
    int ordered = 0;
    int i;

    (void)snprintf(sql, sizeof sql, "SELECT tarn_config('pushdown', '%s')", pushdown);
    exec(db, sql);
    for (i = 0; i < n; i++) {
        const char *c = columns[pick(5)];
        query(where, sizeof where, &ordered);
        if (c == columns[3] && ordered) c = "ts"; /* an aggregate has one row to order */
        compare(db, c, c, where, ordered);
    }
}

static void test_same_as_a_table(void **state) {
    static const char *const encodings[] = {"PRAGMA encoding = 'UTF-8'",
                                            "PRAGMA encoding = 'UTF-16le'"};
    struct fixture f;
    int i;

    (void)state;
    for (i = 0; i < 2; i++) {
        seed = 20260202;
        open_db(&f, encodings[i]);
        make_tables(f.db);
        fill(f.db, 0, EVENTS / 2);
        run_queries(f.db, "on", QUERIES / 2); /* waiting rows */
        run_queries(f.db, "off", QUERIES / 10);
        exec(f.db, "SELECT tarn_flush()");
        run_queries(f.db, "on", QUERIES); /* files */
        run_queries(f.db, "off", QUERIES / 10);
        fill(f.db, EVENTS / 2, EVENTS);
        run_queries(f.db, "on", QUERIES); /* both */
        run_queries(f.db, "off", QUERIES / 10);
        close_db(&f);
    }
}

/* Hidden columns over the payload are what json_extract says. */
static void test_payload_columns(void **state) {
    struct fixture f;

    (void)state;
    seed = 7;
    open_db(&f, "PRAGMA encoding = 'UTF-8'");
    make_tables(f.db);
    fill(f.db, 0, EVENTS);
    compare(f.db, "id, class, do_id, colo, success, durationMs",
            "json_extract(payload, '$.id'), json_extract(payload, '$.do.class'), "
            "json_extract(payload, '$.do.id'), json_extract(payload, '$.do.colo'), "
            "json_extract(payload, '$.success'), duration_ms",
            "WHERE 1", 0);
    compare(f.db, "ts_ms", "CAST(round((julianday(ts) - 2440587.5) * 86400000) AS INTEGER)",
            "ORDER BY ts", 1);
    close_db(&f);
}

/* Numbers against ts are epoch milliseconds. */
static void test_numbers_against_ts(void **state) {
    static const struct {
        const char *where, *same;
    } pairs[] = {
        {"ts >= 1770000000000", "ts_ms >= 1770000000000"},
        {"ts < 1770000000000.5", "ts_ms <= 1770000000000"},
        {"ts > 1770000000000.5", "ts_ms > 1770000000000"},
        {"ts = 1770000000000.5", "0"},
        {"ts <> 1770000000000.5", "1"},
        {"ts < 1e300", "1"},
        {"ts > 1e300", "0"},
        {"ts > -1e300", "1"},
        {"ts IN (1770000000000, '2026-02-02')", "ts_ms = 1770000000000 OR ts_ms = 1769990400000"},
        {"ts_ms = '1770000000000'", "ts_ms = 1770000000000"},
        {"ts_ms < 'abc'", "1"},
        {"ts_ms > x'00'", "0"},
        {"ts_ms IS NULL", "0"},
        {"ts_ms IS NOT NULL", "1"},
        {"ts = NULL", "0"},
        {"ts IS NOT NULL", "1"},
    };
    struct fixture f;
    size_t i;

    (void)state;
    seed = 9;
    open_db(&f, "PRAGMA encoding = 'UTF-8'");
    make_tables(f.db);
    fill(f.db, 0, EVENTS);
    exec(f.db, "INSERT INTO events(ts, type) VALUES(1770000000000, 'a'), ('2026-02-02', 'b')");
    exec(f.db, "CREATE TABLE copy AS SELECT ts, ts_ms FROM events");
    for (i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        char *sql = sqlite3_mprintf("SELECT (SELECT count(*) FROM events WHERE %s), "
                                    "(SELECT count(*) FROM copy WHERE %s)",
                                    pairs[i].where, pairs[i].same);
        sqlite3_stmt *stmt = NULL;
        assert_int_equal(sqlite3_prepare_v2(f.db, sql, -1, &stmt, NULL), SQLITE_OK);
        assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
        if (sqlite3_column_int64(stmt, 0) != sqlite3_column_int64(stmt, 1)) {
            fail_msg("%s: %d, not %d", pairs[i].where, sqlite3_column_int(stmt, 0),
                     sqlite3_column_int(stmt, 1));
        }
        (void)sqlite3_finalize(stmt);
        sqlite3_free(sql);
    }
    close_db(&f);
}

/* The plan must never be two scans told apart by rowid: rows in both would come twice. */
static void test_or_is_one_scan(void **state) {
    static const char *const queries[] = {
        "SELECT * FROM events WHERE (ts > '2026-01-01' AND ts < '2026-01-02') OR type = 'x'",
        "SELECT * FROM events WHERE ts = '2026-01-01' OR status_code = 200 ORDER BY type",
        "SELECT * FROM events e JOIN side s ON e.type = s.b OR e.source = s.b",
        "SELECT * FROM side s JOIN events e ON e.ts = s.b OR e.type = s.c ORDER BY s.a, e.url",
        "SELECT count(*) FROM events a JOIN events b ON a.ts = b.ts OR a.type = b.type",
    };
    struct fixture f;
    size_t i;

    (void)state;
    open_db(&f, "PRAGMA encoding = 'UTF-8'");
    make_tables(f.db);
    for (i = 0; i < sizeof queries / sizeof *queries; i++) {
        char *sql = sqlite3_mprintf("EXPLAIN QUERY PLAN %s", queries[i]);
        sqlite3_stmt *stmt = NULL;
        assert_int_equal(sqlite3_prepare_v2(f.db, sql, -1, &stmt, NULL), SQLITE_OK);
        while (sqlite3_step(stmt) == SQLITE_ROW) {
            const char *line = (const char *)sqlite3_column_text(stmt, 3);
            if (strstr(line, "MULTI-INDEX OR")) fail_msg("%s: %s", queries[i], line);
        }
        (void)sqlite3_finalize(stmt);
        sqlite3_free(sql);
    }
    close_db(&f);
}

static int collect(void *arg, int n, char **values, char **names) {
    (void)n;
    (void)names;
    sqlite3_str_appendf(arg, "%s\n", values[0]);
    return 0;
}

static char *list(sqlite3 *db, const char *sql) {
    sqlite3_str *s = sqlite3_str_new(db);
    char *message = NULL;

    if (sqlite3_exec(db, sql, collect, s, &message)) fail_msg("%s: %s", sql, message);
    return sqlite3_str_finish(s);
}

/* What registration added is what tarn_help lists, and every example runs. */
static void test_help_is_complete(void **state) {
    struct fixture f;
    char *why = NULL;
    char *want, *found;
    int i;

    (void)state;
    (void)snprintf(f.dir, sizeof f.dir, "vtab-XXXXXX");
    assert_non_null(mkdtemp(f.dir));
    (void)chdir(f.dir);
    assert_int_equal(sqlite3_open("app.db", &f.db), SQLITE_OK);
    exec(f.db, "CREATE TEMP TABLE before AS SELECT name FROM pragma_function_list "
               "UNION SELECT name FROM pragma_module_list");
    if (tarn_register(f.db, &why)) fail_msg("%s", why);
    found = list(f.db, "SELECT name FROM (SELECT name FROM pragma_function_list UNION SELECT name "
                       "FROM pragma_module_list) WHERE name NOT IN (SELECT name FROM before) AND "
                       "name NOT LIKE '\\_%' ESCAPE '\\' AND name NOT LIKE 'pragma%' "
                       "AND name NOT LIKE 'sqlite%' ORDER BY name");
    want = list(f.db, "SELECT name FROM tarn_help ORDER BY name");
    assert_string_equal(want, found);
    sqlite3_free(want);
    sqlite3_free(found);
    want = list(f.db, "SELECT count(*) FROM tarn_help WHERE min(length(name), length(returns), "
                      "length(description), length(example)) > 0");
    found = list(f.db, "SELECT count(*) FROM tarn_help");
    assert_string_equal(want, found);
    for (i = 0; i < atoi(want); i++) {
        char *sql = sqlite3_mprintf("SELECT example FROM tarn_help LIMIT 1 OFFSET %d", i);
        char *example = list(f.db, sql);
        char name[32];
        sqlite3 *other = NULL; /* as a reader would type it */
        (void)snprintf(name, sizeof name, "example-%d.db", i);
        assert_int_equal(sqlite3_open(name, &other), SQLITE_OK);
        assert_int_equal(tarn_register(other, NULL), SQLITE_OK);
        exec(other, example);
        assert_int_equal(sqlite3_close(other), SQLITE_OK);
        sqlite3_free(example);
        sqlite3_free(sql);
    }
    sqlite3_free(want);
    sqlite3_free(found);
    (void)chdir("..");
    close_db(&f);
}

static int scan_fails(const char *path, char *message, size_t room) {
    sqlite3 *db = NULL;
    int rc;

    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(tarn_register(db, NULL), SQLITE_OK);
    rc = sqlite3_exec(db, "SELECT * FROM far", NULL, NULL, NULL);
    (void)snprintf(message, room, "%s", sqlite3_errmsg(db));
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    return rc;
}

/* A stored events('uri') may come from a stranger: only what this process or the user named is
** opened. */
static void test_stored_uri_needs_trust(void **state) {
    struct fixture f;
    char path[128], home[128], command[512], message[512];

    (void)state;
    open_db(&f, "PRAGMA encoding = 'UTF-8'");
    (void)snprintf(path, sizeof path, "%s/app.db", f.dir);
    (void)snprintf(command, sizeof command, "mkdir -p %s/named %s/unnamed %s/.config/tarn", f.dir,
                   f.dir, f.dir);
    assert_int_equal(system(command), 0);
    (void)snprintf(command, sizeof command,
                   "/* again */ CREATE VIRTUAL TABLE far USING events('./%s/named')", f.dir);
    exec(f.db, command);
    exec(f.db, "SELECT * FROM far");
    assert_int_equal(sqlite3_close(f.db), SQLITE_OK);
    assert_int_equal(scan_fails(path, message, sizeof message), SQLITE_OK); /* named above */

    assert_int_equal(sqlite3_open(path, &f.db), SQLITE_OK);
    exec(f.db, "PRAGMA writable_schema = 1; UPDATE sqlite_schema SET sql = "
               "replace(sql, '/named', '/unnamed') WHERE name = 'far'");
    assert_int_equal(sqlite3_close(f.db), SQLITE_OK);
    assert_int_equal(scan_fails(path, message, sizeof message), SQLITE_PERM);
    assert_non_null(strstr(message, "only the database file names"));

    (void)snprintf(command, sizeof command, "echo ./%s/unnamed > %s/.config/tarn/trusted", f.dir,
                   f.dir);
    assert_int_equal(system(command), 0);
    (void)snprintf(home, sizeof home, "%s", getenv("HOME") ? getenv("HOME") : "");
    assert_int_equal(setenv("HOME", f.dir, 1), 0);
    assert_int_equal(scan_fails(path, message, sizeof message), SQLITE_OK);
    assert_int_equal(setenv("HOME", home, 1), 0);
    assert_int_equal(sqlite3_open(path, &f.db), SQLITE_OK);
    close_db(&f);
}

static void test_public_api(void **state) {
    struct fixture f;
    sqlite3_int64 events = -1;
    char *why = NULL;

    (void)state;
    assert_string_equal(tarn_version(), TARN_VERSION);
    open_db(&f, "PRAGMA encoding = 'UTF-8'");
    assert_int_equal(tarn_register(f.db, &why), SQLITE_OK); /* a second time: nothing happens */
    assert_null(why);
    exec(f.db, "INSERT INTO events(type) VALUES('a'), ('b')");
    assert_int_equal(tarn_flush(f.db, &events, &why), SQLITE_OK);
    assert_int_equal(events, 2);
    assert_int_equal(tarn_flush(f.db, &events, &why), SQLITE_OK);
    assert_int_equal(events, 0);
    close_db(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same_as_a_table),        cmocka_unit_test(test_payload_columns),
        cmocka_unit_test(test_numbers_against_ts),     cmocka_unit_test(test_or_is_one_scan),
        cmocka_unit_test(test_help_is_complete),       cmocka_unit_test(test_public_api),
        cmocka_unit_test(test_stored_uri_needs_trust),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
