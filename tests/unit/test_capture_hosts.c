/* test_capture_hosts.c: what the program around a tracked database may do: other connections, ATTACH,
** schema changes, VACUUM, hooks and limits of its own, PRAGMAs at the wrong moment, a full file system.
** One test each; statements and transactions are in test_capture_traps.c.
*/
#define SQLITE_ENABLE_SESSION 1
#define SQLITE_ENABLE_PREUPDATE_HOOK 1

#include "capture_fixture.h"

#include <unistd.h>

static sqlite3 *db;

static int tracked(void **state) {
    if (trap_begin(state)) return -1;
    db = trap_open("app.db");
    trap_must(db, "CREATE TABLE t(id INTEGER PRIMARY KEY, v); SELECT tarn_track('t')");
    return 0;
}

#define INSERT_1 "insert 1 {\"id\":1,\"v\":\"a\"} -"
#define INSERT_2 "insert 2 {\"id\":2,\"v\":\"b\"} -"
#define INSERT_3 "insert 3 {\"id\":3,\"v\":\"c\"} -"
#define LIVE_T "SELECT CAST(id AS TEXT), json_object('id', id, 'v', v) FROM t"

static void several_connections(void **state) {
    sqlite3 *two = trap_open("app.db"), *three;

    (void)state;
    trap_must(db, "PRAGMA journal_mode = WAL; INSERT INTO t VALUES(1, 'a')");
    trap_must(two, "BEGIN; INSERT INTO t VALUES(2, 'b')");
    assert_int_equal(trap_try(db, "INSERT INTO t VALUES(9, 'x')"), SQLITE_BUSY);
    trap_must(two, "COMMIT");
    three = trap_open("app.db");
    trap_must(three, "INSERT INTO t VALUES(3, 'c')");
    trap_changes(db, "t", INSERT_1 "\n" INSERT_2 "\n" INSERT_3);
    trap_see(three);
    trap_changes(three, "t", INSERT_1 "\n" INSERT_2 "\n" INSERT_3);
    trap_expect(db, "3", "SELECT count(DISTINCT bookmark) FROM cdc_t");
}

/* Tracking begins on one connection while others are open, and ends so. */
static void tracked_by_another_connection(void **state) {
    sqlite3 *two = trap_open("app.db");
    sqlite3_stmt *insert = NULL;

    (void)state;
    trap_must(db, "CREATE TABLE late(id INTEGER PRIMARY KEY)");
    assert_int_equal(sqlite3_prepare_v2(two, "INSERT INTO late DEFAULT VALUES", -1, &insert, NULL),
                     SQLITE_OK);
    assert_int_equal(sqlite3_step(insert), SQLITE_DONE);
    sqlite3_reset(insert);
    trap_must(db, "SELECT tarn_track('late')");
    assert_int_equal(sqlite3_step(insert), SQLITE_DONE);
    sqlite3_reset(insert);
    trap_expect(db, "insert 2", "SELECT op, pk FROM cdc_late");
    trap_must(db, "SELECT tarn_untrack('late')");
    assert_int_equal(sqlite3_step(insert), SQLITE_DONE);
    sqlite3_finalize(insert);
    trap_must(two, "INSERT INTO t VALUES(1, 'a')");
    trap_changes(db, "t", INSERT_1);
    trap_must(db,
              "CREATE VIRTUAL TABLE temp.d USING parquet('%q-lake/cdc/app/late/deltas/*.parquet')",
              trap_path("app.db"));
    trap_expect(db, "2", "SELECT pk FROM temp.d"); /* not 3: that came after tarn_untrack */
}

static void tracking_outlives_connections(void **state) {
    (void)state;
    trap_close(db);
    db = trap_open("app.db");
    trap_must(db, "INSERT INTO t VALUES(1, 'a')");
    trap_close(db);
    db = trap_open("app.db");
    trap_see(db);
    trap_changes(db, "t", INSERT_1);
    trap_expect(db, "t", "SELECT collection FROM tarn_collections");
}

