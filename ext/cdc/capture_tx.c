/* capture_tx.c: two tables that nobody reads. `_tarn_tx` takes part in the transactions of tracked
** tables: SQLite tells it of savepoints, of the commit and of the rollback. `_tarn_end` is there to be
** disconnected when the connection is closed: a statement that is still prepared then would make
** sqlite3_close answer BUSY, and `_tarn_tx` can't be asked, since the statement holds it.
*/
#include <string.h>

#include "capture_impl.h"
#include "mem.h"
#include "txn.h"

struct table {
    sqlite3_vtab base;
    struct tarn_capture *capture;
};

struct cursor {
    sqlite3_vtab_cursor base;
};

static int report(sqlite3_vtab *vtab, struct tarn_err *err) {
    if (!err->code) return SQLITE_OK;
    sqlite3_free(vtab->zErrMsg);
    vtab->zErrMsg = sqlite3_mprintf("%s", err->msg);
    return tarn_sqlite_code(err->code);
}

static int connect_table(sqlite3 *db, void *aux, int argc, const char *const *argv,
                         sqlite3_vtab **out, char **message) {
    struct table *t = sqlite3_malloc(sizeof *t);
    int sq = t ? sqlite3_declare_vtab(db, "CREATE TABLE x(a)") : SQLITE_NOMEM;

    (void)argc;
    (void)argv;
    (void)message;
    if (sq == SQLITE_OK) sq = sqlite3_vtab_config(db, SQLITE_VTAB_INNOCUOUS);
    if (sq) {
        sqlite3_free(t);
        return sq;
    }
    memset(t, 0, sizeof *t);
    t->capture = aux;
    *out = &t->base;
    return SQLITE_OK;
}

static int disconnect(sqlite3_vtab *vtab) {
    sqlite3_free(vtab);
    return SQLITE_OK;
}

static int disconnect_end(sqlite3_vtab *vtab) {
    tarn_capture_finalize(((struct table *)vtab)->capture);
    return disconnect(vtab);
}

/* `DELETE … WHERE rowid = 0` touches one row at most, so it needs no statement journal. That matters: it
** runs inside a change of the application's, and when it must be prepared again (the schema has changed)
** a journal would be rolled back, which moves the application's cursor away from where its row belongs. */
static int best_index(sqlite3_vtab *vtab, sqlite3_index_info *info) {
    int i;

    (void)vtab;
    for (i = 0; i < info->nConstraint; i++) {
        if (!info->aConstraint[i].usable || info->aConstraint[i].iColumn >= 0 ||
            info->aConstraint[i].op != SQLITE_INDEX_CONSTRAINT_EQ) {
            continue;
        }
        info->aConstraintUsage[i].argvIndex = 1;
        info->aConstraintUsage[i].omit = 1;
        info->idxFlags = SQLITE_INDEX_SCAN_UNIQUE;
        info->estimatedRows = 1;
        info->estimatedCost = 1;
        break;
    }
    return SQLITE_OK;
}

static int open_cursor(sqlite3_vtab *vtab, sqlite3_vtab_cursor **out) {
    struct cursor *cur = sqlite3_malloc(sizeof *cur);

    (void)vtab;
    if (!cur) return SQLITE_NOMEM;
    memset(cur, 0, sizeof *cur);
    *out = &cur->base;
    return SQLITE_OK;
}

static int close_cursor(sqlite3_vtab_cursor *cur) {
    sqlite3_free(cur);
    return SQLITE_OK;
}

static int filter(sqlite3_vtab_cursor *cur, int n, const char *s, int argc, sqlite3_value **argv) {
    (void)cur;
    (void)n;
    (void)s;
    (void)argc;
    (void)argv;
    return SQLITE_OK;
}

static int next(sqlite3_vtab_cursor *cur) {
    (void)cur;
    return SQLITE_OK;
}

static int eof(sqlite3_vtab_cursor *cur) {
    (void)cur;
    return 1;
}

static int column(sqlite3_vtab_cursor *cur, sqlite3_context *ctx, int n) {
    (void)cur;
    (void)ctx;
    (void)n;
    return SQLITE_OK;
}

