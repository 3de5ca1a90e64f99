/* delta_file.h: changes of one collection, or the rows that it began with, as a Parquet file of the
** lake. Every column is UTF8; data and prev are JSON (value.h) and may be NULL:
**
**   delta   op, pk, ts, data, prev, bookmark     in the order of the changes
**   base    pk, ts, data, bookmark               in the order of pk
**
** ts is the commit's time, YYYY-MM-DDTHH:MM:SS.mmmZ. Statistics and page statistics on pk, ts and
** bookmark, a bloom filter on pk; ZSTD.
*/
#ifndef TARN_CDC_DELTA_FILE_H
#define TARN_CDC_DELTA_FILE_H

#include "record.h"
#include "source.h"

enum tarn_delta_kind { TARN_DELTA_CHANGES, TARN_DELTA_BASE };

struct tarn_delta_file; /* handle: open, add …, finish, free */

int tarn_delta_file_open(struct tarn_delta_file **out, enum tarn_delta_kind kind,
                         const struct tarn_sink *sink, struct tarn_err *err);
/* Sticky errors; finish says what it was. */
int tarn_delta_file_add(struct tarn_delta_file *f, const struct tarn_definition *d,
                        const struct tarn_change *c, const char *ts, const char *bookmark);
/* Is pk of the row added last after (1), equal to (0) or before (-1) that of the row before it? 1 for
** the first row. Of a base only. */
int tarn_delta_file_order(const struct tarn_delta_file *f);
/* Adds a footer key, e.g. tarn.ranges. */
void tarn_delta_file_meta(struct tarn_delta_file *f, const char *key, const char *value);
uint64_t tarn_delta_file_rows(const struct tarn_delta_file *f);
int tarn_delta_file_finish(struct tarn_delta_file *f, struct tarn_err *err);
void tarn_delta_file_free(struct tarn_delta_file *f); /* NULL is fine; without finish: abandoned */

#endif
