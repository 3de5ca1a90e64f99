/* Files of at most 42,000 bytes that decode to petabytes: what they claim is in them, so nothing is
** damaged. A query ends in an answer, in an error that names the file, or, where it is lawful and just
** long, when it is interrupted: within a second, 300 MB of memory and 600 MB of addresses, in a process
** of its own.
**
**   runs       dictionary: one text of 30 MB, packed | page: a run of 2,147,483,647 codes
**   prefixes   page, packed: 11,000,000 values, each of the 1 MB before it
**   zeros      page, packed: 3,900,000 numbers
**   claim      as runs, and the chunk says that it has 1 PB
**
** and each of it 100 times, as row groups that share their bytes: 6 EB, 1.1 PB, 3 GB.
*/
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <zlib.h>

#include <cmocka.h>
#include <sqlite3.h>

#include "encode_delta.h"
#include "filescan.h"
#include "mem.h"
#include "raw_parquet.h"
#include "sanitized.h"
#include "tarn.h"

#define FILE_MAX 42000
#define GROUPS 100
#define DELAY_MS 500
#define SECONDS (SANITIZED ? 20.0 : 1.0)
#define RSS_KB (300L * 1024)
#define ADDRESSES ((rlim_t)600 << 20)

struct bomb {
    const char *name;
    uint8_t data[FILE_MAX];
    size_t n;
};

static struct bomb bombs[4] = {
    {.name = "runs"}, {.name = "prefixes"}, {.name = "zeros"}, {.name = "claim"}};

