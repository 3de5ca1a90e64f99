/* chunk_read.h: a cursor over one column chunk: rows [first, first + n), or a selection of them.
**
** Reading forward costs each page one decode; going back re-reads from the page's beginning when
** there is an OffsetIndex, else from the chunk's. Pages without a selected row are not
** decompressed, and with an OffsetIndex not even read. An OffsetIndex that a page header
** contradicts is dropped and the chunk is walked from its beginning instead.
** Flat leaves only (max_rep 0); a repeated one is TARN_EUNSUPPORTED and named: see leaf_read.h.
*/
#ifndef TARN_CHUNK_READ_H
#define TARN_CHUNK_READ_H

#include "decode_values.h"
#include "filescan.h"
#include "page_index_read.h"
#include "page_read.h"

struct tarn_chunk_reader {
    const struct tarn_source *src; /* borrowed, as all pointers up to `counters` */
    const struct tarn_pq_column *col;
    const struct tarn_pq_chunk *chunk;
    const struct tarn_page_index *index; /* NULL = none */
    struct tarn_decompressor *codec;
    struct tarn_pq_counters *counters;
    int row_group;
    uint32_t rows;
    uint32_t read_on; /* row after the last one read: reading on from there reads ahead */
    struct tarn_window win;

    struct tarn_pagebuf *dict; /* values of the dictionary; its parent holds their bytes */
    uint32_t dict_n;
    uint8_t dict_sought;

    uint8_t have_page; /* `head` is of the page at page_at, which begins at row page_first */
    uint8_t loaded;    /* page, levels and values are set up, `pos` rows of it consumed */
    uint64_t page_at;
    uint32_t page_first;
    uint32_t pos;
    struct tarn_page_header head;
    struct tarn_page page;
    struct tarn_levels levels;
    struct tarn_values_decoder values;

    uint8_t *scratch; /* reused between calls */
    size_t scratch_cap;
};

struct tarn_chunk_spec {
    const struct tarn_pq_footer *footer;
    const struct tarn_source *src;
    int row_group, column;
    const struct tarn_page_index *index;
    struct tarn_decompressor *codec;
    struct tarn_budget *budget;
    struct tarn_pq_counters *counters;
};

/* No I/O. TARN_EUNSUPPORTED for what can't be read: repeated, encrypted, elsewhere, LZO. */
int tarn_chunk_open(struct tarn_chunk_reader *r, const struct tarn_chunk_spec *spec,
                    struct tarn_err *err);
/* The same for any leaf, whose pages leaf_read.c walks. */
int tarn_chunk_open_leaf(struct tarn_chunk_reader *r, const struct tarn_chunk_spec *spec,
                         struct tarn_err *err);
void tarn_chunk_release(struct tarn_chunk_reader *r);
/* Rows first + sel[0..n_sel) (increasing, < n), or all n when sel is NULL, as a dense vector.
** Arrays come from the arena; what byte values point into is added to `pages`. n must be > 0. */
int tarn_chunk_read(struct tarn_chunk_reader *r, uint32_t first, uint32_t n, const uint32_t *sel,
                    uint32_t n_sel, struct tarn_arena *arena, struct tarn_pagelist *pages,
                    struct tarn_vector *out, struct tarn_err *err);
/* The dictionary as a plain vector that lives as long as the reader; n = 0 when there is none or it
** has no entries. */
int tarn_chunk_dictionary(struct tarn_chunk_reader *r, struct tarn_vector *out,
                          struct tarn_err *err);

/* Between chunk_read.c, chunk_decode.c and leaf_read.c. */
int tarn_chunk_fail(const struct tarn_chunk_reader *r, int code, const char *why,
                    struct tarn_err *err);
int tarn_chunk_goto(struct tarn_chunk_reader *r, uint32_t row, struct tarn_err *err);
int tarn_chunk_load(struct tarn_chunk_reader *r, struct tarn_err *err);
int tarn_chunk_seek_in_page(struct tarn_chunk_reader *r, uint32_t row, struct tarn_err *err);
int tarn_chunk_need_dictionary(struct tarn_chunk_reader *r, struct tarn_err *err);
/* The header at `at`, which becomes page_at: failures are reported there. */
int tarn_chunk_header(struct tarn_chunk_reader *r, uint64_t at, struct tarn_page_header *h,
                      struct tarn_err *err);
/* The bytes of the page of r->head at page_at, and the dictionary if its encoding needs one. */
int tarn_chunk_body(struct tarn_chunk_reader *r, struct tarn_err *err);

#endif
