/* A query ends soon after sqlite3_interrupt, and when a progress handler wants it to, also in what
** takes long without a row: conditions that nothing matches, counts, many files, nested columns.
** Each file here is a few hundred bytes and stands for 2,147,483,647 rows, lawfully: no query over
** one could end by itself in the time that is measured.
*/
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>
#include <sqlite3.h>

#include "raw_parquet.h"
#include "sanitized.h"
#include "tarn.h"

#define DELAY_MS 100
#define SOON (SANITIZED ? 2.0 : 0.2)
#define MANY_FILES 30

struct fixture {
    char dir[32];
    sqlite3 *db;
};

static double now(void) {
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void exec(sqlite3 *db, const char *format, ...) {
    va_list ap;
    char *sql = NULL;

    va_start(ap, format);
    sql = sqlite3_vmprintf(format, ap);
    va_end(ap);
    if (sqlite3_exec(db, sql, NULL, NULL, NULL)) fail_msg("%s: %s", sql, sqlite3_errmsg(db));
    sqlite3_free(sql);
}

static void save(const struct fixture *f, const char *name, const struct raw_file *file) {
    char path[128];
    struct tarn_buf b;
    FILE *out = NULL;

    (void)snprintf(path, sizeof path, "%s/%s", f->dir, name);
    raw_parquet(&b, file);
    out = fopen(path, "wb");
    assert_non_null(out);
    assert_int_equal(fwrite(b.data, 1, b.len, out), b.len);
    assert_int_equal(fclose(out), 0);
    tarn_buf_release(&b);
}

/* 2,147,483,647 times one of the dictionary's two texts; as rows of their own, or one to a list. */
static void save_run(const struct fixture *f, const char *name, int repetition) {
    struct tarn_buf body = TARN_BUF_INIT(256);
    struct raw_page pages[2] = {{TARN_DICTIONARY_PAGE, TARN_PLAIN, 2, 0, "\1\0\0\0a\1\0\0\0z", 10},
                                {TARN_DATA_PAGE, TARN_RLE_DICTIONARY, INT32_MAX, 0, NULL, 0}};
    struct raw_file file;
    struct tarn_buf levels = TARN_BUF_INIT(64);

    memset(&file, 0, sizeof file);
    if (repetition == TARN_REPEATED) {
        raw_run(&levels, INT32_MAX, 1, 0);
        tarn_buf_le32(&body, (uint32_t)levels.len);
        tarn_buf_put(&body, levels.data, levels.len);
        levels.len = 0;
        raw_run(&levels, INT32_MAX, 1, 1);
        tarn_buf_le32(&body, (uint32_t)levels.len);
        tarn_buf_put(&body, levels.data, levels.len);
    }
    tarn_buf_u8(&body, 1);
    raw_run(&body, INT32_MAX, 1, 1);
    pages[1].body = body.data;
    pages[1].n = body.len;
    file.physical = TARN_BYTE_ARRAY;
    file.repetition = repetition;
    file.rows = file.values = INT32_MAX;
    file.pages = pages;
    file.n_pages = 2;
    save(f, name, &file);
    tarn_buf_release(&levels);
    tarn_buf_release(&body);
}

static int begin(void **state) {
    struct fixture *f = calloc(1, sizeof *f);
    char *why = NULL;

    if (!f) return -1;
    *state = f;
    (void)snprintf(f->dir, sizeof f->dir, "interrupt-XXXXXX");
    assert_non_null(mkdtemp(f->dir));
    save_run(f, "flat.parquet", TARN_REQUIRED);
    save_run(f, "lists.parquet", TARN_REPEATED);
    for (int i = 0; i < MANY_FILES; i++) {
        char name[40];
        (void)snprintf(name, sizeof name, "many-%02d.parquet", i);
        save_run(f, name, TARN_REQUIRED);
    }
    assert_int_equal(sqlite3_open(":memory:", &f->db), SQLITE_OK);
    if (tarn_register(f->db, &why)) fail_msg("%s", why);
    exec(f->db, "CREATE VIRTUAL TABLE flat USING parquet('%s/flat.parquet')", f->dir);
    exec(f->db, "CREATE VIRTUAL TABLE lists USING parquet('%s/lists.parquet')", f->dir);
    exec(f->db, "CREATE VIRTUAL TABLE many USING parquet('%s/many-*.parquet')", f->dir);
    return 0;
}

static int end(void **state) {
    struct fixture *f = *state;
    char command[80];
    int rc = sqlite3_close(f->db);

    (void)snprintf(command, sizeof command, "rm -rf '%s'", f->dir);
    rc |= system(command);
    free(f);
    return rc;
}

static const char *const queries[] = {
    "SELECT count(*) FROM flat",
    "SELECT sum(length(c)) FROM flat",
    "SELECT * FROM flat WHERE c = CAST('b' AS BLOB)", /* between the dictionary's texts */
    "SELECT * FROM flat WHERE c > x'62' AND c < x'63'",
    "SELECT count(*) FROM flat WHERE c <> x'7a'",
    "SELECT * FROM flat WHERE length(c) = 2",
    "SELECT max(c) FROM flat",
    "SELECT count(*) FROM many WHERE c <> x'7a'",
    "SELECT count(*) FROM many",
    "SELECT count(*) FROM many a, many b WHERE a.c <> x'7a' AND b.c <> x'7a'",
    "SELECT sum(length(c)) FROM lists",
    "SELECT * FROM lists LIMIT 1 OFFSET 2147483000",
    "SELECT count(*) FROM lists WHERE c = '[]'",
};

/* Steps until something else than a row comes; its result. */
static int run(sqlite3 *db, const char *sql) {
    sqlite3_stmt *stmt = NULL;
    int rc = sqlite3_prepare_v2(db, sql, -1, &stmt, NULL);

    if (rc) fail_msg("%s: %s", sql, sqlite3_errmsg(db));
    while ((rc = sqlite3_step(stmt)) == SQLITE_ROW)
        continue;
    if (rc == SQLITE_INTERRUPT) assert_string_equal(sqlite3_errmsg(db), "interrupted");
    (void)sqlite3_finalize(stmt);
    return rc;
}

struct interrupter {
    sqlite3 *db;
    double at;
};

static void *interrupt(void *arg) {
    struct interrupter *i = arg;
    struct timespec t = {0, DELAY_MS * 1000000};

    (void)nanosleep(&t, NULL);
    i->at = now();
    sqlite3_interrupt(i->db);
    return NULL;
}

static void interrupt_ends_a_query(void **state) {
    struct fixture *f = *state;

    for (size_t q = 0; q < sizeof queries / sizeof *queries; q++) {
        struct interrupter i = {f->db, 0};
        pthread_t thread;
        double begun = now(), ended = 0;
        int rc = SQLITE_OK;

        assert_int_equal(pthread_create(&thread, NULL, interrupt, &i), 0);
        rc = run(f->db, queries[q]);
        ended = now();
        assert_int_equal(pthread_join(thread, NULL), 0);
        if (rc == SQLITE_DONE && ended - begun < DELAY_MS / 1e3) continue; /* it was faster */
        if (rc != SQLITE_INTERRUPT) fail_msg("%s: %d %s", queries[q], rc, sqlite3_errmsg(f->db));
        if (getenv("VERBOSE")) print_message("%.0f ms %s\n", (ended - i.at) * 1e3, queries[q]);
        if (ended - i.at > SOON) fail_msg("%s: after %g s", queries[q], ended - i.at);
    }
    assert_int_equal(run(f->db, "SELECT * FROM flat LIMIT 3"), SQLITE_DONE);
}

struct watch {
    double until, first;
    int calls;
};

static int progress(void *arg) {
    struct watch *w = arg;

    w->calls++;
    if (now() < w->until) return 0;
    if (w->first <= 0) w->first = now();
    return 1;
}

/* As applications limit the time of a query: every 1,000 instructions, and others. */
static void progress_handlers_end_a_query(void **state) {
    static const int every[] = {1, 1000, 10000};
    struct fixture *f = *state;

    for (size_t q = 0; q < sizeof queries / sizeof *queries; q++) {
        struct watch w = {now() + DELAY_MS / 1e3, 0, 0};
        double begun = now(), ended = 0;
        int rc = SQLITE_OK;

        sqlite3_progress_handler(f->db, every[q % 3], progress, &w);
        rc = run(f->db, queries[q]);
        ended = now();
        sqlite3_progress_handler(f->db, 0, NULL, NULL);
        if (rc == SQLITE_DONE && ended - begun < DELAY_MS / 1e3) continue;
        if (rc != SQLITE_INTERRUPT) fail_msg("%s: %d %s", queries[q], rc, sqlite3_errmsg(f->db));
        if (getenv("VERBOSE")) print_message("%.0f ms %s\n", (ended - w.until) * 1e3, queries[q]);
        if (ended - w.until > SOON) fail_msg("%s: after %g s", queries[q], ended - w.until);
    }
    assert_int_equal(run(f->db, "SELECT * FROM flat LIMIT 3"), SQLITE_DONE);
}

/* Asking takes nothing from the transaction around it. */
static void a_transaction_lives_on(void **state) {
    struct fixture *f = *state;
    struct watch w = {now() + DELAY_MS / 1e3, 0, 0};

    exec(f->db, "CREATE TEMP TABLE t(x); BEGIN; INSERT INTO t VALUES (1)");
    sqlite3_progress_handler(f->db, 1000, progress, &w);
    assert_int_equal(run(f->db, "SELECT * FROM many WHERE length(c) = 2"), SQLITE_INTERRUPT);
    sqlite3_progress_handler(f->db, 0, NULL, NULL);
    assert_int_equal(sqlite3_get_autocommit(f->db), 0);
    exec(f->db, "COMMIT");
    assert_int_equal(run(f->db, "SELECT 1 FROM t"), SQLITE_DONE);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(interrupt_ends_a_query),
        cmocka_unit_test(progress_handlers_end_a_query),
        cmocka_unit_test(a_transaction_lives_on),
    };

    return cmocka_run_group_tests(tests, begin, end);
}
