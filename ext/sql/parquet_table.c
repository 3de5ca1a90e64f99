/* parquet_table.c: the module `parquet`: any Parquet file, or many, as one read-only table.
**
**   CREATE VIRTUAL TABLE t USING parquet('path or pattern'[, '{"option":value}'])
**
** The columns are fixed when the table is created or connected; the files are listed anew by every
** query. Relative paths start at the process's folder, as those of jsonl do. DIRECTONLY: what a
** view or a trigger of a database says must not read the user's files.
*/
#include "parquet_table.h"

#include <string.h>

#include "family.h"
#include "mem.h"
#include "module.h"
#include "parquet_bind.h"
#include "parquet_plan.h"
#include "parquet_scan.h"
#include "result.h"

struct cursor {
    sqlite3_vtab_cursor base;
    struct tarn_pqt_conditions conditions;
    struct tarn_pqt_scan scan;
    int more;
};

static int table_disconnect(sqlite3_vtab *vtab) {
    struct tarn_parquet_table *t = (struct tarn_parquet_table *)vtab;

    tarn_pqt_schema_release(&t->schema);
    tarn_pqt_options_release(&t->options);
    tarn_free(t->pattern);
    tarn_conn_unref(t->conn);
    tarn_free(t);
    return SQLITE_OK;
}

static int parse_arguments(struct tarn_parquet_table *t, int argc, const char *const *argv,
                           struct tarn_err *err) {
    char *json = NULL;
    int rc = TARN_OK;

    if (argc < 4 || argc > 5) {
        return tarn_err_set(err, TARN_EINVAL,
                            "expected USING parquet('path or pattern'[, '{\"option\":value}'])");
    }
    t->pattern = tarn_dequote(argv[3]);
    if (!t->pattern) return tarn_err_set(err, TARN_ENOMEM, "out of memory");
    if (!*t->pattern) return tarn_err_set(err, TARN_EINVAL, "parquet: the path is empty");
    if (argc < 5) return TARN_OK;
    json = tarn_dequote(argv[4]);
    if (!json) return tarn_err_set(err, TARN_ENOMEM, "out of memory");
    rc = tarn_pqt_options_parse(&t->options, json, err);
    tarn_free(json);
    if (rc == TARN_OK && t->options.keys_inline && strcmp(argv[1], "temp") != 0) {
        rc = tarn_err_set(err, TARN_EINVAL,
                          "parquet: keys would be stored in the database file: create the table as "
                          "temp.%.40s, name an environment variable in keysFrom, or call "
                          "tarn_parquet_keys(json)",
                          argv[2]);
    }
    return rc;
}

static int build(struct tarn_parquet_table *t, struct tarn_err *err) {
    struct tarn_paths paths;
    int rc = tarn_conn_refresh(t->conn, err);

    if (rc) return rc;
    rc = tarn_paths_open(&paths, t->pattern, "parquet", err);
    if (rc) return rc;
    rc = tarn_pqt_schema_build(t, &paths, err);
    tarn_paths_release(&paths);
    return rc;
}

static int declare(sqlite3 *db, struct tarn_parquet_table *t, struct tarn_err *err) {
    char *sql = tarn_pqt_declaration(&t->schema);
    int rc = SQLITE_NOMEM;

    if (!sql) return tarn_err_set(err, TARN_ENOMEM, "out of memory");
    rc = sqlite3_declare_vtab(db, sql);
    sqlite3_free(sql);
    return rc ? tarn_err_sqlite(err, db, rc, "parquet: the table's columns") : TARN_OK;
}

static int table_connect(sqlite3 *db, void *aux, int argc, const char *const *argv,
                         sqlite3_vtab **out, char **message) {
    struct tarn_parquet_table *t = tarn_calloc(1, sizeof *t);
    struct tarn_err err = {0};
    int rc = TARN_OK;

    if (!t) return SQLITE_NOMEM;
    t->conn = aux;
    tarn_conn_ref(t->conn);
    t->utf8 = tarn_is_utf8(db);
    rc = parse_arguments(t, argc, argv, &err);
    if (rc == TARN_OK) rc = build(t, &err);
    if (rc == TARN_OK) rc = declare(db, t, &err);
    if (rc) {
        *message = sqlite3_mprintf("%s", err.msg);
        (void)table_disconnect(&t->base);
        return rc == TARN_ENOMEM ? SQLITE_NOMEM : tarn_sqlite_code(rc);
    }
    (void)sqlite3_vtab_config(db, SQLITE_VTAB_DIRECTONLY);
    *out = &t->base;
    return SQLITE_OK;
}

