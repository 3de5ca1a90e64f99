/* parquet_bind.h: the conditions of a query become what one file can decide.
**
** A condition and a file give one of three: predicates, nothing (SQLite decides it, as it decides
** all of them again anyway), or that no row of the file can match.
*/
#ifndef TARN_PARQUET_BIND_H
#define TARN_PARQUET_BIND_H

#include "cell_number.h"
#include "parquet_scan.h"

/* A condition that xBestIndex took, with its values. */
struct tarn_pqt_condition {
    int column;
    char op;                /* enum tarn_pqt_op */
    char constant;          /* the right side has no affinity of its own */
    sqlite3_value **values; /* owned copies: one, or those of IN without NULLs */
    int n;
};

struct tarn_pqt_conditions {
    struct tarn_pqt_condition *items;
    int n;
    uint64_t used;       /* SQLite's colUsed */
    sqlite3_int64 rowid; /* the one row asked for; -1 = all */
    int64_t limit;       /* rows that the query may ask for; -1 = all */
    int64_t offset;      /* rows to leave out; then there is no condition */
    int none;            /* no row can match */
};

/* Reads a plan of parquet_plan.c with the arguments of xFilter. */
int tarn_pqt_conditions_read(struct tarn_pqt_conditions *c, const char *plan, int argc,
                             sqlite3_value **argv, struct tarn_err *err);
void tarn_pqt_conditions_release(struct tarn_pqt_conditions *c);

/* *skip = 1 when the file's name, or its folders, rule all of it out. */
int tarn_pqt_bind_names(struct tarn_pqt_scan *s, size_t file, int *skip, struct tarn_err *err);
/* Fills s->predicates for the open file; *skip = 1 when no row of it can match. */
int tarn_pqt_bind_conditions(struct tarn_pqt_scan *s, int *skip, struct tarn_err *err);

/* parquet_bound.c. A whole number of any size: big-endian two's complement. */
struct tarn_pqt_number {
    uint8_t bytes[TARN_DECIMAL_BYTES];
};
void tarn_pqt_number_set(struct tarn_pqt_number *n, int64_t v);
int tarn_pqt_number_fits(const struct tarn_pqt_number *n, size_t len); /* into len bytes */
int64_t tarn_pqt_number_int(const struct tarn_pqt_number *n);          /* its last 8 bytes */

/* Where a text stands among the texts of a column's numbers: *at is the smallest number whose text
** is not below it, *exact that this is its very text. 0, or -1: it can't be said. */
int tarn_pqt_bound(const struct tarn_pq_column *col, enum tarn_pqt_kind kind, const char *s,
                   size_t n, struct tarn_pqt_number *at, int *exact);
/* Does every value of the column have a text of the usual form, as the statistics have it? */
int tarn_pqt_all_printed(const struct tarn_pq_footer *f, int leaf, enum tarn_pqt_kind kind);

#endif
