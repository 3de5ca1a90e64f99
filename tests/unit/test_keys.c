/* Keys of event files: checks of what users name, building, reading back, and GLOB. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "keys.h"
#include "mem.h"

static int64_t ms(const char *text) {
    int64_t t = 0;
    assert_int_equal(tarn_time_parse(text, strlen(text), &t), 0);
    return t;
}

static void names(void **state) {
    struct tarn_err err = {0};
    char name[300];
    (void)state;
    memset(name, 'a', sizeof name);
    assert_int_equal(tarn_name_check("a", 1, "namespace", NULL), 0);
    assert_int_equal(tarn_name_check("...", 3, "namespace", NULL), 0);
    assert_int_equal(tarn_name_check("a/b c", 5, "namespace", NULL), 0);
    assert_int_equal(tarn_name_check("gr\xc3\xbc\xc3\x9f", 6, "namespace", NULL), 0);
    assert_int_equal(tarn_name_check(name, 255, "namespace", NULL), 0);
    assert_int_equal(tarn_name_check(name, 256, "namespace", NULL), TARN_EINVAL);
    memset(name, '/', sizeof name);
    assert_int_equal(tarn_name_check(name, 85, "namespace", NULL), 0);
    assert_int_equal(tarn_name_check(name, 86, "namespace", NULL), TARN_EINVAL);
    assert_int_equal(tarn_name_check("", 0, "namespace", NULL), TARN_EINVAL);
    assert_int_equal(tarn_name_check(".", 1, "namespace", NULL), TARN_EINVAL);
    assert_int_equal(tarn_name_check("..", 2, "namespace", NULL), TARN_EINVAL);
    assert_int_equal(tarn_name_check("a\0b", 3, "namespace", NULL), TARN_EINVAL);
    assert_int_equal(tarn_name_check("a\xff", 2, "event id", &err), TARN_EINVAL);
    assert_non_null(strstr(err.msg, "event id"));
}

static void prefixes(void **state) {
    static const char *const good[] = {"events", "webhooks", "tail", "A-b_9", "x"};
    static const char *const bad[] = {"",      "ns",  "cdc", "dedup", "dead-letter",
                                      "_tarn", "a.b", "a/b", "a b",   "caf\xc3\xa9"};
    char longest[65];
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        assert_int_equal(tarn_prefix_check(good[i], strlen(good[i]), NULL), 0);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(tarn_prefix_check(bad[i], strlen(bad[i]), NULL), TARN_EINVAL);
    }
    memset(longest, 'p', sizeof longest);
    assert_int_equal(tarn_prefix_check(longest, 64, NULL), 0);
    assert_int_equal(tarn_prefix_check(longest, 65, NULL), TARN_EINVAL);
}

static void assert_built(struct tarn_buf *b, const char *expected) {
    assert_int_equal(b->rc, 0);
    assert_int_equal(b->len, strlen(expected));
    assert_memory_equal(b->data, expected, b->len);
    tarn_buf_clear(b);
}

static void building(void **state) {
    struct tarn_buf b = TARN_BUF_INIT(1024);
    (void)state;
    tarn_key_root(&b, NULL, "events");
    tarn_key_hour(&b, ms("2026-02-02 14:59:59.999"));
    assert_built(&b, "events/2026/02/02/14/");
    tarn_key_root(&b, "", "tail");
    assert_built(&b, "tail/");
    tarn_key_root(&b, "a/b ..", "webhooks");
    assert_built(&b, "ns/a%2Fb%20../webhooks/");
    tarn_key_hour(&b, -1);
    assert_built(&b, "1969/12/31/23/");
    tarn_key_hour(&b, TARN_TIME_MIN);
    assert_built(&b, "0000/01/01/00/");
    tarn_buf_release(&b);
}

static void roots(void **state) {
    (void)state;
    assert_int_equal(tarn_key_root_of("events/2026/x.parquet"), 7);
    assert_int_equal(tarn_key_root_of("ns/acme/events/2026/x.parquet"), 15);
    assert_int_equal(tarn_key_root_of("ns/acme/x.parquet"), 8);
    assert_int_equal(tarn_key_root_of("ns/x.parquet"), 3);
    assert_int_equal(tarn_key_root_of("nsx/x.parquet"), 4);
    assert_int_equal(tarn_key_root_of("x.parquet"), 0);
}

static void assert_parsed(const char *key, enum tarn_level level, int compacted, const char *lo,
                          const char *hi) {
    struct tarn_key_info info;
    assert_int_equal(tarn_key_parse(key, tarn_key_root_of(key), &info), 0);
    assert_int_equal(info.level, level);
    assert_int_equal(info.compacted, compacted);
    assert_int_equal(info.format, strstr(key, ".jsonl") ? TARN_FILE_JSONL : TARN_FILE_PARQUET);
    assert_int_equal(info.lo, lo ? ms(lo) : TARN_TIME_MIN);
    assert_int_equal(info.hi, hi ? ms(hi) : TARN_TIME_MAX);
}

static void parsing(void **state) {
    static const char *const none[] = {
        "events/2026/02/02/14/x.csv",        "events/2026/02/02/14/.x.parquet",
        "events/2026/02/02/14/parquet",      "events/2026/02/02/14/.parquet",
        "events/2026/02/02/14/x.PARQUET",    "events/2026/.hidden/x.parquet",
        "events/_temporary/x.parquet",       "events/2026/02/02/14/",
        "events/2026/02/02/14/x.parquet.tmp"};
    struct tarn_key_info info;
    const char *lo = "2026-02-02 14:00:00";
    const char *hi = "2026-02-02 14:59:59.999";
    (void)state;
    assert_parsed("events/2026/02/02/14/01JJ.parquet", TARN_LEVEL_RAW, 0, lo, hi);
    assert_parsed("ns/a/events/2026/02/02/14/01JJ.parquet", TARN_LEVEL_RAW, 0, lo, hi);
    assert_parsed("events/2026/02/02/14/_compact_1.parquet", TARN_LEVEL_HOUR, 1, lo, hi);
    assert_parsed("events/2026/02/02/14/sub/x.parquet", TARN_LEVEL_RAW, 0, lo, hi);
    assert_parsed("events/2026/02/02/14/15/x.parquet", TARN_LEVEL_RAW, 0, lo, hi);
    assert_parsed("events/2026/02/02/14/_compact_1.jsonl", TARN_LEVEL_RAW, 0, lo, hi);
    assert_parsed("events/2026/02/02/_compact_1.parquet", TARN_LEVEL_DAY, 1, "2026-02-02",
                  "2026-02-02 23:59:59.999");
    assert_parsed("events/2024/02/x.jsonl", TARN_LEVEL_RAW, 0, "2024-02-01",
                  "2024-02-29 23:59:59.999");
    assert_parsed("events/2026/x.parquet", TARN_LEVEL_RAW, 0, "2026-01-01",
                  "2026-12-31 23:59:59.999");
    assert_parsed("events/x.parquet", TARN_LEVEL_RAW, 0, NULL, NULL);
    assert_parsed("events/region=eu/2026/02/02/14/x.parquet", TARN_LEVEL_RAW, 0, NULL, NULL);
    assert_parsed("events/_region=eu/x.parquet", TARN_LEVEL_RAW, 0, NULL, NULL);
    assert_parsed("events/2026/02/30/14/x.parquet", TARN_LEVEL_RAW, 0, "2026-02-01",
                  "2026-02-28 23:59:59.999");
    assert_parsed("events/2026/13/01/14/x.parquet", TARN_LEVEL_RAW, 0, "2026-01-01",
                  "2026-12-31 23:59:59.999");
    assert_parsed("events/2026/02/02/24/x.parquet", TARN_LEVEL_RAW, 0, "2026-02-02",
                  "2026-02-02 23:59:59.999");
    assert_parsed("events/2026/2/02/14/x.parquet", TARN_LEVEL_RAW, 0, "2026-01-01",
                  "2026-12-31 23:59:59.999");
    assert_parsed("events/+026/02/x.parquet", TARN_LEVEL_RAW, 0, NULL, NULL);
    assert_parsed("events/0000/01/01/00/x.parquet", TARN_LEVEL_RAW, 0, "0000-01-01",
                  "0000-01-01 00:59:59.999");
    assert_parsed("events/9999/12/31/23/x.parquet", TARN_LEVEL_RAW, 0, "9999-12-31 23:00",
                  "9999-12-31 23:59:59.999");
    for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
        assert_int_equal(tarn_key_parse(none[i], tarn_key_root_of(none[i]), &info), -1);
    }
}

static void glob_table(void **state) {
    static const struct {
        const char *pattern, *key;
        int matches;
    } t[] = {
        {"events/2026/02/02/14/*", "events/2026/02/02/14/x.parquet", 1},
        {"events/2026/02/02/14/*", "events/2026/02/02/15/x.parquet", 0},
        {"events/2026/02/02/*", "events/2026/02/02/14/x.parquet", 0},
        {"events/2026/02/02/*/*.parquet", "events/2026/02/02/14/x.parquet", 1},
        {"events/2026/02/02/*/*.parquet", "events/2026/02/02/14/x.jsonl", 0},
        {"events/**", "events/2026/02/02/14/x.parquet", 1},
        {"events/2026/**/*.parquet", "events/2026/02/02/14/x.parquet", 1},
        {"events/2026/**/*.parquet", "events/2026/x.parquet", 1},
        {"**/x", "x", 1},
        {"**/x", "a/b/x", 1},
        {"**/x", "ax", 0},
        {"a**/x", "abc/d/x", 1},
        {"a/**b", "a/c/db", 1},
        {"a/**/b/**/c", "a/b/c", 1},
        {"a/**/b/**/c", "a/x/b/y/z/c", 1},
        {"a/**/b/**/c", "a/x/c", 0},
        {"***", "a/b", 1},
        {"*", "", 1},
        {"", "", 1},
        {"", "a", 0},
        {"a", "a", 1},
        {"a", "A", 0},
        {"a?c", "abc", 1},
        {"a?c", "a/c", 0},
        {"a?c",
         "a\xc3\xbc"
         "c",
         1},
        {"a??c",
         "a\xc3\xbc"
         "c",
         0},
        {"[abc]", "b", 1},
        {"[^abc]", "b", 0},
        {"[^abc]", "d", 1},
        {"[^abc]", "/", 0},
        {"[!-0]", "/", 0},
        {"[a-c]x", "bx", 1},
        {"[a-c]x", "dx", 0},
        {"[a-]", "-", 1},
        {"[]a]", "]", 1},
        {"[^]a]", "]", 0},
        {"[\xc3\xa4-\xc3\xbc]", "\xc3\xb6", 1},
        {"[abc", "a", 0},
        {"[", "[", 0},
        {"*.parquet", "a.parquet.parquet", 1},
        {"*a*b*c", "xaxbxc", 1},
        {"*a*b*c", "xaxcxb", 0},
        {"*x*/y", "1x2x/y", 1},
        {"**a*/b", "a/a1/b", 1},
        {"**a/b*c", "xa/ba/bxc", 1},
        {"*\xc3\xbc", "gr\xc3\xbc", 1},
    };
    (void)state;
    for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
        if (tarn_glob_match(t[i].pattern, t[i].key) != t[i].matches) {
            fail_msg("GLOB %s on %s: expected %d", t[i].pattern, t[i].key, t[i].matches);
        }
    }
    assert_int_equal(tarn_glob_literal("events/2026/*"), 12);
    assert_int_equal(tarn_glob_literal("events/2026/0[12]/**"), 13);
    assert_int_equal(tarn_glob_literal("plain"), 5);
    assert_int_equal(tarn_glob_literal("?"), 0);
}

