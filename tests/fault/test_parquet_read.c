/* test_parquet_read.c: every allocation and every read of the Parquet reader fails in turn, over files
** of several shapes: ours, in all encodings and codecs, and real ones (nested, V2 pages, LZ4 framings;
** used in place, skipped when they are not there). Each run ends in TARN_ENOMEM, in the read's own
** error, or with the same values as without a fault; nothing stays allocated in the budget.
*/
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cell.h"
#include "filescan.h"
#include "mem.h"
#include "nested.h"
#include "writer.h"

#define ROWS 300
#define BUDGET ((size_t)64 << 20)

struct faulty { /* a source over memory whose n-th read fails */
    const uint8_t *data;
    size_t n;
    unsigned long reads, fails_at; /* 0 = never */
};

static int faulty_read(void *ctx, uint64_t offset, void *out, size_t n, struct tarn_err *err) {
    struct faulty *f = ctx;

    if (++f->reads == f->fails_at)
        return tarn_err_set(err, TARN_EIO, "file.parquet: the read at %llu fails on purpose",
                            (unsigned long long)offset);
    if (offset > f->n || n > f->n - offset)
        return tarn_err_set(err, TARN_ECORRUPT, "file.parquet: ends before %llu",
                            (unsigned long long)offset + n);
    memcpy(out, f->data + offset, n);
    return TARN_OK;
}

struct run {
    struct tarn_source src;
    struct tarn_pq_footer *footer;
    struct tarn_budget budget;
    struct tarn_pq_counters counters;
    struct tarn_err err;
    uint64_t digest; /* of all cells, as JSON */
};

static void digest(struct run *r, const void *p, size_t n) {
    for (size_t i = 0; i < n; i++)
        r->digest = (r->digest ^ ((const uint8_t *)p)[i]) * UINT64_C(1099511628211);
}

static int digest_vector(struct run *r, const struct tarn_pq_column *col,
                         const struct tarn_vector *v) {
    struct tarn_buf b = TARN_BUF_INIT((size_t)32 << 20);
    int rc = TARN_OK;

    for (uint32_t i = 0; i < v->n; i++) {
        struct tarn_cell cell;

        if (col) {
            tarn_cell_read(col, v, i, &cell);
            tarn_cell_json(&b, col, &cell);
        } else if (!tarn_vector_null(v, i)) {
            tarn_buf_put(&b, v->values.bytes[i].data, v->values.bytes[i].len);
        }
        tarn_buf_u8(&b, '\n');
    }
    rc = b.rc;
    if (!rc) digest(r, b.data, b.len);
    tarn_buf_release(&b);
    return rc;
}

/* A column outside of lists, with a predicate that makes page indexes and blooms matter. */
static int read_flat(struct run *r, int column) {
    const struct tarn_pq_column *col = &r->footer->columns[column];
    struct tarn_predicate not_null = {column, TARN_OP_NOT_NULL, NULL, 0};
    struct tarn_pq_scan_spec spec = {&column, 1, &not_null, 1, -1, 1, &r->budget, &r->counters};
    struct tarn_pq_scan *s = NULL;
    struct tarn_pq_block *blocks = NULL;
    int rc = tarn_pq_scan_open(&s, r->footer, &r->src, &spec, &r->err);

    for (int g = 0; g < r->footer->n_row_groups && !rc; g++) {
        size_t n = 0;

        rc = tarn_pq_scan_blocks(s, g, &blocks, &n, &r->err);
        for (size_t i = 0; i < n && !rc; i++) {
            struct tarn_pq_batch *b = NULL;

            rc = tarn_pq_scan_read(s, &blocks[i], &b, &r->err);
            if (!rc) rc = digest_vector(r, col, &b->columns[0]);
            tarn_pq_batch_release(b);
        }
        tarn_free(blocks);
        blocks = NULL;
    }
    tarn_pq_scan_free(s);
    return rc;
}

