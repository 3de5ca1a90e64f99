/* Variants: every type of the format, files of parquet-testing (binary, and shredded by Iceberg's
** tests), damage, and variants inside other columns. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "mem.h"
#include "nested_fixture.h"
#include "raw_nested.h"
#include "text.h"
#include "variant.h"

#define CASES "parquet-testing/shredded_variant/case-"
#define HYPARQUET "hyparquet/test/files/shredded-"

static int render(const void *meta, size_t n_meta, const void *value, size_t n,
                  struct tarn_buf *out, const char **why) {
    struct tarn_variant_names names;
    struct tarn_slice m = {meta, n_meta}, v = {value, n};
    int rc = tarn_variant_names(&names, m, why);

    tarn_buf_init(out, 1 << 20);
    if (!rc) rc = tarn_variant_json(out, &names, v, why);
    if (!rc) {
        size_t where = 0;
        assert_int_equal(tarn_json_check(out->data, out->len, &where), 0);
    }
    tarn_buf_u8(out, 0);
    return rc;
}

static const char meta_abc[] = "\x11\x03\x00\x01\x02\x03"
                               "abc";

#define VALUE(bytes, json) \
    { bytes, sizeof(bytes) - 1, json, NULL }
#define FAULT(bytes, why) \
    { bytes, sizeof(bytes) - 1, NULL, why }

static const struct {
    const char *bytes;
    size_t n;
    const char *json, *why;
} values[] = {
    VALUE("\x00", "null"),
    VALUE("\x04", "true"),
    VALUE("\x08", "false"),
    VALUE("\x0c\x80", "-128"),
    VALUE("\x10\x34\x12", "4660"),
    VALUE("\x14\xff\xff\xff\xff", "-1"),
    VALUE("\x18\x00\x00\x00\x00\x00\x00\x00\x80", "-9223372036854775808"),
    VALUE("\x1c\x00\x00\x00\x00\x00\x00\xf8\x3f", "1.5"),
    VALUE("\x38\x00\x00\xc0\x3f", "1.5"),
    VALUE("\x20\x02\xd2\x04\x00\x00", "12.34"),
    VALUE("\x20\x05\xff\xff\xff\xff", "-0.00001"),
    VALUE("\x24\x00\x00\x00\x00\x00\x00\x00\x00\x80", "-9223372036854775808"),
    VALUE("\x28\x26\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x7f",
          "1.70141183460469231731687303715884105727"),
    VALUE("\x28\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x80",
          "-170141183460469231731687303715884105728"),
    VALUE("\x28\x03\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00", "0.000"),
    VALUE("\x2c\x00\x00\x00\x00", "\"1970-01-01\""),
    VALUE("\x30\x01\x00\x00\x00\x00\x00\x00\x00", "\"1970-01-01 00:00:00.000001\""),
    VALUE("\x34\xff\xff\xff\xff\xff\xff\xff\xff", "\"1969-12-31 23:59:59.999999\""),
    VALUE("\x48\x01\x00\x00\x00\x00\x00\x00\x00", "\"1970-01-01 00:00:00.000000001\""),
    VALUE("\x4c\x01\x00\x00\x00\x00\x00\x00\x00", "\"1970-01-01 00:00:00.000000001\""),
    VALUE("\x44\x01\x00\x00\x00\x00\x00\x00\x00", "\"00:00:00.000001\""),
    VALUE("\x3c\x04\x00\x00\x00\x00\x01\xfe\xff", "\"AAH+/w==\""),
    VALUE("\x3c\x00\x00\x00\x00", "\"\""),
    VALUE("\x40\x03\x00\x00\x00\x61\x22\x62", "\"a\\\"b\""),
    VALUE("\x09"
          "hi",
          "\"hi\""),
    VALUE("\x50\x00\x11\x22\x33\x44\x55\x66\x77\x88\x99\xaa\xbb\xcc\xdd\xee\xff",
          "\"00112233-4455-6677-8899-aabbccddeeff\""),
    VALUE("\x03\x02\x00\x01\x02\x04\x08", "[true,false]"),
    VALUE("\x13\x01\x00\x00\x00\x00\x01\x00", "[null]"),
    VALUE("\x02\x02\x00\x02\x01\x00\x02\x08\x04", "{\"a\":true,\"c\":false}"),
    VALUE("\x7e\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x00",
          "{\"a\":null}"),
    VALUE("\x02\x01\x01\x00\x05\x03\x01\x00\x01\x00", "{\"b\":[null]}"),
    FAULT("", "empty"),
    FAULT("\x54", "of a type"),
    FAULT("\x0c", "ends too early"),
    FAULT("\x40\xff\xff\xff\xff\x61", "ends too early"),
    FAULT("\x09h", "ends too early"),
    FAULT("\x09\xff\xff", "not UTF-8"),
    FAULT("\x20\x27\x00\x00\x00\x00", "scale above 38"),
    FAULT("\x03\xff\x00", "outside"),
    FAULT("\x13\xff\xff\xff\xff\x00", "outside"),
    FAULT("\x03\x01\x00\x09\x00", "outside"),
    FAULT("\x03\x01\x01\x01\x00", "outside"),
    FAULT("\x03\x02\x00\x00\x01\x04", "overlap"),
    FAULT("\x02\x01\x07\x00\x01\x04", "no name"),
    FAULT("\x02", "outside"),
};

static void test_values(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        struct tarn_buf out;
        const char *why = NULL;
        int rc = 0;
        rc = render(meta_abc, sizeof meta_abc - 1, values[i].bytes, values[i].n, &out, &why);
        if (values[i].json) {
            if (rc) fail_msg("value %zu: %s", i, why);
            assert_string_equal((char *)out.data, values[i].json);
        } else {
            assert_int_not_equal(rc, TARN_OK);
            if (!strstr(why, values[i].why)) fail_msg("value %zu: %s", i, why);
        }
        tarn_buf_release(&out);
    }
}

static void test_names(void **state) {
    static const struct {
        const char *bytes;
        size_t n;
        const char *why;
    } t[] = {
        {"", 0, "empty"},
        {"\x02\x00\x00", 3, "version"},
        {"\x01", 1, "ends too early"},
        {"\xc1\xff\xff\xff\xff", 5, "ends too early"},
        {"\x01\x01\x00\x05x", 5, "outside"},
        {"\x01\x01\x01\x00x", 5, "outside"},
        {"\x01\x01\x00\x01\xff", 5, "not UTF-8"},
    };
    static const char object[] = "\x02\x01\x00\x00\x01\x04";

    (void)state;
    for (size_t i = 0; i < sizeof t / sizeof t[0]; i++) {
        struct tarn_buf out;
        const char *why = NULL;
        assert_int_not_equal(render(t[i].bytes, t[i].n, object, 6, &out, &why), TARN_OK);
        if (!strstr(why, t[i].why)) fail_msg("names %zu: %s", i, why);
        tarn_buf_release(&out);
    }
}

/* Arrays in arrays: as deep as is allowed, and one deeper. */
static void test_depth(void **state) {
    (void)state;
    for (int deeper = 0; deeper < 2; deeper++) {
        uint8_t bytes[1200];
        size_t n = sizeof bytes;
        struct tarn_buf out;
        const char *why = NULL;
        int rc = 0;
        bytes[--n] = 0;
        for (int i = 0; i < TARN_VARIANT_DEPTH + deeper; i++) {
            size_t len = sizeof bytes - n;
            bytes[--n] = (uint8_t)(len >> 8);
            bytes[--n] = (uint8_t)len;
            bytes[--n] = 0;
            bytes[--n] = 0;
            bytes[--n] = 1;
            bytes[--n] = 3 | 1 << 2;
        }
        rc = render(meta_abc, sizeof meta_abc - 1, bytes + n, sizeof bytes - n, &out, &why);
        assert_int_equal(rc, deeper ? TARN_EUNSUPPORTED : TARN_OK);
        if (deeper) assert_non_null(strstr(why, "deeper"));
        tarn_buf_release(&out);
    }
}

