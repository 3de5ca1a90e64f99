/* The catalog over real folders: what is listed, pruned, masked; and the walk against an oracle. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "catalog.h"
#include "catalog_walk.h"
#include "lake_fixture.h"
#include "mem.h"
#include "store_ops.h"

#define DAY "events/2026/02/02/"
#define HOUR DAY "14/"
#define PARTITIONED "{\"format\":\"tarn\",\"version\":1,\"partitionedBy\":\"ts\"}"

static int64_t ms(const char *text) {
    int64_t t = 0;
    assert_int_equal(tarn_time_parse(text, strlen(text), &t), 0);
    return t;
}

static struct tarn_catalog_request between(const char *lo, const char *hi) {
    struct tarn_catalog_request r = {.lo = lo ? ms(lo) : TARN_TIME_MIN,
                                     .hi = hi ? ms(hi) : TARN_TIME_MAX,
                                     .path_slack = TARN_MS_PER_DAY};
    return r;
}

static struct tarn_catalog_request globbed(const char *glob) {
    struct tarn_catalog_request r = between(NULL, NULL);
    r.glob = glob;
    return r;
}

static struct tarn_catalog *list(struct lake_fixture *f, struct tarn_catalog_request r) {
    struct tarn_catalog *c = NULL;
    struct tarn_err err = {0};
    if (tarn_catalog_list(&c, f->lake, &r, &err)) {
        fail_msg("%s", err.msg);
    }
    for (size_t i = 1; i < c->n_files; i++) {
        assert_true(strcmp(c->files[i - 1].obj.key, c->files[i].obj.key) < 0);
    }
    return c;
}

/* The live keys, joined by spaces, without what they have in common. */
static void assert_live(struct lake_fixture *f, struct tarn_catalog_request r, const char *strip,
                        const char *expected) {
    struct tarn_catalog *c = list(f, r);
    char text[4096] = "";
    size_t n = 0;
    for (size_t i = 0; i < c->n_files; i++) {
        const char *key = c->files[i].obj.key;
        if (c->files[i].state == TARN_FILE_LIVE) {
            if (strncmp(key, strip, strlen(strip)) == 0) {
                key += strlen(strip);
            }
            n += (size_t)snprintf(text + n, sizeof text - n, "%s%s", n ? " " : "", key);
        }
    }
    assert_string_equal(text, expected);
    tarn_catalog_free(c);
}

static void assert_state(struct tarn_catalog *c, const char *key, enum tarn_file_state state) {
    struct tarn_file *file = tarn_catalog_find(c, key);
    if (!file || file->state != state) {
        fail_msg("%s: state %d, expected %d", key, file ? (int)file->state : -1, (int)state);
    }
}

