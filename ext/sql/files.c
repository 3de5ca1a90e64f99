/* files.c: tarn_files: what lies in the lake, and what counts of it.
**
** One listing per prefix (all of the namespace's, unless one is named), with the catalog's verdict
** per file. Footers are read only for the columns that need them, file by file as rows are asked
** for, so `SELECT key FROM tarn_files` costs listings and nothing else.
*/
#include <stdlib.h>
#include <string.h>

#include "catalog.h"
#include "family.h"
#include "footer_facts.h"
#include "keys.h"
#include "mem.h"
#include "result.h"
#include "time.h"

enum column {
    COL_KEY,
    COL_PREFIX,
    COL_NAMESPACE,
    COL_LEVEL,
    COL_FORMAT,
    COL_STATE,
    COL_MASKED_BY,
    COL_SIZE,
    COL_MTIME,
    COL_ETAG,
    COL_LO,
    COL_HI,
    COL_ROWS,
    COL_MIN_TS,
    COL_MAX_TS,
    COL_TYPES,
    COL_CREATED_BY,
    COL_ERROR
};

struct files_rows {
    struct tarn_lake *lake;
    struct tarn_listing roots;        /* prefixes of the namespace, when none was named */
    size_t root;                      /* the next of them */
    struct tarn_buf base;             /* "" or "ns/{namespace}/" */
    char *prefix, *namespace_, *glob; /* as given; NULL = not */
    int listed;                       /* the one listing of a named prefix or pattern is done */
    int64_t slack;
    int skip_corrupt;
    struct tarn_catalog *catalog;
    size_t at;
    struct tarn_pq_footer *footer; /* of the current row, once asked for */
    struct tarn_err fault;         /* why there is none */
    int asked;
};

static void forget_footer(struct files_rows *h) {
    tarn_pq_footer_free(h->footer);
    h->footer = NULL;
    h->asked = 0;
    tarn_err_clear(&h->fault);
}

static void files_close(void *handle) {
    struct files_rows *h = handle;

    forget_footer(h);
    tarn_catalog_free(h->catalog);
    tarn_listing_release(&h->roots);
    tarn_buf_release(&h->base);
    tarn_free(h->prefix);
    tarn_free(h->namespace_);
    tarn_free(h->glob);
    tarn_lake_free(h->lake);
    tarn_free(h);
}

static int copy_argument(char **out, sqlite3_value *v, const char *what, struct tarn_err *err) {
    const char *s = NULL;

    if (tarn_value_text(v, what, &s, err)) return err->code;
    if (!s) return TARN_OK;
    *out = tarn_strdup(s);
    return *out ? TARN_OK : tarn_err_set(err, TARN_ENOMEM, "out of memory");
}

static int take_arguments(struct files_rows *h, struct tarn_conn *conn, sqlite3_value **args,
                          struct tarn_err *err) {
    if (copy_argument(&h->prefix, args[0], "tarn_files: prefix", err) ||
        copy_argument(&h->namespace_, args[1], "tarn_files: namespace", err) ||
        copy_argument(&h->glob, args[2], "tarn_files: glob", err)) {
        return err->code;
    }
    if (h->prefix && tarn_prefix_check(h->prefix, strlen(h->prefix), err)) return err->code;
    if (!h->namespace_) {
        h->namespace_ = tarn_strdup(tarn_settings_text(&conn->settings, TARN_SET_NAMESPACE));
        if (!h->namespace_) return tarn_err_set(err, TARN_ENOMEM, "out of memory");
    }
    if (*h->namespace_) {
        return tarn_name_check(h->namespace_, strlen(h->namespace_), "namespace", err);
    }
    return TARN_OK;
}

