/* export.c: tarn_export(sql, path[, options]): the rows of a query as one Parquet file.
**
**   sql ── one statement that returns rows and changes nothing
**    │ step: the columns are known, and the options that name them
**    │ window: the first rows, while some column has no type yet
**    ▼
**   value ─► convert, exactly ─► writer ─► a temporary file ─► the target
**
** The statement runs on the same connection: it sees the open transaction. SQLite holds the
** connection's mutex during the call, which is what makes reading values without taking it for each
** one right. Memory: a row group's raw bytes are held to a share of memoryBudget, since a group may
** stand in the columns' buffers (which double), in a page and in its compressed form at once.
*/
#include <string.h>

#include "export.h"
#include "family.h"
#include "mem.h"
#include "result.h"
#include "stats_write.h"

enum {
    BUDGET_SHARE = 5,
    BACKGROUND_SHARE = 8,
    BACKGROUND_BUDGET = 64 << 20,
    GROUP_BYTES = 64 << 20,
    WINDOW_ROWS = 122880,
    WINDOW_BYTES = 8 << 20,
    CHECK_ROWS = 1024,
    PAGE_ROWS = 8192,
    ZSTD_LEVEL = 1
};

struct export {
    struct tarn_conn *conn;
    sqlite3_stmt *stmt;
    struct tarn_export_options options;
    struct tarn_export_column *columns;
    int n_columns;
    enum tarn_physical *physical; /* of each column */
    struct tarn_export_file file;
    struct tarn_pq_writer *writer;
    struct tarn_buf window;
    uint64_t rows;
    size_t budget;
    size_t most;           /* bytes of one value, and of a row group */
    enum tarn_order order; /* of the sort column */
    struct tarn_buf last;  /* its last value */
    int nulls;             /* NULLs in it: 1 first, 2 after a value */
    int values;            /* it had one */
};

/* The text must hold one statement; what is after it is white space and comments. */
static int prepare(struct export *x, const char *sql, struct tarn_err *err) {
    sqlite3 *db = x->conn->db;
    sqlite3_stmt *more = NULL;
    const char *tail = NULL;
    int rc = sqlite3_prepare_v2(db, sql, -1, &x->stmt, &tail);

    if (rc) return tarn_err_sqlite(err, db, rc, "tarn_export");
    if (!x->stmt) return tarn_err_set(err, TARN_EINVAL, "tarn_export: sql holds no statement");
    while (*tail) {
        const char *from = tail;

        rc = sqlite3_prepare_v2(db, from, -1, &more, &tail);
        (void)sqlite3_finalize(more);
        if (rc || more)
            return tarn_err_set(err, TARN_EINVAL,
                                "tarn_export: expected one statement, found more behind it: "
                                "%.80s",
                                from + strspn(from, " \t\r\n;"));
    }
    if (!sqlite3_stmt_readonly(x->stmt))
        return tarn_err_set(err, TARN_EINVAL,
                            "tarn_export: the statement writes to the database; expected a query");
    if (sqlite3_column_count(x->stmt) == 0)
        return tarn_err_set(err, TARN_EINVAL,
                            "tarn_export: the statement returns no rows; expected a query");
    if (sqlite3_bind_parameter_count(x->stmt) > 0)
        return tarn_err_set(
            err, TARN_EINVAL, "tarn_export: the query has the parameter %.60s, which nothing binds",
            sqlite3_bind_parameter_name(x->stmt, 1) ? sqlite3_bind_parameter_name(x->stmt, 1)
                                                    : "?");
    return TARN_OK;
}

/* *more = 0 at the end. */
static int step(struct export *x, int *more, struct tarn_err *err) {
    int rc = sqlite3_step(x->stmt);

    *more = rc == SQLITE_ROW;
    if (rc == SQLITE_ROW || rc == SQLITE_DONE) return TARN_OK;
    return tarn_err_sqlite(err, x->conn->db, rc, "tarn_export");
}

