/* The C API of change capture: include/tarn.h's tarn_track to tarn_errmsg. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "tarn.h"

void *sqlite3_preupdate_hook(sqlite3 *db,
                             void (*hook)(void *, sqlite3 *, int, const char *, const char *,
                                          sqlite3_int64, sqlite3_int64),
                             void *arg);

struct base {
    char folder[64];
    char path[80];
    sqlite3 *db;
};

static sqlite3 *connect_to(const char *path) {
    sqlite3 *db = NULL;
    char *why = NULL;

    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    sqlite3_busy_timeout(db, 5000);
    if (tarn_register(db, &why)) fail_msg("%s", why);
    return db;
}

static void must(sqlite3 *db, const char *sql) {
    char *why = NULL;

    if (sqlite3_exec(db, sql, NULL, NULL, &why)) fail_msg("%s: %s", sql, why);
}

static void must_fail(sqlite3 *db, const char *sql) {
    assert_int_not_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
}

static void begin(struct base *b) {
    snprintf(b->folder, sizeof b->folder, "public-XXXXXX");
    assert_non_null(mkdtemp(b->folder));
    snprintf(b->path, sizeof b->path, "%s/app.db", b->folder);
    b->db = connect_to(b->path);
    must(b->db, "PRAGMA journal_mode = wal; SELECT tarn_config('autoFlush', 'off');"
                "CREATE TABLE users(id INTEGER PRIMARY KEY, name TEXT NOT NULL);"
                "CREATE TABLE notes(id INTEGER PRIMARY KEY, text TEXT)");
}

static void end(struct base *b) {
    char command[128];

    assert_int_equal(sqlite3_close(b->db), SQLITE_OK);
    snprintf(command, sizeof command, "rm -rf %s", b->folder);
    assert_int_equal(system(command), 0);
}

static void track(sqlite3 *db, const char *table) {
    char *why = NULL;

    if (tarn_track(db, table, NULL, NULL, &why)) fail_msg("%s", why);
}

/* What the callback was told, as text: "changes events name=rows ...;" for each transaction. */
struct heard {
    char text[4096];
    char bookmark[TARN_BOOKMARK_SIZE]; /* the last one */
    sqlite3_int64 time;
    int calls, destroyed;
};

static void hear(void *arg, const struct tarn_transaction *t) {
    struct heard *h = arg;
    size_t n = strlen(h->text);
    int i;

    n += (size_t)snprintf(h->text + n, sizeof h->text - n, "%lld %lld", t->changes, t->events);
    for (i = 0; i < t->n_collections; i++) {
        n += (size_t)snprintf(h->text + n, sizeof h->text - n, " %s=%lld", t->collections[i].name,
                              t->collections[i].rows);
    }
    snprintf(h->text + n, sizeof h->text - n, ";");
    assert_int_equal(strlen(t->bookmark), TARN_BOOKMARK_SIZE - 1);
    assert_true(strcmp(t->bookmark, h->bookmark) > 0);
    assert_true(t->time >= h->time);
    assert_true(t->time > 1577836800000); /* 2020: milliseconds */
    memcpy(h->bookmark, t->bookmark, TARN_BOOKMARK_SIZE);
    h->time = t->time;
    h->calls++;
}

static void count_destroy(void *arg) {
    ((struct heard *)arg)->destroyed++;
}

static void expect(struct heard *h, const char *want) {
    assert_string_equal(h->text, want);
    h->text[0] = 0;
}

static void callbacks_come_for_commits_only(void **state) {
    struct base b;
    struct heard h = {0};

    (void)state;
    begin(&b);
    track(b.db, "users");
    assert_int_equal(tarn_on_commit(b.db, hear, &h, count_destroy), SQLITE_OK);
    must(b.db, "INSERT INTO users VALUES(1, 'ada')");
    expect(&h, "1 0 app/users=1;");
    must(b.db, "BEGIN; INSERT INTO users VALUES(2, 'bob'); UPDATE users SET name = 'x'; ROLLBACK");
    expect(&h, "");
    must_fail(b.db, "INSERT INTO users VALUES(3, 'cy'), (1, 'twice')");
    expect(&h, "");
    must(b.db, "BEGIN; INSERT INTO users VALUES(2, 'bob'); SAVEPOINT s;"
               "INSERT INTO users VALUES(3, 'cy'); ROLLBACK TO s; DELETE FROM users WHERE id = 1");
    expect(&h, ""); /* not committed yet */
    must(b.db, "COMMIT");
    expect(&h, "2 0 app/users=2;");
    must(b.db, "BEGIN; SAVEPOINT s; INSERT INTO users VALUES(5, 'e'); ROLLBACK TO s; COMMIT");
    must(b.db, "INSERT INTO notes VALUES(1, 'not tracked')");
    must(b.db, "SELECT * FROM users");
    expect(&h, "");
    assert_int_equal(h.destroyed, 0);
    end(&b);
    assert_int_equal(h.destroyed, 1);
}

