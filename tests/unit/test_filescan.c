/* Scans of files that the writer made, against a plain evaluation of the same rows: every way of
** pruning on and off, blocks forwards and backwards, and what damage to page indexes does. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "buf.h"
#include "filescan.h"
#include "mem.h"
#include "writer.h"

static uint64_t seed = 11;

static uint32_t rnd(void) {
    seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(seed >> 33);
}

enum { TS, TYPE, SIZE, RATIO, FLAG, NOTE, COLUMNS, ROWS = 30000 };

struct row {
    int64_t ts;
    int type; /* -1 = NULL */
    int32_t size;
    int has_size, has_ratio, flag;
    double ratio;
    int note;
};

static struct row rows[ROWS];

static void text(char *out, size_t n, const char *what, int i) {
    snprintf(out, n, "%s.%05d", what, i);
}

static void make_rows(void) {
    for (int i = 0; i < ROWS; i++) {
        struct row *r = &rows[i];
        r->ts = 1000000 + (int64_t)i * 10 + (int64_t)(rnd() % 5);
        r->type = rnd() % 13 == 0 ? -1 : (int)(rnd() % 20) + (i / 10000) * 20;
        r->has_size = i / 3000 % 2 ? 1 : rnd() % 3 != 0;
        r->size = (int32_t)(rnd() % 100000);
        r->has_ratio = i < 5000 ? 0 : rnd() % 2 == 0;
        r->ratio = (double)(rnd() % 1000) / 8;
        r->flag = i / 64 % 2;
        r->note = (int)(rnd() % 50000);
    }
}

static void write_rows(struct tarn_buf *out, enum tarn_codec codec, uint32_t group, uint32_t page) {
    static const struct tarn_column_spec columns[COLUMNS] = {
        [TS] = {.name = "ts",
                .physical = TARN_INT64,
                .repetition = TARN_REQUIRED,
                .flags = TARN_COL_STATS | TARN_COL_DELTA,
                .codec = -1},
        [TYPE] = {.name = "type",
                  .physical = TARN_BYTE_ARRAY,
                  .repetition = TARN_OPTIONAL,
                  .logical = {.kind = TARN_LOGICAL_STRING},
                  .flags = TARN_COL_STATS | TARN_COL_DICT,
                  .codec = -1},
        [SIZE] = {.name = "size",
                  .physical = TARN_INT32,
                  .repetition = TARN_OPTIONAL,
                  .flags = TARN_COL_STATS,
                  .codec = -1},
        [RATIO] = {.name = "ratio",
                   .physical = TARN_DOUBLE,
                   .repetition = TARN_OPTIONAL,
                   .flags = TARN_COL_STATS,
                   .codec = -1},
        [FLAG] = {.name = "flag",
                  .physical = TARN_BOOLEAN,
                  .repetition = TARN_REQUIRED,
                  .flags = TARN_COL_STATS,
                  .codec = -1},
        [NOTE] = {.name = "note",
                  .physical = TARN_BYTE_ARRAY,
                  .repetition = TARN_REQUIRED,
                  .logical = {.kind = TARN_LOGICAL_STRING},
                  .flags = TARN_COL_BLOOM,
                  .codec = -1}};
    struct tarn_pq_writer_spec spec = {.columns = columns,
                                       .n_columns = COLUMNS,
                                       .codec = codec,
                                       .row_group_rows = group,
                                       .page_rows = page,
                                       .sort_column = TS};
    struct tarn_sink sink;
    struct tarn_pq_writer *w = NULL;
    struct tarn_err err = {0};
    char t[32];
    tarn_buf_init(out, 1 << 26);
    tarn_sink_buf(&sink, out);
    assert_int_equal(tarn_pq_writer_open(&w, &spec, &sink, &err), TARN_OK);
    for (int i = 0; i < ROWS; i++) {
        const struct row *r = &rows[i];
        tarn_pq_put_i64(w, TS, r->ts);
        text(t, sizeof t, "type", r->type);
        if (r->type >= 0) tarn_pq_put_bytes(w, TYPE, t, strlen(t));
        if (r->has_size) tarn_pq_put_i32(w, SIZE, r->size);
        if (r->has_ratio) tarn_pq_put_f64(w, RATIO, r->ratio);
        tarn_pq_put_bool(w, FLAG, r->flag);
        text(t, sizeof t, "note", r->note);
        tarn_pq_put_bytes(w, NOTE, t, strlen(t));
        assert_int_equal(tarn_pq_end_row(w), TARN_OK);
    }
    assert_int_equal(tarn_pq_writer_finish(w, &err), TARN_OK);
    tarn_pq_writer_free(w);
}