/* Columns of the statement, after its first step: it can't be prepared again from then on. */
static int take_columns(struct export *x, struct tarn_err *err) {
    int n = sqlite3_column_count(x->stmt);
    int i = 0, k = 0;

    x->columns = tarn_calloc((size_t)n, sizeof *x->columns);
    if (!x->columns) return tarn_err_set(err, TARN_ENOMEM, "out of memory");
    x->n_columns = n;
    for (i = 0; i < n; i++) {
        struct tarn_export_column *c = &x->columns[i];
        const char *name = sqlite3_column_name(x->stmt, i);
        const char *declared = sqlite3_column_decltype(x->stmt, i);

        c->name = name ? tarn_strdup(name) : NULL;
        c->declared = declared ? tarn_strdup(declared) : NULL;
        if (!c->name || (declared && !c->declared))
            return tarn_err_set(err, TARN_ENOMEM, "out of memory");
        for (k = 0; k < i; k++) {
            if (sqlite3_stricmp(x->columns[k].name, c->name) == 0)
                return tarn_err_set(err, TARN_EINVAL,
                                    "tarn_export: columns %d and %d are both named \"%.60s\": name "
                                    "one of them with AS",
                                    k + 1, i + 1, c->name);
        }
        c->flags = TARN_COL_STATS | TARN_COL_DICT;
        tarn_export_type_declared(c);
    }
    return tarn_export_options_columns(&x->options, x->columns, n, err);
}

static int read_value(struct export *x, int column, struct tarn_export_value *v,
                      struct tarn_err *err) {
    tarn_export_value_read(sqlite3_column_value(x->stmt, column), v);
    if (v->type != SQLITE_TEXT && v->type != SQLITE_BLOB) return TARN_OK;
    if (!v->p && (v->n > 0 || v->type == SQLITE_TEXT))
        return tarn_err_set(err, TARN_ENOMEM, "out of memory");
    if (v->n > x->most)
        return tarn_err_set(err, TARN_ELIMIT,
                            "tarn_export: column \"%.60s\", row %llu: a value of %zu bytes; with "
                            "memoryBudget at %zu at most %zu are taken",
                            x->columns[column].name, (unsigned long long)x->rows + 1, v->n,
                            x->budget, x->most);
    return TARN_OK;
}

static int has_open(const struct export *x) {
    int i = 0;

    for (i = 0; i < x->n_columns; i++) {
        if (x->columns[i].kind == TARN_EXPORT_OPEN) return 1;
    }
    return 0;
}

/* Collects rows, the current one first, until the window is full or the query ends. */
static int look_ahead(struct export *x, int *more, struct tarn_err *err) {
    size_t most = x->budget / 16 < WINDOW_BYTES ? x->budget / 16 : WINDOW_BYTES;
    struct tarn_export_value v = {0};
    uint64_t row = 0;
    int i = 0;
    int rc = TARN_OK;

    while (*more && row < WINDOW_ROWS && x->window.len < most) {
        row++;
        for (i = 0; i < x->n_columns; i++) {
            rc = read_value(x, i, &v, err);
            if (rc) return rc;
            if (x->columns[i].kind == TARN_EXPORT_OPEN)
                tarn_export_type_see(&x->columns[i], &v, row);
            tarn_export_window_put(&x->window, &v);
        }
        if (x->window.rc) return tarn_err_set(err, x->window.rc, "out of memory");
        rc = step(x, more, err);
        if (rc) return rc;
    }
    for (i = 0; i < x->n_columns; i++) {
        if (x->columns[i].kind == TARN_EXPORT_OPEN)
            rc = tarn_export_type_decide(&x->columns[i], err);
        if (rc) return rc;
    }
    return TARN_OK;
}

