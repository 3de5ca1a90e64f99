/* fault_case.c: see fault_case.h. The database of a case lives through many rounds, so that what an
** earlier failure left behind (an unfinished flush, a spool file, a temporary object) is met by
** later ones; the test makes a new one now and then, or it would become slow.
*/
#include "fault_case.h"

#include <unistd.h>

#define SPOOL_ROWS 120 /* in 2 or 3 hours, and too large for the outbox itself */
#define SPOOL_PAD 1500

static const char *const names[FAULT_CASES] = {"write", "query", "spool"};
static int64_t next;
static int generation; /* a name is used once: a failed test may still hold its lake */
static char why[512];

static const char *const queries[] = {
    "SELECT count(*) || ' ' || sum(status_code) || ' ' || sum(length(payload)) FROM events",
    "SELECT group_concat(n) FROM (SELECT status_code AS n FROM events ORDER BY ts LIMIT 30)",
    "SELECT group_concat(n) FROM (SELECT status_code AS n FROM events ORDER BY ts DESC LIMIT 7)",
    "SELECT count(*) FROM events WHERE type = 'fault.1' AND status_code IN (4, 5, 6, 7, 1000000)",
    "SELECT group_concat(id) FROM events WHERE ts >= '2026-02-02 03:00' AND payload LIKE '%e3%'",
    "SELECT count(*) || count(DISTINCT filename) FROM events('events/2026/**')",
    "SELECT count(*) FROM events WHERE prefix = 'webhooks'",
    "SELECT count(rows) + count(error) FROM tarn_files",
    "SELECT sum(rows) FROM tarn_row_groups WHERE \"column\" = 'type'",
    "SELECT count(*) FROM events WHERE type = 'j'",
    "SELECT sum(count) FROM tarn_explain('SELECT count(type) FROM events') WHERE what = 'files'",
    "SELECT count(*) FROM tarn_settings",
};
#define QUERIES (sizeof queries / sizeof *queries)
static char wanted[QUERIES][1024];

static void path_of(enum fault_what what, char out[FAULT_PATH], const char *more) {
    snprintf(out, FAULT_PATH, "%s/%s%d.db%s", fault_folder(), names[what], generation, more);
}

static void remove_all(enum fault_what what) {
    static const char *const parts[] = {"", "-lake", "-spool", "-wal", "-shm", "-journal"};
    char path[FAULT_PATH];
    size_t i;

    for (i = 0; i < sizeof parts / sizeof *parts; i++) {
        path_of(what, path, parts[i]);
        fault_remove(path);
    }
}

static void answer(sqlite3 *db, const char *sql, char out[1024]) {
    snprintf(out, 1024, "%s", fault_text(db, sql));
}

void fault_case_begin(enum fault_what what) {
    char path[FAULT_PATH];
    sqlite3 *db = NULL;
    size_t i;

    remove_all(what);
    generation++;
    path_of(what, path, "");
    db = fault_app(path);
    assert_int_equal(fault_insert(db, 1, 40, 10), SQLITE_OK);
    fault_must(db, "SELECT tarn_flush()");
    assert_int_equal(fault_insert(db, 41, 10, 10), SQLITE_OK);
    next = 1000;
    if (what == FAULT_QUERY) {
        static const char lines[] = "{\"ts\":1770000000000,\"type\":\"j\",\"n\":1}\n"
                                    "{\"ts\":1770000000001,\"type\":\"j\",\"n\":2}\n";

        path_of(what, path, "-lake/events/2026/02/02/02/a.jsonl");
        fault_write_file(path, lines, sizeof lines - 1);
        assert_int_equal(fault_insert(db, 100000, SPOOL_ROWS, SPOOL_PAD),
                         SQLITE_OK); /* waiting spool */
        for (i = 0; i < QUERIES; i++) {
            answer(db, queries[i], wanted[i]);
            if (strncmp(wanted[i], "error", 5) == 0) fail_msg("%s: %s", queries[i], wanted[i]);
        }
    }
    fault_close(db);
}

static int failed(sqlite3 *db, int rc) {
    if (rc != SQLITE_OK && !*why) snprintf(why, sizeof why, "%s", sqlite3_errmsg(db));
    return rc;
}

static int write_something(sqlite3 *db, int rows, int pad) {
    int rc = failed(db, fault_insert(db, next, rows, pad));

    next += rows;
    if (rc == SQLITE_OK) rc = failed(db, fault_try(db, "SELECT tarn_flush()"));
    return rc;
}

/* Every answer is the right one or an error; after an error the next question still works. */
static int ask(sqlite3 *db, const struct fault_switch *s) {
    int first = SQLITE_OK;
    size_t i;

    for (i = 0; i < QUERIES; i++) {
        char got[1024];

        answer(db, queries[i], got);
        if (strcmp(got, wanted[i]) == 0) continue;
        if (strncmp(got, "error: ", 7) != 0) {
            s->disarm(s->arg);
            fail_msg("%s: found %s, not %s", queries[i], got, wanted[i]);
        }
        if (!*why) snprintf(why, sizeof why, "%.100s: %.380s", queries[i], got + 7);
        if (first == SQLITE_OK) first = sqlite3_extended_errcode(db);
    }
    return first;
}

static int run(enum fault_what what, const char *path, const struct fault_switch *s) {
    sqlite3 *db = NULL;
    char *message = NULL;
    int rc = sqlite3_open(path, &db);

    if (rc == SQLITE_OK) {
        rc = tarn_register(db, &message);
        if (rc) snprintf(why, sizeof why, "register: %s", message ? message : "no message");
        sqlite3_free(message);
    }
    if (rc == SQLITE_OK) {
        (void)sqlite3_extended_result_codes(db, 1);
        (void)fault_try(db, "PRAGMA synchronous = OFF");
        rc = what == FAULT_QUERY   ? ask(db, s)
             : what == FAULT_WRITE ? write_something(db, 30, 20)
                                   : write_something(db, SPOOL_ROWS, SPOOL_PAD);
    }
    if (sqlite3_close(db) != SQLITE_OK) {
        s->disarm(s->arg);
        fail_msg("the connection can't be closed: %s", sqlite3_errmsg(db));
    }
    return rc;
}

/* Footers are cached across rounds, unless they are thrown out. */
static void forget_footers(const char *path) {
    sqlite3 *db = fault_open(path);

    fault_must(db, "SELECT tarn_config('footerCacheBytes', 0)");
    (void)fault_number(db, "SELECT count(type) FROM events");
    fault_must(db, "SELECT tarn_config('footerCacheBytes', NULL)");
    fault_close(db);
}

int fault_case_round(enum fault_what what, const struct fault_switch *s, const char **message) {
    char path[FAULT_PATH];
    char spool[FAULT_PATH];
    sqlite3 *db = NULL;
    int rc;

    path_of(what, path, "");
    path_of(what, spool, "-spool");
    why[0] = 0;
    *message = why;
    if (what == FAULT_QUERY) forget_footers(path);
    s->arm(s->arg);
    rc = run(what, path, s);
    s->disarm(s->arg);
    db = fault_open(path);
    if (what != FAULT_QUERY) {
        fault_agree_flushed(db);
        if (fault_count_files(spool, ".parquet") != 0) fail_msg("a spool file was left: %s", why);
    }
    fault_close(db);
    return rc;
}

void fault_case_end(enum fault_what what) {
    remove_all(what);
}
