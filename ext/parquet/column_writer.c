/* column_writer.c: one column chunk.
**
**   chunk = [dictionary page] data page*        page = header body
**   body  = codec( [le32 length, definition levels] values )          V1: compressed as a whole
**
** The chunk's encoding is decided before its first byte is written: dictionary if the encoded
** values with it are fewer bytes than without, else delta (by flag), else PLAIN.
*/
#include "column_writer.h"

#include <string.h>
#include <zlib.h>

#include "bloom_write.h"
#include "encode_bits.h"
#include "encode_delta.h"

enum { PENDING = 64 * 1024 };

struct page { /* one data page to be */
    uint32_t index;
    uint32_t first_row, rows;
    uint32_t first, n;   /* values */
    size_t raw, raw_len; /* in c->values */
};

void tarn_chunk_writer_init(struct tarn_chunk_writer *cw, struct tarn_pq_out *out, int level) {
    struct tarn_buf *all[] = {&cw->page,   &cw->packed, &cw->header,         &cw->lengths,
                              &cw->stamps, &cw->blooms, &cw->column_indexes, &cw->offset_indexes};

    cw->out = out;
    cw->level = level;
    tarn_compressor_init(&cw->compressor);
    tarn_page_index_init(&cw->index);
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        tarn_buf_init(all[i], SIZE_MAX / 2);
}

void tarn_chunk_writer_release(struct tarn_chunk_writer *cw) {
    struct tarn_buf *all[] = {&cw->page,   &cw->packed, &cw->header,         &cw->lengths,
                              &cw->stamps, &cw->blooms, &cw->column_indexes, &cw->offset_indexes};

    tarn_compressor_release(&cw->compressor);
    tarn_page_index_release(&cw->index);
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        tarn_buf_release(all[i]);
}

size_t tarn_chunk_writer_memory(const struct tarn_chunk_writer *cw) {
    return cw->page.cap + cw->packed.cap + cw->header.cap + cw->lengths.cap + cw->stamps.cap +
           cw->blooms.cap + cw->column_indexes.cap + cw->offset_indexes.cap +
           cw->index.entries.cap + tarn_compressor_memory(&cw->compressor);
}

void tarn_pq_out_init(struct tarn_pq_out *o, const struct tarn_sink *sink) {
    o->sink = *sink;
    o->offset = 0;
    tarn_buf_init(&o->pending, PENDING);
}

void tarn_pq_out_release(struct tarn_pq_out *o) {
    tarn_buf_release(&o->pending);
}

int tarn_pq_out_flush(struct tarn_pq_out *o, struct tarn_err *err) {
    int rc = TARN_OK;

    if (o->pending.len) rc = o->sink.write(o->sink.ctx, o->pending.data, o->pending.len, err);
    tarn_buf_clear(&o->pending);
    return rc;
}

int tarn_pq_out_put(struct tarn_pq_out *o, const void *p, size_t n, struct tarn_err *err) {
    int rc = TARN_OK;

    if (n > PENDING - o->pending.len) rc = tarn_pq_out_flush(o, err);
    if (rc) return rc;
    o->offset += n;
    if (n >= PENDING) return o->sink.write(o->sink.ctx, p, n, err);
    tarn_buf_put(&o->pending, p, n);
    return o->pending.rc
               ? tarn_err_set(err, o->pending.rc, "out of memory for %zu bytes of output", n)
               : TARN_OK;
}

static struct page page_at(const struct tarn_colbuf *c, uint32_t i) {
    const struct tarn_colbuf_mark *m = (const struct tarn_colbuf_mark *)(const void *)c->marks.data;
    struct page p;

    p.index = i;
    p.first_row = i * c->page_rows;
    p.rows = c->rows - p.first_row < c->page_rows ? c->rows - p.first_row : c->page_rows;
    p.first = i ? m[i - 1].n : 0;
    p.n = m[i].n - p.first;
    p.raw = i ? m[i - 1].raw_end : 0;
    p.raw_len = m[i].raw_end - p.raw;
    return p;
}

/* The page's PLAIN bytes; NULL when the chunk has no value at all. */
static const uint8_t *raw_of(const struct tarn_colbuf *c, const struct page *p) {
    return c->values.data ? c->values.data + p->raw : NULL;
}

static uint32_t page_count(const struct tarn_colbuf *c) {
    return (uint32_t)(c->marks.len / sizeof(struct tarn_colbuf_mark));
}

static unsigned code_width(const struct tarn_colbuf *c) {
    /* Some readers don't take width 0, which one entry would allow. */
    return c->dict.n > 1 ? tarn_enc_width(c->dict.n - 1) : 1;
}

