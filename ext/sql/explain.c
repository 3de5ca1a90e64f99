/* explain.c: tarn_explain(sql): runs a query and says what its scans of the lake did.
**
**   step 0..   SQLite's plan, one line each
**   then, for every scan of events, in the order they ended: listing, path pruning, files, footers,
**   row groups by what excluded them, pages, rows, bytes
**   at last the rows of the result and the time it took
**
** The statement runs on the same connection, so it sees this transaction's own events. Only
** statements that change nothing are run.
*/
#include <stdio.h>
#include <string.h>

#include "family.h"
#include "mem.h"
#include "result.h"
#include "scan.h"
#include "time.h"

#define MAX_LINES 10000 /* a scan per outer row of a join would go on for ever */

struct line {
    const char *what; /* a literal */
    char *detail;     /* sqlite3_malloc'ed; may be NULL */
    int scan;         /* 0 = the statement */
    int64_t count;
    int has_count;
};

struct explain_rows {
    struct line *lines;
    size_t n, cap, at;
    int scans;
    int failed; /* no memory */
};

static void add(struct explain_rows *h, int64_t count, int has_count, const char *what,
                const char *detail) {
    struct line *more = NULL;

    if (h->n >= MAX_LINES) return;
    if (h->n == h->cap) {
        more = tarn_reallocarray(h->lines, h->cap ? h->cap * 2 : 64, sizeof *more);
        if (!more) {
            h->failed = 1;
            return;
        }
        h->lines = more;
        h->cap = h->cap ? h->cap * 2 : 64;
    }
    more = &h->lines[h->n++];
    more->what = what;
    more->detail = detail ? sqlite3_mprintf("%s", detail) : NULL;
    if (detail && !more->detail) h->failed = 1;
    more->scan = h->scans;
    more->count = count;
    more->has_count = has_count;
}

static void count(struct explain_rows *h, const char *what, uint64_t n, const char *detail) {
    add(h, (int64_t)n, 1, what, detail);
}

static void on_stats(void *arg, const struct tarn_scan_stats *s) {
    const struct tarn_pq_counters *p = &s->parquet;
    struct explain_rows *h = arg;

    h->scans++;
    count(h, "objects listed", s->listed, NULL);
    if (s->by_name) {
        count(h, "files outside the range", s->pruned_path, "by their name");
        count(h, "files of aborted deliveries", s->masked, NULL);
    } else {
        count(h, "files outside the time range", s->pruned_path, "by their folder");
        count(h, "files masked", s->masked, "replaced by a compacted file, or a part of one");
    }
    count(h, "files", s->files, "left to look at");
    count(h, "files excluded", s->pruned_file, "by the file's statistics");
    count(h, "files opened", s->opened, NULL);
    count(h, "footers from the cache", s->footer_hits, NULL);
    count(h, "row groups", p->row_groups, "of the files opened");
    count(h, "row groups excluded by statistics", p->row_groups_stats, NULL);
    count(h, "row groups excluded by dictionary", p->row_groups_dictionary, NULL);
    count(h, "row groups excluded by bloom filter", p->row_groups_bloom, NULL);
    count(h, "pages", p->pages, "known by a page index, of the columns read");
    count(h, "pages excluded", p->pages_pruned, "by the page index");
    count(h, "pages decoded", p->pages_decoded, NULL);
    count(h, "rows decoded", p->rows_decoded, NULL);
    count(h, "rows found", p->rows_out, "in Parquet files");
    if (s->jsonl_files) {
        count(h, "JSONL files", s->jsonl_files, NULL);
        count(h, "JSONL lines", s->jsonl_lines, NULL);
        count(h, "JSONL lines left out", s->jsonl_bad, "no JSON object, or no time");
    }
    count(h, "rows pending", s->pending_rows,
          "committed, not in the lake yet, or of this transaction");
    if (s->skipped_corrupt)
        count(h, "files left out as corrupt", s->skipped_corrupt, s->first_skip.msg);
    count(h, "bytes read", p->bytes_read, NULL);
}

static int explain_plan(struct explain_rows *h, sqlite3 *db, const char *sql,
                        struct tarn_err *err) {
    char *text = sqlite3_mprintf("EXPLAIN QUERY PLAN %s", sql);
    sqlite3_stmt *stmt = NULL;
    int rc = SQLITE_NOMEM;

    if (text) rc = sqlite3_prepare_v2(db, text, -1, &stmt, NULL);
    while (rc == SQLITE_OK && sqlite3_step(stmt) == SQLITE_ROW) {
        add(h, 0, 0, "plan", (const char *)sqlite3_column_text(stmt, 3));
    }
    if (stmt) rc = sqlite3_finalize(stmt);
    sqlite3_free(text);
    return rc ? tarn_err_sqlite(err, db, rc, "tarn_explain") : TARN_OK;
}

static int is_explain(sqlite3_stmt *stmt) {
    return sqlite3_stmt_isexplain(stmt) != 0;
}

