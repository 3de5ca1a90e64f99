/* api.c: the functions of include/tarn.h that are SQL in another dress, and tarn_errmsg.
**
** SQL is asked rather than the layers below: so a call does what the statement does, and works on a
** connection that has another copy of Tarn (the shared library's). sqlite3_errmsg is left as after the
** statement, whose error is the call's own.
*/
#include "api.h"

#include <string.h>

#include "conns.h"
#include "db.h"
#include "tarn.h"

static int begin(sqlite3 *db, char **err, int arguments) {
    if (err) *err = NULL;
    if (!TARN_API_READY || !db || !arguments) return SQLITE_MISUSE;
    if (!tarn_api_in_callback(db)) return SQLITE_OK;
    if (err) {
        *err = sqlite3_mprintf("a callback of tarn_on_commit must leave its connection alone: it "
                               "runs inside the statement that commits");
    }
    return SQLITE_MISUSE;
}

static char *message(sqlite3 *db) {
    const char *s = sqlite3_errmsg(db);

    if (strncmp(s, "no such function: tarn_", 23) == 0) {
        return sqlite3_mprintf("this connection has no Tarn: tarn_register comes first");
    }
    return sqlite3_mprintf("%s", s);
}

/* Runs SELECT f(a, b), whose row the caller then reads from *out, and finalizes. */
static int call(sqlite3 *db, const char *sql, const char *a, const char *b, sqlite3_stmt **out,
                char **err) {
    int rc = sqlite3_prepare_v2(db, sql, -1, out, NULL);

    if (rc == SQLITE_OK && a) rc = sqlite3_bind_text(*out, 1, a, -1, SQLITE_STATIC);
    if (rc == SQLITE_OK && b) rc = sqlite3_bind_text(*out, 2, b, -1, SQLITE_STATIC);
    if (rc == SQLITE_OK && sqlite3_step(*out) == SQLITE_ROW) return SQLITE_OK;
    if (rc == SQLITE_OK) rc = sqlite3_reset(*out);
    if (err) *err = message(db);
    (void)sqlite3_finalize(*out);
    *out = NULL;
    return rc ? rc : SQLITE_ERROR;
}

int tarn_track(sqlite3 *db, const char *table, const char *options, char **name, char **err) {
    sqlite3_stmt *row = NULL;
    int rc = begin(db, err, table != NULL);

    if (name) *name = NULL;
    if (rc == SQLITE_OK) rc = call(db, "SELECT tarn_track(?1, ?2)", table, options, &row, err);
    if (rc) return rc;
    if (name) {
        *name = sqlite3_mprintf("%s", (const char *)sqlite3_column_text(row, 0));
        if (!*name) rc = SQLITE_NOMEM;
    }
    (void)sqlite3_finalize(row);
    return rc;
}

int tarn_untrack(sqlite3 *db, const char *table, char **err) {
    sqlite3_stmt *row = NULL;
    int rc = begin(db, err, table != NULL);

    if (rc == SQLITE_OK) rc = call(db, "SELECT tarn_untrack(?1)", table, NULL, &row, err);
    (void)sqlite3_finalize(row);
    return rc;
}

int tarn_bookmark(sqlite3 *db, char out[TARN_BOOKMARK_SIZE], char **err) {
    sqlite3_stmt *row = NULL;
    const char *s;
    int rc = begin(db, err, out != NULL);

    if (out) memset(out, 0, TARN_BOOKMARK_SIZE);
    if (rc == SQLITE_OK) rc = call(db, "SELECT tarn_bookmark()", NULL, NULL, &row, err);
    if (rc) return rc;
    s = (const char *)sqlite3_column_text(row, 0); /* NULL: nothing was captured yet */
    if (s && strlen(s) < TARN_BOOKMARK_SIZE) memcpy(out, s, strlen(s));
    return sqlite3_finalize(row);
}

int tarn_flush(sqlite3 *db, sqlite3_int64 *events, char **err) {
    sqlite3_stmt *row = NULL;
    int rc = begin(db, err, 1);

    if (events) *events = 0;
    if (rc == SQLITE_OK) rc = call(db, "SELECT tarn_flush()", NULL, NULL, &row, err);
    if (rc) return rc;
    if (events) *events = sqlite3_column_int64(row, 0);
    return sqlite3_finalize(row);
}

/* What the flusher of the connection's database failed with, if it did the last time. */
static void delivery_error(struct tarn_conn *c, struct tarn_err *out) {
    tarn_err_clear(out);
    if (!c->shared) return;
    (void)pthread_mutex_lock(&c->shared->mutex);
    *out = c->shared->error;
    (void)pthread_mutex_unlock(&c->shared->mutex);
}

const char *tarn_errmsg(sqlite3 *db) {
    struct tarn_conn *c = TARN_API_READY && db ? tarn_conns_find(db) : NULL;
    const char *text = NULL;

    if (!c) return "this connection has no Tarn: tarn_register comes first";
    sqlite3_mutex_enter(sqlite3_db_mutex(db));
    c->told = c->last;
    tarn_err_clear(&c->last);
    if (!c->told.code) delivery_error(c, &c->told);
    if (c->told.code) text = c->told.msg[0] ? c->told.msg : tarn_code_name(c->told.code);
    sqlite3_mutex_leave(sqlite3_db_mutex(db));
    return text;
}
