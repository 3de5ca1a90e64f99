/* export_query.c: the statement of an export, and its rows, as raw values in batches.
**
**   slow   step; of each column sqlite3_column_value, which takes and gives back the connection's
**          mutex
**   fast   the query inside a second one, whose function gets a row's values at once:
**             WITH "tarn_export rows"(c0, c1) AS (the query)
**             SELECT tarn_export_row(?1, c0, c1) FROM "tarn_export rows"
**          a third less time in SQLite
**
** ?1 is a pointer that only this file can bind, so for everybody else the function does nothing. It
** is an aggregate: SQLite calls it for one row after another, as they come out of the query. A query
** with the word ORDER goes the slow way, where its order is promised; so does what can't stand in
** WITH (PRAGMA, EXPLAIN), has too many columns, or fails before its first row: the query as it was
** given then tells the error, or knows a schema that changed since it was prepared.
*/
#include "export.h"
#include "result.h"

static const char pointer_type[] = "tarn_export";

/* The text holds one statement; what is after it is white space and comments. */
static int check_tail(sqlite3 *db, const char *tail, struct tarn_err *err) {
    sqlite3_stmt *more = NULL;

    while (*tail) {
        const char *from = tail;
        int rc = sqlite3_prepare_v2(db, from, -1, &more, &tail);

        (void)sqlite3_finalize(more);
        if (rc || more)
            return tarn_err_set(err, TARN_EINVAL,
                                "tarn_export: expected one statement, found more behind it: "
                                "%.80s",
                                from + strspn(from, " \t\r\n;"));
    }
    return TARN_OK;
}

static int has_order(const char *s) {
    for (; *s; s++) {
        if (sqlite3_strnicmp(s, "order", 5) == 0) return 1;
    }
    return 0;
}

/* Without it the slow way is gone, so errors are none. */
static void prepare_fast(struct tarn_export_query *q, int n) {
    const char *sql = sqlite3_sql(q->stmt);
    size_t len = sql ? strlen(sql) : 0;
    const char *tail = "";
    struct tarn_buf b;

    if (!sql || has_order(sql) || sqlite3_stmt_isexplain(q->stmt)) return;
    if (n >= sqlite3_limit(q->db, SQLITE_LIMIT_FUNCTION_ARG, -1)) return;
    if (len && sql[len - 1] == ';') len--;
    tarn_buf_init(&b, SIZE_MAX / 2);
    tarn_buf_puts(&b, "WITH \"tarn_export rows\"(");
    for (int i = 0; i < n; i++)
        tarn_buf_printf(&b, "%sc%d", i ? "," : "", i);
    tarn_buf_puts(&b, ") AS (\n");
    tarn_buf_put(&b, sql, len);
    tarn_buf_puts(&b, "\n) SELECT tarn_export_row(?1");
    for (int i = 0; i < n; i++)
        tarn_buf_printf(&b, ",c%d", i);
    tarn_buf_puts(&b, ") FROM \"tarn_export rows\"");
    tarn_buf_u8(&b, 0);
    if (!b.rc && (sqlite3_prepare_v2(q->db, (const char *)b.data, -1, &q->fast, &tail) || *tail ||
                  sqlite3_bind_parameter_count(q->fast) != 1 || !sqlite3_stmt_readonly(q->fast) ||
                  sqlite3_bind_pointer(q->fast, 1, q, pointer_type, NULL))) {
        (void)sqlite3_finalize(q->fast);
        q->fast = NULL;
    }
    tarn_buf_release(&b);
}

int tarn_export_query_prepare(struct tarn_export_query *q, const char *sql, struct tarn_err *err) {
    const char *tail = NULL;
    int rc = sqlite3_prepare_v2(q->db, sql, -1, &q->stmt, &tail);
    int n = 0;

    if (rc) return tarn_err_sqlite(err, q->db, rc, "tarn_export");
    if (!q->stmt) return tarn_err_set(err, TARN_EINVAL, "tarn_export: sql holds no statement");
    if (check_tail(q->db, tail, err)) return err->code;
    if (!sqlite3_stmt_readonly(q->stmt))
        return tarn_err_set(err, TARN_EINVAL,
                            "tarn_export: the statement writes to the database; expected a query");
    n = sqlite3_column_count(q->stmt);
    if (n == 0)
        return tarn_err_set(err, TARN_EINVAL,
                            "tarn_export: the statement returns no rows; expected a query");
    if (sqlite3_bind_parameter_count(q->stmt) > 0)
        return tarn_err_set(
            err, TARN_EINVAL, "tarn_export: the query has the parameter %.60s, which nothing binds",
            sqlite3_bind_parameter_name(q->stmt, 1) ? sqlite3_bind_parameter_name(q->stmt, 1)
                                                    : "?");
    q->sql = sql;
    prepare_fast(q, n);
    return TARN_OK;
}

