/* Leaves in lists, entry by entry: versions of pages and levels, rows that go on over pages, skipping
** with and without an index, and every claim that may be wrong. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "leaf_read.h"
#include "nested_fixture.h"
#include "raw_nested.h"

/* optional group a (LIST) { repeated group list { optional int32 element } }: rep 1, def 3 */
static const struct raw_node schema[] = {
    {"root", -1, 0, 1, 0, 0, 0},
    {"a", -1, TARN_OPTIONAL, 1, RAW_LIST, 0, 0},
    {"list", -1, TARN_REPEATED, 1, 0, 0, 0},
    {"element", TARN_INT32, TARN_OPTIONAL, 0, 0, 0, 0},
};
static const int32_t numbers[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10};

struct open {
    struct tarn_buf file;
    struct nested_file f;
    struct tarn_decompressor codec;
    struct tarn_pq_counters counters;
    struct tarn_leaf leaf;
    struct tarn_err err;
};

static int open_pages(struct open *o, const struct raw_entries *pages, int n, int64_t rows,
                      int64_t values, const int64_t *first_rows) {
    struct raw_chunk chunk = {pages, n, values, first_rows};
    struct tarn_chunk_spec spec;

    memset(o, 0, sizeof *o);
    raw_nested(&o->file, schema, 4, &chunk, rows);
    assert_int_equal(nested_open_bytes(&o->f, o->file.data, o->file.len, &o->err), TARN_OK);
    memset(&spec, 0, sizeof spec);
    spec.footer = o->f.footer;
    spec.src = &o->f.src;
    spec.codec = &o->codec;
    spec.budget = &o->f.budget;
    spec.counters = &o->counters;
    return tarn_leaf_open(&o->leaf, &spec, &o->err);
}

static void close_pages(struct open *o) {
    tarn_leaf_release(&o->leaf);
    assert_int_equal(o->f.budget.used, 0);
    nested_close(&o->f);
    tarn_decompressor_release(&o->codec);
    tarn_buf_release(&o->file);
}

/* Entries from the leaf's place to the chunk's end: "rep def [value]," each. */
static int rest(struct open *o, char *out, size_t room) {
    struct tarn_leaf *l = &o->leaf;
    size_t n = 0;
    int rc;

    out[0] = '\0';
    while ((rc = tarn_leaf_peek(l, &o->err)) == TARN_OK && !l->ended) {
        n += (size_t)snprintf(out + n, room - n, "%d%d", l->rep[l->at], l->def[l->at]);
        if (l->def[l->at] == 3)
            n += (size_t)snprintf(out + n, room - n, "=%d",
                                  (int)l->values.values.i32[tarn_vector_at(&l->values, l->value)]);
        n += (size_t)snprintf(out + n, room - n, " ");
        tarn_leaf_next(l);
    }
    return rc;
}

#define ALL "03=1 13=2 01 03=3 12 13=4 00 03=5 "

/* [1,2] [] [3,null,4] NULL [5], in one page of each kind, and in several. */
static void test_pages(void **state) {
    static const struct raw_entries one = {"01001100", "33132303", numbers, 20, 0, 0, 0};
    static const unsigned kinds[] = {0, RAW_V2, RAW_BIT_PACKED};
    char text[200];
    struct open o;

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct raw_entries page = one;
        page.flags = kinds[i];
        assert_int_equal(open_pages(&o, &page, 1, 5, 0, NULL), TARN_OK);
        assert_int_equal(rest(&o, text, sizeof text), TARN_OK);
        assert_string_equal(text, ALL);
        for (uint32_t row = 0; row < 5; row++) {
            static const char *const tails[] = {ALL, "01 03=3 12 13=4 00 03=5 ",
                                                "03=3 12 13=4 00 03=5 ", "00 03=5 ", "03=5 "};
            assert_int_equal(tarn_leaf_seek(&o.leaf, 4 - row, &o.err), TARN_OK);
            assert_int_equal(rest(&o, text, sizeof text), TARN_OK);
            assert_string_equal(text, tails[4 - row]);
        }
        close_pages(&o);
    }
}

/* Version 1 pages that end inside a row, with empty pages between, dictionary and not. */
static void test_continued(void **state) {
    static const uint8_t codes[] = {2, 2 << 1, 0, 1 << 1, 1}; /* 0 0 1 in 2 bits */
    struct raw_entries pages[] = {
        {NULL, NULL, numbers, 8, RAW_DICTIONARY, 2, 0},
        {"01", "33", numbers, 8, 0, 0, 0},
        {"", "", NULL, 0, 0, 0, 0},
        {"1", "2", NULL, 0, 0, 0, 0},
        {"111", "333", codes, sizeof codes, RAW_CODES, 0, 0},
        {"10", "33", numbers + 4, 8, RAW_BIT_PACKED, 0, 0},
    };
    char text[200];
    struct open o;

    (void)state;
    assert_int_equal(open_pages(&o, pages, 6, 2, 0, NULL), TARN_OK);
    assert_int_equal(rest(&o, text, sizeof text), TARN_OK);
    assert_string_equal(text, "03=1 13=2 12 13=1 13=1 13=2 13=5 03=6 ");
    assert_int_equal(tarn_leaf_seek(&o.leaf, 1, &o.err), TARN_OK);
    assert_int_equal(rest(&o, text, sizeof text), TARN_OK);
    assert_string_equal(text, "03=6 ");
    close_pages(&o);
}

