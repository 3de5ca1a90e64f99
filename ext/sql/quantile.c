/* quantile.c: percentile_cont, quantile_cont, percentile_disc: exact, over all values of a group.
**
** Results equal DuckDB's, bit for bit: with n sorted values and fraction p
**   cont   r = (n-1)·p, lo = v[floor r], hi = v[ceil r]:  lo·(1-d) + hi·d with d = r - floor r
**   disc   v[max(1, n - floor(n - n·p)) - 1]
** NULLs (and NaN, which is NULL in SQLite) are passed over; no value at all gives NULL. Values are
** kept as doubles, eight bytes each, at most what SQLite may allocate in one piece.
** Where SQLite parses WITHIN GROUP, the flag SELFORDER1 lets these be written that way too.
*/
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "family.h"
#include "result.h"

#define SELFORDER1 \
    0x002000000 /* SQLITE_SELFORDER1 of SQLite 3.47; unknown bits are ignored before */
#define EXACT_INTEGER (INT64_C(1) << 53)

struct quantile {
    double *values;
    size_t n, cap;
    double p;
    int seen;     /* p is set */
    int failed;   /* an error was reported */
    int integers; /* every value was an INTEGER */
};

static void fail(sqlite3_context *ctx, struct quantile *q, const char *message, sqlite3_value *v) {
    char shown[TARN_SHOWN];
    char *text = sqlite3_mprintf(message, tarn_show_value(v, shown));

    if (text) {
        sqlite3_result_error(ctx, text, -1);
    } else {
        sqlite3_result_error_nomem(ctx);
    }
    sqlite3_free(text);
    q->failed = 1;
}

static int take_fraction(sqlite3_context *ctx, struct quantile *q, sqlite3_value *v) {
    int type = sqlite3_value_numeric_type(v);
    double p = sqlite3_value_double(v);

    if ((type != SQLITE_INTEGER && type != SQLITE_FLOAT) || !(p >= 0 && p <= 1)) {
        fail(ctx, q,
             "the fraction must be a number from 0 to 1 (0.95 for the 95th percentile); "
             "found %s",
             v);
        return 0;
    }
    if (q->seen && p != q->p) {
        fail(ctx, q, "the fraction must be the same in all rows of a group; found also %s", v);
        return 0;
    }
    q->p = p;
    q->seen = 1;
    return 1;
}

static int push(sqlite3_context *ctx, struct quantile *q, double value) {
    double *more = NULL;
    size_t cap = q->cap ? q->cap * 2 : 64;

    if (q->n == q->cap) {
        more = sqlite3_realloc64(q->values, cap * sizeof *more);
        if (!more) {
            sqlite3_result_error_nomem(ctx);
            q->failed = 1;
            return 0;
        }
        q->values = more;
        q->cap = cap;
    }
    q->values[q->n++] = value;
    return 1;
}

static void quantile_step(sqlite3_context *ctx, int argc, sqlite3_value **argv) {
    struct quantile *q = sqlite3_aggregate_context(ctx, sizeof *q);
    int type = sqlite3_value_type(argv[0]);
    int64_t i = 0;

    (void)argc;
    if (!q) {
        sqlite3_result_error_nomem(ctx);
        return;
    }
    if (q->failed) return;
    if (!q->seen) q->integers = 1;
    if (!take_fraction(ctx, q, argv[1]) || type == SQLITE_NULL) return;
    if (type != SQLITE_INTEGER && type != SQLITE_FLOAT) {
        fail(ctx, q, "percentiles are of numbers; found %s", argv[0]);
        return;
    }
    if (type == SQLITE_FLOAT) q->integers = 0;
    i = sqlite3_value_int64(argv[0]);
    if (type == SQLITE_INTEGER && (i > EXACT_INTEGER || i < -EXACT_INTEGER)) {
        fail(ctx, q, "percentiles take integers up to 2^53 only; found %s", argv[0]);
        return;
    }
    (void)push(ctx, q, sqlite3_value_double(argv[0]));
}

