/* export_rows.c: the values of a batch, in their columns' types, to the writer.
**
** This is what runs beside SQLite's thread, so nothing here knows the connection. Rows are counted
** here too: an error names the row it is about, however far the reading is ahead.
*/
#include <string.h>

#include "export.h"

enum { CHECK_ROWS = 1024 };

static int unsorted(const struct tarn_export_rows *r, struct tarn_err *err) {
    return tarn_err_set(err, TARN_EINVAL,
                        "tarn_export: row %llu is out of order: sortedBy says \"%.60s\" %s; NULLs "
                        "come first or last, and a query may need ORDER BY",
                        (unsigned long long)r->rows + 1, r->columns[r->sort_column].name,
                        r->sort_descending ? "descending" : "ascending");
}

/* cell = NULL: a NULL. */
static int check_order(struct tarn_export_rows *r, const struct tarn_export_cell *cell,
                       struct tarn_err *err) {
    enum tarn_physical physical = r->physical[r->sort_column];
    const uint8_t *p = NULL;
    size_t n = 8;
    uint8_t boolean = 0;
    int32_t narrow = 0;
    int order = 0;

    if (!cell) {
        if (r->values && r->nulls == 1) return unsorted(r, err);
        r->nulls = r->values ? 2 : 1;
        return TARN_OK;
    }
    if (r->nulls == 2) return unsorted(r, err);
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
    if (r->values) order = tarn_order_compare(r->order, r->last.data, r->last.len, p, n);
    if (r->sort_descending ? order < 0 : order > 0) return unsorted(r, err);
    r->values = 1;
    tarn_buf_clear(&r->last);
    if (tarn_buf_reserve(&r->last, n + 1)) return tarn_err_set(err, TARN_ENOMEM, "out of memory");
    if (n) tarn_buf_put(&r->last, p, n);
    return TARN_OK;
}

static int put_value(struct tarn_export_rows *r, int column, const struct tarn_export_value *v,
                     struct tarn_err *err) {
    const struct tarn_export_column *c = &r->columns[column];
    struct tarn_export_cell cell;

    if (v->type == SQLITE_INTEGER && c->kind == TARN_EXPORT_INT64 && !c->sorted) {
        tarn_pq_put_i64(r->writer, column, v->i);
        return TARN_OK;
    }
    if (v->type == SQLITE_FLOAT && c->kind == TARN_EXPORT_DOUBLE && !c->sorted) {
        tarn_pq_put_f64(r->writer, column, v->r);
        return TARN_OK;
    }
    if (v->type == SQLITE_NULL)
        return column == r->sort_column ? check_order(r, NULL, err) : TARN_OK;
    if (tarn_export_convert(&r->columns[column], v, &cell))
        return tarn_export_misfit(&r->columns[column], v, r->rows + 1, err);
    if (column == r->sort_column && check_order(r, &cell, err)) return err->code;
    switch (r->physical[column]) {
    case TARN_BOOLEAN: tarn_pq_put_bool(r->writer, column, (int)cell.i); break;
    case TARN_INT32: tarn_pq_put_i32(r->writer, column, (int32_t)cell.i); break;
    case TARN_INT64: tarn_pq_put_i64(r->writer, column, cell.i); break;
    case TARN_DOUBLE: tarn_pq_put_f64(r->writer, column, cell.r); break;
    default: tarn_pq_put_bytes(r->writer, column, cell.p, cell.n); break;
    }
    return TARN_OK;
}

/* Errors of the writer are sticky, and told by finish: `stop` then. */
static int end_row(struct tarn_export_rows *r, struct tarn_err *err) {
    r->stop = tarn_pq_end_row(r->writer) != TARN_OK;
    r->rows++;
    if (r->rows % CHECK_ROWS || tarn_pq_writer_buffered(r->writer) + r->held <= r->budget)
        return TARN_OK;
    return tarn_err_set(err, TARN_ELIMIT,
                        "tarn_export: more than memoryBudget (%zu bytes) is held at row %llu: "
                        "raise it, or set rowGroupBytes lower or pageRows higher",
                        r->budget, (unsigned long long)r->rows);
}

int tarn_export_rows_take(struct tarn_export_rows *r, const struct tarn_buf *batch,
                          struct tarn_err *err) {
    struct tarn_export_value v = {0};
    size_t at = 0;
    int rc = TARN_OK;

    while (rc == TARN_OK && !r->stop && tarn_export_batch_next(batch, &at, &v)) {
        rc = put_value(r, r->column, &v, err);
        if (rc || ++r->column < r->n_columns) continue;
        r->column = 0;
        rc = end_row(r, err);
    }
    return rc;
}
