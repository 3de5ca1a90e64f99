/* No row that satisfies a predicate may be pruned: random columns of every type, in files of random
** row groups, pages, codecs and encodings, against a plain evaluation of the same rows; with pruning
** and without. Then hand-made files: what other writers say about their values, rightly or not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include <cmocka.h>

#include "buf.h"
#include "filescan.h"
#include "mem.h"
#include "raw_parquet.h"
#include "writer.h"

enum { MAX_ROWS = 700, TEXT = 90, CONSTS = 12, FILES = 250, SCANS = 40 };

enum kind {
    BOOL,
    I32,
    U32,
    I64,
    U64,
    F32,
    F64,
    STRING,
    BLOB,
    FIXED5,
    UUID,
    DECIMAL5,
    DECIMALS,
    KINDS
};

struct value { /* one of a column; a number is in `i` or `r`, and in bytes as PLAIN has it */
    int null;
    int64_t i;
    double r;
    uint8_t bytes[TEXT];
    size_t n;
};

static uint64_t seed = 20261122;
static struct value rows[MAX_ROWS];
static uint32_t n_rows;
static const enum tarn_physical physical[KINDS] = {
    TARN_BOOLEAN, TARN_INT32,  TARN_INT32,      TARN_INT64,      TARN_INT64,
    TARN_FLOAT,   TARN_DOUBLE, TARN_BYTE_ARRAY, TARN_BYTE_ARRAY, TARN_FIXED,
    TARN_FIXED,   TARN_FIXED,  TARN_BYTE_ARRAY};

static uint32_t rnd(uint32_t n) {
    seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(seed >> 33) % n;
}

static int is_real(enum kind k) {
    return k == F32 || k == F64;
}

static int is_bytes(enum kind k) {
    return k >= STRING;
}

static int is_decimal(enum kind k) {
    return k == DECIMAL5 || k == DECIMALS;
}

static int64_t random_int(enum kind k, unsigned spread) {
    static const int64_t edges[] = {INT32_MIN, INT32_MAX, UINT32_MAX, INT64_MIN,
                                    INT64_MAX, -1,        0,          1};
    int64_t v = (int64_t)rnd(spread) - (int64_t)(spread / 3);

    if (rnd(30) == 0) v = edges[rnd(8)];
    if (k == BOOL) return v & 1;
    if (k == I32) return (int32_t)(uint32_t)(uint64_t)v;
    if (k == U32) return (int64_t)(uint32_t)(uint64_t)v;
    return v;
}

static double random_real(enum kind k, unsigned spread) {
    static const double edges[] = {0.0, -0.0, 1e300, -1e300, 1.0 / 3, 0};
    double v = ((double)rnd(spread) - spread / 3.0) / 4;
    float f = 0;

    if (rnd(12) == 0) v = edges[rnd(6)];
    if (rnd(60) == 0) v = (rnd(2) ? 1 : -1) / 0.0;
    if (k == F64 || (v > -1e30 && v < 1e30 && rnd(2))) return k == F64 ? v : (double)(float)v;
    f = v > 1e30 ? 3e38f : v < -1e30 ? -3e38f : (float)v;
    return (double)f;
}

/* Big-endian, some with more bytes than the number needs, some with 16 bytes of anything. */
static void random_decimal(enum kind k, unsigned spread, struct value *v) {
    int64_t i = (int64_t)rnd(spread) - (int64_t)(spread / 3);

    if (rnd(9) == 0) i = (int64_t)(rnd(2) ? 1 : -1) << rnd(39);
    v->n = k == DECIMAL5 ? 5 : 8 - rnd(2) * 3 + rnd(3) * 4;
    memset(v->bytes, i < 0 ? 0xff : 0, v->n);
    for (size_t at = v->n; at > v->n - 5; i >>= 8)
        v->bytes[--at] = (uint8_t)(i & 0xff);
    if (k == DECIMALS && rnd(20) == 0) {
        v->n = 16;
        for (size_t at = 0; at < v->n; at++)
            v->bytes[at] = (uint8_t)rnd(256);
    }
    if (k == DECIMALS && rnd(3) == 0) {
        v->n = 1;
        v->bytes[0] = (uint8_t)rnd(256);
    }
}

