/* test_base_text.c: UTF-8, JSON, quoting and percent-encoding (text.h). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mem.h"
#include "text.h"

/* A copy without room behind it, so that a sanitizer sees every read too far. */
static uint8_t *exact(const char *s, size_t n) {
    uint8_t *p = malloc(n > 0 ? n : 1);

    assert_non_null(p);
    memcpy(p, s, n);
    return p;
}

static size_t utf8(const char *s, size_t n) {
    uint8_t *p = exact(s, n);
    size_t at = tarn_utf8_invalid(p, n);

    free(p);
    return at;
}

/* Every code point, and every near miss of 1 to 4 bytes, against the rule written as arithmetic. */
static int utf8_by_rule(const uint8_t *s, size_t n) {
    uint32_t c = 0;
    size_t more = 0;

    if (n == 0) return 0;
    c = s[0];
    if (c >= 0xF0 && c < 0xF8)
        more = 3, c &= 7;
    else if (c >= 0xE0 && c < 0xF0)
        more = 2, c &= 15;
    else if (c >= 0xC0 && c < 0xE0)
        more = 1, c &= 31;
    else if (c >= 0x80)
        return 0;
    if (n != more + 1) return 0;
    for (size_t i = 1; i <= more; i++) {
        if ((s[i] & 0xC0) != 0x80) return 0;
        c = c << 6 | (s[i] & 63);
    }
    if (c > 0x10FFFF || (c >= 0xD800 && c <= 0xDFFF)) return 0;
    return more == 0 ? 1 : more == 1 ? c >= 0x80 : more == 2 ? c >= 0x800 : c >= 0x10000;
}

static void utf8_agrees_with_the_rule(void **state) {
    static const uint8_t edges[] = {0x00, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC0, 0xFF};

    (void)state;
    for (unsigned lead = 0; lead < 256; lead++) {
        for (unsigned second = 0; second < 256; second++) {
            uint8_t s[4] = {(uint8_t)lead, (uint8_t)second, 0, 0};

            if (lead >= 0x80) assert_int_equal(tarn_utf8_invalid(s, 2) == 2, utf8_by_rule(s, 2));
            for (size_t i = 0; i < sizeof edges && lead >= 0x80; i++) {
                s[2] = edges[i];
                if (lead >= 0xE0)
                    assert_int_equal(tarn_utf8_invalid(s, 3) == 3, utf8_by_rule(s, 3));
                for (size_t k = 0; k < sizeof edges && lead >= 0xF0; k++) {
                    s[3] = edges[k];
                    assert_int_equal(tarn_utf8_invalid(s, 4) == 4, utf8_by_rule(s, 4));
                }
            }
        }
    }
}

static void utf8_fault_has_its_offset(void **state) {
    char text[200];

    (void)state;
    assert_int_equal(utf8("", 0), 0);
    assert_int_equal(utf8("\xE2\x82\xAC", 3), 3);
    assert_int_equal(utf8("ab\xE2\x82", 4), 2);
    assert_int_equal(utf8("\xED\xA0\x80", 3), 0);
    assert_int_equal(utf8("\xF4\x90\x80\x80", 4), 0);
    assert_int_equal(utf8("\xC0\x80", 2), 0);
    for (size_t n = 1; n <= sizeof text; n++) {
        memset(text, 'a', sizeof text);
        assert_int_equal(utf8(text, n), n);
        for (size_t at = 0; at < n; at++) {
            text[at] = (char)0xFF;
            assert_int_equal(utf8(text, n), at);
            text[at] = 'a';
        }
    }
}

static int check(const char *s, size_t n, size_t *where) {
    uint8_t *p = exact(s, n);
    int rc = tarn_json_check(p, n, where);

    assert_int_equal(tarn_json_check(p, n, NULL), rc);
    free(p);
    return rc;
}

