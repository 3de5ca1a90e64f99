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

#define CASE(w) \
    case w: unpack(p, out, w); break;

void tarn_unpack32(const uint8_t *p, uint32_t *out, unsigned width) {
    switch (width) {
    case 0:
        memset(out, 0, 32 * sizeof *out);
        break;
        CASE(1)
        CASE(2) CASE(3) CASE(4) CASE(5) CASE(6) CASE(7) CASE(9) CASE(10) CASE(11) CASE(12) CASE(13)
            CASE(14) CASE(15) CASE(17) CASE(18) CASE(19) CASE(20) CASE(21) CASE(22) CASE(23)
                CASE(24) CASE(25) CASE(26) CASE(27) CASE(28) CASE(29) CASE(30) CASE(31) case 8
            : for (unsigned i = 0; i < 32; i++) out[i] = p[i];
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
