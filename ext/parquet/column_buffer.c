/* column_buffer.c: collecting values; the hot path of every insert.
**
** Invariants: in dictionary form codes has n entries, otherwise values has them; marks has one
** entry per page that a put or close has passed the end of. The caller keeps rows below 2^31.
*/
#include "column_buffer.h"

#include "bloom_write.h"
#include "mem.h"

/* A dictionary with more entries than three quarters of this many values is given up early; where
** that happened, the next row group asks sooner. */
enum { TRY_ROWS = 16384, LEAST_TRY_ROWS = 2048 };

void tarn_colbuf_init(struct tarn_colbuf *c, const struct tarn_column_spec *spec,
                      uint32_t page_rows, uint32_t row_group_rows, uint64_t row_group_bytes) {
    static const uint32_t widths[] = {[TARN_BOOLEAN] = 1,
                                      [TARN_INT32] = 4,
                                      [TARN_INT64] = 8,
                                      [TARN_FLOAT] = 4,
                                      [TARN_DOUBLE] = 8};
    size_t max = row_group_bytes < SIZE_MAX / 4 ? (size_t)row_group_bytes : SIZE_MAX / 4;

    memset(c, 0, sizeof *c);
    c->spec = *spec;
    c->order = tarn_order_of(spec->physical, &spec->logical);
    if (spec->physical == TARN_FIXED) {
        c->fixed = spec->fixed_len;
        if (c->fixed > TARN_STATS_MAX) c->order = TARN_ORDER_NONE;
    } else if (spec->physical != TARN_BYTE_ARRAY) {
        c->fixed = widths[spec->physical];
    }
    if (spec->physical == TARN_BOOLEAN)
        c->spec.flags &= ~(unsigned)(TARN_COL_DICT | TARN_COL_DELTA);
    if (!tarn_bloom_fits(spec->physical, &spec->logical))
        c->spec.flags &= ~(unsigned)TARN_COL_BLOOM;
    c->page_rows = c->next_mark = page_rows;
    c->try_rows = TRY_ROWS;
    tarn_dict_init(&c->dict, c->fixed, row_group_rows / 2 + 1);
    tarn_buf_init(&c->codes, SIZE_MAX / 2);
    /* One value may stand beyond the bytes at which a row group ends. */
    tarn_buf_init(&c->values, 2 * max + (size_t)UINT32_MAX);
    tarn_buf_init(&c->present, SIZE_MAX / 2);
    tarn_buf_init(&c->marks, SIZE_MAX / 2);
    c->use_dict = (c->spec.flags & TARN_COL_DICT) != 0;
}

void tarn_colbuf_release(struct tarn_colbuf *c) {
    tarn_dict_release(&c->dict);
    tarn_buf_release(&c->codes);
    tarn_buf_release(&c->values);
    tarn_buf_release(&c->present);
    tarn_buf_release(&c->marks);
    tarn_free((void *)(uintptr_t)c->spec.name);
    c->spec.name = NULL;
}

void tarn_colbuf_clear(struct tarn_colbuf *c) {
    tarn_dict_clear(&c->dict);
    tarn_buf_clear(&c->codes);
    tarn_buf_clear(&c->values);
    tarn_buf_clear(&c->present);
    tarn_buf_clear(&c->marks);
    c->use_dict = (c->spec.flags & TARN_COL_DICT) != 0;
    c->rows = c->n = 0;
    c->next_mark = c->page_rows;
    c->raw_bytes = 0;
}

size_t tarn_colbuf_memory(const struct tarn_colbuf *c) {
    return tarn_dict_memory(&c->dict) + c->codes.cap + c->values.cap + c->present.cap +
           c->marks.cap;
}

/* Marks every page that ends at or before `row`. */
void tarn_colbuf_mark_pages(struct tarn_colbuf *c, uint32_t row) {
    struct tarn_colbuf_mark m = {c->n, c->values.len};

    while (c->next_mark <= row) {
        tarn_buf_put(&c->marks, &m, sizeof m);
        c->next_mark += c->page_rows;
    }
}

