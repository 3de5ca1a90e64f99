/* fuzz_decode.c: any bytes as levels, as values of every encoding, and as the pages of one chunk.
**
** Byte 0 picks the part, a few more its parameters; the rest is the input. Two decoders run over the
** same bytes: one reads everything at once, the other skips and reads in small steps. When the first
** gets through, the second must, with the same values. The chunk part has a footer made by hand, so
** that page headers, dictionaries with hostile counts and codecs are reached directly.
*/
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "chunk_read.h"
#include "mem.h"

#define MAX_VALUES 3000
#define BUDGET ((size_t)64 << 20)

static size_t touched;

static void touch(const struct tarn_slice *s) {
    if (s->len > 0) touched += (size_t)s->data[0] + s->data[s->len - 1];
}

static int same(enum tarn_physical t, const void *a, const void *b, uint32_t n, size_t size) {
    const struct tarn_slice *x = a, *y = b;

    if (size < sizeof *x) return memcmp(a, b, n * size) == 0;
    (void)t;
    for (uint32_t i = 0; i < n; i++) {
        if (x[i].len != y[i].len) return 0;
        if (x[i].len && memcmp(x[i].data, y[i].data, x[i].len) != 0) return 0;
    }
    return 1;
}

/* Skips `skip` values, then reads the rest in steps of `step`. */
static void in_steps(struct tarn_values_decoder *d, const void *all, uint32_t n, uint32_t skip,
                     uint32_t step, struct tarn_arena *arena, size_t size) {
    uint8_t *some = tarn_malloc(MAX_VALUES * size);
    const char *why = NULL;

    assert(some);
    assert(tarn_values_skip(d, skip, &why) == TARN_OK);
    for (uint32_t at = skip; at < n;) {
        uint32_t k = n - at < step ? n - at : step;
        assert(tarn_values_read(d, some, k, arena, &why) == TARN_OK);
        assert(same(d->physical, (const uint8_t *)all + at * size, some, k, size));
        at += k;
    }
    tarn_free(some);
}

static void values(const uint8_t *p, size_t n) {
    enum tarn_physical physical = (enum tarn_physical)(p[0] % 8);
    int encoding = p[0] / 8 % 12;
    uint32_t fixed = p[1] % 20u + 1, want = p[2] * 12u % MAX_VALUES, step = p[3] % 70u + 1;
    struct tarn_slice body = {p + 4, n - 4};
    struct tarn_values_decoder a, b;
    struct tarn_budget budget = {BUDGET, 0};
    struct tarn_arena arena;
    const char *why = NULL;
    size_t size = sizeof(struct tarn_slice);
    uint8_t *all = tarn_malloc(MAX_VALUES * size);
    int rc = TARN_OK;

    assert(all);
    memset(&a, 0, sizeof a);
    memset(&b, 0, sizeof b);
    tarn_arena_init(&arena, &budget);
    rc = tarn_values_init(&a, physical, fixed, encoding, body, &why);
    if (a.encoding == TARN_RLE_DICTIONARY)
        size = sizeof(uint32_t);
    else
        size = tarn_physical_size(physical);
    if (rc == TARN_OK) rc = tarn_values_read(&a, all, want, &arena, &why);
    assert(rc == TARN_OK || why);
    for (uint32_t i = 0; rc == TARN_OK && size == sizeof(struct tarn_slice) && i < want; i++)
        touch((const struct tarn_slice *)(const void *)all + i);
    if (rc == TARN_OK) {
        assert(tarn_values_init(&b, physical, fixed, encoding, body, &why) == TARN_OK);
        in_steps(&b, all, want, want ? p[1] * 17u % (want + 1) : 0, step, &arena, size);
    }
    tarn_values_release(&a);
    tarn_values_release(&b);
    tarn_arena_release(&arena);
    assert(budget.used == 0);
    tarn_free(all);
}

static void levels(const uint8_t *p, size_t n) {
    uint8_t all[MAX_VALUES], some[MAX_VALUES], max = p[0] % 5;
    uint32_t want = p[1] * 12u % MAX_VALUES, step = p[2] % 70u + 1, present = 0, sum = 0;
    uint32_t skip = want ? p[3] * 17u % (want + 1) : 0;
    struct tarn_levels a, b;
    int msb = p[0] >> 7;

    memset(all, 1, sizeof all);
    tarn_levels_init(&a, p + 4, n - 4, max, msb);
    if (tarn_levels_read(&a, all, want, &present)) return;
    assert(present <= want);
    if (present == want) memset(all, 1, sizeof all);
    tarn_levels_init(&b, p + 4, n - 4, max, msb);
    assert(tarn_levels_skip(&b, skip, &sum) == 0);
    for (uint32_t at = skip; at < want;) {
        uint32_t k = want - at < step ? want - at : step, there = 0;
        memset(some, 1, k);
        assert(tarn_levels_read(&b, some, k, &there) == 0);
        if (there == k) memset(some, 1, k);
        assert(memcmp(all + at, some, k) == 0);
        sum += there;
        at += k;
    }
    assert(sum == present);
}

