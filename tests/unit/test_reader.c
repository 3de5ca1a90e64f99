/* Footers: what is taken, dropped and refused; Thrift's limits; and whole files with random damage,
** which may be refused or read, but never crash or outgrow their budget. */
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
#include "page_index_read.h"
#include "thrift_read.h"
#include "thrift_write.h"
#include "writer.h"

static uint64_t seed = 5;

static uint32_t rnd(void) {
    seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(seed >> 33);
}

struct spec { /* of a hand-made footer: one INT32 column `a.b`, OPTIONAL in an OPTIONAL group */
    int type, children, repetition, codec, data_offset, size, n_chunks;
    int64_t rows, values;
    const char *min, *max;
    int nulls, orders;
};

static const struct spec good = {TARN_INT32, 1, TARN_OPTIONAL, 0,          4, 20, 1,
                                 5,          5, "\1\0\0\0",    "\5\0\0\0", 1, 1};

static void element(struct tarn_tw *t, int type, int repetition, const char *name, int children) {
    tarn_tw_elem_struct(t);
    if (children == 0) tarn_tw_i32(t, 1, type);
    if (repetition >= 0) tarn_tw_i32(t, 3, repetition);
    tarn_tw_str(t, 4, name);
    if (children) tarn_tw_i32(t, 5, children);
    tarn_tw_end(t);
}

static void chunk(struct tarn_tw *t, const struct spec *s) {
    tarn_tw_elem_struct(t);
    tarn_tw_i64(t, 2, 0);
    tarn_tw_struct(t, 3);
    tarn_tw_i32(t, 1, s->type);
    tarn_tw_list(t, 2, TARN_TW_I32, 2);
    tarn_tw_elem_i32(t, TARN_PLAIN);
    tarn_tw_elem_i32(t, 99);
    tarn_tw_list(t, 3, TARN_TW_BINARY, 1);
    tarn_tw_elem_bin(t, "a", 1);
    tarn_tw_i32(t, 4, s->codec);
    tarn_tw_i64(t, 5, s->values);
    tarn_tw_i64(t, 6, s->size);
    tarn_tw_i64(t, 7, s->size);
    tarn_tw_i64(t, 9, s->data_offset);
    tarn_tw_struct(t, 12);
    tarn_tw_i64(t, 3, s->nulls);
    if (s->max) tarn_tw_bin(t, 5, s->max, 4);
    if (s->min) tarn_tw_bin(t, 6, s->min, 4);
    tarn_tw_end(t);
    tarn_tw_i64(t, 14, 1 << 30); /* a bloom filter beyond the file: dropped */
    tarn_tw_end(t);
    tarn_tw_i64(t, 4, 8);
    tarn_tw_i32(t, 5, 4);
    tarn_tw_i64(t, 6, -3);
    tarn_tw_i32(t, 7, 4);
    tarn_tw_end(t);
}

static void make_file(struct tarn_buf *b, const struct spec *s) {
    struct tarn_buf meta = TARN_BUF_INIT(1 << 16);
    struct tarn_tw t;
    tarn_tw_init(&t, &meta);
    tarn_tw_i32(&t, 1, 1);
    tarn_tw_list(&t, 2, TARN_TW_STRUCT, 3);
    element(&t, 0, -1, "root", 1);
    element(&t, 0, s->repetition, "a", s->children);
    element(&t, s->type, TARN_OPTIONAL, "b", 0);
    tarn_tw_i64(&t, 3, 0); /* a wrong count of rows, which is not believed */
    tarn_tw_list(&t, 4, TARN_TW_STRUCT, 1);
    tarn_tw_elem_struct(&t);
    tarn_tw_list(&t, 1, TARN_TW_STRUCT, (size_t)s->n_chunks);
    for (int i = 0; i < s->n_chunks; i++)
        chunk(&t, s);
    tarn_tw_i64(&t, 2, 20);
    tarn_tw_i64(&t, 3, s->rows);
    tarn_tw_end(&t);
    tarn_tw_list(&t, 5, TARN_TW_STRUCT, 2);
    for (int i = 0; i < 2; i++) {
        tarn_tw_elem_struct(&t);
        tarn_tw_str(&t, 1, i ? "empty" : "key");
        if (!i) tarn_tw_str(&t, 2, "value");
        tarn_tw_end(&t);
    }
    tarn_tw_str(&t, 6, "test");
    if (s->orders) {
        tarn_tw_list(&t, 7, TARN_TW_STRUCT, 1);
        tarn_tw_elem_struct(&t);
        tarn_tw_empty(&t, 1);
        tarn_tw_end(&t);
    }
    tarn_tw_str(&t, 77, "of a later version");
    tarn_tw_end(&t);
    tarn_buf_init(b, 1 << 16);
    tarn_buf_puts(b, "PAR1");
    tarn_buf_puts(b, "12345678901234567890");
    tarn_buf_put(b, meta.data, meta.len);
    tarn_buf_le32(b, (uint32_t)meta.len);
    tarn_buf_puts(b, "PAR1");
    tarn_buf_release(&meta);
}