static void encode_values(struct tarn_chunk_writer *cw, const struct tarn_colbuf *c,
                          enum tarn_encoding encoding, const struct page *p, struct tarn_buf *out) {
    const uint8_t *raw = raw_of(c, p);

    switch (encoding) {
    case TARN_RLE_DICTIONARY:
        tarn_buf_u8(out, (uint8_t)code_width(c));
        tarn_enc_rle32(out, (const uint32_t *)(const void *)c->codes.data + p->first, p->n,
                       code_width(c));
        break;
    case TARN_DELTA_BINARY_PACKED:
        if (c->fixed == 4)
            tarn_enc_delta32(out, (const int32_t *)(const void *)raw, p->n);
        else
            tarn_enc_delta64(out, (const int64_t *)(const void *)raw, p->n);
        break;
    case TARN_DELTA_BYTE_ARRAY: tarn_enc_delta_bytes(out, raw, p->n, c->fixed, &cw->lengths); break;
    default:
        if (c->spec.physical == TARN_BOOLEAN)
            tarn_enc_bools(out, raw, p->n);
        else
            tarn_buf_put(out, raw, p->raw_len);
        break;
    }
}

/* Encoded bytes of all pages' values; uses the page buffer. */
static size_t measure(struct tarn_chunk_writer *cw, const struct tarn_colbuf *c,
                      enum tarn_encoding encoding) {
    size_t total = 0;

    for (uint32_t i = 0; i < page_count(c); i++) {
        struct page p = page_at(c, i);

        tarn_buf_clear(&cw->page);
        encode_values(cw, c, encoding, &p, &cw->page);
        total += cw->page.rc ? SIZE_MAX / 4 : cw->page.len;
    }
    return total;
}

static enum tarn_encoding encoding_without_dictionary(const struct tarn_colbuf *c) {
    if (!(c->spec.flags & TARN_COL_DELTA)) return TARN_PLAIN;
    switch (c->spec.physical) {
    case TARN_INT32:
    case TARN_INT64: return TARN_DELTA_BINARY_PACKED;
    case TARN_BYTE_ARRAY:
    case TARN_FIXED: return TARN_DELTA_BYTE_ARRAY;
    default: return TARN_PLAIN;
    }
}

/* Decides, and brings the column into the form that the encoding reads. */
static enum tarn_encoding choose_encoding(struct tarn_chunk_writer *cw, struct tarn_colbuf *c) {
    enum tarn_encoding other = encoding_without_dictionary(c);
    size_t with, without, at_most;

    if (!c->use_dict) return other;
    if (c->n == 0) {
        c->use_dict = 0;
        return other;
    }
    /* Packed codes without a run, and their headers: if even that is less, no need to look. */
    at_most = c->dict.plain.len + ((size_t)c->n * code_width(c) + 7) / 8 +
              (size_t)page_count(c) * (code_width(c) + 8);
    if (other == TARN_PLAIN && at_most < c->raw_bytes) return TARN_RLE_DICTIONARY;
    with = c->dict.plain.len + measure(cw, c, TARN_RLE_DICTIONARY);
    tarn_colbuf_expand(c);
    if (c->rc) return other;
    without = other == TARN_PLAIN ? c->raw_bytes : measure(cw, c, other);
    if (with >= without) return other;
    c->use_dict = 1;
    return TARN_RLE_DICTIONARY;
}

/* Every entry of the dictionary counts once per page that uses it. */
static void bounds_of_codes(struct tarn_chunk_writer *cw, const struct tarn_colbuf *c,
                            const struct page *p, struct tarn_bounds *b) {
    const uint32_t *codes = (const uint32_t *)(const void *)c->codes.data + p->first;
    uint32_t *stamps = (uint32_t *)(void *)cw->stamps.data;

    for (uint32_t i = 0; i < p->n; i++) {
        const uint8_t *v;
        size_t len;

        if (stamps[codes[i]] == p->index + 1) continue;
        stamps[codes[i]] = p->index + 1;
        v = tarn_dict_entry(&c->dict, codes[i], &len);
        if (tarn_order_is_bytes(c->order))
            tarn_bounds_add_bytes(b, c->order, v, len);
        else
            tarn_bounds_add_numbers(b, c->order, v, 1);
    }
}

static void bounds_of_page(struct tarn_chunk_writer *cw, const struct tarn_colbuf *c,
                           const struct page *p, struct tarn_bounds *b) {
    const uint8_t *raw = raw_of(c, p);

    tarn_bounds_init(b);
    if (!(c->spec.flags & TARN_COL_STATS) || c->order == TARN_ORDER_NONE) return;
    if (c->use_dict) {
        bounds_of_codes(cw, c, p, b);
    } else if (!tarn_order_is_bytes(c->order)) {
        tarn_bounds_add_numbers(b, c->order, raw, p->n);
    } else {
        for (uint32_t i = 0; i < p->n; i++) {
            uint32_t len = c->fixed;

            if (!len) {
                memcpy(&len, raw, 4);
                raw += 4;
            }
            tarn_bounds_add_bytes(b, c->order, raw, len);
            raw += len;
        }
    }
}