/* Every byte of every value changed: refused, or JSON. */
static void test_damage(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        for (size_t at = 0; at < (values[i].n + sizeof meta_abc - 1) * 8; at++) {
            uint8_t *v = tarn_memdup(values[i].bytes, values[i].n);
            uint8_t *m = tarn_memdup(meta_abc, sizeof meta_abc - 1);
            struct tarn_buf out;
            const char *why = NULL;
            assert_true(v && m);
            if (at / 8 < values[i].n)
                v[at / 8] ^= (uint8_t)(1u << at % 8);
            else
                m[at / 8 - values[i].n] ^= (uint8_t)(1u << at % 8);
            if (render(m, sizeof meta_abc - 1, v, values[i].n, &out, &why)) assert_non_null(why);
            tarn_buf_release(&out);
            tarn_free(v);
            tarn_free(m);
        }
    }
}

static void check_rows(const char *file, const char *column, const char *rows) {
    struct nested_file f;
    struct tarn_err err = {0};
    struct tarn_buf out = TARN_BUF_INIT(1 << 20);

    if (!nested_open_data(&f, file)) skip();
    if (nested_text(&f, nested_node(&f, column), -1, 3, &out, &err)) fail_msg("%s", err.msg);
    nested_check_random(&f, nested_node(&f, column), -1, &out);
    tarn_buf_u8(&out, 0);
    assert_string_equal((char *)out.data, rows);
    tarn_buf_release(&out);
    nested_close(&f);
}

