/* test_scan_group.c: grouped scans of random lakes against plain scans of the same: the same rows,
** in the order asked for, ts read from any row on; distinct ones; allocations that fail. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mem.h"
#include "scan_lake.h"
#include "scan_tuples.h"
#include "time.h"

#define LINE 400
#define LAKES 60
#define QUERIES 8

static const unsigned char groupable[] = {
    TARN_EV_TYPE,    TARN_EV_SOURCE, TARN_EV_PROVIDER,    TARN_EV_EVENT_TYPE, TARN_EV_VERIFIED,
    TARN_EV_OUTCOME, TARN_EV_METHOD, TARN_EV_STATUS_CODE, TARN_SCAN_HOUR,     TARN_SCAN_DAY};

struct table {
    char (*lines)[LINE];
    size_t n, cap;
};

static void build(struct lake_fixture *f) {
    int files = 1 + (int)lake_random(f, 6);
    char key[128];
    int i;

    for (i = 0; i < files; i++) {
        struct lake_style style = {.row_group_rows = 20 + lake_random(f, 200),
                                   .page_rows = 5 + lake_random(f, 40),
                                   .ts = (enum lake_ts)lake_random(f, LAKE_TS_KINDS),
                                   .status = (enum lake_status)lake_random(f, LAKE_STATUS_KINDS),
                                   .int_verified = (int)lake_random(f, 2)};
        int hour = (int)lake_random(f, 3);
        int jsonl = lake_random(f, 5) == 0;
        int n = (int)lake_random(f, jsonl ? 60 : 300);
        int first = lake_add_rows(f, n, LAKE_HOUR + hour * TARN_MS_PER_HOUR,
                                  LAKE_HOUR + (hour + 1) * TARN_MS_PER_HOUR - 1, 0);

        if (lake_random(f, 3) == 0) style.missing = TARN_EV_BIT(TARN_EV_SOURCE);
        snprintf(key, sizeof key, "events/2026/02/02/%02d/%02d.%s", 14 + hour, i,
                 jsonl ? "jsonl" : "parquet");
        if (jsonl)
            lake_put_jsonl(f, key, first, n);
        else
            lake_put_parquet(f, key, &style, first, n);
    }
}

static void put_value(struct tarn_scan *s, int column, char *line) {
    struct tarn_scanned v;
    struct tarn_err err = {0};
    size_t at = strlen(line);

    assert_int_equal(tarn_scan_value(s, column, &v, &err), TARN_OK);
    if (v.kind == TARN_SCANNED_NULL)
        snprintf(line + at, LINE - at, "|-");
    else if (v.kind == TARN_SCANNED_INT)
        snprintf(line + at, LINE - at, "|%lld", (long long)v.i);
    else
        snprintf(line + at, LINE - at, "|'%.*s'", (int)v.text.len, (const char *)v.text.data);
}

/* All rows of a scan: its columns, and ts if it is among them and `with_ts`. */
static void read_all(const struct tarn_scan_spec *spec, int with_ts, struct table *t) {
    struct tarn_scan *s = NULL;
    struct tarn_err err = {0};
    int more = 1, c;

    memset(t, 0, sizeof *t);
    assert_int_equal(tarn_scan_open(&s, spec, &err), TARN_OK);
    while (tarn_scan_next(s, &more, &err) == TARN_OK && more) {
        if (t->n == t->cap) {
            t->cap = t->cap ? t->cap * 2 : 64;
            t->lines = realloc(t->lines, t->cap * sizeof *t->lines);
            assert_non_null(t->lines);
        }
        t->lines[t->n][0] = '\0';
        for (c = TARN_EV_TYPE; c <= TARN_SCAN_DAY; c++) {
            if (spec->columns & TARN_EV_BIT(c)) put_value(s, c, t->lines[t->n]);
        }
        if (with_ts && spec->columns & TARN_EV_BIT(TARN_EV_TS))
            put_value(s, TARN_EV_TS, t->lines[t->n]);
        t->n++;
    }
    assert_string_equal(err.msg, "");
    tarn_scan_free(s);
}

static int by_line(const void *a, const void *b) {
    return strcmp(a, b);
}

static size_t without_repeats(struct table *t) {
    size_t kept = 0, i;

    for (i = 0; i < t->n; i++) {
        if (i == 0 || strcmp(t->lines[i], t->lines[kept - 1]) != 0)
            memmove(t->lines[kept++], t->lines[i], LINE);
    }
    return kept;
}

static void sort(struct table *t) {
    if (t->n) qsort(t->lines, t->n, sizeof *t->lines, by_line);
}

/* Every row is at or behind the one before, by the columns of the group. */
static void check_order(const struct tarn_scan_spec *spec) {
    struct tarn_scan *s = NULL;
    struct tarn_err err = {0};
    struct tarn_scanned last[TARN_SCAN_GROUP_MAX], now;
    int more = 1, any = 0, i;

    assert_int_equal(tarn_scan_open(&s, spec, &err), TARN_OK);
    while (tarn_scan_next(s, &more, &err) == TARN_OK && more) {
        int order = 0;

        for (i = 0; i < spec->n_group; i++) { /* texts stay until the end of a pass */
            assert_int_equal(tarn_scan_value(s, spec->group[i], &now, &err), TARN_OK);
            if (any && order == 0) order = tarn_value_compare(&last[i], &now) * spec->group_sign[i];
            assert_true(order <= 0);
            last[i] = now;
        }
        any = 1;
    }
    assert_string_equal(err.msg, "");
    tarn_scan_free(s);
}

