/* page_read.h: the bytes of one column chunk, and its pages one at a time.
**
**   chunk:  [ header | dictionary page ] [ header | data page ] [ header | data page ] ...
**   v1 data: compress( repetition levels | definition levels | values ), each level run with length
**   v2 data: repetition levels | definition levels | compress( values )
**
** A window buffers a part of the chunk, so that neighbouring pages cost one read. Checked here:
** sizes (inside the chunk, at most 1 GiB, levels inside the page), CRC-32 where there is one, and
** decompression into exactly the claimed size.
*/
#ifndef TARN_PAGE_READ_H
#define TARN_PAGE_READ_H

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
};

struct tarn_page_header {
    int type;              /* enum tarn_page_type, or one not known */
    uint32_t size;         /* of this header */
    uint32_t compressed;   /* bytes that follow the header */
    uint32_t uncompressed; /* levels included */
    uint32_t crc;
    uint8_t has_crc;
    uint8_t is_compressed;
    uint32_t values; /* NULLs included */
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

#endif
