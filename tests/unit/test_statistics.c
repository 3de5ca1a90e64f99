/* Statistics of other writers' files never hide a row: for every flat column and its values, scans
** with pushdown give the rows that scans without it give. The files are those whose statistics are
** odd (NaN, infinities, cut or absent bounds, only the old min and max, undefined order), and some
** with dictionaries, page indexes and bloom filters. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "filescan.h"
#include "mem.h"
#include "nested_fixture.h"

enum {
    MAX_VALUES = 40,            /* of a column, spread over its distinct ones */
    MAX_CONSTS = 3 * MAX_VALUES /* with those just beside them */
};

struct values { /* of one column */
    struct tarn_arena arena;
    struct tarn_const *all;
    uint32_t n;
    struct tarn_const consts[MAX_CONSTS + 4];
    uint8_t own[MAX_CONSTS + 4]; /* per constant: a row has this value */
    uint32_t n_consts;
};

static enum tarn_const_kind kind_of(const struct tarn_pq_column *c) {
    switch (c->physical) {
    case TARN_BOOLEAN:
    case TARN_INT32:
    case TARN_INT64: return TARN_CONST_INT;
    case TARN_FLOAT:
    case TARN_DOUBLE: return TARN_CONST_REAL;
    default: return TARN_CONST_BYTES;
    }
}

/* The constant that equals row i. */
static struct tarn_const value_at(const struct tarn_pq_column *c, const struct tarn_vector *v,
                                  uint32_t i) {
    struct tarn_const out = {kind_of(c), 0, 0, {NULL, 0}};
    const union tarn_values *x = &v->values;
    uint32_t at = tarn_vector_at(v, i);
    int is_unsigned = c->logical.kind == TARN_LOGICAL_INTEGER && !c->logical.is_signed;

    switch (c->physical) {
    case TARN_BOOLEAN: out.i = x->u8[at]; break;
    case TARN_INT32: out.i = is_unsigned ? (int64_t)(uint32_t)x->i32[at] : x->i32[at]; break;
    case TARN_INT64: out.i = x->i64[at]; break;
    case TARN_FLOAT: out.r = (double)x->f32[at]; break;
    case TARN_DOUBLE: out.r = x->f64[at]; break;
    default: out.bytes = x->bytes[at];
    }
    return out;
}

static int by_value(const void *a, const void *b) {
    const struct tarn_const *x = a, *y = b;
    size_t n = x->bytes.len < y->bytes.len ? x->bytes.len : y->bytes.len;
    int cmp = n ? memcmp(x->bytes.data, y->bytes.data, n) : 0;

    if (x->kind == TARN_CONST_INT) return (x->i > y->i) - (x->i < y->i);
    if (x->kind == TARN_CONST_REAL) return (x->r > y->r) - (x->r < y->r);
    return cmp ? cmp : (x->bytes.len > y->bytes.len) - (x->bytes.len < y->bytes.len);
}

static struct tarn_pq_scan *open_scan(struct nested_file *f, const struct tarn_predicate *p,
                                      const int *column, int pushdown,
                                      struct tarn_pq_counters *counters) {
    struct tarn_pq_scan_spec spec = {column, 1, p, p != NULL, -1, pushdown, &f->budget, counters};
    struct tarn_pq_scan *s = NULL;
    struct tarn_err err = {0};

    if (tarn_pq_scan_open(&s, f->footer, &f->src, &spec, &err)) fail_msg("%s", err.msg);
    return s;
}

/* All values of the column that are neither NULL nor NaN, sorted, each once. */
static void read_values(struct nested_file *f, int column, struct values *out) {
    const struct tarn_pq_column *c = &f->footer->columns[column];
    struct tarn_pq_scan *s = open_scan(f, NULL, &column, 0, NULL);
    uint32_t n = 0;

    out->n = out->n_consts = 0;
    tarn_arena_init(&out->arena, NULL);
    out->all = tarn_arena_calloc(&out->arena, (size_t)f->footer->rows + 1, sizeof *out->all);
    for (int g = 0; g < f->footer->n_row_groups; g++) {
        struct tarn_pq_block *blocks = NULL;
        size_t n_blocks = 0;
        assert_int_equal(tarn_pq_scan_blocks(s, g, &blocks, &n_blocks, NULL), TARN_OK);
        for (size_t k = 0; k < n_blocks; k++) {
            struct tarn_pq_batch *b = NULL;
            assert_int_equal(tarn_pq_scan_read(s, &blocks[k], &b, NULL), TARN_OK);
            for (uint32_t i = 0; i < b->n; i++) {
                struct tarn_const v;
                if (tarn_vector_null(&b->columns[0], i)) continue;
                v = value_at(c, &b->columns[0], i);
                if (isnan(v.r)) continue;
                if (v.bytes.len)
                    v.bytes.data = tarn_arena_memdup(&out->arena, v.bytes.data, v.bytes.len);
                out->all[n++] = v;
            }
            tarn_pq_batch_release(b);
        }
        tarn_free(blocks);
    }
    tarn_pq_scan_free(s);
    qsort(out->all, n, sizeof *out->all, by_value);
    for (uint32_t i = 0; i < n; i++)
        if (i == 0 || by_value(&out->all[i], &out->all[out->n - 1]) != 0)
            out->all[out->n++] = out->all[i];
}