static int read_bytes(const void *p, size_t n, struct tarn_pq_footer **out, struct tarn_err *err) {
    uint8_t *copy = tarn_memdup(p, n);
    struct tarn_memory_source m = {copy, n, "x.parquet"};
    struct tarn_source src;
    int rc = 0;
    memset(err, 0, sizeof *err);
    tarn_source_memory(&src, &m);
    rc = tarn_pq_footer_read(out, &src, err);
    tarn_free(copy); /* a footer keeps nothing of the source */
    return rc;
}

static int read_spec(const struct spec *s, struct tarn_pq_footer **out, struct tarn_err *err) {
    struct tarn_buf b;
    int rc = 0;
    make_file(&b, s);
    rc = read_bytes(b.data, b.len, out, err);
    tarn_buf_release(&b);
    return rc;
}

static void test_good_footer(void **state) {
    struct tarn_pq_footer *f = NULL;
    struct tarn_err err;
    const struct tarn_pq_chunk *c = NULL;
    (void)state;
    assert_int_equal(read_spec(&good, &f, &err), TARN_OK);
    assert_int_equal(f->n_columns, 1);
    assert_string_equal(f->columns[0].path, "a.b");
    assert_int_equal(f->columns[0].max_def, 2);
    assert_int_equal(f->columns[0].max_rep, 0);
    assert_false(f->columns[0].flat);
    assert_int_equal(f->rows, 5);
    assert_int_equal(tarn_pq_footer_column(f, "a.b"), 0);
    assert_int_equal(tarn_pq_footer_column(f, "a"), -1);
    assert_string_equal(tarn_pq_footer_kv(f, "key"), "value");
    assert_null(tarn_pq_footer_kv(f, "empty"));
    assert_null(tarn_pq_footer_kv(f, "none"));
    assert_string_equal(f->created_by, "test");
    c = &f->row_groups[0].chunks[0];
    assert_true(c->stats.has_min && c->stats.has_max && c->stats.nulls == 1);
    assert_int_equal(c->bloom_offset, 0);
    assert_int_equal(c->column_index_offset, 0);
    assert_int_equal(c->offset_index_offset, 8);
    assert_true(f->memory > 200);
    assert_ptr_equal(tarn_pq_footer_ref(f), f);
    tarn_pq_footer_free(f);
    assert_int_equal(f->rows, 5);
    tarn_pq_footer_free(f);
    tarn_pq_footer_free(NULL);
}

static void test_statistics_are_checked(void **state) {
    struct tarn_pq_footer *f = NULL;
    struct tarn_err err;
    struct spec s = good;
    (void)state;
    s.min = "\6\0\0\0"; /* above max */
    assert_int_equal(read_spec(&s, &f, &err), TARN_OK);
    assert_false(f->row_groups[0].chunks[0].stats.has_min);
    tarn_pq_footer_free(f);
    s = good;
    s.nulls = 6;          /* of 5 */
    s.type = TARN_DOUBLE; /* bounds of 4 bytes */
    assert_int_equal(read_spec(&s, &f, &err), TARN_OK);
    assert_false(f->row_groups[0].chunks[0].stats.has_nulls);
    assert_false(f->row_groups[0].chunks[0].stats.has_max);
    tarn_pq_footer_free(f);
    s = good;
    s.type = TARN_BYTE_ARRAY;
    s.orders = 0; /* text without column_orders: the order is not known */
    assert_int_equal(read_spec(&s, &f, &err), TARN_OK);
    assert_false(f->row_groups[0].chunks[0].stats.has_min);
    tarn_pq_footer_free(f);
}

