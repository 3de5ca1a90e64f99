/* parquet_inspect.c: what the footers of Parquet files say, as tables of the file's own words:
**
**   parquet_schema(path)         one row per element of the schema
**   parquet_metadata(path)       one row per row group and column
**   parquet_file_metadata(path)  one row per file
**   parquet_kv_metadata(path)    one row per key of the footer's metadata
**
** Names of columns are those of DuckDB's functions of the same names, where those have the column.
** Only footers are read.
*/
#include <string.h>

#include "family.h"
#include "footer_cache.h"
#include "interrupt.h"
#include "mem.h"
#include "parquet_table.h"
#include "result.h"
#include "text.h"
#include "vector.h"

struct inspect {
    struct tarn_pq_keys *keys; /* the connection's; a reference; NULL = none */
    struct tarn_interrupt interrupt;
    struct tarn_paths paths;
    size_t file; /* the next to open */
    struct tarn_pq_footer *footer;
    int group, at;                  /* row group; node, column or key */
    int (*left)(struct inspect *h); /* does (group, at) stand on a row? may move on */
};

static void inspect_close(void *handle) {
    struct inspect *h = handle;

    tarn_pq_footer_free(h->footer);
    tarn_pq_keys_free(h->keys);
    tarn_paths_release(&h->paths);
    tarn_free(h);
}

static int inspect_open(void **handle, const struct tarn_conn *conn, sqlite3_value *path,
                        const char *name, int (*left)(struct inspect *h), struct tarn_err *err) {
    struct inspect *h = NULL;
    const char *s = NULL;

    if (tarn_value_text(path, name, &s, err)) return err->code;
    if (!s || !*s) return tarn_err_set(err, TARN_EINVAL, "%s(path) needs a path", name);
    h = tarn_calloc(1, sizeof *h);
    if (!h) return tarn_err_set(err, TARN_ENOMEM, "out of memory");
    h->left = left;
    tarn_interrupt_init(&h->interrupt, conn->db);
    h->keys = tarn_pq_keys_ref(conn->parquet_keys);
    if (tarn_paths_open(&h->paths, s, name, err)) {
        inspect_close(h);
        return err->code;
    }
    *handle = h;
    return TARN_OK;
}

static int inspect_next(void *handle, int *more, struct tarn_err *err) {
    struct inspect *h = handle;

    h->at++;
    while (!h->footer || !h->left(h)) {
        tarn_pq_footer_free(h->footer);
        h->footer = NULL;
        h->group = h->at = 0;
        *more = h->file < h->paths.n;
        if (!*more) return TARN_OK;
        if (tarn_interrupted(&h->interrupt)) return tarn_err_set(err, TARN_EINTR, "interrupted");
        if (tarn_pqt_open_file(&h->paths, h->file++, h->keys, NULL, &h->footer, err))
            return err->code;
    }
    *more = 1;
    return TARN_OK;
}

static void result_filename(struct inspect *h, sqlite3_context *ctx) {
    sqlite3_result_text(ctx, tarn_pqt_filename(&h->paths, h->file - 1), -1, sqlite3_free);
}

/* parquet_schema */

static int left_nodes(struct inspect *h) {
    return h->at < h->footer->n_nodes;
}

static int schema_open(void **handle, struct tarn_conn *conn, sqlite3_value **args,
                       struct tarn_err *err) {
    return inspect_open(handle, conn, args[0], "parquet_schema", left_nodes, err);
}

static void result_logical(sqlite3_context *ctx, const struct tarn_logical_type *l) {
    static const char *const units[] = {"MILLIS", "MICROS", "NANOS"};
    const char *name = tarn_logical_name((int)l->kind);
    char *s = NULL;

    switch (l->kind) {
    case TARN_LOGICAL_NONE: return;
    case TARN_LOGICAL_DECIMAL:
        s = sqlite3_mprintf("%s(%d,%d)", name, l->precision, l->scale);
        break;
    case TARN_LOGICAL_TIME:
    case TARN_LOGICAL_TIMESTAMP:
        s = sqlite3_mprintf("%s(%s,%s)", name, units[l->unit], l->utc ? "UTC" : "local");
        break;
    case TARN_LOGICAL_INTEGER:
        s = sqlite3_mprintf("%s(%d,%s)", name, l->bits, l->is_signed ? "signed" : "unsigned");
        break;
    default: s = sqlite3_mprintf("%s", name); break;
    }
    sqlite3_result_text(ctx, s, -1, sqlite3_free);
}

