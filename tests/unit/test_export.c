/* tarn_export: what a query returns is in the file, in every type and under every option; what can't
** be is refused; and whatever goes wrong leaves nothing behind. Files are read back with the engine's
** scan. Some system calls are replaced here, so that they can fail.
*/
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <sqlite3.h>

#include "cell.h"
#include "filescan.h"
#include "mem.h"
#include "tarn.h"

static int no_nameless; /* the file system knows no O_TMPFILE */
static int no_links;    /* … and no hard links */
static int no_sync;     /* fsync fails */

int openat(int folder, const char *path, int flags, ...) {
    mode_t mode = 0;
    va_list ap;

    va_start(ap, flags);
    if (flags & (O_CREAT | O_TMPFILE)) mode = va_arg(ap, mode_t);
    va_end(ap);
    if (no_nameless && (flags & O_TMPFILE) == O_TMPFILE) {
        errno = EOPNOTSUPP;
        return -1;
    }
    return (int)syscall(SYS_openat, folder, path, flags, mode);
}

int linkat(int from, const char *old, int to, const char *new, int flags) {
    if (no_links) {
        errno = EPERM;
        return -1;
    }
    return (int)syscall(SYS_linkat, from, old, to, new, flags);
}

int fsync(int fd) {
    if (no_sync) {
        errno = EIO;
        return -1;
    }
    return (int)syscall(SYS_fsync, fd);
}

static uint64_t seed = 20260202;

static unsigned pick(unsigned n) {
    seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (unsigned)((seed >> 33) % n);
}

struct fixture {
    char dir[64];
    sqlite3 *db;
};

static void exec(sqlite3 *db, const char *sql) {
    char *message = NULL;

    if (sqlite3_exec(db, sql, NULL, NULL, &message)) fail_msg("%s\n%s", sql, message);
}

static int setup(void **state) {
    struct fixture *f = calloc(1, sizeof *f);
    char *why = NULL;

    assert_non_null(f);
    (void)snprintf(f->dir, sizeof f->dir, "export-XXXXXX");
    assert_non_null(mkdtemp(f->dir));
    assert_int_equal(sqlite3_open(":memory:", &f->db), SQLITE_OK);
    if (tarn_register(f->db, &why)) fail_msg("%s", why);
    *state = f;
    return 0;
}

static int teardown(void **state) {
    struct fixture *f = *state;
    char command[128];

    no_nameless = no_links = no_sync = 0;
    assert_int_equal(sqlite3_close(f->db), SQLITE_OK);
    (void)snprintf(command, sizeof command, "rm -rf '%s'", f->dir);
    assert_int_equal(system(command), 0);
    free(f);
    return 0;
}

/* The rows written, or -1 with the message in *why (owned). */
static long long export(const struct fixture *f, const char *sql, const char *file,
                        const char *options, char **why) {
    char *text = sqlite3_mprintf("SELECT tarn_export(%Q, '%q/%q', %Q)", sql, f->dir, file, options);
    sqlite3_stmt *stmt = NULL;
    long long rows = -1;

    assert_non_null(text);
    assert_int_equal(sqlite3_prepare_v2(f->db, text, -1, &stmt, NULL), SQLITE_OK);
    if (sqlite3_step(stmt) == SQLITE_ROW)
        rows = sqlite3_column_int64(stmt, 0);
    else if (why)
        *why = sqlite3_mprintf("%s", sqlite3_errmsg(f->db));
    else
        fail_msg("%s: %s", text, sqlite3_errmsg(f->db));
    (void)sqlite3_finalize(stmt);
    sqlite3_free(text);
    return rows;
}

static void refused(const struct fixture *f, const char *sql, const char *options,
                    const char *part) {
    char *why = NULL;

    if (export(f, sql, "refused.parquet", options, &why) >= 0) fail_msg("%s was exported", sql);
    if (!strstr(why, part)) fail_msg("%s: expected '%s' in: %s", sql, part, why);
    sqlite3_free(why);
}

/* How many files the folder holds. */
static int files(const struct fixture *f) {
    DIR *d = opendir(f->dir);
    struct dirent *e = NULL;
    int n = 0;

    assert_non_null(d);
    while ((e = readdir(d)) != NULL)
        n += strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0;
    (void)closedir(d);
    return n;
}

struct parquet {
    uint8_t *bytes;
    struct tarn_memory_source memory;
    struct tarn_source source;
    struct tarn_pq_footer *footer;
    struct tarn_pq_counters counters;
};

