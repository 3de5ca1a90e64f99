/* batch.h: what one entry of the flush log delivers: the events of a run of commits by partition, and
** its changes of rows, which are made into objects behind deliver.h.
**
** A partition is a root and an hour. Rows in line become one object per partition; each spool file
** is an object of its own. Keys follow from (database, timeline, entry, partition or file name), so
** whoever completes an entry writes the same objects.
*/
#ifndef TARN_BATCH_H
#define TARN_BATCH_H

#include "deliver.h"
#include "flush_log.h"
#include "payload.h"

struct tarn_batch_row {
    int64_t ts;
    uint32_t root;
    uint32_t order;        /* position in the batch */
    const uint8_t *record; /* into the commits' payloads */
    uint32_t len;
};

struct tarn_batch {
    struct tarn_batch_row *rows; /* sorted by root, ts, order */
    size_t n_rows;
    struct tarn_spool_file *spools;
    size_t n_spools;
    char **roots;
    size_t n_roots;
    struct tarn_slice prefix, namespace_; /* of the last row added */
    struct tarn_deliver_plan *changes;    /* NULL = there are none */
};

/* From the commits of the run; borrows their payloads. TARN_ENOTFOUND: a file of changes is gone. */
int tarn_batch_make(struct tarn_batch *out, const struct tarn_deliver_run *run,
                    struct tarn_err *err);
void tarn_batch_release(struct tarn_batch *b);
/* End (exclusive) of the partition that begins at row i. */
size_t tarn_batch_partition(const struct tarn_batch *b, size_t i);
/* Fills e->objects for this batch; e->n and e->time are set already. */
int tarn_batch_objects(const struct tarn_batch *b, const struct tarn_log *log,
                       struct tarn_log_entry *e, struct tarn_err *err);
/* Is this key one that the entry's commits can make? (The log is untrusted.) */
int tarn_batch_makes(const struct tarn_log *log, const struct tarn_log_entry *e,
                     const struct tarn_log_object *o);
/* Puts every object of the entry, if absent. `spool_folder` holds the spool files. */
int tarn_batch_put(const struct tarn_batch *b, const struct tarn_log *log,
                   const struct tarn_log_entry *e, const char *spool_folder, struct tarn_err *err);
/* After the entry is done. */
int tarn_batch_finish(const struct tarn_batch *b, const struct tarn_log *log,
                      const struct tarn_log_entry *e, struct tarn_err *err);
/* The same for an entry that somebody else has ended: the run is read only if that is needed. */
int tarn_batch_catch_up(const struct tarn_deliver_run *run, const struct tarn_log *log,
                        const struct tarn_log_entry *e, struct tarn_err *err);
/* Takes back what an aborted entry's commits have put: only keys that they can make are touched,
** whatever the entry says. */
void tarn_batch_withdraw(const struct tarn_log *log, const struct tarn_log_entry *e);

#endif