static int rowid(sqlite3_vtab_cursor *cur, sqlite3_int64 *out) {
    (void)cur;
    *out = 0;
    return SQLITE_OK;
}

/* Only Tarn's own statement reaches it, and that touches no row. */
static int update(sqlite3_vtab *vtab, int argc, sqlite3_value **argv, sqlite3_int64 *out) {
    (void)vtab;
    (void)argc;
    (void)argv;
    (void)out;
    return SQLITE_READONLY;
}

static int begin(sqlite3_vtab *vtab) {
    struct tarn_capture *c = ((struct table *)vtab)->capture;
    struct tarn_err err = {0};

    if (tarn_txn_begin_capture(c->conn, vtab, &err) == TARN_OK) {
        c->joined = 1;
        c->look = 1;
        c->looked = 0;
    }
    return report(vtab, &err);
}

/* The transaction goes on without its changes, and says so in the chain. */
static int leave_gap(struct tarn_capture *c, struct tarn_err *err) {
    struct tarn_err why = c->failed;
    char *text = NULL;
    size_t i;
    int rc = tarn_txn_drop_changes(c->conn, err);

    tarn_err_clear(&c->failed);
    tarn_capture_forget_dirty(c);
    c->n_definitions = 0;
    tarn_capture_cut_entries(c, 0);
    c->looked = 1; /* if this is rolled back, the registry is read again */
    text = sqlite3_mprintf("a transaction's changes could not be recorded (code %d)", why.code);
    if (!text && rc == TARN_OK) rc = tarn_err_set(err, TARN_ENOMEM, "out of memory");
    for (i = 0; i < c->n_collections && rc == TARN_OK; i++) {
        c->collections[i].defined = 0;
        rc = tarn_registry_gap(c, &c->collections[i], text, err);
    }
    sqlite3_free(text);
    c->conn->last = why;
    return rc;
}

static int sync(sqlite3_vtab *vtab) {
    struct tarn_capture *c = ((struct table *)vtab)->capture;
    struct tarn_err err = {0};
    int warn = strcmp(tarn_settings_text(&c->conn->settings, TARN_SET_CAPTURE_ERRORS), "warn") == 0;

    c->busy++;
    if (tarn_capture_settle(c, NULL, 0, &err) && !c->failed.code) c->failed = err;
    tarn_err_clear(&err);
    if (c->failed.code && warn) (void)leave_gap(c, &err);
    if (c->failed.code) {
        (void)tarn_err_set(&err, c->failed.code, "the transaction's changes can't be recorded: %s",
                           c->failed.msg);
    }
    tarn_gap_sync(c);
    if (!err.code) (void)tarn_registry_save(c, &err);
    if (!err.code) (void)tarn_txn_sync(c->conn, &err);
    c->busy--;
    return report(vtab, &err);
}

static void end(struct tarn_capture *c) {
    size_t i;

    for (i = 0; i < c->n_collections; i++)
        c->collections[i].defined = 0;
    c->n_definitions = 0;
    tarn_capture_cut_entries(c, 0);
    c->joined = 0;
    c->looked = 0;
    tarn_err_clear(&c->failed);
    tarn_capture_forget_dirty(c);
}

static int commit(sqlite3_vtab *vtab) {
    struct tarn_capture *c = ((struct table *)vtab)->capture;

    tarn_txn_commit(c->conn);
    if (c->looked) c->missed = NULL;
    tarn_gap_end(c, 1);
    end(c);
    return SQLITE_OK;
}

/* What was seen of the schema in this transaction may not be so any more. */
static void doubt(struct tarn_capture *c) {
    c->look = 1;
    if (c->looked) c->schema = -1;
}

static int rollback(sqlite3_vtab *vtab) {
    struct tarn_capture *c = ((struct table *)vtab)->capture;

    tarn_txn_rollback(c->conn);
    tarn_gap_end(c, 0);
    doubt(c);
    end(c);
    return SQLITE_OK;
}

