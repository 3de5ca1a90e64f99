/* test_capture_kill.c: writers of tracked tables, and a second process that flushes, are killed with
** SIGKILL at random moments; a survivor opens the database, and what the deltas make of nothing is what
** the tables hold: every committed transaction once, nothing of those that were not.
**
** Transaction n inserts n into `mark` and works on other tables, deterministically; every fifth is
** preceded by one that is rolled back. The writer tells each n through a pipe before and after its
** COMMIT. A database lives through many rounds, so that what an earlier round left is met by later
** ones. ROUNDS says how many there are, over both journal modes.
*/
#include "capture_rows.h"
#include "fault_db.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#define BULK 1200 /* rows of a transaction that goes through a file of its own */
#define LIFE 20   /* rounds of a database */

struct progress {
    int64_t started, committed; /* transactions */
};

static const char schema[] =
    "CREATE TABLE mark(n INTEGER PRIMARY KEY);"
    "CREATE TABLE item(id INTEGER PRIMARY KEY, v, u UNIQUE);"
    "CREATE TABLE part(item REFERENCES item(id) ON DELETE CASCADE ON UPDATE CASCADE, k TEXT, v, "
    "PRIMARY KEY(item, k)) WITHOUT ROWID;"
    "CREATE TABLE bulk(id INTEGER PRIMARY KEY, v);"
    "SELECT tarn_track('mark'), tarn_track('item'), tarn_track('part'), tarn_track('bulk')";

static const struct collection {
    const char *name, *key_sql, *names;
    int n_key;
} collections[] = {
    {"mark", "n", "n\n", 1},
    {"item", "id", "id\nv\nu\n", 1},
    {"part", "item, k", "item\nk\nv\n", 2},
    {"bulk", "id", "id\nv\n", 1},
};
#define COLLECTIONS 4

static sqlite3 *connect(const char *path, int delivering) {
    sqlite3 *db = NULL;
    char sql[256];

    if (sqlite3_open(path, &db) || tarn_register(db, NULL)) return NULL;
    (void)sqlite3_busy_timeout(db, 10000);
    snprintf(sql, sizeof sql,
             "PRAGMA synchronous = OFF; PRAGMA foreign_keys = ON; SELECT tarn_config('autoFlush', "
             "'%s'), tarn_config('timeThresholdMs', 15), tarn_config('countThreshold', 4)",
             delivering ? "on" : "off");
    (void)sqlite3_exec(db, sql, NULL, NULL, NULL);
    return db;
}

static int work(sqlite3 *db, int64_t n) {
    char sql[1024];

    snprintf(sql, sizeof sql,
             "INSERT INTO mark VALUES(%lld);"
             "REPLACE INTO item VALUES(%lld, 'v%lld', %lld);"
             "INSERT OR IGNORE INTO part VALUES(%lld, 'a', %lld.5), (%lld, 'b', x'%02x');"
             "SAVEPOINT s; UPDATE item SET v = 'never'; DELETE FROM part; ROLLBACK TO s; RELEASE s;"
             "UPDATE item SET id = id + 1000 WHERE id = %lld;"
             "DELETE FROM item WHERE id = %lld + 1000",
             (long long)n, (long long)(n % 40), (long long)n, (long long)(n % 23),
             (long long)(n % 40), (long long)n, (long long)(n % 40), (unsigned)(n % 256),
             (long long)((n + 20) % 40), (long long)((n + 30) % 40));
    if (sqlite3_exec(db, sql, NULL, NULL, NULL)) return -1;
    if (n % 17 != 0) return 0;
    snprintf(
        sql, sizeof sql,
        "DELETE FROM bulk; WITH RECURSIVE s(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM s WHERE "
        "i < %d) INSERT INTO bulk SELECT i, %lld || hex(zeroblob(i %% 200)) FROM s",
        n % 2 ? BULK : 10, (long long)n);
    return sqlite3_exec(db, sql, NULL, NULL, NULL);
}

