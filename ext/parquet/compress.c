/* compress.c: snappy, gzip, zstd and raw LZ4, through their libraries.
**
** Every codec gets room for its worst case, so that "does not fit" can't happen, only "no memory"
** and the library's own faults.
*/
#include "compress.h"

#include <lz4.h>
#include <snappy-c.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>

#include "mem.h"

enum { ZSTD_DEFAULT = 3, GZIP_DEFAULT = 6, GZIP_WRAPPER = 16 };

int tarn_compress_check(int codec, int level, struct tarn_err *err) {
    int max = 0;

    switch (codec) {
    case TARN_UNCOMPRESSED:
    case TARN_SNAPPY:
    case TARN_LZ4_RAW: return TARN_OK;
    case TARN_GZIP: max = 9; break;
    case TARN_ZSTD: max = ZSTD_maxCLevel(); break;
    default:
        return tarn_err_set(err, TARN_EUNSUPPORTED,
                            "codec %s (%d) is not written; use UNCOMPRESSED, SNAPPY, GZIP, ZSTD or "
                            "LZ4_RAW",
                            tarn_codec_name(codec), codec);
    }
    if (level < 0 || level > max)
        return tarn_err_set(err, TARN_EINVAL, "level %d of %s is outside 1 to %d (0 = default)",
                            level, tarn_codec_name(codec), max);
    return TARN_OK;
}

void tarn_compressor_init(struct tarn_compressor *c) {
    memset(c, 0, sizeof *c);
}

void tarn_compressor_release(struct tarn_compressor *c) {
    ZSTD_freeCCtx(c->zstd);
    if (c->gzip) {
        deflateEnd(c->gzip);
        tarn_free(c->gzip);
    }
    tarn_compressor_init(c);
}

size_t tarn_compressor_memory(const struct tarn_compressor *c) {
    enum { DEFLATE_STATE = 268 * 1024 };

    return (c->zstd ? ZSTD_sizeof_CCtx(c->zstd) : 0) + (c->gzip ? DEFLATE_STATE : 0);
}

static int no_memory(struct tarn_err *err, int codec) {
    return tarn_err_set(err, TARN_ENOMEM, "out of memory while compressing a page with %s",
                        tarn_codec_name(codec));
}

static int with_snappy(const void *p, size_t n, struct tarn_buf *out, struct tarn_err *err) {
    size_t len = snappy_max_compressed_length(n);
    snappy_status rc;

    if (tarn_buf_reserve(out, len)) return no_memory(err, TARN_SNAPPY);
    rc = snappy_compress(p, n, (char *)out->data, &len);
    if (rc != SNAPPY_OK)
        return tarn_err_set(err, TARN_EIO, "snappy refused a page of %zu bytes: status %d", n,
                            (int)rc);
    out->len = len;
    return TARN_OK;
}

static int with_lz4(const void *p, size_t n, struct tarn_buf *out, struct tarn_err *err) {
    int bound = n <= LZ4_MAX_INPUT_SIZE ? LZ4_compressBound((int)n) : 0, len;

    if (bound <= 0)
        return tarn_err_set(err, TARN_ELIMIT, "a page of %zu bytes is too large for LZ4", n);
    if (tarn_buf_reserve(out, (size_t)bound)) return no_memory(err, TARN_LZ4_RAW);
    len = LZ4_compress_default(p, (char *)out->data, (int)n, bound);
    if (len <= 0) return no_memory(err, TARN_LZ4_RAW);
    out->len = (size_t)len;
    return TARN_OK;
}

static int with_zstd(struct tarn_compressor *c, int level, const void *p, size_t n,
                     struct tarn_buf *out, struct tarn_err *err) {
    size_t bound = ZSTD_compressBound(n), len;

    if (!c->zstd) c->zstd = ZSTD_createCCtx();
    if (!c->zstd || tarn_buf_reserve(out, bound)) return no_memory(err, TARN_ZSTD);
    len = ZSTD_compressCCtx(c->zstd, out->data, bound, p, n, level ? level : ZSTD_DEFAULT);
    if (ZSTD_isError(len))
        return tarn_err_set(err, TARN_EIO, "zstd refused a page of %zu bytes: %s", n,
                            ZSTD_getErrorName(len));
    out->len = len;
    return TARN_OK;
}

static int gzip_open(struct tarn_compressor *c, int level) {
    z_stream *z = c->gzip;

    if (z && c->gzip_level == level) return deflateReset(z) == Z_OK ? TARN_OK : TARN_EIO;
    if (z)
        deflateEnd(z);
    else
        z = tarn_malloc(sizeof *z);
    c->gzip = NULL;
    if (!z) return TARN_ENOMEM;
    memset(z, 0, sizeof *z);
    if (deflateInit2(z, level, Z_DEFLATED, MAX_WBITS + GZIP_WRAPPER, 8, Z_DEFAULT_STRATEGY)) {
        tarn_free(z);
        return TARN_ENOMEM;
    }
    c->gzip = z;
    c->gzip_level = level;
    return TARN_OK;
}

static int with_gzip(struct tarn_compressor *c, int level, const void *p, size_t n,
                     struct tarn_buf *out, struct tarn_err *err) {
    z_stream *z;
    size_t bound;

    if (gzip_open(c, level ? level : GZIP_DEFAULT)) return no_memory(err, TARN_GZIP);
    z = c->gzip;
    bound = deflateBound(z, n);
    if (tarn_buf_reserve(out, bound)) return no_memory(err, TARN_GZIP);
    z->next_in = (Bytef *)(uintptr_t)p;
    z->avail_in = (uInt)n;
    z->next_out = out->data;
    z->avail_out = (uInt)bound;
    if (deflate(z, Z_FINISH) != Z_STREAM_END)
        return tarn_err_set(err, TARN_EIO, "zlib refused a page of %zu bytes", n);
    out->len = bound - z->avail_out;
    return TARN_OK;
}

int tarn_compress(struct tarn_compressor *c, int codec, int level, const void *p, size_t n,
                  struct tarn_buf *out, struct tarn_err *err) {
    static const uint8_t nothing[1] = {0};

    tarn_buf_clear(out);
    if (n == 0) p = nothing;
    switch (codec) {
    case TARN_UNCOMPRESSED:
        tarn_buf_put(out, p, n);
        return out->rc ? no_memory(err, codec) : TARN_OK;
    case TARN_SNAPPY: return with_snappy(p, n, out, err);
    case TARN_LZ4_RAW: return with_lz4(p, n, out, err);
    case TARN_ZSTD: return with_zstd(c, level, p, n, out, err);
    case TARN_GZIP: return with_gzip(c, level, p, n, out, err);
    default: return tarn_compress_check(codec, level, err);
    }
}
