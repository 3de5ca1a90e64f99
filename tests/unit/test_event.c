/* test_event.c: the binary form of events: round trips, and bytes that are not one. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "event.h"
#include "mem.h"

static uint64_t state;

static uint32_t rnd(uint32_t n) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(state >> 33) % n;
}

static const char pool[] =
    "plain text, \xC3\xA9t\xC3\xA9 \xF0\x9F\x90\x9F and more of it, to be cut";

static void random_event(struct tarn_event *ev) {
    int c;

    memset(ev, 0, sizeof *ev);
    ev->present = TARN_EV_BIT(TARN_EV_TS) | TARN_EV_BIT(TARN_EV_TYPE) | rnd(1u << 13);
    ev->ts = (int64_t)((uint64_t)rnd(UINT32_MAX) << 32 | rnd(UINT32_MAX));
    for (c = 0; c < TARN_EV_COLUMNS; c++) {
        if (tarn_event_is_text(c) && (ev->present & TARN_EV_BIT(c))) {
            ev->text[c].data = (const uint8_t *)pool;
            ev->text[c].len = rnd(12);
        }
    }
    if (ev->present & TARN_EV_BIT(TARN_EV_VERIFIED)) ev->verified = (int)rnd(2);
    if (ev->present & TARN_EV_BIT(TARN_EV_STATUS_CODE)) ev->status_code = (int32_t)rnd(UINT32_MAX);
    if (ev->present & TARN_EV_BIT(TARN_EV_DURATION_MS)) ev->duration_ms = (double)rnd(1000000) / 7;
    if (rnd(2)) {
        ev->prefix = (struct tarn_slice){(const uint8_t *)"tail", 4};
        ev->namespace_ = (struct tarn_slice){(const uint8_t *)"acme", rnd(2) ? 4 : 0};
    }
}

static void assert_slice(const struct tarn_slice *a, const struct tarn_slice *b) {
    assert_int_equal(a->len, b->len);
    if (a->len) assert_memory_equal(a->data, b->data, a->len);
}

static void assert_event(const struct tarn_event *a, const struct tarn_event *b) {
    int c;

    assert_int_equal(a->present, b->present);
    assert_true(a->ts == b->ts);
    assert_int_equal(a->verified, b->verified);
    assert_int_equal(a->status_code, b->status_code);
    assert_memory_equal(&a->duration_ms, &b->duration_ms, sizeof a->duration_ms);
    for (c = 0; c < TARN_EV_COLUMNS; c++)
        assert_slice(&a->text[c], &b->text[c]);
    assert_slice(&a->prefix, &b->prefix);
    assert_slice(&a->namespace_, &b->namespace_);
}

static void round_trip(void **unused) {
    struct tarn_buf b = TARN_BUF_INIT(TARN_EVENT_MAX + 16);
    struct tarn_event ev[50], got;
    struct tarn_cursor c;
    int round, i;

    (void)unused;
    for (round = 0; round < 200; round++) {
        tarn_buf_clear(&b);
        for (i = 0; i < 50; i++) {
            random_event(&ev[i]);
            tarn_event_encode(&b, &ev[i]);
        }
        assert_int_equal(b.rc, TARN_OK);
        c = (struct tarn_cursor){b.data, b.data + b.len, TARN_OK};
        for (i = 0; i < 50; i++) {
            assert_int_equal(tarn_event_decode(&c, &got, NULL), TARN_OK);
            assert_event(&ev[i], &got);
        }
        assert_ptr_equal(c.p, c.end);
    }
    tarn_buf_release(&b);
}

static void layout_is_as_documented(void **unused) {
    static const uint8_t expect[] = {'E', 22,  0x07, 0x04, 1,   0,   0,   0,   0,    0, 0, 0,
                                     1,   't', 5,    's',  'o', 'u', 'r', 'c', 0xf4, 1, 0, 0};
    struct tarn_buf b = TARN_BUF_INIT(1000);
    struct tarn_event ev;

    (void)unused;
    memset(&ev, 0, sizeof ev);
    ev.present = TARN_EV_BIT(TARN_EV_TS) | TARN_EV_BIT(TARN_EV_TYPE) | TARN_EV_BIT(TARN_EV_SOURCE) |
                 TARN_EV_BIT(TARN_EV_STATUS_CODE);
    ev.ts = 1;
    ev.text[TARN_EV_TYPE] = (struct tarn_slice){(const uint8_t *)"t", 1};
    ev.text[TARN_EV_SOURCE] = (struct tarn_slice){(const uint8_t *)"sourc", 5};
    ev.status_code = 500;
    tarn_event_encode(&b, &ev);
    assert_int_equal(b.len, sizeof expect);
    assert_memory_equal(b.data, expect, sizeof expect);
    tarn_buf_release(&b);
}

static void truncated_and_damaged(void **unused) {
    struct tarn_buf b = TARN_BUF_INIT(TARN_EVENT_MAX + 16);
    struct tarn_event ev, got;
    struct tarn_err err;
    struct tarn_cursor c;
    uint8_t *copy;
    size_t n;
    int round;

    (void)unused;
    for (round = 0; round < 300; round++) {
        tarn_buf_clear(&b);
        random_event(&ev);
        tarn_event_encode(&b, &ev);
        for (n = 0; n < b.len; n++) {
            copy = tarn_memdup(b.data, n ? n : 1);
            c = (struct tarn_cursor){copy, copy + n, TARN_OK};
            tarn_err_clear(&err);
            assert_int_equal(tarn_event_decode(&c, &got, &err), TARN_ECORRUPT);
            assert_int_equal(err.code, TARN_ECORRUPT);
            tarn_free(copy);
        }
        copy = tarn_memdup(b.data, b.len);
        copy[rnd((uint32_t)b.len)] ^= (uint8_t)(1u << rnd(8));
        c = (struct tarn_cursor){copy, copy + b.len, TARN_OK};
        if (tarn_event_decode(&c, &got, NULL) == TARN_OK)
            assert_true(c.p <= c.end && got.text[TARN_EV_TYPE].len <= b.len);
        tarn_free(copy);
    }
    tarn_buf_release(&b);
}

static void refuses(const uint8_t *bytes, size_t n) {
    struct tarn_event got;
    struct tarn_cursor c = {bytes, bytes + n, TARN_OK};

    assert_int_equal(tarn_event_decode(&c, &got, NULL), TARN_ECORRUPT);
}

static void breaks_of_the_rules(void **unused) {
    static const uint8_t no_type[] = {'E', 10, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0};
    static const uint8_t unknown_flag[] = {'E', 11, 3, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0};
    static const uint8_t verified_absent[] = {'E', 11, 3, 0x20, 0, 0, 0, 0, 0, 0, 0, 0, 0};
    static const uint8_t left_over[] = {'E', 12, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9};
    static const uint8_t not_utf8[] = {'E', 12, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff};
    static const uint8_t huge[] = {'E', 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1};
    static const uint8_t long_text[] = {'E', 15, 3, 0,    0,    0,    0,    0,   0,
                                        0,   0,  0, 0xff, 0xff, 0xff, 0xff, 0x0f};
    static const uint8_t other_kind[] = {'R', 11, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0};
    static const uint8_t fine[] = {'E', 11, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0};
    struct tarn_event got;
    struct tarn_cursor c = {fine, fine + sizeof fine, TARN_OK};

    (void)unused;
    refuses(no_type, sizeof no_type);
    refuses(unknown_flag, sizeof unknown_flag);
    refuses(verified_absent, sizeof verified_absent);
    refuses(left_over, sizeof left_over);
    refuses(not_utf8, sizeof not_utf8);
    refuses(huge, sizeof huge);
    refuses(long_text, sizeof long_text);
    refuses(other_kind, sizeof other_kind);
    assert_int_equal(tarn_event_decode(&c, &got, NULL), TARN_OK);
}

static void too_large_is_refused(void **unused) {
    struct tarn_buf b = TARN_BUF_INIT((size_t)1 << 30);
    struct tarn_event ev;

    (void)unused;
    memset(&ev, 0, sizeof ev);
    ev.present = TARN_EV_BIT(TARN_EV_TS) | TARN_EV_BIT(TARN_EV_TYPE);
    ev.text[TARN_EV_TYPE] = (struct tarn_slice){(const uint8_t *)"t", (size_t)TARN_EVENT_MAX + 1};
    tarn_event_encode(&b, &ev); /* must not touch the bytes */
    assert_int_equal(b.rc, TARN_ELIMIT);
    assert_int_equal(b.len, 0);
    tarn_buf_release(&b);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(round_trip),
        cmocka_unit_test(layout_is_as_documented),
        cmocka_unit_test(truncated_and_damaged),
        cmocka_unit_test(breaks_of_the_rules),
        cmocka_unit_test(too_large_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