/* The definition, by trying everything: slow and plainly right. ASCII, no classes. */
static int by_definition(const char *start, const char *p, const char *s) {
    if (!*p) {
        return !*s;
    }
    if (p[0] == '*' && p[1] == '*') {
        const char *rest = p + strspn(p, "*");
        if ((p == start || p[-1] == '/') && *rest == '/' && by_definition(start, rest + 1, s)) {
            return 1;
        }
        for (;; s++) {
            if (by_definition(start, rest, s)) {
                return 1;
            }
            if (!*s) {
                return 0;
            }
        }
    }
    if (*p == '*') {
        for (;; s++) {
            if (by_definition(start, p + 1, s)) {
                return 1;
            }
            if (!*s || *s == '/') {
                return 0;
            }
        }
    }
    return *s && (*p == '?' ? *s != '/' : *p == *s) && by_definition(start, p + 1, s + 1);
}

static void glob_random(void **state) {
    static const char letters[] = "ab/*?*/";
    unsigned seed = 7;
    int matches = 0;
    (void)state;
    for (int i = 0; i < 300000; i++) {
        char p[9] = "";
        char s[9] = "";
        int np = rand_r(&seed) % 8;
        int ns = rand_r(&seed) % 8;
        for (int j = 0; j < np; j++) {
            p[j] = letters[rand_r(&seed) % 7];
        }
        for (int j = 0; j < ns; j++) {
            s[j] = letters[rand_r(&seed) % 3];
        }
        int expected = by_definition(p, p, s);
        matches += expected;
        if (tarn_glob_match(p, s) != expected) {
            fail_msg("GLOB %s on %s: expected %d", p, s, expected);
        }
    }
    assert_in_range(matches, 10000, 200000);
}

