/* test_jsonl_read.c: lines of legacy files as events. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "jsonl_read.h"

#define ALL (TARN_EV_BIT(TARN_EV_COLUMNS) - 1)

static struct tarn_jsonl_reader reader;
static struct tarn_event ev;
static struct tarn_err err;

static int read_line(const char *text, uint32_t columns) {
    struct tarn_slice line = {(const uint8_t *)text, strlen(text)};

    tarn_err_clear(&err);
    return tarn_jsonl_read(&reader, line, columns, &ev, &err);
}

static void assert_text(int column, const char *text) {
    assert_true(ev.present & TARN_EV_BIT(column));
    assert_int_equal(ev.text[column].len, strlen(text));
    assert_memory_equal(ev.text[column].data, text, strlen(text));
}

static void all_columns(void **unused) {
    static const char line[] =
        "{\"ts\":\"2026-02-02T14:30:00.125Z\",\"type\":\"rpc.call\",\"source\":\"do\",\"provider\":"
        "\"p\","
        "\"event_type\":\"e\",\"verified\":true,\"script_name\":\"s\",\"outcome\":\"ok\","
        "\"method\":\"GET\","
        "\"url\":\"https://x/\xC3\xA9\",\"status_code\":200,\"duration_ms\":1.5,\"other\":[1,{}]}";

    (void)unused;
    assert_int_equal(read_line(line, ALL), TARN_OK);
    assert_int_equal(ev.present, ALL);
    assert_true(ev.ts == INT64_C(1770042600125));
    assert_text(TARN_EV_TYPE, "rpc.call");
    assert_text(TARN_EV_SOURCE, "do");
    assert_text(TARN_EV_PROVIDER, "p");
    assert_text(TARN_EV_EVENT_TYPE, "e");
    assert_text(TARN_EV_SCRIPT_NAME, "s");
    assert_text(TARN_EV_OUTCOME, "ok");
    assert_text(TARN_EV_METHOD, "GET");
    assert_text(TARN_EV_URL, "https://x/\xC3\xA9");
    assert_text(TARN_EV_PAYLOAD, line);
    assert_int_equal(ev.verified, 1);
    assert_int_equal(ev.status_code, 200);
    assert_true(ev.duration_ms > 1.4 && ev.duration_ms < 1.6);
    assert_int_equal(read_line(line, TARN_EV_BIT(TARN_EV_URL)), TARN_OK);
    assert_int_equal(ev.present, TARN_EV_BIT(TARN_EV_TS) | TARN_EV_BIT(TARN_EV_URL) |
                                     TARN_EV_BIT(TARN_EV_PAYLOAD));
}

static void camel_case_names(void **unused) {
    (void)unused;
    assert_int_equal(
        read_line("{\"ts\":0,\"eventType\":\"e\",\"scriptName\":\"s\",\"statusCode\":404.0,"
                  "\"durationMs\":7,\"status_code\":\"x\"}",
                  ALL),
        TARN_OK);
    assert_text(TARN_EV_EVENT_TYPE, "e");
    assert_text(TARN_EV_SCRIPT_NAME, "s");
    assert_int_equal(ev.status_code, 404);
    assert_true(ev.duration_ms > 6.9 && ev.duration_ms < 7.1);
}

static void times(void **unused) {
    static const struct {
        const char *line;
        int64_t ms;
    } good[] = {
        {"{\"ts\":1706878800123}", INT64_C(1706878800123)},
        {"{\"ts\":1706878800123.9}", INT64_C(1706878800123)},
        {"{\"ts\":-0.5}", -1},
        {"{\"timestamp\":\"2024-02-02 13:00:00\"}", INT64_C(1706878800000)},
        {"{\"time\":\"2024-02-02\"}", INT64_C(1706832000000)},
        {"{\"createdAt\":\"2024-02-02T13:00:00+01:00\"}", INT64_C(1706875200000)},
        {"{\"ts\":null,\"timestamp\":5}", 5},
        {"{\"ts\":\"soon\",\"time\":6}", 6},
        {"{\"timestamp\":1,\"ts\":2}", 2},
        {"{\"ts\":253402300799999}", INT64_C(253402300799999)},
    };
    static const char *const bad[] = {
        "{}",
        "{\"ts\":\"soon\"}",
        "{\"ts\":true}",
        "{\"ts\":253402300800000}",
        "{\"ts\":1e300}",
        "{\"TS\":1}",
        "{\"ts\":{\"$date\":1}}",
    };
    size_t i;

    (void)unused;
    for (i = 0; i < sizeof good / sizeof good[0]; i++) {
        assert_int_equal(read_line(good[i].line, 0), TARN_OK);
        assert_true(ev.ts == good[i].ms);
    }
    for (i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(read_line(bad[i], 0), TARN_ECORRUPT);
        assert_non_null(strstr(err.msg, "expected a time"));
    }
}

static void values_that_do_not_fit(void **unused) {
    (void)unused;
    assert_int_equal(read_line("{\"ts\":1,\"type\":5,\"verified\":\"yes\",\"status_code\":200.5,"
                               "\"duration_ms\":\"1\",\"url\":null,\"method\":[],\"source\":{}}",
                               ALL),
                     TARN_OK);
    assert_int_equal(ev.present, TARN_EV_BIT(TARN_EV_TS) | TARN_EV_BIT(TARN_EV_PAYLOAD));
    assert_int_equal(read_line("{\"ts\":1,\"verified\":1,\"status_code\":2147483648}", ALL),
                     TARN_OK);
    assert_true(ev.present & TARN_EV_BIT(TARN_EV_VERIFIED));
    assert_false(ev.present & TARN_EV_BIT(TARN_EV_STATUS_CODE));
    assert_int_equal(
        read_line("{\"ts\":1,\"verified\":2,\"big\":123456789012345678901234567890}", ALL),
        TARN_OK);
    assert_false(ev.present & TARN_EV_BIT(TARN_EV_VERIFIED));
    assert_int_equal(read_line("{\"ts\":1,\"url\":\"a\\u0000b\"}", ALL), TARN_OK);
    assert_int_equal(ev.text[TARN_EV_URL].len, 3);
}

static void bad_lines(void **unused) {
    static const char *const bad[] = {
        "",
        "x",
        "[]",
        "5",
        "\"s\"",
        "null",
        "{\"ts\":1",
        "{\"ts\":1}}",
        "{\"ts\":01}",
        "{'ts':1}",
        "{\"ts\":1,\"url\":\"\xff\"}",
        "{\"ts\":1,}",
    };
    char deep[8000];
    size_t i;

    (void)unused;
    for (i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(read_line(bad[i], ALL), TARN_ECORRUPT);
        assert_non_null(strstr(err.msg, "expected a JSON object"));
    }
    memset(deep, '[', sizeof deep - 1);
    deep[sizeof deep - 1] = '\0';
    assert_int_equal(read_line(deep, ALL), TARN_ECORRUPT);
}

static int release(void **unused) {
    (void)unused;
    tarn_jsonl_reader_release(&reader);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_columns), cmocka_unit_test(camel_case_names),
        cmocka_unit_test(times),       cmocka_unit_test(values_that_do_not_fit),
        cmocka_unit_test(bad_lines),
    };

    return cmocka_run_group_tests(tests, NULL, release);
}