/* Expected: cases.json beside the files (case 84 is there as invalid, for fields that are optional
** groups, with this value; files of other writers have such groups too), and hyparquet's rows. */
static void test_shredded(void **state) {
    static const char *const t[][2] = {
        {CASES "001", "[\"comedy\",\"drama\"]\n"},
        {CASES "002", "[]\n"},
        {CASES "014", "10.11\n"},
        {CASES "019", "\"1957-11-07\"\n"},
        {CASES "021", "\"1957-11-07 12:33:54.123456\"\n"},
        {CASES "025", "-12345.6789\n"},
        {CASES "029", "-9876543210.123456789\n"},
        {CASES "030", "\"CgsMDQ==\"\n"},
        {CASES "032", "\"12:33:54.123456\"\n"},
        {CASES "034", "\"1957-11-07 12:33:54.123456789\"\n"},
        {CASES "037", "\"f24f9b64-81fa-49d1-b74e-8c09a6e31c56\"\n"},
        {CASES "038", "{\"b\":\"iceberg\"}\n"},
        {CASES "044", "{\"c\":{\"a\":34,\"b\":\"iceberg\"},\"d\":-0.0}\n"},
        {CASES "045",
         "[\"comedy\",\"drama\"]\n34\n{\"a\":null,\"d\":\"iceberg\"}\n[\"action\",\"horror\"]\n"},
        {CASES "083", "NULL\n{\"c\":{\"b\":\"iceberg\"}}\n{\"c\":8,\"d\":-0.0}\n"
                      "{\"c\":{\"a\":34,\"b\":\"\"},\"d\":0.0}\n"},
        {CASES "084-INVALID", "{\"a\":34,\"b\":\"iceberg\"}\n"},
        {CASES "085", "[null]\n"},
        {CASES "126", "[{\"a\":1,\"b\":\"comedy\"},{\"a\":2,\"b\":\"drama\"}]\n"
                      "[{\"a\":3,\"b\":\"action\",\"c\":\"str\"},{\"a\":4,\"b\":\"horror\","
                      "\"d\":\"2024-01-30\"}]\n"},
        {CASES "129", "null\n"},
        {CASES "130", "{}\n"},
        {CASES "134", "{\"a\":null,\"b\":\"iceberg\",\"d\":\"2024-01-30\"}\n"},
        {CASES "136", "[[\"comedy\",\"drama\"],[]]\n"},
        {HYPARQUET "partial-object", "{\"a\":null,\"b\":\"iceberg\",\"d\":\"2024-01-30\"}\n"},
        {HYPARQUET "nested-object", "{\"c\":{\"a\":34,\"b\":\"iceberg\"},\"d\":-0.0}\n"},
    };
    char file[128];

    (void)state;
    for (size_t i = 0; i < sizeof t / sizeof t[0]; i++) {
        snprintf(file, sizeof file, "%s.parquet", t[i][0]);
        check_rows(file, "var", t[i][1]);
    }
    check_rows(HYPARQUET "type-mismatch.parquet", "v",
               "{\"count\":42}\n{\"count\":\"not a number\"}\n");
    check_rows(HYPARQUET "sparse-timestamp.parquet", "v",
               "{\"count\":42,\"event_type\":\"login\"}\n{\"event_type\":\"click\"}\n"
               "{\"count\":null,\"event_type\":\"purchase\"}\n"
               "{\"d\":\"2024-01-15 10:30:00.000000\",\"event_type\":\"timeout\"}\n");
}

