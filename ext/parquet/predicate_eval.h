/* predicate_eval.h: what predicate.c, predicate_filter.c and filescan_prune.c share. */
#ifndef TARN_PREDICATE_EVAL_H
#define TARN_PREDICATE_EVAL_H

#include "predicate.h"

int tarn_pred_unsigned(const struct tarn_pq_column *col);
enum tarn_const_kind tarn_pred_kind(const struct tarn_pq_column *col);
uint32_t tarn_pred_count(const struct tarn_predicate *p); /* of its constants */

#endif
