/* resync.h: what a table holds and its collection doesn't know, made good.
**
**   table, by pk (SQLite's sorter) ──┐
**                                    ├─ compared, row by row ─► entry "resync", missing changes
**   state.h: the collection, by pk ──┘
**
** One transaction of its own: an entry of the chain {"entry":"resync","inserted":n,"updated":n,
** "deleted":n}, then an insert, update or delete for each pk whose row differs. Replayed, the changes
** then give what the table holds. The write lock is held meanwhile.
*/
#ifndef TARN_CDC_RESYNC_H
#define TARN_CDC_RESYNC_H

#include "conn.h"
#include "format.h"

struct tarn_resync;

/* Does all of it. TARN_EINVAL inside a transaction; TARN_ENOTFOUND when the table is not tracked. */
int tarn_resync_open(struct tarn_resync **out, struct tarn_conn *c, const char *table,
                     int (*interrupted)(void *), void *interrupted_arg, struct tarn_err *err);
/* The changes that were missing, by pk. op is enum tarn_op; pk is valid until the next call. */
int tarn_resync_next(struct tarn_resync *r, int *op, struct tarn_slice *pk, int *more,
                     struct tarn_err *err);
void tarn_resync_free(struct tarn_resync *r); /* NULL is fine */

#endif
