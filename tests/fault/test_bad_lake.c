/* test_bad_lake.c: a lake that is damaged, gone, or not allowed: each a clear error that names the
** file, nothing lost, and once it is repaired everything is there once.
*/
#include "fault_db.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "buf.h"
#include "footer.h"
#include "mem.h"
#include "writer.h"

#define HOUR "events/2026/02/02/02/"

static sqlite3 *db;
static char lake[FAULT_PATH];

static int begin(void **state) {
    (void)state;
    db = fault_app("app.db");
    snprintf(lake, sizeof lake, "%s/app.db-lake", fault_folder());
    assert_int_equal(fault_insert(db, 1, 20, 20), SQLITE_OK);
    fault_must(db, "SELECT tarn_flush()");
    assert_int_equal(fault_insert(db, 101, 5, 20), SQLITE_OK); /* waiting */
    return 0;
}

static int end(void **state) {
    (void)state;
    return fault_end(&db);
}

/* What a process that starts now would see: no footer is cached, no lake.json known. */
static void reopen(void) {
    fault_close(db);
    db = fault_app("app.db");
    (void)fault_try(db, "SELECT tarn_config('footerCacheBytes', 0)");
}

static void in_lake(char out[FAULT_PATH], const char *key) {
    if (snprintf(out, FAULT_PATH, "%.300s/%s", lake, key) >= FAULT_PATH) fail_msg("%s", key);
}

static void put(const char *key, const void *data, size_t n) {
    char path[FAULT_PATH];

    in_lake(path, key);
    fault_write_file(path, data, n);
}

static void put_text(const char *key, const char *text) {
    put(key, text, strlen(text));
}

static void skip_corrupt(const char *value) {
    fault_must(db, "SELECT tarn_config('onCorrupt', %Q)", value);
}

/* A broken file beside good ones: an error that names it, or with onCorrupt = skip everything else,
** and a report. */
static void expect_broken(const char *key, const char *word, int no_parquet) {
    reopen();
    fault_fails(db, "SELECT count(*), sum(status_code) FROM events", key, word, NULL);
    fault_fails(db, "SELECT status_code FROM events ORDER BY ts LIMIT 100", key, word, NULL);
    if (no_parquet &&
        !strstr(fault_text(db, "SELECT error FROM tarn_files WHERE error IS NOT NULL"), word))
        fail_msg("tarn_files does not report %s", key);
    skip_corrupt("skip");
    fault_agree(db);
    assert_int_equal(fault_number(db,
                                  "SELECT count FROM tarn_explain('SELECT sum(status_code) FROM "
                                  "events') WHERE what = 'files left out as corrupt'"),
                     1);
    if (!strstr(fault_text(db, "SELECT detail FROM tarn_explain('SELECT sum(status_code) FROM "
                               "events') WHERE what = 'files left out as corrupt'"),
                key)) {
        fail_msg("tarn_explain does not name %s", key);
    }
    skip_corrupt("error");
}

static void no_parquet_at_all(void **state) {
    char path[FAULT_PATH];

    (void)state;
    put_text(HOUR "a.parquet", "");
    expect_broken(HOUR "a.parquet", "Parquet", 1);
    put_text(HOUR "a.parquet", "PAR1");
    expect_broken(HOUR "a.parquet", "Parquet", 1);
    put_text(HOUR "a.parquet", "PAR1\xff\xff\xff\x7fPAR1");
    expect_broken(HOUR "a.parquet", "footer", 1);
    put_text(HOUR "a.parquet", "ts,type\n1,2\n1,2\n1,2\n1,2\n");
    expect_broken(HOUR "a.parquet", "PAR1", 1);
    in_lake(path, HOUR "a.parquet");
    assert_int_equal(unlink(path), 0);
    reopen();
    fault_agree_flushed(db);
}

