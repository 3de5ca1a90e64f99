/* place.h: an object of a collection at its key, when another one may be there already.
**
**   delta   the same entry's           as it is: whoever began the entry had come that far
**           an aborted entry's         replaced, if it still is that one
**           anything else              an error that names both
**   base    a later bookmark's         as it is
**           an earlier one's           replaced, if it still is that one
**
** Nothing is deleted: what takes the place of a withdrawn delta is a file without rows, put if the
** delta is still there, so that a process that comes late never removes what has replaced it.
*/
#ifndef TARN_CDC_PLACE_H
#define TARN_CDC_PLACE_H

#include "flush_log.h"
#include "output.h"

#define TARN_RANGES_MAX 256

/* The footer key tarn.ranges: which entry a file is of. */
void tarn_place_ranges(char out[TARN_RANGES_MAX], const struct tarn_log *log,
                       const struct tarn_log_entry *e);
int tarn_place_delta(struct tarn_output *o, const char *key, const struct tarn_log *log,
                     const struct tarn_log_entry *e, struct tarn_err *err);
int tarn_place_base(struct tarn_output *o, const char *key, const struct tarn_log *log,
                    const char *bookmark, struct tarn_err *err);
/* The delta at key, if it is of entry e: its rows are gone afterwards. */
int tarn_place_withdraw(const char *key, const struct tarn_log *log, const struct tarn_log_entry *e,
                        struct tarn_err *err);

#endif
