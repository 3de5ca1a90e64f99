/* test_read_your_writes.c: whatever is written, flushed, deleted or lost meanwhile, a query shows each
** committed event once.
**
** Writers say before each COMMIT how many rows there will be, and after it how many there are; a
** reader notes the second before its query and the first after it: the count lies between. No row is
** ever there twice.
*/
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <pthread.h>
#include <sqlite3.h>

#include "tarn.h"

#define WRITERS 2
#define READERS 2

static char folder[64];

/* Shared by threads, and by processes. */
struct board {
    atomic_llong started[WRITERS], committed[WRITERS]; /* rows */
    atomic_int writing;                                /* writers that are not done */
    atomic_int faults;
    char fault[512]; /* the first one */
    char name[32];
    int transactions;
};

static struct board *board;

struct actor {
    int number;
    int errors;
};

/* Not cmocka's: the actors are not its thread, or not its process. */
static void complain(const char *fmt, ...) {
    va_list ap;

    if (atomic_fetch_add(&board->faults, 1) > 0) return;
    va_start(ap, fmt);
    vsnprintf(board->fault, sizeof board->fault, fmt, ap);
    va_end(ap);
}

static sqlite3 *connect(const char *name) {
    char path[256];
    sqlite3 *db = NULL;
    char *message = NULL;

    snprintf(path, sizeof path, "%s/%s", folder, name);
    if (sqlite3_open(path, &db) || tarn_register(db, &message)) {
        complain("opening: %s", message ? message : sqlite3_errmsg(db));
    }
    (void)sqlite3_busy_timeout(db, 20000);
    return db;
}

static int run(sqlite3 *db, const char *fmt, ...) {
    va_list ap;
    char *sql;
    int rc;

    va_start(ap, fmt);
    sql = sqlite3_vmprintf(fmt, ap);
    va_end(ap);
    rc = sqlite3_exec(db, sql, NULL, NULL, NULL);
    if (rc) complain("%.200s: %s", sql, sqlite3_errmsg(db));
    sqlite3_free(sql);
    return rc;
}

static int pair(sqlite3 *db, const char *sql, int64_t *a, int64_t *b) {
    sqlite3_stmt *stmt = NULL;
    int ok = sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) == SQLITE_OK &&
             sqlite3_step(stmt) == SQLITE_ROW;

    if (ok) {
        *a = sqlite3_column_int64(stmt, 0);
        *b = sqlite3_column_int64(stmt, 1);
    } else {
        complain("%s: %s", sql, sqlite3_errmsg(db));
    }
    (void)sqlite3_finalize(stmt);
    return ok;
}

static int64_t sum(atomic_llong *of) {
    int64_t total = 0;
    int i;

    for (i = 0; i < WRITERS; i++)
        total += atomic_load(&of[i]);
    return total;
}

/* Mostly one row, now and then several, some thousand (a spool file), or none after all. */
static void write_rows(int who) {
    sqlite3 *db = connect(board->name);
    int64_t next = (int64_t)(who + 1) * 100000000;
    int i;

    for (i = 0; i < board->transactions; i++) {
        int n = i % 37 == 36 ? 2500 : i % 5 == 4 ? 7 : 1;
        int undone = i % 11 == 10;

        if (!undone) atomic_fetch_add(&board->started[who], n);
        if (run(db,
                "BEGIN IMMEDIATE; WITH RECURSIVE s(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM s "
                "WHERE i + 1 < %d) INSERT INTO events(ts, type, status_code, payload) SELECT "
                "1770000000000 + %d + i * 1000, 'r', %lld + i, json_object('p', "
                "hex(zeroblob(60))) FROM s; %s",
                n, (i % 6) * 1800000, (long long)next, undone ? "ROLLBACK" : "COMMIT")) {
            break;
        }
        if (!undone) atomic_fetch_add(&board->committed[who], n);
        if (i % 9 == 8 && run(db, "SELECT tarn_flush()")) break;
        next += n;
    }
    (void)sqlite3_close(db);
    atomic_fetch_sub(&board->writing, 1);
}

static void read_rows(int who) {
    static const char *const queries[] = {
        ("SELECT count(*), count(DISTINCT status_code) FROM events"),
        ("SELECT count(*), count(DISTINCT x) FROM (SELECT status_code AS x FROM events ORDER BY "
         "ts)"),
        ("SELECT count(*), count(DISTINCT x) FROM (SELECT status_code AS x FROM events WHERE ts > "
         "0)"),
    };
    sqlite3 *db = connect(board->name);
    int i = who;

    while (atomic_load(&board->writing) > 0 && atomic_load(&board->faults) == 0) {
        int64_t least = sum(board->committed);
        int64_t rows = 0;
        int64_t different = 0;

        if (!pair(db, queries[i++ % 3], &rows, &different)) break;
        if (rows < least || rows > sum(board->started) || rows != different) {
            complain("%s: %lld rows, %lld different; %lld were committed before, %lld begun after",
                     queries[(i - 1) % 3], (long long)rows, (long long)different, (long long)least,
                     (long long)sum(board->started));
        }
    }
    (void)sqlite3_close(db);
}