static void parquet_open(struct parquet *p, const struct fixture *f, const char *file) {
    char path[128];
    struct tarn_err err = {0};
    FILE *in = NULL;
    long size = 0;

    memset(p, 0, sizeof *p);
    (void)snprintf(path, sizeof path, "%s/%s", f->dir, file);
    in = fopen(path, "rb");
    if (!in) fail_msg("%s is not there", path);
    assert_int_equal(fseek(in, 0, SEEK_END), 0);
    size = ftell(in);
    rewind(in);
    p->bytes = malloc((size_t)size);
    assert_non_null(p->bytes);
    assert_int_equal(fread(p->bytes, 1, (size_t)size, in), size);
    (void)fclose(in);
    p->memory = (struct tarn_memory_source){p->bytes, (size_t)size, "file"};
    tarn_source_memory(&p->source, &p->memory);
    if (tarn_pq_footer_read(&p->footer, &p->source, &err)) fail_msg("%s", err.msg);
}

static void parquet_close(struct parquet *p) {
    tarn_pq_footer_free(p->footer);
    tarn_source_close(&p->source);
    free(p->bytes);
}

/* One cell against what SQLite returns for it: as it is, or as the text of its type. */
static void check_cell(const struct tarn_pq_column *column, const struct tarn_vector *v, uint32_t i,
                       sqlite3_stmt *want, int at) {
    char scratch[TARN_CELL_TEXT];
    struct tarn_cell cell;
    struct tarn_slice text;
    double r = sqlite3_column_double(want, at);

    tarn_cell_read(column, v, i, &cell);
    if (sqlite3_column_type(want, at) == SQLITE_NULL) {
        assert_int_equal(cell.kind, TARN_CELL_NULL);
        return;
    }
    switch (sqlite3_column_type(want, at)) {
    case SQLITE_INTEGER:
        assert_true(cell.kind == TARN_CELL_INT || cell.kind == TARN_CELL_BOOL);
        assert_int_equal(cell.i, sqlite3_column_int64(want, at));
        break;
    case SQLITE_FLOAT:
        assert_int_equal(cell.kind, TARN_CELL_REAL);
        assert_memory_equal(&cell.r, &r, sizeof r);
        break;
    case SQLITE_BLOB:
        assert_int_equal(cell.bytes.len, sqlite3_column_bytes(want, at));
        if (cell.bytes.len)
            assert_memory_equal(cell.bytes.data, sqlite3_column_blob(want, at), cell.bytes.len);
        break;
    default:
        assert_int_equal(tarn_cell_text(column, &cell, scratch, &text), 0);
        if (text.len != (size_t)sqlite3_column_bytes(want, at) ||
            memcmp(text.data, sqlite3_column_text(want, at), text.len) != 0)
            fail_msg("%s: '%.*s' instead of '%s'", column->path, (int)text.len, text.data,
                     sqlite3_column_text(want, at));
    }
}

