/* db_sync.h: the flusher's own connections to the database file: one to sync it, which never reads and so
** never holds a lock; and short-lived ones to read it in WAL mode, where a reader disturbs nobody.
**
** A reader is closed as soon as it has read: a connection that has read a WAL database keeps others from
** cleaning up when they close. Both are closed by SQLite, which keeps POSIX locks of this process on
** the same file (a plain close() would drop them).
*/
#ifndef TARN_DB_SYNC_H
#define TARN_DB_SYNC_H

#include "db.h"

/* Makes what was committed durable, so that the lake is never ahead of the disk. */
int tarn_db_sync(struct tarn_db *d, struct tarn_err *err);
/* A connection to read the outbox with (sqlite3_close), or NULL when the database isn't in WAL mode. */
sqlite3 *tarn_db_reader(const struct tarn_db *d);

#endif
