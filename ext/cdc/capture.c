/* capture.c: the hook, and when the schema is looked at.
**
** A transaction's first change looks at the schema cookie. Later ones look again when a statement has
** ended since (its changes moved sqlite3_total_changes) or a savepoint was begun or undone: within one
** statement no table changes its shape.
**
** What can't be recorded is kept as the transaction's fault: xSync reports it, so nothing commits
** (captureErrors = fail), unless that change is undone first. With captureErrors = warn the transaction
** commits without its changes, and a gap stands in the chain.
*/
#include "capture.h"

#include <string.h>

#include "capture_impl.h"
#include "conns.h"
#include "mem.h"
#include "tracking.h"
#include "txn.h"

static int read_cookie(struct tarn_capture *c, int64_t *out, struct tarn_err *err) {
    sqlite3 *db = c->conn->db;
    int sq = SQLITE_OK;

    if (!c->cookie) {
        sq = sqlite3_prepare_v3(db, "PRAGMA main.schema_version", -1, SQLITE_PREPARE_PERSISTENT,
                                &c->cookie, NULL);
    }
    if (sq == SQLITE_OK) sq = sqlite3_step(c->cookie);
    if (sq == SQLITE_ROW) *out = sqlite3_column_int64(c->cookie, 0);
    (void)sqlite3_reset(c->cookie);
    return sq == SQLITE_ROW ? TARN_OK
                            : tarn_err_sqlite(err, db, sq, "reading the schema's version");
}

static int look(struct tarn_capture *c, struct tarn_err *err) {
    int64_t cookie = 0;
    int rc = read_cookie(c, &cookie, err);

    if (rc == TARN_OK && c->joined) rc = tarn_gap_look(c, cookie, err);
    if (rc == TARN_OK && cookie != c->schema) {
        rc = tarn_capture_settle(c, NULL, 0, err);
        if (rc == TARN_OK) rc = tarn_registry_load(c, err);
        c->looked = c->joined;
        c->schema = rc == TARN_OK ? cookie : -1;
    }
    if (rc == TARN_OK) c->look = 0;
    return rc;
}

static int prepare(struct tarn_capture *c, struct tarn_err *err);

static int join(struct tarn_capture *c, struct tarn_err *err) {
    int sq;

    if (c->joined) return TARN_OK;
    c->busy++;
    if (!c->join && prepare(c, err)) { /* armed by another connection */
        c->busy--;
        return err->code;
    }
    (void)sqlite3_step(c->join);
    sq = sqlite3_reset(c->join);
    c->busy--;
    if (sq == SQLITE_OK && c->joined) return TARN_OK;
    return tarn_err_sqlite(err, c->conn->db, sq ? sq : SQLITE_ERROR,
                           "joining the transaction to record its changes");
}

/* From inside the hook: a statement of one row doesn't look whether it is interrupted, but one that is
** opened for writing now does, and being interrupted it rolls the whole transaction back, which ends
** the application's statement with an error. */
static void roll_back(struct tarn_capture *c) {
    sqlite3_blob *blob = NULL;

    if (strcmp(tarn_settings_text(&c->conn->settings, TARN_SET_CAPTURE_ERRORS), "warn") == 0)
        return;
    sqlite3_interrupt(c->conn->db);
    (void)sqlite3_blob_open(c->conn->db, "main", "_tarn_collections", "sql", 1, 1, &blob);
    if (blob) (void)sqlite3_blob_close(blob);
}

static void fail(struct tarn_capture *c, const struct tarn_err *err) {
    if (!c->failed.code) {
        c->failed = *err;
        c->failed_at = tarn_txn_changes_len(c->conn);
    }
    if (c->joined) return;
    /* xSync isn't going to be asked */
    c->conn->last = *err;
    c->missed = "changes were not recorded";
    c->schema = -1;
    tarn_err_clear(&c->failed);
    roll_back(c);
}

static struct tarn_collection *find(struct tarn_capture *c, const char *table) {
    size_t i;

