/* parquet_nested.h: groups, lists and leaves inside them, for the batch a scan stands in.
**
** A column is read when it is first asked for in a batch, for the rows that are left of it.
*/
#ifndef TARN_PARQUET_NESTED_H
#define TARN_PARQUET_NESTED_H

#include "nested.h"
#include "parquet_table.h"

struct tarn_pqt_nested {        /* one column of the open file */
    struct tarn_nested *reader; /* of `group`; NULL until it is asked for */
    int group;
    int read; /* `vector` is of the current batch */
    struct tarn_vector vector;
};

/* The value of row `row` of the batch, which lies in row group `group`. */
int tarn_pqt_nested_result(struct tarn_pqt_nested *n, const struct tarn_nested_spec *spec,
                           const struct tarn_pqt_binding *binding,
                           const struct tarn_pq_batch *batch, uint32_t row,
                           struct tarn_arena *arena, sqlite3_context *ctx, struct tarn_err *err);
void tarn_pqt_nested_release(struct tarn_pqt_nested *n);

#endif
