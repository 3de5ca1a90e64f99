/* track.c: tarn_track, tarn_untrack and the table of what is tracked. */
#include "tracking.h"

#include "capture.h"
#include "cdc_table.h"
#include "family.h"
#include "mem.h"
#include "result.h"
#include "track_options.h"

/* Is the name of the table of its changes free? Said before anything is tracked. */
static int check_name(struct tarn_conn *c, const char *table, const char *options,
                      struct tarn_err *err) {
    struct tarn_track_options o;
    char *namespace_ = NULL;
    int rc = tarn_conn_refresh(c, err);

    if (rc == TARN_OK) rc = tarn_track_options_read(&o, options, err);
    if (rc) return rc;
    if (!o.namespace_) rc = tarn_cdc_namespace(c, &namespace_, err);
    if (rc == TARN_OK) {
        rc = tarn_cdc_table_check(c, o.namespace_ ? o.namespace_ : namespace_,
                                  o.collection ? o.collection : table, err);
    }
    tarn_track_options_release(&o);
    tarn_free(namespace_);
    return rc;
}

static void track_call(sqlite3_context *ctx, int argc, sqlite3_value **argv) {
    struct tarn_conn *c = tarn_function_conn(ctx);
    const char *table = NULL;
    const char *options = NULL;
    struct tarn_err err = {0};
    char *name = NULL;

    (void)tarn_value_text(argv[0], "tarn_track: table", &table, &err);
    if (!err.code && argc > 1)
        (void)tarn_value_text(argv[1], "tarn_track: options", &options, &err);
    if (!err.code && !table) {
        (void)tarn_err_set(&err, TARN_EINVAL, "tarn_track(table[, options]) needs a table's name");
    }
    if (!err.code) (void)check_name(c, table, options, &err);
    if (!err.code) (void)tarn_cdc_track(c, table, options, &name, &err);
    if (!err.code) (void)tarn_cdc_table_make_named(c, name, &err);
    if (err.code) {
        tarn_result_err(ctx, &err);
    } else {
        tarn_result_text(ctx, name);
    }
    tarn_free(name);
}

static void untrack_call(sqlite3_context *ctx, int argc, sqlite3_value **argv) {
    const char *table = NULL;
    struct tarn_err err = {0};

    (void)argc;
    (void)tarn_value_text(argv[0], "tarn_untrack: table", &table, &err);
    if (!err.code && !table) {
        (void)tarn_err_set(&err, TARN_EINVAL, "tarn_untrack(table) needs a table's name");
    }
    if (!err.code) (void)tarn_cdc_untrack(tarn_function_conn(ctx), table, &err);
    if (err.code) tarn_result_err(ctx, &err);
}

struct collections {
    sqlite3_stmt *stmt;
    sqlite3 *db;
};

static int collections_open(void **handle, struct tarn_conn *conn, sqlite3_value **args,
                            struct tarn_err *err) {
    struct collections *h = tarn_calloc(1, sizeof *h);
    int sq = SQLITE_OK;

    (void)args;
    if (!h) return tarn_err_set(err, TARN_ENOMEM, "out of memory");
    h->db = conn->db;
    if (sqlite3_table_column_metadata(conn->db, "main", "_tarn_collections", "epoch", NULL, NULL,
                                      NULL, NULL, NULL) == SQLITE_OK) {
        sq = sqlite3_prepare_v2(
            conn->db,
            "SELECT \"table\", namespace, collection, state, epoch, options, sql, gap, gapSince "
            "FROM main._tarn_collections ORDER BY namespace, collection",
            -1, &h->stmt, NULL);
    }
    if (sq) {
        tarn_free(h);
        return tarn_err_sqlite(err, conn->db, sq, "reading the tracked tables");
    }
    *handle = h;
    return tarn_capture_check(conn, err);
}

static int collections_next(void *handle, int *more, struct tarn_err *err) {
    struct collections *h = handle;
    int sq = h->stmt ? sqlite3_step(h->stmt) : SQLITE_DONE;

    *more = sq == SQLITE_ROW;
    if (sq == SQLITE_ROW || sq == SQLITE_DONE) return TARN_OK;
    return tarn_err_sqlite(err, h->db, sq, "reading the tracked tables");
}

static int collections_column(void *handle, int column, sqlite3_context *ctx,
                              struct tarn_err *err) {
    struct collections *h = handle;

    (void)err;
    sqlite3_result_value(ctx, sqlite3_column_value(h->stmt, column));
    return TARN_OK;
}

static void collections_close(void *handle) {
    struct collections *h = handle;

    (void)sqlite3_finalize(h->stmt);
    tarn_free(h);
}

static const struct tarn_rows collections_rows = {
    .name = "tarn_collections",
    .columns =
        "\"table\" TEXT, namespace TEXT, collection TEXT, state TEXT, epoch INTEGER, options "
        "TEXT, sql TEXT, gap TEXT, gapSince TEXT",
    .n_columns = 9,
    .open = collections_open,
    .next = collections_next,
    .column = collections_column,
    .close = collections_close,
};

static const struct tarn_function functions[] = {
    {.help =
         {"tarn_track", "scalar", "(table[, options])", "namespace/collection",
          "Captures every change of the table from now on, in the transaction that makes it, and "
          "delivers it to cdc/namespace/collection/ of the lake; the rows that are there become "
          "its "
          "data.parquet. Options, a JSON object: trackPrevious (true: deltas carry the row "
          "before), "
          "columns (names to leave out), collection, namespace.",
          "CREATE TABLE users(id INTEGER PRIMARY KEY, name TEXT); SELECT tarn_track('users')"},
     .min_args = 1,
     .max_args = 2,
     .flags = SQLITE_DIRECTONLY,
     .call = track_call},
    {.help = {"tarn_untrack", "scalar", "(table)", "NULL",
              "Ends the capture of the table's changes. What was captured stays in the lake.",
              "CREATE TABLE u(id INTEGER PRIMARY KEY); SELECT tarn_track('u'); SELECT "
              "tarn_untrack('u')"},
     .min_args = 1,
     .max_args = 1,
     .flags = SQLITE_DIRECTONLY,
     .call = untrack_call},
};

static const struct tarn_table tables[] = {
    {.help =
         {"tarn_collections", "table", "", "one row per table that is or was tracked",
          "state is tracked, untracked, or dropped (the table is gone; one of its name is tracked "
          "again). epoch counts the shapes that the table has had. gap says why changes may be "
          "missing, since gapSince, until tarn_resync(table).",
          "SELECT \"table\", collection, state FROM tarn_collections"},
     .rows = &collections_rows},
    {.help =
         {"tarn_resync", "table function", "(table)", "one row per change that was missing",
          "Compares a tracked table with its collection (its base, its deltas, what waits) and "
          "captures what is missing, in a transaction of its own: after a gap (tarn_collections) "
          "both are the same again. Holds the write lock while it compares.",
          "CREATE TABLE r(id INTEGER PRIMARY KEY); SELECT tarn_track('r'); SELECT op, pk FROM "
          "tarn_resync('r')"},
     .rows = &tarn_resync_rows},
};

const struct tarn_family tarn_family_track = {functions, TARN_COUNT(functions), tables,
                                              TARN_COUNT(tables)};
