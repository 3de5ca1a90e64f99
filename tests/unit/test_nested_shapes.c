/* Nested columns of files made by hand: the rules for old lists, maps that are odd, leaves that
** contradict each other, allocations that fail. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "mem.h"
#include "nested_fixture.h"
#include "raw_nested.h"

#define TEXT(s) s, sizeof(s) - 1

static const char one_two[] = "\1\0\0\0\2\0\0\0\3\0\0";

static int read_shape(const struct raw_node *nodes, int n, const struct raw_chunk *chunks,
                      int64_t rows, struct tarn_buf *out, struct tarn_err *err) {
    struct tarn_buf file;
    struct nested_file f;
    int rc = 0;

    memset(&f, 0, sizeof f);
    memset(err, 0, sizeof *err);
    raw_nested(&file, nodes, n, chunks, rows);
    rc = nested_open_bytes(&f, file.data, file.len, err);
    tarn_buf_init(out, 1 << 20);
    if (!rc) rc = nested_text(&f, 1, -1, 2, out, err);
    if (!rc) nested_check_random(&f, 1, -1, out);
    tarn_buf_u8(out, 0);
    nested_close(&f);
    tarn_buf_release(&file);
    return rc;
}

static void expect(const struct raw_node *nodes, int n, const struct raw_chunk *chunks,
                   int64_t rows, const char *text) {
    struct tarn_buf out;
    struct tarn_err err;

    if (read_shape(nodes, n, chunks, rows, &out, &err)) fail_msg("%s", err.msg);
    assert_string_equal((char *)out.data, text);
    tarn_buf_release(&out);
}

static void expect_fault(const struct raw_node *nodes, int n, const struct raw_chunk *chunks,
                         int64_t rows, const char *message) {
    struct tarn_buf out;
    struct tarn_err err;

    assert_int_equal(read_shape(nodes, n, chunks, rows, &out, &err), TARN_ECORRUPT);
    if (!strstr(err.msg, message)) fail_msg("%s", err.msg);
    tarn_buf_release(&out);
}

/* A list whose inner group has one optional leaf, under several names: [1,null] []. */
static void test_inner_names(void **state) {
    static const char *const t[][3] = {
        {"my_list", "list", "[1,null]\n[]\n"},
        {"my_list", "element", "[1,null]\n[]\n"},
        {"my_list", "bag", "[1,null]\n[]\n"},
        {"my_list", "array", "[{\"x\":1},{\"x\":null}]\n[]\n"},
        {"my_list", "my_list_tuple", "[{\"x\":1},{\"x\":null}]\n[]\n"},
        {"my_list", "other_tuple", "[1,null]\n[]\n"},
    };
    static const struct raw_entries page = {"010", "320", one_two, 4, 0, 0, 0};

    (void)state;
    for (size_t i = 0; i < sizeof t / sizeof t[0]; i++) {
        struct raw_node nodes[] = {
            {"root", -1, 0, 1, 0, 0, 0},
            {t[i][0], -1, TARN_OPTIONAL, 1, RAW_LIST, 0, 0},
            {t[i][1], -1, TARN_REPEATED, 1, 0, 0, 0},
            {"x", TARN_INT32, TARN_OPTIONAL, 0, 0, 0, 0},
        };
        struct raw_entries p = page;
        struct raw_chunk chunk = {&p, 1, 0, NULL};
        p.def = "321";
        expect(nodes, 4, &chunk, 2, t[i][2]);
        nodes[1].converted = 0; /* no annotation: a struct of a list of structs */
        {
            struct tarn_buf want = TARN_BUF_INIT(1000);
            tarn_buf_printf(&want, "{\"%s\":[{\"x\":1},{\"x\":null}]}\n{\"%s\":[]}\n", t[i][1],
                            t[i][1]);
            tarn_buf_u8(&want, 0);
            expect(nodes, 4, &chunk, 2, (char *)want.data);
            tarn_buf_release(&want);
        }
    }
}