/* An index that tells the truth is used, one that lies is dropped: rows are right either way. */
static void test_index(void **state) {
    static const int64_t truth[] = {0, 2, 3}, lie[] = {0, 1, 3};
    struct raw_entries pages[] = {
        {"001", "333", numbers, 12, 0, 0, 0},
        {"0", "1", NULL, 0, 0, 0, 0},
        {"0101", "3333", numbers + 3, 16, 0, 0, 0},
    };
    char text[200];
    struct open o;

    (void)state;
    for (int lies = 0; lies < 2; lies++) {
        assert_int_equal(open_pages(&o, pages, 3, 5, 0, lies ? lie : truth), TARN_OK);
        assert_int_equal(rest(&o, text, sizeof text), TARN_OK);
        o.counters.pages_decoded = 0; /* going back calls for the index */
        assert_int_equal(tarn_leaf_seek(&o.leaf, 3, &o.err), TARN_OK);
        if (!lies) assert_int_equal(o.counters.pages_decoded, 1);
        assert_int_equal(rest(&o, text, sizeof text), TARN_OK);
        assert_string_equal(text, "03=4 13=5 03=6 13=7 ");
        assert_int_equal(tarn_leaf_seek(&o.leaf, 2, &o.err), TARN_OK);
        assert_int_equal(rest(&o, text, sizeof text), TARN_OK);
        assert_string_equal(text, "01 03=4 13=5 03=6 13=7 ");
        assert_int_equal(o.leaf.index.n, lies ? 0 : 3);
        close_pages(&o);
    }
}

static void check_corrupt(const struct raw_entries *pages, int n, int64_t rows, int64_t values,
                          const char *message) {
    char text[400];
    struct open o;
    int rc = open_pages(&o, pages, n, rows, values, NULL);

    if (!rc) rc = rest(&o, text, sizeof text);
    assert_int_equal(rc, TARN_ECORRUPT);
    if (!strstr(o.err.msg, message)) fail_msg("%s", o.err.msg);
    assert_non_null(strstr(o.err.msg, "row group 0, column a.list.element, page at offset"));
    close_pages(&o);
}

static void test_corrupt(void **state) {
    static const uint8_t beyond[] = {1, 1 << 1, 1};
    static const struct raw_entries fresh = {"10", "33", numbers, 8, 0, 0, 0},
                                    high_def = {"00", "37", numbers, 8, RAW_V2, 0, 0},
                                    few = {"00", "33", numbers, 4, 0, 0, 0},
                                    short_levels = {"00", "33", numbers, 8, 0, 3, 0},
                                    bits = {"00", "33", numbers, 0, RAW_BIT_PACKED, 200, 0},
                                    good = {"00", "33", numbers, 8, 0, 0, 0},
                                    codes[] = {{NULL, NULL, numbers, 4, RAW_DICTIONARY, 1, 0},
                                               {"0", "3", beyond, 3, RAW_CODES, 0, 0}};

    (void)state;
    check_corrupt(&fresh, 1, 1, 0, "the first value does not begin a row");
    check_corrupt(&few, 1, 2, 0, "fewer values");
    check_corrupt(&short_levels, 1, 3, 0, "levels end before");
    check_corrupt(&bits, 1, 200, 0, "levels are longer than the page");
    check_corrupt(&good, 1, 1, 0, "more rows than the row group");
    check_corrupt(&good, 1, 3, 0, "other numbers of rows or values");
    check_corrupt(&good, 1, 2, 1, "other numbers of rows or values");
    check_corrupt(&good, 1, 2, 3, "other numbers of rows or values");
    check_corrupt(codes, 2, 1, 0, "beyond the dictionary");
    check_corrupt(&high_def, 1, 2, 0, "above the column's");
}

/* Four thousand million entries in a few bytes: the first ones cost what they are. */
static void test_claims(void **state) {
    static const struct raw_entries page = {"0", "0", NULL, 0, 0, UINT32_MAX / 2, UINT32_MAX / 2};
    struct open o;

    (void)state;
    assert_int_equal(open_pages(&o, &page, 1, INT32_MAX, 0, NULL), TARN_OK);
    assert_int_equal(tarn_leaf_seek(&o.leaf, 1000, &o.err), TARN_OK);
    assert_int_equal(o.leaf.begun, 1000);
    assert_int_equal(o.leaf.def[o.leaf.at], 0);
    assert_int_equal(tarn_leaf_seek(&o.leaf, 1000000000, &o.err), TARN_OK);
    assert_int_equal(o.leaf.begun, 1000000000);
    assert_true(o.f.budget.used < 1 << 20);
    close_pages(&o);
}

/* A row whose list goes on for very long is passed, not decoded; so are values in a long run. */
static void test_long_rows(void **state) {
    static const uint8_t run[] = {1, 0xfe, 0xff, 0xff, 0xff, 0x0f, 0}; /* many times code 0 */
    struct raw_entries pages[] = {
        {NULL, NULL, numbers, 4, RAW_DICTIONARY, 1, 0},
        {"0", "3", run, sizeof run, RAW_CODES, 0, 0},
        {"1", "3", run, sizeof run, RAW_CODES, 2000000000, 2000000000},
        {"1", "2", NULL, 0, RAW_V2, 2000000000, 2000000000},
        {"0", "3", numbers + 1, 4, 0, 0, 0},
    };
    struct open o;

    (void)state;
    assert_int_equal(open_pages(&o, pages, 5, 2, 0, NULL), TARN_OK);
    assert_int_equal(tarn_leaf_seek(&o.leaf, 1, &o.err), TARN_OK);
    assert_int_equal(o.leaf.values.values.i32[0], 2);
    close_pages(&o);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pages),  cmocka_unit_test(test_continued),
        cmocka_unit_test(test_index),  cmocka_unit_test(test_corrupt),
        cmocka_unit_test(test_claims), cmocka_unit_test(test_long_rows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
