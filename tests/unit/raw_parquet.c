/* raw_parquet.c: see raw_parquet.h.
**
**   PAR1 | [ header | body ] ... | OffsetIndex | ColumnIndex | footer | its length | PAR1
*/
#include "raw_parquet.h"

#include <stdlib.h>
#include <string.h>

struct places {
    uint64_t first_page, data_page, end; /* of the chunk */
    uint64_t offsets, n_offsets, columns, n_columns;
    uint64_t last_size; /* of the last page with its header */
};

static void page(struct tarn_buf *out, const struct raw_page *p) {
    struct tarn_tw t;

    tarn_tw_init(&t, out);
    tarn_tw_i32(&t, 1, p->type);
    tarn_tw_i32(&t, 2, (int32_t)(p->uncompressed ? p->uncompressed : (int64_t)p->n));
    tarn_tw_i32(&t, 3, (int32_t)p->n);
    tarn_tw_struct(&t, p->type == TARN_DICTIONARY_PAGE ? 7 : 5);
    tarn_tw_i32(&t, 1, (int32_t)p->values);
    tarn_tw_i32(&t, 2, p->encoding);
    if (p->type == TARN_DATA_PAGE) {
        tarn_tw_i32(&t, 3, TARN_RLE);
        tarn_tw_i32(&t, 4, TARN_RLE);
    }
    tarn_tw_end(&t);
    tarn_tw_end(&t);
    tarn_buf_put(out, p->body, p->n);
}

void raw_statistics(struct tarn_tw *t, const struct raw_stats *s) {
    tarn_tw_struct(t, 12);
    if (s->old_max) tarn_tw_bin(t, 1, s->old_max, s->n);
    if (s->old_min) tarn_tw_bin(t, 2, s->old_min, s->n);
    if (s->nulls >= 0) tarn_tw_i64(t, 3, s->nulls);
    if (s->max) tarn_tw_bin(t, 5, s->max, s->n);
    if (s->min) tarn_tw_bin(t, 6, s->min, s->n);
    tarn_tw_end(t);
}

static void meta(struct tarn_tw *t, const struct raw_file *f, const struct places *at) {
    tarn_tw_struct(t, 3);
    tarn_tw_i32(t, 1, f->physical);
    tarn_tw_list(t, 2, TARN_TW_I32, (size_t)f->n_pages);
    for (int i = 0; i < f->n_pages; i++)
        tarn_tw_elem_i32(t, f->pages[i].encoding);
    tarn_tw_list(t, 3, TARN_TW_BINARY, 1);
    tarn_tw_elem_bin(t, "c", 1);
    tarn_tw_i32(t, 4, f->codec);
    tarn_tw_i64(t, 5, f->values);
    tarn_tw_i64(t, 6, f->uncompressed ? f->uncompressed : (int64_t)(at->end - at->first_page));
    tarn_tw_i64(t, 7, (int64_t)(at->end - at->first_page));
    tarn_tw_i64(t, 9, (int64_t)at->data_page);
    if (at->data_page > at->first_page) tarn_tw_i64(t, 11, (int64_t)at->first_page);
    if (f->stats) raw_statistics(t, f->stats);
    if (f->encoding_stats) {
        tarn_tw_list(t, 13, TARN_TW_STRUCT, 1);
        tarn_tw_elem_struct(t);
        tarn_tw_i32(t, 1, TARN_DATA_PAGE);
        tarn_tw_i32(t, 2, TARN_RLE_DICTIONARY);
        tarn_tw_i32(t, 3, 1);
        tarn_tw_end(t);
    }
    tarn_tw_end(t);
}

static void row_group(struct tarn_tw *t, const struct raw_file *f, const struct places *at) {
    tarn_tw_elem_struct(t);
    tarn_tw_list(t, 1, TARN_TW_STRUCT, 1);
    tarn_tw_elem_struct(t);
    tarn_tw_i64(t, 2, 0);
    meta(t, f, at);
    if (at->n_columns) {
        tarn_tw_i64(t, 4, (int64_t)at->offsets);
        tarn_tw_i32(t, 5, (int32_t)at->n_offsets);
        tarn_tw_i64(t, 6, (int64_t)at->columns);
        tarn_tw_i32(t, 7, (int32_t)at->n_columns);
    }
    tarn_tw_end(t);
    tarn_tw_i64(t, 2, f->uncompressed ? f->uncompressed : 1);
    tarn_tw_i64(t, 3, f->rows);
    tarn_tw_end(t);
}