/* As a number of 128 bits. */
static __int128 decimal_of(const struct value *v) {
    unsigned __int128 i = v->bytes[0] & 0x80 ? ~(unsigned __int128)0 : 0;

    for (size_t at = 0; at < v->n; at++)
        i = i << 8 | v->bytes[at];
    return (__int128)i;
}

static void random_bytes(enum kind k, unsigned spread, struct value *v) {
    static const char *const heads[] = {
        "", "a", "event.", "\xc3\xa9t\xc3\xa9.",
        "a long name that is cut when it becomes a bound, 0123456789."};
    size_t n = 0;

    if (is_decimal(k)) {
        random_decimal(k, spread, v);
        return;
    }
    if (k == FIXED5 || k == UUID) {
        v->n = k == FIXED5 ? 5 : 16;
        memset(v->bytes, rnd(4) ? 7 : 0xff, v->n);
        v->bytes[rnd(2) ? v->n - 1 : rnd((uint32_t)v->n)] = (uint8_t)rnd(spread);
        return;
    }
    n = (size_t)snprintf((char *)v->bytes, TEXT, "%s%u", heads[rnd(5)], rnd(spread));
    if (rnd(20) == 0) n = 0;
    if (k == BLOB && rnd(4) == 0) {
        n = rnd(TEXT);
        memset(v->bytes, 0xff, n);
        if (n && rnd(2)) v->bytes[n - 1] = (uint8_t)rnd(256);
    }
    v->n = n;
}

static struct value random_value(enum kind k, unsigned spread) {
    struct value v;

    memset(&v, 0, sizeof v);
    if (is_real(k))
        v.r = random_real(k, spread);
    else if (is_bytes(k))
        random_bytes(k, spread, &v);
    else
        v.i = random_int(k, spread);
    return v;
}

/* Rows in stretches: rising, alike, random, NULL, NaN. */
static void make_rows(enum kind k, int nullable) {
    unsigned spread = rnd(3) == 0 ? 5 : rnd(2) ? 60 : 20000;
    uint32_t at = 0;

    n_rows = rnd(20) == 0 ? rnd(3) : 1 + rnd(MAX_ROWS - 1);
    while (at < n_rows) {
        uint32_t len = 1 + rnd(80), how = rnd(6);
        struct value one = random_value(k, spread);
        for (uint32_t i = 0; i < len && at < n_rows; i++, at++) {
            struct value *v = &rows[at];
            *v = how == 0 ? one : random_value(k, spread);
            if (how == 1 && !is_bytes(k) && k != BOOL) v->i = (int64_t)at, v->r = (double)at;
            v->null = nullable && (how == 2 || rnd(9) == 0);
            if (is_real(k) && (how == 3 || rnd(40) == 0)) v->r = rnd(2) ? 0.0 / 0.0 : -(0.0 / 0.0);
        }
    }
}

static void put(struct tarn_pq_writer *w, enum kind k, const struct value *v) {
    if (v->null) return;
    switch (k) {
    case BOOL: tarn_pq_put_bool(w, 0, (int)v->i); break;
    case I32:
    case U32: tarn_pq_put_i32(w, 0, (int32_t)(uint32_t)(uint64_t)v->i); break;
    case I64:
    case U64: tarn_pq_put_i64(w, 0, v->i); break;
    case F32: tarn_pq_put_f32(w, 0, (float)v->r); break;
    case F64: tarn_pq_put_f64(w, 0, v->r); break;
    default: tarn_pq_put_bytes(w, 0, v->bytes, v->n);
    }
}