static void random_group(struct lake_fixture *f, struct tarn_scan_spec *spec) {
    int n = 1 + (int)lake_random(f, 3);

    lake_spec(f, spec);
    spec->columns = 0;
    while (spec->n_group < n) {
        unsigned char c = groupable[lake_random(f, sizeof groupable)];

        if (spec->columns & TARN_EV_BIT(c)) continue;
        spec->columns |= TARN_EV_BIT(c);
        spec->group[spec->n_group] = c;
        spec->group_sign[spec->n_group++] = lake_random(f, 2) ? 1 : -1;
    }
    if (lake_random(f, 2))
        spec->columns |= TARN_EV_BIT(groupable[lake_random(f, sizeof groupable)]);
    if (lake_random(f, 2)) spec->columns |= TARN_EV_BIT(TARN_EV_TS);
    spec->pushdown = lake_random(f, 4) != 0;
}

static void random_lakes(void **unused) {
    int lake, query;

    (void)unused;
    for (lake = 0; lake < LAKES; lake++) {
        struct lake_fixture f;

        lake_init(&f, 4711 + (uint64_t)lake);
        build(&f);
        for (query = 0; query < QUERIES; query++) {
            struct tarn_const from = {.kind = TARN_CONST_INT, .i = LAKE_HOUR + 1800000};
            struct tarn_predicate since = {TARN_EV_TS, TARN_OP_GE, &from, 1};
            struct tarn_scan_spec spec, plain;
            struct table ours, theirs;
            int with_ts = (int)lake_random(&f, 2);

            random_group(&f, &spec);
            spec.predicates = &since;
            spec.n_predicates = (int)lake_random(&f, 2);
            plain = spec;
            plain.n_group = 0;
            spec.distinct = lake_random(&f, 3) == 0;
            read_all(&spec, with_ts, &ours);
            read_all(&plain, with_ts, &theirs);
            sort(&ours);
            sort(&theirs);
            if (spec.distinct && !(spec.columns & TARN_EV_BIT(TARN_EV_TS)))
                theirs.n = without_repeats(&theirs);
            assert_int_equal(ours.n, theirs.n);
            if (ours.n) assert_memory_equal(ours.lines[0], theirs.lines[0], 1);
            for (size_t i = 0; i < ours.n; i++)
                assert_string_equal(ours.lines[i], theirs.lines[i]);
            check_order(&spec);
            free(ours.lines);
            free(theirs.lines);
        }
        lake_release(&f);
    }
}

/* ts asked for late, when rows have gone by without. */
static void ts_of_some_rows(void **unused) {
    struct lake_fixture f;
    struct tarn_scan_spec spec;
    struct tarn_scan *s = NULL;
    struct tarn_err err = {0};
    struct tarn_scanned v, type;
    int64_t sum = 0, all = 0;
    int more = 1, n = 0, i;

    (void)unused;
    lake_init(&f, 12);
    lake_put_parquet(&f, "events/2026/02/02/14/a.parquet",
                     &(struct lake_style){.row_group_rows = 50, .page_rows = 10},
                     lake_add_rows(&f, 2500, LAKE_HOUR, LAKE_HOUR + TARN_MS_PER_HOUR - 1, 0), 2500);
    lake_spec(&f, &spec);
    spec.columns = TARN_EV_BIT(TARN_EV_TYPE) | TARN_EV_BIT(TARN_EV_TS);
    spec.group[0] = TARN_EV_TYPE;
    spec.group_sign[0] = 1;
    spec.n_group = 1;
    assert_int_equal(tarn_scan_open(&s, &spec, &err), TARN_OK);
    while (tarn_scan_next(s, &more, &err) == TARN_OK && more) {
        assert_int_equal(tarn_scan_value(s, TARN_EV_TYPE, &type, &err), TARN_OK);
        if (type.kind != TARN_SCANNED_TEXT || type.text.len != 8 ||
            memcmp(type.text.data, "rpc.call", 8) != 0)
            continue;
        assert_int_equal(tarn_scan_value(s, TARN_EV_TS, &v, &err), TARN_OK);
        sum += v.i;
        n++;
    }
    tarn_scan_free(s);
    for (i = 0; i < f.n_rows; i++) {
        if (strcmp(f.rows[i].text[TARN_EV_TYPE], "rpc.call") != 0) continue;
        all += f.rows[i].ts;
        n--;
    }
    assert_int_equal(n, 0);
    assert_true(sum == all && sum != 0);
    lake_release(&f);
}

static void failing_allocations(void **unused) {
    struct lake_fixture f;
    struct tarn_scan_spec spec;
    unsigned long i = 0;
    int rc = TARN_ENOMEM, more, n;

    (void)unused;
    lake_init(&f, 5);
    build(&f);
    lake_spec(&f, &spec);
    spec.columns =
        TARN_EV_BIT(TARN_EV_TYPE) | TARN_EV_BIT(TARN_EV_METHOD) | TARN_EV_BIT(TARN_EV_TS);
    spec.group[0] = TARN_EV_METHOD;
    spec.group_sign[0] = -1;
    spec.n_group = 1;
    while (rc != TARN_OK) {
        struct tarn_scan *s = NULL;
        struct tarn_err err = {0};
        struct tarn_scanned v;

        tarn_mem_fail_after(++i, 1);
        rc = tarn_scan_open(&s, &spec, &err);
        for (n = 0, more = 1; rc == TARN_OK && more; n += more) {
            rc = tarn_scan_next(s, &more, &err);
            if (rc == TARN_OK && more) rc = tarn_scan_value(s, TARN_EV_TS, &v, &err);
        }
        tarn_mem_fail_after(0, 0);
        tarn_scan_free(s);
        assert_true(rc == TARN_ENOMEM || (rc == TARN_OK && n == f.n_rows));
    }
    assert_true(i > 50);
    lake_release(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_lakes),
        cmocka_unit_test(ts_of_some_rows),
        cmocka_unit_test(failing_allocations),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
