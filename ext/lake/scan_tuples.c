/* scan_tuples.c: values by number, tuples of numbers, both behind open hash tables.
**
**   value ──hash──► column's slots ──► number ─┐
**   value ──hash──► column's slots ──► number ─┴──hash──► tuples' slots ──► tuple, its count
**
** Tables are doubled at half full, so a search ends at an empty slot soon. Order is worked out on
** ranks: each column's few values are sorted once, then tuples compare as rows of integers.
*/
#include "scan_tuples.h"

#include <stdlib.h>
#include <string.h>

#include "mem.h"
#include "xxh64.h"

#define FIRST_SLOTS 64
#define MOST ((uint32_t)1 << 30)

void tarn_tuples_init(struct tarn_tuples *t, int width) {
    memset(t, 0, sizeof *t);
    t->width = width;
    tarn_arena_init(&t->texts, NULL);
}

void tarn_tuples_release(struct tarn_tuples *t) {
    int c;

    for (c = 0; c < t->width; c++) {
        tarn_free(t->columns[c].values);
        tarn_free(t->columns[c].hashes);
        tarn_free(t->columns[c].slots);
    }
    tarn_free(t->ids);
    tarn_free(t->counts);
    tarn_free(t->slots);
    tarn_arena_release(&t->texts);
    tarn_tuples_init(t, t->width);
}

/* The array with room for `cap` items; what it takes more is counted. */
static void *widen(struct tarn_tuples *t, void *array, size_t old, size_t cap, size_t size) {
    void *grown = tarn_reallocarray(array, cap, size);

    if (grown) t->bytes += (cap - old) * size;
    return grown;
}

static uint64_t mix(uint64_t h) {
    h ^= h >> 32;
    h *= UINT64_C(0x9E3779B97F4A7C15);
    return h ^ h >> 29;
}

static uint64_t hash_ids(const uint32_t *ids, int n) {
    uint64_t h = 0;
    int i;

    for (i = 0; i < n; i++)
        h = mix(h + ids[i] + 1);
    return h;
}

static uint64_t hash_value(const struct tarn_scanned *v) {
    uint64_t bits = 0;

    if (v->kind == TARN_SCANNED_TEXT) return tarn_xxh64(v->text.data, v->text.len);
    if (v->kind == TARN_SCANNED_INT) bits = (uint64_t)v->i;
    if (v->kind == TARN_SCANNED_REAL) memcpy(&bits, &v->r, sizeof bits);
    return mix(bits + (uint64_t)v->kind);
}

int tarn_value_compare(const struct tarn_scanned *a, const struct tarn_scanned *b) {
    size_t n;
    int c;

    if (a->kind != b->kind) return a->kind < b->kind ? -1 : 1;
    switch (a->kind) {
    case TARN_SCANNED_INT: return (a->i > b->i) - (a->i < b->i);
    case TARN_SCANNED_REAL: return (a->r > b->r) - (a->r < b->r);
    case TARN_SCANNED_TEXT: break;
    case TARN_SCANNED_NULL: return 0;
    }
    n = a->text.len < b->text.len ? a->text.len : b->text.len;
    c = n ? memcmp(a->text.data, b->text.data, n) : 0;
    return c ? c : (a->text.len > b->text.len) - (a->text.len < b->text.len);
}

/* Doubles a table of slots and enters what was in it: items 0 to n, of which hash_of tells. */
static int more_slots(struct tarn_tuples *t, uint32_t **slots, uint32_t *n_slots, uint32_t n,
                      const struct tarn_tuple_column *col) {
    uint32_t size = *n_slots ? *n_slots * 2 : FIRST_SLOTS;
    uint32_t *grown = tarn_calloc(size, sizeof *grown);
    uint32_t i;

    if (!grown) return TARN_ENOMEM;
    for (i = 0; i < n; i++) {
        uint64_t h =
            col ? col->hashes[i] : hash_ids(t->ids + (size_t)i * (size_t)t->width, t->width);

        while (grown[h & (size - 1)])
            h++;
        grown[h & (size - 1)] = i + 1;
    }
    tarn_free(*slots);
    t->bytes += (size - *n_slots) * sizeof *grown;
    *slots = grown;
    *n_slots = size;
    return TARN_OK;
}

static int add_value(struct tarn_tuples *t, struct tarn_tuple_column *col,
                     const struct tarn_scanned *v, uint64_t hash) {
    uint32_t cap = col->cap ? col->cap * 2 : 32;
    struct tarn_scanned copy = *v;

    if (col->n == MOST) return TARN_ENOMEM;
    if (col->n == col->cap) {
        struct tarn_scanned *values = widen(t, col->values, col->cap, cap, sizeof *values);
        uint64_t *hashes = NULL;

        if (!values) return TARN_ENOMEM;
        col->values = values;
        if ((hashes = widen(t, col->hashes, col->cap, cap, sizeof *hashes)) == NULL)
            return TARN_ENOMEM;
        col->hashes = hashes;
        col->cap = cap;
    }
    if (v->kind == TARN_SCANNED_TEXT && v->text.len) {
        copy.text.data = tarn_arena_memdup(&t->texts, v->text.data, v->text.len);
        if (!copy.text.data) return TARN_ENOMEM;
        t->bytes += v->text.len + 16;
    }
    col->values[col->n] = copy;
    col->hashes[col->n++] = hash;
    return TARN_OK;
}