/* The file's rows against those of `want`, in order. */
static void check_rows(struct parquet *p, sqlite3 *db, const char *want) {
    int columns[32];
    struct tarn_pq_scan_spec spec = {.columns = columns,
                                     .n_columns = p->footer->n_columns,
                                     .order_column = -1,
                                     .pushdown = 1,
                                     .counters = &p->counters};
    struct tarn_pq_scan *scan = NULL;
    struct tarn_err err = {0};
    sqlite3_stmt *stmt = NULL;

    for (int i = 0; i < spec.n_columns; i++)
        columns[i] = i;
    assert_int_equal(sqlite3_prepare_v2(db, want, -1, &stmt, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_column_count(stmt), spec.n_columns);
    if (tarn_pq_scan_open(&scan, p->footer, &p->source, &spec, &err)) fail_msg("%s", err.msg);
    for (int g = 0; g < p->footer->n_row_groups; g++) {
        struct tarn_pq_block *blocks = NULL;
        size_t n = 0;

        if (tarn_pq_scan_blocks(scan, g, &blocks, &n, &err)) fail_msg("%s", err.msg);
        for (size_t k = 0; k < n; k++) {
            struct tarn_pq_batch *b = NULL;

            if (tarn_pq_scan_read(scan, &blocks[k], &b, &err)) fail_msg("%s", err.msg);
            for (uint32_t i = 0; i < b->n; i++) {
                assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
                for (int c = 0; c < spec.n_columns; c++)
                    check_cell(&p->footer->columns[c], &b->columns[c], i, stmt, c);
            }
            tarn_pq_batch_release(b);
        }
        tarn_free(blocks);
    }
    assert_int_equal(sqlite3_step(stmt), SQLITE_DONE);
    (void)sqlite3_finalize(stmt);
    tarn_pq_scan_free(scan);
}

/* `t` is exported; `want` holds the same rows as the reader prints them. */
static void make_table(sqlite3 *db, int rows) {
    char sql[2048];

    exec(db, "DROP TABLE IF EXISTS t; DROP TABLE IF EXISTS want;"
             "CREATE TABLE t(k INTEGER, i INTEGER, r REAL, s VARCHAR(9), b BLOB, o BOOLEAN, d DATE,"
             " ms TIMESTAMP(3), us DATETIME, j JSON, u UUID, m8 DECIMAL(8,2), m18 NUMERIC(18, 4),"
             " m38 TEXT, e);"
             "CREATE TABLE want(k, i, r REAL, s, b, o, d, ms, us, j, u, m8, m18, m38, e);"
             "BEGIN");
    for (int k = 0; k < rows; k++) {
        long long cents = (long long)pick(100000000) - 50000000;
        long long wide = (long long)pick(1000000000) * 1000000000 + pick(1000000000);
        unsigned us = pick(1000000);
        int null = pick(5) == 0;
        char *n = null ? "NULL" : NULL;
        char *i = sqlite3_mprintf("%lld", (long long)pick(10) - 5 + (pick(4) ? 0 : wide));
        char *s = sqlite3_mprintf("'%s%u'", pick(2) ? "w\xc3\xb6rt" : "", pick(pick(2) ? 9 : 9999));
        char *day = sqlite3_mprintf("date('1900-01-01', '+%u days')", pick(90000));
        char *m8 = sqlite3_mprintf("%s%lld.%02lld", cents < 0 ? "-" : "", llabs(cents) / 100,
                                   llabs(cents) % 100);

        (void)sqlite3_snprintf(sizeof sql, sql,
                               "INSERT INTO t VALUES(%d, %s, %u / 7.0, %s, x'%02x%02x', %d, %s, %s "
                               "|| 'T10:11:12.%03uZ',"
                               " %s || ' 23:59:58.%06u', '{\"a\":' || %d || '}',"
                               " '%08X-0000-4000-8000-0123456789ab', %s, %d, '-%lld.%010u', %s);",
                               k, n ? n : i, us, n ? n : s, us % 256, k % 256, k % 2, n ? n : day,
                               day, us % 1000, day, us, k, us, m8, k, wide, us,
                               k % 3 ? "'e'" : "NULL");
        exec(db, sql);
        (void)sqlite3_snprintf(
            sizeof sql, sql,
            "INSERT INTO want VALUES(%d, %s, %u / 7.0, %s, x'%02x%02x', %d, %s,"
            " %s || ' 10:11:12.%03u', %s || ' 23:59:58.%06u', '{\"a\":' || %d || '}',"
            " '%08x-0000-4000-8000-0123456789ab', '%s', '%d.0000', '-%lld.%010u', %s);",
            k, n ? n : i, us, n ? n : s, us % 256, k % 256, k % 2, n ? n : day, day, us % 1000, day,
            us, k, us, m8, k, wide, us, k % 3 ? "'e'" : "NULL");
        exec(db, sql);
        sqlite3_free(i);
        sqlite3_free(s);
        sqlite3_free(day);
        sqlite3_free(m8);
    }
    exec(db, "COMMIT");
}

static const char *const codec_names[] = {"uncompressed", "snappy", "gzip", "zstd", "lz4_raw"};
static const int codecs[] = {TARN_UNCOMPRESSED, TARN_SNAPPY, TARN_GZIP, TARN_ZSTD, TARN_LZ4_RAW};

static void test_tables(void **state) {
    struct fixture *f = *state;

    for (int round = 0; round < 30; round++) {
        int rows = (int)pick(round % 5 ? 300 : 5000), codec = round % 5;
        unsigned group = 1 + pick(round % 2 ? 2000 : 100000), page = 1 + pick(700);
        int dictionary = (int)pick(2), statistics = (int)pick(2), bloom = (int)pick(2);
        struct parquet p;
        char options[600];

        make_table(f->db, rows);
        (void)snprintf(options, sizeof options,
                       "{\"codec\":\"%s\",%s\"rowGroupSize\":%u,\"pageRows\":%u,\"dictionary\":%s,"
                       "\"statistics\":%s,\"bloom\":%s,\"sortedBy\":\"k asc\",\"overwrite\":true,"
                       "\"metadata\":{\"round\":\"%d\",\"b\":\"\"},"
                       "\"types\":{\"m38\":\"DECIMAL(38, 10)\"}}",
                       codec_names[codec], codec == 2 || codec == 3 ? "\"level\":1," : "", group,
                       page, dictionary ? "[\"s\",\"i\"]" : "false",
                       statistics ? "true" : "[\"i\"]", bloom ? "[\"i\",\"s\"]" : "[]", round);
        assert_int_equal(export(f, "SELECT * FROM t", "t.parquet", options, NULL), rows);
        parquet_open(&p, f, "t.parquet");
        check_rows(&p, f->db, "SELECT * FROM want");
        assert_int_equal(p.footer->rows, rows);
        assert_int_equal(p.footer->n_row_groups, ((unsigned)rows + group - 1) / group);
        assert_string_equal(tarn_pq_footer_kv(p.footer, "b"), "");
        assert_int_equal(atoi(tarn_pq_footer_kv(p.footer, "round")), round);
        for (int g = 0; g < p.footer->n_row_groups; g++) {
            const struct tarn_pq_chunk *chunks = p.footer->row_groups[g].chunks;

            assert_int_equal(p.footer->row_groups[g].sort_column, 0);
            assert_int_equal(p.footer->row_groups[g].sort_descending, 0);
            for (int c = 0; c < p.footer->n_columns; c++) {
                assert_int_equal(chunks[c].codec, codecs[codec]);
                assert_int_equal(chunks[c].bloom_offset != 0, bloom && (c == 1 || c == 3));
                if (c != 1 && c != 3) assert_int_equal(chunks[c].dictionary_offset, 0);
                if (c == 0) assert_int_equal(chunks[c].stats.has_min, statistics);
            }
        }
        parquet_close(&p);
    }
    assert_int_equal(files(f), 1);
}

static void test_pages_and_groups(void **state) {
    struct fixture *f = *state;
    const char *query = "WITH RECURSIVE n(i) AS (VALUES(1) UNION ALL SELECT i + 1 FROM n WHERE "
                        "i < 1000) SELECT i, printf('%100d', i) AS s FROM n";
    struct parquet p;

    assert_int_equal(export(f, query, "a.parquet", "{\"pageRows\": 300}", NULL), 1000);
    parquet_open(&p, f, "a.parquet");
    check_rows(&p, f->db, query);
    assert_int_equal(p.counters.pages_decoded, 8);
    parquet_close(&p);
    assert_int_equal(export(f, query, "b.parquet", "{\"rowGroupBytes\": 30000}", NULL), 1000);
    parquet_open(&p, f, "b.parquet");
    check_rows(&p, f->db, query);
    assert_in_range(p.footer->n_row_groups, 3, 6);
    parquet_close(&p);
}

/* The first rows decide, wherever they end. */
static void test_types_from_values(void **state) {
    struct fixture *f = *state;
    const char *query = "SELECT value AS v, NULL AS empty, value || '' AS s, CAST(value AS BLOB) "
                        "AS b, value * 0.5 AS r FROM generate";
    struct parquet p;

    exec(f->db, "CREATE VIEW generate AS WITH RECURSIVE n(value) AS (VALUES(0) UNION ALL SELECT "
                "value + 1 FROM n WHERE value < 140000) SELECT value FROM n");
    assert_int_equal(export(f, query, "t.parquet", "{\"codec\": \"snappy\"}", NULL), 140001);
    parquet_open(&p, f, "t.parquet");
    check_rows(&p, f->db, query);
    assert_int_equal(p.footer->columns[0].physical, TARN_INT64);
    assert_int_equal(p.footer->columns[1].logical.kind, TARN_LOGICAL_STRING);
    assert_int_equal(p.footer->columns[2].logical.kind, TARN_LOGICAL_STRING);
    assert_int_equal(p.footer->columns[3].logical.kind, TARN_LOGICAL_NONE);
    assert_int_equal(p.footer->columns[4].physical, TARN_DOUBLE);
    parquet_close(&p);
    refused(f, "SELECT iif(value < 139999, value, 'x') AS v FROM generate", NULL,
            "column \"v\", row 140000: 'x' does not fit INT64");
    refused(f, "SELECT iif(value < 139999, NULL, 1) AS v FROM generate", NULL,
            "column \"v\", row 140000: 1 does not fit TEXT");
    refused(f, "SELECT iif(value < 139999, 0.5, 9007199254740993) AS v FROM generate", NULL,
            "9007199254740993 does not fit DOUBLE");
    refused(f, "SELECT iif(value < 139999, value, 0.5) AS v FROM generate", NULL,
            "{\"types\": {\"v\": \"DOUBLE\"}}");
}

/* A value in a type: what comes out, or NULL when it must be refused. */
static const struct {
    const char *type, *value, *want;
} values[] = {
    {"INT64", "9223372036854775807", "9223372036854775807"},
    {"INT64", "-5.0", "-5"},
    {"INT64", "0.5", NULL},
    {"INT64", "9223372036854775808.0", NULL},
    {"INT64", "-0.0", NULL},
    {"INT64", "'1'", NULL},
    {"DOUBLE", "9007199254740992", "9007199254740992.0"},
    {"DOUBLE", "9007199254740993", NULL},
    {"DOUBLE", "9223372036854775807", NULL},
    {"DOUBLE", "-9e999", "-9e999"},
    {"DOUBLE", "'1'", NULL},
    {"TEXT", "'a' || char(0) || 'b'", "'a' || char(0) || 'b'"},
    {"TEXT", "''", "''"},
    {"TEXT", "CAST(x'61ff' AS TEXT)", NULL},
    {"TEXT", "x'61'", NULL},
    {"TEXT", "-12", "'-12'"},
    {"TEXT", "0.1", "'0.1'"},
    {"TEXT", "1.0 / 3", "'0.3333333333333333'"},
    {"TEXT", "3.0", "'3.0'"},
    {"TEXT", "1e300", "'1e+300'"},
    {"TEXT", "9e999", "'Inf'"},
    {"BLOB", "x''", "x''"},
    {"BLOB", "'ab'", "x'6162'"},
    {"BLOB", "1", NULL},
    {"BOOLEAN", "1", "1"},
    {"BOOLEAN", "2", NULL},
    {"BOOLEAN", "1.0", NULL},
    {"BOOLEAN", "'true'", NULL},
    {"DATE", "'0000-01-01'", "'0000-01-01'"},
    {"DATE", "'9999-12-31 00:00:00.000'", "'9999-12-31'"},
    {"DATE", "'2026-02-02T01:00+01:00'", "'2026-02-02'"},
    {"DATE", "'2026-02-02 01:00'", NULL},
    {"DATE", "'2026-02-30'", NULL},
    {"DATE", "5", NULL},
    {"TIMESTAMP_MS", "'2026-02-02'", "'2026-02-02 00:00:00.000'"},
    {"TIMESTAMP_MS", "'1969-12-31 23:59:59.999'", "'1969-12-31 23:59:59.999'"},
    {"TIMESTAMP_MS", "'2026-02-02 10:00:00.5+02:00'", "'2026-02-02 08:00:00.500'"},
    {"TIMESTAMP_MS", "'2026-02-02 10:00:00.123000'", "'2026-02-02 10:00:00.123'"},
    {"TIMESTAMP_MS", "'2026-02-02 10:00:00.1231'", NULL},
    {"TIMESTAMP_MS", "'2026-12-31 23:59:60'", NULL},
    {"TIMESTAMP_MS", "'now'", NULL},
    {"TIMESTAMP_MS", "-1", "'1969-12-31 23:59:59.999'"},
    {"TIMESTAMP_MS", "1.5", NULL},
    {"TIMESTAMP_US", "'1969-12-31T23:59:59.999999z'", "'1969-12-31 23:59:59.999999'"},
    {"TIMESTAMP_US", "'2026-02-02 10:00:00.1234567'", NULL},
    {"TIMESTAMP_US", "'2026-02-02 10:00:00.1234560'", "'2026-02-02 10:00:00.123456'"},
    {"TIMESTAMP_US", "1", "'1970-01-01 00:00:00.000001'"},
    {"JSON", "'[1, {\"a\":null}]'", "'[1, {\"a\":null}]'"},
    {"JSON", "'[1,'", NULL},
    {"JSON", "1", NULL},
    {"UUID", "x'000102030405060708090a0b0c0d0e0f'", "'00010203-0405-0607-0809-0a0b0c0d0e0f'"},
    {"UUID", "'FFFFFFFF-ffff-FFFF-ffff-0123456789aB'", "'ffffffff-ffff-ffff-ffff-0123456789ab'"},
    {"UUID", "'FFFFFFFFFffff-FFFF-ffff-0123456789aB'", NULL},
    {"UUID", "'GFFFFFFF-ffff-FFFF-ffff-0123456789aB'", NULL},
    {"UUID", "x'00'", NULL},
    {"UUID", "'a'", NULL},
    {"DECIMAL(4,2)", "12.34", "'12.34'"},
    {"DECIMAL(4,2)", "-99", "'-99.00'"},
    {"DECIMAL(4,2)", "100", NULL},
    {"DECIMAL(4,2)", "1.005", NULL},
    {"DECIMAL(4,2)", "'1.500'", "'1.50'"},
    {"DECIMAL(4,2)", "'1.501'", NULL},
    {"DECIMAL(4,2)", "'1e1'", NULL},
    {"DECIMAL(4,2)", "'.'", NULL},
    {"DECIMAL(4,2)", "''", NULL},
    {"DECIMAL(4,2)", "'1.2.3'", NULL},
    {"DECIMAL(4,2)", "x'31'", NULL},
    {"DECIMAL(4,2)", "9e999", NULL},
    {"DECIMAL(18,0)", "999999999999999999", "'999999999999999999'"},
    {"DECIMAL(18,0)", "1000000000000000000", NULL},
    {"DECIMAL(38,38)", "'-0.12345678901234567890123456789012345678'",
     "'-0.12345678901234567890123456789012345678'"},
    {"DECIMAL(38,0)", "'99999999999999999999999999999999999999'",
     "'99999999999999999999999999999999999999'"},
    {"DECIMAL(38,0)", "'100000000000000000000000000000000000000'", NULL},
};

static void test_values(void **state) {
    struct fixture *f = *state;

    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        char sql[256], options[128], want[256];
        struct parquet p;

        /* Twice, and a NULL: the second value meets what the first one left behind. */
        (void)snprintf(sql, sizeof sql, "SELECT %s AS v UNION ALL SELECT NULL UNION ALL SELECT %s",
                       values[i].value, values[i].value);
        (void)snprintf(options, sizeof options,
                       "{\"overwrite\":true,\"types\":{\"v\":\"%s\"},\"sortedBy\":\"v\"}",
                       values[i].type);
        if (!values[i].want) {
            (void)snprintf(want, sizeof want, "does not fit %s, the type by the option types",
                           values[i].type);
            refused(f, sql, options, want);
            continue;
        }
        refused(f, sql, options, "row 3 is out of order");
        (void)snprintf(sql, sizeof sql, "SELECT %s AS v UNION ALL SELECT %s UNION ALL SELECT NULL",
                       values[i].value, values[i].value);
        (void)snprintf(want, sizeof want, "SELECT %s UNION ALL SELECT %s UNION ALL SELECT NULL",
                       values[i].want, values[i].want);
        assert_int_equal(export(f, sql, "v.parquet", options, NULL), 3);
        parquet_open(&p, f, "v.parquet");
        check_rows(&p, f->db, want);
        parquet_close(&p);
    }
}

