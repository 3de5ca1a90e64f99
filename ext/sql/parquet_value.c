/* parquet_value.c: the one place where cells of Parquet become values of SQLite.
**
** Numbers go as numbers, NaN as NULL (SQLite has no other word for it); times, decimals and what
** else is printed as tarn_cell_text prints it. Text goes as the file has it.
*/
#include <math.h>
#include <stdio.h>

#include "cell.h"
#include "parquet_table.h"
#include "text.h"

static void result_text(sqlite3_context *ctx, struct tarn_slice s) {
    sqlite3_result_text64(ctx, s.len ? (const char *)s.data : "", s.len, SQLITE_TRANSIENT,
                          SQLITE_UTF8);
}

static void result_blob(sqlite3_context *ctx, struct tarn_slice s) {
    if (s.len)
        sqlite3_result_blob64(ctx, s.data, s.len, SQLITE_TRANSIENT);
    else
        sqlite3_result_zeroblob(ctx, 0);
}

static void result_bytes(sqlite3_context *ctx, enum tarn_pqt_kind kind, struct tarn_slice s) {
    if (kind == TARN_PQT_TEXT ||
        (kind == TARN_PQT_BINARY_TEXT && tarn_utf8_invalid(s.data, s.len) == s.len)) {
        result_text(ctx, s);
    } else {
        result_blob(ctx, s);
    }
}

/* What has a text of its own; else the number or the bytes that are there. */
static void result_printed(sqlite3_context *ctx, const struct tarn_pq_column *col,
                           const struct tarn_cell *cell) {
    char scratch[TARN_CELL_TEXT];
    struct tarn_slice text = {NULL, 0};

    if (tarn_cell_text(col, cell, scratch, &text) == 0)
        result_text(ctx, text);
    else if (cell->kind == TARN_CELL_INT)
        sqlite3_result_int64(ctx, cell->i);
    else if (cell->kind == TARN_CELL_BYTES)
        result_blob(ctx, cell->bytes);
}

void tarn_pqt_result(sqlite3_context *ctx, enum tarn_pqt_kind kind,
                     const struct tarn_pq_column *col, const struct tarn_vector *v, uint32_t row) {
    struct tarn_cell cell;

    if (tarn_vector_null(v, row)) return;
    switch (kind) {
    case TARN_PQT_TEXT:
    case TARN_PQT_BINARY_TEXT:
    case TARN_PQT_BLOB: result_bytes(ctx, kind, v->values.bytes[tarn_vector_at(v, row)]); return;
    case TARN_PQT_NULL:
    case TARN_PQT_JSON: return;
    default: break;
    }
    tarn_cell_read(col, v, row, &cell);
    switch (kind) {
    case TARN_PQT_BOOL:
    case TARN_PQT_INT: sqlite3_result_int64(ctx, cell.i); break;
    case TARN_PQT_UINT:
        if (cell.kind == TARN_CELL_INT)
            sqlite3_result_int64(ctx, cell.i);
        else
            result_printed(ctx, col, &cell);
        break;
    case TARN_PQT_REAL:
    case TARN_PQT_HALF:
        if (!isnan(cell.r)) sqlite3_result_double(ctx, cell.r);
        break;
    default: result_printed(ctx, col, &cell); break;
    }
}
