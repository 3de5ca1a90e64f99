/* export.c: tarn_export(sql, path[, options]): the rows of a query as one Parquet file.
**
**   sql ── one statement that returns rows and changes nothing
**    │ first row: the columns are known, and the options that name them
**    │ window: the first rows, while some column has no type yet
**    ▼
**   values in batches ─► another thread: convert, exactly ─► writer (row groups in a third thread)
**                                                              └─► a temporary file ─► the target
**
** The statement runs on the same connection: it sees the open transaction. Only the calling thread
** uses SQLite, which holds the connection's mutex during the call; that is what makes reading values
** without taking it for each one right. Memory: a row group's raw bytes are held to a share of
** memoryBudget, since a group may stand in the columns' buffers (which double), in a page and in its
** compressed form at once.
**
** An error of the rows is told before one of the reading, which is ahead of them.
*/
#include <string.h>

#include "export.h"
#include "family.h"
#include "mem.h"
#include "result.h"

enum {
    BUDGET_SHARE = 5,
    BACKGROUND_SHARE = 8,
    BATCH_SHARE = 64,
    BACKGROUND_BUDGET = 64 << 20,
    GROUP_BYTES = 64 << 20,
    BATCH_BYTES = 256 << 10,
    WINDOW_ROWS = 122880,
    WINDOW_BYTES = 8 << 20,
    PAGE_ROWS = 8192,
    ZSTD_LEVEL = 1
};

struct export {
    struct tarn_conn *conn;
    struct tarn_export_query query;
    struct tarn_export_options options;
    struct tarn_export_column *columns;
    int n_columns;
    enum tarn_physical *physical; /* of each column */
    struct tarn_export_file file;
    struct tarn_pq_writer *writer; /* NULL until the columns have types */
    struct tarn_export_rows rows;
    struct tarn_export_pipe pipe;
    size_t budget;
    size_t most; /* bytes of one value, and of a row group */
};

