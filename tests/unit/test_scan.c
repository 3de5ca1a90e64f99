/* test_scan.c: single cases of the scan: laziness, faults of files, restarts, budgets, bindings. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mem.h"
#include "scan_lake.h"
#include "time.h"
#include "writer.h"

#define HOUR(h) (LAKE_HOUR + (h)*TARN_MS_PER_HOUR)
#define ALL (TARN_EV_BIT(TARN_EV_COLUMNS + 1) - 1)

static struct lake_fixture f;
static struct tarn_scan_spec spec;
static struct tarn_scan *scan;
static struct tarn_err err;

static int setup(void **unused) {
    (void)unused;
    lake_init(&f, 7);
    lake_spec(&f, &spec);
    scan = NULL;
    tarn_err_clear(&err);
    return 0;
}

static int teardown(void **unused) {
    (void)unused;
    tarn_scan_free(scan);
    lake_release(&f);
    return 0;
}

static void trust(void) {
    static const char json[] =
        "{\"format\":\"tarn\",\"version\":1,\"createdBy\":\"test\","
        "\"createdAt\":\"2026-01-01T00:00:00.000Z\",\"partitionedBy\":\"ts\"}";

    lake_put_bytes(&f, "_tarn/lake.json", json, sizeof json - 1);
}

/* n rows of the hour 14 + h, sorted, in the folder of that hour. */
static void put_hour(const char *name, int h, int n, uint32_t page_rows) {
    struct lake_style style = {.page_rows = page_rows};
    char key[128];
    int first = lake_add_rows(&f, n, HOUR(h), HOUR(h + 1) - 1, 1);

    snprintf(key, sizeof key, "events/2026/02/02/%02d/%s.parquet", 14 + h, name);
    lake_put_parquet(&f, key, &style, first, n);
}

static void open_scan(void) {
    tarn_scan_free(scan);
    scan = NULL;
    tarn_err_clear(&err);
    if (tarn_scan_open(&scan, &spec, &err) != TARN_OK) fail_msg("%s", err.msg);
}

/* Steps up to `most` rows, checking each; returns how many came, or -code. */
static int step(int most) {
    int more = 1, n = 0, rc;

    while (n < most) {
        if ((rc = tarn_scan_next(scan, &more, &err)) != TARN_OK) return -rc;
        if (!more) break;
        lake_check_row(&f, scan, spec.columns);
        n++;
    }
    return n;
}

static int rows_of(void) {
    open_scan();
    return step(1000000);
}

static void empty_lakes(void **unused) {
    struct tarn_scanned v;

    (void)unused;
    assert_int_equal(rows_of(), 0);
    assert_int_equal(tarn_scan_value(scan, TARN_EV_TS, &v, NULL), TARN_EINVAL);
    assert_null(tarn_scan_filename(scan));
    spec.lake = NULL;
    assert_int_equal(rows_of(), 0);
    spec.order = 1;
    assert_int_equal(rows_of(), 0);
}

static void newest_hundred_opens_one_file(void **unused) {
    const struct tarn_scan_stats *stats;

    (void)unused;
    trust();
    put_hour("a", 0, 20000, 512);
    put_hour("b", 1, 20000, 512);
    put_hour("c", 2, 20000, 512);
    spec.order = -1;
    spec.limit = 100;
    open_scan();
    assert_int_equal(step(100), 100);
    stats = tarn_scan_stats(scan);
    assert_int_equal(stats->files, 3);
    assert_int_equal(stats->opened, 1);
    assert_in_range(stats->parquet.rows_decoded, 100, 14 * 9000);
    assert_in_range(stats->parquet.rows_out, 100, 9000);
    spec.order = 1;
    open_scan();
    assert_int_equal(step(100), 100);
    assert_int_equal(tarn_scan_stats(scan)->opened, 1);
    assert_in_range(tarn_scan_stats(scan)->parquet.rows_out, 100, 9000);
}

