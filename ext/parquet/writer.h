/* writer.h: writes Parquet files with flat schemas (DESIGN section 3).
**
** A writer is a handle: open, begin a row, put the columns that are not NULL, end the row …,
** finish. Errors are sticky: after the first, every put is a no-op and finish reports it. Rows are
** collected column by column until the row group is full; memory held is about that of one row
** group. The bytes go to a sink in file order, and never back.
**
**   struct tarn_pq_writer *w = NULL;
**   rc = tarn_pq_writer_open(&w, &spec, &sink, err);
**   for each row: tarn_pq_put_i64(w, 0, ts); tarn_pq_put_bytes(w, 1, s, n); tarn_pq_end_row(w);
**   rc = tarn_pq_writer_finish(w, err);
**   tarn_pq_writer_free(w);
**
** What comes out: PAR1; row groups of at most `row_group_rows`; per chunk a dictionary for all its
** pages or for none (kept only when it makes the chunk smaller); data pages V1 cut at the same
** multiples of `page_rows` in every column; page CRCs; page-header statistics on columns that ask
** for it; chunk statistics min_value/max_value with is_min/max_value_exact, null_count,
** encoding_stats; bloom filters (split block, XXH64) after the row groups; ColumnIndex and
** OffsetIndex; column_orders; sorting_columns when the rows of a group proved to be in that order
** (checked, not believed); footer version 1; ConvertedType beside LogicalType; created_by
** `tarn version X.Y.Z (build …)`.
** Min/max of text longer than 64 bytes are cut: min to a prefix, max to a prefix whose last
** byte(s) are incremented to stay valid UTF-8 and above; the exactness flags say so. A max that
** can't be raised is left out. NaN: left out of min/max, and where there is one, no max at all
** (some engines sort NaN last); -0.0/+0.0 widened as the format says. Bloom filters on numbers,
** text and UUIDs; the flag is ignored on booleans and bare bytes.
*/
#ifndef TARN_WRITER_H
#define TARN_WRITER_H

#include "err.h"
#include "format.h"
#include "source.h"

enum tarn_column_flags {
    TARN_COL_STATS = 1,      /* chunk statistics and ColumnIndex min/max */
    TARN_COL_PAGE_STATS = 2, /* also in each page header */
    TARN_COL_DICT = 4,       /* try a dictionary */
    TARN_COL_BLOOM = 8,      /* write a bloom filter (1 % false positives) */
    TARN_COL_DELTA = 16      /* DELTA_BINARY_PACKED for integers; DELTA_BYTE_ARRAY for bytes */
};

struct tarn_column_spec {
    const char *name;
    enum tarn_physical physical;
    struct tarn_logical_type logical;
    enum tarn_repetition repetition; /* REQUIRED or OPTIONAL */
    unsigned flags;                  /* enum tarn_column_flags */
    int codec;                       /* enum tarn_codec, or -1 = the file's */
    uint32_t fixed_len;              /* for FIXED */
};

struct tarn_pq_writer_spec {
    const struct tarn_column_spec *columns;
    int n_columns;
    enum tarn_codec codec;    /* UNCOMPRESSED, SNAPPY, GZIP, ZSTD, LZ4_RAW, BROTLI is refused */
    int codec_level;          /* 0 = the codec's default */
    uint32_t row_group_rows;  /* 0 = 122,880 */
    uint64_t row_group_bytes; /* cut earlier when the raw values exceed this; 0 = 64 MiB */
    uint32_t page_rows;       /* 0 = 2,048 */
    int sort_column;          /* claim sorting_columns for it if true; -1 = none */
    int sort_descending;
    int background; /* 1: a full row group is encoded and written by a thread while the next one is
                    ** collected: memory of two, and the sink is called from that thread */
};

struct tarn_pq_writer;

/* Writes nothing yet. The spec and its columns are copied; the sink's ctx is borrowed until free. */
int tarn_pq_writer_open(struct tarn_pq_writer **out, const struct tarn_pq_writer_spec *spec,
                        const struct tarn_sink *sink, struct tarn_err *err);
/* Values of the current row; a column not put is NULL (an error at end_row when REQUIRED). The
** physical type must be the column's. Bytes are copied. */
void tarn_pq_put_bool(struct tarn_pq_writer *w, int column, int v);
void tarn_pq_put_i32(struct tarn_pq_writer *w, int column, int32_t v);
void tarn_pq_put_i64(struct tarn_pq_writer *w, int column, int64_t v);
void tarn_pq_put_f32(struct tarn_pq_writer *w, int column, float v);
void tarn_pq_put_f64(struct tarn_pq_writer *w, int column, double v);
void tarn_pq_put_bytes(struct tarn_pq_writer *w, int column, const void *p, size_t n);
int tarn_pq_end_row(struct tarn_pq_writer *w);                  /* returns the sticky rc */
uint64_t tarn_pq_writer_rows(const struct tarn_pq_writer *w);   /* ended rows */
uint64_t tarn_pq_writer_bytes(const struct tarn_pq_writer *w);  /* bytes sent to the sink */
size_t tarn_pq_writer_buffered(const struct tarn_pq_writer *w); /* memory held, roughly */
/* Footer key/value metadata; replaces an earlier value of the same key. Any time before finish. */
void tarn_pq_writer_meta(struct tarn_pq_writer *w, const char *key, const char *value);
/* Ends the row group now (no-op when empty). With `background` its errors may come later. */
int tarn_pq_writer_flush(struct tarn_pq_writer *w);
/* Last row group, blooms, indexes, footer. A file with no rows is a valid file. */
int tarn_pq_writer_finish(struct tarn_pq_writer *w, struct tarn_err *err);
void tarn_pq_writer_free(struct tarn_pq_writer *w); /* NULL is fine; without finish: abandoned */

#endif