/* tarn_track inside a transaction happens with it, or not at all. */
static void tracked_in_a_transaction(void **state) {
    (void)state;
    trap_must(db, "CREATE TABLE u(id INTEGER PRIMARY KEY); BEGIN; SELECT tarn_track('u'); "
                  "INSERT INTO u VALUES(1); ROLLBACK; INSERT INTO u VALUES(2)");
    trap_expect(db, "t", "SELECT collection FROM tarn_collections");
    trap_must(db,
              "BEGIN; INSERT INTO u VALUES(3); SELECT tarn_track('u'); INSERT INTO u VALUES(4); "
              "COMMIT; INSERT INTO u VALUES(5)");
    trap_expect(db, "insert 4\ninsert 5", "SELECT op, pk FROM cdc_u ORDER BY bookmark, seq");
    trap_must(db, "SELECT tarn_flush()");
    trap_must(db, "CREATE VIRTUAL TABLE temp.d USING parquet('%q-lake/cdc/app/u/data.parquet')",
              trap_path("app.db"));
    trap_expect(db, "2\n3", "SELECT pk FROM temp.d ORDER BY pk");
}

static void alter_table(void **state) {
    (void)state;
    trap_must(
        db, "INSERT INTO t VALUES(1, 'a'); ALTER TABLE t ADD COLUMN n REAL DEFAULT 3; "
            "UPDATE t SET v = 'z'; BEGIN; INSERT INTO t VALUES(2, 'b', 1); ALTER TABLE t RENAME "
            "COLUMN n TO m; UPDATE t SET m = 5 WHERE id = 2; COMMIT; ALTER TABLE t DROP COLUMN v; "
            "DELETE FROM t WHERE id = 1");
    trap_changes(db, "t",
                 INSERT_1
                 "\nupdate 1 {\"id\":1,\"v\":\"z\",\"n\":3.0} {\"id\":1,\"v\":\"a\",\"n\":3.0}\n"
                 "insert 2 {\"id\":2,\"v\":\"b\",\"n\":1.0} -\n"
                 "update 2 {\"id\":2,\"v\":\"b\",\"m\":5.0} {\"id\":2,\"v\":\"b\",\"m\":1.0}\n"
                 "delete 1 - {\"id\":1,\"m\":3.0}");
}

static void alter_table_rolled_back(void **state) {
    (void)state;
    trap_must(db,
              "BEGIN; SAVEPOINT s; ALTER TABLE t ADD COLUMN gone; INSERT INTO t VALUES(1, 'x', 2); "
              "ROLLBACK TO s; INSERT INTO t VALUES(1, 'a'); COMMIT; BEGIN; ALTER TABLE t DROP "
              "COLUMN v; INSERT INTO t VALUES(2); ROLLBACK; INSERT INTO t VALUES(2, 'b')");
    trap_changes(db, "t", INSERT_1 "\n" INSERT_2);
}

static void altered_by_another_connection(void **state) {
    sqlite3 *two = trap_plain("app.db"); /* without Tarn */
    sqlite3 *three = trap_open("app.db");

    (void)state;
    trap_must(db, "INSERT INTO t VALUES(1, 'a')");
    trap_must(two, "ALTER TABLE t ADD COLUMN n");
    sqlite3_close(two);
    trap_must(db, "INSERT INTO t(id, v, n) VALUES(2, 'b', 7)");
    trap_must(three, "SELECT count(n) FROM t; ALTER TABLE t RENAME COLUMN n TO m");
    trap_must(db, "INSERT INTO t(id, v, m) VALUES(3, 'c', 8)");
    trap_changes(db, "t",
                 INSERT_1 "\ninsert 2 {\"id\":2,\"v\":\"b\",\"n\":7} -\n"
                          "insert 3 {\"id\":3,\"v\":\"c\",\"m\":8} -");
}