struct file {
    struct tarn_buf bytes;
    struct tarn_memory_source memory;
    struct tarn_source src;
    struct tarn_pq_footer *footer;
    struct tarn_budget budget;
    struct tarn_pq_counters counters;
};

static void file_use(struct file *f) {
    struct tarn_err err = {0};
    f->memory = (struct tarn_memory_source){f->bytes.data, f->bytes.len, "test.parquet"};
    tarn_source_memory(&f->src, &f->memory);
    assert_int_equal(tarn_pq_footer_read(&f->footer, &f->src, &err), TARN_OK);
    assert_int_equal(f->footer->rows, ROWS);
}

static void file_make(struct file *f, enum tarn_codec codec, uint32_t group, uint32_t page) {
    memset(f, 0, sizeof *f);
    make_rows();
    write_rows(&f->bytes, codec, group, page);
    file_use(f);
}

static void file_free(struct file *f) {
    tarn_pq_footer_free(f->footer);
    tarn_buf_release(&f->bytes);
    assert_int_equal(f->budget.used, 0);
}

static int text_is(struct tarn_slice s, const char *what, int i) {
    char t[32];
    text(t, sizeof t, what, i);
    return s.len == strlen(t) && memcmp(s.data, t, s.len) == 0;
}

static void check_row(const struct tarn_pq_batch *b, const int *columns, int n, uint32_t i,
                      const struct row *r) {
    for (int c = 0; c < n; c++) {
        const struct tarn_vector *v = &b->columns[c];
        uint32_t at = tarn_vector_at(v, i);
        int null = tarn_vector_null(v, i);
        switch (columns[c]) {
        case TS: assert_true(!null && v->values.i64[at] == r->ts); break;
        case TYPE:
            assert_int_equal(null, r->type < 0);
            if (!null) assert_true(text_is(v->values.bytes[at], "type", r->type));
            break;
        case SIZE:
            assert_int_equal(null, !r->has_size);
            assert_int_equal(v->values.i32[at], null ? 0 : r->size);
            break;
        case RATIO:
            assert_int_equal(null, !r->has_ratio);
            if (!null) assert_true(v->values.f64[at] == r->ratio);
            break;
        case FLAG: assert_true(!null && v->values.u8[at] == r->flag); break;
        default: assert_true(!null && text_is(v->values.bytes[at], "note", r->note));
        }
    }
}

/* Condition k of a fixed set on row r, and the predicate that says the same. */
static int matches(int k, const struct row *r) {
    switch (k) {
    case 0: return r->ts >= 1100000 && r->ts < 1130000;
    case 1: return r->type == 25;
    case 2: return r->has_size && r->size < 500;
    case 3: return !r->has_ratio;
    case 4: return r->has_ratio && r->ratio > 120;
    case 5: return r->flag == 1;
    case 6: return r->note == rows[777].note;
    case 7: return r->type >= 0;
    case 8: return r->type == 3 || r->type == 44;
    case 9: return r->type >= 40 && r->type <= 49;
    case 10: return r->type == 9999;
    default: return r->ts >= 1299990;
    }
}

enum { CONDITIONS = 12 };

