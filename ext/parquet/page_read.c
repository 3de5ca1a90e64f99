/* page_read.c: windowed reads of a column chunk, page headers, CRC and decompression.
**
** A chunk of at most 256 KiB is read whole at the first touch. Of a larger one the window reads
** from where it is asked to `want_end`, at most 256 KiB, or as much as one page needs. When a batch
** still holds the window's buffer (values of uncompressed pages point into it), the next read goes
** into a new one.
*/
#include "page_read.h"

#include <string.h>
#include <zlib.h>

#include "thrift_read.h"

#define HEADER_TRY 256
#define MAX_HEADER ((size_t)16 << 20)

void tarn_window_release(struct tarn_window *w) {
    if (w->crypt) tarn_page_crypt_release(w);
    tarn_pagebuf_free(w->buf);
    w->buf = NULL;
    w->len = 0;
}

/* Makes the window [at, at + size), with `offset` in it. What the old window has of its beginning
** is copied, not read again. */
static int move_window(struct tarn_window *w, uint64_t at, size_t size, uint64_t offset,
                       const uint8_t **p, struct tarn_err *err) {
    struct tarn_pagebuf *old = w->buf;
    size_t have = old && at >= w->at && at - w->at < w->len ? w->len - (size_t)(at - w->at) : 0;
    const uint8_t *from = have ? old->data + (at - w->at) : NULL;
    int rc = TARN_OK;
    if (have > size) have = size;
    w->len = 0;
    if (!old || old->refs > 1 || old->cap < size) {
        rc = tarn_pagebuf_new(&w->buf, size, w->budget, "a read", w->src->name, err);
        if (rc) {
            w->buf = old;
            return rc;
        }
        if (have) memcpy(w->buf->data, from, have);
        tarn_pagebuf_free(old);
    } else if (have) {
        memmove(w->buf->data, from, have);
    }
    if (have < size)
        rc = w->src->read(w->src->ctx, at + have, w->buf->data + have, size - have, err);
    if (rc) return rc;
    if (w->bytes_read) *w->bytes_read += size - have;
    w->at = at;
    w->len = size;
    *p = w->buf->data + (offset - at);
    return TARN_OK;
}

int tarn_window_need(struct tarn_window *w, uint64_t offset, size_t n, const uint8_t **p,
                     struct tarn_err *err) {
    uint64_t at = offset;
    uint64_t size = n;
    if (w->buf && offset >= w->at && offset - w->at <= w->len && n <= w->len - (offset - w->at)) {
        *p = w->buf->data + (offset - w->at);
        return TARN_OK;
    }
    if (w->end - w->begin <= TARN_WINDOW) {
        at = w->begin;
        size = w->end - w->begin;
    } else if (n < TARN_WINDOW && w->want_end > offset + n) {
        size = w->want_end - offset < TARN_WINDOW ? w->want_end - offset : TARN_WINDOW;
        if (size > w->end - offset) size = w->end - offset;
    }
    return move_window(w, at, (size_t)size, offset, p, err);
}

static void read_data_header(struct tarn_thrift *t, int v2, struct tarn_page_header *h) {
    struct tarn_thrift_field f = {0, 0};
    int32_t values = -1, def_bytes = 0, rep_bytes = 0;
    h->encoding = -1;
    h->is_compressed = 1;
    h->def_encoding = h->rep_encoding = TARN_RLE;
    while (tarn_thrift_next(t, &f)) {
        if (f.id == 1)
            values = tarn_thrift_i32(t, &f);
        else if (f.id == 2 && !v2)
            h->encoding = tarn_thrift_i32(t, &f);
        else if (f.id == 3 && !v2)
            h->def_encoding = tarn_thrift_i32(t, &f);
        else if (f.id == 4 && !v2)
            h->rep_encoding = tarn_thrift_i32(t, &f);
        else if (f.id == 4)
            h->encoding = tarn_thrift_i32(t, &f);
        else if (f.id == 5 && v2)
            def_bytes = tarn_thrift_i32(t, &f);
        else if (f.id == 6 && v2)
            rep_bytes = tarn_thrift_i32(t, &f);
        else if (f.id == 7 && v2)
            h->is_compressed = (uint8_t)tarn_thrift_bool(t, &f);
        else
            tarn_thrift_skip(t, f.type);
    }
    if (values < 0 || def_bytes < 0 || rep_bytes < 0) t->rc = TARN_ECORRUPT;
    h->values = (uint32_t)values;
    h->def_bytes = (uint32_t)def_bytes;
    h->rep_bytes = (uint32_t)rep_bytes;
}

