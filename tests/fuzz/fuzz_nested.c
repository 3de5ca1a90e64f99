/* fuzz_nested.c: any bytes as a whole Parquet file: all its columns as nested ones, whole and leaf
** by leaf.
**
** What is read is JSON, memory stays within the budget and is given back, and after an error the
** reader can be asked again. A few rows in order, then one further on, then one before it.
*/
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "nested.h"
#include "text.h"

#define MAX_READERS 48
#define BUDGET ((size_t)16 << 20)

static void check_rows(const struct tarn_vector *v, uint32_t n) {
    assert(v->n == n && v->physical == TARN_BYTE_ARRAY);
    for (uint32_t i = 0; i < n; i++) {
        const struct tarn_slice *s = &v->values.bytes[i];
        size_t where = 0;
        assert(tarn_vector_null(v, i) || tarn_json_check(s->data, s->len, &where) == 0);
    }
}

static void read_rows(struct tarn_nested *p, const uint32_t *rows, uint32_t n,
                      struct tarn_budget *budget) {
    struct tarn_arena arena;
    struct tarn_vector v;
    struct tarn_err err = {0};

    tarn_arena_init(&arena, budget);
    if (tarn_nested_read(p, rows, n, &arena, &v, &err) == TARN_OK)
        check_rows(&v, n);
    else
        assert(err.msg[0] != '\0');
    assert(budget->used <= budget->limit + ((size_t)1 << 20));
    tarn_arena_release(&arena);
}

static void read_node(const struct tarn_source *src, const struct tarn_pq_footer *f, int group,
                      int node, int leaf) {
    struct tarn_budget budget = {BUDGET, 0};
    struct tarn_nested_spec spec = {f, src, group, node, leaf, &budget, NULL};
    struct tarn_nested *p = NULL;
    struct tarn_err err = {0};
    uint32_t rows[40], n = 0, total = (uint32_t)f->row_groups[group].rows, last = total - 1;

    if (tarn_nested_open(&p, &spec, &err) == TARN_OK) {
        while (n < 40 && n < total) {
            rows[n] = n;
            n++;
        }
        if (n) read_rows(p, rows, n, &budget);
        if (n) read_rows(p, &last, 1, &budget);
        if (n) read_rows(p, rows + n / 2, 1, &budget);
    } else {
        assert(p == NULL && err.msg[0] != '\0');
    }
    tarn_nested_free(p);
    assert(budget.used == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct tarn_memory_source memory = {data, size, "input.parquet"};
    struct tarn_source src;
    struct tarn_pq_footer *f = NULL;
    int left = MAX_READERS;

    tarn_source_memory(&src, &memory);
    if (tarn_pq_footer_read(&f, &src, NULL) == TARN_OK) {
        for (int g = 0; g < f->n_row_groups; g++) {
            for (int n = 1; n < f->n_nodes && left > 0; n = f->nodes[n].end) {
                read_node(&src, f, g, n, -1);
                for (int c = n; c < f->nodes[n].end && left-- > 0; c++)
                    if (f->nodes[c].column >= 0) read_node(&src, f, g, n, f->nodes[c].column);
            }
        }
        tarn_pq_footer_free(f);
    }
    tarn_source_close(&src);
    return 0;
}