static void one_hour(void **state) {
    struct lake_fixture f;
    (void)state;
    fixture_open(&f);
    fixture_put(&f, "_tarn/lake.json", PARTITIONED);
    for (int day = 1; day <= 3; day++) {
        for (int hour = 0; hour < 24; hour++) {
            char key[64];
            snprintf(key, sizeof key, "events/2026/02/%02d/%02d/a.parquet", day, hour);
            fixture_put(&f, key, "");
        }
    }
    fixture_put(&f, HOUR "b.jsonl", "");
    fixture_put(&f, HOUR "notes.txt", "");
    fixture_put(&f, DAY "c.parquet", "");
    fixture_put(&f, "events/2026/02/d.parquet", "");
    fixture_put(&f, "events/2026/e.parquet", "");
    fixture_put(&f, "events/f.parquet", "");
    fixture_put(&f, "events/2025/g.parquet", "");
    fixture_put(&f, "events/region=eu/2020/h.parquet", "");
    fixture_put(&f, "events/2026/02/02/x=1/i.parquet", "");
    fixture_put(&f, "events/2026/02/03/x=1/j.parquet", "");
    assert_live(&f, between("2026-02-02 14:10", "2026-02-02 14:59:59.999"), "events/",
                "2026/02/02/14/a.parquet 2026/02/02/14/b.jsonl 2026/02/02/c.parquet "
                "2026/02/02/x=1/i.parquet 2026/02/d.parquet 2026/e.parquet f.parquet "
                "region=eu/2020/h.parquet");
    struct tarn_catalog *c = list(&f, between("2026-02-02 14:10", "2026-02-02 14:50"));
    assert_int_equal(c->listed, 9); /* those and the notes: no other hour was looked into */
    assert_int_equal(c->pruned_path, 0);
    struct tarn_file *file = tarn_catalog_find(c, HOUR "a.parquet");
    assert_int_equal(file->lo, ms("2026-02-02 14:00"));
    assert_int_equal(file->hi, ms("2026-02-02 14:59:59.999"));
    assert_string_equal(file->prefix, "events");
    assert_string_equal(file->namespace_, "");
    assert_null(tarn_catalog_find(c, HOUR "notes.txt"));
    tarn_catalog_free(c);

    /* edges of an hour: inclusive */
    assert_live(&f, between("2026-02-02 23:59:59.999", "2026-02-03"), "events/2026/",
                "02/02/23/a.parquet 02/02/c.parquet 02/02/x=1/i.parquet 02/03/00/a.parquet "
                "02/03/x=1/j.parquet 02/d.parquet e.parquet events/f.parquet "
                "events/region=eu/2020/h.parquet");
    /* a day in part, by one listing: its other hours are seen and pruned */
    struct tarn_catalog_request r = between("2026-02-02 10:00", "2026-02-02 19:59");
    c = list(&f, r);
    assert_int_equal(c->pruned_path, 14);
    tarn_catalog_free(c);
    r.keep_pruned = 1;
    c = list(&f, r);
    assert_state(c, DAY "09/a.parquet", TARN_FILE_PRUNED);
    assert_state(c, DAY "10/a.parquet", TARN_FILE_LIVE);
    assert_state(c, DAY "20/a.parquet", TARN_FILE_PRUNED);
    tarn_catalog_free(c);
    c = list(&f, between(NULL, NULL));
    assert_int_equal(c->n_files, 72 + 9);
    tarn_catalog_free(c);
    r = between("2026-02-03", "2026-02-02");
    assert_live(&f, r, "", "");
    r.lo = INT64_MIN;
    r.hi = INT64_MIN;
    assert_live(&f, r, "events/", "f.parquet region=eu/2020/h.parquet");
    fixture_close(&f);
}

/* No lake.json, or one that says otherwise: folders are believed to within the slack. */
static void untrusted_folders(void **state) {
    struct lake_fixture f;
    struct tarn_catalog_request r = between("2026-02-02 14:10", "2026-02-02 14:50");
    (void)state;
    fixture_open(&f);
    fixture_put(&f, "events/2026/01/31/23/a.parquet", "");
    fixture_put(&f, "events/2026/02/01/13/b.parquet", "");
    fixture_put(&f, "events/2026/02/01/14/c.parquet", "");
    fixture_put(&f, "events/2026/02/02/14/d.parquet", "");
    fixture_put(&f, "events/2026/02/03/14/e.parquet", "");
    fixture_put(&f, "events/2026/02/03/15/f.parquet", "");
    assert_live(&f, r, "events/2026/02/", "01/14/c.parquet 02/14/d.parquet 03/14/e.parquet");
    struct tarn_catalog *c = list(&f, r);
    assert_int_equal(tarn_catalog_find(c, HOUR "d.parquet")->lo, ms("2026-02-01 14:00"));
    assert_int_equal(tarn_catalog_find(c, HOUR "d.parquet")->hi, ms("2026-02-03 14:59:59.999"));
    tarn_catalog_free(c);
    r.path_slack = 0;
    assert_live(&f, r, "events/2026/02/", "02/14/d.parquet");
    r.path_slack = INT64_MAX;
    c = list(&f, r);
    assert_int_equal(c->n_files, 6);
    tarn_catalog_free(c);
    r.path_slack = TARN_MS_PER_DAY;
    fixture_put(&f, "_tarn/lake.json", PARTITIONED);
    assert_live(&f, r, "events/2026/02/", "02/14/d.parquet");
    fixture_close(&f);
}

