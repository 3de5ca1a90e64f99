/* raw_parquet.h: Parquet files of one column, put together by hand: pages with any header and any
** body, footers that may lie. For what Tarn's own writer never writes.
*/
#ifndef RAW_PARQUET_H
#define RAW_PARQUET_H

#include "buf.h"
#include "format.h"
#include "thrift_write.h"

struct raw_page {
    int type; /* enum tarn_page_type */
    int encoding;
    int64_t values;
    int64_t uncompressed; /* claimed; 0 = what there is */
    const void *body;     /* as it stands in the file */
    size_t n;
};

struct raw_stats { /* NULL = absent; `n` bytes each */
    const void *min, *max, *old_min, *old_max;
    size_t n;
    int64_t nulls; /* -1 = absent */
};

struct raw_file {
    int physical, fixed_len, repetition, codec;
    int converted;        /* ConvertedType; 0 = none (UTF8 is not needed here) */
    int64_t rows, values; /* of a row group */
    int more_groups;      /* row groups beside the first: all of the same bytes */
    int64_t uncompressed; /* claimed by the chunk; 0 = its size */
    const struct raw_page *pages;
    int n_pages;
    const struct raw_stats *stats; /* NULL = none */
    int orders;                    /* member of the ColumnOrder union; 0 = no column_orders */
    int encoding_stats;            /* says that all data pages are dictionary-encoded */
    const void *column_index;      /* of one page; NULL = none */
    size_t n_column_index;
};

/* out: initialised here, released by the caller. */
void raw_parquet(struct tarn_buf *out, const struct raw_file *f);
/* A ColumnIndex of one page with these bounds. */
void raw_column_index(struct tarn_buf *out, const void *min, const void *max, size_t n);
/* The Statistics of a ColumnMetaData. */
void raw_statistics(struct tarn_tw *t, const struct raw_stats *s);
/* `n` as a run of the RLE hybrid: the value in `width` bits. */
void raw_run(struct tarn_buf *out, uint64_t n, unsigned width, uint32_t value);

#endif