static void write_rows(struct tarn_buf *out, enum kind k, int nullable) {
    static const enum tarn_codec codecs[] = {TARN_UNCOMPRESSED, TARN_SNAPPY, TARN_ZSTD,
                                             TARN_LZ4_RAW};
    struct tarn_column_spec columns[2];
    struct tarn_pq_writer_spec spec;
    struct tarn_sink sink;
    struct tarn_pq_writer *w = NULL;
    struct tarn_err err = {0};

    memset(columns, 0, sizeof columns);
    memset(&spec, 0, sizeof spec);
    columns[0].name = "c";
    columns[0].physical = physical[k];
    columns[0].repetition = nullable ? TARN_OPTIONAL : TARN_REQUIRED;
    columns[0].flags = rnd(32) | (rnd(4) ? TARN_COL_STATS : 0);
    columns[0].codec = -1;
    columns[0].fixed_len = k == FIXED5 || k == DECIMAL5 ? 5 : k == UUID ? 16 : 0;
    if (k == U32 || k == U64) {
        columns[0].logical.kind = TARN_LOGICAL_INTEGER;
        columns[0].logical.bits = k == U32 ? 32 : 64;
    }
    if (is_decimal(k)) {
        columns[0].logical.kind = TARN_LOGICAL_DECIMAL;
        columns[0].logical.precision = k == DECIMAL5 ? 11 : 38;
    }
    if (k == STRING) columns[0].logical.kind = TARN_LOGICAL_STRING;
    if (k == UUID) columns[0].logical.kind = TARN_LOGICAL_UUID;
    columns[1].name = "n"; /* the row's number, by which blocks are bounded */
    columns[1].physical = TARN_INT64;
    columns[1].flags = TARN_COL_STATS;
    columns[1].codec = -1;
    spec.columns = columns;
    spec.n_columns = 2;
    spec.codec = codecs[rnd(4)];
    spec.row_group_rows = rnd(2) ? 0 : 20 + rnd(300);
    spec.page_rows = rnd(2) ? 0 : 1 + rnd(60);
    spec.sort_column = -1;
    tarn_buf_init(out, 1 << 26);
    tarn_sink_buf(&sink, out);
    assert_int_equal(tarn_pq_writer_open(&w, &spec, &sink, &err), TARN_OK);
    for (uint32_t i = 0; i < n_rows; i++) {
        put(w, k, &rows[i]);
        tarn_pq_put_i64(w, 1, (int64_t)i);
        assert_int_equal(tarn_pq_end_row(w), TARN_OK);
    }
    assert_int_equal(tarn_pq_writer_finish(w, &err), TARN_OK);
    tarn_pq_writer_free(w);
}

struct test_predicate {
    struct tarn_predicate p;
    struct tarn_const consts[CONSTS];
    struct value values[CONSTS];
};

static void random_predicate(struct test_predicate *t, enum kind k) {
    memset(t, 0, sizeof *t);
    t->p.op = (enum tarn_pred_op)rnd(TARN_OP_PREFIX + (is_bytes(k) && !is_decimal(k) ? 1u : 0u));
    t->p.n = t->p.op == TARN_OP_IN ? rnd(CONSTS + 1) : 1;
    t->p.constants = t->consts;
    for (uint32_t i = 0; i < t->p.n; i++) {
        struct value *v = &t->values[i];
        struct tarn_const *c = &t->consts[i];
        *v = n_rows && rnd(2) ? rows[rnd(n_rows)] : random_value(k, rnd(2) ? 60 : 20000);
        if (k == F32 && rnd(4) == 0) v->r += 1e-9; /* a number that no float is */
        if (!is_bytes(k) && !is_real(k) && rnd(6) == 0) v->i = random_int(I64, 100000);
        if (is_bytes(k) && (t->p.op == TARN_OP_PREFIX || rnd(8) == 0) && v->n)
            v->n = is_decimal(k) ? 1 + rnd((uint32_t)v->n) : rnd((uint32_t)v->n + 1);
        c->kind = is_bytes(k) ? TARN_CONST_BYTES : is_real(k) ? TARN_CONST_REAL : TARN_CONST_INT;
        c->i = v->i;
        c->r = v->r;
        c->bytes = (struct tarn_slice){v->bytes, v->n};
    }
}