static void masks(void **state) {
    static const char *const hour_meta[] = {"tarn.sources", "[\"" HOUR "a.parquet\"]",
                                            "tarn.generation", "1", NULL};
    static const char *const day_meta[] = {"tarn.sources",
                                           "[\"" HOUR "_compact_1.parquet\",\"" HOUR
                                           "a.parquet\",\"" DAY "15/gone.parquet\"]",
                                           "tarn.generation", "2", NULL};
    struct lake_fixture f;
    struct tarn_catalog_request r = between("2026-02-02 14:00", "2026-02-02 14:30");
    (void)state;
    fixture_open(&f);
    fixture_put(&f, "_tarn/lake.json", PARTITIONED);
    fixture_put(&f, HOUR "a.parquet", "never opened here");
    fixture_put(&f, HOUR "b.parquet", "");
    fixture_put(&f, HOUR "_compact_1.jsonl", "");
    fixture_parquet(&f, HOUR "_compact_1.parquet", 2, hour_meta);
    fixture_parquet(&f, HOUR "_compact_2.parquet", 1, NULL);
    struct tarn_catalog *c = list(&f, r);
    assert_state(c, HOUR "a.parquet", TARN_FILE_MASKED);
    assert_string_equal(tarn_catalog_find(c, HOUR "a.parquet")->masked_by,
                        HOUR "_compact_1.parquet");
    assert_state(c, HOUR "b.parquet", TARN_FILE_LIVE);
    assert_state(c, HOUR "_compact_2.parquet", TARN_FILE_LIVE);
    assert_int_equal(tarn_catalog_find(c, HOUR "_compact_1.parquet")->footer->rows, 2);
    assert_null(tarn_catalog_find(c, HOUR "a.parquet")->footer);
    assert_null(tarn_catalog_find(c, HOUR "_compact_1.jsonl")->footer);
    tarn_catalog_free(c);

    /* also for a range within one hour the day's file is seen */
    fixture_parquet(&f, DAY "_compact_9.parquet", 3, day_meta);
    c = list(&f, r);
    assert_state(c, HOUR "a.parquet", TARN_FILE_MASKED);
    assert_state(c, HOUR "_compact_1.parquet", TARN_FILE_MASKED);
    assert_state(c, DAY "_compact_9.parquet", TARN_FILE_LIVE);
    assert_string_equal(tarn_catalog_replaced_by(c, DAY "15/gone.parquet"),
                        DAY "_compact_9.parquet");
    assert_null(tarn_catalog_replaced_by(c, HOUR "b.parquet"));
    tarn_catalog_free(c);
    /* a pattern that leaves the day's file out gives the rows from the hour's, once */
    assert_live(&f, globbed(HOUR "*"), HOUR,
                "_compact_1.jsonl _compact_1.parquet _compact_2.parquet b.parquet");
    fixture_close(&f);
}

static void parts(void **state) {
    static const char *const first[] = {"tarn.part_of", "\"x\"", NULL};
    static const char *const last[] = {"tarn.part_of",
                                       "\"x\"",
                                       "tarn.sources",
                                       "[\"" HOUR "a.parquet\"]",
                                       "tarn.parts",
                                       "[\"" HOUR "_compact_1.parquet\",\"" HOUR
                                       "_compact_2.parquet\"]",
                                       NULL};
    struct lake_fixture f;
    struct tarn_catalog_request r = between(NULL, NULL);
    struct tarn_catalog *c = NULL;
    struct tarn_err err = {0};
    (void)state;
    fixture_open(&f);
    fixture_put(&f, HOUR "a.parquet", "");
    fixture_parquet(&f, HOUR "_compact_1.parquet", 1, first);
    c = list(&f, r);
    assert_state(c, HOUR "_compact_1.parquet", TARN_FILE_PART);
    assert_state(c, HOUR "a.parquet", TARN_FILE_LIVE);
    tarn_catalog_free(c);
    fixture_parquet(&f, HOUR "_compact_2.parquet", 1, last);
    assert_live(&f, r, HOUR, "_compact_1.parquet _compact_2.parquet");
    fixture_delete(&f, HOUR "_compact_1.parquet");
    assert_int_equal(tarn_catalog_list(&c, f.lake, &r, &err), TARN_ECORRUPT);
    assert_null(c);
    assert_non_null(strstr(err.msg, HOUR "_compact_1.parquet"));
    assert_non_null(strstr(err.msg, HOUR "_compact_2.parquet"));
    r.skip_corrupt = 1;
    c = list(&f, r);
    assert_int_equal(c->skipped, 1);
    assert_int_equal(c->n_files, 1);
    assert_state(c, HOUR "a.parquet", TARN_FILE_LIVE);
    tarn_catalog_free(c);
    fixture_close(&f);
}