static int is_text(const struct tarn_colbuf *c) {
    enum tarn_logical l = c->spec.logical.kind;

    return l == TARN_LOGICAL_STRING || l == TARN_LOGICAL_ENUM || l == TARN_LOGICAL_JSON;
}

/* Compresses `body`, writes header and body. `type` picks the header's struct; stats may be NULL.
** *size = bytes written. */
static int put_page(struct tarn_chunk_writer *cw, const struct tarn_colbuf *c, int type,
                    enum tarn_encoding encoding, uint32_t n, const struct tarn_stats *stats,
                    const struct tarn_slice *body, struct tarn_chunk_meta *m, uint32_t *size,
                    struct tarn_err *err) {
    struct tarn_slice stored = *body;
    struct tarn_tw t;
    int rc = TARN_OK;

    if (body->len > INT32_MAX)
        return tarn_err_set(err, TARN_ELIMIT,
                            "column \"%s\": a page of %u rows takes %zu bytes, more than the 2 GiB "
                            "that Parquet allows; use fewer rows per page",
                            c->spec.name, n, body->len);
    if (c->spec.codec != TARN_UNCOMPRESSED) {
        rc = tarn_compress(&cw->compressor, c->spec.codec, cw->level, body->data, body->len,
                           &cw->packed, err);
        if (rc) return rc;
        stored.data = cw->packed.data;
        stored.len = cw->packed.len;
    }
    tarn_buf_clear(&cw->header);
    tarn_tw_init(&t, &cw->header);
    tarn_tw_i32(&t, 1, type);
    tarn_tw_i32(&t, 2, (int32_t)body->len);
    tarn_tw_i32(&t, 3, (int32_t)stored.len);
    tarn_tw_i32(&t, 4, (int32_t)crc32(crc32(0, NULL, 0), stored.data, (uInt)stored.len));
    tarn_tw_struct(&t, type == TARN_DICTIONARY_PAGE ? 7 : 5);
    tarn_tw_i32(&t, 1, (int32_t)n);
    tarn_tw_i32(&t, 2, (int32_t)encoding);
    if (type == TARN_DATA_PAGE) {
        tarn_tw_i32(&t, 3, TARN_RLE);
        tarn_tw_i32(&t, 4, TARN_RLE);
        if (stats) tarn_stats_write(&t, 5, stats);
    }
    tarn_tw_end(&t);
    tarn_tw_end(&t);
    if (cw->header.rc || cw->header.len + stored.len > INT32_MAX)
        return tarn_err_set(err, cw->header.rc ? cw->header.rc : TARN_ELIMIT,
                            "column \"%s\": no room for the header of a page of %zu bytes",
                            c->spec.name, stored.len);
    rc = tarn_pq_out_put(cw->out, cw->header.data, cw->header.len, err);
    if (!rc) rc = tarn_pq_out_put(cw->out, stored.data, stored.len, err);
    *size = (uint32_t)(cw->header.len + stored.len);
    m->compressed += *size;
    m->uncompressed += cw->header.len + body->len;
    return rc;
}

/* Levels and values of one page, in the page buffer or, where they are there as they must be
** written, in place. */
static struct tarn_slice page_body(struct tarn_chunk_writer *cw, const struct tarn_colbuf *c,
                                   enum tarn_encoding encoding, const struct page *p) {
    struct tarn_buf *b = &cw->page;
    int optional = c->spec.repetition == TARN_OPTIONAL;

    tarn_buf_clear(b);
    if (!optional && encoding == TARN_PLAIN && c->spec.physical != TARN_BOOLEAN)
        return (struct tarn_slice){raw_of(c, p), p->raw_len};
    if (optional) {
        uint32_t len;

        tarn_buf_le32(b, 0);
        if (p->n == p->rows || p->n == 0) {
            tarn_buf_varint(b, (uint64_t)p->rows << 1);
            tarn_buf_u8(b, p->n > 0);
        } else {
            tarn_enc_rle_bitmap(b, c->present.data, p->first_row, p->rows);
        }
        len = (uint32_t)b->len - 4;
        if (!b->rc) memcpy(b->data, &len, 4);
    }
    encode_values(cw, c, encoding, p, b);
    return (struct tarn_slice){b->data, b->len};
}