static int order(enum kind k, const struct value *a, const struct value *b) {
    size_t n = a->n < b->n ? a->n : b->n;
    int cmp = 0;

    if (k == U64) return ((uint64_t)a->i > (uint64_t)b->i) - ((uint64_t)a->i < (uint64_t)b->i);
    if (is_real(k)) return (a->r > b->r) - (a->r < b->r);
    if (!is_bytes(k)) return (a->i > b->i) - (a->i < b->i);
    if (is_decimal(k)) return (decimal_of(a) > decimal_of(b)) - (decimal_of(a) < decimal_of(b));
    cmp = n ? memcmp(a->bytes, b->bytes, n) : 0;
    return cmp ? cmp : (a->n > b->n) - (a->n < b->n);
}

static int nan_value(enum kind k, const struct value *v) {
    return is_real(k) && !(v->r <= 0 || v->r > 0);
}

static int holds(enum kind k, const struct test_predicate *t, const struct value *v) {
    const struct value *c = t->values;

    if (t->p.op == TARN_OP_IS_NULL) return v->null;
    if (v->null) return 0;
    if (t->p.op == TARN_OP_NOT_NULL) return 1;
    if (nan_value(k, v)) return 0;
    if (t->p.op == TARN_OP_IN) {
        for (uint32_t i = 0; i < t->p.n; i++)
            if (!nan_value(k, &c[i]) && order(k, v, &c[i]) == 0) return 1;
        return 0;
    }
    if (nan_value(k, c)) return 0;
    switch (t->p.op) {
    case TARN_OP_EQ: return order(k, v, c) == 0;
    case TARN_OP_NE: return order(k, v, c) != 0;
    case TARN_OP_LT: return order(k, v, c) < 0;
    case TARN_OP_LE: return order(k, v, c) <= 0;
    case TARN_OP_GT: return order(k, v, c) > 0;
    case TARN_OP_GE: return order(k, v, c) >= 0;
    default: return v->n >= c->n && (c->n == 0 || memcmp(v->bytes, c->bytes, c->n) == 0);
    }
}

static void check_value(enum kind k, const struct tarn_vector *v, uint32_t at,
                        const struct value *w) {
    uint32_t i = tarn_vector_at(v, at);

    assert_int_equal(tarn_vector_null(v, at), w->null);
    if (w->null) return;
    switch (k) {
    case BOOL: assert_int_equal(v->values.u8[i], w->i); break;
    case I32: assert_int_equal(v->values.i32[i], w->i); break;
    case U32: assert_int_equal((uint32_t)v->values.i32[i], w->i); break;
    case I64:
    case U64: assert_int_equal(v->values.i64[i], w->i); break;
    case F32:
    case F64: {
        double r = k == F32 ? (double)v->values.f32[i] : v->values.f64[i];
        assert_true(nan_value(k, w) ? !(r <= 0 || r > 0) : !(r < w->r || r > w->r));
        break;
    }
    default:
        assert_int_equal(v->values.bytes[i].len, w->n);
        if (w->n) assert_memory_equal(v->values.bytes[i].data, w->bytes, w->n);
    }
}

/* The rows of one block: those of `want` (bit per row of the file) that lie in it, and no others. */
static void read_block(struct tarn_pq_scan *s, const struct tarn_pq_footer *f, enum kind k,
                       const struct tarn_pq_block *block, uint8_t *want) {
    struct tarn_pq_batch *b = NULL;
    struct tarn_err err = {0};
    uint64_t base = f->row_groups[block->row_group].first_row;

    assert_int_equal(tarn_pq_scan_read(s, block, &b, &err), TARN_OK);
    for (uint32_t i = 0; i < b->n; i++) {
        uint64_t row = base + b->row[i];
        assert_true(row < n_rows && want[row] == 1);
        want[row] = 2;
        check_value(k, &b->columns[0], i, &rows[row]);
        assert_int_equal(b->columns[1].values.i64[tarn_vector_at(&b->columns[1], i)], row);
        assert_true(block->lo <= (int64_t)row && (int64_t)row <= block->hi);
    }
    tarn_pq_batch_release(b);
}