/* Names of the node and of the groups around it, with points between them. */
static void result_path(sqlite3_context *ctx, const struct tarn_pq_footer *f, int node) {
    sqlite3_str *s = sqlite3_str_new(NULL);
    int way[64], n = 0;

    for (; node > 0 && n < 64; node = f->nodes[node].parent)
        way[n++] = node;
    while (n-- > 0)
        sqlite3_str_appendf(s, "%s%s", f->nodes[way[n]].name, n ? "." : "");
    sqlite3_result_text(ctx, sqlite3_str_finish(s), -1, sqlite3_free);
}

static int schema_column(void *handle, int column, sqlite3_context *ctx, struct tarn_err *err) {
    static const char *const repetitions[] = {"REQUIRED", "OPTIONAL", "REPEATED"};
    struct inspect *h = handle;
    const struct tarn_pq_node *n = &h->footer->nodes[h->at];
    const struct tarn_pq_column *c = n->column >= 0 ? &h->footer->columns[n->column] : NULL;
    int decimal = n->logical.kind == TARN_LOGICAL_DECIMAL;

    (void)err;
    switch (column) {
    case 0: result_filename(h, ctx); break;
    case 1: tarn_result_text(ctx, n->name); break;
    case 2: result_path(ctx, h->footer, h->at); break;
    case 3: tarn_result_text(ctx, c ? tarn_physical_name((int)c->physical) : NULL); break;
    case 4:
        if (c && c->physical == TARN_FIXED) sqlite3_result_int64(ctx, c->fixed_len);
        break;
    case 5: tarn_result_text(ctx, h->at ? repetitions[n->repetition] : NULL); break;
    case 6:
        if (!c) sqlite3_result_int(ctx, n->n_children);
        break;
    case 7: result_logical(ctx, &n->logical); break;
    case 8:
        if (decimal) sqlite3_result_int(ctx, n->logical.precision);
        break;
    case 9:
        if (decimal) sqlite3_result_int(ctx, n->logical.scale);
        break;
    case 10:
        if (c) sqlite3_result_int(ctx, n->column);
        break;
    case 11: sqlite3_result_int(ctx, n->max_def); break;
    case 12: sqlite3_result_int(ctx, n->max_rep); break;
    case 13:
        if (n->converted >= 0) tarn_result_text(ctx, tarn_converted_name(n->converted));
        break;
    default:
        if (n->field_id != -1) sqlite3_result_int(ctx, n->field_id);
        break;
    }
    return TARN_OK;
}

/* parquet_metadata */

static int left_chunks(struct inspect *h) {
    if (h->at >= h->footer->n_columns) {
        h->at = 0;
        h->group++;
    }
    return h->footer->n_columns > 0 && h->group < h->footer->n_row_groups;
}

static int metadata_open(void **handle, struct tarn_conn *conn, sqlite3_value **args,
                         struct tarn_err *err) {
    return inspect_open(handle, conn, args[0], "parquet_metadata", left_chunks, err);
}

