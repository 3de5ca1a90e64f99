/* unpack.c: one unrolled loop body per bit width, chosen by a switch per 32 values.
**
** Value i of width w begins at bit i * w: the 64-bit word at byte i * w / 32 * 4 holds all of it,
** since i * w % 32 + w <= 63.
*/
#include "unpack.h"

#include <string.h>

static inline __attribute__((always_inline)) uint32_t one(const uint8_t *p, unsigned bit,
                                                          unsigned width) {
    uint64_t word = 0;
    memcpy(&word, p + bit / 32 * 4, 8);
    return (uint32_t)(word >> bit % 32) & (uint32_t)((UINT64_C(1) << width) - 1);
}

#define ONE(i) out[i] = one(p, (i)*w, w)
#define FOUR(i) ONE(i), ONE((i) + 1), ONE((i) + 2), ONE((i) + 3)

static inline __attribute__((always_inline)) void unpack(const uint8_t *p, uint32_t *out,
                                                         const unsigned w) {
    FOUR(0), FOUR(4), FOUR(8), FOUR(12), FOUR(16), FOUR(20), FOUR(24), FOUR(28);
}

void tarn_unpack32(const uint8_t *p, uint32_t *out, unsigned width) {
    switch (width) {
    case 0: memset(out, 0, 32 * sizeof *out); break;
    case 1: unpack(p, out, 1); break;
    case 2: unpack(p, out, 2); break;
    case 3: unpack(p, out, 3); break;
    case 4: unpack(p, out, 4); break;
    case 5: unpack(p, out, 5); break;
    case 6: unpack(p, out, 6); break;
    case 7: unpack(p, out, 7); break;
    case 9: unpack(p, out, 9); break;
    case 10: unpack(p, out, 10); break;
    case 11: unpack(p, out, 11); break;
    case 12: unpack(p, out, 12); break;
    case 13: unpack(p, out, 13); break;
    case 14: unpack(p, out, 14); break;
    case 15: unpack(p, out, 15); break;
    case 17: unpack(p, out, 17); break;
    case 18: unpack(p, out, 18); break;
    case 19: unpack(p, out, 19); break;
    case 20: unpack(p, out, 20); break;
    case 21: unpack(p, out, 21); break;
    case 22: unpack(p, out, 22); break;
    case 23: unpack(p, out, 23); break;
    case 24: unpack(p, out, 24); break;
    case 25: unpack(p, out, 25); break;
    case 26: unpack(p, out, 26); break;
    case 27: unpack(p, out, 27); break;
    case 28: unpack(p, out, 28); break;
    case 29: unpack(p, out, 29); break;
    case 30: unpack(p, out, 30); break;
    case 31: unpack(p, out, 31); break;
    case 8:
        for (unsigned i = 0; i < 32; i++)
            out[i] = p[i];
        break;
    case 16:
        for (unsigned i = 0; i < 32; i++)
            out[i] = (uint32_t)p[2 * i] | (uint32_t)p[2 * i + 1] << 8;
        break;
    default: memcpy(out, p, 32 * sizeof *out);
    }
}

void tarn_unpack8(const uint8_t *p, uint32_t *out, unsigned width) {
    for (unsigned i = 0; i < 8; i++) {
        unsigned bit = i * width;
        uint64_t word = 0;
        memcpy(&word, p + bit / 8, 8);
        out[i] = (uint32_t)(word >> bit % 8) & (uint32_t)((UINT64_C(1) << width) - 1);
    }
}
