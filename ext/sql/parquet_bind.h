/* parquet_bind.h: the conditions of a query become what one file can decide. */
#ifndef TARN_PARQUET_BIND_H
#define TARN_PARQUET_BIND_H

#include "parquet_scan.h"

/* A condition that xBestIndex took, with its values. */
struct tarn_pqt_condition {
    int column;
    char op;                /* enum tarn_pqt_op */
    int constant;           /* the right side is a constant: it has no affinity of its own */
    sqlite3_value **values; /* owned copies: one, several of IN, none of IS NULL */
    int n;
};

/* *skip = 1 when the file's name, or its folders, rule all of it out. */
int tarn_pqt_bind_names(struct tarn_pqt_scan *s, size_t file, int *skip, struct tarn_err *err);
/* Fills s->predicates for the open file; *skip = 1 when no row of it can match. */
int tarn_pqt_bind_conditions(struct tarn_pqt_scan *s, int *skip, struct tarn_err *err);

#endif