static void rename_table(void **state) {
    (void)state;
    trap_must(db,
              "INSERT INTO t VALUES(1, 'a'); ALTER TABLE t RENAME TO t2; INSERT INTO t2 VALUES(2, "
              "'b'); BEGIN; ALTER TABLE t2 RENAME TO t3; INSERT INTO t3 VALUES(3, 'c'); COMMIT; "
              "CREATE TABLE t(id INTEGER PRIMARY KEY, v); INSERT INTO t VALUES(7, 'not tracked')");
    trap_changes(db, "t", INSERT_1 "\n" INSERT_2 "\n" INSERT_3);
}

/* No hook fires for the rows of a dropped table: that it is gone is an entry of the chain. One made anew
** under its name is tracked again, in its own shape. */
static void drop_table(void **state) {
    (void)state;
    trap_must(db,
              "INSERT INTO t VALUES(1, 'a'); DROP TABLE t; CREATE TABLE t(id INTEGER PRIMARY KEY, "
              "other); INSERT INTO t VALUES(1, 'new')");
    trap_changes(db, "t", INSERT_1 "\ninsert 1 {\"id\":1,\"other\":\"new\"} -");
    trap_expect(db, "t tracked", "SELECT collection, state FROM tarn_collections");
}

static void drop_table_rolled_back(void **state) {
    (void)state;
    trap_must(
        db, "INSERT INTO t VALUES(1, 'a'); BEGIN; DROP TABLE t; ROLLBACK; INSERT INTO t VALUES(2, "
            "'b')");
    trap_changes(db, "t", INSERT_1 "\n" INSERT_2);
}

/* VACUUM gives rows of a table without INTEGER PRIMARY KEY new rowids: a gap, which a resync ends. */
static void vacuum(void **state) {
    (void)state;
    trap_must(db,
              "CREATE TABLE r(v); SELECT tarn_track('r'); INSERT INTO r VALUES('a'), ('b'), ('c'); "
              "DELETE FROM r WHERE v = 'a'; INSERT INTO t VALUES(5, 'k')");
    trap_must(db, "VACUUM");
    trap_must(db, "INSERT INTO r VALUES('d'); INSERT INTO t VALUES(6, 'l')");
    trap_must(db, "SELECT tarn_flush()");
    trap_expect(db, "1", "SELECT count(*) FROM tarn_collections WHERE instr(gap, 'VACUUM') > 0");
    trap_must(db, "SELECT * FROM tarn_resync('r')");
    trap_replays(db, "r", "SELECT CAST(rowid AS TEXT), json_object('v', v) FROM r");
    trap_replays(db, "t", LIVE_T);
    trap_must(db, "UPDATE r SET v = v || '!'; DELETE FROM r WHERE v = 'b!'");
    trap_replays(db, "r", "SELECT CAST(rowid AS TEXT), json_object('v', v) FROM r");
}

static void untrusted_schema(void **state) {
    (void)state;
    trap_must(db,
              "PRAGMA trusted_schema = OFF; CREATE TABLE s(x); CREATE TRIGGER g AFTER INSERT ON s "
              "BEGIN INSERT INTO t VALUES(new.x, 'a'); END; INSERT INTO s VALUES(1)");
    assert_int_equal(sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL), SQLITE_OK);
    trap_must(db, "INSERT INTO t VALUES(2, 'b')");
    trap_changes(db, "t", INSERT_1 "\n" INSERT_2);
}

