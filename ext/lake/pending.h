/* pending.h: read your writes: events that are committed but not in the lake yet, and those of
** this connection's open transaction, each exactly once.
**
** Order matters: 1. tarn_pending_open copies the pending rows' positions, 2. the caller lists the lake, 3.
** tarn_pending_settle looks at the flush log and decides object by object whether its rows come
** from the outbox or from the lake. An object that the listing holds (or a compacted file names)
** comes from the lake; one that it doesn't hold comes from the outbox.
*/
#ifndef TARN_PENDING_H
#define TARN_PENDING_H

#include "catalog.h"
#include "event.h"

struct tarn_conn;
struct tarn_pending;

/* Rows of `prefix` in `namespace` with lo <= ts <= hi only. *out is NULL when there are none and none can be. */
int tarn_pending_open(struct tarn_pending **out, struct tarn_conn *conn, const char *namespace_,
                      const char *prefix, int64_t lo, int64_t hi, struct tarn_err *err);
/* After the listing: sets the state of the catalog's files that must not be read to
** TARN_FILE_PENDING, and drops pending rows that the catalog's files hold. NULL p is fine. */
int tarn_pending_settle(struct tarn_pending *p, struct tarn_catalog *c, struct tarn_err *err);
/* The next row: *more = 0 at the end. Slices stay valid until tarn_pending_free. */
int tarn_pending_next(struct tarn_pending *p, struct tarn_event *ev, int *more,
                      struct tarn_err *err);
/* Opens the bytes of a file that tarn_pending_settle added: the spool file, or the object that it
** has become meanwhile. */
int tarn_pending_source(struct tarn_pending *p, const struct tarn_file *f, struct tarn_source *out,
                        struct tarn_err *err);
void tarn_pending_free(struct tarn_pending *p);

#endif