static void json_that_is_valid(void **state) {
    static const char *const cases[] = {
        "null",
        "true",
        "false",
        "0",
        "-0",
        "1",
        "-1",
        "10",
        "0.5",
        "1.5e3",
        "1E+2",
        "0e0",
        "1e-99",
        "123456789012345678901234567890",
        "0.1e1",
        "\"\"",
        "\"a\"",
        "[]",
        "{}",
        "[ ]",
        "{ }",
        " \t\r\n1 \t\r\n",
        "[1]",
        "[1,2]",
        "[ 1 , 2 ]",
        "[[]]",
        "[[],[[]],{}]",
        "{\"a\":1}",
        "{\"a\":1,\"b\":[2,{\"c\":null}]}",
        "{ \"a\" : 1 , \"a\" : 2 }",
        "{\"\":0}",
        "[null,true,false]",
        "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"",
        "\"\\u0000\"",
        "\"\\uABCD\\uabcd\"",
        "\"\\uD834\\uDD1E\"",
        "\"\\uD800\"",
        "\"\x7F\"",
        "\"\xC3\xA9\"",
        "\"\xE2\x82\xAC\"",
        "\"\xF0\x9F\x90\x9F\"",
        "\"\xEF\xBB\xBF\"",
        "[\"a\",\"bb\",\"ccc\",\"dddd\",\"eeeee\",\"ffffff\",\"ggggggg\"]",
        "[{},{\"a\":[]}]",
        "[[[[1]]],2]",
        "{\"a\":{\"b\":{\"c\":[1,2]}},\"d\":0}",
        "[-0.0e-0]",
        "\"0123456789abcdef\"",
        "\"01234567\\n9abcdef\"",
        "[1e1,2]",
        "\"/\"",
        "[0,0]",
        "\"\xD0\xB0\xD0\xB1\xD0\xB2\xD0\xB3\xD0\xB4\xD0\xB5\"",
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        size_t where = 0;

        if (check(cases[i], strlen(cases[i]), &where) != 0)
            fail_msg("refused at %zu: %s", where, cases[i]);
    }
}

static const struct {
    const char *text;
    size_t where;
} refused[] = {
    {"", 0},
    {" ", 1},
    {"nul", 3},
    {"nulL", 3},
    {"nulll", 4},
    {"True", 0},
    {"NaN", 0},
    {"Infinity", 0},
    {"-Infinity", 1},
    {"+1", 0},
    {"01", 1},
    {"-01", 2},
    {"-", 1},
    {"1.", 2},
    {"1.e1", 2},
    {".5", 0},
    {"1e", 2},
    {"1e+", 3},
    {"1E-x", 3},
    {"0x1", 1},
    {"1 2", 2},
    {"1,", 1},
    {"-a", 1},
    {"1a", 1},
    {"--1", 1},
    {"1_000", 1},
    {"[", 1},
    {"[1", 2},
    {"[1,", 3},
    {"[1,]", 3},
    {"[,1]", 1},
    {"[,]", 1},
    {"[1 2]", 3},
    {"[1}", 2},
    {"[]]", 2},
    {"]", 0},
    {"[1,,2]", 3},
    {"[\"a\"", 4},
    {"[1]x", 3},
    {"[a]", 1},
    {"{", 1},
    {"}", 0},
    {"{]", 1},
    {"{1:2}", 1},
    {"{a:1}", 1},
    {"{'a':1}", 1},
    {"{\"a\"}", 4},
    {"{\"a\" 1}", 5},
    {"{\"a\":}", 5},
    {"{\"a\":1", 6},
    {"{\"a\":1,", 7},
    {"{\"a\":1,}", 7},
    {"{\"a\":1]", 6},
    {"{\"a\":1 \"b\":2}", 7},
    {"{,}", 1},
    {"{\"a\"::1}", 5},
    {"{}}", 2},
    {"{\"a\":1,2}", 7},
    {"{\"a", 3},
    {"{\"a\"", 4},
    {"{\"a\":", 5},
    {"{null:1}", 1},
    {"[{\"a\":1]", 7},
    {"[[1}]", 3},
    {"{\"a\":[1}", 7},
    {"\"", 1},
    {"\"a", 2},
    {"\"\\", 2},
    {"\"\\\"", 3},
    {"\"\\x\"", 2},
    {"\"\\'\"", 2},
    {"\"\\u\"", 3},
    {"\"\\u12", 5},
    {"\"\\u12g4\"", 5},
    {"\"\\U1234\"", 2},
    {"'a'", 0},
    {"\"\n\"", 1},
    {"\"\t\"", 1},
    {"\"\x1F\"", 1},
    {"\"abcdefgh\x01\"", 9},
    {"\"a\"b", 3},
    {"\"\xFF\"", 1},
    {"\"\xC3\"", 1},
    {"\"\xED\xA0\x80\"", 1},
    {"\"\xC0\xAF\"", 1},
    {"\"\xF4\x90\x80\x80\"", 1},
    {"\"01234567\xE2\x82\"", 9},
    {"\"\xE2\x82", 1},
    {"\xEF\xBB\xBF"
     "1",
     0},
    {"\xFE\xFF", 0},
    {"\f1", 0},
    {"\v1", 0},
    {"1\xC2\xA0", 1},
    {"/* a */1", 0},
    {"1//", 1},
    {"#", 0},
    {"[1,2", 4},
    {"[\"a\",\n4\n,1,", 11},
    {"\\u0031", 0},
};

