/* txn.h: the one buffer of what the current transaction has to deliver.
**
**   xBegin ─► event, event … ─► xSync: the whole of it goes to the outbox, in the same transaction
**              ▲        │                 │
**              └─ xSavepoint/xRollbackTo  ├─ xCommit: handed to the flusher
**                                         └─ xRollback: forgotten
**
** Virtual tables that are written call these from the methods of the same name, with themselves as
** `owner`; several tables of one transaction share the buffer, and the calls are idempotent across
** them. Up to 16 MiB stay in memory; beyond, rows go to a temporary file, which a savepoint can
** truncate.
*/
#ifndef TARN_TXN_H
#define TARN_TXN_H

#include "conn.h"

int tarn_txn_begin(struct tarn_conn *c, void *owner, struct tarn_err *err);
/* Adds an event (copied). The caller has checked its values. */
int tarn_txn_event(struct tarn_conn *c, const struct tarn_event *ev, struct tarn_err *err);
int tarn_txn_sync(struct tarn_conn *c, struct tarn_err *err);
void tarn_txn_commit(struct tarn_conn *c);
void tarn_txn_rollback(struct tarn_conn *c);
int tarn_txn_savepoint(struct tarn_conn *c, void *owner, int n, struct tarn_err *err);
void tarn_txn_release(struct tarn_conn *c, int n);
int tarn_txn_rollback_to(struct tarn_conn *c, int n, struct tarn_err *err);

#endif
