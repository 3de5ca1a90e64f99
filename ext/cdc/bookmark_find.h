/* bookmark_find.h: which bookmark is the newest, now or at a time. */
#ifndef TARN_CDC_BOOKMARK_FIND_H
#define TARN_CDC_BOOKMARK_FIND_H

#include "bookmark.h"
#include "conn.h"

/* The last transaction of main that the connection can see. out = "" when there is none. */
int tarn_bookmark_last(struct tarn_conn *c, char out[TARN_BOOKMARK + 1], struct tarn_err *err);
/* The newest one at or before `ms`: of the outbox, else of the flush log; for a database that has
** delivered nothing itself, of the deltas of `namespace_`. "" when there is none. Transactions of
** events alone count while they wait; what the log keeps are those with changes of rows, and the first
** of each entry. */
int tarn_bookmark_at(struct tarn_conn *c, const char *namespace_, int64_t ms,
                     char out[TARN_BOOKMARK + 1], struct tarn_err *err);

#endif