/* In a child nothing may be asserted: it would go on as a second copy of the test program. */
static void write_forever(const char *path, int64_t n, int out) {
    sqlite3 *db = connect(path, n % 2 == 0);

    if (!db) _exit(3);
    for (;; n++) {
        struct progress p = {n, n - 1};

        if (n % 5 == 0 && sqlite3_exec(db,
                                       "BEGIN; INSERT INTO mark VALUES(-1); UPDATE item SET v = "
                                       "'never'; DELETE FROM bulk; ROLLBACK",
                                       NULL, NULL, NULL))
            _exit(4);
        if (write(out, &p, sizeof p) != sizeof p) _exit(5);
        if (sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL) || work(db, n) ||
            sqlite3_exec(db, "COMMIT", NULL, NULL, NULL)) {
            (void)fprintf(stderr, "transaction %lld: %s\n", (long long)n, sqlite3_errmsg(db));
            _exit(6);
        }
        p.committed = n;
        if (write(out, &p, sizeof p) != sizeof p) _exit(5);
        if (n % 6 == 0 && sqlite3_exec(db, "SELECT tarn_flush()", NULL, NULL, NULL)) {
            (void)fprintf(stderr, "flush: %s\n", sqlite3_errmsg(db));
            _exit(7);
        }
    }
}

static void flush_forever(const char *path) {
    sqlite3 *db = connect(path, 0);

    if (!db) _exit(3);
    for (;;) {
        (void)sqlite3_exec(db, "SELECT tarn_flush()", NULL, NULL, NULL);
        (void)usleep(2000);
    }
}

static pid_t start(const char *path, int64_t next, int out, int other_end) {
    pid_t child = fork();

    assert_true(child >= 0); /* kill(-1) would end everything */
    if (child > 0) return child;
    (void)close(other_end);
    if (out < 0) flush_forever(path);
    write_forever(path, next, out);
    _exit(2);
}

static void end(pid_t child, unsigned long long seed) {
    int status = 0;

    (void)kill(child, SIGKILL);
    assert_int_equal(waitpid(child, &status, 0), child);
    if (!WIFSIGNALED(status)) {
        fail_msg("seed %llu: a child ended by itself, with %d: what it said is above", seed,
                 WEXITSTATUS(status));
    }
}

static struct progress round_of_killing(const char *path, int64_t next, unsigned wait_us,
                                        int helped, unsigned long long seed) {
    struct progress last = {next - 1, next - 1};
    struct progress p;
    pid_t writer, helper = 0;
    int ends[2];

    assert_int_equal(pipe(ends), 0);
    writer = start(path, next, ends[1], ends[0]);
    (void)close(ends[1]);
    if (helped) helper = start(path, 0, -1, ends[0]);
    (void)usleep(wait_us);
    end(writer, seed);
    if (helper) end(helper, seed);
    while (read(ends[0], &p, sizeof p) == sizeof p)
        last = p;
    (void)close(ends[0]);
    return last;
}

/* One row of cdc_<collection>, applied. */
static const char *apply(struct capture_state *s, const struct collection *c, sqlite3_stmt *stmt) {
    struct capture_bytes key = {0}, names = {0}, values = {0}, prev = {0};
    const char *op = (const char *)sqlite3_column_text(stmt, 0);
    const char *pk = (const char *)sqlite3_column_text(stmt, 1);
    const char *data = (const char *)sqlite3_column_text(stmt, 2);
    const char *before = (const char *)sqlite3_column_text(stmt, 3);
    const char *wrong = NULL;
    struct capture_row *row = NULL;

    if (!op || !pk || capture_from_pk(&key, c->n_key, 0, pk, strlen(pk)) ||
        (data && capture_from_data(&names, &values, data, strlen(data))) ||
        (before && capture_from_data(&names, &prev, before, strlen(before)))) {
        wrong = "not of the documented form";
    } else {
        row = capture_state_find(s, &key);
        if ((strcmp(op, "insert") == 0) != (row == NULL)) {
            wrong = row ? "is there already" : "is not there";
        } else if (row && (!before || !capture_same(&row->values, &prev))) {
            wrong = "prev is not what was there";
        } else if (strcmp(op, "insert") == 0) {
            capture_state_add(s, &key, &values);
        } else if (strcmp(op, "delete") == 0) {
            capture_state_remove(s, row);
        } else {
            row->values.n = 0;
            capture_add(&row->values, values.p, values.n);
        }
    }
    capture_free(&key);
    capture_free(&names);
    capture_free(&values);
    capture_free(&prev);
    return wrong;
}