static void footer(struct tarn_tw *t, const struct raw_file *f, const struct places *at) {
    tarn_tw_i32(t, 1, 1);
    tarn_tw_list(t, 2, TARN_TW_STRUCT, 2);
    tarn_tw_elem_struct(t);
    tarn_tw_str(t, 4, "root");
    tarn_tw_i32(t, 5, 1);
    tarn_tw_end(t);
    tarn_tw_elem_struct(t);
    tarn_tw_i32(t, 1, f->physical);
    if (f->fixed_len) tarn_tw_i32(t, 2, f->fixed_len);
    tarn_tw_i32(t, 3, f->repetition);
    tarn_tw_str(t, 4, "c");
    if (f->converted) tarn_tw_i32(t, 6, f->converted);
    tarn_tw_end(t);
    tarn_tw_i64(t, 3, f->rows * (1 + f->more_groups));
    tarn_tw_list(t, 4, TARN_TW_STRUCT, (size_t)(1 + f->more_groups));
    for (int g = 0; g <= f->more_groups; g++)
        row_group(t, f, at);
    if (f->orders) {
        tarn_tw_list(t, 7, TARN_TW_STRUCT, 1);
        tarn_tw_elem_struct(t);
        tarn_tw_empty(t, (int16_t)f->orders);
        tarn_tw_end(t);
    }
    tarn_tw_end(t);
}

/* An OffsetIndex of one page, the last of the chunk, and the ColumnIndex behind it. */
static void indexes(struct tarn_buf *out, const struct raw_file *f, struct places *at) {
    struct tarn_tw t;

    at->offsets = out->len;
    tarn_tw_init(&t, out);
    tarn_tw_list(&t, 1, TARN_TW_STRUCT, 1);
    tarn_tw_elem_struct(&t);
    tarn_tw_i64(&t, 1, (int64_t)(at->end - at->last_size));
    tarn_tw_i32(&t, 2, (int32_t)at->last_size);
    tarn_tw_i64(&t, 3, 0);
    tarn_tw_end(&t);
    tarn_tw_end(&t);
    at->n_offsets = out->len - at->offsets;
    at->columns = out->len;
    at->n_columns = f->n_column_index;
    tarn_buf_put(out, f->column_index, f->n_column_index);
}

void raw_parquet(struct tarn_buf *out, const struct raw_file *f) {
    struct places at;
    struct tarn_tw t;
    size_t start = 0;

    memset(&at, 0, sizeof at);
    tarn_buf_init(out, (size_t)64 << 20);
    tarn_buf_puts(out, "PAR1");
    at.first_page = at.data_page = 4;
    for (int i = 0; i < f->n_pages; i++) {
        size_t from = out->len;
        page(out, &f->pages[i]);
        if (f->pages[i].type == TARN_DICTIONARY_PAGE) at.data_page = out->len;
        at.last_size = out->len - from;
    }
    at.end = out->len;
    if (f->column_index) indexes(out, f, &at);
    start = out->len;
    tarn_tw_init(&t, out);
    footer(&t, f, &at);
    tarn_buf_le32(out, (uint32_t)(out->len - start));
    tarn_buf_puts(out, "PAR1");
    if (out->rc) abort();
}

void raw_column_index(struct tarn_buf *out, const void *min, const void *max, size_t n) {
    struct tarn_tw t;

    tarn_buf_init(out, 4096);
    tarn_tw_init(&t, out);
    tarn_tw_list(&t, 1, TARN_TW_TRUE, 1);
    tarn_tw_elem_bool(&t, 0);
    tarn_tw_list(&t, 2, TARN_TW_BINARY, 1);
    tarn_tw_elem_bin(&t, min, n);
    tarn_tw_list(&t, 3, TARN_TW_BINARY, 1);
    tarn_tw_elem_bin(&t, max, n);
    tarn_tw_i32(&t, 4, 0);
    tarn_tw_end(&t);
    if (out->rc) abort();
}

void raw_run(struct tarn_buf *out, uint64_t n, unsigned width, uint32_t value) {
    tarn_buf_varint(out, n << 1);
    for (unsigned i = 0; i < (width + 7) / 8; i++)
        tarn_buf_u8(out, (uint8_t)(value >> (8 * i)));
}