static void a_folder_like_a_file(void **state) {
    char path[FAULT_PATH];

    (void)state;
    in_lake(path, HOUR "folder.parquet");
    assert_int_equal(mkdir(path, 0755), 0);
    reopen();
    fault_agree_flushed(db);
    fault_must(db, "SELECT * FROM tarn_files");
}

/* Bytes of a file with one column `name`, of 64-bit integers or text. */
static char *one_column(const char *name, int text, size_t *n) {
    const struct tarn_column_spec column = {
        .name = name,
        .physical = text ? TARN_BYTE_ARRAY : TARN_INT64,
        .logical = {.kind = text ? TARN_LOGICAL_STRING : TARN_LOGICAL_NONE},
        .repetition = TARN_REQUIRED,
        .flags = TARN_COL_STATS,
        .codec = -1};
    const struct tarn_pq_writer_spec spec = {
        .columns = &column, .n_columns = 1, .codec = TARN_UNCOMPRESSED, .sort_column = -1};
    struct tarn_buf b = TARN_BUF_INIT(1 << 20);
    struct tarn_pq_writer *w = NULL;
    struct tarn_sink sink;

    tarn_sink_buf(&sink, &b);
    assert_int_equal(tarn_pq_writer_open(&w, &spec, &sink, NULL), 0);
    if (text) {
        tarn_pq_put_bytes(w, 0, "yesterday", 9);
    } else {
        tarn_pq_put_i64(w, 0, INT64_MAX);
    }
    tarn_pq_end_row(w);
    assert_int_equal(tarn_pq_writer_finish(w, NULL), 0);
    tarn_pq_writer_free(w);
    return tarn_buf_steal(&b, n);
}

/* Well-formed files that are no event files: nothing is made up of them. */
static void another_kind_of_ts(void **state) {
    size_t n = 0;
    char *bytes = one_column("ts", 1, &n);
    char path[FAULT_PATH];

    (void)state;
    put(HOUR "a.parquet", bytes, n);
    tarn_free(bytes);
    expect_broken(HOUR "a.parquet", "ts", 0);
    bytes = one_column("when", 0, &n);
    put(HOUR "a.parquet", bytes, n);
    tarn_free(bytes);
    expect_broken(HOUR "a.parquet", "ts", 0);
    in_lake(path, HOUR "a.parquet");
    assert_int_equal(unlink(path), 0);
    reopen();
    fault_agree_flushed(db);
}

static uint8_t *good_file(size_t *n, char path[FAULT_PATH]) {
    char hour[FAULT_PATH];

    in_lake(hour, "events");
    assert_true(fault_find(hour, ".parquet", path));
    return fault_read_file(path, n);
}

/* Every length from nothing to one byte short: never a row that isn't there, never fewer in
** silence. */
static void truncated(void **state) {
    char path[FAULT_PATH];
    size_t n = 0;
    uint8_t *good = good_file(&n, path);
    int every = getenv("LONG") && *getenv("LONG") ? 1 : 7;
    size_t len;

    (void)state;
    reopen();
    for (len = 0; len < n; len += len < 12 || n - len < 16 ? 1 : (size_t)every) {
        fault_write_file(path, good, len);
        fault_fails(db, "SELECT count(*), sum(status_code), max(payload) FROM events", HOUR, NULL);
    }
    fault_write_file(path, good, n);
    free(good);
    fault_agree_flushed(db);
}

/* Where the pages of a file end; page indexes and the footer follow. */
static size_t end_of_pages(const uint8_t *bytes, size_t n) {
    struct tarn_memory_source memory = {bytes, n, "good"};
    struct tarn_source src;
    struct tarn_pq_footer *footer = NULL;
    uint64_t end = 0;
    int g, c;

    tarn_source_memory(&src, &memory);
    assert_int_equal(tarn_pq_footer_read(&footer, &src, NULL), 0);
    for (g = 0; g < footer->n_row_groups; g++) {
        for (c = 0; c < footer->n_columns; c++) {
            const struct tarn_pq_chunk *chunk = &footer->row_groups[g].chunks[c];

            if (chunk->offset + chunk->size > end) end = chunk->offset + chunk->size;
        }
    }
    tarn_pq_footer_free(footer);
    assert_true(end > 0 && end < n);
    return (size_t)end;
}