/* A tracked table of an attached database can't be changed unseen: the change is refused. */
static void attached(void **state) {
    sqlite3 *other = trap_open("other.db");

    (void)state;
    trap_must(other, "CREATE TABLE o(id INTEGER PRIMARY KEY, v); SELECT tarn_track('o')");
    trap_must(db, "ATTACH '%q' AS aux", trap_path("other.db"));
    trap_must(db, "CREATE TABLE aux.t(id INTEGER PRIMARY KEY, v)"); /* our t's name, not tracked */
    trap_must(db,
              "BEGIN; INSERT INTO t VALUES(1, 'a'); INSERT INTO aux.t VALUES(9, 'not tracked'); "
              "COMMIT; INSERT INTO aux.t VALUES(10, 'not tracked')");
    trap_fails(db, "INSERT INTO aux.o VALUES(1, 'a')", "attached");
    if (!sqlite3_get_autocommit(db)) trap_must(db, "ROLLBACK");
    trap_fails(db, "BEGIN; INSERT INTO aux.o VALUES(1, 'a'); COMMIT", "attached");
    if (!sqlite3_get_autocommit(db)) trap_must(db, "ROLLBACK");
    trap_must(db, "INSERT INTO t VALUES(2, 'b')");
    trap_must(other, "INSERT INTO o VALUES(2, 'b')");
    trap_changes(db, "t", INSERT_1 "\n" INSERT_2);
    trap_changes(other, "o", INSERT_2);
    trap_expect(db, "2", "SELECT id FROM aux.o");
    trap_must(db, "DETACH aux");
}

/* A TEMP table that hides a tracked one is not it. */
static void temp_table_of_the_same_name(void **state) {
    (void)state;
    trap_must(db,
              "INSERT INTO t VALUES(1, 'a'); CREATE TEMP TABLE t(id INTEGER PRIMARY KEY, v); "
              "INSERT INTO t VALUES(7, 'temp'); DELETE FROM temp.t; INSERT INTO main.t VALUES(2, "
              "'b')");
    trap_changes(db, "t", INSERT_1 "\n" INSERT_2);
}

/* Whoever sets the one preupdate hook after us takes the changes away: that must be said. */
static void session_begun_later(void **state) {
    sqlite3_session *session = NULL;
    int rc;

    (void)state;
    trap_must(db, "INSERT INTO t VALUES(1, 'a')");
    assert_int_equal(sqlite3session_create(db, "main", &session), SQLITE_OK);
    (void)sqlite3session_attach(session, NULL);
    rc = trap_try(db, "INSERT INTO t VALUES(2, 'b')");
    if (rc == SQLITE_OK) {
        char *seen = trap_rows(db, "SELECT count(*) FROM cdc_t");

        if (strcmp(seen, "2") != 0) trap_fails(db, "SELECT tarn_flush()", "hook");
        sqlite3_free(seen);
    } else if (!strstr(sqlite3_errmsg(db), "hook")) {
        fail_msg("no word of the hook: %s", sqlite3_errmsg(db));
    }
    sqlite3session_delete(session);
}

static void session_begun_before(void **state) {
    sqlite3_session *session = NULL;
    sqlite3 *other;
    char *message = NULL;
    int rc;

    (void)state;
    other = trap_plain("app.db");
    assert_int_equal(sqlite3session_create(other, "main", &session), SQLITE_OK);
    (void)sqlite3session_attach(session, NULL);
    rc = tarn_register(other, &message);
    if (rc == SQLITE_OK) {
        rc = trap_try(other, "INSERT INTO t VALUES(1, 'a')");
        if (rc == SQLITE_OK) {
            trap_fails(other, "SELECT tarn_flush()", "hook");
        } else if (!strstr(sqlite3_errmsg(other), "hook")) {
            fail_msg("no word of the hook: %s", sqlite3_errmsg(other));
        }
    } else if (!strstr(message, "hook")) {
        fail_msg("no word of the hook: %s", message);
    }
    sqlite3_free(message);
    sqlite3session_delete(session);
    sqlite3_close(other);
}

