/* decode_values.c: PLAIN, RLE booleans, dictionary codes, deltas of integers, BYTE_STREAM_SPLIT.
**
** The DELTA_* encodings of byte arrays are in decode_bytes.c. Every read is checked against the
** bytes of the page; nothing trusts a count. An empty body is fine as long as nobody asks for a
** value (a page of NULLs).
*/
#include "decode_values.h"

#include <string.h>

#include "decode_bytes.h"
#include "err.h"

static const char too_few[] = "a page holds fewer values than its levels call for";

size_t tarn_physical_size(enum tarn_physical t) {
    switch (t) {
    case TARN_BOOLEAN: return 1;
    case TARN_INT32:
    case TARN_FLOAT: return 4;
    case TARN_INT64:
    case TARN_DOUBLE: return 8;
    default: return sizeof(struct tarn_slice);
    }
}

/* Bytes of one value in a page; 0 when they vary. */
static size_t page_size(const struct tarn_values_decoder *d) {
    switch (d->physical) {
    case TARN_INT32:
    case TARN_FLOAT: return 4;
    case TARN_INT64:
    case TARN_DOUBLE: return 8;
    case TARN_INT96: return 12;
    case TARN_FIXED: return d->fixed_len;
    default: return 0;
    }
}

static int init_dictionary(struct tarn_values_decoder *d, struct tarn_slice body,
                           const char **why) {
    *why = "dictionary codes wider than 32 bits";
    if (body.len == 0) { /* width 1 makes reading fail, width 0 would give zeros */
        tarn_rle_init(&d->rle, body.data, 0, 1);
        return TARN_OK;
    }
    if (body.data[0] > 32) return TARN_ECORRUPT;
    tarn_rle_init(&d->rle, body.data + 1, body.len - 1, body.data[0]);
    return TARN_OK;
}

static int init_rle_booleans(struct tarn_values_decoder *d, struct tarn_slice body,
                             const char **why) {
    uint32_t n = 0;
    *why = "the run-length booleans are longer than their page";
    if (body.len >= 4) memcpy(&n, body.data, 4);
    if (body.len > 0 && (body.len < 4 || n > body.len - 4)) return TARN_ECORRUPT;
    tarn_rle_init(&d->rle, body.len ? body.data + 4 : body.data, n, 1);
    return TARN_OK;
}

static int init_split(struct tarn_values_decoder *d, struct tarn_slice body, const char **why) {
    size_t size = page_size(d);
    *why = "a BYTE_STREAM_SPLIT page is not a multiple of its values' size";
    if (size == 0 || body.len % size) return TARN_ECORRUPT;
    d->n = body.len / size;
    return TARN_OK;
}

static int init_delta(struct tarn_values_decoder *d, struct tarn_slice body, const char **why) {
    *why = "the header of a DELTA_BINARY_PACKED page is damaged";
    if (body.len == 0) {
        memset(&d->u.delta, 0, sizeof d->u.delta);
        return TARN_OK;
    }
    return tarn_delta_init(&d->u.delta, body.data, body.len) ? TARN_ECORRUPT : TARN_OK;
}

static int fits(enum tarn_physical t, int encoding) {
    switch (encoding) {
    case TARN_PLAIN:
    case TARN_PLAIN_DICTIONARY:
    case TARN_RLE_DICTIONARY: return 1;
    case TARN_RLE: return t == TARN_BOOLEAN;
    case TARN_DELTA_BINARY_PACKED: return t == TARN_INT32 || t == TARN_INT64;
    case TARN_DELTA_LENGTH_BYTE_ARRAY: return t == TARN_BYTE_ARRAY;
    case TARN_DELTA_BYTE_ARRAY: return t == TARN_BYTE_ARRAY || t == TARN_FIXED;
    case TARN_BYTE_STREAM_SPLIT:
        return t != TARN_BOOLEAN && t != TARN_BYTE_ARRAY && t != TARN_INT96;
    default: return 0;
    }
}

int tarn_values_init(struct tarn_values_decoder *d, enum tarn_physical physical, uint32_t fixed_len,
                     int encoding, struct tarn_slice body, const char **why) {
    tarn_values_release(d);
    d->physical = physical;
    d->fixed_len = fixed_len;
    d->p = body.data;
    d->end = body.data ? body.data + body.len : body.data;
    *why = "a page's encoding is not one that its type can have or that this build reads";
    if (!fits(physical, encoding)) return TARN_EUNSUPPORTED;
    d->encoding =
        encoding == TARN_PLAIN_DICTIONARY ? TARN_RLE_DICTIONARY : (enum tarn_encoding)encoding;
    switch (d->encoding) {
    case TARN_RLE_DICTIONARY: return init_dictionary(d, body, why);
    case TARN_RLE: return init_rle_booleans(d, body, why);
    case TARN_DELTA_BINARY_PACKED: return init_delta(d, body, why);
    case TARN_DELTA_LENGTH_BYTE_ARRAY:
    case TARN_DELTA_BYTE_ARRAY: return tarn_bytes_init(d, body, why);
    case TARN_BYTE_STREAM_SPLIT: return init_split(d, body, why);
    default: return TARN_OK;
    }
}

