/* test_store_local.c: the local store behind store.h, in folders of its own under $TMPDIR. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mem.h"
#include "store.h"

static struct tarn_store *store;
static char root[PATH_MAX];
static struct tarn_err err;

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *where) {
    (void)st;
    (void)kind;
    (void)where;
    return remove(path);
}

static int set_up(void **state) {
    const char *tmp = getenv("TMPDIR");
    char name[PATH_MAX - 64];

    (void)state;
    snprintf(name, sizeof name, "%s/tarn-store-XXXXXX", tmp != NULL ? tmp : "/tmp");
    if (mkdtemp(name) == NULL || realpath(name, root) == NULL) return -1;
    tarn_err_clear(&err);
    return tarn_store_open(&store, root, NULL, &err);
}

static int tear_down(void **state) {
    (void)state;
    tarn_store_free(store);
    store = NULL;
    return nftw(root, remove_one, 32, FTW_DEPTH | FTW_PHYS);
}

static const char *under(const char *name) {
    static char path[2 * PATH_MAX];

    snprintf(path, sizeof path, "%s/%s", root, name);
    return path;
}

static void put(const char *key, const char *text) {
    tarn_err_clear(&err);
    if (tarn_store_put(store, key, text, strlen(text), NULL, NULL, &err) != 0)
        fail_msg("%s: %s", key, err.msg);
}

static void assert_content(const char *key, const char *text) {
    char *data = NULL;
    size_t n = 0;

    assert_int_equal(tarn_store_get_all(store, key, 1000000, &data, &n, &err), 0);
    assert_int_equal(n, strlen(text));
    assert_string_equal(data, text);
    tarn_free(data);
}

static int entries(const char *name) {
    DIR *dir = opendir(under(name));
    int n = 0;

    if (dir == NULL) return -1;
    for (const struct dirent *de = readdir(dir); de != NULL; de = readdir(dir))
        n += de->d_name[0] != '.';
    closedir(dir);
    return n;
}

#define ASSERT_FAILS(call, expected, words)                                              \
    do {                                                                                 \
        tarn_err_clear(&err);                                                            \
        assert_int_equal(call, expected);                                                \
        if (strstr(err.msg, words) == NULL) fail_msg("'%s' not in: %s", words, err.msg); \
    } while (0)

static void opens_what_the_header_says(void **state) {
    struct tarn_store *s = NULL;
    struct tarn_store_options create = {1, 0};
    char uri[PATH_MAX + 64], here[PATH_MAX];

    (void)state;
    ASSERT_FAILS(tarn_store_open(&s, under("none"), NULL, &err), TARN_ENOTFOUND, "/none");
    assert_null(s);
    ASSERT_FAILS(tarn_store_open(&s, under("no/ne"), &create, &err), TARN_ENOTFOUND, "no/ne");
    put("file", "x");
    ASSERT_FAILS(tarn_store_open(&s, under("file"), NULL, &err), TARN_EINVAL, "is a file");
    ASSERT_FAILS(tarn_store_open(&s, under("file"), &create, &err), TARN_EINVAL, "is a file");
    ASSERT_FAILS(tarn_store_open(&s, "lake", NULL, &err), TARN_EINVAL, "./path");
    ASSERT_FAILS(tarn_store_open(&s, "", NULL, &err), TARN_EINVAL, "./path");
    ASSERT_FAILS(tarn_store_open(&s, "gopher://b/p", NULL, &err), TARN_EUNSUPPORTED, "gopher://");
    ASSERT_FAILS(tarn_store_open(&s, "file:lake", NULL, &err), TARN_EINVAL, "file:///");
    ASSERT_FAILS(tarn_store_open(&s, "file://host/lake", NULL, &err), TARN_EINVAL, "file:///");
    ASSERT_FAILS(tarn_store_open(&s, "file:///a?b=c", NULL, &err), TARN_EINVAL, "parameters");
    ASSERT_FAILS(tarn_store_open(&s, "file:///a%2", NULL, &err), TARN_EINVAL, "file:///");
    ASSERT_FAILS(tarn_store_open(&s, "file:///a%00b", NULL, &err), TARN_EINVAL, "as a path");

    snprintf(uri, sizeof uri, "file://%s/a%%20lake", root);
    assert_int_equal(tarn_store_open(&s, uri, &create, &err), 0);
    assert_string_equal(tarn_store_path(s), under("a lake"));
    assert_string_equal(tarn_store_uri(s), uri);
    assert_ptr_equal(tarn_store_ref(s), s);
    tarn_store_free(s);
    tarn_store_free(s);
    assert_int_equal(tarn_store_open(&s, under("a lake/"), &create, &err), 0);
    assert_string_equal(tarn_store_uri(s), uri);
    tarn_store_free(s);

    assert_non_null(getcwd(here, sizeof here));
    assert_int_equal(chdir(root), 0);
    assert_int_equal(tarn_store_open(&s, "./a lake/../a lake", NULL, &err), 0);
    assert_int_equal(chdir(here), 0);
    assert_string_equal(tarn_store_uri(s), uri);
    assert_int_equal(tarn_store_put(s, "k", "1", 1, NULL, NULL, &err), 0);
    tarn_store_free(s);
    assert_int_equal(access(under("a lake/k"), F_OK), 0);
    tarn_store_free(NULL);
}

static void keys_outside_the_rules_are_refused(void **state) {
    static const char *const bad[] = {"",     "/a",     "a/",        "a//b",       ".",   "..",
                                      "a/.",  "a/..",   "../a",      "a/../b",     "./a", "a\\b",
                                      "\xFF", "a/\xC3", "_tarn/tmp", "_tarn/tmp/x"};
    static const char *const good[] = {"...",      ".a",         "a..",      "..a/b", "a b",
                                       "\xC3\xA9", "_tarn/tmpx", "_tarn/tm", "a*?[b", "-"};
    char key[1100];

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        ASSERT_FAILS(tarn_store_put(store, bad[i], "x", 1, NULL, NULL, &err), TARN_EINVAL,
                     "cannot");
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        assert_int_equal(tarn_key_check(good[i], &err), 0);
        put(good[i], "x");
        assert_content(good[i], "x");
    }
    assert_int_equal(tarn_key_check(NULL, NULL), TARN_EINVAL);
    for (size_t i = 0; i < sizeof key - 1; i++)
        key[i] = i % 50 == 49 ? '/' : 'k';
    key[1025] = '\0';
    ASSERT_FAILS(tarn_store_put(store, key, "x", 1, NULL, NULL, &err), TARN_EINVAL, "1024");
    key[1024] = '\0';
    put(key, "deep");
    assert_content(key, "deep");
    assert_int_equal(tarn_store_delete(store, key, &err), 0);
    memset(key, 'l', 300);
    key[300] = '\0';
    ASSERT_FAILS(tarn_store_put(store, key, "x", 1, NULL, NULL, &err), TARN_EINVAL, "so long");
    ASSERT_FAILS(tarn_store_get(store, key, NULL, 0, 0, NULL, &err), TARN_ENOTFOUND, "no object");
    assert_int_equal(tarn_store_delete(store, key, &err), 0);
}

static void reads_ranges_and_pins_etags(void **state) {
    char out[16] = "", etag[TARN_ETAG_MAX], *all = NULL;
    struct tarn_object o;
    size_t n = 0;

    (void)state;
    assert_int_equal(tarn_store_put(store, "a/b", "0123456789", 10, NULL, etag, &err), 0);
    assert_int_equal(tarn_store_head(store, "a/b", &o, &err), 0);
    assert_string_equal(o.etag, etag);
    assert_int_equal(o.size, 10);
    assert_true(llabs((long long)(o.mtime / 1000 - time(NULL))) < 100);
    assert_int_equal(tarn_store_get(store, "a/b", etag, 3, 4, out, &err), 0);
    assert_memory_equal(out, "3456", 4);
    assert_int_equal(tarn_store_get(store, "a/b", "", 10, 0, out, &err), 0);
    ASSERT_FAILS(tarn_store_get(store, "a/b", NULL, 8, 4, out, &err), TARN_ECORRUPT, "a/b");
    ASSERT_FAILS(tarn_store_get(store, "a/b", NULL, UINT64_MAX, 4, out, &err), TARN_EINVAL, "a/b");
    ASSERT_FAILS(tarn_store_get(store, "a/c", NULL, 0, 1, out, &err), TARN_ENOTFOUND, "a/c");
    ASSERT_FAILS(tarn_store_get(store, "a/b/c", NULL, 0, 1, out, &err), TARN_ENOTFOUND, "a/b/c");
    ASSERT_FAILS(tarn_store_get(store, "a", NULL, 0, 1, out, &err), TARN_ENOTFOUND, "no object a");
    ASSERT_FAILS(tarn_store_head(store, "a", &o, &err), TARN_ENOTFOUND, root);
    ASSERT_FAILS(tarn_store_head(store, "a/b/c", &o, &err), TARN_ENOTFOUND, root);
    ASSERT_FAILS(tarn_store_get_all(store, "a/b", 9, &all, &n, &err), TARN_ELIMIT, "10 bytes");
    assert_null(all);
    put("a/b", "abcdefghij");
    ASSERT_FAILS(tarn_store_get(store, "a/b", etag, 0, 1, out, &err), TARN_ENOTFOUND, "another");
    put("empty", "");
    assert_content("empty", "");
}

static void source_is_pinned_to_its_object(void **state) {
    struct tarn_object o;
    struct tarn_source s;
    char out[8] = "";

    (void)state;
    put("a/b", "first");
    assert_int_equal(tarn_store_head(store, "a/b", &o, &err), 0);
    assert_int_equal(tarn_store_source(store, &o, &s, &err), 0);
    assert_int_equal(s.size, 5);
    assert_string_equal(s.name, "a/b");
    put("a/b", "other");
    assert_int_equal(s.read(s.ctx, 1, out, 4, &err), 0);
    assert_memory_equal(out, "irst", 4);
    ASSERT_FAILS(s.read(s.ctx, 4, out, 2, &err), TARN_ECORRUPT, "a/b");
    tarn_source_close(&s);
    tarn_source_close(&s);
    ASSERT_FAILS(tarn_store_source(store, &o, &s, &err), TARN_ENOTFOUND, "another object");
    tarn_source_close(&s);
    o.etag[0] = '\0';
    assert_int_equal(tarn_store_source(store, &o, &s, &err), 0);
    tarn_store_ref(store);
    tarn_store_free(store);
    assert_int_equal(s.read(s.ctx, 0, out, 5, &err), 0);
    tarn_source_close(&s);
}

static void conditions_hold(void **state) {
    struct tarn_put absent = {TARN_PUT_IF_ABSENT, NULL, NULL, 0};
    char etag[TARN_ETAG_MAX], etag2[TARN_ETAG_MAX];
    struct tarn_put match = {TARN_PUT_IF_MATCH, etag, NULL, 0};

    (void)state;
    strncpy(etag, "1-1-1", sizeof etag);
    ASSERT_FAILS(tarn_store_put(store, "k", "x", 1, &match, NULL, &err), TARN_EEXIST, "etag");
    assert_int_equal(tarn_store_put(store, "k", "1", 1, &absent, etag, &err), 0);
    ASSERT_FAILS(tarn_store_put(store, "k", "2", 1, &absent, NULL, &err), TARN_EEXIST, "k");
    assert_content("k", "1");
    assert_int_equal(tarn_store_put(store, "k", "3", 1, &match, etag2, &err), 0);
    assert_string_not_equal(etag, etag2);
    ASSERT_FAILS(tarn_store_put(store, "k", "4", 1, &match, NULL, &err), TARN_EEXIST, etag);
    assert_content("k", "3");
    match.etag = NULL;
    ASSERT_FAILS(tarn_store_put(store, "k", "4", 1, &match, NULL, &err), TARN_EINVAL, "etag");
    assert_int_equal(entries("_tarn/tmp"), 0);
}

/* Puts of the same size, so quick that inodes are reused within one tick of the kernel's clock. */
static void etags_never_repeat(void **state) {
    static char seen[200][TARN_ETAG_MAX];

    (void)state;
    for (size_t i = 0; i < 200; i++) {
        assert_int_equal(tarn_store_put(store, "k", "x", 1, NULL, seen[i], &err), 0);
        for (size_t k = 0; k < i; k++)
            assert_string_not_equal(seen[k], seen[i]);
    }
}