/* The element is the repeated leaf; a group of two; a group with a repeated field; a list. */
static void test_two_levels(void **state) {
    static const struct raw_node leaf[] = {{"root", -1, 0, 1, 0, 0, 0},
                                           {"l", -1, TARN_OPTIONAL, 1, RAW_LIST, 0, 0},
                                           {"e", TARN_INT32, TARN_REPEATED, 0, 0, 0, 0}};
    static const struct raw_node pair[] = {{"root", -1, 0, 1, 0, 0, 0},
                                           {"l", -1, TARN_REQUIRED, 1, RAW_LIST, 0, 0},
                                           {"e", -1, TARN_REPEATED, 2, 0, 0, 0},
                                           {"x", TARN_INT32, TARN_REQUIRED, 0, 0, 0, 0},
                                           {"y", TARN_INT32, TARN_OPTIONAL, 0, 0, 0, 0}};
    static const struct raw_node group[] = {{"root", -1, 0, 1, 0, 0, 0},
                                            {"l", -1, TARN_OPTIONAL, 1, RAW_LIST, 0, 0},
                                            {"e", -1, TARN_REPEATED, 1, 0, 0, 0},
                                            {"x", TARN_INT32, TARN_REPEATED, 0, 0, 0, 0}};
    static const struct raw_entries leaf_page = {"0100", "2210", one_two, 8, 0, 0, 0},
                                    x = {"010", "110", one_two, 8, 0, 0, 0},
                                    y = {"010", "210", one_two, 4, RAW_V2, 0, 0},
                                    deep = {"02100", "33210", one_two, 8, 0, 0, 0};
    struct raw_chunk leaf_chunk = {&leaf_page, 1, 0, NULL}, deep_chunk = {&deep, 1, 0, NULL},
                     pair_chunks[] = {{&x, 1, 0, NULL}, {&y, 1, 0, NULL}};
    struct raw_node lists[4];

    (void)state;
    expect(leaf, 3, &leaf_chunk, 3, "[1,2]\n[]\nNULL\n");
    expect(pair, 5, pair_chunks, 2, "[{\"x\":1,\"y\":1},{\"x\":2,\"y\":null}]\n[]\n");
    expect(group, 4, &deep_chunk, 3, "[{\"x\":[1,2]},{\"x\":[]}]\n[]\nNULL\n");
    memcpy(lists, group, sizeof lists);
    lists[2].converted = RAW_LIST;
    expect(lists, 4, &deep_chunk, 3, "[[1,2],[]]\n[]\nNULL\n");
}

/* Keys: twice the same, NULL, numbers, groups; maps that are not built like one. */
static void test_maps(void **state) {
    struct raw_node nodes[] = {
        {"root", -1, 0, 1, 0, 0, 0},
        {"m", -1, TARN_OPTIONAL, 1, RAW_MAP, 0, 0},
        {"map", -1, TARN_REPEATED, 2, RAW_MAP_KEY_VALUE, 0, 0},
        {"key", TARN_BYTE_ARRAY, TARN_OPTIONAL, 0, RAW_UTF8, 0, 0},
        {"value", TARN_INT32, TARN_REQUIRED, 0, 0, 0, 0},
    };
    static const struct raw_node keyed[] = {
        {"root", -1, 0, 1, 0, 0, 0},
        {"m", -1, TARN_REQUIRED, 1, RAW_MAP_KEY_VALUE, 0, 0},
        {"map", -1, TARN_REPEATED, 2, 0, 0, 0},
        {"key", -1, TARN_REQUIRED, 2, 0, 0, 0},
        {"a", TARN_INT32, TARN_REQUIRED, 0, 0, 0, 0},
        {"b", TARN_BYTE_ARRAY, TARN_REQUIRED, 0, RAW_UTF8, 0, 0},
        {"value", TARN_INT32, TARN_OPTIONAL, 0, 0, 0, 0},
    };
    static const struct raw_entries key = {"01100", "33210", TEXT("\1\0\0\0k\1\0\0\0k"), 0, 0, 0},
                                    value = {"01100", "22210", one_two, 12, 0, 0, 0},
                                    a = {"01", "11", one_two, 8, 0, 0, 0},
                                    b = {"01", "11", TEXT("\1\0\0\0x\1\0\0\0\""), 0, 0, 0},
                                    v = {"01", "21", one_two, 4, 0, 0, 0};
    struct raw_chunk chunks[] = {{&key, 1, 0, NULL}, {&value, 1, 0, NULL}},
                     groups[] = {{&a, 1, 0, NULL}, {&b, 1, 0, NULL}, {&v, 1, 0, NULL}};

    (void)state;
    expect(nodes, 5, chunks, 3, "{\"k\":1,\"k\":2,\"null\":3}\n{}\nNULL\n");
    expect(keyed, 7, groups, 1,
           "{\"{\\\"a\\\":1,\\\"b\\\":\\\"x\\\"}\":1,"
           "\"{\\\"a\\\":2,\\\"b\\\":\\\"\\\\\\\"\\\"}\":null}\n");
    nodes[2].repetition = TARN_OPTIONAL; /* not a map: a struct of a struct */
    {
        static const struct raw_entries k = {NULL, "310", TEXT("\1\0\0\0k"), 0, 0, 0},
                                        w = {NULL, "210", one_two, 4, 0, 0, 0};
        struct raw_chunk plain[] = {{&k, 1, 0, NULL}, {&w, 1, 0, NULL}};
        expect(nodes, 5, plain, 3, "{\"map\":{\"key\":\"k\",\"value\":1}}\n{\"map\":null}\nNULL\n");
    }
}