static void corrupt_files(void **state) {
    static const char *const wrong[] = {"tarn.sources", "{\"a\":1}", NULL};
    static const char *const good[] = {"tarn.sources", "[\"" HOUR "c.parquet\"]", NULL};
    struct lake_fixture f;
    struct tarn_catalog_request r = between(NULL, NULL);
    struct tarn_catalog *c = NULL;
    struct tarn_err err = {0};
    (void)state;
    fixture_open(&f);
    fixture_put(&f, HOUR "a.parquet", "");
    fixture_put(&f, HOUR "c.parquet", "");
    fixture_put(&f, HOUR "_compact_1.parquet", "PAR1 this is no footer");
    assert_int_equal(tarn_catalog_list(&c, f.lake, &r, &err), TARN_ECORRUPT);
    assert_null(c);
    assert_non_null(strstr(err.msg, HOUR "_compact_1.parquet"));
    fixture_parquet(&f, HOUR "_compact_2.parquet", 1, wrong);
    fixture_parquet(&f, HOUR "_compact_3.parquet", 1, good);
    r.skip_corrupt = 1;
    c = list(&f, r);
    assert_int_equal(c->skipped, 2);
    assert_non_null(strstr(c->first_skip.msg, HOUR "_compact_1.parquet"));
    assert_int_equal(c->n_files, 3);
    assert_state(c, HOUR "_compact_3.parquet", TARN_FILE_LIVE);
    assert_state(c, HOUR "a.parquet", TARN_FILE_LIVE);
    assert_state(c, HOUR "c.parquet", TARN_FILE_MASKED);
    tarn_catalog_free(c);
    /* outside the range nobody looks */
    r = between("2026-03-01", NULL);
    r.path_slack = 0;
    assert_live(&f, r, "", "");
    fixture_close(&f);
}

static const char *const shared[] = {"events/2026/02/02/14/a.parquet",
                                     "webhooks/2026/02/02/14/b.parquet",
                                     "ns/acme/events/2026/02/02/14/c.parquet",
                                     "ns/b%20c/events/2026/02/02/14/d.parquet",
                                     "ns/acme/tail/2026/02/02/14/e.jsonl",
                                     "eventsx/2026/02/02/14/f.parquet",
                                     "cdc/app/users/data.parquet",
                                     "_tarn/db/x/g.parquet",
                                     "top.parquet",
                                     "events/2026/02/02/14/readme.md",
                                     "events/.tmp/h.parquet",
                                     "ns/loose.parquet",
                                     "ns/acme/loose.parquet"};

static void open_shared(struct lake_fixture *f) {
    fixture_open(f);
    for (size_t i = 0; i < sizeof shared / sizeof *shared; i++) {
        fixture_put(f, shared[i], "");
    }
}

static void isolation(void **state) {
    struct lake_fixture f;
    struct tarn_catalog_request r = between(NULL, NULL);
    (void)state;
    open_shared(&f);
    assert_live(&f, r, "", shared[0]);
    r.prefix = "webhooks";
    assert_live(&f, r, "", shared[1]);
    r.namespace_ = "acme";
    assert_live(&f, r, "", "");
    r.prefix = NULL;
    assert_live(&f, r, "", shared[2]);
    r.namespace_ = "b c";
    assert_live(&f, r, "", shared[3]);
    fixture_close(&f);
}

static void globs(void **state) {
    struct lake_fixture f;
    (void)state;
    open_shared(&f);
    assert_live(&f, globbed("events/2026/02/02/14/*"), "", shared[0]);
    assert_live(&f, globbed("events/2026/02/02/14/a.parquet"), "", shared[0]);
    assert_live(&f, globbed("events/2026/02/02/15/*"), "", "");
    assert_live(&f, globbed("events*/**"), "",
                "events/2026/02/02/14/a.parquet eventsx/2026/02/02/14/f.parquet");
    assert_live(&f, globbed("*/2026/**/[ab].*"), "",
                "events/2026/02/02/14/a.parquet webhooks/2026/02/02/14/b.parquet");
    /* tenants, row changes and the lake's own files only by name */
    assert_live(&f, globbed("**"), "",
                "events/2026/02/02/14/a.parquet eventsx/2026/02/02/14/f.parquet top.parquet "
                "webhooks/2026/02/02/14/b.parquet");
    assert_live(&f, globbed("n*/**"), "", "");
    assert_live(&f, globbed("*"), "", "top.parquet");
    assert_live(&f, globbed("ns/*/events/**"), "",
                "ns/acme/events/2026/02/02/14/c.parquet ns/b%20c/events/2026/02/02/14/d.parquet");
    assert_live(&f, globbed("ns/acme/**"), "ns/acme/",
                "events/2026/02/02/14/c.parquet loose.parquet tail/2026/02/02/14/e.jsonl");
    assert_live(&f, globbed("ns/*"), "", "ns/loose.parquet");
    assert_live(&f, globbed("cdc/**"), "", "cdc/app/users/data.parquet");
    assert_live(&f, globbed("_tarn/**"), "", "_tarn/db/x/g.parquet");
    assert_live(&f, globbed("../**"), "", "");
    assert_live(&f, globbed("/**"), "", "");
    assert_live(&f, globbed(""), "", "");

    struct tarn_catalog *c = list(&f, globbed("ns/**"));
    assert_string_equal(tarn_catalog_find(c, shared[3])->namespace_, "b c");
    assert_string_equal(tarn_catalog_find(c, shared[3])->prefix, "events");
    assert_string_equal(tarn_catalog_find(c, shared[4])->namespace_, "acme");
    assert_string_equal(tarn_catalog_find(c, shared[4])->prefix, "tail");
    assert_string_equal(tarn_catalog_find(c, shared[12])->namespace_, "acme");
    assert_string_equal(tarn_catalog_find(c, shared[12])->prefix, "");
    assert_string_equal(tarn_catalog_find(c, shared[11])->namespace_, "");
    assert_int_equal(tarn_catalog_find(c, shared[2])->info.lo, ms("2026-02-02 14:00"));
    tarn_catalog_free(c);
    /* the range prunes what a pattern names */
    struct tarn_catalog_request r = globbed("events/**");
    r.lo = ms("2026-02-04");
    assert_live(&f, r, "", "");
    fixture_close(&f);
}

