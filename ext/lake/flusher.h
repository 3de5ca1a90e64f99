/* flusher.h: takes commits from a database's queue to the lake, exactly once (DESIGN section 6).
**
** One delivery = one entry of the flush log: written if absent, its objects put if absent, ended.
** Any number of processes may deliver the same database at once: the log decides. When the digests
** of the log aren't those of the commits here, this database file is another history (a copy, a
** restored backup): what is shared stays on the timeline, the rest goes to a child timeline.
*/
#ifndef TARN_FLUSHER_H
#define TARN_FLUSHER_H

#include "db.h"

/* Delivers everything in the queue (and, with `source`, everything in the outbox), in as many
** entries as needed. `source` is a connection to read the outbox with, and `view` its view of it; or
** both NULL. *events counts what went out (may be NULL). */
int tarn_flusher_run(struct tarn_db *d, sqlite3 *source, struct tarn_outbox *view, int64_t *events,
                     struct tarn_err *err);
/* tarn_flusher_run without a connection. */
int tarn_flusher_drain(struct tarn_db *d, int64_t *events, struct tarn_err *err);
/* When the next automatic flush is due, in ms of tarn_time_monotonic; INT64_MAX = not at all.
** Under d->mutex. Due: the oldest commit is timeThresholdMs old; or maxBufferSize events wait; or
** countThreshold events wait and the last flush is timeThresholdMs ago (so that a steady stream
** makes one file per threshold, and a burst after a pause goes out at once). */
int64_t tarn_flusher_due(const struct tarn_db *d);
/* One automatic flush if it is due; what the thread does. Returns 1 if one was tried. */
int tarn_flusher_step(struct tarn_db *d);
/* Under d->mutex: starts the thread if there is work for it and it isn't running; wakes it. */
void tarn_flusher_wake(struct tarn_db *d);
/* Stops the thread and waits for it: for the object that is being written, not for all that waits. */
void tarn_flusher_stop(struct tarn_db *d);
/* Around fork(): the threads finish the step they are in (two seconds at most) and stand still. */
void tarn_flusher_before_fork(void);
void tarn_flusher_after_fork(int child);

#endif