static void read_dictionary_header(struct tarn_thrift *t, struct tarn_page_header *h) {
    struct tarn_thrift_field f = {0, 0};
    int32_t values = -1;
    h->encoding = -1;
    h->is_compressed = 1;
    while (tarn_thrift_next(t, &f)) {
        if (f.id == 1)
            values = tarn_thrift_i32(t, &f);
        else if (f.id == 2)
            h->encoding = tarn_thrift_i32(t, &f);
        else
            tarn_thrift_skip(t, f.type);
    }
    if (values < 0) t->rc = TARN_ECORRUPT;
    h->values = (uint32_t)values;
}

static void read_header(struct tarn_thrift *t, struct tarn_page_header *h) {
    const uint8_t *from = t->p;
    struct tarn_thrift_field f = {0, 0};
    int32_t raw = -1, packed = -1;
    int got = 0;
    memset(h, 0, sizeof *h);
    h->type = -1;
    while (tarn_thrift_next(t, &f)) {
        switch (f.id) {
        case 1: h->type = tarn_thrift_i32(t, &f); break;
        case 2: raw = tarn_thrift_i32(t, &f); break;
        case 3: packed = tarn_thrift_i32(t, &f); break;
        case 4:
            h->crc = (uint32_t)tarn_thrift_i32(t, &f);
            h->has_crc = 1;
            break;
        case 5:
        case 8:
            if (!tarn_thrift_struct(t, &f)) break;
            got |= f.id == 5 ? 1 << TARN_DATA_PAGE : 1 << TARN_DATA_PAGE_V2;
            read_data_header(t, f.id == 8, h);
            break;
        case 7:
            if (!tarn_thrift_struct(t, &f)) break;
            got |= 1 << TARN_DICTIONARY_PAGE;
            read_dictionary_header(t, h);
            break;
        default: tarn_thrift_skip(t, f.type);
        }
    }
    if (t->rc) return;
    h->size = (uint32_t)(t->p - from);
    h->compressed = (uint32_t)packed;
    h->uncompressed = (uint32_t)raw;
    if (raw < 0 || packed < 0 || h->type < 0) t->rc = TARN_ECORRUPT;
    if (!t->rc && h->type <= TARN_DATA_PAGE_V2 && h->type != TARN_INDEX_PAGE && got != 1 << h->type)
        t->rc = TARN_ECORRUPT;
}

/* The header of a plain page: more bytes are tried until it parses. */
static int read_plain_header(struct tarn_window *w, uint64_t offset, struct tarn_page_header *h,
                             const char **why, struct tarn_err *err) {
    size_t n = HEADER_TRY;
    for (;;) {
        const uint8_t *p = NULL;
        struct tarn_thrift t;
        int rc = TARN_OK;
        if (n > w->end - offset) n = (size_t)(w->end - offset);
        rc = tarn_window_need(w, offset, n, &p, err);
        if (rc) {
            *why = NULL;
            return rc;
        }
        n = w->len - (size_t)(offset - w->at);
        tarn_thrift_init(&t, p, n);
        read_header(&t, h);
        *why = "a page header is damaged";
        if (!t.rc) return TARN_OK;
        if (!t.at_end || n >= w->end - offset || n > MAX_HEADER) return TARN_ECORRUPT;
        n *= 2;
    }
}

static int read_encrypted_header(struct tarn_window *w, uint64_t offset, struct tarn_page_header *h,
                                 const char **why, struct tarn_err *err) {
    struct tarn_page_header place;
    struct tarn_slice bytes;
    struct tarn_thrift t;
    int rc = tarn_page_crypt_header(w, offset, &bytes, &place, why, err);
    if (rc) return rc;
    tarn_thrift_init(&t, bytes.data, bytes.len);
    read_header(&t, h);
    h->size = place.size;
    h->ordinal = place.ordinal;
    *why = "a page header is damaged";
    return t.rc ? TARN_ECORRUPT : tarn_page_crypt_learn(w, offset, h, why);
}

