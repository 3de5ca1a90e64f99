/* parquet_plan.h: what xBestIndex of a table `parquet` tells xFilter, as text.
**
**   0000000000000007|2=c;0i;5n;
**   colUsed in hex   then per argument: column, operator, `c` when the right side is a constant
*/
#ifndef TARN_PARQUET_PLAN_H
#define TARN_PARQUET_PLAN_H

#include "parquet_table.h"

enum tarn_pqt_op { /* as the plan writes them */
                   TARN_PQT_EQ = '=',
                   TARN_PQT_NE = '!',
                   TARN_PQT_LT = '<',
                   TARN_PQT_LE = '{',
                   TARN_PQT_GT = '>',
                   TARN_PQT_GE = '}',
                   TARN_PQT_IS = 's',
                   TARN_PQT_IN = 'i',
                   TARN_PQT_IS_NULL = 'n',
                   TARN_PQT_NOT_NULL = 'v',
                   TARN_PQT_GLOB = 'g',
                   TARN_PQT_LIKE = 'k',
                   TARN_PQT_ROWID = 'r',
                   TARN_PQT_LIMIT = 'l', /* rows that the query stops after, if nothing else does */
                   TARN_PQT_OFFSET = 'o' /* rows that the table leaves out */
};

/* The kinds whose values compare as numbers, and as text by their bytes. */
int tarn_pqt_is_number(enum tarn_pqt_kind kind);
int tarn_pqt_is_text(enum tarn_pqt_kind kind);

int tarn_pqt_best_index(sqlite3_vtab *vtab, sqlite3_index_info *info);

#endif
