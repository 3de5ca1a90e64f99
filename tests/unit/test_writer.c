/* Whole files from the writer: layout, footer, page headers, statistics, errors, memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <zlib.h>

#include "mem.h"
#include "test_writer_peek.h"
#include "thrift_write.h"
#include "version.h"
#include "writer.h"

enum { TS, TYPE, NOTE, N_COLUMNS };

static const struct tarn_column_spec columns[N_COLUMNS] = {
    [TS] = {.name = "ts",
            .physical = TARN_INT64,
            .logical = {.kind = TARN_LOGICAL_TIMESTAMP, .unit = TARN_UNIT_MS, .utc = 1},
            .repetition = TARN_REQUIRED,
            .flags = TARN_COL_STATS | TARN_COL_PAGE_STATS | TARN_COL_DELTA,
            .codec = -1},
    [TYPE] = {.name = "type",
              .physical = TARN_BYTE_ARRAY,
              .logical = {.kind = TARN_LOGICAL_STRING},
              .repetition = TARN_OPTIONAL,
              .flags = TARN_COL_STATS | TARN_COL_DICT | TARN_COL_BLOOM,
              .codec = -1},
    [NOTE] = {.name = "note",
              .physical = TARN_BYTE_ARRAY,
              .logical = {.kind = TARN_LOGICAL_JSON},
              .repetition = TARN_OPTIONAL,
              .codec = TARN_SNAPPY}};

struct file {
    struct tarn_buf bytes;
    struct tarn_sink sink;
    struct tarn_pq_writer_spec spec;
    struct tarn_pq_writer *w;
    const uint8_t *footer, *end; /* after finish */
};

static void file_open(struct file *f) {
    memset(f, 0, sizeof *f);
    tarn_buf_init(&f->bytes, 1 << 26);
    tarn_sink_buf(&f->sink, &f->bytes);
    f->spec = (struct tarn_pq_writer_spec){.columns = columns,
                                           .n_columns = N_COLUMNS,
                                           .row_group_rows = 1000,
                                           .page_rows = 100,
                                           .sort_column = TS};
}

static void file_begin(struct file *f) {
    struct tarn_err err = {0};

    assert_int_equal(tarn_pq_writer_open(&f->w, &f->spec, &f->sink, &err), TARN_OK);
    assert_int_equal(f->bytes.len, 0);
}

static void file_finish(struct file *f) {
    struct tarn_err err = {0};
    uint32_t len;

    assert_int_equal(tarn_pq_writer_finish(f->w, &err), TARN_OK);
    assert_int_equal(tarn_pq_writer_bytes(f->w), f->bytes.len);
    assert_memory_equal(f->bytes.data, "PAR1", 4);
    f->end = f->bytes.data + f->bytes.len - 8;
    assert_memory_equal(f->end + 4, "PAR1", 4);
    memcpy(&len, f->end, 4);
    f->footer = f->end - len;
    assert_ptr_equal(peek_end(f->footer, f->end), f->end);
}

static void file_close(struct file *f) {
    tarn_pq_writer_free(f->w);
    tarn_buf_release(&f->bytes);
}

static void put_row(struct file *f, int i) {
    char type[32];

    tarn_pq_put_i64(f->w, TS, 1769990400000 + i);
    if (i % 5) {
        snprintf(type, sizeof type, "type.%d", i % 3);
        tarn_pq_put_bytes(f->w, TYPE, type, strlen(type));
    }
    tarn_pq_put_bytes(f->w, NOTE, "{}", 2);
    tarn_pq_end_row(f->w);
}

#define FOOTER(f, ...) PEEK((f)->footer, (f)->end, __VA_ARGS__)
#define CHUNK(f, group, column, ...) FOOTER(f, 4, group, 1, column, __VA_ARGS__)