/* Allows the application's own tables and nothing else. */
static int deny(void *arg, int action, const char *a, const char *b, const char *database,
                const char *trigger) {
    (void)arg;
    (void)b;
    (void)database;
    (void)trigger;
    switch (action) {
    case SQLITE_SELECT:
    case SQLITE_READ:
    case SQLITE_TRANSACTION:
    case SQLITE_FUNCTION:
    case SQLITE_RECURSIVE: return SQLITE_OK;
    case SQLITE_INSERT:
    case SQLITE_UPDATE:
    case SQLITE_DELETE: return strcmp(a, "t") == 0 ? SQLITE_OK : SQLITE_DENY;
    default: return SQLITE_DENY;
    }
}

/* What the authorizer doesn't let the extension record must not happen either. */
static void all_or_nothing(sqlite3 *c) {
    (void)sqlite3_set_authorizer(c, deny, NULL);
    (void)trap_try(c, "INSERT INTO t VALUES(1, 'a')");
    (void)trap_try(c, "INSERT INTO t VALUES(2, hex(zeroblob(500)))");
    (void)trap_try(c, "BEGIN; INSERT INTO t VALUES(3, 'c'); COMMIT");
    if (!sqlite3_get_autocommit(c)) (void)trap_try(c, "ROLLBACK");
    (void)sqlite3_set_authorizer(c, NULL, NULL);
    trap_replays(db, "t", LIVE_T);
    trap_must(c, "INSERT INTO t VALUES(4, 'd')");
    trap_replays(db, "t", LIVE_T);
}

static void authorizer(void **state) {
    (void)state;
    all_or_nothing(db);
}

/* The same from the connection's first moment. */
static void authorizer_from_the_beginning(void **state) {
    (void)state;
    all_or_nothing(trap_open("app.db"));
}

static int deny_nothing_of_ours(void *arg, int action, const char *a, const char *b,
                                const char *database, const char *trigger) {
    if (a && strncmp(a, "_tarn_", 6) == 0) return SQLITE_OK;
    if (action == SQLITE_PRAGMA) return SQLITE_OK;
    return deny(arg, action, a, b, database, trigger);
}

static void authorizer_that_knows_us(void **state) {
    (void)state;
    (void)sqlite3_set_authorizer(db, deny_nothing_of_ours, NULL);
    trap_must(db, "INSERT INTO t VALUES(1, 'a'); BEGIN; INSERT INTO t VALUES(2, 'b'); COMMIT");
    (void)sqlite3_set_authorizer(db, NULL, NULL);
    trap_changes(db, "t", INSERT_1 "\n" INSERT_2);
}

static void query_only(void **state) {
    (void)state;
    trap_must(db, "BEGIN; INSERT INTO t VALUES(1, 'a'); PRAGMA query_only = ON; COMMIT");
    trap_expect(db, "1", "PRAGMA query_only");
    trap_fails(db, "INSERT INTO t VALUES(9, 'x')", "readonly");
    trap_must(db, "PRAGMA query_only = OFF; INSERT INTO t VALUES(2, 'b')");
    trap_changes(db, "t", INSERT_1 "\n" INSERT_2);
}

/* This drops all TEMP tables, those of the extension too. */
static void temp_store(void **state) {
    sqlite3 *other;

    (void)state;
    trap_must(db,
              "INSERT INTO t VALUES(1, 'a'); PRAGMA temp_store = MEMORY; INSERT INTO t VALUES(2, "
              "'b'); PRAGMA temp_store = FILE; INSERT INTO t VALUES(3, 'c')");
    other = trap_open("app.db");
    trap_see(other);
    trap_changes(other, "t", INSERT_1 "\n" INSERT_2 "\n" INSERT_3);
}

static void closes_at_once(void **state) {
    (void)state;
    trap_must(db,
              "INSERT INTO t VALUES(1, 'a'); SELECT count(*) FROM cdc_t; SELECT tarn_bookmark()");
    trap_close(db);
    db = trap_open("app.db");
    trap_must(db, "BEGIN; INSERT INTO t VALUES(2, 'b')");
    trap_close(db); /* with the transaction open: rolled back */
    db = trap_open("app.db");
    trap_close(db); /* unused */
    db = trap_open("app.db");
    trap_see(db);
    trap_changes(db, "t", INSERT_1);
}

