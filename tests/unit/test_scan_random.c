/* test_scan_random.c: scans of random lakes against a plain array of the same rows: every
** predicate, both orders, with and without pushdown, files of many shapes whose times overlap. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "scan_lake.h"
#include "time.h"

#define MAX_PREDICATES 3
#define MAX_CONSTANTS 4
#define SPREAD INT64_C(300000) /* ms around a shared middle: files overlap */

struct query {
    struct tarn_predicate predicates[MAX_PREDICATES];
    struct tarn_const constants[MAX_PREDICATES][MAX_CONSTANTS];
    int n;
    int order;
    int64_t limit;
    uint32_t columns;
};

static void random_style(struct lake_fixture *f, struct lake_style *s) {
    static const uint32_t optional[] = {TARN_EV_SOURCE,      TARN_EV_VERIFIED, TARN_EV_STATUS_CODE,
                                        TARN_EV_DURATION_MS, TARN_EV_URL,      TARN_EV_TYPE};
    int i;

    memset(s, 0, sizeof *s);
    s->row_group_rows = 20 + lake_random(f, 200);
    s->page_rows = 5 + lake_random(f, 40);
    if (lake_random(f, 3) == 0) /* a file of Tarn's own */
        return;
    s->ts = (enum lake_ts)lake_random(f, LAKE_TS_KINDS);
    s->status = (enum lake_status)lake_random(f, LAKE_STATUS_KINDS);
    s->duration = (enum lake_duration)lake_random(f, LAKE_DURATION_KINDS);
    s->optional_ts = (int)lake_random(f, 2);
    s->upper_names = (int)lake_random(f, 2);
    s->bare_text = (int)lake_random(f, 2);
    s->int_verified = (int)lake_random(f, 2);
    s->with_extra = (int)lake_random(f, 2);
    for (i = 0; i < 6; i++) {
        if (lake_random(f, 6) == 0) s->missing |= TARN_EV_BIT(optional[i]);
    }
}

/* Files of three hours whose rows lie around the hours' borders (the lake is untrusted, so folders
** say the hour give or take pathSlack). */
static void build(struct lake_fixture *f) {
    int files = 3 + (int)lake_random(f, 6);
    char key[128];
    int i;

    for (i = 0; i < files; i++) {
        int hour = (int)lake_random(f, 3);
        int64_t middle = LAKE_HOUR + hour * TARN_MS_PER_HOUR;
        int jsonl = lake_random(f, 5) == 0;
        int n = (int)lake_random(f, jsonl ? 60 : 400);
        int first = lake_add_rows(f, n, middle - SPREAD, middle + SPREAD, (int)lake_random(f, 3));
        struct lake_style style;

        snprintf(key, sizeof key, "events/2026/02/02/%02d/%02d.%s", 14 + hour, i,
                 jsonl ? "jsonl" : "parquet");
        random_style(f, &style);
        if (jsonl)
            lake_put_jsonl(f, key, first, n);
        else
            lake_put_parquet(f, key, &style, first, n);
    }
}

static void random_constant(struct lake_fixture *f, int c, struct tarn_const *k) {
    const struct lake_row *r = f->n_rows ? &f->rows[lake_random(f, (uint32_t)f->n_rows)] : NULL;

    memset(k, 0, sizeof *k);
    if (c == TARN_EV_TS) {
        k->kind = TARN_CONST_INT;
        k->i = (r ? r->ts : LAKE_HOUR) + (int)lake_random(f, 3) - 1;
        if (lake_random(f, 20) == 0)
            k->i = lake_random(f, 2) ? INT64_MAX - (int)lake_random(f, 2)
                                     : INT64_MIN + (int)lake_random(f, 2);
    } else if (c == TARN_EV_DURATION_MS) {
        k->kind = TARN_CONST_REAL;
        k->r = lake_random(f, 1000) + (lake_random(f, 2) ? 0.5 : 0.0);
    } else if (c == TARN_EV_STATUS_CODE || c == TARN_EV_VERIFIED) {
        k->kind = TARN_CONST_INT;
        k->i =
            c == TARN_EV_VERIFIED ? (int)lake_random(f, 3) - 1 : 200 + (int)lake_random(f, 6) * 100;
        if (lake_random(f, 10) == 0) k->i = lake_random(f, 2) ? INT64_C(5000000000) : -1;
    } else {
        k->kind = TARN_CONST_BYTES;
        k->bytes.data = (const uint8_t *)(r && lake_random(f, 4) ? r->text[c] : "m");
        k->bytes.len = strlen((const char *)k->bytes.data);
    }
}

