/* test_bookmarks.c: tarn_bookmark() and tarn_bookmark_at(): at each time the newest commit that is not
** after it, wherever that is by now: waiting, delivered, on an older timeline, another's.
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

#include "cdc_fixture.h"
#include "tarn.h"
#include "time.h"

static char folder[64];
static int64_t now;

static int64_t clock_of(void *arg) {
    (void)arg;
    return now;
}

static sqlite3 *connect_to(const char *name, const char *lake) {
    char path[128];
    char *message = NULL;
    sqlite3 *out = NULL;

    snprintf(path, sizeof path, "%s%s%s", *name == ':' ? "" : folder, *name == ':' ? "" : "/",
             name);
    assert_int_equal(sqlite3_open(path, &out), SQLITE_OK);
    if (tarn_register(out, &message)) fail_msg("%s", message);
    fx_must(out,
            "SELECT tarn_open('%q/%s'); SELECT tarn_config('autoFlush', 'off'), "
            "tarn_config('cdcNamespace', 'app')",
            folder, lake);
    return out;
}

static int set_up(void **state) {
    (void)state;
    snprintf(folder, sizeof folder, "%s/tarn-marks-XXXXXX",
             access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    assert_non_null(mkdtemp(folder));
    setenv("HOME", folder, 1);
    now = 1770040800000;
    tarn_time_set_clock(clock_of, NULL);
    return 0;
}

static int tear_down(void **state) {
    char command[128];

    (void)state;
    tarn_time_set_clock(NULL, NULL);
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    return system(command);
}

/* Timeline and sequence of the bookmark at each of the seconds. */
static void expect(sqlite3 *db, const char *want, int seconds) {
    char got[512] = "";
    int i;

    for (i = -1; i <= seconds; i++) {
        char *b = fx_text(db, "SELECT tarn_bookmark_at(%lld)", 1770040800000 + 1000ll * i);
        size_t n = strlen(got);

        snprintf(got + n, sizeof got - n, "%s%.*s%.*s", n ? " " : "", b[0] == 'N' ? 0 : 1, b + 7,
                 b[0] == 'N' ? 1 : 2, b[0] == 'N' ? "-" : b + 23);
        sqlite3_free(b);
    }
    if (strcmp(got, want) != 0) fail_msg("want %s\ngot  %s", want, got);
}

static void change(sqlite3 *db, int id, int second) {
    now = 1770040800000 + 1000ll * second;
    fx_must(db, "INSERT INTO t VALUES(%d)", id);
}

static void history(sqlite3 *db) {
    fx_must(db, "CREATE TABLE t(x INTEGER PRIMARY KEY); SELECT tarn_track('t')"); /* 1, second 0 */
    change(db, 1, 1);                                                             /* 2 */
    now += 1000;
    fx_must(db, "INSERT INTO events(type) VALUES('e')"); /* 3, second 2 */
    change(db, 2, 4);                                    /* 4 */
    change(db, 3, 4);                                    /* 5 */
}

static void waiting_and_delivered(void **state) {
    sqlite3 *db = connect_to("app.db", "lake");
    sqlite3 *other;
    char *last;

    (void)state;
    fx_expect(db, "NULL", "SELECT tarn_bookmark()");
    expect(db, "- - -", 1);
    history(db);
    expect(db, "- 001 002 003 003 005 005", 5);
    fx_expect(db, "1", "SELECT tarn_bookmark() = max(bookmark) FROM cdc_t");
    fx_must(db, "SELECT tarn_flush()");
    /* an event's own is not in the log */
    expect(db, "- 001 002 002 002 005 005", 5);
    fx_expect(db, "1", "SELECT tarn_bookmark() = max(bookmark) FROM cdc_t");
    change(db, 4, 6);
    expect(db, "- 001 002 002 002 005 005 006 006", 7);
    fx_must(db, "SELECT tarn_flush()");
    change(db, 5, 7);
    fx_must(db, "SELECT tarn_flush()");
    expect(db, "- 001 002 002 002 005 005 006 007 007", 8);
    /* as text; bad times */
    last = fx_text(db, "SELECT tarn_bookmark()");
    fx_expect(db, last, "SELECT tarn_bookmark_at('2026-02-02 14:00:07')");
    fx_expect(db, last, "SELECT tarn_bookmark_at('2027')");
    fx_expect(db, "NULL", "SELECT tarn_bookmark_at(NULL)");
    fx_fails(db, "tarn_bookmark_at(time): 'soon' is no time*", "SELECT tarn_bookmark_at('soon')");
    fx_fails(db, "tarn_bookmark_at(time): 1.5 is no time*", "SELECT tarn_bookmark_at(1.5)");
    /* inside a transaction: what is committed, not what it has done itself */
    fx_must(db, "BEGIN; INSERT INTO t VALUES(77)");
    fx_expect(db, last, "SELECT tarn_bookmark()");
    fx_must(db, "ROLLBACK");
    sqlite3_free(last);
    /* somebody else finds the rows' bookmarks in the deltas */
    other = connect_to("other.db", "lake");
    fx_expect(other, "NULL", "SELECT tarn_bookmark()");
    expect(other, "- - 002 002 002 005 005 006 007 007", 8);
    sqlite3_close(other);
    sqlite3_close(db);
}

static void timelines(void **state) {
    sqlite3 *db = connect_to("app.db", "lake");
    sqlite3 *copy;
    char command[256];

    (void)state;
    history(db);
    fx_must(db, "SELECT tarn_flush(); PRAGMA wal_checkpoint");
    snprintf(command, sizeof command, "cp %s/app.db %s/copy.db", folder, folder);
    assert_int_equal(system(command), 0);
    change(db, 6, 6);
    fx_must(db, "SELECT tarn_flush()");
    copy = connect_to("copy.db", "lake");
    change(copy, 7, 7);
    fx_must(copy, "SELECT tarn_flush()");
    change(copy, 8, 8);
    expect(db, "- 001 002 002 002 005 005 006 006 006", 8);
    expect(copy, "- 001 002 002 002 005 005 005 106 107", 8);
    fx_expect(copy, "1", "SELECT tarn_bookmark() = max(bookmark) FROM cdc_t");
    fx_expect(copy, "1 2 3 6 7 8",
              "SELECT group_concat(pk, ' ') FROM (SELECT pk FROM cdc_t ORDER BY "
              "bookmark)");
    sqlite3_close(copy);
    sqlite3_close(db);
}

static void without_a_file(void **state) {
    sqlite3 *db = connect_to(":memory:", "lake");

    (void)state;
    history(db);
    expect(db, "- 001 002 003 003 005 005", 5);
    fx_expect(db, "1", "SELECT tarn_bookmark() = max(bookmark) FROM cdc_t");
    fx_must(db, "SELECT tarn_flush()");
    expect(db, "- 001 002 002 002 005 005", 5);
    fx_expect(db, "3", "SELECT count(*) FROM cdc_t WHERE filename IS NOT NULL");
    sqlite3_close(db);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(waiting_and_delivered, set_up, tear_down),
        cmocka_unit_test_setup_teardown(timelines, set_up, tear_down),
        cmocka_unit_test_setup_teardown(without_a_file, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