/* A bound as the table `parquet` would show the value. */
static void result_bound(sqlite3_context *ctx, const struct tarn_pq_column *col,
                         const struct tarn_slice *bound) {
    static const struct tarn_pqt_options options = {.binary_as_text = 1};
    union {
        uint8_t u8;
        int64_t i64;
        int32_t i32;
        double f64;
        float f32;
    } value = {.i64 = 0};
    static const uint8_t sizes[] = {[TARN_BOOLEAN] = 1,
                                    [TARN_INT32] = 4,
                                    [TARN_INT64] = 8,
                                    [TARN_FLOAT] = 4,
                                    [TARN_DOUBLE] = 8};
    struct tarn_vector v = {col->physical, 1, NULL, NULL, {&value}, 0};

    if (col->physical == TARN_INT96 || col->physical == TARN_BYTE_ARRAY ||
        col->physical == TARN_FIXED) {
        v.values.bytes = bound;
    } else if (bound->len == sizes[col->physical]) {
        memcpy(&value, bound->data, bound->len);
    } else {
        return;
    }
    tarn_pqt_result(ctx, tarn_pqt_leaf_kind(col, &options), col, &v, 0);
}

static void result_encodings(sqlite3_context *ctx, uint32_t set) {
    sqlite3_str *s = sqlite3_str_new(NULL);
    int i;

    for (i = 0; i < 32; i++) {
        if (set & 1u << i) {
            sqlite3_str_appendf(s, "%s%s", sqlite3_str_length(s) ? ", " : "",
                                tarn_encoding_name(i));
        }
    }
    sqlite3_result_text(ctx, sqlite3_str_finish(s), -1, sqlite3_free);
}

/* Key/value pairs as a JSON object; NULL when there are none. */
static void result_kv(sqlite3_context *ctx, const struct tarn_kv *kv, int n) {
    struct tarn_buf b = TARN_BUF_INIT((size_t)64 << 20);
    int i;

    for (i = 0; i < n; i++) {
        tarn_buf_u8(&b, i ? ',' : '{');
        tarn_json_quote(&b, kv[i].key, strlen(kv[i].key));
        tarn_buf_u8(&b, ':');
        if (kv[i].value)
            tarn_json_quote(&b, kv[i].value, strlen(kv[i].value));
        else
            tarn_buf_puts(&b, "null");
    }
    tarn_buf_u8(&b, '}');
    if (n && b.rc == TARN_OK)
        sqlite3_result_text64(ctx, (char *)b.data, b.len, SQLITE_TRANSIENT, SQLITE_UTF8);
    else if (n)
        sqlite3_result_error_nomem(ctx);
    tarn_buf_release(&b);
}

/* Offsets and sizes: 0 means there is none. */
static void result_offset(sqlite3_context *ctx, uint64_t offset) {
    if (offset) sqlite3_result_int64(ctx, (sqlite3_int64)offset);
}

static void result_stats(sqlite3_context *ctx, int column, const struct tarn_pq_column *col,
                         const struct tarn_pq_stats *s) {
    switch (column) {
    case 10:
        if (s->has_min) result_bound(ctx, col, &s->min);
        break;
    case 11:
        if (s->has_max) result_bound(ctx, col, &s->max);
        break;
    case 12:
        if (s->has_min) sqlite3_result_int(ctx, s->min_exact);
        break;
    case 13:
        if (s->has_max) sqlite3_result_int(ctx, s->max_exact);
        break;
    case 14:
        if (s->has_nulls) sqlite3_result_int64(ctx, s->nulls);
        break;
    default:
        if (s->has_distinct) sqlite3_result_int64(ctx, s->distinct);
        break;
    }
}

static void result_places(sqlite3_context *ctx, int column, const struct tarn_pq_chunk *k,
                          int sorted) {
    switch (column) {
    case 16: result_offset(ctx, k->dictionary_offset); break;
    case 17: result_offset(ctx, k->data_offset); break;
    case 18: sqlite3_result_int64(ctx, (sqlite3_int64)k->size); break;
    case 19: sqlite3_result_int64(ctx, (sqlite3_int64)k->uncompressed); break;
    case 20: result_offset(ctx, k->bloom_offset); break;
    case 21: result_offset(ctx, k->bloom_size); break;
    case 22: result_offset(ctx, k->column_index_offset); break;
    case 23: result_offset(ctx, k->offset_index_offset); break;
    case 24: sqlite3_result_int(ctx, sorted); break;
    case 25: sqlite3_result_int(ctx, k->crypt != NULL); break;
    default: result_kv(ctx, k->kv, k->n_kv); break;
    }
}

