/* fuzz_filescan.c: any bytes as a whole Parquet file: its footer, then all flat columns of all rows.
**
** Each file is scanned plainly, and with predicates that make statistics, dictionaries, blooms and
** page indexes matter. A batch that was given out keeps its header's promises, and memory stays
** within the budget; its cells print as JSON. What a scan gives back is not compared: a file may lie to its statistics.
*/
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "cell.h"
#include "filescan.h"
#include "mem.h"
#include "text.h"

#define MAX_COLUMNS 64
#define MAX_BLOCKS 48 /* per scan: a small file may hold millions of repeated rows */
#define BUDGET ((size_t)64 << 20)

static size_t touched;

static void value(const struct tarn_vector *v, uint32_t at) {
    switch (v->physical) {
    case TARN_BOOLEAN: touched += v->values.u8[at]; break;
    case TARN_INT32: touched += (size_t)v->values.i32[at]; break;
    case TARN_INT64: touched += (size_t)v->values.i64[at]; break;
    case TARN_FLOAT: touched += v->values.f32[at] > 0; break;
    case TARN_DOUBLE: touched += v->values.f64[at] > 0; break;
    default: {
        const struct tarn_slice *s = &v->values.bytes[at];
        if (s->len > 0) touched += (size_t)s->data[0] + s->data[s->len - 1];
    }
    }
}

/* A cell prints as one JSON value, whatever its bytes and its column's type are. */
static void print(const struct tarn_pq_column *col, const struct tarn_vector *v, uint32_t i) {
    struct tarn_buf b = TARN_BUF_INIT((size_t)1 << 20);
    struct tarn_cell cell;
    size_t where = 0;

    tarn_cell_read(col, v, i, &cell);
    tarn_cell_json(&b, col, &cell);
    assert(b.rc != TARN_OK || tarn_json_check(b.data, b.len, &where) == 0);
    tarn_buf_release(&b);
}

static void batch(const struct tarn_pq_footer *f, const struct tarn_pq_scan_spec *spec,
                  const struct tarn_pq_batch *b, const struct tarn_pq_block *block) {
    assert(b->n <= block->rows);
    for (uint32_t i = 0; i < b->n; i++) {
        assert(b->row[i] >= block->first && b->row[i] - block->first < block->rows);
        assert(i == 0 || b->row[i] > b->row[i - 1]);
    }
    for (int c = 0; c < spec->n_columns; c++) {
        const struct tarn_vector *v = &b->columns[c];
        for (uint32_t i = 0; i < v->n && i < 64; i++)
            print(&f->columns[spec->columns[c]], v, i);
        assert(v->n == b->n);
        for (uint32_t i = 0; i < v->n; i++) {
            if (tarn_vector_null(v, i)) continue;
            assert(!v->codes || v->codes[i] < v->dict_n);
            value(v, tarn_vector_at(v, i));
        }
    }
}

static void scan(const struct tarn_source *src, const struct tarn_pq_footer *f,
                 const struct tarn_pq_scan_spec *spec) {
    struct tarn_pq_scan *s = NULL;
    struct tarn_pq_block *blocks = NULL;
    struct tarn_err err = {0};
    size_t n = 0;
    int left = MAX_BLOCKS;

    if (tarn_pq_scan_open(&s, f, src, spec, &err) != TARN_OK) {
        assert(err.msg[0] != '\0');
        return;
    }
    for (int g = 0; g < f->n_row_groups && left > 0; g++, left--) {
        if (tarn_pq_scan_excludes(s, g)) continue;
        tarn_err_clear(&err);
        if (tarn_pq_scan_blocks(s, g, &blocks, &n, &err) != TARN_OK) {
            assert(err.msg[0] != '\0');
            continue;
        }
        for (size_t i = 0; i < n && left > 0; i++, left--) {
            struct tarn_pq_batch *b = NULL;
            assert(blocks[i].row_group == g);
            tarn_err_clear(&err);
            if (tarn_pq_scan_read(s, &blocks[i], &b, &err) == TARN_OK)
                batch(f, spec, b, &blocks[i]);
            else
                assert(b == NULL && err.msg[0] != '\0');
            assert(!spec->budget || spec->budget->used <= spec->budget->limit);
            tarn_pq_batch_release(b);
        }
        tarn_free(blocks);
        blocks = NULL;
    }
    tarn_pq_scan_free(s);
}

/* A predicate on column c, of a kind that `pick` chooses. */
static void predicate(struct tarn_predicate *p, struct tarn_const *k,
                      const struct tarn_pq_column *col, int c, unsigned pick) {
    static const enum tarn_pred_op ops[] = {TARN_OP_EQ,      TARN_OP_LT, TARN_OP_GE,
                                            TARN_OP_IN,      TARN_OP_NE, TARN_OP_IS_NULL,
                                            TARN_OP_NOT_NULL};

    memset(k, 0, sizeof *k);
    k->i = 7;
    k->r = 7.5;
    k->bytes.data = (const uint8_t *)"needle";
    k->bytes.len = 6;
    switch (col->physical) {
    case TARN_BOOLEAN:
    case TARN_INT32:
    case TARN_INT64: k->kind = TARN_CONST_INT; break;
    case TARN_FLOAT:
    case TARN_DOUBLE: k->kind = TARN_CONST_REAL; break;
    default: k->kind = TARN_CONST_BYTES; break;
    }
    p->column = c;
    p->op = ops[pick % (sizeof ops / sizeof *ops)];
    p->constants = k;
    p->n = 1;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct tarn_memory_source memory = {data, size, "input.parquet"};
    struct tarn_source src;
    struct tarn_pq_footer *f = NULL;
    int columns[MAX_COLUMNS];
    int n = 0;

    tarn_source_memory(&src, &memory);
    if (tarn_pq_footer_read(&f, &src, NULL) == TARN_OK) {
        for (int i = 0; i < f->n_columns && n < MAX_COLUMNS; i++)
            if (f->columns[i].flat) columns[n++] = i;
        for (int pass = 0; pass < 3; pass++) {
            struct tarn_budget budget = {BUDGET, 0};
            struct tarn_pq_counters counters = {0};
            struct tarn_pq_scan_spec spec = {columns, n, NULL, 0, -1, 1, &budget, &counters};
            struct tarn_predicate p;
            struct tarn_const k;
            if (pass > 0 && n > 0) {
                int c = columns[(size + (size_t)pass) % (size_t)n];
                predicate(&p, &k, &f->columns[c], c, (unsigned)(size / 7) + (unsigned)pass);
                spec.predicates = &p;
                spec.n_predicates = 1;
            }
            for (int i = 0; i < n && spec.order_column < 0; i++)
                if (f->columns[columns[i]].physical == TARN_INT64) spec.order_column = columns[i];
            scan(&src, f, &spec);
            assert(budget.used == 0);
        }
        tarn_pq_footer_free(f);
    }
    tarn_source_close(&src);
    return 0;
}
