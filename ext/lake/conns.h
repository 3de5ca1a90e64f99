/* conns.h: the connections of this process that have Tarn, found by their SQLite handle. For the C API: a
** statement would do too, but it would replace the error that sqlite3_errmsg tells. */
#ifndef TARN_CONNS_H
#define TARN_CONNS_H

#include "conn.h"

void tarn_conns_add(struct tarn_conn *c);
void tarn_conns_remove(struct tarn_conn *c);
/* Borrowed: valid as long as the caller may use `db`. NULL = it has no Tarn, or another copy of it. */
struct tarn_conn *tarn_conns_find(const sqlite3 *db);

/* Calls `call` for each but `but`; none of them goes away meanwhile. They may be in use by other threads:
** `call` takes their SQLite mutex first, without waiting for it. */
void tarn_conns_each(const struct tarn_conn *but, void (*call)(struct tarn_conn *c, void *arg),
                     void *arg);

#endif