static void test_declarations(void **state) {
    struct fixture *f = *state;
    static const struct {
        const char *declared;
        enum tarn_physical physical;
        enum tarn_logical logical;
    } cases[] = {{"INT", TARN_INT64, TARN_LOGICAL_NONE},
                 {"UNSIGNED BIG INT", TARN_INT64, TARN_LOGICAL_NONE},
                 {"VARCHAR(10)", TARN_BYTE_ARRAY, TARN_LOGICAL_STRING},
                 {"clob", TARN_BYTE_ARRAY, TARN_LOGICAL_STRING},
                 {"BLOB", TARN_BYTE_ARRAY, TARN_LOGICAL_NONE},
                 {"double precision", TARN_DOUBLE, TARN_LOGICAL_NONE},
                 {"FLOAT", TARN_DOUBLE, TARN_LOGICAL_NONE},
                 {"bool", TARN_BOOLEAN, TARN_LOGICAL_NONE},
                 {"date", TARN_INT32, TARN_LOGICAL_DATE},
                 {"TIMESTAMP", TARN_INT64, TARN_LOGICAL_TIMESTAMP},
                 {"timestamp with time zone", TARN_INT64, TARN_LOGICAL_TIMESTAMP},
                 {"TIMESTAMP_MS TEXT", TARN_INT64, TARN_LOGICAL_TIMESTAMP},
                 {"JSON", TARN_BYTE_ARRAY, TARN_LOGICAL_JSON},
                 {"GUID", TARN_FIXED, TARN_LOGICAL_UUID},
                 {"DECIMAL(9, 9)", TARN_INT32, TARN_LOGICAL_DECIMAL},
                 {"NUMERIC(10)", TARN_INT64, TARN_LOGICAL_DECIMAL},
                 {"DECIMAL(38,1)", TARN_FIXED, TARN_LOGICAL_DECIMAL},
                 /* These say nothing: TEXT, for want of a value. */
                 {"DECIMAL", TARN_BYTE_ARRAY, TARN_LOGICAL_STRING},
                 {"DECIMAL(39,1)", TARN_BYTE_ARRAY, TARN_LOGICAL_STRING},
                 {"DECIMAL(3,4)", TARN_BYTE_ARRAY, TARN_LOGICAL_STRING},
                 {"TIMESTAMP_NS", TARN_BYTE_ARRAY, TARN_LOGICAL_STRING},
                 {"DATEX", TARN_BYTE_ARRAY, TARN_LOGICAL_STRING},
                 {"", TARN_BYTE_ARRAY, TARN_LOGICAL_STRING}};

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char sql[128];
        struct parquet p;

        (void)snprintf(sql, sizeof sql, "DROP TABLE IF EXISTS d; CREATE TABLE d(c %s)",
                       cases[i].declared);
        exec(f->db, sql);
        assert_int_equal(
            export(f, "SELECT * FROM (SELECT c FROM d)", "d.parquet", "{\"overwrite\":true}", NULL),
            0);
        parquet_open(&p, f, "d.parquet");
        if (p.footer->columns[0].physical != cases[i].physical ||
            p.footer->columns[0].logical.kind != cases[i].logical)
            fail_msg("%s became %s %s", cases[i].declared,
                     tarn_physical_name((int)p.footer->columns[0].physical),
                     tarn_logical_name((int)p.footer->columns[0].logical.kind));
        parquet_close(&p);
    }
}