static int open_writer(struct export *x, struct tarn_err *err) {
    struct tarn_column_spec *specs = tarn_calloc((size_t)x->n_columns, sizeof *specs);
    struct tarn_pq_writer_spec spec = {.columns = specs, .n_columns = x->n_columns};
    uint64_t bytes = x->options.group_bytes ? x->options.group_bytes : GROUP_BYTES;
    uint64_t most = x->most;
    struct tarn_sink sink;
    int rc = TARN_OK;
    int i = 0;

    x->physical = tarn_calloc((size_t)x->n_columns, sizeof *x->physical);
    if (!specs || !x->physical) {
        tarn_free(specs);
        return tarn_err_set(err, TARN_ENOMEM, "out of memory");
    }
    for (i = 0; i < x->n_columns; i++) {
        tarn_export_type_spec(&x->columns[i], &specs[i]);
        x->physical[i] = specs[i].physical;
    }
    spec.codec = x->options.codec;
    spec.codec_level = x->options.level;
    if (spec.codec == TARN_ZSTD && !spec.codec_level) spec.codec_level = ZSTD_LEVEL;
    spec.row_group_rows = x->options.group_rows;
    /* One row group is encoded while the next is read: room for two. */
    spec.background = x->budget >= BACKGROUND_BUDGET;
    if (spec.background) most = x->budget / BACKGROUND_SHARE;
    spec.row_group_bytes = bytes < most ? bytes : most;
    spec.page_rows = x->options.page_rows ? x->options.page_rows : PAGE_ROWS;
    spec.sort_column = x->options.sort_column;
    spec.sort_descending = x->options.sort_descending;
    if (spec.sort_column >= 0)
        x->order =
            tarn_order_of(specs[spec.sort_column].physical, &specs[spec.sort_column].logical);
    tarn_export_file_sink(&x->file, &sink);
    rc = tarn_pq_writer_open(&x->writer, &spec, &sink, err);
    tarn_free(specs);
    if (rc == TARN_OK) tarn_export_options_metadata(&x->options, x->writer);
    return rc;
}

static int unsorted(const struct export *x, struct tarn_err *err) {
    return tarn_err_set(err, TARN_EINVAL,
                        "tarn_export: row %llu is out of order: sortedBy says \"%.60s\" %s; NULLs "
                        "come first or last, and a query may need ORDER BY",
                        (unsigned long long)x->rows + 1, x->columns[x->options.sort_column].name,
                        x->options.sort_descending ? "descending" : "ascending");
}

/* cell = NULL: a NULL. */
static int check_order(struct export *x, const struct tarn_export_cell *cell,
                       struct tarn_err *err) {
    enum tarn_physical physical = x->physical[x->options.sort_column];
    const uint8_t *p = NULL;
    size_t n = 8;
    uint8_t boolean = 0;
    int32_t narrow = 0;
    int order = 0;

    if (!cell) {
        if (x->values && x->nulls == 1) return unsorted(x, err);
        x->nulls = x->values ? 2 : 1;
        return TARN_OK;
    }
    if (x->nulls == 2) return unsorted(x, err);
    narrow = (int32_t)cell->i;
    boolean = (uint8_t)cell->i;
    switch (physical) {
    case TARN_BOOLEAN:
        p = &boolean;
        n = 1;
        break;
    case TARN_INT32:
        p = (const uint8_t *)&narrow;
        n = sizeof narrow;
        break;
    case TARN_INT64: p = (const uint8_t *)&cell->i; break;
    case TARN_DOUBLE: p = (const uint8_t *)&cell->r; break;
    default:
        p = cell->p;
        n = cell->n;
        break;
    }
    if (x->values) order = tarn_order_compare(x->order, x->last.data, x->last.len, p, n);
    if (x->options.sort_descending ? order < 0 : order > 0) return unsorted(x, err);
    x->values = 1;
    tarn_buf_clear(&x->last);
    if (tarn_buf_reserve(&x->last, n + 1)) return tarn_err_set(err, TARN_ENOMEM, "out of memory");
    if (n) tarn_buf_put(&x->last, p, n);
    return TARN_OK;
}

