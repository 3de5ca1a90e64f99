/* chunk_read.c: finds, loads and positions the page that holds a row.
**
**   goto(row):  index?  -> binary search, header at the location, must agree with it
**               none    -> walk the headers from the current page (or the chunk's beginning)
**   load:       CRC, decompress, set up levels and values
**   seek:       skip levels and values up to the row
**
** Row numbers of pages are derived from counts that were checked against the row group's, so that
** no claim can lead outside. Building vectors from what is loaded is chunk_decode.c's.
*/
#include "chunk_read.h"

#include <string.h>

#include "mem.h"

int tarn_chunk_fail(const struct tarn_chunk_reader *r, int code, const char *why,
                    struct tarn_err *err) {
    return tarn_err_set(err, code, "%s: row group %d, column %.60s, page at offset %llu: %s%s",
                        r->src->name, r->row_group, r->col->path, (unsigned long long)r->page_at,
                        why ? why : "damaged",
                        code == TARN_ECORRUPT ? ": the file is damaged" : "");
}

static const char *unreadable(const struct tarn_pq_chunk *c) {
    if (c->elsewhere) return "the column's pages are in another file";
    switch (c->codec) {
    case TARN_UNCOMPRESSED:
    case TARN_SNAPPY:
    case TARN_GZIP:
    case TARN_BROTLI:
    case TARN_LZ4:
    case TARN_ZSTD:
    case TARN_LZ4_RAW: return NULL;
    default: return "its codec is not read; rewrite the file with ZSTD, SNAPPY, GZIP or LZ4_RAW";
    }
}

/* parquet-mr before 1.2.9 left the dictionary page's header out of the chunk's size. */
static uint64_t missing_bytes(const struct tarn_pq_footer *f, uint64_t end) {
    const char *by = f->created_by;
    uint64_t left = f->file_size - end;
    if (!by || strncmp(by, "parquet-mr", 10) != 0) return 0;
    if (by[10] != '\0' && strncmp(by + 10, " version 1.0", 12) != 0 &&
        strncmp(by + 10, " version 1.1.", 13) != 0 && strncmp(by + 10, " version 1.2.", 13) != 0)
        return 0;
    return left < 100 ? left : 100;
}

int tarn_chunk_open_leaf(struct tarn_chunk_reader *r, const struct tarn_chunk_spec *spec,
                         struct tarn_err *err) {
    const struct tarn_pq_row_group *g = &spec->footer->row_groups[spec->row_group];
    const char *why = NULL;
    memset(r, 0, sizeof *r);
    r->src = spec->src;
    r->col = &spec->footer->columns[spec->column];
    r->chunk = &g->chunks[spec->column];
    r->index = spec->index && spec->index->n > 0 ? spec->index : NULL;
    r->codec = spec->codec;
    r->counters = spec->counters;
    r->row_group = spec->row_group;
    r->rows = (uint32_t)g->rows;
    r->read_on = UINT32_MAX;
    r->page_at = r->chunk->offset;
    r->win.src = spec->src;
    r->win.begin = r->chunk->offset;
    r->win.end = r->chunk->offset + r->chunk->size;
    r->win.end += missing_bytes(spec->footer, r->win.end);
    r->win.want_end = r->win.end;
    r->win.budget = spec->budget;
    r->win.bytes_read = &spec->counters->bytes_read;
    r->win.crypt = r->chunk->crypt;
    if (r->chunk->encrypted)
        return tarn_crypt_locked(r->chunk->crypt, r->src->name, r->col->path, err);
    why = unreadable(r->chunk);
    if (why) return tarn_chunk_fail(r, TARN_EUNSUPPORTED, why, err);
    if (r->col->max_rep == 0 && r->chunk->n_values != g->rows)
        return tarn_chunk_fail(
            r, TARN_ECORRUPT, "the column has another number of values than the row group has rows",
            err);
    return TARN_OK;
}

int tarn_chunk_open(struct tarn_chunk_reader *r, const struct tarn_chunk_spec *spec,
                    struct tarn_err *err) {
    int rc = tarn_chunk_open_leaf(r, spec, err);
    if (!rc && r->col->max_rep > 0)
        rc = tarn_chunk_fail(r, TARN_EUNSUPPORTED,
                             "a repeated column; a scan reads columns that are not in lists", err);
    return rc;
}

static void drop_page(struct tarn_chunk_reader *r) {
    tarn_pagebuf_free(r->page.buf);
    memset(&r->page, 0, sizeof r->page);
    r->loaded = 0;
}

void tarn_chunk_release(struct tarn_chunk_reader *r) {
    drop_page(r);
    tarn_values_release(&r->values);
    tarn_pagebuf_free(r->dict);
    tarn_window_release(&r->win);
    tarn_free(r->scratch);
    r->dict = NULL;
    r->scratch = NULL;
    r->scratch_cap = 0;
}

static int is_data(int type) {
    return type == TARN_DATA_PAGE || type == TARN_DATA_PAGE_V2;
}