static int compare(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static double median3(double a, double b, double c) {
    if (a > b) return b > c ? b : a > c ? c : a;
    return a > c ? a : b > c ? c : b;
}

/* Moves values until v[k] is what it would be in order, with nothing larger before it and nothing
** smaller behind it. Each round leaves the part that k lies in; where rounds don't get far (which
** takes a mean order of values), that part is sorted. */
static void place(double *v, size_t n, size_t k) {
    size_t lo = 0, hi = n - 1; /* v[lo..hi] holds the k-th */
    int rounds = 64;

    for (; lo < hi && rounds > 0; rounds--) {
        double pivot = median3(v[lo], v[lo + (hi - lo) / 2], v[hi]);
        size_t i = lo, j = hi;

        for (;; i++, j--) { /* v[..i) <= pivot <= v(j..]; the pivot itself stops both */
            double swap = 0;

            while (v[i] < pivot)
                i++;
            while (v[j] > pivot)
                j--;
            if (i >= j) break;
            swap = v[i];
            v[i] = v[j];
            v[j] = swap;
        }
        if (k <= j)
            hi = j;
        else
            lo = j + 1;
    }
    if (lo < hi) qsort(v + lo, hi - lo + 1, sizeof *v, compare);
}

static double smallest(const double *v, size_t n) {
    double least = v[0];
    size_t i;

    for (i = 1; i < n; i++)
        if (v[i] < least) least = v[i];
    return least;
}

/* The group, or NULL when there is nothing to answer. */
static struct quantile *answerable(sqlite3_context *ctx) {
    struct quantile *q = sqlite3_aggregate_context(ctx, 0);

    return q && !q->failed && q->n > 0 ? q : NULL;
}

static void finish(sqlite3_context *ctx) {
    struct quantile *q = sqlite3_aggregate_context(ctx, 0);

    if (!q) return;
    sqlite3_free(q->values);
    q->values = NULL;
}

static void cont_final(sqlite3_context *ctx) {
    const struct quantile *q = answerable(ctx);
    double r = 0, low = 0, d = 0, above = 0;
    size_t lo = 0, hi = 0;

    if (q) {
        r = (double)(q->n - 1) * q->p;
        low = floor(r);
        lo = (size_t)low;
        hi = (size_t)ceil(r);
        d = r - low;
        place(q->values, q->n, lo);
        if (hi > lo) above = smallest(q->values + hi, q->n - hi);
        sqlite3_result_double(ctx, hi > lo ? q->values[lo] * (1.0 - d) + above * d : q->values[lo]);
    }
    finish(ctx);
}

static void disc_final(sqlite3_context *ctx) {
    const struct quantile *q = answerable(ctx);
    double n = 0;
    size_t from_end = 0, at = 0;

    if (q) {
        n = (double)q->n;
        from_end = (size_t)floor(n - n * q->p);
        at = q->n > from_end ? q->n - from_end - 1 : 0;
        place(q->values, q->n, at);
        if (q->integers) {
            sqlite3_result_int64(ctx, (int64_t)q->values[at]);
        } else {
            sqlite3_result_double(ctx, q->values[at]);
        }
    }
    finish(ctx);
}

#define QUANTILE_FLAGS (SQLITE_DETERMINISTIC | SQLITE_INNOCUOUS | SELFORDER1)

static const struct tarn_function functions[] = {
    {.help = {"percentile_cont", "aggregate", "(x, p)", "REAL",
              "The value below which the fraction p of the group's numbers lies, interpolated "
              "between neighbours. SQL's percentile_cont(p) WITHIN GROUP (ORDER BY x).",
              "SELECT method, percentile_cont(duration_ms, 0.95) FROM events GROUP BY method"},
     .min_args = 2,
     .max_args = 2,
     .flags = QUANTILE_FLAGS,
     .step = quantile_step,
     .final = cont_final},
    {.help = {"quantile_cont", "aggregate", "(x, p)", "REAL",
              "The same as percentile_cont, under DuckDB's name.",
              "SELECT quantile_cont(duration_ms, 0.5) FROM events"},
     .min_args = 2,
     .max_args = 2,
     .flags = QUANTILE_FLAGS,
     .step = quantile_step,
     .final = cont_final},
    {.help = {"percentile_disc", "aggregate", "(x, p)", "a value of the group",
              "The smallest value of the group that at least the fraction p of its numbers do not "
              "exceed; never interpolated.",
              "SELECT percentile_disc(status_code, 0.5) FROM events"},
     .min_args = 2,
     .max_args = 2,
     .flags = QUANTILE_FLAGS,
     .step = quantile_step,
     .final = disc_final},
};

const struct tarn_family tarn_family_quantile = {functions, TARN_COUNT(functions), NULL, 0};