static void json_that_is_not(void **state) {
    size_t where = 99;

    (void)state;
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        where = 99;
        if (check(refused[i].text, strlen(refused[i].text), &where) == 0)
            fail_msg("taken: %s", refused[i].text);
        if (where != refused[i].where)
            fail_msg("%s: fault at %zu, expected %zu", refused[i].text, where, refused[i].where);
    }
    assert_int_equal(check("1\0", 2, &where), -1);
    assert_int_equal(where, 1);
    assert_int_equal(check("\"a\0b\"", 5, &where), -1);
    assert_int_equal(where, 2);
    assert_int_equal(check("[1]\0", 4, &where), -1);
}

static void json_depth_ends_at_1000(void **state) {
    char text[2002 * 6];
    size_t n = 0, where = 0;

    (void)state;
    memset(text, '[', 1001);
    memset(text + 1000, ']', 1000);
    assert_int_equal(check(text, 2000, &where), 0);
    memset(text, '[', 1001);
    memset(text + 1001, ']', 1001);
    assert_int_equal(check(text, 2002, &where), -1);
    assert_int_equal(where, 1000);
    for (int i = 0; i < 1000; i++) {
        memcpy(text + n, i % 3 == 0 ? "[" : "{\"a\":", i % 3 == 0 ? 1 : 5);
        n += i % 3 == 0 ? 1 : 5;
    }
    text[n++] = '1';
    for (int i = 999; i >= 0; i--)
        text[n++] = i % 3 == 0 ? ']' : '}';
    assert_int_equal(check(text, n, &where), 0);
    text[n - 500] = text[n - 500] == ']' ? '}' : ']';
    assert_int_equal(check(text, n, &where), -1);
    assert_int_equal(where, n - 500);
}

/* Each byte at each place of strings of each length: the word-wise way must see what the byte-wise
** rule says. */
static void json_strings_byte_by_byte(void **state) {
    char text[32];

    (void)state;
    for (size_t n = 2; n <= 26; n++) {
        for (size_t at = 1; at + 1 < n; at++) {
            for (int c = 0; c < 256; c++) {
                size_t where = 0;
                int good = c >= 0x20 && c < 0x80 && c != '"' && c != '\\';

                memset(text, 'b', n);
                text[0] = text[n - 1] = '"';
                text[at] = (char)c;
                if (c == '\\') good = at + 2 < n; /* then \b */
                assert_int_equal(check(text, n, &where) == 0, good);
                if (!good && c != '\\') assert_int_equal(where, c == '"' ? at + 1 : at);
            }
        }
    }
}

static void every_cut_is_seen(void **state) {
    static const char text[] =
        "{\"key\":[1.5e3,true,null,\"\\u00e9\xC3\xA9 text that is long\",{}]}";
    size_t where = 0;

    (void)state;
    assert_int_equal(check(text, sizeof text - 1, &where), 0);
    for (size_t n = 0; n < sizeof text - 1; n++) {
        assert_int_equal(check(text, n, &where), -1);
        assert_true(where == n || (where == n - 1 && text[n - 1] == '\xC3'));
    }
}

static char *taken(struct tarn_buf *b) {
    char *s = tarn_buf_steal(b, NULL);

    assert_non_null(s);
    return s;
}

static void quoting_gives_valid_json(void **state) {
    struct tarn_buf b = TARN_BUF_INIT(10000);
    char text[128], *s = NULL;

    (void)state;
    tarn_json_quote(&b, "a\"b\\c\b\f\n\r\t\x01\x1F\x7F/\0\xC3\xA9", 17);
    s = taken(&b);
    assert_string_equal(s, "\"a\\\"b\\\\c\\b\\f\\n\\r\\t\\u0001\\u001f\x7F/\\u0000\xC3\xA9\"");
    tarn_free(s);
    for (size_t n = 0; n < 128; n++)
        text[n] = (char)n;
    for (size_t first = 0; first < 128; first++) {
        tarn_buf_clear(&b);
        tarn_json_quote(&b, text + first, 128 - first);
        assert_int_equal(b.rc, 0);
        assert_int_equal(tarn_json_check(b.data, b.len, NULL), 0);
    }
    tarn_buf_clear(&b);
    tarn_json_quote(&b, "", 0);
    assert_memory_equal(b.data, "\"\"", 2);
    tarn_buf_release(&b);
}

