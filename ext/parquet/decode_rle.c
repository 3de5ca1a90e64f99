/* decode_rle.c: runs to values.
**
**   run = varint(n << 1)           then one value in ceil(width / 8) bytes: n times that value
**       | varint(groups << 1 | 1)  then groups * width bytes: 8 bit-packed values per group
**
** Bit-packed runs are unpacked 32 values at a time straight into the output, then 8; what is left
** of the last 8 waits in tmp. Writers may cut the padding of the very last group: a run is clamped
** to the values its bytes hold, and unpacking near the end goes through a padded copy.
*/
#include "decode_rle.h"

#include <string.h>

#include "unpack.h"

void tarn_rle_init(struct tarn_rle *r, const uint8_t *p, size_t n, unsigned width) {
    r->p = p;
    r->end = p ? p + n : p;
    r->width = width;
    r->left = 0;
    r->value = 0;
    r->packed = 0;
    r->tmp_at = r->tmp_n = 0;
}

/* Reads the next run's header; -1 at the end of the bytes or when it breaks the format. */
static int next_run(struct tarn_rle *r) {
    uint64_t head = 0;
    unsigned shift = 0, bytes = (r->width + 7) / 8;
    uint8_t b = 0;
    if (r->width == 0 && r->p == r->end) {
        r->packed = 0;
        r->value = 0;
        r->left = UINT32_MAX;
        return 0;
    }
    do {
        if (r->p == r->end || shift > 28) return -1;
        b = *r->p++;
        head |= (uint64_t)(b & 0x7f) << shift;
        shift += 7;
    } while (b & 0x80);
    r->packed = head & 1;
    head >>= 1;
    if (r->packed) {
        uint64_t n = head * 8, have = (uint64_t)(r->end - r->p) * 8;
        if (r->width && n > have / r->width) n = have / r->width;
        if (n > UINT32_MAX) return -1;
        r->left = (uint32_t)n;
        return n || r->width == 0 || head == 0 ? 0 : -1;
    }
    if (bytes > (size_t)(r->end - r->p)) return -1;
    r->value = 0;
    for (unsigned i = 0; i < bytes; i++)
        r->value |= (uint32_t)r->p[i] << (8 * i);
    r->p += bytes;
    r->left = (uint32_t)head;
    return r->width < 32 && r->value >> r->width ? -1 : 0;
}

/* One group of 8 near the end of the bytes. */
static void unpack_tail(const struct tarn_rle *r, uint32_t *out) {
    uint8_t padded[32 + 8] = {0};
    size_t n = (size_t)(r->end - r->p);
    memcpy(padded, r->p, n < r->width ? n : r->width);
    tarn_unpack8(padded, out, r->width);
}

/* n <= left values of the current bit-packed run. */
static void unpack_run(struct tarn_rle *r, uint32_t *out, uint32_t n) {
    size_t w = r->width;
    r->left -= n;
    if (n >= 32 && (size_t)(r->end - r->p) >= TARN_UNPACK_SLACK) {
        size_t most = ((size_t)(r->end - r->p) - TARN_UNPACK_SLACK) / (w ? 4 * w : 1);
        size_t k = n / 32 < most ? n / 32 : most;
        tarn_unpack_many(r->p, out, r->width, k);
        r->p += 4 * w * k;
        out += 32 * k;
        n -= (uint32_t)(32 * k);
    }
    while (n > 0) {
        uint32_t k = n < 8 ? n : 8;
        uint32_t *to = n < 8 ? r->tmp : out;
        if ((size_t)(r->end - r->p) >= w + 8)
            tarn_unpack8(r->p, to, r->width);
        else
            unpack_tail(r, to);
        r->p += (size_t)(r->end - r->p) < w ? (size_t)(r->end - r->p) : w;
        if (n < 8) {
            uint32_t rest = r->left < 8 - k ? r->left : 8 - k;
            memcpy(out, r->tmp, k * sizeof *out);
            r->tmp_at = (uint8_t)k;
            r->tmp_n = (uint8_t)(k + rest);
            r->left -= rest;
        }
        out += k;
        n -= k;
    }
}

int tarn_rle_read(struct tarn_rle *r, uint32_t *out, uint32_t n) {
    while (n > 0) {
        uint32_t k = 0;
        if (r->tmp_at < r->tmp_n) {
            k = (uint32_t)(r->tmp_n - r->tmp_at);
            k = k < n ? k : n;
            memcpy(out, r->tmp + r->tmp_at, k * sizeof *out);
            r->tmp_at = (uint8_t)(r->tmp_at + k);
        } else if (r->left == 0) {
            if (next_run(r)) return -1;
        } else {
            k = r->left < n ? r->left : n;
            if (r->packed) {
                unpack_run(r, out, k);
            } else {
                uint32_t v = r->value;
                for (uint32_t i = 0; i < k; i++)
                    out[i] = v;
                r->left -= k;
            }
        }
        out += k;
        n -= k;
    }
    return 0;
}