    if (c->near && strcmp(c->near->table, table) == 0) return c->near;
    if (c->far && strcmp(c->far, table) == 0) return NULL;
    for (i = 0; i < c->n_collections; i++) {
        if (c->collections[i].dropped || strcmp(c->collections[i].table, table) != 0) continue;
        return c->near = &c->collections[i];
    }
    tarn_free(c->far);
    c->far = tarn_strdup(table);
    return NULL;
}

/* Only a database's own connection captures: a tracked table of an attached one must not change unseen. */
static void attached(struct tarn_capture *c, sqlite3 *db, const char *database, const char *table) {
    sqlite3_stmt *stmt = NULL;
    char *sql = NULL;
    int tracked = 0;

    if (sqlite3_table_column_metadata(db, database, "_tarn_collections", "epoch", NULL, NULL, NULL,
                                      NULL, NULL) != SQLITE_OK) {
        return;
    }
    sql = sqlite3_mprintf("SELECT 1 FROM \"%w\"._tarn_collections WHERE \"table\" = %Q AND state = "
                          "'tracked'",
                          database, table);
    c->busy++;
    if (sql && sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) == SQLITE_OK) {
        tracked = sqlite3_step(stmt) == SQLITE_ROW;
    }
    (void)sqlite3_finalize(stmt);
    sqlite3_free(sql);
    if (tracked) {
        struct tarn_err err = {0};

        (void)join(c, &err);
        tarn_err_clear(&err);
        (void)tarn_err_set(&err, TARN_EACCES,
                           "table %.60s.%.100s is tracked: its changes are captured only on "
                           "connections that open its database as their main one, not where it is "
                           "attached",
                           database, table);
        fail(c, &err);
    }
    c->busy--;
}

/* A table that isn't tracked needs no part in its transaction. */
static int is_none_of_ours(struct tarn_capture *c, const char *table) {
    int64_t cookie = 0;

    return c->schema >= 0 && !find(c, table) && read_cookie(c, &cookie, NULL) == TARN_OK &&
           cookie == c->schema;
}

static void changed(struct tarn_capture *c, sqlite3 *db, int op, const char *table,
                    int64_t old_rowid, int64_t new_rowid, struct tarn_err *err) {
    int64_t total = sqlite3_total_changes64(db);
    struct tarn_collection *t = NULL;
    int blob;

    if (!c->joined || c->look || total != c->total) {
        if (!c->joined && is_none_of_ours(c, table)) {
            tarn_gap_note(c);
            return;
        }
        if (join(c, err) || look(c, err)) return;
        c->total = total;
    }
    t = find(c, table);
    if (!t) {
        tarn_gap_note(c);
        return;
    }
    if (c->preupdate->count(db) != t->shape.hook_columns) {
        (void)tarn_err_set(err, TARN_EIO, "table %.100s: SQLite reports %d columns, expected %d",
                           table, c->preupdate->count(db), t->shape.hook_columns);
        return;
    }
    blob = op == SQLITE_DELETE && c->preupdate->blobwrite && c->preupdate->blobwrite(db) >= 0;
    if (c->n_dirty && !blob && tarn_capture_settle(c, t, old_rowid, err)) return;
    if (blob) {
        (void)tarn_capture_blob(c, t, old_rowid, err);
    } else {
        tarn_capture_row(c, t, op, old_rowid, new_rowid, err);
    }
}

static void on_change(void *ctx, sqlite3 *db, int op, const char *database, const char *table,
                      sqlite3_int64 old_rowid, sqlite3_int64 new_rowid) {
    struct tarn_capture *c = ctx;
    struct tarn_err err;

    if (c->busy) return;
    if (strncmp(table, "_tarn_", 6) == 0) {
        tarn_gap_note(c);
        return;
    }
    if (strcmp(database, "main") != 0) {
        if (strcmp(database, "temp") != 0) attached(c, db, database, table);
        return;
    }
    tarn_err_clear(&err);
    changed(c, db, op, table, old_rowid, new_rowid, &err);
    if (err.code) fail(c, &err);
}

