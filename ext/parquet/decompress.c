/* decompress.c: one page's bytes through snappy, zlib, zstd, lz4 or brotli.
**
** The output's size is the page header's claim, checked beforehand against what the codec can
** make of the input (ratio) or says itself (snappy's and zstd's own headers). Every library is told
** the output's limit. Codec LZ4 has three framings in the wild: Hadoop's blocks (big-endian sizes
** before each), LZ4's own frame format, and none; the first that fits is taken.
*/
#include "decompress.h"

#include <brotli/decode.h>
#include <lz4.h>
#include <lz4frame.h>
#include <snappy-c.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>

void tarn_decompressor_release(struct tarn_decompressor *d) {
    ZSTD_freeDCtx(d->zstd);
    d->zstd = NULL;
}

static int ratio(size_t n, size_t n_out, size_t limit, const char **why) {
    *why = "the claimed size is more than its codec can make of the compressed bytes";
    return n_out / limit <= n;
}

int tarn_decompress_plausible(enum tarn_codec codec, const uint8_t *in, size_t n, size_t n_out,
                              const char **why) {
    size_t len = 0;
    unsigned long long frame = 0;
    *why = NULL;
    switch (codec) {
    case TARN_UNCOMPRESSED:
        *why = "an uncompressed page has two different sizes";
        return n == n_out;
    case TARN_SNAPPY:
        *why = "snappy's own length differs from the page's";
        return snappy_uncompressed_length((const char *)in, n, &len) == SNAPPY_OK && len == n_out &&
               ratio(n, n_out, 64, why);
    case TARN_GZIP: return ratio(n, n_out, 1040, why);
    case TARN_LZ4:
    case TARN_LZ4_RAW: return ratio(n, n_out, 256, why);
    case TARN_ZSTD:
        frame = ZSTD_getFrameContentSize(in, n);
        *why = "not a zstd frame, or one longer than the page";
        if (frame == ZSTD_CONTENTSIZE_ERROR) return n == 0 && n_out == 0;
        if (frame != ZSTD_CONTENTSIZE_UNKNOWN && frame > n_out) return 0;
        return ratio(n, n_out, 65536, why);
    default: return 1;
    }
}

static int gunzip(const uint8_t *in, size_t n, uint8_t *out, size_t n_out, const char **why) {
    z_stream z;
    int zrc = Z_OK, rc = TARN_ECORRUPT;
    memset(&z, 0, sizeof z);
    *why = "zlib could not be started";
    if (inflateInit2(&z, 15 + 32) != Z_OK) return TARN_ENOMEM;
    z.next_in = (Bytef *)(uintptr_t)in;
    z.avail_in = (uInt)n;
    z.next_out = out;
    z.avail_out = (uInt)n_out;
    *why = "the gzip stream is damaged or has another length than the page claims";
    for (;;) {
        zrc = inflate(&z, Z_FINISH);
        if (zrc != Z_STREAM_END) break;
        if (z.avail_in == 0 || z.avail_out == 0) {
            if (z.avail_out == 0) rc = TARN_OK;
            break;
        }
        if (inflateReset(&z) != Z_OK) break;
    }
    inflateEnd(&z);
    return rc;
}

static int unzstd(struct tarn_decompressor *d, const uint8_t *in, size_t n, uint8_t *out,
                  size_t n_out, const char **why) {
    size_t got = 0;
    if (!d->zstd) d->zstd = ZSTD_createDCtx();
    *why = "zstd could not be started";
    if (!d->zstd) return TARN_ENOMEM;
    got = ZSTD_decompressDCtx(d->zstd, out, n_out, in, n);
    *why = "the zstd frame is damaged or has another length than the page claims";
    return ZSTD_isError(got) || got != n_out ? TARN_ECORRUPT : TARN_OK;
}

static int unlz4(const uint8_t *in, size_t n, uint8_t *out, size_t n_out, const char **why) {
    int got = LZ4_decompress_safe((const char *)in, (char *)out, (int)n, (int)n_out);
    *why = "the lz4 block is damaged or has another length than the page claims";
    return got < 0 || (size_t)got != n_out ? TARN_ECORRUPT : TARN_OK;
}

static uint32_t be32(const uint8_t *p) {
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | (uint32_t)p[3];
}

