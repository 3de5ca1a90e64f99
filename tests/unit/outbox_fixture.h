/* outbox_fixture.h: what test_outbox.c and test_settings_shared.c do alike: a folder of their own,
** connections with Tarn, statements, children, waiting for the flusher.
*/
#ifndef TARN_OUTBOX_FIXTURE_H
#define TARN_OUTBOX_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <sqlite3.h>

#include "db.h"
#include "flusher.h"
#include "mem.h"
#include "outbox.h"
#include "tarn.h"
#include "time.h"

static char folder[64];

static inline sqlite3 *open_at(const char *name, int flags) {
    char path[256];
    sqlite3 *db = NULL;
    char *message = NULL;

    snprintf(path, sizeof path, "%s%s%s", strchr(name, ':') ? "" : folder,
             strchr(name, ':') ? "" : "/", name);
    assert_int_equal(
        sqlite3_open_v2(path, &db,
                        SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_URI | flags, NULL),
        SQLITE_OK);
    if (tarn_register(db, &message)) fail_msg("%s", message);
    (void)sqlite3_busy_timeout(db, 5000);
    return db;
}

static inline sqlite3 *connect(const char *name) {
    return open_at(name, 0);
}

static inline int try(sqlite3 *db, const char *fmt, ...) {
    va_list ap;
    char *sql;
    int rc;

    va_start(ap, fmt);
    sql = sqlite3_vmprintf(fmt, ap);
    va_end(ap);
    rc = sqlite3_exec(db, sql, NULL, NULL, NULL);
    sqlite3_free(sql);
    return rc;
}

static inline void must(sqlite3 *db, const char *fmt, ...) {
    va_list ap;
    char *sql;

    va_start(ap, fmt);
    sql = sqlite3_vmprintf(fmt, ap);
    va_end(ap);
    if (sqlite3_exec(db, sql, NULL, NULL, NULL)) fail_msg("%s: %s", sql, sqlite3_errmsg(db));
    sqlite3_free(sql);
}

static inline int64_t number(sqlite3 *db, const char *sql) {
    sqlite3_stmt *stmt = NULL;
    int64_t v;

    if (sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) || sqlite3_step(stmt) != SQLITE_ROW) {
        fail_msg("%s: %s", sql, sqlite3_errmsg(db));
    }
    v = sqlite3_column_int64(stmt, 0);
    sqlite3_finalize(stmt);
    return v;
}

static inline void shell(const char *fmt, ...) {
    char command[1024];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(command, sizeof command, fmt, ap);
    va_end(ap);
    if (system(command) != 0) fail_msg("%s", command);
}

/* Rows, and that none of them is there twice. */
static inline void assert_rows(sqlite3 *db, int64_t n) {
    assert_int_equal(number(db, "SELECT count(*) FROM events"), n);
    assert_int_equal(number(db, "SELECT count(DISTINCT status_code) FROM events"), n);
}

static inline void insert(sqlite3 *db, int n) {
    must(db, "INSERT INTO events(type, status_code) VALUES('a', %d)", n);
}

/* n rows of 300 bytes, from `first` on, in one transaction. */
static inline void insert_many(sqlite3 *db, int first, int n) {
    must(
        db,
        "WITH RECURSIVE s(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM s WHERE i + 1 < %d) "
        "INSERT INTO events(ts, type, status_code, payload) SELECT 1770000000000 + i, 'm', %d + i, "
        "json_object('pad', hex(zeroblob(150))) FROM s",
        n, first);
}

static inline void in_child(const char *name, void (*work)(sqlite3 *db)) {
    int status = 0;
    pid_t child = fork();

    if (child == 0) {
        sqlite3 *db = connect(name);

        work(db);
        sqlite3_close(db);
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

static inline int wait_until(sqlite3 *db, const char *sql, int64_t want) {
    int i;

    for (i = 0; i < 200; i++) {
        if (number(db, sql) == want) return 1;
        (void)usleep(50000);
    }
    return 0;
}

#define DELIVERED "SELECT count(*) FROM events WHERE filename IS NOT NULL"

/* fsync costs nothing in /dev/shm. HOME is there too: no list of trusted lakes is in the way. */
static inline void make_folder(void) {
    snprintf(folder, sizeof folder, "%s/tarn-outbox-XXXXXX",
             access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    if (!mkdtemp(folder)) abort();
    setenv("HOME", folder, 1);
}

#endif
