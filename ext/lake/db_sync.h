/* db_sync.h: the flusher's own connection to the database file: to sync it, and to read it in WAL mode,
** where a reader disturbs nobody.
**
** Opened lazily, read-only, never armed. It takes no lock unless it reads; and it is closed by
** SQLite, which keeps POSIX locks of this process on the same file (a plain close() would drop them).
*/
#ifndef TARN_DB_SYNC_H
#define TARN_DB_SYNC_H

#include "db.h"

/* Makes what was committed durable, so that the lake is never ahead of the disk. */
int tarn_db_sync(struct tarn_db *d, struct tarn_err *err);
/* A connection to read the outbox with, or NULL when the database isn't in WAL mode. */
sqlite3 *tarn_db_reader(struct tarn_db *d);

#endif
