/* names.c: see names.h. Few names are compared in pairs; many, of which the count may be a stranger's,
** are sorted.
*/
#include "names.h"

#include <stdlib.h>
#include <string.h>

#define FEW 16

static uint8_t lower(uint8_t c) {
    return c >= 'A' && c <= 'Z' ? (uint8_t)(c | 0x20) : c;
}

static int exact(const void *x, const void *y) {
    const struct tarn_slice *a = x, *b = y;

    if (a->len != b->len) return a->len < b->len ? -1 : 1;
    return a->len > 0 ? memcmp(a->data, b->data, a->len) : 0;
}

static int folded(const void *x, const void *y) {
    const struct tarn_slice *a = x, *b = y;

    if (a->len != b->len) return a->len < b->len ? -1 : 1;
    for (size_t i = 0; i < a->len; i++) {
        const int by = lower(a->data[i]) - lower(b->data[i]);

        if (by != 0) return by;
    }
    return 0;
}

int tarn_names_twice(const struct tarn_slice *names, size_t n, int fold, struct tarn_arena *arena,
                     const struct tarn_slice **twice) {
    int (*const compare)(const void *, const void *) = fold ? folded : exact;
    struct tarn_slice *sorted = NULL;

    *twice = NULL;
    if (n <= FEW) {
        for (size_t i = 1; i < n; i++) {
            for (size_t k = 0; k < i; k++) {
                if (compare(&names[i], &names[k]) == 0) *twice = &names[i];
            }
        }
        return TARN_OK;
    }
    sorted = tarn_arena_memdup(arena, names, n * sizeof *names);
    if (sorted == NULL) return arena->rc;
    qsort(sorted, n, sizeof *sorted, compare);
    for (size_t i = 1; i < n && *twice == NULL; i++) {
        if (compare(&sorted[i - 1], &sorted[i]) == 0) *twice = &sorted[i];
    }
    return TARN_OK;
}