static void scan(const struct tarn_source *src, const struct tarn_pq_footer *f, enum kind k,
                 const struct test_predicate *t, uint32_t n_preds, int pushdown) {
    const int columns[2] = {0, 1};
    struct tarn_budget budget = {(size_t)64 << 20, 0};
    struct tarn_predicate preds[3];
    struct tarn_pq_scan_spec spec = {columns,         2,        preds,   (int)n_preds,
                                     rnd(2) ? 1 : -1, pushdown, &budget, NULL};
    struct tarn_pq_scan *s = NULL;
    uint8_t want[MAX_ROWS] = {0};
    int backwards = rnd(3) == 0;

    for (uint32_t p = 0; p < n_preds; p++)
        preds[p] = t[p].p;
    for (uint32_t i = 0; i < n_rows; i++) {
        want[i] = 1;
        for (uint32_t p = 0; p < n_preds; p++)
            want[i] &= (uint8_t)holds(k, &t[p], &rows[i]);
    }
    assert_int_equal(tarn_pq_scan_open(&s, f, src, &spec, NULL), TARN_OK);
    for (int g = 0; g < f->n_row_groups; g++) {
        struct tarn_pq_block *blocks = NULL;
        size_t n = 0;
        assert_int_equal(tarn_pq_scan_blocks(s, g, &blocks, &n, NULL), TARN_OK);
        for (size_t i = 0; i < n; i++)
            read_block(s, f, k, &blocks[backwards ? n - 1 - i : i], want);
        tarn_free(blocks);
    }
    for (uint32_t i = 0; i < n_rows; i++)
        if (want[i] == 1)
            fail_msg("row %u of %u is lost: kind %d, op %d, pushdown %d, %u predicates", i, n_rows,
                     (int)k, (int)t[0].p.op, pushdown, n_preds);
    tarn_pq_scan_free(s);
    assert_int_equal(budget.used, 0);
}

static void random_files(void **state) {
    (void)state;
    for (int file = 0; file < FILES; file++) {
        enum kind k = (enum kind)(file % KINDS);
        int nullable = rnd(3) != 0;
        struct tarn_buf bytes;
        struct tarn_memory_source memory;
        struct tarn_source src;
        struct tarn_pq_footer *f = NULL;
        struct test_predicate t[3];
        make_rows(k, nullable);
        write_rows(&bytes, k, nullable);
        memory = (struct tarn_memory_source){bytes.data, bytes.len, "test.parquet"};
        tarn_source_memory(&src, &memory);
        assert_int_equal(tarn_pq_footer_read(&f, &src, NULL), TARN_OK);
        for (int i = 0; i < SCANS; i++) {
            uint32_t n = rnd(5) == 0 ? rnd(4) : 1;
            for (uint32_t p = 0; p < n; p++)
                random_predicate(&t[p], k);
            scan(&src, f, k, t, n, 1);
            if (i % 4 == 0) scan(&src, f, k, t, n, 0);
        }
        tarn_pq_footer_free(f);
        tarn_buf_release(&bytes);
    }
}