static void refusals(void **state) {
    struct lake_fixture f;
    struct tarn_catalog *c = NULL;
    struct tarn_catalog_request r = between(NULL, NULL);
    char *glob = tarn_calloc(1, TARN_GLOB_MAX + 2);
    (void)state;
    fixture_open(&f);
    r.prefix = "cdc";
    assert_int_equal(tarn_catalog_list(&c, f.lake, &r, NULL), TARN_EINVAL);
    r.prefix = "";
    assert_int_equal(tarn_catalog_list(&c, f.lake, &r, NULL), TARN_EINVAL);
    r.prefix = "a/../b";
    assert_int_equal(tarn_catalog_list(&c, f.lake, &r, NULL), TARN_EINVAL);
    r.prefix = NULL;
    r.namespace_ = "..";
    assert_int_equal(tarn_catalog_list(&c, f.lake, &r, NULL), TARN_EINVAL);
    r.namespace_ = NULL;
    memset(glob, '*', TARN_GLOB_MAX + 1);
    r.glob = glob;
    assert_int_equal(tarn_catalog_list(&c, f.lake, &r, NULL), TARN_EINVAL);
    memset(glob, 'a', TARN_KEY_MAX + 1);
    glob[TARN_KEY_MAX + 1] = 0;
    assert_int_equal(tarn_catalog_list(&c, f.lake, &r, NULL), TARN_EINVAL);
    r.glob = NULL;
    fixture_put(&f, "_tarn/lake.json", "{\"format\":\"tarn\",\"version\":3}");
    assert_int_equal(tarn_catalog_list(&c, f.lake, &r, NULL), TARN_EUNSUPPORTED);
    assert_null(c);
    tarn_free(glob);
    fixture_close(&f);
}

/* A compactor that replaces its output again and again, deleting at once: each listing is either of
** the raw files or of one output. */
struct churn {
    struct lake_fixture *f;
    atomic_int stop;
};

static void *churner(void *arg) {
    struct churn *ch = arg;
    for (int i = 1; !atomic_load(&ch->stop); i++) {
        char sources[256], generation[16], key[80];
        const char *meta[] = {"tarn.sources", sources, "tarn.generation", generation, NULL};
        size_t n = 0;
        snprintf(key, sizeof key, HOUR "_compact_%08d.parquet", i);
        snprintf(sources, sizeof sources,
                 "[\"" HOUR "a.parquet\",\"" HOUR "_compact_%08d.parquet\"]", i - 1);
        snprintf(generation, sizeof generation, "%d", i);
        char *bytes = fixture_parquet_bytes(1, meta, &n);
        tarn_store_put(tarn_lake_store(ch->f->lake), key, bytes, n, NULL, NULL, NULL);
        tarn_free(bytes);
        usleep(200);
        snprintf(key, sizeof key, HOUR "_compact_%08d.parquet", i - 1);
        tarn_store_delete(tarn_lake_store(ch->f->lake), key, NULL);
        usleep(200);
    }
    return NULL;
}

