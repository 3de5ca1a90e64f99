/* parquet_bind.c */
#include "parquet_bind.h"

int tarn_pqt_bind_names(struct tarn_pqt_scan *s, size_t file, int *skip, struct tarn_err *err) {
    (void)s;
    (void)file;
    (void)err;
    *skip = 0;
    return TARN_OK;
}
int tarn_pqt_bind_conditions(struct tarn_pqt_scan *s, int *skip, struct tarn_err *err) {
    (void)s;
    (void)err;
    *skip = 0;
    s->n_predicates = 0;
    return TARN_OK;
}
