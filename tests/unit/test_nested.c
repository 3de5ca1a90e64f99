/* Nested columns as JSON: real files of many writers (the expected rows agree with what DuckDB
** 1.5.6 and hyparquet say of them, except where the comment says so), reads of some rows against
** reads of all, and files with damage. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "mem.h"
#include "nested_fixture.h"
#include "sanitized.h"

#define APACHE "parquet-testing/data/"
#define HYPARQUET "hyparquet/test/files/"

struct expected {
    const char *file, *column, *rows;
};

static const struct expected lists[] = {
    {APACHE "null_list.parquet", "emptylist", "[]\n"},
    {APACHE "old_list_structure.parquet", "a", "[[1,2],[3,4]]\n"},
    {APACHE "list_columns.parquet", "int64_list", "[1,2,3]\n[null,1]\n[4]\n"},
    {APACHE "list_columns.parquet", "utf8_list",
     "[\"abc\",\"efg\",\"hij\"]\nNULL\n[\"efg\",null,\"hij\",\"xyz\"]\n"},
    {APACHE "nested_lists.snappy.parquet", "a",
     "[[[\"a\",\"b\"],[\"c\"]],[null,[\"d\"]]]\n"
     "[[[\"a\",\"b\"],[\"c\",\"d\"]],[null,[\"e\"]]]\n"
     "[[[\"a\",\"b\"],[\"c\",\"d\"],[\"e\"]],[null,[\"f\"]]]\n"},
    {APACHE "repeated_primitive_no_list.parquet", "Int32_list", "[0,1,2,3]\n[]\n[4]\n[5,6,7,8]\n"},
    {APACHE "repeated_primitive_no_list.parquet", "group_of_lists",
     "{\"Int32_list_in_group\":[0,1,2,3],\"String_list_in_group\":[\"foo\",\"zero\",\"one\","
     "\"two\"]}\n"
     "{\"Int32_list_in_group\":[],\"String_list_in_group\":[\"three\"]}\n"
     "{\"Int32_list_in_group\":[4],\"String_list_in_group\":[\"four\"]}\n"
     "{\"Int32_list_in_group\":[5,6,7,8],\"String_list_in_group\":[\"five\",\"six\",\"seven\","
     "\"eight\"]}\n"},
    {APACHE "repeated_no_annotation.parquet", "phoneNumbers",
     "NULL\nNULL\n{\"phone\":[]}\n{\"phone\":[{\"number\":5555555555,\"kind\":null}]}\n"
     "{\"phone\":[{\"number\":1111111111,\"kind\":\"home\"}]}\n"
     "{\"phone\":[{\"number\":1111111111,\"kind\":\"home\"},{\"number\":2222222222,\"kind\":null},"
     "{\"number\":3333333333,\"kind\":\"mobile\"}]}\n"},
    {APACHE "datapage_v2.snappy.parquet", "e", "[1,2,3]\nNULL\nNULL\n[1,2,3]\n[1,2]\n"},
    {APACHE "nullable.impala.parquet", "int_array",
     "[1,2,3]\n[null,1,2,null,3,null]\n[]\nNULL\nNULL\nNULL\nNULL\n"},
    {APACHE "nullable.impala.parquet", "int_array_Array",
     "[[1,2],[3,4]]\n[[null,1,2,null],[3,null,4],[],null]\n[null]\n[]\nNULL\nNULL\n"
     "[null,[5,6]]\n"},
    {APACHE "nonnullable.impala.parquet", "int_array_array", "[[-1,-2],[]]\n"},
};

/* A map without values has null ones: DuckDB refuses such files, hyparquet has no golden rows. */
static const struct expected maps[] = {
    {APACHE "nested_maps.snappy.parquet", "a",
     "{\"a\":{\"1\":true,\"2\":false}}\n{\"b\":{\"1\":true}}\n{\"c\":null}\n{\"d\":{}}\n"
     "{\"e\":{\"1\":true}}\n{\"f\":{\"3\":true,\"4\":false,\"5\":true}}\n"},
    {APACHE "map_no_value.parquet", "my_map",
     "{\"1\":null,\"2\":null,\"3\":null}\n{\"4\":null,\"5\":null,\"6\":null}\n"
     "{\"7\":null,\"8\":null,\"9\":null}\n"},
    {APACHE "map_no_value.parquet", "my_map_no_v",
     "{\"1\":null,\"2\":null,\"3\":null}\n{\"4\":null,\"5\":null,\"6\":null}\n"
     "{\"7\":null,\"8\":null,\"9\":null}\n"},
    {APACHE "incorrect_map_schema.parquet", "my_map",
     "{\"parent\":\"another\",\"name\":\"report\"}\n"},
    {APACHE "nonnullable.impala.parquet", "int_map_array", "[{},{\"k1\":1},{},{}]\n"},
    {APACHE "nullable.impala.parquet", "int_map",
     "{\"k1\":1,\"k2\":100}\n{\"k1\":2,\"k2\":null}\n{}\n{}\n{}\nNULL\n{\"k1\":null,\"k3\":null}"
     "\n"},
};

