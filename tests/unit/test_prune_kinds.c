/* What conditions leave out where the values are bytes that compare as numbers or times, and in leaves
** of structs: counted, and through SQL by files whose pages can't be read, so that only a query that
** leaves them out gives an answer. Then all columns of the test data's files, with conditions of
** their own values: pushdown makes no difference. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <dirent.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <unistd.h>

#include "byte_order.h"
#include "filescan.h"
#include "mem.h"
#include "raw_nested.h"
#include "tarn.h"
#include "writer.h"

#define ROWS 1000

/* How many rows are left, with counters of how. */
static int rows_left(const struct tarn_buf *bytes, struct tarn_predicate p,
                     struct tarn_pq_counters *counters) {
    struct tarn_memory_source memory = {bytes->data, bytes->len, "test.parquet"};
    const int columns[1] = {p.column};
    struct tarn_pq_scan_spec spec = {columns, 1, &p, 1, -1, 1, NULL, counters};
    struct tarn_pq_footer *f = NULL;
    struct tarn_pq_scan *s = NULL;
    struct tarn_source src;
    struct tarn_err err = {0};
    int rows = 0;

    memset(counters, 0, sizeof *counters);
    tarn_source_memory(&src, &memory);
    if (tarn_pq_footer_read(&f, &src, &err)) fail_msg("%s", err.msg);
    assert_int_equal(tarn_pq_scan_open(&s, f, &src, &spec, &err), TARN_OK);
    for (int g = 0; g < f->n_row_groups; g++) {
        struct tarn_pq_block *blocks = NULL;
        size_t n = 0;
        assert_int_equal(tarn_pq_scan_blocks(s, g, &blocks, &n, &err), TARN_OK);
        for (size_t i = 0; i < n; i++) {
            struct tarn_pq_batch *b = NULL;
            if (tarn_pq_scan_read(s, &blocks[i], &b, &err)) fail_msg("%s", err.msg);
            rows += (int)b->n;
            tarn_pq_batch_release(b);
        }
        tarn_free(blocks);
    }
    tarn_pq_scan_free(s);
    tarn_pq_footer_free(f);
    return rows;
}

static int compare_with(const struct tarn_buf *bytes, enum tarn_pred_op op, const void *p, size_t n,
                        struct tarn_pq_counters *counters) {
    struct tarn_const c = {TARN_CONST_BYTES, 0, 0, {p, n}};

    return rows_left(bytes, (struct tarn_predicate){0, op, &c, 1}, counters);
}

/* 1,000 rows from -500 on, in two row groups of five pages. */
static void write_decimals(struct tarn_buf *out, enum tarn_physical physical, unsigned flags) {
    struct tarn_column_spec column = {"c", physical, {0}, TARN_OPTIONAL, flags, -1, 0};
    struct tarn_pq_writer_spec spec = {.columns = &column,
                                       .n_columns = 1,
                                       .row_group_rows = ROWS / 2,
                                       .page_rows = ROWS / 10,
                                       .sort_column = -1};
    struct tarn_pq_writer *w = NULL;
    struct tarn_sink sink;
    struct tarn_err err = {0};

    column.logical.kind = TARN_LOGICAL_DECIMAL;
    column.logical.precision = 38;
    column.logical.scale = 2;
    column.fixed_len = physical == TARN_FIXED ? 16 : 0;
    tarn_buf_init(out, 1 << 20);
    tarn_sink_buf(&sink, out);
    if (tarn_pq_writer_open(&w, &spec, &sink, &err)) fail_msg("%s", err.msg);
    for (int i = 0; i < ROWS; i++) {
        uint8_t v[16];
        size_t n = physical == TARN_FIXED ? 16 : 8 + (size_t)(i % 9);
        tarn_decimal_put(v, n, (int64_t)i - 500);
        tarn_pq_put_bytes(w, 0, v, n);
        assert_int_equal(tarn_pq_end_row(w), 0);
    }
    assert_int_equal(tarn_pq_writer_finish(w, &err), TARN_OK);
    tarn_pq_writer_free(w);
}