/* Not the same function as for connecting: then SQLite would take the module's name for a table. */
static int table_create(sqlite3 *db, void *aux, int argc, const char *const *argv,
                        sqlite3_vtab **out, char **message) {
    return table_connect(db, aux, argc, argv, out, message);
}

static int table_open(sqlite3_vtab *vtab, sqlite3_vtab_cursor **out) {
    struct cursor *cur = tarn_calloc(1, sizeof *cur);

    (void)vtab;
    if (!cur) return SQLITE_NOMEM;
    *out = &cur->base;
    return SQLITE_OK;
}

static void cursor_clear(struct cursor *cur) {
    tarn_pqt_scan_close(&cur->scan);
    tarn_pqt_conditions_release(&cur->conditions);
    cur->more = 0;
}

static int table_close(sqlite3_vtab_cursor *base) {
    struct cursor *cur = (struct cursor *)base;

    cursor_clear(cur);
    tarn_free(cur);
    return SQLITE_OK;
}

static int table_next(sqlite3_vtab_cursor *base) {
    struct cursor *cur = (struct cursor *)base;
    struct tarn_err err;

    tarn_err_clear(&err);
    if (tarn_pqt_scan_next(&cur->scan, &cur->more, &err)) return tarn_vtab_err(base->pVtab, &err);
    return SQLITE_OK;
}

static int table_filter(sqlite3_vtab_cursor *base, int num, const char *plan, int argc,
                        sqlite3_value **argv) {
    struct cursor *cur = (struct cursor *)base;
    struct tarn_parquet_table *t = (struct tarn_parquet_table *)base->pVtab;
    struct tarn_err err = {0};
    int rc = TARN_OK;

    (void)num;
    cursor_clear(cur);
    rc = tarn_conn_refresh(t->conn, &err);
    if (rc == TARN_OK) rc = tarn_pqt_conditions_read(&cur->conditions, plan, argc, argv, &err);
    if (rc == TARN_OK && !cur->conditions.none) {
        rc = tarn_pqt_scan_open(&cur->scan, t, &cur->conditions, &err);
        if (rc == TARN_OK) rc = tarn_pqt_scan_next(&cur->scan, &cur->more, &err);
    }
    if (rc) cur->more = 0;
    return rc ? tarn_vtab_err(base->pVtab, &err) : SQLITE_OK;
}

static int table_eof(sqlite3_vtab_cursor *base) {
    return !((struct cursor *)base)->more;
}

static int table_column(sqlite3_vtab_cursor *base, sqlite3_context *ctx, int column) {
    struct cursor *cur = (struct cursor *)base;
    struct tarn_err err;

    tarn_err_clear(&err);
    if (tarn_pqt_scan_column(&cur->scan, column, ctx, &err)) tarn_result_err(ctx, &err);
    return SQLITE_OK;
}

static int table_rowid(sqlite3_vtab_cursor *base, sqlite3_int64 *out) {
    *out = tarn_pqt_scan_rowid(&((struct cursor *)base)->scan);
    return SQLITE_OK;
}

static const sqlite3_module parquet_module = {
    .xCreate = table_create,
    .xConnect = table_connect,
    .xBestIndex = tarn_pqt_best_index,
    .xDisconnect = table_disconnect,
    .xDestroy = table_disconnect,
    .xOpen = table_open,
    .xClose = table_close,
    .xFilter = table_filter,
    .xNext = table_next,
    .xEof = table_eof,
    .xColumn = table_column,
    .xRowid = table_rowid,
};

static const struct tarn_table tables[] = {
    {.help =
         {"parquet", "table", "USING parquet('path or pattern'[, options])",
          "one row per row of the Parquet files that match",
          "Any Parquet file as a table: CREATE VIRTUAL TABLE t USING parquet('data/x.parquet'). A "
          "pattern joins many files, their columns by name. NaN is NULL in SQLite; groups and "
          "lists are JSON.",
          "SELECT name FROM pragma_module_list WHERE name = 'parquet'"},
     .module = &parquet_module},
};

const struct tarn_family tarn_family_parquet = {NULL, 0, tables, TARN_COUNT(tables)};