static const struct expected structs[] = {
    {APACHE "nonnullable.impala.parquet", "nested_Struct",
     "{\"a\":-1,\"B\":[-1],\"c\":{\"D\":[[{\"e\":-1,\"f\":\"nonnullable\"}]]},\"G\":{}}\n"},
    {APACHE "nullable.impala.parquet", "nested_struct",
     "{\"A\":1,\"b\":[1],\"C\":{\"d\":[[{\"E\":10,\"F\":\"aaa\"},{\"E\":-10,\"F\":\"bbb\"}],"
     "[{\"E\":11,\"F\":\"c\"}]]},\"g\":{\"foo\":{\"H\":{\"i\":[1.1]}}}}\n"
     "{\"A\":null,\"b\":[null],\"C\":{\"d\":[[{\"E\":null,\"F\":null},{\"E\":10,\"F\":\"aaa\"},"
     "{\"E\":null,\"F\":null},{\"E\":-10,\"F\":\"bbb\"},{\"E\":null,\"F\":null}],"
     "[{\"E\":11,\"F\":\"c\"},null],[],null]},\"g\":{\"g1\":{\"H\":{\"i\":[2.2,null]}},"
     "\"g2\":{\"H\":{\"i\":[]}},\"g3\":null,\"g4\":{\"H\":{\"i\":null}},\"g5\":{\"H\":null}}}\n"
     "{\"A\":null,\"b\":null,\"C\":{\"d\":[]},\"g\":{}}\n"
     "{\"A\":null,\"b\":null,\"C\":{\"d\":null},\"g\":null}\n"
     "{\"A\":null,\"b\":null,\"C\":null,\"g\":{\"foo\":{\"H\":{\"i\":[2.2,3.3]}}}}\nNULL\n"
     "{\"A\":7,\"b\":[2,3,null],\"C\":{\"d\":[[],[null],null]},\"g\":null}\n"},
    {APACHE "nulls.snappy.parquet", "b_struct",
     "{\"b_c_int\":null}\n{\"b_c_int\":null}\n{\"b_c_int\":null}\n{\"b_c_int\":null}\n"
     "{\"b_c_int\":null}\n{\"b_c_int\":null}\n{\"b_c_int\":null}\n{\"b_c_int\":null}\n"},
    {APACHE "nested_structs.rust.parquet", "CVA_2016",
     "{\"min\":1000,\"max\":35195000,\"mean\":3519838,\"count\":495,\"sum\":1742320297,"
     "\"variance\":24581100553044}\n"},
    {HYPARQUET "struct_strings.parquet", "inner",
     "{\"str_field\":\"hello\",\"f64_field\":null}\n{\"str_field\":null,\"f64_field\":1.23}\n"},
    {HYPARQUET "hyparquet_struct.parquet", "person",
     "{\"name\":\"Ada\",\"address\":{\"city\":\"London\"}}\nNULL\n"
     "{\"name\":\"Ben\",\"address\":null}\n{\"name\":\"Cara\",\"address\":{\"city\":null}}\n"},
};