static void files_that_go_away(void **state) {
    struct lake_fixture f;
    struct churn ch = {.f = &f};
    pthread_t t;
    int compacted = 0;
    (void)state;
    fixture_open(&f);
    fixture_put(&f, HOUR "a.parquet", "");
    assert_int_equal(pthread_create(&t, NULL, churner, &ch), 0);
    for (int i = 0; i < 500; i++) {
        struct tarn_catalog *c = list(&f, between(NULL, NULL));
        int live = 0;
        for (size_t j = 0; j < c->n_files; j++) {
            live += c->files[j].state == TARN_FILE_LIVE;
        }
        assert_int_equal(live, 1);
        compacted += tarn_catalog_find(c, HOUR "a.parquet")->state == TARN_FILE_MASKED;
        tarn_catalog_free(c);
        usleep(50);
    }
    atomic_store(&ch.stop, 1);
    pthread_join(t, NULL);
    assert_true(compacted > 0);
    fixture_close(&f);
}

static void failing_allocations(void **state) {
    static const char *const meta[] = {"tarn.sources",
                                       "[\"" HOUR "a.parquet\"]",
                                       "tarn.part_of",
                                       "p",
                                       "tarn.parts",
                                       "[\"" DAY "_compact_1.parquet\"]",
                                       NULL};
    struct lake_fixture f;
    struct tarn_catalog_request r[2] = {between("2026-02-02 14:00", "2026-02-02 14:30"),
                                        globbed("ns/*/events/2026/**")};
    unsigned long n = 0;
    (void)state;
    fixture_open(&f);
    fixture_put(&f, HOUR "a.parquet", "");
    fixture_put(&f, "ns/a%20b/" HOUR "a.parquet", "");
    fixture_parquet(&f, DAY "_compact_1.parquet", 1, meta);
    for (int k = 0; k < 2; k++) {
        int rc = TARN_ENOMEM;
        tarn_catalog_free(list(&f, r[k])); /* footers are cached from here on */
        for (n = 1; rc != 0; n++) {
            struct tarn_catalog *c = NULL;
            tarn_mem_fail_after(n, 0);
            rc = tarn_catalog_list(&c, f.lake, &r[k], NULL);
            tarn_mem_fail_after(0, 0);
            assert_true(rc ? rc == TARN_ENOMEM && !c : c != NULL);
            assert_in_range(n, 1, 2000);
            tarn_catalog_free(c);
        }
        assert_in_range(n, 10, 2000);
    }
    fixture_close(&f);
}

/* ---- the walk against an oracle, over a store in memory that pages as S3 does ---- */

#define KEYS 400

struct shelf {
    struct tarn_store base;
    char keys[KEYS][80]; /* sorted */
    int n;
    unsigned page;
    int listings;
};

static int shelf_list(struct tarn_store *s, const char *prefix, char delimiter,
                      const char *start_after, size_t max, struct tarn_listing *out,
                      struct tarn_err *err) {
    struct shelf *shelf = (struct shelf *)s;
    size_t n = strlen(prefix);
    unsigned found = 0;
    char last[82] = "";
    (void)max;
    shelf->listings++;
    for (int i = 0; i < shelf->n; i++) {
        const char *key = shelf->keys[i];
        const char *slash =
            delimiter ? strchr(key + (strlen(key) < n ? strlen(key) : n), '/') : NULL;
        size_t len = slash ? (size_t)(slash - key) + 1 : strlen(key);
        if (strncmp(key, prefix, n) != 0) {
            continue;
        }
        char what[82];
        snprintf(what, sizeof what, "%.*s", (int)len, key);
        if (strcmp(what, start_after) <= 0 || strcmp(what, last) == 0) {
            continue;
        }
        if (found++ == shelf->page) {
            return tarn_listing_cut(out, last, err);
        }
        memcpy(last, what, sizeof last);
        if (slash) {
            assert_int_equal(tarn_listing_prefix(out, key, len, err), 0);
        } else {
            assert_non_null(tarn_listing_object(out, key, len, err));
        }
    }
    return TARN_OK;
}

static int pick(unsigned *seed, int n) {
    return (int)((unsigned)rand_r(seed) % (unsigned)n);
}