int tarn_rle_skip(struct tarn_rle *r, uint32_t n) {
    while (n > 0) {
        uint32_t k = 0;
        if (r->tmp_at < r->tmp_n) {
            k = (uint32_t)(r->tmp_n - r->tmp_at);
            k = k < n ? k : n;
            r->tmp_at = (uint8_t)(r->tmp_at + k);
        } else if (r->left == 0) {
            if (next_run(r)) return -1;
        } else {
            k = r->left < n ? r->left : n;
            if (r->packed && k >= 8) {
                k &= ~UINT32_C(7);
                r->p += (size_t)(k / 8) * r->width;
                r->left -= k;
            } else if (r->packed) {
                uint32_t rest[8];
                unpack_run(r, rest, k);
            } else {
                r->left -= k;
            }
        }
        n -= k;
    }
    return 0;
}

/* A byte's bits to eight bytes of 0 or 1. */
static inline uint64_t spread_bits(uint8_t b) {
    uint64_t x = (b * UINT64_C(0x0101010101010101)) & UINT64_C(0x8040201008040201);
    return ((x + UINT64_C(0x7f7f7f7f7f7f7f7f)) >> 7) & UINT64_C(0x0101010101010101);
}

int tarn_rle_read_bits(struct tarn_rle *r, uint8_t *out, uint32_t n, uint32_t *ones) {
    *ones = 0;
    while (n > 0) {
        uint32_t k = 0;
        if (r->tmp_at < r->tmp_n) {
            *out = (uint8_t)r->tmp[r->tmp_at++];
            *ones += *out;
            k = 1;
        } else if (r->left == 0) {
            if (next_run(r)) return -1;
        } else if (!r->packed) {
            k = r->left < n ? r->left : n;
            memset(out, (int)r->value, k);
            *ones += r->value ? k : 0;
            r->left -= k;
        } else if (r->left >= 8 && n >= 8 && r->width == 1) {
            k = (r->left < n ? r->left : n) & ~UINT32_C(7);
            for (uint32_t i = 0; i < k; i += 8) {
                uint64_t bytes = spread_bits(*r->p++);
                *ones += (uint32_t)(bytes * UINT64_C(0x0101010101010101) >> 56);
                memcpy(out + i, &bytes, 8);
            }
            r->left -= k;
        } else {
            uint32_t v = 0;
            unpack_run(r, &v, 1);
            *out = (uint8_t)v;
            *ones += v;
            k = 1;
        }
        out += k;
        n -= k;
    }
    return 0;
}

static unsigned bits_for(uint8_t max) {
    unsigned w = 0;
    while (max >> w)
        w++;
    return w;
}

void tarn_levels_init(struct tarn_levels *l, const uint8_t *p, size_t n, uint8_t max, int msb) {
    tarn_rle_init(&l->rle, p, n, bits_for(max));
    l->max = max;
    l->msb = (uint8_t)msb;
    l->bit = 0;
}

/* BIT_PACKED: most significant bit first, no runs. */
static int read_msb(struct tarn_levels *l, uint8_t *valid, uint32_t n, uint32_t *present) {
    uint64_t bits = (uint64_t)(l->rle.end - l->rle.p) * 8;
    if ((uint64_t)n * l->rle.width > bits - l->bit) return -1;
    for (uint32_t i = 0; i < n; i++) {
        unsigned v = 0;
        for (unsigned b = 0; b < l->rle.width; b++, l->bit++)
            v = v << 1 | ((l->rle.p[l->bit / 8] >> (7 - l->bit % 8)) & 1);
        if (v > l->max) return -1;
        valid[i] = v == l->max;
        *present += valid[i];
    }
    return 0;
}

static int read_wide(struct tarn_levels *l, uint8_t *valid, uint32_t n, uint32_t *present) {
    uint32_t level[256], max = l->max;
    while (n > 0) {
        uint32_t k = n < 256 ? n : 256, above = 0, there = 0;
        if (tarn_rle_read(&l->rle, level, k)) return -1;
        for (uint32_t i = 0; i < k; i++) {
            above |= level[i] > max;
            valid[i] = level[i] == max;
            there += valid[i];
        }
        if (above) return -1;
        *present += there;
        valid += k;
        n -= k;
    }
    return 0;
}

int tarn_levels_read(struct tarn_levels *l, uint8_t *valid, uint32_t n, uint32_t *present) {
    struct tarn_rle *r = &l->rle;
    *present = 0;
    if (l->max == 0) {
        *present = n;
        return 0;
    }
    if (l->msb) return read_msb(l, valid, n, present);
    if (n && r->left == 0 && r->tmp_at == r->tmp_n && next_run(r)) return -1;
    if (!r->packed && r->tmp_at == r->tmp_n && r->left >= n && r->value == l->max) {
        r->left -= n;
        *present = n;
        return 0;
    }
    if (l->max == 1) return tarn_rle_read_bits(r, valid, n, present);
    return read_wide(l, valid, n, present);
}

int tarn_levels_skip(struct tarn_levels *l, uint32_t n, uint32_t *present) {
    uint8_t valid[1024];
    *present = 0;
    if (l->max == 0) {
        *present = n;
        return 0;
    }
    while (n > 0) {
        uint32_t k = n < sizeof valid ? n : (uint32_t)sizeof valid, there = 0;
        if (tarn_levels_read(l, valid, k, &there)) return -1;
        *present += there;
        n -= k;
    }
    return 0;
}