/* [ size uncompressed, [ size compressed, block ] ... ] ... */
static int unlz4_hadoop(const uint8_t *in, size_t n, uint8_t *out, size_t n_out, const char **why) {
    *why = "the lz4 blocks are damaged or have another length than the page claims";
    while (n >= 8) {
        uint32_t left = be32(in);
        in += 4;
        n -= 4;
        if (left > n_out) return TARN_ECORRUPT;
        n_out -= left;
        do {
            uint32_t packed = n >= 4 ? be32(in) : 0;
            int got = 0;
            if (n < 4 || packed > n - 4) return TARN_ECORRUPT;
            got = LZ4_decompress_safe((const char *)in + 4, (char *)out, (int)packed, (int)left);
            if (got < 0 || (got == 0 && left > 0)) return TARN_ECORRUPT;
            in += 4 + packed;
            n -= 4 + (size_t)packed;
            out += got;
            left -= (uint32_t)got;
        } while (left > 0);
    }
    return n == 0 && n_out == 0 ? TARN_OK : TARN_ECORRUPT;
}

/* LZ4's own frames, which some writers put where Hadoop's blocks should be. */
static int unlz4_frame(const uint8_t *in, size_t n, uint8_t *out, size_t n_out, const char **why) {
    LZ4F_dctx *d = NULL;
    size_t left = 1;
    *why = "lz4 could not be started";
    if (LZ4F_isError(LZ4F_createDecompressionContext(&d, LZ4F_VERSION))) return TARN_ENOMEM;
    *why = "the lz4 frame is damaged or has another length than the page claims";
    while (n > 0 && left > 0) {
        size_t used = n, made = n_out;
        left = LZ4F_decompress(d, out, &made, in, &used, NULL);
        if (LZ4F_isError(left) || (used == 0 && made == 0)) break;
        in += used;
        n -= used;
        out += made;
        n_out -= made;
    }
    LZ4F_freeDecompressionContext(d);
    return left == 0 && n == 0 && n_out == 0 ? TARN_OK : TARN_ECORRUPT;
}

static int unlz4_any(const uint8_t *in, size_t n, uint8_t *out, size_t n_out, const char **why) {
    if (n >= 4 && memcmp(in, "\x04\x22\x4d\x18", 4) == 0) {
        int rc = unlz4_frame(in, n, out, n_out, why);
        if (rc != TARN_ECORRUPT) return rc;
    }
    if (unlz4_hadoop(in, n, out, n_out, why) == TARN_OK) return TARN_OK;
    return unlz4(in, n, out, n_out, why);
}

static int unbrotli(const uint8_t *in, size_t n, uint8_t *out, size_t n_out, const char **why) {
    size_t got = n_out;
    *why = "the brotli stream is damaged or has another length than the page claims";
    if (BrotliDecoderDecompress(n, in, &got, out) != BROTLI_DECODER_RESULT_SUCCESS || got != n_out)
        return TARN_ECORRUPT;
    return TARN_OK;
}

int tarn_decompress(struct tarn_decompressor *d, enum tarn_codec codec, const uint8_t *in, size_t n,
                    uint8_t *out, size_t n_out, const char **why) {
    size_t len = n_out;
    if (n == 0 && n_out == 0) return TARN_OK;
    *why = "a page larger than 1 GiB";
    if (n > ((size_t)1 << 30) || n_out > ((size_t)1 << 30)) return TARN_EUNSUPPORTED;
    switch (codec) {
    case TARN_UNCOMPRESSED:
        *why = "an uncompressed page has two different sizes";
        if (n != n_out) return TARN_ECORRUPT;
        memcpy(out, in, n);
        return TARN_OK;
    case TARN_SNAPPY:
        *why = "the snappy data is damaged";
        if (snappy_uncompress((const char *)in, n, (char *)out, &len) != SNAPPY_OK || len != n_out)
            return TARN_ECORRUPT;
        return TARN_OK;
    case TARN_GZIP: return gunzip(in, n, out, n_out, why);
    case TARN_ZSTD: return unzstd(d, in, n, out, n_out, why);
    case TARN_LZ4_RAW: return unlz4(in, n, out, n_out, why);
    case TARN_LZ4: return unlz4_any(in, n, out, n_out, why);
    case TARN_BROTLI: return unbrotli(in, n, out, n_out, why);
    default:
        *why = "this codec is not read; rewrite the file with ZSTD, SNAPPY, GZIP or LZ4_RAW";
        return TARN_EUNSUPPORTED;
    }
}