/* ts as in the lake's own files. */
static void test_events(void **state) {
    struct fixture *f = *state;
    struct parquet p;

    char *open =
        sqlite3_mprintf("SELECT tarn_config('autoFlush', 'off'), tarn_open('./%q')", f->dir);

    exec(f->db, open);
    sqlite3_free(open);
    exec(f->db, "INSERT INTO events(ts, type, verified, status_code, duration_ms, payload) VALUES"
                "(1770044999123, 'a', 1, 200, 0.5, '{}'), ('2026-02-02', 'b', NULL, NULL, NULL, "
                "NULL)");
    assert_int_equal(export(f, "SELECT * FROM events", "e.parquet", "{}", NULL), 2);
    parquet_open(&p, f, "e.parquet");
    assert_int_equal(p.footer->columns[0].logical.kind, TARN_LOGICAL_TIMESTAMP);
    assert_int_equal(p.footer->columns[0].logical.unit, TARN_UNIT_MS);
    assert_int_equal(p.footer->columns[0].logical.utc, 1);
    check_rows(&p, f->db, "SELECT * FROM events");
    parquet_close(&p);
}

static void test_utf16(void **state) {
    struct fixture *f = *state;
    struct fixture other = *f;
    struct parquet p;
    char *why = NULL;

    assert_int_equal(sqlite3_open(":memory:", &other.db), SQLITE_OK);
    exec(other.db, "PRAGMA encoding = 'UTF-16le'; CREATE TABLE t(a TEXT, b)");
    assert_int_equal(tarn_register(other.db, &why), SQLITE_OK);
    exec(other.db, "INSERT INTO t VALUES('w\xc3\xb6rt', '\xf0\x9f\x98\x80')");
    assert_int_equal(export(&other, "SELECT * FROM t", "u.parquet", NULL, NULL), 1);
    parquet_open(&p, f, "u.parquet");
    check_rows(&p, f->db, "SELECT 'w\xc3\xb6rt', '\xf0\x9f\x98\x80'");
    parquet_close(&p);
    assert_int_equal(sqlite3_close(other.db), SQLITE_OK);
}

