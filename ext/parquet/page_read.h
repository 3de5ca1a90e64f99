/* page_read.h: the bytes of one column chunk, and its pages one at a time.
**
**   chunk:  [ header | dictionary page ] [ header | data page ] [ header | data page ] ...
**   v1 data: compress( repetition levels | definition levels | values ), each level run with length
**   v2 data: repetition levels | definition levels | compress( values )
**
** A window buffers a part of the chunk, so that neighbouring pages cost one read. Checked here:
** sizes (inside the chunk, at most 1 GiB, levels inside the page), CRC-32 where there is one, and
** decompression into exactly the claimed size.
** In an encrypted chunk headers and bodies are modules of their own (crypt.h), whose sizes `size` and
** `compressed` include. Each is bound to its page's number: the window knows it for the first page
** and for the one behind the page whose header it read last; who seeks elsewhere says it.
*/
#ifndef TARN_PAGE_READ_H
#define TARN_PAGE_READ_H

#include "crypt.h"
#include "decompress.h"
#include "pagebuf.h"
#include "source.h"

#define TARN_WINDOW ((size_t)256 << 10) /* bytes read at once, unless one page is larger */

struct tarn_window {
    const struct tarn_source *src; /* borrowed */
    uint64_t begin, end;           /* of the chunk */
    uint64_t want_end;             /* reading ahead beyond this is useless */
    struct tarn_budget *budget;
    uint64_t *bytes_read; /* counter; may be NULL */
    struct tarn_pagebuf *buf;
    uint64_t at; /* file offset of buf->data[0] */
    size_t len;

    const struct tarn_chunk_crypt *crypt; /* NULL = plain; what follows is for encrypted chunks */
    struct tarn_decryptor decryptor;
    struct tarn_page_place { /* where data pages are known to begin; offset 0 = unused */
        uint64_t offset;
        uint32_t page;
    } places[4];
    uint8_t first;             /* module of the first page's header; 0 = not read yet */
    uint8_t *header;           /* plain bytes of the header read last */
    struct tarn_pagebuf *body; /* plain bytes of the body read last */
};

struct tarn_page_header {
    int type;              /* enum tarn_page_type, or one not known */
    uint32_t size;         /* of this header */
    uint32_t compressed;   /* bytes that follow the header */
    uint32_t uncompressed; /* levels included */
    uint32_t crc;
    uint8_t has_crc;
    uint8_t is_compressed;
    uint32_t values;  /* NULLs included */
    uint32_t ordinal; /* number of the data page, in encrypted chunks */
    int encoding, def_encoding, rep_encoding;
    uint32_t def_bytes, rep_bytes; /* v2 */
};

struct tarn_page { /* the bytes of a page, decompressed; slices of buf */
    struct tarn_pagebuf *buf;
    struct tarn_slice def, rep; /* v2 only: levels without length */
    struct tarn_slice body;     /* v1: levels, then values; v2 and dictionary: values */
};

/* n bytes at `offset`, which the caller has checked to be inside the chunk. */
int tarn_window_need(struct tarn_window *w, uint64_t offset, size_t n, const uint8_t **p,
                     struct tarn_err *err);
void tarn_window_release(struct tarn_window *w);
/* Data page `page` of the chunk begins at `offset`: to be said before a header is read that does not
** follow the page read before, as after a look into an OffsetIndex. */
void tarn_window_seek(struct tarn_window *w, uint64_t offset, uint32_t page);
/* The header of the page at `offset`. *why is set, and err is not, when it is
** damaged; *why is NULL when reading failed. */
int tarn_page_header_read(struct tarn_window *w, uint64_t offset, struct tarn_page_header *h,
                          const char **why, struct tarn_err *err);
/* Its body. `reuse` may be a buffer of the caller that nobody else holds (it is consumed). On
** TARN_ECORRUPT and TARN_EUNSUPPORTED *why is set and err is not. */
int tarn_page_body_read(struct tarn_window *w, uint64_t offset, const struct tarn_page_header *h,
                        enum tarn_codec codec, struct tarn_decompressor *d,
                        struct tarn_pagebuf *reuse, struct tarn_page *out, const char **why,
                        struct tarn_err *err);

/* Between page_read.c and page_crypt.c: the plain bytes of the header at `offset` (they live until
** the next one is read), and the bytes it takes in the file; then what was learnt from it; and the
** plain bytes of the body at p, as they would lie in a plain file. */
int tarn_page_crypt_header(struct tarn_window *w, uint64_t offset, struct tarn_slice *out,
                           struct tarn_page_header *h, const char **why, struct tarn_err *err);
int tarn_page_crypt_learn(struct tarn_window *w, uint64_t offset, const struct tarn_page_header *h,
                          const char **why);
int tarn_page_crypt_body(struct tarn_window *w, const struct tarn_page_header *h, const uint8_t *p,
                         struct tarn_slice *out, const char **why, struct tarn_err *err);
void tarn_page_crypt_release(struct tarn_window *w);

#endif