static void collections_are_told_by_name(void **state) {
    struct base b;
    struct heard h = {0};

    (void)state;
    begin(&b);
    track(b.db, "users");
    track(b.db, "notes");
    assert_int_equal(tarn_on_commit(b.db, hear, &h, NULL), SQLITE_OK);
    must(b.db,
         "BEGIN; INSERT INTO users VALUES(1, 'a'), (2, 'b'); INSERT INTO notes VALUES(1, 'n');"
         "INSERT INTO events(type) VALUES('x'), ('y'), ('z'); COMMIT");
    expect(&h, "3 3 app/notes=1 app/users=2;");
    must(b.db, "INSERT INTO events(type) VALUES('alone')");
    expect(&h, "");
    must(b.db,
         "WITH n(i) AS (SELECT 3 UNION ALL SELECT i + 1 FROM n WHERE i < 40000)"
         "INSERT INTO users SELECT i, 'a name that fills more than what stays in line' FROM n");
    expect(&h, "39998 0 app/users=39998;"); /* a file of changes */
    end(&b);
}

static void entries_are_no_rows(void **state) {
    struct base b;
    struct heard h = {0};
    char *name = NULL;

    (void)state;
    begin(&b);
    must(b.db, "INSERT INTO users VALUES(1, 'before')");
    assert_int_equal(tarn_on_commit(b.db, hear, &h, NULL), SQLITE_OK);
    assert_int_equal(tarn_track(b.db, "users", "{\"collection\":\"people\"}", &name, NULL),
                     SQLITE_OK);
    assert_string_equal(name, "app/people");
    sqlite3_free(name);
    expect(&h, "0 0 app/people=0;");
    must(b.db, "ALTER TABLE users ADD COLUMN age INTEGER");
    must(b.db, "INSERT INTO users VALUES(2, 'after', 3)"); /* notes the new shape first */
    expect(&h, "1 0 app/people=1;");
    must(b.db, "BEGIN; SAVEPOINT s");
    assert_int_equal(tarn_untrack(b.db, "users", NULL), SQLITE_OK);
    must(b.db, "ROLLBACK TO s; INSERT INTO users VALUES(3, 'still', 3); COMMIT");
    expect(&h, "1 0 app/people=1;");
    assert_int_equal(tarn_untrack(b.db, "users", NULL), SQLITE_OK);
    expect(&h, "0 0 app/people=0;");
    must(b.db, "INSERT INTO users VALUES(4, 'unseen', 4)");
    expect(&h, "");
    end(&b);
}

static void tracking_again_is_nothing_new(void **state) {
    struct base b;
    struct heard h = {0};
    char was[TARN_BOOKMARK_SIZE], now[TARN_BOOKMARK_SIZE];
    char *name = NULL;

    (void)state;
    begin(&b);
    assert_int_equal(
        tarn_track(b.db, "users", "{\"trackPrevious\":false,\"columns\":[]}", NULL, NULL),
        SQLITE_OK);
    assert_int_equal(tarn_bookmark(b.db, was, NULL), SQLITE_OK);
    assert_int_equal(tarn_on_commit(b.db, hear, &h, NULL), SQLITE_OK);
    must(b.db, "PRAGMA query_only = on"); /* it writes nothing */
    assert_int_equal(
        tarn_track(b.db, "USERS", "{\"columns\": [], \"trackPrevious\": false}", &name, NULL),
        SQLITE_OK);
    must(b.db, "PRAGMA query_only = off");
    assert_string_equal(name, "app/users");
    sqlite3_free(name);
    assert_int_equal(tarn_bookmark(b.db, now, NULL), SQLITE_OK);
    assert_string_equal(now, was);
    assert_int_equal(h.calls, 0);
    assert_int_equal(tarn_track(b.db, "users", NULL, NULL, NULL), SQLITE_OK); /* other options */
    expect(&h, "0 0 app/users=0;");
    assert_int_equal(tarn_untrack(b.db, "users", NULL), SQLITE_OK);
    assert_int_equal(tarn_track(b.db, "users", NULL, NULL, NULL), SQLITE_OK);
    expect(&h, "0 0 app/users=0;0 0 app/users=0;");
    end(&b);
}