static void random_key(unsigned *seed, char *out, size_t cap) {
    static const char *const roots[] = {"events",      "events",      "events", "tail",
                                        "ns/a/events", "ns/b/events", "cdc/x/y"};
    static const char *const odd[] = {"x=1", "13", "2026", "99", "abc", "_x", ".y", "02"};
    static const char *const files[] = {"a.parquet", "0.jsonl", "_compact_1.parquet", "z.parquet",
                                        "n.txt"};
    size_t n = (size_t)snprintf(out, cap, "%s/", roots[pick(seed, 7)]);
    int depth = pick(seed, 3) ? 4 : pick(seed, 4);
    for (int i = 0; i < depth; i++) {
        if (pick(seed, 25) == 0) {
            n += (size_t)snprintf(out + n, cap - n, "%s/", odd[pick(seed, 8)]);
        } else {
            static const int first[] = {2025, 1, 1, 0};
            static const int span[] = {3, 3, 4, 24};
            n += (size_t)snprintf(out + n, cap - n, i ? "%02d/" : "%04d/",
                                  first[i] + pick(seed, span[i]));
        }
    }
    snprintf(out + n, cap - n, "%s", files[pick(seed, 5)]);
}

static int by_text(const void *a, const void *b) {
    return strcmp(a, b);
}

struct seen {
    const struct shelf *shelf;
    unsigned char times[KEYS];
};

static int see(void *arg, const struct tarn_object *o, struct tarn_err *err) {
    struct seen *s = arg;
    (void)err;
    const char *at =
        bsearch(o->key, s->shelf->keys, (size_t)s->shelf->n, sizeof *s->shelf->keys, by_text);
    assert_non_null(at);
    s->times[(at - s->shelf->keys[0]) / (ptrdiff_t)sizeof *s->shelf->keys]++;
    return 0;
}

static void fill_shelf(struct shelf *shelf, unsigned *seed) {
    shelf->n = 0;
    for (int i = 0; i < KEYS; i++) {
        random_key(seed, shelf->keys[i], sizeof shelf->keys[i]);
    }
    qsort(shelf->keys, KEYS, sizeof *shelf->keys, by_text);
    for (int i = 0; i < KEYS; i++) {
        if (i == 0 || strcmp(shelf->keys[shelf->n - 1], shelf->keys[i]) != 0) {
            memmove(shelf->keys[shelf->n++], shelf->keys[i], sizeof *shelf->keys);
        }
    }
}

static struct tarn_walk_plan random_plan(struct shelf *shelf, unsigned *seed) {
    static const char *const globs[] = {NULL,
                                        NULL,
                                        NULL,
                                        NULL,
                                        "**",
                                        "events/**",
                                        "events/2026/**",
                                        "events/2026/0*/**",
                                        "events/2026/01/02/*/*.parquet",
                                        "ns/*/events/**",
                                        "ns/a/**",
                                        "ns/a/events/2025/01/0[1-3]/**",
                                        "e*/2026/01/*/1*/*",
                                        "cdc/**/y/**",
                                        "events/2026/01/02/05/a.parquet",
                                        "events/x=1/**"};
    static const int64_t hours[] = {0, 1, 5, 24, 40 * 24, 400 * 24};
    struct tarn_walk_plan plan = {.store = &shelf->base, .glob = globs[pick(seed, 16)]};
    plan.root = plan.glob ? NULL : "events/";
    plan.lo = ms("2025-01-01") + pick(seed, 3 * 365 * 24) * TARN_MS_PER_HOUR - 1;
    if (pick(seed, 2)) {
        plan.lo = ms("2026-01-02") + pick(seed, 48) * TARN_MS_PER_HOUR;
    }
    plan.hi = plan.lo + hours[pick(seed, 6)] * TARN_MS_PER_HOUR + pick(seed, 2);
    if (pick(seed, 8) == 0) {
        plan.lo = TARN_TIME_MIN;
    }
    if (pick(seed, 8) == 0) {
        plan.hi = TARN_TIME_MAX;
    }
    return plan;
}

/* By the definition, looking at every key there is. */
static int is_wanted(const struct tarn_walk_plan *plan, const char *key) {
    struct tarn_key_info info;
    size_t top = (size_t)(strchr(key, '/') - key);
    if (tarn_key_parse(key, tarn_key_root_of(key), &info) || info.lo > plan->hi ||
        info.hi < plan->lo) {
        return 0;
    }
    if (!plan->glob) {
        return strncmp(key, plan->root, strlen(plan->root)) == 0;
    }
    return tarn_glob_match(plan->glob, key) &&
           (!tarn_key_reserved(key, top) || strncmp(plan->glob, key, top + 1) == 0);
}