static int read_nested(struct run *r, int node) {
    int rc = TARN_OK;

    for (int g = 0; g < r->footer->n_row_groups && !rc; g++) {
        struct tarn_nested_spec spec = {r->footer, &r->src, g, node, -1, &r->budget, &r->counters};
        struct tarn_nested *p = NULL;
        struct tarn_arena arena;
        struct tarn_vector v;
        uint32_t rows[ROWS], n = (uint32_t)r->footer->row_groups[g].rows;

        if (n > ROWS) n = ROWS;
        for (uint32_t i = 0; i < n; i++)
            rows[i] = i;
        tarn_arena_init(&arena, &r->budget);
        rc = tarn_nested_open(&p, &spec, &r->err);
        if (!rc) rc = tarn_nested_read(p, rows, n, &arena, &v, &r->err);
        if (!rc) rc = digest_vector(r, NULL, &v);
        tarn_nested_free(p);
        tarn_arena_release(&arena);
    }
    return rc;
}

static int read_all(struct faulty *f, struct run *r) {
    int rc = TARN_OK;

    memset(r, 0, sizeof *r);
    r->budget.limit = BUDGET;
    r->src =
        (struct tarn_source){.ctx = f, .size = f->n, .name = "file.parquet", .read = faulty_read};
    f->reads = 0;
    rc = tarn_pq_footer_read(&r->footer, &r->src, &r->err);
    for (int i = 1; !rc && i < r->footer->n_nodes; i = r->footer->nodes[i].end) {
        int column = r->footer->nodes[i].column;

        if (column >= 0 && r->footer->columns[column].max_rep == 0)
            rc = read_flat(r, column);
        else
            rc = read_nested(r, i);
    }
    tarn_pq_footer_free(r->footer);
    assert_int_equal(r->budget.used, 0);
    return rc;
}

static void check_round(const struct run *r, int rc, int expected, uint64_t whole) {
    if (rc == TARN_OK) {
        assert_true(r->digest == whole);
    } else {
        if (rc != expected) print_error("%d, expected %d: %s\n", rc, expected, r->err.msg);
        assert_int_equal(rc, expected);
    }
}

static void fail_each(const char *name, const uint8_t *p, size_t n) {
    struct faulty f = {p, n, 0, 0};
    struct run r;
    uint64_t whole = 0;
    unsigned long allocations = 0, reads = 0, errors = 0;

    (void)tarn_mem_fail_after(0, 0);
    if (read_all(&f, &r)) fail_msg("%s: %s", name, r.err.msg);
    whole = r.digest;
    reads = f.reads;
    allocations = tarn_mem_fail_after(0, 0);
    for (int sticky = 0; sticky <= 1; sticky++)
        for (unsigned long i = 1; i <= allocations; i++) {
            int rc;

            (void)tarn_mem_fail_after(i, sticky);
            rc = read_all(&f, &r);
            (void)tarn_mem_fail_after(0, 0);
            errors += rc != TARN_OK;
            check_round(&r, rc, TARN_ENOMEM, whole);
        }
    for (f.fails_at = 1; f.fails_at <= reads; f.fails_at++) {
        int rc = read_all(&f, &r);

        errors += rc != TARN_OK;
        check_round(&r, rc, TARN_EIO, whole);
    }
    print_message("%s: %lu allocations, %lu reads, %lu errors\n", name, allocations, reads, errors);
    assert_true(errors > (2 * allocations + reads) / 2);
}

static void put_row(struct tarn_pq_writer *w, uint32_t i) {
    char text[32];
    int n = snprintf(text, sizeof text, "text %u", i % 9);

    tarn_pq_put_i64(w, 0, INT64_C(1770000000000) + (int64_t)i * 250);
    if (i % 3) tarn_pq_put_bytes(w, 1, text, (size_t)n);
    if (i % 4) tarn_pq_put_f64(w, 2, i / 7.0);
    if (i % 5) tarn_pq_put_bool(w, 3, i % 2 == 0);
}

