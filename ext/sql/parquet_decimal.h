/* parquet_decimal.h: the order of decimals as text. */
#ifndef TARN_PARQUET_DECIMAL_H
#define TARN_PARQUET_DECIMAL_H

#include <stddef.h>
#include <stdint.h>

/* <0, 0, >0: a total order over all texts, the one of the collation tarn_decimal. */
int tarn_decimal_compare(const char *a, size_t na, const char *b, size_t nb);

#endif