/* Does `c op constant` leave a row over in a hand-made file? -1 = pruned, else how many rows. */
static int rows_left(const struct raw_file *raw, enum tarn_pred_op op, struct tarn_const c) {
    struct tarn_buf bytes;
    struct tarn_memory_source memory;
    struct tarn_source src;
    struct tarn_pq_footer *f = NULL;
    struct tarn_predicate p = {0, op, &c, 1};
    const int columns[1] = {0};
    struct tarn_pq_scan_spec spec = {columns, 1, &p, 1, -1, 1, NULL, NULL};
    struct tarn_pq_scan *s = NULL;
    struct tarn_pq_block *blocks = NULL;
    struct tarn_pq_batch *b = NULL;
    struct tarn_err err = {0};
    size_t n = 0;
    int out = -1;

    raw_parquet(&bytes, raw);
    memory = (struct tarn_memory_source){bytes.data, bytes.len, "test.parquet"};
    tarn_source_memory(&src, &memory);
    assert_int_equal(tarn_pq_footer_read(&f, &src, &err), TARN_OK);
    assert_int_equal(tarn_pq_scan_open(&s, f, &src, &spec, &err), TARN_OK);
    assert_int_equal(tarn_pq_scan_blocks(s, 0, &blocks, &n, &err), TARN_OK);
    if (n > 0) {
        assert_int_equal(n, 1);
        assert_int_equal(tarn_pq_scan_read(s, blocks, &b, &err), TARN_OK);
        out = (int)b->n;
    }
    tarn_pq_batch_release(b);
    tarn_free(blocks);
    tarn_pq_scan_free(s);
    tarn_pq_footer_free(f);
    tarn_buf_release(&bytes);
    return out;
}

static struct tarn_const int_const(int64_t i) {
    struct tarn_const c = {TARN_CONST_INT, 0, 0, {NULL, 0}};

    c.i = i;
    return c;
}

static struct tarn_const text_const(const char *s) {
    struct tarn_const c = {TARN_CONST_BYTES, 0, 0, {NULL, 0}};

    c.bytes = (struct tarn_slice){(const uint8_t *)s, strlen(s)};
    return c;
}

static struct raw_file one_page(int type, const struct raw_page *page, const struct raw_stats *s) {
    struct raw_file f;

    memset(&f, 0, sizeof f);
    f.physical = type;
    f.rows = f.values = page->values;
    f.pages = page;
    f.n_pages = 1;
    f.stats = s;
    return f;
}

/* Unsigned numbers: the old min and max are in signed order and prove nothing; the new ones need
** column_orders. */
static void unsigned_numbers(void **state) {
    static const uint32_t values[2] = {1, UINT32_C(0x80000001)};
    static const int32_t lo = (int32_t)UINT32_C(0x80000001), hi = 1;
    struct raw_page page = {TARN_DATA_PAGE, TARN_PLAIN, 2, 0, values, sizeof values};
    struct raw_stats s = {NULL, NULL, &lo, &hi, 4, -1};
    struct raw_file f = one_page(TARN_INT32, &page, &s);

    (void)state;
    f.converted = 13; /* UINT_32 */
    assert_int_equal(rows_left(&f, TARN_OP_GT, int_const(5)), 1);
    assert_int_equal(rows_left(&f, TARN_OP_EQ, int_const(0x80000001)), 1);
    s = (struct raw_stats){&hi, &lo, NULL, NULL, 4, -1}; /* 1 and 0x80000001, in the right order */
    assert_int_equal(rows_left(&f, TARN_OP_EQ, int_const(0)), 0);
    f.orders = 1;
    assert_int_equal(rows_left(&f, TARN_OP_EQ, int_const(0)), -1);
    assert_int_equal(rows_left(&f, TARN_OP_EQ, int_const(0x80000001)), 1);
    assert_int_equal(rows_left(&f, TARN_OP_GT, int_const(0x7fffffff)), 1);
}