/* The folders that may be prefixes: those beside each other at the namespace's root. */
static int list_roots(struct files_rows *h, struct tarn_err *err) {
    struct tarn_buf folder = TARN_BUF_INIT(TARN_KEY_MAX + 1);
    int rc = TARN_OK;

    tarn_buf_init(&h->base, TARN_KEY_MAX + 1);
    /* `ns/{namespace}/x/` without its `x/` */
    tarn_key_root(&h->base, h->namespace_, "x");
    if (h->base.len >= 2) h->base.len -= 2;
    tarn_buf_put(&folder, h->base.data, h->base.len);
    tarn_buf_u8(&folder, 0);
    rc = h->base.rc ? h->base.rc : folder.rc;
    if (rc) {
        tarn_buf_release(&folder);
        return tarn_err_set(err, rc, "tarn_files: out of memory");
    }
    rc = tarn_store_list(tarn_lake_store(h->lake), (const char *)folder.data, '/', NULL, 0,
                         &h->roots, err);
    tarn_buf_release(&folder);
    return rc;
}

static int files_open(void **handle, struct tarn_conn *conn, sqlite3_value **args,
                      struct tarn_err *err) {
    struct files_rows *h = NULL;
    struct tarn_lake *lake = NULL;
    int rc = TARN_OK;

    if (tarn_conn_refresh(conn, err) || tarn_conn_lake(conn, 0, &lake, err)) return err->code;
    h = tarn_calloc(1, sizeof *h);
    if (!h) return tarn_err_set(err, TARN_ENOMEM, "out of memory");
    tarn_buf_init(&h->base, TARN_KEY_MAX + 1);
    rc = take_arguments(h, conn, args, err);
    if (rc || !lake) { /* no lake yet: no files */
        files_close(h);
        return rc;
    }
    h->lake = tarn_lake_ref(lake);
    h->slack = tarn_settings_int(&conn->settings, TARN_SET_PATH_SLACK);
    h->skip_corrupt = 1; /* a list of files shows the broken ones too */
    if (!h->prefix && !h->glob) rc = list_roots(h, err);
    if (rc) {
        files_close(h);
        return rc;
    }
    *handle = h;
    return TARN_OK;
}

/* The next prefix to list into *out (borrowed); 0 when there is none. */
static int next_prefix(struct files_rows *h, char *out, size_t room) {
    if (h->prefix || h->glob) {
        if (h->listed) return 0;
        h->listed = 1;
        (void)sqlite3_snprintf((int)room, out, "%s", h->prefix ? h->prefix : "events");
        return 1;
    }
    while (h->root < h->roots.n_prefixes) {
        const char *name = h->roots.prefixes[h->root++] + h->base.len;
        size_t n = strcspn(name, "/");
        if (n >= room || tarn_prefix_check(name, n, NULL)) continue;
        (void)sqlite3_snprintf((int)room, out, "%.*s", (int)n, name);
        return 1;
    }
    return 0;
}

static int files_next(void *handle, int *more, struct tarn_err *err) {
    struct files_rows *h = handle;
    struct tarn_catalog_request req;
    char prefix[80];

    forget_footer(h);
    h->at++;
    while (!h->catalog || h->at >= h->catalog->n_files) {
        tarn_catalog_free(h->catalog);
        h->catalog = NULL;
        *more = 0;
        if (!next_prefix(h, prefix, sizeof prefix)) return TARN_OK;
        memset(&req, 0, sizeof req);
        req.namespace_ = h->namespace_;
        req.prefix = prefix;
        req.glob = h->glob;
        req.lo = TARN_TIME_MIN;
        req.hi = TARN_TIME_MAX;
        req.path_slack = h->slack;
        req.skip_corrupt = h->skip_corrupt;
        if (tarn_catalog_list(&h->catalog, h->lake, &req, err)) return err->code;
        h->at = 0;
    }
    *more = 1;
    return TARN_OK;
}

static const struct tarn_pq_footer *footer(struct files_rows *h) {
    struct tarn_file *f = &h->catalog->files[h->at];

    if (f->info.format != TARN_FILE_PARQUET) return NULL;
    if (f->footer) return f->footer;
    if (!h->asked) {
        h->asked = 1;
        (void)tarn_lake_footer(h->lake, &f->obj, &h->footer, NULL, &h->fault);
    }
    return h->footer;
}

