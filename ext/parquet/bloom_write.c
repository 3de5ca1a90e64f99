/* bloom_write.c: sizes and fills bloom filters; hash and block layout are xxh64.c's.
*/
#include "bloom_write.h"

#include <string.h>

#include "thrift_write.h"
#include "xxh64.h"

enum { MAX_BYTES = 64 << 20 };

uint32_t tarn_bloom_bytes(uint64_t n) {
    uint64_t bytes = TARN_SBBF_BLOCK;

    /* 10.5 bits per value give 1 % (BloomFilter.md's table). */
    while (bytes < MAX_BYTES && bytes * 16 < n * 21)
        bytes *= 2;
    return (uint32_t)bytes;
}

int tarn_bloom_fits(enum tarn_physical physical, const struct tarn_logical_type *logical) {
    switch (physical) {
    case TARN_INT32:
    case TARN_INT64:
    case TARN_FLOAT:
    case TARN_DOUBLE: return 1;
    case TARN_BYTE_ARRAY:
        return logical->kind == TARN_LOGICAL_STRING || logical->kind == TARN_LOGICAL_ENUM ||
               logical->kind == TARN_LOGICAL_JSON;
    case TARN_FIXED: return logical->kind == TARN_LOGICAL_UUID;
    default: return 0;
    }
}

/* The other form of a value that has two equal ones: -0.0 and +0.0, any NaN and the common one. */
static void insert_twin(uint8_t *blocks, uint32_t n_blocks, enum tarn_physical physical,
                        const uint8_t *v) {
    uint64_t bits = 0, sign = UINT64_C(1) << 63;
    uint64_t nan = UINT64_C(0x7ff8) << 48, inf = UINT64_C(0x7ff0) << 48;
    size_t n = 8;

    if (physical == TARN_FLOAT) {
        n = 4;
        sign >>= 32;
        nan = 0x7fc00000;
        inf = 0x7f800000;
    }
    memcpy(&bits, v, n);
    if ((bits & ~sign) == 0)
        bits ^= sign;
    else if ((bits & ~sign) > inf)
        bits = nan;
    else
        return;
    tarn_sbbf_insert(blocks, n_blocks, tarn_xxh64(&bits, n));
}

static void put_header(struct tarn_buf *out, uint32_t bytes) {
    struct tarn_tw t;

    tarn_tw_init(&t, out);
    tarn_tw_i32(&t, 1, (int32_t)bytes);
    for (int16_t id = 2; id <= 4; id++) { /* BLOCK, XXHASH, UNCOMPRESSED: first of each union */
        tarn_tw_struct(&t, id);
        tarn_tw_empty(&t, 1);
        tarn_tw_end(&t);
    }
    tarn_tw_end(&t);
}

size_t tarn_bloom_write(struct tarn_buf *out, enum tarn_physical physical, const uint8_t *plain,
                        uint64_t n, uint32_t fixed) {
    uint32_t bytes = tarn_bloom_bytes(n);
    size_t start = out->len;
    uint8_t *blocks;

    if (n == 0) return 0;
    put_header(out, bytes);
    if (tarn_buf_reserve(out, bytes)) return 0;
    blocks = out->data + out->len;
    memset(blocks, 0, bytes);
    for (uint64_t i = 0; i < n; i++) {
        uint32_t len = fixed;

        if (!fixed) {
            memcpy(&len, plain, 4);
            plain += 4;
        }
        tarn_sbbf_insert(blocks, bytes / TARN_SBBF_BLOCK, tarn_xxh64(plain, len));
        if (physical == TARN_FLOAT || physical == TARN_DOUBLE)
            insert_twin(blocks, bytes / TARN_SBBF_BLOCK, physical, plain);
        plain += len;
    }
    out->len += bytes;
    return out->len - start;
}
