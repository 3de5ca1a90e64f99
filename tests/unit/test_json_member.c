/* Members of JSON text: found where they are, and never a byte read beyond the text, whatever it is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "json_member.h"

static struct tarn_slice slice(const char *s) {
    return (struct tarn_slice){(const uint8_t *)s, strlen(s)};
}

static void check(const char *json, const char *outer, const char *inner, const char *want) {
    struct tarn_slice v = {NULL, 0};
    int found = tarn_json_member(slice(json), outer, inner, &v);

    assert_int_equal(found, want != NULL);
    if (want) {
        assert_int_equal(v.len, strlen(want));
        assert_memory_equal(v.data, want, v.len);
    }
}

static void test_find(void **state) {
    (void)state;
    check("{\"id\":1}", "id", NULL, "1");
    check(" { \"a\" : [1, {\"id\":2}] , \"id\" : \"x\\\"}\" } ", "id", NULL, "\"x\\\"}\"");
    check("{\"id\":1,\"id\":2}", "id", NULL, "1");
    check("{\"i\":1,\"idd\":2}", "id", NULL, NULL);
    check("{\"do\":{\"class\":\"A\"}}", "do", "class", "\"A\"");
    check("{\"do\":[1],\"class\":2}", "do", "class", NULL);
    check("{\"do\":{}}", "do", "class", NULL);
    check("{\"a\":{\"b\":{\"c\":[[]]}},\"z\":true}", "z", NULL, "true");
    check("[{\"id\":1}]", "id", NULL, NULL);
    check("\"id\"", "id", NULL, NULL);
    check("", "id", NULL, NULL);
    check("{}", "id", NULL, NULL);
    check("{\"id\"", "id", NULL, NULL);
    check("{\"id\":", "id", NULL, NULL);
    check("{\"a\":}}}", "id", NULL, NULL);
}

/* The bytes in a block of exactly their length, so that a sanitizer sees a read too far. */
static void probe(const char *bytes, size_t n) {
    uint8_t *copy = malloc(n ? n : 1);
    struct tarn_slice v = {NULL, 0};

    assert_non_null(copy);
    memcpy(copy, bytes, n);
    if (tarn_json_member((struct tarn_slice){copy, n}, "do", "class", &v)) {
        assert_true(v.data >= copy && v.data + v.len <= copy + n);
    }
    free(copy);
}

static void test_any_bytes(void **state) {
    static const char json[] =
        "{\"a\\\"\":[1,{\"x\":\"]\"}],\"do\":{\"id\":7,\"class\":\"R\\u00e4\\\\\"}}";
    static const char alphabet[] = "{}[]\":,\\ dolas1";
    char text[48];
    unsigned seed = 1;
    size_t n, i;
    int round;

    (void)state;
    for (n = 0; n < sizeof json; n++) {
        probe(json, n);
    }
    for (round = 0; round < 20000; round++) {
        n = (size_t)round % sizeof text;
        for (i = 0; i < n; i++) {
            seed = seed * 1103515245u + 12345u;
            text[i] = alphabet[(seed >> 16) % (sizeof alphabet - 1)];
        }
        probe(text, n);
    }
}

static void text_result(sqlite3_context *ctx, int argc, sqlite3_value **argv) {
    const char *s = (const char *)sqlite3_value_text(argv[0]);

    (void)argc;
    tarn_json_result(ctx, slice(s));
}

/* Raw values become what json_extract makes of them. */
static void test_results(void **state) {
    static const char *const values[] = {"1",
                                         "-7",
                                         "1.5",
                                         "1e3",
                                         "true",
                                         "false",
                                         "null",
                                         "\"\"",
                                         "\"plain\"",
                                         "\"a\\n\\t\\\\\\\"\\/\"",
                                         "\"\\u00e4\\ud83d\\ude00\"",
                                         "[1, 2]",
                                         "{\"a\" : [ ], \"b c\" : \" x \"}",
                                         "9223372036854775807"};
    sqlite3 *db = NULL;
    sqlite3_stmt *stmt = NULL;
    size_t i;

    (void)state;
    assert_int_equal(sqlite3_open(":memory:", &db), SQLITE_OK);
    assert_int_equal(
        sqlite3_create_function(db, "ours", 1, SQLITE_UTF8, NULL, text_result, NULL, NULL),
        SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db,
                                        "SELECT ours(?1) IS json_extract(?1, '$') AND "
                                        "typeof(ours(?1)) = typeof(json_extract(?1, '$'))",
                                        -1, &stmt, NULL),
                     SQLITE_OK);
    for (i = 0; i < sizeof values / sizeof *values; i++) {
        (void)sqlite3_bind_text(stmt, 1, values[i], -1, SQLITE_STATIC);
        assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
        if (!sqlite3_column_int(stmt, 0)) {
            fail_msg("%s", values[i]);
        }
        (void)sqlite3_reset(stmt);
    }
    (void)sqlite3_finalize(stmt);
    (void)sqlite3_close(db);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_find),
        cmocka_unit_test(test_any_bytes),
        cmocka_unit_test(test_results),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