static void folders_and_objects_keep_apart(void **state) {
    struct tarn_put absent = {TARN_PUT_IF_ABSENT, NULL, NULL, 0};

    (void)state;
    put("a/b/c", "x");
    ASSERT_FAILS(tarn_store_put(store, "a/b", "y", 1, NULL, NULL, &err), TARN_EINVAL, "folder");
    ASSERT_FAILS(tarn_store_put(store, "a/b", "y", 1, &absent, NULL, &err), TARN_EINVAL, root);
    ASSERT_FAILS(tarn_store_put(store, "a/b/c/d", "y", 1, NULL, NULL, &err), TARN_EINVAL, "object");
    ASSERT_FAILS(tarn_store_put(store, "a/b/c/d", "y", 1, &absent, NULL, &err), TARN_EINVAL, root);
    assert_int_equal(tarn_store_delete(store, "a/b", &err), 0);
    assert_int_equal(tarn_store_delete(store, "a/b/c/d", &err), 0);
    assert_content("a/b/c", "x");
    assert_int_equal(entries("_tarn/tmp"), 0);
}

static void delete_cleans_folders(void **state) {
    (void)state;
    put("a/b/c/d", "x");
    put("a/e", "x");
    assert_int_equal(tarn_store_delete(store, "a/b/c/d", &err), 0);
    assert_int_equal(access(under("a/b"), F_OK), -1);
    assert_int_equal(access(under("a"), F_OK), 0);
    assert_int_equal(tarn_store_delete(store, "a/b/c/d", &err), 0);
    assert_int_equal(tarn_store_delete(store, "never/was", &err), 0);
    assert_int_equal(tarn_store_delete(store, "a/e", &err), 0);
    assert_int_equal(access(under("a"), F_OK), -1);
    assert_int_equal(access(root, F_OK), 0);
}

