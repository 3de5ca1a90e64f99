/* batch.h: the rows of a run of commits, by partition: what one entry of the flush log delivers.
**
** A partition is a root and an hour. Rows in line become one object per partition; each spool file
** is an object of its own. Keys follow from (database, timeline, entry, partition or file name), so
** whoever completes an entry writes the same objects.
*/
#ifndef TARN_BATCH_H
#define TARN_BATCH_H

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
};

/* From the commits of `first` up to and including `last`; borrows their payloads. */
int tarn_batch_make(struct tarn_batch *out, const struct tarn_commit *first, uint64_t last,
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

#endif