static void a_file_without_rows_is_a_file(void **state) {
    struct file f;

    (void)state;
    file_open(&f);
    file_begin(&f);
    file_finish(&f);
    assert_int_equal(FOOTER(&f, 1).number, 1);
    assert_int_equal(FOOTER(&f, 2).number, N_COLUMNS + 1);
    assert_int_equal(FOOTER(&f, 3).number, 0);
    assert_int_equal(FOOTER(&f, 4).number, 0);
    assert_int_equal(FOOTER(&f, 5).type, 0);
    assert_int_equal(FOOTER(&f, 7).number, N_COLUMNS);
    assert_ptr_equal(f.footer, f.bytes.data + 4);
    file_close(&f);
}

static void the_schema_says_what_the_spec_said(void **state) {
    struct file f;
    struct peek p;

    (void)state;
    file_open(&f);
    file_begin(&f);
    file_finish(&f);
    assert_int_equal(FOOTER(&f, 2, 0, 5).number, N_COLUMNS);
    assert_int_equal(FOOTER(&f, 2, 0, 1).type, 0);
    assert_int_equal(FOOTER(&f, 2, 1, 1).number, TARN_INT64);
    assert_int_equal(FOOTER(&f, 2, 1, 3).number, TARN_REQUIRED);
    assert_int_equal(FOOTER(&f, 2, 1, 6).number, 9);        /* TIMESTAMP_MILLIS */
    assert_int_equal(FOOTER(&f, 2, 1, 10, 8, 1).number, 1); /* adjusted to UTC */
    assert_int_equal(FOOTER(&f, 2, 1, 10, 8, 2, 1).type, 12);
    assert_int_equal(FOOTER(&f, 2, 2, 6).number, 0); /* UTF8 */
    assert_int_equal(FOOTER(&f, 2, 2, 10, 1).type, 12);
    assert_int_equal(FOOTER(&f, 2, 3, 6).number, 19); /* JSON */
    assert_int_equal(FOOTER(&f, 2, 3, 10, 12).type, 12);
    p = FOOTER(&f, 6);
    assert_int_equal(p.number, strlen(TARN_CREATED_BY));
    assert_memory_equal(p.bytes, "tarn version " TARN_VERSION " (build ", 20);
    assert_int_equal(FOOTER(&f, 7, 2, 1).type, 12); /* TYPE_ORDER */
    file_close(&f);
}

static void row_groups_are_cut_by_rows(void **state) {
    struct file f;

    (void)state;
    file_open(&f);
    file_begin(&f);
    for (int i = 0; i < 2500; i++)
        put_row(&f, i);
    assert_int_equal(tarn_pq_writer_rows(f.w), 2500);
    assert_true(tarn_pq_writer_bytes(f.w) > 0);
    file_finish(&f);
    assert_int_equal(FOOTER(&f, 3).number, 2500);
    assert_int_equal(FOOTER(&f, 4).number, 3);
    assert_int_equal(FOOTER(&f, 4, 1, 3).number, 1000);
    assert_int_equal(FOOTER(&f, 4, 2, 3).number, 500);
    assert_int_equal(FOOTER(&f, 4, 2, 7).number, 2);
    file_close(&f);
}

static void row_groups_are_cut_by_bytes_and_by_hand(void **state) {
    static char big[3000];
    struct file f;

    (void)state;
    file_open(&f);
    f.spec.row_group_bytes = 10000;
    file_begin(&f);
    assert_int_equal(tarn_pq_writer_flush(f.w), TARN_OK);
    for (int i = 0; i < 8; i++) {
        tarn_pq_put_i64(f.w, TS, i);
        tarn_pq_put_bytes(f.w, NOTE, big, sizeof big);
        tarn_pq_end_row(f.w);
    }
    put_row(&f, 100);
    assert_int_equal(tarn_pq_writer_flush(f.w), TARN_OK);
    put_row(&f, 101);
    file_finish(&f);
    assert_int_equal(FOOTER(&f, 4).number, 4);
    assert_int_equal(FOOTER(&f, 4, 0, 3).number, 4);
    assert_int_equal(FOOTER(&f, 4, 2, 3).number, 1);
    file_close(&f);
}