int tarn_tuples_value(struct tarn_tuples *t, int column, const struct tarn_scanned *v,
                      uint32_t *id) {
    struct tarn_tuple_column *col = &t->columns[column];
    uint64_t hash = hash_value(v), h;

    if (col->n >= col->n_slots / 2 && more_slots(t, &col->slots, &col->n_slots, col->n, col))
        return TARN_ENOMEM;
    for (h = hash; col->slots[h & (col->n_slots - 1)]; h++) {
        *id = col->slots[h & (col->n_slots - 1)] - 1;
        if (col->hashes[*id] == hash && tarn_value_compare(&col->values[*id], v) == 0)
            return TARN_OK;
    }
    if (add_value(t, col, v, hash)) return TARN_ENOMEM;
    *id = col->n - 1;
    col->slots[h & (col->n_slots - 1)] = col->n;
    return TARN_OK;
}

int tarn_tuples_find(struct tarn_tuples *t, const uint32_t *ids, int add, uint32_t *at) {
    size_t width = (size_t)t->width, size = width * sizeof *ids;
    uint32_t cap = t->cap ? t->cap * 2 : 64;
    uint64_t h = hash_ids(ids, t->width);

    if (t->n >= t->n_slots / 2 && more_slots(t, &t->slots, &t->n_slots, t->n, NULL))
        return TARN_ENOMEM;
    for (; t->slots[h & (t->n_slots - 1)]; h++) {
        *at = t->slots[h & (t->n_slots - 1)] - 1;
        if (memcmp(t->ids + *at * width, ids, size) == 0) return TARN_OK;
    }
    *at = UINT32_MAX;
    if (!add) return TARN_OK;
    if (t->n == MOST) return TARN_ENOMEM;
    if (t->n == t->cap) {
        uint32_t *wider = widen(t, t->ids, t->cap * width, cap * width, sizeof *wider);
        uint64_t *counts = NULL;

        if (!wider) return TARN_ENOMEM;
        t->ids = wider;
        if ((counts = widen(t, t->counts, t->cap, cap, sizeof *counts)) == NULL) return TARN_ENOMEM;
        t->counts = counts;
        t->cap = cap;
    }
    memcpy(t->ids + t->n * width, ids, size);
    t->counts[t->n] = 0;
    t->slots[h & (t->n_slots - 1)] = t->n + 1;
    *at = t->n++;
    return TARN_OK;
}

struct ranking {
    const struct tarn_tuples *t;
    const struct tarn_scanned *values;
    uint32_t *ranks[TARN_TUPLE_WIDTH];
};

static int by_value(const void *a, const void *b, void *arg) {
    const struct ranking *r = arg;

    return tarn_value_compare(&r->values[*(const uint32_t *)a], &r->values[*(const uint32_t *)b]);
}

static int by_ranks(const void *a, const void *b, void *arg) {
    const struct ranking *r = arg;
    size_t width = (size_t)r->t->width;
    const uint32_t *x = r->t->ids + *(const uint32_t *)a * width;
    const uint32_t *y = r->t->ids + *(const uint32_t *)b * width;
    size_t c;

    for (c = 0; c < width; c++) {
        if (x[c] != y[c]) return r->ranks[c][x[c]] < r->ranks[c][y[c]] ? -1 : 1;
    }
    return 0;
}

static uint32_t *numbers(uint32_t n) {
    uint32_t *list = tarn_reallocarray(NULL, (size_t)n + 1, sizeof *list);
    uint32_t i;

    for (i = 0; list && i < n; i++)
        list[i] = i;
    return list;
}

/* Where each value of a column stands among the others. */
static uint32_t *rank_values(struct ranking *r, const struct tarn_tuple_column *col, int sign) {
    uint32_t *sorted = numbers(col->n);
    uint32_t *ranks = tarn_reallocarray(NULL, (size_t)col->n + 1, sizeof *ranks);
    uint32_t i;

    if (sorted && ranks) {
        r->values = col->values;
        qsort_r(sorted, col->n, sizeof *sorted, by_value, r);
        for (i = 0; i < col->n; i++)
            ranks[sorted[i]] = sign < 0 ? col->n - 1 - i : i;
        tarn_free(sorted);
        return ranks;
    }
    tarn_free(sorted);
    tarn_free(ranks);
    return NULL;
}

uint32_t *tarn_tuples_order(const struct tarn_tuples *t, const signed char *sign) {
    struct ranking r = {.t = t};
    uint32_t *order = numbers(t->n);
    int ok = order != NULL;
    int c;

    for (c = 0; c < t->width && ok; c++) {
        r.ranks[c] = rank_values(&r, &t->columns[c], sign[c]);
        ok = r.ranks[c] != NULL;
    }
    if (ok) qsort_r(order, t->n, sizeof *order, by_ranks, &r);
    for (c = 0; c < t->width; c++)
        tarn_free(r.ranks[c]);
    if (ok) return order;
    tarn_free(order);
    return NULL;
}
