/* compress.h: the compressing half of Parquet's codecs; one call is one page.
**
** A compressor keeps the contexts of zstd and zlib between calls, made when first needed.
*/
#ifndef TARN_COMPRESS_H
#define TARN_COMPRESS_H

#include "buf.h"
#include "err.h"
#include "format.h"

struct tarn_compressor {
    void *zstd; /* ZSTD_CCtx */
    void *gzip; /* z_stream */
    int gzip_level;
};

/* 0, or TARN_EUNSUPPORTED / TARN_EINVAL when this build doesn't write the codec or has no such
** level. Level 0 is the codec's default; codecs without levels take any. */
int tarn_compress_check(int codec, int level, struct tarn_err *err);

void tarn_compressor_init(struct tarn_compressor *c);
void tarn_compressor_release(struct tarn_compressor *c); /* as after init */
size_t tarn_compressor_memory(const struct tarn_compressor *c);
/* Replaces what `out` holds by the compressed bytes. n < 2^31. */
int tarn_compress(struct tarn_compressor *c, int codec, int level, const void *p, size_t n,
                  struct tarn_buf *out, struct tarn_err *err);

#endif