static double now(void) {
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* The best that zlib can do. */
static uint8_t *packed(const void *p, size_t n, size_t *out_n) {
    uLongf len = compressBound(n);
    uint8_t *out = malloc(len);

    assert_non_null(out);
    assert_int_equal(compress2(out, &len, p, n, 9), Z_OK);
    *out_n = len;
    return out;
}

static void pack_page(struct raw_page *page, const void *p, size_t n) {
    page->body = packed(p, n, &page->n);
    page->uncompressed = (int64_t)n;
}

static void finish(struct bomb *b, const struct raw_page *pages, int n_pages, int physical,
                   int64_t rows, int64_t claim) {
    struct raw_file f;
    struct tarn_buf out;

    memset(&f, 0, sizeof f);
    f.physical = physical;
    f.codec = TARN_GZIP;
    f.uncompressed = claim;
    f.rows = f.values = rows;
    f.more_groups = GROUPS - 1;
    f.pages = pages;
    f.n_pages = n_pages;
    raw_parquet(&out, &f);
    if (getenv("VERBOSE")) print_message("%s: %zu bytes\n", b->name, out.len);
    if (out.len > sizeof b->data) fail_msg("%s: %zu bytes", b->name, out.len);
    memcpy(b->data, out.data, out.len);
    b->n = out.len;
    tarn_buf_release(&out);
    for (int i = 0; i < n_pages; i++)
        free((void *)(uintptr_t)pages[i].body);
}

static void make_runs(struct bomb *b, int64_t claim) {
    enum { TEXT = 30 << 20 };
    struct raw_page pages[2] = {{TARN_DICTIONARY_PAGE, TARN_PLAIN, 1, 0, NULL, 0},
                                {TARN_DATA_PAGE, TARN_RLE_DICTIONARY, INT32_MAX, 0, NULL, 0}};
    uint8_t *text = calloc(1, TEXT + 4);
    uint32_t len = TEXT;
    struct tarn_buf codes = TARN_BUF_INIT(64);

    assert_non_null(text);
    memcpy(text, &len, 4);
    tarn_buf_u8(&codes, 1);
    raw_run(&codes, INT32_MAX, 1, 0);
    pack_page(&pages[0], text, TEXT + 4);
    pack_page(&pages[1], codes.data, codes.len);
    finish(b, pages, 2, TARN_BYTE_ARRAY, INT32_MAX, claim);
    tarn_buf_release(&codes);
    free(text);
}

static void make_prefixes(struct bomb *b) {
    enum { N = 11000000, LEN = 1 << 20 };
    struct raw_page page = {TARN_DATA_PAGE, TARN_DELTA_BYTE_ARRAY, N, 0, NULL, 0};
    struct tarn_buf body = TARN_BUF_INIT(64 << 20);
    int32_t *lengths = calloc(N, sizeof *lengths);
    uint8_t *text = calloc(1, LEN);

    assert_true(lengths && text);
    for (int i = 1; i < N; i++)
        lengths[i] = LEN;
    tarn_enc_delta32(&body, lengths, N);
    memset(lengths, 0, N * sizeof *lengths);
    lengths[0] = LEN;
    tarn_enc_delta32(&body, lengths, N);
    tarn_buf_put(&body, text, LEN);
    pack_page(&page, body.data, body.len);
    finish(b, &page, 1, TARN_BYTE_ARRAY, N, 0);
    tarn_buf_release(&body);
    free(lengths);
    free(text);
}

static void make_zeros(struct bomb *b) {
    enum { N = 3900000 };
    struct raw_page page = {TARN_DATA_PAGE, TARN_PLAIN, N, 0, NULL, 0};
    uint8_t *zeros = calloc(N, 8);

    assert_non_null(zeros);
    pack_page(&page, zeros, (size_t)N * 8);
    finish(b, &page, 1, TARN_INT64, N, 0);
    free(zeros);
}

static void *interrupt(void *db) {
    struct timespec t = {0, DELAY_MS * 1000000};

    (void)nanosleep(&t, NULL);
    sqlite3_interrupt(db);
    return NULL;
}

/* In the child: 0 = as it should be. What was found goes to the parent's output. */
static int query(const char *path, const char *sql) {
    char *create = sqlite3_mprintf("CREATE VIRTUAL TABLE t USING parquet(%Q)", path);
    sqlite3_stmt *stmt = NULL;
    sqlite3 *db = NULL;
    pthread_t thread;
    char *why = NULL;
    int rc = sqlite3_open(":memory:", &db), rows = 0;

    if (rc || tarn_register(db, &why) || sqlite3_exec(db, create, NULL, NULL, NULL) ||
        sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) ||
        pthread_create(&thread, NULL, interrupt, db))
        return 2;
    while ((rc = sqlite3_step(stmt)) == SQLITE_ROW)
        rows++;
    if (getenv("VERBOSE"))
        print_message("%s: %s: %d, %d rows: %s\n", path, sql, rc, rows, sqlite3_errmsg(db));
    if (rc == SQLITE_DONE) return rows != 1;
    if (rc == SQLITE_INTERRUPT) return strcmp(sqlite3_errmsg(db), "interrupted") != 0;
    return strstr(sqlite3_errmsg(db), path) == NULL;
}

/* The first and the last rows of the first row groups, by the reader itself. */
static int read_ends(const char *path, const struct bomb *b) {
    struct tarn_memory_source memory = {b->data, b->n, path};
    struct tarn_source src;
    struct tarn_pq_footer *f = NULL;
    struct tarn_pq_scan *s = NULL;
    struct tarn_budget budget = {(size_t)256 << 20, 0};
    const int column = 0;
    struct tarn_pq_scan_spec spec = {&column, 1, NULL, 0, -1, 1, &budget, NULL};
    struct tarn_err err = {0};
    int rc = TARN_OK;

    tarn_source_memory(&src, &memory);
    rc = tarn_pq_footer_read(&f, &src, &err);
    if (!rc) rc = tarn_pq_scan_open(&s, f, &src, &spec, &err);
    for (int g = 0; g < 3 && !rc; g++) {
        struct tarn_pq_block *blocks = NULL;
        struct tarn_pq_batch *batch = NULL;
        size_t n = 0;
        rc = tarn_pq_scan_blocks(s, g, &blocks, &n, &err);
        for (size_t i = 0; i < 2 && n > 0 && !rc; i++) {
            rc = tarn_pq_scan_read(s, &blocks[i ? n - 1 : 0], &batch, &err);
            tarn_pq_batch_release(batch);
            batch = NULL;
        }
        tarn_free(blocks);
    }
    tarn_pq_scan_free(s);
    tarn_pq_footer_free(f);
    if (getenv("VERBOSE")) print_message("%s: reader: %d %s\n", path, rc, err.msg);
    return rc && !strstr(err.msg, path);
}