/* Every page header and its crc; the chunk's sizes; encodings; the two page indexes. */
static void a_chunk_is_what_its_metadata_says(void **state) {
    struct file f;

    (void)state;
    file_open(&f);
    file_begin(&f);
    for (int i = 0; i < 950; i++)
        put_row(&f, i);
    file_finish(&f);
    for (int c = 0; c < N_COLUMNS; c++) {
        int64_t dictionary = CHUNK(&f, 0, c, 3, 11).number, data = CHUNK(&f, 0, c, 3, 9).number;
        const uint8_t *p = f.bytes.data + (dictionary ? dictionary : data), *start = p;
        int64_t compressed = CHUNK(&f, 0, c, 3, 7).number, uncompressed = 0, row = 0;
        const uint8_t *offsets = f.bytes.data + CHUNK(&f, 0, c, 4).number;
        int encoding = c == TS     ? TARN_DELTA_BINARY_PACKED
                       : c == TYPE ? TARN_RLE_DICTIONARY
                                   : TARN_PLAIN;
        int page = 0;

        assert_int_equal(CHUNK(&f, 0, c, 2).number, 0);
        assert_int_equal(CHUNK(&f, 0, c, 3, 2, 0).number, encoding);
        assert_int_equal(CHUNK(&f, 0, c, 3, 5).number, 950);
        assert_int_equal(dictionary != 0, c == TYPE);
        while (p < start + compressed) {
            const uint8_t *body = peek_end(p, f.end);
            int64_t size = PEEK(p, f.end, 3).number;
            int is_data = PEEK(p, f.end, 1).number == TARN_DATA_PAGE;

            uncompressed += body - p + PEEK(p, f.end, 2).number;
            assert_int_equal((uint32_t)PEEK(p, f.end, 4).number, crc32(0, body, (uInt)size));
            assert_int_equal(is_data, p != f.bytes.data + dictionary);
            if (is_data) {
                assert_int_equal(PEEK(p, f.end, 5, 1).number, row == 900 ? 50 : 100);
                assert_int_equal(PEEK(p, f.end, 5, 2).number, encoding);
                assert_int_equal(PEEK(p, f.end, 5, 5).type != 0, c == TS);
                assert_ptr_equal(f.bytes.data + PEEK(offsets, f.end, 1, page, 1).number, p);
                assert_int_equal(PEEK(offsets, f.end, 1, page, 2).number, body + size - p);
                assert_int_equal(PEEK(offsets, f.end, 1, page, 3).number, row);
                row += PEEK(p, f.end, 5, 1).number;
                page++;
            }
            p = body + size;
        }
        assert_ptr_equal(p, start + compressed);
        assert_int_equal(CHUNK(&f, 0, c, 3, 6).number, uncompressed);
        assert_int_equal(PEEK(offsets, f.end, 1).number, 10);
        assert_int_equal(page, 10);
        assert_int_equal(row, 950);
        assert_int_equal(CHUNK(&f, 0, c, 3, 13, c == TYPE, 3).number, 10);
    }
    file_close(&f);
}