static int conditions(int k, struct tarn_predicate *p, struct tarn_const *c, char t[4][32]) {
    memset(c, 0, 4 * sizeof *c);
    p[0] = (struct tarn_predicate){TYPE, TARN_OP_EQ, c, 1};
    c[0].kind = TARN_CONST_BYTES;
    text(t[0], 32, "type", k == 1 ? 25 : k == 8 ? 44 : 9999);
    if (k == 6) text(t[0], 32, "note", rows[777].note);
    if (k == 9) snprintf(t[0], 32, "type.0004");
    c[0].bytes = (struct tarn_slice){(const uint8_t *)t[0], strlen(t[0])};
    switch (k) {
    case 0:
        c[0] = (struct tarn_const){.kind = TARN_CONST_INT, .i = 1100000};
        c[1] = (struct tarn_const){.kind = TARN_CONST_INT, .i = 1130000};
        p[0] = (struct tarn_predicate){TS, TARN_OP_GE, &c[0], 1};
        p[1] = (struct tarn_predicate){TS, TARN_OP_LT, &c[1], 1};
        return 2;
    case 2:
        c[0] = (struct tarn_const){.kind = TARN_CONST_INT, .i = 500};
        p[0] = (struct tarn_predicate){SIZE, TARN_OP_LT, c, 1};
        return 1;
    case 3: p[0] = (struct tarn_predicate){RATIO, TARN_OP_IS_NULL, NULL, 0}; return 1;
    case 4:
        c[0] = (struct tarn_const){.kind = TARN_CONST_REAL, .r = 120};
        p[0] = (struct tarn_predicate){RATIO, TARN_OP_GT, c, 1};
        return 1;
    case 5:
        c[0] = (struct tarn_const){.kind = TARN_CONST_INT, .i = 1};
        p[0] = (struct tarn_predicate){FLAG, TARN_OP_EQ, c, 1};
        return 1;
    case 6: p[0].column = NOTE; return 1;
    case 7: p[0] = (struct tarn_predicate){TYPE, TARN_OP_NOT_NULL, NULL, 0}; return 1;
    case 8:
        text(t[1], 32, "type", 3);
        c[1] = c[0];
        c[1].bytes.data = (const uint8_t *)t[1];
        p[0].op = TARN_OP_IN;
        p[0].n = 2;
        return 1;
    case 9: p[0].op = TARN_OP_PREFIX; return 1;
    case 11:
        c[0] = (struct tarn_const){.kind = TARN_CONST_INT, .i = 1299990};
        p[0] = (struct tarn_predicate){TS, TARN_OP_GE, c, 1};
        return 1;
    default: return 1;
    }
}

struct query {
    int a, b; /* conditions; -1 = none */
    const int *columns;
    int n_columns, order, pushdown, backwards;
};

/* Runs the query, checks every row, and that exactly the matching ones come. */
static uint32_t run(struct file *f, const struct query *q) {
    struct tarn_predicate p[4];
    struct tarn_const c[2][4];
    char t[2][4][32];
    struct tarn_pq_scan_spec spec = {q->columns, q->n_columns, p,          0,
                                     q->order,   q->pushdown,  &f->budget, &f->counters};
    struct tarn_pq_scan *s = NULL;
    struct tarn_err err = {0};
    static uint8_t seen[ROWS];
    uint32_t n_seen = 0, n_want = 0;
    int groups = f->footer->n_row_groups;
    if (q->a >= 0) spec.n_predicates += conditions(q->a, p, c[0], t[0]);
    if (q->b >= 0) spec.n_predicates += conditions(q->b, p + spec.n_predicates, c[1], t[1]);
    memset(seen, 0, sizeof seen);
    memset(&f->counters, 0, sizeof f->counters);
    assert_int_equal(tarn_pq_scan_open(&s, f->footer, &f->src, &spec, &err), TARN_OK);
    for (int g0 = 0; g0 < groups; g0++) {
        int g = q->backwards ? groups - 1 - g0 : g0;
        struct tarn_pq_block *blocks = NULL;
        size_t n = 0;
        if (g % 2 && tarn_pq_scan_excludes(s, g)) continue;
        assert_int_equal(tarn_pq_scan_blocks(s, g, &blocks, &n, &err), TARN_OK);
        for (size_t k0 = 0; k0 < n; k0++) {
            const struct tarn_pq_block *blk = &blocks[q->backwards ? n - 1 - k0 : k0];
            struct tarn_pq_batch *b = NULL;
            assert_int_equal(tarn_pq_scan_read(s, blk, &b, &err), TARN_OK);
            for (uint32_t i = 0; i < b->n; i++) {
                uint64_t at = f->footer->row_groups[g].first_row + b->row[i];
                assert_true(b->row[i] >= blk->first && b->row[i] - blk->first < blk->rows);
                check_row(b, q->columns, q->n_columns, i, &rows[at]);
                assert_true(q->order < 0 || (rows[at].ts >= blk->lo && rows[at].ts <= blk->hi));
                assert_false(seen[at]);
                seen[at] = 1;
                n_seen++;
            }
            tarn_pq_batch_release(b);
        }
        tarn_free(blocks);
    }
    tarn_pq_scan_free(s);
    for (int i = 0; i < ROWS; i++) {
        int want = (q->a < 0 || matches(q->a, &rows[i])) && (q->b < 0 || matches(q->b, &rows[i]));
        n_want += (uint32_t)want;
        assert_int_equal(seen[i], want);
    }
    assert_int_equal(n_seen, n_want);
    assert_int_equal(f->counters.rows_out, n_want);
    assert_int_equal(f->budget.used, 0);
    return n_want;
}