int tarn_page_header_read(struct tarn_window *w, uint64_t offset, struct tarn_page_header *h,
                          const char **why, struct tarn_err *err) {
    int rc = TARN_OK;
    *why = "a page begins outside its column chunk";
    if (offset < w->begin || offset >= w->end) return TARN_ECORRUPT;
    rc = w->crypt ? read_encrypted_header(w, offset, h, why, err)
                  : read_plain_header(w, offset, h, why, err);
    if (rc) return rc;
    *why = "a page ends outside its column chunk";
    if (h->compressed > w->end - offset - h->size) return TARN_ECORRUPT;
    *why = "a page claims more than 1 GiB, the most that is read";
    if (h->uncompressed > TARN_PAGE_MAX || h->compressed > TARN_PAGE_MAX) return TARN_ELIMIT;
    *why = "a page's levels are longer than the page";
    if ((uint64_t)h->def_bytes + h->rep_bytes > h->compressed ||
        (uint64_t)h->def_bytes + h->rep_bytes > h->uncompressed)
        return TARN_ECORRUPT;
    *why = NULL;
    return TARN_OK;
}

static int check_crc(const struct tarn_page_header *h, const uint8_t *p, const char **why) {
    if (!h->has_crc) return TARN_OK;
    *why = "a page's CRC does not match its bytes";
    return crc32(crc32(0, NULL, 0), p, h->compressed) == h->crc ? TARN_OK : TARN_ECORRUPT;
}

/* Makes *buf a buffer of at least `size` bytes: `reuse` if it is one. */
static int take_buffer(struct tarn_window *w, struct tarn_pagebuf *reuse, size_t size,
                       struct tarn_pagebuf **buf, struct tarn_err *err) {
    if (reuse && reuse->refs == 1 && reuse->cap >= size && reuse->cap / 8 <= size) {
        *buf = reuse;
        return TARN_OK;
    }
    tarn_pagebuf_free(reuse);
    return tarn_pagebuf_new(buf, size, w->budget, "a page", w->src->name, err);
}

/* Decrypts the body at *p: *p and *from become its plain bytes, *packed those behind the levels. */
static int open_body(struct tarn_window *w, const struct tarn_page_header *h, const uint8_t **p,
                     struct tarn_pagebuf **from, size_t *packed, const char **why,
                     struct tarn_err *err) {
    size_t levels = (size_t)h->def_bytes + h->rep_bytes;
    struct tarn_slice plain = {NULL, 0};
    int rc = tarn_page_crypt_body(w, h, *p, &plain, why, err);
    if (rc) return rc;
    *why = "a page's levels are longer than the page";
    if (levels > plain.len) return TARN_ECORRUPT;
    *p = plain.data;
    *from = w->body;
    *packed = plain.len - levels;
    return TARN_OK;
}

int tarn_page_body_read(struct tarn_window *w, uint64_t offset, const struct tarn_page_header *h,
                        enum tarn_codec codec, struct tarn_decompressor *d,
                        struct tarn_pagebuf *reuse, struct tarn_page *out, const char **why,
                        struct tarn_err *err) {
    size_t levels = (size_t)h->def_bytes + h->rep_bytes;
    size_t packed = h->compressed - levels, raw = h->uncompressed - levels;
    struct tarn_pagebuf *from = NULL;
    const uint8_t *p = NULL;
    uint8_t *start = NULL;
    int rc = tarn_window_need(w, offset + h->size, h->compressed, &p, err);
    memset(out, 0, sizeof *out);
    from = w->buf;
    if (!rc) rc = check_crc(h, p, why);
    if (!rc && w->crypt) rc = open_body(w, h, &p, &from, &packed, why, err);
    if (!rc && !h->is_compressed) codec = TARN_UNCOMPRESSED;
    if (!rc && packed + raw > 0 && !tarn_decompress_plausible(codec, p + levels, packed, raw, why))
        rc = TARN_ECORRUPT;
    if (rc) {
        tarn_pagebuf_free(reuse);
        return rc;
    }
    if (codec == TARN_UNCOMPRESSED) {
        tarn_pagebuf_free(reuse);
        out->buf = tarn_pagebuf_ref(from);
        start = from->data + (p - from->data);
    } else {
        rc = take_buffer(w, reuse, h->uncompressed ? h->uncompressed : 1, &out->buf, err);
        if (rc) return rc;
        start = out->buf->data;
        memcpy(start, p, levels);
        rc = tarn_decompress(d, codec, p + levels, packed, start + levels, raw, why);
    }
    if (rc) {
        tarn_pagebuf_free(out->buf);
        out->buf = NULL;
        if (rc == TARN_ENOMEM) return tarn_err_set(err, rc, "%s: %s", w->src->name, *why);
        return rc;
    }
    out->rep = (struct tarn_slice){start, h->rep_bytes};
    out->def = (struct tarn_slice){start + h->rep_bytes, h->def_bytes};
    out->body = (struct tarn_slice){start + levels, raw};
    return TARN_OK;
}