/* A flipped bit: an error that names the file, or, in the few bits of a page header that nothing
** depends on, the right answer. Indexes and footer carry no checksum: what they say of a page (a
** column's name, a bound) may be wrong in a way that nobody can see, so there it is no crash. */
static void flipped_bits(void **state) {
    static const char *const queries[] = {
        ("SELECT count(*) || '/' || sum(status_code) || '/' || sum(length(payload)) || '/' || "
         "group_concat(type) || min(ts) || max(ts) || count(method) || total(duration_ms) FROM "
         "events"),
        ("SELECT group_concat(n) FROM (SELECT status_code AS n FROM events ORDER BY ts DESC LIMIT "
         "6)"),
        "SELECT count(*) FROM events WHERE status_code = 7 AND type >= 'fault.1'",
        "SELECT count(*) FROM events WHERE ts >= '2026-02-02 02:45'",
    };
    char want[4][2048];
    char path[FAULT_PATH];
    size_t n = 0;
    uint8_t *good = good_file(&n, path);
    size_t pages = end_of_pages(good, n);
    int every = getenv("LONG") && *getenv("LONG") ? 1 : 17;
    int caught = 0;
    size_t i;
    int q;

    (void)state;
    reopen();
    for (q = 0; q < 4; q++)
        snprintf(want[q], sizeof want[q], "%s", fault_text(db, queries[q]));
    for (i = 0; i < 8 * n; i += (size_t)every) {
        uint8_t bit = (uint8_t)(1u << i % 8);

        good[i / 8] ^= bit;
        fault_write_file(path, good, n);
        for (q = 0; q < 4; q++) {
            const char *got = fault_text(db, queries[q]);

            if (strncmp(got, "error: ", 7) == 0) {
                caught++;
                if (!strstr(got, HOUR)) fail_msg("bit %zu: no file named: %s", i, got);
            } else if (strcmp(got, want[q]) != 0 && i / 8 < pages) {
                fail_msg("bit %zu, query %d: found %s, not %s", i, q, got, want[q]);
            }
        }
        good[i / 8] ^= bit;
    }
    fault_write_file(path, good, n);
    free(good);
    assert_true(caught > 4 * (int)n / every);
    fault_agree_flushed(db);
}

static void write_lake_json(const char *text) {
    put_text("_tarn/lake.json", text);
    reopen();
}

static void bad_lake_json(void **state) {
    static const struct {
        const char *text, *word;
    } cases[] = {
        {"{\"format\":\"tarn\",\"version\":2,\"partitionedBy\":\"ts\"}", "use a newer Tarn"},
        {"{\"format\":\"tarn\",\"version\":99999999999999999999}", "lake.json"},
        {"{\"format\":\"tarn\",\"version\":0}", "version"},
        {"{\"format\":\"tarn\"}", "version"},
        {"{\"format\":\"iceberg\",\"version\":1}", "iceberg"},
        {"{\"format\":7}", "format"},
        {"[]", "format"},
        {"", "not JSON"},
        {"\xff\xfe garbage", "not JSON"},
        {"{\"format\":\"tarn\",\"format\":\"tarn\",\"version\":1}", "not JSON"},
    };
    char path[FAULT_PATH];
    size_t n = 0;
    uint8_t *good;
    size_t i;
    char *large = calloc(1, 1 << 20);

    (void)state;
    assert_non_null(large);
    in_lake(path, "_tarn/lake.json");
    good = fault_read_file(path, &n);
    for (i = 0; i < sizeof cases / sizeof *cases; i++) {
        write_lake_json(cases[i].text);
        fault_fails(db, "SELECT count(*) FROM events", "lake", cases[i].word, NULL);
        fault_fails(db, "SELECT tarn_flush()", "lake", cases[i].word, NULL);
        /* what the application does goes on */
        assert_int_equal(fault_insert(db, 1000 + (int64_t)i, 1, 5), SQLITE_OK);
    }
    memset(large, ' ', (1 << 20) - 1);
    write_lake_json(large);
    free(large);
    fault_fails(db, "SELECT count(*) FROM events", "lake.json", NULL);
    fault_write_file(path, good, n);
    free(good);
    reopen();
    fault_agree_flushed(db);
}