static void decimals_are_pruned(void **state) {
    static const enum tarn_physical kinds[] = {TARN_FIXED, TARN_BYTE_ARRAY};
    struct tarn_pq_counters n;
    struct tarn_buf file;
    uint8_t v[16];

    (void)state;
    for (int k = 0; k < 2; k++) {
        write_decimals(&file, kinds[k], TARN_COL_STATS);
        tarn_decimal_put(v, 16, -450);
        assert_int_equal(compare_with(&file, TARN_OP_LT, v, 16, &n), 50);
        assert_int_equal(n.row_groups_stats, 1);
        assert_int_equal(n.pages, 5);
        assert_int_equal(n.pages_pruned, 4);
        assert_int_equal(compare_with(&file, TARN_OP_EQ, v, 16, &n), 1);
        assert_int_equal(n.pages_pruned, 4);
        tarn_decimal_put(v, 16, 399);
        assert_int_equal(compare_with(&file, TARN_OP_GT, v, 16, &n), 100);
        assert_int_equal(n.row_groups_stats, 1);
        assert_int_equal(n.pages_pruned, 4);
        tarn_decimal_put(v, 16, 500);
        assert_int_equal(compare_with(&file, TARN_OP_GE, v, 16, &n), 0);
        assert_int_equal(n.row_groups_stats, 2);
        tarn_buf_release(&file);
    }
}

/* A filter knows bytes, not numbers: only those of one length have one form. */
static void blooms_of_decimals(void **state) {
    struct tarn_pq_counters n;
    struct tarn_buf file;
    uint8_t v[16];

    (void)state;
    tarn_decimal_put(v, 16, 77);
    write_decimals(&file, TARN_FIXED, TARN_COL_BLOOM);
    assert_int_equal(compare_with(&file, TARN_OP_EQ, v, 16, &n), 1);
    assert_in_range(n.row_groups_bloom, 0, 1);
    tarn_buf_release(&file);
    write_decimals(&file, TARN_BYTE_ARRAY, TARN_COL_BLOOM);
    assert_int_equal(compare_with(&file, TARN_OP_EQ, v, 16, &n), 1);
    assert_int_equal(n.row_groups_bloom, 0);
    tarn_buf_release(&file);
}

/* Three rows, of 2000-01-01, 2010-01-01 and the year 12,000, in dictionary pages. */
static void write_int96(struct tarn_buf *out, struct raw_page pages[2], uint8_t entries[36],
                        const struct raw_stats *s) {
    struct raw_file f;

    tarn_int96_put(entries, INT64_C(946684800000000000));
    tarn_int96_put(entries + 12, INT64_C(1262304000000000000));
    memset(entries + 24, 0, 12);
    memcpy(entries + 32, &(int32_t){2440588 + 3663000}, 4);
    pages[0] = (struct raw_page){TARN_DICTIONARY_PAGE, TARN_PLAIN, 3, 0, entries, 36};
    pages[1].type = TARN_DATA_PAGE;
    pages[1].encoding = TARN_RLE_DICTIONARY;
    pages[1].values = 3;
    memset(&f, 0, sizeof f);
    f.physical = TARN_INT96;
    f.rows = f.values = 3;
    f.pages = pages;
    f.n_pages = 2;
    f.encoding_stats = 1;
    f.stats = s;
    f.orders = 1;
    raw_parquet(out, &f);
}

/* INT96: dictionaries decide, statistics do not, whatever they say. */
static void int96_by_dictionary(void **state) {
    uint8_t entries[36], v[12], lie[12];
    struct raw_page pages[2] = {{0}, {.body = "\2\3\x24\0", .n = 4}}; /* codes of 2 bits: 0, 1, 2 */
    struct raw_stats s = {lie, lie, lie, lie, 12, 0};
    struct tarn_pq_counters n;
    struct tarn_buf file;

    (void)state;
    tarn_int96_put(lie, 0);
    write_int96(&file, pages, entries, &s);
    tarn_int96_put(v, INT64_C(946684800000000001));
    assert_int_equal(compare_with(&file, TARN_OP_EQ, v, 12, &n), 0);
    assert_int_equal(n.row_groups_dictionary, 1);
    tarn_int96_put(v, INT64_C(946684800000000000));
    assert_int_equal(compare_with(&file, TARN_OP_EQ, v, 12, &n), 1);
    assert_int_equal(compare_with(&file, TARN_OP_GT, v, 12, &n), 1);
    assert_int_equal(compare_with(&file, TARN_OP_GE, v, 12, &n), 2);
    assert_int_equal(n.row_groups_stats, 0);
    /* The text of the year 12,000 begins with a sign, which comes before all digits. */
    assert_int_equal(compare_with(&file, TARN_OP_LT, v, 12, &n), 1);
    tarn_buf_release(&file);
}

