/* page_crypt.c: the pages of an encrypted chunk: which modules they are, and their plain bytes.
**
**   [ dictionary header | dictionary page ] [ header 0 | page 0 ] [ header 1 | page 1 ] ...
**
** A module opens only under its right name, so nothing here can hand out a page for another. The
** first page may be a dictionary's or data page 0: both names are tried. The names of the others
** follow from where the page before ends, or are told (tarn_window_seek).
** Version 2 pages exist in two forms. C++ encrypts all of the page; Java leaves the levels in front
** of it plain, and unauthenticated. The module's own length tells which it is.
*/
#include <string.h>

#include "mem.h"
#include "page_read.h"

#define MAX_HEADER ((size_t)16 << 20)
#define HEADER_TRY 256
#define LENGTH 4

enum { PLACE_READ, PLACE_NEXT, PLACE_FIRST, PLACE_TOLD }; /* of w->places */

void tarn_page_crypt_release(struct tarn_window *w) {
    tarn_decryptor_release(&w->decryptor);
    tarn_pagebuf_free(w->body);
    tarn_free(w->header);
    w->body = NULL;
    w->header = NULL;
}

void tarn_window_seek(struct tarn_window *w, uint64_t offset, uint32_t page) {
    w->places[PLACE_TOLD].offset = offset;
    w->places[PLACE_TOLD].page = page;
}

static uint32_t le32(const uint8_t *p) {
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

/* The modules that the header at `offset` may be, most likely first; how many. */
static int candidates(const struct tarn_window *w, uint64_t offset, enum tarn_module module[2],
                      uint32_t page[2]) {
    module[0] = TARN_MODULE_DATA_HEADER;
    for (int i = 0; i < 4; i++) {
        if (w->places[i].offset != offset) continue;
        page[0] = w->places[i].page;
        return 1;
    }
    if (offset != w->begin) return 0;
    page[0] = page[1] = 0;
    module[0] = TARN_MODULE_DICTIONARY_HEADER;
    if (w->first) {
        module[0] = (enum tarn_module)w->first;
        return 1;
    }
    module[1] = TARN_MODULE_DATA_HEADER;
    return 2;
}

int tarn_page_crypt_header(struct tarn_window *w, uint64_t offset, struct tarn_slice *out,
                           struct tarn_page_header *h, const char **why, struct tarn_err *err) {
    uint64_t left = w->end - offset;
    const uint8_t *p = NULL;
    enum tarn_module module[2];
    uint32_t page[2] = {0, 0};
    size_t n = left < HEADER_TRY ? (size_t)left : HEADER_TRY, used = 0;
    int tries = candidates(w, offset, module, page), rc = TARN_OK;
    *why = "a page that no page before it leads to";
    if (tries == 0) return TARN_ECORRUPT;
    *why = "the length of an encrypted page header is beyond its column chunk";
    if (left < LENGTH) return TARN_ECORRUPT;
    rc = tarn_window_need(w, offset, n, &p, err);
    if (!rc && (uint64_t)le32(p) + LENGTH > left) return TARN_ECORRUPT;
    if (!rc && le32(p) > MAX_HEADER) return TARN_ECORRUPT;
    if (!rc && le32(p) + LENGTH > n) {
        n = (size_t)le32(p) + LENGTH;
        rc = tarn_window_need(w, offset, n, &p, err);
    }
    *why = NULL;
    if (rc) return rc;
    tarn_free(w->header);
    w->header = tarn_malloc(n);
    if (!w->header)
        return tarn_err_set(err, TARN_ENOMEM, "%s: no memory for a page header", w->src->name);
    for (int i = 0; i < tries; i++) {
        rc = tarn_crypt_open(&w->decryptor, w->crypt, module[i], page[i], p, n, w->header,
                             &out->len, &used, why);
        if (rc == TARN_ENOMEM) *why = NULL;
        if (rc == TARN_ENOMEM)
            return tarn_err_set(err, rc, "%s: no memory to decrypt a page", w->src->name);
        if (rc) continue;
        out->data = w->header;
        if (offset == w->begin) w->first = (uint8_t)module[i];
        h->size = (uint32_t)used;
        h->ordinal = page[i];
        return TARN_OK;
    }
    return rc;
}

int tarn_page_crypt_learn(struct tarn_window *w, uint64_t offset, const struct tarn_page_header *h,
                          const char **why) {
    int dictionary = offset == w->begin && w->first == TARN_MODULE_DICTIONARY_HEADER;
    int data = h->type == TARN_DATA_PAGE || h->type == TARN_DATA_PAGE_V2;
    uint64_t next = offset + h->size + h->compressed;
    *why = "a page is of another type than its encryption says";
    if (dictionary != (h->type == TARN_DICTIONARY_PAGE)) return TARN_ECORRUPT;
    *why = NULL;
    if (dictionary) {
        w->places[PLACE_FIRST] = (struct tarn_page_place){next, 0};
        return TARN_OK;
    }
    w->places[PLACE_READ] = (struct tarn_page_place){offset, h->ordinal};
    w->places[PLACE_NEXT] = (struct tarn_page_place){next, h->ordinal + (data ? 1 : 0)};
    return TARN_OK;
}

int tarn_page_crypt_body(struct tarn_window *w, const struct tarn_page_header *h, const uint8_t *p,
                         struct tarn_slice *out, const char **why, struct tarn_err *err) {
    size_t n = h->compressed, plain = (size_t)h->def_bytes + h->rep_bytes, used = 0;
    enum tarn_module module =
        h->type == TARN_DICTIONARY_PAGE ? TARN_MODULE_DICTIONARY_PAGE : TARN_MODULE_DATA_PAGE;
    int rc = TARN_OK;
    if (plain > n || n - plain < LENGTH || le32(p + plain) != n - plain - LENGTH ||
        (n >= LENGTH && le32(p) == n - LENGTH))
        plain = 0;
    if (!w->body || w->body->refs > 1 || w->body->cap < n || w->body->cap / 8 > n) {
        tarn_pagebuf_free(w->body);
        w->body = NULL;
        rc = tarn_pagebuf_new(&w->body, n ? n : 1, w->budget, "a page", w->src->name, err);
        if (rc) return rc;
    }
    memcpy(w->body->data, p, plain);
    out->data = w->body->data;
    rc = tarn_crypt_open(&w->decryptor, w->crypt, module, h->ordinal, p + plain, n - plain,
                         w->body->data + plain, &out->len, &used, why);
    out->len += plain;
    if (rc == TARN_ENOMEM)
        return tarn_err_set(err, rc, "%s: no memory to decrypt a page", w->src->name);
    if (rc) return rc;
    *why = "an encrypted page does not fill its place";
    return used == n - plain ? TARN_OK : TARN_ECORRUPT;
}