static void check(const struct expected *e) {
    struct nested_file f;
    struct tarn_err err = {0};
    struct tarn_buf out = TARN_BUF_INIT((size_t)1 << 20);
    int node;

    if (!nested_open_data(&f, e->file)) skip();
    node = nested_node(&f, e->column);
    assert_true(node > 0);
    for (uint32_t step = 1; step <= 256; step *= 4) {
        tarn_buf_clear(&out);
        if (nested_text(&f, node, -1, step, &out, &err)) fail_msg("%s", err.msg);
        tarn_buf_u8(&out, 0);
        assert_string_equal((char *)out.data, e->rows);
    }
    tarn_buf_release(&out);
    nested_close(&f);
}

#define CHECK_ALL(table)                                        \
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) \
    check(&table[i])

static void test_lists(void **state) {
    (void)state;
    CHECK_ALL(lists);
}

static void test_maps(void **state) {
    (void)state;
    CHECK_ALL(maps);
}

static void test_structs(void **state) {
    (void)state;
    CHECK_ALL(structs);
}

/* One leaf at a time, by the name that footers give it. */
static void test_leaves(void **state) {
    static const struct {
        const char *file, *column, *leaf, *rows;
    } t[] = {
        {APACHE "nullable.impala.parquet", "nested_struct", "nested_struct.A",
         "1\nNULL\nNULL\nNULL\nNULL\nNULL\n7\n"},
        {APACHE "nullable.impala.parquet", "nested_struct",
         "nested_struct.C.d.list.element.list.element.F",
         "[[\"aaa\",\"bbb\"],[\"c\"]]\n[[null,\"aaa\",null,\"bbb\",null],[\"c\",null],[],null]\n"
         "[]\nNULL\nNULL\nNULL\n[[],[null],null]\n"},
        {APACHE "nullable.impala.parquet", "int_map", "int_map.map.key",
         "[\"k1\",\"k2\"]\n[\"k1\",\"k2\"]\n[]\n[]\n[]\nNULL\n[\"k1\",\"k3\"]\n"},
        {APACHE "repeated_no_annotation.parquet", "phoneNumbers", "phoneNumbers.phone.kind",
         "NULL\nNULL\n[]\n[null]\n[\"home\"]\n[\"home\",null,\"mobile\"]\n"},
        {HYPARQUET "hyparquet_struct.parquet", "person", "person.name",
         "\"Ada\"\nNULL\n\"Ben\"\n\"Cara\"\n"},
    };
    struct nested_file f;
    struct tarn_err err = {0};
    struct tarn_buf out = TARN_BUF_INIT((size_t)1 << 20);

    (void)state;
    for (size_t i = 0; i < sizeof t / sizeof t[0]; i++) {
        int leaf;
        if (!nested_open_data(&f, t[i].file)) skip();
        leaf = tarn_pq_footer_column(f.footer, t[i].leaf);
        assert_true(leaf >= 0);
        tarn_buf_clear(&out);
        if (nested_text(&f, nested_node(&f, t[i].column), leaf, 7, &out, &err))
            fail_msg("%s", err.msg);
        tarn_buf_u8(&out, 0);
        assert_string_equal((char *)out.data, t[i].rows);
        nested_close(&f);
    }
    tarn_buf_release(&out);
}

/* Files with many rows or pages: rows that go on over pages, page indexes, several row groups. */
static void test_some_rows(void **state) {
    static const char *const files[] = {
        HYPARQUET "continued_page.parquet",
        HYPARQUET "rowend_struct.parquet",
        HYPARQUET "struct_offset_index.parquet",
        HYPARQUET "duckdb2557.parquet",
        HYPARQUET "issue23.parquet",
        HYPARQUET "adam_genotypes.parquet",
        HYPARQUET "offset_indexed.parquet",
        HYPARQUET "page_index.parquet",
        HYPARQUET "rowgroups.parquet",
        APACHE "nullable.impala.parquet",
        APACHE "alltypes_tiny_pages.parquet",
        APACHE "delta_byte_array.parquet",
        APACHE "nested_maps.snappy.parquet",
        APACHE "repeated_primitive_no_list.parquet",
    };
    struct nested_file f;
    struct tarn_err err = {0};
    struct tarn_buf all = TARN_BUF_INIT((size_t)1 << 26);

    (void)state;
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        const struct tarn_pq_node *nodes;
        if (!nested_open_data(&f, files[i])) skip();
        nodes = f.footer->nodes;
        for (int n = 1; n < f.footer->n_nodes; n = nodes[n].end) {
            tarn_buf_clear(&all);
            if (nested_text(&f, n, -1, 200, &all, &err)) fail_msg("%s", err.msg);
            nested_check_random(&f, n, -1, &all);
        }
        nested_close(&f);
    }
    tarn_buf_release(&all);
}

