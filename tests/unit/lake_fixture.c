/* lake_fixture.c: see lake_fixture.h. Every failure here is a failure of the test. */
#include "lake_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "buf.h"
#include "mem.h"
#include "writer.h"

static void must(int rc, const struct tarn_err *err) {
    if (rc) {
        fail_msg("%s: %s", tarn_code_name(rc), err->msg);
    }
}

void fixture_open(struct lake_fixture *f) {
    struct tarn_err err = {0};
    memset(f, 0, sizeof *f);
    snprintf(f->path, sizeof f->path, "/tmp/tarn-test-XXXXXX");
    assert_non_null(mkdtemp(f->path));
    must(tarn_lake_open(&f->lake, f->path, 0, &err), &err);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw) {
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

void fixture_close(struct lake_fixture *f) {
    tarn_lake_free(f->lake);
    f->lake = NULL;
    nftw(f->path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* As another program would put a file there: not through the store, whose fsyncs take long. */
static void put(struct lake_fixture *f, const char *key, const void *data, size_t n) {
    char path[1200];
    snprintf(path, sizeof path, "%s/%s", f->path, key);
    for (char *slash = path + strlen(f->path) + 1; (slash = strchr(slash, '/')) != NULL; slash++) {
        *slash = 0;
        (void)mkdir(path, 0755);
        *slash = '/';
    }
    FILE *out = fopen(path, "wb");
    assert_non_null(out);
    assert_int_equal(fwrite(data, 1, n, out), n);
    assert_int_equal(fclose(out), 0);
}

void fixture_put(struct lake_fixture *f, const char *key, const char *text) {
    put(f, key, text, strlen(text));
}

char *fixture_parquet_bytes(int rows, const char *const *meta, size_t *n) {
    const struct tarn_column_spec column = {
        .name = "ts",
        .physical = TARN_INT64,
        .logical = {.kind = TARN_LOGICAL_TIMESTAMP, .unit = TARN_UNIT_MS, .utc = 1},
        .repetition = TARN_REQUIRED,
        .flags = TARN_COL_STATS,
        .codec = -1};
    const struct tarn_pq_writer_spec spec = {
        .columns = &column, .n_columns = 1, .codec = TARN_UNCOMPRESSED, .sort_column = -1};
    struct tarn_buf b = TARN_BUF_INIT(64 << 20);
    struct tarn_sink sink;
    struct tarn_pq_writer *w = NULL;
    struct tarn_err err = {0};
    tarn_sink_buf(&sink, &b);
    must(tarn_pq_writer_open(&w, &spec, &sink, &err), &err);
    for (int i = 0; i < rows; i++) {
        tarn_pq_put_i64(w, 0, i);
        tarn_pq_end_row(w);
    }
    for (int i = 0; meta && meta[i]; i += 2) {
        tarn_pq_writer_meta(w, meta[i], meta[i + 1]);
    }
    must(tarn_pq_writer_finish(w, &err), &err);
    tarn_pq_writer_free(w);
    char *bytes = tarn_buf_steal(&b, n);
    assert_non_null(bytes);
    return bytes;
}

void fixture_parquet(struct lake_fixture *f, const char *key, int rows, const char *const *meta) {
    size_t n = 0;
    char *bytes = fixture_parquet_bytes(rows, meta, &n);
    put(f, key, bytes, n);
    tarn_free(bytes);
}

void fixture_delete(struct lake_fixture *f, const char *key) {
    struct tarn_err err = {0};
    must(tarn_store_delete(tarn_lake_store(f->lake), key, &err), &err);
}

struct tarn_object fixture_head(struct lake_fixture *f, const char *key) {
    struct tarn_err err = {0};
    struct tarn_object o;
    must(tarn_store_head(tarn_lake_store(f->lake), key, &o, &err), &err);
    return o;
}
