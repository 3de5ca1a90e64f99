/* measure.h: what the two runners share, so that both engines are timed and printed alike.
**
**   RUNNER [-n REPEATS] [-p] [engine's options] SQL
**
** REPEATS > 1: one run to warm up, then REPEATS timed ones (fewer once a minute has passed). All
** rows are fetched every time; -p prints those of the first run: columns separated by tabs, NULL as
** `NULL`, booleans as 0 and 1, doubles with 17 digits, times as `YYYY-MM-DD HH:MM:SS.SSS`. The last
** line, on standard error, is `first_ms median_ms rows rss_kb`.
*/
#ifndef TARN_MEASURE_H
#define TARN_MEASURE_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

#define MEASURE_MAX 100
#define MEASURE_SECONDS 60.0

struct measure {
    int repeats;
    int print;
    int runs; /* done so far, the warm-up included */
    double first;
    double ms[MEASURE_MAX];
    double spent;
    double began;
    uint64_t rows;
};

static inline double measure_now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1000.0 + (double)t.tv_nsec / 1e6;
}

/* "-n" takes a number from 1 to 99. */
static inline int measure_repeats(const char *text) {
    char *end = NULL;
    long n = strtol(text, &end, 10);
    if (*end != '\0' || n < 1 || n >= MEASURE_MAX) {
        fprintf(stderr, "expected -n with a number from 1 to %d, found '%s'\n", MEASURE_MAX - 1,
                text);
        exit(2);
    }
    return (int)n;
}

/* Is there another run to do? Starts its clock. */
static inline int measure_next(struct measure *m) {
    int wanted = m->repeats > 1 ? m->repeats + 1 : 1;
    if (m->runs >= wanted || (m->runs > 1 && m->spent > MEASURE_SECONDS * 1000.0)) return 0;
    m->rows = 0;
    m->began = measure_now();
    return 1;
}

/* Is this the run whose rows -p prints? */
static inline int measure_printing(const struct measure *m) {
    return m->print && m->runs == 0;
}

static inline void measure_done(struct measure *m) {
    double ms = measure_now() - m->began;
    m->spent += ms;
    if (m->runs == 0) m->first = ms;
    if (m->runs > 0) m->ms[m->runs - 1] = ms;
    m->runs++;
}

static inline int measure_compare(const void *a, const void *b) {
    double x = *(const double *)a;
    double y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static inline void measure_report(struct measure *m) {
    struct rusage usage;
    int n = m->runs - 1;
    double median = m->first;
    if (n > 0) {
        qsort(m->ms, (size_t)n, sizeof *m->ms, measure_compare);
        median = m->ms[n / 2];
    }
    getrusage(RUSAGE_SELF, &usage);
    fprintf(stderr, "%.2f %.2f %llu %ld\n", m->first, median, (unsigned long long)m->rows,
            usage.ru_maxrss);
}

#endif