/* An order that this build doesn't know: bounds by it prove nothing, whatever the type. */
static void orders_of_later_versions(void **state) {
    static const int32_t values[3] = {1, -5, 9}, lo = 1, hi = 3;
    struct raw_page page = {TARN_DATA_PAGE, TARN_PLAIN, 3, 0, values, sizeof values};
    struct raw_stats s = {&lo, &hi, NULL, NULL, 4, 0};
    struct raw_file f = one_page(TARN_INT32, &page, &s);
    struct tarn_buf index;

    (void)state;
    raw_column_index(&index, &lo, &hi, 4);
    f.orders = 7;
    assert_int_equal(rows_left(&f, TARN_OP_GT, int_const(5)), 1);
    f.stats = NULL;
    f.column_index = index.data;
    f.n_column_index = index.len;
    assert_int_equal(rows_left(&f, TARN_OP_GT, int_const(5)), 1);
    f.orders = 1;
    assert_int_equal(rows_left(&f, TARN_OP_GT, int_const(5)), -1);
    f.orders = 0; /* signed numbers have one order only */
    assert_int_equal(rows_left(&f, TARN_OP_GT, int_const(5)), -1);
    tarn_buf_release(&index);
}

/* Text: some old writers compared bytes as signed. Only with column_orders is the order known, in
** statistics and in page indexes. */
static void text_without_an_order(void **state) {
    static const uint8_t values[] = "\1\0\0\0a\2\0\0\0\xc3\xa9";
    struct raw_page page = {TARN_DATA_PAGE, TARN_PLAIN, 2, 0, values, sizeof values - 1};
    struct raw_stats s = {NULL, NULL, "\xc3", "a", 1, 0};
    struct raw_file f = one_page(TARN_BYTE_ARRAY, &page, &s);
    struct tarn_buf index;

    (void)state;
    assert_int_equal(rows_left(&f, TARN_OP_EQ, text_const("\xc3\xa9")), 1);
    s = (struct raw_stats){"a", "b", NULL, NULL, 1, 0}; /* a bound that signed order would give */
    assert_int_equal(rows_left(&f, TARN_OP_EQ, text_const("\xc3\xa9")), 1);
    f.stats = NULL;
    raw_column_index(&index, "a", "b", 1);
    f.column_index = index.data;
    f.n_column_index = index.len;
    assert_int_equal(rows_left(&f, TARN_OP_EQ, text_const("\xc3\xa9")), 1);
    f.orders = 1;
    assert_int_equal(rows_left(&f, TARN_OP_EQ, text_const("\xc3\xa9")), -1);
    tarn_buf_release(&index);
}

/* Floats: a bound of +0 covers -0 and the other way round, one of NaN covers nothing. */
static void zeros_and_nan(void **state) {
    static const double values[2] = {-0.0, 5}, plus = 0.0, five = 5;
    double nan = 0.0 / plus;
    struct raw_page page = {TARN_DATA_PAGE, TARN_PLAIN, 2, 0, values, sizeof values};
    struct raw_stats s = {&plus, &five, NULL, NULL, 8, 0};
    struct raw_file f = one_page(TARN_DOUBLE, &page, &s);
    struct tarn_const c = {TARN_CONST_REAL, 0, -0.0, {NULL, 0}};

    (void)state;
    f.orders = 1;
    assert_int_equal(rows_left(&f, TARN_OP_EQ, c), 1);
    assert_int_equal(rows_left(&f, TARN_OP_LE, c), 1);
    assert_int_equal(rows_left(&f, TARN_OP_LT, c), -1);
    s.min = s.max = &nan;
    c.r = 5;
    assert_int_equal(rows_left(&f, TARN_OP_EQ, c), 1);
}

/* A dictionary with entries that no row uses, and one that a claim makes the only encoding. */
static void dictionary_entries(void **state) {
    static const int64_t entries[3] = {10, 20, 30};
    static const int64_t plain[2] = {40, 50};
    struct raw_page pages[3] = {{TARN_DICTIONARY_PAGE, TARN_PLAIN, 3, 0, entries, sizeof entries},
                                {TARN_DATA_PAGE, TARN_PLAIN, 2, 0, plain, sizeof plain},
                                {TARN_DATA_PAGE, TARN_RLE_DICTIONARY, 4, 0, "\2\10\1", 3}};
    struct raw_file f = one_page(TARN_INT64, pages, NULL);

    (void)state;
    f.n_pages = 3;
    f.rows = f.values = 6;
    assert_int_equal(rows_left(&f, TARN_OP_EQ, int_const(30)), 0); /* unused */
    assert_int_equal(rows_left(&f, TARN_OP_EQ, int_const(20)), 4);
    assert_int_equal(rows_left(&f, TARN_OP_EQ, int_const(40)), 1); /* not in the dictionary */
    assert_int_equal(rows_left(&f, TARN_OP_NE, int_const(20)), 2);
    pages[1] = pages[2];
    f.n_pages = 2;
    f.rows = f.values = 4;
    f.encoding_stats = 1;
    assert_int_equal(rows_left(&f, TARN_OP_EQ, int_const(40)), -1);
    assert_int_equal(rows_left(&f, TARN_OP_EQ, int_const(30)), 0);
}