static void run_child(const struct bomb *b, const char *path, const char *sql) {
    struct rlimit limit = {ADDRESSES, ADDRESSES};
    struct rusage usage;
    double begun = now();
    double processor;
    int status = 0;
    pid_t pid = fork();

    assert_true(pid >= 0);
    if (pid == 0) {
        if (!SANITIZED && setrlimit(RLIMIT_AS, &limit)) _exit(3);
        status = sql ? query(path, sql) : read_ends(path, b);
        (void)fflush(NULL);
        _exit(status);
    }
    assert_int_equal(wait4(pid, &status, 0, &usage), pid);
    if (getenv("VERBOSE"))
        print_message("    %.0f ms, %ld KB\n", (now() - begun) * 1e3, usage.ru_maxrss);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
        fail_msg("%s: %s: status %#x", path, sql ? sql : "reader", (unsigned)status);
    processor = (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
                (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
    if (processor > SECONDS) fail_msg("%s: %s: %g s", path, sql ? sql : "reader", processor);
    if (!SANITIZED && usage.ru_maxrss > RSS_KB)
        fail_msg("%s: %s: %ld KB", path, sql ? sql : "reader", usage.ru_maxrss);
}

static void a_bomb_goes_off_in_vain(void **state) {
    static const char *const queries[] = {
        "SELECT count(*) FROM t",
        "SELECT sum(length(c)) FROM t",
        "SELECT * FROM t LIMIT 1",
        "SELECT c FROM t LIMIT 1 OFFSET 2147483000",
        "SELECT count(*) FROM t WHERE c = x'00'",
        "SELECT count(*) FROM t WHERE c IS NULL",
        NULL,
    };

    (void)state;
    for (size_t i = 0; i < sizeof bombs / sizeof *bombs; i++) {
        char path[40];
        FILE *f = NULL;
        (void)snprintf(path, sizeof path, "bomb-%s.parquet", bombs[i].name);
        f = fopen(path, "wb");
        assert_non_null(f);
        assert_int_equal(fwrite(bombs[i].data, 1, bombs[i].n, f), bombs[i].n);
        assert_int_equal(fclose(f), 0);
        for (size_t q = 0; q < sizeof queries / sizeof *queries; q++)
            run_child(&bombs[i], path, queries[q]);
        (void)unlink(path);
    }
}

/* In a process of its own as well, so that their memory is not that of those which are measured. */
static int make_bombs(void **state) {
    int pipes[2], status = 0;
    pid_t pid = pipe(pipes) ? -1 : fork();
    size_t n = 0;

    (void)state;
    if (pid < 0) return -1;
    if (pid == 0) {
        make_runs(&bombs[0], 0);
        make_prefixes(&bombs[1]);
        make_zeros(&bombs[2]);
        make_runs(&bombs[3], INT64_C(1) << 50);
        for (size_t done = 0; done < sizeof bombs;) {
            ssize_t k = write(pipes[1], (char *)bombs + done, sizeof bombs - done);
            if (k <= 0) _exit(1);
            done += (size_t)k;
        }
        _exit(0);
    }
    (void)close(pipes[1]);
    while (n < sizeof bombs) {
        ssize_t k = read(pipes[0], (char *)bombs + n, sizeof bombs - n);
        if (k <= 0) break;
        n += (size_t)k;
    }
    (void)close(pipes[0]);
    return waitpid(pid, &status, 0) != pid || status != 0 || n != sizeof bombs;
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_bomb_goes_off_in_vain)};

    return cmocka_run_group_tests(tests, make_bombs, NULL);
}