/* Creates the target while the query runs. */
static void touch(sqlite3_context *ctx, int argc, sqlite3_value **argv) {
    int fd = open((const char *)sqlite3_value_text(argv[0]), O_CREAT | O_WRONLY, 0600);

    (void)argc;
    (void)close(fd);
    sqlite3_result_int(ctx, fd >= 0);
}

static void test_target(void **state) {
    struct fixture *f = *state;
    char sql[128];
    char *why = NULL;
    struct parquet p;

    for (int way = 0; way < 3; way++) {
        no_nameless = way > 0;
        no_links = way > 1;
        assert_int_equal(export(f, "SELECT 1 AS a", "t.parquet", NULL, NULL), 1);
        assert_int_equal(files(f), 1);
        /* A failure leaves the old file; a success replaces it. */
        refused(f, "SELECT 1 AS a UNION ALL SELECT json('{')", "{}", "malformed JSON");
        assert_int_equal(export(f, "SELECT json('{')", "t.parquet", "{\"overwrite\":true}", &why),
                         -1);
        sqlite3_free(why);
        assert_int_equal(export(f, "SELECT 1", "t.parquet", NULL, &why), -1);
        assert_non_null(strstr(why, "exists already"));
        sqlite3_free(why);
        parquet_open(&p, f, "t.parquet");
        check_rows(&p, f->db, "SELECT 1");
        parquet_close(&p);
        assert_int_equal(export(f, "SELECT 2 AS a", "t.parquet", "{\"overwrite\":true}", NULL), 1);
        assert_int_equal(files(f), 1);
        parquet_open(&p, f, "t.parquet");
        check_rows(&p, f->db, "SELECT 2");
        parquet_close(&p);
        (void)snprintf(sql, sizeof sql, "%s/t.parquet", f->dir);
        assert_int_equal(unlink(sql), 0);
    }
    assert_int_equal(
        sqlite3_create_function(f->db, "touch", 1, SQLITE_UTF8, NULL, touch, NULL, NULL), 0);
    for (int way = 0; way < 3; way++) {
        no_nameless = way > 0;
        no_links = way > 1;
        (void)snprintf(sql, sizeof sql, "SELECT touch('%s/refused.parquet')", f->dir);
        refused(f, sql, NULL, "exists already");
        assert_int_equal(files(f), 1);
        (void)snprintf(sql, sizeof sql, "%s/refused.parquet", f->dir);
        assert_int_equal(unlink(sql), 0);
    }
    no_nameless = no_links = 0;
    no_sync = 1;
    refused(f, "SELECT 1", NULL, "cannot sync");
    assert_int_equal(files(f), 0);
}

