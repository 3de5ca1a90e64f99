/* gap.c: was the database written by somebody who captures nothing? Asked where a transaction makes its
** first captured change: main's write lock is held, so nobody else is in the middle of a transaction.
**
**   PRAGMA data_version as it was           nobody else has committed
**   the outbox has a new commit             that was it
**   writes.h has counted                    a connection with Tarn, on tables that are not tracked
**   the schema cookie has moved             the registry looks at the tables anyway
**   sqlite_stat1, user_version …            ANALYZE or a pragma, which no hook tells of
**   the -wal file is empty                  a checkpoint has cut it, which looks like a commit
**   none of these                           a gap
**
** So what a stranger writes between two looks is missed where one of ours has written meanwhile as well:
** no connection is told how many commits there were. And an alarm can be false: a pragma of another
** connection that sets what was set already, wal_checkpoint(RESTART).
*/
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "capture_impl.h"
#include "db.h"
#include "txn_impl.h"

#define SETTLED_MS 10000 /* whoever counted before is done by then, as a rule */

static unsigned data_version(sqlite3 *db) {
    unsigned v = 0;

    (void)sqlite3_file_control(db, "main", SQLITE_FCNTL_DATA_VERSION, &v);
    return v;
}

/* A sum over what the query says; 0 when it can't be run (there is no such table). */
static uint64_t sum_of(sqlite3 *db, const char *sql) {
    sqlite3_stmt *stmt = NULL;
    uint64_t sum = UINT64_C(14695981039346656037);
    int i;

    if (sqlite3_prepare_v2(db, sql, -1, &stmt, NULL)) return 0;
    while (sqlite3_step(stmt) == SQLITE_ROW) {
        for (i = 0; i < sqlite3_column_count(stmt); i++) {
            const char *s = (const char *)sqlite3_column_text(stmt, i);

            for (; s && *s; s++)
                sum = (sum ^ (uint8_t)*s) * UINT64_C(1099511628211);
            sum = (sum ^ 0xff) * UINT64_C(1099511628211);
        }
    }
    (void)sqlite3_finalize(stmt);
    return sum;
}

static uint64_t sum_of_others(sqlite3 *db) {
    return sum_of(db, "SELECT tbl, idx, stat FROM main.sqlite_stat1") * 3 +
           sum_of(db, "PRAGMA main.user_version") * 5 +
           sum_of(db, "PRAGMA main.application_id") * 7;
}

/* What PRAGMA data_version says. */
static int read_foreign(struct tarn_capture *c, int64_t *out, struct tarn_err *err) {
    sqlite3 *db = c->conn->db;
    int sq = SQLITE_OK;

    if (!c->foreign) {
        sq = sqlite3_prepare_v3(db, "PRAGMA main.data_version", -1, SQLITE_PREPARE_PERSISTENT,
                                &c->foreign, NULL);
    }
    if (sq == SQLITE_OK) sq = sqlite3_step(c->foreign);
    if (sq == SQLITE_ROW) *out = sqlite3_column_int64(c->foreign, 0);
    (void)sqlite3_reset(c->foreign);
    return sq == SQLITE_ROW ? TARN_OK : tarn_err_sqlite(err, db, sq, "reading the data's version");
}

static int see(struct tarn_capture *c, struct tarn_gap_sight *s, struct tarn_err *err) {
    int rc = tarn_outbox_load(&c->conn->txn->outbox, c->conn->db, err);

    if (rc) return rc;
    s->known = 1;
    s->sequence = c->conn->txn->outbox.last;
    s->others = sum_of_others(c->conn->db);
    return TARN_OK;
}

static int log_is_empty(const struct tarn_db *d) {
    char path[4096];
    struct stat st;

    return (size_t)snprintf(path, sizeof path, "%s-wal", d->path) < sizeof path &&
           stat(path, &st) == 0 && st.st_size == 0;
}

int tarn_gap_begin(struct tarn_capture *c, int64_t cookie, struct tarn_err *err) {
    sqlite3 *db = c->conn->db;
    int rc = tarn_conn_attach(c->conn, err);

    memset(&c->seen, 0, sizeof c->seen);
    if (rc || tarn_db_is_memory(c->conn->shared)) return rc;
    (void)pthread_mutex_lock(&c->conn->shared->mutex);
    tarn_writes_open(&c->conn->shared->writes, c->conn->shared->spool);
    (void)pthread_mutex_unlock(&c->conn->shared->mutex);
    if (tarn_writes_age(&c->conn->shared->writes) < SETTLED_MS) return TARN_OK;
    if (read_foreign(c, &c->seen.foreign, err)) return err->code;
    c->seen.version = data_version(db);
    c->seen.cookie = cookie;
    c->seen.writes = tarn_writes_count(&c->conn->shared->writes);
    return see(c, &c->seen, err);
}

int tarn_gap_look(struct tarn_capture *c, int64_t cookie, struct tarn_err *err) {
    struct tarn_gap_sight *s = &c->found;
    const struct tarn_gap_sight *was = &c->seen;
    struct tarn_db *d = c->conn->shared;
    int rc = TARN_OK;

    if (s->known || !d || tarn_db_is_memory(d)) return TARN_OK;
    *s = *was;
    s->version = data_version(c->conn->db);
    s->writes = tarn_writes_count(&d->writes);
    s->cookie = cookie;
    if (was->known && s->version == was->version) return TARN_OK;
    rc = read_foreign(c, &s->foreign, err);
    if (rc || (was->known && s->foreign == was->foreign)) return rc;
    rc = see(c, s, err);
    if (rc || !was->known) return rc;
    if (s->sequence != was->sequence || s->writes != was->writes || s->cookie != was->cookie ||
        s->others != was->others || log_is_empty(d)) {
        return TARN_OK;
    }
    c->missed = "a connection without Tarn has written to the database";
    c->schema = -1;
    return TARN_OK;
}

void tarn_gap_sync(struct tarn_capture *c) {
    if (c->found.known) c->found.writes = tarn_writes_count(&c->conn->shared->writes);
}

void tarn_gap_end(struct tarn_capture *c, int committed) {
    unsigned now = data_version(c->conn->db);

    if (!c->found.known) return;
    if (committed) {
        c->seen = c->found;
        c->seen.sequence = c->conn->txn->outbox.last;
        c->seen.version = now;
    } else {
        c->seen.version += now - c->found.version; /* our own rollback's */
        c->seen.foreign += now - c->found.version;
    }
    c->found.known = 0;
}

void tarn_gap_note(struct tarn_capture *c) {
    if (c->conn->shared) tarn_writes_note(&c->conn->shared->writes);
}