static void random_predicate(struct lake_fixture *f, struct query *q) {
    struct tarn_predicate *p = &q->predicates[q->n];
    struct tarn_const *k = q->constants[q->n];
    uint32_t i, j;

    p->column = lake_random(f, 2) ? TARN_EV_TS : (int)lake_random(f, TARN_EV_PAYLOAD);
    p->op = (enum tarn_pred_op)lake_random(f, TARN_OP_PREFIX + 1);
    if (p->op == TARN_OP_PREFIX && !tarn_event_is_text(p->column)) p->op = TARN_OP_GE;
    if (p->column == TARN_EV_TS && p->op == TARN_OP_EQ && lake_random(f, 2)) p->op = TARN_OP_LE;
    p->constants = k;
    p->n = p->op == TARN_OP_IN ? 1 + lake_random(f, MAX_CONSTANTS) : 1;
    for (i = 0; i < p->n; i++)
        random_constant(f, p->column, &k[i]);
    for (i = 1; i < p->n; i++) { /* IN lists have no duplicates */
        for (j = 0; j < i; j++) {
            if (k[i].i == k[j].i && k[i].bytes.len == k[j].bytes.len && !(k[i].r < k[j].r) &&
                !(k[i].r > k[j].r) &&
                (!k[i].bytes.len || !memcmp(k[i].bytes.data, k[j].bytes.data, k[i].bytes.len))) {
                p->n = i;
                break;
            }
        }
    }
    if (p->op == TARN_OP_PREFIX && k->bytes.len > 1)
        k->bytes.len = 1 + lake_random(f, (uint32_t)k->bytes.len);
    q->n++;
}

static void random_query(struct lake_fixture *f, struct query *q) {
    int n = (int)lake_random(f, MAX_PREDICATES + 1);

    memset(q, 0, sizeof *q);
    while (q->n < n)
        random_predicate(f, q);
    q->order = (int)lake_random(f, 3) - 1;
    q->limit = lake_random(f, 2) ? -1 : (int)lake_random(f, 50) + 1;
    q->columns = lake_random(f, 2) ? TARN_EV_BIT(TARN_EV_COLUMNS + 1) - 1
                                   : lake_random(f, 1u << 14) | TARN_EV_BIT(TARN_EV_PAYLOAD);
}

static int expected(const struct lake_fixture *f, const struct query *q, char *in, int64_t *ts) {
    int n = 0, i, p;

    for (i = 0; i < f->n_rows; i++) {
        in[i] = 1;
        for (p = 0; p < q->n && in[i]; p++)
            in[i] = (char)lake_matches(&f->rows[i], &q->predicates[p]);
        if (in[i]) ts[n++] = f->rows[i].ts;
    }
    return n;
}

static int by_value(const void *a, const void *b) {
    const int64_t *x = a, *y = b;

    return (*x > *y) - (*x < *y);
}

static void run(struct lake_fixture *f, const struct query *q, int pushdown) {
    char *in = calloc((size_t)f->n_rows + 1, 1);
    int64_t *ts = calloc((size_t)f->n_rows + 1, sizeof *ts);
    int want = expected(f, q, in, ts), got = 0, more = 1, id;
    struct tarn_scan_spec spec;
    struct tarn_scan *s = NULL;
    struct tarn_err err = {0};

    lake_spec(f, &spec);
    spec.path_slack = SPREAD;
    spec.columns = q->columns;
    spec.predicates = q->predicates;
    spec.n_predicates = q->n;
    spec.order = q->order;
    spec.limit = q->limit;
    spec.pushdown = pushdown;
    qsort(ts, (size_t)want, sizeof *ts, by_value);
    if (tarn_scan_open(&s, &spec, &err) != TARN_OK) fail_msg("%s", err.msg);
    while (q->limit < 0 || got < q->limit) {
        if (tarn_scan_next(s, &more, &err) != TARN_OK) fail_msg("%s", err.msg);
        if (!more) break;
        id = lake_check_row(f, s, q->columns);
        if (!in[id]) fail_msg("row %d came twice or doesn't match", id);
        in[id] = 0;
        assert_true(got < want);
        if (q->order) assert_true(f->rows[id].ts == ts[q->order > 0 ? got : want - 1 - got]);
        got++;
    }
    assert_int_equal(got, q->limit >= 0 && q->limit < want ? q->limit : want);
    tarn_scan_free(s);
    free(in);
    free(ts);
}

static void random_lakes(void **unused) {
    struct lake_fixture f;
    struct query q;
    int lake, i;

    (void)unused;
    for (lake = 0; lake < 24; lake++) {
        lake_init(&f, (uint64_t)lake);
        build(&f);
        for (i = 0; i < 50; i++) {
            random_query(&f, &q);
            run(&f, &q, 1);
            run(&f, &q, 0);
        }
        lake_release(&f);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(random_lakes)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
