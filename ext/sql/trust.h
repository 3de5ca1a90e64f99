/* trust.h: whether a lake that a database file names may be reached (DESIGN section 9).
**
** A table `events('uri')` is stored in the database, which may come from a stranger. Its lake is
** opened only when this process named the URI itself: by tarn_open, by the CREATE VIRTUAL TABLE
** statement that is running, in TARN_LAKE, or when ~/.config/tarn/trusted lists it.
*/
#ifndef TARN_TRUST_H
#define TARN_TRUST_H

#include "conn.h"

/* The process named this URI. Remembered until it ends. */
int tarn_trust_named(const char *uri, struct tarn_err *err);
/* Is a CREATE VIRTUAL TABLE of `table` running on this connection? */
int tarn_trust_creating(sqlite3 *db, const char *table);
/* 0, or TARN_EACCES with what to do. */
int tarn_trust_check(const char *table, const char *uri, struct tarn_err *err);

#endif
