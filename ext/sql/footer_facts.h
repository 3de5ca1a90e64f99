/* footer_facts.h: what a Parquet footer says, as SQL shows it. */
#ifndef TARN_FOOTER_FACTS_H
#define TARN_FOOTER_FACTS_H

#include "footer.h"
#include "sqlite.h"

/* First and last ts of an event file: its metadata, else the statistics of ts. 1, or 0 when neither
** says so. */
int tarn_footer_times(const struct tarn_pq_footer *f, int64_t *lo, int64_t *hi);
/* A PLAIN-encoded statistics value of a column: numbers as numbers, timestamps and dates as text,
** text as text, other bytes as a BLOB. */
void tarn_result_stat(sqlite3_context *ctx, const struct tarn_pq_column *col,
                      struct tarn_slice value);

#endif
