/* deliver_changes.h: changes of rows on their way from the flusher to the lake (deliver.h):
**
**   cdc/{namespace}/{collection}/deltas/{NNN}_{YYYY-MM-DD}T{HH-MM}[-t{timeline}].parquet
**   cdc/{namespace}/{collection}/data.parquet      what the collection held when it began
**   cdc/{namespace}/{collection}/manifest.json
**
** NNN: the sequence of the collection's first commit in the entry, at least three digits; the time is
** that commit's, UTC; the timeline, 8 hex digits, stands there unless it is 0.
*/
#ifndef TARN_CDC_DELIVER_CHANGES_H
#define TARN_CDC_DELIVER_CHANGES_H

/* Once at load; more often is fine. */
void tarn_deliver_changes_register(void);

#endif