static void bad_log_entry(void **state) {
    static const char *const entries[] = {
        "garbage",
        "",
        "{}",
        "[1, 2]",
        "{\"first\":2,\"last\":1}",
        "{\"first\":2,\"last\":9007199254740993,\"commits\":[],\"objects\":[]}",
        "{\"first\":2,\"last\":2,\"previous\":\"zz\",\"commits\":[\"00\"],\"objects\":[]}",
        "{\"first\":2,\"last\":2,\"time\":0,\"previous\":"
        "\"0000000000000000000000000000000000000000000000000000000000000000\",\"commits\":["
        "\"0000000000000000000000000000000000000000000000000000000000000000\"],\"objects\":["
        "{\"key\":\"../../../etc/x\",\"rows\":1}]}",
    };
    char found[FAULT_PATH], path[FAULT_PATH];
    size_t i;

    (void)state;
    assert_true(fault_find(lake, "000000000001.json", found));
    snprintf(path, sizeof path, "%.*s2.json", (int)strlen(found) - 6, found);
    for (i = 0; i < sizeof entries / sizeof *entries; i++) {
        fault_write_file(path, entries[i], strlen(entries[i]));
        reopen();
        fault_fails(db, "SELECT tarn_flush()", "000000000002.json", NULL);
        assert_int_equal(fault_insert(db, 1000 + (int64_t)i, 1, 5), SQLITE_OK);
    }
    assert_int_equal(unlink(path), 0);
    reopen();
    fault_agree_flushed(db);
    snprintf(path, sizeof path, "%.*s2.end", (int)strlen(found) - 6, found);
    fault_write_file(path, "maybe", 5);
    reopen();
    assert_int_equal(fault_insert(db, 2000, 1, 5), SQLITE_OK);
    fault_fails(db, "SELECT tarn_flush()", "000000000002.end", NULL);
    fault_write_file(path, "{\"end\":\"done\"}", 14);
    fault_agree_flushed(db);
}

/* A lake that was there and is not any more is no empty lake. */
static void missing_lake(void **state) {
    char away[FAULT_PATH];

    (void)state;
    fault_agree_flushed(db);
    snprintf(away, sizeof away, "%s/away", fault_folder());
    fault_close(db);
    assert_int_equal(rename(lake, away), 0);
    db = fault_app("app.db");
    fault_fails(db, "SELECT count(*) FROM events", "app.db-lake", NULL);
    assert_int_equal(fault_insert(db, 200, 5, 20), SQLITE_OK); /* the application goes on */
    fault_fails(db, "SELECT count(*) FROM events", "app.db-lake", NULL);
    fault_fails(db, "SELECT tarn_flush()", "app.db-lake", NULL);
    assert_int_equal(access(lake, F_OK), -1);
    assert_int_equal(rename(away, lake), 0);
    fault_agree_flushed(db);
}

static void missing_parent(void **state) {
    (void)state;
    fault_must(db, "SELECT tarn_flush()");
    fault_fails(db, "SELECT tarn_open('/nonexistent/folder/lake')", "/nonexistent/folder/lake",
                "missing", NULL);
    fault_fails(db, "SELECT tarn_open('/dev/null')", "/dev/null", "file", NULL);
    fault_fails(db, "SELECT tarn_open('')", "tarn_open", NULL);
    fault_fails(db, "SELECT tarn_open('gopher://x')", "gopher", NULL);
    fault_agree_flushed(db);
}