/* Every node and leaf of a file that may be damaged: any outcome but a crash. */
static void read_all(struct nested_file *f) {
    struct tarn_buf out = TARN_BUF_INIT((size_t)1 << 24);

    for (int n = 1; n < f->footer->n_nodes; n = f->footer->nodes[n].end) {
        struct tarn_err err = {0};
        tarn_buf_clear(&out);
        if (nested_text(f, n, -1, 64, &out, &err)) assert_true(err.msg[0] != '\0');
    }
    tarn_buf_release(&out);
}

static void test_damage(void **state) {
    static const char *const files[] = {
        APACHE "old_list_structure.parquet", APACHE "null_list.parquet",
        APACHE "nullable.impala.parquet",    APACHE "repeated_no_annotation.parquet",
        APACHE "datapage_v2.snappy.parquet", APACHE "nested_maps.snappy.parquet",
    };
    struct nested_file f, bad;

    (void)state;
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        uint8_t *copy;
        size_t n;
        if (!nested_open_data(&f, files[i])) skip();
        n = f.bytes.len;
        copy = tarn_memdup(f.bytes.data, n);
        assert_non_null(copy);
        for (size_t at = 0; at < n; at += 1 + (size_t)SANITIZED) {
            copy[at] ^= (uint8_t)(1u << nested_random(8));
            memset(&bad, 0, sizeof bad);
            if (nested_open_bytes(&bad, copy, n, NULL) == TARN_OK) read_all(&bad);
            nested_close(&bad);
            copy[at] = f.bytes.data[at];
        }
        tarn_free(copy);
        nested_close(&f);
    }
}

/* Files that are known to be bad, and one whose text no SQLite could hold. */
static void test_refused(void **state) {
    static const struct expected t[] = {
        {"parquet-testing/bad_data/ARROW-GH-45185.parquet", "x", "does not begin a row"},
        {"parquet-testing/bad_data/ARROW-RS-GH-6229-LEVELS.parquet", "outer", "levels end before"},
        {APACHE "large_string_map.brotli.parquet", "arr", "more than 1 GiB"},
    };
    struct nested_file f;
    struct tarn_buf out = TARN_BUF_INIT((size_t)1 << 20);

    (void)state;
    for (size_t i = 0; i < sizeof t / sizeof t[0]; i++) {
        struct tarn_err err = {0};
        if (!nested_open_data(&f, t[i].file)) skip();
        assert_int_not_equal(nested_text(&f, nested_node(&f, t[i].column), -1, 9, &out, &err), 0);
        if (!strstr(err.msg, t[i].rows) || !strstr(err.msg, t[i].file)) fail_msg("%s", err.msg);
        nested_close(&f);
    }
    tarn_buf_release(&out);
}

/* A text beyond the budget is an error that says so; the reader goes on to work. */
static void test_budget(void **state) {
    struct nested_file f;
    struct tarn_err err = {0};
    struct tarn_buf out = TARN_BUF_INIT((size_t)1 << 20);
    int node;

    (void)state;
    if (!nested_open_data(&f, HYPARQUET "continued_page.parquet")) skip();
    node = nested_node(&f, "int_list");
    f.budget.limit = 20000;
    assert_int_equal(nested_text(&f, node, -1, 256, &out, &err), TARN_ELIMIT);
    assert_non_null(strstr(err.msg, "memoryBudget, "));
    assert_int_equal(f.budget.used, 0);
    tarn_buf_release(&out);
    nested_close(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lists),     cmocka_unit_test(test_maps),
        cmocka_unit_test(test_structs),   cmocka_unit_test(test_leaves),
        cmocka_unit_test(test_some_rows), cmocka_unit_test(test_damage),
        cmocka_unit_test(test_budget),    cmocka_unit_test(test_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
