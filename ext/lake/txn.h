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
/* As tarn_txn_begin, for changes of the application's own tables: a lake that can't be named now is no
** reason to refuse them, since the outbox keeps them. */
int tarn_txn_begin_capture(struct tarn_conn *c, void *owner, struct tarn_err *err);
/* The transaction has no changes after all. */
int tarn_txn_drop_changes(struct tarn_conn *c, struct tarn_err *err);
/* Adds an event (copied). The caller has checked its values. */
int tarn_txn_event(struct tarn_conn *c, const struct tarn_event *ev, struct tarn_err *err);
/* Adds 'T' and 'R' records, framed (payload.h); `changes` = how many of them are 'R's. */
int tarn_txn_change(struct tarn_conn *c, const uint8_t *records, size_t n, unsigned changes,
                    struct tarn_err *err);
/* Adds a 'B' record; its file lies in the spool folder and is the transaction's from now on: removed
** when it is undone. */
int tarn_txn_base(struct tarn_conn *c, const uint8_t *record, size_t n, struct tarn_err *err);
/* Bytes of changes so far: what was added at or beyond this offset is gone after a ROLLBACK TO. */
uint64_t tarn_txn_changes_len(const struct tarn_conn *c);
int tarn_txn_sync(struct tarn_conn *c, struct tarn_err *err);
void tarn_txn_commit(struct tarn_conn *c);
void tarn_txn_rollback(struct tarn_conn *c);
int tarn_txn_savepoint(struct tarn_conn *c, void *owner, int n, struct tarn_err *err);
void tarn_txn_release(struct tarn_conn *c, int n);
int tarn_txn_rollback_to(struct tarn_conn *c, int n, struct tarn_err *err);

#endif