static void predicates_prune(void **unused) {
    struct tarn_const k[2] = {{.kind = TARN_CONST_INT, .i = HOUR(1)},
                              {.kind = TARN_CONST_INT, .i = HOUR(1) + 5 * 60000}};
    struct tarn_predicate p[2] = {{TARN_EV_TS, TARN_OP_GE, &k[0], 1},
                                  {TARN_EV_TS, TARN_OP_LT, &k[1], 1}};
    int want = 0, i;

    (void)unused;
    trust();
    put_hour("a", 0, 3000, 100);
    put_hour("b", 1, 3000, 100);
    put_hour("c", 2, 3000, 100);
    for (i = 0; i < f.n_rows; i++)
        want += lake_matches(&f.rows[i], &p[0]) && lake_matches(&f.rows[i], &p[1]);
    spec.predicates = p;
    spec.n_predicates = 2;
    assert_int_equal(rows_of(), want);
    assert_int_equal(tarn_scan_stats(scan)->opened, 1);
    assert_true(tarn_scan_stats(scan)->parquet.pages_pruned > 0);
    k[1].i = HOUR(0); /* an empty range touches nothing */
    assert_int_equal(rows_of(), 0);
    assert_int_equal(tarn_scan_stats(scan)->listed, 0);
    k[1].i = HOUR(1) + 1000;
    spec.pushdown = 0;
    for (want = i = 0; i < f.n_rows; i++)
        want += lake_matches(&f.rows[i], &p[0]) && lake_matches(&f.rows[i], &p[1]);
    assert_int_equal(rows_of(), want);
    assert_int_equal(tarn_scan_stats(scan)->opened, 3);
}

static void a_predicate_of_the_wrong_kind(void **unused) {
    struct tarn_const k = {.kind = TARN_CONST_REAL, .r = 1};
    struct tarn_predicate p = {TARN_EV_TS, TARN_OP_EQ, &k, 1};

    (void)unused;
    spec.predicates = &p;
    spec.n_predicates = 1;
    assert_int_equal(tarn_scan_open(&scan, &spec, &err), TARN_EINVAL);
    assert_null(scan);
    p.column = TARN_EV_EXTRA;
    assert_int_equal(tarn_scan_open(&scan, &spec, NULL), TARN_EINVAL);
}

static void rows_outside_their_folder(void **unused) {
    struct lake_style style = {0};
    int first, order;

    (void)unused;
    trust();
    put_hour("a", 0, 10, 0);
    first = lake_add_rows(&f, 10, HOUR(-2), HOUR(-1), 1); /* too old for their folder */
    lake_put_parquet(&f, "events/2026/02/02/15/b.parquet", &style, first, 10);
    assert_int_equal(rows_of(), 20);
    for (order = -1; order <= 1; order += 2) {
        spec.order = order;
        open_scan();
        if (order < 0) {
            assert_int_equal(step(100), 20);
        } else { /* a row that comes too late is an error, not a row out of order */
            assert_int_equal(step(100), -TARN_ECORRUPT);
            assert_non_null(strstr(err.msg, "events/2026/02/02/15/b.parquet"));
            assert_non_null(strstr(err.msg, "pathSlack"));
        }
    }
    spec.pushdown = 0;
    assert_int_equal(rows_of(), 20);
}

static void corrupt_files(void **unused) {
    static const char junk[] = "PAR1 this is not what it says PAR1";
    int order;

    (void)unused;
    put_hour("a", 0, 50, 0);
    put_hour("z", 0, 50, 0);
    lake_put_bytes(&f, "events/2026/02/02/14/m.parquet", junk, sizeof junk - 1);
    lake_put_bytes(&f, "events/2026/02/02/14/n.jsonl", "\x1f\x8b junk", 7);
    for (order = -1; order <= 1; order++) {
        spec.order = order;
        spec.skip_corrupt = 0;
        assert_int_equal(rows_of(), -TARN_ECORRUPT);
        assert_non_null(strstr(err.msg, "events/2026/02/02/14/"));
        tarn_err_clear(&err);
        assert_int_equal(step(1), -TARN_ECORRUPT); /* and again */
        assert_non_null(strstr(err.msg, "events/2026/02/02/14/"));
        spec.skip_corrupt = 1;
        assert_int_equal(rows_of(), 100);
        assert_int_equal(tarn_scan_stats(scan)->skipped_corrupt, 2);
        assert_int_equal(tarn_scan_stats(scan)->first_skip.code, TARN_ECORRUPT);
    }
}