static void refuse(struct spec s, const char *word) {
    struct tarn_pq_footer *f = NULL;
    struct tarn_err err;
    assert_int_equal(read_spec(&s, &f, &err), TARN_ECORRUPT);
    assert_null(f);
    assert_non_null(strstr(err.msg, word));
    assert_non_null(strstr(err.msg, "x.parquet"));
}

static void test_impossible_footers(void **state) {
    struct spec s = good;
    (void)state;
    s.type = 8;
    refuse(s, "physical type 8");
    s = good;
    s.children = 2;
    refuse(s, "ends inside a group");
    s.children = -1;
    refuse(s, "children");
    s = good;
    s.repetition = 3;
    refuse(s, "repetition 3");
    s = good;
    s.size = 1 << 20;
    refuse(s, "not inside the file");
    s = good;
    s.data_offset = 3;
    refuse(s, "not inside the file");
    s = good;
    s.data_offset = -4;
    refuse(s, "lacks");
    s = good;
    s.rows = -1;
    refuse(s, "row group 0");
    s = good;
    s.n_chunks = 2;
    refuse(s, "2 column chunks");
    s.n_chunks = 0;
    refuse(s, "0 column chunks");
}

static void test_not_parquet(void **state) {
    struct tarn_pq_footer *f = NULL;
    struct tarn_err err;
    struct tarn_buf b;
    (void)state;
    assert_int_equal(read_bytes("PAR1PAR1", 8, &f, &err), TARN_ECORRUPT);
    assert_int_equal(read_bytes("", 0, &f, &err), TARN_ECORRUPT);
    assert_int_equal(read_bytes("hello, world, hello", 19, &f, &err), TARN_ECORRUPT);
    assert_non_null(strstr(err.msg, "PAR1"));
    make_file(&b, &good);
    memcpy(b.data + b.len - 4, "PARE", 4);
    assert_int_equal(read_bytes(b.data, b.len, &f, &err), TARN_ECORRUPT);
    assert_non_null(strstr(err.msg, "does not begin with PARE"));
    memcpy(b.data + b.len - 8, "\xff\xff\xff\x7f", 4);
    memcpy(b.data + b.len - 4, "PAR1", 4);
    assert_int_equal(read_bytes(b.data, b.len, &f, &err), TARN_ECORRUPT);
    for (size_t n = 0; n < b.len; n++)
        assert_int_not_equal(read_bytes(b.data, n, &f, &err), TARN_OK);
    tarn_buf_release(&b);
}

/* Every footer with every byte changed: refused or taken, the budget of 64 bytes per byte holds. */
static void test_damaged_footers(void **state) {
    struct tarn_buf b;
    (void)state;
    make_file(&b, &good);
    for (size_t i = 24; i < b.len - 4; i++) {
        for (unsigned k = 0; k < 8; k++) {
            struct tarn_pq_footer *f = NULL;
            struct tarn_err err;
            uint8_t old = b.data[i];
            b.data[i] = k < 6 ? (uint8_t)(1 << k) ^ old : (uint8_t)rnd();
            if (read_bytes(b.data, b.len, &f, &err) == TARN_OK) {
                assert_true(f->memory < 64 * b.len + 100000);
                tarn_pq_footer_free(f);
            }
            b.data[i] = old;
        }
    }
    tarn_buf_release(&b);
}

static int skips(const uint8_t *p, size_t n, uint8_t type) {
    struct tarn_thrift t;
    tarn_thrift_init(&t, p, n);
    tarn_thrift_skip(&t, type);
    return t.rc == TARN_OK && t.p == p + n;
}