static void statistics_of_chunk_and_pages(void **state) {
    const int64_t first = 1769990400000, last = first + 949;
    struct file f;
    const uint8_t *index;
    struct peek p;

    (void)state;
    file_open(&f);
    file_begin(&f);
    for (int i = 0; i < 950; i++)
        put_row(&f, i);
    file_finish(&f);
    p = CHUNK(&f, 0, TS, 3, 12, 5);
    assert_memory_equal(p.bytes, &last, 8);
    assert_memory_equal(CHUNK(&f, 0, TS, 3, 12, 6).bytes, &first, 8);
    assert_int_equal(CHUNK(&f, 0, TS, 3, 12, 7).number, 1);
    assert_int_equal(CHUNK(&f, 0, TS, 3, 12, 8).number, 1);
    assert_int_equal(CHUNK(&f, 0, TS, 3, 12, 3).number, 0);
    p = CHUNK(&f, 0, TYPE, 3, 12, 5);
    assert_int_equal(p.number, 6);
    assert_memory_equal(p.bytes, "type.2", 6);
    assert_int_equal(CHUNK(&f, 0, TYPE, 3, 12, 3).number, 190);
    assert_int_equal(CHUNK(&f, 0, TYPE, 3, 12, 4).number, 3);
    assert_int_equal(CHUNK(&f, 0, NOTE, 3, 12, 5).type, 0);
    assert_int_equal(CHUNK(&f, 0, NOTE, 3, 12, 3).type, TARN_TW_I64);
    assert_int_equal(CHUNK(&f, 0, NOTE, 6).type, 0);
    index = f.bytes.data + CHUNK(&f, 0, TS, 6).number;
    assert_int_equal(PEEK(index, f.end, 4).number, 1);
    for (int i = 0; i < 10; i++) {
        int64_t lo = first + i * 100, hi = i == 9 ? last : lo + 99;

        assert_memory_equal(PEEK(index, f.end, 2, i).bytes, &lo, 8);
        assert_memory_equal(PEEK(index, f.end, 3, i).bytes, &hi, 8);
    }
    index = f.bytes.data + CHUNK(&f, 0, TYPE, 6).number;
    assert_int_equal(PEEK(index, f.end, 5, 3).number, 20);
    assert_true(CHUNK(&f, 0, TYPE, 3, 14).number > 0);
    assert_int_equal(CHUNK(&f, 0, NOTE, 3, 4).number, TARN_SNAPPY);
    assert_int_equal(CHUNK(&f, 0, TS, 3, 4).number, TARN_UNCOMPRESSED);
    file_close(&f);
}

static int is_sorted(const int64_t *v, int n, int descending) {
    struct file f;
    int sorted;

    file_open(&f);
    f.spec.sort_descending = descending;
    file_begin(&f);
    for (int i = 0; i < n; i++) {
        tarn_pq_put_i64(f.w, TS, v[i]);
        tarn_pq_end_row(f.w);
    }
    file_finish(&f);
    sorted = FOOTER(&f, 4, 0, 4).number == 1;
    if (sorted) assert_int_equal(FOOTER(&f, 4, 0, 4, 0, 2).number, descending);
    file_close(&f);
    return sorted;
}

static void sorting_is_checked(void **state) {
    const int64_t up[] = {-3, 1, 1, 2}, down[] = {4, 4, -1, INT64_MIN}, neither[] = {1, 3, 2, 4};

    (void)state;
    assert_true(is_sorted(up, 4, 0));
    assert_false(is_sorted(up, 4, 1));
    assert_true(is_sorted(down, 4, 1));
    assert_false(is_sorted(down, 4, 0));
    assert_false(is_sorted(neither, 4, 0));
}

static void nulls_stand_at_one_end_or_unsorted(void **state) {
    static const char *const rows[][4] = {{NULL, NULL, "a", "b"},
                                          {"a", "b", NULL, NULL},
                                          {"a", NULL, "b", "c"},
                                          {NULL, "a", "b", NULL}};
    const int sorted[] = {1, 1, 0, 0}, nulls_first[] = {1, 0, 0, 0};

    (void)state;
    for (int k = 0; k < 4; k++)
        for (int dict = 0; dict < 2; dict++) {
            struct tarn_column_spec c = columns[TYPE];
            struct file f;

            file_open(&f);
            c.flags = dict ? TARN_COL_DICT : 0;
            f.spec.columns = &c;
            f.spec.n_columns = 1;
            f.spec.sort_column = 0;
            file_begin(&f);
            for (int i = 0; i < 4; i++) {
                if (rows[k][i]) tarn_pq_put_bytes(f.w, 0, rows[k][i], 1);
                tarn_pq_end_row(f.w);
            }
            file_finish(&f);
            assert_int_equal(FOOTER(&f, 4, 0, 4).number, sorted[k]);
            assert_int_equal(FOOTER(&f, 4, 0, 4, 0, 3).number, nulls_first[k]);
            file_close(&f);
        }
}