static void check_refused(const char *file, const char *message) {
    struct nested_file f;
    struct tarn_err err = {0};
    struct tarn_buf out = TARN_BUF_INIT(1 << 20);
    char full[128];
    int rc = 0;

    snprintf(full, sizeof full, CASES "%s.parquet", file);
    if (!nested_open_data(&f, full)) skip();
    rc = nested_text(&f, nested_node(&f, "var"), -1, 3, &out, &err);
    assert_int_not_equal(rc, TARN_OK);
    if (!strstr(err.msg, message) || !strstr(err.msg, file)) fail_msg("%s", err.msg);
    tarn_buf_release(&out);
    nested_close(&f);
}

static void test_refused(void **state) {
    (void)state;
    check_refused("040", "both a value and a typed_value");
    check_refused("042", "both a value and a typed_value");
    check_refused("043-INVALID", "stands in value and in typed_value");
    check_refused("087", "not an object");
    check_refused("125-INVALID", "stands in value and in typed_value");
    check_refused("127", "a type that it can't have");
    check_refused("128", "not an object");
    check_refused("137", "a type that it can't have");
}

/* The binary variant of row `row` beside a case's file, as a line of JSON; NULL for none. */
static void put_binary(struct tarn_buf *out, int number, int row) {
    struct nested_file f;
    char path[128];
    struct tarn_buf json;
    struct tarn_variant_names names;
    struct tarn_slice all;
    const char *why = NULL;

    snprintf(path, sizeof path, CASES "%03d_row-%d.variant.bin", number, row);
    if (!nested_read_data(&f, path)) {
        tarn_buf_puts(out, "NULL\n");
        return;
    }
    all = (struct tarn_slice){f.bytes.data, f.bytes.len};
    assert_int_equal(tarn_variant_names(&names, all, &why), TARN_OK);
    if (render(all.data, all.len, all.data + names.length, all.len - names.length, &json, &why))
        fail_msg("%s: %s", path, why);
    tarn_buf_puts(out, (char *)json.data);
    tarn_buf_u8(out, '\n');
    tarn_buf_release(&json);
    nested_close(&f);
}

/* Shredded or not, a variant reads as its binary form beside the file does. */
static void test_against_binary(void **state) {
    int read = 0;

    (void)state;
    for (int number = 1; number <= 138; number++) {
        struct nested_file f;
        struct tarn_err err = {0};
        struct tarn_buf rows = TARN_BUF_INIT(1 << 20), want = TARN_BUF_INIT(1 << 20);
        char file[128];
        snprintf(file, sizeof file, CASES "%03d.parquet", number);
        if (!nested_read_data(&f, file)) continue;
        nested_close(&f);
        if (!nested_open_data(&f, file)) skip();
        if (nested_text(&f, nested_node(&f, "var"), -1, 3, &rows, &err) == TARN_OK) {
            for (int row = 0; row < (int)f.footer->row_groups[0].rows; row++)
                put_binary(&want, number, row);
            tarn_buf_u8(&rows, 0);
            tarn_buf_u8(&want, 0);
            assert_string_equal((char *)rows.data, (char *)want.data);
            read++;
        }
        tarn_buf_release(&rows);
        tarn_buf_release(&want);
        nested_close(&f);
    }
    if (read == 0) skip();
    assert_int_equal(read, 128);
}