static const struct raw_node optional_structs[] = {{"root", -1, 0, 1, 0, 0, 0},
                                                   {"s", -1, TARN_OPTIONAL, 1, 0, 0, 0},
                                                   {"p", -1, TARN_REQUIRED, 1, 0, 0, 0},
                                                   {"x", TARN_INT32, TARN_OPTIONAL, 0, 0, 0, 0}};
static const struct raw_node required_structs[] = {{"root", -1, 0, 1, 0, 0, 0},
                                                   {"s", -1, TARN_REQUIRED, 1, 0, 0, 0},
                                                   {"p", -1, TARN_REQUIRED, 1, 0, 0, 0},
                                                   {"x", TARN_INT32, TARN_OPTIONAL, 0, 0, 0, 0}};

static int leaf_rows(const struct tarn_buf *file, enum tarn_pred_op op, int64_t i,
                     struct tarn_pq_counters *n) {
    struct tarn_const c = {TARN_CONST_INT, 0, 0, {NULL, 0}};

    c.i = i;
    return rows_left(file, (struct tarn_predicate){0, op, &c, 1}, n);
}

/* The statistics of a leaf are those of its values. Whether its NULLs count where the struct around
** it is NULL, writers do not agree on. */
static void leaves_of_structs(void **state) {
    static const int32_t values[] = {10, 20, 30, 40}, lo = 10, hi = 40, low_hi = 20, high_lo = 30;
    struct raw_stats s = {&lo, &hi, NULL, NULL, 4, 0};
    struct raw_stats by_page[] = {{&lo, &low_hi, NULL, NULL, 4, 0},
                                  {&high_lo, &hi, NULL, NULL, 4, 0}};
    struct raw_entries pages[] = {{NULL, "2021", values, 8, RAW_V2, 0, 0},
                                  {NULL, "1220", values + 2, 8, 0, 0, 0}};
    static const int64_t first[] = {0, 4};
    struct raw_chunk chunk = {pages, 2, 0, first};
    struct raw_hints hints = {&s, by_page};
    struct tarn_pq_counters n;
    struct tarn_buf file;

    (void)state;
    raw_nested_hints(&file, optional_structs, 4, &chunk, &hints, 8);
    assert_int_equal(leaf_rows(&file, TARN_OP_GT, 40, &n), 0);
    assert_int_equal(n.row_groups_stats, 1);
    assert_int_equal(leaf_rows(&file, TARN_OP_GE, 25, &n), 2);
    assert_int_equal(n.pages_pruned, 1);
    assert_int_equal(leaf_rows(&file, TARN_OP_EQ, 20, &n), 1);
    assert_int_equal(n.pages_pruned, 1);
    assert_int_equal(leaf_rows(&file, TARN_OP_NOT_NULL, 0, &n), 4);
    assert_int_equal(leaf_rows(&file, TARN_OP_IS_NULL, 0, &n), 4);
    assert_int_equal(n.row_groups_stats, 0);
    tarn_buf_release(&file);
    pages[0].def = pages[1].def = "11";
    chunk.first_rows = NULL;
    hints.pages = NULL;
    raw_nested_hints(&file, required_structs, 4, &chunk, &hints, 4);
    assert_int_equal(leaf_rows(&file, TARN_OP_IS_NULL, 0, &n), 0);
    assert_int_equal(n.row_groups_stats, 1);
    assert_int_equal(leaf_rows(&file, TARN_OP_LT, 25, &n), 2);
    tarn_buf_release(&file);
}

/* What a query gives, as text: its columns' types and values, or the error. */
static char *answer(sqlite3 *db, const char *sql) {
    sqlite3_str *s = sqlite3_str_new(db);
    sqlite3_stmt *stmt = NULL;
    int rc = sqlite3_prepare_v2(db, sql, -1, &stmt, NULL);

    while (rc == SQLITE_OK && (rc = sqlite3_step(stmt)) == SQLITE_ROW) {
        for (int i = 0; i < sqlite3_column_count(stmt); i++) {
            const char *text = (const char *)sqlite3_column_text(stmt, i);
            sqlite3_str_appendf(s, "%d:%s|", sqlite3_column_type(stmt, i), text ? text : "NULL");
        }
        rc = SQLITE_OK;
    }
    if (rc != SQLITE_DONE) sqlite3_str_appendf(s, "error");
    (void)sqlite3_finalize(stmt);
    sqlite3_str_appendall(s, ".");
    return sqlite3_str_finish(s);
}