static int read_plain_bits(struct tarn_values_decoder *d, uint8_t *out, uint32_t n) {
    uint64_t bits = (uint64_t)(d->end - d->p) * 8;
    if (n > bits - d->at) return TARN_ECORRUPT;
    for (uint32_t i = 0; i < n; i++, d->at++)
        if (out) out[i] = (d->p[d->at / 8] >> d->at % 8) & 1;
    return TARN_OK;
}

static int read_plain_bytes(struct tarn_values_decoder *d, struct tarn_slice *out, uint32_t n) {
    const uint8_t *p = d->p, *end = d->end;
    for (uint32_t i = 0; i < n; i++) {
        uint32_t len = 0;
        if ((size_t)(end - p) < 4) return TARN_ECORRUPT;
        memcpy(&len, p, 4);
        p += 4;
        if (len > (size_t)(end - p)) return TARN_ECORRUPT;
        if (out) {
            out[i].data = p;
            out[i].len = len;
        }
        p += len;
    }
    d->p = p;
    return TARN_OK;
}

static int read_plain(struct tarn_values_decoder *d, void *out, uint32_t n) {
    size_t size = page_size(d);
    struct tarn_slice *slices = out;
    if (d->physical == TARN_BOOLEAN) return read_plain_bits(d, out, n);
    if (d->physical == TARN_BYTE_ARRAY) return read_plain_bytes(d, slices, n);
    if (n > (size_t)(d->end - d->p) / size) return TARN_ECORRUPT;
    if (n == 0) return TARN_OK;
    if (d->physical == TARN_FIXED || d->physical == TARN_INT96) {
        for (uint32_t i = 0; slices && i < n; i++) {
            slices[i].data = d->p + i * size;
            slices[i].len = size;
        }
    } else if (out) {
        memcpy(out, d->p, n * size);
    }
    d->p += n * size;
    return TARN_OK;
}

/* Byte b of value i stands at p[b * d->n + i]. */
static int read_split(struct tarn_values_decoder *d, void *out, uint32_t n,
                      struct tarn_arena *arena) {
    size_t size = page_size(d);
    uint8_t *to = out;
    if (n > d->n - d->at) return TARN_ECORRUPT;
    if (d->physical == TARN_FIXED) {
        struct tarn_slice *slices = out;
        to = tarn_arena_alloc(arena, n * size);
        if (!to) return arena->rc;
        for (uint32_t i = 0; i < n; i++)
            slices[i] = (struct tarn_slice){to + i * size, size};
    }
    if (size == 4) {
        const uint8_t *a = d->p + d->at, *b = a + d->n, *c = b + d->n, *e = c + d->n;
        for (uint32_t i = 0; i < n; i++) {
            uint32_t v =
                (uint32_t)a[i] | (uint32_t)b[i] << 8 | (uint32_t)c[i] << 16 | (uint32_t)e[i] << 24;
            memcpy(to + 4 * (size_t)i, &v, 4);
        }
    } else {
        for (size_t b = 0; b < size; b++) {
            const uint8_t *from = d->p + b * d->n + d->at;
            for (uint32_t i = 0; i < n; i++)
                to[i * size + b] = from[i];
        }
    }
    d->at += n;
    return TARN_OK;
}

int tarn_values_read(struct tarn_values_decoder *d, void *out, uint32_t n, struct tarn_arena *arena,
                     const char **why) {
    uint32_t ones = 0;
    int bad = 0;
    *why = too_few;
    switch (d->encoding) {
    case TARN_PLAIN: return read_plain(d, out, n);
    case TARN_RLE: bad = tarn_rle_read_bits(&d->rle, out, n, &ones); break;
    case TARN_RLE_DICTIONARY: bad = tarn_rle_read(&d->rle, out, n); break;
    case TARN_DELTA_BINARY_PACKED:
        bad = d->physical == TARN_INT64 ? tarn_delta_read64(&d->u.delta, out, n)
                                        : tarn_delta_read32(&d->u.delta, out, n);
        break;
    case TARN_BYTE_STREAM_SPLIT: return read_split(d, out, n, arena);
    default: return tarn_bytes_read(d, out, n, arena, why);
    }
    return bad ? TARN_ECORRUPT : TARN_OK;
}

int tarn_values_skip(struct tarn_values_decoder *d, uint32_t n, const char **why) {
    int bad = 0;
    *why = too_few;
    switch (d->encoding) {
    case TARN_PLAIN: return read_plain(d, NULL, n);
    case TARN_RLE:
    case TARN_RLE_DICTIONARY: bad = tarn_rle_skip(&d->rle, n); break;
    case TARN_DELTA_BINARY_PACKED: bad = tarn_delta_skip(&d->u.delta, n); break;
    case TARN_BYTE_STREAM_SPLIT:
        bad = n > d->n - d->at;
        if (!bad) d->at += n;
        break;
    default: return tarn_bytes_skip(d, n, why);
    }
    return bad ? TARN_ECORRUPT : TARN_OK;
}

void tarn_values_release(struct tarn_values_decoder *d) {
    if (d->encoding == TARN_DELTA_BYTE_ARRAY) tarn_bytes_release(d);
    memset(d, 0, offsetof(struct tarn_values_decoder, rle));
}