static int metadata_column(void *handle, int column, sqlite3_context *ctx, struct tarn_err *err) {
    struct inspect *h = handle;
    const struct tarn_pq_row_group *g = &h->footer->row_groups[h->group];
    const struct tarn_pq_chunk *k = &g->chunks[h->at];
    const struct tarn_pq_column *col = &h->footer->columns[h->at];

    (void)err;
    switch (column) {
    case 0: result_filename(h, ctx); break;
    case 1: sqlite3_result_int(ctx, h->group); break;
    case 2: sqlite3_result_int64(ctx, g->rows); break;
    case 3: sqlite3_result_int64(ctx, (sqlite3_int64)g->bytes); break;
    case 4: sqlite3_result_int(ctx, h->at); break;
    case 5: tarn_result_text(ctx, col->path); break;
    case 6: tarn_result_text(ctx, tarn_physical_name((int)col->physical)); break;
    case 7: sqlite3_result_int64(ctx, k->n_values); break;
    case 8: tarn_result_text(ctx, tarn_codec_name((int)k->codec)); break;
    case 9: result_encodings(ctx, k->encodings); break;
    case 10:
    case 11:
    case 12:
    case 13:
    case 14:
    case 15: result_stats(ctx, column, col, &k->stats); break;
    default: result_places(ctx, column, k, g->sort_column == h->at); break;
    }
    return TARN_OK;
}

/* parquet_file_metadata */

static int left_one(struct inspect *h) {
    return h->at == 0;
}

static int file_open(void **handle, struct tarn_conn *conn, sqlite3_value **args,
                     struct tarn_err *err) {
    return inspect_open(handle, conn, args[0], "parquet_file_metadata", left_one, err);
}

/* The last 8 bytes of a file: the footer's length and PAR1. */
static int result_footer_size(struct inspect *h, sqlite3_context *ctx, struct tarn_err *err) {
    struct tarn_source source = {0};
    uint8_t tail[4];
    int rc = tarn_paths_source(&h->paths, h->file - 1, &source, err);

    if (rc) return rc;
    rc = source.read(source.ctx, source.size - 8, tail, sizeof tail, err);
    tarn_source_close(&source);
    if (rc) return rc;
    sqlite3_result_int64(ctx, (sqlite3_int64)(tail[0] | (uint32_t)tail[1] << 8 |
                                              (uint32_t)tail[2] << 16 | (uint32_t)tail[3] << 24));
    return TARN_OK;
}

static int file_column(void *handle, int column, sqlite3_context *ctx, struct tarn_err *err) {
    struct inspect *h = handle;
    const struct tarn_pq_footer *f = h->footer;

    switch (column) {
    case 0: result_filename(h, ctx); break;
    case 1: tarn_result_text(ctx, f->created_by); break;
    case 2: sqlite3_result_int64(ctx, f->rows); break;
    case 3: sqlite3_result_int(ctx, f->n_row_groups); break;
    case 4: sqlite3_result_int(ctx, f->version); break;
    case 5: sqlite3_result_int64(ctx, (sqlite3_int64)f->file_size); break;
    case 6: return result_footer_size(h, ctx, err);
    default: sqlite3_result_int(ctx, f->n_columns); break;
    }
    return TARN_OK;
}

/* parquet_kv_metadata */

static int left_keys(struct inspect *h) {
    return h->at < h->footer->n_kv;
}

static int kv_open(void **handle, struct tarn_conn *conn, sqlite3_value **args,
                   struct tarn_err *err) {
    return inspect_open(handle, conn, args[0], "parquet_kv_metadata", left_keys, err);
}

static int kv_column(void *handle, int column, sqlite3_context *ctx, struct tarn_err *err) {
    struct inspect *h = handle;

    (void)err;
    if (column == 0) result_filename(h, ctx);
    if (column == 1) tarn_result_text(ctx, h->footer->kv[h->at].key);
    if (column == 2) tarn_result_text(ctx, h->footer->kv[h->at].value);
    return TARN_OK;
}