static int run(struct explain_rows *h, struct tarn_conn *conn, sqlite3_stmt *stmt,
               struct tarn_err *err) {
    void (*listener)(void *, const struct tarn_scan_stats *) = conn->on_stats;
    void *listener_arg = conn->on_stats_arg;
    int64_t started = tarn_time_monotonic();
    uint64_t rows = 0;
    int rc = SQLITE_OK;
    int i;

    conn->on_stats = on_stats;
    conn->on_stats_arg = h;
    while ((rc = sqlite3_step(stmt)) == SQLITE_ROW) {
        rows++;
        /* Values are made only when somebody looks. */
        for (i = 0; i < sqlite3_column_count(stmt); i++)
            (void)sqlite3_column_type(stmt, i);
    }
    rc = sqlite3_reset(stmt); /* ends the scans: they report */
    conn->on_stats = listener;
    conn->on_stats_arg = listener_arg;
    if (rc) return tarn_err_sqlite(err, conn->db, rc, "tarn_explain");
    h->scans = 0;
    count(h, "rows", rows, "of the result");
    count(h, "ms", (uint64_t)(tarn_time_monotonic() - started), NULL);
    return TARN_OK;
}

static void explain_close(void *handle) {
    struct explain_rows *h = handle;
    size_t i;

    for (i = 0; i < h->n; i++)
        sqlite3_free(h->lines[i].detail);
    tarn_free(h->lines);
    tarn_free(h);
}

static int explain(struct explain_rows *h, struct tarn_conn *conn, const char *sql,
                   struct tarn_err *err) {
    sqlite3_stmt *stmt = NULL;
    const char *tail = NULL;
    int rc = sqlite3_prepare_v2(conn->db, sql, -1, &stmt, &tail);

    if (rc) {
        rc = tarn_err_sqlite(err, conn->db, rc, "tarn_explain");
    } else if (!stmt || !sqlite3_stmt_readonly(stmt) || is_explain(stmt)) {
        rc = tarn_err_set(err, TARN_EINVAL,
                          "tarn_explain runs one SELECT; this is another kind of "
                          "statement");
    } else if (tail[strspn(tail, " \t\r\n;")]) {
        rc =
            tarn_err_set(err, TARN_EINVAL, "tarn_explain takes one statement; there is more: %.40s",
                         tail + strspn(tail, " \t\r\n;"));
    } else {
        rc = explain_plan(h, conn->db, sql, err);
        if (rc == TARN_OK) rc = run(h, conn, stmt, err);
    }
    (void)sqlite3_finalize(stmt);
    if (rc == TARN_OK && h->failed) rc = tarn_err_set(err, TARN_ENOMEM, "out of memory");
    return rc;
}

static int explain_open(void **handle, struct tarn_conn *conn, sqlite3_value **args,
                        struct tarn_err *err) {
    struct explain_rows *h = NULL;
    const char *sql = NULL;

    if (tarn_value_text(args[0], "tarn_explain: sql", &sql, err)) return err->code;
    if (!sql) return tarn_err_set(err, TARN_EINVAL, "tarn_explain(sql) needs a statement");
    h = tarn_calloc(1, sizeof *h);
    if (!h) return tarn_err_set(err, TARN_ENOMEM, "out of memory");
    if (explain(h, conn, sql, err)) {
        explain_close(h);
        return err->code;
    }
    *handle = h;
    return TARN_OK;
}

static int explain_next(void *handle, int *more, struct tarn_err *err) {
    struct explain_rows *h = handle;

    (void)err;
    *more = h->at < h->n;
    h->at++;
    return TARN_OK;
}

static int explain_column(void *handle, int column, sqlite3_context *ctx, struct tarn_err *err) {
    const struct explain_rows *h = handle;
    const struct line *line = &h->lines[h->at - 1];

    (void)err;
    switch (column) {
    case 0: sqlite3_result_int64(ctx, (sqlite3_int64)h->at); break;
    case 1:
        if (line->scan) sqlite3_result_int(ctx, line->scan);
        break;
    case 2: tarn_result_text(ctx, line->what); break;
    case 3:
        if (line->has_count) sqlite3_result_int64(ctx, line->count);
        break;
    default: tarn_result_text(ctx, line->detail); break;
    }
    return TARN_OK;
}

static const struct tarn_rows explain_rows = {
    .name = "tarn_explain",
    .columns = "step INTEGER, scan INTEGER, what TEXT, count INTEGER, detail TEXT",
    .arguments = "sql",
    .n_columns = 5,
    .n_arguments = 1,
    .required = 1,
    .flags = TARN_ROWS_DIRECTONLY,
    .open = explain_open,
    .next = explain_next,
    .column = explain_column,
    .close = explain_close,
};

static const struct tarn_table tables[] = {
    {.help =
         {"tarn_explain", "table function", "(sql)",
          "one row per step: step, scan, what, count, detail",
          "Runs a SELECT and shows how much of the lake it had to read: what was pruned by path, "
          "statistics, dictionary, bloom filter and page index, and what was decoded.",
          "SELECT what, count FROM tarn_explain('SELECT count(*) FROM events')"},
     .rows = &explain_rows},
};

const struct tarn_family tarn_family_explain = {NULL, 0, tables, TARN_COUNT(tables)};
