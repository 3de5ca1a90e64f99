/* spool.h: the events of a large transaction, written as finished Parquet files beside the database
** before the transaction commits; the outbox then carries only their names.
**
** Folder: `{database file}-spool`. A file is fsynced before the commit that names it; files that no
** commit names (a crash, a rollback) are swept, only while the write lock is held. The flusher links
** or copies them into the lake as they are.
*/
#ifndef TARN_SPOOL_H
#define TARN_SPOOL_H

#include "payload.h"
#include "source.h"
#include "spill.h"

/* What goes into the files' `tarn.ranges`. */
struct tarn_spool_origin {
    const char *database; /* its id */
    uint64_t sequence;
};

/* Where a record begins, and its ts: what sorting needs to know of it. */
struct tarn_spool_place {
    int64_t ts;
    uint64_t offset;
};

/* The rows of a transaction: 'E' records, back to back, and the places of the first of them, none of
** which names a prefix or namespace. The others are read to find theirs. */
struct tarn_spool_rows {
    const struct tarn_spill *bytes;
    const struct tarn_spool_place *places;
    size_t n_places;
};

/* Encodes the `rows`, sorted by partition and ts, into files in
** `folder` (made if missing), one or more per partition; appends their 'S' records to `records`.
** On failure nothing is left behind. */
int tarn_spool_write(const char *folder, const struct tarn_spool_rows *rows,
                     const struct tarn_spool_origin *origin, struct tarn_buf *records,
                     struct tarn_err *err);
/* Removes the files that the records of a payload name. Errors are of no consequence. */
void tarn_spool_remove(const char *folder, const uint8_t *payload, size_t n);
/* Removes those of events alone. */
void tarn_spool_remove_events(const char *folder, const uint8_t *payload, size_t n);
/* Are there any? */
int tarn_spool_any(const char *folder);
/* Removes every spool file that `named` (records, back to back) doesn't name. */
void tarn_spool_sweep(const char *folder, const uint8_t *named, size_t n);
/* Opens one for reading, by its path. */
int tarn_spool_source(const char *path, struct tarn_source *out, struct tarn_err *err);

#endif