/* One column of n values, `distinct` of them different; returns the encoding of its data pages. */
static int encoding_of(unsigned flags, int n, int distinct, uint32_t group) {
    struct tarn_column_spec c = columns[TYPE];
    struct file f;
    int encoding;

    file_open(&f);
    c.flags = flags;
    f.spec.columns = &c;
    f.spec.n_columns = 1;
    f.spec.sort_column = -1;
    f.spec.row_group_rows = group;
    file_begin(&f);
    for (int i = 0; i < n; i++) {
        char v[32];

        snprintf(v, sizeof v, "value-%08d", i % distinct);
        tarn_pq_put_bytes(f.w, 0, v, strlen(v));
        tarn_pq_end_row(f.w);
    }
    file_finish(&f);
    encoding = (int)CHUNK(&f, 0, 0, 3, 2, 0).number;
    assert_int_equal(CHUNK(&f, 0, 0, 3, 11).type != 0, encoding == TARN_RLE_DICTIONARY);
    assert_int_equal(CHUNK(&f, 0, 0, 3, 5).number, n);
    file_close(&f);
    return encoding;
}

static void a_dictionary_must_pay(void **state) {
    const unsigned both = TARN_COL_DICT | TARN_COL_DELTA;

    (void)state;
    assert_int_equal(encoding_of(TARN_COL_DICT, 100, 10, 1000), TARN_RLE_DICTIONARY);
    assert_int_equal(encoding_of(TARN_COL_DICT, 100, 100, 1000), TARN_PLAIN);
    assert_int_equal(encoding_of(TARN_COL_DICT, 1, 1, 1000), TARN_PLAIN);
    assert_int_equal(encoding_of(0, 100, 10, 1000), TARN_PLAIN);
    assert_int_equal(encoding_of(both, 5000, 3, 10000), TARN_RLE_DICTIONARY);
    assert_int_equal(encoding_of(both, 5000, 5000, 10000), TARN_DELTA_BYTE_ARRAY);
    assert_int_equal(encoding_of(both, 5000, 2500, 10000), TARN_DELTA_BYTE_ARRAY);
    /* Given up on the way: too many entries for the row group, or too many early on. */
    assert_int_equal(encoding_of(TARN_COL_DICT, 9000, 9000, 10000), TARN_PLAIN);
    assert_int_equal(encoding_of(TARN_COL_DICT, 40000, 40000, 122880), TARN_PLAIN);
}

static void metadata_replaces(void **state) {
    struct file f;

    (void)state;
    file_open(&f);
    file_begin(&f);
    tarn_pq_writer_meta(f.w, "events", "1");
    tarn_pq_writer_meta(f.w, "format", "parquet-v1");
    tarn_pq_writer_meta(f.w, "events", "22");
    tarn_pq_writer_meta(f.w, "empty", NULL);
    file_finish(&f);
    assert_int_equal(FOOTER(&f, 5).number, 3);
    assert_memory_equal(FOOTER(&f, 5, 0, 1).bytes, "events", 6);
    assert_memory_equal(FOOTER(&f, 5, 0, 2).bytes, "22", 2);
    assert_int_equal(FOOTER(&f, 5, 2, 2).type, 0);
    file_close(&f);
}

static int open_fails(struct tarn_pq_writer_spec spec, const char *word) {
    struct tarn_buf b = TARN_BUF_INIT(1000);
    struct tarn_pq_writer *w = NULL;
    struct tarn_err err = {0};
    struct tarn_sink sink;
    int rc;

    tarn_sink_buf(&sink, &b);
    rc = tarn_pq_writer_open(&w, &spec, &sink, &err);
    assert_null(w);
    assert_non_null(strstr(err.msg, word));
    return rc;
}

