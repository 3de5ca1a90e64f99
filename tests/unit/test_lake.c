/* Open lakes: sharing, lake.json, and the cache of footers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <jansson.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "footer_cache.h"
#include "lake_fixture.h"
#include "mem.h"
#include "time.h"

#define RAW "events/2026/02/02/14/01JJ.parquet"

static void opening(void **state) {
    struct lake_fixture f;
    struct tarn_lake *other = NULL;
    struct tarn_err err = {0};
    char uri[128];
    (void)state;
    fixture_open(&f);
    snprintf(uri, sizeof uri, "file://%s", f.path);
    assert_int_equal(tarn_lake_open(&other, uri, 0, &err), 0);
    assert_ptr_equal(other, f.lake);
    tarn_lake_free(other);
    tarn_lake_free(tarn_lake_ref(f.lake));
    assert_string_equal(tarn_store_path(tarn_lake_store(f.lake)), f.path);
    assert_string_equal(tarn_lake_uri(f.lake), tarn_store_uri(tarn_lake_store(f.lake)));

    snprintf(uri, sizeof uri, "%s/inner", f.path);
    assert_int_equal(tarn_lake_open(&other, uri, 0, &err), TARN_ENOTFOUND);
    assert_null(other);
    assert_non_null(strstr(err.msg, "inner"));
    assert_int_equal(tarn_lake_open(&other, uri, 1, NULL), 0);
    assert_ptr_not_equal(other, f.lake);
    tarn_lake_free(other);
    assert_int_equal(access(uri, F_OK), 0);
    fixture_close(&f);
    tarn_lake_free(NULL);
}

static int partitioned(struct lake_fixture *f) {
    int yes = -1;
    assert_int_equal(tarn_lake_partitioned(f->lake, &yes, NULL), 0);
    return yes;
}

static void prepare(struct lake_fixture *f) {
    struct tarn_err err = {0};
    assert_int_equal(tarn_lake_prepare_write(f->lake, &err), 0);
}

static int64_t clock_2026(void *arg) {
    (void)arg;
    return INT64_C(1770000000000);
}

static void first_write(void **state) {
    struct lake_fixture f;
    char *text = NULL;
    size_t n = 0;
    (void)state;
    fixture_open(&f);
    fixture_put(&f, "cdc/app/users/data.parquet", "x");
    fixture_put(&f, "dedup/1", "");
    fixture_put(&f, "dead-letter/queue/2026-02-02/1.json", "{}");
    fixture_put(&f, "events/readme.txt", "x");
    assert_int_equal(partitioned(&f), 0);
    tarn_time_set_clock(clock_2026, NULL);
    prepare(&f);
    tarn_time_set_clock(NULL, NULL);
    assert_int_equal(partitioned(&f), 1);
    assert_int_equal(
        tarn_store_get_all(tarn_lake_store(f.lake), "_tarn/lake.json", 4096, &text, &n, NULL), 0);
    json_t *root = json_loadb(text, n, 0, NULL);
    assert_string_equal(json_string_value(json_object_get(root, "format")), "tarn");
    assert_int_equal(json_integer_value(json_object_get(root, "version")), 1);
    assert_string_equal(json_string_value(json_object_get(root, "partitionedBy")), "ts");
    assert_string_equal(json_string_value(json_object_get(root, "createdAt")),
                        "2026-02-02T02:40:00.000Z");
    assert_memory_equal(json_string_value(json_object_get(root, "createdBy")), "tarn ", 5);
    json_decref(root);
    tarn_free(text);
    struct tarn_object before = fixture_head(&f, "_tarn/lake.json");
    prepare(&f);
    assert_string_equal(fixture_head(&f, "_tarn/lake.json").etag, before.etag);
    fixture_close(&f);
}

/* Somebody else's files: their folders may be those of ingest time. */
static void first_write_into_foreign_lake(void **state) {
    static const char *const keys[] = {RAW, "ns/a%20b/tail/2026/02/02/14/x.jsonl"};
    (void)state;
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        struct lake_fixture f;
        fixture_open(&f);
        fixture_put(&f, keys[i], "x");
        prepare(&f);
        assert_int_equal(partitioned(&f), 0);
        fixture_close(&f);
    }
}