/* Columns of the statement, after its first row. */
static int take_columns(struct export *x, struct tarn_err *err) {
    sqlite3_stmt *stmt = NULL;
    int n = 0, i = 0, k = 0;

    if (tarn_export_query_shape(&x->query, &stmt, err)) return err->code;
    n = sqlite3_column_count(stmt);
    x->columns = tarn_calloc((size_t)n, sizeof *x->columns);
    if (!x->columns) return tarn_err_set(err, TARN_ENOMEM, "out of memory");
    x->n_columns = n;
    for (i = 0; i < n; i++) {
        struct tarn_export_column *c = &x->columns[i];
        const char *name = sqlite3_column_name(stmt, i);
        const char *declared = sqlite3_column_decltype(stmt, i);

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

static int has_open(const struct export *x) {
    int i = 0;

    for (i = 0; i < x->n_columns; i++) {
        if (x->columns[i].kind == TARN_EXPORT_OPEN) return 1;
    }
    return 0;
}

/* The types of open columns, from the rows in the window. */
static int decide_types(struct export *x, struct tarn_err *err) {
    struct tarn_export_value v = {0};
    uint64_t row = 1;
    size_t at = 0;
    int i = 0;
    int rc = TARN_OK;

    while (tarn_export_batch_next(x->pipe.fill, &at, &v)) {
        if (x->columns[i].kind == TARN_EXPORT_OPEN) tarn_export_type_see(&x->columns[i], &v, row);
        i = i + 1 == x->n_columns ? 0 : i + 1;
        row += i == 0;
    }
    for (i = 0; i < x->n_columns && rc == TARN_OK; i++) {
        if (x->columns[i].kind == TARN_EXPORT_OPEN)
            rc = tarn_export_type_decide(&x->columns[i], err);
    }
    return rc;
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
        x->rows.order =
            tarn_order_of(specs[spec.sort_column].physical, &specs[spec.sort_column].logical);
    tarn_export_file_sink(&x->file, &sink);
    rc = tarn_pq_writer_open(&x->writer, &spec, &sink, err);
    tarn_free(specs);
    if (rc) return rc;
    tarn_export_options_metadata(&x->options, x->writer);
    x->rows.columns = x->columns;
    x->rows.n_columns = x->n_columns;
    x->rows.sort_column = x->options.sort_column;
    x->rows.sort_descending = x->options.sort_descending;
    x->rows.physical = x->physical;
    x->rows.writer = x->writer;
    x->rows.budget = x->budget;
    if (spec.background) x->rows.held = TARN_EXPORT_BATCHES * x->pipe.size;
    tarn_export_pipe_open(&x->pipe, spec.background);
    return TARN_OK;
}

/* The columns have types, or get them now. */
static int begin(struct export *x, struct tarn_err *err) {
    int rc = has_open(x) ? decide_types(x, err) : TARN_OK;

    return rc ? rc : open_writer(x, err);
}

/* After each row. */
static int arrived(void *ctx, struct tarn_err *err) {
    size_t most = 0;
    struct export *x = ctx;

    if (x->writer) return TARN_OK;
    if (!x->columns && take_columns(x, err)) return err->code;
    most = x->budget / 16 < WINDOW_BYTES ? x->budget / 16 : WINDOW_BYTES;
    if (has_open(x) && x->query.rows < WINDOW_ROWS && x->pipe.fill->len < most) return TARN_OK;
    return begin(x, err);
}

static int too_large(struct export *x, struct tarn_err *err) {
    if (!x->columns && take_columns(x, err)) return err->code;
    return tarn_err_set(err, TARN_ELIMIT,
                        "tarn_export: column \"%.60s\", row %llu: a value of %zu bytes; with "
                        "memoryBudget at %zu at most %zu are taken",
                        x->columns[x->query.column].name, (unsigned long long)x->query.rows + 1,
                        x->query.large, x->budget, x->most);
}

static int read_rows(struct export *x, struct tarn_err *err) {
    struct tarn_err reading = {0};
    int rc = tarn_export_query_run(&x->query, &reading);

    if (rc == TARN_OK && !x->columns) rc = take_columns(x, &reading);
    if (rc == TARN_OK && !x->writer) rc = begin(x, &reading);
    if (rc && x->query.large) rc = too_large(x, &reading);
    if (tarn_export_pipe_end(&x->pipe, err)) return err->code;
    if (rc && !x->query.stopped) return tarn_err_set(err, rc, "%s", reading.msg);
    return tarn_pq_writer_finish(x->writer, err);
}

static int run(struct export *x, const char *sql, const char *path, struct tarn_err *err) {
    int rc = tarn_export_query_prepare(&x->query, sql, err);

    if (rc == TARN_OK) rc = tarn_export_file_open(&x->file, path, x->options.overwrite, err);
    if (rc == TARN_OK) rc = read_rows(x, err);
    if (rc) return rc;
    tarn_export_query_release(&x->query); /* what it reads may be what is replaced */
    return tarn_export_file_commit(&x->file, err);
}

static void release(struct export *x) {
    int i = 0;

    tarn_export_query_release(&x->query);
    tarn_export_pipe_release(&x->pipe);
    tarn_pq_writer_free(x->writer);
    tarn_export_file_release(&x->file);
    for (i = 0; i < x->n_columns; i++) {
        tarn_free(x->columns[i].name);
        tarn_free(x->columns[i].declared);
    }
    tarn_free(x->columns);
    tarn_free(x->physical);
    tarn_buf_release(&x->rows.last);
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
    x->pipe.size = x->budget / BATCH_SHARE < BATCH_BYTES ? x->budget / BATCH_SHARE : BATCH_BYTES;
    x->query.db = x->conn->db;
    x->query.pipe = &x->pipe;
    x->query.most = x->most;
    x->query.arrived = arrived;
    x->query.ctx = x;
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
    tarn_buf_init(&x.rows.last, SIZE_MAX / 2);
    tarn_export_pipe_init(&x.pipe, &x.rows);
    x.conn->exporting = 1;
    (void)export(&x, argc, argv, &err);
    x.conn->exporting = 0;
    release(&x);
    if (err.code)
        tarn_result_err(ctx, &err);
    else
        sqlite3_result_int64(ctx, (sqlite3_int64)x.rows.rows);
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
    {.help = {"tarn_export_row", "aggregate", "(...)", "NULL",
              "How the rows of a query reach tarn_export, which calls it; of no effect elsewhere.",
              "SELECT tarn_export_row(1, 2)"},
     .min_args = -1,
     .max_args = -1,
     .flags = SQLITE_DIRECTONLY,
     .step = tarn_export_row_step,
     .final = tarn_export_row_final},
};

const struct tarn_family tarn_family_export = {functions, TARN_COUNT(functions), NULL, 0};