static void test_thrift_limits(void **state) {
    uint8_t deep[80];
    const uint8_t map[] = {2, 0x8c, 1, 'k', 0, 1, 'v', 0x15, 2, 0};
    const uint8_t claims[] = {0xf5, 0xff, 0xff, 0xff, 0xff, 0x07, 1, 2, 3};
    const uint8_t varint[] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02};
    const uint8_t bools[] = {0x31, 1, 2, 1};
    (void)state;
    memset(deep, 0x19, sizeof deep); /* lists of one list */
    deep[31] = 0x05;                 /* the 32nd is an empty list of i32 */
    assert_true(skips(deep, 32, TARN_THRIFT_LIST));
    deep[31] = 0x19;
    deep[32] = 0x05;
    assert_false(skips(deep, 33, TARN_THRIFT_LIST));
    memset(deep, 0x1c, sizeof deep); /* structs in structs, never closed */
    assert_false(skips(deep, sizeof deep, TARN_THRIFT_STRUCT));
    assert_true(skips(map, sizeof map, TARN_THRIFT_MAP));
    assert_false(skips(claims, sizeof claims, TARN_THRIFT_LIST));
    assert_false(skips(varint, sizeof varint, TARN_THRIFT_I64));
    assert_true(skips(bools, sizeof bools, TARN_THRIFT_LIST));
    assert_false(skips(bools, sizeof bools, 14));
}

static const struct tarn_pq_chunk a_chunk = {.offset = 100, .size = 50};

static int parse_offsets(const int64_t (*loc)[3], int n, uint32_t rows) {
    struct tarn_buf b = TARN_BUF_INIT(4096);
    struct tarn_arena arena;
    struct tarn_page_index x;
    struct tarn_tw t;
    int ok = 0;
    tarn_arena_init(&arena, NULL);
    tarn_tw_init(&t, &b);
    tarn_tw_list(&t, 1, TARN_TW_STRUCT, (size_t)n);
    for (int i = 0; i < n; i++) {
        tarn_tw_elem_struct(&t);
        tarn_tw_i64(&t, 1, loc[i][0]);
        tarn_tw_i32(&t, 2, (int32_t)loc[i][1]);
        tarn_tw_i64(&t, 3, loc[i][2]);
        tarn_tw_end(&t);
    }
    tarn_tw_end(&t);
    ok = tarn_offset_index_parse(b.data, b.len, &a_chunk, rows, &arena, &x);
    assert_int_equal(ok, x.n > 0);
    tarn_arena_release(&arena);
    tarn_buf_release(&b);
    return ok;
}

static void test_offset_index_is_checked(void **state) {
    const int64_t fine[2][3] = {{100, 20, 0}, {120, 30, 7}};
    const int64_t overlap[2][3] = {{100, 20, 0}, {119, 30, 7}};
    const int64_t outside[2][3] = {{100, 20, 0}, {120, 31, 7}};
    const int64_t before[2][3] = {{99, 20, 0}, {120, 30, 7}};
    const int64_t late[2][3] = {{100, 20, 1}, {120, 30, 7}};
    const int64_t same[2][3] = {{100, 20, 0}, {120, 30, 0}};
    const int64_t beyond[2][3] = {{100, 20, 0}, {120, 30, 10}};
    (void)state;
    assert_int_equal(parse_offsets(fine, 2, 10), 1);
    assert_int_equal(parse_offsets(fine, 0, 10), 0);
    assert_int_equal(parse_offsets(overlap, 2, 10), 0);
    assert_int_equal(parse_offsets(outside, 2, 10), 0);
    assert_int_equal(parse_offsets(before, 2, 10), 0);
    assert_int_equal(parse_offsets(late, 2, 10), 0);
    assert_int_equal(parse_offsets(same, 2, 10), 0);
    assert_int_equal(parse_offsets(beyond, 2, 10), 0);
}

