/* sqlite.h: how layers from lake/ upwards reach SQLite: through the loadable extension's API table
** in tarn.so, directly in libtarn.a (built with -DSQLITE_CORE). Only ext/tarn.c defines the table. */
#ifndef TARN_SQLITE_H
#define TARN_SQLITE_H

#include <sqlite3ext.h>

SQLITE_EXTENSION_INIT3

#include "err.h"

/* The one place where TARN_E* become SQLITE_* codes: ENOMEM -> NOMEM, EINTR -> INTERRUPT, EFULL -> FULL,
** EBUSY -> BUSY, EACCES -> PERM, ECORRUPT -> CORRUPT_VTAB, EIO -> IOERR, else ERROR. */
int tarn_sqlite_code(int code);
/* Makes a TARN_E* and a message from what sqlite3_errmsg(db) says; `what` names the step. */
int tarn_err_sqlite(struct tarn_err *err, sqlite3 *db, int rc, const char *what);

#endif
