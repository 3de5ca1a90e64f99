/* page_index_write.h: ColumnIndex and OffsetIndex of one column chunk (PageIndex.md).
*/
#ifndef TARN_PAGE_INDEX_WRITE_H
#define TARN_PAGE_INDEX_WRITE_H

#include "stats_write.h"

struct tarn_page_entry {
    uint64_t offset;    /* of the page header in the file */
    uint32_t size;      /* header and compressed body */
    uint32_t values;    /* rows of the page */
    uint64_t first_row; /* within the row group */
    struct tarn_stats stats;
};

struct tarn_page_index {
    struct tarn_buf entries; /* struct tarn_page_entry, in file order */
    size_t n;
};

void tarn_page_index_init(struct tarn_page_index *x);
void tarn_page_index_release(struct tarn_page_index *x);
void tarn_page_index_clear(struct tarn_page_index *x);
void tarn_page_index_add(struct tarn_page_index *x, const struct tarn_page_entry *e); /* copies */

/* Appends the ColumnIndex to `out` and returns its length; 0 when there can't be one: a page with
** values has no min or no max. Errors are `out`'s. */
size_t tarn_page_index_columns(const struct tarn_page_index *x, enum tarn_order order,
                               struct tarn_buf *out);
size_t tarn_page_index_offsets(const struct tarn_page_index *x, struct tarn_buf *out);

#endif