static int hooked;

static void count_hook(void *arg, int op, const char *name, const char *table,
                       sqlite3_int64 rowid) {
    (void)arg;
    (void)op;
    (void)name;
    (void)rowid;
    hooked += strcmp(table, "t") == 0 ? 1 : 1000;
}

static void counters_and_hooks(void **state) {
    int before;

    (void)state;
    hooked = 0;
    (void)sqlite3_update_hook(db, count_hook, NULL);
    trap_must(db, "INSERT INTO t VALUES(40, 'a'), (41, 'b')");
    before = sqlite3_total_changes(db);
    assert_int_equal(sqlite3_changes(db), 2);
    assert_int_equal((int)sqlite3_last_insert_rowid(db), 41);
    trap_must(
        db,
        "BEGIN; INSERT INTO t VALUES(7, 'c'); UPDATE t SET v = 1 WHERE id = 7; "
        "INSERT INTO t SELECT value, randomblob(300) FROM (WITH RECURSIVE s(value) AS (SELECT "
        "100 UNION ALL SELECT value + 1 FROM s WHERE value < 199) SELECT value FROM s); COMMIT");
    assert_int_equal(sqlite3_total_changes(db) - before, 102);
    assert_int_equal(sqlite3_changes(db), 100);
    assert_int_equal((int)sqlite3_last_insert_rowid(db), 199);
    trap_expect(db, "100 199", "SELECT changes(), last_insert_rowid()");
    trap_must(db, "UPDATE t SET v = 2 WHERE id < 50");
    trap_expect(db, "3", "SELECT changes()");
    trap_must(db, "SELECT tarn_flush(); SELECT tarn_bookmark()");
    assert_int_equal(sqlite3_changes(db), 3);
    assert_int_equal(sqlite3_total_changes(db) - before, 105);
    assert_int_equal(hooked, 107);
}

/* In an outbox that would have to grow for it, had tracking not made room; and with a schema change to
** note, which is one UPDATE of _tarn_collections: the README's limits name it. */
static void counters_of_large_and_altering(void **state) {
    int before;

    (void)state;
    hooked = 0;
    (void)sqlite3_update_hook(db, count_hook, NULL);
    before = sqlite3_total_changes(db);
    trap_must(db, "BEGIN; INSERT INTO t VALUES(1, hex(randomblob(60000))); COMMIT");
    trap_expect(db, "1 1", "SELECT changes(), last_insert_rowid()");
    assert_int_equal(sqlite3_total_changes(db) - before, 1);
    trap_must(db, "ALTER TABLE t ADD COLUMN n; BEGIN; INSERT INTO t(id) VALUES(2), (3); COMMIT");
    trap_expect(db, "1 3", "SELECT changes(), last_insert_rowid()");
    assert_int_equal(sqlite3_total_changes(db) - before, 4);
    trap_must(db, "BEGIN; INSERT INTO t(id) VALUES(4), (5); COMMIT");
    trap_expect(db, "2 5", "SELECT changes(), last_insert_rowid()");
    assert_int_equal(sqlite3_total_changes(db) - before, 6);
    assert_int_equal(hooked, 5 + 1000);
}

