/* test_kill.c: a writer that commits and flushes is killed with SIGKILL at random moments; after
** reopening, every event whose COMMIT returned is there once, and no other than the one that was in
** flight.
**
** The writer tells each number after its COMMIT through a pipe (a pipe survives the writer). A
** database lives through many rounds, so that what an earlier round left (unfinished log entries,
** spool files, slots in use) is met by later ones. ROUNDS says how many there are for each journal
** mode.
*/
#include "fault_db.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#define BULK 3000 /* rows of a transaction that goes through a spool file */
#define LIFE 25   /* rounds of a database */

struct progress {
    int64_t started, committed; /* transactions */
};

static sqlite3 *connect(const char *path) {
    sqlite3 *db = NULL;

    if (sqlite3_open(path, &db) || tarn_register(db, NULL)) return NULL;
    (void)sqlite3_busy_timeout(db, 5000);
    return db;
}

static int64_t number(sqlite3 *db, const char *sql) {
    sqlite3_stmt *stmt = NULL;
    int64_t v = -1;

    if (sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) || sqlite3_step(stmt) != SQLITE_ROW) {
        fail_msg("%s: %s", sql, sqlite3_errmsg(db));
    }
    v = sqlite3_column_int64(stmt, 0);
    sqlite3_finalize(stmt);
    return v;
}

/* Transaction n: status_code = n in each of its rows; every 13th is a bulk one. */
static int rows_of(int64_t n) {
    return n % 13 == 0 ? BULK : 1 + (int)(n % 3);
}

static void write_forever(const char *path, const char *journal, int64_t n, int out) {
    sqlite3 *db = connect(path);
    char sql[512];

    if (!db) _exit(3);
    snprintf(sql, sizeof sql, "PRAGMA synchronous = OFF; PRAGMA journal_mode = %s", journal);
    (void)sqlite3_exec(db, sql, NULL, NULL, NULL);
    (void)sqlite3_exec(
        db, "SELECT tarn_config('timeThresholdMs', 20), tarn_config('countThreshold', 5)", NULL,
        NULL, NULL);
    for (;; n++) {
        struct progress p = {n, n - 1};

        if (write(out, &p, sizeof p) != sizeof p) _exit(4);
        snprintf(
            sql, sizeof sql,
            "WITH RECURSIVE s(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM s WHERE i < %d) "
            "INSERT INTO events(ts, type, status_code, payload) SELECT 1770000000000 + %lld * "
            "60000 + i * 1000, 'k', %lld, json_object('i', i, 'pad', hex(zeroblob(50))) FROM s",
            rows_of(n), (long long)(n % 500), (long long)n);
        if (sqlite3_exec(db, sql, NULL, NULL, NULL)) _exit(5);
        p.committed = n;
        if (write(out, &p, sizeof p) != sizeof p) _exit(4);
        if (n % 7 == 0 && sqlite3_exec(db, "SELECT tarn_flush()", NULL, NULL, NULL)) _exit(6);
    }
}

static struct progress round_of_killing(const char *path, const char *journal, int64_t next,
                                        unsigned wait_us) {
    struct progress last = {next - 1, next - 1};
    struct progress p;
    int ends[2];
    int status = 0;
    pid_t child;

    assert_int_equal(pipe(ends), 0);
    child = fork();
    assert_true(child >= 0); /* kill(-1) would end everything */
    if (child == 0) {
        (void)close(ends[0]);
        write_forever(path, journal, next, ends[1]);
    }
    (void)close(ends[1]);
    (void)usleep(wait_us);
    (void)kill(child, SIGKILL);
    while (read(ends[0], &p, sizeof p) == sizeof p)
        last = p;
    (void)close(ends[0]);
    assert_int_equal(waitpid(child, &status, 0), child);
    if (!WIFSIGNALED(status)) fail_msg("the writer ended by itself: %d", WEXITSTATUS(status));
    return last;
}

/* Every transaction whole and once. Returns the last one that is there. */
static int64_t check(const char *path, struct progress p, int round) {
    sqlite3 *db = connect(path);
    sqlite3_stmt *stmt = NULL;
    int64_t n = 0;

    assert_non_null(db);
    if (round % 3 == 0) (void)number(db, "SELECT tarn_flush()");
    assert_int_equal(sqlite3_prepare_v2(db,
                                        "SELECT status_code, count(*), count(DISTINCT payload) "
                                        "FROM events GROUP BY 1 ORDER BY 1",
                                        -1, &stmt, NULL),
                     SQLITE_OK);
    while (sqlite3_step(stmt) == SQLITE_ROW) {
        int64_t got = sqlite3_column_int64(stmt, 0);

        if (got != n + 1)
            fail_msg("round %d: %lld follows %lld", round, (long long)got, (long long)n);
        n = got;
        if (sqlite3_column_int64(stmt, 1) != rows_of(n) ||
            sqlite3_column_int64(stmt, 2) != rows_of(n)) {
            fail_msg("round %d: transaction %lld has %lld rows, %lld different, not %d", round,
                     (long long)n, (long long)sqlite3_column_int64(stmt, 1),
                     (long long)sqlite3_column_int64(stmt, 2), rows_of(n));
        }
    }
    if (sqlite3_finalize(stmt)) fail_msg("round %d: %s", round, sqlite3_errmsg(db));
    if (n < p.committed || n > p.started) {
        fail_msg("round %d: committed up to %lld, started %lld, found %lld", round,
                 (long long)p.committed, (long long)p.started, (long long)n);
    }
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    return n;
}

/* Everything delivered, and still whole. Returns how many transactions the database has. */
static int64_t finish(const char *path, int64_t last, int round) {
    sqlite3 *db = connect(path);

    (void)number(db, "SELECT tarn_flush()");
    assert_int_equal(number(db, "SELECT count(*) FROM events WHERE filename IS NULL"), 0);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    (void)check(path, (struct progress){last, last}, round);
    return last;
}

static void kill_rounds(const char *journal) {
    const char *given = getenv("ROUNDS");
    int rounds = given && *given ? (int)strtol(given, NULL, 10) : 100;
    int64_t total = 0, last = 0;
    char path[128];
    int i;

    srand(20261122);
    for (i = 0; i < rounds; i++) {
        unsigned wait_us = (unsigned)(rand() % 150000);
        struct progress p;

        snprintf(path, sizeof path, "%s/%s%d.db", fault_folder(), journal, i / LIFE);
        p = round_of_killing(path, journal, last + 1, wait_us);
        last = check(path, p, i);
        if (i % LIFE == LIFE - 1 || i == rounds - 1) {
            total += finish(path, last, i);
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