static void readonly_changes_nothing(void **state) {
    struct tarn_store_options readonly = {1, 1};
    struct tarn_store *s = NULL;
    char out[2];

    (void)state;
    put("k", "x");
    ASSERT_FAILS(tarn_store_open(&s, under("new"), &readonly, &err), TARN_ENOTFOUND, "new");
    assert_int_equal(tarn_store_open(&s, root, &readonly, &err), 0);
    ASSERT_FAILS(tarn_store_put(s, "k", "y", 1, NULL, NULL, &err), TARN_EACCES, "read-only");
    ASSERT_FAILS(tarn_store_put_file(s, "k", "/dev/null", NULL, &err), TARN_EACCES, "read-only");
    ASSERT_FAILS(tarn_store_delete(s, "k", &err), TARN_EACCES, "read-only");
    assert_int_equal(tarn_store_get(s, "k", NULL, 0, 1, out, &err), 0);
    tarn_store_free(s);
}

static void failures_name_the_path_and_leave_nothing(void **state) {
    struct rlimit old, small;

    (void)state;
    put("k", "x");
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    small = old;
    small.rlim_cur = 1;
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    tarn_err_clear(&err);
    assert_int_equal(tarn_store_put(store, "big/er", "0123456789", 10, NULL, NULL, &err), TARN_EIO);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
    assert_non_null(strstr(err.msg, under("big/er")));
    assert_int_equal(entries("_tarn/tmp"), 0);
    assert_int_equal(access(under("big"), F_OK), -1);
    if (geteuid() != 0) {
        chmod(under("_tarn/tmp"), 0500);
        ASSERT_FAILS(tarn_store_put(store, "k", "y", 1, NULL, NULL, &err), TARN_EACCES, under("k"));
        chmod(under("_tarn/tmp"), 0700);
    }
    ASSERT_FAILS(tarn_store_put_file(store, "f", under("absent"), NULL, &err), TARN_ENOTFOUND,
                 "absent");
    ASSERT_FAILS(tarn_store_put_file(store, "f", root, NULL, &err), TARN_EINVAL, "regular");
    assert_content("k", "x");
}

