/* fuzz_index.c: any bytes as the page index of a chunk, or as its bloom filter.
**
** What was taken keeps the promises of page_index_read.h: pages in order inside the chunk, rows that
** increase. Statistics of pages then meet every kind of predicate.
*/
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "arena.h"
#include "bloom_read.h"
#include "mem.h"
#include "page_index_read.h"
#include "predicate.h"

#define CHUNK_AT 4
#define CHUNK_SIZE (1 << 20)

static size_t touched;

static void column_of(struct tarn_pq_column *c, unsigned pick) {
    memset(c, 0, sizeof *c);
    c->path = "c";
    c->physical = (enum tarn_physical)(pick % 8);
    c->fixed_len = c->physical == TARN_FIXED ? 5 : 0;
    c->max_def = (uint8_t)(pick / 8 % 2);
    if (pick & 16) c->logical.kind = TARN_LOGICAL_INTEGER;
    if ((pick & 32) && c->physical >= TARN_BYTE_ARRAY) c->logical.kind = TARN_LOGICAL_STRING;
    c->order_unknown = pick / 64 == 3;
}

static void predicates(const struct tarn_pq_column *col, const struct tarn_pq_stats *s,
                       int64_t rows) {
    struct tarn_const k[3];
    struct tarn_predicate p = {0, TARN_OP_EQ, k, 1};

    memset(k, 0, sizeof k);
    for (int i = 0; i < 3; i++) {
        k[i].kind = col->physical <= TARN_INT64 ? TARN_CONST_INT
                    : col->physical == TARN_FLOAT || col->physical == TARN_DOUBLE
                        ? TARN_CONST_REAL
                        : TARN_CONST_BYTES;
        k[i].i = i - 1;
        k[i].r = (double)i - 0.5;
        k[i].bytes = (struct tarn_slice){(const uint8_t *)"needle", (size_t)i * 3};
    }
    for (int op = TARN_OP_EQ; op <= TARN_OP_PREFIX; op++) {
        p.op = (enum tarn_pred_op)op;
        p.n = op == TARN_OP_IN ? 3 : 1;
        if (op == TARN_OP_PREFIX && k[0].kind != TARN_CONST_BYTES) continue;
        touched += (size_t)tarn_pred_excludes(&p, col, s, rows);
    }
}

static void locations(const struct tarn_page_index *x) {
    uint64_t end = CHUNK_AT;

    assert(x->n > 0 && x->n <= x->rows && x->loc[0].first == 0);
    for (uint32_t i = 0; i < x->n; i++) {
        assert(x->loc[i].offset >= end && x->loc[i].size > 0);
        assert(i == 0 || x->loc[i].first > x->loc[i - 1].first);
        assert(x->loc[i].first < x->rows && tarn_page_index_find(x, x->loc[i].first) == i);
        end = x->loc[i].offset + x->loc[i].size;
    }
    assert(end <= CHUNK_AT + CHUNK_SIZE);
}

static void page_index(const uint8_t *p, size_t n) {
    struct tarn_pq_column column;
    struct tarn_pq_chunk chunk;
    struct tarn_page_index x;
    struct tarn_budget budget = {(size_t)16 << 20, 0};
    struct tarn_arena arena;
    size_t first = (size_t)p[1] | (size_t)p[2] << 8;
    uint32_t rows = 1 + ((uint32_t)p[3] | (uint32_t)p[4] << 8);

    if (first > n - 5) first = n - 5;
    column_of(&column, p[0]);
    memset(&chunk, 0, sizeof chunk);
    chunk.offset = CHUNK_AT;
    chunk.size = CHUNK_SIZE;
    chunk.n_values = rows;
    tarn_arena_init(&arena, &budget);
    if (tarn_offset_index_parse(p + 5, first, &chunk, rows, &arena, &x) == 1) {
        locations(&x);
        if (tarn_column_index_parse(p + 5 + first, n - 5 - first, &column, &chunk, &arena, &x) == 1)
            for (uint32_t i = 0; i < x.n; i++)
                predicates(&column, &x.stats[i], tarn_page_index_end(&x, i) - x.loc[i].first);
    }
    tarn_arena_release(&arena);
    assert(budget.used == 0);
}

static void bloom(const uint8_t *p, size_t n) {
    struct tarn_memory_source memory = {p, n, "input.parquet"};
    struct tarn_source src;
    struct tarn_pq_chunk chunk;
    struct tarn_bloom b;
    uint64_t bytes_read = 0;
    int maybe = 0;

    memset(&chunk, 0, sizeof chunk);
    tarn_source_memory(&src, &memory);
    chunk.bloom_offset = 4;
    chunk.bloom_size = n & 1 ? (uint32_t)n - 4 : 0;
    if (tarn_bloom_open(&b, &src, &chunk, &bytes_read, NULL) == TARN_OK)
        for (size_t i = 0; i < 16 && i < n; i++) {
            struct tarn_slice value = {p + i, (n - i) % 40};
            assert(tarn_bloom_check(&b, &src, value, &bytes_read, &maybe, NULL) == TARN_OK);
            assert(b.n_blocks > 0 || maybe);
            touched += (size_t)maybe;
        }
    tarn_bloom_release(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    uint8_t *exact = NULL;

    if (size < 8) return 0;
    exact = tarn_memdup(data + 1, size - 1);
    assert(exact);
    if (data[0] & 1)
        bloom(exact, size - 1);
    else
        page_index(exact, size - 1);
    tarn_free(exact);
    return 0;
}