/* One byte of a file's data changed: the page's checksum tells, in the middle of the scan. */
static void corrupt_pages(void **unused) {
    struct tarn_buf out = TARN_BUF_INIT((size_t)16 << 20);
    struct lake_style style = {.row_group_rows = 100, .page_rows = 50};
    int first, order, n;

    (void)unused;
    put_hour("z", 0, 50, 0);
    first = lake_add_rows(&f, 1000, HOUR(0), HOUR(1) - 1, 1);
    lake_encode(&f, &style, first, 1000, &out);
    out.data[out.len / 3] ^= 0x10;
    lake_put_bytes(&f, "events/2026/02/02/14/bad.parquet", out.data, out.len);
    tarn_buf_release(&out);
    spec.columns = ALL;
    for (order = -1; order <= 1; order++) {
        int more = 1, rc;

        spec.order = order;
        spec.skip_corrupt = 0;
        open_scan();
        while ((rc = tarn_scan_next(scan, &more, &err)) == TARN_OK && more)
            ;
        assert_int_equal(rc, TARN_ECORRUPT);
        assert_non_null(strstr(err.msg, "bad.parquet"));
        spec.skip_corrupt = 1;
        open_scan();
        for (n = 0; (rc = tarn_scan_next(scan, &more, &err)) == TARN_OK && more; n++)
            ;
        assert_int_equal(rc, TARN_OK);
        assert_in_range(n, 50, 1049);
        assert_int_equal(tarn_scan_stats(scan)->skipped_corrupt, 1);
    }
}

/* A file of two columns, made by hand. */
static void put_two(const char *key, const struct tarn_column_spec *columns, int null_ts) {
    struct tarn_pq_writer_spec w = {.columns = columns, .n_columns = 2, .sort_column = -1};
    struct tarn_buf out = TARN_BUF_INIT(1 << 20);
    struct tarn_pq_writer *writer = NULL;
    struct tarn_sink sink;
    int i;

    tarn_sink_buf(&sink, &out);
    assert_int_equal(tarn_pq_writer_open(&writer, &w, &sink, &err), TARN_OK);
    for (i = 0; i < 3; i++) {
        if (columns[0].physical == TARN_INT32)
            tarn_pq_put_i32(writer, 0, 20486); /* 2026-02-02 */
        else if (columns[0].physical == TARN_BYTE_ARRAY)
            tarn_pq_put_bytes(writer, 0, i == 1 ? "soon" : "2026-02-02T14:00:00Z", i == 1 ? 4 : 20);
        else if (!null_ts || i != 1)
            tarn_pq_put_i64(writer, 0, LAKE_HOUR);
        tarn_pq_put_bytes(writer, 1, "x\xff", i == 2 ? 2 : 1);
        assert_int_equal(tarn_pq_end_row(writer), TARN_OK);
    }
    assert_int_equal(tarn_pq_writer_finish(writer, &err), TARN_OK);
    tarn_pq_writer_free(writer);
    lake_put_bytes(&f, key, out.data, out.len);
    tarn_buf_release(&out);
}

static void expect_fault(int code, const char *a, const char *b) {
    int order, more, rc;

    for (order = -1; order <= 1; order++) {
        spec.order = order;
        spec.skip_corrupt = 0;
        open_scan();
        while ((rc = tarn_scan_next(scan, &more, &err)) == TARN_OK && more)
            ;
        assert_int_equal(rc, code);
        assert_non_null(strstr(err.msg, a));
        assert_non_null(strstr(err.msg, b));
        spec.skip_corrupt = 1;
        open_scan();
        while ((rc = tarn_scan_next(scan, &more, &err)) == TARN_OK && more)
            ;
        assert_int_equal(rc, TARN_OK);
        assert_int_equal(tarn_scan_stats(scan)->skipped_corrupt, 1);
    }
}

static const char one[] = "events/2026/02/02/14/one.parquet";

static void a_row_without_ts(void **unused) {
    struct tarn_column_spec c[2] = {
        {"ts", TARN_INT64, {.kind = TARN_LOGICAL_TIMESTAMP}, TARN_OPTIONAL, TARN_COL_STATS, -1, 0},
        {"type", TARN_BYTE_ARRAY, {.kind = TARN_LOGICAL_STRING}, TARN_OPTIONAL, 0, -1, 0}};

    (void)unused;
    put_two(one, c, 1);
    spec.columns = TARN_EV_BIT(TARN_EV_TYPE);
    expect_fault(TARN_ECORRUPT, one, "column ts");
}