static void *act(void *arg) {
    const struct actor *a = arg;

    if (a->number < WRITERS) {
        write_rows(a->number);
    } else {
        read_rows(a->number);
    }
    return NULL;
}

static void run_threads(void) {
    pthread_t threads[WRITERS + READERS];
    struct actor actors[WRITERS + READERS];
    int i;

    for (i = 0; i < WRITERS + READERS; i++) {
        actors[i].number = i;
        assert_int_equal(pthread_create(&threads[i], NULL, act, &actors[i]), 0);
    }
    for (i = 0; i < WRITERS + READERS; i++)
        (void)pthread_join(threads[i], NULL);
}

static void run_processes(void) {
    pid_t children[WRITERS + READERS];
    int i;

    for (i = 0; i < WRITERS + READERS; i++) {
        struct actor a = {i, 0};

        children[i] = fork();
        if (children[i] == 0) {
            (void)act(&a);
            _exit(0);
        }
    }
    for (i = 0; i < WRITERS + READERS; i++) {
        int status = 0;

        assert_int_equal(waitpid(children[i], &status, 0), children[i]);
        assert_int_equal(status, 0);
    }
}

static void stress(const char *journal, const char *kind, void (*start)(void)) {
    const char *given = getenv("TRANSACTIONS");
    int64_t rows = 0;
    int64_t different = 0;
    sqlite3 *db;

    memset(board, 0, sizeof *board);
    board->writing = WRITERS;
    board->transactions = given ? (int)strtol(given, NULL, 10) : 150;
    snprintf(board->name, sizeof board->name, "%s-%s.db", kind, journal);
    db = connect(board->name);
    (void)run(db,
              "PRAGMA journal_mode = %s; PRAGMA synchronous = off;"
              "SELECT tarn_config('timeThresholdMs', 1), tarn_config('countThreshold', 1)",
              journal);
    (void)sqlite3_close(db);
    start();
    if (board->faults) fail_msg("%s, %s: %s", kind, journal, board->fault);
    db = connect(board->name);
    (void)run(db, "SELECT tarn_flush()");
    (void)pair(db, "SELECT count(*), count(DISTINCT status_code) FROM events", &rows, &different);
    assert_int_equal(rows, sum(board->committed));
    assert_int_equal(different, rows);
    (void)pair(db, "SELECT count(*), count(filename) FROM events", &rows, &different);
    assert_int_equal(different, rows);
    (void)sqlite3_close(db);
    if (board->faults) fail_msg("%s", board->fault);
}

static void threads_wal(void **state) {
    (void)state;
    stress("wal", "threads", run_threads);
}

static void threads_delete(void **state) {
    (void)state;
    stress("delete", "threads", run_threads);
}

static void processes_wal(void **state) {
    (void)state;
    stress("wal", "processes", run_processes);
}

static void processes_delete(void **state) {
    (void)state;
    stress("delete", "processes", run_processes);
}

static void assert_count(sqlite3 *db, int64_t n) {
    int64_t rows = -1;
    int64_t different = -1;

    (void)pair(db, "SELECT count(*), count(DISTINCT status_code) FROM events", &rows, &different);
    if (board->faults) fail_msg("%s", board->fault);
    assert_int_equal(rows, n);
    assert_int_equal(different, n);
}

static void begin_case(const char *name, sqlite3 **db) {
    memset(board, 0, sizeof *board);
    snprintf(board->name, sizeof board->name, "%s", name);
    *db = connect(name);
    (void)run(*db, "SELECT tarn_config('autoFlush', 'off')");
}

/* A read transaction that began before a flush: it goes on to see each row once. */
static void older_snapshot(void **state) {
    sqlite3 *a, *b;
    int i;

    (void)state;
    begin_case("snapshot.db", &a);
    (void)run(a, "PRAGMA journal_mode = wal; INSERT INTO events(type, status_code) VALUES('s', 1)");
    b = connect("snapshot.db");
    (void)run(b, "BEGIN; SELECT count(*) FROM events");
    for (i = 2; i < 200; i++) {
        (void)run(a, "INSERT INTO events(type, status_code) VALUES('s', %d)", i);
        if (i % 20 == 0) (void)run(a, "SELECT tarn_flush()");
    }
    assert_count(b, 180); /* its own snapshot's, and what the lake has since */
    (void)run(b, "COMMIT");
    assert_count(b, 199);
    (void)sqlite3_close(a);
    (void)sqlite3_close(b);
}