int tarn_chunk_header(struct tarn_chunk_reader *r, uint64_t at, struct tarn_page_header *h,
                      struct tarn_err *err) {
    const char *why = NULL;
    int rc = tarn_source_poll(r->src, err);
    if (rc) return rc;
    rc = tarn_page_header_read(&r->win, at, h, &why, err);
    r->page_at = at;
    return rc ? tarn_chunk_fail(r, rc, why, err) : TARN_OK;
}

/* The page body at r->page_at into *page; `h` is its header. */
static int read_body(struct tarn_chunk_reader *r, const struct tarn_page_header *h,
                     struct tarn_pagebuf *reuse, struct tarn_page *page, struct tarn_err *err) {
    const char *why = NULL;
    int rc = tarn_page_body_read(&r->win, r->page_at, h, r->chunk->codec, r->codec, reuse, page,
                                 &why, err);
    return rc ? tarn_chunk_fail(r, rc, why, err) : TARN_OK;
}

/* Fewest bytes that n dictionary entries take. */
static uint64_t least_bytes(const struct tarn_pq_column *col, uint64_t n) {
    switch (col->physical) {
    case TARN_BOOLEAN: return (n + 7) / 8;
    case TARN_INT32:
    case TARN_FLOAT:
    case TARN_BYTE_ARRAY: return n * 4;
    case TARN_INT64:
    case TARN_DOUBLE: return n * 8;
    case TARN_INT96: return n * 12;
    default: return n * col->fixed_len;
    }
}

static int load_dictionary(struct tarn_chunk_reader *r, const struct tarn_page_header *h,
                           struct tarn_err *err) {
    struct tarn_values_decoder d;
    struct tarn_page page;
    struct tarn_pagebuf *values = NULL;
    const char *why = "the dictionary's encoding is not PLAIN";
    size_t size = tarn_physical_size(r->col->physical), n = h->values ? h->values : 1;
    int rc = TARN_OK;
    memset(&d, 0, sizeof d);
    if (h->encoding != TARN_PLAIN && h->encoding != TARN_PLAIN_DICTIONARY)
        return tarn_chunk_fail(r, TARN_EUNSUPPORTED, why, err);
    rc = read_body(r, h, NULL, &page, err);
    if (rc) return rc;
    why = "the dictionary claims more entries than its bytes hold";
    if (least_bytes(r->col, h->values) > page.body.len)
        rc = tarn_chunk_fail(r, TARN_ECORRUPT, why, err);
    if (!rc)
        rc = tarn_pagebuf_new(&values, n * size, r->win.budget, "a dictionary", r->src->name, err);
    if (rc) goto out;
    memset(values->data, 0, size);
    rc = tarn_values_init(&d, r->col->physical, r->col->fixed_len, TARN_PLAIN, page.body, &why);
    if (!rc) rc = tarn_values_read(&d, values->data, h->values, NULL, &why);
    if (rc) {
        rc = tarn_chunk_fail(r, rc, why, err);
        goto out;
    }
    values->parent = tarn_pagebuf_ref(page.buf);
    r->dict = values;
    r->dict_n = h->values;
    values = NULL;
out:
    tarn_pagebuf_free(page.buf);
    tarn_pagebuf_free(values);
    return rc;
}

int tarn_chunk_need_dictionary(struct tarn_chunk_reader *r, struct tarn_err *err) {
    struct tarn_page_header h;
    uint64_t at = r->page_at;
    int rc = TARN_OK;
    if (r->dict_sought || r->chunk->size == 0) return TARN_OK;
    rc = tarn_chunk_header(r, r->chunk->offset, &h, err);
    if (!rc && h.type == TARN_DICTIONARY_PAGE) rc = load_dictionary(r, &h, err);
    if (rc) return rc;
    r->dict_sought = 1;
    r->page_at = at;
    return TARN_OK;
}

int tarn_chunk_dictionary(struct tarn_chunk_reader *r, struct tarn_vector *out,
                          struct tarn_err *err) {
    int rc = tarn_chunk_need_dictionary(r, err);
    memset(out, 0, sizeof *out);
    out->physical = r->col->physical;
    if (rc || !r->dict) return rc;
    out->n = r->dict_n;
    out->values.any = r->dict->data;
    return TARN_OK;
}

/* The header at the index's location for `row`; 1 when the index proves wrong. */
static int goto_indexed(struct tarn_chunk_reader *r, uint32_t row, struct tarn_err *err) {
    uint32_t i = tarn_page_index_find(r->index, row);
    const struct tarn_page_loc *loc = &r->index->loc[i];
    const char *why = NULL;
    const uint8_t *bytes = NULL;
    int rc = tarn_window_need(&r->win, loc->offset, loc->size, &bytes, err);
    if (rc) return rc;
    tarn_window_seek(&r->win, loc->offset, i);
    rc = tarn_page_header_read(&r->win, loc->offset, &r->head, &why, err);
    if (rc && why == NULL) return rc;
    if (rc || !is_data(r->head.type) || r->head.size + (uint64_t)r->head.compressed != loc->size ||
        r->head.values != tarn_page_index_end(r->index, i) - loc->first) {
        r->index = NULL;
        r->win.want_end = r->win.end;
        return TARN_OK;
    }
    r->page_at = loc->offset;
    r->page_first = loc->first;
    r->have_page = 1;
    return TARN_OK;
}

