/* test_store_list.c: listings of the local store against a sorted array of all keys. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mem.h"
#include "store.h"

static const char *const keys[] = {
    "a",
    "a!/x",
    "a-b",
    "a.b",
    "a.b.parquet/part",
    "a0",
    "aa/b",
    "aa/b!",
    "aa/b-/c",
    "aa/b.c",
    "aa/b0/d",
    "aa/bb/c/d/e/f/g",
    "aa/bb/c/d/e/f/h",
    "aa/c",
    "aa.parquet",
    "aa-/q",
    "aa0",
    "events/2026/02/01/00/01A.parquet",
    "events/2026/02/01/00/01B.parquet",
    "events/2026/02/01/00/_compact_1.parquet",
    "events/2026/02/01/01/01C.parquet",
    "events/2026/02/01/_compact_2.parquet",
    "events/2026/02/02/00/01D.parquet",
    "events/2026/12/31/23/01E.parquet",
    "events-old/x",
    "events.json",
    "events0",
    "ns/\xC3\xA9/x",
    "ns/\xC3\xA9!/x",
    "ns/z/x",
    "ns/\xF0\x9F\x90\x9F",
    "_tarn/lake.json",
    "_tarn/tmp!/x",
    "_tarn/tmpx",
    "_tarn/t",
    ".hidden",
    "..a/b",
    "~",
    "z\x01y/1",
    "z\x01y\x02",
    "z y/1",
};
#define N_KEYS (sizeof keys / sizeof *keys)

static const char *sorted[N_KEYS];
static struct tarn_store *store;
static char root[PATH_MAX];
static struct tarn_err err;

static int by_bytes(const void *a, const void *b) {
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *where) {
    (void)st;
    (void)kind;
    (void)where;
    return remove(path);
}

static void make_path(const char *key, int is_folder) {
    char path[2 * PATH_MAX];
    size_t n = strlen(root);

    snprintf(path, sizeof path, "%s/%s", root, key);
    for (char *slash = strchr(path + n + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        mkdir(path, 0777);
        *slash = '/';
    }
    if (is_folder)
        assert_int_equal(mkdir(path, 0777), 0);
    else
        assert_int_equal(close(open(path, O_CREAT | O_WRONLY, 0666)), 0);
}

static int set_up(void **state) {
    const char *tmp = getenv("TMPDIR");
    char path[PATH_MAX - 64];

    (void)state;
    snprintf(path, sizeof path, "%s/tarn-list-XXXXXX", tmp != NULL ? tmp : "/tmp");
    if (mkdtemp(path) == NULL || realpath(path, root) == NULL) return -1;
    for (size_t i = 0; i < N_KEYS; i++) {
        sorted[i] = keys[i];
        make_path(keys[i], 0);
    }
    qsort(sorted, N_KEYS, sizeof *sorted, by_bytes);
    /* What is not to be seen. */
    make_path("_tarn/tmp/unfinished", 0);
    make_path("_tarn/tmp/deep/er", 0);
    make_path("aa/empty/er/est", 1);
    make_path("nothing", 1);
    make_path("events/2026/03", 1);
    make_path("ba\\d", 0);
    make_path("ba\\d2/x", 0);
    make_path("bad\xFF", 0);
    make_path("aa/\xC3/x", 0);
    return tarn_store_open(&store, root, NULL, &err);
}

static int tear_down(void **state) {
    (void)state;
    tarn_store_free(store);
    return nftw(root, remove_one, 32, FTW_DEPTH | FTW_PHYS);
}

/* What a listing should hold, in order: objects and, ending in '/', common prefixes. */
static size_t oracle(const char *prefix, char delimiter, const char *after, char out[][256]) {
    size_t n = 0, len = strlen(prefix);

    for (size_t i = 0; i < N_KEYS; i++) {
        const char *cut = NULL;
        char item[256];

        if (strncmp(sorted[i], prefix, len) != 0) continue;
        snprintf(item, sizeof item, "%s", sorted[i]);
        cut = delimiter != 0 ? strchr(item + len, delimiter) : NULL;
        if (cut != NULL) item[cut - item + 1] = '\0';
        if (after != NULL && strcmp(item, after) <= 0) continue;
        if (n > 0 && strcmp(out[n - 1], item) == 0) continue;
        memcpy(out[n++], item, sizeof item);
    }
    return n;
}