#define INSPECT(table, list, n, open_it, column_of)                                        \
    {                                                                                      \
        .name = (table), .columns = (list), .arguments = "path", .n_columns = (n),         \
        .n_arguments = 1, .required = 1, .flags = TARN_ROWS_DIRECTONLY, .open = (open_it), \
        .next = inspect_next, .column = (column_of), .close = inspect_close                \
    }

static const struct tarn_rows schema_rows = INSPECT(
    "parquet_schema",
    "file_name TEXT, name TEXT, path_in_schema TEXT, type TEXT, type_length INTEGER, "
    "repetition_type TEXT, num_children INTEGER, logical_type TEXT, \"precision\" INTEGER, "
    "scale INTEGER, column_id INTEGER, max_def INTEGER, max_rep INTEGER, converted_type TEXT, "
    "field_id INTEGER",
    15, schema_open, schema_column);
static const struct tarn_rows metadata_rows = INSPECT(
    "parquet_metadata",
    "file_name TEXT, row_group_id INTEGER, row_group_num_rows INTEGER, row_group_bytes INTEGER, "
    "column_id INTEGER, path_in_schema TEXT, type TEXT, num_values INTEGER, compression TEXT, "
    "encodings TEXT, stats_min_value, stats_max_value, min_is_exact INTEGER, max_is_exact INTEGER, "
    "stats_null_count INTEGER, stats_distinct_count INTEGER, dictionary_page_offset INTEGER, "
    "data_page_offset INTEGER, total_compressed_size INTEGER, total_uncompressed_size INTEGER, "
    "bloom_filter_offset INTEGER, bloom_filter_length INTEGER, column_index_offset INTEGER, "
    "offset_index_offset INTEGER, sorted INTEGER, encrypted INTEGER, key_value_metadata JSON",
    27, metadata_open, metadata_column);
static const struct tarn_rows file_rows = INSPECT(
    "parquet_file_metadata",
    "file_name TEXT, created_by TEXT, num_rows INTEGER, num_row_groups INTEGER, "
    "format_version INTEGER, file_size_bytes INTEGER, footer_size INTEGER, num_columns INTEGER",
    8, file_open, file_column);
static const struct tarn_rows kv_rows = INSPECT(
    "parquet_kv_metadata", "file_name TEXT, \"key\" TEXT, value TEXT", 3, kv_open, kv_column);

static const struct tarn_table tables[] = {
    {.help = {"parquet_schema", "table function", "(path)",
              "one row per element of the schema of the Parquet files that match",
              "Groups, lists and columns as the file declares them, with types and levels.",
              "SELECT name, arguments FROM tarn_help WHERE name = 'parquet_schema'"},
     .rows = &schema_rows},
    {.help = {"parquet_metadata", "table function", "(path)",
              "one row per row group and column of the Parquet files that match",
              "How files are built inside: sizes, codecs, encodings, statistics, and where bloom "
              "filters and page indexes are.",
              "SELECT name, arguments FROM tarn_help WHERE name = 'parquet_metadata'"},
     .rows = &metadata_rows},
    {.help = {"parquet_file_metadata", "table function", "(path)",
              "one row per Parquet file that matches",
              "Who wrote a file, its rows, row groups, size and footer size.",
              "SELECT name, arguments FROM tarn_help WHERE name = 'parquet_file_metadata'"},
     .rows = &file_rows},
    {.help = {"parquet_kv_metadata", "table function", "(path)",
              "file_name, key, value: the metadata in the footers of the Parquet files that match",
              "What writers leave in a footer: Arrow and pandas schemas, notes of their own.",
              "SELECT name, arguments FROM tarn_help WHERE name = 'parquet_kv_metadata'"},
     .rows = &kv_rows},
};

const struct tarn_family tarn_family_parquet_inspect = {NULL, 0, tables, TARN_COUNT(tables)};
