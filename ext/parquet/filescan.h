/* filescan.h: reads rows of one file: prunes row groups and pages, decodes only what is asked.
**
** A scan names the columns to return and the predicates (ANDed) that rows must satisfy. It is used
** in two steps, so that a caller may order the work of many files by time:
**   1. tarn_pq_scan_blocks: for one row group, the blocks (row ranges) that statistics,
**      dictionary, bloom and page index leave over; each with bounds of the order column's
**      non-NULL values.
**   2. tarn_pq_scan_read: one block -> a batch with the rows that satisfy every predicate.
** Blocks follow the pages where an OffsetIndex was valid: runs of pages that survive are cut at
** page borders, at about 8,192 rows, or with an order column at about 2,048 (so that the last ones
** can be read first). A row group without page index is cut by rows alone, so that memory stays
** bounded: at 16,384 rows or fewer, and with an order column only beyond 262,144 rows (or 32 MiB),
** each block with the bounds of the row group. Reading blocks in order costs each page one decode;
** out of order is correct too, and slow where a page, or a chunk without page index, begins before
** the block. Predicate columns are decoded first and narrow a selection vector; other columns are
** decoded only for blocks with rows left, and only the selected rows are materialised: vectors of
** a batch are dense (row i of every vector is the same row).
** Everything allocated counts against `budget`. Not thread-safe; one scan per thread.
*/
#ifndef TARN_FILESCAN_H
#define TARN_FILESCAN_H

#include "arena.h"
#include "footer.h"
#include "predicate.h"
#include "source.h"
#include "vector.h"

struct tarn_pq_counters { /* what pruning did; added to, never reset */
    uint64_t row_groups, row_groups_stats, row_groups_dictionary,
        row_groups_bloom;         /* seen, pruned by … */
    uint64_t pages, pages_pruned; /* of predicate and output columns with a page index */
    uint64_t pages_decoded;
    uint64_t rows_decoded, rows_out;
    uint64_t bytes_read;
};

struct tarn_pq_scan_spec {
    const int *columns; /* leaf numbers to return; flat columns */
    int n_columns;
    const struct tarn_predicate *predicates; /* copied, with their constants */
    int n_predicates;
    int order_column;           /* INT64/INT32 leaf whose bounds blocks carry; -1 = none */
    int pushdown;               /* 0: no pruning at all, predicates are applied to rows only */
    struct tarn_budget *budget; /* may be NULL */
    struct tarn_pq_counters *counters; /* may be NULL */
};

struct tarn_pq_block {
    int row_group;
    uint32_t first; /* row within the row group */
    uint32_t rows;
    int64_t lo, hi; /* bounds of the order column (INT64_MIN/INT64_MAX when unknown) */
};

struct tarn_pq_batch {
    uint32_t n;                  /* rows */
    const uint32_t *row;         /* row within the row group, per row of the batch */
    struct tarn_vector *columns; /* in the order of spec.columns */
    struct tarn_arena arena;     /* and references to pages: see release */
    void *pages;
};

struct tarn_pq_scan;

/* `src` and `footer` are borrowed until free. */
int tarn_pq_scan_open(struct tarn_pq_scan **out, const struct tarn_pq_footer *footer,
                      const struct tarn_source *src, const struct tarn_pq_scan_spec *spec,
                      struct tarn_err *err);
void tarn_pq_scan_free(struct tarn_pq_scan *s);
/* 1 when the row group's statistics alone exclude it (no I/O). */
int tarn_pq_scan_excludes(struct tarn_pq_scan *s, int row_group);
/* Owned array (tarn_free); *n = 0 when nothing can match. May read dictionary, bloom and page
** index. */
int tarn_pq_scan_blocks(struct tarn_pq_scan *s, int row_group, struct tarn_pq_block **blocks,
                        size_t *n, struct tarn_err *err);
/* The batch stays valid until its release, whatever the scan does next. */
int tarn_pq_scan_read(struct tarn_pq_scan *s, const struct tarn_pq_block *block,
                      struct tarn_pq_batch **out, struct tarn_err *err);
void tarn_pq_batch_release(struct tarn_pq_batch *b); /* frees; NULL is fine */

#endif
