/* test_verify.c: tarn_verify('cdc') finds every kind of damage, and none where there is none.
**
** Each test begins with the same lake of four deliveries, damages it behind Tarn's back, and reads what
** is said of it: the first entry that is not ok, and where.
*/
#include <limits.h>
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

#include "cdc_fixture.h"
#include "mem.h"
#include "tarn.h"

static char folder[64];
static sqlite3 *db;

static void shell(const char *fmt, ...) {
    char command[1024];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(command, sizeof command, fmt, ap);
    va_end(ap);
    if (system(command) != 0) fail_msg("%s", command);
}

static sqlite3 *connect_to(const char *name) {
    char path[128];
    char *message = NULL;
    sqlite3 *out = NULL;

    snprintf(path, sizeof path, "%s/%s", folder, name);
    assert_int_equal(sqlite3_open(path, &out), SQLITE_OK);
    if (tarn_register(out, &message)) fail_msg("%s", message);
    fx_must(out, "SELECT tarn_open('%q/lake'); SELECT tarn_config('autoFlush', 'off')", folder);
    return out;
}

static int set_up(void **state) {
    (void)state;
    snprintf(folder, sizeof folder, "%s/tarn-verify-XXXXXX",
             access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    assert_non_null(mkdtemp(folder));
    setenv("HOME", folder, 1);
    db = connect_to("app.db");
    fx_must(db, "CREATE TABLE users(id INTEGER PRIMARY KEY, name TEXT);"
                "INSERT INTO users VALUES(1, 'a'), (7, x'00ff');"
                "CREATE TABLE w(a TEXT, b REAL, c, PRIMARY KEY(a, b)) WITHOUT ROWID;"
                "CREATE TABLE r(x); INSERT INTO r VALUES('base');"
                "SELECT tarn_track('users'); SELECT tarn_track('w', '{\"trackPrevious\":false}');"
                "SELECT tarn_track('r', '{\"namespace\":\"other\"}')");
    fx_must(db, "INSERT INTO users VALUES(2, 'b'), (3, 'c'); INSERT INTO events(type) VALUES('e');"
                "SELECT tarn_flush()");
    fx_must(db, "INSERT INTO w VALUES('x', 1.5, NULL), ('', -0.0, 9e999), ('[', 1e100, 'x');"
                "BEGIN; INSERT INTO r VALUES(1), ('q'), (x'01'); DELETE FROM r WHERE x = 1;"
                "INSERT INTO events(type) VALUES('e'); COMMIT; UPDATE w SET c = 1, b = 2;"
                "SELECT tarn_flush()");
    fx_must(db, "ALTER TABLE users ADD COLUMN z DEFAULT 5; INSERT INTO users VALUES(9, 'n', 6);"
                "UPDATE users SET z = 1; DELETE FROM users WHERE id = 2; SELECT tarn_flush();"
                "INSERT INTO events(type) VALUES('e'); SELECT tarn_flush()");
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    shell("rm -rf '%s'", folder);
    return 0;
}

#define VERDICT                                                                            \
    "SELECT ifnull(group_concat(timeline || '.' || entry || ': ' || fault || ' | ' || "    \
    "ifnull(replace(file, 'cdc/', ''), '-') || ' | ' || ifnull(\"row\", '-') || ' | ' || " \
    "ifnull(substr(bookmark, 22, 4), '-'), x'0a'), 'ok') FROM tarn_verify('cdc'%s) WHERE NOT ok"

/* What is said of the lake must be like this (GLOB). */
static void expect(const char *pattern) {
    char *got = fx_text(db, VERDICT, "");

    if (sqlite3_strglob(pattern, got) != 0) fail_msg("want %s\ngot  %s", pattern, got);
    sqlite3_free(got);
}

/* Writes a delta or base again, from a SELECT over what it holds; its footer keys stay. */
static void rewrite(const char *key, const char *select) {
    char path[256];

    snprintf(path, sizeof path, "%s/lake/%s", folder, key);
    fx_must(db, "CREATE VIRTUAL TABLE temp.f USING parquet('%q')", path);
    fx_must(
        db,
        "SELECT tarn_export(%Q, '%q.new', json_object('metadata', (SELECT json_group_object(key, "
        "value) FROM parquet_kv_metadata('%q') WHERE key LIKE 'tarn.%%'), 'types', json('{%s}')))",
        select, path, path, strstr(select, "op") ? "\"prev\":\"TEXT\"" : "");
    fx_must(db, "DROP TABLE temp.f");
    shell("mv '%s.new' '%s'", path, path);
}

/* The key of the nth delta of a collection. */
static char *delta(const char *collection, int n) {
    char *key = fx_text(db,
                        "SELECT filename FROM (SELECT DISTINCT filename FROM cdc_%s ORDER BY 1) "
                        "LIMIT 1 OFFSET %d",
                        collection, n - 1);

    assert_non_null(strstr(key, "cdc/"));
    return key;
}

static void edit_log(int entry, const char *from, const char *to) {
    shell("sed -i 's/%s/%s/' %s/lake/_tarn/db/*/*/log/00000000/%012d.json", from, to, folder,
          entry);
}

static void restore_log(void) {
    shell("cd %s && rm -r lake/_tarn/db && cp -r log lake/_tarn/db", folder);
}

static void nothing_wrong(void **state) {
    char *text;

    (void)state;
    expect("ok");
    text =
        fx_text(db, "SELECT group_concat(entry || state || first || '-' || last || ':' || changes, "
                    "' ') FROM tarn_verify('cdc')");
    /* entry 1: three "track" and two rows; 2: 3 + 4 + 6; 3: "schema", 1 + 5 + 1; 4: events only */
    assert_string_equal(text, "1done1-5:5 2done6-8:13 3done9-11:8 4done12-12:0");
    sqlite3_free(text);
    /* archived deltas are the same files */
    shell("cd %s/lake/cdc/app/users && mkdir processed && mv deltas/* processed/", folder);
    expect("ok");
}

static void changed_rows(void **state) {
    char *key = delta("users", 2);

    (void)state;
    rewrite(
        key,
        "SELECT op, pk, ts, replace(data, '\"z\":1', '\"z\":2') AS data, prev, bookmark FROM f");
    expect("0.3: the changes of app/users up to this row are not those that were committed | "
           "app/users/deltas/009_*.parquet | 6 | 000a");
    sqlite3_free(key);
}

static void rows_too_few_and_too_many(void **state) {
    char *users = delta("users", 2);
    char *w = delta("w", 1);

    (void)state;
    rewrite(users, "SELECT * FROM f WHERE pk <> '3'");
    expect(
        "0.3: expected this bookmark, found 00000000-000000000000000b-*: a row is missing, or one "
        "too many | app/users/deltas/009_* | 6 | 000a");
    rewrite(w, "SELECT * FROM (SELECT * FROM f UNION ALL SELECT * FROM f WHERE op = 'none' OR pk = "
               "'x') UNION ALL SELECT * FROM (SELECT * FROM f LIMIT 1)");
    expect("0.2: a row that no commit of the entry has made | app/w/deltas/006_* | 10 | -\n0.3:*");
    rewrite(w, "SELECT * FROM f LIMIT 8");
    expect(
        "0.2: the file ends before the changes of this commit do | app/w/deltas/006_* | 9 | 0008\n"
        "0.3:*");
    sqlite3_free(users);
    sqlite3_free(w);
}

static void rows_that_break_rules(void **state) {
    char *key = delta("users", 1);

    (void)state;
    rewrite(key,
            "SELECT op, pk, ts, data, CASE pk WHEN '3' THEN data END AS prev, bookmark FROM f");
    expect("0.1: *column prev: an insert has none | app/users/deltas/004_* | 2 | 0004");
    rewrite(key, "SELECT op, pk, ts, data, NULL AS prev, bookmark FROM f");
    expect("ok");
    rewrite(key, "SELECT op, pk, '2026' AS ts, data, prev, bookmark FROM f");
    expect("0.1: ts is not the time of the commit, 20* | app/users/deltas/004_* | 1 | 0004");
    sqlite3_free(key);
}

static void files(void **state) {
    char *users = delta("users", 1);
    char *r = delta("users", 2);

    (void)state;
    shell("cp %s/lake/%s %s/lake/%s", folder, users, folder, r);
    expect(
        "0.3: its tarn.ranges names another delivery than this entry's | app/users/deltas/009_* | "
        "- | -");
    shell("rm %s/lake/%s", folder, r);
    expect("0.3: the file is not there | app/users/deltas/009_* | - | -");
    shell("echo damage > %s/lake/%s", folder, users);
    expect(
        "0.1: cdc/app/users/deltas/004_*too few for a Parquet file* | app/users/deltas/004_* | - | "
        "-\n0.3:*");
    sqlite3_free(users);
    sqlite3_free(r);
}

static void bases(void **state) {
    (void)state;
    rewrite("cdc/app/users/data.parquet",
            "SELECT pk, ts, replace(data, 'a\"}', 'A\"}') AS data, bookmark FROM f");
    expect(
        "0.1: the rows are not those of the table when it was tracked | app/users/data.parquet | - "
        "| 0001");
    /* a later state is not this one's */
    fx_must(db, "CREATE VIRTUAL TABLE temp.g USING parquet('%q/lake/cdc/app/users/data.parquet')",
            folder);
    fx_must(
        db,
        "SELECT tarn_export('SELECT * FROM g', '%q/new', json_object('metadata', (SELECT "
        "json_group_object(key, CASE key WHEN 'tarn.bookmark' THEN 'later' ELSE value END) FROM "
        "parquet_kv_metadata('%q/lake/cdc/app/users/data.parquet') WHERE key LIKE 'tarn.%%')))",
        folder, folder);
    fx_must(db, "DROP TABLE temp.g");
    shell("mv %s/new %s/lake/cdc/app/users/data.parquet", folder, folder);
    expect("ok");
    /* other namespaces only when they are asked for */
    rewrite("cdc/other/r/data.parquet",
            "SELECT pk, ts, replace(data, 'base', 'face') AS data, bookmark FROM f");
    expect("0.1: the rows are not those*| other/r/data.parquet | - | 0003");
    fx_expect(db, "ok", VERDICT, ", 'app'");
}

static void log_entries(void **state) {
    (void)state;
    shell("cd %s && cp -r lake/_tarn/db log", folder);
    edit_log(1, "\\\\\"epoch\\\\\":1", "\\\\\"epoch\\\\\":2");
    expect("0.1: the changes of app/users up to this row are not those that were committed | "
           "app/users/deltas/004_* | - | 0001");
    restore_log();
    expect("ok");
    edit_log(2, "\"rows\":4,\"digest\"", "\"rows\":3,\"digest\"");
    expect("0.2: the digest of the commit does not follow from the one before it* | - | - | 0007");
    restore_log();
    /* a digest of a commit of events, which only what follows can tell */
    edit_log(1, "......\"\\],\"objects", "000000\"],\"objects");
    expect("0.2: it does not continue the digest of commit 5 before it | - | - | -");
}

static void missing_entries(void **state) {
    (void)state;
    shell("rm %s/lake/_tarn/db/*/*/log/00000000/000000000002.json", folder);
    expect("0.3: entry 2 is missing | - | - | -");
    shell("rm %s/lake/_tarn/db/*/*/log/00000000/000000000001.json", folder);
    expect("ok"); /* entry 3 is the oldest that was kept */
    shell("rm %s/lake/_tarn/db/*/*/log/00000000/000000000003.end", folder);
    expect("0.3: it has not ended, and there are entries behind it | - | - | -");
    shell("sed -i s/commits/x/ %s/lake/_tarn/db/*/*/log/00000000/000000000004.json", folder);
    expect("*0.4: *not a flush log entry*");
}

/* A copy goes on by itself: a timeline of its own, whose parent is the first one. */
static void forks(void **state) {
    sqlite3 *copy;

    (void)state;
    shell("cd %s && sqlite3 app.db 'PRAGMA wal_checkpoint' >/dev/null && cp app.db copy.db",
          folder);
    fx_must(db, "INSERT INTO users VALUES(20, 'x', 1); SELECT tarn_flush()");
    copy = connect_to("copy.db");
    fx_must(copy, "INSERT INTO users VALUES(21, 'y', 1); SELECT tarn_flush()");
    assert_int_equal(sqlite3_close(copy), SQLITE_OK);
    fx_expect(db, "2", "SELECT count(DISTINCT timeline) FROM tarn_verify('cdc')");
    expect("ok");
    shell("sed -i 's/\"previous\":\"....../\"previous\":\"000000/' "
          "%s/lake/_tarn/db/*/*/log/00000001/000000000001.json",
          folder);
    expect("1.1: it does not continue commit 12 of timeline 00000000 | - | - | -");
    fx_must(db, "SELECT count(*) FROM cdc_users");
}

static void arguments(void **state) {
    (void)state;
    fx_fails(db, "tarn_verify(what[[], namespace]): what is 'cdc'*",
             "SELECT * FROM tarn_verify('events')");
    fx_fails(db, "*namespace*", "SELECT * FROM tarn_verify('cdc', '..')");
    fx_expect(db, "0", "SELECT sum(changes) FROM tarn_verify('cdc', 'nobody')");
}

/* Every allocation fails in turn: an error, never a verdict that is wrong. */
static void no_memory(void **state) {
    unsigned long n, made = ULONG_MAX;

    (void)state;
    for (n = 1; made >= n; n++) {
        sqlite3_stmt *stmt = NULL;
        int rc = sqlite3_prepare_v2(
            db, "SELECT count(*), sum(ok), sum(changes) FROM tarn_verify('cdc')", -1, &stmt, NULL);

        assert_int_equal(rc, SQLITE_OK);
        (void)tarn_mem_fail_after(n, 0);
        rc = sqlite3_step(stmt);
        made = tarn_mem_fail_after(0, 0);
        if (made == n) made = ULONG_MAX; /* it ended there */
        if (rc == SQLITE_ROW) {
            assert_int_equal(sqlite3_column_int(stmt, 0), 4);
            assert_int_equal(sqlite3_column_int(stmt, 1), 4);
            assert_int_equal(sqlite3_column_int(stmt, 2), 26);
        } else {
            assert_int_equal(sqlite3_reset(stmt), SQLITE_NOMEM);
        }
        sqlite3_finalize(stmt);
    }
    assert_true(n > 100);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(nothing_wrong, set_up, tear_down),
        cmocka_unit_test_setup_teardown(changed_rows, set_up, tear_down),
        cmocka_unit_test_setup_teardown(rows_too_few_and_too_many, set_up, tear_down),
        cmocka_unit_test_setup_teardown(rows_that_break_rules, set_up, tear_down),
        cmocka_unit_test_setup_teardown(files, set_up, tear_down),
        cmocka_unit_test_setup_teardown(bases, set_up, tear_down),
        cmocka_unit_test_setup_teardown(log_entries, set_up, tear_down),
        cmocka_unit_test_setup_teardown(missing_entries, set_up, tear_down),
        cmocka_unit_test_setup_teardown(forks, set_up, tear_down),
        cmocka_unit_test_setup_teardown(arguments, set_up, tear_down),
        cmocka_unit_test_setup_teardown(no_memory, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