/* The outbox doesn't fit into the file any more: all or nothing, and an error when nothing. */
static void full_database(void **state) {
    char *count = NULL;
    long pages, extra;
    int refused = 0, i;

    (void)state;
    trap_must(db, "INSERT INTO t VALUES(0, 'first')");
    count = trap_rows(db, "PRAGMA page_count");
    pages = strtol(count, NULL, 10);
    sqlite3_free(count);
    for (extra = 0, i = 1; extra < 40; extra++, i++) {
        int rc;

        trap_must(db, "PRAGMA max_page_count = %d", (int)(pages + extra));
        rc = trap_try(db, "BEGIN; INSERT INTO t VALUES(%d, hex(randomblob(8000))); COMMIT", i);
        if (rc != SQLITE_OK) {
            if (rc != SQLITE_FULL) fail_msg("error %d: %s", rc, sqlite3_errmsg(db));
            refused++;
            if (!sqlite3_get_autocommit(db)) (void)trap_try(db, "ROLLBACK");
        }
        trap_must(db, "PRAGMA max_page_count = 1000000");
        trap_expect(
            db, rc == SQLITE_OK ? "1 1" : "0 0",
            "SELECT (SELECT count(*) FROM t WHERE id = %d), (SELECT count(*) FROM cdc_t WHERE "
            "pk = '%d')",
            i, i);
        if (rc == SQLITE_OK) break;
    }
    assert_true(refused > 0 && extra < 40);
    trap_replays(db, "t", LIVE_T);
}

static void utf16_database(void **state) {
    sqlite3 *wide;

    (void)state;
    wide = trap_plain("wide.db");
    trap_must(wide, "PRAGMA encoding = 'UTF-16be'; CREATE TABLE t(id INTEGER PRIMARY KEY, v)");
    sqlite3_close(wide);
    wide = trap_open("wide.db");
    trap_must(wide, "SELECT tarn_track('t'); INSERT INTO t VALUES(1, 'ünï😀' || char(0) || 'x'); "
                    "UPDATE t SET v = x'00ff'");
    trap_changes(
        wide, "t",
        "insert 1 {\"id\":1,\"v\":\"ünï😀\\u0000x\"} -\n"
        "update 1 {\"id\":1,\"v\":{\"$blob\":\"00ff\"}} {\"id\":1,\"v\":\"ünï😀\\u0000x\"}");
}

/* Loading the extension doesn't settle the encoding of a database that is empty. */
static void encoding_chosen_after_loading(void **state) {
    sqlite3 *wide;

    (void)state;
    wide = trap_plain("late.db");
    assert_int_equal(tarn_register(wide, NULL), SQLITE_OK);
    trap_must(wide, "PRAGMA encoding = 'UTF-16le'; CREATE TABLE t(id INTEGER PRIMARY KEY, v)");
    trap_expect(wide, "UTF-16le", "PRAGMA encoding");
    assert_int_equal(sqlite3_close(wide), SQLITE_OK);
}

static sqlite3 *open_shared(const char *path) {
    sqlite3 *c = NULL;

    assert_int_equal(
        sqlite3_open_v2(path, &c,
                        SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_SHAREDCACHE, NULL),
        SQLITE_OK);
    assert_int_equal(tarn_register(c, NULL), SQLITE_OK);
    trap_must(c, "SELECT tarn_config('autoFlush', 'off')");
    return c;
}

static void shared_cache(void **state) {
    char path[TRAP_PATH];
    sqlite3 *one, *two;

    (void)state;
    snprintf(path, sizeof path, "%s", trap_path("shared.db"));
    one = open_shared(path);
    two = open_shared(path);
    trap_must(one,
              "CREATE TABLE t(id INTEGER PRIMARY KEY, v); SELECT tarn_track('t'); INSERT INTO t "
              "VALUES(1, 'a')");
    trap_must(two, "INSERT INTO t VALUES(2, 'b')");
    trap_must(one, "BEGIN; INSERT INTO t VALUES(3, 'c')");
    assert_int_equal(trap_try(two, "INSERT INTO t VALUES(4, 'd')") & 0xff, SQLITE_LOCKED);
    trap_must(one, "COMMIT");
    trap_changes(one, "t", INSERT_1 "\n" INSERT_2 "\n" INSERT_3);
    assert_int_equal(sqlite3_close(two), SQLITE_OK);
    assert_int_equal(sqlite3_close(one), SQLITE_OK);
}