static void check_pages(const char *prefix, char delimiter, const char *after, size_t max) {
    static char expected[N_KEYS][256];
    size_t total = oracle(prefix, delimiter, after, expected), at = 0;
    char start[256];
    int more = 1;

    snprintf(start, sizeof start, "%s", after != NULL ? after : "");
    while (more) {
        struct tarn_listing l;
        size_t o = 0, p = 0;

        if (tarn_store_list(store, prefix, delimiter, start, max, &l, &err) != 0)
            fail_msg("%s", err.msg);
        for (; o + p < l.n_objects + l.n_prefixes; at++) {
            assert_true(at < total);
            if (o < l.n_objects && strcmp(l.objects[o].key, expected[at]) == 0) {
                o++;
            } else if (p < l.n_prefixes && strcmp(l.prefixes[p], expected[at]) == 0) {
                p++;
            } else {
                fail_msg("'%s' '%c' after '%s' max %zu: expected %s, found %s | %s", prefix,
                         delimiter ? delimiter : '0', start, max, expected[at],
                         o < l.n_objects ? l.objects[o].key : "",
                         p < l.n_prefixes ? l.prefixes[p] : "");
            }
        }
        more = l.truncated;
        assert_int_equal(more, at < total);
        if (max > 0) assert_true(o + p == max || !more);
        if (more) {
            assert_string_equal(l.next, expected[at - 1]);
            snprintf(start, sizeof start, "%s", l.next);
        } else {
            assert_null(l.next);
        }
        tarn_listing_release(&l);
        tarn_listing_release(&l);
    }
    assert_int_equal(at, total);
}

static const char *const prefixes[] = {
    "",
    "a",
    "a!",
    "a!/",
    "aa",
    "aa/",
    "aa/b",
    "aa/b/",
    "aa/bb/c/d/e/f/",
    "aa/bb/c/d/e/f/g",
    "events",
    "events/",
    "events/2026/02/0",
    "events/2026/02/01/",
    "events/2026/03/",
    "events/2026/03",
    "n",
    "ns/\xC3",
    "ns/\xC3\xA9",
    "_",
    "_tarn/",
    "_tarn/t",
    "_tarn/tmp",
    "_tarn/tmp/",
    "_tarn/tmp/u",
    ".",
    "..",
    "../",
    "./",
    "/",
    "//",
    "aa//",
    "aa/../",
    "aa/./",
    "zzz",
    "none/at/all/",
    "a/x",
    "a/",
    "events.json/",
    "ba",
    "ba\\d2/",
    "nothing/",
    "z",
    "aa/empty/",
    "~",
};

static void every_prefix_and_page_size(void **state) {
    static const size_t sizes[] = {0, 1, 2, 3, 7, 100};

    (void)state;
    for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++) {
        for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++) {
            check_pages(prefixes[i], 0, NULL, sizes[k]);
            check_pages(prefixes[i], '/', NULL, sizes[k]);
        }
    }
}

static void every_start(void **state) {
    static const char *const odd[] = {"a/",
                                      "aa/b/",
                                      "events/2026/02/01/00/",
                                      "events/2026/02/01",
                                      "events/2026",
                                      "b",
                                      "\xFF",
                                      "_tarn/tmp/zz",
                                      " ",
                                      "aa/bb/c/d/e/f"};

    (void)state;
    for (size_t i = 0; i < N_KEYS + sizeof odd / sizeof *odd; i++) {
        const char *after = i < N_KEYS ? keys[i] : odd[i - N_KEYS];

        for (size_t k = 0; k < sizeof prefixes / sizeof *prefixes; k += 3) {
            check_pages(prefixes[k], 0, after, k % 4);
            check_pages(prefixes[k], '/', after, k % 4);
        }
    }
}

static void objects_have_what_head_says(void **state) {
    struct tarn_listing l;
    struct tarn_object o;

    (void)state;
    assert_int_equal(tarn_store_put(store, "ns/put", "12345", 5, NULL, NULL, &err), 0);
    assert_int_equal(tarn_store_list(store, "ns/p", 0, NULL, 0, &l, &err), 0);
    assert_int_equal(l.n_objects, 1);
    assert_int_equal(tarn_store_head(store, "ns/put", &o, &err), 0);
    assert_int_equal(l.objects[0].size, 5);
    assert_true(l.objects[0].mtime == o.mtime);
    assert_string_equal(l.objects[0].etag, o.etag);
    tarn_listing_release(&l);
    assert_int_equal(tarn_store_delete(store, "ns/put", &err), 0);
    assert_int_equal(tarn_store_list(store, "", ',', NULL, 0, &l, &err), TARN_EINVAL);
    tarn_err_clear(&err);
    tarn_listing_release(&l);
}