static int other_user(struct tarn_capture *c, struct tarn_err *err) {
    c->missed = "changes were not recorded";
    c->schema = -1;
    return tarn_err_set(
        err, TARN_EBUSY,
        "another user of SQLite's preupdate hook (the session extension?) is on this "
        "connection: only one can be; changes of tracked tables are captured on "
        "connections without it");
}

int tarn_capture_check(struct tarn_conn *conn, struct tarn_err *err) {
    struct tarn_capture *c = conn->capture;
    void *before;

    if (!c || !c->preupdate) return TARN_OK;
    before = c->preupdate->hook(conn->db, on_change, c);
    if (before != c || c->conflict) return other_user(c, err);
    if (!c->missed || !c->conn->last.code) return TARN_OK;
    return tarn_err_set(err, c->conn->last.code,
                        "changes of tracked tables were not recorded (a gap will be noted; "
                        "tarn_resync(table) fills it): %s",
                        c->conn->last.msg);
}

/* Statements that were prepared without the hook don't call it where they clear a whole table; a change
** of the schema makes SQLite prepare them again. */
static int expire_statements(sqlite3 *db, struct tarn_err *err) {
    int sq = sqlite3_exec(db,
                          "CREATE TEMP TABLE IF NOT EXISTS _tarn_armed(x);"
                          "DROP TABLE temp._tarn_armed",
                          NULL, NULL, NULL);

    return tarn_err_sqlite(err, db, sq, "arming the capture of changes");
}

static int prepare(struct tarn_capture *c, struct tarn_err *err) {
    sqlite3 *db = c->conn->db;
    sqlite3_stmt *end = NULL;
    int sq = SQLITE_OK;

    if (!c->join) {
        sq = sqlite3_prepare_v3(db, "DELETE FROM main._tarn_tx WHERE rowid = 0", -1,
                                SQLITE_PREPARE_PERSISTENT, &c->join, NULL);
    }
    /* the table whose disconnecting, when the connection is closed, ends the kept statements */
    if (sq == SQLITE_OK)
        sq = sqlite3_prepare_v2(db, "SELECT 1 FROM main._tarn_end", -1, &end, NULL);
    if (sq == SQLITE_OK) (void)sqlite3_step(end);
    (void)sqlite3_finalize(end);
    return tarn_err_sqlite(err, db, sq, "arming the capture of changes");
}

/* Without it, the first transaction has nothing to compare with, that is all. */
static void take_sight(struct tarn_capture *c) {
    sqlite3 *db = c->conn->db;
    struct tarn_err err = {0};
    int64_t cookie = 0;

    if (sqlite3_exec(db, "SAVEPOINT _tarn_gap", NULL, NULL, NULL)) return;
    if (read_cookie(c, &cookie, &err) || tarn_gap_begin(c, cookie, &err)) c->seen.known = 0;
    (void)sqlite3_exec(db, "RELEASE _tarn_gap", NULL, NULL, NULL);
}

int tarn_capture_arm(struct tarn_conn *conn, struct tarn_err *err) {
    struct tarn_capture *c = conn->capture;
    const struct tarn_preupdate *hook = tarn_preupdate_find();
    const void *before;

    if (c->preupdate) return tarn_capture_check(conn, err);
    if (!hook) {
        return tarn_err_set(
            err, TARN_EINVAL,
            "this SQLite (%s) has no preupdate hook: changes of tables can be captured "
            "only where it is built with SQLITE_ENABLE_PREUPDATE_HOOK",
            sqlite3_libversion());
    }
    if (prepare(c, err)) return err->code;
    before = hook->hook(conn->db, on_change, c);
    c->preupdate = hook;
    c->schema = -1;
    c->conflict = before && before != c;
    if (c->conflict) return other_user(c, err);
    take_sight(c);
    return expire_statements(conn->db, err);
}