static void vector(const struct tarn_vector *v) {
    for (uint32_t i = 0; i < v->n; i++) {
        if (tarn_vector_null(v, i)) continue;
        assert(!v->codes || v->codes[i] < v->dict_n);
        if (tarn_physical_size(v->physical) == sizeof(struct tarn_slice))
            touch(&v->values.bytes[tarn_vector_at(v, i)]);
        else
            touched += ((const uint8_t *)
                            v->values.any)[tarn_vector_at(v, i) * tarn_physical_size(v->physical)];
    }
}

/* A chunk of `rows` rows, read in blocks: forwards, or the last block first; some with selections. */
static void read_chunk(struct tarn_chunk_reader *r, uint32_t rows, unsigned how) {
    struct tarn_budget *budget = r->win.budget;
    uint32_t sel[MAX_VALUES], blocks = (rows + 999) / 1000;

    for (uint32_t k = 0; k < blocks && k < 8; k++) {
        uint32_t first = (how & 1 ? blocks - 1 - k : k) * 1000, n_sel = 0;
        uint32_t n = rows - first < 1000 ? rows - first : 1000;
        struct tarn_pagelist pages = {NULL, 0, 0};
        struct tarn_arena arena;
        struct tarn_vector v;
        struct tarn_err err = {0};
        int rc = TARN_OK;
        tarn_arena_init(&arena, budget);
        for (uint32_t i = how % 7; how & 2 && i < n; i += 1 + how % 11 * (i % 3))
            sel[n_sel++] = i;
        rc = tarn_chunk_read(r, first, n, n_sel ? sel : NULL, n_sel, &arena, &pages, &v, &err);
        if (rc == TARN_OK) {
            assert(v.n == (n_sel ? n_sel : n));
            vector(&v);
        } else {
            assert(err.msg[0]);
        }
        tarn_pagelist_release(&pages);
        tarn_arena_release(&arena);
        assert(budget->used <= BUDGET);
    }
}

static void chunk(const uint8_t *p, size_t n) {
    struct tarn_memory_source memory = {p + 4, n - 4, "input.parquet"};
    struct tarn_budget budget = {BUDGET, 0};
    struct tarn_pq_counters counters = {0};
    struct tarn_decompressor codec = {NULL};
    struct tarn_pq_column column;
    struct tarn_pq_chunk place;
    struct tarn_pq_row_group group;
    struct tarn_pq_footer footer;
    struct tarn_source src;
    struct tarn_chunk_reader r;
    struct tarn_chunk_spec spec = {&footer, &src, 0, 0, NULL, &codec, &budget, &counters};
    uint32_t rows = 1 + p[2] * 37u;

    memset(&column, 0, sizeof column);
    memset(&place, 0, sizeof place);
    memset(&group, 0, sizeof group);
    memset(&footer, 0, sizeof footer);
    tarn_source_memory(&src, &memory);
    column.path = "c";
    column.physical = (enum tarn_physical)(p[0] % 8);
    column.fixed_len = column.physical == TARN_FIXED ? 1u + p[1] / 8 % 16 : 0;
    column.max_def = p[0] / 8 % 3;
    place.codec = (enum tarn_codec)(p[1] % 8);
    place.n_values = rows;
    place.size = n - 4;
    group.rows = rows;
    group.chunks = &place;
    footer.columns = &column;
    footer.n_columns = 1;
    footer.row_groups = &group;
    footer.n_row_groups = 1;
    footer.file_size = n - 4;
    if (tarn_chunk_open(&r, &spec, NULL) == TARN_OK) read_chunk(&r, rows, p[3]);
    tarn_chunk_release(&r);
    tarn_decompressor_release(&codec);
    assert(budget.used == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    uint8_t *exact = NULL;

    if (size < 6) return 0;
    exact = tarn_memdup(data + 1, size - 1);
    assert(exact);
    switch (data[0] % 4) {
    case 0: values(exact, size - 1); break;
    case 1: levels(exact, size - 1); break;
    default: chunk(exact, size - 1);
    }
    tarn_free(exact);
    return 0;
}