static void lake_json(void **state) {
    static const struct {
        const char *text;
        int rc;
        int yes;
        const char *says;
    } t[] = {
        {"{\"format\":\"tarn\",\"version\":1,\"partitionedBy\":\"ts\",\"more\":[]}", 0, 1, NULL},
        {"{\"format\":\"tarn\",\"version\":1,\"partitionedBy\":\"unknown\"}", 0, 0, NULL},
        {"{\"format\":\"tarn\",\"version\":1,\"partitionedBy\":1}", 0, 0, NULL},
        {"{\"format\":\"tarn\",\"version\":1}", 0, 0, NULL},
        {"{\"format\":\"tarn\",\"version\":2,\"partitionedBy\":\"ts\"}", TARN_EUNSUPPORTED, 0,
         "use a newer Tarn"},
        {"{\"format\":\"tarn\",\"version\":\"1\"}", TARN_ECORRUPT, 0, "version"},
        {"{\"format\":\"tarn\",\"version\":0}", TARN_ECORRUPT, 0, "version"},
        {"{\"format\":\"iceberg\",\"version\":1}", TARN_ECORRUPT, 0, "iceberg"},
        {"{\"version\":1}", TARN_ECORRUPT, 0, "format"},
        {"[]", TARN_ECORRUPT, 0, "format"},
        {"{", TARN_ECORRUPT, 0, "not JSON"},
        {"", TARN_ECORRUPT, 0, "not JSON"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
        struct lake_fixture f;
        struct tarn_err err = {0};
        int yes = -1;
        fixture_open(&f);
        fixture_put(&f, "_tarn/lake.json", t[i].text);
        assert_int_equal(tarn_lake_partitioned(f.lake, &yes, &err), t[i].rc);
        assert_int_equal(yes, t[i].yes);
        assert_int_equal(tarn_lake_prepare_write(f.lake, NULL), t[i].rc);
        if (t[i].says) {
            assert_non_null(strstr(err.msg, t[i].says));
            assert_non_null(strstr(err.msg, f.path));
        }
        fixture_close(&f);
    }
}

static void footers(void **state) {
    struct lake_fixture f;
    struct tarn_pq_footer *a = NULL;
    struct tarn_pq_footer *b = NULL;
    struct tarn_err err = {0};
    int cached = -1;
    static const char *const meta[] = {"events", "3", NULL};
    (void)state;
    fixture_open(&f);
    fixture_parquet(&f, RAW, 3, meta);
    struct tarn_object obj = fixture_head(&f, RAW);
    assert_int_equal(tarn_lake_footer(f.lake, &obj, &a, &cached, &err), 0);
    assert_int_equal(cached, 0);
    assert_int_equal(a->rows, 3);
    assert_string_equal(tarn_pq_footer_kv(a, "events"), "3");
    assert_int_equal(tarn_lake_footer(f.lake, &obj, &b, &cached, &err), 0);
    assert_int_equal(cached, 1);
    assert_ptr_equal(a, b);
    tarn_pq_footer_free(b);

    /* another object under the same key is another footer; the old one is gone */
    fixture_parquet(&f, RAW, 4, NULL);
    struct tarn_object newer = fixture_head(&f, RAW);
    assert_int_equal(tarn_lake_footer(f.lake, &newer, &b, &cached, &err), 0);
    assert_int_equal(cached, 0);
    assert_int_equal(b->rows, 4);
    assert_int_equal(a->rows, 3);
    tarn_pq_footer_free(a);
    tarn_pq_footer_free(b);

    fixture_put(&f, "events/bad.parquet", "this is not a Parquet file, nor was it ever one");
    obj = fixture_head(&f, "events/bad.parquet");
    assert_int_equal(tarn_lake_footer(f.lake, &obj, &a, &cached, &err), TARN_ECORRUPT);
    assert_null(a);
    assert_non_null(strstr(err.msg, "events/bad.parquet"));
    tarn_err_clear(&err);
    fixture_delete(&f, "events/bad.parquet");
    assert_int_equal(tarn_lake_footer(f.lake, &obj, &a, NULL, &err), TARN_ENOTFOUND);
    assert_non_null(strstr(err.msg, "events/bad.parquet"));
    fixture_close(&f);
}

static void footer_limit(void **state) {
    struct lake_fixture f;
    struct tarn_pq_footer *footer = NULL;
    struct tarn_object objects[600];
    size_t entries = 0;
    size_t bytes = 0;
    size_t each = 0;
    int cached = -1;
    static char keys[600][48];
    (void)state;
    fixture_open(&f);
    tarn_lake_footer_limit(0);
    tarn_footer_cache_usage(&entries, &bytes);
    assert_int_equal(entries, 0);
    assert_int_equal(bytes, 0);
    for (int i = 0; i < 600; i++) {
        snprintf(keys[i], sizeof keys[i], "events/2026/02/02/14/%04d.parquet", i);
        fixture_parquet(&f, keys[i], 1, NULL);
        objects[i] = fixture_head(&f, keys[i]);
    }
    assert_int_equal(tarn_lake_footer(f.lake, &objects[0], &footer, &cached, NULL), 0);
    tarn_pq_footer_free(footer);
    tarn_footer_cache_usage(&entries, NULL);
    assert_int_equal(entries, 0); /* nothing fits into nothing */

    tarn_lake_footer_limit((size_t)64 << 20);
    for (int i = 0; i < 600; i++) {
        assert_int_equal(tarn_lake_footer(f.lake, &objects[i], &footer, NULL, NULL), 0);
        tarn_pq_footer_free(footer);
    }
    tarn_footer_cache_usage(&entries, &bytes);
    assert_int_equal(entries, 600);
    each = bytes / 600;
    /* use the oldest, then leave room for three: it is one of them */
    assert_int_equal(tarn_lake_footer(f.lake, &objects[0], &footer, &cached, NULL), 0);
    assert_int_equal(cached, 1);
    tarn_lake_footer_limit(each * 3);
    tarn_footer_cache_usage(&entries, &bytes);
    assert_in_range(entries, 2, 3);
    assert_true(bytes <= each * 3);
    assert_int_equal(footer->rows, 1); /* ours, whatever the cache does */
    tarn_pq_footer_free(footer);
    assert_int_equal(tarn_lake_footer(f.lake, &objects[0], &footer, &cached, NULL), 0);
    assert_int_equal(cached, 1);
    tarn_pq_footer_free(footer);
    assert_int_equal(tarn_lake_footer(f.lake, &objects[1], &footer, &cached, NULL), 0);
    assert_int_equal(cached, 0);
    tarn_pq_footer_free(footer);
    tarn_lake_footer_limit((size_t)64 << 20);
    fixture_close(&f);
}

/* Several threads at the same lake and the same footers, with a limit that makes entries go. */
static void *visitor(void *arg) {
    struct lake_fixture *f = arg;
    for (int i = 0; i < 300; i++) {
        struct tarn_lake *l = NULL;
        struct tarn_pq_footer *footer = NULL;
        struct tarn_object obj;
        char key[32];
        snprintf(key, sizeof key, "events/%d.parquet", i % 7);
        if (tarn_lake_open(&l, f->path, 0, NULL) != 0 ||
            tarn_store_head(tarn_lake_store(l), key, &obj, NULL) != 0 ||
            tarn_lake_footer(l, &obj, &footer, NULL, NULL) != 0 || footer->rows != i % 7) {
            return f;
        }
        tarn_pq_footer_free(footer);
        tarn_lake_free(l);
    }
    return NULL;
}

static void threads(void **state) {
    struct lake_fixture f;
    pthread_t t[4];
    size_t bytes = 0;
    size_t entries = 0;
    (void)state;
    fixture_open(&f);
    for (int i = 0; i < 7; i++) {
        char key[32];
        snprintf(key, sizeof key, "events/%d.parquet", i);
        fixture_parquet(&f, key, i, NULL);
    }
    assert_null(visitor(&f));
    tarn_footer_cache_usage(&entries, &bytes);
    tarn_lake_footer_limit(bytes / entries * 3);
    for (int i = 0; i < 4; i++) {
        assert_int_equal(pthread_create(&t[i], NULL, visitor, &f), 0);
    }
    for (int i = 0; i < 4; i++) {
        void *failed = NULL;
        pthread_join(t[i], &failed);
        assert_null(failed);
    }
    tarn_lake_footer_limit((size_t)64 << 20);
    fixture_close(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(opening),   cmocka_unit_test(first_write),
        cmocka_unit_test(lake_json), cmocka_unit_test(first_write_into_foreign_lake),
        cmocka_unit_test(footers),   cmocka_unit_test(footer_limit),
        cmocka_unit_test(threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