/* Room for the bits of rows up to and with `row`; new bits are zero. */
int tarn_colbuf_grow_present(struct tarn_colbuf *c, uint32_t row) {
    size_t need = (size_t)row / 8 + 1, old = c->present.len;
    size_t len = old ? old * 2 : 64;

    while (len < need)
        len *= 2;
    if (tarn_buf_reserve(&c->present, len - old)) return c->rc = c->present.rc;
    memset(c->present.data + old, 0, len - old);
    c->present.len = len;
    return TARN_OK;
}

int tarn_colbuf_give_up_dict(struct tarn_colbuf *c) {
    c->rc = c->dict.plain.rc;
    if (!c->rc) tarn_colbuf_expand(c);
    tarn_buf_clear(&c->codes);
    c->try_rows = c->try_rows > LEAST_TRY_ROWS ? c->try_rows / 2 : LEAST_TRY_ROWS;
    return -1;
}

void tarn_colbuf_close(struct tarn_colbuf *c, uint32_t rows) {
    if (c->rc || rows == 0) return;
    if (c->spec.repetition == TARN_OPTIONAL && (rows - 1) / 8 >= c->present.len &&
        tarn_colbuf_grow_present(c, rows - 1))
        return;
    tarn_colbuf_mark_pages(c, rows);
    if (rows % c->page_rows) {
        struct tarn_colbuf_mark m = {c->n, c->values.len};

        tarn_buf_put(&c->marks, &m, sizeof m);
    }
    c->rows = rows;
    c->rc = c->marks.rc;
}

void tarn_colbuf_expand(struct tarn_colbuf *c) {
    struct tarn_colbuf_mark *m = (struct tarn_colbuf_mark *)(void *)c->marks.data;
    const uint32_t *codes = (const uint32_t *)(const void *)c->codes.data;
    size_t n_marks = c->marks.len / sizeof *m, k = 0;

    c->use_dict = 0;
    if (tarn_buf_reserve(&c->values, c->raw_bytes)) {
        c->rc = c->values.rc;
        return;
    }
    for (uint32_t i = 0; i < c->n; i++) {
        size_t len;
        const uint8_t *v = tarn_dict_entry(&c->dict, codes[i], &len);

        while (k < n_marks && m[k].n == i)
            m[k++].raw_end = c->values.len;
        tarn_colbuf_put_raw(c, v, len);
    }
    while (k < n_marks)
        m[k++].raw_end = c->values.len;
}

/* Values in order? Only neighbours with different codes are compared in dictionary form. */
static int values_sorted(const struct tarn_colbuf *c, int descending) {
    const uint32_t *codes = (const uint32_t *)(const void *)c->codes.data;
    const uint8_t *p = c->values.data, *prev = NULL, *v;
    size_t prev_len = 0, len = c->fixed;

    for (uint32_t i = 0; i < c->n; i++) {
        int order;

        if (c->use_dict) {
            if (i > 0 && codes[i] == codes[i - 1]) continue;
            v = tarn_dict_entry(&c->dict, codes[i], &len);
        } else {
            v = p;
            if (!c->fixed) {
                uint32_t n;

                memcpy(&n, p, 4);
                len = n;
                v = p + 4;
            }
            p = v + len;
        }
        order = prev ? tarn_order_compare(c->order, prev, prev_len, v, len) : 0;
        if (descending ? order < 0 : order > 0) return 0;
        prev = v;
        prev_len = len;
    }
    return 1;
}

int tarn_colbuf_sorted(const struct tarn_colbuf *c, int descending, int *nulls_first) {
    uint32_t nulls = c->rows - c->n, first = 0, last = c->rows;

    *nulls_first = 0;
    if (c->order == TARN_ORDER_NONE) return 0;
    if (nulls > 0 && c->n > 0) {
        const uint8_t *bits = c->present.data;

        while (!(bits[first / 8] >> first % 8 & 1))
            first++;
        while (!(bits[(last - 1) / 8] >> (last - 1) % 8 & 1))
            last--;
        if (last - first != c->n || (first > 0 && last < c->rows)) return 0;
        *nulls_first = first > 0;
    }
    return values_sorted(c, descending);
}