/* The value, the next one below and the next one above (for bytes: something near). */
static void add_around(struct values *x, const struct tarn_pq_column *c, struct tarn_const v) {
    struct tarn_const near = v;
    uint8_t *longer = NULL;

    x->own[x->n_consts] = 1;
    x->consts[x->n_consts++] = v;
    if (v.kind == TARN_CONST_BYTES) {
        longer = tarn_arena_calloc(&x->arena, v.bytes.len + 1, 1);
        if (v.bytes.len) memcpy(longer, v.bytes.data, v.bytes.len);
        near.bytes = (struct tarn_slice){longer, v.bytes.len + 1}; /* the very next one */
        x->consts[x->n_consts++] = near;
        if (v.bytes.len == 0) return;
        near.bytes = (struct tarn_slice){v.bytes.data, v.bytes.len - 1};
        x->consts[x->n_consts++] = near;
    } else if (v.kind == TARN_CONST_REAL) {
        int is_float = c->physical == TARN_FLOAT;
        near.r = is_float ? (double)nextafterf((float)v.r, -INFINITY) : nextafter(v.r, -INFINITY);
        x->consts[x->n_consts++] = near;
        near.r = is_float ? (double)nextafterf((float)v.r, INFINITY) : nextafter(v.r, INFINITY);
        x->consts[x->n_consts++] = near;
    } else {
        near.i = (int64_t)((uint64_t)v.i - 1); /* at the edge it wraps, which is as good */
        x->consts[x->n_consts++] = near;
        near.i = (int64_t)((uint64_t)v.i + 1);
        x->consts[x->n_consts++] = near;
    }
}

static void choose(struct values *x, const struct tarn_pq_column *c) {
    static const uint8_t high[20] = {255, 255, 255, 255, 255, 255, 255, 255, 255, 255,
                                     255, 255, 255, 255, 255, 255, 255, 255, 255, 255};
    struct tarn_const edge = {kind_of(c), INT64_MIN, -INFINITY, {high, 0}};
    uint32_t n = x->n < MAX_VALUES ? x->n : MAX_VALUES;

    for (uint32_t i = 0; i < n; i++)
        add_around(x, c, x->all[n < 2 ? 0 : (uint64_t)i * (x->n - 1) / (n - 1)]);
    x->consts[x->n_consts++] = edge;
    edge = (struct tarn_const){kind_of(c), INT64_MAX, INFINITY, {high, sizeof high}};
    x->consts[x->n_consts++] = edge;
    edge = (struct tarn_const){kind_of(c), 0, 0.0, {high, c->fixed_len < 20 ? c->fixed_len : 1}};
    x->consts[x->n_consts++] = edge;
    edge.r = -0.0;
    x->consts[x->n_consts++] = edge;
}

/* Marks the rows of the file that a scan gives; returns how many. */
static uint32_t rows_of(struct nested_file *f, const struct tarn_predicate *p, int pushdown,
                        uint8_t *rows, struct tarn_pq_counters *counters) {
    struct tarn_pq_scan *s = open_scan(f, p, &p->column, pushdown, counters);
    struct tarn_err err = {0};
    uint32_t n = 0;

    memset(rows, 0, (size_t)f->footer->rows);
    for (int g = 0; g < f->footer->n_row_groups; g++) {
        struct tarn_pq_block *blocks = NULL;
        size_t n_blocks = 0;
        if (tarn_pq_scan_blocks(s, g, &blocks, &n_blocks, &err)) fail_msg("%s", err.msg);
        for (size_t k = 0; k < n_blocks; k++) {
            struct tarn_pq_batch *b = NULL;
            if (tarn_pq_scan_read(s, &blocks[k], &b, &err)) fail_msg("%s", err.msg);
            for (uint32_t i = 0; i < b->n; i++) {
                uint8_t *row = &rows[f->footer->row_groups[g].first_row + b->row[i]];
                assert_int_equal(*row, 0);
                *row = 1;
                n++;
            }
            tarn_pq_batch_release(b);
        }
        tarn_free(blocks);
    }
    tarn_pq_scan_free(s);
    return n;
}

enum { BOUNDS = 1, NULLS = 2, PAGES = 4, DICTIONARY = 8, BLOOM = 16 };

static unsigned pruned_by(const struct tarn_pq_counters *c, enum tarn_pred_op op) {
    unsigned stats = op == TARN_OP_IS_NULL || op == TARN_OP_NOT_NULL ? NULLS : BOUNDS;

    return (c->row_groups_stats ? stats : 0u) | (c->pages_pruned ? PAGES : 0u) |
           (c->row_groups_dictionary ? DICTIONARY : 0u) | (c->row_groups_bloom ? BLOOM : 0u);
}

