/* decode_delta.c: blocks of miniblocks of bit-packed differences.
**
**   header:  values per block | miniblocks | total values | first value (zigzag)
**   block:   min delta (zigzag) | a width byte per miniblock | miniblock ...
**
** value = previous + min delta + packed difference, modulo 2^64. Decoded 32 values at a time, the
** smallest unit a miniblock is made of. The last block carries only the miniblocks it needs.
*/
#include "decode_delta.h"

#include <string.h>

#include "unpack.h"

static int varint(const uint8_t **p, const uint8_t *end, uint64_t *out) {
    uint64_t v = 0;
    for (unsigned shift = 0; shift < 70; shift += 7) {
        uint8_t b = 0;
        if (*p == end) return -1;
        b = *(*p)++;
        if (shift == 63 && b > 1) return -1;
        v |= (uint64_t)(b & 0x7f) << shift;
        if (!(b & 0x80)) {
            *out = v;
            return 0;
        }
    }
    return -1;
}

static int zigzag(const uint8_t **p, const uint8_t *end, uint64_t *out) {
    uint64_t v = 0;
    if (varint(p, end, &v)) return -1;
    *out = (v >> 1) ^ (0 - (v & 1));
    return 0;
}

int tarn_delta_init(struct tarn_delta *d, const uint8_t *p, size_t n) {
    uint64_t block = 0, minis = 0;
    memset(d, 0, offsetof(struct tarn_delta, tmp));
    d->p = p;
    d->end = p ? p + n : p;
    if (varint(&d->p, d->end, &block) || varint(&d->p, d->end, &minis) ||
        varint(&d->p, d->end, &d->total) || zigzag(&d->p, d->end, &d->last))
        return -1;
    if (block == 0 || block > (1 << 24) || minis == 0 || minis > block / 32 || block % minis != 0 ||
        block / minis % 32 != 0)
        return -1;
    d->per_mini = block / minis;
    d->n_mini = d->mini = (uint32_t)minis;
    d->left = d->total;
    d->first = 1;
    return 0;
}

static int block_header(struct tarn_delta *d) {
    if (zigzag(&d->p, d->end, &d->min_delta) || (size_t)(d->end - d->p) < d->n_mini) return -1;
    d->widths = d->p;
    d->p += d->n_mini;
    d->mini = 0;
    return 0;
}

static int next_mini(struct tarn_delta *d) {
    if (d->mini == d->n_mini && block_header(d)) return -1;
    d->width = d->widths[d->mini++];
    d->mini_left = d->per_mini;
    return d->width > 64 ? -1 : 0;
}

/* 32 differences of more than 32 bits; p[0 .. 4 * width + 8) is readable. */
static void unpack_wide(const uint8_t *p, uint64_t *out, unsigned width) {
    uint64_t mask = width == 64 ? UINT64_MAX : (UINT64_C(1) << width) - 1;
    for (unsigned i = 0; i < 32; i++) {
        unsigned bit = i * width, in = bit % 8;
        uint64_t v = 0;
        memcpy(&v, p + bit / 8, 8);
        v >>= in;
        if (in + width > 64) v |= (uint64_t)p[bit / 8 + 8] << (64 - in);
        out[i] = v & mask;
    }
}

/* The next 32 values of the current miniblock; those beyond d->left are padding. */
static int group(struct tarn_delta *d, int64_t out[32]) {
    uint8_t padded[4 * 64 + TARN_UNPACK_SLACK];
    const uint8_t *p = d->p;
    size_t bytes = 4 * (size_t)d->width, have = (size_t)(d->end - d->p);
    uint64_t last = d->last, min = d->min_delta;
    if (have < bytes + TARN_UNPACK_SLACK) {
        uint64_t need = d->left < 32 ? d->left : 32;
        if (have < (need * d->width + 7) / 8) return -1;
        memset(padded, 0, sizeof padded);
        memcpy(padded, p, have < bytes ? have : bytes);
        p = padded;
    }
    if (d->width <= 32) {
        uint32_t diff[32];
        tarn_unpack32(p, diff, d->width);
        for (unsigned i = 0; i < 32; i++) {
            last += min + diff[i];
            out[i] = (int64_t)last;
        }
    } else {
        uint64_t diff[32];
        unpack_wide(p, diff, d->width);
        for (unsigned i = 0; i < 32; i++) {
            last += min + diff[i];
            out[i] = (int64_t)last;
        }
    }
    d->last = last;
    d->p += have < bytes ? have : bytes;
    d->mini_left -= 32;
    return 0;
}

/* Fills tmp with at least one value; -1 when there are none. */
static int refill(struct tarn_delta *d) {
    uint64_t n = 0;
    d->tmp_at = d->tmp_n = 0;
    if (d->left == 0) return -1;
    if (d->first) {
        d->first = 0;
        d->tmp[0] = (int64_t)d->last;
        n = 1;
    } else {
        if (d->mini_left == 0 && next_mini(d)) return -1;
        if (group(d, d->tmp)) return -1;
        n = d->left < 32 ? d->left : 32;
    }
    d->tmp_n = (uint8_t)n;
    d->left -= n;
    return 0;
}

int tarn_delta_read64(struct tarn_delta *d, int64_t *out, uint32_t n) {
    while (n > 0) {
        uint32_t k = (uint32_t)(d->tmp_n - d->tmp_at);
        if (k > 0) {
            k = k < n ? k : n;
            memcpy(out, d->tmp + d->tmp_at, k * sizeof *out);
            d->tmp_at = (uint8_t)(d->tmp_at + k);
            out += k;
            n -= k;
        } else if (n >= 32 && d->left >= 32 && !d->first) {
            if (d->mini_left == 0 && next_mini(d)) return -1;
            if (group(d, out)) return -1;
            d->left -= 32;
            out += 32;
            n -= 32;
        } else if (refill(d)) {
            return -1;
        }
    }
    return 0;
}

int tarn_delta_read32(struct tarn_delta *d, int32_t *out, uint32_t n) {
    while (n > 0) {
        uint32_t k = (uint32_t)(d->tmp_n - d->tmp_at);
        if (k == 0) {
            if (refill(d)) return -1;
            continue;
        }
        k = k < n ? k : n;
        for (uint32_t i = 0; i < k; i++)
            out[i] = (int32_t)(uint32_t)(uint64_t)d->tmp[d->tmp_at + i];
        d->tmp_at = (uint8_t)(d->tmp_at + k);
        out += k;
        n -= k;
    }
    return 0;
}

int tarn_delta_skip(struct tarn_delta *d, uint32_t n) {
    while (n > 0) {
        uint32_t k = (uint32_t)(d->tmp_n - d->tmp_at);
        if (k == 0) {
            if (refill(d)) return -1;
            continue;
        }
        k = k < n ? k : n;
        d->tmp_at = (uint8_t)(d->tmp_at + k);
        n -= k;
    }
    return 0;
}

const uint8_t *tarn_delta_end(const struct tarn_delta *d) {
    struct tarn_delta w = *d;
    uint64_t left = w.total > 0 ? w.total - 1 : 0;
    while (left > 0) {
        uint64_t take = 0, bytes = 0;
        if (next_mini(&w)) return NULL;
        take = left < w.per_mini ? left : w.per_mini;
        bytes = w.per_mini / 8 * w.width;
        if (bytes > (uint64_t)(w.end - w.p)) return NULL;
        w.p += bytes;
        left -= take;
    }
    return w.p;
}