/* Those of parquet-testing/variant whose JSON its data_dictionary.json gives. */
static void test_binary_files(void **state) {
    static const char *const t[][2] = {
        {"array_nested", "[{\"id\":1,\"thing\":{\"names\":[\"Contrarian\",\"Spider\"]}},null,"
                         "{\"id\":2,\"names\":[\"Apple\",\"Ray\",null],\"type\":\"if\"}]"},
        {"array_primitive", "[2,1,5,9]"},
        {"object_empty", "{}"},
        {"object_nested", "{\"id\":1,\"observation\":{\"location\":\"In the Volcano\",\"time\":"
                          "\"12:34:56\",\"value\":{\"humidity\":456,\"temperature\":123}},"
                          "\"species\":{\"name\":\"lava monster\",\"population\":6789}}"},
        {"object_primitive",
         "{\"boolean_false_field\":false,\"boolean_true_field\":true,\"double_field\":1.23456789,"
         "\"int_field\":1,\"null_field\":null,\"string_field\":\"Apache Parquet\","
         "\"timestamp_field\":\"2025-04-16T12:34:56.78\"}"},
        {"primitive_binary", "\"AxM33q2+78r+\""},
        {"primitive_decimal16", "12345678912345678.90"},
        {"primitive_decimal8", "12345678.90"},
        {"primitive_int64", "1234567890123456789"},
        {"primitive_time", "\"12:33:54.123456\""},
        {"primitive_timestamp", "\"2025-04-16 16:34:56.780000\""},
        {"primitive_timestampntz", "\"2025-04-16 12:34:56.780000\""},
        {"primitive_timestamp_nanos", "\"2024-11-07 12:33:54.123456789\""},
        {"primitive_uuid", "\"f24f9b64-81fa-49d1-b74e-8c09a6e31c56\""},
        {"short_string", "\"Less than 64 bytes (\xe2\x9d\xa4\xef\xb8\x8f with utf8)\""},
    };

    (void)state;
    for (size_t i = 0; i < sizeof t / sizeof t[0]; i++) {
        struct nested_file m, v;
        struct tarn_buf out;
        const char *why = NULL;
        char path[128];
        snprintf(path, sizeof path, "parquet-testing/variant/%s.metadata", t[i][0]);
        if (!nested_read_data(&m, path)) skip();
        snprintf(path, sizeof path, "parquet-testing/variant/%s.value", t[i][0]);
        if (!nested_read_data(&v, path)) skip();
        if (render(m.bytes.data, m.bytes.len, v.bytes.data, v.bytes.len, &out, &why))
            fail_msg("%s: %s", t[i][0], why);
        assert_string_equal((char *)out.data, t[i][1]);
        tarn_buf_release(&out);
        nested_close(&m);
        nested_close(&v);
    }
}

#define TEXT(s) s, sizeof(s) - 1

/* struct { list of variants shredded as int32 } */
static void test_inside(void **state) {
    static const struct raw_node schema[] = {
        {"root", -1, 0, 1, 0, 0, 0},
        {"s", -1, TARN_OPTIONAL, 1, 0, 0, 0},
        {"l", -1, TARN_OPTIONAL, 1, RAW_LIST, 0, 0},
        {"list", -1, TARN_REPEATED, 1, 0, 0, 0},
        {"element", -1, TARN_OPTIONAL, 3, 0, RAW_VARIANT, 0},
        {"typed_value", TARN_INT32, TARN_OPTIONAL, 0, 0, 0, 0},
        {"value", TARN_BYTE_ARRAY, TARN_OPTIONAL, 0, 0, 0, 0},
        {"metadata", TARN_BYTE_ARRAY, TARN_REQUIRED, 0, 0, 0, 0},
    };
    /* {"l":[7, true, null, missing, NULL]} NULL {"l":[]} */
    static const struct raw_entries typed = {"0111100", "5444302", TEXT("\7\0\0\0"), 0, 0, 0};
    static const struct raw_entries value = {"0111100", "4554302", TEXT("\1\0\0\0\4\1\0\0\0\0"),
                                             0,         0,         0};
    static const struct raw_entries meta = {
        "0111100", "4444302", TEXT("\3\0\0\0\1\0\0\3\0\0\0\1\0\0\3\0\0\0\1\0\0\3\0\0\0\1\0\0"),
        0,         0,         0};
    struct raw_chunk chunks[] = {{&typed, 1, 0, NULL}, {&value, 1, 0, NULL}, {&meta, 1, 0, NULL}};
    struct tarn_buf file, out = TARN_BUF_INIT(1 << 20);
    struct nested_file f;
    struct tarn_err err = {0};

    (void)state;
    memset(&f, 0, sizeof f);
    raw_nested(&file, schema, 8, chunks, 3);
    assert_int_equal(nested_open_bytes(&f, file.data, file.len, &err), TARN_OK);
    if (nested_text(&f, 1, -1, 2, &out, &err)) fail_msg("%s", err.msg);
    tarn_buf_u8(&out, 0);
    assert_string_equal((char *)out.data, "{\"l\":[7,true,null,null,null]}\nNULL\n{\"l\":[]}\n");
    tarn_buf_release(&out);
    nested_close(&f);
    tarn_buf_release(&file);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values),         cmocka_unit_test(test_names),
        cmocka_unit_test(test_depth),          cmocka_unit_test(test_damage),
        cmocka_unit_test(test_shredded),       cmocka_unit_test(test_refused),
        cmocka_unit_test(test_against_binary), cmocka_unit_test(test_binary_files),
        cmocka_unit_test(test_inside),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
