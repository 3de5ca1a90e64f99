/* tracking.h: which tables are tracked: beginning and ending it. */
#ifndef TARN_CDC_TRACKING_H
#define TARN_CDC_TRACKING_H

#include "conn.h"

/* Tracks main's table from the open transaction on (its own one when none is open): a row in
** `_tarn_collections`, the entry "track" in the chain, and the rows it has, read once, as the
** collection's base. Changes of the options of a table that is tracked are made so too; with the same
** options nothing happens. The write lock is
** held while the base is read. `options` may be NULL. *name = "namespace/collection" (tarn_free). */
int tarn_cdc_track(struct tarn_conn *c, const char *table, const char *options, char **name,
                   struct tarn_err *err);
/* Ends it: an entry "untrack"; what was delivered stays. TARN_ENOTFOUND when it isn't tracked. */
int tarn_cdc_untrack(struct tarn_conn *c, const char *table, struct tarn_err *err);
/* The namespace of collections without one of their own: cdcNamespace, else namespace, else the
** database file's stem. */
int tarn_cdc_namespace(struct tarn_conn *c, char **out, struct tarn_err *err);
/* Writes the rows of the table as they are now into a spool file, in the order of pk, and appends its 'B'
** record to `record`; *digest as hex and *rows for the entry. */
struct tarn_collection;
int tarn_base_write(struct tarn_conn *c, struct tarn_collection *t, struct tarn_buf *record,
                    char digest[65], uint64_t *rows, struct tarn_err *err);

/* Gives the connection _tarn_pk, by which bases are sorted. SQLITE_*. */
int tarn_base_register(sqlite3 *db);

#endif