static int put_value(struct export *x, int column, const struct tarn_export_value *v,
                     struct tarn_err *err) {
    const struct tarn_export_column *c = &x->columns[column];
    struct tarn_export_cell cell;

    if (v->type == SQLITE_INTEGER && c->kind == TARN_EXPORT_INT64 && !c->sorted) {
        tarn_pq_put_i64(x->writer, column, v->i);
        return TARN_OK;
    }
    if (v->type == SQLITE_FLOAT && c->kind == TARN_EXPORT_DOUBLE && !c->sorted) {
        tarn_pq_put_f64(x->writer, column, v->r);
        return TARN_OK;
    }
    if (v->type == SQLITE_NULL)
        return column == x->options.sort_column ? check_order(x, NULL, err) : TARN_OK;
    if (tarn_export_convert(&x->columns[column], v, &cell))
        return tarn_export_misfit(&x->columns[column], v, x->rows + 1, err);
    if (column == x->options.sort_column && check_order(x, &cell, err)) return err->code;
    switch (x->physical[column]) {
    case TARN_BOOLEAN: tarn_pq_put_bool(x->writer, column, (int)cell.i); break;
    case TARN_INT32: tarn_pq_put_i32(x->writer, column, (int32_t)cell.i); break;
    case TARN_INT64: tarn_pq_put_i64(x->writer, column, cell.i); break;
    case TARN_DOUBLE: tarn_pq_put_f64(x->writer, column, cell.r); break;
    default: tarn_pq_put_bytes(x->writer, column, cell.p, cell.n); break;
    }
    return TARN_OK;
}

/* Errors of the writer are sticky, and told by finish. *stop = 1 then. */
static int end_row(struct export *x, int *stop, struct tarn_err *err) {
    *stop = tarn_pq_end_row(x->writer) != TARN_OK;
    x->rows++;
    if (x->rows % CHECK_ROWS || tarn_pq_writer_buffered(x->writer) <= x->budget) return TARN_OK;
    return tarn_err_set(err, TARN_ELIMIT,
                        "tarn_export: more than memoryBudget (%zu bytes) is held at row %llu: "
                        "raise it, or set rowGroupBytes lower or pageRows higher",
                        x->budget, (unsigned long long)x->rows);
}

static int write_window(struct export *x, struct tarn_err *err) {
    struct tarn_export_value v = {0};
    size_t at = 0;
    int stop = 0;
    int rc = TARN_OK;
    int i = 0;

    while (rc == TARN_OK && !stop && at < x->window.len) {
        for (i = 0; i < x->n_columns && rc == TARN_OK; i++) {
            (void)tarn_export_window_next(&x->window, &at, &v);
            rc = put_value(x, i, &v, err);
        }
        if (rc == TARN_OK) rc = end_row(x, &stop, err);
    }
    tarn_buf_release(&x->window);
    return rc;
}

static int write_rows(struct export *x, int more, struct tarn_err *err) {
    struct tarn_export_value v = {0};
    int stop = 0;
    int rc = TARN_OK;
    int i = 0;

    while (more && !stop) {
        for (i = 0; i < x->n_columns; i++) {
            rc = read_value(x, i, &v, err);
            if (rc == TARN_OK) rc = put_value(x, i, &v, err);
            if (rc) return rc;
        }
        rc = end_row(x, &stop, err);
        if (rc == TARN_OK && !stop) rc = step(x, &more, err);
        if (rc) return rc;
    }
    return TARN_OK;
}

static int run(struct export *x, const char *sql, const char *path, struct tarn_err *err) {
    int more = 0;
    int rc = prepare(x, sql, err);

    if (rc == TARN_OK) rc = tarn_export_file_open(&x->file, path, x->options.overwrite, err);
    if (rc == TARN_OK) rc = step(x, &more, err);
    if (rc == TARN_OK) rc = take_columns(x, err);
    if (rc == TARN_OK && has_open(x)) rc = look_ahead(x, &more, err);
    if (rc == TARN_OK) rc = open_writer(x, err);
    if (rc == TARN_OK) rc = write_window(x, err);
    if (rc == TARN_OK) rc = write_rows(x, more, err);
    if (rc == TARN_OK) rc = tarn_pq_writer_finish(x->writer, err);
    if (rc) return rc;
    (void)sqlite3_finalize(x->stmt); /* what it reads may be what is replaced */
    x->stmt = NULL;
    return tarn_export_file_commit(&x->file, err);
}