static void a_ts_text_that_is_no_time(void **unused) {
    struct tarn_column_spec c[2] = {
        {"Ts", TARN_BYTE_ARRAY, {.kind = TARN_LOGICAL_STRING}, TARN_OPTIONAL, 0, -1, 0},
        {"type", TARN_BYTE_ARRAY, {.kind = TARN_LOGICAL_STRING}, TARN_OPTIONAL, 0, -1, 0}};

    (void)unused;
    put_two(one, c, 0);
    spec.columns = 0;
    expect_fault(TARN_ECORRUPT, one, "column Ts");
}

static void no_ts_at_all(void **unused) {
    struct tarn_column_spec c[2] = {
        {"tss", TARN_INT64, {.kind = TARN_LOGICAL_TIMESTAMP}, TARN_OPTIONAL, 0, -1, 0},
        {"type", TARN_BYTE_ARRAY, {.kind = TARN_LOGICAL_STRING}, TARN_OPTIONAL, 0, -1, 0}};

    (void)unused;
    put_two(one, c, 0);
    expect_fault(TARN_EUNSUPPORTED, one, "expected a column ts");
    c[0].name = "ts";
    c[0].physical = TARN_INT32;
    c[0].logical.kind = TARN_LOGICAL_NONE;
    put_two(one, c, 0);
    expect_fault(TARN_EUNSUPPORTED, one, "INT32");
}

static void dates_and_bytes(void **unused) {
    struct tarn_column_spec c[2] = {
        {"ts", TARN_INT32, {.kind = TARN_LOGICAL_DATE}, TARN_REQUIRED, TARN_COL_STATS, -1, 0},
        {"method",
         TARN_BYTE_ARRAY,
         {.kind = TARN_LOGICAL_NONE},
         TARN_OPTIONAL,
         TARN_COL_DICT,
         -1,
         0}};
    struct tarn_const k[2] = {{.kind = TARN_CONST_INT, .i = INT64_C(1769990400000)},
                              {.kind = TARN_CONST_BYTES, .bytes = {(const uint8_t *)"x", 1}}};
    struct tarn_predicate p[2] = {{TARN_EV_TS, TARN_OP_EQ, &k[0], 1},
                                  {TARN_EV_METHOD, TARN_OP_PREFIX, &k[1], 1}};
    struct tarn_scanned v;
    int more, n;

    (void)unused;
    put_two("events/2026/02/02/_compact_1.parquet", c, 0);
    open_scan();
    for (n = 0; tarn_scan_next(scan, &more, &err) == TARN_OK && more; n++) {
        assert_int_equal(tarn_scan_value(scan, TARN_EV_TS, &v, &err), TARN_OK);
        assert_true(v.kind == TARN_SCANNED_INT && v.i == INT64_C(1769990400000));
        assert_int_equal(tarn_scan_value(scan, TARN_EV_METHOD, &v, &err), TARN_OK);
        assert_int_equal(v.kind, n == 2 ? TARN_SCANNED_NULL : TARN_SCANNED_TEXT);
        assert_int_equal(tarn_scan_value(scan, TARN_EV_EXTRA, &v, &err), TARN_OK);
        assert_int_equal(v.kind, n == 2 ? TARN_SCANNED_TEXT : TARN_SCANNED_NULL);
        if (n == 2) assert_memory_equal(v.text.data, "{\"method\":{\"$base64\":\"eP8=\"}}", 29);
    }
    assert_int_equal(n, 3);
    spec.predicates = p;
    spec.n_predicates = 2;
    open_scan();
    for (n = 0; tarn_scan_next(scan, &more, &err) == TARN_OK && more; n++)
        ;
    assert_int_equal(n, 2);
    k[0].i++; /* inside the day, but not its midnight */
    open_scan();
    assert_int_equal(tarn_scan_next(scan, &more, &err), TARN_OK);
    assert_false(more);
}