static void bad_specs_are_refused(void **state) {
    struct tarn_column_spec c[N_COLUMNS];
    struct tarn_pq_writer_spec spec = {.columns = c, .n_columns = N_COLUMNS, .sort_column = -1};

    (void)state;
    memcpy(c, columns, sizeof c);
    spec.codec = TARN_BROTLI;
    assert_int_equal(open_fails(spec, "BROTLI"), TARN_EUNSUPPORTED);
    spec.codec = TARN_ZSTD;
    spec.codec_level = 99;
    assert_int_equal(open_fails(spec, "99"), TARN_EINVAL);
    spec.codec_level = 0;
    spec.sort_column = 3;
    assert_int_equal(open_fails(spec, "sort"), TARN_EINVAL);
    spec.sort_column = -1;
    spec.row_group_rows = UINT32_MAX;
    assert_int_equal(open_fails(spec, "rows"), TARN_EINVAL);
    spec.row_group_rows = 0;
    spec.n_columns = 0;
    assert_int_equal(open_fails(spec, "columns"), TARN_EINVAL);
    spec.n_columns = N_COLUMNS;
    c[2].name = "ts";
    assert_int_equal(open_fails(spec, "\"ts\""), TARN_EINVAL);
    c[2].name = "\xff";
    assert_int_equal(open_fails(spec, "UTF-8"), TARN_EINVAL);
    c[2].name = "x";
    c[2].physical = TARN_INT32;
    assert_int_equal(open_fails(spec, "JSON"), TARN_EUNSUPPORTED);
    c[2].logical.kind = TARN_LOGICAL_NONE;
    c[2].physical = TARN_INT96;
    assert_int_equal(open_fails(spec, "INT96"), TARN_EUNSUPPORTED);
    c[2].physical = TARN_FIXED;
    assert_int_equal(open_fails(spec, "fixed length"), TARN_EINVAL);
    c[2].fixed_len = 4;
    c[2].repetition = TARN_REPEATED;
    assert_int_equal(open_fails(spec, "REQUIRED"), TARN_EUNSUPPORTED);
}

static void expect_sticky(struct file *f, const char *word) {
    struct tarn_err err = {0};
    size_t before = f->bytes.len;

    put_row(f, 1);
    assert_int_equal(tarn_pq_end_row(f->w), TARN_EINVAL);
    assert_int_equal(tarn_pq_writer_flush(f->w), TARN_EINVAL);
    assert_int_equal(tarn_pq_writer_finish(f->w, &err), TARN_EINVAL);
    assert_non_null(strstr(err.msg, word));
    assert_int_equal(f->bytes.len, before);
    file_close(f);
    file_open(f);
    file_begin(f);
}

static void faults_of_the_caller_are_sticky(void **state) {
    struct file f;

    (void)state;
    file_open(&f);
    file_begin(&f);
    tarn_pq_put_bytes(f.w, TYPE, "x", 1);
    tarn_pq_end_row(f.w);
    expect_sticky(&f, "REQUIRED column \"ts\"");
    tarn_pq_put_i64(f.w, TYPE, 1);
    expect_sticky(&f, "\"type\" takes BYTE_ARRAY");
    tarn_pq_put_bool(f.w, N_COLUMNS, 1);
    expect_sticky(&f, "no column 3");
    tarn_pq_put_bytes(f.w, -1, "", 0);
    expect_sticky(&f, "no column -1");
    tarn_pq_put_i64(f.w, TS, 1);
    tarn_pq_put_i64(f.w, TS, 2);
    expect_sticky(&f, "twice in row 0");
    put_row(&f, 0);
    tarn_pq_put_bytes(f.w, NOTE, "x", 1);
    tarn_pq_writer_flush(f.w);
    expect_sticky(&f, "not ended");
    file_finish(&f);
    put_row(&f, 0);
    expect_sticky(&f, "finished");
    file_finish(&f);
    assert_int_equal(tarn_pq_writer_finish(f.w, NULL), TARN_EINVAL);
    file_close(&f);
}