static void lake_that_was_removed_says_so(void **state) {
    struct tarn_store_options create = {1, 0};
    struct tarn_store *s = NULL;
    struct tarn_listing l;

    (void)state;
    assert_int_equal(tarn_store_open(&s, under("gone"), &create, &err), 0);
    assert_int_equal(rmdir(under("gone")), 0);
    ASSERT_FAILS(tarn_store_list(s, "a/", 0, NULL, 0, &l, &err), TARN_ENOTFOUND, "gone");
    ASSERT_FAILS(tarn_store_list(s, "", 0, NULL, 0, &l, &err), TARN_ENOTFOUND, "gone");
    ASSERT_FAILS(tarn_store_put(s, "k", "x", 1, NULL, NULL, &err), TARN_ENOTFOUND, "gone");
    ASSERT_FAILS(tarn_store_delete(s, "k", &err), TARN_ENOTFOUND, "gone");
    tarn_store_free(s);
}

static void put_file_links(void **state) {
    struct tarn_put absent = {TARN_PUT_IF_ABSENT, NULL, NULL, 0};
    struct stat a, b;
    FILE *f = fopen(under("spool"), "w");

    (void)state;
    assert_non_null(f);
    fputs("content", f);
    fclose(f);
    assert_int_equal(tarn_store_put_file(store, "x/y", under("spool"), &absent, &err), 0);
    assert_content("x/y", "content");
    assert_int_equal(stat(under("spool"), &a), 0);
    assert_int_equal(stat(under("x/y"), &b), 0);
    assert_int_equal(a.st_ino, b.st_ino);
    ASSERT_FAILS(tarn_store_put_file(store, "x/y", under("spool"), &absent, &err), TARN_EEXIST,
                 "x/y");
    /* The same file again: rename(2) between two links of one file does nothing. */
    assert_int_equal(tarn_store_put_file(store, "x/y", under("spool"), NULL, &err), 0);
    assert_int_equal(tarn_store_put_file(store, "x/y", under("x/y"), NULL, &err), 0);
    assert_content("x/y", "content");
    assert_int_equal(entries("_tarn/tmp"), 0);
    assert_int_equal(tarn_store_delete(store, "x/y", &err), 0);
    assert_int_equal(access(under("spool"), F_OK), 0);
}