static int goto_walking(struct tarn_chunk_reader *r, uint32_t row, struct tarn_err *err) {
    uint64_t at = r->chunk->offset;
    uint32_t first = 0;
    int rc = TARN_OK;
    if (r->have_page && row >= r->page_first) {
        at = r->page_at + r->head.size + r->head.compressed;
        first = r->page_first + r->head.values;
    }
    r->have_page = 0;
    for (;;) {
        if (at >= r->win.end)
            return tarn_chunk_fail(r, TARN_ECORRUPT,
                                   "the pages end before the row group's last row", err);
        rc = tarn_chunk_header(r, at, &r->head, err);
        if (rc) return rc;
        if (is_data(r->head.type)) {
            if (r->head.values > r->rows - first)
                return tarn_chunk_fail(r, TARN_ECORRUPT,
                                       "the pages hold more rows than the row group", err);
            if (row - first < r->head.values) break;
            first += r->head.values;
        }
        at += (uint64_t)r->head.size + r->head.compressed;
    }
    r->page_first = first;
    r->have_page = 1;
    return TARN_OK;
}

int tarn_chunk_goto(struct tarn_chunk_reader *r, uint32_t row, struct tarn_err *err) {
    int rc = TARN_OK;
    if (r->have_page && row >= r->page_first && row - r->page_first < r->head.values)
        return TARN_OK;
    r->loaded = 0;
    if (r->index) {
        r->have_page = 0;
        rc = goto_indexed(r, row, err);
        if (rc || r->have_page) return rc;
    }
    return goto_walking(r, row, err);
}

/* Levels and values at the beginning of the loaded page. */
static int start_page(struct tarn_chunk_reader *r, struct tarn_err *err) {
    struct tarn_slice body = r->page.body, levels = r->page.def;
    const char *why = NULL;
    int msb = r->head.def_encoding == TARN_BIT_PACKED, rc = TARN_OK;
    if (r->head.type == TARN_DATA_PAGE && r->col->max_def > 0) {
        uint64_t n = 0;
        unsigned width = 0;
        while (r->col->max_def >> width)
            width++;
        if (msb) {
            n = ((uint64_t)r->head.values * width + 7) / 8;
        } else {
            uint32_t len = 0;
            if (r->head.def_encoding != TARN_RLE)
                return tarn_chunk_fail(r, TARN_EUNSUPPORTED, "unknown encoding of levels", err);
            if (body.len < 4)
                return tarn_chunk_fail(r, TARN_ECORRUPT, "a page without levels", err);
            memcpy(&len, body.data, 4);
            body.data += 4;
            body.len -= 4;
            n = len;
        }
        if (n > body.len)
            return tarn_chunk_fail(r, TARN_ECORRUPT, "a page's levels are longer than the page",
                                   err);
        levels = (struct tarn_slice){body.data, (size_t)n};
        body.data += n;
        body.len -= (size_t)n;
    }
    tarn_levels_init(&r->levels, levels.data, levels.len, r->col->max_def,
                     msb && r->head.type == TARN_DATA_PAGE);
    rc = tarn_values_init(&r->values, r->col->physical, r->col->fixed_len, r->head.encoding, body,
                          &why);
    if (rc) return tarn_chunk_fail(r, rc, why, err);
    r->pos = 0;
    return TARN_OK;
}

int tarn_chunk_body(struct tarn_chunk_reader *r, struct tarn_err *err) {
    struct tarn_pagebuf *reuse = NULL;
    int rc = TARN_OK;
    if (r->head.encoding == TARN_RLE_DICTIONARY || r->head.encoding == TARN_PLAIN_DICTIONARY)
        rc = tarn_chunk_need_dictionary(r, err);
    if (rc) return rc;
    reuse = r->page.buf;
    r->page.buf = NULL;
    rc = read_body(r, &r->head, reuse, &r->page, err);
    if (!rc) r->counters->pages_decoded++;
    return rc;
}

int tarn_chunk_load(struct tarn_chunk_reader *r, struct tarn_err *err) {
    int rc = TARN_OK;
    if (r->loaded) return TARN_OK;
    rc = tarn_chunk_body(r, err);
    if (!rc) rc = start_page(r, err);
    if (!rc) r->loaded = 1;
    return rc;
}

int tarn_chunk_seek_in_page(struct tarn_chunk_reader *r, uint32_t row, struct tarn_err *err) {
    uint32_t to = row - r->page_first, present = 0;
    const char *why = "the levels end before the page's last row, or are above the column's";
    int rc = TARN_OK;
    if (to < r->pos) rc = start_page(r, err);
    if (rc || to == r->pos) return rc;
    if (tarn_levels_skip(&r->levels, to - r->pos, &present)) rc = TARN_ECORRUPT;
    if (!rc) rc = tarn_values_skip(&r->values, present, &why);
    if (rc) return tarn_chunk_fail(r, rc, why, err);
    r->pos = to;
    return TARN_OK;
}
