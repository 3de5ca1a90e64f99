/* encode_delta.c: the delta encodings.
**
**   page  = varint(128) varint(4) varint(n) zigzag(first) block*
**   block = zigzag(least delta) width*4 miniblock*     4 miniblocks of 32 values
**
** A miniblock holds delta - least delta in `width` bits. Differences wrap in the width of the type,
** so 32-bit values never need more than 32 bits. Miniblocks without values are left out and have
** width 0; the last one with values is padded with zeros.
*/
#include "encode_delta.h"

#include <string.h>

#include "encode_bits.h"

enum { BLOCK = 128, MINI = 32, MINIS = BLOCK / MINI };

static void put_header(struct tarn_buf *b, size_t n, int64_t first) {
    tarn_buf_varint(b, BLOCK);
    tarn_buf_varint(b, MINIS);
    tarn_buf_varint(b, n);
    tarn_buf_zigzag(b, first);
}

/* `rest` holds delta - least, zero-padded to BLOCK. */
static void put_block(struct tarn_buf *b, int64_t least, const uint64_t *rest, size_t n) {
    uint8_t widths[MINIS] = {0};
    size_t minis = (n + MINI - 1) / MINI;

    for (size_t m = 0; m < minis; m++) {
        uint64_t any = 0;

        for (size_t i = 0; i < MINI; i++)
            any |= rest[m * MINI + i];
        widths[m] = (uint8_t)tarn_enc_width(any);
    }
    tarn_buf_zigzag(b, least);
    tarn_buf_put(b, widths, sizeof widths);
    for (size_t m = 0; m < minis; m++) {
        uint32_t narrow[MINI];

        if (widths[m] > 32) {
            tarn_enc_pack64(b, rest + m * MINI, MINI, widths[m]);
            continue;
        }
        for (size_t i = 0; i < MINI; i++)
            narrow[i] = (uint32_t)rest[m * MINI + i];
        tarn_enc_pack32(b, narrow, MINI, widths[m]);
    }
}

void tarn_enc_delta64(struct tarn_buf *b, const int64_t *v, size_t n) {
    uint64_t rest[BLOCK];

    put_header(b, n, n ? v[0] : 0);
    for (size_t at = 1; at < n; at += BLOCK) {
        size_t k = n - at < BLOCK ? n - at : BLOCK;
        int64_t least = INT64_MAX;

        for (size_t i = 0; i < k; i++) {
            rest[i] = (uint64_t)v[at + i] - (uint64_t)v[at + i - 1];
            least = (int64_t)rest[i] < least ? (int64_t)rest[i] : least;
        }
        for (size_t i = 0; i < k; i++)
            rest[i] -= (uint64_t)least;
        memset(rest + k, 0, (BLOCK - k) * sizeof *rest);
        put_block(b, least, rest, k);
    }
}

void tarn_enc_delta32(struct tarn_buf *b, const int32_t *v, size_t n) {
    uint64_t rest[BLOCK];

    put_header(b, n, n ? v[0] : 0);
    for (size_t at = 1; at < n; at += BLOCK) {
        size_t k = n - at < BLOCK ? n - at : BLOCK;
        int32_t least = INT32_MAX;

        for (size_t i = 0; i < k; i++) {
            uint32_t d = (uint32_t)v[at + i] - (uint32_t)v[at + i - 1];

            least = (int32_t)d < least ? (int32_t)d : least;
            rest[i] = d;
        }
        for (size_t i = 0; i < k; i++)
            rest[i] = (uint32_t)rest[i] - (uint32_t)least;
        memset(rest + k, 0, (BLOCK - k) * sizeof *rest);
        put_block(b, least, rest, k);
    }
}

/* The value at *p, which moves to the next one. */
static const uint8_t *next_value(const uint8_t **p, uint32_t fixed, uint32_t *n) {
    const uint8_t *v = *p;

    *n = fixed;
    if (!fixed) {
        memcpy(n, v, 4);
        v += 4;
    }
    *p = v + *n;
    return v;
}

void tarn_enc_delta_length(struct tarn_buf *b, const uint8_t *plain, size_t n, uint32_t fixed,
                           struct tarn_buf *lengths) {
    const uint8_t *p = plain;
    uint32_t len;

    tarn_buf_clear(lengths);
    for (size_t i = 0; i < n; i++) {
        next_value(&p, fixed, &len);
        tarn_buf_le32(lengths, len);
    }
    if (lengths->rc) {
        b->rc = b->rc ? b->rc : lengths->rc;
        return;
    }
    tarn_enc_delta32(b, (const int32_t *)(const void *)lengths->data, n);
    p = plain;
    for (size_t i = 0; i < n; i++) {
        const uint8_t *v = next_value(&p, fixed, &len);

        tarn_buf_put(b, v, len);
    }
}

static uint32_t common_prefix(const uint8_t *a, uint32_t na, const uint8_t *b, uint32_t nb) {
    uint32_t n = na < nb ? na : nb, i = 0;

    for (; i + 8 <= n; i += 8) {
        uint64_t x, y;

        memcpy(&x, a + i, 8);
        memcpy(&y, b + i, 8);
        if (x != y) return i + (uint32_t)__builtin_ctzll(x ^ y) / 8;
    }
    while (i < n && a[i] == b[i])
        i++;
    return i;
}

void tarn_enc_delta_bytes(struct tarn_buf *b, const uint8_t *plain, size_t n, uint32_t fixed,
                          struct tarn_buf *lengths) {
    const uint8_t *p = plain, *prev = plain;
    uint32_t len, prev_len = 0;
    uint32_t *prefix, *suffix;

    tarn_buf_clear(lengths);
    if (tarn_buf_reserve(lengths, 2 * n * sizeof *prefix + 1)) {
        b->rc = b->rc ? b->rc : lengths->rc;
        return;
    }
    prefix = (uint32_t *)(void *)lengths->data;
    suffix = prefix + n;
    for (size_t i = 0; i < n; i++) {
        const uint8_t *v = next_value(&p, fixed, &len);

        prefix[i] = common_prefix(prev, prev_len, v, len);
        suffix[i] = len - prefix[i];
        prev = v;
        prev_len = len;
    }
    tarn_enc_delta32(b, (const int32_t *)prefix, n);
    tarn_enc_delta32(b, (const int32_t *)suffix, n);
    p = plain;
    for (size_t i = 0; i < n; i++) {
        const uint8_t *v = next_value(&p, fixed, &len);

        tarn_buf_put(b, v + prefix[i], suffix[i]);
    }
}