static const int all[] = {TS, TYPE, SIZE, RATIO, FLAG, NOTE};

static void check_all(struct file *f, int step) {
    for (int a = -1; a < CONDITIONS; a++) {
        for (int b = a; b < CONDITIONS; b += b < 0 ? CONDITIONS + 1 : step) {
            static const int some[] = {NOTE, SIZE};
            struct query q = {a, b == a ? -1 : b, all, COLUMNS, -1, 1, 0};
            if (rnd() % 2) {
                q.columns = some;
                q.n_columns = 2;
            }
            q.order = rnd() % 2 ? TS : -1;
            q.backwards = (int)(rnd() % 2);
            q.pushdown = rnd() % 4 != 0;
            run(f, &q);
        }
    }
}

static void test_small_pages_snappy(void **state) {
    struct file f;
    (void)state;
    file_make(&f, TARN_SNAPPY, 10000, 512);
    check_all(&f, 1);
    file_free(&f);
}

static void test_other_codecs(void **state) {
    const enum tarn_codec codecs[] = {TARN_UNCOMPRESSED, TARN_ZSTD, TARN_GZIP, TARN_LZ4_RAW};
    (void)state;
    for (unsigned i = 0; i < 4; i++) {
        struct file f;
        file_make(&f, codecs[i], i % 2 ? 0 : 7000, 0);
        check_all(&f, 5);
        file_free(&f);
    }
}

/* What each way of pruning saves, by the counters. */
static void test_pruning_is_counted(void **state) {
    struct file f;
    struct query q = {0, -1, all, COLUMNS, -1, 1, 0};
    (void)state;
    file_make(&f, TARN_SNAPPY, 10000, 500);
    run(&f, &q); /* 3,000 rows of ts in the second row group: 6 to 8 pages of 20 */
    assert_int_equal(f.counters.row_groups, 3);
    assert_int_equal(f.counters.row_groups_stats, 2);
    assert_int_equal(f.counters.pages, 20 * COLUMNS);
    assert_in_range(f.counters.pages_pruned, 12 * COLUMNS, 14 * COLUMNS);
    assert_in_range(f.counters.pages_decoded, 6 * COLUMNS, 8 * COLUMNS);
    q.a = 1; /* a type that the second row group alone has */
    run(&f, &q);
    assert_int_equal(f.counters.row_groups_stats + f.counters.row_groups_dictionary, 2);
    q.a = 10; /* beyond every maximum */
    run(&f, &q);
    assert_int_equal(f.counters.row_groups_stats, 3);
    q.a = 6; /* one note: blooms leave one row group, rarely more */
    run(&f, &q);
    assert_in_range(f.counters.row_groups_bloom, 1, 2);
    q.pushdown = 0;
    run(&f, &q);
    assert_int_equal(f.counters.row_groups_bloom, 0);
    assert_int_equal(f.counters.pages_pruned, 0);
    file_free(&f);
}