static void fixed_values_have_their_length(void **state) {
    struct tarn_column_spec c = {.name = "f", .physical = TARN_FIXED, .fixed_len = 4, .codec = -1};
    struct file f;
    struct tarn_err err = {0};

    (void)state;
    file_open(&f);
    f.spec.columns = &c;
    f.spec.n_columns = 1;
    f.spec.sort_column = -1;
    file_begin(&f);
    tarn_pq_put_bytes(f.w, 0, "abcd", 4);
    assert_int_equal(tarn_pq_end_row(f.w), TARN_OK);
    tarn_pq_put_bytes(f.w, 0, "abc", 3);
    assert_int_equal(tarn_pq_writer_finish(f.w, &err), TARN_EINVAL);
    assert_non_null(strstr(err.msg, "exactly 4"));
    file_close(&f);
}

static int refuse(void *ctx, const void *data, size_t n, struct tarn_err *err) {
    int *left = ctx;

    (void)data;
    (void)n;
    (void)err;
    return (*left)-- > 0 ? TARN_OK : TARN_EFULL;
}

static void a_sink_that_fails_is_reported(void **state) {
    (void)state;
    for (int k = 0; k < 8; k++) { /* the second half in the background */
        struct tarn_err err = {0};
        struct file f;
        int left = k % 4;

        file_open(&f);
        f.spec.background = k / 4;
        f.sink = (struct tarn_sink){&left, refuse};
        file_begin(&f);
        for (int i = 0; i < 5000; i++)
            put_row(&f, i);
        assert_int_equal(tarn_pq_writer_finish(f.w, &err), TARN_EFULL);
        assert_true(err.msg[0] != 0);
        file_close(&f);
    }
}

/* Each allocation fails in turn: an error, no crash, no leak, until none is left to fail. */
static void fail_every_allocation(int background) {
    int done = 0;

    for (unsigned long n = 1; !done; n++) {
        struct tarn_err err = {0};
        struct file f;
        int rc;

        file_open(&f);
        f.spec.codec = TARN_GZIP;
        f.spec.background = background;
        tarn_buf_reserve(&f.bytes, 1 << 20);
        tarn_mem_fail_after(n, 0);
        rc = tarn_pq_writer_open(&f.w, &f.spec, &f.sink, &err);
        if (rc == TARN_OK) {
            tarn_pq_writer_meta(f.w, "key", "value");
            for (int i = 0; i < 1500; i++)
                put_row(&f, i);
            rc = tarn_pq_writer_finish(f.w, &err);
        }
        tarn_mem_fail_after(0, 0);
        assert_true(rc == TARN_OK || rc == TARN_ENOMEM);
        assert_true((rc != TARN_OK) == (err.msg[0] != 0));
        done = rc == TARN_OK;
        assert_true(n < 10000);
        file_close(&f);
    }
}

static void every_allocation_may_fail(void **state) {
    (void)state;
    fail_every_allocation(0);
    fail_every_allocation(1);
}

/* Whoever writes the row groups, and however many there are, the file is the same. */
static void the_background_writes_the_same(void **state) {
    (void)state;
    for (int rows = 0; rows < 6000; rows += 499) {
        struct file f[2];

        for (int k = 0; k < 2; k++) {
            file_open(&f[k]);
            f[k].spec.background = k;
            file_begin(&f[k]);
            for (int i = 0; i < rows; i++) {
                put_row(&f[k], i);
                if (i % 700 == 0) assert_int_equal(tarn_pq_writer_flush(f[k].w), TARN_OK);
            }
            file_finish(&f[k]);
        }
        assert_int_equal(f[0].bytes.len, f[1].bytes.len);
        assert_memory_equal(f[0].bytes.data, f[1].bytes.data, f[0].bytes.len);
        file_close(&f[0]);
        file_close(&f[1]);
    }
}

