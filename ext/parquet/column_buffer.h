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

/* The row group ends at `rows`: closes the last page and accounts for NULLs. */
void tarn_colbuf_close(struct tarn_colbuf *c, uint32_t rows);
/* From codes to raw. Codes and dictionary stay: setting use_dict again takes it back, as long as
** nothing was put since. */
void tarn_colbuf_expand(struct tarn_colbuf *c);
/* 1 when the rows are in order; NULLs must all come first or all last (*nulls_first says). */
int tarn_colbuf_sorted(const struct tarn_colbuf *c, int descending, int *nulls_first);

/* The hot path of every insert; inline, so that fixed-width values are moved by their width. The
** rare turns are in column_buffer.c. */
void tarn_colbuf_mark_pages(struct tarn_colbuf *c, uint32_t row);
int tarn_colbuf_grow_present(struct tarn_colbuf *c, uint32_t row);
int tarn_colbuf_give_up_dict(struct tarn_colbuf *c); /* -1 */

static inline void tarn_colbuf_put_raw(struct tarn_colbuf *c, const void *p, size_t n) {
    struct tarn_buf *b = &c->values;
    size_t need = c->fixed ? n : n + 4;
    uint8_t *out;

    if (b->cap - b->len < need && tarn_buf_reserve(b, need)) {
        c->rc = b->rc;
        return;
    }
    out = b->data + b->len;
    if (c->fixed) {
        memcpy(out, p, n);
    } else {
        uint32_t len = (uint32_t)n;

        memcpy(out, &len, 4);
        if (n) memcpy(out + 4, p, n);
    }
    b->len += need;
}

/* 0 when the dictionary took the value. */
static inline int tarn_colbuf_put_code(struct tarn_colbuf *c, const void *p, size_t n) {
    struct tarn_buf *b = &c->codes;
    uint32_t code;

    if (b->cap - b->len < sizeof code && tarn_buf_reserve(b, sizeof code)) {
        c->rc = b->rc;
        return 0;
    }
    code = tarn_dict_add(&c->dict, p, n);
    if (code == TARN_DICT_FULL || (c->n == c->try_rows && c->dict.n > c->n / 4 * 3))
        return tarn_colbuf_give_up_dict(c);
    memcpy(b->data + b->len, &code, sizeof code);
    b->len += sizeof code;
    return 0;
}

/* The value of row `row` (>= rows): n bytes, PLAIN without a length. */
static inline void tarn_colbuf_put(struct tarn_colbuf *c, uint32_t row, const void *p, size_t n) {
    if (c->rc) return;
    if (row >= c->next_mark) tarn_colbuf_mark_pages(c, row);
    if (c->spec.repetition == TARN_OPTIONAL) {
        if (row / 8 >= c->present.len && tarn_colbuf_grow_present(c, row)) return;
        c->present.data[row / 8] = (uint8_t)(c->present.data[row / 8] | 1u << row % 8);
    }
    if (!c->use_dict || tarn_colbuf_put_code(c, p, n)) tarn_colbuf_put_raw(c, p, n);
    c->rows = row + 1;
    c->n++;
    c->raw_bytes += n + (c->fixed ? 0 : 4);
}

#endif