/* A type between the dictionary's entries: statistics can't tell, the dictionary can. */
static void test_dictionary_excludes(void **state) {
    struct file f;
    struct tarn_const c = {.kind = TARN_CONST_BYTES, .bytes = {(const uint8_t *)"type.00003x", 11}};
    struct tarn_predicate p = {TYPE, TARN_OP_EQ, &c, 1};
    struct tarn_pq_scan_spec spec = {all, COLUMNS, &p, 1, -1, 1, NULL, &f.counters};
    struct tarn_pq_scan *s = NULL;
    struct tarn_err err = {0};
    struct tarn_pq_block *blocks = NULL;
    size_t n = 9;
    (void)state;
    file_make(&f, TARN_SNAPPY, 10000, 500);
    assert_int_equal(tarn_pq_scan_open(&s, f.footer, &f.src, &spec, &err), TARN_OK);
    assert_int_equal(tarn_pq_scan_blocks(s, 0, &blocks, &n, &err), TARN_OK);
    assert_int_equal(n, 0);
    assert_int_equal(f.counters.row_groups_dictionary, 1);
    tarn_pq_scan_free(s);
    file_free(&f);
}

/* Ordered scans get small blocks with tight bounds, in file order. */
static void test_order_bounds(void **state) {
    struct file f;
    int ts = TS;
    struct tarn_pq_scan_spec spec = {&ts, 1, NULL, 0, TS, 1, NULL, NULL};
    struct tarn_pq_scan *s = NULL;
    struct tarn_err err = {0};
    struct tarn_pq_block *blocks = NULL;
    size_t n = 0;
    uint32_t next = 0;
    (void)state;
    file_make(&f, TARN_SNAPPY, 0, 2048);
    assert_int_equal(tarn_pq_scan_open(&s, f.footer, &f.src, &spec, &err), TARN_OK);
    assert_int_equal(tarn_pq_scan_blocks(s, 0, &blocks, &n, &err), TARN_OK);
    assert_int_equal(n, (ROWS + 2047) / 2048);
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(blocks[i].first, next);
        next += blocks[i].rows;
        assert_int_equal(blocks[i].lo, rows[blocks[i].first].ts);
        assert_int_equal(blocks[i].hi, rows[next - 1].ts);
    }
    assert_int_equal(next, ROWS);
    tarn_free(blocks);
    tarn_pq_scan_free(s);
    file_free(&f);
}

/* Page indexes with a flipped byte: dropped or harmless for what is not filtered, and never a
** crash. Without predicates every row must still come, with the right values. */
static void test_damaged_offset_indexes(void **state) {
    struct file f;
    const struct tarn_pq_chunk *first = NULL;
    uint64_t begin = UINT64_MAX, end = 0;
    (void)state;
    file_make(&f, TARN_SNAPPY, 10000, 500);
    for (int g = 0; g < f.footer->n_row_groups; g++) {
        for (int c = 0; c < COLUMNS; c++) {
            first = &f.footer->row_groups[g].chunks[c];
            if (first->offset_index_offset < begin) begin = first->offset_index_offset;
            if (first->offset_index_offset + first->offset_index_size > end)
                end = first->offset_index_offset + first->offset_index_size;
        }
    }
    for (int round = 0; round < 60; round++) {
        uint64_t at = begin + rnd() % (end - begin);
        uint8_t old = f.bytes.data[at];
        struct query q = {-1, -1, all, COLUMNS, -1, 1, round % 2};
        f.bytes.data[at] ^= (uint8_t)(1 << rnd() % 8);
        run(&f, &q);
        f.bytes.data[at] = old;
    }
    file_free(&f);
}

static void test_budget_and_bad_columns(void **state) {
    struct file f;
    int bad = COLUMNS, note = NOTE;
    struct tarn_budget small = {20000, 0};
    struct tarn_pq_scan_spec spec = {&bad, 1, NULL, 0, -1, 1, NULL, NULL};
    struct tarn_pq_scan *s = NULL;
    struct tarn_pq_batch *b = NULL;
    struct tarn_pq_block block = {0, 0, 2048, 0, 0};
    struct tarn_err err = {0};
    (void)state;
    file_make(&f, TARN_SNAPPY, 0, 0);
    assert_int_equal(tarn_pq_scan_open(&s, f.footer, &f.src, &spec, &err), TARN_EINVAL);
    assert_null(s);
    spec.columns = &note;
    spec.budget = &small;
    tarn_err_clear(&err);
    assert_int_equal(tarn_pq_scan_open(&s, f.footer, &f.src, &spec, &err), TARN_OK);
    assert_int_equal(tarn_pq_scan_read(s, &block, &b, &err), TARN_ELIMIT);
    assert_null(b);
    assert_non_null(strstr(err.msg, "memoryBudget, "));
    block.rows = ROWS + 1;
    tarn_err_clear(&err);
    assert_int_equal(tarn_pq_scan_read(s, &block, &b, &err), TARN_EINVAL);
    tarn_pq_scan_free(s);
    assert_int_equal(small.used, 0);
    file_free(&f);
}