/* What was delivered and then removed from the lake (retention) doesn't come back from the outbox. */
static void deleted_objects_stay_deleted(void **state) {
    char command[256];
    sqlite3 *db;

    (void)state;
    begin_case("deleted.db", &db);
    (void)run(db, "INSERT INTO events(ts, type, status_code) VALUES('2020-01-01', 'old', 1);"
                  "INSERT INTO events(ts, type, status_code) VALUES('2026-01-01', 'new', 2);"
                  "SELECT tarn_flush()");
    (void)sqlite3_close(db);
    snprintf(command, sizeof command, "rm -r %s/deleted.db-lake/events/2020", folder);
    assert_int_equal(system(command), 0);
    db = connect("deleted.db");
    assert_count(db, 1);
    (void)run(db, "INSERT INTO events(type, status_code) VALUES('a', 3)");
    assert_count(db, 2);
    (void)run(db, "SELECT tarn_flush()");
    assert_count(db, 2);
    (void)sqlite3_close(db);
}

/* The open transaction's own rows, in memory and spilled, with rows that wait and rows delivered. */
static void own_rows(void **state) {
    sqlite3 *db;

    (void)state;
    begin_case("own.db", &db);
    (void)run(db, "INSERT INTO events(type, status_code) VALUES('a', 1); SELECT tarn_flush();"
                  "INSERT INTO events(type, status_code) VALUES('a', 2); BEGIN;"
                  "INSERT INTO events(type, status_code) VALUES('a', 3); SAVEPOINT s;"
                  "INSERT INTO events(type, status_code) VALUES('a', 4)");
    assert_count(db, 4);
    (void)run(db, "ROLLBACK TO s");
    assert_count(db, 3);
    (void)run(db, "INSERT INTO events(type, status_code, payload) SELECT 'copy', status_code + 10, "
                  "payload FROM events"); /* reads while it writes */
    assert_count(db, 6);
    (void)run(db, "SELECT tarn_flush()"); /* what is committed; the rest goes on to wait */
    assert_count(db, 6);
    (void)run(db, "COMMIT");
    assert_count(db, 6);
    (void)run(db, "SELECT tarn_flush()");
    assert_count(db, 6);
    (void)sqlite3_close(db);
}

/* Namespace and prefix belong to the row from its INSERT on, whatever is set later. */
static void rows_keep_their_place(void **state) {
    int64_t rows = 0;
    int64_t different = 0;
    sqlite3 *db;

    (void)state;
    begin_case("places.db", &db);
    (void)run(db, "INSERT INTO events(type, status_code) VALUES('a', 1);"
                  "SELECT tarn_config('namespace', 'x');"
                  "INSERT INTO events(type, status_code) VALUES('a', 2);"
                  "SELECT tarn_config('prefix', 'tail');"
                  "INSERT INTO events(type, status_code) VALUES('a', 3), ('a', 4)");
    assert_count(db, 2);
    (void)run(db, "SELECT tarn_flush()");
    assert_count(db, 2);
    (void)run(db, "SELECT tarn_config('prefix', NULL)");
    assert_count(db, 1);
    (void)run(db, "SELECT tarn_config('namespace', NULL)");
    assert_count(db, 1);
    (void)pair(db, "SELECT count(*), count(*) FROM events('ns/x/**')", &rows, &different);
    assert_int_equal(rows, 3);
    (void)sqlite3_close(db);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(own_rows),       cmocka_unit_test(rows_keep_their_place),
        cmocka_unit_test(older_snapshot), cmocka_unit_test(deleted_objects_stay_deleted),
        cmocka_unit_test(threads_wal),    cmocka_unit_test(threads_delete),
        cmocka_unit_test(processes_wal),  cmocka_unit_test(processes_delete),
    };
    char command[128];
    int rc;

    snprintf(folder, sizeof folder, "%s/tarn-ryw-XXXXXX",
             access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp"); /* fsync costs nothing there */
    if (!mkdtemp(folder)) return 1;
    setenv("HOME", folder, 1);
    board = mmap(NULL, sizeof *board, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (board == MAP_FAILED) return 1;
    rc = cmocka_run_group_tests(tests, NULL, NULL);
    snprintf(command, sizeof command, "rm -rf %s", folder);
    return system(command) != 0 ? 1 : rc;
}
