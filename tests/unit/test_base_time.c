/* test_base_time.c: calendar, text, parsing and the collation of times (time.h), against the C
** library's own calendar. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "time.h"

static uint64_t seed = 88172645463325252u;

static uint64_t next(void) {
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed;
}

static int64_t random_ms(void) {
    return TARN_TIME_MIN + (int64_t)(next() % (uint64_t)(TARN_TIME_MAX - TARN_TIME_MIN + 1));
}

static int parse(const char *s, int64_t *ms) {
    size_t n = strlen(s);
    char *exact = malloc(n > 0 ? n : 1); /* so that a sanitizer sees a read of s[n] */
    int rc = 0;

    assert_non_null(exact);
    memcpy(exact, s, n);
    rc = tarn_time_parse(exact, n, ms);
    free(exact);
    return rc;
}

static void check_one(int64_t ms) {
    int64_t seconds = tarn_time_floor(ms, 1000) / 1000, back = 0;
    time_t t = (time_t)seconds;
    struct tarn_civil c;
    struct tm tm;
    char text[24], iso[25], expected[64];

    assert_non_null(gmtime_r(&t, &tm));
    tarn_time_civil(ms, &c);
    assert_int_equal(c.year, tm.tm_year + 1900);
    assert_int_equal(c.month, tm.tm_mon + 1);
    assert_int_equal(c.day, tm.tm_mday);
    assert_int_equal(c.hour, tm.tm_hour);
    assert_int_equal(c.minute, tm.tm_min);
    assert_int_equal(c.second, tm.tm_sec);
    assert_int_equal(c.ms, ms - seconds * 1000);
    assert_true(tarn_time_from_civil(&c) == ms);
    assert_true((int64_t)timegm(&tm) == seconds);
    snprintf(expected, sizeof expected, "%04d-%02d-%02d %02d:%02d:%02d.%03d", c.year, c.month,
             c.day, c.hour, c.minute, c.second, c.ms);
    tarn_time_text(ms, text);
    assert_string_equal(text, expected);
    assert_int_equal(parse(text, &back), 0);
    assert_true(back == ms);
    tarn_time_iso(ms, iso);
    expected[10] = 'T';
    assert_memory_equal(iso, expected, 23);
    assert_string_equal(iso + 23, "Z");
    back = 0;
    assert_int_equal(parse(iso, &back), 0);
    assert_true(back == ms);
}

static void agrees_with_the_c_library(void **state) {
    (void)state;
    for (int i = 0; i < 200000; i++)
        check_one(random_ms());
    for (int64_t day = -1000; day < 1000; day++) {
        check_one(day * TARN_MS_PER_DAY);
        check_one(day * TARN_MS_PER_DAY - 1);
    }
    check_one(TARN_TIME_MIN);
    check_one(TARN_TIME_MAX);
    check_one(0);
    check_one(-1);
}

static void every_day_of_every_year(void **state) {
    int64_t ms = TARN_TIME_MIN;

    (void)state;
    for (int year = 0; year <= 9999; year++) {
        int leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

        for (int month = 1; month <= 12; month++) {
            static const int lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
            int days = lengths[month - 1] + (month == 2 && leap);
            struct tarn_civil c = {year, month, days, 0, 0, 0, 0};
            char text[64];
            int64_t got = 0;

            ms += days * TARN_MS_PER_DAY;
            assert_true(tarn_time_from_civil(&c) == ms - TARN_MS_PER_DAY);
            snprintf(text, sizeof text, "%04d-%02d-%02d", year, month, days);
            assert_int_equal(tarn_time_parse(text, 10, &got), 0);
            assert_true(got == ms - TARN_MS_PER_DAY);
            snprintf(text, sizeof text, "%04d-%02d-%02d 00:00:00.000", year, month, days + 1);
            assert_int_equal(tarn_time_parse(text, 10, &got), -1);
            assert_int_equal(tarn_time_parse(text, 23, &got), -1);
        }
    }
    assert_true(ms == TARN_TIME_MAX + 1);
}

static void text_is_clamped(void **state) {
    char text[25];

    (void)state;
    tarn_time_text(INT64_MIN, text);
    assert_string_equal(text, "0000-01-01 00:00:00.000");
    tarn_time_text(INT64_MAX, text);
    assert_string_equal(text, "9999-12-31 23:59:59.999");
    tarn_time_iso(TARN_TIME_MAX + 1, text);
    assert_string_equal(text, "9999-12-31T23:59:59.999Z");
}

