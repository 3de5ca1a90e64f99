/* scan_lake.h: lakes for tests of the scan: files of many shapes in a folder, and the rows they
** hold as a plain array, which is what scans are compared with. */
#ifndef TARN_SCAN_LAKE_H
#define TARN_SCAN_LAKE_H

#include "lake.h"
#include "scan.h"

#define LAKE_HOUR INT64_C(1770040800000) /* 2026-02-02 14:00:00 */
#define LAKE_TEXT 24

struct lake_row {
    int64_t ts;
    int id;           /* stands in payload: {"id":N} */
    int file;         /* number of its file in the lake */
    uint32_t present; /* TARN_EV_BIT of what a scan must return */
    char text[TARN_EV_COLUMNS][LAKE_TEXT];
    int verified;
    int64_t status; /* as written; a scan returns it when present says so */
    double duration;
    char extra[128]; /* "" = NULL */
};

enum lake_ts { LAKE_TS_MS, LAKE_TS_US, LAKE_TS_NS, LAKE_TS_PLAIN, LAKE_TS_TEXT, LAKE_TS_KINDS };
enum lake_status {
    LAKE_STATUS_INT32,
    LAKE_STATUS_INT64,
    LAKE_STATUS_DOUBLE,
    LAKE_STATUS_TEXT,
    LAKE_STATUS_KINDS
};
enum lake_duration {
    LAKE_DURATION_DOUBLE,
    LAKE_DURATION_CAMEL,
    LAKE_DURATION_FLOAT,
    LAKE_DURATION_INT64,
    LAKE_DURATION_KINDS
};

struct lake_style {
    enum lake_ts ts;
    enum lake_status status;
    enum lake_duration duration;
    int optional_ts;
    int upper_names;  /* TYPE, SOURCE … */
    int bare_text;    /* BYTE_ARRAY without a logical type */
    int int_verified; /* INT32 0/1 */
    int with_extra;   /* a column `note` */
    uint32_t missing; /* TARN_EV_BIT of columns that the file doesn't have */
    uint32_t row_group_rows, page_rows;
};

struct lake_fixture {
    char folder[64];
    struct tarn_lake *lake;
    struct lake_row *rows;
    int n_rows, cap_rows;
    char **keys;
    int n_keys;
    uint64_t random;
};

void lake_init(struct lake_fixture *f, uint64_t seed);
void lake_release(struct lake_fixture *f); /* removes the folder too */
uint32_t lake_random(struct lake_fixture *f, uint32_t n);

/* Adds n rows with random values, ts within [lo, hi]; returns the first one's number. */
int lake_add_rows(struct lake_fixture *f, int n, int64_t lo, int64_t hi, int sorted);
/* Writes rows [first, first + n) as a file; adjusts `present` and `extra` to what a scan gives. */
void lake_put_parquet(struct lake_fixture *f, const char *key, const struct lake_style *style,
                      int first, int n);
void lake_put_jsonl(struct lake_fixture *f, const char *key, int first, int n);
void lake_put_bytes(struct lake_fixture *f, const char *key, const void *data, size_t n);
/* The bytes of a file of rows, appended to out. */
void lake_encode(struct lake_fixture *f, const struct lake_style *style, int first, int n,
                 struct tarn_buf *out);

/* Checks every column of the scan's current row (those in `columns`) against the row that its
** payload names, and its file; returns the row's number. */
int lake_check_row(struct lake_fixture *f, struct tarn_scan *s, uint32_t columns);
/* Does a row satisfy p? Written apart from the code under test. */
int lake_matches(const struct lake_row *r, const struct tarn_predicate *p);
void lake_spec(const struct lake_fixture *f,
               struct tarn_scan_spec *spec); /* all columns, no predicate */

#endif