static void release(struct export *x) {
    int i = 0;

    (void)sqlite3_finalize(x->stmt);
    tarn_pq_writer_free(x->writer);
    tarn_export_file_release(&x->file);
    for (i = 0; i < x->n_columns; i++) {
        tarn_free(x->columns[i].name);
        tarn_free(x->columns[i].declared);
    }
    tarn_free(x->columns);
    tarn_free(x->physical);
    tarn_buf_release(&x->window);
    tarn_buf_release(&x->last);
    tarn_export_options_release(&x->options);
}

static int export(struct export *x, int argc, sqlite3_value **argv, struct tarn_err *err) {
    const char *sql = NULL, *path = NULL, *options = NULL;

    if (tarn_value_text(argv[0], "tarn_export: sql", &sql, err) ||
        tarn_value_text(argv[1], "tarn_export: path", &path, err) ||
        (argc > 2 && tarn_value_text(argv[2], "tarn_export: options", &options, err)))
        return err->code;
    if (!sql || !path || !*path)
        return tarn_err_set(err, TARN_EINVAL,
                            "tarn_export(sql, path[, options]) needs a query and a path");
    if (tarn_conn_refresh(x->conn, err) || tarn_export_options_read(&x->options, options, err))
        return err->code;
    x->budget = (size_t)tarn_settings_int(&x->conn->settings, TARN_SET_MEMORY_BUDGET);
    x->most = x->budget / BUDGET_SHARE;
    return run(x, sql, path, err);
}

static void export_call(sqlite3_context *ctx, int argc, sqlite3_value **argv) {
    struct export x = {.conn = tarn_function_conn(ctx), .file = {.fd = -1, .folder = -1}};
    struct tarn_err err = {0};

    if (x.conn->exporting) {
        (void)tarn_err_set(&err, TARN_EINVAL, "an exported query can't call tarn_export");
        tarn_result_err(ctx, &err);
        return;
    }
    tarn_buf_init(&x.window, SIZE_MAX / 2);
    tarn_buf_init(&x.last, SIZE_MAX / 2);
    x.conn->exporting = 1;
    (void)export(&x, argc, argv, &err);
    x.conn->exporting = 0;
    release(&x);
    if (err.code)
        tarn_result_err(ctx, &err);
    else
        sqlite3_result_int64(ctx, (sqlite3_int64)x.rows);
}

static const struct tarn_function functions[] = {
    {.help = {"tarn_export", "scalar", "(sql, path[, options])", "how many rows were written",
              "Writes what a query returns to a Parquet file, which appears whole or not at all. "
              "Options, a JSON object: codec (zstd, snappy, gzip, lz4_raw, uncompressed), level, "
              "rowGroupSize, rowGroupBytes, pageRows, sortedBy ('column desc'), bloom, dictionary, "
              "statistics (true, false or a list of columns), metadata, overwrite, types "
              "({column: INT64, DOUBLE, TEXT, BLOB, BOOLEAN, DATE, TIMESTAMP_MS, TIMESTAMP_US, "
              "JSON, UUID or DECIMAL(p,s)}).",
              "SELECT tarn_export('SELECT name, kind FROM tarn_help', 'help.parquet', "
              "'{\"overwrite\": true, \"codec\": \"snappy\"}')"},
     .min_args = 2,
     .max_args = 3,
     .flags = SQLITE_DIRECTONLY,
     .call = export_call},
};

const struct tarn_family tarn_family_export = {functions, TARN_COUNT(functions), NULL, 0};