static int interrupt(void *db) {
    sqlite3_interrupt(db);
    return 0;
}

static const char endless[] = "WITH RECURSIVE n(i) AS (VALUES(1) UNION ALL SELECT i + 1 FROM n) "
                              "SELECT i, random() AS r, hex(randomblob(40)) AS s FROM n";

static void test_interrupt(void **state) {
    struct fixture *f = *state;

    for (int way = 0; way < 2; way++) {
        no_nameless = way;
        sqlite3_progress_handler(f->db, 3000000, interrupt, f->db);
        refused(f, endless, "{\"rowGroupSize\": 1000}", "interrupted");
        assert_int_equal(sqlite3_errcode(f->db), SQLITE_INTERRUPT);
        assert_int_equal(files(f), 0);
    }
    sqlite3_progress_handler(f->db, 0, NULL, NULL);
}

static void test_memory(void **state) {
    struct fixture *f = *state;
    struct parquet p;
    const char *query = "WITH RECURSIVE n(i) AS (VALUES(1) UNION ALL SELECT i + 1 FROM n WHERE i < "
                        "20000) SELECT i, hex(randomblob(500)) AS s FROM n";

    exec(f->db, "SELECT tarn_config('memoryBudget', 8388608)");
    assert_int_equal(export(f, query, "m.parquet", "{\"codec\":\"uncompressed\"}", NULL), 20000);
    parquet_open(&p, f, "m.parquet");
    assert_in_range(p.footer->n_row_groups, 12, 16); /* 20 MB in fifths of 8 MiB */
    parquet_close(&p);
    refused(f, "SELECT zeroblob(1700000) AS z", NULL, "column \"z\", row 1: a value of 1700000");
    /* Page indexes of very many pages are held, too. */
    refused(f, endless, "{\"pageRows\": 1, \"codec\":\"uncompressed\"}",
            "more than memoryBudget (8388608 bytes) is held");
    assert_int_equal(files(f), 1);
}