static void forms_that_are_times(void **state) {
    static const struct {
        const char *text, *same;
    } cases[] = {
        {"2026-11-22", "2026-11-22 00:00:00.000"},
        {"2026-11-22 14:30", "2026-11-22 14:30:00.000"},
        {"2026-11-22T14:30", "2026-11-22 14:30:00.000"},
        {"2026-11-22T14:30Z", "2026-11-22 14:30:00.000"},
        {"2026-11-22 14:30:05", "2026-11-22 14:30:05.000"},
        {"2026-11-22 14:30:05.1", "2026-11-22 14:30:05.100"},
        {"2026-11-22 14:30:05.12", "2026-11-22 14:30:05.120"},
        {"2026-11-22T14:30:05.123z", "2026-11-22 14:30:05.123"},
        {"2026-11-22 14:30:05.123Z", "2026-11-22 14:30:05.123"},
        {"2026-11-22T14:30:05.1239", "2026-11-22 14:30:05.123"},
        {"2026-11-22T14:30:05.123456789Z", "2026-11-22 14:30:05.123"},
        {"2026-11-22T14:30:05.99999999999999999999999", "2026-11-22 14:30:05.999"},
        {"2026-11-22T14:30:05+02:00", "2026-11-22 12:30:05.000"},
        {"2026-11-22T14:30:05.5-0530", "2026-11-22 20:00:05.500"},
        {"2026-11-22 00:30+01:00", "2026-11-21 23:30:00.000"},
        {"2016-12-31T23:59:60Z", "2016-12-31 23:59:59.999"},
        {"2016-12-31 23:59:60.123", "2016-12-31 23:59:59.999"},
        {"2024-02-29", "2024-02-29 00:00:00.000"},
        {"2000-02-29T00:00:00.000Z", "2000-02-29 00:00:00.000"},
        {"1969-12-31 23:59:59.999", "1969-12-31 23:59:59.999"},
        {"0000-01-01 01:00+01:00", "0000-01-01 00:00:00.000"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int64_t ms = 0;
        char text[24];

        if (parse(cases[i].text, &ms) != 0) fail_msg("not taken: %s", cases[i].text);
        tarn_time_text(ms, text);
        assert_string_equal(text, cases[i].same);
    }
}

static const char *const not_times[] = {
    "",
    "2",
    "2026",
    "2026-11",
    "2026-11-2",
    "2026-1-22",
    "2026/11/22",
    "20261122",
    " 2026-11-22",
    "2026-11-22 ",
    "2026-11-22T",
    "2026-11-22 14",
    "2026-11-22 14:",
    "2026-11-22 14:3",
    "2026-11-22  14:30",
    "2026-11-22t14:30",
    "2026-11-22Z",
    "2026-11-22+01:00",
    "2026-11-22 14:30:",
    "2026-11-22 14:30:5",
    "2026-11-22 14:30:05.",
    "2026-11-22 14:30:05.Z",
    "2026-11-22 14:30:05,123",
    "2026-11-22 14:30.5",
    "2026-11-22 14:30:05.123ZZ",
    "2026-11-22 14:30:05.123 Z",
    "2026-11-22 14:30:05.123+1",
    "2026-11-22 14:30:05.123+01",
    "2026-11-22 14:30:05.123+01:",
    "2026-11-22 14:30:05.123+01:0",
    "2026-11-22 14:30:05.123+24:00",
    "2026-11-22 14:30:05.123+01:60",
    "2026-11-22 14:30:05.123+010",
    "2026-11-22 14:30:05.123+01:000",
    "2026-00-22",
    "2026-13-22",
    "2026-11-00",
    "2026-11-31",
    "2026-02-29",
    "1900-02-29",
    "2026-11-22 24:00",
    "2026-11-22 14:60",
    "2026-11-22 14:30:61",
    "2026-11-22 24:00:00.000",
    "2026-11-22 14:60:00.000",
    "2026-11-22 14:30:61.000",
    "2026-11-31 00:00:00.000",
    "2026-00-01 00:00:00.000",
    "2026-13-01 00:00:00.000",
    "2026-11-22 14:30:05.12x",
    "2026-11-22 14:30:0/.123",
    "2026-11-22 14:30:0:.123",
    "2026-11-22\t14:30:05.123",
    "+026-11-22",
    "-001-11-22",
    "12026-11-22",
    "now",
    "0000-01-01 00:00+01:00",
    "9999-12-31 23:59:59.999-00:01",
    "2026-11-22 14:30:05.123\xFF",
    "\xB2\xB0\xB2\xB6-11-22 14:30:05.123",
};

static void forms_that_are_none(void **state) {
    int64_t ms = 42;

    (void)state;
    for (size_t i = 0; i < sizeof not_times / sizeof *not_times; i++) {
        if (parse(not_times[i], &ms) != -1) fail_msg("taken: %s", not_times[i]);
    }
    assert_int_equal(parse("2026-11-22 14:30:05.12", &ms), 0);
    assert_int_equal(tarn_time_parse("2026-11-22\0", 11, &ms), -1);
}

/* The quick check of the canonical shape against the plain rule, byte by byte. */
static void one_wrong_byte_is_seen(void **state) {
    static const char good[] = "2026-11-22 13:20:05.123", shape[] = "dddd-dd-dd dd:dd:dd.ddd";

    (void)state;
    for (size_t at = 0; at < 23; at++) {
        for (int c = 0; c < 256; c++) {
            char text[24];
            int64_t ms = 0;
            int fits = shape[at] == 'd' ? c >= '0' && c <= '9' : (char)c == shape[at];

            fits |= at == 10 && c == 'T';
            fits |= at == 22 && (c == 'Z' || c == 'z'); /* two digits of a second and a zone */
            memcpy(text, good, 24);
            text[at] = (char)c;
            if (!fits)
                assert_int_equal(tarn_time_parse(text, 23, &ms), -1);
            else if (at == 3 || at == 10 || at >= 18)
                assert_int_equal(tarn_time_parse(text, 23, &ms), 0);
        }
    }
}

static int sign(int v) {
    return (v > 0) - (v < 0);
}

static int collate(const char *a, const char *b) {
    return sign(tarn_time_collate(a, strlen(a), b, strlen(b)));
}

static void collation_orders_times_across_forms(void **state) {
    (void)state;
    assert_int_equal(collate("2026-11-22 14:30:05.123", "2026-11-22T14:30:05.123Z"), 0);
    assert_int_equal(collate("2026-11-22", "2026-11-22 00:00:00.000"), 0);
    assert_int_equal(collate("2026-11-22 23:00:00.000", "2026-11-22T01:00:00.000Z"), 1);
    assert_int_equal(collate("2026-11-22T14:30:05+02:00", "2026-11-22 12:30:05.001"), -1);
    assert_int_equal(collate("2026-11-22 14:30:05.123", "2026-11-22 14:30:05.124"), -1);
    assert_int_equal(collate("9999-12-31", "0"), -1);
    assert_int_equal(collate("", "2026-11-22"), 1);
    assert_int_equal(collate("2026-02-30 00:00:00.000", "2026-03-01 00:00:00.000"), 1);
    assert_int_equal(collate("2026-02-30 00:00:00.000", "2026-02-31 00:00:00.000"), -1);
    assert_int_equal(collate("2016-12-31 23:59:60.000", "2016-12-31 23:59:59.999"), 0);
    assert_int_equal(collate("", ""), 0);
    assert_int_equal(collate("abc", "ab"), 1);
    assert_int_equal(sign(tarn_time_collate(NULL, 0, "x", 1)), -1);
}

static size_t random_text(char *out) {
    static const char alphabet[] = "0123456789-:. TZ+x";
    int64_t ms = (int64_t)(next() % 5) * 1000 + INT64_C(1480000000000);
    size_t n = 23;

    tarn_time_iso(ms, out);
    if (next() % 2) out[10] = ' ';
    if (next() % 3 == 0) n = 24;
    if (next() % 4 == 0) n = next() % 25;
    for (uint64_t i = next() % 8 < 3 ? next() % 3 : 0; i > 0 && n > 0; i--)
        out[next() % n] = alphabet[next() % (sizeof alphabet - 1)];
    return n;
}

static void collation_is_a_total_order(void **state) {
    (void)state;
    for (int i = 0; i < 200000; i++) {
        char t[3][32];
        size_t n[3];
        int ab, bc, ac;

        for (int k = 0; k < 3; k++)
            n[k] = random_text(t[k]);
        ab = sign(tarn_time_collate(t[0], n[0], t[1], n[1]));
        bc = sign(tarn_time_collate(t[1], n[1], t[2], n[2]));
        ac = sign(tarn_time_collate(t[0], n[0], t[2], n[2]));
        assert_int_equal(tarn_time_collate(t[0], n[0], t[0], n[0]), 0);
        assert_int_equal(ab, -sign(tarn_time_collate(t[1], n[1], t[0], n[0])));
        if (ab <= 0 && bc <= 0) assert_true(ac < 0 || (ac == 0 && ab == 0 && bc == 0));
        if (ab >= 0 && bc >= 0) assert_true(ac > 0 || (ac == 0 && ab == 0 && bc == 0));
    }
}

static void floor_goes_down(void **state) {
    (void)state;
    assert_true(tarn_time_floor(-1, 1000) == -1000);
    assert_true(tarn_time_floor(-1000, 1000) == -1000);
    assert_true(tarn_time_floor(1999, 1000) == 1000);
    assert_true(tarn_time_floor(0, TARN_MS_PER_DAY) == 0);
}

static int64_t stopped(void *arg) {
    return *(int64_t *)arg;
}

static void clock_can_be_set(void **state) {
    int64_t now = 12345, before = tarn_time_now(), mono = tarn_time_monotonic();

    (void)state;
    assert_true(before > INT64_C(1600000000000));
    assert_true(tarn_time_monotonic() >= mono);
    tarn_time_set_clock(stopped, &now);
    assert_true(tarn_time_now() == 12345);
    assert_true(tarn_time_monotonic() == 12345);
    tarn_time_set_clock(NULL, NULL);
    assert_true(tarn_time_now() >= before);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(agrees_with_the_c_library),
        cmocka_unit_test(every_day_of_every_year),
        cmocka_unit_test(text_is_clamped),
        cmocka_unit_test(forms_that_are_times),
        cmocka_unit_test(forms_that_are_none),
        cmocka_unit_test(one_wrong_byte_is_seen),
        cmocka_unit_test(collation_orders_times_across_forms),
        cmocka_unit_test(collation_is_a_total_order),
        cmocka_unit_test(floor_goes_down),
        cmocka_unit_test(clock_can_be_set),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