static int put_data_pages(struct tarn_chunk_writer *cw, const struct tarn_colbuf *c,
                          struct tarn_chunk_meta *m, struct tarn_bounds *chunk,
                          struct tarn_err *err) {
    int rc = TARN_OK;

    for (uint32_t i = 0; i < m->n_pages && !rc; i++) {
        struct page p = page_at(c, i);
        struct tarn_page_entry e;
        struct tarn_bounds b;
        struct tarn_slice body = page_body(cw, c, m->encoding, &p);

        if (cw->page.rc)
            return tarn_err_set(err, cw->page.rc, "column \"%s\": no memory for a page of %u rows",
                                c->spec.name, p.rows);
        bounds_of_page(cw, c, &p, &b);
        memset(&e, 0, sizeof e);
        tarn_stats_set(&e.stats, &b, c->order, is_text(c));
        e.stats.nulls = p.rows - p.n;
        e.stats.distinct = -1;
        tarn_bounds_merge(chunk, c->order, &b);
        e.offset = cw->out->offset;
        e.values = p.rows;
        e.first_row = p.first_row;
        rc =
            put_page(cw, c, TARN_DATA_PAGE, m->encoding, p.rows,
                     c->spec.flags & TARN_COL_PAGE_STATS ? &e.stats : NULL, &body, m, &e.size, err);
        tarn_page_index_add(&cw->index, &e);
    }
    return rc;
}

/* What stands after the row groups. */
static int keep_indexes(struct tarn_chunk_writer *cw, const struct tarn_colbuf *c,
                        struct tarn_chunk_meta *m, struct tarn_err *err) {
    int rc = TARN_OK;

    m->bloom_at = cw->blooms.len;
    m->column_index_at = cw->column_indexes.len;
    m->offset_index_at = cw->offset_indexes.len;
    if (c->spec.flags & TARN_COL_BLOOM)
        m->bloom_len = (uint32_t)tarn_bloom_write(&cw->blooms, c->spec.physical,
                                                  c->use_dict ? c->dict.plain.data : c->values.data,
                                                  c->use_dict ? c->dict.n : c->n, c->fixed);
    if (c->spec.flags & TARN_COL_STATS)
        m->column_index_len =
            (uint32_t)tarn_page_index_columns(&cw->index, c->order, &cw->column_indexes);
    m->offset_index_len = (uint32_t)tarn_page_index_offsets(&cw->index, &cw->offset_indexes);
    rc = cw->blooms.rc ? cw->blooms.rc : cw->column_indexes.rc;
    rc = rc ? rc : cw->offset_indexes.rc;
    return rc ? tarn_err_set(err, rc, "column \"%s\": no memory for its indexes", c->spec.name)
              : rc;
}

int tarn_chunk_write(struct tarn_chunk_writer *cw, struct tarn_colbuf *c, struct tarn_chunk_meta *m,
                     struct tarn_err *err) {
    struct tarn_bounds bounds;
    uint32_t size;
    int rc = TARN_OK;

    memset(m, 0, sizeof *m);
    tarn_bounds_init(&bounds);
    tarn_page_index_clear(&cw->index);
    m->encoding = choose_encoding(cw, c);
    if (c->use_dict) {
        size_t bytes = c->dict.n * sizeof(uint32_t);

        tarn_buf_clear(&cw->stamps);
        if (tarn_buf_reserve(&cw->stamps, bytes) == TARN_OK) memset(cw->stamps.data, 0, bytes);
    }
    if (c->rc || cw->stamps.rc)
        return tarn_err_set(err, c->rc ? c->rc : cw->stamps.rc,
                            "column \"%s\": no memory to encode %u values", c->spec.name, c->n);
    m->codec = (enum tarn_codec)c->spec.codec;
    m->n_values = c->rows;
    m->n_pages = page_count(c);
    if (c->use_dict) {
        struct tarn_slice body = {c->dict.plain.data, c->dict.plain.len};

        m->dictionary_offset = cw->out->offset;
        rc = put_page(cw, c, TARN_DICTIONARY_PAGE, TARN_PLAIN, c->dict.n, NULL, &body, m, &size,
                      err);
    }
    m->data_offset = cw->out->offset;
    if (!rc) rc = put_data_pages(cw, c, m, &bounds, err);
    if (rc) return rc;
    tarn_stats_set(&m->stats, &bounds, c->order, is_text(c));
    m->stats.nulls = c->rows - c->n;
    m->stats.distinct = -1;
    if (c->use_dict && c->order != TARN_ORDER_F32 && c->order != TARN_ORDER_F64)
        m->stats.distinct = c->dict.n;
    return keep_indexes(cw, c, m, err);
}