static void what_is_tracked_can_be_read_by_who_opens_it(void **state) {
    struct base b;
    struct heard h = {0};
    sqlite3 *db;

    (void)state;
    begin(&b);
    must(b.db, "CREATE TABLE cdc_notes(a)"); /* the application's own: stays what it is */
    track(b.db, "users");
    assert_int_equal(tarn_track(b.db, "notes", NULL, NULL, NULL), SQLITE_ERROR);
    assert_int_equal(tarn_track(b.db, "notes", "{\"collection\":\"a \\\"b\"}", NULL, NULL),
                     SQLITE_OK);
    must(b.db, "INSERT INTO users VALUES(1, 'a'); INSERT INTO notes VALUES(1, 'n')");
    db = connect_to(b.path);
    assert_null(tarn_errmsg(db));
    must(db,
         "CREATE TEMP TABLE seen(n CHECK (n = 1)); INSERT INTO seen SELECT count(*) FROM cdc_users;"
         "INSERT INTO seen SELECT count(*) FROM \"cdc_a \"\"b\"; SELECT a FROM cdc_notes");
    assert_int_equal(tarn_on_commit(db, hear, &h, NULL), SQLITE_OK);
    must(db, "INSERT INTO users VALUES(2, 'b')"); /* and it captures */
    expect(&h, "1 0 app/users=1;");
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    end(&b);
}

static void a_dropped_table_is_told_of_with_the_next_change(void **state) {
    struct base b;
    struct heard h = {0};

    (void)state;
    begin(&b);
    track(b.db, "users");
    track(b.db, "notes");
    assert_int_equal(tarn_on_commit(b.db, hear, &h, NULL), SQLITE_OK);
    must(b.db, "DROP TABLE users");
    must(b.db, "INSERT INTO notes VALUES(1, 'n')");
    expect(&h, "1 0 app/notes=1 app/users=0;");
    must(b.db,
         "CREATE TABLE users(id INTEGER PRIMARY KEY, name TEXT); INSERT INTO users VALUES(1, 'x')");
    expect(&h, "1 0 app/users=1;");
    end(&b);
}

static void each_connection_tells_of_its_own(void **state) {
    struct base b;
    struct heard one = {0}, two = {0};
    char seen[TARN_BOOKMARK_SIZE];
    sqlite3 *other;

    (void)state;
    begin(&b);
    track(b.db, "users");
    other = connect_to(b.path);
    assert_int_equal(tarn_bookmark(other, seen, NULL), SQLITE_OK);
    assert_int_equal(strlen(seen), TARN_BOOKMARK_SIZE - 1); /* that of tarn_track */
    assert_int_equal(tarn_on_commit(b.db, hear, &one, NULL), SQLITE_OK);
    assert_int_equal(tarn_on_commit(other, hear, &two, NULL), SQLITE_OK);
    must(b.db, "INSERT INTO users VALUES(1, 'one')");
    assert_true(strcmp(one.bookmark, seen) > 0);
    must(other, "INSERT INTO users VALUES(2, 'two'), (3, 'three')");
    assert_true(strcmp(two.bookmark, one.bookmark) > 0);
    expect(&one, "1 0 app/users=1;");
    expect(&two, "2 0 app/users=2;");
    assert_int_equal(tarn_bookmark(b.db, seen, NULL), SQLITE_OK);
    assert_string_equal(seen, two.bookmark);
    must(b.db, "BEGIN; SELECT * FROM users"); /* the state that it reads stays as it is */
    must(other, "DELETE FROM users");
    assert_int_equal(tarn_bookmark(b.db, seen, NULL), SQLITE_OK);
    assert_true(strcmp(seen, two.bookmark) < 0);
    must(b.db, "COMMIT");
    assert_int_equal(tarn_bookmark(b.db, seen, NULL), SQLITE_OK);
    assert_string_equal(seen, two.bookmark);
    assert_int_equal(sqlite3_close(other), SQLITE_OK);
    end(&b);
}

