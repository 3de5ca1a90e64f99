/* row_groups.c: tarn_row_groups(glob): how files are built inside: one row per row group and
** column chunk, from the footers alone. For whoever wants to know why a query reads what it reads.
*/
#include <string.h>

#include "catalog.h"
#include "family.h"
#include "footer_facts.h"
#include "mem.h"
#include "result.h"
#include "time.h"

struct groups_rows {
    struct tarn_lake *lake;
    struct tarn_catalog *catalog;
    size_t file; /* the next one to open */
    struct tarn_pq_footer *footer;
    int group, column;
};

static void groups_close(void *handle) {
    struct groups_rows *h = handle;

    tarn_pq_footer_free(h->footer);
    tarn_catalog_free(h->catalog);
    tarn_lake_free(h->lake);
    tarn_free(h);
}

static int groups_open(void **handle, struct tarn_conn *conn, sqlite3_value **args,
                       struct tarn_err *err) {
    struct groups_rows *h = NULL;
    struct tarn_lake *lake = NULL;
    struct tarn_catalog_request req;
    int rc = TARN_OK;

    memset(&req, 0, sizeof req);
    if (tarn_value_text(args[0], "tarn_row_groups: glob", &req.glob, err)) return err->code;
    if (tarn_conn_refresh(conn, err) || tarn_conn_lake(conn, 0, &lake, err)) return err->code;
    if (!lake) return TARN_OK;
    h = tarn_calloc(1, sizeof *h);
    if (!h) return tarn_err_set(err, TARN_ENOMEM, "out of memory");
    h->lake = tarn_lake_ref(lake);
    req.namespace_ = tarn_settings_text(&conn->settings, TARN_SET_NAMESPACE);
    req.prefix = tarn_settings_text(&conn->settings, TARN_SET_PREFIX);
    req.lo = TARN_TIME_MIN;
    req.hi = TARN_TIME_MAX;
    rc = tarn_catalog_list(&h->catalog, h->lake, &req, err);
    if (rc) {
        groups_close(h);
        return rc;
    }
    *handle = h;
    return TARN_OK;
}

/* Steps column, then row group, then file. */
static int groups_next(void *handle, int *more, struct tarn_err *err) {
    struct groups_rows *h = handle;

    h->column++;
    for (;;) {
        if (h->footer && h->column >= h->footer->n_columns) {
            h->column = 0;
            h->group++;
        }
        *more = h->footer && h->footer->n_columns > 0 && h->group < h->footer->n_row_groups;
        if (*more) return TARN_OK;
        tarn_pq_footer_free(h->footer);
        h->footer = NULL;
        while (h->file < h->catalog->n_files &&
               h->catalog->files[h->file].info.format != TARN_FILE_PARQUET) {
            h->file++;
        }
        if (h->file == h->catalog->n_files) return TARN_OK;
        if (tarn_lake_footer(h->lake, &h->catalog->files[h->file++].obj, &h->footer, NULL, err)) {
            return err->code;
        }
        h->group = h->column = 0;
    }
}

static void result_encodings(sqlite3_context *ctx, uint32_t set) {
    sqlite3_str *s = sqlite3_str_new(NULL);
    int i;

    for (i = 0; i < 32; i++) {
        if (set & 1u << i) {
            sqlite3_str_appendf(s, "%s%s", sqlite3_str_length(s) ? "," : "", tarn_encoding_name(i));
        }
    }
    sqlite3_result_text(ctx, sqlite3_str_finish(s), -1, sqlite3_free);
}

/* Offsets: 0 means there is none. */
static void result_offset(sqlite3_context *ctx, uint64_t offset) {
    if (offset) sqlite3_result_int64(ctx, (sqlite3_int64)offset);
}

static void chunk_column(const struct tarn_pq_chunk *k, const struct tarn_pq_column *col,
                         int column, sqlite3_context *ctx) {
    const struct tarn_pq_stats *s = &k->stats;

    switch (column) {
    case 4: tarn_result_text(ctx, tarn_physical_name((int)col->physical)); break;
    case 5:
        if (col->logical.kind) tarn_result_text(ctx, tarn_logical_name((int)col->logical.kind));
        break;
    case 6: tarn_result_text(ctx, tarn_codec_name((int)k->codec)); break;
    case 7: result_encodings(ctx, k->encodings); break;
    case 8: sqlite3_result_int64(ctx, k->n_values); break;
    case 9:
        if (s->has_nulls) sqlite3_result_int64(ctx, s->nulls);
        break;
    case 10:
        if (s->has_distinct) sqlite3_result_int64(ctx, s->distinct);
        break;
    case 11: sqlite3_result_int64(ctx, (sqlite3_int64)k->size); break;
    case 12: sqlite3_result_int64(ctx, (sqlite3_int64)k->uncompressed); break;
    case 13:
        if (s->has_min) tarn_result_stat(ctx, col, s->min);
        break;
    case 14:
        if (s->has_max) tarn_result_stat(ctx, col, s->max);
        break;
    case 15: result_offset(ctx, k->offset); break;
    case 16: result_offset(ctx, k->dictionary_offset); break;
    case 17: result_offset(ctx, k->bloom_offset); break;
    case 18: result_offset(ctx, k->column_index_offset); break;
    default: result_offset(ctx, k->offset_index_offset); break;
    }
}

static int groups_column(void *handle, int column, sqlite3_context *ctx, struct tarn_err *err) {
    struct groups_rows *h = handle;
    const struct tarn_pq_row_group *g = &h->footer->row_groups[h->group];

    (void)err;
    switch (column) {
    case 0: tarn_result_text(ctx, h->catalog->files[h->file - 1].obj.key); break;
    case 1: sqlite3_result_int(ctx, h->group); break;
    case 2: tarn_result_text(ctx, h->footer->columns[h->column].path); break;
    case 3: sqlite3_result_int64(ctx, g->rows); break;
    default:
        chunk_column(&g->chunks[h->column], &h->footer->columns[h->column], column, ctx);
        break;
    }
    return TARN_OK;
}

static const struct tarn_rows groups_rows = {
    .name = "tarn_row_groups",
    .columns = "\"key\" TEXT, row_group INTEGER, \"column\" TEXT, rows INTEGER, physical TEXT, "
               "logical TEXT, codec TEXT, encodings TEXT, n_values INTEGER, nulls INTEGER, "
               "distinct_values INTEGER, compressed INTEGER, uncompressed INTEGER, min, max, "
               "offset INTEGER, dictionary_offset INTEGER, bloom_offset INTEGER, "
               "column_index_offset INTEGER, offset_index_offset INTEGER",
    .arguments = "glob",
    .n_columns = 20,
    .n_arguments = 1,
    .open = groups_open,
    .next = groups_next,
    .column = groups_column,
    .close = groups_close,
};

static const struct tarn_table tables[] = {
    {.help = {"tarn_row_groups", "table function", "([glob])",
              "one row per row group and column of the Parquet files whose key matches",
              "How event files are built inside: codecs, encodings, sizes, minima and maxima, and "
              "where bloom filters and page indexes are.",
              "SELECT \"column\", codec, sum(compressed) FROM tarn_row_groups GROUP BY 1, 2"},
     .rows = &groups_rows},
};

const struct tarn_family tarn_family_row_groups = {NULL, 0, tables, TARN_COUNT(tables)};
