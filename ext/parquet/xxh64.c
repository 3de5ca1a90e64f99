/* xxh64.c: XXH64 with seed 0, and insert and check of the split-block bloom filter.
**
** Four lanes eat 32 bytes at a time; what is left goes in by 8, 4 and 1. Loads are by memcpy, so
** alignment doesn't matter; the order of bytes is little-endian, as the whole engine assumes.
*/
#include "xxh64.h"

#include <string.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "Parquet code needs little-endian");

#define P1 UINT64_C(0x9E3779B185EBCA87)
#define P2 UINT64_C(0xC2B2AE3D27D4EB4F)
#define P3 UINT64_C(0x165667B19E3779F9)
#define P4 UINT64_C(0x85EBCA77C2B2AE63)
#define P5 UINT64_C(0x27D4EB2F165667C5)

static const uint32_t salt[8] = {0x47b6137bU, 0x44974d91U, 0x8824ad5bU, 0xa2b7289dU,
                                 0x705495c7U, 0x2df1424bU, 0x9efc4947U, 0x5c6bfb31U};

static uint64_t load64(const uint8_t *p) {
    uint64_t v;

    memcpy(&v, p, sizeof v);
    return v;
}

static uint32_t load32(const uint8_t *p) {
    uint32_t v;

    memcpy(&v, p, sizeof v);
    return v;
}

static uint64_t rotl(uint64_t v, int n) {
    return v << n | v >> (64 - n);
}

static uint64_t round64(uint64_t acc, uint64_t v) {
    return rotl(acc + v * P2, 31) * P1;
}

static uint64_t merge(uint64_t h, uint64_t lane) {
    return (h ^ round64(0, lane)) * P1 + P4;
}

/* All whole 32-byte stripes; moves *p past them. */
static uint64_t stripes(const uint8_t **p, const uint8_t *end) {
    const uint8_t *q = *p;
    uint64_t a = P1 + P2, b = P2, c = 0, d = 0 - P1, h;

    for (; end - q >= 32; q += 32) {
        a = round64(a, load64(q));
        b = round64(b, load64(q + 8));
        c = round64(c, load64(q + 16));
        d = round64(d, load64(q + 24));
    }
    *p = q;
    h = rotl(a, 1) + rotl(b, 7) + rotl(c, 12) + rotl(d, 18);
    return merge(merge(merge(merge(h, a), b), c), d);
}

uint64_t tarn_xxh64(const void *data, size_t n) {
    const uint8_t *p = data;
    const uint8_t *end;
    uint64_t h;

    if (n == 0) return UINT64_C(0xEF46DB3751D8E999);
    end = p + n;
    h = n >= 32 ? stripes(&p, end) : P5;
    h += n;
    for (; end - p >= 8; p += 8)
        h = rotl(h ^ round64(0, load64(p)), 27) * P1 + P4;
    if (end - p >= 4) {
        h = rotl(h ^ load32(p) * P1, 23) * P2 + P3;
        p += 4;
    }
    for (; p < end; p++)
        h = rotl(h ^ *p * P5, 11) * P1;
    h = (h ^ h >> 33) * P2;
    h = (h ^ h >> 29) * P3;
    return h ^ h >> 32;
}

uint32_t tarn_sbbf_block(uint32_t n_blocks, uint64_t hash) {
    return (uint32_t)((hash >> 32) * n_blocks >> 32);
}

void tarn_sbbf_insert(uint8_t *blocks, uint32_t n_blocks, uint64_t hash) {
    uint8_t *block = blocks + (size_t)tarn_sbbf_block(n_blocks, hash) * TARN_SBBF_BLOCK;
    uint32_t words[8];

    memcpy(words, block, sizeof words);
    for (int i = 0; i < 8; i++)
        words[i] |= UINT32_C(1) << ((uint32_t)hash * salt[i] >> 27);
    memcpy(block, words, sizeof words);
}

int tarn_sbbf_block_check(const uint8_t *block, uint64_t hash) {
    uint32_t words[8];
    uint32_t missing = 0;

    memcpy(words, block, sizeof words);
    for (int i = 0; i < 8; i++) {
        uint32_t bit = UINT32_C(1) << ((uint32_t)hash * salt[i] >> 27);

        missing |= ~words[i] & bit;
    }
    return missing == 0;
}

int tarn_sbbf_check(const uint8_t *blocks, uint32_t n_blocks, uint64_t hash) {
    size_t at = (size_t)tarn_sbbf_block(n_blocks, hash) * TARN_SBBF_BLOCK;

    return tarn_sbbf_block_check(blocks + at, hash);
}
