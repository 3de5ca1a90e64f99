/* encode_dict.h: the distinct values of one column chunk, numbered in order of first appearance.
**
** `plain` is the body of the dictionary page as it will be written. Adding a value returns its
** code, or TARN_DICT_FULL when the dictionary isn't worth going on with: it would exceed
** TARN_DICT_BYTES or `max_entries`, or its hash table met a long chain (values chosen to collide).
** Out of memory is `plain.rc`, and TARN_DICT_FULL too.
*/
#ifndef TARN_ENCODE_DICT_H
#define TARN_ENCODE_DICT_H

#include <string.h>

#include "buf.h"

#define TARN_DICT_BYTES ((size_t)1 << 20)
#define TARN_DICT_FULL UINT32_MAX

struct tarn_dict_slot {
    uint32_t hash;
    uint32_t code; /* code + 1; 0 = free */
};

struct tarn_dict {
    struct tarn_buf plain;   /* entries, PLAIN */
    struct tarn_buf offsets; /* uint32_t per entry: where its bytes start in plain */
    struct tarn_dict_slot *slots;
    uint32_t n_slots; /* a power of two, or 0 */
    uint32_t n;       /* entries */
    uint32_t max_entries;
    uint32_t fixed; /* bytes per value; 0 = BYTE_ARRAY */
    uint32_t last;  /* code of the value added last */
};

void tarn_dict_init(struct tarn_dict *d, uint32_t fixed, uint32_t max_entries);
void tarn_dict_release(struct tarn_dict *d);
void tarn_dict_clear(struct tarn_dict *d); /* keeps the memory */
size_t tarn_dict_memory(const struct tarn_dict *d);

/* The slow half of tarn_dict_add: the value isn't the last one. */
uint32_t tarn_dict_find_or_add(struct tarn_dict *d, const void *p, size_t n);

/* Bytes of entry `code` (without the length), and their number. */
static inline const uint8_t *tarn_dict_entry(const struct tarn_dict *d, uint32_t code, size_t *n) {
    uint32_t at, len = d->fixed;

    memcpy(&at, d->offsets.data + (size_t)code * 4, 4);
    if (!len) memcpy(&len, d->plain.data + at - 4, 4);
    *n = len;
    return d->plain.data + at;
}

/* memcmp without a call: values are short, or differ early. */
static inline int tarn_dict_equal(const uint8_t *a, const uint8_t *b, size_t n) {
    uint64_t x, y;
    uint32_t v, w;

    if (n >= 8) {
        for (size_t i = 0; i < n - 8; i += 8) {
            memcpy(&x, a + i, 8);
            memcpy(&y, b + i, 8);
            if (x != y) return 0;
        }
        memcpy(&x, a + n - 8, 8);
        memcpy(&y, b + n - 8, 8);
        return x == y;
    }
    if (n >= 4) {
        memcpy(&v, a, 4);
        memcpy(&w, b, 4);
        if (v != w) return 0;
        memcpy(&v, a + n - 4, 4);
        memcpy(&w, b + n - 4, 4);
        return v == w;
    }
    return n == 0 || (a[0] == b[0] && a[n / 2] == b[n / 2] && a[n - 1] == b[n - 1]);
}

/* n is `fixed`, when that is set. */
static inline uint32_t tarn_dict_add(struct tarn_dict *d, const void *p, size_t n) {
    if (d->n) {
        size_t len;
        const uint8_t *v = tarn_dict_entry(d, d->last, &len);

        if (len == n && tarn_dict_equal(v, p, n)) return d->last;
    }
    return tarn_dict_find_or_add(d, p, n);
}

#endif