static void put_file_copies_across_file_systems(void **state) {
    char name[] = "/dev/shm/tarn-spool-XXXXXX", *all = NULL;
    static char block[700000];
    size_t n = 0;
    int fd = mkstemp(name);

    (void)state;
    if (fd < 0) skip();
    for (size_t i = 0; i < sizeof block; i++)
        block[i] = (char)(i * 31 >> 3);
    assert_int_equal(write(fd, block, sizeof block), sizeof block);
    close(fd);
    assert_int_equal(tarn_store_put_file(store, "x/y", name, NULL, &err), 0);
    unlink(name);
    assert_int_equal(tarn_store_get_all(store, "x/y", sizeof block, &all, &n, &err), 0);
    assert_int_equal(n, sizeof block);
    assert_memory_equal(all, block, n);
    tarn_free(all);
}

static void old_temporary_files_are_swept(void **state) {
    struct tarn_store *s = NULL;

    (void)state;
    put("k", "x");
    close(open(under("_tarn/tmp/fresh"), O_CREAT | O_WRONLY, 0600));
    assert_int_equal(tarn_store_open(&s, root, NULL, &err), 0);
    tarn_store_free(s);
    /* A change time can't be set back, so only that a fresh one stays can be seen here. */
    assert_int_equal(access(under("_tarn/tmp/fresh"), F_OK), 0);
}

#define THREADS 8

struct racer {
    pthread_t thread;
    int id, wins, faults;
};

static void *race_absent(void *arg) {
    struct racer *r = arg;
    struct tarn_put absent = {TARN_PUT_IF_ABSENT, NULL, NULL, 0};

    for (int i = 0; i < 30; i++) {
        char key[32], text[8];
        int rc = 0;

        snprintf(key, sizeof key, "race/%d/%d/k", i % 7, i);
        snprintf(text, sizeof text, "%d", r->id);
        rc = tarn_store_put(store, key, text, strlen(text), &absent, NULL, NULL);
        r->wins += rc == 0;
        r->faults += rc != 0 && rc != TARN_EEXIST;
    }
    return NULL;
}

/* A counter in one object, raised only by conditional puts. */
static void *race_match(void *arg) {
    struct racer *r = arg;

    while (r->wins < 20 && r->faults == 0) {
        struct tarn_object o;
        char text[24] = "";
        struct tarn_put match = {TARN_PUT_IF_MATCH, o.etag, NULL, 0};
        int rc = tarn_store_head(store, "counter", &o, NULL);

        if (rc == 0) rc = tarn_store_get(store, "counter", o.etag, 0, (size_t)o.size, text, NULL);
        if (rc == TARN_ENOTFOUND) continue;
        snprintf(text, sizeof text, "%d", (int)strtol(text, NULL, 10) + 1);
        if (rc == 0) rc = tarn_store_put(store, "counter", text, strlen(text), &match, NULL, NULL);
        r->wins += rc == 0;
        r->faults += rc != 0 && rc != TARN_EEXIST;
    }
    return NULL;
}

