/* parquet_scan.h: the rows of a table `parquet`, file by file, one file open at a time.
**
**   listing ─► file ─► row group ─► blocks ─► batch ─► row
**
** Columns that nobody asked for are not read. SQLite says which are used for the first 63 columns
** only; a later one that is asked for after all makes the block be read again, and from then on it
** is read with the others. When no column and no condition needs pages, rows are only counted.
**
** Without conditions a block is read when a column of one of its rows is asked for, from that row on:
** rows that a query passes over (OFFSET) cost nothing. A query's LIMIT sizes the first part that is
** read of a block; each part after it is twice as large.
*/
#ifndef TARN_PARQUET_SCAN_H
#define TARN_PARQUET_SCAN_H

#include "filescan.h"
#include "interrupt.h"
#include "parquet_nested.h"
#include "parquet_table.h"

#define TARN_PQT_FILE_SHIFT 40 /* rowid: number of the file, then the row in it */

struct tarn_pqt_conditions;

struct tarn_pqt_scan {
    const struct tarn_parquet_table *t;
    struct tarn_interrupt interrupt;
    struct tarn_paths paths;
    size_t file;     /* the next one to open */
    uint8_t *wanted; /* per column of the table */
    int unsure;      /* columns may be asked for that `wanted` doesn't name */
    int pushdown;
    const struct tarn_pqt_conditions *conditions;
    struct tarn_budget budget;
    struct tarn_pq_counters counters;

    /* the open file */
    struct tarn_arena arena;
    struct tarn_source source;
    struct tarn_pq_footer *footer;
    struct tarn_pqt_binding *bindings;
    struct tarn_pqt_nested *nested; /* per column of the table */
    int *slots;                     /* per column of the table: its vector in a batch, or -1 */
    struct tarn_predicate *predicates;
    int n_predicates;
    struct tarn_pq_scan *pq; /* NULL: rows are only counted */
    int group;
    struct tarn_pq_block *blocks;
    size_t n_blocks, block;    /* block: the next one to read */
    struct tarn_pq_block part; /* the rows at hand, of the block before it or of this one */
    uint32_t at_once;          /* rows of a block to read at once; 0 = all */
    int64_t skip;              /* rows still to leave out */
    struct tarn_pq_batch *batch;
    struct tarn_arena batch_arena; /* what nested columns of the batch hold */
    int64_t row, n_rows; /* of the batch, of the part if it isn't read, or of the row group */
};

/* *s is zeroes. The conditions are borrowed. */
int tarn_pqt_scan_open(struct tarn_pqt_scan *s, const struct tarn_parquet_table *t,
                       const struct tarn_pqt_conditions *conditions, struct tarn_err *err);
/* Any state is fine, zeroes too. */
void tarn_pqt_scan_close(struct tarn_pqt_scan *s);
int tarn_pqt_scan_next(struct tarn_pqt_scan *s, int *more, struct tarn_err *err);
int tarn_pqt_scan_column(struct tarn_pqt_scan *s, int column, sqlite3_context *ctx,
                         struct tarn_err *err);
sqlite3_int64 tarn_pqt_scan_rowid(const struct tarn_pqt_scan *s);

#endif
