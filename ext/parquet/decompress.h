/* decompress.h: the codecs of Parquet, from untrusted bytes into exactly the size a page claims.
**
** UNCOMPRESSED, SNAPPY, GZIP (also several members, and zlib's framing), ZSTD, LZ4_RAW, LZ4
** (Hadoop's framing or none) and BROTLI. LZO is not read.
*/
#ifndef TARN_DECOMPRESS_H
#define TARN_DECOMPRESS_H

#include "err.h"
#include "format.h"

struct tarn_decompressor { /* contexts that are kept from page to page; zero-initialise */
    void *zstd;
};
void tarn_decompressor_release(struct tarn_decompressor *d);

/* 1 when `n` bytes can become `n_out`: asked before n_out bytes are allocated. *why says what is
** wrong otherwise. */
int tarn_decompress_plausible(enum tarn_codec codec, const uint8_t *in, size_t n, size_t n_out,
                              const char **why);
/* 0, or TARN_ECORRUPT, TARN_EUNSUPPORTED, TARN_ENOMEM with *why set (static text). out may be
** partly written then. Anything but exactly n_out bytes is TARN_ECORRUPT. */
int tarn_decompress(struct tarn_decompressor *d, enum tarn_codec codec, const uint8_t *in, size_t n,
                    uint8_t *out, size_t n_out, const char **why);

#endif