static void *race_delete(void *arg) {
    struct racer *r = arg;

    for (int i = 0; i < 60; i++) {
        char key[32];
        char out;

        snprintf(key, sizeof key, "p/q/r/%d", r->id);
        r->faults += tarn_store_put(store, key, "x", 1, NULL, NULL, NULL) != 0;
        r->faults += tarn_store_get(store, key, NULL, 0, 1, &out, NULL) != 0;
        r->faults += tarn_store_delete(store, key, NULL) != 0;
    }
    return NULL;
}

static int run_race(void *(*body)(void *)) {
    struct racer racers[THREADS];
    int wins = 0;

    memset(racers, 0, sizeof racers);
    for (int i = 0; i < THREADS; i++) {
        racers[i].id = i;
        assert_int_equal(pthread_create(&racers[i].thread, NULL, body, &racers[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(racers[i].thread, NULL);
        assert_int_equal(racers[i].faults, 0);
        wins += racers[i].wins;
    }
    return wins;
}

static void if_absent_has_one_winner(void **state) {
    (void)state;
    assert_int_equal(run_race(race_absent), 30);
    assert_int_equal(entries("_tarn/tmp"), 0);
}

static void if_match_loses_no_update(void **state) {
    (void)state;
    put("counter", "0");
    assert_int_equal(run_race(race_match), THREADS * 20);
    assert_content("counter", "160");
}

static void put_and_delete_race_over_folders(void **state) {
    (void)state;
    run_race(race_delete);
    assert_int_equal(access(under("p"), F_OK), -1);
}

static void out_of_memory_is_reported(void **state) {
    struct tarn_put any = {TARN_PUT_ANY, NULL, NULL, 0};
    struct tarn_object o;
    int failures = 0;

    (void)state;
    put("a/b/c", "x");
    put("a/d", "x");
    assert_int_equal(tarn_store_head(store, "a/d", &o, &err), 0);
    for (unsigned long i = 1; i < 40; i++) {
        struct tarn_store *s = NULL;
        struct tarn_listing l = {0};
        struct tarn_source src = {0};
        char *data = NULL;
        size_t n = 0;
        int rc = 0;

        tarn_err_clear(&err);
        tarn_mem_fail_after(i, 0);
        rc = tarn_store_open(&s, root, NULL, &err);
        if (rc == 0) rc = tarn_store_list(s, "", i % 2 ? '/' : 0, NULL, 0, &l, &err);
        if (rc == 0) rc = tarn_store_get_all(s, "a/d", 10, &data, &n, &err);
        if (rc == 0) rc = tarn_store_source(s, &o, &src, &err);
        if (rc == 0) rc = tarn_store_put_file(s, "a/e", under("a/d"), &any, &err);
        tarn_mem_fail_after(0, 0);
        assert_true(rc == 0 || rc == TARN_ENOMEM);
        assert_int_equal(err.code, rc);
        failures += rc != 0;
        tarn_listing_release(&l);
        tarn_source_close(&src);
        tarn_free(data);
        tarn_store_free(s);
    }
    assert_in_range(failures, 8, 38);
}

#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        T(opens_what_the_header_says),
        T(keys_outside_the_rules_are_refused),
        T(reads_ranges_and_pins_etags),
        T(source_is_pinned_to_its_object),
        T(conditions_hold),
        T(etags_never_repeat),
        T(folders_and_objects_keep_apart),
        T(delete_cleans_folders),
        T(readonly_changes_nothing),
        T(failures_name_the_path_and_leave_nothing),
        T(lake_that_was_removed_says_so),
        T(put_file_links),
        T(put_file_copies_across_file_systems),
        T(old_temporary_files_are_swept),
        T(if_absent_has_one_winner),
        T(if_match_loses_no_update),
        T(put_and_delete_race_over_folders),
        T(out_of_memory_is_reported),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
