/* cdc_random.c: see cdc_random.h. */
#include "cdc_random.h"

#include <float.h>
#include <math.h>
#include <string.h>

uint64_t cdc_rnd(struct cdc_random *r, uint64_t below) {
    uint64_t v = 0;

    r->state += UINT64_C(0x9E3779B97F4A7C15);
    v = r->state;
    v = (v ^ (v >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    v = (v ^ (v >> 27)) * UINT64_C(0x94D049BB133111EB);
    v ^= v >> 31;
    return below ? v % below : v;
}

struct tarn_value cdc_integer(int64_t v) {
    return (struct tarn_value){TARN_VALUE_INTEGER, v, 0, {NULL, 0}};
}

struct tarn_value cdc_real(double v) {
    return (struct tarn_value){TARN_VALUE_REAL, 0, v, {NULL, 0}};
}

struct tarn_value cdc_text(const char *s, size_t n) {
    return (struct tarn_value){TARN_VALUE_TEXT, 0, 0, {(const uint8_t *)s, n}};
}

struct tarn_value cdc_blob(const char *s, size_t n) {
    return (struct tarn_value){TARN_VALUE_BLOB, 0, 0, {(const uint8_t *)s, n}};
}

static struct tarn_value random_integer(struct cdc_random *r) {
    static const int64_t edges[] = {0,   1,    -1,   63,        64,        -64,       -65,
                                    127, 8191, 8192, INT32_MAX, INT32_MIN, INT64_MAX, INT64_MIN};

    if (cdc_rnd(r, 3) == 0) return cdc_integer(edges[cdc_rnd(r, sizeof edges / sizeof *edges)]);
    return cdc_integer((int64_t)(cdc_rnd(r, 0) >> cdc_rnd(r, 64)));
}

static struct tarn_value random_real(struct cdc_random *r) {
    static const double edges[] = {
        0.0,     -0.0,    1.0,      -1.0,     0.1,      1e15,  1e16,
        1e17,    1e300,   -1e-300,  5e-324,   1e22,     123e5, 9007199254740993.0,
        DBL_MAX, DBL_MIN, -DBL_MAX, INFINITY, -INFINITY};
    uint64_t bits = cdc_rnd(r, 0);
    double v = 0;

    switch (cdc_rnd(r, 4)) {
    case 0: return cdc_real(edges[cdc_rnd(r, sizeof edges / sizeof *edges)]);
    case 1: return cdc_real((double)(int64_t)(bits >> 40) / 100.0);
    default: break;
    }
    memcpy(&v, &bits, sizeof v);
    return cdc_real(isnan(v) ? 0.5 : v);
}

static size_t random_length(struct cdc_random *r) {
    switch (cdc_rnd(r, 8)) {
    case 0: return 0;
    case 1: return cdc_rnd(r, 400);
    default: return cdc_rnd(r, 20);
    }
}

static struct tarn_value random_bytes(struct cdc_random *r, struct tarn_arena *a, int type) {
    static const char *const pieces[] = {"a",    "\"",   "\\", "\n", "[",    "{",        "1",
                                         "null", "\x01", "é",  "東", "🏔", "abcdefgh", " "};
    struct tarn_value v = {(uint8_t)type, 0, 0, {NULL, random_length(r)}};
    uint8_t *to = tarn_arena_alloc(a, v.bytes.len + 16);
    const uint64_t kind = type == TARN_VALUE_TEXT ? cdc_rnd(r, 4) : 0;
    size_t n = 0;

    while (n < v.bytes.len) {
        const char *piece = pieces[cdc_rnd(r, sizeof pieces / sizeof *pieces)];
        const size_t len = strlen(piece);

        if (kind == 0) {
            to[n++] = (uint8_t)cdc_rnd(r, 256);
        } else if (kind == 1 && cdc_rnd(r, 4) == 0) {
            to[n++] = 0;
        } else if (n + len <= v.bytes.len) {
            memcpy(to + n, piece, len);
            n += len;
        } else {
            to[n++] = 'z';
        }
    }
    v.bytes.data = to;
    return v;
}

struct tarn_value cdc_value(struct cdc_random *r, struct tarn_arena *a) {
    switch (cdc_rnd(r, 6)) {
    case 0: return (struct tarn_value){TARN_VALUE_NULL, 0, 0, {NULL, 0}};
    case 1: return random_integer(r);
    case 2: return random_real(r);
    case 3: return random_bytes(r, a, TARN_VALUE_BLOB);
    default: return random_bytes(r, a, TARN_VALUE_TEXT);
    }
}