/* Links inside the lake: to a file and to a folder they are followed; in circles or to nothing they
** neither hang nor crash, and never lead to fewer rows. */
static void links(void **state) {
    char path[FAULT_PATH], copy[FAULT_PATH], circle[FAULT_PATH];
    size_t n = 0;
    uint8_t *bytes = good_file(&n, path);

    (void)state;
    snprintf(copy, sizeof copy, "%s/elsewhere.parquet", fault_folder());
    assert_int_equal(rename(path, copy), 0);
    assert_int_equal(symlink(copy, path), 0);
    free(bytes);
    reopen();
    fault_agree_flushed(db);
    in_lake(circle, "events/2026/circle");
    assert_int_equal(symlink("..", circle), 0);
    in_lake(circle, HOUR "circle.parquet");
    assert_int_equal(symlink("circle.parquet", circle), 0);
    in_lake(circle, HOUR "nothing.parquet");
    assert_int_equal(symlink("/nonexistent/file", circle), 0);
    reopen();
    fault_agree(db);
    fault_must(db, "SELECT * FROM tarn_files");
    fault_must(db, "SELECT count(*) FROM events('events/**')");
    in_lake(circle, HOUR "zero.parquet");
    assert_int_equal(symlink("/dev/zero", circle), 0);
    in_lake(circle, HOUR "pipe.parquet");
    assert_int_equal(mkfifo(circle, 0666), 0);
    reopen();
    fault_agree(db);
}

static void unreadable(void **state) {
    char path[FAULT_PATH];
    size_t n = 0;
    uint8_t *bytes = good_file(&n, path);
    char hour[FAULT_PATH];
    uid_t me = geteuid();

    (void)state;
    free(bytes);
    in_lake(hour, "events/2026/02/02/02");
    fault_close(db);
    if (me == 0) assert_int_equal(seteuid(65534), 0); /* nothing is unreadable to root */
    if (me != 0) assert_int_equal(chmod(path, 0), 0);
    db = fault_open("app.db");
    if (me == 0) {
        assert_int_equal(seteuid(0), 0);
        assert_int_equal(chmod(path, 0), 0);
        assert_int_equal(seteuid(65534), 0);
    }
    fault_fails(db, "SELECT sum(status_code) FROM events", HOUR, "Permission denied", NULL);
    assert_int_equal(seteuid(me), 0);
    assert_int_equal(chmod(path, 0644), 0);
    assert_int_equal(chmod(hour, 0), 0);
    if (me == 0) assert_int_equal(seteuid(65534), 0);
    fault_fails(db, "SELECT sum(status_code) FROM events", "events/2026/02/02/02",
                "Permission denied", NULL);
    assert_int_equal(seteuid(me), 0);
    assert_int_equal(chmod(hour, 0755), 0);
    fault_close(db);
    db = fault_app("app.db");
    fault_agree_flushed(db);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(no_parquet_at_all, begin, end),
        cmocka_unit_test_setup_teardown(a_folder_like_a_file, begin, end),
        cmocka_unit_test_setup_teardown(another_kind_of_ts, begin, end),
        cmocka_unit_test_setup_teardown(truncated, begin, end),
        cmocka_unit_test_setup_teardown(flipped_bits, begin, end),
        cmocka_unit_test_setup_teardown(bad_lake_json, begin, end),
        cmocka_unit_test_setup_teardown(bad_log_entry, begin, end),
        cmocka_unit_test_setup_teardown(missing_lake, begin, end),
        cmocka_unit_test_setup_teardown(missing_parent, begin, end),
        cmocka_unit_test_setup_teardown(links, begin, end),
        cmocka_unit_test_setup_teardown(unreadable, begin, end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