/* A ColumnIndex of two pages (rows 0-4 and 5-9) beside a chunk with min 0, max 50, 1 NULL. */
static int parse_bounds(int32_t min0, int32_t max1, int null1, int64_t nulls1, int order) {
    int32_t max0 = 20, min1 = 30, zero = 0, fifty = 50;
    struct tarn_page_loc loc[2] = {{100, 20, 0}, {120, 30, 5}};
    struct tarn_page_index x = {2, 10, loc, NULL};
    struct tarn_pq_chunk c = a_chunk;
    struct tarn_pq_column col;
    struct tarn_buf b = TARN_BUF_INIT(4096);
    struct tarn_arena arena;
    struct tarn_tw t;
    int ok = 0;
    memset(&col, 0, sizeof col);
    col.physical = TARN_INT32;
    c.stats.has_min = c.stats.has_max = c.stats.has_nulls = 1;
    c.stats.nulls = 1;
    c.stats.min = (struct tarn_slice){(const uint8_t *)&zero, 4};
    c.stats.max = (struct tarn_slice){(const uint8_t *)&fifty, 4};
    tarn_arena_init(&arena, NULL);
    tarn_tw_init(&t, &b);
    tarn_tw_list(&t, 1, TARN_TW_TRUE, 2);
    tarn_tw_elem_bool(&t, 0);
    tarn_tw_elem_bool(&t, null1);
    tarn_tw_list(&t, 2, TARN_TW_BINARY, 2);
    tarn_tw_elem_bin(&t, &min0, 4);
    tarn_tw_elem_bin(&t, &min1, 4);
    tarn_tw_list(&t, 3, TARN_TW_BINARY, 2);
    tarn_tw_elem_bin(&t, &max0, 4);
    tarn_tw_elem_bin(&t, &max1, 4);
    tarn_tw_i32(&t, 4, order);
    tarn_tw_list(&t, 5, TARN_TW_I64, 2);
    tarn_tw_elem_i64(&t, 0);
    tarn_tw_elem_i64(&t, nulls1);
    tarn_tw_end(&t);
    ok = tarn_column_index_parse(b.data, b.len, &col, &c, &arena, &x);
    if (ok) assert_int_equal(x.stats[0].has_min, min0 <= max0);
    tarn_arena_release(&arena);
    tarn_buf_release(&b);
    return ok;
}

static void test_column_index_is_checked(void **state) {
    (void)state;
    assert_int_equal(parse_bounds(10, 40, 0, 1, 1), 1);
    assert_int_equal(parse_bounds(25, 40, 0, 1, 0), 1); /* min above max: that page's bounds go */
    assert_int_equal(parse_bounds(10, 40, 0, 2, 1), 0); /* more NULLs than the chunk has */
    assert_int_equal(parse_bounds(10, 40, 1, 1, 1), 0); /* a null page with values */
    assert_int_equal(parse_bounds(10, 40, 0, 6, 1), 0); /* more NULLs than rows */
    assert_int_equal(parse_bounds(10, 40, 0, 1, 2), 0); /* not descending */
    assert_int_equal(parse_bounds(10, 30, 0, 1, 1), 1);
}

static void write_file(struct tarn_buf *b, enum tarn_codec codec) {
    static const struct tarn_column_spec columns[] = {
        {.name = "n",
         .physical = TARN_INT64,
         .repetition = TARN_REQUIRED,
         .flags = TARN_COL_STATS | TARN_COL_DELTA,
         .codec = -1},
        {.name = "d",
         .physical = TARN_BYTE_ARRAY,
         .repetition = TARN_OPTIONAL,
         .flags = TARN_COL_STATS | TARN_COL_DICT | TARN_COL_BLOOM,
         .codec = -1},
        {.name = "t",
         .physical = TARN_BYTE_ARRAY,
         .repetition = TARN_OPTIONAL,
         .flags = TARN_COL_STATS | TARN_COL_DELTA,
         .codec = -1},
        {.name = "f",
         .physical = TARN_FLOAT,
         .repetition = TARN_OPTIONAL,
         .flags = TARN_COL_STATS,
         .codec = -1}};
    struct tarn_pq_writer_spec spec = {.columns = columns,
                                       .n_columns = 4,
                                       .codec = codec,
                                       .row_group_rows = 400,
                                       .page_rows = 100,
                                       .sort_column = -1};
    struct tarn_pq_writer *w = NULL;
    struct tarn_sink sink;
    struct tarn_err err = {0};
    tarn_buf_init(b, 1 << 20);
    tarn_sink_buf(&sink, b);
    assert_int_equal(tarn_pq_writer_open(&w, &spec, &sink, &err), TARN_OK);
    for (int i = 0; i < 700; i++) {
        char t[32];
        tarn_pq_put_i64(w, 0, i * 3);
        snprintf(t, sizeof t, "kind %d", i % 5);
        if (i % 7) tarn_pq_put_bytes(w, 1, t, strlen(t));
        snprintf(t, sizeof t, "common/%05d", i);
        if (i % 3) tarn_pq_put_bytes(w, 2, t, strlen(t));
        if (i % 2) tarn_pq_put_f32(w, 3, (float)i);
        tarn_pq_end_row(w);
    }
    assert_int_equal(tarn_pq_writer_finish(w, &err), TARN_OK);
    tarn_pq_writer_free(w);
}

