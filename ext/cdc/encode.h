/* encode.h: the objects of a collection, written from a run of commits and put. Memory is bounded by a
** row group and the longest row, whatever the commits hold.
*/
#ifndef TARN_CDC_ENCODE_H
#define TARN_CDC_ENCODE_H

#include "plan.h"

int tarn_encode_delta(const struct tarn_deliver_plan *p, const struct tarn_plan_collection *c,
                      const struct tarn_log *log, const struct tarn_log_entry *e, const char *key,
                      struct tarn_err *err);
int tarn_encode_base(const struct tarn_deliver_plan *p, const struct tarn_plan_base *base,
                     const struct tarn_log *log, const struct tarn_log_entry *e, const char *key,
                     struct tarn_err *err);
/* {"epoch":1,"bookmark":"…","table":"users","rowid":false,"key":["id"],
**  "columns":[{"name":"id","affinity":"INTEGER"}]} */
void tarn_encode_definition(struct tarn_buf *b, const struct tarn_definition *d,
                            const char *bookmark);

#endif