/* Runs the endless export in a child, which dies by a signal or meets a limit. */
static int child(const struct fixture *f, int limit) {
    pid_t pid = fork();
    int status = 0;

    assert_true(pid >= 0);
    if (pid == 0) {
        struct rlimit most = {1 << 20, 1 << 20};
        char *why = NULL;

        if (limit) {
            (void)signal(SIGXFSZ, SIG_IGN);
            if (setrlimit(RLIMIT_FSIZE, &most)) _exit(3);
        }
        if (export(f, endless, "t.parquet", "{\"rowGroupSize\": 2000}", &why) >= 0) _exit(2);
        _exit(strstr(why, "t.parquet") && strstr(why, "too large") ? 0 : 1);
    }
    if (!limit) {
        (void)usleep(300000);
        (void)kill(pid, SIGKILL);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return status;
}

static void test_killed_and_full(void **state) {
    struct fixture *f = *state;

    assert_true(WIFSIGNALED(child(f, 0)));
    assert_int_equal(files(f), 0); /* not even the temporary file: it has no name */
    assert_int_equal(child(f, 1), 0);
    assert_int_equal(files(f), 0);
    no_nameless = 1;
    assert_int_equal(child(f, 1), 0);
    assert_int_equal(files(f), 0);
    assert_true(WIFSIGNALED(child(f, 0)));
    assert_int_equal(access("t.parquet", F_OK), -1);
}

static void test_no_memory(void **state) {
    struct fixture *f = *state;
    unsigned long n = 0;
    long long rows = -1;

    make_table(f->db, 3);
    for (n = 1; rows < 0; n++) {
        char *why = NULL;

        (void)tarn_mem_fail_after(n, 1);
        rows = export(f, "SELECT *, i + 1 AS x FROM t", "t.parquet",
                      "{\"sortedBy\":\"k\",\"bloom\":true,\"metadata\":{\"a\":\"b\"}}", &why);
        (void)tarn_mem_fail_after(0, 0);
        if (rows < 0) assert_int_equal(files(f), 0);
        sqlite3_free(why);
    }
    assert_int_equal(rows, 3);
    assert_in_range(n, 20, 5000);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_tables), TEST(test_pages_and_groups), TEST(test_types_from_values),
        TEST(test_values), TEST(test_declarations),     TEST(test_events),
        TEST(test_utf16),  TEST(test_target),           TEST(test_interrupt),
        TEST(test_memory), TEST(test_killed_and_full),  TEST(test_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