/* Replays a collection from nothing and compares it with its table. */
static void check_collection(sqlite3 *db, const struct collection *c, const char *round) {
    struct capture_state replayed = {0}, live = {0};
    char bookmark[64] = "";
    int64_t seq = 0;
    sqlite3_stmt *stmt = NULL;
    char *sql = sqlite3_mprintf(
        "SELECT op, pk, data, prev, bookmark, seq FROM cdc_%s ORDER BY bookmark, seq", c->name);

    if (sqlite3_prepare_v2(db, sql, -1, &stmt, NULL))
        fail_msg("%s: %s: %s", round, sql, sqlite3_errmsg(db));
    capture_add(&replayed.names, c->names, strlen(c->names));
    while (sqlite3_step(stmt) == SQLITE_ROW) {
        const char *at = (const char *)sqlite3_column_text(stmt, 4);
        const char *wrong = apply(&replayed, c, stmt);
        int order = strcmp(bookmark, at ? at : "");

        if (!wrong && (order > 0 || (order == 0 && seq >= sqlite3_column_int64(stmt, 5))))
            wrong = "not behind the row before it";
        if (wrong) {
            fail_msg("%s: cdc_%s, bookmark %s seq %lld, %s %s: %s", round, c->name, at,
                     (long long)sqlite3_column_int64(stmt, 5), sqlite3_column_text(stmt, 0),
                     sqlite3_column_text(stmt, 1), wrong);
        }
        snprintf(bookmark, sizeof bookmark, "%s", at);
        seq = sqlite3_column_int64(stmt, 5);
    }
    if (sqlite3_finalize(stmt)) fail_msg("%s: %s: %s", round, sql, sqlite3_errmsg(db));
    sqlite3_free(sql);
    if (capture_dump_prepare(&stmt, db, c->name, c->key_sql, c->names) ||
        capture_dump(&live, stmt, c->n_key, c->names))
        fail_msg("%s: %s", round, sqlite3_errmsg(db));
    (void)sqlite3_finalize(stmt);
    if (!capture_state_same(&replayed, &live)) {
        capture_state_diff(stderr, "replayed", &replayed, "live", &live);
        fail_msg("%s: what was captured of %s is not the table", round, c->name);
    }
    capture_state_free(&replayed);
    capture_state_free(&live);
}

/* The connection's tables cdc_<collection>. */
static void make_tables(sqlite3 *db, const char *path) {
    const char *stem = strrchr(path, '/') + 1;
    size_t i;

    for (i = 0; i < COLLECTIONS; i++) {
        const char *name = collections[i].name;

        fault_must(db,
                   "CREATE VIRTUAL TABLE IF NOT EXISTS temp.cdc_%s USING tarn_cdc('%.*s', '%s')",
                   name, (int)(strlen(stem) - 3), stem, name);
    }
}

/* Every transaction whole and once, in order. Returns the last one that is there. */
static int64_t check(const char *path, struct progress p, const char *round, int flush) {
    sqlite3 *db = connect(path, 0);
    int64_t n;
    size_t i;

    assert_non_null(db);
    make_tables(db, path);
    if (flush) fault_must(db, "SELECT tarn_flush()");
    n = fault_number(db, "SELECT coalesce(max(n), 0) FROM mark");
    if (n < p.committed || n > p.started) {
        fail_msg("%s: committed up to %lld, started %lld, found %lld", round,
                 (long long)p.committed, (long long)p.started, (long long)n);
    }
    for (i = 0; i < COLLECTIONS; i++)
        check_collection(db, &collections[i], round);
    if (fault_number(db, "SELECT count(*) FROM cdc_mark") != n ||
        fault_number(db, "SELECT count(DISTINCT bookmark) FROM cdc_mark") != n ||
        fault_number(db,
                     "SELECT count(*) FROM (SELECT pk, row_number() OVER (ORDER BY bookmark) AS "
                     "i FROM cdc_mark) WHERE CAST(pk AS INT) <> i") != 0)
        fail_msg("%s: the marks are not 1 to %lld, each in its own commit", round, (long long)n);
    if (fault_number(db, "SELECT count(*) FROM cdc_item WHERE data LIKE '%%never%%'") != 0)
        fail_msg("%s: something that was rolled back", round);
    if (fault_number(
            db, "SELECT count(*) FROM (SELECT bookmark FROM cdc_item UNION SELECT bookmark FROM "
                "cdc_part UNION SELECT bookmark FROM cdc_bulk EXCEPT SELECT bookmark FROM "
                "cdc_mark)") != 0)
        fail_msg("%s: a bookmark of no transaction", round);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    return n;
}