static void percent_goes_there_and_back(void **state) {
    struct tarn_buf b = TARN_BUF_INIT(10000), back = TARN_BUF_INIT(10000);
    char all[256];

    (void)state;
    tarn_percent_encode(&b, "a/b c%\xC3\xA9.-_Z9~", 14);
    tarn_buf_u8(&b, 0);
    assert_string_equal((char *)b.data, "a%2Fb%20c%25%C3%A9.-_Z9%7E");
    for (int i = 0; i < 256; i++)
        all[i] = (char)i;
    tarn_buf_clear(&b);
    tarn_percent_encode(&b, all, 256);
    for (size_t i = 0; i < b.len; i++)
        assert_non_null(memchr("%ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-",
                               b.data[i], 66));
    assert_int_equal(tarn_percent_decode(&back, (char *)b.data, b.len), 0);
    assert_int_equal(back.len, 256);
    assert_memory_equal(back.data, all, 256);
    tarn_buf_clear(&back);
    assert_int_equal(tarn_percent_decode(&back, "%c3%a9+", 7), 0);
    assert_memory_equal(back.data, "\xC3\xA9+", 3);
    assert_int_equal(tarn_percent_decode(&back, "a%", 2), -1);
    assert_int_equal(tarn_percent_decode(&back, "a%2", 3), -1);
    assert_int_equal(tarn_percent_decode(&back, "%2g", 3), -1);
    assert_int_equal(tarn_percent_decode(&back, "%g2", 3), -1);
    tarn_buf_release(&b);
    tarn_buf_release(&back);
}

/* One odd byte at each place of strings of each length: every step width of the scan meets it. */
static void an_odd_byte_at_each_place(void **state) {
    static const uint8_t odd[] = {0, 1, 0x1F, '"', '\\', 0x7F, 0x80, 0xFF, ' ', '!'};
    uint8_t text[80];
    size_t where = 0;

    (void)state;
    for (size_t n = 1; n <= 72; n++) {
        for (size_t at = 0; at < n; at++) {
            for (size_t k = 0; k < sizeof odd; k++) {
                int fine = odd[k] >= 0x20 && odd[k] < 0x80 && odd[k] != '"' && odd[k] != '\\';
                uint8_t *exact_text = NULL;

                memset(text, 'a', sizeof text);
                text[0] = text[n + 1] = '"';
                text[at + 1] = odd[k];
                exact_text = exact((const char *)text, n + 2);
                where = 999;
                assert_int_equal(tarn_json_check(exact_text, n + 2, &where), fine ? 0 : -1);
                if (odd[k] < 0x20 || odd[k] >= 0x80) assert_int_equal(where, at + 1);
                if (odd[k] == '"') assert_int_equal(where, at + 2);
                assert_int_equal(tarn_text_plain(exact_text, n + 2), odd[k] != 0 && odd[k] < 0x80);
                free(exact_text);
            }
        }
    }
    assert_true(tarn_text_plain(text, 0));
}

static void a_string_ends_where_its_quote_is(void **state) {
    static const struct {
        const char *text;
        size_t len, where; /* len 0: the fault */
    } cases[] = {
        {"\"\"", 2, 0},
        {"\"abc\",1", 5, 0},
        {"\"a\\\"b\" ", 6, 0},
        {"\"", 0, 1},
        {"\"abc", 0, 4},
        {"\"a\\", 0, 3},
        {"\"a\nb\"", 0, 2},
        {"\"a\\qb\"", 0, 3},
        {"\"\\u00e\"", 0, 6},
        {"\"\\u00e9\"", 8, 0},
        {"\"\xff\"", 0, 1},
        {"\"0123456789abcdef0123456789\"x", 28, 0},
        {"\"0123456789abcdef0123456789", 0, 27},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const size_t n = strlen(cases[i].text);
        uint8_t *s = exact(cases[i].text, n);
        size_t where = 0;

        assert_int_equal(tarn_json_string(s, n, &where), cases[i].len);
        assert_int_equal(where, cases[i].where);
        free(s);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_string_ends_where_its_quote_is),
        cmocka_unit_test(an_odd_byte_at_each_place),
        cmocka_unit_test(utf8_agrees_with_the_rule),
        cmocka_unit_test(utf8_fault_has_its_offset),
        cmocka_unit_test(json_that_is_valid),
        cmocka_unit_test(json_that_is_not),
        cmocka_unit_test(json_depth_ends_at_1000),
        cmocka_unit_test(json_strings_byte_by_byte),
        cmocka_unit_test(every_cut_is_seen),
        cmocka_unit_test(quoting_gives_valid_json),
        cmocka_unit_test(percent_goes_there_and_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