/* Both ways give the same rows; returns what has pruned. */
static unsigned compare(struct nested_file *f, const struct tarn_predicate *p, uint8_t *with,
                        uint8_t *without, uint32_t *n) {
    struct tarn_pq_counters counters, none;
    uint32_t found = 0;

    memset(&counters, 0, sizeof counters);
    memset(&none, 0, sizeof none);
    *n = rows_of(f, p, 0, without, &none);
    found = rows_of(f, p, 1, with, &counters);
    assert_int_equal(pruned_by(&none, p->op), 0);
    if (found != *n || memcmp(with, without, (size_t)f->footer->rows) != 0)
        fail_msg("%s, column %s, op %d, constant %lld %.17g \"%.*s\": %u rows of %u", f->name,
                 f->footer->columns[p->column].path, (int)p->op, (long long)p->constants->i,
                 p->constants->r, (int)p->constants->bytes.len,
                 p->constants->bytes.len ? (const char *)p->constants->bytes.data : "", found, *n);
    return pruned_by(&counters, p->op);
}

static unsigned check_column(struct nested_file *f, int column) {
    static const enum tarn_pred_op ops[] = {
        TARN_OP_EQ, TARN_OP_LT,      TARN_OP_GE,       TARN_OP_NE, TARN_OP_LE,
        TARN_OP_GT, TARN_OP_IS_NULL, TARN_OP_NOT_NULL, TARN_OP_IN, TARN_OP_PREFIX};
    const struct tarn_pq_column *c = &f->footer->columns[column];
    size_t rows = (size_t)f->footer->rows;
    uint8_t *with = tarn_malloc(rows), *without = tarn_malloc(rows);
    struct values *x = tarn_calloc(1, sizeof *x);
    unsigned by = 0;
    uint32_t n = 0;

    read_values(f, column, x);
    choose(x, c);
    for (size_t op = 0; op < sizeof ops / sizeof *ops; op++) {
        int finds_own = ops[op] == TARN_OP_EQ || ops[op] == TARN_OP_GE || ops[op] == TARN_OP_LE;
        if (ops[op] == TARN_OP_PREFIX && kind_of(c) != TARN_CONST_BYTES) continue;
        for (uint32_t i = 0; i < x->n_consts; i++) {
            struct tarn_predicate p = {column, ops[op], &x->consts[i], 1};
            by |= compare(f, &p, with, without, &n);
            if (finds_own && x->own[i]) assert_true(n > 0);
        }
    }
    tarn_arena_release(&x->arena);
    tarn_free(x);
    tarn_free(with);
    tarn_free(without);
    return by;
}

/* The files, and what prunes in each: a bound that is not used any more shows here. */
static const struct {
    const char *file;
    unsigned by;
} files[] = {
    /* NaN as a bound or among the values, infinities, both orders of floats */
    {"nan_in_stats", NULLS},
    {"single_nan", BOUNDS | NULLS}, /* all NULL */
    {"floating_orders_nan_count", BOUNDS | NULLS},
    {"float16_nonzeros_and_nans", DICTIONARY},
    {"float16_zeros_and_nans", DICTIONARY},
    /* bounds that are cut off */
    {"binary_truncated_min_max", BOUNDS | NULLS | PAGES},
    /* INT96: no order; the last three have no statistics */
    {"int96_from_spark", DICTIONARY},
    {"alltypes_tiny_pages", BOUNDS | NULLS | PAGES},
    {"alltypes_plain", 0},
    {"alltypes_plain.snappy", 0},
    {"alltypes_dictionary", 0},
    /* the old min and max only */
    {"int32_decimal", BOUNDS | NULLS},
    {"int64_decimal", BOUNDS | NULLS},
    {"fixed_length_decimal", NULLS},
    {"fixed_length_decimal_legacy", NULLS},
    {"datapage_v2.snappy", BOUNDS | NULLS},
    {"nested_maps.snappy", BOUNDS | NULLS},
    {"nonnullable.impala", BOUNDS | NULLS},
    {"nullable.impala", BOUNDS | NULLS},
    /* bytes, page indexes with null pages, bloom filters */
    {"byte_array_decimal", 0},
    {"binary", BOUNDS | NULLS},
    {"delta_encoding_optional_column", BOUNDS | NULLS},
    {"fixed_length_byte_array", BOUNDS | PAGES},
    {"int32_with_null_pages", BOUNDS | PAGES},
    {"data_index_bloom_encoding_stats", BOUNDS | NULLS | BLOOM},
    {"data_index_bloom_encoding_with_length", PAGES | BLOOM},
    {"sort_columns", BOUNDS | NULLS | DICTIONARY},
    {"lz4_raw_compressed", BOUNDS | NULLS},
};

static void statistics_hide_nothing(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        struct nested_file f;
        char path[256];
        unsigned by = 0;
        snprintf(path, sizeof path, "parquet-testing/data/%s.parquet", files[i].file);
        if (!nested_open_data(&f, path)) {
            print_message("SKIPPED: no test data; TARN_REAL_DATA names the folder beside it\n");
            skip();
        }
        for (int c = 0; c < f.footer->n_columns; c++)
            if (f.footer->columns[c].flat) by |= check_column(&f, c);
        if (by != files[i].by) fail_msg("%s: pruned by %#x instead of %#x", path, by, files[i].by);
        assert_int_equal(f.budget.used, 0);
        nested_close(&f);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(statistics_hide_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