/* A batch outlives the scan and everything the scan read after it. */
static void test_batch_outlives_scan(void **state) {
    struct file f;
    struct query q = {0, -1, all, COLUMNS, -1, 1, 0};
    struct tarn_pq_scan_spec spec = {all, COLUMNS, NULL, 0, -1, 1, &f.budget, NULL};
    struct tarn_pq_scan *s = NULL;
    struct tarn_pq_batch *b[4] = {NULL};
    struct tarn_pq_block *blocks = NULL;
    struct tarn_err err = {0};
    size_t n = 0;
    (void)state;
    file_make(&f, TARN_UNCOMPRESSED, 0, 2048);
    assert_int_equal(tarn_pq_scan_open(&s, f.footer, &f.src, &spec, &err), TARN_OK);
    assert_int_equal(tarn_pq_scan_blocks(s, 0, &blocks, &n, &err), TARN_OK);
    assert_true(n >= 4);
    for (int i = 0; i < 4; i++)
        assert_int_equal(tarn_pq_scan_read(s, &blocks[3 - i], &b[i], &err), TARN_OK);
    tarn_pq_scan_free(s);
    for (int i = 0; i < 4; i++) {
        for (uint32_t k = 0; k < b[i]->n; k++)
            check_row(b[i], all, COLUMNS, k, &rows[b[i]->row[k]]);
        tarn_pq_batch_release(b[i]);
    }
    tarn_free(blocks);
    run(&f, &q);
    file_free(&f);
}

/* Every allocation of a query fails in turn: an error each time, no leak, no crash. */
static void test_allocations_fail_in_turn(void **state) {
    struct file f;
    unsigned long n = 1;
    int rc = TARN_ENOMEM;
    (void)state;
    file_make(&f, TARN_ZSTD, 10000, 2048);
    for (n = 1; rc != TARN_OK && n < 2000; n++) {
        struct tarn_predicate p[4];
        struct tarn_const c[4];
        char t[4][32];
        struct tarn_pq_footer *footer = NULL;
        struct tarn_pq_scan_spec spec = {all, COLUMNS, p,         conditions(1, p, c, t),
                                         TS,  1,       &f.budget, NULL};
        struct tarn_pq_scan *s = NULL;
        struct tarn_pq_block *blocks = NULL;
        struct tarn_pq_batch *b = NULL;
        struct tarn_err err = {0};
        size_t n_blocks = 0;
        tarn_mem_fail_after(n, 0);
        rc = tarn_pq_footer_read(&footer, &f.src, &err);
        if (!rc) rc = tarn_pq_scan_open(&s, footer, &f.src, &spec, &err);
        if (!rc) rc = tarn_pq_scan_blocks(s, 1, &blocks, &n_blocks, &err);
        if (!rc) rc = tarn_pq_scan_read(s, &blocks[0], &b, &err);
        tarn_mem_fail_after(0, 0);
        if (rc) {
            assert_int_equal(rc, TARN_ENOMEM);
            assert_int_equal(err.code, TARN_ENOMEM);
        }
        tarn_pq_batch_release(b);
        tarn_free(blocks);
        tarn_pq_scan_free(s);
        tarn_pq_footer_free(footer);
        assert_int_equal(f.budget.used, 0);
    }
    assert_int_equal(rc, TARN_OK);
    assert_true(n > 10);
    file_free(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_small_pages_snappy),
        cmocka_unit_test(test_other_codecs),
        cmocka_unit_test(test_pruning_is_counted),
        cmocka_unit_test(test_dictionary_excludes),
        cmocka_unit_test(test_order_bounds),
        cmocka_unit_test(test_damaged_offset_indexes),
        cmocka_unit_test(test_budget_and_bad_columns),
        cmocka_unit_test(test_batch_outlives_scan),
        cmocka_unit_test(test_allocations_fail_in_turn),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