/* A pattern that makes backtracking matchers take years; and one that is too long. */
static void glob_hostile(void **state) {
    char *pattern = tarn_calloc(1, TARN_GLOB_MAX + 8);
    char key[1025] = "";
    (void)state;
    for (int i = 0; i < 1000; i++) {
        memcpy(pattern + (size_t)i * 4, "**a*", 4);
    }
    pattern[4000] = 'b';
    memset(key, 'a', 1024);
    assert_int_equal(tarn_glob_match(pattern, key), 0);
    pattern[4000] = 0;
    assert_int_equal(tarn_glob_match(pattern, key), 1);
    memset(pattern, '*', TARN_GLOB_MAX);
    assert_int_equal(tarn_glob_match(pattern, key), 1);
    pattern[TARN_GLOB_MAX] = '*';
    assert_int_equal(tarn_glob_match(pattern, key), 0);
    memset(pattern, 0, TARN_GLOB_MAX + 8);
    for (int i = 0; i < 1000; i++) {
        memcpy(pattern + (size_t)i * 3, "**/", 3);
    }
    assert_int_equal(tarn_glob_match(pattern, key), 0);
    tarn_free(pattern);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names),       cmocka_unit_test(prefixes),     cmocka_unit_test(building),
        cmocka_unit_test(roots),       cmocka_unit_test(parsing),      cmocka_unit_test(glob_table),
        cmocka_unit_test(glob_random), cmocka_unit_test(glob_hostile),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