static sqlite3 *open_table(const char *path) {
    sqlite3 *db = NULL;
    char *why = NULL, *sql = sqlite3_mprintf("CREATE VIRTUAL TABLE t USING parquet(%Q)", path);

    assert_int_equal(sqlite3_open(":memory:", &db), SQLITE_OK);
    if (tarn_register(db, &why)) fail_msg("%s", why);
    if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK) {
        (void)sqlite3_close(db);
        db = NULL;
    }
    sqlite3_free(sql);
    return db;
}

static void both(sqlite3 *db, const char *sql, const char *with, const char *without) {
    for (int i = 0; i < 2; i++) {
        char *got = NULL;
        sqlite3_free(answer(db, i ? "SELECT tarn_config('pushdown', 'off')"
                                  : "SELECT tarn_config('pushdown', 'on')"));
        got = answer(db, sql);
        if (strcmp(got, i ? without : with) != 0)
            fail_msg("%s\npushdown %s: %s", sql, i ? "off" : "on", got);
        sqlite3_free(got);
    }
}

static void save(const struct tarn_buf *bytes, char path[32]) {
    int fd = -1;

    (void)snprintf(path, 32, "prune-XXXXXX");
    fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes->data, bytes->len), (ssize_t)bytes->len);
    (void)close(fd);
}

/* SQL reaches all of it: the pages of these files end too early. */
static void through_sql(void **state) {
    static const int32_t lo = 10, hi = 40;
    static const uint8_t decimal_lo[4] = {0xff, 0xff, 0xff, 0}, decimal_hi[4] = {0, 0, 0, 99};
    uint8_t entries[36];
    struct raw_stats s = {&lo, &hi, NULL, NULL, 4, 0};
    struct raw_entries broken = {NULL, "22", NULL, 0, 0, 0, 0};
    struct raw_chunk chunk = {&broken, 1, 0, NULL};
    struct raw_hints hints = {&s, NULL};
    struct raw_page page = {TARN_DATA_PAGE, TARN_PLAIN, 2, 0, "", 0}, pages[2] = {{0}, {0}};
    struct raw_stats ds = {decimal_lo, decimal_hi, NULL, NULL, 4, 0};
    struct raw_file f;
    struct tarn_buf file;
    sqlite3 *db = NULL;
    char path[32];

    (void)state;
    raw_nested_hints(&file, optional_structs, 4, &chunk, &hints, 2);
    save(&file, path);
    db = open_table(path);
    assert_non_null(db);
    both(db, "SELECT count(*) FROM t WHERE \"s.p.x\" > 40", "1:0|.", "error.");
    both(db, "SELECT count(*) FROM t WHERE \"s.p.x\" = '9'", "1:0|.", "error.");
    both(db, "SELECT count(*) FROM t WHERE \"s.p.x\" IN (1, 2, 50)", "1:0|.", "error.");
    both(db, "SELECT count(*) FROM t WHERE \"s.p.x\" IS NULL", "error.", "error.");
    (void)sqlite3_close(db);
    (void)unlink(path);
    tarn_buf_release(&file);
    memset(&f, 0, sizeof f);
    f.physical = TARN_FIXED;
    f.fixed_len = 4;
    f.converted = 5;
    f.rows = f.values = 2;
    f.pages = &page;
    f.n_pages = 1;
    f.stats = &ds;
    f.orders = 1;
    raw_parquet(&file, &f);
    save(&file, path);
    db = open_table(path);
    assert_non_null(db);
    both(db, "SELECT count(*) FROM t WHERE c > 99", "1:0|.", "error.");
    both(db, "SELECT count(*) FROM t WHERE c = 100.5", "1:0|.", "error.");
    both(db, "SELECT count(*) FROM t WHERE c < -256", "1:0|.", "error.");
    both(db, "SELECT count(*) FROM t WHERE c >= 99999999999999999", "1:0|.", "error.");
    both(db, "SELECT count(*) FROM t WHERE c IN (-300, 100)", "1:0|.", "error.");
    both(db, "SELECT count(*) FROM t WHERE c = 99", "error.", "error.");
    (void)sqlite3_close(db);
    (void)unlink(path);
    tarn_buf_release(&file);
    pages[1].body = "\2";
    pages[1].n = 1;
    write_int96(&file, pages, entries, NULL);
    save(&file, path);
    db = open_table(path);
    assert_non_null(db);
    both(db, "SELECT count(*) FROM t WHERE c = '2000-01-02 00:00:00.000000000'", "1:0|.", "error.");
    both(db, "SELECT count(*) FROM t WHERE c > '2010-01-02'", "1:0|.", "error.");
    both(db, "SELECT count(*) FROM t WHERE c IN ('2000-01-01', '2001')", "1:0|.", "error.");
    both(db, "SELECT count(*) FROM t WHERE c < '2000-01-01'", "error.", "error.");
    (void)sqlite3_close(db);
    (void)unlink(path);
    tarn_buf_release(&file);
}