static void links_are_followed_but_not_round(void **state) {
    char from[2 * PATH_MAX];
    struct tarn_listing l;

    (void)state;
    make_path("link/real/file", 0);
    snprintf(from, sizeof from, "%s/link/loop", root);
    assert_int_equal(symlink(".", from), 0);
    snprintf(from, sizeof from, "%s/link/real/up", root);
    assert_int_equal(symlink("..", from), 0);
    snprintf(from, sizeof from, "%s/link/alias", root);
    assert_int_equal(symlink("real", from), 0);
    snprintf(from, sizeof from, "%s/link/broken", root);
    assert_int_equal(symlink("nowhere", from), 0);
    snprintf(from, sizeof from, "%s/link/pipe", root);
    assert_int_equal(mkfifo(from, 0600), 0);
    assert_int_equal(tarn_store_list(store, "link/", 0, NULL, 0, &l, &err), 0);
    assert_int_equal(l.n_objects, 2);
    assert_string_equal(l.objects[0].key, "link/alias/file");
    assert_string_equal(l.objects[1].key, "link/real/file");
    tarn_listing_release(&l);
}

static void deep_folders(void **state) {
    char key[1025];
    struct tarn_listing l;

    (void)state;
    for (size_t i = 0; i < 1024; i++)
        key[i] = i % 2 ? '/' : 'd';
    key[1023] = 'e';
    key[1024] = '\0';
    assert_int_equal(tarn_store_put(store, key, "x", 1, NULL, NULL, &err), 0);
    for (int delimiter = 0; delimiter <= '/'; delimiter += '/') {
        assert_int_equal(tarn_store_list(store, "d/", (char)delimiter, NULL, 0, &l, &err), 0);
        assert_int_equal(l.n_objects, delimiter == 0);
        assert_int_equal(l.n_prefixes, delimiter != 0);
        tarn_listing_release(&l);
    }
    assert_int_equal(tarn_store_list(store, key, 0, NULL, 0, &l, &err), 0);
    assert_int_equal(l.n_objects, 1);
    assert_string_equal(l.objects[0].key, key);
    tarn_listing_release(&l);
    assert_int_equal(tarn_store_delete(store, key, &err), 0);
    assert_int_equal(tarn_store_list(store, "d", 0, NULL, 0, &l, &err), 0);
    assert_int_equal(l.n_objects, 0);
    tarn_listing_release(&l);
}

/* Enough folders for two threads: the whole listing is what its small pages are. */
static void many_folders(void **state) {
    static const char *const starts[] = {"",         "many/",     "many/0",
                                         "many/03/", "many/03/1", "nothing/"};
    struct tarn_listing whole, page;
    char key[64];

    (void)state;
    for (int i = 0; i < 400; i++) {
        snprintf(key, sizeof key, "many/%02d/%02d/%s%d", i % 20, i / 20, i % 3 ? "f" : "d/f", i);
        make_path(key, 0);
        snprintf(key, sizeof key, "many/%02d%s%d", i % 20, i % 2 ? "." : "/_", i);
        make_path(key, 0);
    }
    for (size_t p = 0; p < sizeof starts / sizeof *starts; p++) {
        char after[64] = "";
        size_t at = 0;

        assert_int_equal(tarn_store_list(store, starts[p], 0, NULL, 0, &whole, &err), 0);
        assert_int_equal(whole.truncated, 0);
        assert_true(p != 1 || whole.n_objects == 800);
        do {
            assert_int_equal(tarn_store_list(store, starts[p], 0, after, 7, &page, &err), 0);
            for (size_t i = 0; i < page.n_objects; i++, at++) {
                assert_true(at < whole.n_objects);
                assert_string_equal(page.objects[i].key, whole.objects[at].key);
                assert_string_equal(page.objects[i].etag, whole.objects[at].etag);
            }
            snprintf(after, sizeof after, "%s", page.truncated ? page.next : "");
            tarn_listing_release(&page);
        } while (*after);
        assert_int_equal(at, whole.n_objects);
        tarn_listing_release(&whole);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_prefix_and_page_size),
        cmocka_unit_test(every_start),
        cmocka_unit_test(objects_have_what_head_says),
        cmocka_unit_test(links_are_followed_but_not_round),
        cmocka_unit_test(deep_folders),
        cmocka_unit_test(many_folders),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