static void one_file_by_name(void **unused) {
    struct tarn_const k = {.kind = TARN_CONST_INT, .i = HOUR(1)};
    struct tarn_predicate p = {TARN_EV_TS, TARN_OP_GE, &k, 1};

    (void)unused;
    trust();
    put_hour("a", 0, 10, 0);
    put_hour("b", 0, 11, 0);
    put_hour("c", 3, 12, 0);
    spec.filename = "events/2026/02/02/14/b.parquet";
    assert_int_equal(rows_of(), 11);
    assert_int_equal(tarn_scan_stats(scan)->files, 1);
    assert_in_range(tarn_scan_stats(scan)->listed, 1, 2);
    spec.predicates = &p;
    spec.n_predicates = 1;
    assert_int_equal(rows_of(), 0);
    spec.filename = "events/2026/02/02/14/nothing.parquet";
    assert_int_equal(rows_of(), 0);
    spec.filename = "elsewhere";
    assert_int_equal(rows_of(), 0);
}

static void delete_key(const char *key) {
    assert_int_equal(tarn_store_delete(tarn_lake_store(f.lake), key, &err), TARN_OK);
}

static void a_file_that_vanishes(void **unused) {
    int order, more;

    (void)unused;
    for (order = -1; order <= 1; order++) {
        spec.order = order;
        put_hour("a", 0, 10, 0);
        open_scan();
        delete_key("events/2026/02/02/14/a.parquet");
        put_hour("b", 0, 20, 0);
        assert_int_equal(step(100), 20); /* listed again: nothing had been returned */
        put_hour("c", 0, 20, 0);
        spec.order = 0;
        open_scan();
        assert_int_equal(step(20), 20);
        delete_key("events/2026/02/02/14/c.parquet");
        assert_int_equal(tarn_scan_next(scan, &more, &err), TARN_ENOTFOUND);
        assert_non_null(strstr(err.msg, "run the statement again"));
        delete_key("events/2026/02/02/14/b.parquet");
    }
}

static int stop(void *arg) {
    int *left = arg;

    return --*left < 0;
}

static void interrupts(void **unused) {
    int left, order, n;

    (void)unused;
    put_hour("a", 0, 30000, 0);
    spec.interrupted = stop;
    spec.interrupted_arg = &left;
    for (order = -1; order <= 1; order++) {
        spec.order = order;
        left = 5;
        assert_int_equal(rows_of(), -TARN_EINTR);
        for (left = 100000, n = 0; n < 3; n++)
            assert_int_equal(rows_of(), 30000);
        assert_in_range(left, 100, 100000 - 90);
    }
}

static void bad_lines_of_jsonl(void **unused) {
    static const char lines[] = "{\"id\":0,\"ts\":1770040800000}\n\nnonsense\n{\"id\":0}\n"
                                "{\"id\":1,\"ts\":\"2026-02-02 14:00:01\"}\r\n";
    struct tarn_scanned v;
    int order, more, n, rc;

    (void)unused;
    lake_put_bytes(&f, "events/2026/02/02/14/x.jsonl", lines, sizeof lines - 1);
    for (order = -1; order <= 1; order++) {
        spec.order = order;
        spec.skip_corrupt = 0;
        open_scan();
        while ((rc = tarn_scan_next(scan, &more, &err)) == TARN_OK && more)
            ;
        assert_int_equal(rc, TARN_ECORRUPT);
        assert_non_null(strstr(err.msg, "events/2026/02/02/14/x.jsonl: line 3:"));
        spec.skip_corrupt = 1;
        open_scan();
        for (n = 0; (rc = tarn_scan_next(scan, &more, &err)) == TARN_OK && more; n++) {
            assert_int_equal(tarn_scan_value(scan, TARN_EV_TYPE, &v, &err), TARN_OK);
            assert_int_equal(v.kind, TARN_SCANNED_NULL);
            assert_int_equal(tarn_scan_value(scan, TARN_EV_PAYLOAD, &v, &err), TARN_OK);
            assert_true(v.text.data[0] == '{' && v.text.data[v.text.len - 1] == '}');
        }
        assert_int_equal(n, 2);
        assert_int_equal(tarn_scan_stats(scan)->jsonl_bad, 2);
        assert_int_equal(tarn_scan_stats(scan)->jsonl_lines, 4);
    }
}