/* While rows come the schema stands still; since the query was prepared it may have changed. */
int tarn_export_query_shape(struct tarn_export_query *q, sqlite3_stmt **out, struct tarn_err *err) {
    int n = sqlite3_column_count(q->stmt);
    int rc = SQLITE_OK;

    *out = q->stmt;
    if (!q->fast) return TARN_OK;
    (void)sqlite3_finalize(q->stmt);
    q->stmt = NULL;
    rc = sqlite3_prepare_v2(q->db, q->sql, -1, &q->stmt, NULL);
    if (rc) return tarn_err_sqlite(err, q->db, rc, "tarn_export");
    *out = q->stmt;
    if (sqlite3_column_count(q->stmt) == n) return TARN_OK;
    return tarn_err_set(err, TARN_EBUSY, "tarn_export: the schema changed; try again");
}

static inline int put(struct tarn_export_query *q, int column, sqlite3_value *value) {
    struct tarn_export_pipe *p = q->pipe;
    struct tarn_export_value v;

    v.type = sqlite3_value_type(value);
    v.p = NULL;
    v.n = 0;
    switch (v.type) {
    case SQLITE_INTEGER: v.i = sqlite3_value_int64(value); break;
    case SQLITE_FLOAT: v.r = sqlite3_value_double(value); break;
    case SQLITE_NULL: break;
    default:
        v.p = v.type == SQLITE_TEXT ? sqlite3_value_text(value) : sqlite3_value_blob(value);
        v.n = (size_t)sqlite3_value_bytes(value);
        if (!v.p && (v.n > 0 || v.type == SQLITE_TEXT)) return TARN_ENOMEM;
        if (v.n > q->most) {
            q->large = v.n;
            q->column = column;
            return TARN_ELIMIT;
        }
        break;
    }
    tarn_export_batch_put(p->fill, &v);
    if (p->fill->len < p->batch) return p->fill->rc;
    q->stopped = tarn_export_pipe_next(p);
    return q->stopped ? TARN_EINTR : TARN_OK;
}

static int failed(const struct tarn_export_query *q, int rc) {
    return q->large || q->stopped ? rc : tarn_err_set(q->err, rc, "out of memory");
}

void tarn_export_row_step(sqlite3_context *ctx, int argc, sqlite3_value **argv) {
    struct tarn_export_query *q = argc ? sqlite3_value_pointer(argv[0], pointer_type) : NULL;
    int rc = TARN_OK;
    int i = 0;

    if (!q) return;
    for (i = 1; i < argc && rc == TARN_OK; i++)
        rc = put(q, i - 1, argv[i]);
    if (rc) {
        rc = failed(q, rc);
    } else {
        q->rows++;
        rc = q->arrived(q->ctx, q->err);
    }
    q->rc = rc;
    if (rc) sqlite3_result_error(ctx, "tarn_export", -1);
}

void tarn_export_row_final(sqlite3_context *ctx) {
    sqlite3_result_null(ctx);
}

static int run_slow(struct tarn_export_query *q, struct tarn_err *err) {
    int n = 0;
    int rc = sqlite3_step(q->stmt);

    n = sqlite3_column_count(q->stmt);
    while (rc == SQLITE_ROW) {
        for (int i = 0; i < n && !q->rc; i++)
            q->rc = put(q, i, sqlite3_column_value(q->stmt, i));
        if (q->rc) return failed(q, q->rc);
        q->rows++;
        q->rc = q->arrived(q->ctx, err);
        if (q->rc) return q->rc;
        rc = sqlite3_step(q->stmt);
    }
    return rc == SQLITE_DONE ? TARN_OK : tarn_err_sqlite(err, q->db, rc, "tarn_export");
}

int tarn_export_query_run(struct tarn_export_query *q, struct tarn_err *err) {
    int rc = SQLITE_OK;

    q->err = err;
    if (!q->fast) return run_slow(q, err);
    while ((rc = sqlite3_step(q->fast)) == SQLITE_ROW)
        ;
    if (q->rc) return q->rc;
    if (rc == SQLITE_DONE) return TARN_OK;
    if (rc != SQLITE_ERROR || q->rows) return tarn_err_sqlite(err, q->db, rc, "tarn_export");
    (void)sqlite3_finalize(q->fast);
    q->fast = NULL;
    return run_slow(q, err);
}

void tarn_export_query_release(struct tarn_export_query *q) {
    (void)sqlite3_finalize(q->fast);
    (void)sqlite3_finalize(q->stmt);
    q->fast = q->stmt = NULL;
}