/* Groups that hold nothing have no levels to ask. */
static void test_empty_group(void **state) {
    static const struct raw_node nodes[] = {
        {"root", -1, 0, 1, 0, 0, 0},
        {"s", -1, TARN_OPTIONAL, 2, 0, 0, 0},
        {"nothing", -1, TARN_REQUIRED, 0, 0, 0, 0},
        {"x", TARN_INT32, TARN_OPTIONAL, 0, 0, 0, 0},
    };
    static const struct raw_entries page = {NULL, "210", one_two, 4, 0, 0, 0};
    struct raw_chunk chunk = {&page, 1, 0, NULL};

    (void)state;
    expect(nodes, 4, &chunk, 3, "{\"nothing\":{},\"x\":1}\n{\"nothing\":{},\"x\":null}\nNULL\n");
}

/* Two leaves of one list that do not say the same. */
static void test_contradictions(void **state) {
    static const struct raw_node nodes[] = {{"root", -1, 0, 1, 0, 0, 0},
                                            {"s", -1, TARN_OPTIONAL, 2, 0, 0, 0},
                                            {"a", TARN_INT32, TARN_REPEATED, 0, 0, 0, 0},
                                            {"l", -1, TARN_REPEATED, 2, 0, 0, 0},
                                            {"x", TARN_INT32, TARN_REQUIRED, 0, 0, 0, 0},
                                            {"y", TARN_INT32, TARN_OPTIONAL, 0, 0, 0, 0}};
    static const struct raw_entries a = {"00", "10", NULL, 0, 0, 0, 0},
                                    x = {"010", "220", one_two, 8, 0, 0, 0};
    static const char *const wrong[][2] = {
        {"00", "20"},     /* the list ends sooner */
        {"0110", "2220"}, /* ... later */
        {"010", "200"},   /* an element is not there */
        {"010", "211"},   /* the struct is there in row 1 */
        {"000", "220"},   /* the list is two rows */
    };
    struct raw_entries y = {"010", "320", one_two, 4, 0, 0, 0};
    struct raw_chunk chunks[] = {{&a, 1, 0, NULL}, {&x, 1, 0, NULL}, {&y, 1, 0, NULL}};

    (void)state;
    expect(nodes, 6, chunks, 2,
           "{\"a\":[],\"l\":[{\"x\":1,\"y\":1},{\"x\":2,\"y\":null}]}\nNULL\n");
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        y.rep = wrong[i][0];
        y.def = wrong[i][1];
        y.n_values = 0;
        expect_fault(nodes, 6, chunks, 2, i == 4 ? "more rows" : "levels contradict");
    }
}

/* Each allocation fails in turn: the error says so, and nothing leaks. */
static void test_no_memory(void **state) {
    struct nested_file f;
    struct tarn_buf out = TARN_BUF_INIT(1 << 20);
    int node = 0;
    unsigned long n = 1;

    (void)state;
    if (!nested_open_data(&f, "parquet-testing/data/nullable.impala.parquet")) skip();
    node = nested_node(&f, "nested_struct");
    tarn_buf_reserve(&out, 1 << 16);
    for (int rc = TARN_ENOMEM; rc != TARN_OK; n++) {
        struct tarn_err err = {0};
        out.len = 0;
        tarn_mem_fail_after(n, 0);
        rc = nested_text(&f, node, -1, 3, &out, &err);
        tarn_mem_fail_after(0, 0);
        if (rc) assert_int_equal(rc, TARN_ENOMEM);
        if (rc) assert_non_null(strstr(err.msg, "memory"));
        assert_true(n < 2000);
    }
    assert_true(n > 20);
    tarn_buf_release(&out);
    nested_close(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_inner_names),    cmocka_unit_test(test_two_levels),
        cmocka_unit_test(test_maps),           cmocka_unit_test(test_empty_group),
        cmocka_unit_test(test_contradictions), cmocka_unit_test(test_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