/* Everything delivered, each row in one file, and nothing left beside the database. */
static void finish(const char *path, int64_t last, const char *round) {
    sqlite3 *db = connect(path, 0);
    const char *stem = strrchr(path, '/') + 1;
    char spool[FAULT_PATH];
    size_t i;

    make_tables(db, path);
    fault_must(db, "SELECT tarn_flush()");
    for (i = 0; i < COLLECTIONS; i++) {
        const char *name = collections[i].name;
        int64_t rows = fault_number(db, "SELECT count(*) FROM cdc_%s", name);

        if (fault_number(db, "SELECT count(*) FROM cdc_%s WHERE filename IS NULL", name) != 0)
            fail_msg("%s: rows of %s still wait", round, name);
        if (rows == 0) continue;
        fault_must(db,
                   "CREATE VIRTUAL TABLE temp.files USING parquet('%s-lake/cdc/%.*s/%s/deltas/"
                   "*.parquet')",
                   path, (int)(strlen(stem) - 3), stem, name);
        if (fault_number(db, "SELECT count(*) FROM temp.files") != rows)
            fail_msg("%s: the files of %s don't have the rows of cdc_%s", round, name, name);
        fault_must(db, "DROP TABLE temp.files");
    }
    if (fault_number(db, "SELECT count(*) FROM tarn_verify('cdc') WHERE fault IS NOT NULL") != 0)
        fail_msg("%s: tarn_verify: %s", round,
                 fault_text(db, "SELECT fault FROM tarn_verify('cdc') WHERE fault IS NOT NULL"));
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    snprintf(spool, sizeof spool, "%s-spool", path);
    if (fault_count_files(spool, ".changes") != 0)
        fail_msg("%s: %d spool files are left", round, fault_count_files(spool, ".changes"));
    (void)check(path, (struct progress){last, last}, round, 0);
}

static void make(const char *path, const char *journal) {
    sqlite3 *db = connect(path, 0);

    assert_non_null(db);
    fault_must(db, "PRAGMA journal_mode = %s", journal);
    fault_must(db, "%s", schema);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

static void kill_rounds(const char *journal) {
    const char *given = getenv("ROUNDS"), *seed_given = getenv("TARN_SEED");
    int rounds = given && *given ? (int)strtol(given, NULL, 10) : 100;
    unsigned long long seed = seed_given && *seed_given ? strtoull(seed_given, NULL, 10) : 20261122;
    int64_t total = 0, last = 0;
    char path[FAULT_PATH - 64];
    char round[64];
    int i;

    rounds = (rounds + 1) / 2;
    srand((unsigned)seed);
    for (i = 0; i < rounds; i++) {
        unsigned wait_us = (unsigned)(rand() % 150000);
        struct progress p;

        snprintf(round, sizeof round, "%s, seed %llu, round %d", journal, seed, i);
        snprintf(path, sizeof path, "%s/%s%d.db", fault_folder(), journal, i / LIFE);
        if (i % LIFE == 0) make(path, journal);
        p = round_of_killing(path, last + 1, wait_us, i % 3 == 2, seed);
        last = check(path, p, round, i % 3 == 0);
        if (i % LIFE == LIFE - 1 || i == rounds - 1) {
            finish(path, last, round);
            total += last;
            last = 0;
        }
    }
    print_message("%s: %d kills, %lld transactions\n", journal, rounds, (long long)total);
    assert_true(total > rounds / 2);
}

static void wal(void **state) {
    (void)state;
    kill_rounds("wal");
}

static void delete_journal(void **state) {
    (void)state;
    kill_rounds("delete");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wal),
        cmocka_unit_test(delete_journal),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
