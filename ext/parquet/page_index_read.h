/* page_index_read.h: where the pages of a chunk are, which rows they hold, and their bounds.
**
** Source: PageIndex.md. An OffsetIndex is taken only when its pages lie in order inside the chunk
** and their rows begin at 0, increase, and end below the row count; a ColumnIndex only beside such
** an OffsetIndex, when it agrees with it and with the chunk's statistics. Otherwise there is none:
** the chunk is read from its beginning, and nothing is pruned by it.
*/
#ifndef TARN_PAGE_INDEX_READ_H
#define TARN_PAGE_INDEX_READ_H

#include "arena.h"
#include "footer.h"

struct tarn_page_loc {
    uint64_t offset; /* of the page header */
    uint32_t size;   /* header and body */
    uint32_t first;  /* row within the row group */
};

struct tarn_page_index {
    uint32_t n;    /* pages; 0 = no usable OffsetIndex */
    uint32_t rows; /* of the row group */
    struct tarn_page_loc *loc;
    struct tarn_pq_stats *stats; /* per page; NULL = no usable ColumnIndex */
};

/* Memory comes from the arena. 1 = taken, 0 = not usable, -1 = the arena failed. */
int tarn_offset_index_parse(const uint8_t *p, size_t n, const struct tarn_pq_chunk *chunk,
                            uint32_t rows, struct tarn_arena *arena, struct tarn_page_index *out);
/* After the OffsetIndex. Bounds are slices of p, which must live as long as `out`. */
int tarn_column_index_parse(const uint8_t *p, size_t n, const struct tarn_pq_column *column,
                            const struct tarn_pq_chunk *chunk, struct tarn_arena *arena,
                            struct tarn_page_index *out);
/* The page that holds `row` (< rows); n > 0. */
uint32_t tarn_page_index_find(const struct tarn_page_index *x, uint32_t row);
uint32_t tarn_page_index_end(const struct tarn_page_index *x,
                             uint32_t page); /* row after its last */

#endif