static void walk_oracle(void **state) {
    static const struct tarn_store_ops ops = {.list = shelf_list};
    struct shelf *shelf = tarn_calloc(1, sizeof *shelf);
    struct seen *seen = tarn_calloc(1, sizeof *seen);
    unsigned seed = 11;
    long found = 0;
    (void)state;
    assert_int_equal(tarn_store_setup(&shelf->base, &ops, "memory:", NULL, NULL, NULL), 0);
    for (int round = 0; round < 4000; round++) {
        if (round % 50 == 0) {
            fill_shelf(shelf, &seed);
        }
        struct tarn_walk_plan plan = random_plan(shelf, &seed);
        shelf->page = (unsigned)(1 + pick(&seed, 5)) * (pick(&seed, 2) ? 1 : 100);
        memset(seen, 0, sizeof *seen);
        seen->shelf = shelf;
        assert_int_equal(tarn_walk(&plan, see, seen, NULL), 0);
        for (int i = 0; i < shelf->n; i++) {
            const char *key = shelf->keys[i];
            int wanted = is_wanted(&plan, key);
            int foreign = plan.root && strncmp(key, plan.root, strlen(plan.root)) != 0;
            if (seen->times[i] > 1 || (wanted && !seen->times[i]) || (foreign && seen->times[i])) {
                fail_msg("%s was seen %d times (glob %s)", key, seen->times[i],
                         plan.glob ? plan.glob : "none");
            }
            found += wanted;
        }
    }
    assert_true(found > 10000);
    tarn_store_cleanup(&shelf->base);
    tarn_free(seen);
    tarn_free(shelf);
}

/* What a range of one hour costs, in requests; and that the hour comes before its day's files. */
static int note(void *arg, const struct tarn_object *o, struct tarn_err *err) {
    char *text = arg;
    (void)err;
    snprintf(text + strlen(text), 512 - strlen(text), "%s ", o->key + strlen("events/2026/01/"));
    return 0;
}

static void walk_requests(void **state) {
    static const struct tarn_store_ops ops = {.list = shelf_list};
    static const char *const keys[] = {
        "events/2026/01/01/_compact_1.parquet", "events/2026/01/02/14/a.parquet",
        "events/2026/01/02/15/a.parquet", "events/2026/01/02/_compact_1.parquet",
        "events/2026/01/03/00/a.parquet"};
    struct shelf *shelf = tarn_calloc(1, sizeof *shelf);
    char text[512] = "";
    (void)state;
    assert_int_equal(tarn_store_setup(&shelf->base, &ops, "memory:", NULL, NULL, NULL), 0);
    shelf->page = 1000;
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        snprintf(shelf->keys[shelf->n++], sizeof *shelf->keys, "%s", keys[i]);
    }
    struct tarn_walk_plan plan = {.store = &shelf->base,
                                  .root = "events/",
                                  .lo = ms("2026-01-02 14:10"),
                                  .hi = ms("2026-01-02 14:20")};
    assert_int_equal(tarn_walk(&plan, note, text, NULL), 0);
    assert_string_equal(text, "02/14/a.parquet 02/_compact_1.parquet ");
    assert_int_equal(shelf->listings, 5); /* root, year, month, hour, day */
    shelf->listings = 0;
    *text = 0;
    plan.lo = TARN_TIME_MIN;
    plan.hi = TARN_TIME_MAX;
    assert_int_equal(tarn_walk(&plan, note, text, NULL), 0);
    assert_int_equal(shelf->listings, 1);
    assert_string_equal(text, "01/_compact_1.parquet 02/14/a.parquet 02/15/a.parquet "
                              "02/_compact_1.parquet 03/00/a.parquet ");
    shelf->listings = 0;
    *text = 0;
    plan.root = NULL;
    plan.glob = "events/2026/01/02/14/*";
    assert_int_equal(tarn_walk(&plan, note, text, NULL), 0);
    assert_string_equal(text, "02/14/a.parquet ");
    assert_int_equal(shelf->listings, 1);
    tarn_store_cleanup(&shelf->base);
    tarn_free(shelf);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_hour),
        cmocka_unit_test(untrusted_folders),
        cmocka_unit_test(masks),
        cmocka_unit_test(parts),
        cmocka_unit_test(corrupt_files),
        cmocka_unit_test(isolation),
        cmocka_unit_test(globs),
        cmocka_unit_test(refusals),
        cmocka_unit_test(files_that_go_away),
        cmocka_unit_test(failing_allocations),
        cmocka_unit_test(walk_oracle),
        cmocka_unit_test(walk_requests),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
