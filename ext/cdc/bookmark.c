/* bookmark.c: see bookmark.h. */
#include "bookmark.h"

#include <string.h>

#define TIME_LAST INT64_C(0xFFFFFFFFFFFF) /* 12 hex digits */

static char *put_hex(char *p, uint64_t v, unsigned digits) {
    while (digits-- > 0)
        *p++ = "0123456789abcdef"[v >> (4 * digits) & 15];
    return p;
}

void tarn_bookmark_text(char out[TARN_BOOKMARK + 1], uint32_t timeline, uint64_t sequence,
                        int64_t time, const uint8_t *digest) {
    char *p = put_hex(out, timeline, 8);

    if (time < 0) time = 0;
    if (time > TIME_LAST) time = TIME_LAST;
    *p++ = '-';
    p = put_hex(p, sequence, 16);
    *p++ = '-';
    p = put_hex(p, (uint64_t)time, 12);
    *p++ = '-';
    for (int i = 0; i < 8; i++)
        p = put_hex(p, digest[i], 2);
    *p = '\0';
}

/* `digits` digits at *s, which is moved behind them. */
static int take_hex(const char **s, unsigned digits, uint64_t *v) {
    const char *p = *s;

    *v = 0;
    for (unsigned i = 0; i < digits; i++, p++) {
        if (*p >= '0' && *p <= '9')
            *v = *v << 4 | (uint64_t)(*p - '0');
        else if (*p >= 'a' && *p <= 'f')
            *v = *v << 4 | (uint64_t)(*p - 'a' + 10);
        else
            return -1;
    }
    *s = p;
    return 0;
}

int tarn_bookmark_parse(struct tarn_bookmark *out, const char *s, size_t n) {
    static const unsigned digits[4] = {8, 16, 12, 16};
    uint64_t v[4] = {0};

    memset(out, 0, sizeof *out);
    if (n != TARN_BOOKMARK) return -1;
    for (int i = 0; i < 4; i++) {
        if (i > 0 && *s++ != '-') return -1;
        if (take_hex(&s, digits[i], &v[i]) != 0) return -1;
    }
    out->timeline = (uint32_t)v[0];
    out->sequence = v[1];
    out->time = (int64_t)v[2];
    for (unsigned i = 0; i < 8; i++)
        out->digest[i] = (uint8_t)(v[3] >> (56 - 8 * i));
    return 0;
}
