/* binding.h: how the columns of one Parquet file stand for the 13 event columns.
**
** Made once per file from its footer and what the scan wants; then read-only. It says which leaves
** to decode, which predicates the reader can decide, which are left for rows, and whether the
** file can hold a matching row at all. Columns of the expected type are read straight from the
** batch; others go through cell.h, cell by cell.
*/
#ifndef TARN_BINDING_H
#define TARN_BINDING_H

#include "cell.h"
#include "match.h"

struct tarn_binding_request {
    uint32_t columns; /* TARN_EV_BIT of what is asked, incl. TARN_EV_EXTRA */
    const struct tarn_match *match;
    int ordered;  /* rows are ordered by ts */
    int pushdown; /* 0: the reader gets no predicates, rows decide */
};

enum tarn_bind {
    TARN_BIND_NONE, /* no such column: NULL */
    TARN_BIND_TIME, /* ts as a number: raw * mul / div = ms */
    TARN_BIND_TEXT,
    TARN_BIND_BOOL,
    TARN_BIND_INT32,
    TARN_BIND_DOUBLE,
    TARN_BIND_CONVERT
};

struct tarn_bound {
    enum tarn_bind how;
    int leaf; /* -1 = none */
    int slot; /* in tarn_binding.columns; -1 = not read */
};

struct tarn_binding {
    const struct tarn_pq_footer *footer; /* borrowed */
    struct tarn_bound bound[TARN_EV_COLUMNS];
    int64_t mul, div; /* of TARN_BIND_TIME */
    int *columns;     /* leaves to read */
    int n_columns;
    struct tarn_predicate *pushed; /* for the reader; column = leaf */
    int n_pushed;
    const struct tarn_predicate **left; /* for rows; point into the scan's match */
    int n_left;
    int order_column;              /* leaf, or -1 */
    int check_ts;                  /* rows may have no readable ts: look at each */
    int nothing;                   /* no row of this file can match */
    struct tarn_bind_extra *extra; /* what may go to `extra` */
    int n_extra;
    struct tarn_const range[2];
    struct tarn_arena memory;
};

/* `name` is the file's, for messages. TARN_EUNSUPPORTED: no column ts, or one that is no time. */
int tarn_binding_new(struct tarn_binding **out, const struct tarn_pq_footer *footer,
                     const struct tarn_binding_request *req, const char *name,
                     struct tarn_err *err);
void tarn_binding_free(struct tarn_binding *b);

/* ms of a raw bound of the order column; the unknown ones (INT64_MIN/MAX) stay. */
int64_t tarn_binding_ms(const struct tarn_binding *b, int64_t raw);
/* What statistics say of ts in a row group; 0 when they say nothing. */
int tarn_binding_group(const struct tarn_binding *b, int row_group, int64_t *lo, int64_t *hi);

/* Row i of a batch. */
int tarn_binding_ts(const struct tarn_binding *b, const struct tarn_pq_batch *batch, uint32_t i,
                    int64_t *ms); /* 0, or -1: none that can be read */
/* `scratch` holds what had to be printed. */
void tarn_binding_value(const struct tarn_binding *b, const struct tarn_pq_batch *batch, uint32_t i,
                        int column, char scratch[TARN_CELL_TEXT], struct tarn_scanned *out);
/* Fills out with the JSON object of `extra`; empty when there is nothing in it. */
void tarn_binding_extra(const struct tarn_binding *b, const struct tarn_pq_batch *batch, uint32_t i,
                        struct tarn_buf *out);
/* Do the predicates that are left for rows hold? */
int tarn_binding_matches(const struct tarn_binding *b, const struct tarn_pq_batch *batch,
                         uint32_t i);

#endif