static void the_memory_budget(void **unused) {
    int first = lake_add_rows(&f, 5000, HOUR(0), HOUR(1) - 1, 0);

    (void)unused;
    lake_put_jsonl(&f, "events/2026/02/02/14/x.jsonl", first, 5000);
    spec.memory_budget = 200000;
    assert_int_equal(rows_of(), 5000); /* it streams */
    spec.order = 1;
    assert_int_equal(rows_of(), -TARN_ELIMIT);
    assert_non_null(strstr(err.msg, "events/2026/02/02/14/x.jsonl"));
    assert_non_null(strstr(err.msg, "memoryBudget"));
    spec.memory_budget = 0;
    assert_int_equal(rows_of(), 5000);
}

static int open_descriptors(void) {
    DIR *d = opendir("/proc/self/fd");
    int n = 0;

    assert_non_null(d);
    while (readdir(d))
        n++;
    closedir(d);
    return n;
}

static void many_files_few_descriptors(void **unused) {
    struct lake_style style = {.row_group_rows = 20, .page_rows = 10};
    int before, most = 0, i, more = 1, n = 0;
    int64_t last = INT64_MIN;

    (void)unused;
    for (i = 0; i < 150; i++) {
        char key[128];
        int first = lake_add_rows(&f, 60, HOUR(0), HOUR(1) - 1, 1);

        snprintf(key, sizeof key, "events/2026/02/02/14/%03d.parquet", i);
        lake_put_parquet(&f, key, &style, first, 60);
    }
    before = open_descriptors();
    spec.order = 1;
    open_scan();
    while (tarn_scan_next(scan, &more, &err) == TARN_OK && more) {
        int id = lake_check_row(&f, scan, spec.columns);

        assert_true(f.rows[id].ts >= last);
        last = f.rows[id].ts;
        if (n++ % 50 == 0) {
            i = open_descriptors() - before;
            most = i > most ? i : most;
        }
    }
    assert_int_equal(n, 150 * 60);
    assert_in_range(most, 2, 64);
    assert_in_range(open_descriptors() - before, 0, 1);
}

/* Every allocation fails in turn: an error or the right rows, and nothing lost. */
static void failing_allocations(void **unused) {
    int order, rc, more, n;
    unsigned long i;

    (void)unused;
    put_hour("a", 0, 40, 20);
    lake_put_jsonl(&f, "events/2026/02/02/14/b.jsonl",
                   lake_add_rows(&f, 20, HOUR(0), HOUR(1) - 1, 0), 20);
    for (order = -1; order <= 1; order++) {
        spec.order = order;
        for (i = 1, rc = TARN_ENOMEM; rc != TARN_OK; i++) {
            struct tarn_scan *s = NULL;

            tarn_lake_footer_limit(0);
            tarn_lake_footer_limit((size_t)1 << 20);
            tarn_err_clear(&err);
            tarn_mem_fail_after(i, 1);
            rc = tarn_scan_open(&s, &spec, &err);
            for (n = 0, more = 1; rc == TARN_OK && more; n += more)
                rc = tarn_scan_next(s, &more, &err);
            tarn_mem_fail_after(0, 0);
            tarn_scan_free(s);
            if (rc != TARN_OK && rc != TARN_ENOMEM)
                fail_msg("allocation %lu: %s %s", i, tarn_code_name(rc), err.msg);
            assert_true(rc != TARN_OK || n == 60);
            assert_true(i < 100000);
        }
        assert_true(i > 50);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(empty_lakes),
        TEST(newest_hundred_opens_one_file),
        TEST(predicates_prune),
        TEST(a_predicate_of_the_wrong_kind),
        TEST(rows_outside_their_folder),
        TEST(corrupt_files),
        TEST(corrupt_pages),
        TEST(a_row_without_ts),
        TEST(a_ts_text_that_is_no_time),
        TEST(no_ts_at_all),
        TEST(dates_and_bytes),
        TEST(one_file_by_name),
        TEST(a_file_that_vanishes),
        TEST(interrupts),
        TEST(bad_lines_of_jsonl),
        TEST(the_memory_budget),
        TEST(many_files_few_descriptors),
        TEST(failing_allocations),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