/* A page's body, packed, so that the reader unpacks it into a buffer of its own. */
static void pack(struct raw_page *p, uint8_t out[100]) {
    uLongf n = 100;

    assert_int_equal(compress(out, &n, p->body, p->n), Z_OK);
    p->uncompressed = (int64_t)p->n;
    p->body = out;
    p->n = n;
}

/* A batch whose rows come from a dictionary page and a plain one outlives the scan, which owns the
** dictionary. */
static void mixed_pages_outlive_the_scan(void **state) {
    static const uint8_t entry[] = "\12\0\0\0dictionary", plain[] = "\5\0\0\0plain";
    uint8_t packed[3][100];
    struct raw_page pages[3] = {{TARN_DICTIONARY_PAGE, TARN_PLAIN, 1, 0, entry, sizeof entry - 1},
                                {TARN_DATA_PAGE, TARN_RLE_DICTIONARY, 3, 0, "\1\6\0", 3},
                                {TARN_DATA_PAGE, TARN_PLAIN, 1, 0, plain, sizeof plain - 1}};
    struct raw_file raw = one_page(TARN_BYTE_ARRAY, pages, NULL);
    struct tarn_buf bytes;
    struct tarn_memory_source memory;
    struct tarn_source src;
    struct tarn_pq_footer *f = NULL;
    const int columns[1] = {0};
    struct tarn_pq_scan_spec spec = {columns, 1, NULL, 0, -1, 1, NULL, NULL};
    struct tarn_pq_scan *s = NULL;
    struct tarn_pq_block block = {0, 0, 4, 0, 0};
    struct tarn_pq_batch *b = NULL;

    (void)state;
    for (int i = 0; i < 3; i++)
        pack(&pages[i], packed[i]);
    raw.codec = TARN_GZIP;
    raw.n_pages = 3;
    raw.rows = raw.values = 4;
    raw_parquet(&bytes, &raw);
    memory = (struct tarn_memory_source){bytes.data, bytes.len, "test.parquet"};
    tarn_source_memory(&src, &memory);
    assert_int_equal(tarn_pq_footer_read(&f, &src, NULL), TARN_OK);
    assert_int_equal(tarn_pq_scan_open(&s, f, &src, &spec, NULL), TARN_OK);
    assert_int_equal(tarn_pq_scan_read(s, &block, &b, NULL), TARN_OK);
    tarn_pq_scan_free(s);
    assert_int_equal(b->n, 4);
    for (uint32_t i = 0; i < 4; i++) {
        const struct tarn_slice *v = &b->columns[0].values.bytes[tarn_vector_at(&b->columns[0], i)];
        assert_int_equal(v->len, i < 3 ? 10 : 5);
        assert_int_equal(memcmp(v->data, i < 3 ? "dictionary" : "plain", v->len), 0);
    }
    tarn_pq_batch_release(b);
    tarn_pq_footer_free(f);
    tarn_buf_release(&bytes);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_files),
        cmocka_unit_test(unsigned_numbers),
        cmocka_unit_test(orders_of_later_versions),
        cmocka_unit_test(text_without_an_order),
        cmocka_unit_test(zeros_and_nan),
        cmocka_unit_test(dictionary_entries),
        cmocka_unit_test(mixed_pages_outlive_the_scan),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