static void from_footer(struct files_rows *h, int column, sqlite3_context *ctx) {
    const struct tarn_pq_footer *f = footer(h);
    int64_t lo = 0, hi = 0;

    if (column == COL_ERROR) {
        if (h->fault.code) tarn_result_text(ctx, h->fault.msg);
        return;
    }
    if (!f) return;
    switch (column) {
    case COL_ROWS: sqlite3_result_int64(ctx, f->rows); break;
    case COL_TYPES: tarn_result_text(ctx, tarn_pq_footer_kv(f, "types")); break;
    case COL_CREATED_BY: tarn_result_text(ctx, f->created_by); break;
    default:
        if (tarn_footer_times(f, &lo, &hi)) tarn_result_time(ctx, column == COL_MIN_TS ? lo : hi);
        break;
    }
}

static void result_bound(sqlite3_context *ctx, int64_t ms) {
    if (ms > TARN_TIME_MIN && ms < TARN_TIME_MAX) tarn_result_time(ctx, ms);
}

static int files_column(void *handle, int column, sqlite3_context *ctx, struct tarn_err *err) {
    static const char *const levels[] = {"raw", "hour", "day"};
    static const char *const states[] = {"live", "masked", "part", "pending", "pruned"};
    struct files_rows *h = handle;
    const struct tarn_file *f = &h->catalog->files[h->at];

    (void)err;
    switch (column) {
    case COL_KEY: tarn_result_text(ctx, f->obj.key); break;
    case COL_PREFIX: tarn_result_text(ctx, f->prefix); break;
    case COL_NAMESPACE: tarn_result_text(ctx, f->namespace_); break;
    case COL_LEVEL: tarn_result_text(ctx, levels[f->info.level]); break;
    case COL_FORMAT:
        tarn_result_text(ctx, f->info.format == TARN_FILE_JSONL ? "jsonl" : "parquet");
        break;
    case COL_STATE: tarn_result_text(ctx, states[f->state]); break;
    case COL_MASKED_BY: tarn_result_text(ctx, f->masked_by); break;
    case COL_SIZE: sqlite3_result_int64(ctx, (sqlite3_int64)f->obj.size); break;
    case COL_MTIME: tarn_result_time(ctx, f->obj.mtime); break;
    case COL_ETAG: tarn_result_text(ctx, f->obj.etag); break;
    case COL_LO: result_bound(ctx, f->lo); break;
    case COL_HI: result_bound(ctx, f->hi); break;
    default: from_footer(h, column, ctx); break;
    }
    return TARN_OK;
}

static const struct tarn_rows files_rows = {
    .name = "tarn_files",
    .columns = "\"key\" TEXT, prefix TEXT, namespace TEXT, level TEXT, format TEXT, state TEXT, "
               "masked_by TEXT, size INTEGER, mtime TEXT, etag TEXT, lo TEXT COLLATE tarn_ts, "
               "hi TEXT COLLATE tarn_ts, rows INTEGER, min_ts TEXT COLLATE tarn_ts, "
               "max_ts TEXT COLLATE tarn_ts, types TEXT, created_by TEXT, error TEXT",
    .arguments = "of_prefix, of_namespace, of_glob",
    .n_columns = 18,
    .n_arguments = 3,
    .open = files_open,
    .next = files_next,
    .column = files_column,
    .close = files_close,
};

static const struct tarn_table tables[] = {
    {.help = {"tarn_files", "table function", "([prefix[, namespace[, glob]]])",
              "one row per data file of the lake",
              "The event files: what they hold, and whether they count (state: live, masked by a "
              "compacted file, part of one that isn't complete, pending).",
              "SELECT \"key\", rows, state FROM tarn_files"},
     .rows = &files_rows},
};

const struct tarn_family tarn_family_files = {NULL, 0, tables, TARN_COUNT(tables)};