static void small_length_limit(void **state) {
    (void)state;
    (void)sqlite3_limit(db, SQLITE_LIMIT_LENGTH, 3000);
    trap_must(
        db, "BEGIN; WITH RECURSIVE s(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM s WHERE i < 100) "
            "INSERT INTO t SELECT i, hex(randomblob(1000)) FROM s; COMMIT");
    (void)sqlite3_limit(db, SQLITE_LIMIT_LENGTH, 1000000000);
    trap_expect(db, "100", "SELECT count(*) FROM cdc_t");
    trap_replays(db, "t", LIVE_T);
}

/* What SQLite's documentation advises to set against hostile SQL. */
static void limits_of_a_careful_host(void **state) {
    static const int limits[][2] = {
        {SQLITE_LIMIT_LENGTH, 1000000},     {SQLITE_LIMIT_SQL_LENGTH, 100000},
        {SQLITE_LIMIT_COLUMN, 100},         {SQLITE_LIMIT_EXPR_DEPTH, 10},
        {SQLITE_LIMIT_VDBE_OP, 25000},      {SQLITE_LIMIT_COMPOUND_SELECT, 3},
        {SQLITE_LIMIT_ATTACHED, 0},         {SQLITE_LIMIT_FUNCTION_ARG, 8},
        {SQLITE_LIMIT_VARIABLE_NUMBER, 10}, {SQLITE_LIMIT_LIKE_PATTERN_LENGTH, 50},
        {SQLITE_LIMIT_TRIGGER_DEPTH, 10}};
    sqlite3 *other;
    size_t i;

    (void)state;
    other = trap_open("app.db");
    for (i = 0; i < sizeof limits / sizeof *limits; i++) {
        (void)sqlite3_limit(db, limits[i][0], limits[i][1]);
        (void)sqlite3_limit(other, limits[i][0], limits[i][1]);
    }
    trap_must(db, "INSERT INTO t VALUES(1, 'a')");
    trap_must(other, "INSERT INTO t VALUES(2, 'b')");
    trap_changes(db, "t", INSERT_1 "\n" INSERT_2);
}

/* A writer without Tarn leaves a gap, which is noticed, and tarn_resync fills it. */
static void foreign_writer(void **state) {
    sqlite3 *other = trap_plain("app.db");

    (void)state;
    trap_must(db, "INSERT INTO t VALUES(1, 'a'), (2, 'b')");
    trap_must(other, "UPDATE t SET v = 'z' WHERE id = 1; DELETE FROM t WHERE id = 2; INSERT INTO t "
                     "VALUES(3, 'c')");
    sqlite3_close(other);
    trap_must(db, "SELECT * FROM tarn_resync('t')");
    trap_replays(db, "t", LIVE_T);
    trap_must(db, "INSERT INTO t VALUES(4, 'd')");
    trap_replays(db, "t", LIVE_T);
}

#define T(f) cmocka_unit_test_setup_teardown(f, tracked, trap_end)

int main(void) {
    const struct CMUnitTest tests[] = {
        T(several_connections),
        T(tracked_by_another_connection),
        T(tracking_outlives_connections),
        T(tracked_in_a_transaction),
        T(alter_table),
        T(alter_table_rolled_back),
        T(altered_by_another_connection),
        T(rename_table),
        T(drop_table),
        T(drop_table_rolled_back),
        T(vacuum),
        T(untrusted_schema),
        T(attached),
        T(temp_table_of_the_same_name),
        T(session_begun_later),
        T(session_begun_before),
        T(authorizer),
        T(authorizer_from_the_beginning),
        T(authorizer_that_knows_us),
        T(query_only),
        T(temp_store),
        T(closes_at_once),
        T(counters_and_hooks),
        T(counters_of_large_and_altering),
        T(full_database),
        T(utf16_database),
        T(encoding_chosen_after_loading),
        T(shared_cache),
        T(small_length_limit),
        T(limits_of_a_careful_host),
        T(foreign_writer),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
