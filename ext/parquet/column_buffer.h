/* column_buffer.h: the values of one column in the row group being collected.
**
** NULLs cost nothing when they happen: a column learns how many rows passed when its next value, or
** the end of the row group, comes. Values are kept once, in one of two forms:
**
**   dictionary   codes[n] -> dict          while a dictionary is tried (TARN_COL_DICT)
**   raw          values, PLAIN             otherwise, and after the dictionary was given up
**                                          (booleans as one byte each)
**
** `present` has one bit per row (OPTIONAL columns); `marks` says how far the values had come at the
** end of each full page. Errors are sticky, in `rc`.
*/
#ifndef TARN_COLUMN_BUFFER_H
#define TARN_COLUMN_BUFFER_H

#include "encode_dict.h"
#include "stats_write.h"
#include "writer.h"

struct tarn_colbuf_mark {
    uint32_t n;     /* values so far */
    size_t raw_end; /* end of the page's last value in `values` */
};

struct tarn_colbuf { /* what every put touches comes first */
    int rc;
    int use_dict;       /* dictionary form */
    uint32_t rows;      /* rows known of: values and the NULLs before them */
    uint32_t n;         /* values */
    uint32_t next_mark; /* row at which the current page ends */
    uint32_t fixed;     /* bytes of a PLAIN value; 0 = BYTE_ARRAY; booleans: 1, as held here */
    size_t raw_bytes;   /* of the values, PLAIN */
    uint32_t try_rows;  /* values after which a dictionary must have proved itself */
    uint32_t page_rows;
    struct tarn_buf present;
    struct tarn_column_spec spec; /* name owned; codec and flags resolved */
    enum tarn_order order;
    struct tarn_buf codes; /* uint32_t per value */
    struct tarn_buf values;
    struct tarn_dict dict;
    struct tarn_buf marks; /* struct tarn_colbuf_mark */
};

void tarn_colbuf_init(struct tarn_colbuf *c, const struct tarn_column_spec *spec,
                      uint32_t page_rows, uint32_t row_group_rows, uint64_t row_group_bytes);
void tarn_colbuf_release(struct tarn_colbuf *c);
void tarn_colbuf_clear(struct tarn_colbuf *c); /* for the next row group; keeps the memory */
size_t tarn_colbuf_memory(const struct tarn_colbuf *c);

/* The value of row `row` (>= rows): n bytes, PLAIN without a length. */
void tarn_colbuf_put(struct tarn_colbuf *c, uint32_t row, const void *p, size_t n);
/* The row group ends at `rows`: closes the last page and accounts for NULLs. */
void tarn_colbuf_close(struct tarn_colbuf *c, uint32_t rows);
/* From codes to raw. Codes and dictionary stay: setting use_dict again takes it back, as long as
** nothing was put since. */
void tarn_colbuf_expand(struct tarn_colbuf *c);
/* 1 when the rows are in order; NULLs must all come first or all last (*nulls_first says). */
int tarn_colbuf_sorted(const struct tarn_colbuf *c, int descending, int *nulls_first);

#endif