static int savepoint(sqlite3_vtab *vtab, int n) {
    struct tarn_capture *c = ((struct table *)vtab)->capture;
    struct tarn_err err = {0};

    c->busy++;
    if (c->n_dirty && tarn_capture_settle(c, NULL, 0, &err) && !c->failed.code) {
        c->failed = err;
        c->failed_at = tarn_txn_changes_len(c->conn);
    }
    c->busy--;
    c->look = 1;
    tarn_err_clear(&err);
    (void)tarn_txn_savepoint(c->conn, vtab, n, &err);
    return report(vtab, &err);
}

static int release(sqlite3_vtab *vtab, int n) {
    struct tarn_capture *c = ((struct table *)vtab)->capture;

    tarn_txn_release(c->conn, n);
    return SQLITE_OK;
}

static int rollback_to(sqlite3_vtab *vtab, int n) {
    struct tarn_capture *c = ((struct table *)vtab)->capture;
    struct tarn_err err = {0};
    uint64_t len;
    size_t i;

    (void)tarn_txn_rollback_to(c->conn, n, &err);
    len = tarn_txn_changes_len(c->conn);
    while (c->n_definitions && c->definitions[c->n_definitions - 1] >= len)
        c->n_definitions--;
    for (i = 0; i < c->n_collections; i++) {
        if (c->collections[i].number >= c->n_definitions) c->collections[i].defined = 0;
    }
    tarn_capture_cut_entries(c, len);
    if (c->failed.code && c->failed_at >= len) tarn_err_clear(&c->failed);
    tarn_capture_forget_dirty(c);
    doubt(c);
    return report(vtab, &err);
}

static const sqlite3_module tx_module = {
    .iVersion = 2,
    .xConnect = connect_table,
    .xBestIndex = best_index,
    .xDisconnect = disconnect,
    .xOpen = open_cursor,
    .xClose = close_cursor,
    .xFilter = filter,
    .xNext = next,
    .xEof = eof,
    .xColumn = column,
    .xRowid = rowid,
    .xUpdate = update,
    .xBegin = begin,
    .xSync = sync,
    .xCommit = commit,
    .xRollback = rollback,
    .xSavepoint = savepoint,
    .xRelease = release,
    .xRollbackTo = rollback_to,
};

static const sqlite3_module end_module = {
    .iVersion = 1,
    .xConnect = connect_table,
    .xBestIndex = best_index,
    .xDisconnect = disconnect_end,
    .xOpen = open_cursor,
    .xClose = close_cursor,
    .xFilter = filter,
    .xNext = next,
    .xEof = eof,
    .xColumn = column,
    .xRowid = rowid,
};

void tarn_capture_finalize(struct tarn_capture *c) {
    size_t i;

    (void)sqlite3_finalize(c->join);
    (void)sqlite3_finalize(c->cookie);
    (void)sqlite3_finalize(c->foreign);
    c->foreign = NULL;
    c->join = NULL;
    c->cookie = NULL;
    for (i = 0; i < c->n_collections; i++) {
        (void)sqlite3_finalize(c->collections[i].read);
        c->collections[i].read = NULL;
    }
}

static void free_capture(void *capture) {
    struct tarn_capture *c = capture;
    struct tarn_conn *conn = c->conn;

    tarn_capture_forget_dirty(c);
    tarn_free(c->dirty);
    tarn_registry_release(c);
    tarn_buf_release(&c->scratch);
    tarn_buf_release(&c->key);
    tarn_capture_cut_entries(c, 0);
    tarn_free(c->definitions);
    tarn_free(c);
    conn->capture = NULL;
    tarn_conn_unref(conn);
}

int tarn_capture_modules(struct tarn_capture *c, struct tarn_err *err) {
    sqlite3 *db = c->conn->db;
    int sq;

    tarn_conn_ref(c->conn);
    sq = sqlite3_create_module_v2(db, "_tarn_end", &end_module, c, NULL);
    if (sq == SQLITE_OK) {
        sq = sqlite3_create_module_v2(db, "_tarn_tx", &tx_module, c, free_capture);
    } else {
        free_capture(c);
    }
    return tarn_err_sqlite(err, db, sq, "the tables of the capture");
}