/* A connection of this process to the same file, which was there before the first table was tracked. Its
** statements are prepared again by themselves: tracking moves the schema cookie. One whose mutex is taken
** right now, or that has none, is left as it is (the README's limits). */
static void arm_other(struct tarn_conn *other, void *arg) {
    const struct tarn_conn *conn = arg;
    sqlite3_mutex *mutex = sqlite3_db_mutex(other->db);
    const char *ours = sqlite3_db_filename(conn->db, "main");
    const char *theirs;

    if (!mutex || !other->capture || !ours || !*ours) return;
    if (sqlite3_mutex_try(mutex) != SQLITE_OK) return;
    theirs = sqlite3_db_filename(other->db, "main");
    if (theirs && strcmp(ours, theirs) == 0 && !other->capture->preupdate) {
        struct tarn_capture *c = other->capture;
        const struct tarn_preupdate *hook = tarn_preupdate_find();
        const void *before = hook ? hook->hook(other->db, on_change, c) : NULL;

        c->preupdate = hook;
        c->schema = -1;
        if (before) (void)other_user(c, &other->last);
    }
    sqlite3_mutex_leave(mutex);
}

void tarn_capture_arm_others(struct tarn_conn *conn) {
    tarn_conns_each(conn, arm_other, conn);
}

int tarn_capture_join(struct tarn_conn *conn, struct tarn_err *err) {
    struct tarn_capture *c = conn->capture;
    int rc = join(c, err);

    c->schema = rc == TARN_OK ? -1 : c->schema;
    return rc ? rc : look(c, err);
}

int tarn_capture_entry(struct tarn_conn *conn, int64_t id, const char *json, struct tarn_err *err) {
    struct tarn_capture *c = conn->capture;
    struct tarn_buf *b = &c->scratch;
    uint64_t at;
    size_t i;
    int rc;

    if (!c->joined) return TARN_OK; /* seen while reading: the next change notes it */
    for (i = 0; i < c->n_collections && c->collections[i].id != id; i++) {
    }
    if (i == c->n_collections) return tarn_err_set(err, TARN_ENOTFOUND, "no such collection");
    tarn_buf_clear(b);
    if (tarn_buf_reserve(b, 64)) return tarn_err_set(err, TARN_ENOMEM, "out of memory");
    b->len = TARN_CAPTURE_HEAD;
    tarn_buf_u8(b, TARN_OP_ENTRY);
    tarn_buf_u8(b, 0);
    tarn_buf_puts(b, json);
    at = tarn_txn_changes_len(conn);
    rc = tarn_capture_add(c, &c->collections[i], err);
    return rc ? rc : tarn_capture_note_entry(c, c->collections[i].name, at, err);
}

struct tarn_collection *tarn_capture_find(struct tarn_conn *conn, const char *table) {
    struct tarn_capture *c = conn->capture;
    size_t i;

    for (i = 0; i < c->n_collections; i++) {
        if (!c->collections[i].dropped && sqlite3_stricmp(c->collections[i].table, table) == 0) {
            return &c->collections[i];
        }
    }
    return NULL;
}

int tarn_capture_new(struct tarn_conn *conn, struct tarn_err *err) {
    struct tarn_capture *c = tarn_calloc(1, sizeof *c);
    int rc;

    if (!c) return tarn_err_set(err, TARN_ENOMEM, "out of memory");
    c->conn = conn;
    c->schema = -1;
    tarn_buf_init(&c->scratch, (size_t)1 << 31);
    tarn_buf_init(&c->key, (size_t)1 << 31);
    conn->capture = c;
    rc = tarn_capture_modules(c, err); /* which own it from here on */
    if (rc == TARN_OK) {
        rc = tarn_err_sqlite(err, conn->db, tarn_base_register(conn->db), "registering _tarn_pk");
    }
    if (rc == TARN_OK && tarn_registry_exists(conn->db)) {
        (void)tarn_capture_arm(conn, &conn->last);
    }
    return rc;
}