/* Given up while a thread is at work. */
static void a_background_writer_is_freed_at_any_time(void **state) {
    (void)state;
    for (int rows = 900; rows < 5000; rows += 100) {
        struct file f;

        file_open(&f);
        f.spec.background = 1;
        file_begin(&f);
        for (int i = 0; i < rows; i++)
            put_row(&f, i);
        assert_true(tarn_pq_writer_buffered(f.w) > 0);
        file_close(&f);
    }
}

static void a_writer_without_rows_is_small(void **state) {
    struct tarn_column_spec c[13];
    static char names[13][16];
    struct file f;

    (void)state;
    file_open(&f);
    for (int i = 0; i < 13; i++) {
        c[i] = columns[TYPE];
        snprintf(names[i], sizeof names[i], "c%d", i);
        c[i].name = names[i];
    }
    f.spec.columns = c;
    f.spec.n_columns = 13;
    f.spec.sort_column = -1;
    file_begin(&f);
    assert_true(tarn_pq_writer_buffered(f.w) < 16 * 1024);
    for (int i = 0; i < 13; i++)
        tarn_pq_put_bytes(f.w, i, "value", 5);
    tarn_pq_end_row(f.w);
    assert_true(tarn_pq_writer_buffered(f.w) < 64 * 1024);
    file_finish(&f);
    file_close(&f);
}

/* The second row group must not see anything of the first. */
static void row_groups_share_only_memory(void **state) {
    struct file f;

    (void)state;
    file_open(&f);
    file_begin(&f);
    for (int i = 0; i < 1000; i++)
        put_row(&f, i);
    for (int i = 0; i < 1000; i++) {
        tarn_pq_put_i64(f.w, TS, -i);
        tarn_pq_end_row(f.w);
    }
    file_finish(&f);
    assert_int_equal(CHUNK(&f, 1, TYPE, 3, 12, 3).number, 1000);
    assert_int_equal(CHUNK(&f, 1, TYPE, 3, 12, 5).type, 0);
    assert_int_equal(CHUNK(&f, 1, TYPE, 3, 11).type, 0);
    assert_int_equal(CHUNK(&f, 1, TYPE, 3, 14).type, 0);
    assert_int_equal(FOOTER(&f, 4, 0, 4).number, 1);
    assert_int_equal(FOOTER(&f, 4, 1, 4).type, 0);
    assert_int_equal(PEEK(f.bytes.data + CHUNK(&f, 1, TYPE, 6).number, f.end, 1, 9).number, 1);
    file_close(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_without_rows_is_a_file),
        cmocka_unit_test(the_schema_says_what_the_spec_said),
        cmocka_unit_test(row_groups_are_cut_by_rows),
        cmocka_unit_test(row_groups_are_cut_by_bytes_and_by_hand),
        cmocka_unit_test(a_chunk_is_what_its_metadata_says),
        cmocka_unit_test(statistics_of_chunk_and_pages),
        cmocka_unit_test(sorting_is_checked),
        cmocka_unit_test(nulls_stand_at_one_end_or_unsorted),
        cmocka_unit_test(a_dictionary_must_pay),
        cmocka_unit_test(metadata_replaces),
        cmocka_unit_test(bad_specs_are_refused),
        cmocka_unit_test(faults_of_the_caller_are_sticky),
        cmocka_unit_test(fixed_values_have_their_length),
        cmocka_unit_test(a_sink_that_fails_is_reported),
        cmocka_unit_test(every_allocation_may_fail),
        cmocka_unit_test(the_background_writes_the_same),
        cmocka_unit_test(a_background_writer_is_freed_at_any_time),
        cmocka_unit_test(a_writer_without_rows_is_small),
        cmocka_unit_test(row_groups_share_only_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