static void a_database_in_memory(void **state) {
    struct heard h = {0};
    sqlite3 *db = connect_to(":memory:");
    char folder[] = "public-XXXXXX";
    char sql[96];

    (void)state;
    assert_non_null(mkdtemp(folder));
    snprintf(sql, sizeof sql, "SELECT tarn_open('./%s')", folder);
    must(db, sql);
    must(db, "CREATE TABLE users(id INTEGER PRIMARY KEY)");
    track(db, "users");
    assert_int_equal(tarn_on_commit(db, hear, &h, NULL), SQLITE_OK);
    must(db, "INSERT INTO users VALUES(1)");
    must(db, "BEGIN; INSERT INTO users VALUES(2); ROLLBACK");
    must(db, "DELETE FROM users");
    expect(&h, "1 0 main/users=1;1 0 main/users=1;");
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    snprintf(sql, sizeof sql, "rm -rf %s", folder);
    assert_int_equal(system(sql), 0);
}

static void a_callback_is_replaced_and_destroyed(void **state) {
    struct base b;
    struct heard one = {0}, two = {0};

    (void)state;
    begin(&b);
    track(b.db, "users");
    assert_int_equal(tarn_on_commit(b.db, hear, &one, count_destroy), SQLITE_OK);
    assert_int_equal(tarn_on_commit(b.db, hear, &two, count_destroy), SQLITE_OK);
    assert_int_equal(one.destroyed, 1);
    must(b.db, "INSERT INTO users VALUES(1, 'a')");
    assert_int_equal(one.calls, 0);
    assert_int_equal(two.calls, 1);
    assert_int_equal(tarn_on_commit(b.db, NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(two.destroyed, 1);
    must(b.db, "INSERT INTO users VALUES(2, 'b')");
    assert_int_equal(two.calls, 1);
    assert_int_equal(tarn_on_commit(NULL, hear, &one, count_destroy), SQLITE_MISUSE);
    assert_int_equal(one.destroyed, 2);
    end(&b);
    assert_int_equal(two.destroyed, 1);
}

static sqlite3 *used;

static void misbehave(void *arg, const struct tarn_transaction *t) {
    char bookmark[TARN_BOOKMARK_SIZE];
    char *why = NULL;

    (void)t;
    assert_int_equal(tarn_flush(used, NULL, &why), SQLITE_MISUSE);
    assert_string_equal(why,
                        "a callback of tarn_on_commit must leave its connection alone: it runs "
                        "inside the statement that commits");
    sqlite3_free(why);
    assert_int_equal(tarn_bookmark(used, bookmark, NULL), SQLITE_MISUSE);
    assert_int_equal(tarn_track(used, "notes", NULL, NULL, NULL), SQLITE_MISUSE);
    assert_int_equal(tarn_untrack(used, "users", NULL), SQLITE_MISUSE);
    assert_int_equal(tarn_on_commit(used, NULL, NULL, NULL), SQLITE_MISUSE);
    ++*(int *)arg;
}

static void a_callback_leaves_its_connection_alone(void **state) {
    struct base b;
    int calls = 0;

    (void)state;
    begin(&b);
    track(b.db, "users");
    used = b.db;
    assert_int_equal(tarn_on_commit(b.db, misbehave, &calls, NULL), SQLITE_OK);
    must(b.db, "INSERT INTO users VALUES(1, 'a'); INSERT INTO users VALUES(2, 'b')");
    assert_int_equal(calls, 2);
    end(&b);
}

static void read_through_another(void *arg, const struct tarn_transaction *t) {
    char seen[TARN_BOOKMARK_SIZE];

    assert_int_equal(tarn_bookmark(arg, seen, NULL), SQLITE_OK);
    assert_string_equal(seen, t->bookmark);
}

static void others_see_the_commit_in_the_callback(void **state) {
    const char *const modes[] = {"PRAGMA journal_mode = wal", "PRAGMA journal_mode = delete"};
    struct base b;
    int i;

    (void)state;
    begin(&b);
    track(b.db, "users");
    for (i = 0; i < 2; i++) {
        sqlite3 *reader;

        must(b.db, modes[i]);
        reader = connect_to(b.path);
        assert_int_equal(tarn_on_commit(b.db, read_through_another, reader, NULL), SQLITE_OK);
        must(b.db, "INSERT INTO users(name) VALUES('a')");
        must(b.db, "UPDATE users SET name = 'b'");
        assert_int_equal(sqlite3_close(reader), SQLITE_OK);
        assert_int_equal(tarn_on_commit(b.db, NULL, NULL, NULL), SQLITE_OK);
    }
    end(&b);
}

static void expect_why(char *why, const char *want) {
    assert_non_null(why);
    assert_string_equal(why, want);
    sqlite3_free(why);
}

static void nulls_are_misuse(void **state) {
    struct base b;
    char bookmark[TARN_BOOKMARK_SIZE] = "x";
    char *why = bookmark;

    (void)state;
    begin(&b);
    assert_int_equal(tarn_register(NULL, &why), SQLITE_MISUSE);
    assert_null(why);
    assert_int_equal(tarn_track(NULL, "users", NULL, NULL, NULL), SQLITE_MISUSE);
    assert_int_equal(tarn_track(b.db, NULL, NULL, NULL, NULL), SQLITE_MISUSE);
    assert_int_equal(tarn_untrack(NULL, "users", NULL), SQLITE_MISUSE);
    assert_int_equal(tarn_untrack(b.db, NULL, NULL), SQLITE_MISUSE);
    assert_int_equal(tarn_bookmark(NULL, bookmark, NULL), SQLITE_MISUSE);
    assert_string_equal(bookmark, "");
    assert_int_equal(tarn_bookmark(b.db, NULL, NULL), SQLITE_MISUSE);
    assert_int_equal(tarn_flush(NULL, NULL, NULL), SQLITE_MISUSE);
    assert_int_equal(tarn_on_commit(NULL, NULL, NULL, NULL), SQLITE_MISUSE);
    assert_non_null(tarn_errmsg(NULL));
    assert_int_equal(tarn_bookmark(b.db, bookmark, NULL), SQLITE_OK);
    assert_string_equal(bookmark, ""); /* nothing was captured yet */
    assert_int_equal(tarn_flush(b.db, NULL, NULL), SQLITE_OK);
    end(&b);
}

static void errors_have_texts(void **state) {
    struct base b;
    char *name = (char *)1;
    char *why = NULL;

    (void)state;
    begin(&b);
    assert_int_equal(tarn_track(b.db, "nothing", NULL, &name, &why), SQLITE_ERROR);
    assert_null(name);
    assert_non_null(strstr(why, "nothing"));
    sqlite3_free(why);
    assert_int_equal(tarn_track(b.db, "users", "{\"colour\":1}", NULL, &why), SQLITE_ERROR);
    assert_non_null(strstr(why, "colour"));
    assert_non_null(strstr(why, "trackPrevious"));
    sqlite3_free(why);
    assert_int_not_equal(tarn_untrack(b.db, "users", &why), SQLITE_OK);
    expect_why(why, "table users is not tracked: no table is");
    track(b.db, "notes");
    assert_int_not_equal(tarn_untrack(b.db, "users", &why), SQLITE_OK);
    expect_why(why, "table users is not tracked: tarn_collections lists those that are");
    assert_int_equal(tarn_untrack(b.db, "notes", &why), SQLITE_OK);
    assert_null(why);
    end(&b);
}

static void a_connection_without_tarn_is_told(void **state) {
    const char *want = "this connection has no Tarn: tarn_register comes first";
    struct heard h = {0};
    char bookmark[TARN_BOOKMARK_SIZE];
    char *why = NULL;
    sqlite3 *db = NULL;

    (void)state;
    assert_int_equal(sqlite3_open(":memory:", &db), SQLITE_OK);
    assert_int_equal(tarn_track(db, "users", NULL, NULL, &why), SQLITE_ERROR);
    expect_why(why, want);
    assert_int_equal(tarn_bookmark(db, bookmark, &why), SQLITE_ERROR);
    expect_why(why, want);
    assert_int_equal(tarn_flush(db, NULL, &why), SQLITE_ERROR);
    expect_why(why, want);
    assert_int_equal(tarn_on_commit(db, hear, &h, count_destroy), SQLITE_MISUSE);
    assert_int_equal(h.destroyed, 1);
    assert_string_equal(tarn_errmsg(db), want);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

static void errmsg_tells_why_delivery_fails(void **state) {
    struct base b;
    char lake[96];
    const char *why;

    (void)state;
    begin(&b);
    snprintf(lake, sizeof lake, "%s-lake", b.path);
    track(b.db, "users");
    must(b.db, "INSERT INTO users VALUES(1, 'a')");
    assert_null(tarn_errmsg(b.db));
    fclose(fopen(lake, "w")); /* a file where the lake should be */
    assert_int_not_equal(tarn_flush(b.db, NULL, NULL), SQLITE_OK);
    must_fail(b.db, "SELECT * FROM nowhere");
    why = tarn_errmsg(b.db);
    assert_non_null(why);
    assert_non_null(strstr(why, "app.db-lake"));
    assert_non_null(tarn_errmsg(b.db)); /* as long as it is so */
    assert_string_equal(sqlite3_errmsg(b.db), "no such table: nowhere");
    must(b.db, "INSERT INTO users VALUES(2, 'b')"); /* the application goes on */
    assert_int_equal(unlink(lake), 0);
    assert_int_equal(tarn_flush(b.db, NULL, NULL), SQLITE_OK);
    assert_null(tarn_errmsg(b.db));
    end(&b);
}

static void other_hook(void *arg, sqlite3 *db, int op, const char *database, const char *table,
                       sqlite3_int64 from, sqlite3_int64 to) {
    (void)arg;
    (void)db;
    (void)op;
    (void)database;
    (void)table;
    (void)from;
    (void)to;
}

static void errmsg_tells_that_capture_is_off_once(void **state) {
    struct base b;
    sqlite3 *db = NULL;
    int mine = 0;
    const char *why;

    (void)state;
    begin(&b);
    track(b.db, "users");
    assert_int_equal(sqlite3_open(b.path, &db), SQLITE_OK);
    (void)sqlite3_preupdate_hook(db, other_hook, &mine);
    assert_int_equal(tarn_register(db, NULL), SQLITE_OK);
    why = tarn_errmsg(db);
    assert_non_null(why);
    assert_non_null(strstr(why, "preupdate hook"));
    assert_null(tarn_errmsg(db));
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    end(&b);
}

static void errmsg_tells_of_what_was_let_pass(void **state) {
    const char *write = "BEGIN; INSERT INTO notes VALUES(1, 'n');"
                        "INSERT INTO other.users VALUES(1, 'elsewhere'); COMMIT";
    struct base b, other;
    struct heard h = {0};
    const char *why;
    char sql[128];

    (void)state;
    begin(&b);
    begin(&other);
    track(b.db, "notes");
    track(other.db, "users");
    snprintf(sql, sizeof sql, "ATTACH '%s' AS other", other.path);
    must(b.db, sql);
    assert_int_equal(tarn_on_commit(b.db, hear, &h, NULL), SQLITE_OK);
    must_fail(b.db, write);
    assert_non_null(strstr(sqlite3_errmsg(b.db), "table other.users is tracked"));
    assert_int_equal(sqlite3_get_autocommit(b.db), 1); /* rolled back */
    assert_null(tarn_errmsg(b.db));                    /* the COMMIT has told it */
    expect(&h, "");
    must(b.db, "SELECT tarn_config('captureErrors', 'warn')");
    must(b.db, write);
    expect(&h, "0 0 app/notes=0;"); /* a gap, and no rows */
    why = tarn_errmsg(b.db);
    assert_non_null(why);
    assert_non_null(strstr(why, "table other.users is tracked"));
    assert_null(tarn_errmsg(b.db));
    end(&b);
    end(&other);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(callbacks_come_for_commits_only),
        cmocka_unit_test(collections_are_told_by_name),
        cmocka_unit_test(entries_are_no_rows),
        cmocka_unit_test(tracking_again_is_nothing_new),
        cmocka_unit_test(what_is_tracked_can_be_read_by_who_opens_it),
        cmocka_unit_test(a_dropped_table_is_told_of_with_the_next_change),
        cmocka_unit_test(each_connection_tells_of_its_own),
        cmocka_unit_test(a_database_in_memory),
        cmocka_unit_test(a_callback_is_replaced_and_destroyed),
        cmocka_unit_test(a_callback_leaves_its_connection_alone),
        cmocka_unit_test(others_see_the_commit_in_the_callback),
        cmocka_unit_test(nulls_are_misuse),
        cmocka_unit_test(errors_have_texts),
        cmocka_unit_test(a_connection_without_tarn_is_told),
        cmocka_unit_test(errmsg_tells_why_delivery_fails),
        cmocka_unit_test(errmsg_tells_that_capture_is_off_once),
        cmocka_unit_test(errmsg_tells_of_what_was_let_pass),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