static volatile unsigned touched;

static unsigned touch(struct tarn_slice s) {
    unsigned sum = 0;
    for (size_t i = 0; i < s.len; i++)
        sum += s.data[i];
    return sum;
}

/* Reads whatever can be read, with and without a condition. */
static void read_damaged(const uint8_t *p, size_t n) {
    struct tarn_memory_source m = {p, n, "x.parquet"};
    struct tarn_source src;
    struct tarn_budget budget = {8 << 20, 0};
    struct tarn_pq_footer *f = NULL;
    const int columns[] = {0, 1, 2, 3};
    struct tarn_const c = {.kind = TARN_CONST_BYTES, .bytes = {(const uint8_t *)"kind 3", 6}};
    struct tarn_predicate pred = {1, TARN_OP_EQ, &c, 1};
    struct tarn_pq_scan *s = NULL;
    struct tarn_pq_scan_spec spec = {columns, 4,       &pred, (int)(rnd() % 2), rnd() % 2 ? 0 : -1,
                                     1,       &budget, NULL};
    tarn_source_memory(&src, &m);
    if (tarn_pq_footer_read(&f, &src, NULL)) return;
    if (f->n_columns == 4 && tarn_pq_scan_open(&s, f, &src, &spec, NULL) == TARN_OK) {
        for (int g = 0; g < f->n_row_groups && g < 4; g++) {
            struct tarn_pq_block *blocks = NULL;
            size_t n_blocks = 0;
            (void)tarn_pq_scan_blocks(s, g, &blocks, &n_blocks, NULL);
            for (size_t k = 0; k < n_blocks && k < 16; k++) {
                struct tarn_pq_batch *b = NULL;
                if (tarn_pq_scan_read(s, &blocks[k], &b, NULL)) continue;
                for (uint32_t i = 0; i < b->n; i++) {
                    uint32_t at = tarn_vector_at(&b->columns[2], i);
                    if (f->columns[2].physical == TARN_BYTE_ARRAY && b->columns[2].values.any &&
                        !tarn_vector_null(&b->columns[2], i))
                        touched += touch(b->columns[2].values.bytes[at]);
                }
                tarn_pq_batch_release(b);
            }
            tarn_free(blocks);
        }
        tarn_pq_scan_free(s);
    }
    tarn_pq_footer_free(f);
    assert_int_equal(budget.used, 0);
}

static void test_damaged_files(void **state) {
    (void)state;
    for (int codec = 0; codec < 2; codec++) {
        struct tarn_buf b;
        write_file(&b, codec ? TARN_ZSTD : TARN_UNCOMPRESSED);
        for (int round = 0; round < 3000; round++) {
            uint8_t *copy = tarn_memdup(b.data, b.len);
            size_t n = b.len;
            for (unsigned k = rnd() % 3 + 1; k > 0; k--) {
                size_t at = round % 2 ? rnd() % n : n - 1 - rnd() % 1500 % n;
                copy[at] = rnd() % 2 ? (uint8_t)rnd() : (uint8_t)(copy[at] ^ 1 << rnd() % 8);
            }
            read_damaged(copy, n);
            tarn_free(copy);
        }
        tarn_buf_release(&b);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good_footer),
        cmocka_unit_test(test_statistics_are_checked),
        cmocka_unit_test(test_impossible_footers),
        cmocka_unit_test(test_not_parquet),
        cmocka_unit_test(test_damaged_footers),
        cmocka_unit_test(test_thrift_limits),
        cmocka_unit_test(test_offset_index_is_checked),
        cmocka_unit_test(test_column_index_is_checked),
        cmocka_unit_test(test_damaged_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