static void ours(void **state) {
    static const struct {
        const char *name;
        enum tarn_codec codec;
        unsigned flags;
    } shapes[] = {
        {"plain", TARN_UNCOMPRESSED, 0},
        {"dictionary", TARN_SNAPPY, TARN_COL_STATS | TARN_COL_DICT | TARN_COL_BLOOM},
        {"delta", TARN_ZSTD, TARN_COL_STATS | TARN_COL_DELTA | TARN_COL_PAGE_STATS},
        {"gzip", TARN_GZIP, TARN_COL_STATS | TARN_COL_PAGE_STATS},
        {"lz4", TARN_LZ4_RAW, TARN_COL_STATS | TARN_COL_DICT},
    };
    static const enum tarn_physical physical[] = {TARN_INT64, TARN_BYTE_ARRAY, TARN_DOUBLE,
                                                  TARN_BOOLEAN};
    static const char *const names[] = {"ts", "type", "real", "flag"};

    (void)state;
    for (size_t k = 0; k < sizeof shapes / sizeof *shapes; k++) {
        struct tarn_column_spec columns[4];
        struct tarn_pq_writer_spec spec;
        struct tarn_buf file = TARN_BUF_INIT((size_t)1 << 20);
        struct tarn_sink sink;
        struct tarn_pq_writer *w = NULL;

        memset(columns, 0, sizeof columns);
        memset(&spec, 0, sizeof spec);
        for (int i = 0; i < 4; i++) {
            columns[i].name = names[i];
            columns[i].physical = physical[i];
            columns[i].repetition = i ? TARN_OPTIONAL : TARN_REQUIRED;
            columns[i].flags = shapes[k].flags;
            columns[i].codec = -1;
        }
        spec.columns = columns;
        spec.n_columns = 4;
        spec.codec = shapes[k].codec;
        spec.row_group_rows = 160;
        spec.page_rows = 32;
        tarn_sink_buf(&sink, &file);
        assert_int_equal(tarn_pq_writer_open(&w, &spec, &sink, NULL), TARN_OK);
        for (uint32_t i = 0; i < ROWS; i++) {
            put_row(w, i);
            tarn_pq_end_row(w);
        }
        assert_int_equal(tarn_pq_writer_finish(w, NULL), TARN_OK);
        tarn_pq_writer_free(w);
        fail_each(shapes[k].name, file.data, file.len);
        tarn_buf_release(&file);
    }
}

/* Files of others; the folder of test data is beside the one that TARN_REAL_DATA names. */
static void theirs(void **state) {
    static const char *const files[] = {
        "data/datapage_v2.snappy.parquet",    "data/list_columns.parquet",
        "data/nullable.impala.parquet",       "data/nested_maps.snappy.parquet",
        "data/hadoop_lz4_compressed.parquet", "data/alltypes_plain.parquet",
        "data/fixed_length_decimal.parquet",  "data/float16_nonzeros_and_nans.parquet",
        "shredded_variant/case-045.parquet",  "shredded_variant/case-126.parquet",
    };
    const char *given = getenv("TARN_REAL_DATA"), *top = getenv("TOP");
    char path[512];

    (void)state;
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        struct tarn_buf b = TARN_BUF_INIT((size_t)1 << 20);
        uint8_t some[4096];
        size_t n = 0;
        FILE *f = NULL;

        if (given && *given)
            snprintf(path, sizeof path, "%s/../parquet-testing/%s", given, files[i]);
        else
            snprintf(path, sizeof path, "%s/../shared/data/parquet-testing/%s", top ? top : ".",
                     files[i]);
        f = fopen(path, "rb");
        if (!f) {
            print_message("SKIPPED: %s is not here; TARN_REAL_DATA names the folder beside it\n",
                          path);
            skip();
        }
        while ((n = fread(some, 1, sizeof some, f)) > 0)
            tarn_buf_put(&b, some, n);
        fclose(f);
        assert_int_equal(b.rc, TARN_OK);
        fail_each(files[i], b.data, b.len);
        tarn_buf_release(&b);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ours),
        cmocka_unit_test(theirs),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