/* One condition for each operator, with a value that the column has, and one between two values. */
static int compare_column(sqlite3 *db, const char *name) {
    static const char *const ops[] = {"=", "<>", "<", "<=", ">", ">=", "IS NOT"};
    char *sql = sqlite3_mprintf("SELECT DISTINCT quote(\"%w\") FROM t WHERE \"%w\" IS NOT NULL "
                                "LIMIT 3",
                                name, name);
    sqlite3_stmt *stmt = NULL;
    int n = 0;

    sqlite3_free(answer(db, "SELECT tarn_config('pushdown', 'off')"));
    if (sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) != SQLITE_OK) stmt = NULL;
    sqlite3_free(sql);
    while (stmt && sqlite3_step(stmt) == SQLITE_ROW) {
        const char *value = (const char *)sqlite3_column_text(stmt, 0);
        for (size_t i = 0; i < 7 && value && strlen(value) < 200; i++, n++) {
            char *off = NULL;
            sql = sqlite3_mprintf("SELECT count(*), sum(file_row_number) FROM t WHERE \"%w\" %s %s",
                                  name, ops[i], value);
            sqlite3_free(answer(db, "SELECT tarn_config('pushdown', 'off')"));
            off = answer(db, sql);
            both(db, sql, off, off);
            sqlite3_free(off);
            sqlite3_free(sql);
        }
    }
    (void)sqlite3_finalize(stmt);
    return n;
}

static int compare_file(const char *path) {
    sqlite3 *db = open_table(path);
    sqlite3_stmt *stmt = NULL;
    int n = 0;

    if (!db) return 0;
    assert_int_equal(
        sqlite3_prepare_v2(db, "SELECT name FROM pragma_table_xinfo('t')", -1, &stmt, NULL),
        SQLITE_OK);
    while (sqlite3_step(stmt) == SQLITE_ROW)
        n += compare_column(db, (const char *)sqlite3_column_text(stmt, 0));
    (void)sqlite3_finalize(stmt);
    (void)sqlite3_close(db);
    return n;
}

/* Every column of every small file of the test data, leaves of structs, decimals and INT96 too. */
static void real_files(void **state) {
    const char *top = getenv("TOP"), *real = getenv("TARN_REAL_DATA");
    char dir[400], path[700];
    struct dirent *entry = NULL;
    DIR *d = NULL;
    int n = 0;

    (void)state;
    (void)snprintf(dir, sizeof dir, "%s%s/parquet-testing/data",
                   real && *real ? real
                   : top         ? top
                                 : ".",
                   real && *real ? "/.." : "/../shared/data");
    d = opendir(dir);
    if (!d) {
        print_message("no test data at %s\n", dir);
        skip();
    }
    while ((entry = readdir(d)) != NULL) {
        const char *dot = strrchr(entry->d_name, '.');
        (void)snprintf(path, sizeof path, "%s/%s", dir, entry->d_name);
        if (dot && strcmp(dot, ".parquet") == 0 && !strstr(path, "brotli")) n += compare_file(path);
    }
    (void)closedir(d);
    assert_true(n > 1000);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decimals_are_pruned), cmocka_unit_test(blooms_of_decimals),
        cmocka_unit_test(int96_by_dictionary), cmocka_unit_test(leaves_of_structs),
        cmocka_unit_test(through_sql),         cmocka_unit_test(real_files),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
